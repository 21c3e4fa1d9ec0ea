#include "gen.h"

#include <stdlib.h>

#include "event.h"
#include "fault.h"
#include "when.h"

static const char *const statuses[] = { "pending", "in_progress", "completed" };
static const char *const words[] = { "make", "importer", "say", "which", "line",
	"could", "not", "read", "hub", "answer", "before", "commit", "late",
	"event", "table", "cache", "folder", "review", "merge", "slow" };

static void
hex_random(struct gen *g, char out[33])
{
	uint64_t r[2] = { t_rand(&g->rng), t_rand(&g->rng) };

	hex_encode((const uint8_t *)r, sizeof r, out);
}

bool
gen_init(struct gen *g, unsigned n, size_t recent, unsigned late)
{
	uint8_t uuid[16];
	uint64_t r[2];

	*g = (struct gen){ .rng = { 1000003 * (n + 1) },
		.recent = recent,
		.late = late,
		.wall_ms = 1777368600000 };
	hex_random(g, g->node);
	hex_random(g, g->away);
	r[0] = t_rand(&g->rng), r[1] = t_rand(&g->rng);
	memcpy(uuid, r, sizeof uuid);
	uuid[6] = (uint8_t)((uuid[6] & 0x0f) | 0x40);
	uuid[8] = (uint8_t)((uuid[8] & 0x3f) | 0x80);
	uuid_format(uuid, g->project);
	g->todo = mem_zero(recent * sizeof *g->todo);
	return g->todo != NULL;
}

void
gen_fini(struct gen *g)
{
	free(g->todo);
	free(g->old);
	*g = (struct gen){ 0 };
}

static struct eid
new_id(struct gen *g)
{
	uint64_t r[2] = { t_rand(&g->rng), t_rand(&g->rng) };
	struct eid id;

	/* Some events a millisecond, as many clients make them. */
	g->wall_ms += g->made % 16 == 0;
	eid_new(&id, (uint64_t)g->wall_ms, (const uint8_t *)r);
	return id;
}

static void
text(struct gen *g, struct buf *out)
{
	buf_addc(out, '"');
	for (int i = 0; i < 7; i++)
		buf_addf(out, i > 0 ? " %s" : "%s",
		    words[t_below(&g->rng, sizeof words / sizeof words[0])]);
	buf_addc(out, '"');
}

static void
name_once(struct eid *list, size_t *n, const struct eid *id)
{
	if (id->form == EID_NONE)
		return;
	for (size_t i = 0; i < *n; i++)
		if (eid_eq(&list[i], id))
			return;
	list[(*n)++] = *id;
}

struct made {
	const char *type;
	char payload[256];
	struct eid names[8];
	size_t n;
};

static void
put(struct gen *g, const struct gen_todo *t, struct event_new *en,
    const struct made *m, struct buf *out)
{
	char when[WHEN_TEXT_MAX];

	en->type = str_of(m->type);
	en->payload = str_of(m->payload);
	en->replaces = m->names;
	en->n_replaces = m->n;
	en->aggregate_id = str_of(t->key);
	en->aggregate_type = STR("todo");
	en->project_uuid = str_of(g->project);
	en->timestamp = str_n(when, when_format(g->wall_ms, when));
	event_encode(en, out);
	g->made++;
}

/* The cells that an event of this kind writes, and what stands there. */
static struct eid *
plan(struct gen *g, struct gen_todo *t, struct made *m)
{
	struct buf b = { 0 };
	struct eid *cell;
	uint64_t kind = t->events == 0 ? 0 : 1 + t_below(&g->rng, 4);

	*m = (struct made){ .type = "todo_updated" };
	name_once(m->names, &m->n, &t->last); /* of `present` */
	name_once(m->names, &m->n, &t->late);
	if (kind == 0) {
		m->type = "todo_added";
		buf_adds(&b, "{\"content\":");
		text(g, &b);
		buf_addc(&b, '}');
		cell = &t->content;
	} else if (kind <= 2) {
		m->type = "todo_status_changed";
		buf_addf(&b, "{\"status\":\"%s\"}", statuses[t->events % 3]);
		cell = &t->status;
	} else if (kind == 3) {
		buf_adds(&b, "{\"content\":");
		text(g, &b);
		buf_addc(&b, '}');
		cell = &t->content;
	} else {
		buf_addf(&b, "{\"priority\":%u}", t->events);
		cell = &t->priority;
		name_once(m->names, &m->n, &t->late_priority);
		t->late_priority = (struct eid){ 0 };
	}
	name_once(m->names, &m->n, cell);
	t->late = (struct eid){ 0 };
	if (b.len < sizeof m->payload)
		memcpy(m->payload, b.data, b.len + 1);
	buf_fini(&b);
	return cell;
}

