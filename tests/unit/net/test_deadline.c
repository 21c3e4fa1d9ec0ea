#include "deadline.h"
#include "t.h"

enum { SHORT = 1, LONG = 2 };

static struct deadlines d;

static void
setup(void)
{
	deadlines_init(&d);
	d.ms[SHORT] = 10;
	d.ms[LONG] = 100;
}

static void
expire_in_order(void)
{
	struct deadline a = { 0 }, b = { 0 }, c = { 0 };

	setup();
	CHECK_U(deadlines_next(&d), UINT64_MAX);
	deadline_start(&d, &a, LONG, 1000);
	deadline_start(&d, &b, SHORT, 1001);
	deadline_start(&d, &c, SHORT, 1005);
	CHECK_U(deadlines_next(&d), 1011);
	CHECK(deadlines_oldest(&d, SHORT) == &b);
	CHECK(deadlines_expired(&d, 1010) == NULL);
	CHECK(deadlines_expired(&d, 1011) == &b);
	CHECK(deadlines_expired(&d, 1011) == NULL);
	CHECK_U(deadlines_next(&d), 1015);
	CHECK(deadlines_expired_of(&d, LONG, 1099) == NULL);
	CHECK(deadlines_expired_of(&d, LONG, 1100) == &a);
	deadline_start(&d, &a, LONG, 1000);
	CHECK(deadlines_expired(&d, 5000) == &c);
	CHECK(deadlines_expired(&d, 5000) == &a);
	CHECK(deadlines_expired(&d, 5000) == NULL);
	CHECK_U(deadlines_next(&d), UINT64_MAX);
}

static void
start_again_and_stop(void)
{
	struct deadline a = { 0 }, b = { 0 };

	setup();
	deadline_start(&d, &a, SHORT, 0);
	deadline_start(&d, &b, SHORT, 1);
	deadline_start(&d, &a, SHORT, 2); /* now behind b */
	CHECK(deadlines_oldest(&d, SHORT) == &b);
	deadline_stop(&b);
	deadline_stop(&b);
	CHECK_U(deadlines_next(&d), 12);
	deadline_start(&d, &a, LONG, 3); /* another kind */
	CHECK(deadlines_oldest(&d, SHORT) == NULL);
	CHECK_U(deadlines_next(&d), 103);
	deadline_stop(&a);
	CHECK_U(deadlines_next(&d), UINT64_MAX);
}

int
main(void)
{
	T_RUN(expire_in_order);
	T_RUN(start_again_and_stop);
	return t_done();
}
