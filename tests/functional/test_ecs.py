"""N4: clients' subnets are passed on, and answers kept for each (RFC 7871)."""

import dataclasses
import ipaddress
import socket
import threading
import time

import dns.edns
import pytest
from harness.ask import (
    FAILURES,
    NOT_READY,
    SERVER,
    STALE_ANSWER,
    Subnet,
    make_query,
    query,
)
from harness.authority import ADDRESS, Authority, Behaviour
from harness.knotd import section
from harness.scenario import (
    A1,
    A2,
    A3,
    AAAA1,
    AAAA2,
    SIBLING_A,
    TARGET,
    ZONE,
    answers,
    failed,
    known,
    siblings,
)
from harness.signatures import Keys, verify
from harness.wait import PROMPT, SLOW, during, eventually
from harness.zone import aname

DAY = 86400
FALLBACK_TTL = 5
# Clients: two of one /16, one elsewhere, and one of the other family.
HERE, NEAR, THERE = "198.51.100.0/24", "198.51.7.0/24", "203.0.113.0/24"
SIX = "2001:db8:1:2300::/56"
OTHER_ZONE, OTHER_TARGET = "example.org", "other.example.net"
OTHER_SERVER = "127.0.0.12"
# What a recursor says for whoever asks it without a subnet.
RECURSOR = "127.0.0.1/32"


@pytest.fixture
def ecs(knotd, authority):
    """A knotd whose module passes subnets on, right to the targets' server."""
    knotd.server["edns-client-subnet"] = True
    knotd.options.update({"resolver": ADDRESS, "ecs": True})
    return knotd


@pytest.fixture(params=["direct", "unbound"])
def through(request, ecs, start_unbound):
    """The same, and once more through a recursor that keeps answers for each subnet."""
    if request.param == "unbound":
        recursor(ecs, start_unbound)
    return ecs


def recursor(knotd, start_unbound, **how):
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
    tailored(HERE, {A3}, 24, name=OTHER_ZONE)


def ask(client, rdtype="A", proto="udp", name=ZONE, **how):
    """Ask as the resolver of a client does."""
    return query(name, rdtype, proto, ecs=client, **how)


def tailored(client, addresses, scope, rdtype="A", proto="udp", name=ZONE, **expected):
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


# What is asked and what is answered.

CLIENTS = [
    "198.51.100.77/32",
    "203.0.113.0/24",
    "192.0.2.128/25",
    "100.64.96.0/20",
    "100.65.104.0/21",
    "100.66.3.96/27",
    "10.0.0.0/16",
    "172.16.0.0/12",
    "160.0.0.0/3",
    "2001:db8:1:23ff::/64",
    "2001:db8:2:34ff:1::1/128",
    "2001:db8:3:4500::/57",
    "2001:db8:4::/48",
    "2001:db8:5:e000::/51",
    "2001:dba::/31",
]


@pytest.mark.parametrize(
    "four, six", [(None, None), (32, 64), (16, 48), (20, 33), (1, 1)], ids=str
)
def test_N4_the_clients_prefix_is_cut(ecs, authority, proto, four, six):
    ecs.options.update({"ecs-ipv4-prefix": four, "ecs-ipv6-prefix": six})
    authority.behave(TARGET, "A", source_as_scope)
    serve(ecs)
    wanted = set()
    for client in CLIENTS:
        limit = (six or 56) if ":" in client else (four or 24)
        sent = min(int(client.partition("/")[2]), limit)
        wanted.add(str(ipaddress.ip_network((client.partition("/")[0], sent), strict=False)))
        tailored(client, {A1}, sent, proto=proto)
    assert set(asked(authority)) == wanted
    assert len(asked(authority)) == len(wanted), "expected one question for each"


@pytest.mark.parametrize("four, six", [(None, None), (32, 64)], ids=str)
def test_N4_bits_beyond_the_source_length_are_cut(ecs, authority, proto, four, six):
    ecs.options.update({"ecs-ipv4-prefix": four, "ecs-ipv6-prefix": six})
    authority.behave(TARGET, "A", source_as_scope)
    serve(ecs)
    for sent in (
        Subnet("198.51.103.0", 20),
        Subnet("198.52.103.0", 21),
        Subnet("255.255.255.255", 25),
        Subnet("2001:db8:1:23ff::", 52),
        Subnet("2001:db9:1:23ff::", 63),
    ):
        limit = (six or 56) if ":" in sent.address else (four or 24)
        cut = sent._replace(source=min(sent.source, limit)).network
        eventually(
            lambda one=sent, cut=cut: query(ZONE, "A", proto, options=[one.option]).expect(
                a={A1}, scope=cut.prefixlen, ede=set()
            ),
            what=f"an answer for {sent}",
        )
        assert asked(authority)[-1] == str(cut)


# (client, scope that the target's server says, scope in the reply to the client)
SCOPES = [
    ("198.51.100.0/24", 24, 24),
    ("198.52.100.0/24", 16, 16),
    ("203.0.113.0/24", 21, 21),
    ("100.64.96.0/20", 24, 24),
    ("192.0.2.55/32", 32, 24),
    ("192.0.3.55/32", 24, 24),
    ("192.0.4.0/24", 32, 24),
    ("192.1.4.0/25", 25, 24),
    ("10.1.0.0/16", 32, 24),
    ("11.2.3.0/24", 8, 8),
    ("2001:db8:1:2300::/56", 48, 48),
    ("2001:db9:1:2300::/56", 64, 56),
    ("2001:dba:1:2345::/64", 56, 56),
    ("2001:dbb::/32", 48, 48),
    ("2001:dbc::1/128", 128, 56),
    ("2001:dbd:1:2300::/56", 33, 33),
]


def test_N4_scope_of_the_reply(through, authority, proto):
    scopes = {ipaddress.ip_network(client): upstream for client, upstream, _ in SCOPES}

    def choose(subnet):
        if without(subnet):
            return Behaviour(rdata=(A1,), ttl=40)
        (network,) = [net for net in scopes if net.overlaps(subnet.network)]
        return Behaviour(rdata=(A2,), ttl=40, scope=scopes[network])

    authority.behave(TARGET, "A", choose)
    serve(through)
    for client, _, scope in SCOPES:
        tailored(client, {A2}, scope, proto=proto, ttl=(30, 40), soa=False)
    # Warm, both transports say the same.
    for client, _, scope in SCOPES:
        for other in ("udp", "tcp"):
            ask(client, "A", other).expect(a={A2}, scope=scope, ttl=(25, 40), ede=set())


@pytest.mark.parametrize("modules", ["iterator", "validator iterator"])
def test_N4_clients_get_their_own(ecs, start_unbound, authority, proto, modules):
    recursor(ecs, start_unbound, modules=modules)
    authority.behave(TARGET, "A", cdn({HERE: [A2], "203.0.0.0/16": [A3, A2], SIX: [A3]}))
    authority.behave(TARGET, "AAAA", cdn({HERE: [AAAA2], SIX: [AAAA1, AAAA2]}, general=[AAAA1]))
    serve(ecs, "www IN CNAME @")
    for name in (ZONE, f"www.{ZONE}"):
        tailored(HERE, {A2}, 24, proto=proto, name=name)
        tailored("198.51.100.99/32", {A2}, 24, proto=proto, name=name)
        tailored(THERE, {A2, A3}, 16, proto=proto, name=name)
        tailored(NEAR, {A1}, 24, proto=proto, name=name)
        tailored(SIX, {A3}, 56, proto=proto, name=name)
        tailored(HERE, {AAAA2}, 24, "AAAA", proto=proto, name=name)
        tailored(SIX, {AAAA1, AAAA2}, 56, "AAAA", proto=proto, name=name)


