#include "follow/setup.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "items.h"
#include "owner.h"
#include "setting.h"
#include "text.h"

#define NAME      "kaname-follow"
#define ALGORITHM "hmac-sha256"

/*! Octets of the secret, and of its text. */
#define SECRET_LEN 32
#define BASE64_LEN (4 * ((SECRET_LEN + 2) / 3))

/*! Of the loopback, both, and one more. */
#define ADDRESSES_MAX 3

typedef struct {
	const kaname_args_t *args;
	bool asked;     /*!< knotd was. */
	bool is_there;  /*!< It has such an acl already. */
	bool any;       /*!< Owners below the apex are followed. */
	bool elsewhere; /*!< Updates go to another host. */
	char secret[BASE64_LEN + 1];
	size_t addresses_count;
	char addresses[ADDRESSES_MAX][INET6_ADDRSTRLEN];
	FILE *zones; /*!< Takes the lines that name the acl. */
} setup_t;

/* The secret. */

static void encode(const uint8_t octets[SECRET_LEN], char text[BASE64_LEN + 1])
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = text;
	for (size_t i = 0; i < SECRET_LEN; i += 3) {
		size_t left = SECRET_LEN - i;
		uint32_t bits = (uint32_t)octets[i] << 16;
		bits |= left > 1 ? (uint32_t)octets[i + 1] << 8 : 0;
		bits |= left > 2 ? octets[i + 2] : 0;
		*at++ = digits[bits >> 18];
		*at++ = digits[bits >> 12 & 0x3f];
		*at++ = left > 1 ? digits[bits >> 6 & 0x3f] : '=';
		*at++ = left > 2 ? digits[bits & 0x3f] : '=';
	}
	*at = '\0';
}

static kaname_exit_t make_secret(setup_t *setup)
{
	uint8_t octets[SECRET_LEN];
	if (getrandom(octets, sizeof(octets), 0) != (ssize_t)sizeof(octets)) {
		kaname_error("there is no random number for the secret");
		return KANAME_IO;
	}
	encode(octets, setup->secret);
	return KANAME_OK;
}

/* Where updates come from. */

static void add_address(setup_t *setup, const char *address)
{
	for (size_t i = 0; i < setup->addresses_count; i++) {
		if (strcmp(setup->addresses[i], address) == 0) {
			return;
		}
	}
	(void)snprintf(setup->addresses[setup->addresses_count++], INET6_ADDRSTRLEN, "%s", address);
}

static const char *address_text(const struct sockaddr_storage *address, char text[INET6_ADDRSTRLEN])
{
	const void *octets = address->ss_family == AF_INET6
	                             ? (const void *)&((struct sockaddr_in6 *)address)->sin6_addr
	                             : &((struct sockaddr_in *)address)->sin_addr;
	return inet_ntop(address->ss_family, octets, text, INET6_ADDRSTRLEN);
}

/*! Notes the address that this host talks to a server from; none if there is no way to it. */
static void add_source(setup_t *setup, const struct sockaddr_storage *server)
{
	struct sockaddr_storage source;
	socklen_t len = sizeof(source);
	char text[INET6_ADDRSTRLEN];
	int fd = socket(server->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		return;
	}
	if (connect(fd, (const struct sockaddr *)server, sizeof(*server)) == 0 &&
	    getsockname(fd, (struct sockaddr *)&source, &len) == 0 &&
	    address_text(&source, text) != NULL) {
		add_address(setup, text);
	}
	(void)close(fd);
}

static bool is_local(const struct sockaddr_storage *server)
{
	char text[INET6_ADDRSTRLEN] = "";
	(void)address_text(server, text);
	return strncmp(text, "127.", 4) == 0 || strcmp(text, "::1") == 0;
}

