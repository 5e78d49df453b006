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
	uint64_t answered, lost;
} case_t;

/* What should come of it. */

/*! So long a line is skipped. */
#define LINE_MAX_IN 65536
/*! So much may be asked at once. */
#define QUESTIONS   256

/*! The value of the first field of that name; false if there is none, or it is too long. */
static bool field_of(const char *line, size_t len, const char *key, char value[256])
{
	size_t key_len = strlen(key);
	for (size_t at = 0; at < len;) {
		const char *tab = memchr(line + at, '\t', len - at);
		size_t end = tab != NULL ? (size_t)(tab - line) : len, text = end - at;
		if (text > key_len && memcmp(line + at, key, key_len) == 0 &&
		    line[at + key_len] == '=') {
			if (text - key_len > 256) {
				return false;
			}
			memcpy(value, line + at + key_len + 1, text - key_len - 1);
			value[text - key_len - 1] = '\0';
			return true;
		}
		at = end + 1;
	}
	return false;
}

static bool is_of(const char *line, size_t len, const char *word)
{
	size_t word_len = strlen(word);
	return len >= word_len && memcmp(line, word, word_len) == 0 &&
	       (len == word_len || line[word_len] == '\t');
}

/*! Counts what is told, line by line. False if a zero or a long name makes that another question. */
static bool expect(const char *text, size_t len, unsigned each, case_t *expected)
{
	unsigned state = 0;
	char value[256], token[24];
	if (memchr(text, '\0', len) != NULL) {
		return false;
	}
	for (const char *line = text, *end; (end = memchr(line, '\n', text + len - line)) != NULL;
	     line = end + 1) {
		size_t line_len = end - line;
		if (line_len >= LINE_MAX_IN) {
			if (memcmp(line, "set\t", 4) == 0) {
				break;
			}
			continue;
		}
		if (state == 0) {
			if (line_len != strlen(ANAME_STATUS_FORMAT) ||
			    memcmp(line, ANAME_STATUS_FORMAT, line_len) != 0) {
				break;
			}
			state = 1;
		} else if (is_of(line, line_len, ANAME_STATUS_REFUSED) ||
		           is_of(line, line_len, ANAME_STATUS_ERROR)) {
			break;
		} else if (state == 1 && is_of(line, line_len, ANAME_STATUS_SERVER)) {
			state = 2;
			expected->asked = each;
		} else if (state == 2 && is_of(line, line_len, ANAME_STATUS_SET)) {
			(void)snprintf(token, sizeof(token), "%lu",
			               (unsigned long)expected->answered + 1);
			if (expected->answered == expected->asked ||
			    !field_of(line, line_len, ANAME_KEY_TOKEN, value) ||
			    strcmp(value, token) != 0) {
				break;
			}
			uint64_t most = ++expected->answered + QUESTIONS;
			expected->asked += each;
			expected->asked = expected->asked < most ? expected->asked : most;
		} else if (state == 2 && is_of(line, line_len, ANAME_STATUS_LOST)) {
			expected->lost++;
		}
	}
	return true;
}

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
	const case_t *is = ctx;
	knot_dname_storage_t lower;
	require(is->up && !is->over);
	size_t len = knot_dname_size(name);
	memcpy(lower, name, len);
	knot_dname_to_lower(lower);
	require(memcmp(lower, name, len) == 0);
}

static void on_lost(void *ctx)
{
	case_t *is = ctx;
	require(is->up && !is->over);
	is->lost++;
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
	case_t expected = { .each = is.each };
	if (expect((const char *)text, len + rest, is.each, &expected)) {
		require(is.answered == expected.answered && is.asked == expected.asked);
		require(is.lost == expected.lost);
	}
	return 0;
}
