/*!
 * Any octets as a master file. What is translated must come back: reversed it is free of generic
 * records, and from then on both directions undo each other octet by octet.
 *
 * Files: tools/entry.c tools/review.c tools/text.c tools/translate.c
 */

#include "fuzz.h"

#include "translate.h"

static void on_remark(void *ctx, const char *file, unsigned line, const char *what)
{
	unsigned *remarks = ctx;
	require(strlen(what) > 0 && line > 0);
	(*remarks)++;
}

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
		.origin = "example.",
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size == 0) {
		return 0;
	}
	text_t generic = translate((const char *)data, size, false);
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
	return 0;
}
