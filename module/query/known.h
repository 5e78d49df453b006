/*!
 * \brief The records of a node besides the apex, as they stand in one version of its zone.  [P]
 *
 * It is kept with the node (query/nodes.h) when Knot has come to the node by the name that was
 * asked for, by an alias or by a wildcard, so it is known to be authoritative. While the zone's
 * version (query/memo.h) is the same these copies are as good as the zone's records. They are not
 * changed once they are published; for which version they are good is, if they still are.
 *
 * Thread: worker.
 */

#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <libknot/rrset.h>

/*! An RRset without its owner. */
typedef struct {
	uint32_t ttl, size;
	uint16_t type, count;
} aname_known_set_t;

typedef struct {
	/*! The version in which they are so, the last bit of which is set if the node is found by its
	 *  NSEC3 record, or if there are none in the zone. */
	_Atomic uint64_t stamp;
	unsigned count;
	aname_known_set_t sets[]; /*!< `count` of them, and behind them the RDATA of each. */
} aname_known_node_t;

/*! The stamp of a version; `proven`: as it is told there. */
static inline uint64_t aname_known_stamp(uint64_t version, bool proven)
{
	return version | proven;
}

/*! Are they good in a version, for a reply with signatures, if one is wanted? */
static inline bool aname_known_is_good(const aname_known_node_t *known, uint64_t version,
                                       bool proven)
{
	uint64_t stamp = atomic_load_explicit(&known->stamp, memory_order_relaxed);
	return stamp == (version | 1) || (stamp == version && !proven);
}

/*! Are they the same as these? */
bool aname_known_is_same(const aname_known_node_t *known, const knot_rrset_t *rrsets,
                         unsigned count);

/*!
 * \brief Copies the records.
 *
 * \return To be freed with free(). NULL without memory, or if that is no use: with so many records
 *         Knot's look-up is little beside them.
 */
aname_known_node_t *aname_known_make(uint64_t stamp, const knot_rrset_t *rrsets, unsigned count);

/*!
 * \brief Puts RRsets together of what is known. Their RDATA stand there.
 *
 * \param owner   The node's name.
 * \param rrsets  Room for as many as were copied.
 */
void aname_known_read(const aname_known_node_t *known, const knot_dname_t *owner,
                      knot_rrset_t *rrsets);
