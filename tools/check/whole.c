#include "check/whole.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "check/check.h"
#include "check/host.h"
#include "check/layout.h"
#include "check/options.h"
#include "followed.h"
#include "print.h"
#include "running.h"
#include "socket.h"
#include "wanted.h"

/*! Zones that get a line each; the others are counted. */
#define SHOWN 100

/*! All that is known. */
typedef struct {
	kaname_check_t *check; /*!< Counts what is BAD. */
	kaname_layout_t layout;
	kaname_items_t loaded; /*!< Zones for which the module is loaded. */
	kaname_records_t records;
	kaname_live_t live;
	bool is_live; /*!< The module could be asked. */
	size_t well, bad, unknown;
} whole_t;

/*! What was found of one zone. */
typedef struct {
	const char *zone;
	unsigned bad;
	char first[KANAME_CHECK_TEXT_MAX]; /*!< Of these. */
	bool unknown;                      /*!< Some target was never looked up. */
} finding_t;

__attribute__((format(printf, 2, 3))) static void find_bad(finding_t *finding, const char *format,
                                                           ...)
{
	va_list args;
	va_start(args, format);
	if (finding->bad++ == 0) {
		(void)vsnprintf(finding->first, sizeof(finding->first), format, args);
	}
	va_end(args);
}

/* Targets. */

/*! Was this learnt from whom the zone asks? */
static bool is_from(const kaname_line_t *line, const kaname_source_t *source)
{
	return strcmp(kaname_field_or(line, ANAME_KEY_RESOLVER, ""), source->resolver) == 0 &&
	       strcmp(kaname_field_or(line, ANAME_KEY_VIA, ""), source->via) == 0 &&
	       (kaname_live_field(line, ANAME_KEY_SECURE) != NULL) == source->secure;
}

static void judge_line(finding_t *finding, const kaname_line_t *line)
{
	const char *name = kaname_field_or(line, ANAME_KEY_NAME, ""),
	           *family = kaname_field_or(line, ANAME_KEY_FAMILY, "");
	const char *failing = kaname_live_field(line, ANAME_KEY_FAILING);
	if (failing != NULL) {
		find_bad(finding, "target %s %s cannot be resolved for %s s (%s), asked: %s", name,
		         family, failing, kaname_field_or(line, ANAME_KEY_WHY, "?"),
		         kaname_field_or(line, ANAME_KEY_RESOLVER, "?"));
	} else if (kaname_live_field(line, ANAME_KEY_GONE) != NULL) {
		find_bad(finding, "target %s %s is gone", name, family);
	} else if (kaname_live_field(line, ANAME_KEY_NXDOMAIN) != NULL) {
		find_bad(finding, "target %s %s does not exist (NXDOMAIN)", name, family);
	}
}

static void judge_target(const whole_t *whole, finding_t *finding, const char *name,
                         const kaname_source_t *source)
{
	size_t count, own = 0;
	const kaname_line_t *lines = kaname_live_find(&whole->live, name, &count);
	for (size_t i = 0; i < count; i++) {
		if (kaname_live_field(&lines[i], ANAME_KEY_SUBNET) == NULL &&
		    is_from(&lines[i], source)) {
			own++;
			judge_line(finding, &lines[i]);
		}
	}
	finding->unknown |= own == 0;
}

/* Zones. */

static void judge_list(finding_t *finding, const kaname_listed_t *listed)
{
	if (listed->times > 1) {
		find_bad(finding,
		         "mod-aname stands %u times in the list of modules (%s '%s'), and "
		         "only the first counts",
		         listed->times, listed->where, listed->whose);
	}
	if (listed->before) {
		find_bad(finding, "mod-onlinesign stands before mod-aname in the list of modules");
	}
	if (listed->alias && listed->times > 0) {
		find_bad(finding, "mod-alias is in the list of modules, too, and takes the same "
		                  "records");
	}
}

/*! A target of the zone. */
static void judge_name(const whole_t *whole, finding_t *finding, const kaname_listed_t *listed,
                       const kaname_source_t *source, const char *name)
{
	knot_dname_storage_t target;
	if (!listed->known || knot_dname_from_str(target, name, sizeof(target)) == NULL) {
		return;
	}
	const char *denies = kaname_layout_denies(&whole->layout, listed->id, target);
	if (denies != NULL) {
		find_bad(finding, "target %s is not used: '%s'", name, denies);
	} else if (whole->is_live) {
		judge_target(whole, finding, name, source);
	}
}

/*! Owners below the apex that no client sees are left out, and told. */
static bool is_hidden(finding_t *finding, const kaname_record_t *record)
{
	if (record->hidden == NULL) {
		return false;
	}
	find_bad(finding, "%s is %s: no client sees the record", record->owner, record->hidden);
	return true;
}

