/*!
 * \brief Looks a target up as the module does: by the recursors of a section, or by the system's
 *        resolver.
 *
 * *Thread:* one. The system's resolver is asked by a child process, which is killed when the time is
 * over: getaddrinfo cannot be cancelled, and takes as long as resolv.conf lets it.
 */

#pragma once

#include <stdbool.h>

#include <netinet/in.h>

#include <libknot/dname.h>

#include "config.h"

/*! The whole takes no longer. */
#define KANAME_LOOKUP_MS  5000
/*! Addresses of a family that are kept; more are counted. */
#define KANAME_LOOKUP_MAX 8

/*! What is known of a family. */
typedef enum {
	KANAME_FAMILY_HAS,    /*!< There are addresses. */
	KANAME_FAMILY_NONE,   /*!< The name has none. */
	KANAME_FAMILY_ABSENT, /*!< The name does not exist. */
	KANAME_FAMILY_FAILED, /*!< It could not be looked up. */
} kaname_known_t;

typedef struct {
	kaname_known_t known;
	char why[100]; /*!< It could not be looked up. */
	unsigned count;
	char addresses[KANAME_LOOKUP_MAX][INET6_ADDRSTRLEN];
} kaname_family_t;

typedef struct {
	char asked[KANAME_VALUE_MAX]; /*!< Who was asked, of several the last. */
	kaname_family_t families[2];  /*!< A, AAAA. */
	knot_dname_storage_t last[2]; /*!< At the end of its aliases, as far as they are known. */
} kaname_lookup_t;

/*!
 * \brief Looks both families up.
 *
 * \param servers  ADDRESS[@PORT], in the order in which they are asked; none: the system's resolver.
 */
void kaname_lookup(const knot_dname_t *name, const kaname_values_t *servers,
                   kaname_lookup_t *lookup);
