#include "support/test.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ask.h"
#include "follow/cures.h"
#include "follow/journal.h"
#include "support/make.h"

static kaname_sets_t sets;
static kaname_moment_t now = { .wall_s = 99999, .boot_s = 1234, .boot = 7 };

/*! The set of addresses that end in these octets, in one family; "" : none. */
static kaname_set_t *take(kaname_family_t family, const char *last)
{
	uint8_t at[16 * 16] = { 0 };
	size_t len = kaname_family_len(family), count = 0;
	for (; last[count] != '\0' && count < 16; count++) {
		at[count * len + len - 1] = last[count];
	}
	kaname_set_t *set = NULL;
	assert_true(kaname_set_take(&sets, family, at, count, &set));
	return set;
}

static void remove_directory(const char *path)
{
	DIR *directory = opendir(path);
	assert_non_null(directory);
	for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
		char file[sizeof(entry->d_name) + DIRECTORY_MAX + 1];
		(void)snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		(void)unlink(file);
	}
	(void)closedir(directory);
	assert_int_equal(rmdir(path), 0);
}

/*! A local knotd, which listens there. */
static const kaname_values_t listen_at = { .count = 1, .at = { "127.0.0.1@53" } };
static const kaname_whose_t knotd = { .socket = "/nowhere/knot.sock", .listen = &listen_at };

static kaname_journal_t *open_journal(const char *path, bool read_only)
{
	kaname_trouble_t trouble;
	kaname_journal_t *journal = kaname_journal_open(path, &knotd, read_only, &trouble);
	if (journal == NULL) {
		fail_msg("%s", trouble.why);
	}
	return journal;
}

/*! What is noted, as text: the sets by their last octets. */
typedef struct {
	char text[400];
	unsigned calls;
} seen_t;

static void add_text(char *text, const char *more)
{
	size_t len = strlen(text);
	(void)snprintf(text + len, sizeof(((seen_t *)NULL)->text) - len, "%s", more);
}

static void add_set(char *text, const kaname_noted_set_t *set, kaname_family_t family)
{
	size_t len = kaname_family_len(family);
	for (uint16_t i = 0; i < set->count; i++) {
		add_text(text, (const char[]){ set->at[i * len + len - 1], '\0' });
	}
	add_text(text, family == KANAME_A ? "/" : " ");
}

/*! Of what was seen last. */
static int64_t nodata_s[KANAME_FAMILIES], written_s;
static uint32_t former_ttl, pending_ttl, left_ttl, record;
static bool is_gone;

static void see(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                const kaname_noted_t *noted)
{
	seen_t *seen = ctx;
	const kaname_noted_set_t *kinds[] = { noted->written, noted->adopted, noted->former };
	memcpy(nodata_s, noted->nodata_s, sizeof(nodata_s));
	former_ttl = noted->former_ttl;
	left_ttl = noted->left_ttl;
	written_s = noted->written_s;
	pending_ttl = noted->pending_ttl;
	record = noted->record;
	is_gone = noted->is_gone;
	(void)snprintf(seen->text, sizeof(seen->text), "%u%s%u %u %u ", noted->pending_count,
	               noted->is_adopted ? "a" : "-", noted->writes, noted->ttl,
	               noted->adopted_ttl);
	for (unsigned i = 0; i < COUNT_OF(kinds); i++) {
		for (unsigned j = 0; j < KANAME_FAMILIES; j++) {
			add_set(seen->text, &kinds[i][j], j);
		}
	}
	for (unsigned i = 0; i < noted->pending_count; i++) {
		add_text(seen->text, "+");
		for (unsigned j = 0; j < KANAME_FAMILIES; j++) {
			add_set(seen->text, &noted->pending[i][j], j);
		}
	}
	seen->calls++;
}

/*! Notes one thing about the owner www of a zone, and reads what is noted then. */
static const char *note(kaname_journal_t *journal, kaname_note_t what, const char *a,
                        const char *aaaa, uint32_t ttl, uint8_t writes)
{
	static seen_t seen;
	name_t zone = make_name("zone.example."), owner = make_name("www.zone.example.");
	kaname_set_t *both[] = { take(KANAME_A, a), take(KANAME_AAAA, aaaa) };
	kaname_notes_t notes = { 0 };
	seen = (seen_t){ .text = "nothing" };
	kaname_notes_add(&notes, what, zone.at, owner.at, both, ttl, writes);
	assert_int_equal(kaname_journal_commit(journal, &notes, &now), 0);
	kaname_notes_clear(&notes);
	kaname_set_release(&sets, both[0]);
	kaname_set_release(&sets, both[1]);
	assert_true(kaname_journal_get(journal, zone.at, owner.at, see, &seen));
	return seen.text;
}

