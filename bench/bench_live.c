/* Live connections of a hub, beside the least that a server does for as many
 * sockets (mirror.h):
 *
 *	bench_live CLOWDER [--room N] [--seconds N] [--idle N] [--idle-tls N]
 *	              [--storm N] [--relay N]
 *
 *	room    N connections of a team, 100 events/s: until the last has it
 *	idle    memory of N that say nothing, and what their heartbeats cost
 *	storm   N that are cut at once: until all are live again, and health
 *	relay   N events from one connection to another, durable in between
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "accounts.h"
#include "clock.h"
#include "fault.h"
#include "gen.h"
#include "lab.h"
#include "lines.h"
#include "mirror.h"

enum {
	SESSIONS = 64,
	RATE = 100, /* events/s */
	BEAT_S = 20,
	BEAT = 58,  /* bytes of one */
	TIDY_S = 2, /* a hub that rests gives memory back */
	PROBE_MS = 20
};
/* What is promised: docs/performance.md. */
static const double room_ms = 50, idle_kib = 2, idle_tls_kib = 16, idle_cpu = 2,
                    storm_s = 10, health_ms = 100, relay_p50_ms = 3,
                    relay_p99_ms = 10;

struct options {
	const char *clowder;
	size_t room, seconds, idle, idle_tls, storm, relay;
};

struct bench {
	struct lab_hub hub;
	struct lines lines;
	struct gen gen;
	struct arena arena; /* of access */
	char **access;      /* in arena */
	struct buf event;   /* the next one */
	/* By number of the event, from `base` on. */
	double *sent, *took;
	size_t *got;
	uint64_t base;
	size_t n, whole, others; /* events; that came to all; all are so many */
};

/* ---- a hub and its sessions ------------------------------------------- */

/* Signed in here, with a password that is cheap to check. */
static enum err
sessions_make(struct bench *b, size_t n, struct err_info *e)
{
	const struct accounts_options opt = { .cost = &password_cost_test };
	char *path = arena_fmt(&b->arena, "%s/hub.db", b->hub.data);
	struct accounts *a = NULL;
	enum err rc = accounts_open(&a, path, &opt, os_wall_ms(), e);

	if (rc == ERR_OK)
		rc = accounts_passwd(a, STR(LAB_USER), STR(LAB_PASSWORD), e);
	b->access = arena_array(&b->arena, n, sizeof *b->access);
	if (rc == ERR_OK && b->access == NULL)
		rc = err_set(e, ERR_NOMEM);
	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		struct account_grant g;

		rc = accounts_login(a, STR(LAB_USER), STR(LAB_PASSWORD),
		    STR("127.0.0.1"), os_wall_ms(), &b->arena, &g, e);
		b->access[i] =
		    rc == ERR_OK ? arena_dup(&b->arena, g.access) : NULL;
		if (rc == ERR_OK && b->access[i] == NULL)
			rc = err_set(e, ERR_NOMEM);
	}
	accounts_close(a);
	return rc;
}

static void
next_event(struct bench *b)
{
	buf_reset(&b->event);
	gen_single(&b->gen, &b->event);
}

static void
bench_close(struct bench *b)
{
	lines_fini(&b->lines);
	lab_hub_stop(&b->hub);
	gen_fini(&b->gen);
	buf_fini(&b->event);
	arena_fini(&b->arena);
	free(b->sent);
	free(b->took);
	free(b->got);
	*b = (struct bench){ 0 };
}

/* A hub whose log has one event, and n connections of so many sessions that are to
 * be opened. */
static enum err
bench_open(struct bench *b, const struct options *o, size_t n, size_t sessions,
    bool tls, struct err_info *e)
{
	enum err rc = lab_hub_serve(&b->hub, o->clowder, tls, e);

	if (rc == ERR_OK)
		rc = sessions_make(b, sessions, e);
	if (rc == ERR_OK && !gen_init(&b->gen, 1, 1, 0))
		rc = err_set(e, ERR_NOMEM);
	if (rc == ERR_OK)
		rc = lines_init(&b->lines, n, b->hub.port, tls, b->access,
		    sessions, e);
	if (rc != ERR_OK)
		return rc;
	next_event(b);
	b->lines.first = buf_str(&b->event);
	return buf_ok(&b->event, e);
}

