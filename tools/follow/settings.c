#include "follow/settings.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define MODULE           "mod-aname"
#define DEFAULT_TEMPLATE "default"
#define COUNT(of)        (sizeof(of) / sizeof((of)[0]))

/* Sections and templates. */

uint16_t kaname_layouts_template(kaname_layouts_t *layouts, const char *id)
{
	uint32_t number = kaname_names_add(&layouts->templates, id, strlen(id));
	if (number >= UINT16_MAX) {
		layouts->failed = true;
		return 0;
	}
	if (number >= layouts->room) {
		uint32_t room = 2 * number + 8;
		kaname_settings_t *at = realloc(layouts->at, room * sizeof(*at));
		if (at == NULL) {
			layouts->failed = true;
			return 0;
		}
		memset(at + layouts->room, 0, (room - layouts->room) * sizeof(*at));
		layouts->at = at;
		layouts->room = room;
	}
	return number + 1;
}

/*! The number of a section, from 1 on, which is added; 0 if out of memory, which is noted. */
static uint16_t add_section(kaname_layouts_t *layouts, const char *id)
{
	uint32_t before = layouts->sections.count;
	uint32_t number = kaname_names_add(&layouts->sections, id, strlen(id));
	if (number >= UINT16_MAX) {
		layouts->failed = true;
		return 0;
	}
	if (number == before) {
		unsigned *takes = realloc(layouts->takes, (number + 1) * sizeof(*takes));
		if (takes == NULL) {
			layouts->failed = true;
			return 0;
		}
		layouts->takes = takes;
		takes[number] = 0;
	}
	return number + 1;
}

/*! The same of one that there is; 0 if there is none of that name. */
static uint16_t find_section(const kaname_layouts_t *layouts, const char *id)
{
	uint32_t number = kaname_names_find(&layouts->sections, id, strlen(id));
	return number < UINT16_MAX ? number + 1 : 0;
}

bool kaname_layouts_takes(const kaname_layouts_t *layouts, uint16_t section, unsigned type)
{
	unsigned takes = section > 0 ? layouts->takes[section - 1] : 0;
	return takes == 0 || (takes & 1U << type) != 0;
}

void kaname_layouts_deinit(kaname_layouts_t *layouts)
{
	kaname_names_deinit(&layouts->sections);
	kaname_names_deinit(&layouts->templates);
	free(layouts->takes);
	free(layouts->at);
	*layouts = (kaname_layouts_t){ .at = NULL };
}

/*! Takes an option of a section; of `rrtype` each value is one. */
static void take_section(void *ctx, knot_ctl_data_t *data)
{
	kaname_layouts_t *layouts = ctx;
	const char *id = (*data)[KNOT_CTL_IDX_ID], *value = (*data)[KNOT_CTL_IDX_DATA];
	const char *item = (*data)[KNOT_CTL_IDX_ITEM];
	uint16_t section = id != NULL ? add_section(layouts, id) : 0;
	if (section == 0 || value == NULL || item == NULL) {
		return;
	}
	layouts->has_any |= strcmp(item, "owners") == 0 && strcmp(value, "any") == 0;
	if (strcmp(item, "rrtype") != 0) {
		return;
	}
	/* Some other type takes none of these two, by a bit of its own. */
	unsigned takes = 1U << ANAME_RRTYPES;
	for (unsigned i = 0; i < ANAME_RRTYPES; i++) {
		if (strcasecmp(value, aname_rrtypes[i].word) == 0 ||
		    strcasecmp(value, aname_rrtypes[i].generic) == 0) {
			takes = 1U << i;
		}
	}
	layouts->takes[section - 1] |= takes;
}

/*! Has an item of all sections of a kind read, or all items. That there is none is no error. */
static kaname_exit_t read_item(kaname_control_t *control, const char *section, const char *item,
                               kaname_unit_f unit, void *ctx)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "conf-read",
		[KNOT_CTL_IDX_SECTION] = section,
		[KNOT_CTL_IDX_ITEM] = item,
	};
	kaname_exit_t ret = kaname_control_ask(control, &ask, unit, ctx);
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/*! Out of memory. */
static kaname_exit_t no_memory(const kaname_control_t *control)
{
	if (!control->quiet) {
		kaname_error("out of memory");
	}
	return KANAME_IO;
}

kaname_exit_t kaname_layouts_sections(kaname_control_t *control, kaname_layouts_t *layouts)
{
	kaname_exit_t ret = read_item(control, MODULE, NULL, take_section, layouts);
	return layouts->failed ? no_memory(control) : ret;
}

/* Options. */

/*! Words for values, in their order, as a list that ends with NULL. */
static const char *const load_words[] = { "none", "difference", "difference-no-serial", "whole",
	                                  NULL };
static const char *const journal_words[] = { "none", "changes", "all", NULL };
static const char *const signing_words[] = { "off", "on", NULL };

/*! An option. */
typedef struct {
	kaname_setting_t setting;
	const char *item;
	const char *const *words; /*!< NULL: the values are no words. */
} option_t;

static const option_t options[] = {
	/* Stays first: it is all that is read where the rest does not matter. */
	{ KANAME_SETTING_MODULE, "module", NULL },
	{ KANAME_SETTING_MASTER, "master", NULL },
	{ KANAME_SETTING_LOAD, "zonefile-load", load_words },
	{ KANAME_SETTING_SYNC, "zonefile-sync", NULL },
	{ KANAME_SETTING_JOURNAL, "journal-content", journal_words },
	{ KANAME_SETTING_SIGNING, "dnssec-signing", signing_words },
	/* From 3.3 on; and from 3.5 on. */
	{ KANAME_SETTING_GENERATED, "reverse-generate", NULL },
	{ KANAME_SETTING_GENERATED, "include-from", NULL },
	{ KANAME_SETTING_DATABASE, "zone-db-input", NULL },
};

