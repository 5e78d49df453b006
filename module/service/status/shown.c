#include "service/status/shown.h"

#include <string.h>

#include "protocol.h"
#include "service/status/line.h"
#include "service/status/text.h"
#include "table/clock.h"

/*! Slots of the table, and addresses, looked at in one go. */
#define PAGE_STEPS 512

static bool is_named(const aname_client_t *client, const knot_dname_t *name)
{
	const aname_status_request_t *request = &client->request;
	for (size_t i = 0; i < request->names_count; i++) {
		if (knot_dname_is_equal(request->names[i], name)) {
			return true;
		}
	}
	return false;
}

/*! Is it asked for? What is kept from a resolver that no section names any more is of no use. */
static bool wanted(const aname_client_t *client, const aname_entry_t *entry)
{
	return entry->upstream->held &&
	       (client->upstream == NULL || client->upstream == entry->upstream) &&
	       (client->request.names_count == 0 || is_named(client, aname_entry_name(entry)));
}

/*! Writes what is forced; false if there is no more of it. */
static bool fill_force(aname_client_t *client, int64_t now_ms)
{
	const aname_force_t *force =
	        aname_forces_step(client->clients->backend.forces, &client->force);
	if (force != NULL && (client->request.names_count == 0 ||
	                      (force->subject.len == 0 && is_named(client, force->subject.name)))) {
		client->len +=
		        aname_status_write_forced(client->buffer + client->len, force, now_ms);
	}
	return force != NULL;
}

static void fill_entry(aname_client_t *client, int64_t now_ms)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	const aname_shared_t *shared = client->clients->shared;
	aname_entry_t *entry = aname_table_step(shared->table, &client->cursor);
	if (entry != NULL && wanted(client, entry)) {
		client->len += aname_status_write(client->buffer + client->len, shared, entry,
		                                  backend->forces, now_ms);
		aname_status_addresses_begin(&client->addresses, backend, entry);
	}
}

/*! Fills the buffer with the next page. */
static void fill(aname_client_t *client)
{
	int64_t now_ms = aname_clock_ms();
	for (unsigned i = 0; i < PAGE_STEPS && client->len < ANAME_CLIENT_PAGE && !client->done;
	     i++) {
		if (client->addresses.snapshot != NULL) {
			client->len += aname_status_addresses_write(
			        &client->addresses, &client->clients->backend,
			        client->buffer + client->len, now_ms);
		} else if (!fill_force(client, now_ms)) {
			client->done = client->cursor.end || client->cursor.rebuilt;
			if (!client->done) {
				fill_entry(client, now_ms);
			}
		}
	}
	if (client->done) {
		const char *last =
		        client->cursor.rebuilt ? ANAME_STATUS_AGAIN "\n" : ANAME_STATUS_END "\n";
		memcpy(client->buffer + client->len, last, strlen(last));
		client->len += strlen(last);
	}
}

static void more(aname_client_t *client)
{
	fill(client);
	aname_client_send(client);
}

/*! Writes what there is to say of the zone that is asked for, and notes whom it asks. */
static void show_zone(aname_client_t *client)
{
	const aname_shared_t *shared = client->clients->shared;
	const knot_dname_t *zone = client->request.owner;
	uint64_t hash = aname_owners_hash(shared->owners, zone, knot_dname_size(zone));
	aname_zone_view_t view;
	if (aname_zones_show(shared->zones, hash, &view)) {
		client->upstream = view.upstream;
		client->len += aname_status_write_zone(client->buffer + client->len, zone, &view);
	}
	client->len += aname_status_write_owner(client->buffer + client->len, shared->owners, zone);
}

void aname_client_show(aname_client_t *client)
{
	const aname_status_clients_t *clients = client->clients;
	client->len = aname_status_write_server(client->buffer, clients->shared, &clients->backend);
	if (client->request.has_owner) {
		show_zone(client);
	}
	client->cursor = aname_table_begin(clients->shared->table);
	client->more = more;
	aname_client_send(client);
}
