#include "service/status/addresses.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "rrtype.h"
#include "service/status/line.h"
#include "service/status/text.h"

/*! An address in one of the ways in which it is probed. */
typedef struct {
	uint32_t definition; /*!< 0: it is not probed. */
	const uint8_t *address;
	uint8_t len;
} sight_t;

/*! Notes in which ways addresses are probed. */
static void read_ways(aname_status_addresses_t *addresses, const aname_snapshot_t *known)
{
	const aname_view_t *views = aname_snapshot_views(known);
	addresses->ways_count = 0;
	for (unsigned i = 0; i < known->views && i < ANAME_VIEWS_MAX; i++) {
		if (views[i].definition != 0) {
			addresses->ways[addresses->ways_count++] = views[i].definition;
		}
	}
	if (addresses->ways_count == 0) {
		addresses->ways[addresses->ways_count++] = 0;
	}
}

void aname_status_addresses_begin(aname_status_addresses_t *addresses,
                                  const aname_status_backend_t *backend, aname_entry_t *entry)
{
	const aname_snapshot_t *known = aname_entry_snapshot(entry);
	addresses->snapshot = NULL;
	if (known == NULL || known->count == 0 || entry->for_subnet ||
	    (known->views == 0 && !aname_forces_any(backend->forces))) {
		return;
	}
	const knot_dname_t *name = aname_entry_name(entry);
	memcpy(addresses->name, name, knot_dname_size(name));
	addresses->type = entry->type;
	addresses->address = addresses->way = 0;
	read_ways(addresses, known);
	addresses->snapshot = aname_snapshot_copy(known);
}

void aname_status_addresses_end(aname_status_addresses_t *addresses)
{
	free(addresses->snapshot);
	addresses->snapshot = NULL;
}

/*! Takes the next one, and moves on. */
static sight_t take(aname_status_addresses_t *addresses)
{
	const aname_snapshot_t *snapshot = addresses->snapshot;
	const uint8_t *at = snapshot->rdata + (size_t)addresses->address * snapshot->step;
	const knot_rdata_t *rdata = (const knot_rdata_t *)at;
	const sight_t sight = { .definition = addresses->ways[addresses->way],
		                .address = rdata->data,
		                .len = rdata->len };
	addresses->way++;
	if (addresses->way == addresses->ways_count) {
		addresses->way = 0;
		addresses->address++;
	}
	return sight;
}

static void write_probe(char *at, size_t *len, const aname_probe_t *probe)
{
	aname_line_add(at, len, ANAME_FIELD(PROBE) "%s" ANAME_FIELD(PORT) "%u",
	               aname_probe_text(probe->kind), probe->port);
	if (probe->host[0] != '\0') {
		aname_line_add(at, len, ANAME_FIELD(HOST) "%s", probe->host);
	}
	if (probe->path[0] != '\0') {
		aname_line_add(at, len, ANAME_FIELD(PATH) "%s", probe->path);
	}
}

static void write_health(char *at, size_t *len, const aname_probed_t *probed, int64_t now_ms)
{
	static const char *const words[] = {
		[ANAME_HEALTH_UNKNOWN] = ANAME_HEALTH_WORD_UNKNOWN,
		[ANAME_HEALTH_UP] = ANAME_HEALTH_WORD_UP,
		[ANAME_HEALTH_DOWN] = ANAME_HEALTH_WORD_DOWN,
	};
	const aname_verdict_t *verdict = &probed->verdict;
	aname_line_add(at, len, ANAME_FIELD(HEALTH) "%s", words[verdict->health]);
	if (verdict->since_ms != 0) {
		aname_line_add(at, len, ANAME_FIELD(SINCE) "%" PRId64,
		               (now_ms - verdict->since_ms) / 1000);
	}
	if (probed->probed_ms != 0) {
		aname_line_add(at, len, ANAME_FIELD(PROBED) "%" PRId64,
		               (now_ms - probed->probed_ms) / 1000);
	}
	if (probed->why != NULL && verdict->health != ANAME_HEALTH_UP) {
		aname_line_add(at, len, ANAME_FIELD(WHY) "%s", probed->why);
	}
}

static size_t write_line(const aname_status_addresses_t *addresses,
                         const aname_status_backend_t *backend, const sight_t *sight,
                         const aname_force_t *force, char *at, int64_t now_ms)
{
	size_t len = 0;
	knot_dname_txt_storage_t name = "";
	(void)knot_dname_to_str(name, addresses->name, sizeof(name));
	aname_line_add(at, &len, ANAME_STATUS_ADDRESS ANAME_FIELD(NAME) "%s", name);
	aname_line_add(at, &len, ANAME_FIELD(FAMILY) "%s" ANAME_FIELD(ADDRESS),
	               aname_family_text(addresses->type));
	aname_line_add_address(at, &len, sight->address, sight->len);

	const aname_probed_t *probed = NULL;
	if (sight->definition != 0 && backend->probed != NULL) {
		probed = backend->probed(backend->ctx, sight->definition, addresses->name,
		                         sight->address, sight->len);
	}
	if (probed != NULL) {
		write_probe(at, &len, &probed->definition->probe);
		write_health(at, &len, probed, now_ms);
	} else {
		aname_line_add(at, &len, ANAME_FIELD(HEALTH) ANAME_HEALTH_WORD_UNKNOWN);
	}
	if (force != NULL) {
		aname_status_add_force(at, &len, force, now_ms);
	}
	aname_line_end(at, &len);
	return len;
}

size_t aname_status_addresses_write(aname_status_addresses_t *addresses,
                                    const aname_status_backend_t *backend, char *at, int64_t now_ms)
{
	size_t len = 0;
	const sight_t sight = take(addresses);
	const aname_force_t *force =
	        aname_forces_about(backend->forces, addresses->name, sight.address, sight.len);
	if (sight.definition != 0 || force != NULL) {
		len = write_line(addresses, backend, &sight, force, at, now_ms);
	}
	if (addresses->address == addresses->snapshot->count) {
		aname_status_addresses_end(addresses);
	}
	return len;
}
