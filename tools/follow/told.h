/*!
 * \brief What the module of the local knotd tells: which addresses an owner has now, by its targets,
 *        and which targets have changed.  [U]
 *
 * One connection to the status socket, which is made anew, again and again, when it has ended. As long
 * as it is there the module tells of every target whose addresses in use may be others by now; what
 * an owner has then is asked. To ask counts as interest: the target is looked up, and kept warm.
 *
 * *Callbacks:* from the loop only, and never from within a call of ours.
 *
 * Thread: that of the loop.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>
#include <uv.h>

#include "follow/set.h"
#include "tool.h"

typedef struct kaname_told kaname_told_t;

/*! What is known of a family. */
typedef enum {
	KANAME_TOLD_FAILED = 0, /*!< Nothing that counts: what is there stays. */
	KANAME_TOLD_PENDING,    /*!< It is being looked up for the first time: likewise, for now. */
	KANAME_TOLD_NODATA,     /*!< There are none, by what was looked up. */
	KANAME_TOLD_NXDOMAIN, /*!< Likewise, and none of the other family, either: the targets do not
	                             exist. */
	KANAME_TOLD_SET,      /*!< These. */
} kaname_told_worth_t;

/*! What an owner has. */
typedef struct {
	struct {
		kaname_told_worth_t worth;
		size_t count;
		uint8_t at[KANAME_SET_MAX * 16]; /*!< Addresses, one behind the other. */
		char why[200];                   /*!< FAILED: why; else empty. */
	} family[KANAME_FAMILIES];
	uint32_t ttl;    /*!< As the source has it, of what is SET: of both the least. */
	uint32_t next_s; /*!< Ask again after so many seconds at the latest. */
	/*! The module is not loaded for the zone, or does not follow this owner; `why` of both says so. */
	bool unknown;
} kaname_told_set_t;

typedef struct {
	void *ctx;
	/*! The connection is there, and nothing that was told before counts: ask for all. */
	void (*up)(void *ctx);
	/*! It is not, or not any more; `why` is a phrase. It is tried again by itself, which is told
	 *  only where it fails for another reason. */
	void (*down)(void *ctx, const char *why, const char *next);
	/*! The answer to a question. */
	void (*set)(void *ctx, uint64_t token, const kaname_told_set_t *set);
	/*! The addresses in use of a target may be others now. `name` in lower case. */
	void (*changed)(void *ctx, const knot_dname_t *name);
	/*! Some that have changed were left out: ask for all. */
	void (*lost)(void *ctx);
} kaname_told_calls_t;

/*!
 * \brief Makes one, which connects by itself.
 *
 * \param args  Where the socket is; must stay.
 *
 * \return NULL if out of memory.
 */
kaname_told_t *kaname_told_new(uv_loop_t *loop, const kaname_args_t *args,
                               const kaname_told_calls_t *calls);

/*! How many more questions would be taken now; 0 while there is no connection. */
unsigned kaname_told_room(const kaname_told_t *told);

/*!
 * \brief Asks what an owner has.
 *
 * \param token    Comes back with the answer. A question whose connection ends is not answered.
 * \param ttl      Of its records.
 * \param targets  In lower case; no more than ANAME_FOLLOW_TARGETS of them count.
 *
 * \return false if there is no room.
 */
__attribute__((warn_unused_result)) bool kaname_told_ask(kaname_told_t *told, uint64_t token,
                                                         const knot_dname_t *zone,
                                                         const knot_dname_t *owner, uint32_t ttl,
                                                         const knot_dname_t *const *targets,
                                                         size_t count);

/*! Ends it; it frees itself when the loop runs next. NULL is allowed. */
void kaname_told_close(kaname_told_t *told);
