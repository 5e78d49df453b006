/*!
 * \brief What the options are called in knot.conf, and the numbers among them.  [K]
 *
 * For conf/ alone: the schema, the checks and the reading go by these lists.
 */

#pragma once

#include <knot/module.h>

/* Option names as knotd wants them: length, then text. */
/* clang-format off */
#define OPT_RRTYPE        "\x06""rrtype"
#define OPT_TTL_MIN       "\x07""ttl-min"
#define OPT_TTL_MAX       "\x07""ttl-max"
#define OPT_MAX_ADDRESSES "\x0D""max-addresses"
#define OPT_ANSWER_ANAME  "\x0C""answer-aname"
#define OPT_COLD          "\x04""cold"
#define OPT_WAIT          "\x04""wait"
#define OPT_IDLE          "\x04""idle"
#define OPT_STALE_MAX     "\x09""stale-max"
#define OPT_NEGATIVE      "\x0E""negative-delay"
#define OPT_RETRY_MIN     "\x09""retry-min"
#define OPT_RETRY_MAX     "\x09""retry-max"
#define OPT_TIMEOUT       "\x07""timeout"
#define OPT_THREADS       "\x07""threads"
#define OPT_MAX_TARGETS   "\x0B""max-targets"
#define OPT_MAX_LOOKUPS   "\x0B""max-lookups"
#define OPT_LOOKUP_RATE   "\x0B""lookup-rate"
#define OPT_ALLOW_TARGET  "\x0C""allow-target"
#define OPT_DENY_TARGET   "\x0B""deny-target"
#define OPT_DENY_ADDRESS  "\x0C""deny-address"
#define OPT_RESOLVER      "\x08""resolver"
#define OPT_RETRIES       "\x07""retries"
#define OPT_MAX_ALIASES   "\x0B""max-aliases"
#define OPT_VIA           "\x03""via"
#define OPT_TARGET_DNSSEC "\x0D""target-dnssec"
#define OPT_ECS           "\x03""ecs"
#define OPT_ECS_IPV4      "\x0F""ecs-ipv4-prefix"
#define OPT_ECS_IPV6      "\x0F""ecs-ipv6-prefix"
#define OPT_MAX_SUBNETS   "\x0B""max-subnets"
#define OPT_EACH_SUBNETS  "\x12""max-target-subnets"
#define OPT_STATUS_SOCKET "\x0D""status-socket"
#define OPT_STATE_FILE    "\x0A""state-file"
#define OPT_STATE_EACH    "\x0E""state-interval"
#define OPT_DNSSEC        "\x06""dnssec"
#define OPT_PREFER        "\x06""prefer"
#define OPT_WEIGHT        "\x06""weight"
#define OPT_EACH_TARGETS  "\x0E""answer-targets"
#define OPT_ALL_DOWN      "\x08""all-down"
#define OPT_OWNERS        "\x06""owners"
#define OPT_HTTPS         "\x05""https"
#define OPT_PROBE          "\x05""probe"
#define OPT_PROBE_PORT     "\x0A""probe-port"
#define OPT_PROBE_HOST     "\x0A""probe-host"
#define OPT_PROBE_PATH     "\x0A""probe-path"
#define OPT_PROBE_STATUS   "\x0C""probe-status"
#define OPT_PROBE_VERIFY   "\x0C""probe-verify"
#define OPT_PROBE_INTERVAL "\x0E""probe-interval"
#define OPT_PROBE_TIMEOUT  "\x0D""probe-timeout"
#define OPT_PROBE_FALL     "\x0A""probe-fall"
#define OPT_PROBE_RISE     "\x0A""probe-rise"
#define OPT_MAX_PROBES     "\x0A""max-probes"
/* clang-format on */

/*!
 * The numbers: option, default, least, most, unit for messages, yparser unit.
 * The schema accepts any number, because yparser's own complaint names no range.
 */
