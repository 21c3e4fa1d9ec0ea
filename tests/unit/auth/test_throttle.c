#include "throttle.h"

#include <stdio.h>

#include "fault.h"
#include "t.h"

static const struct throttle_rule rule = {
	.burst = 3,
	.wait_min_ms = 1000,
	.wait_max_ms = 8000,
	.forget_ms = 60000,
	.slots = 4,
};

static struct throttle *
make(void)
{
	struct throttle *t = NULL;
	struct err_info e = { 0 };

	CHECK_OK(throttle_new(&t, &rule, &e), &e);
	return t;
}

static void
fail_once(struct throttle *t, const char *key, int64_t now_ms)
{
	struct err_info e = { 0 };

	CHECK_OK(throttle_take(t, str_of(key), now_ms, &e), &e);
}

static void
doubles_after_the_burst(void)
{
	static const int64_t wait[] = { 0, 0, 0, 1000, 2000, 4000, 8000, 8000 };
	struct throttle *t = make();
	int64_t now = 500;

	CHECK_I(throttle_wait(t, STR("ann"), now), 0);
	for (size_t i = 0; i < sizeof wait / sizeof wait[0]; i++) {
		t_note("failure %zu", i + 1);
		fail_once(t, "ann", now);
		CHECK_I(throttle_wait(t, STR("ann"), now), wait[i]);
		CHECK_I(throttle_wait(t, STR("bob"), now), 0);
		if (wait[i] > 0)
			CHECK_I(throttle_wait(t, STR("ann"), now + wait[i] - 1),
			    1);
		now += wait[i];
		CHECK_I(throttle_wait(t, STR("ann"), now), 0);
	}
	throttle_free(t);
}

static void
forgets(void)
{
	struct throttle *t = make();

	for (int i = 0; i < 10; i++)
		fail_once(t, "ann", 0);
	CHECK(throttle_wait(t, STR("ann"), 0) > 0);
	CHECK_I(throttle_wait(t, STR("ann"), rule.forget_ms), 0);
	fail_once(t, "ann", rule.forget_ms);
	CHECK_I(throttle_wait(t, STR("ann"), rule.forget_ms), 0);
	throttle_free(t);
}

static void
forgives_success(void)
{
	struct throttle *t = make();

	for (int i = 0; i < 5; i++)
		fail_once(t, "ann", 0);
	throttle_forgive(t, STR("ann"), true);
	CHECK_I(throttle_wait(t, STR("ann"), 0), 0);
	CHECK_U(throttle_count(t), 0);

	/* An address: the attempt is taken back, the ones before it stay. */
	for (int i = 0; i < 5; i++)
		fail_once(t, "net", 0);
	throttle_forgive(t, STR("net"), false);
	CHECK_I(throttle_wait(t, STR("net"), 0), 0);
	fail_once(t, "net", 0);
	CHECK_I(throttle_wait(t, STR("net"), 0), 2000);
	/* Good sign-ins alone leave nothing behind. */
	fail_once(t, "good", 0);
	throttle_forgive(t, STR("good"), false);
	CHECK_U(throttle_count(t), 1);
	throttle_forgive(t, STR("unknown"), false);
	throttle_free(t);
}

/* A hundred guesses sent at once, none answered yet, are a hundred. */
static void
counts_attempts_under_way(void)
{
	struct throttle *t = make();
	int begun = 0;

	for (int i = 0; i < 100; i++)
		if (throttle_wait(t, STR("ann"), 7) == 0) {
			fail_once(t, "ann", 7);
			begun++;
		}
	CHECK_I(begun, rule.burst + 1);
	throttle_free(t);
}

static void
stays_small_in_a_flood(void)
{
	struct throttle *t = make();
	char key[32];

	for (int i = 0; i < 10; i++)
		fail_once(t, "ann", 0);
	for (int i = 0; i < 100000; i++) {
		(void)snprintf(key, sizeof key, "10.0.%d.%d", i / 256, i % 256);
		fail_once(t, key, 1);
		if (i % 2 == 0)
			fail_once(t, "ann", 1); /* touched: does not give way */
		if (throttle_count(t) > rule.slots)
			break;
	}
	CHECK_U(throttle_count(t), rule.slots);
	CHECK_I(throttle_wait(t, STR("ann"), 1), rule.wait_max_ms);
	/* The one longest untouched gave way. */
	CHECK_I(throttle_wait(t, STR("10.0.0.0"), 1), 0);
	throttle_free(t);
}

static void
lives_with_a_clock_set_back(void)
{
	struct throttle *t = make();

	for (int i = 0; i < 10; i++)
		fail_once(t, "ann", 1000000);
	CHECK_I(throttle_wait(t, STR("ann"), 0), rule.wait_max_ms);
	throttle_free(t);
}

static void
rounds_retry_after_up(void)
{
	CHECK_U(throttle_retry_after_s(1), 1);
	CHECK_U(throttle_retry_after_s(1000), 1);
	CHECK_U(throttle_retry_after_s(1001), 2);
	CHECK_U(throttle_retry_after_s(60000), 60);
}

static void
names_addresses(void)
{
	static const struct {
		const char *in, *out;
	} row[] = {
		{ "127.0.0.1", "127.0.0.1" },
		{ "::ffff:10.1.2.3", "10.1.2.3" },
		{ "2001:db8:1:2:3:4:5:6", "2001:0db8:0001:0002::/64" },
		{ "2001:db8:1:2::", "2001:0db8:0001:0002::/64" },
		{ "::1", "0000:0000:0000:0000::/64" },
		{ "fe80::1%eth0", "fe80::1%eth0" },
		{ "", "" },
		{ "unix", "unix" },
	};
	char out[THROTTLE_ADDRESS_MAX], long_text[200];

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%s", row[i].in);
		CHECK_STR(str_n(out, throttle_address(str_of(row[i].in), out)),
		    row[i].out);
	}
	memset(long_text, 'a', sizeof long_text);
	CHECK_U(throttle_address(str_n(long_text, sizeof long_text), out),
	    THROTTLE_ADDRESS_MAX);
}

static void
survives_every_failed_allocation(void)
{
	int n = 0;

	do {
		struct throttle *t = NULL;
		struct err_info e = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = throttle_new(&t, &rule, &e);
		for (int i = 0; i < 20 && rc == ERR_OK; i++) {
			char key = (char)('a' + i);

			rc = throttle_take(t, str_n(&key, 1), i, &e);
		}
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
		throttle_free(t);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 3);
	throttle_free(NULL);
}

int
main(void)
{
	T_RUN(doubles_after_the_burst);
	T_RUN(forgets);
	T_RUN(forgives_success);
	T_RUN(counts_attempts_under_way);
	T_RUN(stays_small_in_a_flood);
	T_RUN(lives_with_a_clock_set_back);
	T_RUN(rounds_retry_after_up);
	T_RUN(names_addresses);
	T_RUN(survives_every_failed_allocation);
	return t_done();
}
