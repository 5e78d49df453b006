#include "support/test.h"

#include "table/answer.h"
#include "support/make.h"

/*
 * A pool in words, one for each target:
 *   F300  fresh, 300 s                  S20  stale, 20 s
 *   N60   negative, 60 s                M20  negative and stale, 20 s
 *   L1    late, 1 s                     O1   negative and late, 1 s
 *   C     cold, nothing to fall back on
 *   CS20  cold, stale addresses         CM20 cold, stale negative answer
 *   X     failed without a reason       Xt Xs Xn Xm Xe Xd  by timeout, server, network, malformed,
 *                                                          emptied by policy, denied
 */

static aname_failure_t failure_of(char letter)
{
	switch (letter) {
	case 't': return ANAME_FAILURE_TIMEOUT;
	case 's': return ANAME_FAILURE_SERVER;
	case 'n': return ANAME_FAILURE_NETWORK;
	case 'm': return ANAME_FAILURE_MALFORMED;
	case 'e': return ANAME_FAILURE_EMPTIED;
	case 'd': return ANAME_FAILURE_DENIED;
	default: return ANAME_FAILURE_NONE;
	}
}

static aname_worth_t worth_of(char letter)
{
	switch (letter) {
	case 'F': return ANAME_FRESH;
	case 'S': return ANAME_STALE;
	case 'N': return ANAME_NODATA;
	case 'M': return ANAME_STALE_NODATA;
	case 'L': return ANAME_LATE;
	case 'O': return ANAME_LATE_NODATA;
	case 'C': return ANAME_COLD;
	default: return ANAME_FAILED;
	}
}

static const char *read_part(const char *at, aname_part_t *part)
{
	part->judgement.worth = worth_of(*at);
	part->judgement.fallback = part->judgement.worth;
	if (*at == 'X') {
		part->failure = failure_of(at[1]);
		at += strcspn(at, " ");
		return at + (*at == ' ');
	}
	at++;
	if (part->judgement.worth == ANAME_COLD) {
		bool nothing = *at == ' ' || *at == '\0';
		part->judgement.fallback = nothing ? ANAME_FAILED : worth_of(*at);
		at += !nothing;
	}
	char *end;
	part->judgement.ttl = strtoul(at, &end, 10);
	return end + (*end == ' ');
}

static void read_pool(const char *words, aname_pool_t *pool, const aname_snapshot_t *snapshots)
{
	memset(pool, 0, sizeof(*pool));
	while (*words != '\0') {
		assert_true(pool->count < ANAME_POOL_MAX);
		aname_part_t *part = &pool->parts[pool->count];
		part->snapshot = &snapshots[pool->count];
		words = read_part(words, part);
		pool->count++;
	}
}

/*! What an answer is worth, roughly. */
typedef enum { ADDR, NODATA, COLD, FAILURE } kind_t;

static kind_t kind_of(aname_worth_t worth)
{
	switch (worth) {
	case ANAME_COLD: return COLD;
	case ANAME_FAILED: return FAILURE;
	default:
		assert_true(aname_worth_has_addresses(worth) != aname_worth_is_negative(worth));
		return aname_worth_has_addresses(worth) ? ADDR : NODATA;
	}
}

static bool is_stale(aname_worth_t worth)
{
	return worth == ANAME_STALE || worth == ANAME_STALE_NODATA;
}

static bool is_late(aname_worth_t worth)
{
	return worth == ANAME_LATE || worth == ANAME_LATE_NODATA;
}

typedef struct {
	const char *proves;
	const char *pool;
	bool accept_fallback;
	kind_t kind;
	uint32_t ttl;
	bool stale; /*!< If not: late, where the pool holds an L or an O that counts. */
	aname_failure_t failure;
	uint32_t used; /*!< A bit for each target. */
} row_t;

