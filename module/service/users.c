#include "service/users.h"

#include <stdlib.h>

/*! As an address is before anybody has it: what is known of it may be from before. */
static aname_users_t nobody(const aname_probed_t *probed)
{
	bool down = probed->verdict.health == ANAME_HEALTH_DOWN;
	return (aname_users_t){ .changed_ms = down ? probed->verdict.since_ms : INT64_MIN,
		                .was_down = down,
		                .logged_down = down,
		                .logged_ms = INT64_MIN };
}

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
			*larger = nobody(probed);
		}
		larger->room = room;
		probed->users = users = larger;
	}
	users->entries[users->count++] = entry;
	return true;
}

/*! Where a target stands among them; their number if it does not. */
static size_t find(const aname_users_t *users, const aname_entry_t *entry)
{
	size_t i = 0;
	while (i < users->count && users->entries[i] != entry) {
		i++;
	}
	return i;
}

bool aname_users_have(const aname_probed_t *probed, const aname_entry_t *entry)
{
	const aname_users_t *users = probed->users;
	return users != NULL && find(users, entry) < users->count;
}

bool aname_users_remove(aname_probed_t *probed, const aname_entry_t *entry)
{
	aname_users_t *users = probed->users;
	size_t i = users != NULL ? find(users, entry) : 0;
	if (users == NULL || i == users->count) {
		return false;
	}
	users->entries[i] = users->entries[--users->count];
	if (users->count == 0) {
		free(users);
		probed->users = NULL;
	}
	return true;
}
