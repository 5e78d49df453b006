"""N4: replies that do not fit the question, and servers that do not know the option."""

import dataclasses
import time

import pytest
from harness import A1, A2, A3, AAAA2, TARGET, ZONE, aname, answers, during, eventually, in_time, query
from harness.authority import Behaviour
from harness.subnets import (
    FALLBACK_TTL, HERE, MISMATCHES, NEAR, OTHER_TARGET, OTHER_ZONE, SIX, THERE, ask, asked, cdn,
    each, except_for, for_subnet, general, of_network, serve, without,
)


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
    for_subnet(THERE, {A2}, 24)
    answers({A1})
    # It is tried again, and right now.
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    for_subnet(HERE, {A2}, 24)


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
    for_subnet(HERE, {A1}, 0, proto=proto, ttl=(50, 60))
    for client in (HERE, NEAR, THERE, "10.0.0.0/8"):
        ask(client, "A", proto).expect(a={A1}, scope=0, ttl=(50, 60), ede=set())
    four = asked(authority)
    assert len(four) <= 2 and set(four) <= {HERE}, f"expected one subnet to be tried, got {four}"
    for_subnet(SIX, {A1}, 0, proto=proto, ttl=(50, 60))
    answers({A1}, proto=proto, scope=(), ede=set())


@pytest.mark.parametrize("kind", ["formerr", "refused"])
def test_N4_servers_that_learn_of_subnets(ecs, authority, kind):
    plain = PLAIN_SERVERS[kind]
    authority.behave(TARGET, "A", lambda subnet: dataclasses.replace(plain(subnet), ttl=2))
    ecs.options["ttl-max"] = 2
    serve(ecs)
    for_subnet(HERE, {A1}, 0)
    authority.behave(TARGET, "A", each(ttl=2))
    start = time.monotonic()
    while True:
        reply = ask(HERE)
        if reply.tc:
            reply = ask(HERE, "A", "tcp")
        reply.expect(rcode="NOERROR", ede=set())
        if reply.addresses() == {"10.198.51.100"}:
            break
        assert reply.addresses() == {A1}, f"expected the former answer until then, got {reply}"
        assert in_time(start, 15), "expected the new answer"
        time.sleep(0.05)
    for_subnet(THERE, {"10.203.0.113"}, 24)


@pytest.mark.parametrize("how", ["REFUSED", "FORMERR"])
def test_N4_a_server_that_refuses_for_a_moment(ecs, authority, how):
    """It has taken subnets: what it says to others is not what it says to these."""
    authority.behave(TARGET, "A", each(ttl=100))
    ecs.options["retry-max"] = 1
    serve(ecs)
    for_subnet(HERE, {of_network(HERE, 24)}, 24)
    authority.behave(TARGET, "A", lambda subnet: (
        Behaviour(rdata=(A1,), ttl=100) if without(subnet) else Behaviour(rcode=how)
    ))
    general(THERE, 24)
    authority.behave(TARGET, "A", each(ttl=100))
    for_subnet(THERE, {of_network(THERE, 24)}, 24)
    for_subnet(NEAR, {of_network(NEAR, 24)}, 24)


def test_N4_edns_is_not_given_up_for_one_target(ecs, authority):
    """FORMERR for one target, passed on by a forwarder, says nothing of the others."""
    authority.behave(TARGET, "A", each(ttl=100))
    for rdtype, rdata in (("A", A2), ("AAAA", AAAA2)):
        authority.behave(OTHER_TARGET, rdtype, Behaviour(rdata=(rdata,), edns="formerr"))
    ecs.add_zone(ZONE, [aname(TARGET)])
    ecs.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    ecs.start()
    for_subnet(HERE, {of_network(HERE, 24)}, 24)
    eventually(lambda: query(OTHER_ZONE, "A").expect(a={A2}), what="the other's address")
    eventually(lambda: query(OTHER_ZONE, "AAAA").expect(aaaa={AAAA2}), what="and the other")
    for_subnet(THERE, {of_network(THERE, 24)}, 24)
