#include "support/test.h"

#include <netdb.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>

#include <libknot/errcode.h>

#include "service/resolver.h"
#include "service/threadpool.h"
#include "support/alloc.h"
#include "support/getaddrinfo.h"
#include "support/make.h"

#define A    KNOT_RRTYPE_A
#define AAAA KNOT_RRTYPE_AAAA

/*! What was reported, and by whom. */
typedef struct {
	unsigned times;
	void *owner, *ctx;
	aname_result_t result;
	uint8_t addresses[8192];
	char detail[100];
	knot_dname_txt_storage_t last;
} heard_t;

static heard_t heard;
static uv_loop_t loop;
static aname_resolver_t *resolver;

static void on_done(void *owner, void *ctx, const aname_result_t *result)
{
	heard.times++;
	heard.owner = owner;
	heard.ctx = ctx;
	heard.result = *result;
	size_t size = (size_t)result->count * result->address_len;
	if (size > 0 && size <= sizeof(heard.addresses)) {
		memcpy(heard.addresses, result->addresses, size);
	}
	(void)snprintf(heard.detail, sizeof(heard.detail), "%s",
	               result->detail != NULL ? result->detail : "");
	if (result->last != NULL) {
		assert_non_null(knot_dname_to_str(heard.last, result->last, sizeof(heard.last)));
	}
}

static int set_up(void **state)
{
	memset(&heard, 0, sizeof(heard));
	assert_int_equal(uv_loop_init(&loop), 0);
	resolver = aname_resolver_system_new(&loop, on_done, &loop);
	assert_non_null(resolver);
	return 0;
}

static int tear_down(void **state)
{
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	resolver->api->free(resolver);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	return 0;
}

static int start(const name_t *name, uint16_t type, void *ctx, aname_lookup_t **lookup)
{
	const aname_question_t question = { .name = name->at, .type = type };
	return resolver->api->start(resolver, &question, ctx, lookup);
}

/*! Looks a name up and waits for the end. */
static void look_up(const char *text, uint16_t type)
{
	name_t name = make_name(text);
	aname_lookup_t *lookup = NULL;
	assert_int_equal(start(&name, type, &name, &lookup), KNOT_EOK);
	assert_non_null(lookup);
	assert_int_equal(heard.times, 0);
	memset(name.at, 0, sizeof(name.at)); /* It has a copy. */
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(heard.times, 1);
	assert_ptr_equal(heard.owner, &loop);
	assert_ptr_equal(heard.ctx, &name);
}

typedef struct {
	const char *proves;
	const char *name;
	uint16_t type;
	aname_known_t known;
	aname_failure_t failure;
	uint32_t count;
} row_t;

#define ADDR   ANAME_KNOWN_ADDRESSES, ANAME_FAILURE_NONE
#define NODATA ANAME_KNOWN_NODATA, ANAME_FAILURE_NONE, 0
#define FAILS  ANAME_KNOWN_NOTHING

static const row_t rows[] = {
	/* The fake gives each address twice, as getaddrinfo may do. */
	{ "one IPv4 address", "v4-1.", A, ADDR, 2 },
	{ "one IPv6 address", "v6-1.", AAAA, ADDR, 2 },
	{ "many IPv4 addresses", "v4-1000.x.", A, ADDR, 2000 },
	{ "addresses of the other family are left out", "v4-3.v6-2.", A, ADDR, 6 },
	{ "addresses of the other family are left out (IPv6)", "v4-3.v6-2.", AAAA, ADDR, 4 },
	{ "A7: only addresses of the other family: NODATA", "v6-2.", A, NODATA },
	{ "A7: an empty list: NODATA", "empty.", AAAA, NODATA },
	{ "A7: EAI_NONAME is an answer", "noname.", A, NODATA },
	{ "A7: EAI_NODATA is an answer", "nodata.", A, NODATA },
	{ "A7: EAI_ADDRFAMILY is an answer", "addrfamily.", AAAA, NODATA },
	{ "F1: EAI_AGAIN is a failure of the server", "again.", A, FAILS, ANAME_FAILURE_SERVER, 0 },
	{ "F1: EAI_FAIL is a failure of the server", "fail.", A, FAILS, ANAME_FAILURE_SERVER, 0 },
	{ "F1: EAI_MEMORY is a failure on the way", "memory.", A, FAILS, ANAME_FAILURE_NETWORK, 0 },
	{ "F1: EAI_SYSTEM is a failure on the way", "system.", A, FAILS, ANAME_FAILURE_NETWORK, 0 },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	(void)set_up(NULL);
	unsigned freed = fake_seen().freed;
	look_up(row->name, row->type);
	assert_int_equal(heard.result.known, row->known);
	assert_int_equal(heard.result.failure, row->failure);
	assert_int_equal(heard.result.count, row->count);
	assert_int_equal(heard.result.ttl, ANAME_TTL_UNKNOWN);
	assert_int_equal(heard.result.address_len, row->type == A ? 4 : 16);
	assert_int_equal(strlen(heard.detail) > 0, row->failure != ANAME_FAILURE_NONE);
	bool list = row->known == ANAME_KNOWN_ADDRESSES || strchr(row->name, '-') != NULL ||
	            strcmp(row->name, "empty.") == 0;
	assert_int_equal(fake_seen().freed, freed + list);
	for (uint32_t i = 0; i < row->count; i++) {
		uint8_t expected[16];
		uint16_t len = heard.result.address_len;
		make_address(expected, len, i / 2);
		assert_memory_equal(heard.addresses + (size_t)i * len, expected, len);
	}
	(void)tear_down(NULL);
}

