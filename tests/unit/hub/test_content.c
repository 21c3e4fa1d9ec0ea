/* Contents of artifacts: what is taken, where it stands, and that it is looked at. */
#include "content.h"

#include <stdio.h>

#include "hash.h"
#include "t.h"

#define PLACE \
	"\"project_uuid\":\"p\",\"feature_slug\":\"f\"," \
	"\"artifact_path\":\"a\","
#define X_HASH \
	"2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"
#define X_HASH_UPPER \
	"2D711642B726B04401627CA9FBAC32F5C8530FB1903CC4DB02258717921A4881"
#define EMPTY_HASH \
	"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* --- requests ---------------------------------------------------------------- */

static void
reads_what_is_one(void)
{
	static const struct {
		const char *text;
		enum err code;
		const char *why;
	} row[] = {
		{ "{" PLACE "\"content_hash\":\"" X_HASH
		  "\",\"content_body\":\"x\",\"more\":[{}]}",
		    ERR_OK, "" },
		{ "{" PLACE "\"content_hash\":\"" X_HASH_UPPER
		  "\",\"content_body\":\"\\u0078\"}",
		    ERR_OK, "" },
		{ "{" PLACE "\"content_hash\":\"" EMPTY_HASH
		  "\",\"content_body\":\"\"}",
		    ERR_OK, "" },
		{ "", ERR_BAD_JSON, "" },
		{ "[]", ERR_BAD_REQUEST, "not an object" },
		{ "{}", ERR_BAD_REQUEST, "project_uuid" },
		{ "{" PLACE PLACE "\"content_hash\":\"" X_HASH
		  "\",\"content_body\":\"x\"}",
		    ERR_BAD_JSON, "project_uuid" },
		{ "{" PLACE "\"content_body\":\"x\"}", ERR_BAD_REQUEST,
		    "content_hash" },
		{ "{" PLACE "\"content_hash\":\"" X_HASH "\"}", ERR_BAD_REQUEST,
		    "content_body" },
		{ "{" PLACE "\"content_hash\":\"" X_HASH
		  "\",\"content_body\":null}",
		    ERR_BAD_REQUEST, "content_body" },
		{ "{" PLACE "\"content_hash\":\"" X_HASH
		  "\",\"content_body\":\"y\"}",
		    ERR_BAD_REQUEST, "content_hash: it is not" },
		{ "{" PLACE "\"content_hash\":\"" EMPTY_HASH
		  "\",\"content_body\":\"x\"}",
		    ERR_BAD_REQUEST, "content_hash: it is not" },
		{ "{" PLACE "\"content_hash\":\"2d71\",\"content_body\":\"x\"}",
		    ERR_BAD_REQUEST, "content_hash: it is no SHA" },
		{ "{" PLACE "\"content_hash\":\"" X_HASH
		  "0\",\"content_body\":\"x\"}",
		    ERR_BAD_REQUEST, "content_hash: it is too long" },
		{ "{" PLACE "\"content_hash\":7,\"content_body\":\"x\"}",
		    ERR_BAD_REQUEST, "content_hash" },
		{ "{\"project_uuid\":\"\",\"feature_slug\":\"f\","
		  "\"artifact_path\":\"a\",\"content_hash\":\"" X_HASH
		  "\",\"content_body\":\"x\"}",
		    ERR_BAD_REQUEST, "project_uuid: it is empty" },
	};
	struct json j = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct err_info e = { 0 };
		struct arena a = { 0 };
		struct content c;

		t_note("%s", row[i].text);
		CHECK_ERR(content_decode(&c, &j, &a, str_of(row[i].text), &e),
		    row[i].code);
		CHECK(strstr(e.text, row[i].why) != NULL);
		arena_fini(&a);
	}
	json_fini(&j);
}

