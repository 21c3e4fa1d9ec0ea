#include "screen.h"

#define NCURSES_NOMACROS
#define NCURSES_WIDECHAR 1
#include <curses.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "fault.h"
#include "load.h"

/* clang-format off */
#define CURSES_TABLE(X)                                                        \
	X(cbreak) X(curs_set) X(delscreen) X(doupdate) X(endwin)               \
	X(init_pair) X(keypad) X(meta) X(newterm) X(nodelay) X(noecho)         \
	X(nonl) X(resizeterm) X(set_escdelay) X(start_color)                   \
	X(use_default_colors) X(waddnstr) X(wattr_set) X(werase)               \
	X(wget_wch) X(wmove) X(wnoutrefresh)
/* clang-format on */

struct curses {
#define X(f) __typeof__(&(f)) f##_;
	CURSES_TABLE(X)
#undef X
	WINDOW **window; /* stdscr of the library */
};

static const struct load_symbol symbols[] = {
#define X(f) { #f, offsetof(struct curses, f##_) },
	CURSES_TABLE(X)
#undef X
	    { "stdscr", offsetof(struct curses, window) },
};

enum { ESCAPE_MS = 25 };

struct screen {
	struct curses c;
	SCREEN *screen;
	bool colour;
	unsigned columns, rows;
};

/* A signal's handler reaches only what is static. */
static int wake[2] = { -1, -1 };

static void
resized(int sig)
{
	int err = errno;
	ssize_t n = write(wake[1], "", 1); /* a full pipe is readable already */

	(void)sig, (void)n;
	errno = err;
}

static enum err
watch_size(struct err_info *e)
{
	struct sigaction sa = { .sa_handler = resized };

	if (wake[0] < 0 && pipe2(wake, O_CLOEXEC | O_NONBLOCK) != 0)
		return err_sys(e, errno, "pipe");
	if (sigemptyset(&sa.sa_mask) != 0 ||
	    sigaction(SIGWINCH, &sa, NULL) != 0)
		return err_sys(e, errno, "signal %d", SIGWINCH);
	return ERR_OK;
}

int
screen_fd(const struct screen *s)
{
	(void)s;
	return wake[0];
}

/* A table is drawn by hand: */
/* clang-format off */
static const struct {
	short colour;
	attr_t attr;
} paints[PAINT_COUNT] = {
	[PAINT_NONE] = { -1, A_NORMAL },
	[PAINT_TITLE] = { -1, A_BOLD },
	[PAINT_ID] = { COLOR_CYAN, A_NORMAL },
	[PAINT_GOOD] = { COLOR_GREEN, A_NORMAL },
	[PAINT_ACTIVE] = { COLOR_BLUE, A_NORMAL },
	[PAINT_REVIEW] = { COLOR_MAGENTA, A_NORMAL },
	[PAINT_WARN] = { COLOR_YELLOW, A_NORMAL },
	[PAINT_BAD] = { COLOR_RED, A_NORMAL },
	[PAINT_DIM] = { -1, A_DIM },
};
static const struct {
	wint_t from;
	uint32_t to;
} special[] = {
	{ KEY_LEFT, KEY_WALL_LEFT }, { KEY_RIGHT, KEY_WALL_RIGHT },
	{ KEY_UP, KEY_WALL_UP }, { KEY_DOWN, KEY_WALL_DOWN },
	{ KEY_PPAGE, KEY_WALL_PAGE_UP }, { KEY_NPAGE, KEY_WALL_PAGE_DOWN },
	{ KEY_HOME, KEY_WALL_HOME }, { KEY_END, KEY_WALL_END },
	{ KEY_BACKSPACE, KEY_WALL_BACKSPACE }, { KEY_ENTER, KEY_WALL_ENTER },
};
/* clang-format on */

/* What is drawn is UTF-8, whatever the locale says of other things. */
static void
speak_utf8(void)
{
	if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX < 4)
		(void)setlocale(LC_CTYPE, "C.UTF-8");
}

