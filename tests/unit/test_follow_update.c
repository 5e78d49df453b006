#include "support/test.h"

#include <arpa/inet.h>
#include <time.h>

#include <libknot/libknot.h>

#include "follow/update.h"
#include "rrtype.h"
#include "support/make.h"

#define TEXT_SIZE 4096
#define ID        0x1234

static kaname_sets_t sets;
static uint8_t wire[KANAME_UPDATE_MAX];

/*! The set of these addresses, with blanks between. */
static const kaname_set_t *make_set(kaname_family_t family, const char *text)
{
	uint8_t at[8 * 16];
	size_t count = 0;
	char copy[200], *rest;
	(void)snprintf(copy, sizeof(copy), "%s", text != NULL ? text : "");
	for (char *one = strtok_r(copy, " ", &rest); one != NULL;
	     one = strtok_r(NULL, " ", &rest)) {
		int ret = inet_pton(family == KANAME_A ? AF_INET : AF_INET6, one,
		                    at + count++ * kaname_family_len(family));
		assert_int_equal(ret, 1);
	}
	kaname_set_t *set = NULL;
	assert_true(kaname_set_take(&sets, family, at, count, &set));
	return set;
}

static void release(const kaname_update_t *update)
{
	for (kaname_family_t family = 0; family < KANAME_FAMILIES; family++) {
		kaname_set_release(&sets, (kaname_set_t *)update->swap[family].from);
		kaname_set_release(&sets, (kaname_set_t *)update->swap[family].to);
	}
	kaname_sets_deinit(&sets);
}

/* What is written. */

/*! Has a type a name in some releases only? */
static bool is_generic(uint16_t type)
{
	return type == ANAME_RRTYPE_ANAME || type == ANAME_RRTYPE_ALIAS;
}

/*! Adds the records of a section to a text, as `owner TTL CLASS TYPE RDATA;`. */
static void describe(const knot_pkt_t *pkt, knot_section_t section, char *text)
{
	const knot_pktsection_t *records = knot_pkt_section(pkt, section);
	for (uint16_t i = 0; i < records->count; i++) {
		const knot_rrset_t *rr = knot_pkt_rr(records, i);
		char owner[KNOT_DNAME_TXT_MAXLEN], class[16], type[16], rdata[TEXT_SIZE] = "";
		assert_non_null(knot_dname_to_str(owner, rr->owner, sizeof(owner)));
		assert_true(knot_rrclass_to_string(rr->rclass, class, sizeof(class)) > 0);
		(void)snprintf(type, sizeof(type), "TYPE%u", rr->type);
		assert_true(is_generic(rr->type) ||
		            knot_rrtype_to_string(rr->type, type, sizeof(type)) > 0);
		if (rr->rrs.rdata->len > 0) {
			const knot_dump_style_t *style = &KNOT_DUMP_STYLE_DEFAULT;
			assert_true(knot_rrset_txt_dump_data(rr, 0, rdata, sizeof(rdata), style) >
			            0);
		}
		size_t used = strlen(text);
		(void)snprintf(text + used, TEXT_SIZE - used, "%s %u %s %s%s%s;", owner, rr->ttl,
		               class, type, rdata[0] != '\0' ? " " : "", rdata);
	}
}

typedef struct {
	const char *proves;
	const char *owner; /*!< NULL: the apex. */
	const char *a_from, *a_to, *aaaa_from, *aaaa_to;
	const char *target, *prerequisites, *changes;
	uint16_t type;
	bool a_replace, aaaa_replace, is_gone;
} written_t;

#define NO_A    "e. 0 NONE A;"
#define NO_AAAA "e. 0 NONE AAAA;"

