/* Log of the long-running programs: one line per event, RFC 3339 time, level,
 * module, key=value text.  Knows nothing of anybody, so that it can stand at
 * the bottom.  Any thread; one write per line.  Never a secret. */
#ifndef CLOWDER_LOG_H
#define CLOWDER_LOG_H

enum log_level { LOG_ERROR, LOG_WARN, LOG_INFO, LOG_DEBUG };

/* fd is borrowed; lines above level are not written.  Default: stderr, INFO. */
void log_to(int fd, enum log_level level);
/* Newlines and control characters in the text are escaped; a text above 4 KiB
 * is cut.  Keeps errno. */
void log_line(enum log_level level, const char *module, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
