#include "commands.h"

#include <string.h>

#include "protocol.h"

const kaname_option_t kaname_options[] = {
	{ 'o', true, "origin", "ORIGIN", "origin of relative names until $ORIGIN", NULL },
	{ 'r', true, "reverse", NULL, "turn generic lines back into words", NULL },
	{ 'T', false, "ttl", "SECONDS", "TTL (that of the record before, else 300)", NULL },
	{ 'w', false, "owner", "NAME", "a name other than the apex; @, * and *.x too", "set" },
	{ 'w', false, "owner", "NAME", "that of this owner, and not the apex", "unset" },
	{ 'w', false, "owner", "NAME", "those of this owner alone, @: of the apex", NULL },
	{ 'a', false, "add", NULL, "add a target, and keep those that are there", NULL },
	{ 'y', false, "type", "ANAME|ALIAS",
	  "record type (that of the records before, else\nANAME)", NULL },
	{ 'n', false, "no-check", NULL, "do not look the target up first", NULL },
	{ 'F', false, "for", "TIME", "for how long, such as 90s, 10m, 1h, 7d\n(without end)",
	  NULL },
	{ 'c', false, "client", "ADDRESS", "whose targets to show", NULL },
	{ 'q', false, "quiet", NULL, "with --once: do not count those not in step", "follow" },
	{ 'q', false, "quiet", NULL, "print nothing, the exit status tells", NULL },
	{ 'v', false, "verbose", NULL, "print all lines about owners, not 50 in 10 s", "follow" },
	{ 'v', false, "verbose", NULL, "print all names that failed, not 20", NULL },
	{ 'R', false, "reconnect", NULL, "go on when knotd is restarted", NULL },
	{ 'j', false, "json", NULL, "it does so anyway", "watch" },
	{ 'j', false, "json", NULL, "print JSON", NULL },
	{ 'p', false, "prometheus", NULL, "print metrics for Prometheus", NULL },
	{ 'u', false, "summary", NULL, "of them those of the server alone", NULL },
	{ 'O', false, "output", "FILE", "put them into this file, at once or not at all", NULL },
	{ 'k', false, "key", "FILE", "file with the TSIG key: [ALGORITHM:]NAME:SECRET", NULL },
	{ 'P', false, "primary", "ADDRESS[@PORT]", "where updates go (knotd, at its first address)",
	  NULL },
	{ 'M', false, "primary-moved", NULL,
	  "what is noted is of this primary, which had another\naddress", NULL },
	{ 'C', false, "catalog", "ZONE", "the members of this catalog zone", NULL },
	{ 'J', false, "journal", "DIRECTORY",
	  "of kaname follow: since when addresses are old\n(/var/lib/kaname-follow)", "check" },
	{ 'J', false, "journal", "DIRECTORY",
	  "where what was written is noted\n(/var/lib/kaname-follow)", NULL },
	{ '1', false, "once", NULL, "do it once, and end", NULL },
	{ 'N', false, "dry-run", NULL, "print what would be written, and write nothing", NULL },
	{ 'A', false, "adopt", NULL,
	  "replace addresses that somebody else wrote; they\nare put back when the ANAME goes",
	  NULL },
	{ 'I', false, "setup", NULL, "print a key, and what knot.conf needs for it", NULL },
	{ 's', true, "socket", "PATH", "control socket of knotd\n(" KANAME_CONTROL_SOCKET ")",
	  NULL },
	{ 'S', true, "status-socket", "PATH",
	  "the module's socket\n(" ANAME_STATUS_SOCKET " beside that of knotd)", NULL },
	{ 't', true, "timeout", "TIME", "how long to wait for the answers (10s)", "refresh" },
	{ 't', true, "timeout", "TIME", "how long to wait for the names; 0: for ever (30s)",
	  "warm" },
	{ 't', true, "timeout", "TIME",
	  "how long an update may take (60s); with --once, all\nof it (30s)", "follow" },
	{ 't', true, "timeout", "TIME", "how long knotd may be silent; 0: for ever (60s)",
	  "set unset" },
	{ 't', true, "timeout", "TIME", "how long knotd may be silent; 0: for ever (10s)", NULL },
	{ 'h', true, "help", NULL, "print this and exit", NULL },
	{ 'V', true, "version", NULL, "print the version and exit", NULL },
};
const size_t kaname_options_count = sizeof(kaname_options) / sizeof(kaname_options[0]);

