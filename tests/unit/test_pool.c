#include "support/test.h"

#include <libknot/libknot.h>

#include "table/answer.h"
#include "support/make.h"
#include "table/definition.h"

#define NOW 1000000000

/* Health as targets are seen through it. */

/*! What is said of the addresses from 0 on: up, down, or unknown; one letter each. */
typedef struct {
	uint32_t definition;
	const char *says;
	int64_t changed_ms;
} seen_t;

/*! The identity of a definition given by two digits: what it asks, and which of those it is; by one
 *  digit: the first of those. */
static uint32_t id_of(uint32_t number)
{
	return number < 10 ? number << ANAME_DEFINITION_VARIANT_BITS
	                   : (number / 10 << ANAME_DEFINITION_VARIANT_BITS) + number % 10;
}

static aname_sight_t sight(void *ctx, uint32_t definition, const uint8_t *address, uint8_t len)
{
	const seen_t *seen = ctx;
	while (id_of(seen->definition) != definition) {
		seen++;
	}
	char says = seen->says[address[len - 1]];
	return (aname_sight_t){ .down = says == 'd',
		                .alive = says == 'u',
		                .changed_ms = seen->changed_ms };
}

typedef struct {
	const char *proves;
	seen_t seen[3];
	unsigned count;      /*!< Of those. */
	uint32_t definition; /*!< Of the section. */
	const char *used;    /*!< Last octets of the addresses that are left, as digits. */
	bool lives, missing; /*!< As good as live; there is no view of the definition. */
	uint32_t ttl;        /*!< Of 300. */
} look_t;

static const look_t looks[] = {
	{ "H3: without views all count", { { 0 } }, 0, 0, "012", false, false, 300 },
	{ "H3: a definition that nobody probes for yet", { { 0 } }, 0, 4, "012", false, true, 300 },
	{ "H3: what is down is left out",
	  { { 4, "udd", INT64_MIN } },
	  1,
	  4,
	  "0",
	  true,
	  false,
	  300 },
	{ "H3: unknown counts as up", { { 4, "?d?", INT64_MIN } }, 1, 4, "02", false, false, 300 },
	{ "H3: another definition is no matter",
	  { { 4, "udd", INT64_MIN } },
	  1,
	  5,
	  "012",
	  false,
	  true,
	  300 },
	{ "H3: nor is it to who has none", { { 4, "ddd", NOW } }, 1, 0, "012", false, false, 300 },
	{ "H3: an operator's word counts where nothing is probed",
	  { { 4, "ddd", NOW }, { 0, "d??", INT64_MIN } },
	  2,
	  0,
	  "12",
	  false,
	  false,
	  300 },
	{ "H3: and while nothing is known of a probe",
	  { { 0, "?d?", INT64_MIN } },
	  1,
	  9,
	  "02",
	  false,
	  true,
	  300 },
	{ "H3: one's own definition is before it",
	  { { 0, "ddd", INT64_MIN }, { 9, "d?u", INT64_MIN } },
	  2,
	  9,
	  "12",
	  true,
	  false,
	  300 },
	{ "H3: none is left", { { 4, "ddd", INT64_MIN } }, 1, 4, "", false, false, 300 },
	{ "H6: a verdict of just now", { { 4, "u?d", NOW } }, 1, 4, "01", true, false, 30 },
	{ "H6: of nearly ten minutes ago",
	  { { 4, "u?d", NOW - 599999 } },
	  1,
	  4,
	  "01",
	  true,
	  false,
	  30 },
	{ "H2: one that asks the same stands in for one's own",
	  { { 0, "ddd", INT64_MIN }, { 4, "ud?", INT64_MIN } },
	  2,
	  41,
	  "02",
	  true,
	  true,
	  300 },
	{ "H6: of ten minutes ago", { { 4, "u?d", NOW - 600000 } }, 1, 4, "01", true, false, 300 },
};

static void check_look(void **state)
{
	const look_t *row = *state;
	uint32_t definitions[3];
	for (unsigned i = 0; i < row->count; i++) {
		definitions[i] = id_of(row->seen[i].definition);
	}
	aname_snapshot_t *plain = make_snapshot(4, 0, 3, 0);
	aname_snapshot_t *snapshot = aname_snapshot_with_views(plain, definitions, row->count,
	                                                       false, sight, (void *)row->seen);
	assert_non_null(snapshot);
	aname_part_t part = { .snapshot = snapshot,
		              .judgement = { .worth = ANAME_FRESH, .ttl = 300 } };
	assert_int_equal(!aname_answer_look(&part, id_of(row->definition), NOW), row->missing);
	knot_rdataset_t set = aname_part_rdataset(&part);
	assert_int_equal(set.count, strlen(row->used));
	knot_rdata_t *rdata = set.rdata;
	for (unsigned i = 0; i < set.count; i++, rdata = knot_rdataset_next(rdata)) {
		assert_int_equal(rdata->data[3], row->used[i] - '0');
	}
	assert_int_equal(part.down, set.count == 0);
	assert_int_equal(part.lives, row->lives);
	assert_int_equal(part.judgement.ttl, row->ttl);
	free(snapshot);
	free(plain);
}

