#include "query/wait.h"

#include "query/node.h"
#include "query/rcu.h"
#include "query/records.h"
#include "query/signing.h"
#include "table/clock.h"

bool aname_wait_allowed(const aname_query_t *query)
{
	const knotd_qdata_params_t *params = query->qdata->params;
	return params->xdp_msg == NULL && params->proto != KNOTD_QUERY_PROTO_UDP &&
	       params->proto != KNOTD_QUERY_PROTO_QUIC && query->instance->options->wait_ms > 0;
}

void aname_wait(aname_query_t *query, uint16_t type)
{
	aname_shared_t *shared = query->instance->shared;
	aname_waiter_t waiter;
	aname_wait_t admitted = aname_waiters_enter(
	        shared->waiters, query->instance->waiters_max, aname_query_zone(query),
	        query->instance->options->wait_ms, aname_clock_ms(), &waiter);
	if (admitted != ANAME_WAIT_ADMITTED) {
		if (admitted == ANAME_WAIT_FULL) {
			atomic_fetch_add_explicit(&shared->reached.waiters_full, 1,
			                          memory_order_relaxed);
		}
		return;
	}

	const aname_rcu_t rcu = aname_rcu_find();
	waiter.held = aname_rcu_waits;
	waiter.held_ctx = &rcu;
	bool woken = true, cold = true;
	while (cold && woken) {
		uint64_t generation = aname_waiters_generation(shared->waiters);
		aname_signing_choose(query);
		cold = query->sign.state == ANAME_SIGN_PENDING;
		if (type != 0) {
			/* What is published from here on wakes it. */
			aname_records_forget(query, true);
			cold |= aname_records_decide(query, type, false)->partial;
		}
		if (cold) {
			aname_epoch_leave(query->epoch, query->worker);
			woken = aname_waiters_wait(shared->waiters, &waiter, generation);
			query->now_ms = aname_clock_ms();
			query->now_s = query->now_ms / 1000;
			query->waited = true;
			query->entered = aname_epoch_enter(query->epoch, query->worker);
			aname_node_enter_again(query);
			aname_records_forget(query, true);
			aname_signing_choose(query);
		}
	}
	aname_waiters_leave(shared->waiters, &waiter, aname_clock_ms());
}
