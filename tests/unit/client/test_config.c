/* Configuration: defaults, every kind of wrong value by name, unknown keys kept,
 * and one value written into a file that belongs to its author. */
#include "config.h"
#include "fault.h"
#include "file.h"
#include "path.h"
#include "t.h"

static struct arena a;
static struct err_info e;
static struct config c;

static enum err
parse(const char *text)
{
	e = (struct err_info){ 0 };
	return config_parse(&c, "c.toml", str_of(text), &a, &e);
}

static void
defaults_stand(void)
{
	CHECK_OK(parse(""), &e);
	CHECK_U(c.server_url.n, 0);
	CHECK(c.sync_enabled && c.watch_enabled && c.ca_file == NULL);
	CHECK_U(c.daemon, DAEMON_AUTO);
	CHECK_U(c.interval_s, 300);
	CHECK_U(c.debounce_ms, 50);
	CHECK_U(c.n_watch_paths, 3);
	CHECK_U(c.consolidate_s, 1800);
	CHECK_U(c.stale_after_s, 7 * 24 * 3600);
	CHECK_U(c.n_unknown + c.n_projects + c.n_topics, 0);
}

static void
reads_every_key(void)
{
	CHECK_OK(parse("[server]\nurl = \"HTTPS://Hub.Example.com/x//\"\n"
	               "ca_file = \"/tmp/ca.pem\"\n"
	               "[sync]\nenabled = false\ndaemon = \"manual\"\n"
	               "interval_s = 60\n"
	               "[watch]\nenabled = false\ndebounce_ms = 0\n"
	               "paths = [\"a\"]\n"
	               "[schedule]\nconsolidate = \"1h\"\npush = \"90s\"\n"
	               "connectors = \"1d\"\n"
	               "[projects]\nrouter = [\"router\", \"rt\"]\nother = []\n"
	               "[topics.web]\nwords = [\"page\"]\nmin_pending = 5\n"
	               "run = [\"notify\", \"x\"]\n"
	               "[topics.\"a.b\"]\nwords = []\n"
	               "[session]\nstale_after = \"2d\"\n"),
	    &e);
	CHECK_STR(c.server_url, "https://hub.example.com/x");
	CHECK_STR(str_of(c.ca_file), "/tmp/ca.pem");
	CHECK(!c.sync_enabled && !c.watch_enabled);
	CHECK_U(c.daemon, DAEMON_MANUAL);
	CHECK_U(c.interval_s, 60);
	CHECK_U(c.n_watch_paths, 1);
	CHECK_U(c.push_s, 90);
	CHECK_U(c.connectors_s, 24 * 3600);
	CHECK_U(c.n_projects, 2);
	CHECK_STR(c.project[0].name, "router");
	CHECK_STR(c.project[0].word[1], "rt");
	CHECK_U(c.n_topics, 2);
	CHECK_STR(c.topic[0].name, "web");
	CHECK_U(c.topic[0].min_pending, 5);
	CHECK_U(c.topic[0].n_run, 2);
	CHECK_STR(c.topic[1].name, "a.b");
	CHECK_U(c.topic[1].min_pending, 3);
	CHECK_U(c.n_unknown, 0);
}

static void
takes_the_other_name_of_the_server(void)
{
	CHECK_OK(parse("[sync]\nserver_url = \"https://old\"\n"), &e);
	CHECK_STR(c.server_url, "https://old");
	CHECK_OK(parse("[sync]\nserver_url = \"https://old\"\n"
	               "[server]\nurl = \"https://new\"\n"),
	    &e);
	CHECK_STR(c.server_url, "https://new");
	CHECK_OK(parse("[server]\nurl = \"https://new\"\n"
	               "[sync]\nserver_url = \"https://old\"\n"),
	    &e);
	CHECK_STR(c.server_url, "https://new");
}

