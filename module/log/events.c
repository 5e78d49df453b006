#include "log/events.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

#include "log/tell.h"
#include "rrtype.h"
#include "table/policy.h"

/*! A change of the same target, and a limit of the same kind, is logged this often. */
#define LOG_AGAIN_MS  60000
/*! A limit of the same kind is told this often to those who watch. */
#define TELL_AGAIN_MS 1000

static void log_event(aname_events_t *events, int priority, const char *message, int64_t now_ms)
{
	aname_logbook_write(events->logbook, priority, message, now_ms);
}

/*! Writes down a message for the logs of zones that follow the target. */
static void log_about(aname_events_t *events, const aname_entry_t *entry, int priority,
                      const char *what, int64_t now_ms)
{
	knot_dname_txt_storage_t name;
	if (knot_dname_to_str(name, aname_entry_name(entry), sizeof(name)) == NULL) {
		return;
	}
	if (!aname_budget_take(events->budget, aname_entry_zone(entry), now_ms)) {
		aname_logbook_leave_out(events->logbook);
		return;
	}
	char message[sizeof(name) + 300];
	(void)snprintf(message, sizeof(message), "target %s %s %s", name,
	               aname_family_text(entry->type), what);
	aname_logbook_write_about(events->logbook, aname_entry_name(entry), priority, message,
	                          now_ms);
}

void aname_events_subnet(aname_events_t *events, const aname_entry_t *entry, const char *why,
                         int64_t now_ms)
{
	aname_tell_subnet(events->watch, entry, why);
	aname_entry_t *target = entry->subnet_entry->target;
	aname_subnets_t *subnets = atomic_load(&target->subnets);
	if (target->plan.failures > 0 ||
	    (subnets->logged_ms != 0 && now_ms - subnets->logged_ms < LOG_AGAIN_MS)) {
		return;
	}
	subnets->logged_ms = now_ms;
	char what[200];
	(void)snprintf(what, sizeof(what), "fails for a client subnet (%s)", why);
	log_about(events, target, LOG_WARNING, what, now_ms);
}

/*! Writes the first few addresses as text. */
static void list_addresses(const aname_snapshot_t *snapshot, char *text, size_t size)
{
	size_t used = 0;
	knot_rdataset_t set = aname_snapshot_rdataset(snapshot);
	knot_rdata_t *rdata = set.rdata;
	for (unsigned i = 0; i < set.count && i < 4; i++, rdata = knot_rdataset_next(rdata)) {
		char address[INET6_ADDRSTRLEN];
		inet_ntop(rdata->len == 4 ? AF_INET : AF_INET6, rdata->data, address,
		          sizeof(address));
		used += snprintf(text + used, size - used, " %s", address);
	}
	if (set.count == 0) {
		(void)snprintf(text, size, " none");
	} else if (set.count > 4) {
		(void)snprintf(text + used, size - used, " and %u more", set.count - 4);
	}
}

/*!
 * May a change be logged? Notes that it is. The stamp counts in steps of LOG_AGAIN_MS and is never
 * zero; it comes round after six weeks, when one change may go without its line.
 */
static bool is_change_due(aname_plan_t *plan, int64_t now_ms)
{
	uint16_t now = now_ms / LOG_AGAIN_MS % UINT16_MAX + 1;
	/* The step after it is too soon, too: it may just have begun. */
	bool soon = plan->changed != 0 &&
	            (now == plan->changed || now == plan->changed % UINT16_MAX + 1);
	if (!soon) {
		plan->changed = now;
	}
	return !soon;
}

void aname_events_change(aname_events_t *events, aname_entry_t *entry,
                         const aname_snapshot_t *before, const aname_snapshot_t *after,
                         int64_t now_ms)
{
	if (before == NULL || before->known == ANAME_KNOWN_NOTHING ||
	    aname_snapshot_same(before, after)) {
		return;
	}
	aname_tell_changed(events->watch, entry, before, after);
	if (!is_change_due(&entry->plan, now_ms)) {
		return;
	}

	char list[5 * (INET6_ADDRSTRLEN + 1)];
	list_addresses(after, list, sizeof(list));
	char what[sizeof(list) + 32];
	(void)snprintf(what, sizeof(what), "addresses changed, now%s", list);
	log_about(events, entry, LOG_INFO, what, now_ms);
}

void aname_events_unscoped(aname_events_t *events, const aname_server_t *server, int64_t now_ms)
{
	char address[INET6_ADDRSTRLEN], message[300];
	(void)inet_ntop(server->len == 4 ? AF_INET : AF_INET6, server->address, address,
	                sizeof(address));
	(void)snprintf(message, sizeof(message),
	               "resolver %s@%u does not say for which clients its answers are; they are "
	               "kept for each subnet, which costs a lookup for each ('ecs: off' if it does "
	               "not tailor its answers)",
	               address, server->port);
	log_event(events, LOG_NOTICE, message, now_ms);
}

