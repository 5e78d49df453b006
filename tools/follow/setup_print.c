#include "follow/setup_print.h"

#include "follow/setup.h"

#define ALGORITHM "hmac-sha256"

/* For knot.conf. */

static void print_addresses(const kaname_setup_t *setup)
{
	if (setup->addresses_count == 0) {
		(void)printf("    # address: ...  of the host that `kaname follow` runs on\n");
		return;
	}
	(void)printf("    address: [");
	for (size_t i = 0; i < setup->addresses_count; i++) {
		(void)printf("%s%s", i > 0 ? ", " : "", setup->addresses[i]);
	}
	(void)printf("]\n");
}

static void print_sections(const kaname_setup_t *setup)
{
	(void)printf("# For knot.conf%s: lets `kaname follow` change A and AAAA records %s,\n"
	             "# and nothing else. Then: knotc conf-check && knotc reload\n",
	             setup->elsewhere ? " of the primary" : "",
	             setup->any ? "of zones" : "at the apex of zones");
	if (!setup->asked) {
		(void)printf("#\n# The local knotd could not be asked: this is what is usual.\n");
	}
	if (setup->is_there) {
		(void)printf(
		        "#\n# knot.conf has an acl of this name already: this takes its place, "
		        "and that of its\n# key.\n");
	}
	(void)printf("\nkey:\n  - id: " KANAME_KEY_NAME "\n    algorithm: " ALGORITHM
	             "\n    secret: %s\n",
	             setup->secret);
	(void)printf("\nacl:\n  - id: " KANAME_KEY_NAME "\n    key: " KANAME_KEY_NAME "\n");
	print_addresses(setup);
	(void)printf("    action: update\n    update-type: [A, AAAA]\n    update-owner: zone\n"
	             "    update-owner-match: %s\n",
	             setup->any ? "sub-or-equal" : "equal");
	if (setup->any) {
		(void)printf("    # Where the owners of a zone are few, in place of both:\n"
		             "    #   update-owner: name\n"
		             "    #   update-owner-name: [example.com., www, \"*.dev\"]\n"
		             "    #   update-owner-match: equal\n");
	}
}

static void print_zones(const char *zones)
{
	(void)printf(
	        "\n# It counts where it is named, in the sections of zones or in their template, "
	        "beside the acl\n# that are there (a zone's own take the place of those of its "
	        "template):\n#\n%s",
	        zones);
}

static void print_key_file(const kaname_setup_t *setup)
{
	(void)printf("\n# The one line of the key file, " KANAME_KEY_DEFAULT
	             ", which only root may read\n"
	             "# (mode 0600) and kaname-follow.service is given:\n"
	             "#\n#   " ALGORITHM ":" KANAME_KEY_NAME ":%s\n",
	             setup->secret);
}

/* For primaries of other kinds. */

/*! Calls it with each zone that is named, or with a word for it. */
static void each_zone(const kaname_setup_t *setup,
                      void (*print)(const kaname_setup_t *setup, const char *zone))
{
	for (int i = 0; i < setup->args->count; i++) {
		print(setup, setup->args->arguments[i]);
	}
	if (setup->args->count == 0) {
		print(setup, "ZONE");
	}
}

static void print_bind_zone(const kaname_setup_t *setup, const char *zone)
{
	(void)printf("#   zone \"%s\" {\n#       update-policy { grant " KANAME_KEY_NAME " ", zone);
	if (setup->any) {
		(void)printf("zonesub");
	} else {
		(void)printf("name %s", zone);
	}
	(void)printf(" A AAAA; };\n#   };\n");
}

static void print_bind(const kaname_setup_t *setup)
{
	(void)printf("\n# If the primary is BIND, for named.conf, beside what the zone has:\n#\n"
	             "#   key \"" KANAME_KEY_NAME "\" { algorithm " ALGORITHM
	             "; secret \"%s\"; };\n",
	             setup->secret);
	each_zone(setup, print_bind_zone);
}

static const char *source_of(const kaname_setup_t *setup)
{
	return setup->addresses_count > 0 ? setup->addresses[0] : "ADDRESS";
}

static void print_powerdns_zone(const kaname_setup_t *setup, const char *zone)
{
	(void)printf("#   pdnsutil set-meta %s TSIG-ALLOW-DNSUPDATE " KANAME_KEY_NAME "\n"
	             "#   pdnsutil set-meta %s ALLOW-DNSUPDATE-FROM %s\n"
	             "#   pdnsutil set-meta %s SOA-EDIT-DNSUPDATE INCREASE\n"
	             "#   pdnsutil set-meta %s NOTIFY-DNSUPDATE 1\n",
	             zone, zone, source_of(setup), zone, zone);
}

static void print_powerdns(const kaname_setup_t *setup)
{
	(void)printf("\n# If it is PowerDNS, `dnsupdate=yes` and `allow-dnsupdate-from=%s` in "
	             "pdns.conf, and:\n#\n"
	             "#   pdnsutil import-tsig-key " KANAME_KEY_NAME " " ALGORITHM " %s\n",
	             source_of(setup), setup->secret);
	each_zone(setup, print_powerdns_zone);
	(void)printf("#\n# It does not tell types and owners apart: the key may change all of the "
	             "zone.\n");
}

void kaname_setup_print(const kaname_setup_t *setup, const char *zones)
{
	print_sections(setup);
	print_zones(zones);
	print_key_file(setup);
	if (setup->args->primary != NULL) {
		print_bind(setup);
		print_powerdns(setup);
	}
}
