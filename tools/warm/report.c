#include "warm/warm.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "text.h"

/*! Names with their reasons; --verbose prints all of them. */
#define LINES_MAX     20
#define REASON_MAX    1000
#define PROGRESS_MS   200
#define EDE_NOT_READY 14

/*! Names, by the worse of their families. */
typedef struct {
	size_t open, failed, known;
} totals_t;

static bool is_known(const kaname_warm_name_t *name)
{
	return name->questions[0].verdict == KANAME_WARM_KNOWN &&
	       name->questions[1].verdict == KANAME_WARM_KNOWN;
}

static totals_t count_names(const kaname_warm_t *warm)
{
	totals_t totals = { 0 };
	for (size_t i = 0; i < warm->count; i++) {
		const kaname_warm_name_t *name = &warm->names[i];
		if (name->left_out) {
			continue;
		}
		bool failing = name->questions[0].verdict == KANAME_WARM_FAILING ||
		               name->questions[1].verdict == KANAME_WARM_FAILING;
		totals.known += is_known(name);
		totals.failed += failing;
		totals.open += !is_known(name) && !failing;
	}
	return totals;
}

/* Progress. */

static bool shows_progress(const kaname_warm_t *warm)
{
	return !warm->args->quiet && isatty(STDERR_FILENO) == 1;
}

void kaname_warm_progress(const kaname_warm_t *warm)
{
	static int64_t shown_ms;
	int64_t now_ms = kaname_now_ms();
	if (now_ms - shown_ms < PROGRESS_MS || !shows_progress(warm)) {
		return;
	}
	shown_ms = now_ms;
	(void)fprintf(stderr, "\r%zu of %zu names known\033[K", count_names(warm).known,
	              warm->count - warm->left_out);
}

/* Reasons. */

static const char *reason_of_failure(const kaname_warm_name_t *name,
                                     const kaname_warm_question_t *question)
{
	const char *text = kaname_ede_text(question->ede);
	if (!kaname_warm_has_target(name)) {
		return "the RDATA is no domain name";
	}
	if (question->said == KANAME_WARM_ANSWER) {
		return "the target cannot be resolved, the zone's own addresses stand in";
	}
	if (text != NULL) {
		return text;
	}
	const knot_lookup_t *found = knot_lookup_by_id(knot_rcode_names, question->rcode);
	return found != NULL ? found->name : "an unknown code";
}

static const char *reason_of_open(const kaname_warm_question_t *question)
{
	if (!question->asked) {
		return "not asked for in time";
	}
	switch (question->said) {
	case KANAME_WARM_SILENCE: return "no reply";
	case KANAME_WARM_NOT_READY: return kaname_ede_text(EDE_NOT_READY);
	case KANAME_WARM_NOT_SERVED: return "the zone is not loaded";
	default: return "not known in time";
	}
}

/*! Writes why a question is not known. */
static void put_reason(char reason[REASON_MAX], const kaname_warm_t *warm,
                       const kaname_warm_name_t *name, int family)
{
	const kaname_warm_question_t *question = &name->questions[family];
	const char *target = NULL, *why = kaname_warm_why(warm, name, family, &target);
	const char *text = question->verdict == KANAME_WARM_OPEN
	                           ? reason_of_open(question)
	                           : reason_of_failure(name, question);
	if (why != NULL) {
		(void)snprintf(reason, REASON_MAX, "%s (%s %s)", text, target, why);
	} else {
		(void)snprintf(reason, REASON_MAX, "%s", text);
	}
}

/*! Prints why a name is not known; once if both families have the same reason. */
static void print_name(const kaname_warm_t *warm, const kaname_warm_name_t *name)
{
	char reasons[2][REASON_MAX] = { "", "" };
	bool bad[2];
	for (int family = 0; family < 2; family++) {
		bad[family] = name->questions[family].verdict != KANAME_WARM_KNOWN;
		if (bad[family]) {
			put_reason(reasons[family], warm, name, family);
		}
	}
	if (bad[0] && bad[1] && strcmp(reasons[0], reasons[1]) == 0) {
		(void)printf("%s A, AAAA: %s\n", kaname_warm_owner(name), reasons[0]);
		return;
	}
	for (int family = 0; family < 2; family++) {
		if (bad[family]) {
			(void)printf("%s %s: %s\n", kaname_warm_owner(name),
			             family == 0 ? "A" : "AAAA", reasons[family]);
		}
	}
}

