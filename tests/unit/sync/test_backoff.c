/* The wait doubles to its bound and is spread over the whole of it. */
#include "backoff.h"

#include "t.h"

static void
doubles_to_a_bound(void)
{
	static const struct {
		unsigned tries;
		uint64_t max;
	} rows[] = { { 0, 500 }, { 1, 1000 }, { 2, 2000 }, { 5, 16000 },
		{ 6, 30000 }, { 7, 30000 }, { 100, 30000 },
		{ 4000000000u, 30000 } };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t_note("tries %u", rows[i].tries);
		CHECK_U(backoff_ms(rows[i].tries, 0), 0);
		CHECK_U(backoff_ms(rows[i].tries, rows[i].max), rows[i].max);
		CHECK_U(backoff_ms(rows[i].tries, rows[i].max + 1), 0);
	}
}

static void
uses_the_whole_range(void)
{
	struct t_rng r = { t_seed() };
	unsigned low = 0, high = 0;

	for (int i = 0; i < 1000; i++) {
		uint64_t ms = backoff_ms(6, t_rand(&r));

		CHECK(ms <= 30000);
		low += ms < 10000;
		high += ms > 20000;
	}
	CHECK(low > 250 && high > 250);
}

int
main(void)
{
	T_RUN(doubles_to_a_bound);
	T_RUN(uses_the_whole_range);
	return t_done();
}