static const written_t written[] = {
	{ .proves = "first addresses: there must be none",
	  .a_to = "192.0.2.1",
	  .aaaa_to = "2001:db8::1",
	  .prerequisites = NO_A NO_AAAA,
	  .changes = "e. 60 IN A 192.0.2.1;e. 60 IN AAAA 2001:db8::1;" },
	{ .proves = "one of three changes: the others stay",
	  .a_from = "192.0.2.1 192.0.2.2 192.0.2.3",
	  .a_to = "192.0.2.1 192.0.2.3 192.0.2.4",
	  .prerequisites = "e. 0 IN A 192.0.2.1;e. 0 IN A 192.0.2.2;e. 0 IN A 192.0.2.3;" NO_AAAA,
	  .changes = "e. 0 NONE A 192.0.2.2;e. 60 IN A 192.0.2.4;" },
	{ .proves = "none stays: the set is deleted as one",
	  .a_from = "192.0.2.1 192.0.2.2",
	  .a_to = "192.0.2.3",
	  .prerequisites = "e. 0 IN A 192.0.2.1;e. 0 IN A 192.0.2.2;" NO_AAAA,
	  .changes = "e. 0 ANY A;e. 60 IN A 192.0.2.3;" },
	{ .proves = "one more: nothing is deleted",
	  .aaaa_from = "2001:db8::1",
	  .aaaa_to = "2001:db8::1 2001:db8::2",
	  .prerequisites = NO_A "e. 0 IN AAAA 2001:db8::1;",
	  .changes = "e. 60 IN AAAA 2001:db8::2;" },
	{ .proves = "one less: nothing is added",
	  .aaaa_from = "2001:db8::1 2001:db8::2",
	  .aaaa_to = "2001:db8::2",
	  .prerequisites = NO_A "e. 0 IN AAAA 2001:db8::1;e. 0 IN AAAA 2001:db8::2;",
	  .changes = "e. 0 NONE AAAA 2001:db8::1;" },
	{ .proves = "one family goes, the other stays and is compared",
	  .a_from = "192.0.2.1",
	  .a_to = "192.0.2.1",
	  .aaaa_from = "2001:db8::1",
	  .prerequisites = "e. 0 IN A 192.0.2.1;e. 0 IN AAAA 2001:db8::1;",
	  .changes = "e. 0 ANY AAAA;" },
	{ .proves = "another TTL: all of the set is replaced",
	  .a_from = "192.0.2.1 192.0.2.2",
	  .a_to = "192.0.2.1 192.0.2.2",
	  .a_replace = true,
	  .prerequisites = "e. 0 IN A 192.0.2.1;e. 0 IN A 192.0.2.2;" NO_AAAA,
	  .changes = "e. 0 ANY A;e. 60 IN A 192.0.2.1;e. 60 IN A 192.0.2.2;" },
	{ .proves = "to replace what is not there is to add",
	  .a_to = "192.0.2.1",
	  .a_replace = true,
	  .aaaa_replace = true,
	  .prerequisites = NO_A NO_AAAA,
	  .changes = "e. 60 IN A 192.0.2.1;" },
	{ .proves = "to replace by nothing is to delete",
	  .a_from = "192.0.2.1",
	  .a_replace = true,
	  .prerequisites = "e. 0 IN A 192.0.2.1;" NO_AAAA,
	  .changes = "e. 0 ANY A;" },
	{ .proves = "nothing changes: it is compared only",
	  .a_from = "192.0.2.1",
	  .a_to = "192.0.2.1",
	  .prerequisites = "e. 0 IN A 192.0.2.1;" NO_AAAA,
	  .changes = "" },
	{ .proves = "the ANAME record is compared, in its own case",
	  .type = ANAME_RRTYPE_ANAME,
	  .target = "Target.",
	  .a_to = "192.0.2.1",
	  .prerequisites = "e. 0 IN TYPE65305 \\# 8 0654617267657400;" NO_A NO_AAAA,
	  .changes = "e. 60 IN A 192.0.2.1;" },
	{ .proves = "an ANAME record has to be there, whatever is in it",
	  .type = ANAME_RRTYPE_ANAME,
	  .a_to = "192.0.2.1",
	  .prerequisites = "e. 0 ANY TYPE65305;" NO_A NO_AAAA,
	  .changes = "e. 60 IN A 192.0.2.1;" },
	{ .proves = "an owner whose ANAME records are gone: there must be none",
	  .a_from = "192.0.2.1",
	  .is_gone = true,
	  .prerequisites = "e. 0 NONE TYPE65305;e. 0 NONE TYPE65401;e. 0 IN A 192.0.2.1;" NO_AAAA,
	  .changes = "e. 0 ANY A;" },
	{ .proves = "an owner below the apex",
	  .owner = "*.w.e.",
	  .a_from = "192.0.2.1",
	  .a_to = "192.0.2.2",
	  .prerequisites = "*.w.e. 0 IN A 192.0.2.1;*.w.e. 0 NONE AAAA;",
	  .changes = "*.w.e. 0 ANY A;*.w.e. 60 IN A 192.0.2.2;" },
};

