#include "service/state/record.h"

#include <string.h>

#include <libknot/descriptor.h>
#include <libknot/wire.h>

/* What is left of a record. Whoever takes more than there is gets zeros, and `bad` tells. */

typedef struct {
	const uint8_t *at, *end;
	bool bad;
} rest_t;

/*! Takes octets; NULL if there are not as many. */
static const uint8_t *take(rest_t *rest, size_t len)
{
	const uint8_t *at = rest->at;
	if (rest->bad || (size_t)(rest->end - at) < len) {
		rest->bad = true;
		return NULL;
	}
	rest->at += len;
	return at;
}

static uint8_t take_u8(rest_t *rest)
{
	const uint8_t *at = take(rest, 1);
	return at != NULL ? *at : 0;
}

static uint16_t take_u16(rest_t *rest)
{
	const uint8_t *at = take(rest, 2);
	return at != NULL ? knot_wire_read_u16(at) : 0;
}

static uint32_t take_u32(rest_t *rest)
{
	const uint8_t *at = take(rest, 4);
	return at != NULL ? knot_wire_read_u32(at) : 0;
}

/*! Takes a number of milliseconds. */
static int64_t take_ms(rest_t *rest)
{
	const uint8_t *at = take(rest, 6);
	return at != NULL ? (int64_t)knot_wire_read_u48(at) : 0;
}

/*! Takes a target's name: in lower case, not compressed, not the root. */
static const uint8_t *take_name(rest_t *rest)
{
	int size = rest->at < rest->end ? knot_dname_wire_check(rest->at, rest->end, NULL) : 0;
	const uint8_t *name = size > 1 ? take(rest, size) : NULL;
	rest->bad |= name == NULL;
	for (int i = 0; name != NULL && i < size; i++) {
		/* Lengths of labels are below letters. */
		rest->bad |= name[i] >= 'A' && name[i] <= 'Z';
	}
	return name;
}

/*! Takes the length of an address and the address, of which the rest is zero. */
static uint8_t take_address(rest_t *rest, uint8_t address[16])
{
	uint8_t len = take_u8(rest);
	const uint8_t *octets = len == 4 || len == 16 ? take(rest, len) : NULL;
	rest->bad |= octets == NULL;
	if (octets != NULL) {
		memset(address, 0, 16);
		memcpy(address, octets, len);
	}
	return len;
}

/* Whom targets are asked of. */

/*! Takes an address that lookups come from. Zero would be none. */
static void take_via(rest_t *rest, uint8_t *via, size_t len)
{
	static const uint8_t none[16];
	const uint8_t *octets = take(rest, len);
	if (octets != NULL) {
		rest->bad |= memcmp(octets, none, len) == 0;
		memcpy(via, octets, len);
	}
}

static bool read_upstream(rest_t *rest, aname_state_upstream_t *upstream)
{
	*upstream = (aname_state_upstream_t){ 0 };
	upstream->ttl_min = take_u32(rest);
	upstream->ttl_max = take_u32(rest);
	aname_source_t *source = &upstream->source;
	uint8_t flags = take_u8(rest);
	source->secure = flags & ANAME_STATE_SECURE;
	if (flags & ANAME_STATE_VIA_IPV4) {
		take_via(rest, source->via_ipv4, sizeof(source->via_ipv4));
	}
	if (flags & ANAME_STATE_VIA_IPV6) {
		take_via(rest, source->via_ipv6, sizeof(source->via_ipv6));
	}
	source->servers_count = take_u8(rest);
	if (source->servers_count > ANAME_SERVERS_MAX) {
		return false;
	}
	for (uint32_t i = 0; i < source->servers_count; i++) {
		aname_server_t *server = &source->servers[i];
		server->port = take_u16(rest);
		server->len = take_address(rest, server->address);
		rest->bad |= server->port == 0;
	}
	return flags <= (source->servers_count > 0 ? 7 : 0) &&
	       upstream->ttl_min <= ANAME_STATE_TTL_MAX && upstream->ttl_max <= ANAME_STATE_TTL_MAX;
}

/* How addresses are probed. */