typedef struct {
	const char *proves;
	const char *name;
	const char *last; /*!< "": none. */
} last_row_t;

static const last_row_t last_rows[] = {
	{ "F5: without a canonical name it is not known where aliases end", "v4-1.", "" },
	{ "F5: the canonical name is where aliases end", "v4-1.canonical.", "edge.example.net." },
	{ "F5: the canonical name may end in a dot", "v4-1.dotted.", "edge.example.net." },
	{ "F5: an address is no canonical name", "v4-1.literal.", "" },
	{ "F5: an IPv6 address is no canonical name", "v4-1.literal6.", "" },
	{ "F5: what is no name is no canonical name", "v4-1.absurd.", "" },
};

static void check_last(void **state)
{
	const last_row_t *row = *state;
	(void)set_up(NULL);
	look_up(row->name, A);
	assert_string_equal(heard.last, row->last);
	assert_int_equal(heard.result.count, 2);
	(void)tear_down(NULL);
}

/* How getaddrinfo is called. */

static void asked_for(const char *text, const char *node, uint16_t type)
{
	memset(&heard, 0, sizeof(heard));
	look_up(text, type);
	fake_seen_t seen = fake_seen();
	assert_string_equal(seen.node, node);
	assert_false(seen.service);
	assert_int_equal(seen.family, type == A ? AF_INET : AF_INET6);
	assert_int_equal(seen.socktype, SOCK_STREAM);
	assert_int_equal(seen.protocol, 0);
	assert_int_equal(seen.flags, AI_CANONNAME);
}

static void called_well(void **state)
{
	asked_for("v4-1.example.", "v4-1.example.", A);
	asked_for("v4-1.example", "v4-1.example.", AAAA);
	asked_for("192.0.2.1", "192.0.2.1.", A);
	asked_for("localhost", "localhost.", A);
	asked_for("1", "1.", A);
}

/* Absurd names: refused, or reported once. */

static void absurd_names(void **state)
{
	name_t names[8] = {
		make_name("."),          make_name_longest('a'),        make_name_longest(0),
		make_name_longest('\\'), make_name_longest((char)0xff), make_name_longest('.'),
		make_name("\\000."),     make_name("\\255\\254.")
	};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		for (unsigned family = 0; family < 2; family++) {
			memset(&heard, 0, sizeof(heard));
			aname_lookup_t *lookup = NULL;
			int ret = start(&names[i], family ? A : AAAA, &names[i], &lookup);
			assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
			assert_int_equal(heard.times, ret == KNOT_EOK);
		}
	}
}

typedef struct {
	const char *proves;
	const char *name;
	bool taken;
} host_row_t;

static const host_row_t host_rows[] = {
	{ "letters, digits, hyphens and underscores are taken", "_a._t-1.xn--b--c.example.", true },
	{ "a name of digits is taken", "192.0.2.1.", true },
	{ "a hyphen at the end of a label is taken", "a-.example.", true },
	{ "a hyphen in front of a later label is taken", "a.-b.", true },
	{ "the root is not taken", ".", false },
	{ "a hyphen in front is not taken", "-a.example.", false },
	{ "a star is not taken", "*.example.", false },
	{ "a space is not taken", "a\\032b.example.", false },
	{ "a dot inside of a label is not taken", "a\\.b.example.", false },
	{ "a zero octet is not taken", "a\\000b.example.", false },
	{ "an octet above 127 is not taken", "a.ex\\195\\164mple.", false },
	{ "a slash is not taken, not even at the very end", "a.example/.", false },
};

static void check_host(void **state)
{
	const host_row_t *row = *state;
	(void)set_up(NULL);
	name_t name = make_name(row->name);
	unsigned calls = fake_seen().calls;
	aname_lookup_t *lookup = NULL;
	int ret = start(&name, A, NULL, &lookup);
	assert_int_equal(ret, row->taken ? KNOT_EOK : KNOT_EINVAL);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(heard.times, row->taken);
	assert_int_equal(fake_seen().calls, calls + row->taken);
	(void)tear_down(NULL);
}

/* The pool. */

static void without_pool(void **state)
{
	name_t name = make_name("v4-1.example.");
	unsigned calls = fake_seen().calls;
	aname_lookup_t *lookup = NULL;
	assert_int_equal(resolver->api->capacity(resolver), 1);
	assert_int_equal(start(&name, A, NULL, &lookup), KNOT_EAGAIN);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(heard.times, 0);
	assert_int_equal(fake_seen().calls, calls);
}

