/*!
 * \brief kaname: declares, shows and checks ANAME records. See kaname(1).
 */

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "commands.h"
#include "protocol.h"
#include "tame.h"
#include "tool.h"

/*! Longest time-out in seconds: a day. */
#define TIMEOUT_MAX  86400
#define VERSION_TEXT "kaname " KANAME_VERSION "\n"

void kaname_error(const char *format, ...)
{
	char message[5000], tame[KANAME_TAME_MAX(sizeof(message))];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	kaname_tame(message, tame);
	(void)fprintf(stderr, "kaname: %s\n", tame);
}

kaname_exit_t kaname_finish(kaname_exit_t code)
{
	/* Of the write that failed, unless it is the last one. */
	int error = ferror(stdout) ? errno : 0;
	bool failed = ferror(stdout);
	if (fclose(stdout) != 0 || failed) {
		kaname_error("cannot write to standard output: %s",
		             strerror(failed ? error : errno));
		return KANAME_IO;
	}
	return code;
}

static kaname_exit_t usage(const kaname_command_t *command)
{
	if (command != NULL) {
		kaname_error("usage: kaname %s, see kaname %s --help", command->usage,
		             command->name);
	} else {
		kaname_error("usage: kaname COMMAND [OPTIONS] [ARGUMENTS], see kaname --help");
	}
	return KANAME_USAGE;
}

/*! Reads a number of an option; false, and reported, if it is none or out of range. */
static bool read_number(const char *name, int64_t most, int64_t *number)
{
	char *end;
	errno = 0;
	long long value = strtoll(optarg, &end, 10);
	if (errno != 0 || *optarg == '\0' || *end != '\0' || value < 0 || value > most) {
		kaname_error("--%s %s: expected a number from 0 to %" PRId64, name, optarg, most);
		return false;
	}
	*number = value;
	return true;
}

/*! Reads a time of an option, with a unit or in seconds; false, and reported, if it is none. */
static bool read_time(const char *name, int64_t most, int64_t *seconds)
{
	static const struct {
		char unit;
		int64_t seconds;
	} units[] = { { '\0', 1 },   { 's', 1 },     { 'm', 60 },
		      { 'h', 3600 }, { 'd', 86400 }, { 'w', 604800 } };
	char *end;
	errno = 0;
	long long value = strtoll(optarg, &end, 10);
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && errno == 0 && end != optarg;
	     i++) {
		if (*end == units[i].unit && (*end == '\0' || end[1] == '\0') && value > 0 &&
		    value <= most / units[i].seconds) {
			*seconds = value * units[i].seconds;
			return true;
		}
	}
	kaname_error("--%s %s: expected a time from 1s to %" PRId64 "d, such as 90s, 10m, 1h or 7d",
	             name, optarg, most / 86400);
	return false;
}

/*! Takes one more catalog; false, and reported, if there are too many. */
static bool take_catalog(kaname_args_t *args)
{
	if (args->catalogs_count == KANAME_CATALOGS_MAX) {
		kaname_error("--catalog %s: no more than %d are taken", optarg,
		             KANAME_CATALOGS_MAX);
		return false;
	}
	args->catalogs[args->catalogs_count++] = optarg;
	return true;
}

