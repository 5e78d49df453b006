"""Steps that many tests share."""

from .ask import FAILURES, query
from .wait import eventually, let_pass
from .zone import aname

ZONE = "example.com"
TARGET = "cdn.example.net"
A1, A2, A3 = "192.0.2.1", "192.0.2.2", "192.0.2.3"
AAAA1, AAAA2, AAAA3 = "2001:db8::1", "2001:db8::2", "2001:db8::3"
SIBLING_A, SIBLING_AAAA = "203.0.113.80", "2001:db8:ffff::80"
STALE_TTL = 30
# Where another server has the zones that knotd is secondary for.
PRIMARY = ("127.0.0.9", 5300)
# How long a late lookup may hold up what is called stale.
GRACE = 1


def siblings(ttl=3600):
    """The zone's own addresses at the apex."""
    return [f"@ {ttl} IN A {SIBLING_A}", f"@ {ttl} IN AAAA {SIBLING_AAAA}"]


def known(name=ZONE, *types, timeout=15.0, **how):
    """Ask over UDP until it is an answer and not "come back over TCP"; return the last reply."""
    for rdtype in types or ("A", "AAAA"):

        def settled(rdtype=rdtype):
            reply = query(name, rdtype, **how)
            assert not reply.tc, f"expected a known answer, got {reply}"
            return reply

        reply = eventually(settled, timeout, what=f"{name}/{rdtype} is known")
    return reply


def answers(addresses, name=ZONE, rdtype="A", proto="udp", timeout=15.0, **expected):
    """Ask until the answer holds these addresses and what else is expected."""
    key = {"A": "a", "AAAA": "aaaa"}[rdtype]
    return eventually(
        lambda: query(name, rdtype, proto).expect(**{key: addresses}, **expected),
        timeout,
        what=f"{name}/{rdtype} is {sorted(addresses)}",
    )


def failed(name=ZONE, rdtype="A", proto="udp", ede=frozenset(FAILURES), timeout=15.0):
    """Ask until it is SERVFAIL for a target that failed."""
    return eventually(
        lambda: query(name, rdtype, proto).expect(
            rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede=ede, soa=False
        ),
        timeout,
        what=f"{name}/{rdtype} is known to fail",
    )


def spared(name=ZONE, rdtype="AAAA", proto="udp", timeout=15.0):
    """Ask until a family that fails is NODATA for a while, for the other one's sake (A10)."""

    def settled():
        reply = query(name, rdtype, proto).expect(a=(), aaaa=(), soa=True, ede=set())
        assert reply.soa_ttl() <= STALE_TTL, f"expected at most {STALE_TTL} s, got {reply}"
        return reply

    return eventually(settled, timeout, what=f"{name}/{rdtype} is NODATA for a while")


def simple(knotd, authority, *, ttl=300, records=(), a=(A1,), aaaa=(AAAA1,), **how):
    """One zone with one target that has one address of each family; knotd is started."""
    authority.set(TARGET, a=a, aaaa=aaaa)
    knotd.add_zone(ZONE, [aname(TARGET, ttl=ttl), *records], **how)
    knotd.start()


# Ways in which a target can fail, each a function of (authority, unbound).
FAILURE_MODES = {
    "servfail": lambda authority, unbound: authority.fail(TARGET),
    "refused": lambda authority, unbound: authority.fail(TARGET, rcode="REFUSED"),
    "silence": lambda authority, unbound: authority.drop(TARGET),
    "garbage": lambda authority, unbound: authority.garbage(TARGET),
    "recursor-dead": lambda authority, unbound: unbound.kill(),
    "recursor-frozen": lambda authority, unbound: unbound.freeze(),
}


def expire(seconds):
    """Let the lifetime of an answer pass."""
    let_pass(seconds + GRACE + 0.2)
