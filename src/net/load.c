#include "load.h"

#include <dlfcn.h>
#include <string.h>

const char *
load_symbols(const char *library, const struct load_symbol *symbol, size_t n,
    void *table)
{
	void *lib = dlopen(library, RTLD_NOW | RTLD_LOCAL);

	if (lib == NULL)
		return library;
	for (size_t i = 0; i < n; i++) {
		void *p = dlsym(lib, symbol[i].name);

		if (p == NULL)
			return symbol[i].name;
		memcpy((char *)table + symbol[i].offset, &p, sizeof p);
	}
	return NULL;
}
