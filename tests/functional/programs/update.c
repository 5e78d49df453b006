/*
 * Sends updates as `kaname follow` does, and says what became of each.
 *
 *     update ADDRESS PORT KEY|- TIMEOUT_MS MOST < updates
 *     update hex KEY|- < updates
 *
 * An update is a line of words: zone=NAME owner=NAME ttl=N a=FROM/TO aaaa=FROM/TO, where FROM and
 * TO are addresses with commas between, or nothing, with `!` behind them if all is to be replaced;
 * at most two of expect=TYPE[,TARGET...]; and gone=yes. What comes is NUMBER, OUTCOME, why and next,
 * with tabs between, or with `hex` the octets of each message.
 */

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "follow/primary.h"

#define LINE_SIZE   262144
#define TARGETS_MAX 32
#define UPDATES_MAX 1000

static const char *const outcomes[] = { "done", "otherwise", "refused", "failed", "unknown" };

static void die(const char *what, const char *which)
{
	(void)fprintf(stderr, "update: %s: %s\n", what, which);
	exit(2);
}

static long read_number(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);
	if (end == text || *end != '\0') {
		die("no number", text);
	}
	return number;
}

/* The updates. */

static kaname_sets_t sets;
static kaname_update_t updates[UPDATES_MAX];
static size_t count, next, ended;

static const knot_dname_t *read_name(const char *text)
{
	knot_dname_t *name = knot_dname_from_str_alloc(text);
	if (name == NULL) {
		die("no name", text);
	}
	return name;
}

static const kaname_set_t *read_set(kaname_family_t family, char *text)
{
	static uint8_t at[KANAME_SET_MAX * 16];
	size_t addresses = 0;
	for (char *rest, *one = strtok_r(text, ",", &rest); one != NULL;
	     one = strtok_r(NULL, ",", &rest)) {
		if (addresses == KANAME_SET_MAX ||
		    inet_pton(family == KANAME_A ? AF_INET : AF_INET6, one,
		              at + addresses * kaname_family_len(family)) != 1) {
			die("no address", one);
		}
		addresses++;
	}
	kaname_set_t *set = NULL;
	if (!kaname_set_take(&sets, family, at, addresses, &set)) {
		die("out of memory", text);
	}
	return set;
}

static kaname_swap_t read_swap(kaname_family_t family, char *text)
{
	kaname_swap_t swap = { .replace = false };
	char *to = strchr(text, '/');
	if (to == NULL) {
		die("no FROM/TO", text);
	}
	*to++ = '\0';
	char *mark = strchr(to, '!');
	if (mark != NULL) {
		*mark = '\0';
		swap.replace = true;
	}
	swap.from = read_set(family, text);
	swap.to = read_set(family, to);
	return swap;
}

static kaname_expected_t read_expected(char *text)
{
	const knot_dname_t **targets = calloc(TARGETS_MAX, sizeof(targets[0]));
	char *rest;
	kaname_expected_t expected = { .type = read_number(strtok_r(text, ",", &rest)),
		                       .targets = targets };
	for (char *one = strtok_r(NULL, ",", &rest); one != NULL;
	     one = strtok_r(NULL, ",", &rest)) {
		if (targets == NULL || expected.count == TARGETS_MAX) {
			die("too many targets", one);
		}
		targets[expected.count++] = read_name(one);
	}
	return expected;
}

static void read_word(kaname_update_t *update, char *word)
{
	char *value = strchr(word, '=');
	if (value == NULL) {
		die("no value", word);
	}
	*value++ = '\0';
	if (strcmp(word, "zone") == 0) {
		update->zone = read_name(value);
	} else if (strcmp(word, "owner") == 0) {
		update->owner = read_name(value);
	} else if (strcmp(word, "ttl") == 0) {
		update->ttl = read_number(value);
	} else if (strcmp(word, "gone") == 0) {
		update->is_gone = true;
	} else if (strcmp(word, "a") == 0) {
		update->swap[KANAME_A] = read_swap(KANAME_A, value);
	} else if (strcmp(word, "aaaa") == 0) {
		update->swap[KANAME_AAAA] = read_swap(KANAME_AAAA, value);
	} else if (strcmp(word, "expect") == 0 && update->expected_count < 2) {
		update->expected[update->expected_count++] = read_expected(value);
	} else {
		die("not understood", word);
	}
}

