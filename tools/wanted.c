#include "wanted.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "protocol.h"

bool kaname_target_of(const kaname_record_t *record, knot_dname_txt_storage_t text)
{
	knot_dname_storage_t lower;
	if (!record->good) {
		return false;
	}
	memcpy(lower, record->target, knot_dname_size(record->target));
	knot_dname_to_lower(lower);
	return knot_dname_to_str(text, lower, sizeof(knot_dname_txt_storage_t)) != NULL;
}

kaname_exit_t kaname_wants_add(kaname_wants_t *wants, const char *name, const char *owner)
{
	if (wants->count == wants->size) {
		size_t size = wants->size > 0 ? 2 * wants->size : 8;
		kaname_wanted_t *at = realloc(wants->at, size * sizeof(*at));
		wants->at = at != NULL ? at : wants->at;
		wants->size = at != NULL ? size : wants->size;
	}
	kaname_wanted_t wanted = { .name = strdup(name),
		                   .owner = owner != NULL ? strdup(owner) : NULL };
	if (wants->count == wants->size || wanted.name == NULL ||
	    (owner != NULL && wanted.owner == NULL)) {
		free(wanted.name);
		free(wanted.owner);
		kaname_error("out of memory");
		return KANAME_IO;
	}
	wants->at[wants->count++] = wanted;
	return KANAME_OK;
}

kaname_exit_t kaname_wants_add_records(kaname_wants_t *wants, const kaname_records_t *records)
{
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < records->count && ret == KANAME_OK; i++) {
		knot_dname_txt_storage_t target;
		if (records->at[i].hidden == NULL && kaname_target_of(&records->at[i], target)) {
			ret = kaname_wants_add(wants, target, records->at[i].owner);
		}
	}
	return ret;
}

static int compare(const void *one, const void *other)
{
	return strcmp(((const kaname_wanted_t *)one)->name, ((const kaname_wanted_t *)other)->name);
}

void kaname_wants_sort(kaname_wants_t *wants)
{
	size_t kept = 0;
	if (wants->count > 1) {
		qsort(wants->at, wants->count, sizeof(*wants->at), compare);
	}
	for (size_t i = 0; i < wants->count; i++) {
		if (kept == 0 || compare(&wants->at[kept - 1], &wants->at[i]) != 0) {
			wants->at[kept++] = wants->at[i];
		} else {
			free(wants->at[i].name);
			free(wants->at[i].owner);
		}
	}
	wants->count = kept;
}

kaname_wanted_t *kaname_wants_find(const kaname_wants_t *wants, const char *name)
{
	const kaname_wanted_t key = { .name = (char *)name };
	return wants->count > 0
	               ? bsearch(&key, wants->at, wants->count, sizeof(*wants->at), compare)
	               : NULL;
}

size_t kaname_wants_write(const kaname_wants_t *wants, size_t from, char *request)
{
	size_t len = strlen(request), count = 0;
	while (count < ANAME_STATUS_NAMES && from + count < wants->count) {
		const char *name = wants->at[from + count].name;
		size_t more = strlen(name) + 1;
		/* The line's end and a zero follow. */
		if (len + more + 2 > ANAME_STATUS_REQUEST_MAX) {
			break;
		}
		request[len] = ' ';
		memcpy(request + len + 1, name, more);
		len += more;
		count++;
	}
	request[len] = '\n';
	request[len + 1] = '\0';
	return count;
}

void kaname_wants_free(kaname_wants_t *wants)
{
	for (size_t i = 0; i < wants->count; i++) {
		free(wants->at[i].name);
		free(wants->at[i].owner);
	}
	free(wants->at);
	*wants = (kaname_wants_t){ 0 };
}
