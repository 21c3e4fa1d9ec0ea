#include "trouble.h"

#include <errno.h>

#include "clock.h"
#include "fault.h"
#include "log.h"

enum err
trouble_init(struct trouble *t, struct err_info *e)
{
	int bad = fault_tick() ? EAGAIN : pthread_mutex_init(&t->mutex, NULL);

	t->e = (struct err_info){ 0 };
	t->since_ms = 0;
	return bad == 0 ? ERR_OK : err_sys(e, bad, "mutex");
}

void
trouble_fini(struct trouble *t)
{
	(void)pthread_mutex_destroy(&t->mutex); /* nobody holds it */
}

bool
trouble_is(enum err code)
{
	static const enum err codes[] = { ERR_NO_SPACE, ERR_LOCKED, ERR_IO,
		ERR_CORRUPT, ERR_PERMISSION, ERR_NOMEM };

	for (size_t i = 0; i < sizeof codes / sizeof codes[0]; i++)
		if (codes[i] == code)
			return true;
	return false;
}

bool
trouble_set(struct trouble *t, const struct err_info *why, int64_t now_ms)
{
	bool news;

	(void)pthread_mutex_lock(&t->mutex);
	news = t->e.code != why->code;
	if (t->e.code == ERR_OK)
		t->since_ms = now_ms;
	t->e = *why;
	(void)pthread_mutex_unlock(&t->mutex);
	return news;
}

bool
trouble_clear(struct trouble *t)
{
	bool news;

	(void)pthread_mutex_lock(&t->mutex);
	news = t->e.code != ERR_OK;
	t->e.code = ERR_OK;
	(void)pthread_mutex_unlock(&t->mutex);
	return news;
}

enum err
trouble_get(struct trouble *t, struct err_info *e, int64_t *since_ms)
{
	(void)pthread_mutex_lock(&t->mutex);
	*e = t->e;
	*since_ms = t->since_ms;
	(void)pthread_mutex_unlock(&t->mutex);
	return e->code;
}

void
trouble_judge(struct trouble *t, const char *what, enum err rc,
    const struct err_info *e)
{
	if (rc == ERR_OK) {
		if (trouble_clear(t))
			log_line(LOG_INFO, "hub", "%s: works again", what);
	} else if (!trouble_is(rc) || trouble_set(t, e, os_wall_ms())) {
		log_line(LOG_ERROR, "hub", "%s: %s: %s", what, err_wire(rc),
		    e->text);
	} else {
		log_line(LOG_DEBUG, "hub", "%s: %s", what, e->text);
	}
}
