/*!
 * \brief How much of a worker's time signing may take (BEHAVIOUR L4).  [P]
 *
 * What is to be signed is signed by the worker that answers with it, and what waits for this worker
 * waits for that: with RSA keys as long as 50 to 300 answers take. Zones whose answers are other
 * ones each time would have all of its time. So signing gets ANAME_ALLOWANCE_OF_8 eighths of it, what
 * was not used before for some time, too; and where that is spent, whose signatures take most of it
 * gives way first: as much again is there for the others, to whose last part only those come who
 * have taken next to nothing.
 *
 * The time is that which passes, whatever the worker does in it: it is what others wait for.
 *
 * Thread: the worker whose it is.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! So that no query costs more than 8 times what it would without others' signatures; rule L4 says
 *  10. With keys of P-256 or Ed25519 signing does not come to so much over the kernel's sockets. */
#define ANAME_ALLOWANCE_OF_8 7
/*! As much as is missing at most: so it lasts eight times as long if nothing else is done. No single
 *  signature counts for more, since a process may be stopped amid one. */
#define ANAME_ALLOWANCE_US   200000
/*! Zones share these places, each having two of them: what it took is in both. */
#define ANAME_ALLOWANCE_SIZE 512

/*! All zero: nothing is spent. */
typedef struct {
	int64_t now_us;    /*!< When it was looked at last. */
	int64_t spent_8us; /*!< In eighths of that; it comes back with time. */
	int64_t halved_us; /*!< When what zones took was halved last, which it is once a second. */
	uint32_t took_us[2][ANAME_ALLOWANCE_SIZE];
} aname_allowance_t;

typedef enum {
	ANAME_ALLOWANCE_LEFT = 0,
	ANAME_ALLOWANCE_GIVES_WAY, /*!< To others: it took at least half of what any zone did. */
	ANAME_ALLOWANCE_SPENT,     /*!< By others. */
} aname_allowance_state_t;

/*!
 * \brief May something be signed for a zone now? It may with LEFT.
 *
 * \param zone    Whose it is, as aname_shared_zone(): a hash that nobody can choose.
 * \param now_us  Of a clock that never goes back, in microseconds.
 */
aname_allowance_state_t aname_allowance_look(aname_allowance_t *allowance, uint32_t zone,
                                             int64_t now_us);

/*! Notes that it was, and took from `began_us` until now. */
void aname_allowance_spend(aname_allowance_t *allowance, uint32_t zone, int64_t began_us,
                           int64_t now_us);
