/*!
 * \brief What `kaname follow --setup` prints.  [P]
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <netinet/in.h>

#include "tool.h"

/*! What the key and the acl are called. */
#define KANAME_KEY_NAME "kaname-follow"

/*! Octets of the secret, and of its text with a zero behind it. */
#define KANAME_SECRET_LEN      32
#define KANAME_SECRET_TEXT_MAX (4 * ((KANAME_SECRET_LEN + 2) / 3) + 1)

/*! Of the loopback, both, and one more. */
#define KANAME_SETUP_ADDRESSES_MAX 3

typedef struct {
	const kaname_args_t *args;
	bool asked;     /*!< knotd was. */
	bool is_there;  /*!< It has such an acl already. */
	bool any;       /*!< Owners below the apex are followed. */
	bool elsewhere; /*!< Updates go to another host. */
	char secret[KANAME_SECRET_TEXT_MAX];
	size_t addresses_count;
	char addresses[KANAME_SETUP_ADDRESSES_MAX][INET6_ADDRSTRLEN]; /*!< Updates come from. */
	FILE *zones; /*!< Takes the lines that name the acl. */
} kaname_setup_t;

/*! Prints all of it; with --primary what primaries of other kinds need, too. */
void kaname_setup_print(const kaname_setup_t *setup, const char *zones);
