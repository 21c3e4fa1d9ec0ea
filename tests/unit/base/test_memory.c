/* Fault points, arena, map: what lives in memory. */
#include <stdalign.h>
#include <stdlib.h>

#include "arena.h"
#include "buf.h"
#include "fault.h"
#include "map.h"
#include "t.h"

static void
fault_hits_the_nth(void)
{
	CHECK(!fault_tick());
	fault_arm(2);
	CHECK(!fault_tick());
	CHECK(!fault_tick());
	CHECK(!fault_hit());
	CHECK(fault_tick());
	CHECK(fault_hit());
	CHECK(!fault_tick()); /* once only */
	CHECK(fault_hit());
	fault_arm(0);
	CHECK(!fault_hit());
	fault_arm(-1);
	CHECK(!fault_tick());
	CHECK(!fault_hit());
}

static void
fine_faults_count_in_an_arena(void)
{
	struct arena a = { 0 };

	fault_arm(1);
	CHECK(arena_alloc(&a, 1) != NULL);
	CHECK(arena_alloc(&a, 1) != NULL); /* of the same block */
	CHECK(!fault_hit());
	fault_arm_fine(1);
	CHECK(arena_alloc(&a, 1) != NULL);
	CHECK(arena_alloc(&a, 1) == NULL && fault_hit());
	CHECK(arena_alloc(&a, 1) != NULL);
	fault_arm(-1);
	arena_fini(&a);
}

static void
allocations_fail_when_told(void)
{
	int *items = NULL;
	size_t cap = 0;
	char *z;

	for (int i = 0; i < 6; i++) {
		void *p = NULL;

		fault_arm(0);
		switch (i) {
		case 0:
			p = mem_alloc(1);
			break;
		case 1:
			p = mem_zero(1);
			break;
		case 2:
			p = mem_realloc(NULL, 1);
			break;
		case 3:
			p = mem_dup("x", 1);
			break;
		case 4:
			p = mem_strdup("x");
			break;
		default:
			CHECK(!mem_grow(&items, &cap, 1, sizeof *items));
			CHECK(items == NULL && cap == 0);
		}
		CHECK(p == NULL);
		CHECK(fault_hit());
	}
	fault_arm(-1);
	z = mem_dup("a\0b", 3);
	CHECK(memcmp(z, "a\0b", 4) == 0);
	free(z);
	CHECK(mem_dup("", SIZE_MAX) == NULL);
	z = mem_zero(3);
	CHECK(memcmp(z, "\0\0\0", 3) == 0);
	free(z);
}