/* The whole. */

static void print_names(const kaname_warm_t *warm, size_t bad)
{
	size_t most = warm->args->verbose ? bad : LINES_MAX, printed = 0;
	for (size_t i = 0; i < warm->count && printed < most; i++) {
		const kaname_warm_name_t *name = &warm->names[i];
		if (!name->left_out && !is_known(name)) {
			print_name(warm, name);
			printed++;
		}
	}
	if (bad > printed) {
		(void)printf("and %zu more, --verbose prints all\n", bad - printed);
	}
}

static void print_summary(const kaname_warm_t *warm, const totals_t *totals)
{
	size_t count = warm->count - warm->left_out;
	(void)printf("%zu name%s: %zu known, %zu failed", count, count == 1 ? "" : "s",
	             totals->known, totals->failed);
	if (totals->open > 0) {
		(void)printf(", %zu not known in %d s", totals->open, warm->timeout_s);
	}
	(void)putchar('\n');
}

/*! Tells of owners that no client sees. */
static void print_hidden(const kaname_warm_t *warm)
{
	const kaname_record_t *first = warm->first_hidden;
	if (warm->hidden == 1) {
		(void)fprintf(stderr, "note: %s: %s, so no client sees it; left out\n",
		              first->owner, first->hidden);
	} else if (warm->hidden > 1) {
		(void)fprintf(stderr,
		              "note: %zu names are left out, since no client sees them: %s, %s, "
		              "and %zu more\n"
		              "next: 'kaname check %s' says which\n",
		              warm->hidden, first->owner, first->hidden, warm->hidden - 1,
		              kaname_zone_of(first));
	}
}

/*! Tells what is to be done about a name that is not known, if there is one. */
static void print_cure(const kaname_warm_t *warm)
{
	for (size_t i = 0; i < warm->count; i++) {
		if (!warm->names[i].left_out && !is_known(&warm->names[i])) {
			(void)fprintf(stderr, "next: 'kaname check %s' says what to do\n",
			              kaname_zone_of(warm->names[i].records));
			return;
		}
	}
}

/*! Tells what was not asked for. */
static void print_notes(const kaname_warm_t *warm)
{
	/* In this order, wherever they go. */
	(void)fflush(stdout);
	print_cure(warm);
	if (warm->left_out > 0) {
		(void)fprintf(stderr,
		              "note: %zu name%s left out: mod-aname is not loaded for %s\n"
		              "next: 'kaname check %s' says why, if it is not meant so\n",
		              warm->left_out, warm->left_out == 1 ? " is" : "s are",
		              warm->left_out == 1 ? "its zone" : "their zones",
		              kaname_zone_of(warm->first_left_out->records));
	}
	print_hidden(warm);
	if (warm->loading) {
		(void)fprintf(stderr, "note: there are zones that are still being loaded\n");
	}
}

/*! Reports zones that were named and have no name to ask for; false if there are any. */
static bool check_zones(const kaname_warm_t *warm)
{
	bool good = true;
	for (int i = 0; i < warm->args->count; i++) {
		if (!warm->found[i]) {
			kaname_error("%s is not loaded, or has no ANAME or ALIAS record",
			             warm->args->arguments[i]);
			(void)fprintf(stderr, "next: 'kaname check %s'\n",
			              warm->args->arguments[i]);
			good = false;
		}
	}
	return good;
}

kaname_exit_t kaname_warm_report(const kaname_warm_t *warm)
{
	const totals_t totals = count_names(warm);
	size_t bad = totals.open + totals.failed;
	if (shows_progress(warm)) {
		(void)fputs("\r\033[K", stderr);
	}
	if (!warm->args->quiet) {
		print_names(warm, bad);
		print_summary(warm, &totals);
		print_notes(warm);
	}
	bool good = check_zones(warm) && bad == 0 && !warm->loading;
	return good ? KANAME_OK : KANAME_NO;
}
