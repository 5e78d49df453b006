#include "prometheus/prometheus.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "aside.h"
#include "print.h"
#include "prometheus/exposition.h"
#include "prometheus/series.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define NUMBER KANAME_VALUE_NUMBER
#define MS     KANAME_VALUE_MS
#define FLAG   KANAME_VALUE_FLAG
#define COUNT  KANAME_VALUE_COUNT

/* Of the server. What a module of another version does not tell has no sample. */
static const kaname_metric_t server_metrics[] = {
	{ "aname_zones", NULL, "Zones that the module is loaded for.", ANAME_KEY_ZONES, NUMBER,
	  NULL },
	{ "aname_zones_unsigned", NULL,
	  "Signed zones for which the module cannot sign, and so answers nothing.",
	  ANAME_KEY_UNSIGNED, NUMBER, NULL },
	{ "aname_followers", NULL, "Processes of kaname follow that are connected.",
	  ANAME_KEY_FOLLOWERS, NUMBER, NULL },
	{ "aname_targets", NULL, "Targets held, one for each name and family.", ANAME_KEY_TARGETS,
	  NUMBER, NULL },
	{ "aname_addresses", NULL, "Addresses of targets held.", ANAME_KEY_ADDRESSES, NUMBER,
	  NULL },
	{ "aname_targets_full", NULL, "1 if there is no room for another target (max-targets).",
	  ANAME_KEY_FULL, FLAG, "0" },
	{ "aname_lookups_started_total", NULL, "Lookups started.", ANAME_KEY_STARTED, NUMBER,
	  NULL },
	{ "aname_lookups_succeeded_total", NULL, "Lookups that succeeded.", ANAME_KEY_SUCCEEDED,
	  NUMBER, NULL },
	{ "aname_lookups_failed_total", NULL, "Lookups that failed.", ANAME_KEY_FAILED, NUMBER,
	  NULL },
	{ "aname_refresh_lag_seconds", "seconds", "How late refreshes are, at most.", ANAME_KEY_LAG,
	  MS, NULL },
	{ "aname_probes_started_total", NULL, "Probes started.", ANAME_KEY_PROBES, NUMBER, NULL },
	{ "aname_probes_failed_total", NULL, "Probes that failed.", ANAME_KEY_PROBES_FAILED, NUMBER,
	  NULL },
	{ "aname_probes_refused_total", NULL,
	  "Addresses that are not probed for want of room (max-probes).", ANAME_KEY_PROBES_REFUSED,
	  NUMBER, NULL },
	{ "aname_probes_late", NULL, "Probes that are late by more than an interval.",
	  ANAME_KEY_PROBES_LATE, NUMBER, "0" },
	{ "aname_in_doubt", NULL,
	  "1 if no probe succeeds: this server's own connection is in doubt.", ANAME_KEY_DOUBT,
	  FLAG, "0" },
};

/* Of the state file. */
static const kaname_metric_t file_metrics[] = {
	{ "aname_state_file_saved_seconds", "seconds", "Since it was written, if this process did.",
	  ANAME_KEY_SAVED, NUMBER, NULL },
	{ "aname_state_file_write_duration_seconds", "seconds", "How long that took.",
	  ANAME_KEY_TOOK, MS, NULL },
	{ "aname_state_file_size_bytes", "bytes", "Its size.", ANAME_KEY_OCTETS, NUMBER, NULL },
	{ "aname_state_file_targets", NULL, "Targets in it.", ANAME_KEY_TARGETS, NUMBER, NULL },
};

