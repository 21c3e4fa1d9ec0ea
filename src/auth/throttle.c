#include "throttle.h"

#include <arpa/inet.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

#include "fault.h"
#include "map.h"

const struct throttle_rule throttle_accounts = {
	.burst = 5,
	.wait_min_ms = 1000,
	.wait_max_ms = 60 * 1000,
	.forget_ms = 15 * 60 * 1000,
	.slots = 10000,
};

/* Many people may share one address. */
const struct throttle_rule throttle_addresses = {
	.burst = 20,
	.wait_min_ms = 1000,
	.wait_max_ms = 5 * 60 * 1000,
	.forget_ms = 60 * 60 * 1000,
	.slots = 10000,
};

enum { KEY_BYTES = 16 };

struct slot {
	uint8_t key[KEY_BYTES]; /* hash of the key: names of any length fit */
	unsigned failures;
	int64_t touched_ms;
	int64_t closed_ms;          /* until then the key is closed */
	struct slot *older, *newer; /* borrow; neighbours by touch */
};

struct throttle {
	struct throttle_rule rule;
	struct map slot; /* key -> struct slot, own */
	struct slot *oldest, *newest;
};

enum err
throttle_new(struct throttle **ret, const struct throttle_rule *rule,
    struct err_info *e)
{
	struct throttle *t = mem_zero(sizeof *t);

	if (t == NULL)
		return err_set(e, ERR_NOMEM);
	t->rule = *rule;
	*ret = t;
	return ERR_OK;
}

void
throttle_free(struct throttle *t)
{
	struct slot *s, *newer;

	if (t == NULL)
		return;
	for (s = t->oldest; s != NULL; s = newer) {
		newer = s->newer;
		free(s);
	}
	map_fini(&t->slot);
	free(t);
}

size_t
throttle_count(const struct throttle *t)
{
	return t->slot.count;
}

static struct slot *
slot_find(const struct throttle *t, struct str key, uint8_t hash[KEY_BYTES])
{
	crypto_generichash(hash, KEY_BYTES, (const uint8_t *)key.p, key.n, NULL,
	    0);
	return map_get(&t->slot, str_n(hash, KEY_BYTES));
}

static void
slot_unlink(struct throttle *t, struct slot *s)
{
	*(s->older ? &s->older->newer : &t->oldest) = s->newer;
	*(s->newer ? &s->newer->older : &t->newest) = s->older;
	s->older = s->newer = NULL;
}

static void
slot_link_newest(struct throttle *t, struct slot *s)
{
	s->older = t->newest;
	*(t->newest ? &t->newest->newer : &t->oldest) = s;
	t->newest = s;
}

static void
slot_drop(struct throttle *t, struct slot *s)
{
	(void)map_del(&t->slot, str_n(s->key, KEY_BYTES));
	slot_unlink(t, s);
	free(s);
}

static bool
forgotten(const struct throttle *t, const struct slot *s, int64_t now_ms)
{
	return now_ms - s->touched_ms >= t->rule.forget_ms;
}

int64_t
throttle_wait(const struct throttle *t, struct str key, int64_t now_ms)
{
	uint8_t hash[KEY_BYTES];
	const struct slot *s = slot_find(t, key, hash);

	if (s == NULL || forgotten(t, s, now_ms) || s->closed_ms <= now_ms)
		return 0;
	/* A clock that was set back does not make a wait longer than any. */
	return s->closed_ms - now_ms < t->rule.wait_max_ms ?
	    s->closed_ms - now_ms :
	    t->rule.wait_max_ms;
}

static int64_t
wait_after(const struct throttle_rule *r, unsigned failures)
{
	int64_t wait = r->wait_min_ms;

	if (failures <= r->burst)
		return 0;
	for (unsigned i = r->burst + 1; i < failures && wait < r->wait_max_ms;
	     i++)
		wait *= 2;
	return wait < r->wait_max_ms ? wait : r->wait_max_ms;
}

static struct slot *
slot_add(struct throttle *t, const uint8_t hash[KEY_BYTES])
{
	struct slot *s = mem_zero(sizeof *s);

	if (s == NULL)
		return NULL;
	memcpy(s->key, hash, KEY_BYTES);
	while (t->oldest != NULL && t->slot.count >= t->rule.slots)
		slot_drop(t, t->oldest);
	if (!map_put(&t->slot, str_n(s->key, KEY_BYTES), s)) {
		free(s);
		return NULL;
	}
	slot_link_newest(t, s);
	return s;
}

enum err
throttle_take(struct throttle *t, struct str key, int64_t now_ms,
    struct err_info *e)
{
	uint8_t hash[KEY_BYTES];
	struct slot *s = slot_find(t, key, hash);

	if (s == NULL)
		s = slot_add(t, hash);
	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	if (forgotten(t, s, now_ms))
		s->failures = 0;
	if (s->failures < UINT32_MAX)
		s->failures++;
	s->touched_ms = now_ms;
	s->closed_ms = now_ms + wait_after(&t->rule, s->failures);
	slot_unlink(t, s);
	slot_link_newest(t, s);
	return ERR_OK;
}

void
throttle_forgive(struct throttle *t, struct str key, bool all)
{
	uint8_t hash[KEY_BYTES];
	struct slot *s = slot_find(t, key, hash);

	if (s == NULL)
		return; /* gave way meanwhile */
	s->failures--;
	s->closed_ms = 0; /* it was open when this attempt began */
	if (all || s->failures == 0)
		slot_drop(t, s);
}

unsigned
throttle_retry_after_s(int64_t wait_ms)
{
	return wait_ms <= 1000 ? 1 : (unsigned)((wait_ms + 999) / 1000);
}

size_t
throttle_address(struct str address, char out[THROTTLE_ADDRESS_MAX])
{
	char z[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	size_t n = address.n;
	int len;

	if (n < sizeof z) {
		memcpy(z, address.p ? address.p : "", n);
		z[n] = '\0';
		if (inet_pton(AF_INET6, z, &in6) == 1) {
			const uint8_t *b = in6.s6_addr;

			len = IN6_IS_ADDR_V4MAPPED(&in6) ?
			    snprintf(out, THROTTLE_ADDRESS_MAX, "%u.%u.%u.%u",
			        b[12], b[13], b[14], b[15]) :
			    snprintf(out, THROTTLE_ADDRESS_MAX,
			        "%02x%02x:%02x%02x:%02x%02x:%02x%02x::/"
			        "64",
			        b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7]);
			return (size_t)len;
		}
	}
	if (n > THROTTLE_ADDRESS_MAX)
		n = THROTTLE_ADDRESS_MAX;
	if (n > 0)
		memcpy(out, address.p, n);
	return n;
}
