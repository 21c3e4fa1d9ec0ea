#include "share.h"

struct sharing {
	struct store *store;
	const struct spaces_account *who;
	struct space *space; /* of the account */
	size_t n;
	uint64_t copied;
};

/* The space that a shared project of `from` is written to from now on; NULL:
 * it stays. */
static const struct space *
target_of(const struct sharing *x, const struct space *from, struct str project,
    struct arena *a, struct err_info *e, enum err *rc)
{
	struct str team;

	*rc = spaces_shared_to(x->store, x->who, from, project, a, &team, e);
	if (*rc != ERR_OK || team.n == 0 || str_eq(team, from->team))
		return NULL;
	for (size_t i = 0; i < x->n; i++)
		if (str_eq(x->space[i].team, team))
			return &x->space[i];
	return NULL; /* not (or no longer) a team of ours: the events wait */
}

static enum err
share_one(struct sharing *x, const struct space *from, struct str project,
    const struct space *to, struct err_info *e)
{
	uint64_t copied = 0;
	enum err rc = store_begin(x->store, e);

	if (rc != ERR_OK)
		return rc;
	rc = store_share(x->store, from->id, project, to->id, &copied, e);
	if (rc == ERR_OK && copied > 0)
		rc = store_commit(x->store, e);
	else
		store_rollback(x->store);
	if (rc != ERR_OK) {
		store_rollback(x->store);
		return rc;
	}
	x->copied += copied;
	return ERR_OK;
}

static enum err
share_from(struct sharing *x, const struct space *from, struct err_info *e)
{
	struct arena a = { 0 };
	struct store_project *p = NULL;
	size_t n = 0;
	enum err rc = store_projects(x->store, from->id, &a, &p, &n, e);

	for (size_t i = 0; rc == ERR_OK && i < n; i++) {
		const struct space *to =
		    target_of(x, from, p[i].project, &a, e, &rc);

		if (rc == ERR_OK && to != NULL)
			rc = share_one(x, from, p[i].project, to, e);
	}
	arena_fini(&a);
	return rc;
}

enum err
share_all(struct store *s, const struct spaces_account *who, uint64_t *copied,
    struct err_info *e)
{
	struct sharing x = { .store = s, .who = who };
	struct arena a = { 0 };
	struct space *all;
	size_t n = 0;
	enum err rc = store_space_list(s, &a, &all, &n, e);

	if (rc == ERR_OK) {
		x.space = arena_array(&a, n, sizeof *x.space);
		if (x.space == NULL && n > 0)
			rc = err_set(e, ERR_NOMEM);
	}
	for (size_t i = 0; rc == ERR_OK && i < n; i++)
		if (spaces_is_of(&all[i], who))
			x.space[x.n++] = all[i];
	for (size_t i = 0; rc == ERR_OK && i < x.n; i++)
		rc = share_from(&x, &x.space[i], e);
	*copied = x.copied;
	arena_fini(&a);
	return rc;
}
