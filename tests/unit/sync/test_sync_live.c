/* The live engine against a scripted hub and a scripted wire.
 *
 * A driver does what the engine wants until it waits, and writes down what that
 * was, one letter each; the hub's tail is handed over in between.  Time stands
 * still unless a test moves it. */
#include "sync_live.h"

#include <stdio.h>
#include <stdlib.h>

#include "scripted.h"

struct line {
	struct replica r;
	struct hub h;
	struct sync_replica ops;
	struct sync_live *l;
	struct sync_now now;

	/* What happens to the next calls; 0: the usual. */
	unsigned call_status, token_status, open_status;
	enum err call_transport, open_transport, refresh;
	int64_t retry_after_s;
	bool mute;    /* an opened connection brings nothing */
	bool no_acks; /* batches are heard and not answered */
	bool drops;   /* an opened connection is lost at once */

	bool open;
	uint64_t cursor; /* what the connection has got */
	char did[256]; /* C call, B batch by call, T token, R refresh, O open, H
	                    hello, E events, P pong, S presence, X close */
	size_t n_did;
	uint64_t until_ms; /* of the last wait */
	unsigned rounds;
	char here[64];              /* the hub's last word on who is there */
	char refused[64];           /* why it did not take ours */
	struct fault_group *faults; /* of the engine's own calls */
};

/* A call of the engine. */
#define LIVE(w, call) \
	do { \
		fault_join((w)->faults); \
		(call); \
		fault_join(NULL); \
	} while (0)

/* Gives the whole of each pause up to 16 s: one less than what all of their
 * lengths divide. */
#define DICE_TOP UINT64_C(8159025482465484626)

static uint64_t dice; /* what the replica's random() gives */

static uint64_t
roll(void *ctx)
{
	(void)ctx;
	return dice;
}

static void
did(struct line *w, char what)
{
	if (w->n_did + 1 < sizeof w->did)
		w->did[w->n_did++] = what;
	w->did[w->n_did] = '\0';
}

/* What it did since the last look. */
static void
expect(struct line *w, const char *want, int at)
{
	t_note("line %d", at);
	CHECK_STR(str_of(w->did), want);
	w->n_did = 0;
	w->did[0] = '\0';
	t_note(" ");
}
#define EXPECT(w, want) expect((w), (want), __LINE__)

static void
on_round(void *ctx, const struct sync_report *r)
{
	struct line *w = ctx;

	(void)r;
	w->rounds++;
}

static void
on_presence_refused(void *ctx, struct str why)
{
	struct line *w = ctx;

	str_copy(w->refused, sizeof w->refused, why);
}

static void
on_presence(void *ctx, struct str sessions)
{
	struct line *w = ctx;

	str_copy(w->here, sizeof w->here, sessions);
}

/* mine, log: as in test_sync.c. */
static void
line_init(struct line *w, const char *mine, const char *log)
{
	struct sync_live_options opt = { .team = STR("red"),
		.interval_ms = 60000,
		.round = on_round,
		.presence = on_presence,
		.presence_refused = on_presence_refused,
		.ctx = w };
	struct err_info e = { 0 };

	*w = (struct line){ .h = { .epoch = "e1" },
		.retry_after_s = -1,
		.now = { 1000000, 1000000, 1750000000000 } };
	for (unsigned i = 0; i < EVENTS; i++)
		made_event(&w->r.raw[i], i, "");
	for (unsigned i = 0; mine[i] != '\0'; i++)
		w->r.ev[i].fate = UNACKED;
	for (; log[w->h.n] != '\0'; w->h.n++)
		w->h.log[w->h.n] = (unsigned)(log[w->h.n] - 'A');
	dice = DICE_TOP;
	w->ops = ops;
	w->ops.ctx = &w->r;
	w->ops.random = roll;
	CHECK_OK(sync_live_new(&w->l, &w->ops, &opt, &e), &e);
}

static void
line_fini(struct line *w)
{
	sync_live_free(w->l);
	for (unsigned i = 0; i < EVENTS; i++)
		buf_fini(&w->r.raw[i]);
	buf_fini(&w->h.out);
}

static void
heard(struct line *w, const char *text)
{
	LIVE(w, sync_live_heard(w->l, &w->now, str_of(text)));
}

static void
says_body(struct line *w, const struct buf *b)
{
	LIVE(w, sync_live_heard(w->l, &w->now, buf_str(b)));
}

