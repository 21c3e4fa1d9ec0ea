/* Files.  Replacing one: name a temporary in the same folder, write, fsync,
 * rename over, fsync the folder.  Fails: anywhere before the rename the
 * temporary is removed and the old file was never touched. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "fault.h"
#include "os_int.h"

enum {
	MODE_BITS = 07777,
	SECRET_MODE = 0600,
	READ_CHUNK = 65536, /* bytes */
	NAME_SHOWN = 200    /* bytes of a name kept in its temporary's name */
};

static enum err
sys_err(struct err_info *e, const char *what)
{
	if (errno == EINTR && os_signal_caught() != 0)
		return os_signal_check(e);
	return err_sys(e, errno, "%s", what);
}

static enum err
read_all(int fd, const char *what, size_t max_bytes, struct buf *out,
    struct err_info *e)
{
	size_t left = max_bytes;

	for (;;) {
		/* One byte over the limit is asked for, to see it passed. */
		size_t want = left < READ_CHUNK ? left + 1 : READ_CHUNK;
		size_t room = out->cap > out->len ? out->cap - out->len - 1 : 0;
		ssize_t got;

		/* What is there for a file of a known length is enough for it. */
		if (room > 0 && room < want)
			want = room;
		if (!buf_reserve(out, want))
			return buf_ok(out, e);
		got = try_read(fd, out->data + out->len, want);
		if (got < 0)
			return sys_err(e, what);
		if (got == 0)
			return ERR_OK;
		if ((size_t)got > left)
			return err_setf(e, ERR_TOO_LARGE,
			    "%s: more than %zu bytes", what, max_bytes);
		left -= (size_t)got;
		out->len += (size_t)got;
		out->data[out->len] = '\0';
	}
}

enum err
os_read_fd(int fd, const char *what, size_t max_bytes, struct buf *out,
    struct err_info *e)
{
	size_t before = out->len;
	enum err rc = read_all(fd, what, max_bytes, out, e);

	if (rc != ERR_OK && out->data != NULL) {
		out->len = before;
		out->data[before] = '\0';
	}
	return rc;
}

/* Open for reading; O_NONBLOCK so that a pipe of that name cannot hold us. */
static enum err
open_regular(const char *path, int flags, int *fd, struct stat *st,
    struct err_info *e)
{
	*fd = try_open(path, O_RDONLY | O_NONBLOCK | flags, 0);
	if (*fd < 0 && errno == ELOOP && (flags & O_NOFOLLOW))
		return err_setf(e, ERR_PERMISSION, "%s is a symbolic link",
		    path);
	if (*fd < 0)
		return sys_err(e, path);
	if (fstat(*fd, st) != 0)
		return err_sys(e, errno, "%s", path);
	if (!S_ISREG(st->st_mode))
		return err_setf(e, ERR_REFUSED, "%s is not a regular file",
		    path);
	return ERR_OK;
}

static void
close_read(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* nothing was written through it */
}

enum err
os_read_file(const char *path, size_t max_bytes, struct buf *out,
    struct err_info *e)
{
	struct stat st;
	int fd;
	enum err rc = open_regular(path, 0, &fd, &st, e);

	if (rc == ERR_OK && (uintmax_t)st.st_size <= max_bytes &&
	    !buf_reserve(out, (size_t)st.st_size + 1))
		rc = buf_ok(out, e);
	if (rc == ERR_OK)
		rc = os_read_fd(fd, path, max_bytes, out, e);
	close_read(fd);
	return rc;
}

enum err
os_read_head(const char *path, size_t max_bytes, struct buf *out,
    struct err_info *e)
{
	struct stat st;
	int fd;
	enum err rc = open_regular(path, 0, &fd, &st, e);

