/*
 * Answers for clients' subnets: how they are found, learnt, bounded and forgotten (BEHAVIOUR N4).
 */
#include "support/test.h"

#include "service/admission.h"
#include "support/alloc.h"
#include "support/clock.h"
#include "support/random.h"
#include "support/script.h"
#include "table/policy.h"

#define A KNOT_RRTYPE_A

/*! Where the stopped clock begins. */
#define BEGIN_MS 1000000

static name_t www;

static void begin(scripted_t *scripted, const aname_schedule_t *schedule,
                  const aname_limits_t *limits)
{
	www = make_name("www.example.");
	clock_stop_at(BEGIN_MS);
	scripted_init(scripted, schedule, limits);
	scripted->server = 53; /* The system's resolver takes no subnets. */
	scripted_change(scripted, schedule != NULL ? schedule : &make_schedule);
}

/*! The /24 number `n` of 10.0.0.0/8. */
static aname_subnet_t nth(uint32_t n)
{
	return (aname_subnet_t){ .family = ANAME_SUBNET_IPV4,
		                 .len = 24,
		                 .address = { 10, n >> 8, n } };
}

static aname_entry_t *found(scripted_t *scripted, const name_t *name, const aname_subnet_t *client)
{
	return aname_table_find_client(scripted->shared->table, scripted_find(scripted, name, A),
	                               client);
}

/*! The address that a client gets, as numbered by scripted_resolve_scope(); 0 if none. */
static uint32_t answer_for(scripted_t *scripted, const aname_subnet_t *client)
{
	aname_entry_t *entry = found(scripted, &www, client);
	const aname_snapshot_t *known = entry != NULL ? aname_entry_snapshot(entry) : NULL;
	if (known == NULL || known->count == 0) {
		return 0;
	}
	const uint8_t *at = aname_snapshot_rdataset(known).rdata->data;
	return ((uint32_t)at[1] << 16) + ((uint32_t)at[2] << 8) + at[3];
}

static unsigned held(scripted_t *scripted)
{
	return aname_table_subnets(scripted->shared->table);
}

/*! A client asks, and the resolver answers for this scope. */
static void learn(scripted_t *scripted, const aname_subnet_t *client, uint32_t address,
                  uint32_t ttl, uint8_t scope)
{
	scripted_ask_client(scripted, &www, A, 300, client);
	scripted_resolve_scope(scripted, scripted_pending_client(scripted, &www, A, client),
	                       address, ttl, scope);
}

/*! The target is known to everybody. */
static void know(scripted_t *scripted)
{
	scripted_ask(scripted, &www, A, 300);
	scripted_resolve(scripted, scripted_pending(scripted, &www, A), 99, 1, 300);
}

/* Scopes. */

typedef struct {
	const char *proves;
	uint8_t source, scope;
	const char *client; /*!< Another one, */
	uint8_t len;
	bool shared; /*!< who gets the same, or asks for himself. */
} scope_row_t;

static const scope_row_t scope_rows[] = {
	{ "N4: scope 0 is for everybody", 24, 0, "203.0.113.0", 24, true },
	{ "N4: scope 16: the same /16", 24, 16, "10.1.200.0", 24, true },
	{ "N4: scope 16: another /16", 24, 16, "10.2.2.0", 24, false },
	{ "N4: scope 16: who says less of himself", 24, 16, "10.0.0.0", 8, false },
	{ "N4: scope 16: who says as much as that", 24, 16, "10.1.0.0", 16, true },
	{ "N4: scope 21: the same /21", 24, 21, "10.1.7.0", 24, true },
	{ "N4: scope 21: another /21", 24, 21, "10.1.8.0", 24, false },
	{ "N4: scope 24: the same /24", 24, 24, "10.1.2.0", 24, true },
	{ "N4: scope 24: another /24", 24, 24, "10.1.3.0", 24, false },
	{ "N4: scope 24 for a /20: the same /20", 20, 24, "10.1.0.0", 20, true },
	{ "N4: scope 24 for a /20: who says more of himself", 20, 24, "10.1.2.0", 24, false },
	{ "N4: scope 20 for a /20: who says more of himself", 20, 20, "10.1.2.0", 24, true },
	{ "N4: scope 32 for a /24: the same /24", 24, 32, "10.1.2.0", 24, true },
	{ "N4: another family, scope 0", 24, 0, "a01:200::", 24, false },
	{ "N4: another family, scope 24", 24, 24, "a01:200::", 24, false },
};

