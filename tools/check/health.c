#include "check/health.h"

#include <stdio.h>
#include <string.h>

#include "check/advice.h"

/*! Addresses of a target that get a line each; the others are counted. */
#define SHOWN 4

static const char *of(const kaname_line_t *line, const char *key)
{
	const char *value = kaname_live_field(line, key);
	return value != NULL ? value : "";
}

static bool is(const kaname_line_t *line, const char *key, const char *value)
{
	return strcmp(of(line, key), value) == 0;
}

/*! Until when something is forced, as the end of a sentence. */
static const char *until(const kaname_line_t *line, char text[60])
{
	const char *seconds = kaname_live_field(line, ANAME_KEY_UNTIL);
	if (seconds == NULL) {
		return "without end";
	}
	(void)snprintf(text, 60, "for %.20s s more", seconds);
	return text;
}

void kaname_check_probes(kaname_check_t *check, const kaname_live_t *live)
{
	char text[60];
	for (size_t i = 0; i < live->forced_count; i++) {
		const kaname_line_t *line = &live->forced[i];
		if (kaname_live_field(line, ANAME_KEY_NAME) != NULL) {
			kaname_note("target %s: is forced %s by hand, %s", of(line, ANAME_KEY_NAME),
			            of(line, ANAME_KEY_STATE), until(line, text));
		}
	}
	if (kaname_live_field(&live->server, ANAME_KEY_PROBES_LATE) != NULL) {
		kaname_note("some probes came later than 'probe-interval' says: more were due than "
		            "500 at once or 1000 a second");
	}
	if (kaname_live_field(&live->server, ANAME_KEY_PROBES_WAYS) != NULL) {
		kaname_note("a target is probed in 15 ways, and not in others: let sections probe "
		            "alike");
	}
	if (kaname_live_field(&live->server, ANAME_KEY_DOUBT) != NULL) {
		kaname_bad(check,
		           "does this host reach the internet? If it does, 'kaname force' says "
		           "what is up",
		           "no probe of several targets succeeds any more: this server's own "
		           "connection is in doubt");
	}
}

/*! An address that is down by its probes. */
static void report_down(kaname_check_t *check, const char *what, const kaname_line_t *target,
                        const kaname_line_t *line)
{
	char advice[KANAME_CHECK_TEXT_MAX], next[KANAME_CHECK_TEXT_MAX + 100];
	kaname_check_down_advice(target, line, advice, sizeof(advice));
	(void)snprintf(next, sizeof(next),
	               "%s. If the probe is wrong, 'kaname force %s up' until that is mended",
	               advice, of(line, ANAME_KEY_ADDRESS));
	kaname_bad(check, next, "%s: is down for %s s (%s), probed %s s ago by %s on port %s", what,
	           of(line, ANAME_KEY_SINCE), of(line, ANAME_KEY_WHY), of(line, ANAME_KEY_PROBED),
	           of(line, ANAME_KEY_PROBE), of(line, ANAME_KEY_PORT));
}

static void report_forced(const char *what, const kaname_line_t *line)
{
	char text[60];
	kaname_note("%s: is forced %s by hand, %s; by its probes it is %s", what,
	            of(line, ANAME_KEY_FORCED), until(line, text), of(line, ANAME_KEY_HEALTH));
}

/*! What is to do about an error of this host, which leaves an address unknown; NULL: there is none. */
static const char *host_advice(const kaname_line_t *line)
{
	const char *why = kaname_live_field(line, ANAME_KEY_WHY);
	return why != NULL && is(line, ANAME_KEY_HEALTH, ANAME_HEALTH_WORD_UNKNOWN)
	               ? kaname_check_host_advice(why)
	               : NULL;
}

/*! Is there something to say of it that was not said of its target? */
static bool is_remarkable(const kaname_line_t *target, const kaname_line_t *line)
{
	if (kaname_live_field(line, ANAME_KEY_FORCED) != NULL) {
		return !is(target, ANAME_KEY_FORCED, of(line, ANAME_KEY_FORCED));
	}
	return is(line, ANAME_KEY_HEALTH, ANAME_HEALTH_WORD_DOWN) ||
	       kaname_live_field(line, ANAME_KEY_PROBE) == NULL || host_advice(line) != NULL;
}

void kaname_check_health(kaname_check_t *check, const kaname_line_t *target)
{
	size_t remarkable = 0;
	for (size_t i = 0; i < target->addresses_count; i++) {
		const kaname_line_t *line = &target->addresses[i];
		if (!is_remarkable(target, line) || remarkable++ >= SHOWN) {
			continue;
		}
		char what[KANAME_CHECK_TEXT_MAX];
		(void)snprintf(what, sizeof(what), "target %s %s, address %s",
		               of(target, ANAME_KEY_NAME), of(target, ANAME_KEY_FAMILY),
		               of(line, ANAME_KEY_ADDRESS));
		if (kaname_live_field(line, ANAME_KEY_FORCED) != NULL) {
			report_forced(what, line);
		} else if (is(line, ANAME_KEY_HEALTH, ANAME_HEALTH_WORD_DOWN)) {
			report_down(check, what, target, line);
		} else if (host_advice(line) != NULL) {
			kaname_note("%s: cannot be probed from here (%s), and counts as up: %s",
			            what, of(line, ANAME_KEY_WHY), host_advice(line));
		} else {
			kaname_bad(check, "raise 'max-probes' and reload",
			           "%s: is not probed, there is no room for it", what);
		}
	}
	if (remarkable > SHOWN) {
		kaname_note("target %s %s: as much is to say of %zu more of its addresses; 'kaname "
		            "status' shows them",
		            of(target, ANAME_KEY_NAME), of(target, ANAME_KEY_FAMILY),
		            remarkable - SHOWN);
	}
}

/*! Is an address in this state, by an operator's word or else in any way in which it is probed? */
static bool is_in_state(const kaname_line_t *target, const char *address, const char *state)
{
	for (size_t i = 0; i < target->addresses_count; i++) {
		const kaname_line_t *line = &target->addresses[i];
		bool forced = kaname_live_field(line, ANAME_KEY_FORCED) != NULL;
		if (is(line, ANAME_KEY_ADDRESS, address) &&
		    is(line, forced ? ANAME_KEY_FORCED : ANAME_KEY_HEALTH, state)) {
			return true;
		}
	}
	return false;
}

bool kaname_check_is_down(const kaname_line_t *target, const char *address)
{
	return is_in_state(target, address, ANAME_HEALTH_WORD_DOWN);
}

bool kaname_check_is_up(const kaname_line_t *target, const char *address)
{
	return is_in_state(target, address, ANAME_HEALTH_WORD_UP);
}
