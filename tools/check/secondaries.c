#include "check/secondaries.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask_many.h"
#include "live.h"
#include "lookup.h"
#include "print.h"
#include "wanted.h"

/*! All of them take no longer, in milliseconds. */
#define TIMEOUT_MS    2500
/*! A transfer may be under way, or a lookup: who is behind is asked so often, */
#define ROUNDS        4
/*! with so many milliseconds in between. */
#define PAUSE_MS      800
/*! The names of servers are looked up for no longer. */
#define LOOKUPS_MS    8000
#define EDE_NOT_READY 14
/*! Questions for one server: for the SOA record, and for both families of each owner. */
#define QUESTIONS     (1 + 2 * KANAME_SECONDARIES_OWNERS)

/* Who they are. */

static socklen_t size_of(const struct sockaddr_storage *at)
{
	return at->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/*! Does knotd listen at an address, by an entry of its list? The port is that of the address. */
static bool listens(const char *entry, const struct sockaddr_storage *at)
{
	struct sockaddr_storage its = { 0 };
	size_t len = strcspn(entry, "@");
	if (!kaname_address_read(entry, &its) || its.ss_family != at->ss_family) {
		return false;
	}
	if ((len == strlen("0.0.0.0") && strncmp(entry, "0.0.0.0", len) == 0) ||
	    (len == strlen("::") && strncmp(entry, "::", len) == 0)) {
		/* All of this host. The ports are at the same place. */
		return ((struct sockaddr_in *)&its)->sin_port ==
		       ((const struct sockaddr_in *)at)->sin_port;
	}
	return memcmp(&its, at, size_of(at)) == 0;
}

/*! Is an address this host's? Then it can be bound. */
static bool is_local(const struct sockaddr_storage *server)
{
	struct sockaddr_storage at = *server;
	((struct sockaddr_in *)&at)->sin_port = 0;
	int fd = socket(at.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool is = fd >= 0 && bind(fd, (const struct sockaddr *)&at, size_of(&at)) == 0;
	if (fd >= 0) {
		(void)close(fd);
	}
	return is;
}

static bool is_own(const kaname_check_t *check, const struct sockaddr_storage *server)
{
	for (size_t i = 0; i < check->listen.count; i++) {
		if (listens(check->listen.at[i], server)) {
			return is_local(server);
		}
	}
	return false;
}

/*! The name servers while they are read. */
typedef struct {
	kaname_check_t *check;
	kaname_secondaries_t *secondaries;
	const char *name; /*!< Whose addresses are being read. */
	kaname_addresses_t *addresses;
} reading_t;

static void take_name(void *ctx, knot_ctl_data_t *data)
{
	kaname_values_t *names = &((reading_t *)ctx)->secondaries->names;
	const char *name = (*data)[KNOT_CTL_IDX_DATA];
	if (name != NULL && names->count < KANAME_VALUES_MAX) {
		(void)snprintf(names->at[names->count++], KANAME_VALUE_MAX, "%s", name);
	}
}

static void add_server(reading_t *reading, const char *address)
{
	kaname_secondaries_t *all = reading->secondaries;
	if (all->count == KANAME_SECONDARIES_MAX) {
		all->more++;
		return;
	}
	kaname_secondary_t *secondary = &all->at[all->count];
	if (!kaname_address_read(address, &secondary->server)) {
		return;
	}
	(void)snprintf(secondary->name, sizeof(secondary->name), "%s", reading->name);
	(void)snprintf(secondary->address, sizeof(secondary->address), "%s", address);
	secondary->is_own = is_own(reading->check, &secondary->server);
	all->count++;
}

static void take_glue(void *ctx, knot_ctl_data_t *data)
{
	const char *address = (*data)[KNOT_CTL_IDX_DATA];
	if (address != NULL) {
		add_server(ctx, address);
	}
}

static void take_own(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *address = (*data)[KNOT_CTL_IDX_DATA];
	if (address != NULL) {
		kaname_addresses_add(reading->addresses, address);
	}
}

/*! Reads records of an owner; there need not be any. */
static kaname_exit_t read_type(reading_t *reading, const char *owner, const char *type,
                               kaname_unit_f unit)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
		                [KNOT_CTL_IDX_ZONE] = reading->check->zone,
		                [KNOT_CTL_IDX_OWNER] = owner,
		                [KNOT_CTL_IDX_TYPE] = type };
	kaname_exit_t ret = kaname_control_ask(&reading->check->control, &ask, unit, reading);
	return ret == KANAME_IO ? ret : KANAME_OK;
}

