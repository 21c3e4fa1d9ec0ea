/* Covers the files that a client reads: config_parse, config_text_set,
 * config_url, and what a repository says of its project (project_canonical_url,
 * project_kittify_uuid).
 *
 * Held: a url that was taken is taken again as it is; a text that is a
 * configuration and gets another server is one still, with that server. */
#include <stdlib.h>

#include "config.h"
#include "project.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool ok)
{
	if (!ok)
		abort();
}

static void
url_again(struct str in, struct arena *a)
{
	struct err_info e = { 0 };
	struct str url, again;

	if (config_url(in, a, &url, &e) == ERR_OK) {
		must(config_url(url, a, &again, &e) == ERR_OK);
		must(str_eq(url, again));
	} else {
		must(e.code == ERR_CONFIG);
	}
	(void)project_canonical_url(in, a);
	(void)project_kittify_uuid(in);
}

static void
set_server(struct str in, struct arena *a)
{
	static const struct str url = { "https://hub.example", 19 };
	struct buf out = { 0 };
	struct err_info e = { 0 };
	struct config c;

	if (config_text_set(in, "server", "url", url, &out, &e) == ERR_OK) {
		must(config_parse(&c, "config.toml", buf_str(&out), a, &e) ==
		    ERR_OK);
		must(str_eq(c.server_url, url));
	}
	buf_fini(&out);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str in = str_n(data, size), again;
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct config c;

	if (config_parse(&c, "config.toml", in, &a, &e) == ERR_OK) {
		if (c.server_url.n > 0)
			must(config_url(c.server_url, &a, &again, &e) ==
			        ERR_OK &&
			    str_eq(again, c.server_url));
		set_server(in, &a);
	} else {
		must(e.code == ERR_CONFIG);
	}
	url_again(in, &a);
	arena_fini(&a);
	return 0;
}
