/*
 * Workers against a service that changes everything all the time: adds, publishes, removes,
 * grows the table, reclaims. Every address that is published says whose it is, of which
 * generation, and how many there are, so that nothing torn, stale or foreign goes unnoticed.
 */
#include "support/test.h"

#include <pthread.h>

#include <libknot/libknot.h>

#include "support/random.h"
#include "table/clock.h"
#include "table/logged.h"
#include "table/policy.h"
#include "worker.h"

enum {
	NAMES = 600,
	READERS = 6,
	QUERIES = 15000,
	LISTS = 20, /*!< More than a snapshot remembers. */
};

static name_t names[NAMES];

/* What is published. */

static unsigned count_of(uint32_t generation)
{
	return 1 + generation % 23;
}

static aname_snapshot_t *make_generation(unsigned name, uint32_t generation)
{
	uint8_t addresses[32 * 16] = { 0 };
	unsigned count = count_of(generation);
	for (unsigned i = 0; i < count; i++) {
		uint8_t *at = addresses + (size_t)i * 16;
		knot_wire_write_u32(at, name);
		knot_wire_write_u32(at + 4, generation);
		knot_wire_write_u32(at + 8, generation * 0x9e3779b9);
		knot_wire_write_u32(at + 12, i);
	}
	const aname_result_t result = { .known = ANAME_KNOWN_ADDRESSES,
		                        .ttl = 1 + generation % 3,
		                        .address_len = 16,
		                        .count = count,
		                        .addresses = addresses };
	aname_snapshot_t *snapshot = aname_snapshot_new(&result, aname_clock_ms(), generation);
	CHECK(snapshot != NULL);
	return snapshot;
}

/* The readers. */

typedef struct {
	worker_t worker;
	uint64_t seed;
	unsigned answers, addresses, messages;
	uint32_t seen[NAMES]; /*!< The last generation seen of each name. */
	_Atomic unsigned *done;
} reader_t;

/*! All addresses of a name in a reply are of one generation, and complete. */
static void check_reply(reader_t *reader, const query_t *query)
{
	uint32_t generations[NAMES] = { 0 };
	unsigned counts[NAMES] = { 0 };
	knot_pkt_t *parsed = knot_pkt_new(reader->worker.pkt->wire, reader->worker.pkt->size, NULL);
	CHECK(parsed != NULL && knot_pkt_parse(parsed, 0) == KNOT_EOK);
	const knot_pktsection_t *section = knot_pkt_section(parsed, KNOT_ANSWER);
	CHECK(section->count > 0);
	for (unsigned i = 0; i < section->count; i++) {
		const uint8_t *at = knot_pkt_rr(section, i)->rrs.rdata->data;
		uint32_t name = knot_wire_read_u32(at), generation = knot_wire_read_u32(at + 4);
		CHECK(name < NAMES);
		CHECK(knot_wire_read_u32(at + 8) == (uint32_t)(generation * 0x9e3779b9));
		CHECK(counts[name] == 0 || generations[name] == generation);
		CHECK(knot_wire_read_u32(at + 12) == counts[name]);
		generations[name] = generation;
		counts[name]++;
	}
	for (unsigned i = 0; i < query->count; i++) {
		unsigned name = query->names[i] - names;
		CHECK(counts[name] == 0 || counts[name] == count_of(generations[name]));
		CHECK(counts[name] == 0 || generations[name] >= reader->seen[name]);
		reader->seen[name] = counts[name] > 0 ? generations[name] : reader->seen[name];
		reader->addresses += counts[name];
		counts[name] = 0;
	}
	for (unsigned name = 0; name < NAMES; name++) {
		CHECK(counts[name] == 0); /* Nobody asked for it. */
	}
	knot_pkt_free(parsed);
}

static void on_message(void *ctx, int priority, const char *message)
{
	reader_t *reader = ctx;
	reader->messages++;
	CHECK(strlen(message) > 0);
}

