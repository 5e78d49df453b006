#include "support/test.h"

#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/status/listener.h"
#include "service/status/text.h"
#include "support/make.h"
#include "table/clock.h"
#include "table/policy.h"

/* A walk through the table. */

static aname_entry_t *add(aname_table_t *table, const aname_upstream_t *upstream, uint32_t n)
{
	name_t name = make_name_nth(n);
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_A);
	aname_entry_t *entry = aname_table_add(table, &key, aname_table_hash(table, &key));
	assert_non_null(entry);
	return entry;
}

static aname_shared_t *make_floor(const aname_upstream_t **upstream)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	assert_non_null(shared);
	*upstream = make_upstream(shared, &make_schedule, &make_source);
	assert_non_null(*upstream);
	return shared;
}

/*! Walks to the end; counts each entry in its lag. */
static size_t walk(aname_table_t *table)
{
	size_t found = 0;
	aname_cursor_t cursor = aname_table_begin(table);
	while (!cursor.end) {
		aname_entry_t *entry = aname_table_step(table, &cursor);
		assert_false(cursor.rebuilt);
		if (entry != NULL) {
			entry->lag_ms++;
			found++;
		}
	}
	assert_null(aname_table_step(table, &cursor));
	assert_true(cursor.end);
	return found;
}

static void walk_meets_each_once(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	assert_int_equal(walk(shared->table), 0);
	aname_entry_t *entries[1000];
	for (uint32_t i = 0; i < COUNT_OF(entries); i++) {
		entries[i] = add(shared->table, upstream, i);
	}
	assert_int_equal(walk(shared->table), COUNT_OF(entries));
	for (uint32_t i = 0; i < COUNT_OF(entries); i++) {
		assert_int_equal(entries[i]->lag_ms, 1);
		if (i % 3 == 0) {
			aname_table_remove(shared->table, entries[i]);
		}
	}
	assert_int_equal(walk(shared->table), 666);
	aname_shared_free(shared);
}

static void walk_ends_when_rebuilt(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	(void)add(shared->table, upstream, 0);
	aname_cursor_t cursor = aname_table_begin(shared->table);
	(void)aname_table_step(shared->table, &cursor);
	assert_false(cursor.rebuilt || cursor.end);
	for (uint32_t i = 1; i < 100; i++) {
		(void)add(shared->table, upstream, i);
	}
	assert_null(aname_table_step(shared->table, &cursor));
	assert_true(cursor.rebuilt);
	aname_shared_free(shared);
}

/* What is shown of an entry. */

#define NOW_MS 1000000

typedef struct {
	const char *proves;
	const char *contains; /*!< Some fields. */
	uint32_t addresses;
	aname_failure_t failure;
	int64_t age_ms;
	int64_t next_ms;
	const char *why;
	bool known, cold;
} row_t;

static const row_t rows[] = {
	{ "nothing is known yet", "\tfamily=A\tstate=cold\tnext=0\tasked=", 0, ANAME_FAILURE_NONE,
	  0, NOW_MS - 20, NULL, false, true },
	{ "addresses within their lifetime",
	  "\tstate=fresh\tttl=50\tage=10\taddresses=10.0.0.1,10.0.0.2\tnext=5\t", 2,
	  ANAME_FAILURE_NONE, 10000, NOW_MS + 4001, NULL, true, false },
	{ "none at all", "\tstate=nodata\tttl=60\tage=0\taddresses=\tnext=", 0, ANAME_FAILURE_NONE,
	  0, NOW_MS, NULL, true, false },
	{ "a failure within the lifetime of what was learnt",
	  "\tstate=fresh\tttl=50\tage=10\taddresses=10.0.0.1\tfailing=0\twhy=REFUSED\tnext=", 1,
	  ANAME_FAILURE_SERVER, 10000, NOW_MS, "REFUSED", true, false },
	{ "past the lifetime",
	  "\tstate=stale\tttl=30\tage=100\taddresses=10.0.0.1\tfailing=0\twhy=no answer in time\t",
	  1, ANAME_FAILURE_TIMEOUT, 100000, NOW_MS, "no answer in time", true, false },
	{ "past the lifetime, being looked up",
	  "\tstate=late\tttl=1\tage=61\taddresses=10.0.0.1\tnext=0\t", 1, ANAME_FAILURE_NONE, 61000,
	  NOW_MS - 500, NULL, true, false },
	{ "none at all, being looked up", "\tstate=late\tttl=1\tage=60\taddresses=\tnext=0\t", 0,
	  ANAME_FAILURE_NONE, 60000, NOW_MS - 500, NULL, true, false },
	{ "past the lifetime, and its lookup takes too long",
	  "\tstate=stale\tttl=30\tage=100\taddresses=10.0.0.1\tnext=0\t", 1, ANAME_FAILURE_NONE,
	  100000, NOW_MS - 2000, NULL, true, false },
	{ "a failure and nothing to fall back on",
	  "\tstate=failing\tfailing=0\twhy=the resolver cannot be asked\tnext=", 0,
	  ANAME_FAILURE_NETWORK, 0, NOW_MS, "the resolver cannot be asked", false, false },
	{ "a dormant one past its lifetime",
	  "\tstate=cold\tttl=30\tage=100\taddresses=10.0.0.1\tasked=", 1, ANAME_FAILURE_NONE,
	  100000, ANAME_NEXT_NEVER, NULL, true, true },
};

