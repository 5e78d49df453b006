#include "support/test.h"

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "table/queue.h"

static const aname_upstream_t upstream;

static aname_interest_t wish(uint32_t ttl)
{
	return (aname_interest_t){ .ttl = ttl, .until_s = 7 };
}

static void on_wake(void *ctx)
{
	(*(unsigned *)ctx)++;
}

static bool push(aname_queue_t *queue, uint32_t n)
{
	name_t name = make_name_nth(n);
	const aname_key_t key = make_key(&upstream, &name, KNOT_RRTYPE_A);
	/* As the table's hashes: odd, and spread over all slots. */
	return aname_queue_push(queue, &key, NULL, (n * 0x9e3779b97f4a7c15) | 1, wish(n));
}

static void pop(aname_queue_t *queue, uint32_t n)
{
	aname_request_t request;
	name_t name = make_name_nth(n);
	assert_true(aname_queue_pop(queue, &request));
	assert_int_equal(request.interest.ttl, n);
	assert_int_equal(request.name_len, name.len);
	assert_memory_equal(request.name, name.at, name.len);
}

static void is_empty(aname_queue_t *queue)
{
	aname_request_t request;
	assert_false(aname_queue_pop(queue, &request));
}

static aname_queue_t *new_queue(unsigned *woken)
{
	aname_queue_t *queue = aname_queue_new(woken != NULL ? on_wake : NULL, woken);
	assert_non_null(queue);
	return queue;
}

static void in_order(void **state)
{
	unsigned woken = 0;
	aname_queue_t *queue = new_queue(&woken);
	is_empty(queue);
	for (uint32_t n = 0; n < 100; n++) {
		assert_true(push(queue, n));
		assert_int_equal(woken, n + 1);
	}
	for (uint32_t n = 0; n < 100; n++) {
		pop(queue, n);
	}
	is_empty(queue);
	assert_int_equal(woken, 100);
	aname_queue_free(queue);
}

static void whole_request(void **state)
{
	aname_queue_t *queue = new_queue(NULL);
	name_t names[] = { make_name("."), make_name("a."), make_name_longest('x') };
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		const aname_key_t key = make_key(&upstream, &names[i], KNOT_RRTYPE_AAAA);
		assert_true(aname_queue_push(queue, &key, NULL, UINT64_MAX - i, wish(UINT32_MAX)));
		aname_request_t request;
		assert_true(aname_queue_pop(queue, &request));
		assert_ptr_equal(request.upstream, &upstream);
		assert_true(request.hash == UINT64_MAX - i);
		assert_int_equal(request.interest.ttl, UINT32_MAX);
		assert_int_equal(request.type, KNOT_RRTYPE_AAAA);
		assert_int_equal(request.name_len, names[i].len);
		assert_memory_equal(request.name, names[i].at, names[i].len);
	}
	aname_queue_free(queue);
}

static void each_once(void **state)
{
	unsigned woken = 0;
	aname_queue_t *queue = new_queue(&woken);
	for (unsigned i = 0; i < 1000; i++) {
		assert_true(push(queue, 5));
	}
	assert_int_equal(woken, 1);
	pop(queue, 5);
	is_empty(queue);

	/* Taken out, it may be asked for again. */
	assert_true(push(queue, 5));
	assert_int_equal(woken, 2);
	pop(queue, 5);
	is_empty(queue);
	aname_queue_free(queue);
}

static void collision(void **state)
{
	/* Hashes that share a mark: nothing is lost, at worst it is queued twice. */
	aname_queue_t *queue = new_queue(NULL);
	static const uint64_t hashes[] = { 1, 1 + 8 * ANAME_QUEUE_SIZE };
	name_t names[] = { make_name("a."), make_name("b.") };
	for (unsigned i = 0; i < 6; i++) {
		const aname_key_t key = make_key(&upstream, &names[i % 2], KNOT_RRTYPE_A);
		assert_true(aname_queue_push(queue, &key, NULL, hashes[i % 2], wish(i)));
	}
	unsigned popped[2] = { 0 };
	aname_request_t request;
	while (aname_queue_pop(queue, &request)) {
		popped[request.hash == hashes[1]]++;
	}
	assert_in_range(popped[0], 1, 3);
	assert_in_range(popped[1], 1, 3);

	/* And the mark is not left behind. */
	for (unsigned i = 0; i < 2; i++) {
		const aname_key_t key = make_key(&upstream, &names[i], KNOT_RRTYPE_A);
		assert_true(aname_queue_push(queue, &key, NULL, hashes[i], wish(i)));
		assert_true(aname_queue_pop(queue, &request));
		assert_true(request.hash == hashes[i]);
		is_empty(queue);
	}
	aname_queue_free(queue);
}

