#include "follow/occupied.h"

#include <string.h>

/*! What is asked for of a zone's status: the transaction, and whether it is frozen. */
#define FILTER "tf"

typedef struct {
	bool is_open, is_frozen;
} status_t;

static void take(void *ctx, knot_ctl_data_t *data)
{
	status_t *status = ctx;
	const char *type = (*data)[KNOT_CTL_IDX_TYPE], *value = (*data)[KNOT_CTL_IDX_DATA];
	if (type == NULL || value == NULL) {
		return;
	}
	/* "open" or, from 3.5 on, "open-external". */
	status->is_open |= strcmp(type, "transaction") == 0 && strncmp(value, "open", 4) == 0;
	status->is_frozen |= strcmp(type, "freeze") == 0 && strcmp(value, "yes") == 0;
}

bool kaname_zone_occupied(kaname_control_t *control, const knot_dname_t *zone, const char **why)
{
	knot_dname_txt_storage_t name;
	status_t status = { false, false };
	if (knot_dname_to_str(name, zone, sizeof(name)) == NULL) {
		*why = "it has no name";
		return true;
	}
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status",
		                [KNOT_CTL_IDX_ZONE] = name,
		                [KANAME_CTL_IDX_FILTER] = FILTER };
	/* What is refused is a zone that is not there: the update says so, too. */
	if (kaname_control_ask(control, &ask, take, &status) == KANAME_IO) {
		return false;
	}
	*why = status.is_open     ? "a transaction is open in its zone (knotc zone-begin)"
	       : status.is_frozen ? "its zone is frozen (knotc zone-freeze)"
	                          : NULL;
	return true;
}
