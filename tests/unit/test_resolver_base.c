#include "support/test.h"

#include "service/resolver.h"
#include "support/alloc.h"

/* A resolver of the test's own, whose lookups are deferred when and as often as a test wants. */

typedef struct {
	aname_lookup_t base;
	unsigned steps; /*!< To be resumed so often before it has ended. */
	bool at_once;   /*!< Deferred again from within resume(), and not by the test. */
} lookup_t;

static uv_loop_t loop;
static aname_resolver_t *resolver;
static unsigned inside, resumed, done, released;
static void *last_ctx;
static aname_lookup_t *to_start; /*!< To be deferred from within `done`. */

static bool resume(aname_lookup_t *base)
{
	lookup_t *lookup = (lookup_t *)base;
	assert_int_equal(inside, 0);
	resumed++;
	if (lookup->steps == 0) {
		return true;
	}
	lookup->steps--;
	if (lookup->at_once) {
		aname_resolver_defer(base);
	}
	return false;
}

static void release(aname_lookup_t *base)
{
	released++;
	free(base);
}

static void resolver_free(aname_resolver_t *base)
{
	aname_resolver_free(base, NULL);
}

static const aname_resolver_api_t stepping = { .resume = resume,
	                                       .release = release,
	                                       .free = resolver_free };
static const aname_resolver_api_t plain = { .release = release, .free = resolver_free };

static void on_done(void *owner, void *ctx, const aname_result_t *result)
{
	assert_int_equal(inside, 0);
	assert_ptr_equal(owner, &loop);
	assert_int_equal(result->ttl, 7);
	assert_int_equal(released, done++);
	last_ctx = ctx;
	if (to_start != NULL) {
		aname_lookup_t *lookup = to_start;
		to_start = NULL;
		inside++;
		aname_resolver_defer(lookup);
		inside--;
	}
}

static aname_lookup_t *make_lookup(unsigned steps, bool at_once)
{
	lookup_t *lookup = calloc(1, sizeof(*lookup));
	assert_non_null(lookup);
	lookup->base.resolver = resolver;
	lookup->base.ctx = lookup;
	lookup->base.result.ttl = 7;
	lookup->steps = steps;
	lookup->at_once = at_once;
	return &lookup->base;
}

static void defer(aname_lookup_t *lookup)
{
	inside++;
	aname_resolver_defer(lookup);
	inside--;
}

static long live_before;

static void begin(const aname_resolver_api_t *api)
{
	live_before = alloc_live();
	inside = resumed = done = released = 0;
	to_start = NULL;
	assert_int_equal(uv_loop_init(&loop), 0);
	resolver = malloc(sizeof(*resolver));
	assert_non_null(resolver);
	aname_resolver_init(resolver, api, &loop, on_done, &loop);
}

static void end(void)
{
	resolver->api->free(resolver);
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(uv_loop_close(&loop), 0);
	assert_int_equal(alloc_live(), live_before);
}

static void delivered_by_the_loop(void **state)
{
	begin(&plain);
	aname_lookup_t *lookups[3];
	for (size_t i = 0; i < COUNT_OF(lookups); i++) {
		lookups[i] = make_lookup(0, false);
		defer(lookups[i]);
	}
	assert_int_equal(done, 0);
	void *last = lookups[2]->ctx;
	assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
	assert_int_equal(done, 3);
	assert_int_equal(released, 3);
	assert_ptr_equal(last_ctx, last);
	end();
}

static void only_what_was_there(void **state)
{
	/* What is deferred from within a delivery waits for the next time round. */
	begin(&plain);
	defer(make_lookup(0, false));
	to_start = make_lookup(0, false);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(done, 1);
	(void)uv_run(&loop, UV_RUN_NOWAIT);
	assert_int_equal(done, 2);
	end();
}

static void resumed_until_it_ends(void **state)
{
	begin(&stepping);
	aname_lookup_t *lookup = make_lookup(2, false);
	for (unsigned i = 0; i < 3; i++) {
		assert_int_equal(done, 0);
		defer(lookup);
		assert_int_equal(uv_run(&loop, UV_RUN_DEFAULT), 0);
		assert_int_equal(resumed, i + 1);
	}
	assert_int_equal(done, 1);
	end();
}

static void deferred_from_within_resume(void **state)
{
	/* One step each time round, so that nothing else on the loop has to wait. */
	begin(&stepping);
	defer(make_lookup(1000, true));
	defer(make_lookup(1, true));
	for (unsigned i = 0; i <= 1000; i++) {
		(void)uv_run(&loop, UV_RUN_NOWAIT);
		assert_int_equal(done, i == 0 ? 0 : i < 1000 ? 1 : 2);
	}
	end();
}

static void never_used(void **state)
{
	begin(&plain);
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("what ends is delivered by the loop, in order, and released then",
		       delivered_by_the_loop),
		PROVES("only what had ended when the loop began", only_what_was_there),
		PROVES("what has not ended is resumed each time it is deferred",
		       resumed_until_it_ends),
		PROVES("what is deferred again at once is resumed once each time round",
		       deferred_from_within_resume),
		PROVES("a resolver that was never used is freed", never_used),
	};
	return RUN_TESTS("resolver: what all have in common", tests);
}
