/*!
 * Any octets as what the module says to one who follows. Answers are to what was asked, in order, and
 * nothing comes before the connection is up, nor when it is down. The first octets of the input say how
 * much is asked at a time, and whether the line of the format stands before the rest.
 *
 * Files: tools/follow/told.c tools/follow/told_text.c
 */

#include "fuzz.h"

#include "follow/told.h"
#include "protocol.h"
#include "served.h"

#define GREETING ANAME_STATUS_FORMAT "\n" ANAME_STATUS_SERVER "\n"

static const uint8_t zone[] = "\7example", owner[] = "\3www\7example", target[] = "\1t\4test";

typedef struct {
	kaname_told_t *told;
	bool up, over;
	unsigned each;  /*!< How much is asked at once. */
	uint64_t asked; /*!< Tokens count from 1 on. */
	uint64_t answered;
} case_t;

static void ask(case_t *is)
{
	const knot_dname_t *const targets[] = { target };
	unsigned room = kaname_told_room(is->told);
	for (unsigned i = 0; i < is->each; i++) {
		bool asked = kaname_told_ask(is->told, is->asked + 1, zone, owner, 300, targets, 1);
		require(asked == (i < room));
		is->asked += asked;
	}
}

static void on_up(void *ctx)
{
	case_t *is = ctx;
	require(!is->up && !is->over);
	is->up = true;
	ask(is);
}

/*! That is all: else it would be tried again after some time. */
static void on_down(void *ctx, const char *why, const char *next)
{
	case_t *is = ctx;
	require(why[0] != '\0' && next != NULL && !is->over);
	is->over = true;
	kaname_told_close(is->told);
	require(kaname_told_room(is->told) == 0);
}

static void on_set(void *ctx, uint64_t token, const kaname_told_set_t *set)
{
	case_t *is = ctx;
	require(is->up && !is->over && token == is->answered + 1 && token <= is->asked);
	is->answered = token;
	require(set->next_s >= 1);
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		require(set->family[i].count <= KANAME_SET_MAX);
		require((set->family[i].worth == KANAME_TOLD_SET) == (set->family[i].count > 0));
		require(memchr(set->family[i].why, '\0', sizeof(set->family[i].why)) != NULL);
	}
	ask(is);
}

static void on_changed(void *ctx, const knot_dname_t *name)
{
	case_t *is = ctx;
	knot_dname_storage_t lower;
	require(is->up && !is->over);
	size_t len = knot_dname_size(name);
	memcpy(lower, name, len);
	knot_dname_to_lower(lower);
	require(memcmp(lower, name, len) == 0);
}

static void on_lost(void *ctx)
{
	const case_t *is = ctx;
	require(is->up && !is->over);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t text[SERVED_MAX];
	static const kaname_args_t args = { .socket = "/run/x", .timeout = 5 };
	input_t input = { data, size };
	case_t is = { .each = take_octet(&input) };
	bool greets = take_octet(&input) % 8 != 0;
	size_t len = greets ? strlen(GREETING) : 0;
	memcpy(text, GREETING, len);
	size_t rest = input.left < SERVED_MAX - len ? input.left : SERVED_MAX - len;
	take_octets(&input, text + len, rest);
	served_set(text, len + rest);
	const kaname_told_calls_t calls = { &is, on_up, on_down, on_set, on_changed, on_lost };
	uv_loop_t loop;
	require(uv_loop_init(&loop) == 0);
	is.told = kaname_told_new(&loop, &args, &calls);
	require(is.told != NULL);
	(void)uv_run(&loop, UV_RUN_DEFAULT);
	require(is.over && served_count() == 1 && uv_loop_close(&loop) == 0);
	return 0;
}
