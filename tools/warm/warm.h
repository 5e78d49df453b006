/*!
 * \brief The command warm, in parts: asks for every ANAME of the server until it is known.
 *
 * Which names there are, what a client gets for them, over UDP and as fast as lookups are started,
 * and what the module says of their targets, since an answer does not tell everything.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <sys/socket.h>

#include "control.h"
#include "live.h"
#include "records.h"
#include "tool.h"

/*! What is known of a name, in one family. */
typedef enum {
	KANAME_WARM_OPEN = 0, /*!< It is not known yet. */
	KANAME_WARM_FAILING,  /*!< The lookup has failed; it is asked for again for a while. */
	KANAME_WARM_KNOWN,    /*!< It is answered, be it stale or negative. */
} kaname_warm_verdict_t;

/*! What came last. */
typedef enum {
	KANAME_WARM_SILENCE = 0, /*!< No reply. */
	KANAME_WARM_TRUNCATED,
	KANAME_WARM_NOT_READY,  /*!< SERVFAIL, and the lookup is under way. */
	KANAME_WARM_NOT_SERVED, /*!< The zone is not loaded. */
	KANAME_WARM_ANSWER,
	KANAME_WARM_FAILURE, /*!< See `rcode` and `ede`. */
} kaname_warm_said_t;

typedef struct {
	uint8_t verdict; /*!< kaname_warm_verdict_t */
	uint8_t said;    /*!< kaname_warm_said_t */
	uint8_t rcode;
	int16_t ede; /*!< Or -1. */
	bool asked;
	bool queued;    /*!< It is under way, or waits for its time. */
	bool held_back; /*!< The module knew it already when it was asked last. */
	bool doubted;   /*!< An answer is not enough: the module knows better. */
} kaname_warm_question_t;

/*! An owner, and its two questions: A and AAAA. */
typedef struct {
	const kaname_record_t *records; /*!< Of this owner. */
	size_t records_count;
	bool left_out; /*!< The module is not loaded for the zone. */
	kaname_warm_question_t questions[2];
} kaname_warm_name_t;

typedef struct {
	const kaname_args_t *args;
	int timeout_s; /*!< 0: for ever. */
	int64_t begin_ms;
	int64_t end_ms; /*!< Then the time is up. */
	kaname_records_t records;
	kaname_warm_name_t *names; /*!< In the order of the records. */
	size_t count, left_out;
	const kaname_warm_name_t *first_left_out;
	/* Owners that no client sees are no names. */
	size_t hidden;
	const kaname_record_t *first_hidden;
	/* The zones that were named, as knotd writes them, and whether they have a name. */
	knot_dname_txt_storage_t *zones;
	bool *found;
	struct sockaddr_storage server;
	char server_text[100]; /*!< Empty: not chosen yet. */
	/* Questions, by verdict. */
	size_t verdicts[KANAME_WARM_KNOWN + 1];
	int64_t changed_ms; /*!< When one of them changed last. */
	kaname_live_t live; /*!< What the module said last. */
	bool has_live, no_live;
	int64_t judge_ms; /*!< When the module is to be asked next. */
	int64_t judge_after_ms;
	bool loading; /*!< Zones were being loaded when the time was up. */
} kaname_warm_t;

static inline const char *kaname_warm_owner(const kaname_warm_name_t *name)
{
	return name->records[0].owner;
}

/*! The command line, with what is left of the time in the place of the time-out, in seconds and at
 *  most this many. */
kaname_args_t kaname_warm_args(const kaname_warm_t *warm, int most_s);

/* Names. */

/*!
 * \brief Reads which names there are; waits for the control socket until the time is up.
 *
 * What was known of a name that was there before is kept.
 *
 * \return KANAME_OK; everything else is reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_warm_read_names(kaname_warm_t *warm);

/*! Are there zones that are just being loaded? */
__attribute__((warn_unused_result)) kaname_exit_t kaname_warm_read_loading(kaname_warm_t *warm,
                                                                           bool *loading);

/*! Has one of the records of a name a target, so that there is something to look up? */
bool kaname_warm_has_target(const kaname_warm_name_t *name);

void kaname_warm_free(kaname_warm_t *warm);

/* Questions. */

/*!
 * \brief Asks for all names that are not known, until they are, or fail, or the time is up.
 *
 * \return KANAME_OK, whatever came; KANAME_IO, reported: the server cannot be asked.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_warm_ask(kaname_warm_t *warm);

/*! Changes a verdict, and keeps count. */
void kaname_warm_decide(kaname_warm_t *warm, kaname_warm_question_t *question,
                        kaname_warm_verdict_t verdict);

/* What the module says. */

/*!
 * \brief Asks the module what it knows of the targets, and judges by it what replies leave open:
 *        answers that the zone's own addresses or a part of a pool stand in for, and replies that
 *        are truncated though all is known, because they are large or their rate is limited.
 *
 * Where it cannot be asked that is reported once, and the replies alone count.
 *
 * \return Whether there are targets that are just being looked up, behind answers.
 */
bool kaname_warm_judge(kaname_warm_t *warm);

/*! Why lookups of a name fail, in one family, and of which of its targets; NULL: that is not known,
 *  or they do not. */
const char *kaname_warm_why(const kaname_warm_t *warm, const kaname_warm_name_t *name, int family,
                            const char **target);

/* The report. */

/*! Shows on a terminal how far it is. */
void kaname_warm_progress(const kaname_warm_t *warm);

/*! Prints what came of it; KANAME_OK if all is known, else KANAME_NO. */
kaname_exit_t kaname_warm_report(const kaname_warm_t *warm);
