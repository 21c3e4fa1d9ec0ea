#include "ids.h"

void
id_suffix(const char *node, char out[ID_SUFFIX_LEN + 1])
{
	static const char letter[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint8_t b[2] = { 0, 0 };
	unsigned bits;

	/* A node id is hex by contract; anything else still gives letters. */
	if (!hex_decode(str_n(node, strlen(node) < 4 ? 0 : 4), b, sizeof b))
		b[0] = b[1] = 0;
	bits = (unsigned)b[0] << 8 | b[1];
	for (int i = 0; i < ID_SUFFIX_LEN; i++)
		out[i] = letter[bits >> (11 - 5 * i) & 31];
	out[ID_SUFFIX_LEN] = '\0';
}

static size_t
digits(struct str s, size_t at)
{
	size_t n = 0;

	while (at + n < s.n && s.p[at + n] >= '0' && s.p[at + n] <= '9')
		n++;
	return n;
}

struct str
id_wp_short(struct str wp_id)
{
	size_t n;

	if (!str_starts(wp_id, STR("WP")))
		return wp_id;
	n = 2 + digits(wp_id, 2);
	if (n == 2 || (n < wp_id.n && wp_id.p[n] != '-'))
		return wp_id;
	return str_n(wp_id.p, n);
}

bool
id_wp_number(struct str wp_id, uint64_t *ret)
{
	struct str s = id_wp_short(wp_id);

	return str_starts(s, STR("WP")) &&
	    str_u64(str_n(s.p + 2, s.n - 2), ret);
}

bool
id_feature_number(struct str slug, uint64_t *ret)
{
	size_t n = digits(slug, 0);

	return n < slug.n && slug.p[n] == '-' && str_u64(str_n(slug.p, n), ret);
}

struct str
id_feature_word(struct str slug)
{
	size_t n = digits(slug, 0);

	if (n == 0 || n >= slug.n || slug.p[n] != '-')
		return (struct str){ 0 };
	return str_n(slug.p + n + 1, slug.n - n - 1);
}

bool
id_wp_split(struct str key, struct str *feature, struct str *wp_id)
{
	size_t at = str_find(key, '/');

	if (at == SIZE_MAX)
		return false;
	*feature = str_n(key.p, at);
	*wp_id = str_n(key.p + at + 1, key.n - at - 1);
	return true;
}

static size_t
common(struct str a, struct str b)
{
	size_t n = 0;

	while (n < a.n && n < b.n && a.p[n] == b.p[n])
		n++;
	return n;
}

size_t
id_unique_len(const struct str *sorted, size_t n, size_t least)
{
	/* Of sorted items the nearest are neighbours. */
	for (size_t i = 1; i < n; i++) {
		size_t same = common(sorted[i - 1], sorted[i]);

		if (same + 1 > least && !str_eq(sorted[i - 1], sorted[i]))
			least = same + 1;
	}
	return least;
}
