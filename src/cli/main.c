#include <signal.h>

#include "cmd.h"

int
main(int argc, char **argv)
{
	/* A write beyond a limit on files fails, and that is said. */
	(void)signal(SIGXFSZ, SIG_IGN);
	return cli_main(argc, argv);
}
