#include "service/status/followed.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "protocol.h"
#include "service/status/question.h"
#include "service/status/text.h"
#include "table/clock.h"

/*! Octets of questions that wait; at least ANAME_FOLLOW_LINE_MAX. */
#define ASKED_MAX   65536
/*! Octets of lines that tell of changes, and wait. */
#define CHANGED_MAX 32768
/*! How many of these changes are remembered, so that each is told once. */
#define RECENT      256
/*! A change waits so long for others of its target. */
#define GATHER_MS   10
/*! How often it is looked whether the configuration is another one. */
#define LOOK_MS     1000
/*! While zones still come and go that waits, but not for longer. */
#define SETTLE_MS   5000
/*! Answers are made for so long before others have their turn. */
#define SLICE_NS    500000

typedef struct aname_followed {
	aname_follower_t follower;
	bool reading;        /*!< What it says. */
	bool gathering;      /*!< Changes are about to be told. */
	bool all;            /*!< It is to ask for all; what has changed need not be told. */
	uint64_t lost;       /*!< Changes that were left out. */
	uint64_t replaced;   /*!< aname_zones_replaced(), as it was told. */
	int64_t replaced_ms; /*!< When it was found to be another; 0: it is not. */
	size_t begin, end;   /*!< In `asked`: what is not answered yet. */
	size_t changed_len;
	unsigned changed_count;
	uint64_t recent[RECENT]; /*!< Hashes of names in `changed`. */
	aname_status_question_t question;
	aname_owner_set_t set;
	char changed[CHANGED_MAX];
	char asked[ASKED_MAX];
} followed_t;

_Static_assert(ASKED_MAX >= ANAME_FOLLOW_LINE_MAX, "the longest question fits");
_Static_assert(ANAME_STATUS_FOLLOWERS == 8, "as ANAME_WHY_FOLLOWED says");

static void on_time(uv_timer_t *timer);

/*! While a page is on its way there is nothing to do but to wait for that. */
static void set_timer(aname_client_t *client)
{
	bool soon = client->followed->gathering && !client->sending;
	(void)uv_timer_start(&client->timer, on_time, soon ? GATHER_MS : LOOK_MS, 0);
}

/* What has changed. */

static void gather(aname_client_t *client)
{
	if (!client->followed->gathering && !client->done) {
		client->followed->gathering = true;
		set_timer(client);
	}
}

/*! Forgets what waits: it is told that some was left out. */
static void leave_out(followed_t *followed, uint64_t count)
{
	followed->all = true;
	followed->lost += count;
	followed->changed_len = followed->changed_count = 0;
}

/*! Is it among those that wait? Notes that it is. */
static bool is_recent(aname_client_t *client, const knot_dname_t *target)
{
	uint64_t hash =
	        aname_owners_hash(client->clients->shared->owners, target, knot_dname_size(target));
	uint64_t *slot = &client->followed->recent[hash % RECENT];
	bool recent = *slot == hash;
	*slot = hash;
	return recent;
}

static void changed(void *ctx, const knot_dname_t *target)
{
	aname_client_t *client = ctx;
	followed_t *followed = client->followed;
	knot_dname_txt_storage_t name;
	if (followed->all) {
		followed->lost++;
	} else if (!is_recent(client, target) &&
	           knot_dname_to_str(name, target, sizeof(name)) != NULL) {
		size_t left = sizeof(followed->changed) - followed->changed_len;
		int len = snprintf(followed->changed + followed->changed_len, left,
		                   ANAME_STATUS_CHANGED "\t" ANAME_KEY_NAME "=%s\n", name);
		if (len >= (int)left) {
			leave_out(followed, followed->changed_count + 1);
		} else {
			followed->changed_len += len;
			followed->changed_count++;
		}
	}
	gather(client);
}

static void all_changed(void *ctx)
{
	aname_client_t *client = ctx;
	leave_out(client->followed, 0);
	gather(client);
}

/*! Writes what has changed, as many lines as half a page holds. */
static void put_changed(aname_client_t *client)
{
	followed_t *followed = client->followed;
	followed->gathering = false;
	memset(followed->recent, 0, sizeof(followed->recent));
	if (followed->all) {
		aname_line_add(client->buffer, &client->len,
		               ANAME_STATUS_LOST ANAME_FIELD(COUNT) "%" PRIu64 "\n",
		               followed->lost);
		followed->all = false;
		followed->lost = 0;
		return;
	}
	size_t len = 0;
	while (len < followed->changed_len && len < ANAME_CLIENT_PAGE / 2) {
		const char *end =
		        memchr(followed->changed + len, '\n', followed->changed_len - len);
		len = end - followed->changed + 1;
		followed->changed_count--;
	}
	memcpy(client->buffer + client->len, followed->changed, len);
	client->len += len;
	followed->changed_len -= len;
	memmove(followed->changed, followed->changed + len, followed->changed_len);
}

