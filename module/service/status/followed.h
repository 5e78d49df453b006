/*!
 * \brief The request follow: answers which addresses owners have, and tells when that may be others, for
 *        as long as the client stays.  [U]
 *
 * Very many questions may be sent at once. A page of answers is made at a time, or as much as half a
 * millisecond allows, and no more questions are read than fit into memory of a fixed size until answers
 * are taken. What waits to be told of changes is bounded, too; where it is too much that is told instead.
 * So whoever does not read holds up nobody, and is not dropped unless another one wants its place.
 *
 * Thread: service.
 */

#pragma once

#include "service/status/conversation.h"

/*! Answers, and tells, from now on. */
void aname_client_follow(aname_client_t *client);
