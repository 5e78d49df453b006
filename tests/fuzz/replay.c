/*! Runs the fuzzer's target over every file of directories; no fuzzer is needed for that. */

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/*! Larger than any input: a reply has 65,535 octets at most. */
#define INPUT_MAX 70000

static int run_file(const char *directory, const char *name)
{
	static uint8_t content[INPUT_MAX];
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "rb");
	if (file == NULL) {
		perror(path);
		return 1;
	}
	size_t size = fread(content, 1, sizeof(content), file);
	int failed = ferror(file);
	(void)fclose(file);

	/* A block of exactly its size, so that reading past it is found out. */
	uint8_t *data = malloc(size > 0 ? size : 1);
	if (data == NULL || failed) {
		(void)fprintf(stderr, "%s: cannot be read\n", path);
		free(data);
		return 1;
	}
	for (size_t i = 0; i < size; i++) {
		data[i] = content[i];
	}
	(void)fprintf(stderr, "%s\n", name);
	(void)LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 0;
}

static int run_directory(const char *path, unsigned *count)
{
	DIR *directory = opendir(path);
	int failed = 0;
	if (directory == NULL) {
		perror(path);
		return 1;
	}
	for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
		if (entry->d_name[0] != '.') {
			failed |= run_file(path, entry->d_name);
			(*count)++;
		}
	}
	(void)closedir(directory);
	return failed;
}

int main(int argc, char **argv)
{
	int failed = 0;
	unsigned count = 0;
	if (argc < 2) {
		(void)fprintf(stderr, "usage: %s DIRECTORY ...\n", argv[0]);
		return 2;
	}
	for (int i = 1; i < argc; i++) {
		failed |= run_directory(argv[i], &count);
	}
	(void)fprintf(stderr, "%u inputs\n", count);
	return failed || count == 0 ? 1 : 0;
}
