#include "check/primary.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

/*! How long a primary may take, in milliseconds. */
#define TIMEOUT_MS 1000
/*! A transfer may be under way: the serials are compared so often, */
#define ROUNDS     4
/*! with so many milliseconds in between. */
#define PAUSE_MS   700

/* Serials. */

static void take_serial(void *ctx, knot_ctl_data_t *data)
{
	const char *text = (*data)[KNOT_CTL_IDX_DATA];
	/* Behind the two names of the RDATA, which hold no blank. */
	for (int i = 0; i < 2 && text != NULL; i++) {
		text = strchr(text, ' ');
		text = text != NULL ? text + 1 : NULL;
	}
	if (text != NULL) {
		*(long long *)ctx = strtoll(text, NULL, 10);
	}
}

/*! The serial that is served here; false if that cannot be said. */
static bool serial_here(const kaname_check_t *check, uint32_t *serial)
{
	static kaname_control_t control;
	long long found = -1;
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-read",
		[KNOT_CTL_IDX_ZONE] = check->zone,
		[KNOT_CTL_IDX_OWNER] = "@",
		[KNOT_CTL_IDX_TYPE] = "SOA",
	};
	if (kaname_control_try(&control, check->args) != KNOT_EOK) {
		return false;
	}
	kaname_exit_t ret = kaname_control_ask(&control, &ask, take_serial, &found);
	kaname_control_close(&control);
	*serial = (uint32_t)found;
	return ret == KANAME_OK && found >= 0;
}

/*! Is a serial later than another one (RFC 1982)? */
static bool is_later(uint32_t serial, uint32_t than)
{
	return serial != than && serial - than < UINT32_C(1) << 31;
}

/*! What the primaries say. */
typedef struct {
	const char *latest; /*!< Who has the latest serial; NULL: nobody answers. */
	uint32_t serial;
	char failures[KANAME_CHECK_TEXT_MAX]; /*!< Of those that do not, with why. */
} said_t;

static void add_failure(said_t *said, const char *address, const char *why)
{
	size_t len = strlen(said->failures);
	(void)snprintf(said->failures + len, sizeof(said->failures) - len, "%s%s (%s)",
	               len > 0 ? ", " : "", address, why);
}

static void ask_one(const kaname_check_t *check, const char *address, said_t *said)
{
	static kaname_answer_t answer;
	knot_dname_storage_t zone;
	kaname_question_t question = { .type = KNOT_RRTYPE_SOA, .timeout_ms = TIMEOUT_MS };
	question.name = knot_dname_from_str(zone, check->zone, sizeof(zone));
	if (question.name == NULL || !kaname_address_read(address, &question.server)) {
		return;
	}
	kaname_ask(&question, &answer);
	if (answer.failure != NULL) {
		add_failure(said, address, answer.failure);
	} else if (!answer.has_serial || !answer.authoritative) {
		add_failure(said, address,
		            answer.rcode == KNOT_RCODE_REFUSED ? "REFUSED" : "not its authority");
	} else if (said->latest == NULL || is_later(answer.serial, said->serial)) {
		said->latest = address;
		said->serial = answer.serial;
	}
}

void kaname_check_primaries(kaname_check_t *check, const kaname_primaries_t *primaries)
{
	static said_t said;
	uint32_t here = 0;
	bool same = false, known = !primaries->is_signed_here;
	for (int round = 0; round < ROUNDS && known && !same; round++) {
		(void)poll(NULL, 0, round > 0 ? PAUSE_MS : 0);
		said = (said_t){ .latest = NULL };
		for (size_t i = 0; i < primaries->count; i++) {
			ask_one(check, primaries->at[i], &said);
		}
		known = said.latest != NULL && serial_here(check, &here);
		same = known && here == said.serial;
	}
	char next[KANAME_CHECK_TEXT_MAX];
	bool behind = is_later(said.serial, here);
	(void)snprintf(next, sizeof(next),
	               behind ? "'knotc zone-refresh %s', and the log of both says why it did not "
	                        "come by itself: 'acl', 'notify', a firewall"
	                      : "was the zone changed here, or the primary put back? 'knotc "
	                        "zone-retransfer %s' takes what the primary has",
	               check->zone);
	if (same) {
		/* Of records nothing is known: both may have been changed since. */
		kaname_good("the zone's serial %u is that of its primary %s", here, said.latest);
	} else if (known) {
		kaname_bad(check, next,
		           "the zone is not that of its primary %s: serial %u here, %u there",
		           said.latest, here, said.serial);
	} else if (said.failures[0] != '\0') {
		kaname_note("whether the zone is that of its primary cannot be said: %s",
		            said.failures);
	}
}
