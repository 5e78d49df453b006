#include "service/resolver.h"

/* Built without c-ares: conf-check refuses the option `resolver`. */
aname_resolver_t *aname_resolver_dns_new(uv_loop_t *loop, const aname_source_t *source,
                                         const aname_schedule_t *schedule, aname_resolved_f done,
                                         void *owner)
{
	return NULL;
}
