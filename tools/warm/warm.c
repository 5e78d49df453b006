/*!
 * \brief The command warm: asks for every ANAME of the server until it is known.
 */

#include "warm/warm.h"

#include <poll.h>
#include <stdlib.h>

#include "ask.h"

/*! How long it takes at most, by default. */
#define TIMEOUT_S 30
/*! While zones are being loaded they are listed again after so long. */
#define LIST_MS   500
/*! Replies have had time to come when the module is asked first. */
#define JUDGE_MS  2000

kaname_args_t kaname_warm_args(const kaname_warm_t *warm, int most_s)
{
	kaname_args_t args = *warm->args;
	int64_t left_s = (warm->end_ms - kaname_now_ms()) / 1000 + 1;
	args.timeout = (int)(left_s < 1 ? 1 : left_s < most_s ? left_s : most_s);
	return args;
}

/*! Asks for all there is, and for what comes while zones are being loaded. */
static kaname_exit_t ask_all(kaname_warm_t *warm)
{
	bool loading = false;
	kaname_exit_t ret = KANAME_OK;
	do {
		/* What has been loaded before the list is made is in the list. */
		ret = kaname_warm_read_loading(warm, &loading);
		if (ret == KANAME_OK) {
			ret = kaname_warm_read_names(warm);
		}
		if (ret == KANAME_OK) {
			ret = kaname_warm_ask(warm);
		}
		if (ret != KANAME_OK || !loading) {
			return ret;
		}
		(void)poll(NULL, 0, LIST_MS);
	} while (kaname_now_ms() < warm->end_ms);
	warm->loading = loading;
	return ret;
}

/*! Reads the names of zones; everything but KANAME_OK is reported. */
static kaname_exit_t read_zones(kaname_warm_t *warm)
{
	int count = warm->args->count;
	warm->zones = calloc(count + 1, sizeof(*warm->zones));
	warm->found = calloc(count + 1, sizeof(*warm->found));
	if (warm->zones == NULL || warm->found == NULL) {
		kaname_error("out of memory");
		return KANAME_IO;
	}
	for (int i = 0; i < count; i++) {
		if (!kaname_zone_name(warm->zones[i], warm->args->arguments[i])) {
			return KANAME_NO;
		}
	}
	return KANAME_OK;
}

kaname_exit_t kaname_warm(const kaname_args_t *args)
{
	int64_t now_ms = kaname_now_ms();
	int timeout_s = args->timeout >= 0 ? args->timeout : TIMEOUT_S;
	kaname_warm_t warm = { .args = args,
		               .timeout_s = timeout_s,
		               .begin_ms = now_ms,
		               .end_ms = timeout_s > 0 ? now_ms + 1000LL * timeout_s : INT64_MAX,
		               .judge_ms = now_ms + JUDGE_MS,
		               .judge_after_ms = JUDGE_MS };
	kaname_exit_t ret = read_zones(&warm);
	if (ret == KANAME_OK) {
		ret = ask_all(&warm);
	}
	if (ret == KANAME_OK) {
		ret = kaname_warm_report(&warm);
	}
	kaname_warm_free(&warm);
	return ret;
}
