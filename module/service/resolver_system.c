#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/descriptor.h>
#include <libknot/errcode.h>
#include <libknot/packet/wire.h>

#include "service/message.h"
#include "service/resolver.h"
#include "service/threadpool.h"

typedef struct {
	aname_resolver_t base;
	uv_loop_t *loop;
} resolver_t;

typedef struct {
	aname_lookup_t base;
	uv_getaddrinfo_t request;
	uint16_t type;
	bool ended;
	uint8_t *addresses;
	knot_dname_storage_t last;
} lookup_t;

/*! Octets of a reply about records that are no addresses. */
#define REPLY_MAX   4096
/*! Longest chain of aliases before them; getaddrinfo() has a limit of its own. */
#define ALIASES_MAX 16

/*! The same for another type, which the C library asks for in a thread of the pool. */
typedef struct {
	lookup_t lookup;
	uv_work_t work;
	knot_dname_storage_t name;
	int len;   /*!< Of the reply, or -1. */
	int error; /*!< Then, as h_errno. */
	uint8_t wire[REPLY_MAX];
	aname_message_reply_t reply;
} question_t;

/*! Is this an answer (the name has no such address), and not a failure to find out? */
static bool is_negative(int status)
{
	return status == UV_EAI_NONAME || status == UV_EAI_NODATA || status == UV_EAI_ADDRFAMILY;
}

static aname_failure_t failure_of(int status)
{
	switch (status) {
	case UV_EAI_AGAIN:
	case UV_EAI_FAIL: return ANAME_FAILURE_SERVER;
	case UV_EAI_CANCELED: return ANAME_FAILURE_TIMEOUT;
	default: return ANAME_FAILURE_NETWORK;
	}
}

/*! Copies the addresses of the wanted family; returns how many, or -1 if out of memory. */
static int collect(const struct addrinfo *list, int family, uint16_t len, uint8_t **addresses)
{
	uint32_t count = 0;
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		count += ai->ai_family == family;
	}
	*addresses = NULL;
	if (count == 0) {
		return 0;
	}

	uint8_t *at = *addresses = malloc((size_t)count * len);
	if (at == NULL) {
		return -1;
	}
	for (const struct addrinfo *ai = list; ai != NULL; ai = ai->ai_next) {
		if (ai->ai_family != family) {
			continue;
		}
		const void *from =
		        family == AF_INET
		                ? (void *)&((struct sockaddr_in *)ai->ai_addr)->sin_addr
		                : (void *)&((struct sockaddr_in6 *)ai->ai_addr)->sin6_addr;
		memcpy(at, from, len);
		at += len;
	}
	return count;
}

/*! Takes the canonical name, in lower case; NULL if there is none that is one. */
static const knot_dname_t *take_last(const struct addrinfo *list, knot_dname_storage_t last)
{
	const char *text = list != NULL ? list->ai_canonname : NULL;
	struct in6_addr address;
	if (text == NULL || inet_pton(AF_INET, text, &address) == 1 ||
	    inet_pton(AF_INET6, text, &address) == 1 ||
	    knot_dname_from_str(last, text, sizeof(knot_dname_storage_t)) == NULL) {
		return NULL;
	}
	knot_dname_to_lower(last);
	return last;
}

static void on_resolved(uv_getaddrinfo_t *request, int status, struct addrinfo *list)
{
	lookup_t *lookup = request->data;
	aname_result_t *result = &lookup->base.result;
	bool v4 = lookup->type == KNOT_RRTYPE_A;
	*result = (aname_result_t){ .ttl = ANAME_TTL_UNKNOWN, .address_len = v4 ? 4 : 16 };

	int count = 0;
	if (status == 0) {
		count = collect(list, v4 ? AF_INET : AF_INET6, result->address_len,
		                &lookup->addresses);
	}

	if (count < 0) {
		result->failure = ANAME_FAILURE_NETWORK;
		result->detail = uv_strerror(UV_ENOMEM);
	} else if (status == 0) {
		result->known = count > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA;
		result->count = count;
		result->addresses = lookup->addresses;
		result->last = take_last(list, lookup->last);
	} else if (is_negative(status)) {
		result->known = ANAME_KNOWN_NODATA;
	} else {
		result->failure = failure_of(status);
		result->detail = uv_strerror(status);
	}
	uv_freeaddrinfo(list);

	lookup->ended = true;
	aname_resolver_defer(&lookup->base);
}

/*!
 * Is this a name that the C library looks up as it stands? For others glibc reports that they do
 * not exist, whatever DNS answers, and that is no answer.
 */
static bool is_host_name(const knot_dname_t *name)
{
	if (name[0] == '\0' || name[1] == '-') {
		return false;
	}
	for (const uint8_t *label = name; *label != '\0'; label += *label + 1) {
		for (const uint8_t *at = label + 1; at <= label + *label; at++) {
			if (!(*at >= 'a' && *at <= 'z') && !(*at >= '0' && *at <= '9') &&
			    *at != '-' && *at != '_') {
				return false;
			}
		}
	}
	return true;
}

/* Records that are no addresses. */

/*! Asks, and may wait. Thread: one of the pool. */
static void ask(uv_work_t *work)
{
	question_t *question = work->data;
	knot_dname_txt_storage_t text = "";
	(void)knot_dname_to_str(text, question->name, sizeof(text));
	question->len = res_query(text, KNOT_CLASS_IN, question->lookup.type, question->wire,
	                          sizeof(question->wire));
	question->error = h_errno;
}