static bool is_in_zone(const kaname_check_t *check, const char *name)
{
	knot_dname_storage_t zone, its;
	return knot_dname_from_str(zone, check->zone, sizeof(zone)) != NULL &&
	       knot_dname_from_str(its, name, sizeof(its)) != NULL &&
	       knot_dname_in_bailiwick(its, zone) >= 0;
}

static void look_up(reading_t *reading, int64_t until_ms)
{
	static kaname_lookup_t lookup;
	static const kaname_values_t none;
	knot_dname_storage_t name;
	if (kaname_now_ms() > until_ms ||
	    knot_dname_from_str(name, reading->name, sizeof(name)) == NULL) {
		return;
	}
	kaname_lookup(name, &none, &lookup);
	for (int family = 0; family < 2; family++) {
		unsigned count = lookup.families[family].count;
		for (unsigned i = 0; i < count && i < KANAME_LOOKUP_MAX; i++) {
			add_server(reading, lookup.families[family].addresses[i]);
		}
	}
}

/*! Those of the zone that have addresses there. */
static kaname_exit_t read_glue(reading_t *reading)
{
	const kaname_values_t *names = &reading->secondaries->names;
	kaname_exit_t ret = read_type(reading, KANAME_APEX, "NS", take_name);
	for (size_t i = 0; i < names->count && ret == KANAME_OK; i++) {
		reading->name = names->at[i];
		for (int family = 0;
		     family < 2 && is_in_zone(reading->check, reading->name) && ret == KANAME_OK;
		     family++) {
			ret = read_type(reading, reading->name,
			                aname_family_text(kaname_families[family]), take_glue);
		}
	}
	return ret;
}

static bool has_address(const kaname_secondaries_t *secondaries, const char *name)
{
	for (unsigned i = 0; i < secondaries->count; i++) {
		if (strcmp(secondaries->at[i].name, name) == 0) {
			return true;
		}
	}
	return false;
}

/*! Looks up those that have no address in the zone. */
static void look_up_others(kaname_check_t *check, kaname_secondaries_t *secondaries)
{
	int64_t until_ms = kaname_now_ms() + LOOKUPS_MS;
	reading_t reading = { .check = check, .secondaries = secondaries };
	for (size_t i = 0; i < secondaries->names.count && secondaries->more == 0; i++) {
		reading.name = secondaries->names.at[i];
		if (has_address(secondaries, reading.name)) {
			continue;
		}
		look_up(&reading, until_ms);
		if (!has_address(secondaries, reading.name)) {
			kaname_bad(check,
			           is_in_zone(check, reading.name)
			                   ? "an A or AAAA record of that name in the zone"
			                   : "is the name right, and does this host's resolver "
			                     "know it? 'getent ahosts' asks it",
			           "name server %s has no address", reading.name);
		}
	}
}

/* What stands in the zone. */

static kaname_exit_t add_owner(reading_t *reading, const kaname_record_t *record)
{
	kaname_secondaries_t *all = reading->secondaries;
	for (unsigned i = 0; i < all->owners_count; i++) {
		if (strcmp(all->owners[i].name, record->owner) == 0) {
			return KANAME_OK;
		}
	}
	if (all->owners_count == KANAME_SECONDARIES_OWNERS) {
		all->owners_more++;
		return KANAME_OK;
	}
	kaname_secondary_owner_t *owner = &all->owners[all->owners_count++];
	kaname_exit_t ret = KANAME_OK;
	owner->name = record->owner;
	owner->ttl = record->ttl;
	for (int family = 0; family < 2 && ret == KANAME_OK; family++) {
		reading->addresses = &owner->family[family].zone;
		ret = read_type(reading, owner->name, aname_family_text(kaname_families[family]),
		                take_own);
	}
	return ret;
}

