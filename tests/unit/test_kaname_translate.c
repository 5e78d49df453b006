#include "support/test.h"

#include <unistd.h>

#include <libknot/libknot.h>
#include <libzscanner/scanner.h>

#include "entry.h"
#include "support/alloc.h"
#include "support/random.h"
#include "translate.h"

/*! What a translation reported and wrote. */
typedef struct {
	char *out;
	size_t len;
	kaname_exit_t ret;
	unsigned count;   /*!< Remarks. */
	unsigned line;    /*!< Of the first. */
	char first[5000]; /*!< Text of the first. */
	char last[5000];  /*!< And of the last. */
} translation_t;

static void on_remark(void *ctx, const char *file, unsigned line, const char *what)
{
	translation_t *translation = ctx;
	assert_string_equal(file, "zone");
	if (translation->count++ == 0) {
		translation->line = line;
		(void)snprintf(translation->first, sizeof(translation->first), "%s", what);
	}
	(void)snprintf(translation->last, sizeof(translation->last), "%s", what);
}

static translation_t translate_in(const char *text, size_t len, const char *origin, bool reverse,
                                  const char *directory)
{
	translation_t translation = { 0 };
	/* A pipe has no position and no size; neither has what is read here. */
	FILE *in = len > 0 ? fmemopen((void *)(uintptr_t)text, len, "r") : fopen("/dev/null", "r");
	FILE *out = open_memstream(&translation.out, &translation.len);
	assert_non_null(in);
	assert_non_null(out);
	const kaname_translation_t how = {
		.in = in,
		.out = out,
		.file = "zone",
		.directory = directory,
		.origin = origin,
		.reverse = reverse,
		.remark = on_remark,
		.ctx = &translation,
	};
	translation.ret = kaname_translate(&how);
	(void)fclose(in);
	(void)fclose(out);
	return translation;
}

static translation_t translate(const char *text, const char *origin, bool reverse)
{
	return translate_in(text, strlen(text), origin, reverse, NULL);
}

/* One entry each, both ways. */

typedef struct {
	const char *proves;
	const char *words;
	const char *generic;
} row_t;

#define CDN "\\# 17 0363646e076578616d706c65036e657400"

