/*!
 * \brief What any module costs in knotd itself: this one registers the hooks and the counters that
 *        mod-aname has, and does nothing.  [K]
 *
 * Zones with it, beside the same zones with mod-aname, show what is mod-aname's own (tests/bench,
 * scale.py). Built with BARE_IDLE it has no counters either: what those cost (reload.py). Never
 * installed.
 */

#include <knot/module.h>

#include "stats.h"

static knotd_in_state_t on_query(knotd_in_state_t state, knot_pkt_t *pkt, knotd_qdata_t *qdata,
                                 knotd_mod_t *mod)
{
	return state;
}

static int bare_load(knotd_mod_t *mod)
{
	static const knotd_stage_t stages[] = {
		KNOTD_STAGE_PREANSWER,
		KNOTD_STAGE_ANSWER,
		KNOTD_STAGE_AUTHORITY,
		KNOTD_STAGE_ADDITIONAL,
	};
#ifdef BARE_IDLE
	int ret = KNOT_EOK;
#else
	int ret = aname_stats_register(mod, false, false);
#endif
	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]) && ret == KNOT_EOK; i++) {
		ret = knotd_mod_in_hook(mod, stages[i], on_query);
	}
	return ret;
}

static void bare_unload(knotd_mod_t *mod)
{
}

KNOTD_MOD_API(bare, KNOTD_MOD_FLAG_SCOPE_ZONE | KNOTD_MOD_FLAG_OPT_CONF, bare_load, bare_unload,
              NULL, NULL);
