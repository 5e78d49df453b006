#include "table/definition.h"

#include <stdlib.h>
#include <string.h>

/*! The greatest identity of those that ask the same; 0 if there is none. */
static uint32_t greatest_alike(const aname_definitions_t *definitions, const aname_probe_t *probe)
{
	uint32_t greatest = 0;
	for (const aname_definition_t *definition = definitions->first; definition != NULL;
	     definition = definition->next) {
		if (aname_probe_is_alike(&definition->probe, probe) && definition->id > greatest) {
			greatest = definition->id;
		}
	}
	return greatest;
}

static uint32_t new_id(aname_definitions_t *definitions, const aname_probe_t *probe)
{
	uint32_t greatest = greatest_alike(definitions, probe);
	return greatest != 0 && aname_definition_alike(greatest, greatest + 1)
	               ? greatest + 1
	               : ++definitions->questions << ANAME_DEFINITION_VARIANT_BITS;
}

aname_definition_t *aname_definition_find(aname_definitions_t *definitions,
                                          const aname_probe_t *probe)
{
	aname_definition_t *definition = definitions->first;
	while (definition != NULL && memcmp(&definition->probe, probe, sizeof(*probe)) != 0) {
		definition = definition->next;
	}
	if (definition != NULL) {
		return definition;
	}
	definition = calloc(1, sizeof(*definition));
	if (definition != NULL) {
		definition->probe = *probe;
		definition->id = new_id(definitions, probe);
		definition->next = definitions->first;
		definitions->first = definition;
	}
	return definition;
}

aname_definition_t *aname_definition_take_out(aname_definitions_t *definitions, int64_t now_ms)
{
	for (aname_definition_t **at = &definitions->first; *at != NULL; at = &(*at)->next) {
		aname_definition_t *definition = *at;
		if (definition->holders == 0 && definition->unheld_ms != 0 &&
		    now_ms - definition->unheld_ms >= ANAME_DEFINITION_KEEP_MS) {
			*at = definition->next;
			return definition;
		}
	}
	return NULL;
}
