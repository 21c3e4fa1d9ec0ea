#include "daemon_state.h"

#include <stdio.h>
#include <stdlib.h>

#include "file.h"
#include "hash.h"
#include "lock.h"
#include "path.h"
#include "proc.h"

enum { STATE_BYTES_MAX = 4096, WORD_BYTES_MAX = 64 };

static bool
parse(struct str text, struct daemon_state *ret)
{
	struct str url, port, token, pid;
	uint64_t n, p;

	if (!str_split(&text, '\n', &url) || !str_split(&text, '\n', &port) ||
	    !str_split(&text, '\n', &token) || !str_split(&text, '\n', &pid) ||
	    !str_u64(port, &n) || n == 0 || n > UINT16_MAX ||
	    token.n != DAEMON_TOKEN_CHARS || !hex_is_lower(token) ||
	    !str_u64(pid, &p) || p < 2 || p > INT32_MAX)
		return false;
	ret->port = (uint16_t)n;
	ret->pid = (int)p;
	str_copy(ret->token, sizeof ret->token, token);
	return true;
}

enum err
daemon_state_read(const struct home *h, struct daemon_state *ret,
    struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc = os_read_secret(h->daemon_state, STATE_BYTES_MAX, &b, e);

	*ret = (struct daemon_state){ 0 };
	if (rc == ERR_OK && !parse(buf_str(&b), ret)) {
		*ret = (struct daemon_state){ 0 };
		rc = err_setf(e, ERR_CORRUPT, "%s is not the state of a daemon",
		    h->daemon_state);
	}
	buf_fini(&b);
	return rc;
}

enum err
daemon_state_write(const struct home *h, const struct daemon_state *st,
    struct err_info *e)
{
	struct buf b = { 0 };
	enum err rc;

	buf_addf(&b, "http://127.0.0.1:%u\n%u\n%s\n%d\n", st->port, st->port,
	    st->token, st->pid);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = home_write(h->daemon_state, buf_str(&b), e);
	buf_fini(&b);
	return rc;
}

enum err
daemon_alive(const struct home *h, bool *ret, int *pid, struct err_info *e)
{
	struct buf record = { 0 };
	enum err rc = os_lock_probe(h->daemon_lock, ret, &record, e);

	*pid = rc == ERR_OK && *ret ? os_lock_pid(buf_str(&record)) : 0;
	buf_fini(&record);
	return rc;
}

/* Beside the notices: "Connected live\n". */
static const char *
word_file(const struct home *h, struct arena *a)
{
	const char *local = os_dir(a, h->notices);

	return local != NULL ? os_join(a, local, "connection") : NULL;
}

enum err
daemon_word_write(const struct home *h, const struct daemon_word *word,
    struct err_info *e)
{
	struct arena a = { 0 };
	const char *path = word_file(h, &a);
	const char *text =
	    arena_fmt(&a, "%s%s\n", word->state, word->live ? " live" : "");
	enum err rc = path != NULL && text != NULL ?
	    home_write(path, str_of(text), e) :
	    err_set(e, ERR_NOMEM);

	arena_fini(&a);
	return rc;
}

void
daemon_word_read(const struct home *h, struct daemon_word *ret)
{
	struct arena a = { 0 };
	struct err_info ignore = { 0 };
	const char *path = word_file(h, &a);
	struct buf b = { 0 };
	struct str line, state;
	int pid;

	*ret = (struct daemon_word){ 0 };
	if (daemon_alive(h, &ret->runs, &pid, &ignore) != ERR_OK)
		ret->runs = false;
	if (ret->runs && path != NULL &&
	    os_read_file(path, WORD_BYTES_MAX, &b, &ignore) == ERR_OK) {
		struct str text = buf_str(&b);

		if (str_split(&text, '\n', &line) &&
		    str_split(&line, ' ', &state)) {
			str_copy(ret->state, sizeof ret->state, state);
			ret->live = str_is(line, "live");
		}
	}
	buf_fini(&b);
	arena_fini(&a);
}

enum err
daemon_ports(uint16_t *first, unsigned *end, struct err_info *e)
{
	const char *z = getenv("CLOWDER_PORTS");
	struct str rest = str_of(z ? z : ""), low;
	uint64_t a, b;

	*first = DAEMON_PORT_FIRST;
	*end = DAEMON_PORT_END;
	if (rest.n == 0)
		return ERR_OK;
	if (!str_split(&rest, '-', &low) || !str_u64(low, &a) ||
	    !str_u64(rest, &b) || a == 0 || a > b || b > UINT16_MAX)
		return err_setf(e, ERR_USAGE,
		    "CLOWDER_PORTS is two ports, \"9400-9449\", not \"%.40s\"",
		    z);
	*first = (uint16_t)a;
	*end = (unsigned)b + 1;
	return ERR_OK;
}

enum err
daemon_home_id(const struct home *h, char out[DAEMON_HOME_ID_CHARS + 1],
    struct err_info *e)
{
	char machine[OS_NAME_MAX];
	uint8_t hash[DAEMON_HOME_ID_CHARS / 2];
	struct buf b = { 0 };
	enum err rc;

	os_machine_id(machine);
	buf_addf(&b, "%s\n%u\n%s", machine, os_uid(), h->dir);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK) {
		hash_blake2b(buf_str(&b), hash, sizeof hash);
		hex_encode(hash, sizeof hash, out);
	}
	buf_fini(&b);
	return rc;
}
