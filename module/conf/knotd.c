#include "conf/knotd.h"

#include <stdio.h>
#include <string.h>

#include "conf/schema.h"
#include "table/clock.h"

/* Names of sections and items as knotd has them: length, then text. */
/* clang-format off */
#define KNOT_SERVER        "\x06""server"
#define KNOT_RUNDIR        "\x06""rundir"
#define KNOT_ROTATION      "\x0F""answer-rotation"
#define KNOT_CLIENT_SUBNET "\x12""edns-client-subnet"
#define KNOT_MODULE        "\x06""module"
#define KNOT_DATABASE      "\x08""database"
#define KNOT_STORAGE       "\x07""storage"
#define KNOT_KASP_DB       "\x07""kasp-db"
#define KNOT_DNSSEC_POLICY "\x0D""dnssec-policy"
#define KNOT_POLICY        "\x06""policy"
#define KNOT_KEYSTORE      "\x08""keystore"
#define KNOT_BACKEND       "\x07""backend"
#define KNOT_CONFIG        "\x06""config"
/* clang-format on */

/*! Is this module reference (a counted name, then an identifier) one to `name`? */
static bool refers_to(const knotd_conf_val_t *reference, const char *name)
{
	size_t len = strlen(name);
	return reference->data_len > len && reference->data[0] == len &&
	       memcmp(reference->data + 1, name, len) == 0;
}

/*! Takes the section that a reference names. knotd sees to it that it is there. */
static void take_section(const knotd_conf_val_t *reference, aname_origin_t *origin)
{
	size_t at = 1 + (size_t)reference->data[0];
	size_t len = reference->data_len - at;
	origin->known = len <= sizeof(origin->id);
	if (origin->known) {
		origin->id_len = len;
		memcpy(origin->id, reference->data + at, len);
	}
}

/*! Is it to a module that may answer before Knot looks? */
static bool answers_early(const knotd_conf_val_t *reference)
{
	return refers_to(reference, "mod-geoip") || refers_to(reference, "mod-dnsproxy") ||
	       refers_to(reference, "mod-whoami");
}

aname_position_t aname_conf_position(knotd_mod_t *mod, aname_origin_t *origin)
{
	aname_position_t position = { .times = 0, .onlinesign = ANAME_ONLINESIGN_NONE };
	*origin = (aname_origin_t){ .checks = aname_conf_checks(),
		                    .at_ms = aname_clock_coarse_ms(),
		                    .reader = pthread_self() };
	const knot_dname_t *zone = knotd_mod_zone(mod);
	if (zone == NULL) {
		position.times = 1;
		return position;
	}
	knotd_conf_t list = knotd_conf_zone(mod, KNOT_MODULE, zone);
	for (size_t i = 0; i < list.count; i++) {
		const knotd_conf_val_t *reference = &list.multi[i];
		if (refers_to(reference, "mod-aname")) {
			if (position.times++ == 0) {
				take_section(reference, origin);
			}
		} else if (refers_to(reference, "mod-onlinesign") &&
		           position.onlinesign == ANAME_ONLINESIGN_NONE) {
			position.onlinesign = position.times > 0 ? ANAME_ONLINESIGN_AFTER
			                                         : ANAME_ONLINESIGN_BEFORE;
		}
		position.yields |= position.times > 0 && answers_early(reference);
	}
	knotd_conf_free(&list);
	return position;
}

bool aname_conf_client_subnet(knotd_mod_t *mod)
{
	return knotd_conf(mod, KNOT_SERVER, KNOT_CLIENT_SUBNET, NULL).single.boolean;
}

bool aname_conf_rotation(knotd_mod_t *mod)
{
	return knotd_conf(mod, KNOT_SERVER, KNOT_ROTATION, NULL).single.boolean;
}

const char *aname_conf_rundir(knotd_mod_t *mod)
{
	return knotd_conf(mod, KNOT_SERVER, KNOT_RUNDIR, NULL).single.string;
}

/*! A directory on its own line behind others; `base` is put before what is not absolute. */
static void add_directory(char *list, size_t size, const char *base, const char *path)
{
	size_t len = strlen(list);
	if (path == NULL) {
		path = "";
	}
	(void)snprintf(list + len, size - len, "%s%s%s%s", len > 0 ? "\n" : "",
	               path[0] == '/' ? "" : base, path[0] == '/' ? "" : "/", path);
}

/*! The key store (or, from Knot 3.5 on, stores) of the zone's policy. */
static knotd_conf_t keystores_of(knotd_mod_t *mod, const knot_dname_t *zone)
{
	/* Without a policy there is no identifier, and then Knot's defaults are found. */
	knotd_conf_t policy = knotd_conf_zone(mod, KNOT_DNSSEC_POLICY, zone);
	return knotd_conf(mod, KNOT_POLICY, KNOT_KEYSTORE, policy.count > 0 ? &policy : NULL);
}

/*! Adds one key store's directory; false if its keys are not in files. */
static bool add_keystore(knotd_mod_t *mod, const knotd_conf_t *id, const char *base, char *list,
                         size_t size)
{
	enum { BACKEND_PEM = 1 };
	if (knotd_conf(mod, KNOT_KEYSTORE, KNOT_BACKEND, id).single.option != BACKEND_PEM) {
		return false;
	}
	const char *config = knotd_conf(mod, KNOT_KEYSTORE, KNOT_CONFIG, id).single.string;
	add_directory(list, size, base, config);
	return true;
}

void aname_conf_storage(knotd_mod_t *mod, char *directory, size_t size)
{
	directory[0] = '\0';
	add_directory(directory, size, ".",
	              knotd_conf(mod, KNOT_DATABASE, KNOT_STORAGE, NULL).single.string);
}

bool aname_conf_key_directories(knotd_mod_t *mod, char *list, size_t size)
{
	char storage[ANAME_DIRECTORIES_SIZE];
	char base[ANAME_DIRECTORIES_SIZE] = "";
	list[0] = '\0';
	const knot_dname_t *zone = knotd_mod_zone(mod);
	if (zone == NULL) {
		return false;
	}
	aname_conf_storage(mod, storage, sizeof(storage));
	add_directory(base, sizeof(base), storage,
	              knotd_conf(mod, KNOT_DATABASE, KNOT_KASP_DB, NULL).single.string);

	knotd_conf_t ids = keystores_of(mod, zone);
	bool multi = ids.multi != NULL;
	size_t count = multi ? ids.count : 1;
	bool any = false;
	for (size_t i = 0; i < count; i++) {
		const knotd_conf_t id = { .single = multi ? ids.multi[i] : ids.single };
		any |= add_keystore(mod, id.single.data != NULL ? &id : NULL, base, list, size);
	}
	if (multi) {
		knotd_conf_free(&ids);
	}
	return any;
}