static void check_scope(void **state)
{
	const scope_row_t *row = *state;
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t all = make_subnet("10.1.2.0", 24);
	const aname_subnet_t client = aname_subnet_cut(&all, row->source);
	const aname_subnet_t other = make_subnet(row->client, row->len);
	learn(&scripted, &client, 7, 300, row->scope);
	assert_int_equal(answer_for(&scripted, &client), 7);
	assert_int_equal(aname_entry_snapshot(found(&scripted, &www, &client))->scope, row->scope);
	assert_int_equal(answer_for(&scripted, &other), row->shared ? 7 : 0);

	if (!row->shared) {
		scripted_ask_client(&scripted, &www, A, 300, &other);
		assert_non_null(scripted_pending_client(&scripted, &www, A, &other));
	}
	scripted_deinit(&scripted);
}

static void longest_match(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t near = make_subnet("10.1.2.0", 24), far = make_subnet("10.9.9.0", 24);
	const aname_subnet_t beside = make_subnet("10.1.3.0", 24);
	learn(&scripted, &near, 1, 300, 24);
	learn(&scripted, &beside, 2, 300, 16);
	learn(&scripted, &far, 3, 300, 8);
	assert_int_equal(held(&scripted), 3);
	assert_int_equal(answer_for(&scripted, &near), 1);
	assert_int_equal(answer_for(&scripted, &beside), 2);
	assert_int_equal(answer_for(&scripted, &far), 3);
	scripted_deinit(&scripted);
}

static void lengths_of_ipv6(void **state)
{
	/* 0 and 64 are at the two ends. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t net = make_subnet("2001:db8::", 64), next = make_subnet("2002::", 64);
	learn(&scripted, &net, 1, 300, 64);
	assert_int_equal(answer_for(&scripted, &next), 0);
	learn(&scripted, &next, 2, 300, 0);
	assert_int_equal(answer_for(&scripted, &net), 1);
	const aname_subnet_t shorter = make_subnet("2001:db8::", 63);
	assert_int_equal(answer_for(&scripted, &shorter), 2);
	scripted_deinit(&scripted);
}

/* Changes. */

typedef struct {
	const char *proves;
	uint8_t before, after;
	unsigned entries;
	uint32_t other; /*!< What another client of the same /16 gets then. */
} change_row_t;

static const change_row_t change_rows[] = {
	{ "N4: the scope stays 24", 24, 24, 1, 0 },  { "N4: the scope stays 0", 0, 0, 1, 2 },
	{ "N4: from scope 24 to 0", 24, 0, 1, 2 },   { "N4: from scope 0 to 24", 0, 24, 1, 0 },
	{ "N4: from scope 24 to 16", 24, 16, 1, 2 }, { "N4: from scope 16 to 24", 16, 24, 1, 0 },
	{ "N4: from scope 16 to 0", 16, 0, 1, 2 },
};

static void check_change(void **state)
{
	const change_row_t *row = *state;
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t client = make_subnet("10.1.2.0", 24);
	const aname_subnet_t other = make_subnet("10.1.3.0", 24);
	learn(&scripted, &client, 1, 60, row->before);
	scripted_skip(&scripted, 55000);
	/* It is refreshed as it was asked first. */
	script_lookup_t *lookup = scripted_pending_client(&scripted, &www, A, &client);
	scripted_resolve_scope(&scripted, lookup, 2, 60, row->after);
	assert_int_equal(held(&scripted), row->entries);
	assert_int_equal(answer_for(&scripted, &client), 2);
	assert_int_equal(answer_for(&scripted, &other), row->other);
	assert_int_equal(aname_refresh_running(scripted.refresh), scripted.script.pending_count);
	scripted_skip(&scripted, 55000);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &client));
	scripted_deinit(&scripted);
}