static kaname_exit_t add_owners(reading_t *reading, const kaname_records_t *records)
{
	kaname_exit_t ret = KANAME_OK;
	const char *last = "";
	for (size_t i = 0; i < records->count && ret == KANAME_OK; i++) {
		if (strcmp(records->at[i].owner, last) != 0) {
			ret = add_owner(reading, &records->at[i]);
		}
		last = records->at[i].owner;
	}
	return ret;
}

kaname_exit_t kaname_check_secondaries_read(kaname_check_t *check,
                                            kaname_secondaries_t *secondaries)
{
	static reading_t reading;
	reading = (reading_t){ .check = check, .secondaries = secondaries };
	kaname_exit_t ret = add_owners(&reading, &check->records);
	if (ret == KANAME_OK) {
		ret = add_owners(&reading, &check->others);
	}
	if (ret != KANAME_OK || secondaries->owners_count == 0) {
		return ret;
	}
	return read_glue(&reading);
}

/* What the targets have. */

/*! Adds what is held of a target. */
static void add_held(kaname_secondary_owner_t *owner, const kaname_live_t *live, const char *target)
{
	size_t count;
	const kaname_line_t *lines = kaname_live_find(live, target, &count);
	for (size_t i = 0; i < count; i++) {
		int family = strcmp(kaname_field_or(&lines[i], ANAME_KEY_FAMILY, "A"), "A") != 0;
		const char *at = kaname_field_or(&lines[i], ANAME_KEY_ADDRESSES, "");
		for (; *at != '\0'; at += strspn(at, ",")) {
			char address[INET6_ADDRSTRLEN];
			size_t len = strcspn(at, ",");
			(void)snprintf(address, sizeof(address), "%.*s", (int)len, at);
			kaname_addresses_add(&owner->family[family].now, address);
			at += len;
		}
	}
}

static void add_targets(kaname_check_t *check, kaname_secondaries_t *secondaries,
                        const kaname_records_t *records)
{
	kaname_live_t live;
	if (records->count == 0 || check->is_mute ||
	    kaname_live_read(check->args, check->zone, records, &live) != KANAME_OK) {
		return;
	}
	for (size_t i = 0; i < records->count; i++) {
		knot_dname_txt_storage_t target;
		for (unsigned k = 0; k < secondaries->owners_count; k++) {
			if (strcmp(secondaries->owners[k].name, records->at[i].owner) == 0 &&
			    kaname_target_of(&records->at[i], target)) {
				add_held(&secondaries->owners[k], &live, target);
			}
		}
	}
	kaname_live_free(&live);
}

/*! What clients get here counts, too, where it is an answer; NULL: it could not be asked for. */
static void add_here(kaname_secondaries_t *secondaries, const kaname_served_t *here)
{
	for (unsigned i = 0; i < secondaries->owners_count && here != NULL; i++) {
		for (int family = 0; family < 2; family++) {
			const kaname_answer_t *answer = &here->addresses[i][family];
			secondaries->owners[i].family[family].known =
			        answer->failure == NULL && answer->rcode == KNOT_RCODE_NOERROR;
			for (unsigned k = 0; k < answer->count; k++) {
				kaname_addresses_add(&secondaries->owners[i].family[family].now,
				                     answer->addresses[k]);
			}
		}
	}
}

/* Asking. */

/*! Writes the questions for a server. */
static void write_questions(const kaname_check_t *check, const kaname_secondaries_t *secondaries,
                            const struct sockaddr_storage *server,
                            knot_dname_storage_t names[QUESTIONS], kaname_asking_t *at)
{
	unsigned count = 1 + 2 * secondaries->owners_count;
	for (unsigned i = 0; i < count; i++) {
		const char *name = i == 0 ? check->zone : secondaries->owners[(i - 1) / 2].name;
		at[i].question = (kaname_question_t){
			.name = knot_dname_from_str(names[i], name, sizeof(names[i])),
			.type = i == 0 ? KNOT_RRTYPE_SOA : kaname_families[(i - 1) % 2],
			.server = *server,
		};
	}
}

