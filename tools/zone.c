/*!
 * \brief The commands that need no server: rdata, show, zone.
 */

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "records.h"
#include "text.h"
#include "tool.h"
#include "translate.h"

kaname_exit_t kaname_rdata(const kaname_args_t *args)
{
	knot_dname_storage_t name;
	if (!kaname_name_take(name, args->arguments[0], KANAME_NAME_ANY)) {
		return KANAME_NO;
	}
	char text[KANAME_GENERIC_MAX];
	kaname_generic_write(text, name);
	(void)puts(text);
	return KANAME_OK;
}

/*! Gives the arguments, and each of them in the pieces that blanks make of it. */
static const char *next_piece(void *ctx, size_t *len)
{
	kaname_args_t *left = ctx;
	while (left->count > 0) {
		char *piece = left->arguments[0] + strspn(left->arguments[0], " \t");
		*len = strcspn(piece, " \t");
		if (*len > 0) {
			left->arguments[0] = piece + *len;
			return piece;
		}
		left->arguments++;
		left->count--;
	}
	return NULL;
}

/*! Are these octets such that the piece cannot be anything but one token? */
static bool is_plain(const kaname_args_t *args)
{
	for (int i = 0; i < args->count; i++) {
		if (strpbrk(args->arguments[i], "\r\n;()\"") != NULL) {
			return false;
		}
	}
	return true;
}

kaname_exit_t kaname_show(const kaname_args_t *args)
{
	kaname_text_t *text = kaname_text_new();
	if (text == NULL) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	kaname_args_t left = *args;
	const knot_dname_t *target;
	const char *expected = "\\#, the number of octets, and as many in hexadecimal";
	if (is_plain(args)) {
		expected = kaname_text_generic(text, next_piece, &left, &target);
	}
	knot_dname_txt_storage_t name;
	if (expected == NULL && knot_dname_to_str(name, target, sizeof(name)) == NULL) {
		expected = "a domain name that can be written";
	}
	kaname_text_free(text);
	if (expected != NULL) {
		kaname_error("expected %s", expected);
		return KANAME_NO;
	}
	(void)puts(name);
	return KANAME_OK;
}

/*! Path of the file behind standard input; false if there is none. */
static bool input_path(char path[PATH_MAX])
{
	struct stat st;
	if (fstat(STDIN_FILENO, &st) != 0 || !S_ISREG(st.st_mode)) {
		return false;
	}
	ssize_t len = readlink("/proc/self/fd/0", path, PATH_MAX - 1);
	if (len <= 0) {
		return false;
	}
	path[len] = '\0';
	return true;
}

/*! Opens what is to be translated, and returns its name. */
static FILE *open_input(const kaname_args_t *args, char path[PATH_MAX], bool *named)
{
	if (args->count > 0 && strcmp(args->arguments[0], "-") != 0) {
		*named = true;
		(void)snprintf(path, PATH_MAX, "%s", args->arguments[0]);
		return fopen(args->arguments[0], "re");
	}
	*named = input_path(path);
	if (!*named) {
		(void)snprintf(path, PATH_MAX, "stdin");
	}
	return stdin;
}

static void on_remark(void *ctx, const char *file, unsigned line, const char *what)
{
	(void)fprintf(stderr, "%s:%u: %s\n", file, line, what);
}

static kaname_exit_t translate(const kaname_args_t *args, FILE *in, const char *path, bool named,
                               const char *origin)
{
	char directory[PATH_MAX];
	(void)snprintf(directory, sizeof(directory), "%s", path);
	const kaname_translation_t translation = {
		.in = in,
		.out = stdout,
		.file = path,
		.directory = named ? dirname(directory) : ".",
		.origin = origin,
		.reverse = args->reverse,
		.remark = on_remark,
	};
	kaname_exit_t ret = kaname_translate(&translation);
	if (ret == KANAME_IO && !ferror(stdout)) {
		kaname_error("cannot read %s: %s", path, strerror(errno));
	}
	return ret;
}

kaname_exit_t kaname_zone(const kaname_args_t *args)
{
	knot_dname_storage_t name;
	knot_dname_txt_storage_t origin;
	if (args->origin != NULL && (!kaname_name_take(name, args->origin, KANAME_NAME_ANY) ||
	                             knot_dname_to_str(origin, name, sizeof(origin)) == NULL)) {
		return KANAME_USAGE;
	}
	char path[PATH_MAX];
	bool named;
	FILE *in = open_input(args, path, &named);
	if (in == NULL) {
		kaname_error("cannot open %s: %s", path, strerror(errno));
		return KANAME_IO;
	}
	kaname_exit_t ret = translate(args, in, path, named, args->origin != NULL ? origin : NULL);
	if (in != stdin) {
		(void)fclose(in);
	}
	return ret;
}
