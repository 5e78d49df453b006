/*!
 * \brief A module for Knot DNS that does no more than say so, for unload.md.
 *
 * Where a file `fail` is in knotd's working directory it cannot be loaded.
 */

#include <stdlib.h>
#include <syslog.h>
#include <unistd.h>

#include <knot/module.h>

static int load(knotd_mod_t *mod)
{
	if (access("fail", F_OK) == 0) {
		return KNOT_ERROR;
	}
	void *ctx = malloc(1);
	if (ctx == NULL) {
		return KNOT_ENOMEM;
	}
	knotd_mod_ctx_set(mod, ctx);
	knotd_mod_log(mod, LOG_NOTICE, "loaded");
	return KNOT_EOK;
}

/* As the modules of Knot do, it frees its context and leaves the pointer. */
static void unload(knotd_mod_t *mod)
{
	knotd_mod_log(mod, LOG_NOTICE, "unloaded");
	free(knotd_mod_ctx(mod));
}

KNOTD_MOD_API(said, KNOTD_MOD_FLAG_SCOPE_ZONE | KNOTD_MOD_FLAG_OPT_CONF, load, unload, NULL, NULL);
