/*!
 * \brief What has to hold all the time, by the rules and not by the code; see behaviour.md.
 *
 * What the service says of a target is compared with what it was told of it (world.h), and with who
 * asks (client.h). Something that does not hold ends the program.
 */

#pragma once

#include "client.h"
#include "server.h"
#include "world.h"

/*! In the beginning: as much memory is in use at the end. */
void check_memory(void);

/*! The limits are known. */
void check_begin(void);

/*! A lookup is about to start. */
void check_start(target_t *target);

/*! A lookup has ended: what was known before is never older than now. */
void check_before(const target_t *target, const aname_result_t *result);

/*! The service has its result. */
void check_after(target_t *target, const aname_result_t *result, int64_t took_ms);

/*! A recursor is about to go out or to come back, or has just done so. */
void check_turn(upstream_t upstream);
void check_turned(upstream_t upstream);

/*! What is known is saved. */
void check_saved(void);

/*! The service was down for so long, and is back with what is known now, or with what was saved. */
void check_restarted(int64_t down_ms, bool killed);

/*! The machine has slept. */
void check_slept(int64_t slept_ms);

/*! What a client is told. */
void check_told(const client_t *client, const aname_entry_t *entry, const aname_part_t *part);

/*! Everything: each client, all that refresh keeps, and how much memory there is. */
void check_all(void);

/*! Nobody has asked for long enough: nothing is left. */
void check_empty(void);

/*! How often each target was looked up that never failed. */
void check_counts(int64_t passed_ms);

/*! The service is gone, and so is its memory. */
void check_end(void);

/*! How much was checked. */
void check_print(void);
