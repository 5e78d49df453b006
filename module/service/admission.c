#include "service/admission.h"

/* Holders. */

static void take_out(aname_admission_t *admission, aname_subnets_t *subnets, uint32_t count)
{
	if (subnets->prev != NULL) {
		subnets->prev->next = subnets->next;
	} else {
		admission->holders[count] = subnets->next;
	}
	if (subnets->next != NULL) {
		subnets->next->prev = subnets->prev;
	}
}

static void put_in(aname_admission_t *admission, aname_subnets_t *subnets, uint32_t count)
{
	aname_subnets_t *first = admission->holders[count];
	subnets->prev = NULL;
	subnets->next = first;
	if (first != NULL) {
		first->prev = subnets;
	}
	admission->holders[count] = subnets;
}

void aname_admission_note(aname_admission_t *admission, aname_subnets_t *subnets, uint32_t before)
{
	uint32_t count = atomic_load(&subnets->count);
	if (before > 0) {
		take_out(admission, subnets, before);
	}
	if (count > 0) {
		put_in(admission, subnets, count);
	}
	if (count > admission->largest) {
		admission->largest = count;
	}
	while (admission->largest > 0 && admission->holders[admission->largest] == NULL) {
		admission->largest--;
	}
}

/* Who has to go. */

bool aname_admission_can_go(const aname_entry_t *entry)
{
	return (entry->plan.state == ANAME_PLAN_WAITING ||
	        entry->plan.state == ANAME_PLAN_DORMANT) &&
	       entry->run == NULL;
}

static void take_older(aname_entry_t **oldest, aname_entry_t *entry)
{
	if (*oldest == NULL || atomic_load(&entry->asked_s) <= atomic_load(&(*oldest)->asked_s)) {
		*oldest = entry;
	}
}

static aname_entry_t *choose(const aname_subnets_t *subnets)
{
	aname_entry_t *oldest = NULL, *oldest_newcomer = NULL;
	uint32_t newcomers = 0;
	for (aname_entry_t *entry = subnets->first; entry != NULL;
	     entry = entry->subnet_entry->next) {
		bool newcomer = !atomic_load(&entry->subnet_entry->returned);
		newcomers += newcomer;
		if (aname_admission_can_go(entry)) {
			take_older(&oldest, entry);
			if (newcomer) {
				take_older(&oldest_newcomer, entry);
			}
		}
	}
	return 4 * newcomers > atomic_load(&subnets->count) ? oldest_newcomer : oldest;
}

bool aname_admission_ask(const aname_admission_t *admission, aname_entry_t *target, uint32_t each,
                         bool full, aname_entry_t **victim)
{
	const aname_subnets_t *subnets = atomic_load(&target->subnets);
	if (subnets == NULL || atomic_load(&subnets->count) < each) {
		subnets = full ? admission->holders[admission->largest] : NULL;
		if (!full) {
			*victim = NULL;
			return true;
		}
	}
	*victim = subnets != NULL ? choose(subnets) : NULL;
	return *victim != NULL;
}