static void
wrong_values_are_named(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "[sync]\nenabled = 1\n",
		    "c.toml line 2: sync.enabled must be true or false" },
		{ "[sync]\n\ndaemon = \"never\"\n",
		    "c.toml line 3: sync.daemon must be one of: auto manual" },
		{ "[sync]\ndaemon = true\n",
		    "c.toml line 2: sync.daemon must be one of: auto manual" },
		{ "[sync]\ninterval_s = 0\n",
		    "c.toml line 2: sync.interval_s must be a whole number "
		    "from 1 to 86400" },
		{ "[watch]\ndebounce_ms = -1\n",
		    "c.toml line 2: watch.debounce_ms must be a whole number "
		    "from 0 to 60000" },
		{ "[watch]\npaths = \"x\"\n",
		    "c.toml line 2: watch.paths must be a list of strings, as "
		    "[\"a\", \"b\"]" },
		{ "[watch]\npaths = [1]\n",
		    "c.toml line 2: watch.paths must be a list of strings, as "
		    "[\"a\", \"b\"]" },
		{ "[schedule]\npush = \"soon\"\n",
		    "c.toml line 2: schedule.push must be a duration such as "
		    "\"15s\", \"30m\", \"2h\" or \"7d\"" },
		{ "[server]\nurl = 5\n",
		    "c.toml line 2: server.url must be a URL such as "
		    "\"https://hub.example.com\"" },
		{ "[server]\nurl = \"hub\"\n",
		    "c.toml line 2: server.url: a URL begins with https:// (or "
		    "http:// on a network that you trust)" },
		{ "[server]\nca_file = []\n",
		    "c.toml line 2: server.ca_file must be a path" },
		{ "[projects]\nx = 1\n",
		    "c.toml line 2: projects.x must be a list of strings, as "
		    "[\"a\", \"b\"]" },
		{ "[topics.x]\nmin_pending = 0\n",
		    "c.toml line 2: min_pending must be a whole number from 1 "
		    "to 1000000" },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].text);
		CHECK_ERR(parse(row[i].text), ERR_CONFIG);
		CHECK_STR(str_of(e.text), row[i].want);
	}
	t_note("%s", "");
	CHECK_ERR(parse("[sync\n"), ERR_CONFIG);
	CHECK(str_starts(str_of(e.text), STR("c.toml: line 1")));
}

static void
unknown_keys_are_kept(void)
{
	CHECK_OK(parse("colour = 1\n[sync]\nfoo = \"x\"\nenabled = true\n"
	               "[topics.x]\nwhat = 1\n[topics]\ny = 1\n"),
	    &e);
	CHECK_U(c.n_unknown, 4);
	CHECK_STR(c.unknown[0].key, "colour");
	CHECK_U(c.unknown[0].line, 1);
	CHECK_STR(c.unknown[1].key, "sync.foo");
	CHECK_STR(c.unknown[2].key, "topics.x.what");
	CHECK_STR(c.unknown[3].key, "topics.y");
}

static void
urls(void)
{
	static const struct {
		const char *url, *want; /* NULL: refused */
	} row[] = {
		{ "https://Hub.Example.COM", "https://hub.example.com" },
		{ "http://127.0.0.1:8177/", "http://127.0.0.1:8177" },
		{ "http://[::1]:8177", "http://[::1]:8177" },
		{ "https://h/Path/X/", "https://h/Path/X" },
		{ "https://a_b-c.d", "https://a_b-c.d" },
		{ "ftp://x", NULL },
		{ "https://", NULL },
		{ "https:///x", NULL },
		{ "https://user@h", NULL },
		{ "https://user:pw@h/x", NULL },
		{ "https://h:0", NULL },
		{ "https://h:65536", NULL },
		{ "https://h:x", NULL },
		{ "https://h:", NULL },
		{ "https://::1", NULL },
		{ "https://h/?q", NULL },
		{ "https://h/#f", NULL },
		{ "https://h/a b", NULL },
		{ "https://h o", NULL },
		{ "https://h\nHost: x", NULL },
		{ "", NULL },
	};
	struct str got;

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].url);
		if (row[i].want == NULL) {
			CHECK_ERR(config_url(str_of(row[i].url), &a, &got, &e),
			    ERR_CONFIG);
			continue;
		}
		CHECK_OK(config_url(str_of(row[i].url), &a, &got, &e), &e);
		CHECK_STR(got, row[i].want);
	}
}

