"""N4: whose an answer is: those within its scope, and nobody's subnet."""

import ipaddress
import time

import dns.edns
import pytest
from harness import A1, A2, A3, TARGET, ZONE, aname, during, eventually, known, query, section
from harness.authority import ADDRESS, Behaviour
from harness.subnets import (
    HERE, NEAR, SIX, THERE, ask, asked, cdn, each, for_subnet, of_network, serve, serve_taken,
)

# Whose answer it is.


def test_N4_an_answer_is_shared_within_its_scope(through, authority, proto):
    authority.behave(TARGET, "A", cdn({"198.51.0.0/16": [A2], "203.0.113.0/24": [A3]}))
    serve(through)
    for_subnet(HERE, {A2}, 16)
    for client in (NEAR, "198.51.255.255/32", "198.51.0.0/16", "198.51.128.0/17"):
        ask(client, "A", proto).expect(a={A2}, scope=16, ede=set())
    assert asked(authority) == [HERE], "expected one lookup for the whole network"
    for_subnet(THERE, {A3}, 24, proto=proto)


@pytest.mark.parametrize("scope", [0, None], ids=["scope0", "none"])
def test_N4_an_answer_for_everybody_is_shared(through, authority, proto, scope):
    authority.behave(TARGET, "A", Behaviour(rdata=(A2,), scope=scope))
    serve_taken(through, authority)
    for first, others in (
        (HERE, (HERE, NEAR, THERE, "192.0.2.1/32", "10.0.0.0/8", "128.0.0.0/1")),
        (SIX, ("2001:db8:2::/48", "::/1", "3fff::1/128")),
    ):
        for_subnet(first, {A2}, 0, proto=proto, ttl=(50, 60))
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
    for_subnet(HERE, {A2}, 0)
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
    for_subnet(HERE, {A3}, 24)
    for_subnet(NEAR, {A2}, 16)
    for_subnet("198.18.0.0/24", {A1}, 8)
    for_subnet("203.0.113.0/24", {A1, A2}, 24)
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
    for_subnet("198.51.100.0/24", {"10.198.51.100"}, 24)
    for_subnet("198.51.96.0/24", {"10.198.51.96"}, 24)
    for client in ("198.51.100.0/23", "198.51.96.0/20", "198.51.0.0/16"):
        for_subnet(client, {of_network(client, 24)}, 24, proto=proto)
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
    for_subnet(client, {A2}, 24)
    ask(client, "A", proto).expect(a={A2}, scope=24, ede=set())
    for longer, addresses in (("198.51.96.0/21", {A2}), ("198.51.100.0/24", {A3})):
        for_subnet(longer, addresses, 24, proto=proto)
    ask(client, "A", proto).expect(a={A2}, scope=24, ede=set())
    assert asked(authority) == [client, "198.51.96.0/21", "198.51.100.0/24"]


def test_N4_scope_beyond_the_limit_is_for_all_that_are_cut_to_it(ecs, authority, proto):
    authority.behave(
        TARGET, "A", lambda subnet: Behaviour(rdata=(A2 if subnet else A1,), scope=subnet and 32)
    )
    serve(ecs)
    for_subnet("198.51.100.7/32", {A2}, 24)
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
    for_subnet(HERE, {A3}, 0)
    eventually(lambda: query(ZONE, "A", proto, edns=False).expect(a={A1}), what="an answer")


def test_N4_the_general_answer_and_those_for_clients_are_kept_apart(through, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(through)
    for_subnet(HERE, {A2}, 24, proto=proto)
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
        for_subnet(HERE, {A2}, 24, proto=proto, name="with.example")
        for_subnet(HERE, {A3}, 8, proto=proto, name="short.example")
        for_subnet(HERE, {A1}, 0, proto=proto, name="without.example")
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
    for_subnet(HERE, {A2}, 24, proto=proto)
