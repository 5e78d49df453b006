/*!
 * \brief The state file's format: what is known, written so that it can be read back after a
 *        restart (BEHAVIOUR S1 to S3).  [P]
 *
 * Numbers are in network byte order, names in wire format and lower case. Times of records are
 * relative to the moment of saving, which the head holds: ages count into the past, the rest into
 * the future.
 *
 *     head     magic, 16 octets: "mod-aname state" and a line feed
 *              version, 4
 *              checksum, 4: CRC-32 (as zlib's) of all octets after it
 *              length, 8: octets of the whole file
 *              identity of the boot, 16; milliseconds since boot, 8; milliseconds of wall time, 8
 *     records  kind, 1; octets that follow, 3; then what its kind calls for
 *
 * A record refers to upstreams and definitions by their order in the file, from 0 on; those stand
 * before whatever refers to them. The last record is END. Another layout is another version. What
 * there is of records, and how each kind is laid out, is in record.h.
 *
 * writer.h makes a file, reader.h checks and reads one.
 */

#pragma once

#include <stddef.h>
#include <stdint.h>

#include <zlib.h>

#define ANAME_STATE_VERSION 1

/*! What a file begins with: octets, not a string that ends. */
#define ANAME_STATE_MAGIC_LEN 16
static const uint8_t aname_state_magic[ANAME_STATE_MAGIC_LEN] = {
	'm', 'o', 'd', '-', 'a', 'n', 'a', 'm', 'e', ' ', 's', 't', 'a', 't', 'e', '\n',
};

/* The head: its octets, and from where on it has what. */
#define ANAME_STATE_HEAD        64
#define ANAME_STATE_VERSION_AT  16
#define ANAME_STATE_CHECKSUM_AT 20
#define ANAME_STATE_LENGTH_AT   24
#define ANAME_STATE_BOOT_ID_AT  32
#define ANAME_STATE_BOOT_AT     48
#define ANAME_STATE_WALL_AT     56

/*! Largest file that is looked at. */
#define ANAME_STATE_SIZE_MAX (UINT64_C(2) << 30)

/*! Most upstreams, and most definitions, in a file. */
#define ANAME_STATE_UPSTREAMS_MAX   4096
#define ANAME_STATE_DEFINITIONS_MAX 4096

/*! When a file was saved. */
typedef struct {
	uint8_t boot_id[16]; /*!< Of the running kernel; zero if it is not known. */
	int64_t boot_ms;     /*!< Milliseconds since boot, suspended time included. */
	int64_t wall_ms;     /*!< Milliseconds since 1970. */
} aname_state_moment_t;

/*! The checksum of a file that is not shorter than its head. */
static inline uint32_t aname_state_checksum(const uint8_t *data, size_t len)
{
	size_t from = ANAME_STATE_CHECKSUM_AT + 4;
	return crc32_z(0, data + from, len - from);
}
