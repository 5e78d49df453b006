#include "check/check.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

#include "check/health.h"
#include "check/worth.h"
#include "items.h"
#include "text.h"

/*! Targets that get lines of their own, of each kind; the others are counted. */
#define SHOWN    10
/*! Owners that are asked for as a client does. */
#define ASKED    32
/*! A reply takes no longer: more than `wait` may be. */
#define REPLY_MS 6000

/*! What is known of a target, of both families. */
typedef enum {
	TARGET_UNKNOWN, /*!< It was not looked up yet. */
	TARGET_BAD,     /*!< It fails, is gone or does not exist. */
	TARGET_GOOD,
} target_t;

typedef struct {
	kaname_check_t *check;
	kaname_live_t live;
	kaname_items_t targets; /*!< By target, in lower case: its owners. */
	size_t owners, count;   /*!< Of these, and of targets. */
	size_t good, bad, unknown;
} others_t;

/* Targets. */

static bool is_bad(const kaname_line_t *line)
{
	return kaname_live_field(line, ANAME_KEY_FAILING) != NULL ||
	       kaname_live_field(line, ANAME_KEY_GONE) != NULL ||
	       kaname_live_field(line, ANAME_KEY_NXDOMAIN) != NULL;
}

static bool is_known(const kaname_line_t *line)
{
	const char *state = kaname_live_field(line, ANAME_KEY_STATE);
	return state != NULL && strcmp(state, ANAME_STATE_COLD) != 0;
}

static bool is_of_all(const kaname_line_t *line)
{
	return kaname_live_field(line, ANAME_KEY_SUBNET) == NULL;
}

static target_t judge_target(const others_t *others, const char *name)
{
	size_t count;
	bool known = false;
	const kaname_line_t *lines = kaname_live_find(&others->live, name, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_of_all(&lines[i]) && is_bad(&lines[i])) {
			return TARGET_BAD;
		}
		known |= is_of_all(&lines[i]) && is_known(&lines[i]);
	}
	return known ? TARGET_GOOD : TARGET_UNKNOWN;
}

/*! Whose target it is: the first owner, and how many more. */
static void name_owners(const kaname_item_t *items, size_t count, char *text, size_t size)
{
	int len = snprintf(text, size, "%s", items[0].value);
	if (count > 1 && len > 0 && len < (int)size) {
		(void)snprintf(text + len, size - len, " and %zu more", count - 1);
	}
}

/*! Tells what is bad of a target. */
static void report_target(const others_t *others, const char *whose, const char *name)
{
	size_t count;
	const kaname_line_t *lines = kaname_live_find(&others->live, name, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_of_all(&lines[i]) && is_bad(&lines[i])) {
			kaname_check_target(others->check, whose, &lines[i]);
		}
	}
}

/*! Tells which of its addresses are down or forced; false if none is probed or forced. */
static bool report_health(const others_t *others, const char *name)
{
	size_t count;
	bool any = false;
	const kaname_line_t *lines = kaname_live_find(&others->live, name, &count);
	for (size_t i = 0; i < count; i++) {
		if (is_of_all(&lines[i]) && lines[i].addresses_count > 0) {
			kaname_check_health(others->check, &lines[i]);
			any = true;
		}
	}
	return any;
}

/*! The items of a target are behind each other. */
static size_t items_of(const kaname_items_t *targets, size_t first)
{
	size_t count = 1;
	while (first + count < targets->count &&
	       strcmp(targets->at[first + count].id, targets->at[first].id) == 0) {
		count++;
	}
	return count;
}

static void judge_targets(others_t *others)
{
	char whose[KANAME_CHECK_TEXT_MAX];
	size_t probed = 0;
	for (size_t i = 0, count; i < others->targets.count; i += count) {
		const kaname_item_t *items = &others->targets.at[i];
		count = items_of(&others->targets, i);
		target_t target = judge_target(others, items->id);
		others->count++;
		others->good += target == TARGET_GOOD;
		others->unknown += target == TARGET_UNKNOWN;
		if (target == TARGET_BAD && others->bad++ < SHOWN) {
			name_owners(items, count, whose, sizeof(whose));
			report_target(others, whose, items->id);
		}
		if (probed < SHOWN) {
			probed += report_health(others, items->id);
		}
	}
}

