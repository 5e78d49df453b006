#include "follow/members.h"

#include <stdlib.h>
#include <string.h>

/*! A template of a catalog that is interpreted. Those of one catalog follow each other in order. */
typedef struct {
	char *catalog; /*!< As knotd writes it. */
	uint16_t template;
} template_t;

typedef struct {
	kaname_layouts_t *layouts;
	kaname_zones_t *zones;
	kaname_catalogs_t *catalogs;
	knot_dname_txt_storage_t *named; /*!< By catalog that was named: its text. */
	template_t *templates;
	size_t count, room;
	bool failed;
} reading_t;

static void take_template(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *id = (*data)[KNOT_CTL_IDX_ID], *value = (*data)[KNOT_CTL_IDX_DATA];
	if (id == NULL || value == NULL || reading->failed) {
		return;
	}
	if (reading->count == reading->room) {
		size_t room = 2 * reading->room + 8;
		template_t *at = realloc(reading->templates, room * sizeof(*at));
		if (at == NULL) {
			reading->failed = true;
			return;
		}
		reading->templates = at;
		reading->room = room;
	}
	template_t its = { strdup(id), kaname_layouts_template(reading->layouts, value) };
	if (its.catalog == NULL) {
		reading->failed = true;
		return;
	}
	reading->templates[reading->count++] = its;
}

/*! Is this of a catalog? A group may stand behind it, which `group` is set to, or else is empty. */
static bool is_of(const char *value, const char *catalog, const char **group)
{
	size_t len = strlen(catalog);
	if (strncmp(value, catalog, len) != 0 || (value[len] != '\0' && value[len] != '#')) {
		return false;
	}
	*group = value[len] == '#' ? value + len + 1 : "";
	return true;
}

/*! The template of a member: that called as its group, or else the first one of its catalog. */
static uint16_t template_of(const reading_t *reading, const char *value)
{
	const char *group;
	uint16_t first = 0;
	for (size_t i = 0; i < reading->count; i++) {
		uint16_t template = reading->templates[i].template;
		if (!is_of(value, reading->templates[i].catalog, &group) || template == 0) {
			continue;
		}
		size_t len;
		const uint8_t *id =
		        kaname_names_at(&reading->layouts->templates, template - 1, &len);
		if (strlen(group) == len && memcmp(group, id, len) == 0) {
			return template;
		}
		first = first == 0 ? template : first;
	}
	return first;
}

/*! Is it a member of a catalog that was named? */
static bool is_wanted(reading_t *reading, const char *value)
{
	const char *group;
	bool wanted = false;
	/* Before the name of one that is generated. */
	value += value[0] == '@';
	for (size_t i = 0; i < reading->catalogs->count; i++) {
		if (is_of(value, reading->named[i], &group)) {
			reading->catalogs->found[i] = wanted = true;
		}
	}
	return wanted;
}

static void take_member(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *name = (*data)[KNOT_CTL_IDX_ZONE], *value = (*data)[KNOT_CTL_IDX_DATA];
	const char *type = (*data)[KNOT_CTL_IDX_TYPE];
	if (name == NULL || value == NULL || type == NULL || strcmp(type, "catalog") != 0) {
		return;
	}
	bool wanted = is_wanted(reading, value);
	uint16_t template = template_of(reading, value);
	if (!wanted && template == 0) {
		return;
	}
	uint32_t zone = kaname_zones_find(reading->zones, name, wanted || reading->catalogs->all);
	if (zone != KANAME_NAMES_NONE) {
		reading->zones->at[zone].is_member |= wanted;
		reading->zones->at[zone].template = template;
	}
}

/*! Prepares the texts of what was named; false if out of memory. */
static bool write_named(reading_t *reading)
{
	kaname_catalogs_t *catalogs = reading->catalogs;
	reading->named = calloc(catalogs->count + 1, sizeof(*reading->named));
	catalogs->found = calloc(catalogs->count + 1, sizeof(*catalogs->found));
	for (size_t i = 0; i < catalogs->count && reading->named != NULL; i++) {
		(void)knot_dname_to_str(reading->named[i], catalogs->at[i],
		                        sizeof(reading->named[i]));
	}
	return reading->named != NULL && catalogs->found != NULL;
}

static void deinit(reading_t *reading)
{
	for (size_t i = 0; i < reading->count; i++) {
		free(reading->templates[i].catalog);
	}
	free(reading->templates);
	free(reading->named);
}

kaname_exit_t kaname_members_read(kaname_control_t *control, kaname_layouts_t *layouts,
                                  kaname_zones_t *zones, kaname_catalogs_t *catalogs)
{
	knot_ctl_data_t templates = { [KNOT_CTL_IDX_CMD] = "conf-read",
		                      [KNOT_CTL_IDX_SECTION] = "zone",
		                      [KNOT_CTL_IDX_ITEM] = "catalog-template" };
	knot_ctl_data_t members = {
		[KNOT_CTL_IDX_CMD] = "zone-status", [KANAME_CTL_IDX_FILTER] = "c"
	};
	reading_t reading = { .layouts = layouts, .zones = zones, .catalogs = catalogs };
	kaname_exit_t ret = kaname_control_ask(control, &templates, take_template, &reading);
	reading.failed |= !write_named(&reading);
	if (ret != KANAME_IO && !reading.failed && (reading.count > 0 || catalogs->count > 0)) {
		ret = kaname_control_ask(control, &members, take_member, &reading);
	}
	deinit(&reading);
	if (reading.failed && !control->quiet) {
		kaname_error("out of memory");
	}
	return ret == KANAME_IO || reading.failed ? KANAME_IO : KANAME_OK;
}
