/* Error codes and the message that travels with them.
 *
 * One table gives each code its name on the wire, its HTTP status, its exit
 * status and its text (docs/protocol.md, Errors; docs/formats.md, Exit codes).
 * Libraries return a code and fill an err_info; programs print it, once.
 */
#ifndef CLOWDER_ERR_H
#define CLOWDER_ERR_H

/* A table is drawn by hand: */
/* clang-format off */
#define ERR_TABLE(X)                                                                         \
	/* code          wire name                 http exit text                              */ \
	X(NOMEM,        "out_of_memory",            503, 1, "out of memory")                      \
	X(IO,           "io_error",                 503, 1, "input/output error")                 \
	X(NO_SPACE,     "no_space",                 503, 1, "no space left on device")            \
	X(NOT_FOUND,    "not_found",                404, 1, "not found")                          \
	X(EXISTS,       "exists",                   409, 4, "already exists")                     \
	X(AMBIGUOUS,    "ambiguous",                409, 4, "ambiguous")                          \
	X(CONFLICT,     "conflict",                 409, 4, "conflict")                           \
	X(REFUSED,      "refused",                  422, 4, "refused")                            \
	X(FAILED,       "failed",                   500, 1, "did not succeed")                    \
	X(USAGE,        "usage",                    400, 2, "usage")                              \
	X(CONFIG,       "bad_config",               500, 1, "bad configuration")                  \
	X(CORRUPT,      "corrupt",                  500, 1, "stored data is corrupt")             \
	X(NEWER,        "newer_version",            500, 1, "made by a newer version")            \
	X(LOCKED,       "locked",                   503, 1, "locked by another process")          \
	X(PERMISSION,   "permission",               500, 1, "permission denied")                  \
	X(UNSUPPORTED,  "unsupported",              501, 1, "not supported here")                 \
	X(INTERRUPTED,  "interrupted",              503, 130, "interrupted")                      \
	/* the network and the hub */                                                            \
	X(UNREACHABLE,  "unreachable",              502, 5, "cannot reach server")                \
	X(TIMEOUT,      "timeout",                  504, 5, "timed out")                          \
	X(UNAVAILABLE,  "unavailable",              503, 5, "server is busy")                     \
	X(TLS,          "tls",                      502, 5, "TLS failed")                         \
	X(PROTOCOL,     "protocol_error",           502, 1, "the answer breaks the protocol")     \
	X(SIGN_IN,      "sign_in_needed",           401, 3, "not signed in")                      \
	X(UNAUTHORIZED, "unauthorized",             401, 3, "authentication required")            \
	X(FORBIDDEN,    "forbidden",                403, 4, "forbidden")                          \
	X(CREDENTIALS,  "invalid_credentials",      401, 3, "wrong user name or password")        \
	X(GRANT,        "invalid_grant",            401, 3, "the refresh token was not accepted") \
	X(SESSION,      "session_invalid",          401, 3, "the session has ended")              \
	X(REPLAY,       "refresh_replay_benign_retry", 409, 1, "another process refreshed first") \
	X(THROTTLED,    "throttled",                429, 5, "too many attempts")                  \
	X(BAD_REQUEST,  "bad_request",              400, 1, "bad request")                        \
	X(BAD_JSON,     "bad_json",                 400, 1, "not JSON")                           \
	X(METHOD,       "method_not_allowed",       405, 1, "method not allowed")                 \
	X(LENGTH,       "length_required",          411, 1, "length required")                    \
	X(TOO_LARGE,    "too_large",                413, 4, "too large")                          \
	X(MEDIA,        "unsupported_media_type",   415, 1, "unsupported encoding")               \
	X(URI_LONG,     "uri_too_long",             414, 1, "request target too long")            \
	X(HEADERS_BIG,  "headers_too_large",        431, 1, "header fields too large")            \
	X(HTTP_VERSION, "http_version_not_supported", 505, 1, "HTTP version not supported")       \
	X(RESYNC,       "resync",                   409, 1, "position is not of this epoch")      \
	/* refusals of one event (docs/protocol.md, Batch) */                                    \
	X(SCHEMA,       "schema_mismatch",          422, 4, "does not fit the schema")            \
	X(CLOCK_AHEAD,  "clock_ahead",              422, 4, "Lamport clock is too far ahead")     \
	X(CLOCK_BEHIND, "clock_behind",             409, 4, "stamp is not above what it names")   \
	X(PARENT,       "missing_parent",           409, 4, "names an event that is not here")    \
	X(ID_REUSED,    "id_reused",                409, 4, "same id, other content")             \
	X(FORK,         "replica_fork",             409, 4, "two replicas use one node id")       \
	X(QUOTA,        "quota",                    403, 4, "over the quota of the team")
/* clang-format on */

enum err {
	ERR_OK = 0,
#define X(code, wire, http, exit_, text) ERR_##code,
	ERR_TABLE(X)
#undef X
	    ERR_COUNT
};

enum { ERR_TEXT_MAX = 512 };

/* Start from a zeroed one.  text: outermost reason first, no newline. */
struct err_info {
	enum err code;
	char text[ERR_TEXT_MAX];
};

const char *err_wire(enum err code); /* stable name, "ok" for ERR_OK */
const char *err_text(enum err code);
int err_http(enum err code); /* HTTP status, 200 for ERR_OK */
int err_exit(enum err code); /* exit status, 0 for ERR_OK */
/* The code with this wire name; ERR_OK where there is none. */
enum err err_from_wire(const char *name, unsigned long n);

/* Say what went wrong; the text replaces what e held.  Returns code. */
enum err err_set(struct err_info *e, enum err code);
enum err err_setf(struct err_info *e, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* As err_setf for a failed system call: adds strerror(errno_) and picks the
 * code from it (ENOSPC, EDQUOT: NO_SPACE; ENOENT: NOT_FOUND; EACCES, EPERM:
 * PERMISSION; ENOMEM: NOMEM; else IO). */
enum err err_sys(struct err_info *e, int errno_, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
/* Put "why: " in front of what e already says; returns e->code, so that
 * `return err_wrap(e, "open %s", path)` reads as one step. */
enum err err_wrap(struct err_info *e, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#endif
