/*!
 * Any octets as a reply that Knot writes, set by set, and what the module cuts out of it, pastes, drops,
 * overwrites and appends. In the end a reader of its own has to find each record that ought to be there,
 * in its place and with its TTL, and nothing else.
 *
 * Files: module/query/packet.c
 */

#include "fuzz.h"

#include <libknot/libknot.h>

#include "pool.h"
#include "query/packet.h"
#include "walk.h"

#define SETS_MAX    48
#define RECORDS_MAX 4
#define RDATA_MAX   2300

/*! A set that has to be in the reply. */
typedef struct {
	unsigned section;
	knot_dname_storage_t owner; /*!< In the reply; that of a wildcard stands in its place. */
	bool wildcard;
	knot_rrset_t rrset; /*!< TTL as it is pasted. */
	uint16_t flags, rotate;
	uint32_t ttl; /*!< In the reply. */
} expected_t;

typedef struct {
	knot_pkt_t *pkt;
	bool pool;
	expected_t sets[SETS_MAX];
	unsigned count;
	bool ours; /*!< Something of Knot's has not fitted: from now on all is the module's. */
	bool over; /*!< Nor has something of ours: nothing may follow. */
} case_t;

static const uint16_t types[] = {
	KNOT_RRTYPE_A,   KNOT_RRTYPE_AAAA,  KNOT_RRTYPE_CNAME, KNOT_RRTYPE_DNAME,
	KNOT_RRTYPE_NS,  KNOT_RRTYPE_MX,    KNOT_RRTYPE_SRV,   KNOT_RRTYPE_TXT,
	KNOT_RRTYPE_SOA, KNOT_RRTYPE_RRSIG, KNOT_RRTYPE_NSEC,  65305,
};

/* Sets. */

/*! How many octets a type's RDATA has before its names, behind them, and how many names. */
static unsigned form_of(uint16_t type, unsigned *before, unsigned *behind)
{
	*before = *behind = 0;
	switch (type) {
	case KNOT_RRTYPE_A: *before = 4; return 0;
	case KNOT_RRTYPE_AAAA: *before = 16; return 0;
	case KNOT_RRTYPE_MX: *before = 2; return 1;
	case KNOT_RRTYPE_SRV: *before = 6; return 1;
	case KNOT_RRTYPE_SOA: *behind = 20; return 2;
	case KNOT_RRTYPE_RRSIG:
		*before = 18;
		*behind = 12;
		return 1;
	case KNOT_RRTYPE_NSEC: *behind = 6; return 1;
	case KNOT_RRTYPE_TXT:
	case 65305: return 0;
	default: return 1;
	}
}

static size_t take_rdata(input_t *input, uint16_t type, uint8_t *rdata)
{
	unsigned before, behind, names = form_of(type, &before, &behind);
	size_t len = before;
	take_octets(input, rdata, before);
	for (; names > 0; names--) {
		len += take_name(input, rdata + len);
	}
	take_octets(input, rdata + len, behind);
	len += behind;
	if (type == KNOT_RRTYPE_TXT || type == 65305) {
		/* Replies of which the end is beyond what pointers reach, too. */
		size_t code = take_octet(input);
		len = code < 200 ? code + 1 : 40 * (code - 199);
		memset(rdata, take_octet(input), len);
	}
	return len;
}

static bool has_names(uint16_t type)
{
	return type != KNOT_RRTYPE_A && type != KNOT_RRTYPE_AAAA && type != KNOT_RRTYPE_TXT &&
	       type != KNOT_RRTYPE_RRSIG && type != KNOT_RRTYPE_NSEC && type != 65305;
}

static uint32_t smaller(uint32_t one, uint32_t other)
{
	return one < other ? one : other;
}

/*! The TTL that libknot writes. */
static uint32_t written_ttl(const expected_t *set)
{
	if (set->rrset.type == KNOT_RRTYPE_SOA && (set->flags & KNOT_PF_SOAMINTTL)) {
		return smaller(set->rrset.ttl, knot_soa_minimum(set->rrset.rrs.rdata));
	}
	if (set->rrset.type == KNOT_RRTYPE_RRSIG && (set->flags & KNOT_PF_ORIGTTL)) {
		return knot_rrsig_original_ttl(set->rrset.rrs.rdata);
	}
	return set->rrset.ttl;
}

