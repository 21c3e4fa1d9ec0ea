/* An entity's state: event by event equals the fold from nothing, to the byte;
 * bytes come back; every failure is survived. */
#include <stdlib.h>

#include "entity.h"
#include "fault.h"
#include "story.h"
#include "t.h"

enum { EVENTS = 40 };

struct world {
	struct arena a;
	struct json json[EVENTS];
	struct event ev[EVENTS]; /* in stamp order: clocks rise */
	size_t n, next;
};

static void
world_fini(struct world *w)
{
	for (size_t i = 0; i < w->n; i++)
		json_fini(&w->json[i]);
	arena_fini(&w->a);
}

static enum err
next_event(void *ctx, const struct event **ret, struct err_info *e)
{
	struct world *w = ctx;

	(void)e;
	*ret = w->next < w->n ? &w->ev[w->next++] : NULL;
	return ERR_OK;
}

static const char *
random_payload(struct t_rng *r, const char **type, struct arena *a)
{
	static const char *const lane[] = { "planned", "claimed", "in_progress",
		"for_review", "approved", "done", "blocked", "canceled" };
	static const char *const tag[] = { "x", "y", "z" };

	switch (t_below(r, 6)) {
	case 0:
		*type = "wp_updated";
		return arena_fmt(a, "{\"title\":\"%u\",\"description\":\"%u\"}",
		    (unsigned)t_below(r, 4), (unsigned)t_below(r, 4));
	case 1:
		*type = "wp_updated";
		return arena_fmt(a, "{\"tags\":{\"%s\":[\"%s\"]}}",
		    t_below(r, 2) ? "add" : "remove", tag[t_below(r, 3)]);
	case 2:
		*type = "wp_updated";
		return arena_fmt(a, "{\"tags\":[\"%s\"],\"priority\":%u}",
		    tag[t_below(r, 3)], (unsigned)t_below(r, 3));
	case 3:
		*type = t_below(r, 8) ? "history_added" : "wp_deleted";
		return t_below(r, 8) && strcmp(*type, "wp_deleted") ?
		    "{\"entry_content\":\"c\"}" :
		    (*type = "wp_deleted", "{}");
	default:
		*type = "wp_status_changed";
		return arena_fmt(a, "{\"from_lane\":\"%s\",\"to_lane\":\"%s\"}",
		    lane[t_below(r, 8)], lane[t_below(r, 8)]);
	}
}

/* Events that name random earlier ones; one in five names nothing at all. */
static void
world_make(struct world *w, struct t_rng *r, size_t n)
{
	*w = (struct world){ .n = n };
	for (size_t i = 0; i < n; i++) {
		struct buf line = { 0 };
		struct err_info e = { 0 };
		const char *type, *payload = random_payload(r, &type, &w->a);
		size_t names = t_below(r, 4);

		buf_addf(&line, "%c %zu n%u %s ", (char)('0' + i), i + 1,
		    (unsigned)t_below(r, 3), type);
		if (t_below(r, 5) == 0) {
			buf_addc(&line, '-');
		} else {
			buf_addc(&line, '[');
			for (size_t k = 0; k < names && i > 0; k++) {
				size_t back = t_below(r, i < 6 ? i : 6);

				buf_addc(&line, (char)('0' + i - 1 - back));
			}
			buf_addc(&line, ']');
		}
		buf_addf(&line, " %s", payload);
		CHECK_OK(event_parse(&w->ev[i], &w->json[i],
		             story_event(buf_str(&line), &w->a), &w->a, &e),
		    &e);
		CHECK(w->ev[i].folds);
		buf_fini(&line);
	}
}

static struct entity *
fold_first(struct world *w, size_t n)
{
	struct err_info e = { 0 };
	struct entity *en = NULL;
	size_t all = w->n;

	w->n = n;
	w->next = 0;
	CHECK_OK(entity_new(&en, &w->ev[0].entity, &e), &e);
	CHECK_OK(entity_fold(en, next_event, w, &e), &e);
	w->n = all;
	return en;
}

static void
same(const struct entity *a, const struct entity *b)
{
	struct buf ba = { 0 }, bb = { 0 };
	struct err_info e = { 0 };
	uint8_t da[32], db[32];

	entity_encode(a, &ba);
	entity_encode(b, &bb);
	CHECK_EQ(buf_str(&ba), buf_str(&bb));
	CHECK_OK(entity_digest(a, da, &e), &e);
	CHECK_OK(entity_digest(b, db, &e), &e);
	CHECK(memcmp(da, db, 32) == 0);
	buf_fini(&ba);
	buf_fini(&bb);
}

