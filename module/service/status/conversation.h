/*!
 * \brief What is said to a client of the status socket: pages of lines, and when the next one may
 *        follow.  [U]
 *
 * client.h reads what a client asks. Whoever answers that fills the client's buffer and has it sent:
 * when a page is written `more` is called for the next one, until one is `done`.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>

#include <uv.h>

#include "service/status/addresses.h"
#include "service/status/backend.h"
#include "service/status/line.h"
#include "service/status/request.h"
#include "table/shared.h"

/*! Clients that wait for lookups at once. */
#define ANAME_STATUS_WAITING   4
/*! Clients that watch at once. */
#define ANAME_STATUS_WATCHERS  4
/*! Clients that follow owners at once. */
#define ANAME_STATUS_FOLLOWERS 8

typedef struct aname_client aname_client_t;

/*! The clients of a listener. Ownership: each frees itself when it is closed. */
typedef struct {
	aname_shared_t *shared;
	aname_status_backend_t backend;
	uv_loop_t *loop;
	aname_client_t *first;
	unsigned count;
	unsigned waiting;   /*!< Those that wait for lookups. */
	unsigned watchers;  /*!< Those that watch. */
	unsigned followers; /*!< Those that follow owners. */
} aname_status_clients_t;

/*! What a client is sent in one go, about; its buffer has room for one line more. */
#define ANAME_CLIENT_PAGE 8192

struct aname_client {
	uv_pipe_t pipe;
	uv_timer_t timer;
	uv_write_t write;
	aname_status_clients_t *clients;
	aname_client_t *next;
	unsigned handles;                     /*!< Not closed yet. */
	bool asked;                           /*!< Its request is read. */
	bool done;                            /*!< The last line is in the buffer. */
	bool sending;                         /*!< It stays, and has not taken a page yet. */
	void (*more)(aname_client_t *client); /*!< A page is written, and not the last one. */
	/*! It is dropped; set: it waits for lookups, watches or follows, NULL: it does not. */
	void (*let_go)(aname_client_t *client);
	int64_t progress_ms;     /*!< When it came, or took a page last. */
	aname_state_sync_t sync; /*!< It waits until what it has changed is on disk. */
	size_t force;            /*!< Which one of what is forced is next. */
	/*! Whom the zone asks that it asks for, to compare only; NULL: no matter. */
	const aname_upstream_t *upstream;
	struct aname_refreshed *refreshed; /*!< What it has had looked up; NULL: nothing. */
	struct aname_watched *watched;     /*!< What it watches; NULL: nothing. */
	struct aname_followed *followed;   /*!< What it follows; NULL: nothing. */
	aname_cursor_t cursor;
	size_t len;  /*!< Octets in `buffer`, of the request and later of the page. */
	size_t said; /*!< Those of the request, its end included; what follows it came with it. */
	aname_status_addresses_t addresses; /*!< Of the last entry, still to be written. */
	aname_status_request_t request;
	char buffer[ANAME_CLIENT_PAGE + ANAME_LINE_MAX];
};

/*! Drops the client if nothing goes on from now for too long. */
void aname_client_be_patient(aname_client_t *client);

/*! Sends what is in the buffer, even if that is nothing; who takes nothing of it for too long is
 *  dropped. May drop the client. */
void aname_client_send(aname_client_t *client);

/*! Sends an answer of one line, as aname_status_write_reply(), which is the last page. */
void aname_client_reply(aname_client_t *client, const char *word, const char *why);

/*! Hangs up; it is freed when the loop runs next. */
void aname_client_drop(aname_client_t *client);

/*! Is there one who stays as this one wants to? */
typedef bool (*aname_client_stays_f)(const aname_client_t *client);

/*!
 * \brief Makes a place for one more among those who stay, by dropping one of them if need be.
 *
 * Its place loses who has taken nothing for long; or else, to one who may change something, one who
 * may not, so that nobody else can keep those out.
 *
 * \param taken  How many there are.
 * \param most   How many there may be.
 *
 * \return false if there is no place.
 */
__attribute__((warn_unused_result)) bool aname_client_find_place(const aname_client_t *newcomer,
                                                                 aname_client_stays_f stays,
                                                                 const unsigned *taken,
                                                                 unsigned most);

/*! Is it root, or whoever runs this server, that has connected? */
bool aname_client_may_change(const aname_client_t *client);
