/*!
 * \brief The options of one mod-aname section, as plain data.  [P]
 *
 * Filled by conf/read.c at load and never changed after it; instances with equal options share one.
 */

#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <libknot/dname.h>

/*! Most RR types that `rrtype` may list. */
#define ANAME_RRTYPES_MAX 4

/*! What a cold query over UDP gets (BEHAVIOUR C1, C3). */
typedef enum {
	ANAME_COLD_TRUNCATE = 0, /*!< TC=1, the client comes back over TCP. */
	ANAME_COLD_SERVFAIL = 1, /*!< SERVFAIL with EDE 14. */
} aname_cold_t;

/*! An inclusive range of addresses of one family, in network order; `len` is 4 or 16. */
typedef struct {
	uint8_t len;
	uint8_t low[16];
	uint8_t high[16];
} aname_net_t;

/*! A list of domain suffixes in lower-case wire format. Where their order does not count it is
 *  settled: sorted, and none of them is under another. */
typedef struct {
	size_t count;
	knot_dname_t **at;
} aname_names_t;

/*! A list of networks, which is settled: sorted, and no two of them overlap. */
typedef struct {
	size_t count;
	size_t ipv4; /*!< How many of them are IPv4's: the first ones. */
	uint64_t id; /*!< The same for equal lists. */
	aname_net_t *at;
} aname_nets_t;

/*!
 * \brief How long what is known counts, and how it is looked up.
 *
 * The times are applied where an answer is made, so that no section changes what another one
 * answers. What counts for the lookups that sections share is in table/upstream.h. Must stay free
 * of padding: compared with memcmp.
 */
typedef struct {
	uint32_t ttl_min;     /*!< Shortest lifetime in seconds, at least 1. */
	uint32_t ttl_max;     /*!< Longest lifetime in seconds. */
	uint32_t idle;        /*!< Seconds a target is kept fresh after the last query. */
	uint32_t stale_max;   /*!< Seconds past expiry that addresses may still be used. */
	uint32_t retry_min;   /*!< Shortest pause after a failed lookup in seconds. */
	uint32_t retry_max;   /*!< Longest pause after a failed lookup in seconds. */
	uint32_t timeout_ms;  /*!< A lookup that takes longer counts as failed; by DNS all tries
	                               are to fit into this. */
	uint32_t retries;     /*!< By DNS: further rounds through the servers after the first. */
	uint32_t max_aliases; /*!< By DNS: longest chain of aliases that is followed (L1). */
	uint32_t ecs_prefix_ipv4; /*!< The longest prefix of a client that lookups send, in bits; */
	uint32_t ecs_prefix_ipv6; /*!< 0: none. */
} aname_schedule_t;

/*! Most servers that `resolver` may list. */
#define ANAME_SERVERS_MAX 8

/*! The address of a recursor. */
typedef struct {
	uint8_t address[16]; /*!< Network order; the first `len` octets count. */
	uint16_t len;        /*!< 4 or 16. */
	uint16_t port;       /*!< Host order. */
} aname_server_t;

/*!
 * \brief Whom lookups ask, and what answers have to be: what is known from one source says nothing
 *        of another.
 *
 * Must stay free of padding, and zero where it is unused: compared with memcmp.
 */
typedef struct {
	uint32_t servers_count; /*!< 0: the system's resolver, and the rest does not count. */
	uint32_t secure;        /*!< Only answers with AD count (N3). */
	uint8_t via_ipv4[4];    /*!< From where servers are asked; zero: from anywhere. */
	uint8_t via_ipv6[16];
	aname_server_t servers[ANAME_SERVERS_MAX];
} aname_source_t;

/*! Are servers of this family asked from an address that was chosen? */
bool aname_source_has_via(const aname_source_t *source, bool ipv6);

/*! A domain suffix, and what targets under it weigh against others. */
typedef struct {
	knot_dname_t *suffix; /*!< Lower case. */
	uint32_t weight;      /*!< From 0 to 1000000; 0: only if no other is usable. */
} aname_weight_t;

/*! Greatest weight of a suffix. */
#define ANAME_WEIGHT_MAX 1000000

/*! Greatest value of `answer-targets`. */
#define ANAME_ANSWER_TARGETS_MAX 32

/*! Weights, the suffix named first first. */
typedef struct {
	size_t count;
	aname_weight_t *at;
} aname_weights_t;

/*! What to do where health or an operator has left none of a family. */
typedef enum {
	ANAME_ALL_DOWN_SERVE = 0, /*!< As if nothing were probed. */
	ANAME_ALL_DOWN_SIBLING,   /*!< The zone's own addresses; where there are none, SERVFAIL. */
	ANAME_ALL_DOWN_SERVFAIL,
} aname_all_down_t;

