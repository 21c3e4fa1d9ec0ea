/* TLS on the server's side, with OpenSSL's client as the peer, and the
 * certificate pair of --dev-tls. */
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fault.h"
#include "file.h"
#include "world.h"

#define HOST "Host: h\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\n" HOST "\r\n"

static char cert[512], key[512];
static struct tls *tls;
static SSL_CTX *trusting; /* verifies against the pair */
static struct world w;
static struct peer a, b;

static void
setup(void)
{
	struct err_info e = { 0 };
	bool made;

	if (snprintf(cert, sizeof cert, "%s/dev.crt", t_tmp()) < 0 ||
	    snprintf(key, sizeof key, "%s/dev.key", t_tmp()) < 0)
		abort();
	if (!CHECK_OK(tls_dev_pair(cert, key, &made, &e), &e) ||
	    !CHECK_OK(tls_new(&tls, cert, key, &e), &e))
		exit(1);
	trusting = SSL_CTX_new(TLS_client_method());
	if (trusting == NULL ||
	    SSL_CTX_load_verify_locations(trusting, cert, NULL) != 1)
		abort();
	SSL_CTX_set_verify(trusting, SSL_VERIFY_PEER, NULL);
}

/* ---- the pair --------------------------------------------------------- */

static X509 *
read_cert(void)
{
	FILE *f = fopen(cert, "r");
	X509 *x = f ? PEM_read_X509(f, NULL, NULL, NULL) : NULL;

	if (f != NULL)
		fclose(f);
	if (x == NULL)
		abort();
	return x;
}

static void
pair_is_what_it_should_be(void)
{
	struct stat st;
	X509 *x = read_cert();
	int days = 0, seconds = 0;

	CHECK_I(stat(cert, &st), 0);
	CHECK_U(st.st_mode & 0777, 0600);
	CHECK_I(stat(key, &st), 0);
	CHECK_U(st.st_mode & 0777, 0600);
	CHECK_I(X509_check_host(x, "localhost", 0, 0, NULL), 1);
	CHECK_I(X509_check_ip_asc(x, "127.0.0.1", 0), 1);
	CHECK_I(X509_check_ip_asc(x, "::1", 0), 1);
	CHECK_I(X509_check_host(x, "example.com", 0, 0, NULL), 0);
	CHECK_I(X509_check_ca(x), 0);
	CHECK_I(ASN1_TIME_diff(&days, &seconds, NULL, X509_get0_notAfter(x)),
	    1);
	CHECK(days >= TLS_DEV_DAYS - 1 && days <= TLS_DEV_DAYS);
	X509_free(x);
}

static void
pair_is_kept(void)
{
	struct buf before = { 0 }, after = { 0 };
	struct err_info e = { 0 };
	bool made = true;

	CHECK_OK(os_read_file(cert, 65536, &before, &e), &e);
	CHECK_OK(tls_dev_pair(cert, key, &made, &e), &e);
	CHECK(!made);
	CHECK_OK(os_read_file(cert, 65536, &after, &e), &e);
	CHECK_EQ(buf_str(&after), buf_str(&before));
	buf_fini(&before);
	buf_fini(&after);
}

/* Write the certificate again, signed, with another end. */
static void
write_cert_ending(const char *path, long end_s)
{
	FILE *k = fopen(key, "r"), *f = fopen(path, "w");
	EVP_PKEY *pkey = k ? PEM_read_PrivateKey(k, NULL, NULL, NULL) : NULL;
	X509 *x = read_cert();

	if (pkey == NULL || f == NULL ||
	    X509_gmtime_adj(X509_getm_notAfter(x), end_s) == NULL ||
	    X509_sign(x, pkey, EVP_sha256()) <= 0 || PEM_write_X509(f, x) != 1)
		abort();
	fclose(k);
	fclose(f);
	X509_free(x);
	EVP_PKEY_free(pkey);
}

static void
write_text(const char *path, const char *text)
{
	struct err_info e = { 0 };

	CHECK_OK(os_write_atomic(path, str_of(text), 0600, &e), &e);
}

