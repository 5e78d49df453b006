#include "service/status/question.h"

#include <string.h>

#include "service/status/request.h"

/*! Reads a decimal number up to `most`. */
static bool read_number(uint64_t *number, const char *word, uint64_t most)
{
	size_t len = strspn(word, "0123456789");
	*number = 0;
	for (size_t i = 0; i < len; i++) {
		uint64_t digit = word[i] - '0';
		if (*number > (most - digit) / 10) {
			return false;
		}
		*number = 10 * *number + digit;
	}
	return len > 0 && word[len] == '\0';
}

/*! The next word of a line; NULL if there is none. */
static char *next_word(char **left)
{
	return strtok_r(NULL, " \r", left);
}

static bool read_name(knot_dname_storage_t name, const char *word)
{
	return word != NULL && aname_status_request_name(name, word);
}

static const char *read_targets(aname_status_question_t *question, char **left)
{
	for (char *word; (word = next_word(left)) != NULL; question->count++) {
		if (question->count == ANAME_FOLLOW_TARGETS) {
			return "there are too many targets";
		}
		if (!read_name(question->targets[question->count], word)) {
			return "the targets have to be domain names";
		}
	}
	return question->count > 0 ? NULL : "there are no targets";
}

const char *aname_status_question_read(aname_status_question_t *question, char *line, size_t len,
                                       bool *answer)
{
	line[len] = '\0';
	*answer = false;
	char *left = NULL;
	const char *word = memchr(line, '\0', len) == NULL ? strtok_r(line, " \r", &left) : NULL;
	if (word == NULL || strcmp(word, ANAME_STATUS_ASK) != 0) {
		return "there is no such question";
	}
	word = next_word(&left);
	if (word == NULL || !read_number(&question->token, word, UINT64_MAX)) {
		return "the token has to be a number";
	}
	*answer = true;
	question->count = 0;
	if (!read_name(question->zone, next_word(&left)) ||
	    !read_name(question->owner, next_word(&left))) {
		return "the zone and the owner have to be domain names";
	}
	uint64_t ttl;
	word = next_word(&left);
	if (word == NULL || !read_number(&ttl, word, UINT32_MAX)) {
		return "the TTL has to be a number";
	}
	question->ttl = ttl;
	return read_targets(question, &left);
}
