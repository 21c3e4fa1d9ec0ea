/* Configuration: one table of keys; a value that does not fit is refused where
 * it stands. */
#include "config.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "buf.h"
#include "file.h"
#include "path.h"
#include "toml.h"
#include "when.h"

enum { CONFIG_BYTES_MAX = 1 << 20 };

enum value_kind {
	VALUE_URL,
	VALUE_PATH,
	VALUE_BOOL,
	VALUE_COUNT,    /* an integer between min and max */
	VALUE_DURATION, /* "30m": seconds */
	VALUE_CHOICE,   /* an enum: position in `choice` */
	VALUE_STRINGS
};

struct key_row {
	const char *key;
	enum value_kind kind;
	size_t at; /* in struct config */
	const char *choice;
	uint64_t min, max;
};

#define AT(member) offsetof(struct config, member)
enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

/* A table is drawn by hand: */
/* clang-format off */
static const struct key_row keys[] = {
	/* key                   kind            where               choice         min  max */
	{ "server.url", VALUE_URL, AT(server_url), NULL, 0, 0 },
	/* Spec Kitty's name for it; ours stands first and wins. */
	{ "sync.server_url", VALUE_URL, AT(server_url), NULL, 0, 0 },
	{ "server.ca_file", VALUE_PATH, AT(ca_file), NULL, 0, 0 },
	{ "sync.enabled", VALUE_BOOL, AT(sync_enabled), NULL, 0, 0 },
	{ "sync.daemon", VALUE_CHOICE, AT(daemon), "auto manual", 0, 0 },
	{ "sync.interval_s", VALUE_COUNT, AT(interval_s), NULL, 1, DAY_S },
	{ "watch.enabled", VALUE_BOOL, AT(watch_enabled), NULL, 0, 0 },
	{ "watch.debounce_ms", VALUE_COUNT, AT(debounce_ms), NULL, 0, 60000 },
	{ "watch.paths", VALUE_STRINGS, AT(watch_path), NULL, 0, 0 },
	{ "schedule.consolidate", VALUE_DURATION, AT(consolidate_s), NULL, 0,
	    0 },
	{ "schedule.push", VALUE_DURATION, AT(push_s), NULL, 0, 0 },
	{ "schedule.connectors", VALUE_DURATION, AT(connectors_s), NULL, 0, 0 },
	{ "session.stale_after", VALUE_DURATION, AT(stale_after_s), NULL, 0,
	    0 },
};
static const struct str watch_default[] = { STR_INIT("~/.claude/tasks"),
	STR_INIT("~/.claude/todos"), STR_INIT(".claude-work") };
/* clang-format on */

static void
defaults(struct config *c, const char *path)
{
	*c = (struct config){
		.path = path,
		.sync_enabled = true,
		.daemon = DAEMON_AUTO,
		.interval_s = 300,
		.watch_enabled = true,
		.debounce_ms = 50,
		.watch_path = watch_default,
		.n_watch_paths = sizeof watch_default / sizeof *watch_default,
		.consolidate_s = 30 * 60,
		.push_s = 15 * 60,
		.connectors_s = 2 * HOUR_S,
		.stale_after_s = 7 * DAY_S,
	};
}

/* Where we are, for messages and memory. */
struct reader {
	struct config *c;
	struct arena *a;
	struct err_info *e;
	const struct toml_entry *entry;
};

/* "~/.clowder/config.toml line 3: sync.daemon must be one of: auto manual" */
static enum err
wrong(const struct reader *r, const char *must)
{
	return err_setf(r->e, ERR_CONFIG, "%s line %u: %.*s must be %s",
	    r->c->path, r->entry->line, STR_ARG(r->entry->key), must);
}

static enum err
want_string(const struct reader *r, struct str *ret, const char *must)
{
	if (r->entry->value.kind != TOML_STRING)
		return wrong(r, must);
	*ret = r->entry->value.string;
	return ERR_OK;
}

static enum err
want_count(const struct reader *r, const struct key_row *row, uint64_t *ret)
{
	const struct toml_value *v = &r->entry->value;

	if (v->kind != TOML_INTEGER || v->integer < 0 ||
	    (uint64_t)v->integer < row->min || (uint64_t)v->integer > row->max)
		return err_setf(r->e, ERR_CONFIG,
		    "%s line %u: %s must be a whole number from %llu to %llu",
		    r->c->path, r->entry->line, row->key,
		    (unsigned long long)row->min, (unsigned long long)row->max);
	*ret = (uint64_t)v->integer;
	return ERR_OK;
}

