#include "table/subnet.h"

#include <endian.h>
#include <string.h>

#include "path.h"

static inline uint8_t min_u8(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/*! Bits of one half of an address that a prefix of so many bits of it leaves. */
static inline uint64_t cut_half(const uint8_t *half, unsigned len)
{
	uint64_t bits;
	memcpy(&bits, half, sizeof(bits));
	if (len < 64) {
		bits &= htobe64(len > 0 ? UINT64_MAX << (64 - len) : 0);
	}
	return bits;
}

/*! A network of an address that may have bits past the prefix. */
static inline aname_subnet_t make(uint16_t family, uint8_t len, const uint8_t *address)
{
	aname_subnet_t subnet = { .family = family, .len = len };
	const uint64_t halves[] = { cut_half(address, len),
		                    cut_half(address + 8, len > 64 ? len - 64 : 0) };
	memcpy(subnet.address, halves, sizeof(subnet.address));
	return subnet;
}

aname_subnet_t aname_subnet_cut(const aname_subnet_t *subnet, uint8_t len)
{
	return make(subnet->family, min_u8(subnet->len, len), subnet->address);
}

bool aname_subnet_equal(const aname_subnet_t *one, const aname_subnet_t *other)
{
	return memcmp(one, other, sizeof(*one)) == 0;
}

ANAME_WARM aname_subnet_t aname_subnet_of_option(const knot_edns_client_subnet_t *option,
                                                 uint8_t len)
{
	return make(option->family, min_u8(option->source_len, len), option->address);
}

knot_edns_client_subnet_t aname_subnet_to_option(const aname_subnet_t *subnet)
{
	knot_edns_client_subnet_t option = { .family = subnet->family, .source_len = subnet->len };
	memcpy(option.address, subnet->address, sizeof(subnet->address));
	return option;
}
