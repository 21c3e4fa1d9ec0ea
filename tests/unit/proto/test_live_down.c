/* Messages of a live connection from the hub, and what a client says. */
#include "live_down.h"

#include "fault.h"
#include "made.h"
#include "t.h"

static struct json json;
static struct arena mem;

static enum err
read_it(const char *text, struct live_down *d)
{
	struct err_info e = { 0 };

	arena_reset(&mem);
	return live_down_decode(d, &json, str_of(text), &mem, &e);
}

static void
rows(void)
{
	struct buf m = { 0 }, raw = { 0 }, ev = { 0 };
	struct live_down d;

	made_event(&raw, 5, "");
	live_put_event(&(struct pull_row){ .seq = 9,
	                   .user = STR("ann"),
	                   .received_ms = 1750000000000,
	                   .relayed = true,
	                   .raw = buf_str(&raw) },
	    &ev);
	CHECK_ERR(read_it(ev.data, &d), ERR_OK);
	CHECK_I(d.kind, LIVE_DOWN_ROWS);
	CHECK_U(d.rows.n, 1);
	CHECK_U(d.rows.next, 9);
	CHECK_U(d.rows.epoch.n, 0);
	CHECK_STR(d.rows.item[0].user, "ann");
	CHECK_I(d.rows.item[0].received_ms, 1750000000000);
	CHECK(d.rows.item[0].relayed);
	CHECK_EQ(d.rows.item[0].ev.raw, buf_str(&raw));

	live_put_events_begin(STR("e1"), 9, &m);
	live_put_events_row(buf_str(&ev), true, &m);
	live_put_events_end(&m);
	CHECK_ERR(read_it(m.data, &d), ERR_OK);
	CHECK_U(d.rows.n, 1);
	CHECK_STR(d.rows.epoch, "e1");
	/* One after the other, by one. */
	buf_reset(&m);
	live_put_events_begin(STR("e1"), 9, &m);
	live_put_events_row(buf_str(&ev), true, &m);
	live_put_events_row(buf_str(&ev), false, &m);
	live_put_events_end(&m);
	CHECK_ERR(read_it(m.data, &d), ERR_PROTOCOL);
	CHECK_U(d.rows.n, 0);
	buf_fini(&m);
	buf_fini(&raw);
	buf_fini(&ev);
}

static void
others(void)
{
	struct live_down d;

	CHECK_ERR(read_it("{\"type\":\"ack\",\"results\":[{\"event_id\":"
	                  "\"01890000-0000-7000-8000-000000000001\","
	                  "\"status\":\"duplicate\",\"seq\":3}],\"head\":7,"
	                  "\"clock\":12}",
	              &d),
	    ERR_OK);
	CHECK_I(d.kind, LIVE_DOWN_ACK);
	CHECK_U(d.ack.n, 1);
	CHECK_U(d.ack.head, 7);
	CHECK_U(d.ack.clock, 12);
	CHECK_I(d.ack.result[0].status, BATCH_DUPLICATE);
	CHECK_ERR(read_it("{\"type\":\"ping\"}", &d), ERR_OK);
	CHECK_I(d.kind, LIVE_DOWN_PING);
	CHECK_ERR(read_it("{\"type\":\"resync\",\"epoch\":\"e\"}", &d), ERR_OK);
	CHECK_STR(d.epoch, "e");
	CHECK_ERR(read_it("{\"type\":\"presence\",\"sessions\":[ {} ]}", &d),
	    ERR_OK);
	CHECK_STR(d.raw, "[ {} ]");
	CHECK_ERR(read_it("{\"type\":\"error\",\"code\":\"quota\","
	                  "\"message\":\"full\"}",
	              &d),
	    ERR_OK);
	CHECK_I(d.code, ERR_QUOTA);
	CHECK_STR(d.why, "full");
	CHECK_ERR(read_it("{\"type\":\"error\",\"code\":\"of_the_future\"}",
	              &d),
	    ERR_OK);
	CHECK(d.code != ERR_OK);
	CHECK_STR(d.why, "of_the_future");
	CHECK_ERR(read_it("{\"type\":\"of_the_future\"}", &d), ERR_OK);
	CHECK_I(d.kind, LIVE_DOWN_OTHER);
}

static void
said(void)
{
	struct batch_send ev = { 0 };
	const struct batch_send *list[] = { &ev };
	struct buf raw = { 0 }, body = { 0 }, m = { 0 };
	struct batch b = { 0 };
	struct err_info e = { 0 };
	struct live_in in;

	live_put_hello(STR(""), 0, &m);
	CHECK_OK(live_decode(&in, &b, buf_str(&m), &e), &e);
	CHECK_I(in.kind, LIVE_HELLO);
	CHECK(in.batch && in.epoch.n == 0);
	buf_reset(&m);
	live_put_hello(STR("e\"1"), 77, &m);
	CHECK_OK(live_decode(&in, &b, buf_str(&m), &e), &e);
	CHECK_STR(in.epoch, "e\"1");
	CHECK_U(in.after, 77);
	buf_reset(&m);
	made_event(&raw, 3, "");
	ev.raw = buf_str(&raw);
	batch_encode(list, 1, &body);
	live_put_batch(buf_str(&body), &m);
	CHECK_OK(live_decode(&in, &b, buf_str(&m), &e), &e);
	CHECK_I(in.kind, LIVE_EVENTS);
	CHECK_U(b.n, 1);
	CHECK_ERR(b.item[0].code, ERR_OK);
	buf_reset(&m);
	live_put_presence(STR("[{\"session_id\":\"s\"}]"), &m);
	CHECK_OK(live_decode(&in, &b, buf_str(&m), &e), &e);
	CHECK_I(in.kind, LIVE_PRESENCE);
	CHECK_U(in.n_sessions, 1);
	batch_fini(&b);
	buf_fini(&raw);
	buf_fini(&body);
	buf_fini(&m);
}

int
main(void)
{
	T_RUN(rows);
	T_RUN(others);
	T_RUN(said);
	json_fini(&json);
	arena_fini(&mem);
	return t_done();
}
