#include "prometheus/series.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "prometheus/exposition.h"

/*! Labels and the fields that they are made of. */
typedef struct {
	const char *label, *key;
} label_t;

/* Who was asked for what: the key of what is known. */
static const label_t target_labels[] = {
	{ "target", ANAME_KEY_NAME },       { "family", ANAME_KEY_FAMILY },
	{ "resolver", ANAME_KEY_RESOLVER }, { "via", ANAME_KEY_VIA },
	{ "secure", ANAME_KEY_SECURE },
};

static const label_t address_labels[] = {
	{ "address", ANAME_KEY_ADDRESS }, { "probe", ANAME_KEY_PROBE }, { "port", ANAME_KEY_PORT },
	{ "host", ANAME_KEY_HOST },       { "path", ANAME_KEY_PATH },
};

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static void add_labels(FILE *out, const label_t *labels, size_t count, const kaname_line_t *line)
{
	for (size_t i = 0; i < count; i++) {
		kaname_label_add(out, labels[i].label, kaname_live_field(line, labels[i].key));
	}
}

/*! The labels of a target, or of an address behind it; NULL if out of memory. */
static char *make_labels(const kaname_line_t *target, const kaname_line_t *address)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	if (out == NULL) {
		return NULL;
	}
	add_labels(out, target_labels, COUNT_OF(target_labels), target);
	if (address != NULL) {
		add_labels(out, address_labels, COUNT_OF(address_labels), address);
	}
	if (fclose(out) != 0) {
		free(text);
		return NULL;
	}
	return text;
}

static int compare(const void *one, const void *other)
{
	const kaname_series_t *a = one, *b = other;
	int order = strcmp(a->labels, b->labels);
	return order != 0 ? order : (a->line > b->line) - (a->line < b->line);
}

/*! Numbers series that their labels do not tell apart, as addresses that are probed in two ways
 *  which differ in what counts only: a file with the same series twice is refused as a whole. */
static bool number(kaname_series_t *series, size_t count)
{
	qsort(series, count, sizeof(*series), compare);
	for (size_t i = count; i-- > 1;) {
		size_t same = 0;
		while (same < i && strcmp(series[i - 1 - same].labels, series[i].labels) == 0) {
			same++;
		}
		if (same > 0) {
			char *text = NULL;
			if (asprintf(&text, "%s,n=\"%zu\"", series[i].labels, same + 1) < 0) {
				return false;
			}
			free(series[i].labels);
			series[i].labels = text;
		}
	}
	return true;
}

static bool add_addresses(kaname_all_series_t *all, const kaname_line_t *target)
{
	for (size_t i = 0; i < target->addresses_count; i++) {
		const kaname_line_t *address = &target->addresses[i];
		/* Others are there because somebody has forced them. */
		if (kaname_live_field(address, ANAME_KEY_PROBE) != NULL) {
			char *labels = make_labels(target, address);
			if (labels == NULL) {
				return false;
			}
			all->addresses[all->addresses_count++] =
			        (kaname_series_t){ .labels = labels, .line = address };
		}
	}
	return true;
}

static bool add_target(kaname_all_series_t *all, const kaname_line_t *target)
{
	if (kaname_live_field(target, ANAME_KEY_SUBNET) != NULL) {
		all->subnets++;
		all->subnets_failing += kaname_live_field(target, ANAME_KEY_FAILING) != NULL;
		return true;
	}
	if (kaname_live_field(target, ANAME_KEY_UNUSED) != NULL) {
		all->unused++;
		return true;
	}
	char *labels = make_labels(target, NULL);
	if (labels == NULL) {
		return false;
	}
	all->targets[all->targets_count++] = (kaname_series_t){ .labels = labels, .line = target };
	return add_addresses(all, target);
}

bool kaname_series_make(const kaname_live_t *live, kaname_all_series_t *all)
{
	*all = (kaname_all_series_t){
		.targets = calloc(live->count + 1, sizeof(*all->targets)),
		.addresses = calloc(live->addresses_count + 1, sizeof(*all->addresses)),
	};
	bool good = all->targets != NULL && all->addresses != NULL;
	for (size_t i = 0; good && i < live->count; i++) {
		good = add_target(all, &live->targets[i]);
	}
	return good && number(all->targets, all->targets_count) &&
	       number(all->addresses, all->addresses_count);
}

static void free_series(kaname_series_t *series, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(series[i].labels);
	}
	free(series);
}

void kaname_series_free(kaname_all_series_t *all)
{
	free_series(all->targets, all->targets_count);
	free_series(all->addresses, all->addresses_count);
	*all = (kaname_all_series_t){ 0 };
}
