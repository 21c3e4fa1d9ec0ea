#include "sock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "fault.h"

/* What does not fit is sent again by its peer after one, three, seven seconds. */
enum { BACKLOG = 4096 };

static enum err
parse(const char *host, uint16_t port, struct sockaddr_storage *ss,
    socklen_t *n, struct err_info *e)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ss;

	*ss = (struct sockaddr_storage){ 0 };
	if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		*n = sizeof *v4;
		return ERR_OK;
	}
	if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		*n = sizeof *v6;
		return ERR_OK;
	}
	return err_setf(e, ERR_USAGE, "%s is not an IP address", host);
}

static enum err
listen_failed(int errno_, const char *host, uint16_t port, struct err_info *e)
{
	if (errno_ == EADDRINUSE)
		return err_setf(e, ERR_EXISTS, "%s port %u is in use", host,
		    port);
	return err_sys(e, errno_, "listen on %s port %u", host, port);
}

enum err
sock_listen(const char *host, uint16_t *port, int *ret, struct err_info *e)
{
	struct sockaddr_storage ss;
	socklen_t n = 0;
	int fd, one = 1;
	enum err rc = parse(host, *port, &ss, &n, e);

	if (rc != ERR_OK)
		return rc;
	fd = fault_tick() ?
	    (errno = EMFILE, -1) :
	    socket(ss.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_sys(e, errno, "socket");
	/* SO_REUSEADDR: a restart does not wait for old connections to die. */
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) != 0 ||
	    bind(fd, (struct sockaddr *)&ss, n) != 0 ||
	    listen(fd, BACKLOG) != 0 ||
	    getsockname(fd, (struct sockaddr *)&ss, &n) != 0) {
		rc = listen_failed(errno, host, *port, e);
		close(fd);
		return rc;
	}
	/* The port stands at the same place in both kinds of address. */
	*port = ntohs(((struct sockaddr_in *)&ss)->sin_port);
	*ret = fd;
	return ERR_OK;
}

int
sock_accept(int fd, struct sockaddr_storage *peer)
{
	socklen_t n = sizeof *peer;
	int one = 1, s;

	*peer = (struct sockaddr_storage){ 0 };
	if (fault_tick()) {
		errno = ECONNABORTED;
		return -1;
	}
	s = accept4(fd, (struct sockaddr *)peer, &n,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	/* Answers go out in one piece each: waiting for more only delays them.
	 * A socket that does not know the option works as well. */
	if (s >= 0)
		(void)setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	return s;
}

bool
sock_waiting(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

ssize_t
sock_recv(int fd, void *p, size_t n)
{
	ssize_t r;

	if (fault_tick()) {
		errno = ECONNRESET;
		return -1;
	}
	do
		r = recv(fd, p, n, 0);
	while (r < 0 && errno == EINTR);
	return r;
}

ssize_t
sock_send(int fd, const struct iovec *iov, size_t n)
{
	struct msghdr m = { .msg_iov = (struct iovec *)(uintptr_t)iov,
		.msg_iovlen = n };
	ssize_t r;

	if (fault_tick()) {
		errno = EPIPE;
		return -1;
	}
	do
		r = sendmsg(fd, &m, MSG_NOSIGNAL);
	while (r < 0 && errno == EINTR);
	return r;
}

void
sock_name(const struct sockaddr_storage *a, char name[SOCK_NAME_MAX],
    size_t *host_n)
{
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)a;
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)a;
	char ip[INET6_ADDRSTRLEN] = "?";
	int n;

	if (a->ss_family == AF_INET)
		(void)inet_ntop(AF_INET, &v4->sin_addr, ip, sizeof ip);
	else if (a->ss_family == AF_INET6 &&
	    IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) /* of a dual-stack socket */
		(void)inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], ip,
		    sizeof ip);
	else if (a->ss_family == AF_INET6)
		(void)inet_ntop(AF_INET6, &v6->sin6_addr, ip, sizeof ip);
	n = snprintf(name, SOCK_NAME_MAX, strchr(ip, ':') ? "[%s]" : "%s", ip);
	*host_n = n > 0 ? (size_t)n : 0;
	n = snprintf(name + *host_n, SOCK_NAME_MAX - *host_n, ":%u",
	    (unsigned)ntohs(v4->sin_port));
	if (n < 0)
		name[*host_n] = '\0';
}

bool
sock_ended(int fd)
{
	struct pollfd p = { fd, POLLRDHUP, 0 };

	return poll(&p, 1, 0) > 0;
}

void
sock_ignore_sigpipe(void)
{
	struct sigaction sa;

	if (sigaction(SIGPIPE, NULL, &sa) == 0 && sa.sa_handler == SIG_DFL)
		(void)signal(SIGPIPE, SIG_IGN);
}