static void with_pool(void **state)
{
	aname_threadpool_plan(2, 0);
	assert_true(aname_threadpool_start(&loop, false));
	assert_int_equal(resolver->api->capacity(resolver), 1);
}

/* Ending early. */

static void cancel_queued(void **state)
{
	/* Of two threads one may look up; while it is held, the second lookup only queues up. */
	fake_hold();
	name_t held = make_name("held.v4-1."), queued = make_name("v4-1.queued.");
	aname_lookup_t *first = NULL, *second = NULL;
	int ret = start(&held, A, &held, &first);
	assert_int_equal(ret, KNOT_EOK);
	while (fake_seen().held == 0) {
		(void)poll(NULL, 0, 1);
	}
	ret = start(&queued, A, &queued, &second);
	assert_int_equal(ret, KNOT_EOK);
	resolver->api->cancel(second);
	assert_int_equal(heard.times, 0);
	while (heard.times == 0) {
		(void)uv_run(&loop, UV_RUN_ONCE);
	}
	assert_ptr_equal(heard.ctx, &queued);
	assert_int_equal(heard.result.known, ANAME_KNOWN_NOTHING);
	assert_int_equal(heard.result.failure, ANAME_FAILURE_TIMEOUT);

	/* What runs cannot be stopped, and is reported when it ends. */
	resolver->api->cancel(first);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(heard.times, 1);
	fake_let_go();
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(heard.times, 2);
	assert_ptr_equal(heard.ctx, &held);
	assert_int_equal(heard.result.known, ANAME_KNOWN_ADDRESSES);
}

static void many_at_once(void **state)
{
	enum { MANY = 500 };
	name_t name = make_name("v4-2.v6-2.");
	for (unsigned i = 0; i < MANY; i++) {
		aname_lookup_t *lookup = NULL;
		int ret = start(&name, i % 2 ? A : AAAA, &name, &lookup);
		assert_int_equal(ret, KNOT_EOK);
		if (i % 5 == 0) {
			resolver->api->cancel(lookup);
		}
	}
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(heard.times, MANY);
}

/* Failing allocations. */

static void no_memory_to_make(void **state)
{
	alloc_fail_at(1);
	assert_null(aname_resolver_system_new(&loop, on_done, NULL));
	assert_true(alloc_failed());
}

static void no_memory_to_start(void **state)
{
	name_t name = make_name("v4-1.");
	aname_lookup_t *lookup = NULL;
	long live = alloc_live();
	alloc_fail_at(1);
	int ret = start(&name, A, NULL, &lookup);
	assert_true(alloc_failed());
	assert_int_equal(ret, KNOT_ENOMEM);
	assert_int_equal(alloc_live(), live);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(heard.times, 0);
}

static void no_memory_to_report(void **state)
{
	name_t name = make_name("v4-1.");
	aname_lookup_t *lookup = NULL;
	long live = alloc_live();
	int ret = start(&name, A, NULL, &lookup);
	assert_int_equal(ret, KNOT_EOK);
	alloc_fail_at(1);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_true(alloc_failed());
	assert_int_equal(heard.times, 1);
	assert_int_equal(heard.result.known, ANAME_KNOWN_NOTHING);
	assert_int_equal(heard.result.failure, ANAME_FAILURE_NETWORK);
	assert_int_equal(alloc_live(), live);
}

#define WITH_LOOP(sentence, function)                                              \
	{                                                                          \
		.name = (sentence), .test_func = (function), .setup_func = set_up, \
		.teardown_func = tear_down                                         \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_LOOP("one family a call, with a final dot, for the canonical name, no service",
		          called_well),
		WITH_LOOP("absurd names are refused or reported, once", absurd_names),
		WITH_LOOP("what waits is cancelled, what runs reports when it ends", cancel_queued),
		WITH_LOOP("500 lookups, some cancelled: each reports once", many_at_once),
		WITH_LOOP("out of memory: no resolver", no_memory_to_make),
		WITH_LOOP("out of memory: nothing started, nothing leaked", no_memory_to_start),
		WITH_LOOP("out of memory: a failure is reported, nothing leaked",
		          no_memory_to_report),
	};
	const struct CMUnitTest pool_tests[] = {
		WITH_LOOP("without a pool nothing is started", without_pool),
		WITH_LOOP("of two threads one looks up", with_pool),
	};
	(void)setenv("UV_THREADPOOL_SIZE", "2", 1);
	return RUN_TESTS("resolver: the pool", pool_tests) +
	       RUN_ROWS("resolver: results", rows, check_row) +
	       RUN_ROWS("resolver: where aliases end", last_rows, check_last) +
	       RUN_ROWS("resolver: names", host_rows, check_host) +
	       RUN_TESTS("resolver: the rest", tests);
}