/* ---- room, relay ---------------------------------------------------------- */

static void
on_event(void *ctx, size_t line, uint64_t seq)
{
	struct bench *b = ctx;
	size_t i = (size_t)(seq - b->base);

	if (seq < b->base || i >= b->n || (b->others == 1 && line == 0))
		return;
	if (++b->got[i] < b->others)
		return;
	b->took[b->whole++] = 1000 * (lab_now() - b->sent[i]);
}

/* n events at RATE a second from the first connection; until the last of them has
 * come to `others`. */
static enum err
events(struct bench *b, size_t n, size_t others, struct err_info *e)
{
	double began = lab_now();
	enum err rc = ERR_OK;

	b->sent = mem_zero(n * sizeof *b->sent);
	b->took = mem_zero(n * sizeof *b->took);
	b->got = mem_zero(n * sizeof *b->got);
	if (b->sent == NULL || b->took == NULL || b->got == NULL)
		return err_set(e, ERR_NOMEM);
	b->base = 2;
	b->n = n;
	b->others = others;
	b->lines.on_event = on_event;
	b->lines.ctx_of_user = b;
	for (size_t i = 0; rc == ERR_OK && b->whole < n;) {
		double now = lab_now(), due = began + (double)i / RATE;

		if (i < n && now >= due) {
			next_event(b);
			b->sent[i++] = now;
			rc = lines_say(&b->lines, 0, buf_str(&b->event), e);
			continue;
		}
		rc = lines_turn(&b->lines,
		    i == n ? 1000 : (int)(1000 * (due - now)) + 1, e);
		if (rc == ERR_OK && now > began + (double)n / RATE + 30)
			rc = err_setf(e, ERR_TIMEOUT, "%zu of %zu came",
			    b->whole, n);
	}
	return rc;
}

/* p50 and p99 of so many rounds, ms. */
static enum err
mirror_rounds(size_t n, size_t bytes, const char *file, size_t rounds,
    double ret[2], struct err_info *e)
{
	const struct timespec pause = { .tv_nsec = 1000000000 / RATE };
	double *ms = mem_zero(rounds * sizeof *ms);
	struct mirror m = { 0 };
	enum err rc = ms == NULL ? err_set(e, ERR_NOMEM) :
	                           mirror_open(&m, n, bytes, file, e);

	for (size_t i = 0; i < rounds && rc == ERR_OK; i++) {
		rc = mirror_round(&m, false, &ms[i], e);
		ms[i] *= 1000;
		(void)nanosleep(&pause, NULL);
	}
	mirror_close(&m, NULL);
	if (rc == ERR_OK) {
		ret[0] = lab_median(ms, rounds); /* sorts */
		ret[1] = ms[rounds * 99 / 100];
	}
	free(ms);
	return rc;
}

static void
put_rows(const char *const what[2], struct bench *b, const double best[2],
    const double target[2], const char *best_is)
{
	double p50 = lab_median(b->took, b->n); /* sorts */

	printf("%s: p50 %.2f ms, p99 %.2f ms, max %.2f ms; bare %.2f, %.2f\n",
	    what[0], p50, b->took[b->n * 99 / 100], b->took[b->n - 1], best[0],
	    best[1]);
	for (int i = 0; i < 2; i++)
		lab_row(&(struct lab_row){ .what = what[i],
		    .ours = i ? b->took[b->n * 99 / 100] : p50,
		    .best = best[i],
		    .target = target[i],
		    .unit = "ms",
		    .best_is = best_is });
}

