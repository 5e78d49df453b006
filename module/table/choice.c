#include "table/choice.h"

#include <netinet/in.h>
#include <string.h>

#include "fnv.h"
#include "path.h"

/*! log2(1 + i / 128) with 31 bits behind the point. */
static const uint32_t log2_table[] = {
	/* clang-format off */
	0x00000000, 0x016fe50b, 0x02dcf2d1, 0x04473475, 0x05aeb4dd, 0x07137eae, 0x08759c50, 0x09d517ef,
	0x0b31fb7d, 0x0c8c50b7, 0x0de42120, 0x0f397609, 0x108c588d, 0x11dcd197, 0x132ae9e2, 0x1476a9fa,
	0x15c01a3a, 0x170742d5, 0x184c2bd0, 0x198edd07, 0x1acf5e2e, 0x1c0db6ce, 0x1d49ee4c, 0x1e840be7,
	0x1fbc16b9, 0x20f215b7, 0x22260fb6, 0x23580b65, 0x24880f56, 0x25b621f9, 0x26e2499d, 0x280c8c76,
	0x2934f098, 0x2a5b7bf9, 0x2b803474, 0x2ca31fc9, 0x2dc4439b, 0x2ee3a575, 0x30014ac6, 0x311d38e6,
	0x32377512, 0x33500472, 0x3466ec15, 0x357c30f3, 0x368fd7ee, 0x37a1e5d4, 0x38b25f5a, 0x39c14924,
	0x3acea7c0, 0x3bda7fa9, 0x3ce4d544, 0x3dedace6, 0x3ef50ad2, 0x3ffaf335, 0x40ff6a2e, 0x420273ca,
	0x43041403, 0x44044ec5, 0x450327eb, 0x4600a33e, 0x46fcc47a, 0x47f78f4c, 0x48f10751, 0x49e93016,
	0x4ae00d1d, 0x4bd5a1d8, 0x4cc9f1ab, 0x4dbcffee, 0x4eaecfeb, 0x4f9f64de, 0x508ec1fa, 0x517cea63,
	0x5269e12f, 0x5355a96d, 0x5440461c, 0x5529ba33, 0x5612089a, 0x56f93433, 0x57df3fd0, 0x58c42e3d,
	0x59a80239, 0x5a8abe79, 0x5b6c65aa, 0x5c4cfa6c, 0x5d2c7f59, 0x5e0af6ff, 0x5ee863e5, 0x5fc4c886,
	0x60a02757, 0x617a82c3, 0x6253dd2c, 0x632c38ed, 0x64039858, 0x64d9fdb7, 0x65af6b4b, 0x6683e34f,
	0x675767f5, 0x6829fb69, 0x68fb9fce, 0x69cc5741, 0x6a9c23d6, 0x6b6b079c, 0x6c39049b, 0x6d061cd3,
	0x6dd2523d, 0x6e9da6ce, 0x6f681c73, 0x7031b512, 0x70fa728c, 0x71c256ba, 0x72896373, 0x734f9a83,
	0x7414fdb5, 0x74d98eca, 0x759d4f81, 0x76604191, 0x772266ad, 0x77e3c082, 0x78a450b8, 0x796418f2,
	0x7a231ace, 0x7ae157e3, 0x7b9ed1c7, 0x7c5b8a07, 0x7d17822f, 0x7dd2bbc4, 0x7e8d3846, 0x7f46f932,
	0x80000000,
	/* clang-format on */
};

uint32_t aname_choice_rank(const aname_names_t *prefer, const knot_dname_t *name)
{
	uint32_t rank = prefer->count;
	size_t longest = 0;
	for (size_t i = 0; i < prefer->count; i++) {
		size_t len = knot_dname_size(prefer->at[i]);
		if (len > longest && knot_dname_in_bailiwick(name, prefer->at[i]) >= 0) {
			longest = len;
			rank = i;
		}
	}
	return rank;
}

uint32_t aname_choice_weight(const aname_weights_t *weights, const knot_dname_t *name)
{
	uint32_t weight = 1;
	size_t longest = 0;
	for (size_t i = 0; i < weights->count; i++) {
		const aname_weight_t *at = &weights->at[i];
		size_t len = knot_dname_size(at->suffix);
		if (len > longest && knot_dname_in_bailiwick(name, at->suffix) >= 0) {
			longest = len;
			weight = at->weight;
		}
	}
	return weight;
}

/*! Spreads what there is over all bits (the last step of splitmix64). */
static inline uint64_t mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

