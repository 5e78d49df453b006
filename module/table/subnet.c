#include "table/subnet.h"

#include <string.h>

static uint8_t min_u8(uint8_t a, uint8_t b)
{
	return a < b ? a : b;
}

/*! A network of an address that may have bits past the prefix. */
static aname_subnet_t make(uint16_t family, uint8_t len, const uint8_t *address)
{
	aname_subnet_t subnet = { .family = family, .len = len };
	size_t octets = len / 8;
	memcpy(subnet.address, address, octets);
	if (len % 8 != 0) {
		subnet.address[octets] = address[octets] & (0xff00 >> (len % 8));
	}
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

aname_subnet_t aname_subnet_of_option(const knot_edns_client_subnet_t *option, uint8_t len)
{
	return make(option->family, min_u8(option->source_len, len), option->address);
}

knot_edns_client_subnet_t aname_subnet_to_option(const aname_subnet_t *subnet)
{
	knot_edns_client_subnet_t option = { .family = subnet->family, .source_len = subnet->len };
	memcpy(option.address, subnet->address, sizeof(subnet->address));
	return option;
}
