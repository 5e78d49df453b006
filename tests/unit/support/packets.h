/*!
 * \brief Replies: written from a description, read back from the wire, and compared as text.
 */

#pragma once

#include <libknot/packet/pkt.h>

/*! Most records of one set in a description. */
#define SET_RECORDS_MAX 6

/*! One RRset of a reply. Names are relative to nothing, with or without their last dot. */
typedef struct {
	knot_section_t section;
	const char *owner; /*!< NULL ends a list of sets. */
	uint16_t type;     /*!< A, AAAA, CNAME, DNAME, NS, MX, SRV, TXT or SOA. */
	uint32_t ttl;
	uint16_t flags;                       /*!< KNOT_PF_* */
	const char *records[SET_RECORDS_MAX]; /*!< As in zone files; SOA: mname, rname, minimum. */
} set_t;

/*! A reply being written, and the sets it points to. */
typedef struct {
	knot_pkt_t *pkt;
	knot_rrset_t *kept[64]; /*!< Sets without KNOT_PF_FREE. */
	unsigned kept_count;
} reply_t;

/*! Begins a reply of at most `max` octets; the Answer section is begun. */
void reply_init(reply_t *reply, const char *qname, uint16_t qtype, uint16_t max);

/*! The same in memory of this kind. */
void reply_init_in(reply_t *reply, const char *qname, uint16_t qtype, uint16_t max, knot_mm_t *mm);

void reply_deinit(reply_t *reply);

/*! Makes the RRset, with memory that KNOT_PF_FREE can free. */
knot_rrset_t reply_make_set(const set_t *set);

/*! Puts a set, beginning its section first if need be. Returns what knot_pkt_put() does. */
int reply_put(reply_t *reply, const set_t *set, uint16_t compr_hint);

/*! Puts all sets of a list; each must fit. */
void reply_put_all(reply_t *reply, const set_t *sets);

/*! What a resolver would read from the wire, a line for each record. Freed with free(). */
char *reply_parse(const knot_pkt_t *pkt);

/*! The same by the C library's parser, which has nothing of libknot's. */
char *reply_parse_alone(const knot_pkt_t *pkt);

/*! The same for a list of sets, but for the one at `without` (-1: none). */
char *reply_expect(const set_t *sets, int without);

/*! Does the reply hold exactly these sets, in this order? */
void reply_assert(const reply_t *reply, const set_t *sets, int without);
