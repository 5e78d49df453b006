/*!
 * \brief The command refresh: has targets looked up now, and shows what they were and what they are.
 *
 * The module looks up what it knows. What it does not know yet, of a zone that has it, is asked for
 * as a client asks, which has it looked up by the resolver of that zone.
 */

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "config.h"
#include "followed.h"
#include "live.h"
#include "print.h"
#include "refreshed.h"
#include "text.h"
#include "tool.h"
#include "wanted.h"

/*! While others wait for lookups, or a name is not known yet, it is asked anew after this. */
#define AGAIN_MS 100
/*! A reply takes no longer: more than `wait` may be. */
#define REPLY_MS 6000

/*! So many targets that the module does not know are asked for as a client asks. */
#define UNKNOWN_MAX 32

typedef struct {
	const kaname_args_t *args;
	int64_t end_ms;
	kaname_wants_t wants; /*!< Those that were named themselves have no owner. */
	kaname_refreshed_t printed;
	bool begun;         /*!< Something was looked up, and what comes of it is printed. */
	size_t unknown;     /*!< Targets that the module did not know. */
	size_t unknown_out; /*!< Those of them that were left alone. */
	long subnets, left_out;
} refresh_t;

/* What is asked for. */

/*! Adds the targets of a zone; KANAME_NO if the server has none of that name, or it has none. */
static kaname_exit_t add_zone(refresh_t *refresh, kaname_control_t *control, const char *zone)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read",
		                [KNOT_CTL_IDX_ZONE] = zone,
		                [KNOT_CTL_IDX_OWNER] = "@",
		                [KNOT_CTL_IDX_TYPE] = "SOA" };
	kaname_exit_t ret = kaname_control_ask(control, &ask, NULL, NULL);
	if (ret != KANAME_OK) {
		return ret;
	}
	kaname_records_t records = { 0 };
	ret = kaname_followed_read(control, zone, &records);
	size_t before = refresh->wants.count;
	if (ret == KANAME_OK) {
		ret = kaname_wants_add_records(&refresh->wants, &records);
	}
	kaname_records_free(&records);
	return ret == KANAME_OK && refresh->wants.count == before ? KANAME_NO : ret;
}

