/* How the replica and its connections stand. */
#include <string.h>

#include "clock.h"
#include "file.h"
#include "keeper.h"
#include "log.h"
#include "status.h"

enum { SHOW_MS = 100 /* it is that old at most, while there is much to do */ };

static enum err
count_waiting(struct keeper *k, struct daemon_view *v, struct err_info *e)
{
	struct arena a = { 0 };
	struct status st = { 0 };
	enum err rc = status_spaces(k->store, &a, &st, e);
	bool any = false;

	v->unacked = st.unacked;
	v->oldest_ms = st.oldest_ms;
	/* As in st, but not each word of a live connection is in the store. */
	for (size_t i = 0; rc == ERR_OK && i < st.n; i++) {
		const struct space *sp = &st.space[i].space;
		int64_t heard = lines_contact(k->lines, sp->id);
		int64_t ms = heard > sp->contact_ms ? heard : sp->contact_ms;

		if (!st.space[i].ours || lines_shut_out(k->lines, sp->id))
			continue;
		if (!any || ms < v->last_sync_ms)
			v->last_sync_ms = ms;
		any = true;
	}
	arena_fini(&a);
	return rc;
}

/* For whoever looks without asking; boards are woken by the doorbell. */
static void
tell_word(struct keeper *k, const struct daemon_view *v)
{
	struct daemon_word word = { .runs = true, .live = v->live };
	struct err_info e = { 0 };

	str_copy(word.state, sizeof word.state,
	    str_of(sync_word_name(v->word)));
	if (strcmp(word.state, k->word.state) == 0 && word.live == k->word.live)
		return;
	k->word = word;
	if (daemon_word_write(k->d->home, &word, &e) != ERR_OK ||
	    os_touch(k->d->home->doorbell, &e) != ERR_OK)
		log_line(LOG_WARN, "daemon", "%s", e.text);
}

void
keeper_show(struct keeper *k)
{
	struct daemon_view v = { 0 };
	struct err_info e = { 0 };

	lines_view(k->lines, &v);
	if (v.off)
		v.word = k->signed_out ? SYNC_OFFLINE_BATCH : SYNC_OFFLINE;
	if (v.off && (k->exchanging || k->exchange_ms == 0))
		v.word = SYNC_RECONNECTING;
	if (v.off && k->why.code != ERR_OK)
		str_copy(v.error, sizeof v.error, str_of(k->why.text));
	if (count_waiting(k, &v, &e) != ERR_OK)
		str_copy(v.error, sizeof v.error, str_of(e.text));
	tell_word(k, &v);
	pthread_mutex_lock(&k->d->view_lock);
	k->d->view = v;
	pthread_mutex_unlock(&k->d->view_lock);
	k->show_ms = os_mono_ms() + SHOW_MS;
	k->show_due = false;
}
