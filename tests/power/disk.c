/* Path: a call is done and recorded with its bytes; an image replays the record
 * over files in memory that hold what is on the disk and what is on its way. */
#include "disk.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "t.h"

enum { FDS_MAX = 1024, SECTOR = 512, PAGE = 4096, NO_FILE = -1, FOLDER = -2 };

enum what { MAKE, WRITE, CUT, SYNC, SYNC_FOLDER, MOVE, REMOVE, LOSE };

struct call {
	enum what what;
	int file;    /* number; FOLDER: makes one; NO_FILE: the call has none */
	uint64_t at; /* WRITE: where; CUT: to which length */
	size_t n;
	uint8_t *bytes;  /* own */
	char *name, *to; /* own: below the folder */
};

struct name {
	char *text;
	int file;
};

static struct {
	bool on, no_sync;
	char folder[512];
	struct call *call;
	size_t n, cap;
	int files;
	int fd_file[FDS_MAX];     /* number + 1; 0 = not ours */
	char *fd_folder[FDS_MAX]; /* own: of which folder it is */
	uint64_t fd_at[FDS_MAX];
	struct name *name; /* as the running program sees them */
	size_t n_names, cap_names;
	int fail_kinds, fail_error;
	long fail_in; /* calls; -1: none */
	bool fail_on, failed;
} disk = { .fail_in = -1 };

static void *
grow(void *p, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return p;
	*cap = need * 2;
	p = realloc(p, *cap * size);
	if (p == NULL)
		abort();
	return p;
}

static char *
copy_text(const char *z)
{
	char *s = strdup(z);

	if (s == NULL)
		abort();
	return s;
}

/* --- recording ----------------------------------------------------------------- */

/* The part of a path behind the folder, "" for the folder itself; NULL where it
 * is elsewhere. */
static const char *
below(const char *path)
{
	size_t n = strlen(disk.folder);

	if (!disk.on || strncmp(path, disk.folder, n) != 0)
		return NULL;
	if (path[n] == '\0')
		return "";
	return path[n] == '/' ? path + n + 1 : NULL;
}

static struct call *
record(enum what what, int file)
{
	disk.call = grow(disk.call, &disk.cap, disk.n + 1, sizeof *disk.call);
	disk.call[disk.n] = (struct call){ .what = what, .file = file };
	return &disk.call[disk.n++];
}

static struct name *
find_name(struct name *name, size_t n, const char *text)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(name[i].text, text) == 0)
			return &name[i];
	return NULL;
}

static void
put_name(struct name **name, size_t *n, size_t *cap, const char *text, int file)
{
	struct name *at = find_name(*name, *n, text);

	if (at != NULL) {
		at->file = file;
		return;
	}
	*name = grow(*name, cap, *n + 1, sizeof **name);
	(*name)[(*n)++] = (struct name){ copy_text(text), file };
}

static void
drop_name(struct name *name, size_t *n, const char *text)
{
	struct name *at = find_name(name, *n, text);

	if (at == NULL)
		return;
	free(at->text);
	*at = name[--*n];
}

static void
opened(int fd, const char *path, int flags)
{
	const char *text = below(path);
	struct name *name;
	struct stat st;
	int file;

	if (text == NULL || fd < 0 || fd >= FDS_MAX || fstat(fd, &st) != 0)
		return;
	disk.fd_at[fd] = 0;
	if (S_ISDIR(st.st_mode)) {
		disk.fd_folder[fd] = copy_text(text);
		return;
	}
	name = find_name(disk.name, disk.n_names, text);
	if (name == NULL) {
		struct call *c = record(MAKE, disk.files);

		c->name = copy_text(text);
		put_name(&disk.name, &disk.n_names, &disk.cap_names, text,
		    disk.files++);
		name = find_name(disk.name, disk.n_names, text);
	}
	file = name->file;
	disk.fd_file[fd] = file + 1;
	if (flags & O_TRUNC)
		record(CUT, file);
}