/*! Writes an upstream's first server, or what it is otherwise. */
static void name_upstream(const aname_upstream_t *upstream, char *text, size_t size)
{
	const aname_source_t *source = &upstream->source;
	const aname_server_t *server = &source->servers[0];
	char address[INET6_ADDRSTRLEN] = "";
	if (source->servers_count == 0) {
		(void)snprintf(text, size, "the system's resolver");
		return;
	}
	(void)inet_ntop(server->len == 4 ? AF_INET : AF_INET6, server->address, address,
	                sizeof(address));
	(void)snprintf(text, size, "resolver %s@%u%s", address, server->port,
	               source->servers_count > 1 ? " and others" : "");
}

void aname_events_terms(aname_events_t *events, const aname_upstream_t *upstream, int64_t now_ms)
{
	const aname_schedule_t *schedule = &upstream->terms.schedule;
	char name[INET6_ADDRSTRLEN + 40], message[500];
	name_upstream(upstream, name, sizeof(name));
	(void)snprintf(message, sizeof(message),
	               "sections that share %s differ in how it is asked, and share its lookups: "
	               "the larger 'timeout' (%" PRIu32 "), 'retries' (%" PRIu32
	               "), 'max-aliases' (%" PRIu32 ") and the smaller 'retry-min' (%" PRIu32
	               "), 'retry-max' (%" PRIu32 ") count",
	               name, schedule->timeout_ms, schedule->retries, schedule->max_aliases,
	               schedule->retry_min, schedule->retry_max);
	log_event(events, LOG_NOTICE, message, now_ms);
}

bool aname_events_out(aname_events_t *events, const aname_upstream_t *upstream, bool answers,
                      int64_t *logged_ms, int64_t now_ms)
{
	aname_tell_out(events->watch, upstream, answers);
	if (*logged_ms != 0 && now_ms - *logged_ms < LOG_AGAIN_MS) {
		return false;
	}
	*logged_ms = now_ms;
	char name[INET6_ADDRSTRLEN + 40], message[300];
	name_upstream(upstream, name, sizeof(name));
	(void)snprintf(
	        message, sizeof(message),
	        answers ? "nothing succeeds any more that %s is asked; it is tried again and "
	                  "again until something does"
	                : "nothing is heard any more from %s; it is tried once a second, and "
	                  "what is known stays in use meanwhile",
	        name);
	log_event(events, LOG_WARNING, message, now_ms);
	return true;
}

void aname_events_back(aname_events_t *events, const aname_upstream_t *upstream, int64_t seconds,
                       bool logged, int64_t now_ms)
{
	aname_tell_back(events->watch, upstream, seconds);
	if (!logged) {
		return;
	}
	char name[INET6_ADDRSTRLEN + 40], message[300];
	name_upstream(upstream, name, sizeof(name));
	(void)snprintf(message, sizeof(message),
	               "lookups by %s succeed again after %" PRId64
	               " s; all that failed is looked up at once",
	               name, seconds);
	log_event(events, LOG_NOTICE, message, now_ms);
}

void aname_events_health(aname_events_t *events, const aname_entry_t *entry, size_t others,
                         const aname_probe_t *probe, const uint8_t *address, uint8_t len,
                         const char *why, int64_t now_ms)
{
	char text[INET6_ADDRSTRLEN] = "", more[60] = "", what[300];
	(void)inet_ntop(len == 4 ? AF_INET : AF_INET6, address, text, sizeof(text));
	if (others > 0) {
		(void)snprintf(more, sizeof(more), ", which %zu more target%s,", others,
		               others == 1 ? " has" : "s have");
	}
	/* Of long ones the beginning tells enough. */
	const char *host = probe->host, *path = probe->path;
	if (why != NULL) {
		(void)snprintf(what, sizeof(what),
		               "address %s%s is down (probe: %s, port %u%s%.60s%.60s: %s)", text,
		               more, aname_probe_text(probe->kind), probe->port,
		               host[0] != '\0' || path[0] != '\0' ? ", " : "", host, path, why);
	} else {
		(void)snprintf(what, sizeof(what), "address %s%s is up again", text, more);
	}
	log_about(events, entry, why != NULL ? LOG_WARNING : LOG_NOTICE, what, now_ms);
}

void aname_events_published(aname_events_t *events, aname_entry_t *entry, aname_entry_t *other,
                            const aname_snapshot_t *after, int64_t now_ms)
{
	const aname_snapshot_t *before = aname_entry_snapshot(entry);
	const aname_snapshot_t *of_other = other != NULL ? aname_entry_snapshot(other) : NULL;
	aname_tell_failure(events->watch, entry, before, after, now_ms);
	bool gone = aname_policy_gone_surely(after, of_other) ||
	            aname_policy_gone_surely(of_other, after);
	bool unsure = aname_policy_gone(after, of_other) || aname_policy_gone(of_other, after);
	bool addresses = after->count > 0 || (of_other != NULL && of_other->count > 0);
	bool was_gone = entry->plan.gone || (other != NULL && other->plan.gone);
	if (gone == was_gone || (was_gone && (unsure || !addresses))) {
		return;
	}
	entry->plan.gone = gone;
	if (other != NULL) {
		other->plan.gone = gone;
	}
	const aname_lost_t *lost = aname_snapshot_lost(after),
	                   *lost_other = of_other != NULL ? aname_snapshot_lost(of_other) : NULL;
	aname_tell_gone(events->watch, entry, gone,
	                (lost != NULL && lost->nxdomain) ||
	                        (lost_other != NULL && lost_other->nxdomain));
}

