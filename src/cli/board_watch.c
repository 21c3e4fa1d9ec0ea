/* Path: the store is followed; when it changes the cards are loaded again and the
 * board drawn.  A key may move a card: that is `wp move`, with its rules and its
 * errors.
 *
 * The terminal is given back on every path; only then is an error printed. */
#include "board_watch.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "after.h"
#include "clock.h"
#include "fault.h"
#include "follow.h"
#include "map.h"
#include "proc.h"
#include "screen.h"
#include "status.h"
#include "view.h"
#include "wall.h"
#include "when.h"

enum {
	STATUS_MS = 10000, /* ages in the status line grow */
	WHO_MAX = 500,
	WORDS_MAX = 12
};

struct live {
	struct cli *c;
	struct out quiet; /* what commands say while the board is up */
	int null;         /* own */
	struct follow *f; /* own */
	struct screen *s; /* own */
	struct wall wall;
	struct arena a; /* of what the cards hold now */
	struct arena of_status, of_picture;
	bool stale; /* the cards are to be loaded again */
	uint64_t status_due_ms;
};

/* --- cards ------------------------------------------------------------------------------ */

static enum err
on_row(void *ctx, struct store *s, const struct log_row *row,
    struct err_info *e)
{
	(void)s, (void)row, (void)e;
	((struct live *)ctx)->stale = true;
	return ERR_OK;
}

static void
on_ring(void *ctx)
{
	((struct live *)ctx)->stale = true;
}

static void
on_lost(void *ctx, const char *why)
{
	struct live *l = ctx;

	l->stale = true;
	wall_say(&l->wall, true, why);
}

static unsigned
lane_number(struct str lane)
{
	unsigned k = 0;

	while (k + 1 < WALL_LANES && !str_is(lane, wall_lane[k]))
		k++;
	return k;
}

static void
card_of(struct work *w, const struct view *v, bool several, struct wall_card *c)
{
	char *waits = v->waits.n > 0 ?
	    arena_fmt(w->a, "waits for %.*s", STR_ARG(v->waits)) :
	    NULL;
	char *name = several ? arena_fmt(w->a, "%.*s/%.*s", STR_ARG(v->feature),
	                           STR_ARG(v->shown)) :
	                       NULL;

	*c = (struct wall_card){ .key = v->key,
		.shown = name != NULL ? str_of(name) : v->shown,
		.title = v->title,
		.who = v->who,
		.description = v->description,
		.priority = v->priority,
		.waits = str_of(waits),
		.conflict = v->conflicts > 0,
		.lane = lane_number(v->state) };
}

static int
by_lane(const void *a, const void *b)
{
	const struct wall_card *x = a, *y = b;

	if (x->lane != y->lane)
		return x->lane < y->lane ? -1 : 1;
	return str_cmp(x->key, y->key);
}

/* Work packages of features that are archived are not shown. */
static enum err
archived_of(struct work *w, struct map *archived, size_t *n, struct err_info *e)
{
	static char is[] = "archived";
	struct views l = { 0 };
	enum err rc =
	    views_load(w, w->space, w->project, AGG_FEATURE, STR(""), &l, e);

	for (size_t i = 0; rc == ERR_OK && i < l.n; i++) {
		*n += !l.v[i].archived;
		if (l.v[i].archived && !map_put(archived, l.v[i].key, is))
			rc = err_set(e, ERR_NOMEM);
	}
	views_fini(&l);
	return rc;
}

static enum err
cards_of(struct work *w, struct str only, struct wall_card **ret, size_t *n,
    struct err_info *e)
{
	struct map archived = { 0 };
	struct views l = { 0 };
	size_t features = 0;
	enum err rc = archived_of(w, &archived, &features, e);

	*n = 0;
	if (rc == ERR_OK)
		rc = views_load(w, w->space, w->project, AGG_WORK_PACKAGE, only,
		    &l, e);
	if (rc == ERR_OK)
		rc = views_who(w, w->space, &l, WHO_MAX, e);
	*ret = rc == ERR_OK ? arena_array(w->a, l.n + 1, sizeof **ret) : NULL;
	if (rc == ERR_OK && *ret == NULL)
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; rc == ERR_OK && i < l.n; i++)
		if (!l.v[i].archived && l.v[i].feature.n > 0 &&
		    (only.n > 0 || map_get(&archived, l.v[i].feature) == NULL))
			card_of(w, &l.v[i], only.n == 0 && features > 1,
			    &(*ret)[(*n)++]);
	if (rc == ERR_OK && *n > 0)
		qsort(*ret, *n, sizeof **ret, by_lane);
	views_fini(&l);
	map_fini(&archived);
	return rc;
}

/* With a context of its own: the space may be another one by now.  Its arena is
 * what the cards live in. */
