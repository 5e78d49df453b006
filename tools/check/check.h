/*!
 * \brief The command check, in parts: everything one asks when a zone does not answer as it should.
 *
 * From the outside in: the server, the zone, the configuration, the record, what a client gets,
 * and what the module knows. A line each: `ok`, `note`, or `BAD` with what to do next.
 */

#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "ask.h"
#include "config.h"
#include "control.h"
#include "live.h"
#include "owner.h"
#include "records.h"
#include "table/subnet.h"
#include "tool.h"

/*! While a lookup is under way it is asked again. */
#define KANAME_CHECK_REPEATS   20
#define KANAME_CHECK_REPEAT_MS 300
/*! Longest text of a line, about. */
#define KANAME_CHECK_TEXT_MAX  2000

/*! The types of addresses, in the order of all that is kept by family. */
extern const uint16_t kaname_families[2];

/*! A zone being checked. */
typedef struct {
	const kaname_args_t *args;
	kaname_control_t control;
	char version[KANAME_VERSION_MAX]; /*!< Of knotd. */
	knot_dname_txt_storage_t zone;
	kaname_records_t records; /*!< Of the apex. */
	kaname_owners_t owners;   /*!< Are other owners followed? */
	kaname_records_t others;  /*!< Of these, if they are; without what no client sees. */
	kaname_values_t modules;  /*!< The zone's list, in order. */
	kaname_values_t listen;   /*!< The server's addresses. */
	kaname_values_t deny;     /*!< Option `deny-address`. */
	kaname_values_t delay;    /*!< Option `negative-delay`. */
	/* Options of the same names. */
	kaname_values_t prefer, weight, answer_targets, allow, deny_target, all_down;
	kaname_values_t resolver, status_socket;
	bool is_loaded, is_signed;
	bool is_mute;               /*!< The module has no status socket, as is configured. */
	bool is_unsigned;           /*!< It is signed, and the module cannot sign for it. */
	bool is_asked;              /*!< As a client asks. */
	kaname_answer_t clients[2]; /*!< What a client then got over TCP, by family. */
	unsigned bad;
	unsigned bad_before; /*!< Of these, what was found before a client's question. */
} kaname_check_t;

/* The report. */

/*! What is as it should be. */
__attribute__((format(printf, 1, 2))) void kaname_good(const char *format, ...);

/*! What is neither good nor bad. */
__attribute__((format(printf, 1, 2))) void kaname_note(const char *format, ...);

/*! What is wrong, and what to do next. */
__attribute__((format(printf, 3, 4))) void kaname_bad(kaname_check_t *check, const char *next,
                                                      const char *format, ...);

/* The parts, in order. */

/*!
 * \brief What is asked by control: the server, the zone, its configuration and its records.
 *
 * \return KANAME_OK if the rest is worth asking; KANAME_NO if it is not; KANAME_IO, reported.
 */
__attribute__((warn_unused_result)) kaname_exit_t kaname_check_server(kaname_check_t *check);

/*! Reads an option of the zone's section; no values if it is not set there. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_check_option(kaname_check_t *check,
                                                                      const char *option,
                                                                      kaname_values_t *values);

/*! Does a list of the option `rrtype` take a type? */
bool kaname_check_takes(const kaname_values_t *types, const char *type);

/*! Finds out whether records below the apex are followed, and names their owners if not. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_check_below(kaname_check_t *check);

/*! Reads the records of owners other than the apex, and looks at them, if they are followed. */
__attribute__((warn_unused_result)) kaname_exit_t kaname_check_others_read(kaname_check_t *check);

/*! What the module knows of their targets, and what clients get of some of them. */
void kaname_check_others(kaname_check_t *check);

/*! What a client gets, asked as one. */
void kaname_check_client(kaname_check_t *check);

/*! The network of an address, as it counts for the choice; false if it is none. */
bool kaname_check_network(const char *text, aname_subnet_t *network);

/*! Notes targets of a pool that no suffix of `prefer` or `weight` names, where there are some. */
void kaname_check_suffixes(const kaname_check_t *check);

/*! Which targets the client of the option --client gets, and why. */
void kaname_check_choice(kaname_check_t *check, const kaname_live_t *live);

/*! What the module knows of the targets, and whether that is what the client got. */
void kaname_check_targets(kaname_check_t *check);

/*!
 * \brief Tells what is known of a target.
 *
 * \param whose  Whose target it is, or NULL for the apex.
 */
void kaname_check_target(kaname_check_t *check, const char *whose, const kaname_line_t *line);

/*! Is a target being looked up for the first time? */
bool kaname_check_is_pending(const kaname_line_t *line);
