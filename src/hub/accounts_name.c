/* What users, teams and e-mail addresses may be called, and when two names are
 * the same. */
#include <stdlib.h>
#include <utf8proc.h>

#include "accounts_int.h"
#include "fault.h"

enum { TITLE_MAX = 128, SLUG_MADE_MAX = 40 };

/* Compatible characters and case are no difference (NFKC_Casefold). */
#define FOLD \
	(UTF8PROC_STABLE | UTF8PROC_COMPOSE | UTF8PROC_COMPAT | \
	    UTF8PROC_CASEFOLD | UTF8PROC_IGNORE)
#define NFC (UTF8PROC_STABLE | UTF8PROC_COMPOSE)
/* Letters without their marks. */
#define BARE \
	(UTF8PROC_STABLE | UTF8PROC_DECOMPOSE | UTF8PROC_COMPAT | \
	    UTF8PROC_CASEFOLD | UTF8PROC_STRIPMARK | UTF8PROC_IGNORE)

/* *ret in ar; n 0 where s is not UTF-8. */
static enum err
map_text(struct str s, int options, struct arena *ar, struct str *ret,
    struct err_info *e)
{
	utf8proc_uint8_t *out = NULL;
	utf8proc_ssize_t n;

	*ret = (struct str){ 0 };
	n = fault_tick() ?
	    UTF8PROC_ERROR_NOMEM :
	    utf8proc_map((const utf8proc_uint8_t *)s.p, (utf8proc_ssize_t)s.n,
	        &out, (utf8proc_option_t)options);
	if (n == UTF8PROC_ERROR_NOMEM)
		return err_set(e, ERR_NOMEM);
	if (n > 0)
		*ret = arena_str(ar, str_n(out, (size_t)n));
	free(out);
	return n > 0 && ret->p == NULL ? err_set(e, ERR_NOMEM) : ERR_OK;
}

/* The next code point of s, -1 at its end or where it is not UTF-8. */
static utf8proc_int32_t
next_char(struct str *s)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t n;

	if (s->n == 0)
		return -1;
	n = utf8proc_iterate((const utf8proc_uint8_t *)s->p,
	    (utf8proc_ssize_t)s->n, &c);
	if (n <= 0)
		return -1;
	*s = str_n(s->p + n, s->n - (size_t)n);
	return c;
}

static bool
is_letter(utf8proc_int32_t c)
{
	utf8proc_category_t cat = utf8proc_category(c);

	return (cat >= UTF8PROC_CATEGORY_LU && cat <= UTF8PROC_CATEGORY_LO) ||
	    cat == UTF8PROC_CATEGORY_ND;
}

static bool
is_mark(utf8proc_int32_t c)
{
	utf8proc_category_t cat = utf8proc_category(c);

	return cat == UTF8PROC_CATEGORY_MN || cat == UTF8PROC_CATEGORY_MC;
}

static bool
user_well_formed(struct str s)
{
	utf8proc_int32_t c = next_char(&s);

	if (c < 0 || !is_letter(c))
		return false;
	while (s.n > 0) {
		c = next_char(&s);
		if (c < 0 ||
		    !(is_letter(c) || is_mark(c) || c == '.' || c == '_' ||
		        c == '-'))
			return false;
	}
	return true;
}

static enum err
name_make(struct str s, struct arena *ar, struct account_name *ret,
    struct err_info *e)
{
	enum err rc = map_text(s, NFC, ar, &ret->text, e);

	return rc == ERR_OK ? map_text(s, FOLD, ar, &ret->key, e) : rc;
}

enum err
name_user(struct str s, struct arena *ar, struct account_name *ret,
    struct err_info *e)
{
	enum err rc;

	*ret = (struct account_name){ 0 };
	if (s.n > 0 && s.n <= ACCOUNTS_NAME_MAX) {
		rc = name_make(s, ar, ret, e);
		if (rc != ERR_OK)
			return rc;
	}
	if (!user_well_formed(ret->text) || ret->key.n == 0 ||
	    ret->text.n > ACCOUNTS_NAME_MAX)
		return err_setf(e, ERR_REFUSED,
		    "a user name has 1 to %d bytes: letters, digits, '.', '_' "
		    "and '-', and begins with a letter or digit",
		    ACCOUNTS_NAME_MAX);
	return ERR_OK;
}