def test_N4_alias_in_the_zone(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    serve(ecs, "www IN CNAME @", *siblings())
    www = f"www.{ZONE}"
    for client, address in ((HERE, A2), (THERE, A3)):
        reply = tailored(client, {address}, 24, proto=proto, name=www, soa=False)
        assert reply.addresses("CNAME") == {f"{ZONE}."}, f"expected the alias too, got {reply}"
        reply = tailored(client, {address}, 24, proto=proto)
    query(www, "A", proto).expect(a={A1}, scope=())


def test_N4_any_has_what_is_known_for_the_client(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    authority.behave(TARGET, "AAAA", cdn({"198.51.0.0/16": [AAAA2]}, general=[AAAA1]))
    serve(ecs)
    tailored(HERE, {A2}, 24)
    tailored(HERE, {AAAA2}, 16, "AAAA")
    tailored(THERE, {A3}, 24)
    ask(HERE, "ANY", proto).expect(a={A2}, aaaa={AAAA2}, scope=24, ede=set())
    reply = ask(THERE, "ANY", proto).expect(a={A3}, scope=24, ede=set())
    assert reply.addresses("AAAA") <= {AAAA1}, f"expected nothing of another's, got {reply}"


def test_N4_other_records_are_for_everybody(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs, "@ IN MX 10 mail", "@ IN TXT text", "mail IN A 198.51.100.25")
    for rdtype in ("SOA", "NS", "MX", "TXT"):
        reply = ask(HERE, rdtype, proto).expect(scope=0)
        assert reply.addresses(), f"expected the zone's own data, got {reply}"
    ask(HERE, "A", proto, f"mail.{ZONE}").expect(a={"198.51.100.25"}, scope=0)
    ask(HERE, "A", proto, f"none.{ZONE}").expect(rcode="NXDOMAIN", scope=0)
    assert not authority.count(TARGET), "expected no lookup for what is not the target's"


@pytest.mark.parametrize("kind", ["nodata", "nxdomain", "addresses"])
def test_N4_nodata_for_one_client(through, authority, proto, kind):
    """The client HERE gets none while others get some, and the reverse."""
    none = Behaviour(rcode="NXDOMAIN" if kind == "nxdomain" else "NOERROR", negative_ttl=30)
    if kind == "addresses":
        choose = cdn({HERE: [A2]}, general=(), negative_ttl=30)
    else:
        none.scope = 24
        choose = except_for({HERE}, none, cdn({THERE: [A3]}))
    authority.behave(TARGET, "A", choose)
    serve(through)
    if kind == "addresses":
        tailored(HERE, {A2}, 24, proto=proto, soa=False)
        reply = tailored(THERE, (), 24, proto=proto, soa=True)
    else:
        reply = tailored(HERE, (), 24, proto=proto, soa=True)
        tailored(THERE, {A3}, 24, proto=proto, soa=False)
        answers({A1}, proto=proto, soa=False)
    assert 20 <= reply.soa_ttl() <= 30, f"expected the negative TTL of 30 s, got {reply}"


def test_N4_each_answer_has_its_own_ttl(ecs, authority, proto):
    def choose(subnet):
        ttl = {HERE: 40, THERE: 100}.get(str(subnet), 200)
        return Behaviour(rdata=(A1,), scope=24, ttl=ttl)

    authority.behave(TARGET, "A", choose)
    serve(ecs)
    tailored(HERE, {A1}, 24, proto=proto, ttl=(30, 40))
    tailored(THERE, {A1}, 24, proto=proto, ttl=(90, 100))
    tailored(NEAR, {A1}, 24, proto=proto, ttl=(190, 200))
    answers({A1}, proto=proto, ttl=(190, 200), scope=())


@pytest.mark.parametrize(
    "four, six, scope", [((24, 16), (56, 48), (24, 56)), ((0, 16), (0, 48), (16, 48))]
)
def test_N4_scope_of_a_pool_is_the_largest(ecs, authority, proto, four, six, scope):
    def part(number, address):
        def choose(subnet):
            if subnet is None:
                return Behaviour(rdata=(A1,))
            scope = (six if ":" in subnet.address else four)[number]
            return Behaviour(rdata=(address,), scope=scope)

        return choose

    authority.behave(TARGET, "A", part(0, A2))
    authority.behave(OTHER_TARGET, "A", part(1, A3))
    ecs.add_zone(ZONE, [aname(TARGET), aname(OTHER_TARGET)])
    ecs.start()
    tailored(HERE, {A2, A3}, scope[0], proto=proto, ttl=(50, 60))
    tailored(SIX, {A2, A3}, scope[1], proto=proto, ttl=(50, 60))


def test_N4_two_zones_with_one_target_share(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    ecs.add_zone(OTHER_ZONE, [aname(TARGET)])
    serve(ecs)
    tailored(HERE, {A2}, 24)
    ask(HERE, "A", proto, OTHER_ZONE).expect(a={A2}, scope=24, ede=set())
    assert asked(authority) == [HERE], "expected one lookup for both zones"


def test_N4_truncated_is_asked_again_over_tcp_with_the_subnet(ecs, authority):
    ecs.options["max-addresses"] = 256
    many = {client: {f"10.{i}.0.{j}" for j in range(100)} for i, client in enumerate((HERE, THERE))}
    authority.behave(TARGET, "A", cdn(many))
    serve(ecs)
    for client in (HERE, THERE):
        tailored(client, many[client], 24, proto="tcp")
        protos = [s.proto for s in authority.seen(TARGET, "A") if str(s.subnet) == client]
        assert protos == ["udp", "tcp"], f"expected UDP, then TCP, got {protos}"


def test_N4_behind_an_alias_of_the_target(through, authority, proto):
    authority.cname(TARGET, "edge.example.net.", ttl=30)
    authority.behave("edge.example.net", "A", cdn({HERE: [A2], "203.0.0.0/16": [A3]}, ttl=100))
    serve(through)
    tailored(HERE, {A2}, 24, proto=proto, ttl=(20, 30))
    tailored(THERE, {A3}, 16, proto=proto, ttl=(20, 30))


@pytest.fixture
def other_server():
    """One more server that does what the test says."""
    server = Authority(OTHER_SERVER)
    yield server
    server.close()


@pytest.mark.parametrize("how", ["silence", "servfail", "garbage", "mismatch"])
def test_N4_the_second_server_is_asked_for_the_same(ecs, authority, other_server, proto, how):
    ecs.options["resolver"] = [ADDRESS, OTHER_SERVER]
    wrong = {
        "silence": Behaviour(drop=True),
        "servfail": Behaviour(rcode="SERVFAIL"),
        "garbage": Behaviour(garbage=True),
        "mismatch": Behaviour(
            rdata=(A3,), scope=24, distort=lambda subnet: subnet._replace(address="192.0.2.0")
        ),
    }[how]
    authority.behave(TARGET, "A", except_for({HERE}, wrong, cdn({})))
    other_server.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs)
    tailored(HERE, {A2}, 24, proto=proto)
    assert HERE in asked(authority) and set(asked(other_server)) == {HERE}


# Whose answer it is.


def test_N4_an_answer_is_shared_within_its_scope(through, authority, proto):
    authority.behave(TARGET, "A", cdn({"198.51.0.0/16": [A2], "203.0.113.0/24": [A3]}))
    serve(through)
    tailored(HERE, {A2}, 16)
    for client in (NEAR, "198.51.255.255/32", "198.51.0.0/16", "198.51.128.0/17"):
        ask(client, "A", proto).expect(a={A2}, scope=16, ede=set())
    assert asked(authority) == [HERE], "expected one lookup for the whole network"
    tailored(THERE, {A3}, 24, proto=proto)


@pytest.mark.parametrize("scope", [0, None], ids=["scope0", "none"])
def test_N4_an_answer_for_everybody_is_shared(through, authority, proto, scope):
    authority.behave(TARGET, "A", Behaviour(rdata=(A2,), scope=scope))
    serve_taken(through, authority)
    for first, others in (
        (HERE, (HERE, NEAR, THERE, "192.0.2.1/32", "10.0.0.0/8", "128.0.0.0/1")),
        (SIX, ("2001:db8:2::/48", "::/1", "3fff::1/128")),
    ):
        tailored(first, {A2}, 0, proto=proto, ttl=(50, 60))
        before = len(asked(authority))
        for client in others:
            ask(client, "A", proto).expect(a={A2}, scope=0, ttl=(50, 60), ede=set())
        assert len(asked(authority)) == before, "expected no lookup for others of the family"
    assert set(asked(authority)) <= {HERE, SIX}


@pytest.mark.parametrize("scope", [0, None], ids=["scope0", "none"])
def test_N4_an_answer_for_everybody_is_refreshed_once(ecs, authority, scope):
    authority.behave(
        TARGET, "A", lambda subnet: Behaviour(rdata=(A2 if subnet else A1,), scope=scope, ttl=2)
    )
    serve_taken(ecs, authority)
    tailored(HERE, {A2}, 0)
    since = time.monotonic()
    for i, _ in enumerate(during(4)):
        ask(f"198.51.{i % 256}.0/24").expect(a={A2}, scope=0, ede=set())
    took = time.monotonic() - since
    count = len(asked(authority, since=since))
    assert 1 <= count <= took / 1.4 + 1, (
        f"expected a refresh in each TTL of 2 s, got {count} in {took:.1f} s"
    )
    assert set(asked(authority)) == {HERE}, "expected the subnet that was asked for first"


def test_N4_longest_match(ecs, authority, proto):
    authority.behave(
        TARGET, "A", cdn({"198.0.0.0/8": [A1], "198.51.0.0/16": [A2], HERE: [A3]}, general=[A1, A2])
    )
    serve(ecs)
    # From the longest on: what a longer one covers is not asked for any more.
    tailored(HERE, {A3}, 24)
    tailored(NEAR, {A2}, 16)
    tailored("198.18.0.0/24", {A1}, 8)
    tailored("203.0.113.0/24", {A1, A2}, 24)
    known_so_far = len(asked(authority))
    assert known_so_far == 4
    for client, addresses, scope in (
        ("198.51.100.0/24", {A3}, 24),
        ("198.51.100.255/32", {A3}, 24),
        ("198.51.101.0/24", {A2}, 16),
        ("198.51.96.0/20", {A2}, 16),
        ("198.51.0.0/16", {A2}, 16),
        ("198.50.0.0/16", {A1}, 8),
        ("198.51.0.0/15", {A1}, 8),
        ("198.0.0.0/8", {A1}, 8),
    ):
        ask(client, "A", proto).expect(a=addresses, scope=scope, ede=set())
    assert len(asked(authority)) == known_so_far, "expected all to be known"


def test_N4_a_shorter_client_is_asked_for_itself(ecs, authority, proto):
    """An answer for a /24 says nothing about the /20 around it."""
    authority.behave(TARGET, "A", each())
    serve(ecs)
    tailored("198.51.100.0/24", {"10.198.51.100"}, 24)
    tailored("198.51.96.0/24", {"10.198.51.96"}, 24)
    for client in ("198.51.100.0/23", "198.51.96.0/20", "198.51.0.0/16"):
        tailored(client, {of_network(client, 24)}, 24, proto=proto)
        assert asked(authority)[-1] == str(ipaddress.ip_network(client, strict=False))


def test_N4_scope_beyond_what_was_sent_is_for_that_length_alone(ecs, authority, proto):
    def choose(subnet):
        # The /20 is not enough to tell: it gets a default.
        if subnet is None:
            return Behaviour(rdata=(A1,))
        default = subnet.source < 24
        return Behaviour(rdata=(A2,) if default else (A3,), scope=24)

    authority.behave(TARGET, "A", choose)
    serve(ecs)
    client = "198.51.96.0/20"
    tailored(client, {A2}, 24)
    ask(client, "A", proto).expect(a={A2}, scope=24, ede=set())
    for longer, addresses in (("198.51.96.0/21", {A2}), ("198.51.100.0/24", {A3})):
        tailored(longer, addresses, 24, proto=proto)
    ask(client, "A", proto).expect(a={A2}, scope=24, ede=set())
    assert asked(authority) == [client, "198.51.96.0/21", "198.51.100.0/24"]


def test_N4_scope_beyond_the_limit_is_for_all_that_are_cut_to_it(ecs, authority, proto):
    authority.behave(
        TARGET, "A", lambda subnet: Behaviour(rdata=(A2 if subnet else A1,), scope=subnet and 32)
    )
    serve(ecs)
    tailored("198.51.100.7/32", {A2}, 24)
    for client in ("198.51.100.7/32", "198.51.100.9/32", HERE, "198.51.100.128/25"):
        ask(client, "A", proto).expect(a={A2}, scope=24, ede=set())
    assert asked(authority) == [HERE]


# Nobody's subnet.


@pytest.mark.parametrize(
    "module, server", [(True, True), (False, True), (None, True), (True, False)]
)
def test_N4_the_general_answer(ecs, authority, proto, module, server):
    ecs.options["ecs"] = module
    ecs.server["edns-client-subnet"] = server
    authority.behave(TARGET, "A", cdn({HERE: [A2], "0.0.0.0/0": [A3], "::/0": [A3]}))
    serve(ecs)
    carried = 0 if server else ()
    clients = [None, "0.0.0.0/0", "::/0"]
    if not (module and server):
        clients += [HERE, "198.51.100.1/32", SIX]
    for client in clients:
        known(ZONE, "A", ecs=client)
        ask(client, "A", proto).expect(
            a={A1}, scope=carried if client else (), ttl=(50, 60), ede=set()
        )
    assert asked(authority) == [], "expected no subnet to be passed on"
    assert authority.count(TARGET, "A") == 1, "expected one lookup for all of them"


def test_N4_without_edns(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({"0.0.0.0/0": [A3]}))
    serve(ecs)
    tailored(HERE, {A3}, 0)
    eventually(lambda: query(ZONE, "A", proto, edns=False).expect(a={A1}), what="an answer")


def test_N4_the_general_answer_and_those_for_clients_are_kept_apart(through, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(through)
    tailored(HERE, {A2}, 24, proto=proto)
    eventually(
        lambda: query(ZONE, "A", proto).expect(a={A1}, scope=(), ede=set()), what="an answer"
    )
    for _ in range(3):
        ask(HERE, "A", proto).expect(a={A2}, scope=24, ede=set())
        query(ZONE, "A", proto).expect(a={A1}, scope=(), ede=set())
        ask("0.0.0.0/0", "A", proto).expect(a={A1}, scope=0, ede=set())


def test_N4_sections_with_and_without(ecs, authority, proto):
    """What one section passes on is none of another's, though they share the server."""
    authority.behave(TARGET, "A", cdn({HERE: [A2], "198.0.0.0/8": [A3]}))
    ecs.options.clear()
    for name, options in (
        ("with", {"ecs": True}),
        ("without", {}),
        ("short", {"ecs": True, "ecs-ipv4-prefix": 8}),
    ):
        ecs.sections.append(section("mod-aname", name, resolver=ADDRESS, **options))
        ecs.add_zone(f"{name}.example", [aname(TARGET)], modules=[f"mod-aname/{name}"])
    ecs.start()
    for _ in range(2):
        tailored(HERE, {A2}, 24, proto=proto, name="with.example")
        tailored(HERE, {A3}, 8, proto=proto, name="short.example")
        tailored(HERE, {A1}, 0, proto=proto, name="without.example")
    assert sorted(asked(authority)) == ["198.0.0.0/8", HERE]


MALFORMED = {
    "family": b"\x00\x03\x18\x00\xc6\x33\x64",
    "source of IPv4": b"\x00\x01\x21\x00\xc6\x33\x64\x00\x00",
    "source of IPv6": b"\x00\x02\x81\x00" + bytes(17),
    "short address": b"\x00\x01\x18\x00\xc6\x33",
    "no scope": b"\x00\x01\x18",
    "empty": b"",
}


def test_N4_malformed_subnets_are_refused_and_nothing_is_asked(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs)
    for octets in MALFORMED.values():
        option = dns.edns.GenericOption(dns.edns.OptionType.ECS, octets)
        query(ZONE, "A", proto, options=[option]).expect(rcode="FORMERR", aa=None, a=())
    assert not authority.count(TARGET), "expected no lookup"
    tailored(HERE, {A2}, 24, proto=proto)


# A subnet that nobody asked for yet.


def test_N4_C1_cold_over_udp_is_truncated_at_once(ecs, authority):
    authority.behave(
        TARGET, "A", except_for({HERE}, Behaviour(rdata=(A2,), scope=24, delay=0.4), cdn({}))
    )
    serve(ecs)
    known(ZONE, "A")
    reply = ask(HERE).expect(tc=True, aa=None, a=(), soa=False)
    assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    eventually(lambda: asked(authority) == [HERE], what="the lookup has started")
    # What is known for others is not held up by it.
    query(ZONE, "A").expect(a={A1}, ede=set())
    tailored(HERE, {A2}, 24)
    assert asked(authority) == [HERE], "expected one lookup"


def test_N4_C2_cold_over_tcp_waits(ecs, authority):
    ecs.options["wait"] = 4000
    authority.behave(
        TARGET, "A", except_for({HERE}, Behaviour(rdata=(A2,), scope=24, delay=0.3), cdn({}))
    )
    serve(ecs)
    reply = ask(HERE, "A", "tcp").expect(a={A2}, scope=24, ttl=(50, 60), ede=set())
    assert 0.25 <= reply.elapsed < 4, f"expected a wait for the answer, got {reply}"


@pytest.mark.parametrize("wait", [0, 200])
def test_N4_C2_general_answer_when_waiting_is_over(ecs, authority, wait):
    ecs.options["wait"] = wait
    late = Behaviour(rdata=(A2,), scope=24, delay=1.8)
    authority.behave(TARGET, "A", except_for({HERE, "198.51.96.0/20"}, late, cdn({})))
    serve(ecs)
    known(ZONE, "A")
    for client, length in ((HERE, 24), ("198.51.96.0/20", 20)):
        reply = ask(client, "A", "tcp").expect(
            a={A1}, scope=length, ttl=(0, FALLBACK_TTL), soa=False
        )
        assert wait / 1000 - 0.05 <= reply.elapsed <= wait / 1000 + 1.5, (
            f"expected a wait of {wait} ms, got {reply}"
        )
    # The late answer is used as soon as it is there.
    tailored(HERE, {A2}, 24, ttl=(50, 60))
    tailored("198.51.96.0/20", {A2}, 24, ttl=(50, 60))


def test_N4_C2_nothing_at_all_when_waiting_is_over(ecs, authority):
    ecs.options["wait"] = 200
    authority.behave(TARGET, "A", each(delay=1.0))
    serve(ecs)
    ask(HERE).expect(tc=True, aa=None, a=())
    ask(HERE, "A", "tcp").expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False)
    tailored(HERE, {"10.198.51.100"}, 24)


def test_N4_C3_servfail_only_without_a_general_answer(ecs, authority):
    ecs.options["cold"] = "servfail"
    authority.behave(TARGET, "A", each(delay=0.3))
    serve(ecs)
    ask(HERE).expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False)
    tailored(HERE, {"10.198.51.100"}, 24)
    eventually(lambda: query(ZONE, "A").expect(a={A1}), what="the general answer")
    ask(THERE).expect(a={A1}, scope=24, ttl=(0, FALLBACK_TTL), soa=False)
    tailored(THERE, {"10.203.0.113"}, 24)


@pytest.mark.parametrize("how", ["servfail", "silence", "garbage", "refused"])
def test_N4_general_answer_when_the_lookup_failed(ecs, authority, how):
    """Nobody has asked without a subnet: the general answer is there nevertheless."""
    ecs.options.update({"retry-min": 60, "timeout": 600})
    fault = {
        "servfail": Behaviour(rcode="SERVFAIL"),
        "refused": Behaviour(rcode="NOTAUTH"),
        "silence": Behaviour(drop=True),
        "garbage": Behaviour(garbage=True),
    }[how]
    choose = cdn({THERE: [A3]})
    authority.behave(TARGET, "A", except_for({HERE, "198.51.112.0/21"}, fault, choose))
    serve(ecs)
    for client, length in (("198.51.100.1/32", 24), ("198.51.112.0/21", 21)):
        for proto in ("udp", "tcp"):
            general(client, length, proto)
    # That is no matter to others, whose lookups succeed.
    tailored(THERE, {A3}, 24)
    since = time.monotonic()
    for i, _ in enumerate(during(1)):
        proto = ("udp", "tcp")[i % 2]
        ask(HERE, "A", proto).expect(a={A1}, scope=24, ttl=(0, FALLBACK_TTL))
        ask(THERE, "A", proto).expect(a={A3}, scope=24, ede=set())
    count = asked(authority).count(HERE)
    assert count <= 2, f"expected a lookup of two tries and a pause, got {count}"
    assert not asked(authority, since=since), "expected no lookup during the pause"


def test_N4_an_end_of_failure_is_seen(ecs, authority, proto):
    ecs.options["retry-max"] = 1
    authority.behave(TARGET, "A", except_for({HERE}, Behaviour(rcode="SERVFAIL"), each()))
    serve(ecs)
    general(HERE, 24, proto)
    authority.behave(TARGET, "A", each())
    tailored(HERE, {"10.198.51.100"}, 24, proto=proto, ttl=(50, 60))


def test_N4_servfail_without_any_answer(ecs, authority, proto):
    authority.fail(TARGET)
    serve(ecs)
    eventually(
        lambda: ask(HERE, "A", proto).expect(
            rcode="SERVFAIL", aa=None, a=(), ede=FAILURES, soa=False
        ),
        what="it is known to fail",
    )


def test_N4_sibling_without_any_answer(ecs, authority, proto):
    authority.fail(TARGET)
    serve(ecs, *siblings())
    eventually(
        lambda: ask(HERE, "A", proto).expect(a={SIBLING_A}, ttl=(1, 30)), what="the sibling"
    )


def test_N4_nothing_general_is_no_matter_to_a_client(ecs, authority, proto):
    authority.behave(
        TARGET, "A", lambda subnet: each()(subnet) if subnet else Behaviour(rcode="SERVFAIL")
    )
    serve(ecs)
    tailored(HERE, {"10.198.51.100"}, 24, proto=proto, ttl=(50, 60))
    failed(proto=proto)
    ask(HERE, "A", proto).expect(a={"10.198.51.100"}, scope=24, ede=set())


def test_N4_new_clients_of_a_target_that_fails(ecs, authority, proto):
    """They get the general answer, and cost no lookups."""
    ecs.options.update({"ttl-max": 1, "retry-min": 60, "timeout": 500})
    authority.behave(TARGET, "A", each())
    serve(ecs)
    known(ZONE, "A")
    tailored(HERE, {"10.198.51.100"}, 24)
    authority.fail(TARGET)
    eventually(
        lambda: query(ZONE, "A").expect(a={A1}, ede={STALE_ANSWER}), what="the target fails"
    )
    since = time.monotonic()
    for i in range(40):
        general(f"203.0.{i}.0/24", 24, proto)
    count = len(asked(authority, since=since))
    assert count <= 8, f"expected few lookups while the target fails, got {count}"
    assert time.monotonic() - since < 4 * PROMPT, "expected answers without a wait"


# Replies that do not fit the question, and servers that do not know the option.

MISMATCHES = {
    "address": lambda subnet: subnet._replace(address="192.0.2.0"),
    "address-scope0": lambda subnet: subnet._replace(address="192.0.2.0", scope=0),
    "shorter": lambda subnet: subnet._replace(source=16),
    "longer": lambda subnet: subnet._replace(source=32),
    "nothing": lambda subnet: Subnet("0.0.0.0", 0, 0),
    "family": lambda subnet: Subnet("2001:db8::", 24, 24),
}


@pytest.mark.parametrize("distort", MISMATCHES.values(), ids=MISMATCHES)
def test_N4_replies_for_another_subnet_are_never_used(ecs, authority, distort):
    ecs.options.update({"retry-max": 1, "timeout": 600})
    wrong = Behaviour(rdata=(A3,), scope=24, distort=distort)
    authority.behave(TARGET, "A", except_for({HERE}, wrong, cdn({THERE: [A2]})))
    serve(ecs)
    general(HERE, 24)
    for _ in during(1.2):
        for proto in ("udp", "tcp"):
            ask(HERE, "A", proto).expect(a={A1}, scope=24, ttl=(0, FALLBACK_TTL))
    tailored(THERE, {A2}, 24)
    answers({A1})
    # It is tried again, and right now.
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    tailored(HERE, {A2}, 24)


def test_N4_servfail_if_there_is_nothing_but_replies_for_another(ecs, authority, proto):
    wrong = Behaviour(rdata=(A3,), scope=24, distort=MISMATCHES["address"])
    authority.behave(TARGET, "A", lambda subnet: wrong if subnet else Behaviour(rcode="SERVFAIL"))
    serve(ecs)
    eventually(
        lambda: ask(HERE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), soa=False),
        what="it is known to fail",
    )