/* Rows first + 1 ... of the hub's log. */
static void
rows(struct line *w, uint64_t first, uint64_t last, const char *epoch)
{
	struct buf m = { 0 }, ev = { 0 }, raw = { 0 };

	live_put_events_begin(str_of(epoch), first + 1, &m);
	for (uint64_t seq = first + 1; seq <= last; seq++) {
		buf_reset(&ev);
		buf_reset(&raw);
		made_event(&raw, w->h.log[seq - 1], "");
		live_put_event(&(struct pull_row){ .seq = seq,
		                   .user = STR("ann"),
		                   .raw = buf_str(&raw) },
		    &ev);
		live_put_events_row(buf_str(&ev), seq == first + 1, &m);
	}
	live_put_events_end(&m);
	says_body(w, &m);
	buf_fini(&m);
	buf_fini(&ev);
	buf_fini(&raw);
}

static void
on_call(struct line *w, const struct sync_want *call)
{
	struct sync_reply reply = { .retry_after_s = w->retry_after_s };
	bool token = str_is(call->target, LIVE_TOKEN_PATH);
	unsigned status = token ? w->token_status : w->call_status;

	did(w, (char)(token ? 'T' : call->body.n > 0 ? 'B' : 'C'));
	if (token)
		CHECK_STR(call->body, "{\"team_id\":\"red\"}");
	if (w->call_transport != ERR_OK) {
		reply.transport = w->call_transport;
	} else if (status != 0) {
		reply.status = status;
	} else if (token) {
		reply.status = 200;
		reply.body =
		    STR("{\"ws_token\":\"secret\",\"expires_in\":300}");
	} else {
		hub_answer(&w->h, call, &reply);
	}
	LIVE(w, sync_live_answer(w->l, &w->now, &reply));
}

static void
on_open(struct line *w, struct str token)
{
	struct sync_reply reply = { .transport = w->open_transport,
		.status = w->open_status ? w->open_status : 101,
		.retry_after_s = w->retry_after_s };

	did(w, 'O');
	CHECK_STR(token, "secret");
	CHECK(!w->open);
	w->open = reply.transport == ERR_OK && reply.status == 101;
	w->cursor = UINT64_MAX; /* until it says hello */
	LIVE(w, sync_live_opened(w->l, &w->now, &reply));
	if (w->open && w->drops) {
		w->open = false;
		LIVE(w, sync_live_lost(w->l, &w->now, NULL));
	}
}

static void
on_hello(struct line *w, const struct json *j)
{
	struct arena a = { 0 };
	struct str epoch = { 0 };
	uint64_t after = 0;

	did(w, 'H');
	(void)json_str(j, json_get(j, 0, "epoch"), &a, &epoch);
	(void)json_u53(j, json_get(j, 0, "after"), &after);
	CHECK_STR(epoch, w->h.epoch);
	w->cursor = after;
	arena_fini(&a);
}

static void
on_events(struct line *w, struct str text)
{
	struct sync_reply reply = { 0 };
	struct buf ack = { 0 };

	did(w, 'E');
	buf_reset(&w->h.out);
	hub_batch(&w->h, text, &reply);
	CHECK_U(reply.status, 200);
	buf_adds(&ack, "{\"type\":\"ack\",");
	buf_add(&ack, w->h.out.data + 1, w->h.out.len - 1);
	if (!w->no_acks)
		says_body(w, &ack);
	buf_fini(&ack);
}

static void
on_say(struct line *w, struct str text)
{
	struct json j = { 0 };
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct str type = { 0 };

	CHECK(w->open);
	CHECK(text.n <= LIVE_MESSAGE_MAX);
	CHECK_OK(json_parse(&j, text, JSON_DEPTH_MAX, &e), &e);
	CHECK(json_str(&j, json_get(&j, 0, "type"), &a, &type));
	if (str_is(type, "hello"))
		on_hello(w, &j);
	else if (str_is(type, "events"))
		on_events(w, text);
	else if (str_is(type, "pong"))
		did(w, 'P');
	else if (str_is(type, "presence"))
		did(w, 'S');
	else
		CHECK(false);
	json_fini(&j);
	arena_fini(&a);
}

/* Until it waits and the wire has nothing more. */
static void
run(struct line *w)
{
	struct sync_live_want want = { .need = SYNC_LIVE_CALL };
	struct err_info e = { 0 };
	unsigned steps = 0;

	while (++steps < 200) {
		LIVE(w, sync_live_step(w->l, &w->now, &want));
		switch (want.need) {
		case SYNC_LIVE_CALL:
			on_call(w, &want.call);
			break;
		case SYNC_LIVE_REFRESH:
			did(w, 'R');
			e.code = w->refresh;
			LIVE(w, sync_live_refreshed(w->l, &w->now, e.code, &e));
			break;
		case SYNC_LIVE_OPEN:
			on_open(w, want.token);
			break;
		case SYNC_LIVE_SAY:
			on_say(w, want.text);
			break;
		case SYNC_LIVE_CLOSE:
			did(w, 'X');
			CHECK(w->open);
			w->open = false;
			break;
		case SYNC_LIVE_WAIT:
			w->until_ms = want.until_ms;
			if (w->mute || !w->open || w->cursor >= w->h.n)
				return;
			rows(w, w->cursor, w->h.n, w->h.epoch);
			w->cursor = w->h.n;
			break;
		}
	}
	CHECK(steps < 200);
}

