#include "check/layout.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"

#define MODULE    "mod-aname"
#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

static void take_catalog(void *ctx, knot_ctl_data_t *data)
{
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE], *value = (*data)[KNOT_CTL_IDX_DATA],
	           *type = (*data)[KNOT_CTL_IDX_TYPE];
	/* Its name ends in a dot, or else it is a role. */
	if (zone != NULL && value != NULL && type != NULL && strcmp(type, "catalog") == 0 &&
	    value[0] != '\0' && value[strlen(value) - 1] == '.') {
		(void)kaname_items_add(ctx, zone, value);
	}
}

/*! Which zones come from which catalog; asked only where there are some. */
static kaname_exit_t read_catalogs(kaname_control_t *control, kaname_layout_t *layout)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status", [KANAME_CTL_IDX_FILTER] = "c" };
	if (layout->catalog_templates.count == 0) {
		return KANAME_OK;
	}
	if (kaname_control_ask(control, &ask, take_catalog, &layout->catalogs) == KANAME_IO) {
		return KANAME_IO;
	}
	kaname_items_sort(&layout->catalogs);
	return KANAME_OK;
}

/*! A zone that has contents has a serial. */
static void take_unloaded(void *ctx, knot_ctl_data_t *data)
{
	const char *zone = (*data)[KNOT_CTL_IDX_ZONE], *value = (*data)[KNOT_CTL_IDX_DATA],
	           *type = (*data)[KNOT_CTL_IDX_TYPE];
	if (zone != NULL && value != NULL && type != NULL && strcmp(type, "serial") == 0 &&
	    !isdigit((unsigned char)value[0])) {
		(void)kaname_items_add(ctx, zone, value);
	}
}

static kaname_exit_t read_unloaded(kaname_control_t *control, kaname_layout_t *layout)
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-status", [KANAME_CTL_IDX_FILTER] = "s" };
	if (kaname_control_ask(control, &ask, take_unloaded, &layout->unloaded) == KANAME_IO) {
		return KANAME_IO;
	}
	kaname_items_sort(&layout->unloaded);
	return KANAME_OK;
}

kaname_exit_t kaname_layout_read(kaname_control_t *control, kaname_layout_t *layout)
{
	const struct {
		const char *section, *item;
		kaname_items_t *items;
	} reads[] = {
		{ MODULE, NULL, &layout->sections },
		{ MODULE, "resolver", &layout->resolver },
		{ MODULE, "via", &layout->via },
		{ MODULE, "target-dnssec", &layout->secure },
		{ MODULE, "allow-target", &layout->allow },
		{ MODULE, "deny-target", &layout->deny },
		{ MODULE, "prefer", &layout->prefer },
		{ MODULE, "status-socket", &layout->status_socket },
		{ MODULE, "state-file", &layout->state_file },
		{ "zone", "module", &layout->zone_modules },
		{ "zone", "template", &layout->zone_template },
		{ "zone", "catalog-template", &layout->catalog_templates },
		{ "template", NULL, &layout->templates },
		{ "template", "module", &layout->template_modules },
		{ "template", "global-module", &layout->global_modules },
	};
	kaname_exit_t ret = kaname_config_read(control, "server", NULL, "listen", &layout->listen);
	for (size_t i = 0; i < COUNT(reads) && ret != KANAME_IO; i++) {
		ret = kaname_items_read(control, reads[i].section, reads[i].item, reads[i].items);
	}
	ret = ret != KANAME_IO ? read_unloaded(control, layout) : ret;
	return ret != KANAME_IO ? read_catalogs(control, layout) : ret;
}

void kaname_layout_free(kaname_layout_t *layout)
{
	kaname_items_t *const all[] = {
		&layout->sections,
		&layout->resolver,
		&layout->via,
		&layout->secure,
		&layout->allow,
		&layout->deny,
		&layout->prefer,
		&layout->status_socket,
		&layout->state_file,
		&layout->zone_modules,
		&layout->zone_template,
		&layout->templates,
		&layout->global_modules,
		&layout->template_modules,
		&layout->catalog_templates,
		&layout->catalogs,
		&layout->unloaded,
	};
	for (size_t i = 0; i < COUNT(all); i++) {
		kaname_items_free(all[i]);
	}
}

/* Lists of modules. */

/*! Is a value of a list a reference to a module? */
static bool is_module(const char *value, const char *module)
{
	size_t len = strlen(module);
	return strncmp(value, module, len) == 0 && (value[len] == '\0' || value[len] == '/');
}

static void take_list(kaname_listed_t *listed, const kaname_item_t *at, size_t count)
{
	bool onlinesign = false;
	for (size_t i = 0; i < count; i++) {
		if (is_module(at[i].value, MODULE)) {
			const char *id = strchr(at[i].value, '/');
			listed->id = listed->times == 0 && id != NULL ? id + 1 : listed->id;
			listed->before |= listed->times == 0 && onlinesign;
			listed->times++;
		}
		listed->alias |= is_module(at[i].value, "mod-alias");
		onlinesign |= is_module(at[i].value, "mod-onlinesign");
	}
}

