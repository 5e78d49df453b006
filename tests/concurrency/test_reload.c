/*
 * Workers against the real service and what a knotd in motion does with it: instances come, stay
 * for a while and go, with options that agree or differ, on several threads at once; now and then
 * nobody holds the service at all. libuv looks names up in a getaddrinfo() of our own. Clients of the
 * status socket watch, follow, have targets looked up, and go as they like.
 */
#include "support/test.h"

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "service/service.h"
#include "support/getaddrinfo.h"
#include "support/random.h"
#include "table/clock.h"
#include "worker.h"

enum {
	WORKERS = 4,
	QUERIES = 3000,
	LOADERS = 2,
	RELOADS = 500,
	NAMES = 48,
	CLIENTS = 6,
};

/*! A target, and what the resolver says of it. */
typedef struct {
	name_t name;
	unsigned v4, v6;
	bool fails;
} target_t;

static target_t targets[NAMES];

static void make_targets(void)
{
	for (unsigned i = 0; i < NAMES; i++) {
		char text[80];
		target_t *target = &targets[i];
		target->fails = i % 6 == 5;
		target->v4 = target->fails ? 0 : i % 5;
		target->v6 = target->fails ? 0 : i % 3;
		(void)snprintf(text, sizeof(text), "%sv4-%u.v6-%u.t%u.example.",
		               target->fails ? "again." : (i % 4 == 0 ? "slow." : ""), target->v4,
		               target->v6, i);
		target->name = make_name(text);
	}
}

/* An instance of the module, loaded and unloaded. */

typedef struct {
	aname_shared_t *shared;
	const aname_options_t *options;
	const aname_upstream_t *upstream;
	aname_zone_t *zone; /*!< Stays where it is, as that of the module's instances does. */
} instance_t;

/*! The zone that a loader's instances are for. */
static const char *const zones[LOADERS] = { "one.example", "two.example" };

/*! Where the status socket is. */
static char socket_path[DIRECTORY_MAX + 10];

/*! Has the status socket know the zone. */
static void note_zone(instance_t *instance, const char *zone)
{
	const name_t name = make_name(zone);
	instance->zone = calloc(1, sizeof(*instance->zone));
	CHECK(instance->zone != NULL);
	instance->zone->named.upstream = instance->upstream;
	instance->zone->options = instance->options->id;
	aname_zones_add(instance->shared->zones, instance->zone,
	                aname_owners_hash(instance->shared->owners, name.at, name.len));
}

static void load(instance_t *instance, const char *zone, random_t *random)
{
	aname_options_t *options = make_options();
	options->schedule.ttl_max = 1 + random_below(random, 2);
	options->schedule.retry_min = 1;
	/* More upstreams than are kept, all of them the system's resolver: it makes nothing of this. */
	options->source.secure = random_below(random, 3) == 0 ? random_below(random, 12) : 0;
	options->max_addresses = 20 + random_below(random, 2);
	options->limits.lookup_rate = 1000 + 1000 * random_below(random, 2);
	aname_service_report_t report;
	CHECK(aname_service_acquire(&options->limits, 0, &instance->shared, &report) == KNOT_EOK);
	CHECK(aname_service_show(socket_path, true) == KNOT_EOK);
	instance->options = aname_shared_hold(instance->shared, options, &instance->upstream);
	CHECK(instance->options != NULL);
	note_zone(instance, zone);
}

static void unload(instance_t *instance)
{
	aname_zones_drop(instance->shared->zones, instance->zone);
	free(instance->zone);
	aname_shared_unhold(instance->shared, instance->options);
	aname_service_hide(socket_path, true);
	aname_service_release();
	instance->shared = NULL;
}

/*! The instances in force. Those who query hold the lock as knotd's workers hold its RCU. */
static struct {
	pthread_rwlock_t lock;
	instance_t instances[LOADERS];
	_Atomic unsigned loading; /*!< Threads that still load and unload. */
} server;