static void
wrote(int fd, uint64_t at, const void *bytes, ssize_t n)
{
	struct call *c;

	if (fd < 0 || fd >= FDS_MAX || disk.fd_file[fd] == 0 || n <= 0)
		return;
	c = record(WRITE, disk.fd_file[fd] - 1);
	c->at = at;
	c->n = (size_t)n;
	c->bytes = malloc((size_t)n);
	if (c->bytes == NULL)
		abort();
	memcpy(c->bytes, bytes, (size_t)n);
}

/* What stands before the last slash: the folder that a name is in. */
static size_t
folder_n(const char *name)
{
	const char *slash = strrchr(name, '/');

	return slash != NULL ? (size_t)(slash - name) : 0;
}

static bool
same_folder(const char *a, const char *b)
{
	size_t n = folder_n(a);

	return folder_n(b) == n && strncmp(a, b, n) == 0;
}

/* Between two folders each has its own half of it to sync. */
static void
moved(const char *from, const char *to)
{
	struct name *name = find_name(disk.name, disk.n_names, from);
	struct call *c;
	int file;

	if (name == NULL)
		return;
	file = name->file;
	if (same_folder(from, to)) {
		c = record(MOVE, file);
		c->to = copy_text(to);
	} else {
		record(MAKE, file)->name = copy_text(to);
		c = record(REMOVE, NO_FILE);
	}
	c->name = copy_text(from);
	drop_name(disk.name, &disk.n_names, from);
	put_name(&disk.name, &disk.n_names, &disk.cap_names, to, file);
}

void
disk_fail(int kinds, long n, int error, bool on)
{
	disk.fail_kinds = kinds;
	disk.fail_in = n;
	disk.fail_error = error;
	disk.fail_on = on;
	disk.failed = false;
}

bool
disk_failed(void)
{
	return disk.failed;
}

static bool
fails(int kind)
{
	if (!disk.on || disk.fail_in < 0 || (disk.fail_kinds & kind) == 0)
		return false;
	if (disk.fail_in > 0) {
		disk.fail_in--;
		return false;
	}
	if (!disk.fail_on)
		disk.fail_in = -1;
	disk.failed = true;
	errno = disk.fail_error;
	return true;
}

static bool
is_ours(int fd)
{
	return fd >= 0 && fd < FDS_MAX &&
	    (disk.fd_file[fd] > 0 || disk.fd_folder[fd] != NULL);
}

/* True: this sync fails. */
static bool
sync_fails(int fd)
{
	if (!is_ours(fd) || !fails(DISK_SYNCS))
		return false;
	if (disk.fd_file[fd] > 0)
		record(LOSE, disk.fd_file[fd] - 1);
	return true;
}

static void
synced(int fd)
{
	if (fd < 0 || fd >= FDS_MAX)
		return;
	if (disk.fd_folder[fd] != NULL)
		record(SYNC_FOLDER, NO_FILE)->name =
		    copy_text(disk.fd_folder[fd]);
	else if (disk.fd_file[fd] > 0)
		record(SYNC, disk.fd_file[fd] - 1);
}

/* --- the calls ----------------------------------------------------------------- */

static void *
real(const char *name)
{
	void *p = dlsym(RTLD_NEXT, name);

	if (p == NULL)
		abort();
	return p;
}

#define REAL(type, name) \
	static type call; \
	if (call == NULL) { \
		void *p = real(name); \
		memcpy(&call, &p, sizeof call); \
	}

static int
open_file(const char *path, int flags, mode_t mode)
{
	typedef int fn(const char *, int, ...);
	REAL(fn *, "open64")
	int fd;

	if (below(path) != NULL) {
		bool there = access(path, F_OK) == 0;

		if (there ? fails(DISK_OPENS) :
		            (flags & O_CREAT) && fails(DISK_NAMES))
			return -1;
	}
	fd = call(path, flags | O_CLOEXEC, mode);
	opened(fd, path, flags);
	return fd;
}

/* With 64-bit offsets the compiler makes open64, pwrite64 and ftruncate64 of
 * these names, which is what the libraries call. */
int
open(const char *path, int flags, ...)
{
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	return open_file(path, flags, mode);
}

