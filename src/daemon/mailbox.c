#include "mailbox.h"

#include <time.h>

#include "clock.h"

enum err
mailbox_init(struct mailbox *b, struct err_info *e)
{
	pthread_condattr_t attr;
	int bad = pthread_condattr_init(&attr);

	*b = (struct mailbox){ .end = &b->first };
	if (bad == 0)
		bad = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (bad == 0)
		bad = pthread_cond_init(&b->bell, &attr);
	if (bad == 0)
		bad = pthread_mutex_init(&b->lock, NULL);
	(void)pthread_condattr_destroy(&attr);
	return bad == 0 ? ERR_OK : err_sys(e, bad, "a queue");
}

void
mailbox_fini(struct mailbox *b)
{
	(void)pthread_cond_destroy(&b->bell);
	(void)pthread_mutex_destroy(&b->lock);
}

void
mailbox_post(struct mailbox *b, struct mail *m)
{
	bool closed;

	m->next = NULL;
	pthread_mutex_lock(&b->lock);
	closed = b->closed;
	if (!closed) {
		*b->end = m;
		b->end = &m->next;
		pthread_cond_signal(&b->bell);
	}
	pthread_mutex_unlock(&b->lock);
	if (closed)
		m->drop(m);
}

bool
mailbox_take(struct mailbox *b, uint64_t until_ms, struct mail **ret)
{
	struct timespec ts = { .tv_sec = (time_t)(until_ms / 1000),
		.tv_nsec = (long)(until_ms % 1000) * 1000000 };
	bool open;

	pthread_mutex_lock(&b->lock);
	while (b->first == NULL && !b->closed) {
		if (until_ms == UINT64_MAX)
			(void)pthread_cond_wait(&b->bell, &b->lock);
		else if (os_mono_ms() >= until_ms ||
		    pthread_cond_timedwait(&b->bell, &b->lock, &ts) != 0)
			break;
	}
	*ret = b->first;
	b->first = NULL;
	b->end = &b->first;
	open = *ret != NULL || !b->closed;
	pthread_mutex_unlock(&b->lock);
	return open;
}

void
mailbox_close(struct mailbox *b)
{
	pthread_mutex_lock(&b->lock);
	b->closed = true;
	pthread_cond_signal(&b->bell);
	pthread_mutex_unlock(&b->lock);
}
