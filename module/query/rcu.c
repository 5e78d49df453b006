#include "query/rcu.h"

#include <dlfcn.h>
#include <stddef.h>

/* As in liburcu's urcu/static/urcu-common.h, since 0.11. The first member of both structures is the
 * counter: how deep a reader is nested, and in the bit above half a word the phase it began in. */
#define PHASE (1UL << (sizeof(unsigned long) * 4))
#define NEST  (PHASE - 1)

aname_rcu_t aname_rcu_find(void)
{
	/* The second one is the calling thread's. */
	return (aname_rcu_t){ .global = dlsym(RTLD_DEFAULT, "urcu_memb_gp"),
		              .own = dlsym(RTLD_DEFAULT, "urcu_memb_reader") };
}

bool aname_rcu_waits(const void *ctx)
{
	const aname_rcu_t *rcu = ctx;
	if (rcu->global == NULL || rcu->own == NULL) {
		return true;
	}
	unsigned long global = __atomic_load_n(rcu->global, __ATOMIC_ACQUIRE);
	unsigned long own = __atomic_load_n(rcu->own, __ATOMIC_ACQUIRE);
	/* Who waits for readers first begins a new phase. */
	return (own & NEST) == 0 || ((own ^ global) & PHASE) != 0;
}