static void
pass(struct line *w, uint64_t ms)
{
	w->now.mono_ms += ms;
	w->now.boot_ms += ms;
	w->now.wall_ms += (int64_t)ms;
	run(w);
}

/* To the end of what it waits for. */
static void
pass_wait(struct line *w)
{
	pass(w, w->until_ms - w->now.mono_ms);
}

static enum sync_word
state(const struct line *w)
{
	struct sync_live_status st;

	sync_live_status(w->l, &st);
	return st.word;
}

static bool
is_live(const struct line *w)
{
	struct sync_live_status st;

	sync_live_status(w->l, &st);
	CHECK(!st.live || st.error.code == ERR_OK);
	CHECK(!st.live || st.word == SYNC_CONNECTED);
	return st.live;
}

/* An event of this machine. */
static void
author(struct line *w, unsigned n)
{
	w->r.ev[n].fate = UNACKED;
	sync_live_changed(w->l);
}

/* One of somebody else. */
static void
other(struct line *w, unsigned n)
{
	w->h.log[w->h.n++] = n;
}

static void
begin(struct line *w, const char *mine, const char *log)
{
	line_init(w, mine, log);
	run(w);
	CHECK(is_live(w));
	EXPECT(w, mine[0] != '\0' ? "CBTOH" : "CTOH");
}

/* --- the way there, and what goes over it --------------------------------------------- */

static void
comes_live(void)
{
	struct line w;

	line_init(&w, "uu", "FG");
	CHECK_I(state(&w), SYNC_RECONNECTING);
	run(&w);
	EXPECT(&w, "CBTOH");
	CHECK(is_live(&w));
	CHECK_U(w.rounds, 1);
	CHECK_U(w.r.pulled, 4);
	CHECK_U(w.r.contacts, 1);
	CHECK_I(w.r.ev[0].fate, ACKED);
	line_fini(&w);
}

static void
goes_up(void)
{
	struct line w;

	begin(&w, "", "");
	author(&w, 0);
	run(&w);
	EXPECT(&w, "E");
	CHECK_I(w.r.ev[0].fate, ACKED);
	CHECK_U(w.r.ev[0].seq, 1);
	CHECK_U(w.r.pulled, 1);
	/* Its own comes back and says nothing new; a change that is none. */
	sync_live_changed(w.l);
	run(&w);
	EXPECT(&w, "");
	CHECK(is_live(&w));
	/* While one answer is awaited nothing else goes. */
	w.no_acks = true;
	author(&w, 1);
	run(&w);
	author(&w, 2);
	run(&w);
	EXPECT(&w, "E");
	/* The tail has it before the answer. */
	CHECK_I(w.r.ev[1].fate, ACKED);
	w.no_acks = false;
	heard(&w,
	    "{\"type\":\"ack\",\"results\":[{\"event_id\":"
	    "\"01890000-0000-7000-8000-000000000001\",\"status\":\"success\","
	    "\"seq\":2}],\"head\":2}");
	run(&w);
	EXPECT(&w, "E");
	CHECK_I(w.r.ev[2].fate, ACKED);
	CHECK_U(w.r.pulled, 3);
	line_fini(&w);
}

static void
comes_down(void)
{
	struct line w;

	begin(&w, "", "A");
	other(&w, 5);
	other(&w, 6);
	run(&w);
	CHECK_I(w.r.ev[5].fate, ACKED);
	CHECK_U(w.r.pulled, 3);
	/* What is known is passed over, also before what is new. */
	other(&w, 7);
	rows(&w, 0, 4, "e1");
	w.cursor = 4;
	CHECK_U(w.r.pulled, 4);
	heard(&w, "{\"type\":\"from_the_future\"}");
	run(&w);
	EXPECT(&w, "");
	CHECK(is_live(&w));
	line_fini(&w);
}

