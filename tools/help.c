/*!
 * \brief What kaname says of itself, out of the tables of commands and options.
 */

#include <stdio.h>
#include <string.h>

#include "commands.h"

/*! Where the meaning of an option begins. */
#define MEANING_AT 28

/*! Prints an option and its meaning, which may have several lines. */
static void print_option(const kaname_option_t *option)
{
	char left[MEANING_AT * 2];
	int len = snprintf(left, sizeof(left), "  ");
	if (option->has_short) {
		len += snprintf(left + len, sizeof(left) - len, "-%c, ", option->key);
	}
	(void)snprintf(left + len, sizeof(left) - len, "--%s%s%s", option->name,
	               option->value != NULL ? " " : "",
	               option->value != NULL ? option->value : "");
	(void)printf("%-*s", MEANING_AT, left);
	for (const char *line = option->meaning; line != NULL;) {
		const char *end = strchr(line, '\n');
		(void)printf(" %.*s\n", end != NULL ? (int)(end - line) : (int)strlen(line), line);
		line = end != NULL ? end + 1 : NULL;
		if (line != NULL) {
			(void)printf("%*s", MEANING_AT, "");
		}
	}
}

static void print_summary(void)
{
	(void)printf("Usage: kaname COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
	for (size_t i = 0; i < kaname_commands_count; i++) {
		(void)printf("  %-36s %s\n", kaname_commands[i].usage, kaname_commands[i].purpose);
	}
	(void)printf("\nOptions of most of them:\n");
	for (const char *key = "sSthV"; *key != '\0'; key++) {
		print_option(kaname_option_find(NULL, *key));
	}
	(void)printf(
	        "\nExit status: 0 done; 1 refused, or bad input; 2 not understood; 3 could not "
	        "read,\nwrite, or reach the server. More: kaname COMMAND --help, kaname(1).\n");
}

static void print_command(const kaname_command_t *command)
{
	(void)printf("Usage: kaname %s\n\n%s", command->usage, command->about);
	if (command->arguments != NULL) {
		(void)printf("\nArguments:\n%s", command->arguments);
	}
	(void)printf("\nOptions:\n");
	for (size_t i = 0; i < kaname_options_count; i++) {
		const kaname_option_t *option = &kaname_options[i];
		bool takes = option->key == 'h' || strchr(command->options, option->key) != NULL;
		if (takes && kaname_option_find(command, option->key) == option) {
			print_option(option);
		}
	}
	(void)printf("\nExit status:\n%s\nExamples:\n%s", command->status, command->examples);
}

void kaname_print_help(const kaname_command_t *command)
{
	if (command != NULL) {
		print_command(command);
	} else {
		print_summary();
	}
}

kaname_exit_t kaname_help(const kaname_args_t *args)
{
	const kaname_command_t *command = NULL;
	if (args->count > 0) {
		command = kaname_command_find(args->arguments[0]);
		if (command == NULL) {
			kaname_error("there is no command %s, see kaname --help",
			             args->arguments[0]);
			return KANAME_USAGE;
		}
	}
	kaname_print_help(command);
	return KANAME_OK;
}
