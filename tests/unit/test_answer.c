#include "support/test.h"

#include <libknot/libknot.h>

#include "query/put.h"
#include "support/make.h"
#include "support/memory.h"
#include "support/packets.h"
#include "support/random.h"
#include "support/union.h"

/*! Most addresses in one test. */
#define MANY 4096

/*! A list of addresses of one family. */
typedef struct {
	uint16_t len;
	unsigned count;
	uint8_t at[MANY][16];
} list_t;

static uint16_t type_of(uint16_t len)
{
	return len == 4 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA;
}

/*! All addresses of an answer, sorted, each once. */
static void expect_all(const aname_answer_t *answer, const aname_nets_t *deny, list_t *list)
{
	memset(list, 0, sizeof(*list));
	unsigned total = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		total += answer->use[i].set.count;
		list->len = total > 0 ? answer->use[i].set.rdata->len : 0;
	}
	assert_true(total <= MANY);
	list->count = union_of(answer->use, answer->used, deny, list->at);
}

/*! Parses the reply; checks name, type, class and TTL of all records in it; returns the data. */
static void read_back(const reply_t *reply, const knot_dname_t *owner, uint16_t len, uint32_t ttl,
                      list_t *list)
{
	memset(list, 0, sizeof(*list));
	list->len = len;
	knot_pkt_t *parsed = knot_pkt_new(reply->pkt->wire, reply->pkt->size, NULL);
	assert_non_null(parsed);
	assert_int_equal(knot_pkt_parse(parsed, 0), KNOT_EOK);
	const knot_pktsection_t *section = knot_pkt_section(parsed, KNOT_ANSWER);
	assert_int_equal(parsed->rrset_count, section->count);
	for (unsigned i = 0; i < section->count; i++) {
		const knot_rrset_t *rrset = knot_pkt_rr(section, i);
		assert_true(knot_dname_is_case_equal(rrset->owner, owner));
		assert_int_equal(rrset->type, type_of(len));
		assert_int_equal(rrset->rclass, KNOT_CLASS_IN);
		assert_int_equal(rrset->ttl, ttl);
		assert_int_equal(rrset->rrs.rdata->len, len);
		memcpy(list->at[list->count++], rrset->rrs.rdata->data, len);
	}
	knot_pkt_free(parsed);
}

static void assert_same(const list_t *one, const list_t *other)
{
	assert_int_equal(one->count, other->count);
	assert_memory_equal(one->at, other->at, one->count * sizeof(one->at[0]));
}

/*! Begins a reply in a pool, as knotd's are. */
static void begin_named(reply_t *reply, const char *qname, uint16_t qtype, uint16_t max)
{
	static knot_mm_t mm;
	mm = memory_pool();
	reply_init_in(reply, qname, qtype, max, &mm);
}

static void begin(reply_t *reply, uint16_t qtype, uint16_t max)
{
	begin_named(reply, "shop.example.", qtype, max);
}

static void end(reply_t *reply)
{
	reply_deinit(reply);
	memory_pool_empty();
}

static aname_use_t use(const aname_snapshot_t *snapshot)
{
	return (aname_use_t){ .set = aname_snapshot_rdataset(snapshot), .pick = snapshot->pick };
}

/*! An answer with `count` snapshots in it. */
static aname_answer_t make_answer(aname_snapshot_t **snapshots, unsigned count, uint32_t ttl)
{
	aname_answer_t answer = { .worth = ANAME_FRESH, .ttl = ttl, .used = count };
	for (unsigned i = 0; i < count; i++) {
		answer.use[i] = use(snapshots[i]);
	}
	return answer;
}

static void free_all(aname_snapshot_t **snapshots, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		free(snapshots[i]);
	}
}

static int put(const aname_answer_t *answer, const aname_options_t *options, reply_t *reply,
               uint16_t flags)
{
	unsigned i = 0;
	while (i + 1 < answer->used && answer->use[i].set.count == 0) {
		i++;
	}
	const knot_rdata_t *first = answer->use[i].set.rdata;
	const aname_form_t form = { .owner = knot_pkt_qname(reply->pkt),
		                    .type = type_of(first->len),
		                    .compr_hint = KNOT_COMPR_HINT_QNAME,
		                    .flags = flags };
	return aname_answer_put(answer, options, reply->pkt, &form);
}

