#include "live.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "socket.h"

/*! How often it is asked anew when the table was rebuilt meanwhile. */
#define ATTEMPTS 10

/* What is asked. */

/*! Names of targets, in lower case. */
typedef struct {
	knot_dname_txt_storage_t *at;
	size_t count;
} names_t;

static int compare_texts(const void *one, const void *other)
{
	return strcmp(one, other);
}

/*! Takes the targets of records, each once and sorted; false if out of memory. */
static bool take_names(const kaname_records_t *records, names_t *names)
{
	names->count = 0;
	names->at = calloc(records->count + 1, sizeof(*names->at));
	for (size_t i = 0; i < records->count && names->at != NULL; i++) {
		knot_dname_storage_t lower;
		if (!records->at[i].good || knot_dname_store(lower, records->at[i].target) == 0) {
			continue;
		}
		knot_dname_to_lower(lower);
		char *text = names->at[names->count];
		names->count += knot_dname_to_str(text, lower, sizeof(*names->at)) != NULL;
	}
	if (names->count > 1) {
		qsort(names->at, names->count, sizeof(*names->at), compare_texts);
	}
	size_t kept = 0;
	for (size_t i = 0; i < names->count; i++) {
		if (kept > 0 && strcmp(names->at[kept - 1], names->at[i]) == 0) {
			continue;
		}
		if (kept != i) {
			memcpy(names->at[kept], names->at[i], sizeof(*names->at));
		}
		kept++;
	}
	names->count = kept;
	return names->at != NULL;
}

/*!
 * The request's line; NULL if out of memory.
 *
 * \param names  NULL: all.
 */
static char *make_request(const char *owner, const names_t *names)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL) {
		return NULL;
	}
	(void)fputs(ANAME_STATUS_REQUEST, out);
	if (owner != NULL) {
		(void)fprintf(out, " %s%s", ANAME_STATUS_OF, owner);
	}
	for (size_t i = 0; names != NULL && i < names->count; i++) {
		(void)fprintf(out, " %s", names->at[i]);
	}
	if (names != NULL && names->count == 0) {
		/* Without any name it would be all; this is none's target. */
		(void)fputs(" .", out);
	}
	(void)fputc('\n', out);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/* What comes back. */

const char *kaname_live_field(const kaname_line_t *line, const char *key)
{
	size_t len = strlen(key);
	for (const char *field = line->at; field < line->end; field += strlen(field) + 1) {
		if (strncmp(field, key, len) == 0 && field[len] == '=') {
			return field + len + 1;
		}
	}
	return NULL;
}

static const char *name_of(const kaname_line_t *line)
{
	const char *name = kaname_live_field(line, ANAME_KEY_NAME);
	return name != NULL ? name : "";
}

static int compare(const void *one, const void *other)
{
	static const char *const keys[] = { ANAME_KEY_NAME, ANAME_KEY_FAMILY, ANAME_KEY_RESOLVER,
		                            ANAME_KEY_VIA,  ANAME_KEY_SECURE, ANAME_KEY_SUBNET };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *a = kaname_live_field(one, keys[i]);
		const char *b = kaname_live_field(other, keys[i]);
		int order = strcmp(a != NULL ? a : "", b != NULL ? b : "");
		if (order != 0) {
			return order;
		}
	}
	return 0;
}

/*! Cuts a line into fields that end in zeros. */
static void cut(char *line, char *end)
{
	*end = '\0';
	for (char *at = strchr(line, '\t'); at != NULL; at = strchr(at + 1, '\t')) {
		*at = '\0';
	}
}

static size_t count_lines(const char *text)
{
	size_t count = 0;
	for (const char *at = strchr(text, '\n'); at != NULL; at = strchr(at + 1, '\n')) {
		count++;
	}
	return count;
}

/*! Makes room for all lines of a text; false if out of memory. */
static bool allocate(kaname_live_t *live)
{
	size_t count = count_lines(live->text) + 1;
	live->targets = calloc(count, sizeof(*live->targets));
	live->addresses = calloc(count, sizeof(*live->addresses));
	live->forced = calloc(count, sizeof(*live->forced));
	live->unknown = calloc(count, sizeof(*live->unknown));
	return live->targets != NULL && live->addresses != NULL && live->forced != NULL &&
	       live->unknown != NULL;
}

/*! Takes one line, which is cut already. */
static void take(kaname_live_t *live, const kaname_line_t *line)
{
	if (strcmp(line->at, ANAME_STATUS_TARGET) == 0) {
		live->targets[live->count] = *line;
		live->targets[live->count++].addresses = live->addresses + live->addresses_count;
	} else if (strcmp(line->at, ANAME_STATUS_ADDRESS) == 0 && live->count > 0) {
		live->addresses[live->addresses_count++] = *line;
		live->targets[live->count - 1].addresses_count++;
	} else if (strcmp(line->at, ANAME_STATUS_FORCED) == 0) {
		live->forced[live->forced_count++] = *line;
	} else if (strcmp(line->at, ANAME_STATUS_SERVER) == 0) {
		live->server = *line;
	} else if (strcmp(line->at, ANAME_STATUS_FILE) == 0) {
		live->file = *line;
	} else if (strcmp(line->at, ANAME_STATUS_ZONE) == 0) {
		live->zone = *line;
	} else if (strcmp(line->at, ANAME_STATUS_OWNER) == 0) {
		live->owner = *line;
	} else if (strcmp(line->at, ANAME_STATUS_UNKNOWN) == 0) {
		live->unknown[live->unknown_count++] = *line;
	} else if (strcmp(line->at, ANAME_STATUS_DONE) == 0) {
		live->done = *line;
	} else if (strcmp(line->at, ANAME_STATUS_REFUSED) == 0 ||
	           strcmp(line->at, ANAME_STATUS_ERROR) == 0) {
		live->refused = *line;
	}
}

