/*!
 * \brief What the status socket speaks, for the module and for kaname.  [P]
 *
 * A client sends one line, and gets lines until the end of the stream. A line that it gets is a word
 * and `key=value` fields, separated by tabs; values hold no tab and no line end. A reader skips
 * words and keys that it does not know. The first line is always the format, "aname" and "1".
 *
 * It may ask what is known, of all targets or of some, "status" or "status NAME ...". Before the names
 * may stand "owner=NAME", a zone: then it is what is known from whom that zone asks, and nothing that
 * was learnt for others from another resolver; and whether it leads back to itself:
 *
 *     server   pid=... targets=...  the process
 *     file     path=... saved=...   its state file, if it has one
 *     zone     name=... resolver=...  the zone asked for, if the module is loaded for it
 *     owner    name=... circle=...  the owner asked for, if it leads back to itself
 *     forced   name=... state=...   one for each target that is forced, of those asked for, and with
 *                                   address=... one for each address, if all is asked for
 *     target   name=... family=...  one for each target and family asked for, and with subnet=...
 *                                   one for each client subnet that has an answer of its own
 *     address  name=... family=...  behind the line of its target, one for each address that is
 *                                   probed or forced; one for each way in which it is probed
 *     end                           this was all; or
 *     again                         the table was rebuilt meanwhile, ask anew
 *
 * And it may force a target or an address, "force NAME|ADDRESS down|up|auto [SECONDS]":
 *
 *     ok                            it is so, and will be after a restart; with why=... it will not
 *     refused  why=...              it is not; who may not is told so, too
 *     end
 *
 * It may have targets looked up now, and wait for that: "refresh SECONDS NAME ...", which root and
 * knotd's own user may:
 *
 *     server   pid=... targets=...  the process
 *     unknown  name=...             one for each name by which nothing is known
 *     target   name=... before=...  one for each target and family, by each resolver: as it is when
 *                                   this is asked; and then
 *     target   name=... family=...  as it is when its lookup has ended; with pending=... it has not,
 *                                   and the seconds are over
 *     done     subnets=...          what else is looked up, and not waited for
 *     end                           this was all; or
 *     refused  why=...
 *     end
 *
 * And it may watch what happens, "watch" or "watch NAME ...". It is answered by the line of the server
 * and then, as long as it stays connected, by
 *
 *     event    event=... time=...   one for each event, and what it has of the keys of a target or
 *                                   an address; time: milliseconds since the epoch
 *
 * Those about targets only of those that were named; the same line again, with other names, watches
 * those from then on. Who does not read loses events, and is told how many. When too many watch:
 *
 *     refused  why=...
 *     end
 *
 * And it may follow owners of ANAME records, "follow": ask which addresses each of them has, and be told
 * when these may be others. It is answered by the line of the server, and from then on, as long as it
 * stays connected, it may ask as much as it likes, one question a line, "ask TOKEN ZONE OWNER TTL
 * NAME ...": the zone and the owner of the records, their TTL, and the targets that they name. The
 * token is a decimal number of 64 bits and comes back with the answer. To ask counts as a query does:
 * the targets are looked up, and kept fresh. Answers come in the order of the questions:
 *
 *     set      token=... next=... ttl=...   what everybody would get there, whatever `answer-targets`
 *              a-state=... a=...            would choose for a client: all that can be used of the
 *              aaaa-state=... aaaa=...      best rank. It is asked anew after so many seconds (next)
 *                                           at the latest, or it is no longer kept fresh. With
 *                                           unknown=yes and why=... the module does not follow that
 *                                           owner, and nothing else is said
 *
 * Between them it is told, of targets that it or anybody else has asked for:
 *
 *     changed  name=...                     which of its addresses can be used may be another thing
 *                                           now, or whether there are any: owners that name it are
 *                                           to be asked for again
 *     lost     count=...                    so many of these were left out, since it reads too
 *                                           slowly: all owners are to be asked for again. 0: none
 *                                           were, but the configuration is another one
 *
 * No more questions are taken of one that does not read its answers until it does. When too many
 * follow:
 *
 *     refused  why=...
 *     end
 *
 * What is not understood is answered by
 *
 *     error    why=...
 *     end
 */