static void life_of_an_owner(void **state)
{
	char path[DIRECTORY_MAX];
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	assert_string_equal(note(journal, KANAME_NOTE_INTEND, "ab", "x", 60, 1),
	                    "1-1 0 0 / / / +ab/x ");
	assert_string_equal(note(journal, KANAME_NOTE_DONE, "ab", "x", 60, 1),
	                    "0-1 60 0 ab/x / / ");
	/* What was about to be written stays until something is done. */
	assert_string_equal(note(journal, KANAME_NOTE_INTEND, "c", "", 90, 2),
	                    "1-2 60 0 ab/x / / +c/ ");
	assert_string_equal(note(journal, KANAME_NOTE_INTEND, "d", "", 90, 3),
	                    "2-3 60 0 ab/x / / +c/ +d/ ");
	assert_string_equal(note(journal, KANAME_NOTE_INTEND, "c", "", 90, 3),
	                    "2-3 60 0 ab/x / / +d/ +c/ ");
	assert_string_equal(note(journal, KANAME_NOTE_UNDONE, "c", "", 0, 0),
	                    "1-3 60 0 ab/x / / +d/ ");
	assert_string_equal(note(journal, KANAME_NOTE_THERE, "", "", 0, 3), "1-3 60 0 / / / +d/ ");
	assert_string_equal(note(journal, KANAME_NOTE_DONE, "d", "", 90, 3), "0-3 90 0 d/ / / ");
	for (int last = 'A'; last < 'A' + KANAME_PENDING_MOST + 2; last++) {
		(void)note(journal, KANAME_NOTE_INTEND, (const char[]){ (char)last, '\0' }, "", 90,
		           4);
	}
	assert_string_equal(note(journal, KANAME_NOTE_THERE, "d", "", 0, 0),
	                    "8-4 90 0 d/ / / +C/ +D/ +E/ +F/ +G/ +H/ +I/ +J/ ");
	assert_string_equal(note(journal, KANAME_NOTE_DONE, "J", "", 90, 4), "0-4 90 0 J/ / d/ ");
	assert_string_equal(note(journal, KANAME_NOTE_ADOPT, "m", "n", 7, 0),
	                    "0a4 90 7 m/n m/n d/ ");
	/* Since when a family has no address; the second time changes nothing. */
	(void)note(journal, KANAME_NOTE_NODATA, "", "", 0, 2);
	assert_int_equal(nodata_s[KANAME_A], 0);
	assert_int_equal(nodata_s[KANAME_AAAA], 1234);
	assert_string_equal(note(journal, KANAME_NOTE_NODATA, "", "", 0, 1),
	                    "0a4 90 7 m/n m/n d/ ");
	assert_int_equal(nodata_s[KANAME_A], 1234);
	assert_int_equal(nodata_s[KANAME_AAAA], 0);
	/* Later, and in another boot, where it counts anew. */
	now = (kaname_moment_t){ .wall_s = 5, .boot_s = 1300, .boot = 7 };
	(void)note(journal, KANAME_NOTE_NODATA, "", "", 0, 3);
	assert_int_equal(nodata_s[KANAME_A], 1234);
	assert_int_equal(nodata_s[KANAME_AAAA], 1300);
	now = (kaname_moment_t){ .wall_s = 6, .boot_s = 20, .boot = 9 };
	(void)note(journal, KANAME_NOTE_NODATA, "", "", 0, 3);
	assert_int_equal(nodata_s[KANAME_A], 20);
	assert_int_equal(nodata_s[KANAME_AAAA], 20);
	now.boot_s = 30;
	now.boot = 0;
	(void)note(journal, KANAME_NOTE_NODATA, "", "", 0, 2);
	assert_int_equal(nodata_s[KANAME_A], 0);
	assert_int_equal(nodata_s[KANAME_AAAA], 30);
	assert_string_equal(note(journal, KANAME_NOTE_FORGET, "", "", 0, 0), "nothing");
	assert_string_equal(note(journal, KANAME_NOTE_FORGET, "", "", 0, 0), "nothing");
	kaname_journal_close(journal);
	remove_directory(path);
}

