/*!
 * \brief The options in knot.conf: their schema and the checks of their values.  [K]
 */

#pragma once

#include <knot/module.h>

/*! Schema of the mod-aname section. */
extern const yp_item_t aname_conf[];

/*! Checks a section; for `knotc conf-check`, at start and at reload (BEHAVIOUR L3). */
int aname_conf_check(knotd_conf_check_args_t *args);

/*!
 * \brief How many sections were checked so far.
 *
 * knotd checks a section that changes before anybody can read it, and shows nowhere else that it
 * did.
 *
 * Thread: any.
 */
uint64_t aname_conf_checks(void);

/*! Reads ANAME, ALIAS or TYPEn; zero if it is none of them, or not a private type. Thread: any. */
uint16_t aname_conf_rrtype(const char *text);