/*! Takes one option; false if it has no good value. */
static bool take_option(kaname_args_t *args, int option)
{
	int64_t seconds = args->timeout;
	bool good = true;
	switch (option) {
	case 'o': args->origin = optarg; break;
	case 'r': args->reverse = true; break;
	case 's': args->socket = optarg; break;
	case 't':
		/* 0: for ever. */
		good = strcmp(optarg, "0") == 0 || read_time("timeout", TIMEOUT_MAX, &seconds);
		seconds = strcmp(optarg, "0") == 0 ? 0 : seconds;
		break;
	case 'T': good = read_number("ttl", INT32_MAX, &args->ttl); break;
	case 'a': args->add = true; break;
	case 'w': args->owner = optarg; break;
	case 'n': args->no_check = true; break;
	case 'y': args->type = optarg; break;
	case 'S': args->status_socket = optarg; break;
	case 'j': args->json = true; break;
	case 'p': args->prometheus = true; break;
	case 'O': args->output = optarg; break;
	case 'u': args->summary = true; break;
	case 'F': good = read_time("for", ANAME_FORCED_SECONDS_MAX, &args->seconds); break;
	case 'c': args->client = optarg; break;
	case 'q': args->quiet = true; break;
	case 'v': args->verbose = true; break;
	case 'R': args->reconnect = true; break;
	case 'k': args->key = optarg; break;
	case 'P': args->primary = optarg; break;
	case 'M': args->primary_moved = true; break;
	case 'J': args->journal = optarg; break;
	case '1': args->once = true; break;
	case 'N': args->dry_run = true; break;
	case 'A': args->adopt = true; break;
	case 'I': args->setup = true; break;
	case 'C': good = take_catalog(args); break;
	default: good = false; break;
	}
	args->timeout = (int)seconds;
	return good;
}

/*! The options as getopt_long() reads them. */
typedef struct {
	struct option names[64]; /*!< A zeroed one behind the last. */
	char short_forms[64];
} forms_t;

static void make_forms(forms_t *forms)
{
	size_t names = 0, len = 0;
	for (size_t i = 0; i < kaname_options_count; i++) {
		const kaname_option_t *option = &kaname_options[i];
		/* It stands there once for each meaning. */
		if (kaname_option_find(NULL, option->key) != option) {
			continue;
		}
		forms->names[names++] = (struct option){
			.name = option->name,
			.has_arg = option->value != NULL ? required_argument : no_argument,
			.val = (unsigned char)option->key,
		};
		if (option->has_short) {
			forms->short_forms[len++] = option->key;
			if (option->value != NULL) {
				forms->short_forms[len++] = ':';
			}
		}
	}
}

static kaname_exit_t run(const kaname_command_t *command, const char *given, kaname_args_t *args)
{
	for (const char *option = given; *option != '\0'; option++) {
		if (strchr(command->options, *option) == NULL) {
			kaname_error("%s does not take the option --%s", command->name,
			             kaname_option_find(NULL, *option)->name);
			return usage(command);
		}
	}
	if (args->count < command->least || args->count > command->most) {
		return usage(command);
	}
	return kaname_finish(command->run(args));
}

/*!
 * \brief Takes the options, wherever they stand.
 *
 * \param given  Keys of those that are there.
 * \param ask    'h' or 'V' if that was asked for.
 *
 * \return False, and reported, if one is not understood.
 */
static bool take_options(int argc, char **argv, kaname_args_t *args, char given[64], char *ask)
{
	static forms_t forms;
	make_forms(&forms);
	size_t count = 0;
	int option;
	while ((option = getopt_long(argc, argv, forms.short_forms, forms.names, NULL)) != -1) {
		if (option == '?') {
			(void)usage(NULL);
			return false;
		}
		if (option == 'h' || option == 'V') {
			*ask = *ask == '\0' ? (char)option : *ask;
			continue;
		}
		if (!take_option(args, option)) {
			return false;
		}
		if (count < 63) {
			given[count++] = (char)option;
		}
	}
	return true;
}

int main(int argc, char **argv)
{
	kaname_args_t args = { .timeout = -1, .ttl = -1, .seconds = -1 };
	char given[64] = "", ask = '\0';
	if (!take_options(argc, argv, &args, given, &ask)) {
		return KANAME_USAGE;
	}
	if (ask == 'V') {
		(void)fputs(VERSION_TEXT, stdout);
		return kaname_finish(KANAME_OK);
	}
	const kaname_command_t *command = NULL;
	if (optind < argc) {
		command = kaname_command_find(argv[optind]);
		if (command == NULL) {
			kaname_error("there is no command %s", argv[optind]);
			return usage(NULL);
		}
	}
	if (ask == 'h') {
		kaname_print_help(command);
		return kaname_finish(KANAME_OK);
	}
	if (command == NULL) {
		return usage(NULL);
	}
	args.count = argc - optind - 1;
	args.arguments = argv + optind + 1;
	return run(command, given, &args);
}