/*! Takes a text, behind which `text` has to be zero already. */
static uint8_t take_text(rest_t *rest, char text[ANAME_PROBE_TEXT_MAX])
{
	uint8_t len = take_u8(rest);
	const uint8_t *octets = take(rest, len);
	if (octets != NULL) {
		rest->bad |= memchr(octets, '\0', len) != NULL;
		memcpy(text, octets, len);
	}
	return len;
}

/*! As conf/probe.c has it: in lower case, without a dot at its end. */
static bool is_host(const char *host, uint8_t len)
{
	bool good = len == 0 || (aname_probe_is_host(host) && host[len - 1] != '.');
	for (size_t i = 0; i < len; i++) {
		good &= host[i] < 'A' || host[i] > 'Z';
	}
	return good;
}

/*! Takes the ranges of statuses. */
static void take_statuses(rest_t *rest, aname_probe_t *probe)
{
	probe->statuses_count = take_u8(rest);
	rest->bad |= probe->statuses_count > ANAME_PROBE_STATUSES_MAX;
	for (uint16_t i = 0; i < probe->statuses_count && !rest->bad; i++) {
		aname_probe_status_t *status = &probe->statuses[i];
		status->low = take_u16(rest);
		status->high = take_u16(rest);
		rest->bad |= status->low < 100 || status->low > status->high || status->high > 599;
	}
}

static bool read_definition(rest_t *rest, aname_probe_t *probe)
{
	*probe = (aname_probe_t){ 0 };
	probe->kind = take_u8(rest);
	probe->port = take_u16(rest);
	probe->verify = take_u8(rest);
	probe->interval_ms = take_u32(rest);
	probe->timeout_ms = take_u32(rest);
	probe->fall = take_u8(rest);
	probe->rise = take_u8(rest);
	take_statuses(rest, probe);
	uint8_t host_len = take_text(rest, probe->host);
	uint8_t path_len = take_text(rest, probe->path);

	bool http = probe->kind == ANAME_PROBE_HTTP || probe->kind == ANAME_PROBE_HTTPS;
	bool tls = probe->kind == ANAME_PROBE_TLS || probe->kind == ANAME_PROBE_HTTPS;
	return !rest->bad && probe->kind > ANAME_PROBE_OFF && probe->kind <= ANAME_PROBE_HTTPS &&
	       probe->port != 0 && probe->verify <= tls && probe->interval_ms >= 1000 &&
	       probe->interval_ms <= 3600000 && probe->timeout_ms >= 100 &&
	       probe->timeout_ms <= 30000 && probe->timeout_ms <= probe->interval_ms &&
	       probe->fall >= 1 && probe->fall <= 20 && probe->rise >= 1 && probe->rise <= 20 &&
	       is_host(probe->host, host_len) && (host_len == 0 || tls || http) &&
	       (http ? probe->statuses_count > 0 && aname_probe_is_path(probe->path)
	             : probe->statuses_count == 0 && path_len == 0);
}

static bool read_verdict(rest_t *rest, uint32_t definitions, aname_state_verdict_t *verdict)
{
	*verdict = (aname_state_verdict_t){ .definition = take_u16(rest) };
	verdict->health = take_u8(rest);
	verdict->age_ms = take_ms(rest);
	verdict->len = take_address(rest, verdict->address);
	verdict->name = take_name(rest);
	return verdict->definition < definitions &&
	       (verdict->health == ANAME_HEALTH_UP || verdict->health == ANAME_HEALTH_DOWN);
}

/* Targets. */

/*! Takes addresses: at least one, sorted and unique. */
static void take_addresses(rest_t *rest, uint8_t len, aname_past_answer_t *answer)
{
	answer->count = take_u16(rest);
	rest->bad |= answer->count == 0 || answer->count > ANAME_ADDRESSES_MAX;
	answer->addresses = take(rest, (size_t)answer->count * len);
	for (size_t i = 1; i < answer->count && !rest->bad; i++) {
		const uint8_t *address = answer->addresses + i * len;
		rest->bad |= memcmp(address - len, address, len) >= 0;
	}
}

