#include "store_lab.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "json.h"

static enum err
open_mem(struct store **ret, const char *path, const struct store_options *opt,
    struct err_info *e)
{
	(void)path;
	return store_mem_open(ret, opt, e);
}

const struct backend backends[] = {
	{ "mem", open_mem, false },
	{ "sqlite", store_sqlite_open, true },
};
const size_t n_backends = sizeof backends / sizeof backends[0];

static int64_t
world_ms(void *ctx)
{
	struct world *w = ctx;

	return w->now_ms += 7;
}

static void
world_random(void *ctx, void *out, size_t n)
{
	struct world *w = ctx;
	uint8_t *p = out;

	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)t_rand(&w->rng);
}

struct store_options
lab_options(struct world *w, uint64_t seed, bool hub)
{
	w->rng.state = seed;
	w->now_ms = 1777777777000;
	return (struct store_options){
		.env = { world_ms, world_random, w },
		.hub = hub,
		.lock_wait_ms = 2000,
	};
}

const char *
lab_path(const char *name)
{
	static char path[512];
	static unsigned count;
	/* A folder each: the lock stands beside the database. */
	int n = snprintf(path, sizeof path, "%s/%u-%s", t_tmp(), count++, name);

	if (n < 0 || (size_t)n + 10 >= sizeof path || mkdir(path, 0700) != 0)
		abort();
	memcpy(path + n, "/store.db", sizeof "/store.db");
	return path;
}

space_id
lab_space(struct store *s, const char *hub, const char *account,
    const char *team)
{
	struct err_info e = { 0 };
	space_id sp = 0;

	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(store_space_add(s, str_of(hub), str_of(account), str_of(team),
	             &sp, &e),
	    &e);
	CHECK_OK(store_commit(s, &e), &e);
	return sp;
}

void
lab_open(struct lab *l, const struct backend *b, uint64_t seed, bool hub)
{
	struct err_info e = { 0 };
	int n;

	memset(l, 0, sizeof *l);
	l->opt = lab_options(&l->world, seed, hub);
	n = snprintf(l->path, sizeof l->path, "%s",
	    lab_path(hub ? "hub" : "client"));
	if (n < 0 || !CHECK_OK(b->open(&l->s, l->path, &l->opt, &e), &e))
		exit(1);
	l->sp =
	    hub ? lab_space(l->s, "", "", "t") : lab_space(l->s, "h", "a", "t");
}

void
lab_close(struct lab *l)
{
	store_close(l->s);
	l->s = NULL;
}

/* --- drafts ----------------------------------------------------------------------- */

static char text[8][600]; /* of drafts, in turn */
static unsigned turn;

static char *
next_text(void)
{
	return text[turn++ % 8];
}

static struct draft
wp_draft(const char *type, unsigned wp, const char *payload)
{
	char *id = next_text();
	int n = snprintf(id, sizeof text[0], "001-lab/WP%02u", wp);

	return (struct draft){ .type = str_of(type),
		.aggregate_id = str_n(id, n > 0 ? (size_t)n : 0),
		.aggregate_type = STR("work_package"),
		.payload = str_of(payload),
		.author = STR("user:ann"),
		.project_uuid = STR(LAB_PROJECT) };
}

struct entity_key
lab_wp_key(unsigned wp)
{
	static char key[100][24];
	char *k = key[wp % 100];

	if (snprintf(k, sizeof key[0], "001-lab/WP%02u", wp % 100) < 0)
		abort();
	return (struct entity_key){ STR(LAB_PROJECT), STR("work_package"),
		str_of(k) };
}

struct draft
lab_wp_new(unsigned wp, const char *title)
{
	char *p = next_text();

	if (snprintf(p, sizeof text[0],
	        "{\"wp_id\":\"WP%02u\",\"title\":\"%s\","
	        "\"feature_slug\":\"001-lab\"}",
	        wp, title) < 0)
		abort();
	return wp_draft("wp_created", wp, p);
}

struct draft
lab_wp_title(unsigned wp, const char *title)
{
	char *p = next_text();

	if (snprintf(p, sizeof text[0],
	        "{\"wp_id\":\"WP%02u\",\"title\":\"%s\"}", wp, title) < 0)
		abort();
	return wp_draft("wp_updated", wp, p);
}

struct draft
lab_wp_lane(unsigned wp, const char *from, const char *to)
{
	char *p = next_text();

	if (snprintf(p, sizeof text[0],
	        "{\"wp_id\":\"WP%02u\",\"from_lane\":\"%s\",\"to_lane\":\"%"
	        "s\"}",
	        wp, from, to) < 0)
		abort();
	return wp_draft("wp_status_changed", wp, p);
}

struct draft
lab_wp_note(unsigned wp, const char *note)
{
	char *p = next_text();

	if (snprintf(p, sizeof text[0],
	        "{\"wp_id\":\"WP%02u\",\"entry_type\":\"note\","
	        "\"entry_content\":\"%s\"}",
	        wp, note) < 0)
		abort();
	return wp_draft("history_added", wp, p);
}

