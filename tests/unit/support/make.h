/*!
 * \brief Makes what tests need: names, addresses, schedules, options, snapshots.
 */

#pragma once

#include <libknot/descriptor.h>
#include <libknot/dname.h>

#include "conf/options.h"
#include "table/shared.h"
#include "table/snapshot.h"

/*! A name in a storage of its own; `text` as in zone files. */
typedef struct {
	knot_dname_storage_t at;
	uint8_t len;
} name_t;

name_t make_name(const char *text);

/*! The `n`-th of many names that differ. */
name_t make_name_nth(uint32_t n);

/*! The longest name: 255 octets, with labels of 63, 63, 63 and 61 of the letter. */
name_t make_name_longest(char letter);

/*! Defaults much like those of conf/items.h: TTL 1 to a day, idle an hour, stale a day. */
extern const aname_schedule_t make_schedule;

/*! The system's resolver. */
extern const aname_source_t make_source;

/*! Options with that schedule and with nothing denied. Ownership: the caller's. */
aname_options_t *make_options(void);
aname_options_t *make_options_or_null(void);

/*! The same that probe by TCP, on this port. */
aname_options_t *make_probing(uint16_t port);

/*! Holds options with this schedule and source; what they say counts at once, as if the service had
 *  taken note. */
const aname_upstream_t *make_upstream(aname_shared_t *shared, const aname_schedule_t *schedule,
                                      const aname_source_t *source);

/*! Adds to a list of suffixes, or of networks (given as first and last address). */
void make_add_name(aname_names_t *names, const char *text);
void make_add_weight(aname_weights_t *weights, const char *suffix, uint32_t weight);
void make_add_net(aname_nets_t *nets, const char *low, const char *high);

/*! Writes the `n`-th IPv4 address, or IPv6 address if `len` is 16. */
void make_address(uint8_t *at, uint16_t len, uint32_t n);

/*! Snapshot with the addresses `first` to `first + count - 1`. Ownership: the caller's. */
aname_snapshot_t *make_snapshot(uint16_t len, uint32_t first, uint32_t count, uint16_t pick);

/*! A network, as `address` with `len` bits. */
aname_subnet_t make_subnet(const char *address, uint8_t len);

/*! Key of a name. */
static inline aname_key_t make_key(const aname_upstream_t *upstream, const name_t *name,
                                   uint16_t type)
{
	return (aname_key_t){
		.upstream = upstream, .name = name->at, .name_len = name->len, .type = type
	};
}
