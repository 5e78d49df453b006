#include "name.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <libknot/libknot.h>

#if KANAME_IDN
#include <idn2.h>
#endif

/*! Longest answer: what is quoted of a text is cut. */
#define ANSWER_MAX 600
/*! So much of a text is quoted. */
#define QUOTED_MAX 80
/*! Longest text that can be a name: each octet as an escape. */
#define TEXT_MAX   (4 * KNOT_DNAME_MAXLEN)

/*! What an address needs in the place of an ANAME record. */
#define ADDRESS_CURE "an address needs no ANAME but an A or AAAA record"

__attribute__((format(printf, 1, 2))) static const char *because(const char *format, ...)
{
	static char answer[ANSWER_MAX];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(answer, sizeof(answer), format, args);
	va_end(args);
	return answer;
}

/*! The first octet of a set that has no backslash before it; NULL if there is none. */
static const char *find_bare(const char *text, const char *set)
{
	while (*text != '\0' && strchr(set, *text) == NULL) {
		text += text[0] == '\\' && text[1] != '\0' ? 2 : 1;
	}
	return *text != '\0' ? text : NULL;
}

/* Addresses. */

static bool is_address(const char *text)
{
	struct in6_addr address;
	return inet_pton(AF_INET, text, &address) == 1 || inet_pton(AF_INET6, text, &address) == 1;
}

/*! Is it an address in one of the forms in which people have it: in brackets, with a dot at the
 *  end, a zone, a prefix or a port? */
static bool is_like_address(const char *text)
{
	char address[INET6_ADDRSTRLEN + 2];
	size_t skip = text[0] == '[', len = strlen(text + skip);
	const char *end = skip ? strchr(text, ']') : strpbrk(text, "%/@");
	if (end != NULL) {
		len = end - text - skip;
	}
	for (int cuts = 0; cuts < 3 && len > 0 && len < sizeof(address); cuts++) {
		(void)snprintf(address, sizeof(address), "%.*s", (int)len, text + skip);
		if (is_address(address)) {
			return true;
		}
		/* A dot at the end; then what may be the port of an IPv4 address. */
		const char *colon = strrchr(address, ':');
		if (address[len - 1] == '.') {
			len--;
		} else if (colon != NULL) {
			len = colon - address;
		} else {
			break;
		}
	}
	return false;
}

/* What is no name at all. */

/*! The part of a URL, or of what looks like one, that names the host. */
static int host_of(const char *text, const char **host)
{
	const char *scheme = strstr(text, "://");
	*host = scheme != NULL ? scheme + 3 : text;
	size_t len = strcspn(*host, "/?#");
	const char *user = memchr(*host, '@', len);
	if (user != NULL) {
		len -= user + 1 - *host;
		*host = user + 1;
	}
	const char *port = memchr(*host, ':', len);
	len = port != NULL ? (size_t)(port - *host) : len;
	return len < QUOTED_MAX ? (int)len : QUOTED_MAX;
}

/*! Has it a path? Zones of RFC 2317 have a slash in their first label. */
static bool has_path(const char *text, kaname_name_kind_t kind)
{
	const char *slash = find_bare(text, "/?#");
	if (slash == NULL || kind == KANAME_NAME_TARGET) {
		return slash != NULL;
	}
	return memchr(text, '.', slash - text) != NULL || *slash != '/';
}

/*! Is it something else that has a name in it? */
static const char *refuse_more(const char *text, kaname_name_kind_t kind)
{
	const char *host;
	int len = host_of(text, &host);
	if (strstr(text, "://") != NULL || has_path(text, kind)) {
		return because("has a scheme or a path: expected the name alone, '%.*s'", len,
		               host);
	}
	if (find_bare(text, ":") != NULL) {
		return because("has a port: expected the name alone, '%.*s'; the DNS knows no "
		               "ports",
		               len, host);
	}
	if (find_bare(text, "@") != NULL) {
		return because("has an '@' in it: expected the name alone, such as "
		               "'www.cdn.example'");
	}
	return NULL;
}

static const char *refuse_text(const char *text, kaname_name_kind_t kind)
{
	if (text[0] == '\0') {
		return because("is empty: expected a domain name");
	}
	if (strcmp(text, "@") == 0) {
		return because("stands for the origin in a zone file, and here there is none: "
		               "expected a domain name");
	}
	for (const char *at = text; *at != '\0'; at++) {
		if (isspace((unsigned char)*at) || iscntrl((unsigned char)*at)) {
			return because("has white space or a control character in it: expected one "
			               "domain name");
		}
	}
	const char *scheme = strstr(text, "://");
	if (is_like_address(scheme != NULL ? scheme + 3 : text)) {
		return because("is an address, and no name: " ADDRESS_CURE);
	}
	const char *refused = refuse_more(text, kind);
	const char *odd = find_bare(text, ",;\"'()<>");
	if (refused == NULL && odd != NULL) {
		refused = because("has a '%c' in it: expected one domain name and nothing else",
		                  *odd);
	}
	return refused;
}

