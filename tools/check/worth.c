#include "check/worth.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "check/health.h"
#include "nets.h"

static bool is(const kaname_line_t *line, const char *key, const char *value)
{
	const char *field = kaname_live_field(line, key);
	return field != NULL && strcmp(field, value) == 0;
}

bool kaname_check_is_denied(const kaname_check_t *check, const char *address)
{
	for (size_t i = 0; i < check->deny.count; i++) {
		if (kaname_net_holds(check->deny.at[i], address)) {
			return true;
		}
	}
	return false;
}

/*! The addresses of a target that count. */
typedef struct {
	bool any;
	bool some_up; /*!< Some are not down. */
	bool alive;   /*!< Some are known to be up. */
} held_t;

static held_t read_held(const kaname_check_t *check, const kaname_line_t *target)
{
	held_t held = { 0 };
	const char *at = kaname_live_field(target, ANAME_KEY_ADDRESSES);
	for (at = at != NULL ? at : ""; *at != '\0'; at += strspn(at, ",")) {
		char address[INET6_ADDRSTRLEN];
		size_t len = strcspn(at, ",");
		(void)snprintf(address, sizeof(address), "%.*s", (int)len, at);
		if (!kaname_check_is_denied(check, address)) {
			held.any = true;
			held.some_up |= !kaname_check_is_down(target, address);
		}
		/* One that is denied is probed for others, if at all; it lives all the same. */
		held.alive |= kaname_check_is_up(target, address);
		at += len;
	}
	return held;
}

kaname_worth_t kaname_check_worth(const kaname_check_t *check, const kaname_line_t *target)
{
	const char *state = target != NULL ? kaname_live_field(target, ANAME_KEY_STATE) : NULL;
	if (state == NULL) {
		return (kaname_worth_t){ .state = "not known" };
	}
	bool past = strcmp(state, ANAME_STATE_STALE) == 0;
	bool known = past || strcmp(state, ANAME_STATE_LATE) == 0 ||
	             strcmp(state, ANAME_STATE_FRESH) == 0;
	const held_t held = read_held(check, target);
	if (!held.any || !known) {
		/* A negative answer that is late or stale has no addresses either. */
		return (kaname_worth_t){ .state = known ? ANAME_STATE_NODATA : state };
	}
	bool live = !past || held.alive;
	return (kaname_worth_t){
		.state = held.some_up ? state : ANAME_HEALTH_WORD_DOWN,
		.usable = live && held.some_up,
		.live = live,
		.down = !held.some_up,
		.last = held.some_up,
	};
}

bool kaname_check_all_down(const kaname_check_t *check, const kaname_live_t *live,
                           const char *family)
{
	bool usable = false, down = false;
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *line = &live->targets[i];
		if (is(line, ANAME_KEY_FAMILY, family) &&
		    kaname_live_field(line, ANAME_KEY_SUBNET) == NULL) {
			const kaname_worth_t worth = kaname_check_worth(check, line);
			usable |= worth.usable;
			down |= worth.down;
		}
	}
	return down && !usable;
}

const char *kaname_check_all_down_option(const kaname_check_t *check)
{
	return check->all_down.count > 0 ? check->all_down.at[0] : "serve";
}
