#include "service/service.h"

#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include <libknot/errcode.h>

#include "service/key_reader.h"
#include "service/status/listener.h"
#include "service/suspend.h"
#include "service/threadpool.h"
#include "service/wishes.h"
#include "table/clock.h"

/*! How long the last holder waits for cancelled lookups to report back. */
#define STOP_MS 200
/*! And for the state file to be written, if the disk is slow. */
#define DISK_MS 5000
/*! How long somebody waits for it to be loaded. */
#define LOAD_S  10

/*
 * The only mutable state at file scope in this project, but for libuv's pool (threadpool.c), what the
 * machine has slept (table/clock.c), and what is to be started again (unstarted.c). It is static
 * because libuv must never see the loop go while a getaddrinfo runs, and that may be at the very end
 * of the process.
 */
static struct {
	pthread_mutex_t lock; /*!< Guards what follows, but for the thread's own use of it. */
	unsigned holders;
	aname_shared_t *shared;
	aname_refresh_t *refresh;
	aname_key_reader_t *key_reader;
	uv_loop_t loop;
	uv_async_t wake;
	aname_suspend_t suspend;
	pthread_t thread;
	_Atomic bool stop;
	bool pool_reported;
	aname_wishes_t sockets; /*!< Paths wished for the status socket. */
	aname_status_t *status;
	pthread_mutex_t path_lock; /*!< Guards what follows, for which the thread may wait. */
	char path[PATH_MAX];
	_Atomic bool moved; /*!< Some of this is new. */
	aname_wishes_t
	        files; /*!< Paths wished for the state file, with its interval; under `lock`. */
	aname_state_t *state; /*!< The thread's. */
	char file[PATH_MAX];
	uint32_t interval_s;
	uint64_t file_wanted, file_settled; /*!< How often it was changed, and followed. */
	unsigned file_waiters;              /*!< Who wait until it is followed. */
	pthread_cond_t file_followed;
	aname_state_report_t report; /*!< Of that. */
} service = { .lock = PTHREAD_MUTEX_INITIALIZER,
	      .path_lock = PTHREAD_MUTEX_INITIALIZER,
	      .file_followed = PTHREAD_COND_INITIALIZER };

/*! Has the status socket where it is to be. */
static void follow_path(void)
{
	char path[PATH_MAX];
	pthread_mutex_lock(&service.path_lock);
	memcpy(path, service.path, sizeof(path));
	pthread_mutex_unlock(&service.path_lock);
	aname_status_listen(service.status, path);
}

/*! Has the state file where it is to be, and loads what is in it; returns which change that was. */
static uint64_t follow_file(aname_state_report_t *report)
{
	char file[PATH_MAX];
	pthread_mutex_lock(&service.path_lock);
	memcpy(file, service.file, sizeof(file));
	uint32_t interval_s = service.interval_s;
	uint64_t wanted = service.file_wanted;
	bool replaces = service.file_waiters > 0;
	pthread_mutex_unlock(&service.path_lock);
	aname_state_keep(service.state, file, interval_s > 0 ? interval_s : 1, replaces, report);
	return wanted;
}

/*! What the state file holds can be answered from now on: lets those go on who wait for it. */
static void settle_file(uint64_t wanted, const aname_state_report_t *report)
{
	pthread_mutex_lock(&service.path_lock);
	service.file_settled = wanted;
	bool waiting = service.file_waiters > 0;
	if (waiting && report->text[0] != '\0') {
		service.report = *report;
	}
	pthread_cond_broadcast(&service.file_followed);
	pthread_mutex_unlock(&service.path_lock);
	if (!waiting && report->text[0] != '\0') {
		const aname_log_t log = aname_logbook_log(service.shared->logbook);
		aname_log(&log, report->priority, "%s", report->text);
	}
}

/*! Follows the paths, and goes on with all the rest. */
static void follow(void (*go_on)(void))
{
	static aname_state_report_t report; /* The thread's, and large. */
	follow_path();
	uint64_t wanted = follow_file(&report);
	go_on();
	settle_file(wanted, &report);
}

static void wake(void)
{
	aname_refresh_wake(service.refresh);
	aname_key_reader_wake(service.key_reader);
}

static void resume(void)
{
	aname_refresh_resume(service.refresh);
	aname_key_reader_resume(service.key_reader);
}

static void on_wake(uv_async_t *async)
{
	if (atomic_load(&service.stop)) {
		aname_refresh_pause(service.refresh);
		aname_key_reader_pause(service.key_reader);
		aname_status_listen(service.status, "");
		uv_stop(&service.loop);
		return;
	}
	if (atomic_exchange(&service.moved, false)) {
		follow(wake);
	} else {
		wake();
	}
}

/*! Called by workers. libuv makes one system call however many call before the loop runs. */
static void wake_up(void *ctx)
{
	(void)uv_async_send(&service.wake);
}

