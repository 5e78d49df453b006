#include "tame.h"

#include <stdio.h>
#include <string.h>

/*! Octets of the character that a text begins with; 0 if it is not to be printed: it controls a terminal,
 *  or is not UTF-8. */
static size_t read_character(const char *text)
{
	unsigned char first = text[0];
	if (first < 0x80) {
		return first >= ' ' && first != 0x7f;
	}
	size_t len = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
	if (first < 0xc2 || first > 0xf4 || (first == 0xc2 && (unsigned char)text[1] < 0xa0)) {
		return 0;
	}
	for (size_t i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80) {
			return 0;
		}
	}
	return len;
}

void kaname_tame(const char *text, char *tame)
{
	for (size_t len; *text != '\0'; text += len) {
		len = read_character(text);
		if (len > 0) {
			memcpy(tame, text, len);
			tame += len;
		} else {
			tame += sprintf(tame, "\\x%02x", (unsigned char)*text);
			len = 1;
		}
	}
	*tame = '\0';
}

void kaname_tame_lines(char *text)
{
	for (size_t len; *text != '\0'; text += len) {
		len = read_character(text);
		if (len == 0 && *text != '\n' && *text != '\t') {
			*text = '?';
		}
		len = len > 0 ? len : 1;
	}
}
