#include "client.h"

#include <stdlib.h>

#include "check.h"

clients_t clients;

bool client_is_warm(const client_t *client)
{
	int64_t idle_ms = 1000 * (int64_t)server.sections[client->section].idle;
	return client->asked_ms != 0 && loop_now() - client->asked_ms <= idle_ms;
}

/*! It asks for as long at a time as makes its share. */
static void change(client_t *client)
{
	client->active = client->of_1000 == 1000 || !client->active;
	unsigned share = client->active ? client->of_1000 : 1000 - client->of_1000;
	int64_t most_ms = 2 * DAY_MS * share / 1000;
	client->change_ms = loop_now() + world_between(most_ms / 8, most_ms);
}

aname_part_t client_ask(client_t *client)
{
	if (!client_is_warm(client)) {
		client->warm_ms = loop_now();
	}
	client->asked_ms = client->target->asked_ms = loop_now();
	aname_part_t part = server_ask(client->target, client->section, client->ttl, client->zone);
	clients.questions++;
	check_told(client, server_find(client->target, client->section), &part);
	return part;
}

static void ask(loop_event_t *event)
{
	client_t *client = (client_t *)event;
	while (client->change_ms <= loop_now()) {
		change(client);
	}
	if (!client->active) {
		loop_at(event, client->change_ms);
		return;
	}
	server_enter();
	(void)client_ask(client);
	server_leave();
	loop_at(event, loop_now() + world_between(1, client->pause_ms));
}

/*! What a target costs that is asked for: the less it lives the less it is asked for. */
static unsigned share_of(const target_t *target, section_t section)
{
	uint32_t life = target->upstream == UPSTREAM_SYSTEM ? 3600 : target->ttl;
	life = section == SECTION_SHORT && life > 60 ? 60 : life;
	if (target->kind == TARGET_CLEAN && section != SECTION_SHORT && life >= 60) {
		return 1000;
	}
	if (life < 30) {
		return 5;
	}
	return life < 300 ? 60 : 400 + target->number % 600;
}

static void add(target_t *target, section_t section)
{
	static const uint32_t ttls[] = { 60, 300, 3600, 3600, 3600, 86400 };
	client_t *client = &clients.at[clients.count++];
	*client = (client_t){
		.event = { .run = ask },
		.target = target,
		.next = target->clients,
		.section = section,
		.ttl = ttls[target->number % 5 == 0 ? random_below(&world.random, 6) : 2],
		.zone = 1000 + target->number / 2 % 97,
		.pause_ms = world_between(20 * SECOND_MS, 50 * MINUTE_MS),
		.of_1000 = share_of(target, section)
	};
	int64_t idle_ms = 1000 * (int64_t)server.sections[section].idle;
	if (client->pause_ms > idle_ms - 60000) {
		client->pause_ms = idle_ms - 60000;
	}
	target->clients = client;
	loop_at(&client->event, loop_now() + world_between(1, HOUR_MS));
}

void clients_begin(void)
{
	static const section_t sections[] = {
		[UPSTREAM_STEADY] = SECTION_STEADY,
		[UPSTREAM_CACHE] = SECTION_CACHE,
		[UPSTREAM_SYSTEM] = SECTION_SYSTEM,
	};
	clients.at = calloc(2 * (size_t)world.count, sizeof(*clients.at));
	REQUIRE(clients.at != NULL, "out of memory");
	for (unsigned i = 0; i < world.count; i++) {
		target_t *target = &world.targets[i];
		add(target, sections[target->upstream]);
		if (target->upstream == UPSTREAM_CACHE && target->number % 19 == 0) {
			add(target, SECTION_SHORT);
		}
	}
}

void clients_stop(void)
{
	clients.stopped = true;
	for (unsigned i = 0; i < clients.count; i++) {
		loop_never(&clients.at[i].event);
	}
}

void clients_end(void)
{
	free(clients.at);
}
