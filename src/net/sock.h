/* Sockets: non-blocking, close-on-exec, with a fault point in each call that
 * moves bytes or makes a connection.  Inside of net. */
#ifndef CLOWDER_SOCK_H
#define CLOWDER_SOCK_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/uio.h>

#include "err.h"

enum { SOCK_NAME_MAX = 64 }; /* "[address%scope]:port" and NUL */

/* Listen on an IP address; *port 0: any free one, which it says afterwards.
 * ERR_EXISTS where it is in use. */
enum err sock_listen(const char *host, uint16_t *port, int *fd,
    struct err_info *e);
/* As accept4, the connection's options set.  -1 and errno. */
int sock_accept(int fd, struct sockaddr_storage *peer);
bool sock_waiting(int fd); /* somebody is there to be accepted */
/* As recv and sendmsg; no SIGPIPE.  -1 and errno. */
ssize_t sock_recv(int fd, void *p, size_t n);
ssize_t sock_send(int fd, const struct iovec *iov, size_t n);
/* "127.0.0.1:80", "[::1]:80"; *host_n: length of the part before the port. */
void sock_name(const struct sockaddr_storage *a, char name[SOCK_NAME_MAX],
    size_t *host_n);
/* The peer sends no more, or is gone. */
bool sock_ended(int fd);
/* OpenSSL writes with write(2): a peer that is gone must be an error, not the
 * end of the program.  Leaves another disposition than the default alone. */
void sock_ignore_sigpipe(void);

#endif