/*! Goes on with a name as it is in the wire, in lower case (FNV-1a). */
static uint64_t hash_name(uint64_t hash, const knot_dname_t *name)
{
	size_t len = knot_dname_size(name);
	for (size_t i = 0; i < len; i++) {
		/* Lengths of labels are below all letters. */
		uint8_t octet = name[i];
		octet += octet >= 'A' && octet <= 'Z' ? 'a' - 'A' : 0;
		hash = aname_fnv_octet(hash, octet);
	}
	return hash;
}

uint64_t aname_choice_seed(const knot_dname_t *owner, const knot_dname_t *target)
{
	return mix(hash_name(hash_name(ANAME_FNV_BASIS, owner), target));
}

ANAME_WARM uint64_t aname_choice_network(const aname_subnet_t *network)
{
	uint64_t bits = 0;
	for (unsigned i = 0; i < sizeof(bits); i++) {
		bits = bits << 8 | network->address[i];
	}
	uint64_t kind = (uint64_t)network->family << 8 | network->len;
	return mix(bits + kind * 0x9e3779b97f4a7c15);
}

ANAME_WARM aname_subnet_t aname_choice_network_of(const struct sockaddr_storage *address)
{
	aname_subnet_t network = { 0 };
	const uint8_t *octets;
	if (address->ss_family == AF_INET) {
		octets = (const uint8_t *)&((const struct sockaddr_in *)address)->sin_addr;
	} else if (address->ss_family == AF_INET6) {
		const struct in6_addr *ipv6 = &((const struct sockaddr_in6 *)address)->sin6_addr;
		octets = ipv6->s6_addr;
		if (!IN6_IS_ADDR_V4MAPPED(ipv6)) {
			network.family = ANAME_SUBNET_IPV6;
			network.len = ANAME_CHOICE_IPV6;
			memcpy(network.address, octets, ANAME_CHOICE_IPV6 / 8);
			return network;
		}
		octets += 12;
	} else {
		return network;
	}
	network.family = ANAME_SUBNET_IPV4;
	network.len = ANAME_CHOICE_IPV4;
	memcpy(network.address, octets, ANAME_CHOICE_IPV4 / 8);
	return network;
}

ANAME_WARM uint32_t aname_choice_best(const aname_choice_t *choice, uint32_t set)
{
	uint32_t best = 0, weightless = 0, rank = UINT32_MAX;
	for (uint32_t left = set; left != 0; left &= left - 1) {
		unsigned i = __builtin_ctz(left);
		const aname_contender_t *contender = &choice->at[i];
		if (contender->rank < rank) {
			rank = contender->rank;
			best = weightless = 0;
		}
		if (contender->rank == rank) {
			*(contender->weight > 0 ? &best : &weightless) |= 1u << i;
		}
	}
	return best != 0 ? best : weightless;
}

/*! -log2 of a number between 0 and 1, with 31 bits behind the point; above zero, and at most 64. */
static inline uint64_t minus_log2(uint64_t number)
{
	number |= 1;
	unsigned zeros = __builtin_clzll(number);
	number <<= zeros;
	unsigned i = (number >> 56) & 127;
	uint64_t step = log2_table[i + 1] - log2_table[i];
	uint64_t log2 = log2_table[i] + (step * ((number >> 24) & UINT32_MAX) >> 32);
	return ((uint64_t)(zeros + 1) << 31) - log2;
}

ANAME_WARM unsigned aname_choice_first(const aname_choice_t *choice, uint32_t set, uint64_t network)
{
	unsigned first = __builtin_ctz(set);
	if ((set & (set - 1)) == 0) {
		return first;
	}
	/* Below 2^38 times below 2^20. */
	uint64_t least = UINT64_MAX, weight = 0;
	for (uint32_t left = set; left != 0; left &= left - 1) {
		const aname_contender_t *contender = &choice->at[__builtin_ctz(left)];
		uint64_t cost = minus_log2(mix(contender->seed + network));
		uint64_t own = contender->weight > 0 ? contender->weight : 1;
		if (weight == 0 || cost * weight < least * own) {
			first = contender - choice->at;
			least = cost;
			weight = own;
		}
	}
	return first;
}

uint32_t aname_choice_pick(const aname_choice_t *choice, uint32_t usable, uint64_t network)
{
	uint32_t best = aname_choice_best(choice, usable);
	if (choice->answer_targets == 0 || best == 0) {
		return best;
	}
	unsigned place = aname_choice_first(choice, best, network);
	uint32_t picked = 0;
	for (unsigned i = 0, taken = 0; i < choice->count && taken < choice->answer_targets; i++) {
		uint32_t bit = 1u << ((place + i) % choice->count);
		taken += (best & bit) != 0;
		picked |= best & bit;
	}
	return picked;
}
