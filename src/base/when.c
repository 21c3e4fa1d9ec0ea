/* Calendar arithmetic of our own: the C library's depends on the zone of the
 * process and shares its results between threads. */
#include "when.h"

enum { YEAR_MAX = 9999 }; /* RFC 3339, 5.6: four digits */

#define DAY_MS INT64_C(86400000)

/* Days since 1970-01-01 of a date of the Gregorian calendar.  The year begins
 * in March, so that the leap day is its last. */
static int64_t
days_of(int64_t year, unsigned month, unsigned day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t year_of_era = y - era * 400;
	int64_t march_month = (month + 9) % 12;
	int64_t day_of_year = (153 * march_month + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
	    year_of_era / 100 + day_of_year;

	return era * 146097 + day_of_era - 719468;
}

static void
date_of(int64_t days, int *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097; /* day of the era */
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t march_month = (5 * doy + 2) / 153;

	*day = (unsigned)(doy - (153 * march_month + 2) / 5 + 1);
	*month =
	    (unsigned)(march_month < 10 ? march_month + 3 : march_month - 9);
	*year = (int)(yoe + era * 400 + (*month <= 2));
}

/* v with n digits and what follows them; the place behind. */
static char *
put_digits(char *at, unsigned v, unsigned n, char after)
{
	for (unsigned i = n; i-- > 0; v /= 10)
		at[i] = (char)('0' + v % 10);
	at[n] = after;
	return at + n + 1;
}

size_t
when_format(int64_t unix_ms, char out[WHEN_TEXT_MAX])
{
	const int64_t min = days_of(0, 1, 1) * DAY_MS;
	const int64_t max = days_of(YEAR_MAX + 1, 1, 1) * DAY_MS - 1;
	int64_t days, ms;
	unsigned month, day, rest;
	char *at = out;
	int year;

	if (unix_ms < min)
		unix_ms = min;
	if (unix_ms > max)
		unix_ms = max;
	days = unix_ms / DAY_MS;
	ms = unix_ms % DAY_MS;
	if (ms < 0) {
		ms += DAY_MS;
		days--;
	}
	date_of(days, &year, &month, &day);
	rest = (unsigned)ms;
	at = put_digits(at, (unsigned)year, 4, '-');
	at = put_digits(at, month, 2, '-');
	at = put_digits(at, day, 2, 'T');
	at = put_digits(at, rest / 3600000, 2, ':');
	at = put_digits(at, rest / 60000 % 60, 2, ':');
	at = put_digits(at, rest / 1000 % 60, 2, '.');
	at = put_digits(at, rest % 1000, 3, 'Z');
	*at = '\0';
	return (size_t)(at - out);
}

void
when_put(struct json_writer *w, int64_t unix_ms)
{
	char text[WHEN_TEXT_MAX];

	json_put_str(w, str_n(text, when_format(unix_ms, text)));
}

void
when_put_or_null(struct json_writer *w, int64_t unix_ms)
{
	if (unix_ms > 0)
		when_put(w, unix_ms);
	else
		json_put_null(w);
}

/* Exactly n digits off the front of s. */
static bool
digits(struct str *s, size_t n, unsigned *ret)
{
	unsigned v = 0;

	if (s->n < n)
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned d = (unsigned)(unsigned char)s->p[i] - '0';

		if (d > 9)
			return false;
		v = v * 10 + d;
	}
	*ret = v;
	*s = str_n(s->p + n, s->n - n);
	return true;
}

/* One of two characters. */
static bool
letter(struct str *s, const char any_of[2])
{
	if (s->n == 0 || (s->p[0] != any_of[0] && s->p[0] != any_of[1]))
		return false;
	*s = str_n(s->p + 1, s->n - 1);
	return true;
}

static unsigned
days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31,
		30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

