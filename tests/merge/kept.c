#include "kept.h"

#include <stdlib.h>
#include <string.h>

#include "entity.h"
#include "fault.h"

struct kept_event {
	struct event ev;
	struct json json;
};

struct kept_entity {
	struct entity_key key;      /* borrow: of its first event */
	struct entity *en;          /* own */
	const struct event **event; /* own; in stamp order */
	size_t n, cap;
	size_t next; /* of a fold that runs */
};

struct kept {
	struct arena a;
	struct kept_event **event; /* own; as they came */
	size_t n, cap;
	struct kept_entity **entity; /* own */
	size_t n_entities, cap_entities;
};

struct kept *
kept_new(void)
{
	return mem_zero(sizeof(struct kept));
}

void
kept_free(struct kept *k)
{
	if (k == NULL)
		return;
	for (size_t i = 0; i < k->n_entities; i++) {
		entity_free(k->entity[i]->en);
		free(k->entity[i]->event);
		free(k->entity[i]);
	}
	for (size_t i = 0; i < k->n; i++) {
		json_fini(&k->event[i]->json);
		free(k->event[i]);
	}
	free(k->entity);
	free(k->event);
	arena_fini(&k->a);
	free(k);
}

static enum err
entity_of(struct kept *k, const struct event *ev, struct kept_entity **ret,
    struct err_info *e)
{
	struct kept_entity *ke;

	for (size_t i = 0; i < k->n_entities; i++) {
		ke = k->entity[i];
		if (str_eq(ke->key.project, ev->entity.project) &&
		    str_eq(ke->key.type, ev->entity.type) &&
		    str_eq(ke->key.key, ev->entity.key)) {
			*ret = ke;
			return ERR_OK;
		}
	}
	if (!mem_grow(&k->entity, &k->cap_entities, k->n_entities + 1,
	        sizeof(struct kept_entity *)) ||
	    (ke = mem_zero(sizeof *ke)) == NULL)
		return err_set(e, ERR_NOMEM);
	k->entity[k->n_entities++] = ke;
	ke->key = ev->entity;
	*ret = ke;
	return entity_new(&ke->en, &ke->key, e);
}

static enum err
next_event(void *ctx, const struct event **ret, struct err_info *e)
{
	struct kept_entity *ke = ctx;

	(void)e;
	*ret = ke->next < ke->n ? ke->event[ke->next++] : NULL;
	return ERR_OK;
}

static bool
in_order(struct kept_entity *ke, const struct event *ev)
{
	struct stamp mine = event_stamp(ev);
	size_t at = ke->n;

	if (!mem_grow(&ke->event, &ke->cap, ke->n + 1,
	        sizeof(const struct event *)))
		return false;
	for (; at > 0; at--) {
		struct stamp before = event_stamp(ke->event[at - 1]);

		if (stamp_cmp(&before, &mine) < 0)
			break;
		ke->event[at] = ke->event[at - 1];
	}
	ke->event[at] = ev;
	ke->n++;
	return true;
}

static enum err
through_bytes(struct kept_entity *ke, struct err_info *e)
{
	struct buf bytes = { 0 };
	struct entity *again = NULL;
	enum err rc;

	entity_encode(ke->en, &bytes);
	rc = buf_ok(&bytes, e);
	if (rc == ERR_OK)
		rc = entity_decode(&again, &ke->key, buf_str(&bytes), e);
	if (rc == ERR_OK) {
		entity_free(ke->en);
		ke->en = again;
	}
	buf_fini(&bytes);
	return rc;
}

static enum err
apply(struct kept_entity *ke, const struct event *ev, struct err_info *e)
{
	enum applied how = APPLY_NEEDS_HISTORY;
	enum err rc = ERR_OK;

	if (!in_order(ke, ev))
		return err_set(e, ERR_NOMEM);
	if (entity_cmp_last(ke->en, ev) > 0)
		rc = entity_apply(ke->en, ev, &how, e);
	if (rc == ERR_OK && how == APPLY_NEEDS_HISTORY) {
		ke->next = 0;
		rc = entity_fold(ke->en, next_event, ke, e);
	}
	return rc == ERR_OK ? through_bytes(ke, e) : rc;
}

enum err
kept_add(struct kept *k, struct str text, struct err_info *e)
{
	struct kept_event *ke;
	struct kept_entity *en = NULL;
	enum err rc;

	text = arena_str(&k->a, text);
	if (text.p == NULL ||
	    !mem_grow(&k->event, &k->cap, k->n + 1,
	        sizeof(struct kept_event *)) ||
	    (ke = mem_zero(sizeof *ke)) == NULL)
		return err_set(e, ERR_NOMEM);
	k->event[k->n++] = ke;
	rc = event_parse(&ke->ev, &ke->json, text, &k->a, e);
	if (rc != ERR_OK || !ke->ev.folds)
		return rc;
	for (size_t i = 0; i + 1 < k->n; i++)
		if (eid_eq(&k->event[i]->ev.id, &ke->ev.id))
			return ERR_OK;
	rc = entity_of(k, &ke->ev, &en, e);
	return rc == ERR_OK ? apply(en, &ke->ev, e) : rc;
}

/* Lowest byte first. */
static void
add(uint8_t sum[32], const uint8_t more[32])
{
	unsigned carry = 0;

	for (size_t i = 0; i < 32; i++) {
		carry += (unsigned)sum[i] + more[i];
		sum[i] = (uint8_t)carry;
		carry >>= 8;
	}
}

enum err
kept_digest(const struct kept *k, uint8_t ret[32], struct err_info *e)
{
	enum err rc = ERR_OK;

	memset(ret, 0, 32);
	for (size_t i = 0; i < k->n_entities && rc == ERR_OK; i++) {
		uint8_t one[32];

		rc = entity_digest(k->entity[i]->en, one, e);
		if (rc == ERR_OK)
			add(ret, one);
	}
	return rc;
}