static void
a_batch_is_cut(void)
{
	struct line w;

	begin(&w, "", "");
	for (unsigned i = 0; i < 5; i++)
		author(&w, i);
	/* (What is waited for wakes up what waits.) */
	w.h.rule[0] = (struct rule){ 2, ERR_PARENT, true, 1 };
	run(&w);
	EXPECT(&w, "EE");
	CHECK_I(w.r.ev[2].fate, ACKED);
	CHECK_I(w.r.ev[4].fate, ACKED);
	line_fini(&w);
}

static void
one_is_refused(void)
{
	struct line w;

	begin(&w, "", "");
	w.h.rule[0] = (struct rule){ 1, ERR_SCHEMA, false, 0 };
	author(&w, 0);
	author(&w, 1);
	run(&w);
	EXPECT(&w, "E");
	CHECK_I(w.r.ev[0].fate, ACKED);
	CHECK_I(w.r.ev[1].fate, REFUSED);
	CHECK(is_live(&w));
	line_fini(&w);
}

/* What only a whole exchange does. */
static void
leaves_for_a_round(void)
{
	struct line w;

	begin(&w, "", "");
	/* Stamped below what the team has. */
	w.h.rule[0] = (struct rule){ 0, ERR_CLOCK_BEHIND, true, 1 };
	author(&w, 0);
	run(&w);
	EXPECT(&w, "EXCBTOH");
	CHECK_I(w.r.ev[0].fate, ACKED);
	CHECK(is_live(&w));
	line_fini(&w);

	/* Told by another client: who sent it does not go over a connection. */
	begin(&w, "", "");
	w.r.ev[3].other = w.r.ev[3].fixed = true;
	author(&w, 3);
	run(&w);
	EXPECT(&w, "XCBTOH");
	CHECK_I(w.r.ev[3].fate, ACKED);
	line_fini(&w);

	/* Wished for. */
	begin(&w, "", "");
	sync_live_poke(w.l, true);
	run(&w);
	EXPECT(&w, "XCTOH");
	CHECK_U(w.rounds, 2);
	sync_live_poke(w.l, false);
	run(&w);
	EXPECT(&w, "");
	line_fini(&w);
}

/* A hub that always wants another round is not asked all the time. */
static void
rounds_have_pauses(void)
{
	struct line w;
	uint64_t last = 0;

	begin(&w, "", "");
	w.r.ev[3].other = w.r.ev[3].fixed = true;
	for (unsigned i = 0; i < 6; i++) {
		w.r.ev[3].fate = UNACKED;
		sync_live_changed(w.l);
		run(&w);
		if (is_live(&w))
			continue;
		CHECK(w.until_ms - w.now.mono_ms >= last);
		last = w.until_ms - w.now.mono_ms;
		pass_wait(&w);
		CHECK(is_live(&w));
	}
	CHECK(last >= 8000);
	line_fini(&w);
}

/* --- what must not be on a connection --------------------------------------------------- */

static void
wrong_words(void)
{
	static const struct {
		const char *says;
		enum err code;
	} rows_[] = {
		{ "", ERR_OK }, /* a heartbeat */
		{ "no json", ERR_PROTOCOL },
		{ "[]", ERR_PROTOCOL },
		{ "{}", ERR_PROTOCOL },
		{ "{\"type\":1}", ERR_PROTOCOL },
		{ "{\"type\":\"event\",\"seq\":2}", ERR_PROTOCOL },
		{ "{\"type\":\"events\",\"epoch\":\"e1\"}", ERR_PROTOCOL },
		{ "{\"type\":\"events\",\"events\":[]}", ERR_PROTOCOL },
		{ "{\"type\":\"events\",\"epoch\":\"e2\",\"events\":[]}",
		    ERR_PROTOCOL },
		{ "{\"type\":\"events\",\"epoch\":\"e1\",\"events\":[7]}",
		    ERR_PROTOCOL },
		{ "{\"type\":\"ack\",\"results\":[],\"head\":1}",
		    ERR_PROTOCOL },
		{ "{\"type\":\"ack\",\"head\":1}", ERR_PROTOCOL },
		{ "{\"type\":\"presence\"}", ERR_PROTOCOL },
		{ "{\"type\":\"resync\"}", ERR_PROTOCOL },
		{ "{\"type\":\"resync\",\"epoch\":\"e2\"}", ERR_RESYNC },
		{ "{\"type\":\"error\"}", ERR_FAILED },
		{ "{\"type\":\"error\",\"code\":\"throttled\","
		  "\"message\":\"slower\"}",
		    ERR_THROTTLED },
		{ "{\"type\":\"error\",\"code\":\"unauthorized\"}",
		    ERR_UNAUTHORIZED },
	};

	for (size_t i = 0; i < sizeof rows_ / sizeof rows_[0]; i++) {
		struct sync_live_status st;
		struct line w;

		t_note("%s", rows_[i].says);
		begin(&w, "", "A");
		heard(&w, rows_[i].says);
		run(&w);
		sync_live_status(w.l, &st);
		CHECK_I(st.error.code, rows_[i].code);
		CHECK(st.live == (rows_[i].code == ERR_OK));
		/* None of it means that nobody is signed in. */
		CHECK(st.live || st.word == SYNC_RECONNECTING);
		EXPECT(&w, st.live ? "" : "X");
		pass_wait(&w);
		CHECK(is_live(&w));
		line_fini(&w);
	}
	t_note(" ");
}