/*! Takes an answer. Times are as if it had been saved at time 0. */
static void take_answer(rest_t *rest, aname_known_t known, uint8_t len, aname_past_answer_t *answer)
{
	answer->learned_ms = -take_ms(rest);
	answer->ttl = take_u32(rest);
	answer->pick = take_u16(rest);
	answer->usual_ms = take_u16(rest);
	answer->scope = take_u8(rest);
	answer->bare = take_u8(rest);
	rest->bad |= (answer->ttl > INT32_MAX && answer->ttl != ANAME_TTL_UNKNOWN) ||
	             answer->scope > 128 || answer->bare > 15;
	if (known == ANAME_KNOWN_ADDRESSES) {
		take_addresses(rest, len, answer);
	}
}

/*! What is said of a lookup that failed before a restart. */
static const char *why(aname_failure_t failure)
{
	switch (failure) {
	case ANAME_FAILURE_TIMEOUT: return "no answer in time, before the restart";
	case ANAME_FAILURE_SERVER: return "the resolver could not find out, before the restart";
	case ANAME_FAILURE_NETWORK: return "the resolver could not be asked, before the restart";
	case ANAME_FAILURE_INSECURE:
		return "the answer was not authenticated by DNSSEC, before the restart";
	case ANAME_FAILURE_BOGUS:
		return "the resolver said that DNSSEC validation failed, before the restart";
	default: return NULL; /* That is not what lookups fail by. */
	}
}

/*! Takes what is known of a target. Times are as if it had been saved at time 0. */
static void take_known(rest_t *rest, uint8_t len, aname_past_t *past)
{
	uint8_t head = take_u8(rest);
	*past = (aname_past_t){
		.known = head & ANAME_STATE_KNOWN_BITS,
		.was_lost = head & ANAME_STATE_LOST,
		.failure = head >> ANAME_STATE_FAILURE_SHIFT,
		.address_len = len,
		.lost = { .nxdomain = head & ANAME_STATE_NXDOMAIN },
	};
	if (past->known > ANAME_KNOWN_NODATA ||
	    (past->was_lost && past->known != ANAME_KNOWN_NODATA) ||
	    (past->lost.nxdomain && !past->was_lost) ||
	    (past->known == ANAME_KNOWN_NOTHING && past->failure == ANAME_FAILURE_NONE)) {
		rest->bad = true;
		return;
	}
	if (past->known != ANAME_KNOWN_NOTHING) {
		take_answer(rest, past->known, len, &past->answer);
	}
	if (past->was_lost) {
		past->lost.since_ms = -take_ms(rest);
		take_answer(rest, ANAME_KNOWN_ADDRESSES, len, &past->last);
	}
	if (past->failure != ANAME_FAILURE_NONE) {
		past->failing =
		        (aname_failing_t){ .since_ms = -take_ms(rest), .why = why(past->failure) };
		rest->bad |= past->failing.why == NULL;
	}
}

static uint8_t address_len(uint16_t type)
{
	return type == KNOT_RRTYPE_A ? 4 : 16;
}

/*! Takes the definitions through which a target was seen: each of them once. */
static void take_views(rest_t *rest, uint32_t definitions, aname_state_target_t *target)
{
	for (unsigned i = 0; i < target->views; i++) {
		target->definitions[i] = take_u16(rest);
		rest->bad |= target->definitions[i] >= definitions;
		for (unsigned k = 0; k < i; k++) {
			rest->bad |= target->definitions[k] == target->definitions[i];
		}
	}
}

