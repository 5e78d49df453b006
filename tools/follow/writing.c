#include "follow/follow.h"

#include <stdlib.h>

#include <libknot/libknot.h>

#include "ask.h"
#include "control.h"
#include "follow/cures.h"
#include "follow/occupied.h"
#include "rrtype.h"

/*! How long nothing is tried after a failure of the journal. */
#define JOURNAL_MS    10000
/*! How often it is looked whether a zone is still occupied. */
#define HELD_UP_MS    2000
/*! Records of a type that an update compares; of more it expects that there are any. */
#define EXPECTED_MOST 64
/*! Updates that are noted in one go. */
#define BATCH_MOST    128
/*! Octets of what is done that are noted even if there is nothing to write. */
#define DONE_MOST     65536

/* Sending. */

static void send_job(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	kaname_follow_owner_t *owner = job->owner;
	const knot_dname_t *targets[2][EXPECTED_MOST];
	kaname_update_t update = { .zone = kaname_follow_zone(owner),
		                   .owner = kaname_follow_name(owner),
		                   .ttl = job->ttl,
		                   .is_gone = job->is_leaving,
		                   .expected_count = job->is_leaving ? 0 : owner->rrsets_count };
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		bool same_ttl = owner->written_ttl == job->ttl;
		/* Both families that are written have one TTL; what stays when it leaves keeps its own. */
		bool replace = !same_ttl && (!job->is_leaving || job->from[i] != job->to[i]);
		update.swap[i] = (kaname_swap_t){ job->from[i], job->to[i], replace };
	}
	for (unsigned i = 0, at = 0; i < update.expected_count; i++) {
		const kaname_follow_rrset_t *rrset = &owner->rrsets[i];
		/* PowerDNS 4 finds no ALIAS records equal. */
		bool good = rrset->good && rrset->count <= EXPECTED_MOST &&
		            !(follow->choice.elsewhere && rrset->type == ANAME_RRTYPE_ALIAS);
		for (uint16_t j = 0; rrset->good && j < rrset->count; j++, at++) {
			if (good) {
				targets[i][j] = owner->links[at].target->name;
			}
		}
		update.expected[i] =
		        (kaname_expected_t){ rrset->type, good ? rrset->count : 0, targets[i] };
	}
	owner->undone = job->is_probe ? owner->undone : 0;
	int ret = kaname_primary_send(follow->primary, &update, job);
	if (ret == KNOT_EOK) {
		job->next = follow->sent;
		follow->sent = job;
		return;
	}
	const kaname_updated_t updated = { .outcome = KANAME_UPDATE_FAILED,
		                           .why = knot_strerror(ret),
		                           .next = ret == KNOT_EMFILE || ret == KNOT_ENFILE
		                                           ? KANAME_NEXT_FILES
		                                           : NULL };
	kaname_follow_end_job(follow, job, &updated);
}

/*! Sends what is ready, as much as there is room for. */
static void send_ready(kaname_follow_t *follow)
{
	while (follow->ready != NULL && !follow->is_ending &&
	       kaname_primary_room(follow->primary) > 0) {
		kaname_follow_job_t *job = follow->ready;
		follow->ready = job->next;
		follow->ready_count--;
		send_job(follow, job);
	}
}

/*! Says what would be written, and takes it for written. */
static void pretend(kaname_follow_t *follow, kaname_follow_job_t *job)
{
	const kaname_updated_t updated = { .outcome = KANAME_UPDATE_DONE, .why = "" };
	kaname_follow_end_job(follow, job, &updated);
}

/* The journal. */

/*! Finds out for which jobs an update would have to wait. On the pool. */
static void find_occupied(uv_work_t *work)
{
	const kaname_follow_t *follow = work->data;
	kaname_follow_job_t *batch = follow->batch;
	kaname_control_t control;
	bool open = kaname_control_try(&control, &follow->read_args) == KNOT_EOK, good = open;
	control.quiet = true;
	for (kaname_follow_job_t *job = batch; job != NULL; job = job->next) {
		job->held_up = "the server does not answer";
		/* Each that it does not answer takes its time: they are not asked one by one. */
		good = good && kaname_zone_occupied(&control, kaname_follow_zone(job->owner),
		                                    &job->held_up);
	}
	if (open) {
		kaname_control_close(&control);
	}
}

