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

/*! Reads who they are. */
static kaname_exit_t read_below(kaname_check_t *check, below_t *below)
{
	for (size_t i = 0; i < ANAME_RRTYPES; i++) {
		below->type = aname_rrtypes[i].word;
		knot_ctl_data_t ask = {
			[KNOT_CTL_IDX_CMD] = "zone-read",
			[KNOT_CTL_IDX_ZONE] = check->zone,
			[KNOT_CTL_IDX_TYPE] = aname_rrtypes[i].generic,
		};
		if (kaname_control_ask(&check->control, &ask, take_owner, below) == KANAME_IO) {
			return KANAME_IO;
		}
	}
	if (below->count > SHOWN) {
		size_t len = strlen(below->text);
		(void)snprintf(below->text + len, sizeof(below->text) - len, " and %u more",
		               below->count - SHOWN);
	}
	return KANAME_OK;
}

/*! Why they are not followed, and what to do about it. */
static void report(kaname_check_t *check, const below_t *below)
{
	char next[KANAME_CHECK_TEXT_MAX];
	if (check->modules.count == 0 && check->is_loaded && check->owners != KANAME_OWNERS_OLD) {
		kaname_note(
		        "there are records below the apex, which are followed if the section of "
		        "the catalog's template has 'owners: any': %s",
		        below->text);
		return;
	}
	(void)snprintf(next, sizeof(next),
	               "%s has them followed; or a CNAME does it, where nothing else stands at the "
	               "name; what transfers the zone may follow them all the same",
	               check->owners == KANAME_OWNERS_OLD ? KANAME_OWNERS_CURE_OLD
	                                                  : KANAME_OWNERS_CURE);
	kaname_bad(check, next, "records below the apex are not followed: %s", below->text);
}

kaname_exit_t kaname_check_below(kaname_check_t *check)
{
	static below_t below;
	static kaname_values_t option;
	kaname_exit_t ret = kaname_check_option(check, "owners", &option);
	if (ret == KANAME_IO) {
		return ret;
	}
	check->owners = kaname_owners(&option, check->version);
	if (check->owners == KANAME_OWNERS_ANY) {
		return KANAME_OK;
	}
	below = (below_t){ .zone = check->zone };
	ret = read_below(check, &below);
	if (ret == KANAME_OK && below.count > 0) {
		report(check, &below);
	}
	return ret;
}
