/* How often each kind of thing happened: what never happens is not tested. */
#include <stdio.h>

#include "sim.h"

static const char *const names[COUNT_ALL] = {
#define X(name) #name,
	COUNTS(X)
#undef X
};

void
counts_add(unsigned long *to, const unsigned long *from)
{
	for (int i = 0; i < COUNT_ALL; i++)
		to[i] += from[i];
}

/* The name with spaces. */
static int
print_name(const char *name, char end)
{
	int n = 0;

	for (; name[n] != '\0'; n++)
		putchar(name[n] == '_' ? ' ' : name[n]);
	putchar(end);
	return n + 1;
}

void
counts_print(const unsigned long *n)
{
	int column = 0;

	for (int i = 0; i < COUNT_ALL; i++) {
		if (column > 60) {
			putchar('\n');
			column = 0;
		}
		column += printf(column > 0 ? ", " : "");
		column += print_name(names[i], ' ');
		column += printf("%lu", n[i]);
	}
	putchar('\n');
}

unsigned
counts_missing(const unsigned long *n)
{
	unsigned missing = 0;

	for (int i = 0; i < COUNT_ALL; i++) {
		if (n[i] > 0)
			continue;
		missing++;
		printf("NEVER HAPPENED: ");
		(void)print_name(names[i], '\n');
	}
	return missing;
}