/*
 * A pool, a letter for each target:
 *   f  fresh                 s  stale                  n  negative
 *   d  fresh, all down       e  stale, all down        c  cold
 *   l  late                  v  stale, as good as live x  failed
 *   k  cold, stale addresses to fall back on
 */

static aname_part_t part_of(char letter, const aname_snapshot_t *snapshot, const aname_view_t *none)
{
	static const struct {
		char letter;
		aname_worth_t worth, fallback;
		uint32_t ttl;
	} parts[] = {
		{ 'f', ANAME_FRESH, ANAME_FAILED, 300 }, { 'd', ANAME_FRESH, ANAME_FAILED, 300 },
		{ 'l', ANAME_LATE, ANAME_FAILED, 1 },    { 's', ANAME_STALE, ANAME_STALE, 30 },
		{ 'e', ANAME_STALE, ANAME_STALE, 30 },   { 'v', ANAME_STALE, ANAME_STALE, 30 },
		{ 'n', ANAME_NODATA, ANAME_FAILED, 60 }, { 'x', ANAME_FAILED, ANAME_FAILED, 0 },
		{ 'c', ANAME_COLD, ANAME_FAILED, 0 },    { 'k', ANAME_COLD, ANAME_STALE, 30 },
	};
	size_t i = 0;
	while (parts[i].letter != letter) {
		i++;
		assert_true(i < COUNT_OF(parts));
	}
	bool down = letter == 'd' || letter == 'e';
	return (aname_part_t){
		.snapshot = snapshot,
		.view = down ? none : NULL,
		.judgement = { parts[i].worth, parts[i].fallback, parts[i].ttl },
		.failure = letter == 'x' ? ANAME_FAILURE_TIMEOUT : ANAME_FAILURE_NONE,
		.down = down,
		.lives = letter == 'v',
	};
}

typedef struct {
	const char *proves;
	const char *pool;
	const char *ranks; /*!< Of each target, a digit; NULL: there is no choice. */
	uint16_t answer_targets;
	uint8_t all_down; /*!< aname_all_down_t */
	bool accept_fallback;
	const char *used; /*!< Places of the targets used, as digits. */
	aname_worth_t worth;
	uint32_t ttl; /*!< Of addresses, and of negative answers. */
	bool is_all_down;
} pool_row_t;

#define SERVE    ANAME_ALL_DOWN_SERVE
#define SIBLING  ANAME_ALL_DOWN_SIBLING
#define SERVFAIL ANAME_ALL_DOWN_SERVFAIL

