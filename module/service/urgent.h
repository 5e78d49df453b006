/*!
 * \brief Lookups that an operator asks for: now, and not when they are due.  [U]
 *
 * They are lookups like others: at the pace of all, one for each family of a target and upstream,
 * for whoever asks at the same time, and what is answered meanwhile stays as it is. A pause after
 * failures is passed over, once; so is the line of those that wait while an upstream is out. What is
 * asked for here is not kept fresh by that.
 *
 * One that is under way already may bring what was there before the operator had a reason to ask: it
 * is waited for, and then another one is started.
 *
 * Thread: service.
 */

#pragma once

#include "service/work.h"

/*! Families of targets that are waited for at once, by all upstreams. */
#define ANAME_URGENT_MAX 256

/*! One that is waited for. */
typedef struct {
	const aname_upstream_t *upstream; /*!< May be gone by now. */
	uint32_t name;                    /*!< Which of the names. */
	uint16_t type;
	uint32_t started; /*!< How many lookups were, before: a later one is waited for. */
	bool seen;        /*!< It was meant to be looked up, and its subnets were. */
	bool ready;       /*!< It was put where it is looked up soon. */
	bool done;
} aname_urgent_one_t;

/*! What an operator has asked for, and waits for. */
typedef struct aname_urgent {
	const knot_dname_storage_t *names; /*!< Lower case. Outlive it. */
	size_t names_count;
	size_t count;
	size_t left_out; /*!< Families for which there was no room, and which are not looked up. */
	size_t subnets;  /*!< Answers for clients' subnets that are looked up, too. */
	aname_urgent_one_t at[ANAME_URGENT_MAX];
} aname_urgent_t;

/*! Finds what is known by these names, by upstreams that are in use. Nothing is looked up yet. */
void aname_urgent_find(aname_refresh_t *refresh, aname_urgent_t *urgent);

/*! Has looked up what is not yet, as far as no other lookup of it is under way, and looks what has
 *  ended; returns how many are not done. */
size_t aname_urgent_look(aname_refresh_t *refresh, aname_urgent_t *urgent, int64_t now_ms);

/*! The entry of one of them; NULL: it is gone. */
aname_entry_t *aname_urgent_entry(aname_refresh_t *refresh, const aname_urgent_t *urgent,
                                  size_t number);
