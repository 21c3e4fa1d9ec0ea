/* Names of things: numbers, short forms, what tells them apart. */
#include <string.h>

#include "ids.h"
#include "lookup.h"
#include "t.h"

static struct err_info e;

static void
suffixes(void)
{
	static const struct {
		const char *node, *want;
	} row[] = {
		{ "00000000000000000000000000000000", "aaa" },
		{ "ffffffffffffffffffffffffffffffff", "777" },
		{ "0001ffffffffffffffffffffffffffff", "aaa" }, /* bit 16 */
		{ "0002ffffffffffffffffffffffffffff", "aab" },
		{ "967bbe5a79af8e3a659f5b314416c730", "sz5" },
		{ "no hex at all", "aaa" },
		{ "", "aaa" },
	};
	char got[ID_SUFFIX_LEN + 1];

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		id_suffix(row[i].node, got);
		CHECK_STR(str_of(got), row[i].want);
	}
}

static void
work_packages(void)
{
	static const struct {
		const char *id, *brief;
		uint64_t number;
		bool has;
	} row[] = {
		{ "WP07", "WP07", 7, true },
		{ "WP07-abc", "WP07", 7, true },
		{ "WP100-abc", "WP100", 100, true },
		{ "WP07abc", "WP07abc", 0, false },
		{ "WP07_abc", "WP07_abc", 0, false },
		{ "WP-abc", "WP-abc", 0, false },
		{ "WP", "WP", 0, false },
		{ "wp07", "wp07", 0, false },
		{ "", "", 0, false },
		{ "WP99999999999999999999-abc", "WP99999999999999999999", 0,
		    false },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint64_t n = 0;

		t_note("%s", row[i].id);
		CHECK_STR(id_wp_short(str_of(row[i].id)), row[i].brief);
		CHECK(id_wp_number(str_of(row[i].id), &n) == row[i].has);
		CHECK_U(row[i].has ? n : 0, row[i].number);
	}
	t_note("%s", "");
}

static void
features(void)
{
	static const struct {
		const char *slug, *word;
		uint64_t number;
		bool has;
	} row[] = {
		{ "001-login", "login", 1, true },
		{ "012-user-login", "user-login", 12, true },
		{ "1000-x", "x", 1000, true },
		{ "001-", "", 1, true },
		{ "001", "", 0, false },
		{ "-x", "", 0, false },
		{ "login", "", 0, false },
		{ "", "", 0, false },
		{ "99999999999999999999-x", "x", 0, false },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		uint64_t n = 0;

		t_note("%s", row[i].slug);
		CHECK(id_feature_number(str_of(row[i].slug), &n) == row[i].has);
		CHECK_U(row[i].has ? n : 0, row[i].number);
		CHECK_STR(id_feature_word(str_of(row[i].slug)), row[i].word);
	}
	t_note("%s", "");
}

static void
keys(void)
{
	struct str feature, id;

	CHECK(id_wp_split(STR("001-a/WP01"), &feature, &id));
	CHECK_STR(feature, "001-a");
	CHECK_STR(id, "WP01");
	CHECK(id_wp_split(STR("/"), &feature, &id));
	CHECK_U(feature.n + id.n, 0);
	CHECK(id_wp_split(STR("a/b/c"), &feature, &id));
	CHECK_STR(id, "b/c");
	CHECK(!id_wp_split(STR("WP01"), &feature, &id));
}

static void
lengths(void)
{
	const struct str none[1] = { STR("abcdefgh") };
	const struct str far[2] = { STR("a1"), STR("b1") };
	const struct str near[3] = { STR("abcd1"), STR("abcd2"), STR("b") };
	const struct str same[2] = { STR("abcd"), STR("abcd") };

	CHECK_U(id_unique_len(none, 0, 4), 4);
	CHECK_U(id_unique_len(none, 1, 4), 4);
	CHECK_U(id_unique_len(far, 2, 0), 1);
	CHECK_U(id_unique_len(near, 3, 2), 5);
	CHECK_U(id_unique_len(near, 3, 8), 8);
	CHECK_U(id_unique_len(same, 2, 2), 2);
}

/* Ways in which a word may name something, strongest first. */
static void
words_that_name(void)
{
	static const struct lookup_item item[] = {
		{ .key = STR_INIT("WP01-abc"), .what = STR_INIT("first") },
		{ .key = STR_INIT("WP010-abc"), .what = STR_INIT("tenth") },
		{ .key = STR_INIT("WP02-abc"), .also = STR_INIT("login") },
		{ .key = STR_INIT("WP02-xyz"), .also = STR_INIT("login-page") },
		{ .key = STR_INIT("wp03"), .also = STR_INIT("") },
		{ .key = STR_INIT("WP03"), .also = STR_INIT("") },
	};
	static const struct {
		const char *word;
		enum err want;
		size_t at;
	} row[] = {
		{ "WP01-abc", ERR_OK, 0 },
		{ "wp01", ERR_OK, 0 }, /* a whole part, not WP010 */
		{ "WP010", ERR_OK, 1 },
		{ "WP0", ERR_AMBIGUOUS, 0 },
		{ "WP02", ERR_AMBIGUOUS, 0 },
		{ "wp02-X", ERR_OK, 3 },
		{ "LOGIN", ERR_OK, 2 }, /* equal before a beginning */
		{ "login-", ERR_OK, 3 },
		{ "logi", ERR_AMBIGUOUS, 0 },
		{ "wp03", ERR_OK, 4 }, /* to the byte before any case */
		{ "WP03", ERR_OK, 5 },
		{ "Wp03", ERR_AMBIGUOUS, 0 },
		{ "WP04", ERR_NOT_FOUND, 0 },
		{ "WP01-abcd", ERR_NOT_FOUND, 0 },
		{ "P01", ERR_NOT_FOUND, 0 },
		{ "", ERR_USAGE, 0 },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		size_t at = 99;

		t_note("%s", row[i].word);
		e = (struct err_info){ 0 };
		CHECK_ERR(lookup_pick(item, sizeof item / sizeof *item,
		              str_of(row[i].word), "thing", &at, &e),
		    row[i].want);
		if (row[i].want == ERR_OK)
			CHECK_U(at, row[i].at);
	}
	t_note("%s", "");
	CHECK_ERR(lookup_pick(item, 2, STR("WP"), "thing", &(size_t){ 0 }, &e),
	    ERR_AMBIGUOUS);
	CHECK_STR(str_of(e.text),
	    "'WP' may be any of these things: WP01-abc (first), WP010-abc "
	    "(tenth)");
	CHECK_ERR(lookup_pick(item, 6, STR("W"), "thing", &(size_t){ 0 }, &e),
	    ERR_AMBIGUOUS);
	CHECK(strstr(e.text, " and 1 more") != NULL);
	CHECK_ERR(lookup_pick(NULL, 0, STR("x"), "thing", &(size_t){ 0 }, &e),
	    ERR_NOT_FOUND);
}

int
main(void)
{
	T_RUN(suffixes);
	T_RUN(work_packages);
	T_RUN(features);
	T_RUN(keys);
	T_RUN(lengths);
	T_RUN(words_that_name);
	return t_done();
}