static void merges(void **state)
{
	/* What turns out to be the same for a larger network ends up in one entry. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	for (unsigned i = 0; i < 10; i++) {
		const aname_subnet_t client = nth(i);
		learn(&scripted, &client, 1 + i, 60, 24);
	}
	assert_int_equal(held(&scripted), 10);
	scripted_skip(&scripted, 57000);
	for (unsigned i = 0; i < 10; i++) {
		const aname_subnet_t client = nth(i);
		scripted_resolve_scope(&scripted,
		                       scripted_pending_client(&scripted, &www, A, &client), 50, 60,
		                       16);
		assert_int_equal(answer_for(&scripted, &client), 50);
	}
	assert_int_equal(held(&scripted), 1);
	assert_int_equal(scripted.script.pending_count, 0);
	scripted_skip(&scripted, 57000);
	assert_int_equal(scripted.script.pending_count, 1);
	scripted_deinit(&scripted);
}

static void merges_while_running(void **state)
{
	/* The larger network's own lookup is under way when its part reports. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t wide = nth(1), narrow = nth(2);
	learn(&scripted, &narrow, 1, 60, 24);
	learn(&scripted, &wide, 2, 60, 16);
	assert_int_equal(held(&scripted), 2);
	scripted_skip(&scripted, 57000);
	script_lookup_t *of_wide = scripted_pending_client(&scripted, &www, A, &wide);
	scripted_resolve_scope(&scripted, scripted_pending_client(&scripted, &www, A, &narrow), 3,
	                       60, 16);
	assert_int_equal(held(&scripted), 1);
	assert_int_equal(answer_for(&scripted, &narrow), 3);
	scripted_resolve_scope(&scripted, of_wide, 4, 60, 16);
	assert_int_equal(answer_for(&scripted, &narrow), 4);
	assert_int_equal(answer_for(&scripted, &wide), 4);
	assert_int_equal(aname_refresh_running(scripted.refresh), 0);
	scripted_deinit(&scripted);
}

/* Asking. */

static void one_lookup_first(void **state)
{
	/* Until it is known that answers differ, one client's lookup does for all. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	for (unsigned i = 0; i < 100; i++) {
		const aname_subnet_t client = nth(i);
		scripted_ask_client(&scripted, &www, A, 300, &client);
	}
	const aname_subnet_t first = nth(0), second = nth(1);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &first));
	assert_null(scripted_pending_client(&scripted, &www, A, &second));
	/* The other family is another matter. */
	const aname_subnet_t v6 = make_subnet("2001:db8::", 56);
	scripted_ask_client(&scripted, &www, A, 300, &v6);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &v6));

	scripted_resolve_scope(&scripted, scripted_pending_client(&scripted, &www, A, &first), 1,
	                       300, 24);
	scripted_ask_client(&scripted, &www, A, 300, &second);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &second));
	scripted_deinit(&scripted);
}

static void first_lookup_fails(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t first = nth(0), second = nth(1);
	scripted_ask_client(&scripted, &www, A, 300, &first);
	const aname_subnets_t *subnets = atomic_load(&scripted_find(&scripted, &www, A)->subnets);
	assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_UNKNOWN);
	scripted_fail(&scripted, scripted_pending_client(&scripted, &www, A, &first),
	              ANAME_FAILURE_SERVER);
	assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_FAILING);
	assert_int_equal(scripted_heard(&scripted, "fails for a client subnet"), 1);

	/* F4: it is tried again in its time, whoever else asks. */
	for (unsigned i = 2; i < 100; i++) {
		const aname_subnet_t client = nth(i);
		scripted_ask_client(&scripted, &www, A, 300, &client);
	}
	assert_int_equal(held(&scripted), ANAME_SUBNETS_TRIES);
	assert_null(scripted_pending_client(&scripted, &www, A, &second));
	scripted_skip(&scripted, 7000);
	scripted_resolve_scope(&scripted, scripted_pending_client(&scripted, &www, A, &first), 1,
	                       300, 24);
	assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_LEARNED);
	scripted_ask_client(&scripted, &www, A, 300, &second);
	scripted_fail(&scripted, scripted_pending_client(&scripted, &www, A, &second),
	              ANAME_FAILURE_SERVER);
	assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_LEARNED);
	assert_int_equal(scripted_heard(&scripted, "fails for a client subnet"),
	                 0); /* Told before. */
	scripted_deinit(&scripted);
}