static void
a_gap(void)
{
	struct line w;

	begin(&w, "", "");
	other(&w, 5);
	other(&w, 6);
	w.mute = true;
	rows(&w, 1, 2, "e1");
	CHECK_U(w.r.pulled, 0);
	run(&w);
	EXPECT(&w, "X");
	w.mute = false;
	pass_wait(&w);
	EXPECT(&w, "CTOH");
	CHECK_U(w.r.pulled, 2);
	line_fini(&w);
}

/* The replica fails: nothing of it is held against the hub's log. */
static void
the_replica_fails(void)
{
	static const char *const calls[] = { "take", "settle", "unacked",
		"position" };

	for (size_t i = 0; i < sizeof calls / sizeof calls[0]; i++) {
		struct line w;

		t_note("%s", calls[i]);
		begin(&w, "", "");
		w.r.fails = calls[i];
		author(&w, 0);
		other(&w, 5);
		run(&w);
		CHECK(!is_live(&w));
		w.r.fails = NULL;
		for (unsigned n = 0; n < 5 && !is_live(&w); n++)
			pass_wait(&w);
		CHECK(is_live(&w));
		CHECK_I(w.r.ev[0].fate, ACKED);
		CHECK_I(w.r.ev[5].fate, ACKED);
		CHECK_U(w.h.n, 2);
		CHECK_U(w.r.pulled, 2);
		line_fini(&w);
	}
	t_note(" ");
}

/* --- time ------------------------------------------------------------------------------- */

static void
heartbeats(void)
{
	struct line w;

	begin(&w, "", "");
	CHECK_U(w.until_ms, w.now.mono_ms + SYNC_LIVE_SILENCE_MS);
	for (unsigned i = 0; i < 10; i++) {
		pass(&w, 20000);
		heard(&w, "{\"type\":\"ping\"}");
		run(&w);
		EXPECT(&w, "P");
	}
	/* Two are missing. */
	pass(&w, SYNC_LIVE_SILENCE_MS - 1);
	EXPECT(&w, "");
	pass(&w, 1);
	EXPECT(&w, "XCTOH");
	CHECK(is_live(&w));
	line_fini(&w);
}

static void
an_answer_is_missing(void)
{
	struct line w;

	begin(&w, "", "");
	w.no_acks = w.mute = true;
	author(&w, 0);
	run(&w);
	EXPECT(&w, "E");
	for (unsigned i = 0; i < 2; i++) {
		pass(&w, 20000);
		heard(&w, "{\"type\":\"ping\"}");
		run(&w);
	}
	EXPECT(&w, "PP");
	pass(&w, SYNC_LIVE_ACK_MS - 40000);
	/* The pull of the round brings what was taken. */
	EXPECT(&w, "XCTOH");
	CHECK_I(w.r.ev[0].fate, ACKED);
	CHECK_U(w.h.n, 1);
	line_fini(&w);
}

static void
contact_is_noted_now_and_then(void)
{
	struct line w;

	begin(&w, "", "");
	CHECK_U(w.r.contacts, 1);
	for (unsigned i = 0; i < 31; i++) {
		pass(&w, 20000);
		heard(&w, "");
	}
	CHECK_U(w.r.contacts, 3);
	line_fini(&w);
}

static void
the_machine_slept(void)
{
	struct line w;

	begin(&w, "", "");
	/* Time that the machine knows of. */
	pass(&w, 30000);
	EXPECT(&w, "");
	w.now.boot_ms += SYNC_LIVE_SLEPT_MS + 1;
	run(&w);
	EXPECT(&w, "XCTOH");
	CHECK(is_live(&w));
	run(&w);
	EXPECT(&w, "");
	line_fini(&w);

	/* In a long pause. */
	line_init(&w, "", "");
	w.call_transport = ERR_UNREACHABLE;
	run(&w);
	for (unsigned i = 0; i < 8; i++)
		pass_wait(&w);
	w.call_transport = ERR_OK;
	w.n_did = 0;
	w.now.boot_ms += 3600000;
	run(&w);
	EXPECT(&w, "CTOH");
	line_fini(&w);
}

