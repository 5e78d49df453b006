/*!
 * \brief The command force: puts an operator's word before what probes say.
 */

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>

#include "followed.h"
#include "live.h"
#include "print.h"
#include "service/status/request.h"
#include "socket.h"
#include "tool.h"

/*! What was asked for. */
typedef struct {
	aname_status_request_t request;
	char line[ANAME_STATUS_REQUEST_MAX]; /*!< As it is sent. */
	char subject[ANAME_SUBJECT_TEXT_MAX];
	const char *state;
	char why_not[200]; /*!< It does not last a restart; "": it does. */
} force_t;

/*! Is the command line good as such? Reported if it is not. */
static kaname_exit_t check_args(const kaname_args_t *args)
{
	const char *subject = args->arguments[0], *state = args->arguments[1];
	bool is_auto = strcmp(state, ANAME_FORCED_WORD_AUTO) == 0;
	if (!is_auto && strcmp(state, ANAME_HEALTH_WORD_DOWN) != 0 &&
	    strcmp(state, ANAME_HEALTH_WORD_UP) != 0) {
		kaname_error("'%s': the state has to be down, up or auto", state);
		return KANAME_USAGE;
	}
	if (is_auto && args->seconds > 0) {
		kaname_error("--for goes with down and up only: auto takes back what was said");
		return KANAME_USAGE;
	}
	if (strchr(subject, '/') != NULL) {
		kaname_error("%s is a network, or no name: name its addresses, or the target that "
		             "has them",
		             subject);
		return KANAME_NO;
	}
	return KANAME_OK;
}

/*! Writes an address or a name as the module reads it; false, and reported, if it is neither. */
static bool read_subject(const char *word, knot_dname_txt_storage_t subject)
{
	struct in6_addr address;
	knot_dname_storage_t name;
	if (inet_pton(AF_INET, word, &address) == 1 || inet_pton(AF_INET6, word, &address) == 1) {
		(void)snprintf(subject, sizeof(knot_dname_txt_storage_t), "%s", word);
		return true;
	}
	return kaname_name_take(name, word, KANAME_NAME_ANY) &&
	       knot_dname_to_str(subject, name, sizeof(knot_dname_txt_storage_t)) != NULL;
}

/*! Reads the command line; false, and reported, if what is to be forced is nothing of the kind. */
static bool read_args(force_t *force, const kaname_args_t *args)
{
	char *const *words = args->arguments;
	char line[ANAME_STATUS_REQUEST_MAX - 1], time[30] = "";
	knot_dname_txt_storage_t subject;
	if (args->seconds > 0) {
		(void)snprintf(time, sizeof(time), " %" PRId64, args->seconds);
	}
	if (!read_subject(words[0], subject)) {
		return false;
	}
	int len = snprintf(line, sizeof(line), ANAME_STATUS_FORCE " %s %s%s", subject, words[1],
	                   time);
	if (len >= (int)sizeof(line)) {
		kaname_error("what is to be forced is too long for a name");
		return false;
	}
	(void)snprintf(force->line, sizeof(force->line), "%s\n", line);
	const char *why = aname_status_request_read(&force->request, line, len);
	if (why != NULL) {
		kaname_error("%s %s%s: %s", words[0], words[1], time, why);
		return false;
	}
	aname_subject_text(&force->request.subject, force->subject);
	force->state = force->request.state == ANAME_FORCED_UP ? ANAME_HEALTH_WORD_UP
	                                                       : ANAME_HEALTH_WORD_DOWN;
	return true;
}

/*! The second line of an answer, which has two lines at least; cuts it off. */
static char *second_line(char *text)
{
	char *line = strchr(text, '\n') + 1;
	line[strcspn(line, "\n")] = '\0';
	return line;
}

static const char *next_of(const char *answer)
{
	if (strncmp(answer, ANAME_STATUS_REFUSED, strlen(ANAME_STATUS_REFUSED)) != 0) {
		return "kaname and the module must be of one version";
	}
	if (strstr(answer, "only root") != NULL) {
		return "'sudo kaname force', or be the user of the option 'user' in knot.conf";
	}
	return "'kaname status' shows what is forced";
}

/*! Has the server do it; it answers when that is on disk. */
static kaname_exit_t ask(const kaname_args_t *args, force_t *force)
{
	char *text;
	kaname_exit_t ret = kaname_socket_ask(args, force->line, &text);
	if (ret != KANAME_OK) {
		return ret;
	}
	const char *answer = second_line(text);
	const char *why = strstr(answer, "\t" ANAME_KEY_WHY "=");
	why = why != NULL ? why + strlen("\t" ANAME_KEY_WHY "=") : NULL;
	size_t word = strcspn(answer, "\t");
	if (word != strlen(ANAME_STATUS_OK) || strncmp(answer, ANAME_STATUS_OK, word) != 0) {
		kaname_error("the server refused to force %s: %s", force->subject,
		             why != NULL ? why : "it does not say why");
		(void)fprintf(stderr, "next: %s\n", next_of(answer));
		ret = KANAME_NO;
	} else {
		(void)snprintf(force->why_not, sizeof(force->why_not), "%s",
		               why != NULL ? why : "");
	}
	free(text);
	return ret;
}

