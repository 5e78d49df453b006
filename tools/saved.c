#include "saved.h"

#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

/*! What is needed beside the size of the zone file that is there. */
#define SPARE      4096
/*! So much of the file's end is looked at. */
#define TAIL_MAX   400
/*! What Knot writes in front of a zone file, and behind it. */
#define DUMP_BEGIN ";; Zone dump"
#define DUMP_END   ";; Written"

kaname_exit_t kaname_saved_before(const kaname_setting_t *setting, const char *zone)
{
	char path[PATH_MAX];
	struct stat file;
	struct statvfs system;
	(void)snprintf(path, sizeof(path), "%s", setting->file);
	if (!setting->is_saved_to_file || path[0] == '\0' || statvfs(dirname(path), &system) != 0) {
		/* It is not seen from here. */
		return KANAME_OK;
	}
	uint64_t size = stat(setting->file, &file) == 0 ? file.st_size : 0;
	bool has_inodes = system.f_files == 0 || system.f_favail > 0;
	if (has_inodes && (uint64_t)system.f_bavail * system.f_frsize >= size + SPARE) {
		return KANAME_OK;
	}
	kaname_error("%s: there is no room in %s to write the zone file anew; nothing was changed",
	             zone, path);
	(void)fprintf(stderr, "next: free some space there: without it knotd up to 3.4 would put "
	                      "an empty zone file in the place of the good one\n");
	return KANAME_IO;
}

/*! Is the file one that Knot began to write, and did not end? False if that cannot be seen. */
static bool is_cut_off(const char *path)
{
	char begin[sizeof(DUMP_BEGIN)] = "", tail[TAIL_MAX + 1] = "";
	struct stat file;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &file) != 0 || !S_ISREG(file.st_mode)) {
		if (fd >= 0) {
			(void)close(fd);
		}
		return false;
	}
	off_t from = file.st_size > TAIL_MAX ? file.st_size - TAIL_MAX : 0;
	bool read =
	        pread(fd, begin, sizeof(begin) - 1, 0) >= 0 && pread(fd, tail, TAIL_MAX, from) >= 0;
	(void)close(fd);
	return read && (file.st_size == 0 ||
	                (strcmp(begin, DUMP_BEGIN) == 0 && strstr(tail, DUMP_END) == NULL));
}

/*! The zone file that is there does not hold the zone. */
static kaname_exit_t report_cut_off(const kaname_setting_t *setting, const char *zone)
{
	kaname_error(
	        "%s: the change is served, but the zone file %s is cut off, since the disk was "
	        "full: knotd cannot load the zone from it when it starts again",
	        zone, setting->file);
	(void)fprintf(stderr,
	              "next: free some space, then 'knotc -b zone-flush %s', before knotd ends\n",
	              zone);
	return KANAME_IO;
}

/*! knotd says that the zone file could not be written. */
static kaname_exit_t report_unwritten(const kaname_control_t *control,
                                      const kaname_setting_t *setting, const char *zone)
{
	kaname_error("%s: the change is served, but %s: the zone file %s could not be written (%s)",
	             zone,
	             setting->has_journal ? "saved in the journal only"
	                                  : "not saved, and lost when knotd ends",
	             setting->file, control->error);
	(void)fprintf(stderr,
	              "next: is the disk full, or may knotd not write there? Its log says why; "
	              "then 'knotc -b zone-flush %s'\n",
	              zone);
	return setting->has_journal ? KANAME_OK : KANAME_IO;
}

kaname_exit_t kaname_saved_after(kaname_control_t *control, const kaname_setting_t *setting,
                                 const char *zone)
{
	if (!setting->is_known) {
		return KANAME_OK;
	}
	if (!setting->is_saved_to_file && !setting->has_journal) {
		(void)fprintf(stderr,
		              "warning: the change is served, but saved nowhere, and lost when "
		              "knotd ends\nnext: 'zonefile-sync: 0' or 'journal-content: changes' "
		              "for %s saves the next one; 'knotc -f zone-flush %s' this one\n",
		              zone, zone);
		return KANAME_OK;
	}
	if (!setting->is_written_at_once) {
		return KANAME_OK;
	}
	knot_ctl_data_t ask = {
		[KNOT_CTL_IDX_CMD] = "zone-flush",
		[KNOT_CTL_IDX_FLAGS] = "B",
		[KNOT_CTL_IDX_ZONE] = zone,
	};
	kaname_exit_t ret = kaname_control_ask(control, &ask, NULL, NULL);
	if (ret == KANAME_IO) {
		(void)fprintf(stderr, "the change was made; whether it is in the zone file is not "
		                      "known\n");
	}
	if (ret == KANAME_NO) {
		return report_unwritten(control, setting, zone);
	}
	return ret == KANAME_OK && is_cut_off(setting->file) ? report_cut_off(setting, zone) : ret;
}
