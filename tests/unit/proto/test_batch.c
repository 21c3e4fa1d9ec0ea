/* Batches both ways: a body that is no batch, events judged one by one, answers
 * that a client may not trust. */
#include "batch.h"

#include <stdio.h>
#include <time.h>

#include "fault.h"
#include "made.h"
#include "t.h"

/* --- the request ------------------------------------------------------------ */

#define ID "01890000-0000-7000-8000-000000000001"
#define HEAD(id) "\"event_id\":\"" id "\","
#define REST \
	"\"event_type\":\"wp_updated\",\"aggregate_id\":\"001-a/WP01\"," \
	"\"aggregate_type\":\"work_package\",\"lamport_clock\":7," \
	"\"node_id\":\"n\",\"timestamp\":\"2026-04-28T10:30:00Z\","
#define PAYLOAD "\"payload\":{\"wp_id\":\"WP01\",\"title\":\"T\"}"
#define GOOD "{" HEAD(ID) REST PAYLOAD "}"

static void
whole_bodies(void)
{
	static const struct {
		const char *body;
		enum err code; /* ERR_OK: it is a batch */
		size_t n;
	} rows[] = {
		{ "{\"events\":[]}", ERR_OK, 0 },
		{ " {\"events\" : [ " GOOD " ] } ", ERR_OK, 1 },
		{ "{\"events\":[],\"more\":{\"events\":1}}", ERR_OK, 0 },
		{ "{\"events\":[1,null,\"x\",[]]}", ERR_OK, 4 },
		{ "{\"events\":[],\"relayed\":[]}", ERR_OK, 0 },
		{ "", ERR_BAD_JSON, 0 },
		{ "{\"events\":[}", ERR_BAD_JSON, 0 },
		{ "{\"events\":[]} x", ERR_BAD_JSON, 0 },
		{ "{\"events\":[\"\xff\"]}", ERR_BAD_JSON, 0 },
		{ "{\"events\":[\"\\ud800\"]}", ERR_BAD_JSON, 0 },
		{ "[]", ERR_BAD_REQUEST, 0 },
		{ "\"events\"", ERR_BAD_REQUEST, 0 },
		{ "null", ERR_BAD_REQUEST, 0 },
		{ "{}", ERR_BAD_REQUEST, 0 },
		{ "{\"events\":{}}", ERR_BAD_REQUEST, 0 },
		{ "{\"events\":null}", ERR_BAD_REQUEST, 0 },
		{ "{\"events\":[],\"events\":[]}", ERR_BAD_REQUEST, 0 },
		{ "{\"events\":[],\"\\u0065vents\":[]}", ERR_BAD_REQUEST, 0 },
		{ "{\"events\":[],\"relayed\":1}", ERR_BAD_REQUEST, 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct batch b = { 0 };
		struct err_info e = { 0 };

		t_note("%s", rows[i].body);
		CHECK_ERR(batch_decode(&b, str_of(rows[i].body), &e),
		    rows[i].code);
		CHECK_U(b.n, rows[i].n);
		CHECK((rows[i].code == ERR_OK) == (e.text[0] == '\0'));
		batch_fini(&b);
	}
}

/* `n` arrays around nothing. */
static void
nest(struct buf *out, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		buf_addc(out, '[');
	for (unsigned i = 0; i < n; i++)
		buf_addc(out, ']');
}

static void
limits_of_a_body(void)
{
	static const struct {
		unsigned depth; /* of the first entry of "events" */
		enum err code;
	} rows[] = { { 1, ERR_OK }, { 62, ERR_OK }, { 63, ERR_BAD_JSON },
		{ 10000, ERR_BAD_JSON } };
	struct batch b = { 0 };
	struct buf body = { 0 };
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t_note("depth %u", rows[i].depth);
		buf_reset(&body);
		buf_adds(&body, "{\"events\":[");
		nest(&body, rows[i].depth);
		buf_adds(&body, "]}");
		CHECK_ERR(batch_decode(&b, buf_str(&body), &e), rows[i].code);
	}
	for (size_t n = 1000; n <= 1001; n++) {
		t_note("%zu events", n);
		buf_reset(&body);
		buf_adds(&body, "{\"events\":[0");
		for (size_t i = 1; i < n; i++)
			buf_adds(&body, ",0");
		buf_adds(&body, "]}");
		CHECK_ERR(batch_decode(&b, buf_str(&body), &e),
		    n == 1000 ? ERR_OK : ERR_BAD_REQUEST);
	}
	buf_reset(&body);
	buf_adds(&body, "{\"events\":[]");
	while (body.len < PROTO_BODY_PLAIN_MAX)
		buf_addc(&body, ' ');
	buf_addc(&body, '}');
	t_note("32 MiB and 1");
	CHECK_ERR(batch_decode(&b, buf_str(&body), &e), ERR_TOO_LARGE);
	body.data[body.len - 2] = '}';
	body.len--;
	t_note("32 MiB");
	CHECK_ERR(batch_decode(&b, buf_str(&body), &e), ERR_OK);
	batch_fini(&b);
	buf_fini(&body);
}

