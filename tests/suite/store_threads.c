/* One file, a thread that writes and threads that read, each by a handle of its
 * own, as in a hub: whoever looks sees a whole commit, never half of one, and
 * never an older one than before. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "store_lab.h"

enum { COMMITS = 60, EACH = 4, READERS = 3 };

static struct lab lab;
static atomic_bool over;

/* Nothing of the harness in here: its notes are the main thread's. */
struct reader {
	pthread_t thread;
	unsigned looks, wrong; /* the last of them: why */
	const char *why;
	struct err_info e;
};

static bool
expect(struct reader *r, bool ok, const char *why)
{
	if (!ok) {
		r->wrong++;
		r->why = why;
	}
	return ok;
}

static enum err
row(void *ctx, const struct log_row *row, struct err_info *e)
{
	uint64_t *last = ctx;

	if (row->pos != *last + 1)
		return err_setf(e, ERR_CORRUPT, "a gap behind %llu",
		    (unsigned long long)*last);
	*last = row->pos;
	return ERR_OK;
}

static enum err
add_digest(void *ctx, const struct entity *en, struct err_info *e)
{
	uint8_t digest[HASH_BYTES];
	enum err rc = entity_digest(en, digest, e);

	if (rc == ERR_OK)
		hash_sum_add(ctx, digest);
	return rc;
}

/* One view: position, log and state are of one commit. */
static bool
look(struct reader *r, struct store *s, uint64_t *before)
{
	uint8_t sum[HASH_BYTES] = { 0 };
	struct arena a = { 0 };
	struct space sp = { 0 };
	uint64_t last = 0;
	bool ok = expect(r, store_read_begin(s, &r->e) == ERR_OK, "view");

	if (!ok)
		return false;
	ok = expect(r, store_space_get(s, lab.sp, &a, &sp, &r->e) == ERR_OK,
	         "space") &&
	    expect(r, sp.events % EACH == 0, "half a commit") &&
	    expect(r, sp.events >= *before, "an older commit than before") &&
	    expect(r,
	        store_entities(s, lab.sp, STR(""), NULL, add_digest, sum,
	            &r->e) == ERR_OK,
	        "entities") &&
	    expect(r, memcmp(sum, sp.digest, sizeof sum) == 0,
	        "state and digest are of two commits");
	*before = sp.events;
	store_read_end(s);
	ok = ok &&
	    expect(r, store_log(s, lab.sp, 0, 0, row, &last, &r->e) == ERR_OK,
	        "log") &&
	    expect(r, last >= sp.events, "the log is shorter than it was");
	arena_fini(&a);
	r->looks++;
	return ok;
}

static void *
reads(void *arg)
{
	struct store_options opt = lab.opt;
	struct reader *r = arg;
	struct store *s = NULL;
	uint64_t before = 0;
	bool last;

	opt.read_only = true;
	if (!expect(r, store_sqlite_open(&s, lab.path, &opt, &r->e) == ERR_OK,
	        "open"))
		return NULL;
	do
		last = atomic_load(&over);
	while (look(r, s, &before) && !last);
	expect(r, before == COMMITS * EACH, "not everything was seen");
	store_close(s);
	return NULL;
}

static void
readers_see_whole_commits(void)
{
	struct reader reader[READERS] = { 0 };
	struct err_info e = { 0 };
	struct t_rng rng = { .state = t_seed() };
	const struct backend *be = NULL;

	for (size_t i = 0; i < n_backends; i++)
		if (backends[i].file)
			be = &backends[i];
	lab_open(&lab, be, 5, false);
	for (unsigned i = 0; i < READERS; i++)
		CHECK(pthread_create(&reader[i].thread, NULL, reads,
		          &reader[i]) == 0);
	for (unsigned i = 0; i < COMMITS; i++) {
		CHECK_OK(store_begin(lab.s, &e), &e);
		for (unsigned n = 0; n < EACH; n++) {
			struct draft d = lab_random(&rng, 9);

			CHECK_OK(store_author(lab.s, lab.sp, &d, NULL, &e), &e);
		}
		CHECK_OK(store_commit(lab.s, &e), &e);
		if (i % 16 == 15)
			CHECK_OK(store_checkpoint(lab.s, &e), &e);
		if (i % 16 == 7)
			store_slim(lab.s);
	}
	atomic_store(&over, true);
	for (unsigned i = 0; i < READERS; i++) {
		CHECK(pthread_join(reader[i].thread, NULL) == 0);
		t_note("reader %u: %s (%s)", i,
		    reader[i].why ? reader[i].why : "", reader[i].e.text);
		CHECK_U(reader[i].wrong, 0);
		CHECK(reader[i].looks > 0);
	}
	t_note("%s", "");
	lab_sound(&lab);
	lab_close(&lab);
}

int
main(void)
{
	T_RUN(readers_see_whole_commits);
	return t_done();
}
