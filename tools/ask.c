#include "ask.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <libknot/libknot.h>

/*! UDP payload offered (DNS flag day 2020: no fragments). */
#define UDP_PAYLOAD KANAME_UDP_REPLY_MAX
#define EDE_SIZE    2
/*! Longest text of an address with its port. */
#define ADDRESS_MAX 300

const char *kaname_ede_text(int ede)
{
	switch (ede) {
	case 3: return "stale answer: the target fails, or takes longer than usual to look up";
	case 6: return "the target's DNSSEC validation failed";
	case 10: return "the target is not signed, and has to be";
	case 14: return "not looked up yet";
	case 15: return "the target is blocked by policy";
	case 22: return "the target cannot be resolved";
	case 23: return "the resolver cannot be asked";
	default: return NULL;
	}
}

/* The query. */

static int put_opt(knot_pkt_t *pkt, bool dnssec)
{
	knot_rrset_t opt;
	int ret = knot_edns_init(&opt, UDP_PAYLOAD, 0, KNOT_EDNS_VERSION, NULL);
	if (ret != KNOT_EOK) {
		return ret;
	}
	if (dnssec) {
		knot_edns_set_do(&opt);
	}
	ret = knot_pkt_begin(pkt, KNOT_ADDITIONAL);
	if (ret == KNOT_EOK) {
		ret = knot_pkt_put(pkt, KNOT_COMPR_HINT_NOCOMP, &opt, 0);
	}
	knot_rrset_clear(&opt, NULL);
	return ret;
}

/*! Is it the number of a port? getaddrinfo() takes larger ones, of which it leaves bits out, and none. */
static bool is_port(const char *text)
{
	size_t len = strspn(text, "0123456789");
	unsigned long port = len > 0 && len <= 5 && text[len] == '\0' ? strtoul(text, NULL, 10) : 0;
	return port > 0 && port <= UINT16_MAX;
}

bool kaname_address_read(const char *text, struct sockaddr_storage *server)
{
	char address[ADDRESS_MAX];
	(void)snprintf(address, sizeof(address), "%s", text);
	char *port = strchr(address, '@');
	if (port != NULL) {
		*port++ = '\0';
		if (!is_port(port)) {
			return false;
		}
	}
	const char *host = strcmp(address, "0.0.0.0") == 0 ? "127.0.0.1"
	                   : strcmp(address, "::") == 0    ? "::1"
	                                                   : address;
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		                        .ai_socktype = SOCK_DGRAM };
	struct addrinfo *info;
	if (getaddrinfo(host, port != NULL ? port : "53", &hints, &info) != 0) {
		return false;
	}
	memcpy(server, info->ai_addr, info->ai_addrlen);
	freeaddrinfo(info);
	return true;
}

int kaname_query_write(const kaname_question_t *question, uint16_t id,
                       uint8_t wire[KANAME_QUERY_MAX])
{
	knot_pkt_t *pkt = knot_pkt_new(wire, KANAME_QUERY_MAX, NULL);
	if (pkt == NULL) {
		return KNOT_ENOMEM;
	}
	knot_pkt_clear(pkt);
	knot_wire_set_id(pkt->wire, id);
	if (question->recursive) {
		knot_wire_set_rd(pkt->wire);
	}
	int ret = knot_pkt_put_question(pkt, question->name, KNOT_CLASS_IN, question->type);
	if (ret == KNOT_EOK) {
		ret = put_opt(pkt, question->dnssec);
	}
	if (ret == KNOT_EOK) {
		ret = (int)pkt->size;
	}
	knot_pkt_free(pkt);
	return ret;
}

/*! The same with an identifier by chance. */
static int build(const kaname_question_t *question, uint8_t *wire)
{
	uint16_t id;
	if (getrandom(&id, sizeof(id), 0) != (ssize_t)sizeof(id)) {
		return KNOT_ERROR;
	}
	return kaname_query_write(question, id, wire);
}

/* The reply. */

static void take_addresses(kaname_answer_t *answer, const knot_rrset_t *rrset)
{
	answer->ttl = rrset->ttl;
	knot_rdata_t *rdata = rrset->rrs.rdata;
	for (unsigned i = 0; i < rrset->rrs.count; i++, rdata = knot_rdataset_next(rdata)) {
		int family = rdata->len == 4 ? AF_INET : AF_INET6;
		if (answer->count < KANAME_ADDRESSES_MAX && (rdata->len == 4 || rdata->len == 16)) {
			(void)inet_ntop(family, rdata->data, answer->addresses[answer->count++],
			                INET6_ADDRSTRLEN);
		}
	}
}

static void take_answer(const kaname_question_t *question, kaname_answer_t *answer,
                        const knot_pkt_t *pkt)
{
	const knot_pktsection_t *section = knot_pkt_section(pkt, KNOT_ANSWER);
	if (question->name != NULL) {
		memcpy(answer->last, question->name, knot_dname_size(question->name));
	}
	for (unsigned i = 0; i < section->count; i++) {
		const knot_rrset_t *rrset = knot_pkt_rr(section, i);
		if (rrset->rclass != KNOT_CLASS_IN) {
			continue; /* Their RDATA may be empty, whatever the type. */
		}
		if (rrset->type == KNOT_RRTYPE_CNAME &&
		    knot_dname_is_case_equal(rrset->owner, answer->last)) {
			const knot_dname_t *target = knot_cname_name(rrset->rrs.rdata);
			memcpy(answer->last, target, knot_dname_size(target));
		} else if (rrset->type == question->type && rrset->type == KNOT_RRTYPE_SOA) {
			answer->has_serial = true;
			answer->serial = knot_soa_serial(rrset->rrs.rdata);
		} else if (rrset->type == question->type) {
			take_addresses(answer, rrset);
		} else if (rrset->type == KNOT_RRTYPE_RRSIG) {
			answer->is_signed |=
			        knot_rrsig_type_covered(rrset->rrs.rdata) == question->type;
		}
	}
	if (pkt->opt_rr == NULL) {
		return;
	}
	uint8_t *option = knot_edns_get_option(pkt->opt_rr, KNOT_EDNS_OPTION_EDE, NULL);
	if (option != NULL && knot_edns_opt_get_length(option) >= EDE_SIZE) {
		answer->ede = knot_wire_read_u16(knot_edns_opt_get_data(option));
	}
}

