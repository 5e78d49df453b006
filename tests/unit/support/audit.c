#include "support/audit.h"

#include <string.h>

#include "service/work.h"

/*! What was found in one place, to be compared with what was found in others. */
typedef struct {
	const aname_refresh_t *refresh;
	size_t targets, subnets, addresses, dormant, planned, ready, runs;
	const char *wrong;
} audit_t;

static void expect(audit_t *audit, bool holds, const char *what)
{
	if (!holds && audit->wrong == NULL) {
		audit->wrong = what;
	}
}

/* Entries. */

static bool is_in_heap(const audit_t *audit, aname_heap_t heap, const aname_entry_t *entry)
{
	const aname_heaps_t *heaps = &audit->refresh->heaps;
	return entry->plan.heap_index < heaps->count[heap] &&
	       aname_heaps_nth(heaps, heap, entry->plan.heap_index)->entry == entry;
}

static void look_at_entry(aname_entry_t *entry, void *ctx)
{
	audit_t *audit = ctx;
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	audit->targets += !entry->for_subnet;
	audit->subnets += entry->for_subnet;
	audit->addresses += known != NULL ? known->count : 0;
	bool running = entry->plan.state == ANAME_PLAN_RUNNING;
	switch (entry->plan.state) {
	case ANAME_PLAN_WAITING:
	case ANAME_PLAN_RUNNING:
		audit->planned++;
		expect(audit, is_in_heap(audit, ANAME_HEAP_PLANNED, entry),
		       "what is planned is not in its heap");
		break;
	case ANAME_PLAN_DORMANT:
		audit->dormant++;
		expect(audit, is_in_heap(audit, ANAME_HEAP_DORMANT, entry),
		       "what is dormant is not in its heap");
		expect(audit, atomic_load(&entry->cold), "what is dormant is called warm");
		break;
	case ANAME_PLAN_READY: audit->ready++; break;
	default: expect(audit, false, "an entry is nowhere"); break;
	}
	expect(audit, !running || entry->run != NULL, "what runs has no run");
	if (entry->plan.state != ANAME_PLAN_READY && entry->run != NULL) {
		audit->runs++;
		expect(audit, entry->run->entry == entry, "a run is of another entry");
	}
	/* Between two steps: what failed or was learnt is published, and what was not is cold. */
	expect(audit, known != NULL || atomic_load(&entry->cold) || entry->plan.failures > 0,
	       "of what is warm nothing is known");
}

/* Heaps. */

static void look_at_heap(audit_t *audit, aname_heap_t heap)
{
	const aname_heaps_t *heaps = &audit->refresh->heaps;
	for (size_t i = 0; i < heaps->count[heap]; i++) {
		const aname_moment_t *moment = aname_heaps_nth(heaps, heap, i);
		expect(audit, moment->entry->plan.heap_index == i, "a heap's index is wrong");
		expect(audit,
		       i == 0 || aname_heaps_nth(heaps, heap, (i - 1) / 2)->at_ms <= moment->at_ms,
		       "a heap is out of order");
	}
}

/* Lines. */

static size_t look_at_line(audit_t *audit, const aname_line_t *line,
                           const aname_upstream_work_t *work)
{
	size_t count = 0;
	const aname_entry_t *last = NULL;
	for (const aname_entry_t *entry = line->first; entry != NULL; entry = entry->ready_next) {
		expect(audit, entry->plan.state == ANAME_PLAN_READY,
		       "what is in line is not ready");
		expect(audit, entry->upstream->work == work, "a line has another one's entry");
		last = entry;
		count++;
	}
	expect(audit, line->last == last, "a line's end is wrong");
	return count;
}

static size_t look_at_queue(audit_t *audit, const aname_fair_queue_t *queue,
                            const aname_upstream_work_t *work)
{
	size_t count = 0, flows = 0;
	const aname_flow_t *last = NULL;
	for (const aname_flow_t *flow = queue->first; flow != NULL; flow = flow->next) {
		size_t length = look_at_line(audit, &flow->line, work);
		expect(audit, length > 0, "a zone without entries has its turn");
		flows += flow != &queue->common;
		count += length;
		last = flow;
	}
	expect(audit, queue->last == last, "the turns' end is wrong");
	expect(audit, queue->flows == flows, "zones are miscounted");
	return count;
}