#pragma once

#include <inttypes.h>
#include <stdio.h>
#include <sys/stat.h>

/* Where it is. */

/*! The socket's name in knotd's rundir, where the control socket is, too, by default. */
#define ANAME_STATUS_SOCKET   "mod-aname.sock"
/*! The value of `status-socket` for none. */
#define ANAME_STATUS_OFF      "off"
/*! Longest path of a Unix socket, terminating zero included. */
#define ANAME_STATUS_PATH_MAX 108

/* What is asked. */

#define ANAME_STATUS_REQUEST     "status"
#define ANAME_STATUS_FORCE       "force"
#define ANAME_STATUS_REFRESH     "refresh"
#define ANAME_STATUS_WATCH       "watch"
#define ANAME_STATUS_FOLLOW      "follow"
/*! In that, a question. */
#define ANAME_STATUS_ASK         "ask"
/*! Before the name of the owner. */
#define ANAME_STATUS_OF          "owner="
/*! Names that may follow the first. */
#define ANAME_STATUS_NAMES       32
/*! Longest line of a client, its end included. */
#define ANAME_STATUS_REQUEST_MAX 8192

/* The first word of each line. */

#define ANAME_STATUS_FORMAT  "aname\t1"
#define ANAME_STATUS_SERVER  "server"
#define ANAME_STATUS_FILE    "file"
#define ANAME_STATUS_ZONE    "zone"
#define ANAME_STATUS_OWNER   "owner"
#define ANAME_STATUS_FORCED  "forced"
#define ANAME_STATUS_TARGET  "target"
#define ANAME_STATUS_ADDRESS "address"
#define ANAME_STATUS_UNKNOWN "unknown"
#define ANAME_STATUS_DONE    "done"
#define ANAME_STATUS_EVENT   "event"
#define ANAME_STATUS_SET     "set"
#define ANAME_STATUS_CHANGED "changed"
#define ANAME_STATUS_LOST    "lost"
#define ANAME_STATUS_OK      "ok"
#define ANAME_STATUS_REFUSED "refused"
#define ANAME_STATUS_ERROR   "error"
#define ANAME_STATUS_END     "end"
#define ANAME_STATUS_AGAIN   "again"

/* The keys of both the server and the targets. Times are in seconds from now, to or since. */

#define ANAME_KEY_ADDRESSES "addresses" /*!< server: how many; target: a list, commas between. */
#define ANAME_KEY_STARTED   "started"   /*!< Lookups. */
#define ANAME_KEY_SUCCEEDED "succeeded" /*!< Lookups. */
#define ANAME_KEY_FAILED    "failed"    /*!< Lookups. */
#define ANAME_KEY_LAG       "lag"       /*!< Largest refresh lag, in milliseconds. */

/* Those of the server. */

#define ANAME_KEY_PID       "pid"
#define ANAME_KEY_VERSION   "version" /*!< Of the module that is running. */
#define ANAME_KEY_MODULE    "module" /*!< The file that it was loaded from; not there: not known. */
#define ANAME_KEY_FILE_ID   "file-id"   /*!< Which file was there then, see aname_file_id(). */
#define ANAME_KEY_ZONES     "zones"     /*!< For which it is loaded. */
#define ANAME_KEY_FOLLOWERS "followers" /*!< Clients that follow. */
#define ANAME_KEY_TARGETS   "targets"   /*!< Held, one per name and family. */
#define ANAME_KEY_ANSWERS   "answers"   /*!< Given by all zones: KIND:COUNT, commas between. */
#define ANAME_KEY_FULL      "full"      /*!< There is no room for another one; else not there. */

/* Of its probes. Addresses are counted once for each way in which they are probed. */