static kaname_exit_t find_addresses(setup_t *setup, const kaname_values_t *listen)
{
	const char *primary = setup->args->primary;
	struct sockaddr_storage server;
	bool known = false;
	if (primary != NULL) {
		known = kaname_address_read(primary, &server);
		if (!known) {
			kaname_error("--primary %s: expected ADDRESS or ADDRESS@PORT", primary);
			return KANAME_NO;
		}
		setup->elsewhere = !is_local(&server);
	}
	for (size_t i = 0; i < listen->count && !known; i++) {
		known = kaname_address_read(listen->at[i], &server);
	}
	if (!setup->elsewhere) {
		add_address(setup, "127.0.0.1");
		add_address(setup, "::1");
	}
	if (known) {
		add_source(setup, &server);
	}
	return KANAME_OK;
}

/* What knotd has. */

/*! Prints the list with what is in it already; that of another host is not known. */
static void print_acl(const setup_t *setup, const kaname_values_t *values)
{
	(void)fputs("#       acl: [", setup->zones);
	for (size_t i = 0; i < values->count && !setup->elsewhere; i++) {
		if (strcmp(values->at[i], NAME) != 0) {
			(void)fprintf(setup->zones, "%s, ", values->at[i]);
		}
	}
	(void)fputs(NAME "]\n", setup->zones);
}

static void print_template(const setup_t *setup, const kaname_values_t *acl)
{
	(void)fputs("#   template:\n#     - id: default\n", setup->zones);
	print_acl(setup, acl);
}

static void print_zone(const setup_t *setup, const char *zone, const kaname_values_t *acl)
{
	(void)fprintf(setup->zones, "#     - domain: %s\n", zone);
	print_acl(setup, acl);
}

