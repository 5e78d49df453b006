"""N4, L1: how many subnets are kept, and what an attacker might do."""

import threading
import time

from harness import A1, A2, A3, PROMPT, TARGET, ZONE, aname, during, eventually, in_time, known, query
from harness.authority import Behaviour
from harness.subnets import (
    HERE, NEAR, OTHER_TARGET, OTHER_ZONE, THERE, Flood, ask, asked, each, except_for,
    for_subnet, general, of_network, serve, settled,
)


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


def test_N4_L1_a_flood_pushes_out_nobody_who_keeps_asking(ecs, authority):
    ecs.options.update({"max-target-subnets": 16, "max-subnets": 20, "ttl-max": 2})
    for target in (TARGET, OTHER_TARGET):
        authority.behave(target, "A", each(ttl=2))
    ecs.add_zone(OTHER_ZONE, [aname(OTHER_TARGET)])
    serve(ecs)
    for client in (HERE, NEAR):
        for_subnet(client, {of_network(client, 24)}, 24)
    for_subnet(THERE, {of_network(THERE, 24)}, 24, name=OTHER_ZONE)
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
    for_subnet(NEAR, {of_network(NEAR, 24)}, 24)
    with Flood(pause=0.005) as flood:
        eventually(lambda: flood.count > 200, what="a flood that takes all places")
        # Never dark, and in the end as good as those who were there before.
        in_a_row = 0
        start = time.monotonic()
        while in_a_row < 20:
            assert in_time(start, 15), "expected an answer of its own that stays"
            reply = ask(HERE)
            if reply.tc:
                reply = settled(HERE)
                in_a_row = 0
            in_a_row = in_a_row + 1 if reply.addresses() == {of_network(HERE, 24)} else 0
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


def test_N4_F4_many_clients_of_a_target_that_fails_for_all(ecs, authority):
    ecs.options.update({"retry-min": 60, "retry-max": 3600, "max-target-subnets": 16})
    authority.behave(TARGET, "A", each(ttl=300))
    serve(ecs)
    for_subnet(HERE, {of_network(HERE, 24)}, 24)
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
