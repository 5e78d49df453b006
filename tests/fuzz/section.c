#include "section.h"

#include "fuzz.h"

#include <netinet/in.h>

#include <libknot/errcode.h>
#include <libknot/version.h>
#include <libknot/yparser/yptrafo.h>

#include "conf/knotd.h"

#define NAME "\x09mod-aname"

/*! From 3.5.5 on an address may have a device. */
#if KNOT_VERSION_HEX >= 0x030505
#define DEVICE , NULL
#else
#define DEVICE
#endif

static void keep(section_t *section, const yp_node_t *node)
{
	bool multi = node->item->flags & YP_FMULTI;
	for (size_t i = 0; i < section->count; i++) {
		section_value_t *value = &section->at[i];
		if (value->item == node->item && !multi) {
			free(value->data); /* The last one counts. */
			*value = section->at[--section->count];
			break;
		}
		if (value->item == node->item && value->len == node->data_len &&
		    memcmp(value->data, node->data, node->data_len) == 0) {
			return; /* Knot keeps a value once. */
		}
	}
	section_value_t *value = &section->at[section->count++];
	*value = (section_value_t){ node->item, node->data_len, malloc(node->data_len + 1) };
	memcpy(value->data, node->data, node->data_len);
}

bool section_read(section_t *section, const yp_item_t *items, const char *text, size_t len)
{
	const yp_item_t root[2] = {
		{ .name = NAME, .type = YP_TGRP, .var.g.sub_items = items },
	};
	static yp_parser_t parser;
	*section = (section_t){ .count = 0 };
	require(yp_schema_copy(&section->schema, root) == KNOT_EOK);
	yp_check_ctx_t *ctx = yp_schema_check_init(&section->schema);
	require(ctx != NULL);
	yp_init(&parser);
	require(yp_set_input_string(&parser, text, len) == KNOT_EOK);
	int ret;
	while ((ret = yp_parse(&parser)) == KNOT_EOK && section->count < SECTION_VALUES &&
	       (ret = yp_schema_check_parser(ctx, &parser)) == KNOT_EOK) {
		const yp_node_t *node = &ctx->nodes[ctx->current];
		if (parser.event == YP_EKEY1 && node->data_len > 0) {
			keep(section, node);
		}
	}
	yp_deinit(&parser);
	yp_schema_check_deinit(ctx);
	return ret == KNOT_EOF;
}

void section_free(section_t *section)
{
	for (size_t i = 0; i < section->count; i++) {
		free(section->at[i].data);
	}
	yp_schema_free(section->schema);
}

knotd_mod_t *section_mod(section_t *section)
{
	return (knotd_mod_t *)section;
}

knotd_conf_check_args_t section_args(section_t *section)
{
	knotd_conf_check_args_t args = { .extra = (struct knotd_conf_check_extra *)section };
	return args;
}

/* As knotd makes values of what it has read. */

static void set_net(knotd_conf_val_t *out, const uint8_t *data)
{
	out->addr = yp_addr_noport(data DEVICE);
	out->addr_max.ss_family = AF_UNSPEC;
	out->addr_mask = -1;
	const uint8_t *format = data + 1 + (out->addr.ss_family == AF_INET ? 4 : 16);
	if (*format == 1) {
		out->addr_mask = (int)yp_int(format + 1);
	} else if (*format == 2) {
		out->addr_max = yp_addr_noport(format + 1 DEVICE);
	}
}

static void set_address(knotd_conf_val_t *out, const yp_item_t *item, const uint8_t *data)
{
	bool no_port;
	out->addr = yp_addr(data, &no_port DEVICE);
	uint16_t port = htons(item->var.a.dflt_port);
	if (no_port && out->addr.ss_family == AF_INET) {
		((struct sockaddr_in *)&out->addr)->sin_port = port;
	} else if (no_port && out->addr.ss_family == AF_INET6) {
		((struct sockaddr_in6 *)&out->addr)->sin6_port = port;
	}
}

/*! \param data  NULL: the default. */
static void set_value(knotd_conf_val_t *out, const yp_item_t *item, const uint8_t *data)
{
	switch (item->type) {
	case YP_TINT: out->integer = data != NULL ? yp_int(data) : item->var.i.dflt; break;
	case YP_TBOOL: out->boolean = data != NULL ? yp_bool(data) : item->var.b.dflt; break;
	case YP_TOPT: out->option = data != NULL ? yp_opt(data) : item->var.o.dflt; break;
	case YP_TSTR: out->string = data != NULL ? yp_str(data) : item->var.s.dflt; break;
	case YP_TDNAME: out->dname = data; break;
	case YP_TADDR: set_address(out, item, data); break;
	case YP_TNET: set_net(out, data); break;
	default: require(false);
	}
}

knotd_conf_t section_values(const section_t *section, const yp_name_t *name)
{
	const yp_item_t *item = yp_schema_find(name, (const yp_name_t *)NAME, section->schema);
	knotd_conf_t out = { .count = 0 };
	size_t count = 0;
	require(item != NULL);
	bool multi = item->flags & YP_FMULTI;
	for (size_t i = 0; i < section->count; i++) {
		count += section->at[i].item == item;
	}
	if (multi && count > 0) {
		out.multi = calloc(count, sizeof(*out.multi));
	} else if (!multi && count == 0) {
		set_value(&out.single, item, NULL);
	}
	for (size_t i = 0; i < section->count; i++) {
		if (section->at[i].item == item) {
			set_value(multi ? &out.multi[out.count] : &out.single, item,
			          section->at[i].data);
			out.count++;
		}
	}
	return out;
}

/* What conf/ calls: knotd's own, and what it asks of the rest of the configuration. */

knotd_conf_t knotd_conf_check_item(knotd_conf_check_args_t *args, const yp_name_t *item_name)
{
	return section_values((const section_t *)args->extra, item_name);
}

knotd_conf_t knotd_conf_mod(knotd_mod_t *mod, const yp_name_t *item_name)
{
	return section_values((const section_t *)mod, item_name);
}

void knotd_conf_free(knotd_conf_t *conf)
{
	if (conf != NULL) {
		free(conf->multi);
		memset(conf, 0, sizeof(*conf));
	}
}

void aname_conf_storage(knotd_mod_t *mod, char *directory, size_t size)
{
	(void)snprintf(directory, size, "/var/lib/knot");
}

const char *aname_conf_rundir(knotd_mod_t *mod)
{
	return "/run/knot";
}

bool aname_conf_rotation(knotd_mod_t *mod)
{
	return false;
}

void knotd_mod_log(knotd_mod_t *mod, int priority, const char *fmt, ...)
{
}