static void
event_by_event_equals_the_fold_from_nothing(void)
{
	struct t_rng r = { t_seed() };
	unsigned asked = 0, applied = 0;

	for (int h = 0; h < 300 && !t_failing(); h++) {
		struct world w;
		struct entity *en = NULL, *whole;
		struct err_info e = { 0 };

		t_note("history %d, seed %#llx", h,
		    (unsigned long long)t_seed());
		world_make(&w, &r, 1 + t_below(&r, EVENTS));
		CHECK_OK(entity_new(&en, &w.ev[0].entity, &e), &e);
		for (size_t i = 0; i < w.n; i++) {
			enum applied how = APPLIED;

			CHECK(entity_cmp_last(en, &w.ev[i]) > 0);
			CHECK_OK(entity_apply(en, &w.ev[i], &how, &e), &e);
			whole = fold_first(&w, i + 1);
			if (how == APPLY_NEEDS_HISTORY) {
				asked++;
				entity_free(en);
				en = whole;
				continue;
			}
			applied++;
			same(en, whole);
			entity_free(whole);
		}
		entity_free(en);
		world_fini(&w);
	}
	/* Both ways were walked. */
	CHECK(asked > 100);
	CHECK(applied > 100);
}

static void
who_names_all_heads_never_asks_for_history(void)
{
	struct t_rng r = { t_seed() };
	struct err_info e = { 0 };

	for (int h = 0; h < 50; h++) {
		struct world w;
		struct entity *en = NULL;

		world_make(&w, &r, EVENTS);
		CHECK_OK(entity_new(&en, &w.ev[0].entity, &e), &e);
		for (size_t i = 0; i < w.n; i++) {
			struct arena a = { 0 };
			struct writes writes;
			enum applied how = APPLIED;

			CHECK_OK(event_writes(&w.ev[i], &a, &writes, &e), &e);
			w.ev[i].has_replaces = true;
			CHECK_OK(entity_heads_of(en, &writes, &a,
			             &w.ev[i].replaces, &w.ev[i].n_replaces,
			             &e),
			    &e);
			CHECK_OK(entity_apply(en, &w.ev[i], &how, &e), &e);
			CHECK_I(how, APPLIED);
			arena_fini(&a);
		}
		/* Nothing stands beside anything. */
		for (size_t i = 0; i < en->n_cells; i++)
			CHECK(en->cell[i].kind == KIND_LIST ||
			    en->cell[i].n == 1);
		entity_free(en);
		world_fini(&w);
	}
}

static void
bytes_come_back(void)
{
	struct t_rng r = { t_seed() };

	for (int h = 0; h < 100; h++) {
		struct world w;
		struct entity *en, *back = NULL;
		const struct entity *look = NULL;
		struct buf bytes = { 0 };
		struct arena a = { 0 };
		struct err_info e = { 0 };

		world_make(&w, &r, EVENTS);
		en = fold_first(&w, EVENTS);
		entity_encode(en, &bytes);
		CHECK_OK(entity_decode(&back, &w.ev[0].entity, buf_str(&bytes),
		             &e),
		    &e);
		same(en, back);
		entity_free(back);
		CHECK_OK(entity_decode_in(&a, &w.ev[0].entity, buf_str(&bytes),
		             &look, &e),
		    &e);
		same(en, look);
		/* Cut anywhere they are refused. */
		for (size_t n = 0; n < bytes.len; n += 1 + bytes.len / 50) {
			CHECK_ERR(entity_decode(&back, &w.ev[0].entity,
			              str_n(bytes.data, n), &e),
			    ERR_CORRUPT);
			CHECK_ERR(entity_decode_in(&a, &w.ev[0].entity,
			              str_n(bytes.data, n), &look, &e),
			    ERR_CORRUPT);
		}
		arena_fini(&a);
		entity_free(en);
		buf_fini(&bytes);
		world_fini(&w);
	}
}

static void
every_fault_point_is_survived(void)
{
	struct t_rng r = { t_seed() };
	struct world w;
	int n = 0;

	world_make(&w, &r, 20);
	do {
		struct entity *en = NULL, *back = NULL;
		const struct entity *look;
		struct buf bytes = { 0 };
		struct arena a = { 0 };
		struct err_info e = { 0 };
		uint8_t d[32];
		enum err rc;

		w.next = 0;
		fault_arm(n++);
		rc = entity_new(&en, &w.ev[0].entity, &e);
		if (rc == ERR_OK)
			rc = entity_fold(en, next_event, &w, &e);
		if (rc == ERR_OK)
			rc = entity_digest(en, d, &e);
		if (rc == ERR_OK) {
			entity_encode(en, &bytes);
			rc = buf_ok(&bytes, &e);
		}
		if (rc == ERR_OK)
			rc = entity_decode(&back, &w.ev[0].entity,
			    buf_str(&bytes), &e);
		if (rc == ERR_OK)
			rc = entity_decode_in(&a, &w.ev[0].entity,
			    buf_str(&bytes), &look, &e);
		CHECK((rc == ERR_OK) == !fault_hit());
		CHECK(rc == ERR_OK || rc == ERR_NOMEM);
		entity_free(back);
		entity_free(en);
		buf_fini(&bytes);
		arena_fini(&a);
	} while (fault_hit() && !t_failing());
	fault_arm(-1);
	CHECK(n > 100);
	world_fini(&w);
}

int
main(void)
{
	T_RUN(event_by_event_equals_the_fold_from_nothing);
	T_RUN(who_names_all_heads_never_asks_for_history);
	T_RUN(bytes_come_back);
	T_RUN(every_fault_point_is_survived);
	return t_done();
}
