/*!
 * \brief Values of options that are well-formed and cannot be meant.  [K]
 *
 * What knotd's parser takes is not all of use: a name with a wildcard that no target is under, a word
 * for "no" that becomes the name of a file. conf-check says so, with the option and what it takes.
 *
 * *Thread:* any; texts are of the thread that calls, and good until it calls again.
 */

#pragma once

#include <knot/module.h>

/*!
 * \brief Sets the message of a check.
 *
 * \return `ret`.
 */
__attribute__((format(printf, 3, 4))) int aname_conf_refuse(knotd_conf_check_args_t *args, int ret,
                                                            const char *format, ...);

/*! Checks an option that is a path of at most `most` octets, or `off`. */
int aname_conf_check_path(knotd_conf_check_args_t *args, const yp_name_t *option, size_t most);

/*! Checks a domain name that targets are to be under. */
int aname_conf_check_suffix(knotd_conf_check_args_t *args, const yp_name_t *option,
                            const knot_dname_t *suffix);

/*! Checks an option that is a list of such names. */
int aname_conf_check_suffixes(knotd_conf_check_args_t *args, const yp_name_t *option);

/*! The port of an IPv4 or IPv6 address. */
uint16_t aname_conf_port(const struct sockaddr_storage *ss);

/*! Checks the servers of `resolver`, and the addresses of `via`: IPv4 and IPv6 ones, with a port and
 *  without. */
int aname_conf_check_peers(knotd_conf_check_args_t *args, const knotd_conf_t *servers,
                           const knotd_conf_t *via);

/*! Checks the ranges of `deny-address`. */
int aname_conf_check_ranges(knotd_conf_check_args_t *args);
