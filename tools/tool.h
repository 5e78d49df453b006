/*!
 * \brief What all commands of kaname share: exit codes, options, and how it prints.
 *
 * One process, one thread, one command. What was asked for goes to standard output, everything
 * else to standard error.
 */

#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*! How long a server may be silent where nothing else is said, in seconds. */
#define KANAME_TIMEOUT_S        10
/*! And while it changes a zone, which takes as long as it takes to sign it. */
#define KANAME_TIMEOUT_CHANGE_S 60

/*! How often --catalog may be there. */
#define KANAME_CATALOGS_MAX 16

/*! How kaname ends; documented in kaname(1). */
typedef enum {
	KANAME_OK = 0,    /*!< Done. */
	KANAME_NO = 1,    /*!< Understood and refused: bad input, or the server refused. */
	KANAME_USAGE = 2, /*!< Not understood. */
	KANAME_IO = 3,    /*!< Could not read, write, or reach the server. */
} kaname_exit_t;

/*! The command line, but for the command's name. */
typedef struct {
	const char *origin;        /*!< -o, or NULL. */
	const char *socket;        /*!< -s, or NULL. */
	const char *owner;         /*!< --owner, or NULL. */
	const char *type;          /*!< --type, or NULL. */
	const char *output;        /*!< --output, or NULL. */
	const char *status_socket; /*!< -S, or NULL. */
	const char *client;        /*!< --client, or NULL. */
	const char *key;           /*!< --key, or NULL. */
	const char *primary;       /*!< --primary, or NULL. */
	const char *journal;       /*!< --journal, or NULL. */
	int64_t ttl;               /*!< --ttl, or -1. */
	int64_t seconds;           /*!< --for, or -1. */
	int64_t busy_ms; /*!< Until when, by kaname_now_ms(), a status socket is asked again that
	                                serves others; 0: it is not. */
	size_t catalogs_count;
	const char *catalogs[KANAME_CATALOGS_MAX]; /*!< --catalog, each. */
	char **arguments;                          /*!< Those that are no options; */
	int count;                                 /*!< how many. */
	int timeout;                               /*!< -t in seconds, 0 for ever, or -1. */
	bool reverse;                              /*!< --reverse */
	bool add;                                  /*!< --add */
	bool no_check;                             /*!< --no-check */
	bool json;                                 /*!< --json */
	bool prometheus;                           /*!< --prometheus */
	bool summary;                              /*!< --summary */
	bool quiet;                                /*!< --quiet */
	bool verbose;                              /*!< --verbose */
	bool reconnect;                            /*!< --reconnect */
	bool once;                                 /*!< --once */
	bool dry_run;                              /*!< --dry-run */
	bool adopt;                                /*!< --adopt */
	bool primary_moved;                        /*!< --primary-moved */
	bool setup;                                /*!< --setup */
} kaname_args_t;

/*! What to do where too many files are open. */
#define KANAME_NEXT_FILES "let it open more files: LimitNOFILE= in its unit, or 'ulimit -n'"

/*! Prints a message on standard error, after the program's name. */
__attribute__((format(printf, 1, 2))) void kaname_error(const char *format, ...);

/*!
 * \brief Ends the output: what is buffered is written, and every failed write is reported.
 *
 * \return `code`, or KANAME_IO if something was not written.
 */
kaname_exit_t kaname_finish(kaname_exit_t code);

/* The commands. Each of them takes its number of arguments as checked by main(). */
kaname_exit_t kaname_rdata(const kaname_args_t *args);
kaname_exit_t kaname_show(const kaname_args_t *args);
kaname_exit_t kaname_zone(const kaname_args_t *args);
kaname_exit_t kaname_help(const kaname_args_t *args);

/* Those that ask a running server. */
kaname_exit_t kaname_set(const kaname_args_t *args);
kaname_exit_t kaname_get(const kaname_args_t *args);
kaname_exit_t kaname_unset(const kaname_args_t *args);
kaname_exit_t kaname_list(const kaname_args_t *args);
kaname_exit_t kaname_status(const kaname_args_t *args);
kaname_exit_t kaname_warm(const kaname_args_t *args);
kaname_exit_t kaname_check(const kaname_args_t *args);
kaname_exit_t kaname_force(const kaname_args_t *args);
kaname_exit_t kaname_refresh(const kaname_args_t *args);
kaname_exit_t kaname_watch(const kaname_args_t *args);
kaname_exit_t kaname_follow(const kaname_args_t *args);
