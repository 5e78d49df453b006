#include "support/test.h"

#include <libknot/libknot.h>

#include "name.h"

#define LABEL_63 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggg"

typedef struct {
	const char *proves;
	kaname_name_kind_t kind;
	const char *text;
	const char *reads; /*!< The name as text, in the letter case that it has. */
	const char *note;  /*!< What was made of it, or NULL. */
} good_t;

static const good_t good[] = {
	{ "a name without a dot at the end", KANAME_NAME_TARGET, "www.cdn.example",
	  "www.cdn.example.", NULL },
	{ "a name with one", KANAME_NAME_TARGET, "www.cdn.example.", "www.cdn.example.", NULL },
	{ "letter case is kept", KANAME_NAME_TARGET, "WwW.Cdn.example", "WwW.Cdn.example.", NULL },
	{ "underscores", KANAME_NAME_TARGET, "_a.b_c.example", "_a.b_c.example.", NULL },
	{ "digits in front", KANAME_NAME_TARGET, "1.2.3.4.example", "1.2.3.4.example.", NULL },
	{ "A-labels", KANAME_NAME_TARGET, "xn--bcher-kva.example", "xn--bcher-kva.example.", NULL },
	{ "a top-level domain with its dot", KANAME_NAME_TARGET, "ai.", "ai.", NULL },
	{ "escapes", KANAME_NAME_TARGET, "a\\.b.c\\032d\\;e", "a\\.b.c\\032d\\;e.", NULL },
	{ "a label of 63 octets", KANAME_NAME_TARGET, LABEL_63 ".b", LABEL_63 ".b.", NULL },
	{ "a label like localhost", KANAME_NAME_TARGET, "localhost.example", "localhost.example.",
	  NULL },
	{ "the root as any name", KANAME_NAME_ANY, ".", ".", NULL },
	{ "a wildcard as any name", KANAME_NAME_ANY, "*.example", "*.example.", NULL },
	{ "a zone of one label", KANAME_NAME_ZONE, "example", "example.", NULL },
	{ "the root as a zone", KANAME_NAME_ZONE, ".", ".", NULL },
	{ "a zone of RFC 2317", KANAME_NAME_ZONE, "0/25.2.0.192.in-addr.arpa",
	  "0/25.2.0.192.in-addr.arpa.", NULL },
#if KANAME_IDN
	{ "UTF-8", KANAME_NAME_TARGET, "bücher.example", "xn--bcher-kva.example.",
	  "xn--bcher-kva.example" },
	{ "UTF-8 as a zone, with a dot", KANAME_NAME_ZONE, "bücher.example.",
	  "xn--bcher-kva.example.", "xn--bcher-kva.example." },
	{ "not transitional: sharp s stays one", KANAME_NAME_ANY, "straße.example",
	  "xn--strae-oqa.example.", "xn--strae-oqa.example" },
	{ "upper case in UTF-8", KANAME_NAME_TARGET, "BÜCHER.Example", "xn--bcher-kva.example.",
	  "xn--bcher-kva.example" },
	{ "decomposed letters", KANAME_NAME_TARGET,
	  "bu\xcc\x88"
	  "cher.example",
	  "xn--bcher-kva.example.", "xn--bcher-kva.example" },
	{ "full-width letters", KANAME_NAME_TARGET, "ｗｗｗ.example", "www.example.",
	  "www.example" },
	{ "an ideographic full stop", KANAME_NAME_TARGET, "www。bücher。example",
	  "www.xn--bcher-kva.example.", "www.xn--bcher-kva.example" },
#endif
};

static void check_good(void **state)
{
	const good_t *row = *state;
	knot_dname_storage_t name;
	knot_dname_txt_storage_t text;
	const char *note = "?";
	const char *refused = kaname_name_understand(name, row->text, row->kind, &note);
	if (refused != NULL) {
		fail_msg("'%s' %s", row->text, refused);
	}
	assert_non_null(knot_dname_to_str(text, name, sizeof(text)));
	assert_string_equal(text, row->reads);
	if (row->note == NULL) {
		assert_null(note);
	} else {
		assert_string_equal(note, row->note);
	}
}

