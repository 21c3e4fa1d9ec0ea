/* The numbered migrations of hub.db (schema/), made into C by the build. */
#ifndef CLOWDER_HUB_SCHEMA_H
#define CLOWDER_HUB_SCHEMA_H

extern const char *const hub_schema[]; /* script i leads to version i + 1 */
extern const unsigned hub_schema_count;

#endif
