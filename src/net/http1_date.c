/* HTTP dates (RFC 9110, 5.6.7), without locale and time zone. */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http1.h"

static const char days[7][4] = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri",
	"Sat" };
static const char months[12][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
	"Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };

enum { DATE_CHARS = 29 };

void
http1_date(int64_t unix_s, char out[30])
{
	time_t t = (time_t)unix_s;
	struct tm tm;

	/* Years beyond four digits do not fit the form. */
	if (unix_s < 0 || unix_s > 253402300799 || gmtime_r(&t, &tm) == NULL) {
		t = 0;
		(void)gmtime_r(&t, &tm);
	}
	/* The remainders change nothing; they tell the compiler the width. */
	if (snprintf(out, 30, "%s, %02u %s %04u %02u:%02u:%02u GMT",
	        days[tm.tm_wday], (unsigned)tm.tm_mday % 100, months[tm.tm_mon],
	        (unsigned)(tm.tm_year + 1900) % 10000,
	        (unsigned)tm.tm_hour % 100, (unsigned)tm.tm_min % 100,
	        (unsigned)tm.tm_sec % 100) != DATE_CHARS)
		out[0] = '\0';
}

static bool
digits(const char *p, size_t n, int *ret)
{
	uint64_t v;

	if (!str_u64(str_n(p, n), &v))
		return false;
	*ret = (int)v;
	return true;
}

static int
month_of(const char *p)
{
	for (int i = 0; i < 12; i++)
		if (memcmp(p, months[i], 3) == 0)
			return i;
	return -1;
}

bool
http1_date_parse(struct str s, int64_t *unix_s)
{
	struct tm tm = { 0 };
	char again[30];

	if (s.n != DATE_CHARS || !digits(s.p + 5, 2, &tm.tm_mday) ||
	    !digits(s.p + 12, 4, &tm.tm_year) ||
	    !digits(s.p + 17, 2, &tm.tm_hour) ||
	    !digits(s.p + 20, 2, &tm.tm_min) ||
	    !digits(s.p + 23, 2, &tm.tm_sec))
		return false;
	tm.tm_mon = month_of(s.p + 8);
	tm.tm_year -= 1900;
	if (tm.tm_mon < 0 || tm.tm_year < 70)
		return false;
	*unix_s = timegm(&tm);
	/* Writing it again asks for the weekday, the calendar and each sign. */
	http1_date(*unix_s, again);
	return memcmp(again, s.p, DATE_CHARS) == 0;
}

int64_t
http1_retry_after(const struct http1_head *h, int64_t now_s)
{
	struct str after = http1_field_get(h, "retry-after");
	uint64_t seconds;
	int64_t at_s, its_s;

	if (str_u64(after, &seconds) && seconds <= INT32_MAX)
		return (int64_t)seconds;
	if (!http1_date_parse(after, &at_s))
		return -1;
	if (http1_date_parse(http1_field_get(h, "date"), &its_s))
		now_s = its_s;
	return at_s > now_s ? at_s - now_s : 0;
}
