#include "check/secondaries.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

/*! A name and an address. */
#define WHO_MAX (KNOT_DNAME_TXT_MAXLEN + INET6_ADDRSTRLEN + 4)

/*! One that is being judged. */
typedef struct {
	kaname_check_t *check;
	const kaname_secondaries_t *all;
	const kaname_served_t *served, *here;
	char who[WHO_MAX];
	uint32_t behind;
	unsigned owners; /*!< For which it serves the right addresses. */
	uint32_t ttl;    /*!< The largest. */
	bool bad;
} judging_t;

/* Addresses and serials. */

bool kaname_addresses_have(const kaname_addresses_t *addresses, const char *address)
{
	for (unsigned i = 0; i < addresses->count; i++) {
		if (strcmp(addresses->at[i], address) == 0) {
			return true;
		}
	}
	return false;
}

void kaname_addresses_add(kaname_addresses_t *addresses, const char *address)
{
	if (addresses->count < KANAME_ADDRESSES_MAX && !kaname_addresses_have(addresses, address)) {
		(void)snprintf(addresses->at[addresses->count++], INET6_ADDRSTRLEN, "%s", address);
	}
}

uint32_t kaname_serials_behind(uint32_t serial, uint32_t than)
{
	return than - serial < UINT32_C(1) << 31 ? than - serial : 0;
}

/* Whether it serves the zone. */

static const char *rcode_text(uint8_t rcode)
{
	const knot_lookup_t *found = knot_lookup_by_id(knot_rcode_names, rcode);
	return found != NULL ? found->name : "an unknown code";
}

/*! Is it that nothing leads there from here? Then nothing is said of the server. */
static bool is_without_way(int error)
{
	return error == ENETUNREACH || error == EHOSTUNREACH || error == EAFNOSUPPORT ||
	       error == EADDRNOTAVAIL || error == EACCES || error == EPERM;
}

/*! Whether it answers for the zone at all. */
static bool judge_soa(judging_t *judging)
{
	const kaname_answer_t *soa = &judging->served->soa;
	if (soa->failure != NULL && is_without_way(judging->served->error)) {
		kaname_note("%s cannot be asked from here: %s", judging->who, soa->failure);
	} else if (soa->failure != NULL) {
		kaname_bad(judging->check,
		           "does it run, and does a firewall let this host ask it over UDP and "
		           "TCP?",
		           "%s cannot be reached: %s", judging->who, soa->failure);
	} else if (soa->rcode != KNOT_RCODE_NOERROR) {
		kaname_bad(judging->check,
		           "is the zone configured there, and does its transfer work? Its log "
		           "says; or take its NS record out",
		           "%s does not serve the zone: %s", judging->who, rcode_text(soa->rcode));
	} else if (!soa->authoritative || !soa->has_serial) {
		kaname_bad(judging->check,
		           "is the zone configured there, and does its transfer work? Its log "
		           "says; or take its NS record out",
		           "%s is not authoritative for the zone", judging->who);
	} else {
		return true;
	}
	return false;
}

static void judge_serial(judging_t *judging)
{
	char next[KANAME_CHECK_TEXT_MAX];
	uint32_t there = judging->served->soa.serial, here = judging->here->soa.serial;
	if (!judging->here->soa.has_serial) {
		return;
	}
	judging->behind = kaname_serials_behind(there, here);
	if (judging->behind > 0) {
		judging->bad = true;
		(void)snprintf(next, sizeof(next),
		               "its log and the one here say why no transfer came: 'notify', "
		               "'acl', a firewall; 'knotc zone-notify %s' tells it again",
		               judging->check->zone);
		kaname_bad(judging->check, next,
		           "secondary %s is %u serial%s behind: %u there, %u here", judging->who,
		           judging->behind, judging->behind == 1 ? "" : "s", there, here);
	} else if (there != here) {
		kaname_note("%s has a later serial: %u there, %u here; it does not have the zone "
		            "from here",
		            judging->who, there, here);
	}
}

/* What it serves. */

/*! A family of an owner. */
typedef struct {
	const kaname_secondary_owner_t *owner;
	int family;
	const char *type;
	char of[KNOT_DNAME_TXT_MAXLEN + 5]; /*!< " of OWNER", or nothing for the apex. */
} family_t;

/*! It has none, though the target has some. */
static void report_empty(judging_t *judging, const family_t *its, bool none_at_all)
{
	const char *next =
	        judging->behind > 0 ? "see its serial above"
	        : its->owner->family[its->family].zone.count > 0
	                ? "the zone itself has some: are they left out there?"
	                : "it knows no ANAME records, and nobody writes addresses for it: 'kaname "
	                  "follow' does, see 'Secondaries' in the operator's guide; or run the "
	                  "module there, too";
	judging->bad = true;
	if (none_at_all) {
		kaname_bad(judging->check, next, "%s serves no address%s at all", judging->who,
		           its->of);
	} else {
		kaname_bad(judging->check, next, "%s serves no %s address%s", judging->who,
		           its->type, its->of);
	}
}

/*! Writes since when the target does not have an address, if somebody knows. */
static bool write_left(const judging_t *judging, const family_t *its, const char *address,
                       char *text, size_t size)
{
	const kaname_secondaries_t *all = judging->all;
	int64_t left_s =
	        all->left != NULL ? all->left(all->left_ctx, its->owner->name, address) : -1;
	if (left_s < 0) {
		(void)snprintf(text, size, "which is not among the target's addresses now");
	} else if (left_s < 120) {
		(void)snprintf(text, size, "which the target left %d seconds ago", (int)left_s);
	} else {
		(void)snprintf(text, size, "which the target left %lld minutes ago",
		               (long long)left_s / 60);
	}
	return left_s >= 0;
}