static const row_t rows[] = {
	{ "an empty file stays empty", "", "" },
	{ "blank lines and comments stay", "\n ; ANAME x.\n\t\n;@ ANAME x.\n",
	  "\n ; ANAME x.\n\t\n;@ ANAME x.\n" },
	{ "owner, TTL, class", "@ 300 IN ANAME cdn.example.net.\n",
	  "@ 300 IN TYPE65305 " CDN "\n" },
	{ "owner, class, TTL with units", "@ IN 1h30m ALIAS cdn.example.net.\n",
	  "@ IN 1h30m TYPE65401 " CDN "\n" },
	{ "no TTL, no class", "@ ANAME cdn.example.net.\n", "@ TYPE65305 " CDN "\n" },
	{ "no owner", "\tANAME cdn.example.net.\n", "\tTYPE65305 " CDN "\n" },
	{ "no owner, class and TTL", "  IN 5 ANAME cdn.example.net.\n",
	  "  IN 5 TYPE65305 " CDN "\n" },
	{ "a class by number", "@ CLASS1 5 ANAME cdn.example.net.\n",
	  "@ CLASS1 5 TYPE65305 " CDN "\n" },
	{ "an owner that is called ANAME", "ANAME A 192.0.2.1\n", "ANAME A 192.0.2.1\n" },
	{ "an owner that is called IN", "IN IN ANAME cdn.example.net.\n",
	  "IN IN TYPE65305 " CDN "\n" },
	{ "an owner that looks like a TTL", "300 ANAME cdn.example.net.\n",
	  "300 TYPE65305 " CDN "\n" },
	{ "RDATA that is called ANAME", "a CNAME ANAME\n  NS ANAME\n",
	  "a CNAME ANAME\n  NS ANAME\n" },
	{ "text that looks like a record", "a TXT \"x\" \"@ ANAME b.\" ANAME\n",
	  "a TXT \"x\" \"@ ANAME b.\" ANAME\n" },
	{ "a semicolon and a parenthesis in quotes", "a TXT \"; (\"\nb ANAME cdn.example.net.\n",
	  "a TXT \"; (\"\nb TYPE65305 " CDN "\n" },
	{ "quotes within quotes and in words",
	  "a TXT \"\\\"\" \\\" a\\;b\nb ANAME cdn.example.net.\n",
	  "a TXT \"\\\"\" \\\" a\\;b\nb TYPE65305 " CDN "\n" },
	{ "a quote in the middle of a word",
	  "a SVCB 1 . alpn=\"h2 ;(\"\nb ANAME cdn.example.net.\n",
	  "a SVCB 1 . alpn=\"h2 ;(\"\nb TYPE65305 " CDN "\n" },
	{ "a quote in a comment", "a A 192.0.2.1 ; it's \"open\nb ANAME cdn.example.net.\n",
	  "a A 192.0.2.1 ; it's \"open\nb TYPE65305 " CDN "\n" },
	{ "a SOA over many lines",
	  "@ SOA a b ( 1 ; one\n 2 3 ; (\n\n 4 5 )\n ANAME cdn.example.net.\n",
	  "@ SOA a b ( 1 ; one\n 2 3 ; (\n\n 4 5 )\n TYPE65305 " CDN "\n" },
	{ "a record over many lines",
	  "@ ( ; a\n IN ; b\n ANAME ; c\n cdn.example.net. ; d\n) ; e\n",
	  "@ ( ; a\n IN ; b\n TYPE65305 ; c\n " CDN " ; d\n) ; e\n" },
	{ "a text over many lines", "a TXT ( \"x\ny ANAME z\" )\nb ANAME cdn.example.net.\n",
	  "a TXT ( \"x\ny ANAME z\" )\nb TYPE65305 " CDN "\n" },
	{ "no line end at the end", "@ ANAME cdn.example.net.", "@ TYPE65305 " CDN },
	{ "blanks and tabs as they are", "@  \t ANAME \t  cdn.example.net. \t \n",
	  "@  \t TYPE65305 \t  " CDN " \t \n" },
	{ "letter case of the target", "@ ANAME CdN.\n", "@ TYPE65305 \\# 5 0343644e00\n" },
	{ "the root", "@ ANAME .\n", "@ TYPE65305 \\# 1 00\n" },
	{ "a wildcard and an underscore", "@ ANAME *._a.\n", "@ TYPE65305 \\# 6 012a025f6100\n" },
	{ "escaped octets", "@ ANAME a\\.b\\009\\;.\n", "@ TYPE65305 \\# 7 05612e62093b00\n" },
	{ "other unknown types stay", "@ TYPE65400 \\# 3 016100\n", "@ TYPE65400 \\# 3 016100\n" },
	{ "$TTL, $INCLUDE and unknown directives", "$TTL 1h\n$INCLUDE ANAME b.\n$X ANAME y.\n",
	  "$TTL 1h\n$INCLUDE ANAME b.\n$X ANAME y.\n" },
	{ "octets of any value", "@ A \x01\xff\n;\xe4\nb ANAME cdn.example.net.\n",
	  "@ A \x01\xff\n;\xe4\nb TYPE65305 " CDN "\n" },
	{ "a byte order mark that is not at the beginning",
	  "a TXT x\n\xef\xbb\xbf"
	  "b TXT y\n",
	  "a TXT x\n\xef\xbb\xbf"
	  "b TXT y\n" },
};

/* Other spellings of what then comes back as something else. */
static const row_t spellings[] = {
	{ "a byte order mark", "\xef\xbb\xbf@ ANAME cdn.example.net.\n", "@ TYPE65305 " CDN "\n" },
	{ "one before a blank", "\xef\xbb\xbf ANAME cdn.example.net.\n", " TYPE65305 " CDN "\n" },
	{ "one before a parenthesis and a comment", "\xef\xbb\xbf; (\n@ ANAME cdn.example.net.\n",
	  "; (\n@ TYPE65305 " CDN "\n" },
	{ "parentheses without blanks", "@ ANAME(cdn.example.net.);x\n",
	  "@ TYPE65305(" CDN " );x\n" },
	{ "parentheses from the first column on", "(@ ANAME cdn.example.net.)\n",
	  "(@ TYPE65305 " CDN " )\n" },
	{ "the type in lower case", "@ aname cdn.example.net.\n", "@ TYPE65305 " CDN "\n" },
	{ "an escape that is not needed", "@ ANAME \\097.\n", "@ TYPE65305 \\# 3 016100\n" },
	{ "RDATA that is generic already", "@ ANAME \\# 3 016100\n", "@ TYPE65305 \\# 3 016100\n" },
	{ "a relative name and -o", "@ ANAME cdn\n",
	  "@ TYPE65305 \\# 13 0363646e076578616d706c6500\n" },
	{ "the origin", "@ ANAME @\n", "@ TYPE65305 \\# 9 076578616d706c6500\n" },
	{ "an escaped @ is a name", "@ ANAME \\@\n",
	  "@ TYPE65305 \\# 11 0140076578616d706c6500\n" },
	{ "an escaped dot does not make a name absolute", "@ ANAME a\\.\n",
	  "@ TYPE65305 \\# 12 02612e076578616d706c6500\n" },
	{ "$ORIGIN", "$ORIGIN a.\nx ANAME b\n", "$ORIGIN a.\nx TYPE65305 \\# 5 0162016100\n" },
};