/*! The records of an owner as such; their targets go to `wants`. */
static kaname_exit_t judge_owner(finding_t *finding, const kaname_record_t *records, size_t count,
                                 kaname_wants_t *wants)
{
	kaname_exit_t ret = KANAME_OK;
	if (is_hidden(finding, records)) {
		return ret;
	}
	if (count > ANAME_POOL_MAX) {
		find_bad(finding, "%s has %zu records, of which only %d are used",
		         records->zone == NULL ? "the apex" : records->owner, count,
		         ANAME_POOL_MAX);
	}
	for (size_t i = 0; i < count && ret == KANAME_OK; i++) {
		knot_dname_txt_storage_t name;
		if (!kaname_target_of(&records[i], name) || records[i].target[0] == 0) {
			find_bad(finding, "the RDATA of a record%s%s is no target",
			         records->zone != NULL ? " of " : "",
			         records->zone != NULL ? records->owner : "");
		} else {
			ret = kaname_wants_add(wants, name, NULL);
		}
	}
	return ret;
}

/*! The records of a zone for which the module is loaded. */
static kaname_exit_t judge_records(whole_t *whole, finding_t *finding,
                                   const kaname_listed_t *listed, const kaname_record_t *records,
                                   size_t count)
{
	kaname_source_t source;
	kaname_wants_t wants = { 0 };
	kaname_layout_source(&whole->layout, listed->id, &source);
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0, end; i < count && ret == KANAME_OK; i = end) {
		for (end = i + 1; end < count && kaname_same_owner(&records[end], &records[i]);
		     end++) {
		}
		ret = judge_owner(finding, &records[i], end - i, &wants);
	}
	/* Each target once, however many owners have it. */
	kaname_wants_sort(&wants);
	for (size_t i = 0; i < wants.count; i++) {
		judge_name(whole, finding, listed, &source, wants.at[i].name);
	}
	kaname_wants_free(&wants);
	return ret;
}

static void report_zone(whole_t *whole, const finding_t *finding)
{
	char next[KANAME_CHECK_TEXT_MAX];
	whole->unknown += finding->unknown;
	if (finding->bad == 0) {
		whole->well++;
		return;
	}
	if (whole->bad++ >= SHOWN) {
		whole->check->bad++;
		return;
	}
	(void)snprintf(next, sizeof(next), "'kaname check %s' says more", finding->zone);
	kaname_bad(whole->check, next, "%s: %u thing%s to look at: %s%s", finding->zone,
	           finding->bad, finding->bad == 1 ? "" : "s", finding->first,
	           finding->bad > 1 ? "; and more" : "");
}

/*! A zone with records; those of one owner follow each other. */
static kaname_exit_t judge_zone(whole_t *whole, const kaname_record_t *records, size_t count)
{
	size_t found;
	const char *zone = kaname_zone_of(records);
	finding_t finding = { .zone = zone };
	kaname_exit_t ret = KANAME_OK;
	const kaname_listed_t listed = kaname_layout_zone(&whole->layout, zone);
	bool loaded = kaname_items_find(&whole->loaded, zone, &found) != NULL;
	judge_list(&finding, &listed);
	if (loaded) {
		ret = judge_records(whole, &finding, &listed, records, count);
	} else if (listed.times > 0) {
		find_bad(&finding, "mod-aname is in the list of modules, and not loaded: the log "
		                   "says why");
	} else if (!listed.alias) {
		find_bad(&finding,
		         "there are %s records, and mod-aname is not in the list of "
		         "modules",
		         kaname_record_word(records));
	}
	report_zone(whole, &finding);
	return ret;
}

/*! Zones that are configured with the module, and have no contents, so no records either. */
static void judge_unloaded(whole_t *whole)
{
	for (size_t i = 0; i < whole->layout.unloaded.count; i++) {
		finding_t finding = { .zone = whole->layout.unloaded.at[i].id };
		if (kaname_layout_zone(&whole->layout, finding.zone).times > 0) {
			find_bad(&finding, "it is configured, but not loaded: the log says why");
			report_zone(whole, &finding);
		}
	}
}

/*! Judges the records of all zones. */
static kaname_exit_t judge_all(whole_t *whole)
{
	kaname_records_t *records = &whole->records;
	kaname_exit_t ret = KANAME_OK;
	kaname_records_sort_by_zone(records);
	for (size_t i = 0, end; i < records->count && ret == KANAME_OK; i = end) {
		const char *zone = kaname_zone_of(&records->at[i]);
		for (end = i + 1;
		     end < records->count && strcmp(kaname_zone_of(&records->at[end]), zone) == 0;
		     end++) {
		}
		ret = judge_zone(whole, &records->at[i], end - i);
	}
	return ret;
}

static kaname_exit_t judge_zones(whole_t *whole)
{
	judge_unloaded(whole);
	kaname_exit_t ret = judge_all(whole);
	if (ret != KANAME_OK) {
		return ret;
	}
	if (whole->bad > SHOWN) {
		kaname_note("%zu more zones have something to look at", whole->bad - SHOWN);
	}
	if (whole->unknown > 0) {
		kaname_note("of %zu zone%s targets were not looked up yet, since nobody has asked: "
		            "'kaname warm' has them",
		            whole->unknown, whole->unknown == 1 ? "" : "s");
	}
	kaname_good("%zu zone%s with ANAME or ALIAS records %s as far as can be seen from here",
	            whole->well, whole->well == 1 ? "" : "s",
	            whole->well == 1 ? "is well" : "are well");
	return KANAME_OK;
}