/*! It has one that the target does not have. */
static void report_other(judging_t *judging, const family_t *its, const char *address)
{
	char since[80];
	bool known = write_left(judging, its, address, since, sizeof(since));
	bool of_zone = kaname_addresses_have(&its->owner->family[its->family].zone, address);
	if (!known && !of_zone && judging->behind == 0) {
		/* One that resolves by itself may be told something else. */
		kaname_note("%s serves %s%s, %s, and which is not in the zone: it looks the target "
		            "up by itself",
		            judging->who, address, its->of, since);
		return;
	}
	judging->bad = true;
	char next[KNOT_DNAME_TXT_MAXLEN + 200];
	(void)snprintf(next, sizeof(next),
	               "it stands in the zone itself, which is what 'kaname follow' keeps in step: "
	               "'kaname follow %s --dry-run' says whether it leaves that alone, or waits; "
	               "else, does it run?",
	               judging->check->zone);
	kaname_bad(judging->check,
	           judging->behind > 0 ? "see its serial above"
	           : of_zone           ? next
	                               : "does it look the target up by itself, and when?",
	           "%s serves %s%s, %s", judging->who, address, its->of, since);
}

/*! Judges a family. Returns whether it has addresses. */
static bool judge_family(judging_t *judging, const family_t *its, const kaname_answer_t *answer)
{
	const kaname_addresses_t *now = &its->owner->family[its->family].now;
	unsigned others = 0;
	const char *first = NULL;
	if (answer->failure != NULL) {
		judging->bad = true;
		kaname_bad(judging->check, "does a firewall let this host ask it over UDP and TCP?",
		           "%s does not answer for %s%s: %s", judging->who, its->type, its->of,
		           answer->failure);
		return false;
	}
	if (answer->rcode != KNOT_RCODE_NOERROR && answer->rcode != KNOT_RCODE_NXDOMAIN) {
		judging->bad = true;
		kaname_bad(judging->check,
		           "its log says why; of one that has the module 'kaname "
		           "check' there says more",
		           "%s answers %s%s with %s", judging->who, its->type, its->of,
		           rcode_text(answer->rcode));
		return false;
	}
	for (unsigned i = 0; i < answer->count; i++) {
		if (!kaname_addresses_have(now, answer->addresses[i])) {
			first = others++ == 0 ? answer->addresses[i] : first;
		}
	}
	if (others > 0 && its->owner->family[its->family].known) {
		report_other(judging, its, first);
	}
	judging->ttl = answer->count > 0 && answer->ttl > judging->ttl ? answer->ttl : judging->ttl;
	return answer->count > 0;
}

static void judge_owner(judging_t *judging, unsigned number)
{
	const kaname_secondary_owner_t *owner = &judging->all->owners[number];
	family_t its[2];
	bool has[2], lacks[2], bad = judging->bad;
	for (int i = 0; i < 2; i++) {
		const kaname_answer_t *answer = &judging->served->addresses[number][i];
		its[i] = (family_t){ .owner = owner,
			             .family = i,
			             .type = aname_family_text(kaname_families[i]) };
		if (strcmp(owner->name, judging->check->zone) != 0) {
			(void)snprintf(its[i].of, sizeof(its[i].of), " of %s", owner->name);
		}
		judging->bad = false;
		has[i] = judge_family(judging, &its[i], answer);
		/* What went wrong is told. */
		lacks[i] =
		        !has[i] && !judging->bad && judging->here->addresses[number][i].count > 0;
		bad |= judging->bad;
	}
	judging->bad = bad;
	bool none = !has[0] && !has[1];
	for (int i = 0; i < 2; i++) {
		if (lacks[i] && (!none || i == 0 || !lacks[0])) {
			report_empty(judging, &its[i], none);
		}
	}
	if (has[0] || has[1]) {
		judging->owners++;
	}
	if (judging->ttl > owner->ttl) {
		kaname_note("%s serves addresses%s with a TTL of %u, and the record's is %u: a "
		            "change comes to clients the later",
		            judging->who, its[0].of, judging->ttl, owner->ttl);
	}
}

void kaname_check_served(kaname_check_t *check, const kaname_secondaries_t *secondaries,
                         const kaname_secondary_t *secondary, const kaname_served_t *served,
                         const kaname_served_t *here)
{
	judging_t judging = { .check = check, .all = secondaries, .served = served, .here = here };
	(void)snprintf(judging.who, sizeof(judging.who), "%s (%s)", secondary->name,
	               secondary->address);
	if (secondary->is_own) {
		kaname_good("%s is this server", judging.who);
		return;
	}
	if (!judge_soa(&judging)) {
		return;
	}
	judge_serial(&judging);
	uint32_t ttl = 0;
	for (unsigned i = 0; i < secondaries->owners_count; i++) {
		judging.ttl = 0;
		judge_owner(&judging, i);
		ttl = judging.ttl > ttl ? judging.ttl : ttl;
	}
	if (!judging.bad) {
		kaname_good("%s: serial %u, addresses of %u owner%s, TTL %u", judging.who,
		            served->soa.serial, judging.owners, judging.owners == 1 ? "" : "s",
		            ttl);
	}
}
