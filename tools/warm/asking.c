#include "warm/warm.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "text.h"

/*! Queries under way. The identifier holds the slot in its lower octet. */
#define WINDOW        256
/*! Queries a second, as many as lookups are started by default. */
#define RATE          20000
/*! Queries that may be sent at once after a pause. */
#define BURST         200
/*! A query without a reply is sent again after so long. */
#define REPLY_MS      500
/*! What is not known is asked for again after so long, or an eighth of the time up to now. */
#define AGAIN_MS      100
#define AGAIN_MAX_MS  2000
#define AGAIN_SHARE   8
/*! What fails while other names are known is given up when nothing has changed for so long; so a
 *  resolver that has just come up does no harm, whose failures are tried again one by one. */
#define FAILING_MS    3000
/*! The server is given up when it has not replied for so long. */
#define SILENCE_MS    5000
/*! Nothing is waited for without a look at the clock. */
#define STEP_MS       50
#define BUFFER        (1 << 20)
#define EDE_NOT_READY 14
#define EDE_BLOCKED   15

/*! A question that waits for its time. */
typedef struct {
	uint32_t question; /*!< Twice the number of the name, and one more for AAAA. */
	int64_t due_ms;
} waiting_t;

/*! A query under way. */
typedef struct {
	bool used;
	uint32_t question;
	int64_t until_ms;
	size_t len;
	uint8_t wire[KANAME_QUERY_MAX];
} slot_t;

/*! The questions not answered for good. Each stands once, in the ring or in a slot. The pause until
 *  one is asked again never becomes shorter, so that those in the ring are in order of time. */
typedef struct {
	kaname_warm_t *warm;
	int fd;
	waiting_t *ring;
	size_t size, head, count;
	slot_t slots[WINDOW];
	unsigned under_way;
	uint8_t round; /*!< Upper octet of the next identifier. */
	double credit; /*!< Queries that may be sent now. */
	int64_t credit_ms;
	int64_t silent_ms; /*!< Since when no query gets a reply; 0: the last one did. */
	kaname_answer_t answer;
} asking_t;

static kaname_warm_question_t *question_of(const asking_t *asking, uint32_t number)
{
	return &asking->warm->names[number / 2].questions[number % 2];
}

void kaname_warm_decide(kaname_warm_t *warm, kaname_warm_question_t *question,
                        kaname_warm_verdict_t verdict)
{
	if (verdict != question->verdict) {
		warm->changed_ms = kaname_now_ms();
	}
	warm->verdicts[question->verdict]--;
	warm->verdicts[verdict]++;
	question->verdict = verdict;
}

/* The ring. */

static void wait_for(asking_t *asking, uint32_t question, int64_t due_ms)
{
	question_of(asking, question)->queued = true;
	asking->ring[(asking->head + asking->count++) % asking->size] =
	        (waiting_t){ .question = question, .due_ms = due_ms };
}

/*! When what is not known now is asked for again. */
static int64_t again_ms(const asking_t *asking, int64_t now_ms)
{
	int64_t pause_ms = (now_ms - asking->warm->begin_ms) / AGAIN_SHARE;
	pause_ms = pause_ms > AGAIN_MS ? pause_ms : AGAIN_MS;
	return now_ms + (pause_ms < AGAIN_MAX_MS ? pause_ms : AGAIN_MAX_MS);
}

/*! Puts what is not known, and nowhere yet, into the ring. */
static void fill(asking_t *asking, int64_t due_ms)
{
	const kaname_warm_t *warm = asking->warm;
	for (size_t i = 0; i < warm->count; i++) {
		for (int family = 0; family < 2 && !warm->names[i].left_out; family++) {
			const kaname_warm_question_t *question = &warm->names[i].questions[family];
			if (question->verdict != KANAME_WARM_KNOWN && !question->queued) {
				wait_for(asking, 2 * i + family, due_ms);
			}
		}
	}
}