def dislikes(rcode):
    """A server that has an answer for those only who send no subnet."""
    return lambda subnet: Behaviour(rcode=rcode) if subnet else Behaviour(rdata=(A1,))


PLAIN_SERVERS = {
    "formerr": dislikes("FORMERR"),
    "refused": dislikes("REFUSED"),
    "formerr-to-edns": lambda subnet: Behaviour(rdata=(A1,), edns="formerr"),
    "ignores-edns": lambda subnet: Behaviour(rdata=(A1,), edns="ignored"),
    "formerr-without-edns": lambda subnet: Behaviour(
        rdata=(A1,), edns="formerr" if subnet else "known"
    ),
}


@pytest.mark.parametrize("choose", PLAIN_SERVERS.values(), ids=PLAIN_SERVERS)
def test_N4_servers_without_subnets(ecs, authority, proto, choose):
    authority.behave(TARGET, "A", choose)
    serve(ecs)
    tailored(HERE, {A1}, 0, proto=proto, ttl=(50, 60))
    for client in (HERE, NEAR, THERE, "10.0.0.0/8"):
        ask(client, "A", proto).expect(a={A1}, scope=0, ttl=(50, 60), ede=set())
    four = asked(authority)
    assert len(four) <= 2 and set(four) <= {HERE}, f"expected one subnet to be tried, got {four}"
    tailored(SIX, {A1}, 0, proto=proto, ttl=(50, 60))
    answers({A1}, proto=proto, scope=(), ede=set())


