#include "table/charges.h"

#include <stdbool.h>
#include <stdlib.h>

#define SLOTS 65536

/*! What is gone is charged to nobody any more, though a worker may still have it in hand. */
#define GONE UINT32_MAX

struct aname_charges {
	_Atomic uint32_t held[SLOTS];
};

aname_charges_t *aname_charges_new(void)
{
	return calloc(1, sizeof(aname_charges_t));
}

void aname_charges_free(aname_charges_t *charges)
{
	free(charges);
}

uint32_t aname_charges_of(const aname_charges_t *charges, uint32_t zone)
{
	return atomic_load_explicit(&charges->held[zone % SLOTS], memory_order_relaxed);
}

/*! Does a target change hands? Only if that leaves the other one with no less than this one has. */
static bool is_lighter(const aname_charges_t *charges, uint32_t zone, uint32_t before)
{
	return before == 0 ||
	       aname_charges_of(charges, zone) + 1 < aname_charges_of(charges, before);
}

void aname_charges_ask(aname_charges_t *charges, aname_charged_t *charged, uint32_t zone)
{
	uint32_t before = atomic_load_explicit(charged, memory_order_relaxed);
	if (zone == 0 || zone == GONE || zone == before || before == GONE ||
	    !is_lighter(charges, zone, before)) {
		return;
	}
	/* If another worker was quicker, that one's zone has it. */
	if (!atomic_compare_exchange_strong_explicit(charged, &before, zone, memory_order_relaxed,
	                                             memory_order_relaxed)) {
		return;
	}
	atomic_fetch_add_explicit(&charges->held[zone % SLOTS], 1, memory_order_relaxed);
	if (before != 0) {
		atomic_fetch_sub_explicit(&charges->held[before % SLOTS], 1, memory_order_relaxed);
	}
}

void aname_charges_drop(aname_charges_t *charges, aname_charged_t *charged)
{
	uint32_t before = atomic_exchange_explicit(charged, GONE, memory_order_relaxed);
	if (before != 0 && before != GONE) {
		atomic_fetch_sub_explicit(&charges->held[before % SLOTS], 1, memory_order_relaxed);
	}
}
