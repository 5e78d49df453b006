#include "service/probe/http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "service/probe/multi.h"
#include "service/probe/trust.h"
#include "table/clock.h"

struct aname_http {
	aname_multi_t *multi;
	struct curl_slist *headers; /*!< Of every request. */
	aname_trust_t trust;
};

struct aname_transfer {
	CURL *easy;
	aname_http_t *http;
	struct curl_slist *peer;
	char *host; /*!< For whom the certificate has to be good; NULL: for nobody. */
	const aname_probe_t *probe;
	const uint8_t *address; /*!< Of the peer, as in aname_subject_t. */
	uint8_t len;
	aname_ended_f ended;
	void *ctx;
	size_t read;   /*!< Octets of the answer. */
	int status;    /*!< 0: not known so far. */
	int no_socket; /*!< Why there is no socket, as errno has it; 0: there is. */
};

static void prepare(void)
{
	(void)curl_global_init(CURL_GLOBAL_DEFAULT);
}

void aname_http_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	(void)pthread_once(&once, prepare);
}

/* How a transfer ended. */

static aname_end_t end_of_status(const aname_transfer_t *transfer)
{
	static const char *const whys[] = { "status 1xx", "status 2xx", "status 3xx", "status 4xx",
		                            "status 5xx" };
	const aname_probe_t *probe = transfer->probe;
	for (size_t i = 0; i < probe->statuses_count; i++) {
		if (transfer->status >= probe->statuses[i].low &&
		    transfer->status <= probe->statuses[i].high) {
			return (aname_end_t){ ANAME_OUTCOME_UP, NULL };
		}
	}
	return (aname_end_t){ ANAME_OUTCOME_DOWN, whys[transfer->status / 100 - 1] };
}

/*! Does this host have a way to the peer? Nothing is sent for that. */
static bool has_route(const aname_transfer_t *transfer)
{
	struct sockaddr_in ipv4 = { .sin_family = AF_INET, .sin_port = htons(1) };
	struct sockaddr_in6 ipv6 = { .sin6_family = AF_INET6, .sin6_port = htons(1) };
	bool is_ipv6 = transfer->len == 16;
	memcpy(is_ipv6 ? (void *)&ipv6.sin6_addr : (void *)&ipv4.sin_addr, transfer->address,
	       transfer->len);
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool has = fd >= 0 && connect(fd,
	                              is_ipv6 ? (const struct sockaddr *)&ipv6
	                                      : (const struct sockaddr *)&ipv4,
	                              is_ipv6 ? sizeof(ipv6) : sizeof(ipv4)) == 0;
	if (fd >= 0) {
		(void)close(fd);
	}
	return has;
}

static aname_end_t end_of_connection(const aname_transfer_t *transfer)
{
	if (transfer->no_socket != 0) {
		return aname_end_of_error(transfer->no_socket);
	}
	long error = 0;
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_OS_ERRNO, &error);
	/* libcurl does not tell whether that came at once. */
	return has_route(transfer) ? aname_end_of_answer((int)error)
	                           : aname_end_of_error((int)error);
}

static aname_end_t end_of_code(CURLcode code)
{
	static const struct {
		CURLcode code;
		aname_end_t end;
	} known[] = {
		{ CURLE_OK, { ANAME_OUTCOME_UP, NULL } }, /* TLS; of HTTP there is a status. */
		{ CURLE_SSL_CONNECT_ERROR, { ANAME_OUTCOME_DOWN, "TLS handshake failed" } },
		{ CURLE_GOT_NOTHING, { ANAME_OUTCOME_DOWN, "closed without an answer" } },
		{ CURLE_SEND_ERROR, { ANAME_OUTCOME_DOWN, "connection reset" } },
		{ CURLE_RECV_ERROR, { ANAME_OUTCOME_DOWN, "connection reset" } },
		{ CURLE_UNSUPPORTED_PROTOCOL, { ANAME_OUTCOME_DOWN, "the answer is not HTTP" } },
		{ CURLE_WEIRD_SERVER_REPLY, { ANAME_OUTCOME_DOWN, "the answer is not HTTP" } },
		{ CURLE_WRITE_ERROR, { ANAME_OUTCOME_DOWN, "too much before a status" } },
#if LIBCURL_VERSION_NUM >= 0x080600
		{ CURLE_TOO_LARGE, { ANAME_OUTCOME_DOWN, "too much before a status" } },
#endif
		{ CURLE_OUT_OF_MEMORY, { ANAME_OUTCOME_NONE, "out of memory" } },
		{ CURLE_FAILED_INIT, { ANAME_OUTCOME_NONE, "out of memory" } },
		{ CURLE_URL_MALFORMAT, { ANAME_OUTCOME_NONE, "the name cannot be in a URL" } },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].code == code) {
			return known[i].end;
		}
	}
	return (aname_end_t){ ANAME_OUTCOME_DOWN, "no usable answer" };
}