/*! The template that a zone goes by; NULL: it cannot be told. */
static const char *template_of(const kaname_layout_t *layout, const char *zone)
{
	size_t count;
	const kaname_item_t *at = kaname_items_find(&layout->catalogs, zone, &count);
	if (at != NULL) {
		at = kaname_items_find(&layout->catalog_templates, at->value, &count);
		/* Of several a group chooses. */
		return count == 1 ? at->value : NULL;
	}
	at = kaname_items_find(&layout->zone_template, zone, &count);
	return at != NULL ? at->value : "default";
}

kaname_listed_t kaname_layout_zone(const kaname_layout_t *layout, const char *zone)
{
	kaname_listed_t listed = { .known = true, .where = "zone", .whose = zone };
	size_t count;
	const kaname_item_t *at = kaname_items_find(&layout->zone_modules, zone, &count);
	if (at == NULL) {
		const char *template = template_of(layout, zone);
		listed.known = template != NULL;
		listed.where = "template";
		listed.whose = template;
		at = template != NULL
		             ? kaname_items_find(&layout->template_modules, template, &count)
		             : NULL;
	}
	take_list(&listed, at, at != NULL ? count : 0);
	return listed;
}

static bool names(const kaname_items_t *modules, const char *section)
{
	for (size_t i = 0; i < modules->count; i++) {
		const char *value = modules->at[i].value;
		const char *id = strchr(value, '/');
		if (is_module(value, MODULE) && id != NULL && strcmp(id + 1, section) == 0) {
			return true;
		}
	}
	return false;
}

bool kaname_layout_uses(const kaname_layout_t *layout, const char *section)
{
	return names(&layout->zone_modules, section) || names(&layout->template_modules, section) ||
	       names(&layout->global_modules, section);
}

/* Which targets sections take. */

/*! Is a target at or below one of these suffixes? `any` is set if there are some. */
static bool is_below(const kaname_items_t *suffixes, const char *section,
                     const knot_dname_t *target, bool *any)
{
	size_t count = 0;
	const kaname_item_t *at =
	        section != NULL ? kaname_items_find(suffixes, section, &count) : NULL;
	*any = at != NULL;
	for (size_t i = 0; at != NULL && i < count; i++) {
		knot_dname_storage_t suffix;
		if (knot_dname_from_str(suffix, at[i].value, sizeof(suffix)) == NULL) {
			continue;
		}
		knot_dname_to_lower(suffix);
		if (knot_dname_in_bailiwick(target, suffix) >= 0) {
			return true;
		}
	}
	return false;
}

const char *kaname_layout_denies(const kaname_layout_t *layout, const char *section,
                                 const knot_dname_t *target)
{
	bool any;
	if (is_below(&layout->deny, section, target, &any)) {
		return "deny-target";
	}
	return !is_below(&layout->allow, section, target, &any) && any ? "allow-target" : NULL;
}

/* Whom sections ask. */

/*! Appends ADDRESS@PORT as the module writes it. */
static void add_server(kaname_source_t *source, const char *text)
{
	char address[INET6_ADDRSTRLEN] = "";
	uint8_t octets[16];
	size_t len = strcspn(text, "@"), used = strlen(source->resolver);
	if (len < sizeof(address)) {
		memcpy(address, text, len);
		int family = strchr(address, ':') != NULL ? AF_INET6 : AF_INET;
		if (inet_pton(family, address, octets) == 1) {
			(void)inet_ntop(family, octets, address, sizeof(address));
		}
	}
	(void)snprintf(source->resolver + used, sizeof(source->resolver) - used, "%s%s@%s",
	               used > 0 ? "," : "", address, text[len] == '@' ? text + len + 1 : "53");
}

/*! The address from which a family is asked is written after that of IPv4. */
static void add_via(kaname_source_t *source, const kaname_item_t *at, size_t count, bool ipv6)
{
	for (size_t i = 0; i < count; i++) {
		size_t used = strlen(source->via);
		if ((strchr(at[i].value, ':') != NULL) == ipv6) {
			(void)snprintf(source->via + used, sizeof(source->via) - used, "%s%s",
			               used > 0 ? "," : "", at[i].value);
		}
	}
}

void kaname_layout_source(const kaname_layout_t *layout, const char *section,
                          kaname_source_t *source)
{
	size_t count = 0;
	*source = (kaname_source_t){ .secure = false };
	const kaname_item_t *at =
	        section != NULL ? kaname_items_find(&layout->resolver, section, &count) : NULL;
	if (at == NULL) {
		/* Then the others have no effect. */
		(void)snprintf(source->resolver, sizeof(source->resolver), ANAME_RESOLVER_SYSTEM);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		add_server(source, at[i].value);
	}
	at = kaname_items_find(&layout->via, section, &count);
	add_via(source, at, count, false);
	add_via(source, at, count, true);
	at = kaname_items_find(&layout->secure, section, &count);
	source->secure = at != NULL && strcmp(at->value, "secure") == 0;
}
