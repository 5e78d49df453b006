#include "refreshed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "print.h"

long kaname_refreshed_number(const kaname_line_t *line, const char *key)
{
	const char *text = kaname_live_field(line, key);
	return text != NULL ? strtol(text, NULL, 10) : -1;
}

static const char *field(const kaname_line_t *line, const char *key)
{
	return line != NULL ? kaname_live_field(line, key) : NULL;
}

static long number(const kaname_line_t *line, const char *key)
{
	return line != NULL ? kaname_refreshed_number(line, key) : -1;
}

/*! Are both lines about the same? */
static bool is_same(const kaname_line_t *one, const kaname_line_t *other)
{
	static const char *const keys[] = { ANAME_KEY_NAME, ANAME_KEY_FAMILY, ANAME_KEY_RESOLVER,
		                            ANAME_KEY_VIA, ANAME_KEY_SECURE };
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		const char *a = field(one, keys[i]), *b = field(other, keys[i]);
		if (strcmp(a != NULL ? a : "", b != NULL ? b : "") != 0) {
			return false;
		}
	}
	return true;
}

const kaname_line_t *kaname_refreshed_before(const kaname_live_t *live, const kaname_line_t *now)
{
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *line = &live->targets[i];
		if (field(line, ANAME_KEY_BEFORE) != NULL && is_same(line, now)) {
			return line;
		}
	}
	return NULL;
}

/*! What of a line is known: addresses with commas between, "" for none; NULL: nothing is. */
static const char *known(const kaname_line_t *line)
{
	return field(line, ANAME_KEY_ADDRESSES);
}

/*! Has its lookup not ended? So it is, too, where nothing is known by what has just been asked for the
 *  first time, neither an answer nor a failure. */
static bool is_pending(const kaname_line_t *now)
{
	return field(now, ANAME_KEY_PENDING) != NULL ||
	       (known(now) == NULL && field(now, ANAME_KEY_WHY) == NULL);
}

static bool has_changed(const kaname_line_t *before, const kaname_line_t *now)
{
	const char *a = known(before), *b = known(now);
	return (a == NULL) != (b == NULL) || (a != NULL && strcmp(a, b) != 0);
}

/*! Has the resolver answered out of its cache, as far as its TTL shows? What it has had before lives no
 *  longer by that. */
static bool is_cached(const kaname_line_t *before, const kaname_line_t *now)
{
	long given = number(now, ANAME_KEY_GIVEN), given_before = number(before, ANAME_KEY_GIVEN);
	return field(now, ANAME_KEY_WHY) == NULL && !has_changed(before, now) && given >= 0 &&
	       given < given_before;
}

static void print_known(const char *addresses)
{
	if (addresses == NULL) {
		(void)fputs("not known", stdout);
	} else if (addresses[0] == '\0') {
		(void)fputs("no address", stdout);
	}
	for (const char *at = addresses; at != NULL && *at != '\0'; at++) {
		(void)putchar(*at == ',' ? ' ' : *at);
	}
}

/*! What to do where the resolver's cache stands in the way. */
static void print_cached(const kaname_line_t *now)
{
	bool is_system =
	        strcmp(kaname_field_or(now, ANAME_KEY_RESOLVER, ""), ANAME_RESOLVER_SYSTEM) == 0;
	(void)printf("  the resolver answers out of its cache, most likely: the TTL was larger "
	             "before; what has changed\n  since is seen in %ld s at the latest, or when "
	             "it is flushed there: %s%s%s\n",
	             number(now, ANAME_KEY_GIVEN),
	             is_system ? "'resolvectl flush-caches'" : "'unbound-control flush ",
	             is_system ? "" : kaname_field_or(now, ANAME_KEY_NAME, ""),
	             is_system ? "" : "', 'rndc flushname', 'rec_control wipe-cache'");
}

static void print_people(const kaname_line_t *before, const kaname_line_t *now)
{
	const char *why = field(now, ANAME_KEY_WHY);
	(void)printf("%s %s by %s: ", kaname_field_or(now, ANAME_KEY_NAME, "?"),
	             kaname_field_or(now, ANAME_KEY_FAMILY, "?"),
	             kaname_field_or(now, ANAME_KEY_RESOLVER, "?"));
	if (is_pending(now)) {
		(void)fputs("no answer yet; before: ", stdout);
		print_known(known(before));
	} else if (why != NULL) {
		(void)printf("fails (%s); in use: ", why);
		print_known(known(now));
	} else if (has_changed(before, now)) {
		print_known(known(before));
		(void)fputs(" -> ", stdout);
		print_known(known(now));
	} else {
		(void)fputs("as before, ", stdout);
		print_known(known(now));
	}
	if (why == NULL && field(now, ANAME_KEY_GIVEN) != NULL) {
		(void)printf(", TTL %ld", number(now, ANAME_KEY_GIVEN));
	}
	(void)putchar('\n');
	if (is_cached(before, now)) {
		print_cached(now);
	}
}

static const kaname_json_field_t now_fields[] = {
	{ ANAME_KEY_NAME, "target", KANAME_AS_TEXT },
	{ ANAME_KEY_FAMILY, "family", KANAME_AS_TEXT },
	{ ANAME_KEY_RESOLVER, "resolver", KANAME_AS_LIST },
	{ ANAME_KEY_VIA, "via", KANAME_AS_LIST },
	{ ANAME_KEY_ADDRESSES, "addresses", KANAME_AS_LIST },
	{ ANAME_KEY_GIVEN, "ttl", KANAME_AS_NUMBER },
	{ ANAME_KEY_WHY, "failing_why", KANAME_AS_TEXT },
};
static const kaname_json_field_t before_fields[] = {
	{ ANAME_KEY_ADDRESSES, "addresses_before", KANAME_AS_LIST },
};

static void print_json(const kaname_refreshed_t *refreshed, const kaname_line_t *before,
                       const kaname_line_t *now)
{
	static const kaname_line_t none;
	(void)fputs(refreshed->any ? ",\n {" : "\n {", stdout);
	kaname_print_members(now, now_fields, sizeof(now_fields) / sizeof(now_fields[0]));
	(void)printf(", \"pending\": %s, ", is_pending(now) ? "true" : "false");
	kaname_print_members(before != NULL ? before : &none, before_fields, 1);
	(void)printf(", \"changed\": %s, \"cached\": %s}",
	             has_changed(before, now) ? "true" : "false",
	             is_cached(before, now) ? "true" : "false");
}

void kaname_refreshed_print(kaname_refreshed_t *refreshed, const kaname_line_t *before,
                            const kaname_line_t *now)
{
	bool pending = is_pending(now);
	refreshed->pending += pending;
	refreshed->failed += !pending && field(now, ANAME_KEY_WHY) != NULL;
	if (refreshed->json) {
		print_json(refreshed, before, now);
	} else {
		print_people(before, now);
	}
	refreshed->any = true;
}
