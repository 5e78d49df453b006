/*!
 * Any octets as the reply to a question of kaname's. The first octet of the input chooses the question,
 * the others are the reply. What is taken from it has to be in it, as the C library's parser sees it.
 * And as the text of a server's address.
 *
 * Files: tools/ask.c
 */

#include "fuzz.h"

#include <arpa/inet.h>
#include <arpa/nameser.h>
#include <libknot/descriptor.h>
#include <libknot/packet/wire.h>

#include "ask.h"

/*! Bits of the first octet. */
#define OTHER_ID  0x01
#define ASK_AAAA  0x02
#define ASK_SOA   0x04
#define NAMELESS  0x08
#define REPLY_MAX 65535
/*! The first octet where the others are an address. */
#define ADDRESS   0xA0

/*! How many records of a type the answer has, by another parser; -1: it does not read it. */
static int count_of(const uint8_t *wire, size_t len, uint16_t type)
{
	ns_msg message;
	int count = 0;
	if (ns_initparse(wire, (int)len, &message) != 0) {
		return -1;
	}
	for (int i = 0; i < ns_msg_count(message, ns_s_an); i++) {
		ns_rr rr;
		if (ns_parserr(&message, ns_s_an, i, &rr) != 0) {
			return -1;
		}
		count += ns_rr_type(rr) == type && ns_rr_class(rr) == ns_c_in;
	}
	return count;
}

static void check(const kaname_question_t *question, const uint8_t *wire, size_t len,
                  const kaname_answer_t *answer)
{
	if (answer->failure != NULL) {
		require(answer->count == 0 && !answer->has_serial);
		return;
	}
	require(answer->truncated == !!(wire[2] & 0x02));
	require(answer->authoritative == !!(wire[2] & 0x04));
	require(answer->recursion == !!(wire[3] & 0x80));
	require((answer->rcode & 0x0f) == (wire[3] & 0x0f));
	require(answer->count <= KANAME_ADDRESSES_MAX);
	require(answer->ede >= -1 && answer->ede <= UINT16_MAX);
	require(question->name == NULL ||
	        (knot_dname_size(answer->last) <= KNOT_DNAME_MAXLEN &&
	         knot_dname_wire_check(answer->last, answer->last + KNOT_DNAME_MAXLEN, NULL) > 0));
	require(!answer->has_serial || question->type == KNOT_RRTYPE_SOA);
	for (unsigned i = 0; i < answer->count; i++) {
		uint8_t address[16];
		require(inet_pton(AF_INET, answer->addresses[i], address) == 1 ||
		        inet_pton(AF_INET6, answer->addresses[i], address) == 1);
	}
	int count = count_of(wire, len, question->type);
	if (count >= 0) {
		require(question->type == KNOT_RRTYPE_SOA
		                ? answer->has_serial == (count > 0)
		                : answer->count == (unsigned)count || count > KANAME_ADDRESSES_MAX);
	}
}

/*! An address has one family, and what is behind an @ is its port. */
static void check_address(const uint8_t *data, size_t size)
{
	struct sockaddr_storage server = { .ss_family = AF_UNSPEC };
	char *text = strndup((const char *)data, size);
	require(text != NULL);
	const char *at = strchr(text, '@');
	if (kaname_address_read(text, &server)) {
		require(server.ss_family == AF_INET || server.ss_family == AF_INET6);
		uint16_t port = server.ss_family == AF_INET
		                        ? ((const struct sockaddr_in *)&server)->sin_port
		                        : ((const struct sockaddr_in6 *)&server)->sin6_port;
		require(port != 0 && ntohs(port) == (at != NULL ? strtoul(at + 1, NULL, 10) : 53));
	} else {
		uint8_t address[16];
		require(at != NULL || inet_pton(AF_INET, text, address) != 1);
		require(at != NULL || inet_pton(AF_INET6, text, address) != 1);
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size > 0 && data[0] == ADDRESS) {
		check_address(data + 1, size - 1);
		return 0;
	}
	static const uint8_t name[] = "\3www\7example";
	if (size < 1 || size - 1 > REPLY_MAX) {
		return 0;
	}
	const kaname_question_t question = {
		.name = data[0] & NAMELESS ? NULL : name,
		.type = data[0] & ASK_SOA    ? KNOT_RRTYPE_SOA
		        : data[0] & ASK_AAAA ? KNOT_RRTYPE_AAAA
		                             : KNOT_RRTYPE_A,
		.dnssec = true,
	};
	size_t len = size - 1;
	uint8_t query[KANAME_QUERY_MAX], *wire = malloc(len + 1);
	kaname_answer_t *answer = calloc(1, sizeof(*answer));
	/* The block ends with the reply. */
	memcpy(wire + 1, data + 1, len);
	uint16_t id = len >= 2 ? knot_wire_get_id(wire + 1) : 0;
	static const uint8_t root[] = "";
	kaname_question_t asked = question;
	asked.name = question.name != NULL ? question.name : root;
	require(kaname_query_write(&asked, data[0] & OTHER_ID ? id + 1 : id, query) > 0);
	answer->ede = -1;
	bool is = kaname_reply_read(&question, query, wire + 1, len, answer);
	require(!is || (len >= 12 && !(data[0] & OTHER_ID) && (data[3] & 0x80)));
	if (is) {
		check(&question, data + 1, len, answer);
	}
	free(answer);
	free(wire);
	return 0;
}