static void full(void **state)
{
	unsigned woken = 0;
	aname_queue_t *queue = new_queue(&woken);
	for (uint32_t n = 0; n < ANAME_QUEUE_SIZE; n++) {
		assert_true(push(queue, n));
	}
	for (uint32_t n = 0; n < 100; n++) {
		assert_false(push(queue, ANAME_QUEUE_SIZE + n));
	}
	assert_int_equal(woken, ANAME_QUEUE_SIZE);
	pop(queue, 0);
	assert_true(push(queue, ANAME_QUEUE_SIZE + 99)); /* What was refused left no mark. */
	assert_false(push(queue, ANAME_QUEUE_SIZE + 98));
	for (uint32_t n = 1; n < ANAME_QUEUE_SIZE; n++) {
		pop(queue, n);
	}
	pop(queue, ANAME_QUEUE_SIZE + 99);
	is_empty(queue);
	aname_queue_free(queue);
}

static void full_but_known(void **state)
{
	/* Bound by the queue's size, not by luck: the marks of odd hashes do not collide here. */
	aname_queue_t *queue = new_queue(NULL);
	name_t name = make_name("a.");
	const aname_key_t key = make_key(&upstream, &name, KNOT_RRTYPE_A);
	for (uint64_t n = 0; n < ANAME_QUEUE_SIZE; n++) {
		assert_true(aname_queue_push(queue, &key, NULL, 2 * n + 1, wish(0)));
	}
	for (uint64_t n = 0; n < ANAME_QUEUE_SIZE; n++) {
		assert_true(aname_queue_push(queue, &key, NULL, 2 * n + 1, wish(0)));
	}
	assert_false(aname_queue_push(queue, &key, NULL, 4 * ANAME_QUEUE_SIZE + 1, wish(0)));
	aname_queue_free(queue);
}

static void around(void **state)
{
	aname_queue_t *queue = new_queue(NULL);
	random_t random = { 11 };
	uint32_t first = 0, next = 0;
	while (next < 30 * ANAME_QUEUE_SIZE) {
		uint32_t more = random_below(&random, ANAME_QUEUE_SIZE + 10);
		for (uint32_t i = 0; i < more; i++) {
			bool fits = next - first < ANAME_QUEUE_SIZE;
			assert_int_equal(push(queue, next), fits);
			next += fits;
		}
		uint32_t fewer = random_below(&random, ANAME_QUEUE_SIZE);
		for (uint32_t i = 0; i < fewer && first < next; i++) {
			pop(queue, first++);
		}
	}
	while (first < next) {
		pop(queue, first++);
	}
	is_empty(queue);
	aname_queue_free(queue);
}

static bool attempt_new(void *ctx)
{
	aname_queue_t *queue = aname_queue_new(NULL, NULL);
	aname_queue_free(queue);
	return queue != NULL;
}

static void out_of_memory(void **state)
{
	assert_int_equal(alloc_fail_each(attempt_new, NULL), 1);
}

static void marks(void **state)
{
	/* What was put in before a mark, and not what came later, has to be taken to pass it. */
	aname_queue_t *queue = aname_queue_new(NULL, NULL);
	assert_non_null(queue);
	aname_request_t request;
	uint64_t empty = aname_queue_mark(queue);
	assert_true(aname_queue_passed(queue, empty));
	for (unsigned n = 1; n <= 3 * ANAME_QUEUE_SIZE; n++) {
		assert_true(push(queue, 2 * n));
		uint64_t mark = aname_queue_mark(queue);
		assert_false(aname_queue_passed(queue, mark));
		assert_true(push(queue, 2 * n + 1));
		assert_true(aname_queue_pop(queue, &request));
		assert_true(aname_queue_passed(queue, mark));
		assert_false(aname_queue_passed(queue, aname_queue_mark(queue)));
		assert_true(aname_queue_pop(queue, &request));
	}
	aname_queue_free(queue);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a mark is passed when all that came before it is taken", marks),
		PROVES("requests come out in the order they went in, each wakes once", in_order),
		PROVES("a request comes out whole, names of 1 and 255 octets too", whole_request),
		PROVES("T3: what is in the queue is not queued again", each_once),
		PROVES("hashes that collide lose nothing and leave nothing", collision),
		PROVES("L1: a full queue refuses, without waking, and recovers", full),
		PROVES("a full queue says yes to what is in it", full_but_known),
		PROVES("30 times around: nothing lost, nothing twice, nothing out of order",
		       around),
		PROVES("out of memory: no queue, nothing leaked", out_of_memory),
	};
	return RUN_TESTS("queue", tests);
}