static void
colours(struct screen *s)
{
	s->colour = s->colour && s->c.start_color_() == OK &&
	    s->c.use_default_colors_() == OK;
	for (short i = 0; s->colour && i < PAINT_COUNT; i++)
		(void)s->c.init_pair_((short)(i + 1), paints[i].colour, -1);
}

static void
settings(struct screen *s)
{
	(void)s->c.cbreak_();
	(void)s->c.noecho_();
	(void)s->c.nonl_();
	(void)s->c.set_escdelay_(ESCAPE_MS);
	(void)s->c.keypad_(*s->c.window, TRUE);
	(void)s->c.meta_(*s->c.window, TRUE);
	(void)s->c.nodelay_(*s->c.window, TRUE);
	(void)s->c.curs_set_(0);
	colours(s);
}

enum err
screen_open(struct screen **ret, bool colour, struct err_info *e)
{
	struct screen *s = mem_zero(sizeof *s);
	const char *missing;
	enum err rc = ERR_OK;

	*ret = NULL;
	if (s == NULL)
		return err_set(e, ERR_NOMEM);
	s->colour = colour;
	missing = load_symbols("libncursesw.so.6", symbols,
	    sizeof symbols / sizeof *symbols, &s->c);
	if (missing != NULL) {
		rc = err_setf(e, ERR_UNSUPPORTED,
		    "ncurses cannot be loaded (%s): install the package "
		    "libncursesw6",
		    missing);
	} else {
		rc = watch_size(e);
		speak_utf8();
		if (rc == ERR_OK)
			s->screen = s->c.newterm_(NULL, stdout, stdin);
		if (s->screen == NULL && rc == ERR_OK)
			rc = err_setf(e, ERR_UNSUPPORTED,
			    "this terminal cannot be drawn on (TERM=%s)",
			    getenv("TERM") != NULL ? getenv("TERM") : "");
	}
	if (rc != ERR_OK) {
		free(s);
		return rc;
	}
	settings(s);
	*ret = s;
	return ERR_OK;
}

void
screen_close(struct screen *s)
{
	if (s == NULL)
		return;
	(void)s->c.endwin_();
	s->c.delscreen_(s->screen);
	free(s);
}

void
screen_size(struct screen *s, unsigned *columns, unsigned *rows)
{
	struct winsize size = { 0 };
	char note[16];

	while (read(wake[0], note, sizeof note) > 0)
		continue;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 ||
	    size.ws_row == 0)
		size = (struct winsize){ .ws_row = 24, .ws_col = 80 };
	if (size.ws_col != s->columns || size.ws_row != s->rows)
		(void)s->c.resizeterm_(size.ws_row, size.ws_col);
	*columns = s->columns = size.ws_col;
	*rows = s->rows = size.ws_row;
}

void
screen_draw(struct screen *s, const struct wall_picture *p)
{
	WINDOW *w = *s->c.window;

	(void)s->c.werase_(w);
	for (size_t i = 0; i < p->n; i++) {
		const struct wall_span *span = &p->span[i];
		attr_t attr = paints[span->paint].attr;

		if (span->reverse)
			attr |= A_REVERSE;
		(void)s->c.wattr_set_(w, attr,
		    (short)(s->colour ? (int)span->paint + 1 : 0), NULL);
		(void)s->c.wmove_(w, (int)span->row, (int)span->column);
		(void)s->c.waddnstr_(w, span->text.p, (int)span->text.n);
	}
	(void)s->c.wnoutrefresh_(w);
	(void)s->c.doupdate_();
}

bool
screen_key(struct screen *s, uint32_t *key)
{
	wint_t wc = 0;
	int what = s->c.wget_wch_(*s->c.window, &wc);

	*key = 0;
	if (what == ERR)
		return false;
	if (what == OK) {
		*key = wc == '\r'           ? (uint32_t)KEY_WALL_ENTER :
		    wc == 127 || wc == '\b' ? (uint32_t)KEY_WALL_BACKSPACE :
		                              (uint32_t)wc;
		return true;
	}
	for (size_t i = 0; i < sizeof special / sizeof *special; i++)
		if (special[i].from == wc)
			*key = special[i].to;
	return true;
}
