/* Two ways to find one: by the hash of what is shown, and by its session, so that
 * a session has no more than WS_TOKENS_EACH of them. */
#include "ws_token.h"

#include <stdlib.h>

#include "clock.h"
#include "fault.h"
#include "hash.h"

struct ws_holder;

struct ws_token {
	uint8_t hash[HASH_BYTES];
	uint64_t until_ms;
	TAILQ_ENTRY(ws_token) all;  /* ws_tokens.queue */
	TAILQ_ENTRY(ws_token) mine; /* ws_holder.token */
	struct ws_holder *holder;   /* borrow */
	struct str team;            /* own, in this block */
	char text[];
};

struct ws_holder {
	struct ws_token_queue token; /* borrow; the oldest first */
	size_t n;
	struct str session_id; /* own, in this block */
	char text[];
};

static void
drop(struct ws_tokens *t, struct ws_token *k)
{
	struct ws_holder *h = k->holder;

	(void)map_del(&t->by_hash, str_n(k->hash, sizeof k->hash));
	TAILQ_REMOVE(&t->queue, k, all);
	TAILQ_REMOVE(&h->token, k, mine);
	free(k);
	if (--h->n > 0)
		return;
	(void)map_del(&t->by_session, h->session_id);
	free(h);
}

static void
begin(struct ws_tokens *t, uint64_t now_ms)
{
	struct ws_token *k;

	if (!t->begun)
		TAILQ_INIT(&t->queue);
	t->begun = true;
	while ((k = TAILQ_FIRST(&t->queue)) != NULL && k->until_ms <= now_ms)
		drop(t, k);
}

void
ws_tokens_fini(struct ws_tokens *t)
{
	begin(t, UINT64_MAX);
	map_fini(&t->by_hash);
	map_fini(&t->by_session);
}

static struct ws_holder *
holder_get(struct ws_tokens *t, struct str session_id)
{
	struct ws_holder *h = map_get(&t->by_session, session_id);

	if (h != NULL)
		return h;
	h = mem_zero(sizeof *h + session_id.n);
	if (h == NULL)
		return NULL;
	TAILQ_INIT(&h->token);
	memcpy(h->text, session_id.p, session_id.n);
	h->session_id = str_n(h->text, session_id.n);
	if (!map_put(&t->by_session, h->session_id, h)) {
		free(h);
		return NULL;
	}
	return h;
}

static enum err
token_add(struct ws_tokens *t, struct ws_holder *h, struct str team,
    uint64_t until_ms, const uint8_t hash[HASH_BYTES], struct err_info *e)
{
	struct ws_token *k = mem_zero(sizeof *k + team.n);

	if (k == NULL)
		return err_set(e, ERR_NOMEM);
	memcpy(k->hash, hash, sizeof k->hash);
	memcpy(k->text, team.p, team.n);
	k->team = str_n(k->text, team.n);
	k->until_ms = until_ms;
	k->holder = h;
	if (!map_put(&t->by_hash, str_n(k->hash, sizeof k->hash), k)) {
		free(k);
		return err_set(e, ERR_NOMEM);
	}
	TAILQ_INSERT_TAIL(&t->queue, k, all);
	TAILQ_INSERT_TAIL(&h->token, k, mine);
	h->n++;
	return ERR_OK;
}

enum err
ws_token_issue(struct ws_tokens *t, struct str session_id, struct str team,
    uint64_t now_ms, char out[WS_TOKEN_CHARS + 1], struct err_info *e)
{
	uint8_t dice[WS_TOKEN_CHARS / 2], hash[HASH_BYTES];
	struct ws_holder *h;
	enum err rc;

	begin(t, now_ms);
	rc = os_random(dice, sizeof dice, e);
	if (rc != ERR_OK)
		return rc;
	hex_encode(dice, sizeof dice, out);
	hash_blake2b(str_n(out, WS_TOKEN_CHARS), hash, sizeof hash);
	h = holder_get(t, session_id);
	if (h == NULL)
		return err_set(e, ERR_NOMEM);
	rc = token_add(t, h, team, now_ms + WS_TOKEN_S * 1000u, hash, e);
	if (rc == ERR_OK && h->n > WS_TOKENS_EACH) {
		drop(t, TAILQ_FIRST(&h->token));
	} else if (h->n == 0) {
		(void)map_del(&t->by_session, h->session_id);
		free(h);
	}
	return rc;
}

enum err
ws_token_redeem(struct ws_tokens *t, struct str token, uint64_t now_ms,
    struct arena *ar, struct str *session_id, struct str *team,
    struct err_info *e)
{
	uint8_t hash[HASH_BYTES];
	struct ws_token *k;

	begin(t, now_ms);
	hash_blake2b(token, hash, sizeof hash);
	k = map_get(&t->by_hash, str_n(hash, sizeof hash));
	if (k == NULL)
		return err_setf(e, ERR_UNAUTHORIZED,
		    "not a token for a live connection, or used or too old: "
		    "POST /api/v1/ws-token/ gives a new one");
	*session_id = arena_str(ar, k->holder->session_id);
	*team = arena_str(ar, k->team);
	drop(t, k);
	return session_id->p != NULL && team->p != NULL ? ERR_OK :
	                                                  err_set(e, ERR_NOMEM);
}
