/*!
 * \brief RR types by number and by text: those of ANAME records, and those of addresses; and how many
 *        records count.  [P]
 */

#pragma once

#include <stdint.h>

#include <libknot/descriptor.h>

/*! Types that are ANAME if `rrtype` is not set (BEHAVIOUR R1). */
#define ANAME_RRTYPE_ANAME 65305
#define ANAME_RRTYPE_ALIAS 65401

/*! Most records of one owner that are used. */
#define ANAME_POOL_MAX 32

/*! The text of a type that has no other (RFC 3597, 5). */
#define ANAME_RRTYPE_GENERIC(number)  ANAME_RRTYPE_GENERIC_(number)
#define ANAME_RRTYPE_GENERIC_(number) "TYPE" #number

typedef struct {
	uint16_t number;
	const char *word;    /*!< For people. */
	const char *generic; /*!< For knotd. */
} aname_rrtype_t;

/*! These types, that of new records first. */
#define ANAME_RRTYPES 2
extern const aname_rrtype_t aname_rrtypes[ANAME_RRTYPES];

/*! The text of a family's type: A or AAAA. */
static inline const char *aname_family_text(uint16_t type)
{
	return type == KNOT_RRTYPE_A ? "A" : "AAAA";
}