/* Of each target. */
static const kaname_metric_t target_metrics[] = {
	{ "aname_target_addresses", NULL, "Addresses held.", ANAME_KEY_ADDRESSES, COUNT, "0" },
	{ "aname_target_ttl_seconds", "seconds", "TTL left of what is known.", ANAME_KEY_TTL,
	  NUMBER, NULL },
	{ "aname_target_age_seconds", "seconds", "Since it was learnt.", ANAME_KEY_AGE, NUMBER,
	  NULL },
	{ "aname_target_asked_seconds", "seconds", "Since it was asked for.", ANAME_KEY_ASKED,
	  NUMBER, NULL },
	{ "aname_target_failing_seconds", "seconds", "Since its lookups fail; 0 if they do not.",
	  ANAME_KEY_FAILING, NUMBER, "0" },
	{ "aname_target_gone_seconds", "seconds",
	  "Since it had addresses last, if it has none now; else 0.", ANAME_KEY_GONE, NUMBER, "0" },
	{ "aname_target_circle", NULL, "1 if it ends at an owner that leads back to itself.",
	  ANAME_KEY_CIRCLE, FLAG, "0" },
	{ "aname_target_refresh_lag_seconds", "seconds", "How late its last refresh was.",
	  ANAME_KEY_LAG, MS, NULL },
	{ "aname_target_lookups_started_total", NULL, "Lookups started.", ANAME_KEY_STARTED, NUMBER,
	  NULL },
	{ "aname_target_lookups_succeeded_total", NULL, "Lookups that succeeded.",
	  ANAME_KEY_SUCCEEDED, NUMBER, NULL },
	{ "aname_target_lookups_failed_total", NULL, "Lookups that failed.", ANAME_KEY_FAILED,
	  NUMBER, NULL },
};

static const kaname_metric_t address_health_seconds = {
	"aname_address_health_seconds",
	"seconds",
	"Since an address has this health, if it changed.",
	ANAME_KEY_SINCE,
	NUMBER,
	NULL
};

/* Of what is forced. */
static const kaname_metric_t forced_metrics[] = {
	{ "aname_forced_seconds", "seconds", "Since it is forced by hand.", ANAME_KEY_SINCE, NUMBER,
	  "0" },
	{ "aname_forced_left_seconds", "seconds", "Until that ends, if it has an end.",
	  ANAME_KEY_UNTIL, NUMBER, NULL },
};

/*! Writes one label that stands alone, or behind others; NULL if out of memory. */
static char *label(const char *labels, const char *name, const char *value)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL) {
		return NULL;
	}
	if (labels != NULL) {
		(void)fputs(labels, out);
	}
	kaname_label_add(out, name, value);
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

/*! A sample with one more label; false if out of memory. */
static bool sample(FILE *out, const char *metric, const char *labels, const char *name,
                   const char *text, const char *value)
{
	char *all = label(labels, name, text);
	if (all != NULL) {
		kaname_metric_sample(out, metric, all, value);
	}
	free(all);
	return all != NULL;
}

static void of_line(FILE *out, const kaname_metric_t *metrics, size_t count,
                    const kaname_line_t *line)
{
	for (size_t i = 0; i < count; i++) {
		const kaname_metric_t *metric = &metrics[i];
		if (kaname_live_field(line, metric->key) != NULL || metric->otherwise != NULL) {
			kaname_metric_begin(out, metric->name, metric->unit, metric->help);
			kaname_metric_of_line(out, metric, NULL, line);
		}
	}
}

static void one_number(FILE *out, const char *name, const char *help, unsigned value)
{
	char text[16];
	(void)snprintf(text, sizeof(text), "%u", value);
	kaname_metric_begin(out, name, NULL, help);
	kaname_metric_sample(out, name, NULL, text);
}

/* What there is in any case. */

static bool put_self(FILE *out, bool up, const kaname_live_t *live)
{
	char now[32];
	(void)snprintf(now, sizeof(now), "%lld", (long long)time(NULL));
	kaname_metric_begin(out, "aname_up", NULL, "1 if the module could be asked.");
	kaname_metric_sample(out, "aname_up", NULL, up ? "1" : "0");
	kaname_metric_begin(out, "aname_status_timestamp_seconds", "seconds", "When it was asked.");
	kaname_metric_sample(out, "aname_status_timestamp_seconds", NULL, now);
	kaname_metric_begin(out, "aname_build_info", NULL,
	                    "Versions of the module that runs, and of kaname.");
	char *labels = label(NULL, "kaname", KANAME_VERSION);
	bool good = labels != NULL &&
	            sample(out, "aname_build_info", labels, "version",
	                   up ? kaname_live_field(&live->server, ANAME_KEY_VERSION) : NULL, "1");
	free(labels);
	return good;
}

