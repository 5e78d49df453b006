#include "entry.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/*! Where the reader is within an entry. */
typedef struct {
	bool in_token, in_quotes, in_comment, escaped;
	unsigned depth;      /*!< Open parentheses. */
	unsigned open_line;  /*!< Of the first of them. */
	unsigned quote_line; /*!< Of the last quote. */
	unsigned line;
} position_t;

static void *grow(void *memory, size_t *size, size_t least, size_t each)
{
	if (least <= *size) {
		return memory;
	}
	size_t more = *size > 0 ? 2 * *size : least;
	void *larger = realloc(memory, more * each);
	if (larger != NULL) {
		*size = more;
	}
	return larger;
}

static bool keep_octet(kaname_entry_t *entry, char c)
{
	char *text = grow(entry->text, &entry->size, entry->len + 256, 1);
	if (text == NULL) {
		return false;
	}
	entry->text = text;
	text[entry->len++] = c;
	return true;
}

static bool begin_token(kaname_entry_t *entry, const position_t *position)
{
	kaname_token_t *tokens =
	        grow(entry->tokens, &entry->tokens_size, entry->tokens_count + 16, sizeof(*tokens));
	if (tokens == NULL) {
		return false;
	}
	entry->tokens = tokens;
	tokens[entry->tokens_count++] =
	        (kaname_token_t){ .at = entry->len - 1, .len = 0, .line = position->line };
	return true;
}

/*! An octet outside of tokens, or the one that ends a token. */
static const char *separate(char c, position_t *position)
{
	position->in_token = false;
	if (c == ';') {
		position->in_comment = true;
	} else if (c == '(') {
		position->open_line = position->depth == 0 ? position->line : position->open_line;
		position->depth++;
	} else if (c == ')' && position->depth-- == 0) {
		return "an opening parenthesis before this one";
	}
	return NULL;
}

/*! Goes on within a token, where a quote may begin or end. */
static void go_on(kaname_entry_t *entry, char c, position_t *position)
{
	if (position->escaped) {
		position->escaped = false;
	} else if (c == '\\') {
		position->escaped = true;
	} else if (c == '"') {
		position->in_quotes = !position->in_quotes;
		position->quote_line = position->line;
	}
	kaname_token_t *token = &entry->tokens[entry->tokens_count - 1];
	token->len = entry->len - token->at;
}

static bool is_separator(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == ';' || c == '(' || c == ')';
}

/*! Takes one octet that is no line end of its own. */
static kaname_entry_ret_t take(kaname_entry_t *entry, char c, position_t *position,
                               const char **expected)
{
	if (position->in_comment) {
		return KANAME_ENTRY_READ;
	}
	if (is_separator(c) && !position->in_quotes && !position->escaped) {
		*expected = separate(c, position);
		return *expected == NULL ? KANAME_ENTRY_READ : KANAME_ENTRY_BROKEN;
	}
	if (!position->in_token) {
		if (!begin_token(entry, position)) {
			return KANAME_ENTRY_FAILED;
		}
		position->in_token = true;
	}
	go_on(entry, c, position);
	return KANAME_ENTRY_READ;
}

/*! A line ends; does the entry? */
static bool ends(position_t *position)
{
	position->line++;
	position->escaped = false;
	if (!position->in_quotes) {
		position->in_token = position->in_comment = false;
	}
	return position->depth == 0;
}

/*! Quotes lead over the end of a line within parentheses only, as libzscanner has it. */
static const char *unclosed(const position_t *position, unsigned *line)
{
	if (position->in_quotes) {
		*line = position->quote_line;
		return "a closing quote for the one that opens here";
	}
	*line = position->open_line;
	return "a closing parenthesis for the one that opens here";
}

/*! Takes CR away from before the end of a line, where it is not part of a text. */
static void drop_cr(kaname_entry_t *entry, const position_t *position)
{
	while (!position->in_token && entry->len >= 2 && entry->text[entry->len - 2] == '\r') {
		entry->text[--entry->len - 1] = '\n';
		entry->had_cr = true;
	}
}

/*! Takes a byte order mark in UTF-8 away from the beginning of the file. */
static void drop_mark(kaname_entry_t *entry, position_t *position)
{
	static const char mark[] = "\xef\xbb\xbf";
	if (entry->line == 0 && entry->len == sizeof(mark) - 1 &&
	    memcmp(entry->text, mark, entry->len) == 0) {
		entry->len = entry->tokens_count = 0;
		*position = (position_t){ .line = 1 };
	}
}

/*! The file ends; is that an end of the entry, too? */
static kaname_entry_ret_t at_end(const kaname_entry_t *entry, const position_t *position, FILE *in,
                                 unsigned *line, const char **expected)
{
	if (ferror(in)) {
		return KANAME_ENTRY_FAILED;
	}
	if (position->in_quotes || position->depth > 0) {
		*expected = unclosed(position, line);
		return KANAME_ENTRY_BROKEN;
	}
	return entry->len > 0 ? KANAME_ENTRY_READ : KANAME_ENTRY_END;
}

kaname_entry_ret_t kaname_entry_read(kaname_entry_t *entry, FILE *in, unsigned *line,
                                     const char **expected)
{
	position_t position = { .line = entry->line + 1 };
	entry->len = entry->tokens_count = 0;
	entry->had_cr = false;
	kaname_entry_ret_t ret = KANAME_ENTRY_READ;
	bool done = false;
	while (!done && ret == KANAME_ENTRY_READ) {
		int c = getc_unlocked(in);
		if (c == EOF) {
			ret = at_end(entry, &position, in, line, expected);
			break;
		}
		if (entry->len == KANAME_ENTRY_MAX) {
			*line = entry->line + 1;
			*expected = "an end of the record that begins here within 1 MiB";
			return KANAME_ENTRY_BROKEN;
		}
		if (!keep_octet(entry, c)) {
			return KANAME_ENTRY_FAILED;
		}
		*line = position.line;
		if (c != '\n') {
			ret = take(entry, c, &position, expected);
			drop_mark(entry, &position);
		} else if (position.in_quotes && position.depth == 0) {
			*expected = unclosed(&position, line);
			ret = KANAME_ENTRY_BROKEN;
		} else {
			drop_cr(entry, &position);
			done = ends(&position);
		}
	}
	entry->line = position.line - (done ? 1 : 0);
	entry->indented = entry->len > 0 && (entry->text[0] == ' ' || entry->text[0] == '\t');
	return ret;
}

void kaname_entry_deinit(kaname_entry_t *entry)
{
	free(entry->text);
	free(entry->tokens);
}

bool kaname_entry_is(const kaname_entry_t *entry, size_t token, const char *word)
{
	size_t len = strlen(word);
	return token < entry->tokens_count && entry->tokens[token].len == len &&
	       strncasecmp(kaname_entry_at(entry, token), word, len) == 0;
}
