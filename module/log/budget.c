#include "log/budget.h"

#define LINES_BITS 8

/*! Has a zone something left of its own? Spends it. */
static bool spend(aname_budget_t *budget, uint32_t zone, uint32_t now_s)
{
	_Atomic uint32_t *spent_s = &budget->spent_s[zone % ANAME_BUDGET_ZONES];
	uint32_t before = atomic_load(spent_s), after;
	do {
		after = (before > now_s ? before : now_s) + ANAME_BUDGET_LINE_S;
		if (after - now_s > ANAME_BUDGET_LINE_S * ANAME_BUDGET_AT_ONCE) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(spent_s, &before, after));
	return true;
}

bool aname_budget_take(aname_budget_t *budget, uint32_t zone, int64_t now_ms)
{
	uint64_t second = (uint64_t)(now_ms / 1000) << LINES_BITS;
	uint64_t before = atomic_load(&budget->second), after;
	bool own = spend(budget, zone, now_ms / 1000);
	uint64_t most = own ? ANAME_BUDGET_PER_SECOND : ANAME_BUDGET_FREE;
	do {
		after = (before >> LINES_BITS == second >> LINES_BITS ? before : second) + 1;
		if (after - second > most) {
			return false;
		}
	} while (!atomic_compare_exchange_weak(&budget->second, &before, after));
	return true;
}