/*! Of what stands there, is about to, and stood there before each has its own TTL. */
static void times_to_live(void **state)
{
	char path[DIRECTORY_MAX];
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	(void)note(journal, KANAME_NOTE_INTEND, "a", "", 60, 1);
	assert_int_equal(pending_ttl, 60);
	assert_string_equal(note(journal, KANAME_NOTE_DONE, "a", "", 0, 1), "0-1 60 0 a/ / / ");
	(void)note(journal, KANAME_NOTE_INTEND, "b", "", 90, 2);
	assert_string_equal(note(journal, KANAME_NOTE_DONE, "b", "", 90, 2), "0-2 90 0 b/ / a/ ");
	assert_int_equal(former_ttl, 60);
	assert_int_equal(left_ttl, 0);
	/* The same with another one is no other set, and has been there as long. */
	now.wall_s += 10;
	(void)note(journal, KANAME_NOTE_INTEND, "b", "", 30, 2);
	assert_int_equal(written_s, now.wall_s - 10);
	assert_string_equal(note(journal, KANAME_NOTE_DONE, "b", "", 30, 2), "0-2 30 0 b/ / a/ ");
	assert_int_equal(former_ttl, 60);
	/* The first one may stand there still. */
	assert_int_equal(left_ttl, 90);
	(void)note(journal, KANAME_NOTE_DONE, "b", "", 31, 2);
	(void)note(journal, KANAME_NOTE_DONE, "b", "", 30, 2);
	assert_int_equal(left_ttl, 90);
	assert_string_equal(note(journal, KANAME_NOTE_THERE, "b", "", 0, 2), "0-2 30 0 b/ / a/ ");
	assert_int_equal(left_ttl, 90);
	/* Somebody has changed it. */
	(void)note(journal, KANAME_NOTE_THERE, "b", "", 77, 2);
	assert_int_equal(left_ttl, 0);
	(void)note(journal, KANAME_NOTE_DONE, "b", "", 30, 2);
	assert_int_equal(left_ttl, 77);
	(void)note(journal, KANAME_NOTE_THERE, "c", "", KANAME_TTL_NONE, 2);
	(void)note(journal, KANAME_NOTE_DONE, "d", "", 60, 2);
	assert_int_equal(former_ttl, KANAME_TTL_NONE);
	(void)note(journal, KANAME_NOTE_INTEND, "e", "", 60, 2);
	assert_int_equal(written_s, now.wall_s);
	now.wall_s -= 10;
	(void)note(journal, KANAME_NOTE_GONE, "", "", 0, 1);
	assert_true(is_gone);
	(void)note(journal, KANAME_NOTE_RECORD, "", "", 77, 0);
	assert_int_equal(record, 77);
	assert_true(is_gone);
	(void)note(journal, KANAME_NOTE_GONE, "", "", 0, 0);
	assert_false(is_gone);
	kaname_journal_close(journal);
	remove_directory(path);
}

/*! Its zone was away: what was put aside does not count for who adds it anew. */
static void what_is_of_a_zone_that_was_away(void **state)
{
	char path[DIRECTORY_MAX];
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	(void)note(journal, KANAME_NOTE_ADOPT, "a", "b", 300, 0);
	(void)note(journal, KANAME_NOTE_DONE, "c", "", 60, 1);
	assert_string_equal(note(journal, KANAME_NOTE_INTEND, "d", "", 61, 1),
	                    "1a1 60 300 c/ a/b a/b +d/ ");
	assert_string_equal(note(journal, KANAME_NOTE_GONE, "", "", 0, 1),
	                    "1a1 60 4294967295 c/ a/b / +d/ ");
	assert_string_equal(note(journal, KANAME_NOTE_SETTLED, "", "", 0, 0),
	                    "0a1 60 4294967295 c/ a/b / ");
	assert_true(is_gone);
	/* It comes back, and what stands there then is adopted. */
	(void)note(journal, KANAME_NOTE_GONE, "", "", 0, 0);
	assert_string_equal(note(journal, KANAME_NOTE_ADOPT, "e", "", 301, 0),
	                    "0a1 60 301 e/ e/ / ");
	assert_false(is_gone);
	kaname_journal_close(journal);
	remove_directory(path);
}

/*! Counts all addresses that are noted. */
static void count_largest(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                          const kaname_noted_t *noted)
{
	seen_t *seen = ctx;
	for (unsigned i = 0; i < KANAME_FAMILIES; i++) {
		seen->calls +=
		        noted->written[i].count + noted->adopted[i].count + noted->former[i].count;
		for (unsigned j = 0; j < noted->pending_count; j++) {
			seen->calls += noted->pending[j][i].count;
		}
	}
}

