/* Test harness: TAP on stdout, checks that go on after a failure and print
 * expression, both values and place.
 *
 *	static void adds(void) { CHECK_U(1 + 1, 2); }
 *	int main(void) { T_RUN(adds); return t_done(); }
 */
#ifndef CLOWDER_T_H
#define CLOWDER_T_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "str.h"

#define T_RUN(fn) t_run(#fn, fn)
#define CHECK(x) t_check((x), __FILE__, __LINE__, #x)
#define CHECK_U(a, b) \
	t_check_u((uint64_t)(a), (uint64_t)(b), __FILE__, __LINE__, \
	    #a " == " #b)
#define CHECK_I(a, b) \
	t_check_i((int64_t)(a), (int64_t)(b), __FILE__, __LINE__, #a " == " #b)
/* struct str against a C string. */
#define CHECK_STR(a, z) t_check_str((a), str_of(z), __FILE__, __LINE__, #a)
#define CHECK_EQ(a, b) t_check_str((a), (b), __FILE__, __LINE__, #a " == " #b)
/* The call succeeded, else its reason is printed; the call is evaluated once. */
#define CHECK_OK(call, e) t_check_ok((call), (e), __FILE__, __LINE__, #call)
/* The call failed with this code. */
#define CHECK_ERR(call, code) \
	t_check_err((call), (code), __FILE__, __LINE__, #call)

/* Run one test; fn may be given a context by a static variable. */
void t_run(const char *name, void (*fn)(void));
/* Said with each failure until the next call: seed, row of a table. */
void t_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int t_done(void);     /* prints the plan; exit status of the program */
bool t_failing(void); /* the running test has failed already */

bool t_check(bool ok, const char *file, int line, const char *what);
bool t_check_u(uint64_t a, uint64_t b, const char *file, int line,
    const char *what);
bool t_check_i(int64_t a, int64_t b, const char *file, int line,
    const char *what);
bool t_check_str(struct str a, struct str b, const char *file, int line,
    const char *what);
bool t_check_ok(enum err rc, const struct err_info *e, const char *file,
    int line, const char *what);
bool t_check_err(enum err rc, enum err want, const char *file, int line,
    const char *what);

/* Reproducible random numbers (splitmix64); the seed of a run is in
 * CLOWDER_SEED or fixed, and printed with a failure. */
struct t_rng {
	uint64_t state;
};
uint64_t t_seed(void);
uint64_t t_rand(struct t_rng *r);
uint64_t t_below(struct t_rng *r, uint64_t n); /* 0..n-1; n > 0 */

/* A fresh folder below $TMPDIR, removed at t_done unless a test failed. */
const char *t_tmp(void);

#endif