/* Each is put between two good events. */
static void
each_event_by_itself(void)
{
	static const struct {
		const char *event;
		enum err code;
		const char *id;   /* as it is echoed */
		const char *word; /* the reason holds it */
	} rows[] = {
		{ GOOD, ERR_OK, "\"" ID "\"", "" },
		{ "{" HEAD("0189000000007000800000000000ABCD") REST PAYLOAD "}",
		    ERR_OK, "\"0189000000007000800000000000ABCD\"", "" },
		{ "{" HEAD("\\u0030"
		           "1890000-0000-7000-8000-000000000001") REST PAYLOAD
		    "}",
		    ERR_OK,
		    "\"\\u0030"
		    "1890000-0000-7000-8000-000000000001\"",
		    "" },
		{ "{" HEAD("01ARZ3NDEKTSV4RRFFQ69G5FAV") REST PAYLOAD "}",
		    ERR_OK, "\"01ARZ3NDEKTSV4RRFFQ69G5FAV\"", "" },
		{ "{" HEAD(ID) REST PAYLOAD ",\"ours\":{\"a\":1e400}}", ERR_OK,
		    "\"" ID "\"", "" },
		{ "7", ERR_SCHEMA, "null", "invalid" },
		{ "[]", ERR_SCHEMA, "null", "invalid" },
		{ "{}", ERR_SCHEMA, "null", "missing field" },
		{ "{" REST PAYLOAD "}", ERR_SCHEMA, "null", "missing field" },
		{ "{\"event_id\":5," REST PAYLOAD "}", ERR_SCHEMA, "null",
		    "invalid" },
		{ "{" HEAD("x") REST PAYLOAD "}", ERR_SCHEMA, "\"x\"",
		    "invalid" },
		{ "{" HEAD(ID) REST "\"payload\":[]}", ERR_SCHEMA, "\"" ID "\"",
		    "invalid" },
		{ "{" HEAD(ID) REST "\"payload\":{}}", ERR_SCHEMA, "\"" ID "\"",
		    "missing field" },
		{ "{" HEAD(ID) REST PAYLOAD ",\"a\":1,\"a\":1}", ERR_SCHEMA,
		    "\"" ID "\"", "invalid" },
		{ "{" HEAD(ID) REST
		    "\"payload\":{\"wp_id\":\"WP01\",\"x\":{\"y\":1,"
		    "\"\\u0079\":2}}}",
		    ERR_SCHEMA, "\"" ID "\"", "invalid" },
		{ "{" HEAD(ID) REST PAYLOAD ",\"lamport_clock\":8}", ERR_SCHEMA,
		    "\"" ID "\"", "invalid" },
	};
	struct buf body = { 0 };
	struct batch b = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err_info e = { 0 };

		t_note("%s", rows[i].event);
		buf_reset(&body);
		buf_adds(&body, "{\"events\":[");
		made_event(&body, 50, "");
		buf_addf(&body, ",%s,", rows[i].event);
		made_event(&body, 51, "");
		buf_adds(&body, "]}");
		CHECK_OK(batch_decode(&b, buf_str(&body), &e), &e);
		if (!CHECK(b.n == 3))
			continue;
		CHECK(b.item[0].code == ERR_OK && b.item[2].code == ERR_OK);
		CHECK_ERR(b.item[1].code, rows[i].code);
		CHECK_STR(b.item[1].id, rows[i].id);
		CHECK(rows[i].code == ERR_OK ||
		    strstr(b.item[1].why.p, rows[i].word) != NULL);
		if (rows[i].code == ERR_OK)
			CHECK_STR(b.item[1].ev.raw, rows[i].event);
	}
	batch_fini(&b);
	buf_fini(&body);
}

