#include "follow/left.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "follow/journal.h"

struct kaname_left {
	kaname_journal_t *journal;
	knot_dname_storage_t zone;
};

/*! An address that is looked for. */
typedef struct {
	kaname_family_t family;
	uint8_t at[16];
	int64_t since_s; /*!< Negative: not found. */
} wanted_t;

kaname_left_t *kaname_left_open(const kaname_args_t *args, const knot_dname_t *zone)
{
	const char *directory = args->journal != NULL ? args->journal : KANAME_JOURNAL_DEFAULT;
	kaname_trouble_t trouble;
	kaname_left_t *left = calloc(1, sizeof(*left));
	if (left == NULL) {
		return NULL;
	}
	memcpy(left->zone, zone, knot_dname_size(zone));
	left->journal = kaname_journal_open(directory, NULL, true, &trouble);
	if (left->journal == NULL) {
		free(left);
		return NULL;
	}
	return left;
}

void kaname_left_close(kaname_left_t *left)
{
	if (left != NULL) {
		kaname_journal_close(left->journal);
		free(left);
	}
}

static bool has(const kaname_noted_set_t *set, const wanted_t *wanted)
{
	size_t len = kaname_family_len(wanted->family);
	for (uint16_t i = 0; i < set->count; i++) {
		if (memcmp(set->at + i * len, wanted->at, len) == 0) {
			return true;
		}
	}
	return false;
}

static void look(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                 const kaname_noted_t *noted)
{
	wanted_t *wanted = ctx;
	if (noted->pending_count == 0 && has(&noted->former[wanted->family], wanted) &&
	    !has(&noted->written[wanted->family], wanted)) {
		int64_t since_s = time(NULL) - noted->written_s;
		wanted->since_s = since_s > 0 ? since_s : 0;
	}
}

int64_t kaname_left_since(void *ctx, const char *owner, const char *address)
{
	kaname_left_t *left = ctx;
	wanted_t wanted = { .family = strchr(address, ':') != NULL ? KANAME_AAAA : KANAME_A,
		            .since_s = -1 };
	knot_dname_storage_t name;
	if (inet_pton(wanted.family == KANAME_A ? AF_INET : AF_INET6, address, wanted.at) != 1 ||
	    knot_dname_from_str(name, owner, sizeof(name)) == NULL) {
		return -1;
	}
	knot_dname_to_lower(name);
	return kaname_journal_get(left->journal, left->zone, name, look, &wanted) ? wanted.since_s
	                                                                          : -1;
}
