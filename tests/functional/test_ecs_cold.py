"""N4, C1-C3: a subnet that nobody asked for yet, and what there is in place of its answer."""

import time

import pytest
from harness import (
    A1, A2, A3, FAILURES, NOT_READY, PROMPT, SIBLING_A, STALE_ANSWER, TARGET, ZONE, aname, during,
    eventually, failed, known, query, siblings,
)
from harness.authority import Behaviour
from harness.subnets import (
    FALLBACK_TTL, HERE, OTHER_TARGET, THERE, ask, asked, cdn, each, except_for, for_subnet,
    general, of_network, serve,
)


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
    for_subnet(HERE, {A2}, 24)
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
    for_subnet(HERE, {A2}, 24, ttl=(50, 60))
    for_subnet("198.51.96.0/20", {A2}, 24, ttl=(50, 60))


def test_N4_C2_nothing_at_all_when_waiting_is_over(ecs, authority):
    ecs.options["wait"] = 200
    authority.behave(TARGET, "A", each(delay=1.0))
    serve(ecs)
    ask(HERE).expect(tc=True, aa=None, a=())
    ask(HERE, "A", "tcp").expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False)
    for_subnet(HERE, {"10.198.51.100"}, 24)


def test_N4_C3_servfail_only_without_a_general_answer(ecs, authority):
    ecs.options["cold"] = "servfail"
    authority.behave(TARGET, "A", each(delay=0.3))
    serve(ecs)
    ask(HERE).expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False)
    for_subnet(HERE, {"10.198.51.100"}, 24)
    eventually(lambda: query(ZONE, "A").expect(a={A1}), what="the general answer")
    ask(THERE).expect(a={A1}, scope=24, ttl=(0, FALLBACK_TTL), soa=False)
    for_subnet(THERE, {"10.203.0.113"}, 24)


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
    for_subnet(THERE, {A3}, 24)
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
    for_subnet(HERE, {"10.198.51.100"}, 24, proto=proto, ttl=(50, 60))


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
    for_subnet(HERE, {"10.198.51.100"}, 24, proto=proto, ttl=(50, 60))
    failed(proto=proto)
    ask(HERE, "A", proto).expect(a={"10.198.51.100"}, scope=24, ede=set())


def test_N4_new_clients_of_a_target_that_fails(ecs, authority, proto):
    """They get the general answer, and cost no lookups."""
    ecs.options.update({"ttl-max": 1, "retry-min": 60, "timeout": 500})
    authority.behave(TARGET, "A", each())
    serve(ecs)
    known(ZONE, "A")
    for_subnet(HERE, {"10.198.51.100"}, 24)
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


def test_N4_F2_siblings_for_one_client_are_for_that_client(ecs, authority, proto):
    fail = Behaviour(rcode="SERVFAIL")
    authority.behave(
        TARGET, "A", lambda subnet: each()(subnet) if str(subnet) == HERE else fail
    )
    serve(ecs, *siblings())
    for_subnet(HERE, {of_network(HERE, 24)}, 24)
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
    for_subnet(HERE, {of_network(HERE, 24), A2}, 24, proto=proto)
    eventually(lambda: ask(THERE, "A", proto).expect(a={A2}, ttl=(6, 60), scope=24))
