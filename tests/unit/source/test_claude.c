/* The two formats and their relatives, as tables. */
#include "claude.h"
#include "t.h"

struct want {
	const char *content, *status;
};

static void
shapes_are_told_apart(void)
{
	/* clang-format off */
	static const struct {
		const char *text;
		enum err rc;
		enum source_shape shape;
		size_t n, skipped;
		struct want first;
	} rows[] = {
		{ "", ERR_OK, SOURCE_TODOS, 0, 0, { NULL, NULL } },
		{ "[]", ERR_OK, SOURCE_TODOS, 0, 0, { NULL, NULL } },
		{ " \n", ERR_OK, SOURCE_TODOS, 0, 0, { NULL, NULL } },
		{ "[{\"content\":\"a\",\"status\":\"pending\",\"priority\":\"high\",\"id\":\"1\"}]",
		  ERR_OK, SOURCE_TODOS, 1, 0, { "a", "pending" } },
		{ "[{\"content\":\"a\",\"status\":\"done\",\"id\":7}]",
		  ERR_OK, SOURCE_TODOS, 1, 0, { "a", "completed" } },
		{ "[{\"content\":\"a\",\"status\":\"in_progress\",\"activeForm\":\"A\"},5,"
		  "{\"status\":\"pending\"},{\"content\":\" \",\"status\":\"pending\"}]",
		  ERR_OK, SOURCE_TODOS, 1, 3, { "a", "in_progress" } },
		{ "[{\"content\":\"a\",\"status\":\"someday\"}]",
		  ERR_OK, SOURCE_TODOS, 0, 1, { NULL, NULL } },
		{ "{\"todos\":[{\"content\":\"a\"}],\"sessionId\":\"s\"}",
		  ERR_OK, SOURCE_TODOS, 1, 0, { "a", "pending" } },
		{ "{\"id\":\"3\",\"subject\":\"s\",\"status\":\"pending\",\"blocks\":[\"4\",5]}",
		  ERR_OK, SOURCE_TASK, 1, 0, { "s", "pending" } },
		{ "{\"id\":\"3\",\"subject\":\"s\",\"metadata\":{\"_internal\":true}}",
		  ERR_OK, SOURCE_TASK, 0, 1, { NULL, NULL } },
		{ "[{\"tool_name\":\"TaskCreate\",\"task\":{\"subject\":\"x\",\"status\":\"pending\"}}]",
		  ERR_OK, SOURCE_TASK_LOG, 1, 0, { "x", "pending" } },
		{ "{\"a\":1}", ERR_UNSUPPORTED, SOURCE_TODOS, 0, 0, { NULL, NULL } },
		{ "7", ERR_UNSUPPORTED, SOURCE_TODOS, 0, 0, { NULL, NULL } },
		{ "[{\"content\":\"a\"", ERR_BAD_JSON, SOURCE_TODOS, 0, 0, { NULL, NULL } },
		{ "[\"\xff\"]", ERR_BAD_JSON, SOURCE_TODOS, 0, 0, { NULL, NULL } },
	};
	/* clang-format on */

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct arena a = { 0 };
		struct err_info e = { 0 };
		struct source_file f;

		t_note("%s", rows[i].text);
		CHECK_ERR(claude_read(str_of(rows[i].text), &a, &f, &e),
		    rows[i].rc);
		if (rows[i].rc == ERR_OK) {
			CHECK_I(f.shape, rows[i].shape);
			CHECK_U(f.n, rows[i].n);
			CHECK_U(f.skipped, rows[i].skipped);
		}
		if (rows[i].first.content != NULL && f.n > 0) {
			CHECK_STR(f.item[0].content, rows[i].first.content);
			CHECK_STR(f.item[0].status, rows[i].first.status);
		}
		arena_fini(&a);
	}
}

static void
a_task_keeps_its_members(void)
{
	struct arena a = { 0 };
	struct err_info e = { 0 };
	struct source_file f;

	CHECK_OK(claude_read(STR("{\"id\":\"3\",\"subject\":\"Do \\\"it\\\"\","
	                         "\"description\":\"d\",\"activeForm\":"
	                         "\"Doing\",\"owner\":\"o\","
	                         "\"status\":\"in_progress\",\"blocks\":[\"4\","
	                         "5],\"blockedBy\":[]}"),
	             &a, &f, &e),
	    &e);
	CHECK_U(f.n, 1);
	CHECK_STR(f.item[0].content, "Do \"it\"");
	CHECK_STR(f.item[0].description, "d");
	CHECK_STR(f.item[0].active_form, "Doing");
	CHECK_STR(f.item[0].owner, "o");
	CHECK_STR(f.item[0].local_id, "3");
	CHECK_U(f.item[0].n_blocks, 2);
	CHECK_STR(f.item[0].blocks[1], "5");
	CHECK(f.item[0].has_blocked_by && f.item[0].n_blocked_by == 0);
	arena_fini(&a);
}

static void
names_of_todo_files_are_read(void)
{
	struct str session, agent;

	CHECK(claude_todo_name(STR("029e1c6e-0000-4000-8000-000000000001-agent-"
	                           "029e1c6e-0000-4000-8000-000000000002.json"),
	    &session, &agent));
	CHECK_STR(session, "029e1c6e-0000-4000-8000-000000000001");
	CHECK_STR(agent, "029e1c6e-0000-4000-8000-000000000002");
	CHECK(!claude_todo_name(STR("todos.json"), &session, &agent));
	CHECK(
	    !claude_todo_name(STR("029e1c6e-0000-4000-8000-00000000000x-agent-"
	                          "029e1c6e-0000-4000-8000-000000000002.json"),
	        &session, &agent));
}

static void
a_transcript_says_where_it_was(void)
{
	struct arena a = { 0 };
	struct str cwd, branch;

	claude_transcript(STR("{\"type\":\"summary\"}\n"
	                      "{\"cwd\":\"/home/a "
	                      "b\",\"gitBranch\":\"main\",\"x\":1}\n{\"cw"),
	    &a, &cwd, &branch);
	CHECK_STR(cwd, "/home/a b");
	CHECK_STR(branch, "main");
	claude_transcript(STR("{\"type\":\"summary\"}\n{\"cw"), &a, &cwd,
	    &branch);
	CHECK_U(cwd.n, 0);
	arena_fini(&a);
}

int
main(void)
{
	T_RUN(shapes_are_told_apart);
	T_RUN(a_task_keeps_its_members);
	T_RUN(names_of_todo_files_are_read);
	T_RUN(a_transcript_says_where_it_was);
	return t_done();
}