int
close(int fd)
{
	typedef int fn(int);
	REAL(fn *, "close")

	if (fd >= 0 && fd < FDS_MAX) {
		disk.fd_file[fd] = 0;
		free(disk.fd_folder[fd]);
		disk.fd_folder[fd] = NULL;
	}
	return call(fd);
}

static int
bad_call(void)
{
	errno = disk.fail_error;
	return -1;
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	typedef ssize_t fn(int, const void *, size_t);
	REAL(fn *, "write")
	bool bad = is_ours(fd) && fails(DISK_WRITES);
	ssize_t done = call(fd, bytes, bad ? n / 2 : n);

	if (done > 0 && fd >= 0 && fd < FDS_MAX) {
		wrote(fd, disk.fd_at[fd], bytes, done);
		disk.fd_at[fd] += (uint64_t)done;
	}
	return bad ? bad_call() : done;
}

ssize_t
pwrite(int fd, const void *bytes, size_t n, off_t at)
{
	typedef ssize_t fn(int, const void *, size_t, off_t);
	REAL(fn *, "pwrite64")
	bool bad = is_ours(fd) && fails(DISK_WRITES);
	ssize_t done = call(fd, bytes, bad ? n / 2 : n, at);

	wrote(fd, (uint64_t)at, bytes, done);
	return bad ? bad_call() : done;
}

ssize_t
pread(int fd, void *bytes, size_t n, off_t at)
{
	typedef ssize_t fn(int, void *, size_t, off_t);
	REAL(fn *, "pread64")

	return is_ours(fd) && fails(DISK_READS) ? -1 : call(fd, bytes, n, at);
}

int
ftruncate(int fd, off_t length)
{
	typedef int fn(int, off_t);
	REAL(fn *, "ftruncate64")
	int rc = is_ours(fd) && fails(DISK_WRITES) ? -1 : call(fd, length);

	if (rc == 0 && fd >= 0 && fd < FDS_MAX && disk.fd_file[fd] > 0)
		record(CUT, disk.fd_file[fd] - 1)->at = (uint64_t)length;
	return rc;
}

int
fsync(int fd)
{
	typedef int fn(int);
	REAL(fn *, "fsync")

	if (sync_fails(fd))
		return -1;
	synced(fd);
	return disk.no_sync ? 0 : call(fd);
}

int
fdatasync(int fd)
{
	typedef int fn(int);
	REAL(fn *, "fdatasync")

	if (sync_fails(fd))
		return -1;
	synced(fd);
	return disk.no_sync ? 0 : call(fd);
}

int
rename(const char *from, const char *to)
{
	typedef int fn(const char *, const char *);
	REAL(fn *, "rename")
	const char *a = below(from), *b = below(to);
	int rc = a != NULL && fails(DISK_NAMES) ? -1 : call(from, to);

	if (rc == 0 && a != NULL && b != NULL)
		moved(a, b);
	return rc;
}

int
mkdir(const char *path, mode_t mode)
{
	typedef int fn(const char *, mode_t);
	REAL(fn *, "mkdir")
	const char *text = below(path);
	int rc = text != NULL && fails(DISK_NAMES) ? -1 : call(path, mode);

	if (rc == 0 && text != NULL && text[0] != '\0') {
		record(MAKE, FOLDER)->name = copy_text(text);
		put_name(&disk.name, &disk.n_names, &disk.cap_names, text,
		    FOLDER);
	}
	return rc;
}

int
unlink(const char *path)
{
	typedef int fn(const char *);
	REAL(fn *, "unlink")
	const char *text = below(path);
	int rc = text != NULL && fails(DISK_NAMES) ? -1 : call(path);

	if (rc == 0 && text != NULL &&
	    find_name(disk.name, disk.n_names, text) != NULL) {
		record(REMOVE, NO_FILE)->name = copy_text(text);
		drop_name(disk.name, &disk.n_names, text);
	}
	return rc;
}

/* --- the record ----------------------------------------------------------------- */

void
disk_record(const char *folder)
{
	disk_free();
	disk.no_sync = true;
	if (snprintf(disk.folder, sizeof disk.folder, "%s", folder) < 0)
		abort();
	disk.on = true;
}

void
disk_stop(void)
{
	disk.on = false;
}

