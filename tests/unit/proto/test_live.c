/* Messages of a live connection: what a hub takes and what it says. */
#include "live.h"

#include "fault.h"
#include "t.h"

#define ID "01890000-0000-7000-8000-000000000001"
#define REST \
	"\"event_type\":\"wp_updated\",\"aggregate_id\":\"001-a/WP01\"," \
	"\"aggregate_type\":\"work_package\",\"lamport_clock\":7," \
	"\"node_id\":\"n\",\"timestamp\":\"2026-04-28T10:30:00Z\"," \
	"\"payload\":{\"wp_id\":\"WP01\",\"title\":\"T\"}"
#define GOOD "{\"event_id\":\"" ID "\"," REST "}"

static void
messages(void)
{
	static const struct {
		const char *message;
		enum err code;
		enum live_kind kind;
		size_t events, judged; /* how many, and of them good */
	} rows[] = {
		{ GOOD, ERR_OK, LIVE_EVENTS, 1, 1 },
		{ "{\"type\":\"event\",\"event\":" GOOD "}", ERR_OK,
		    LIVE_EVENTS, 1, 1 },
		{ "{\"type\":\"events\",\"events\":[]}", ERR_OK, LIVE_EVENTS, 0,
		    0 },
		{ "{\"type\":\"events\",\"events\":[" GOOD ",1," GOOD "]}",
		    ERR_OK, LIVE_EVENTS, 3, 2 },
		{ "{}", ERR_OK, LIVE_EVENTS, 1, 0 },
		{ "{\"event_id\":\"" ID "\"}", ERR_OK, LIVE_EVENTS, 1, 0 },
		{ "{\"type\":\"pong\",\"timestamp\":1}", ERR_OK, LIVE_PONG, 0,
		    0 },
		{ "{\"type\":\"ping\"}", ERR_OK, LIVE_PING, 0, 0 },
		{ "{\"type\":\"of_the_future\",\"x\":[]}", ERR_OK, LIVE_OTHER,
		    0, 0 },
		{ "{\"t\\u0079pe\":\"pong\"}", ERR_OK, LIVE_PONG, 0, 0 },
		{ "{\"type\":\"hello\"}", ERR_OK, LIVE_HELLO, 0, 0 },
		{ "{\"type\":\"auth\",\"token\":\"t\"}", ERR_OK, LIVE_AUTH, 0,
		    0 },
		{ "{\"type\":\"presence\",\"sessions\":[]}", ERR_OK,
		    LIVE_PRESENCE, 0, 0 },
		{ "", ERR_BAD_JSON, LIVE_OTHER, 0, 0 },
		{ "{\"type\":\"pong\"} x", ERR_BAD_JSON, LIVE_OTHER, 0, 0 },
		{ "[]", ERR_BAD_REQUEST, LIVE_OTHER, 0, 0 },
		{ "\"pong\"", ERR_BAD_REQUEST, LIVE_OTHER, 0, 0 },
		{ "{\"type\":1}", ERR_BAD_REQUEST, LIVE_OTHER, 0, 0 },
		{ "{\"type\":\"event\"}", ERR_BAD_REQUEST, LIVE_EVENTS, 0, 0 },
		{ "{\"type\":\"events\",\"events\":{}}", ERR_BAD_REQUEST,
		    LIVE_EVENTS, 0, 0 },
		{ "{\"type\":\"events\"}", ERR_BAD_REQUEST, LIVE_EVENTS, 0, 0 },
		{ "{\"type\":\"hello\",\"after\":-1}", ERR_BAD_REQUEST,
		    LIVE_HELLO, 0, 0 },
		{ "{\"type\":\"hello\",\"after\":9007199254740992}",
		    ERR_BAD_REQUEST, LIVE_HELLO, 0, 0 },
		{ "{\"type\":\"hello\",\"epoch\":1}", ERR_BAD_REQUEST,
		    LIVE_HELLO, 0, 0 },
		{ "{\"type\":\"hello\",\"batch\":1}", ERR_BAD_REQUEST,
		    LIVE_HELLO, 0, 0 },
		{ "{\"type\":\"auth\"}", ERR_BAD_REQUEST, LIVE_AUTH, 0, 0 },
		{ "{\"type\":\"auth\",\"token\":\"\"}", ERR_BAD_REQUEST,
		    LIVE_AUTH, 0, 0 },
		{ "{\"type\":\"presence\"}", ERR_BAD_REQUEST, LIVE_PRESENCE, 0,
		    0 },
		{ "{\"type\":\"presence\",\"sessions\":[1]}", ERR_BAD_REQUEST,
		    LIVE_PRESENCE, 0, 0 },
		{ "{\"type\":\"presence\",\"sessions\":[{\"agent\":\"a\"}]}",
		    ERR_BAD_REQUEST, LIVE_PRESENCE, 0, 0 },
		{ "{\"type\":\"presence\",\"sessions\":[{\"session_id\":\"s\","
		  "\"a\":1,\"a\":2}]}",
		    ERR_BAD_JSON, LIVE_PRESENCE, 0, 0 },
	};
	struct batch b = { 0 };

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct err_info e = { 0 };
		struct live_in in;
		size_t good = 0;

		t_note("%s", rows[i].message);
		CHECK_ERR(live_decode(&in, &b, str_of(rows[i].message), &e),
		    rows[i].code);
		CHECK_I(in.kind, rows[i].kind);
		CHECK_U(b.n, rows[i].events);
		for (size_t k = 0; k < b.n; k++)
			good += b.item[k].code == ERR_OK;
		CHECK_U(good, rows[i].judged);
		CHECK((rows[i].code == ERR_OK) == (e.text[0] == '\0'));
	}
	batch_fini(&b);
}