static enum err
want_choice(const struct reader *r, const struct key_row *row, int *ret)
{
	struct str rest = str_of(row->choice), word;
	struct str is = r->entry->value.string;

	*ret = 0;
	for (; r->entry->value.kind == TOML_STRING &&
	     str_split(&rest, ' ', &word);
	     ++*ret)
		if (str_eq(word, is))
			return ERR_OK;
	return err_setf(r->e, ERR_CONFIG, "%s line %u: %s must be one of: %s",
	    r->c->path, r->entry->line, row->key, row->choice);
}

static enum err
want_strings(const struct reader *r, const struct str **ret, size_t *n)
{
	const struct toml_value *v = &r->entry->value;
	struct str *list;

	if (v->kind != TOML_ARRAY)
		return wrong(r, "a list of strings, as [\"a\", \"b\"]");
	list = arena_array(r->a, v->n, sizeof *list);
	if (list == NULL)
		return err_set(r->e, ERR_NOMEM);
	for (size_t i = 0; i < v->n; i++) {
		if (v->item[i].kind != TOML_STRING)
			return wrong(r, "a list of strings, as [\"a\", \"b\"]");
		list[i] = v->item[i].string;
	}
	*ret = list;
	*n = v->n;
	return ERR_OK;
}

static enum err
want_url(const struct reader *r, struct str *to)
{
	struct str s = { 0 };
	struct err_info why = { 0 };
	const char *must = "a URL such as \"https://hub.example.com\"";
	enum err rc = want_string(r, &s, must);

	/* The first that is given wins; the table has ours in front. */
	if (rc != ERR_OK || (to->n > 0 && !str_is(r->entry->key, "server.url")))
		return rc;
	rc = config_url(s, r->a, to, &why);
	if (rc == ERR_OK || rc == ERR_NOMEM)
		return rc == ERR_OK ? rc : err_set(r->e, rc);
	return err_setf(r->e, ERR_CONFIG, "%s line %u: %.*s: %s", r->c->path,
	    r->entry->line, STR_ARG(r->entry->key), why.text);
}

static enum err
want_path(const struct reader *r, const char **ret)
{
	struct str s = { 0 };
	const char *z;
	enum err rc = want_string(r, &s, "a path");

	if (rc != ERR_OK)
		return rc;
	z = arena_dup(r->a, s);
	if (z == NULL)
		return err_set(r->e, ERR_NOMEM);
	return os_expand(r->a, z, ret, r->e);
}

static enum err
want_duration(const struct reader *r, uint64_t *ret)
{
	struct str s = { 0 };
	const char *must =
	    "a duration such as \"15s\", \"30m\", \"2h\" or \"7d\"";
	enum err rc = want_string(r, &s, must);

	return rc == ERR_OK && !when_duration(s, ret) ? wrong(r, must) : rc;
}

static enum err
take_row(const struct reader *r, const struct key_row *row)
{
	char *at = (char *)r->c + row->at;
	int choice;
	enum err rc;

	switch (row->kind) {
	case VALUE_URL:
		return want_url(r, (struct str *)(void *)at);
	case VALUE_PATH:
		return want_path(r, (const char **)(void *)at);
	case VALUE_BOOL:
		if (r->entry->value.kind != TOML_BOOLEAN)
			return wrong(r, "true or false");
		*(bool *)at = r->entry->value.boolean;
		return ERR_OK;
	case VALUE_COUNT:
		return want_count(r, row, (uint64_t *)(void *)at);
	case VALUE_DURATION:
		return want_duration(r, (uint64_t *)(void *)at);
	case VALUE_CHOICE:
		rc = want_choice(r, row, &choice);
		if (rc == ERR_OK)
			r->c->daemon = (enum daemon_mode)choice;
		return rc;
	case VALUE_STRINGS:
		return want_strings(r, &r->c->watch_path, &r->c->n_watch_paths);
	}
	return ERR_OK;
}

/* --- tables whose names the user chooses --------------------------------------- */

/* Room for one more at the end of an array in the arena: made once, for as many
 * as the file has entries. */
static enum err
room(const struct reader *r, const struct toml *t, void *list, size_t size)
{
	void *p;

	memcpy(&p, list, sizeof p);
	if (p != NULL)
		return ERR_OK;
	p = arena_array(r->a, t->n, size);
	if (p == NULL)
		return err_set(r->e, ERR_NOMEM);
	memcpy(list, &p, sizeof p);
	return ERR_OK;
}

/* The reader of TOML leaves the quotes of a key that needs them. */
static struct str
unquoted(struct str name)
{
	bool quoted =
	    name.n >= 2 && name.p[0] == '"' && name.p[name.n - 1] == '"';

	return quoted ? str_n(name.p + 1, name.n - 2) : name;
}