#define ANAME_KEY_UP             "up"
#define ANAME_KEY_DOWN           "down"
#define ANAME_KEY_UNKNOWN        "unknown"
#define ANAME_KEY_PROBES         "probes" /*!< Started. */
#define ANAME_KEY_PROBES_FAILED  "probes-failed"
#define ANAME_KEY_PROBES_REFUSED "probes-refused" /*!< Addresses for which there was no room. */
#define ANAME_KEY_PROBES_LATE    "probes-late"    /*!< By more than an interval; else not there. */
#define ANAME_KEY_PROBES_WAYS \
	"probes-ways"           /*!< Refused: a target is probed in too many ways;
                                                    else not there. */
#define ANAME_KEY_DOUBT "doubt" /*!< Nothing can be reached any more; else not there. */

/* Those of the state file, beside `targets` (in it) and `why` (it cannot be read or written). */

#define ANAME_KEY_FILE   "path"
#define ANAME_KEY_SAVED  "saved"  /*!< Since it was; not there: it was not, by this process. */
#define ANAME_KEY_TOOK   "took"   /*!< To save it, a thread, in milliseconds. */
#define ANAME_KEY_HELD   "held"   /*!< The longest that held up other work then, likewise. */
#define ANAME_KEY_LOADED "loaded" /*!< To load it at the start, in milliseconds. */
#define ANAME_KEY_OCTETS "octets" /*!< In it. */

/* Those of a target; of a zone `name`, `resolver`, `via` and `secure`. */

#define ANAME_KEY_NAME    "name"
#define ANAME_KEY_FAMILY  "family"  /*!< A or AAAA. */
#define ANAME_KEY_SUBNET  "subnet"  /*!< Of the clients whose answer it is; else not there. */
#define ANAME_KEY_STATE   "state"   /*!< One of those below. */
#define ANAME_KEY_TTL     "ttl"     /*!< Left, of what is known. */
#define ANAME_KEY_GIVEN   "given"   /*!< TTL that came with it; not there: none did. */
#define ANAME_KEY_BEFORE  "before"  /*!< It was so before it was looked up; else not there. */
#define ANAME_KEY_PENDING "pending" /*!< Its lookup has not ended; else not there. */
#define ANAME_KEY_AGE     "age"     /*!< Since it was learnt. */
#define ANAME_KEY_FAILING "failing" /*!< Since when lookups fail; not there if they do not. */
#define ANAME_KEY_WHY     "why"     /*!< They fail. */
#define ANAME_KEY_GONE    "gone"    /*!< Since when it had addresses last and has none now. */
#define ANAME_KEY_DENIAL  "denial"  /*!< What that was learnt from: NXDOMAIN or NODATA. */
#define ANAME_KEY_CIRCLE \
	"circle"                      /*!< It ends at an owner that leads back to itself: which
                                           circle, and how far from a way out, with a slash
                                           between; else not there. Also of an owner. */
#define ANAME_KEY_NEXT     "next"     /*!< To the next lookup; not there if none is to come. */
#define ANAME_KEY_ASKED    "asked"    /*!< Since it was asked for. */
#define ANAME_KEY_RESOLVER "resolver" /*!< ADDRESS@PORT, commas between; or the system's. */
#define ANAME_KEY_VIA      "via"      /*!< From where that is asked, if chosen. */
#define ANAME_KEY_SECURE \
	"secure" /*!< Only what it has validated counts (`target-dnssec`); else not there. */
#define ANAME_KEY_UNUSED \
	"unused" /*!< The zones for which it was looked up name it no longer, as far as they
                                           were asked since; else not there. */
#define ANAME_KEY_UNSIGNED \
	"unsigned" /*!< Of a zone: it is signed, and the module cannot sign for it, so that it
                                          answers nothing; else not there. Of the server: how
                                          many these are. */
#define ANAME_KEY_NXDOMAIN "nxdomain" /*!< The name does not exist; else not there. */

/* Those of an address, beside `name`, `family` and `why` (its last probe failed). */