static void
depth_and_size_of_an_event(void)
{
	static const struct {
		unsigned depth; /* of a member of the payload */
		size_t bytes;   /* of a text in the event */
		enum err code;
	} rows[] = {
		{ 30, 0, ERR_OK },
		{ 31, 0, ERR_SCHEMA },
		{ 0, EVENT_BYTES_MAX - 1000, ERR_OK },
		{ 0, EVENT_BYTES_MAX, ERR_TOO_LARGE },
	};
	struct buf body = { 0 };
	struct batch b = { 0 };
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		t_note("depth %u bytes %zu", rows[i].depth, rows[i].bytes);
		buf_reset(&body);
		buf_adds(&body,
		    "{\"events\":[{" HEAD(ID) REST
		    "\"payload\":{\"wp_id\":\"WP01\",\"x\":");
		nest(&body, rows[i].depth);
		buf_adds(&body, rows[i].depth ? ",\"y\":\"" : "0,\"y\":\"");
		for (size_t n = 0; n < rows[i].bytes; n++)
			buf_addc(&body, 'a');
		buf_adds(&body, "\"}}");
		buf_addc(&body, ',');
		made_event(&body, 3, "");
		buf_adds(&body, "]}");
		CHECK_OK(batch_decode(&b, buf_str(&body), &e), &e);
		if (!CHECK(b.n == 2))
			continue;
		CHECK_ERR(b.item[0].code, rows[i].code);
		CHECK_ERR(b.item[1].code, ERR_OK);
	}
	batch_fini(&b);
	buf_fini(&body);
}

