#include "warm/warm.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "config.h"
#include "followed.h"
#include "text.h"

/*! The control socket is tried again after so long. */
#define RETRY_MS   100
/*! knotd answers a control command within so long. */
#define CONTROL_S  60
/*! The server is looked for this long, at most; and one address for this long. */
#define SEARCH_MS  10000
#define ADDRESS_MS 500

/* The server. */

/*! Is a failed connection worth another try? knotd may be on its way up. */
static bool may_come(int reason)
{
	return reason == KNOT_ENOENT || reason == KNOT_ECONNREFUSED || reason == KNOT_ETIMEOUT;
}

/*! Connects, as soon as there is a control socket. */
static kaname_exit_t connect_control(const kaname_warm_t *warm, kaname_control_t *control)
{
	kaname_args_t args = kaname_warm_args(warm, CONTROL_S);
	int ret = kaname_control_try(control, &args);
	while (may_come(ret) && kaname_now_ms() < warm->end_ms) {
		(void)poll(NULL, 0, RETRY_MS);
		args = kaname_warm_args(warm, CONTROL_S);
		ret = kaname_control_try(control, &args);
	}
	return ret == KNOT_EOK ? KANAME_OK : kaname_control_unreachable(warm->args, ret);
}

/*! Is it an address of this host alone? mod-rrl and firewalls are most likely to spare it. */
static bool is_loopback(const struct sockaddr_storage *server)
{
	if (server->ss_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)server;
		return *(const uint8_t *)&in->sin_addr == 127;
	}
	return IN6_IS_ADDR_LOOPBACK(&((const struct sockaddr_in6 *)server)->sin6_addr);
}

/*! Does the server answer there? */
static bool answers(const kaname_warm_t *warm, const struct sockaddr_storage *server)
{
	static kaname_answer_t answer;
	knot_dname_storage_t name;
	kaname_question_t question = { .name = kaname_name_read(name,
		                                                kaname_warm_owner(warm->names)),
		                       .type = KNOT_RRTYPE_SOA,
		                       .server = *server,
		                       .timeout_ms = ADDRESS_MS };
	if (question.name == NULL) {
		return false;
	}
	kaname_ask(&question, &answer);
	return answer.failure == NULL;
}

/*! Tries each address once, those of the loopback first. Returns how many there are. */
static size_t try_addresses(kaname_warm_t *warm, const kaname_values_t *listen)
{
	size_t count = 0;
	for (int loopback = 1; loopback >= 0; loopback--) {
		for (size_t i = 0; i < listen->count && warm->server_text[0] == '\0'; i++) {
			struct sockaddr_storage server = { 0 };
			if (!kaname_address_read(listen->at[i], &server)) {
				continue;
			}
			count++;
			if (is_loopback(&server) == loopback && answers(warm, &server)) {
				warm->server = server;
				(void)snprintf(warm->server_text, sizeof(warm->server_text), "%s",
				               listen->at[i]);
			}
		}
	}
	return count;
}

/*! Finds an address at which the server answers. */
static kaname_exit_t choose_server(kaname_warm_t *warm, const kaname_values_t *listen)
{
	int64_t until_ms = kaname_now_ms() + SEARCH_MS;
	size_t count = try_addresses(warm, listen);
	while (count > 0 && warm->server_text[0] == '\0' && kaname_now_ms() < until_ms &&
	       kaname_now_ms() < warm->end_ms) {
		(void)poll(NULL, 0, RETRY_MS);
		count = try_addresses(warm, listen);
	}
	if (count == 0) {
		kaname_error("there is no address in server.listen that could be asked");
		(void)fprintf(stderr, "next: add one of the loopback, such as 127.0.0.1\n");
		return KANAME_IO;
	}
	if (warm->server_text[0] == '\0') {
		kaname_error("no reply from any address in server.listen, such as %s",
		             listen->at[0]);
		(void)fprintf(stderr, "next: does knotd listen there, and does a firewall let it? "
		                      "The log says what it could not bind\n");
		return KANAME_IO;
	}
	return KANAME_OK;
}

/* The zones that have the module. */

typedef struct {
	char **at;
	size_t count, size;
	bool failed;
} zones_t;

