#include "query/nsec3.h"

#include "table/dnssec.h"

/*! Letters of five bits each that are looked at. */
#define LETTERS 12

uint64_t aname_nsec3_begin_of(const knot_rdata_t *param, const knot_dname_t *name, uint8_t len)
{
	const dnssec_binary_t rdata = { .data = (uint8_t *)param->data, .size = param->len };
	const dnssec_binary_t octets = { .data = (uint8_t *)name, .size = len };
	dnssec_nsec3_params_t params = { 0 };
	dnssec_binary_t hash = { 0 };
	uint64_t begin = 0;
	if (dnssec_nsec3_params_from_rdata(&params, &rdata) != DNSSEC_EOK) {
		return 0;
	}
	if (dnssec_nsec3_hash(&octets, &params, &hash) == DNSSEC_EOK && hash.size >= 8) {
		for (unsigned i = 0; i < 8; i++) {
			begin = begin << 8 | hash.data[i];
		}
	}
	dnssec_binary_free(&hash);
	dnssec_nsec3_params_free(&params);
	return begin >> (64 - 5 * LETTERS);
}

uint64_t aname_nsec3_begin_at(const knot_dname_t *owner)
{
	uint64_t begin = 0;
	if (owner[0] < LETTERS) {
		return 0;
	}
	for (unsigned i = 1; i <= LETTERS; i++) {
		uint8_t letter = owner[i];
		uint8_t digit = letter <= '9' ? letter - '0' : (letter | 0x20) - 'a' + 10;
		begin = begin << 5 | (digit & 0x1f);
	}
	return begin;
}
