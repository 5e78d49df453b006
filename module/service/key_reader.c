#include "service/key_reader.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "log/tell.h"
#include "service/key_file.h"
#include "table/clock.h"

/*! Keys that are taken out of the queue, to be read one after the other. */
#define TAKEN_MAX 64
/*! Keys that the service thread reads in one go, if it has to. */
#define OWN_BATCH 8

#define SWEEP_MS 60000
/*! How often it is looked whether a thread hangs. */
#define WATCH_MS 500

/*! A key to be read. */
typedef struct job {
	struct job *next;
	aname_secret_t *secret; /*!< Held; NULL once it is given up. The service thread's. */
	aname_key_source_t source;
	aname_key_progress_t progress;
	aname_secret_found_t found; /*!< The thread's, until it is done. */
	uint8_t rdata[];
} job_t;

typedef struct {
	job_t *first, **end;
	unsigned count;
} jobs_t;

typedef struct {
	aname_key_reader_t *reader;
	bool hangs; /*!< Given up. The service thread's. */
	/* Guarded by the lock. */
	bool running;
	job_t *job; /*!< What it is at. */
	int64_t since_ms;
} reading_t;

struct aname_key_reader {
	aname_shared_t *shared;
	uv_timer_t sweep, watch;
	uv_idle_t idle;   /*!< Reads a few if there is no thread. */
	uv_async_t done;  /*!< A thread has read something. */
	unsigned handles; /*!< Not closed yet. */
	pthread_mutex_t lock;
	/* Guarded by it. */
	bool paused;
	jobs_t waiting, read;
	reading_t threads[ANAME_KEY_THREADS_MAX];
};

/* Jobs. */

static void push(jobs_t *jobs, job_t *job)
{
	job->next = NULL;
	*(jobs->count > 0 ? jobs->end : &jobs->first) = job;
	jobs->end = &job->next;
	jobs->count++;
}

static job_t *pop(jobs_t *jobs)
{
	if (jobs->count == 0) {
		return NULL;
	}
	job_t *job = jobs->first;
	jobs->first = job->next;
	jobs->count--;
	return job;
}

static job_t *job_new(aname_secret_t *secret)
{
	job_t *job = calloc(1, sizeof(*job) + secret->rdata_len);
	if (job == NULL) {
		return NULL;
	}
	memcpy(job->rdata, secret->rdata, secret->rdata_len);
	job->secret = secret;
	job->source = (aname_key_source_t){ .directories = secret->directories,
		                            .rdata = job->rdata,
		                            .rdata_len = secret->rdata_len,
		                            .progress = &job->progress };
	return job;
}

static void publish(aname_key_reader_t *reader, aname_secret_t *secret,
                    const aname_secret_found_t *found)
{
	aname_tell_key(&reader->shared->watch, found, secret->failures);
	aname_secrets_put(reader->shared->secrets, secret, found, aname_clock_ms());
}

static void fail(aname_key_reader_t *reader, aname_secret_t *secret, int error)
{
	aname_secret_found_t found;
	aname_key_fail(secret, error, &found);
	publish(reader, secret, &found);
}

/* A thread. */

static void *read_keys(void *arg)
{
	reading_t *thread = arg;
	aname_key_reader_t *reader = thread->reader;
	pthread_mutex_lock(&reader->lock);
	/* Whoever was given up is not needed any more: another one reads. */
	for (bool needed = true; needed && !reader->paused;) {
		job_t *job = thread->job = pop(&reader->waiting);
		if (job == NULL) {
			break;
		}
		thread->since_ms = aname_clock_ms();
		pthread_mutex_unlock(&reader->lock);
		aname_key_read_from(&job->source, &job->found);
		pthread_mutex_lock(&reader->lock);
		thread->job = NULL;
		needed = !atomic_load(&job->progress.given_up);
		push(&reader->read, job);
		(void)uv_async_send(&reader->done);
	}
	thread->running = false;
	(void)uv_async_send(&reader->done);
	pthread_mutex_unlock(&reader->lock);
	return NULL;
}

/*! Starts a thread, which nobody joins; false if none can be had. Under the lock. */
static bool start(reading_t *thread)
{
	pthread_attr_t attr;
	pthread_t id;
	if (pthread_attr_init(&attr) != 0) {
		return false;
	}
	(void)pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	thread->running = pthread_create(&id, &attr, read_keys, thread) == 0;
	(void)pthread_attr_destroy(&attr);
	return thread->running;
}

/* The service thread. */

/*! Does a thread hang in these directories? */
static bool hangs(const aname_key_reader_t *reader, const char *directories)
{
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		const reading_t *thread = &reader->threads[i];
		/* What a thread is at that is given up nobody changes but that thread, at its end. */
		if (thread->hangs && thread->job != NULL &&
		    thread->job->source.directories == directories) {
			return true;
		}
	}
	return false;
}

