#include "mirror.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "lab.h"

enum { EVENTS_MAX = 512, CHUNK = 65536, WAIT_MS = 20000 };

static char text[CHUNK];

/* ---- the other process ------------------------------------------------ */

struct server {
	size_t n, open, bytes, got;
	int *fd;
	int ep, listener, file;
	double *cpu_s;
};

static void
watch(int ep, int fd, uint32_t id)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.u32 = id };

	if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) != 0)
		_exit(1);
}

static void
send_one(struct server *s, int fd)
{
	if (send(fd, text, s->bytes, MSG_NOSIGNAL) != (ssize_t)s->bytes)
		_exit(0); /* they have gone */
}

static void
take_one(struct server *s)
{
	int one = 1, fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0 || s->open == s->n)
		_exit(1);
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	s->fd[s->open] = fd;
	watch(s->ep, fd, (uint32_t)s->open++);
	send_one(s, fd);
}

static void
note_cpu(struct server *s)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	*s->cpu_s = (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void
hear_one(struct server *s, uint32_t id)
{
	ssize_t n = recv(s->fd[id], text, sizeof text, MSG_DONTWAIT);

	if (n <= 0)
		_exit(0);
	if (id != 0)
		return;
	s->got += (size_t)n;
	if (s->got < s->bytes)
		return;
	s->got = 0;
	if (s->file >= 0 &&
	    (write(s->file, text, s->bytes) < 0 || fdatasync(s->file) != 0))
		_exit(1);
	for (size_t i = 0; i < s->open; i++)
		send_one(s, s->fd[i]);
}

static void
serve(struct server *s)
{
	static struct epoll_event ev[EVENTS_MAX];

	watch(s->ep, s->listener, UINT32_MAX);
	for (;;) {
		int n = epoll_wait(s->ep, ev, EVENTS_MAX, -1);

		for (int i = 0; i < n; i++) {
			if (ev[i].data.u32 == UINT32_MAX)
				take_one(s);
			else
				hear_one(s, ev[i].data.u32);
		}
		note_cpu(s);
	}
}

static enum err
start(struct mirror *m, const char *file, uint16_t *port, struct err_info *e)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	struct server s = { .n = m->n, .bytes = m->bytes, .file = -1 };

	s.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (s.listener < 0 ||
	    bind(s.listener, (struct sockaddr *)&at, sizeof at) != 0 ||
	    listen(s.listener, 4096) != 0 ||
	    getsockname(s.listener, (struct sockaddr *)&at, &size) != 0)
		return err_sys(e, errno, "listen");
	*port = ntohs(at.sin_port);
	m->pid = fork();
	if (m->pid == 0) {
		s.fd = mem_zero(m->n * sizeof *s.fd);
		s.ep = epoll_create1(EPOLL_CLOEXEC);
		s.cpu_s = m->cpu_s;
		if (file != NULL)
			s.file =
			    open(file, O_WRONLY | O_CREAT | O_APPEND, 0600);
		if (s.fd == NULL || s.ep < 0 || (file != NULL && s.file < 0))
			_exit(1);
		serve(&s);
	}
	(void)close(s.listener);
	return m->pid > 0 ? ERR_OK : err_sys(e, errno, "fork");
}

/* ---- this one ------------------------------------------------------------ */

/* Until each has got so many bytes more. */
static enum err
until_all(struct mirror *m, bool reply, struct err_info *e)
{
	static struct epoll_event ev[EVENTS_MAX];
	size_t left = m->n * m->bytes;

	while (left > 0) {
		int n = epoll_wait(m->ep, ev, EVENTS_MAX, WAIT_MS);

		if (n <= 0)
			return err_setf(e, ERR_TIMEOUT, "nothing came");
		for (int i = 0; i < n; i++) {
			int fd = m->fd[ev[i].data.u32];
			ssize_t got = recv(fd, text, sizeof text, MSG_DONTWAIT);

			if (got <= 0)
				return err_setf(e, ERR_IO, "it has ended");
			left -= (size_t)got;
			if (reply && ev[i].data.u32 > 0)
				(void)send(fd, text, m->bytes, MSG_NOSIGNAL);
		}
	}
	return ERR_OK;
}

enum err
mirror_open(struct mirror *m, size_t n, size_t bytes, const char *file,
    struct err_info *e)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	uint16_t port = 0;
	double began;
	enum err rc;
	int one = 1;

	*m = (struct mirror){ .n = n, .bytes = bytes };
	m->cpu_s = mmap(NULL, sizeof *m->cpu_s, PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	m->fd = mem_zero(n * sizeof *m->fd);
	m->ep = epoll_create1(EPOLL_CLOEXEC);
	if (m->cpu_s == MAP_FAILED || m->fd == NULL || m->ep < 0)
		return err_set(e, ERR_NOMEM);
	rc = start(m, file, &port, e);
	to.sin_port = htons(port);
	began = lab_now();
	for (size_t i = 0; i < n && rc == ERR_OK; i++) {
		struct epoll_event ev = { .events = EPOLLIN,
			.data.u32 = (uint32_t)i };

		m->fd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (m->fd[i] < 0 ||
		    connect(m->fd[i], (struct sockaddr *)&to, sizeof to) != 0 ||
		    epoll_ctl(m->ep, EPOLL_CTL_ADD, m->fd[i], &ev) != 0)
			rc = err_sys(e, errno, "connect");
		(void)setsockopt(m->fd[i], IPPROTO_TCP, TCP_NODELAY, &one,
		    sizeof one);
	}
	if (rc == ERR_OK)
		rc = until_all(m, false, e);
	m->opened_s = lab_now() - began;
	return rc;
}

enum err
mirror_round(struct mirror *m, bool reply, double *ret_s, struct err_info *e)
{
	double began = lab_now();
	enum err rc = ERR_OK;

	if (send(m->fd[0], text, m->bytes, MSG_NOSIGNAL) != (ssize_t)m->bytes)
		rc = err_sys(e, errno, "send");
	if (rc == ERR_OK)
		rc = until_all(m, reply, e);
	*ret_s = lab_now() - began;
	return rc;
}

void
mirror_close(struct mirror *m, double *ret_cpu_s)
{
	if (m->pid > 0) {
		(void)kill(m->pid, SIGKILL);
		(void)waitpid(m->pid, NULL, 0);
	}
	if (ret_cpu_s != NULL)
		*ret_cpu_s = m->cpu_s != NULL ? *m->cpu_s : 0;
	for (size_t i = 0; m->fd != NULL && i < m->n; i++)
		if (m->fd[i] > 0)
			(void)close(m->fd[i]);
	if (m->ep > 0)
		(void)close(m->ep);
	if (m->cpu_s != NULL && m->cpu_s != MAP_FAILED)
		(void)munmap(m->cpu_s, sizeof *m->cpu_s);
	free(m->fd);
	*m = (struct mirror){ 0 };
}
