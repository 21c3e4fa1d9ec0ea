/* Rooms: one per team that somebody listens to.
 *
 *	writer commits -> room_told -> reader: live_read -> tail -> each member
 *
 * The tail is read once for all.  A member whose cursor the tail has left behind
 * has the log read for itself.  Fails: where the log cannot be read, or there is no
 * memory to tell of it, the room looks again at the next event or heartbeat; a
 * member of its own read is closed: it comes again and goes on where it was. */
#include <stdlib.h>

#include "fault.h"
#include "feed.h"
#include "live_int.h"
#include "log.h"

enum { CROWD = 256 };

/* ---- reading the log -------------------------------------------------- */

/* ERR_TOO_LARGE: enough for now. */
static enum err
read_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	const struct pull_row out = feed_row(row);
	struct live_read *r = ctx;
	struct live_event *ev;
	struct buf text = { 0 };

	if (r->bytes > 0 && r->bytes + row->raw.n > LIVE_PART_MAX)
		return err_set(e, ERR_TOO_LARGE);
	live_put_event(&out, &text);
	ev = text.failed ? NULL : mem_alloc(sizeof *ev + text.len);
	if (ev == NULL) {
		buf_fini(&text);
		return err_set(e, ERR_NOMEM);
	}
	*ev = (struct live_event){ .seq = row->pos, .n = text.len };
	memcpy(ev->text, text.data, text.len);
	buf_fini(&text);
	*r->end = ev;
	r->end = &ev->next;
	r->bytes += ev->n;
	return ERR_OK;
}

static void
read_log(struct hub_reader *hr, struct read_job *job)
{
	struct live_read *r = (struct live_read *)(void *)job;
	enum err rc = store_log(hr->store, r->space, r->after, PROTO_EVENTS_MAX,
	    read_row, r, &job->job.e);

	job->job.rc = rc == ERR_TOO_LARGE ? ERR_OK : rc;
}

static void
events_free(struct live_event *ev)
{
	while (ev != NULL) {
		struct live_event *next = ev->next;

		free(ev);
		ev = next;
	}
}

static struct live_read *
read_new(struct room *room, struct member *m, uint64_t after,
    void (*done)(struct pool_job *job))
{
	struct live_read *r = mem_zero(sizeof *r);

	if (r == NULL)
		return NULL;
	*r = (struct live_read){ .job = { .read = read_log,
		                     .job = { .weight = 1, .done = done } },
		.room = room,
		.member = m,
		.space = room->space,
		.after = after };
	r->end = &r->first;
	if (m != NULL)
		r->job.job.lane = STR("live");
	return r;
}

/* ---- the tail --------------------------------------------------------- */

static struct live_event *
tail_event(const struct room *r, size_t i)
{
	return r->event[(r->at + i) % r->cap];
}

static void
tail_drop(struct room *r)
{
	struct live_event *ev = tail_event(r, 0);

	r->bytes -= ev->n;
	r->at = (r->at + 1) % r->cap;
	r->n--;
	free(ev);
}

static bool
tail_grow(struct room *r)
{
	size_t cap = r->cap > 0 ? 2 * r->cap : 16;
	struct live_event **event;

	if (r->n < r->cap)
		return true;
	event = mem_alloc(cap * sizeof(struct live_event *));
	if (event == NULL)
		return false;
	for (size_t i = 0; i < r->n; i++)
		event[i] = tail_event(r, i);
	free(r->event);
	r->event = event;
	r->cap = cap;
	r->at = 0;
	return true;
}

/* Take the events in; what does not follow the last one is dropped. */
static void
tail_add(struct room *r, struct live_event *ev)
{
	while (ev != NULL) {
		struct live_event *next = ev->next;

		if (ev->seq != r->last + 1 || !tail_grow(r)) {
			events_free(ev);
			return;
		}
		ev->next = NULL;
		r->event[(r->at + r->n++) % r->cap] = ev;
		r->bytes += ev->n;
		r->last = ev->seq;
		while (r->bytes > ROOM_TAIL_MAX && r->n > 1)
			tail_drop(r);
		ev = next;
	}
}

/* ---- rooms ------------------------------------------------------------ */

static struct str
room_key(const space_id *space)
{
	return str_n(space, sizeof *space);
}

static void
room_free(struct room *r)
{
	presence_room_fini(r);
	while (r->n > 0)
		tail_drop(r);
	free(r->event);
	free((void *)(uintptr_t)r->team.p);
	free(r);
}