static aname_end_t end_of(const aname_transfer_t *transfer, CURLcode code)
{
	if (transfer->status != 0) {
		return end_of_status(transfer);
	}
	if (code == CURLE_COULDNT_CONNECT) {
		return end_of_connection(transfer);
	}
	long sent = 0;
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_REQUEST_SIZE, &sent);
	if (code == CURLE_OUT_OF_MEMORY && sent > 0) {
		/* That is what older releases say of a line without an end. */
		code = CURLE_WRITE_ERROR;
	}
	return end_of_code(code);
}

static aname_end_t check_certificates(const aname_transfer_t *transfer)
{
	const struct curl_certinfo *info = NULL;
	(void)curl_easy_getinfo(transfer->easy, CURLINFO_CERTINFO, &info);
	const char *chain[ANAME_TRUST_CHAIN_MAX];
	size_t count = 0;
	for (int i = 0; info != NULL && i < info->num_of_certs; i++) {
		for (const struct curl_slist *at = info->certinfo[i]; at != NULL; at = at->next) {
			if (strncmp(at->data, "Cert:", 5) == 0 && count < ANAME_TRUST_CHAIN_MAX) {
				chain[count++] = at->data + 5;
			}
		}
	}
	return aname_trust_check(&transfer->http->trust, chain, count, transfer->host,
	                         aname_clock_ms());
}

static void on_ended(CURL *easy, CURLcode code)
{
	char *private = NULL;
	(void)curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
	const aname_transfer_t *transfer = (const aname_transfer_t *)private;
	aname_end_t end = end_of(transfer, code);
	if (end.outcome == ANAME_OUTCOME_UP && transfer->host != NULL) {
		end = check_certificates(transfer);
	}
	transfer->ended(transfer->ctx, end);
}

/* What libcurl calls, from within our calls. */

/*! The status of an HTTP status line; 0 if it is none. */
static int status_of(const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);
	if (len < 5 || memcmp(line, "HTTP/", 5) != 0 || space == NULL || line + len - space < 4) {
		return 0;
	}
	int status = 0;
	for (const char *digit = space + 1; digit < space + 4; digit++) {
		if (*digit < '0' || *digit > '9') {
			return 0;
		}
		status = 10 * status + *digit - '0';
	}
	return status >= 100 && status <= 599 ? status : 0;
}

/*! Takes a line of the head. The status is all that is wanted: with it the transfer is ended. */
static size_t on_header(char *line, size_t one, size_t len, void *ctx)
{
	aname_transfer_t *transfer = ctx;
	int status = status_of(line, len);
	if (status >= 200) {
		transfer->status = status;
		return 0;
	}
	/* An interim answer (1xx), after which the status comes. */
	transfer->read += len;
	return transfer->read <= ANAME_HTTP_READ_MAX ? len : 0;
}

/*! A body without a status. */
static size_t on_body(char *at, size_t one, size_t len, void *ctx)
{
	return 0;
}

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *peer)
{
	aname_transfer_t *transfer = ctx;
	int fd =
	        socket(peer->family, peer->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, peer->protocol);
	if (fd < 0) {
		transfer->no_socket = errno;
		return CURL_SOCKET_BAD;
	}
	/* To be closed with a reset; see tcp.c. */
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	return fd;
}

/* Transfers. */

/*! The host for SNI, Host and the certificate, without the dot at its end; false if the target's name
 *  is no host name: what else is in it would be read as part of the URL. */
static bool host_of(const aname_subject_t *subject, char *host, size_t size)
{
	if (subject->probe->host[0] != '\0') {
		return (size_t)snprintf(host, size, "%s", subject->probe->host) < size;
	}
	if (knot_dname_to_str(host, subject->name, size) == NULL) {
		return false;
	}
	size_t len = strlen(host);
	if (len > 0 && host[len - 1] == '.') {
		host[len - 1] = '\0';
	}
	return aname_probe_is_host(host);
}

/*! Whatever the name is, the connection goes to the address. */
static struct curl_slist *peer_of(const aname_subject_t *subject)
{
	char address[INET6_ADDRSTRLEN], text[sizeof("::[]:65535") + INET6_ADDRSTRLEN];
	bool ipv6 = subject->len == 16;
	(void)inet_ntop(ipv6 ? AF_INET6 : AF_INET, subject->address, address, sizeof(address));
	(void)snprintf(text, sizeof(text), ipv6 ? "::[%s]:%u" : "::%s:%u", address,
	               subject->probe->port);
	return curl_slist_append(NULL, text);
}