static const pool_row_t pool_rows[] = {
	/* The union. */
	{ "H3: a target that is down is left out", "fd", NULL, 0, SERVE, 0, "0", ANAME_FRESH, 300,
	  0 },
	{ "H3: down and negative is not negative", "dn", NULL, 0, SERVE, 0, "0", ANAME_FRESH, 300,
	  1 },
	{ "H4: all down: served", "dd", NULL, 0, SERVE, 0, "01", ANAME_FRESH, 300, 1 },
	{ "H4: one target, all down: served", "d", NULL, 0, SERVE, 0, "0", ANAME_FRESH, 300, 1 },
	{ "H4: all down: sibling", "dd", NULL, 0, SIBLING, 0, "", ANAME_FAILED, 0, 1 },
	{ "H4: all down: servfail", "d", NULL, 0, SERVFAIL, 0, "", ANAME_FAILED, 0, 1 },
	{ "H4: down and failed", "dx", NULL, 0, SERVE, 0, "0", ANAME_FRESH, 300, 1 },
	{ "H4: down and stale: as if nothing were probed", "ds", NULL, 0, SERVE, 0, "0",
	  ANAME_FRESH, 300, 1 },
	{ "H4: stale and down", "e", NULL, 0, SERVE, 0, "0", ANAME_STALE, 30, 1 },
	{ "H4: one stale, one stale and down", "se", NULL, 0, SERVE, 0, "01", ANAME_STALE, 30, 1 },
	{ "H4: what is not known yet is waited for", "dc", NULL, 0, SERVE, 0, "", ANAME_COLD, 5,
	  0 },
	{ "H4: if that is no use all is served", "dc", NULL, 0, SERVE, 1, "0", ANAME_FRESH, 5, 1 },
	{ "H4: nothing was taken away", "xn", NULL, 0, SERVFAIL, 0, "", ANAME_FAILED, 0, 0 },
	{ "H4: negative as ever", "nn", NULL, 0, SERVFAIL, 0, "", ANAME_NODATA, 60, 0 },
	{ "R4: stale counts as live while nothing succeeds", "fv", NULL, 0, SERVE, 0, "01",
	  ANAME_STALE, 30, 0 },
	{ "R4: other stale ones do not", "fs", NULL, 0, SERVE, 0, "0", ANAME_FRESH, 300, 0 },

	/* Ranks. */
	{ "P1: the best rank alone", "ff", "10", 0, SERVE, 0, "1", ANAME_FRESH, 300, 0 },
	{ "P1: all of the best rank", "fff", "010", 0, SERVE, 0, "02", ANAME_FRESH, 300, 0 },
	{ "P1: the next one if the best is down", "fd", "10", 0, SERVE, 0, "0", ANAME_FRESH, 300,
	  0 },
	{ "P1: or stale", "fs", "10", 0, SERVE, 0, "0", ANAME_FRESH, 300, 0 },
	{ "P1: or negative", "fn", "10", 0, SERVE, 0, "0", ANAME_FRESH, 300, 0 },
	{ "P1: or failed", "fx", "10", 0, SERVE, 0, "0", ANAME_FRESH, 300, 0 },
	{ "P1: not if it is late", "fl", "10", 0, SERVE, 0, "1", ANAME_LATE, 1, 0 },
	{ "P1: nor if stale is as good as live", "fv", "10", 0, SERVE, 0, "1", ANAME_STALE, 30, 0 },
	{ "P1: what is cold is passed over for a moment", "fc", "10", 0, SERVE, 0, "0", ANAME_FRESH,
	  5, 0 },
	{ "P1: not so if it would not be chosen", "cf", "10", 0, SERVE, 0, "1", ANAME_FRESH, 300,
	  0 },
	{ "P1: one of the same rank that is cold", "fcf", "001", 0, SERVE, 0, "0", ANAME_FRESH, 5,
	  0 },
	{ "P1: the choice among stale ones", "ss", "10", 0, SERVE, 0, "1", ANAME_STALE, 30, 0 },
	{ "P1: all ranks are empty", "xx", "10", 1, SERVE, 0, "", ANAME_FAILED, 0, 0 },
	{ "P1: all ranks are negative", "nn", "10", 1, SERVE, 0, "", ANAME_NODATA, 60, 0 },
	{ "P1: all ranks are cold", "cc", "10", 1, SERVE, 0, "", ANAME_COLD, 5, 0 },
	{ "P1: a fallback, if waiting is no use", "kf", "01", 0, SERVE, 1, "1", ANAME_FRESH, 5, 0 },
	{ "P1, H4: all down, the best rank is served", "dd", "10", 0, SERVE, 0, "1", ANAME_FRESH,
	  300, 1 },
	{ "P1, H4: all down, sibling", "dd", "10", 0, SIBLING, 0, "", ANAME_FAILED, 0, 1 },

	/* So many. */
	{ "P4: one", "fff", "010", 1, SERVE, 0, NULL, ANAME_FRESH, 300, 0 },
	{ "P4: two of two", "fff", "010", 2, SERVE, 0, "02", ANAME_FRESH, 300, 0 },
	{ "P4: two, one is down", "fdf", "000", 2, SERVE, 0, "02", ANAME_FRESH, 300, 0 },
	{ "P4: no more than there are", "ffd", "001", 9, SERVE, 0, "01", ANAME_FRESH, 300, 0 },
};

/*! A choice with room for four. */
typedef union {
	aname_choice_t choice;
	uint8_t room[sizeof(aname_choice_t) + 4 * sizeof(aname_contender_t)];
} room_t;

static room_t make_choice(const pool_row_t *row)
{
	room_t room = { 0 };
	for (const char *rank = row->ranks; rank != NULL && *rank != '\0'; rank++) {
		room.choice.at[room.choice.count++] =
		        (aname_contender_t){ .seed = *rank, .weight = 1, .rank = *rank - '0' };
	}
	room.choice.answer_targets = row->answer_targets;
	return room;
}