static void *reload(void *arg)
{
	instance_t *mine = arg;
	random_t random = { mine - server.instances + 100 };
	for (unsigned i = 0; i < RELOADS; i++) {
		/* As reload does: the new one first; as removal does: none for a while. */
		bool none = i + 1 < RELOADS && random_below(&random, 4) == 0;
		instance_t next = { 0 }, before;
		if (!none) {
			load(&next, zones[mine - server.instances], &random);
		}
		pthread_rwlock_wrlock(&server.lock);
		before = *mine;
		*mine = next;
		pthread_rwlock_unlock(&server.lock);
		if (before.shared != NULL) {
			unload(&before);
		}
		(void)poll(NULL, 0, random_below(&random, 3));
	}
	atomic_fetch_sub(&server.loading, 1);
	return NULL;
}

/* The workers. */

typedef struct {
	worker_t worker;
	uint64_t seed;
	unsigned answers[ANAME_WORTHS];
	unsigned idle; /*!< Times there was no instance. */
} asker_t;

static void check_reply(const asker_t *asker, const target_t *target, uint16_t type)
{
	const knot_pkt_t *pkt = asker->worker.pkt;
	knot_pkt_t *parsed = knot_pkt_new(pkt->wire, pkt->size, NULL);
	CHECK(parsed != NULL && knot_pkt_parse(parsed, 0) == KNOT_EOK);
	const knot_pktsection_t *section = knot_pkt_section(parsed, KNOT_ANSWER);
	CHECK(section->count == (type == KNOT_RRTYPE_A ? target->v4 : target->v6));
	for (unsigned i = 0; i < section->count; i++) {
		const knot_rdata_t *rdata = knot_pkt_rr(section, i)->rrs.rdata;
		uint8_t expected[16];
		make_address(expected, type == KNOT_RRTYPE_A ? 4 : 16, i);
		CHECK(rdata->len == (type == KNOT_RRTYPE_A ? 4 : 16));
		CHECK(memcmp(rdata->data, expected, rdata->len) == 0);
	}
	knot_pkt_free(parsed);
}

static void ask_once(asker_t *asker, const instance_t *instance, random_t *random)
{
	const target_t *target = &targets[random_below(random, NAMES)];
	const query_t query = { .names = { &target->name },
		                .count = 1,
		                .type = random_below(random, 2) ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA,
		                .ttl = random_below(random, 400) };
	asker->worker.shared = instance->shared;
	asker->worker.options = instance->options;
	asker->worker.upstream = instance->upstream;
	aname_worth_t worth = worker_answer(&asker->worker, &query);
	asker->answers[worth]++;
	unsigned count = query.type == KNOT_RRTYPE_A ? target->v4 : target->v6;
	if (aname_worth_has_addresses(worth)) {
		check_reply(asker, target, query.type);
	} else if (aname_worth_is_negative(worth)) {
		CHECK(count == 0 && !target->fails);
	} else {
		/* Not ready, for one that could not wait; or it does fail. */
		CHECK(target->fails || asker->worker.waiters == 0 || asker->worker.refused > 0);
	}
}

static void *ask_all(void *arg)
{
	asker_t *asker = arg;
	random_t random = { asker->seed };
	unsigned asked = 0;
	while (asked < QUERIES || atomic_load(&server.loading) > 0) {
		pthread_rwlock_rdlock(&server.lock);
		const instance_t *instance = &server.instances[random_below(&random, LOADERS)];
		if (instance->shared != NULL) {
			ask_once(asker, instance, &random);
			asked++;
		} else {
			asker->idle++;
		}
		pthread_rwlock_unlock(&server.lock);
		if (asked % 16 == 0) {
			sched_yield();
		}
	}
	return NULL;
}

/* Clients of the status socket. */

typedef struct {
	uint64_t seed;
	unsigned connected, events, refreshed, shown, sets;
} viewer_t;

