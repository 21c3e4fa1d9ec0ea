/* Random histories: clients and a hub that author, push, pull in parts, are
 * refused, stamped anew, cloned, renewed, crashed, and meet a hub of a new
 * epoch.  At the end everything is exchanged: all have the same digest, state
 * kept is state folded from nothing, and every event stands at the hub or is
 * listed as refused at its author.
 *
 *	store_random [HISTORIES]     again: CLOWDER_SEED=... store_random 1 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store_lab.h"

enum { CLIENTS_MAX = 4, WPS = 4 };

static const struct backend *be;
static unsigned histories;

struct history {
	struct t_rng rng;
	struct lab client[CLIENTS_MAX];
	size_t n;
	struct lab hub;
	char epoch[8];
	unsigned epochs;
};

static enum err
admit_most(void *ctx, const struct event *ev)
{
	struct history *h = ctx;

	(void)ev;
	return t_below(&h->rng, 12) == 0 ? ERR_QUOTA : ERR_OK;
}

static void
author_some(struct history *h, struct lab *l)
{
	struct err_info e = { 0 };
	uint64_t n = t_below(&h->rng, 5) + 1;

	CHECK_OK(store_begin(l->s, &e), &e);
	for (uint64_t i = 0; i < n; i++) {
		struct draft d = lab_random(&h->rng, WPS);
		struct eid none = { 0 };

		/* Now and then as somebody who saw nothing. */
		if (t_below(&h->rng, 6) == 0) {
			d.named = true;
			d.replaces = &none;
			d.n_replaces = 0;
		}
		CHECK_OK(store_author(l->s, l->sp, &d, NULL, &e), &e);
	}
	if (t_below(&h->rng, 8) == 0)
		store_rollback(l->s);
	else
		CHECK_OK(store_commit(l->s, &e), &e);
}

static void
stamp_anew(struct history *h, struct lab *l)
{
	struct err_info e = { 0 };

	CHECK_OK(store_begin(l->s, &e), &e);
	if (t_below(&h->rng, 3) == 0)
		CHECK_OK(store_node_renew(l->s, &e), &e);
	else
		CHECK_OK(store_restamp(l->s, l->sp,
		             t_below(&h->rng, 2) *
		                 lab_space_of(h->hub.s, h->hub.sp).clock,
		             &e),
		    &e);
	CHECK_OK(store_commit(l->s, &e), &e);
}

/* Refused ones are sent again or given up. */
static void
settle_refused(struct history *h, struct lab *l)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct log_row *row;
	size_t n;

	CHECK_OK(store_refused(l->s, l->sp, &a, &row, &n, &e), &e);
	CHECK_OK(store_begin(l->s, &e), &e);
	for (size_t i = 0; i < n; i++)
		switch (row[i].fixed ? 2 : t_below(&h->rng, 3)) {
		case 0:
			CHECK_OK(store_retry(l->s, l->sp, &row[i].id,
			             (struct str){ 0 }, &e),
			    &e);
			break;
		case 1:
			CHECK_OK(store_discard(l->s, l->sp, &row[i].id, &e),
			    &e);
			break;
		default:
			break;
		}
	CHECK_OK(store_commit(l->s, &e), &e);
	arena_fini(&a);
}

/* The process dies in the middle of a transaction and starts again. */
static void
crash(struct history *h, struct lab *l)
{
	struct err_info e = { 0 };
	struct store *again = NULL;
	struct draft d = lab_random(&h->rng, WPS);

	CHECK_OK(store_begin(l->s, &e), &e);
	CHECK_OK(store_author(l->s, l->sp, &d, NULL, &e), &e);
	if (be->file) {
		store_close(l->s);
		CHECK_OK(be->open(&again, l->path, &l->opt, &e), &e);
	} else {
		CHECK_OK(store_mem_copy(&again, l->s, &l->opt, &e), &e);
		store_close(l->s);
	}
	l->s = again;
}

static void
pull_some(struct history *h, struct lab *l)
{
	lab_pull(l, &h->hub,
	    t_below(&h->rng, 3) == 0 ? 0 : t_below(&h->rng, 9) + 1);
}

/* A hub that has nothing, under a new name: clients fill it again. */
static void
hub_anew(struct history *h)
{
	struct err_info e = { 0 };

	lab_close(&h->hub);
	lab_open(&h->hub, be, t_rand(&h->rng), true);
	(void)snprintf(h->epoch, sizeof h->epoch, "e%u", ++h->epochs % 100);
	for (size_t i = 0; i < h->n; i++) {
		struct lab *l = &h->client[i];

		CHECK_OK(store_begin(l->s, &e), &e);
		CHECK_OK(store_resync(l->s, l->sp, str_of(h->epoch), &e), &e);
		CHECK_OK(store_commit(l->s, &e), &e);
	}
}

