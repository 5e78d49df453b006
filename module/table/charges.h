/*!
 * \brief Whom a target is charged to, of the zones that ask for it (BEHAVIOUR L4).  [P]
 *
 * Charged is the zone that brought it in, until another one asks that holds fewer. So a zone that
 * names the targets of many has none of them charged to those for long, and none that brings in much
 * makes another one's target wait, or give way, with its own.
 *
 * How many a zone holds is counted by a hash of its name, which is secret: of some zones together,
 * therefore, which makes them no lighter.
 *
 * Thread: any.
 */

#pragma once

#include <stdatomic.h>
#include <stdint.h>

typedef struct aname_charges aname_charges_t;

/*! A target's word: the zone, as aname_shared_zone(); 0: nobody yet. */
typedef _Atomic uint32_t aname_charged_t;

/*! Nobody is charged. NULL if out of memory. */
aname_charges_t *aname_charges_new(void);

/*! NULL is allowed. */
void aname_charges_free(aname_charges_t *charges);

/*! A zone has asked for a target: has it charged, if it is to be. 0 changes nothing. */
void aname_charges_ask(aname_charges_t *charges, aname_charged_t *charged, uint32_t zone);

/*! A target goes: nobody is charged for it from now on, whoever still asks. */
void aname_charges_drop(aname_charges_t *charges, aname_charged_t *charged);

/*! How many a zone holds, or a few more. */
uint32_t aname_charges_of(const aname_charges_t *charges, uint32_t zone);
