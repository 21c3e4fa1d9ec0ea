/* Names of things as people type them.  docs/formats.md 7.  Pure. */
#ifndef CLOWDER_IDS_H
#define CLOWDER_IDS_H

#include <stdbool.h>
#include <stdint.h>

#include "str.h"

enum { ID_SUFFIX_LEN = 3, ID_TODO_SHOWN = 8, ID_PROJECT_SHOWN = 8 };

/* The letters that tell this replica's work packages from others': the first 15
 * bits of its id (32 hex digits) in base32 (RFC 4648), lower case. */
void id_suffix(const char *node, char out[ID_SUFFIX_LEN + 1]);

/* The number of "WP07" and "WP07-abc"; false where it is no such id. */
bool id_wp_number(struct str wp_id, uint64_t *ret);
/* "WP07" of both; the whole of anything else. */
struct str id_wp_short(struct str wp_id);
/* The number of "012-words". */
bool id_feature_number(struct str slug, uint64_t *ret);
/* "words" of "012-words"; n 0 where it is no such slug. */
struct str id_feature_word(struct str slug);

/* "feature/WP07" in its two halves; false where there is no '/'. */
bool id_wp_split(struct str key, struct str *feature, struct str *wp_id);

/* How many characters of each of these tell it from all others; the items are
 * sorted by bytes, `least` is the answer's lower bound. */
size_t id_unique_len(const struct str *sorted, size_t n, size_t least);

#endif
