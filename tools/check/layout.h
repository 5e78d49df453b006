/*!
 * \brief The configuration of the whole server, as far as the module is concerned: which zones have
 *        it in their list, by which section, and whom that asks.
 *
 * A dozen commands, however many zones there are.
 */

#pragma once

#include <netinet/in.h>
#include <stdbool.h>

#include <libknot/dname.h>

#include "config.h"
#include "items.h"

/*! Room for a list of servers. */
#define KANAME_SERVERS_TEXT_MAX 512

/*! Whom a section asks, in the words of the status socket. */
typedef struct {
	char resolver[KANAME_SERVERS_TEXT_MAX];
	char via[2 * INET6_ADDRSTRLEN + 1]; /*!< Empty: from anywhere. */
	bool secure;
} kaname_source_t;

/*! All that was read. All zeros at first. */
typedef struct {
	kaname_values_t listen;
	kaname_items_t sections; /*!< Of mod-aname. */
	kaname_items_t resolver, via, secure, allow, deny, prefer, status_socket, state_file;
	kaname_items_t zone_modules, zone_template, templates, template_modules, global_modules;
	kaname_items_t catalog_templates; /*!< By catalog. */
	kaname_items_t catalogs;          /*!< By member: its catalog. */
	kaname_items_t unloaded;          /*!< Zones without contents. */
} kaname_layout_t;

/*! What a zone's list of modules says. */
typedef struct {
	bool known;        /*!< The list is; not of some members of catalogs. */
	unsigned times;    /*!< How often this module is in it. */
	const char *id;    /*!< Of the first section; NULL: it has none. */
	bool alias;        /*!< mod-alias is there, too. */
	bool before;       /*!< mod-onlinesign stands before this one. */
	const char *where; /*!< Whose list it is: "zone", or "template" */
	const char *whose; /*!< and its identifier. */
} kaname_listed_t;

/*! Reads it; KANAME_IO is reported. To be freed in any case. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_layout_read(kaname_control_t *control,
                                                                     kaname_layout_t *layout);

void kaname_layout_free(kaname_layout_t *layout);

/*! The list of modules of a zone. */
kaname_listed_t kaname_layout_zone(const kaname_layout_t *layout, const char *zone);

/*! Does any zone or template name a section of the module? */
bool kaname_layout_uses(const kaname_layout_t *layout, const char *section);

/*! The option of a section, or NULL for none, that takes a target, in lower case, out of use; NULL: none
 *  does. */
const char *kaname_layout_denies(const kaname_layout_t *layout, const char *section,
                                 const knot_dname_t *target);

/*! Whom a section asks; NULL: what stands without one. */
void kaname_layout_source(const kaname_layout_t *layout, const char *section,
                          kaname_source_t *source);
