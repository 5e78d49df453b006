#include "control.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>

#include <libknot/libknot.h>

#include "ask.h"

/*! Where others wait to be accepted, too: between attempts to connect. */
#define RETRY_MS 50

/*! What to do about errors of the server, or about not reaching it. */
static const struct {
	int reason;
	const char *next;
} hints[] = {
	{ KNOT_ENOZONE, "is the zone in this server's configuration? 'knotc zone-status' lists "
	                "all; a name below an apex is none, 'kaname set ZONE TARGET --owner NAME' "
	                "declares there; -s SOCKET asks another server" },
	{ KNOT_TXN_EEXISTS, "a transaction is open, somebody else's or one whose commit was "
	                    "refused: 'knotc zone-diff ZONE' shows it, 'knotc zone-commit ZONE' "
	                    "finishes it, 'knotc zone-abort ZONE' drops it" },
	{ KNOT_EEMPTYZONE, "the zone is not loaded, the server's log says why" },
	{ KNOT_ENONODE, "the zone is not loaded, the server's log says why" },
	{ KNOT_ESPACE, "the zone's journal is full, or the disk that it is on: free some space, or "
	               "raise 'journal-max-usage' of the zone or 'journal-db-max-size'" },
	{ KNOT_ECONNRESET, "has knotd ended? 'systemctl status knot' and its log say why; a full "
	                   "disk under its journal is one reason" },
	{ KNOT_ENOTSUP, "does this knotd know the command? It takes Knot DNS 3.2 or later" },
	{ KNOT_ECONNREFUSED, "is knotd running? 'systemctl status knot'" },
	{ KNOT_ENOENT, "is knotd running? If its control socket is elsewhere, name it with -s" },
	{ KNOT_EMFILE, KANAME_NEXT_FILES },
	{ KNOT_ENFILE, KANAME_NEXT_FILES },
	{ KNOT_EACCES, "be root, or in the group of the control socket" },
	{ KNOT_ETIMEOUT, "knotd does not answer: is it stopped, or busy with another command? "
	                 "-t SECONDS waits longer" },
};

static const char *hint(const char *error)
{
	for (size_t i = 0; i < sizeof(hints) / sizeof(hints[0]); i++) {
		if (strcmp(error, knot_strerror(hints[i].reason)) == 0) {
			return hints[i].next;
		}
	}
	return NULL;
}

static void print_next_step(const char *error)
{
	const char *next = hint(error);
	if (next != NULL) {
		(void)fprintf(stderr, "next: %s\n", next);
	}
}

const char *kaname_control_path(const kaname_args_t *args)
{
	return args->socket != NULL ? args->socket : KANAME_CONTROL_SOCKET;
}

/*! Connects once. */
static int connect_once(kaname_control_t *control, const kaname_args_t *args, int timeout_s)
{
	control->ctl = knot_ctl_alloc();
	if (control->ctl == NULL) {
		return KNOT_ENOMEM;
	}
	knot_ctl_set_timeout(control->ctl, 1000 * timeout_s);
	int ret = knot_ctl_connect(control->ctl, kaname_control_path(args));
	if (ret != KNOT_EOK) {
		knot_ctl_free(control->ctl);
		control->ctl = NULL;
	}
	return ret;
}

int kaname_control_try(kaname_control_t *control, const kaname_args_t *args)
{
	control->error[0] = '\0';
	control->quiet = false;
	int timeout_s = args->timeout >= 0 ? args->timeout : KANAME_TIMEOUT_S;
	int64_t end_ms = kaname_now_ms() + 1000LL * timeout_s;
	int ret = connect_once(control, args, timeout_s);
	while (ret == KNOT_EAGAIN) {
		/* As many as may wait to be accepted do. */
		if (timeout_s > 0 && kaname_now_ms() >= end_ms) {
			return KNOT_ETIMEOUT;
		}
		(void)poll(NULL, 0, RETRY_MS);
		ret = connect_once(control, args, timeout_s);
	}
	return ret;
}