static int connect_to_socket(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s", socket_path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	CHECK(fd >= 0);
	if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) != 0) {
		(void)close(fd); /* Nobody holds the service. */
		return -1;
	}
	return fd;
}

/*! Reads for a while, or to the end; counts lines that begin so. */
static unsigned read_lines(int fd, int while_ms, const char *begin)
{
	char text[8192];
	size_t len = 0;
	unsigned count = 0;
	int64_t end_ms = aname_clock_ms() + while_ms;
	for (;;) {
		struct pollfd readable = { .fd = fd, .events = POLLIN };
		int64_t left_ms = end_ms - aname_clock_ms();
		if (left_ms <= 0 || poll(&readable, 1, (int)left_ms) <= 0) {
			return count;
		}
		ssize_t got = read(fd, text + len, sizeof(text) - len - 1);
		if (got <= 0) {
			return count;
		}
		len += got;
		text[len] = '\0';
		char *line = text;
		for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
			count += strncmp(line, begin, strlen(begin)) == 0;
			line = end + 1;
		}
		len -= line - text;
		memmove(text, line, len);
		len = len < sizeof(text) / 2 ? len : 0;
	}
}

/*! Follows owners, and leaves in the middle of it. */
static void follow_once(viewer_t *viewer, int fd, random_t *random)
{
	char line[2000];
	(void)send(fd, "follow\n", 7, MSG_NOSIGNAL);
	for (unsigned i = 0; i < 30; i++) {
		const char *zone = zones[random_below(random, LOADERS)];
		int len = snprintf(line, sizeof(line), "ask %u %s %s 300", i, zone, zone);
		for (unsigned k = 1 + random_below(random, 3); k > 0; k--) {
			knot_dname_txt_storage_t name;
			const target_t *target = &targets[random_below(random, NAMES)];
			CHECK(knot_dname_to_str(name, target->name.at, sizeof(name)) != NULL);
			len += snprintf(line + len, sizeof(line) - len, " %s", name);
		}
		len += snprintf(line + len, sizeof(line) - len, "\n");
		(void)send(fd, line, len, MSG_NOSIGNAL);
		if (i % 10 == 9) {
			viewer->sets += read_lines(fd, random_below(random, 200), "set\t");
		}
	}
}

static void view_once(viewer_t *viewer, int fd, random_t *random)
{
	knot_dname_txt_storage_t name;
	char request[sizeof(name) + 20];
	const target_t *target = &targets[random_below(random, NAMES)];
	CHECK(knot_dname_to_str(name, target->name.at, sizeof(name)) != NULL);
	switch (random_below(random, 6)) {
	case 0:
		(void)snprintf(request, sizeof(request), "refresh 1 %s\n", name);
		(void)send(fd, request, strlen(request), MSG_NOSIGNAL);
		viewer->refreshed += read_lines(fd, 3000, "done\t");
		break;
	case 1:
		(void)send(fd, "status\n", 7, MSG_NOSIGNAL);
		viewer->shown += read_lines(fd, 3000, "target\t");
		break;
	case 2:
	case 3: follow_once(viewer, fd, random); break;
	case 4:
		/* It watches one, and then all. */
		(void)snprintf(request, sizeof(request), "watch %s\n", name);
		(void)send(fd, request, strlen(request), MSG_NOSIGNAL);
		viewer->events += read_lines(fd, random_below(random, 100), "event\t");
		/* Falls through. */
	default:
		(void)send(fd, "watch\n", 6, MSG_NOSIGNAL);
		viewer->events += read_lines(fd, random_below(random, 500), "event\t");
		break;
	}
}

static void *view_all(void *arg)
{
	viewer_t *viewer = arg;
	random_t random = { viewer->seed };
	while (atomic_load(&server.loading) > 0) {
		int fd = connect_to_socket();
		if (fd >= 0) {
			viewer->connected++;
			view_once(viewer, fd, &random);
			(void)close(fd);
		}
		(void)poll(NULL, 0, 1);
	}
	return NULL;
}