static const row_t rows[] = {
	/* One target. */
	{ "A1: a fresh target", "F300", 0, ADDR, 300, 0, 0, 1 },
	{ "A1: a fresh target with no time left", "F0", 0, ADDR, 0, 0, 0, 1 },
	{ "F1: a stale target", "S30", 0, ADDR, 30, 1, 0, 1 },
	{ "T2: a late target", "L1", 0, ADDR, 1, 0, 0, 1 },
	{ "A7: a negative target", "N60", 0, NODATA, 60, 0, 0, 0 },
	{ "T2: a negative target that is late", "O1", 0, NODATA, 1, 0, 0, 0 },
	{ "F1: a negative target that is stale", "M20", 0, NODATA, 20, 1, 0, 0 },
	{ "C1: a cold target", "C", 0, COLD, 0, 0, 0, 0 },
	{ "C1: a cold target with stale addresses is waited for", "CS20", 0, COLD, 0, 0, 0, 0 },
	{ "F1: if waiting is no use they are taken, for 5 s", "CS20", 1, ADDR, 5, 1, 0, 1 },
	{ "F1: or the stale negative answer", "CM20", 1, NODATA, 5, 1, 0, 0 },
	{ "C2: a cold target that cannot be waited for: not ready", "C", 1, FAILURE, 0, 0, 0, 0 },
	{ "F3: a failed target", "Xs", 0, FAILURE, 0, 0, ANAME_FAILURE_SERVER, 0 },
	{ "F3: a target that timed out", "Xt", 1, FAILURE, 0, 0, ANAME_FAILURE_TIMEOUT, 0 },
	{ "F3: a malformed target", "Xm", 0, FAILURE, 0, 0, ANAME_FAILURE_MALFORMED, 0 },
	{ "L2: a denied target", "Xd", 0, FAILURE, 0, 0, ANAME_FAILURE_DENIED, 0 },
	{ "F3: no target at all", "", 0, FAILURE, 0, 0, 0, 0 },
	{ "F3: no target at all, the fallback accepted", "", 1, FAILURE, 0, 0, 0, 0 },

	/* Two targets. */
	{ "R4: both fresh: union, least TTL", "F300 F100", 0, ADDR, 100, 0, 0, 3 },
	{ "R4: both fresh: union, least TTL, other order", "F100 F300", 0, ADDR, 100, 0, 0, 3 },
	{ "R4: a failed target is left out", "F300 Xs", 0, ADDR, 300, 0, 0, 1 },
	{ "R4: a failed target in front is left out", "Xs F300", 0, ADDR, 300, 0, 0, 2 },
	{ "R4: a denied target is left out", "Xd F300", 0, ADDR, 300, 0, 0, 2 },
	{ "R4: a malformed target is left out", "Xm F300", 0, ADDR, 300, 0, 0, 2 },
	{ "R4: a negative target adds nothing, nor its TTL", "N5 F300", 0, ADDR, 300, 0, 0, 2 },
	{ "R4: stale addresses only if none are live", "S30 F300", 0, ADDR, 300, 0, 0, 2 },
	{ "R4: late addresses count as live", "L1 F300", 0, ADDR, 1, 0, 0, 3 },
	{ "R4: late addresses, and no stale ones", "S30 L1", 0, ADDR, 1, 0, 0, 2 },
	{ "R4: both late", "L1 L0", 0, ADDR, 0, 0, 0, 3 },
	{ "R4: late and negative", "N60 L1", 0, ADDR, 1, 0, 0, 2 },
	{ "R4: negative and late negative: NODATA", "O1 N60", 0, NODATA, 1, 0, 0, 0 },
	{ "R4: stale and late negative: NODATA, stale", "O1 M20", 0, NODATA, 1, 1, 0, 0 },
	{ "R4: late negative and failed: failure", "O1 Xt", 0, FAILURE, 0, 0, ANAME_FAILURE_TIMEOUT,
	  0 },
	{ "R4: both stale: union, least TTL", "S30 S10", 0, ADDR, 10, 1, 0, 3 },
	{ "R4: stale and failed", "S30 Xs", 0, ADDR, 30, 1, 0, 1 },
	{ "R4: stale and negative", "N60 S30", 0, ADDR, 30, 1, 0, 2 },
	{ "R4: a cold target does not hold up a fresh one for 5 s", "C F300", 0, ADDR, 5, 0, 0, 2 },
	{ "R4: nor a stale one", "C S30", 0, ADDR, 5, 1, 0, 2 },
	{ "R4: less than 5 s stays less", "C F3 F9", 0, ADDR, 3, 0, 0, 6 },
	{ "R4: cold and failed, one fresh: 5 s", "C Xs F9", 0, ADDR, 5, 0, 0, 4 },
	{ "R4: cold and negative: wait", "C N60", 0, COLD, 0, 0, 0, 0 },
	{ "R4: cold and failed: wait", "C Xs", 0, COLD, 0, 0, 0, 0 },
	{ "R4: cold and denied: wait", "Xd C", 0, COLD, 0, 0, 0, 0 },
	{ "C2: cold and negative, the fallback accepted: not ready", "C N60", 1, FAILURE, 0, 0, 0,
	  0 },
	{ "C2: cold and failed, the fallback accepted", "C Xn", 1, FAILURE, 0, 0,
	  ANAME_FAILURE_NETWORK, 0 },
	{ "R4: both negative: NODATA, least TTL", "N60 N20", 0, NODATA, 20, 0, 0, 0 },
	{ "R4: negative and stale negative: NODATA", "N60 M20", 0, NODATA, 20, 1, 0, 0 },
	{ "R4: negative and failed: failure", "N60 Xt", 0, FAILURE, 0, 0, ANAME_FAILURE_TIMEOUT,
	  0 },
	{ "R4: stale negative and failed: failure", "M20 Xt", 0, FAILURE, 0, 0,
	  ANAME_FAILURE_TIMEOUT, 0 },
	{ "R4: negative and denied: failure", "N60 Xd", 0, FAILURE, 0, 0, ANAME_FAILURE_DENIED, 0 },
	{ "R4: cold with stale addresses, and fresh", "CS20 F300", 1, ADDR, 5, 0, 0, 2 },
	{ "R4: cold with stale addresses, and stale", "CS20 S30", 1, ADDR, 5, 1, 0, 3 },
	{ "R4: the same, no fallback accepted: only what is not cold", "CS20 S30", 0, ADDR, 5, 1, 0,
	  2 },
	{ "R4: cold with stale negative, and negative", "CM20 N60", 1, NODATA, 5, 1, 0, 0 },
	{ "F3: the most telling failure counts", "Xt Xd", 0, FAILURE, 0, 0, ANAME_FAILURE_DENIED,
	  0 },
	{ "F3: the most telling failure counts, other order", "Xn Xs", 0, FAILURE, 0, 0,
	  ANAME_FAILURE_NETWORK, 0 },
	{ "F3: a failure without a reason does not hide one", "X Xs", 0, FAILURE, 0, 0,
	  ANAME_FAILURE_SERVER, 0 },

	/* More. */
	{ "R4: of everything only the fresh", "Xs C N5 S3 M2 F300 F200 CS1 CM1 Xd", 0, ADDR, 5, 0,
	  0, 0x60 },
	{ "R4: of everything but fresh only the stale", "Xs C N5 S30 M2 S20 CS10 CM1 Xd", 0, ADDR,
	  5, 1, 0, 0x28 },
	{ "R4: the same, the fallback accepted: the cold one too", "Xs C N5 S30 M2 S20 CS10 CM1 Xd",
	  1, ADDR, 5, 1, 0, 0x68 },
	{ "R4: without addresses a cold one is waited for", "Xs N5 M2 C Xd", 0, COLD, 0, 0, 0, 0 },
	{ "R4: without addresses, the fallback accepted: failure", "Xs N5 M2 C", 1, FAILURE, 0, 0,
	  ANAME_FAILURE_SERVER, 0 },
	{ "R4: 32 targets, all fresh",
	  "F99 F98 F97 F96 F95 F94 F93 F92 F91 F90 F89 F88 F87 F86 F85 F84 "
	  "F83 F82 F81 F80 F79 F78 F77 F76 F75 F74 F73 F72 F71 F70 F69 F68",
	  0, ADDR, 68, 0, 0, UINT32_MAX },
	{ "R4: 32 targets, the last one fresh",
	  "Xs Xs Xs Xs Xs Xs Xs Xs C C C C C C C C N1 N1 N1 N1 N1 N1 N1 N1 S1 S1 S1 S1 M1 M1 M1 F9",
	  0, ADDR, 5, 0, 0, 1u << 31 },
	{ "R4: 32 targets, all negative",
	  "N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 "
	  "N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N9 N8",
	  0, NODATA, 8, 0, 0, 0 },
};

