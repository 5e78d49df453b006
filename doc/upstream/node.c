/*!
 * \brief A module for Knot DNS that asks for the A records of the name that Knot has come to, by the
 *        public look-up, and logs what it is told and what that takes. For node.md.
 */

#include <string.h>
#include <syslog.h>
#include <time.h>

#include <knot/module.h>

#define ROUNDS 100000

static const char *const states[] = {
	[KNOTD_IN_STATE_BEGIN] = "BEGIN", [KNOTD_IN_STATE_NODATA] = "NODATA",
	[KNOTD_IN_STATE_HIT] = "HIT",     [KNOTD_IN_STATE_MISS] = "MISS",
	[KNOTD_IN_STATE_DELEG] = "DELEG",
};

static double now_ns(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static knotd_in_state_t answer(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                               knotd_mod_t *mod)
{
	knot_dname_storage_t lower;
	if (knot_dname_store(lower, qdata->name) == 0) {
		return state;
	}
	knot_dname_to_lower(lower);

	knot_rrset_t rrset = { 0 };
	int ret = KNOT_EOK;
	double start = now_ns();
	for (int i = 0; i < ROUNDS; i++) {
		ret = knotd_qdata_zone_rrset(qdata, NULL, lower, KNOT_RRTYPE_A, &rrset);
	}
	double took = (now_ns() - start) / ROUNDS;

	knot_dname_txt_storage_t name = "", owner = "";
	knot_dname_to_str(name, qdata->name, sizeof(name));
	if (ret == KNOT_EOK && rrset.owner != NULL) {
		knot_dname_to_str(owner, rrset.owner, sizeof(owner));
	}
	knotd_mod_log(mod, LOG_NOTICE, "name %s, state %s: %s, %d A at %s, %.0f ns", name,
	              states[state] != NULL ? states[state] : "other", knot_strerror(ret),
	              ret == KNOT_EOK ? rrset.rrs.count : 0, owner[0] != '\0' ? owner : "no owner",
	              took);
	return state;
}

static int load(knotd_mod_t *mod)
{
	return knotd_mod_in_hook(mod, KNOTD_STAGE_ANSWER, answer);
}

KNOTD_MOD_API(said, KNOTD_MOD_FLAG_SCOPE_ZONE | KNOTD_MOD_FLAG_OPT_CONF, load, NULL, NULL, NULL);