void aname_events_doubt(aname_events_t *events, bool in_doubt, int64_t now_ms)
{
	aname_tell_doubt(events->watch, in_doubt);
	log_event(events, in_doubt ? LOG_ERR : LOG_NOTICE,
	          in_doubt ? "no probe succeeds any more, of several targets: this server's own "
	                     "connection is in doubt"
	                   : "probes succeed again",
	          now_ms);
}

static void tell_force(aname_events_t *events, const aname_events_force_t *event)
{
	aname_watch_line_t line;
	if (!aname_watch_any(events->watch) ||
	    !aname_watch_begin(&line, events->watch,
	                       event->ended ? ANAME_EVENT_AUTO : ANAME_EVENT_FORCED, event->target,
	                       ANAME_WATCH_ALL)) {
		return;
	}
	if (event->target == NULL) {
		aname_watch_field(&line, ANAME_KEY_ADDRESS, "%s", event->subject);
	}
	aname_watch_field(&line, ANAME_KEY_STATE, "%s",
	                  event->up ? ANAME_HEALTH_WORD_UP : ANAME_HEALTH_WORD_DOWN);
	if (event->seconds >= 0 && !event->ended) {
		aname_watch_field(&line, ANAME_KEY_SECONDS, "%" PRId64, event->seconds);
	}
	aname_watch_end(&line);
}

void aname_events_force(aname_events_t *events, const aname_events_force_t *event, int64_t now_ms)
{
	char until[40] = "until that is taken back", message[1200];
	const char *what = event->target == NULL ? "address" : "target",
	           *state = event->up ? "up" : "down";
	tell_force(events, event);
	if (event->seconds >= 0) {
		(void)snprintf(until, sizeof(until), "for %" PRId64 " s", event->seconds);
	}
	if (event->ended) {
		(void)snprintf(message, sizeof(message), "%s %s is no longer forced %s", what,
		               event->subject, state);
	} else {
		(void)snprintf(message, sizeof(message), "%s %s is forced %s, %s", what,
		               event->subject, state, until);
	}
	log_event(events, LOG_NOTICE, message, now_ms);
}

/*! Who watches is told what is reached from then on. */
static void tell_limit(aname_events_t *events, aname_events_limit_t *limit, uint64_t count,
                       int64_t now_ms, const char *name)
{
	if (!aname_watch_any(events->watch)) {
		limit->told = count;
	} else if (count != limit->told && now_ms - limit->told_ms >= TELL_AGAIN_MS) {
		aname_tell_limit(events->watch, name, count - limit->told);
		limit->told = count;
		limit->told_ms = now_ms;
	}
}

static void log_limit(aname_events_t *events, aname_events_limit_t *limit, uint64_t count,
                      int64_t now_ms, const char *name, const char *what)
{
	tell_limit(events, limit, count, now_ms, name);
	if (count == limit->logged ||
	    (limit->logged != 0 && now_ms - limit->logged_ms < LOG_AGAIN_MS)) {
		return;
	}
	char message[300];
	(void)snprintf(message, sizeof(message),
	               "limit reached, %s (%" PRIu64 " times since last told)", what,
	               count - limit->logged);
	log_event(events, LOG_WARNING, message, now_ms);
	limit->logged = count;
	limit->logged_ms = now_ms;
}

void aname_events_limits(aname_events_t *events, aname_limits_reached_t *reached, int64_t now_ms)
{
	log_limit(events, &events->queue, atomic_load(&reached->queue_full), now_ms, "queue",
	          "requests for lookups come faster than they can be taken");
	log_limit(events, &events->table, atomic_load(&reached->table_full), now_ms, "max-targets",
	          "no room for a new target, raise 'max-targets'");
	log_limit(events, &events->gave_way, atomic_load(&reached->gave_way), now_ms, "gave-way",
	          "a target gave way to a new one, of the zones that hold the most or what was "
	          "not asked for lately, raise 'max-targets'");
	log_limit(events, &events->waiters, atomic_load(&reached->waiters_full), now_ms, "waiting",
	          "half of the TCP workers wait for lookups already");
	log_limit(events, &events->probes, atomic_load(&reached->probes_full), now_ms, "max-probes",
	          "no room for an address to probe, raise 'max-probes'");
	log_limit(events, &events->late, atomic_load(&reached->probes_late), now_ms, "probes-late",
	          "probes come later than 'probe-interval' says, more are due than 500 at once or "
	          "1000 a second");
	log_limit(events, &events->views, atomic_load(&reached->views_full), now_ms, "probe-ways",
	          "a target is probed in 15 ways, and not in others; let sections probe alike");
	log_limit(events, &events->far, atomic_load(&reached->far_full), now_ms, "far-owners",
	          "512 names of other servers that have ANAME records are known, circles through "
	          "more of them may not be seen");
}