/* How many. */

typedef struct {
	const char *proves;
	uint16_t len;
	struct {
		uint32_t first, count;
	} snapshots[3];
	uint16_t max_addresses;
	unsigned expected;
} count_row_t;

static const count_row_t count_rows[] = {
	{ "A1: one address", 4, { { 1, 1 } }, 32, 1 },
	{ "A1: one IPv6 address", 16, { { 1, 1 } }, 32, 1 },
	{ "A1: 31 addresses of at most 32", 4, { { 1, 31 } }, 32, 31 },
	{ "A8: 32 addresses of at most 32", 4, { { 1, 32 } }, 32, 32 },
	{ "A8: 33 addresses are 32", 4, { { 1, 33 } }, 32, 32 },
	{ "A8: 1000 addresses are 32", 4, { { 1, 1000 } }, 32, 32 },
	{ "A8: 1000 IPv6 addresses are 32", 16, { { 1, 1000 } }, 32, 32 },
	{ "A8: 1000 addresses, if 1000 may be", 4, { { 1, 1000 } }, 1000, 1000 },
	{ "A8: 1024 IPv6 addresses, if 65535 may be", 16, { { 1, 1024 } }, 65535, 1024 },
	{ "A8: max-addresses 1", 4, { { 1, 1000 } }, 1, 1 },
	{ "R4: two targets: union", 4, { { 1, 3 }, { 100, 4 } }, 32, 7 },
	{ "R4: an address of both is there once", 4, { { 1, 3 }, { 3, 3 } }, 32, 5 },
	{ "R4: both the same: each once", 16, { { 1, 8 }, { 1, 8 } }, 32, 8 },
	{ "R4: three targets, the limit is on the union",
	  4,
	  { { 1, 20 }, { 11, 20 }, { 21, 20 } },
	  32,
	  32 },
	{ "R4: three targets, duplicates do not count",
	  4,
	  { { 1, 20 }, { 7, 20 }, { 13, 20 } },
	  32,
	  32 },
	{ "R4: three targets of 1024", 4, { { 1, 1024 }, { 2000, 1024 }, { 4000, 1024 } }, 32, 32 },
};

static void check_count(void **state)
{
	const count_row_t *row = *state;
	aname_snapshot_t *snapshots[3];
	unsigned used = 0;
	for (; used < 3 && row->snapshots[used].count > 0; used++) {
		snapshots[used] = make_snapshot(row->len, row->snapshots[used].first,
		                                row->snapshots[used].count, 77 + used);
	}
	aname_options_t *options = make_options();
	options->max_addresses = row->max_addresses;
	aname_answer_t answer = make_answer(snapshots, used, 300);
	static list_t all, got;
	expect_all(&answer, &options->deny_address, &all);

	reply_t reply;
	begin(&reply, type_of(row->len), UINT16_MAX);
	assert_int_equal(put(&answer, options, &reply, 0), KNOT_EOK);
	read_back(&reply, knot_pkt_qname(reply.pkt), row->len, 300, &got);
	assert_int_equal(got.count, row->expected);
	for (unsigned i = 0; i < got.count; i++) {
		assert_non_null(
		        bsearch(got.at[i], all.at, all.count, sizeof(all.at[0]), union_compare));
		assert_true(i == 0 || union_compare(got.at[i - 1], got.at[i]) < 0);
	}
	if (all.count == row->expected) {
		assert_same(&got, &all);
	}
	end(&reply);
	aname_options_free(options);
	free_all(snapshots, used);
}

/* Which. */

static void put_and_read(const aname_answer_t *answer, const aname_options_t *options, list_t *got)
{
	reply_t reply;
	begin(&reply, KNOT_RRTYPE_A, UINT16_MAX);
	assert_int_equal(put(answer, options, &reply, 0), KNOT_EOK);
	read_back(&reply, knot_pkt_qname(reply.pkt), 4, answer->ttl, got);
	end(&reply);
}

