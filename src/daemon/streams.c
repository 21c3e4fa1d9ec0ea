/* GET /api/events/: what is written to the replica, as server-sent events.
 *
 * A stream is a cursor per space; the keeper reads behind it when somebody rang and
 * the peer has read what it was sent.  Nothing is queued for a peer that does not
 * read.  "id:" is the whole position, so that a browser's Last-Event-ID goes on where
 * it was: SPACE:POS-MARK,SPACE:POS-MARK; the mark is of the event at that place.  A
 * position that this replica has not reached, or where another event stands, is one of
 * another replica, or of a later state than that of this copy: that is said ("event:
 * reset"), and the stream goes on from now. */
#include <stdlib.h>
#include <string.h>

#include "container.h"
#include "fault.h"
#include "hash.h"
#include "keeper.h"

enum {
	ROWS_MAX = 200, /* read at once */
	BYTES_MAX = 256 * 1024,
	STREAMS_MAX = 64, /* each may hold a portion that is not read */
	CURSOR_BYTES_MAX = 4096
};

enum { MARK_BYTES = 4, MARK_CHARS = 2 * MARK_BYTES };

struct spot {
	space_id space;
	uint64_t pos;
	char mark[MARK_CHARS + 1]; /* of the event at pos; "" = not known */
};

struct stream {
	TAILQ_ENTRY(stream) in_all;
	struct daemon *d;
	struct conn *conn; /* borrow; NULL: gone */
	/* Under way: the keeper has it, and it must stay. */
	bool reading;
	bool again; /* somebody rang meanwhile */
	/* The keeper's while it reads, else the loop's. */
	struct mail mail;
	struct loop_item item;
	struct spot *spot; /* own */
	size_t n, cap;
	bool told;     /* its position */
	bool from_now; /* spaces that are not named begin at their end */
	bool plain;    /* after=N: of the private space */
	uint64_t plain_pos;
	struct buf out;
	bool more;
	struct err_info error;
};

struct streams {
	TAILQ_HEAD(, stream) all;
	size_t n;
};

enum err
streams_new(struct daemon *d, struct err_info *e)
{
	d->streams = mem_zero(sizeof *d->streams);
	if (d->streams == NULL)
		return err_set(e, ERR_NOMEM);
	TAILQ_INIT(&d->streams->all);
	return ERR_OK;
}

void
streams_free(struct daemon *d)
{
	free(d->streams);
	d->streams = NULL;
}

static void
stream_free(struct stream *s)
{
	TAILQ_REMOVE(&s->d->streams->all, s, in_all);
	s->d->streams->n--;
	buf_fini(&s->out);
	free(s->spot);
	free(s);
}

/* --- the keeper's part: what stands behind the position ----------------------------- */

static struct spot *
spot_of(struct stream *s, space_id space)
{
	for (size_t i = 0; i < s->n; i++)
		if (s->spot[i].space == space)
			return &s->spot[i];
	if (!mem_grow(&s->spot, &s->cap, s->n + 1, sizeof *s->spot))
		return NULL;
	s->spot[s->n] = (struct spot){ .space = space };
	return &s->spot[s->n++];
}

static void
put_id(struct stream *s)
{
	buf_adds(&s->out, "id: ");
	for (size_t i = 0; i < s->n; i++)
		buf_addf(&s->out, "%s%lld:%llu%s%s", i > 0 ? "," : "",
		    (long long)s->spot[i].space,
		    (unsigned long long)s->spot[i].pos,
		    s->spot[i].mark[0] != '\0' ? "-" : "", s->spot[i].mark);
	buf_addc(&s->out, '\n');
}

static void
mark_of(const struct eid *id, char ret[MARK_CHARS + 1])
{
	uint8_t hash[MARK_BYTES];
	char text[EID_TEXT_MAX];

	hash_blake2b(str_n(text, eid_format(id, text)), hash, sizeof hash);
	hex_encode(hash, sizeof hash, ret);
	ret[MARK_CHARS] = '\0';
}

static enum err
put_mark(void *ctx, const struct log_row *row, struct err_info *e)
{
	(void)e;
	mark_of(&row->id, ctx);
	return ERR_OK;
}

/* "" where nothing stands there. */
static enum err
mark_at(struct store *store, space_id space, uint64_t pos,
    char ret[MARK_CHARS + 1], struct err_info *e)
{
	ret[0] = '\0';
	return pos > 0 ? store_log(store, space, pos - 1, 1, put_mark, ret, e) :
	                 ERR_OK;
}

struct reading {
	struct stream *s;
	struct spot *spot;
	struct str team;
};

static const char *
status_of(const struct log_row *row)
{
	switch (row->status) {
	case EVENT_LOCAL:
		return "local";
	case EVENT_ACKED:
		return "acked";
	case EVENT_REFUSED:
		return "failed";
	}
	return "";
}