/*! Notes that the options of zones are others than they were, once that is over. */
static void look_at_options(aname_client_t *client)
{
	const aname_shared_t *shared = client->clients->shared;
	followed_t *followed = client->followed;
	uint64_t replaced = aname_zones_replaced(shared->zones);
	int64_t now_ms = aname_clock_ms();
	if (replaced == followed->replaced) {
		return;
	}
	if (followed->replaced_ms == 0) {
		followed->replaced_ms = now_ms;
	}
	if (aname_shared_is_settled(shared, now_ms) ||
	    now_ms - followed->replaced_ms >= SETTLE_MS) {
		followed->replaced = replaced;
		followed->replaced_ms = 0;
		leave_out(followed, followed->changed_count);
	}
}

/* Answers. */

static void add_states(char *at, size_t *len, const aname_owner_family_t *family,
                       const char *state_key, const char *addresses_key)
{
	static const char *const states[] = {
		[ANAME_OWNER_FAILED] = ANAME_FOLLOW_FAILED,
		[ANAME_OWNER_PENDING] = ANAME_FOLLOW_PENDING,
		[ANAME_OWNER_NODATA] = ANAME_FOLLOW_NODATA,
		[ANAME_OWNER_NXDOMAIN] = ANAME_FOLLOW_NXDOMAIN,
		[ANAME_OWNER_ADDRESSES] = ANAME_FOLLOW_ADDRESSES,
	};
	aname_line_add(at, len, "\t%s=%s", state_key, states[family->state]);
	for (unsigned i = 0; i < family->count; i++) {
		aname_line_add(at, len, i == 0 ? "\t%s=" : ",", addresses_key);
		aname_line_add_address(at, len, family->at + (size_t)i * family->len, family->len);
	}
}

static void add_why(char *at, size_t *len, const aname_owner_family_t *family, const char *key)
{
	if (family->state == ANAME_OWNER_FAILED) {
		aname_line_add(at, len, "\t%s=%s", key, family->why);
	}
}

/*! Writes the answer to a question. */
static void put_set(aname_client_t *client, uint64_t token, const aname_owner_set_t *set)
{
	const aname_owner_family_t *a = &set->families[0], *aaaa = &set->families[1];
	char *at = client->buffer + client->len;
	size_t len = 0;
	aname_line_add(at, &len,
	               ANAME_STATUS_SET ANAME_FIELD(TOKEN) "%" PRIu64 ANAME_FIELD(NEXT_ASK) "%u",
	               token, set->next_s);
	if (set->unknown != NULL) {
		aname_line_add(at, &len, ANAME_FIELD(NOT_FOLLOWED) "yes" ANAME_FIELD(WHY) "%s",
		               set->unknown);
	} else {
		if (set->ttl > 0) {
			aname_line_add(at, &len, ANAME_FIELD(TTL) "%u", set->ttl);
		}
		add_states(at, &len, a, ANAME_KEY_A_STATE, ANAME_KEY_A);
		add_states(at, &len, aaaa, ANAME_KEY_AAAA_STATE, ANAME_KEY_AAAA);
		add_why(at, &len, a, ANAME_KEY_A_WHY);
		add_why(at, &len, aaaa, ANAME_KEY_AAAA_WHY);
	}
	aname_line_end(at, &len);
	client->len += len;
}

/*! Hangs up once it is said why. */
static void put_error(aname_client_t *client, const char *why)
{
	char *at = client->buffer + client->len;
	size_t len = 0;
	aname_line_add(at, &len, ANAME_STATUS_ERROR ANAME_FIELD(WHY) "%s\n" ANAME_STATUS_END "\n",
	               why);
	client->len += len;
	client->done = true;
}

static void answer(aname_client_t *client, char *line, size_t len)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	followed_t *followed = client->followed;
	aname_status_question_t *asked = &followed->question;
	aname_owner_set_t *set = &followed->set;
	bool understood;
	const char *why = aname_status_question_read(asked, line, len, &understood);
	if (!understood) {
		put_error(client, why);
		return;
	}
	*set = (aname_owner_set_t){ .unknown = why, .next_s = 3600 };
	if (why == NULL) {
		const knot_dname_t *targets[ANAME_FOLLOW_TARGETS];
		for (unsigned i = 0; i < asked->count; i++) {
			targets[i] = asked->targets[i];
		}
		const aname_owner_question_t question = { .zone = asked->zone,
			                                  .owner = asked->owner,
			                                  .ttl = asked->ttl,
			                                  .count = asked->count,
			                                  .targets = targets };
		backend->owner_set(backend->ctx, &question, aname_clock_ms(), set);
	}
	put_set(client, asked->token, set);
}

