/* The refresh transaction.  docs/formats.md 6.
 *
 *	lock -> reload -> another process was faster: adopt, no network
 *	               -> else refresh with what is on disk -> persist -> release
 *
 * A session is deleted only when the hub refused the very material that is on
 * disk.  Any other failure keeps it. */
#include "log.h"
#include "remote_int.h"
#include "session_file.h"

static const char *const outcome_name[] = {
	[REMOTE_NO_OUTCOME] = "",
	[REMOTE_ADOPTED_NEWER] = "adopted_newer",
	[REMOTE_REFRESHED] = "refreshed",
	[REMOTE_STALE_REJECTION_PRESERVED] = "stale_rejection_preserved",
	[REMOTE_CURRENT_REJECTION_CLEARED] = "current_rejection_cleared",
	[REMOTE_LOCK_TIMEOUT_ADOPTED] = "lock_timeout_adopted",
	[REMOTE_LOCK_TIMEOUT_ERROR] = "lock_timeout_error",
};

const char *
remote_refresh_outcome(const struct remote *a)
{
	return outcome_name[a->outcome];
}

static void
ended(struct remote *a, enum remote_outcome outcome)
{
	a->outcome = outcome;
	log_line(LOG_INFO, "auth", "outcome=%s", outcome_name[outcome]);
}

/* What a process held before it looked at the disk. */
struct before {
	struct arena mem;
	struct session s; /* session_id and refresh_token only */
};

static enum err
remember(const struct remote *a, struct before *b, struct err_info *e)
{
	b->s.session_id = arena_str(&b->mem, a->session.session_id);
	b->s.refresh_token = arena_str(&b->mem, a->session.refresh_token);
	return b->s.session_id.p && b->s.refresh_token.p ?
	    ERR_OK :
	    err_set(e, ERR_NOMEM);
}

/* Somebody else has renewed it, and what they got is good. */
static bool
newer_and_good(const struct remote *a, const struct session *old)
{
	return !session_same(&a->session, old) &&
	    session_fresh(&a->session, a->wall_ms(), REMOTE_FRESH_MS);
}

static enum err
persist(struct remote *a, struct os_lock *lock, const struct remote_grant *g,
    const struct session *sent, struct err_info *e)
{
	struct session next = a->session;
	enum err rc;

	remote_grant_apply(&next, g, a->wall_ms());
	/* The lock was taken from us meanwhile: whoever did it may have stored
	 * something newer, which then counts. */
	if (!os_lock_still(lock)) {
		rc = remote_reload(a, e);
		if (rc != ERR_OK)
			return rc;
		if (!session_same(&a->session, sent)) {
			ended(a, REMOTE_ADOPTED_NEWER);
			return ERR_OK;
		}
		next = a->session;
		remote_grant_apply(&next, g, a->wall_ms());
	}
	rc = session_file_save(a->home, &next, e);
	if (rc == ERR_OK)
		rc = remote_hold(a, &next, e);
	if (rc == ERR_OK)
		ended(a, REMOTE_REFRESHED);
	return rc;
}

/* The hub says that the material is worth nothing. */
static enum err
rejected(struct remote *a, const struct session *sent, enum err code,
    struct err_info *e)
{
	struct err_info why = *e, ignore = { 0 };
	enum err rc = remote_reload(a, e);

	if (rc == ERR_OK && !session_same(&a->session, sent)) {
		ended(a, REMOTE_STALE_REJECTION_PRESERVED);
		return session_fresh(&a->session, a->wall_ms(), 0) ?
		    ERR_OK :
		    err_setf(e, ERR_REPLAY,
		        "another process renewed the session; try again");
	}
	if (rc != ERR_OK)
		return rc;
	rc = session_file_delete(a->home, &ignore);
	a->has_session = false;
	ended(a, REMOTE_CURRENT_REJECTION_CLEARED);
	*e = why;
	if (rc != ERR_OK)
		return err_wrap(e, "the session could not be removed (%s)",
		    ignore.text);
	return code;
}

static enum err replayed(struct remote *a, struct os_lock *lock,
    const struct session *sent, bool again, struct err_info *e);

/* Refresh with what is on disk, which is what a->session holds. */
static enum err
refresh_with(struct remote *a, struct os_lock *lock, bool again,
    struct err_info *e)
{
	struct http_answer ans = { 0 };
	struct remote_grant g = { 0 };
	struct before sent = { 0 };
	enum err rc = remember(a, &sent, e);

	if (rc == ERR_OK && !os_lock_still(lock))
		rc = err_setf(e, ERR_LOCKED,
		    "the lock was taken away by another process; try again");
	if (rc == ERR_OK)
		rc = remote_grant_refresh(a, sent.s.refresh_token, &ans, &g, e);
	if (rc == ERR_OK)
		rc = persist(a, lock, &g, &sent.s, e);
	else if (rc == ERR_GRANT || rc == ERR_SESSION)
		rc = rejected(a, &sent.s, rc, e);
	else if (rc == ERR_REPLAY)
		rc = replayed(a, lock, &sent.s, again, e);
	http_answer_fini(&ans);
	arena_fini(&sent.mem);
	return rc;
}

/* 409: another process of this install was faster.  What it got is on disk, or
 * will be. */
static enum err
replayed(struct remote *a, struct os_lock *lock, const struct session *sent,
    bool again, struct err_info *e)
{
	struct err_info why = *e;
	enum err rc = remote_reload(a, e);

	if (rc != ERR_OK)
		return rc;
	if (newer_and_good(a, sent)) {
		ended(a, REMOTE_ADOPTED_NEWER);
		return ERR_OK;
	}
	if (!session_same(&a->session, sent) && again)
		return refresh_with(a, lock, false, e);
	*e = why;
	return ERR_REPLAY;
}

/* Nobody let us in.  What is on disk may be good all the same. */
static enum err
lock_timed_out(struct remote *a, struct err_info *e)
{
	struct err_info why = *e;

	if (remote_reload(a, e) == ERR_OK &&
	    session_fresh(&a->session, a->wall_ms(), REMOTE_FRESH_MS)) {
		ended(a, REMOTE_LOCK_TIMEOUT_ADOPTED);
		return ERR_OK;
	}
	ended(a, REMOTE_LOCK_TIMEOUT_ERROR);
	*e = why;
	return ERR_LOCKED;
}

enum err
remote_refresh(struct remote *a, struct err_info *e)
{
	struct os_lock lock = { 0 };
	struct before held = { 0 };
	enum err rc = ERR_OK;

	if (a->token_file)
		return err_setf(e, ERR_UNAUTHORIZED,
		    "the token of CLOWDER_TOKEN_FILE was not accepted");
	if (a->has_session)
		rc = remember(a, &held, e);
	if (rc == ERR_OK)
		rc = session_lock(a->home, &lock, a->lock_wait_ms, e);
	if (rc == ERR_LOCKED) {
		rc = lock_timed_out(a, e);
		goto done;
	}
	if (rc == ERR_OK)
		rc = remote_reload(a, e);
	if (rc != ERR_OK)
		goto done;
	if (newer_and_good(a, &held.s))
		ended(a, REMOTE_ADOPTED_NEWER);
	else
		rc = refresh_with(a, &lock, true, e);
done:
	os_lock_release(&lock);
	arena_fini(&held.mem);
	return rc;
}
