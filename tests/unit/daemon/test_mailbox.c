/* The queue between the daemon's threads. */
#include "mailbox.h"

#include <stdlib.h>

#include "clock.h"
#include "t.h"

enum { POSTERS = 4, EACH = 2000 };

struct letter {
	struct mail mail; /* first */
	unsigned from, n;
};

static struct mailbox box;
static unsigned dropped;

static void
taken(void *ctx, struct mail *m)
{
	(void)ctx;
	free(m);
}

static void
drop(struct mail *m)
{
	dropped++;
	free(m);
}

static void
post(unsigned from, unsigned n)
{
	struct letter *l = calloc(1, sizeof *l);

	if (l == NULL)
		abort();
	l->mail = (struct mail){ .fn = taken, .drop = drop };
	l->from = from;
	l->n = n;
	mailbox_post(&box, &l->mail);
}

static void *
poster(void *arg)
{
	for (unsigned i = 0; i < EACH; i++)
		post((unsigned)(uintptr_t)arg, i);
	return NULL;
}

/* All of it, each poster's in his order. */
static void
from_many(void)
{
	unsigned next[POSTERS] = { 0 }, n = 0;
	pthread_t thread[POSTERS];
	struct err_info e = { 0 };
	struct mail *m, *after;

	CHECK_OK(mailbox_init(&box, &e), &e);
	for (uintptr_t i = 0; i < POSTERS; i++)
		if (pthread_create(&thread[i], NULL, poster, (void *)i) != 0)
			abort();
	while (n < POSTERS * EACH && mailbox_take(&box, UINT64_MAX, &m))
		for (; m != NULL; m = after) {
			const struct letter *l =
			    (const struct letter *)(const void *)m;

			after = m->next;
			CHECK_U(l->n, next[l->from]);
			next[l->from]++;
			n++;
			m->fn(NULL, m);
		}
	CHECK_U(n, POSTERS * EACH);
	for (unsigned i = 0; i < POSTERS; i++)
		(void)pthread_join(thread[i], NULL);
	mailbox_fini(&box);
}

static void
waits_so_long(void)
{
	struct err_info e = { 0 };
	struct mail *m = (struct mail *)&box;
	uint64_t began = os_mono_ms();

	CHECK_OK(mailbox_init(&box, &e), &e);
	CHECK(mailbox_take(&box, began + 20, &m));
	CHECK(m == NULL);
	CHECK(os_mono_ms() >= began + 20);
	/* A moment that has passed: no wait at all, and what is there comes. */
	CHECK(mailbox_take(&box, 0, &m));
	CHECK(m == NULL);
	post(0, 7);
	CHECK(mailbox_take(&box, 0, &m));
	CHECK(m != NULL && m->next == NULL);
	free(m);
	mailbox_fini(&box);
}

static void
closes(void)
{
	struct err_info e = { 0 };
	struct mail *m;

	dropped = 0;
	CHECK_OK(mailbox_init(&box, &e), &e);
	post(0, 1);
	mailbox_close(&box);
	post(0, 2);
	CHECK_U(dropped, 1);
	/* What was posted before is given out; then it is over. */
	CHECK(mailbox_take(&box, UINT64_MAX, &m));
	CHECK(m != NULL);
	free(m);
	CHECK(!mailbox_take(&box, UINT64_MAX, &m));
	CHECK(m == NULL);
	mailbox_fini(&box);
}

int
main(void)
{
	T_RUN(from_many);
	T_RUN(waits_so_long);
	T_RUN(closes);
	return t_done();
}