	if (rc == ERR_OK && (uintmax_t)st.st_size < max_bytes)
		max_bytes = (size_t)st.st_size;
	if (rc == ERR_OK && !buf_reserve(out, max_bytes))
		rc = buf_ok(out, e);
	while (rc == ERR_OK && max_bytes > 0) {
		ssize_t n = fault_tick() ?
		    (errno = EIO, -1) :
		    read(fd, out->data + out->len, max_bytes);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			rc = err_sys(e, errno, "read %s", path);
		if (n <= 0)
			break;
		out->len += (size_t)n;
		out->data[out->len] = '\0';
		max_bytes -= (size_t)n;
	}
	close_read(fd);
	return rc;
}

/* A path as it can be pasted into a shell. */
static void
add_quoted(struct buf *b, const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmn"
	                            "opqrstuvwxyz0123456789/._-+@,:=";

	if (path[0] != '-' && path[strspn(path, plain)] == '\0') {
		buf_adds(b, path);
		return;
	}
	buf_adds(b, path[0] == '-' ? "./'" : "'");
	for (; *path != '\0'; path++)
		if (*path == '\'')
			buf_adds(b, "'\\''");
		else
			buf_addc(b, *path);
	buf_addc(b, '\'');
}

static enum err
check_mode(const char *path, mode_t mode, mode_t max, struct err_info *e)
{
	struct buf command = { 0 };
	enum err rc;

	mode &= MODE_BITS;
	if ((mode & ~max) == 0)
		return ERR_OK;
	add_quoted(&command, path);
	rc = buf_ok(&command, e);
	if (rc == ERR_OK)
		rc = err_setf(e, ERR_PERMISSION,
		    "%s is open to others (mode %04o); run: chmod %o %s", path,
		    (unsigned)mode, (unsigned)max, command.data);
	buf_fini(&command);
	return rc;
}

enum err
os_read_secret(const char *path, size_t max_bytes, struct buf *out,
    struct err_info *e)
{
	struct stat st;
	int fd;
	enum err rc = open_regular(path, O_NOFOLLOW, &fd, &st, e);

	if (rc == ERR_OK && st.st_uid != geteuid())
		rc = err_setf(e, ERR_PERMISSION, "%s belongs to another user",
		    path);
	if (rc == ERR_OK)
		rc = check_mode(path, st.st_mode, SECRET_MODE, e);
	/* All room at once: a buffer that grows leaves copies behind. */
	if (rc == ERR_OK && (uintmax_t)st.st_size <= max_bytes &&
	    !buf_reserve(out, (size_t)st.st_size + READ_CHUNK))
		rc = buf_ok(out, e);
	if (rc == ERR_OK)
		rc = os_read_fd(fd, path, max_bytes, out, e);
	close_read(fd);
	return rc;
}

enum err
os_write_fd(int fd, const char *what, struct str data, struct err_info *e)
{
	while (data.n > 0) {
		ssize_t put = try_write(fd, data.p, data.n);

		if (put < 0)
			return sys_err(e, what);
		data = str_n(data.p + put, data.n - (size_t)put);
	}
	return ERR_OK;
}

struct replace {
	char *path; /* own; links resolved */
	char *temp; /* own; NULL: there is none on disk */
	bool exists;
	struct stat st; /* of what is there, where something is */
	mode_t mode;
};

/* Where the new content has to go, and what it takes over from the old. */
static enum err
replace_look(struct replace *r, const char *path, mode_t mode,
    struct err_info *e)
{
	struct stat st;
	bool is_link = lstat(path, &st) == 0 && S_ISLNK(st.st_mode);

	r->path = is_link ? realpath(path, NULL) : mem_strdup(path);
	if (r->path == NULL)
		return is_link ? err_sys(e, errno, "link %s", path) :
		                 err_set(e, ERR_NOMEM);
	r->exists = stat(r->path, &r->st) == 0;
	if (!r->exists && errno != ENOENT)
		return err_sys(e, errno, "%s", path);
	if (r->exists && !S_ISREG(r->st.st_mode))
		return err_setf(e, ERR_REFUSED, "%s is not a regular file",
		    path);
	r->mode = mode ? mode :
	    r->exists  ? r->st.st_mode & MODE_BITS :
	                 SECRET_MODE;
	return ERR_OK;
}

