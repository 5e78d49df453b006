/*!
 * \brief The commands set and unset: ANAME records on a running server.
 *
 * A change is a transaction of knotd's: all of it or nothing. It is begun, changed and committed
 * on one connection; signals wait until it is over, so that none stays open. What takes time, to
 * look a target up, is done before, without a connection.
 */

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "owner.h"
#include "records.h"
#include "saved.h"
#include "setting.h"
#include "target.h"
#include "text.h"
#include "tool.h"

/*! TTL of a record that is declared without one. */
#define TTL_DEFAULT 300

/*! A change under way. */
typedef struct {
	kaname_args_t args;
	kaname_control_t control;
	knot_dname_txt_storage_t zone;
	kaname_owner_t owner;
	knot_dname_storage_t target; /*!< If one was given. */
	kaname_setting_t setting;    /*!< Of the zone, where a record is declared. */
	kaname_records_t records;    /*!< Those that are there. */
} change_t;

/*! Has a command of the transaction executed; reports it if it is refused. */
static kaname_exit_t command(change_t *change, knot_ctl_data_t *ask)
{
	(*ask)[KNOT_CTL_IDX_ZONE] = change->zone;
	kaname_exit_t ret = kaname_control_ask(&change->control, ask, NULL, NULL);
	if (ret == KANAME_NO) {
		kaname_control_error(&change->control, change->zone);
	}
	return ret;
}

static kaname_exit_t simple(change_t *change, const char *name)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = name };
	return command(change, &ask);
}

static kaname_exit_t put(change_t *change, const char *type, uint32_t ttl, const char *data)
{
	char ttl_text[16];
	(void)snprintf(ttl_text, sizeof(ttl_text), "%" PRIu32, ttl);
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-set", [KNOT_CTL_IDX_OWNER] = change->owner.text,
		[KNOT_CTL_IDX_TTL] = ttl_text,   [KNOT_CTL_IDX_TYPE] = type,
		[KNOT_CTL_IDX_DATA] = data,
	};
	return command(change, &ask);
}

/*! Takes away all records of a type, or one of them. */
static kaname_exit_t take_away(change_t *change, const char *type, const char *data)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-unset",
		[KNOT_CTL_IDX_OWNER] = change->owner.text,
		[KNOT_CTL_IDX_TYPE] = type,
		[KNOT_CTL_IDX_DATA] = data,
	};
	return command(change, &ask);
}

static bool has_type(const change_t *change, const char *type)
{
	for (size_t i = 0; i < change->records.count; i++) {
		if (strcmp(change->records.at[i].type, type) == 0) {
			return true;
		}
	}
	return false;
}

static kaname_exit_t take_all_away(change_t *change)
{
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < ANAME_RRTYPES && ret == KANAME_OK; i++) {
		if (has_type(change, aname_rrtypes[i].generic)) {
			ret = take_away(change, aname_rrtypes[i].generic, NULL);
		}
	}
	return ret;
}

static bool is_target(const change_t *change, const kaname_record_t *record)
{
	return record->good && knot_dname_is_case_equal(record->target, change->target);
}

/*! The TTL to set: the one given, else that of the first record, else the default. */
static uint32_t ttl_of(const change_t *change)
{
	if (change->args.ttl >= 0) {
		return change->args.ttl;
	}
	return change->records.count > 0 ? change->records.at[0].ttl : TTL_DEFAULT;
}

/*! The type of the records that there are, or of that with the same target; NULL if there are none.
 *  `mixed` is set if there are both. */
static const aname_rrtype_t *type_before(const change_t *change, bool *mixed)
{
	const aname_rrtype_t *found[ANAME_RRTYPES] = { NULL }, *its = NULL;
	for (size_t i = 0; i < change->records.count; i++) {
		const kaname_record_t *record = &change->records.at[i];
		size_t type = strcmp(record->type, aname_rrtypes[0].generic) != 0;
		found[type] = &aname_rrtypes[type];
		if (change->args.add && is_target(change, record)) {
			its = its == NULL || its == found[type] ? found[type] : NULL;
		}
	}
	*mixed = found[0] != NULL && found[1] != NULL && its == NULL;
	return its != NULL ? its : found[0] != NULL ? found[0] : found[1];
}