static void random_query(random_t *random, query_t *query)
{
	*query = (query_t){ .count = 1 + random_below(random, WORKER_POOL),
		            .type = KNOT_RRTYPE_AAAA,
		            .ttl = random_below(random, 5) };
	/* A few names are asked for often, all of them now and then. */
	unsigned range = random_below(random, 4) == 0 ? NAMES : 20;
	unsigned first = random_below(random, range);
	for (unsigned i = 0; i < query->count; i++) {
		query->names[i] = &names[(first + 7 * i) % NAMES];
	}
}

static void *read_all(void *arg)
{
	reader_t *reader = arg;
	random_t random = { reader->seed };
	const aname_log_t log = { on_message, reader };
	for (unsigned i = 0; i < QUERIES; i++) {
		query_t query;
		random_query(&random, &query);
		if (aname_worth_has_addresses(worker_answer(&reader->worker, &query))) {
			check_reply(reader, &query);
			reader->answers++;
		}
		aname_logbook_read(reader->worker.shared->logbook, &log, aname_clock_coarse_ms());
		(void)aname_shared_log_once(
		        reader->worker.shared, (uint64_t)random_below(&random, 5000) << 24,
		        1 + random_below(&random, 100), aname_clock_coarse_ms());
	}
	atomic_fetch_add(reader->done, 1);
	return NULL;
}

/* The service. */

typedef struct {
	aname_shared_t *shared;
	const aname_upstream_t *upstream;
	random_t random;
	aname_entry_t *entries[NAMES];
	uint32_t generations[NAMES];
	unsigned published, removed, requests;
} service_t;

static void publish(service_t *service, unsigned name)
{
	aname_entry_t *entry = service->entries[name];
	aname_table_publish(service->shared->table, entry,
	                    make_generation(name, ++service->generations[name]));
	atomic_store(&entry->cold, false);
	atomic_store(&entry->next_ms, aname_clock_ms() + random_below(&service->random, 2000));
	aname_waiters_wake(service->shared->waiters);
	service->published++;
}

static void fail_target(service_t *service, unsigned name)
{
	aname_entry_t *entry = service->entries[name];
	aname_snapshot_t *failed = aname_snapshot_failed(
	        aname_entry_snapshot(entry), ANAME_FAILURE_SERVER, "SERVFAIL", aname_clock_ms());
	CHECK(failed != NULL);
	aname_table_publish(service->shared->table, entry, failed);
	aname_logbook_write(service->shared->logbook, LOG_WARNING, "a target fails",
	                    aname_clock_ms());
}

static void remove_target(service_t *service, unsigned name)
{
	aname_table_remove(service->shared->table, service->entries[name]);
	service->entries[name] = NULL;
	service->removed++;
}

static unsigned number_of(const aname_request_t *request)
{
	unsigned name = 0;
	while (name < NAMES && !knot_dname_is_equal(names[name].at, request->name)) {
		name++;
	}
	CHECK(name < NAMES);
	return name;
}

static void take_requests(service_t *service)
{
	aname_request_t request;
	while (aname_queue_pop(service->shared->queue, &request)) {
		unsigned name = number_of(&request);
		CHECK(request.upstream == service->upstream);
		CHECK(request.type == KNOT_RRTYPE_AAAA && request.name_len == names[name].len);
		service->requests++;
		const aname_key_t key = make_key(service->upstream, &names[name], request.type);
		CHECK(request.hash == aname_table_hash(service->shared->table, &key));
		aname_entry_t *entry = aname_table_find(service->shared->table, &key, request.hash);
		CHECK(entry == service->entries[name]);
		if (entry == NULL) {
			entry = aname_table_add(service->shared->table, &key, request.hash);
			CHECK(entry != NULL);
			service->entries[name] = entry;
		}
		aname_entry_touch(aname_table_charges(service->shared->table), entry,
		                  request.interest, aname_clock_ms() / 1000);
		publish(service, name);
	}
}