/*! Is anything under way for which the end waits, so long after it was asked for? */
static bool is_busy(int64_t since_ms)
{
	int64_t waited_ms = aname_clock_ms() - since_ms;
	bool running = aname_refresh_running(service.refresh) > 0 ||
	               aname_key_reader_busy(service.key_reader);
	return (running && waited_ms < STOP_MS) ||
	       (aname_state_is_busy(service.state) && waited_ms < DISK_MS);
}

/*! After a pause: gives cancelled lookups, keys being read, and what is being written a moment to
 *  report back. */
static void drain(void)
{
	int64_t since_ms = aname_clock_ms();
	/* Once in any case, for what was closed. */
	uv_run(&service.loop, UV_RUN_NOWAIT);
	while (is_busy(since_ms)) {
		uv_run(&service.loop, UV_RUN_NOWAIT);
		(void)poll(NULL, 0, 5);
	}
}

static void *run(void *arg)
{
	follow(resume);
	uv_run(&service.loop, UV_RUN_DEFAULT);
	drain();
	aname_state_let_go(service.state);
	return NULL;
}

static aname_resolver_t *make_resolver(uv_loop_t *loop, const aname_source_t *source,
                                       const aname_schedule_t *schedule, aname_resolved_f done,
                                       void *owner)
{
	return source->servers_count == 0
	               ? aname_resolver_system_new(loop, done, owner)
	               : aname_resolver_dns_new(loop, source, schedule, done, owner);
}

/*! Makes the status socket, which shows and changes what refresh has. */
static aname_status_t *make_status(aname_shared_t *shared)
{
	if (service.refresh == NULL) {
		return NULL;
	}
	const aname_status_backend_t backend =
	        aname_status_backend_of(service.refresh, service.state);
	return aname_status_new(shared, &backend, &service.loop);
}

/*! Makes the loop with what hangs on it. */
static int prepare_loop(aname_shared_t *shared)
{
	int ret = uv_loop_init(&service.loop);
	if (ret != 0) {
		return ret;
	}
	ret = uv_async_init(&service.loop, &service.wake, on_wake);
	if (ret != 0) {
		(void)uv_loop_close(&service.loop);
		return ret;
	}
	service.refresh = aname_refresh_new(shared, &service.loop, make_resolver);
	service.key_reader = aname_key_reader_new(shared, &service.loop);
	service.state =
	        service.refresh != NULL ? aname_state_new(service.refresh, &service.loop) : NULL;
	service.status = make_status(shared);
	if (service.refresh != NULL && service.key_reader != NULL && service.status != NULL &&
	    service.state != NULL) {
		return KNOT_EOK;
	}
	if (service.refresh != NULL) {
		aname_refresh_free(service.refresh);
	}
	aname_key_reader_free(service.key_reader);
	aname_status_free(service.status);
	aname_state_free(service.state);
	uv_close((uv_handle_t *)&service.wake, NULL);
	uv_run(&service.loop, UV_RUN_NOWAIT);
	(void)uv_loop_close(&service.loop);
	return KNOT_ENOMEM;
}

/*! Makes what lives as long as the process. */
static int prepare(void)
{
	if (service.shared != NULL) {
		return KNOT_EOK;
	}
	aname_clock_begin();
	aname_shared_t *shared = aname_shared_new(wake_up, NULL);
	if (shared == NULL) {
		return KNOT_ENOMEM;
	}
	int ret = prepare_loop(shared);
	if (ret != KNOT_EOK) {
		aname_shared_free(shared);
		return ret;
	}
	service.shared = shared;
	aname_suspend_watch(&service.suspend, &service.loop, service.refresh);
	const aname_log_t log = aname_logbook_log(shared->logbook);
	aname_threadpool_log(&log);
	return KNOT_EOK;
}