/*!
 * The type of the record to set: the one given, else that of the records before, so that servers
 * which know one type only go on, else the first that the zone takes. NULL, and reported, where
 * there are both.
 */
static const aname_rrtype_t *choose_type(const change_t *change)
{
	bool mixed;
	const aname_rrtype_t *type = type_before(change, &mixed);
	if (change->args.type != NULL) {
		type = kaname_type_find(change->args.type);
	} else if (mixed) {
		kaname_error("%s has both ANAME and ALIAS records", change->owner.text);
		(void)fprintf(stderr,
		              "next: say with --type which of them this one is to be; "
		              "'kaname get %s' lists all\n",
		              change->zone);
		return NULL;
	} else if (type == NULL) {
		type = kaname_type_default(&change->setting.types);
	}
	if (!kaname_type_is_taken(&change->setting.types, type)) {
		(void)fprintf(
		        stderr,
		        "warning: the zone's option 'rrtype' does not take %s, so that this "
		        "record is served as it is and not followed\nnext: --type with a type "
		        "that it takes, or add %s to 'rrtype' and 'knotc reload'\n",
		        type->word, type->word);
	}
	return type;
}

/*!
 * Writes the whole set anew, since the TTL is one for all of it. Records that are to stay are left
 * alone, the target's own excepted.
 */
static kaname_exit_t set_records(change_t *change)
{
	/* What was there before may be gone, or have come. */
	kaname_exit_t ret = kaname_owner_check(&change->control, change->zone, &change->owner);
	if (ret == KANAME_OK) {
		ret = kaname_owner_release(&change->control, change->zone, &change->owner);
	}
	const aname_rrtype_t *type = ret == KANAME_OK ? choose_type(change) : NULL;
	if (type == NULL) {
		return ret == KANAME_OK ? KANAME_NO : ret;
	}
	uint32_t ttl = ttl_of(change);
	ret = take_all_away(change);
	for (size_t i = 0; i < change->records.count && ret == KANAME_OK; i++) {
		const kaname_record_t *record = &change->records.at[i];
		if (change->args.add && !is_target(change, record)) {
			ret = put(change, record->type, ttl, record->data);
		}
	}
	char data[KANAME_GENERIC_MAX];
	kaname_generic_write(data, change->target);
	return ret == KANAME_OK ? put(change, type->generic, ttl, data) : ret;
}

static kaname_exit_t unset_records(change_t *change)
{
	if (change->args.count < 2) {
		if (change->records.count == 0) {
			kaname_error("%s has no ANAME or ALIAS record", change->owner.text);
			(void)fprintf(stderr,
			              "next: 'kaname get %s' lists those of all owners of the "
			              "zone; --owner says which\n",
			              change->zone);
			return KANAME_NO;
		}
		return take_all_away(change);
	}
	bool found = false;
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < change->records.count && ret == KANAME_OK; i++) {
		const kaname_record_t *record = &change->records.at[i];
		if (is_target(change, record)) {
			found = true;
			ret = take_away(change, record->type, record->data);
		}
	}
	if (!found) {
		kaname_error("%s has no ANAME or ALIAS record with the target %s; 'kaname get %s' "
		             "lists all",
		             change->owner.text, change->args.arguments[1], change->zone);
		return KANAME_NO;
	}
	return ret;
}

