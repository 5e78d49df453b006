#include "support/getaddrinfo.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define EXPORTED __attribute__((visibility("default")))

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t let_go = PTHREAD_COND_INITIALIZER;
static bool holding = true;
static fake_seen_t seen;

EXPORTED int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                         struct addrinfo **list);
EXPORTED void freeaddrinfo(struct addrinfo *list);

fake_seen_t fake_seen(void)
{
	pthread_mutex_lock(&lock);
	fake_seen_t copy = seen;
	pthread_mutex_unlock(&lock);
	return copy;
}

static void set_holding(bool value)
{
	pthread_mutex_lock(&lock);
	holding = value;
	pthread_cond_broadcast(&let_go);
	pthread_mutex_unlock(&lock);
}

void fake_let_go(void)
{
	set_holding(false);
}

void fake_hold(void)
{
	set_holding(true);
}

/*! Mapped, so that the tests' failing allocations never meet it. */
typedef struct {
	size_t size;
	struct {
		struct addrinfo info;
		struct sockaddr_in6 address; /* Large enough for both. */
	} at[];
} list_t;

static void fill(list_t *list, unsigned index, int family, unsigned n)
{
	struct addrinfo *info = &list->at[index].info;
	struct sockaddr_in6 *v6 = &list->at[index].address;
	info->ai_family = family;
	info->ai_addr = (struct sockaddr *)v6;
	if (family == AF_INET) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)v6;
		v4->sin_family = AF_INET;
		v4->sin_addr.s_addr = htonl(0x0a000000 + n);
		info->ai_addrlen = sizeof(*v4);
	} else {
		v6->sin6_family = AF_INET6;
		v6->sin6_addr.s6_addr[0] = 0x20;
		v6->sin6_addr.s6_addr[14] = n >> 8;
		v6->sin6_addr.s6_addr[15] = n;
		info->ai_addrlen = sizeof(*v6);
	}
	if (index > 0) {
		list->at[index - 1].info.ai_next = info;
	}
}

static struct addrinfo *make_list(unsigned v4, unsigned v6)
{
	unsigned count = 2 * (v4 + v6);
	size_t size = sizeof(list_t) + (count + 1) * sizeof(((list_t *)NULL)->at[0]);
	list_t *list = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (list == MAP_FAILED) {
		return NULL;
	}
	list->size = size;
	for (unsigned i = 0; i < count; i++) {
		bool is_v4 = i < 2 * v4;
		fill(list, i, is_v4 ? AF_INET : AF_INET6, is_v4 ? i / 2 : (i - 2 * v4) / 2);
	}
	return &list->at[0].info;
}

static unsigned number_of(const char *node, const char *label)
{
	const char *at = strstr(node, label);
	return at != NULL ? strtoul(at + strlen(label), NULL, 10) : 0;
}

static int error_of(const char *node)
{
	static const struct {
		const char *label;
		int error;
	} errors[] = {
		{ "again.", EAI_AGAIN },           { "fail.", EAI_FAIL },
		{ "noname.", EAI_NONAME },         { "nodata.", EAI_NODATA },
		{ "addrfamily.", EAI_ADDRFAMILY }, { "memory.", EAI_MEMORY },
		{ "system.", EAI_SYSTEM },
	};
	for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (strncmp(node, errors[i].label, strlen(errors[i].label)) == 0) {
			return errors[i].error;
		}
	}
	return 0;
}

/*! The canonical name that a name has, or NULL. */
static char *canonical_of(const char *node)
{
	static const struct {
		const char *label;
		const char *name;
	} names[] = {
		{ "canonical.", "Edge.Example.NET" },
		{ "dotted.", "edge.example.net." },
		{ "literal.", "192.0.2.1" },
		{ "literal6.", "2001:db8::1" },
		{ "absurd.", "one..two" },
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strstr(node, names[i].label) != NULL) {
			return (char *)names[i].name;
		}
	}
	return NULL;
}

static void note_call(const char *node, const char *service, const struct addrinfo *hints)
{
	pthread_mutex_lock(&lock);
	seen.calls++;
	(void)snprintf(seen.node, sizeof(seen.node), "%s", node);
	seen.service = service != NULL;
	seen.family = hints != NULL ? hints->ai_family : -1;
	seen.socktype = hints != NULL ? hints->ai_socktype : -1;
	seen.protocol = hints != NULL ? hints->ai_protocol : -1;
	seen.flags = hints != NULL ? hints->ai_flags : -1;
	if (strstr(node, "held.") != NULL) {
		seen.held++;
		while (holding) {
			pthread_cond_wait(&let_go, &lock);
		}
		seen.held--;
	}
	pthread_mutex_unlock(&lock);
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
                struct addrinfo **list)
{
	note_call(node, service, hints);
	if (strncmp(node, "slow.", 5) == 0) {
		(void)poll(NULL, 0, 5);
	}
	int error = error_of(node);
	if (error != 0) {
		errno = ECONNREFUSED;
		return error;
	}
	*list = make_list(number_of(node, "v4-"), number_of(node, "v6-"));
	if (*list == NULL) {
		return EAI_MEMORY;
	}
	(*list)->ai_canonname = canonical_of(node);
	return 0;
}

void freeaddrinfo(struct addrinfo *first)
{
	if (first == NULL) {
		return;
	}
	list_t *list = (list_t *)((char *)first - offsetof(list_t, at));
	(void)munmap(list, list->size);
	pthread_mutex_lock(&lock);
	seen.freed++;
	pthread_mutex_unlock(&lock);
}