/* "dir/.name.<random>.tmp" */
static enum err
replace_name(const struct replace *r, struct buf *out, struct err_info *e)
{
	const char *slash = strrchr(r->path, '/');
	const char *name = slash ? slash + 1 : r->path;
	char hex[17];
	uint8_t dice[8];
	enum err rc = os_random(dice, sizeof dice, e);

	if (rc != ERR_OK)
		return rc;
	hex_encode(dice, sizeof dice, hex);
	buf_reset(out);
	buf_add(out, r->path, (size_t)(name - r->path));
	buf_addf(out, ".%.*s.%s.tmp", NAME_SHOWN, name, hex);
	return buf_ok(out, e);
}

static enum err
replace_open(struct replace *r, int *fd, struct err_info *e)
{
	struct buf name = { 0 };
	enum err rc;

	do {
		rc = replace_name(r, &name, e);
		if (rc != ERR_OK)
			goto done;
		*fd = try_open(name.data,
		    O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, SECRET_MODE);
	} while (*fd < 0 && errno == EEXIST);
	if (*fd < 0)
		rc = err_sys(e, errno, "%s", name.data);
	else
		r->temp = buf_take(&name); /* in memory already: not NULL */
done:
	buf_fini(&name);
	return rc;
}

/* Owner first: chown takes set-id bits away. */
static enum err
replace_fill(const struct replace *r, int fd, struct str data,
    struct err_info *e)
{
	enum err rc;

	if (r->exists &&
	    (r->st.st_uid != geteuid() || r->st.st_gid != getegid()) &&
	    fchown(fd, r->st.st_uid, r->st.st_gid) != 0)
		return err_sys(e, errno, "keep the owner of %s", r->path);
	if (try_mode(fd, r->mode) != 0)
		return err_sys(e, errno, "%s", r->temp);
	rc = os_write_fd(fd, r->temp, data, e);
	if (rc == ERR_OK && try_sync(fd) != 0)
		rc = err_sys(e, errno, "sync %s", r->temp);
	return rc;
}

/* The folder is opened before the rename: what can fail shall fail while the
 * old file is still there. */
static enum err
replace_swap(struct replace *r, struct err_info *e)
{
	int dir = open_parent(r->path);
	enum err rc;

	if (dir < 0)
		return err_sys(e, errno, "open the folder of %s", r->path);
	if (try_rename(r->temp, r->path) != 0) {
		rc = err_sys(e, errno, "rename %s", r->temp);
	} else {
		free(r->temp);
		r->temp = NULL; /* it is the file now */
		rc = sync_folder(dir, r->path, e);
	}
	(void)close(dir);
	return rc;
}

enum err
os_write_atomic(const char *path, struct str data, mode_t mode,
    struct err_info *e)
{
	struct replace r = { 0 };
	int fd = -1;
	enum err rc = replace_look(&r, path, mode, e);

	if (rc == ERR_OK)
		rc = replace_open(&r, &fd, e);
	if (rc == ERR_OK)
		rc = replace_fill(&r, fd, data, e);
	if (fd >= 0 && try_close(fd) != 0 && rc == ERR_OK)
		rc = err_sys(e, errno, "close %s", r.temp);
	if (rc == ERR_OK)
		rc = replace_swap(&r, e);
	if (r.temp != NULL)
		(void)unlink(r.temp); /* rc tells what went wrong already */
	free(r.temp);
	free(r.path);
	return rc;
}

enum err
os_mode_check(const char *path, mode_t max, struct err_info *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_sys(e, errno, "%s", path);
	return check_mode(path, st.st_mode, max, e);
}