static void
what_a_hello_says(void)
{
	struct batch b = { 0 };
	struct err_info e = { 0 };
	struct live_in in;

	CHECK_OK(live_decode(&in, &b,
	             STR("{\"type\":\"hello\",\"epoch\":\"e1\",\"after\":7,"
	                 "\"batch\":true,\"protocol_version\":1}"),
	             &e),
	    &e);
	CHECK_STR(in.epoch, "e1");
	CHECK_U(in.after, 7);
	CHECK(in.batch);
	/* A position of no epoch is none. */
	CHECK_OK(live_decode(&in, &b,
	             STR("{\"type\":\"hello\",\"epoch\":null,\"after\":7}"),
	             &e),
	    &e);
	CHECK_U(in.epoch.n, 0);
	CHECK_U(in.after, 0);
	CHECK(!in.batch);
	batch_fini(&b);
}

static void
sessions_are_kept_as_they_came(void)
{
	struct batch b = { 0 };
	struct buf out = { 0 };
	struct err_info e = { 0 };
	struct live_in in;

	CHECK_OK(live_decode(&in, &b,
	             STR("{\"type\":\"presence\",\"sessions\":[ "
	                 "{\"session_id\":\"s\\u0031\", \"user\" :7, "
	                 "\"more\":[1, 2.50]},"
	                 "{\"session_id\":\"s2\"}]}"),
	             &e),
	    &e);
	CHECK_U(in.n_sessions, 2);
	CHECK_STR(in.session[0].id, "s1");
	live_put_session(&b.json, in.session[0].node, STR("a\"n"), &out);
	CHECK_STR(buf_str(&out),
	    "{\"user\":\"a\\\"n\",\"session_id\":\"s\\u0031\","
	    "\"more\":[1, 2.50]}");
	CHECK_STR(in.session[1].id, "s2");
	buf_fini(&out);
	batch_fini(&b);
}