static uint32_t used_bits(const aname_answer_t *answer, const aname_snapshot_t *snapshots)
{
	uint32_t bits = 0;
	for (unsigned i = 0; i < answer->used; i++) {
		size_t at = (const uint8_t *)answer->use[i].set.rdata - snapshots->rdata;
		assert_int_equal(at % sizeof(*snapshots), 0);
		uint32_t bit = 1u << at / sizeof(*snapshots);
		assert_false(bits & bit);
		bits |= bit;
	}
	return bits;
}

static void check_row(void **state)
{
	const row_t *row = *state;
	static const aname_snapshot_t snapshots[ANAME_POOL_MAX];
	aname_pool_t pool;
	read_pool(row->pool, &pool, snapshots);

	aname_answer_t answer;
	memset(&answer, 0xa5, sizeof(answer));
	aname_answer_decide(&pool, row->accept_fallback, &answer);
	assert_int_equal(kind_of(answer.worth), row->kind);
	assert_int_equal(answer.partial, strchr(row->pool, 'C') != NULL);
	assert_int_equal(answer.failure, row->failure);
	assert_int_equal(used_bits(&answer, snapshots), row->used);
	if (row->kind == ADDR || row->kind == NODATA) {
		assert_int_equal(is_stale(answer.worth), row->stale);
		const char *late = row->kind == ADDR ? "L" : "O";
		assert_int_equal(is_late(answer.worth),
		                 !row->stale && strpbrk(row->pool, late) != NULL);
		assert_int_equal(answer.ttl, row->ttl);
	}
}