/*! Translates, and back; what came back is the caller's. */
static translation_t there_and_back(const row_t *row)
{
	translation_t generic = translate(row->words, "example.", false);
	assert_string_equal(generic.out, row->generic);
	assert_int_equal(generic.len, strlen(row->generic));
	assert_int_equal(generic.ret, KANAME_OK);
	assert_int_equal(generic.count, 0);
	free(generic.out);

	translation_t words = translate(row->generic, "example.", true);
	assert_int_equal(words.ret, KANAME_OK);
	return words;
}

static void check_row(void **state)
{
	const row_t *row = *state;
	translation_t words = there_and_back(row);
	assert_string_equal(words.out, row->words);
	free(words.out);
}

static void check_spelling(void **state)
{
	const row_t *row = *state;
	translation_t words = there_and_back(row);
	translation_t again = translate(words.out, NULL, false);
	assert_string_equal(again.out, row->generic);
	free(words.out);
	free(again.out);
}

/* Back from forms that others write. */

typedef struct {
	const char *proves;
	const char *generic;
	const char *words;
} back_t;

static const back_t back[] = {
	{ "digits in many pieces", "@ TYPE65305 \\# 3 01 61  00 ; x\n", "@ ANAME a. ; x\n" },
	{ "digits over many lines", "@ TYPE65305 ( \\# 3 ; three\n 01 ; a\n 61\n 00 )\n",
	  "@ ANAME ( a. ; three\n  ; a\n \n  )\n" },
	{ "digits in upper case", "@ TYPE65401 \\# 3 014D00\n", "@ ALIAS M.\n" },
	{ "the type in lower case", "@ type65305 \\# 3 016100\n", "@ ANAME a.\n" },
	{ "words stay as they are", "@ aname b\n  ALIAS c\n", "@ aname b\n  ALIAS c\n" },
};

static void check_back(void **state)
{
	const back_t *row = *state;
	translation_t words = translate(row->generic, NULL, true);
	assert_string_equal(words.out, row->words);
	assert_int_equal(words.ret, KANAME_OK);
	assert_int_equal(words.count, 0);
	free(words.out);
}

/* What cannot be translated is reported, and left as it is. */

typedef struct {
	const char *proves;
	const char *in;
	unsigned line;
	const char *expected;
} wrong_t;

static const wrong_t wrongs[] = {
	{ "no target", "\n@ IN ANAME ; none\n", 2, "the target's name" },
	{ "two targets", "@ ANAME a. (\n b.)\n", 2, "one target" },
	{ "a TTL and a target behind", "@ ANAME 300 a.\n", 1, "one target" },
	{ "a target in quotes", "@ ANAME \"a.\"\n", 1, "without quotes" },
	{ "an empty label", "@ ANAME a..b.\n", 1, "a domain name" },
	{ "an escape that is no octet", "@ ANAME \\25x.\n", 1, "a domain name" },
	{ "a label of 64 octets",
	  "@ ANAME aaaaaaaabbbbbbbbccccccccddddddddeeeeeeeeffffffffgggggggghhhhhhhh.\n", 1,
	  "a domain name" },
	{ "a relative target without an origin", "@ ANAME a\n", 1, "or an origin before it" },
	{ "the origin where there is none", "@ ANAME @\n", 1, "or an origin before it" },
	{ "a relative $ORIGIN, which knotd refuses, too", "$ORIGIN a\n", 1, "an absolute" },
	{ "$ORIGIN without a name", "$ORIGIN ; a.\n", 1, "one domain name after $ORIGIN" },
	{ "$ORIGIN with two names", "$ORIGIN a. b.\n", 1, "one domain name after $ORIGIN" },
	{ "$GENERATE of such records", "$GENERATE 1-2 a$ ALIAS b$.\n", 1, "written out" },
};

