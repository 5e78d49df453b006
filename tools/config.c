#include "config.h"

#include <stdio.h>

#include <libknot/errcode.h>

static void take_value(void *ctx, knot_ctl_data_t *data)
{
	kaname_values_t *values = ctx;
	const char *value = (*data)[KNOT_CTL_IDX_DATA];
	if (value != NULL && values->count < KANAME_VALUES_MAX) {
		(void)snprintf(values->at[values->count++], KANAME_VALUE_MAX, "%s", value);
	}
}

kaname_exit_t kaname_config_read(kaname_control_t *control, const char *section, const char *id,
                                 const char *item, kaname_values_t *values)
{
	values->count = 0;
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "conf-read",
		[KNOT_CTL_IDX_SECTION] = section,
		[KNOT_CTL_IDX_ID] = id,
		[KNOT_CTL_IDX_ITEM] = item,
	};
	kaname_exit_t ret = kaname_control_ask(control, &ask, take_value, values);
	bool no_id = kaname_control_refused(control, KNOT_YP_EINVAL_ID);
	return ret == KANAME_NO && !no_id ? KANAME_OK : ret;
}

kaname_exit_t kaname_config_zone(kaname_control_t *control, const char *zone, const char *item,
                                 kaname_values_t *values)
{
	kaname_exit_t ret = kaname_config_read(control, "zone", zone, item, values);
	if (ret != KANAME_OK || values->count > 0) {
		return ret;
	}
	kaname_values_t template;
	ret = kaname_config_read(control, "zone", zone, "template", &template);
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_config_read(control, "template",
	                         template.count > 0 ? template.at[0] : "default", item, values);
	/* There need not be a template. */
	return ret == KANAME_NO ? KANAME_OK : ret;
}
