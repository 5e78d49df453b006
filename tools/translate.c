#include "translate.h"

#include <ctype.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "entry.h"
#include "review.h"
#include "rrtype.h"
#include "text.h"

/*! How deep included files are looked into. */
#define INCLUDES_MAX 8

/*! A translation under way. */
typedef struct {
	const kaname_translation_t *how;
	kaname_entry_t entry;
	kaname_text_t *text;
	kaname_review_t review;
	kaname_exit_t ret;
	bool cr_reported;
} work_t;

static void remark(work_t *work, unsigned line, const char *what)
{
	work->how->remark(work->how->ctx, work->how->file, line, what);
}

static void refuse(work_t *work, unsigned line, const char *expected)
{
	char what[300];
	(void)snprintf(what, sizeof(what), "expected %s", expected);
	remark(work, line, what);
	work->ret = KANAME_NO;
}

/* Which record is it? */

static bool is_ttl(const kaname_entry_t *entry, size_t token)
{
	return token < entry->tokens_count &&
	       isdigit((unsigned char)*kaname_entry_at(entry, token));
}

static bool is_class(const kaname_entry_t *entry, size_t token)
{
	return kaname_entry_is(entry, token, "IN") || kaname_entry_is(entry, token, "CH") ||
	       kaname_entry_is(entry, token, "HS") || kaname_entry_is(entry, token, "CS") ||
	       (token < entry->tokens_count && entry->tokens[token].len > 5 &&
	        strncasecmp(kaname_entry_at(entry, token), "CLASS", 5) == 0);
}

/*! The token that names the type; behind the last one if there is none. */
static size_t type_token(const kaname_entry_t *entry)
{
	size_t token = entry->indented ? 0 : 1;
	if (is_ttl(entry, token)) {
		token++;
		token += is_class(entry, token);
	} else if (is_class(entry, token)) {
		token++;
		token += is_ttl(entry, token);
	}
	return token;
}

static bool is_directive(const kaname_entry_t *entry)
{
	return entry->tokens_count > 0 && !entry->indented && *kaname_entry_at(entry, 0) == '$';
}

/*! Which of the types is it that is to be translated? ANAME_RRTYPES if none. */
static size_t translated_type(const kaname_entry_t *entry, size_t token, bool reverse)
{
	size_t type = 0;
	while (type < ANAME_RRTYPES &&
	       !kaname_entry_is(entry, token,
	                        reverse ? aname_rrtypes[type].generic : aname_rrtypes[type].word)) {
		type++;
	}
	return type;
}

/* Writing. */

/*! Writes the entry's text between two positions. */
static void copy(work_t *work, size_t from, size_t to)
{
	(void)fwrite(work->entry.text + from, 1, to - from, work->how->out);
}

static size_t end_of(const kaname_token_t *token)
{
	return token->at + token->len;
}

/*! Writes the entry with another word in place of one token, and one in place of all after it. */
static void rewrite(work_t *work, size_t token, const char *type, const char *rdata)
{
	const kaname_entry_t *entry = &work->entry;
	copy(work, 0, entry->tokens[token].at);
	(void)fputs(type, work->how->out);
	size_t done = end_of(&entry->tokens[token]);
	for (size_t i = token + 1; i < entry->tokens_count; i++) {
		size_t gap = entry->tokens[i].at - done;
		size_t blanks = 0;
		while (blanks < gap && isblank((unsigned char)entry->text[done + blanks])) {
			blanks++;
		}
		/* Blanks between what becomes one token go; comments and lines stay. */
		if (i == token + 1 || blanks < gap) {
			copy(work, done, entry->tokens[i].at);
		}
		if (i == token + 1) {
			(void)fputs(rdata, work->how->out);
		}
		done = end_of(&entry->tokens[i]);
	}
	copy(work, done, entry->len);
}

/* Forward and in reverse. */

/*! Translates a record; false if it was left to be copied. */
static bool forward(work_t *work, size_t token, size_t type)
{
	const kaname_entry_t *entry = &work->entry;
	size_t first = token + 1, count = entry->tokens_count - first;
	unsigned line = entry->tokens[token].line;
	if (count == 0) {
		refuse(work, line, "the target's name after the type");
		return false;
	}
	if (kaname_entry_is(entry, first, "\\#")) {
		/* RDATA is generic already, and may be of a known type (RFC 3597, 5). */
		copy(work, 0, entry->tokens[token].at);
		(void)fputs(aname_rrtypes[type].generic, work->how->out);
		copy(work, end_of(&entry->tokens[token]), entry->len);
		return true;
	}
	if (count > 1) {
		refuse(work, entry->tokens[first + 1].line,
		       "one target, and nothing but a comment after it");
		return false;
	}
	const char *name = kaname_entry_at(entry, first);
	size_t len = entry->tokens[first].len;
	const knot_dname_t *target;
	const char *expected = kaname_review_written(name, len);
	if (expected == NULL) {
		expected = kaname_text_target(work->text, name, len, &target);
	}
	if (expected != NULL) {
		refuse(work, entry->tokens[first].line, expected);
		return false;
	}
	kaname_review_target(&work->review, entry->tokens[first].line, name, len, target);
	char rdata[KANAME_GENERIC_MAX + 1];
	kaname_generic_write(rdata, target);
	/* A parenthesis right behind the digits would be one of them to libzscanner. */
	size_t end = end_of(&entry->tokens[first]);
	if (end < entry->len && entry->text[end] == ')') {
		size_t rdata_len = strlen(rdata);
		rdata[rdata_len] = ' ';
		rdata[rdata_len + 1] = '\0';
	}
	rewrite(work, token, aname_rrtypes[type].generic, rdata);
	return true;
}

