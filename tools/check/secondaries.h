/*!
 * \brief The part of the command check that says who serves what: every name server of the zone is
 *        asked, and compared with this server, and with what the targets have.
 *
 * Their names are those of the zone's NS records, and their addresses those that the zone has, or
 * else the system's resolver. All are asked at once, on port 53.
 */

#pragma once

#include "check/check.h"

/*! Addresses of name servers that are asked, and owners that they are asked for; the others are
 *  counted. */
#define KANAME_SECONDARIES_MAX    24
#define KANAME_SECONDARIES_OWNERS 4

/*! Addresses of one family. */
typedef struct {
	unsigned count;
	char at[KANAME_ADDRESSES_MAX][INET6_ADDRSTRLEN];
} kaname_addresses_t;

/*! A name server, by one of its addresses. */
typedef struct {
	knot_dname_txt_storage_t name;
	char address[INET6_ADDRSTRLEN];
	struct sockaddr_storage server;
	bool is_own; /*!< It is the knotd that is checked. */
} kaname_secondary_t;

/*! An owner of records, as it stands here. */
typedef struct {
	const char *name; /*!< As in the records. */
	uint32_t ttl;     /*!< Of its records. */
	struct {
		kaname_addresses_t zone; /*!< What stands in the zone itself. */
		kaname_addresses_t now;  /*!< What the targets have, as far as is known. */
		bool known;              /*!< That is. */
	} family[2];
} kaname_secondary_owner_t;

/*! Since how many seconds an address is none of an owner's targets' any more; negative: not known. */
typedef int64_t (*kaname_secondary_left_f)(void *ctx, const char *owner, const char *address);

typedef struct {
	kaname_values_t names; /*!< Of the NS records. */
	unsigned count, more;  /*!< Addresses of these; and those that are not asked. */
	kaname_secondary_t at[KANAME_SECONDARIES_MAX];
	unsigned owners_count, owners_more;
	kaname_secondary_owner_t owners[KANAME_SECONDARIES_OWNERS];
	kaname_secondary_left_f left; /*!< NULL: nobody knows. */
	void *left_ctx;
} kaname_secondaries_t;

/*! What a name server replied. */
typedef struct {
	int error; /*!< Where it did not: errno, or 0. */
	kaname_answer_t soa, addresses[KANAME_SECONDARIES_OWNERS][2];
} kaname_served_t;

/*!
 * \brief Reads, by control, who they are, and what stands in the zone.
 *
 * \return KANAME_OK, also where the zone has no owners to be asked for; KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_check_secondaries_read(
        kaname_check_t *check, kaname_secondaries_t *secondaries);

/*! Asks them, and reports. */
void kaname_check_secondaries(kaname_check_t *check, kaname_secondaries_t *secondaries);

/*!
 * \brief Judges what one of them has replied, and reports it.
 *
 * \param here  What this server replies.
 */
void kaname_check_served(kaname_check_t *check, const kaname_secondaries_t *secondaries,
                         const kaname_secondary_t *secondary, const kaname_served_t *served,
                         const kaname_served_t *here);

/*! Adds an address, unless it is there. */
void kaname_addresses_add(kaname_addresses_t *addresses, const char *address);

bool kaname_addresses_have(const kaname_addresses_t *addresses, const char *address);

/*! How many serials (RFC 1982) one is behind another; 0: it is not. */
uint32_t kaname_serials_behind(uint32_t serial, uint32_t than);