/* Upstreams. */

static bool is_listed(const aname_refresh_t *refresh, const aname_upstream_work_t *work)
{
	const aname_upstream_work_t *listed = refresh->ready_first;
	while (listed != NULL && listed != work) {
		listed = listed->next_ready;
	}
	return listed != NULL;
}

static bool is_listed_out(const aname_refresh_t *refresh, const aname_upstream_work_t *work)
{
	const aname_upstream_work_t *listed = refresh->out_first;
	while (listed != NULL && listed != work) {
		listed = listed->next_out;
	}
	return listed != NULL;
}

/*! Returns how many lookups run. */
static unsigned look_at_work(audit_t *audit, const aname_upstream_work_t *work)
{
	size_t ready = 0;
	unsigned running = 0;
	for (aname_priority_t priority = 0; priority < ANAME_PRIORITIES; priority++) {
		ready += look_at_queue(audit, &work->ready[priority], work);
		running += work->running[priority];
	}
	size_t waiting = look_at_queue(audit, &work->waiting, work);
	audit->ready -= ready + waiting;
	audit->runs -= running;
	expect(audit, waiting == work->waiting_count, "those that wait are miscounted");
	expect(audit, waiting == 0 || work->out, "something waits for what is not out");
	expect(audit, running + work->enquiries == work->running_all, "lookups are miscounted");
	expect(audit, work->places.count <= running, "there are more places than lookups");
	expect(audit, is_listed(audit->refresh, work) == work->listed,
	       "an upstream is listed, or not, and says otherwise");
	expect(audit, ready == 0 || work->listed, "what is ready is not listed");
	expect(audit, is_listed_out(audit->refresh, work) == work->out,
	       "an upstream that is out is not listed, or the reverse");
	expect(audit, !atomic_load(&work->upstream->silent) || work->out,
	       "an upstream is silent and not out");
	return work->running_all;
}

static void look_at_upstreams(audit_t *audit)
{
	const aname_refresh_t *refresh = audit->refresh;
	unsigned running = 0;
	const aname_upstream_t *upstream = NULL;
	while ((upstream = aname_shared_upstream_after(refresh->shared, upstream)) != NULL) {
		running += upstream->work != NULL ? look_at_work(audit, upstream->work) : 0;
	}
	for (upstream = refresh->released; upstream != NULL; upstream = upstream->next) {
		running += upstream->work != NULL ? look_at_work(audit, upstream->work) : 0;
	}
	expect(audit, running == refresh->running, "all lookups are miscounted");
}

const char *audit_refresh(const aname_refresh_t *refresh)
{
	audit_t audit = { .refresh = refresh };
	aname_table_t *table = refresh->shared->table;
	aname_table_foreach(table, look_at_entry, &audit);
	look_at_heap(&audit, ANAME_HEAP_PLANNED);
	look_at_heap(&audit, ANAME_HEAP_DORMANT);
	look_at_upstreams(&audit);
	expect(&audit, audit.ready == 0, "what is ready is in no line");
	expect(&audit, audit.runs == 0, "a lookup is of no entry");
	expect(&audit, audit.planned == refresh->heaps.count[ANAME_HEAP_PLANNED],
	       "a heap holds what is not planned");
	expect(&audit, audit.dormant == refresh->heaps.count[ANAME_HEAP_DORMANT],
	       "a heap holds what is not dormant");
	expect(&audit, audit.targets == aname_table_targets(table), "targets are miscounted");
	expect(&audit, audit.subnets == aname_table_subnets(table), "subnets are miscounted");
	expect(&audit, audit.addresses == aname_table_addresses(table), "addresses are miscounted");
	return audit.wrong;
}
