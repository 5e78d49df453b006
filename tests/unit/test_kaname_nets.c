#include "support/test.h"

#include "nets.h"

typedef struct {
	const char *proves;
	const char *net, *address;
	bool holds;
} row_t;

static const row_t rows[] = {
	{ "one address", "192.0.2.1", "192.0.2.1", true },
	{ "another one", "192.0.2.1", "192.0.2.2", false },
	{ "one IPv6 address, spelt otherwise", "2001:DB8:0::1", "2001:db8::1", true },
	{ "the first of a network", "192.0.2.0/24", "192.0.2.0", true },
	{ "the last of a network", "192.0.2.0/24", "192.0.2.255", true },
	{ "behind a network", "192.0.2.0/24", "192.0.3.0", false },
	{ "bits within an octet", "192.0.2.128/25", "192.0.2.200", true },
	{ "the same, outside", "192.0.2.128/25", "192.0.2.127", false },
	{ "bits of the host in the network's address", "192.0.2.77/24", "192.0.2.1", true },
	{ "all of a family", "0.0.0.0/0", "198.51.100.1", true },
	{ "and not of the other", "0.0.0.0/0", "2001:db8::1", false },
	{ "what is mapped from it", "10.0.0.0/8", "::ffff:10.1.2.3", true },
	{ "and from another one", "10.0.0.0/8", "::ffff:11.1.2.3", false },
	{ "behind NAT64", "10.0.0.0/8", "64:ff9b::a01:203", true },
	{ "mapped, by its own network", "::ffff:0:0/96", "::ffff:10.1.2.3", true },
	{ "a whole address as a prefix", "2001:db8::1/128", "2001:db8::1", true },
	{ "DNS64", "64:ff9b::/96", "64:ff9b::c000:201", true },
	{ "beside DNS64", "64:ff9b::/96", "64:ff9b:1::c000:201", false },
	{ "the first of a range", "192.0.2.1-192.0.2.9", "192.0.2.1", true },
	{ "the last of a range", "192.0.2.1-192.0.2.9", "192.0.2.9", true },
	{ "before a range", "2001:db8::2-2001:db8::9", "2001:db8::1", false },
	{ "behind a range", "2001:db8::2-2001:db8::9", "2001:db8::a", false },
	{ "a range of two families", "192.0.2.1-2001:db8::9", "192.0.2.1", false },
	{ "a prefix that is too long", "192.0.2.1/33", "192.0.2.1", false },
	{ "no network", "nonsense", "192.0.2.1", false },
	{ "no address", "192.0.2.0/24", "", false },
	{ "too long for an address",
	  "0000000000000000000000000000000000000000000000000000000000000000", "192.0.2.1", false },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	assert_int_equal(kaname_net_holds(row->net, row->address), row->holds);
}

int main(void)
{
	return RUN_ROWS("networks", rows, check_row);
}
