/* Refresh tokens: stories of one family, told against a hub of one variable. */
#include "family.h"

#include <stdlib.h>

#include "t.h"

enum { S = 1000 };
#define START INT64_C(1800000000000)
#define LIFE (FAMILY_REFRESH_S * INT64_C(1000))

/* What a hub stores: the family and every token it ever had. */
struct hub {
	struct family f;
	struct family_token kept[64];
	size_t n;
	struct t_rng rng;
	int64_t now_ms;
};

typedef uint8_t token[FAMILY_TOKEN_BYTES];

static void
draw(struct hub *h, uint8_t *out, size_t n)
{
	for (size_t i = 0; i < n; i++)
		out[i] = (uint8_t)t_rand(&h->rng);
}

static void
sign_in(struct hub *h, token ret)
{
	*h = (struct hub){ .rng = { t_seed() }, .now_ms = START };
	draw(h, ret, FAMILY_TOKEN_BYTES);
	family_start(ret, h->now_ms, &h->f, &h->kept[h->n++]);
}

static struct family_token *
kept(struct hub *h, const token t)
{
	uint8_t hash[FAMILY_HASH_BYTES];

	family_token_hash(t, hash);
	for (size_t i = 0; i < h->n; i++)
		if (memcmp(h->kept[i].hash, hash, sizeof hash) == 0)
			return &h->kept[i];
	return NULL;
}

static struct family_answer
refresh(struct hub *h, const token t)
{
	uint8_t random[FAMILY_RANDOM_BYTES];
	struct family_token *row = kept(h, t);
	struct family_answer a;

	draw(h, random, sizeof random);
	family_refresh(&h->f, row, t, h->now_ms, random, &a);
	if (a.outcome == FAMILY_ROTATE) {
		*row = a.spent;
		h->kept[h->n++] = a.fresh;
	}
	if (a.outcome == FAMILY_ROTATE || a.outcome == FAMILY_REVOKE)
		h->f = a.next;
	return a;
}

static enum err
refresh_to(struct hub *h, const token t, token ret)
{
	struct family_answer a = refresh(h, t);

	memcpy(ret, a.successor, FAMILY_TOKEN_BYTES);
	return a.code;
}

static void
rotates(void)
{
	struct hub h;
	token t[5];

	sign_in(&h, t[0]);
	CHECK_I(h.f.expires_ms, START + LIFE);
	for (int i = 1; i < 5; i++) {
		h.now_ms += 3600 * S;
		CHECK_ERR(refresh_to(&h, t[i - 1], t[i]), ERR_OK);
		CHECK(memcmp(t[i], t[i - 1], FAMILY_TOKEN_BYTES) != 0);
		CHECK_U(h.f.generation, i);
		CHECK_I(h.f.expires_ms, h.now_ms + LIFE);
		CHECK(kept(&h, t[i]) != NULL);
		CHECK_U(kept(&h, t[i])->generation, i);
	}
}

/* The hub's answer never arrived: the client asks again with what it has, as
 * often and as late as it likes, and gets what it would have got. */
static void
repeats_a_lost_answer(void)
{
	static const int64_t later[] = { 0, 1, 29 * S, 30 * S, 31 * S, 3600 * S,
		LIFE - 1 };
	struct hub h;
	token t0, t1, again, t2;

	sign_in(&h, t0);
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_OK);
	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
		struct family_answer a;

		t_note("%lld ms later", (long long)later[i]);
		h.now_ms = START + later[i];
		a = refresh(&h, t0);
		CHECK_I(a.outcome, FAMILY_REPEAT);
		CHECK_ERR(a.code, ERR_OK);
		CHECK_EQ(str_n(a.successor, sizeof t1), str_n(t1, sizeof t1));
		CHECK_I(h.f.expires_ms,
		    START + LIFE); /* no use, no more time */
	}
	t_note("%s", "");
	CHECK_ERR(refresh_to(&h, t1, t2), ERR_OK);
	/* The next lost answer, same again. */
	CHECK_ERR(refresh_to(&h, t1, again), ERR_OK);
	CHECK_EQ(str_n(again, sizeof again), str_n(t2, sizeof t2));
}