/* The case's files, beside those of the others. */
static char cert2[512], key2[512];

static void
break_pair(int how)
{
	struct buf k = { 0 };
	struct err_info e = { 0 };
	bool made;

	CHECK_OK(tls_dev_pair(cert2, key2, &made, &e), &e);
	switch (how) {
	case 0:
		CHECK_I(unlink(key2), 0);
		break;
	case 1:
		CHECK_I(unlink(cert2), 0);
		break;
	case 2:
		write_text(cert2, "not a certificate");
		break;
	case 3: /* the key of another pair */
		CHECK_OK(os_read_file(key, 65536, &k, &e), &e);
		write_text(key2, k.data ? k.data : "");
		break;
	case 4: /* ends in three days: of the first pair, with its key */
		CHECK_OK(os_read_file(key, 65536, &k, &e), &e);
		write_text(key2, k.data ? k.data : "");
		write_cert_ending(cert2, 3L * 24 * 3600);
		break;
	default:
		CHECK_I(chmod(key2, 0644), 0);
		break;
	}
	buf_fini(&k);
}

static void
pair_is_made_anew_where_it_is_not_good(void)
{
	struct err_info e = { 0 };
	struct tls *t = NULL;
	bool made;

	if (snprintf(cert2, sizeof cert2, "%s/two.crt", t_tmp()) < 0 ||
	    snprintf(key2, sizeof key2, "%s/two.key", t_tmp()) < 0)
		abort();
	for (int how = 0; how < 6; how++) {
		t_note("case %d", how);
		break_pair(how);
		CHECK_OK(tls_dev_pair(cert2, key2, &made, &e), &e);
		CHECK(made);
		CHECK_OK(tls_new(&t, cert2, key2, &e), &e);
		tls_free(t);
		t = NULL;
	}
	CHECK_ERR(tls_dev_pair("/nonexistent/x.crt", "/nonexistent/x.key",
	              &made, &e),
	    ERR_NOT_FOUND);
	CHECK(!made);
}

static void
names_what_is_wrong_with_the_files(void)
{
	struct err_info e = { 0 };
	struct tls *t = NULL;
	char text[64];
	FILE *f;
	EVP_PKEY *pkey;

	CHECK_ERR(tls_new(&t, "/nonexistent", key, &e), ERR_CONFIG);
	CHECK(strstr(e.text, "/nonexistent") != NULL);
	CHECK_ERR(tls_new(&t, cert, "/nonexistent", &e), ERR_CONFIG);
	write_text(key2, "garbage");
	CHECK_ERR(tls_new(&t, cert, key2, &e), ERR_CONFIG);
	/* Somebody else's key. */
	f = fopen(key2, "w");
	pkey = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	if (f == NULL || pkey == NULL ||
	    PEM_write_PrivateKey(f, pkey, NULL, NULL, 0, NULL, NULL) != 1)
		abort();
	fclose(f);
	CHECK_ERR(tls_new(&t, cert, key2, &e), ERR_CONFIG);
	/* A key with a pass phrase: an error, no question on the terminal. */
	f = fopen(key2, "w");
	memcpy(text, "secret", 6);
	if (f == NULL ||
	    PEM_write_PrivateKey(f, pkey, EVP_aes_256_cbc(),
	        (unsigned char *)text, 6, NULL, NULL) != 1)
		abort();
	fclose(f);
	EVP_PKEY_free(pkey);
	CHECK_ERR(tls_new(&t, cert, key2, &e), ERR_CONFIG);
	CHECK(t == NULL);
}

/* ---- talking ---------------------------------------------------------- */

static void
talks(void)
{
	world_open(&w, NULL, tls);
	peer_open_tls(&a, &w, trusting);
	CHECK(!a.reset);
	CHECK_STR(str_of(SSL_get_version(a.ssl)), "TLSv1.3");
	peer_sendz(&a, GET("/big?n=3") GET("/later") GET("/none"));
	CHECK_STR(peer_next(&a), "200 xxx");
	WORLD_UNTIL(&w, w.n_later == 1);
	CHECK(w.later[0]->tls);
	CHECK(world_answer(&w, "later"));
	CHECK_STR(peer_next(&a), "200 later");
	CHECK_STR(peer_next(&a), "204 ");
	peer_sendz(&a,
	    "GET /big?n=1 HTTP/1.1\r\n" HOST "Connection: close\r\n\r\n");
	CHECK_STR(peer_next(&a), "200 x");
	CHECK_STR(peer_next(&a), "closed"); /* with a close_notify */
	peer_close(&a);
	world_close(&w);
}