/* All mixes of up to four targets against the rule in plain words. */

static const char *const kinds[] = { "F300", "L1",  "S20", "N60", "O1", "M10",
	                             "C",    "CS5", "CM7", "Xs",  "Xd" };

static bool any(const aname_pool_t *pool, bool accept_fallback, aname_worth_t worth)
{
	for (unsigned i = 0; i < pool->count; i++) {
		const aname_judgement_t *judgement = &pool->parts[i].judgement;
		bool cold = judgement->worth == ANAME_COLD;
		if ((cold && accept_fallback ? judgement->fallback : judgement->worth) == worth) {
			return true;
		}
	}
	return false;
}

static kind_t plain_rule(const aname_pool_t *pool, bool accept_fallback)
{
	if (any(pool, accept_fallback, ANAME_FRESH) || any(pool, accept_fallback, ANAME_LATE) ||
	    any(pool, accept_fallback, ANAME_STALE)) {
		return ADDR;
	}
	if (any(pool, accept_fallback, ANAME_COLD)) {
		return COLD;
	}
	return any(pool, accept_fallback, ANAME_FAILED) ? FAILURE : NODATA;
}

static void gone(void **state)
{
	/* W1: counted if that is why there is nothing. */
	static const struct {
		const char *pool;
		unsigned gone; /*!< A bit for each target. */
		kind_t kind;
		bool counts;
	} gone_rows[] = {
		{ "N60", 1, NODATA, true },     { "N60", 0, NODATA, false },
		{ "N60 N20", 2, NODATA, true }, { "M20 N60", 1, NODATA, true },
		{ "F300 N60", 2, ADDR, false }, { "S30", 1, ADDR, false },
	};
	static const aname_snapshot_t snapshots[ANAME_POOL_MAX];
	for (size_t i = 0; i < COUNT_OF(gone_rows); i++) {
		aname_pool_t pool;
		read_pool(gone_rows[i].pool, &pool, snapshots);
		for (unsigned k = 0; k < pool.count; k++) {
			pool.parts[k].gone = gone_rows[i].gone & (1u << k);
		}
		aname_answer_t answer;
		memset(&answer, 0xa5, sizeof(answer));
		aname_answer_decide(&pool, false, &answer);
		assert_int_equal(kind_of(answer.worth), gone_rows[i].kind);
		assert_int_equal(answer.gone, gone_rows[i].counts);
	}
}

