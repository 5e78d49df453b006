#include "support/test.h"

#include <ctype.h>

#include <libknot/errcode.h>

#include "support/make.h"
#include "support/random.h"
#include "table/rdata.h"

/*! Reads from a block of exactly `len` octets, so that reading past it is found out. */
static int read_exact(const uint8_t *rdata, uint16_t len, knot_dname_storage_t target)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);
	assert_non_null(copy);
	memcpy(copy, rdata, len);
	int ret = aname_rdata_read(copy, len, target);
	free(copy);
	return ret;
}

typedef struct {
	const char *proves;
	const char *rdata;
	uint16_t len;
	int ret;
	const char *target; /*!< As octets, if there is one. */
} row_t;

#define OCTETS(text) (text), sizeof(text) - 1

static const row_t rows[] = {
	{ "R2: no RDATA is malformed", OCTETS(""), KNOT_EMALF, NULL },
	{ "R2: the root is a name", OCTETS("\0"), 1, "\0" },
	{ "R2: a name of one label", OCTETS("\3com\0"), 5, "\3com" },
	{ "R2: a name of two labels", OCTETS("\1a\3com\0"), 7, "\1a\3com" },
	{ "R2: upper case is lowered", OCTETS("\1A\3CoM\0"), 7, "\1a\3com" },
	{ "R2: only letters are lowered", OCTETS("\4@[`{\0"), 6, "\4@[`{" },
	{ "R2: octets of any value may be in a label", OCTETS("\3\xff\x80\x01\0"), 5,
	  "\3\xff\x80\x01" },
	{ "R2: a zero octet inside of a label", OCTETS("\2\0a\0"), 4, "\2\0a" },
	{ "R2: a length octet without its label is malformed", OCTETS("\3"), KNOT_EMALF, NULL },
	{ "R2: a label cut short is malformed", OCTETS("\3co"), KNOT_EMALF, NULL },
	{ "R2: a name without its end is malformed", OCTETS("\3com"), KNOT_EMALF, NULL },
	{ "R2: an octet behind the name is malformed", OCTETS("\3com\0\0"), KNOT_EMALF, NULL },
	{ "R2: a second name is malformed", OCTETS("\1a\0\1b\0"), KNOT_EMALF, NULL },
	{ "R2: an octet behind the root is malformed", OCTETS("\0x"), KNOT_EMALF, NULL },
	{ "R2: a compression pointer is malformed", OCTETS("\xc0\x0c"), KNOT_EMALF, NULL },
	{ "R2: a pointer to the start is malformed", OCTETS("\xc0\0"), KNOT_EMALF, NULL },
	{ "R2: a pointer behind a label is malformed", OCTETS("\1a\xc0\0"), KNOT_EMALF, NULL },
	{ "R2: half a pointer is malformed", OCTETS("\xc0"), KNOT_EMALF, NULL },
	{ "R2: the label type 0x40 is malformed", OCTETS("\x41g\0"), KNOT_EMALF, NULL },
	{ "R2: the label type 0x80 is malformed", OCTETS("\x81g\0"), KNOT_EMALF, NULL },
	{ "R2: an address is malformed, not a name", OCTETS("\300\0\2\1"), KNOT_EMALF, NULL },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	knot_dname_storage_t target;
	assert_int_equal(read_exact((const uint8_t *)row->rdata, row->len, target), row->ret);
	if (row->target != NULL) {
		assert_memory_equal(target, row->target, row->len);
	}
}

static void no_memory(void **state)
{
	knot_dname_storage_t target;
	assert_int_equal(aname_rdata_read(NULL, 0, target), KNOT_EMALF);
	assert_int_equal(aname_rdata_read(NULL, 5, target), KNOT_EMALF);
}

static void longest_name(void **state)
{
	name_t name = make_name_longest('Z'), lower = make_name_longest('z');
	knot_dname_storage_t target;
	assert_int_equal(read_exact(name.at, name.len, target), 255);
	assert_memory_equal(target, lower.at, 255);
}

static void one_octet_too_long(void **state)
{
	/* 63 + 63 + 63 + 62 and five octets of lengths: 256. */
	uint8_t rdata[256] = { 0 };
	static const uint8_t labels[] = { 63, 63, 63, 62 };
	uint8_t *at = rdata;
	for (size_t i = 0; i < COUNT_OF(labels); i++) {
		*at++ = labels[i];
		memset(at, 'a', labels[i]);
		at += labels[i];
	}
	knot_dname_storage_t target;
	assert_int_equal(read_exact(rdata, sizeof(rdata), target), KNOT_EMALF);
}