static aname_snapshot_t *make_known(const row_t *row)
{
	aname_snapshot_t *known = NULL;
	if (row->known) {
		uint8_t addresses[8] = { 10, 0, 0, 1, 10, 0, 0, 2 };
		const aname_result_t result = {
			.known = row->addresses > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
			.ttl = 60,
			.address_len = 4,
			.count = row->addresses,
			.addresses = addresses,
		};
		known = aname_snapshot_new(&result, NOW_MS - row->age_ms, 0);
	}
	if (row->failure != ANAME_FAILURE_NONE) {
		aname_snapshot_t *failed =
		        aname_snapshot_failed(known, row->failure, row->why, NOW_MS);
		free(known);
		known = failed;
	}
	return known;
}

static void check_row(void **state)
{
	const row_t *row = *state;
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	aname_entry_t *entry = add(shared->table, upstream, 0);
	aname_table_publish(shared->table, entry, make_known(row));
	entry->next_ms = row->next_ms;
	entry->cold = row->cold;
	entry->asked_s = NOW_MS / 1000;
	char *line = malloc(ANAME_STATUS_ENTRY_MAX);
	assert_non_null(line);
	size_t len = aname_status_write(line, shared->table, entry, NOW_MS);
	line[len] = '\0';
	if (strstr(line, row->contains) == NULL) {
		fail_msg("'%s' in: %s", row->contains, line);
	}
	assert_memory_equal(line, "target\tname=", 12);
	assert_ptr_equal(strchr(line, '\n'), line + len - 1);
	assert_non_null(strstr(line, "\tresolver=system\n"));
	free(line);
	aname_shared_free(shared);
}

typedef struct {
	const char *proves;
	const char *contains; /*!< NULL: nothing of it. */
	bool nxdomain;
	bool other;  /*!< The other family is known. */
	bool stands; /*!< It has addresses, and had them after this one was lost. */
} gone_row_t;

static const gone_row_t gone_rows[] = {
	{ "a name that does not exist any more", "\tgone=7\tdenial=NXDOMAIN\tnext=", true, false,
	  false },
	{ "W1: neither family has addresses", "\tgone=7\tdenial=NODATA\tnext=", false, true,
	  false },
	{ "W1: the other family is not known", "\tgone=7\tdenial=NODATA\tnext=", false, false,
	  false },
	{ "W1: one family that goes is not gone", NULL, false, true, true },
};

static aname_snapshot_t *learn(uint32_t count, bool nxdomain, const aname_snapshot_t *before,
                               int64_t age_ms)
{
	static const uint8_t address[4] = { 10, 0, 0, 1 };
	const aname_result_t result = {
		.known = count > 0 ? ANAME_KNOWN_ADDRESSES : ANAME_KNOWN_NODATA,
		.ttl = 60,
		.address_len = 4,
		.count = count,
		.addresses = address,
		.nxdomain = nxdomain,
	};
	aname_snapshot_t *snapshot = aname_snapshot_after(before, &result, NOW_MS - age_ms, 0);
	assert_non_null(snapshot);
	return snapshot;
}

static void check_gone(void **state)
{
	const gone_row_t *row = *state;
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	aname_table_t *table = shared->table;
	name_t name = make_name_nth(0);
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_AAAA);
	if (row->other) {
		aname_entry_t *other = aname_table_add(table, &key, aname_table_hash(table, &key));
		assert_non_null(other);
		aname_table_publish(table, other, learn(row->stands, false, NULL, 1000));
	}
	aname_entry_t *entry = add(table, upstream, 0);
	aname_snapshot_t *before = learn(1, false, NULL, 20000);
	aname_table_publish(table, entry, learn(0, row->nxdomain, before, 7999));
	free(before);
	entry->next_ms = NOW_MS;

	char *line = calloc(1, ANAME_STATUS_ENTRY_MAX + 1);
	assert_non_null(line);
	(void)aname_status_write(line, table, entry, NOW_MS);
	const char *gone = strstr(line, "\tgone=");
	if (row->contains == NULL) {
		assert_null(gone);
	} else if (gone == NULL || strncmp(gone, row->contains, strlen(row->contains)) != 0) {
		fail_msg("'%s' in: %s", row->contains, line);
	}
	free(line);
	aname_shared_free(shared);
}