static void take_zone(void *ctx, knot_ctl_data_t *data)
{
	zones_t *zones = ctx;
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE];
	if (zone == NULL) {
		return;
	}
	if (zones->count == zones->size) {
		size_t size = zones->size > 0 ? 2 * zones->size : 64;
		char **at = realloc(zones->at, size * sizeof(*at));
		zones->failed |= at == NULL;
		zones->at = at != NULL ? at : zones->at;
		zones->size = at != NULL ? size : zones->size;
	}
	char *copy = zones->count < zones->size ? strdup(zone) : NULL;
	zones->failed |= copy == NULL;
	if (copy != NULL) {
		zones->at[zones->count++] = copy;
	}
}

static int compare_zones(const void *one, const void *other)
{
	return strcmp(*(char *const *)one, *(char *const *)other);
}

static void free_zones(zones_t *zones)
{
	for (size_t i = 0; i < zones->count; i++) {
		free(zones->at[i]);
	}
	free(zones->at);
}

/*! Asks which zones have counters of the module: those for which it is loaded. */
static kaname_exit_t read_zones(kaname_control_t *control, zones_t *zones)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-stats",
		[KNOT_CTL_IDX_FLAGS] = "F",
		[KNOT_CTL_IDX_SECTION] = "mod-aname",
		[KNOT_CTL_IDX_ITEM] = "targets",
	};
	/* That some zones do not have it is no error. */
	kaname_exit_t ret = kaname_control_ask(control, &ask, take_zone, zones);
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/*! Leaves out the names whose zones do not have the module: nothing would be looked up. */
static void leave_out(kaname_warm_t *warm, zones_t *zones)
{
	if (zones->count > 1) {
		qsort(zones->at, zones->count, sizeof(*zones->at), compare_zones);
	}
	warm->left_out = 0;
	for (size_t i = 0; i < warm->count; i++) {
		kaname_warm_name_t *name = &warm->names[i];
		const char *zone = kaname_zone_of(name->records);
		name->left_out =
		        zones->count == 0 || bsearch(&zone, zones->at, zones->count,
		                                     sizeof(*zones->at), compare_zones) == NULL;
		if (name->left_out && warm->left_out++ == 0) {
			warm->first_left_out = name;
		}
	}
}

/* The names. */

/*! Is it a zone that was asked for? */
static bool is_chosen(kaname_warm_t *warm, const char *zone)
{
	bool chosen = warm->args->count == 0;
	for (int i = 0; i < warm->args->count; i++) {
		if (strcmp(warm->zones[i], zone) == 0) {
			chosen = warm->found[i] = true;
		}
	}
	return chosen;
}

/*! Groups records by owner, but for what no client sees, which would be waited for in vain; false if
 *  out of memory. */
static bool make_names(kaname_warm_t *warm)
{
	const kaname_records_t *records = &warm->records;
	warm->count = 0;
	warm->names = calloc(records->count + 1, sizeof(*warm->names));
	for (size_t i = 0, next; i < records->count && warm->names != NULL; i = next) {
		const kaname_record_t *first = &records->at[i];
		for (next = i + 1; next < records->count; next++) {
			if (!kaname_same_owner(&records->at[next], first)) {
				break;
			}
		}
		if (!is_chosen(warm, kaname_zone_of(first))) {
			continue;
		}
		if (first->hidden != NULL) {
			warm->first_hidden = warm->hidden++ == 0 ? first : warm->first_hidden;
		} else {
			warm->names[warm->count++] =
			        (kaname_warm_name_t){ .records = first, .records_count = next - i };
		}
	}
	return warm->names != NULL;
}

static int compare_names(const void *one, const void *other)
{
	return strcmp(kaname_warm_owner(*(kaname_warm_name_t *const *)one),
	              kaname_warm_owner(*(kaname_warm_name_t *const *)other));
}

/*! Names in the order of their texts; NULL if out of memory. */
static kaname_warm_name_t **index_of(kaname_warm_name_t *names, size_t count)
{
	kaname_warm_name_t **index = calloc(count + 1, sizeof(*index));
	for (size_t i = 0; i < count && index != NULL; i++) {
		index[i] = &names[i];
	}
	if (index != NULL && count > 1) {
		qsort(index, count, sizeof(*index), compare_names);
	}
	return index;
}

/*! Takes over what was known of names before; without memory for that they are asked for anew. */
static void keep_known(kaname_warm_t *warm, kaname_warm_name_t *before, size_t count)
{
	kaname_warm_name_t **index = index_of(before, count);
	memset(warm->verdicts, 0, sizeof(warm->verdicts));
	for (size_t i = 0; i < warm->count; i++) {
		kaname_warm_name_t *name = &warm->names[i];
		kaname_warm_name_t **found =
		        index != NULL && count > 0
		                ? bsearch(&name, index, count, sizeof(*index), compare_names)
		                : NULL;
		for (int family = 0; family < 2; family++) {
			if (found != NULL) {
				name->questions[family] = (*found)->questions[family];
			}
			if (!name->left_out) {
				warm->verdicts[name->questions[family].verdict]++;
			}
		}
	}
	free(index);
}

