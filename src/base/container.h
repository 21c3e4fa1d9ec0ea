/* From a member that is handed around - a link, a deadline, a job - to what it
 * stands in. */
#ifndef CLOWDER_CONTAINER_H
#define CLOWDER_CONTAINER_H

#include <stddef.h>

/* member_ptr is no NULL and points to `member` of a `type`. */
#define CONTAINER_OF(member_ptr, type, member) \
	((type *)(void *)((char *)(member_ptr)-offsetof(type, member)))

#endif
