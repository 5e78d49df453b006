/*!
 * \brief The records of a node besides the apex, as they stand in one version of its zone.  [P]
 *
 * It is kept with the node (query/nodes.h) when Knot has come to the node by the name that was
 * asked for, by an alias or by a wildcard, so it is known to be authoritative. While the zone's
 * version (query/memo.h) is the same these copies are as good as the zone's records. What is
 * published is not changed any more.
 *
 * Thread: worker.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libknot/rrset.h>

/*! An RRset without its owner. */
typedef struct {
	uint32_t ttl, size;
	uint16_t type, count;
} aname_known_set_t;

typedef struct {
	uint64_t version;
	bool proven; /*!< The node is found by its NSEC3 record, or there are none in the zone. */
	uint8_t count;
	aname_known_set_t sets[]; /*!< `count` of them, and behind them the RDATA of each. */
} aname_known_node_t;

/*!
 * \brief Copies the records.
 *
 * \return To be freed with free(). NULL without memory, or if that is no use: with so many records
 *         Knot's look-up is little beside them.
 */
aname_known_node_t *aname_known_make(uint64_t version, bool proven, const knot_rrset_t *rrsets,
                                     unsigned count);

/*!
 * \brief Puts RRsets together of what is known. Their RDATA stand there.
 *
 * \param owner   The node's name.
 * \param rrsets  Room for as many as were copied.
 */
void aname_known_read(const aname_known_node_t *known, const knot_dname_t *owner,
                      knot_rrset_t *rrsets);