static enum err
measure_room(const struct options *o, struct err_info *e)
{
	static const double target[2] = { 0, room_ms };
	size_t n = o->seconds * RATE;
	struct lab_cpu before, after;
	struct bench b = { 0 };
	double best[2] = { 0 };
	char what[2][96];
	const char *const names[2] = { what[0], what[1] };
	enum err rc = bench_open(&b, o, o->room, SESSIONS, false, e);

	if (rc == ERR_OK)
		rc = lines_open(&b.lines, e);
	lab_cpu(b.hub.pid, &before);
	if (rc == ERR_OK)
		rc = events(&b, n, o->room, e);
	lab_cpu(b.hub.pid, &after);
	if (rc == ERR_OK)
		rc = mirror_rounds(o->room, b.event.len + 120, NULL,
		    n < 300 ? n : 300, best, e);
	for (int i = 0; i < 2; i++)
		(void)snprintf(what[i], sizeof what[i],
		    i ? "  the same, p99" :
		        "event to the last of %zu live connections, p50",
		    o->room);
	if (rc == ERR_OK) {
		lab_cpu_print(&before, &after, (double)o->seconds, (double)n);
		put_rows(names, &b, best, target,
		    "as many bytes to as many sockets");
	}
	bench_close(&b);
	return rc;
}

static enum err
measure_relay(const struct options *o, struct err_info *e)
{
	static const double target[2] = { relay_p50_ms, relay_p99_ms };
	static const char *const what[2] = {
		"event from one live connection to another, p50",
		"  the same, p99"
	};
	struct bench b = { 0 };
	double best[2] = { 0 };
	char *file;
	enum err rc = bench_open(&b, o, 2, SESSIONS, false, e);

	if (rc == ERR_OK)
		rc = lines_open(&b.lines, e);
	if (rc == ERR_OK)
		rc = events(&b, o->relay, 1, e);
	file = arena_fmt(&b.arena, "%s/bare", b.hub.folder);
	if (rc == ERR_OK)
		rc = mirror_rounds(2, b.event.len + 120, file, o->relay, best,
		    e);
	if (rc == ERR_OK)
		put_rows(what, &b, best, target,
		    "the same bytes, synced in between");
	bench_close(&b);
	return rc;
}

/* ---- idle ------------------------------------------------------------------ */

static double
cpu_sum(int pid)
{
	struct lab_cpu c;
	double s = 0;

	lab_cpu(pid, &c);
	for (size_t i = 0; i < c.n; i++)
		s += c.thread[i].s;
	return s;
}

/* Read what comes, for so long. */
static enum err
turns(struct lines *l, double seconds, struct err_info *e)
{
	double until = lab_now() + seconds, now;
	enum err rc = ERR_OK;

	while (rc == ERR_OK && (now = lab_now()) < until)
		rc = lines_turn(l, (int)(1000 * (until - now)) + 1, e);
	return rc;
}

/* What one of n holds, and what their heartbeats cost. */
struct idle {
	double kib, cpu_s, bare_s;
};

/* Each of a sign-in of its own. */
static enum err
idle_ours(struct bench *b, size_t n, struct idle *ret, struct err_info *e)
{
	/* What is there for the first ones is not the others'. */
	size_t first = n < 2 * SESSIONS ? n / 2 : SESSIONS;
	uint64_t before = 0;
	enum err rc;

	b->lines.n = first;
	rc = lines_open(&b->lines, e);
	if (rc == ERR_OK)
		rc = turns(&b->lines, TIDY_S, e);
	before = lab_kib(b->hub.pid, "RssAnon");
	b->lines.n = n;
	if (rc == ERR_OK)
		rc = lines_open(&b->lines, e);
	if (rc == ERR_OK)
		rc = turns(&b->lines, TIDY_S, e);
	ret->kib = (double)(lab_kib(b->hub.pid, "RssAnon") - before) /
	    (double)(n - first);
	b->lines.pings = 0;
	ret->cpu_s = cpu_sum(b->hub.pid);
	if (rc == ERR_OK)
		rc = turns(&b->lines, BEAT_S, e);
	ret->cpu_s = cpu_sum(b->hub.pid) - ret->cpu_s;
	printf("idle: %zu, %llu heartbeats\n", n,
	    (unsigned long long)b->lines.pings);
	return rc;
}