size_t
disk_calls(void)
{
	return disk.n;
}

static const char *
last_name(int file, size_t n)
{
	const char *name = "?";

	for (size_t i = 0; i <= n && i < disk.n; i++)
		if (disk.call[i].file == file && disk.call[i].name != NULL)
			name = disk.call[i].to ? disk.call[i].to :
			                         disk.call[i].name;
	return name;
}

const char *
disk_call(size_t n)
{
	static const char *const words[] = { "make", "write", "truncate",
		"sync", "sync the folder", "rename", "remove", "fail to sync" };
	static char text[256];
	const struct call *c;

	if (n >= disk.n)
		return "the end";
	c = &disk.call[n];
	if (snprintf(text, sizeof text, "%s %s %llu+%zu", words[c->what],
	        c->name                ? c->name :
	            c->file != NO_FILE ? last_name(c->file, n) :
	                                 "",
	        (unsigned long long)c->at, c->n) < 0)
		abort();
	return text;
}

bool
disk_call_writes(size_t n)
{
	return n >= disk.n || disk.call[n].what != MAKE;
}

void
disk_free(void)
{
	for (size_t i = 0; i < disk.n; i++) {
		free(disk.call[i].bytes);
		free(disk.call[i].name);
		free(disk.call[i].to);
	}
	for (size_t i = 0; i < disk.n_names; i++)
		free(disk.name[i].text);
	for (int i = 0; i < FDS_MAX; i++)
		free(disk.fd_folder[i]);
	free(disk.call);
	free(disk.name);
	memset(&disk, 0, sizeof disk);
	disk.fail_in = -1;
}

/* --- images ---------------------------------------------------------------------- */

struct content {
	uint8_t *p; /* own */
	size_t n, cap;
	struct content
	    *held;       /* own: what the system holds; once a sync failed */
	size_t *pending; /* own: calls since its last sync */
	size_t n_pending, cap_pending;
};

struct image {
	struct content *file;
	struct name *name;
	size_t n_names, cap_names;
	size_t *moves; /* own: calls since the folder was synced */
	size_t n_moves, cap_moves;
};

static void
apply(struct content *f, const struct call *c, size_t from, size_t n)
{
	if (c->what == CUT) {
		if (c->at > f->n) {
			f->p = grow(f->p, &f->cap, c->at, 1);
			memset(f->p + f->n, 0, c->at - f->n);
		}
		f->n = c->at;
		return;
	}
	if (n == 0)
		return;
	f->p = grow(f->p, &f->cap, c->at + from + n, 1);
	if (c->at + from > f->n)
		memset(f->p + f->n, 0, c->at + from - f->n);
	memcpy(f->p + c->at + from, c->bytes + from, n);
	if (c->at + from + n > f->n)
		f->n = c->at + from + n;
}

static size_t
least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/* What goes to the disk are pages as the system holds them: next to what was
 * written there may be what a failed sync had lost. */
static void
apply_held(struct content *f, const struct call *c)
{
	size_t from = c->at / PAGE * PAGE;
	size_t to = least((c->at + c->n + PAGE - 1) / PAGE * PAGE, f->held->n);
	struct call whole = { .what = WRITE,
		.at = from,
		.n = to > from ? to - from : 0,
		.bytes = f->held->p + from };

	apply(f, c->what == CUT ? c : &whole, 0, whole.n);
}

static void
settle_file(struct content *f)
{
	for (size_t i = 0; f->held != NULL && i < f->n_pending; i++)
		apply_held(f, &disk.call[f->pending[i]]);
	if (f->held != NULL)
		f->n_pending = 0;
	for (size_t i = 0; i < f->n_pending; i++)
		apply(f, &disk.call[f->pending[i]], 0,
		    disk.call[f->pending[i]].n);
	f->n_pending = 0;
}

static void
settle_name(struct image *m, const struct call *c)
{
	if (c->what != MAKE)
		drop_name(m->name, &m->n_names, c->name);
	if (c->what != REMOVE)
		put_name(&m->name, &m->n_names, &m->cap_names,
		    c->what == MOVE ? c->to : c->name, c->file);
}