/*! Sets as large as they may be, and as many of them. */
static void largest(void **state)
{
	char path[DIRECTORY_MAX];
	uint8_t at[KANAME_SET_MAX * 16];
	seen_t seen = { .calls = 0 };
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	name_t zone = make_name("zone.example.");
	for (unsigned i = 0; i < KANAME_PENDING_MOST + 2; i++) {
		/* At first what is there and was adopted, then what was there before that. */
		kaname_note_t what = i == 0   ? KANAME_NOTE_ADOPT
		                     : i == 1 ? KANAME_NOTE_DONE
		                              : KANAME_NOTE_INTEND;
		kaname_set_t *both[KANAME_FAMILIES];
		kaname_notes_t notes = { 0 };
		for (unsigned j = 0; j < KANAME_FAMILIES; j++) {
			size_t len = kaname_family_len(j);
			memset(at, 1 + i, sizeof(at));
			for (unsigned k = 0; k < KANAME_SET_MAX; k++) {
				at[k * len] = k;
			}
			assert_true(kaname_set_take(&sets, j, at, KANAME_SET_MAX, &both[j]));
		}
		kaname_notes_add(&notes, what, zone.at, zone.at, both, 60, 1);
		assert_int_equal(kaname_journal_commit(journal, &notes, &now), 0);
		kaname_notes_clear(&notes);
		kaname_set_release(&sets, both[0]);
		kaname_set_release(&sets, both[1]);
	}
	assert_true(kaname_journal_get(journal, zone.at, zone.at, count_largest, &seen));
	assert_int_equal(seen.calls, (3 + KANAME_PENDING_MOST) * 2 * KANAME_SET_MAX);
	kaname_journal_close(journal);
	remove_directory(path);
}

/*! What is noted is there for the next one; the apex of a zone and the same name in its parent are two
 *  owners. */
static void stays(void **state)
{
	char path[DIRECTORY_MAX];
	seen_t seen = { .calls = 0 };
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	name_t parent = make_name("example."), zone = make_name("zone.example.");
	kaname_set_t *both[] = { take(KANAME_A, "a"), NULL };
	kaname_notes_t notes = { 0 }, more = { 0 };
	kaname_notes_add(&notes, KANAME_NOTE_INTEND, zone.at, zone.at, both, 60, 1);
	kaname_notes_add(&more, KANAME_NOTE_INTEND, parent.at, zone.at, both, 61, 1);
	size_t len = notes.len;
	kaname_notes_append(&notes, &more);
	assert_int_equal(kaname_journal_commit(journal, &notes, &now), 0);
	kaname_journal_close(journal);
	journal = open_journal(path, true);
	assert_true(kaname_journal_each(journal, see, &seen));
	assert_int_equal(seen.calls, 2);
	kaname_journal_close(journal);

	/* Cut off, the second one is not noted. */
	kaname_notes_cut(&notes, len);
	assert_int_equal(notes.len, len);
	kaname_notes_clear(&notes);
	kaname_notes_clear(&more);
	kaname_set_release(&sets, both[0]);
	remove_directory(path);
}

static void of_one(void **state)
{
	char path[DIRECTORY_MAX];
	kaname_trouble_t trouble;
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	assert_null(kaname_journal_open(path, &knotd, false, &trouble));
	assert_string_equal(trouble.why, "another 'kaname follow' has it");
	kaname_journal_close(journal);
	remove_directory(path);
	assert_null(kaname_journal_open(path, &knotd, false, &trouble));
	assert_string_equal(trouble.why, "No such file or directory");
	assert_string_equal(trouble.next,
	                    "make the directory, for the user that this runs as; or name "
	                    "another one with --journal");
}

/* Whose it is. */

/*! What a journal says that a primary opens; "": it is its own. */
static const char *open_by(const char *path, const kaname_whose_t *whose, bool read_only)
{
	static kaname_trouble_t trouble;
	kaname_journal_t *journal = kaname_journal_open(path, whose, read_only, &trouble);
	kaname_journal_close(journal);
	assert_true((journal != NULL) == (trouble.why[0] == '\0'));
	/* Where it cannot be read no option helps. */
	const char *next =
	        strstr(trouble.why, "version") != NULL ? "install the version" : "--primary-moved";
	assert_true(journal != NULL || (trouble.is_lasting && strstr(trouble.next, next) != NULL));
	return trouble.why;
}

