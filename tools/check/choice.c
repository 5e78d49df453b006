#include "check/check.h"
#include "check/worth.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/libknot.h>

#include "query/pool_plan.h"

/*! Why a client of the zone gets what it gets. */
typedef struct {
	kaname_check_t *check;
	const kaname_live_t *live;
	aname_options_t *options;
	aname_pool_plan_t *plan;
	char network[INET6_ADDRSTRLEN + sizeof("/56")];
	uint64_t hash; /*!< Of the network. */
} choice_t;

/* The options. */

static bool add_name(aname_names_t *names, const char *text)
{
	knot_dname_t **at = realloc(names->at, (names->count + 1) * sizeof(*at));
	if (at == NULL) {
		return false;
	}
	names->at = at;
	at[names->count] = knot_dname_from_str_alloc(text);
	if (at[names->count] == NULL) {
		return false;
	}
	knot_dname_to_lower(at[names->count++]);
	return true;
}

static bool add_names(aname_names_t *names, const kaname_values_t *values)
{
	bool good = true;
	for (size_t i = 0; i < values->count && good; i++) {
		good = add_name(names, values->at[i]);
	}
	return good;
}

static bool add_weights(aname_weights_t *weights, const kaname_values_t *values)
{
	weights->at = calloc(values->count + 1, sizeof(*weights->at));
	for (size_t i = 0; i < values->count && weights->at != NULL; i++) {
		knot_dname_storage_t suffix;
		aname_weight_t *weight = &weights->at[weights->count];
		if (aname_weight_read(values->at[i], suffix, &weight->weight)) {
			weight->suffix = knot_dname_copy(suffix, NULL);
			if (weight->suffix == NULL) {
				return false;
			}
			weights->count++;
		}
	}
	return weights->at != NULL;
}

/*! As the module reads them; false if out of memory. */
static bool read_options(const kaname_check_t *check, aname_options_t *options)
{
	const kaname_values_t *targets = &check->answer_targets;
	bool good = add_names(&options->prefer, &check->prefer) &&
	            add_names(&options->allow_target, &check->allow) &&
	            add_names(&options->deny_target, &check->deny_target) &&
	            add_weights(&options->weights, &check->weight);
	aname_names_settle(&options->allow_target);
	aname_names_settle(&options->deny_target);
	options->answer_targets =
	        targets->count > 0 ? strtol(targets->at[0], NULL, 10) : options->weights.count > 0;
	return good;
}

/* The targets. */

static aname_failure_t check_target(void *ctx, const knot_dname_t *name, uint8_t name_len)
{
	const choice_t *choice = ctx;
	const aname_options_t *options = choice->options;
	knot_dname_storage_t zone;
	bool good = name[0] != '\0' &&
	            knot_dname_from_str(zone, choice->check->zone, sizeof(zone)) != NULL &&
	            !knot_dname_is_case_equal(zone, name);
	bool allowed = !aname_names_match(&options->deny_target, name) &&
	               (options->allow_target.count == 0 ||
	                aname_names_match(&options->allow_target, name));
	aname_failure_t failure = allowed ? ANAME_FAILURE_NONE : ANAME_FAILURE_DENIED;
	return good ? failure : ANAME_FAILURE_MALFORMED;
}

/*! Makes the plan of the records, as the module does; NULL if out of memory. */
static aname_pool_plan_t *make_plan(choice_t *choice)
{
	const kaname_records_t *records = &choice->check->records;
	knot_dname_storage_t zone;
	knot_rrset_t rrset;
	bool good = knot_dname_from_str(zone, choice->check->zone, sizeof(zone)) != NULL;
	knot_rrset_init(&rrset, zone, ANAME_RRTYPE_ANAME, KNOT_CLASS_IN, 0);
	for (size_t i = 0; i < records->count && good; i++) {
		const kaname_record_t *record = &records->at[i];
		if (record->good) {
			good = knot_rrset_add_rdata(&rrset, record->target,
			                            knot_dname_size(record->target),
			                            NULL) == KNOT_EOK;
		}
	}
	aname_pool_plan_t *plan = NULL;
	if (good) {
		plan = aname_pool_plan_new(choice->options, NULL, &rrset, 1, check_target, choice);
	}
	knot_rdataset_clear(&rrset.rrs, NULL);
	return plan;
}

