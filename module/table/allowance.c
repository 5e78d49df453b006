#include "table/allowance.h"

#define HALVE_US 1000000
#define MOST_8US (8 * (int64_t)ANAME_ALLOWANCE_US)

/*! Gives back what has come since it was looked at last. */
static void look(aname_allowance_t *allowance, int64_t now_us)
{
	int64_t passed_us = now_us - allowance->now_us;
	allowance->now_us = now_us;
	int64_t back_8us = passed_us * ANAME_ALLOWANCE_OF_8;
	allowance->spent_8us =
	        back_8us < allowance->spent_8us ? allowance->spent_8us - back_8us : 0;

	int64_t times = (now_us - allowance->halved_us) / HALVE_US;
	if (times == 0) {
		return;
	}
	allowance->halved_us += times * HALVE_US;
	for (unsigned i = 0; i < ANAME_ALLOWANCE_ZONES; i++) {
		uint32_t *share_us = &allowance->shares[i].spent_us;
		*share_us = times < 32 ? *share_us >> times : 0;
	}
}

bool aname_allowance_has(aname_allowance_t *allowance, uint32_t zone, int64_t now_us)
{
	look(allowance, now_us);
	if (allowance->spent_8us < MOST_8US) {
		return true;
	}
	uint32_t own_us = 0, most_us = 0;
	for (unsigned i = 0; i < ANAME_ALLOWANCE_ZONES; i++) {
		uint32_t share_us = allowance->shares[i].spent_us;
		most_us = share_us > most_us ? share_us : most_us;
		own_us = allowance->shares[i].zone == zone ? share_us : own_us;
	}
	return allowance->spent_8us < 2 * MOST_8US && own_us <= most_us / 4;
}

/*! The place of a zone's share: in that of the zone with the least, if it has none. */
static uint32_t *share_of(aname_allowance_t *allowance, uint32_t zone)
{
	unsigned least = 0;
	for (unsigned i = 0; i < ANAME_ALLOWANCE_ZONES; i++) {
		if (allowance->shares[i].zone == zone) {
			return &allowance->shares[i].spent_us;
		}
		if (allowance->shares[i].spent_us < allowance->shares[least].spent_us) {
			least = i;
		}
	}
	allowance->shares[least].zone = zone;
	allowance->shares[least].spent_us = 0;
	return &allowance->shares[least].spent_us;
}

void aname_allowance_spend(aname_allowance_t *allowance, uint32_t zone, int64_t began_us,
                           int64_t now_us)
{
	int64_t took_us = now_us - began_us;
	allowance->spent_8us += 8 * took_us;
	look(allowance, now_us);
	uint32_t *share_us = share_of(allowance, zone);
	*share_us = took_us < UINT32_MAX - *share_us ? *share_us + took_us : UINT32_MAX;
}