@pytest.mark.parametrize("kind", ["formerr", "refused"])
def test_N4_servers_that_learn_of_subnets(ecs, authority, kind):
    plain = PLAIN_SERVERS[kind]
    authority.behave(TARGET, "A", lambda subnet: dataclasses.replace(plain(subnet), ttl=2))
    ecs.options["ttl-max"] = 2
    serve(ecs)
    tailored(HERE, {A1}, 0)
    authority.behave(TARGET, "A", each(ttl=2))
    deadline = time.monotonic() + 15 * SLOW
    while True:
        reply = ask(HERE)
        if reply.tc:
            reply = ask(HERE, "A", "tcp")
        reply.expect(rcode="NOERROR", ede=set())
        if reply.addresses() == {"10.198.51.100"}:
            break
        assert reply.addresses() == {A1}, f"expected the former answer until then, got {reply}"
        assert time.monotonic() < deadline, "expected the new answer"
        time.sleep(0.05)
    tailored(THERE, {"10.203.0.113"}, 24)


# In the course of time.


def test_N4_T2_each_answer_is_kept_fresh(through, authority, request):
    through.options["ttl-max"] = 2
    authority.behave(TARGET, "A", each(ttl=2))
    authority.behave(TARGET, "AAAA", cdn({HERE: [AAAA2]}, general=[AAAA1], ttl=2))
    serve(through)
    clients = [HERE, THERE, NEAR, "198.51.96.0/20"]
    for client in clients:
        tailored(client, {of_network(client, 24)}, 24)
    tailored(HERE, {AAAA2}, 24, "AAAA")
    since = time.monotonic()
    for _ in during(6):
        for client in clients:
            ask(client).expect(a={of_network(client, 24)}, scope=24, ttl=(0, 2), ede=set())
        ask(HERE, "AAAA").expect(aaaa={AAAA2}, scope=24, ttl=(0, 2), ede=set())
    seen = asked(authority, since=since)
    assert set(seen) == set(clients), f"expected the same subnets as before, got {set(seen)}"
    # This recursor keeps an answer for a second more than its TTL.
    least = 1 if "unbound" in request.node.callspec.id else 2
    for client in clients:
        assert least <= seen.count(client) <= 6, (
            f"expected a refresh of {client} every 2 s, got {seen}"
        )


