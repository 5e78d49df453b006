#include "service/probe/http.h"

/* Built without libcurl: conf-check refuses such probes. */

void aname_http_init(void)
{
}

aname_http_t *aname_http_new(uv_loop_t *loop)
{
	return NULL;
}

void aname_http_free(aname_http_t *http)
{
}

aname_transfer_t *aname_http_start(aname_http_t *http, const aname_subject_t *subject,
                                   aname_ended_f ended, void *ctx, aname_end_t *end)
{
	*end = (aname_end_t){ ANAME_OUTCOME_NONE, "built without libcurl" };
	return NULL;
}

void aname_http_stop(aname_transfer_t *transfer)
{
}