/* Of the server. */

static bool put_answers(FILE *out, const kaname_live_t *live)
{
	const char *at = kaname_live_field(&live->server, ANAME_KEY_ANSWERS);
	if (at == NULL) {
		return true;
	}
	kaname_metric_begin(out, "aname_answers_total", NULL, "Answers given, by kind.");
	while (*at != '\0') {
		char kind[64], count[32];
		int used = 0;
		if (sscanf(at, "%63[a-z-]:%31[0-9]%n", kind, count, &used) != 2) {
			return true;
		}
		if (!sample(out, "aname_answers_total", NULL, "kind", kind, count)) {
			return false;
		}
		at += used;
		at += *at == ',';
	}
	return true;
}

static bool put_probed(FILE *out, const kaname_live_t *live)
{
	static const char *const healths[] = { ANAME_KEY_UP, ANAME_KEY_DOWN, ANAME_KEY_UNKNOWN };
	bool good = true;
	kaname_metric_begin(out, "aname_addresses_probed", NULL,
	                    "Addresses that are probed, once for each way, by health.");
	for (size_t i = 0; good && i < COUNT_OF(healths); i++) {
		good = sample(out, "aname_addresses_probed", NULL, "health", healths[i],
		              kaname_field_or(&live->server, healths[i], "0"));
	}
	return good;
}

static bool put_file(FILE *out, const kaname_live_t *live)
{
	const char *path = kaname_live_field(&live->file, ANAME_KEY_FILE);
	const char *why = kaname_live_field(&live->file, ANAME_KEY_WHY);
	if (path == NULL) {
		return true;
	}
	kaname_metric_begin(out, "aname_state_file_ok", NULL,
	                    "1 if the state file can be read and written.");
	bool good = sample(out, "aname_state_file_ok", NULL, "path", path, why == NULL ? "1" : "0");
	if (good && why != NULL) {
		kaname_metric_begin(out, "aname_state_file_fault_info", NULL, "Why it cannot.");
		good = sample(out, "aname_state_file_fault_info", NULL, "why", why, "1");
	}
	of_line(out, file_metrics, COUNT_OF(file_metrics), &live->file);
	return good;
}

static bool put_forced(FILE *out, const kaname_live_t *live)
{
	bool good = true;
	for (size_t m = 0; live->forced_count > 0 && m < COUNT_OF(forced_metrics); m++) {
		const kaname_metric_t *metric = &forced_metrics[m];
		kaname_metric_begin(out, metric->name, metric->unit, metric->help);
		for (size_t i = 0; good && i < live->forced_count; i++) {
			const kaname_line_t *line = &live->forced[i];
			const char *name = kaname_live_field(line, ANAME_KEY_NAME);
			char *what = label(
			        NULL, name != NULL ? "target" : "address",
			        name != NULL ? name : kaname_live_field(line, ANAME_KEY_ADDRESS));
			char *labels =
			        label(what, "state", kaname_live_field(line, ANAME_KEY_STATE));
			good = what != NULL && labels != NULL;
			if (good) {
				kaname_metric_of_line(out, metric, labels, line);
			}
			free(what);
			free(labels);
		}
	}
	return good;
}

static bool put_server(FILE *out, const kaname_live_t *live, const kaname_all_series_t *all)
{
	of_line(out, server_metrics, COUNT_OF(server_metrics), &live->server);
	one_number(out, "aname_targets_unused", "Targets held that no zone names any more.",
	           all->unused);
	one_number(out, "aname_subnets", "Answers held for client subnets.", all->subnets);
	one_number(out, "aname_subnets_failing", "Those of them whose lookups fail.",
	           all->subnets_failing);
	return put_answers(out, live) && put_probed(out, live) && put_file(out, live) &&
	       put_forced(out, live);
}