static void report(const others_t *others)
{
	const char *more = others->count == 1 ? "" : "s";
	if (others->bad > SHOWN) {
		kaname_bad(others->check, "'kaname status' shows all of them",
		           "%zu more targets of owners other than the apex cannot be resolved, are "
		           "gone or do not exist",
		           others->bad - SHOWN);
	}
	if (others->unknown > 0) {
		kaname_note(
		        "%zu target%s of owners other than the apex: not looked up yet, since no "
		        "client has asked",
		        others->unknown, others->unknown == 1 ? "" : "s");
	}
	if (others->bad == 0) {
		kaname_good("%zu owner%s other than the apex, with %zu target%s: %zu resolvable",
		            others->owners, others->owners == 1 ? "" : "s", others->count, more,
		            others->good);
	} else {
		kaname_note(
		        "%zu owner%s other than the apex, with %zu target%s: %zu resolvable, %zu "
		        "not",
		        others->owners, others->owners == 1 ? "" : "s", others->count, more,
		        others->good, others->bad);
	}
}

/* What a client gets. */

/*! An owner that is asked for. */
typedef struct {
	const kaname_record_t *records;
	size_t count;
} owner_t;

/*! Is one of its targets so? */
static bool has(const others_t *others, const owner_t *owner, target_t what)
{
	for (size_t i = 0; i < owner->count; i++) {
		knot_dname_storage_t lower;
		knot_dname_txt_storage_t text;
		if (!owner->records[i].good ||
		    knot_dname_store(lower, owner->records[i].target) == 0) {
			continue;
		}
		knot_dname_to_lower(lower);
		if (knot_dname_to_str(text, lower, sizeof(text)) != NULL &&
		    judge_target(others, text) == what) {
			return true;
		}
	}
	return false;
}

/*! Chooses owners: those first whose targets are not known, and then those that have a good one. */
static size_t choose(const others_t *others, owner_t chosen[ASKED])
{
	const kaname_records_t *records = &others->check->others;
	size_t count = 0;
	for (int unknown = 1; unknown >= 0; unknown--) {
		for (size_t i = 0, next; i < records->count && count < ASKED; i = next) {
			for (next = i + 1;
			     next < records->count &&
			     strcmp(records->at[next].owner, records->at[i].owner) == 0;
			     next++) {
			}
			owner_t owner = { .records = &records->at[i], .count = next - i };
			bool is_unknown = has(others, &owner, TARGET_UNKNOWN);
			if (unknown ? is_unknown
			            : !is_unknown && has(others, &owner, TARGET_GOOD)) {
				chosen[count++] = owner;
			}
		}
	}
	return count;
}

static bool find_server(const kaname_check_t *check, struct sockaddr_storage *server)
{
	for (size_t i = 0; i < check->listen.count; i++) {
		*server = (struct sockaddr_storage){ 0 };
		if (kaname_address_read(check->listen.at[i], server)) {
			return true;
		}
	}
	return false;
}

/*! Are there targets of owners that are looked up for the first time? */
static bool is_pending(const others_t *others)
{
	for (size_t i = 0; i < others->live.count; i++) {
		if (is_of_all(&others->live.targets[i]) &&
		    kaname_check_is_pending(&others->live.targets[i])) {
			return true;
		}
	}
	return false;
}

static kaname_exit_t read_live(others_t *others)
{
	kaname_check_t *check = others->check;
	if (others->live.text != NULL) {
		kaname_live_free(&others->live);
	}
	return kaname_live_read(check->args, check->zone, &check->others, &others->live);
}

/*! Has targets that nobody has asked for looked up, and waits for that. */
static kaname_exit_t wake(others_t *others, const struct sockaddr_storage *server,
                          const owner_t *chosen, size_t count)
{
	static kaname_answer_t answer;
	kaname_exit_t ret = KANAME_OK;
	for (size_t i = 0; i < count && has(others, &chosen[i], TARGET_UNKNOWN); i++) {
		for (int family = 0; family < 2; family++) {
			knot_dname_storage_t name;
			kaname_question_t question = {
				.name = kaname_name_read(name, chosen[i].records->owner),
				.type = kaname_families[family],
				.server = *server,
				.timeout_ms = REPLY_MS,
			};
			kaname_ask(&question, &answer);
			if (answer.failure != NULL) {
				/* What is silent once is not waited for 64 times. */
				return KANAME_OK;
			}
		}
	}
	for (int i = 0; i < KANAME_CHECK_REPEATS && ret == KANAME_OK; i++) {
		(void)poll(NULL, 0, i > 0 ? KANAME_CHECK_REPEAT_MS : 0);
		ret = read_live(others);
		if (ret == KANAME_OK && !is_pending(others)) {
			break;
		}
	}
	return ret;
}

