/*!
 * \brief What the status socket speaks, for the module and for kaname.  [P]
 *
 * A client sends one line, "status" or "status NAME ...", and gets lines until the end of the
 * stream. A line is a word and `key=value` fields, separated by tabs; values hold no tab and no
 * line end. A reader skips keys that it does not know.
 *
 *     aname   1                     format
 *     server  pid=... targets=...   the process
 *     target  name=... family=...   one for each target and family asked for, and with subnet=...
 *                                   one for each client subnet that has an answer of its own
 *     end                           this was all; or
 *     again                         the table was rebuilt meanwhile, ask anew
 */

#pragma once

/* Where it is. */

/*! The socket's name in knotd's rundir, where the control socket is, too, by default. */
#define ANAME_STATUS_SOCKET   "mod-aname.sock"
/*! The value of `status-socket` for none. */
#define ANAME_STATUS_OFF      "off"
/*! Longest path of a Unix socket, terminating zero included. */
#define ANAME_STATUS_PATH_MAX 108

/* What is asked. */

#define ANAME_STATUS_REQUEST     "status"
/*! Names that may follow it. */
#define ANAME_STATUS_NAMES       32
/*! Longest line of a client, its end included. */
#define ANAME_STATUS_REQUEST_MAX 8192

/* The first word of each line. */

#define ANAME_STATUS_FORMAT "aname\t1"
#define ANAME_STATUS_SERVER "server"
#define ANAME_STATUS_TARGET "target"
#define ANAME_STATUS_END    "end"
#define ANAME_STATUS_AGAIN  "again"

/* The keys of both. Times are in seconds from now, to or since. */

#define ANAME_KEY_ADDRESSES "addresses" /*!< server: how many; target: a list, commas between. */
#define ANAME_KEY_STARTED   "started"   /*!< Lookups. */
#define ANAME_KEY_SUCCEEDED "succeeded" /*!< Lookups. */
#define ANAME_KEY_FAILED    "failed"    /*!< Lookups. */
#define ANAME_KEY_LAG       "lag"       /*!< Largest refresh lag, in milliseconds. */

/* Those of the server. */

#define ANAME_KEY_PID     "pid"
#define ANAME_KEY_TARGETS "targets" /*!< Held, one per name and family. */
#define ANAME_KEY_FULL    "full"    /*!< There is no room for another one; else not there. */

/* Those of a target. */

#define ANAME_KEY_NAME     "name"
#define ANAME_KEY_FAMILY   "family"   /*!< A or AAAA. */
#define ANAME_KEY_SUBNET   "subnet"   /*!< Of the clients whose answer it is; else not there. */
#define ANAME_KEY_STATE    "state"    /*!< One of those below. */
#define ANAME_KEY_TTL      "ttl"      /*!< Left, of what is known. */
#define ANAME_KEY_AGE      "age"      /*!< Since it was learnt. */
#define ANAME_KEY_FAILING  "failing"  /*!< Since when lookups fail; not there if they do not. */
#define ANAME_KEY_WHY      "why"      /*!< They fail. */
#define ANAME_KEY_GONE     "gone"     /*!< Since when it had addresses last and has none now. */
#define ANAME_KEY_DENIAL   "denial"   /*!< What that was learnt from: NXDOMAIN or NODATA. */
#define ANAME_KEY_NEXT     "next"     /*!< To the next lookup; not there if none is to come. */
#define ANAME_KEY_ASKED    "asked"    /*!< Since it was asked for. */
#define ANAME_KEY_RESOLVER "resolver" /*!< ADDRESS@PORT, commas between; or the system's. */
#define ANAME_KEY_VIA      "via"      /*!< From where that is asked, if chosen. */

#define ANAME_STATE_FRESH   "fresh"
#define ANAME_STATE_NODATA  "nodata"
#define ANAME_STATE_LATE    "late"
#define ANAME_STATE_STALE   "stale"
#define ANAME_STATE_FAILING "failing"
#define ANAME_STATE_COLD    "cold"

#define ANAME_DENIAL_NXDOMAIN "NXDOMAIN"
#define ANAME_DENIAL_NODATA   "NODATA"

#define ANAME_RESOLVER_SYSTEM "system"