static unsigned count_hanging(const aname_key_reader_t *reader)
{
	unsigned count = 0;
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		count += reader->threads[i].hangs;
	}
	return count;
}

/*! Can keys in these directories be read at all for now? Under the lock. */
static bool is_hopeless(const aname_key_reader_t *reader, const char *directories)
{
	return count_hanging(reader) == ANAME_KEY_THREADS_MAX || hangs(reader, directories);
}

static void log_directory(aname_key_reader_t *reader, const job_t *job, bool back)
{
	const aname_log_t log = aname_logbook_log(reader->shared->logbook);
	const char *directory = atomic_load(&job->progress.directory);
	directory = directory != NULL ? directory : job->source.directories;
	int len = (int)strcspn(directory, "\n");
	aname_tell_directory(&reader->shared->watch, directory, len, back);
	if (back) {
		aname_log(&log, LOG_NOTICE, "key directory %.*s answers again", len, directory);
	} else {
		aname_log(&log, LOG_WARNING,
		          "key directory %.*s does not answer: zones with keys in it are served "
		          "without the addresses of their ANAME as far as they are not read yet; "
		          "other keys are read meanwhile (%u of %u threads hang)",
		          len, directory, count_hanging(reader), ANAME_KEY_THREADS_MAX);
	}
}

/*! Publishes what was read; what was given up comes too late. Under the lock. */
static void take_read(aname_key_reader_t *reader)
{
	unsigned published = 0;
	for (job_t *job = pop(&reader->read); job != NULL; job = pop(&reader->read)) {
		if (job->secret != NULL) {
			publish(reader, job->secret, &job->found);
			published++;
		} else {
			dnssec_key_free(job->found.key);
			log_directory(reader, job, true);
		}
		free(job);
	}
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		reader->threads[i].hangs &= reader->threads[i].running;
	}
	if (published > 0) {
		aname_waiters_wake(reader->shared->waiters);
	}
}

/*! Takes keys that are asked for out of the queue. Under the lock. */
static void take_asked(aname_key_reader_t *reader)
{
	for (unsigned i = 0; reader->waiting.count < TAKEN_MAX; i++) {
		if (i == TAKEN_MAX) {
			(void)uv_async_send(&reader->done); /* The loop has other things to do. */
			break;
		}
		aname_secret_t *secret = aname_secrets_take(reader->shared->secrets);
		if (secret == NULL) {
			break;
		}
		bool hopeless = is_hopeless(reader, secret->directories);
		job_t *job = hopeless ? NULL : job_new(secret);
		if (job != NULL) {
			push(&reader->waiting, job);
		} else {
			fail(reader, secret, hopeless ? -ETIMEDOUT : DNSSEC_ENOMEM);
		}
	}
}

/*! Finds a thread that reads, or starts one; false if none can be had. Under the lock. */
static bool ensure_thread(aname_key_reader_t *reader)
{
	reading_t *free_one = NULL;
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		reading_t *thread = &reader->threads[i];
		if (thread->running && !thread->hangs) {
			return true;
		}
		free_one = thread->running ? free_one : thread;
	}
	return free_one != NULL && start(free_one);
}

/*! Is anything read, or about to be? Under the lock. */
static bool is_reading(const aname_key_reader_t *reader)
{
	bool reading = reader->read.count > 0 || (reader->waiting.count > 0 && !reader->paused);
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		reading |= reader->threads[i].running && !reader->threads[i].hangs;
	}
	return reading;
}

static void on_idle(uv_idle_t *idle);

/*! Goes on with what there is. Under the lock. */
static void go_on(aname_key_reader_t *reader)
{
	take_read(reader);
	if (reader->paused) {
		return;
	}
	take_asked(reader);
	if (reader->waiting.count > 0 && !ensure_thread(reader)) {
		uv_idle_start(&reader->idle, on_idle);
	}
	if (is_reading(reader) && !uv_is_active((uv_handle_t *)&reader->watch)) {
		uv_timer_again(&reader->watch);
	}
}

static void go_on_locked(aname_key_reader_t *reader)
{
	pthread_mutex_lock(&reader->lock);
	go_on(reader);
	pthread_mutex_unlock(&reader->lock);
}

/*! The service thread reads a few itself. */
static void on_idle(uv_idle_t *idle)
{
	aname_key_reader_t *reader = idle->data;
	uv_idle_stop(idle);
	for (unsigned i = 0; i < OWN_BATCH; i++) {
		pthread_mutex_lock(&reader->lock);
		job_t *job = reader->paused ? NULL : pop(&reader->waiting);
		pthread_mutex_unlock(&reader->lock);
		if (job == NULL) {
			break;
		}
		aname_key_read_from(&job->source, &job->found);
		pthread_mutex_lock(&reader->lock);
		push(&reader->read, job);
		pthread_mutex_unlock(&reader->lock);
	}
	go_on_locked(reader);
}