static kaname_exit_t read_zone(setup_t *setup, kaname_control_t *control, const char *zone)
{
	static kaname_setting_t setting;
	static kaname_values_t acl;
	kaname_exit_t ret = kaname_setting_read(control, zone, &setting);
	if (ret != KANAME_OK) {
		return ret;
	}
	setup->any |= kaname_owners(&setting.owners, setting.version) == KANAME_OWNERS_ANY;
	ret = kaname_config_zone(control, zone, "acl", &acl);
	if (ret != KANAME_IO) {
		print_zone(setup, zone, &acl);
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/*! Has any section of the module `owners: any`? */
static kaname_exit_t read_sections(setup_t *setup, kaname_control_t *control)
{
	kaname_items_t owners = { 0 };
	kaname_exit_t ret = kaname_items_read(control, "mod-aname", "owners", &owners);
	for (size_t i = 0; i < owners.count; i++) {
		setup->any |= strcmp(owners.at[i].value, "any") == 0;
	}
	kaname_items_free(&owners);
	return ret;
}

/*! Where all zones go by one template, and where one is named. */
static kaname_exit_t read_template(setup_t *setup, kaname_control_t *control)
{
	static kaname_values_t acl;
	kaname_exit_t ret = read_sections(setup, control);
	if (ret == KANAME_OK) {
		ret = kaname_config_read(control, "template", "default", "acl", &acl);
	}
	if (ret != KANAME_IO) {
		print_template(setup, &acl);
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

static kaname_exit_t read_zones(setup_t *setup, kaname_control_t *control)
{
	if (setup->args->count == 0) {
		return read_template(setup, control);
	}
	(void)fputs("#   zone:\n", setup->zones);
	kaname_exit_t ret = KANAME_OK;
	for (int i = 0; i < setup->args->count && ret == KANAME_OK; i++) {
		ret = read_zone(setup, control, setup->args->arguments[i]);
	}
	return ret;
}

static kaname_exit_t read_server(setup_t *setup, kaname_control_t *control)
{
	static kaname_values_t listen, action;
	kaname_exit_t ret = kaname_config_read(control, "server", NULL, "listen", &listen);
	if (ret == KANAME_OK) {
		ret = find_addresses(setup, &listen);
	}
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_config_read(control, "acl", NAME, "action", &action);
	setup->is_there = ret == KANAME_OK && action.count > 0 && !setup->elsewhere;
	return ret == KANAME_IO ? ret : read_zones(setup, control);
}

/*! What is usual. */
static kaname_exit_t suppose(setup_t *setup)
{
	static const kaname_values_t none;
	kaname_exit_t ret = find_addresses(setup, &none);
	if (setup->args->count == 0) {
		print_template(setup, &none);
		return ret;
	}
	(void)fputs("#   zone:\n", setup->zones);
	for (int i = 0; i < setup->args->count; i++) {
		print_zone(setup, setup->args->arguments[i], &none);
	}
	return ret;
}

static kaname_exit_t check_zones(const kaname_args_t *args)
{
	for (int i = 0; i < args->count; i++) {
		knot_dname_storage_t name;
		if (kaname_name_read(name, args->arguments[i]) == NULL) {
			kaname_error("'%s' is no domain name", args->arguments[i]);
			return KANAME_NO;
		}
	}
	return KANAME_OK;
}

/* What is printed. */

static void print_addresses(const setup_t *setup)
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

static void print_sections(const setup_t *setup)
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
	(void)printf("\nkey:\n  - id: " NAME "\n    algorithm: " ALGORITHM "\n    secret: %s\n",
	             setup->secret);
	(void)printf("\nacl:\n  - id: " NAME "\n    key: " NAME "\n");
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

static void print_key_file(const setup_t *setup)
{
	(void)printf("\n# The one line of the key file, " KANAME_KEY_DEFAULT
	             ", which only root may read\n"
	             "# (mode 0600) and kaname-follow.service is given:\n"
	             "#\n#   " ALGORITHM ":" NAME ":%s\n",
	             setup->secret);
}

/*! The same for primaries of another kind. */
static void print_others(const setup_t *setup)
{
	(void)printf("\n# If the primary is BIND, for named.conf, the last line in each zone:\n#\n"
	             "#   key \"" NAME "\" { algorithm " ALGORITHM "; secret \"%s\"; };\n"
	             "#   update-policy { grant " NAME " %s A AAAA; };\n",
	             setup->secret, setup->any ? "zonesub" : "name ZONE");
	const char *from = setup->addresses_count > 0 ? setup->addresses[0] : "ADDRESS";
	(void)printf("\n# If it is PowerDNS, `dnsupdate=yes` and `allow-dnsupdate-from=%s` in "
	             "pdns.conf, and:\n#\n"
	             "#   pdnsutil import-tsig-key " NAME " " ALGORITHM " %s\n"
	             "#   pdnsutil set-meta ZONE TSIG-ALLOW-DNSUPDATE " NAME "\n"
	             "#   pdnsutil set-meta ZONE ALLOW-DNSUPDATE-FROM %s\n"
	             "#\n# It does not tell types and owners apart: the key may change all of the "
	             "zone.\n",
	             from, setup->secret, from);
}

static kaname_exit_t prepare(setup_t *setup)
{
	kaname_control_t control;
	setup->asked = kaname_control_try(&control, setup->args) == KNOT_EOK;
	if (!setup->asked) {
		return suppose(setup);
	}
	kaname_exit_t ret = read_server(setup, &control);
	kaname_control_close(&control);
	return ret;
}

kaname_exit_t kaname_follow_setup(const kaname_args_t *args)
{
	setup_t setup = { .args = args };
	char *zones = NULL;
	size_t len;
	kaname_exit_t ret = check_zones(args);
	if (ret != KANAME_OK) {
		return ret;
	}
	setup.zones = open_memstream(&zones, &len);
	if (setup.zones == NULL) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	ret = make_secret(&setup);
	if (ret == KANAME_OK) {
		ret = prepare(&setup);
	}
	bool written = fclose(setup.zones) == 0;
	if (ret == KANAME_OK && !written) {
		kaname_error("out of memory");
		ret = KANAME_IO;
	} else if (ret == KANAME_OK) {
		print_sections(&setup);
		print_zones(zones);
		print_key_file(&setup);
		if (args->primary != NULL) {
			print_others(&setup);
		}
	}
	free(zones);
	return ret;
}