static void
one_value_is_written(void)
{
	static const struct {
		const char *text, *want;
	} row[] = {
		{ "", "[server]\nurl = \"U\"\n" },
		{ "x = 1", "x = 1\n\n[server]\nurl = \"U\"\n" },
		{ "[server]\n# ours\nca_file = \"c\"\n[sync]\n",
		    "[server]\nurl = \"U\"\n# ours\nca_file = "
		    "\"c\"\n[sync]\n" },
		{ "[server]\nurl = \"old\" # why\n[x]\ny = 1\n",
		    "[server]\nurl = \"U\" # why\n[x]\ny = 1\n" },
		{ "[server]\n  url='old'\n", "[server]\n  url=\"U\"\n" },
		{ "server.url = \"a\\\"b\"\n", "server.url = \"U\"\n" },
		{ " [ server ] # s\n", " [ server ] # s\nurl = \"U\"\n" },
	};
	struct buf out = { 0 };

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		t_note("%s", row[i].text);
		buf_reset(&out);
		CHECK_OK(config_text_set(str_of(row[i].text), "server", "url",
		             STR("U"), &out, &e),
		    &e);
		CHECK_STR(buf_str(&out), row[i].want);
	}
	t_note("%s", "");
	buf_reset(&out);
	CHECK_ERR(config_text_set(STR("[server]\nurl = \"\"\"\nx\"\"\"\n"),
	              "server", "url", STR("U"), &out, &e),
	    ERR_CONFIG);
	buf_reset(&out);
	CHECK_ERR(config_text_set(STR("server = { url = \"x\" }\n"), "server",
	              "url", STR("U"), &out, &e),
	    ERR_CONFIG);
	buf_fini(&out);
}

static void
the_server_is_set_in_the_file(void)
{
	const char *path = os_join(&a, t_tmp(), "config.toml");
	struct buf text = { 0 };

	CHECK_OK(config_set_server(path, STR("https://H/"), &e), &e);
	CHECK_OK(os_mode_check(path, 0600, &e), &e);
	CHECK_OK(config_load(&c, path, &a, &e), &e);
	CHECK(c.exists);
	CHECK_STR(c.server_url, "https://h");
	/* A file that is wrong elsewhere is not touched. */
	CHECK_OK(os_write_atomic(path, STR("[sync]\nenabled = 3\n"), 0600, &e),
	    &e);
	CHECK_ERR(config_set_server(path, STR("https://h"), &e), ERR_CONFIG);
	CHECK_OK(os_read_file(path, 1000, &text, &e), &e);
	CHECK_STR(buf_str(&text), "[sync]\nenabled = 3\n");
	/* Spec Kitty's name for it is kept. */
	CHECK_OK(os_write_atomic(path,
	             STR("[sync]\nserver_url = \"https://a\"\n"), 0600, &e),
	    &e);
	CHECK_OK(config_set_server(path, STR("https://b"), &e), &e);
	buf_reset(&text);
	CHECK_OK(os_read_file(path, 1000, &text, &e), &e);
	CHECK_STR(buf_str(&text), "[sync]\nserver_url = \"https://b\"\n");
	buf_fini(&text);
}

static void
memory_runs_out(void)
{
	const char *text = "[server]\nurl = \"https://h\"\nca_file = \"~/x\"\n"
	                   "[projects]\na = [\"b\"]\n[topics.t]\n"
	                   "words = [\"w\"]\nq = 1\n";
	int n = 0;

	do {
		struct arena mem = { 0 };
		enum err rc;

		e = (struct err_info){ 0 };
		fault_arm(n++);
		rc = config_parse(&c, "c.toml", str_of(text), &mem, &e);
		CHECK((rc == ERR_OK) == !fault_hit());
		CHECK(rc == ERR_OK || rc == ERR_NOMEM);
		arena_fini(&mem);
	} while (fault_hit());
	fault_arm(-1);
	CHECK(n > 3);
}

int
main(void)
{
	T_RUN(defaults_stand);
	T_RUN(reads_every_key);
	T_RUN(takes_the_other_name_of_the_server);
	T_RUN(wrong_values_are_named);
	T_RUN(unknown_keys_are_kept);
	T_RUN(urls);
	T_RUN(one_value_is_written);
	T_RUN(the_server_is_set_in_the_file);
	T_RUN(memory_runs_out);
	arena_fini(&a);
	return t_done();
}
