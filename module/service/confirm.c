#include "service/confirm.h"

#include <stdlib.h>

#include "service/enquiry.h"

/*! What is ours is asked again with one lookup in so many. */
#define AGAIN 16

/*! A question under way. */
typedef struct {
	aname_enquiry_t enquiry;
	uint64_t owner; /*!< Hash of the name that is asked for. */
} confirmation_t;

/*! Is there an owner that may have to be confirmed? What is confirmed is so now and then only. */
static bool is_wanted(aname_refresh_t *refresh, uint64_t owner, uint16_t *type)
{
	bool confirmed;
	return aname_owners_ask(refresh->shared->owners, owner, type, &confirmed) &&
	       (!confirmed || aname_refresh_chance(refresh) % AGAIN == 0);
}

static void take(aname_refresh_t *refresh, aname_enquiry_t *enquiry, const aname_result_t *result,
                 int64_t now_ms)
{
	confirmation_t *confirmation = (confirmation_t *)enquiry;
	if (result->failure == ANAME_FAILURE_NONE) {
		aname_owners_t *owners = refresh->shared->owners;
		aname_owners_confirm(owners, confirmation->owner,
		                     aname_enquiry_sum(owners, result));
	}
	free(confirmation);
}

void aname_confirm_ask(aname_refresh_t *refresh, aname_entry_t *entry, const knot_dname_t *last,
                       int64_t now_ms)
{
	aname_question_t question = { .name = last != NULL ? last : aname_entry_name(entry) };
	uint64_t owner = aname_owners_hash(refresh->shared->owners, question.name,
	                                   knot_dname_size(question.name));
	if (!is_wanted(refresh, owner, &question.type)) {
		return;
	}
	confirmation_t *confirmation = calloc(1, sizeof(*confirmation));
	if (confirmation == NULL) {
		return;
	}
	confirmation->owner = owner;
	confirmation->enquiry.take = take;
	if (!aname_enquiry_start(refresh, entry->upstream, &question, &confirmation->enquiry,
	                         now_ms)) {
		free(confirmation); /* It is asked when the target is looked up next. */
	}
}
