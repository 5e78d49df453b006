#include "check/check.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

#include "cuts.h"
#include "text.h"

/*! Records of a kind of mistake that get a line each; the others are counted. */
#define SHOWN 10
/*! Owners that are named in one line. */
#define NAMED 4

/*! What was found. */
typedef struct {
	kaname_check_t *check;
	kaname_values_t types; /*!< Option `rrtype`. */
	kaname_items_t cuts;   /*!< Names with NS or DNAME records, and which of them. */
	unsigned wrong;        /*!< Records that are. */
	unsigned hidden;       /*!< Owners that no client sees. */
	char hidden_text[KANAME_CHECK_TEXT_MAX];
} found_t;

/* Owners that no client sees. */

static void note_hidden(found_t *found, const char *owner)
{
	size_t len = strlen(found->hidden_text);
	if (found->hidden++ < NAMED) {
		(void)snprintf(found->hidden_text + len, sizeof(found->hidden_text) - len, "%s%s",
		               len > 0 ? ", " : "", owner);
	}
}

/* Records. */

__attribute__((format(printf, 3, 4))) static void wrong(found_t *found, const char *next,
                                                        const char *format, ...)
{
	char text[KANAME_CHECK_TEXT_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (found->wrong++ < SHOWN) {
		kaname_bad(found->check, next, "%s", text);
	}
}

static void judge_record(found_t *found, const kaname_record_t *record)
{
	knot_dname_storage_t owner;
	knot_dname_txt_storage_t target;
	if (!record->good || knot_dname_to_str(target, record->target, sizeof(target)) == NULL) {
		wrong(found, "'kaname set' with --owner replaces it",
		      "%s: the RDATA of a %s record is no domain name: %s", record->owner,
		      record->type, record->data);
	} else if (!kaname_check_takes(&found->types, record->type)) {
		wrong(found,
		      "'kaname set' with --owner declares it anew, or add the type to 'rrtype'",
		      "%s: the option 'rrtype' does not take %s, the type of the record of %s",
		      record->owner, record->type, target);
	} else if (record->target[0] == 0) {
		wrong(found, "'kaname set' with --owner and the name of a target",
		      "%s: the target is the root", record->owner);
	} else if (kaname_name_read(owner, record->owner) != NULL &&
	           knot_dname_is_case_equal(owner, record->target)) {
		wrong(found, "'kaname set' with --owner and another target",
		      "%s: the target is the owner itself", record->owner);
	}
}

/*! The records of one owner. Returns whether clients see them. */
static bool judge_owner(found_t *found, const kaname_record_t *records, size_t count)
{
	if (kaname_cuts_hide(&found->cuts, found->check->zone, records->owner, NULL)) {
		note_hidden(found, records->owner);
		return false;
	}
	for (size_t i = 0; i < count; i++) {
		judge_record(found, &records[i]);
	}
	if (count > ANAME_POOL_MAX) {
		wrong(found, "'kaname unset' with --owner removes one",
		      "%s has %zu records, of which only %d are used", records->owner, count,
		      ANAME_POOL_MAX);
	}
	return true;
}

/*! Judges all of them, and leaves out those of the apex and those that no client sees. */
static void judge_all(found_t *found, kaname_records_t *records)
{
	size_t kept = 0;
	for (size_t i = 0, next; i < records->count; i = next) {
		const char *owner = records->at[i].owner;
		for (next = i + 1;
		     next < records->count && strcmp(records->at[next].owner, owner) == 0; next++) {
		}
		bool keeps = strcmp(owner, found->check->zone) != 0 &&
		             judge_owner(found, &records->at[i], next - i);
		for (size_t k = i; k < next; k++) {
			/* What is left out moves to the end, and is freed with the others. */
			if (keeps) {
				kaname_record_t record = records->at[kept];
				records->at[kept++] = records->at[k];
				records->at[k] = record;
			}
		}
	}
	kaname_records_t left = { .at = records->at + kept, .count = records->count - kept };
	kaname_records_clear(&left);
	records->count = kept;
}

static void report(found_t *found)
{
	if (found->wrong > SHOWN) {
		kaname_note("%u more records of owners other than the apex have something wrong",
		            found->wrong - SHOWN);
	}
	if (found->hidden > NAMED) {
		size_t len = strlen(found->hidden_text);
		(void)snprintf(found->hidden_text + len, sizeof(found->hidden_text) - len,
		               " and %u more", found->hidden - NAMED);
	}
	if (found->hidden > 0) {
		kaname_bad(found->check,
		           "declare them in the zone that is delegated, or where the DNAME record "
		           "leads to; 'kaname unset' with --owner removes them here",
		           "records at or below a delegation, or below a DNAME record, are seen by "
		           "no client: %s",
		           found->hidden_text);
	}
}

kaname_exit_t kaname_check_others_read(kaname_check_t *check)
{
	static found_t found;
	found = (found_t){ .check = check };
	if (check->owners != KANAME_OWNERS_ANY || !check->is_loaded) {
		return KANAME_OK;
	}
	kaname_exit_t ret = kaname_records_read(&check->control, "zone-read", check->zone, NULL,
	                                        &check->others);
	if (ret == KANAME_OK) {
		ret = kaname_check_option(check, "rrtype", &found.types);
	}
	if (ret == KANAME_OK) {
		ret = kaname_cuts_read(&check->control, check->zone, &found.cuts);
	}
	if (ret == KANAME_OK) {
		judge_all(&found, &check->others);
		report(&found);
	}
	kaname_items_free(&found.cuts);
	return ret;
}
