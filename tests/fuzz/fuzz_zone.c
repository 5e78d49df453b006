/*!
 * Any octets as a master file; behind a record separator, as a file that it may include; and behind
 * another one, as the origin, of which there is none if that is empty. What is translated must come back:
 * reversed it is free of generic records, and from then on both directions undo each other octet by octet.
 *
 * Files: tools/entry.c tools/review.c tools/text.c tools/translate.c
 */

#include "fuzz.h"

#include "text.h"
#include "translate.h"

#define SEPARATOR    0x1e
/*! What is included may include so often: itself, up to a depth. */
#define INCLUDES_MAX 2

/*! What belongs to all translations of an input. */
static struct {
	const char *origin;
	char *directory; /*!< NULL: included files are not looked into. */
} is;

static void on_remark(void *ctx, const char *file, unsigned line, const char *what)
{
	unsigned *remarks = ctx;
	require(strlen(what) > 0 && (line > 0 || is.origin != NULL));
	(*remarks)++;
}

/* What may be included. */

static char directory[64], included[80];

static void forget_directory(void)
{
	(void)unlink(included);
	(void)rmdir(directory);
}

/*! The file that may be included is called i. */
static void write_included(const char *text, size_t len)
{
	if (directory[0] == '\0') {
		const char *base = getenv("TMPDIR");
		(void)snprintf(directory, sizeof(directory), "%.40s/zone-XXXXXX",
		               base != NULL ? base : "/tmp");
		require(mkdtemp(directory) != NULL && atexit(forget_directory) == 0);
		(void)snprintf(included, sizeof(included), "%s/i", directory);
	}
	FILE *file = fopen(included, "w");
	require(file != NULL && fwrite(text, 1, len, file) == len && fclose(file) == 0);
	is.directory = directory;
}

static unsigned count_of(const char *text, size_t len, char octet)
{
	unsigned count = 0;
	for (size_t i = 0; i < len; i++) {
		count += text[i] == octet;
	}
	return count;
}

/*! Takes from the end of an input what is behind a separator; NULL: there is none. */
static char *take_behind(const char *text, size_t *len)
{
	const char *at = memchr(text, SEPARATOR, *len);
	if (at == NULL) {
		return NULL;
	}
	char *behind = strndup(at + 1, text + *len - at - 1);
	require(behind != NULL);
	*len = at - text;
	return behind;
}

/* Translations. */

typedef struct {
	char *at;
	size_t len;
	kaname_exit_t ret;
} text_t;

static text_t translate(const char *at, size_t len, bool reverse)
{
	text_t text = { 0 };
	unsigned remarks = 0;
	FILE *in = fmemopen((void *)(uintptr_t)at, len, "r");
	FILE *out = open_memstream(&text.at, &text.len);
	require(in != NULL && out != NULL);
	const kaname_translation_t translation = {
		.in = in,
		.out = out,
		.file = "fuzz",
		.origin = is.origin,
		.directory = is.directory,
		.reverse = reverse,
		.remark = on_remark,
		.ctx = &remarks,
	};
	text.ret = kaname_translate(&translation);
	(void)fclose(in);
	(void)fclose(out);
	require(text.ret == KANAME_OK || text.ret == KANAME_NO);
	require(text.ret == KANAME_OK || remarks > 0);
	/* Of marks of the byte order nothing is left. */
	require(text.ret != KANAME_OK || text.len > 0 || at[0] == '\xef');
	return text;
}

/*! A name that is read is written and read again alike. */
static void check_name(const char *text)
{
	knot_dname_storage_t name, again;
	knot_dname_txt_storage_t written;
	if (kaname_name_read(name, text) != NULL) {
		require(knot_dname_to_str(written, name, sizeof(written)) != NULL);
		require(kaname_name_read(again, written) != NULL);
		require(knot_dname_is_equal(name, again));
	}
}

static void check(const char *text, size_t len)
{
	text_t generic = translate(text, len, false);
	/* Of a mark of the byte order alone nothing is left. */
	if (generic.ret == KANAME_OK && generic.len > 0) {
		text_t words = translate(generic.at, generic.len, true);
		if (words.ret == KANAME_OK) {
			text_t again = translate(words.at, words.len, false);
			require(again.ret == KANAME_OK);
			text_t back = translate(again.at, again.len, true);
			require(back.ret == KANAME_OK && back.len == words.len &&
			        memcmp(back.at, words.at, back.len) == 0);
			free(again.at);
			free(back.at);
		}
		free(words.at);
	}
	free(generic.at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char *behind = take_behind(text, &size), *origin = NULL;
	is.origin = "example.";
	is.directory = NULL;
	if (behind != NULL) {
		size_t len = strlen(behind);
		origin = take_behind(behind, &len);
		/* Only what stands there, and not ever more often. */
		if (memchr(text, '/', size) == NULL && memchr(behind, '/', len) == NULL &&
		    count_of(text, size, '$') <= 2 * INCLUDES_MAX &&
		    count_of(behind, len, '$') <= INCLUDES_MAX) {
			write_included(behind, len);
		}
	}
	if (origin != NULL) {
		check_name(origin);
		is.origin = origin[0] != '\0' ? origin : NULL;
	}
	if (size > 0) {
		check(text, size);
	}
	free(behind);
	free(origin);
	return 0;
}
