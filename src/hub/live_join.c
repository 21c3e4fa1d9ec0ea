/* A member comes into its team's room: at once where it is there already and the
 * member says a position, else
 *
 *	loop -> reader: the team's log, position or snapshot -> loop: room
 *	          `-> (writer, where the team has no log yet) -> reader
 *
 * What it gets first and where its tail begins are of one view of the log.  Fails:
 * a position of another epoch or beyond the head is answered by a resync; what
 * cannot be read closes the connection, which comes again. */
#include <stdlib.h>

#include "container.h"
#include "fault.h"
#include "live_int.h"
#include "log.h"
#include "snapshot.h"

struct live_join {
	struct read_job read; /* first: at the reader */
	struct write_job write;
	struct live *live;
	struct member *member; /* borrow; NULL: it is gone */
	struct arena arena;
	struct str team, epoch;
	uint64_t after;
	bool snapshot;
	bool made; /* the writer was asked to make the team's space */
	/* found */
	bool resync;
	space_id space;
	uint64_t head;
	struct live_part *part, **end; /* own */
	size_t bytes;                  /* of them */
};

/* l: they are counted there; NULL: not yet. */
void
live_parts_free(struct live *l, struct live_part *p)
{
	while (p != NULL) {
		struct live_part *next = p->next;

		if (l != NULL)
			l->snapshots -= p->bytes;
		buf_fini(&p->frame);
		free(p);
		p = next;
	}
}

void
live_join_forget(struct live_join *j)
{
	if (j != NULL)
		j->member = NULL;
}

static void
join_free(struct live_join *j)
{
	if (j->member != NULL)
		j->member->join = NULL;
	live_parts_free(NULL, j->part);
	arena_fini(&j->arena);
	free(j);
}

/* ---- at the reader ---------------------------------------------------- */

static enum err
take_part(void *ctx, struct buf *part, struct err_info *e)
{
	struct live_join *j = ctx;
	struct live_part *p = mem_zero(sizeof *p);

	if (p == NULL)
		return err_set(e, ERR_NOMEM);
	ws_put(&p->frame, WS_OP_TEXT, buf_str(part), NULL);
	p->bytes = p->frame.cap;
	j->bytes += p->bytes;
	*j->end = p;
	j->end = &p->next;
	return buf_ok(&p->frame, e);
}

static enum err
position(struct live_join *j, struct store *s, struct err_info *e)
{
	struct arena a = { 0 };
	struct space sp;
	enum err rc = store_space_get(s, j->space, &a, &sp, e);

	if (rc == ERR_OK) {
		j->head = sp.pulled;
		j->resync = (j->epoch.n > 0 && !str_eq(j->epoch, sp.epoch)) ||
		    j->after > sp.pulled;
	}
	arena_fini(&a);
	return rc;
}

static void
join_read(struct hub_reader *r, struct read_job *job)
{
	struct live_join *j = (struct live_join *)(void *)job;
	struct err_info *e = &job->job.e;
	struct arena a = { 0 };
	struct space sp;
	enum err rc =
	    store_space_find(r->store, STR(""), STR(""), j->team, &a, &sp, e);

	j->made |= rc == ERR_OK; /* what is not found now is something else */
	if (rc == ERR_OK) {
		j->space = sp.id;
		rc = j->snapshot ?
		    snapshot_parts(r->store, sp.id, STR(""), LIVE_PART_MAX,
		        take_part, j, &j->head, e) :
		    position(j, r->store, e);
	}
	arena_fini(&a);
	job->job.rc = rc;
}

/* ---- on the loop ------------------------------------------------------ */

