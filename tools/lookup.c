#include "lookup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/wait.h>
#include <unistd.h>

#include <libknot/libknot.h>

#include "ask.h"

/*! A server that says nothing for so long is not waited for. */
#define SERVER_MS   1500
/*! Replies with an alias and without what it leads to, one after the other. */
#define ALIASES_MAX 16

static const uint16_t types[2] = { KNOT_RRTYPE_A, KNOT_RRTYPE_AAAA };

__attribute__((format(printf, 2, 3))) static void fail(kaname_family_t *family, const char *format,
                                                       ...)
{
	va_list args;
	va_start(args, format);
	family->known = KANAME_FAMILY_FAILED;
	(void)vsnprintf(family->why, sizeof(family->why), format, args);
	va_end(args);
}

static void add_address(kaname_family_t *family, const char *address)
{
	for (unsigned i = 0; i < family->count && i < KANAME_LOOKUP_MAX; i++) {
		if (strcmp(family->addresses[i], address) == 0) {
			return;
		}
	}
	if (family->count < KANAME_LOOKUP_MAX) {
		(void)snprintf(family->addresses[family->count], INET6_ADDRSTRLEN, "%s", address);
	}
	family->count++;
	family->known = KANAME_FAMILY_HAS;
}

/* By DNS. */

/*! Asks once over UDP, and over TCP if that is too little. */
static void ask(kaname_question_t *question, int64_t until_ms, kaname_answer_t *answer)
{
	for (int tcp = 0; tcp < 2; tcp++) {
		int64_t left_ms = until_ms - kaname_now_ms();
		question->tcp = tcp;
		question->timeout_ms = left_ms < SERVER_MS ? (int)left_ms : SERVER_MS;
		if (question->timeout_ms <= 0) {
			*answer = (kaname_answer_t){ .failure = "no answer in time" };
			return;
		}
		kaname_ask(question, answer);
		if (answer->failure != NULL || !answer->truncated) {
			return;
		}
	}
}

/*! Takes what a reply says; false if another one is to be asked. */
static bool take_reply(const kaname_answer_t *answer, kaname_family_t *family)
{
	const knot_lookup_t *rcode = knot_lookup_by_id(knot_rcode_names, answer->rcode);
	if (answer->failure != NULL) {
		fail(family, "%s", answer->failure);
	} else if (answer->rcode == KNOT_RCODE_NXDOMAIN) {
		family->known = KANAME_FAMILY_ABSENT;
	} else if (answer->rcode != KNOT_RCODE_NOERROR) {
		fail(family, "%s", rcode != NULL ? rcode->name : "an error");
	} else if (answer->count == 0 && !answer->authoritative && !answer->recursion) {
		fail(family, "it does not look further for this host");
	} else {
		family->known = KANAME_FAMILY_NONE;
		for (unsigned i = 0; i < answer->count && i < KANAME_ADDRESSES_MAX; i++) {
			add_address(family, answer->addresses[i]);
		}
	}
	return family->known != KANAME_FAMILY_FAILED;
}

/*! Asks one server for a family, alias by alias where it leaves that to who asks. */
static bool ask_server(const struct sockaddr_storage *server, int which, int64_t until_ms,
                       kaname_lookup_t *lookup)
{
	static kaname_answer_t answer;
	knot_dname_storage_t name;
	kaname_family_t *family = &lookup->families[which];
	for (unsigned i = 0; i < ALIASES_MAX; i++) {
		memcpy(name, lookup->last[which], sizeof(name));
		kaname_question_t question = {
			.name = name, .type = types[which], .recursive = true, .server = *server
		};
		*family = (kaname_family_t){ 0 };
		ask(&question, until_ms, &answer);
		if (!take_reply(&answer, family)) {
			return false;
		}
		memcpy(lookup->last[which], answer.last, sizeof(answer.last));
		if (family->known != KANAME_FAMILY_NONE ||
		    knot_dname_is_case_equal(name, lookup->last[which])) {
			return true;
		}
	}
	fail(family, "more than %d aliases", ALIASES_MAX);
	return false;
}

static void ask_servers(const kaname_values_t *servers, int64_t until_ms, kaname_lookup_t *lookup)
{
	size_t at = 0;
	for (int which = 0; which < 2; which++) {
		bool answered = false;
		/* Who did not answer for one family is not asked for the other. */
		while (at < servers->count && !answered) {
			struct sockaddr_storage server;
			(void)snprintf(lookup->asked, sizeof(lookup->asked), "%s", servers->at[at]);
			if (kaname_address_read(servers->at[at], &server)) {
				answered = ask_server(&server, which, until_ms, lookup);
			} else {
				fail(&lookup->families[which], "no address of a server");
			}
			at += answered ? 0 : 1;
		}
		if (!answered && lookup->families[which].why[0] == '\0') {
			lookup->families[which] = lookup->families[0];
		}
	}
}