/*! Begins, has the change made, and commits, or drops it all. */
static kaname_exit_t transact(change_t *change, kaname_exit_t (*make)(change_t *change))
{
	kaname_exit_t ret = simple(change, "zone-begin");
	if (ret != KANAME_OK) {
		/* Nothing was begun, and what is open is not this command's. */
		return ret;
	}
	if (make == set_records) {
		ret = kaname_owner_hold(&change->control, change->zone, &change->owner);
	}
	if (ret == KANAME_OK) {
		ret = kaname_records_read(&change->control, "zone-get", change->zone,
		                          change->owner.is_apex ? KANAME_APEX : change->owner.text,
		                          &change->records);
	}
	if (ret == KANAME_OK) {
		ret = make(change);
	}
	if (ret == KANAME_OK) {
		ret = simple(change, "zone-commit");
	}
	if (ret == KANAME_NO) {
		knot_ctl_data_t ask = {
			[KNOT_CTL_IDX_CMD] = "zone-abort", [KNOT_CTL_IDX_ZONE] = change->zone
		};
		/* A commit that failed late has dropped it by itself: no is as good as done. */
		if (kaname_control_ask(&change->control, &ask, NULL, NULL) == KANAME_IO) {
			ret = KANAME_IO;
		} else {
			(void)fprintf(stderr, "nothing was changed\n");
		}
	}
	if (ret == KANAME_IO) {
		kaname_owner_tell_open(change->zone);
	}
	return ret;
}

static void block_signals(int how)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP };
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		sigaddset(&set, signals[i]);
	}
	(void)sigprocmask(how, &set, NULL);
}