void
room_settle(struct room *r)
{
	if (r->n_members > 0 || r->read != NULL || !TAILQ_EMPTY(&r->presences))
		return;
	(void)map_del(&r->live->rooms, room_key(&r->space));
	(void)map_del(&r->live->teams, r->team);
	room_free(r);
}

void
rooms_free(struct live *l)
{
	size_t at = 0;
	void *r;

	while (map_next(&l->rooms, &at, NULL, &r))
		room_free(r);
	map_fini(&l->rooms);
	map_fini(&l->teams);
}

struct room *
room_find(const struct live *l, struct str team)
{
	return map_get(&l->teams, team);
}

static bool
room_list(struct room *r, struct str team)
{
	char *name = mem_alloc(team.n + 1);

	if (name == NULL)
		return false;
	str_copy(name, team.n + 1, team);
	r->team = str_n(name, team.n);
	if (!map_put(&r->live->rooms, room_key(&r->space), r))
		return false;
	if (map_put(&r->live->teams, r->team, r))
		return true;
	(void)map_del(&r->live->rooms, room_key(&r->space));
	return false;
}

struct room *
room_get(struct live *l, space_id space, struct str team, uint64_t head,
    struct err_info *e)
{
	struct room *r = map_get(&l->rooms, room_key(&space));
	const struct live_head *h = map_get(&l->heads, room_key(&space));

	if (r != NULL)
		return r;
	r = mem_zero(sizeof *r);
	if (r == NULL) {
		(void)err_set(e, ERR_NOMEM);
		return NULL;
	}
	*r = (struct room){ .live = l,
		.space = space,
		.head = h != NULL && h->head > head ? h->head : head,
		.last = head > ROOM_BACK ? head - ROOM_BACK : 0 };
	TAILQ_INIT(&r->members);
	TAILQ_INIT(&r->presences);
	if (!room_list(r, team)) {
		room_free(r);
		(void)err_set(e, ERR_NOMEM);
		return NULL;
	}
	return r;
}

void
room_enter(struct room *r, struct member *m, uint64_t cursor)
{
	TAILQ_INSERT_TAIL(&r->members, m, in_room);
	r->n_members++;
	m->room = r;
	m->cursor = cursor;
	m->state = MEMBER_LIVE;
	/* What a crowd took as it came goes back to the system: by the reader, who
	 * rests after it has read. */
	if (r->n_members % CROWD == 0)
		r->look = true;
	presence_enter(r, m);
}

void
room_leave(struct member *m)
{
	struct room *r = m->room;

	presence_leave(m);
	if (r == NULL)
		return;
	TAILQ_REMOVE(&r->members, m, in_room);
	r->n_members--;
	m->room = NULL;
	room_settle(r);
}

static void
on_tail(struct pool_job *job)
{
	struct live_read *lr = (struct live_read *)(void *)job;
	struct room *r = lr->room;
	struct member *m, *next;
	bool got = lr->first != NULL;

	r->read = NULL;
	if (job->rc != ERR_OK) {
		log_line(LOG_WARN, "live", "reading the log: %s", job->e.text);
		r->look = true;
	}
	tail_add(r, lr->first);
	free(lr);
	for (m = TAILQ_FIRST(&r->members); m != NULL; m = next) {
		next = TAILQ_NEXT(m, in_room);
		member_serve(m);
	}
	if (got)
		room_follow(r);
	room_settle(r);
}

void
room_follow(struct room *r)
{
	struct err_info e = { 0 };

	if (r->read != NULL || r->n_members == 0 ||
	    (r->last >= r->head && !r->look))
		return;
	r->read = read_new(r, NULL, r->last, on_tail);
	if (r->read == NULL)
		return; /* the next event or heartbeat asks again */
	if (pool_push(r->live->hub->reader, &r->read->job.job, &e) == ERR_OK) {
		r->look = false;
	} else {
		free(r->read);
		r->read = NULL;
	}
}

void
rooms_look(struct live *l)
{
	size_t at = 0;
	void *r;

	while (map_next(&l->rooms, &at, NULL, &r)) {
		((struct room *)r)->look = true;
		room_follow(r);
	}
}

void
room_told(struct room *r, uint64_t head)
{
	if (head > r->head)
		r->head = head;
	room_follow(r);
}

/* ---- serving one ------------------------------------------------------ */

/* What a member is given at once. */
struct portion {
	struct member *m;
	struct buf frames, many; /* many: a message of several events */
	size_t n;
};

