/* Runs a fuzz target over files and folders of inputs: the corpus as a test,
 * and the way to repeat a crash. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned ran;

static int
replay_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t size = 0, got, cap = 0;

	if (f == NULL) {
		perror(path);
		return 1;
	}
	do {
		uint8_t *grown = realloc(data, cap += 65536);

		if (grown == NULL)
			abort();
		data = grown;
		got = fread(data + size, 1, cap - size, f);
		size += got;
	} while (size == cap);
	fclose(f);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	ran++;
	return 0;
}

static int
replay(const char *path)
{
	struct dirent *de;
	struct stat st;
	int bad = 0;
	DIR *d;

	if (stat(path, &st) != 0)
		return 0; /* no corpus is kept for this target */
	if (!S_ISDIR(st.st_mode))
		return replay_file(path);
	d = opendir(path);
	if (d == NULL) {
		perror(path);
		return 1;
	}
	while ((de = readdir(d)) != NULL) {
		char inner[4096];
		int n;

		if (de->d_name[0] == '.')
			continue;
		n = snprintf(inner, sizeof inner, "%s/%s", path, de->d_name);
		if (n > 0 && (size_t)n < sizeof inner)
			bad |= replay(inner);
	}
	closedir(d);
	return bad;
}

int
main(int argc, char **argv)
{
	int bad = LLVMFuzzerTestOneInput((const uint8_t *)"", 0);

	for (int i = 1; i < argc; i++)
		bad |= replay(argv[i]);
	printf("replayed %u inputs\n", ran);
	return bad;
}