static void check_written(void **state)
{
	const written_t *row = *state;
	name_t zone = make_name("e."), owner = make_name(row->owner != NULL ? row->owner : "e.");
	name_t target = make_name("a.");
	const knot_dname_t *targets[] = { target.at };
	if (row->target != NULL) {
		assert_non_null(knot_dname_from_str(target.at, row->target, sizeof(target.at)));
	}
	kaname_update_t update = {
		.zone = zone.at,
		.owner = owner.at,
		.ttl = 60,
		.swap = { { .from = make_set(KANAME_A, row->a_from),
		            .to = make_set(KANAME_A, row->a_to),
		            .replace = row->a_replace },
		          { .from = make_set(KANAME_AAAA, row->aaaa_from),
		            .to = make_set(KANAME_AAAA, row->aaaa_to),
		            .replace = row->aaaa_replace } },
		.is_gone = row->is_gone,
		.expected_count = row->type != 0,
		.expected = { { .type = row->type,
		                .count = row->target != NULL,
		                .targets = targets } },
	};
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
	size_t digest_len = 1;
	int len = kaname_update_write(&update, ID, NULL, wire, digest, &digest_len);
	assert_true(len > 0);
	assert_int_equal(digest_len, 0);

	knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL);
	assert_int_equal(knot_pkt_parse(pkt, KNOT_PF_NOCANON), KNOT_EOK);
	assert_int_equal(knot_wire_get_id(wire), ID);
	assert_int_equal(knot_wire_get_opcode(wire), KNOT_OPCODE_UPDATE);
	assert_int_equal(knot_wire_get_flags1(wire) & ~KNOT_WIRE_OPCODE_MASK, 0);
	assert_int_equal(knot_wire_get_flags2(wire), 0);
	assert_int_equal(knot_wire_get_qdcount(wire), 1);
	assert_true(knot_dname_is_equal(knot_pkt_qname(pkt), zone.at));
	assert_int_equal(knot_pkt_qtype(pkt), KNOT_RRTYPE_SOA);
	assert_int_equal(knot_pkt_qclass(pkt), KNOT_CLASS_IN);
	char prerequisites[TEXT_SIZE] = "", changes[TEXT_SIZE] = "", rest[TEXT_SIZE] = "";
	describe(pkt, KNOT_ANSWER, prerequisites);
	describe(pkt, KNOT_AUTHORITY, changes);
	describe(pkt, KNOT_ADDITIONAL, rest);
	assert_string_equal(prerequisites, row->prerequisites);
	assert_string_equal(changes, row->changes);
	assert_string_equal(rest, "");
	knot_pkt_free(pkt);
	release(&update);
}

/*! As many addresses as a set may have; no two numbers have one in common. */
static const kaname_set_t *make_most(kaname_family_t family, uint8_t number)
{
	static uint8_t at[KANAME_SET_MAX * 16];
	size_t len = kaname_family_len(family);
	memset(at, number, sizeof(at));
	for (size_t i = 0; i < KANAME_SET_MAX; i++) {
		at[i * len] = i;
	}
	kaname_set_t *set = NULL;
	assert_true(kaname_set_take(&sets, family, at, KANAME_SET_MAX, &set));
	return set;
}

static void longest(void **state)
{
	knot_tsig_key_t key = { 0 };
	assert_int_equal(knot_tsig_key_init(&key, "hmac-sha512", "k", "c2VjcmV0"), KNOT_EOK);
	name_t zone = make_name("e."), owner = make_name_longest('o');
	static knot_dname_storage_t names[2][ANAME_POOL_MAX];
	const knot_dname_t *targets[2][ANAME_POOL_MAX];
	for (size_t i = 0; i < COUNT_OF(names) * COUNT_OF(names[0]); i++) {
		knot_dname_t *name = names[i / ANAME_POOL_MAX][i % ANAME_POOL_MAX];
		memcpy(name, make_name_longest('a').at, KNOT_DNAME_MAXLEN);
		name[1] = 1 + i;
		targets[i / ANAME_POOL_MAX][i % ANAME_POOL_MAX] = name;
	}
	zone.at[0] = 0; /* That of the longest owner is the root. */
	kaname_update_t update = {
		.zone = zone.at,
		.owner = owner.at,
		.ttl = 60,
		.swap = { { make_most(KANAME_A, 1), make_most(KANAME_A, 2), false },
		          { make_most(KANAME_AAAA, 1), make_most(KANAME_AAAA, 2), true } },
		.expected_count = 2,
		.expected = { { ANAME_RRTYPE_ANAME, ANAME_POOL_MAX, targets[0] },
		              { ANAME_RRTYPE_ALIAS, ANAME_POOL_MAX, targets[1] } },
	};
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
	size_t digest_len;
	int len = kaname_update_write(&update, ID, &key, wire, digest, &digest_len);
	assert_true(len > 0);
	assert_int_equal(digest_len, 64);
	knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL);
	assert_int_equal(knot_pkt_parse(pkt, 0), KNOT_EOK);
	assert_int_equal(knot_pkt_section(pkt, KNOT_ANSWER)->count, 2 * 256 + 64);
	assert_int_equal(knot_pkt_section(pkt, KNOT_AUTHORITY)->count, 2 * (1 + 256));
	assert_int_equal(knot_tsig_server_check(pkt->tsig_rr, wire, pkt->size, &key), KNOT_EOK);
	knot_pkt_free(pkt);
	knot_tsig_key_deinit(&key);
	release(&update);
}

