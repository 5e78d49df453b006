#include "check/check.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

#include "check/worth.h"
#include "text.h"

/*! A reply takes no longer: more than `wait` may be. */
#define REPLY_MS        6000
#define EDE_NOT_READY   14
#define EDE_BLOCKED     15
#define EDE_UNREACHABLE 22
/*! Addresses printed; the others are counted. */
#define ADDRESSES_SHOWN 8

/*! Writes the addresses of an answer, or what there is in place of them. */
static void list_addresses(const kaname_answer_t *answer, char text[KANAME_CHECK_TEXT_MAX])
{
	size_t used = 0;
	text[0] = '\0';
	for (unsigned i = 0; i < answer->count && i < ADDRESSES_SHOWN; i++) {
		used += snprintf(text + used, KANAME_CHECK_TEXT_MAX - used, " %s",
		                 answer->addresses[i]);
	}
	if (answer->count > ADDRESSES_SHOWN) {
		(void)snprintf(text + used, KANAME_CHECK_TEXT_MAX - used, " and %u more",
		               answer->count - ADDRESSES_SHOWN);
	}
}

static const char *rcode_text(uint8_t rcode)
{
	const knot_lookup_t *found = knot_lookup_by_id(knot_rcode_names, rcode);
	return found != NULL ? found->name : "an unknown code";
}

/*! Where the reason for a bad answer is found. */
static const char *reason_at(const kaname_check_t *check, int ede)
{
	if (ede == EDE_BLOCKED) {
		return "the log names the option: 'allow-target', 'deny-target' or 'deny-address'";
	}
	return check->bad_before > 0 ? "what is BAD above comes first" : "see the target below";
}

/*! Is it SERVFAIL since all addresses are down, and not since the target cannot be resolved? The
 *  reply does not tell; the status socket is asked only where the option may be the reason. */
static bool is_all_down(const kaname_check_t *check, const kaname_answer_t *answer, uint16_t type)
{
	kaname_live_t live;
	if (answer->rcode != KNOT_RCODE_SERVFAIL || answer->ede != EDE_UNREACHABLE ||
	    check->is_mute || strcmp(kaname_check_all_down_option(check), "serve") == 0 ||
	    kaname_live_read(check->args, check->zone, &check->records, &live) != KANAME_OK) {
		return false;
	}
	bool down = kaname_check_all_down(check, &live, aname_family_text(type));
	kaname_live_free(&live);
	return down;
}

/*! Judges an answer. Returns whether it has addresses. */
static bool judge(kaname_check_t *check, const kaname_question_t *question,
                  const kaname_answer_t *answer, const char *what)
{
	char list[KANAME_CHECK_TEXT_MAX], ede[100] = "";
	list_addresses(answer, list);
	const char *text = kaname_ede_text(answer->ede);
	if (text != NULL) {
		(void)snprintf(ede, sizeof(ede), " (%s)", text);
	}
	if (answer->failure != NULL) {
		kaname_bad(check, "does knotd listen there, and does a firewall let it?", "%s: %s",
		           what, answer->failure);
	} else if (is_all_down(check, answer, question->type)) {
		kaname_bad(check,
		           "what is down is below; 'all-down: serve' would give it all the same",
		           "%s: %s (all addresses are down, see 'all-down')", what,
		           rcode_text(answer->rcode));
	} else if (answer->rcode != KNOT_RCODE_NOERROR) {
		kaname_bad(check, reason_at(check, answer->ede), "%s: %s%s", what,
		           rcode_text(answer->rcode), ede);
	} else if (answer->truncated) {
		kaname_note("%s: truncated%s, the client comes back over TCP", what, ede);
	} else if (answer->count == 0) {
		kaname_note("%s: no address of this family", what);
	} else if (answer->ede >= 0) {
		kaname_bad(check, reason_at(check, answer->ede), "%s:%s, TTL %u%s", what, list,
		           answer->ttl, ede);
	} else if (check->is_signed && question->dnssec && !answer->is_signed) {
		kaname_bad(check, "see 'Signed zones' in the operator's guide",
		           "%s:%s, TTL %u, not signed", what, list, answer->ttl);
	} else {
		kaname_good("%s:%s, TTL %u%s", what, list, answer->ttl,
		            answer->is_signed ? ", signed" : "");
	}
	return answer->count > 0;
}

/*! Asks; and again for a while if the answer is that the target is being looked up. */
static void ask_patiently(const kaname_question_t *question, kaname_answer_t *answer)
{
	kaname_ask(question, answer);
	for (int i = 0; i < KANAME_CHECK_REPEATS && answer->ede == EDE_NOT_READY; i++) {
		(void)poll(NULL, 0, KANAME_CHECK_REPEAT_MS);
		kaname_ask(question, answer);
	}
}

/*! Is the zone signed, and the module has no key for it? */
static bool is_unsigned(const kaname_check_t *check)
{
	kaname_live_t live;
	if (!check->is_signed || !check->is_loaded || check->is_mute ||
	    kaname_live_read(check->args, check->zone, &check->records, &live) != KANAME_OK) {
		return false;
	}
	bool is = kaname_live_field(&live.zone, ANAME_KEY_UNSIGNED) != NULL;
	kaname_live_free(&live);
	return is;
}

/*! Asks for both families, over TCP first: there a name that is not known yet is waited for. */
static void ask_all(kaname_check_t *check, const char *address,
                    const struct sockaddr_storage *server)
{
	knot_dname_storage_t zone;
	static kaname_answer_t udp;
	bool any = false;
	kaname_question_t question = { .name = kaname_name_read(zone, check->zone),
		                       .server = *server,
		                       .dnssec = check->is_signed,
		                       .timeout_ms = REPLY_MS };
	check->bad_before = check->bad;
	for (int tcp = 1; tcp >= 0; tcp--) {
		for (int family = 0; family < 2; family++) {
			char what[KANAME_VALUE_MAX + 40];
			kaname_answer_t *answer = tcp ? &check->clients[family] : &udp;
			question.tcp = tcp;
			question.type = kaname_families[family];
			(void)snprintf(what, sizeof(what), "a client gets over %s from %s, %s",
			               tcp ? "TCP" : "UDP", address,
			               aname_family_text(kaname_families[family]));
			ask_patiently(&question, answer);
			any |= judge(check, &question, answer, what);
		}
	}
	check->is_asked = true;
	check->is_unsigned = is_unsigned(check);
	if (check->is_unsigned) {
		kaname_bad(
		        check,
		        "the log says why; have this server sign the zone with keys that knotd's "
		        "user can read, or use mod-onlinesign after mod-aname: see 'Signed "
		        "zones' in the operator's guide; or if another server signs it, have "
		        "'kaname follow --primary' write there, and set 'dnssec: off'",
		        "the zone is signed, and mod-aname cannot sign the addresses: it leaves "
		        "the apex as it is in the zone");
	} else if (!any) {
		kaname_bad(check,
		           check->bad > 0
		                   ? "what is BAD above comes first"
		                   : "is the target's name right? It is below; 'kaname set' with "
		                     "another one mends it",
		           "no client gets an address");
	}
}

void kaname_check_client(kaname_check_t *check)
{
	if (check->records.count == 0) {
		return;
	}
	/* One is enough. */
	for (size_t i = 0; i < check->listen.count; i++) {
		struct sockaddr_storage server = { 0 };
		if (kaname_address_read(check->listen.at[i], &server)) {
			ask_all(check, check->listen.at[i], &server);
			return;
		}
	}
	kaname_note("no address in server.listen that could be asked");
}