/* [projects] name = ["word", ...] */
static enum err
take_project(const struct reader *r, const struct toml *t, struct str name)
{
	struct config *c = r->c;
	struct config_words *w;
	enum err rc = room(r, t, &c->project, sizeof *w);

	if (rc != ERR_OK)
		return rc;
	w = &c->project[c->n_projects++];
	w->name = unquoted(name);
	return want_strings(r, &w->word, &w->n);
}

static struct config_topic *
topic_of(const struct reader *r, const struct toml *t, struct str name)
{
	struct config *c = r->c;
	struct config_topic *topic;

	for (size_t i = 0; i < c->n_topics; i++) {
		topic = &c->topic[i];
		if (str_eq(topic->name, name))
			return topic;
	}
	if (room(r, t, &c->topic, sizeof *topic) != ERR_OK)
		return NULL;
	topic = &c->topic[c->n_topics++];
	*topic = (struct config_topic){ .name = name, .min_pending = 3 };
	return topic;
}

/* [topics.NAME] words, min_pending, run.  *known: such a key there is. */
static enum err
take_topic(const struct reader *r, const struct toml *t, struct str rest,
    bool *known)
{
	static const struct key_row min_row = { "min_pending", VALUE_COUNT, 0,
		NULL, 1, 1000000 };
	struct config_topic *topic;
	size_t dot = rest.n;

	while (dot > 0 && rest.p[dot - 1] != '.')
		dot--;
	if (dot <= 1)
		return ERR_OK;
	rest = str_n(rest.p, dot - 1);
	topic = topic_of(r, t, unquoted(rest));
	if (topic == NULL)
		return err_set(r->e, ERR_NOMEM);
	*known = true;
	if (str_ends(r->entry->key, STR(".words")))
		return want_strings(r, &topic->word, &topic->n);
	if (str_ends(r->entry->key, STR(".run")))
		return want_strings(r, &topic->run, &topic->n_run);
	if (str_ends(r->entry->key, STR(".min_pending")))
		return want_count(r, &min_row, &topic->min_pending);
	*known = false;
	return ERR_OK;
}

static enum err
take_unknown(const struct reader *r, const struct toml *t)
{
	struct config *c = r->c;
	struct config_unknown *u;
	enum err rc = room(r, t, &c->unknown, sizeof *u);

	if (rc != ERR_OK)
		return rc;
	u = &c->unknown[c->n_unknown++];
	*u = (struct config_unknown){ r->entry->key, r->entry->line };
	return ERR_OK;
}

static enum err
take(const struct reader *r, const struct toml *t)
{
	struct str key = r->entry->key, projects = STR("projects."),
	           topics = STR("topics.");
	bool known = false;
	enum err rc;

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
		if (str_is(key, keys[i].key))
			return take_row(r, &keys[i]);
	if (str_starts(key, projects))
		return take_project(r, t,
		    str_n(key.p + projects.n, key.n - projects.n));
	if (str_starts(key, topics)) {
		rc = take_topic(r, t, str_n(key.p + topics.n, key.n - topics.n),
		    &known);
		if (rc != ERR_OK || known)
			return rc;
	}
	return take_unknown(r, t);
}

enum err
config_parse(struct config *ret, const char *path, struct str text,
    struct arena *a, struct err_info *e)
{
	struct toml t = { 0 };
	struct reader r = { ret, a, e, NULL };
	enum err rc;

	defaults(ret, path);
	rc = toml_parse(text, a, &t, e);
	if (rc != ERR_OK)
		return rc == ERR_CONFIG ? err_wrap(e, "%s", path) : rc;
	for (size_t i = 0; rc == ERR_OK && i < t.n; i++) {
		r.entry = &t.entry[i];
		rc = take(&r, &t);
	}
	return rc;
}

enum err
config_load(struct config *ret, const char *path, struct arena *a,
    struct err_info *e)
{
	struct buf text = { 0 };
	struct str kept;
	enum err rc = os_read_file(path, CONFIG_BYTES_MAX, &text, e);

	if (rc == ERR_NOT_FOUND) {
		defaults(ret, path);
		return ERR_OK;
	}
	if (rc != ERR_OK)
		return rc;
	kept = arena_str(a, buf_str(&text));
	buf_fini(&text);
	if (kept.p == NULL)
		return err_set(e, ERR_NOMEM);
	rc = config_parse(ret, path, kept, a, e);
	ret->exists = true;
	return rc;
}