/*! Notes what is done, and what is about to be written. On the pool: owners that are being sent
 *  neither move nor go. */
static void commit(uv_work_t *work)
{
	kaname_follow_t *follow = work->data;
	for (kaname_follow_job_t *job = follow->batch; job != NULL; job = job->next) {
		/* What stays or is put back when an owner leaves is somebody else's: who comes next
		 * must not take it for ours. */
		if (job->held_up == NULL && !job->is_leaving && !job->is_probe) {
			kaname_notes_add(&follow->committing, KANAME_NOTE_INTEND,
			                 kaname_follow_zone(job->owner),
			                 kaname_follow_name(job->owner), job->to, job->ttl,
			                 job->writes);
		}
	}
	if (follow->committing.len > 0 && follow->commit_failure == 0) {
		const kaname_moment_t now = kaname_moment_now(follow->boot);
		follow->commit_failure =
		        kaname_journal_commit(follow->journal, &follow->committing, &now);
	}
}

void kaname_follow_journal_failed(kaname_follow_t *follow, int error)
{
	const char *why = kaname_journal_why(error);
	if (kaname_steady_fails(&follow->commits, why, kaname_now_ms())) {
		kaname_follow_say("the journal cannot be used: %s; nothing is sent until it can\n"
		                  "next: %s",
		                  why, kaname_journal_next(error));
	}
	follow->journal_fails = true;
	follow->journal_hold_ms = kaname_now_ms() + JOURNAL_MS;
}

/*! Nothing of it was noted: what is done is noted later, and what was about to be written is not. */
static void take_back(kaname_follow_t *follow)
{
	kaname_notes_cut(&follow->committing, follow->committing_done);
	kaname_notes_append(&follow->committing, &follow->done);
	kaname_notes_clear(&follow->done);
	follow->done = follow->committing;
	follow->committing = (kaname_notes_t){ 0 };
}

static void take_commit_failure(kaname_follow_t *follow)
{
	kaname_follow_journal_failed(follow, follow->commit_failure);
	take_back(follow);
	follow->done_ms = follow->done.len > 0 ? follow->journal_hold_ms : 0;
}

/*! A job is not sent now. */
static void give_up(kaname_follow_t *follow, kaname_follow_job_t *job, bool failed)
{
	kaname_follow_owner_t *owner = job->owner;
	owner->is_sending = false;
	if (job->is_probe) {
		kaname_follow_probe_later(follow);
	} else if (failed) {
		owner->hold_at = kaname_tick_of(follow->journal_hold_ms);
	} else if (job->held_up != NULL) {
		kaname_follow_trouble(follow, owner, NULL, "%s: it is written when that has ended",
		                      job->held_up);
		owner->hold_at = kaname_tick_of(kaname_now_ms() + HELD_UP_MS);
	}
	kaname_follow_job_free(follow, job);
	kaname_follow_consider(follow, owner);
}

static void committed(uv_work_t *work, int status)
{
	kaname_follow_t *follow = work->data;
	kaname_follow_job_t *batch = follow->batch;
	bool failed = follow->commit_failure != 0;
	follow->is_committing = false;
	follow->batch = NULL;
	if (failed) {
		take_commit_failure(follow);
	} else {
		follow->journal_fails &= follow->committing.len == 0;
		kaname_notes_clear(&follow->committing);
	}
	for (kaname_follow_job_t *job = batch, *next; job != NULL; job = next) {
		next = job->next;
		if (failed || job->held_up != NULL || follow->is_ending) {
			give_up(follow, job, failed);
		} else {
			if (!job->is_probe) {
				job->owner->is_noted = true;
				job->owner->pending_ttl = job->ttl;
			}
			job->next = follow->ready;
			follow->ready = job;
			follow->ready_count++;
		}
	}
	kaname_follow_write_more(follow);
}

static void begin_commit(kaname_follow_t *follow)
{
	follow->is_asking = false;
	kaname_journal_keep(follow->journal);
	follow->commit_failure = kaname_journal_wake(follow->journal);
	follow->commit_work.data = follow;
	(void)uv_queue_work(&follow->loop, &follow->commit_work, commit, committed);
}