static void
moves_big_bodies(void)
{
	enum { N = 8 << 20 };
	struct buf in = { 0 };

	world_open(&w, NULL, tls);
	peer_open_tls(&a, &w, trusting);
	buf_addf(&in,
	    "POST /echo HTTP/1.1\r\n" HOST "Content-Length: %d\r\n\r\n", N);
	while (in.len < N + 100)
		buf_addc(&in, (char)('a' + in.len % 23));
	buf_adds(&in, "");
	in.len = (size_t)(strstr(in.data, "\r\n\r\n") + 4 - in.data) + N;
	peer_send(&a, buf_str(&in));
	CHECK(str_starts(peer_next(&a), STR("200 ")));
	CHECK(str_ends(buf_str(&in), buf_str(&a.body)));
	CHECK_U(a.body.len, N);
	peer_sendz(&a, GET("/big?n=3"));
	CHECK_STR(peer_next(&a), "200 xxx");
	buf_fini(&in);
	peer_close(&a);
	world_close(&w);
}

static void
ends_peers_that_do_not_read(void)
{
	const struct http_server_options o = { .write_ms = 30 };

	world_open(&w, &o, tls);
	peer_open_tls(&a, &w, trusting);
	peer_deaf(&a);
	peer_sendz(&a, GET("/big?n=30000000"));
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	peer_close(&a);
	world_close(&w);
}

static void
gives_connections_away(void)
{
	world_open(&w, NULL, tls);
	peer_open_tls(&a, &w, trusting);
	peer_sendz(&a, GET("/raw") "behind");
	CHECK_STR(peer_next(&a), "101 ");
	peer_sendz(&a, "bye");
	WORLD_UNTIL(&w, a.eof);
	CHECK_STR(buf_str(&a.in), "behindbye");
	peer_close(&a);
	world_close(&w);
}

static void
tls_1_2_without_renegotiation(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION) != 1)
		abort();
	world_open(&w, NULL, tls);
	peer_open_tls(&a, &w, ctx);
	CHECK_STR(str_of(SSL_get_version(a.ssl)), "TLSv1.2");
	peer_sendz(&a, GET("/big?n=3"));
	CHECK_STR(peer_next(&a), "200 xxx");
	CHECK_I(SSL_renegotiate(a.ssl), 1);
	peer_sendz(&a, GET("/big?n=3"));
	CHECK(!str_is(peer_next(&a), "200 xxx"));
	peer_close(&a);
	world_close(&w);
	SSL_CTX_free(ctx);
}

static void
refuses_older_versions(void)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_client_method());

	if (ctx == NULL)
		abort();
	SSL_CTX_set_security_level(ctx, 0);
	if (SSL_CTX_set_min_proto_version(ctx, TLS1_VERSION) != 1 ||
	    SSL_CTX_set_max_proto_version(ctx, TLS1_1_VERSION) != 1)
		abort();
	world_open(&w, NULL, tls);
	peer_open_tls(&a, &w, ctx);
	CHECK(a.reset);
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	peer_close(&a);
	world_close(&w);
	SSL_CTX_free(ctx);
}

