#include "support/test.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "log/log.h"
#include "log/logbook.h"
#include "support/alloc.h"

/* The linker sends pthread_mutex_trylock() through here. */
static _Atomic bool lock_is_taken;

int __real_pthread_mutex_trylock(pthread_mutex_t *lock);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *lock);

int __wrap_pthread_mutex_trylock(pthread_mutex_t *lock)
{
	return atomic_load(&lock_is_taken) ? EBUSY : __real_pthread_mutex_trylock(lock);
}

/*! What was read out. */
typedef struct {
	unsigned count;
	int priorities[200];
	char messages[200][ANAME_LOG_MAX];
	aname_logbook_t *answer_to; /*!< Writes one more message while one is read out. */
} heard_t;

static void hear(void *ctx, int priority, const char *message)
{
	heard_t *heard = ctx;
	assert_true(heard->count < COUNT_OF(heard->messages));
	heard->priorities[heard->count] = priority;
	(void)snprintf(heard->messages[heard->count], ANAME_LOG_MAX, "%s", message);
	heard->count++;
	if (heard->answer_to != NULL) {
		aname_logbook_t *book = heard->answer_to;
		heard->answer_to = NULL;
		aname_logbook_write(book, LOG_DEBUG, "answer", 0);
	}
}

static heard_t heard;

static void listen_at(aname_logbook_t *book, int64_t now_ms)
{
	memset(&heard, 0, sizeof(heard));
	const aname_log_t log = { hear, &heard };
	aname_logbook_read(book, &log, now_ms);
}

/*! Listens before any message is old. */
static void listen_to(aname_logbook_t *book)
{
	listen_at(book, INT64_MIN / 2);
}

static void write_number(aname_logbook_t *book, unsigned n, int64_t now_ms)
{
	char message[32];
	(void)snprintf(message, sizeof(message), "message %u", n);
	aname_logbook_write(book, n % 8, message, now_ms);
}

/*! Are the numbers from `first` on what was heard from the `at`-th on? */
static void check_numbers(unsigned at, unsigned first, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		char message[32];
		(void)snprintf(message, sizeof(message), "message %u", first + i);
		assert_string_equal(heard.messages[at + i], message);
		assert_int_equal(heard.priorities[at + i], (first + i) % 8);
	}
}

static aname_logbook_t *new_book(void)
{
	aname_logbook_t *book = aname_logbook_new();
	assert_non_null(book);
	return book;
}

static void in_order(void **state)
{
	aname_logbook_t *book = new_book();
	listen_to(book);
	assert_int_equal(heard.count, 0);
	for (unsigned n = 0; n < 20; n++) {
		write_number(book, n, 5000);
	}
	listen_to(book);
	assert_int_equal(heard.count, 20);
	check_numbers(0, 0, 20);
	listen_to(book);
	assert_int_equal(heard.count, 0);
	aname_logbook_free(book);
}

static void few_a_second(void **state)
{
	aname_logbook_t *book = new_book();
	for (unsigned n = 0; n < 1000; n++) {
		write_number(book, n, 5000 + n % 1000);
	}
	listen_to(book);
	assert_int_equal(heard.count, 21);
	check_numbers(0, 0, 20);
	assert_string_equal(heard.messages[20], "980 more messages were left out");
	assert_int_equal(heard.priorities[20], LOG_NOTICE);

	/* Reading does not give room in the same second, the next second does. */
	write_number(book, 0, 5999);
	write_number(book, 1, 6000);
	listen_to(book);
	assert_int_equal(heard.count, 1);
	check_numbers(0, 1, 1);
	aname_logbook_free(book);
}