/* As long as it may be, and one more. */
static void
keeps_the_bounds(void)
{
	static const struct {
		size_t project, feature, path, body;
		enum err code;
	} row[] = {
		{ 64, 256, 1024, 512 * 1024, ERR_OK },
		{ 65, 1, 1, 1, ERR_BAD_REQUEST },
		{ 1, 257, 1, 1, ERR_BAD_REQUEST },
		{ 1, 1, 1025, 1, ERR_BAD_REQUEST },
		{ 1, 1, 1, 512 * 1024 + 1, ERR_TOO_LARGE },
	};
	static char x[512 * 1024 + 1];
	struct json j = { 0 };

	memset(x, 'x', sizeof x);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct err_info e = { 0 };
		struct arena a = { 0 };
		struct buf b = { 0 };
		struct content c;
		char hex[65];
		uint8_t h[32];

		t_note("row %zu", i);
		hash_sha256(str_n(x, row[i].body), h);
		hex_encode(h, sizeof h, hex);
		buf_adds(&b, "{\"project_uuid\":\"");
		buf_add(&b, x, row[i].project);
		buf_adds(&b, "\",\"feature_slug\":\"");
		buf_add(&b, x, row[i].feature);
		buf_adds(&b, "\",\"artifact_path\":\"");
		buf_add(&b, x, row[i].path);
		buf_addf(&b, "\",\"content_hash\":\"%s\",\"content_body\":\"",
		    hex);
		buf_add(&b, x, row[i].body);
		buf_adds(&b, "\"}");
		CHECK_ERR(content_decode(&c, &j, &a, buf_str(&b), &e),
		    row[i].code);
		arena_fini(&a);
		buf_fini(&b);
	}
	json_fini(&j);
}

/* --- the store --------------------------------------------------------------- */

static int64_t
wall_ms(void *ctx)
{
	(void)ctx;
	return 1;
}

static void
no_random(void *ctx, void *out, size_t n)
{
	(void)ctx;
	memset(out, 7, n);
}

struct scene {
	struct store *s;
	space_id space[2];
};

static void
scene_open(struct scene *sc)
{
	const struct store_options opt = { .hub = true,
		.env = { wall_ms, no_random, NULL } };
	struct err_info e = { 0 };

	CHECK_OK(store_mem_open(&sc->s, &opt, &e), &e);
	CHECK_OK(store_begin(sc->s, &e), &e);
	for (int i = 0; i < 2; i++)
		CHECK_OK(store_space_add(sc->s, STR(""), STR(""),
		             i > 0 ? STR("blue") : STR("red"), &sc->space[i],
		             &e),
		    &e);
}

static void
scene_close(struct scene *sc)
{
	struct err_info e = { 0 };

	CHECK_OK(store_commit(sc->s, &e), &e);
	store_close(sc->s);
}

static enum err
put(struct scene *sc, int team, const char *project, const char *path,
    struct str text, bool *added, struct err_info *e)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf b = { 0 };
	struct content c;
	char hex[65];
	uint8_t h[32];
	enum err rc;

	hash_sha256(text, h);
	hex_encode(h, sizeof h, hex);
	buf_addf(&b,
	    "{\"project_uuid\":\"%s\",\"feature_slug\":\"f\","
	    "\"artifact_path\":\"%s\",\"content_hash\":\"%s\","
	    "\"content_body\":",
	    project, path, hex);
	json_add_str(&b, text);
	buf_addc(&b, '}');
	*e = (struct err_info){ 0 };
	CHECK_OK(content_decode(&c, &j, &a, buf_str(&b), e), e);
	rc = content_put(sc->s, sc->space[team], &c, STR("ann"), 1, added, e);
	json_fini(&j);
	buf_fini(&b);
	arena_fini(&a);
	CHECK_ERR(e->code, rc);
	return rc;
}

static size_t
notes(struct scene *sc, const char *prefix)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct str *name, *value;
	size_t n = 0;

	CHECK_OK(store_note_list(sc->s, str_of(prefix), &a, &name, &value, &n,
	             &e),
	    &e);
	arena_fini(&a);
	return n;
}