/* --- a hub that is away, busy, or does not know us ------------------------------------------ */

static void
backs_off_for_ever(void)
{
	static const uint64_t pauses[] = { 500, 1000, 2000, 4000, 8000, 16000,
		30000, 30000, 30000 };
	struct line w;

	line_init(&w, "u", "");
	w.call_transport = ERR_UNREACHABLE;
	w.until_ms = w.now.mono_ms;
	for (size_t i = 0; i < sizeof pauses / sizeof pauses[0]; i++) {
		/* The whole of what it may be. */
		dice = pauses[i];
		pass_wait(&w);
		CHECK_I(state(&w), SYNC_OFFLINE);
		CHECK_U(w.until_ms - w.now.mono_ms, pauses[i]);
	}
	line_fini(&w);
}

static void
reconnects(void)
{
	struct line w;
	unsigned words[SYNC_OFFLINE_BATCH + 1] = { 0 };

	begin(&w, "", "");
	pass(&w, SYNC_LIVE_GOOD_MS);
	w.open = false;
	sync_live_lost(w.l, &w.now, "cut");
	w.call_transport = ERR_TIMEOUT;
	for (unsigned i = 0; i < 12; i++) {
		run(&w);
		words[state(&w)]++;
		pass_wait(&w);
	}
	CHECK(words[SYNC_RECONNECTING] >= 3);
	CHECK(words[SYNC_OFFLINE] >= 3);
	CHECK_U(words[SYNC_CONNECTED], 0);
	/* Both have changed. */
	author(&w, 0);
	other(&w, 5);
	w.call_transport = ERR_OK;
	w.n_did = 0;
	pass_wait(&w);
	EXPECT(&w, "CBTOH");
	CHECK(is_live(&w));
	CHECK_U(w.h.n, 2);
	CHECK_U(w.r.pulled, 2);
	line_fini(&w);
}

/* An answer that makes no sense is no contact, and no reason to hurry. */
static void
nonsense_is_backed_off(void)
{
	static const struct twist nonsense[] = { { 1, SAYS, 0, 200, "x", -1 },
		{ 2, SAYS, 0, 200, "x", -1 }, { 3, SAYS, 0, 200, "x", -1 },
		{ 4, SAYS, 0, 200, "x", -1 }, { 0 } };
	struct sync_live_status st;
	struct line w;

	line_init(&w, "", "");
	w.h.twist = nonsense;
	run(&w);
	for (unsigned i = 0; i < 3; i++) {
		CHECK_U(w.until_ms - w.now.mono_ms, 500u << i);
		sync_live_status(w.l, &st);
		CHECK_I(st.contact_ms, 0);
		CHECK_I(st.error.code, ERR_PROTOCOL);
		pass_wait(&w);
	}
	pass_wait(&w);
	CHECK(is_live(&w));
	line_fini(&w);
}

static void
told_to_wait(void)
{
	static const struct {
		unsigned call, token, open;
		int64_t asked_s;
		uint64_t ms;
	} who[] = { { 503, 0, 0, 7, 7000 }, { 429, 0, 0, 7, 7000 },
		{ 0, 429, 0, 7, 7000 }, { 0, 503, 0, 7, 7000 },
		{ 0, 0, 503, 7, 7000 }, { 0, 0, 429, 7, 7000 },
		/* An hour at most. */
		{ 503, 0, 0, 3600, 3600000 }, { 503, 0, 0, 3601, 3600000 },
		{ 0, 503, 0, 3601, 3600000 }, { 503, 0, 0, INT64_MAX, 3600000 },
		{ 0, 503, 0, INT64_MAX, 3600000 },
		{ 0, 0, 503, INT64_MAX, 3600000 } };

	for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
		struct line w;

		t_note("row %zu", i);
		line_init(&w, "", "");
		w.call_status = who[i].call;
		w.token_status = who[i].token;
		w.open_status = who[i].open;
		w.retry_after_s = who[i].asked_s;
		dice = 0; /* nothing on top */
		run(&w);
		CHECK(!is_live(&w));
		CHECK_U(w.until_ms - w.now.mono_ms, who[i].ms);
		w.call_status = w.token_status = w.open_status = 0;
		pass_wait(&w);
		CHECK(is_live(&w));
		line_fini(&w);
	}
	t_note(" ");
}

