#include "support/test.h"

#include "support/make.h"
#include "support/random.h"
#include "table/hash.h"

static uint64_t hash_of(const aname_hash_key_t *key, const uint8_t *at, size_t len)
{
	return aname_hash_end(
	        aname_hash_octets(aname_hash_word(key->begin, len, key), at, len, key));
}

static aname_hash_key_t random_key(random_t *random)
{
	aname_hash_key_t key;
	random_fill(random, (uint8_t *)&key, sizeof(key));
	key.point = key.point % ANAME_HASH_PRIME + 1;
	key.begin %= ANAME_HASH_PRIME;
	return key;
}

/* The arithmetic. */

/*! a times b modulo 2^61 - 1, bit by bit. */
static uint64_t slow_product(uint64_t a, uint64_t b)
{
	uint64_t sum = 0;
	a %= ANAME_HASH_PRIME;
	for (; b > 0; b >>= 1) {
		sum = b & 1 ? (sum + a) % ANAME_HASH_PRIME : sum;
		a = 2 * a % ANAME_HASH_PRIME;
	}
	return sum;
}

static void polynomial(void **state)
{
	random_t random = { 61 };
	for (unsigned i = 0; i < 20000; i++) {
		aname_hash_key_t key = random_key(&random);
		key.point = i % 10 == 0 ? ANAME_HASH_PRIME : key.point;
		uint64_t fast = key.begin, slow = key.begin;
		for (unsigned word = 0; word < 8; word++) {
			uint64_t value = 0;
			random_fill(&random, (uint8_t *)&value, ANAME_HASH_WORD);
			value = i % 7 == 0 ? (UINT64_C(1) << 56) - 1 : value;
			fast = aname_hash_word(fast, value, &key);
			slow = slow_product(slow + value, key.point);
			assert_true(fast % ANAME_HASH_PRIME == slow);
			assert_true(fast < UINT64_C(1) << 62);
		}
	}
}

static void words_of_octets(void **state)
{
	/* Every octet counts, wherever it stands, and none behind the end is read. */
	random_t random = { 7 };
	const aname_hash_key_t key = random_key(&random);
	for (size_t len = 1; len <= 64; len++) {
		uint8_t *octets = malloc(len);
		assert_non_null(octets);
		random_fill(&random, octets, len);
		uint64_t before = hash_of(&key, octets, len);
		assert_true(before != 0);
		for (size_t at = 0; at < len; at++) {
			octets[at] ^= 0x80;
			assert_true(hash_of(&key, octets, len) != before);
			octets[at] ^= 0x80;
		}
		assert_true(hash_of(&key, octets, len) == before);
		free(octets);
	}
}

static void keys_differ(void **state)
{
	aname_hash_key_t one, other;
	aname_hash_new_key(&one);
	aname_hash_new_key(&other);
	assert_in_range(one.point, 1, ANAME_HASH_PRIME);
	assert_true(one.begin < ANAME_HASH_PRIME);
	assert_true(one.point != other.point || one.begin != other.begin);
}

/* Chosen input. */

static int compare(const void *one, const void *other)
{
	uint32_t a = *(const uint32_t *)one, b = *(const uint32_t *)other;
	return a < b ? -1 : a > b;
}

/*! Pairs that are the same in the upper `bits` of what the table uses. */
static unsigned collisions(uint32_t *hashes, unsigned count, unsigned bits)
{
	for (unsigned i = 0; i < count; i++) {
		hashes[i] >>= 32 - bits;
	}
	qsort(hashes, count, sizeof(*hashes), compare);
	unsigned pairs = 0;
	for (unsigned i = 0, run = 0; i < count; i++) {
		run = i > 0 && hashes[i] == hashes[i - 1] ? run + 1 : 0;
		pairs += run;
	}
	return pairs;
}

/*! A hash of names by words of eight octets, as many programs have it, under a secret. */
static uint64_t naive(uint64_t hash, const uint8_t *at, size_t len)
{
	uint64_t word;
	for (; len >= sizeof(word); at += sizeof(word), len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9fb21c651e98df25;
		hash ^= hash >> 32;
	}
	return hash;
}

enum { STRETCHES = 4, FLIPS = 3 * STRETCHES, NAMES = 1 << FLIPS, BITS = 20, KEYS = 20 };

/*! The `n`-th of names that differ in bit 7 of octets 7, 11 and 15 of each stretch of 16. */
static void choose_name(uint8_t name[16 * STRETCHES], unsigned n)
{
	static const unsigned flips[] = { 7, 11, 15 };
	memset(name, 'a', 16 * STRETCHES);
	name[0] = 16 * STRETCHES - 1;
	for (unsigned bit = 0; bit < FLIPS; bit++) {
		name[16 * (bit / 3) + flips[bit % 3]] ^= n & 1u << bit ? 0x80 : 0;
	}
}

static void chosen_names(void **state)
{
	static uint32_t hashes[NAMES], naives[NAMES];
	unsigned most = 0, sum = 0, naive_sum = 0;
	for (uint64_t seed = 1; seed <= KEYS; seed++) {
		random_t random = { seed };
		const aname_hash_key_t key = random_key(&random);
		for (unsigned n = 0; n < NAMES; n++) {
			uint8_t name[16 * STRETCHES];
			choose_name(name, n);
			hashes[n] = hash_of(&key, name, sizeof(name));
			naives[n] = naive(key.begin, name, sizeof(name));
		}
		unsigned pairs = collisions(hashes, NAMES, BITS);
		most = pairs > most ? pairs : most;
		sum += pairs;
		naive_sum += collisions(naives, NAMES, BITS);
	}
	/* By chance: each of NAMES * (NAMES - 1) / 2 pairs with 1 in 2^20, which is 8 a key. */
	double expected = (double)NAMES * (NAMES - 1) / 2 / (1 << BITS);
	print_message("collisions: %u in all, %.0f by chance, at most %u of one key; naive %u\n",
	              sum, KEYS * expected, most, naive_sum);
	assert_true(naive_sum > 100 * KEYS * expected);
	assert_true(sum < 2 * KEYS * expected);
	assert_true(most < 6 * expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("it is the polynomial modulo 2^61 - 1 that it says", polynomial),
		PROVES("every octet counts, and none behind the end is read", words_of_octets),
		PROVES("keys are random and in range", keys_differ),
		PROVES("names chosen to collide collide as often as by chance", chosen_names),
	};
	return RUN_TESTS("hash", tests);
}
