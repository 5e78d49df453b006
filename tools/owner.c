#include "owner.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "name.h"
#include "records.h"

bool kaname_owner_take(kaname_owner_t *owner, const char *zone, const char *text)
{
	knot_dname_storage_t apex;
	const char *note;
	if (knot_dname_from_str(apex, zone, sizeof(apex)) == NULL) {
		kaname_error("'%s' is no name of a zone", zone);
		return false;
	}
	const char *refused =
	        kaname_name_owner(owner->name, text != NULL ? text : KANAME_APEX, apex, &note);
	if (refused != NULL) {
		kaname_error("--owner: '%s' %s", text, refused);
		return false;
	}
	if (note != NULL) {
		(void)fprintf(stderr, "note: %s is %s in the DNS\n", text, note);
	}
	owner->is_apex = knot_dname_is_equal(owner->name, apex);
	return knot_dname_to_str(owner->text, owner->name, sizeof(owner->text)) != NULL;
}

/* Whether a record is seen there. */

/*! What stands at a name, as far as it matters. */
typedef struct {
	bool exists; /*!< It is a name of the zone. */
	bool ns, dname, cname;
} node_t;

static void take_type(void *ctx, knot_ctl_data_t *data)
{
	node_t *node = ctx;
	const char *type = (*data)[KNOT_CTL_IDX_TYPE];
	if (type != NULL) {
		node->ns |= strcmp(type, "NS") == 0;
		node->dname |= strcmp(type, "DNAME") == 0;
		node->cname |= strcmp(type, "CNAME") == 0;
	}
}

/*!
 * Stands at a name while a transaction is looked at, so that the name and all above it exist there: a
 * name that does not is an error to knotd, which logs it.
 */
#define PLACEHOLDER_TYPE "TYPE65280"
#define PLACEHOLDER_DATA "\\# 6 6b616e616d65"

static kaname_exit_t command(kaname_control_t *control, const char *command, const char *zone,
                             const char *owner)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = command, [KNOT_CTL_IDX_ZONE] = zone };
	if (owner != NULL) {
		ask[KNOT_CTL_IDX_OWNER] = owner;
		ask[KNOT_CTL_IDX_TYPE] = PLACEHOLDER_TYPE;
		ask[KNOT_CTL_IDX_TTL] = "0";
		ask[KNOT_CTL_IDX_DATA] = PLACEHOLDER_DATA;
	}
	kaname_exit_t ret = kaname_control_ask(control, &ask, NULL, NULL);
	if (ret == KANAME_NO) {
		kaname_control_error(control, zone);
	}
	return ret;
}

kaname_exit_t kaname_owner_hold(kaname_control_t *control, const char *zone,
                                const kaname_owner_t *owner)
{
	return owner->is_apex ? KANAME_OK : command(control, "zone-set", zone, owner->text);
}

kaname_exit_t kaname_owner_release(kaname_control_t *control, const char *zone,
                                   const kaname_owner_t *owner)
{
	return owner->is_apex ? KANAME_OK : command(control, "zone-unset", zone, owner->text);
}

static kaname_exit_t read_node(kaname_control_t *control, const char *command, const char *zone,
                               const char *name, node_t *node)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = command,
		[KNOT_CTL_IDX_ZONE] = zone,
		[KNOT_CTL_IDX_OWNER] = name,
	};
	*node = (node_t){ .exists = false };
	kaname_exit_t ret = kaname_control_ask(control, &ask, take_type, node);
	node->exists = ret == KANAME_OK;
	if (ret == KANAME_NO && (kaname_control_refused(control, KNOT_ENONODE) ||
	                         kaname_control_refused(control, KNOT_ENOENT))) {
		return KANAME_OK;
	}
	if (ret == KANAME_NO) {
		kaname_control_error(control, zone);
	}
	return ret;
}

static const knot_dname_t *parent_of(const knot_dname_t *name)
{
	return name + name[0] + 1;
}

/*! Refuses what a name at or above the owner keeps from being seen. */
static kaname_exit_t judge(const node_t *node, const char *zone, const kaname_owner_t *owner,
                           const char *name)
{
	bool own = strcmp(name, owner->text) == 0;
	if (own && node->cname) {
		kaname_error("%s has a CNAME record, and nothing may stand beside that",
		             owner->text);
		(void)fprintf(stderr,
		              "next: take it away first, in the zone's source or with 'knotc "
		              "zone-begin %s', 'knotc zone-unset %s %s CNAME' and 'knotc "
		              "zone-commit %s'\n",
		              zone, zone, owner->text, zone);
		return KANAME_NO;
	}
	if (node->ns) {
		kaname_error("%s is %s the delegation of %s to other servers, so that no client "
		             "would see the record",
		             owner->text, own ? "at" : "below", name);
		(void)fprintf(stderr,
		              "next: declare it in the zone %s, where that is served; or is its NS "
		              "record left over?\n",
		              name);
		return KANAME_NO;
	}
	if (!own && node->dname) {
		kaname_error("%s is below the DNAME record of %s, which is answered in its place",
		             owner->text, name);
		(void)fprintf(stderr, "next: declare it at the name that the DNAME record makes of "
		                      "it, or take that record away\n");
		return KANAME_NO;
	}
	return KANAME_OK;
}