static void left_out_once_a_minute(void **state)
{
	/* 45 s of 100 messages a second, read out 1000 times a second; and a minute of quiet. */
	aname_logbook_t *book = new_book();
	unsigned lines = 0, left_out = 0, logged = 0;
	for (int64_t ms = 0; ms < 110000; ms++) {
		if (ms < 45000 && ms % 10 == 0) {
			write_number(book, 1, 1000000 + ms);
		}
		listen_at(book, 1000000 + ms);
		for (unsigned i = 0; i < heard.count; i++) {
			unsigned count;
			if (sscanf(heard.messages[i], "%u more messages were", &count) == 1) {
				left_out += count;
				lines++;
			} else {
				logged++;
			}
		}
	}
	assert_int_equal(logged, 45 * 20);
	assert_int_equal(left_out, 45 * 80);
	assert_int_equal(lines, 2);
	assert_false(aname_logbook_is_written(book));
	aname_logbook_free(book);
}

/*! Follows all targets that begin with a letter. */
static bool follows_letter(const void *ctx, const knot_dname_t *target)
{
	return target[1] == *(const char *)ctx;
}

static void listen_for(aname_logbook_t *book, const char *letter, int64_t now_ms)
{
	memset(&heard, 0, sizeof(heard));
	const aname_log_t log = { hear, &heard };
	const aname_logbook_reader_t reader = { follows_letter, letter };
	aname_logbook_read_for(book, &reader, &log, now_ms);
}

static void about_targets(void **state)
{
	static const knot_dname_t *const a = (const uint8_t *)"\x01"
	                                                      "a";
	static const knot_dname_t *const b = (const uint8_t *)"\x01"
	                                                      "b";
	aname_logbook_t *book = new_book();
	aname_logbook_write_about(book, a, LOG_INFO, "of a", 0);
	aname_logbook_write_about(book, b, LOG_INFO, "of b", 10);
	aname_logbook_write(book, LOG_INFO, "of none", 20);
	aname_logbook_write_about(book, a, LOG_INFO, "of a again", 30);
	listen_for(book, "b", 40);
	assert_int_equal(heard.count, 2);
	assert_string_equal(heard.messages[0], "of b");
	assert_string_equal(heard.messages[1], "of none");
	listen_for(book, "b", 50);
	assert_int_equal(heard.count, 0);
	assert_true(aname_logbook_is_written(book));
	listen_for(book, "a", 60);
	assert_int_equal(heard.count, 2);
	assert_string_equal(heard.messages[0], "of a");
	assert_string_equal(heard.messages[1], "of a again");
	assert_false(aname_logbook_is_written(book));

	/* Whoever follows everything reads everything; what nobody wants is dropped in a minute. */
	aname_logbook_write_about(book, a, LOG_INFO, "of a", 1000);
	aname_logbook_write_about(book, b, LOG_INFO, "of b", 1000);
	listen_for(book, "a", 1000 + ANAME_LOGBOOK_WAIT_MS - 1);
	assert_int_equal(heard.count, 1);
	listen_for(book, "a", 1000 + ANAME_LOGBOOK_WAIT_MS);
	assert_int_equal(heard.count, 0);
	assert_false(aname_logbook_is_written(book));
	listen_at(book, 1000 + ANAME_LOGBOOK_WAIT_MS);
	assert_int_equal(heard.count, 0);
	aname_logbook_write_about(book, a, LOG_INFO, "of a", 200000);
	aname_logbook_write_about(book, b, LOG_INFO, "of b", 200000);
	listen_at(book, 200000);
	assert_int_equal(heard.count, 2);

	/* What is read from the middle leaves the rest in order, and the pages are used again. */
	for (unsigned round = 0; round < 1000; round++) {
		int64_t now_ms = 1000000 + 1000 * (int64_t)round;
		for (unsigned i = 0; i < 6; i++) {
			char message[32];
			(void)snprintf(message, sizeof(message), "message %u", i);
			aname_logbook_write_about(book, i % 2 == 0 ? a : b, i, message, now_ms);
		}
		listen_for(book, "b", now_ms);
		assert_int_equal(heard.count, 3);
		assert_string_equal(heard.messages[2], "message 5");
		listen_for(book, "a", now_ms);
		assert_int_equal(heard.count, 3);
		assert_string_equal(heard.messages[1], "message 2");
	}
	aname_logbook_free(book);
}