typedef struct {
	const kaname_entry_t *entry;
	size_t next;
} pieces_t;

static const char *next_piece(void *ctx, size_t *len)
{
	pieces_t *pieces = ctx;
	if (pieces->next == pieces->entry->tokens_count) {
		return NULL;
	}
	*len = pieces->entry->tokens[pieces->next].len;
	return kaname_entry_at(pieces->entry, pieces->next++);
}

static bool backward(work_t *work, size_t token, size_t type)
{
	pieces_t pieces = { .entry = &work->entry, .next = token + 1 };
	const knot_dname_t *target;
	const char *expected = kaname_text_generic(work->text, next_piece, &pieces, &target);
	if (expected != NULL) {
		refuse(work, work->entry.tokens[token].line, expected);
		return false;
	}
	knot_dname_txt_storage_t name;
	if (knot_dname_to_str(name, target, sizeof(name)) == NULL) {
		refuse(work, work->entry.tokens[token].line, "a domain name that can be written");
		return false;
	}
	rewrite(work, token, aname_rrtypes[type].word, name);
	return true;
}

/* Directives. */

static void take_origin(work_t *work)
{
	const kaname_entry_t *entry = &work->entry;
	const char *expected = "one domain name after $ORIGIN";
	kaname_review_origin(&work->review);
	if (entry->tokens_count == 2) {
		expected = kaname_text_origin(work->text, kaname_entry_at(entry, 1),
		                              entry->tokens[1].len);
	}
	if (expected != NULL) {
		refuse(work, entry->tokens[0].line, expected);
	}
}

/*! $GENERATE, which knotd does not know, could make such records. */
static void look_at_generate(work_t *work)
{
	const kaname_entry_t *entry = &work->entry;
	for (size_t i = 1; i < entry->tokens_count; i++) {
		if (translated_type(entry, i, false) < ANAME_RRTYPES) {
			refuse(work, entry->tokens[i].line,
			       "records written out: $GENERATE is not translated");
		}
	}
}

/*! Opens a regular file; a device or a pipe could be read only once, or for ever. */
static FILE *open_regular(const char *path)
{
	struct stat st;
	if (stat(path, &st) != 0) {
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		errno = EINVAL;
		return NULL;
	}
	return fopen(path, "re");
}

/*! Path that an $INCLUDE leads to from a directory; false if there is none. */
static bool included_path(const kaname_entry_t *entry, const char *directory, char path[PATH_MAX])
{
	if (entry->tokens_count < 2) {
		return false;
	}
	const char *name = kaname_entry_at(entry, 1);
	size_t len = entry->tokens[1].len;
	if (len >= 2 && name[0] == '"' && name[len - 1] == '"') {
		name++;
		len -= 2;
	}
	bool absolute = len > 0 && name[0] == '/';
	int used = snprintf(path, PATH_MAX, "%s%s%.*s", absolute ? "" : directory,
	                    absolute ? "" : "/", (int)len, name);
	return used > 0 && used < PATH_MAX;
}

/*! An included file under inspection. */
typedef struct {
	work_t *work;
	unsigned line; /*!< Of the $INCLUDE in the file being translated. */
	unsigned depth;
	const char *path;
	unsigned records, first; /*!< To be translated, and the line of the first of them. */
} included_t;

static void inspect(const included_t *included);

static void inspect_entry(included_t *included, const kaname_entry_t *entry)
{
	char path[PATH_MAX], directory[PATH_MAX];
	size_t token = type_token(entry);
	if (!is_directive(entry)) {
		bool reverse = included->work->how->reverse;
		if (translated_type(entry, token, reverse) < ANAME_RRTYPES &&
		    included->records++ == 0) {
			included->first = entry->tokens[token].line;
		}
	} else if (kaname_entry_is(entry, 0, "$INCLUDE") && included->depth < INCLUDES_MAX) {
		(void)snprintf(directory, sizeof(directory), "%s", included->path);
		if (included_path(entry, dirname(directory), path)) {
			inspect(&(included_t){ .work = included->work,
			                       .line = included->line,
			                       .depth = included->depth + 1,
			                       .path = path });
		}
	}
}