/*! How an address is probed. */
typedef enum {
	ANAME_PROBE_OFF = 0,
	ANAME_PROBE_TCP,   /*!< Does it accept a connection? */
	ANAME_PROBE_TLS,   /*!< And complete a handshake? */
	ANAME_PROBE_HTTP,  /*!< Does it answer a request with a good status? */
	ANAME_PROBE_HTTPS, /*!< The same, over TLS. */
} aname_probe_kind_t;

/*! The word for it in the configuration. */
const char *aname_probe_text(aname_probe_kind_t kind);

/*! Most ranges that `probe-status` may list. */
#define ANAME_PROBE_STATUSES_MAX 8
/*! Octets of `probe-path`, and of `probe-host`, terminating zero included. */
#define ANAME_PROBE_TEXT_MAX     256

/*! An inclusive range of HTTP's status codes, within 100 to 599. */
typedef struct {
	uint16_t low, high;
} aname_probe_status_t;

/*!
 * \brief What is probed, and what its outcomes mean: all `probe-*` options together.
 *
 * Equal ones share their probes. Must stay free of padding, and zero where it is without effect:
 * compared with memcmp.
 */
typedef struct {
	uint16_t kind;           /*!< aname_probe_kind_t; OFF: the rest does not count. */
	uint16_t port;           /*!< Host order; never 0. */
	uint16_t verify;         /*!< 1: the certificate has to be good, for the host. */
	uint16_t statuses_count; /*!< HTTP and HTTPS: at least one. */
	uint32_t interval_ms;    /*!< From one probe of an address to the next. */
	uint32_t timeout_ms;     /*!< A probe that takes longer has failed. */
	uint32_t fall;           /*!< Failures in a row that make an address down. */
	uint32_t rise;           /*!< Successes in a row that make it up again. */
	aname_probe_status_t statuses[ANAME_PROBE_STATUSES_MAX];
	char host[ANAME_PROBE_TEXT_MAX]; /*!< For SNI and Host; "": the target's name. */
	char path[ANAME_PROBE_TEXT_MAX]; /*!< HTTP and HTTPS: begins with a slash. */
} aname_probe_t;

/*! Do both ask the same and take the same for good, and differ at most in how often they ask and how
 *  often is enough? */
bool aname_probe_is_alike(const aname_probe_t *one, const aname_probe_t *other);

/*! What is one for the whole process; the largest value of all instances counts. */
typedef struct {
	uint32_t threads;            /*!< libuv's thread pool. */
	uint32_t max_targets;        /*!< Targets held, one per name and family. */
	uint32_t max_lookups;        /*!< Lookups running at once. */
	uint32_t lookup_rate;        /*!< Lookups started per second. */
	uint32_t max_subnets;        /*!< Answers held for clients' subnets, beside the targets. */
	uint32_t max_target_subnets; /*!< The same, of one target and family. */
	uint32_t max_probes;         /*!< Addresses probed, once per definition. */
} aname_limits_t;

/*! Room for a list of directories, one a line. */
#define ANAME_DIRECTORIES_SIZE 2048

/*! The state file's name in knotd's `database: storage`. */
#define ANAME_STATE_FILE     "mod-aname.state"
/*! The value of `state-file` for none. */
#define ANAME_STATE_OFF      "off"
/*! Room for the value of `state-file`, so that PATH_MAX has some for what is put behind it. */
#define ANAME_STATE_PATH_MAX 4001

/*! Most octets of a section's identifier. */
#define ANAME_SECTION_MAX 254

/*! How long what was read of a section counts for other instances. */
#define ANAME_ORIGIN_MS 100

/*!
 * \brief Where and when options were read: those of the same origin are the same.
 *
 * A section that changes is checked before anybody can read it. While it is being checked others
 * may still load instances with the configuration of before, but not the same thread.
 *
 * A configuration database may be changed by another process, which checks it there. So what was
 * read counts for a moment only, in which hundreds of instances are loaded.
 */
typedef struct {
	bool known;       /*!< It is known which section it is. */
	uint8_t id_len;   /*!< Octets of its identifier; 0: there is no section. */
	pthread_t reader; /*!< Who reads. */
	uint64_t checks;  /*!< Sections that were checked before. */
	int64_t at_ms;    /*!< When. */
	uint8_t id[ANAME_SECTION_MAX];
} aname_origin_t;

