#include "findings.h"

#include <stdarg.h>
#include <stdlib.h>

#include "fault.h"

/* "  critical  F-001  " */
enum { SUMMARY_COLUMN = 19 };

static const struct {
	const char *name;
	enum paint paint;
} severity[] = {
	[SEVERITY_INFO] = { "info", PAINT_DIM },
	[SEVERITY_WARN] = { "warn", PAINT_WARN },
	[SEVERITY_CRITICAL] = { "critical", PAINT_BAD },
};

void
finding_add(struct findings *f, struct cli *c, const char *id, enum severity s,
    const char *command, const char *description, const char *fmt, ...)
{
	struct arena *a = &c->ctx->arena;
	struct finding new = {
		.id = id, .severity = s, .description = description
	};
	struct buf b = { 0 };
	va_list ap;

	va_start(ap, fmt);
	buf_vaddf(&b, fmt, ap);
	va_end(ap);
	new.summary = b.failed ? NULL : arena_dup(a, buf_str(&b));
	if (command != NULL)
		new.command = arena_fmt(a, "%s %s", c->ctx->program, command);
	buf_fini(&b);
	if (new.summary == NULL || (command != NULL && new.command == NULL) ||
	    !mem_grow(&f->item, &f->cap, f->n + 1, sizeof *f->item)) {
		f->failed = true;
		return;
	}
	f->item[f->n++] = new;
}

static bool
any_from(const struct findings *f, enum severity least)
{
	for (size_t i = 0; i < f->n; i++)
		if (f->item[i].severity >= least)
			return true;
	return false;
}

bool
findings_critical(const struct findings *f)
{
	return any_from(f, SEVERITY_CRITICAL);
}

void
findings_say(const struct findings *f, struct cli *c)
{
	struct out *o = c->out;

	out_paint(o, PAINT_TITLE, "Findings");
	out_say(o, "\n");
	/* The worst first. */
	for (int s = SEVERITY_CRITICAL; s >= SEVERITY_INFO; s--)
		for (size_t i = 0; i < f->n; i++) {
			const struct finding *it = &f->item[i];

			if (it->severity != (enum severity)s)
				continue;
			out_say(o, "  ");
			out_fit(o, severity[s].paint, str_of(severity[s].name),
			    8);
			out_say(o, "  %s  ", it->id);
			(void)out_words(o, PAINT_NONE, str_of(it->summary),
			    SUMMARY_COLUMN, SUMMARY_COLUMN);
			out_say(o, "\n");
			if (it->command != NULL) {
				out_say(o, "%*stry: ", SUMMARY_COLUMN, "");
				(void)out_words(o, PAINT_NONE,
				    str_of(it->command), SUMMARY_COLUMN + 5,
				    SUMMARY_COLUMN);
				out_say(o, "\n");
			}
		}
	if (!any_from(f, SEVERITY_WARN))
		out_say(o, "No problems detected.\n");
}

void
findings_write(const struct findings *f, struct json_writer *w)
{
	json_arr(w);
	for (size_t i = 0; i < f->n; i++) {
		const struct finding *it = &f->item[i];

		json_obj(w);
		json_key(w, "id"), json_put_z(w, it->id);
		json_key(w, "remediation");
		if (it->command != NULL) {
			json_obj(w);
			json_key(w, "command"), json_put_z(w, it->command);
			json_key(w, "description");
			json_put_z(w, it->description);
			json_end(w);
		} else {
			json_put_null(w);
		}
		json_key(w, "severity");
		json_put_z(w, severity[it->severity].name);
		json_key(w, "summary"), json_put_z(w, it->summary);
		json_end(w);
	}
	json_end(w);
}

void
findings_fini(struct findings *f)
{
	free(f->item);
}