def test_N4_T2_refreshes_ask_for_the_first_subnet(ecs, authority):
    authority.behave(TARGET, "A", cdn({"198.51.0.0/16": [A2]}, ttl=2))
    serve(ecs)
    tailored(HERE, {A2}, 16)
    for _ in during(4.5):
        ask(NEAR).expect(a={A2}, scope=16, ede=set())
    seen = asked(authority)
    assert set(seen) == {HERE} and len(seen) >= 3, f"expected {HERE} again and again, got {seen}"


def test_N4_T3_what_nobody_asks_for_is_let_go(ecs, authority):
    ecs.options.update({"ttl-max": 1, "idle": 2})
    authority.behave(TARGET, "A", each(ttl=1))
    serve(ecs)
    tailored(HERE, {"10.198.51.100"}, 24)
    tailored(THERE, {"10.203.0.113"}, 24)
    for _ in during(4):
        ask(HERE).expect(a={"10.198.51.100"}, scope=24, ede=set())
    since = time.monotonic()
    for _ in during(2.5):
        ask(HERE).expect(a={"10.198.51.100"}, scope=24, ede=set())
    assert set(asked(authority, since=since)) == {HERE}, "expected the other to be let go"


def test_N4_a_change_for_one_client(through, authority):
    through.options["ttl-max"] = 2
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}, ttl=2))
    serve(through)
    tailored(HERE, {A2}, 24)
    tailored(THERE, {A3}, 24)
    answers({A1})
    changed = time.monotonic()
    authority.behave(TARGET, "A", cdn({HERE: ["192.0.2.22"], THERE: [A3]}, ttl=2))

    def check():
        ask(THERE).expect(a={A3}, scope=24, ede=set())
        query(ZONE, "A").expect(a={A1}, ede=set())
        reply = ask(HERE).expect(scope=24, ede=set())
        return reply.addresses() == {"192.0.2.22"}

    eventually(check, what="the change is seen")
    took = time.monotonic() - changed
    # What the recursor took just before may live on there for one more lifetime.
    assert took < 4 + PROMPT, f"expected the change after 2 s or 4, took {took:.1f} s"
    for _ in during(1):
        assert check()


