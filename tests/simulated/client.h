/*!
 * \brief Who asks: for some time again and again, and then for some time not at all.
 */

#pragma once

#include "server.h"

typedef struct client {
	loop_event_t event;
	target_t *target;
	struct client *next; /*!< Of the same target. */
	section_t section;
	uint32_t ttl; /*!< Of the ANAME record. */
	uint32_t zone;
	int64_t pause_ms; /*!< Between two questions, at most. */
	unsigned of_1000; /*!< How much of the time it asks. */
	bool active;
	int64_t change_ms; /*!< When it begins to ask, or ends. */
	int64_t warm_ms;   /*!< Since when it has not paused for longer than `idle`. */
	int64_t asked_ms, saved_asked_ms; /*!< When it asked last; 0: never. */
} client_t;

typedef struct {
	client_t *at;
	unsigned count;
	uint64_t questions;
	bool stopped;
} clients_t;

extern clients_t clients;

/*! Makes those who ask for the world's targets. */
void clients_begin(void);

/*! Nobody asks any more. */
void clients_stop(void);

void clients_end(void);

/*! A client asks, out of its turn; what its target is worth, good until server_leave(). */
aname_part_t client_ask(client_t *client);

/*! Is its target to be kept fresh for it? */
bool client_is_warm(const client_t *client);