static void few_unread(void **state)
{
	aname_logbook_t *book = new_book();
	for (unsigned n = 0; n < 100; n++) {
		write_number(book, n, 1000 * (int64_t)n);
	}
	listen_to(book);
	assert_int_equal(heard.count, 65);
	check_numbers(0, 0, 64);
	assert_string_equal(heard.messages[64], "36 more messages were left out");
	aname_logbook_free(book);
}

static void around(void **state)
{
	aname_logbook_t *book = new_book();
	for (unsigned n = 0; n < 5000; n += 15) {
		for (unsigned i = 0; i < 15; i++) {
			write_number(book, n + i, 1000 * (int64_t)n);
		}
		listen_to(book);
		assert_int_equal(heard.count, 15);
		check_numbers(0, n, 15);
	}
	aname_logbook_free(book);
}

static void old_messages(void **state)
{
	static const struct {
		int64_t age_ms;
		const char *heard;
	} rows[] = {
		{ 0, "message 1" },
		{ 1999, "message 1" },
		{ 2000, "message 1, 2 s ago" },
		{ 61999, "message 1, 61 s ago" },
		{ 86400000, "message 1, 86400 s ago" },
		{ -1, "message 1" }, /* Clock set back. */
		{ -86400000, "message 1" },
	};
	aname_logbook_t *book = new_book();
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		int64_t now_ms = 1000000000 + 10000 * (int64_t)i;
		write_number(book, 1, now_ms);
		listen_at(book, now_ms + rows[i].age_ms);
		assert_int_equal(heard.count, 1);
		assert_string_equal(heard.messages[0], rows[i].heard);
		assert_int_equal(heard.priorities[0], 1);
	}

	/* The age of a message that is too long may be cut, never more. */
	char message[2 * ANAME_LOG_MAX];
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	aname_logbook_write(book, LOG_INFO, message, 0);
	listen_at(book, 10000);
	assert_int_equal(strlen(heard.messages[0]), ANAME_LOG_MAX - 1);
	aname_logbook_free(book);
}

static void clock_back(void **state)
{
	aname_logbook_t *book = new_book();
	for (unsigned n = 0; n < 20; n++) {
		write_number(book, n, 900000);
	}
	write_number(book, 20, 5000);
	write_number(book, 21, -5000);
	listen_to(book);
	assert_int_equal(heard.count, 22);
	check_numbers(0, 0, 22);
	aname_logbook_free(book);
}

static void one_reads(void **state)
{
	aname_logbook_t *book = new_book();
	write_number(book, 7, 0);
	atomic_store(&lock_is_taken, true);
	listen_to(book);
	assert_int_equal(heard.count, 0);
	atomic_store(&lock_is_taken, false);
	listen_to(book);
	assert_int_equal(heard.count, 1);
	check_numbers(0, 7, 1);
	aname_logbook_free(book);
}

static void written_while_read(void **state)
{
	aname_logbook_t *book = new_book();
	write_number(book, 1, 0);
	memset(&heard, 0, sizeof(heard));
	heard.answer_to = book;
	const aname_log_t log = { hear, &heard };
	aname_logbook_read(book, &log, 0);
	assert_int_equal(heard.count, 2);
	assert_string_equal(heard.messages[1], "answer");
	aname_logbook_free(book);
}

static void long_message(void **state)
{
	char message[3 * ANAME_LOG_MAX];
	memset(message, 'x', sizeof(message) - 1);
	message[sizeof(message) - 1] = '\0';
	aname_logbook_t *book = new_book();
	aname_logbook_write(book, LOG_INFO, message, 0);
	aname_logbook_write(book, LOG_INFO, "", 0);
	listen_to(book);
	assert_int_equal(heard.count, 2);
	assert_int_equal(strlen(heard.messages[0]), ANAME_LOG_MAX - 1);
	assert_string_equal(heard.messages[1], "");
	aname_logbook_free(book);
}

