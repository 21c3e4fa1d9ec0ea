/* Commands as a person starts them, whole processes, beside the least that any
 * process can do for the same: one that does nothing, one that asks SQLite
 * alone.  Ours and the other take turns, as the machine drifts.
 *
 *	bench_cli CLOWDER BENCH-FOLDER [--events N] [--packages N] [--rounds N]
 *	          [--files N] [--many N] [ROW...]
 *
 * ROW: version, move, board, consolidate, many; all of them where none is named.
 * BENCH-FOLDER has the programs `nothing` and `bare`.  $BENCH_NODE and
 * $BENCH_SCRIPT: node, and consolidate.js, measured beside consolidate; without
 * them there are no such rows. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "gen_board.h"
#include "lab.h"
#include "t.h"

enum { ROUNDS_MAX = 1000, PACKAGES = 2000, LONG_LOG = 1000000 };
/* What sessions leave: so many todos in a file, drawn from so many texts that
 * half of them are there more than once. */
enum {
	FEW_OF_A_FILE = 4, /* 264 files are about 1,000 */
	MANY_OF_A_FILE = 10,
	TEXTS_OF_100 = 50 /* texts for 100 todos of a few files */
};
/* What is promised: docs/performance.md. */
static const double version_above_ms = 1.5, move_ms = 5, board_ms = 10,
                    board_mib = 12, at_long_log = 1.5, consolidate_ms = 30,
                    many_ms = 3000, one_of_many_ms = 60;

struct bench {
	struct arena arena;
	const char *clowder, *nothing, *bare; /* programs */
	const char *node, *script;            /* NULL: there is none */
	const char *programs;                 /* their folder */
	size_t events, packages, rounds, files, many;
	size_t fresh; /* homes that were made */
	char *folder; /* own: of everything below */
	char *work, *db, *todos;
	bool filled;
};

/* --- pairs -------------------------------------------------------------------- */

/* Commands with up to so many words; NULL ends them. */
enum { WORDS = 9 };
struct pair {
	const char *ours[WORDS], *bare[WORDS];
	const char *other[WORDS]; /* may be empty */
	/* Called before each round, to change the words; NULL: nothing to do. */
	enum err (*before)(struct bench *b, struct pair *p, size_t round,
	    struct err_info *e);
	char text[4][512]; /* words that change */
	size_t rounds;     /* 0: as many as the bench has */
	double other_ms;   /* what it took */
};

/* All in turn; the first round warms up and does not count. */
static enum err
measure(struct bench *b, struct pair *p, struct lab_row *row,
    struct err_info *e)
{
	double ours[ROUNDS_MAX], bare[ROUNDS_MAX], other[ROUNDS_MAX], s = 0;
	size_t rounds = p->rounds > 0 ? p->rounds : b->rounds;
	enum err rc = ERR_OK;

	for (size_t i = 0; i <= rounds && rc == ERR_OK; i++) {
		size_t at = i > 0 ? i - 1 : 0;

		if (p->before != NULL)
			rc = p->before(b, p, i, e);
		if (rc == ERR_OK)
			rc = lab_spawn(p->ours, b->work, &s, e);
		ours[at] = 1000 * s;
		if (rc == ERR_OK)
			rc = lab_spawn(p->bare, b->work, &s, e);
		bare[at] = 1000 * s;
		if (rc == ERR_OK && p->other[0] != NULL)
			rc = lab_spawn(p->other, b->work, &s, e);
		other[at] = 1000 * s;
	}
	if (rc != ERR_OK)
		return rc;
	row->ours = lab_median(ours, rounds);
	row->best = lab_median(bare, rounds);
	p->other_ms = lab_median(other, rounds);
	row->unit = "ms";
	return ERR_OK;
}

/* --- what they work on ----------------------------------------------------------- */

static enum err
set_home(struct bench *b, const char *name, struct err_info *e)
{
	const char *home = arena_fmt(&b->arena, "%s/%s", b->folder, name);

	if (home == NULL || setenv("HOME", home, 1) != 0 ||
	    setenv("CLOWDER_HOME", home, 1) != 0 ||
	    setenv("CLOWDER_AUTHOR", "user:bench", 1) != 0)
		return err_set(e, ERR_NOMEM);
	return ERR_OK;
}

static enum err
ask(struct bench *b, const char *const words[], struct err_info *e)
{
	struct buf out = { 0 };
	enum err rc = lab_ask(words, b->work, "", &out, e);

	buf_fini(&out);
	return rc;
}

