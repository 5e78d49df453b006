/*!
 * Any octets as what the status socket says. The first octet of the input says whether the line of the
 * format stands before the rest, and the last line behind it. What is taken has to be all that is there;
 * and where more is wanted than can be asked for, all that is wanted.
 *
 * Files: tools/live.c tools/socket.c
 */

#include "fuzz.h"

#include "live.h"
#include "served.h"

/*! Bits of the first octet. */
#define WITHOUT_FORMAT 0x01
#define WITHOUT_END    0x02
#define OTHER_END      0x04
#define OF_RECORDS     0x08 /*!< It is asked for the targets of records, too ... */
#define OF_MANY        0x10 /*!< ... of more than a request takes. */

#define RECORDS_MAX (ANAME_STATUS_NAMES + 24)

#define FORMAT ANAME_STATUS_FORMAT "\n"
#define END    "\n" ANAME_STATUS_END "\n"
#define AGAIN  "\n" ANAME_STATUS_AGAIN "\n"

/*! Does a line begin with this word? */
static bool is_of(const char *line, size_t len, const char *word)
{
	size_t word_len = strlen(word);
	return len >= word_len && memcmp(line, word, word_len) == 0 &&
	       (len == word_len || line[word_len] == '\t');
}

typedef struct {
	size_t targets, addresses, forced, unknown;
	bool server, file, zone, owner, done, refused;
} counts_t;

static void count_lines(const char *text, size_t len, counts_t *counts)
{
	*counts = (counts_t){ 0 };
	for (const char *at = text, *end; (end = memchr(at, '\n', text + len - at)) != NULL;
	     at = end + 1) {
		size_t line = end - at;
		counts->targets += is_of(at, line, ANAME_STATUS_TARGET);
		counts->addresses += counts->targets > 0 && is_of(at, line, ANAME_STATUS_ADDRESS);
		counts->forced += is_of(at, line, ANAME_STATUS_FORCED);
		counts->unknown += is_of(at, line, ANAME_STATUS_UNKNOWN);
		counts->server |= is_of(at, line, ANAME_STATUS_SERVER);
		counts->file |= is_of(at, line, ANAME_STATUS_FILE);
		counts->zone |= is_of(at, line, ANAME_STATUS_ZONE);
		counts->owner |= is_of(at, line, ANAME_STATUS_OWNER);
		counts->done |= is_of(at, line, ANAME_STATUS_DONE);
		counts->refused |= is_of(at, line, ANAME_STATUS_REFUSED) ||
		                   is_of(at, line, ANAME_STATUS_ERROR);
	}
}

static const char *name_of(const kaname_line_t *line)
{
	const char *name = kaname_live_field(line, ANAME_KEY_NAME);
	return name != NULL ? name : "";
}

static void check_line(const kaname_live_t *live, const kaname_line_t *line, bool is)
{
	require((line->at != NULL) == is);
	require(!is || (line->at >= live->text && line->end >= line->at && *line->end == '\0' &&
	                line->end <= live->text + SERVED_MAX));
}

static void check(const kaname_live_t *live, const counts_t *counts)
{
	require(live->count == counts->targets && live->forced_count == counts->forced);
	require(live->addresses_count == counts->addresses &&
	        live->unknown_count == counts->unknown);
	check_line(live, &live->server, counts->server);
	check_line(live, &live->file, counts->file);
	check_line(live, &live->zone, counts->zone);
	check_line(live, &live->owner, counts->owner);
	check_line(live, &live->done, counts->done);
	check_line(live, &live->refused, counts->refused);
	size_t addresses = 0;
	for (size_t i = 0; i < live->count; i++) {
		const kaname_line_t *target = &live->targets[i];
		check_line(live, target, true);
		require(i == 0 || strcmp(name_of(&live->targets[i - 1]), name_of(target)) <= 0);
		addresses += target->addresses_count;
		require(target->addresses_count == 0 ||
		        (target->addresses >= live->addresses &&
		         target->addresses + target->addresses_count <=
		                 live->addresses + live->addresses_count));
		/* All of its name are found, and no other. */
		size_t found, same = 0;
		const kaname_line_t *first = kaname_live_find(live, name_of(target), &found);
		for (size_t k = 0; k < live->count; k++) {
			same += strcmp(name_of(&live->targets[k]), name_of(target)) == 0;
		}
		require(found == same && first <= target && target < first + found);
	}
	require(addresses == live->addresses_count);
	size_t none;
	(void)kaname_live_find(live, "\x7f", &none);
	const char *next = NULL;
	const char *why = kaname_live_file_fault(live, &next);
	require(next != NULL && (why == NULL || live->file.at != NULL));
}