/*! Reads a set, in memory of its own; returns the hint for its owner. */
static uint16_t take_set(case_t *is, input_t *input, expected_t *set)
{
	static const uint16_t some_flags[] = { KNOT_PF_FREE, KNOT_PF_CHECKDUP, KNOT_PF_NOTRUNC,
		                               KNOT_PF_ORIGTTL, KNOT_PF_SOAMINTTL };
	uint8_t kind = take_octet(input), chosen = take_octet(input);
	uint16_t hint = KNOT_COMPR_HINT_NONE;
	knot_dname_storage_t owner;
	set->flags = set->rotate = 0;
	for (unsigned i = 0; i < sizeof(some_flags) / sizeof(some_flags[0]); i++) {
		set->flags |= chosen >> i & 1 ? some_flags[i] : 0;
	}
	set->section = is->pkt->current + 1;
	set->wildcard = kind >= 0xF0;
	if (set->wildcard) {
		/* The name that was asked for stands for it. */
		memcpy(owner, "\1*\1n", 5);
		memcpy(set->owner, knot_pkt_qname(is->pkt),
		       knot_dname_size(knot_pkt_qname(is->pkt)));
		hint = KNOT_COMPR_HINT_QNAME;
	} else if (kind >= 0xC0 && is->count > 0) {
		/* An owner that is there, or a name in RDATA, to which there may be a hint. */
		const expected_t *other = &is->sets[kind % is->count];
		unsigned before, behind, names = form_of(other->rrset.type, &before, &behind);
		const uint8_t *name = (kind & 0x10) && names > 0
		                              ? other->rrset.rrs.rdata->data + before
		                              : other->owner;
		memcpy(owner, name, knot_dname_size(name));
		/* Of two names libknot notes the first one that a pointer can reach. */
		hint = (kind & 0x10) && names == 1 && has_names(other->rrset.type)
		               ? knot_compr_hint(&is->pkt->rr_info[kind % is->count],
		                                 KNOT_COMPR_HINT_RDATA)
		               : hint;
	} else if (kind & 0x20) {
		memcpy(owner, knot_pkt_qname(is->pkt), knot_dname_size(knot_pkt_qname(is->pkt)));
		hint = kind & 0x10 ? KNOT_COMPR_HINT_QNAME : hint;
	} else {
		(void)take_name(input, owner);
	}
	knot_dname_to_lower(owner);
	if (!set->wildcard) {
		memcpy(set->owner, owner, knot_dname_size(owner));
	}
	knot_dname_to_lower(set->owner);
	uint16_t type = types[kind % (sizeof(types) / sizeof(types[0]))];
	knot_rrset_init(&set->rrset, knot_dname_copy(owner, &pool_mm), type, KNOT_CLASS_IN,
	                take_number(input, 2));
	unsigned records = type == KNOT_RRTYPE_SOA || type == KNOT_RRTYPE_CNAME
	                           ? 1
	                           : 1 + take_below(input, RECORDS_MAX);
	for (; records > 0; records--) {
		uint8_t rdata[RDATA_MAX];
		size_t len = take_rdata(input, type, rdata);
		require(knot_rrset_add_rdata(&set->rrset, rdata, len, &pool_mm) == KNOT_EOK);
	}
	/* Then it stands for the TTL of all of them. */
	for (unsigned i = 0; type == KNOT_RRTYPE_RRSIG && i < set->rrset.rrs.count; i++) {
		set->flags &= set->rrset.rrs.count > 1 ? ~KNOT_PF_ORIGTTL : UINT16_MAX;
	}
	set->ttl = written_ttl(set);
	return hint;
}

/*! What is put: the set itself, as if it were the zone's, or a copy that is the packet's. */
static knot_rrset_t rrset_of(case_t *is, const expected_t *set)
{
	if (!(set->flags & KNOT_PF_FREE)) {
		return set->rrset;
	}
	knot_rrset_t *copy = knot_rrset_copy(&set->rrset, &is->pkt->mm), rrset = *copy;
	if (!is->pool) {
		free(copy);
	}
	return rrset;
}

static void add(case_t *is, const expected_t *set)
{
	is->sets[is->count++] = *set;
}

/*! As Knot puts it. */
static void put(case_t *is, input_t *input)
{
	expected_t set;
	uint16_t hint = take_set(is, input, &set);
	knot_rrset_t rrset = rrset_of(is, &set);
	if (knot_pkt_put(is->pkt, hint, &rrset, set.flags) == KNOT_EOK) {
		add(is, &set);
		return;
	}
	is->ours = true;
	if (set.flags & KNOT_PF_FREE) {
		knot_rrset_clear(&rrset, &is->pkt->mm);
	}
}