/* In reverse. */
static const wrong_t wrongs_back[] = {
	{ "no RDATA", "@ TYPE65305\n", 1, "\\#, the number" },
	{ "a name", "\n@ TYPE65305 a.\n", 2, "\\#, the number" },
	{ "fewer octets than announced", "@ TYPE65305 \\# 4 016100\n", 1, "\\#, the number" },
	{ "more octets than announced", "@ TYPE65305 \\# 2 016100\n", 1, "\\#, the number" },
	{ "no hexadecimal", "@ TYPE65305 \\# 3 0161zz\n", 1, "\\#, the number" },
	{ "not a whole name", "@ TYPE65305 \\# 2 0161\n", 1, "one whole" },
	{ "an octet behind the name", "@ TYPE65305 \\# 4 01610000\n", 1, "one whole" },
	{ "a compression pointer", "@ TYPE65401 \\# 2 c00c\n", 1, "one whole" },
	{ "no octets", "@ TYPE65305 \\# 0\n", 1, "one whole" },
};

/* Nobody could say what follows. */
static const wrong_t broken[] = {
	{ "a quote left open at a line's end", "\n@ TXT \"a\n@ ANAME b.\n", 2, "a closing quote" },
	{ "a quote left open at the file's end", "\n@ TXT ( \"a\n\n", 2, "a closing quote" },
	{ "a parenthesis left open", "\n\n@ SOA ( ; )\n1\n", 3, "a closing parenthesis" },
	{ "a parenthesis closed twice", "@ ( A ) \n@ A ))\n", 2, "an opening parenthesis" },
};

/*! Checks what is translation; what is written is the caller's. */
static translation_t refused(const wrong_t *row, bool reverse)
{
	translation_t translation = translate(row->in, NULL, reverse);
	assert_int_equal(translation.ret, KANAME_NO);
	assert_int_equal(translation.count, 1);
	assert_int_equal(translation.line, row->line);
	assert_memory_equal(translation.first, "expected ", 9);
	if (strstr(translation.first, row->expected) == NULL) {
		fail_msg("'%s' in: %s", row->expected, translation.first);
	}
	return translation;
}

static void check_wrong(void **state)
{
	const wrong_t *row = *state;
	translation_t translation = refused(row, false);
	assert_string_equal(translation.out, row->in);
	free(translation.out);
}

static void check_wrong_back(void **state)
{
	const wrong_t *row = *state;
	translation_t translation = refused(row, true);
	assert_string_equal(translation.out, row->in);
	free(translation.out);
}

static void check_broken(void **state)
{
	translation_t translation = refused(*state, false);
	free(translation.out);
	translation = refused(*state, true);
	free(translation.out);
}

static void goes_on(void **state)
{
	translation_t translation =
	        translate("@ ANAME a..b.\nb ANAME c.\nd ANAME\ne ANAME c.\n", NULL, false);
	assert_int_equal(translation.ret, KANAME_NO);
	assert_int_equal(translation.count, 2);
	assert_string_equal(translation.out, "@ ANAME a..b.\nb TYPE65305 \\# 3 016300\nd ANAME\n"
	                                     "e TYPE65305 \\# 3 016300\n");
	free(translation.out);
}

static void origin_survives_errors(void **state)
{
	translation_t translation =
	        translate("$ORIGIN a.\n@ ANAME x..\n$ORIGIN y..\n@ ANAME b\n", NULL, false);
	assert_int_equal(translation.count, 2);
	assert_string_equal(translation.out, "$ORIGIN a.\n@ ANAME x..\n$ORIGIN y..\n"
	                                     "@ TYPE65305 \\# 5 0162016100\n");
	free(translation.out);
}

static void dos_lines(void **state)
{
	translation_t translation = translate(
	        "a A 192.0.2.1\r\n\r\n;c\r\nb ANAME ( c. ; x\r\n )\r\nd TXT (\"x\r\ny\"\r\n)\r\n",
	        NULL, false);
	/* In a text it is an octet like others. */
	assert_string_equal(translation.out,
	                    "a A 192.0.2.1\n\n;c\nb TYPE65305 ( \\# 3 016300 ; x\n )\n"
	                    "d TXT (\"x\r\ny\"\n)\n");
	assert_int_equal(translation.ret, KANAME_OK);
	assert_int_equal(translation.count, 1);
	assert_non_null(strstr(translation.first, "CR LF"));
	free(translation.out);
}

/* What is most likely a mistake. */

#define SOA "@ SOA a b 1 2 3 4 5\n"

