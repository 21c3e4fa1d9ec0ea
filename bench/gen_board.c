#include "gen_board.h"

#include <stdio.h>
#include <stdlib.h>

#include "event.h"
#include "fault.h"
#include "t.h"

struct package {
	struct eid last, title;
	unsigned number, moves;
};

struct board {
	struct t_rng rng;
	struct buf *out;
	struct package *wp; /* own */
	uint64_t clock;
	/* Of the i-th package: these and up to three more, so that the packages
	 * stand in four lanes at the end. */
	unsigned moves;
};

static const char *const lanes[] = { "planned", "claimed", "in_progress",
	"for_review" };

static void
name_feature(size_t number, char out[32])
{
	(void)snprintf(out, 32, "%03zu-bench",
	    number / GEN_BOARD_FEATURE % 999 + 1);
}

static void
name_package(size_t number, char out[32])
{
	(void)snprintf(out, 32, "WP%02zu", number % GEN_BOARD_FEATURE + 1);
}

void
gen_board_planned(size_t i, char feature[32], char wp[32])
{
	name_feature(4 * i + 1, feature);
	name_package(4 * i + 1, wp);
}

/* An event of this type and payload; names: what it replaces. */
static struct eid
add(struct board *b, const char *type, const char *aggregate, const char *id,
    const char *payload, const struct eid *names, size_t n)
{
	struct event_new en = { .type = str_of(type),
		.aggregate_type = str_of(aggregate),
		.aggregate_id = str_of(id),
		.node = STR("00000000000000000000000000be9c01"),
		.timestamp = STR("2026-04-28T10:30:00.123Z"),
		.clock = ++b->clock,
		.node_seq = b->clock,
		.replaces = names,
		.n_replaces = n,
		.payload = str_of(payload),
		.author = STR("user:bench"),
		.project_uuid = STR(GEN_BOARD_PROJECT),
		.project_slug = STR("bench") };
	uint64_t r[2] = { t_rand(&b->rng), t_rand(&b->rng) };

	eid_new(&en.id, 1777368600000 + b->clock / 4, (const uint8_t *)r);
	event_encode(&en, b->out);
	buf_addc(b->out, '\n');
	return en.id;
}

static void
add_feature(struct board *b, size_t number)
{
	char slug[32], payload[160];

	name_feature(number * GEN_BOARD_FEATURE, slug);
	(void)snprintf(payload, sizeof payload,
	    "{\"feature_slug\":\"%s\",\"feature_number\":\"%.3s\","
	    "\"title\":\"what is to be measured\"}",
	    slug, slug);
	(void)add(b, "feature_created", "feature", slug, payload, NULL, 0);
}

static void
add_package(struct board *b, const struct package *p, const char *type,
    const char *members, const struct eid *names, size_t n, struct eid *ret)
{
	char slug[32], wp[32], id[80], payload[320];

	name_feature(p->number, slug);
	name_package(p->number, wp);
	(void)snprintf(id, sizeof id, "%s/%s", slug, wp);
	(void)snprintf(payload, sizeof payload,
	    "{\"wp_id\":\"%s\",\"feature_slug\":\"%s\",%s}", wp, slug, members);
	*ret = add(b, type, "work_package", id, payload, names, n);
}

static void
create(struct board *b, struct package *p)
{
	char members[64];

	(void)snprintf(members, sizeof members,
	    "\"title\":\"Package %u of the bench\"", p->number);
	add_package(b, p, "wp_created", members, NULL, 0, &p->last);
	p->title = p->last;
}

static void
move(struct board *b, struct package *p)
{
	char members[128];

	(void)snprintf(members, sizeof members,
	    "\"from_lane\":\"%s\",\"to_lane\":\"%s\",\"actor\":\"bench\"",
	    lanes[p->moves % 4], lanes[(p->moves + 1) % 4]);
	add_package(b, p, "wp_status_changed", members, &p->last, 1, &p->last);
	p->moves++;
}

/* The last to be written, so that no move has to name the new title. */
static void
rename_package(struct board *b, struct package *p)
{
	struct eid names[2] = { p->last, p->title };

	add_package(b, p, "wp_updated", "\"title\":\"Under another title\"",
	    names, 2, &p->title);
}

/* Moves in an order as of chance, until each package has had its own. */
static void
move_all(struct board *b, size_t *left, size_t n)
{
	for (size_t i = 0; i < n; i++)
		left[i] = i;
	while (n > 0) {
		size_t at = (size_t)t_below(&b->rng, n);
		struct package *p = &b->wp[left[at]];

		move(b, p);
		if (p->moves == b->moves + p->number % 4)
			left[at] = left[--n];
	}
}

enum err
gen_board(size_t events, size_t n, struct buf *out, struct err_info *e)
{
	struct board b = { .rng = { 1000003 },
		.out = out,
		.moves = (unsigned)((events / n - 2) / 4 * 4 - 1) };
	size_t *left = mem_alloc((n + 1) * sizeof *left);
	enum err rc = ERR_OK;

	b.wp = mem_zero((n + 1) * sizeof *b.wp);
	if (b.wp == NULL || left == NULL) {
		rc = err_set(e, ERR_NOMEM);
		goto done;
	}
	buf_adds(out,
	    "{\"clowder\":\"export\",\"version\":1,\"space\":{\"hub\":\"\","
	    "\"account\":\"\",\"team\":\"local\"},\"project\":null}\n");
	for (size_t i = 0; i * GEN_BOARD_FEATURE < n; i++)
		add_feature(&b, i);
	for (size_t i = 0; i < n; i++) {
		b.wp[i].number = (unsigned)i;
		create(&b, &b.wp[i]);
	}
	move_all(&b, left, n);
	for (size_t i = 0; i < n && b.clock < events; i++)
		rename_package(&b, &b.wp[i]);
	rc = buf_ok(out, e);
done:
	free(left);
	free(b.wp);
	return rc;
}
