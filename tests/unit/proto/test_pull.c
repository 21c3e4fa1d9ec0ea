/* Pulls both ways, and the bodies that routes share. */
#include "pull.h"

#include "body.h"
#include "fault.h"
#include "made.h"
#include "t.h"

/* --- the query ---------------------------------------------------------------- */

static void
queries(void)
{
	static const struct {
		const char *query;
		enum err code;
		const char *epoch;
		uint64_t after;
		size_t limit;
	} rows[] = {
		{ "", ERR_OK, "", 0, 1000 },
		{ "epoch=ab&after=5&limit=10", ERR_OK, "ab", 5, 10 },
		{ "after=5", ERR_OK, "", 0, 1000 },
		{ "epoch=&after=5", ERR_OK, "", 0, 1000 },
		{ "limit=5000&epoch=a%2Fb&x=y&&z", ERR_OK, "a/b", 0, 1000 },
		{ "after=9007199254740991&epoch=a", ERR_OK, "a",
		    9007199254740991, 1000 },
		{ "after=9007199254740992", ERR_BAD_REQUEST, "", 0, 0 },
		{ "after=-1", ERR_BAD_REQUEST, "", 0, 0 },
		{ "after=", ERR_BAD_REQUEST, "", 0, 0 },
		{ "limit=0", ERR_BAD_REQUEST, "", 0, 0 },
		{ "limit=ten", ERR_BAD_REQUEST, "", 0, 0 },
		{ "epoch=%2", ERR_BAD_REQUEST, "", 0, 0 },
		{ "epoch=%zz", ERR_BAD_REQUEST, "", 0, 0 },
		{ "epoch="
		  "0123456789012345678901234567890123456789012345678901234"
		  "5678901234",
		    ERR_BAD_REQUEST, "", 0, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pull_query q;
		struct arena a = { 0 };
		struct err_info e = { 0 };

		t_note("%s", rows[i].query);
		CHECK_ERR(pull_query_decode(&q, str_of(rows[i].query), &a, &e),
		    rows[i].code);
		if (rows[i].code == ERR_OK) {
			CHECK_STR(q.epoch, rows[i].epoch);
			CHECK_U(q.after, rows[i].after);
			CHECK_U(q.limit, rows[i].limit);
		}
		arena_fini(&a);
	}
}

static void
query_round_trip(void)
{
	struct pull_query in = { STR("a b/&=%"), 77, 5 }, out;
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct err_info e = { 0 };
	struct str rest, path;

	pull_query_encode(&in, &b);
	CHECK_EQ(buf_str(&b),
	    STR("/api/v1/events/?epoch=a%20b%2F%26%3D%25&"
	        "after=77&limit=5"));
	rest = buf_str(&b);
	CHECK(str_split(&rest, '?', &path));
	CHECK_OK(pull_query_decode(&out, rest, &a, &e), &e);
	CHECK_EQ(out.epoch, in.epoch);
	CHECK_U(out.after, 77);
	CHECK_U(out.limit, 5);
	in.epoch = STR("");
	buf_reset(&b);
	pull_query_encode(&in, &b);
	CHECK_EQ(buf_str(&b), STR("/api/v1/events/?after=77&limit=5"));
	arena_fini(&a);
	buf_fini(&b);
}

/* --- the answer ---------------------------------------------------------------- */

static void
answer_round_trip(void)
{
	struct buf raw[2] = { { 0 }, { 0 } }, b = { 0 };
	struct pull_row rows[2];
	struct pull_answer p;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };

	made_event(&raw[0], 1, "\"odd\" : 1.0,");
	made_event(&raw[1], 2, "");
	rows[0] =
	    (struct pull_row){ 8, STR("ann"), 1500, false, buf_str(&raw[0]) };
	rows[1] = (struct pull_row){ 9, STR(""), 0, true, buf_str(&raw[1]) };
	pull_answer_begin(STR("e\"1"), &b);
	pull_answer_row(&rows[0], true, &b);
	pull_answer_row(&rows[1], false, &b);
	pull_answer_end(9, 12, &b);
	CHECK_OK(pull_answer_decode(&p, &j, buf_str(&b), &a, &e), &e);
	CHECK_STR(p.epoch, "e\"1");
	CHECK_U(p.next, 9);
	CHECK_U(p.head, 12);
	if (CHECK(p.n == 2)) {
		CHECK_U(p.item[0].seq, 8);
		CHECK_STR(p.item[0].user, "ann");
		CHECK_I(p.item[0].received_ms, 1500);
		CHECK(!p.item[0].relayed && p.item[1].relayed);
		CHECK_U(p.item[1].user.n, 0);
		CHECK_EQ(p.item[0].ev.raw, buf_str(&raw[0]));
		CHECK_EQ(p.item[1].ev.raw, buf_str(&raw[1]));
	}
	buf_reset(&b);
	raw[0].len = 0;
	buf_adds(&raw[0], "{}");
	rows[0].raw = buf_str(&raw[0]);
	pull_row_encode(&rows[0], "event", &b);
	CHECK_EQ(buf_str(&b),
	    STR("{\"type\":\"event\",\"seq\":8,\"user\":\"ann\","
	        "\"received_at\":\"1970-01-01T00:00:01.500Z\","
	        "\"event\":{}}"));
	buf_fini(&raw[0]);
	buf_fini(&raw[1]);
	buf_fini(&b);
	arena_fini(&a);
	json_fini(&j);
}