#define STATUS_DONE   "  0  done\n"
#define STATUS_USAGE  "  2  the command line was not understood\n"
#define STATUS_IO     "  3  something could not be read or written\n"
#define STATUS_SERVER "  3  the server could not be reached, or does not answer\n"
#define ARGUMENT_ZONE "  ZONE    a zone of the server\n"

const kaname_command_t kaname_commands[] = {
	{ "rdata", 1, 1, "", "rdata TARGET", "print the generic RDATA that names TARGET",
	  "Prints the RDATA of a record with this target as zone files and knotc take it\n"
	  "(RFC 3597). It needs no server.\n",
	  "  TARGET  a host name, absolute with a dot at the end or without\n",
	  STATUS_DONE "  1  TARGET is no name\n" STATUS_USAGE STATUS_IO,
	  "  kaname rdata www.cdn.example\n", kaname_rdata },
	{ "show", 1, 1000, "", "show RDATA", "print the target that generic RDATA names",
	  "Prints the target of RDATA in its generic form (RFC 3597). It needs no server.\n",
	  "  RDATA   as one argument or as several, with its \\# and length\n",
	  STATUS_DONE "  1  RDATA is not one name\n" STATUS_USAGE STATUS_IO,
	  "  kaname show '\\# 13 03777777056569676874' 00\n", kaname_show },
	{ "zone", 0, 1, "or", "zone [-o ORIGIN] [-r] [FILE]",
	  "translate ANAME and ALIAS lines for knotd",
	  "Copies a master file to standard output and turns ANAME and ALIAS records into\n"
	  "the generic ones that every knotd reads. Nothing else is changed, but what is\n"
	  "most likely a mistake is told. It needs no server.\n",
	  "  FILE    the master file (standard input)\n",
	  STATUS_DONE "  1  a record could not be translated, or knotd refuses it: it is left as "
	              "it is\n" STATUS_USAGE STATUS_IO,
	  "  kaname zone -o example.com example.com.in > example.com.zone\n"
	  "  kaname zone -r example.com.zone\n",
	  kaname_zone },
	{ "set", 2, 2, "wTaynst", "set ZONE TARGET [--owner NAME]",
	  "declare the ANAME record of a zone",
	  "Declares the ANAME record at the apex of a zone, or at another owner, in place\n"
	  "of all ANAME and ALIAS records there, in one transaction. The target is looked\n"
	  "up first, as the module does it: one that does not exist or has no address is\n"
	  "refused. Owners other than the apex are followed with 'owners: any' in the\n"
	  "zone's section of mod-aname.\n",
	  ARGUMENT_ZONE "  TARGET  the host name that the owner is to follow\n",
	  STATUS_DONE "  1  refused, by kaname or by the server; nothing was changed\n" STATUS_USAGE
	          STATUS_SERVER "     or what is served could not be saved\n",
	  "  kaname set example.com www.cdn.example\n"
	  "  kaname set example.com www.other-cdn.example --add\n"
	  "  kaname set example.com www.cdn.example --owner shop\n"
	  "  kaname set example.com www.cdn.example --owner '*'\n",
	  kaname_set },
	{ "get", 1, 1, "wst", "get ZONE [--owner NAME]", "print the ANAME records of a zone",
	  "Prints the ANAME and ALIAS records of a zone: those at its apex first, and then\n"
	  "those of other owners.\n",
	  ARGUMENT_ZONE,
	  STATUS_DONE "  1  there are none, or the server refused\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname get example.com\n  kaname get example.com --owner shop\n", kaname_get },
	{ "unset", 1, 2, "wst", "unset ZONE [TARGET] [--owner NAME]", "remove them, or one of them",
	  "Removes the ANAME and ALIAS records at the apex of a zone, or at another owner,\n"
	  "or those of them with this target.\n",
	  ARGUMENT_ZONE "  TARGET  of which records (all)\n",
	  STATUS_DONE "  1  there are none, or the server refused\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname unset example.com\n  kaname unset example.com --owner shop\n", kaname_unset },
	{ "list", 0, 1000, "jst", "list [ZONE|TARGET...] [--json]",
	  "print the ANAME records of all zones",
	  "Prints the ANAME and ALIAS records of all zones that are loaded, those of all\n"
	  "owners: a line for each, as in a zone file. Where the owner is not the apex the\n"
	  "zone stands behind it, after a semicolon.\n",
	  "  ZONE    only its records, or those of an owner\n"
	  "  TARGET  only records that name it\n",
	  STATUS_DONE "  1  there are none of one of the arguments\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname list\n  kaname list www.cdn.example\n", kaname_list },
	{ "warm", 0, 1000, "qvsSt", "warm [ZONE...] [-t TIME] [--quiet]",
	  "have all of them looked up, and wait for it",
	  "Asks the server for the addresses of all zones with ANAME records until each is\n"
	  "known or has failed: for a server that was just started. With 'owners: any' it\n"
	  "asks for all owners of a zone.\n",
	  "  ZONE    only this one (all)\n",
	  "  0  all are known\n  1  some are not\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname warm\n  kaname warm example.com --timeout 5s\n", kaname_warm },
	{ "status", 0, 1, "jpuOsSt", "status [ZONE] [--json|--prometheus]",
	  "print what the server knows of the targets",
	  "Prints what the module knows of the targets: their state, how long it is good\n"
	  "for, when they are looked up next, what fails and why; the addresses that are\n"
	  "probed or forced, and what is forced.\n",
	  "  ZONE    only its targets, with 'owners: any' those of all its owners (all)\n",
	  STATUS_DONE
	  "  1  there is no such zone, or it has no records\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname status example.com\n"
	  "  kaname status --prometheus --output aname.prom\n"
	  "  kaname status --json | jq '.targets[]|select(.failing_why and (.unused|not))'\n",
	  kaname_status },
	{ "force", 2, 2, "FjsSt", "force WHAT down|up|auto [--for TIME]",
	  "put your word on a target or address first",
	  "Takes a target or an address out of answers (down) or keeps it there (up),\n"
	  "whatever its probes say, for the whole server; auto takes that back. It lasts a\n"
	  "restart. Only root and the user that knotd runs as may do it.\n",
	  "  WHAT    a target, or an address\n",
	  STATUS_DONE "  1  refused\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname force www.cdn.example down --for 2h\n"
	  "  kaname force 192.0.2.80 auto\n",
	  kaname_force },
	{ "refresh", 1, 1000, "jsSt", "refresh ZONE|TARGET... [--json]",
	  "have targets looked up now",
	  "Has the module look targets up now, before they are due: a CDN has changed, and\n"
	  "one does not want to wait for the TTL. Waits for the answers, and prints what\n"
	  "was known before and what is now. What is served meanwhile stays as it is. Only\n"
	  "root and the user that knotd runs as may do it.\n",
	  "  ZONE    all its targets, with 'owners: any' those of all its owners\n"
	  "  TARGET  a target, by all resolvers that are asked for it\n",
	  "  0  all were answered\n  1  some fail, or have no answer in time, or "
	  "refused\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname refresh www.cdn.example\n  kaname refresh example.com -t 5s\n",
	  kaname_refresh },
	{ "watch", 0, 1, "RjsSt", "watch [ZONE] [--reconnect]", "print what happens, as it happens",
	  "Prints a line of JSON for each event as it happens, until it is interrupted:\n"
	  "addresses that change, targets that fail, recover, are gone or return, addresses\n"
	  "that are down or up, what is forced, resolvers that are out or back, limits that\n"
	  "are reached, trouble with keys. kaname(1) explains each of them.\n",
	  "  ZONE    only its targets, with 'owners: any' those of all its owners, and what\n"
	  "          concerns the whole server (all)\n",
	  "  1  there is no such zone, or too many watch already\n" STATUS_USAGE
	  "  3  the server could not be reached, or has ended the connection\n",
	  "  kaname watch | jq -c 'select(.event == \"fails\")'\n"
	  "  kaname watch example.com --reconnect >> /var/log/aname-events.json\n",
	  kaname_watch },
	{ "follow", 0, 1000, "kPMCJ1NAIqvsSt", "follow [ZONE...] --key FILE [--once]",
	  "keep addresses beside them, for secondaries",
	  "Keeps A and AAAA records beside the ANAME records of zones, by dynamic updates,\n"
	  "as the module of the local knotd has them: so that secondaries that know no\n"
	  "ANAME serve them, too. Runs until it is ended. Failures change nothing, and\n"
	  "addresses that somebody else wrote are left alone.\n",
	  "  ZONE    only this one (all that have ANAME records)\n",
	  "  0  ended; with --once: all are in step\n  1  with --once: some are not; else "
	  "refused\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname follow --setup example.com\n"
	  "  kaname follow --key /etc/knot/kaname-follow.key\n"
	  "  kaname follow example.com --dry-run\n",
	  kaname_follow },
	{ "check", 0, 1, "cJsSt", "check [ZONE] [--client ADDRESS]",
	  "look for what is wrong, with a zone or all",
	  "Looks for what is wrong when a zone does not answer as it should, and prints a\n"
	  "line for each step: ok, note, or BAD with what to do next. Without a zone it\n"
	  "looks at the whole server: sections, lists of modules, and what is known of the\n"
	  "targets of all zones.\n",
	  "  ZONE    the one to look at closely (all, from afar)\n",
	  "  0  nothing is wrong\n  1  something is\n" STATUS_USAGE STATUS_SERVER,
	  "  kaname check\n  kaname check example.com\n"
	  "  kaname check example.com --client 192.0.2.1\n",
	  kaname_check },
	{ "help", 0, 1, "", "help [COMMAND]", "explain a command",
	  "Prints what kaname COMMAND --help prints; without a command, a summary.\n",
	  "  COMMAND one of kaname's commands\n",
	  STATUS_DONE STATUS_USAGE "  3  standard output could not be written\n",
	  "  kaname help set\n", kaname_help },
};
const size_t kaname_commands_count = sizeof(kaname_commands) / sizeof(kaname_commands[0]);

const kaname_command_t *kaname_command_find(const char *name)
{
	for (size_t i = 0; i < kaname_commands_count; i++) {
		if (strcmp(kaname_commands[i].name, name) == 0) {
			return &kaname_commands[i];
		}
	}
	return NULL;
}

/*! Is a name in a list with blanks between? */
static bool is_in(const char *list, const char *name)
{
	size_t len = strlen(name);
	for (const char *at = list; *at != '\0'; at += strspn(at, " ")) {
		size_t at_len = strcspn(at, " ");
		if (at_len == len && memcmp(at, name, len) == 0) {
			return true;
		}
		at += at_len;
	}
	return false;
}

const kaname_option_t *kaname_option_find(const kaname_command_t *command, char key)
{
	for (size_t i = 0; i < kaname_options_count; i++) {
		const kaname_option_t *option = &kaname_options[i];
		bool is_its = command != NULL && option->commands != NULL &&
		              is_in(option->commands, command->name);
		if (option->key == key && (option->commands == NULL || is_its)) {
			return option;
		}
	}
	return NULL;
}