/* Whatever is sent instead of TLS: the connection ends, others do not notice. */
static void
survives_what_is_not_tls(void)
{
	struct t_rng rng = { t_seed() };
	char noise[2000];

	world_open(&w, &(struct http_server_options){ .head_ms = 50 }, tls);
	for (int i = 0; i < 50; i++) {
		t_note("round %d, seed %#llx", i, (unsigned long long)t_seed());
		for (size_t n = 0; n < sizeof noise; n++)
			noise[n] = (char)t_rand(&rng);
		if (i % 2) /* looks like the record of a client hello */
			memcpy(noise, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
			    9);
		peer_open(&a, &w);
		peer_send(&a,
		    i == 0 ? STR(GET("/")) : str_n(noise, sizeof noise));
		WORLD_UNTIL(&w, a.eof || a.reset);
		peer_close(&a);
	}
	WORLD_UNTIL(&w, world_stats(&w).connections == 0);
	CHECK_U(world_stats(&w).requests, 0);
	peer_open_tls(&b, &w, trusting);
	peer_sendz(&b, GET("/big?n=3"));
	CHECK_STR(peer_next(&b), "200 xxx");
	peer_close(&b);
	world_close(&w);
}

static void
ends_handshakes_that_stall(void)
{
	world_open(&w, &(struct http_server_options){ .head_ms = 30 }, tls);
	peer_open(&a, &w);
	peer_send(&a, STR("\x16\x03\x01"));
	CHECK(str_is(peer_next(&a), "closed"));
	peer_close(&a);
	peer_open(&a, &w);
	CHECK(str_is(peer_next(&a), "closed"));
	peer_close(&a);
	world_close(&w);
}

/* ---- faults ----------------------------------------------------------- */

/* A whole conversation in which the n-th call that can fail does. */
static bool
walk_one(int n)
{
	bool opened = false, whole = false, hit;
	struct err_info e = { 0 };
	struct tls *t = NULL;
	enum err rc;

	fault_arm(n);
	rc = tls_new(&t, cert, key, &e);
	if (rc == ERR_OK) {
		opened = true;
		rc = world_try_open(&w, NULL, t, &e);
	}
	if (rc == ERR_OK) {
		peer_open_tls(&a, &w, trusting);
		if (!a.reset)
			peer_sendz(&a, GET("/big?n=50000"));
		(void)peer_next(&a);
		whole = a.body.len == 50000;
		peer_close(&a);
	}
	hit = fault_hit();
	fault_arm(-1);
	CHECK(hit || whole);
	if (rc == ERR_OK) {
		peer_open_tls(&a, &w, trusting);
		peer_sendz(&a, GET("/big?n=3"));
		CHECK_STR(peer_next(&a), "200 xxx");
		peer_close(&a);
	}
	if (opened)
		world_close(&w);
	tls_free(t);
	return hit;
}

static void
survives_every_fault(void)
{
	int n = 0;

	while (walk_one(n++) && !t_failing())
		t_note("fault point %d", n);
	printf("# walked %d fault points\n", n - 1);
	CHECK(n > 15);
}

static void
dev_pair_survives_every_fault(void)
{
	bool hit = true, made;
	int n = 0;

	for (; hit && !t_failing(); n++) {
		struct err_info e = { 0 };
		enum err rc;

		t_note("fault point %d", n);
		(void)unlink(key2);
		fault_arm(n);
		rc = tls_dev_pair(cert2, key2, &made, &e);
		hit = fault_hit();
		fault_arm(-1);
		/* A fault while the old pair is read means a new one. */
		CHECK(rc == ERR_OK || hit);
		CHECK_OK(tls_dev_pair(cert2, key2, &made, &e), &e);
	}
	CHECK(n > 5);
}

int
main(void)
{
	setup();
	T_RUN(pair_is_what_it_should_be);
	T_RUN(pair_is_kept);
	T_RUN(pair_is_made_anew_where_it_is_not_good);
	T_RUN(names_what_is_wrong_with_the_files);
	T_RUN(talks);
	T_RUN(moves_big_bodies);
	T_RUN(ends_peers_that_do_not_read);
	T_RUN(gives_connections_away);
	T_RUN(tls_1_2_without_renegotiation);
	T_RUN(refuses_older_versions);
	T_RUN(survives_what_is_not_tls);
	T_RUN(ends_handshakes_that_stall);
	T_RUN(survives_every_fault);
	T_RUN(dev_pair_survives_every_fault);
	tls_free(tls);
	SSL_CTX_free(trusting);
	return t_done();
}