static void many_failures(void **state)
{
	/* Once they succeeded; when eight in a row fail, no other is begun until one succeeds. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t first = nth(0), last = nth(99);
	learn(&scripted, &first, 1, 86400, 24);
	const aname_subnets_t *subnets = atomic_load(&scripted_find(&scripted, &www, A)->subnets);
	for (unsigned i = 1; i <= ANAME_SUBNETS_TRIES; i++) {
		const aname_subnet_t client = nth(i);
		assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_LEARNED);
		scripted_ask_client(&scripted, &www, A, 300, &client);
		scripted_fail(&scripted, scripted_pending_client(&scripted, &www, A, &client),
		              ANAME_FAILURE_SERVER);
	}
	assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_FAILING);
	scripted_ask_client(&scripted, &www, A, 300, &last);
	assert_null(found(&scripted, &www, &last));
	assert_int_equal(answer_for(&scripted, &first), 1);

	scripted_skip(&scripted, 7000);
	scripted_resolve_scope(&scripted, scripted.script.pending, 2, 300, 24);
	assert_int_equal(atomic_load(&subnets->state[0]), ANAME_SUBNETS_LEARNED);
	scripted_ask_client(&scripted, &www, A, 300, &last);
	assert_non_null(found(&scripted, &www, &last));
	scripted_deinit(&scripted);
}

static void quarter_for_new(void **state)
{
	/* New subnets take at most a quarter of the lookups, and wait for those who have
	 * nothing. */
	const aname_limits_t limits = { 4, 10000, 8, 1000000, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	know(&scripted);
	const aname_subnet_t first = nth(0);
	learn(&scripted, &first, 1, 86400, 24);
	for (unsigned i = 1; i < 50; i++) {
		const aname_subnet_t client = nth(i);
		scripted_ask_client(&scripted, &www, A, 300, &client);
	}
	assert_int_equal(scripted.script.pending_count, 2);
	for (unsigned i = 0; i < 50; i++) {
		const name_t name = make_name_nth(i);
		scripted_ask(&scripted, &name, A, 300);
	}
	assert_int_equal(scripted.script.pending_count, 8);
	unsigned for_subnet = 0;
	for (const script_lookup_t *at = scripted.script.pending; at != NULL; at = at->next) {
		for_subnet += at->for_subnet;
	}
	assert_int_equal(for_subnet, 2);
	scripted_deinit(&scripted);
}

static void failing_lookup_forgotten(void **state)
{
	/* When nobody of the first subnet comes back, another one is tried. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 60;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	const aname_subnet_t second = nth(99);
	know(&scripted);
	for (unsigned i = 0; i < ANAME_SUBNETS_TRIES; i++) {
		const aname_subnet_t client = nth(i);
		scripted_ask_client(&scripted, &www, A, 300, &client);
		scripted_fail(&scripted, scripted_pending_client(&scripted, &www, A, &client),
		              ANAME_FAILURE_SERVER);
	}
	scripted_ask_client(&scripted, &www, A, 300, &second);
	assert_null(scripted_pending_client(&scripted, &www, A, &second));
	for (unsigned i = 0; i < 300; i++) {
		scripted_skip(&scripted, 1000);
		while (scripted.script.pending != NULL) {
			scripted_fail(&scripted, scripted.script.pending, ANAME_FAILURE_SERVER);
		}
	}
	assert_int_equal(held(&scripted), 0);
	scripted_ask_client(&scripted, &www, A, 300, &second);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &second));
	scripted_deinit(&scripted);
}

static void stale(void **state)
{
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t client = nth(0);
	learn(&scripted, &client, 1, 60, 24);
	scripted_skip(&scripted, 57000);
	scripted_fail(&scripted, scripted_pending_client(&scripted, &www, A, &client),
	              ANAME_FAILURE_SERVER);
	const aname_snapshot_t *known = aname_entry_snapshot(found(&scripted, &www, &client));
	assert_int_equal(known->failure, ANAME_FAILURE_SERVER);
	assert_int_equal(known->scope, 24);
	assert_int_equal(answer_for(&scripted, &client), 1);
	scripted_deinit(&scripted);
}

static void other_options(void **state)
{
	/* T4: under other options what is known for a client is found, scope and all. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t client = nth(0), near = nth(1), far = make_subnet("192.0.2.0", 24);
	learn(&scripted, &client, 1, 300, 16);
	aname_schedule_t schedule = make_schedule;
	schedule.ttl_max = 100;
	schedule.timeout_ms = 100;
	scripted_change(&scripted, &schedule);
	scripted_ask_client(&scripted, &www, A, 300, &near);
	assert_int_equal(scripted.script.pending_count, 0);
	assert_int_equal(answer_for(&scripted, &near), 1);
	assert_int_equal(answer_for(&scripted, &client), 1);
	assert_int_equal(answer_for(&scripted, &far), 0);
	scripted_ask_client(&scripted, &www, A, 300, &far);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &far));
	/* Near the end of its shorter life, whoever asks has it looked up. */
	scripted_skip(&scripted, 91000);
	scripted_ask_client(&scripted, &www, A, 300, &near);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &client));
	scripted_deinit(&scripted);
}