/*! Makes a change on a connection of its own, and sees to it that it lasts. */
static kaname_exit_t apply(change_t *change, kaname_exit_t (*make)(change_t *change))
{
	kaname_exit_t ret = kaname_control_open(&change->control, &change->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	block_signals(SIG_BLOCK);
	ret = transact(change, make);
	if (ret == KANAME_OK) {
		ret = kaname_saved_after(&change->control, &change->setting, change->zone);
	}
	kaname_control_close(&change->control);
	block_signals(SIG_UNBLOCK);
	kaname_records_free(&change->records);
	return ret;
}

/*!
 * Asks what there is to know of the zone, on a connection of its own.
 *
 * \param target  What is to be declared, so that it is looked at whether that can stand there;
 *                NULL: nothing is.
 */
static kaname_exit_t read_setting(change_t *change, const knot_dname_t *target)
{
	kaname_exit_t ret = kaname_control_open(&change->control, &change->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_setting_read(&change->control, change->zone, &change->setting);
	if (ret == KANAME_OK && target != NULL) {
		block_signals(SIG_BLOCK);
		ret = kaname_owner_try(&change->control, change->zone, &change->owner);
		block_signals(SIG_UNBLOCK);
	}
	if (ret == KANAME_OK && target != NULL) {
		ret = kaname_owner_check_target(&change->control, change->zone, &change->owner,
		                                target);
	}
	kaname_control_close(&change->control);
	return ret == KANAME_OK ? kaname_saved_before(&change->setting, change->zone) : ret;
}

/*! The options, with the time that a change may take. */
static kaname_args_t patient(const kaname_args_t *args)
{
	kaname_args_t its = *args;
	its.timeout = args->timeout >= 0 ? args->timeout : KANAME_TIMEOUT_CHANGE_S;
	return its;
}

/*! Says so where this server will serve the record and not follow it. */
static void tell_module(const kaname_setting_t *setting, const char *zone)
{
	if (setting->lacks_module) {
		(void)fprintf(
		        stderr,
		        "warning: mod-aname is not in the list of modules of %s, so that this "
		        "server serves the record as it is and does not follow it\n"
		        "next: add 'module: mod-aname' to the zone or its template, then "
		        "'knotc conf-check' and 'knotc reload'\n",
		        zone);
	}
}

/*! The same of an owner that is not the apex. */
static void tell_owner(const kaname_setting_t *setting, const kaname_owner_t *owner)
{
	static const char so[] = "so that this server serves the record as it is and does not "
	                         "follow it";
	kaname_owners_t owners = kaname_owners(&setting->owners, setting->version);
	if (owner->is_apex || setting->lacks_module) {
		return;
	}
	if (owners == KANAME_OWNERS_OLD) {
		(void)fprintf(stderr,
		              "warning: %s is not the apex, and Knot DNS %s shows modules no "
		              "other owner, %s\nnext: " KANAME_OWNERS_CURE_OLD "\n",
		              owner->text, setting->version, so);
	} else if (!setting->has_list) {
		(void)fprintf(stderr,
		              "note: %s is not the apex: it is followed with " KANAME_OWNERS_CURE
		              ", which knotd does not tell of a zone that a catalog brings\n",
		              owner->text);
	} else if (owners == KANAME_OWNERS_APEX) {
		(void)fprintf(
		        stderr,
		        "warning: %s is not the apex, and 'owners: apex' counts for the zone, %s\n"
		        "next: " KANAME_OWNERS_CURE ", which the zone's list of modules names as "
		        "'mod-aname/ID', then 'knotc conf-check' and 'knotc reload'\n",
		        owner->text, so);
	}
}

/*! Says so where the zone is changed beside its primary. */
static void tell_primary(const kaname_primaries_t *primaries, const char *zone)
{
	if (primaries->count == 0) {
		return;
	}
	(void)fprintf(stderr, "warning: %s is transferred from ", zone);
	for (size_t i = 0; i < primaries->count; i++) {
		(void)fprintf(stderr, "%s%s", i > 0 ? ", " : "", primaries->at[i]);
	}
	(void)fputs(": what is changed here is overwritten by its next change, or stands beside it "
	            "unseen under the same serial\nnext: change it at the primary\n",
	            stderr);
}

/*! Reads the command line, as far as it takes no server. */
static bool take_arguments(change_t *change, const kaname_args_t *args, kaname_name_kind_t kind)
{
	change->args = patient(args);
	return kaname_zone_name(change->zone, args->arguments[0]) &&
	       kaname_owner_take(&change->owner, change->zone, args->owner) &&
	       (args->count < 2 || kaname_name_take(change->target, args->arguments[1], kind));
}

kaname_exit_t kaname_set(const kaname_args_t *args)
{
	static change_t it;
	if (args->type != NULL && kaname_type_find(args->type) == NULL) {
		kaname_error("--type %s: expected ANAME or ALIAS", args->type);
		return KANAME_USAGE;
	}
	if (!take_arguments(&it, args, KANAME_NAME_TARGET)) {
		return KANAME_NO;
	}
	if (knot_dname_is_case_equal(it.owner.name, it.target)) {
		kaname_error("%s cannot follow itself: expected the name of a target elsewhere",
		             it.owner.is_apex ? args->arguments[0] : it.owner.text);
		return KANAME_NO;
	}
	kaname_exit_t ret = read_setting(&it, it.target);
	if (ret == KANAME_OK && !args->no_check) {
		ret = kaname_target_check(it.target, it.owner.name,
		                          it.owner.is_apex ? "the zone's apex" : it.owner.text,
		                          &it.setting.servers);
	}
	if (ret == KANAME_OK) {
		ret = apply(&it, set_records);
	}
	if (ret == KANAME_OK) {
		tell_primary(&it.setting.primaries, it.zone);
		tell_module(&it.setting, it.zone);
		tell_owner(&it.setting, &it.owner);
	}
	return ret;
}

kaname_exit_t kaname_unset(const kaname_args_t *args)
{
	static change_t it;
	if (!take_arguments(&it, args, KANAME_NAME_ANY)) {
		return KANAME_NO;
	}
	kaname_exit_t ret = read_setting(&it, NULL);
	if (ret == KANAME_OK) {
		ret = apply(&it, unset_records);
	}
	if (ret == KANAME_OK) {
		tell_primary(&it.setting.primaries, it.zone);
	}
	return ret;
}
