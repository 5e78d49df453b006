/*!
 * \brief The commands of kaname and their options: what they are called, take, mean, and how they
 *        are explained.
 *
 * The command line is read by these tables, and `kaname COMMAND --help` prints what stands in them.
 * kaname(1) and the completions of shells have the same commands and options; a test compares them.
 */

#pragma once

#include <stddef.h>

#include "tool.h"

/*! An option. What it means may depend on the command: then it has several rows, and the last one of
 *  them is that of all other commands. */
typedef struct {
	char key; /*!< Stands for it in the table of commands. */
	bool has_short;
	const char *name;     /*!< Long form. */
	const char *value;    /*!< What its value is; NULL: it takes none. */
	const char *meaning;  /*!< Lines of at most 52 columns. */
	const char *commands; /*!< Whose row it is, blanks between; NULL: of all others. */
} kaname_option_t;

/*! In the order of the help. */
extern const kaname_option_t kaname_options[];
extern const size_t kaname_options_count;

/*! A command. The texts are lines of at most 80 columns; all but the last end. */
typedef struct {
	const char *name;
	int least, most;     /*!< Arguments. */
	const char *options; /*!< Keys of those it takes, beside --help and --version. */
	const char *usage;
	const char *purpose;   /*!< A few words, for the list of all. */
	const char *about;     /*!< What it does. */
	const char *arguments; /*!< What each of them is; NULL: none. */
	const char *status;    /*!< How it ends. */
	const char *examples;
	kaname_exit_t (*run)(const kaname_args_t *args);
} kaname_command_t;

/*! In the order of the help. */
extern const kaname_command_t kaname_commands[];
extern const size_t kaname_commands_count;

/*! The command of this name; NULL if there is none. */
const kaname_command_t *kaname_command_find(const char *name);

/*! The option of this key as it is with a command; with NULL, as it is with any. */
const kaname_option_t *kaname_option_find(const kaname_command_t *command, char key);

/*! Prints the summary of all commands, or what there is to say of one. */
void kaname_print_help(const kaname_command_t *command);
