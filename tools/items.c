#include "items.h"

#include <stdlib.h>
#include <string.h>

bool kaname_items_add(kaname_items_t *items, const char *id, const char *value)
{
	if (items->count == items->size) {
		size_t size = items->size > 0 ? 2 * items->size : 16;
		kaname_item_t *at = realloc(items->at, size * sizeof(*at));
		if (at == NULL) {
			items->failed = true;
			return false;
		}
		items->at = at;
		items->size = size;
	}
	const kaname_item_t item = { .id = strdup(id),
		                     .value = strdup(value),
		                     .place = items->count };
	if (item.id == NULL || item.value == NULL) {
		free(item.id);
		free(item.value);
		items->failed = true;
		return false;
	}
	items->at[items->count++] = item;
	return true;
}

static int compare(const void *one, const void *other)
{
	const kaname_item_t *a = one, *b = other;
	int order = strcmp(a->id, b->id);
	return order != 0 ? order : (a->place > b->place) - (a->place < b->place);
}

void kaname_items_sort(kaname_items_t *items)
{
	if (items->count > 1) {
		qsort(items->at, items->count, sizeof(*items->at), compare);
	}
}

void kaname_items_free(kaname_items_t *items)
{
	for (size_t i = 0; i < items->count; i++) {
		free(items->at[i].id);
		free(items->at[i].value);
	}
	free(items->at);
	*items = (kaname_items_t){ .at = NULL };
}

static void take_unit(void *ctx, knot_ctl_data_t *data)
{
	const char *id = (*data)[KNOT_CTL_IDX_ID], *value = (*data)[KNOT_CTL_IDX_DATA];
	if (id != NULL) {
		(void)kaname_items_add(ctx, id, value != NULL ? value : id);
	}
}

kaname_exit_t kaname_items_read(kaname_control_t *control, const char *section, const char *item,
                                kaname_items_t *items)
{
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = item != NULL ? "conf-read" : "conf-list",
		[KNOT_CTL_IDX_SECTION] = section,
		[KNOT_CTL_IDX_ITEM] = item,
	};
	/* There need not be such a section, nor this item in every release. */
	if (kaname_control_ask(control, &ask, take_unit, items) == KANAME_IO) {
		return KANAME_IO;
	}
	if (items->failed) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	kaname_items_sort(items);
	return KANAME_OK;
}

const kaname_item_t *kaname_items_find(const kaname_items_t *items, const char *id, size_t *count)
{
	size_t low = 0, high = items->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(items->at[middle].id, id) < 0) {
			low = middle + 1;
		} else {
			high = middle;
		}
	}
	*count = 0;
	while (low + *count < items->count && strcmp(items->at[low + *count].id, id) == 0) {
		(*count)++;
	}
	return *count > 0 ? &items->at[low] : NULL;
}