typedef struct {
	const char *proves;
	kaname_name_kind_t kind;
	const char *text;
	const char *cause, *cure;
} bad_t;

static const bad_t bad[] = {
	{ "nothing", KANAME_NAME_ANY, "", "is empty", "expected a domain name" },
	{ "the origin", KANAME_NAME_ANY, "@", "the origin", "expected a domain name" },
	{ "a blank", KANAME_NAME_ANY, "a.example b.example", "white space", "one domain name" },
	{ "a blank at the end", KANAME_NAME_ZONE, "a.example ", "white space", "one domain name" },
	{ "a line end", KANAME_NAME_ANY, "a.example\n", "white space", "one domain name" },
	{ "a URL", KANAME_NAME_TARGET, "https://www.cdn.example/", "scheme or a path",
	  "'www.cdn.example'" },
	{ "a URL with user, port and query", KANAME_NAME_ANY, "http://u@www.cdn.example:8080?q",
	  "scheme or a path", "'www.cdn.example'" },
	{ "a path", KANAME_NAME_TARGET, "www.cdn.example/a/b", "scheme or a path",
	  "'www.cdn.example'" },
	{ "a path behind a zone", KANAME_NAME_ZONE, "example.com/", "scheme or a path",
	  "'example.com'" },
	{ "a port", KANAME_NAME_TARGET, "www.cdn.example:443", "has a port", "'www.cdn.example'" },
	{ "a port as Knot has it", KANAME_NAME_TARGET, "www.cdn.example@53", "has an '@'",
	  "the name alone" },
	{ "a list", KANAME_NAME_TARGET, "a.example,b.example", "has a ','", "nothing else" },
	{ "quotes", KANAME_NAME_TARGET, "\"a.example\"", "has a '\"'", "nothing else" },
	{ "an address", KANAME_NAME_TARGET, "192.0.2.1", "is an address", "A or AAAA record" },
	{ "one with a dot", KANAME_NAME_TARGET, "192.0.2.1.", "is an address", "AAAA record" },
	{ "one with a port", KANAME_NAME_TARGET, "192.0.2.1:443", "is an address", "AAAA record" },
	{ "one with port and dot", KANAME_NAME_ANY, "192.0.2.1:53.", "is an address", "AAAA" },
	{ "a network", KANAME_NAME_TARGET, "192.0.2.0/24", "is an address", "AAAA record" },
	{ "an IPv6 address", KANAME_NAME_TARGET, "2001:db8::1", "is an address", "AAAA record" },
	{ "one with a dot at the end", KANAME_NAME_TARGET, "2001:db8::1.", "is an address",
	  "AAAA" },
	{ "one in brackets", KANAME_NAME_TARGET, "[2001:db8::1]", "is an address", "AAAA record" },
	{ "one with a port behind", KANAME_NAME_ANY, "[2001:db8::1]:443", "is an address", "AAAA" },
	{ "one with a zone", KANAME_NAME_ZONE, "fe80::1%eth0", "is an address", "AAAA record" },
	{ "one in a URL", KANAME_NAME_TARGET, "https://[2001:db8::1]/", "is an address", "AAAA" },
	{ "what is nearly an address", KANAME_NAME_TARGET, "192.0.2", "ends in a number", "AAAA" },
	{ "what is too much of one", KANAME_NAME_TARGET, "1.2.3.4.5", "ends in a number", "AAAA" },
	{ "an empty label", KANAME_NAME_ANY, "a..example", "an empty label", "two dots" },
	{ "a dot in front", KANAME_NAME_ZONE, ".example", "an empty label", "a dot in front" },
	{ "two dots at the end", KANAME_NAME_TARGET, "a.example..", "an empty label", "two dots" },
	{ "a label of 64 octets", KANAME_NAME_ANY, LABEL_63 "a.example", "a label of 64 octets",
	  "63 are the most" },
	{ "a name of 257 octets", KANAME_NAME_ANY, LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_63,
	  "has 257 octets", "255 are the most" },
	{ "an escape that is none", KANAME_NAME_ANY, "a\\25x.example", "cannot be read",
	  "an escape is" },
	{ "an escape of nothing", KANAME_NAME_ANY, "a\\", "cannot be read", "an escape is" },
	{ "the root as a target", KANAME_NAME_TARGET, ".", "is the root", "the name of a host" },
	{ "a wildcard as a target", KANAME_NAME_TARGET, "*.cdn.example", "is a wildcard",
	  "'www.cdn.example'" },
	{ "a wildcard as a zone", KANAME_NAME_ZONE, "*.example", "is a wildcard", "zone-status" },
	{ "localhost", KANAME_NAME_TARGET, "localhost", "own name for itself", "of a host" },
	{ "below localhost", KANAME_NAME_TARGET, "a.LocalHost.", "own name for itself", "a host" },
	{ "invalid", KANAME_NAME_TARGET, "a.invalid", "does not exist", "of a host" },
	{ "onion", KANAME_NAME_TARGET, "a.onion", "a name of Tor", "of a host" },
	{ "a single label", KANAME_NAME_TARGET, "cdn", "a single label", "'cdn.'" },
#if KANAME_IDN
	{ "octets that are no UTF-8", KANAME_NAME_TARGET, "b\xfc.example", "internationalized",
	  "in UTF-8" },
	{ "a character that no name has", KANAME_NAME_ANY, "a\xe2\x80\xa8.example",
	  "internationalized", "xn--" },
	{ "digits that become an address", KANAME_NAME_TARGET, "１９２.0.2.1", "is an address",
	  "AAAA" },
	{ "an address and a port in full width", KANAME_NAME_TARGET, "１.２.３.４：８０",
	  "is an address", "AAAA" },
	{ "a port in full width", KANAME_NAME_ANY, "www.cdn.example：443", "has a port",
	  "'www.cdn.example'" },
	{ "a URL in full width", KANAME_NAME_TARGET, "http：／／www.cdn.example",
	  "scheme or a path", "'www.cdn.example'" },
	{ "a bracket in full width", KANAME_NAME_TARGET, "（a）.example", "has a '('",
	  "nothing else" },
	{ "a wildcard in full width", KANAME_NAME_TARGET, "＊.cdn.example", "is a wildcard",
	  "below it" },
#else
	{ "UTF-8 without libidn2", KANAME_NAME_TARGET, "bücher.example", "without libidn2",
	  "xn--" },
#endif
};

