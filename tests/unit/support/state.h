/*!
 * \brief State files for tests and the fuzzer: samples, and whether one can be written anew.
 */

#pragma once

#include "service/state/reader.h"
#include "service/state/writer.h"

/*! What a sample is made of. */
typedef enum {
	STATE_NOTHING = 0, /*!< No records. */
	STATE_UPSTREAMS,
	STATE_REFERRED,    /*!< What records may refer to: upstreams and definitions. */
	STATE_DEFINITIONS, /*!< And verdicts. */
	STATE_TARGETS,
	STATE_LOST, /*!< Targets that are gone or failing. */
	STATE_FORCES,
	STATE_KEYS,
	STATE_MANY, /*!< Many targets, and many addresses. */
	STATE_ALL,  /*!< All but the many. */
	STATE_SAMPLES,
} state_sample_t;

/*! What a sample is called. */
const char *state_sample_name(state_sample_t sample);

/*! Makes a sample; false if out of memory. Ownership of `out->data`: the caller's. */
bool state_sample(aname_state_out_t *out, state_sample_t sample);

/*! Puts right what says how long a file is and what its checksum is, if it has a head. */
void state_fix(uint8_t *data, size_t len);

/*! Reads a file that is good, and adds all that it says to another one, saved at the same moment;
 *  false if out of memory. */
bool state_copy(aname_state_in_t *in, aname_state_out_t *out);