/*! Takes the next one whose time has come out of the ring; false if there is none. */
static bool take_due(asking_t *asking, int64_t now_ms, uint32_t *question)
{
	while (asking->count > 0 && asking->ring[asking->head].due_ms <= now_ms) {
		*question = asking->ring[asking->head].question;
		asking->head = (asking->head + 1) % asking->size;
		asking->count--;
		kaname_warm_question_t *it = question_of(asking, *question);
		it->queued = false;
		/* It may have become known by what the module says. */
		if (it->verdict != KANAME_WARM_KNOWN) {
			return true;
		}
	}
	return false;
}

/* Sending. */

/*! Sends the query of a slot; false if it has to wait: there is no room in the socket. */
static bool send_slot(const asking_t *asking, uint8_t number)
{
	const slot_t *slot = &asking->slots[number];
	if (send(asking->fd, slot->wire, slot->len, MSG_DONTWAIT) >= 0) {
		return true;
	}
	/* An error of an earlier query shows here: nobody listened. */
	return errno == ECONNREFUSED;
}

/*! Asks a question from a free slot; false if it has to wait. */
static bool ask(asking_t *asking, uint8_t number, uint32_t question, int64_t now_ms)
{
	slot_t *slot = &asking->slots[number];
	const kaname_warm_name_t *name = &asking->warm->names[question / 2];
	knot_dname_storage_t owner;
	kaname_question_t what = { .name = kaname_name_read(owner, kaname_warm_owner(name)),
		                   .type = question % 2 == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA };
	int len = what.name != NULL
	                  ? kaname_query_write(&what, asking->round << 8 | number, slot->wire)
	                  : KNOT_EINVAL;
	if (len < 0) {
		/* It is asked again in its time, and is not known in the end. */
		wait_for(asking, question, again_ms(asking, now_ms));
		return true;
	}
	slot->len = len;
	if (!send_slot(asking, number)) {
		return false;
	}
	asking->under_way++;
	asking->silent_ms = asking->silent_ms != 0 ? asking->silent_ms : now_ms;
	asking->round += number == WINDOW - 1;
	slot->used = true;
	slot->question = question;
	slot->until_ms = now_ms + REPLY_MS;
	question_of(asking, question)->asked = question_of(asking, question)->queued = true;
	return true;
}

/*! Sends what is due, as far as window and rate allow. */
static void send_due(asking_t *asking, int64_t now_ms)
{
	asking->credit += (double)(now_ms - asking->credit_ms) * RATE / 1000;
	asking->credit = asking->credit < BURST ? asking->credit : BURST;
	asking->credit_ms = now_ms;
	for (unsigned i = 0; i < WINDOW && asking->credit >= 1; i++) {
		uint32_t question;
		if (asking->slots[i].used) {
			continue;
		}
		if (!take_due(asking, now_ms, &question)) {
			return;
		}
		if (!ask(asking, i, question, now_ms)) {
			wait_for(asking, question, again_ms(asking, now_ms));
			return;
		}
		asking->credit--;
	}
}

/* Replies. */

/*! What a reply says. */
static kaname_warm_said_t said_by(const kaname_answer_t *answer)
{
	if (answer->failure != NULL) {
		return KANAME_WARM_SILENCE;
	}
	if (answer->truncated) {
		return KANAME_WARM_TRUNCATED;
	}
	if (answer->rcode == KNOT_RCODE_NOERROR) {
		return KANAME_WARM_ANSWER;
	}
	if (answer->rcode == KNOT_RCODE_SERVFAIL && answer->ede == EDE_NOT_READY) {
		return KANAME_WARM_NOT_READY;
	}
	/* The module says why, and knotd without it does not. */
	bool bare = answer->rcode == KNOT_RCODE_SERVFAIL && kaname_ede_text(answer->ede) == NULL;
	return bare || answer->rcode == KNOT_RCODE_REFUSED ? KANAME_WARM_NOT_SERVED
	                                                   : KANAME_WARM_FAILURE;
}

static kaname_warm_verdict_t verdict_of(kaname_warm_said_t said)
{
	return said == KANAME_WARM_ANSWER    ? KANAME_WARM_KNOWN
	       : said == KANAME_WARM_FAILURE ? KANAME_WARM_FAILING
	                                     : KANAME_WARM_OPEN;
}

