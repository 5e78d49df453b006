#include "support/test.h"

#include "service/dns_servers.h"

/* What a server has shown, on simulated time. */

#define NOW_MS    1000000
#define LEARNT_MS 600000

typedef struct {
	const char *proves;
	bool opt_before, echoed_before; /*!< Shown at NOW_MS. */
	int64_t again_ms;               /*!< Shown once more so long after that; 0: not. */
	int64_t after_ms;               /*!< So long after that there is a reply without EDNS. */
	bool echoes, without_edns;      /*!< What is thought of it then. */
} row_t;

static const row_t rows[] = {
	{ "N4: nothing is known of a new one", false, false, 0, 0, false, true },
	{ "N4: one odd reply disproves nothing", true, true, 0, 1000, true, false },
	{ "N4: nor one near the end", true, true, 0, LEARNT_MS - 1, true, false },
	{ "N4: ten minutes later there may be another server", true, true, 0, LEARNT_MS, false,
	  true },
	{ "N4: what is shown again counts again", true, true, LEARNT_MS - 1, LEARNT_MS - 1, true,
	  false },
	{ "N4: but not for longer", true, true, LEARNT_MS - 1, LEARNT_MS, false, true },
	{ "N1: EDNS by itself", true, false, 0, 1000, false, false },
};

static void check_row(void **state)
{
	const row_t *row = *state;
	aname_dns_server_t server = { .down_ms = 0 };
	const aname_message_reply_t shown = { .has_opt = row->opt_before,
		                              .echoed = row->echoed_before };
	const aname_message_reply_t odd = { .has_opt = false };
	int64_t now_ms = NOW_MS;
	if (row->opt_before || row->echoed_before) {
		aname_dns_server_note(&server, &shown, true, now_ms);
	}
	if (row->again_ms > 0) {
		now_ms += row->again_ms;
		aname_dns_server_note(&server, &shown, true, now_ms);
	}
	now_ms += row->after_ms;
	aname_dns_server_note(&server, &odd, true, now_ms);
	assert_int_equal(aname_dns_server_echoes(&server, now_ms), row->echoes);
	assert_int_equal(server.no_edns_ms > now_ms, row->without_edns);
}

int main(void)
{
	return RUN_ROWS("what a server has shown", rows, check_row);
}
