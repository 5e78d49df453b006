#include "follow/moment.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "fnv.h"

#define BOOT_ID "/proc/sys/kernel/random/boot_id"

uint32_t kaname_moment_boot(void)
{
	char id[64];
	int fd = open(BOOT_ID, O_RDONLY | O_CLOEXEC);
	ssize_t len = fd >= 0 ? read(fd, id, sizeof(id)) : -1;
	if (fd >= 0) {
		(void)close(fd);
	}
	if (len <= 0) {
		return 0;
	}
	uint64_t hash = aname_fnv(ANAME_FNV_BASIS, id, (size_t)len);
	return (uint32_t)(hash ^ hash >> 32) | 1;
}

kaname_moment_t kaname_moment_now(uint32_t boot)
{
	struct timespec since_boot = { 0 };
	(void)clock_gettime(CLOCK_BOOTTIME, &since_boot);
	return (kaname_moment_t){ .wall_s = time(NULL),
		                  .boot_s = since_boot.tv_sec > 0 ? since_boot.tv_sec : 1,
		                  .boot = boot };
}