@pytest.mark.parametrize(
    "before, after", [(24, 0), (0, 24), (24, 16), (16, 24), (16, 20), (None, 24), (24, None)]
)
def test_N4_the_scope_changes(ecs, authority, before, after):
    ttl = 2

    def behaviour(scope, first):
        if scope is None:
            # No option in the reply: for everybody.
            return lambda subnet: Behaviour(rdata=(f"{first}.0.0.0",), ttl=ttl)
        return each(scope, first, general=(f"{first}.255.255.255",), ttl=ttl)

    def own(client, scope, first):
        return of_network(client, scope or 0, first)

    def current(client):
        reply = ask(client)
        if reply.tc:
            reply = ask(client, "A", "tcp")
        reply.expect(soa=False)
        (address,) = reply.addresses()
        if address.endswith(".255.255.255"):
            reply.expect(ttl=(0, FALLBACK_TTL), scope=24)
        return address, reply

    clients = [HERE, NEAR, THERE]
    authority.behave(TARGET, "A", behaviour(before, 10))
    if before is None:
        serve_taken(ecs, authority)
    else:
        serve(ecs)
    for client in clients:
        tailored(client, {own(client, before, 10)}, before or 0)
    changed = time.monotonic()
    authority.behave(TARGET, "A", behaviour(after, 11))
    settled = {}
    # A lifetime, and time for what comes to be asked for then.
    while time.monotonic() - changed < ttl + PROMPT + 1 and len(settled) < len(clients):
        for client in clients:
            address, reply = current(client)
            allowed = {own(client, scope, first) for scope, first in ((before, 10), (after, 11))}
            allowed |= {"10.255.255.255", "11.255.255.255"}
            assert address in allowed, f"expected an answer of {client}'s, got {reply}"
            if address == own(client, after, 11):
                settled.setdefault(client, time.monotonic() - changed)
        time.sleep(0.02)
    assert len(settled) == len(clients), f"expected the new answers for all, got {settled}"
    # From then on it is the new one, the next refresh included.
    for _ in during(2.5):
        for client in clients:
            address, reply = current(client)
            assert address == own(client, after, 11), f"expected the new answer, got {reply}"
            reply.expect(scope=after or 0)


@pytest.mark.parametrize("how", ["servfail", "silence", "mismatch"])
def test_N4_F1_one_client_comes_to_fail(ecs, authority, how):
    ecs.options.update({"ttl-max": 1, "retry-max": 1, "timeout": 500})
    fault = {
        "servfail": Behaviour(rcode="SERVFAIL"),
        "silence": Behaviour(drop=True),
        "mismatch": Behaviour(rdata=("192.0.2.99",), scope=24, distort=MISMATCHES["address"]),
    }[how]
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}, ttl=1))
    serve(ecs)
    tailored(HERE, {A2}, 24)
    tailored(THERE, {A3}, 24)
    known(ZONE, "A")
    authority.behave(TARGET, "A", except_for({HERE}, fault, cdn({THERE: [A3]}, ttl=1)))
    since = time.monotonic()
    eventually(lambda: asked(authority, since=since).count(HERE) >= 2, what="it fails")
    for _ in during(2):
        reply = ask(HERE).expect(soa=False, scope=24)
        if reply.addresses() == {A1}:
            reply.expect(ttl=(0, FALLBACK_TTL))
        else:
            reply.expect(a={A2}, ttl=(0, 30))
        ask(THERE).expect(a={A3}, scope=24, ede=set())
        query(ZONE, "A").expect(a={A1}, ede=set())
    authority.behave(TARGET, "A", cdn({HERE: ["192.0.2.22"], THERE: [A3]}, ttl=1))
    tailored(HERE, {"192.0.2.22"}, 24)


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_N4_F1_no_client_is_left_dark(ecs, start_unbound, authority, how):
    ecs.options.update({"ttl-max": 1, "retry-max": 1, "timeout": 500})
    unbound = recursor(ecs, start_unbound)
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3], SIX: [A3]}, ttl=1))
    serve(ecs)
    tailored(HERE, {A2}, 24)
    tailored(THERE, {A3}, 24)
    tailored(SIX, {A3}, 56)
    known(ZONE, "A")
    getattr(unbound, how)()
    eventually(lambda: query(ZONE, "A").expect(a={A1}, ede={STALE_ANSWER}), what="it is stale")
    for i, _ in enumerate(during(3)):
        proto = ("udp", "tcp")[i % 2]
        for client, addresses, scope in ((HERE, {A2}, 24), (THERE, {A3}, 24), (SIX, {A3}, 56)):
            reply = ask(client, "A", proto).expect(soa=False, scope=scope, ttl=(0, 30))
            if reply.addresses() == {A1}:
                reply.expect(ttl=(0, FALLBACK_TTL))
            else:
                reply.expect(a=addresses)
        general(f"192.0.{i % 256}.0/24", 24, proto)
        query(ZONE, "A", proto).expect(a={A1}, ede={STALE_ANSWER})
    if how == "kill":
        unbound.start()
    else:
        unbound.thaw()
    tailored(HERE, {A2}, 24)
    tailored(NEAR, {A1}, 24, ttl=(0, 1))


# Bounds.


def settled(client, proto="tcp", name=ZONE, scope=24):
    """An answer for a client, its own or the general one; never a failure."""
    reply = ask(client, "A", proto, name).expect(soa=False)
    if reply.addresses() == {A1}:
        reply.expect(ttl=(0, FALLBACK_TTL), scope=scope)
    else:
        reply.expect(a={of_network(client, 24)}, scope=scope, ede=set())
    return reply


def test_N4_L1_subnets_of_a_target(ecs, authority):
    ecs.options.update({"max-target-subnets": 8, "ttl-max": 1})
    authority.behave(TARGET, "A", each(ttl=1))
    serve(ecs)
    known(ZONE, "A")
    for i in range(40):
        settled(f"198.51.{i}.0/24")
    since = time.monotonic()
    eventually(lambda: len(asked(authority, since=since)) >= 8, what="refreshes")
    # All that are kept are refreshed within a lifetime.
    since = time.monotonic()
    for _ in during(2.5):
        query(ZONE, "A").expect(a={A1}, ede=set())
    kept = set(asked(authority, since=since))
    assert 1 <= len(kept) <= 8, f"expected 8 subnets to be kept, got {sorted(kept)}"
    for i in range(40):
        settled(f"198.51.{i}.0/24")


def test_N4_L1_subnets_in_all(ecs, authority):
    ecs.options.update({"max-subnets": 10, "ttl-max": 1})
    pairs = {f"z{i}.example": f"t{i}.example.net" for i in range(5)}
    for zone, target in pairs.items():
        authority.behave(target, "A", each(ttl=1))
        ecs.add_zone(zone, [aname(target)])
    ecs.start()
    for zone in pairs:
        known(zone, "A")
    for i in range(6):
        for zone in pairs:
            settled(f"198.51.{i}.0/24", name=zone)
    since = time.monotonic()
    eventually(lambda: len(asked(authority, name=None, since=since)) >= 5, what="refreshes")
    since = time.monotonic()
    for _ in during(2.5):
        for zone in pairs:
            query(zone, "A").expect(a={A1}, ede=set())
    kept = {
        (seen.name, str(seen.subnet)) for seen in authority.seen(since=since) if seen.subnet
    }
    assert 1 <= len(kept) <= 10, f"expected 10 subnets to be kept, got {sorted(kept)}"


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


