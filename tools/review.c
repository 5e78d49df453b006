#include "review.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

/*! Longest remark: it has up to three names in it. */
#define REMARK_MAX (4 * KANAME_OWNER_MAX)
/*! So many records below the apex are told one by one. */
#define BELOW_MAX  20

__attribute__((format(printf, 3, 4))) static void warn(kaname_review_t *review, unsigned line,
                                                       const char *format, ...)
{
	static char what[REMARK_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(what, sizeof(what), format, args);
	va_end(args);
	review->remark(review->ctx, review->file, line, what);
}

/* Owners. */

void kaname_review_owner(kaname_review_t *review, const kaname_entry_t *entry)
{
	if (entry->indented || entry->tokens_count == 0) {
		return;
	}
	size_t len = entry->tokens[0].len;
	review->is_read = review->is_known = false;
	review->written_len = len <= sizeof(review->written) ? len : 0;
	memcpy(review->written, kaname_entry_at(entry, 0), review->written_len);
}

/*! Reads the owner; false if it cannot be read, so that nothing is said of it. */
static bool read_owner(kaname_review_t *review)
{
	const knot_dname_t *name;
	if (!review->is_read) {
		review->is_read = true;
		review->is_known = review->written_len > 0 &&
		                   kaname_text_target(review->text, review->written,
		                                      review->written_len, &name) == NULL;
		if (review->is_known) {
			memcpy(review->owner, name, knot_dname_size(name));
		}
	}
	return review->is_known;
}

void kaname_review_origin(kaname_review_t *review)
{
	(void)read_owner(review);
}

static bool is_apex(kaname_review_t *review)
{
	return review->has_apex && read_owner(review) &&
	       knot_dname_is_case_equal(review->owner, review->apex);
}

/*! Tells of a record that is below the apex. */
static void tell_below(kaname_review_t *review, unsigned line, const knot_dname_t *name)
{
	knot_dname_txt_storage_t owner;
	if (knot_dname_is_case_equal(name, review->apex) || review->below++ >= BELOW_MAX ||
	    knot_dname_to_str(owner, name, sizeof(owner)) == NULL) {
		return;
	}
	warn(review, line,
	     "warning: %s is not the apex: this record is followed with 'owners: any' in the "
	     "zone's "
	     "section of mod-aname, and served as it is without",
	     owner);
}

/*! Keeps a record until there is an apex. */
static void hold(kaname_review_t *review, unsigned line)
{
	if (review->held_count == review->held_size) {
		size_t size = review->held_size > 0 ? 2 * review->held_size : BELOW_MAX;
		kaname_held_t *held = realloc(review->held, size * sizeof(*held));
		if (held == NULL) {
			review->out_of_memory = true;
			return;
		}
		review->held = held;
		review->held_size = size;
	}
	kaname_held_t *one = &review->held[review->held_count++];
	one->line = line;
	memcpy(one->owner, review->owner, sizeof(one->owner));
}

static void take_apex(kaname_review_t *review)
{
	if (review->has_apex || !read_owner(review)) {
		return;
	}
	memcpy(review->apex, review->owner, sizeof(review->apex));
	review->has_apex = true;
	for (size_t i = 0; i < review->held_count; i++) {
		tell_below(review, review->held[i].line, review->held[i].owner);
	}
	kaname_review_deinit(review);
}

static void warn_below(kaname_review_t *review, unsigned line)
{
	if (!read_owner(review)) {
		return;
	}
	if (review->has_apex) {
		tell_below(review, line, review->owner);
	} else {
		hold(review, line);
	}
}

void kaname_review_deinit(kaname_review_t *review)
{
	free(review->held);
	review->held = NULL;
	review->held_count = review->held_size = 0;
}

void kaname_review_end(kaname_review_t *review, unsigned line)
{
	if (review->below > BELOW_MAX) {
		warn(review, line > 0 ? line : 1,
		     "warning: %u more records that are not at the apex need 'owners: any'",
		     review->below - BELOW_MAX);
	}
}

/* Records. */

/*! What other services write into their exports in the place of a type. */
static const struct {
	const char *word, *expected;
} pseudo_types[] = {
#define TARGET "an ANAME record with its target (or CNAME, where nothing else is) in the place of "
	{ "AWS", TARGET "this one, which only Route 53 knows" },
	{ "R53_ALIAS", TARGET "this one, which only Route 53 knows" },
	{ "AZURE", TARGET "this one, which only Azure DNS knows" },
	{ "AZURE_ALIAS", TARGET "this one, which only Azure DNS knows" },
#undef TARGET
	{ "LUA", "addresses, or ANAME records, in the place of this record, which only PowerDNS "
	         "knows" },
#define SERVER "addresses of a server that redirects: no DNS server does that, and knotd refuses "
	{ "URL", SERVER "URL records" },
	{ "URL301", SERVER "URL301 records" },
	{ "FRAME", SERVER "FRAME records" },
	{ "HTTPRED", SERVER "HTTPRED records" },
	{ "REDIRECT", SERVER "REDIRECT records" },
#undef SERVER
};

const char *kaname_review_record(kaname_review_t *review, const kaname_entry_t *entry, size_t type,
                                 bool translated)
{
	if (type >= entry->tokens_count) {
		return NULL;
	}
	if (translated) {
		warn_below(review, entry->tokens[type].line);
	} else if (kaname_entry_is(entry, type, "SOA")) {
		take_apex(review);
	} else if (kaname_entry_is(entry, type, "CNAME") && is_apex(review)) {
		return "ANAME in the place of CNAME: at the apex, beside SOA, knotd refuses it";
	}
	for (size_t i = 0; i < sizeof(pseudo_types) / sizeof(pseudo_types[0]); i++) {
		if (kaname_entry_is(entry, type, pseudo_types[i].word)) {
			return pseudo_types[i].expected;
		}
	}
	return NULL;
}

/* Targets. */

const char *kaname_review_written(const char *target, size_t len)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr address;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)target[i] >= 0x80) {
			return "A-labels (xn--...) in the place of letters that are not ASCII, as "
			       "'kaname rdata' tells them";
		}
	}
	len -= len > 0 && target[len - 1] == '.';
	if (len == 0 || len >= sizeof(text)) {
		return NULL;
	}
	memcpy(text, target, len);
	text[len] = '\0';
	if (inet_pton(AF_INET, text, &address) == 1) {
		return "the name of a target: an address needs an A record in the place of this "
		       "one";
	}
	if (inet_pton(AF_INET6, text, &address) == 1) {
		return "the name of a target: an address needs an AAAA record in the place of this "
		       "one";
	}
	return NULL;
}

/*! Has it a dot between two labels, and none at its end? */
static bool is_long_relative(const char *text, size_t len)
{
	bool dot = false, last = false;
	for (size_t i = 0; i < len; i++) {
		last = text[i] == '.';
		dot |= last;
		i += text[i] == '\\';
	}
	return dot && !last;
}

void kaname_review_target(kaname_review_t *review, unsigned line, const char *written, size_t len,
                          const knot_dname_t *target)
{
	knot_dname_txt_storage_t name;
	/* With the root for an origin there is nothing to be mistaken about. */
	if (!is_long_relative(written, len) || review->text->origin[0] == 0 ||
	    len > KANAME_OWNER_MAX || knot_dname_to_str(name, target, sizeof(name)) == NULL) {
		return;
	}
	warn(review, line,
	     "warning: %.*s has no dot at its end, so the target is %s; if it is to be %.*s. write "
	     "that dot",
	     (int)len, written, name, (int)len, written);
}
