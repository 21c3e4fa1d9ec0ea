#include "map.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>

#include "fault.h"

static char tombstone; /* the address of a key that was deleted */

/* One key for the process, drawn at first use: a map may be handed from one
 * thread to another. */
static unsigned char seed[crypto_shorthash_KEYBYTES];
static pthread_once_t seed_once = PTHREAD_ONCE_INIT;

static void
seed_draw(void)
{
	randombytes_buf(seed, sizeof seed);
}

static uint64_t
hash(struct str key)
{
	uint64_t h;

	(void)pthread_once(&seed_once, seed_draw);
	crypto_shorthash((unsigned char *)&h, (const unsigned char *)key.p,
	    key.n, seed);
	return h;
}

void
map_fini(struct map *m)
{
	free(m->slot);
	*m = (struct map){ 0 };
}

static struct map_slot *
find(const struct map *m, struct str key, uint64_t h)
{
	if (m->cap == 0)
		return NULL;
	for (size_t i = h & (m->cap - 1);; i = (i + 1) & (m->cap - 1)) {
		struct map_slot *s = &m->slot[i];

		if (s->key.p == NULL)
			return NULL;
		if (s->hash == h && s->key.p != &tombstone &&
		    str_eq(s->key, key))
			return s;
	}
}

void *
map_get(const struct map *m, struct str key)
{
	struct map_slot *s = m->cap ? find(m, key, hash(key)) : NULL;

	return s ? s->value : NULL;
}

static bool
grow(struct map *m)
{
	struct map bigger = { .cap = m->cap ? m->cap : 16 };

	/* Tombstones alone are cleared at the same size. */
	while (bigger.cap < (m->count + 1) * 2)
		bigger.cap *= 2;
	bigger.slot = mem_zero(bigger.cap * sizeof *bigger.slot);
	if (bigger.slot == NULL)
		return false;
	for (size_t i = 0; i < m->cap; i++) {
		struct map_slot *s = &m->slot[i];
		size_t at;

		if (s->key.p == NULL || s->key.p == &tombstone)
			continue;
		at = s->hash & (bigger.cap - 1);
		while (bigger.slot[at].key.p != NULL)
			at = (at + 1) & (bigger.cap - 1);
		bigger.slot[at] = *s;
	}
	bigger.count = bigger.used = m->count;
	free(m->slot);
	*m = bigger;
	return true;
}

bool
map_put(struct map *m, struct str key, void *value)
{
	uint64_t h = hash(key);
	struct map_slot *s = find(m, key, h);
	size_t at;

	if (s != NULL) {
		s->key = key;
		s->value = value;
		return true;
	}
	if ((m->used + 1) * 4 > m->cap * 3 && !grow(m))
		return false;
	at = h & (m->cap - 1);
	while (m->slot[at].key.p != NULL)
		at = (at + 1) & (m->cap - 1);
	m->slot[at] = (struct map_slot){ key, value, h };
	m->count++;
	m->used++;
	return true;
}

void *
map_del(struct map *m, struct str key)
{
	struct map_slot *s = m->cap ? find(m, key, hash(key)) : NULL;
	void *value;

	if (s == NULL)
		return NULL;
	value = s->value;
	s->key = str_n(&tombstone, 0);
	s->value = NULL;
	m->count--;
	return value;
}

bool
map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
	while (*at < m->cap) {
		struct map_slot *s = &m->slot[(*at)++];

		if (s->key.p == NULL || s->key.p == &tombstone)
			continue;
		if (key != NULL)
			*key = s->key;
		if (value != NULL)
			*value = s->value;
		return true;
	}
	return false;
}
