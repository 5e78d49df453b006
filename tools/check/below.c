#include "check/check.h"

#include <stdio.h>
#include <string.h>

#include "rrtype.h"

/*! Owners that are named; the others are counted. */
#define SHOWN 4

/*! Owners below the apex. */
typedef struct {
	const char *zone;
	const char *type; /*!< Which records are being read. */
	unsigned count;
	char last[KNOT_DNAME_TXT_MAXLEN + 1]; /*!< The one that came last. */
	char text[KANAME_CHECK_TEXT_MAX];
} below_t;

static void take_owner(void *ctx, knot_ctl_data_t *data)
{
	below_t *below = ctx;
	const char *owner = (*data)[KNOT_CTL_IDX_OWNER];
	if (owner == NULL || strcmp(owner, below->zone) == 0 || strcmp(owner, below->last) == 0) {
		return;
	}
	(void)snprintf(below->last, sizeof(below->last), "%s", owner);
	size_t len = strlen(below->text);
	if (below->count++ < SHOWN) {
		(void)snprintf(below->text + len, sizeof(below->text) - len, "%s%s %s",
		               len > 0 ? ", " : "", owner, below->type);
	}
}

kaname_exit_t kaname_check_below(kaname_check_t *check)
{
	static below_t below;
	below = (below_t){ .zone = check->zone };
	for (size_t i = 0; i < ANAME_RRTYPES; i++) {
		below.type = aname_rrtypes[i].word;
		knot_ctl_data_t ask = {
			[KNOT_CTL_IDX_CMD] = "zone-read",
			[KNOT_CTL_IDX_ZONE] = check->zone,
			[KNOT_CTL_IDX_TYPE] = aname_rrtypes[i].generic,
		};
		if (kaname_control_ask(&check->control, &ask, take_owner, &below) == KANAME_IO) {
			return KANAME_IO;
		}
	}
	if (below.count > SHOWN) {
		size_t len = strlen(below.text);
		(void)snprintf(below.text + len, sizeof(below.text) - len, " and %u more",
		               below.count - SHOWN);
	}
	if (below.count > 0) {
		kaname_bad(check,
		           "a CNAME does it there, where nothing else stands at the name; what "
		           "transfers the zone may follow them all the same",
		           "records below the apex are not followed: %s", below.text);
	}
	return KANAME_OK;
}
