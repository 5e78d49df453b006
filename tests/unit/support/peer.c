#include "support/peer.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <gnutls/gnutls.h>

#include "support/certificates.h"
#include "support/test.h"

/*! Between the octets of PEER_DRIP. */
#define PAUSE_MS 20

typedef struct {
	peer_t *peer;
	int fd;
	gnutls_session_t tls;
} connection_t;

static ssize_t receive(connection_t *connection, char *at, size_t len)
{
	return connection->tls != NULL ? gnutls_record_recv(connection->tls, at, len)
	                               : recv(connection->fd, at, len, 0);
}

static bool say(connection_t *connection, const char *at, size_t len)
{
	while (len > 0) {
		ssize_t sent = connection->tls != NULL
		                       ? gnutls_record_send(connection->tls, at, len)
		                       : send(connection->fd, at, len, MSG_NOSIGNAL);
		if (sent <= 0) {
			return false;
		}
		at += sent;
		len -= sent;
	}
	return true;
}

/*! Waits; false if it is time to stop. */
static bool wait_for(const peer_t *peer, int fd, int wait_ms)
{
	struct pollfd fds[] = { { .fd = peer->stop, .events = POLLIN },
		                { .fd = fd, .events = POLLIN } };
	(void)poll(fds, fd >= 0 ? 2 : 1, wait_ms);
	return fds[0].revents == 0;
}

static bool shake_hands(connection_t *connection)
{
	peer_t *peer = connection->peer;
	assert_int_equal(gnutls_init(&connection->tls, GNUTLS_SERVER | GNUTLS_NO_SIGNAL), 0);
	gnutls_set_default_priority(connection->tls);
	gnutls_credentials_set(connection->tls, GNUTLS_CRD_CERTIFICATE, peer->credentials);
	gnutls_transport_set_int(connection->tls, connection->fd);
	int ret;
	do {
		ret = gnutls_handshake(connection->tls);
	} while (ret < 0 && gnutls_error_is_fatal(ret) == 0);
	unsigned type;
	size_t len = sizeof(peer->sni);
	peer->sni[0] = '\0';
	(void)gnutls_server_name_get(connection->tls, peer->sni, &len, &type, 0);
	return ret == 0;
}

static bool take_request(connection_t *connection)
{
	char *request = connection->peer->request;
	size_t len = 0;
	request[0] = '\0';
	while (strstr(request, "\r\n\r\n") == NULL) {
		ssize_t more = receive(connection, request + len,
		                       sizeof(connection->peer->request) - 1 - len);
		if (more <= 0) {
			return false;
		}
		len += more;
		request[len] = '\0';
	}
	return true;
}

static void behave(connection_t *connection)
{
	peer_t *peer = connection->peer;
	static const char half_hello[] = "\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03";
	if (peer->manner == PEER_HALF_HELLO) {
		(void)wait_for(peer, connection->fd, -1);
		(void)say(connection, half_hello, sizeof(half_hello) - 1);
	} else if ((peer->tls && !shake_hands(connection)) ||
	           (peer->manner != PEER_GREET && !take_request(connection))) {
		return;
	}
	size_t len = peer->manner != PEER_HALF_HELLO && peer->says != NULL ? strlen(peer->says) : 0;
	for (size_t i = 0; i < len && peer->manner == PEER_DRIP; i++) {
		if (!say(connection, peer->says + i, 1) || !wait_for(peer, -1, PAUSE_MS)) {
			return;
		}
	}
	if (peer->manner != PEER_DRIP && !say(connection, peer->says, len)) {
		return;
	}
	while (peer->manner == PEER_FLOOD && peer->flooded < PEER_FLOOD_MAX &&
	       say(connection, peer->filler, strlen(peer->filler))) {
		peer->flooded += strlen(peer->filler);
	}
	char rest[256];
	while (peer->manner != PEER_ANSWER && wait_for(peer, connection->fd, -1) &&
	       recv(connection->fd, rest, sizeof(rest), 0) > 0) {
	}
}

static void *serve(void *arg)
{
	peer_t *peer = arg;
	while (wait_for(peer, peer->listener, -1)) {
		connection_t connection = {
			.peer = peer, .fd = accept4(peer->listener, NULL, NULL, SOCK_CLOEXEC)
		};
		if (connection.fd < 0) {
			continue;
		}
		peer->accepted++;
		behave(&connection);
		if (connection.tls != NULL) {
			gnutls_deinit(connection.tls);
		}
		close(connection.fd);
	}
	return NULL;
}

void peer_start(peer_t *peer)
{
	struct sockaddr_in6 at = { .sin6_family = AF_INET6, .sin6_addr = in6addr_any };
	socklen_t len = sizeof(at);
	if (peer->tls) {
		gnutls_certificate_credentials_t credentials;
		assert_int_equal(gnutls_certificate_allocate_credentials(&credentials), 0);
		certificate_t own = certificate_make("nobody.example", NULL, 1);
		assert_int_equal(gnutls_certificate_set_x509_key(credentials, &own.crt, 1, own.key),
		                 0);
		certificate_free(&own);
		peer->credentials = credentials;
	}
	peer->listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_true(peer->listener >= 0);
	assert_int_equal(bind(peer->listener, (struct sockaddr *)&at, len), 0);
	assert_int_equal(getsockname(peer->listener, (struct sockaddr *)&at, &len), 0);
	assert_int_equal(listen(peer->listener, 100), 0);
	peer->port = ntohs(at.sin6_port);
	peer->stop = eventfd(0, EFD_CLOEXEC);
	assert_true(peer->stop >= 0);
	assert_int_equal(pthread_create(&peer->thread, NULL, serve, peer), 0);
}

void peer_stop(peer_t *peer)
{
	assert_int_equal(eventfd_write(peer->stop, 1), 0);
	assert_int_equal(pthread_join(peer->thread, NULL), 0);
	close(peer->listener);
	close(peer->stop);
	if (peer->credentials != NULL) {
		gnutls_certificate_free_credentials(peer->credentials);
	}
}