/*! What the module knows of a target, of one family; NULL if nothing. */
static const kaname_line_t *find(const kaname_live_t *live, const char *name, const char *family)
{
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *line = &live->targets[i];
		const char *its_name = kaname_live_field(line, ANAME_KEY_NAME);
		const char *its_family = kaname_live_field(line, ANAME_KEY_FAMILY);
		if (kaname_live_field(line, ANAME_KEY_SUBNET) == NULL && its_name != NULL &&
		    its_family != NULL && strcmp(its_name, name) == 0 &&
		    strcmp(its_family, family) == 0) {
			return line;
		}
	}
	return NULL;
}

/*! Sets of targets, as in the plan: a bit for each. */
typedef struct {
	uint32_t usable, live, down, last; /*!< See kaname_worth_t. */
} sets_t;

static void name_of(const choice_t *choice, unsigned target, knot_dname_txt_storage_t name)
{
	name[0] = '\0';
	(void)knot_dname_to_str(name, choice->plan->targets[target].keys[0].name,
	                        sizeof(knot_dname_txt_storage_t));
}

static kaname_worth_t worth_of(const choice_t *choice, unsigned target, const char *family)
{
	knot_dname_txt_storage_t name;
	name_of(choice, target, name);
	return kaname_check_worth(choice->check, find(choice->live, name, family));
}

static sets_t sort_out(const choice_t *choice, const char *family)
{
	sets_t sets = { 0 };
	for (unsigned i = 0; i < choice->plan->choice->count; i++) {
		const kaname_worth_t worth = worth_of(choice, i, family);
		sets.usable |= (uint32_t)worth.usable << i;
		sets.live |= (uint32_t)worth.live << i;
		sets.down |= (uint32_t)worth.down << i;
		sets.last |= (uint32_t)worth.last << i;
	}
	return sets;
}

/*!
 * What the module chooses among.
 *
 * \param why  Set to what is to say beside the targets' names.
 *
 * \return A set; empty if no target is in the answer.
 */
static uint32_t candidates(const choice_t *choice, const sets_t *sets, const char **why)
{
	const char *option = kaname_check_all_down_option(choice->check);
	*why = "";
	if (sets->usable != 0) {
		return sets->usable;
	}
	if (sets->down == 0) {
		*why = sets->last != 0 ? " (none is usable: stale addresses)" : "none is usable";
		return sets->last;
	}
	if (strcmp(option, "serve") == 0) {
		*why = " (all are down: as if nothing were probed, 'all-down: serve')";
		return sets->live != 0 ? sets->live : sets->down | sets->last;
	}
	*why = strcmp(option, "sibling") == 0
	               ? "all are down, and 'all-down: sibling' has the zone's own addresses"
	               : "all are down, and 'all-down: servfail' gives none";
	return 0;
}

/* The report. */

static void report_target(const choice_t *choice, const char *family, unsigned place,
                          unsigned target, uint32_t picked)
{
	const aname_contender_t *contender = &choice->plan->choice->at[target];
	knot_dname_txt_storage_t name;
	name_of(choice, target, name);
	const kaname_worth_t worth = worth_of(choice, target, family);
	bool stale = worth.usable && strcmp(worth.state, ANAME_STATE_STALE) == 0;
	kaname_note("%s, place %u: %s, rank %u, weight %u, %s%s%s%s", family, place, name,
	            contender->rank + 1, contender->weight,
	            worth.usable ? "usable" : "not usable: ", worth.usable ? "" : worth.state,
	            stale ? " (stale, and known to be up)" : "",
	            picked & 1u << target ? ", in the answer" : "");
}

static void report_gets(const choice_t *choice, const char *family, uint32_t picked,
                        const char *why)
{
	char gets[KANAME_CHECK_TEXT_MAX] = "";
	size_t len = 0;
	for (unsigned i = 0; i < choice->plan->choice->count && len < sizeof(gets); i++) {
		knot_dname_txt_storage_t name;
		name_of(choice, i, name);
		if (picked & 1u << i) {
			len += snprintf(gets + len, sizeof(gets) - len, " %s", name);
		}
	}
	if (picked != 0) {
		kaname_good("a client in %s gets, %s:%s%s", choice->network, family, gets, why);
	} else {
		kaname_note("a client in %s gets no chosen target, %s: %s", choice->network, family,
		            why);
	}
}