static struct draft
wp_tags(unsigned wp, const char *add, const char *remove)
{
	char *p = next_text();

	if (snprintf(p, sizeof text[0],
	        "{\"wp_id\":\"WP%02u\",\"tags\":{\"add\":[%s],\"remove\":[%s]}"
	        "}",
	        wp, add, remove) < 0)
		abort();
	return wp_draft("wp_updated", wp, p);
}

struct draft
lab_random(struct t_rng *r, unsigned wps)
{
	static const char *const lanes[] = { "planned", "claimed",
		"in_progress", "blocked", "for_review", "approved", "canceled",
		"done" };
	static const char *const tags[] = { "\"a\"", "\"b\"", "\"c\"", "" };
	unsigned wp = (unsigned)t_below(r, wps);
	char title[32];

	if (snprintf(title, sizeof title, "title %u",
	        (unsigned)t_below(r, 50)) < 0)
		abort();
	switch (t_below(r, 8)) {
	case 0:
		return lab_wp_new(wp, title);
	case 1:
	case 2:
		return lab_wp_title(wp, title);
	case 3:
	case 4:
		return lab_wp_lane(wp, lanes[t_below(r, 8)],
		    lanes[t_below(r, 8)]);
	case 5:
		return wp_tags(wp, tags[t_below(r, 4)], tags[t_below(r, 4)]);
	case 6:
		return lab_wp_note(wp, title);
	default:
		return wp_draft("wp_deleted", wp, "{}");
	}
}

struct eid
lab_author_in(struct store *s, space_id sp, const struct draft *d)
{
	struct err_info e = { 0 };
	struct eid id = { 0 };

	CHECK_OK(store_begin(s, &e), &e);
	CHECK_OK(store_author(s, sp, d, &id, &e), &e);
	CHECK_OK(store_commit(s, &e), &e);
	return id;
}

struct eid
lab_author(struct lab *l, const struct draft *d)
{
	return lab_author_in(l->s, l->sp, d);
}

static const char *
field_of(struct lab *l, unsigned wp, const char *field)
{
	static char out[600];
	struct err_info e = { 0 };
	struct entity_key key = lab_wp_key(wp);
	const struct entity *en = NULL;
	struct arena a = { 0 };
	struct str s = { 0 };

	CHECK_OK(store_entity(l->s, l->sp, &key, &en, &e), &e);
	if (en != NULL)
		s = entity_text(en, field, &a);
	if (snprintf(out, sizeof out, "%.*s", STR_ARG(s)) < 0)
		abort();
	arena_fini(&a);
	return out;
}

const char *
lab_title(struct lab *l, unsigned wp)
{
	return field_of(l, wp, "title");
}

const char *
lab_lane(struct lab *l, unsigned wp)
{
	return field_of(l, wp, "lane");
}

/* --- exchange ------------------------------------------------------------------------ */

/* What a hub asks before it takes an event (docs/protocol.md, Batch). */
static enum err
hub_admits(struct lab *hub, const struct event *ev)
{
	struct err_info e = { 0 };
	bool forked = false;

	if (ev->has_node_seq)
		CHECK_OK(store_forked(hub->s, ev->node, ev->node_seq, &ev->id,
		             &forked, &e),
		    &e);
	if (forked)
		return ERR_FORK;
	for (size_t i = 0; i < ev->n_replaces; i++) {
		uint64_t clock;
		enum err rc =
		    store_stamp(hub->s, hub->sp, &ev->replaces[i], &clock, &e);

		if (rc == ERR_NOT_FOUND)
			return ERR_PARENT;
		if (rc != ERR_OK || clock >= ev->clock)
			return ERR_CLOCK_BEHIND;
	}
	return ERR_OK;
}

static enum err
hub_takes(struct lab *hub, const struct event *ev, lab_admit_fn *admit,
    void *ctx, uint64_t *seq, bool *is_new)
{
	struct err_info e = { 0 };
	struct arrival a = { .ev = ev, .user = STR("ann"), .received_ms = 1 };
	enum put put;
	uint64_t clock;
	enum err rc = ERR_OK;

	*is_new = false;
	/* What is known is never refused. */
	if (store_stamp(hub->s, hub->sp, &ev->id, &clock, &e) != ERR_OK) {
		rc = hub_admits(hub, ev);
		if (rc == ERR_OK && admit != NULL)
			rc = admit(ctx, ev);
	}
	if (rc != ERR_OK)
		return rc;
	CHECK_OK(store_put(hub->s, hub->sp, &a, &put, seq, &e), &e);
	*is_new = put == PUT_NEW;
	return put == PUT_REUSED ? ERR_ID_REUSED : ERR_OK;
}

static void
note_result(struct lab *from, const struct eid *id, enum err rc, uint64_t seq)
{
	struct err_info e = { 0 };

	if (rc == ERR_OK)
		CHECK_OK(store_acked(from->s, from->sp, id, seq, &e), &e);
	else if (rc != ERR_PARENT && rc != ERR_ID_REUSED &&
	    rc != ERR_CLOCK_BEHIND)
		CHECK_OK(store_refuse(from->s, from->sp, id, rc,
		             STR("not taken"), &e),
		    &e);
}

