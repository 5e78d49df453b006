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

#include "protocol.h"
#include "tool.h"

/*! Longest time-out in seconds: a day. */
#define TIMEOUT_MAX  86400
#define VERSION_TEXT "kaname " KANAME_VERSION "\n"

typedef struct {
	const char *name;
	int least, most;     /*!< Arguments. */
	const char *options; /*!< Short forms of those it takes. */
	const char *usage;
	const char *purpose;
	kaname_exit_t (*run)(const kaname_args_t *args);
} command_t;

static const command_t commands[] = {
	{ "rdata", 1, 1, "", "rdata TARGET", "print the generic RDATA that names TARGET",
	  kaname_rdata },
	{ "show", 1, 1000, "", "show RDATA", "print the target that generic RDATA names",
	  kaname_show },
	{ "zone", 0, 1, "or", "zone [-o ORIGIN] [-r] [FILE]",
	  "translate ANAME and ALIAS lines for knotd", kaname_zone },
	{ "set", 2, 2, "stTa", "set ZONE TARGET [--ttl N] [--add]",
	  "declare the ANAME record of a zone", kaname_set },
	{ "get", 1, 1, "st", "get ZONE", "print the ANAME records of a zone", kaname_get },
	{ "unset", 1, 2, "st", "unset ZONE [TARGET]", "remove them, or one of them", kaname_unset },
	{ "list", 0, 1000, "stj", "list [ZONE|TARGET...] [--json]",
	  "print the ANAME records of all zones", kaname_list },
	{ "warm", 0, 1000, "stSqv", "warm [ZONE...] [-t TIME] [--quiet]",
	  "have all of them looked up, and wait for it", kaname_warm },
	{ "status", 0, 1, "stSj", "status [ZONE] [--json]",
	  "print what the server knows of the targets", kaname_status },
	{ "force", 2, 2, "stSjF", "force WHAT down|up|auto [--for TIME]",
	  "put your word on a target or address first", kaname_force },
	{ "check", 1, 1, "stSc", "check ZONE [--client ADDRESS]",
	  "look for what is wrong with a zone", kaname_check },
};
#define COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct option long_options[] = {
	{ "origin", required_argument, NULL, 'o' },
	{ "reverse", no_argument, NULL, 'r' },
	{ "socket", required_argument, NULL, 's' },
	{ "timeout", required_argument, NULL, 't' },
	{ "ttl", required_argument, NULL, 'T' },
	{ "add", no_argument, NULL, 'a' },
	{ "status-socket", required_argument, NULL, 'S' },
	{ "json", no_argument, NULL, 'j' },
	{ "for", required_argument, NULL, 'F' },
	{ "client", required_argument, NULL, 'c' },
	{ "quiet", no_argument, NULL, 'q' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "help", no_argument, NULL, 'h' },
	{ "version", no_argument, NULL, 'V' },
	{ NULL },
};

/*! What an option means, in the order of the help. */
static const struct {
	const char *usage, *meaning;
} meanings[] = {
	{ "-o, --origin ORIGIN", "origin of relative names until $ORIGIN" },
	{ "-r, --reverse", "turn generic lines back into words" },
	{ "-s, --socket PATH", "control socket of knotd (" KANAME_CONTROL_SOCKET ")" },
	{ "-t, --timeout TIME", "how long knotd may be silent (10s; see kaname(1))" },
	{ "--ttl SECONDS", "TTL (that of the record before, else 300)" },
	{ "--add", "add a target, and keep those that are there" },
	{ "-S, --status-socket PATH", "the module's socket (" ANAME_STATUS_SOCKET " beside -s)" },
	{ "--json", "print JSON" },
	{ "--for TIME", "for how long, such as 90s, 10m, 1h, 7d (without end)" },
	{ "--client ADDRESS", "whose targets to show" },
	{ "--quiet", "print nothing, the exit status tells" },
	{ "--verbose", "print all names that failed, not 20" },
	{ "-h, --help", "print this and exit" },
	{ "-V, --version", "print the version and exit" },
};
#define MEANINGS (sizeof(meanings) / sizeof(meanings[0]))

void kaname_error(const char *format, ...)
{
	char message[5000];
	va_list args;
	va_start(args, format);
	(void)vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	(void)fprintf(stderr, "kaname: %s\n", message);
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

static kaname_exit_t help(void)
{
	(void)printf("Usage: kaname COMMAND [OPTIONS] [ARGUMENTS]\n\nCommands:\n");
	for (size_t i = 0; i < COMMANDS; i++) {
		(void)printf("  %-38s %s\n", commands[i].usage, commands[i].purpose);
	}
	(void)printf("\nOptions:\n");
	for (size_t i = 0; i < MEANINGS; i++) {
		(void)printf("  %-38s %s\n", meanings[i].usage, meanings[i].meaning);
	}
	(void)printf(
	        "\nExit status: 0 done; 1 refused, or bad input; 2 not understood; 3 could not "
	        "read,\nwrite, or reach the server. See kaname(1).\n");
	return kaname_finish(KANAME_OK);
}

static kaname_exit_t usage(const command_t *command)
{
	if (command != NULL) {
		kaname_error("usage: kaname %s", command->usage);
	} else {
		kaname_error("usage: kaname COMMAND [OPTIONS] [ARGUMENTS], see kaname --help");
	}
	return KANAME_USAGE;
}

static const command_t *find_command(const char *name)
{
	for (size_t i = 0; i < COMMANDS; i++) {
		if (strcmp(commands[i].name, name) == 0) {
			return &commands[i];
		}
	}
	return NULL;
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
	case 'S': args->status_socket = optarg; break;
	case 'j': args->json = true; break;
	case 'F': good = read_time("for", ANAME_FORCED_SECONDS_MAX, &args->seconds); break;
	case 'c': args->client = optarg; break;
	case 'q': args->quiet = true; break;
	case 'v': args->verbose = true; break;
	default: good = false; break;
	}
	args->timeout = (int)seconds;
	return good;
}

static const char *long_name(char option)
{
	const struct option *at = long_options;
	while (at->val != option) {
		at++;
	}
	return at->name;
}

static kaname_exit_t run(const command_t *command, const char *given, kaname_args_t *args)
{
	for (const char *option = given; *option != '\0'; option++) {
		if (strchr(command->options, *option) == NULL) {
			kaname_error("%s does not take the option --%s", command->name,
			             long_name(*option));
			return usage(command);
		}
	}
	if (args->count < command->least || args->count > command->most) {
		return usage(command);
	}
	return kaname_finish(command->run(args));
}

int main(int argc, char **argv)
{
	kaname_args_t args = { .timeout = -1, .ttl = -1, .seconds = -1 };
	char given[64] = "";
	size_t count = 0;
	int option;
	while ((option = getopt_long(argc, argv, "o:rs:t:S:hV", long_options, NULL)) != -1) {
		if (option == '?') {
			return usage(NULL);
		}
		if (option == 'h') {
			return help();
		}
		if (option == 'V') {
			(void)fputs(VERSION_TEXT, stdout);
			return kaname_finish(KANAME_OK);
		}
		if (!take_option(&args, option)) {
			return KANAME_USAGE;
		}
		if (count < sizeof(given) - 1) {
			given[count++] = option;
		}
	}
	if (optind == argc) {
		return usage(NULL);
	}
	const command_t *command = find_command(argv[optind]);
	if (command == NULL) {
		kaname_error("there is no command %s", argv[optind]);
		return usage(NULL);
	}
	args.count = argc - optind - 1;
	args.arguments = argv + optind + 1;
	return run(command, given, &args);
}