kaname_exit_t kaname_control_unreachable(const kaname_args_t *args, int reason)
{
	kaname_error("failed to connect to socket '%s' (%s)", kaname_control_path(args),
	             knot_strerror(reason));
	print_next_step(knot_strerror(reason));
	return KANAME_IO;
}

kaname_exit_t kaname_control_open(kaname_control_t *control, const kaname_args_t *args)
{
	int ret = kaname_control_try(control, args);
	return ret == KNOT_EOK ? KANAME_OK : kaname_control_unreachable(args, ret);
}

void kaname_control_close(kaname_control_t *control)
{
	if (control->ctl != NULL) {
		(void)knot_ctl_send(control->ctl, KNOT_CTL_TYPE_END, NULL);
		knot_ctl_close(control->ctl);
		knot_ctl_free(control->ctl);
		control->ctl = NULL;
	}
}

static kaname_exit_t lost(const kaname_control_t *control, int ret)
{
	if (control->quiet) {
		return KANAME_IO;
	}
	kaname_error("failed to control (%s)", knot_strerror(ret));
	print_next_step(knot_strerror(ret));
	return KANAME_IO;
}

/*! Takes one unit; true if it was the last. */
static bool take(kaname_control_t *control, knot_ctl_type_t type, knot_ctl_data_t *data,
                 kaname_unit_f unit, void *ctx)
{
	if (type != KNOT_CTL_TYPE_DATA && type != KNOT_CTL_TYPE_EXTRA) {
		return true;
	}
	const char *error = (*data)[KNOT_CTL_IDX_ERROR];
	if (error != NULL) {
		(void)snprintf(control->error, sizeof(control->error), "%s", error);
	} else if (unit != NULL) {
		unit(ctx, data);
	}
	return false;
}

kaname_exit_t kaname_control_ask(kaname_control_t *control, knot_ctl_data_t *ask,
                                 kaname_unit_f unit, void *ctx)
{
	control->error[0] = '\0';
	int ret = knot_ctl_send(control->ctl, KNOT_CTL_TYPE_DATA, ask);
	if (ret == KNOT_EOK) {
		ret = knot_ctl_send(control->ctl, KNOT_CTL_TYPE_BLOCK, NULL);
	}
	bool last = false;
	while (ret == KNOT_EOK && !last) {
		knot_ctl_type_t type;
		knot_ctl_data_t data;
		ret = knot_ctl_receive(control->ctl, &type, &data);
		last = ret == KNOT_EOK && take(control, type, &data, unit, ctx);
	}
	if (ret != KNOT_EOK) {
		return lost(control, ret);
	}
	return control->error[0] == '\0' ? KANAME_OK : KANAME_NO;
}

static void take_version(void *ctx, knot_ctl_data_t *data)
{
	const char *text = (*data)[KNOT_CTL_IDX_DATA];
	/* Up to 3.2 a word stands before it. */
	const char *number = text != NULL ? strpbrk(text, "0123456789") : NULL;
	if (number != NULL) {
		(void)snprintf(ctx, KANAME_VERSION_MAX, "%s", number);
	}
}

kaname_exit_t kaname_control_version(kaname_control_t *control, char version[KANAME_VERSION_MAX])
{
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "status", [KNOT_CTL_IDX_TYPE] = "version" };
	(void)snprintf(version, KANAME_VERSION_MAX, "?");
	kaname_exit_t ret = kaname_control_ask(control, &ask, take_version, version);
	return ret == KANAME_IO ? ret : KANAME_OK;
}

bool kaname_control_refused(const kaname_control_t *control, int reason)
{
	return strcmp(control->error, knot_strerror(reason)) == 0;
}

void kaname_control_error(const kaname_control_t *control, const char *zone)
{
	(void)fprintf(stderr, "error: [%s] (%s)\n", zone, control->error);
	print_next_step(control->error);
}
