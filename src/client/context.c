#include "context.h"

#include <string.h>

#include "path.h"

void
ctx_init(struct ctx *c, const char *program)
{
	bool kitty = strcmp(os_base(program), "spec-kitty") == 0;

	*c = (struct ctx){
		.program = kitty ? "spec-kitty" : "clowder",
		.title = kitty ? "Spec Kitty" : "Clowder",
	};
}

void
ctx_fini(struct ctx *c)
{
	store_close(c->store);
	arena_fini(&c->arena);
}

enum err
ctx_home(struct ctx *c, const struct home **ret, struct err_info *e)
{
	enum err rc = ERR_OK;

	if (!c->has_home)
		rc = home_find(&c->home, c->program, &c->arena, e);
	c->has_home = rc == ERR_OK;
	*ret = &c->home;
	return rc;
}

enum err
ctx_config(struct ctx *c, const struct config **ret, struct err_info *e)
{
	const struct home *h;
	enum err rc = ctx_home(c, &h, e);

	if (rc == ERR_OK && !c->has_config)
		rc = config_load(&c->config, h->config, &c->arena, e);
	c->has_config = c->has_config || rc == ERR_OK;
	*ret = &c->config;
	return rc;
}

enum err
ctx_project(struct ctx *c, const struct project **ret, struct err_info *e)
{
	const char *folder = c->folder;
	enum err rc = ERR_OK;

	if (!c->has_project && folder == NULL)
		rc = os_cwd(&c->arena, &folder, e);
	if (rc == ERR_OK && !c->has_project)
		rc = project_find(&c->project, folder, &c->arena, e);
	c->has_project = c->has_project || rc == ERR_OK;
	*ret = &c->project;
	return rc;
}