/*! Ends a query; what is not known now is asked again. */
static void free_slot(asking_t *asking, slot_t *slot, int64_t now_ms)
{
	kaname_warm_question_t *question = question_of(asking, slot->question);
	slot->used = false;
	asking->under_way--;
	question->queued = false;
	if (question->verdict != KANAME_WARM_KNOWN) {
		wait_for(asking, slot->question, again_ms(asking, now_ms));
	}
}

static void take(asking_t *asking, slot_t *slot, int64_t now_ms)
{
	kaname_warm_question_t *question = question_of(asking, slot->question);
	if (question->verdict != KANAME_WARM_KNOWN) {
		question->said = said_by(&asking->answer);
		question->rcode = asking->answer.rcode;
		question->ede = (int16_t)asking->answer.ede;
		kaname_warm_verdict_t verdict = verdict_of(question->said);
		if (verdict != KANAME_WARM_KNOWN || !question->doubted) {
			kaname_warm_decide(asking->warm, question, verdict);
		}
	}
	free_slot(asking, slot, now_ms);
}

/*! Is the question of a query repeated in a message? */
static bool repeats(const slot_t *slot, const uint8_t *wire, size_t len)
{
	size_t end = KNOT_WIRE_HEADER_SIZE;
	while (slot->wire[end] != 0) {
		end += slot->wire[end] + 1;
	}
	end += 1 + 4;
	return len >= end && memcmp(slot->wire + KNOT_WIRE_HEADER_SIZE,
	                            wire + KNOT_WIRE_HEADER_SIZE, end - KNOT_WIRE_HEADER_SIZE) == 0;
}

/*! Takes all replies that are there. */
static void receive(asking_t *asking, int64_t now_ms)
{
	uint8_t wire[KANAME_UDP_REPLY_MAX];
	for (unsigned i = 0; i < WINDOW; i++) {
		ssize_t len = recv(asking->fd, wire, sizeof(wire), MSG_DONTWAIT);
		if (len < KNOT_WIRE_HEADER_SIZE) {
			return;
		}
		slot_t *slot = &asking->slots[knot_wire_get_id(wire) % WINDOW];
		const kaname_question_t about = { .type = slot->question % 2 == 0
			                                          ? KNOT_RRTYPE_A
			                                          : KNOT_RRTYPE_AAAA };
		asking->answer.ede = -1;
		asking->answer.failure = NULL;
		asking->answer.count = 0;
		if (slot->used && repeats(slot, wire, len) &&
		    kaname_reply_read(&about, slot->wire, wire, len, &asking->answer)) {
			asking->silent_ms = 0;
			take(asking, slot, now_ms);
		}
	}
}

/*! Has those asked again that got no reply. */
static void expire(asking_t *asking, int64_t now_ms)
{
	for (unsigned i = 0; i < WINDOW && asking->under_way > 0; i++) {
		slot_t *slot = &asking->slots[i];
		if (slot->used && slot->until_ms <= now_ms) {
			free_slot(asking, slot, now_ms);
		}
	}
}

/* The end. */

/*! Is there a failure that a resolver which comes up would end? */
static bool is_hopeful(const kaname_warm_t *warm)
{
	for (size_t i = 0; i < warm->count; i++) {
		const kaname_warm_name_t *name = &warm->names[i];
		for (int family = 0; family < 2; family++) {
			if (name->questions[family].verdict == KANAME_WARM_FAILING &&
			    name->questions[family].ede != EDE_BLOCKED &&
			    kaname_warm_has_target(name)) {
				return true;
			}
		}
	}
	return false;
}

/*! Is nothing left that asking again could change soon? */
static bool is_settled(const kaname_warm_t *warm, int64_t now_ms)
{
	if (warm->verdicts[KANAME_WARM_OPEN] > 0) {
		return false;
	}
	if (warm->verdicts[KANAME_WARM_FAILING] == 0) {
		return true;
	}
	/* Where nothing is known the resolver may still be on its way up. */
	return now_ms >= warm->changed_ms + FAILING_MS &&
	       (warm->verdicts[KANAME_WARM_KNOWN] > 0 || !is_hopeful(warm));
}

