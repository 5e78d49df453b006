/*!
 * Any octets as what knotd says of its configuration and zones, one reply after the other: each line is a
 * unit, of which each field begins with a letter for what it is; a line that is a dot alone ends a reply.
 * What is told of owners has to hold together, and each zone has one fate.
 *
 * Files: tools/follow/scan.c tools/follow/there.c tools/follow/zones.c tools/follow/grouped.c
 * Files: tools/follow/hidden.c tools/follow/members.c tools/follow/names.c tools/follow/refuse.c
 * Files: tools/follow/settings.c
 */

#include "fuzz.h"

#include <libknot/libknot.h>

#include "follow/scan.h"
#include "served.h"

#define REPLIES_MAX 60
#define ZONES_MAX   64
#define INPUT_MAX   20000

/*! Bits of the first octet. */
#define THERE     0x01 /*!< Addresses that stand there, of one owner; else owners. */
#define THERE_ALL 0x02 /*!< Those of all apexes. */
#define NAMED     0x04 /*!< Two zones are named. */
#define CATALOG   0x08 /*!< And a catalog. */
#define ELSEWHERE 0x10
#define LOADED    0x20 /*!< Which zones there are, too. */
#define FAR       0x40 /*!< Zones that have no master are left out, unless some are named. */
#define LOUD      0x80 /*!< What is wrong is said. */

static const uint8_t zone_a[] = "\1a\7example", zone_b[] = "\1b\7example";
static const uint8_t catalog[] = "\3cat\7example";

/* Replies as knotd writes them. */

static const char letters[] = "CFESIJZOTYDP"; /* In the order of KNOT_CTL_IDX_*. */

static size_t put_unit(uint8_t *to, const char *line, size_t len)
{
	size_t used = 0;
	to[used++] = len > 0 && line[0] == '+' ? 2 : 1;
	for (size_t at = 0; at < len;) {
		const char *tab = memchr(line + at, '\t', len - at);
		size_t end = tab != NULL ? (size_t)(tab - line) : len;
		const char *letter = line[at] != '\0' ? strchr(letters, line[at]) : NULL;
		if (letter != NULL) {
			to[used++] = 16 + (letter - letters);
			to[used++] = (end - at - 1) >> 8;
			to[used++] = (end - at - 1) & 0xff;
			memcpy(to + used, line + at + 1, end - at - 1);
			used += end - at - 1;
		}
		at = end + 1;
	}
	return used;
}

/*! Behind the input there are empty replies, so that whoever asks on is answered. */
static size_t put_replies(uint8_t *to, const char *text, size_t len)
{
	size_t used = 0;
	for (size_t at = 0; at < len;) {
		const char *newline = memchr(text + at, '\n', len - at);
		size_t end = newline != NULL ? (size_t)(newline - text) : len;
		if (end == at + 1 && text[at] == '.') {
			to[used++] = 3;
		} else if (end > at) {
			used += put_unit(to + used, text + at, end - at);
		}
		at = end + 1;
	}
	memset(to + used, 3, REPLIES_MAX);
	return used + REPLIES_MAX;
}

/* What is told. */

typedef struct {
	unsigned count;
	struct {
		knot_dname_storage_t name;
		bool followed, refused, missing;
	} zones[ZONES_MAX];
	unsigned last;
	knot_dname_storage_t owner; /*!< Told last. */
	bool is_far;
} told_t;

static void check_name(const knot_dname_t *name)
{
	knot_dname_storage_t lower;
	size_t len = knot_dname_size(name);
	require(knot_dname_wire_check(name, name + len, NULL) == (int)len);
	memcpy(lower, name, len);
	knot_dname_to_lower(lower);
	require(memcmp(lower, name, len) == 0);
}

/*! The zone's number; ZONES_MAX if there are too many. */
static unsigned zone_of(told_t *told, const knot_dname_t *name)
{
	check_name(name);
	unsigned i = 0;
	while (i < told->count && !knot_dname_is_equal(told->zones[i].name, name)) {
		i++;
	}
	if (i == told->count && i < ZONES_MAX) {
		memset(&told->zones[i], 0, sizeof(told->zones[i]));
		memcpy(told->zones[i].name, name, knot_dname_size(name));
		told->count++;
	}
	return i;
}