/*! An included file is read by knotd as it is: reports it if it has to be translated, too. */
static void inspect(const included_t *what)
{
	included_t included = *what;
	char text[PATH_MAX + 200];
	FILE *in = open_regular(included.path);
	if (in == NULL) {
		(void)snprintf(text, sizeof(text),
		               "warning: included file %s was not looked into (%s): what it holds "
		               "is not translated",
		               included.path, strerror(errno));
		remark(included.work, included.line, text);
		return;
	}
	kaname_entry_t entry = { 0 };
	unsigned line;
	const char *expected;
	while (kaname_entry_read(&entry, in, &line, &expected) == KANAME_ENTRY_READ) {
		inspect_entry(&included, &entry);
	}
	kaname_entry_deinit(&entry);
	(void)fclose(in);
	if (included.records > 0) {
		(void)snprintf(text, sizeof(text),
		               "warning: included file %s is left as it is, but has %u record%s to "
		               "be translated, the first at line %u: translate it by itself",
		               included.path, included.records, included.records == 1 ? "" : "s",
		               included.first);
		remark(included.work, included.line, text);
	}
}

static void look_at_include(work_t *work)
{
	char path[PATH_MAX];
	if (work->how->directory != NULL &&
	    included_path(&work->entry, work->how->directory, path)) {
		inspect(&(included_t){ .work = work,
		                       .line = work->entry.tokens[0].line,
		                       .depth = 1,
		                       .path = path });
	}
}

static void take_directive(work_t *work)
{
	if (kaname_entry_is(&work->entry, 0, "$ORIGIN")) {
		take_origin(work);
	} else if (kaname_entry_is(&work->entry, 0, "$INCLUDE")) {
		look_at_include(work);
	} else if (kaname_entry_is(&work->entry, 0, "$GENERATE") && !work->how->reverse) {
		look_at_generate(work);
	}
}

/* The whole. */

static void report_cr(work_t *work)
{
	if (!work->cr_reported && work->entry.had_cr) {
		work->cr_reported = true;
		remark(work, work->entry.line,
		       "note: lines end in CR LF, and are written with LF alone, as knotd needs "
		       "them");
	}
}

/*! Looks at a record on its way to knotd. */
static void review(work_t *work, size_t token, bool translated)
{
	kaname_review_owner(&work->review, &work->entry);
	const char *expected = kaname_review_record(&work->review, &work->entry, token, translated);
	if (expected != NULL) {
		refuse(work, work->entry.tokens[token].line, expected);
	}
}

static void take_entry(work_t *work)
{
	report_cr(work);
	bool written = false;
	if (is_directive(&work->entry)) {
		take_directive(work);
	} else {
		size_t token = type_token(&work->entry);
		size_t type = translated_type(&work->entry, token, work->how->reverse);
		if (!work->how->reverse) {
			review(work, token, type < ANAME_RRTYPES);
		}
		if (type < ANAME_RRTYPES) {
			written = work->how->reverse ? backward(work, token, type)
			                             : forward(work, token, type);
		}
	}
	if (!written) {
		copy(work, 0, work->entry.len);
	}
}

static kaname_exit_t run(work_t *work)
{
	unsigned line;
	const char *expected;
	kaname_entry_ret_t ret = KANAME_ENTRY_READ;
	while (ret == KANAME_ENTRY_READ) {
		ret = kaname_entry_read(&work->entry, work->how->in, &line, &expected);
		if (ret == KANAME_ENTRY_READ) {
			take_entry(work);
		}
		if (work->review.out_of_memory) {
			errno = ENOMEM;
			return KANAME_IO;
		}
		if (ferror(work->how->out)) {
			return KANAME_IO;
		}
	}
	kaname_review_end(&work->review, work->entry.line);
	if (ret == KANAME_ENTRY_BROKEN) {
		refuse(work, line, expected);
	}
	return ret == KANAME_ENTRY_FAILED ? KANAME_IO : work->ret;
}

kaname_exit_t kaname_translate(const kaname_translation_t *how)
{
	work_t work = { .how = how, .ret = KANAME_OK, .text = kaname_text_new() };
	if (work.text == NULL) {
		errno = ENOMEM;
		return KANAME_IO;
	}
	work.review = (kaname_review_t){
		.text = work.text, .remark = how->remark, .ctx = how->ctx, .file = how->file
	};
	kaname_exit_t ret = KANAME_NO;
	if (how->origin != NULL &&
	    kaname_text_origin(work.text, how->origin, strlen(how->origin)) != NULL) {
		remark(&work, 0, "the origin is not an absolute domain name");
	} else {
		ret = run(&work);
	}
	kaname_review_deinit(&work.review);
	kaname_entry_deinit(&work.entry);
	kaname_text_free(work.text);
	return ret;
}
