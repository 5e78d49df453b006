#include "follow/decide.h"

static uint32_t seconds_of(int64_t now_ms)
{
	return (uint32_t)((now_ms + 999) / 1000);
}

static bool is_none(kaname_told_worth_t worth)
{
	return worth == KANAME_TOLD_NODATA || worth == KANAME_TOLD_NXDOMAIN;
}

void kaname_known_tell(kaname_known_t *known, const kaname_told_worth_t *worths, int64_t now_ms)
{
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		kaname_known_t *one = &known[i];
		bool other_set = worths[!i] == KANAME_TOLD_SET;
		bool other_is_back = other_set && known[!i].worth != KANAME_TOLD_SET;
		if (worths[i] == KANAME_TOLD_SET) {
			one->nodata_since_s = 0;
			one->with_other = false;
		} else if (is_none(worths[i]) && one->nodata_since_s == 0) {
			one->nodata_since_s = seconds_of(now_ms);
			one->with_other = !other_set;
		} else if (one->with_other && other_is_back) {
			one->nodata_since_s = seconds_of(now_ms);
		}
		one->with_other |= worths[i] == KANAME_TOLD_NXDOMAIN;
	}
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		known[i].worth = worths[i];
	}
}

/*! Is it believed that a family has no address? If not yet, `again_ms` is set to when it is. Where neither
 *  has any both go together. */
static bool is_believed(const kaname_known_t *known, const kaname_known_t *other, int64_t now_ms,
                        int64_t *again_ms)
{
	uint32_t since_s = known->nodata_since_s;
	if (is_none(other->worth) && other->nodata_since_s > since_s) {
		since_s = other->nodata_since_s;
	}
	int64_t at_ms = 1000 * (int64_t)since_s + KANAME_NODATA_BELIEVED_MS;
	bool other_stands = other->worth == KANAME_TOLD_SET && !known->with_other;
	if (other_stands || now_ms >= at_ms) {
		return true;
	}
	if (*again_ms == 0 || at_ms < *again_ms) {
		*again_ms = at_ms;
	}
	return false;
}

int64_t kaname_decide(const kaname_known_t known[KANAME_FAMILIES],
                      kaname_set_t *const written[KANAME_FAMILIES], bool others, int64_t now_ms,
                      kaname_set_t *to[KANAME_FAMILIES])
{
	int64_t again_ms = 0;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		to[i] = written[i];
		if (known[i].worth == KANAME_TOLD_SET) {
			to[i] = known[i].set;
		} else if ((is_none(known[i].worth) && written[i] != NULL &&
		            is_believed(&known[i], &known[!i], now_ms, &again_ms)) ||
		           (others && known[i].worth == KANAME_TOLD_FAILED &&
		            known[!i].worth == KANAME_TOLD_SET)) {
			to[i] = NULL;
		}
	}
	return again_ms;
}