/* What is read. */

typedef enum {
	SIGNED,
	UNSIGNED,
	OTHER_SECRET,
	OTHER_NAME,
	LATER, /*!< Changed after it was signed. */
	BAD,   /*!< An error about the signature, which is not signed. */
} signing_t;

typedef struct {
	const char *proves;
	uint8_t rcode;
	signing_t signing;
	uint16_t tsig_error;
	bool no_key; /*!< The update was not signed. */
	kaname_outcome_t outcome;
	const char *why;
} reply_t;

static const reply_t replies[] = {
	{ "done", KNOT_RCODE_NOERROR, SIGNED, 0, false, KANAME_UPDATE_DONE, "done" },
	{ "done, without any key", KNOT_RCODE_NOERROR, UNSIGNED, 0, true, KANAME_UPDATE_DONE,
	  "done" },
	{ "NXRRSET", KNOT_RCODE_NXRRSET, SIGNED, 0, false, KANAME_UPDATE_OTHERWISE, "NXRRSET" },
	{ "YXRRSET", KNOT_RCODE_YXRRSET, SIGNED, 0, false, KANAME_UPDATE_OTHERWISE, "YXRRSET" },
	{ "NXDOMAIN", KNOT_RCODE_NXDOMAIN, SIGNED, 0, false, KANAME_UPDATE_OTHERWISE, "NXDOMAIN" },
	{ "YXDOMAIN", KNOT_RCODE_YXDOMAIN, SIGNED, 0, false, KANAME_UPDATE_OTHERWISE, "YXDOMAIN" },
	{ "REFUSED", KNOT_RCODE_REFUSED, SIGNED, 0, false, KANAME_UPDATE_REFUSED, "REFUSED" },
	{ "REFUSED and not signed", KNOT_RCODE_REFUSED, UNSIGNED, 0, false, KANAME_UPDATE_REFUSED,
	  "REFUSED" },
	{ "NOTAUTH", KNOT_RCODE_NOTAUTH, UNSIGNED, 0, false, KANAME_UPDATE_REFUSED, "(NOTAUTH)" },
	{ "NOTZONE", KNOT_RCODE_NOTZONE, SIGNED, 0, false, KANAME_UPDATE_REFUSED, "(NOTZONE)" },
	{ "NOTIMP", KNOT_RCODE_NOTIMPL, UNSIGNED, 0, false, KANAME_UPDATE_REFUSED, "(NOTIMP)" },
	{ "FORMERR", KNOT_RCODE_FORMERR, SIGNED, 0, false, KANAME_UPDATE_REFUSED, "(FORMERR)" },
	{ "SERVFAIL", KNOT_RCODE_SERVFAIL, SIGNED, 0, false, KANAME_UPDATE_FAILED, "(SERVFAIL)" },
	{ "SERVFAIL and not signed", KNOT_RCODE_SERVFAIL, UNSIGNED, 0, false, KANAME_UPDATE_FAILED,
	  "(SERVFAIL)" },
	{ "a code that nobody knows", 13, SIGNED, 0, false, KANAME_UPDATE_FAILED, "rcode 13" },
	{ "BADKEY", KNOT_RCODE_NOTAUTH, BAD, KNOT_RCODE_BADKEY, false, KANAME_UPDATE_REFUSED,
	  "(BADKEY)" },
	{ "BADSIG", KNOT_RCODE_NOTAUTH, BAD, KNOT_RCODE_BADSIG, false, KANAME_UPDATE_REFUSED,
	  "(BADSIG)" },
	{ "BADTRUNC", KNOT_RCODE_NOTAUTH, BAD, KNOT_RCODE_BADTRUNC, false, KANAME_UPDATE_REFUSED,
	  "(BADTRUNC)" },
	{ "YXRRSET in the place of an error about the signature", KNOT_RCODE_NOTAUTH, BAD,
	  KNOT_RCODE_YXRRSET, false, KANAME_UPDATE_UNKNOWN, "not signed" },
	{ "BADTIME says by how much", KNOT_RCODE_NOTAUTH, SIGNED, KNOT_RCODE_BADTIME, false,
	  KANAME_UPDATE_REFUSED, "this host's clock is " },
	{ "done, says somebody without a key", KNOT_RCODE_NOERROR, UNSIGNED, 0, false,
	  KANAME_UPDATE_UNKNOWN, "not signed" },
	{ "NXRRSET, says somebody without a key", KNOT_RCODE_NXRRSET, UNSIGNED, 0, false,
	  KANAME_UPDATE_UNKNOWN, "not signed" },
	{ "done, with another secret", KNOT_RCODE_NOERROR, OTHER_SECRET, 0, false,
	  KANAME_UPDATE_UNKNOWN, "signature is wrong" },
	{ "done, with another key", KNOT_RCODE_NOERROR, OTHER_NAME, 0, false, KANAME_UPDATE_UNKNOWN,
	  "signature is wrong" },
	{ "REFUSED, with another secret", KNOT_RCODE_REFUSED, OTHER_SECRET, 0, false,
	  KANAME_UPDATE_UNKNOWN, "signature is wrong" },
	{ "changed on the way", KNOT_RCODE_NXRRSET, LATER, 0, false, KANAME_UPDATE_UNKNOWN,
	  "signature is wrong" },
};

