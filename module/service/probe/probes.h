/*!
 * \brief Probes: which addresses are probed, when, and what is known of them.  [U]
 *
 * | part      | what it does                                                                  |
 * |-----------|-------------------------------------------------------------------------------|
 * | probes    | holders, verdicts, and what is told of them                                   |
 * | addresses | the addresses, each once per definition; those that are kept for a while      |
 * | plan      | which is probed when; limits                                                  |
 * | verdict   | from outcomes to whether an address is up                                     |
 * | doubt     | from outcomes to whether this server's own connection is to be trusted        |
 * | attempt   | one probe of one address: starts it, bounds it in time, tells how it ended    |
 * | tcp       | attempts that connect                                                         |
 * | http      | attempts over TLS and HTTP, by libcurl; no_http.c where that is not built in  |
 * | multi     | libcurl on our loop: its sockets and its timer                                |
 * | trust     | whether a certificate is good                                                 |
 * | subject   | what they are made at, and what errors mean                                   |
 *
 * Each of them calls only those below it. Everything runs on the service thread, and no function
 * here calls back before it has returned.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include <libknot/dname.h>

#include "service/probe/plan.h"
#include "service/probe/probed.h"
#include "table/definition.h"

/*! How long a verdict is kept of an address that nobody holds. */
#define ANAME_PROBES_KEEP_MS 600000

typedef struct aname_probes aname_probes_t;

/*!
 * \brief Called when the health of an address has changed.
 *
 * May hold and let go, this one too, but not free the whole. Never called from inside a function of
 * this header.
 */
typedef void (*aname_probes_changed_f)(void *ctx, aname_probed_t *probed, int64_t now_ms);

/*!
 * \brief Makes the part, at rest.
 *
 * \param loop     The loop; outlives it.
 * \param changed  Called on changes.
 *
 * \return It; NULL if out of memory.
 *
 * Thread: load. With the first one libcurl is prepared, for as long as the process lives: best
 * before there are other threads.
 */
aname_probes_t *aname_probes_new(uv_loop_t *loop, aname_probes_changed_f changed, void *ctx);

/*! Frees it, with all addresses. The loop must run until it is empty after that. */
void aname_probes_free(aname_probes_t *probes);

/*! Sets the most addresses that are probed, and as many again that are kept (`max-probes`). At first
 *  there is no limit, and a lower one takes away nothing that is held. */
void aname_probes_limit(aname_probes_t *probes, uint32_t max);

/*! Stops: what runs ends without a verdict, nothing more is started. Verdicts stay. */
void aname_probes_pause(aname_probes_t *probes);

/*! Goes on after a pause. At first it is paused. */
void aname_probes_resume(aname_probes_t *probes);

/*!
 * \brief Probes an address from now on: at once if its health is not known.
 *
 * \param definition  Has to stay for as long as anything is held of it, and
 *                    ANAME_PROBES_KEEP_MS after that, or until aname_probes_forget().
 * \param address     Network order.
 * \param len         4 or 16.
 * \param name        The target's name, which stands in where the definition has no host. Probes
 *                    over TLS and HTTP without a host are different ones for different names.
 * \param believed    What its health is taken for until it is known; UNKNOWN if there is no
 *                    reason for anything else.
 *
 * \return What is known of it, good until it is let go; NULL if there are `max` already, or out of
 *         memory: then nothing is known of it.
 */
aname_probed_t *aname_probes_hold(aname_probes_t *probes, const aname_definition_t *definition,
                                  const uint8_t *address, uint8_t len, const knot_dname_t *name,
                                  aname_health_t believed, int64_t now_ms);

/*! Lets it go; with the last holder its probes end, and it is forgotten after a while. */
void aname_probes_unhold(aname_probes_t *probes, aname_probed_t *probed, int64_t now_ms);

/*! What is known of an address, without holding it; NULL if nothing. Parameters as for hold. */
const aname_probed_t *aname_probes_find(const aname_probes_t *probes,
                                        const aname_definition_t *definition,
                                        const uint8_t *address, uint8_t len,
                                        const knot_dname_t *name);

/*! Forgets what nobody holds of a definition that is about to go; false if something is held. */
bool aname_probes_forget(aname_probes_t *probes, const aname_definition_t *definition);

/*! Calls `visit` for each address that is probed. */
void aname_probes_foreach(const aname_probes_t *probes,
                          void (*visit)(const aname_probed_t *probed, void *ctx), void *ctx);

/*!
 * \brief Takes note of what was known of an address before: it is kept, as if it had just been let
 *        go, until somebody holds it.
 *
 * \param health    UP or DOWN.
 * \param since_ms  When it became that.
 */
void aname_probes_restore(aname_probes_t *probes, const aname_definition_t *definition,
                          const uint8_t *address, uint8_t len, const knot_dname_t *name,
                          aname_health_t health, int64_t since_ms, int64_t now_ms);

/*! A cursor over all addresses that are held or kept, all zero at first. */
typedef struct {
	size_t bucket, size;
	bool rebuilt; /*!< They were laid out anew; the walk cannot go on. */
} aname_probes_cursor_t;

/*! Calls `visit` for a few of them; false at the end, or if the walk cannot go on. */
bool aname_probes_walk(const aname_probes_t *probes, aname_probes_cursor_t *cursor,
                       void (*visit)(const aname_probed_t *probed, const knot_dname_t *name,
                                     void *ctx),
                       void *ctx);

/*! What is shown of all of them. */
typedef struct {
	uint64_t up, down, unknown; /*!< Addresses held, once per definition. */
	uint64_t started, failed;   /*!< Probes since the start. */
	uint64_t refused;           /*!< Addresses for which there was no room (`max-probes`). */
	uint64_t late; /*!< Probes that came more than an interval after their time, since
	                                 more were due than may run or be started. */
	bool in_doubt; /*!< No probe of several unrelated targets succeeds any more. */
} aname_probes_numbers_t;

aname_probes_numbers_t aname_probes_numbers(const aname_probes_t *probes);
