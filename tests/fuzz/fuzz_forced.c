/*!
 * Any octets as what operators say one after the other: requests that force, as the status socket
 * takes them, and what happens in between. The list has to be what a plain one would be (H8).
 *
 * Files: module/service/forced.c module/service/status/request.c
 */

#include "fuzz.h"

#include <stdio.h>

#include <arpa/inet.h>
#include <libknot/errcode.h>

#include "service/forced.h"
#include "service/status/request.h"

/*! Names and addresses to choose from are few, so that they meet. */
#define SUBJECTS  40
/*! What fills the list up. */
#define FILL_MOST 1100

typedef struct {
	bool is;
	aname_forced_t state;
	int64_t since_ms, until_ms;
} word_t;

typedef struct {
	aname_forces_t *forces;
	word_t words[SUBJECTS + FILL_MOST];
	unsigned filled; /*!< How many of those that fill have been named. */
	size_t count;
	uint64_t changes;
	int64_t now_ms;
} case_t;

/*! The first are targets, the next addresses of both families, and the last what fills. */
static void subject_of(unsigned number, aname_subject_t *subject)
{
	subject->len = 0;
	if (number < SUBJECTS / 2) {
		/* Of names some begin like others, and some are as long. */
		const uint8_t name[] = {
			2, 'a' + number % 3, 'a' + number / 3, number % 2, 'x', 0
		};
		memcpy(subject->name, name, sizeof(name));
		return;
	}
	uint8_t address[16] = { 0x20, 1, 0x0d, 0xb8 };
	address[15] = number;
	address[14] = number >> 8;
	subject->len = number < SUBJECTS && number % 2 == 0 ? 16 : 4;
	memcpy(subject->address, subject->len == 16 ? address : address + 12, subject->len);
}

/*! As somebody would write it. */
static void write_request(const aname_subject_t *subject, aname_forced_t state, uint32_t seconds,
                          char *line, size_t size)
{
	static const char *const states[] = { "auto", "down", "up" };
	char text[ANAME_SUBJECT_TEXT_MAX], number[20] = "";
	aname_subject_text(subject, text);
	(void)snprintf(number, sizeof(number), " %u", seconds);
	(void)snprintf(line, size, "force %s %s%s", text, states[state], seconds > 0 ? number : "");
}

/*! Without the detour over text, since it is said of many. */
static void fill(case_t *is, unsigned count)
{
	for (; count > 0 && is->filled < FILL_MOST; count--) {
		unsigned number = SUBJECTS + is->filled++;
		aname_subject_t subject;
		subject_of(number, &subject);
		bool room = is->count < ANAME_FORCES_MAX;
		require(aname_forces_set(is->forces, &subject, ANAME_FORCED_UP, ANAME_FORCED_EVER,
		                         is->now_ms) == (room ? KNOT_EOK : KNOT_ELIMIT));
		if (room) {
			is->words[number] =
			        (word_t){ true, ANAME_FORCED_UP, is->now_ms, ANAME_FORCED_EVER };
			is->count++;
			is->changes++;
		}
	}
}

static void say(case_t *is, unsigned number, aname_forced_t state, uint32_t seconds)
{
	static aname_status_request_t request;
	char line[ANAME_SUBJECT_TEXT_MAX + 40];
	aname_subject_t subject;
	word_t *word = &is->words[number];
	subject_of(number, &subject);
	write_request(&subject, state, state != ANAME_FORCED_AUTO ? seconds : 0, line,
	              sizeof(line));
	require(aname_status_request_read(&request, line, strlen(line)) == NULL);
	int64_t until_ms = request.seconds > 0 ? is->now_ms + 1000 * (int64_t)request.seconds
	                                       : ANAME_FORCED_EVER;
	int ret =
	        aname_forces_set(is->forces, &request.subject, request.state, until_ms, is->now_ms);
	if (state == ANAME_FORCED_AUTO) {
		require(ret == (word->is ? KNOT_EOK : KNOT_ENOENT));
		is->count -= word->is;
		word->is = false;
	} else if (!word->is && is->count == ANAME_FORCES_MAX) {
		require(ret == KNOT_ELIMIT);
	} else {
		require(ret == KNOT_EOK);
		if (!word->is || word->state != state) {
			word->since_ms = is->now_ms;
		}
		is->count += !word->is;
		*word = (word_t){ true, state, word->since_ms, until_ms };
	}
	is->changes += ret == KNOT_EOK;
}