static void
portion_add(struct portion *p, struct str text, uint64_t seq)
{
	struct member *m = p->m;

	if (!m->batch) {
		ws_put(&p->frames, WS_OP_TEXT, text, NULL);
	} else {
		if (p->n == 0)
			live_put_events_begin(str_of(m->live->hub->epoch), seq,
			    &p->many);
		live_put_events_row(text, p->n == 0, &p->many);
	}
	p->n++;
	m->cursor = seq;
}

static void
portion_send(struct portion *p)
{
	struct member *m = p->m;

	if (m->batch && p->n > 0) {
		live_put_events_end(&p->many);
		ws_put(&p->frames, WS_OP_TEXT, buf_str(&p->many), NULL);
	}
	/* What could not be written is not passed over: it closes. */
	p->frames.failed |= p->many.failed;
	buf_fini(&p->many);
	if (p->n > 0)
		ws_conn_send_frames(m->conn, &p->frames);
	buf_fini(&p->frames);
}

static void
on_own(struct pool_job *job)
{
	struct live_read *lr = (struct live_read *)(void *)job;
	struct member *m = lr->member;
	struct portion p = { .m = m };

	if (m == NULL)
		goto done;
	m->read = NULL;
	if (job->rc != ERR_OK) {
		log_line(LOG_WARN, "live", "reading the log: %s", job->e.text);
		ws_conn_close(m->conn, WS_TRY_LATER, "the log cannot be read");
		goto done;
	}
	for (struct live_event *ev = lr->first; ev != NULL; ev = ev->next)
		portion_add(&p, str_n(ev->text, ev->n), ev->seq);
	portion_send(&p);
	member_serve(m);
done:
	events_free(lr->first);
	free(lr);
}

/* The tail has left it behind. */
static void
serve_from_log(struct room *r, struct member *m)
{
	struct err_info e = { 0 };

	m->read = read_new(r, m, m->cursor, on_own);
	if (m->read != NULL &&
	    pool_push(r->live->hub->reader, &m->read->job.job, &e) == ERR_OK)
		return;
	free(m->read);
	m->read = NULL;
	ws_conn_close(m->conn, WS_TRY_LATER, "too many are behind");
}

void
room_serve(struct room *r, struct member *m)
{
	uint64_t before = r->last - r->n; /* seq before the tail's first */
	struct portion p = { .m = m };

	if (m->cursor >= r->last || m->read != NULL)
		return;
	if (m->cursor < before) {
		serve_from_log(r, m);
		return;
	}
	for (size_t i = (size_t)(m->cursor - before);
	     i < r->n && p.frames.len + p.many.len < SERVE_MAX; i++) {
		const struct live_event *ev = tail_event(r, i);

		portion_add(&p, str_n(ev->text, ev->n), ev->seq);
	}
	portion_send(&p);
}

/* ---- from the writer -------------------------------------------------- */

struct grown {
	struct loop_item item;
	struct hub *hub;
	space_id space;
	uint64_t head;
};

void
live_heads_free(struct live *l)
{
	size_t at = 0;
	void *h;

	while (map_next(&l->heads, &at, NULL, &h))
		free(h);
	map_fini(&l->heads);
}

static void
head_note(struct live *l, space_id space, uint64_t head)
{
	struct live_head *h = map_get(&l->heads, room_key(&space));

	if (h == NULL) {
		h = mem_zero(sizeof *h);
		if (h != NULL)
			h->space = space;
		if (h == NULL || !map_put(&l->heads, room_key(&h->space), h)) {
			atomic_store(&l->hub->live_lost, true);
			free(h);
			return;
		}
	}
	h->head = head;
}

static void
on_grown(void *arg)
{
	struct grown *g = arg;
	struct live *l = g->hub->live;
	struct room *r = map_get(&l->rooms, room_key(&g->space));

	head_note(l, g->space, g->head);
	if (r != NULL)
		room_told(r, g->head);
	free(g);
}

void
live_grown(struct hub *hub, const struct admission *ad)
{
	space_id space;
	uint64_t head;
	size_t at = 0;

	while (admission_grown(ad, &at, &space, &head)) {
		struct grown *g = mem_zero(sizeof *g);

		if (g == NULL) {
			atomic_store(&hub->live_lost, true);
			return;
		}
		*g = (struct grown){ .item = { .fn = on_grown, .arg = g },
			.hub = hub,
			.space = space,
			.head = head };
		if (!loop_post_item(hub->poster, &g->item))
			free(g);
	}
}
