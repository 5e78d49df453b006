/*!
 * \brief The kinds of answers, their names, and how many of each the process has given.  [P]
 *
 * Thread: any.
 */

#pragma once

#include "table/shared.h"

/*! What an answer was made of; name in `knotc stats`. */
#define ANAME_ANSWER_KINDS(X)                                                              \
	X(FRESH, "fresh")         /* Addresses within their lifetime. */                   \
	X(LATE, "late")           /* Past it, a lookup under way has not failed (T2). */   \
	X(STALE, "stale")         /* Past it, and the target fails or is too late (F1). */ \
	X(SIBLING, "sibling")     /* The zone's own A or AAAA (F2). */                     \
	X(NODATA, "nodata")       /* The target has none (A7). */                          \
	X(GONE, "gone")           /* The same, where there were addresses before (W1). */  \
	X(TRUNCATED, "truncated") /* TC over UDP: not looked up yet (C1). */               \
	X(COLD, "cold")           /* SERVFAIL: not looked up yet (C2, C3). */              \
	X(FAILED, "failed")       /* SERVFAIL (F3). */                                     \
	X(DENIED, "denied")       /* SERVFAIL: policy (L2). */                             \
	X(ALL_DOWN, "all-down")   /* Health has left none: as `all-down` says (H4). */     \
	X(HTTPS, "https")         /* No addresses: HTTPS in AliasMode (Q1). */

typedef enum {
#define X(kind, name) ANAME_KIND_##kind,
	ANAME_ANSWER_KINDS(X)
#undef X
	        ANAME_KINDS,
} aname_kind_t;

/*! Its name; `kind` is below ANAME_KINDS. */
const char *aname_kind_name(unsigned kind);

/*! Answers of this kind, of all zones, since the module was loaded first. */
uint64_t aname_kind_total(const aname_shared_t *shared, unsigned kind);
