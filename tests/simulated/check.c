#include "checks.h"

#include <inttypes.h>
#include <stdlib.h>

#include "prober.h"
#include "support/alloc.h"
#include "support/audit.h"

checks_t checks;

/* What the service is told. */

static void check_client(const client_t *client)
{
	server_enter();
	aname_entry_t *entry = server_find(client->target, client->section);
	aname_part_t part = { .judgement = { .worth = ANAME_COLD, .fallback = ANAME_FAILED } };
	if (entry != NULL) {
		part = server_judge(entry, client->section, client->ttl);
	}
	check_told(client, entry, &part);
	server_leave();
}

void check_before(const target_t *target, const aname_result_t *result)
{
	check_place_left(target);
	for (const client_t *client = target->clients; client != NULL && !server.stops;
	     client = client->next) {
		if (client_is_warm(client)) {
			check_client(client);
		}
	}
}

static void note_success(target_t *target, const aname_result_t *result, int64_t took_ms)
{
	record_t *record = &target->record;
	uint32_t bare_ttl = 5;
	for (unsigned i = 0; i < record->bare && bare_ttl < 30; i++) {
		bare_ttl = 2 * bare_ttl < 30 ? 2 * bare_ttl : 30;
	}
	*record = (record_t){ .learned_ms = loop_now(),
		              .ttl = result->bare ? bare_ttl : result->ttl,
		              .known = result->known,
		              .count = result->count,
		              .bare = result->bare ? record->bare + (record->bare < 9) : 0 };
	if (result->count > 0) {
		(void)world_addresses(target, target->cached_first, &record->first);
	}
}

void check_after(target_t *target, const aname_result_t *result, int64_t took_ms)
{
	record_t *record = &target->record;
	if (result->failure == ANAME_FAILURE_NONE) {
		note_success(target, result, took_ms);
		check_first(&world.recursors[target->upstream]);
	} else if (!server.stops) {
		record->failing_ms = record->failed_ms != 0 ? record->failing_ms : loop_now();
		record->failed_ms = loop_now();
		record->failures++;
	}
}

/* Restarts. */

static void shift_interest(int64_t by_ms)
{
	for (unsigned i = 0; i < clients.count; i++) {
		if (clients.at[i].asked_ms != 0) {
			clients.at[i].asked_ms += by_ms;
		}
	}
	for (unsigned i = 0; i < world.count; i++) {
		if (world.targets[i].asked_ms != 0) {
			world.targets[i].asked_ms += by_ms;
		}
	}
}

void check_saved(void)
{
	for (unsigned i = 0; i < world.count; i++) {
		world.targets[i].saved = world.targets[i].record;
		world.targets[i].saved_asked_ms = world.targets[i].asked_ms;
	}
	for (unsigned i = 0; i < clients.count; i++) {
		clients.at[i].saved_asked_ms = clients.at[i].asked_ms;
	}
}

void check_restarted(int64_t down_ms, bool killed)
{
	memset(checks.silences, 0, sizeof(checks.silences));
	for (unsigned i = 0; i < world.count && killed; i++) {
		world.targets[i].record = world.targets[i].saved;
		world.targets[i].asked_ms = world.targets[i].saved_asked_ms;
	}
	for (unsigned i = 0; i < clients.count && killed; i++) {
		clients.at[i].asked_ms = clients.at[i].saved_asked_ms;
		clients.at[i].warm_ms = loop_now();
	}
	check_slept(down_ms);
}

void check_slept(int64_t slept_ms)
{
	shift_interest(slept_ms);
	prober_resumed();
	for (unsigned i = 0; i < UPSTREAMS; i++) {
		loop_never(&world.recursors[i].recovered);
		world.recursors[i].awaited = false;
		check_excuse(i, check_catch_up_ms());
	}
}

/* The whole. */

void check_memory(void)
{
	checks.memory = alloc_live();
}

void check_begin(void)
{
	/* A tenth of a second's lookups may come at once in the place of an even pace. */
	checks.starts_max = server.lookup_rate + server.lookup_rate / 10 + 1;
	checks.starts = calloc(checks.starts_max, sizeof(*checks.starts));
	REQUIRE(checks.starts != NULL, "out of memory");
}

void check_all(void)
{
	for (unsigned i = 0; i < clients.count; i++) {
		check_client(&clients.at[i]);
	}
	const char *wrong = audit_refresh(server.refresh);
	REQUIRE(wrong == NULL, "%s", wrong);
	long memory = alloc_live() - checks.memory;
	checks.most_memory = memory > checks.most_memory ? memory : checks.most_memory;
	/* Of a target: itself, and what is published of it, once more while a worker may read it;
	 * of a lookup its run, and the world's own. And what there is once. */
	REQUIRE(memory < 4 * (long)world.count + 4 * (long)world.pending + 2000,
	        "%ld blocks of memory are in use for %u targets", memory, world.count);
}

void check_empty(void)
{
	REQUIRE(aname_table_targets(server.shared->table) == 0, "T3: %zu targets are left",
	        aname_table_targets(server.shared->table));
	prober_check_empty();
	const char *wrong = audit_refresh(server.refresh);
	REQUIRE(wrong == NULL, "%s", wrong);
}

void check_end(void)
{
	free(checks.starts);
	REQUIRE(alloc_live() == checks.memory, "%ld blocks of memory are left",
	        alloc_live() - checks.memory);
}

void check_print(void)
{
	printf("%" PRIu64 " answers, %" PRIu64 " retries and %" PRIu64 " recoveries were as the "
	       "rules say\n",
	       checks.told, checks.retries, checks.returned);
	printf("what did not fail was past its lifetime by %" PRId64 " ms at most\n",
	       checks.oldest_ms);
	prober_print();
	printf("%ld blocks of memory in use at most\n", checks.most_memory);
}