static void stable_subset(void **state)
{
	/* Nothing but the snapshots decides: not the packet, not the worker, not the call. */
	aname_options_t *options = make_options();
	static list_t first, again;
	for (unsigned pick = 0; pick < 50; pick++) {
		aname_snapshot_t *snapshots[] = { make_snapshot(4, 1, 100, pick * 0x101),
			                          make_snapshot(4, 50, 100, UINT16_MAX - pick) };
		aname_answer_t answer = make_answer(snapshots, 2, 60);
		put_and_read(&answer, options, &first);
		for (unsigned i = 0; i < 5; i++) {
			answer.ttl--;
			put_and_read(&answer, options, &again);
			assert_same(&first, &again);
		}
		/* Nor the order of the ANAME records. */
		answer.use[0] = use(snapshots[1]);
		answer.use[1] = use(snapshots[0]);
		put_and_read(&answer, options, &again);
		assert_same(&first, &again);
		free_all(snapshots, 2);
	}
	aname_options_free(options);
}

static void fair_subset(void **state)
{
	/* Over all random numbers every address is as often in as any other. */
	aname_options_t *options = make_options();
	options->max_addresses = 8;
	unsigned often[40] = { 0 };
	static list_t got;
	for (uint32_t pick = 0; pick < COUNT_OF(often); pick++) {
		aname_snapshot_t *snapshot = make_snapshot(4, 0, COUNT_OF(often), pick);
		aname_answer_t answer = make_answer(&snapshot, 1, 60);
		put_and_read(&answer, options, &got);
		assert_int_equal(got.count, 8);
		for (unsigned i = 0; i < got.count; i++) {
			often[got.at[i][3]]++;
		}
		free(snapshot);
	}
	for (size_t i = 0; i < COUNT_OF(often); i++) {
		assert_int_equal(often[i], 8);
	}
	aname_options_free(options);
}

/* Denied. */

/*! Leaves of snapshots what networks leave. */
static void narrow_all(aname_snapshot_t **snapshots, unsigned count, const aname_nets_t *deny)
{
	for (unsigned i = 0; i < count; i++) {
		aname_snapshot_t *rest = aname_snapshot_without(snapshots[i], deny);
		assert_non_null(rest);
		free(snapshots[i]);
		snapshots[i] = rest;
	}
}

static void denied(void **state)
{
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshots[] = { make_snapshot(4, 0, 20, 0), make_snapshot(4, 10, 20, 0) };
	make_add_net(&options->deny_address, "10.0.0.5", "10.0.0.14");
	make_add_net(&options->deny_address, "10.0.0.29", "10.0.0.29");
	make_add_net(&options->deny_address, "::", "ffff::");
	narrow_all(snapshots, 2, &options->deny_address);
	aname_answer_t answer = make_answer(snapshots, 2, 60);

	static list_t got;
	put_and_read(&answer, options, &got);
	static const uint8_t expected[] = { 0,  1,  2,  3,  4,  15, 16, 17, 18, 19,
		                            20, 21, 22, 23, 24, 25, 26, 27, 28 };
	assert_int_equal(got.count, COUNT_OF(expected));
	for (size_t i = 0; i < COUNT_OF(expected); i++) {
		assert_int_equal(got.at[i][3], expected[i]);
	}

	/* The limit is on what policy lets through. */
	options->max_addresses = 19;
	static list_t limited;
	put_and_read(&answer, options, &limited);
	assert_same(&got, &limited);
	free_all(snapshots, 2);
	aname_options_free(options);
}

/* What the record looks like. */

static void ttls(void **state)
{
	static const uint32_t values[] = { 0, 1, 30, INT32_MAX, 1u << 31, UINT32_MAX };
	aname_options_t *options = make_options();
	static list_t got;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		aname_snapshot_t *snapshot = make_snapshot(4, 1, 2, 0);
		aname_answer_t answer = make_answer(&snapshot, 1, values[i]);
		put_and_read(&answer, options, &got);
		assert_int_equal(got.count, 2);
		free(snapshot);
	}
	aname_options_free(options);
}