/*! One option being read. */
typedef struct {
	kaname_layouts_t *layouts;
	kaname_zones_t *zones; /*!< NULL: of templates. */
	const option_t *option;
} reading_t;

static void set_modules(const kaname_layouts_t *layouts, kaname_settings_t *settings,
                        const char *value)
{
	uint8_t *list = &settings->at[KANAME_SETTING_MODULE];
	size_t len = strlen(MODULE);
	bool its = strncmp(value, MODULE, len) == 0 && (value[len] == '\0' || value[len] == '/');
	if (its && *list != KANAME_MODULE_WITH) {
		/* Of several the first counts. */
		settings->section = value[len] == '/' ? find_section(layouts, value + len + 1) : 0;
	}
	*list = its || *list == KANAME_MODULE_WITH ? KANAME_MODULE_WITH : KANAME_MODULE_WITHOUT;
}

/*! What a value of an option says. */
static uint8_t value_of(const option_t *option, const char *value)
{
	switch (option->setting) {
	case KANAME_SETTING_MASTER:
		return value[0] != '\0' && strcmp(value, "\"\"") != 0 ? KANAME_MASTER_SET
		                                                      : KANAME_MASTER_EMPTY;
	case KANAME_SETTING_SYNC:
		return value[0] == '-'                ? KANAME_SYNC_NEVER
		       : strtol(value, NULL, 10) == 0 ? KANAME_SYNC_AT_ONCE
		                                      : KANAME_SYNC_LATER;
	case KANAME_SETTING_GENERATED: return KANAME_GENERATED;
	case KANAME_SETTING_DATABASE:
		return value[0] == '-' ? KANAME_DATABASE_OFF : KANAME_DATABASE_ON;
	default:
		for (uint8_t i = 0; option->words[i] != NULL; i++) {
			if (strcmp(option->words[i], value) == 0) {
				return i + 1;
			}
		}
		return 0;
	}
}

/*! Whose value a unit has; NULL: of none that matters. */
static kaname_settings_t *whose(reading_t *reading, const char *id)
{
	if (reading->zones != NULL) {
		uint32_t zone = kaname_zones_find(reading->zones, id, false);
		return zone != KANAME_NAMES_NONE ? &reading->zones->at[zone].own : NULL;
	}
	uint16_t template = kaname_layouts_template(reading->layouts, id);
	return template > 0 ? &reading->layouts->at[template - 1] : NULL;
}

static void take_option(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *id = (*data)[KNOT_CTL_IDX_ID], *value = (*data)[KNOT_CTL_IDX_DATA];
	kaname_settings_t *settings = id != NULL ? whose(reading, id) : NULL;
	if (settings == NULL) {
		return;
	}
	value = value != NULL ? value : "";
	if (reading->option->setting == KANAME_SETTING_MODULE) {
		set_modules(reading->layouts, settings, value);
	} else {
		settings->at[reading->option->setting] = value_of(reading->option, value);
	}
}

/*! Of templates all items are told. */
static void take_item(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *item = (*data)[KNOT_CTL_IDX_ITEM];
	for (size_t i = 0; i < COUNT(options) && item != NULL; i++) {
		if (strcmp(options[i].item, item) == 0) {
			reading->option = &options[i];
			take_option(reading, data);
		}
	}
}

static void take_template(void *ctx, knot_ctl_data_t *data)
{
	reading_t *reading = ctx;
	const char *id = (*data)[KNOT_CTL_IDX_ID], *value = (*data)[KNOT_CTL_IDX_DATA];
	uint32_t zone = id != NULL && value != NULL ? kaname_zones_find(reading->zones, id, false)
	                                            : KANAME_NAMES_NONE;
	if (zone != KANAME_NAMES_NONE) {
		reading->zones->at[zone].template =
		        kaname_layouts_template(reading->layouts, value);
	}
}

kaname_exit_t kaname_layouts_read(kaname_control_t *control, kaname_layouts_t *layouts,
                                  kaname_zones_t *zones, bool all)
{
	reading_t of_zones = { .layouts = layouts, .zones = zones };
	reading_t of_templates = { .layouts = layouts };
	kaname_exit_t ret = read_item(control, "template", NULL, take_item, &of_templates);
	if (ret == KANAME_OK) {
		ret = read_item(control, "zone", "template", take_template, &of_zones);
	}
	for (size_t i = 0; i < (all ? COUNT(options) : 1) && ret == KANAME_OK; i++) {
		of_zones.option = &options[i];
		ret = read_item(control, "zone", options[i].item, take_option, &of_zones);
	}
	layouts->standard =
	        kaname_names_find(&layouts->templates, DEFAULT_TEMPLATE, strlen(DEFAULT_TEMPLATE));
	return layouts->failed ? no_memory(control) : ret;
}

void kaname_layouts_effective(const kaname_layouts_t *layouts, const kaname_zone_t *zone,
                              kaname_setting_t setting, kaname_effective_t *effective)
{
	const kaname_settings_t *settings = &zone->own;
	*effective = (kaname_effective_t){ .value = settings->at[setting] };
	if (effective->value == 0) {
		/* A template of its own stands for the default one in all. */
		uint32_t template = zone->template > 0 ? zone->template - 1U : layouts->standard;
		if (template >= layouts->templates.count) {
			return;
		}
		settings = &layouts->at[template];
		effective->value = settings->at[setting];
		effective->template = (const char *)kaname_names_at(&layouts->templates, template,
		                                                    &effective->template_len);
	}
	effective->section = setting == KANAME_SETTING_MODULE ? settings->section : 0;
}
