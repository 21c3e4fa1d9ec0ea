/* Wall time: to text and back. */
#include "when.h"

#include <time.h>

#include "t.h"

static const struct {
	struct str text;
	int64_t ms;
} times[] = {
	{ STR_INIT("1970-01-01T00:00:00.000Z"), 0 },
	{ STR_INIT("1970-01-01T00:00:00.001Z"), 1 },
	{ STR_INIT("1969-12-31T23:59:59.999Z"), -1 },
	{ STR_INIT("2026-04-28T10:30:00.123Z"), 1777372200123 },
	{ STR_INIT("2000-02-29T23:59:59.000Z"), 951868799000 },
	{ STR_INIT("2100-03-01T00:00:00.000Z"), 4107542400000 },
	{ STR_INIT("1900-02-28T00:00:00.000Z"), -2203977600000 },
	{ STR_INIT("0000-01-01T00:00:00.000Z"), -62167219200000 },
	{ STR_INIT("9999-12-31T23:59:59.999Z"), 253402300799999 },
};

static void
formats_and_parses(void)
{
	char text[WHEN_TEXT_MAX];
	int64_t ms;

	for (size_t i = 0; i < sizeof times / sizeof *times; i++) {
		t_note("%.*s", STR_ARG(times[i].text));
		CHECK_U(when_format(times[i].ms, text), times[i].text.n);
		CHECK_EQ(str_of(text), times[i].text);
		CHECK(when_parse(times[i].text, &ms));
		CHECK_I(ms, times[i].ms);
	}
}

static void
formats_the_ends_of_time(void)
{
	char text[WHEN_TEXT_MAX];

	CHECK_U(when_format(INT64_MAX, text), 24);
	CHECK_STR(str_of(text), "9999-12-31T23:59:59.999Z");
	CHECK_U(when_format(INT64_MIN, text), 24);
	CHECK_STR(str_of(text), "0000-01-01T00:00:00.000Z");
}

/* Against the C library, over all the years that it and we know. */
static void
agrees_with_the_library(void)
{
	struct t_rng r = { t_seed() };

	for (int run = 0; run < 20000; run++) {
		int64_t s = (int64_t)t_below(&r, 315569519999) - 62167219200;
		time_t t = (time_t)s;
		char want[64], got[WHEN_TEXT_MAX];
		struct tm tm;
		int64_t ms;

		t_note("seed %llu run %d: %lld", (unsigned long long)t_seed(),
		    run, (long long)s);
		CHECK(gmtime_r(&t, &tm) != NULL);
		CHECK(strftime(want, sizeof want, "-%m-%dT%H:%M:%S.000Z", &tm));
		(void)when_format(s * 1000, got);
		CHECK_STR(str_of(got + 4), want);
		CHECK(when_parse(str_of(got), &ms));
		CHECK_I(ms, s * 1000);
	}
}

static void
parses_what_others_write(void)
{
	static const struct {
		struct str text;
		int64_t ms;
	} row[] = {
		{ STR_INIT("2026-04-28T10:30:00Z"), 1777372200000 },
		{ STR_INIT("2026-04-28t10:30:00z"), 1777372200000 },
		{ STR_INIT("2026-04-28T12:30:00+02:00"), 1777372200000 },
		{ STR_INIT("2026-04-28T05:00:00-05:30"), 1777372200000 },
		{ STR_INIT("2026-04-28T10:30:00-00:00"), 1777372200000 },
		{ STR_INIT("2026-04-28T10:30:00.1Z"), 1777372200100 },
		{ STR_INIT("2026-04-28T10:30:00.12Z"), 1777372200120 },
		{ STR_INIT("2026-04-28T10:30:00.123456+00:00"), 1777372200123 },
		{ STR_INIT("2026-04-28T10:30:00.999999999999999999Z"),
		    1777372200999 },
		{ STR_INIT("2024-02-29T00:00:00Z"), 1709164800000 },
		{ STR_INIT("0000-01-01T00:00:00+23:59"), -62167305540000 },
	};
	int64_t ms;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%.*s", STR_ARG(row[i].text));
		CHECK(when_parse(row[i].text, &ms));
		CHECK_I(ms, row[i].ms);
	}
}

