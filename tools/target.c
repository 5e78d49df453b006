#include "target.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <libknot/libknot.h>

#include "lookup.h"

/* Types. */

const aname_rrtype_t *kaname_type_find(const char *word)
{
	for (size_t i = 0; i < ANAME_RRTYPES; i++) {
		if (strcasecmp(word, aname_rrtypes[i].word) == 0) {
			return &aname_rrtypes[i];
		}
	}
	return NULL;
}

bool kaname_type_is_taken(const kaname_values_t *types, const aname_rrtype_t *type)
{
	for (size_t i = 0; i < types->count; i++) {
		if (strcasecmp(types->at[i], type->generic) == 0 ||
		    strcasecmp(types->at[i], type->word) == 0) {
			return true;
		}
	}
	return types->count == 0;
}

const aname_rrtype_t *kaname_type_default(const kaname_values_t *types)
{
	for (size_t i = 0; i < ANAME_RRTYPES; i++) {
		if (kaname_type_is_taken(types, &aname_rrtypes[i])) {
			return &aname_rrtypes[i];
		}
	}
	return &aname_rrtypes[0];
}

/* What was found. */

static const char *family_text(int which)
{
	return aname_family_text(which == 0 ? KNOT_RRTYPE_A : KNOT_RRTYPE_AAAA);
}

static void print_addresses(const kaname_lookup_t *lookup, const char *name)
{
	const char *between = " has ";
	(void)fprintf(stderr, "note: %s", name);
	for (int which = 0; which < 2; which++) {
		const kaname_family_t *family = &lookup->families[which];
		for (unsigned i = 0; i < family->count && i < KANAME_LOOKUP_MAX; i++) {
			(void)fprintf(stderr, "%s%s", between, family->addresses[i]);
			between = ", ";
		}
		if (family->count > KANAME_LOOKUP_MAX) {
			(void)fprintf(stderr, " and %u more of type %s",
			              family->count - KANAME_LOOKUP_MAX, family_text(which));
		}
	}
	for (int which = 0; which < 2; which++) {
		const kaname_family_t *family = &lookup->families[which];
		if (family->known == KANAME_FAMILY_NONE) {
			(void)fprintf(stderr, "; no %s", family_text(which));
		} else if (family->known == KANAME_FAMILY_FAILED) {
			(void)fprintf(stderr, "; its %s could not be looked up (%s)",
			              family_text(which), family->why);
		}
	}
	(void)fputc('\n', stderr);
}

static kaname_exit_t refuse(const char *name, const char *what, const kaname_lookup_t *lookup)
{
	kaname_error("%s %s, says %s; nothing was changed", name, what, lookup->asked);
	(void)fprintf(stderr, "next: is the name right? --no-check declares it all the same\n");
	return KANAME_NO;
}

/*! Is the owner at the end of its aliases? */
static bool leads_back(const kaname_lookup_t *lookup, const knot_dname_t *owner)
{
	return knot_dname_is_case_equal(lookup->last[0], owner) ||
	       knot_dname_is_case_equal(lookup->last[1], owner);
}

kaname_exit_t kaname_target_check(const knot_dname_t *target, const knot_dname_t *owner,
                                  const char *what, const kaname_values_t *servers)
{
	static kaname_lookup_t lookup;
	knot_dname_txt_storage_t name;
	if (knot_dname_to_str(name, target, sizeof(name)) == NULL) {
		kaname_error("the target's name cannot be written");
		return KANAME_NO;
	}
	kaname_lookup(target, servers, &lookup);
	const kaname_family_t *a = &lookup.families[0], *aaaa = &lookup.families[1];
	if (leads_back(&lookup, owner)) {
		kaname_error("%s is an alias that leads back to %s, which would follow itself; "
		             "nothing was changed",
		             name, what);
		(void)fprintf(stderr, "next: name the host that has the addresses\n");
		return KANAME_NO;
	}
	if (a->known == KANAME_FAMILY_HAS || aaaa->known == KANAME_FAMILY_HAS) {
		print_addresses(&lookup, name);
		return KANAME_OK;
	}
	if (a->known == KANAME_FAMILY_ABSENT || aaaa->known == KANAME_FAMILY_ABSENT) {
		return refuse(name, "does not exist", &lookup);
	}
	if (a->known == KANAME_FAMILY_NONE && aaaa->known == KANAME_FAMILY_NONE) {
		return refuse(name, "has neither A nor AAAA", &lookup);
	}
	const kaname_family_t *failed = a->known == KANAME_FAMILY_FAILED ? a : aaaa;
	(void)fprintf(stderr,
	              "warning: %s could not be looked up (%s: %s), and is declared all the same\n"
	              "next: 'kaname check' tells whether the server can\n",
	              name, lookup.asked, failed->why);
	return KANAME_OK;
}
