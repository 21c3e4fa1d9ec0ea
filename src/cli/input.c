#include "input.h"

#include "json.h"
#include "text.h"

static enum err
too_long(const char *what, size_t n, size_t max, struct err_info *e)
{
	return err_setf(e, ERR_TOO_LARGE,
	    "%s has %zu bytes, at most %zu will do", what, n, max);
}

static bool
is_control(unsigned char c)
{
	return c < 0x20 || c == 0x7f;
}

static enum err
check_line(const char *what, struct str s, size_t max, struct err_info *e)
{
	if (s.n == 0)
		return err_setf(e, ERR_USAGE, "%s is empty", what);
	if (s.n > max)
		return too_long(what, s.n, max, e);
	for (size_t i = 0; i < s.n; i++)
		if (is_control((unsigned char)s.p[i]))
			return err_setf(e, ERR_USAGE,
			    "%s holds the control character \\x%02x", what,
			    (unsigned char)s.p[i]);
	return ERR_OK;
}

enum err
input_line(struct arena *a, const char *what, const char *typed, size_t max,
    struct str *ret, struct err_info *e)
{
	struct str s = str_of(typed);
	struct buf b = { 0 };
	enum err rc;

	if (!text_valid(s))
		return err_setf(e, ERR_USAGE, "%s is not UTF-8", what);
	text_normalise(s, &b);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK)
		rc = check_line(what, buf_str(&b), max, e);
	if (rc == ERR_OK) {
		*ret = arena_str(a, buf_str(&b));
		rc = ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	buf_fini(&b);
	return rc;
}

enum err
input_text(const char *what, const char *typed, size_t max, struct str *ret,
    struct err_info *e)
{
	*ret = str_of(typed);
	if (!text_valid(*ret))
		return err_setf(e, ERR_USAGE, "%s is not UTF-8", what);
	if (str_trim(*ret).n == 0)
		return err_setf(e, ERR_USAGE, "%s is empty", what);
	if (ret->n > max)
		return too_long(what, ret->n, max, e);
	return ERR_OK;
}

enum err
input_priority(struct arena *a, const char *typed, struct str *ret,
    struct err_info *e)
{
	struct str word;
	struct buf b = { 0 };
	uint64_t number;
	enum err rc =
	    input_line(a, "the priority", typed, INPUT_WORD_MAX, &word, e);

	if (rc != ERR_OK)
		return rc;
	if (str_is(word, "none"))
		buf_adds(&b, "null");
	else if (str_u64(word, &number) && number <= UINT32_MAX)
		buf_addu(&b, number);
	else
		json_add_str(&b, word);
	rc = buf_ok(&b, e);
	if (rc == ERR_OK) {
		*ret = arena_str(a, buf_str(&b));
		rc = ret->p != NULL ? ERR_OK : err_set(e, ERR_NOMEM);
	}
	buf_fini(&b);
	return rc;
}

bool
input_list_next(struct str *rest, struct str *part)
{
	while (str_split(rest, ',', part)) {
		*part = str_trim(*part);
		if (part->n > 0)
			return true;
	}
	return false;
}
