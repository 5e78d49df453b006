/*!
 * Any octets as the reply to a dynamic update. The first octet of the input chooses whether the
 * update was signed, and whether the ID is that of the reply; the others are the reply.
 *
 * Files: tools/follow/update.c
 */

#include "fuzz.h"

#include <libknot/packet/wire.h>

#include "follow/update.h"

/*! Bits of the first octet. */
#define SIGNED   0x01
#define OTHER_ID 0x02

static void check(const kaname_updated_t *updated, bool is_signed)
{
	require(updated->outcome <= KANAME_UPDATE_UNKNOWN);
	require(updated->why != NULL && updated->why[0] != '\0');
	require(memchr(updated->text, '\0', sizeof(updated->text)) != NULL);
	/* Nobody has the secret, and the signatures among the inputs are from long ago. */
	require(!is_signed || (updated->outcome != KANAME_UPDATE_DONE &&
	                       updated->outcome != KANAME_UPDATE_OTHERWISE));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t digest[32] = "the digest of the update's own.";
	uint8_t *wire = malloc(size);
	knot_tsig_key_t key = { 0 };
	if (size < 1 || wire == NULL ||
	    knot_tsig_key_init(&key, "hmac-sha256", "kaname-follow", "c2VjcmV0") != 0) {
		free(wire);
		return 0;
	}
	size_t len = size - 1;
	memcpy(wire, data + 1, len);
	bool is_signed = data[0] & SIGNED;
	uint16_t id = len >= 2 ? knot_wire_get_id(wire) : 0;
	kaname_updated_t updated;
	memset(&updated, 0xff, sizeof(updated));
	if (kaname_update_read(wire, len, data[0] & OTHER_ID ? id + 1 : id, is_signed ? &key : NULL,
	                       digest, sizeof(digest), &updated)) {
		require(!(data[0] & OTHER_ID));
		check(&updated, is_signed);
	}
	knot_tsig_key_deinit(&key);
	free(wire);
	return 0;
}