static void
enter(struct live_join *j)
{
	struct member *m = j->member;
	struct err_info e = { 0 };
	struct room *r;

	if (j->resync) {
		struct buf b = { 0 };

		live_put_resync(str_of(j->live->hub->epoch), &b);
		m->state = MEMBER_HELLO;
		m->missed = 0;
		member_send(m, &b);
		return;
	}
	if (j->bytes > 0 && j->live->snapshots + j->bytes > SNAPSHOTS_MAX) {
		member_end(m, WS_TRY_LATER, ERR_UNAVAILABLE,
		    "too many snapshots are on their way, try again");
		return;
	}
	r = room_get(j->live, j->space, j->team, j->head, &e);
	if (r == NULL) {
		member_end(m, WS_INTERNAL, e.code, e.text);
		return;
	}
	m->part = j->part;
	j->part = NULL;
	j->live->snapshots += j->bytes;
	room_enter(r, m, j->snapshot ? j->head : j->after);
	room_told(r, j->head);
	member_serve(m);
}

static void
join_done(struct pool_job *job)
{
	struct live_join *j = (struct live_join *)(void *)job;
	struct member *m = j->member;
	struct err_info e = job->e;

	if (m != NULL && job->rc == ERR_NOT_FOUND && !j->made) {
		j->made = true;
		if (pool_push(j->live->hub->writer, &j->write.job, &e) ==
		    ERR_OK)
			return;
		job->rc = e.code;
	}
	if (m != NULL && job->rc == ERR_OK) {
		enter(j);
	} else if (m != NULL) {
		log_line(LOG_WARN, "live", "joining: %s", e.text);
		member_end(m, WS_TRY_LATER, job->rc,
		    "the log cannot be read now");
	}
	join_free(j);
}

static struct live_join *
join_of_write(struct pool_job *job)
{
	return CONTAINER_OF(job, struct live_join, write);
}

static enum err
join_write(struct hub_writer *w, struct write_job *job, struct err_info *e)
{
	return hub_team_space(w, join_of_write(&job->job)->team,
	    &(space_id){ 0 }, e);
}

static void
join_written(struct pool_job *job)
{
	struct live_join *j = join_of_write(job);
	struct err_info e = job->e;
	enum err rc = job->rc;

	if (rc == ERR_OK && j->member != NULL)
		rc = pool_push(j->live->hub->reader, &j->read.job, &e);
	if (rc == ERR_OK && j->member != NULL)
		return;
	if (j->member != NULL)
		member_end(j->member, WS_TRY_LATER, rc, e.text);
	join_free(j);
}

/* Where the team's room is there it says all that the log would: thousands that
 * come again at once ask nobody. */
static bool
join_at_once(struct member *m, struct str epoch, uint64_t after)
{
	struct room *r = m->v1 ? room_find(m->live, m->team) : NULL;

	if (r == NULL || after > r->head ||
	    (epoch.n > 0 && !str_is(epoch, m->live->hub->epoch)))
		return false;
	room_enter(r, m, after);
	room_follow(r);
	member_serve(m);
	return true;
}

void
member_join(struct member *m, struct str epoch, uint64_t after)
{
	struct live_join *j;
	struct err_info e = { 0 };

	if (join_at_once(m, epoch, after))
		return;
	j = mem_zero(sizeof *j);

	if (j == NULL) {
		member_end(m, WS_INTERNAL, ERR_NOMEM, err_text(ERR_NOMEM));
		return;
	}
	j->live = m->live;
	j->member = m;
	j->snapshot = !m->v1;
	j->after = after;
	j->end = &j->part;
	j->team = arena_str(&j->arena, m->team);
	j->epoch = arena_str(&j->arena, epoch);
	j->read.read = join_read;
	j->read.job.weight = 1;
	j->read.job.lane = j->team;
	j->read.job.done = join_done;
	j->write.write = join_write;
	j->write.job.done = join_written;
	j->write.job.weight = 1;
	m->join = j;
	m->state = MEMBER_JOINING;
	if (j->team.p == NULL || j->epoch.p == NULL)
		(void)err_set(&e, ERR_NOMEM);
	else if (pool_push(m->live->hub->reader, &j->read.job, &e) == ERR_OK)
		return;
	member_end(m, WS_TRY_LATER, e.code, e.text);
	join_free(j);
}
