/*!
 * \brief A getaddrinfo() that stands in for the system's and does what the name says. It is
 *        found by libuv in place of libc's because the program exports it.
 *
 * The labels of a name: "v4-3" gives three IPv4 addresses, "v6-2" two IPv6 addresses, each twice;
 * "again", "fail", "noname", "nodata", "addrfamily", "memory" and "system" give that error;
 * "canonical", "dotted", "literal", "literal6" and "absurd" give a canonical name of that kind;
 * "held" waits until fake_let_go(), "slow" for a few milliseconds. All other labels mean nothing.
 */

#pragma once

#include <stdbool.h>

/*! How the last call was made. */
typedef struct {
	unsigned calls; /*!< In all. */
	unsigned freed; /*!< Lists given back, in all. */
	unsigned held;  /*!< Waiting at this moment. */
	char node[1100];
	bool service;
	int family, socktype, protocol, flags;
} fake_seen_t;

fake_seen_t fake_seen(void);

/*! Lets all go that wait; from now on nobody waits, until fake_hold(). */
void fake_let_go(void);
void fake_hold(void);