kaname_exit_t kaname_owner_check(kaname_control_t *control, const char *zone,
                                 const kaname_owner_t *owner)
{
	kaname_exit_t ret = KANAME_OK;
	const knot_dname_t *name = owner->name;
	knot_dname_txt_storage_t text;
	bool is_last = owner->is_apex;
	while (!is_last && ret == KANAME_OK &&
	       knot_dname_to_str(text, name, sizeof(text)) != NULL) {
		node_t node;
		ret = read_node(control, "zone-get", zone, text, &node);
		/* At the apex NS records are the zone's own. */
		is_last = name[0] == 0 || strcmp(text, zone) == 0;
		node.ns &= !is_last;
		if (ret == KANAME_OK) {
			ret = judge(&node, zone, owner, text);
		}
		name = is_last ? name : parent_of(name);
	}
	return ret;
}

void kaname_owner_tell_open(const char *zone)
{
	(void)fprintf(stderr,
	              "next: if 'knotc zone-status %s' shows an open transaction, drop it with "
	              "'knotc zone-abort %s'\n",
	              zone, zone);
}

kaname_exit_t kaname_owner_try(kaname_control_t *control, const char *zone,
                               const kaname_owner_t *owner)
{
	kaname_exit_t ret = owner->is_apex ? KANAME_OK : command(control, "zone-begin", zone, NULL);
	if (owner->is_apex || ret != KANAME_OK) {
		/* Nothing was begun, and what is open is not this command's. */
		return ret;
	}
	ret = kaname_owner_hold(control, zone, owner);
	if (ret == KANAME_OK) {
		ret = kaname_owner_check(control, zone, owner);
	}
	kaname_exit_t aborted =
	        ret != KANAME_IO ? command(control, "zone-abort", zone, NULL) : KANAME_IO;
	if (aborted == KANAME_IO) {
		kaname_owner_tell_open(zone);
	}
	return aborted != KANAME_OK ? aborted : ret;
}

kaname_exit_t kaname_owner_check_target(kaname_control_t *control, const char *zone,
                                        const kaname_owner_t *owner, const knot_dname_t *target)
{
	knot_dname_storage_t lower;
	const knot_dname_t *parent = parent_of(owner->name), *name = lower;
	if (!knot_dname_is_wildcard(owner->name) || knot_dname_store(lower, target) == 0) {
		return KANAME_OK;
	}
	knot_dname_to_lower(lower);
	if (knot_dname_in_bailiwick(name, parent) <= 0) {
		return KANAME_OK;
	}
	/* The wildcard stands for what is below a name that does not exist, just below its parent. */
	while (knot_dname_in_bailiwick(name, parent) > 1) {
		name = parent_of(name);
	}
	knot_dname_txt_storage_t text;
	node_t node;
	if (knot_dname_to_str(text, name, sizeof(text)) == NULL) {
		return KANAME_OK;
	}
	kaname_exit_t ret = read_node(control, "zone-read", zone, text, &node);
	if (ret != KANAME_OK || node.exists) {
		return ret;
	}
	kaname_error("%s is no name of the zone but one that %s itself stands for, which would "
	             "follow itself; nothing was changed",
	             knot_dname_to_str(text, target, sizeof(text)) != NULL ? text : "the target",
	             owner->text);
	(void)fprintf(stderr, "next: name the host that has the addresses, or give it an A or AAAA "
	                      "record first\n");
	return KANAME_NO;
}

/* Whether the module follows it. */

/*! Is a release older than the first that shows modules all owners? One that does not say is
 *  not. */
static bool is_old(const char *version)
{
	static const unsigned long first[] = { 3, 3, 5 };
	char *at = (char *)version;
	for (size_t i = 0; i < sizeof(first) / sizeof(first[0]); i++) {
		/* Before a release there is a word in the place of the last number. */
		unsigned long number = strtoul(at, &at, 10);
		if (number != first[i]) {
			return number < first[i] && isdigit((unsigned char)version[0]);
		}
		at += *at == '.';
	}
	return false;
}

kaname_owners_t kaname_owners(const kaname_values_t *option, const char *version)
{
	if (is_old(version)) {
		return KANAME_OWNERS_OLD;
	}
	return option->count > 0 && strcmp(option->at[0], "any") == 0 ? KANAME_OWNERS_ANY
	                                                              : KANAME_OWNERS_APEX;
}
