"""N4: servers that tailor their answers to a client's subnet, and do not say so in the reply."""

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, AAAA3, TARGET, ZONE, aname, during, guide, known, query,
)
from harness.authority import Behaviour
from harness.servers import PowerDNSRecursor
from harness.subnets import HERE, NEAR, OTHER_TARGET, OTHER_ZONE, SIX, THERE, for_subnet, serve

# One more client of that family.
SEVEN = "2001:db8:7:2300::/56"
LOGGED = ("mod-aname", "does not say for which clients")


@pytest.fixture
def recursor(directory, authority, start_server):
    """The real PowerDNS Recursor in front of the targets' server."""
    return start_server(PowerDNSRecursor(directory, "example.net"))


def places(four, six=None, general=A1, scope=24, **how):
    """What the targets' server says: an address for each of these networks, and a general one."""

    def choose(subnet):
        if subnet is None:
            return Behaviour(rdata=(general,), **how)
        found = {**four, **(six or {})}.get(str(subnet.network))
        return Behaviour(rdata=(found or general,), scope=scope, **how)

    return choose


def test_N4_a_real_recursor_that_does_not_say_for_whom(ecs, authority, recursor, proto):
    """PowerDNS Recursor takes the subnet, tailors its answer, and sends no option back."""
    ecs.options["resolver"] = recursor.address[0]
    authority.behave(TARGET, "A", places({HERE: A2, THERE: A3}, ttl=60))
    authority.behave(
        TARGET, "AAAA", places({}, {SIX: AAAA2, SEVEN: AAAA3}, general=AAAA1, scope=56, ttl=60)
    )
    direct = query(TARGET, "A", server=recursor.address, rd=True, ecs=HERE)
    assert direct.addresses("A") == {A2}, f"expected an answer for the subnet, got {direct}"
    if direct.subnet is not None:
        pytest.skip("this release of PowerDNS Recursor does say for whom its answers are")
    serve(ecs)
    for _ in range(2):
        for_subnet(HERE, {A2}, 24, proto=proto)
        for_subnet(THERE, {A3}, 24, proto=proto)
        for_subnet(SIX, {AAAA2}, 56, "AAAA", proto=proto)
        for_subnet(SEVEN, {AAAA3}, 56, "AAAA", proto=proto)
    # Whoever tells no subnet gets what the recursor says without one.
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, scope=(), ede=set())
    lines = ecs.wait_log(*LOGGED, recursor.address[0], ask=ZONE)
    assert len(lines) == 1, f"expected it to be told once, got {lines}"


@pytest.mark.parametrize("missing", ["incoming", "allow", None])
def test_N4_the_settings_of_the_recursor(ecs, authority, directory, start_server, missing):
    """Both are needed, as the operator's guide has it."""
    how = {"incoming": {"incoming": False}, "allow": {"allow": ""}, None: {}}[missing]
    recursor = start_server(
        PowerDNSRecursor(directory, "example.net", **{"allow": "example.net", **how})
    )
    text = guide.text_of("doc", "operation.md")
    for setting in ("use-incoming-edns-subnet=yes", "edns-subnet-allow-list=cdn.example",
                    "use_incoming_edns_subnet: true", "edns_subnet_allow_list: [cdn.example]"):
        assert f"{setting}\n" in text, f"expected {setting} in the guide"
    ecs.options["resolver"] = recursor.address[0]
    authority.behave(TARGET, "A", places({HERE: A2, THERE: A3}, ttl=60))
    serve(ecs)
    here, there = (A1, A1) if missing else (A2, A3)
    for client, address in ((HERE, here), (THERE, there)):
        known(ZONE, "A", ecs=client).expect(a={address})