static void
nobody_is_signed_in(void)
{
	static const struct {
		unsigned call, token;
		enum err refresh;
		const char *did;
	} ways[] = { { 401, 0, ERR_SESSION, "CR" }, { 401, 0, ERR_OK, "CRC" },
		{ 0, 401, ERR_GRANT, "CTR" }, { 0, 401, ERR_OK, "CTRT" },
		{ 0, 403, ERR_OK, "CT" }, { 403, 0, ERR_OK, "C" } };

	for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
		struct line w;

		t_note("row %zu", i);
		line_init(&w, "", "");
		w.call_status = ways[i].call;
		w.token_status = ways[i].token;
		w.refresh = ways[i].refresh;
		run(&w);
		EXPECT(&w, ways[i].did);
		CHECK_I(state(&w), SYNC_OFFLINE_BATCH);
		/* What changes only waits. */
		author(&w, 0);
		run(&w);
		EXPECT(&w, "");
		CHECK(w.until_ms - w.now.mono_ms >= 45000);
		/* Somebody has signed in. */
		w.call_status = w.token_status = 0;
		w.refresh = ERR_OK;
		sync_live_poke(w.l, false);
		run(&w);
		EXPECT(&w, "CBTOH");
		CHECK(is_live(&w));
		line_fini(&w);
	}
	t_note(" ");
}

/* The access token has run out: once is enough. */
static void
one_refresh_is_enough(void)
{
	struct line w;
	static const struct twist old[] = { { 1, SAYS, 0, 401, "{}", -1 },
		{ 0 } };

	line_init(&w, "", "");
	w.h.twist = old;
	run(&w);
	EXPECT(&w, "CRCTOH");
	CHECK(is_live(&w));
	line_fini(&w);
}

/* --- no connection to be had -------------------------------------------------------------------- */

static void
blocked_so(struct line *w)
{
	struct sync_live_status st;

	run(w);
	for (unsigned i = 1; i < SYNC_LIVE_BAD_MAX; i++)
		pass_wait(w);
	sync_live_status(w->l, &st);
	CHECK(st.blocked && !st.live);
	CHECK_I(st.word, SYNC_CONNECTED);
	CHECK(st.error.code != ERR_OK);
	EXPECT(w, "CTOCTOCTO");
	/* A change goes at once, by a call; not one after the other, though. */
	author(w, 0);
	run(w);
	EXPECT(w, "");
	CHECK_U(w->until_ms, w->now.mono_ms + SYNC_LIVE_REST_MS);
	pass_wait(w);
	EXPECT(w, "CB");
	sync_live_changed(w->l);
	run(w);
	EXPECT(w, "");
	pass(w, SYNC_LIVE_REST_MS);
	EXPECT(w, "C");
	CHECK_I(w->r.ev[0].fate, ACKED);
	CHECK_I(state(w), SYNC_CONNECTED);
	/* What others write, after the interval; then it is tried again. */
	other(w, 5);
	pass_wait(w);
	EXPECT(w, "CTO");
	CHECK_I(w->r.ev[5].fate, ACKED);
	w->open_status = 0;
	w->open_transport = ERR_OK;
	w->drops = false;
	pass_wait(w);
	EXPECT(w, "CTOH");
	CHECK(is_live(w));
}

static void
falls_back_to_batches(void)
{
	struct line w;

	line_init(&w, "", "");
	w.open_status = 426;
	blocked_so(&w);
	line_fini(&w);

	line_init(&w, "", "");
	w.open_transport = ERR_UNREACHABLE;
	blocked_so(&w);
	line_fini(&w);

	/* Lets it through, and nothing after it. */
	line_init(&w, "", "");
	w.drops = true;
	blocked_so(&w);
	line_fini(&w);
}

/* A hub without the route. */
static void
no_tokens(void)
{
	struct sync_live_status st;
	struct line w;

	line_init(&w, "", "");
	w.token_status = 404;
	run(&w);
	pass_wait(&w);
	pass_wait(&w);
	sync_live_status(w.l, &st);
	CHECK(st.blocked);
	line_fini(&w);
}

/* --- presence --------------------------------------------------------------------------------------- */

static void
who_is_here(void)
{
	struct err_info e = { 0 };
	struct line w;

	begin(&w, "", "");
	CHECK_OK(sync_live_presence(w.l, STR("[{\"session_id\":\"s\"}]"), &e),
	    &e);
	run(&w);
	EXPECT(&w, "S");
	CHECK_OK(sync_live_presence(w.l, STR("[{\"session_id\":\"s\"}]"), &e),
	    &e);
	run(&w);
	EXPECT(&w, "");
	heard(&w,
	    "{\"type\":\"presence\",\"sessions\":[{\"session_id\":\"t\"}]}");
	CHECK_STR(str_of(w.here), "[{\"session_id\":\"t\"}]");
	/* Each connection is told. */
	sync_live_poke(w.l, true);
	run(&w);
	EXPECT(&w, "XCTOHS");
	line_fini(&w);
}