static void on_owner(void *ctx, const kaname_scan_owner_t *owner)
{
	told_t *told = ctx;
	unsigned zone = zone_of(told, owner->zone);
	size_t good = 0;
	check_name(owner->owner);
	require(knot_dname_in_bailiwick(owner->owner, owner->zone) >= 0);
	require(owner->rrsets_count >= 1 && owner->rrsets_count <= 2);
	for (unsigned i = 0; i < owner->rrsets_count; i++) {
		require(owner->rrsets[i].type == ANAME_RRTYPE_ANAME ||
		        owner->rrsets[i].type == ANAME_RRTYPE_ALIAS);
		require(owner->rrsets[i].count >= 1);
		good += owner->rrsets[i].good ? owner->rrsets[i].count : 0;
	}
	require(owner->rrsets_count < 2 || owner->rrsets[0].type != owner->rrsets[1].type);
	require(good <= owner->targets_count);
	/* Behind an RRset of which some name no target it is not known whose the others are. */
	require(owner->rrsets_count < 2 || !owner->rrsets[1].good ||
	        owner->targets_count == owner->rrsets[0].count + (size_t)owner->rrsets[1].count);
	for (size_t i = 0; i < owner->targets_count; i++) {
		check_name(owner->targets[i]);
	}
	if (zone < ZONES_MAX) {
		require(!told->zones[zone].refused && !told->zones[zone].missing);
		/* Those of one zone one after the other. */
		require(!told->zones[zone].followed || told->last == zone);
		require(!told->zones[zone].followed ||
		        !knot_dname_is_equal(told->owner, owner->owner));
		told->zones[zone].followed = true;
		told->last = zone;
		memcpy(told->owner, owner->owner, knot_dname_size(owner->owner));
	}
}

static void on_refused(void *ctx, const knot_dname_t *name, const char *why, const char *next)
{
	told_t *told = ctx;
	unsigned zone = zone_of(told, name);
	require(why != NULL && why[0] != '\0' && next != NULL);
	if (zone < ZONES_MAX) {
		require(!told->zones[zone].followed && !told->zones[zone].refused &&
		        !told->zones[zone].missing);
		told->zones[zone].refused = true;
	}
}

static void on_missing(void *ctx, const knot_dname_t *name, const char *why, const char *next)
{
	told_t *told = ctx;
	unsigned zone = zone_of(told, name);
	require(why != NULL && why[0] != '\0' && next != NULL);
	if (zone < ZONES_MAX) {
		require(!told->zones[zone].followed && !told->zones[zone].refused &&
		        !told->zones[zone].missing);
		told->zones[zone].missing = true;
	}
}

static void on_aside(void *ctx, const knot_dname_t *zone)
{
	check_name(zone);
}

static void on_loaded(void *ctx, const knot_dname_t *zone, bool is_loaded, uint32_t serial)
{
	check_name(zone);
}

static void on_left_out(void *ctx, size_t zones)
{
	told_t *told = ctx;
	require(told->is_far || zones == 0);
}

static void on_there(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                     kaname_family_t family, uint32_t ttl, size_t count, const uint8_t *at)
{
	volatile uint8_t sum = 0;
	check_name(zone);
	check_name(owner);
	require(family == KANAME_A || family == KANAME_AAAA);
	require(count > 0);
	for (size_t i = 0; i < count * kaname_family_len(family); i++) {
		sum ^= at[i]; /* All of it is there. */
	}
	(void)sum;
}

/*! Scans for owners. */
static kaname_exit_t scan(const kaname_args_t *args, uint8_t kind)
{
	static told_t told;
	static const knot_dname_t *const zones[] = { zone_a, zone_b }, *const catalogs[] = {
		catalog
	};
	const kaname_scan_choice_t choice = { .zones_count = kind & NAMED ? 2 : 0,
		                              .zones = zones,
		                              .catalogs_count = kind & CATALOG ? 1 : 0,
		                              .catalogs = catalogs,
		                              .elsewhere = kind & ELSEWHERE,
		                              .is_far = kind & FAR };
	const kaname_scan_calls_t calls = {
		.ctx = &told,
		.owner = on_owner,
		.refused = on_refused,
		.missing = on_missing,
		.left_out = on_left_out,
		.loaded = kind & LOADED ? on_loaded : NULL,
		.aside = kind & LOADED ? on_aside : NULL,
	};
	told.count = 0;
	told.is_far = kind & FAR;
	kaname_exit_t ret = kaname_scan(args, &choice, &calls);
	if (ret == KANAME_OK && (kind & NAMED)) {
		/* Whoever is named is told of. */
		for (unsigned i = 0; i < 2; i++) {
			unsigned zone = zone_of(&told, zones[i]);
			require(zone == ZONES_MAX || told.zones[zone].followed ||
			        told.zones[zone].refused || told.zones[zone].missing);
		}
	}
	return ret;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t replies[SERVED_MAX];
	if (size > INPUT_MAX) {
		return 0;
	}
	uint8_t kind = size > 0 ? data[0] : 0;
	const kaname_args_t args = { .socket = "/run/x", .timeout = 5, .quiet = !(kind & LOUD) };
	served_set(replies, put_replies(replies, (const char *)data + 1, size > 0 ? size - 1 : 0));
	kaname_exit_t ret;
	served_quiet();
	if (kind & THERE) {
		kaname_scan_state_t state;
		ret = kaname_scan_there(&args, zone_a, zone_a, &state, on_there, NULL);
	} else if (kind & THERE_ALL) {
		ret = kaname_scan_there_all(&args, on_there, NULL);
	} else {
		ret = scan(&args, kind);
	}
	served_loud();
	require(ret == KANAME_OK || ret == KANAME_IO);
	return 0;
}
