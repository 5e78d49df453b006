/*!
 * \brief What a target is worth at a moment, and when it is looked up next.  [P]
 *
 * Pure functions: time and chance are passed in. Thread: any.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "conf/options.h"
#include "table/snapshot.h"

/*! Highest TTL of whatever is served past its lifetime, and of siblings (F1, F2; RFC 8767, 4). */
#define ANAME_STALE_TTL 30

/*! A target nobody keeps fresh: not planned. */
#define ANAME_NEXT_NEVER INT64_MAX

/*! How late a lookup may be, beside the time that it takes, before what it is to replace is called
 *  stale. */
#define ANAME_GRACE_MS 1000

/*! What expired in the recursor's cache is looked up within this time, so that half of the grace
 *  is left for the lookup. */
#define ANAME_EXPIRY_SPREAD_MS (ANAME_GRACE_MS / 2)

/*!
 * \brief What a target is worth at a moment, and so what an answer made of targets is.
 *
 * There are three other lists beside it, each of something else: aname_known_t is what a lookup
 * has taught, which time does not change; aname_failure_t is why the last one failed, be it that
 * what was known before is still worth something; and the counters of kinds.h are how a query was
 * answered, where a failure may end in a sibling or in TC.
 */
typedef enum {
	ANAME_COLD = 0,     /*!< Not kept fresh; a lookup has to be asked for and waited for. */
	ANAME_FRESH,        /*!< Addresses within their lifetime. */
	ANAME_LATE,         /*!< Addresses past it, a lookup under way is not overdue yet. */
	ANAME_STALE,        /*!< Addresses past their lifetime, still usable. */
	ANAME_NODATA,       /*!< A negative answer within its lifetime. */
	ANAME_LATE_NODATA,  /*!< A negative answer past it, likewise. */
	ANAME_STALE_NODATA, /*!< A negative answer past its lifetime, still usable. */
	ANAME_FAILED,       /*!< Nothing to use. */
	ANAME_WORTHS,
} aname_worth_t;

static inline bool aname_worth_has_addresses(aname_worth_t worth)
{
	return worth >= ANAME_FRESH && worth <= ANAME_STALE;
}

static inline bool aname_worth_is_negative(aname_worth_t worth)
{
	return worth >= ANAME_NODATA && worth <= ANAME_STALE_NODATA;
}

typedef struct {
	uint8_t worth;    /*!< aname_worth_t */
	uint8_t fallback; /*!< For COLD: what it is worth if waiting is no use; never COLD. */
	uint32_t ttl;     /*!< Seconds the answer may be kept; of the fallback for COLD. */
} aname_judgement_t;

/*! A TTL from the wire as it counts: the top bit set means zero (RFC 2181, 8). */
static inline uint32_t aname_policy_ttl(uint32_t wire_ttl)
{
	return wire_ttl > INT32_MAX ? 0 : wire_ttl;
}

/*!
 * \brief Lifetime of what a lookup taught, in seconds, at least 1 (T1).
 *
 * \param schedule    Bounds.
 * \param record_ttl  TTL of the ANAME record.
 * \param source_ttl  TTL of the answer, below 2^31, or ANAME_TTL_UNKNOWN.
 */
static inline uint32_t aname_policy_life(const aname_schedule_t *schedule, uint32_t record_ttl,
                                         uint32_t source_ttl)
{
	uint32_t life = aname_policy_ttl(record_ttl);
	life = life < source_ttl ? life : source_ttl; /* Unknown is more than any. */
	life = life < schedule->ttl_max ? life : schedule->ttl_max;
	life = life > schedule->ttl_min ? life : schedule->ttl_min;
	return life > 0 ? life : 1;
}

/*! The lifetime of what is published. */
typedef struct {
	uint32_t whole_s;
	int64_t left_ms; /*!< Not above zero when past, or when nothing is known. */
} aname_life_t;

/*!
 * \brief The lifetime of what is published, seen through an ANAME record of this TTL.
 *
 * \param snapshot  What is published, or NULL.
 * \param now_ms    Now; before the snapshot's time counts as its time.
 */
