/* A system that does not tell changes: poll mode. */
#include "watch_int.h"

struct watch_world
watch_world_system(void)
{
	return watch_world_poll();
}