/* Many processes of one install send the same token at once: one successor. */
static void
gives_one_successor_to_all(void)
{
	struct hub h;
	token t0, first, other;

	sign_in(&h, t0);
	CHECK_ERR(refresh_to(&h, t0, first), ERR_OK);
	for (int i = 0; i < 8; i++) {
		CHECK_ERR(refresh_to(&h, t0, other), ERR_OK);
		CHECK_EQ(str_n(other, sizeof other),
		    str_n(first, sizeof first));
	}
	CHECK_U(h.f.generation, 1);
	CHECK_U(h.n, 2);
}

static void
forgives_a_replay_for_a_moment(void)
{
	static const struct {
		int64_t later_ms;
		enum family_outcome outcome;
		enum err code;
	} row[] = {
		{ 0, FAMILY_RETRY, ERR_REPLAY },
		{ 29 * S, FAMILY_RETRY, ERR_REPLAY },
		{ 30 * S, FAMILY_RETRY, ERR_REPLAY },
		{ 30 * S + 1, FAMILY_REVOKE, ERR_SESSION },
		{ 3600 * S, FAMILY_REVOKE, ERR_SESSION },
		{ -3600 * S, FAMILY_RETRY, ERR_REPLAY }, /* clock set back */
	};

	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		struct hub h;
		struct family_answer a;
		token t0, t1, t2, t3;

		t_note("%lld ms later", (long long)row[i].later_ms);
		sign_in(&h, t0);
		CHECK_ERR(refresh_to(&h, t0, t1), ERR_OK);
		CHECK_ERR(refresh_to(&h, t1, t2), ERR_OK);
		h.now_ms += row[i].later_ms;
		a = refresh(&h, t0);
		CHECK_I(a.outcome, row[i].outcome);
		CHECK_ERR(a.code, row[i].code);
		if (a.outcome == FAMILY_RETRY) {
			CHECK(a.retry_after_s <= 5);
			/* Nothing happened to the family. */
			CHECK_ERR(refresh_to(&h, t2, t3), ERR_OK);
			continue;
		}
		CHECK_I(h.f.state, FAMILY_REVOKED);
		CHECK_ERR(refresh_to(&h, t2, t3), ERR_SESSION);
		CHECK_ERR(refresh_to(&h, t1, t3), ERR_SESSION);
		CHECK_ERR(refresh_to(&h, t0, t3), ERR_SESSION);
	}
}

static void
ends_when_unused(void)
{
	struct hub h;
	token t0, t1, t2;

	sign_in(&h, t0);
	h.now_ms = START + LIFE - 1;
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_OK); /* seven days more */
	h.now_ms += LIFE - 1;
	CHECK_ERR(refresh_to(&h, t1, t2), ERR_OK);
	h.now_ms += LIFE;
	CHECK_ERR(refresh_to(&h, t2, t1), ERR_GRANT);
	/* An old token of a family that is over: no revocation, no replay. */
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_GRANT);
	CHECK_I(h.f.state, FAMILY_ACTIVE);
}

static void
refuses_what_ended_or_is_unknown(void)
{
	struct hub h;
	struct family_answer a;
	token t0, t1, stranger = { 1, 2, 3 };

	sign_in(&h, t0);
	a = refresh(&h, stranger);
	CHECK_I(a.outcome, FAMILY_REFUSE);
	CHECK_ERR(a.code, ERR_GRANT);
	h.f.state = FAMILY_ENDED;
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_SESSION);
	h.now_ms += LIFE; /* ended stays ended */
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_SESSION);
}

