/*!
 * \brief Which address is probed next, and when: times, and the limits on what is under way.  [P]
 *
 * What is due stands in one of three lines, and who has waited longest comes first. Dead addresses
 * hold their places until the time is up, so those that fail get at most half of the places, and
 * those that are not known to be up get three quarters together with them: however many of them
 * there are, there is room for those that are up.
 *
 * Time is passed in, and only goes forward. Thread: service.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

/*! Probes under way at once, and started per second. */
#define ANAME_PROBES_RUNNING 500
#define ANAME_PROBES_RATE    1000

/*! What an address is to the plan. Each class gets places of its own and of those after it. */
typedef enum {
	ANAME_CLASS_UP = 0,  /*!< It succeeded last. */
	ANAME_CLASS_NEW,     /*!< Nothing is known. */
	ANAME_CLASS_FAILING, /*!< It failed last, or is down. */
	ANAME_CLASSES,
} aname_probe_class_t;

/*! An address's place in the plan; all zero: it is not in it. */
typedef struct aname_probe_planned {
	int64_t at_ms;                             /*!< When it is due. */
	size_t heap_index;                         /*!< While it waits for its time. */
	struct aname_probe_planned *before, *next; /*!< In its line. */
	uint8_t class;                             /*!< aname_probe_class_t */
	uint8_t stage;                             /*!< The plan's own. */
} aname_probe_planned_t;

typedef struct {
	aname_probe_planned_t **heap; /*!< By time. */
	size_t count, size;
	struct {
		aname_probe_planned_t *first, *last;
	} ready[ANAME_CLASSES];
	unsigned running[ANAME_CLASSES];
	int64_t pace_us; /*!< When the next one may start, at an even pace. */
} aname_probe_plan_t;

void aname_probe_plan_deinit(aname_probe_plan_t *plan);

/*! Makes sure that `count` fit in; KNOT_ENOMEM if not. */
__attribute__((warn_unused_result)) int aname_probe_plan_reserve(aname_probe_plan_t *plan,
                                                                 size_t count);

/*! Plans it for a time, wherever it was before. There must be room for it. */
void aname_probe_plan_set(aname_probe_plan_t *plan, aname_probe_planned_t *planned,
                          aname_probe_class_t class, int64_t at_ms);

/*! Takes it out, if it is in. */
void aname_probe_plan_remove(aname_probe_plan_t *plan, aname_probe_planned_t *planned);

/*!
 * \brief The next one that is due and that the limits allow.
 *
 * It counts as under way until it is planned anew or taken out.
 *
 * \return It; NULL if there is none now.
 */
aname_probe_planned_t *aname_probe_plan_start(aname_probe_plan_t *plan, int64_t now_ms);

/*! In how many milliseconds to ask for the next one; -1: when something has ended or is planned. */
int64_t aname_probe_plan_wait(const aname_probe_plan_t *plan, int64_t now_ms);
