#include "follow/told_text.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

/*! When to ask again where that is not said: the owner may be followed by then. */
#define NEXT_S 60

static const struct {
	const char *state, *addresses, *why;
	int af;
} keys[KANAME_FAMILIES] = {
	[KANAME_A] = { ANAME_KEY_A_STATE, ANAME_KEY_A, ANAME_KEY_A_WHY, AF_INET },
	[KANAME_AAAA] = { ANAME_KEY_AAAA_STATE, ANAME_KEY_AAAA, ANAME_KEY_AAAA_WHY, AF_INET6 },
};

static const struct {
	const char *state;
	kaname_told_worth_t worth;
} states[] = {
	{ ANAME_FOLLOW_ADDRESSES, KANAME_TOLD_SET },
	{ ANAME_FOLLOW_NODATA, KANAME_TOLD_NODATA },
	{ ANAME_FOLLOW_NXDOMAIN, KANAME_TOLD_NXDOMAIN },
	{ ANAME_FOLLOW_PENDING, KANAME_TOLD_PENDING },
	{ ANAME_FOLLOW_FAILED, KANAME_TOLD_FAILED },
};

/* Questions. */

/*! Writes a blank and a name, for which there always is room; returns where it ends. */
static char *write_name(char *at, const char *end, const knot_dname_t *name)
{
	*at++ = ' ';
	return knot_dname_to_str(at, name, end - at) != NULL ? at + strlen(at) : at;
}

_Static_assert(ANAME_FOLLOW_LINE_MAX >=
                       64 + (ANAME_FOLLOW_TARGETS + 2) * (KNOT_DNAME_TXT_MAXLEN + 1),
               "that many names fit");

size_t kaname_told_question_write(char *line, uint64_t token, const knot_dname_t *zone,
                                  const knot_dname_t *owner, uint32_t ttl,
                                  const knot_dname_t *const *targets, size_t count)
{
	char *at = line, *const end = line + ANAME_FOLLOW_LINE_MAX;
	at += snprintf(at, end - at, ANAME_STATUS_ASK " %" PRIu64, token);
	at = write_name(at, end, zone);
	at = write_name(at, end, owner);
	at += snprintf(at, end - at, " %" PRIu32, ttl);
	for (size_t i = 0; i < count && i < ANAME_FOLLOW_TARGETS; i++) {
		at = write_name(at, end, targets[i]);
	}
	*at++ = '\n';
	return at - line;
}

/* Answers. */

bool kaname_told_answer_is_to(const kaname_line_t *line, uint64_t token)
{
	char expected[24];
	const char *text = kaname_live_field(line, ANAME_KEY_TOKEN);
	(void)snprintf(expected, sizeof(expected), "%" PRIu64, token);
	return text != NULL && strcmp(text, expected) == 0;
}

static uint32_t read_number(const kaname_line_t *line, const char *key, uint32_t otherwise)
{
	const char *text = kaname_live_field(line, key);
	unsigned long long number = text != NULL ? strtoull(text, NULL, 10) : otherwise;
	return number < UINT32_MAX ? number : UINT32_MAX;
}

static void fail(kaname_told_set_t *set, kaname_family_t family, const char *why)
{
	set->family[family].worth = KANAME_TOLD_FAILED;
	set->family[family].count = 0;
	(void)snprintf(set->family[family].why, sizeof(set->family[family].why), "%s", why);
}

static void read_addresses(const char *list, kaname_family_t family, kaname_told_set_t *set)
{
	size_t len = kaname_family_len(family), *count = &set->family[family].count;
	while (list[0] != '\0' && *count < KANAME_SET_MAX) {
		char text[INET6_ADDRSTRLEN] = "";
		size_t text_len = strcspn(list, ",");
		if (text_len < sizeof(text)) {
			memcpy(text, list, text_len);
		}
		if (inet_pton(keys[family].af, text, set->family[family].at + *count * len) != 1) {
			fail(set, family, "an address that the module told cannot be read");
			return;
		}
		++*count;
		list += text_len + (list[text_len] == ',');
	}
	if (*count == 0) {
		fail(set, family, "the module told no address");
	}
}

static void read_family(const kaname_line_t *line, kaname_family_t family, kaname_told_set_t *set)
{
	const char *state = kaname_live_field(line, keys[family].state);
	const char *why = kaname_live_field(line, keys[family].why);
	const char *list = kaname_live_field(line, keys[family].addresses);
	set->family[family].count = 0;
	set->family[family].why[0] = '\0';
	size_t i = 0;
	while (i < sizeof(states) / sizeof(states[0]) &&
	       (state == NULL || strcmp(states[i].state, state) != 0)) {
		i++;
	}
	if (i == sizeof(states) / sizeof(states[0])) {
		fail(set, family, "the module told it in words that this kaname does not know");
		return;
	}
	set->family[family].worth = states[i].worth;
	if (states[i].worth == KANAME_TOLD_FAILED) {
		fail(set, family, why != NULL ? why : "the module does not say why");
	} else if (states[i].worth == KANAME_TOLD_SET) {
		read_addresses(list != NULL ? list : "", family, set);
	}
}

void kaname_told_answer_read(const kaname_line_t *line, kaname_told_set_t *set)
{
	const char *unknown = kaname_live_field(line, ANAME_KEY_NOT_FOLLOWED);
	const char *why = kaname_live_field(line, ANAME_KEY_WHY);
	set->unknown = unknown != NULL && strcmp(unknown, "yes") == 0;
	set->ttl = read_number(line, ANAME_KEY_TTL, 0);
	set->next_s = read_number(line, ANAME_KEY_NEXT_ASK, NEXT_S);
	set->next_s = set->next_s > 0 ? set->next_s : 1;
	for (kaname_family_t family = 0; family < KANAME_FAMILIES; family++) {
		if (set->unknown) {
			fail(set, family, why != NULL ? why : "the module does not follow it");
		} else {
			read_family(line, family, set);
		}
	}
}