/* Labels. */

/*! Counts the octets of a label as text, escapes and all; its text ends at `end`. */
static size_t measure_label(const char *text, const char **end)
{
	size_t octets = 0;
	while (*text != '\0' && *text != '.') {
		if (text[0] == '\\' && isdigit((unsigned char)text[1])) {
			for (int i = 0; i < 3 && isdigit((unsigned char)text[1]); i++) {
				text++;
			}
		} else if (text[0] == '\\' && text[1] != '\0') {
			text++;
		}
		text++;
		octets++;
	}
	*end = text;
	return octets;
}

static const char *refuse_labels(const char *text)
{
	size_t size = 1;
	if (strcmp(text, ".") == 0) {
		return NULL;
	}
	for (const char *label = text, *end; *label != '\0'; label = *end == '.' ? end + 1 : end) {
		size_t octets = measure_label(label, &end);
		if (octets == 0) {
			return because("has an empty label: expected a domain name without two "
			               "dots in a row or a dot in front");
		}
		if (octets > KNOT_DNAME_MAXLABELLEN) {
			return because("has a label of %zu octets, and %d are the most: expected a "
			               "domain name",
			               octets, KNOT_DNAME_MAXLABELLEN);
		}
		size += 1 + octets;
	}
	if (size > KNOT_DNAME_MAXLEN) {
		return because("has %zu octets, and %d are the most: expected a domain name", size,
		               KNOT_DNAME_MAXLEN);
	}
	return NULL;
}

/* Letters that are not ASCII. */

static bool is_ascii(const char *text)
{
	while (*text != '\0' && (unsigned char)*text < 0x80) {
		text++;
	}
	return *text == '\0';
}

/*! Turns a text into A-labels; NULL with the reason if it cannot. The result is to be freed. */
static char *to_ascii(const char *text, const char **refused)
{
#if KANAME_IDN
	char *ascii = NULL;
	int ret = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_NONTRANSITIONAL);
	if (ret == IDN2_DISALLOWED) {
		/* Registries have taken names that IDNA2003 allows and IDNA2008 does not. */
		ret = idn2_to_ascii_8z(text, &ascii, IDN2_NFC_INPUT | IDN2_TRANSITIONAL);
	}
	if (ret != IDN2_OK) {
		*refused = because("cannot be an internationalized name (%s): expected a domain "
		                   "name, in UTF-8 or as its A-labels (xn--...)",
		                   idn2_strerror(ret));
		return NULL;
	}
	char *copy = strdup(ascii);
	idn2_free(ascii);
	if (copy == NULL) {
		*refused = because("out of memory");
	}
	return copy;
#else
	*refused = because("has letters that are not ASCII, and this kaname was built without "
	                   "libidn2: expected its A-labels (xn--...), as 'idn2 NAME' prints them");
	return NULL;
#endif
}

/* Hosts. */

static size_t labels_of(const knot_dname_t *name)
{
	return knot_dname_labels(name, NULL);
}

static bool is_number(const knot_dname_t *label)
{
	for (unsigned i = 1; i <= label[0]; i++) {
		if (!isdigit(label[i])) {
			return false;
		}
	}
	return true;
}

static bool is_label(const knot_dname_t *label, const char *word)
{
	return label[0] == strlen(word) &&
	       strncasecmp((const char *)label + 1, word, label[0]) == 0;
}

/*! Top-level names that never have addresses in the DNS, whoever is asked. */
static const char *refuse_special(const knot_dname_t *last)
{
	if (is_label(last, "localhost")) {
		return because("is each host's own name for itself (RFC 6761), and no address of "
		               "it is one for clients: expected the name of a host");
	}
	if (is_label(last, "invalid")) {
		return because("does not exist, as no name under invalid does (RFC 6761): expected "
		               "the name of a host");
	}
	if (is_label(last, "onion")) {
		return because("is a name of Tor, and not of the DNS (RFC 7686): expected the name "
		               "of a host");
	}
	return NULL;
}

