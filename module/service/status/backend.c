#include "service/status/backend.h"

static int force(void *ctx, const aname_subject_t *subject, aname_forced_t state, int64_t until_ms)
{
	return aname_refresh_force(ctx, subject, state, until_ms);
}

static const aname_probed_t *probed(void *ctx, uint32_t definition, const knot_dname_t *name,
                                    const uint8_t *address, uint8_t len)
{
	return aname_refresh_probed(ctx, definition, name, address, len);
}

static aname_probes_numbers_t numbers(void *ctx)
{
	return aname_refresh_probes(ctx);
}

static void find_urgent(void *ctx, aname_urgent_t *urgent)
{
	aname_urgent_find(ctx, urgent);
}

static size_t urge(void *ctx, aname_urgent_t *urgent)
{
	return aname_refresh_urge(ctx, urgent);
}

static aname_entry_t *urgent_entry(void *ctx, const aname_urgent_t *urgent, size_t number)
{
	return aname_urgent_entry(ctx, urgent, number);
}

static void owner_set(void *ctx, const aname_owner_question_t *question, int64_t now_ms,
                      aname_owner_set_t *set)
{
	aname_owner_set(ctx, question, now_ms, set);
}

static void go_on(void *ctx)
{
	aname_refresh_wake(ctx);
}

aname_status_backend_t aname_status_backend_of(aname_refresh_t *refresh, aname_state_t *state)
{
	return (aname_status_backend_t){
		.ctx = refresh,
		.forces = aname_refresh_forces(refresh),
		.force = force,
		.find_urgent = find_urgent,
		.urge = urge,
		.urgent_entry = urgent_entry,
		.probed = probed,
		.numbers = numbers,
		.owner_set = owner_set,
		.go_on = go_on,
		.followers = aname_refresh_followers(refresh),
		.state = state,
	};
}
