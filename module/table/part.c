#include "table/part.h"

#include "path.h"

ANAME_ASIDE void aname_part_keep_lost(aname_part_t *part, const aname_snapshot_t *other,
                                      const aname_options_t *options, uint32_t ttl, int64_t now_ms)
{
	const aname_snapshot_t *snapshot = part->snapshot;
	if (!aname_policy_gone(snapshot, other)) {
		return;
	}
	part->gone = aname_policy_gone_surely(snapshot, other);
	const aname_view_t *views = aname_snapshot_views(snapshot);
	if (views != NULL && views->forced_down) {
		return; /* An operator's word goes before it (H8). */
	}
	const aname_snapshot_t *last = aname_snapshot_last(snapshot);
	uint32_t life = aname_policy_life(&options->schedule, ttl, last->ttl);
	if (aname_policy_keep(snapshot, life, options->negative_delay, now_ms, &part->judgement)) {
		part->gone = true;
		part->snapshot = last;
	}
}

ANAME_ASIDE bool aname_part_fails_with_all(const aname_upstream_t *upstream,
                                           const aname_snapshot_t *snapshot, int64_t due_ms)
{
	const aname_failing_t *failing = aname_snapshot_failing(snapshot);
	return atomic_load_explicit(&upstream->silent, memory_order_relaxed) &&
	       atomic_load_explicit(&upstream->heard_ms, memory_order_relaxed) <
	               (failing != NULL ? failing->since_ms : due_ms);
}

void aname_part_narrow(aname_part_t *part, const aname_snapshot_t *rest)
{
	if (part->view != NULL) {
		ptrdiff_t view = part->view - aname_snapshot_views(part->snapshot);
		part->view = aname_snapshot_views(rest) + view;
		part->down = part->view->count == 0;
	}
	part->snapshot = rest;
}