/*! Reads the command line. */
static kaname_exit_t read_args(refresh_t *refresh)
{
	kaname_control_t control;
	kaname_exit_t ret = kaname_control_open(&control, refresh->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	for (int i = 0; i < refresh->args->count && ret == KANAME_OK; i++) {
		knot_dname_txt_storage_t name;
		if (!kaname_zone_name(name, refresh->args->arguments[i])) {
			ret = KANAME_NO;
			break;
		}
		ret = add_zone(refresh, &control, name);
		if (ret == KANAME_NO) {
			ret = kaname_wants_add(&refresh->wants, name, NULL);
		}
	}
	kaname_control_close(&control);
	kaname_wants_sort(&refresh->wants);
	return ret;
}

/* What is not known yet. */

/*! Asks as a client for both families of an owner, over TCP. */
static void ask_as_client(const kaname_values_t *listen, const char *owner)
{
	static kaname_answer_t answer;
	knot_dname_storage_t name;
	kaname_question_t question = { .name = kaname_name_read(name, owner),
		                       .tcp = true,
		                       .timeout_ms = REPLY_MS };
	for (size_t i = 0; i < listen->count; i++) {
		if (kaname_address_read(listen->at[i], &question.server)) {
			question.type = KNOT_RRTYPE_A;
			kaname_ask(&question, &answer);
			question.type = KNOT_RRTYPE_AAAA;
			kaname_ask(&question, &answer);
			return;
		}
	}
}

/*! Has a lookup of a line ended? */
static bool has_ended(const kaname_line_t *line)
{
	return kaname_refreshed_number(line, ANAME_KEY_SUCCEEDED) > 0 ||
	       kaname_refreshed_number(line, ANAME_KEY_FAILED) > 0;
}

/*! Waits until both families of a name are known, or the time is up; prints what is. */
static kaname_exit_t await(refresh_t *refresh, const char *name)
{
	for (;;) {
		kaname_live_t live;
		char request[sizeof(knot_dname_txt_storage_t) + 20];
		(void)snprintf(request, sizeof(request), ANAME_STATUS_REQUEST " %s\n", name);
		kaname_exit_t ret = kaname_live_ask(refresh->args, request, &live);
		if (ret != KANAME_OK) {
			return ret;
		}
		size_t ended = 0;
		for (size_t i = 0; i < live.count; i++) {
			ended += has_ended(&live.targets[i]);
		}
		bool over = (live.count >= 2 && ended == live.count) ||
		            kaname_now_ms() >= refresh->end_ms;
		for (size_t i = 0; i < live.count && over; i++) {
			kaname_refreshed_print(&refresh->printed, NULL, &live.targets[i]);
		}
		refresh->printed.pending += over && live.count == 0;
		if (over && live.count == 0) {
			kaname_error("%s: no lookup has begun in time", name);
			(void)fprintf(stderr, "next: 'kaname check' of the zone\n");
		}
		kaname_live_free(&live);
		if (over) {
			return KANAME_OK;
		}
		(void)poll(NULL, 0, AGAIN_MS);
	}
}

/*! Finds an owner that has a target; KANAME_NO if there is none. */
static kaname_exit_t find_owner(const refresh_t *refresh, kaname_wanted_t *wanted)
{
	kaname_control_t control;
	kaname_records_t records = { 0 };
	kaname_exit_t ret = kaname_control_open(&control, refresh->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_followed_all(&control, &records);
	for (size_t i = 0; i < records.count && wanted->owner == NULL; i++) {
		knot_dname_txt_storage_t target;
		if (records.at[i].hidden == NULL && kaname_target_of(&records.at[i], target) &&
		    strcmp(target, wanted->name) == 0) {
			/* It is not needed there any more. */
			wanted->owner = records.at[i].owner;
			records.at[i].owner = NULL;
		}
	}
	kaname_records_free(&records);
	return ret == KANAME_OK && wanted->owner == NULL ? KANAME_NO : ret;
}

static kaname_exit_t read_listen(const refresh_t *refresh, kaname_values_t *listen)
{
	kaname_control_t control;
	kaname_exit_t ret = kaname_control_open(&control, refresh->args);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_config_read(&control, "server", NULL, "listen", listen);
	kaname_control_close(&control);
	return ret;
}

/*! Has a name looked up by which the module knows nothing. */
static kaname_exit_t look_up_unknown(refresh_t *refresh, const char *name)
{
	static kaname_values_t listen;
	kaname_wanted_t *wanted = kaname_wants_find(&refresh->wants, name);
	if (wanted == NULL) {
		return KANAME_OK;
	}
	if (refresh->unknown++ >= UNKNOWN_MAX) {
		refresh->unknown_out++;
		return KANAME_OK;
	}
	kaname_exit_t ret = wanted->owner == NULL ? find_owner(refresh, wanted) : KANAME_OK;
	if (ret == KANAME_NO) {
		kaname_error("%s is no zone of this server with an ANAME record, and no zone has "
		             "it as its target",
		             name);
		(void)fprintf(stderr, "next: 'kaname list' prints all zones and their targets\n");
	}
	if (ret == KANAME_OK) {
		ret = read_listen(refresh, &listen);
	}
	if (ret != KANAME_OK) {
		return ret;
	}
	ask_as_client(&listen, wanted->owner);
	return await(refresh, wanted->name);
}

/* The whole. */

/*! What is left of the time, in seconds; at least one. */
static int seconds_left(const refresh_t *refresh)
{
	int64_t left_s = (refresh->end_ms - kaname_now_ms() + 999) / 1000;
	return left_s < 1                           ? 1
	       : left_s > ANAME_REFRESH_SECONDS_MAX ? ANAME_REFRESH_SECONDS_MAX
	                                            : (int)left_s;
}

/*! Asks the module, and again while others wait for lookups. */
static kaname_exit_t ask(const refresh_t *refresh, const char *request, int seconds,
                         kaname_live_t *live)
{
	kaname_args_t args = *refresh->args;
	/* It says nothing while it waits. */
	args.busy_ms = refresh->end_ms;
	args.timeout = args.timeout == 0 ? 0 : seconds + KANAME_TIMEOUT_S;
	for (;;) {
		kaname_exit_t ret = kaname_live_ask(&args, request, live);
		const char *why =
		        ret == KANAME_OK ? kaname_live_field(&live->refused, ANAME_KEY_WHY) : NULL;
		if (why == NULL || strcmp(why, ANAME_WHY_BUSY) != 0 ||
		    kaname_now_ms() >= refresh->end_ms) {
			return ret;
		}
		kaname_live_free(live);
		(void)poll(NULL, 0, AGAIN_MS);
	}
}

/*! Prints that it was refused. */
static kaname_exit_t report_refused(const kaname_live_t *live)
{
	const char *why = kaname_field_or(&live->refused, ANAME_KEY_WHY, "it does not say why");
	const char *next = "ask again";
	if (strcmp(live->refused.at, ANAME_STATUS_ERROR) == 0) {
		next = "the module that runs is older than this kaname: restart knotd after an "
		       "upgrade";
	} else if (strstr(why, "only root") != NULL) {
		next = "'sudo kaname refresh', or be the user of the option 'user' in knot.conf";
	}
	kaname_error("the server refused to look anything up: %s", why);
	(void)fprintf(stderr, "next: %s\n", next);
	return KANAME_NO;
}

/*! Prints what the module has looked up, and has the rest looked up. */
static kaname_exit_t report(refresh_t *refresh, const kaname_live_t *live)
{
	kaname_exit_t ret = KANAME_OK;
	if (refresh->args->json && !refresh->begun) {
		(void)fputs("{\"targets\": [", stdout);
	}
	refresh->begun = true;
	for (size_t i = 0; i < live->count; i++) {
		if (kaname_live_field(&live->targets[i], ANAME_KEY_BEFORE) == NULL) {
			kaname_refreshed_print(&refresh->printed,
			                       kaname_refreshed_before(live, &live->targets[i]),
			                       &live->targets[i]);
		}
	}
	for (size_t i = 0; i < live->unknown_count; i++) {
		const char *name = kaname_field_or(&live->unknown[i], ANAME_KEY_NAME, "");
		kaname_exit_t one = look_up_unknown(refresh, name);
		ret = one > ret ? one : ret;
	}
	long subnets = kaname_refreshed_number(&live->done, ANAME_KEY_SUBNETS),
	     left_out = kaname_refreshed_number(&live->done, ANAME_KEY_LEFT_OUT);
	refresh->subnets += subnets > 0 ? subnets : 0;
	refresh->left_out += left_out > 0 ? left_out : 0;
	return ret;
}

/*! Has all of them looked up, as many at once as a request takes, until the time is up. */
static kaname_exit_t look_up_all(refresh_t *refresh)
{
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0, count; i < refresh->wants.count && ret < KANAME_IO; i += count) {
		char request[ANAME_STATUS_REQUEST_MAX];
		kaname_live_t live;
		int seconds = seconds_left(refresh);
		(void)snprintf(request, sizeof(request), ANAME_STATUS_REFRESH " %d", seconds);
		count = kaname_wants_write(&refresh->wants, i, request);
		if (i > 0 && kaname_now_ms() >= refresh->end_ms) {
			refresh->printed.pending += refresh->wants.count - i;
			break;
		}
		kaname_exit_t one = ask(refresh, request, seconds, &live);
		if (one == KANAME_OK && live.refused.at != NULL) {
			ret = report_refused(&live);
			kaname_live_free(&live);
			break;
		}
		if (one == KANAME_OK) {
			one = report(refresh, &live);
			kaname_live_free(&live);
		}
		ret = one > ret ? one : ret;
	}
	return ret;
}

/*! Ends what was printed. */
static kaname_exit_t report_rest(const refresh_t *refresh, kaname_exit_t ret)
{
	if (refresh->args->json && refresh->begun) {
		(void)printf("%s], \"subnets\": %ld}\n", refresh->printed.any ? "\n" : "",
		             refresh->subnets);
	} else if (refresh->subnets > 0) {
		(void)printf("%ld answers for client subnets are looked up, too\n",
		             refresh->subnets);
	}
	(void)fflush(stdout);
	if (refresh->unknown_out > 0) {
		(void)fprintf(stderr,
		              "note: %zu more targets were not looked up yet, since nobody has "
		              "asked\nnext: 'kaname warm ZONE' has them looked up\n",
		              refresh->unknown_out);
	}
	if (refresh->left_out > 0) {
		kaname_error("%ld more were not looked up, it was too much at once",
		             refresh->left_out);
		ret = ret > KANAME_NO ? ret : KANAME_NO;
	}
	if (ret == KANAME_OK && refresh->printed.pending > 0) {
		kaname_error("not all have an answer in time");
		(void)fprintf(stderr, "next: -t TIME waits longer; 'kaname status' shows what "
		                      "came since\n");
	}
	return ret == KANAME_OK && refresh->printed.failed + refresh->printed.pending > 0
	               ? KANAME_NO
	               : ret;
}

kaname_exit_t kaname_refresh(const kaname_args_t *args)
{
	static refresh_t refresh;
	refresh.args = args;
	refresh.printed.json = args->json;
	int seconds = args->timeout > 0 ? args->timeout : KANAME_TIMEOUT_S;
	if (args->timeout == 0 || seconds > ANAME_REFRESH_SECONDS_MAX) {
		seconds = ANAME_REFRESH_SECONDS_MAX;
	}
	refresh.end_ms = kaname_now_ms() + 1000 * (int64_t)seconds;
	kaname_exit_t ret = read_args(&refresh);
	if (ret == KANAME_OK) {
		ret = report_rest(&refresh, look_up_all(&refresh));
	}
	kaname_wants_free(&refresh.wants);
	return ret;
}
