#include "seal.h"

#include "fault.h"
#include "t.h"

static const uint8_t salt[SEAL_SALT_BYTES] = { 1, 2, 3 };
static const uint8_t nonce[SEAL_NONCE_BYTES] = { 9, 8, 7 };
static const char text[] = "{\"session_id\":\"s\"}";

static void
opens_what_it_sealed(void)
{
	static const size_t size[] = { 0, 1, sizeof text - 1,
		SEAL_BYTES_MAX - SEAL_EXTRA_BYTES };
	static char big[SEAL_BYTES_MAX];
	uint8_t key[SEAL_KEY_BYTES];
	struct err_info e = { 0 };

	memset(big, 'x', sizeof big);
	seal_key(salt, STR("machine"), 1000, key);
	for (size_t i = 0; i < sizeof size / sizeof size[0]; i++) {
		struct buf sealed = { 0 }, plain = { 0 };

		t_note("%zu bytes", size[i]);
		CHECK_OK(seal_add(key, nonce, str_n(big, size[i]), &sealed, &e),
		    &e);
		CHECK_U(sealed.len, size[i] + SEAL_EXTRA_BYTES);
		CHECK_OK(seal_open(key, buf_str(&sealed), &plain, &e), &e);
		CHECK_EQ(buf_str(&plain), str_n(big, size[i]));
		buf_fini(&sealed);
		buf_fini(&plain);
	}
}

static void
refuses_too_much(void)
{
	static char big[SEAL_BYTES_MAX + 1] = "CLWS\1";
	uint8_t key[SEAL_KEY_BYTES] = { 0 };
	struct buf b = { 0 };
	struct err_info e = { 0 };

	CHECK_ERR(seal_add(key, nonce,
	              str_n(big, SEAL_BYTES_MAX - SEAL_EXTRA_BYTES + 1), &b,
	              &e),
	    ERR_TOO_LARGE);
	CHECK_U(b.len, 0);
	CHECK_ERR(seal_open(key, str_n(big, sizeof big), &b, &e),
	    ERR_TOO_LARGE);
	buf_fini(&b);
}

static void
is_bound_to_machine_and_user(void)
{
	static const struct {
		uint8_t salt0;
		const char *machine;
		uint64_t uid;
		enum err rc;
	} row[] = {
		{ 1, "machine", 1000, ERR_OK },
		{ 2, "machine", 1000, ERR_CORRUPT },
		{ 1, "machinf", 1000, ERR_CORRUPT },
		{ 1, "", 1000, ERR_CORRUPT },
		{ 1, "machine", 1001, ERR_CORRUPT },
		{ 1, "machine", 0, ERR_CORRUPT },
	};
	struct buf sealed = { 0 };
	uint8_t key[SEAL_KEY_BYTES];
	struct err_info e = { 0 };

	seal_key(salt, STR("machine"), 1000, key);
	CHECK_OK(seal_add(key, nonce, str_of(text), &sealed, &e), &e);
	for (size_t i = 0; i < sizeof row / sizeof row[0]; i++) {
		uint8_t other[SEAL_SALT_BYTES];
		struct buf plain = { 0 };

		t_note("row %zu", i);
		memcpy(other, salt, sizeof other);
		other[0] = row[i].salt0;
		seal_key(other, str_of(row[i].machine), row[i].uid, key);
		CHECK_ERR(seal_open(key, buf_str(&sealed), &plain, &e),
		    row[i].rc);
		if (row[i].rc == ERR_OK)
			CHECK_STR(buf_str(&plain), text);
		else
			CHECK(plain.len == 0 &&
			    strstr(e.text, "bound") != NULL);
		buf_fini(&plain);
	}
	buf_fini(&sealed);
}

static void
notices_every_change(void)
{
	uint8_t key[SEAL_KEY_BYTES];
	struct buf sealed = { 0 }, plain = { 0 };
	struct err_info e = { 0 };

	seal_key(salt, (struct str){ 0 }, 1000, key);
	CHECK_OK(seal_add(key, nonce, str_of(text), &sealed, &e), &e);
	for (size_t i = 0; i < sealed.len; i++)
		for (int bit = 0; bit < 8; bit++) {
			enum err rc;

			t_note("byte %zu bit %d", i, bit);
			buf_reset(&plain);
			sealed.data[i] = (char)(sealed.data[i] ^ (1 << bit));
			rc = seal_open(key, buf_str(&sealed), &plain, &e);
			/* Later versions are told apart from damage. */
			CHECK(rc == ERR_CORRUPT || (rc == ERR_NEWER && i == 4));
			CHECK_U(plain.len, 0);
			sealed.data[i] = (char)(sealed.data[i] ^ (1 << bit));
		}
	for (size_t n = 0; n < sealed.len; n++) {
		t_note("cut to %zu", n);
		CHECK_ERR(seal_open(key, str_n(sealed.data, n), &plain, &e),
		    ERR_CORRUPT);
	}
	t_note("one byte more");
	buf_addc(&sealed, 'x');
	CHECK_ERR(seal_open(key, buf_str(&sealed), &plain, &e), ERR_CORRUPT);
	buf_fini(&sealed);
	buf_fini(&plain);
}

static void
survives_every_failed_allocation(void)
{
	uint8_t key[SEAL_KEY_BYTES];
	int n = 0;

	seal_key(salt, STR("machine"), 1000, key);
	do {
		struct buf sealed = { 0 }, plain = { 0 };
		struct err_info e = { 0 };
		enum err rc;

		fault_arm(n++);
		rc = seal_add(key, nonce, str_of(text), &sealed, &e);
		if (rc == ERR_OK)
			rc = seal_open(key, buf_str(&sealed), &plain, &e);
		CHECK_ERR(rc, fault_hit() ? ERR_NOMEM : ERR_OK);
		buf_fini(&sealed);
		buf_fini(&plain);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 2);
}

int
main(void)
{
	T_RUN(opens_what_it_sealed);
	T_RUN(refuses_too_much);
	T_RUN(is_bound_to_machine_and_user);
	T_RUN(notices_every_change);
	T_RUN(survives_every_failed_allocation);
	return t_done();
}