static enum err
put_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct reading *r = ctx;
	struct stream *s = r->s;
	struct json_writer w = { .out = &s->out };

	r->spot->pos = row->pos;
	mark_of(&row->id, r->spot->mark);
	put_id(s);
	buf_adds(&s->out, "event: event\ndata: ");
	json_obj(&w);
	json_key(&w, "space"), json_put_u(&w, (uint64_t)row->space);
	json_key(&w, "team"), json_put_str(&w, r->team);
	json_key(&w, "pos"), json_put_u(&w, row->pos);
	json_key(&w, "status"), json_put_z(&w, status_of(row));
	json_key(&w, "event"), json_put_raw(&w, row->raw);
	json_end(&w);
	buf_adds(&s->out, "\n\n");
	s->more |= s->out.len >= BYTES_MAX;
	return buf_ok(&s->out, e);
}

static enum err
read_space(struct stream *s, struct store *store, const struct space *sp,
    struct err_info *e)
{
	struct reading r = { .s = s, .team = sp->team };
	size_t known = s->n;
	enum err rc;

	r.spot = spot_of(s, sp->id);
	if (r.spot == NULL)
		return err_set(e, ERR_NOMEM);
	if (s->n > known && s->from_now)
		r.spot->pos = sp->events;
	if (r.spot->pos >= sp->events)
		return r.spot->mark[0] == '\0' ?
		    mark_at(store, sp->id, r.spot->pos, r.spot->mark, e) :
		    ERR_OK;
	rc = store_log(store, sp->id, r.spot->pos, ROWS_MAX, put_row, &r, e);
	s->more |= rc == ERR_OK && r.spot->pos < sp->events;
	return rc;
}

/* Is the position that was asked for one of this replica? */
static enum err
is_known(const struct stream *s, struct store *store, const struct space *all,
    size_t n, bool *ret, struct err_info *e)
{
	enum err rc = ERR_OK;

	*ret = true;
	for (size_t i = 0; rc == ERR_OK && *ret && i < s->n; i++) {
		const struct spot *spot = &s->spot[i];
		char mark[MARK_CHARS + 1];
		size_t k = 0;

		while (k < n && all[k].id != spot->space)
			k++;
		*ret = k < n && spot->pos <= all[k].events;
		if (!*ret || spot->mark[0] == '\0')
			continue;
		rc = mark_at(store, spot->space, spot->pos, mark, e);
		*ret = strcmp(mark, spot->mark) == 0;
	}
	return rc;
}

static enum err
put_reset(struct stream *s, struct store *store, const struct space *all,
    size_t n, struct err_info *e)
{
	enum err rc = ERR_OK;

	s->n = 0;
	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		struct spot *spot = spot_of(s, all[i].id);

		if (spot == NULL)
			return err_set(e, ERR_NOMEM);
		spot->pos = all[i].events;
		rc = mark_at(store, spot->space, spot->pos, spot->mark, e);
	}
	if (rc != ERR_OK)
		return rc;
	put_id(s);
	buf_adds(&s->out,
	    "event: reset\ndata: {\"reason\":\"that position is "
	    "none of this replica\"}\n\n");
	return buf_ok(&s->out, e);
}

static enum err
read_all(struct stream *s, struct store *store, struct err_info *e)
{
	struct arena a = { 0 };
	struct space *all;
	space_id private;
	size_t n = 0;
	bool known = true;
	enum err rc = store_space_list(store, &a, &all, &n, e);

	if (rc == ERR_OK && s->plain) {
		s->plain = false;
		rc = spaces_private(store, &private, e);
		if (rc == ERR_OK && spot_of(s, private) == NULL)
			rc = err_set(e, ERR_NOMEM);
		if (rc == ERR_OK)
			spot_of(s, private)->pos = s->plain_pos;
	}
	if (rc == ERR_OK && !s->told)
		rc = is_known(s, store, all, n, &known, e);
	if (rc == ERR_OK && !known)
		rc = put_reset(s, store, all, n, e);
	for (size_t i = 0; rc == ERR_OK && i < n && s->out.len < BYTES_MAX; i++)
		rc = read_space(s, store, &all[i], e);
	/* What comes later in a new space is told from its beginning. */
	s->from_now = false;
	/* Where it begins, for one who is cut off before anything happens. */
	if (rc == ERR_OK && !s->told && s->out.len == 0 && s->n > 0) {
		put_id(s);
		buf_addc(&s->out, '\n');
	}
	s->told = true;
	arena_fini(&a);
	return rc;
}

static void came(void *arg);

static void
hand_back(struct stream *s)
{
	s->item = (struct loop_item){ .fn = came, .arg = s };
	(void)loop_post_item(s->d->poster, &s->item);
}

static struct stream *
of_mail(struct mail *m)
{
	return CONTAINER_OF(m, struct stream, mail);
}

static void
read_mail(void *keeper, struct mail *m)
{
	struct stream *s = of_mail(m);

	s->more = false;
	if (read_all(s, keeper_store(keeper), &s->error) == ERR_OK)
		s->error = (struct err_info){ 0 };
	hand_back(s);
}