static void
next_event(struct gen *g, struct gen_todo *t, struct buf *out)
{
	struct event_new en = { .id = new_id(g),
		.clock = ++g->clock,
		.node = str_of(g->node),
		.node_seq = ++g->node_seq };
	struct made m;
	struct eid *cell = plan(g, t, &m);

	put(g, t, &en, &m, out);
	if (t->events == 0) {
		t->first = en.id;
		t->first_clock = en.clock;
		t->status = en.id; /* the default */
	}
	*cell = t->last = en.id;
	t->events++;
}

/* From a machine that was away since the beginning. */
static void
late_event(struct gen *g, struct gen_todo *t, struct buf *out)
{
	struct event_new en = { .id = new_id(g),
		.clock = t->first_clock + 1,
		.node = str_of(g->away),
		.node_seq = ++g->away_seq };
	struct made m = { .type = "todo_updated",
		.payload = "{\"priority\":\"high\"}",
		.n = 1 };

	m.names[0] = t->first;
	put(g, t, &en, &m, out);
	t->late = t->late_priority = en.id;
	t->events++;
}

static void
evict(struct gen *g, struct gen_todo *t)
{
	if (t->events >= GEN_LIFE ||
	    !mem_grow(&g->old, &g->cap_old, g->n_old + 1, sizeof *g->old))
		return;
	g->old[g->n_old++] = *t;
}

/* A place among the recent ones: free, of one that is through, or any. */
static struct gen_todo *
place(struct gen *g)
{
	struct gen_todo *t;

	if (g->n_todo < g->recent)
		return &g->todo[g->n_todo++];
	for (int i = 0; i < 16; i++) {
		t = &g->todo[t_below(&g->rng, g->recent)];
		if (t->events >= GEN_LIFE)
			return t;
	}
	evict(g, t);
	return t;
}

static struct gen_todo *
pick(struct gen *g)
{
	uint64_t dice = t_below(&g->rng, 100);
	struct gen_todo *t;

	if (dice < 70 && g->n_todo > g->recent / 8)
		for (int i = 0; i < 16; i++) {
			t = &g->todo[t_below(&g->rng, g->n_todo)];
			if (t->events < GEN_LIFE)
				return t;
		}
	if (dice >= 90 && g->n_old > 0) {
		size_t at = t_below(&g->rng, g->n_old);
		struct gen_todo one = g->old[at];

		g->old[at] = g->old[--g->n_old];
		t = place(g);
		*t = one;
		return t;
	}
	t = place(g);
	*t = (struct gen_todo){ 0 };
	hex_random(g, t->key);
	return t;
}

unsigned
gen_visit(struct gen *g, struct buf *out)
{
	struct gen_todo *t = pick(g);
	bool late = t->events >= GEN_VISIT && t_below(&g->rng, 1000) < g->late;
	unsigned n;

	for (n = 0; n < GEN_VISIT && t->events < GEN_LIFE; n++) {
		if (n > 0)
			buf_addc(out, ',');
		if (late && n == GEN_VISIT / 2)
			late_event(g, t, out);
		else
			next_event(g, t, out);
	}
	return n;
}

void
gen_single(struct gen *g, struct buf *out)
{
	if (g->n_todo == 0) {
		g->n_todo = 1;
		hex_random(g, g->todo[0].key);
	}
	/* A priority that counts on; the todo's log would grow without end. */
	if (g->todo[0].events >= GEN_LIFE) {
		g->todo[0] = (struct gen_todo){ 0 };
		hex_random(g, g->todo[0].key);
	}
	next_event(g, &g->todo[0], out);
}
