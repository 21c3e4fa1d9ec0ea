#include "b64url.h"

#include "t.h"

/* RFC 4648 section 10, without padding, and the two letters that differ. */
static void
writes_and_reads(void)
{
	static const struct {
		const char *plain, *text;
	} row[] = {
		{ "", "" },
		{ "f", "Zg" },
		{ "fo", "Zm8" },
		{ "foo", "Zm9v" },
		{ "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" },
		{ "foobar", "Zm9vYmFy" },
		{ "\xfb\xff\xfe", "-__-" },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct buf b = { 0 };
		uint8_t out[16];
		size_t n;

		t_note("%s", row[i].text);
		buf_adds(&b, "x"); /* appends */
		b64url_add(&b, str_of(row[i].plain));
		CHECK_STR(str_n(b.data + 1, b.len - 1), row[i].text);
		CHECK(b64url_decode(str_of(row[i].text), out, sizeof out, &n));
		CHECK_STR(str_n(out, n), row[i].plain);
		/* Not a byte of room too little. */
		CHECK(b64url_decode(str_of(row[i].text), out,
		    strlen(row[i].plain), &n));
		if (n > 0)
			CHECK(!b64url_decode(str_of(row[i].text), out,
			    strlen(row[i].plain) - 1, &n));
		buf_fini(&b);
	}
}

static void
refuses_other_texts(void)
{
	static const char *const bad[] = { "Z", "Zm9vY", "Zg==", "Zm8=", "Zm+v",
		"Zm/v", "Zm 9", "Zm9v\n", " Zm9v", "Zh", "Zm9", "Zm9vYmF",
		"\xc3\xa9" };
	uint8_t out[16];
	size_t n;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		t_note("%s", bad[i]);
		CHECK(!b64url_decode(str_of(bad[i]), out, sizeof out, &n));
	}
	CHECK(!b64url_decode(STR("Zm\0v"), out, sizeof out, &n));
}

/* Each byte by itself, at each place of a group. */
static void
knows_its_letters(void)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                              "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t out[16];
	size_t n;

	for (int c = 0; c < 256; c++)
		for (size_t at = 0; at < 4; at++) {
			char text[] = "AAAA";

			text[at] = (char)c;
			t_note("byte %#x at %zu", (unsigned)c, at);
			CHECK_I(b64url_decode(str_n(text, 4), out, sizeof out,
			            &n),
			    c != 0 && strchr(letters, c) != NULL);
		}
}

int
main(void)
{
	T_RUN(writes_and_reads);
	T_RUN(knows_its_letters);
	T_RUN(refuses_other_texts);
	return t_done();
}