/* %E is a good event. */
static void
expand(const char *fmt, struct buf *out)
{
	for (; *fmt != '\0'; fmt++) {
		if (fmt[0] == '%' && fmt[1] == 'E') {
			made_event(out, 1, "");
			fmt++;
		} else {
			buf_addc(out, *fmt);
		}
	}
}

static void
answers_not_to_trust(void)
{
	static const struct {
		const char *body;
		const char *word; /* NULL: fine */
	} rows[] = {
		{ "{\"epoch\":\"e\",\"events\":[],\"next\":4,\"head\":4}",
		    NULL },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":1,\"event\":%E},"
		  "{\"seq\":2,\"user\":7,\"received_at\":\"x\",\"event\":%E}],"
		  "\"next\":2,\"head\":2,\"more\":1}",
		    NULL },
		{ "", "wrong" },
		{ "\"events\"", "events" },
		{ "{\"events\":[],\"next\":1,\"head\":1}", "epoch" },
		{ "{\"epoch\":\"e\",\"next\":1,\"head\":1}", "events" },
		{ "{\"epoch\":\"e\",\"events\":{},\"next\":1,\"head\":1}",
		    "events" },
		{ "{\"epoch\":\"e\",\"events\":[],\"head\":1}", "next" },
		{ "{\"epoch\":\"e\",\"events\":[],\"next\":2,\"head\":1}",
		    "beyond" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":1,\"event\":%E}],"
		  "\"next\":2,\"head\":2}",
		    "next" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":1,\"event\":%E},"
		  "{\"seq\":3,\"event\":%E}],\"next\":3,\"head\":3}",
		    "behind" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":2,\"event\":%E},"
		  "{\"seq\":1,\"event\":%E}],\"next\":1,\"head\":3}",
		    "behind" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":2,\"event\":%E},"
		  "{\"seq\":2,\"event\":%E}],\"next\":2,\"head\":3}",
		    "behind" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":0,\"event\":%E}],"
		  "\"next\":0,\"head\":3}",
		    "seq" },
		{ "{\"epoch\":\"e\",\"events\":[7],\"next\":1,\"head\":1}",
		    "seq" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":1}],\"next\":1,"
		  "\"head\":1}",
		    "no event" },
		{ "{\"epoch\":\"e\",\"events\":[{\"seq\":1,\"event\":{}}],"
		  "\"next\":1,\"head\":1}",
		    "seq 1" },
	};
	struct buf body = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct pull_answer p;
		struct arena a = { 0 };
		struct json j = { 0 };
		struct err_info e = { 0 };
		enum err rc;

		buf_reset(&body);
		expand(rows[i].body, &body);
		rc = pull_answer_decode(&p, &j, buf_str(&body), &a, &e);
		t_note("%s: %s", rows[i].body, e.text);
		CHECK_ERR(rc, rows[i].word ? ERR_PROTOCOL : ERR_OK);
		CHECK(rows[i].word == NULL ||
		    strstr(e.text, rows[i].word) != NULL);
		CHECK(rc == ERR_OK || p.n == 0);
		arena_fini(&a);
		json_fini(&j);
	}
	buf_fini(&body);
}

