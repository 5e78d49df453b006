"""Steps that the tests of clients' subnets share (N4)."""

import ipaddress
import socket
import threading
import time

from .ask import SERVER, Subnet, make_query, query
from .authority import Behaviour
from .scenario import A1, A3, TARGET, ZONE
from .wait import eventually
from .zone import aname

DAY = 86400
FALLBACK_TTL = 5
# Clients: two of one /16, one elsewhere, and one of the other family.
HERE, NEAR, THERE = "198.51.100.0/24", "198.51.7.0/24", "203.0.113.0/24"
SIX = "2001:db8:1:2300::/56"
OTHER_ZONE, OTHER_TARGET = "example.org", "other.example.net"
# What a recursor says for whoever asks it without a subnet.
RECURSOR = "127.0.0.1/32"

# Replies for another subnet than the one that was asked for.
MISMATCHES = {
    "address": lambda subnet: subnet._replace(address="192.0.2.0"),
    "address-scope0": lambda subnet: subnet._replace(address="192.0.2.0", scope=0),
    "shorter": lambda subnet: subnet._replace(source=16),
    "longer": lambda subnet: subnet._replace(source=32),
    "nothing": lambda subnet: Subnet("0.0.0.0", 0, 0),
    "family": lambda subnet: Subnet("2001:db8::", 24, 24),
}


def recursor(knotd, start_unbound, **how):
    """Put a recursor that keeps answers for each subnet between the module and the targets."""
    knotd.options["resolver"] = "127.0.0.1"
    return start_unbound(subnets=True, cache_ttl=DAY, negative_ttl=DAY, **how)


# What the targets' server says.


def without(subnet):
    """Is this a question for no client at all?"""
    return subnet is None or str(subnet) == RECURSOR


def cdn(places, general=(A1,), scope=None, **how):
    """Addresses by network: {network: addresses}, with the network's length as the scope.

    Without a subnet, and for subnets elsewhere, it is the general ones.
    """
    networks = {ipaddress.ip_network(key): tuple(value) for key, value in places.items()}

    def choose(subnet):
        if without(subnet):
            return Behaviour(rdata=tuple(general), **how)
        asked = subnet.network
        within = [net for net in networks if net.version == asked.version and asked.subnet_of(net)]
        if not within:
            return Behaviour(rdata=tuple(general), scope=subnet.source, **how)
        best = max(within, key=lambda net: net.prefixlen)
        found = best.prefixlen if scope is None else scope
        return Behaviour(rdata=networks[best], scope=found, **how)

    return choose


def of_network(client, scope, first=10):
    """The address that each() gives to a client."""
    address, _, source = client.partition("/")
    network = ipaddress.ip_network((address, min(int(source), scope)), strict=False)
    return ".".join([str(first), *str(network.network_address).split(".")[:3]])


def each(scope=24, first=10, general=(A1,), **how):
    """An address of its own for every network of that length, all beginning alike."""

    def choose(subnet):
        if without(subnet):
            return Behaviour(rdata=tuple(general), **how)
        return Behaviour(rdata=(of_network(str(subnet), scope, first),), scope=scope, **how)

    return choose


def except_for(clients, otherwise, choose):
    """The behaviour `otherwise` for these clients, and what choose() says for all others."""
    return lambda subnet: otherwise if str(subnet) in clients else choose(subnet)


def source_as_scope(subnet):
    """The same address for everybody, each subnet an answer of its own nevertheless."""
    return Behaviour(rdata=(A1,), scope=subnet and subnet.source)


# Asking.


def serve(knotd, *records, **how):
    """One zone with the one target."""
    knotd.add_zone(ZONE, [aname(TARGET), *records], **how)
    knotd.start()


def serve_taken(knotd, authority):
    """The same, by a server that has shown that it takes subnets."""
    authority.behave(OTHER_TARGET, "A", cdn({HERE: [A3]}))
    knotd.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    serve(knotd)
    for_subnet(HERE, {A3}, 24, name=OTHER_ZONE)


def ask(client, rdtype="A", proto="udp", name=ZONE, **how):
    """Ask as the resolver of a client does."""
    return query(name, rdtype, proto, ecs=client, **how)


def for_subnet(client, addresses, scope, rdtype="A", proto="udp", name=ZONE, **expected):
    """Ask for a client until the answer is this one, which is neither old nor the general."""
    key = {"A": "a", "AAAA": "aaaa"}[rdtype]
    expected = {"ede": set(), **expected}
    return eventually(
        lambda: ask(client, rdtype, proto, name).expect(
            scope=scope, **{key: addresses}, **expected
        ),
        15,
        what=f"{name}/{rdtype} for {client} is {sorted(addresses)}",
    )


def general(client, scope, proto="udp", addresses=(A1,), name=ZONE):
    """Ask for a client until it is the general answer in place of one of its own."""
    return eventually(
        lambda: ask(client, "A", proto, name).expect(
            a=addresses, scope=scope, ttl=(0, FALLBACK_TTL), soa=False
        ),
        15,
        what=f"{name} for {client} is the general answer",
    )


def asked(authority, rdtype="A", name=TARGET, since=0.0):
    """The clients' subnets that the server was asked for, without the general question."""
    found = authority.subnets(name, rdtype, since)
    return [subnet for subnet in found if subnet not in ("", RECURSOR)]


def settled(client, proto="tcp", name=ZONE, scope=24):
    """An answer for a client, its own or the general one; never a failure."""
    reply = ask(client, "A", proto, name).expect(soa=False)
    if reply.addresses() == {A1}:
        reply.expect(ttl=(0, FALLBACK_TTL), scope=scope)
    else:
        reply.expect(a={of_network(client, 24)}, scope=scope, ede=set())
    return reply


class Flood:
    """Clients from everywhere, a new one each time, who do not wait for replies."""

    def __init__(self, name=ZONE, pause=0.003):
        self.name = name
        self.pause = pause
        self.count = 0
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()

    def _run(self):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.connect(SERVER)
            while not self._stop.is_set():
                one, two = divmod(self.count, 256)
                client = f"100.{one % 256}.{two}.0/24"
                sock.send(make_query(self.name, "A", ecs=client).to_wire())
                self.count += 1
                time.sleep(self.pause)
