#include "clock.h"

#include <errno.h>
#include <time.h>

#include "os_int.h"

/* The clocks that POSIX asks for cannot fail with a valid pointer. */
static struct timespec
read_clock(clockid_t id)
{
	struct timespec t = { 0 };

	(void)clock_gettime(id, &t);
	return t;
}

int64_t
os_wall_ms(void)
{
	struct timespec t = read_clock(CLOCK_REALTIME);

	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

uint64_t
os_mono_ns(void)
{
	struct timespec t = read_clock(CLOCK_MONOTONIC);

	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t
os_mono_ms(void)
{
	return os_mono_ns() / 1000000;
}

uint64_t
os_boot_ms(void)
{
	return sys_boot_ns() / 1000000;
}

void
os_rest_ms(uint32_t ms)
{
	struct timespec t = { .tv_sec = ms / 1000,
		.tv_nsec = (long)(ms % 1000) * 1000000 };

	(void)nanosleep(&t, NULL); /* only a signal ends it early */
}

enum err
os_random(void *p, size_t n, struct err_info *e)
{
	if (sys_random(p, n) != 0)
		return err_sys(e, errno, "random bytes");
	return ERR_OK;
}