#define ANAME_KEY_ADDRESS "address"
#define ANAME_KEY_PROBE   "probe"  /*!< How, as the option has it; not there: it is not probed. */
#define ANAME_KEY_PORT    "port"   /*!< Where it is probed. */
#define ANAME_KEY_HOST    "host"   /*!< By what name, if not the target's. */
#define ANAME_KEY_PATH    "path"   /*!< What is asked for. */
#define ANAME_KEY_HEALTH  "health" /*!< By its probes: up, down or unknown. */
#define ANAME_KEY_SINCE   "since"  /*!< It is that; not there: it was never anything else. */
#define ANAME_KEY_PROBED  "probed" /*!< Since the last probe ended; not there: none has. */

/* What counts by an operator's word, of an address, and of a target by itself. */

#define ANAME_KEY_FORCED "forced" /*!< up or down; else not there. */
#define ANAME_KEY_UNTIL  "until"  /*!< To its end; not there: it has none. */

/* What is forced has `name` or `address`, `state` (up or down), `since` and `until`. */

#define ANAME_HEALTH_WORD_UP      "up"
#define ANAME_HEALTH_WORD_DOWN    "down"
#define ANAME_HEALTH_WORD_UNKNOWN "unknown"
/*! In requests: no longer forced. */
#define ANAME_FORCED_WORD_AUTO    "auto"

/*! Why it is refused when others wait for lookups; one may ask again soon. */
#define ANAME_WHY_BUSY "others wait for lookups already"

/* Events. */

#define ANAME_EVENT_CHANGED       "changed"       /*!< The addresses of a target are others. */
#define ANAME_EVENT_FAILS         "fails"         /*!< Lookups begin to fail. */
#define ANAME_EVENT_RECOVERED     "recovered"     /*!< They succeed again. */
#define ANAME_EVENT_SUBNET_FAILS  "subnet-fails"  /*!< One for a client's subnet fails. */
#define ANAME_EVENT_GONE          "gone"          /*!< It has no address any more. */
#define ANAME_EVENT_RETURNED      "returned"      /*!< It has some again. */
#define ANAME_EVENT_DOWN          "down"          /*!< An address is, its probes say. */
#define ANAME_EVENT_UP            "up"            /*!< It is up again. */
#define ANAME_EVENT_FORCED        "forced"        /*!< A target or address, by hand. */
#define ANAME_EVENT_AUTO          "auto"          /*!< It is not any more. */
#define ANAME_EVENT_RESOLVER_OUT  "resolver-out"  /*!< Nothing succeeds by it. */
#define ANAME_EVENT_RESOLVER_BACK "resolver-back" /*!< Something does again. */
#define ANAME_EVENT_DOUBT         "doubt"         /*!< No probe succeeds any more. */
#define ANAME_EVENT_NO_DOUBT      "no-doubt"      /*!< Some do again. */
#define ANAME_EVENT_LIMIT         "limit"         /*!< One was reached. */
#define ANAME_EVENT_KEY_TROUBLE   "key-trouble"   /*!< A private key cannot be read. */
#define ANAME_EVENT_KEY_GOOD      "key-good"      /*!< It can again. */
#define ANAME_EVENT_LOST          "lost"          /*!< Events that were left out here. */

/* Their keys, beside those of targets and addresses. */

#define ANAME_KEY_EVENT     "event"
#define ANAME_KEY_TIME      "time"      /*!< Milliseconds since the epoch. */
#define ANAME_KEY_FROM      "from"      /*!< Addresses before: the first 32, commas between. */
#define ANAME_KEY_TO        "to"        /*!< And after, likewise. */
#define ANAME_KEY_FROM_MORE "from-more" /*!< How many more addresses there were than listed. */
#define ANAME_KEY_MORE      "more"      /*!< And how many more there are. */
#define ANAME_KEY_SECONDS   "seconds"   /*!< For how long it was, or will be. */
#define ANAME_KEY_OTHERS    "others"    /*!< Other targets that have the address. */
#define ANAME_KEY_LIMIT     "limit"     /*!< Which one. */
#define ANAME_KEY_COUNT     "count"     /*!< How often, or how many. */
#define ANAME_KEY_KEY       "key"       /*!< Identifier of a private key. */
#define ANAME_KEY_DIRECTORY "directory" /*!< Where private keys are. */