/* Of targets and addresses. */

/*! A metric with the value 1 and a field as one more label, for each series that has it. */
static bool put_word(FILE *out, const kaname_series_t *series, size_t count, const char *metric,
                     const char *help, const char *name, const char *key)
{
	bool good = true;
	kaname_metric_begin(out, metric, NULL, help);
	for (size_t i = 0; good && i < count; i++) {
		const char *word = kaname_live_field(series[i].line, key);
		if (word != NULL) {
			good = sample(out, metric, series[i].labels, name, word, "1");
		}
	}
	return good;
}

static void put_metrics(FILE *out, const kaname_series_t *series, size_t count,
                        const kaname_metric_t *metrics, size_t metrics_count)
{
	for (size_t m = 0; count > 0 && m < metrics_count; m++) {
		kaname_metric_begin(out, metrics[m].name, metrics[m].unit, metrics[m].help);
		for (size_t i = 0; i < count; i++) {
			kaname_metric_of_line(out, &metrics[m], series[i].labels, series[i].line);
		}
	}
}

static bool put_targets(FILE *out, const kaname_all_series_t *all)
{
	size_t count = all->targets_count;
	put_metrics(out, all->targets, count, target_metrics, COUNT_OF(target_metrics));
	return count == 0 || (put_word(out, all->targets, count, "aname_target_state",
	                               "Its state: always 1.", "state", ANAME_KEY_STATE) &&
	                      put_word(out, all->targets, count, "aname_target_failing_info",
	                               "Why its lookups fail, if they do.", "why", ANAME_KEY_WHY));
}

static bool put_addresses(FILE *out, const kaname_all_series_t *all)
{
	static const char name[] = "aname_address_health";
	size_t count = all->addresses_count;
	bool good = true;
	if (count == 0) {
		return true;
	}
	kaname_metric_begin(out, name, NULL,
	                    "Health by its probes, and whether it is forced: always 1.");
	for (size_t i = 0; good && i < count; i++) {
		const kaname_line_t *line = all->addresses[i].line;
		char *labels =
		        label(all->addresses[i].labels, "health",
		              kaname_field_or(line, ANAME_KEY_HEALTH, ANAME_HEALTH_WORD_UNKNOWN));
		good = labels != NULL && sample(out, name, labels, "forced",
		                                kaname_live_field(line, ANAME_KEY_FORCED), "1");
		free(labels);
	}
	put_metrics(out, all->addresses, count, &address_health_seconds, 1);
	return good;
}

/* All of it. */

static bool put_live(FILE *out, const kaname_live_t *live, bool summary)
{
	kaname_all_series_t all;
	bool good = kaname_series_make(live, &all) && put_server(out, live, &all) &&
	            (summary || (put_targets(out, &all) && put_addresses(out, &all)));
	kaname_series_free(&all);
	return good;
}

/*! The text; NULL if out of memory. */
static char *make_text(bool up, const kaname_live_t *live, bool summary, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);
	if (out == NULL) {
		return NULL;
	}
	bool good = put_self(out, up, live) && (!up || put_live(out, live, summary));
	(void)fputs("# EOF\n", out);
	if (fclose(out) != 0 || !good) {
		free(text);
		return NULL;
	}
	return text;
}

kaname_exit_t kaname_prometheus(const kaname_args_t *args, kaname_exit_t asked,
                                const kaname_live_t *live)
{
	size_t len = 0;
	char *text = make_text(asked == KANAME_OK, live, args->summary, &len);
	if (text == NULL) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	kaname_exit_t ret = KANAME_OK;
	if (args->output != NULL) {
		ret = kaname_aside_write(args->output, text, len);
	} else {
		(void)fwrite(text, 1, len, stdout);
	}
	free(text);
	return ret != KANAME_OK ? ret : asked;
}
