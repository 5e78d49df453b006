#include "service/state/moment.h"

#include <fcntl.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

static int64_t read_clock(clockid_t clock)
{
	struct timespec ts = { 0 };
	(void)clock_gettime(clock, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int digit_of(char c)
{
	if (c >= '0' && c <= '9') {
		return c - '0';
	}
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*! Reads the identity of the boot, hexadecimal digits with hyphens between; zero if it cannot be
 *  had. */
static void read_boot_id(uint8_t id[16])
{
	char text[37] = "";
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		(void)!read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	memset(id, 0, 16);
	unsigned digits = 0;
	for (const char *at = text; *at != '\0' && digits < 32; at++) {
		int digit = digit_of(*at);
		if (digit >= 0) {
			id[digits / 2] |= digit << (digits % 2 == 0 ? 4 : 0);
			digits++;
		}
	}
}

aname_state_moment_t aname_state_now(void)
{
	aname_state_moment_t now = { .boot_ms = read_clock(CLOCK_BOOTTIME),
		                     .wall_ms = read_clock(CLOCK_REALTIME) };
	read_boot_id(now.boot_id);
	return now;
}

static bool is_same_boot(const aname_state_moment_t *one, const aname_state_moment_t *other)
{
	static const uint8_t unknown[16];
	return memcmp(one->boot_id, unknown, sizeof(unknown)) != 0 &&
	       memcmp(one->boot_id, other->boot_id, sizeof(one->boot_id)) == 0;
}

bool aname_state_elapsed(const aname_state_moment_t *saved, const aname_state_moment_t *now,
                         int64_t *elapsed_ms)
{
	int64_t by_wall_ms = now->wall_ms - saved->wall_ms;
	int64_t by_boot_ms = now->boot_ms - saved->boot_ms;
	/* A container may be given another count of the time since boot. */
	bool by_boot = is_same_boot(saved, now) && by_boot_ms >= 0;
	*elapsed_ms = by_boot ? by_boot_ms : by_wall_ms;
	if (*elapsed_ms >= 0) {
		return true;
	}
	*elapsed_ms = 0;
	return false;
}
