/*!
 * \brief What comes from outside is made harmless for a terminal and a log: the module, a server, a file
 *        or a command line may have control characters in what is printed.  [P]
 *
 * Thread: any.
 */

#pragma once

/*! As many octets as the text of so many may need. */
#define KANAME_TAME_MAX(size) (4 * (size))

/*! Writes a text with its control characters, and what is not UTF-8, as \xHH. */
void kaname_tame(const char *text, char *tame);

/*! Puts '?' in the place of such octets; ends of lines and tabs stay. */
void kaname_tame_lines(char *text);