typedef struct {
	aname_origin_t origin; /*!< Does not count in comparisons. */
	aname_schedule_t schedule;
	aname_source_t source;
	aname_limits_t limits;
	uint16_t rrtypes[ANAME_RRTYPES_MAX]; /*!< Accepted ANAME types, in order. */
	uint16_t rrtypes_count;
	uint16_t max_addresses;  /*!< Addresses in one answer (A8). */
	uint32_t wait_ms;        /*!< How long a cold TCP query may wait (C2). */
	uint32_t state_interval; /*!< Seconds from one saving of the state file to the next. */
	uint32_t negative_delay; /*!< Seconds that the last addresses of a target are kept which
	                              is gone. */
	aname_cold_t cold;
	bool answer_aname;
	bool any_owner;      /*!< ANAME counts at every owner, and not at the apex only (O1). */
	bool https_alias;    /*!< HTTPS records in AliasMode stand for ANAME records (Q1). */
	bool rotate;         /*!< knotd rotates the records of answers. */
	bool ecs;            /*!< Clients' subnets are sent to the resolver (N4). */
	char *status_socket; /*!< Path of the status socket, "" for none. */
	bool status_chosen;  /*!< It was set, and is no default. */
	char *state_file;    /*!< Path of the state file, "" for none. */
	bool state_chosen;   /*!< It was set, and is no default. */
	bool dnssec_off;     /*!< Signed zones are left alone. */
	aname_probe_t probe;
	uint32_t definition; /*!< Identity of `probe`, see table/definition.h; 0: OFF. Set
	                                 when the options are held; does not count in comparisons. */
	uint32_t
	        id; /*!< Identity of these options while they are held, set likewise; never 0 then. */
	aname_all_down_t all_down;
	aname_names_t prefer;       /*!< Suffixes by rank, the best first. */
	aname_weights_t weights;    /*!< Empty: no weights. */
	uint16_t answer_targets;    /*!< Targets in one answer; 0: all that are usable. */
	aname_names_t allow_target; /*!< Empty: every target. */
	aname_names_t deny_target;
	aname_nets_t deny_address;
} aname_options_t;

/*! Frees options and all they hold. */
void aname_options_free(aname_options_t *options);

/*! Are they equal? */
bool aname_options_equal(const aname_options_t *one, const aname_options_t *other);

/*! Is a type one of those of ANAME records, as `rrtype` has them? */
static inline bool aname_options_is_rrtype(const aname_options_t *options, uint16_t type)
{
	for (unsigned i = 0; i < options->rrtypes_count; i++) {
		if (options->rrtypes[i] == type) {
			return true;
		}
	}
	return false;
}

/*! Settles a list: what matches it stays the same. Thread: whoever owns it. */
void aname_names_settle(aname_names_t *names);

/*! Is a name at or under one of the suffixes, which are settled? `name` in lower case. */
bool aname_names_match(const aname_names_t *names, const knot_dname_t *name);

/*!
 * \brief Reads a weight as it is written, SUFFIX@N.
 *
 * \param suffix  In lower case; whether a dot ends it does not matter.
 *
 * \return false if it is none, or N is above ANAME_WEIGHT_MAX.
 */
bool aname_weight_read(const char *text, knot_dname_storage_t suffix, uint32_t *weight);

/*! Networks that one that is written down makes. */
#define ANAME_NETS_OF_ONE 3

/*!
 * \brief Appends a network to a list that has room for ANAME_NETS_OF_ONE more; it has to be settled then.
 *
 * One of IPv4 stands for the IPv6 addresses, too, that lead there: those mapped from it (RFC 4291,
 * 2.5.5.2), to which a host connects by IPv4, and those behind NAT64's well-known prefix (RFC 6052, 2.1).
 */
void aname_nets_add(aname_nets_t *nets, const aname_net_t *net);

/*! Settles a list: what matches it stays the same. Thread: whoever owns it. */
void aname_nets_settle(aname_nets_t *nets);

/*! The first network of a settled list that does not end before an address; NULL if there is none. */
const aname_net_t *aname_nets_next(const aname_nets_t *nets, const uint8_t *address, uint16_t len);

/*! Is an address in one of the networks, which are settled? */
static inline bool aname_nets_match(const aname_nets_t *nets, const uint8_t *address, uint16_t len)
{
	const aname_net_t *net = aname_nets_next(nets, address, len);
	return net != NULL && memcmp(net->low, address, len) <= 0;
}

/*! Is it a name for `probe-host`: letters, digits, hyphens, underscores and dots? */
bool aname_probe_is_host(const char *text);

/*! Is it a path for `probe-path`? */
bool aname_probe_is_path(const char *text);

/*! Reads a status or a range of them, such as 200 or 200-399; false if it is none. */
bool aname_probe_status_read(const char *text, aname_probe_status_t *status);
