/* The catalogue of event types: one table for client and hub.
 *
 * It says what each type's payload must hold, and which fields of its entity
 * it writes, of which kind (docs/formats.md, Catalogue; docs/merge.md, Kinds of
 * field).  Adding a type or changing a rule that changes the state of existing
 * events raises FOLD_VERSION. */
#ifndef CLOWDER_CATALOGUE_H
#define CLOWDER_CATALOGUE_H

#include <stdbool.h>

#include "json.h"
#include "str.h"

enum {
	FOLD_VERSION = 1, /* travels with each digest */
	SCHEMA_VERSION =
	    1, /* of the events we write; greater ones are not folded */
};

enum aggregate {
	AGG_OTHER, /* not one that we fold */
	AGG_PROJECT,
	AGG_FEATURE,
	AGG_WORK_PACKAGE,
	AGG_TODO,
	AGG_WORK_ITEM,
	AGG_SESSION,
	AGG_COUNT
};

/* How several heads of a field become one value. */
enum kind {
	KIND_REGISTER,
	KIND_STATUS,
	KIND_TEXT,
	KIND_SET,
	KIND_LIST,
	KIND_FLAG,
	KIND_PER_SESSION
};

/* What a value must look like. */
enum check {
	CHECK_ANY,
	CHECK_STRING,
	CHECK_LINE,  /* string of 1..1024 bytes without control characters */
	CHECK_COUNT, /* integer 0..2^53-1 */
	CHECK_BOOL,
	CHECK_OBJECT,
	CHECK_STRINGS, /* array of strings */
	CHECK_SET, /* array of strings, or {"add":[],"remove":[]} of strings */
	CHECK_SET_ANY, /* the same of any values */
	CHECK_LANE,
	CHECK_TODO_STATUS,
	CHECK_FEATURE_SLUG, /* NNN-kebab */
	CHECK_WP_ID,        /* WPnn or WPnn-xxx */
	CHECK_WORDS,        /* one of `words` */
	CHECK_NUMBER_TEXT,  /* integer, or a string of digits */
	CHECK_REPORTER,
	CHECK_IDS /* array of event ids */
};

/* A field of an aggregate. */
struct field_row {
	const char *name;
	enum kind kind;
	enum check check;
};

/* A member of a payload. */
struct member_row {
	const char *name;
	bool required;
	enum check check;
	const char *words; /* CHECK_WORDS: "a b c" */
	const char
	    *field; /* the field it writes; NULL = none; "" = of its name */
	const char *alias; /* another name for the member */
};

enum {
	TYPE_OBSERVATION =
	    1,           /* what a session's file says, not what somebody did */
	TYPE_DELETE = 2, /* writes present = false */
	TYPE_OPEN = 4, /* members that are not listed write registers, dotted */
	TYPE_SILENT = 8,       /* stored and shown, writes nothing */
	TYPE_NAMES_FIELD = 16, /* conflict_resolved: `field` gets `value` */
	TYPE_FIELDS_BACK =
	    32, /* reverted: members that are fields are written */
	TYPE_ANY_AGGREGATE = 64,
	TYPE_ENTRY = 128 /* the payload is an entry of the list `field` */
};

struct event_type {
	const char *name;
	const char *alias[3]; /* NULL where there are fewer */
	enum aggregate aggregate;
	unsigned flags;
	const struct member_row *member;
	size_t n_members;
	const char *entry_field; /* TYPE_ENTRY */
	/* A field that the type writes by itself: always, or (default_) only
	 * where the field has no value at its place. */
	const char *set_field,
	    *set_value; /* value NULL: the event's timestamp */
	const char *default_field, *default_value;
};

/* By name or alias; NULL where it is unknown. */
const struct event_type *type_find(struct str name);
/* All types, for help and docs. */
const struct event_type *type_table(size_t *n);

/* Snake case ("work_package"); "" for AGG_OTHER. */
const char *aggregate_name(enum aggregate a);
/* By name or alias ("WorkPackage"); AGG_OTHER where it is none of ours. */
enum aggregate aggregate_find(struct str name);
/* The row of a field; NULL where the aggregate has none of that name.  For
 * work items and sessions unknown names are registers of their own. */
const struct field_row *field_find(enum aggregate a, struct str name);

/* Lane or todo status as we write it ("doing" = "in_progress", lower case);
 * p NULL where it is none. */
struct str lane_normal(struct str s);
struct str todo_status_normal(struct str s);
/* Position in the order of docs/merge.md, Rank; -1 where it is none. */
int lane_rank(struct str normal);
int todo_status_rank(struct str normal);
enum { LANE_RANK_MAX = 7, TODO_STATUS_RANK_MAX = 2 };
/* The one at a position: 0 to its maximum. */
struct str lane_name(int rank);
struct str todo_status_name(int rank);
/* Going back from this rank is a decision: for_review, approved, done; completed
 * (docs/merge.md, Round). */
bool lane_finished(int rank);
bool todo_status_finished(int rank);

/* May a command move a work package from one lane to another?  Refusals say why
 * (docs/formats.md, Lanes).  reason, review_ref, actor: empty where not given. */
enum err lane_move_check(struct str from, struct str to, struct str actor,
    struct str reason, struct str review_ref, bool force, struct err_info *e);

/* The payload fits the type's members.  ERR_SCHEMA with a text that names the
 * member and holds "missing field" or "invalid" (older clients sort by these
 * words).  On success member[i] is the value node of t->member[i], 0 where it is
 * not there. */
enum { MEMBERS_MAX = 12 };
enum err payload_check(const struct event_type *t, enum aggregate agg,
    const struct json *j, uint32_t payload, uint32_t member[MEMBERS_MAX],
    struct err_info *e);

#endif
