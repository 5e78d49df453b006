#include "service/probe/plan.h"

#include <stdbool.h>
#include <stdlib.h>

#include <libknot/errcode.h>

#define PACE_US     (1000000 / ANAME_PROBES_RATE)
/*! What was missed of the pace is made up for, since timers are late; but no more than this. */
#define CATCH_UP_US 50000

/*! Where one stands. */
enum { OUT = 0, WAITING, READY, RUNNING };

void aname_probe_plan_deinit(aname_probe_plan_t *plan)
{
	free(plan->heap);
	*plan = (aname_probe_plan_t){ 0 };
}

int aname_probe_plan_reserve(aname_probe_plan_t *plan, size_t count)
{
	if (count <= plan->size) {
		return KNOT_EOK;
	}
	size_t size = count + count / 8 + 32;
	aname_probe_planned_t **heap = realloc(plan->heap, size * sizeof(*heap));
	if (heap == NULL) {
		return KNOT_ENOMEM;
	}
	plan->heap = heap;
	plan->size = size;
	return KNOT_EOK;
}

/* The heap. */

static void put(aname_probe_plan_t *plan, size_t index, aname_probe_planned_t *planned)
{
	plan->heap[index] = planned;
	planned->heap_index = index;
}

static void sift_up(aname_probe_plan_t *plan, size_t index, aname_probe_planned_t *planned)
{
	while (index > 0 && plan->heap[(index - 1) / 2]->at_ms > planned->at_ms) {
		put(plan, index, plan->heap[(index - 1) / 2]);
		index = (index - 1) / 2;
	}
	put(plan, index, planned);
}

static void sift_down(aname_probe_plan_t *plan, size_t index, aname_probe_planned_t *planned)
{
	while (2 * index + 1 < plan->count) {
		size_t child = 2 * index + 1;
		if (child + 1 < plan->count &&
		    plan->heap[child + 1]->at_ms < plan->heap[child]->at_ms) {
			child++;
		}
		if (planned->at_ms <= plan->heap[child]->at_ms) {
			break;
		}
		put(plan, index, plan->heap[child]);
		index = child;
	}
	put(plan, index, planned);
}

static void take_out(aname_probe_plan_t *plan, const aname_probe_planned_t *planned)
{
	aname_probe_planned_t *last = plan->heap[--plan->count];
	if (last != planned) {
		sift_up(plan, planned->heap_index, last);
		sift_down(plan, last->heap_index, last);
	}
}

/* The lines. */

static void line_up(aname_probe_plan_t *plan, aname_probe_planned_t *planned)
{
	planned->before = plan->ready[planned->class].last;
	planned->next = NULL;
	*(planned->before != NULL ? &planned->before->next : &plan->ready[planned->class].first) =
	        planned;
	plan->ready[planned->class].last = planned;
	planned->stage = READY;
}

static void leave(aname_probe_plan_t *plan, const aname_probe_planned_t *planned)
{
	*(planned->before != NULL ? &planned->before->next : &plan->ready[planned->class].first) =
	        planned->next;
	*(planned->next != NULL ? &planned->next->before : &plan->ready[planned->class].last) =
	        planned->before;
}

/*! Is there a place for one more of a class? */
static bool has_room(const aname_probe_plan_t *plan, aname_probe_class_t class)
{
	static const unsigned places[ANAME_CLASSES] = {
		[ANAME_CLASS_UP] = ANAME_PROBES_RUNNING,
		[ANAME_CLASS_NEW] = ANAME_PROBES_RUNNING * 3 / 4,
		[ANAME_CLASS_FAILING] = ANAME_PROBES_RUNNING / 2,
	};
	/* Of a place that a class may take those of the classes before may take it, too. */
	for (int within = class; within >= 0; within--) {
		unsigned running = 0;
		for (int after = within; after < ANAME_CLASSES; after++) {
			running += plan->running[after];
		}
		if (running >= places[within]) {
			return false;
		}
	}
	return true;
}

/*! Who has waited longest of those for whom there is a place; NULL: nobody. */
static aname_probe_planned_t *first_ready(const aname_probe_plan_t *plan)
{
	aname_probe_planned_t *first = NULL;
	for (aname_probe_class_t class = 0; class < ANAME_CLASSES; class ++) {
		aname_probe_planned_t *head = plan->ready[class].first;
		if (head != NULL && (first == NULL || head->at_ms < first->at_ms) &&
		    has_room(plan, class)) {
			first = head;
		}
	}
	return first;
}

/* The interface. */

void aname_probe_plan_remove(aname_probe_plan_t *plan, aname_probe_planned_t *planned)
{
	switch (planned->stage) {
	case WAITING: take_out(plan, planned); break;
	case READY: leave(plan, planned); break;
	case RUNNING: plan->running[planned->class]--; break;
	default: break;
	}
	planned->stage = OUT;
}

void aname_probe_plan_set(aname_probe_plan_t *plan, aname_probe_planned_t *planned,
                          aname_probe_class_t class, int64_t at_ms)
{
	aname_probe_plan_remove(plan, planned);
	planned->class = class;
	planned->at_ms = at_ms;
	planned->stage = WAITING;
	sift_up(plan, plan->count++, planned);
}

aname_probe_planned_t *aname_probe_plan_start(aname_probe_plan_t *plan, int64_t now_ms)
{
	while (plan->count > 0 && plan->heap[0]->at_ms <= now_ms) {
		aname_probe_planned_t *due = plan->heap[0];
		take_out(plan, due);
		line_up(plan, due);
	}
	int64_t now_us = now_ms * 1000;
	aname_probe_planned_t *first = plan->pace_us <= now_us ? first_ready(plan) : NULL;
	if (first == NULL) {
		return NULL;
	}
	if (plan->pace_us < now_us - CATCH_UP_US) {
		plan->pace_us = now_us - CATCH_UP_US;
	}
	plan->pace_us += PACE_US;
	leave(plan, first);
	first->stage = RUNNING;
	plan->running[first->class]++;
	return first;
}

int64_t aname_probe_plan_wait(const aname_probe_plan_t *plan, int64_t now_ms)
{
	if (first_ready(plan) != NULL) {
		int64_t pace_ms = (plan->pace_us + 999) / 1000;
		return pace_ms > now_ms ? pace_ms - now_ms : 0;
	}
	if (plan->count == 0) {
		return -1;
	}
	return plan->heap[0]->at_ms > now_ms ? plan->heap[0]->at_ms - now_ms : 0;
}