static enum err
make_work(struct bench *b, struct err_info *e)
{
	const char *dir;
	enum err rc = lab_folder(&b->arena, &b->folder, e);

	if (rc != ERR_OK)
		return rc;
	b->work = arena_fmt(&b->arena, "%s/work", b->folder);
	b->db = arena_fmt(&b->arena, "%s/bare.db", b->folder);
	b->todos = arena_fmt(&b->arena, "%s/todos", b->folder);
	dir = arena_fmt(&b->arena, "%s/.clowder", b->work);
	if (dir == NULL || mkdir(b->work, 0700) != 0 || mkdir(dir, 0700) != 0)
		return err_setf(e, ERR_IO, "no folder to work in");
	return lab_write(arena_fmt(&b->arena, "%s/project.toml", dir),
	    STR("uuid = \"" GEN_BOARD_PROJECT "\"\nslug = \"bench\"\n"), e);
}

/* The store with so many events, and a table of SQLite's with as many. */
static enum err
fill(struct bench *b, struct err_info *e)
{
	const char *log = arena_fmt(&b->arena, "%s/log.jsonl", b->folder);
	const char *import[] = { b->clowder, "import", log, NULL };
	const char *make[] = { b->bare, "make", b->db,
		arena_fmt(&b->arena, "%zu", b->events), NULL };
	double began = lab_now();
	struct buf out = { 0 };
	enum err rc = ERR_OK;

	if (b->filled)
		goto done;
	rc = gen_board(b->events, b->packages, &out, e);
	if (rc == ERR_OK)
		rc = lab_write(log, buf_str(&out), e);
	if (rc == ERR_OK)
		rc = set_home(b, "home", e);
	if (rc == ERR_OK)
		rc = ask(b, import, e);
	if (rc == ERR_OK)
		rc = ask(b, make, e);
	if (rc == ERR_OK)
		printf("a store of %zu events made in %.1f s\n", b->events,
		    lab_now() - began);
	b->filled = rc == ERR_OK;
done:
	buf_fini(&out);
	return rc;
}

/* --- rows ------------------------------------------------------------------------- */

static enum err
row_version(struct bench *b, struct err_info *e)
{
	struct pair p = { .ours = { b->clowder, "--version" },
		.bare = { b->nothing } };
	struct lab_row row = { .what = "clowder --version",
		.best_is = "a program that does nothing" };
	enum err rc = measure(b, &p, &row, e);

	row.target = row.best + version_above_ms;
	if (rc == ERR_OK)
		lab_row(&row);
	return rc;
}

/* A time that is promised for a project of PACKAGES; a long log may slow it
 * down by so much.  0: nothing is promised. */
static double
target(const struct bench *b, double ms)
{
	if (b->packages > PACKAGES)
		return 0;
	return b->events < LONG_LOG ? ms : at_long_log * ms;
}

static const char *
what_of(struct bench *b, const char *command)
{
	return arena_fmt(&b->arena, "%s, %zu events of %zu packages", command,
	    b->events, b->packages);
}

static enum err
next_move(struct bench *b, struct pair *p, size_t round, struct err_info *e)
{
	(void)b, (void)e;
	gen_board_planned(round, p->text[0], p->text[1]);
	p->ours[3] = p->text[1];
	p->ours[6] = p->text[0];
	return ERR_OK;
}

static enum err
row_move(struct bench *b, struct err_info *e)
{
	struct pair p = { .ours = { b->clowder, "wp", "move", "", "claimed",
		              "--feature", "" },
		.bare = { b->bare, "commit", b->db },
		.before = next_move };
	struct lab_row row = { .what = what_of(b, "wp move"),
		.target = target(b, move_ms),
		.best_is = "a process that commits a row" };
	enum err rc = fill(b, e);

	if (rc == ERR_OK)
		rc = measure(b, &p, &row, e);
	if (rc == ERR_OK)
		lab_row(&row);
	return rc;
}

static enum err
row_board(struct bench *b, struct err_info *e)
{
	struct pair p = { .ours = { b->clowder, "board" },
		.bare = { b->bare, "read", b->db,
		    arena_fmt(&b->arena, "%zu", b->packages) } };
	struct lab_row row = { .what = what_of(b, "board"),
		.target = target(b, board_ms),
		.best_is = "a process that reads as many rows" };
	struct lab_row memory = { .what = "  its memory, at most",
		.target = target(b, board_mib),
		.unit = "MiB",
		.best_is = "that process" };
	enum err rc = fill(b, e);

	if (rc == ERR_OK)
		rc = set_home(b, "home", e);
	if (rc == ERR_OK)
		rc = measure(b, &p, &row, e);
	if (rc == ERR_OK)
		lab_row(&row);
	if (rc == ERR_OK)
		rc = lab_peak(&b->arena, b->programs, p.ours, b->work,
		    &memory.ours, e);
	if (rc == ERR_OK)
		rc = lab_peak(&b->arena, b->programs, p.bare, b->work,
		    &memory.best, e);
	if (rc == ERR_OK)
		lab_row(&memory);
	return rc;
}