/*! As the module puts it. */
static void append(case_t *is, input_t *input)
{
	expected_t set;
	uint16_t hint = take_set(is, input, &set);
	knot_rrset_t rrset = rrset_of(is, &set);
	int ret;
	if (set.flags & KNOT_PF_FREE) {
		ret = aname_packet_put(is->pkt, hint, &rrset, set.flags);
	} else {
		set.rotate = take_below(input, 4);
		ret = aname_packet_append(is->pkt, hint, &rrset, set.rotate, set.flags);
	}
	if (ret == KNOT_EOK) {
		add(is, &set);
	}
	is->over = ret != KNOT_EOK;
}

/*! The index of a set of the section that is being written; -1 if there is none. */
static int choose(const case_t *is, input_t *input)
{
	const knot_pktsection_t *section = knot_pkt_section(is->pkt, is->pkt->current);
	unsigned chosen = take_octet(input);
	return section->count > 0 ? (int)(section->pos + chosen % section->count) : -1;
}

static void cut(case_t *is, input_t *input, uint8_t how)
{
	aname_rest_t rest;
	int index = choose(is, input);
	if (index < 0) {
		return;
	}
	unsigned behind = is->count - index - 1;
	static expected_t cut_off[SETS_MAX];
	memcpy(cut_off, &is->sets[index + 1], behind * sizeof(cut_off[0]));
	require(aname_packet_cut(is->pkt, index, &rest) == KNOT_EOK && rest.count == behind);
	is->count = index;
	if (how & 1) {
		append(is, input);
	}
	if (is->over || how & 2) {
		aname_packet_discard(is->pkt, &rest);
		is->over = true;
		return;
	}
	unsigned before = is->pkt->rrset_count;
	int ret = aname_packet_paste(is->pkt, &rest);
	unsigned pasted = is->pkt->rrset_count - before;
	require(pasted <= behind && (ret == KNOT_EOK) == (pasted == behind));
	for (unsigned i = 0; i < pasted; i++) {
		cut_off[i].rotate = 0;
		cut_off[i].flags &= ~KNOT_PF_CHECKDUP;
		cut_off[i].ttl = written_ttl(&cut_off[i]);
		add(is, &cut_off[i]);
	}
	is->over = ret != KNOT_EOK;
}

static void drop_last(case_t *is)
{
	if (knot_pkt_section(is->pkt, is->pkt->current)->count > 0) {
		aname_packet_drop_last(is->pkt);
		is->count--;
	}
}

static void lower(expected_t *set, uint32_t ttl)
{
	set->ttl = smaller(set->ttl, ttl);
	set->rrset.ttl = smaller(set->rrset.ttl, ttl);
	set->flags &= ~KNOT_PF_ORIGTTL;
}

/*! Other octets of the same lengths, or of one that is not the same. */
static void overwrite(case_t *is, input_t *input)
{
	if (is->count == 0) {
		return;
	}
	unsigned index = take_octet(input) % is->count;
	expected_t *set = &is->sets[index];
	uint32_t ttl = take_number(input, 2);
	uint8_t change = take_octet(input);
	/* What is written in its place must not be compressed, and a copy needs a pool. */
	if (has_names(set->rrset.type) || (!is->pool && !(set->flags & KNOT_PF_FREE))) {
		return;
	}
	knot_rdataset_t other = { 0 };
	require(knot_rdataset_copy(&other, &set->rrset.rrs, &pool_mm) == KNOT_EOK);
	knot_rdata_t *rdata = other.rdata;
	for (unsigned i = 0; i < other.count; i++, rdata = knot_rdataset_next(rdata)) {
		if (rdata->len > 0) {
			rdata->data[rdata->len - 1] ^= change;
		}
	}
	require(set->rotate != 0 || aname_packet_fits(is->pkt, index, &other));
	if (!aname_packet_fits(is->pkt, index, &other)) {
		return;
	}
	require(aname_packet_overwrite(is->pkt, index, &other, ttl) == KNOT_EOK);
	set->rrset.rrs = other;
	set->rotate = 0;
	lower(set, ttl);
	other.count--;
	require(!aname_packet_fits(is->pkt, index, &other));
}