static void assert_used(const aname_answer_t *answer, const pool_row_t *row,
                        aname_snapshot_t *const *snapshots)
{
	if (row->used == NULL) {
		assert_int_equal(answer->used, 1);
		return;
	}
	assert_int_equal(answer->used, strlen(row->used));
	for (unsigned i = 0; i < answer->used; i++) {
		const aname_snapshot_t *snapshot = snapshots[row->used[i] - '0'];
		/* All of it, also of what is down. */
		assert_ptr_equal(answer->use[i].set.rdata, snapshot->rdata);
		assert_int_equal(answer->use[i].set.count, snapshot->count);
		assert_int_equal(answer->use[i].pick, snapshot->pick);
	}
}

static void check_pool(void **state)
{
	const pool_row_t *row = *state;
	const room_t room = make_choice(row);
	const aname_view_t none = { 0 };
	aname_snapshot_t *snapshots[4];
	aname_pool_t pool = { .all_down = row->all_down,
		              .choice = row->ranks != NULL ? &room.choice : NULL };
	for (; row->pool[pool.count] != '\0'; pool.count++) {
		snapshots[pool.count] = make_snapshot(4, 10 * pool.count, 2, 7 + pool.count);
		pool.parts[pool.count] =
		        part_of(row->pool[pool.count], snapshots[pool.count], &none);
	}
	aname_answer_t answer;
	memset(&answer, 0xa5, sizeof(answer));
	aname_answer_decide(&pool, row->accept_fallback, &answer);
	assert_int_equal(answer.worth, row->worth);
	assert_used(&answer, row, snapshots);
	assert_int_equal(answer.all_down, row->is_all_down);
	if (row->worth != ANAME_FAILED && row->worth != ANAME_COLD) {
		assert_int_equal(answer.ttl, row->ttl);
	}
	bool refused = row->worth == ANAME_FAILED && row->is_all_down;
	assert_int_equal(answer.failure == ANAME_FAILURE_DOWN, refused);
	assert_int_equal(answer.emptied, refused);
	assert_int_equal(answer.no_sibling, refused && row->all_down == ANAME_ALL_DOWN_SERVFAIL);
	for (unsigned i = 0; i < pool.count; i++) {
		free(snapshots[i]);
	}
}

/* H4 and A10: one family and the other. */

static void spared(void **state)
{
	static const struct {
		aname_worth_t other;
		bool sibling;
		aname_worth_t worth;
	} rows[] = {
		{ ANAME_FRESH, false, ANAME_NODATA },  { ANAME_STALE, false, ANAME_NODATA },
		{ ANAME_FAILED, false, ANAME_FAILED }, { ANAME_FAILED, true, ANAME_NODATA },
		{ ANAME_NODATA, false, ANAME_FAILED }, { ANAME_COLD, false, ANAME_COLD },
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		aname_answer_t answer = { .worth = ANAME_FAILED,
			                  .failure = ANAME_FAILURE_DOWN,
			                  .emptied = true,
			                  .all_down = true };
		aname_answer_spare(rows[i].other, rows[i].sibling, &answer);
		assert_int_equal(answer.worth, rows[i].worth);
		assert_true(answer.all_down);
		assert_true(answer.worth != ANAME_NODATA || answer.ttl <= 30);
	}
}

static void down_for_a_client(void **state)
{
	aname_snapshot_t *snapshot = make_snapshot(4, 0, 2, 0);
	const aname_view_t none = { 0 };
	const struct {
		char client, general, taken;
	} rows[] = {
		{ 'f', 'f', 'f' }, { 'd', 'f', 'F' }, { 'd', 'd', 'd' },
		{ 'd', 'x', 'd' }, { 'd', 's', 'd' }, { 'f', 'd', 'f' },
	};
	for (unsigned i = 0; i < COUNT_OF(rows); i++) {
		const aname_part_t client = part_of(rows[i].client, snapshot, &none);
		const aname_part_t general = part_of(rows[i].general, snapshot, &none);
		aname_part_t taken = aname_answer_for_client(&client, &general, 24);
		assert_int_equal(taken.down, rows[i].taken == 'd');
		assert_int_equal(taken.scope, rows[i].taken == 'F' ? 24 : 0);
		assert_true(rows[i].taken != 'F' || taken.judgement.ttl <= ANAME_PARTIAL_TTL);
	}
	free(snapshot);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("H4, A10: a family without others", spared),
		PROVES("H3, N4: what is for a client is all down", down_for_a_client),
	};
	return RUN_ROWS("pool: seen through health", looks, check_look) +
	       RUN_ROWS("pool: the choice, and health", pool_rows, check_pool) +
	       RUN_TESTS("pool: families", tests);
}