/*! Starts the thread, and before it the pool, which is better started before all other threads. */
static int start_threads(void)
{
	/* knotd's signals are for knotd's main thread. */
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	(void)aname_threadpool_start(&service.loop, true);
	atomic_store(&service.stop, false);
	int ret = pthread_create(&service.thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (ret == 0) {
		(void)pthread_setname_np(service.thread, "mod-aname");
	}
	return -ret;
}

/*! What is logged of the pool's size once, and what for each that asks for another. */
static void report_pool(const aname_limits_t *limits, aname_service_report_t *report)
{
	bool first = !service.pool_reported;
	service.pool_reported = true;
	report->pool = aname_threadpool_get();
	report->threads_late = first && report->pool.late;
	report->threads_differ =
	        !first && report->pool.ours && report->pool.wanted != limits->threads;
	report->threads_short = first && report->pool.threads < report->pool.wanted;
}

int aname_service_acquire(const aname_limits_t *limits, unsigned workers, aname_shared_t **shared,
                          aname_service_report_t *report)
{
	memset(report, 0, sizeof(*report));
	pthread_mutex_lock(&service.lock);

	aname_threadpool_plan(limits->threads, workers);
	int ret = prepare();
	if (ret == KNOT_EOK) {
		report->differ = aname_refresh_limit(service.refresh, limits);
		ret = service.holders == 0 ? start_threads() : KNOT_EOK;
	}
	if (ret == KNOT_EOK) {
		report_pool(limits, report);
		service.holders++;
		*shared = service.shared;
	}

	pthread_mutex_unlock(&service.lock);
	return ret;
}

aname_shared_t *aname_service_shared(void)
{
	pthread_mutex_lock(&service.lock);
	aname_shared_t *shared = service.shared;
	pthread_mutex_unlock(&service.lock);
	return shared;
}

void aname_service_release(void)
{
	pthread_mutex_lock(&service.lock);
	if (--service.holders == 0) {
		atomic_store(&service.stop, true);
		(void)uv_async_send(&service.wake);
		pthread_join(service.thread, NULL);
	}
	pthread_mutex_unlock(&service.lock);
}

/* The status socket. */

/*! Tells the thread which path counts now; true if it is another one. Under both locks. */
static bool settle(const aname_wish_t *best, char *path, uint32_t *number)
{
	const char *wanted = best != NULL ? best->path : "";
	uint32_t wanted_number = best != NULL ? best->number : 0;
	if (strcmp(path, wanted) == 0 && *number == wanted_number) {
		return false;
	}
	(void)snprintf(path, PATH_MAX, "%s", wanted);
	*number = wanted_number;
	atomic_store(&service.moved, true);
	(void)uv_async_send(&service.wake);
	return true;
}

/*! For the status socket, with which no number goes. */
static void settle_socket(void)
{
	uint32_t none = 0;
	pthread_mutex_lock(&service.path_lock);
	(void)settle(aname_wishes_best(&service.sockets), service.path, &none);
	pthread_mutex_unlock(&service.path_lock);
}

int aname_service_show(const char *path, bool chosen)
{
	pthread_mutex_lock(&service.lock);
	int ret = KNOT_ENOMEM;
	if (aname_wishes_add(&service.sockets, path, chosen, 0)) {
		settle_socket();
		const char *best = aname_wishes_best(&service.sockets)->path;
		ret = strcmp(best, path) == 0 ? KNOT_EOK : KNOT_EEXIST;
	}
	pthread_mutex_unlock(&service.lock);
	return ret;
}

void aname_service_hide(const char *path, bool chosen)
{
	pthread_mutex_lock(&service.lock);
	aname_wishes_remove(&service.sockets, path, chosen, 0);
	settle_socket();
	pthread_mutex_unlock(&service.lock);
}

/* The state file. */

/*! The same for the state file; counts the changes, so that they can be waited for. */
static bool settle_file_wishes(void)
{
	/* Zones of sections that differ come in any order: it does not move with each of them. */
	bool moved = settle(aname_wishes_stay(&service.files, service.file), service.file,
	                    &service.interval_s);
	service.file_wanted += moved;
	return moved;
}

/*! Waits until the thread has followed; not for ever, if it waits for a disk. */
static void await_file(aname_state_report_t *report)
{
	struct timespec until;
	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += LOAD_S;
	int ret = 0;
	service.file_waiters++;
	while (service.file_settled != service.file_wanted && ret == 0) {
		ret = pthread_cond_timedwait(&service.file_followed, &service.path_lock, &until);
	}
	service.file_waiters--;
	*report = service.report;
	service.report.text[0] = '\0';
}

int aname_service_keep(const char *path, bool chosen, uint32_t interval_s,
                       aname_state_report_t *report)
{
	if (report != NULL) {
		report->text[0] = '\0';
	}
	pthread_mutex_lock(&service.lock);
	int ret = KNOT_ENOMEM;
	if (aname_wishes_add(&service.files, path, chosen, interval_s)) {
		pthread_mutex_lock(&service.path_lock);
		if (settle_file_wishes() && report != NULL) {
			await_file(report);
		}
		ret = strcmp(service.file, path) == 0 ? KNOT_EOK : KNOT_EEXIST;
		pthread_mutex_unlock(&service.path_lock);
	}
	pthread_mutex_unlock(&service.lock);
	return ret;
}

void aname_service_unkeep(const char *path, bool chosen, uint32_t interval_s)
{
	pthread_mutex_lock(&service.lock);
	aname_wishes_remove(&service.files, path, chosen, interval_s);
	pthread_mutex_lock(&service.path_lock);
	(void)settle_file_wishes();
	pthread_mutex_unlock(&service.path_lock);
	pthread_mutex_unlock(&service.lock);
}
