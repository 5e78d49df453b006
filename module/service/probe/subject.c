#include "service/probe/subject.h"

#include <errno.h>

aname_end_t aname_end_of_error(int error)
{
	static const struct {
		int error;
		aname_end_t end;
	} known[] = {
		{ ECONNREFUSED, { ANAME_OUTCOME_DOWN, "connection refused" } },
		{ ECONNRESET, { ANAME_OUTCOME_DOWN, "connection reset" } },
		{ ETIMEDOUT, { ANAME_OUTCOME_DOWN, "no connection in time" } },
		/* Also said by the last router on the way. */
		{ EHOSTUNREACH, { ANAME_OUTCOME_DOWN, "host unreachable" } },
		{ ENETUNREACH, { ANAME_OUTCOME_NONE, "network unreachable" } },
		{ ENETDOWN, { ANAME_OUTCOME_NONE, "this host's network is down" } },
		{ EADDRNOTAVAIL, { ANAME_OUTCOME_NONE, "this host has no address for it" } },
		{ EADDRINUSE, { ANAME_OUTCOME_NONE, "this host has no port left" } },
		{ EAGAIN, { ANAME_OUTCOME_NONE, "this host has no port left" } },
		{ EAFNOSUPPORT, { ANAME_OUTCOME_NONE, "this host has not this family" } },
		{ EMFILE, { ANAME_OUTCOME_NONE, "too many open files" } },
		{ ENFILE, { ANAME_OUTCOME_NONE, "too many open files" } },
		{ ENOBUFS, { ANAME_OUTCOME_NONE, "out of memory" } },
		{ ENOMEM, { ANAME_OUTCOME_NONE, "out of memory" } },
		/* A filter or a route of this host that forbids it. */
		{ EACCES, { ANAME_OUTCOME_NONE, "this host forbids it" } },
		{ EPERM, { ANAME_OUTCOME_NONE, "this host forbids it" } },
		{ EINVAL, { ANAME_OUTCOME_NONE, "this host has no way to it" } },
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].error == error) {
			return known[i].end;
		}
	}
	return (aname_end_t){ ANAME_OUTCOME_DOWN, "the connection failed" };
}

aname_end_t aname_end_of_answer(int error)
{
	switch (error) {
	case ENETUNREACH:
		return (aname_end_t){ ANAME_OUTCOME_DOWN, "network unreachable, says a router" };
	case EACCES: return (aname_end_t){ ANAME_OUTCOME_DOWN, "forbidden, says a router" };
	default: return aname_end_of_error(error);
	}
}