def test_N4_L1_a_flood_pushes_out_nobody_who_keeps_asking(ecs, authority):
    ecs.options.update({"max-target-subnets": 16, "max-subnets": 20, "ttl-max": 2})
    for target in (TARGET, OTHER_TARGET):
        authority.behave(target, "A", each(ttl=2))
    ecs.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    serve(ecs)
    for client in (HERE, NEAR):
        tailored(client, {of_network(client, 24)}, 24)
    tailored(THERE, {of_network(THERE, 24)}, 24, name=OTHER_ZONE)
    known(OTHER_ZONE, "A")
    known(ZONE, "A")

    def ask_on():
        for client in (HERE, NEAR):
            ask(client).expect(a={of_network(client, 24)}, scope=24, ede=set())
        ask(THERE, name=OTHER_ZONE).expect(a={of_network(THERE, 24)}, scope=24, ede=set())
        query(ZONE, "A").expect(a={A1}, ede=set())
        query(OTHER_ZONE, "A").expect(a={A1}, ede=set())

    # Only who has asked for a while is told from those who never come back.
    for _ in during(2.5):
        ask_on()
    with Flood() as flood:
        for _ in during(3):
            ask_on()
    assert flood.count > 100, f"expected a flood, got {flood.count} queries"
    # They are refreshed, too, while it goes on.
    assert asked(authority).count(HERE) >= 3, "expected refreshes"
    since = time.monotonic()
    for _ in during(2.5):
        ask(HERE).expect(a={of_network(HERE, 24)}, scope=24, ede=set())
    kept = set(asked(authority, since=since))
    assert len(kept) <= 16, f"expected 16 subnets to be kept, got {len(kept)}"


def test_N4_L1_one_who_begins_to_ask_in_a_flood(ecs, authority):
    ecs.options.update({"max-target-subnets": 128, "ttl-max": 2})
    authority.behave(TARGET, "A", each(ttl=2))
    serve(ecs)
    tailored(NEAR, {of_network(NEAR, 24)}, 24)
    with Flood(pause=0.005) as flood:
        eventually(lambda: flood.count > 200, what="a flood that takes all places")
        # Never dark, and in the end as good as those who were there before.
        own = 0
        deadline = time.monotonic() + 15 * SLOW
        while own < 20:
            assert time.monotonic() < deadline, "expected an answer of its own that stays"
            reply = ask(HERE)
            if reply.tc:
                reply = settled(HERE)
                own = 0
            own = own + 1 if reply.addresses() == {of_network(HERE, 24)} else 0
            time.sleep(0.05)


# What an attacker, or an operator on a bad day, might do.


def test_N4_an_answer_is_pushed_out_while_its_client_waits(ecs, authority):
    """A pool of a target that is known and one that is not; the known answer goes meanwhile."""
    ecs.options.update({"wait": 1000, "timeout": 20000, "max-target-subnets": 1})
    late = Behaviour(rdata=(A3,), scope=24, delay=4)
    authority.behave(TARGET, "A", except_for({THERE}, late, each(ttl=100)))
    authority.drop(OTHER_TARGET)
    ecs.add_zone(ZONE, [aname(TARGET), aname(OTHER_TARGET)])
    ecs.start()
    replies = []
    waiter = threading.Thread(target=lambda: replies.append(ask(HERE, "A", "tcp", timeout=8)))
    waiter.start()
    eventually(lambda: HERE in asked(authority), what="a lookup for the first client")
    eventually(lambda: (ask(THERE), THERE in asked(authority))[1], what="one for the other")
    waiter.join()
    assert replies and replies[0].rcode in ("NOERROR", "SERVFAIL"), f"got {replies}"
    assert replies[0].addresses() <= {A1, of_network(HERE, 24)}
    ecs.check_reports()


def test_N4_T4_others_are_asked_for_after_a_reload(ecs, authority, proto):
    """What is inherited does not hold up what is not."""
    authority.behave(TARGET, "A", each(ttl=300))
    serve(ecs)
    tailored(HERE, {of_network(HERE, 24)}, 24)
    ecs.options["ttl-max"] = 7200
    ecs.reload()
    tailored(HERE, {of_network(HERE, 24)}, 24, proto=proto)
    tailored(THERE, {of_network(THERE, 24)}, 24, proto=proto)


@pytest.mark.parametrize("changed", [{"ecs-ipv4-prefix": 16}, {"ecs": False}], ids=["16", "off"])
def test_N4_no_more_bits_are_told_than_now_allowed(ecs, authority, changed):
    authority.behave(TARGET, "A", each(scope=16, ttl=1))
    serve(ecs)
    tailored(HERE, {of_network(HERE, 16)}, 16)
    ecs.options.update(changed)
    ecs.reload()
    eventually(lambda: ask(NEAR).expect(a=None, scope=0 if "ecs" in changed else 16))
    since = time.monotonic()
    for _ in during(3):
        ask(NEAR)
    told = asked(authority, since=since)
    assert HERE not in told and NEAR not in told, f"expected at most 16 bits, got {told}"


def test_N4_F4_many_clients_of_a_target_that_fails_for_all(ecs, authority):
    ecs.options.update({"retry-min": 60, "retry-max": 3600, "max-target-subnets": 16})
    authority.behave(TARGET, "A", each(ttl=300))
    serve(ecs)
    tailored(HERE, {of_network(HERE, 24)}, 24)
    authority.behave(TARGET, "A", lambda subnet: Behaviour(rcode="SERVFAIL"))
    since = time.monotonic()
    for turn, _ in enumerate(during(4)):
        ask(f"203.0.{turn % 40}.0/24")
    # Two tries each.
    told = asked(authority, since=since)
    assert len(told) <= 2 * 16, f"expected that some lookups tell enough, got {len(told)}"
    general("192.0.2.0/24", 24)


def test_N4_others_are_not_held_up_by_silence_for_subnets(ecs, authority):
    """Many subnets of targets that never answer for them; another zone is asked for first."""
    names = [f"quiet{i}.example.net" for i in range(20)]
    for name in names:
        authority.behave(name, "A", lambda subnet: Behaviour(
            rdata=(A1,), ttl=300, drop=subnet is not None and str(subnet) != HERE,
            scope=None if subnet is None else 24,
        ))
    authority.set(OTHER_TARGET, a=[A2])
    ecs.add_zone(ZONE, [aname(name) for name in names])
    ecs.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    ecs.start()
    eventually(lambda: ask(HERE).expect(scope=24, a={A1}, ttl=(20, 300)), what="all are known")
    with Flood(pause=0.002) as flood:
        eventually(lambda: flood.count > 1500, 30, what="a flood")
        start = time.monotonic()
        eventually(lambda: query(OTHER_ZONE, "A").expect(a={A2}), what="the other zone's answer")
        took = time.monotonic() - start
    assert took < PROMPT, f"expected an answer soon, got it after {took:.1f} s"


def test_N4_F2_siblings_for_one_client_are_for_that_client(ecs, authority, proto):
    fail = Behaviour(rcode="SERVFAIL")
    authority.behave(
        TARGET, "A", lambda subnet: each()(subnet) if str(subnet) == HERE else fail
    )
    serve(ecs, *siblings())
    tailored(HERE, {of_network(HERE, 24)}, 24)
    eventually(
        lambda: ask(THERE, "A", proto).expect(a={SIBLING_A}, scope=24, soa=False),
        what="the siblings for one subnet",
    )