static void report_family(const choice_t *choice, const char *family)
{
	const aname_choice_t *targets = choice->plan->choice;
	const sets_t sets = sort_out(choice, family);
	const char *why;
	uint32_t among = candidates(choice, &sets, &why);
	uint32_t picked = aname_choice_pick(targets, among, choice->hash), left = 0;
	report_gets(choice, family, picked, why);
	for (unsigned i = 0; i < targets->count; i++) {
		left |= 1u << i;
	}
	for (unsigned place = 1; left != 0; place++) {
		unsigned first =
		        aname_choice_first(targets, aname_choice_best(targets, left), choice->hash);
		report_target(choice, family, place, first, picked);
		left &= ~(1u << first);
	}
}

bool kaname_check_network(const char *text, aname_subnet_t *network)
{
	struct sockaddr_storage ss = { 0 };
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)&ss)->sin_addr) == 1) {
		ss.ss_family = AF_INET;
	} else if (inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)&ss)->sin6_addr) == 1) {
		ss.ss_family = AF_INET6;
	} else {
		return false;
	}
	*network = aname_choice_network_of(&ss);
	return true;
}

static void take_client(choice_t *choice)
{
	aname_subnet_t network = { 0 };
	char address[INET6_ADDRSTRLEN] = "";
	(void)kaname_check_network(choice->check->args->client, &network);
	int family = network.family == ANAME_SUBNET_IPV6 ? AF_INET6 : AF_INET;
	(void)inet_ntop(family, network.address, address, sizeof(address));
	(void)snprintf(choice->network, sizeof(choice->network), "%s/%u", address, network.len);
	choice->hash = aname_choice_network(&network);
}

static bool is_weighed(const aname_weights_t *weights, const knot_dname_t *name)
{
	for (size_t i = 0; i < weights->count; i++) {
		if (knot_dname_in_bailiwick(name, weights->at[i].suffix) >= 0) {
			return true;
		}
	}
	return false;
}

static void check_suffixes(const aname_options_t *options, const kaname_record_t *record)
{
	knot_dname_storage_t name;
	knot_dname_txt_storage_t text;
	if (knot_dname_store(name, record->target) == 0) {
		return;
	}
	knot_dname_to_lower(name);
	if (knot_dname_to_str(text, name, sizeof(text)) == NULL) {
		return;
	}
	if (options->prefer.count > 0 &&
	    aname_choice_rank(&options->prefer, name) == options->prefer.count) {
		kaname_note("target %s: is under no suffix of 'prefer', and comes last; is one "
		            "misspelt?",
		            text);
	}
	if (options->weights.count > 0 && !is_weighed(&options->weights, name)) {
		kaname_note("target %s: is under no suffix of 'weight', and has the weight 1; is "
		            "one misspelt?",
		            text);
	}
}

void kaname_check_suffixes(const kaname_check_t *check)
{
	const kaname_records_t *records = &check->records;
	aname_options_t *options = calloc(1, sizeof(*options));
	bool good = options != NULL && read_options(check, options);
	/* One target alone has nothing to come before, and sections are shared. */
	for (size_t i = 0; i < records->count && records->count > 1 && good; i++) {
		if (records->at[i].good) {
			check_suffixes(options, &records->at[i]);
		}
	}
	aname_options_free(options);
}

void kaname_check_choice(kaname_check_t *check, const kaname_live_t *live)
{
	choice_t choice = { .check = check,
		            .live = live,
		            .options = calloc(1, sizeof(*choice.options)) };
	take_client(&choice);
	bool good = choice.options != NULL && read_options(check, choice.options);
	choice.plan = good ? make_plan(&choice) : NULL;
	if (choice.plan == NULL) {
		kaname_bad(check, "try it again", "the choice could not be worked out: no memory");
	} else if (choice.plan->choice->count > 1 && aname_pool_plan_is_wanted(choice.options)) {
		for (unsigned i = 0; i < 2; i++) {
			report_family(&choice, aname_family_text(kaname_families[i]));
		}
	} else {
		kaname_note("a client in %s gets what all others get: %s", choice.network,
		            choice.plan->choice->count > 1
		                    ? "none of 'prefer', 'weight' and 'answer-targets' is set"
		                    : "there is one target");
	}
	free(choice.plan);
	aname_options_free(choice.options);
}