static bool read_target(rest_t *rest, uint32_t upstreams, uint32_t definitions,
                        aname_state_record_t *record)
{
	aname_state_target_t *target = &record->target;
	*target = (aname_state_target_t){ .upstream = take_u16(rest) };
	uint8_t flags = take_u8(rest);
	target->type = flags & ANAME_STATE_AAAA ? KNOT_RRTYPE_AAAA : KNOT_RRTYPE_A;
	target->dormant = flags & ANAME_STATE_DORMANT;
	target->views = flags >> ANAME_STATE_VIEWS_SHIFT;
	target->failures = take_u8(rest);
	target->demand = take_u16(rest);
	target->asked_s = take_u32(rest);
	target->until_s = take_u32(rest);
	target->min_ttl = take_u32(rest);
	target->next_ms = take_ms(rest) - ANAME_STATE_NEXT_ZERO;
	take_views(rest, definitions, target);
	target->name = take_name(rest);
	if (flags & ANAME_STATE_KNOWN) {
		aname_past_t past;
		record->known = rest->at;
		record->known_end = rest->end;
		take_known(rest, address_len(target->type), &past);
	}
	const uint8_t used = ANAME_STATE_AAAA | ANAME_STATE_DORMANT | ANAME_STATE_KNOWN;
	return target->upstream < upstreams && (flags & 0x0F & ~used) == 0;
}

/*! Moves an answer in time; it may not be younger than `latest_ms` then. */
aname_snapshot_t *aname_state_snapshot(const aname_state_record_t *record, int64_t elapsed_ms,
                                       int64_t now_ms)
{
	rest_t rest = { .at = record->known, .end = record->known_end };
	aname_past_t past;
	take_known(&rest, address_len(record->target.type), &past);

	int64_t saved_ms =
	        now_ms - (elapsed_ms < ANAME_STATE_TIME_MAX ? elapsed_ms : ANAME_STATE_TIME_MAX);
	past.answer.learned_ms += saved_ms;
	past.last.learned_ms += saved_ms;
	past.lost.since_ms += saved_ms;
	past.failing.since_ms += saved_ms;
	return aname_snapshot_of_past(&past);
}

/* What was forced, and keys. */

static bool read_force(rest_t *rest, aname_state_force_t *force)
{
	*force = (aname_state_force_t){ .state = take_u8(rest) };
	force->age_ms = take_ms(rest);
	force->left_ms = take_ms(rest);
	if (force->left_ms == ANAME_STATE_LEFT_EVER) {
		force->left_ms = ANAME_FORCED_EVER;
	}
	aname_subject_t *subject = &force->subject;
	if (rest->at < rest->end && *rest->at != 0) {
		subject->len = take_address(rest, subject->address);
	} else {
		(void)take_u8(rest);
		const uint8_t *name = take_name(rest);
		if (name != NULL) {
			memcpy(subject->name, name, rest->at - name);
		}
	}
	return force->state == ANAME_FORCED_DOWN || force->state == ANAME_FORCED_UP;
}

static bool read_key(rest_t *rest, aname_state_key_t *key)
{
	uint16_t len = take_u16(rest);
	const uint8_t *directories = take(rest, (size_t)len + 1);
	size_t rdata_len = rest->end - rest->at;
	*key = (aname_state_key_t){
		.directories = (const char *)directories,
		.rdata_len = rdata_len,
		.rdata = take(rest, rdata_len),
	};
	return directories != NULL && len > 0 && len < ANAME_DIRECTORIES_SIZE &&
	       memchr(directories, '\0', (size_t)len + 1) == directories + len &&
	       rdata_len >= ANAME_STATE_KEY_MIN && rdata_len <= UINT16_MAX;
}

bool aname_state_record_read(aname_state_kind_t kind, const uint8_t *at, size_t len,
                             uint32_t upstreams, uint32_t definitions, aname_state_record_t *record)
{
	rest_t rest = { .at = at, .end = at + len };
	bool good = false;
	record->known = record->known_end = NULL;
	switch (kind) {
	case ANAME_STATE_END: good = true; break;
	case ANAME_STATE_UPSTREAM: good = read_upstream(&rest, &record->upstream); break;
	case ANAME_STATE_DEFINITION: good = read_definition(&rest, &record->definition); break;
	case ANAME_STATE_VERDICT: good = read_verdict(&rest, definitions, &record->verdict); break;
	case ANAME_STATE_TARGET: good = read_target(&rest, upstreams, definitions, record); break;
	case ANAME_STATE_FORCE: good = read_force(&rest, &record->force); break;
	case ANAME_STATE_KEY: good = read_key(&rest, &record->key); break;
	}
	return good && !rest.bad && rest.at == rest.end;
}