static bool
email_well_formed(struct str s)
{
	struct str rest = s;
	size_t at = str_find(s, '@');

	if (at == SIZE_MAX || at == 0 || at + 1 == s.n ||
	    str_find(str_n(s.p + at + 1, s.n - at - 1), '@') != SIZE_MAX)
		return false;
	while (rest.n > 0) {
		utf8proc_int32_t c = next_char(&rest);
		utf8proc_category_t cat =
		    c < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c);

		/* No separators, nothing invisible, none of what headers and
		 * lists of addresses are written with. */
		if (cat == UTF8PROC_CATEGORY_CN ||
		    cat >= UTF8PROC_CATEGORY_ZS ||
		    (c < 128 && strchr("<>()[],;:\\\"", c) != NULL))
			return false;
	}
	return true;
}

enum err
name_email(struct str s, struct arena *ar, struct account_name *ret,
    struct err_info *e)
{
	enum err rc;

	*ret = (struct account_name){ 0 };
	if (s.n > 0 && s.n <= ACCOUNTS_EMAIL_MAX) {
		rc = name_make(s, ar, ret, e);
		if (rc != ERR_OK)
			return rc;
	}
	if (!email_well_formed(ret->text) || ret->key.n == 0)
		return err_setf(e, ERR_REFUSED,
		    "an e-mail address has the form name@domain and at most %d "
		    "bytes",
		    ACCOUNTS_EMAIL_MAX);
	return ERR_OK;
}

enum err
name_login(struct str s, struct arena *ar, struct str *key, struct err_info *e)
{
	*key = (struct str){ 0 };
	if (s.n == 0 || s.n > ACCOUNTS_EMAIL_MAX)
		return ERR_OK;
	return map_text(s, FOLD, ar, key, e);
}

static bool
is_slug_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

static bool
slug_well_formed(struct str s)
{
	if (s.n == 0 || s.n > ACCOUNTS_SLUG_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!is_slug_char(s.p[i]) &&
		    (s.p[i] != '-' || i == 0 || i + 1 == s.n ||
		        s.p[i - 1] == '-'))
			return false;
	return true;
}

enum err
name_slug(struct str slug, struct err_info *e)
{
	if (!slug_well_formed(slug))
		return err_setf(e, ERR_REFUSED,
		    "a slug has 1 to %d of a-z and 0-9, with single hyphens "
		    "inside",
		    ACCOUNTS_SLUG_MAX);
	/* The name of a client's space before its first sign-in. */
	if (str_is(slug, "local"))
		return err_setf(e, ERR_REFUSED, "the slug local is reserved");
	return ERR_OK;
}

enum err
name_title(struct str s, struct err_info *e)
{
	struct str rest = s;

	while (rest.n > 0) {
		utf8proc_int32_t c = next_char(&rest);
		utf8proc_category_t cat =
		    c < 0 ? UTF8PROC_CATEGORY_CN : utf8proc_category(c);

		if (cat == UTF8PROC_CATEGORY_CN || cat >= UTF8PROC_CATEGORY_ZL)
			return err_setf(e, ERR_REFUSED,
			    "a name is one line of text without control "
			    "characters");
	}
	if (s.n > TITLE_MAX)
		return err_setf(e, ERR_REFUSED, "a name has at most %d bytes",
		    TITLE_MAX);
	return ERR_OK;
}

enum err
name_to_slug(struct str name, struct arena *ar, struct str *ret,
    struct err_info *e)
{
	char *out = arena_alloc(ar, SLUG_MADE_MAX);
	struct str bare;
	size_t n = 0;
	enum err rc;

	if (out == NULL)
		return err_set(e, ERR_NOMEM);
	rc = map_text(name, BARE, ar, &bare, e);
	if (rc != ERR_OK)
		return rc;
	for (size_t i = 0; i < bare.n && n < SLUG_MADE_MAX; i++) {
		if (is_slug_char(bare.p[i]))
			out[n++] = bare.p[i];
		else if (n > 0 && out[n - 1] != '-')
			out[n++] = '-';
	}
	while (n > 0 && out[n - 1] == '-')
		n--;
	*ret = n > 0 ? str_n(out, n) : STR("user");
	return ERR_OK;
}
