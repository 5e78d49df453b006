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
#include "follow/setup_print.h"
#include "items.h"
#include "owner.h"
#include "setting.h"
#include "text.h"

/* The secret. */

static void encode(const uint8_t octets[KANAME_SECRET_LEN], char text[KANAME_SECRET_TEXT_MAX])
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *at = text;
	for (size_t i = 0; i < KANAME_SECRET_LEN; i += 3) {
		size_t left = KANAME_SECRET_LEN - i;
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

static kaname_exit_t make_secret(kaname_setup_t *setup)
{
	uint8_t octets[KANAME_SECRET_LEN];
	if (getrandom(octets, sizeof(octets), 0) != (ssize_t)sizeof(octets)) {
		kaname_error("there is no random number for the secret");
		return KANAME_IO;
	}
	encode(octets, setup->secret);
	return KANAME_OK;
}

/* Where updates come from. */

static void add_address(kaname_setup_t *setup, const char *address)
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
static void add_source(kaname_setup_t *setup, const struct sockaddr_storage *server)
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

static kaname_exit_t find_addresses(kaname_setup_t *setup, const kaname_values_t *listen)
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
static void print_acl(const kaname_setup_t *setup, const kaname_values_t *values)
{
	(void)fputs("#       acl: [", setup->zones);
	for (size_t i = 0; i < values->count && !setup->elsewhere; i++) {
		if (strcmp(values->at[i], KANAME_KEY_NAME) != 0) {
			(void)fprintf(setup->zones, "%s, ", values->at[i]);
		}
	}
	(void)fputs(KANAME_KEY_NAME "]\n", setup->zones);
}

static void print_template(const kaname_setup_t *setup, const char *template,
                           const kaname_values_t *acl)
{
	(void)fprintf(setup->zones, "#     - id: %s\n", template);
	print_acl(setup, acl);
}

static void print_title(const kaname_setup_t *setup, const char *section)
{
	(void)fprintf(setup->zones, "#   %s:\n", section);
}

static void print_zone(const kaname_setup_t *setup, const char *zone, const kaname_values_t *acl)
{
	(void)fprintf(setup->zones, "#     - domain: %s\n", zone);
	print_acl(setup, acl);
}

/*! Is there such a zone? It need not be loaded: the first transfer may not have come yet. */
static kaname_exit_t check_there(kaname_control_t *control, const char *zone)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status", [KNOT_CTL_IDX_ZONE] = zone };
	kaname_exit_t ret = kaname_control_ask(control, &ask, NULL, NULL);
	if (ret == KANAME_NO) {
		kaname_control_error(control, zone);
	}
	return ret;
}