/* With threads: every message is read once, by whoever reads. */

typedef struct {
	aname_logbook_t *book;
	_Atomic unsigned logged;
	_Atomic unsigned left_out;
	_Atomic bool written;
} crowd_t;

static void tally(void *ctx, int priority, const char *message)
{
	crowd_t *crowd = ctx;
	unsigned left_out;
	if (sscanf(message, "%u more messages", &left_out) == 1) {
		atomic_fetch_add(&crowd->left_out, left_out);
	} else {
		atomic_fetch_add(&crowd->logged, 1);
	}
}

static void *reader(void *arg)
{
	crowd_t *crowd = arg;
	const aname_log_t log = { tally, crowd };
	while (!atomic_load(&crowd->written)) {
		aname_logbook_read(crowd->book, &log, 0);
	}
	return NULL;
}

static void many_readers(void **state)
{
	enum { MESSAGES = 20000 };
	crowd_t crowd = { .book = new_book() };
	pthread_t threads[3];
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_create(&threads[i], NULL, reader, &crowd), 0);
	}
	for (unsigned n = 0; n < MESSAGES; n++) {
		aname_logbook_write(crowd.book, LOG_INFO, "message", 100 * (int64_t)n);
	}
	atomic_store(&crowd.written, true);
	for (size_t i = 0; i < COUNT_OF(threads); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	}
	/* What is left out is logged once a minute only. */
	const aname_log_t log = { tally, &crowd };
	aname_logbook_read(crowd.book, &log, 120000);
	assert_int_equal(atomic_load(&crowd.logged) + atomic_load(&crowd.left_out), MESSAGES);
	aname_logbook_free(crowd.book);
}

/* What writes the messages. */

static void formatting(void **state)
{
	memset(&heard, 0, sizeof(heard));
	const aname_log_t log = { hear, &heard };
	aname_log(&log, LOG_ERR, "%s %d", "text", 5);
	assert_string_equal(heard.messages[0], "text 5");
	assert_int_equal(heard.priorities[0], LOG_ERR);
	aname_log(&log, LOG_ERR, "%2000d", 1);
	assert_int_equal(strlen(heard.messages[1]), ANAME_LOG_MAX - 1);
	aname_log(&log, LOG_ERR, "%s", "%s%n");
	assert_string_equal(heard.messages[2], "%s%n");

	const aname_log_t deaf = { NULL, NULL };
	aname_log(NULL, LOG_ERR, "nobody");
	aname_log(&deaf, LOG_ERR, "nobody");
	assert_int_equal(heard.count, 3);
}

static bool attempt_new(void *ctx)
{
	aname_logbook_t *book = aname_logbook_new();
	aname_logbook_free(book);
	return book != NULL;
}

static void out_of_memory(void **state)
{
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("W2: messages are read in order, once, with their priority", in_order),
		PROVES("W2: twenty a second are kept, and how many were not is logged",
		       few_a_second),
		PROVES("W2: how many were left out is logged once a minute",
		       left_out_once_a_minute),
		PROVES("W2: a message about a target is for those who follow it", about_targets),
		PROVES("W2: unread messages are bounded, the oldest are kept", few_unread),
		PROVES("5000 messages through a small book: none lost", around),
		PROVES("W2: a message that waited shows its age", old_messages),
		PROVES("a clock that is set back does not silence it", clock_back),
		PROVES("who finds another one reading leaves, and nothing is lost", one_reads),
		PROVES("the book may be written to while it is read", written_while_read),
		PROVES("a message too long is cut, an empty one is not lost", long_message),
		PROVES("three readers: &", many_readers),
		PROVES("messages are formatted and cut, without a log nothing happens", formatting),
		PROVES("out of memory: no book, nothing leaked", out_of_memory),
	};
	return RUN_TESTS("logbook", tests);
}
