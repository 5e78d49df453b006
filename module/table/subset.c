#include "table/subset.h"

#include <string.h>

#include <libknot/wire.h>

#include "path.h"

typedef aname_subset_order_t number_t;

/*! A merge of sets. */
typedef struct {
	number_t start; /*!< Where the answer starts. */
	unsigned len;   /*!< Octets of an address. */
	unsigned looked;
	unsigned count, most; /*!< Taken up to now, and of how many. */
	aname_taken_t *taken; /*!< In order. */
	aname_taken_t *spare; /*!< As much room. */
} merge_t;

/*! A set on the way round, and an address of it. */
typedef struct {
	const uint8_t *rdata;
	unsigned count; /*!< In the set. */
	unsigned next;  /*!< Where the address stands. */
	unsigned left;  /*!< Still to come, with this one. */
	unsigned looked;
	number_t order;
} round_t;

/* All that looks at each address knows the family when it is compiled. */

static inline bool is_below(number_t one, number_t other, unsigned len)
{
	return len == 4 ? one.low < other.low
	                : one.high < other.high || (one.high == other.high && one.low < other.low);
}

static inline bool is_same(number_t one, number_t other, unsigned len)
{
	return one.low == other.low && (len == 4 || one.high == other.high);
}

static inline number_t number_of(const uint8_t *address, unsigned len)
{
	return len == 4 ? (number_t){ .low = knot_wire_read_u32(address) }
	                : (number_t){ .high = knot_wire_read_u64(address),
		                      .low = knot_wire_read_u64(address + 8) };
}

static inline const knot_rdata_t *rdata_at(const uint8_t *rdata, unsigned i, unsigned len)
{
	return (const knot_rdata_t *)(rdata + i * knot_rdata_size(len));
}

static inline number_t read_at(const uint8_t *rdata, unsigned i, unsigned len)
{
	return number_of(rdata_at(rdata, i, len)->data, len);
}

/*! The first place, from one on and before another, of what is not below a number. */
static inline unsigned search(const uint8_t *rdata, unsigned from, unsigned to, number_t number,
                              unsigned len, unsigned *looked)
{
	unsigned left = to - from;
	while (left > 0) {
		unsigned half = left / 2;
		bool below = is_below(read_at(rdata, from + half, len), number, len);
		from = below ? from + half + 1 : from;
		left = below ? left - half - 1 : half;
		++*looked;
	}
	return from;
}

/*! How far a number is behind the start. */
static inline number_t order_of(const merge_t *merge, number_t number, unsigned len)
{
	uint64_t low = number.low - merge->start.low;
	return len == 4 ? (number_t){ .low = (uint32_t)low }
	                : (number_t){ .high = number.high - merge->start.high -
		                              (number.low < merge->start.low),
		                      .low = low };
}

/*! Reads the address that is next; false if there is none. */
static inline bool read_next(const merge_t *merge, round_t *round, unsigned len)
{
	if (round->left == 0) {
		return false;
	}
	round->order = order_of(merge, read_at(round->rdata, round->next, len), len);
	round->looked++;
	return true;
}

/*! Goes on by `steps`, no further than to the end of the set. */
static inline bool go_on(const merge_t *merge, round_t *round, unsigned steps, unsigned len)
{
	round->left -= steps;
	round->next += steps;
	round->next = round->next < round->count ? round->next : 0;
	return read_next(merge, round, len);
}

/*! Begins a way round at the start; false if the set is empty. */
static inline bool go_round(const merge_t *merge, const knot_rdataset_t *set, round_t *round,
                            unsigned len)
{
	round->rdata = (const uint8_t *)set->rdata;
	round->count = round->left = set->count;
	round->next = 0;
	round->looked = 2;
	if (set->count > 0 && is_below(read_at(round->rdata, 0, len), merge->start, len) &&
	    !is_below(read_at(round->rdata, set->count - 1, len), merge->start, len)) {
		round->next =
		        search(round->rdata, 1, set->count - 1, merge->start, len, &round->looked);
	}
	return read_next(merge, round, len);
}

/*! Where an address is to stand in what was taken, if it does not already. */
static inline unsigned place_of(const merge_t *merge, number_t order, unsigned len)
{
	unsigned from = 0, left = merge->count;
	while (left > 0) {
		unsigned half = left / 2;
		bool below = is_below(merge->taken[from + half].order, order, len);
		from = below ? from + half + 1 : from;
		left = below ? left - half - 1 : half;
	}
	return from;
}

