#include "service/shares.h"

#include <stdlib.h>

/*! Targets of a zone: a run of those that are in order. */
typedef struct {
	size_t first, count;
} holding_t;

/*! By zone, and of each the one first that was asked for least recently. */
static int compare_zones(const void *one, const void *other)
{
	const aname_share_t *a = one, *b = other;
	if (a->zone != b->zone) {
		return (a->zone > b->zone) - (a->zone < b->zone);
	}
	return (a->asked_s > b->asked_s) - (a->asked_s < b->asked_s);
}

/*! Those first that give way, and of the others those that were asked for least recently. */
static int compare_ages(const void *one, const void *other)
{
	const aname_share_t *a = one, *b = other;
	if (a->dormant != b->dormant) {
		return a->dormant ? -1 : 1;
	}
	return (a->asked_s > b->asked_s) - (a->asked_s < b->asked_s);
}

/*! Finds the runs of shares in order; how many there are. */
static size_t find_holdings(const aname_share_t *shares, size_t count, holding_t *holdings)
{
	size_t zones = 0;
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || shares[i].zone != shares[i - 1].zone) {
			holdings[zones++] = (holding_t){ .first = i };
		}
		holdings[zones - 1].count++;
	}
	return zones;
}

/*! How many go if all come down to a level. */
static size_t above(const holding_t *holdings, size_t zones, size_t level)
{
	size_t sum = 0;
	for (size_t i = 0; i < zones; i++) {
		sum += holdings[i].count > level ? holdings[i].count - level : 0;
	}
	return sum;
}

/*! The highest level that makes room for `need`, but not below `lowest`. */
static size_t find_level(const holding_t *holdings, size_t zones, size_t need, size_t lowest,
                         size_t highest)
{
	while (lowest < highest) {
		size_t level = lowest + (highest - lowest + 1) / 2;
		if (above(holdings, zones, level) >= need) {
			lowest = level;
		} else {
			highest = level - 1;
		}
	}
	return lowest;
}

static void swap(aname_share_t *one, aname_share_t *other)
{
	aname_share_t share = *one;
	*one = *other;
	*other = share;
}

/*! Puts those first by which zones are above the level, at most `need`, and of those that are above it
 *  by one as few as possible; how many. */
static size_t level_out(aname_share_t *shares, const holding_t *holdings, size_t zones,
                        size_t level, size_t need)
{
	size_t all = above(holdings, zones, level);
	size_t last = (all < need ? all : need) - above(holdings, zones, level + 1);
	size_t chosen = 0;
	for (size_t i = 0; i < zones; i++) {
		size_t more = holdings[i].count > level ? holdings[i].count - level : 0;
		if (more > 0 && last > 0) {
			last--;
		} else if (more > 0) {
			more--;
		}
		/* Those before it are chosen, or are of zones that were looked at. */
		for (size_t k = 0; k < more; k++) {
			swap(&shares[chosen++], &shares[holdings[i].first + k]);
		}
	}
	return chosen;
}

/*! How many of shares in order of age may go although their zones hold no more than others. */
static size_t count_old(const aname_share_t *shares, size_t count, uint32_t now_s)
{
	size_t old = 0;
	while (old < count &&
	       (shares[old].dormant || shares[old].asked_s + ANAME_SHARES_RECENT_S < now_s)) {
		old++;
	}
	return old;
}

static aname_heaviest_t find_heaviest(const aname_share_t *shares, const holding_t *holdings,
                                      size_t zones, size_t even)
{
	aname_heaviest_t heaviest = { 0 };
	for (size_t i = 0; i < zones; i++) {
		if (holdings[i].count > even && holdings[i].count > heaviest.held) {
			heaviest.zone = shares[holdings[i].first].zone;
			heaviest.held = holdings[i].count;
		}
	}
	return heaviest;
}

size_t aname_shares_choose(aname_share_t *shares, size_t count, size_t need, uint32_t now_s,
                           aname_heaviest_t *heaviest)
{
	*heaviest = (aname_heaviest_t){ 0 };
	holding_t *holdings = malloc((count + 1) * sizeof(*holdings));
	if (holdings == NULL || count == 0) {
		free(holdings);
		return 0;
	}
	qsort(shares, count, sizeof(*shares), compare_zones);
	size_t zones = find_holdings(shares, count, holdings);
	size_t even = (count + zones - 1) / zones;
	*heaviest = find_heaviest(shares, holdings, zones, even);
	size_t level = find_level(holdings, zones, need, even, count);
	size_t chosen = level_out(shares, holdings, zones, level, need);
	free(holdings);

	if (chosen < need) {
		qsort(shares + chosen, count - chosen, sizeof(*shares), compare_ages);
		size_t old = count_old(shares + chosen, count - chosen, now_s);
		chosen += old < need - chosen ? old : need - chosen;
	}
	return chosen;
}