static void check_bad(void **state)
{
	const bad_t *row = *state;
	knot_dname_storage_t name;
	const char *note;
	const char *refused = kaname_name_understand(name, row->text, row->kind, &note);
	if (refused == NULL) {
		fail_msg("'%s' is taken", row->text);
		return;
	}
	if (strstr(refused, row->cause) == NULL || strstr(refused, row->cure) == NULL) {
		fail_msg("'%s' and '%s' in: '%s' %s", row->cause, row->cure, row->text, refused);
	}
	assert_null(note);
}

typedef struct {
	const char *proves;
	const char *zone, *text;
	const char *reads; /*!< The owner as text; NULL: none is read. */
	const char *cause, *cure;
} owner_row_t;

#define ZONE_251 LABEL_63 "." LABEL_63 "." LABEL_63 "." LABEL_57 "."
#define LABEL_57 "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeefffffff"

static const owner_row_t owners[] = {
	{ "the apex", "example.", "@", "example.", NULL, NULL },
	{ "the apex in full", "example.", "Example.", "example.", NULL, NULL },
	{ "a relative name", "example.", "Shop", "shop.example.", NULL, NULL },
	{ "one of several labels", "example.", "a.b", "a.b.example.", NULL, NULL },
	{ "an absolute one", "example.", "a.b.example.", "a.b.example.", NULL, NULL },
	{ "the wildcard", "example.", "*", "*.example.", NULL, NULL },
	{ "a deeper one", "example.", "*.a", "*.a.example.", NULL, NULL },
	{ "an escaped dot at the end", "example.", "a\\.", "a\\..example.", NULL, NULL },
	{ "an escaped backslash before a dot", "example.", "a\\\\.example.", "a\\\\.example.", NULL,
	  NULL },
	{ "a name below the root", ".", "shop", "shop.", NULL, NULL },
	{ "an absolute one below the root", ".", "a.b.", "a.b.", NULL, NULL },
	{ "the root", ".", ".", ".", NULL, NULL },
	{ "a delegation of RFC 2317", "2.0.192.in-addr.arpa.", "0/25", "0/25.2.0.192.in-addr.arpa.",
	  NULL, NULL },
	{ "255 octets", ZONE_251, "abc", "abc." ZONE_251, NULL, NULL },
#if KANAME_IDN
	{ "UTF-8", "example.", "bücher", "xn--bcher-kva.example.", NULL, NULL },
	{ "UTF-8, absolute", "example.", "bücher.example.", "xn--bcher-kva.example.", NULL, NULL },
	{ "UTF-8 and no dot", "example.", "bücher.example", NULL,
	  "would be bücher.example.example.", "expected 'bücher.example.'" },
#endif
	{ "256 octets", ZONE_251, "abcd", NULL, "has 256 octets with", "255 are the most" },
	{ "nothing", "example.", "", NULL, "is empty", "expected a domain name" },
	{ "the zone's name without a dot", "example.", "EXAMPLE", NULL, "relative to the zone",
	  "expected 'EXAMPLE.'" },
	{ "a name below it without a dot", "example.", "a.example", NULL,
	  "would be a.example.example.", "expected 'a.example.'" },
	{ "a name elsewhere", "example.", "a.example.org.", NULL, "not within the zone",
	  "'example.'" },
	{ "the parent", "a.example.", "example.", NULL, "not within the zone", "'a.example.'" },
	{ "one that only looks like it", "example.", "anexample.", NULL, "not within", "'www'" },
	{ "what is no name", "example.", "a..b", NULL, "an empty label", "two dots" },
};

