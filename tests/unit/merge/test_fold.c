/* The meaning of concurrent change, as a table: each row is a history and what
 * must be seen (docs/merge.md).  Every row is folded in many orders, with
 * repeats, and in one go as well as event by event. */
#include <stdlib.h>

#include "fold.h"
#include "story.h"
#include "t.h"

enum { STORY_MAX = 12 };

struct row_of_table {
	const char *goal;
	const char *event[STORY_MAX];
	/* "field=value heads" lines and "!field heads state closers" for rows of
	 * the ledger; every row of the ledger must be named. */
	const char *want[STORY_MAX];
};

/* clang-format off */
static const struct row_of_table table[] = {
	{ "one write is shown",
	  { "A 1 n wp_created [] {\"title\":\"T\",\"tags\":[\"y\",\"x\"]}" },
	  { "title=\"T\" A", "lane=\"planned\" A", "tags=[\"x\",\"y\"] A", "present=true A" } },
	{ "who saw the earlier value replaces it, also backwards",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"done\"}",
	    "C 3 n wp_status_changed [B] {\"from_lane\":\"done\",\"to_lane\":\"planned\"}" },
	  { "lane=\"planned\" C" } },
	{ "concurrent titles: the greater stamp, an open conflict",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}" },
	  { "title=\"c\" BC", "!title BC open -" } },
	{ "equal values are no conflict",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"b\"}" },
	  { "title=\"b\" BC" } },
	{ "a resolution closes the row",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}",
	    "D 3 n conflict_resolved [B C] {\"field\":\"title\",\"value\":\"b\"}" },
	  { "title=\"b\" D", "!title BC resolved D" } },
	{ "two who resolve at once are two closers and a new row",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}",
	    "D 3 n conflict_resolved [B C] {\"field\":\"title\",\"value\":\"b\"}",
	    "E 3 o conflict_resolved [B C] {\"field\":\"title\",\"value\":\"c\"}" },
	  { "title=\"c\" DE", "!title BC resolved DE", "!title DE open -" } },
	{ "a third head takes the place of the row",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}",
	    "D 2 p wp_updated [A] {\"title\":\"d\"}" },
	  { "title=\"d\" BCD", "!title BCD open -" } },
	{ "a parent that was replaced stays replaced; its replacer stands beside",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 9 o wp_updated [A] {\"title\":\"c\"}" },
	  { "title=\"c\" BC", "!title BC open -" } },
	{ "an ancestor named along with a head changes nothing",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 3 n wp_updated [A B] {\"title\":\"c\"}" },
	  { "title=\"c\" C" } },
	{ "an id with a greater stamp never counts",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 9 n wp_updated [A] {\"title\":\"b\"}",
	    "C 3 o wp_updated [A B] {\"title\":\"c\"}" },
	  { "title=\"b\" BC", "!title BC open -" } },
	{ "a concurrent completion beats a stale pending, quietly",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"done\"}",
	    "C 9 o wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"claimed\"}" },
	  { "lane=\"done\" BC", "!lane BC auto -" } },
	{ "blocked against progress is a conflict",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"blocked\"}",
	    "C 2 o wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"for_review\"}" },
	  { "lane=\"for_review\" BC", "!lane BC open -" } },
	{ "a review that sends work back stands against an approval, as a conflict",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"in_progress\",\"to_lane\":\"for_review\"}",
	    "C 3 n wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"in_progress\"}",
	    "D 3 o wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"approved\"}" },
	  { "lane=\"in_progress\" CD", "!lane CD open -" } },
	{ "work that goes on from the rollback stands too",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"in_progress\",\"to_lane\":\"for_review\"}",
	    "C 3 n wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"in_progress\"}",
	    "D 9 o wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"done\"}",
	    "E 4 n wp_status_changed [C] {\"from_lane\":\"in_progress\",\"to_lane\":\"blocked\"}" },
	  { "lane=\"blocked\" DE", "!lane DE open -" } },
	{ "blocking finished work is no rollback",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"for_review\"}",
	    "C 3 n wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"blocked\"}",
	    "D 3 o wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"approved\"}" },
	  { "lane=\"approved\" CD", "!lane CD open -" } },
	{ "a rollback from an ancestor named along counts from it",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n reverted [A] {\"lane\":\"for_review\",\"title\":\"b\"}",
	    "C 3 n wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"blocked\"}",
	    "D 4 n reverted [B C] {\"lane\":\"in_progress\",\"title\":\"d\"}",
	    "E 3 o wp_status_changed [B] {\"from_lane\":\"for_review\",\"to_lane\":\"approved\"}" },
	  { "lane=\"in_progress\" DE", "title=\"d\" D", "!lane DE open -" } },
	{ "doing is in_progress",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"Planned\",\"to_lane\":\"DOING\"}" },
	  { "lane=\"in_progress\" B" } },
	{ "created anew does not set the lane back",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_status_changed [A] {\"from_lane\":\"planned\",\"to_lane\":\"done\"}",
	    "C 3 n wp_created [A B] {\"title\":\"U\"}" },
	  { "title=\"U\" C", "lane=\"done\" B" } },
	{ "add wins in a set",
	  { "A 1 n wp_created [] {\"title\":\"T\",\"tags\":[\"x\"]}",
	    "B 2 n wp_updated [A] {\"tags\":{\"remove\":[\"x\"]}}",
	    "C 2 o wp_updated [A] {\"tags\":{\"add\":[\"x\"]}}" },
	  { "tags=[\"x\"] BC" } },
	{ "what was seen is removed",
	  { "A 1 n wp_created [] {\"title\":\"T\",\"tags\":[\"x\",\"y\"]}",
	    "B 2 n wp_updated [A] {\"tags\":{\"remove\":[\"x\"]}}" },
	  { "tags=[\"y\"] AB" } },
	{ "a whole list removes the rest that was shown",
	  { "A 1 n wp_created - {\"title\":\"T\",\"tags\":[\"x\",\"y\"]}",
	    "B 2 n wp_updated - {\"tags\":[\"z\",\"x\"]}" },
	  { "tags=[\"x\",\"z\"] B" } },
	{ "null empties a set and removes a field",
	  { "A 1 n wp_created [] {\"title\":\"T\",\"tags\":[\"x\"],\"priority\":1}",
	    "B 2 n wp_updated [A] {\"tags\":null,\"priority\":null}" },
	  { "tags=[] B", "priority=null B" } },
	{ "every note is kept",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "C 2 o history_added [A] {\"entry_content\":\"c\"}",
	    "B 2 n history_added [A] {\"entry_content\":\"b\"}" },
	  { "history=[{\"entry_content\":\"b\",\"entry_type\":\"note\",\"wp_id\":\"WP01\"},"
	    "{\"entry_content\":\"c\",\"entry_type\":\"note\",\"wp_id\":\"WP01\"}] BC" } },
	{ "an edit beside a delete keeps the entity, as a conflict",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_deleted [A] {}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}" },
	  { "present=true BC", "!present BC open -" } },
	{ "a delete that saw every edit stands",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 3 o wp_deleted [B] {}" },
	  { "present=false C" } },
	{ "who names nothing replaces all heads, and the ledger has it",
	  { "A 1 n wp_created - {\"title\":\"T\"}",
	    "B 2 o wp_updated - {\"title\":\"b\"}" },
	  { "title=\"b\" B", "!title AB auto B" } },
	{ "who names the old value replaces that only",
	  { "A 1 n wp_created - {\"title\":\"T\"}",
	    "B 2 n wp_status_changed - {\"from_lane\":\"planned\",\"to_lane\":\"claimed\"}",
	    "C 3 o wp_status_changed - {\"from_lane\":\"planned\",\"to_lane\":\"blocked\"}" },
	  { "lane=\"blocked\" BC", "!lane BC open -" } },
	{ "who names nothing never brings a deleted entity back",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_deleted [A] {}",
	    "C 3 o wp_updated - {\"title\":\"c\"}" },
	  { "present=false B", "title=\"c\" C", "!title AC auto C" } },
	{ "the delete of who names nothing spares what others edited",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 o wp_deleted - {}" },
	  { "present=true AB", "!present AB open -" } },
	{ "what a blind write closes is auto",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}",
	    "D 3 p wp_updated - {\"title\":\"d\"}" },
	  { "title=\"d\" D", "!title BC auto D", "!title BCD auto D" } },
	{ "reports of two sessions are concurrent, the greatest rank is shown",
	  { "A 1 n todo_observed [] {\"reporter\":\"r:1\",\"content\":\"c\",\"status\":\"completed\",\"active_form\":\"x\"}",
	    "B 2 n todo_observed [] {\"reporter\":\"r:2\",\"status\":\"pending\",\"active_form\":\"y\"}" },
	  { "status=\"completed\" AB", "active_form=\"y\" AB", "!status AB auto -" } },
	{ "a session's own next report takes the place of its last",
	  { "A 1 n todo_observed [] {\"reporter\":\"r:1\",\"content\":\"c\",\"status\":\"completed\"}",
	    "B 2 n todo_observed [A] {\"reporter\":\"r:1\",\"status\":\"pending\"}" },
	  { "status=\"pending\" B" } },
	{ "an observation is no rollback",
	  { "A 1 n todo_observed [] {\"reporter\":\"r:1\",\"content\":\"c\",\"status\":\"completed\"}",
	    "B 2 n todo_observed [A] {\"reporter\":\"r:1\",\"status\":\"pending\"}",
	    "C 2 o todo_observed [] {\"reporter\":\"r:2\",\"status\":\"in_progress\"}" },
	  { "status=\"in_progress\" BC", "!status BC auto -" } },
	{ "a reopen made with knowledge of the completion stands",
	  { "A 1 n todo_added [] {\"content\":\"c\"}",
	    "B 2 n todo_status_changed [A] {\"status\":\"completed\"}",
	    "C 3 n todo_status_changed [B] {\"status\":\"pending\"}",
	    "D 9 o todo_status_changed [B] {\"status\":\"completed\"}" },
	  { "status=\"pending\" CD", "!status CD open -" } },
	{ "a head that loses never changes which of the others wins",
	  { "A 1 n todo_added [] {\"content\":\"c\"}",
	    "B 2 n todo_status_changed [A] {\"status\":\"in_progress\"}",
	    "C 2 o todo_status_changed [A] {\"status\":\"in_progress\"}",
	    "D 3 n todo_status_changed [B] {\"status\":\"pending\"}" },
	  { "status=\"in_progress\" CD", "!status CD auto -" } },
	{ "texts that differ: the greatest stamp, open",
	  { "A 1 n wp_created [] {\"title\":\"T\",\"description\":\"a\"}",
	    "B 2 n wp_updated [A] {\"description\":\"b\"}",
	    "C 2 o wp_updated [A] {\"description\":\"c\"}" },
	  { "description=\"c\" BC", "!description BC open -" } },
	{ "a field that comes back with an explicit present",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_deleted [A] {}",
	    "C 3 n conflict_resolved [B] {\"field\":\"present\",\"value\":true}" },
	  { "present=true C" } },
	{ "naming an id twice is naming it once",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_updated [A] {\"title\":\"b\"}",
	    "C 2 o wp_updated [A] {\"title\":\"c\"}",
	    "D 2 p wp_updated [A] {\"title\":\"d\"}",
	    "E 3 n wp_updated [B C C B] {\"title\":\"e\"}" },
	  { "title=\"e\" DE", "!title DE open -", "!title BC resolved E" } },
	{ "a flag that is set back to nothing is not set",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n archived [A] {\"value\":true}",
	    "C 3 n reverted [B] {\"archived\":null}" },
	  { "archived=false C" } },
	{ "a type of the future is kept, not folded",
	  { "A 1 n wp_created [] {\"title\":\"T\"}",
	    "B 2 n wp_of_the_future [A] {\"title\":\"b\"}" },
	  { "title=\"T\" A" } },
};
/* clang-format on */