typedef struct {
	const char *proves;
	const char *in;
	kaname_exit_t ret;
	unsigned line;    /*!< Of the remark; 0: there is none. */
	const char *what; /*!< In the remark. */
} remark_row_t;

static const remark_row_t remarks[] = {
	{ "a relative target of several labels", "\n@ ANAME xxx.pikapod.net\n", KANAME_OK, 2,
	  "xxx.pikapod.net has no dot at its end, so the target is xxx.pikapod.net.example." },
	{ "one label is as it is meant", "@ ANAME www\n", KANAME_OK, 0, NULL },
	{ "so is one with an escaped dot", "@ ANAME a\\.b\n", KANAME_OK, 0, NULL },
	{ "and an absolute one", "@ ANAME xxx.pikapod.net.\n", KANAME_OK, 0, NULL },
	{ "with the root for an origin names are complete",
	  "$ORIGIN .\nexample SOA a b 1 2 3 4 5\nexample ANAME xxx.pikapod.net\n", KANAME_OK, 0,
	  NULL },
	{ "an address", "@ ANAME 192.0.2.1\n", KANAME_NO, 1, "an A record" },
	{ "an address with a dot", "@ ALIAS 192.0.2.1.\n", KANAME_NO, 1, "an A record" },
	{ "an IPv6 address", "@ ALIAS 2001:db8::1\n", KANAME_NO, 1, "an AAAA record" },
	{ "letters that are not ASCII", "@ ANAME bücher.example.\n", KANAME_NO, 1, "A-labels" },
	{ "an owner below the apex", SOA "www ANAME cdn.\n", KANAME_OK, 2,
	  "www.example. is not the apex" },
	{ "an absolute one", SOA "www.example. ANAME cdn.\n", KANAME_OK, 2, "not the apex" },
	{ "one that was named before", SOA "www A 192.0.2.1\n\n 300 IN ALIAS cdn.\n", KANAME_OK, 4,
	  "www.example. is not the apex" },
	{ "one that was named with another origin",
	  SOA "www A 192.0.2.1\n$ORIGIN b.\n ALIAS cdn.\n", KANAME_OK, 4, "www.example. is" },
	{ "a wildcard", SOA "* ANAME cdn.\n", KANAME_OK, 2, "*.example. is not the apex" },
	{ "the apex", SOA "@ ANAME cdn.\n", KANAME_OK, 0, NULL },
	{ "the apex in full and in upper case", SOA "EXAMPLE. ANAME cdn.\n", KANAME_OK, 0, NULL },
	{ "the apex from another origin", SOA "$ORIGIN www.example.\nexample. ANAME cdn.\n",
	  KANAME_OK, 0, NULL },
	{ "the apex again", SOA " NS ns\n ANAME cdn.\n", KANAME_OK, 0, NULL },
	{ "an owner before the SOA", "www ANAME cdn.\n" SOA, KANAME_OK, 1,
	  "www.example. is not the apex" },
	{ "the apex before the SOA", "@ ANAME cdn.\n" SOA, KANAME_OK, 0, NULL },
	{ "without SOA the apex is not known", "www ANAME cdn.\n", KANAME_OK, 0, NULL },
	{ "CNAME at the apex", SOA "@ NS ns\n 300 IN CNAME cdn.\n", KANAME_NO, 3,
	  "ANAME in the place of CNAME" },
	{ "CNAME elsewhere", SOA "www CNAME @\n", KANAME_OK, 0, NULL },
	{ "an alias of Route 53", "@ 86400 AWS ALIAS A lb.example. Z123 false\n", KANAME_NO, 1,
	  "only Route 53 knows" },
	{ "an alias of Azure", "@ 3600 IN AZURE ALIAS A /subscriptions/x\n", KANAME_NO, 1,
	  "only Azure DNS knows" },
	{ "a record of PowerDNS", "@ LUA A \"ifportup(443, {'192.0.2.1'})\"\n", KANAME_NO, 1,
	  "only PowerDNS knows" },
	{ "a redirect", "www 300 IN URL301 https://a/\n", KANAME_NO, 1, "redirects" },
	{ "a name like one", "AWS A 192.0.2.1\nURL CNAME AZURE\n", KANAME_OK, 0, NULL },
};

