#include "service/dns_servers.h"

/*! How long a server that did not answer is not asked first: from, to. */
#define DOWN_MIN_MS 2000
#define DOWN_MAX_MS 30000
/*! How long a server that did not understand EDNS is asked without. */
#define NO_EDNS_MS  60000
/*! How long it counts that a server was seen to understand something. */
#define LEARNT_MS   600000

void aname_dns_server_down(aname_dns_server_t *server, int64_t now_ms)
{
	int64_t pause_ms = server->down_ms == 0 ? DOWN_MIN_MS : 2 * server->down_ms;
	server->down_ms = pause_ms < DOWN_MAX_MS ? pause_ms : DOWN_MAX_MS;
	server->down_until_ms = now_ms + server->down_ms;
}

void aname_dns_server_up(aname_dns_server_t *server, int64_t now_ms)
{
	server->heard_ms = now_ms;
	server->down_ms = 0;
	server->down_until_ms = 0;
}

static bool is_recent(int64_t seen_ms, int64_t now_ms)
{
	return seen_ms != 0 && now_ms - seen_ms < LEARNT_MS;
}

void aname_dns_server_note(aname_dns_server_t *server, const aname_message_reply_t *reply,
                           bool edns, int64_t now_ms)
{
	if (reply->has_opt) {
		server->edns_ms = now_ms;
	}
	if (reply->echoed) {
		server->echoed_ms = now_ms;
	}
	bool without = reply->failure == ANAME_FAILURE_NONE && !reply->has_opt;
	if (without && edns && !is_recent(server->edns_ms, now_ms)) {
		server->no_edns_ms = now_ms + NO_EDNS_MS;
	}
}

bool aname_dns_server_echoes(const aname_dns_server_t *server, int64_t now_ms)
{
	return is_recent(server->echoed_ms, now_ms);
}

aname_dns_server_t *aname_dns_servers_pick(aname_dns_servers_t *servers, uint32_t *asked,
                                           int64_t now_ms)
{
	unsigned count = servers->count;
	if (*asked == (1u << count) - 1) {
		*asked = 0;
	}
	unsigned best = count;
	for (unsigned i = 0; i < count; i++) {
		if (*asked & (1u << i)) {
			continue;
		}
		aname_dns_server_t *server = &servers->at[i];
		if (server->down_until_ms <= now_ms) {
			best = i;
			break;
		}
		if (best == count || server->heard_ms > servers->at[best].heard_ms) {
			best = i;
		}
	}
	aname_dns_server_t *server = &servers->at[best];
	*asked |= 1u << best;
	if (server->down_until_ms != 0 && server->down_until_ms <= now_ms) {
		/* Others stay away from it until it is known how this one fares. */
		server->down_until_ms = now_ms + server->down_ms;
	}
	return server;
}

void aname_dns_servers_init(aname_dns_servers_t *servers, uv_loop_t *loop,
                            const aname_source_t *source)
{
	servers->count = source->servers_count;
	for (unsigned i = 0; i < servers->count; i++) {
		servers->at[i].links = (aname_links_t){ .loop = loop,
			                                .source = source,
			                                .server = &source->servers[i] };
	}
}

void aname_dns_servers_set_try(aname_dns_servers_t *servers, int try_ms)
{
	for (unsigned i = 0; i < servers->count; i++) {
		servers->at[i].links.try_ms = try_ms;
	}
}

void aname_dns_servers_deinit(aname_dns_servers_t *servers)
{
	for (unsigned i = 0; i < servers->count; i++) {
		aname_links_deinit(&servers->at[i].links);
	}
}

void aname_dns_servers_tick(aname_dns_servers_t *servers)
{
	for (unsigned i = 0; i < servers->count; i++) {
		aname_links_tick(&servers->at[i].links);
	}
}