/*! The same of one that --primary names. */
static const char *open_elsewhere(const char *path, const char *address, bool has_moved)
{
	struct sockaddr_storage server;
	assert_true(kaname_address_read(address, &server));
	return open_by(path, &(kaname_whose_t){ .server = &server, .has_moved = has_moved }, false);
}

/*! The same of a local knotd that listens at two places. */
static const char *open_local(const char *path, const char *socket, const char *first,
                              const char *second)
{
	kaname_values_t listen = { .count = 2 };
	(void)snprintf(listen.at[0], sizeof(listen.at[0]), "%s", first);
	(void)snprintf(listen.at[1], sizeof(listen.at[1]), "%s", second);
	return open_by(path, &(kaname_whose_t){ .socket = socket, .listen = &listen }, false);
}

/*! Has it noted this of its primary. */
static void note_whose(const char *path, const char *text)
{
	MDB_env *env;
	MDB_txn *txn;
	MDB_dbi dbi;
	MDB_val key = { 1, (void *)"\xff" }, value = { strlen(text), (void *)text };
	assert_int_equal(mdb_env_create(&env), 0);
	assert_int_equal(mdb_env_open(env, path, 0, 0600), 0);
	assert_int_equal(mdb_txn_begin(env, NULL, 0, &txn), 0);
	assert_int_equal(mdb_dbi_open(txn, NULL, 0, &dbi), 0);
	assert_int_equal(mdb_put(txn, dbi, &key, &value, 0), 0);
	assert_int_equal(mdb_txn_commit(txn), 0);
	mdb_env_close(env);
}

static void of_the_local_knotd_wherever_it_listens(void **state)
{
	char path[DIRECTORY_MAX];
	make_directory(path);
	assert_string_equal(open_local(path, "/one.sock", "127.0.0.1@53", "::1@53"), "");
	assert_string_equal(open_local(path, "/one.sock", "192.0.2.1@5353", "/a.sock"), "");
	assert_string_equal(open_local(path, "/two.sock", "127.0.0.1@53", "::1@53"),
	                    "it is of the knotd of /one.sock");
	assert_string_equal(open_elsewhere(path, "127.0.0.1@53", false),
	                    "it is of the knotd of /one.sock");
	assert_string_equal(open_elsewhere(path, "127.0.0.1@53", true), "");
	/* That is the first one by an address where it listens. */
	assert_string_equal(open_local(path, "/one.sock", "192.0.2.1", "127.0.0.1"), "");
	remove_directory(path);
}

static void addresses_are_compared_as_such(void **state)
{
	static const char *const same[][2] = {
		{ "127.0.0.1@5302", "127.0.0.1@05302" },
		{ "192.0.2.1", "192.0.2.1@53" },
		{ "2001:db8::1@53", "2001:0DB8:0:0::1" },
		{ "::ffff:192.0.2.1@53", "192.0.2.1@53" },
	};
	for (size_t i = 0; i < 2 * COUNT_OF(same); i++) {
		char path[DIRECTORY_MAX];
		make_directory(path);
		if (i % 2 == 0) {
			assert_string_equal(open_elsewhere(path, same[i / 2][0], false), "");
		} else {
			char text[100];
			(void)snprintf(text, sizeof(text), "2 at %s", same[i / 2][0]);
			note_whose(path, text);
		}
		assert_string_equal(open_elsewhere(path, same[i / 2][1], false), "");
		assert_string_equal(open_elsewhere(path, same[i / 2][0], false), "");
		assert_string_equal(open_elsewhere(path, "192.0.2.1@54", false)[0] != '\0' ? "other"
		                                                                           : "",
		                    "other");
		remove_directory(path);
	}
}

/*! A primary that has moved keeps what is noted, and is known by its address from then on. */
static void one_that_has_moved(void **state)
{
	char path[DIRECTORY_MAX];
	seen_t seen = { .calls = 0 };
	make_directory(path);
	kaname_journal_t *journal = open_journal(path, false);
	(void)note(journal, KANAME_NOTE_THERE, "a", "", 60, 1);
	kaname_journal_close(journal);
	note_whose(path, "2 at 192.0.2.1@53");
	assert_string_equal(open_elsewhere(path, "192.0.2.2", false),
	                    "it is of the primary 192.0.2.1@53");
	assert_string_equal(open_elsewhere(path, "192.0.2.2", true), "");
	assert_string_equal(open_elsewhere(path, "192.0.2.2", false), "");
	assert_string_equal(open_elsewhere(path, "192.0.2.1", false),
	                    "it is of the primary 192.0.2.2@53");
	note_whose(path, "1 something");
	assert_string_equal(open_elsewhere(path, "192.0.2.2", true),
	                    "it is of another version of kaname, and of the primary something");
	note_whose(path, "2 at 192.0.2.2@53");
	assert_string_equal(open_elsewhere(path, "192.0.2.2", false), "");
	kaname_trouble_t trouble;
	journal = kaname_journal_open(path, NULL, true, &trouble);
	assert_non_null(journal);
	assert_true(kaname_journal_each(journal, see, &seen));
	assert_int_equal(seen.calls, 1);
	kaname_journal_close(journal);
	remove_directory(path);
}