static void gone_for_all(void **state)
{
	/* W1, N4: addresses that are kept are kept for a client who has none, too. */
	const aname_snapshot_t last = { .known = ANAME_KNOWN_ADDRESSES };
	aname_part_t own = { .judgement = { .worth = ANAME_NODATA, .ttl = 60 } };
	aname_part_t general = { .snapshot = &last,
		                 .judgement = { .worth = ANAME_STALE, .ttl = 30 },
		                 .gone = true };
	aname_part_t part = aname_answer_for_client(&own, &general, 24);
	assert_ptr_equal(part.snapshot, &last);
	assert_int_equal(part.judgement.worth, ANAME_STALE);
	assert_true(part.gone);

	general.judgement.worth = ANAME_NODATA;
	part = aname_answer_for_client(&own, &general, 24);
	assert_int_equal(part.judgement.ttl, 60);
	assert_true(part.gone);

	own.judgement.worth = ANAME_FRESH;
	part = aname_answer_for_client(&own, &general, 24);
	assert_int_equal(part.judgement.worth, ANAME_FRESH);
	assert_false(part.gone);
}

/*! The k-th part that there may be: what is known of it, and its states. */
static aname_part_t part_of(unsigned k, const aname_snapshot_t *snapshot)
{
	unsigned worth = k / 8 % (ANAME_FAILED + 1);
	return (aname_part_t){
		.snapshot = snapshot,
		.judgement = { .worth = worth, .fallback = ANAME_FAILED, .ttl = 60 },
		.scope = 24,
		.gone = k & 1,
		.down = k & 2,
		.recent = k & 4,
	};
}

static void usual_client(void **state)
{
	/* What is decided at once is what is decided in full. */
	static const aname_snapshot_t snapshots[2];
	enum { PARTS = 8 * (ANAME_FAILED + 1) };
	for (unsigned i = 0; i < PARTS * PARTS; i++) {
		const aname_part_t own = part_of(i % PARTS, &snapshots[0]);
		const aname_part_t general = part_of(i / PARTS, &snapshots[1]);
		const aname_part_t expected = aname_answer_for_client(&own, &general, 20);
		aname_part_t part = general;
		aname_answer_take_client(&own, 20, &part);
		assert_ptr_equal(part.snapshot, expected.snapshot);
		assert_int_equal(part.judgement.worth, expected.judgement.worth);
		assert_int_equal(part.judgement.fallback, expected.judgement.fallback);
		assert_int_equal(part.judgement.ttl, expected.judgement.ttl);
		assert_int_equal(part.scope, expected.scope);
		assert_int_equal(part.gone, expected.gone);
		assert_int_equal(part.down, expected.down);
		assert_int_equal(part.recent, expected.recent);
	}
}

static void all_mixes(void **state)
{
	static const aname_snapshot_t snapshots[ANAME_POOL_MAX];
	enum { KINDS = COUNT_OF(kinds), MIXES = KINDS * KINDS * KINDS * KINDS };
	for (unsigned mix = 0; mix < 2 * MIXES; mix++) {
		unsigned rest = mix / 2;
		char words[64];
		(void)snprintf(words, sizeof(words), "%s %s %s %s", kinds[rest % KINDS],
		               kinds[rest / KINDS % KINDS], kinds[rest / KINDS / KINDS % KINDS],
		               kinds[rest / KINDS / KINDS / KINDS]);
		aname_pool_t pool;
		read_pool(words, &pool, snapshots);
		aname_answer_t answer;
		bool accept_fallback = mix % 2;
		aname_answer_decide(&pool, accept_fallback, &answer);
		assert_int_equal(kind_of(answer.worth), plain_rule(&pool, accept_fallback));
		bool late = any(&pool, accept_fallback, ANAME_LATE);
		bool live = late || any(&pool, accept_fallback, ANAME_FRESH);
		if (kind_of(answer.worth) == ADDR) {
			assert_int_equal(is_stale(answer.worth), !live);
			assert_int_equal(is_late(answer.worth), late);
			assert_true(answer.used > 0);
		} else {
			assert_int_equal(answer.used, 0);
		}
		assert_true(!accept_fallback || kind_of(answer.worth) != COLD);
		assert_int_equal(answer.partial, strchr(words, 'C') != NULL);
		assert_true(!answer.partial || answer.ttl <= ANAME_PARTIAL_TTL);
	}
}