static kaname_exit_t read_zone(kaname_setup_t *setup, kaname_control_t *control, const char *zone)
{
	static kaname_setting_t setting;
	static kaname_values_t acl;
	kaname_exit_t ret = check_there(control, zone);
	if (ret == KANAME_OK) {
		ret = kaname_setting_configured(control, zone, &setting);
	}
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
static kaname_exit_t read_sections(kaname_setup_t *setup, kaname_control_t *control)
{
	kaname_items_t owners = { 0 };
	kaname_exit_t ret = kaname_items_read(control, "mod-aname", "owners", &owners);
	for (size_t i = 0; i < owners.count; i++) {
		setup->any |= strcmp(owners.at[i].value, "any") == 0;
	}
	kaname_items_free(&owners);
	return ret;
}

static kaname_exit_t read_template(kaname_setup_t *setup, kaname_control_t *control,
                                   const char *template)
{
	static kaname_values_t acl;
	kaname_exit_t ret = kaname_config_read(control, "template", template, "acl", &acl);
	if (ret != KANAME_IO) {
		print_template(setup, template, &acl);
	}
	return ret == KANAME_IO ? ret : KANAME_OK;
}

/*! The templates that a catalog's members go by. */
static kaname_exit_t read_catalog(kaname_setup_t *setup, kaname_control_t *control,
                                  const char *catalog)
{
	static kaname_values_t templates;
	kaname_exit_t ret =
	        kaname_config_read(control, "zone", catalog, "catalog-template", &templates);
	if (ret == KANAME_NO) {
		kaname_error("knotd's configuration has no zone %s", catalog);
	}
	if (ret == KANAME_OK && templates.count == 0) {
		ret = read_template(setup, control, "default");
	}
	for (size_t i = 0; i < templates.count && ret == KANAME_OK; i++) {
		ret = read_template(setup, control, templates.at[i]);
	}
	return ret;
}

static kaname_exit_t read_templates(kaname_setup_t *setup, kaname_control_t *control)
{
	const kaname_args_t *args = setup->args;
	kaname_exit_t ret = read_sections(setup, control);
	print_title(setup, "template");
	if (args->catalogs_count == 0 && ret == KANAME_OK) {
		ret = read_template(setup, control, "default");
	}
	for (size_t i = 0; i < args->catalogs_count && ret == KANAME_OK; i++) {
		ret = read_catalog(setup, control, args->catalogs[i]);
	}
	return ret;
}

/*! Those that are named; else all, which go by one template. */
static kaname_exit_t read_zones(kaname_setup_t *setup, kaname_control_t *control)
{
	const kaname_args_t *args = setup->args;
	kaname_exit_t ret = KANAME_OK;
	if (args->count > 0) {
		print_title(setup, "zone");
	}
	for (int i = 0; i < args->count && ret == KANAME_OK; i++) {
		ret = read_zone(setup, control, args->arguments[i]);
	}
	if (ret == KANAME_OK && (args->count == 0 || args->catalogs_count > 0)) {
		ret = read_templates(setup, control);
	}
	return ret;
}

static kaname_exit_t read_server(kaname_setup_t *setup, kaname_control_t *control)
{
	static kaname_values_t listen, action;
	kaname_exit_t ret = kaname_config_read(control, "server", NULL, "listen", &listen);
	if (ret == KANAME_OK) {
		ret = find_addresses(setup, &listen);
	}
	if (ret != KANAME_OK) {
		return ret;
	}
	ret = kaname_config_read(control, "acl", KANAME_KEY_NAME, "action", &action);
	setup->is_there = ret == KANAME_OK && action.count > 0 && !setup->elsewhere;
	return ret == KANAME_IO ? ret : read_zones(setup, control);
}

/*! What is usual. */
static kaname_exit_t suppose(kaname_setup_t *setup)
{
	static const kaname_values_t none;
	const kaname_args_t *args = setup->args;
	kaname_exit_t ret = find_addresses(setup, &none);
	if (args->count > 0) {
		print_title(setup, "zone");
	}
	for (int i = 0; i < args->count; i++) {
		print_zone(setup, args->arguments[i], &none);
	}
	if (args->count == 0 || args->catalogs_count > 0) {
		print_title(setup, "template");
		print_template(setup, args->catalogs_count > 0 ? "TEMPLATE" : "default", &none);
	}
	return ret;
}

static bool check_name(const char *text)
{
	knot_dname_storage_t name;
	bool good = kaname_name_read(name, text) != NULL;
	if (!good) {
		kaname_error("'%s' is no domain name", text);
	}
	return good;
}

static kaname_exit_t check_zones(const kaname_args_t *args)
{
	bool good = true;
	for (int i = 0; i < args->count && good; i++) {
		good = check_name(args->arguments[i]);
	}
	for (size_t i = 0; i < args->catalogs_count && good; i++) {
		good = check_name(args->catalogs[i]);
	}
	return good ? KANAME_OK : KANAME_NO;
}

/* All of it. */

static kaname_exit_t prepare(kaname_setup_t *setup)
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
	kaname_setup_t setup = { .args = args };
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
		kaname_setup_print(&setup, zones);
	}
	free(zones);
	return ret;
}
