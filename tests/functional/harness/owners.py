"""Zones with ANAME records at any owner, on servers that a module of tests shares.

Beside knotd with `owners: any` there is one without the module: what it says of the same zone, or
of the zone with addresses in the place of ANAME records, is what is expected.
"""

import contextlib
import shutil
import tempfile

import pytest

from .ask import ADDRESS_TYPES, exchange, make_query, query
from .authority import Authority
from .knotd import RELEASE, Knotd
from .wait import eventually

REASON = "`owners: any` needs Knot DNS 3.3.5 or later"
needs_any = pytest.mark.skipif(RELEASE < (3, 3, 5), reason=REASON)

SHARED, PLAIN, TARGETS = ("127.0.0.1", 5302), ("127.0.0.1", 5303), "127.0.0.13"
# No target is looked up again while the tests run.
LONG = 86400


def skip_without_any():
    """In a fixture that needs it."""
    if RELEASE < (3, 3, 5):
        pytest.skip(REASON)


def ask(name, rdtype="A", proto="udp", **how):
    """Ask the shared knotd."""
    return query(name, rdtype, proto, server=SHARED, **how)


def ask_plain(name, rdtype="A", proto="udp", **how):
    """Ask the one without the module."""
    return query(name, rdtype, proto, server=PLAIN, **how)


def octets(name, rdtype, proto="udp", server=SHARED, **how):
    """The reply as it came."""
    wire = make_query(name, rdtype, qid=4711, **how).to_wire()
    return exchange(wire, proto, server, what=f"{name}/{rdtype} over {proto}")


def warm(names, types=ADDRESS_TYPES, attempt=ask, **how):
    """Ask over UDP until nothing is cold any more."""
    waiting = {(name, rdtype) for name in names for rdtype in types}

    def settled():
        waiting.difference_update({one for one in waiting if not attempt(*one, **how).tc})
        assert not waiting, f"expected known answers, not yet for {sorted(waiting)}"
        return True

    eventually(settled, timeout=20, what="all owners are known")


class Servers:
    """`any` and `plain`, with zones to be added before start(), and the targets' `authority`."""

    def __init__(self, directory, stack):
        self.authority = Authority(TARGETS)
        stack.callback(self.authority.close)
        self.any = Knotd(directory("any"))
        self.any.options.update({"owners": "any", "resolver": TARGETS})
        self.plain = Knotd(directory("plain"))
        self.plain.with_module = False
        self._servers = ((self.any, SHARED), (self.plain, PLAIN))
        for server, _ in self._servers:
            stack.callback(server.kill)

    def add_zone(self, name, records, plain=None, **how):
        """The zone, for both; plain: the records of the one without the module, if others."""
        self.any.add_zone(name, records, **how)
        self.plain.add_zone(name, records if plain is None else plain, **how)

    def hold(self, targets):
        """Targets, {name: (IPv4 addresses, IPv6 addresses)}, that stay as they are; None: a family
        that fails."""
        for name, families in targets.items():
            for rdtype, addresses in zip(ADDRESS_TYPES, families):
                if addresses is None:
                    self.authority.fail(name, rdtype)
                else:
                    self.authority.hold(name, rdtype, sorted(addresses), LONG)

    def start(self):
        for server, address in self._servers:
            server.server.setdefault("listen", f"{address[0]}@{address[1]}")
            server.start(ready=())
        for server, address in self._servers:
            for zone in server.zones:
                eventually(lambda: query(zone, "SOA", "tcp", server=address).addresses("SOA"),
                           timeout=20, what=f"{zone} is loaded")

    def finish(self):
        for server, _ in self._servers:
            if server.alive:
                server.finish()


@contextlib.contextmanager
def shared():
    """The servers, to be filled and started; stopped and checked in the end."""
    with contextlib.ExitStack() as stack:

        def directory(name):
            path = tempfile.mkdtemp(prefix=f"aname-{name}-")
            stack.callback(shutil.rmtree, path, ignore_errors=True)
            return path

        servers = Servers(directory, stack)
        yield servers
        servers.finish()
