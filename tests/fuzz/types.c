#include "types.h"

bool types_has(const types_t *types, uint16_t type)
{
	return types->octets[type / 8] & 0x80 >> type % 8;
}

void types_put(types_t *types, uint16_t type, bool listed)
{
	if (listed) {
		types->octets[type / 8] |= 0x80 >> type % 8;
	} else {
		types->octets[type / 8] &= ~(0x80 >> type % 8);
	}
}

bool types_read(types_t *types, const uint8_t *at, size_t len)
{
	int before = -1;
	memset(types, 0, sizeof(*types));
	while (len > 0) {
		if (len < 2 || at[0] <= before || at[1] < 1 || at[1] > 32 || at[1] + 2U > len) {
			return false;
		}
		if (at[1 + at[1]] == 0) {
			return false; /* A zero at the end of a window. */
		}
		memcpy(types->octets + 32 * at[0], at + 2, at[1]);
		before = at[0];
		len -= at[1] + 2;
		at += at[1] + 2;
	}
	return true;
}