bool kaname_reply_read(const kaname_question_t *question, const uint8_t *query, uint8_t *wire,
                       size_t len, kaname_answer_t *answer)
{
	if (len < KNOT_WIRE_HEADER_SIZE || knot_wire_get_id(wire) != knot_wire_get_id(query) ||
	    !knot_wire_get_qr(wire)) {
		return false;
	}
	knot_pkt_t *pkt = knot_pkt_new(wire, len, NULL);
	if (pkt == NULL || knot_pkt_parse(pkt, 0) != KNOT_EOK) {
		answer->failure = "a malformed reply";
	} else {
		answer->rcode = knot_pkt_ext_rcode(pkt);
		answer->truncated = knot_wire_get_tc(wire);
		answer->authoritative = knot_wire_get_aa(wire);
		answer->recursion = knot_wire_get_ra(wire);
		take_answer(question, answer, pkt);
	}
	knot_pkt_free(pkt);
	return true;
}

/* The way. */

int64_t kaname_now_ms(void)
{
	struct timespec ts;
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/*! Waits until there is something to read; false with errno if there is not. */
static bool readable(int fd, int64_t until_ms)
{
	struct pollfd what = { .fd = fd, .events = POLLIN };
	int64_t left_ms = until_ms - kaname_now_ms();
	int ready = poll(&what, 1, left_ms > 0 ? (int)left_ms : 0);
	if (ready == 0) {
		errno = ETIMEDOUT;
	}
	return ready > 0;
}

static bool read_exactly(int fd, uint8_t *at, size_t len, int64_t until_ms)
{
	while (len > 0) {
		if (!readable(fd, until_ms)) {
			return false;
		}
		ssize_t got = read(fd, at, len);
		if (got <= 0) {
			errno = got == 0 ? ECONNRESET : errno;
			return false;
		}
		at += got;
		len -= got;
	}
	return true;
}

static bool by_udp(int fd, const kaname_question_t *question, uint8_t *query, size_t len,
                   kaname_answer_t *answer)
{
	uint8_t wire[UDP_PAYLOAD];
	int64_t until_ms = kaname_now_ms() + question->timeout_ms;
	if (send(fd, query, len, 0) < 0) {
		return false;
	}
	while (readable(fd, until_ms)) {
		ssize_t got = recv(fd, wire, sizeof(wire), 0);
		if (got < 0) {
			return false;
		}
		if (kaname_reply_read(question, query, wire, got, answer)) {
			return true;
		}
	}
	return false;
}

static bool by_tcp(int fd, const kaname_question_t *question, uint8_t *query, size_t len,
                   kaname_answer_t *answer)
{
	static uint8_t wire[UINT16_MAX];
	int64_t until_ms = kaname_now_ms() + question->timeout_ms;
	uint8_t message[2 + KANAME_QUERY_MAX];
	knot_wire_write_u16(message, len);
	memcpy(message + 2, query, len);
	uint8_t prefix[2];
	if (send(fd, message, len + 2, MSG_NOSIGNAL) != (ssize_t)len + 2 ||
	    !read_exactly(fd, prefix, sizeof(prefix), until_ms) ||
	    !read_exactly(fd, wire, knot_wire_read_u16(prefix), until_ms)) {
		return false;
	}
	if (!kaname_reply_read(question, query, wire, knot_wire_read_u16(prefix), answer)) {
		answer->failure = "a reply to another query";
	}
	return true;
}

/*! Opens a socket to the server; -1 with errno if that fails. */
static int open_socket(const kaname_question_t *question)
{
	int kind = question->tcp ? SOCK_STREAM : SOCK_DGRAM;
	int fd = socket(question->server.ss_family, kind | SOCK_CLOEXEC, 0);
	socklen_t len = question->server.ss_family == AF_INET ? sizeof(struct sockaddr_in)
	                                                      : sizeof(struct sockaddr_in6);
	/* A connection may take no longer than the reply, either. */
	struct timeval timeout = { .tv_sec = question->timeout_ms / 1000,
		                   .tv_usec = question->timeout_ms % 1000 * 1000L };
	if (fd >= 0 && (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) != 0 ||
	                connect(fd, (const struct sockaddr *)&question->server, len) != 0)) {
		int error = errno == EINPROGRESS ? ETIMEDOUT : errno;
		(void)close(fd);
		errno = error;
		return -1;
	}
	return fd;
}

void kaname_ask(const kaname_question_t *question, kaname_answer_t *answer)
{
	*answer = (kaname_answer_t){ .ede = -1 };
	uint8_t query[KANAME_QUERY_MAX];
	int len = build(question, query);
	if (len < 0) {
		answer->failure = knot_strerror(len);
		return;
	}
	int fd = open_socket(question);
	if (fd < 0) {
		answer->failure = strerror(errno);
		return;
	}
	bool came = question->tcp ? by_tcp(fd, question, query, len, answer)
	                          : by_udp(fd, question, query, len, answer);
	if (!came) {
		answer->failure = errno == ETIMEDOUT ? "no reply in time" : strerror(errno);
	}
	(void)close(fd);
}