static void
relayed_stands_beside(void)
{
	static const struct {
		const char *entry;
		bool relayed;
		const char *user;
		int64_t ms;
	} rows[] = {
		{ "{\"event_id\":\"" ID "\",\"user\":\"ann\",\"received_at\":"
		  "\"1970-01-01T00:00:01.500Z\"}",
		    true, "ann", 1500 },
		{ "{\"event_id\":\"01890000000070008000000000000001\","
		  "\"user\":null,\"received_at\":\"1970-01-01T01:00:00+01:"
		  "00\"}",
		    true, "", 0 },
		{ "{\"event_id\":\"" ID "\",\"user\":\"ann\"}", false, "", 0 },
		{ "{\"event_id\":\"" ID "\",\"received_at\":5}", false, "", 0 },
		{ "{\"event_id\":\"x\",\"received_at\":"
		  "\"1970-01-01T00:00:00Z\"}",
		    false, "", 0 },
		{ "{\"event_id\":\"01890000-0000-7000-8000-000000000002\","
		  "\"received_at\":\"1970-01-01T00:00:00Z\"}",
		    false, "", 0 },
		{ "5", false, "", 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct buf body = { 0 };
		struct batch b = { 0 };
		struct err_info e = { 0 };

		t_note("%s", rows[i].entry);
		buf_addf(&body, "{\"relayed\":[%s],\"events\":[" GOOD "]}",
		    rows[i].entry);
		CHECK_OK(batch_decode(&b, buf_str(&body), &e), &e);
		if (CHECK(b.n == 1)) {
			CHECK(b.item[0].relayed == rows[i].relayed);
			CHECK_STR(b.item[0].user, rows[i].user);
			CHECK_I(b.item[0].received_ms, rows[i].ms);
		}
		batch_fini(&b);
		buf_fini(&body);
	}
}

static void
request_round_trip(void)
{
	struct batch_send one = {
		.received_ms = 1234, .relayed = true, .user = STR("b\"ob")
	};
	struct batch_send two = { .raw = STR(GOOD) };
	const struct batch_send *send[] = { &one, &two };
	struct buf raw = { 0 }, body = { 0 };
	struct batch b = { 0 };
	struct err_info e = { 0 };

	made_event(&raw, 9, "\"odd\" : [ 1.0 ,2e3 ] , ");
	one.raw = buf_str(&raw);
	CHECK(eid_parse(STR("01890000-0000-7000-8000-000000000009"), &one.id));
	CHECK(eid_parse(STR(ID), &two.id));
	batch_encode(send, 2, &body);
	CHECK(body.len <= batch_send_bytes(&one) + batch_send_bytes(&two) + 64);
	CHECK_OK(batch_decode(&b, buf_str(&body), &e), &e);
	if (CHECK(b.n == 2)) {
		CHECK_EQ(b.item[0].ev.raw, one.raw);
		CHECK_EQ(b.item[1].ev.raw, two.raw);
		CHECK(b.item[0].relayed && !b.item[1].relayed);
		CHECK_STR(b.item[0].user, "b\"ob");
		CHECK_I(b.item[0].received_ms, 1234);
	}
	body.len = 0;
	batch_encode(send, 0, &body);
	CHECK_EQ(buf_str(&body), STR("{\"events\":[]}"));
	batch_fini(&b);
	buf_fini(&raw);
	buf_fini(&body);
}

/* --- the answer -------------------------------------------------------------- */

static void
answer_round_trip(void)
{
	struct batch_result r[] = {
		{ .id = STR("\"" ID "\""), .status = BATCH_SUCCESS, .seq = 41 },
		{ .id = STR("\"01890000000070008000000000000002\""),
		    .status = BATCH_DUPLICATE,
		    .seq = 7 },
		{ .id = STR("null"),
		    .status = BATCH_REJECTED,
		    .code = ERR_SCHEMA,
		    .why = STR("invalid \"x\"") },
		{ .id = STR("\"?\""),
		    .status = BATCH_REJECTED,
		    .code = ERR_PARENT,
		    .retry = true,
		    .why = STR("names") },
	};
	struct batch_answer in = { .result = r,
		.n = 4,
		.epoch = STR("ep"),
		.head = 41,
		.clock = 99 },
	                    out;
	struct arena a = { 0 };
	struct json j = { 0 };
	struct buf b = { 0 };
	struct err_info e = { 0 };

	batch_answer_encode(&in, &b);
	CHECK_EQ(buf_str(&b),
	    STR("{\"results\":[{\"event_id\":\"" ID "\",\"status\":\"success\","
	        "\"seq\":41},{\"event_id\":"
	        "\"01890000000070008000000000000002\","
	        "\"status\":\"duplicate\",\"seq\":7},{\"event_id\":null,"
	        "\"status\":\"rejected\",\"error\":\"invalid \\\"x\\\"\","
	        "\"error_message\":\"invalid \\\"x\\\"\","
	        "\"code\":\"schema_mismatch\",\"retry\":false},"
	        "{\"event_id\":\"?\",\"status\":\"rejected\",\"error\":"
	        "\"names\","
	        "\"error_message\":\"names\",\"code\":\"missing_parent\","
	        "\"retry\":true}],\"epoch\":\"ep\",\"head\":41,\"clock\":99}"));
	CHECK_OK(batch_answer_decode(&out, &j, buf_str(&b), &a, &e), &e);
	CHECK_U(out.head, 41);
	CHECK_U(out.clock, 99);
	CHECK_STR(out.epoch, "ep");
	if (CHECK(out.n == 4)) {
		CHECK(out.result[1].status == BATCH_DUPLICATE);
		CHECK_U(out.result[1].seq, 7);
		CHECK(out.result[1].eid.form == EID_UUID);
		CHECK(out.result[2].eid.form == EID_NONE);
		CHECK_ERR(out.result[2].code, ERR_SCHEMA);
		CHECK_STR(out.result[2].why, "invalid \"x\"");
		CHECK(out.result[3].retry && !out.result[2].retry);
	}
	arena_fini(&a);
	json_fini(&j);
	buf_fini(&b);
}

#define ANSWER(results) "{\"results\":[" results "],\"epoch\":\"e\",\"head\":3}"

static void
answers_not_to_trust(void)
{
	static const struct {
		const char *body;
		const char *word; /* NULL: fine */
	} rows[] = {
		{ ANSWER(""), NULL },
		{ ANSWER("{\"event_id\":\"" ID "\",\"status\":\"success\","
		         "\"seq\":1}"),
		    NULL },
		{ ANSWER("{\"event_id\":\"" ID "\",\"status\":\"rejected\"}"),
		    NULL },
		{ ANSWER("{\"event_id\":\"" ID "\",\"status\":\"rejected\","
		         "\"code\":\"new_one\",\"retry\":true}"),
		    NULL },
		{ "", "wrong" },
		{ "<html>", "wrong" },
		{ "\"x\"", "no results" },
		{ "[]", "no results" },
		{ "{\"results\":[]}", "no results" },
		{ "{\"results\":[],\"epoch\":\"\",\"head\":1}", "no results" },
		{ "{\"results\":[],\"epoch\":\"e\",\"head\":-1}",
		    "no results" },
		{ "{\"results\":{},\"epoch\":\"e\",\"head\":1}", "no results" },
		{ ANSWER("1"), "not an object" },
		{ ANSWER("{\"event_id\":\"" ID "\"}"), "status" },
		{ ANSWER("{\"event_id\":\"" ID "\",\"status\":\"success\"}"),
		    "seq" },
		{ ANSWER("{\"event_id\":\"" ID "\",\"status\":\"success\","
		         "\"seq\":0}"),
		    "seq" },
		{ ANSWER("{\"event_id\":\"" ID "\",\"status\":\"perhaps\"}"),
		    "perhaps" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct batch_answer out;
		struct arena a = { 0 };
		struct json j = { 0 };
		struct err_info e = { 0 };
		enum err rc =
		    batch_answer_decode(&out, &j, str_of(rows[i].body), &a, &e);

		t_note("%s: %s", rows[i].body, e.text);
		CHECK_ERR(rc, rows[i].word ? ERR_PROTOCOL : ERR_OK);
		CHECK(rows[i].word == NULL ||
		    strstr(e.text, rows[i].word) != NULL);
		if (rc == ERR_OK && out.n > 0 &&
		    out.result[0].status == BATCH_REJECTED)
			CHECK_ERR(out.result[0].code, ERR_REFUSED);
		arena_fini(&a);
		json_fini(&j);
	}
}

/* --- memory and time ------------------------------------------------------------ */

static void
every_allocation_may_fail(void)
{
	struct buf body = { 0 };
	struct batch b = { 0 };
	int n = 0;
	bool hit;

	buf_adds(&body,
	    "{\"relayed\":[{\"event_id\":\"" ID "\",\"user\":\"a\","
	    "\"received_at\":\"1970-01-01T00:00:00Z\"}],\"events\":[" GOOD
	    ",{},");
	made_event(&body, 3, "");
	buf_adds(&body, "]}");
	do {
		struct err_info e = { 0 };
		enum err rc;

		t_note("allocation %d", n);
		fault_arm(n++);
		rc = batch_decode(&b, buf_str(&body), &e);
		hit = fault_hit();
		fault_arm(-1);
		CHECK_ERR(rc, hit ? ERR_NOMEM : ERR_OK);
		batch_fini(&b);
	} while (hit && n < 1000);
	CHECK(n > 5);
	buf_fini(&body);
}

/* A batch is used again and again: what an earlier body left is not seen. */
static void
decodes_again(void)
{
	struct batch b = { 0 };
	struct err_info e = { 0 };

	CHECK_OK(batch_decode(&b, STR("{\"events\":[" GOOD "," GOOD "]}"), &e),
	    &e);
	CHECK_U(b.n, 2);
	CHECK_ERR(batch_decode(&b, STR("{"), &e), ERR_BAD_JSON);
	CHECK_U(b.n, 0);
	CHECK_OK(batch_decode(&b, STR("{\"events\":[{}]}"), &e), &e);
	CHECK_U(b.n, 1);
	CHECK_ERR(b.item[0].code, ERR_SCHEMA);
	batch_fini(&b);
}

/* Says what a batch of 1,000 costs; the figure is the bench's to judge. */
static void
decodes_fast(void)
{
	struct buf body = { 0 };
	struct batch b = { 0 };
	struct err_info e = { 0 };
	struct timespec t0, t1;
	double best = 1e9;

	buf_adds(&body, "{\"events\":[");
	for (unsigned i = 0; i < 1000; i++) {
		if (i > 0)
			buf_addc(&body, ',');
		made_event(&body, i, "");
	}
	buf_adds(&body, "]}");
	for (int i = 0; i < 5; i++) {
		double ms;

		(void)clock_gettime(CLOCK_MONOTONIC, &t0);
		CHECK_OK(batch_decode(&b, buf_str(&body), &e), &e);
		(void)clock_gettime(CLOCK_MONOTONIC, &t1);
		ms = (double)(t1.tv_sec - t0.tv_sec) * 1e3 +
		    (double)(t1.tv_nsec - t0.tv_nsec) / 1e6;
		best = ms < best ? ms : best;
	}
	CHECK_U(b.n, 1000);
	CHECK_ERR(b.item[999].code, ERR_OK);
	printf("# 1,000 events, %zu bytes: %.2f ms\n", body.len, best);
	batch_fini(&b);
	buf_fini(&body);
}

int
main(void)
{
	T_RUN(whole_bodies);
	T_RUN(limits_of_a_body);
	T_RUN(each_event_by_itself);
	T_RUN(depth_and_size_of_an_event);
	T_RUN(relayed_stands_beside);
	T_RUN(request_round_trip);
	T_RUN(answer_round_trip);
	T_RUN(answers_not_to_trust);
	T_RUN(every_allocation_may_fail);
	T_RUN(decodes_again);
	T_RUN(decodes_fast);
	return t_done();
}