/* Damage. */

static size_t read_file(const char *path, uint8_t *at, size_t size)
{
	FILE *file = fopen(path, "r");
	assert_non_null(file);
	size_t len = fread(at, 1, size, file);
	(void)fclose(file);
	return len;
}

static void write_file(const char *path, const uint8_t *at, size_t len)
{
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_int_equal(fwrite(at, 1, len, file), len);
	assert_int_equal(fclose(file), 0);
}

/*! Notes so many owners that it takes some pages, some of which are free again. */
static void note_many_in(kaname_journal_t *journal)
{
	name_t zone = make_name("zone.example.");
	for (unsigned round = 0; round < 3; round++) {
		kaname_notes_t notes = { 0 };
		kaname_set_t *both[] = { take(KANAME_A, "abcdefghijklm"), take(KANAME_AAAA, "x") };
		for (unsigned i = 0; i < 100 / (1 + round); i++) {
			char text[40];
			(void)snprintf(text, sizeof(text), "o%u.zone.example.", i);
			kaname_notes_add(&notes,
			                 round == 1 ? KANAME_NOTE_FORGET : KANAME_NOTE_THERE,
			                 zone.at, make_name(text).at, both, 60, 1);
		}
		assert_int_equal(kaname_journal_commit(journal, &notes, &now), 0);
		kaname_notes_clear(&notes);
		kaname_set_release(&sets, both[0]);
		kaname_set_release(&sets, both[1]);
	}
}

static void note_many(const char *path)
{
	kaname_journal_t *journal = open_journal(path, false);
	note_many_in(journal);
	kaname_journal_close(journal);
}

/*! Opens it for reading and for writing; is it refused as damaged both times, and left as it is? */
static bool is_refused(const char *path, const char *file, const uint8_t *at, size_t len)
{
	static uint8_t after[1 << 20];
	unsigned refused = 0;
	for (int read_only = 0; read_only < 2; read_only++) {
		kaname_trouble_t trouble;
		write_file(file, at, len);
		kaname_journal_t *journal =
		        kaname_journal_open(path, &knotd, read_only != 0, &trouble);
		if (journal != NULL) {
			seen_t seen = { .calls = 0 };
			assert_true(kaname_journal_each(journal, see, &seen));
			kaname_journal_close(journal);
			continue;
		}
		refused++;
		assert_non_null(strstr(trouble.next, "backup"));
		assert_false(trouble.is_none);
		assert_int_equal(read_file(file, after, sizeof(after)), len);
		assert_memory_equal(after, at, len);
	}
	assert_true(refused == 0 || refused == 2);
	return refused == 2;
}

static void damaged(void **state)
{
	static uint8_t good[1 << 20], bad[1 << 20];
	char path[DIRECTORY_MAX], file[DIRECTORY_MAX + 20];
	make_directory(path);
	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	note_many(path);
	size_t len = read_file(file, good, sizeof(good)), page = sysconf(_SC_PAGESIZE), cut = 0,
	       pages = len / page;
	assert_true(pages > 10 && len < sizeof(good));
	assert_false(is_refused(path, file, good, len));
	for (size_t to = 100; to < len; to += page / 2) {
		cut += is_refused(path, file, good, to);
	}
	/* Of what is behind its last page nothing is missed; the last ones may be free. */
	assert_true(cut >= 2 * pages - 8);
	unsigned wrong = 0;
	for (size_t i = 2; i < pages; i++) {
		memcpy(bad, good, len);
		memset(bad + i * page, 0xa5, page);
		wrong += is_refused(path, file, bad, len);
	}
	assert_true(wrong > pages / 3);
	remove_directory(path);
}

