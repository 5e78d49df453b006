#include "service/status/request.h"

#include <arpa/inet.h>
#include <string.h>

/*! Most words of a request. */
#define WORDS_MAX (2 + ANAME_STATUS_NAMES)

/*! Cuts a line into words; their number, or one more than there is room for. */
static size_t cut(char *line, char *words[WORDS_MAX])
{
	size_t count = 0;
	char *left = NULL;
	for (char *word = strtok_r(line, " \r", &left); word != NULL;
	     word = strtok_r(NULL, " \r", &left)) {
		if (count == WORDS_MAX) {
			return WORDS_MAX + 1;
		}
		words[count++] = word;
	}
	return count;
}

bool aname_status_request_name(knot_dname_storage_t name, const char *word)
{
	if (knot_dname_from_str(name, word, sizeof(knot_dname_storage_t)) == NULL) {
		return false;
	}
	knot_dname_to_lower(name);
	return true;
}

/*! Reads as many names as there is room for at most. */
static bool read_names(aname_status_request_t *request, char *const *words, size_t count)
{
	bool good = true;
	for (size_t i = 0; i < count && good; i++) {
		good = aname_status_request_name(request->names[request->names_count++], words[i]);
	}
	return good;
}

static const char *read_status(aname_status_request_t *request, char *const *words, size_t count)
{
	request->kind = ANAME_REQUEST_STATUS;
	request->names_count = 0;
	size_t of = strlen(ANAME_STATUS_OF);
	request->has_owner = count > 0 && strncmp(words[0], ANAME_STATUS_OF, of) == 0;
	if (request->has_owner && !aname_status_request_name(request->owner, words[0] + of)) {
		return "the owner has to be a domain name";
	}
	if (count - request->has_owner > ANAME_STATUS_NAMES) {
		return "there are too many words";
	}
	return read_names(request, words + request->has_owner, count - request->has_owner)
	               ? NULL
	               : "what follows 'status' has to be domain names";
}

/*! A target is never called like this, but an address that is written wrongly is. */
static bool looks_like_address(const char *word)
{
	return strchr(word, ':') != NULL || strspn(word, "0123456789.") == strlen(word);
}

static bool read_subject(aname_subject_t *subject, const char *word)
{
	subject->len = 0;
	if (inet_pton(AF_INET, word, subject->address) == 1) {
		subject->len = 4;
	} else if (inet_pton(AF_INET6, word, subject->address) == 1) {
		subject->len = 16;
	}
	return subject->len > 0 ||
	       (!looks_like_address(word) && aname_status_request_name(subject->name, word) &&
	        subject->name[0] != 0);
}

static bool read_state(aname_forced_t *state, const char *word)
{
	static const char *const states[] = {
		[ANAME_FORCED_AUTO] = ANAME_FORCED_WORD_AUTO,
		[ANAME_FORCED_DOWN] = ANAME_HEALTH_WORD_DOWN,
		[ANAME_FORCED_UP] = ANAME_HEALTH_WORD_UP,
	};
	for (unsigned i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
		if (strcmp(word, states[i]) == 0) {
			*state = i;
			return true;
		}
	}
	return false;
}

_Static_assert(ANAME_FORCED_SECONDS_MAX == 31536000 && ANAME_REFRESH_SECONDS_MAX == 600,
               "as the messages below say");

/*! Reads a number of seconds from 1 to `most`. */
static bool read_seconds(uint32_t *seconds, const char *word, uint32_t most)
{
	size_t len = strspn(word, "0123456789");
	uint32_t value = 0;
	for (size_t i = 0; i < len && value <= most; i++) {
		value = 10 * value + (word[i] - '0');
	}
	*seconds = value;
	return word[len] == '\0' && value > 0 && value <= most;
}

static const char *read_force(aname_status_request_t *request, char *const *words, size_t count)
{
	request->kind = ANAME_REQUEST_FORCE;
	request->seconds = 0;
	if (count < 2 || count > 3) {
		return "what follows 'force' has to be a target or an address, a state, and "
		       "perhaps "
		       "seconds";
	}
	if (!read_subject(&request->subject, words[0])) {
		return "what is forced has to be a target's name or an address";
	}
	if (!read_state(&request->state, words[1])) {
		return "the state has to be down, up or auto";
	}
	if (count == 3 && request->state == ANAME_FORCED_AUTO) {
		return "auto has no end, so no seconds follow it";
	}
	if (count == 3 && !read_seconds(&request->seconds, words[2], ANAME_FORCED_SECONDS_MAX)) {
		return "the time has to be 1 to 31536000 seconds";
	}
	return NULL;
}

static const char *read_refresh(aname_status_request_t *request, char *const *words, size_t count)
{
	request->kind = ANAME_REQUEST_REFRESH;
	request->names_count = 0;
	if (count < 2 || count > 1 + ANAME_STATUS_NAMES ||
	    !read_seconds(&request->seconds, words[0], ANAME_REFRESH_SECONDS_MAX)) {
		return "what follows 'refresh' has to be 1 to 600 seconds, and names of targets";
	}
	return read_names(request, words + 1, count - 1)
	               ? NULL
	               : "what follows the seconds has to be domain names";
}

static const char *read_watch(aname_status_request_t *request, char *const *words, size_t count)
{
	request->kind = ANAME_REQUEST_WATCH;
	request->names_count = 0;
	if (count > ANAME_STATUS_NAMES) {
		return "there are too many words";
	}
	return read_names(request, words, count) ? NULL
	                                         : "what follows 'watch' has to be domain names";
}

const char *aname_status_request_read(aname_status_request_t *request, char *line, size_t len)
{
	char *words[WORDS_MAX];
	line[len] = '\0';
	size_t count = memchr(line, '\0', len) == NULL ? cut(line, words) : 0;
	if (count > WORDS_MAX) {
		return "there are too many words";
	}
	if (count > 0 && strcmp(words[0], ANAME_STATUS_REQUEST) == 0) {
		return read_status(request, words + 1, count - 1);
	}
	if (count > 0 && strcmp(words[0], ANAME_STATUS_FORCE) == 0) {
		return read_force(request, words + 1, count - 1);
	}
	if (count > 0 && strcmp(words[0], ANAME_STATUS_REFRESH) == 0) {
		return read_refresh(request, words + 1, count - 1);
	}
	if (count > 0 && strcmp(words[0], ANAME_STATUS_WATCH) == 0) {
		return read_watch(request, words + 1, count - 1);
	}
	if (count > 0 && strcmp(words[0], ANAME_STATUS_FOLLOW) == 0) {
		request->kind = ANAME_REQUEST_FOLLOW;
		return count == 1 ? NULL : "nothing follows 'follow' in its line";
	}
	return "there is no such request";
}
