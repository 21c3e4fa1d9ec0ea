/* What the hub has said, and what was made, so that both are held to it: what was
 * acknowledged stays where it was said to stand, through crashes of the hub; and
 * through a restore where anybody still had it. */
#include <stdlib.h>

#include "sim.h"

/* --- what was made ------------------------------------------------------------ */

void
witness_made(struct world *w, const struct made *made)
{
	struct eid *key = arena_alloc(&w->mem, sizeof *key);

	if (w->n_made == w->cap_made) {
		w->cap_made = w->cap_made ? 2 * w->cap_made : 64;
		w->made = realloc(w->made, w->cap_made * sizeof *w->made);
		if (w->made == NULL)
			abort();
	}
	if (key == NULL)
		abort();
	*key = made->id;
	w->made[w->n_made++] = *made;
	if (!map_put(&w->made_by_id, eid_key(key),
	        (void *)(uintptr_t)w->n_made))
		abort();
}

struct made *
witness_find(struct world *w, const struct eid *id)
{
	uintptr_t n = (uintptr_t)map_get(&w->made_by_id, eid_key(id));

	return n > 0 ? &w->made[n - 1] : NULL;
}

/* --- what was said ------------------------------------------------------------- */

static struct said *
said_of(struct world *w, unsigned team, const struct eid *id)
{
	struct said *s = map_get(&w->said_by_id[team], eid_key(id));

	if (s != NULL)
		return s;
	s = arena_zero(&w->mem, sizeof *s);
	if (s == NULL)
		abort();
	s->id = *id;
	s->team = team;
	s->next = w->said;
	w->said = s;
	if (!map_put(&w->said_by_id[team], eid_key(&s->id), s))
		abort();
	return s;
}

void
witness_told(struct world *w, const struct told *told)
{
	unsigned team = told->team;
	struct said *s = said_of(w, team, &told->id);
	struct made *made = witness_find(w, &told->id);
	bool stood = s->life == w->hub.lives && s->seq > 0;
	char text[EID_TEXT_MAX];

	(void)eid_format(&told->id, text);
	if (stood && told->code == ERR_OK && told->seq != s->seq)
		world_fail(w, "%s: %s is told to stand at %llu and at %llu",
		    team_slug(team), text, (unsigned long long)s->seq,
		    (unsigned long long)told->seq);
	/* Another program may use an id twice, and what was edited after a
	 * refusal may come late as it was before. */
	if (stood && told->code != ERR_OK && told->code != ERR_ID_REUSED &&
	    !(told->code == ERR_SCHEMA && made != NULL && made->sent_again))
		world_fail(w, "%s: %s was acknowledged and is refused: %s",
		    team_slug(team), text, err_wire(told->code));
	if (made != NULL)
		made->was_refused |= told->code != ERR_OK;
	if (told->entered)
		s->entered = ++w->entered;
	if (stood)
		return;
	s->life = w->hub.lives;
	s->code = told->code;
	s->seq = told->code == ERR_OK ? told->seq : 0;
	s->accepted |= told->code == ERR_OK;
	if (told->code == ERR_OK)
		s->may_be_lost = false;
}

uint64_t
witness_entered(struct world *w, unsigned team, const struct eid *id)
{
	const struct said *s = map_get(&w->said_by_id[team], eid_key(id));

	return s != NULL ? s->entered : 0;
}

void
witness_waits(struct world *w, const struct eid *id)
{
	struct made *made = witness_find(w, id);

	if (made != NULL)
		made->waited = true;
}

static enum err
find(struct world *w, struct store *s, space_id sp, const struct eid *id,
    struct log_row *row)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	enum err rc = store_event(s, sp, id, &a, row, &e);

	if (rc != ERR_NOT_FOUND)
		(void)world_ok(w, rc, &e, "look an event up");
	arena_fini(&a);
	return rc;
}

void
witness_hold(struct world *w)
{
	char text[EID_TEXT_MAX];
	struct log_row row;

	for (struct said *s = w->said; s != NULL && !w->failed; s = s->next) {
		if (s->life != w->hub.lives || s->seq == 0)
			continue;
		(void)eid_format(&s->id, text);
		if (find(w, w->hub.store, w->hub.space[s->team], &s->id,
		        &row) != ERR_OK)
			world_fail(w, "%s: %s was acknowledged and is lost",
			    team_slug(s->team), text);
		else if (row.pos != s->seq)
			world_fail(w,
			    "%s: %s was acknowledged at %llu and stands at "
			    "%llu",
			    team_slug(s->team), text,
			    (unsigned long long)s->seq,
			    (unsigned long long)row.pos);
	}
}

/* --- what nobody has ------------------------------------------------------------ */

/* In the hub's log, or at some machine, refused or not. */
static bool
anywhere(struct world *w, unsigned team, const struct eid *id, bool refused)
{
	struct log_row row;

	if (find(w, w->hub.store, w->hub.space[team], id, &row) == ERR_OK)
		return true;
	for (unsigned i = 0; i < w->n_machines; i++) {
		struct machine *m = &w->machine[i];

		if (machine_there(m) && m->space[team] != 0 &&
		    find(w, m->store, m->space[team], id, &row) == ERR_OK &&
		    (refused || row.status != EVENT_REFUSED))
			return true;
	}
	return false;
}

void
witness_lost(struct world *w)
{
	for (struct said *s = w->said; s != NULL; s = s->next)
		if (s->accepted && !s->may_be_lost &&
		    !anywhere(w, s->team, &s->id, false)) {
			s->may_be_lost = true;
			COUNT(w, may_be_lost);
		}
	for (size_t i = 0; i < w->n_made; i++)
		if (!w->made[i].may_be_lost &&
		    !anywhere(w, w->made[i].team, &w->made[i].id, true))
			w->made[i].may_be_lost = true;
}

void
witness_fini(struct world *w)
{
	for (unsigned t = 0; t < TEAMS_MAX; t++)
		map_fini(&w->said_by_id[t]);
	map_fini(&w->made_by_id);
	free(w->made);
}
