/*!
 * \brief One entry of a master file (RFC 1035, 5.1), octet by octet as it was written.
 *
 * An entry ends with its line, or with a later one if parentheses or quotes lead it on. Nothing
 * is changed or left out, but a byte order mark in front of the first one, and CR before the end of
 * a line: the tokens point into the text, and what lies between them are blanks, line ends,
 * parentheses and comments.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/*! Longest entry in octets; the largest RDATA takes a third of it. */
#define KANAME_ENTRY_MAX (1 << 20)

typedef struct {
	size_t at, len; /*!< In the entry's text. */
	unsigned line;  /*!< Line of the file. */
} kaname_token_t;

typedef struct {
	char *text;
	size_t len, size;
	kaname_token_t *tokens;
	size_t tokens_count, tokens_size;
	unsigned line; /*!< Line of the file at which it ends; 0 at first. */
	bool indented; /*!< It begins with a blank: its owner is that of the entry before. */
	bool had_cr;   /*!< A line of it ended in CR LF. */
} kaname_entry_t;

/*! What came of reading. */
typedef enum {
	KANAME_ENTRY_READ = 0,
	KANAME_ENTRY_END,    /*!< There is nothing left. */
	KANAME_ENTRY_BROKEN, /*!< Not to be read; see the parameter `expected`. */
	KANAME_ENTRY_FAILED, /*!< errno says why. */
} kaname_entry_ret_t;

/*!
 * \brief Reads the next entry.
 *
 * \param entry     Room for it, zeroed before the first; the last entry's is used again.
 * \param line      Of what is broken.
 * \param expected  What was expected there.
 */
kaname_entry_ret_t kaname_entry_read(kaname_entry_t *entry, FILE *in, unsigned *line,
                                     const char **expected);

void kaname_entry_deinit(kaname_entry_t *entry);

/*! Text of a token: not terminated. */
static inline const char *kaname_entry_at(const kaname_entry_t *entry, size_t token)
{
	return entry->text + entry->tokens[token].at;
}

/*! Is a token this word, in any letter case? */
bool kaname_entry_is(const kaname_entry_t *entry, size_t token, const char *word);
