/* Ids for the shell: of the folder's project, from the store.  Whatever cannot
 * be read is not offered; a shell that asks for words wants no errors. */
#include "clock.h"
#include "complete.h"
#include "ids.h"
#include "lookup.h"
#include "sessions.h"

struct looker {
	struct ctx *c;
	struct store *s;
	space_id space;
	struct str project;
	struct str start;
	complete_fn *fn;
	void *fn_ctx;
};

static bool
begins(struct str s, struct str start)
{
	return s.n >= start.n && str_eq_nocase(str_n(s.p, start.n), start);
}

static void
offer_entities(const struct looker *l, enum aggregate type)
{
	struct err_info ignore = { 0 };
	struct lookup_item *item;
	size_t n = 0;

	if (lookup_entities(l->s, l->space, l->project, type, STR(""),
	        &l->c->arena, &item, &n, &ignore) != ERR_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		/* What people type: WP01-abc, the slug of a project. */
		struct str word =
		    item[i].also.n > 0 ? item[i].also : item[i].key;

		if (begins(word, l->start))
			l->fn(l->fn_ctx, word, item[i].what);
		else if (begins(item[i].key, l->start))
			l->fn(l->fn_ctx, item[i].key, item[i].what);
	}
}

/* By the shortest beginnings that tell them from each other; they come sorted. */
static void
offer_todos(const struct looker *l)
{
	struct err_info ignore = { 0 };
	struct lookup_item *item;
	size_t n = 0, len = ID_TODO_SHOWN;

	if (lookup_entities(l->s, l->space, l->project, AGG_TODO, STR(""),
	        &l->c->arena, &item, &n, &ignore) != ERR_OK)
		return;
	for (size_t i = 1; i < n; i++)
		len = id_unique_len((struct str[2]){ item[i - 1].key,
		                        item[i].key },
		    2, len);
	len = l->start.n > len ? l->start.n : len;
	for (size_t i = 0; i < n; i++) {
		struct str key = item[i].key;

		if (begins(key, l->start))
			l->fn(l->fn_ctx,
			    str_n(key.p, len < key.n ? len : key.n),
			    item[i].what);
	}
}

static void
offer_teams(const struct looker *l)
{
	struct err_info ignore = { 0 };
	struct space *sp;
	size_t n = 0;

	if (store_space_list(l->s, &l->c->arena, &sp, &n, &ignore) != ERR_OK)
		return;
	for (size_t i = 0; i < n; i++)
		if (begins(sp[i].team, l->start))
			l->fn(l->fn_ctx, sp[i].team, sp[i].hub);
}

static void
offer_refused(const struct looker *l)
{
	struct err_info ignore = { 0 };
	struct space *sp;
	struct log_row *row;
	size_t n = 0, k = 0;
	char id[EID_TEXT_MAX];

	if (store_space_list(l->s, &l->c->arena, &sp, &n, &ignore) != ERR_OK)
		return;
	for (size_t i = 0; i < n; i++) {
		if (store_refused(l->s, sp[i].id, &l->c->arena, &row, &k,
		        &ignore) != ERR_OK)
			return;
		for (size_t r = 0; r < k; r++) {
			struct str word = str_n(id, eid_format(&row[r].id, id));

			if (begins(word, l->start))
				l->fn(l->fn_ctx, word, row[r].why);
		}
	}
}

/* Rows of the ledger that are open now. */
static enum err
offer_rows(void *ctx, const struct entity *en, struct err_info *e)
{
	const struct looker *l = ctx;
	struct row *row;
	size_t n = 0;
	char id[2 * sizeof row->id + 1];
	enum err rc = entity_ledger(en, &l->c->arena, &row, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		hex_encode(row[i].id, sizeof row[i].id, id);
		if (row[i].state == ROW_OPEN && begins(str_of(id), l->start))
			l->fn(l->fn_ctx, str_of(id), row[i].field);
	}
	return rc;
}

/* Of all projects. */
static void
offer_sessions(const struct looker *l)
{
	struct err_info ignore = { 0 };
	struct sessions_at at = { .now_ms = os_wall_ms() };
	struct sessions list = { 0 };

	if (ctx_home(l->c, &at.home, &ignore) != ERR_OK ||
	    sessions_load(l->s, &at, &l->c->arena, &list, &ignore) != ERR_OK)
		return;
	for (size_t i = 0; i < list.n; i++)
		if (list.s[i].state != SESSION_ENDED &&
		    begins(list.s[i].id, l->start))
			l->fn(l->fn_ctx, list.s[i].id, list.s[i].agent);
}

void
complete_ids(struct ctx *c, enum cmd_words kind, struct str start,
    complete_fn *fn, void *fn_ctx)
{
	struct looker l = {
		.c = c, .start = start, .fn = fn, .fn_ctx = fn_ctx
	};
	const struct project *p;
	struct err_info ignore = { 0 };

	if (ctx_store_read(c, &l.s, &ignore) != ERR_OK ||
	    ctx_project(c, &p, &ignore) != ERR_OK ||
	    ctx_space(c, &l.space, &ignore) != ERR_OK)
		return;
	l.project = p->uuid;
	switch (kind) {
	case WORDS_FEATURE:
		offer_entities(&l, AGG_FEATURE);
		return;
	case WORDS_WP:
		offer_entities(&l, AGG_WORK_PACKAGE);
		return;
	case WORDS_TODO:
		offer_todos(&l);
		return;
	case WORDS_ITEM:
		offer_entities(&l, AGG_WORK_ITEM);
		return;
	case WORDS_THING:
		offer_entities(&l, AGG_FEATURE);
		offer_entities(&l, AGG_WORK_PACKAGE);
		offer_entities(&l, AGG_WORK_ITEM);
		offer_todos(&l);
		return;
	case WORDS_PROJECT:
		l.project = STR("");
		offer_entities(&l, AGG_PROJECT);
		return;
	case WORDS_TEAM:
		offer_teams(&l);
		return;
	case WORDS_REFUSED:
		offer_refused(&l);
		return;
	case WORDS_SESSION:
		offer_sessions(&l);
		return;
	case WORDS_CONFLICT:
		(void)store_entities(l.s, l.space, STR(""), NULL, offer_rows,
		    &l, &ignore);
		return;
	case WORDS_NONE:
	case WORDS_FILE:
	case WORDS_FOLDER:
	case WORDS_COMMAND:
	case WORDS_LANE:
	case WORDS_STATUS:
	case WORDS_PRIORITY:
		return;
	}
}