/*! Gives those up that wait in the same directories, too. Under the lock. */
static void fail_waiting(aname_key_reader_t *reader)
{
	for (unsigned left = reader->waiting.count; left > 0; left--) {
		job_t *job = pop(&reader->waiting);
		if (is_hopeless(reader, job->source.directories)) {
			fail(reader, job->secret, -ETIMEDOUT);
			free(job);
		} else {
			push(&reader->waiting, job);
		}
	}
}

/*! Gives a thread up that hangs. Under the lock. */
static void give_up(aname_key_reader_t *reader, reading_t *thread)
{
	job_t *job = thread->job;
	thread->hangs = true;
	atomic_store(&job->progress.given_up, true);
	fail(reader, job->secret, -ETIMEDOUT);
	job->secret = NULL;
	log_directory(reader, job, false);
	fail_waiting(reader);
	aname_waiters_wake(reader->shared->waiters);
}

static void on_watch(uv_timer_t *timer)
{
	aname_key_reader_t *reader = timer->data;
	int64_t now_ms = aname_clock_ms();
	pthread_mutex_lock(&reader->lock);
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		reading_t *thread = &reader->threads[i];
		if (thread->job != NULL && !thread->hangs &&
		    now_ms - thread->since_ms >= ANAME_KEY_HANG_MS) {
			give_up(reader, thread);
		}
	}
	go_on(reader);
	if (!is_reading(reader)) {
		uv_timer_stop(timer);
	}
	pthread_mutex_unlock(&reader->lock);
}

static void on_done(uv_async_t *done)
{
	go_on_locked(done->data);
}

static void on_sweep(uv_timer_t *timer)
{
	aname_key_reader_t *reader = timer->data;
	aname_secrets_sweep(reader->shared->secrets, aname_clock_ms());
}

aname_key_reader_t *aname_key_reader_new(aname_shared_t *shared, uv_loop_t *loop)
{
	aname_key_reader_t *reader = calloc(1, sizeof(*reader));
	if (reader == NULL || uv_async_init(loop, &reader->done, on_done) != 0) {
		free(reader);
		return NULL;
	}
	reader->shared = shared;
	pthread_mutex_init(&reader->lock, NULL);
	uv_timer_init(loop, &reader->sweep); /* These cannot fail. */
	uv_timer_init(loop, &reader->watch);
	uv_idle_init(loop, &reader->idle);
	reader->handles = 4;
	reader->done.data = reader->sweep.data = reader->watch.data = reader->idle.data = reader;
	uv_timer_start(&reader->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
	uv_timer_start(&reader->watch, on_watch, WATCH_MS, WATCH_MS);
	uv_timer_stop(&reader->watch);
	uv_unref((uv_handle_t *)&reader->done);
	uv_unref((uv_handle_t *)&reader->sweep);
	uv_unref((uv_handle_t *)&reader->watch);
	for (unsigned i = 0; i < ANAME_KEY_THREADS_MAX; i++) {
		reader->threads[i].reader = reader;
	}
	return reader;
}

static void on_closed(uv_handle_t *handle)
{
	aname_key_reader_t *reader = handle->data;
	if (--reader->handles == 0) {
		pthread_mutex_destroy(&reader->lock);
		free(reader);
	}
}

void aname_key_reader_free(aname_key_reader_t *reader)
{
	if (reader != NULL) {
		uv_close((uv_handle_t *)&reader->done, on_closed);
		uv_close((uv_handle_t *)&reader->sweep, on_closed);
		uv_close((uv_handle_t *)&reader->watch, on_closed);
		uv_close((uv_handle_t *)&reader->idle, on_closed);
	}
}

void aname_key_reader_wake(aname_key_reader_t *reader)
{
	go_on_locked(reader);
}

void aname_key_reader_pause(aname_key_reader_t *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->paused = true;
	pthread_mutex_unlock(&reader->lock);
	uv_idle_stop(&reader->idle);
}

void aname_key_reader_resume(aname_key_reader_t *reader)
{
	pthread_mutex_lock(&reader->lock);
	reader->paused = false;
	go_on(reader);
	pthread_mutex_unlock(&reader->lock);
}

bool aname_key_reader_busy(aname_key_reader_t *reader)
{
	pthread_mutex_lock(&reader->lock);
	bool reading = is_reading(reader);
	pthread_mutex_unlock(&reader->lock);
	return reading;
}
