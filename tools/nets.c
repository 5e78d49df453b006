#include "nets.h"

#include <arpa/inet.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*! Reads an address; returns its octets, 0 if it is none. */
static size_t read_address(const char *text, size_t len, uint8_t address[16])
{
	char copy[INET6_ADDRSTRLEN];
	if (len >= sizeof(copy)) {
		return 0;
	}
	memcpy(copy, text, len);
	copy[len] = '\0';
	if (inet_pton(AF_INET, copy, address) == 1) {
		return 4;
	}
	return inet_pton(AF_INET6, copy, address) == 1 ? 16 : 0;
}

/*! Are the first bits the same? */
static bool begin_alike(const uint8_t *one, const uint8_t *other, unsigned bits)
{
	unsigned whole = bits / 8, rest = bits % 8;
	return memcmp(one, other, whole) == 0 &&
	       (rest == 0 || (one[whole] ^ other[whole]) >> (8 - rest) == 0);
}

/*! Makes an IPv6 address that leads to one of IPv4 that, as aname_nets_add() has it; else leaves it. */
static size_t find_ipv4(uint8_t address[16], size_t len)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff },
	                     nat64[12] = { 0, 0x64, 0xff, 0x9b };
	if (len != 16 || (memcmp(address, mapped, sizeof(mapped)) != 0 &&
	                  memcmp(address, nat64, sizeof(nat64)) != 0)) {
		return len;
	}
	memmove(address, address + sizeof(mapped), 4);
	return 4;
}

bool kaname_net_holds(const char *net, const char *address)
{
	uint8_t at[16], low[16], high[16];
	size_t len = read_address(address, strlen(address), at);
	size_t first = strcspn(net, "/-");
	size_t wanted = read_address(net, first, low);
	if (wanted == 4) {
		len = find_ipv4(at, len);
	}
	if (len == 0 || wanted != len) {
		return false;
	}
	const char *rest = net + first;
	if (*rest == '-') {
		return read_address(rest + 1, strlen(rest + 1), high) == len &&
		       memcmp(at, low, len) >= 0 && memcmp(at, high, len) <= 0;
	}
	unsigned long bits = *rest == '/' ? strtoul(rest + 1, NULL, 10) : 8 * len;
	return bits <= 8 * len && begin_alike(at, low, bits);
}