/* As many small messages and answers. */
static enum err
idle_bare(size_t n, struct idle *ret, struct err_info *e)
{
	struct mirror m = { 0 };
	double took, opened = 0;
	enum err rc = mirror_open(&m, n, BEAT, NULL, e);

	if (rc == ERR_OK) {
		opened = *m.cpu_s;
		rc = mirror_round(&m, true, &took, e);
	}
	mirror_close(&m, &ret->bare_s);
	ret->bare_s -= opened;
	return rc;
}

static enum err
measure_idle(const struct options *o, size_t n, bool tls, struct err_info *e)
{
	struct idle idle = { 0 };
	struct bench b = { 0 };
	char what[96];
	enum err rc = bench_open(&b, o, n, n, tls, e);

	if (rc == ERR_OK)
		rc = idle_ours(&b, n, &idle, e);
	bench_close(&b);
	if (rc == ERR_OK)
		rc = idle_bare(n, &idle, e);
	if (rc != ERR_OK)
		return rc;
	(void)snprintf(what, sizeof what,
	    "%zu idle live connections%s, memory of one", n,
	    tls ? ", TLS" : "");
	lab_row(&(struct lab_row){ .what = what,
	    .ours = idle.kib,
	    .target = tls ? idle_tls_kib : idle_kib,
	    .unit = "KiB" });
	lab_row(&(struct lab_row){ .what = "  their heartbeats, of a processor",
	    .ours = 100 * idle.cpu_s / BEAT_S,
	    .best = 100 * idle.bare_s / BEAT_S,
	    .target = idle_cpu,
	    .unit = "%",
	    .best_is = "as many messages and answers" });
	return ERR_OK;
}

/* ---- health ---------------------------------------------------------------- */

/* What the prober tells, in shared memory. */
struct probes {
	double worst_ms;
	unsigned n;
	bool failed;
};

static double
health(uint16_t port)
{
	static const char ask[] = "GET /api/health HTTP/1.1\r\nHost: x\r\n"
	                          "Connection: close\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	double began = lab_now();
	char chunk[2048];
	size_t got = 0;
	ssize_t n = 1;

	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0 ||
	    send(fd, ask, sizeof ask - 1, MSG_NOSIGNAL) < 0)
		n = 0;
	while (n > 0 && (n = recv(fd, chunk, sizeof chunk, 0)) > 0)
		got += (size_t)n;
	(void)close(fd);
	return got > 0 ? 1000 * (lab_now() - began) : -1;
}

static void
probe(uint16_t port, struct probes *p)
{
	const struct timespec pause = { .tv_nsec = PROBE_MS * 1000000 };

	for (;;) {
		double ms = health(port);

		p->failed |= ms < 0;
		if (ms > p->worst_ms)
			p->worst_ms = ms;
		p->n++;
		(void)nanosleep(&pause, NULL);
	}
}

/* A process that asks again and again.  Before there are connections that it would
 * hold as well. */
