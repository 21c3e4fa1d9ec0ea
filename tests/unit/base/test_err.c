/* Error codes: the table and the reason that grows outward. */
#include "err.h"

#include <errno.h>
#include <string.h>

#include "t.h"

static void
table_is_whole(void)
{
	for (int i = 0; i < ERR_COUNT; i++) {
		enum err code = (enum err)i;
		const char *wire = err_wire(code);

		t_note("%s", wire);
		CHECK(wire[0] != '\0');
		CHECK(err_text(code)[0] != '\0');
		CHECK(err_http(code) >= 200 && err_http(code) < 600);
		CHECK(err_exit(code) >= 0 && err_exit(code) <= 130);
		CHECK((err_exit(code) == 0) == (code == ERR_OK));
		CHECK((err_http(code) == 200) == (code == ERR_OK));
		CHECK_U(err_from_wire(wire, strlen(wire)), code);
		for (int k = 0; k < i; k++)
			CHECK(strcmp(wire, err_wire((enum err)k)) != 0);
	}
	CHECK_U(err_from_wire("nonsense", 8), ERR_OK);
	CHECK_U(err_from_wire("not_found", 8), ERR_OK);
	CHECK_U(err_from_wire("not_foundx", 9), ERR_NOT_FOUND);
}

static void
reason_grows_outward(void)
{
	struct err_info e = { 0 };

	CHECK_U(err_set(&e, ERR_CONFLICT), ERR_CONFLICT);
	CHECK_STR(str_of(e.text), "conflict");
	CHECK_U(err_wrap(&e, "snapshot %s", "a.tmp"), ERR_CONFLICT);
	CHECK_STR(str_of(e.text), "snapshot a.tmp: conflict");
	CHECK_U(err_setf(&e, ERR_IO, "line %d", 3), ERR_IO);
	CHECK_STR(str_of(e.text), "line 3");
	CHECK_U(e.code, ERR_IO);
}

static void
system_errors_have_codes(void)
{
	static const struct {
		int number;
		enum err code;
	} row[] = {
		{ ENOSPC, ERR_NO_SPACE },
		{ EDQUOT, ERR_NO_SPACE },
		{ ENOENT, ERR_NOT_FOUND },
		{ EACCES, ERR_PERMISSION },
		{ EPERM, ERR_PERMISSION },
		{ ENOMEM, ERR_NOMEM },
		{ EEXIST, ERR_EXISTS },
		{ EIO, ERR_IO },
		{ EBADF, ERR_IO },
	};

	for (size_t i = 0; i < sizeof row / sizeof *row; i++) {
		struct err_info e = { 0 };

		CHECK_U(err_sys(&e, row[i].number, "open %s", "f"),
		    row[i].code);
		CHECK_U(e.code, row[i].code);
		CHECK(str_starts(str_of(e.text), STR("open f: ")));
		CHECK(str_ends(str_of(e.text),
		    str_of(strerror(row[i].number))));
	}
}

static void
long_texts_are_cut(void)
{
	struct err_info e = { 0 };

	(void)err_set(&e, ERR_IO);
	for (int i = 0; i < 200; i++)
		(void)err_wrap(&e, "step %03d", i);
	CHECK_U(strlen(e.text), ERR_TEXT_MAX - 1);
	CHECK(str_starts(str_of(e.text), STR("step 199: step 198: ")));
	CHECK_U(e.code, ERR_IO);
	(void)err_setf(&e, ERR_IO, "%01000d", 1);
	CHECK_U(strlen(e.text), ERR_TEXT_MAX - 1);
	CHECK_U(err_sys(&e, ENOENT, "%01000d", 1), ERR_NOT_FOUND);
	CHECK_U(strlen(e.text), ERR_TEXT_MAX - 1);
}

int
main(void)
{
	T_RUN(table_is_whole);
	T_RUN(reason_grows_outward);
	T_RUN(system_errors_have_codes);
	T_RUN(long_texts_are_cut);
	return t_done();
}
