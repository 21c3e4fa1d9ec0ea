#include "password.h"

#include <stdlib.h>
#include <string.h>

#include "fault.h"
#include "t.h"

static const char right[] = "correct horse";

static void
verifies_its_own_hash_only(void)
{
	char hash[PASSWORD_HASH_MAX], again[PASSWORD_HASH_MAX];
	struct err_info e = { 0 };

	CHECK_OK(password_hash(str_of(right), &password_cost_test, hash, &e),
	    &e);
	CHECK(strncmp(hash, "$argon2id$v=19$m=8,t=1,p=1$", 27) == 0);
	CHECK_OK(password_verify(str_of(right), hash, &e), &e);
	CHECK_ERR(password_verify(STR("correct horsf"), hash, &e),
	    ERR_CREDENTIALS);
	CHECK_ERR(password_verify(STR("correct hors"), hash, &e),
	    ERR_CREDENTIALS);
	CHECK_ERR(password_verify(STR(""), hash, &e), ERR_CREDENTIALS);
	CHECK_ERR(password_verify((struct str){ 0 }, hash, &e),
	    ERR_CREDENTIALS);
	CHECK_OK(password_hash(str_of(right), &password_cost_test, again, &e),
	    &e);
	CHECK(strcmp(hash, again) != 0); /* salted */
}

static void
bounds_lengths(void)
{
	static char text[PASSWORD_BYTES_MAX + 1];
	char hash[PASSWORD_HASH_MAX];
	struct err_info e = { 0 };
	static const struct {
		size_t n;
		enum err rc;
	} row[] = {
		{ 0, ERR_REFUSED },
		{ PASSWORD_BYTES_MIN - 1, ERR_REFUSED },
		{ PASSWORD_BYTES_MIN, ERR_OK },
		{ PASSWORD_BYTES_MAX, ERR_OK },
		{ PASSWORD_BYTES_MAX + 1, ERR_REFUSED },
	};

	memset(text, 'x', sizeof text);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		t_note("%zu bytes", row[i].n);
		CHECK_ERR(password_hash(str_n(text, row[i].n),
		              &password_cost_test, hash, &e),
		    row[i].rc);
	}
	CHECK_OK(password_hash(str_n(text, PASSWORD_BYTES_MAX),
	             &password_cost_test, hash, &e),
	    &e);
	CHECK_ERR(password_verify(str_n(text, PASSWORD_BYTES_MAX + 1), hash,
	              &e),
	    ERR_CREDENTIALS);
}

static void
tells_damage_from_a_wrong_password(void)
{
	static char long_text[4096];
	static const char *const bad[] = { "", "x", "$argon2id$",
		"$argon2id$v=19$m=8,t=1,p=1$AAAA", "plain text password" };
	struct err_info e = { 0 };

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		t_note("%s", bad[i]);
		CHECK_ERR(password_verify(str_of(right), bad[i], &e),
		    ERR_CORRUPT);
	}
	memset(long_text, '$', sizeof long_text - 1);
	CHECK_ERR(password_verify(str_of(right), long_text, &e), ERR_CORRUPT);
}

static void
knows_when_to_hash_again(void)
{
	char hash[PASSWORD_HASH_MAX], dummy[PASSWORD_HASH_MAX];
	struct err_info e = { 0 };

	CHECK_OK(password_hash(str_of(right), &password_cost_test, hash, &e),
	    &e);
	CHECK(password_needs_rehash(hash, &password_cost));
	CHECK(!password_needs_rehash(hash, &password_cost_test));
	password_dummy(&password_cost, dummy);
	CHECK(!password_needs_rehash(dummy, &password_cost));
}

/* The product's cost is written once; nobody lowers it unseen. */
static void
costs_what_it_should(void)
{
	char hash[PASSWORD_HASH_MAX];
	struct err_info e = { 0 };

	CHECK_OK(password_hash(str_of(right), &password_cost, hash, &e), &e);
	CHECK(strncmp(hash, "$argon2id$v=19$m=65536,t=2,p=1$", 31) == 0);
	CHECK_OK(password_verify(str_of(right), hash, &e), &e);
}

static void
has_a_dummy_that_nobody_knows(void)
{
	char dummy[PASSWORD_HASH_MAX];
	struct err_info e = { 0 };

	password_dummy(&password_cost_test, dummy);
	CHECK_ERR(password_verify(str_of(right), dummy, &e), ERR_CREDENTIALS);
	CHECK_ERR(password_verify(STR(""), dummy, &e), ERR_CREDENTIALS);
	password_dummy(&password_cost, dummy);
	CHECK_ERR(password_verify(str_of(right), dummy, &e), ERR_CREDENTIALS);
}

static void
makes_passwords_from_chance(void)
{
	uint8_t random[PASSWORD_MADE_RANDOM] = { 0 };
	char a[PASSWORD_MADE_LEN + 1], b[PASSWORD_MADE_LEN + 1];
	struct t_rng rng = { t_seed() };

	password_make(random, a);
	CHECK_STR(str_of(a), "aaaaaaaaaaaaaaaaaaaa");
	for (int round = 0; round < 100; round++) {
		for (size_t i = 0; i < sizeof random; i++)
			random[i] = (uint8_t)t_rand(&rng);
		password_make(random, b);
		CHECK_U(strlen(b), PASSWORD_MADE_LEN);
		CHECK(strpbrk(b, "ilo01ILO") == NULL);
		CHECK(strspn(b, "abcdefghjkmnpqrstuvwxyz23456789") ==
		    PASSWORD_MADE_LEN);
		CHECK(strcmp(a, b) != 0);
		memcpy(a, b, sizeof a);
	}
}

static void
says_when_memory_is_short(void)
{
	char hash[PASSWORD_HASH_MAX];
	struct err_info e = { 0 };

	fault_arm(0);
	CHECK_ERR(password_hash(str_of(right), &password_cost_test, hash, &e),
	    ERR_NOMEM);
	fault_arm(-1);
	CHECK_OK(password_hash(str_of(right), &password_cost_test, hash, &e),
	    &e);
	fault_arm(0);
	CHECK_ERR(password_verify(str_of(right), hash, &e), ERR_NOMEM);
	fault_arm(-1);
}

int
main(void)
{
	T_RUN(verifies_its_own_hash_only);
	T_RUN(bounds_lengths);
	T_RUN(tells_damage_from_a_wrong_password);
	T_RUN(knows_when_to_hash_again);
	T_RUN(costs_what_it_should);
	T_RUN(has_a_dummy_that_nobody_knows);
	T_RUN(makes_passwords_from_chance);
	T_RUN(says_when_memory_is_short);
	return t_done();
}