static void check_remark(void **state)
{
	const remark_row_t *row = *state;
	translation_t translation = translate(row->in, "example.", false);
	assert_int_equal(translation.count, row->line > 0);
	assert_int_equal(translation.line, row->line);
	assert_int_equal(translation.ret, row->ret);
	if (row->what != NULL && strstr(translation.first, row->what) == NULL) {
		fail_msg("'%s' in: %s", row->what, translation.first);
	}
	if (row->ret == KANAME_NO) {
		assert_string_equal(translation.out, row->in);
	}
	free(translation.out);
	/* What the way back makes of it is no matter of remarks. */
	translation_t reverse = translate(row->in, "example.", true);
	assert_int_equal(reverse.count, 0);
	free(reverse.out);
}

static void many_below(void **state)
{
	char text[40 * 25 + 100] = SOA;
	for (unsigned i = 0; i < 25; i++) {
		(void)sprintf(text + strlen(text), "n%u ANAME cdn.\n", i);
	}
	translation_t translation = translate(text, "example.", false);
	assert_int_equal(translation.ret, KANAME_OK);
	assert_int_equal(translation.count, 21);
	assert_non_null(strstr(translation.last, "5 more records"));
	assert_non_null(strstr(translation.first, "with 'owners: any'"));
	assert_non_null(strstr(translation.last, "need 'owners: any'"));
	/* All of them are translated. */
	size_t translated = 0;
	for (const char *at = translation.out; (at = strstr(at, "TYPE65305")) != NULL; at++) {
		translated++;
	}
	assert_int_equal(translated, 25);
	free(translation.out);
}

static void too_long(void **state)
{
	/* Without a limit a stray parenthesis would take the whole file into memory. */
	size_t len = KANAME_ENTRY_MAX + 100;
	char *text = malloc(len);
	assert_non_null(text);
	memset(text, '\n', len);
	text[1] = 'a';
	text[2] = '(';
	translation_t translation = translate_in(text, len, NULL, false, NULL);
	assert_int_equal(translation.ret, KANAME_NO);
	assert_int_equal(translation.line, 2);
	assert_non_null(strstr(translation.first, "within 1 MiB"));
	free(translation.out);
	free(text);
}

static void longest_rdata(void **state)
{
	/* 65535 octets are no name, but the reader must get that far. */
	char *text = NULL;
	assert_true(asprintf(&text, "@ TYPE65305 \\# 65535 %0131070d\n", 0) > 131070);
	translation_t translation = translate(text, NULL, true);
	assert_int_equal(translation.ret, KANAME_NO);
	assert_non_null(strstr(translation.first, "one whole"));
	assert_string_equal(translation.out, text);
	free(translation.out);
	free(text);
}

static void write_fails(void **state)
{
	FILE *in = fmemopen((void *)(uintptr_t) "a A 192.0.2.1\n", 14, "r");
	FILE *out = fopen("/dev/full", "w");
	assert_non_null(in);
	assert_non_null(out);
	setvbuf(out, NULL, _IONBF, 0);
	translation_t translation = { 0 };
	const kaname_translation_t how = {
		.in = in, .out = out, .file = "zone", .remark = on_remark, .ctx = &translation
	};
	assert_int_equal(kaname_translate(&how), KANAME_IO);
	(void)fclose(in);
	(void)fclose(out);
}

static void read_fails(void **state)
{
	FILE *in = fopen("/", "r");
	translation_t translation = { 0 };
	assert_non_null(in);
	FILE *out = open_memstream(&translation.out, &translation.len);
	const kaname_translation_t how = {
		.in = in, .out = out, .file = "zone", .remark = on_remark, .ctx = &translation
	};
	assert_int_equal(kaname_translate(&how), KANAME_IO);
	(void)fclose(in);
	(void)fclose(out);
	free(translation.out);
}

static bool translate_once(void *ctx)
{
	static char text[] =
	        "$ORIGIN a.\n@ ANAME b\n@ TXT ( a b c d e f g h i j k l m n o p q r )\n";
	FILE *in = fmemopen(text, strlen(text), "r"), *out = fopen("/dev/null", "w");
	assert_non_null(in);
	assert_non_null(out);
	translation_t translation = { 0 };
	const kaname_translation_t how = {
		.in = in, .out = out, .file = "zone", .remark = on_remark, .ctx = &translation
	};
	kaname_exit_t ret = kaname_translate(&how);
	assert_true(ret == KANAME_OK || ret == KANAME_IO);
	(void)fclose(in);
	(void)fclose(out);
	return ret == KANAME_OK;
}

static void out_of_memory(void **state)
{
	/* The reader of names, the text, the tokens, and more of them. */
	assert_true(alloc_fail_each(translate_once, NULL) >= 4);
}

