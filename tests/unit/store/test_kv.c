/* The ordered map against a plain array, with transactions rolled back and
 * copies taken in the middle of them. */
#include "kv.h"

#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "t.h"

enum { KEYS = 200 };

/* Keys 000..199; value n > 0 is written as a number, 0 = not there. */
struct plain {
	unsigned value[KEYS];
};

static struct str
key_of(unsigned k, char out[4])
{
	(void)snprintf(out, 4, "%03u", k);
	return str_n(out, 3);
}

static void
compare(const struct kv *kv, const struct plain *p)
{
	const struct kv_node *n = kv_from(kv, STR(""));
	char key[4], value[16];

	for (unsigned k = 0; k < KEYS; k++) {
		const struct kv_node *one = kv_get(kv, key_of(k, key));
		const struct kv_node *before = kv_before(kv, key_of(k, key));
		unsigned last = k;

		CHECK((one != NULL) == (p->value[k] > 0));
		while (last > 0 && p->value[last - 1] == 0)
			last--;
		CHECK((before != NULL) == (last > 0));
		if (before != NULL)
			CHECK_EQ(before->key, key_of(last - 1, key));
		if (p->value[k] == 0)
			continue;
		(void)snprintf(value, sizeof value, "%u", p->value[k]);
		CHECK(one != NULL && str_is(one->value, value));
		/* And in order. */
		CHECK(n == one);
		n = n ? n->next[0] : NULL;
	}
	CHECK(n == NULL);
}

static void
change(struct kv *kv, struct plain *p, struct t_rng *rng)
{
	unsigned k = (unsigned)t_below(rng, KEYS);
	char key[4], value[16];

	p->value[k] =
	    t_below(rng, 3) == 0 ? 0 : (unsigned)t_below(rng, 100000) + 1;
	(void)snprintf(value, sizeof value, "%u", p->value[k]);
	if (p->value[k] > 0)
		CHECK(kv_put(kv, key_of(k, key), str_of(value)));
	else
		CHECK(kv_del(kv, key_of(k, key)));
}

static void
random_changes(void)
{
	struct t_rng rng = { t_seed() };

	for (unsigned turn = 0; turn < 20; turn++) {
		struct kv kv = { 0 }, copy = { 0 };
		struct plain now = { { 0 } }, kept = { { 0 } };

		for (unsigned tx = 0; tx < 20; tx++) {
			uint64_t n = t_below(&rng, 60);

			t_note("turn %u, transaction %u", turn, tx);
			kv_begin(&kv);
			for (uint64_t i = 0; i < n; i++)
				change(&kv, &now, &rng);
			compare(&kv, &now);
			/* A copy has what was committed. */
			CHECK(kv_copy(&copy, &kv));
			compare(&copy, &kept);
			kv_fini(&copy);
			if (t_below(&rng, 2) == 0) {
				kv_rollback(&kv);
				now = kept;
			} else {
				kv_commit(&kv);
				kept = now;
			}
			compare(&kv, &now);
		}
		kv_fini(&kv);
	}
}

static void
nothing_there(void)
{
	struct kv kv = { 0 };

	CHECK(kv_get(&kv, STR("a")) == NULL);
	CHECK(kv_from(&kv, STR("a")) == NULL);
	CHECK(kv_before(&kv, STR("a")) == NULL);
	CHECK(kv_del(&kv, STR("a")));
	/* Keys and values may be empty, and hold any byte. */
	CHECK(kv_put(&kv, STR(""), STR("")));
	CHECK(kv_put(&kv, STR("a\0b"), STR("x\0y")));
	CHECK(kv_get(&kv, STR("")) != NULL);
	CHECK_EQ(kv_get(&kv, STR("a\0b"))->value, STR("x\0y"));
	CHECK(kv_get(&kv, STR("a")) == NULL);
	kv_fini(&kv);
}

/* A copy that cannot be made holds nothing. */
static void
copy_fails(void)
{
	struct kv from = { 0 };
	char key[4];
	bool ok = false;

	for (unsigned k = 0; k < 5; k++)
		CHECK(kv_put(&from, key_of(k, key), STR("v")));
	for (int n = 0; !ok; n++) {
		struct kv to = { 0 };

		t_note("allocation %d", n);
		fault_arm(n);
		ok = kv_copy(&to, &from);
		CHECK(ok != fault_hit());
		fault_arm(-1);
		CHECK((kv_from(&to, STR("")) != NULL) == ok);
		if (ok)
			kv_fini(&to);
	}
	kv_fini(&from);
}

int
main(void)
{
	T_RUN(nothing_there);
	T_RUN(random_changes);
	T_RUN(copy_fails);
	return t_done();
}