static void options_given_up(void **state)
{
	/* N4: what no section asks for any longer is not looked up. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t client = nth(0);
	learn(&scripted, &client, 1, 60, 24);
	aname_shared_unhold(scripted.shared, scripted.options);
	scripted_skip(&scripted, 57000);
	assert_null(scripted.script.pending);
	assert_int_equal(answer_for(&scripted, &client), 1);
	assert_non_null(aname_shared_hold(scripted.shared, make_options(), &scripted.upstream));
	scripted_ask_client(&scripted, &www, A, 300, &client);
	assert_non_null(scripted_pending_client(&scripted, &www, A, &client));
	scripted_deinit(&scripted);
}

static void prefix_cut(void **state)
{
	/* N4: after a change of options no more of a client is sent than they allow. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	know(&scripted);
	const aname_subnet_t narrow = make_subnet("10.0.0.0", 24),
	                     wide = make_subnet("10.0.0.0", 16);
	learn(&scripted, &narrow, 7, 60, 24);
	aname_schedule_t schedule = make_schedule;
	schedule.ecs_prefix_ipv4 = 16;
	scripted_change(&scripted, &schedule);
	scripted_skip(&scripted, 55000);
	assert_null(scripted_pending_client(&scripted, &www, A, &narrow));
	scripted_resolve_scope(&scripted, scripted_pending_client(&scripted, &www, A, &wide), 8, 60,
	                       24);
	assert_int_equal(held(&scripted), 1);
	assert_int_equal(answer_for(&scripted, &wide), 8);
	schedule.ecs_prefix_ipv4 = 0;
	scripted_change(&scripted, &schedule);
	for (unsigned i = 0; i < 100; i++) {
		scripted_skip(&scripted, 1000);
		assert_true(scripted.script.pending == NULL ||
		            !scripted.script.pending->for_subnet);
		if (scripted.script.pending != NULL) {
			scripted_resolve(&scripted, scripted.script.pending, 1, 1, 60);
		}
	}
	scripted_deinit(&scripted);
}

/* Bounds. */

static void charged_as_their_target(void **state)
{
	/* L4: however many a zone's clients bring in, no target of it is another one's because of
	 * that, and who asks for a subnet of a target has it charged no more than the target. */
	scripted_t scripted;
	begin(&scripted, NULL, NULL);
	scripted.zone = 7;
	know(&scripted);
	for (uint32_t i = 0; i < 20; i++) {
		const aname_subnet_t client = nth(i);
		learn(&scripted, &client, i + 1, 300, 24);
	}
	const aname_charges_t *charges = aname_table_charges(scripted.shared->table);
	uint32_t whole = aname_table_targets(scripted.shared->table);
	assert_int_equal(aname_charges_of(charges, 7), whole);
	const aname_subnet_t client = nth(3);
	scripted.zone = 100;
	scripted_skip(&scripted, 1000);
	scripted_ask_client(&scripted, &www, A, 300, &client);
	aname_entry_t *entry = found(&scripted, &www, &client);
	assert_int_equal(aname_entry_zone(entry),
	                 aname_entry_zone(scripted_find(&scripted, &www, A)));
	assert_int_equal(aname_entry_zone(entry), 7);
	scripted_deinit(&scripted);
}

static void most_of_a_target(void **state)
{
	const aname_limits_t limits = { 4, 10000, 1000, 1000000, 1000, 20, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	know(&scripted);
	for (unsigned i = 0; i < 100; i++) {
		scripted_skip(&scripted, 3000);
		const aname_subnet_t client = nth(i);
		learn(&scripted, &client, 1 + i, 86400, 24);
		assert_true(held(&scripted) <= 20);
	}
	assert_int_equal(held(&scripted), 20);
	for (unsigned i = 0; i < 100; i++) {
		const aname_subnet_t client = nth(i);
		assert_int_equal(answer_for(&scripted, &client), i < 80 ? 0 : 1 + i);
	}
	scripted_deinit(&scripted);
}

static void flood_keeps_regulars(void **state)
{
	/* Ten clients who come back, in a flood of those who never do. */
	const aname_limits_t limits = { 4, 10000, 1000, 1000000, 1000, 20, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	know(&scripted);
	for (unsigned i = 0; i < 10; i++) {
		const aname_subnet_t client = nth(i);
		learn(&scripted, &client, 1 + i, 86400, 24);
	}
	scripted_skip(&scripted, 10000);
	for (unsigned i = 0; i < 10; i++) {
		const aname_subnet_t client = nth(i);
		aname_entry_t *entry = found(&scripted, &www, &client);
		aname_entry_note_return(entry, aname_entry_snapshot(entry), BEGIN_MS + 10000);
	}
	for (unsigned i = 100; i < 5000; i++) {
		const aname_subnet_t client = nth(i);
		scripted_ask_client(&scripted, &www, A, 300, &client);
		script_lookup_t *lookup = scripted_pending_client(&scripted, &www, A, &client);
		if (lookup != NULL && i % 3 != 0) {
			scripted_resolve_scope(&scripted, lookup, 9, 300, 24);
		}
		assert_true(held(&scripted) <= 20);
	}
	for (unsigned i = 0; i < 10; i++) {
		const aname_subnet_t client = nth(i);
		assert_int_equal(answer_for(&scripted, &client), 1 + i);
	}
	scripted_deinit(&scripted);
}

static void most_of_all(void **state)
{
	/* The target that holds the most gives way to the others. */
	const aname_limits_t limits = { 4, 10000, 1000, 1000000, 30, 20, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	static const unsigned wanted[] = { 20, 20, 5, 3, 1 };
	for (unsigned n = 0; n < COUNT_OF(wanted); n++) {
		www = make_name_nth(n);
		know(&scripted);
		for (unsigned i = 0; i < wanted[n]; i++) {
			const aname_subnet_t client = nth(i);
			learn(&scripted, &client, 1 + i, 86400, 24);
			assert_true(held(&scripted) <= 30);
		}
	}
	assert_int_equal(held(&scripted), 30);
	unsigned sum = 0;
	for (unsigned n = 0; n < COUNT_OF(wanted); n++) {
		www = make_name_nth(n);
		unsigned count = atomic_load(
		        &atomic_load(&scripted_find(&scripted, &www, A)->subnets)->count);
		sum += count;
		/* Two share what the small ones do not need. */
		assert_in_range(count, n < 2 ? 10 : wanted[n], n < 2 ? 11 : wanted[n]);
	}
	assert_int_equal(sum, 30);
	scripted_deinit(&scripted);
}

static void all_busy(void **state)
{
	/* What is being looked up cannot go: one more is refused, and nothing breaks. */
	const aname_limits_t limits = { 4, 10000, 1000, 1000000, 1000, 3, 1000 };
	scripted_t scripted;
	begin(&scripted, NULL, &limits);
	know(&scripted);
	const aname_subnet_t first = nth(0);
	learn(&scripted, &first, 1, 60, 24);
	for (unsigned i = 1; i < 10; i++) {
		const aname_subnet_t client = nth(i);
		scripted_ask_client(&scripted, &www, A, 300, &client);
	}
	assert_int_equal(held(&scripted), 3);
	const aname_subnet_t last = nth(9);
	assert_null(found(&scripted, &www, &last));
	scripted_deinit(&scripted);
}

static void forgotten_with_target(void **state)
{
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 10;
	schedule.ttl_max = 60;
	schedule.stale_max = 30;
	scripted_t scripted;
	begin(&scripted, &schedule, NULL);
	know(&scripted);
	for (unsigned i = 0; i < 5; i++) {
		const aname_subnet_t client = nth(i);
		learn(&scripted, &client, 1, 60, 24);
	}
	while (scripted.script.pending != NULL) {
		scripted_resolve(&scripted, scripted.script.pending, 9, 1, 60);
	}
	for (unsigned i = 0; i < 300; i++) {
		scripted_skip(&scripted, 1000);
		assert_null(scripted.script.pending);
	}
	assert_int_equal(held(&scripted), 0);
	assert_int_equal(aname_table_targets(scripted.shared->table), 0);
	assert_int_equal(aname_table_addresses(scripted.shared->table), 0);
	scripted_deinit(&scripted);
}

static void pushed_out_with_target(void **state)
{
	/* A dormant target makes room; its subnet's lookup still runs, and holds it. */
	aname_schedule_t schedule = make_schedule;
	schedule.idle = 10;
	schedule.ttl_max = 20;
	schedule.timeout_ms = 60000;
	const aname_limits_t limits = { 4, 1, 1000, 1000000, 1000, 100, 1000 };
	scripted_t scripted;
	begin(&scripted, &schedule, &limits);
	know(&scripted);
	const aname_subnet_t client = nth(0);
	learn(&scripted, &client, 1, 340, 24);
	scripted_skip(&scripted, 19000);
	assert_int_equal(scripted_find(&scripted, &www, A)->plan.state, ANAME_PLAN_DORMANT);
	const aname_subnet_t second = nth(1);
	scripted_ask_client(&scripted, &www, A, 300, &second);
	script_lookup_t *lookup = scripted_pending_client(&scripted, &www, A, &second);
	assert_non_null(lookup);

	name_t other = make_name("other.example.");
	scripted_ask(&scripted, &other, A, 300);
	assert_null(scripted_find(&scripted, &other, A));
	assert_non_null(scripted_find(&scripted, &www, A));
	scripted_resolve_scope(&scripted, lookup, 2, 60, 24);
	scripted_skip(&scripted, 1000);
	scripted_ask(&scripted, &other, A, 300);
	assert_non_null(scripted_find(&scripted, &other, A));
	assert_null(scripted_find(&scripted, &www, A));
	assert_int_equal(held(&scripted), 0);
	scripted_deinit(&scripted);
}

/* At random. */

static unsigned counted(scripted_t *scripted)
{
	unsigned sum = 0;
	for (unsigned n = 0; n < 6; n++) {
		name_t name = make_name_nth(n);
		aname_entry_t *target = scripted_find(scripted, &name, A);
		const aname_subnets_t *subnets =
		        target != NULL ? atomic_load(&target->subnets) : NULL;
		if (subnets == NULL) {
			continue;
		}
		unsigned count = 0;
		for (aname_entry_t *at = subnets->first; at != NULL; at = at->subnet_entry->next) {
			assert_ptr_equal(at->subnet_entry->target, target);
			assert_ptr_equal(aname_table_find_subnet(scripted->shared->table, target,
			                                         &at->subnet_entry->network),
			                 at);
			count++;
		}
		assert_int_equal(count, atomic_load(&subnets->count));
		assert_true(count <= scripted->limits.max_target_subnets);
		sum += count;
	}
	return sum;
}

static void check_invariants(scripted_t *scripted)
{
	assert_int_equal(aname_refresh_running(scripted->refresh), scripted->script.pending_count);
	assert_int_equal(held(scripted), counted(scripted));
	assert_true(held(scripted) <= scripted->limits.max_subnets);
}

static void end_one(scripted_t *scripted, random_t *random)
{
	script_lookup_t *lookup = scripted->script.pending;
	unsigned skip = lookup != NULL ? random_below(random, scripted->script.pending_count) : 0;
	for (; skip > 0; skip--) {
		lookup = lookup->next;
	}
	if (lookup == NULL) {
		return;
	}
	if (random_below(random, 4) == 0) {
		scripted_fail(scripted, lookup, ANAME_FAILURE_SERVER);
	} else {
		static const uint8_t scopes[] = { 0, 8, 16, 20, 24, 24, 24, 32 };
		scripted_resolve_scope(scripted, lookup, 1, random_below(random, 90),
		                       lookup->for_subnet ? scopes[random_below(random, 8)] : 0);
	}
}

/*! A life of a few targets and many subnets; allocation `fail_at` fails, unless 0. */
static bool random_life(uint64_t seed, unsigned steps, unsigned fail_at)
{
	random_t random = { seed };
	const aname_limits_t limits = { 4, 4, 1 + random_below(&random, 12), 2000, 25, 10, 1000 };
	const aname_schedule_t schedule = { 1, 30, 60, 100, 1, 20, 3000, 1, 16, 24, 56 };
	scripted_t scripted;
	begin(&scripted, &schedule, &limits);
	aname_epoch_retire(scripted.shared->epoch, malloc(1));
	if (fail_at > 0) {
		alloc_fail_at(fail_at);
	}
	for (unsigned step = 0; step < steps; step++) {
		name_t name = make_name_nth(random_below(&random, 6));
		aname_subnet_t client = nth(random_below(&random, 40) * 100);
		client = aname_subnet_cut(&client, random_below(&random, 3) == 0 ? 20 : 24);
		switch (random_below(&random, 8)) {
		case 0: scripted_ask(&scripted, &name, A, random_below(&random, 60)); break;
		case 1:
		case 2:
		case 3: scripted_ask_client(&scripted, &name, A, 60, &client); break;
		case 4:
		case 5: end_one(&scripted, &random); break;
		case 6:
			scripted_skip(&scripted,
			              random_below(&random, step % 100 == 0 ? 300000 : 2000));
			break;
		default: scripted_skip(&scripted, random_below(&random, 100)); break;
		}
		check_invariants(&scripted);
	}
	bool failed = fail_at > 0 && alloc_failed();
	scripted_deinit(&scripted);
	return failed;
}

static void fuzz(void **state)
{
	for (uint64_t seed = 1; seed <= 20; seed++) {
		(void)random_life(seed, 3000, 0);
	}
}

static void no_memory(void **state)
{
	long live = alloc_live();
	unsigned n = 1;
	while (random_life(7, 150, n)) {
		assert_int_equal(alloc_live(), live);
		n++;
	}
	assert_true(n > 50);
}

int main(void)
{
	const struct CMUnitTest found_tests[] = {
		PROVES("N4: the longest prefix wins", longest_match),
		PROVES("N4: prefixes of IPv6 from 0 to 64", lengths_of_ipv6),
		PROVES("N4: what turns out to be the same is kept once", merges),
		PROVES("N4: also while the other lookup runs", merges_while_running),
	};
	const struct CMUnitTest asked[] = {
		PROVES("N4: one lookup finds out whether answers differ", one_lookup_first),
		PROVES("F4: a failing one is tried again, and no other", first_lookup_fails),
		PROVES("F4: until it is forgotten", failing_lookup_forgotten),
		PROVES("F1: what is known for a client outlives a failure", stale),
		PROVES("F4: many failures in a row end it, but for a few", many_failures),
		PROVES("L1: who has nothing comes first", quarter_for_new),
		PROVES("T4: and a change of options", other_options),
		PROVES("N4: no more of a client is sent than options allow by now", prefix_cut),
		PROVES("N4: under options that nobody has nothing is asked for", options_given_up),
	};
	const struct CMUnitTest bounds[] = {
		PROVES("L4: subnets are charged as their target is", charged_as_their_target),
		PROVES("N4: so many of a target, the least recently asked go", most_of_a_target),
		PROVES("N4: a flood pushes out its own kind", flood_keeps_regulars),
		PROVES("N4: so many in all, the largest holder gives way", most_of_all),
		PROVES("N4: what is looked up does not go", all_busy),
		PROVES("T3: unasked they are forgotten", forgotten_with_target),
		PROVES("L1: a target goes with its subnets, or not yet", pushed_out_with_target),
		PROVES("60,000 random steps: bounds hold, lists and table agree", fuzz),
		PROVES("out of memory at any point: nothing leaked, nothing broken", no_memory),
	};
	return RUN_ROWS("subnets: for whom an answer is", scope_rows, check_scope) +
	       RUN_ROWS("subnets: changes", change_rows, check_change) +
	       RUN_TESTS("subnets: found", found_tests) + RUN_TESTS("for_subnet: asked", asked) +
	       RUN_TESTS("subnets: bounds", bounds);
}
