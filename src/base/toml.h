/* TOML reader for configuration files: a stated subset of TOML 1.0.
 *
 * Read: comments, tables, dotted and quoted keys, basic and literal strings
 * (also multi-line), decimal integers with underscores, booleans, arrays of
 * these (over several lines, trailing comma), inline tables.  Not read:
 * floats, dates, arrays of tables, hexadecimal - each is refused by name.
 *
 * Bounds: a key of 1 KiB with its tables, arrays and inline tables 16 deep.
 *
 * The result is a flat list in file order, which is how `doctor` names the keys
 * that it does not know. */
#ifndef CLOWDER_TOML_H
#define CLOWDER_TOML_H

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum toml_kind { TOML_STRING, TOML_INTEGER, TOML_BOOLEAN, TOML_ARRAY };

struct toml_value {
	enum toml_kind kind;
	struct str string; /* unescaped */
	int64_t integer;
	bool boolean;
	const struct toml_value *item; /* array */
	size_t n;
};

struct toml_entry {
	/* "server.url": the parts joined with dots.  A part that cannot stand
	 * bare is a basic string: topics."to do".words */
	struct str key;
	struct toml_value value;
	unsigned line; /* from 1 */
};

struct toml {
	struct toml_entry *entry; /* in the arena */
	size_t n;
};

/* Everything of *ret lives in a; *ret is empty after a failure.  ERR_CONFIG: "line 3: what, what is allowed". */
enum err toml_parse(struct str text, struct arena *a, struct toml *ret,
    struct err_info *e);
/* NULL where there is none. */
const struct toml_entry *toml_get(const struct toml *t, const char *key);
/* Append a basic string with its quotes. */
void toml_add_str(struct buf *out, struct str s);

#endif