bool kaname_warm_has_target(const kaname_warm_name_t *name)
{
	for (size_t i = 0; i < name->records_count; i++) {
		if (name->records[i].good) {
			return true;
		}
	}
	return false;
}

/*! What else is asked of the server: its addresses, and which zones have the module. */
static kaname_exit_t read_rest(kaname_warm_t *warm, kaname_values_t *listen)
{
	kaname_control_t control;
	zones_t zones = { 0 };
	kaname_exit_t ret = connect_control(warm, &control);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_config_read(&control, "server", NULL, "listen", listen);
	if (ret == KANAME_OK) {
		ret = read_zones(&control, &zones);
	}
	kaname_control_close(&control);
	if (ret == KANAME_OK && zones.failed) {
		kaname_error("out of memory");
		ret = KANAME_IO;
	}
	leave_out(warm, &zones);
	free_zones(&zones);
	return ret == KANAME_NO ? KANAME_OK : ret;
}

static kaname_exit_t read_all(kaname_warm_t *warm)
{
	kaname_control_t control;
	kaname_exit_t ret = connect_control(warm, &control);
	if (ret == KANAME_OK) {
		ret = kaname_followed_all(&control, &warm->records);
	}
	if (ret == KANAME_OK && !make_names(warm)) {
		kaname_error("out of memory");
		ret = KANAME_IO;
	}
	return ret;
}

kaname_exit_t kaname_warm_read_names(kaname_warm_t *warm)
{
	kaname_records_t records = warm->records;
	kaname_warm_name_t *names = warm->names;
	size_t count = warm->count;
	kaname_values_t listen = { 0 };
	warm->records = (kaname_records_t){ 0 };
	warm->names = NULL;
	warm->count = warm->left_out = 0;
	warm->first_left_out = NULL;
	warm->hidden = 0;
	kaname_exit_t ret = read_all(warm);
	if (ret == KANAME_OK && warm->count > 0) {
		ret = read_rest(warm, &listen);
	}
	if (ret == KANAME_OK) {
		keep_known(warm, names, count);
	}
	free(names);
	kaname_records_free(&records);
	if (ret == KANAME_OK && warm->count > warm->left_out && warm->server_text[0] == '\0') {
		ret = choose_server(warm, &listen);
	}
	return ret;
}

void kaname_warm_free(kaname_warm_t *warm)
{
	free(warm->names);
	free(warm->zones);
	free(warm->found);
	kaname_records_free(&warm->records);
	if (warm->has_live) {
		kaname_live_free(&warm->live);
	}
}

/* Zones that are being loaded. */

typedef struct {
	bool no_serial; /*!< Of the zone whose units come. */
	bool loading;
} loading_t;

/*! Is an event running or about to? Newer releases say for how long behind it. */
static bool is_going_on(const char *value)
{
	return strncmp(value, "running", strlen("running")) == 0 ||
	       strncmp(value, "pending", strlen("pending")) == 0;
}

/*! Takes a unit of zone-status: of each zone the serial, and then what is planned for it. */
static void take_status(void *ctx, knot_ctl_data_t *data)
{
	loading_t *it = ctx;
	const char *type = (*data)[KNOT_CTL_IDX_TYPE], *value = (*data)[KNOT_CTL_IDX_DATA];
	if (type == NULL || value == NULL) {
		return;
	}
	if (strcmp(type, "serial") == 0) {
		it->no_serial = strspn(value, "0123456789") == 0;
	} else if (strcmp(type, "load") == 0 || strcmp(type, "refresh") == 0) {
		it->loading |= it->no_serial && is_going_on(value);
	}
}

kaname_exit_t kaname_warm_read_loading(kaname_warm_t *warm, bool *loading)
{
	kaname_control_t control;
	loading_t it = { 0 };
	*loading = false;
	kaname_exit_t ret = connect_control(warm, &control);
	if (ret != KANAME_OK) {
		return ret;
	}
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status" };
	ret = kaname_control_ask(&control, &ask, take_status, &it);
	kaname_control_close(&control);
	*loading = it.loading;
	return ret == KANAME_IO ? ret : KANAME_OK;
}
