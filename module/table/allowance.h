/*!
 * \brief How much of a worker's time signing may take (BEHAVIOUR L4).  [P]
 *
 * What is to be signed is signed by the worker that answers with it, and what waits for this worker
 * waits for that: with RSA keys as long as 50 to 300 answers take. A zone whose answers are other
 * ones each time would have all of its time. So signing gets ANAME_ALLOWANCE_OF_8 eighths of it, what
 * was not used before for ANAME_ALLOWANCE_US; and where that is spent, whose signatures took most of
 * it gives way first: zones that had less than a quarter of that may go on for as long again.
 *
 * The time is that which passes, whatever the worker does in it: it is what others wait for.
 *
 * Thread: the worker whose it is.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

/*! So that no query costs more than 8 times what it would without others' signatures; rule L4 says
 *  10. With ECDSA keys signing does not come to so much, however much is asked. */
#define ANAME_ALLOWANCE_OF_8  7
#define ANAME_ALLOWANCE_US    200000
/*! Zones whose shares are known; of others too little was seen to be of any weight. */
#define ANAME_ALLOWANCE_ZONES 8

/*! All zero: nothing is spent. */
typedef struct {
	int64_t now_us;    /*!< When it was looked at last. */
	int64_t spent_8us; /*!< In eighths of that; it comes back with time. */
	int64_t halved_us; /*!< When the shares were halved last, which they are once a second. */
	struct {
		uint32_t zone; /*!< 0: none. */
		uint32_t spent_us;
	} shares[ANAME_ALLOWANCE_ZONES];
} aname_allowance_t;

/*!
 * \brief May something be signed for a zone now?
 *
 * \param zone    Whose it is, as aname_shared_zone(); not 0.
 * \param now_us  Of a clock that never goes back, in microseconds.
 */
bool aname_allowance_has(aname_allowance_t *allowance, uint32_t zone, int64_t now_us);

/*! Notes that it was, and took from `began_us` until now. */
void aname_allowance_spend(aname_allowance_t *allowance, uint32_t zone, int64_t began_us,
                           int64_t now_us);