/*! Asks the module, if it is time; what is open again after that is asked for again. */
static void judge(asking_t *asking, int64_t now_ms, bool settled)
{
	kaname_warm_t *warm = asking->warm;
	if (warm->no_live || (!settled && now_ms < warm->judge_ms)) {
		return;
	}
	bool doubts = kaname_warm_judge(warm);
	now_ms = kaname_now_ms();
	fill(asking, again_ms(asking, now_ms));
	warm->judge_after_ms *= doubts ? 1 : 2;
	warm->judge_ms = doubts ? again_ms(asking, now_ms) : now_ms + warm->judge_after_ms;
}

/*! How long there is nothing to do but to wait for replies. */
static int idle_ms(const asking_t *asking, int64_t now_ms)
{
	int64_t wait_ms = STEP_MS;
	if (asking->count > 0 && asking->under_way < WINDOW) {
		int64_t due_ms = asking->ring[asking->head].due_ms - now_ms;
		wait_ms = due_ms < 1 ? 1 : due_ms;
	}
	return (int)(wait_ms < STEP_MS ? wait_ms : STEP_MS);
}

static void step(asking_t *asking)
{
	int64_t now_ms = kaname_now_ms();
	struct pollfd what = { .fd = asking->fd, .events = POLLIN };
	send_due(asking, now_ms);
	if (poll(&what, 1, idle_ms(asking, now_ms)) > 0) {
		receive(asking, kaname_now_ms());
	}
	expire(asking, kaname_now_ms());
	kaname_warm_progress(asking->warm);
}

static kaname_exit_t run(asking_t *asking)
{
	kaname_warm_t *warm = asking->warm;
	fill(asking, 0);
	asking->credit_ms = kaname_now_ms();
	for (;;) {
		int64_t now_ms = kaname_now_ms();
		bool settled = is_settled(warm, now_ms), over = now_ms >= warm->end_ms;
		judge(asking, now_ms, settled || over);
		if (over || is_settled(warm, now_ms)) {
			return KANAME_OK;
		}
		if (asking->silent_ms != 0 && now_ms - asking->silent_ms >= SILENCE_MS) {
			kaname_error("no reply from %s any more", warm->server_text);
			(void)fprintf(stderr, "next: is knotd running? 'systemctl status knot'\n");
			return KANAME_IO;
		}
		step(asking);
	}
}

static int open_socket(const kaname_warm_t *warm)
{
	const struct sockaddr *server = (const struct sockaddr *)&warm->server;
	socklen_t len = server->sa_family == AF_INET ? sizeof(struct sockaddr_in)
	                                             : sizeof(struct sockaddr_in6);
	int fd = socket(server->sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int buffer = BUFFER;
	if (fd >= 0 && connect(fd, server, len) != 0) {
		int error = errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	if (fd >= 0) {
		/* What does not fit is asked again. */
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer, sizeof(buffer));
	}
	return fd;
}

kaname_exit_t kaname_warm_ask(kaname_warm_t *warm)
{
	static asking_t asking;
	if (warm->count == warm->left_out) {
		return KANAME_OK;
	}
	asking = (asking_t){ .warm = warm, .fd = open_socket(warm), .size = 2 * warm->count };
	if (asking.fd < 0) {
		kaname_error("cannot ask %s: %s", warm->server_text, strerror(errno));
		return KANAME_IO;
	}
	asking.ring = calloc(asking.size, sizeof(*asking.ring));
	for (size_t i = 0; i < warm->count; i++) {
		warm->names[i].questions[0].queued = warm->names[i].questions[1].queued = false;
	}
	kaname_exit_t ret = KANAME_IO;
	if (asking.ring == NULL ||
	    getrandom(&asking.round, sizeof(asking.round), 0) != (ssize_t)sizeof(asking.round)) {
		kaname_error("out of memory");
	} else {
		ret = run(&asking);
	}
	free(asking.ring);
	(void)close(asking.fd);
	return ret;
}
