/* Which space a project is worked on in.  docs/formats.md 1.
 *
 * A space is a team at a hub as one account sees it; before the first login
 * there is only `local`.  What this machine chose is kept in notes of the store:
 *
 *	account              "<hub>\n<name>\n<private team>" signed in last
 *	project.space:<uuid> the space that `project use` chose
 */
#ifndef CLOWDER_SPACES_H
#define CLOWDER_SPACES_H

#include "store.h"

#define SPACE_LOCAL "local"

/* The account that was signed in last; n 0 each before the first login. */
struct spaces_account {
	struct str hub, name, team; /* team: its private one */
};
enum err spaces_account(struct store *s, struct arena *a,
    struct spaces_account *ret, struct err_info *e);
/* A space of this account at its hub; before the first login also `local`. */
bool spaces_is_of(const struct space *sp, const struct spaces_account *who);

/* The space `local`, made where no space is there yet. */
enum err spaces_local(struct store *s, struct err_info *e);
/* The space for what belongs to no project yet: the private one of the account,
 * else `local`, else the first. */
enum err spaces_private(struct store *s, space_id *ret, struct err_info *e);

struct spaces_choice {
	space_id space;
	bool known;   /* the project is there already */
	bool several; /* and in more than one space, none of them chosen */
	bool foreign; /* of an account that is not signed in now */
};
/* project: uuid.  First that fits: where `project share` moved it; what `project
 * use` chose; the only space of the present account that has it; its private
 * one; a space of another account that has it; the private one for new ones. */
enum err spaces_choose(struct store *s, struct str project,
    struct spaces_choice *ret, struct err_info *e);
/* The team that a project of this space was shared with, by what the space knows;
 * n 0 where it stays.  Carrying its log over and choosing its space both ask
 * here.  In a space that is one person's - `local`, the private team of who, one
 * of an account that is not who - only events that this machine made, or that the
 * hub took from the space's account itself, count; what belongs to no project goes
 * nowhere.  team lives in a. */
enum err spaces_shared_to(struct store *s, const struct spaces_account *who,
    const struct space *sp, struct str project, struct arena *a,
    struct str *team, struct err_info *e);
/* [tx] From now on this machine works on the project there. */
enum err spaces_use(struct store *s, struct str project, space_id sp,
    struct err_info *e);
/* The space of a team of the present account; ERR_NOT_FOUND lists its teams. */
enum err spaces_team(struct store *s, struct str team, space_id *ret,
    struct err_info *e);

/* Where this account is new at its hub: its spaces under other addresses, one of
 * which may be an old one of the same hub (remote_spaces asks for proof).  Else,
 * and where there are none, n 0. */
enum err spaces_elsewhere(struct store *s, const struct spaces_account *who,
    struct arena *a, struct space **ret, size_t *n, struct err_info *e);
/* [tx] After a login: these spaces go on under the hub's new address; `local`
 * becomes the account's private team, spaces of its other teams are added, and
 * the account is remembered. */
enum err spaces_login(struct store *s, const struct spaces_account *who,
    const struct space *moved, size_t n_moved, const struct str *team,
    size_t n_teams, struct err_info *e);

#endif
