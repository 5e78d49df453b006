/*!
 * Any octets as a reply on knotd's control socket. What libknot can read of it the lenient reader reads
 * alike, unit by unit; and what is said of an error, or is the version, is a text that ends.
 *
 * Files: tools/follow/lenient.c tools/control.c
 */

#include "fuzz.h"

#include <libknot/libknot.h>

#include "control.h"
#include "follow/lenient.h"
#include "served.h"

#define UNITS_MAX 200
/*! Nothing below is in a text. */
#define LEAST     0x20

typedef struct {
	unsigned count;
	char *items[UNITS_MAX][KNOT_CTL_IDX__COUNT];
} units_t;

static void take(void *ctx, knot_ctl_data_t *data)
{
	units_t *units = ctx;
	if (units->count == UNITS_MAX) {
		return;
	}
	for (unsigned i = 0; i < KNOT_CTL_IDX__COUNT; i++) {
		const char *text = (*data)[i];
		units->items[units->count][i] = text != NULL ? strdup(text) : NULL;
	}
	units->count++;
}

static void compare(const units_t *one, const units_t *other)
{
	require(one->count == other->count);
	for (unsigned i = 0; i < one->count; i++) {
		for (unsigned k = 0; k < KNOT_CTL_IDX__COUNT; k++) {
			const char *a = one->items[i][k], *b = other->items[i][k];
			require((a != NULL) == (b != NULL) && (a == NULL || strcmp(a, b) == 0));
		}
	}
}

static void clear(units_t *units)
{
	for (unsigned i = 0; i < units->count; i++) {
		for (unsigned k = 0; k < KNOT_CTL_IDX__COUNT; k++) {
			free(units->items[i][k]);
		}
	}
	units->count = 0;
}

static const kaname_args_t args = { .socket = "/run/x", .timeout = 5, .quiet = true };

static kaname_exit_t ask_strictly(knot_ctl_data_t *ask, units_t *units)
{
	kaname_control_t control;
	require(kaname_control_try(&control, &args) == KNOT_EOK);
	kaname_exit_t ret = kaname_control_ask(&control, ask, take, units);
	require(ret == KANAME_OK || ret == KANAME_NO || ret == KANAME_IO);
	require((ret == KANAME_NO) == (control.error[0] != '\0') || ret == KANAME_IO);
	require(memchr(control.error, '\0', sizeof(control.error)) != NULL);
	if (ret == KANAME_NO) {
		kaname_control_error(&control, "a.");
	}
	kaname_control_close(&control);
	return ret;
}

/*! Does a text begin as none of knotd's does, be it beside an error, which is not handed on? */
static bool is_odd(void)
{
	kaname_control_t control;
	knot_ctl_type_t type;
	knot_ctl_data_t data;
	bool odd = false;
	require(kaname_control_try(&control, &args) == KNOT_EOK);
	while (knot_ctl_receive(control.ctl, &type, &data) == KNOT_EOK &&
	       (type == KNOT_CTL_TYPE_DATA || type == KNOT_CTL_TYPE_EXTRA)) {
		for (unsigned i = 0; i < KNOT_CTL_IDX__COUNT; i++) {
			odd |= data[i] != NULL && (uint8_t)data[i][0] < LEAST;
		}
	}
	kaname_control_close(&control);
	return odd;
}

static void ask_version(void)
{
	char version[KANAME_VERSION_MAX];
	kaname_control_t control;
	require(kaname_control_open(&control, &args) == KANAME_OK);
	kaname_exit_t ret = kaname_control_version(&control, version);
	require(ret == KANAME_OK || ret == KANAME_IO);
	require(memchr(version, '\0', sizeof(version)) != NULL);
	require(strcmp(version, "?") == 0 || (version[0] >= '0' && version[0] <= '9'));
	kaname_control_close(&control);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static units_t strict, lenient;
	knot_ctl_data_t ask = { [KNOT_CTL_IDX_CMD] = "zone-read", [KNOT_CTL_IDX_ZONE] = "a." };
	served_set(data, size < SERVED_MAX ? size : SERVED_MAX);
	served_quiet();
	kaname_exit_t ret = ask_strictly(&ask, &strict);
	ask_version();
	served_loud();
	kaname_exit_t other = kaname_lenient_ask(&args, &ask, take, &lenient);
	require(other == KANAME_OK || other == KANAME_IO);
	/* How a text begins is how it is seen that one was left out. */
	if (ret != KANAME_IO && other == KANAME_OK && !is_odd()) {
		compare(&strict, &lenient);
	}
	clear(&strict);
	clear(&lenient);
	return 0;
}