static void read_updates(void)
{
	static char line[LINE_SIZE];
	while (fgets(line, sizeof(line), stdin) != NULL) {
		if (count == UPDATES_MAX) {
			die("too many", line);
		}
		kaname_update_t *update = &updates[count++];
		char *rest;
		for (char *word = strtok_r(line, " \n", &rest); word != NULL;
		     word = strtok_r(NULL, " \n", &rest)) {
			read_word(update, word);
		}
		if (update->zone == NULL || update->owner == NULL) {
			die("no zone or no owner", "");
		}
	}
}

/* What is done with them. */

static void print_hex(const knot_tsig_key_t *key)
{
	static uint8_t wire[KANAME_UPDATE_MAX];
	for (; next < count; next++) {
		uint8_t digest[KANAME_UPDATE_DIGEST_MAX];
		size_t digest_len;
		int len = kaname_update_write(&updates[next], 4711, key, wire, digest, &digest_len);
		if (len < 0) {
			die("cannot be written", knot_strerror(len));
		}
		for (int i = 0; i < len; i++) {
			(void)printf("%02x", wire[i]);
		}
		(void)putchar('\n');
	}
}

static kaname_primary_t *primary;

static void send_more(void)
{
	while (next < count && kaname_primary_room(primary) > 0) {
		int ret = kaname_primary_send(primary, &updates[next], &updates[next]);
		if (ret != KNOT_EOK) {
			die("cannot be sent", knot_strerror(ret));
		}
		next++;
	}
}

static void on_done(void *ctx, void *token, const kaname_updated_t *updated)
{
	(void)printf("%zu\t%s\t%s\t%s\n", (size_t)((kaname_update_t *)token - updates),
	             outcomes[updated->outcome], updated->why,
	             updated->next != NULL ? updated->next : "");
	(void)fflush(stdout);
	ended++;
	send_more();
	if (ended == count) {
		kaname_primary_close(primary);
	}
}

static void send_all(char **argv, const knot_tsig_key_t *key)
{
	struct sockaddr_storage server = { 0 };
	int port = read_number(argv[1]);
	if (uv_ip4_addr(argv[0], port, (struct sockaddr_in *)&server) != 0 &&
	    uv_ip6_addr(argv[0], port, (struct sockaddr_in6 *)&server) != 0) {
		die("no address", argv[0]);
	}
	uv_loop_t loop;
	(void)uv_loop_init(&loop);
	primary = kaname_primary_new(&loop, &server, key, read_number(argv[3]),
	                             read_number(argv[4]), on_done, NULL);
	send_more();
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	if (uv_loop_close(&loop) != 0 || ended != count) {
		die("something is left over", "");
	}
}

int main(int argc, char **argv)
{
	bool hex = argc == 3 && strcmp(argv[1], "hex") == 0;
	if (!hex && argc != 6) {
		die("arguments", "ADDRESS PORT KEY TIMEOUT_MS MOST");
	}
	const char *text = argv[hex ? 2 : 3];
	knot_tsig_key_t key = { 0 };
	bool is_signed = strcmp(text, "-") != 0;
	if (is_signed && knot_tsig_key_init_str(&key, text) != KNOT_EOK) {
		die("no key", text);
	}
	read_updates();
	if (hex) {
		print_hex(is_signed ? &key : NULL);
	} else {
		send_all(argv + 1, is_signed ? &key : NULL);
	}
	knot_tsig_key_deinit(&key);
	for (size_t i = 0; i < count; i++) {
		knot_dname_free((knot_dname_t *)updates[i].zone, NULL);
		knot_dname_free((knot_dname_t *)updates[i].owner, NULL);
		for (kaname_family_t family = 0; family < KANAME_FAMILIES; family++) {
			kaname_set_release(&sets, (kaname_set_t *)updates[i].swap[family].from);
			kaname_set_release(&sets, (kaname_set_t *)updates[i].swap[family].to);
		}
		for (unsigned j = 0; j < updates[i].expected_count; j++) {
			for (unsigned k = 0; k < updates[i].expected[j].count; k++) {
				knot_dname_free((knot_dname_t *)updates[i].expected[j].targets[k],
				                NULL);
			}
			free((void *)updates[i].expected[j].targets);
		}
	}
	kaname_sets_deinit(&sets);
	return 0;
}