static enum err
load(struct live *l, struct err_info *e)
{
	struct cli c = *l->c;
	struct ctx ctx;
	struct work w = { 0 };
	struct wall_card *card = NULL;
	struct str only = { 0 };
	const char *feature = cli_opt(l->c, "feature");
	size_t n = 0;
	char *title;
	enum err rc;

	ctx_init(&ctx, l->c->ctx->program);
	c.ctx = &ctx;
	c.out = &l->quiet;
	c.hint = (struct buf){ 0 };
	rc = work_read(&w, &c, e);
	if (rc == ERR_OK && feature != NULL)
		rc = work_feature(&w, feature, &only, e);
	if (rc == ERR_OK)
		rc = cards_of(&w, only, &card, &n, e);
	rc = work_end(&w, rc, e);
	buf_fini(&c.hint);
	if (rc == ERR_OK) {
		title = arena_fmt(&ctx.arena, "%.*s%s%.*s  %zu work package%s",
		    STR_ARG(w.draft.project_slug), only.n > 0 ? "  " : "",
		    STR_ARG(only), n, n == 1 ? "" : "s");
		rc = title != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	if (rc == ERR_OK) {
		l->wall.title = str_of(title);
		wall_cards(&l->wall, card, n);
		/* What they lived in until now goes. */
		arena_fini(&l->a);
		l->a = ctx.arena;
		ctx.arena = (struct arena){ 0 };
	}
	ctx_fini(&ctx);
	return rc;
}

/* --- the state of the connection -------------------------------------------------------- */

/* That nothing waits here is all that is known where nobody listens. */
static bool
knows_no_more(const struct status *st)
{
	return st->word == STATUS_IN_STEP && !st->daemon.live;
}

static void
say_status(const struct status *st, struct buf *b)
{
	int64_t now = os_wall_ms();
	const char *word =
	    knows_no_more(st) ? "nothing waits" : status_word_name(st->word);

	for (; *word != '\0'; word++)
		buf_addc(b, *word == '_' ? ' ' : *word);
	if (st->unacked > 0)
		buf_addf(b, "  %llu waiting", (unsigned long long)st->unacked);
	if (st->oldest_ms > 0) {
		buf_adds(b, ", the oldest ");
		when_ago(st->oldest_ms, now, b);
	}
	if (st->refused > 0)
		buf_addf(b, "  %llu refused", (unsigned long long)st->refused);
	if (st->server_url.n == 0)
		return;
	if (st->daemon.live) {
		buf_adds(b, "  live");
		return;
	}
	buf_addf(b, "  %s",
	    !st->daemon.runs             ? "no daemon" :
	        st->daemon.state[0] == 0 ? "starting" :
	                                   st->daemon.state);
	buf_adds(b, "  last contact ");
	if (st->contact_ms > 0)
		when_ago(st->contact_ms, now, b);
	else
		buf_adds(b, "never");
}

static void
add_mode(const struct live *l, struct buf *b)
{
	struct watch_status w;

	follow_status(l->f, &w);
	if (!w.live)
		buf_addf(b, "  looking every %d ms (%s)", FOLLOW_POLL_MS,
		    w.why);
}

static const enum paint word_paint[] = { [STATUS_ATTENTION] = PAINT_BAD,
	[STATUS_LOCAL] = PAINT_DIM,
	[STATUS_OFF] = PAINT_DIM,
	[STATUS_SIGNED_OUT] = PAINT_WARN,
	[STATUS_QUEUED] = PAINT_WARN,
	[STATUS_IN_STEP] = PAINT_GOOD };

static void
load_status(struct live *l)
{
	struct err_info why = { 0 };
	struct status st;
	struct buf b = { 0 };
	struct ctx ctx;
	enum err rc;

	ctx_init(&ctx, l->c->ctx->program);
	rc = status_read(&ctx, &st, &why);
	if (rc == ERR_OK)
		say_status(&st, &b);
	else
		buf_addf(&b, "state not known: %s", why.text);
	add_mode(l, &b);
	arena_reset(&l->of_status);
	l->wall.status = arena_str(&l->of_status, buf_str(&b));
	if (l->wall.status.p == NULL)
		l->wall.status = STR("state not known: out of memory");
	l->wall.status_paint = rc != ERR_OK ? PAINT_BAD :
	    !knows_no_more(&st)             ? word_paint[st.word] :
	    st.daemon.runs                  ? PAINT_WARN :
	                                      PAINT_DIM;
	l->status_due_ms = os_mono_ms() + STATUS_MS;
	buf_fini(&b);
	ctx_fini(&ctx);
}

/* --- moves ---------------------------------------------------------------------------------- */

/* The command as it would be typed, but what it prints goes nowhere. */
static enum err
run_quietly(struct live *l, int argc, char **argv, struct err_info *e)
{
	struct ctx ctx;
	struct cli c = { .ctx = &ctx, .out = &l->quiet };
	enum err rc;

	ctx_init(&ctx, l->c->ctx->program);
	rc = cli_parse(&c, argc, argv, e);
	if (rc == ERR_OK)
		rc = c.cmd->run(&c, e);
	if (rc == ERR_OK)
		after_command(&c);
	out_json_drop(&l->quiet);
	out_flush(&l->quiet);
	cli_fini(&c);
	ctx_fini(&ctx);
	return rc;
}

static void
move_card(struct live *l)
{
	const struct wall_card *card = wall_selected(&l->wall);
	struct err_info e = { 0 };
	struct arena a = { 0 };
	char *argv[WORDS_MAX];
	struct str word[WORDS_MAX];
	int n = 0;
	enum err rc = ERR_OK;

	if (card == NULL)
		return;
	word[n++] = STR("wp");
	word[n++] = STR("move");
	if (l->wall.reason.len > 0) {
		word[n++] = STR("--reason");
		word[n++] = buf_str(&l->wall.reason);
	}
	if (l->wall.review.len > 0) {
		word[n++] = STR("--review-ref");
		word[n++] = buf_str(&l->wall.review);
	}
	word[n++] = STR("--");
	word[n++] = card->key;
	word[n++] = str_of(wall_lane[l->wall.move_to]);
	for (int i = 0; rc == ERR_OK && i < n; i++) {
		argv[i] = arena_dup(&a, word[i]);
		rc = argv[i] != NULL ? ERR_OK : err_set(&e, ERR_NOMEM);
	}
	if (rc == ERR_OK)
		rc = run_quietly(l, n, argv, &e);
	wall_say(&l->wall, rc != ERR_OK, rc != ERR_OK ? e.text : "moved");
	l->stale = true;
	arena_fini(&a);
}

/* --- the loop ------------------------------------------------------------------------------- */

static void
draw(struct live *l)
{
	struct wall_picture p;
	unsigned columns, rows;

	arena_reset(&l->of_picture);
	screen_size(l->s, &columns, &rows);
	wall_draw(&l->wall, columns, rows, &l->of_picture, &p);
	screen_draw(l->s, &p);
}

static int
wait_ms(const struct live *l)
{
	uint64_t due = follow_due_ms(l->f), now = os_mono_ms();

	due = due < l->status_due_ms ? due : l->status_due_ms;
	return due <= now ? 0 : (int)(due - now);
}

/* *over: q, a signal, or the terminal went. */
static enum err
wait_more(struct live *l, bool *over, struct err_info *e)
{
	struct pollfd p[] = {
		{ .fd = STDIN_FILENO, .events = POLLIN },
		{ .fd = follow_fd(l->f), .events = POLLIN },
		{ .fd = os_signal_fd(), .events = POLLIN },
		{ .fd = screen_fd(l->s), .events = POLLIN },
	};
	uint32_t key;
	int n = poll(p, sizeof p / sizeof *p, wait_ms(l));

	if (n < 0 && errno != EINTR)
		return err_sys(e, errno, "poll");
	*over = os_signal_caught() != 0 ||
	    (n > 0 && (p[0].revents & (POLLERR | POLLHUP | POLLNVAL)) != 0);
	while (!*over && screen_key(l->s, &key)) {
		enum wall_act act = wall_key(&l->wall, key);

		*over = act == WALL_QUIT;
		if (act == WALL_MOVE)
			move_card(l);
	}
	return ERR_OK;
}

static enum err
go_on(struct live *l, struct err_info *e)
{
	bool over = false;
	enum err rc = ERR_OK;

	l->stale = true;
	while (rc == ERR_OK && !over) {
		if (l->stale)
			rc = load(l, e);
		if (rc == ERR_OK &&
		    (l->stale || os_mono_ms() >= l->status_due_ms))
			load_status(l);
		l->stale = false;
		if (rc != ERR_OK)
			break;
		draw(l);
		rc = wait_more(l, &over, e);
		if (rc == ERR_OK && !over)
			rc = follow_turn(l->f, os_mono_ms(), e);
	}
	return rc;
}

enum err
board_watch(struct cli *c, struct err_info *e)
{
	struct live l = { .c = c,
		.null = open("/dev/null", O_WRONLY | O_CLOEXEC) };
	struct follow_options opt = { .env = ctx_store_env(),
		.world = watch_world_system(),
		.poll_ms = FOLLOW_POLL_MS,
		.look_ms = FOLLOW_LOOK_MS,
		.on_row = on_row,
		.on_ring = on_ring,
		.on_lost = on_lost,
		.ctx = &l };
	enum err rc = ctx_home(c->ctx, &opt.home, e);

	wall_init(&l.wall);
	out_init(&l.quiet, l.null, l.null, false);
	if (rc == ERR_OK && l.null < 0)
		rc = err_sys(e, errno, "/dev/null");
	if (rc == ERR_OK)
		rc = os_signals_catch(e);
	if (rc == ERR_OK)
		rc = follow_open(&l.f, &opt, e);
	if (rc == ERR_OK)
		rc = screen_open(&l.s, c->out->colour, e);
	if (rc == ERR_OK)
		rc = go_on(&l, e);
	screen_close(l.s);
	follow_close(l.f);
	wall_fini(&l.wall);
	arena_fini(&l.a);
	arena_fini(&l.of_status);
	arena_fini(&l.of_picture);
	out_fini(&l.quiet);
	if (l.null >= 0)
		(void)close(l.null);
	return rc == ERR_OK && os_signal_caught() != 0 ?
	    cli_exit(c, err_exit(ERR_INTERRUPTED)) :
	    rc;
}