/*! Judges the two answers of an owner. Returns whether there is something to look at. */
static bool judge_answers(const others_t *others, const owner_t *owner,
                          const kaname_answer_t answers[2])
{
	char next[KANAME_CHECK_TEXT_MAX];
	unsigned addresses = 0;
	kaname_check_t *check = others->check;
	const char *name = owner->records->owner;
	(void)snprintf(next, sizeof(next), "the log says why; 'kdig %s A' and its targets above",
	               name);
	for (int family = 0; family < 2; family++) {
		const kaname_answer_t *answer = &answers[family];
		const char *type = aname_family_text(kaname_families[family]),
		           *ede = kaname_ede_text(answer->ede);
		addresses += answer->count;
		if (answer->failure != NULL) {
			kaname_bad(check, "does knotd listen there, and does a firewall let it?",
			           "a client that asks for %s %s: %s", name, type, answer->failure);
			return true;
		}
		if (answer->rcode != KNOT_RCODE_NOERROR) {
			const knot_lookup_t *rcode =
			        knot_lookup_by_id(knot_rcode_names, answer->rcode);
			kaname_bad(check, next, "a client gets for %s %s: %s%s%s%s", name, type,
			           rcode != NULL ? rcode->name : "an unknown code",
			           ede != NULL ? " (" : "", ede != NULL ? ede : "",
			           ede != NULL ? ")" : "");
			return true;
		}
		if (check->is_signed && answer->count > 0 && !answer->is_signed) {
			kaname_bad(check, "see 'Signed zones' in the operator's guide",
			           "a client gets for %s %s: addresses, not signed", name, type);
			return true;
		}
	}
	if (addresses == 0) {
		kaname_note("a client gets for %s: no address of either family", name);
	}
	return false;
}

/*! Asks as a client does for an owner. */
static bool ask(const others_t *others, const struct sockaddr_storage *server, const owner_t *owner,
                kaname_answer_t answers[2])
{
	for (int family = 0; family < 2; family++) {
		knot_dname_storage_t name;
		kaname_question_t question = {
			.name = kaname_name_read(name, owner->records->owner),
			.type = kaname_families[family],
			.server = *server,
			.tcp = true,
			.dnssec = others->check->is_signed,
			.timeout_ms = REPLY_MS,
		};
		kaname_ask(&question, &answers[family]);
	}
	return judge_answers(others, owner, answers);
}

/*! The same for all that were chosen, but for those of which no target is good: that was said. */
static void ask_all(const others_t *others, const struct sockaddr_storage *server,
                    const owner_t *chosen, size_t count)
{
	static kaname_answer_t answers[2];
	size_t asked = 0, bad = 0;
	for (size_t i = 0; i < count && bad < SHOWN; i++) {
		if (!others->check->is_mute && !has(others, &chosen[i], TARGET_GOOD)) {
			continue;
		}
		asked++;
		bad += ask(others, server, &chosen[i], answers);
		if (answers[0].failure != NULL) {
			return;
		}
	}
	if (bad == 0 && asked > 0) {
		kaname_good("a client gets answers for %zu owner%s other than the apex", asked,
		            asked == 1 ? "" : "s");
	}
}

/* The whole. */

/*! Takes targets and owners; false if out of memory. */
static bool take_all(others_t *others)
{
	const kaname_records_t *records = &others->check->others;
	for (size_t i = 0; i < records->count; i++) {
		knot_dname_storage_t lower;
		knot_dname_txt_storage_t text;
		const kaname_record_t *record = &records->at[i];
		others->owners += i == 0 || strcmp(record->owner, records->at[i - 1].owner) != 0;
		if (record->good && knot_dname_store(lower, record->target) > 0) {
			knot_dname_to_lower(lower);
			if (knot_dname_to_str(text, lower, sizeof(text)) != NULL) {
				(void)kaname_items_add(&others->targets, text, record->owner);
			}
		}
	}
	kaname_items_sort(&others->targets);
	return !others->targets.failed;
}

void kaname_check_others(kaname_check_t *check)
{
	static owner_t chosen[ASKED];
	others_t others = { .check = check };
	struct sockaddr_storage server;
	if (check->others.count == 0) {
		return;
	}
	bool is_reachable = find_server(check, &server);
	kaname_exit_t ret = check->is_mute ? KANAME_NO : read_live(&others);
	if (!take_all(&others)) {
		kaname_error("out of memory");
		ret = KANAME_NO;
	}
	size_t count = choose(&others, chosen);
	if (ret == KANAME_OK && is_reachable) {
		ret = wake(&others, &server, chosen, count);
	}
	if (ret == KANAME_OK) {
		judge_targets(&others);
		report(&others);
	}
	if (is_reachable) {
		ask_all(&others, &server, chosen, count);
	}
	if (others.live.text != NULL) {
		kaname_live_free(&others.live);
	}
	kaname_items_free(&others.targets);
}