size_t
lab_push(struct lab *from, struct lab *hub, lab_admit_fn *admit, void *ctx)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct log_row *row;
	size_t n = 0, fresh = 0;

	CHECK_OK(store_unacked(from->s, from->sp, 100000, SIZE_MAX, &a, &row,
	             &n, &e),
	    &e);
	CHECK_OK(store_begin(hub->s, &e), &e);
	CHECK_OK(store_begin(from->s, &e), &e);
	for (size_t i = 0; i < n; i++) {
		struct json j = { 0 };
		struct event ev;
		uint64_t seq = 0;
		bool is_new;
		enum err rc;

		if (CHECK_OK(event_parse(&ev, &j, row[i].raw, &a, &e), &e)) {
			rc = hub_takes(hub, &ev, admit, ctx, &seq, &is_new);
			note_result(from, &row[i].id, rc, seq);
			fresh += is_new;
		}
		json_fini(&j);
	}
	CHECK_OK(store_commit(hub->s, &e), &e);
	CHECK_OK(store_commit(from->s, &e), &e);
	arena_fini(&a);
	return fresh;
}

struct pull {
	struct lab *to;
	uint64_t seq;
};

static enum err
pull_row(void *ctx, const struct log_row *row, struct err_info *e)
{
	struct pull *p = ctx;
	struct json j = { 0 };
	struct arena a = { 0 };
	struct event ev;
	struct arrival arrival = { .ev = &ev,
		.seq = row->seq,
		.user = row->user,
		.received_ms = row->received_ms };
	enum put put;
	uint64_t seq;
	enum err rc = event_parse(&ev, &j, row->raw, &a, e);

	if (rc == ERR_OK)
		rc = store_put(p->to->s, p->to->sp, &arrival, &put, &seq, e);
	if (rc == ERR_OK) {
		if (!CHECK(put != PUT_REUSED)) {
			struct log_row mine = lab_row(p->to, &row->id, &a);

			printf("# hub:  %.*s\n# here: %.*s (own %d fixed %d "
			       "status %d)\n",
			    STR_ARG(row->raw), STR_ARG(mine.raw), mine.own,
			    mine.fixed, mine.status);
		}
		CHECK_U(seq, row->seq);
	}
	p->seq = row->seq;
	json_fini(&j);
	arena_fini(&a);
	return rc;
}

void
lab_pull(struct lab *to, struct lab *hub, size_t max)
{
	struct err_info e = { 0 };
	struct space here;
	struct space there = lab_space_of(hub->s, hub->sp);
	struct arena a = { 0 };
	struct pull p = { .to = to };

	CHECK_OK(store_space_get(to->s, to->sp, &a, &here, &e), &e);
	p.seq = here.pulled;

	CHECK_OK(store_begin(to->s, &e), &e);
	CHECK_OK(store_log(hub->s, hub->sp, here.pulled, max, pull_row, &p, &e),
	    &e);
	CHECK_OK(store_pulled(to->s, to->sp,
	             here.epoch.n ? here.epoch : STR("e1"), p.seq, there.head,
	             &e),
	    &e);
	CHECK_OK(store_commit(to->s, &e), &e);
	arena_fini(&a);
}

void
lab_sync(struct lab *l, struct lab *hub)
{
	(void)lab_push(l, hub, NULL, NULL);
	lab_pull(l, hub, 0);
}

/* --- looking ---------------------------------------------------------------------------- */

struct space
lab_space_of(struct store *s, space_id sp)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct space ret = { 0 };

	CHECK_OK(store_space_get(s, sp, &a, &ret, &e), &e);
	arena_fini(&a);
	ret.hub = ret.account = ret.team = ret.epoch = (struct str){ 0 };
	return ret;
}

void
lab_digest(struct lab *l, uint8_t out[HASH_BYTES])
{
	struct space sp = lab_space_of(l->s, l->sp);

	memcpy(out, sp.digest, HASH_BYTES);
}

bool
lab_same(struct lab *a, struct lab *b)
{
	uint8_t da[HASH_BYTES], db[HASH_BYTES];

	lab_digest(a, da);
	lab_digest(b, db);
	return memcmp(da, db, HASH_BYTES) == 0;
}

static void
say(void *ctx, const char *finding)
{
	(void)ctx;
	printf("# finding: %s\n", finding);
}

void
lab_sound(struct lab *l)
{
	struct err_info e = { 0 };
	struct store_report report;
	uint8_t before[HASH_BYTES], after[HASH_BYTES];

	lab_digest(l, before);
	CHECK_OK(store_verify(l->s, &report, say, NULL, NULL, &e), &e);
	CHECK_OK(store_rebuild(l->s, &report, NULL, NULL, &e), &e);
	CHECK_OK(store_verify(l->s, &report, say, NULL, NULL, &e), &e);
	lab_digest(l, after);
	CHECK(memcmp(before, after, HASH_BYTES) == 0);
}

struct log_row
lab_row(struct lab *l, const struct eid *id, struct arena *a)
{
	struct err_info e = { 0 };
	struct log_row row = { 0 };

	CHECK_OK(store_event(l->s, l->sp, id, a, &row, &e), &e);
	return row;
}