static void
arrays_grow(void)
{
	int *items = NULL;
	size_t cap = 0;

	for (int i = 0; i < 1000; i++) {
		CHECK(mem_grow(&items, &cap, (size_t)i + 1, sizeof *items));
		CHECK(cap > (size_t)i);
		items[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		CHECK_I(items[i], i);
	CHECK(!mem_grow(&items, &cap, SIZE_MAX, sizeof *items));
	CHECK(!mem_grow(&items, &cap, SIZE_MAX / 8, 64));
	CHECK_I(items[999], 999);
	free(items);
}

static void
arena_gives_aligned_memory(void)
{
	struct arena a = { 0 };
	char *prev = NULL;

	for (size_t n = 0; n < 5000; n = n * 3 / 2 + 1) {
		char *p = arena_alloc(&a, n);

		CHECK(p != NULL && p != prev);
		CHECK_U((uintptr_t)p % alignof(max_align_t), 0);
		memset(p, 0x5a, n);
		prev = p;
	}
	prev = arena_zero(&a, 100);
	for (size_t i = 0; i < 100; i++)
		CHECK(prev[i] == 0);
	CHECK(arena_alloc(&a, SIZE_MAX) == NULL);
	CHECK(arena_array(&a, SIZE_MAX / 2, 3) == NULL);
	CHECK(arena_array(&a, 0, 8) != NULL);
	arena_fini(&a);
	arena_fini(&a);
}

static void
arrays_grow_in_an_arena(void)
{
	struct arena a = { 0 };
	int *items = NULL, *first;
	size_t cap = 0;

	for (int i = 0; i < 1000; i++) {
		CHECK(arena_grow(&a, &items, &cap, (size_t)i + 1,
		    sizeof *items));
		CHECK(cap > (size_t)i);
		items[i] = i;
	}
	for (int i = 0; i < 1000; i++)
		CHECK_I(items[i], i);
	first = items;
	CHECK(arena_grow(&a, &items, &cap, 1, sizeof *items));
	CHECK(!arena_grow(&a, &items, &cap, SIZE_MAX, sizeof *items));
	CHECK(!arena_grow(&a, &items, &cap, SIZE_MAX / 8, 64));
	CHECK(items == first);
	arena_fini(&a);
}

static void
arena_is_used_again(void)
{
	struct arena a = { 0 };
	const char *first;

	arena_reset(&a);
	for (int i = 0; i < 100; i++)
		CHECK(arena_alloc(&a, 1000) != NULL);
	arena_reset(&a);
	first = arena_alloc(&a, 1000);
	for (int i = 1; i < 16; i++)
		CHECK(arena_alloc(&a, 1000) != NULL);
	arena_reset(&a);
	CHECK(arena_alloc(&a, 1000) == first);
	arena_fini(&a);
}

static void
arena_copies(void)
{
	struct arena a = { 0 };
	struct str s;

	CHECK_STR(str_of(arena_dup(&a, STR("abc"))), "abc");
	CHECK_STR(str_of(arena_dup(&a, str_n(NULL, 0))), "");
	s = arena_str(&a, STR("a\0b"));
	CHECK_EQ(s, STR("a\0b"));
	CHECK_U(s.p[3], 0);
	CHECK_STR(str_of(arena_fmt(&a, "%s/%d", "x", 7)), "x/7");
	arena_fini(&a);
}

static void
arena_walks_fault_points(void)
{
	int n = 0;

	do {
		struct arena a = { 0 };
		bool ok;

		fault_arm(n++);
		ok = arena_dup(&a, STR("x")) != NULL;
		ok = arena_fmt(&a, "%09000d", 1) != NULL && ok;
		ok = arena_zero(&a, 20000) != NULL && ok;
		CHECK(ok == !fault_hit());
		arena_fini(&a);
	} while (fault_hit());
	CHECK(n > 3);
	fault_arm(-1);
}

static struct str
key_of(struct arena *a, unsigned i)
{
	return str_of(arena_fmt(a, "key %u", i));
}

/* Against an array that says which keys should be there. */
static void
map_keeps_what_it_was_given(void)
{
	enum { KEYS = 500 };
	struct t_rng r = { t_seed() };
	struct arena a = { 0 };
	struct map m = { 0 };
	unsigned char want[KEYS] = { 0 };
	char value[2];
	size_t live = 0;

	for (int run = 0; run < 20000; run++) {
		unsigned i = (unsigned)t_below(&r, KEYS);
		unsigned v = 1 + (unsigned)t_below(&r, 2);
		struct str key = key_of(&a, i);

		t_note("seed %llu run %d", (unsigned long long)t_seed(), run);
		if (t_below(&r, 2)) {
			CHECK(map_put(&m, key, &value[v - 1]));
			live += want[i] == 0;
			want[i] = (unsigned char)v;
		} else {
			void *got = map_del(&m, key);

			CHECK(got == (want[i] ? &value[want[i] - 1] : NULL));
			live -= want[i] != 0;
			want[i] = 0;
		}
		CHECK_U(m.count, live);
	}
	for (unsigned i = 0; i < KEYS; i++)
		CHECK(map_get(&m, key_of(&a, i)) ==
		    (want[i] ? &value[want[i] - 1] : NULL));
	/* Put and delete for ever does not make it grow for ever. */
	CHECK(m.cap <= 4 * 2 * KEYS);
	map_fini(&m);
	arena_fini(&a);
}

static void
map_walks_all(void)
{
	struct map m = { 0 };
	unsigned seen = 0;
	struct str key;
	void *value;
	size_t at = 0;
	char bit[3] = { 1, 2, 4 };

	CHECK(!map_next(&m, &at, &key, &value));
	CHECK(map_get(&m, STR("a")) == NULL);
	CHECK(map_del(&m, STR("a")) == NULL);
	CHECK(map_put(&m, STR("a"), &bit[0]));
	CHECK(map_put(&m, STR(""), &bit[1]));
	CHECK(map_put(&m, STR("a\0b"), &bit[2]));
	CHECK(map_put(&m, STR("gone"), &bit[2]));
	CHECK(map_del(&m, STR("gone")) == &bit[2]);
	at = 0;
	while (map_next(&m, &at, &key, &value)) {
		CHECK(map_get(&m, key) == value);
		seen += (unsigned)*(char *)value;
	}
	CHECK_U(seen, 7);
	map_fini(&m);
}

static void
map_walks_fault_points(void)
{
	struct arena a = { 0 };
	struct str key[100];
	char value;
	int n = 0;

	for (unsigned i = 0; i < 100; i++)
		key[i] = key_of(&a, i);
	do {
		struct map m = { 0 };
		size_t put = 0;

		t_note("fault %d", n);
		fault_arm(n++);
		while (put < 100 && map_put(&m, key[put], &value))
			put++;
		CHECK((put == 100) == !fault_hit());
		CHECK_U(m.count, put);
		/* Unchanged, and it goes on where it failed. */
		for (size_t i = 0; i < 100; i++)
			CHECK(map_get(&m, key[i]) == (i < put ? &value : NULL));
		for (; put < 100; put++)
			CHECK(map_put(&m, key[put], &value));
		CHECK_U(m.count, 100);
		map_fini(&m);
	} while (fault_hit());
	CHECK(n > 3);
	fault_arm(-1);
	arena_fini(&a);
}

int
main(void)
{
	T_RUN(fault_hits_the_nth);
	T_RUN(fine_faults_count_in_an_arena);
	T_RUN(allocations_fail_when_told);
	T_RUN(arrays_grow);
	T_RUN(arrays_grow_in_an_arena);
	T_RUN(arena_gives_aligned_memory);
	T_RUN(arena_is_used_again);
	T_RUN(arena_copies);
	T_RUN(arena_walks_fault_points);
	T_RUN(map_keeps_what_it_was_given);
	T_RUN(map_walks_all);
	T_RUN(map_walks_fault_points);
	return t_done();
}
