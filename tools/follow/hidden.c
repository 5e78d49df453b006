#include "follow/hidden.h"

#include <stdlib.h>
#include <string.h>

/*! What cuts a zone, as bits. */
#define DELEGATION 1
#define DNAME      2

/*! A zone's number and a name. */
#define KEY_MAX (sizeof(uint32_t) + KNOT_DNAME_MAXLEN)

static size_t write_key(uint32_t zone, const knot_dname_t *name, uint8_t key[KEY_MAX])
{
	size_t len = knot_dname_size(name);
	memcpy(key, &zone, sizeof(zone));
	memcpy(key + sizeof(zone), name, len);
	return sizeof(zone) + len;
}

/*! Adds an owner and all names above it, down from the apex. False if out of memory. */
static bool add_owner(kaname_hidden_t *hidden, const kaname_zones_t *zones, uint32_t zone,
                      const kaname_zone_record_t *record)
{
	uint8_t key[KEY_MAX];
	knot_dname_storage_t owner;
	kaname_zones_owner(zones, zone, record, owner);
	for (const uint8_t *name = owner; name <= owner + record->prefix_len; name += name[0] + 1) {
		if (kaname_names_add(&hidden->names, key, write_key(zone, name, key)) ==
		    KANAME_NAMES_NONE) {
			return false;
		}
	}
	return true;
}

/*! The same of all owners of a zone that are below its apex; `below` is set if there are some. */
static bool add_zone(kaname_hidden_t *hidden, const kaname_zones_t *zones, uint32_t zone,
                     bool *below)
{
	*below = false;
	for (unsigned type = 0; type < ANAME_RRTYPES; type++) {
		kaname_zone_record_t record;
		for (bool is = kaname_zones_first(zones, zone, type, &record); is;
		     is = kaname_zones_next(zones, zone, &record)) {
			if (record.prefix_len == 0) {
				continue;
			}
			*below = true;
			if (!add_owner(hidden, zones, zone, &record)) {
				return false;
			}
		}
	}
	return true;
}

/*! One command. */
typedef struct {
	kaname_hidden_t *hidden;
	kaname_zones_t *zones;
	uint8_t cut;
} reading_t;

static void take_cut(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *owner = (*data)[KNOT_CTL_IDX_OWNER], *of = (*data)[KNOT_CTL_IDX_ZONE];
	knot_dname_storage_t name;
	uint8_t key[KEY_MAX];
	/* Most are of an apex, which is no delegation. */
	if (owner == NULL || of == NULL || (reading->cut == DELEGATION && strcmp(owner, of) == 0)) {
		return;
	}
	uint32_t zone = kaname_zones_find(reading->zones, of, false);
	if (zone == KANAME_NAMES_NONE || knot_dname_from_str(name, owner, sizeof(name)) == NULL) {
		return;
	}
	knot_dname_to_lower(name);
	uint32_t number =
	        kaname_names_find(&reading->hidden->names, key, write_key(zone, name, key));
	if (number != KANAME_NAMES_NONE) {
		reading->hidden->cuts[number] |= reading->cut;
	}
}

static kaname_exit_t read_cuts(kaname_control_t *control, reading_t *reading, const char *zone)
{
	static const struct {
		const char *type;
		uint8_t cut;
	} types[] = { { "NS", DELEGATION }, { "DNAME", DNAME } };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
			                [KNOT_CTL_IDX_ZONE] = zone,
			                [KNOT_CTL_IDX_TYPE] = types[i].type };
		reading->cut = types[i].cut;
		if (kaname_control_ask(control, &ask, take_cut, reading) == KANAME_IO) {
			return KANAME_IO;
		}
	}
	return KANAME_OK;
}

/*! Adds the owners of all zones. Returns how many zones have some below their apex, or -1 if out of
 *  memory; `each` gets the first ones. */
static int64_t add_all(kaname_hidden_t *hidden, const kaname_zones_t *zones,
                       uint32_t each[KANAME_SCAN_EACH])
{
	int64_t count = 0;
	for (uint32_t zone = 0; zone < zones->names.count; zone++) {
		bool below;
		if (!add_zone(hidden, zones, zone, &below)) {
			return -1;
		}
		if (below && count++ < KANAME_SCAN_EACH) {
			each[count - 1] = zone;
		}
	}
	hidden->cuts = calloc(hidden->names.count + 1, 1);
	return hidden->cuts != NULL ? count : -1;
}

kaname_exit_t kaname_hidden_read(kaname_control_t *control, kaname_zones_t *zones,
                                 kaname_hidden_t *hidden)
{
	reading_t reading = { .hidden = hidden, .zones = zones };
	uint32_t at[KANAME_SCAN_EACH];
	int64_t count = zones->below ? add_all(hidden, zones, at) : 0;
	if (count < 0) {
		if (!control->quiet) {
			kaname_error("out of memory");
		}
		return KANAME_IO;
	}
	if (count > KANAME_SCAN_EACH) {
		return read_cuts(control, &reading, NULL);
	}
	kaname_exit_t ret = KANAME_OK;
	for (int64_t i = 0; i < count && ret == KANAME_OK; i++) {
		knot_dname_txt_storage_t zone;
		if (knot_dname_to_str(zone, kaname_zones_name(zones, at[i]), sizeof(zone)) !=
		    NULL) {
			ret = read_cuts(control, &reading, zone);
		}
	}
	return ret;
}

bool kaname_hidden_is(const kaname_hidden_t *hidden, const kaname_zones_t *zones, uint32_t zone,
                      const knot_dname_t *owner)
{
	size_t apex = knot_dname_size(owner) - knot_dname_size(kaname_zones_name(zones, zone));
	uint8_t key[KEY_MAX];
	const knot_dname_t *last = owner + apex;
	for (const knot_dname_t *name = owner; name <= last && hidden->cuts != NULL;
	     name += name[0] + 1) {
		uint32_t number =
		        kaname_names_find(&hidden->names, key, write_key(zone, name, key));
		uint8_t cut = number != KANAME_NAMES_NONE ? hidden->cuts[number] : 0;
		if ((name != last && (cut & DELEGATION) != 0) ||
		    (name != owner && (cut & DNAME) != 0)) {
			return true;
		}
	}
	return false;
}

void kaname_hidden_deinit(kaname_hidden_t *hidden)
{
	kaname_names_deinit(&hidden->names);
	free(hidden->cuts);
	*hidden = (kaname_hidden_t){ .cuts = NULL };
}
