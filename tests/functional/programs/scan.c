/*
 * What `kaname follow` finds on a running knotd, as lines for tests:
 *
 *     follow_scan [-q] [-e] [-n] [-z ZONE]... [-c CATALOG]... SOCKET
 *     follow_scan [-q] -t ZONE OWNER SOCKET
 *     follow_scan [-q] -a SOCKET
 *
 * -q: quiet, -e: elsewhere, -n: counts only, and what it took; -t: the addresses that an owner has,
 * -a: those of all apexes. Fields have tabs between.
 */

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <libknot/libknot.h>

#include "follow/scan.h"

#define NAMES_MAX 64

void kaname_error(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	(void)fputs("error: ", stderr);
	(void)vfprintf(stderr, format, args);
	(void)fputc('\n', stderr);
	va_end(args);
}

static bool counts_only;
static unsigned long owners, refusals, missing, sets;

static void print_name(const char *before, const knot_dname_t *name)
{
	knot_dname_txt_storage_t text;
	(void)printf("%s%s", before, knot_dname_to_str(text, name, sizeof(text)));
}

static void print_owner(void *ctx, const kaname_scan_owner_t *owner)
{
	(void)ctx;
	owners++;
	if (counts_only) {
		return;
	}
	print_name("owner\t", owner->zone);
	print_name("\t", owner->owner);
	(void)printf("\t%u\t", owner->ttl);
	for (unsigned i = 0; i < owner->rrsets_count; i++) {
		(void)printf("%s%u:%u:%s", i > 0 ? "," : "", owner->rrsets[i].type,
		             owner->rrsets[i].count, owner->rrsets[i].good ? "good" : "other");
	}
	(void)putchar('\t');
	for (size_t i = 0; i < owner->targets_count; i++) {
		print_name(i > 0 ? " " : "", owner->targets[i]);
	}
	(void)putchar('\n');
}

static void print_why(const char *what, const knot_dname_t *zone, const char *why, const char *next)
{
	print_name(what, zone);
	(void)printf("\t%s\t%s\n", why, next);
}

static void print_refused(void *ctx, const knot_dname_t *zone, const char *why, const char *next)
{
	(void)ctx;
	refusals++;
	if (!counts_only) {
		print_why("refused\t", zone, why, next);
	}
}

static void print_missing(void *ctx, const knot_dname_t *zone, const char *why, const char *next)
{
	(void)ctx;
	missing++;
	print_why("missing\t", zone, why, next);
}

static void print_there(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                        kaname_family_t family, uint32_t ttl, size_t count, const uint8_t *at)
{
	(void)ctx;
	sets++;
	if (counts_only) {
		return;
	}
	print_name("there\t", zone);
	print_name("\t", owner);
	(void)printf("\t%s\t%u\t", family == KANAME_A ? "A" : "AAAA", ttl);
	for (size_t i = 0; i < count; i++) {
		char text[INET6_ADDRSTRLEN];
		(void)inet_ntop(family == KANAME_A ? AF_INET : AF_INET6,
		                at + i * kaname_family_len(family), text, sizeof(text));
		(void)printf("%s%s", i > 0 ? " " : "", text);
	}
	(void)putchar('\n');
}

static const knot_dname_t *read_name(const char *text)
{
	knot_dname_t *name = knot_dname_from_str_alloc(text);
	if (name == NULL) {
		(void)fprintf(stderr, "%s is no name\n", text);
		exit(2);
	}
	knot_dname_to_lower(name);
	return name;
}

static void print_cost(void)
{
	struct rusage usage;
	(void)getrusage(RUSAGE_SELF, &usage);
	(void)printf("cost\t%lu\t%lu\t%lu\t%lu\t%ld.%06ld\t%ld.%06ld\t%ld\n", owners, refusals,
	             missing, sets, (long)usage.ru_utime.tv_sec, (long)usage.ru_utime.tv_usec,
	             (long)usage.ru_stime.tv_sec, (long)usage.ru_stime.tv_usec, usage.ru_maxrss);
}

int main(int argc, char **argv)
{
	static const knot_dname_t *zones[NAMES_MAX], *catalogs[NAMES_MAX];
	const knot_dname_t *zone = NULL, *owner = NULL;
	kaname_scan_choice_t choice = { .zones = zones, .catalogs = catalogs };
	kaname_args_t args = { .timeout = -1 };
	bool all = false;
	for (int i = 1; i < argc; i++) {
		args.quiet |= strcmp(argv[i], "-q") == 0;
		choice.elsewhere |= strcmp(argv[i], "-e") == 0;
		counts_only |= strcmp(argv[i], "-n") == 0;
		all |= strcmp(argv[i], "-a") == 0;
		if (strcmp(argv[i], "-z") == 0 && choice.zones_count < NAMES_MAX) {
			zones[choice.zones_count++] = read_name(argv[++i]);
		} else if (strcmp(argv[i], "-c") == 0 && choice.catalogs_count < NAMES_MAX) {
			catalogs[choice.catalogs_count++] = read_name(argv[++i]);
		} else if (strcmp(argv[i], "-t") == 0) {
			zone = read_name(argv[++i]);
			owner = read_name(argv[++i]);
		}
		args.socket = argv[i];
	}
	kaname_exit_t ret;
	if (all) {
		ret = kaname_scan_there_all(&args, print_there, NULL);
	} else if (zone != NULL) {
		kaname_scan_state_t state;
		ret = kaname_scan_there(&args, zone, owner, &state, print_there, NULL);
		(void)printf("configured\t%s\n", state.is_configured ? "yes" : "no");
		(void)printf("loaded\t%s\n", state.is_loaded ? "yes" : "no");
		(void)printf("aname\t%s\n", state.has_aname ? "yes" : "no");
	} else {
		kaname_scan_calls_t calls = { .owner = print_owner,
			                      .refused = print_refused,
			                      .missing = print_missing };
		ret = kaname_scan(&args, &choice, &calls);
	}
	if (counts_only) {
		print_cost();
	}
	for (size_t i = 0; i < NAMES_MAX; i++) {
		free((void *)zones[i]);
		free((void *)catalogs[i]);
	}
	free((void *)zone);
	free((void *)owner);
	return ret;
}
