#include "table/allowance.h"

#define HALVE_US 1000000
#define MOST_8US (8 * (int64_t)ANAME_ALLOWANCE_US)

/*! Gives back what has come since it was looked at last. */
static void give_back(aname_allowance_t *allowance, int64_t now_us)
{
	int64_t back_8us = (now_us - allowance->now_us) * ANAME_ALLOWANCE_OF_8;
	allowance->now_us = now_us;
	allowance->spent_8us =
	        back_8us < allowance->spent_8us ? allowance->spent_8us - back_8us : 0;

	int64_t times = (now_us - allowance->halved_us) / HALVE_US;
	if (times == 0) {
		return;
	}
	allowance->halved_us += times * HALVE_US;
	for (unsigned i = 0; i < ANAME_ALLOWANCE_SIZE; i++) {
		for (unsigned k = 0; k < 2; k++) {
			allowance->took_us[k][i] =
			        times < 32 ? allowance->took_us[k][i] >> times : 0;
		}
	}
}

/*! One of the two places of a zone. */
static uint32_t *place_of(aname_allowance_t *allowance, uint32_t zone, unsigned k)
{
	return &allowance->took_us[k][(k == 0 ? zone : zone >> 16) % ANAME_ALLOWANCE_SIZE];
}

/*! What a zone took, at most: others may have a place of it, too, and hardly both. */
static uint32_t took_of(aname_allowance_t *allowance, uint32_t zone)
{
	uint32_t one_us = *place_of(allowance, zone, 0), other_us = *place_of(allowance, zone, 1);
	return one_us < other_us ? one_us : other_us;
}

static uint32_t most_taken(const aname_allowance_t *allowance)
{
	uint32_t most_us = 0;
	for (unsigned i = 0; i < ANAME_ALLOWANCE_SIZE; i++) {
		uint32_t took_us = allowance->took_us[0][i];
		most_us = took_us > most_us ? took_us : most_us;
	}
	return most_us;
}

aname_allowance_state_t aname_allowance_look(aname_allowance_t *allowance, uint32_t zone,
                                             int64_t now_us)
{
	give_back(allowance, now_us);
	int64_t beyond_8us = allowance->spent_8us - MOST_8US;
	if (beyond_8us < 0) {
		return ANAME_ALLOWANCE_LEFT;
	}
	int64_t own_us = took_of(allowance, zone), most_us = most_taken(allowance);
	if (beyond_8us < MOST_8US && own_us * MOST_8US <= most_us * (MOST_8US - beyond_8us) &&
	    own_us < most_us) {
		return ANAME_ALLOWANCE_LEFT;
	}
	/* Half: the place of the one that took most may be another one's, too. */
	return 2 * own_us >= most_us ? ANAME_ALLOWANCE_GIVES_WAY : ANAME_ALLOWANCE_SPENT;
}

void aname_allowance_spend(aname_allowance_t *allowance, uint32_t zone, int64_t began_us,
                           int64_t now_us)
{
	int64_t took_us = now_us - began_us;
	took_us = took_us < ANAME_ALLOWANCE_US ? took_us : ANAME_ALLOWANCE_US;
	allowance->spent_8us += 8 * took_us;
	give_back(allowance, now_us);
	for (unsigned k = 0; k < 2; k++) {
		*place_of(allowance, zone, k) += took_us;
	}
}
