/* Runs a command and prints the most memory that it held, in KiB:
 *
 *	peak COMMAND [ARG...]
 *
 * A program of its own, and a small one: what a process held before it became
 * the command counts as the command's. */
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

int
main(int argc, char **argv)
{
	posix_spawn_file_actions_t act;
	struct rusage use;
	int pid, status = 1;

	if (argc < 2 || posix_spawn_file_actions_init(&act) != 0 ||
	    posix_spawn_file_actions_addopen(&act, 1, "/dev/null", O_WRONLY,
	        0) != 0 ||
	    posix_spawn(&pid, argv[1], &act, NULL, argv + 1, environ) != 0)
		return 1;
	(void)posix_spawn_file_actions_destroy(&act);
	if (wait4(pid, &status, 0, &use) != pid || status != 0)
		return 1;
	printf("%ld\n", use.ru_maxrss);
	return 0;
}