/* Included files. */

static void put_file(const char *directory, const char *name, const char *text)
{
	char path[300];
	(void)snprintf(path, sizeof(path), "%s/%s", directory, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
}

static void included(void **state)
{
	char directory[DIRECTORY_MAX];
	make_directory(directory);
	put_file(directory, "plain", "a A 192.0.2.1\n");
	put_file(directory, "words", "a A 192.0.2.1\nb ANAME c\n ALIAS d\n");
	put_file(directory, "deep", "$INCLUDE words\n");
	put_file(directory, "round", "$INCLUDE round\n");
	const struct {
		const char *line, *remark;
	} cases[] = {
		{ "$INCLUDE plain\n", NULL },
		{ "$INCLUDE round\n", NULL },
		{ "$INCLUDE words x. ; y\n", "2 records to be translated, the first at line 2" },
		{ "$include \"words\"\n", "2 records to be translated, the first at line 2" },
		{ "$INCLUDE deep\n", "words is left as it is" },
		{ "$INCLUDE none\n", "No such file" },
		{ "$INCLUDE /dev/null\n", "was not looked into" },
	};
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		translation_t translation =
		        translate_in(cases[i].line, strlen(cases[i].line), NULL, false, directory);
		assert_string_equal(translation.out, cases[i].line);
		assert_int_equal(translation.ret, KANAME_OK);
		assert_int_equal(translation.count, cases[i].remark != NULL);
		if (cases[i].remark != NULL && strstr(translation.first, cases[i].remark) == NULL) {
			fail_msg("'%s' in: %s", cases[i].remark, translation.first);
		}
		free(translation.out);
	}
	translation_t translation = translate_in("$INCLUDE words\n", 15, NULL, true, directory);
	assert_int_equal(translation.count, 0);
	free(translation.out);
	for (const char **name = (const char *[]){ "plain", "words", "deep", "round", NULL };
	     *name != NULL; name++) {
		char path[300];
		(void)snprintf(path, sizeof(path), "%s/%s", directory, *name);
		(void)unlink(path);
	}
	assert_int_equal(rmdir(directory), 0);
}

/* Random files, whose translation is known because both are made together. */

typedef struct {
	char *words, *generic;
	size_t words_len, generic_len;
	unsigned records;
} made_t;

static const char *one_of(random_t *random, const char *const *of, size_t count)
{
	return of[random_below(random, count)];
}
#define ONE_OF(random, ...)                                    \
	one_of((random), (const char *const[]){ __VA_ARGS__ }, \
	       sizeof((const char *const[]){ __VA_ARGS__ }) / sizeof(const char *))

static void both(FILE *words, FILE *generic, const char *text)
{
	(void)fputs(text, words);
	(void)fputs(text, generic);
}

/*! A record of ANAME or ALIAS, in both spellings. */
static void make_record(random_t *random, FILE *words, FILE *generic)
{
	char label[64] = "";
	char hex[200] = "";
	unsigned len = 1 + random_below(random, 20);
	for (unsigned i = 0; i < len; i++) {
		label[i] = "abcXYZ019-_*"[random_below(random, 12)];
		(void)sprintf(hex + (size_t)2 * i, "%02x", label[i]);
	}
	bool alias = random_below(random, 2) == 0;
	bool open = random_below(random, 3) == 0;
	both(words, generic, ONE_OF(random, "@", "www", "\t", " ", "IN", "300", "a\\.b", "ANAME"));
	both(words, generic, ONE_OF(random, " ", "\t ", " 300 ", " IN ", " IN 1h ", " 5 IN\t"));
	both(words, generic, open ? ONE_OF(random, "( ", "(\n ", "( ; \"x\n\t") : "");
	(void)fputs(alias ? "ALIAS" : "ANAME", words);
	(void)fputs(alias ? "TYPE65401" : "TYPE65305", generic);
	both(words, generic, open ? ONE_OF(random, " ", "\n ", " ; ANAME (\n") : " ");
	(void)fprintf(words, "%s.%s", label, ONE_OF(random, "example."));
	(void)fprintf(generic, "\\# %u %02x%s076578616d706c6500", len + 10, len, hex);
	both(words, generic, open ? ONE_OF(random, " )", "\n)", " ; )\n)") : "");
	both(words, generic, ONE_OF(random, "\n", " \n", " ; ALIAS x\n", ";\"\n"));
}