static const char *refuse_target(const knot_dname_t *name, const char *text)
{
	if (name[0] == 0) {
		return because("is the root, which has no addresses: expected the name of a host");
	}
	if (is_label(name, "*")) {
		return because("is a wildcard, and no host: expected a name below it, such as "
		               "'www%.*s'",
		               QUOTED_MAX, text + 1);
	}
	const knot_dname_t *last = name;
	while (last[last[0] + 1] != 0) {
		last += last[0] + 1;
	}
	const char *refused = refuse_special(last);
	if (refused != NULL) {
		return refused;
	}
	if (is_number(last)) {
		return because("ends in a number, as no name of the Internet does: is it an "
		               "address? " ADDRESS_CURE);
	}
	if (labels_of(name) == 1 && text[strlen(text) - 1] != '.') {
		return because("is a single label, and names are complete here: expected one such "
		               "as '%.*s.example.com', or '%.*s.' if it is a top-level domain",
		               QUOTED_MAX, text, QUOTED_MAX, text);
	}
	return NULL;
}

/* The whole. */

static const char *read_ascii(knot_dname_storage_t name, const char *text, kaname_name_kind_t kind)
{
	const char *refused = refuse_labels(text);
	if (refused != NULL) {
		return refused;
	}
	if (knot_dname_from_str(name, text, sizeof(knot_dname_storage_t)) == NULL) {
		return because("cannot be read: expected a domain name, in which an escape is '\\' "
		               "with a character or with three digits up to 255");
	}
	if (kind == KANAME_NAME_ZONE && is_label(name, "*")) {
		return because("is a wildcard, and no zone: expected a zone of this server, "
		               "'knotc zone-status' lists all");
	}
	return kind == KANAME_NAME_TARGET ? refuse_target(name, text) : NULL;
}

const char *kaname_name_understand(knot_dname_storage_t name, const char *text,
                                   kaname_name_kind_t kind, const char **note)
{
	static char converted[TEXT_MAX + 1];
	*note = NULL;
	const char *refused = refuse_text(text, kind);
	if (refused != NULL || is_ascii(text)) {
		return refused != NULL ? refused : read_ascii(name, text, kind);
	}
	char *ascii = to_ascii(text, &refused);
	if (ascii == NULL) {
		return refused;
	}
	(void)snprintf(converted, sizeof(converted), "%s", ascii);
	free(ascii);
	/* Full-width signs have become those that no name has. */
	refused = refuse_text(converted, kind);
	if (refused == NULL) {
		refused = read_ascii(name, converted, kind);
	}
	*note = refused == NULL ? converted : NULL;
	return refused;
}

/* Owners. */

/*! Does a text end in a dot that no backslash stands before? */
static bool is_absolute(const char *text)
{
	bool dot = false;
	for (; *text != '\0'; text++) {
		dot = *text == '.';
		text += text[0] == '\\' && text[1] != '\0';
	}
	return dot;
}

/*! Makes a relative name absolute; the reason if that is not a name, or most likely not meant. */
static const char *complete(knot_dname_storage_t name, const char *text, const knot_dname_t *zone)
{
	knot_dname_txt_storage_t its;
	size_t len = knot_dname_size(name) - 1, zone_size = knot_dname_size(zone);
	if (zone[0] != 0 && knot_dname_in_bailiwick(name, zone) >= 0 &&
	    knot_dname_to_str(its, zone, sizeof(its)) != NULL) {
		return because("is relative to the zone without a dot at its end, and would be "
		               "%.*s.%s: expected '%.*s.', or what stands before the zone's name",
		               QUOTED_MAX, text, its, QUOTED_MAX, text);
	}
	if (len + zone_size > KNOT_DNAME_MAXLEN) {
		return because("has %zu octets with the zone's name, and %d are the most: expected "
		               "a domain name",
		               len + zone_size, KNOT_DNAME_MAXLEN);
	}
	memcpy(name + len, zone, zone_size);
	return NULL;
}

const char *kaname_name_owner(knot_dname_storage_t name, const char *text, const knot_dname_t *zone,
                              const char **note)
{
	knot_dname_txt_storage_t its;
	*note = NULL;
	if (strcmp(text, "@") == 0) {
		memcpy(name, zone, knot_dname_size(zone));
		return NULL;
	}
	const char *refused = kaname_name_understand(name, text, KANAME_NAME_ANY, note);
	if (refused != NULL) {
		return refused;
	}
	knot_dname_to_lower(name);
	if (!is_absolute(*note != NULL ? *note : text)) {
		refused = complete(name, text, zone);
	} else if (knot_dname_in_bailiwick(name, zone) < 0 &&
	           knot_dname_to_str(its, zone, sizeof(its)) != NULL) {
		refused = because("is not within the zone: expected a name that ends in '%s', or "
		                  "one that is relative to the zone, such as 'www'",
		                  its);
	}
	*note = refused == NULL ? *note : NULL;
	return refused;
}