/* The hub's own records, changed: nothing is given out. */
static void
notices_damage(void)
{
	struct hub h;
	struct family_token *row;
	token t0, t1, t2;

	sign_in(&h, t0);
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_OK);
	row = kept(&h, t0);
	row->sealed[FAMILY_NONCE_BYTES + 3] ^= 1;
	CHECK_ERR(refresh_to(&h, t0, t2), ERR_CORRUPT);
	row->sealed[FAMILY_NONCE_BYTES + 3] ^= 1;
	CHECK_ERR(refresh_to(&h, t0, t2), ERR_OK);
	row->has_sealed = false;
	CHECK_ERR(refresh_to(&h, t0, t2), ERR_CORRUPT);
	kept(&h, t1)->generation = 7;
	CHECK_ERR(refresh_to(&h, t1, t2), ERR_CORRUPT);
}

/* What is stored gives no token to whoever reads it: neither the hash nor the
 * sealed successor opens without the spent token. */
static void
stores_no_token(void)
{
	struct hub h;
	struct family_answer a;
	token t0, t1;

	sign_in(&h, t0);
	CHECK_ERR(refresh_to(&h, t0, t1), ERR_OK);
	for (size_t i = 0; i < h.n; i++) {
		const uint8_t *p = (const uint8_t *)&h.kept[i];

		for (size_t at = 0; at + sizeof t1 <= sizeof h.kept[i]; at++)
			CHECK(memcmp(p + at, t1, sizeof t1) != 0 &&
			    memcmp(p + at, t0, sizeof t0) != 0);
	}
	/* Somebody who read the hash and presents it as the token. */
	family_refresh(&h.f, kept(&h, t0), kept(&h, t0)->hash, h.now_ms,
	    (const uint8_t[FAMILY_RANDOM_BYTES]){ 0 }, &a);
	CHECK_ERR(a.code, ERR_CORRUPT);
}

static void
writes_tokens_as_text(void)
{
	char text[FAMILY_TEXT_LEN + 1], other[FAMILY_TEXT_LEN + 2];
	token t, back;
	struct t_rng rng = { t_seed() };

	for (size_t i = 0; i < sizeof t; i++)
		t[i] = (uint8_t)t_rand(&rng);
	family_token_text(t, text);
	CHECK_U(strlen(text), FAMILY_TEXT_LEN);
	CHECK(str_starts(str_of(text), STR("crt_")));
	CHECK(family_token_parse(str_of(text), back));
	CHECK_EQ(str_n(back, sizeof back), str_n(t, sizeof t));
	CHECK(!family_token_parse(str_of(""), back));
	CHECK(!family_token_parse((struct str){ 0 }, back));
	CHECK(!family_token_parse(str_n(text, FAMILY_TEXT_LEN - 1), back));
	memcpy(other, text, FAMILY_TEXT_LEN);
	other[FAMILY_TEXT_LEN] = 'A', other[FAMILY_TEXT_LEN + 1] = '\0';
	CHECK(!family_token_parse(str_of(other), back));
	other[FAMILY_TEXT_LEN] = '\0';
	other[0] = 'C';
	CHECK(!family_token_parse(str_of(other), back));
	other[0] = 'c', other[9] = '=';
	CHECK(!family_token_parse(str_of(other), back));
	/* 43 characters hold 258 bits: the last two must be nothing. */
	memset(other + 4, 'A', 43);
	CHECK(family_token_parse(str_of(other), back));
	other[FAMILY_TEXT_LEN - 1] = 'B';
	CHECK(!family_token_parse(str_of(other), back));
}

int
main(void)
{
	T_RUN(rotates);
	T_RUN(repeats_a_lost_answer);
	T_RUN(gives_one_successor_to_all);
	T_RUN(forgives_a_replay_for_a_moment);
	T_RUN(ends_when_unused);
	T_RUN(refuses_what_ended_or_is_unknown);
	T_RUN(notices_damage);
	T_RUN(stores_no_token);
	T_RUN(writes_tokens_as_text);
	return t_done();
}