/*! Why it is refused to one more who watches. */
#define ANAME_WHY_WATCHED "4 watch already"

/* Whoever follows owners. */

/*! Targets of a question: the most that count of one owner. */
#define ANAME_FOLLOW_TARGETS  32
/*! Longest question, its end included: each name may take four characters for each octet. */
#define ANAME_FOLLOW_LINE_MAX 36864

/*! Why it is refused to one more who wants to follow. */
#define ANAME_WHY_FOLLOWED "8 follow already"

/* The keys of an answer, beside `ttl`, in seconds: as the source has it, within what `ttl-min` and
 * `ttl-max` allow, and not counted down; of both families the least. Not there: there are no
 * addresses. `count` is that of lines that were left out. */

#define ANAME_KEY_TOKEN        "token"
#define ANAME_KEY_NEXT_ASK     "next"       /*!< Ask again after so many seconds at the latest. */
#define ANAME_KEY_A_STATE      "a-state"    /*!< One of those below. */
#define ANAME_KEY_AAAA_STATE   "aaaa-state" /*!< Likewise. */
#define ANAME_KEY_A            "a"          /*!< Addresses, commas between. */
#define ANAME_KEY_AAAA         "aaaa"       /*!< Likewise. */
#define ANAME_KEY_A_WHY        "a-why"      /*!< It is FAILED; a phrase. */
#define ANAME_KEY_AAAA_WHY     "aaaa-why"   /*!< Likewise. */
#define ANAME_KEY_NOT_FOLLOWED "unknown"    /*!< "yes": see above; else not there. */

/* What is known of a family. */

#define ANAME_FOLLOW_ADDRESSES "addresses" /*!< These. */
#define ANAME_FOLLOW_NODATA    "nodata"    /*!< There are none. */
/*! Likewise, since the targets do not exist: so there are none of the other family, either, whatever is
 *  still known of that. */
#define ANAME_FOLLOW_NXDOMAIN  "nxdomain"
#define ANAME_FOLLOW_PENDING   "pending" /*!< Its first lookup is under way. */
#define ANAME_FOLLOW_FAILED    "failed"  /*!< Nothing: the zone's own addresses, or SERVFAIL. */

/* What is looked up and not waited for. */

#define ANAME_KEY_SUBNETS "subnets" /*!< Answers for clients' subnets. */
#define ANAME_KEY_LEFT_OUT \
	"left-out" /*!< Families of targets beyond the first 256, which are not
                                           looked up; not there: none. */

/*! Longest time for which lookups are waited for, in seconds. */
#define ANAME_REFRESH_SECONDS_MAX 600

/*! Longest time for which something is forced, in seconds: a year. */
#define ANAME_FORCED_SECONDS_MAX 31536000

/* The state of a target. */

#define ANAME_STATE_FRESH   "fresh"
#define ANAME_STATE_NODATA  "nodata"
#define ANAME_STATE_LATE    "late"
#define ANAME_STATE_STALE   "stale"
#define ANAME_STATE_FAILING "failing"
#define ANAME_STATE_COLD    "cold"

#define ANAME_DENIAL_NXDOMAIN "NXDOMAIN"
#define ANAME_DENIAL_NODATA   "NODATA"

#define ANAME_RESOLVER_SYSTEM "system"

/* The file of the module. */

/*! Stands in it before its version, which ends with a zero. */
#define ANAME_VERSION_MARK "@(#)mod-aname "
/*! Room for the text of aname_file_id(). */
#define ANAME_FILE_ID_SIZE 64

/*! Writes what tells a file from the one that replaces it. */
static inline void aname_file_id(char text[ANAME_FILE_ID_SIZE], const struct stat *file)
{
	(void)snprintf(text, ANAME_FILE_ID_SIZE, "%" PRIuMAX ":%" PRIuMAX ":%" PRIdMAX,
	               (uintmax_t)file->st_dev, (uintmax_t)file->st_ino,
	               (intmax_t)file->st_mtim.tv_sec);
}
