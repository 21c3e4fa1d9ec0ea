/* Covers toml_parse and toml_add_str.  What must hold: what was read, written
 * as one key a line, is read as the same. */
#include <stdlib.h>

#include "toml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
write_value(struct buf *out, const struct toml_value *v)
{
	switch (v->kind) {
	case TOML_STRING:
		toml_add_str(out, v->string);
		break;
	case TOML_INTEGER:
		buf_addf(out, "%lld", (long long)v->integer);
		break;
	case TOML_BOOLEAN:
		buf_adds(out, v->boolean ? "true" : "false");
		break;
	case TOML_ARRAY:
		buf_addc(out, '[');
		for (size_t i = 0; i < v->n; i++) {
			write_value(out, &v->item[i]);
			buf_addc(out, ',');
		}
		buf_addc(out, ']');
		break;
	}
}

static void
write_all(struct buf *out, const struct toml *t)
{
	for (size_t i = 0; i < t->n; i++) {
		buf_addstr(out, t->entry[i].key);
		buf_adds(out, " = ");
		write_value(out, &t->entry[i].value);
		buf_addc(out, '\n');
	}
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct buf once = { 0 }, twice = { 0 };
	struct toml t, again;

	if (toml_parse(str_n(data, size), &a, &t, &e) == ERR_OK) {
		write_all(&once, &t);
		if (toml_parse(buf_str(&once), &a, &again, &e) != ERR_OK)
			abort();
		write_all(&twice, &again);
		if (!str_eq(buf_str(&once), buf_str(&twice)))
			abort();
	}
	arena_fini(&a);
	buf_fini(&once);
	buf_fini(&twice);
	return 0;
}