static void take_answers(const kaname_secondaries_t *secondaries, const kaname_asking_t *at,
                         kaname_served_t *served)
{
	served->error = at[0].error;
	served->soa = at[0].answer;
	for (unsigned i = 0; i < 2 * secondaries->owners_count; i++) {
		served->addresses[i / 2][i % 2] = at[1 + i].answer;
	}
}

/*! Is something still being looked up there? */
static bool is_pending(const kaname_secondaries_t *secondaries, const kaname_served_t *served)
{
	bool pending = false;
	for (unsigned i = 0; i < 2 * secondaries->owners_count; i++) {
		pending |= served->addresses[i / 2][i % 2].ede == EDE_NOT_READY;
	}
	return pending;
}

/*! Is a server to be asked again, since that may be otherwise in a moment? */
static bool is_to_ask(const kaname_secondaries_t *secondaries, const kaname_served_t *served,
                      const kaname_served_t *here)
{
	return (served->soa.has_serial && here->soa.has_serial &&
	        kaname_serials_behind(served->soa.serial, here->soa.serial) > 0) ||
	       is_pending(secondaries, served);
}

/*! Asks this server, and those that are to be asked. Returns whether some are to be asked again. */
static bool ask_round(const kaname_check_t *check, const kaname_secondaries_t *secondaries,
                      const struct sockaddr_storage *self, kaname_served_t *served, int round)
{
	static knot_dname_storage_t names[QUESTIONS];
	static kaname_asking_t asking[(KANAME_SECONDARIES_MAX + 1) * QUESTIONS];
	size_t each = 1 + 2 * (size_t)secondaries->owners_count;
	unsigned count = 0;
	unsigned whose[KANAME_SECONDARIES_MAX + 1];
	kaname_served_t *here = &served[secondaries->count];
	for (unsigned i = 0; i <= secondaries->count; i++) {
		bool its = i == secondaries->count;
		if (its ? self == NULL
		        : secondaries->at[i].is_own ||
		                    (round > 0 && !is_to_ask(secondaries, &served[i], here))) {
			continue;
		}
		write_questions(check, secondaries, its ? self : &secondaries->at[i].server, names,
		                &asking[count * each]);
		whose[count++] = i;
	}
	kaname_ask_many(asking, count * each, TIMEOUT_MS);
	for (unsigned i = 0; i < count; i++) {
		take_answers(secondaries, &asking[i * each], &served[whose[i]]);
	}
	bool again = false;
	for (unsigned i = 0; i < secondaries->count; i++) {
		again |= !secondaries->at[i].is_own && is_to_ask(secondaries, &served[i], here);
	}
	return again;
}

/*! The first address at which this server can be asked. */
static const struct sockaddr_storage *find_self(const kaname_check_t *check)
{
	static struct sockaddr_storage self;
	for (size_t i = 0; i < check->listen.count; i++) {
		if (kaname_address_read(check->listen.at[i], &self)) {
			return &self;
		}
	}
	return NULL;
}

void kaname_check_secondaries(kaname_check_t *check, kaname_secondaries_t *secondaries)
{
	static kaname_served_t served[KANAME_SECONDARIES_MAX + 1];
	const struct sockaddr_storage *self = find_self(check);
	if (secondaries->owners_count == 0) {
		return;
	}
	look_up_others(check, secondaries);
	for (int round = 0; round < ROUNDS; round++) {
		(void)poll(NULL, 0, round > 0 ? PAUSE_MS : 0);
		if (!ask_round(check, secondaries, self, served, round)) {
			break;
		}
	}
	add_here(secondaries, self != NULL ? &served[secondaries->count] : NULL);
	add_targets(check, secondaries, &check->records);
	add_targets(check, secondaries, &check->others);
	for (unsigned i = 0; i < secondaries->count; i++) {
		kaname_check_served(check, secondaries, &secondaries->at[i], &served[i],
		                    &served[secondaries->count]);
	}
	if (secondaries->more > 0 || secondaries->owners_more > 0) {
		kaname_note("%u more addresses of name servers were not asked, and none for %u "
		            "more owners",
		            secondaries->more, secondaries->owners_more);
	}
}
