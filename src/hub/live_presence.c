/* Who is here: the sessions that a team's members report, told to all of them.
 *
 *	message -> struct presence of the member -> room: changed
 *	-> told at once, or when presence_ms have passed -> each member, when it
 *	   has taken what it was given before
 *
 * Of one user's reports of a session the last counts.  Who has gone is here for
 * grace_ms more, unless the same user reports that session again.  Nothing is
 * queued: a member is due to be told or not, and is told the newest.
 *
 * Fails: beyond the bounds a report is refused and what was said before stays;
 * those who have gone make room first.  Where there is no memory to tell, it is
 * told at the next turn. */
#include <stdlib.h>

#include "container.h"
#include "fault.h"
#include "live_int.h"

enum { PRESENCE_MS = 1000, GRACE_MS = 60000, KIND = 0 };

/* ---- the timer -------------------------------------------------------- */

static uint64_t
now_ms(const struct live *l)
{
	return uv_now(&l->hub->loop);
}

static void on_timer(uv_timer_t *t);

static void
timer_set(struct live *l)
{
	uint64_t rest = deadlines_next(&l->rests);
	uint64_t grace = deadlines_next(&l->graces);
	uint64_t at = rest < grace ? rest : grace, now = now_ms(l);

	/* Firing too early costs one look. */
	if (at >= l->timer_at)
		return;
	l->timer_at = at;
	/* Cannot fail: the callback is there and the handle is not closing. */
	(void)uv_timer_start(&l->timer, on_timer, at > now ? at - now : 0, 0);
}

/* ---- a report --------------------------------------------------------- */

static void
presence_free(struct presence *p)
{
	if (p == NULL)
		return;
	deadline_stop(&p->grace);
	free(p);
}

/* Texts and keys one behind the other; ends: where each ends. */
static bool
reports_write(const struct live_in *msg, const struct json *j, struct str user,
    struct buf *out, size_t *ends)
{
	for (size_t i = 0; i < msg->n_sessions; i++) {
		buf_addstr(out, user);
		buf_addc(out, '\0');
		buf_addstr(out, msg->session[i].id);
		*ends++ = out->len;
		live_put_session(j, msg->session[i].node, user, out);
		*ends++ = out->len;
	}
	return !out->failed;
}

static struct presence *
presence_block(struct str user, const struct buf *b, const size_t *ends,
    size_t n)
{
	size_t head = sizeof(struct presence) + n * sizeof(struct reported);
	size_t bytes = head + b->len + user.n, from = 0;
	struct presence *p = mem_alloc(bytes);
	char *text;

	if (p == NULL)
		return NULL;
	text = (char *)p + head;
	*p = (struct presence){ .bytes = bytes, .n = n, .left = n };
	memcpy(text, b->data, b->len);
	memcpy(text + b->len, user.p, user.n);
	p->user = str_n(text + b->len, user.n);
	for (size_t i = 0; i < n; i++) {
		size_t key = ends[2 * i], end = ends[2 * i + 1];

		p->session[i].key = str_n(text + from, key - from);
		p->session[i].text = str_n(text + key, end - key);
		from = end;
	}
	return p;
}

/* msg has sessions. */
static struct presence *
presence_new(const struct live_in *msg, const struct json *j, struct str user)
{
	size_t n = msg->n_sessions, ends[2 * LIVE_SESSIONS_MAX];
	struct presence *p = NULL;
	struct buf b = { 0 };

	if (reports_write(msg, j, user, &b, ends))
		p = presence_block(user, &b, ends, n);
	buf_fini(&b);
	return p;
}

static bool
same(const struct presence *a, const struct presence *b)
{
	if (a == NULL || b == NULL || a->n != b->n || a->left != b->left)
		return a == b;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->session[i].text, b->session[i].text))
			return false;
	return true;
}

/* ---- telling ---------------------------------------------------------- */

/* The newest of each key, as many as a message holds. */
static bool
put_sessions(const struct room *r, struct map *seen, struct buf *out)
{
	const struct presence *p;
	bool first = true;

	TAILQ_FOREACH(p, &r->presences, in_room)
	for (size_t i = 0; i < p->n; i++) {
		const struct reported *s = &p->session[i];

		if (s->text.n == 0 || map_get(seen, s->key) != NULL)
			continue;
		if (!live_put_presence_row(s->text, first, out))
			return true;
		first = false;
		if (!map_put(seen, s->key, r->live))
			out->failed = true;
	}
	return false;
}

static bool
room_write(struct room *r)
{
	struct buf text = { 0 }, frame = { 0 };
	struct map seen = { 0 };
	bool ok;

	live_put_presence_begin(&text);
	live_put_presence_end(put_sessions(r, &seen, &text), &text);
	map_fini(&seen);
	ws_put(&frame, WS_OP_TEXT, buf_str(&text), NULL);
	ok = !text.failed && !frame.failed;
	buf_fini(&text);
	if (!ok) {
		buf_fini(&frame);
		return false;
	}
	buf_fini(&r->told);
	r->told = frame;
	return true;
}

