/*
 * Preloaded into a server, so that it lives at another time: shifts the wall clock and the clock
 * since boot, each by so many milliseconds as the environment says.
 *
 *     ANAME_CLOCK_WALL, ANAME_CLOCK_BOOT
 *
 * And has it live through a suspend: the clock since boot is shifted by so many milliseconds more
 * as a file says, eight octets in the machine's order, which may change at any time.
 *
 *     ANAME_CLOCK_SLEPT
 *
 * The whole process is in that time, and not one module of it, because that is how it is after a
 * reboot. The monotonic clock stays as it is: nobody can compare it with what was before.
 *
 * Waiting until a moment of the wall clock is the kernel's, which knows nothing of this, so that the
 * moment is shifted back. By what clock a condition waits cannot be seen here, but a moment since
 * boot is never as large as one since 1970.
 */

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define WALL_LEAST 1000000000

static void shift(struct timespec *when, int64_t by_ms)
{
	int64_t ns = when->tv_nsec + by_ms % 1000 * 1000000;
	int64_t seconds = when->tv_sec + by_ms / 1000;
	if (ns < 0) {
		ns += 1000000000;
		seconds--;
	} else if (ns >= 1000000000) {
		ns -= 1000000000;
		seconds++;
	}
	when->tv_sec = (time_t)seconds;
	when->tv_nsec = (long)ns;
}

/* Read each time: the first calls come before anything here could be prepared. */
static int64_t shift_of(const char *name)
{
	const char *text = getenv(name);
	return text == NULL ? 0 : strtoll(text, NULL, 10);
}

static int64_t slept(void)
{
	static void *kept;
	void *at = __atomic_load_n(&kept, __ATOMIC_RELAXED);
	const char *path = getenv("ANAME_CLOCK_SLEPT");
	if (at == NULL && path != NULL) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		at = fd >= 0 ? mmap(NULL, sizeof(int64_t), PROT_READ, MAP_SHARED, fd, 0)
		             : MAP_FAILED;
		if (fd >= 0) {
			close(fd);
		}
		if (at == MAP_FAILED) {
			abort();
		}
		__atomic_store_n(&kept, at, __ATOMIC_RELAXED);
	}
	return at == NULL ? 0 : __atomic_load_n((const int64_t *)at, __ATOMIC_RELAXED);
}

/* The addresses are kept, because to look them up takes a lock. */
static void *next(const char *name, void **kept)
{
	void *found = __atomic_load_n(kept, __ATOMIC_RELAXED);
	if (found == NULL) {
		found = dlsym(RTLD_NEXT, name);
		__atomic_store_n(kept, found, __ATOMIC_RELAXED);
	}
	return found;
}

int clock_gettime(clockid_t id, struct timespec *now)
{
	static void *kept;
	int (*real)(clockid_t, struct timespec *);
	*(void **)&real = next("clock_gettime", &kept);

	int ret = real(id, now);
	if (ret == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
		shift(now, shift_of("ANAME_CLOCK_WALL"));
	} else if (ret == 0 && id == CLOCK_BOOTTIME) {
		shift(now, shift_of("ANAME_CLOCK_BOOT") + slept());
	}
	return ret;
}

time_t time(time_t *out)
{
	struct timespec now = { 0 };
	clock_gettime(CLOCK_REALTIME, &now);
	if (out != NULL) {
		*out = now.tv_sec;
	}
	return now.tv_sec;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	(void)zone;
	struct timespec now = { 0 };
	clock_gettime(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
	static void *kept;
	int (*real)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
	*(void **)&real = next("pthread_cond_timedwait", &kept);

	struct timespec moment = *until;
	if (moment.tv_sec >= WALL_LEAST) {
		shift(&moment, -shift_of("ANAME_CLOCK_WALL"));
	}
	return real(cond, mutex, &moment);
}
