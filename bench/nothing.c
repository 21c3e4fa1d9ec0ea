/* The program that does nothing: what starting and ending one costs here. */
int
main(void)
{
	return 0;
}