/*! How many addresses of a set were taken already, one after the other, from a place on. */
static inline unsigned count_taken(const merge_t *merge, const round_t *round, unsigned i,
                                   unsigned len)
{
	unsigned end = round->count - round->next;
	end = end < round->left ? end : round->left;
	end = end < merge->count - i ? end : merge->count - i;
	unsigned n = 0;
	while (n < end && memcmp(merge->taken[i + n].rdata->data,
	                         rdata_at(round->rdata, round->next + n, len)->data, len) == 0) {
		n++;
	}
	return n;
}

/*! Adds what is left of a set from a place on in what was taken; what follows there moves on. */
static void insert(merge_t *merge, const round_t *from, unsigned i, unsigned len)
{
	const aname_taken_t *taken = merge->taken;
	aname_taken_t *restrict to = merge->spare;
	const unsigned held = merge->count, most = merge->most;
	round_t round = *from;
	unsigned copied = 0, added = 0; /* Out of what was taken, and of the set. */
	for (bool more = true; more && i + added < most; more = go_on(merge, &round, 1, len)) {
		while (i < held && is_below(taken[i].order, round.order, len)) {
			i++;
		}
		if (i + added >= most || (i < held && is_same(round.order, taken[i].order, len))) {
			continue;
		}
		memcpy(to + copied + added, taken + copied, (i - copied) * sizeof(*to));
		copied = i;
		to[copied + added].order = round.order;
		to[copied + added].rdata = rdata_at(round.rdata, round.next, len);
		added++;
	}
	unsigned count = held + added < most ? held + added : most;
	memcpy(to + copied + added, taken + copied, (count - copied - added) * sizeof(*to));
	merge->spare = merge->taken;
	merge->taken = to;
	merge->count = count;
	merge->looked += round.looked - from->looked;
}

/*! Adds a set to what was taken, each address once. */
static inline void add(merge_t *merge, const knot_rdataset_t *set, unsigned len)
{
	round_t round;
	bool more = go_round(merge, set, &round, len);
	unsigned i = more ? place_of(merge, round.order, len) : 0;
	/* What was taken already stays where it is, up to the first address that was not. */
	while (more && i < merge->count && !is_below(round.order, merge->taken[i].order, len)) {
		unsigned same = count_taken(merge, &round, i, len);
		if (same > 0) {
			more = go_on(merge, &round, same, len);
		}
		i += same > 0 ? same : 1;
	}
	merge->looked += round.looked;
	if (more && i < merge->most) {
		insert(merge, &round, i, len);
	}
}

/*! Adds all sets, the one with the start first: where sets do not overlap nothing moves. */
static inline void add_all(merge_t *merge, const aname_use_t *use, unsigned used, unsigned first,
                           unsigned len)
{
	add(merge, &use[first].set, len);
	for (unsigned i = 0; i < used; i++) {
		if (i != first) {
			add(merge, &use[i].set, len);
		}
	}
}

/*! Chooses where more than an answer may hold begins, whatever the order of the sets is. Returns of
 *  which set that is. */
static unsigned choose_start(merge_t *merge, const aname_use_t *use, unsigned used)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < used; i++) {
		sum += use[i].pick;
	}
	unsigned first = 0;
	uint64_t most = 0;
	for (unsigned i = 0; i < used; i++) {
		unsigned count = use[i].set.count;
		uint64_t weight = (use[i].pick + UINT64_C(1)) * count;
		if (weight == 0 || weight < most) {
			continue;
		}
		number_t number =
		        read_at((const uint8_t *)use[i].set.rdata, sum % count, merge->len);
		if (weight > most || is_below(number, merge->start, merge->len)) {
			merge->start = number;
			most = weight;
			first = i;
		}
	}
	return first;
}

/*! Where the least address stands. */
static unsigned find_first(const merge_t *merge)
{
	for (unsigned i = 0; i < merge->count; i++) {
		const number_t number = number_of(merge->taken[i].rdata->data, merge->len);
		if (is_below(number, merge->start, merge->len)) {
			return i;
		}
	}
	return 0;
}

aname_subset_t aname_subset_take(const aname_use_t *use, unsigned used, unsigned most,
                                 aname_taken_t *room)
{
	unsigned total = 0, first = 0;
	for (unsigned i = 0; i < used; i++) {
		total += use[i].set.count;
		first = use[i].set.count > 0 ? i : first;
	}
	if (total == 0) {
		return (aname_subset_t){ .at = room };
	}
	merge_t merge = {
		.len = use[first].set.rdata->len,
		.most = most,
		.taken = room,
		.spare = room + most,
	};
	if (total > most) {
		first = choose_start(&merge, use, used);
	}
	if (merge.len == 4) {
		add_all(&merge, use, used, first, 4);
	} else {
		add_all(&merge, use, used, first, 16);
	}
	return (aname_subset_t){ .at = merge.taken,
		                 .count = merge.count,
		                 .first = find_first(&merge),
		                 .looked = merge.looked };
}
