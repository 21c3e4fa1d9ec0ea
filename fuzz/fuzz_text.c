/* Covers text_* and when_parse.  What must hold: normal form and slug are fixed
 * points; what is shown is UTF-8 without control characters and as wide as was
 * said; a fitted text has exactly the columns asked for; a time that was read
 * is written and read as the same. */
#include <stdlib.h>

#include "text.h"
#include "when.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
fixed_point(struct str s, void (*fn)(struct str s, struct buf *out))
{
	struct buf once = { 0 }, twice = { 0 };

	fn(s, &once);
	fn(buf_str(&once), &twice);
	must(text_valid(buf_str(&once)));
	must(str_eq(buf_str(&once), buf_str(&twice)));
	buf_fini(&once);
	buf_fini(&twice);
}

static void
shown(struct str s)
{
	struct buf b = { 0 };

	text_show(s, false, &b);
	must(text_valid(buf_str(&b)));
	must(text_width(buf_str(&b)) == text_width(s));
	for (size_t i = 0; i < b.len; i++)
		must((uint8_t)b.data[i] >= 0x20 && b.data[i] != 0x7f);
	for (size_t columns = 0; columns < 12; columns++) {
		buf_reset(&b);
		text_fit(s, columns, true, &b);
		must(text_width(buf_str(&b)) == columns);
	}
	buf_fini(&b);
}

static void
time_again(struct str s)
{
	char text[WHEN_TEXT_MAX];
	int64_t ms, again;

	if (!when_parse(s, &ms))
		return;
	must(when_parse(str_n(text, when_format(ms, text)), &again));
	/* An offset can carry a time out of the years that can be written. */
	must(again == ms ||
	    (s.n > 4 &&
	        (str_starts(s, STR("0000-01-01")) ||
	            str_starts(s, STR("9999-12-31")))));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str s = str_n(data, size);

	fixed_point(s, text_normalise);
	fixed_point(s, text_slug);
	shown(s);
	time_again(s);
	return 0;
}
