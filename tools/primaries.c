#include "primaries.h"

#include <stdio.h>
#include <string.h>

/*! Adds the addresses of a remote; there may be none of that name. */
static kaname_exit_t add_remote(kaname_control_t *control, const char *id,
                                kaname_primaries_t *primaries)
{
	static kaname_values_t addresses;
	kaname_exit_t ret = kaname_config_read(control, "remote", id, "address", &addresses);
	for (size_t i = 0; i < addresses.count && primaries->count < KANAME_PRIMARIES_MAX; i++) {
		(void)snprintf(primaries->at[primaries->count++], KANAME_VALUE_MAX, "%s",
		               addresses.at[i]);
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/*! Adds what one value of the option names: a remote, or a group of some. */
static kaname_exit_t add_named(kaname_control_t *control, const char *id,
                               kaname_primaries_t *primaries)
{
	static kaname_values_t group;
	kaname_exit_t ret = kaname_config_read(control, "remotes", id, "remote", &group);
	if (ret == KANAME_IO) {
		return ret;
	}
	if (ret != KANAME_OK || group.count == 0) {
		return add_remote(control, id, primaries);
	}
	for (size_t i = 0; i < group.count && ret == KANAME_OK; i++) {
		ret = add_remote(control, group.at[i], primaries);
	}
	return ret;
}

kaname_exit_t kaname_primaries_read(kaname_control_t *control, const char *zone,
                                    kaname_primaries_t *primaries)
{
	static kaname_values_t signing, masters;
	*primaries = (kaname_primaries_t){ .count = 0 };
	kaname_exit_t ret = kaname_config_zone(control, zone, "dnssec-signing", &signing);
	if (ret == KANAME_OK) {
		ret = kaname_config_zone(control, zone, "master", &masters);
	}
	if (ret != KANAME_OK) {
		/* Of what a catalog brought that cannot be read. */
		return ret == KANAME_IO ? ret : KANAME_OK;
	}
	primaries->is_signed_here = signing.count > 0 && strcmp(signing.at[0], "on") == 0;
	for (size_t i = 0; i < masters.count && ret == KANAME_OK; i++) {
		ret = add_named(control, masters.at[i], primaries);
	}
	return ret;
}