/* It may be too much for the hub: events go on, and it is said again when it is
 * asked for. */
static void
presence_that_is_refused(void)
{
	static const char mine[] = "[{\"session_id\":\"s\"}]";
	struct sync_live_status st;
	struct err_info e = { 0 };
	struct line w;

	begin(&w, "", "");
	CHECK_OK(sync_live_presence(w.l, str_of(mine), &e), &e);
	run(&w);
	EXPECT(&w, "S");
	heard(&w,
	    "{\"type\":\"error\",\"code\":\"bad_request\",\"message\":"
	    "\"presence: too many\",\"about\":\"presence\"}");
	run(&w);
	EXPECT(&w, "");
	sync_live_status(w.l, &st);
	CHECK(st.live && st.word == SYNC_CONNECTED);
	CHECK_I(st.error.code, ERR_OK);
	CHECK_STR(str_of(w.refused), "presence: too many");
	author(&w, 0);
	run(&w);
	EXPECT(&w, "E");
	CHECK_OK(sync_live_presence(w.l, str_of(mine), &e), &e);
	run(&w);
	EXPECT(&w, "S");
	line_fini(&w);
}

/* --- memory --------------------------------------------------------------------------------------------- */

static void
through_the_day(struct line *w)
{
	struct err_info e = { 0 };

	author(w, 0);
	other(w, 5);
	run(w);
	LIVE(w, (void)sync_live_presence(w->l, STR("[]"), &e));
	heard(w, "{\"type\":\"ping\"}");
	author(w, 1);
	run(w);
	sync_live_poke(w->l, true);
	run(w);
	for (unsigned i = 0; i < 3; i++)
		pass_wait(w);
}

static void
none_without_memory(void)
{
	struct err_info e = { 0 };
	struct line w;

	line_init(&w, "", "");
	for (int at = 0; at < 3; at++) {
		struct sync_live_options opt = { .team = STR("red") };
		struct sync_live *l = NULL;
		enum err rc;

		fault_arm(at);
		rc = sync_live_new(&l, &w.ops, &opt, &e);
		fault_arm(-1);
		CHECK_I(rc, at < 2 ? ERR_NOMEM : ERR_OK);
		if (rc == ERR_OK)
			sync_live_free(l);
	}
	line_fini(&w);
}

static void
memory_runs_out(void)
{
	struct fault_group faults;
	bool hit = true;
	int at = 0;

	for (; hit && at < 400; at++) {
		struct line w;

		t_note("point %d", at);
		line_init(&w, "", "");
		fault_group_arm(&faults, at);
		w.faults = &faults;
		through_the_day(&w);
		w.faults = NULL;
		hit = fault_group_hit(&faults);
		for (unsigned i = 0; i < 6 && !is_live(&w); i++)
			pass_wait(&w);
		CHECK(is_live(&w));
		sync_live_changed(w.l);
		run(&w);
		CHECK_U(w.h.n, 3);
		CHECK_U(w.r.pulled, 3);
		CHECK_I(w.r.ev[0].fate, ACKED);
		CHECK_I(w.r.ev[1].fate, ACKED);
		CHECK_I(w.r.ev[5].fate, ACKED);
		line_fini(&w);
	}
	t_note(" ");
	CHECK(at > 20 && !hit);
}

int
main(void)
{
	T_RUN(comes_live);
	T_RUN(goes_up);
	T_RUN(comes_down);
	T_RUN(a_batch_is_cut);
	T_RUN(one_is_refused);
	T_RUN(leaves_for_a_round);
	T_RUN(rounds_have_pauses);
	T_RUN(wrong_words);
	T_RUN(a_gap);
	T_RUN(the_replica_fails);
	T_RUN(heartbeats);
	T_RUN(an_answer_is_missing);
	T_RUN(contact_is_noted_now_and_then);
	T_RUN(the_machine_slept);
	T_RUN(backs_off_for_ever);
	T_RUN(reconnects);
	T_RUN(nonsense_is_backed_off);
	T_RUN(told_to_wait);
	T_RUN(nobody_is_signed_in);
	T_RUN(one_refresh_is_enough);
	T_RUN(falls_back_to_batches);
	T_RUN(no_tokens);
	T_RUN(who_is_here);
	T_RUN(presence_that_is_refused);
	T_RUN(none_without_memory);
	T_RUN(memory_runs_out);
	return t_done();
}