/*! Takes the text apart; false if out of memory. */
static bool parse(kaname_live_t *live)
{
	if (!allocate(live)) {
		return false;
	}
	char *begin = live->text;
	for (char *end = strchr(begin, '\n'); end != NULL; end = strchr(begin, '\n')) {
		cut(begin, end);
		const kaname_line_t line = { .at = begin, .end = end };
		take(live, &line);
		begin = end + 1;
	}
	return true;
}

const char *kaname_live_file_fault(const kaname_live_t *live, const char **next)
{
	const char *why = kaname_live_field(&live->file, ANAME_KEY_WHY);
	if (why != NULL && strstr(why, "another process") != NULL) {
		*next = "each knotd needs a 'state-file' of its own";
	} else if (why != NULL && strncmp(why, "it is", 5) == 0) {
		*next = "move it away, or set 'state-file' to another path";
	} else {
		*next = "knotd's user has to be able to write it, and in its directory; or set "
		        "'state-file' to another path";
	}
	return why;
}

void kaname_live_free(kaname_live_t *live)
{
	free(live->text);
	free(live->targets);
	free(live->addresses);
	free(live->forced);
	free(live->unknown);
	*live = (kaname_live_t){ 0 };
}

kaname_exit_t kaname_live_ask(const kaname_args_t *args, const char *request, kaname_live_t *live)
{
	*live = (kaname_live_t){ 0 };
	for (int i = 0; i < ATTEMPTS; i++) {
		free(live->text);
		kaname_exit_t ret = kaname_socket_ask(args, request, &live->text);
		if (ret != KANAME_OK) {
			live->text = NULL;
			return ret;
		}
		if (kaname_socket_ends_with(live->text, "\n" ANAME_STATUS_END "\n")) {
			break;
		}
	}
	const char *why = NULL;
	if (!kaname_socket_ends_with(live->text, "\n" ANAME_STATUS_END "\n")) {
		why = "it did not say all";
	} else if (!parse(live)) {
		why = strerror(ENOMEM);
	}
	if (why != NULL) {
		kaname_live_free(live);
		(void)kaname_socket_fail(args, why);
		return KANAME_IO;
	}
	if (live->count > 1) {
		qsort(live->targets, live->count, sizeof(*live->targets), compare);
	}
	return KANAME_OK;
}

/*! Leaves out the targets that have none of these names. */
static void leave_out(kaname_live_t *live, const names_t *names)
{
	size_t kept = 0;
	for (size_t i = 0; i < live->count; i++) {
		const char *name = kaname_live_field(&live->targets[i], ANAME_KEY_NAME);
		if (name != NULL && bsearch(name, names->at, names->count, sizeof(*names->at),
		                            compare_texts) != NULL) {
			live->targets[kept++] = live->targets[i];
		}
	}
	live->count = kept;
}

/*! Asks for what is known of these names; false in `fits` if they are more than a request takes. */
static kaname_exit_t ask_of(const kaname_args_t *args, const char *owner, const names_t *names,
                            kaname_live_t *live, bool *fits)
{
	char *request = make_request(owner, names);
	if (request == NULL) {
		return kaname_socket_fail(args, strerror(ENOMEM));
	}
	*fits = strlen(request) < ANAME_STATUS_REQUEST_MAX &&
	        (names == NULL || names->count <= ANAME_STATUS_NAMES);
	kaname_exit_t ret = *fits ? kaname_live_ask(args, request, live) : KANAME_OK;
	free(request);
	return ret;
}

kaname_exit_t kaname_live_read(const kaname_args_t *args, const char *owner,
                               const kaname_records_t *records, kaname_live_t *live)
{
	bool fits = true;
	names_t names = { .count = 0 };
	if (records == NULL) {
		return ask_of(args, owner, NULL, live, &fits);
	}
	if (!take_names(records, &names)) {
		return kaname_socket_fail(args, strerror(ENOMEM));
	}
	kaname_exit_t ret = ask_of(args, owner, &names, live, &fits);
	if (ret == KANAME_OK && !fits) {
		ret = ask_of(args, owner, NULL, live, &fits);
		if (ret == KANAME_OK) {
			leave_out(live, &names);
		}
	}
	free(names.at);
	return ret;
}

const kaname_line_t *kaname_live_find(const kaname_live_t *live, const char *name, size_t *count)
{
	size_t low = 0, high = live->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(name_of(&live->targets[middle]), name) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*count = 0;
	while (low + *count < live->count &&
	       strcmp(name_of(&live->targets[low + *count]), name) == 0) {
		(*count)++;
	}
	return live->targets + low;
}