/* The server. */

static void judge_server(whole_t *whole)
{
	const char *next, *why;
	char text[KANAME_CHECK_TEXT_MAX];
	kaname_check_t *check = whole->check;
	kaname_running_t running = kaname_running_compare(&whole->live, text, sizeof(text), &next);
	if (running == KANAME_RUNNING_GONE) {
		kaname_bad(check, next, "%s", text);
	} else if (running == KANAME_RUNNING_OLD) {
		kaname_note("%s: %s", text, next);
	}
	why = kaname_live_file_fault(&whole->live, &next);
	if (why != NULL) {
		kaname_bad(check, next,
		           "state file %s: %s; what is known does not survive a restart",
		           kaname_field_or(&whole->live.file, ANAME_KEY_FILE, "?"), why);
	}
	if (kaname_live_field(&whole->live.server, ANAME_KEY_FULL) != NULL) {
		kaname_bad(check, "raise 'max-targets' and reload",
		           "there is no room for another target: %s are held",
		           kaname_field_or(&whole->live.server, ANAME_KEY_TARGETS, "?"));
	}
	if (kaname_live_field(&whole->live.server, ANAME_KEY_DOUBT) != NULL) {
		kaname_bad(check,
		           "does this host reach the internet? If it does, 'kaname force' says "
		           "what is up",
		           "no probe of several targets succeeds any more: this server's own "
		           "connection is in doubt");
	}
}

/*! The module says what it knows; with `status-socket: off` that is left out. */
static void ask_module(whole_t *whole, const kaname_args_t *args)
{
	const kaname_items_t *sockets = &whole->layout.status_socket;
	bool off = false;
	for (size_t i = 0; i < sockets->count; i++) {
		off |= strcmp(sockets->at[i].value, ANAME_STATUS_OFF) == 0;
	}
	if (off && args->status_socket == NULL && !kaname_socket_is_there(args)) {
		kaname_note("what the module knows was not asked: 'status-socket: off'");
	} else if (whole->loaded.count > 0) {
		whole->is_live = kaname_live_read(args, NULL, NULL, &whole->live) == KANAME_OK;
		if (!whole->is_live) {
			kaname_bad(whole->check, "see above; without it the log is what there is",
			           "what the module knows could not be asked");
		}
	}
}

static void take_loaded(void *ctx, knot_ctl_data_t *data)
{
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE];
	if (zone != NULL) {
		(void)kaname_items_add(ctx, zone, "");
	}
}

/*! Reads all that is asked by control, which is closed then. */
static kaname_exit_t read_all(whole_t *whole, kaname_control_t *control)
{
	char version[KANAME_VERSION_MAX];
	/* One counter of each zone; where the module is not loaded there is none. */
	knot_ctl_data_t count = { [KNOT_CTL_IDX_CMD] = "zone-stats",
		                  [KNOT_CTL_IDX_FLAGS] = "F",
		                  [KNOT_CTL_IDX_SECTION] = "mod-aname",
		                  [KNOT_CTL_IDX_ITEM] = "targets" };
	kaname_exit_t ret = kaname_control_version(control, version);
	if (ret != KANAME_IO) {
		kaname_good("knotd answers to control commands (%s)", version);
		ret = kaname_control_ask(control, &count, take_loaded, &whole->loaded);
		kaname_items_sort(&whole->loaded);
	}
	if (ret != KANAME_IO) {
		ret = kaname_layout_read(control, &whole->layout);
	}
	if (ret == KANAME_IO) {
		kaname_control_close(control);
		return ret;
	}
	return kaname_followed_all(control, &whole->records);
}

kaname_exit_t kaname_check_whole(const kaname_args_t *args)
{
	static kaname_check_t check;
	static whole_t whole;
	kaname_control_t control;
	check.args = args;
	whole.check = &check;
	kaname_exit_t ret = kaname_control_open(&control, args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = read_all(&whole, &control);
	if (ret == KANAME_OK) {
		kaname_check_sections(&check, &whole.layout);
		ask_module(&whole, args);
		if (whole.is_live) {
			judge_server(&whole);
		}
		ret = judge_zones(&whole);
	}
	if (ret == KANAME_OK && check.bad == 0) {
		(void)printf("the server is as it should be\n");
	} else if (ret == KANAME_OK) {
		(void)printf("%u thing%s to look at\n", check.bad, check.bad == 1 ? "" : "s");
		ret = KANAME_NO;
	}
	if (whole.is_live) {
		kaname_live_free(&whole.live);
	}
	kaname_records_free(&whole.records);
	kaname_items_free(&whole.loaded);
	kaname_layout_free(&whole.layout);
	return ret;
}