static void look(const case_t *is, input_t *input)
{
	if (is->count > 0) {
		unsigned one = take_octet(input) % is->count, other = take_octet(input) % is->count;
		bool same = knot_dname_is_equal(is->sets[one].owner, is->sets[other].owner);
		bool told = aname_packet_same_owner(is->pkt, one, other);
		/* Of two wildcards one may stand elsewhere than the other. */
		require(is->sets[one].wildcard || is->sets[other].wildcard || told == same);
		require(!told || same || is->sets[one].wildcard || is->sets[other].wildcard);
	}
}

/* What has to be there. */

/*! RDATA with its names in lower case, as the reader has them. */
static void lower_names(uint16_t type, uint8_t *rdata)
{
	unsigned before, behind, names = form_of(type, &before, &behind);
	for (uint8_t *at = rdata + before; has_names(type) && names > 0; names--) {
		knot_dname_to_lower(at);
		at += knot_dname_size(at);
	}
}

static void compare(const expected_t *set, walk_t *walk)
{
	static walk_record_t record;
	unsigned count = set->rrset.rrs.count;
	for (unsigned i = 0; i < count; i++) {
		require(walk_next(walk, &record));
		const knot_rdata_t *rdata =
		        knot_rdataset_at(&set->rrset.rrs, (i + set->rotate) % count);
		uint8_t lowered[RDATA_MAX];
		memcpy(lowered, rdata->data, rdata->len);
		lower_names(set->rrset.type, lowered);
		require(record.section == set->section && record.type == set->rrset.type &&
		        record.rclass == KNOT_CLASS_IN && record.ttl == set->ttl);
		require(knot_dname_is_equal(record.owner, set->owner));
		require(record.len == rdata->len && memcmp(record.rdata, lowered, record.len) == 0);
	}
}

static void check(const case_t *is)
{
	static walk_t walk;
	static walk_record_t record;
	/* A block of exactly its size, so that a pointer past it is found out. */
	uint8_t *wire = malloc(is->pkt->size);
	memcpy(wire, is->pkt->wire, is->pkt->size);
	require(is->pkt->rrset_count == is->count && is->pkt->size <= is->pkt->max_size);
	walk_begin(&walk, wire, is->pkt->size);
	for (unsigned i = 0; i < is->count; i++) {
		compare(&is->sets[i], &walk);
	}
	require(!walk_next(&walk, &record));

	knot_pkt_t *parsed = knot_pkt_new(wire, is->pkt->size, NULL);
	require(parsed != NULL && knot_pkt_parse(parsed, 0) == KNOT_EOK);
	knot_pkt_free(parsed);
	free(wire);
}

static void step(case_t *is, input_t *input)
{
	uint8_t octet = take_octet(input);
	switch (octet % 8) {
	case 0:
	case 1:
		if (is->ours) {
			append(is, input);
		} else {
			put(is, input);
		}
		break;
	case 2: cut(is, input, octet / 8); break;
	case 3: overwrite(is, input); break;
	case 4:
		if (is->pkt->current < KNOT_ADDITIONAL) {
			require(knot_pkt_begin(is->pkt, is->pkt->current + 1) == KNOT_EOK);
		}
		break;
	case 5:
		if (octet & 0x80) {
			drop_last(is);
		} else if (is->count > 0) {
			unsigned index = take_octet(input) % is->count;
			uint32_t ttl = take_number(input, 2);
			aname_packet_lower_ttl(is->pkt, index, ttl);
			lower(&is->sets[index], ttl);
		}
		break;
	case 6: look(is, input); break;
	default:
		is->ours = true;
		append(is, input);
		break;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	input_t input = { data, size };
	static case_t is;
	is = (case_t){ 0 };
	uint8_t kind = take_octet(&input);
	uint16_t most = kind & 2 ? UINT16_MAX : 300 + 8 * take_octet(&input);
	is.pool = kind & 1;
	is.pkt = knot_pkt_new(NULL, most, is.pool ? &pool_mm : NULL);
	require(is.pkt != NULL);
	knot_dname_storage_t qname;
	(void)take_name(&input, qname);
	if (kind & 4 && qname[0] > 0) {
		qname[1] -= 'a' - 'A'; /* As a resolver may ask. */
	}
	require(knot_pkt_put_question(is.pkt, qname, KNOT_CLASS_IN, KNOT_RRTYPE_A) == KNOT_EOK);
	require(knot_pkt_begin(is.pkt, KNOT_ANSWER) == KNOT_EOK);
	while (input.left > 0 && is.count < SETS_MAX - 1 && !is.over) {
		step(&is, &input);
	}
	check(&is);
	knot_pkt_free(is.pkt);
	pool_free();
	return 0;
}
