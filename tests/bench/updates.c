/*!
 * \brief A bare loop of dynamic updates: what `kaname follow` is measured against.
 *
 *     updates ADDRESS PORT KEY AT_ONCE A AAAA < zones
 *
 * Replaces the addresses at the apex of each zone, once, over UDP: one after the other, or as many
 * at once as AT_ONCE says. Each update is built, signed, and its reply checked as `kaname follow` does;
 * nothing else is done. KEY is [ALGORITHM:]NAME:SECRET; A and AAAA are FROM/TO, each of which are
 * addresses with commas between, or nothing. Prints one line: what became of how many, and how long
 * it took. An update without a reply after some seconds is lost, and not sent again.
 */

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "follow/update.h"

/*! Updates on their way at once, at most: each has an ID of its own. */
#define AT_ONCE_MAX 4096
#define TIMEOUT_MS  10000

typedef struct {
	bool busy;
	size_t digest_len;
	uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
} sent_t;

static sent_t sent[AT_ONCE_MAX];
static unsigned on_their_way;
static kaname_sets_t sets;
static kaname_update_t update = { .ttl = 300 };
static knot_tsig_key_t key;
static unsigned long ended[KANAME_UPDATE_UNKNOWN + 1], lost;
static int fd = -1;

static void die(const char *what)
{
	(void)fprintf(stderr, "updates: %s\n", what);
	exit(2);
}

static long read_number(const char *text, long most)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (end == text || *end != '\0' || number < 1 || number > most) {
		die("a number that is none, or out of range");
	}
	return number;
}

static kaname_set_t *read_set(kaname_family_t family, char *text)
{
	static uint8_t at[KANAME_SET_MAX * 16];
	size_t count = 0;
	char *rest;
	for (char *one = strtok_r(text, ",", &rest); one != NULL;
	     one = strtok_r(NULL, ",", &rest)) {
		if (count == KANAME_SET_MAX ||
		    inet_pton(family == KANAME_A ? AF_INET : AF_INET6, one,
		              at + count * kaname_family_len(family)) != 1) {
			die("an address that is none, or too many");
		}
		count++;
	}
	kaname_set_t *set = NULL;
	if (!kaname_set_take(&sets, family, at, count, &set)) {
		die("out of memory");
	}
	return set;
}

static void read_swap(kaname_family_t family, char *text)
{
	char *to = strchr(text, '/');
	if (to == NULL) {
		die("addresses without a '/'");
	}
	*to++ = '\0';
	update.swap[family].from = read_set(family, text);
	update.swap[family].to = read_set(family, to);
}

static void open_socket(const char *address, const char *port)
{
	struct sockaddr_storage server = { .ss_family = AF_INET };
	struct sockaddr_in *ipv4 = (struct sockaddr_in *)&server;
	struct sockaddr_in6 *ipv6 = (struct sockaddr_in6 *)&server;
	if (inet_pton(AF_INET, address, &ipv4->sin_addr) == 1) {
		ipv4->sin_port = htons(read_number(port, UINT16_MAX));
	} else if (inet_pton(AF_INET6, address, &ipv6->sin6_addr) == 1) {
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(read_number(port, UINT16_MAX));
	} else {
		die("an address that is none");
	}
	fd = socket(server.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&server, sizeof(server)) != 0) {
		die("no socket");
	}
}

/*! Takes one reply; false if none comes any more. */
static bool receive(void)
{
	static uint8_t wire[KANAME_UPDATE_MAX];
	struct pollfd readable = { .fd = fd, .events = POLLIN };
	if (poll(&readable, 1, TIMEOUT_MS) <= 0) {
		return false;
	}
	ssize_t len = recv(fd, wire, sizeof(wire), 0);
	if (len < KNOT_WIRE_HEADER_SIZE) {
		return len >= 0;
	}
	uint16_t id = knot_wire_get_id(wire);
	kaname_updated_t updated;
	if (id < AT_ONCE_MAX && sent[id].busy &&
	    kaname_update_read(wire, len, id, &key, sent[id].digest, sent[id].digest_len,
	                       &updated)) {
		ended[updated.outcome]++;
		sent[id].busy = false;
		on_their_way--;
	}
	return true;
}

/*! Gives up what is on its way. */
static void give_up(void)
{
	lost += on_their_way;
	on_their_way = 0;
	for (size_t i = 0; i < AT_ONCE_MAX; i++) {
		sent[i].busy = false;
	}
}

static void send_one(const char *zone, unsigned at_once)
{
	static uint8_t wire[KANAME_UPDATE_MAX];
	static knot_dname_storage_t name;
	while (on_their_way == at_once) {
		if (!receive()) {
			give_up();
		}
	}
	uint16_t id = 0;
	while (sent[id].busy) {
		id++;
	}
	if (knot_dname_from_str(name, zone, sizeof(name)) == NULL) {
		die("a name that is none");
	}
	knot_dname_to_lower(name);
	update.zone = update.owner = name;
	int len =
	        kaname_update_write(&update, id, &key, wire, sent[id].digest, &sent[id].digest_len);
	if (len < 0 || send(fd, wire, len, 0) != len) {
		die("an update cannot be sent");
	}
	sent[id].busy = true;
	on_their_way++;
}

static double now(void)
{
	struct timespec time;
	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
	if (argc != 7) {
		die("usage: updates ADDRESS PORT KEY AT_ONCE A_FROM/A_TO AAAA_FROM/AAAA_TO < "
		    "zones");
	}
	open_socket(argv[1], argv[2]);
	if (knot_tsig_key_init_str(&key, argv[3]) != KNOT_EOK) {
		die("no key");
	}
	unsigned at_once = read_number(argv[4], AT_ONCE_MAX);
	read_swap(KANAME_A, argv[5]);
	read_swap(KANAME_AAAA, argv[6]);
	static char line[1100];
	unsigned long count = 0;
	double start = now();
	while (fgets(line, sizeof(line), stdin) != NULL) {
		line[strcspn(line, "\n")] = '\0';
		send_one(line, at_once);
		count++;
	}
	while (on_their_way > 0) {
		if (!receive()) {
			give_up();
		}
	}
	double took = now() - start;
	(void)printf("updates=%lu seconds=%.3f rate=%.0f done=%lu otherwise=%lu refused=%lu "
	             "failed=%lu unknown=%lu lost=%lu\n",
	             count, took, took > 0 ? (double)count / took : 0, ended[KANAME_UPDATE_DONE],
	             ended[KANAME_UPDATE_OTHERWISE], ended[KANAME_UPDATE_REFUSED],
	             ended[KANAME_UPDATE_FAILED], ended[KANAME_UPDATE_UNKNOWN], lost);
	(void)close(fd);
	knot_tsig_key_deinit(&key);
	return ended[KANAME_UPDATE_DONE] == count ? 0 : 1;
}
