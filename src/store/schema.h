/* The numbered migrations of store.db (schema/), made into C by the build, and
 * whether a database has the objects that migrations make. */
#ifndef CLOWDER_STORE_SCHEMA_H
#define CLOWDER_STORE_SCHEMA_H

#include "err.h"

struct sqlite3;

extern const char *const store_schema[]; /* script i leads to version i + 1 */
extern const unsigned store_schema_count;

/* Tables, indices, triggers and views of db are those that the n scripts make, to
 * the letter; `extra` (NULL: none) may be a table as well.  finding() is told
 * each that is missing, made otherwise or not ours. */
enum err schema_check(struct sqlite3 *db, const char *const *script, unsigned n,
    const char *extra, void (*finding)(void *ctx, const char *text), void *ctx,
    struct err_info *e);

#endif