def test_N4_L2_denied_for_one_client(ecs, authority, proto):
    """The rest of the pool is for that client only."""
    ecs.options["deny-address"] = f"{of_network(THERE, 24)}/32"
    authority.behave(TARGET, "A", each())
    authority.set(OTHER_TARGET, a=[A2], scope=0)
    ecs.add_zone(ZONE, [aname(TARGET), aname(OTHER_TARGET)])
    ecs.start()
    tailored(HERE, {of_network(HERE, 24), A2}, 24, proto=proto)
    eventually(lambda: ask(THERE, "A", proto).expect(a={A2}, ttl=(6, 60), scope=24))


@pytest.mark.parametrize("how", ["REFUSED", "FORMERR"])
def test_N4_a_server_that_refuses_for_a_moment(ecs, authority, how):
    """It has taken subnets: what it says to others is not what it says to these."""
    authority.behave(TARGET, "A", each(ttl=100))
    ecs.options["retry-max"] = 1
    serve(ecs)
    tailored(HERE, {of_network(HERE, 24)}, 24)
    authority.behave(TARGET, "A", lambda subnet: (
        Behaviour(rdata=(A1,), ttl=100) if without(subnet) else Behaviour(rcode=how)
    ))
    general(THERE, 24)
    authority.behave(TARGET, "A", each(ttl=100))
    tailored(THERE, {of_network(THERE, 24)}, 24)
    tailored(NEAR, {of_network(NEAR, 24)}, 24)


def test_N4_edns_is_not_given_up_for_one_target(ecs, authority):
    """FORMERR for one target, passed on by a forwarder, says nothing of the others."""
    authority.behave(TARGET, "A", each(ttl=100))
    for rdtype, rdata in (("A", A2), ("AAAA", AAAA2)):
        authority.behave(OTHER_TARGET, rdtype, Behaviour(rdata=(rdata,), edns="formerr"))
    ecs.add_zone(ZONE, [aname(TARGET)])
    ecs.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    ecs.start()
    tailored(HERE, {of_network(HERE, 24)}, 24)
    eventually(lambda: query(OTHER_ZONE, "A").expect(a={A2}), what="the other's address")
    eventually(lambda: query(OTHER_ZONE, "AAAA").expect(aaaa={AAAA2}), what="and the other")
    tailored(THERE, {of_network(THERE, 24)}, 24)


# Signed zones.


@pytest.mark.parametrize("nsec3", [False, True], ids=["nsec", "nsec3"])
def test_N4_D1_each_answer_is_signed(ecs, authority, proto, nsec3):
    ecs.sections.append(section("policy", "own", nsec3=nsec3))
    authority.behave(TARGET, "A", each(ttl=30))
    authority.behave(TARGET, "AAAA", cdn({HERE: ["2001:db8::1"]}, general=[AAAA2]))
    serve(ecs, zone_options={"dnssec-signing": True, "dnssec-policy": "own"})
    keys = Keys(ZONE)
    eventually(keys.learn, what="the zone is signed")
    clients = [f"198.51.{i}.0/24" for i in range(100)]
    for client in clients:
        address = of_network(client, 24)
        tailored(client, {address}, 24, proto=proto)
        reply = ask(client, "A", proto, do=True).expect(a={address}, scope=24)
        verify(reply, keys)
        assert "RRSIG" in reply.types(), f"expected a signature, got {reply}"
    for client, addresses in ((HERE, {"2001:db8::1"}), (THERE, {AAAA2})):
        tailored(client, addresses, 24, "AAAA", proto)
        reply = ask(client, "AAAA", proto, do=True).expect(aaaa=addresses, scope=24)
        verify(reply, keys)
    # D5: and none without DO.
    assert "RRSIG" not in ask(clients[0], "A", proto).types()


# Reload.


@pytest.mark.parametrize("changed", [{}, {"ttl-max": 50}, {"ttl-min": 2, "idle": 600}], ids=str)
def test_N4_T4_reload_keeps_what_is_known(ecs, authority, proto, changed):
    authority.behave(TARGET, "A", cdn({HERE: [A2], "203.0.0.0/16": [A3]}, ttl=100))
    serve(ecs)
    tailored(HERE, {A2}, 24)
    tailored(THERE, {A3}, 16)
    known(ZONE, "A")
    authority.behave(TARGET, None, Behaviour(drop=True))
    ecs.options.update(changed)
    ecs.reload()
    for client, addresses, scope in ((HERE, {A2}, 24), ("203.0.1.0/24", {A3}, 16)):
        ask(client, "A", proto).expect(a=addresses, scope=scope, ttl=(1, 100), soa=False)
    query(ZONE, "A", proto).expect(a={A1}, scope=(), ttl=(1, 100), soa=False)
    if not changed:
        for client in (HERE, THERE):
            assert asked(authority).count(client) == 1, "expected no new lookup"


def test_N4_T4_reload_with_another_prefix(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], "198.51.0.0/16": [A3]}))
    serve(ecs)
    tailored(HERE, {A2}, 24, proto=proto)
    ecs.options["ecs-ipv4-prefix"] = 16
    ecs.reload()
    tailored(HERE, {A3}, 16, proto=proto)
    assert asked(authority)[-1] == "198.51.0.0/16"


def test_N4_T4_reload_turns_it_off_and_on(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs)
    tailored(HERE, {A2}, 24, proto=proto)
    ecs.options["ecs"] = False
    ecs.reload()
    tailored(HERE, {A1}, 0, proto=proto)
    ecs.options["ecs"] = True
    ecs.reload()
    tailored(HERE, {A2}, 24, proto=proto)


# Configuration.


def test_N4_L3_ecs_needs_a_resolver(knotd):
    knotd.add_zone(ZONE)
    knotd.options["ecs"] = True
    accepted, said = knotd.conf_check()
    assert not accepted, f"expected ecs without a resolver to be refused, got {said!r}"
    assert "ecs" in said and "resolver" in said, f"expected both names, got {said!r}"
    knotd.options["ecs"] = False
    accepted, said = knotd.conf_check()
    assert accepted, f"expected ecs: off without a resolver to be accepted, got {said!r}"


RANGES = {
    "ecs-ipv4-prefix": (1, 32),
    "ecs-ipv6-prefix": (1, 64),
    "max-subnets": (1, 1000000),
    "max-target-subnets": (1, 4096),
}


@pytest.mark.parametrize("option", RANGES)
def test_N4_L3_ranges(ecs, option):
    low, high = RANGES[option]
    ecs.add_zone(ZONE)
    for value in (low, high):
        ecs.options[option] = value
        accepted, said = ecs.conf_check()
        assert accepted, f"expected {option}: {value} to be accepted, got {said!r}"
    for value in (low - 1, high + 1, "many", "''"):
        ecs.options[option] = value
        accepted, said = ecs.conf_check()
        assert not accepted, f"expected {option}: {value} to be refused, got {said!r}"
        assert option in said, f"expected the option's name, got {said!r}"
        if value == high + 1:
            assert str(low) in said and str(high) in said, f"expected the range, got {said!r}"


def test_N4_L3_ecs_is_on_or_off(ecs):
    ecs.add_zone(ZONE)
    ecs.options["ecs"] = "maybe"
    accepted, said = ecs.conf_check()
    assert not accepted and "ecs" in said, f"expected the option's name, got {said!r}"


@pytest.mark.parametrize("server", [False, True], ids=["off", "on"])
def test_N4_log_says_that_it_has_no_effect(ecs, authority, server):
    ecs.server["edns-client-subnet"] = server
    serve(ecs)
    if server:
        query(ZONE, "SOA")
        assert not ecs.log_lines("edns-client-subnet"), "expected nothing to be said"
    else:
        ecs.wait_log("mod-aname", r"\becs\b", "edns-client-subnet", "no effect")