static void owners(void **state)
{
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshot = make_snapshot(16, 1, 3, 0);
	aname_answer_t answer = make_answer(&snapshot, 1, 60);
	name_t names[] = { make_name("."), make_name("example."), make_name_longest('o') };
	static list_t got;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		reply_t reply;
		begin_named(&reply, "www.shop.example.", KNOT_RRTYPE_AAAA, 1232);
		aname_form_t form = { .owner = names[i].at, .type = KNOT_RRTYPE_AAAA };
		int ret = aname_answer_put(&answer, options, reply.pkt, &form);
		assert_int_equal(ret, KNOT_EOK);
		read_back(&reply, names[i].at, 16, 60, &got);
		assert_int_equal(got.count, 3);
		end(&reply);
	}
	free(snapshot);
	aname_options_free(options);
}

static void compressed(void **state)
{
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshot = make_snapshot(4, 1, 5, 0);
	aname_answer_t answer = make_answer(&snapshot, 1, 60);
	reply_t reply;
	begin(&reply, KNOT_RRTYPE_A, 512);
	size_t before = reply.pkt->size;
	assert_int_equal(put(&answer, options, &reply, 0), KNOT_EOK);
	assert_int_equal(reply.pkt->size, before + 5 * (2 + 10 + 4));
	assert_int_equal(knot_wire_read_u16(reply.pkt->wire + before), 0xc00c);
	end(&reply);
	free(snapshot);
	aname_options_free(options);
}

static void rotated(void **state)
{
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshot = make_snapshot(4, 0, 5, 0);
	aname_answer_t answer = make_answer(&snapshot, 1, 60);
	static const uint16_t rotations[] = { 0, 1, 4, 5, UINT16_MAX };
	static list_t got;
	for (size_t i = 0; i < COUNT_OF(rotations); i++) {
		reply_t reply;
		begin(&reply, KNOT_RRTYPE_A, 512);
		const aname_form_t form = { .owner = knot_pkt_qname(reply.pkt),
			                    .type = KNOT_RRTYPE_A,
			                    .rotate = rotations[i] };
		int ret = aname_answer_put(&answer, options, reply.pkt, &form);
		assert_int_equal(ret, KNOT_EOK);
		read_back(&reply, knot_pkt_qname(reply.pkt), 4, 60, &got);
		assert_int_equal(got.count, 5);
		for (unsigned k = 1; k < 5; k++) {
			assert_int_equal(got.at[k][3], (got.at[0][3] + k) % 5);
		}
		assert_int_equal(got.at[0][3] == 0, rotations[i] % 5 == 0);
		end(&reply);
	}
	free(snapshot);
	aname_options_free(options);
}

static void outlives_snapshot(void **state)
{
	/* What is in the packet stays when the snapshot goes, and goes with the packet's pool. */
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshot = make_snapshot(4, 9, 1, 0);
	aname_answer_t answer = make_answer(&snapshot, 1, 60);
	reply_t reply;
	begin(&reply, KNOT_RRTYPE_A, 512);
	assert_int_equal(put(&answer, options, &reply, 0), KNOT_EOK);
	free(snapshot);
	assert_int_equal(reply.pkt->rr[0].rrs.rdata->data[3], 9);
	assert_false(reply.pkt->rr_info[0].flags & KNOT_PF_FREE);
	end(&reply);
	aname_options_free(options);
}

/* Space. */

/*! What must stay as it was when nothing is put. */
typedef struct {
	size_t size;
	uint16_t count, answer_count, reserved;
	uint8_t wire[512];
} seen_t;

static seen_t look(const reply_t *reply)
{
	seen_t seen = { .size = reply->pkt->size,
		        .count = reply->pkt->rrset_count,
		        .answer_count = reply->pkt->sections[KNOT_ANSWER].count,
		        .reserved = reply->pkt->reserved };
	assert_true(seen.size <= sizeof(seen.wire));
	memcpy(seen.wire, reply->pkt->wire, seen.size);
	return seen;
}

static void assert_unchanged(const reply_t *reply, seen_t before, bool truncated)
{
	if (truncated) {
		knot_wire_set_tc(before.wire);
	}
	seen_t after = look(reply);
	assert_int_equal(after.size, before.size);
	assert_int_equal(after.count, before.count);
	assert_int_equal(after.answer_count, before.answer_count);
	assert_int_equal(after.reserved, before.reserved);
	assert_memory_equal(after.wire, before.wire, before.size);
}