static void
room_tell(struct room *r)
{
	struct member *m, *next;

	deadline_start(&r->live->rests, &r->rest, KIND, now_ms(r->live));
	timer_set(r->live);
	if (!room_write(r))
		return; /* it has changed still */
	r->changed = false;
	r->rests = r->told.len * r->n_members / r->live->presence_tell_max;
	for (m = TAILQ_FIRST(&r->members); m != NULL; m = next) {
		next = TAILQ_NEXT(m, in_room);
		m->presence_due = true;
		member_serve(m);
	}
}

static void
room_changed(struct room *r)
{
	r->changed = true;
	if (r->rest.next == NULL && r->n_members > 0)
		room_tell(r);
}

static void
room_rested(struct room *r)
{
	if (r->rests > 0) {
		r->rests--;
		deadline_start(&r->live->rests, &r->rest, KIND,
		    now_ms(r->live));
	} else if (r->changed && r->n_members > 0) {
		room_tell(r);
	}
}

bool
presence_serve(struct member *m)
{
	struct buf b = { 0 };

	if (!m->presence_due || m->room->told.len == 0)
		return false;
	m->presence_due = false;
	buf_addstr(&b, buf_str(&m->room->told));
	ws_conn_send_frames(m->conn, &b); /* where it failed: closes */
	return true;
}

/* ---- what a room has ---------------------------------------------------- */

static void
count(struct live *l, struct room *r, const struct presence *p, bool more)
{
	size_t n = p != NULL ? p->bytes : 0;

	l->presence_bytes += more ? n : -n;
	if (r != NULL)
		r->presence_bytes += more ? n : -n;
}

/* Out of its room, and of memory; the room may be left with nothing. */
static void
presence_drop(struct live *l, struct presence *p)
{
	if (p == NULL)
		return;
	count(l, p->room, p, false);
	if (p->room != NULL)
		TAILQ_REMOVE(&p->room->presences, p, in_room);
	presence_free(p);
}

/* One that has gone, of this room and user or of any (NULL, n 0); does it make
 * room? */
static bool
drop_gone(struct live *l, struct room *of, struct str user)
{
	struct presence *p = NULL;

	if (of != NULL) {
		TAILQ_FOREACH_REVERSE(p, &of->presences, presences, in_room)
		if (p->grace.next != NULL &&
		    (user.n == 0 || str_eq(p->user, user)))
			break;
	} else {
		struct deadline *d = deadlines_oldest(&l->graces, KIND);

		if (d != NULL)
			p = CONTAINER_OF(d, struct presence, grace);
	}
	if (p == NULL)
		return false;
	of = p->room;
	presence_drop(l, p);
	room_changed(of);
	if (of->n_members == 0)
		room_settle(of);
	return true;
}

static size_t
user_bytes(const struct room *r, struct str user)
{
	const struct presence *p;
	size_t n = 0;

	TAILQ_FOREACH(p, &r->presences, in_room)
	if (str_eq(p->user, user))
		n += p->bytes;
	return n;
}

/* Room for so many bytes more of this user. */
static enum err
room_fits(struct room *r, struct str user, size_t more, struct err_info *e)
{
	if (more == 0)
		return ERR_OK;
	while (user_bytes(r, user) + more > r->live->presence_user_max)
		if (!drop_gone(r->live, r, user))
			return err_setf(e, ERR_QUOTA,
			    "the sessions of the account are too many");
	while (r->presence_bytes + more > r->live->presence_room_max)
		if (!drop_gone(r->live, r, STR("")))
			return err_setf(e, ERR_QUOTA,
			    "the sessions of the team are too many");
	return ERR_OK;
}

static enum err
hub_fits(struct live *l, size_t more, struct err_info *e)
{
	while (l->presence_bytes + more > l->presence_max)
		if (!drop_gone(l, NULL, STR("")))
			return err_setf(e, ERR_UNAVAILABLE,
			    "too many sessions are reported");
	return ERR_OK;
}

/* Its user says these sessions again: those of connections that have gone count no
 * more. */
static void
take_over(struct room *r, const struct presence *by)
{
	struct presence *p, *next;
	struct map keys = { 0 };

	for (size_t i = 0; i < by->n; i++)
		/* Out of memory: it stays until its grace is over. */
		(void)map_put(&keys, by->session[i].key, r);
	for (p = TAILQ_FIRST(&r->presences); p != NULL; p = next) {
		next = TAILQ_NEXT(p, in_room);
		if (p->grace.next == NULL || !str_eq(p->user, by->user))
			continue;
		for (size_t i = 0; i < p->n; i++)
			if (p->session[i].text.n > 0 &&
			    map_get(&keys, p->session[i].key) != NULL) {
				p->session[i].text.n = 0;
				p->left--;
			}
		if (p->left == 0)
			presence_drop(r->live, p);
	}
	map_fini(&keys);
}

static void
presence_put(struct room *r, struct presence *p)
{
	p->room = r;
	r->presence_bytes += p->bytes;
	take_over(r, p);
	TAILQ_INSERT_HEAD(&r->presences, p, in_room);
	room_changed(r);
}

/* ---- members -------------------------------------------------------------- */