static void init_key(knot_tsig_key_t *key, const char *name, const char *secret)
{
	assert_int_equal(knot_tsig_key_init(key, "hmac-sha256", name, secret), KNOT_EOK);
}

/*! Makes of an update, whose signature has this digest, the reply; returns its octets. */
static size_t make_reply(const reply_t *row, uint8_t *digest, size_t digest_len)
{
	knot_tsig_key_t key;
	init_key(&key, row->signing == OTHER_NAME ? "other" : "k",
	         row->signing == OTHER_SECRET ? "b3RoZXI=" : "c2VjcmV0");
	size_t len = KNOT_WIRE_HEADER_SIZE + 3 + 4;
	knot_wire_set_qr(wire);
	knot_wire_set_ancount(wire, 0);
	knot_wire_set_nscount(wire, 0);
	knot_wire_set_arcount(wire, 0);
	knot_wire_set_rcode(wire, row->rcode);
	uint8_t mac[KANAME_UPDATE_DIGEST_MAX];
	size_t mac_len = sizeof(mac);
	int ret = KNOT_EOK;
	if (row->signing == BAD) {
		knot_rrset_t *tsig =
		        knot_rrset_new(key.name, KNOT_RRTYPE_TSIG, KNOT_CLASS_ANY, 0, NULL);
		const uint8_t *algorithm = dnssec_tsig_algorithm_to_dname(key.algorithm);
		knot_tsig_create_rdata(tsig, algorithm, 0, 0);
		ret = knot_tsig_add(wire, &len, KANAME_UPDATE_MAX, row->tsig_error, tsig);
		knot_rrset_free(tsig, NULL);
	} else if (row->signing != UNSIGNED) {
		ret = knot_tsig_sign(wire, &len, KANAME_UPDATE_MAX, digest, digest_len, mac,
		                     &mac_len, &key, row->tsig_error, time(NULL));
	}
	assert_int_equal(ret, KNOT_EOK);
	if (row->signing == LATER) {
		knot_wire_set_rcode(wire, KNOT_RCODE_NOERROR);
	}
	knot_tsig_key_deinit(&key);
	return len;
}

/*! Writes an update with this key. */
static int write_update(const knot_tsig_key_t *key, uint8_t *digest, size_t *digest_len)
{
	name_t zone = make_name("e.");
	kaname_update_t update = { .zone = zone.at,
		                   .owner = zone.at,
		                   .swap = { { .to = make_set(KANAME_A, "192.0.2.1") } } };
	int len = kaname_update_write(&update, ID, key, wire, digest, digest_len);
	assert_true(len > 0);
	release(&update);
	return len;
}

