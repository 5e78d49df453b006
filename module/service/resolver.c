#include "service/resolver.h"

#include <stdlib.h>

static void deliver(aname_resolver_t *resolver, aname_lookup_t *lookup)
{
	resolver->done(resolver->owner, lookup->ctx, &lookup->result);
	resolver->api->release(lookup);
}

static void on_idle(uv_idle_t *idle)
{
	aname_resolver_t *resolver = idle->data;
	/* What is deferred from here on waits until the loop has looked at everything else. */
	aname_lookup_t *lookup = resolver->deferred_first;
	resolver->deferred_first = resolver->deferred_last = NULL;
	(void)uv_idle_stop(idle);
	while (lookup != NULL) {
		aname_lookup_t *next = lookup->next_deferred;
		if (resolver->api->resume == NULL || resolver->api->resume(lookup)) {
			deliver(resolver, lookup);
		}
		lookup = next;
	}
}

void aname_resolver_init(aname_resolver_t *resolver, const aname_resolver_api_t *api,
                         uv_loop_t *loop, aname_resolved_f done, void *owner)
{
	*resolver = (aname_resolver_t){ .api = api, .done = done, .owner = owner };
	(void)uv_idle_init(loop, &resolver->idle); /* Never fails. */
	resolver->idle.data = resolver;
}

void aname_resolver_defer(aname_lookup_t *lookup)
{
	aname_resolver_t *resolver = lookup->resolver;
	lookup->next_deferred = NULL;
	if (resolver->deferred_last != NULL) {
		resolver->deferred_last->next_deferred = lookup;
	} else {
		resolver->deferred_first = lookup;
		(void)uv_idle_start(&resolver->idle, on_idle);
	}
	resolver->deferred_last = lookup;
}

static void on_closed(uv_handle_t *handle)
{
	aname_resolver_t *resolver = handle->data;
	if (--resolver->closing == 0) {
		free(resolver);
	}
}

void aname_resolver_free(aname_resolver_t *resolver, uv_handle_t *handle)
{
	resolver->closing = handle != NULL ? 2 : 1;
	if (handle != NULL) {
		handle->data = resolver;
		uv_close(handle, on_closed);
	}
	uv_close((uv_handle_t *)&resolver->idle, on_closed);
}
