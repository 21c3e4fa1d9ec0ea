/* The numbered migrations of store.db (schema/), made into C by the build. */
#ifndef CLOWDER_STORE_SCHEMA_H
#define CLOWDER_STORE_SCHEMA_H

extern const char *const store_schema[]; /* script i leads to version i + 1 */
extern const unsigned store_schema_count;

#endif