/* A message is as long as it may be, and not a byte longer. */
static void
presence_is_cut(void)
{
	struct buf out = { 0 }, session = { 0 };
	size_t n = 0;

	while (session.len < 4096 - 7)
		buf_addc(&session, '1');
	live_put_presence_begin(&out);
	while (live_put_presence_row(buf_str(&session), n == 0, &out))
		n++;
	/* What is left is filled to the last byte. */
	session.len = LIVE_MESSAGE_MAX - out.len - 1 -
	    strlen("],\"truncated\":true}") + 1;
	CHECK(!live_put_presence_row(buf_str(&session), false, &out));
	session.len--;
	CHECK(live_put_presence_row(buf_str(&session), false, &out));
	live_put_presence_end(true, &out);
	CHECK_U(out.len, LIVE_MESSAGE_MAX);
	CHECK_U(n, 256);
	buf_fini(&out);
	buf_fini(&session);
}

/* As many as the limit are read, one more is not. */
static void
limits_are_kept(void)
{
	static const struct {
		const char *begin, *each;
		size_t most;
	} rows[] = {
		{ "{\"type\":\"events\",\"events\":[", "1", PROTO_EVENTS_MAX },
		{ "{\"type\":\"presence\",\"sessions\":[",
		    "{\"session_id\":\"s\"}", LIVE_SESSIONS_MAX },
	};

	for (size_t r = 0; r < 2; r++)
		for (size_t more = 0; more < 2; more++) {
			struct buf m = { 0 };
			struct batch b = { 0 };
			struct err_info e = { 0 };
			struct live_in in;

			t_note("%s, %zu more", rows[r].begin, more);
			buf_adds(&m, rows[r].begin);
			for (size_t i = 0; i < rows[r].most + more; i++)
				buf_addf(&m, "%s%s", i ? "," : "",
				    rows[r].each);
			buf_adds(&m, "]}");
			CHECK_ERR(live_decode(&in, &b, buf_str(&m), &e),
			    more ? ERR_BAD_REQUEST : ERR_OK);
			batch_fini(&b);
			buf_fini(&m);
		}
}

static void
what_a_hub_says(void)
{
	struct batch_result result[2] = {
		{ .id = STR("\"" ID "\""), .status = BATCH_SUCCESS, .seq = 8 },
		{ .id = STR("null"),
		    .status = BATCH_REJECTED,
		    .code = ERR_SCHEMA,
		    .why = STR("invalid") },
	};
	const struct batch_answer answer = {
		.result = result, .n = 2, .head = 8, .clock = 9
	};
	struct json j = { 0 };
	struct buf out = { 0 };
	struct err_info e = { 0 };

	live_put_ack(&answer, &out);
	CHECK_OK(json_parse(&j, buf_str(&out), 10, &e), &e);
	CHECK(json_str_is(&j, json_get(&j, 0, "type"), STR("ack")));
	CHECK_U(j.node[json_get(&j, 0, "results")].n, 2);
	CHECK_STR(json_raw(&j, json_get(&j, 0, "head")), "8");
	CHECK_STR(json_raw(&j, json_get(&j, 0, "clock")), "9");
	buf_reset(&out);
	live_put_ping(0, &out);
	CHECK_STR(buf_str(&out),
	    "{\"type\":\"ping\",\"timestamp\":\"1970-01-01T00:00:00.000Z\"}");
	buf_reset(&out);
	live_put_pong(0, &out);
	CHECK_STR(buf_str(&out),
	    "{\"type\":\"pong\",\"timestamp\":\"1970-01-01T00:00:00.000Z\"}");
	buf_reset(&out);
	live_put_error(ERR_SESSION, STR("it \"ended\""), &out);
	CHECK_STR(buf_str(&out),
	    "{\"type\":\"error\",\"code\":\"session_invalid\","
	    "\"message\":\"it \\\"ended\\\"\"}");
	buf_reset(&out);
	live_put_presence_error(ERR_QUOTA, STR("too many"), &out);
	CHECK_STR(buf_str(&out),
	    "{\"type\":\"error\",\"code\":\"quota\","
	    "\"message\":\"too many\",\"about\":\"presence\"}");
	buf_reset(&out);
	live_put_resync(STR("e2"), &out);
	CHECK_STR(buf_str(&out), "{\"type\":\"resync\",\"epoch\":\"e2\"}");
	buf_reset(&out);
	live_put_auth_success(&out);
	CHECK_STR(buf_str(&out), "{\"type\":\"auth_success\"}");
	buf_fini(&out);
	json_fini(&j);
}