/* Files of sessions.  *at: the file's list, so many todos of so many texts; the
 * same bytes for the same numbers. */
struct heap {
	const char *folder;
	size_t files, todos, texts;
};

static enum err
make_file(struct bench *b, const struct heap *h, size_t i, unsigned turn,
    struct err_info *e)
{
	static const char *const status[] = { "pending", "in_progress",
		"completed" };
	struct t_rng rng = { 42 + i };
	struct buf out = { 0 };
	enum err rc;

	for (size_t k = 0; k < h->todos; k++)
		buf_addf(&out,
		    "%c{\"content\":\"Make what is number %u faster\","
		    "\"status\":\"%s\",\"activeForm\":\"Making it\"}",
		    k > 0 ? ',' : '[',
		    (unsigned)t_below(&rng, (uint32_t)h->texts),
		    status[(t_below(&rng, 3) + (k == 0 ? turn : 0)) % 3]);
	buf_addc(&out, ']');
	rc = lab_write(arena_fmt(&b->arena,
	                   "%s/%08zx-0000-4000-8000-000000000000-"
	                   "agent-%08zx-0000-4000-8000-000000000000.json",
	                   h->folder, i, i),
	    buf_str(&out), e);
	buf_fini(&out);
	return rc;
}

static enum err
make_todos(struct bench *b, const struct heap *h, struct err_info *e)
{
	enum err rc = ERR_OK;

	if (mkdir(h->folder, 0700) != 0)
		return err_setf(e, ERR_IO, "%s", h->folder);
	for (size_t i = 0; i < h->files && rc == ERR_OK; i++)
		rc = make_file(b, h, i, 0, e);
	return rc;
}

/* A home, and a table, in which nothing of this is known. */
static enum err
fresh_home(struct bench *b, struct pair *p, size_t round, struct err_info *e)
{
	const char *init[] = { b->clowder, "init", NULL };
	const char *make[] = { b->bare, "make", p->text[1], "0", NULL };
	enum err rc;

	(void)round;
	b->fresh++;
	(void)snprintf(p->text[0], sizeof p->text[0], "fresh%zu", b->fresh);
	(void)snprintf(p->text[1], sizeof p->text[1], "%s/fresh%zu.db",
	    b->folder, b->fresh);
	p->bare[2] = p->text[1];
	rc = set_home(b, p->text[0], e);
	if (rc == ERR_OK)
		rc = ask(b, init, e);
	return rc == ERR_OK ? ask(b, make, e) : rc;
}

/* The same pair again as a row beside the script in Node. */
static void
beside_node(const struct bench *b, const struct pair *p,
    const struct lab_row *row)
{
	struct lab_row beside = { .what = "  beside a script in Node",
		.ours = row->ours,
		.best = p->other_ms,
		.unit = row->unit,
		.best_is = "it reads all, keeps the highest status" };

	if (b->node != NULL)
		lab_row(&beside);
}

static void
with_node(const struct bench *b, const struct heap *h, struct pair *p)
{
	p->other[0] = b->node;
	p->other[1] = b->script;
	p->other[2] = h->folder;
	p->other[3] = b->folder;
}

static enum err
row_consolidate(struct bench *b, struct err_info *e)
{
	const struct heap h = { b->todos, b->files, FEW_OF_A_FILE,
		b->files * FEW_OF_A_FILE * TEXTS_OF_100 / 100 };
	struct pair p = { .ours = { b->clowder, "consolidate", b->todos },
		.bare = { b->bare, "files", "", b->todos },
		.before = fresh_home };
	struct lab_row row = { .what = arena_fmt(&b->arena,
		                   "consolidate, %zu new files", b->files),
		.target = consolidate_ms,
		.best_is = "read them, commit a row each" };
	enum err rc = make_todos(b, &h, e);

	with_node(b, &h, &p);
	if (rc == ERR_OK)
		rc = measure(b, &p, &row, e);
	if (rc != ERR_OK)
		return rc;
	lab_row(&row);
	beside_node(b, &p, &row);
	p.before = NULL; /* the last home has seen them */
	p.other[0] = NULL;
	p.bare[1] = "look";
	row.what = "  again, none changed";
	row.best_is = "look at each file's times";
	row.target = 0;
	rc = measure(b, &p, &row, e);
	if (rc == ERR_OK)
		lab_row(&row);
	return rc;
}

static const struct heap *
many(struct bench *b)
{
	struct heap *h = arena_array(&b->arena, 1, sizeof *h);

	if (h == NULL)
		return NULL;
	/* As many again as are there more than once: half are distinct. */
	*h = (struct heap){ arena_fmt(&b->arena, "%s/many", b->folder), b->many,
		MANY_OF_A_FILE, b->many * MANY_OF_A_FILE * 5 / 8 };
	return h;
}

