"""What the functional tests stand on: a private namespace and the real daemons in it.

What most tests need can be imported from here: asking, waiting, knotd and zones, and the steps that
many share. What only some need (validators, kaname, other servers ...) is in modules of its own.
"""

from .ask import (
    ADDRESS_TYPES, BLOCKED, FAILURES, INVALID_DATA, NOT_READY, SERVER, STALE_ANSWER, NoReply,
    Subnet, exchange, make_query, parse, query, rdata_text, read_tcp,
)
from .knotd import RELEASE, VERSION, Knotd, section
from .scenario import (
    A1, A2, A3, AAAA1, AAAA2, AAAA3, FAILURE_MODES, PRIMARY, SIBLING_A, SIBLING_AAAA, STALE_TTL,
    TARGET, ZONE, answers, expire, failed, known, siblings, simple, spared,
)
from .wait import PROMPT, SLOW, during, eventually, in_time, let_pass, scaled
from .zone import ALIAS, ANAME, ANAME_TTL, aname, raw, rdata, zone_text