static void check_reply(void **state)
{
	const reply_t *row = *state;
	knot_tsig_key_t key;
	init_key(&key, "k", "c2VjcmV0");
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
	size_t digest_len;
	const knot_tsig_key_t *used = row->no_key ? NULL : &key;
	(void)write_update(used, digest, &digest_len);
	size_t len = make_reply(row, digest, digest_len);
	kaname_updated_t updated;
	assert_true(kaname_update_read(wire, len, ID, used, digest, digest_len, &updated));
	assert_int_equal(updated.outcome, row->outcome);
	if (row->outcome == KANAME_UPDATE_REFUSED) {
		/* What BADTIME says has a signature, which is not looked at. */
		assert_int_equal(updated.is_unsigned,
		                 row->signing == UNSIGNED || row->tsig_error != 0);
	}
	assert_non_null(updated.why);
	if (strstr(updated.why, row->why) == NULL) {
		fail_msg("expected '%s', got '%s'", row->why, updated.why);
	}
	assert_int_equal(updated.next == NULL, row->outcome == KANAME_UPDATE_DONE ||
	                                               row->outcome == KANAME_UPDATE_OTHERWISE);
	knot_tsig_key_deinit(&key);
}

/*! The primary's clock is ahead by so many seconds, as the other data of BADTIME tell. */
static void bad_time(void **state)
{
	static const reply_t row = { .rcode = KNOT_RCODE_NOTAUTH,
		                     .tsig_error = KNOT_RCODE_BADTIME };
	knot_tsig_key_t key;
	init_key(&key, "k", "c2VjcmV0");
	for (int shift = -5000; shift <= 5000; shift += 10000) {
		uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
		size_t digest_len;
		(void)write_update(&key, digest, &digest_len);
		size_t len = make_reply(&row, digest, digest_len);
		uint8_t *other = wire + len - 6;
		knot_wire_write_u48(other, knot_wire_read_u48(other) + shift);
		kaname_updated_t updated;
		assert_true(kaname_update_read(wire, len, ID, &key, digest, digest_len, &updated));
		assert_int_equal(updated.outcome, KANAME_UPDATE_REFUSED);
		assert_non_null(strstr(updated.why, shift > 0 ? "behind" : "ahead of"));
		assert_in_range(strtol(strstr(updated.why, "clock is ") + 9, NULL, 10), 4900, 5100);
	}
	knot_tsig_key_deinit(&key);
}

/*! What is no reply, and every reply that is cut off. */
static void no_reply(void **state)
{
	static const reply_t row = { .rcode = KNOT_RCODE_NOERROR };
	knot_tsig_key_t key;
	init_key(&key, "k", "c2VjcmV0");
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
	size_t digest_len;
	kaname_updated_t updated;
	int sent = write_update(&key, digest, &digest_len);
	assert_false(kaname_update_read(wire, sent, ID, &key, digest, digest_len, &updated));
	size_t len = make_reply(&row, digest, digest_len);
	assert_false(kaname_update_read(wire, len, ID + 1, &key, digest, digest_len, &updated));
	for (size_t cut = 0; cut < len; cut++) {
		uint8_t *copy = malloc(cut + 1);
		memcpy(copy, wire, cut);
		assert_false(kaname_update_read(copy, cut, ID, &key, digest, digest_len, &updated));
		free(copy);
	}
	uint8_t *longer = malloc(len + 1);
	memcpy(longer, wire, len);
	longer[len] = 0;
	assert_false(kaname_update_read(longer, len + 1, ID, &key, digest, digest_len, &updated));
	free(longer);
	knot_wire_set_opcode(wire, KNOT_OPCODE_QUERY);
	assert_false(kaname_update_read(wire, len, ID, &key, digest, digest_len, &updated));
	knot_tsig_key_deinit(&key);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PROVES("the largest update there can be fits", longest),
		PROVES("BADTIME says whose clock is ahead", bad_time),
		PROVES("what is no reply to the update, or half of one, says nothing", no_reply),
	};
	int failed = RUN_ROWS("what an update consists of", written, check_written);
	failed += RUN_ROWS("what a reply says", replies, check_reply);
	return failed + RUN_TESTS("updates", tests);
}