/* The first n that are not on the disk. */
static void
settle_names(struct image *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		settle_name(m, &disk.call[m->moves[i]]);
	m->n_moves -= n;
	if (m->n_moves > 0)
		memmove(m->moves, m->moves + n, m->n_moves * sizeof *m->moves);
}

/* Those in the one folder. */
static void
settle_folder(struct image *m, const char *folder)
{
	size_t kept = 0;

	for (size_t i = 0; i < m->n_moves; i++) {
		const struct call *c = &disk.call[m->moves[i]];

		if (folder_n(c->name) == strlen(folder) &&
		    strncmp(c->name, folder, strlen(folder)) == 0)
			settle_name(m, c);
		else
			m->moves[kept++] = m->moves[i];
	}
	m->n_moves = kept;
}

/* The system holds it, the disk has not got it, and nobody knows. */
static void
lose(struct content *f)
{
	if (f->held == NULL) {
		f->held = calloc(1, sizeof *f->held);
		if (f->held == NULL)
			abort();
		f->held->p = grow(NULL, &f->held->cap, f->n + 1, 1);
		memcpy(f->held->p, f->p != NULL ? f->p : (uint8_t *)"", f->n);
		f->held->n = f->n;
		for (size_t i = 0; i < f->n_pending; i++)
			apply(f->held, &disk.call[f->pending[i]], 0,
			    disk.call[f->pending[i]].n);
	}
	f->n_pending = 0;
}

static void
replay(struct image *m, size_t n)
{
	for (size_t i = 0; i < n && i < disk.n; i++) {
		const struct call *c = &disk.call[i];
		struct content *f = c->file >= 0 ? &m->file[c->file] : NULL;

		switch (c->what) {
		case WRITE:
		case CUT:
			f->pending = grow(f->pending, &f->cap_pending,
			    f->n_pending + 1, sizeof *f->pending);
			f->pending[f->n_pending++] = i;
			if (f->held != NULL)
				apply(f->held, c, 0, c->n);
			break;
		case LOSE:
			lose(f);
			break;
		case SYNC:
			settle_file(f);
			break;
		case SYNC_FOLDER:
			settle_folder(m, c->name);
			break;
		case MAKE:
		case MOVE:
		case REMOVE:
			m->moves = grow(m->moves, &m->cap_moves, m->n_moves + 1,
			    sizeof *m->moves);
			m->moves[m->n_moves++] = i;
			break;
		}
	}
}

/* Of each write that was not synced all, nothing, or some of its sectors. */
static void
settle_some(struct content *f, struct t_rng *dice)
{
	for (size_t i = 0; i < f->n_pending; i++) {
		const struct call *c = &disk.call[f->pending[i]];
		uint64_t how = t_below(dice, 3);

		if (how == 0)
			apply(f, c, 0, c->n);
		for (size_t at = 0; how == 1 && at < c->n; at += SECTOR)
			if (t_below(dice, 2))
				apply(f, c, at,
				    c->n - at < SECTOR ? c->n - at : SECTOR);
	}
	f->n_pending = 0;
}

/* Its folders, made where they are on the disk; false: one of them is not. */
static bool
folders_make(const struct image *m, const char *to, const char *name)
{
	char part[1024], path[2048];

	for (const char *slash = strchr(name, '/'); slash != NULL;
	     slash = strchr(slash + 1, '/')) {
		(void)snprintf(part, sizeof part, "%.*s", (int)(slash - name),
		    name);
		(void)snprintf(path, sizeof path, "%s/%s", to, part);
		if (find_name(m->name, m->n_names, part) == NULL)
			return false;
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			abort();
	}
	return true;
}

static void
write_name(const struct image *m, const char *to, const struct name *name)
{
	char path[2048];
	const struct content *f;
	FILE *out;

	if (!folders_make(m, to, name->text))
		return;
	(void)snprintf(path, sizeof path, "%s/%s", to, name->text);
	if (name->file == FOLDER) {
		if (mkdir(path, 0700) != 0 && errno != EEXIST)
			abort();
		return;
	}
	f = &m->file[name->file];
	out = fopen(path, "wb");
	if (out == NULL || (f->n > 0 && fwrite(f->p, f->n, 1, out) != 1) ||
	    fclose(out) != 0 || chmod(path, 0600) != 0)
		abort();
}

