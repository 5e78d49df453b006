/*!
 * Any octets as an answer of the module to `kaname follow`, whose fields an independent reader takes
 * apart; or what a question is made of, which the module has to understand as it was meant.
 *
 * Files: tools/follow/told_text.c
 */

#include "fuzz.h"

#include <inttypes.h>
#include <stdio.h>

#include <arpa/inet.h>

#include "follow/told_text.h"
#include "service/status/question.h"

/* Answers. */

/*! The first field of a key; NULL if there is none. */
static const char *field_of(const char *line, size_t len, const char *key)
{
	for (size_t at = 0; at < len; at += strlen(line + at) + 1) {
		const char *equals = strchr(line + at, '=');
		size_t key_len = equals != NULL ? (size_t)(equals - line - at) : 0;
		if (equals != NULL && key_len == strlen(key) &&
		    memcmp(line + at, key, key_len) == 0) {
			return equals + 1;
		}
	}
	return NULL;
}

/*! Reads addresses with commas between, of which one may stand behind the last; false if they cannot be
 *  read. */
static bool read_list(const char *list, int af, size_t *count, uint8_t *at)
{
	char *copy = strdup(list);
	bool good = true, end = copy[0] == '\0';
	*count = 0;
	for (char *text = copy; !end && good && *count < KANAME_SET_MAX;) {
		char *comma = strchr(text, ',');
		end = comma == NULL || comma[1] == '\0';
		if (comma != NULL) {
			*comma = '\0';
		}
		good = inet_pton(af, text, at + *count * (af == AF_INET ? 4 : 16)) == 1;
		*count += good;
		text = comma != NULL ? comma + 1 : text;
	}
	free(copy);
	return good && *count > 0;
}

static void check_family(const char *line, size_t len, const kaname_told_set_t *set,
                         kaname_family_t family)
{
	static const char *const words[] = {
		[KANAME_TOLD_SET] = "addresses",     [KANAME_TOLD_NODATA] = "nodata",
		[KANAME_TOLD_NXDOMAIN] = "nxdomain", [KANAME_TOLD_PENDING] = "pending",
		[KANAME_TOLD_FAILED] = "failed",
	};
	bool ipv6 = family == KANAME_AAAA;
	const char *state = field_of(line, len, ipv6 ? "aaaa-state" : "a-state");
	const char *list = field_of(line, len, ipv6 ? "aaaa" : "a");
	kaname_told_worth_t worth = set->family[family].worth;
	size_t count;
	static uint8_t at[KANAME_SET_MAX * 16];
	require(worth <= KANAME_TOLD_SET);
	require((worth == KANAME_TOLD_SET) == (set->family[family].count > 0));
	require((worth == KANAME_TOLD_FAILED) == (set->family[family].why[0] != '\0') ||
	        (set->unknown || worth == KANAME_TOLD_FAILED));
	require(set->family[family].count <= KANAME_SET_MAX);
	if (set->unknown || worth == KANAME_TOLD_FAILED) {
		bool listed =
		        list != NULL && read_list(list, ipv6 ? AF_INET6 : AF_INET, &count, at);
		require(set->unknown || state == NULL || strcmp(state, "addresses") != 0 ||
		        !listed);
		return;
	}
	require(strcmp(state, words[worth]) == 0);
	if (worth == KANAME_TOLD_SET) {
		require(read_list(list, ipv6 ? AF_INET6 : AF_INET, &count, at));
		require(count == set->family[family].count &&
		        memcmp(at, set->family[family].at, count * kaname_family_len(family)) == 0);
	}
}

static void check_answer(const uint8_t *data, size_t size)
{
	static kaname_told_set_t set;
	/* As told.c has it: fields end in zeros, and no line has any of its own. */
	char *line = malloc(size + 1);
	size_t len = 0;
	for (size_t i = 0; i < size; i++) {
		if (data[i] != '\0' && data[i] != '\n') {
			line[len++] = data[i] == '\t' ? '\0' : (char)data[i];
		}
	}
	line[len] = '\0';
	line = realloc(line, len + 1);
	const kaname_line_t told = { .at = line, .end = line + len };
	kaname_told_answer_read(&told, &set);
	const char *unknown = field_of(line, len, "unknown");
	require(set.unknown == (unknown != NULL && strcmp(unknown, "yes") == 0));
	require(set.next_s >= 1);
	const char *token = field_of(line, len, "token");
	uint64_t number = token != NULL ? strtoull(token, NULL, 10) : 0;
	char text[24];
	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	require(kaname_told_answer_is_to(&told, number) ==
	        (token != NULL && strcmp(token, text) == 0));
	check_family(line, len, &set, KANAME_A);
	check_family(line, len, &set, KANAME_AAAA);
	free(line);
}

/* Questions. */

/*! A name of any octets, in lower case. */
static void take_any_name(input_t *input, knot_dname_storage_t name)
{
	size_t len = take_name(input, name);
	uint8_t kind = take_octet(input);
	for (size_t at = 0; kind & 1 && name[at] != 0; at += name[at] + 1) {
		for (unsigned i = 1; i <= name[at]; i++) {
			name[at + i] = kind & 2 && i > 1 ? '\\' : take_octet(input);
		}
	}
	knot_dname_to_lower(name);
	require(knot_dname_size(name) == len);
}

static void check_question(input_t *input)
{
	static knot_dname_storage_t names[2 + ANAME_FOLLOW_TARGETS];
	static char line[ANAME_FOLLOW_LINE_MAX];
	static aname_status_question_t question;
	const knot_dname_t *targets[ANAME_FOLLOW_TARGETS];
	uint64_t token = take_number(input, 8);
	uint32_t ttl = take_number(input, 4);
	unsigned count = 1 + take_below(input, ANAME_FOLLOW_TARGETS);
	for (unsigned i = 0; i < 2 + count; i++) {
		take_any_name(input, names[i]);
	}
	for (unsigned i = 0; i < count; i++) {
		targets[i] = names[2 + i];
	}
	size_t len =
	        kaname_told_question_write(line, token, names[0], names[1], ttl, targets, count);
	require(len > 0 && len < sizeof(line) && line[len - 1] == '\n');
	require(memchr(line, '\n', len) == line + len - 1);
	bool answer;
	require(aname_status_question_read(&question, line, len - 1, &answer) == NULL && answer);
	require(question.token == token && question.ttl == ttl && question.count == count);
	require(knot_dname_is_equal(question.zone, names[0]) &&
	        knot_dname_is_equal(question.owner, names[1]));
	for (unsigned i = 0; i < count; i++) {
		require(knot_dname_is_equal(question.targets[i], targets[i]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	if (take_octet(&input) & 1) {
		check_question(&input);
	} else {
		check_answer(input.at, input.left);
	}
	return 0;
}