static void occupied_found(uv_work_t *work, int status)
{
	begin_commit(work->data);
}

/*! Takes as many as there is room for. */
static void fill_batch(kaname_follow_t *follow)
{
	unsigned room = BATCH_MOST;
	while (room > 0 && follow->to_write.count > 0) {
		kaname_follow_owner_t *owner = kaname_ring_take(&follow->to_write);
		kaname_follow_job_t *job =
		        owner->is_dropped ? NULL : kaname_follow_job_new(follow, owner);
		if (job == NULL) {
			owner->is_sending = false;
			kaname_follow_consider(follow, owner);
			continue;
		}
		if (follow->is_dry) {
			pretend(follow, job);
			continue;
		}
		room--;
		job->next = follow->batch;
		follow->batch = job;
	}
}

void kaname_follow_write_more(kaname_follow_t *follow)
{
	int64_t now_ms = kaname_now_ms();
	send_ready(follow);
	/* The next ones are noted while these are sent; but few wait, so that what was looked at for
	 * them is still so. */
	if (follow->is_committing || follow->is_ending || follow->ready_count > BATCH_MOST / 2 ||
	    now_ms < follow->journal_hold_ms) {
		return;
	}
	fill_batch(follow);
	if (follow->batch == NULL) {
		follow->batch = kaname_follow_probe_new(follow);
	}
	bool late = follow->done_ms != 0 && now_ms >= follow->done_ms;
	if (follow->batch == NULL && !late && follow->done.len < DONE_MOST) {
		return;
	}
	follow->committing = follow->done;
	follow->committing_done = follow->done.len;
	follow->done = (kaname_notes_t){ 0 };
	follow->done_ms = 0;
	follow->is_committing = true;
	if (follow->batch == NULL || follow->choice.elsewhere) {
		begin_commit(follow);
		return;
	}
	follow->is_asking = true;
	follow->commit_work.data = follow;
	(void)uv_queue_work(&follow->loop, &follow->commit_work, find_occupied, occupied_found);
}

void kaname_follow_write(kaname_follow_t *follow, kaname_follow_owner_t *owner)
{
	owner->is_sending = kaname_ring_add(&follow->to_write, owner);
	if (!owner->is_sending) {
		kaname_follow_hold(owner, KANAME_FOLLOW_FAILED_MS);
		owner->act_at = owner->hold_at;
	}
}

void kaname_follow_say_put_back(kaname_follow_t *follow)
{
	if (follow->journal != NULL && kaname_journal_was_put_back(follow->journal)) {
		kaname_follow_say(
		        "the journal's data.mdb was removed while it is in use: it is put "
		        "back as it was\nnext: whoever wants to begin anew ends this first");
	}
}

void kaname_follow_note_all(kaname_follow_t *follow)
{
	if (follow->is_asking) {
		take_back(follow);
	}
	if (follow->journal == NULL || follow->is_dry) {
		return;
	}
	/* What was removed meanwhile goes with the process if it is not put back now. */
	const kaname_moment_t now = kaname_moment_now(follow->boot);
	kaname_journal_keep(follow->journal);
	int ret = follow->done.len > 0 ? kaname_journal_commit(follow->journal, &follow->done, &now)
	                               : kaname_journal_wake(follow->journal);
	if (ret != 0 && (follow->done.len > 0 || !follow->journal_fails)) {
		kaname_follow_say("the journal cannot be written: %s; the next run finds out what "
		                  "is done\nnext: %s",
		                  kaname_journal_why(ret), kaname_journal_next(ret));
	}
	kaname_follow_say_put_back(follow);
	kaname_notes_clear(&follow->done);
}

void kaname_follow_end_jobs(kaname_follow_t *follow)
{
	kaname_follow_job_t *lists[] = { follow->batch, follow->ready, follow->sent };
	for (unsigned i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		for (kaname_follow_job_t *job = lists[i], *next; job != NULL; job = next) {
			next = job->next;
			kaname_follow_job_free(follow, job);
		}
	}
	follow->batch = follow->ready = follow->sent = NULL;
}