static const set_t before_set = { KNOT_ANSWER, "shop.example.", KNOT_RRTYPE_MX,
	                          60,          KNOT_PF_FREE,    { "10 mail.other.example." } };

static const set_t after_set = { KNOT_ANSWER,     "a.mail.other.example.",
	                         KNOT_RRTYPE_TXT, 60,
	                         KNOT_PF_FREE,    { "x" } };

/*! Everything fits or nothing is put, and the packet is good for more in both cases. */
static void every_size_with(unsigned snapshots_count, uint16_t flags)
{
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshots[] = { make_snapshot(4, 1, 10, 0), make_snapshot(4, 5, 10, 0) };
	aname_answer_t answer = make_answer(snapshots, snapshots_count, 60);
	unsigned refused = 0, put_all = 0;
	for (uint16_t max = 80; max < 400; max++) {
		reply_t reply;
		begin(&reply, KNOT_RRTYPE_A, max);
		knot_rrset_t mx = reply_make_set(&before_set);
		assert_int_equal(knot_pkt_put(reply.pkt, 0, &mx, 0), KNOT_EOK);
		seen_t before = look(&reply);

		const name_t owner = make_name("pool.other.example.");
		const aname_form_t form = { owner.at, KNOT_RRTYPE_A, 0, 0, flags };
		int ret = aname_answer_put(&answer, options, reply.pkt, &form);
		if (ret == KNOT_EOK) {
			assert_false(knot_wire_get_tc(reply.pkt->wire));
			put_all++;
		} else {
			assert_int_equal(ret, KNOT_ESPACE);
			assert_unchanged(&reply, before, !(flags & KNOT_PF_NOTRUNC));
			refused++;
		}
		/* Nothing written later may point at what was not put. */
		knot_rrset_t txt = reply_make_set(&after_set);
		(void)knot_pkt_put(reply.pkt, 0, &txt, KNOT_PF_NOTRUNC);
		free(reply_parse(reply.pkt));
		end(&reply);
		knot_rrset_clear(&mx, NULL);
		knot_rrset_clear(&txt, NULL);
	}
	assert_true(refused > 0 && put_all > 0);
	free_all(snapshots, 2);
	aname_options_free(options);
}

static void every_size(void **state)
{
	for (unsigned snapshots = 1; snapshots <= 2; snapshots++) {
		every_size_with(snapshots, KNOT_PF_NULL);
		every_size_with(snapshots, KNOT_PF_NOTRUNC);
	}
}

static void reserved_space(void **state)
{
	/* Room that Knot keeps for OPT and TSIG is not used. */
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshot = make_snapshot(4, 1, 10, 0);
	aname_answer_t answer = make_answer(&snapshot, 1, 60);
	reply_t reply;
	begin(&reply, KNOT_RRTYPE_A, 12 + 18 + 10 * 16 + 11);
	assert_int_equal(knot_pkt_reserve(reply.pkt, 12), KNOT_EOK);
	assert_int_equal(put(&answer, options, &reply, 0), KNOT_ESPACE);
	assert_int_equal(knot_pkt_reclaim(reply.pkt, 1), KNOT_EOK);
	assert_int_equal(put(&answer, options, &reply, 0), KNOT_EOK);
	end(&reply);
	free(snapshot);
	aname_options_free(options);
}

/* Failing allocations. */

static void no_memory_with(unsigned snapshots_count, unsigned expected)
{
	aname_options_t *options = make_options();
	aname_snapshot_t *snapshots[] = { make_snapshot(4, 1, 10, 0), make_snapshot(4, 5, 10, 0) };
	aname_answer_t answer = make_answer(snapshots, snapshots_count, 60);
	unsigned n = 0;
	bool done = false;
	while (!done) {
		reply_t reply;
		begin(&reply, KNOT_RRTYPE_A, 1232);
		seen_t before = look(&reply);
		memory_fail_at(++n);
		int ret = put(&answer, options, &reply, 0);
		done = !memory_failed();
		assert_int_equal(ret, done ? KNOT_EOK : KNOT_ENOMEM);
		if (!done) {
			assert_unchanged(&reply, before, false);
		}
		end(&reply);
	}
	/* libknot may take memory of its own for the list of sets. */
	assert_true(n > expected);
	free_all(snapshots, 2);
	aname_options_free(options);
}