/* One line of what is seen, in the words of the table. */
static char *
seen_field(struct json *j, uint32_t entity, const char *field, struct arena *a)
{
	uint32_t f = json_get(j, json_get(j, entity, "fields"), field);
	uint32_t heads = json_get(j, f, "heads"), child = heads + 1;
	struct buf out = { 0 };
	char *line;

	if (f == 0)
		return arena_fmt(a, "%s is not there", field);
	buf_addf(&out, "%s=", field);
	buf_addstr(&out, json_raw(j, json_get(j, f, "value")));
	buf_addc(&out, ' ');
	for (uint32_t i = 0; i < j->node[heads].n; i++) {
		struct eid id;
		struct str s;

		if (json_str(j, child, a, &s) && eid_parse(s, &id))
			buf_addc(&out, story_letter(&id));
		child = json_next(j, child);
	}
	line = arena_dup(a, buf_str(&out));
	buf_fini(&out);
	return line;
}

static void
add_letters(struct json *j, uint32_t list, struct arena *a, struct buf *out)
{
	uint32_t child = list + 1;

	if (j->node[list].n == 0)
		buf_addc(out, '-');
	for (uint32_t i = 0; i < j->node[list].n; i++) {
		struct eid id;
		struct str s;

		if (json_str(j, child, a, &s) && eid_parse(s, &id))
			buf_addc(out, story_letter(&id));
		child = json_next(j, child);
	}
}