enum err
os_touch(const char *path, struct err_info *e)
{
	struct timespec now[2];
	int fd;

	/* Not "now" as the kernel would put it: its clock ticks every few
	 * milliseconds, and two rings within one tick would look the same. */
	(void)clock_gettime(CLOCK_REALTIME, &now[0]);
	now[1] = now[0];
	if (try_times(path, now) == 0)
		return ERR_OK;
	if (errno != ENOENT)
		return err_sys(e, errno, "touch %s", path);
	fd = try_open(path, O_WRONLY | O_CREAT, SECRET_MODE);
	if (fd < 0 || try_close(fd) != 0)
		return err_sys(e, errno, "touch %s", path);
	return ERR_OK;
}

enum err
os_remove(const char *path, struct err_info *e)
{
	if (try_unlink(path) == 0)
		return sync_parent(path, e);
	return errno == ENOENT ? ERR_OK : err_sys(e, errno, "remove %s", path);
}

static bool
same_parent(const char *a, const char *b)
{
	const char *as = strrchr(a, '/'), *bs = strrchr(b, '/');
	size_t an = as ? (size_t)(as - a) : 0, bn = bs ? (size_t)(bs - b) : 0;

	return !as == !bs && an == bn && memcmp(a, b, an) == 0;
}

enum err
os_rename(const char *from, const char *to, struct err_info *e)
{
	enum err rc;

	if (try_rename(from, to) != 0)
		return err_sys(e, errno, "rename %s to %s", from, to);
	rc = sync_parent(to, e);
	if (rc == ERR_OK && !same_parent(from, to))
		rc = sync_parent(from, e);
	return rc;
}

bool
os_exists(const char *path)
{
	return access(path, F_OK) == 0;
}

bool
os_is_dir(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

enum err
os_disk_free(const char *path, uint64_t *bytes, struct err_info *e)
{
	struct statvfs fs;

	if (fault_tick() ? (errno = EIO, true) : statvfs(path, &fs) != 0)
		return err_sys(e, errno, "%s", path);
	*bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	return ERR_OK;
}

static enum os_kind
kind_of(mode_t mode)
{
	return S_ISREG(mode) ? OS_FILE :
	    S_ISDIR(mode)    ? OS_DIR :
	    S_ISLNK(mode)    ? OS_LINK :
	                       OS_OTHER;
}

static int64_t
time_ns(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000000000 + t->tv_nsec;
}

void
file_id_of(const struct stat *st, struct os_file_id *ret)
{
	*ret = (struct os_file_id){
		.dev = st->st_dev,
		.ino = st->st_ino,
		.size = (uint64_t)st->st_size,
		.mtime_ns = time_ns(&st->st_mtim),
		.ctime_ns = time_ns(&st->st_ctim),
		.kind = kind_of(st->st_mode),
		.mode = st->st_mode & MODE_BITS,
		.uid = st->st_uid,
	};
}

enum err
os_stat_id(const char *path, struct os_file_id *ret, struct err_info *e)
{
	struct stat st;

	if (stat(path, &st) != 0)
		return err_sys(e, errno, "%s", path);
	file_id_of(&st, ret);
	return ERR_OK;
}

enum err
os_look_id(const char *path, bool follow, struct os_file_id *ret,
    struct err_info *e)
{
	int err, flags = follow ? 0 : AT_SYMLINK_NOFOLLOW;
	struct stat st;

	if (fault_tick())
		return err_sys(e, EIO, "%s", path);
	if (fstatat(AT_FDCWD, path, &st, flags) == 0) {
		file_id_of(&st, ret);
		return ERR_OK;
	}
	err = errno;
	(void)err_sys(e, err, "%s", path);
	if (err == ENOTDIR || err == ELOOP)
		e->code = ERR_NOT_FOUND;
	if (err == ENAMETOOLONG)
		e->code = ERR_PERMISSION;
	return e->code;
}

bool
os_same_id(const struct os_file_id *a, const struct os_file_id *b)
{
	return a->dev == b->dev && a->ino == b->ino && a->size == b->size &&
	    a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

enum err
os_fs_name(const char *path, char *name, size_t size, struct err_info *e)
{
	if (sys_fs_name(path, name, size) != 0)
		return err_sys(e, errno, "%s", path);
	return ERR_OK;
}