static made_t make_file(random_t *random)
{
	made_t made = { 0 };
	FILE *words = open_memstream(&made.words, &made.words_len);
	FILE *generic = open_memstream(&made.generic, &made.generic_len);
	both(words, generic, "$ORIGIN example.\n$TTL 300\n@ SOA a b ( 1 ; s\n2 3 4\n5 )\n");
	for (unsigned i = random_below(random, 30); i > 0; i--) {
		if (random_below(random, 2) == 0) {
			make_record(random, words, generic);
			made.records++;
			continue;
		}
		both(words, generic,
		     ONE_OF(random, "\n", " \t\n", "; ANAME x.\n", "a IN A 192.0.2.1\n",
		            " 300 TXT \"ANAME \\\" ;\" ALIAS\n", "$ORIGIN example.\n", "$ttl 1d\n",
		            "b TXT ( \"x\n ANAME y\"\n ; \"\n z )\n", " MX 10 ANAME\n",
		            "x TYPE65280 \\# 3 016100\n", "c CAA 0 issue \"a;b (c\"\n",
		            "d NAPTR 1 1 \"u\" \"E2U\" \"!^.*$!x!\" .\n"));
	}
	(void)fclose(words);
	(void)fclose(generic);
	return made;
}

/*! Has libzscanner, knotd's own, read it: good records of the two types in it. */
static unsigned scan(const char *text, size_t len)
{
	zs_scanner_t *scanner = malloc(sizeof(*scanner));
	assert_non_null(scanner);
	assert_int_equal(zs_init(scanner, "example.", KNOT_CLASS_IN, 300), 0);
	assert_int_equal(zs_set_input_string(scanner, text, len), 0);
	unsigned count = 0;
	while (zs_parse_record(scanner) == 0 && scanner->state == ZS_STATE_DATA) {
		bool ours = scanner->r_type == 65305 || scanner->r_type == 65401;
		if (ours) {
			assert_int_equal(knot_dname_wire_check(
			                         scanner->r_data,
			                         scanner->r_data + scanner->r_data_length, NULL),
			                 scanner->r_data_length);
		}
		count += ours;
	}
	if (scanner->state != ZS_STATE_EOF) {
		fail_msg("line %u: %s in\n%s", (unsigned)scanner->line_counter,
		         zs_strerror(scanner->error.code), text);
	}
	zs_deinit(scanner);
	free(scanner);
	return count;
}

static void random_files(void **state)
{
	random_t random = { 1035 };
	unsigned records = 0;
	for (unsigned i = 0; i < 3000; i++) {
		made_t made = make_file(&random);
		translation_t generic = translate(made.words, NULL, false);
		assert_string_equal(generic.out, made.generic);
		assert_int_equal(generic.ret, KANAME_OK);
		assert_int_equal(scan(generic.out, generic.len), made.records);

		translation_t words = translate(generic.out, NULL, true);
		assert_string_equal(words.out, made.words);
		assert_int_equal(words.ret, KANAME_OK);
		records += made.records;
		free(made.words);
		free(made.generic);
		free(generic.out);
		free(words.out);
	}
	assert_true(records > 10000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PROVES("an error does not keep the rest from being translated", goes_on),
		PROVES("an error does not lose the origin", origin_survives_errors),
		PROVES("lines that end in CR LF end in LF, which is reported once", dos_lines),
		PROVES("of many records below the apex 20 are reported, and the rest is counted",
		       many_below),
		PROVES("a record of more than 1 MiB is an error", too_long),
		PROVES("the longest RDATA is read", longest_rdata),
		PROVES("a failed write is a failure", write_fails),
		PROVES("a failed read is a failure", read_fails),
		PROVES("out of memory: reported, nothing leaked", out_of_memory),
		PROVES("included files that need translation are reported", included),
		PROVES("3000 random files become what they ought to, load, and come back",
		       random_files),
	};
	return RUN_ROWS("translate: there and back", rows, check_row) +
	       RUN_ROWS("translate: other spellings", spellings, check_spelling) +
	       RUN_ROWS("translate: back from any spelling", back, check_back) +
	       RUN_ROWS("translate: what cannot be translated", wrongs, check_wrong) +
	       RUN_ROWS("translate: what cannot be turned back", wrongs_back, check_wrong_back) +
	       RUN_ROWS("translate: what cannot be read", broken, check_broken) +
	       RUN_ROWS("translate: what is most likely a mistake", remarks, check_remark) +
	       RUN_TESTS("translate: the whole", tests);
}
