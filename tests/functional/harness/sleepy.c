/* A module that holds a query up between mod-aname's PREANSWER hook and Knot's look at the zone, so
 * that what happens there now and then happens always. */
#include <time.h>
#include <knot/module.h>

static knotd_in_state_t hold(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                             knotd_mod_t *mod)
{
	struct timespec ts = { .tv_sec = 3 };
	if (knot_pkt_qtype(qdata->query) == KNOT_RRTYPE_AAAA) {
		nanosleep(&ts, NULL);
	}
	return state;
}

static int load(knotd_mod_t *mod)
{
	return knotd_mod_in_hook(mod, KNOTD_STAGE_PREANSWER, hold);
}

KNOTD_MOD_API(sleepy, KNOTD_MOD_FLAG_SCOPE_ANY | KNOTD_MOD_FLAG_OPT_CONF, load, NULL, NULL, NULL);
