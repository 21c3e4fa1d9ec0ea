/* What SQLite does at best as a whole process, beside commands that do the same
 * for people:
 *
 *	bare make DB ROWS      a table of so many rows with unique ids
 *	bare commit DB         one more row, durable: as `wp move`
 *	bare read DB ROWS      the first rows: as `board`
 *	bare files DB DIR      every file there, and one row for each, durable: as
 *	                       `consolidate`
 *	bare look DB DIR       each file's times: as `consolidate` again
 *	bare change DB DIR     and one row, durable: where one of them changed */
#include <dirent.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ROW_BYTES = 600, FILE_BYTES_MAX = 65536 };

static sqlite3 *db;

static void
sql(const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) == SQLITE_OK)
		return;
	(void)fprintf(stderr, "bare: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static sqlite3_stmt *
prepare(const char *text)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, text, -1, &st, NULL) == SQLITE_OK)
		return st;
	(void)fprintf(stderr, "bare: %s\n", sqlite3_errmsg(db));
	exit(1);
}

static void
insert(sqlite3_stmt *st, const void *p, size_t n)
{
	static unsigned char id[16];

	sqlite3_randomness(8, id + 8);
	if (sqlite3_bind_blob(st, 1, id, sizeof id, SQLITE_STATIC) !=
	        SQLITE_OK ||
	    sqlite3_bind_blob(st, 2, p, (int)n, SQLITE_STATIC) != SQLITE_OK ||
	    sqlite3_step(st) != SQLITE_DONE || sqlite3_reset(st) != SQLITE_OK)
		exit(1);
}

static void
rows(const char *n)
{
	sqlite3_stmt *st;
	char row[ROW_BYTES];

	memset(row, 'x', sizeof row);
	sql("BEGIN IMMEDIATE");
	st = prepare("INSERT INTO e (id, raw) VALUES (?, ?)");
	for (unsigned long i = strtoul(n, NULL, 10); i > 0; i--)
		insert(st, row, sizeof row);
	(void)sqlite3_finalize(st);
	sql("COMMIT");
}

static void
first(const char *n)
{
	sqlite3_stmt *st = prepare("SELECT raw FROM e WHERE at <= ?");

	if (sqlite3_bind_int64(st, 1, strtol(n, NULL, 10)) != SQLITE_OK)
		exit(1);
	while (sqlite3_step(st) == SQLITE_ROW)
		(void)fwrite(sqlite3_column_blob(st, 0), 1,
		    (size_t)sqlite3_column_bytes(st, 0), stdout);
	(void)sqlite3_finalize(st);
}

static void
times(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *d;
	struct stat st;

	if (dir == NULL)
		exit(1);
	while ((d = readdir(dir)) != NULL)
		if (fstatat(dirfd(dir), d->d_name, &st, 0) != 0)
			exit(1);
	(void)closedir(dir);
}

static void
files(const char *path)
{
	static char text[FILE_BYTES_MAX];
	DIR *dir = opendir(path);
	struct dirent *d;
	sqlite3_stmt *st;

	if (dir == NULL)
		exit(1);
	sql("BEGIN IMMEDIATE");
	st = prepare("INSERT INTO e (id, raw) VALUES (?, ?)");
	while ((d = readdir(dir)) != NULL) {
		int fd = openat(dirfd(dir), d->d_name, O_RDONLY | O_CLOEXEC);
		ssize_t n = fd >= 0 ? read(fd, text, sizeof text) : -1;

		if (n > 0)
			insert(st, text, (size_t)n);
		if (fd >= 0)
			close(fd);
	}
	(void)closedir(dir);
	(void)sqlite3_finalize(st);
	sql("COMMIT");
}

int
main(int argc, char **argv)
{
	const char *verb = argc >= 3 ? argv[1] : "";
	bool make = strcmp(verb, "make") == 0;

	if (argc < 3 || sqlite3_open(argv[2], &db) != SQLITE_OK)
		return 2;
	if (make)
		sql("PRAGMA page_size=8192; PRAGMA journal_mode=WAL;"
		    "CREATE TABLE e (at INTEGER PRIMARY KEY, id BLOB UNIQUE,"
		    "raw BLOB)");
	/* As our store: a WAL of a MiB, and no checkpoint at the end. */
	sql("PRAGMA synchronous=FULL; PRAGMA wal_autocheckpoint=128");
	(void)sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, !make,
	    NULL);
	if (make && argc == 4)
		rows(argv[3]);
	else if (strcmp(verb, "commit") == 0)
		rows("1");
	else if (strcmp(verb, "read") == 0 && argc == 4)
		first(argv[3]);
	else if (strcmp(verb, "files") == 0 && argc == 4)
		files(argv[3]);
	else if (strcmp(verb, "look") == 0 && argc == 4)
		times(argv[3]);
	else if (strcmp(verb, "change") == 0 && argc == 4)
		times(argv[3]), rows("1");
	else
		return 2;
	(void)sqlite3_close(db);
	return 0;
}