/* By the system's resolver. */

/*! What the child writes, for one family: less than a pipe takes at once. */
typedef struct {
	kaname_family_t family;
	knot_dname_storage_t last;
} told_t;

static void take_info(const struct addrinfo *info, told_t *told)
{
	char text[INET6_ADDRSTRLEN];
	if (info->ai_canonname != NULL) {
		(void)knot_dname_from_str(told->last, info->ai_canonname, sizeof(told->last));
	}
	for (; info != NULL; info = info->ai_next) {
		const void *address =
		        info->ai_family == AF_INET
		                ? (const void *)&((struct sockaddr_in *)info->ai_addr)->sin_addr
		                : &((struct sockaddr_in6 *)info->ai_addr)->sin6_addr;
		if (inet_ntop(info->ai_family, address, text, sizeof(text)) != NULL) {
			add_address(&told->family, text);
		}
	}
}

/*! One family at a time, since one that fails is hidden by the other; with a dot at the end there is
 *  no search list. */
static void ask_system(const knot_dname_t *name, int which, told_t *told)
{
	knot_dname_txt_storage_t text;
	struct addrinfo *info = NULL;
	const struct addrinfo hints = { .ai_family = which == 0 ? AF_INET : AF_INET6,
		                        .ai_socktype = SOCK_STREAM,
		                        .ai_flags = AI_CANONNAME };
	memcpy(told->last, name, knot_dname_size(name));
	if (knot_dname_to_str(text, name, sizeof(text)) == NULL) {
		fail(&told->family, "no name");
		return;
	}
	int ret = getaddrinfo(text, NULL, &hints, &info);
	switch (ret) {
	case 0:
		take_info(info, told);
		freeaddrinfo(info);
		break;
	case EAI_NONAME: told->family.known = KANAME_FAMILY_ABSENT; break;
	case EAI_NODATA:
	case EAI_ADDRFAMILY: told->family.known = KANAME_FAMILY_NONE; break;
	default:
		fail(&told->family, "%s", ret == EAI_SYSTEM ? strerror(errno) : gai_strerror(ret));
		break;
	}
}

__attribute__((noreturn)) static void be_child(const knot_dname_t *name, int fd)
{
	for (int which = 0; which < 2; which++) {
		told_t told = { .family = { 0 } };
		ask_system(name, which, &told);
		if (write(fd, &told, sizeof(told)) != (ssize_t)sizeof(told)) {
			break;
		}
	}
	_exit(0);
}

static bool read_told(int fd, int64_t until_ms, told_t *told)
{
	struct pollfd what = { .fd = fd, .events = POLLIN };
	int64_t left_ms = until_ms - kaname_now_ms();
	return poll(&what, 1, left_ms > 0 ? (int)left_ms : 0) > 0 &&
	       read(fd, told, sizeof(*told)) == (ssize_t)sizeof(*told);
}

static void ask_child(const knot_dname_t *name, int64_t until_ms, kaname_lookup_t *lookup)
{
	int fds[2];
	(void)snprintf(lookup->asked, sizeof(lookup->asked), "the system's resolver");
	pid_t child = pipe(fds) == 0 ? fork() : -1;
	if (child == 0) {
		be_child(name, fds[1]);
	}
	if (child < 0) {
		fail(&lookup->families[0], "%s", strerror(errno));
		lookup->families[1] = lookup->families[0];
		return;
	}
	(void)close(fds[1]);
	for (int which = 0; which < 2; which++) {
		told_t told;
		if (read_told(fds[0], until_ms, &told)) {
			lookup->families[which] = told.family;
			memcpy(lookup->last[which], told.last, sizeof(told.last));
		} else {
			fail(&lookup->families[which], "no answer in time");
		}
	}
	(void)close(fds[0]);
	(void)kill(child, SIGKILL);
	while (waitpid(child, NULL, 0) < 0 && errno == EINTR) {
	}
}

/* The whole. */

void kaname_lookup(const knot_dname_t *name, const kaname_values_t *servers,
                   kaname_lookup_t *lookup)
{
	*lookup = (kaname_lookup_t){ 0 };
	for (int which = 0; which < 2; which++) {
		memcpy(lookup->last[which], name, knot_dname_size(name));
	}
	int64_t until_ms = kaname_now_ms() + KANAME_LOOKUP_MS;
	if (servers->count > 0) {
		ask_servers(servers, until_ms, lookup);
	} else {
		ask_child(name, until_ms, lookup);
	}
	/* The system's resolver says of a family that is not there that the name is not. */
	for (int which = 0; which < 2; which++) {
		kaname_known_t other = lookup->families[1 - which].known;
		if (lookup->families[which].known == KANAME_FAMILY_ABSENT &&
		    (other == KANAME_FAMILY_HAS || other == KANAME_FAMILY_NONE)) {
			lookup->families[which].known = KANAME_FAMILY_NONE;
		}
	}
}