def test_N4_without_the_option_it_is_for_the_subnet_asked_for(ecs, authority, proto):
    authority.behave(TARGET, "A", places({HERE: A2, THERE: A3}, scope=None))
    serve(ecs)
    for client, address in ((HERE, A2), (NEAR, A1), (THERE, A3)):
        for_subnet(client, {address}, 24, proto=proto)
    # Prefixes shorter than those that are told are asked for as they are.
    for_subnet("10.0.0.0/8", {A1}, 8, proto=proto)
    before = authority.count(TARGET, "A")
    for _ in range(3):
        for_subnet("198.51.100.77/32", {A2}, 24, proto=proto)
        for_subnet("203.0.113.0/28", {A3}, 24, proto=proto)
    assert authority.count(TARGET, "A") == before, "expected what is known to be kept"
    assert len(ecs.wait_log(*LOGGED, ask=ZONE)) == 1


@pytest.mark.parametrize("rcode", ["NOERROR", "NXDOMAIN"])
def test_N4_a_negative_answer_without_the_option(ecs, authority, proto, rcode):
    def choose(subnet):
        if subnet is not None and str(subnet.network) == HERE:
            return Behaviour(rcode=rcode)
        return Behaviour(rdata=(A1,))

    authority.behave(TARGET, "A", choose)
    serve(ecs)
    for_subnet(HERE, (), 24, proto=proto)
    for_subnet(THERE, {A1}, 24, proto=proto)


def test_N4_a_chain_of_which_one_step_does_not_say_for_whom(ecs, authority, proto):
    """The longest scope of all steps counts."""
    end = "end.example.net"
    authority.behave(
        TARGET, "A", lambda subnet: Behaviour(cname=f"{end}.", follow=False, scope=None)
    )
    authority.behave(end, "A", places({HERE: A2}, scope=None))
    serve(ecs)
    for_subnet(HERE, {A2}, 24, proto=proto)
    for_subnet(THERE, {A1}, 24, proto=proto)


def test_N4_who_has_said_for_whom_means_everybody_without(ecs, authority, proto):
    """RFC 7871, 7.3: a server that takes subnets leaves the option out for zones without any."""
    authority.behave(OTHER_TARGET, "A", places({HERE: A3}))
    authority.behave(TARGET, "A", lambda _: Behaviour(rdata=(A2,), scope=None))
    ecs.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    serve(ecs)
    for_subnet(HERE, {A3}, 24, name=OTHER_ZONE, proto=proto)
    for_subnet(HERE, {A2}, 0, proto=proto)
    before = authority.count(TARGET, "A")
    for client in (NEAR, THERE, "10.0.0.0/8"):
        for_subnet(client, {A2}, 0, proto=proto)
    assert authority.count(TARGET, "A") == before, "expected one answer for everybody"
    assert not ecs.log_lines(*LOGGED)


@pytest.mark.parametrize("edns", ["ignored", "formerr"])
def test_N4_a_server_without_edns_means_everybody(ecs, authority, proto, edns):
    """It cannot know of the subnet; nor can one that is asked again without it."""
    authority.behave(TARGET, "A", lambda _: Behaviour(rdata=(A2,), edns=edns, ttl=300))
    serve(ecs)
    for_subnet(HERE, {A2}, 0, proto=proto)
    before = authority.count(TARGET, "A")
    for client in (NEAR, THERE):
        for_subnet(client, {A2}, 0, proto=proto)
    assert authority.count(TARGET, "A") == before, "expected one answer for everybody"
    assert not ecs.log_lines(*LOGGED)


def test_N4_a_server_that_comes_to_say_for_whom(ecs, authority):
    """What is kept for subnets becomes what it is, with the next lookup."""
    ecs.options["ttl-max"] = 1
    authority.behave(TARGET, "A", lambda _: Behaviour(rdata=(A2,), scope=None, ttl=1))
    serve(ecs)
    for_subnet(HERE, {A2}, 24)
    for_subnet(THERE, {A2}, 24)
    authority.behave(TARGET, "A", lambda _: Behaviour(rdata=(A2,), scope=0, ttl=1))
    for_subnet(HERE, {A2}, 0)
    for_subnet(THERE, {A2}, 0)
    for _ in during(2):
        for client in (HERE, NEAR, THERE):
            query(ZONE, "A", ecs=client).expect(a={A2}, scope=0, ede=set())