static char *
seen_row(struct json *j, uint32_t row, struct arena *a)
{
	struct buf out = { 0 };
	struct str s;
	char *line;

	buf_addc(&out, '!');
	if (json_str(j, json_get(j, row, "field"), a, &s))
		buf_addstr(&out, s);
	buf_addc(&out, ' ');
	add_letters(j, json_get(j, row, "heads"), a, &out);
	buf_addc(&out, ' ');
	if (json_str(j, json_get(j, row, "state"), a, &s))
		buf_addstr(&out, s);
	buf_addc(&out, ' ');
	add_letters(j, json_get(j, row, "closers"), a, &out);
	line = arena_dup(a, buf_str(&out));
	buf_fini(&out);
	return line;
}

static void
compare(const struct row_of_table *row, struct str fold)
{
	struct arena a = { 0 };
	struct json j = { 0 };
	struct err_info e = { 0 };
	uint32_t entity, ledger, child, rows = 0;

	CHECK_OK(json_parse(&j, fold, 16, &e), &e);
	entity = json_get(&j, 0, "entities") + 1;
	ledger = json_get(&j, 0, "ledger");
	for (size_t i = 0; i < STORY_MAX && row->want[i] != NULL; i++) {
		const char *want = row->want[i];
		bool found = want[0] != '!';

		if (found) {
			char *field =
			    arena_dup(&a, str_n(want, strcspn(want, "=")));

			CHECK_STR(str_of(seen_field(&j, entity, field, &a)),
			    want);
			continue;
		}
		rows++;
		child = ledger + 1;
		for (uint32_t k = 0; k < j.node[ledger].n; k++) {
			found =
			    found || strcmp(seen_row(&j, child, &a), want) == 0;
			child = json_next(&j, child);
		}
		t_note("%s: %s", row->goal, want);
		CHECK(found);
		t_note("%s", row->goal);
	}
	if (!CHECK_U(j.node[ledger].n, rows)) {
		child = ledger + 1;
		for (uint32_t k = 0; k < j.node[ledger].n; k++) {
			t_note("%s: seen %s", row->goal,
			    seen_row(&j, child, &a));
			CHECK(false);
			child = json_next(&j, child);
		}
	}
	json_fini(&j);
	arena_fini(&a);
}

