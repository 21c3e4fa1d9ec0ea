#include "deed.h"

#include <string.h>

#include "when.h"

enum { SESSION_SHOWN = 8, NODE_SHOWN = 8 };

void
deed_fini(struct deed *d)
{
	json_fini(&d->json);
	arena_fini(&d->a);
	*d = (struct deed){ 0 };
}

enum err
deed_of(struct deed *d, const struct log_row *row, struct err_info *e)
{
	d->row = *row;
	return event_parse(&d->ev, &d->json, row->raw, &d->a, e);
}

enum err
deed_load(struct deed *d, struct store *s, space_id sp, const struct eid *id,
    struct err_info *e)
{
	struct log_row row;
	enum err rc;

	arena_reset(&d->a);
	rc = store_event(s, sp, id, &d->a, &row, e);
	return rc == ERR_OK ? deed_of(d, &row, e) : rc;
}

struct str
deed_author(struct str author)
{
	size_t slash;

	if (str_starts(author, STR("user:")))
		return str_n(author.p + 5, author.n - 5);
	if (!str_starts(author, STR("agent:")))
		return author;
	author = str_n(author.p + 6, author.n - 6);
	/* The beginning of a session's id tells it from others. */
	slash = str_find(author, '/');
	if (slash != SIZE_MAX && author.n > slash + 1 + SESSION_SHOWN)
		author.n = slash + 1 + SESSION_SHOWN;
	return author;
}

/* Whoever moved it for somebody says so: `wp move --actor`. */
static struct str
named_actor(const struct deed *d, struct arena *a)
{
	uint32_t node = json_get(d->ev.json, d->ev.payload, "actor");
	struct str s = { 0 };

	if (d->ev.kind == NULL || node == 0 ||
	    strcmp(d->ev.kind->name, "wp_status_changed") != 0 ||
	    !json_str(d->ev.json, node, a, &s))
		return (struct str){ 0 };
	return deed_author(s);
}

struct str
deed_who(const struct deed *d, struct arena *a)
{
	struct str actor = named_actor(d, a);
	char *node;

	if (actor.n > 0)
		return actor;
	if (d->ev.author.n > 0)
		return deed_author(d->ev.author);
	if (d->row.user.n > 0)
		return d->row.user;
	node = arena_fmt(a, "machine %.*s",
	    (int)(d->ev.node.n < NODE_SHOWN ? d->ev.node.n : NODE_SHOWN),
	    d->ev.node.p);
	return str_of(node);
}

int64_t
deed_when(const struct deed *d)
{
	int64_t ms;

	return when_parse(d->ev.timestamp, &ms) ? ms : d->row.received_ms;
}

void
deed_ago(int64_t when_ms, int64_t now_ms, struct buf *out)
{
	enum { WEEK_MS = 7 * 24 * 3600 * 1000, DAY_CHARS = 10 };
	char text[WHEN_TEXT_MAX];

	if (now_ms - when_ms < WEEK_MS && when_ms - now_ms < WEEK_MS) {
		when_ago(when_ms, now_ms, out);
		return;
	}
	(void)when_format(when_ms, text);
	buf_add(out, text, DAY_CHARS);
}

enum err
deed_wrote(const struct deed *d, struct str field, struct arena *a,
    struct str *ret, struct err_info *e)
{
	struct writes w;
	enum err rc = event_writes(&d->ev, a, &w, e);

	*ret = (struct str){ 0 };
	for (size_t i = 0; rc == ERR_OK && i < w.n && ret->n == 0; i++) {
		if (!str_eq(w.w[i].field, field))
			continue;
		*ret = arena_str(a, w.w[i].value);
		rc = ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	return rc;
}
