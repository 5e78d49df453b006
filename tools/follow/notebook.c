#include "follow/notebook.h"

#include <stdlib.h>
#include <string.h>

/*! Octets of a sheet; large enough to go back to the system when it is freed. */
#define SHEET_LEN ((size_t)1 << 20)

struct kaname_sheet {
	kaname_sheet_t *next;
	size_t len, size;
	uint8_t at[];
};

uint8_t *kaname_notebook_add(kaname_notebook_t *notebook, size_t len)
{
	uint32_t head = (uint32_t)len;
	kaname_sheet_t *sheet = notebook->last;
	if (sheet == NULL || sheet->size - sheet->len < sizeof(head) + len) {
		size_t size = sizeof(head) + len > SHEET_LEN ? sizeof(head) + len : SHEET_LEN;
		sheet = malloc(sizeof(*sheet) + size);
		if (sheet == NULL) {
			notebook->failed = true;
			return NULL;
		}
		*sheet = (kaname_sheet_t){ .size = size };
		*(notebook->last != NULL ? &notebook->last->next : &notebook->first) = sheet;
		notebook->last = sheet;
	}
	uint8_t *at = sheet->at + sheet->len + sizeof(head);
	memcpy(sheet->at + sheet->len, &head, sizeof(head));
	sheet->len += sizeof(head) + len;
	return at;
}

const uint8_t *kaname_notebook_next(const kaname_notebook_t *notebook, kaname_reading_t *reading,
                                    size_t *len)
{
	if (reading->sheet == NULL) {
		reading->sheet = notebook->first;
		reading->at = 0;
	} else if (reading->at == reading->sheet->len && reading->sheet->next != NULL) {
		reading->sheet = reading->sheet->next;
		reading->at = 0;
	}
	if (reading->sheet == NULL || reading->at == reading->sheet->len) {
		return NULL;
	}
	uint32_t head;
	memcpy(&head, reading->sheet->at + reading->at, sizeof(head));
	const uint8_t *at = reading->sheet->at + reading->at + sizeof(head);
	reading->at += sizeof(head) + head;
	*len = head;
	return at;
}

void kaname_notebook_clear(kaname_notebook_t *notebook)
{
	for (kaname_sheet_t *sheet = notebook->first, *next; sheet != NULL; sheet = next) {
		next = sheet->next;
		free(sheet);
	}
	*notebook = (kaname_notebook_t){ 0 };
}
