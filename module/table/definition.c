#include "table/definition.h"

#include <stdlib.h>
#include <string.h>

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
		definition->id = ++definitions->last_id;
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
