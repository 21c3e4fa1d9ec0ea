/* Shared libraries that are loaded when they are first needed, because loading
 * them would slow down the start of every command. */
#ifndef CLOWDER_LOAD_H
#define CLOWDER_LOAD_H

#include <stddef.h>

struct load_symbol {
	const char *name;
	size_t offset; /* of its pointer in the table */
};

/* Load a library and fill the table of pointers.  NULL, or what is missing: the
 * library or a symbol (borrow: one of the names given).  It is never closed:
 * libraries clean up when the program ends. */
const char *load_symbols(const char *library, const struct load_symbol *symbol,
    size_t n, void *table);

#endif
