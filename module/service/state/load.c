#include "service/state/load.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#include "service/state/moment.h"
#include "service/state/reader.h"
#include "service/state/restore.h"
#include "table/clock.h"

/*! A file that is being looked at. */
typedef struct {
	aname_refresh_t *refresh;
	aname_state_file_t *file;
	const char *path;
	aname_state_report_t *report;
	aname_loaded_t loaded;
} load_t;

const char *aname_state_file_text(aname_state_file_error_t error)
{
	switch (error) {
	case ANAME_STATE_FILE_OK: return NULL;
	case ANAME_STATE_FILE_HELD: return "another process holds it";
	case ANAME_STATE_FILE_ODD: return "it is no regular file";
	case ANAME_STATE_FILE_FOREIGN: return "it is no state file of mod-aname";
	case ANAME_STATE_FILE_LARGE: return "it is larger than any state file";
	default: return strerrordesc_np(errno);
	}
}

static const char *cure_of(aname_state_file_error_t error)
{
	switch (error) {
	case ANAME_STATE_FILE_HELD: return "each knotd needs a 'state-file' of its own";
	case ANAME_STATE_FILE_ERROR:
		return "knotd's user has to be able to write it, and in its directory, or set "
		       "'state-file'";
	default: return "move it away, or set 'state-file'";
	}
}

/*! Goes on without the file. */
static void refuse(load_t *load, const char *why, const char *cure)
{
	load->loaded.why_not = why;
	load->report->priority = LOG_WARNING;
	(void)snprintf(load->report->text, sizeof(load->report->text),
	               "state file '%s' is not used (%s): what is known does not survive a "
	               "restart; %s",
	               load->path, why, cure);
	aname_state_file_release(load->file);
}

/*! A file that cannot be read is put aside, and written anew. */
static void put_aside(load_t *load, const char *why)
{
	if (aname_state_file_put_aside(load->file) != ANAME_STATE_FILE_OK) {
		refuse(load, "it cannot be read, and not be put aside",
		       cure_of(ANAME_STATE_FILE_ODD));
		return;
	}
	load->report->priority = LOG_WARNING;
	(void)snprintf(load->report->text, sizeof(load->report->text),
	               "state file '%s' %s: nothing is known from before; it is put aside, with "
	               "'.unread' behind its name",
	               load->path, why);
}

static void report_restored(const load_t *load, const aname_restored_t *restored)
{
	char age[80], room[80] = "";
	if (restored->set_back) {
		(void)snprintf(age, sizeof(age), "saved before the clock was set back");
	} else {
		(void)snprintf(age, sizeof(age), "saved %" PRId64 " s ago",
		               restored->elapsed_ms / 1000);
	}
	if (restored->no_room > 0) {
		(void)snprintf(room, sizeof(room), "; no memory for %u more", restored->no_room);
	}
	load->report->priority = restored->no_room > 0 ? LOG_WARNING : LOG_INFO;
	(void)snprintf(load->report->text, sizeof(load->report->text),
	               "state file '%s', %s: %u targets are known from before, %u forced states%s",
	               load->path, age, restored->targets, restored->forces, room);
}

static void restore(load_t *load, aname_state_in_t *in, size_t len)
{
	const aname_state_moment_t moment = aname_state_now();
	const aname_restored_t restored =
	        aname_restore(load->refresh, in, &moment, aname_clock_ms());
	load->loaded.octets = len;
	load->loaded.targets = in->targets;
	report_restored(load, &restored);
}

/*! Takes what is in a file that was read. */
static void take(load_t *load, const uint8_t *data, size_t len)
{
	aname_state_in_t in;
	char why[80];
	switch (aname_state_open(&in, data, len)) {
	case ANAME_STATE_GOOD: restore(load, &in, len); break;
	case ANAME_STATE_EMPTY:
		load->report->priority = LOG_INFO;
		(void)snprintf(load->report->text, sizeof(load->report->text),
		               "state file '%s' is new: nothing is known from before ('kaname "
		               "warm' asks for all names)",
		               load->path);
		break;
	case ANAME_STATE_FOREIGN:
		refuse(load, aname_state_file_text(ANAME_STATE_FILE_FOREIGN),
		       cure_of(ANAME_STATE_FILE_FOREIGN));
		break;
	case ANAME_STATE_VERSION_DIFFERS:
		(void)snprintf(why, sizeof(why), "is of version %u, and this module's is %u",
		               in.version, ANAME_STATE_VERSION);
		put_aside(load, why);
		break;
	case ANAME_STATE_DAMAGED: put_aside(load, "is damaged"); break;
	}
}

aname_loaded_t aname_state_load(aname_refresh_t *refresh, aname_state_file_t *file,
                                const char *path, aname_state_report_t *report)
{
	load_t load = { .refresh = refresh, .file = file, .path = path, .report = report };
	uint8_t *data = NULL;
	size_t size, len = 0;
	aname_state_file_error_t error = aname_state_file_hold(file, path);
	if (error == ANAME_STATE_FILE_OK) {
		error = aname_state_file_look(file, &size);
	}
	if (error == ANAME_STATE_FILE_OK) {
		error = aname_state_file_read(file, size, &data, &len);
	}
	if (error == ANAME_STATE_FILE_OK) {
		take(&load, data, len);
	} else {
		refuse(&load, aname_state_file_text(error), cure_of(error));
	}
	free(data);
	return load.loaded;
}
