#include "text.h"

#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "rrtype.h"
#include "table/rdata.h"

/* A record that has nothing but a name in its RDATA, and one that has anything. */
#define NAME_RECORD    ". CNAME "
#define GENERIC_RECORD ". " ANAME_RRTYPE_GENERIC(ANAME_RRTYPE_ANAME) " "
#define ORIGIN_LINE    "$ORIGIN "

knot_dname_t *kaname_name_read(knot_dname_storage_t name, const char *text)
{
	/* In a master file this is the origin, and here there is none. */
	if (strcmp(text, "@") == 0) {
		return NULL;
	}
	return knot_dname_from_str(name, text, sizeof(knot_dname_storage_t));
}

void kaname_generic_write(char text[KANAME_GENERIC_MAX], const knot_dname_t *name)
{
	size_t len = knot_dname_size(name);
	int used = snprintf(text, KANAME_GENERIC_MAX, "\\# %zu ", len);
	for (size_t i = 0; i < len; i++) {
		used += snprintf(text + used, KANAME_GENERIC_MAX - used, "%02x", name[i]);
	}
}

const knot_dname_t *kaname_rdata_name(const uint8_t *rdata, uint32_t len)
{
	knot_dname_storage_t lower;
	return len <= UINT16_MAX && aname_rdata_read(rdata, len, lower) > 0 ? rdata : NULL;
}

static bool restart(kaname_text_t *text, const char *origin)
{
	return zs_init(&text->scanner, origin, KNOT_CLASS_IN, 0) == 0;
}

kaname_text_t *kaname_text_new(void)
{
	kaname_text_t *text = malloc(sizeof(*text));
	if (text == NULL) {
		return NULL;
	}
	text->origin_known = false;
	text->origin[0] = 0;
	if (!restart(text, ".")) {
		free(text);
		return NULL;
	}
	return text;
}

void kaname_text_free(kaname_text_t *text)
{
	if (text != NULL) {
		zs_deinit(&text->scanner);
		free(text);
	}
}

/*! What stands unescaped in a name: a dot at the end, a quote anywhere. */
static void look_at(const char *name, size_t len, bool *absolute, bool *quoted)
{
	*absolute = *quoted = false;
	for (size_t i = 0; i < len; i++) {
		*quoted |= name[i] == '"';
		*absolute = name[i] == '.';
		i += name[i] == '\\';
	}
}

/*! Puts a line together; false if it does not fit. */
static bool append(kaname_text_t *text, size_t *used, const char *piece, size_t len)
{
	if (len > sizeof(text->line) - *used) {
		return false;
	}
	memcpy(text->line + *used, piece, len);
	*used += len;
	return true;
}

/*! Has the scanner read the line. Returns its state, and leaves it ready for the next line. */
static zs_state_t scan(kaname_text_t *text, size_t len)
{
	zs_scanner_t *scanner = &text->scanner;
	if (zs_set_input_string(scanner, text->line, len) != 0 || zs_parse_record(scanner) != 0) {
		return ZS_STATE_ERROR;
	}
	zs_state_t state = scanner->state;
	if (state == ZS_STATE_DATA && zs_parse_record(scanner) == 0 &&
	    scanner->state != ZS_STATE_EOF) {
		state = ZS_STATE_ERROR;
	}
	return state;
}

/*! After an error: neither the scanner's position nor its origin are to be relied on. */
static void start_over(kaname_text_t *text)
{
	knot_dname_txt_storage_t origin;
	zs_deinit(&text->scanner);
	if (knot_dname_to_str(origin, text->origin, sizeof(origin)) == NULL ||
	    !restart(text, origin)) {
		/* Every relative name is an error from here on. */
		(void)restart(text, ".");
		text->origin_known = false;
	}
}

static bool scan_name(kaname_text_t *text, const char *before, const char *name, size_t len,
                      zs_state_t wanted)
{
	size_t used = 0;
	if (append(text, &used, before, strlen(before)) && append(text, &used, name, len) &&
	    append(text, &used, "\n", 1) && scan(text, used) == wanted) {
		return true;
	}
	start_over(text);
	return false;
}

const char *kaname_text_origin(kaname_text_t *text, const char *name, size_t len)
{
	bool absolute, quoted;
	look_at(name, len, &absolute, &quoted);
	if (!absolute || quoted || !scan_name(text, ORIGIN_LINE, name, len, ZS_STATE_EOF)) {
		return "an absolute domain name, ending in a dot";
	}
	memcpy(text->origin, text->scanner.zone_origin, text->scanner.zone_origin_length);
	text->origin_known = true;
	return NULL;
}

const char *kaname_text_target(kaname_text_t *text, const char *name, size_t len,
                               const knot_dname_t **target)
{
	bool absolute, quoted;
	look_at(name, len, &absolute, &quoted);
	if (quoted) {
		return "a domain name without quotes";
	}
	if (!absolute && !text->origin_known) {
		return "an absolute name, ending in a dot, or an origin before it: $ORIGIN, or "
		       "the option -o";
	}
	if (!scan_name(text, NAME_RECORD, name, len, ZS_STATE_DATA)) {
		return "a domain name; 'kaname rdata NAME' says what is wrong with this one, or "
		       "how the DNS has it if it is in UTF-8";
	}
	*target = text->scanner.r_data;
	return NULL;
}

const char *kaname_text_generic(kaname_text_t *text, const char *(*piece)(void *ctx, size_t *len),
                                void *ctx, const knot_dname_t **target)
{
	size_t used = 0, len = 0;
	bool fits = append(text, &used, GENERIC_RECORD, strlen(GENERIC_RECORD));
	for (const char *at = piece(ctx, &len); at != NULL && fits; at = piece(ctx, &len)) {
		fits = append(text, &used, at, len) && append(text, &used, " ", 1);
	}
	if (!fits || !append(text, &used, "\n", 1) || scan(text, used) != ZS_STATE_DATA) {
		start_over(text);
		return "\\#, the number of octets, and as many in hexadecimal";
	}
	*target = kaname_rdata_name(text->scanner.r_data, text->scanner.r_data_length);
	return *target != NULL ? NULL : "RDATA that is one whole uncompressed domain name";
}
