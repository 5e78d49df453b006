#include "follow/refuse.h"

#include <stdio.h>

#define COUNT(of) (sizeof(of) / sizeof((of)[0]))

/*! All that counts for a zone, with Knot's defaults where nothing is set. */
typedef struct {
	const kaname_zone_t *zone;
	kaname_effective_t at[KANAME_SETTINGS];
	bool is_default[KANAME_SETTINGS]; /*!< Nothing is set. */
	bool is_generated;
} effective_t;

static void read_effective(const kaname_layouts_t *layouts, const kaname_zone_t *zone,
                           effective_t *effective)
{
	static const uint8_t defaults[KANAME_SETTINGS] = {
		[KANAME_SETTING_LOAD] = KANAME_LOAD_WHOLE,
		[KANAME_SETTING_SYNC] = KANAME_SYNC_AT_ONCE,
		[KANAME_SETTING_JOURNAL] = KANAME_JOURNAL_CHANGES,
	};
	effective->zone = zone;
	for (unsigned i = 0; i < KANAME_SETTINGS; i++) {
		kaname_layouts_effective(layouts, zone, i, &effective->at[i]);
		effective->is_default[i] = effective->at[i].value == 0;
		if (effective->is_default[i]) {
			effective->at[i].value = defaults[i];
		}
	}
	effective->is_generated = effective->at[KANAME_SETTING_GENERATED].value != 0;
}

static uint8_t value(const effective_t *effective, kaname_setting_t setting)
{
	return effective->at[setting].value;
}

/* Each of these says whether a zone is refused for its reason. */

/*! Records behind one that is too long for the control protocol are not told, so that it cannot be said
 *  which owners there are: what was written for them would be taken for left over. */
static bool is_cut(const effective_t *effective)
{
	return effective->zone->is_cut;
}

/*! What an owner has is learnt from the module, which does not know of targets of this zone. */
static bool is_without_module(const effective_t *effective)
{
	return value(effective, KANAME_SETTING_MODULE) != KANAME_MODULE_WITH;
}

/*! An update is forwarded to the primary, or with `ddns-master: ""` done here, and the next transfer
 *  takes it away. */
static bool is_transferred(const effective_t *effective)
{
	return value(effective, KANAME_SETTING_MASTER) == KANAME_MASTER_SET;
}

/*! Whenever the zone is loaded from the database anew, it is what stands there, where an update has not
 *  come to. */
static bool is_from_database(const effective_t *effective)
{
	return value(effective, KANAME_SETTING_DATABASE) == KANAME_DATABASE_ON;
}

/*! A zone file that was edited replaces all that there is. Generated zones are loaded as with
 *  `difference-no-serial`, whatever is set. */
static bool is_whole(const effective_t *effective)
{
	return !effective->is_generated &&
	       value(effective, KANAME_SETTING_LOAD) == KANAME_LOAD_WHOLE;
}

/*! Neither the file nor the journal has a zone to start with. */
static bool is_without_start(const effective_t *effective)
{
	return !effective->is_generated &&
	       value(effective, KANAME_SETTING_LOAD) == KANAME_LOAD_NONE &&
	       value(effective, KANAME_SETTING_JOURNAL) != KANAME_JOURNAL_ALL;
}

/*! Nothing keeps an update until the zone file is written, which a crash prevents, or for ever; the
 *  serial then goes back, and secondaries take nothing until it is beyond what they have. With
 *  `zonefile-sync: 0` the file is written after each update. */
static bool is_without_journal(const effective_t *effective)
{
	return !effective->is_generated &&
	       value(effective, KANAME_SETTING_JOURNAL) == KANAME_JOURNAL_NONE &&
	       value(effective, KANAME_SETTING_SYNC) != KANAME_SYNC_AT_ONCE;
}

/*! Each time the zone is loaded it becomes what stands in the file, where nothing is ever written. */
static bool is_of_file(const effective_t *effective)
{
	return !effective->is_generated &&
	       value(effective, KANAME_SETTING_LOAD) == KANAME_LOAD_NO_SERIAL &&
	       value(effective, KANAME_SETTING_SYNC) == KANAME_SYNC_NEVER;
}

/*! The same. */
static bool is_generated(const effective_t *effective)
{
	return effective->is_generated &&
	       value(effective, KANAME_SETTING_SYNC) == KANAME_SYNC_NEVER;
}