/*! Records whose targets are t0, t1, ..., some of them twice; the last one has none. */
static void make_records(kaname_records_t *records, size_t count)
{
	static kaname_record_t at[RECORDS_MAX];
	for (size_t i = 0; i < count; i++) {
		char name[20];
		(void)snprintf(name, sizeof(name), "T%zu.test.", i / 2 * 2 + i % 3 / 2);
		at[i].good = i + 1 < count;
		require(knot_dname_from_str(at[i].target, name, sizeof(at[i].target)) != NULL);
	}
	*records = (kaname_records_t){ .at = at, .count = count };
}

static bool is_wanted(const kaname_records_t *records, const char *name)
{
	knot_dname_txt_storage_t text;
	for (size_t i = 0; i < records->count; i++) {
		require(knot_dname_to_str(text, records->at[i].target, sizeof(text)) != NULL);
		text[0] = 't'; /* As the module writes it. */
		if (records->at[i].good && strcmp(text, name) == 0) {
			return true;
		}
	}
	return false;
}

static void check_wanted(const kaname_args_t *args, bool many, const kaname_live_t *all)
{
	kaname_live_t live;
	kaname_records_t records;
	size_t wanted = 0;
	make_records(&records, many ? RECORDS_MAX : 4);
	require(kaname_live_read(args, "o.test.", &records, &live) == KANAME_OK);
	for (size_t i = 0; i < all->count; i++) {
		wanted += is_wanted(&records, name_of(&all->targets[i]));
	}
	/* What knotd says is taken as it is where no more was asked for. */
	require(live.count == (many ? wanted : all->count));
	for (size_t i = 0; i < live.count; i++) {
		require(!many || is_wanted(&records, name_of(&live.targets[i])));
	}
	kaname_live_free(&live);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char text[SERVED_MAX];
	static const kaname_args_t args = { .socket = "/run/x", .timeout = 5 };
	uint8_t kind = size > 0 ? data[0] : 0;
	size_t len = 0, rest = size > 0 ? size - 1 : 0;
	rest = rest < SERVED_MAX - 100 ? rest : SERVED_MAX - 100;
	if (!(kind & WITHOUT_FORMAT)) {
		len = strlen(FORMAT);
		memcpy(text, FORMAT, len);
	}
	if (rest > 0) {
		memcpy(text + len, data + 1, rest);
	}
	len += rest;
	if (!(kind & WITHOUT_END)) {
		const char *end = kind & OTHER_END ? AGAIN : END;
		memcpy(text + len, end, strlen(end));
		len += strlen(end);
	}
	/* A zero ends it. */
	served_set((const uint8_t *)text, len);
	len = strnlen(text, len);
	kaname_live_t live;
	served_quiet();
	kaname_exit_t ret = kaname_live_ask(&args, ANAME_STATUS_REQUEST "\n", &live);
	served_loud();
	require(ret == KANAME_OK || ret == KANAME_IO);
	bool whole = len >= strlen(FORMAT) + strlen(END) - 1 &&
	             memcmp(text, FORMAT, strlen(FORMAT)) == 0 &&
	             memcmp(text + len - strlen(END), END, strlen(END)) == 0;
	require((ret == KANAME_OK) == whole);
	if (ret == KANAME_OK) {
		counts_t counts;
		count_lines(text, len, &counts);
		check(&live, &counts);
		if (kind & OF_RECORDS) {
			check_wanted(&args, kind & OF_MANY, &live);
		}
		kaname_live_free(&live);
	}
	return 0;
}