/* p: NULL: it has none (any more). */
static void
presence_set(struct member *m, struct presence *p)
{
	bool had = m->presence != NULL;

	presence_drop(m->live, m->presence);
	m->presence = p;
	if (p != NULL)
		m->live->presence_bytes += p->bytes;
	if (p != NULL && m->room != NULL)
		presence_put(m->room, p);
	else if (had && m->room != NULL)
		room_changed(m->room);
}

static enum err
presence_read(struct member *m, const struct live_in *msg, const struct json *j,
    struct str user, struct presence **ret, struct err_info *e)
{
	size_t had = m->presence != NULL ? m->presence->bytes : 0, more;
	enum err rc = ERR_OK;

	*ret = NULL;
	if (msg->n_sessions == 0)
		return ERR_OK;
	*ret = presence_new(msg, j, user);
	if (*ret == NULL)
		return err_set(e, ERR_NOMEM);
	more = (*ret)->bytes > had ? (*ret)->bytes - had : 0;
	if (m->room != NULL)
		rc = room_fits(m->room, user, more, e);
	if (rc == ERR_OK)
		rc = hub_fits(m->live, more, e);
	if (rc != ERR_OK) {
		presence_free(*ret);
		*ret = NULL;
	}
	return rc;
}

void
presence_say(struct member *m, const struct live_in *msg, const struct json *j)
{
	const struct account_team *team;
	struct account_who who;
	struct presence *p = NULL;
	struct err_info e = { 0 };
	struct arena a = { 0 };
	enum err rc = member_who(m, &a, &who, &team, &e);

	if (rc != ERR_OK) {
		member_end(m, rc == ERR_UNAVAILABLE ? WS_TRY_LATER : WS_POLICY,
		    rc, e.text);
	} else {
		rc = presence_read(m, msg, j, who.name, &p, &e);
		if (rc != ERR_OK)
			member_presence_error(m, rc, e.text);
		else if (same(p, m->presence))
			presence_free(p);
		else
			presence_set(m, p);
	}
	arena_fini(&a);
}

void
presence_enter(struct room *r, struct member *m)
{
	struct presence *p = m->presence;
	struct err_info e = { 0 };

	m->presence_due = !TAILQ_EMPTY(&r->presences);
	if (p != NULL && room_fits(r, p->user, p->bytes, &e) == ERR_OK) {
		presence_put(r, p);
	} else if (p != NULL) {
		m->presence = NULL;
		presence_drop(m->live, p);
		member_presence_error(m, e.code, e.text);
	}
	/* While nobody was here. */
	if (r->changed)
		room_changed(r);
}

void
presence_leave(struct member *m)
{
	struct presence *p = m->presence;

	m->presence = NULL;
	if (p == NULL || p->room == NULL) {
		presence_drop(m->live, p);
		return;
	}
	deadline_start(&m->live->graces, &p->grace, KIND, now_ms(m->live));
	timer_set(m->live);
}

/* ---- the whole ------------------------------------------------------------ */

static void
graces_end(struct live *l)
{
	struct deadline *d;

	while ((d = deadlines_expired(&l->graces, now_ms(l))) != NULL) {
		struct presence *p = CONTAINER_OF(d, struct presence, grace);
		struct room *r = p->room;

		presence_drop(l, p);
		room_changed(r);
		room_settle(r);
	}
}

static void
on_timer(uv_timer_t *t)
{
	struct live *l = t->data;
	struct deadline *d;

	l->timer_at = UINT64_MAX;
	graces_end(l);
	while ((d = deadlines_expired(&l->rests, now_ms(l))) != NULL)
		room_rested(CONTAINER_OF(d, struct room, rest));
	timer_set(l);
}

static size_t
or_else(size_t said, size_t usual)
{
	return said > 0 ? said : usual;
}

void
presence_init(struct live *l)
{
	const struct hub_options *o = &l->hub->o;

	(void)uv_timer_init(&l->hub->loop, &l->timer); /* always 0 */
	l->timer.data = l;
	l->timer_at = UINT64_MAX;
	deadlines_init(&l->rests);
	deadlines_init(&l->graces);
	l->presence_room_max = or_else(o->presence_room_max, PRESENCE_ROOM_MAX);
	l->presence_user_max = or_else(o->presence_user_max,
	    l->presence_room_max / PRESENCE_USERS);
	l->presence_max = or_else(o->presence_max, PRESENCE_MAX);
	l->presence_tell_max = or_else(o->presence_tell_max, PRESENCE_TELL_MAX);
	l->rests.ms[KIND] = (uint32_t)or_else(o->presence_ms, PRESENCE_MS);
	l->graces.ms[KIND] = (uint32_t)or_else(o->grace_ms, GRACE_MS);
}

static void
on_timer_closed(uv_handle_t *h)
{
	free(h->data);
}

void
presence_fini(struct live *l)
{
	uv_close((uv_handle_t *)&l->timer, on_timer_closed);
}

void
presence_room_fini(struct room *r)
{
	while (!TAILQ_EMPTY(&r->presences))
		presence_drop(r->live, TAILQ_FIRST(&r->presences));
	deadline_stop(&r->rest);
	buf_fini(&r->told);
}
