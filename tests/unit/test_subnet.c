#include "support/test.h"

#include <libknot/errcode.h>

#include "support/make.h"
#include "table/subnet.h"

typedef struct {
	const char *proves;
	const char *address;
	uint8_t len, cut;
	const char *result;
	uint8_t result_len;
} row_t;

static const row_t rows[] = {
	{ "whole octets stay", "192.0.2.0", 24, 24, "192.0.2.0", 24 },
	{ "an octet goes", "192.0.2.0", 24, 16, "192.0.0.0", 16 },
	{ "all goes", "192.0.2.0", 24, 0, "0.0.0.0", 0 },
	{ "part of an octet goes", "192.0.255.0", 24, 21, "192.0.248.0", 21 },
	{ "one bit of an octet stays", "192.0.255.0", 24, 17, "192.0.128.0", 17 },
	{ "one bit of an octet goes", "192.0.255.0", 24, 23, "192.0.254.0", 23 },
	{ "a shorter prefix stays as it is", "192.0.0.0", 16, 24, "192.0.0.0", 16 },
	{ "bits past the prefix go", "192.0.2.255", 24, 32, "192.0.2.0", 24 },
	{ "a host", "192.0.2.255", 32, 255, "192.0.2.255", 32 },
	{ "IPv6", "2001:db8:1234:5678::", 64, 56, "2001:db8:1234:5600::", 56 },
	{ "IPv6, part of an octet", "2001:db8:ffff::", 48, 33, "2001:db8:8000::", 33 },
	{ "an IPv6 host", "2001:db8::1", 128, 128, "2001:db8::1", 128 },
};

static void check_cut(void **state)
{
	const row_t *row = *state;
	const aname_subnet_t subnet = make_subnet(row->address, row->len);
	const aname_subnet_t result = make_subnet(row->result, row->result_len);
	const aname_subnet_t cut = aname_subnet_cut(&subnet, row->cut);
	assert_memory_equal(&cut, &result, sizeof(cut));
	assert_true(aname_subnet_equal(&cut, &result));

	/* The same as it comes in a query. */
	knot_edns_client_subnet_t option = { .family = subnet.family,
		                             .source_len = subnet.len,
		                             .scope_len = 7 };
	memcpy(option.address, subnet.address, sizeof(option.address));
	const aname_subnet_t taken = aname_subnet_of_option(&option, row->cut);
	assert_true(aname_subnet_equal(&taken, &result));
}

/*! What goes out is what libknot takes for a valid option, with scope 0 (RFC 7871, 7.1.2). */
static void round_trip(void **state)
{
	const row_t *row = *state;
	const aname_subnet_t subnet = make_subnet(row->result, row->result_len);
	const knot_edns_client_subnet_t option = aname_subnet_to_option(&subnet);
	uint8_t wire[20];
	uint16_t size = knot_edns_client_subnet_size(&option);
	assert_int_equal(size, 4 + (row->result_len + 7) / 8);
	assert_int_equal(knot_edns_client_subnet_write(wire, size, &option), KNOT_EOK);
	knot_edns_client_subnet_t parsed;
	assert_int_equal(knot_edns_client_subnet_parse(&parsed, wire, size), KNOT_EOK);
	assert_int_equal(parsed.scope_len, 0);
	const aname_subnet_t back = aname_subnet_of_option(&parsed, 255);
	assert_true(aname_subnet_equal(&back, &subnet));
}

static void differ(void **state)
{
	const aname_subnet_t subnets[] = {
		make_subnet("192.0.2.0", 24), make_subnet("192.0.2.0", 25),
		make_subnet("192.0.3.0", 24), make_subnet("0.0.0.0", 0),
		make_subnet("::", 0),         make_subnet("c000:200::", 24),
	};
	for (size_t i = 0; i < COUNT_OF(subnets); i++) {
		for (size_t k = 0; k < COUNT_OF(subnets); k++) {
			assert_int_equal(aname_subnet_equal(&subnets[i], &subnets[k]), i == k);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("N4: family, length and address tell subnets apart", differ),
	};
	return RUN_ROWS("subnet: cut", rows, check_cut) +
	       RUN_ROWS("subnet: on the wire", rows, round_trip) +
	       RUN_TESTS("subnet: the rest", tests);
}