/*! Sets what is the same for all. */
static bool set_common(CURL *easy)
{
	static const struct {
		CURLoption option;
		long value;
	} numbers[] = {
		{ CURLOPT_NOSIGNAL, 1 },
		{ CURLOPT_HTTPGET, 1 },
		{ CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1 },
		{ CURLOPT_FOLLOWLOCATION, 0 },
		{ CURLOPT_PATH_AS_IS, 1 },
		{ CURLOPT_NETRC, CURL_NETRC_IGNORED },
		{ CURLOPT_FRESH_CONNECT, 1 },
		{ CURLOPT_FORBID_REUSE, 1 },
		{ CURLOPT_SSL_SESSIONID_CACHE, 0 },
		{ CURLOPT_BUFFERSIZE, ANAME_HTTP_READ_MAX },
	};
	static const struct {
		CURLoption option;
		const char *value;
	} texts[] = {
		{ CURLOPT_PROTOCOLS_STR, "http,https" },
		{ CURLOPT_PROXY, "" },
		{ CURLOPT_NOPROXY, "*" },
		{ CURLOPT_USERAGENT, "mod-aname" },
	};
	bool ok = true;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
		ok &= curl_easy_setopt(easy, numbers[i].option, numbers[i].value) == CURLE_OK;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ok &= curl_easy_setopt(easy, texts[i].option, texts[i].value) == CURLE_OK;
	}
	ok &= curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
	ok &= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket) == CURLE_OK;
	return ok;
}

/*! Leaves the system's CA store unread: that would take longer than the handshake. Where the
 *  certificates have to be good we look at them ourselves. */
static bool set_certificates(aname_transfer_t *transfer, const char *host)
{
	CURL *easy = transfer->easy;
	if (transfer->probe->verify != 0) {
		transfer->host = strdup(host);
		if (transfer->host == NULL ||
		    curl_easy_setopt(easy, CURLOPT_CERTINFO, 1L) != CURLE_OK) {
			return false;
		}
	}
	return curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CAINFO, NULL) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CAPATH, NULL) == CURLE_OK;
}

/*! Sets what is particular to a transfer. */
static bool set_up(aname_transfer_t *transfer, const char *host)
{
	const aname_probe_t *probe = transfer->probe;
	CURL *easy = transfer->easy;
	char url[sizeof("https://:65535") + sizeof(knot_dname_txt_storage_t) +
	         ANAME_PROBE_TEXT_MAX];
	bool tls = probe->kind == ANAME_PROBE_TLS;
	(void)snprintf(url, sizeof(url), "http%s://%s:%u%s",
	               probe->kind == ANAME_PROBE_HTTP ? "" : "s", host, probe->port,
	               tls ? "/" : probe->path);
	return set_common(easy) && set_certificates(transfer, host) &&
	       curl_easy_setopt(easy, CURLOPT_URL, url) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECT_TO, transfer->peer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_CONNECT_ONLY, tls ? 1L : 0L) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HTTPHEADER, transfer->http->headers) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer) == CURLE_OK &&
	       curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer) == CURLE_OK;
}

static void transfer_free(aname_transfer_t *transfer)
{
	curl_easy_cleanup(transfer->easy);
	curl_slist_free_all(transfer->peer);
	free(transfer->host);
	free(transfer);
}

aname_transfer_t *aname_http_start(aname_http_t *http, const aname_subject_t *subject,
                                   aname_ended_f ended, void *ctx, aname_end_t *end)
{
	static const aname_end_t no_memory = { ANAME_OUTCOME_NONE, "out of memory" };
	knot_dname_txt_storage_t host;
	if (!host_of(subject, host, sizeof(host))) {
		*end = (aname_end_t){ ANAME_OUTCOME_NONE, "the name cannot be in a URL" };
		return NULL;
	}
	aname_transfer_t *transfer = calloc(1, sizeof(*transfer));
	if (transfer == NULL) {
		*end = no_memory;
		return NULL;
	}
	transfer->http = http;
	transfer->probe = subject->probe;
	transfer->address = subject->address;
	transfer->len = subject->len;
	transfer->ended = ended;
	transfer->ctx = ctx;
	transfer->peer = peer_of(subject);
	transfer->easy = curl_easy_init();
	if (transfer->peer == NULL || transfer->easy == NULL || !set_up(transfer, host) ||
	    !aname_multi_add(http->multi, transfer->easy)) {
		transfer_free(transfer);
		*end = no_memory;
		return NULL;
	}
	return transfer;
}

void aname_http_stop(aname_transfer_t *transfer)
{
	aname_multi_remove(transfer->http->multi, transfer->easy);
	transfer_free(transfer);
}

/* The whole. */

aname_http_t *aname_http_new(uv_loop_t *loop)
{
	aname_http_t *http = calloc(1, sizeof(*http));
	if (http == NULL) {
		return NULL;
	}
	http->headers = curl_slist_append(NULL, "Connection: close");
	http->multi = http->headers != NULL ? aname_multi_new(loop, on_ended) : NULL;
	if (http->multi == NULL) {
		curl_slist_free_all(http->headers);
		free(http);
		return NULL;
	}
	return http;
}

void aname_http_free(aname_http_t *http)
{
	aname_multi_free(http->multi);
	aname_trust_deinit(&http->trust);
	curl_slist_free_all(http->headers);
	free(http);
}