static void out_of_memory(void **state)
{
	no_memory_with(1, 1); /* The data. */
	no_memory_with(2, 2); /* And the list. */
}

/* At random. */

static void random_nets(random_t *random, aname_options_t *options)
{
	unsigned count = random_below(random, 3);
	for (unsigned i = 0; i < count; i++) {
		char low[20], high[20];
		unsigned from = random_below(random, 60);
		(void)snprintf(low, sizeof(low), "10.0.0.%u", from);
		(void)snprintf(high, sizeof(high), "10.0.0.%u", from + random_below(random, 30));
		make_add_net(&options->deny_address, low, high);
	}
}

static void fuzz_once(random_t *random)
{
	aname_options_t *options = make_options();
	options->max_addresses = 1 + random_below(random, 40);
	random_nets(random, options);
	aname_snapshot_t *snapshots[ANAME_POOL_MAX];
	unsigned used = 1 + random_below(random, random_below(random, 4) == 0 ? ANAME_POOL_MAX : 3);
	uint16_t len = random_below(random, 3) == 0 ? 16 : 4;
	for (unsigned i = 0; i < used; i++) {
		snapshots[i] = make_snapshot(len, random_below(random, 80),
		                             1 + random_below(random, 30), random_next(random));
	}
	aname_answer_t answer = make_answer(snapshots, used, random_next(random));
	static list_t all, got;
	expect_all(&answer, &options->deny_address, &all);
	narrow_all(snapshots, used, &options->deny_address);
	answer = make_answer(snapshots, used, answer.ttl);

	reply_t reply;
	begin(&reply, type_of(len), 100 + random_below(random, 700));
	seen_t before = look(&reply);
	int ret = all.count > 0 ? put(&answer, options, &reply, 0) : KNOT_EOK;
	unsigned expected = all.count < options->max_addresses ? all.count : options->max_addresses;
	bool fits = before.size + expected * (2 + 10 + (size_t)len) <= reply.pkt->max_size;
	assert_int_equal(ret, fits ? KNOT_EOK : KNOT_ESPACE);
	read_back(&reply, knot_pkt_qname(reply.pkt), len, answer.ttl, &got);
	assert_int_equal(got.count, fits ? expected : 0);
	for (unsigned i = 0; i < got.count; i++) {
		assert_non_null(
		        bsearch(got.at[i], all.at, all.count, sizeof(all.at[0]), union_compare));
		assert_true(i == 0 || union_compare(got.at[i - 1], got.at[i]) < 0);
	}
	end(&reply);
	free_all(snapshots, used);
	aname_options_free(options);
}

static void fuzz(void **state)
{
	random_t random = { 3597 };
	for (unsigned i = 0; i < 3000; i++) {
		fuzz_once(&random);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("A8: the subset is the same in every reply until the snapshot changes",
		       stable_subset),
		PROVES("A8: no address is left out more often than another", fair_subset),
		PROVES("L2: denied addresses are not in the answer", denied),
		PROVES("T2: the TTL is written as decided, absurd ones too", ttls),
		PROVES("A1: owners of 0 labels, 1 label and 255 octets", owners),
		PROVES("the owner is a pointer to the question", compressed),
		PROVES("A9: rotation turns the set and loses nothing", rotated),
		PROVES("the reply owns what is put into it", outlives_snapshot),
		PROVES("A8: at any size the whole set is put, or nothing and TC", every_size),
		PROVES("A9: room kept for OPT and TSIG is not used", reserved_space),
		PROVES("out of memory: nothing is put", out_of_memory),
		PROVES("3000 random pools in random packets: parsed back and compared", fuzz),
	};
	return RUN_ROWS("answer: how many addresses", count_rows, check_count) +
	       RUN_TESTS("answer: the rest", tests);
}
