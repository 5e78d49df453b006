/*!
 * \brief What is read of the server, between the thread of the pool that reads it and the loop that takes
 *        it: records of a notebook.
 *
 * Thread: that of the loop, unless it says otherwise.
 */

#pragma once

#include "follow/follow.h"
#include "follow/loaded.h"
#include "follow/notebook.h"

/*! Owners that are looked at in one go. */
#define KANAME_FOLLOW_LOOKS 64

/*! What is being read, on a thread of the pool; nothing of it is looked at meanwhile. */
struct kaname_follow_scanning {
	kaname_follow_t *follow;
	enum { KANAME_READ_OWNERS, KANAME_READ_ALL_THERE, KANAME_READ_THERE } what;
	kaname_exit_t ret;
	int64_t cpu_ms;
	kaname_notebook_t notebook;
	bool wants_loaded; /*!< OWNERS: which zones there are. */
	kaname_loaded_t loaded;
	bool wants_aside; /*!< And which have records, and are not wanted. */
	kaname_loaded_t aside;
	size_t count;    /*!< THERE: owners. */
	size_t left_out; /*!< OWNERS: zones. */
	struct {
		kaname_follow_owner_t *owner; /*!< To be given back only. */
		knot_dname_storage_t zone, name;
		bool is_read;
		kaname_scan_state_t state;
	} looks[KANAME_FOLLOW_LOOKS];
};

/*! An owner: this, its name, and the targets; or a zone that is refused or missing, and why. */
typedef struct {
	bool is_refused, is_missing;
	uint8_t zone_at, rrsets_count;
	uint16_t targets_count;
	uint32_t ttl;
	kaname_follow_rrset_t rrsets[2];
} kaname_follow_found_t;

/*! The addresses of an owner: this, its name, and they. */
typedef struct {
	uint8_t family, zone_at;
	uint16_t count, look;
	uint32_t ttl;
} kaname_follow_there_t;

/* scanning.c */

/*! Takes the owners that were found. */
void kaname_follow_take_owners(kaname_follow_t *follow, const kaname_follow_scanning_t *scanning);

/* verifying.c */

/*! Compares what stands at all apexes with what was written. */
void kaname_follow_take_all_there(kaname_follow_t *follow,
                                  const kaname_follow_scanning_t *scanning);

/*! Takes what stands at one of the owners that were looked at. */
void kaname_follow_take_look(kaname_follow_t *follow, kaname_follow_scanning_t *scanning,
                             size_t number);