static void restore(case_t *is, unsigned number, aname_forced_t state)
{
	aname_force_t force = { .state = state,
		                .since_ms = is->now_ms - 5,
		                .until_ms = is->now_ms + 5000 };
	word_t *word = &is->words[number];
	subject_of(number, &force.subject);
	bool counts = !word->is && is->count < ANAME_FORCES_MAX;
	require(aname_forces_restore(is->forces, &force) == counts);
	if (counts) {
		*word = (word_t){ true, state, force.since_ms, force.until_ms };
		is->count++;
		is->changes++;
	}
}

/*! Takes off what is over, each once. */
static void expire(case_t *is)
{
	aname_force_t ended;
	while (aname_forces_expire(is->forces, is->now_ms, &ended)) {
		unsigned number = 0;
		for (aname_subject_t subject; number < SUBJECTS + is->filled; number++) {
			subject_of(number, &subject);
			if (subject.len == ended.subject.len &&
			    (subject.len > 0
			             ? memcmp(subject.address, ended.subject.address,
			                      subject.len) == 0
			             : knot_dname_is_equal(subject.name, ended.subject.name))) {
				break;
			}
		}
		require(number < SUBJECTS + is->filled && is->words[number].is);
		require(is->words[number].until_ms == ended.until_ms &&
		        ended.until_ms <= is->now_ms);
		is->words[number].is = false;
		is->count--;
		is->changes++;
	}
	for (unsigned i = 0; i < SUBJECTS; i++) {
		require(!is->words[i].is || is->words[i].until_ms > is->now_ms);
	}
}

/*! What counts for an address of a target. */
static void look(const case_t *is, unsigned target, unsigned address)
{
	aname_subject_t name, own;
	int64_t since_ms = -1;
	subject_of(target % (SUBJECTS / 2), &name);
	subject_of(SUBJECTS / 2 + address % (SUBJECTS / 2), &own);
	const word_t *word = &is->words[SUBJECTS / 2 + address % (SUBJECTS / 2)];
	word = word->is ? word : &is->words[target % (SUBJECTS / 2)];
	require(aname_forces_of(is->forces, name.name, own.address, own.len, &since_ms) ==
	        (word->is ? word->state : ANAME_FORCED_AUTO));
	require(since_ms == (word->is ? word->since_ms : -1));
}

static void check(const case_t *is)
{
	size_t position = 0, walked = 0;
	int64_t next_ms = INT64_MAX;
	uint8_t len = 255;
	for (const aname_force_t *force; (force = aname_forces_step(is->forces, &position)) != NULL;
	     walked++) {
		/* Addresses come first. */
		require(len > 0 || force->subject.len == 0);
		len = force->subject.len;
		require(force->state == ANAME_FORCED_DOWN || force->state == ANAME_FORCED_UP);
		/* Of the many that fill some are enough. */
		require(walked % 16 != 0 ||
		        aname_forces_find(is->forces, &force->subject) == force);
	}
	for (unsigned i = 0; i < SUBJECTS + is->filled; i++) {
		const word_t *word = &is->words[i];
		next_ms = word->is && word->until_ms < next_ms ? word->until_ms : next_ms;
		aname_subject_t subject;
		if (i < SUBJECTS || i % 16 == 0) {
			subject_of(i, &subject);
			const aname_force_t *force = aname_forces_find(is->forces, &subject);
			require((force != NULL) == word->is);
			require(force == NULL ||
			        (force->state == word->state && force->since_ms == word->since_ms &&
			         force->until_ms == word->until_ms));
		}
	}
	require(walked == is->count && aname_forces_any(is->forces) == (is->count > 0));
	require(aname_forces_next(is->forces) == next_ms);
	require(aname_forces_changes(is->forces) == is->changes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static case_t is;
	memset(is.words, 0, (SUBJECTS + is.filled) * sizeof(is.words[0]));
	is.filled = is.count = is.changes = 0;
	is.forces = aname_forces_new();
	is.now_ms = 1000;
	require(is.forces != NULL);
	for (input_t input = { data, size }; input.left > 0;) {
		uint8_t step = take_octet(&input);
		unsigned number = take_octet(&input);
		switch (step % 6) {
		case 0:
		case 1: say(&is, number % SUBJECTS, step / 6 % 3, take_number(&input, 2)); break;
		case 2: restore(&is, number % SUBJECTS, 1 + step / 6 % 2); break;
		case 3:
			is.now_ms += 1000 * (int64_t)number + (step & 0x80 ? step : 0);
			expire(&is);
			break;
		case 4: look(&is, step / 6, number); break;
		default: fill(&is, 5 * number); break;
		}
	}
	check(&is);
	aname_forces_free(is.forces);
	return 0;
}
