/*!
 * \brief The interface to whatever finds addresses.  [U]
 *
 * A resolver starts lookups on the service's loop and reports each of them once. The files that
 * implement it are the only ones that touch the network. Everything here runs on the service
 * thread.
 *
 * No result is ever delivered from within a call into a resolver, nor from within a callback of
 * whatever it is built on: a lookup that has something to report waits in a list (see
 * aname_resolver_defer()), which an idle handle of the loop works off. So whoever starts, cancels
 * or frees finds everything afterwards as it was before, and `done` may start and cancel lookups.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/dname.h>
#include <uv.h>

#include "conf/options.h"
#include "table/snapshot.h"
#include "table/subnet.h"

typedef struct aname_resolver aname_resolver_t;

/*! A lookup under way. */
typedef struct aname_lookup aname_lookup_t;

/*!
 * \brief Takes the result of a lookup; called once per started lookup, on the service thread, by
 *        the loop and nobody else.
 *
 * \param owner   As given when the resolver was made.
 * \param ctx     As given at start.
 * \param result  What came of it; good during the call only.
 */
typedef void (*aname_resolved_f)(void *owner, void *ctx, const aname_result_t *result);

/*! What a lookup asks. */
typedef struct {
	const knot_dname_t *name;     /*!< The target, lower case. */
	uint16_t type;                /*!< KNOT_RRTYPE_A or KNOT_RRTYPE_AAAA; or that of records
	                                   with a name in them, which is the result then. */
	const aname_subnet_t *client; /*!< Whose answer is wanted; NULL: everybody's. */
} aname_question_t;

typedef struct {
	/*! For the log. */
	const char *name;

	/*!
	 * \brief Starts a lookup of one family, or of one type.
	 *
	 * \param question  What to look up; copied. Who cannot send a client's subnet asks
	 *                  for everybody.
	 * \param ctx       For `done`.
	 * \param lookup    The lookup, owned by the resolver, valid until `done` returns.
	 *
	 * \return KNOT_EOK; KNOT_EINVAL if it cannot look up such a name; KNOT_EAGAIN if there is
	 *         no thread for it; or another error.
	 *         Without KNOT_EOK nothing was started and `done` will not be called.
	 */
	int (*start)(aname_resolver_t *resolver, const aname_question_t *question, void *ctx,
	             aname_lookup_t **lookup);

	/*!
	 * \brief Asks to end a lookup early.
	 *
	 * `done` is still called later: soon if the resolver can stop it, and else when it ends by
	 * itself; with a failure, unless the lookup has succeeded meanwhile.
	 */
	void (*cancel)(aname_lookup_t *lookup);

	/*!
	 * \brief Goes on with a lookup that was deferred; called by the loop. NULL: whatever is
	 *        deferred has ended.
	 *
	 * \return true if it has ended, with its result. Else it may be deferred again already.
	 */
	bool (*resume)(aname_lookup_t *lookup);

	/*! Frees a lookup whose result was delivered. */
	void (*release)(aname_lookup_t *lookup);

	/*! How many lookups make progress at once; more only queue up. At least 1. */
	unsigned (*capacity)(const aname_resolver_t *resolver);

	/*! Other options count from the next lookup on. NULL: none matters to it. */
	void (*retune)(aname_resolver_t *resolver, const aname_schedule_t *schedule);

	/*! Frees the resolver, when the loop runs next. No lookup may be under way, that is one
	 *  whose result was not delivered. */
	void (*free)(aname_resolver_t *resolver);
} aname_resolver_api_t;

/*! What every lookup begins with, whatever the resolver. */
struct aname_lookup {
	aname_resolver_t *resolver;
	void *ctx;
	aname_result_t result; /*!< What came of it; to be set before it ends, and to stay. */
	aname_lookup_t *next_deferred;
};

/*! What every resolver begins with. */
struct aname_resolver {
	const aname_resolver_api_t *api;
	aname_resolved_f done;
	void *owner;
	uv_idle_t idle; /*!< Active while lookups are deferred. */
	aname_lookup_t *deferred_first, *deferred_last;
	unsigned closing; /*!< Handles that are being closed. */
};

/* For those that implement a resolver. */

/*! Sets up what a resolver begins with. */
void aname_resolver_init(aname_resolver_t *resolver, const aname_resolver_api_t *api,
                         uv_loop_t *loop, aname_resolved_f done, void *owner);

/*!
 * \brief Hands a lookup to the loop: soon `resume` is called, and if it has ended the result is
 *        delivered and the lookup released.
 *
 * May be called at any time, also from within `start`, `cancel` and `resume`; not twice before
 * `resume`. In the order of the calls.
 */
void aname_resolver_defer(aname_lookup_t *lookup);

/*!
 * \brief Closes what aname_resolver_init() has set up, and frees the resolver after that.
 *
 * \param handle  One of this resolver's to be closed first, or NULL.
 */
void aname_resolver_free(aname_resolver_t *resolver, uv_handle_t *handle);

/* Resolvers. */

/*! Makes the resolver of an upstream; NULL if it cannot be had. */
typedef aname_resolver_t *(*aname_make_resolver_f)(uv_loop_t *loop, const aname_source_t *source,
                                                   const aname_schedule_t *schedule,
                                                   aname_resolved_f done, void *owner);

/*!
 * \brief The system's resolver: getaddrinfo on libuv's thread pool.
 *
 * It gives no TTL, and a lookup that runs cannot be stopped.
 *
 * \param done   Takes every result.
 * \param owner  For `done`.
 *
 * \return The resolver, NULL if out of memory.
 */
aname_resolver_t *aname_resolver_system_new(uv_loop_t *loop, aname_resolved_f done, void *owner);

/*!
 * \brief Resolving by DNS: asks the recursors of a source, by c-ares.
 *
 * The servers are asked in their order, those that did not answer lately last (N2). At most
 * `1 + retries` rounds through all of them, within `timeout`; what c-ares does is one try: the
 * socket, the time-out, and TCP if the reply is truncated.
 *
 * \param source    At least one server.
 * \param schedule  The options that count for now; see `retune`.
 * \param done      Takes every result.
 * \param owner     For `done`.
 *
 * \return The resolver; NULL if out of memory, or if this was built without c-ares.
 */
aname_resolver_t *aname_resolver_dns_new(uv_loop_t *loop, const aname_source_t *source,
                                         const aname_schedule_t *schedule, aname_resolved_f done,
                                         void *owner);
