/*!
 * \brief The command list: the ANAME and ALIAS records of all zones of the server.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "control.h"
#include "print.h"
#include "records.h"
#include "text.h"
#include "tool.h"

/*! What the records are chosen by: owner or target. None: all of them. */
typedef struct {
	size_t count;
	struct {
		knot_dname_storage_t name;
		bool found;
	} * at;
} choice_t;

/*! Reads the arguments; everything but KANAME_OK is reported. */
static kaname_exit_t read_choice(const kaname_args_t *args, choice_t *choice)
{
	choice->at = calloc(args->count + 1, sizeof(*choice->at));
	if (choice->at == NULL) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	for (int i = 0; i < args->count; i++) {
		knot_dname_t *name = choice->at[i].name;
		if (!kaname_name_take(name, args->arguments[i], KANAME_NAME_ANY)) {
			return KANAME_NO;
		}
		choice->count++;
	}
	return KANAME_OK;
}

/*! Is it one of those that were asked for? */
static bool is_chosen(choice_t *choice, const kaname_record_t *record)
{
	knot_dname_storage_t owner;
	if (choice->count == 0) {
		return true;
	}
	bool chosen = false, has_owner = kaname_name_read(owner, record->owner) != NULL;
	for (size_t i = 0; i < choice->count; i++) {
		const knot_dname_t *name = choice->at[i].name;
		if ((has_owner && knot_dname_is_case_equal(name, owner)) ||
		    (record->good && knot_dname_is_case_equal(name, record->target))) {
			chosen = choice->at[i].found = true;
		}
	}
	return chosen;
}

/*! Prints a member that is a text, or null. */
static void print_member(const char *key, const char *text)
{
	(void)printf(", \"%s\": ", key);
	if (text != NULL) {
		kaname_print_text(text, strlen(text));
	} else {
		(void)fputs("null", stdout);
	}
}

static void print_object(const kaname_record_t *record)
{
	knot_dname_txt_storage_t target;
	bool good =
	        record->good && knot_dname_to_str(target, record->target, sizeof(target)) != NULL;
	(void)fputs("{\"owner\": ", stdout);
	kaname_print_text(record->owner, strlen(record->owner));
	(void)printf(", \"ttl\": %u, \"type\": \"%s\"", record->ttl, kaname_record_word(record));
	print_member("target", good ? target : NULL);
	print_member("malformed", good ? NULL : record->data);
	(void)putchar('}');
}

static void print_all(const kaname_records_t *records, choice_t *choice, bool json)
{
	size_t printed = 0;
	if (json) {
		(void)fputs("{\"records\": [", stdout);
	}
	for (size_t i = 0; i < records->count; i++) {
		const kaname_record_t *record = &records->at[i];
		if (!is_chosen(choice, record)) {
			continue;
		}
		if (json) {
			(void)fputs(printed > 0 ? ",\n  " : "\n  ", stdout);
			print_object(record);
		} else {
			kaname_record_print(record, record->owner);
		}
		printed++;
	}
	if (json) {
		(void)fputs("\n]}\n", stdout);
	}
}

/*! Tells what was asked for and is not there. */
static kaname_exit_t report_missing(const kaname_args_t *args, const kaname_records_t *records,
                                    const choice_t *choice)
{
	kaname_exit_t ret = KANAME_OK;
	/* In this order, wherever they go. */
	(void)fflush(stdout);
	for (size_t i = 0; i < choice->count; i++) {
		if (!choice->at[i].found) {
			kaname_error("no ANAME or ALIAS record of the server has the owner or the "
			             "target %s",
			             args->arguments[i]);
			ret = KANAME_NO;
		}
	}
	if (ret != KANAME_OK) {
		(void)fprintf(stderr, "next: 'kaname list' has all of them, 'kaname check ZONE' "
		                      "looks at one zone\n");
	} else if (records->count == 0) {
		(void)fprintf(stderr, "note: no zone that is loaded has an ANAME or ALIAS record "
		                      "at its apex; 'kaname set ZONE TARGET' declares one\n");
	}
	return ret;
}

kaname_exit_t kaname_list(const kaname_args_t *args)
{
	kaname_records_t records = { 0 };
	kaname_control_t control;
	choice_t choice = { 0 };
	kaname_exit_t ret = read_choice(args, &choice);
	if (ret == KANAME_OK) {
		ret = kaname_control_open(&control, args);
	}
	if (ret == KANAME_OK) {
		ret = kaname_records_all(&control, &records);
	}
	if (ret == KANAME_OK) {
		print_all(&records, &choice, args->json);
		ret = report_missing(args, &records, &choice);
	}
	kaname_records_free(&records);
	free(choice.at);
	return ret;
}