static enum err
prober_start(uint16_t port, struct probes **ret, int *pid, struct err_info *e)
{
	struct probes *p = mmap(NULL, sizeof *p, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return err_set(e, ERR_NOMEM);
	*ret = p;
	*pid = fork();
	if (*pid == 0)
		probe(port, p);
	return *pid > 0 ? ERR_OK : err_sys(e, errno, "fork");
}

/* Its worst, of n looks; what it saw is forgotten. */
static enum err
prober_take(struct probes *p, double *worst_ms, unsigned *n, struct err_info *e)
{
	*worst_ms = p->worst_ms;
	*n = p->n;
	if (p->failed || p->n == 0)
		return err_setf(e, ERR_FAILED, "health was not answered");
	*p = (struct probes){ 0 };
	return ERR_OK;
}

static void
prober_stop(struct probes *p, int pid)
{
	if (pid > 0) {
		(void)kill(pid, SIGKILL);
		(void)waitpid(pid, NULL, 0);
	}
	if (p != NULL)
		(void)munmap(p, sizeof *p);
}

/* ---- storm ------------------------------------------------------------------ */

static enum err
storm(struct bench *b, double *took, struct err_info *e)
{
	double began;
	enum err rc;

	lines_cut(&b->lines);
	began = lab_now();
	rc = lines_open(&b->lines, e);
	*took = lab_now() - began;
	return rc;
}

static enum err
measure_storm(const struct options *o, struct err_info *e)
{
	enum { TIMES = 5 };
	double took[TIMES], bare = 0, worst = 0;
	struct bench b = { 0 };
	struct mirror m = { 0 };
	struct probes *p = NULL;
	char what[96];
	unsigned n = 0;
	int pid = -1;
	enum err rc = bench_open(&b, o, o->storm, SESSIONS, false, e);

	if (rc == ERR_OK)
		rc = prober_start(b.hub.port, &p, &pid, e);
	if (rc == ERR_OK)
		rc = lines_open(&b.lines, e);
	for (int i = 0; i < TIMES && rc == ERR_OK; i++)
		rc = storm(&b, &took[i], e);
	if (rc == ERR_OK)
		rc = prober_take(p, &worst, &n, e);
	prober_stop(p, pid);
	bench_close(&b);
	if (rc == ERR_OK)
		rc = mirror_open(&m, o->storm, BEAT, NULL, e);
	bare = m.opened_s;
	mirror_close(&m, NULL);
	if (rc != ERR_OK)
		return rc;
	(void)lab_median(took, TIMES); /* sorts */
	printf("storm: %.3f s to %.3f s, %u times health, at worst %.1f ms\n",
	    took[0], took[TIMES - 1], n, worst);
	(void)snprintf(what, sizeof what,
	    "%zu cut at once, until all are live again", o->storm);
	lab_row(&(struct lab_row){ .what = what,
	    .ours = took[TIMES - 1],
	    .best = bare,
	    .target = storm_s,
	    .unit = "s",
	    .best_is = "as many sockets, one message each" });
	lab_row(&(struct lab_row){ .what = "  health meanwhile, at worst",
	    .ours = worst,
	    .target = health_ms,
	    .unit = "ms" });
	return ERR_OK;
}

/* ---- ------------------------------------------------------------------------- */

static bool
options(struct options *o, int argc, char **argv)
{
	*o = (struct options){ .seconds = 10 };
	for (int i = 2; i + 1 < argc; i += 2)
		if (!lab_number(argv + i, "--room", &o->room) &&
		    !lab_number(argv + i, "--seconds", &o->seconds) &&
		    !lab_number(argv + i, "--idle", &o->idle) &&
		    !lab_number(argv + i, "--idle-tls", &o->idle_tls) &&
		    !lab_number(argv + i, "--storm", &o->storm) &&
		    !lab_number(argv + i, "--relay", &o->relay))
			return false;
	if (argc < 2 || argc % 2 != 0)
		return false;
	o->clowder = argv[1];
	return true;
}

/* Each connection is a descriptor here, and one there. */
static void
allow_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &r);
	}
}

int
main(int argc, char **argv)
{
	struct err_info e = { 0 };
	struct options o;
	enum err rc = ERR_OK;

	if (!options(&o, argc, argv)) {
		(void)fprintf(stderr,
		    "usage: bench_live CLOWDER [--room N] [--seconds N] "
		    "[--idle N] [--idle-tls N] [--storm N] [--relay N]\n");
		return 2;
	}
	allow_files();
	if (o.room > 0)
		rc = measure_room(&o, &e);
	if (rc == ERR_OK && o.relay > 0)
		rc = measure_relay(&o, &e);
	if (rc == ERR_OK && o.storm > 0)
		rc = measure_storm(&o, &e);
	if (rc == ERR_OK && o.idle > 0)
		rc = measure_idle(&o, o.idle, false, &e);
	if (rc == ERR_OK && o.idle_tls > 0)
		rc = measure_idle(&o, o.idle_tls, true, &e);
	if (rc != ERR_OK)
		(void)fprintf(stderr, "bench_live: %s\n", e.text);
	return rc != ERR_OK;
}