static void longest_entry(void **state)
{
	aname_shared_t *shared = aname_shared_new(NULL, NULL);
	aname_source_t source = { .servers_count = ANAME_SERVERS_MAX };
	for (unsigned i = 0; i < ANAME_SERVERS_MAX; i++) {
		source.servers[i] = (aname_server_t){ .len = 16, .port = 65535 };
		memset(source.servers[i].address, 0xff, 16);
	}
	const aname_upstream_t *upstream = make_upstream(shared, &make_schedule, &source);
	name_t name = make_name_longest('\x01');
	aname_key_t key = make_key(upstream, &name, KNOT_RRTYPE_AAAA);
	aname_entry_t *entry =
	        aname_table_add(shared->table, &key, aname_table_hash(shared->table, &key));
	aname_snapshot_t *known = make_snapshot(16, 0xffff0000, ANAME_ADDRESSES_MAX, 0);
	assert_non_null(known);
	assert_int_equal(known->count, ANAME_ADDRESSES_MAX);
	/* None of them is short in text. */
	knot_rdataset_t set = aname_snapshot_rdataset(known);
	knot_rdata_t *rdata = set.rdata;
	for (unsigned i = 0; i < set.count; i++, rdata = knot_rdataset_next(rdata)) {
		memset(rdata->data, 0xff, 14);
	}
	aname_table_publish(shared->table, entry, known);

	char *line = malloc(ANAME_STATUS_ENTRY_MAX);
	assert_non_null(line);
	size_t len = aname_status_write(line, shared->table, entry, INT64_MAX / 2);
	assert_in_range(len, ANAME_ADDRESSES_MAX * 39, ANAME_STATUS_ENTRY_MAX - 1000);
	assert_int_equal(line[len - 1], '\n');
	free(line);
	aname_shared_free(shared);
}

/* A client on the other end of the socket. */

typedef struct {
	char path[100];
	char *text;
	size_t len;
	uv_async_t done;
} client_t;

static void *run_client(void *arg)
{
	client_t *client = arg;
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	memcpy(address.sun_path, client->path, sizeof(client->path));
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	static const char request[] = "status\n";
	size_t size = 64 << 20;
	client->text = malloc(size);
	if (client->text != NULL &&
	    connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 &&
	    send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) > 0) {
		ssize_t got;
		while ((got = read(fd, client->text + client->len, size - client->len - 1)) > 0) {
			client->len += got;
		}
		client->text[client->len] = '\0';
	}
	(void)close(fd);
	(void)uv_async_send(&client->done);
	return NULL;
}

static void on_done(uv_async_t *done)
{
	uv_close((uv_handle_t *)done, NULL);
	uv_stop(done->loop);
}

static void count_iteration(uv_prepare_t *prepare)
{
	(*(unsigned *)prepare->data)++;
}

/*! By hand: a sanitizer's strstr() measures all of the text each time. */
static unsigned count_lines(const client_t *client, const char *begin)
{
	unsigned count = 0;
	size_t len = strlen(begin);
	for (size_t i = 1; i + len <= client->len; i++) {
		count += client->text[i - 1] == '\n' && memcmp(client->text + i, begin, len) == 0;
	}
	return count;
}

static void large_table(void **state)
{
	const aname_upstream_t *upstream;
	aname_shared_t *shared = make_floor(&upstream);
	for (uint32_t i = 0; i < 100000; i++) {
		(void)add(shared->table, upstream, i);
	}
	uv_loop_t loop;
	assert_int_equal(uv_loop_init(&loop), 0);
	aname_status_t *status = aname_status_new(shared, &loop);
	assert_non_null(status);
	char directory[DIRECTORY_MAX];
	make_directory(directory);
	client_t client = { .len = 0 };
	(void)snprintf(client.path, sizeof(client.path), "%s/s", directory);
	aname_status_listen(status, client.path);

	unsigned iterations = 0;
	uv_prepare_t prepare = { .data = &iterations };
	uv_prepare_init(&loop, &prepare);
	uv_prepare_start(&prepare, count_iteration);
	uv_async_init(&loop, &client.done, on_done);
	pthread_t thread;
	assert_int_equal(pthread_create(&thread, NULL, run_client, &client), 0);
	uv_run(&loop, UV_RUN_DEFAULT);
	pthread_join(thread, NULL);

	assert_int_equal(count_lines(&client, "target\t"), 100000);
	assert_memory_equal(client.text + client.len - 5, "\nend\n", 5);
	/* Other work is done between the pages. */
	assert_true(iterations > client.len / 131072);

	aname_status_listen(status, "");
	uv_close((uv_handle_t *)&prepare, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&loop), 0);
	aname_status_free(status);
	struct stat st;
	assert_int_not_equal(stat(client.path, &st), 0);
	assert_int_equal(rmdir(directory), 0);
	free(client.text);
	aname_shared_free(shared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("a walk meets every entry once, and no removed one", walk_meets_each_once),
		PROVES("a walk ends when the table is laid out anew", walk_ends_when_rebuilt),
		PROVES("the longest entry fits", longest_entry),
		PROVES("100,000 targets are shown, never more than 128 KiB in an iteration of the "
		       "loop",
		       large_table),
	};
	return RUN_ROWS("status: one entry", rows, check_row) +
	       RUN_ROWS("status: what is gone", gone_rows, check_gone) +
	       RUN_TESTS("status: all", tests);
}
