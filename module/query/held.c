#include "query/held.h"

#include <dlfcn.h>
#include <stddef.h>

/* As in liburcu's urcu/static/urcu-common.h, since 0.11. The first member of both structures is the
 * counter: how deep a reader is nested, and in the bit above half a word the phase it began in. */
#define PHASE (1UL << (sizeof(unsigned long) * 4))
#define NEST  (PHASE - 1)

static unsigned long read_counter(const char *symbol, bool *found)
{
	const unsigned long *counter = dlsym(RTLD_DEFAULT, symbol);
	*found = counter != NULL;
	return *found ? __atomic_load_n(counter, __ATOMIC_ACQUIRE) : 0;
}

bool aname_held_up(void)
{
	bool has_global, has_own;
	/* The second one is the calling thread's. */
	unsigned long global = read_counter("urcu_memb_gp", &has_global);
	unsigned long own = read_counter("urcu_memb_reader", &has_own);
	if (!has_global || !has_own || (own & NEST) == 0) {
		return true;
	}
	/* Who waits for readers first begins a new phase. */
	return ((own ^ global) & PHASE) != 0;
}
