/* config.toml.  docs/formats.md 1.
 *
 * One table of keys says what each may be; a wrong value names file, line, key
 * and what is allowed.  Keys that are not known are kept where they stand and
 * listed, for `doctor`. */
#ifndef CLOWDER_CONFIG_H
#define CLOWDER_CONFIG_H

#include <stdbool.h>

#include "arena.h"
#include "buf.h"
#include "err.h"
#include "str.h"

enum daemon_mode { DAEMON_AUTO, DAEMON_MANUAL };

/* A name with words that stand for it. */
struct config_words {
	struct str name;
	const struct str *word;
	size_t n;
};

struct config_topic {
	struct str name;
	const struct str *word;
	size_t n;
	uint64_t min_pending;  /* 3 */
	const struct str *run; /* program and arguments; n_run 0 = none */
	size_t n_run;
};

/* A key that nobody knows. */
struct config_unknown {
	struct str key;
	unsigned line;
};

/* Everything lives in the arena. */
struct config {
	const char *path;
	bool exists;
	struct str server_url; /* without a slash at its end; n 0 = none */
	const char *ca_file;   /* NULL = the system's */
	bool sync_enabled;
	enum daemon_mode daemon;
	uint64_t interval_s;
	bool watch_enabled;
	uint64_t debounce_ms;
	const struct str *watch_path;
	size_t n_watch_paths;
	uint64_t consolidate_s, push_s, connectors_s; /* schedule */
	uint64_t stale_after_s;
	struct config_words *project;
	size_t n_projects;
	struct config_topic *topic;
	size_t n_topics;
	struct config_unknown *unknown;
	size_t n_unknown;
};

/* A file that is not there gives the defaults.  ERR_CONFIG. */
enum err config_load(struct config *ret, const char *path, struct arena *a,
    struct err_info *e);
/* The same from text: pure.  path is for messages. */
enum err config_parse(struct config *ret, const char *path, struct str text,
    struct arena *a, struct err_info *e);
/* Write [server] url, everything else stays byte for byte.  ERR_CONFIG where
 * the file is no configuration or url is none. */
enum err config_set_server(const char *path, struct str url,
    struct err_info *e);
/* The same on text: pure. */
enum err config_text_set(struct str text, const char *table, const char *key,
    struct str value, struct buf *out, struct err_info *e);
/* http:// or https://, a host, no user and no query; *ret (in a) has a
 * lower-case scheme and host and no slash at its end.  ERR_CONFIG says what is
 * wrong. */
enum err config_url(struct str url, struct arena *a, struct str *ret,
    struct err_info *e);

#endif
