/*!
 * \brief Events, for those who watch them happen.  [P]
 *
 * Each who watches has a ring of lines that wait to be sent. What does not fit is left out, and
 * counted: a line says how many were, where they would have been. So whoever reads slowly, or not at
 * all, loses events of its own and holds up nothing.
 *
 * What is logged and what is told here comes from the same places (log/events.c). It is not limited as
 * the log is, and waits for no query.
 *
 * While nobody watches an event costs one comparison.
 *
 * Thread: service, all of it.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <libknot/dname.h>

#include "protocol.h"

/*! Longest line, its end included. */
#define ANAME_WATCH_LINE_MAX 8192
/*! Octets that may wait for one who watches. */
#define ANAME_WATCH_RING     65536

typedef struct aname_watcher aname_watcher_t;

/*! One who watches. */
struct aname_watcher {
	aname_watcher_t *next;
	/*! Does it watch this target? NULL: it watches all. */
	bool (*wants)(const void *ctx, const knot_dname_t *target);
	void (*ready)(void *ctx); /*!< There is something to take. May end the watching. */
	void *ctx;
	bool takes;    /*!< The event that is being told. */
	uint64_t lost; /*!< Events since the last line. */
	size_t first, len;
	char ring[ANAME_WATCH_RING];
};

/*! All who watch. All zeros: nobody does. */
typedef struct {
	aname_watcher_t *first;
} aname_watch_t;

/*! Does anybody watch? */
static inline bool aname_watch_any(const aname_watch_t *watch)
{
	return watch->first != NULL;
}

/*! Adds one, whose `wants`, `ready` and `ctx` are set and all else is zero; it is the caller's and
 *  stays where it is until it is removed. */
void aname_watch_add(aname_watch_t *watch, aname_watcher_t *watcher);

/*! Removes it, if it is there. */
void aname_watch_remove(aname_watch_t *watch, aname_watcher_t *watcher);

/*! Takes whole lines, as many as fit; returns how many octets. There is more as long as that is not
 *  0, if there is room for ANAME_WATCH_LINE_MAX octets. */
size_t aname_watcher_take(aname_watcher_t *watcher, char *to, size_t size);

/* Telling. */

/*! An event that is being told. */
typedef struct {
	aname_watch_t *watch;
	size_t len;
	char text[ANAME_WATCH_LINE_MAX];
} aname_watch_line_t;

/*! Whom an event about a target concerns. */
typedef enum {
	ANAME_WATCH_ALL,   /*!< Those who watch all targets, or this one. */
	ANAME_WATCH_NAMED, /*!< Those who watch some targets, and this one. */
} aname_watch_whom_t;

/*!
 * \brief Begins an event.
 *
 * \param event   What it is: one word of protocol.h.
 * \param target  Its target's name, which becomes a field; NULL: it concerns all who watch.
 *
 * \return false if nobody wants it, or has room for it: then it is not to be ended.
 */
__attribute__((warn_unused_result)) bool aname_watch_begin(aname_watch_line_t *line,
                                                           aname_watch_t *watch, const char *event,
                                                           const knot_dname_t *target,
                                                           aname_watch_whom_t whom);

/*! Adds a field; what no value can have is replaced, and what does not fit is left out. */
__attribute__((format(printf, 3, 4))) void aname_watch_field(aname_watch_line_t *line,
                                                             const char *key, const char *format,
                                                             ...);

/*! Tells it to all who want it. */
void aname_watch_end(aname_watch_line_t *line);