/*! Does a list with commas between them hold this one? */
static bool is_listed(const char *list, const char *address)
{
	size_t len = strlen(address);
	for (const char *at = list; *at != '\0'; at += strspn(at, ",")) {
		size_t at_len = strcspn(at, ",");
		if (at_len == len && memcmp(at, address, len) == 0) {
			return true;
		}
		at += at_len;
	}
	return false;
}

/*! Is there a target of this name, or with this address? If that cannot be found out there is. */
static bool is_known(const kaname_args_t *args, const force_t *force)
{
	bool by_name = force->request.subject.len == 0;
	char request[sizeof(force->subject) + 20];
	(void)snprintf(request, sizeof(request), ANAME_STATUS_REQUEST "%s%s\n", by_name ? " " : "",
	               by_name ? force->subject : "");
	kaname_live_t live;
	if (kaname_live_ask(args, request, &live) != KANAME_OK) {
		return true;
	}
	bool known = by_name && live.count > 0;
	for (size_t i = 0; i < live.count && !known; i++) {
		known = is_listed(kaname_field_or(&live.targets[i], ANAME_KEY_ADDRESSES, ""),
		                  force->subject);
	}
	kaname_live_free(&live);
	return known;
}

/*! What was said is not on disk. */
static void note_restart(const force_t *force)
{
	if (force->why_not[0] != '\0') {
		(void)fprintf(stderr, "note: it does not last a restart of knotd (%s)\n",
		              force->why_not);
	}
}

/*! Does a run of records, all of one owner, name this target and no other? */
static bool is_only(const kaname_record_t *records, size_t count, const knot_dname_t *target)
{
	for (size_t i = 0; i < count; i++) {
		if (!records[i].good || !knot_dname_is_case_equal(records[i].target, target)) {
			return false;
		}
	}
	return true;
}

/*! Notes that owners have nothing but what was forced down; where that cannot be found out nothing. */
static void note_only(const kaname_args_t *args, const force_t *force)
{
	kaname_control_t control;
	kaname_records_t records = { 0 };
	if (force->request.subject.len > 0 || force->request.state != ANAME_FORCED_DOWN ||
	    kaname_control_try(&control, args) != KNOT_EOK) {
		return;
	}
	size_t owners = 0;
	const char *owner = NULL;
	bool good = kaname_followed_all(&control, &records) == KANAME_OK;
	for (size_t i = 0, end; good && i < records.count; i = end) {
		const kaname_record_t *first = &records.at[i];
		for (end = i + 1; end < records.count && kaname_same_owner(&records.at[end], first);
		     end++) {
		}
		if (first->hidden == NULL && is_only(first, end - i, force->request.subject.name)) {
			owners++;
			owner = owner != NULL ? owner : first->owner;
		}
	}
	if (owners > 0) {
		char more[40] = "";
		if (owners > 1) {
			(void)snprintf(more, sizeof(more), " and %zu more", owners - 1);
		}
		(void)fprintf(stderr,
		              "note: it is the only target of %s%s: with 'all-down: serve', the "
		              "default, its addresses are served there all the same\n",
		              owner, more);
	}
	kaname_records_free(&records);
}

static void print_people(const kaname_args_t *args, const force_t *force, bool known)
{
	if (force->request.state == ANAME_FORCED_AUTO) {
		(void)printf("%s is no longer forced\n", force->subject);
		(void)fflush(stdout);
		note_restart(force);
		return;
	}
	(void)printf("%s is forced %s", force->subject, force->state);
	if (args->seconds > 0) {
		(void)printf(" for %" PRId64 " s\n", args->seconds);
	} else {
		(void)printf(" until 'kaname force %s auto'\n", force->subject);
	}
	/* In this order, wherever they go. */
	(void)fflush(stdout);
	if (!known) {
		(void)fprintf(stderr, "note: no target %s now; it counts as soon as there is one\n",
		              force->request.subject.len == 0 ? "of that name is known"
		                                              : "with that address is known");
	}
	note_only(args, force);
	note_restart(force);
}

static void print_json(const kaname_args_t *args, const force_t *force, bool known)
{
	bool by_name = force->request.subject.len == 0;
	(void)fputs(by_name ? "{\"target\": " : "{\"address\": ", stdout);
	kaname_print_text(force->subject, strlen(force->subject));
	if (force->request.state == ANAME_FORCED_AUTO) {
		(void)fputs(", \"forced\": null}\n", stdout);
		return;
	}
	(void)printf(", \"forced\": \"%s\", \"forced_ends_in\": ", force->state);
	if (args->seconds > 0) {
		(void)printf("%" PRId64, args->seconds);
	} else {
		(void)fputs("null", stdout);
	}
	(void)printf(", \"known\": %s, \"lasts_restart\": %s}\n", known ? "true" : "false",
	             force->why_not[0] == '\0' ? "true" : "false");
}

kaname_exit_t kaname_force(const kaname_args_t *args)
{
	static force_t force;
	kaname_exit_t ret = check_args(args);
	if (ret == KANAME_OK && !read_args(&force, args)) {
		ret = KANAME_NO;
	}
	if (ret == KANAME_OK) {
		ret = ask(args, &force);
	}
	if (ret != KANAME_OK) {
		return ret;
	}
	bool known = force.request.state == ANAME_FORCED_AUTO || is_known(args, &force);
	if (args->json) {
		print_json(args, &force, known);
	} else {
		print_people(args, &force, known);
	}
	return KANAME_OK;
}