static void stir(service_t *service)
{
	unsigned name =
	        random_below(&service->random, random_below(&service->random, 2) ? NAMES : 20);
	if (service->entries[name] == NULL) {
		return;
	}
	switch (random_below(&service->random, 8)) {
	case 0: remove_target(service, name); break;
	case 1: fail_target(service, name); break;
	case 2:
		atomic_store(&service->entries[name]->cold, true);
		atomic_store(&service->entries[name]->next_ms, ANAME_NEXT_NEVER);
		break;
	default: publish(service, name); break;
	}
}

static void serve(service_t *service, _Atomic unsigned *done)
{
	while (atomic_load(done) < READERS) {
		take_requests(service);
		for (unsigned i = 0; i < 4; i++) {
			stir(service);
		}
		(void)aname_epoch_reclaim(service->shared->epoch);
	}
}

/* The test. */

static void check_end(service_t *service, reader_t *readers)
{
	aname_shared_t *shared = service->shared;
	assert_int_equal(aname_epoch_reclaim(shared->epoch), 0);
	uint64_t answers = 0;
	for (unsigned i = 0; i < ANAME_WORKERS_MAX; i++) {
		for (unsigned k = 0; k < ANAME_ANSWER_KINDS_MAX; k++) {
			answers += atomic_load(&shared->workers[i].answers[k]);
		}
	}
	assert_int_equal(answers, READERS * QUERIES);
	unsigned put = 0, targets = 0;
	for (unsigned i = 0; i < READERS; i++) {
		put += readers[i].answers;
	}
	for (unsigned i = 0; i < NAMES; i++) {
		targets += service->entries[i] != NULL;
	}
	assert_int_equal(aname_table_targets(shared->table), targets);
	print_message("answers %u, published %u, removed %u, requests %u\n", put,
	              service->published, service->removed, service->requests);
	assert_true(put > 0 && service->published > 0 && service->removed > 0);
}

static void readers_and_publisher(void **state)
{
	static const unsigned workers[READERS] = { 0, 1, 2, 255, 256, ANAME_WORKERS_MAX - 1 };
	for (unsigned i = 0; i < NAMES; i++) {
		names[i] = make_name_nth(i);
	}
	aname_options_t *options = make_options();
	options->max_addresses = 1000;
	aname_nets_t lists[LISTS] = { 0 };
	for (unsigned i = 0; i < LISTS; i++) {
		char high[64];
		(void)snprintf(high, sizeof(high), "0:%x:ffff:ffff:ffff:ffff:ffff:ffff", i);
		make_add_net(&lists[i], "::", high);
	}
	service_t service = { .shared = aname_shared_new(NULL, NULL), .random = { 99 } };
	assert_non_null(service.shared);
	service.upstream = make_upstream(service.shared, &options->schedule, &options->source);

	_Atomic unsigned done = 0;
	static reader_t readers[READERS];
	pthread_t threads[READERS];
	for (unsigned i = 0; i < READERS; i++) {
		readers[i] = (reader_t){ .worker = { .shared = service.shared,
			                             .options = options,
			                             .upstream = service.upstream,
			                             .lists = lists,
			                             .lists_count = LISTS,
			                             .list = i,
			                             .worker = workers[i],
			                             .waiters = i % 2 == 0 ? 2 : 0 },
			                 .seed = i + 1,
			                 .done = &done };
		assert_int_equal(pthread_create(&threads[i], NULL, read_all, &readers[i]), 0);
	}
	serve(&service, &done);
	for (unsigned i = 0; i < READERS; i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	check_end(&service, readers);
	aname_shared_free(service.shared);
	aname_options_free(options);
	for (unsigned i = 0; i < LISTS; i++) {
		free(lists[i].at);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("what workers read is whole, of one generation, and never older than before",
		       readers_and_publisher),
	};
	return RUN_TESTS("concurrency: readers and publisher", tests);
}