/*! Answers what is asked, as much as a page holds. */
static void put_answers(aname_client_t *client)
{
	const aname_status_backend_t *backend = &client->clients->backend;
	followed_t *followed = client->followed;
	uint64_t until = uv_hrtime() + SLICE_NS;
	bool any = false;
	char *end = NULL;
	while (client->len < ANAME_CLIENT_PAGE && !client->done && uv_hrtime() < until &&
	       (end = memchr(followed->asked + followed->begin, '\n',
	                     followed->end - followed->begin)) != NULL) {
		char *line = followed->asked + followed->begin;
		followed->begin = end - followed->asked + 1;
		answer(client, line, end - line);
		any = true;
	}
	if (end == NULL && followed->end - followed->begin >= ANAME_FOLLOW_LINE_MAX &&
	    !client->done) {
		put_error(client, "the line is too long");
	}
	if (any) {
		backend->go_on(backend->ctx);
	}
}

/* What it says. */

static void more(aname_client_t *client);

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	aname_client_t *client = handle->data;
	followed_t *followed = client->followed;
	*buffer = uv_buf_init(followed->asked + followed->end, ASKED_MAX - followed->end);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	aname_client_t *client = stream->data;
	followed_t *followed = client->followed;
	if (count < 0) {
		aname_client_drop(client);
		return;
	}
	followed->end += count;
	if (followed->end == ASKED_MAX) {
		(void)uv_read_stop(stream);
		followed->reading = false;
	}
	if (!client->sending) {
		more(client);
	}
}

/*! Reads what it says, as long as there is room for that. */
static void read_on(aname_client_t *client)
{
	followed_t *followed = client->followed;
	followed->end -= followed->begin;
	memmove(followed->asked, followed->asked + followed->begin, followed->end);
	followed->begin = 0;
	if (followed->end < ASKED_MAX && !followed->reading) {
		followed->reading =
		        uv_read_start((uv_stream_t *)&client->pipe, on_room, on_read) == 0;
		if (!followed->reading) {
			aname_client_drop(client);
		}
	}
}

/* The conversation. */

/*! Sends what there is, or waits for something. That takes its time. */
static void more(aname_client_t *client)
{
	client->len = 0;
	look_at_options(client);
	put_changed(client);
	put_answers(client);
	client->sending = client->len > 0;
	if (client->sending) {
		aname_client_send(client);
	}
	if (client->followed != NULL && !client->done) {
		client->followed->gathering =
		        client->followed->all || client->followed->changed_len > 0;
		set_timer(client);
		read_on(client);
	}
}

static void on_time(uv_timer_t *timer)
{
	aname_client_t *client = timer->data;
	if (client->sending) {
		set_timer(client);
	} else {
		more(client);
	}
}

static void let_go(aname_client_t *client)
{
	aname_followers_remove(client->clients->backend.followers, &client->followed->follower);
	client->clients->followers--;
	free(client->followed);
	client->followed = NULL;
}

static bool follows(const aname_client_t *client)
{
	return client->followed != NULL;
}

void aname_client_follow(aname_client_t *client)
{
	aname_status_clients_t *clients = client->clients;
	bool place = aname_client_find_place(client, follows, &clients->followers,
	                                     ANAME_STATUS_FOLLOWERS);
	followed_t *followed = place ? calloc(1, sizeof(*followed)) : NULL;
	if (followed == NULL) {
		aname_client_reply(client, ANAME_STATUS_REFUSED, ANAME_WHY_FOLLOWED);
		return;
	}
	clients->followers++;
	client->followed = followed;
	client->let_go = let_go;
	client->more = more;
	followed->follower =
	        (aname_follower_t){ .changed = changed, .all_changed = all_changed, .ctx = client };
	followed->replaced = aname_zones_replaced(clients->shared->zones);
	/* What came with the request. */
	followed->end = client->len - client->said;
	memcpy(followed->asked, client->buffer + client->said, followed->end);
	aname_followers_add(clients->backend.followers, &followed->follower);
	client->sending = true;
	client->len = aname_status_write_server(client->buffer, clients->shared, &clients->backend);
	aname_client_send(client);
	if (client->followed != NULL) {
		set_timer(client);
	}
}