static void
stands_at_its_place(void)
{
	static const struct {
		int team;
		const char *project, *path, *text;
		bool added;
	} row[] = {
		{ 0, "01890000-0000-7000-8000-00000000000A", "a", "x", true },
		{ 0, "0189000000007000800000000000000a", "a", "x", false },
		{ 0, "01890000-0000-7000-8000-00000000000b", "a", "x", true },
		{ 0, "p", "a", "x", true },
		{ 0, "p", "b", "x", true },
		{ 0, "p", "b", "x", false },
		{ 0, "p", "b", "y", true },
		{ 0, "p", "b", "y", false },
		{ 0, "p", "b", "x", true },
		{ 0, "p", "c", "", true },
		{ 0, "p", "c", "", false },
		{ 1, "p", "b", "x", true },
	};
	struct err_info e;
	struct scene sc;
	uint64_t wrong = 0;

	scene_open(&sc);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		bool added;

		t_note("row %zu", i);
		CHECK_OK(put(&sc, row[i].team, row[i].project, row[i].path,
		             str_of(row[i].text), &added, &e),
		    &e);
		CHECK_I(added, row[i].added);
	}
	CHECK_U(notes(&sc, "content/"), 6);
	/* Each body once for a team. */
	CHECK_U(notes(&sc, "content.body/"), 4);
	CHECK_OK(content_verify(sc.s, &wrong, NULL, NULL, &e), &e);
	CHECK_U(wrong, 0);
	scene_close(&sc);
}

/* A team has so much, another one as much again; what is there may come again. */
static void
has_a_quota(void)
{
	static char text[CONTENT_BODY_MAX];
	struct err_info e = { 0 };
	struct scene sc;
	unsigned n = 0;
	bool added;

	memset(text, 'x', sizeof text);
	scene_open(&sc);
	/* As if nearly all were taken. */
	CHECK_OK(store_note_put(sc.s, STR("content.used/1"), STR("266338303"),
	             &e), /* 2^28 - 4 * 2^19 - 1 */
	    &e);
	for (; n < 10 && e.code == ERR_OK; n++) {
		text[0] = (char)('a' + n);
		(void)put(&sc, 0, "p", "a", str_n(text, sizeof text), &added,
		    &e);
	}
	CHECK_ERR(e.code, ERR_QUOTA);
	CHECK_U(n, 4);
	CHECK_U(notes(&sc, "content.body/"), 3);
	text[0] = 'c';
	CHECK_OK(put(&sc, 0, "p", "a", str_n(text, sizeof text), &added, &e),
	    &e);
	CHECK(!added);
	CHECK_OK(put(&sc, 1, "p", "a", str_n(text, sizeof text), &added, &e),
	    &e);
	CHECK(added);
	scene_close(&sc);
}

static void
on_finding(void *ctx, const char *text)
{
	t_note("%s", text);
	++*(unsigned *)ctx;
}

static void
finds_what_is_wrong(void)
{
	static const struct {
		const char *name, *value;
	} row[] = {
		{ "content.body/1/" X_HASH, "=y" },
		{ "content.body/1/" X_HASH, "" },
		{ "content/0123", "{\"space\":1,\"sha256\":\"00\"}" },
		{ "content/0123", "nonsense" },
		{ "content/ff23", "{}" },
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct err_info e;
		struct scene sc;
		unsigned found = 0;
		uint64_t wrong = 0;
		bool added;

		scene_open(&sc);
		CHECK_OK(put(&sc, 0, "p", "a", STR("x"), &added, &e), &e);
		CHECK_OK(store_note_put(sc.s, str_of(row[i].name),
		             str_of(row[i].value), &e),
		    &e);
		CHECK_OK(content_verify(sc.s, &wrong, on_finding, &found, &e),
		    &e);
		CHECK_U(wrong, 1);
		CHECK_U(found, 1);
		scene_close(&sc);
	}
}

int
main(void)
{
	T_RUN(reads_what_is_one);
	T_RUN(keeps_the_bounds);
	T_RUN(stands_at_its_place);
	T_RUN(has_a_quota);
	T_RUN(finds_what_is_wrong);
	return t_done();
}
