/*!
 * Writes inputs for fuzz_state into a directory: the samples of state files, and each record of the
 * one that has all kinds.
 */

#include <stdio.h>
#include <stdlib.h>

#include <libknot/wire.h>

#include "support/state.h"

/*! As fuzz_state.c has them. */
#define FILE_FIXED 0x04
#define RECORD     0x02

/*! Writes an input; false if that cannot be. */
static bool write_input(const char *directory, const char *name, uint8_t first, const uint8_t *data,
                        size_t len)
{
	char path[4096];
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "wb");
	bool good = file != NULL && fputc(first, file) != EOF && fwrite(data, 1, len, file) == len;
	good &= file != NULL && fclose(file) == 0;
	if (!good) {
		perror(path);
	}
	return good;
}

/*! Writes each record but the end, its kind and what follows its head. */
static bool write_records(const char *directory, uint8_t *data, size_t len)
{
	static const char *const kinds[] = { "end",    "upstream", "definition", "verdict",
		                             "target", "force",    "key" };
	bool good = true;
	unsigned number = 0;
	for (size_t at = 64, size; at + 4 < len; at += 4 + size, number++) {
		char name[40];
		uint8_t kind = data[at];
		size = knot_wire_read_u32(data + at) & 0xFFFFFF;
		(void)snprintf(name, sizeof(name), "record-%02u-%s", number, kinds[kind]);
		data[at + 3] = kind;
		good &= write_input(directory, name, RECORD, data + at + 3, size + 1);
	}
	return good;
}

int main(int argc, char **argv)
{
	if (argc != 2) {
		(void)fprintf(stderr, "usage: %s DIRECTORY\n", argv[0]);
		return 2;
	}
	bool good = true;
	for (state_sample_t sample = 0; sample < STATE_SAMPLES; sample++) {
		aname_state_out_t out = { 0 };
		good &= state_sample(&out, sample) &&
		        write_input(argv[1], state_sample_name(sample), FILE_FIXED, out.data,
		                    out.len) &&
		        (sample != STATE_ALL || write_records(argv[1], out.data, out.len));
		free(out.data);
	}
	return good ? 0 : 1;
}
