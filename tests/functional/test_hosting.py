"""L4: zones that strangers write, on a server of many: what one does is no matter to others."""

import contextlib
import itertools
import random
import threading
import time

import dns.name
import dns.query
import dns.rcode
import dns.update
import pytest
from harness import A1, A2, PROMPT, SERVER, NoReply, aname, eventually, known, query, rdata, section
from harness.authority import ADDRESS, Behaviour
from harness.subnets import ask, each

GOOD = [f"good{i}.example" for i in range(40)]
HOSTILE = "hostile.example"
OPEN = {"acl": "local"}


def good_zones(knotd, authority, zones=GOOD, **how):
    """Zones with a target each."""
    for i, zone in enumerate(zones):
        authority.set(f"{zone.split('.')[0]}.example.net", a=[A1], **how)
        knotd.add_zone(zone, [aname(f"{zone.split('.')[0]}.example.net")])


def open_to_updates(knotd):
    knotd.sections.append(section("acl", "local", address="127.0.0.0/8", action="update"))


def all_fresh(zones=GOOD):
    for zone in zones:
        query(zone, "A").expect(a={A1}, ede=set())


def replace_targets(zone, names):
    """What the owner of the zone may do at any time: other records, by an update."""
    update = dns.update.Update(zone)
    update.delete("@", "TYPE65305")
    for name in names:
        update.add("@", 60, "TYPE65305", rdata(dns.name.from_text(name).to_wire()))
    reply = dns.query.tcp(update, SERVER[0], port=SERVER[1], timeout=60)
    assert reply.rcode() == dns.rcode.NOERROR, f"expected NOERROR, got {reply}"


@pytest.mark.limit(180)
def test_L4_ever_new_targets(knotd, unbound, authority):
    most = 400
    knotd.options.update({"max-targets": most, "lookup-rate": 1000})
    open_to_updates(knotd)
    good_zones(knotd, authority)
    late = [f"late{i}.example" for i in range(20)]
    good_zones(knotd, authority, late)
    knotd.add_zone(HOSTILE, [aname("x.example.net")], zone_options=OPEN)
    knotd.start()
    for zone in GOOD:
        known(zone, "A").expect(a={A1})
    # Three times as many as there may be. Nothing of it exists.
    for round_ in range(40):
        replace_targets(HOSTILE, [f"r{round_}n{i}.example.net" for i in range(32)])
        query(HOSTILE, "A")
        all_fresh(GOOD[:: 1 + round_ % 7])
    all_fresh()
    for zone in late:
        known(zone, "A").expect(a={A1}, ede=set())
    knotd.wait_log(HOSTILE, f"this zone holds .* of {most} targets", ask=HOSTILE)


@pytest.mark.limit(120)
def test_L4_ever_new_targets_hide_no_other_zones_lines(knotd, unbound, authority):
    knotd.options.update({"ttl-max": 1, "retry-max": 1})
    open_to_updates(knotd)
    good_zones(knotd, authority, GOOD[:1])
    knotd.add_zone(HOSTILE, [aname("x.example.net")], zone_options=OPEN)
    knotd.start()
    known(GOOD[0], "A").expect(a={A1})
    for i in range(32 * 40):
        authority.fail(f"r{i // 32}n{i % 32}.example.net")
    stop = threading.Event()

    def fail_on():
        for round_ in itertools.cycle(range(40)):
            if stop.is_set():
                return
            replace_targets(HOSTILE, [f"r{round_}n{i}.example.net" for i in range(32)])
            for _ in range(10):
                query(HOSTILE, "A")
                time.sleep(0.05)

    thread = threading.Thread(target=fail_on)
    thread.start()
    try:
        eventually(lambda: len(knotd.log_lines(HOSTILE, "fails")) > 40, 30, what="many lines")
        authority.fail("good0.example.net")
        knotd.wait_log(GOOD[0], "fails", ask=GOOD[0], timeout=30)
        authority.set("good0.example.net", a=[A1])
        knotd.wait_log(GOOD[0], "recovered", ask=GOOD[0], timeout=40)
    finally:
        stop.set()
        thread.join()


@pytest.mark.limit(120)
@pytest.mark.parametrize("places", [64, 8])
def test_L4_slow_targets_of_some_zones(knotd, authority, places):
    knotd.options.update({"resolver": ADDRESS, "max-lookups": places, "timeout": 10000})
    hostile = [f"hostile{i}.example" for i in range(4)]
    for zone in hostile:
        names = [f"{zone.split('.')[0]}n{i}.example.net" for i in range(32)]
        for name in names:
            authority.set(name, a=[A2], aaaa=["2001:db8::2"], ttl=1, delay=1.5)
        knotd.add_zone(zone, [aname(name) for name in names])
    good_zones(knotd, authority, ttl=2)
    late = [f"late{i}.example" for i in range(9)]
    good_zones(knotd, authority, late)
    knotd.options["wait"] = 5000
    knotd.start()
    for zone in GOOD:
        known(zone, "A").expect(a={A1})
    end = time.monotonic() + 8
    stale, turn = 0, itertools.cycle(late)
    while time.monotonic() < end:
        for zone in hostile:
            query(zone, "A")
            query(zone, "AAAA")
        # They may be late by what a machine does, but never fail, nor go stale.
        for zone in GOOD:
            stale += bool(query(zone, "A").expect(a={A1}).ede)
        query(next(turn), "A", "tcp", timeout=20).expect(a={A1}, ede=set())
    assert stale == 0, f"expected no stale answer, got {stale}"


@contextlib.contextmanager
def random_clients(count):
    """So many ask over TCP all the time for clients of a network that nobody asked for yet."""
    stop = threading.Event()
    took = []

    def run(number):
        chance = random.Random(number)
        while not stop.is_set():
            client = f"{chance.randrange(1, 224)}.{chance.randrange(256)}.{chance.randrange(256)}"
            with contextlib.suppress(NoReply, OSError, EOFError):
                took.append(ask(f"{client}.0/24", "A", "tcp", timeout=60).elapsed)

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: [one for one in took if one > 0.3], 20, what="somebody has waited")
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.limit(150)
@pytest.mark.parametrize("wait", [500, 5000])
def test_L4_C2_waiting_for_random_subnets(ecs, authority, wait):
    ecs.options["wait"] = wait
    ecs.server["tcp-workers"] = 10
    open_to_updates(ecs)
    late = Behaviour(rdata=(A2,), scope=24, delay=20.0)
    authority.behave("target.example.net", "A", lambda subnet: late if subnet else each()(None))
    ecs.add_zone("example.com", [aname("target.example.net")], zone_options=OPEN)
    authority.set("other.example.net", a=[A1], delay=0.1)
    ecs.add_zone("other.example", [aname("other.example.net")], zone_options=OPEN)
    ecs.start()
    with random_clients(20):
        for number in range(3):
            start = time.monotonic()
            update = dns.update.Update("other.example")
            update.add(f"x{number}", 60, "TXT", "here")
            dns.query.udp(update, SERVER[0], port=SERVER[1], timeout=60)
            elapsed = time.monotonic() - start
            assert elapsed < wait / 1000 + PROMPT, f"expected one wait at most, got {elapsed:.2f}"
        start = time.monotonic()
        ecs.knotc("-t", "120", "reload", timeout=130)
        elapsed = time.monotonic() - start
        assert elapsed < wait / 1000 + 2 + PROMPT, f"expected 2 s more, got {elapsed:.2f} s"
        # And whoever asks for another zone has a place.
        eventually(
            lambda: query("other.example", "A", "tcp", timeout=30).expect(a={A1}), 30,
            what="another zone's name is answered",
        )