static void
refuses_nonsense(void)
{
	static const char *const row[] = { "", "2026", "2026-04-28",
		"2026-04-28T10:30:00", "2026-04-28 10:30:00Z",
		"2026-04-28T10:30Z", "2026-04-28T10:30:00.Z",
		"2026-04-28T10:30:00,5Z", "2026-04-28T10:30:00ZZ",
		"2026-04-28T10:30:00Z ", " 2026-04-28T10:30:00Z",
		"2026-00-28T10:30:00Z", "2026-13-28T10:30:00Z",
		"2026-04-00T10:30:00Z", "2026-04-31T10:30:00Z",
		"2026-02-29T10:30:00Z", "1900-02-29T10:30:00Z",
		"2026-04-28T24:00:00Z", "2026-04-28T10:60:00Z",
		"2026-04-28T10:30:60Z", "2016-12-31T23:59:60Z",
		"2026-04-28T10:30:00+24:00", "2026-04-28T10:30:00+01:60",
		"2026-04-28T10:30:00+0100", "2026-04-28T10:30:00+01",
		"2026-04-28T10:30:00 Z", "+026-04-28T10:30:00Z",
		"2026-4-28T10:30:00Z", "20260428T103000Z",
		"12026-04-28T10:30:00Z", "2026-04-28T-1:30:00Z" };
	int64_t ms = 5;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i]);
		CHECK(!when_parse(str_of(row[i]), &ms));
		CHECK_I(ms, 5);
	}
}

static void
ago(void)
{
	static const struct {
		int64_t seconds;
		const char *past, *future;
	} row[] = {
		{ 0, "just now", "just now" },
		{ 9, "just now", "just now" },
		{ 10, "10 seconds ago", "in 10 seconds" },
		{ 59, "59 seconds ago", "in 59 seconds" },
		{ 60, "1 minute ago", "in 1 minute" },
		{ 179, "2 minutes ago", "in 2 minutes" },
		{ 3599, "59 minutes ago", "in 59 minutes" },
		{ 3600, "1 hour ago", "in 1 hour" },
		{ 86399, "23 hours ago", "in 23 hours" },
		{ 86400, "1 day ago", "in 1 day" },
		{ 3 * 86400, "3 days ago", "in 3 days" },
		{ 30 * 86400, "1 month ago", "in 1 month" },
		{ 365 * 86400, "1 year ago", "in 1 year" },
		{ 800 * 86400, "2 years ago", "in 2 years" },
	};
	const int64_t now = 1777372200123;
	struct buf b = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		buf_reset(&b);
		when_ago(now - row[i].seconds * 1000, now, &b);
		CHECK_STR(buf_str(&b), row[i].past);
		buf_reset(&b);
		when_ago(now + row[i].seconds * 1000, now, &b);
		CHECK_STR(buf_str(&b), row[i].future);
	}
	buf_reset(&b);
	when_ago(INT64_MIN, INT64_MAX, &b);
	CHECK_STR(buf_str(&b), "584942417 years ago");
	buf_fini(&b);
}

static void
durations(void)
{
	static const char *const bad[] = { "", "s", "5", "5 m", " 5m", "5m ",
		"-5m", "+5m", "5M", "5w", "1h30m", "0.5h", "5ms",
		"99999999999999999999s", "18446744073709551615m" };
	uint64_t v = 0;

	CHECK(when_duration(STR("15s"), &v));
	CHECK_U(v, 15);
	CHECK(when_duration(STR("30m"), &v));
	CHECK_U(v, 1800);
	CHECK(when_duration(STR("2h"), &v));
	CHECK_U(v, 7200);
	CHECK(when_duration(STR("7d"), &v));
	CHECK_U(v, 604800);
	CHECK(when_duration(STR("0s"), &v));
	CHECK_U(v, 0);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		t_note("%s", bad[i]);
		CHECK(!when_duration(str_of(bad[i]), &v));
	}
}

int
main(void)
{
	T_RUN(formats_and_parses);
	T_RUN(formats_the_ends_of_time);
	T_RUN(agrees_with_the_library);
	T_RUN(parses_what_others_write);
	T_RUN(refuses_nonsense);
	T_RUN(ago);
	T_RUN(durations);
	return t_done();
}
