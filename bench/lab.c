#include "lab.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"
#include "json.h"

double
lab_now(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int
cmp_double(const void *a, const void *b)
{
	double x, y;

	memcpy(&x, a, sizeof x);
	memcpy(&y, b, sizeof y);
	return (x > y) - (x < y);
}

double
lab_median(double *v, size_t n)
{
	if (n == 0)
		return 0;
	qsort(v, n, sizeof *v, cmp_double);
	return v[n / 2];
}

void
lab_row(const struct lab_row *r)
{
	printf("ROW\t%s\t%.3f\t%.3f\t%.3f\t%s\t%s\n", r->what, r->ours, r->best,
	    r->target, r->unit, r->best_is ? r->best_is : "");
	(void)fflush(stdout);
}

bool
lab_number(char **argv, const char *name, size_t *ret)
{
	return strcmp(argv[0], name) == 0 && str_u64(str_of(argv[1]), ret);
}

/* --- folders ------------------------------------------------------------------ */

enum err
lab_folder(struct arena *a, char **ret, struct err_info *e)
{
	const char *tmp = getenv("TMPDIR");
	char *path =
	    arena_fmt(a, "%s/clowder-bench-XXXXXX", tmp ? tmp : "/tmp");

	if (path == NULL || mkdtemp(path) == NULL)
		return err_setf(e, ERR_IO, "no folder to work in");
	*ret = path;
	return ERR_OK;
}

static int
remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st, (void)flag, (void)f;
	return remove(path);
}