/*! The C library has matched question and identifier. */
static void read_reply(question_t *question, aname_result_t *result)
{
	const aname_message_query_t query = { .name = question->name,
		                              .type = question->lookup.type,
		                              .max_aliases = ALIASES_MAX,
		                              .id = knot_wire_get_id(question->wire) };
	aname_message_reply_t *reply = &question->reply;
	aname_message_read(&query, question->wire, question->len, reply);
	*result = (aname_result_t){ .known = reply->known,
		                    .failure = reply->failure,
		                    .detail = reply->detail,
		                    .ttl = reply->ttl,
		                    .count = reply->count,
		                    .addresses = reply->addresses,
		                    .last = reply->failure == ANAME_FAILURE_NONE ? reply->last
		                                                                 : NULL };
}

static void on_asked(uv_work_t *work, int status)
{
	question_t *question = work->data;
	aname_result_t *result = &question->lookup.base.result;
	bool none = question->error == HOST_NOT_FOUND || question->error == NO_DATA;
	if (status == 0 && question->len >= KNOT_WIRE_HEADER_SIZE && question->len <= REPLY_MAX) {
		read_reply(question, result);
	} else if (status == 0 && question->len < 0 && none) {
		*result = (aname_result_t){ .known = ANAME_KNOWN_NODATA, .ttl = ANAME_TTL_UNKNOWN };
	} else {
		*result = (aname_result_t){ .failure = ANAME_FAILURE_SERVER,
			                    .ttl = ANAME_TTL_UNKNOWN };
	}
	question->lookup.ended = true;
	aname_resolver_defer(&question->lookup.base);
}

static int start_question(aname_resolver_t *resolver, const aname_question_t *asked, void *ctx,
                          aname_lookup_t **out)
{
	uv_loop_t *loop = ((resolver_t *)resolver)->loop;
	question_t *question =
	        aname_threadpool_start(loop, false) ? calloc(1, sizeof(*question)) : NULL;
	if (question == NULL) {
		return KNOT_ENOMEM;
	}
	question->lookup.base.resolver = resolver;
	question->lookup.base.ctx = ctx;
	question->lookup.type = asked->type;
	memcpy(question->name, asked->name, knot_dname_size(asked->name));
	question->work.data = question;
	int ret = uv_queue_work(loop, &question->work, ask, on_asked);
	if (ret != 0) {
		free(question);
		return KNOT_ENOMEM;
	}
	*out = &question->lookup.base;
	return KNOT_EOK;
}

/* The interface. */

static bool is_address_type(uint16_t type)
{
	return type == KNOT_RRTYPE_A || type == KNOT_RRTYPE_AAAA;
}

static int system_start(aname_resolver_t *resolver, const aname_question_t *question, void *ctx,
                        aname_lookup_t **out)
{
	if (!is_address_type(question->type)) {
		return start_question(resolver, question, ctx, out);
	}
	/* With its final dot: no search list, and no name is taken for an address. */
	knot_dname_txt_storage_t text;
	if (!is_host_name(question->name) ||
	    knot_dname_to_str(text, question->name, sizeof(text)) == NULL) {
		return KNOT_EINVAL;
	}
	uv_loop_t *loop = ((resolver_t *)resolver)->loop;
	if (!aname_threadpool_start(loop, false)) {
		return KNOT_EAGAIN;
	}

	lookup_t *lookup = calloc(1, sizeof(*lookup));
	if (lookup == NULL) {
		return KNOT_ENOMEM;
	}
	lookup->base.resolver = resolver;
	lookup->base.ctx = ctx;
	lookup->type = question->type;
	lookup->request.data = lookup;

	/* One family a call: AF_UNSPEC hides that one failed. Not AI_ADDRCONFIG, which loses AAAA.
	 * The canonical name is where aliases end (F5); it comes with the answer. */
	struct addrinfo hints = { .ai_family = lookup->type == KNOT_RRTYPE_A ? AF_INET : AF_INET6,
		                  .ai_socktype = SOCK_STREAM,
		                  .ai_flags = AI_CANONNAME };
	int ret = uv_getaddrinfo(loop, &lookup->request, on_resolved, text, NULL, &hints);
	if (ret != 0) {
		free(lookup);
		return ret == UV_ENOMEM ? KNOT_ENOMEM : KNOT_EINVAL;
	}
	*out = &lookup->base;
	return KNOT_EOK;
}

static void system_cancel(aname_lookup_t *base)
{
	lookup_t *lookup = (lookup_t *)base;
	/* UV_EBUSY: it runs, and ends when the system's resolver gives up. A request that has ended
	 * is none any more for libuv. A question about records is left to end by itself. */
	if (!lookup->ended && is_address_type(lookup->type)) {
		(void)uv_cancel((uv_req_t *)&lookup->request);
	}
}

static void system_release(aname_lookup_t *base)
{
	lookup_t *lookup = (lookup_t *)base;
	free(lookup->addresses);
	free(lookup);
}

static unsigned system_capacity(const aname_resolver_t *resolver)
{
	uint32_t threads = aname_threadpool_get().threads;
	/* libuv lets slow work have half of the pool, rounded up. */
	return threads > 1 ? (threads + 1) / 2 : 1;
}

static void system_free(aname_resolver_t *resolver)
{
	aname_resolver_free(resolver, NULL);
}

static const aname_resolver_api_t system_api = {
	.name = "system",
	.start = system_start,
	.cancel = system_cancel,
	.release = system_release,
	.capacity = system_capacity,
	.free = system_free,
};

aname_resolver_t *aname_resolver_system_new(uv_loop_t *loop, aname_resolved_f done, void *owner)
{
	resolver_t *resolver = calloc(1, sizeof(*resolver));
	if (resolver == NULL) {
		return NULL;
	}
	aname_resolver_init(&resolver->base, &system_api, loop, done, owner);
	resolver->loop = loop;
	return &resolver->base;
}