/* A10: what a family that fails becomes, for the sake of the other one. */

typedef struct {
	const char *proves;
	const char *pool;
	aname_worth_t other;
	bool sibling;
	kind_t kind;
	aname_failure_t failure;
} spared_t;

static const spared_t spared[] = {
	{ "A10: emptied, and the other stands", "Xe", ANAME_FRESH, false, NODATA, 0 },
	{ "A10: all emptied, and the other stands", "Xe Xe", ANAME_FRESH, false, NODATA, 0 },
	{ "A10: emptied and negative", "N60 Xe", ANAME_FRESH, false, NODATA, 0 },
	{ "F3: emptied and failed is a failure", "Xe Xt", ANAME_FRESH, false, FAILURE,
	  ANAME_FAILURE_EMPTIED },
	{ "L2: emptied, and the other one too", "Xe", ANAME_FAILED, false, FAILURE,
	  ANAME_FAILURE_EMPTIED },
	{ "A10: emptied, and the other has its sibling", "Xe", ANAME_FAILED, true, NODATA, 0 },
	{ "A10: emptied, and the other is not known yet", "Xe", ANAME_COLD, false, COLD,
	  ANAME_FAILURE_EMPTIED },
	{ "F3: failed while the other stands is a failure", "Xt", ANAME_FRESH, false, FAILURE,
	  ANAME_FAILURE_TIMEOUT },
	{ "A10: failed, and the other has its sibling", "Xt", ANAME_FAILED, true, NODATA, 0 },
	{ "A10: denied, and the other has its sibling", "Xd", ANAME_FAILED, true, NODATA, 0 },
	{ "F3: both fail", "Xt", ANAME_FAILED, false, FAILURE, ANAME_FAILURE_TIMEOUT },
	{ "A10: not known yet, and the other has its sibling", "C", ANAME_FAILED, true, NODATA, 0 },
};

static void check_spared(void **state)
{
	const spared_t *row = *state;
	static const aname_snapshot_t snapshots[ANAME_POOL_MAX];
	aname_pool_t pool;
	read_pool(row->pool, &pool, snapshots);

	aname_answer_t answer;
	memset(&answer, 0xa5, sizeof(answer));
	aname_answer_decide(&pool, true, &answer);
	assert_int_equal(kind_of(answer.worth), FAILURE);
	aname_answer_spare(row->other, row->sibling, &answer);
	assert_int_equal(kind_of(answer.worth), row->kind);
	assert_int_equal(answer.failure, row->failure);
	bool cold = row->pool[0] == 'C';
	assert_int_equal(answer.partial, row->kind == COLD || cold);
	if (row->kind == NODATA) {
		assert_int_equal(answer.ttl, cold ? 5 : 30);
		assert_false(is_stale(answer.worth));
		assert_int_equal(answer.used, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("W1: a pool with a target that is gone", gone),
		PROVES("W1: a target that is gone, and clients' subnets", gone_for_all),
		PROVES("N4: what a client usually gets, decided at once", usual_client),
		PROVES("R4: all 29,282 mixes of four targets follow the plain rule", all_mixes),
	};
	return RUN_ROWS("decide: pools in words", rows, check_row) +
	       RUN_ROWS("decide: one family and the other", spared, check_spared) +
	       RUN_TESTS("decide: all mixes", tests);
}
