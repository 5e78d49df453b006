"""N4, T2-T4, F1: answers for subnets in the course of time, and over a reload."""

import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, PROMPT, STALE_ANSWER, TARGET, ZONE, answers, during, eventually,
    known, query,
)
from harness.authority import Behaviour
from harness.subnets import (
    FALLBACK_TTL, HERE, MISMATCHES, NEAR, SIX, THERE, ask, asked, cdn, each, except_for,
    for_subnet, general, of_network, recursor, serve, serve_taken,
)


def test_N4_T2_each_answer_is_kept_fresh(through, authority, request):
    through.options["ttl-max"] = 2
    authority.behave(TARGET, "A", each(ttl=2))
    authority.behave(TARGET, "AAAA", cdn({HERE: [AAAA2]}, general=[AAAA1], ttl=2))
    serve(through)
    clients = [HERE, THERE, NEAR, "198.51.96.0/20"]
    for client in clients:
        for_subnet(client, {of_network(client, 24)}, 24)
    for_subnet(HERE, {AAAA2}, 24, "AAAA")
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
    for_subnet(HERE, {A2}, 16)
    for _ in during(4.5):
        ask(NEAR).expect(a={A2}, scope=16, ede=set())
    seen = asked(authority)
    assert set(seen) == {HERE} and len(seen) >= 3, f"expected {HERE} again and again, got {seen}"


def test_N4_T3_what_nobody_asks_for_is_let_go(ecs, authority):
    ecs.options.update({"ttl-max": 1, "idle": 2})
    authority.behave(TARGET, "A", each(ttl=1))
    serve(ecs)
    for_subnet(HERE, {"10.198.51.100"}, 24)
    for_subnet(THERE, {"10.203.0.113"}, 24)
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
    for_subnet(HERE, {A2}, 24)
    for_subnet(THERE, {A3}, 24)
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

    def address_of(client, scope, first):
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
        for_subnet(client, {address_of(client, before, 10)}, before or 0)
    changed = time.monotonic()
    authority.behave(TARGET, "A", behaviour(after, 11))
    settled = {}
    # A lifetime, and time for what comes to be asked for then.
    while time.monotonic() - changed < ttl + PROMPT + 1 and len(settled) < len(clients):
        for client in clients:
            address, reply = current(client)
            allowed = {address_of(client, before, 10), address_of(client, after, 11)}
            allowed |= {"10.255.255.255", "11.255.255.255"}
            assert address in allowed, f"expected an answer of {client}'s, got {reply}"
            if address == address_of(client, after, 11):
                settled.setdefault(client, time.monotonic() - changed)
        time.sleep(0.02)
    assert len(settled) == len(clients), f"expected the new answers for all, got {settled}"
    # From then on it is the new one, the next refresh included.
    for _ in during(2.5):
        for client in clients:
            address, reply = current(client)
            assert address == address_of(client, after, 11), f"expected the new answer, got {reply}"
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
    for_subnet(HERE, {A2}, 24)
    for_subnet(THERE, {A3}, 24)
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
    for_subnet(HERE, {"192.0.2.22"}, 24)


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_N4_F1_no_client_is_left_dark(ecs, start_unbound, authority, how):
    ecs.options.update({"ttl-max": 1, "retry-max": 1, "timeout": 500})
    unbound = recursor(ecs, start_unbound)
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3], SIX: [A3]}, ttl=1))
    serve(ecs)
    for_subnet(HERE, {A2}, 24)
    for_subnet(THERE, {A3}, 24)
    for_subnet(SIX, {A3}, 56)
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
    for_subnet(HERE, {A2}, 24)
    for_subnet(NEAR, {A1}, 24, ttl=(0, 1))


# Reload.


@pytest.mark.parametrize("changed", [{}, {"ttl-max": 50}, {"ttl-min": 2, "idle": 600}], ids=str)
def test_N4_T4_reload_keeps_what_is_known(ecs, authority, proto, changed):
    authority.behave(TARGET, "A", cdn({HERE: [A2], "203.0.0.0/16": [A3]}, ttl=100))
    serve(ecs)
    for_subnet(HERE, {A2}, 24)
    for_subnet(THERE, {A3}, 16)
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
    for_subnet(HERE, {A2}, 24, proto=proto)
    ecs.options["ecs-ipv4-prefix"] = 16
    ecs.reload()
    for_subnet(HERE, {A3}, 16, proto=proto)
    assert asked(authority)[-1] == "198.51.0.0/16"


def test_N4_T4_reload_turns_it_off_and_on(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs)
    for_subnet(HERE, {A2}, 24, proto=proto)
    ecs.options["ecs"] = False
    ecs.reload()
    for_subnet(HERE, {A1}, 0, proto=proto)
    ecs.options["ecs"] = True
    ecs.reload()
    for_subnet(HERE, {A2}, 24, proto=proto)


def test_N4_T4_others_are_asked_for_after_a_reload(ecs, authority, proto):
    """What is inherited does not hold up what is not."""
    authority.behave(TARGET, "A", each(ttl=300))
    serve(ecs)
    for_subnet(HERE, {of_network(HERE, 24)}, 24)
    ecs.options["ttl-max"] = 7200
    ecs.reload()
    for_subnet(HERE, {of_network(HERE, 24)}, 24, proto=proto)
    for_subnet(THERE, {of_network(THERE, 24)}, 24, proto=proto)


@pytest.mark.parametrize("changed", [{"ecs-ipv4-prefix": 16}, {"ecs": False}], ids=["16", "off"])
def test_N4_no_more_bits_are_sent_than_now_allowed(ecs, authority, changed):
    authority.behave(TARGET, "A", each(scope=16, ttl=1))
    serve(ecs)
    for_subnet(HERE, {of_network(HERE, 16)}, 16)
    ecs.options.update(changed)
    ecs.reload()
    eventually(lambda: ask(NEAR).expect(a=None, scope=0 if "ecs" in changed else 16))
    since = time.monotonic()
    for _ in during(3):
        ask(NEAR)
    told = asked(authority, since=since)
    assert HERE not in told and NEAR not in told, f"expected at most 16 bits, got {told}"