static void
step(struct history *h)
{
	struct lab *l = &h->client[t_below(&h->rng, h->n)];

	switch (t_below(&h->rng, 16)) {
	default:
		author_some(h, l);
		break;
	case 6:
	case 7:
	case 8:
		(void)lab_push(l, &h->hub, admit_most, h);
		break;
	case 9:
	case 10:
	case 11:
		pull_some(h, l);
		break;
	case 12:
		stamp_anew(h, l);
		break;
	case 13:
		settle_refused(h, l);
		break;
	case 14:
		crash(h, l);
		break;
	case 15:
		if (t_below(&h->rng, 6) == 0)
			hub_anew(h);
		break;
	}
}

/* What an earlier hub had taken and this one refuses never changes its names:
 * who builds on it is refused as well, until it is sent again. */
static void
retry_fixed(struct lab *l)
{
	struct err_info e = { 0 };
	struct arena a = { 0 };
	struct log_row *row;
	size_t n;

	CHECK_OK(store_refused(l->s, l->sp, &a, &row, &n, &e), &e);
	CHECK_OK(store_begin(l->s, &e), &e);
	for (size_t i = 0; i < n; i++)
		if (row[i].fixed && row[i].code != ERR_PARENT)
			CHECK_OK(store_retry(l->s, l->sp, &row[i].id,
			             (struct str){ 0 }, &e),
			    &e);
	CHECK_OK(store_commit(l->s, &e), &e);
	CHECK_OK(store_refused(l->s, l->sp, &a, &row, &n, &e), &e);
	for (size_t i = 0; i < n; i++)
		CHECK(!row[i].fixed);
	arena_fini(&a);
}

/* Until nothing waits any more: pull, stamp anew what is behind, push. */
static bool
exchange_all(struct history *h)
{
	struct err_info e = { 0 };

	for (size_t i = 0; i < h->n; i++)
		retry_fixed(&h->client[i]);
	for (int turn = 0; turn < 40; turn++) {
		uint64_t waits = 0, behind = 0;

		for (size_t i = 0; i < h->n; i++) {
			struct lab *l = &h->client[i];

			lab_pull(l, &h->hub, 0);
			if (turn > 2) {
				CHECK_OK(store_begin(l->s, &e), &e);
				CHECK_OK(store_restamp(l->s, l->sp,
				             lab_space_of(h->hub.s, h->hub.sp)
				                 .clock,
				             &e),
				    &e);
				CHECK_OK(store_commit(l->s, &e), &e);
			}
			(void)lab_push(l, &h->hub, NULL, NULL);
			waits += lab_space_of(l->s, l->sp).unacked;
		}
		for (size_t i = 0; i < h->n; i++)
			behind += lab_space_of(h->client[i].s, h->client[i].sp)
			              .pulled !=
			    lab_space_of(h->hub.s, h->hub.sp).head;
		if (waits == 0 && behind == 0)
			return true;
	}
	return false;
}

static void
one_history(uint64_t seed)
{
	struct history h = { .rng = { seed }, .epoch = "e1", .epochs = 1 };
	uint64_t steps = t_below(&h.rng, be->file ? 40 : 80) + 5;

	h.n = t_below(&h.rng, CLIENTS_MAX - 1) + 2;
	lab_open(&h.hub, be, t_rand(&h.rng), true);
	for (size_t i = 0; i < h.n; i++)
		lab_open(&h.client[i], be, t_rand(&h.rng), false);
	for (uint64_t i = 0; i < steps && !t_failing(); i++)
		step(&h);
	CHECK(exchange_all(&h));
	for (size_t i = 0; i < h.n; i++) {
		CHECK(lab_same(&h.client[i], &h.hub));
		CHECK_U(lab_space_of(h.client[i].s, h.client[i].sp).events -
		        lab_space_of(h.hub.s, h.hub.sp).events,
		    lab_space_of(h.client[i].s, h.client[i].sp).events -
		        lab_space_of(h.hub.s, h.hub.sp).head);
		lab_sound(&h.client[i]);
		lab_close(&h.client[i]);
	}
	lab_sound(&h.hub);
	lab_close(&h.hub);
}

static void
random_histories(void)
{
	uint64_t seed = t_seed();

	for (unsigned i = 0; i < histories && !t_failing(); i++) {
		t_note("%s, CLOWDER_SEED=%#llx store_random 1", be->name,
		    (unsigned long long)(seed + i));
		one_history(seed + i);
	}
}

int
main(int argc, char **argv)
{
	unsigned n = argc > 1 ? (unsigned)atoi(argv[1]) : 0;

	for (size_t b = 0; b < n_backends; b++) {
		char name[64];

		be = &backends[b];
		histories = n ? n : be->file ? 6 : 150;
		if (snprintf(name, sizeof name, "%s: random histories",
		        be->name) < 0)
			return 1;
		t_run(name, random_histories);
	}
	return t_done();
}