/*! What befalls its files while it rests. */
static void at_rest(void **state)
{
	char path[DIRECTORY_MAX], file[DIRECTORY_MAX + 20], aside[DIRECTORY_MAX + 20];
	seen_t seen = { .calls = 0 };
	make_directory(path);
	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	(void)snprintf(aside, sizeof(aside), "%s/aside", path);
	note_many(path);
	kaname_journal_t *journal = open_journal(path, false);
	kaname_journal_rest(journal);
	assert_int_equal(kaname_journal_wake(journal), 0);
	kaname_journal_rest(journal);
	/* Exchanged, and cut short. */
	assert_int_equal(rename(file, aside), 0);
	static uint8_t good[1 << 20];
	size_t len = read_file(aside, good, sizeof(good));
	write_file(file, good, len);
	assert_int_equal(kaname_journal_wake(journal), KANAME_JOURNAL_OTHER);
	assert_false(kaname_journal_each(journal, see, &seen));
	assert_int_equal(kaname_journal_error(journal), KANAME_JOURNAL_OTHER);
	assert_int_equal(rename(aside, file), 0);
	assert_int_equal(truncate(file, len / 2), 0);
	assert_int_equal(kaname_journal_wake(journal), KANAME_JOURNAL_DAMAGED);
	assert_int_equal(seen.calls, 0);
	write_file(file, good, len);
	/* Made anew: all that was noted is there. */
	remove_directory(path);
	assert_int_equal(kaname_journal_wake(journal), ENOENT);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(kaname_journal_wake(journal), 0);
	assert_true(kaname_journal_was_put_back(journal));
	assert_false(kaname_journal_was_put_back(journal));
	static uint8_t after[1 << 20];
	assert_int_equal(read_file(file, after, sizeof(after)), len);
	assert_memory_equal(after, good, len);
	assert_string_equal(note(journal, KANAME_NOTE_THERE, "a", "", 60, 1), "0-0 60 0 a/ / / ");
	kaname_trouble_t trouble;
	assert_null(kaname_journal_open(path, &knotd, false, &trouble));
	assert_string_equal(trouble.why, "another 'kaname follow' has it");
	kaname_journal_rest(journal);
	/* By then somebody else may have it. */
	remove_directory(path);
	assert_int_equal(mkdir(path, 0700), 0);
	kaname_journal_t *other = open_journal(path, false);
	assert_int_equal(kaname_journal_wake(journal), KANAME_JOURNAL_TAKEN);
	kaname_journal_close(other);
	kaname_journal_close(journal);
	remove_directory(path);
}

