#include "cuts.h"

#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

/*! A type, a blank and a zone. */
#define VALUE_MAX (sizeof("DNAME ") + KNOT_DNAME_TXT_MAXLEN)

static void take_cut(void *ctx, knot_ctl_data_t *data)
{
	const char *owner = (*data)[KNOT_CTL_IDX_OWNER], *type = (*data)[KNOT_CTL_IDX_TYPE];
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE];
	char value[VALUE_MAX];
	if (owner == NULL || type == NULL || zone == NULL ||
	    (strcmp(type, "NS") == 0 && strcmp(owner, zone) == 0)) {
		return;
	}
	(void)snprintf(value, sizeof(value), "%s %s", type, zone);
	(void)kaname_items_add(ctx, owner, value);
}

kaname_exit_t kaname_cuts_read(kaname_control_t *control, const char *zone, kaname_items_t *cuts)
{
	static const char *const types[] = { "NS", "DNAME" };
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		knot_ctl_data_t ask = {
			[KNOT_CTL_IDX_CMD] = "zone-read",
			[KNOT_CTL_IDX_ZONE] = zone,
			[KNOT_CTL_IDX_TYPE] = types[i],
		};
		if (kaname_control_ask(control, &ask, take_cut, cuts) == KANAME_IO) {
			return KANAME_IO;
		}
	}
	if (cuts->failed) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	kaname_items_sort(cuts);
	return KANAME_OK;
}

static bool has_cut(const kaname_items_t *cuts, const char *name, const char *type,
                    const char *zone)
{
	size_t count = 0, len = strlen(type);
	const kaname_item_t *at = kaname_items_find(cuts, name, &count);
	for (size_t i = 0; at != NULL && i < count; i++) {
		if (strncmp(at[i].value, type, len) == 0 &&
		    strcmp(at[i].value + len + 1, zone) == 0) {
			return true;
		}
	}
	return false;
}

bool kaname_cuts_hide(const kaname_items_t *cuts, const char *zone, const char *owner,
                      kaname_cut_t *by)
{
	knot_dname_storage_t storage;
	knot_dname_txt_storage_t text;
	const knot_dname_t *name = knot_dname_from_str(storage, owner, sizeof(storage));
	bool is_apex = cuts->count == 0, hides = false;
	for (bool own = true; name != NULL && !is_apex; own = false, name += name[0] + 1) {
		if (knot_dname_to_str(text, name, sizeof(text)) == NULL) {
			return false;
		}
		is_apex = name[0] == 0 || strcmp(text, zone) == 0;
		bool is_delegation = !is_apex && has_cut(cuts, text, "NS", zone);
		bool is_dname = !is_delegation && !own && has_cut(cuts, text, "DNAME", zone);
		hides |= is_delegation || is_dname;
		if (by != NULL && (is_delegation || is_dname)) {
			by->is_dname = is_dname;
			(void)snprintf(by->name, sizeof(by->name), "%s", text);
		}
	}
	return hides;
}
