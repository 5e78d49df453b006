#include "service/users.h"

#include <stdlib.h>

bool aname_users_add(aname_probed_t *probed, aname_entry_t *entry)
{
	aname_users_t *users = probed->users;
	if (users == NULL || users->count == users->room) {
		size_t room = users != NULL ? users->room * 2 : 1;
		aname_users_t *larger =
		        realloc(users, sizeof(*larger) + room * sizeof(larger->entries[0]));
		if (larger == NULL) {
			return false;
		}
		if (users == NULL) {
			*larger =
			        (aname_users_t){ .changed_ms = INT64_MIN, .logged_ms = INT64_MIN };
		}
		larger->room = room;
		probed->users = users = larger;
	}
	users->entries[users->count++] = entry;
	return true;
}

bool aname_users_remove(aname_probed_t *probed, const aname_entry_t *entry)
{
	aname_users_t *users = probed->users;
	for (size_t i = 0; users != NULL && i < users->count; i++) {
		if (users->entries[i] == entry) {
			users->entries[i] = users->entries[--users->count];
			return true;
		}
	}
	return false;
}