/*! Its data is removed: what is noted is not lost, before or after. */
static void removed(void **state)
{
	char path[DIRECTORY_MAX], file[DIRECTORY_MAX + 20];
	make_directory(path);
	(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
	kaname_journal_t *journal = open_journal(path, false);
	const char *noted = "0-0 60 0 a/ / / ";
	assert_string_equal(note(journal, KANAME_NOTE_THERE, "a", "", 60, 1), noted);
	for (int awake = 0; awake < 2; awake++) {
		if (awake == 0) {
			kaname_journal_rest(journal);
		}
		assert_int_equal(unlink(file), 0);
		kaname_journal_keep(journal);
		assert_int_equal(kaname_journal_wake(journal), 0);
		assert_true(kaname_journal_was_put_back(journal));
		kaname_journal_keep(journal);
		assert_int_equal(kaname_journal_wake(journal), 0);
		assert_false(kaname_journal_was_put_back(journal));
	}
	assert_string_equal(note(journal, KANAME_NOTE_THERE, "b", "", 60, 1), "0-0 60 0 b/ / / ");
	kaname_journal_close(journal);
	journal = open_journal(path, false);
	assert_string_equal(note(journal, KANAME_NOTE_UNDONE, "x", "", 60, 1), "0-0 60 0 b/ / / ");
	/* What was cut short is not put back. */
	kaname_journal_rest(journal);
	int fd = open(file, O_RDWR | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(unlink(file), 0);
	assert_int_equal(ftruncate(fd, 4096), 0);
	(void)close(fd);
	assert_int_equal(kaname_journal_wake(journal), KANAME_JOURNAL_DAMAGED);
	kaname_journal_close(journal);
	remove_directory(path);
}

/*! The pages that a commit has added are cut off, while it rests or not. */
static void cut_after_it_has_grown(void **state)
{
	char path[DIRECTORY_MAX], file[DIRECTORY_MAX + 20];
	struct stat grown;
	for (int rests = 0; rests < 2; rests++) {
		make_directory(path);
		(void)snprintf(file, sizeof(file), "%s/data.mdb", path);
		kaname_journal_t *journal = open_journal(path, false);
		note_many_in(journal);
		if (rests != 0) {
			kaname_journal_rest(journal);
		}
		assert_int_equal(stat(file, &grown), 0);
		assert_int_equal(truncate(file, grown.st_size - sysconf(_SC_PAGESIZE)), 0);
		assert_int_equal(kaname_journal_wake(journal), KANAME_JOURNAL_DAMAGED);
		kaname_journal_close(journal);
		remove_directory(path);
	}
}

/* Killed at any moment. */

#define OWNERS 200

/*! Notes for all owners the n-th set, n after n, and tells each n that is on disk. */
static void note_for_ever(const char *path, int to)
{
	kaname_journal_t *journal = open_journal(path, false);
	name_t zone = make_name("zone.example.");
	for (uint8_t n = 1;; n++) {
		kaname_notes_t notes = { 0 };
		const char last[] = { n > 0 ? (char)n : 1, '\0' };
		kaname_set_t *both[] = { take(KANAME_A, last), take(KANAME_AAAA, last) };
		for (unsigned i = 0; i < OWNERS; i++) {
			char text[40];
			(void)snprintf(text, sizeof(text), "o%u.zone.example.", i);
			kaname_notes_add(&notes, KANAME_NOTE_THERE, zone.at, make_name(text).at,
			                 both, 60, n);
		}
		if (kaname_journal_commit(journal, &notes, &now) != 0 || write(to, &n, 1) != 1) {
			_exit(1);
		}
		kaname_notes_clear(&notes);
	}
}

typedef struct {
	unsigned count;
	int value; /*!< Of all; -1: they differ. */
} whole_t;

static void see_whole(void *ctx, const knot_dname_t *zone, const knot_dname_t *owner,
                      const kaname_noted_t *noted)
{
	whole_t *whole = ctx;
	assert_int_equal(noted->written[KANAME_A].count, 1);
	assert_int_equal(noted->written[KANAME_AAAA].count, 1);
	int value = noted->written[KANAME_A].at[3];
	assert_int_equal(noted->written[KANAME_AAAA].at[15], value);
	whole->value = whole->count > 0 && whole->value != value ? -1 : value;
	whole->count++;
}

static void killed(void **state)
{
	char path[DIRECTORY_MAX];
	make_directory(path);
	for (unsigned i = 0; i < 40; i++) {
		int ends[2];
		assert_int_equal(pipe(ends), 0);
		pid_t child = fork();
		if (child == 0) {
			note_for_ever(path, ends[1]);
		}
		(void)close(ends[1]);
		uint8_t last = 0, n;
		while (last < 1 + i % 5 && read(ends[0], &n, 1) == 1) {
			last = n;
		}
		(void)usleep(137 * i);
		assert_int_equal(kill(child, SIGKILL), 0);
		while (read(ends[0], &n, 1) == 1) {
			last = n;
		}
		(void)close(ends[0]);
		assert_int_equal(waitpid(child, NULL, 0), child);
		kaname_journal_t *journal = open_journal(path, false);
		whole_t whole = { 0 };
		assert_true(kaname_journal_each(journal, see_whole, &whole));
		kaname_journal_close(journal);
		assert_int_equal(whole.count, OWNERS);
		/* All of one commit: the last that was told, or the one after it. */
		assert_in_range(whole.value, last, last + 1);
	}
	remove_directory(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("what is noted of an owner", life_of_an_owner),
		PROVES("with which TTL, and for what", times_to_live),
		PROVES("what is of a zone that was away", what_is_of_a_zone_that_was_away),
		PROVES("as much as there may be of an owner", largest),
		PROVES("it stays", stays),
		PROVES("it is for one process", of_one),
		PROVES("it is for one knotd, wherever that listens",
		       of_the_local_knotd_wherever_it_listens),
		PROVES("addresses of primaries are compared as such",
		       addresses_are_compared_as_such),
		PROVES("a primary that has moved keeps its journal", one_that_has_moved),
		PROVES("M5: one that is damaged or cut short is refused, and left as it is",
		       damaged),
		PROVES("what befalls its files while it rests", at_rest),
		PROVES("M5: what is noted is not lost with its file", removed),
		PROVES("pages that are cut off when it has grown are missed",
		       cut_after_it_has_grown),
		PROVES("M5: whenever it is killed all is there or nothing", killed),
	};
	int failed = RUN_TESTS("journal", tests);
	kaname_sets_deinit(&sets);
	return failed;
}