static void
every_allocation_may_fail(void)
{
	struct buf body = { 0 };
	int n = 0;
	bool hit;

	expand("{\"epoch\":\"\\u0065\",\"events\":[{\"seq\":1,\"event\":%E}],"
	       "\"next\":1,\"head\":1}",
	    &body);
	do {
		struct pull_answer p;
		struct arena a = { 0 };
		struct json j = { 0 };
		struct err_info e = { 0 };
		enum err rc;

		t_note("allocation %d", n);
		fault_arm(n++);
		rc = pull_answer_decode(&p, &j, buf_str(&body), &a, &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK((rc == ERR_OK) == !hit);
		arena_fini(&a);
		json_fini(&j);
	} while (hit && n < 1000);
	CHECK(n > 2);
	buf_fini(&body);
}

/* --- shared bodies --------------------------------------------------------------- */

static void
error_bodies(void)
{
	static const struct {
		const char *body;
		bool ok;
		enum err code;
		const char *message, *epoch;
	} rows[] = {
		{ "{\"error\":\"resync\",\"message\":\"m\",\"epoch\":\"e2\"}",
		    true, ERR_RESYNC, "m", "e2" },
		{ "{\"error\":\"brand_new\"}", true, ERR_OK, "", "" },
		{ "{\"error\":\"quota\",\"message\":5,\"details\":[1]}", true,
		    ERR_QUOTA, "", "" },
		{ "{\"error\":5}", false, ERR_OK, "", "" },
		{ "{}", false, ERR_OK, "", "" },
		{ "[]", false, ERR_OK, "", "" },
		{ "\"resync\"", false, ERR_OK, "", "" },
		{ "<html>502</html>", false, ERR_OK, "", "" },
		{ "", false, ERR_OK, "", "" },
	};
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct error_body eb;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t_note("%s", rows[i].body);
		CHECK(error_body_decode(&eb, str_of(rows[i].body), &a) ==
		    rows[i].ok);
		if (!rows[i].ok)
			continue;
		CHECK_ERR(eb.code, rows[i].code);
		CHECK_STR(eb.message, rows[i].message);
		CHECK_STR(eb.epoch, rows[i].epoch);
	}
	error_body_encode(ERR_RESYNC, STR("a \"b\""), STR("e"), STR("[1]"), &b);
	CHECK_EQ(buf_str(&b),
	    STR("{\"error\":\"resync\",\"message\":\"a \\\"b\\\"\","
	        "\"epoch\":\"e\",\"details\":[1]}"));
	buf_reset(&b);
	error_body_encode(ERR_NOMEM, STR(""), STR(""), STR(""), &b);
	CHECK_EQ(buf_str(&b),
	    STR("{\"error\":\"out_of_memory\",\"message\":\"\"}"));
	arena_fini(&a);
	buf_fini(&b);
}

static void
health(void)
{
	struct health_body in = { STR("1.2.3"), STR("ep"), 1 }, out;
	struct arena a = { 0 };
	struct buf b = { 0 };
	struct err_info e = { 0 };

	health_encode(&in, &b);
	CHECK_EQ(buf_str(&b),
	    STR("{\"status\":\"ok\",\"version\":\"1.2.3\","
	        "\"protocol_version\":1,\"epoch\":\"ep\"}"));
	CHECK_OK(health_decode(&out, buf_str(&b), &a, &e), &e);
	CHECK_EQ(out.version, in.version);
	CHECK_EQ(out.epoch, in.epoch);
	CHECK_U(out.protocol, 1);
	CHECK_ERR(health_decode(&out, STR("{\"status\":\"ok\"}"), &a, &e),
	    ERR_PROTOCOL);
	CHECK_ERR(health_decode(&out, STR("ok"), &a, &e), ERR_PROTOCOL);
	CHECK_ERR(health_decode(&out, STR("\"ok\""), &a, &e), ERR_PROTOCOL);
	arena_fini(&a);
	buf_fini(&b);
}

int
main(void)
{
	T_RUN(queries);
	T_RUN(query_round_trip);
	T_RUN(answer_round_trip);
	T_RUN(answers_not_to_trust);
	T_RUN(every_allocation_may_fail);
	T_RUN(error_bodies);
	T_RUN(health);
	return t_done();
}