static bool
ends_with(const char *z, const char *end)
{
	size_t n = strlen(z), k = strlen(end);

	return k > 0 && n >= k && strcmp(z + n - k, end) == 0;
}

void
disk_image(size_t n, enum survival mode, uint64_t seed, const char *skip,
    const char *to)
{
	struct t_rng dice = { seed };
	struct image m = { 0 };

	m.file = calloc((size_t)disk.files + 1, sizeof *m.file);
	if (m.file == NULL || mkdir(to, 0700) != 0)
		abort();
	replay(&m, n);
	if (mode == SURVIVE_CHANCE)
		settle_names(&m, t_below(&dice, m.n_moves + 1));
	else if (mode != SURVIVE_SYNCED)
		settle_names(&m, m.n_moves);
	for (int i = 0; i < disk.files; i++) {
		if (mode == SURVIVE_ALL)
			settle_file(&m.file[i]);
		if (mode == SURVIVE_CHANCE)
			settle_some(&m.file[i], &dice);
	}
	for (size_t i = 0; i < m.n_names; i++)
		if (!ends_with(m.name[i].text, skip))
			write_name(&m, to, &m.name[i]);
	for (size_t i = 0; i < m.n_names; i++)
		free(m.name[i].text);
	for (int i = 0; i < disk.files; i++) {
		free(m.file[i].p);
		free(m.file[i].pending);
		if (m.file[i].held != NULL)
			free(m.file[i].held->p);
		free(m.file[i].held);
	}
	free(m.file);
	free(m.name);
	free(m.moves);
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *at)
{
	(void)st, (void)flag, (void)at;
	return remove(path);
}

static bool
cut(size_t n, enum survival mode, uint64_t seed, const char *skip,
    disk_look *look)
{
	char to[400];

	(void)snprintf(to, sizeof to, "%s/image", t_tmp());
	disk_image(n, mode, seed, skip, to);
	if (!look(to, n) || t_failing()) {
		t_note("cut before call %zu of %zu (%s), mode %d seed %llu", n,
		    disk_calls(), disk_call(n), (int)mode,
		    (unsigned long long)seed);
		return CHECK(false);
	}
	return nftw(to, remove_one, 16, FTW_DEPTH | FTW_PHYS) == 0;
}

/* Would another mode, or an earlier cut in this mode, leave the same?  What was
 * synced changes with a sync alone, so the cut before the next one sees it with
 * the most that was promised. */
static bool
is_seen_elsewhere(size_t n, enum survival mode)
{
	bool syncs = n >= disk.n || disk.call[n].what == SYNC ||
	    disk.call[n].what == SYNC_FOLDER;
	bool names = false, bytes = false;

	for (size_t i = n; i-- > 0;) {
		enum what what = disk.call[i].what;

		if (what == SYNC || what == SYNC_FOLDER)
			break;
		names |= what == MAKE || what == MOVE || what == REMOVE;
		bytes |= what == WRITE || what == CUT;
	}
	switch (mode) {
	case SURVIVE_SYNCED:
		return !syncs;
	case SURVIVE_NAMES:
		return !names;
	case SURVIVE_ALL:
	case SURVIVE_CHANCE:
	case SURVIVAL_MODES:
		break;
	}
	return !names && !bytes && n < disk.n;
}

unsigned
disk_every_cut(unsigned seeds, const char *skip, disk_look *look)
{
	unsigned images = 0;

	for (size_t n = 0; n <= disk_calls(); n++) {
		if (!disk_call_writes(n))
			continue;
		for (int mode = 0; mode < SURVIVAL_MODES; mode++) {
			unsigned times = mode == SURVIVE_CHANCE ? seeds : 1;

			if (is_seen_elsewhere(n, (enum survival)mode))
				continue;
			for (unsigned i = 0; i < times; i++, images++)
				if (!cut(n, (enum survival)mode,
				        (uint64_t)i * 100000 + n, skip, look))
					return images;
		}
	}
	return images;
}