/*! What is written has no signature, so that it is bogus. */
static bool is_signed_elsewhere(const effective_t *effective)
{
	return effective->zone->is_signed &&
	       value(effective, KANAME_SETTING_SIGNING) != KANAME_SIGNING_ON;
}

static const struct {
	bool (*is)(const effective_t *effective);
	bool matters_elsewhere;
	kaname_setting_t setting; /*!< What is to blame. */
	const char *why;          /*!< What is behind the name of whoever sets it. */
	const char *next;
} reasons[] = {
	{ is_cut, true, KANAME_SETTINGS,
	  "an ANAME or ALIAS record is too long to be read over the control socket",
	  "take the record out: no target's name has more than 255 octets" },
	{ is_without_module, true, KANAME_SETTING_MODULE,
	  "mod-aname is not in its list of modules, so that nothing is known of its targets",
	  "'module: mod-aname' in the zone or its template" },
	{ is_transferred, false, KANAME_SETTING_MASTER,
	  "'master' is set: the next transfer takes away what is written here",
	  "have it written at the primary: --primary ADDRESS" },
	{ is_from_database, false, KANAME_SETTING_DATABASE,
	  "'zone-db-input' is set: what is written here is lost when the zone is loaded from the "
	  "database again",
	  "have the zone loaded from a file, or written at another server: --primary ADDRESS" },
	{ is_whole, false, KANAME_SETTING_LOAD,
	  "'zonefile-load: whole', Knot's default: a zone file that was edited replaces what is "
	  "written here",
	  "'zonefile-load: difference', where an edited file has a higher serial; or "
	  "'difference-no-serial' with 'journal-content: all' and 'zonefile-sync: 0'" },
	{ is_without_start, false, KANAME_SETTING_LOAD,
	  "'zonefile-load: none' without 'journal-content: all': nothing of the zone is there "
	  "after "
	  "a restart",
	  "'journal-content: all'" },
	{ is_without_journal, false, KANAME_SETTING_JOURNAL,
	  "'journal-content: none' without 'zonefile-sync: 0': what is written here is lost if "
	  "knotd ends, and the serial goes back",
	  "'journal-content: changes'" },
	{ is_of_file, false, KANAME_SETTING_SYNC,
	  "'zonefile-load: difference-no-serial' with 'zonefile-sync: -1': what is written here "
	  "is not in the zone file, and goes when that is loaded",
	  "'zonefile-sync: 0', so that the file has it; or 'zonefile-load: difference'" },
	{ is_generated, false, KANAME_SETTING_SYNC,
	  "'reverse-generate' or 'include-from' with 'zonefile-sync: -1': what is written here is "
	  "not in the zone file, and goes when the zone is made again",
	  "'zonefile-sync: 0', so that the file has it" },
	{ is_signed_elsewhere, false, KANAME_SETTINGS,
	  "it has DNSKEY records, and knotd does not sign it: what is written here would have no "
	  "signature",
	  "have it written where the zone is signed: --primary ADDRESS; or 'dnssec-signing: on'" },
};

/*! Writes the reason, and where what is to blame stands. */
static void explain(const effective_t *effective, size_t reason, kaname_refusal_t *refusal)
{
	kaname_setting_t setting = reasons[reason].setting;
	const kaname_effective_t *blamed = &effective->at[setting % KANAME_SETTINGS];
	const char *why = reasons[reason].why;
	refusal->next = reasons[reason].next;
	if (setting == KANAME_SETTINGS || blamed->template == NULL) {
		(void)snprintf(refusal->why, sizeof(refusal->why), "%s", why);
	} else {
		(void)snprintf(refusal->why, sizeof(refusal->why),
		               effective->is_default[setting]
		                       ? "%s (neither the zone nor template '%.*s' sets it)"
		                       : "%s (so template '%.*s' sets it)",
		               why, (int)blamed->template_len, blamed->template);
	}
}

bool kaname_refuse(const kaname_layouts_t *layouts, const kaname_zone_t *zone, bool elsewhere,
                   kaname_refusal_t *refusal)
{
	effective_t effective;
	read_effective(layouts, zone, &effective);
	for (size_t i = 0; i < COUNT(reasons); i++) {
		if ((!elsewhere || reasons[i].matters_elsewhere) && reasons[i].is(&effective)) {
			explain(&effective, i, refusal);
			return true;
		}
	}
	return false;
}