/* The test. */

static void init_server(void)
{
	pthread_rwlockattr_t attr;
	assert_int_equal(pthread_rwlockattr_init(&attr), 0);
	/* Or else those who reload would wait for ever. */
	(void)pthread_rwlockattr_setkind_np(&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	assert_int_equal(pthread_rwlock_init(&server.lock, &attr), 0);
	pthread_rwlockattr_destroy(&attr);
	atomic_store(&server.loading, LOADERS);
}

static void check_end(const asker_t *askers)
{
	unsigned addresses = 0, negative = 0, failed = 0, others = 0, idle = 0;
	for (unsigned i = 0; i < WORKERS; i++) {
		for (unsigned k = 0; k < ANAME_WORTHS; k++) {
			unsigned answers = askers[i].answers[k];
			addresses += aname_worth_has_addresses(k) ? answers : 0;
			negative += aname_worth_is_negative(k) ? answers : 0;
			failed += k == ANAME_FAILED ? answers : 0;
			others += k == ANAME_COLD ? answers : 0;
		}
		idle += askers[i].idle;
	}
	print_message("addresses %u, nodata %u, cold %u, failure %u; no instance %u times\n",
	              addresses, negative, others, failed, idle);
	assert_true(addresses > 0 && negative > 0 && failed > 0);
	assert_true(addresses + negative + others + failed >= WORKERS * QUERIES);
	for (unsigned i = 0; i < LOADERS; i++) {
		if (server.instances[i].shared != NULL) {
			unload(&server.instances[i]);
		}
	}
}

static void check_viewers(const viewer_t *viewers)
{
	viewer_t all = { 0 };
	for (unsigned i = 0; i < CLIENTS; i++) {
		all.connected += viewers[i].connected;
		all.events += viewers[i].events;
		all.refreshed += viewers[i].refreshed;
		all.shown += viewers[i].shown;
		all.sets += viewers[i].sets;
	}
	print_message("clients %u, events %u, refreshed %u, targets shown %u, sets %u\n",
	              all.connected, all.events, all.refreshed, all.shown, all.sets);
	assert_true(all.connected > 0 && all.events > 0 && all.refreshed > 0 && all.shown > 0 &&
	            all.sets > 0);
}

static void workers_and_reloads(void **state)
{
	fake_let_go();
	make_targets();
	init_server();
	static asker_t askers[WORKERS];
	static viewer_t viewers[CLIENTS];
	pthread_t asking[WORKERS], loading[LOADERS], viewing[CLIENTS];
	char directory[DIRECTORY_MAX];
	make_directory(directory);
	(void)snprintf(socket_path, sizeof(socket_path), "%s/s", directory);
	for (unsigned i = 0; i < LOADERS; i++) {
		assert_int_equal(pthread_create(&loading[i], NULL, reload, &server.instances[i]),
		                 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		askers[i] = (asker_t){ .worker = { .worker = 3 * i, .waiters = i % 2 ? 1 : 0 },
			               .seed = i + 1 };
		assert_int_equal(pthread_create(&asking[i], NULL, ask_all, &askers[i]), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		viewers[i].seed = 1000 + i;
		assert_int_equal(pthread_create(&viewing[i], NULL, view_all, &viewers[i]), 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		assert_int_equal(pthread_join(asking[i], NULL), 0);
	}
	for (unsigned i = 0; i < LOADERS; i++) {
		assert_int_equal(pthread_join(loading[i], NULL), 0);
	}
	for (unsigned i = 0; i < CLIENTS; i++) {
		assert_int_equal(pthread_join(viewing[i], NULL), 0);
	}
	check_end(askers);
	check_viewers(viewers);
	assert_int_equal(rmdir(directory), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("T4: while instances come and go every reply is right", workers_and_reloads),
	};
	return RUN_TESTS("concurrency: workers and reloads", tests);
}
