/*!
 * \brief Which targets of a pool a client gets: by rank, by weight, by its network.  [P]
 *
 * The choice is a function of the owner's name, the client's network, and the targets' names, ranks
 * and weights (P3). It keeps nothing and asks nobody, so that all servers of a zone agree, on
 * whatever machine: names count in lower case, the hash is a public one, and all arithmetic is on
 * integers. A change of any of it moves clients; tests hold its values.
 *
 * Weighted rendezvous hashing: owner, target and network make a number u from 0 to 1, evenly; the
 * target with the least -log(u) / weight comes first. So each comes first as often as its weight
 * says, and without it all others keep their order.
 *
 * Thread: any.
 */

#pragma once

#include <stdint.h>

#include <sys/socket.h>

#include <libknot/dname.h>

#include "conf/options.h"
#include "rrtype.h"
#include "table/subnet.h"

/*! The prefixes of a client's address that count, in bits. */
#define ANAME_CHOICE_IPV4 24
#define ANAME_CHOICE_IPV6 56

/*! A target, as far as the choice goes. */
typedef struct {
	uint64_t seed;   /*!< aname_choice_seed() */
	uint32_t weight; /*!< From 0 to 1000000. */
	uint32_t rank;   /*!< The best is 0. */
} aname_contender_t;

/*! The targets of an owner, in canonical order of their names (RFC 4034, 6.1): their places in
 *  sets of targets, which are numbers with a bit for each. */
typedef struct {
	uint16_t answer_targets; /*!< Targets in an answer; 0: all of the best rank. */
	uint16_t count;          /*!< At most ANAME_POOL_MAX. */
	uint32_t first;          /*!< Those that may come first while all are usable. */
	aname_contender_t at[];
} aname_choice_t;

/*! The place of the longest suffix in `prefer` that a name is under; their number if there is
 *  none (P1). `name` in lower case. */
uint32_t aname_choice_rank(const aname_names_t *prefer, const knot_dname_t *name);

/*! The weight of the longest suffix that a name is under; 1 if there is none (P2). `name` in lower
 *  case. */
uint32_t aname_choice_weight(const aname_weights_t *weights, const knot_dname_t *name);

/*! The hash of an owner and a target, in whatever case. */
uint64_t aname_choice_seed(const knot_dname_t *owner, const knot_dname_t *target);

/*! The hash of a client's network; of no more than the first 64 bits. */
uint64_t aname_choice_network(const aname_subnet_t *network);

/*! The network of an address: /24 or /56, an IPv4 address in IPv6 counting as IPv4; all zero for
 *  other families. */
aname_subnet_t aname_choice_network_of(const struct sockaddr_storage *address);

/*! The contenders of the best rank in a set; those of weight 0 only if there are no others. */
uint32_t aname_choice_best(const aname_choice_t *choice, uint32_t set);

/*!
 * \brief The contender that comes first.
 *
 * \param set      Contenders of one rank, all of weight 0 or none; not empty.
 * \param network  aname_choice_network()
 */
unsigned aname_choice_first(const aname_choice_t *choice, uint32_t set, uint64_t network);

/*!
 * \brief The contenders that go into an answer: the first one of the best rank, and those that
 *        follow it in their fixed order, as many as `answer_targets` says (P4).
 *
 * \param usable  Those to choose from.
 *
 * \return A set; empty if `usable` is.
 */
uint32_t aname_choice_pick(const aname_choice_t *choice, uint32_t usable, uint64_t network);
