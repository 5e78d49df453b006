#include "worker.h"

#include <libknot/libknot.h>

#include "table/clock.h"
#include "table/policy.h"
#include "table/rest.h"

static aname_interest_t interest_of(const worker_t *worker, uint32_t ttl)
{
	return aname_interest(&worker->options->schedule, ttl, aname_clock_coarse_ms() / 1000);
}

static void ask(const worker_t *worker, const aname_key_t *key, uint64_t hash, uint32_t ttl)
{
	if (!aname_queue_push(worker->shared->queue, key, NULL, hash, interest_of(worker, ttl))) {
		atomic_fetch_add_explicit(&worker->shared->reached.queue_full, 1,
		                          memory_order_relaxed);
	}
}

/*! As instances do: looks where a target was last, and searches if it is not there. */
static aname_entry_t *find(worker_t *worker, const aname_key_t *key, uint64_t hash)
{
	const aname_table_t *table = worker->shared->table;
	uint32_t *slot = &worker->slots[hash % WORKER_SLOTS];
	aname_entry_t *entry = aname_table_look(table, key, *slot);
	if (entry == NULL) {
		entry = aname_table_find(table, key, hash);
		*slot = entry != NULL ? aname_table_slot(table, entry) : *slot;
	}
	return entry;
}

/*! What a list leaves of a target, of which it denies all or nothing. */
static void check_rest(worker_t *worker, const aname_snapshot_t *snapshot)
{
	const aname_nets_t *deny = &worker->lists[worker->list++ % worker->lists_count];
	aname_shared_t *shared = worker->shared;
	const aname_rest_t *rest = aname_rest_of(snapshot, deny);
	if (rest == NULL) {
		pthread_mutex_lock(&shared->sign_lock);
		rest = aname_rest_work_out(snapshot, deny, shared->sign_bin);
		pthread_mutex_unlock(&shared->sign_lock);
	}
	CHECK(rest != NULL && rest->deny == deny->id);
	const knot_rdata_t *first = aname_snapshot_rdataset(snapshot).rdata;
	if (aname_nets_match(deny, first->data, first->len)) {
		CHECK(rest->snapshot != NULL && rest->snapshot->count == 0);
	} else {
		CHECK(rest->snapshot == NULL);
	}
}

static void judge(worker_t *worker, const aname_key_t *key, uint32_t ttl, aname_part_t *part)
{
	uint64_t hash = aname_table_hash(worker->shared->table, key);
	aname_entry_t *entry = find(worker, key, hash);
	if (entry == NULL) {
		ask(worker, key, hash, ttl);
		*part = (aname_part_t){ .judgement = { .worth = ANAME_COLD,
			                               .fallback = ANAME_FAILED } };
		return;
	}
	CHECK(entry->name_len == key->name_len);
	CHECK(memcmp(entry->name, key->name, key->name_len) == 0);

	int64_t now_ms = aname_clock_coarse_ms();
	bool cold = atomic_load_explicit(&entry->cold, memory_order_acquire);
	int64_t next_ms = atomic_load_explicit(&entry->next_ms, memory_order_relaxed);
	const aname_snapshot_t *snapshot = aname_entry_snapshot(entry);
	const aname_schedule_t *schedule = &worker->options->schedule;
	CHECK(cold || snapshot != NULL);

	if (worker->lists != NULL && snapshot != NULL && snapshot->count > 0) {
		check_rest(worker, snapshot);
	}
	part->snapshot = snapshot;
	part->failure = snapshot != NULL ? snapshot->failure : ANAME_FAILURE_NONE;
	part->judgement = aname_policy_judge(snapshot, cold, schedule,
	                                     aname_policy_left(snapshot, schedule, ttl, now_ms),
	                                     next_ms, now_ms);
	aname_entry_touch(aname_table_charges(worker->shared->table), entry,
	                  interest_of(worker, ttl), now_ms / 1000);
	if (aname_policy_ask(snapshot, aname_policy_left(snapshot, schedule, ttl, now_ms), next_ms,
	                     now_ms)) {
		ask(worker, key, hash, ttl);
	}
}

static void decide(worker_t *worker, const query_t *query, bool accept_fallback,
                   aname_answer_t *answer)
{
	aname_pool_t pool = { .count = query->count };
	for (unsigned i = 0; i < query->count; i++) {
		const aname_key_t key = make_key(worker->upstream, query->names[i], query->type);
		judge(worker, &key, query->ttl, &pool.parts[i]);
	}
	aname_answer_decide(&pool, accept_fallback, answer);
}

static void wait_for(worker_t *worker, const query_t *query, aname_answer_t *answer)
{
	aname_shared_t *shared = worker->shared;
	aname_waiter_t waiter;
	if (aname_waiters_enter(shared->waiters, worker->waiters, 0, LONG_MS, aname_clock_ms(),
	                        &waiter) != ANAME_WAIT_ADMITTED) {
		worker->refused++;
		return;
	}
	while (answer->worth == ANAME_COLD) {
		uint64_t generation = aname_waiters_generation(shared->waiters);
		decide(worker, query, false, answer);
		if (answer->worth == ANAME_COLD) {
			aname_epoch_leave(shared->epoch, worker->worker);
			CHECK(aname_waiters_wait(shared->waiters, &waiter, generation));
			aname_epoch_enter(shared->epoch, worker->worker);
		}
	}
	aname_waiters_leave(shared->waiters, &waiter, aname_clock_ms());
}

/*! A pool, as those of knotd's workers are: the next reply begins it anew. */
static void *pool_alloc(void *ctx, size_t size)
{
	worker_t *worker = ctx;
	size_t at = (worker->pool_used + 15) / 16 * 16;
	CHECK(at + size <= sizeof(worker->pool));
	worker->pool_used = at + size;
	return worker->pool + at;
}

static void pool_free(void *block)
{
}

static void begin_reply(worker_t *worker, const query_t *query)
{
	worker->mm = (knot_mm_t){ .ctx = worker, .alloc = pool_alloc, .free = pool_free };
	worker->pool_used = 0;
	worker->pkt = knot_pkt_new(NULL, UINT16_MAX, &worker->mm);
	CHECK(worker->pkt != NULL);
	const knot_dname_t *owner = (const knot_dname_t *)"\4shop\7example";
	int ret = knot_pkt_put_question(worker->pkt, owner, KNOT_CLASS_IN, query->type);
	CHECK(ret == KNOT_EOK);
	CHECK(knot_pkt_begin(worker->pkt, KNOT_ANSWER) == KNOT_EOK);
}

aname_worth_t worker_answer(worker_t *worker, const query_t *query)
{
	begin_reply(worker, query);
	aname_epoch_enter(worker->shared->epoch, worker->worker);
	aname_answer_t answer;
	decide(worker, query, false, &answer);
	if (answer.worth == ANAME_COLD && worker->waiters > 0) {
		wait_for(worker, query, &answer);
	}
	if (answer.worth == ANAME_COLD) {
		decide(worker, query, true, &answer);
	}
	if (aname_worth_has_addresses(answer.worth)) {
		const aname_form_t form = { .owner = knot_pkt_qname(worker->pkt),
			                    .type = query->type,
			                    .compr_hint = KNOT_COMPR_HINT_QNAME };
		int ret = aname_answer_put(&answer, worker->options, worker->pkt, &form);
		CHECK(ret == KNOT_EOK);
	}
	aname_epoch_leave(worker->shared->epoch, worker->worker);

	atomic_fetch_add_explicit(&worker->shared->workers[worker->worker].answers[answer.worth], 1,
	                          memory_order_relaxed);
	return answer.worth;
}