static enum err
next_change(struct bench *b, struct pair *p, size_t round, struct err_info *e)
{
	const struct heap h = { p->ours[2], b->many, MANY_OF_A_FILE,
		b->many * MANY_OF_A_FILE * 5 / 8 };

	return make_file(b, &h, round % h.files, 1 + (unsigned)(round % 2), e);
}

static enum err
row_many(struct bench *b, struct err_info *e)
{
	const struct heap *h = many(b);
	struct pair p = { .before = fresh_home, .rounds = 1 + b->rounds / 50 };
	struct lab_row row = { .what = arena_fmt(&b->arena,
		                   "consolidate, %zu files of %d", b->many,
		                   MANY_OF_A_FILE),
		.target = many_ms,
		.best_is = "read them, commit a row each" };
	enum err rc;

	if (h == NULL || h->folder == NULL)
		return err_set(e, ERR_NOMEM);
	p.ours[0] = b->clowder, p.ours[1] = "consolidate",
	p.ours[2] = h->folder;
	p.bare[0] = b->bare, p.bare[1] = "files", p.bare[3] = h->folder;
	rc = make_todos(b, h, e);
	with_node(b, h, &p);
	if (rc == ERR_OK)
		rc = measure(b, &p, &row, e);
	if (rc != ERR_OK)
		return rc;
	lab_row(&row);
	beside_node(b, &p, &row);
	p.before = next_change;
	p.rounds = 1 + b->rounds / 5;
	p.other[0] = NULL;
	p.bare[1] = "change";
	row.what = "  again, one changed";
	row.best_is = "look at each file's times, commit a row";
	row.target = one_of_many_ms;
	rc = measure(b, &p, &row, e);
	if (rc != ERR_OK)
		return rc;
	lab_row(&row);
	with_node(b, h, &p);
	p.rounds = 1 + b->rounds / 50;
	rc = measure(b, &p, &row, e);
	if (rc == ERR_OK)
		beside_node(b, &p, &row);
	return rc;
}

static const struct {
	const char *name;
	enum err (*run)(struct bench *b, struct err_info *e);
} rows[] = {
	{ "version", row_version },
	{ "move", row_move },
	{ "board", row_board },
	{ "consolidate", row_consolidate },
	{ "many", row_many },
};

static enum err
run(struct bench *b, char **names, int n, struct err_info *e)
{
	enum err rc = make_work(b, e);

	for (size_t r = 0; r < sizeof rows / sizeof rows[0]; r++) {
		bool wanted = n == 0;

		for (int i = 0; i < n; i++)
			wanted = wanted || strcmp(names[i], rows[r].name) == 0;
		if (wanted && rc == ERR_OK)
			rc = rows[r].run(b, e);
	}
	return rc;
}

int
main(int argc, char **argv)
{
	struct bench b = { .events = 100000,
		.packages = PACKAGES,
		.rounds = 101,
		.files = 264,
		.many = 10000 };
	struct err_info e = { 0 };
	int at = 3;
	enum err rc;

	for (; at + 1 < argc && argv[at][0] == '-'; at += 2)
		if (!lab_number(argv + at, "--events", &b.events) &&
		    !lab_number(argv + at, "--packages", &b.packages) &&
		    !lab_number(argv + at, "--rounds", &b.rounds) &&
		    !lab_number(argv + at, "--files", &b.files) &&
		    !lab_number(argv + at, "--many", &b.many))
			break;
	if (argc < 3 || (at < argc && argv[at][0] == '-') || b.rounds == 0 ||
	    b.rounds > ROUNDS_MAX ||
	    b.packages * GEN_BOARD_EVENTS_MIN > b.events ||
	    b.rounds >= b.packages / 4) {
		(void)fprintf(stderr,
		    "usage: bench_cli CLOWDER BENCH-FOLDER [--events N] "
		    "[--packages N] [--rounds N] [--files N] [--many N] "
		    "[ROW...]\n");
		return 2;
	}
	b.clowder = argv[1];
	b.programs = argv[2];
	b.nothing = arena_fmt(&b.arena, "%s/nothing", argv[2]);
	b.bare = arena_fmt(&b.arena, "%s/bare", argv[2]);
	b.node = getenv("BENCH_NODE");
	b.script = getenv("BENCH_SCRIPT");
	if (b.script == NULL)
		b.node = NULL;
	rc = run(&b, argv + at, argc - at, &e);
	if (rc != ERR_OK)
		(void)fprintf(stderr, "bench_cli: %s\n", e.text);
	lab_folder_remove(b.folder);
	arena_fini(&b.arena);
	return rc != ERR_OK;
}
