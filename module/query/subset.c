#include "query/subset.h"

#include <libknot/wire.h>

/*! An address as a number. */
typedef struct {
	uint64_t high, low;
} number_t;

/*! A part of a set that is still to come; its first address is let through. */
typedef struct {
	const uint8_t *rdata;
	unsigned next, end;
	number_t first;
} rest_t;

/*! A merge of sets. */
typedef struct {
	const aname_nets_t *deny;
	unsigned len;  /*!< Octets of an address. */
	unsigned step; /*!< Octets from one to the next. */
	unsigned looked;
	unsigned count;
	rest_t rests[ANAME_POOL_MAX]; /*!< None of them is empty. */
} merge_t;

static inline bool is_below(number_t one, number_t other)
{
	return one.high < other.high || (one.high == other.high && one.low < other.low);
}

static inline bool is_same(number_t one, number_t other)
{
	return one.low == other.low && one.high == other.high;
}

static inline number_t number_of(const uint8_t *address, unsigned len)
{
	return len == 4 ? (number_t){ .low = knot_wire_read_u32(address) }
	                : (number_t){ .high = knot_wire_read_u64(address),
		                      .low = knot_wire_read_u64(address + 8) };
}

static inline const knot_rdata_t *rdata_at(const merge_t *merge, const uint8_t *rdata, unsigned i)
{
	return (const knot_rdata_t *)(rdata + (size_t)i * merge->step);
}

static inline number_t read_at(merge_t *merge, const uint8_t *rdata, unsigned i)
{
	merge->looked++;
	return number_of(rdata_at(merge, rdata, i)->data, merge->len);
}

/*! The first place, from one on and before another, of what is above a number, or of the number
 *  itself if that is asked for. */
static unsigned search(merge_t *merge, const uint8_t *rdata, unsigned from, unsigned to,
                       number_t number, bool itself)
{
	while (from < to) {
		unsigned middle = from + (to - from) / 2;
		number_t there = read_at(merge, rdata, middle);
		if (is_below(there, number) || (!itself && is_same(there, number))) {
			from = middle + 1;
		} else {
			to = middle;
		}
	}
	return from;
}

/*! Goes on to the first address that is let through; false if there is none. */
static inline bool settle(merge_t *merge, rest_t *rest)
{
	while (rest->next < rest->end) {
		rest->first = read_at(merge, rest->rdata, rest->next);
		if (merge->deny->count == 0) {
			return true;
		}
		const knot_rdata_t *rdata = rdata_at(merge, rest->rdata, rest->next);
		const aname_net_t *net = aname_nets_find(merge->deny, rdata->data, merge->len);
		if (net == NULL) {
			return true;
		}
		rest->next = search(merge, rest->rdata, rest->next + 1, rest->end,
		                    number_of(net->high, merge->len), false);
	}
	return false;
}

static void add(merge_t *merge, const knot_rdataset_t *set, unsigned from, unsigned to)
{
	rest_t *rest = &merge->rests[merge->count];
	*rest = (rest_t){ .rdata = (const uint8_t *)set->rdata, .next = from, .end = to };
	merge->count += settle(merge, rest);
}

/*! Takes the least addresses, each once; returns how many. */
static unsigned take(merge_t *merge, unsigned most, const knot_rdata_t **list)
{
	unsigned taken = 0;
	while (taken < most && merge->count > 0) {
		const rest_t *least = &merge->rests[0];
		for (unsigned i = 1; i < merge->count; i++) {
			const rest_t *rest = &merge->rests[i];
			least = is_below(rest->first, least->first) ? rest : least;
		}
		const number_t number = least->first;
		list[taken++] = rdata_at(merge, least->rdata, least->next);
		for (unsigned i = 0; i < merge->count;) {
			rest_t *rest = &merge->rests[i];
			if (is_same(rest->first, number)) {
				rest->next++;
				if (!settle(merge, rest)) {
					*rest = merge->rests[--merge->count];
					continue;
				}
			}
			i++;
		}
	}
	return taken;
}

/*! Begins a merge of sets like this one, which is not empty. */
static void begin(merge_t *merge, const knot_rdataset_t *set, const aname_nets_t *deny)
{
	merge->deny = deny;
	merge->len = set->rdata->len;
	merge->step = knot_rdata_size(merge->len);
	merge->looked = 0;
	merge->count = 0;
}

/*! Where more than an answer may hold begins; whatever the order of the sets is. */
static number_t choose_start(merge_t *merge, const aname_use_t *use, unsigned used)
{
	uint32_t sum = 0;
	for (unsigned i = 0; i < used; i++) {
		sum += use[i].pick;
	}
	number_t start = { 0 };
	uint64_t most = 0;
	for (unsigned i = 0; i < used; i++) {
		unsigned count = use[i].set.count;
		uint64_t weight = (use[i].pick + UINT64_C(1)) * count;
		if (weight == 0 || weight < most) {
			continue;
		}
		number_t number =
		        read_at(merge, (const uint8_t *)use[i].set.rdata, sum % count);
		if (weight > most || is_below(number, start)) {
			start = number;
			most = weight;
		}
	}
	return start;
}

aname_subset_t aname_subset_take(const aname_use_t *use, unsigned used, const aname_nets_t *deny,
                                 unsigned most, const knot_rdata_t **list)
{
	unsigned total = 0, from[ANAME_POOL_MAX];
	const knot_rdataset_t *any = NULL;
	for (unsigned i = 0; i < used; i++) {
		total += use[i].set.count;
		any = use[i].set.count > 0 ? &use[i].set : any;
	}
	if (any == NULL) {
		return (aname_subset_t){ 0 };
	}
	merge_t merge;
	begin(&merge, any, deny);
	const number_t start =
	        total > most ? choose_start(&merge, use, used) : (number_t){ 0 };
	for (unsigned i = 0; i < used; i++) {
		const knot_rdataset_t *set = &use[i].set;
		from[i] = total > most ? search(&merge, (const uint8_t *)set->rdata, 0, set->count,
		                                start, true)
		                       : 0;
		add(&merge, set, from[i], set->count);
	}
	unsigned behind = take(&merge, most, list);
	merge.count = 0;
	for (unsigned i = 0; i < used && behind < most; i++) {
		add(&merge, &use[i].set, 0, from[i]);
	}
	unsigned count = behind + take(&merge, most - behind, list + behind);
	return (aname_subset_t){ .count = count,
		                 .first = behind < count ? behind : 0,
		                 .looked = merge.looked };
}

bool aname_subset_any(const knot_rdataset_t *set, const aname_nets_t *deny)
{
	if (set->count == 0 || deny->count == 0) {
		return set->count > 0;
	}
	merge_t merge;
	begin(&merge, set, deny);
	add(&merge, set, 0, set->count);
	return merge.count > 0;
}
