/*!
 * \brief What the log is told of targets and limits (BEHAVIOUR W2).  [P]
 *
 * Thread: service.
 */

#pragma once

#include <stdint.h>

#include "options.h"
#include "table/shared.h"

/*! A limit that workers or the service meet, and when it was last told. */
typedef struct {
	uint64_t told;
	int64_t told_ms;
} aname_news_limit_t;

typedef struct {
	aname_logbook_t *logbook;
	aname_news_limit_t queue, table, gate;
} aname_news_t;

/*! A target, or its answer for a subnet, has begun to fail. Published already. */
void aname_news_failure(aname_news_t *news, aname_entry_t *entry, const char *why, int64_t now_ms);

/*! A target that failed is looked up again. */
void aname_news_recovery(aname_news_t *news, const aname_entry_t *entry, int64_t now_ms);

/*! A lookup has succeeded: tells if the addresses are others, now and then. */
void aname_news_change(aname_news_t *news, aname_entry_t *entry, const aname_snapshot_t *before,
                       const aname_snapshot_t *after, int64_t now_ms);

/*! A server is told of clients' subnets, and does not say for whom its answers are. */
void aname_news_unscoped(aname_news_t *news, const aname_server_t *server, int64_t now_ms);

/*! Tells, now and then, of limits that were met since. */
void aname_news_limits(aname_news_t *news, aname_met_t *met, int64_t now_ms);