static void check_owner(void **state)
{
	const owner_row_t *row = *state;
	knot_dname_storage_t zone, name;
	knot_dname_txt_storage_t text;
	const char *note;
	assert_non_null(knot_dname_from_str(zone, row->zone, sizeof(zone)));
	const char *refused = kaname_name_owner(name, row->text, zone, &note);
	if (row->reads != NULL) {
		assert_null(refused);
		assert_non_null(knot_dname_to_str(text, name, sizeof(text)));
		assert_string_equal(text, row->reads);
		return;
	}
	assert_non_null(refused);
	assert_null(note);
	if (strstr(refused, row->cause) == NULL || strstr(refused, row->cure) == NULL) {
		fail_msg("'%s' and '%s' in: '%s' %s", row->cause, row->cure, row->text, refused);
	}
}

static void any_text(void **state)
{
	/* Whatever is typed: it is answered, and nothing is read or written out of bounds. */
	static const char octets[] = "a.\\0:@/[]*%9#\xc3\xbc ";
	uint32_t seed = 12345;
	for (unsigned i = 0; i < 20000; i++) {
		char text[40];
		size_t len = i % (sizeof(text) - 1);
		for (size_t k = 0; k < len; k++) {
			seed = seed * 1664525 + 1013904223;
			text[k] = octets[(seed >> 16) % (sizeof(octets) - 1)];
		}
		text[len] = '\0';
		knot_dname_storage_t name;
		const char *note;
		const char *refused = kaname_name_understand(name, text, i % 3, &note);
		assert_true(refused != NULL || knot_dname_size(name) <= KNOT_DNAME_MAXLEN);
		static const knot_dname_t zone[] = "\x01"
		                                   "a";
		refused = kaname_name_owner(name, text, zone, &note);
		assert_true(refused != NULL || knot_dname_in_bailiwick(name, zone) >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("any text is answered", any_text),
	};
	return RUN_ROWS("name: what is taken", good, check_good) +
	       RUN_ROWS("name: owners", owners, check_owner) +
	       RUN_ROWS("name: what is refused, with its cause and its cure", bad, check_bad) +
	       RUN_TESTS("name: the whole", tests);
}