static bool
parse_date(struct str *s, int64_t *days)
{
	unsigned year, month, day;

	if (!digits(s, 4, &year) || !letter(s, "--") || !digits(s, 2, &month) ||
	    !letter(s, "--") || !digits(s, 2, &day))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > days_in(year, month))
		return false;
	*days = days_of(year, month, day);
	return true;
}

/* To milliseconds; what is finer is cut off. */
static bool
parse_fraction(struct str *s, int64_t *ms)
{
	unsigned digit, scale = 100;

	*ms = 0;
	if (!letter(s, ".."))
		return true;
	if (!digits(s, 1, &digit))
		return false;
	do {
		*ms += digit * scale;
		scale /= 10;
	} while (digits(s, 1, &digit));
	return true;
}

static bool
parse_clock(struct str *s, int64_t *ms)
{
	unsigned hour, minute, second;
	int64_t fraction;

	if (!digits(s, 2, &hour) || !letter(s, "::") ||
	    !digits(s, 2, &minute) || !letter(s, "::") ||
	    !digits(s, 2, &second) || !parse_fraction(s, &fraction))
		return false;
	if (hour > 23 || minute > 59 || second > 59)
		return false;
	*ms = (int64_t)hour * 3600000 + (int64_t)minute * 60000 +
	    (int64_t)second * 1000 + fraction;
	return true;
}

static bool
parse_offset(struct str *s, int64_t *ms)
{
	bool west = s->n > 0 && s->p[0] == '-';
	unsigned hour, minute;

	*ms = 0;
	if (letter(s, "Zz"))
		return true;
	if (!letter(s, "+-") || !digits(s, 2, &hour) || !letter(s, "::") ||
	    !digits(s, 2, &minute) || hour > 23 || minute > 59)
		return false;
	*ms = ((int64_t)hour * 60 + minute) * (west ? -60000 : 60000);
	return true;
}

bool
when_parse(struct str s, int64_t *unix_ms)
{
	int64_t days, clock, offset;

	if (!parse_date(&s, &days) || !letter(&s, "Tt") ||
	    !parse_clock(&s, &clock) || !parse_offset(&s, &offset) || s.n > 0)
		return false;
	*unix_ms = days * DAY_MS + clock - offset;
	return true;
}

void
when_ago(int64_t unix_ms, int64_t now_ms, struct buf *out)
{
	static const struct {
		uint64_t seconds;
		const char *name;
	} unit[] = {
		{ 365 * 86400, "year" },
		{ 30 * 86400, "month" },
		{ 86400, "day" },
		{ 3600, "hour" },
		{ 60, "minute" },
		{ 1, "second" },
	};
	bool future = unix_ms > now_ms;
	/* As unsigned: the difference of two int64_t may be no int64_t. */
	uint64_t s = (future ? (uint64_t)unix_ms - (uint64_t)now_ms :
	                       (uint64_t)now_ms - (uint64_t)unix_ms) /
	    1000;
	size_t i = 0;
	uint64_t n;

	if (s < 10) {
		buf_adds(out, "just now");
		return;
	}
	while (s < unit[i].seconds)
		i++;
	n = s / unit[i].seconds;
	buf_addf(out, "%s%llu %s%s%s", future ? "in " : "",
	    (unsigned long long)n, unit[i].name, n == 1 ? "" : "s",
	    future ? "" : " ago");
}

bool
when_duration(struct str s, uint64_t *seconds)
{
	static const struct {
		char letter;
		uint64_t seconds;
	} unit[] = { { 's', 1 }, { 'm', 60 }, { 'h', 3600 }, { 'd', 86400 } };
	uint64_t v;

	if (s.n < 2 || !str_u64(str_n(s.p, s.n - 1), &v))
		return false;
	for (size_t i = 0; i < sizeof unit / sizeof *unit; i++)
		if (s.p[s.n - 1] == unit[i].letter &&
		    v <= UINT64_MAX / unit[i].seconds) {
			*seconds = v * unit[i].seconds;
			return true;
		}
	return false;
}