static void
drop_mail(struct mail *m)
{
	struct stream *s = of_mail(m);

	(void)err_set(&s->error, ERR_UNAVAILABLE);
	hand_back(s);
}

/* --- the loop's part ------------------------------------------------------------------ */

static void
look(struct stream *s)
{
	if (s->reading || s->conn == NULL || conn_unsent(s->conn) > 0) {
		s->again = true;
		return;
	}
	s->reading = true;
	s->again = false;
	s->mail = (struct mail){ .fn = read_mail, .drop = drop_mail };
	mailbox_post(keeper_box(s->d), &s->mail);
}

/* The keeper has read. */
static void
came(void *arg)
{
	struct stream *s = arg;

	s->reading = false;
	if (s->conn == NULL) {
		stream_free(s);
		return;
	}
	if (s->error.code != ERR_OK) {
		conn_close(s->conn, false);
		return;
	}
	if (s->out.len > 0) {
		s->again |= s->more;
		conn_send(s->conn, &s->out);
	} else if (s->again) {
		look(s);
	}
}

static void
on_data(void *ctx, struct str in)
{
	(void)ctx;
	(void)in; /* nothing is to be said */
}

static void
on_sent(void *ctx)
{
	struct stream *s = ctx;

	if (s->again && !s->reading)
		look(s);
}

static void
on_close(void *ctx, enum conn_end why)
{
	struct stream *s = ctx;

	(void)why;
	s->conn = NULL;
	if (!s->reading)
		stream_free(s);
}

static const struct conn_ops ops = {
	.on_data = on_data, .on_sent = on_sent, .on_close = on_close
};

void
streams_rang(struct daemon *d)
{
	struct stream *s;

	TAILQ_FOREACH(s, &d->streams->all, in_all)
	look(s);
}

/* POS or POS-MARK. */
static bool
place(struct spot *spot, struct str text)
{
	struct str pos;

	if (!str_split(&text, '-', &pos) || !str_u64(pos, &spot->pos))
		return false;
	if (text.n != 0 && (text.n != MARK_CHARS || !hex_is_lower(text)))
		return false;
	str_copy(spot->mark, sizeof spot->mark, text);
	return true;
}

/* "N" or "SPACE:POS-MARK,SPACE:POS-MARK". */
static enum err
position(struct stream *s, struct str text, struct err_info *e)
{
	struct str one, space;
	uint64_t id;

	if (text.n == 0) {
		s->from_now = true;
		return ERR_OK;
	}
	if (str_u64(text, &s->plain_pos)) {
		s->plain = true;
		return ERR_OK;
	}
	while (text.n <= CURSOR_BYTES_MAX && str_split(&text, ',', &one)) {
		struct spot *spot = NULL;

		if (str_split(&one, ':', &space) && str_u64(space, &id) &&
		    id > 0 && id <= INT64_MAX) {
			spot = spot_of(s, (space_id)id);
			if (spot == NULL)
				return err_set(e, ERR_NOMEM);
		}
		if (spot == NULL || !place(spot, one))
			break;
		if (text.n == 0)
			return ERR_OK;
	}
	return err_setf(e, ERR_BAD_REQUEST,
	    "after: a number, or the id of an event that was sent");
}

static void
refuse(struct stream *s, struct http_request *req, const struct err_info *e)
{
	free(s->spot);
	free(s);
	http_respond_error(req, e->code, e->text);
}

void
stream_open(struct daemon *d, struct http_request *req)
{
	static const char head[] = "HTTP/1.1 200 OK\r\n"
	                           "Content-Type: text/event-stream\r\n"
	                           "Cache-Control: no-store\r\n"
	                           "Connection: close\r\n\r\n";
	struct stream *s;
	struct str after = http_header(req, "Last-Event-ID");
	struct buf rest = { 0 };
	struct err_info e = { 0 };

	if (d->streams->n >= STREAMS_MAX) {
		http_respond_error(req, ERR_UNAVAILABLE,
		    "too many follow already");
		return;
	}
	s = mem_zero(sizeof *s);
	if (s == NULL) {
		http_respond_error(req, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	s->d = d;
	/* A query that says nothing that we can read is not passed over. */
	if (after.n == 0 && !http_query(req, "after", &after))
		after = req->head->query.n > 0 ? STR("?") : STR("");
	if (position(s, after, &e) != ERR_OK) {
		refuse(s, req, &e);
		return;
	}
	s->conn = http_detach(req, 200, &ops, s, &rest);
	buf_fini(&rest);
	if (s->conn == NULL) {
		free(s->spot);
		free(s);
		return;
	}
	TAILQ_INSERT_TAIL(&d->streams->all, s, in_all);
	d->streams->n++;
	conn_wait(s->conn, CONN_WAIT_NONE);
	conn_send_str(s->conn, str_of(head));
	look(s);
	s->again = true;
}