/* Many in one message are the rows of the single ones. */
static void
many_events_are_the_single_ones(void)
{
	const struct pull_row row[2] = {
		{ .seq = 3, .user = STR("ann"), .raw = STR(GOOD) },
		{ .seq = 4, .relayed = true, .raw = STR("{\"x\":1}") },
	};
	struct buf one[2] = { { 0 }, { 0 } }, many = { 0 };
	struct json j = { 0 }, k = { 0 };
	struct err_info e = { 0 };
	uint32_t at;

	live_put_events_begin(STR("e\"1"), 3, &many);
	for (size_t i = 0; i < 2; i++) {
		live_put_event(&row[i], &one[i]);
		live_put_events_row(buf_str(&one[i]), i == 0, &many);
	}
	live_put_events_end(&many);
	CHECK_OK(json_parse(&j, buf_str(&many), 20, &e), &e);
	CHECK_OK(json_check(&j, 0, 20, &e), &e);
	CHECK(json_str_is(&j, json_get(&j, 0, "type"), STR("events")));
	CHECK(json_str_is(&j, json_get(&j, 0, "epoch"), STR("e\"1")));
	CHECK_STR(json_raw(&j, json_get(&j, 0, "first")), "3");
	at = json_get(&j, 0, "events");
	CHECK_U(j.node[at].n, 2);
	at++;
	for (size_t i = 0; i < 2; i++) {
		CHECK_OK(json_parse(&k, buf_str(&one[i]), 20, &e), &e);
		CHECK(json_str_is(&k, json_get(&k, 0, "type"), STR("event")));
		CHECK(json_get(&j, at, "type") == 0);
		CHECK_EQ(json_raw(&j, json_get(&j, at, "event")), row[i].raw);
		CHECK_EQ(json_raw(&k, json_get(&k, 0, "event")), row[i].raw);
		CHECK_EQ(json_raw(&j, json_get(&j, at, "seq")),
		    json_raw(&k, json_get(&k, 0, "seq")));
		at = json_next(&j, at);
		buf_fini(&one[i]);
	}
	buf_fini(&many);
	json_fini(&j);
	json_fini(&k);
}

static void
every_fault_point_is_survived(void)
{
	int n = 0;

	do {
		struct batch b = { 0 };
		struct err_info e = { 0 };
		struct live_in in;
		enum err rc;

		fault_arm(n++);
		rc = live_decode(&in, &b,
		    STR("{\"type\":\"events\",\"events\":[" GOOD "]}"), &e);
		if (rc == ERR_OK)
			rc = live_decode(&in, &b,
			    STR("{\"type\":\"presence\",\"sessions\":["
			        "{\"session_id\":\"\\u0073\"}]}"),
			    &e);
		CHECK((rc == ERR_OK) == !fault_hit());
		CHECK(rc == ERR_OK || rc == ERR_NOMEM);
		batch_fini(&b);
	} while (fault_hit() && !t_failing());
	CHECK(n > 3);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(messages);
	T_RUN(what_a_hello_says);
	T_RUN(sessions_are_kept_as_they_came);
	T_RUN(presence_is_cut);
	T_RUN(limits_are_kept);
	T_RUN(what_a_hub_says);
	T_RUN(many_events_are_the_single_ones);
	T_RUN(every_fault_point_is_survived);
	return t_done();
}
