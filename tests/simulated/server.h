/*!
 * \brief The server: the parts of the service as they are, with sections that come, go and change,
 *        and restarts; and what a worker does for a query.
 */

#pragma once

#include "service/refresh.h"
#include "service/state/writer.h"
#include "service/work.h"
#include "table/answer.h"
#include "world.h"

typedef enum {
	SECTION_STEADY = 0,
	SECTION_CACHE,
	SECTION_SHORT, /*!< Asks the same as the one before, and wants it newer. */
	SECTION_SYSTEM,
	SECTIONS,
} section_t;

typedef struct {
	upstream_t upstream;
	uint32_t ttl_max, stale_max, idle;
	uint32_t timeout_ms;            /*!< Changes now and then. */
	const aname_options_t *options; /*!< As they are held; NULL: they are not. */
	const aname_upstream_t *named;
} server_section_t;

typedef struct {
	uv_loop_t loop;
	aname_shared_t *shared;
	aname_refresh_t *refresh;
	server_section_t sections[SECTIONS];
	unsigned lookup_rate, max_lookups;
	unsigned restarts, reloads, suspensions;
	bool stops; /*!< It is being stopped. */
} server_t;

extern server_t server;

/*! A least and a greatest `timeout` of a section. */
#define TIMEOUT_LEAST_MS 3000
#define TIMEOUT_MOST_MS  5000
#define RETRY_MIN_S      1
#define RETRY_MAX_S      60

void server_begin(size_t targets);

void server_end(void);

/*! Gives a section other options, as a reload does. */
void server_reload(section_t section);

/*! What is known by now, as it would be on disk. Ownership: the caller's. */
aname_state_out_t server_save(void);

/*! Stops, for so long, and starts again with what was saved, which is freed, so long before. With
 *  nothing: with what is known at the end. */
void server_restart(int64_t down_ms, aname_state_out_t *saved, int64_t ago_ms);

/*! The machine sleeps. */
void server_sleep(int64_t slept_ms);

/*! A worker begins and ends to look at what is published. */
void server_enter(void);
void server_leave(void);

/*! Whom the sections ask. */
const aname_upstream_t *server_upstream(upstream_t upstream);

aname_entry_t *server_find(const target_t *target, section_t section);

/*! Judges a target as a worker does for a section. */
aname_part_t server_judge(aname_entry_t *entry, section_t section, uint32_t ttl);

/*! What a worker does for a query: judges the target, notes that it was asked for, and asks for a
 *  lookup if need be. */
aname_part_t server_ask(const target_t *target, section_t section, uint32_t ttl, uint32_t zone);