#define NUMBERS(X)                                                                                 \
	X(OPT_TTL_MIN, "ttl-min", 1, 1, 86400, "seconds", YP_STIME, schedule.ttl_min)              \
	X(OPT_TTL_MAX, "ttl-max", 86400, 1, 604800, "seconds", YP_STIME, schedule.ttl_max)         \
	X(OPT_IDLE, "idle", 3600, 1, 2592000, "seconds", YP_STIME, schedule.idle)                  \
	X(OPT_STALE_MAX, "stale-max", 86400, 0, 2592000, "seconds", YP_STIME, schedule.stale_max)  \
	X(OPT_NEGATIVE, "negative-delay", 0, 0, 604800, "seconds", YP_STIME, negative_delay)       \
	X(OPT_RETRY_MIN, "retry-min", 1, 1, 3600, "seconds", YP_STIME, schedule.retry_min)         \
	X(OPT_RETRY_MAX, "retry-max", 60, 1, 86400, "seconds", YP_STIME, schedule.retry_max)       \
	X(OPT_TIMEOUT, "timeout", 5000, 100, 60000, "milliseconds", YP_SNONE, schedule.timeout_ms) \
	X(OPT_RETRIES, "retries", 1, 0, 10, "rounds", YP_SNONE, schedule.retries)                  \
	X(OPT_MAX_ALIASES, "max-aliases", 16, 1, 64, "aliases", YP_SNONE, schedule.max_aliases)    \
	X(OPT_WAIT, "wait", 500, 0, 5000, "milliseconds", YP_SNONE, wait_ms)                       \
	X(OPT_MAX_ADDRESSES, "max-addresses", 32, 1, 256, "addresses", YP_SNONE, max_addresses)    \
	X(OPT_STATE_EACH, "state-interval", 60, 1, 86400, "seconds", YP_STIME, state_interval)     \
	X(OPT_THREADS, "threads", 64, 1, 1024, "threads", YP_SNONE, limits.threads)                \
	X(OPT_MAX_TARGETS, "max-targets", 200000, 1, 10000000, "targets", YP_SNONE,                \
	  limits.max_targets)                                                                      \
	X(OPT_MAX_LOOKUPS, "max-lookups", 1000, 1, 10000, "lookups", YP_SNONE, limits.max_lookups) \
	X(OPT_LOOKUP_RATE, "lookup-rate", 20000, 1, 1000000, "lookups a second", YP_SNONE,         \
	  limits.lookup_rate)                                                                      \
	X(OPT_ECS_IPV4, "ecs-ipv4-prefix", 24, 1, 32, "bits", YP_SNONE, schedule.ecs_prefix_ipv4)  \
	X(OPT_ECS_IPV6, "ecs-ipv6-prefix", 56, 1, 64, "bits", YP_SNONE, schedule.ecs_prefix_ipv6)  \
	X(OPT_MAX_SUBNETS, "max-subnets", 10000, 1, 1000000, "subnets", YP_SNONE,                  \
	  limits.max_subnets)                                                                      \
	X(OPT_EACH_SUBNETS, "max-target-subnets", 256, 1, 4096, "subnets", YP_SNONE,               \
	  limits.max_target_subnets)                                                               \
	X(OPT_PROBE_INTERVAL, "probe-interval", 10, 1, 3600, "seconds", YP_STIME,                  \
	  probe.interval_ms)                                                                       \
	X(OPT_PROBE_TIMEOUT, "probe-timeout", 2000, 100, 30000, "milliseconds", YP_SNONE,          \
	  probe.timeout_ms)                                                                        \
	X(OPT_PROBE_FALL, "probe-fall", 3, 1, 20, "failures", YP_SNONE, probe.fall)                \
	X(OPT_PROBE_RISE, "probe-rise", 2, 1, 20, "successes", YP_SNONE, probe.rise)               \
	X(OPT_MAX_PROBES, "max-probes", 10000, 1, 1000000, "addresses", YP_SNONE, limits.max_probes)