static inline aname_life_t aname_policy_left(const aname_snapshot_t *snapshot,
                                             const aname_schedule_t *schedule, uint32_t record_ttl,
                                             int64_t now_ms)
{
	if (snapshot == NULL || snapshot->known == ANAME_KNOWN_NOTHING) {
		return (aname_life_t){ 0 };
	}
	int64_t age_ms = now_ms - snapshot->learned_ms;
	uint32_t whole_s = aname_policy_life(schedule, record_ttl, snapshot->ttl);
	return (aname_life_t){ .whole_s = whole_s,
		               .left_ms = 1000 * (int64_t)whole_s - (age_ms > 0 ? age_ms : 0) };
}

/*!
 * \brief As aname_policy_judge(), for what is in the last second of its lifetime, past it, or not
 *        known.
 *
 * \param overdue_ms  How long ago its lookup became due; 0 if that is still to come.
 */
aname_judgement_t aname_policy_judge_end(const aname_snapshot_t *snapshot, bool cold,
                                         const aname_schedule_t *schedule, aname_life_t life,
                                         int64_t overdue_ms);

/*!
 * \brief Judges what is published of a target (T2, F1).
 *
 * What is past its lifetime is late, and as good as fresh, for as long as its lookup usually takes
 * and some grace, if the last one has not failed. A lifetime may also end early, because somebody
 * asks through a record of a shorter TTL than ever before: then the lookup is not due yet, and what
 * is known is not stale because of that.
 *
 * While lookups succeed the TTL is at least 1, but for lifetimes of 1 s; what is stale has one of
 * at most 30 s and at most that lifetime.
 *
 * \param snapshot  What is published, or NULL.
 * \param cold      The service does not keep it fresh.
 * \param schedule  The options that count.
 * \param life      Its lifetime.
 * \param next_ms   When its next lookup is due, or was, if it has not ended.
 */
static inline aname_judgement_t aname_policy_judge(const aname_snapshot_t *snapshot, bool cold,
                                                   const aname_schedule_t *schedule,
                                                   aname_life_t life, int64_t next_ms,
                                                   int64_t now_ms)
{
	if (life.left_ms < 1000) {
		return aname_policy_judge_end(snapshot, cold, schedule, life,
		                              next_ms < now_ms ? now_ms - next_ms : 0);
	}
	return (aname_judgement_t){ .worth = snapshot->known == ANAME_KNOWN_ADDRESSES
		                                     ? ANAME_FRESH
		                                     : ANAME_NODATA,
		                    .fallback = ANAME_FAILED,
		                    .ttl = (uint64_t)life.left_ms / 1000 };
}

/*!
 * \brief Is a target gone, which had addresses of this family?
 *
 * So it is if the name does not exist, and if the other family has no addresses either, but for
 * those that it had before and has not been looked up for since.
 *
 * \param snapshot  What is published of this family, or NULL.
 * \param other     What is published of the other one, or NULL.
 */
bool aname_policy_gone(const aname_snapshot_t *snapshot, const aname_snapshot_t *other);

/*! Has a target that is gone been looked up since in both families, or is it known without? */
bool aname_policy_gone_surely(const aname_snapshot_t *snapshot, const aname_snapshot_t *other);

/*!
 * \brief Has what is gone keep its last addresses for a while, as if it failed (negative-delay).
 *
 * \param snapshot  A negative answer, of a target that is gone.
 * \param life      The lifetime of its last addresses.
 * \param delay_s   For how long.
 *
 * \return true if they are to be used; the judgement is that on them then.
 */
bool aname_policy_keep(const aname_snapshot_t *snapshot, uint32_t life, uint32_t delay_s,
                       int64_t now_ms, aname_judgement_t *judgement);

/*!
 * \brief Must a worker ask the service for a lookup that the service has not planned itself?
 *
 * So it is with a dormant target, and with one asked through a shorter TTL than ever before.
 *
 * \param life     Its lifetime.
 * \param next_ms  When the service looks it up by its own plan; not later than now if its lookup is
 *                 due or under way.
 */
