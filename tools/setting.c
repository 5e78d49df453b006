#include "setting.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/dname.h>

/*! Where knotd looks for zones if it is not told otherwise. */
#define STORAGE_DEFAULT "/var/lib/knot"

/*! Is the zone loaded? Then it has a SOA. */
static kaname_exit_t check_loaded(kaname_control_t *control, const char *zone)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-read",
		[KNOT_CTL_IDX_ZONE] = zone,
		[KNOT_CTL_IDX_OWNER] = "@",
		[KNOT_CTL_IDX_TYPE] = "SOA",
	};
	kaname_exit_t ret = kaname_control_ask(control, &ask, NULL, NULL);
	if (ret == KANAME_NO) {
		kaname_control_error(control, zone);
		(void)fprintf(stderr, "nothing was changed\n");
	}
	return ret;
}

/*! The identifier of the section that is the zone's first of the module, empty if it has none; NULL
 *  if the module is not in the list. */
static const char *section_of(const kaname_values_t *modules)
{
	static const char module[] = "mod-aname";
	for (size_t i = 0; i < modules->count; i++) {
		const char *id = modules->at[i] + sizeof(module) - 1;
		if (strncmp(modules->at[i], module, sizeof(module) - 1) == 0 &&
		    (*id == '/' || *id == '\0')) {
			return *id == '/' ? id + 1 : "";
		}
	}
	return NULL;
}

/*! Reads an option of that section. */
static kaname_exit_t read_option(kaname_control_t *control, const kaname_values_t *modules,
                                 const char *option, kaname_values_t *values)
{
	const char *id = section_of(modules);
	values->count = 0;
	return id != NULL && *id != '\0'
	               ? kaname_config_read(control, "mod-aname", id, option, values)
	               : KANAME_OK;
}

/*! Puts the zone's name, without its dot, in the place of "%s"; false for the other forms. */
static bool expand(const char *file, const char *zone, char *out, size_t size)
{
	const char *mark = strchr(file, '%');
	if (mark == NULL) {
		return snprintf(out, size, "%s", file) < (int)size;
	}
	size_t zone_len = strlen(zone) - 1;
	if (mark[1] != 's' || strchr(mark + 1, '%') != NULL || strpbrk(zone, "/\\") != NULL ||
	    zone_len == 0) {
		return false;
	}
	return snprintf(out, size, "%.*s%.*s%s", (int)(mark - file), file, (int)zone_len, zone,
	                mark + 2) < (int)size;
}

static kaname_exit_t read_path(kaname_control_t *control, const char *zone,
                               kaname_setting_t *setting)
{
	kaname_values_t storage, file;
	char name[KANAME_VALUE_MAX + sizeof(knot_dname_txt_storage_t)];
	kaname_exit_t ret = kaname_config_zone(control, zone, "storage", &storage);
	if (ret == KANAME_OK) {
		ret = kaname_config_zone(control, zone, "file", &file);
	}
	if (ret != KANAME_OK ||
	    !expand(file.count > 0 ? file.at[0] : "%s.zone", zone, name, sizeof(name))) {
		return ret;
	}
	const char *directory = storage.count > 0 ? storage.at[0] : STORAGE_DEFAULT;
	bool absolute = name[0] == '/';
	int len = snprintf(setting->file, sizeof(setting->file), "%s%s%s",
	                   absolute ? "" : directory, absolute ? "" : "/", name);
	if (len >= (int)sizeof(setting->file) || setting->file[0] != '/') {
		setting->file[0] = '\0';
	}
	return ret;
}

static kaname_exit_t read_saving(kaname_control_t *control, const char *zone,
                                 kaname_setting_t *setting)
{
	kaname_values_t sync, content;
	kaname_exit_t ret = kaname_config_zone(control, zone, "zonefile-sync", &sync);
	if (ret == KANAME_OK) {
		ret = kaname_config_zone(control, zone, "journal-content", &content);
	}
	if (ret == KANAME_OK) {
		ret = read_path(control, zone, setting);
	}
	if (ret == KANAME_OK) {
		setting->is_saved_to_file = sync.count == 0 || strtol(sync.at[0], NULL, 10) >= 0;
		setting->is_written_at_once = sync.count == 0 || strcmp(sync.at[0], "0") == 0;
		setting->has_journal = content.count == 0 || strcmp(content.at[0], "none") != 0;
		setting->is_known = true;
	}
	return ret;
}

kaname_exit_t kaname_setting_read(kaname_control_t *control, const char *zone,
                                  kaname_setting_t *setting)
{
	kaname_exit_t ret = check_loaded(control, zone);
	return ret == KANAME_OK ? kaname_setting_configured(control, zone, setting) : ret;
}

kaname_exit_t kaname_setting_configured(kaname_control_t *control, const char *zone,
                                        kaname_setting_t *setting)
{
	kaname_values_t modules;
	*setting = (kaname_setting_t){ 0 };
	kaname_exit_t ret = kaname_control_version(control, setting->version);
	if (ret == KANAME_OK) {
		ret = kaname_primaries_read(control, zone, &setting->primaries);
	}
	if (ret == KANAME_OK) {
		ret = kaname_config_zone(control, zone, "module", &modules);
	}
	if (ret == KANAME_OK) {
		setting->has_list = true;
		setting->lacks_module = section_of(&modules) == NULL;
		ret = read_option(control, &modules, "resolver", &setting->servers);
	}
	if (ret == KANAME_OK) {
		ret = read_option(control, &modules, "rrtype", &setting->types);
	}
	if (ret == KANAME_OK) {
		ret = read_option(control, &modules, "owners", &setting->owners);
	}
	if (ret == KANAME_OK) {
		ret = read_saving(control, zone, setting);
	}
	/* A catalog's zone has no section of its own. */
	return ret == KANAME_NO ? KANAME_OK : ret;
}
