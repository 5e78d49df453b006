#include "query/count.h"

#include <stdlib.h>

#include "query/find.h"
#include "query/nodes.h"
#include "query/numbers.h"

/*! A pass begins so long after the one before has ended. */
#define PAUSE_MS    1000
/*! It goes on after so long, by what there is to do in that time. */
#define SLICE_MS    16
/*! One query makes up for no more than this: 1,024 records, some milliseconds. */
#define BEHIND_MS   256
/*! Places for targets at first, a power of two. */
#define TARGETS_MIN 64
/*! Steps over the list for each record: some are over nothing. */
#define STEPS_EACH  4

/*! A pass: the numbers up to now, and the targets that are in them. */
typedef struct aname_count {
	aname_numbers_t numbers;
	uint64_t owners;
	aname_nodes_cursor_t cursor; /*!< The next nodes. */
	size_t mask, count;
	uint64_t at[]; /*!< Hashes of their names; 0: none. Half of them at most are taken. */
} count_t;

/*! Going on with a pass. */
typedef struct {
	aname_query_t at; /*!< A copy of the query, about the owner whose records are looked at. */
	count_t *pass;    /*!< NULL: there was no memory. */
	unsigned looked;  /*!< Records that were looked at. */
} step_t;

/* The targets of a pass. */

static count_t *make(size_t places)
{
	count_t *pass = calloc(1, sizeof(*pass) + places * sizeof(pass->at[0]));
	if (pass != NULL) {
		pass->mask = places - 1;
	}
	return pass;
}

/*! Where a target is, or is to be. */
static uint64_t *place_of(count_t *pass, uint64_t target)
{
	size_t i = target & pass->mask;
	while (pass->at[i] != 0 && pass->at[i] != target) {
		i = (i + 1) & pass->mask;
	}
	return &pass->at[i];
}

/*! The same pass with twice as many places; NULL, and the pass freed, if out of memory. */
static count_t *widen(count_t *pass)
{
	count_t *wide = make(2 * (pass->mask + 1));
	if (wide != NULL) {
		wide->numbers = pass->numbers;
		wide->owners = pass->owners;
		wide->cursor = pass->cursor;
		wide->count = pass->count;
		for (size_t i = 0; i <= pass->mask; i++) {
			if (pass->at[i] != 0) {
				*place_of(wide, pass->at[i]) = pass->at[i];
			}
		}
	}
	free(pass);
	return wide;
}

/*! Is this the first time that a target is met in the pass? */
static bool is_first(step_t *step, uint64_t target)
{
	if (2 * step->pass->count > step->pass->mask) {
		step->pass = widen(step->pass);
	}
	uint64_t *place = step->pass != NULL ? place_of(step->pass, target) : NULL;
	bool first = place != NULL && *place == 0;
	if (first) {
		*place = target;
		step->pass->count++;
	}
	return first;
}

/* A pass. */

static void look_at_records(step_t *step)
{
	const aname_query_t *query = &step->at;
	aname_query_walk_t walk = { 0 };
	const knot_rdata_t *rdata;
	if (step->pass != NULL) {
		step->pass->owners += query->rrsets_count > 0;
	}
	for (; (rdata = aname_query_next_record(query, &walk)) != NULL; step->looked++) {
		knot_dname_storage_t lower;
		aname_target_t target;
		if (step->pass != NULL && aname_numbers_find(query, rdata, lower, &target) &&
		    is_first(step, aname_owners_hash(query->instance->shared->owners, target.name,
		                                     target.name_len))) {
			aname_numbers_add(query, &target, &step->pass->numbers);
		}
	}
}

static void visit(const knot_dname_t *name, void *ctx)
{
	step_t *step = ctx;
	aname_query_t *at = &step->at;
	aname_found_t found;
	if (aname_find_at(at->qdata, at->instance, name, &found)) {
		at->rrsets_count = found.count;
		for (unsigned i = 0; i < found.count; i++) {
			at->rrsets[i] = found.rrsets[i];
		}
		look_at_records(step);
	}
}

/*! Begins a pass, with the apex. */
static void begin(step_t *step)
{
	aname_query_t *at = &step->at;
	step->pass = make(TARGETS_MIN);
	at->apex = true;
	at->rrsets_count = aname_query_apex_records(at->qdata, at->instance->options, at->rrsets);
	look_at_records(step);
	at->apex = false;
}

/*! Goes on until about so many records were looked at. Returns what is not over; NULL: it is, or has to
 *  begin again. */
static count_t *go_on(const aname_query_t *query, count_t *pass, unsigned most)
{
	step_t step = { .at = *query, .pass = pass };
	if (pass == NULL) {
		begin(&step);
	}
	/* The pass moves when it becomes wider. */
	aname_nodes_cursor_t cursor = { .end = true };
	if (step.pass != NULL) {
		cursor = step.pass->cursor;
	}
	step.at.apex = false;
	for (unsigned steps = 0; steps < STEPS_EACH * most && step.looked < most && !cursor.end &&
	                         !cursor.moved && step.pass != NULL;
	     steps++) {
		aname_nodes_step(query, &cursor, visit, &step);
	}
	if (step.pass == NULL) {
		return NULL;
	}
	step.pass->cursor = cursor;
	if (cursor.end && !cursor.moved) {
		aname_stats_show(query->mod, &step.pass->numbers);
		aname_stats_show_owners(query->mod, step.pass->owners);
	}
	if (cursor.end || cursor.moved) {
		free(step.pass);
		step.pass = NULL;
	}
	return step.pass;
}

/*! How many records are to be looked at now; 0: it is not time yet. */
static unsigned find_most(const aname_query_t *query, const aname_nodes_t *nodes)
{
	bool goes_on = atomic_load(&nodes->counts) != NULL;
	int64_t past_ms = query->now_ms - atomic_load(&nodes->counted_ms);
	if (past_ms < (goes_on ? SLICE_MS : PAUSE_MS) && !query->waited) {
		return 0;
	}
	past_ms = past_ms > SLICE_MS ? past_ms : SLICE_MS;
	past_ms = past_ms < BEHIND_MS ? past_ms : BEHIND_MS;
	return past_ms * ANAME_COUNT_RATE / 1000;
}

void aname_count(const aname_query_t *query)
{
	aname_nodes_t *nodes = query->instance->nodes;
	if (find_most(query, nodes) == 0 || atomic_exchange(&nodes->counting, true)) {
		return;
	}
	/* Another worker may have gone on meanwhile. */
	unsigned most = find_most(query, nodes);
	if (most > 0) {
		atomic_store(&nodes->counted_ms, query->now_ms);
		atomic_store(&nodes->counts, go_on(query, atomic_load(&nodes->counts), most));
	}
	atomic_store(&nodes->counting, false);
}

void aname_count_deinit(aname_instance_t *instance)
{
	if (aname_instance_any(instance)) {
		free(atomic_load(&instance->nodes->counts));
	}
}