static inline bool aname_policy_ask(const aname_snapshot_t *snapshot, aname_life_t life,
                                    int64_t next_ms, int64_t now_ms)
{
	if (next_ms <= now_ms) {
		return false;
	}
	if (snapshot == NULL || next_ms == ANAME_NEXT_NEVER) {
		return true;
	}
	if (snapshot->failure != ANAME_FAILURE_NONE) {
		return false;
	}
	/* Near the end of its lifetime, and the service's own plan does not come in time. */
	return life.left_ms <= 100 * (int64_t)life.whole_s &&
	       next_ms - now_ms > life.left_ms + ANAME_EXPIRY_SPREAD_MS;
}

/*! A negative answer that does not say for how long: kept so long at first, and at most (A7). */
#define ANAME_BARE_MIN_S 5
#define ANAME_BARE_MAX_S 30

/*!
 * \brief How long a result counts that may not say so itself (A7): a bare negative answer is kept
 *        longer and longer while it repeats, within what the aliases on the way allow.
 *
 * \param before  What is published, or NULL.
 * \param result  Of a lookup that succeeded; `bare` is set and `ttl` lowered if need be.
 */
void aname_policy_bare(const aname_snapshot_t *before, aname_result_t *result);

/*!
 * \brief How long lookups of a target usually take, after one more.
 *
 * The longest time of late, since behind a cache some lookups take a millisecond and those that it
 * has to pass on take their time.
 *
 * \param before   What is published, or NULL.
 * \param took_ms  How long the lookup took.
 *
 * \return Milliseconds, for the next snapshot.
 */
uint16_t aname_policy_usual(const aname_snapshot_t *before, int64_t took_ms);

/*!
 * \brief When to look up again after success: within the last quarter of the lifetime, earlier
 *        if lookups take long (T2), spread by chance (T3).
 *
 * \param life      Lifetime in seconds.
 * \param usual_ms  How long lookups usually take.
 * \param chance    A random number.
 *
 * \return Time in milliseconds.
 */
int64_t aname_policy_next_refresh(uint32_t life, uint32_t usual_ms, uint32_t chance,
                                  int64_t now_ms);

/*!
 * \brief Is the next lookup of use only when the recursor's own lifetime is over?
 *
 * So it is when the recursor gave out of its cache what it had given before, with a TTL counted
 * down: as long as there is some left, asking again brings the same once more. Each time there
 * would be less left, and all targets would be asked for again and again just before their end.
 *
 * Not when options make the lifetime shorter or longer than the TTL, nor without any grace.
 *
 * \param grace   Whoever follows the target uses what is past its lifetime for a while.
 * \param before  What is published, or NULL.
 * \param ttl     TTL of the new answer, or ANAME_TTL_UNKNOWN.
 * \param life    Lifetime of the new answer.
 */
bool aname_policy_await_expiry(bool grace, const aname_snapshot_t *before, uint32_t ttl,
                               uint32_t life, int64_t now_ms);

/*!
 * \brief When to look up again then: at the end of the lifetime, spread by chance over half of the
 *        grace, because what is done before has no effect on when it is (T3).
 */
int64_t aname_policy_next_expiry(uint32_t life, uint32_t chance, int64_t now_ms);

/*!
 * \brief When to look up again after the n-th failure in a row (F4): the pause doubles from
 *        retry-min up to retry-max, give or take a quarter by chance but within the two.
 *
 * \param failures  Failures in a row, at least 1.
 * \param chance    A random number.
 *
 * \return Time in milliseconds.
 */
int64_t aname_policy_next_retry(const aname_schedule_t *schedule, unsigned failures,
                                uint32_t chance, int64_t now_ms);

/*! When a dormant target has nothing left that could be used, and may be forgotten. */
int64_t aname_policy_forget_at(const aname_snapshot_t *snapshot, const aname_schedule_t *schedule,
                               int64_t now_ms);
