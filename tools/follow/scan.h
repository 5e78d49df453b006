/*!
 * \brief What the local knotd has: owners of ANAME records that are to be followed, zones that
 *        cannot be and why, and the addresses that stand beside.  [P]
 *
 * All of it is read over the control socket, and nothing is changed there. It may take a second with
 * 100,000 zones, so it is called on a thread of libuv's pool; each call opens a connection of its own
 * and closes it.
 *
 * With `quiet` of the arguments a failure is not reported, for those who try again every few seconds
 * and have said so once.
 *
 * Thread: any, one call at a time.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "follow/set.h"
#include "rrtype.h"
#include "tool.h"

/*! Which zones are wanted. */
typedef struct {
	size_t zones_count; /*!< Those that are named; in lower case. */
	const knot_dname_t *const *zones;
	size_t catalogs_count; /*!< And the members of these catalog zones. */
	const knot_dname_t *const *catalogs;
	/*! Both are empty: all that have ANAME records. */
	/*! What is written goes to another server: `master` of a zone here, and how it is loaded from a
	 *  file, do not matter. */
	bool elsewhere;
	/*! That is of another host: where none is named, zones without `master` are left out. */
	bool is_far;
} kaname_scan_choice_t;

/*! An owner that has ANAME or ALIAS records. All it points to is good during the call only. */
typedef struct {
	const knot_dname_t *zone, *owner; /*!< In lower case. */
	uint32_t ttl;                     /*!< The least of its records'. */
	/*! RRsets of ANAME and ALIAS records: the type, how many records, and whether they are known to
	 *  the octet: each names a target, in lower case. */
	unsigned rrsets_count;
	struct {
		uint16_t type;
		uint16_t count;
		bool good;
	} rrsets[2];
	/*! Good targets in lower case: those of the first RRset first. */
	size_t targets_count;
	const knot_dname_t *const *targets;
} kaname_scan_owner_t;

/*! What a scan finds. Called on the thread of the scan. */
typedef struct {
	void *ctx;
	/*! An owner that is to be followed. Each once; those of one zone one after the other. */
	void (*owner)(void *ctx, const kaname_scan_owner_t *owner);
	/*! A zone that is wanted, and cannot be followed. `why` is a sentence without its end. */
	void (*refused)(void *ctx, const knot_dname_t *zone, const char *why, const char *next);
	/*! A zone that was named and has no owner to be followed, since it is not configured, not
	 *  loaded, or without such records; or a catalog that was named and has no member. Likewise;
	 *  NULL is allowed. */
	void (*missing)(void *ctx, const knot_dname_t *zone, const char *why, const char *next);
	/*! So many zones are left out; last of all, and even if there is none. NULL is allowed. */
	void (*left_out)(void *ctx, size_t zones);
	/*! A zone of the server, wanted or not, with its serial if it is loaded. It is told while it is
	 *  read, and counts only if the end is KANAME_OK. NULL: they are not read. */
	void (*loaded)(void *ctx, const knot_dname_t *zone, bool is_loaded, uint32_t serial);
	/*! A zone that is not wanted, and has records at its apex. Likewise. */
	void (*aside)(void *ctx, const knot_dname_t *zone);
} kaname_scan_calls_t;

/*!
 * \brief Finds the owners.
 *
 * Left out: owners that no client sees (at or below a delegation, or below a DNAME record), and below
 * the apex those of zones without `owners: any`. A zone with records that is refused is told as such
 * and none of its owners. Nothing of it is told before all is read, but for want of memory meanwhile.
 *
 * It takes some 20 commands, however many zones there are.
 *
 * \return KANAME_OK, everything was told; else reported, and nothing that was told counts.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_scan(const kaname_args_t *args,
                                                              const kaname_scan_choice_t *choice,
                                                              const kaname_scan_calls_t *calls);

/*! The addresses of an owner of one family that stand in the zone itself. */
typedef void (*kaname_scan_there_f)(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                                    kaname_family_t family, uint32_t ttl, size_t count,
                                    const uint8_t *at);

/*! How an owner is found. */
typedef struct {
	bool is_configured; /*!< The zone is. */
	/*! It is loaded. If it changes again and again while it is read, it counts as not loaded. */
	bool is_loaded;
	bool has_aname; /*!< The owner has ANAME or ALIAS records. */
} kaname_scan_state_t;

/*!
 * \brief Reads the A and AAAA records of one owner as they stand in the zone, synthesized ones not
 *        among them.
 *
 * \param state  Gets how it is found.
 * \param there  Called for each family that has some, once.
 *
 * \return KANAME_OK; KANAME_IO, reported, and nothing that was told counts.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_scan_there(
        const kaname_args_t *args, const knot_dname_t *zone, const knot_dname_t *owner,
        kaname_scan_state_t *state, kaname_scan_there_f there, void *ctx);

/*! The same of the apexes of all zones that are loaded, each family in the order in which knotd has
 *  the zones; of one owner all its addresses of a family are told at once. They are told while they
 *  are read, and count only if the end is KANAME_OK. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_scan_there_all(const kaname_args_t *args,
                                                                        kaname_scan_there_f there,
                                                                        void *ctx);