static size_t
count(const struct row_of_table *row)
{
	size_t n = 0;

	while (n < STORY_MAX && row->event[n] != NULL)
		n++;
	return n;
}

/* The histories of the table in every order that a few shuffles give, some
 * events twice. */
static void
the_table_holds_in_every_order(void)
{
	struct t_rng r = { t_seed() };

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
		size_t n = count(&table[i]);
		struct buf first = { 0 };

		t_note("%s", table[i].goal);
		for (int round = 0; round < 20; round++) {
			size_t order[STORY_MAX];
			struct arena a = { 0 };
			struct buf out = { 0 };
			struct err_info e = { 0 };
			struct fold *f;

			CHECK_OK(fold_new(&f, &e), &e);
			for (size_t k = 0; k < n; k++)
				order[k] = k;
			for (size_t k = n; round > 0 && k > 1; k--) {
				size_t at = t_below(&r, k), t = order[at];

				order[at] = order[k - 1];
				order[k - 1] = t;
			}
			for (size_t k = 0; k < 2 * n; k++) {
				size_t at = order[k < n ? k : t_below(&r, n)];

				CHECK_OK(
				    fold_add(f,
				        story_event(str_of(table[i].event[at]),
				            &a),
				        &e),
				    &e);
			}
			CHECK_OK(fold_write(f, &out, &e), &e);
			if (round == 0) {
				compare(&table[i], buf_str(&out));
				buf_addstr(&first, buf_str(&out));
			}
			CHECK_EQ(buf_str(&out), buf_str(&first));
			fold_free(f);
			buf_fini(&out);
			arena_fini(&a);
		}
		buf_fini(&first);
	}
}

static void
an_id_with_other_content_is_an_error(void)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct fold *f;

	CHECK_OK(fold_new(&f, &e), &e);
	CHECK_OK(fold_add(f,
	             story_event(STR("A 1 n wp_created [] {\"title\":\"T\"}"),
	                 &a),
	             &e),
	    &e);
	CHECK_ERR(fold_add(f,
	              story_event(STR("A 1 n wp_created [] {\"title\":\"U\"}"),
	                  &a),
	              &e),
	    ERR_ID_REUSED);
	CHECK_ERR(fold_add(f, STR("{"), &e), ERR_BAD_JSON);
	CHECK_ERR(fold_add(f, STR("{}"), &e), ERR_SCHEMA);
	fold_free(f);
	arena_fini(&a);
}

int
main(void)
{
	T_RUN(the_table_holds_in_every_order);
	T_RUN(an_id_with_other_content_is_an_error);
	return t_done();
}
