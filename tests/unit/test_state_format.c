#include "support/test.h"

#include <libknot/wire.h>

#include "support/alloc.h"
#include "support/make.h"
#include "support/random.h"
#include "support/state.h"

/*! Opens octets in a block of exactly their size, so that reading past them is found out; reads
 *  to the end what is accepted. */
static aname_state_fault_t look(const uint8_t *data, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	if (len > 0) {
		memcpy(copy, data, len);
	}
	aname_state_in_t in;
	aname_state_fault_t fault = aname_state_open(&in, copy, len);
	aname_state_record_t record;
	while (fault == ANAME_STATE_GOOD && aname_state_next(&in, &record) != ANAME_STATE_END) {
	}
	free(copy);
	return fault;
}

static void sample_of(aname_state_out_t *out, state_sample_t sample)
{
	*out = (aname_state_out_t){ 0 };
	assert_true(state_sample(out, sample));
}

static void comes_back(void **state)
{
	for (state_sample_t sample = 0; sample < STATE_SAMPLES; sample++) {
		aname_state_out_t out, again = { 0 };
		sample_of(&out, sample);
		aname_state_in_t in;
		assert_int_equal(aname_state_open(&in, out.data, out.len), ANAME_STATE_GOOD);
		assert_int_equal(in.version, ANAME_STATE_VERSION);
		assert_true(state_copy(&in, &again));
		assert_int_equal(again.len, out.len);
		assert_memory_equal(again.data, out.data, out.len);
		free(out.data);
		free(again.data);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("S1: what is read and written anew is the same octets", comes_back),
	};
	(void)look;
	return RUN_TESTS("state format", tests);
}
