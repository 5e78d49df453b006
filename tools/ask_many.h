/*!
 * \brief Many questions to servers, all at once.
 *
 * Each goes over UDP, and over TCP if the reply does not fit or none comes in half of the time.
 */

#pragma once

#include <stddef.h>

#include "ask.h"

/*! A question and what comes back. */
typedef struct {
	kaname_question_t question; /*!< `tcp` and `timeout_ms` do not count. */
	kaname_answer_t answer;
	int error; /*!< Where there is no reply: errno; 0: another reason. */
	/* While it is under way. */
	int fd, state;
	uint8_t query[2 + KANAME_QUERY_MAX]; /*!< Its length before it. */
	size_t query_len;                    /*!< Without that. */
	uint8_t *reply;
	size_t got;
} kaname_asking_t;

/*! Asks them all, and waits no longer than that for all. */
void kaname_ask_many(kaname_asking_t *at, size_t count, int timeout_ms);