static void most_labels(void **state)
{
	uint8_t rdata[257];
	knot_dname_storage_t target;
	for (size_t i = 0; i < sizeof(rdata); i += 2) {
		rdata[i] = 1;
		rdata[i + 1 < sizeof(rdata) ? i + 1 : i] = 'A';
	}
	rdata[254] = 0;
	assert_int_equal(read_exact(rdata, 255, target), 255);
	rdata[254] = 1;
	rdata[256] = 0;
	assert_int_equal(read_exact(rdata, 257, target), KNOT_EMALF);
}

static void label_lengths(void **state)
{
	uint8_t rdata[300];
	knot_dname_storage_t target;
	for (unsigned len = 1; len < 256; len++) {
		memset(rdata, 'a', sizeof(rdata));
		rdata[0] = len;
		rdata[len + 1] = 0;
		int expected = len <= 63 ? (int)len + 2 : KNOT_EMALF;
		assert_int_equal(read_exact(rdata, len + 2, target), expected);
	}
}

static void every_cut(void **state)
{
	name_t name = make_name_longest('q');
	uint8_t longer[256] = { 0 };
	memcpy(longer, name.at, name.len);
	knot_dname_storage_t target;
	for (uint16_t len = 0; len <= sizeof(longer); len++) {
		assert_int_equal(read_exact(longer, len, target), len == 255 ? 255 : KNOT_EMALF);
	}
}

static void absurd_length(void **state)
{
	uint8_t *rdata = calloc(1, UINT16_MAX);
	assert_non_null(rdata);
	knot_dname_storage_t target;
	assert_int_equal(aname_rdata_read(rdata, UINT16_MAX, target), KNOT_EMALF);
	memset(rdata, 1, UINT16_MAX);
	assert_int_equal(aname_rdata_read(rdata, UINT16_MAX, target), KNOT_EMALF);
	free(rdata);
}

/*! The rule in the plainest words: labels of 1 to 63 octets, then a zero that is the end. */
static int plain_rule(const uint8_t *rdata, uint16_t len)
{
	unsigned at = 0;
	while (at < len && rdata[at] != 0) {
		if (rdata[at] > 63) {
			return KNOT_EMALF;
		}
		at += 1 + rdata[at];
	}
	return at + 1 == len && len <= 255 ? len : KNOT_EMALF;
}

/*! Octets that are a name more often than chance would have it. */
static uint16_t scribble(random_t *random, uint8_t *rdata, uint16_t size)
{
	uint16_t len = 0;
	unsigned labels = random_below(random, 9);
	for (unsigned i = 0; i < labels; i++) {
		uint8_t label = 1 + random_below(random, random_below(random, 8) == 0 ? 70 : 40);
		if (len + 1 + label >= size) {
			break;
		}
		rdata[len++] = label;
		random_fill(random, rdata + len, label);
		len += label;
	}
	rdata[len++] = 0;
	if (random_below(random, 4) == 0) {
		rdata[random_below(random, len)] = random_below(random, 256);
	}
	if (random_below(random, 8) == 0) {
		len = random_below(random, len + 1);
	}
	return len;
}

static void fuzz(void **state)
{
	random_t random = { 2308 };
	unsigned good = 0;
	for (unsigned i = 0; i < 200000; i++) {
		uint8_t rdata[400];
		uint16_t len = scribble(&random, rdata, sizeof(rdata));
		knot_dname_storage_t target;
		int ret = read_exact(rdata, len, target);
		assert_int_equal(ret, plain_rule(rdata, len));
		for (int k = 0; k < ret; k++) {
			bool upper = rdata[k] >= 'A' && rdata[k] <= 'Z';
			assert_int_equal(target[k], upper ? rdata[k] + 32 : rdata[k]);
		}
		good += ret > 0;
	}
	/* Both kinds occurred. */
	assert_in_range(good, 20000, 180000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("R2: no memory is malformed", no_memory),
		PROVES("R2: a name of 255 octets is good", longest_name),
		PROVES("R2: a name of 256 octets is malformed", one_octet_too_long),
		PROVES("R2: 127 labels are good, 128 are malformed", most_labels),
		PROVES("R2: labels of 1 to 63 octets are good, longer ones malformed",
		       label_lengths),
		PROVES("R2: the longest name cut anywhere is malformed", every_cut),
		PROVES("R2: RDATA of 65535 octets is malformed", absurd_length),
		PROVES("R2: 200,000 scribbles are judged as the plain rule does", fuzz),
	};
	return RUN_ROWS("rdata: octet by octet", rows, check_row) +
	       RUN_TESTS("rdata: boundaries and scribbles", tests);
}
