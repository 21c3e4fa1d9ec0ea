/* Time and chance from the system: the only place that asks for them; engines
 * get both as arguments.  Any thread. */
#ifndef CLOWDER_CLOCK_H
#define CLOWDER_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

int64_t os_wall_ms(void);  /* since 1970 UTC; for display, may jump */
uint64_t os_mono_ms(void); /* never goes back; stands while suspended */
uint64_t os_mono_ns(void);
uint64_t os_boot_ms(void); /* never goes back; runs while suspended */
/* Let the thread rest; a signal may end it early. */
void os_rest_ms(uint32_t ms);
/* n bytes of the system's randomness.  Waits for the pool at boot. */
enum err os_random(void *p, size_t n, struct err_info *e);

#endif