void
lab_folder_remove(const char *path)
{
	if (path != NULL)
		(void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

enum err
lab_write(const char *path, struct str text, struct err_info *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool ok = fd >= 0;

	while (ok && text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		ok = n > 0;
		if (ok)
			text = str_n(text.p + n, text.n - (size_t)n);
	}
	if (fd >= 0 && close(fd) != 0)
		ok = false;
	return ok ? ERR_OK : err_setf(e, ERR_IO, "%s cannot be written", path);
}

/* --- programs ----------------------------------------------------------------- */

/* Start it; in and out: descriptors, or -1 for /dev/null. */
static enum err
start(const char *const argv[], const char *folder, int in, int out,
    int *ret_pid, struct err_info *e)
{
	posix_spawn_file_actions_t act;
	int rc;

	if (posix_spawn_file_actions_init(&act) != 0)
		return err_set(e, ERR_NOMEM);
	rc = in >= 0 ?
	    posix_spawn_file_actions_adddup2(&act, in, 0) :
	    posix_spawn_file_actions_addopen(&act, 0, "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = out >= 0 ? posix_spawn_file_actions_adddup2(&act, out, 1) :
		                posix_spawn_file_actions_addopen(&act, 1,
		                    "/dev/null", O_WRONLY, 0);
	if (rc == 0 && folder != NULL)
		rc = posix_spawn_file_actions_addchdir_np(&act, folder);
	if (rc == 0)
		/* It changes nothing; its type is older than const. */
		rc = posix_spawn(ret_pid, argv[0], &act, NULL,
		    (char *const *)(uintptr_t)argv, environ);
	(void)posix_spawn_file_actions_destroy(&act);
	return rc == 0 ? ERR_OK : err_sys(e, rc, "%s", argv[0]);
}

static enum err
reap(const char *const argv[], int pid, struct err_info *e)
{
	int status = 0;

	if (waitpid(pid, &status, 0) == pid && status == 0)
		return ERR_OK;
	return err_setf(e, ERR_FAILED, "%s %s failed", argv[0],
	    argv[1] ? argv[1] : "");
}

enum err
lab_spawn(const char *const argv[], const char *folder, double *ret_s,
    struct err_info *e)
{
	double began = lab_now();
	int pid;
	enum err rc = start(argv, folder, -1, -1, &pid, e);

	if (rc == ERR_OK)
		rc = reap(argv, pid, e);
	*ret_s = lab_now() - began;
	return rc;
}

/* ret_pid not NULL: a server, which says one line and goes on. */
static enum err
ask_program(const char *const argv[], const char *folder, const char *in,
    struct buf *out, int *ret_pid, struct err_info *e)
{
	int to[2], from[2], pid;
	char chunk[4096];
	ssize_t n;
	enum err rc;

	if (pipe2(to, O_CLOEXEC) != 0 || pipe2(from, O_CLOEXEC) != 0)
		return err_setf(e, ERR_IO, "pipe");
	rc = start(argv, folder, to[0], from[1], &pid, e);
	close(to[0]);
	close(from[1]);
	if (rc == ERR_OK && write(to[1], in, strlen(in)) < 0)
		rc = err_setf(e, ERR_IO, "write");
	close(to[1]);
	while (rc == ERR_OK && (n = read(from[0], chunk, sizeof chunk)) > 0) {
		buf_add(out, chunk, (size_t)n);
		if (ret_pid != NULL && memchr(chunk, '\n', (size_t)n) != NULL)
			break;
	}
	if (rc == ERR_OK && ret_pid != NULL && out->len > 0) {
		*ret_pid = pid; /* the pipe stays open: it may say more */
		return buf_ok(out, e);
	}
	close(from[0]);
	return rc == ERR_OK ? reap(argv, pid, e) : rc;
}

enum err
lab_ask(const char *const argv[], const char *folder, const char *in,
    struct buf *out, struct err_info *e)
{
	return ask_program(argv, folder, in, out, NULL, e);
}

enum err
lab_peak(struct arena *a, const char *bench, const char *const argv[],
    const char *folder, double *ret_mib, struct err_info *e)
{
	size_t n = 0;
	const char **words;
	struct buf out = { 0 };
	uint64_t kib;
	enum err rc;

	while (argv[n] != NULL)
		n++;
	words = arena_array(a, n + 2, sizeof *words);
	if (words == NULL)
		return err_set(e, ERR_NOMEM);
	words[0] = arena_fmt(a, "%s/peak", bench);
	memcpy(words + 1, argv, n * sizeof *words);
	rc = lab_ask(words, folder, "", &out, e);
	if (rc == ERR_OK && !str_u64(str_trim(buf_str(&out)), &kib))
		rc = err_setf(e, ERR_FAILED, "no number from %s", words[0]);
	if (rc == ERR_OK)
		*ret_mib = (double)kib / 1024;
	buf_fini(&out);
	return rc;
}

static enum err
make_account(struct lab_hub *h, struct err_info *e)
{
	const char *argv[] = { h->clowder, "hub", "user", "add", LAB_USER,
		"--password-stdin", "--data", h->data, NULL };
	struct buf out = { 0 };
	enum err rc = lab_ask(argv, NULL, LAB_PASSWORD "\n", &out, e);

	buf_fini(&out);
	return rc;
}

static enum err
serve(struct lab_hub *h, bool tls, struct err_info *e)
{
	const char *argv[] = { h->clowder, "hub", "serve", "--quiet", "--json",
		"--listen", "127.0.0.1:0", "--data", h->data,
		tls ? "--dev-tls" : NULL, NULL };
	struct buf out = { 0 };
	const char *port;
	enum err rc = ask_program(argv, NULL, "", &out, &h->pid, e);

	if (rc != ERR_OK)
		goto done;
	port = strstr(out.data, "127.0.0.1:");
	if (port == NULL)
		rc = err_setf(e, ERR_FAILED, "no port in: %s", out.data);
	else
		h->port = (uint16_t)strtoul(port + 10, NULL, 10);
done:
	buf_fini(&out);
	return rc;
}

/* --- one request -------------------------------------------------------------- */

/* The whole answer of a request that closes its connection. */
static enum err
ask(struct lab_hub *h, struct str request, struct buf *out, struct err_info *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(h->port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char chunk[8192];
	ssize_t n;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
	    write(fd, request.p, request.n) != (ssize_t)request.n) {
		close(fd);
		return err_setf(e, ERR_IO, "no connection to the hub");
	}
	while ((n = read(fd, chunk, sizeof chunk)) > 0)
		buf_add(out, chunk, (size_t)n);
	close(fd);
	return buf_ok(out, e);
}

static enum err
sign_in(struct lab_hub *h, struct err_info *e)
{
	static const char body[] =
	    "{\"username\":\"" LAB_USER "\",\"password\":\"" LAB_PASSWORD "\"}";
	struct buf request = { 0 }, out = { 0 };
	struct json j = { 0 };
	struct str token;
	const char *at;
	enum err rc;

	buf_addf(&request,
	    "POST /api/v1/token/ HTTP/1.1\r\nHost: x\r\n"
	    "Connection: close\r\nContent-Length: %zu\r\n\r\n%s",
	    sizeof body - 1, body);
	rc = ask(h, buf_str(&request), &out, e);
	if (rc != ERR_OK)
		goto done;
	at = strstr(out.data, "\r\n\r\n");
	if (at == NULL ||
	    json_parse(&j, str_of(at + 4), JSON_DEPTH_MAX, e) != ERR_OK ||
	    !json_str(&j, json_get(&j, 0, "access"), &h->arena, &token))
		rc = err_setf(e, ERR_FAILED, "no sign-in: %s", out.data);
	else
		h->token = arena_dup(&h->arena, token);
done:
	json_fini(&j);
	buf_fini(&request);
	buf_fini(&out);
	return rc;
}

uint64_t
lab_hub_metric(struct lab_hub *h, const char *name)
{
	struct buf out = { 0 };
	struct err_info e = { 0 };
	char line[128];
	const char *at;
	uint64_t v = 0;
	int n = snprintf(line, sizeof line, "\nclowder_%s ", name);

	if (ask(h,
	        STR("GET /metrics HTTP/1.1\r\nHost: x\r\n"
	            "Connection: close\r\n\r\n"),
	        &out, &e) == ERR_OK) {
		at = strstr(out.data, line);
		if (at != NULL)
			v = strtoull(at + n, NULL, 10);
	}
	buf_fini(&out);
	return v;
}

enum err
lab_hub_serve(struct lab_hub *h, const char *clowder, bool tls,
    struct err_info *e)
{
	enum err rc;

	*h = (struct lab_hub){ .clowder = clowder };
	rc = lab_folder(&h->arena, &h->folder, e);
	if (rc != ERR_OK)
		return rc;
	h->data = arena_fmt(&h->arena, "%s/hub", h->folder);
	rc = make_account(h, e);
	return rc == ERR_OK ? serve(h, tls, e) : rc;
}

enum err
lab_hub_start(struct lab_hub *h, const char *clowder, struct err_info *e)
{
	enum err rc = lab_hub_serve(h, clowder, false, e);

	return rc == ERR_OK ? sign_in(h, e) : rc;
}

void
lab_hub_stop(struct lab_hub *h)
{
	if (h->pid > 0) {
		(void)kill(h->pid, SIGTERM);
		(void)waitpid(h->pid, NULL, 0);
	}
	lab_folder_remove(h->folder);
	arena_fini(&h->arena);
	*h = (struct lab_hub){ 0 };
}

/* --- /proc ----------------------------------------------------------------------- */

static bool
read_small(const char *path, char *out, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd < 0)
		return false;
	n = read(fd, out, size - 1);
	close(fd);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

uint64_t
lab_kib(int pid, const char *name)
{
	char path[64], text[8192];
	const char *at;
	int n = snprintf(path, sizeof path, "/proc/%d/status", pid);

	if (n < 0 || !read_small(path, text, sizeof text))
		return 0;
	at = strstr(text, name);
	return at ? strtoull(at + strlen(name) + 1, NULL, 10) : 0;
}

static void
add_thread(struct lab_cpu *c, const char *name, double s)
{
	size_t i = 0, n = strcspn(name, "\n");

	while (i < c->n &&
	    (strlen(c->thread[i].name) != n ||
	        memcmp(c->thread[i].name, name, n) != 0))
		i++;
	if (i == LAB_THREADS_MAX || n >= sizeof c->thread[0].name)
		return;
	if (i == c->n) {
		memcpy(c->thread[i].name, name, n);
		c->n++;
	}
	c->thread[i].s += s;
}

void
lab_cpu(int pid, struct lab_cpu *ret)
{
	char path[320], name[64], sched[128];
	struct dirent *d;
	DIR *dir;
	int n = snprintf(path, sizeof path, "/proc/%d/task", pid);

	*ret = (struct lab_cpu){ 0 };
	dir = n > 0 ? opendir(path) : NULL;
	while (dir != NULL && (d = readdir(dir)) != NULL) {
		if (d->d_name[0] == '.')
			continue;
		n = snprintf(path, sizeof path, "/proc/%d/task/%s/comm", pid,
		    d->d_name);
		if (n < 0 || !read_small(path, name, sizeof name))
			continue;
		n = snprintf(path, sizeof path, "/proc/%d/task/%s/schedstat",
		    pid, d->d_name);
		if (n < 0 || !read_small(path, sched, sizeof sched))
			continue;
		add_thread(ret, name, strtod(sched, NULL) / 1e9);
	}
	if (dir != NULL)
		(void)closedir(dir);
}

/* What a thread of after has used since. */
static double
cpu_since(const struct lab_cpu *before, const struct lab_cpu *after, size_t i)
{
	double s = after->thread[i].s;

	for (size_t k = 0; k < before->n; k++)
		if (strcmp(before->thread[k].name, after->thread[i].name) == 0)
			s -= before->thread[k].s;
	return s;
}

void
lab_cpu_print(const struct lab_cpu *before, const struct lab_cpu *after,
    double seconds, double events)
{
	printf("  hub's threads:");
	for (size_t i = 0; i < after->n; i++) {
		double s = cpu_since(before, after, i);

		if (s / seconds >= 0.005)
			printf("  %s %.0f %% %.2f us", after->thread[i].name,
			    100 * s / seconds, 1e6 * s / events);
	}
	printf("\n");
}

void
lab_cpu_rows(const struct lab_cpu *before, const struct lab_cpu *after,
    double events)
{
	char what[64];

	for (size_t i = 0; i < after->n; i++) {
		double us = 1e6 * cpu_since(before, after, i) / events;

		if (us < 0.01)
			continue;
		(void)snprintf(what, sizeof what, "  its thread %s, processor",
		    after->thread[i].name);
		lab_row(&(struct lab_row){
		    .what = what, .ours = us, .unit = "us/event" });
	}
}
