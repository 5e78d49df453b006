#include "follow/follow.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "ask.h"
#include "fnv.h"

/*! Lines about owners in a span of time; those that are left out are counted. */
#define SAYS_MOST 50
#define SAY_MS    10000

void kaname_follow_say(const char *format, ...)
{
	char text[2000];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	/* One line for each, since many of them may stand in a log. */
	char *next = strstr(text, "\nnext: ");
	if (next != NULL) {
		*next = '\0';
		kaname_error("%s; next: %s", text, next + strlen("\nnext: "));
	} else {
		kaname_error("%s", text);
	}
}

/*! The name of an owner as text. */
static const char *name_of(const kaname_follow_owner_t *owner, knot_dname_txt_storage_t text)
{
	return knot_dname_to_str(text, kaname_follow_name(owner),
	                         sizeof(knot_dname_txt_storage_t)) != NULL
	               ? text
	               : "?";
}

void kaname_follow_tell_rest(kaname_follow_t *follow, bool now)
{
	int64_t now_ms = kaname_now_ms();
	if (!now && now_ms - follow->say_ms < SAY_MS) {
		return;
	}
	if (follow->unsaid > 0) {
		kaname_follow_say("%u lines about other owners are left out", follow->unsaid);
	}
	follow->say_ms = now_ms;
	follow->says = follow->unsaid = 0;
}

/*! Is there room for one more line? With --verbose there always is. */
static bool may_say(kaname_follow_t *follow)
{
	kaname_follow_tell_rest(follow, false);
	if (follow->says < SAYS_MOST || follow->args->verbose || follow->is_dry) {
		follow->says++;
		return true;
	}
	follow->unsaid++;
	return false;
}

void kaname_follow_say_owner(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                             const char *what)
{
	knot_dname_txt_storage_t name;
	if (may_say(follow)) {
		kaname_follow_say("%s: %s", name_of(owner, name), what);
	}
}

bool kaname_follow_trouble(kaname_follow_t *follow, kaname_follow_owner_t *owner, const char *next,
                           const char *format, ...)
{
	char text[1500];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	uint64_t hash = aname_fnv(ANAME_FNV_BASIS, text, strlen(text));
	uint16_t said = (uint16_t)(hash ^ hash >> 32) | 1;
	if (said == owner->said) {
		return false;
	}
	owner->said = said;
	knot_dname_txt_storage_t name;
	bool may = may_say(follow);
	if (may) {
		kaname_follow_say("%s: %s%s%s", name_of(owner, name), text,
		                  next != NULL ? "\nnext: " : "", next != NULL ? next : "");
	}
	return may;
}

void kaname_follow_tell(kaname_follow_t *follow, const kaname_follow_owner_t *owner,
                        kaname_set_t *const from[KANAME_FAMILIES],
                        kaname_set_t *const to[KANAME_FAMILIES])
{
	static const char *const words[KANAME_FAMILIES] = { "A", "AAAA" };
	char line[2000], one[400], other[400];
	knot_dname_txt_storage_t name;
	if (!may_say(follow)) {
		return;
	}
	size_t len = (size_t)snprintf(line, sizeof(line), "%s:", name_of(owner, name));
	for (unsigned i = 0; i < KANAME_FAMILIES && len < sizeof(line); i++) {
		if (from[i] != to[i]) {
			len += (size_t)snprintf(line + len, sizeof(line) - len, " %s %s -> %s",
			                        words[i],
			                        kaname_set_text(from[i], one, sizeof(one)),
			                        kaname_set_text(to[i], other, sizeof(other)));
		}
	}
	if (follow->is_dry) {
		(void)printf("%s\n", line);
	} else {
		kaname_follow_say("%s", line);
	}
}
