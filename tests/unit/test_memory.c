#include "support/test.h"

#include <malloc.h>

#include "support/clock.h"
#include "support/script.h"
#include "table/clock.h"

/*! Most octets that a target may take: both families, two addresses each, and its share of
 *  whatever holds it. */
#define TARGET_MAX 512

/*! Octets in use, with what malloc() itself needs for them. */
static size_t used(void)
{
	const struct mallinfo2 info = mallinfo2();
	return info.uordblks + info.hblkhd;
}

/*! Sanitizers have a malloc() of their own, of which mallinfo2() knows nothing. */
static bool is_measurable(void)
{
	size_t before = used();
	void *volatile block = malloc(1000);
	bool seen = used() >= before + 1000;
	free(block);
	return seen;
}

static void learn(scripted_t *scripted, const name_t *name, uint16_t type)
{
	scripted_ask(scripted, name, type, 300);
	script_lookup_t *lookup = scripted_pending(scripted, name, type);
	assert_non_null(lookup);
	scripted_resolve(scripted, lookup, 1, 2, 300);
}

static void target(void **state)
{
	if (!is_measurable()) {
		skip();
	}
	const aname_limits_t limits = { 4, 400000, 1000, 1000000, 1000, 100, 1000 };
	scripted_t scripted;
	clock_stop_at(1000000);
	scripted_init(&scripted, NULL, &limits);
	/* What was made once and for all is there; queues and books do not grow with targets. */
	size_t before = used(), largest = 0;
	for (unsigned i = 1; i <= 100000; i++) {
		char text[64];
		(void)snprintf(text, sizeof(text), "site-%06u.cdn.example.net.", i);
		const name_t name = make_name(text);
		assert_int_equal(name.len, 29);
		learn(&scripted, &name, KNOT_RRTYPE_A);
		learn(&scripted, &name, KNOT_RRTYPE_AAAA);
		clock_skip(1);
		/* At any number, however well it fits the array's sizes. */
		if (i >= 1000 && i % 100 == 0) {
			size_t each = (used() - before) / i;
			largest = each > largest ? each : largest;
		}
	}
	assert_int_equal(aname_table_addresses(scripted.shared->table), 400000);
	print_message("%zu octets a target at most, %zu at the end\n", largest,
	              (used() - before) / 100000);
	assert_in_range(largest, 1, TARGET_MAX);
	scripted_deinit(&scripted);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a target with 2 + 2 addresses takes at most 512 octets", target),
	};
	return RUN_TESTS("memory", tests);
}
