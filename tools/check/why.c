#include "check/why.h"

#include <string.h>

const char *kaname_check_why_advice(const kaname_line_t *target)
{
	static const char no_answer[] = "does it run, and listen there? Is a firewall in the way?";
	static const char system[] = "it does not tell why: ask each 'nameserver' of "
	                             "/etc/resolv.conf, or list recursors in 'resolver'";
	static const char refuses[] = "it does not let this server ask, or recurses for nobody: "
	                              "name a recursor that does in 'resolver'";
	static const char dnssec[] = "with '+cd' it answers all the same: whoever runs the "
	                             "target's zone has to mend its DNSSEC";
	static const struct {
		const char *why, *advice;
	} advices[] = {
		{ "temporary failure", system },
		{ "permanent failure", system },
		{ "no answer in time",
		  "the target's own servers are slow or dead, or the resolver is; 'timeout' waits "
		  "longer" },
		{ "the resolver does not answer", no_answer },
		{ "the resolver is silent", no_answer },
		{ "Could not contact DNS servers", no_answer },
		{ "the resolver refuses", refuses },
		{ "the resolver does not recurse", refuses },
		{ "the resolver answers with a referral, it does not recurse", refuses },
		{ "the resolver answers SERVFAIL",
		  "if it does so with '+cd', too, the target's servers are dead or wrong; if not "
		  "its DNSSEC is" },
		{ "the resolver says that DNSSEC validation failed", dnssec },
		{ "the answer is not authenticated by DNSSEC",
		  "'target-dnssec: secure' takes a signed target and a resolver that validates" },
		{ "too long a chain of aliases (max-aliases), or a loop",
		  "raise 'max-aliases' if the chain is as it is to be" },
		{ "the resolver does not take the subnet",
		  "its settings of client subnets, or 'ecs: off'" },
		{ "the reply is for another client subnet",
		  "its settings of client subnets, or 'ecs: off'" },
		{ "the address of 'via' cannot be used, this host must have it",
		  "add the address to this host, or correct 'via'" },
		{ "not a host name that the resolver takes", "'resolver' takes any name" },
		{ "no thread to look it up: the limit on threads or memory",
		  "raise the limits, of which the log tells, or list recursors in 'resolver', "
		  "which "
		  "needs no threads" },
		{ "out of memory", "this host, or knotd's limit, is short of memory" },
	};
	const char *why = kaname_live_field(target, ANAME_KEY_WHY);
	for (size_t i = 0; why != NULL && i < sizeof(advices) / sizeof(advices[0]); i++) {
		if (strcmp(advices[i].why, why) == 0) {
			return advices[i].advice;
		}
	}
	return NULL;
}
