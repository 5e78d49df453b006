/*!
 * Any octets as a request of the status socket, and as a question of one who follows owners. What is
 * understood must hold together, and be understood alike when it is written anew.
 *
 * Files: module/service/status/request.c module/service/status/question.c
 */

#include "fuzz.h"

#include <stdio.h>

#include <arpa/inet.h>

#include "service/status/question.h"
#include "service/status/request.h"

static void check_name(const knot_dname_t *name)
{
	knot_dname_storage_t lower;
	size_t len = knot_dname_size(name);
	require(len >= 1 && len <= KNOT_DNAME_MAXLEN);
	memcpy(lower, name, len);
	knot_dname_to_lower(lower);
	require(memcmp(lower, name, len) == 0);
}

/*! Writes a request that says the same. */
static void write_force(const aname_status_request_t *request, char *line, size_t size)
{
	static const char *const states[] = { "auto", "down", "up" };
	knot_dname_txt_storage_t subject = "";
	if (request->subject.len > 0) {
		(void)inet_ntop(request->subject.len == 4 ? AF_INET : AF_INET6,
		                request->subject.address, subject, sizeof(subject));
	} else {
		require(knot_dname_to_str(subject, request->subject.name, sizeof(subject)) != NULL);
	}
	int len = snprintf(line, size, "force %s %s", subject, states[request->state]);
	if (request->seconds > 0) {
		(void)snprintf(line + len, size - len, " %u", request->seconds);
	}
}

static void check_force(const aname_status_request_t *request)
{
	const aname_subject_t *subject = &request->subject;
	require(request->state <= ANAME_FORCED_UP);
	require(request->seconds <= ANAME_FORCED_SECONDS_MAX);
	require(request->state != ANAME_FORCED_AUTO || request->seconds == 0);
	require(subject->len == 0 || subject->len == 4 || subject->len == 16);
	if (subject->len == 0) {
		check_name(subject->name);
		require(subject->name[0] != 0);
	}

	static aname_status_request_t again;
	char line[sizeof(knot_dname_txt_storage_t) + 40];
	write_force(request, line, sizeof(line));
	require(aname_status_request_read(&again, line, strlen(line)) == NULL);
	require(again.kind == ANAME_REQUEST_FORCE && again.state == request->state &&
	        again.seconds == request->seconds && again.subject.len == subject->len);
	require(subject->len > 0
	                ? memcmp(again.subject.address, subject->address, subject->len) == 0
	                : knot_dname_is_equal(again.subject.name, subject->name));
}

/*! Adds a name, and a blank before it. */
static size_t add_name(char *line, size_t len, size_t size, const knot_dname_t *name)
{
	knot_dname_txt_storage_t text;
	check_name(name);
	require(knot_dname_to_str(text, name, sizeof(text)) != NULL);
	return len + snprintf(line + len, size - len, " %s", text);
}

/*! The longest question that there is fits into its room. */
static void check_question(const aname_status_question_t *question)
{
	static aname_status_question_t again;
	static char line[ANAME_FOLLOW_LINE_MAX];
	require(question->count >= 1 && question->count <= ANAME_FOLLOW_TARGETS);
	size_t len = snprintf(line, sizeof(line), "ask %" PRIu64, question->token);
	len = add_name(line, len, sizeof(line), question->zone);
	len = add_name(line, len, sizeof(line), question->owner);
	len += snprintf(line + len, sizeof(line) - len, " %u", question->ttl);
	for (unsigned i = 0; i < question->count; i++) {
		len = add_name(line, len, sizeof(line), question->targets[i]);
	}
	require(len < sizeof(line) - 1);
	bool answer;
	require(aname_status_question_read(&again, line, len, &answer) == NULL && answer);
	require(again.token == question->token && again.ttl == question->ttl &&
	        again.count == question->count && knot_dname_is_equal(again.zone, question->zone) &&
	        knot_dname_is_equal(again.owner, question->owner));
	for (unsigned i = 0; i < question->count; i++) {
		require(knot_dname_is_equal(again.targets[i], question->targets[i]));
	}
}

/*! A line in a block of exactly its size, so that reading past it is found out; NULL: out of
 *  memory. */
static char *copy(const uint8_t *data, size_t size)
{
	char *line = malloc(size + 1);
	if (line != NULL && size > 0) {
		memcpy(line, data, size);
	}
	return line;
}

static void read_question(const uint8_t *data, size_t size)
{
	static aname_status_question_t question;
	bool answer;
	char *line = copy(data, size);
	if (line == NULL) {
		return;
	}
	const char *why = aname_status_question_read(&question, line, size, &answer);
	free(line);
	if (why == NULL) {
		require(answer);
		check_question(&question);
	} else {
		require(why[0] != '\0' && strpbrk(why, "\t\n") == NULL);
	}
}

static void read_request(const uint8_t *data, size_t size)
{
	static aname_status_request_t request;
	char *line = copy(data, size);
	if (line == NULL) {
		return;
	}
	const char *why = aname_status_request_read(&request, line, size);
	free(line);
	if (why != NULL) {
		require(why[0] != '\0' && strpbrk(why, "\t\n") == NULL);
		return;
	}
	if (request.kind == ANAME_REQUEST_FORCE) {
		check_force(&request);
		return;
	}
	if (request.kind == ANAME_REQUEST_FOLLOW) {
		return;
	}
	require(request.kind == ANAME_REQUEST_STATUS || request.kind == ANAME_REQUEST_REFRESH ||
	        request.kind == ANAME_REQUEST_WATCH);
	if (request.kind == ANAME_REQUEST_REFRESH) {
		require(request.seconds >= 1 && request.seconds <= ANAME_REFRESH_SECONDS_MAX);
		require(request.names_count >= 1);
	}
	require(request.names_count <= ANAME_STATUS_NAMES);
	for (size_t i = 0; i < request.names_count; i++) {
		check_name(request.names[i]);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool whole = memchr(data, '\n', size) != NULL;
	if (!whole && size < ANAME_STATUS_REQUEST_MAX) {
		read_request(data, size);
	}
	if (!whole && size < ANAME_FOLLOW_LINE_MAX) {
		read_question(data, size);
	}
	return 0;
}
