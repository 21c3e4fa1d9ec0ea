/* Ids: every spelling, the order of the normal forms, versions 5 and 7. */
#include "id.h"
#include "t.h"

static struct eid
parsed(const char *z)
{
	struct eid id = { 0 };

	CHECK(eid_parse(str_of(z), &id));
	return id;
}

static void
spellings_have_one_normal_form(void)
{
	static const struct {
		const char *in, *normal;
	} rows[] = {
		{ "0190B5C2-7A3F-7000-8000-0123456789AB",
		    "0190b5c2-7a3f-7000-8000-0123456789ab" },
		{ "0190b5c27a3f700080000123456789ab",
		    "0190b5c2-7a3f-7000-8000-0123456789ab" },
		{ "01arz3ndektsv4rrffq69g5fav", "01ARZ3NDEKTSV4RRFFQ69G5FAV" },
		{ "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ" },
		{ "00000000000000000000000000", "00000000000000000000000000" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct eid id = parsed(rows[i].in);
		char text[EID_TEXT_MAX];

		t_note("%s", rows[i].in);
		CHECK_STR(str_n(text, eid_format(&id, text)), rows[i].normal);
	}
}

static void
what_is_no_id_is_refused(void)
{
	static const char *const rows[] = { "", "x",
		"0190b5c2-7a3f-7000-8000-0123456789a",
		"0190b5c2-7a3f-7000-8000-0123456789abc",
		"0190b5c2_7a3f_7000_8000_0123456789ab",
		"0190b5c27a3f70008000-0123456789ab---",
		"0190b5c27a3f700080000123456789ag",
		"8ZZZZZZZZZZZZZZZZZZZZZZZZZ", /* 130 bits */
		"01ARZ3NDEKTSV4RRFFQ69G5FAU", /* U is no digit */
		"01ARZ3NDEKTSV4RRFFQ69G5FA ",
		"{0190b5c2-7a3f-7000-8000-0123456789ab}" };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct eid id;

		t_note("%s", rows[i]);
		CHECK(!eid_parse(str_of(rows[i]), &id));
	}
}

static int
sign(int v)
{
	return (v > 0) - (v < 0);
}

static void
order_is_that_of_the_normal_forms(void)
{
	struct t_rng r = { t_seed() };

	for (int i = 0; i < 2000; i++) {
		struct eid id[2];
		char text[2][EID_TEXT_MAX];
		struct str s[2];

		for (int k = 0; k < 2; k++) {
			uint64_t a = t_rand(&r), b = t_rand(&r);

			/* Few bits, so that equal beginnings are common. */
			a &= t_rand(&r);
			memcpy(id[k].b, &a, 8);
			memcpy(id[k].b + 8, &b, 8);
			id[k].form = t_below(&r, 2) ? EID_ULID : EID_UUID;
			s[k] = str_n(text[k], eid_format(&id[k], text[k]));
		}
		CHECK_I(sign(eid_cmp(&id[0], &id[1])),
		    sign(str_cmp(s[0], s[1])));
		CHECK_I(eid_cmp(&id[0], &id[0]), 0);
	}
}

static void
both_forms_come_back(void)
{
	struct t_rng r = { t_seed() };

	for (int i = 0; i < 2000; i++) {
		struct eid id = { .form = EID_UUID + (uint8_t)t_below(&r, 2) };
		struct eid back = { 0 };
		char text[EID_TEXT_MAX];
		uint64_t a = t_rand(&r), b = t_rand(&r);

		memcpy(id.b, &a, 8);
		memcpy(id.b + 8, &b, 8);
		CHECK(eid_parse(str_n(text, eid_format(&id, text)), &back));
		CHECK(eid_eq(&id, &back));
	}
}

static void
one_number_in_two_forms_is_two_ids(void)
{
	struct eid uuid = parsed("00000000-0000-0000-0000-000000000000");
	struct eid ulid = parsed("00000000000000000000000000");

	CHECK(!eid_eq(&uuid, &ulid));
	CHECK(eid_cmp(&uuid, &ulid) != 0);
}

static void
new_ids_are_version_7_and_rise_with_time(void)
{
	static const uint8_t low[10] = { 0 };
	static const uint8_t high[10] = { 255, 255, 255, 255, 255, 255, 255,
		255, 255, 255 };
	struct eid a, b;
	char text[EID_TEXT_MAX];

	eid_new(&a, 0x0190b5c27a3f, high);
	eid_new(&b, 0x0190b5c27a40, low);
	CHECK(eid_cmp(&a, &b) < 0);
	(void)eid_format(&a, text);
	CHECK_STR(str_n(text, 36), "0190b5c2-7a3f-7fff-bfff-ffffffffffff");
	(void)eid_format(&b, text);
	CHECK_STR(str_n(text, 36), "0190b5c2-7a40-7000-8000-000000000000");
}

static void
version_5_matches_the_rfc(void)
{
	/* RFC 9562, A.4: DNS namespace, www.example.com */
	static const uint8_t dns[16] = { 0x6b, 0xa7, 0xb8, 0x10, 0x9d, 0xad,
		0x11, 0xd1, 0x80, 0xb4, 0x00, 0xc0, 0x4f, 0xd4, 0x30, 0xc8 };
	uint8_t out[16];
	char text[EID_TEXT_MAX];

	uuid5(dns, STR("www.example.com"), out);
	uuid_format(out, text);
	CHECK_STR(str_of(text), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

static void
stamps_order_by_clock_then_node_then_id(void)
{
	struct stamp a = { 5, STR("b"),
		parsed("00000000-0000-0000-0000-000000000002") };
	struct stamp b = a;

	CHECK_I(stamp_cmp(&a, &b), 0);
	b.id = parsed("00000000-0000-0000-0000-000000000003");
	CHECK(stamp_cmp(&a, &b) < 0);
	b.node = STR("a");
	CHECK(stamp_cmp(&a, &b) > 0);
	b.clock = 6;
	CHECK(stamp_cmp(&a, &b) < 0);
}

int
main(void)
{
	T_RUN(spellings_have_one_normal_form);
	T_RUN(what_is_no_id_is_refused);
	T_RUN(order_is_that_of_the_normal_forms);
	T_RUN(both_forms_come_back);
	T_RUN(one_number_in_two_forms_is_two_ids);
	T_RUN(new_ids_are_version_7_and_rise_with_time);
	T_RUN(version_5_matches_the_rfc);
	T_RUN(stamps_order_by_clock_then_node_then_id);
	return t_done();
}
