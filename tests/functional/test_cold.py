"""C1-C3: the first query for a name nobody asked for yet."""

import contextlib
import itertools
import socket
import threading
import time

import dns.query
import dns.rcode
import dns.update
import pytest
from harness import (
    A1, A2, AAAA1, FAILURES, NOT_READY, PROMPT, SERVER, SIBLING_A, STALE_ANSWER, TARGET,
    ZONE, NoReply, aname, answers, eventually, expire, failed, known, let_pass, query, section,
    siblings,
)
from harness.authority import ADDRESS
from harness.unbound import ask


# What stands in for something that is not known yet lives no longer.
PARTIAL_TTL = 5


def cold(knotd, authority, *, delay=0.0, records=(), zones=(ZONE,)):
    """Zones whose common target answers late; nobody has asked yet."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=delay)
    for zone in zones:
        knotd.add_zone(zone, [aname(TARGET), *records])
    knotd.start()


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_C1_cold_over_udp_is_truncated_at_once(knotd, unbound, authority, rdtype, with_siblings):
    cold(knotd, authority, delay=0.4, records=siblings() if with_siblings else ())
    reply = query(ZONE, rdtype).expect(tc=True, aa=None, a=(), aaaa=(), soa=False)
    assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    # That query started the lookup, which nothing else would.
    eventually(lambda: authority.count(TARGET, rdtype) == 1, what="the lookup has started")
    known(ZONE, rdtype).expect(
        **{"a" if rdtype == "A" else "aaaa": {A1 if rdtype == "A" else AAAA1}}, ede=set()
    )


def test_C1_without_edns(knotd, unbound, authority):
    cold(knotd, authority, delay=0.3)
    query(ZONE, "A", edns=False).expect(tc=True, aa=None, a=(), soa=False)


def test_C1_nobody_asked_nothing_is_looked_up(knotd, unbound, authority):
    cold(knotd, authority)
    for rdtype in ("SOA", "NS", "MX", "TXT"):
        query(ZONE, rdtype)
    let_pass(0.5)
    count = authority.count(TARGET)
    assert count == 0, f"expected no lookup before the first query for an address, got {count}"


def test_C1_udp_workers_never_wait(knotd, unbound, authority):
    zones = [f"zone{i}.example" for i in range(100)]
    for i, zone in enumerate(zones):
        authority.drop(f"dead{i}.example.net")
        knotd.add_zone(zone, [aname(f"dead{i}.example.net")])
    knotd.server["udp-workers"] = 1
    knotd.start()
    start = time.monotonic()
    for zone in zones:
        query(zone, "A").expect(tc=True, aa=None, a=())
        query(f"ns.{zone}", "A").expect(a={"198.51.100.53"})
    took = time.monotonic() - start
    assert took < PROMPT, f"expected 200 replies from one worker at once, took {took:.1f} s"


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
def test_C1_through_a_recursor(knotd, start_unbound, authority, rdtype):
    cold(knotd, authority, delay=0.1)
    start_unbound(stubs={ZONE: "127.0.0.1@5300"})
    reply = ask(ZONE, rdtype, timeout=10).expect(
        aa=None, **({"a": {A1}} if rdtype == "A" else {"aaaa": {AAAA1}})
    )
    # The target's latency, the round trips to it and back, and no client's time-out.
    assert reply.elapsed < 0.1 + PROMPT, f"expected an answer at once, got {reply}"


def test_C2_tcp_waits_for_the_running_lookup(knotd, unbound, authority):
    cold(knotd, authority, delay=0.25, records=["www IN CNAME @"])
    reply = query(ZONE, "A", "tcp").expect(a={A1}, ede=set(), soa=False)
    assert 0.2 <= reply.elapsed < PROMPT, f"expected about 0.25 s, got {reply}"
    reply = query(f"www.{ZONE}", "AAAA", "tcp").expect(aaaa={AAAA1}, ede=set(), soa=False)
    assert 0.2 <= reply.elapsed < PROMPT, f"expected about 0.25 s, got {reply}"


def test_C2_retry_over_tcp_meets_the_answer(knotd, unbound, authority):
    cold(knotd, authority, delay=0.1)
    query(ZONE, "A").expect(tc=True, aa=None, a=())
    eventually(lambda: authority.count(TARGET, "A"), what="the lookup")
    reply = query(ZONE, "A", "tcp").expect(a={A1}, ede=set())
    assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"


def test_C2_wait_for_nodata_and_for_a_failure(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], delay=0.15)
    authority.fail("bad.example.net")
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname("bad.example.net")])
    knotd.start()
    query(ZONE, "AAAA", "tcp").expect(aaaa=(), soa=True, ede=set())
    query("example.org", "A", "tcp").expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)


@pytest.mark.parametrize("wait", [None, 200, 1500])
def test_C2_wait_is_bounded(knotd, unbound, authority, wait):
    if wait is not None:
        knotd.options["wait"] = wait
    cold(knotd, authority, delay=2.5)
    limit = (500 if wait is None else wait) / 1000
    reply = query(ZONE, "A", "tcp", timeout=10).expect(
        rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False
    )
    assert limit - 0.05 <= reply.elapsed <= limit + PROMPT, (
        f"expected a wait of {limit} s, got {reply}"
    )


def test_C2_wait_zero_never_waits(knotd, unbound, authority):
    knotd.options["wait"] = 0
    cold(knotd, authority, delay=0.5)
    reply = query(ZONE, "A", "tcp").expect(
        rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False
    )
    assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    answers({A1}, ede=set())


def test_C2_sibling_when_the_wait_is_over(knotd, unbound, authority):
    cold(knotd, authority, delay=2.5, records=siblings())
    reply = query(ZONE, "A", "tcp").expect(a={SIBLING_A}, ttl=(1, PARTIAL_TTL), soa=False)
    assert reply.elapsed >= 0.45, f"expected the wait first, got {reply}"


def parallel(count, task):
    """Run task(i) in threads and return the results in order; errors are raised."""
    results = [None] * count

    def run(i):
        try:
            results[i] = task(i)
        except AssertionError as error:
            results[i] = error

    threads = [threading.Thread(target=run, args=(i,)) for i in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, AssertionError):
            raise result
    return results


def test_C2_at_most_half_of_the_tcp_workers_wait(knotd, unbound, authority):
    zones = [f"zone{i}.example" for i in range(24)]
    knotd.server["tcp-workers"] = 4
    knotd.options["wait"] = 1000
    for i, zone in enumerate(zones):
        authority.drop(f"dead{i}.example.net")
        knotd.add_zone(zone, [aname(f"dead{i}.example.net")])
    knotd.start()
    start = time.monotonic()
    replies = parallel(
        len(zones), lambda i: (query(zones[i], "A", "tcp", timeout=30), time.monotonic() - start)
    )
    for reply, _ in replies:
        reply.expect(rcode="SERVFAIL", aa=None, a=(), soa=False)
        assert reply.ede and reply.ede[0] in {NOT_READY, *FAILURES}, (
            f"expected EDE 14, or 22 or 23 once it is known to fail, got {reply}"
        )
    # Two workers may wait; the other two answer whatever they hold at once.
    at_once = [reply for reply, when in replies if when < 0.7]
    assert len(at_once) >= 2, (
        "expected some told at once that it is not ready, got"
        f" {sorted(round(when, 2) for _, when in replies)}"
    )
    for reply in at_once:
        reply.expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})


def test_C2_other_tcp_clients_are_served_while_half_of_the_workers_wait(
    knotd, unbound, authority
):
    knotd.server["tcp-workers"] = 4
    knotd.options["wait"] = 3000
    zones = [f"zone{i}.example" for i in range(8)]
    for i, zone in enumerate(zones):
        authority.drop(f"dead{i}.example.net")
        knotd.add_zone(zone, [aname(f"dead{i}.example.net")])
    knotd.start()
    waiting = [
        threading.Thread(target=lambda zone=zone: query(zone, "A", "tcp", timeout=60))
        for zone in zones
    ]
    for thread in waiting:
        thread.start()
    eventually(
        lambda: authority.count("dead0.example.net") + authority.count("dead7.example.net") >= 1,
        what="somebody waits",
    )
    # A new connection goes to any of the four workers: at least two of them are free.
    replies = parallel(16, lambda _: query("ns.zone0.example", "A", "tcp", timeout=60))
    quick = [reply for reply in replies if reply.elapsed < 1]
    for thread in waiting:
        thread.join()
    assert len(quick) >= 3, (
        "expected about half of the clients served at once, got"
        f" {sorted(round(reply.elapsed, 2) for reply in replies)}"
    )


def test_C2_at_least_one_worker_waits(knotd, unbound, authority):
    knotd.server["tcp-workers"] = 1
    cold(knotd, authority, delay=0.2)
    query(ZONE, "A", "tcp").expect(a={A1}, ede=set())


# Resolvers that nobody reads from: what one is asked for stays cold for `timeout`, a minute at most.
BLACK_HOLES = [f"127.0.0.{last}" for last in range(13, 17)]


@pytest.fixture
def black_hole(knotd):
    """200 zones whose targets stay cold, and a wait of 2 s; returns their names."""
    with contextlib.ExitStack() as holes:
        for address in BLACK_HOLES:
            hole = holes.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            hole.bind((address, 53))
        knotd.options.update(
            {"wait": 2000, "resolver": BLACK_HOLES[0], "timeout": 60000, "retries": 10}
        )
        knotd.sections.append(section("acl", "local", address="127.0.0.0/8", action="update"))
        zones = [f"zone{i}.example" for i in range(200)]
        for i, zone in enumerate(zones):
            knotd.add_zone(zone, [aname(f"t{i}.example.net")], zone_options={"acl": "local"})
        knotd.start()
        yield zones


@contextlib.contextmanager
def clients(zones, count=8):
    """So many ask over TCP all the time, each time for the next cold name; some wait already.

    The context is a list of how long each reply took.
    """
    stop, took = threading.Event(), []
    turns = itertools.count()

    def run():
        while not stop.is_set():
            turn = next(turns)
            rdtype = "AAAA" if turn // len(zones) % 2 else "A"
            with contextlib.suppress(NoReply):
                took.append(query(zones[turn % len(zones)], rdtype, "tcp", timeout=60).elapsed)
            time.sleep(0.01)

    threads = [threading.Thread(target=run) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        eventually(lambda: [one for one in took if one > 0.5], what="somebody has waited")
        yield took
    finally:
        stop.set()
        for thread in threads:
            thread.join()


@pytest.mark.limit(150)
def test_C2_a_reload_is_held_up_by_one_wait(knotd, black_hole):
    with clients(black_hole) as took:
        # What else a machine does comes on top: the best of a few tells.
        elapsed = 60
        for hole in BLACK_HOLES[1:]:
            # Another one, so that all is cold however long this has taken.
            knotd.options["resolver"] = hole
            knotd.write_conf()
            start = time.monotonic()
            knotd.knotc("-t", "120", "reload", timeout=130)
            elapsed = min(elapsed, time.monotonic() - start)
        done = len(took)
        eventually(lambda: [one for one in took[done:] if one > 0.5], 20, what="they wait again")
    # knotd waits for its readers in a dozen places before it is done.
    assert elapsed < 2.6 + PROMPT, f"expected one wait of 2 s at most, got {elapsed:.1f} s"


@pytest.mark.limit(120)
def test_C2_who_gets_an_answer_is_not_cut_short_for_updates_that_are_not_there(knotd, authority):
    zones = [f"zone{i}.example" for i in range(200)]
    knotd.server["tcp-workers"] = 24
    knotd.options.update({"wait": 1500, "resolver": ADDRESS})
    for i, zone in enumerate(zones):
        # So that they do not all end at once.
        authority.set(f"t{i}.example.net", a=[A1], aaaa=[AAAA1], delay=0.2 + i * 37 % 100 / 500)
        knotd.add_zone(zone, [aname(f"t{i}.example.net")])
    knotd.start()
    asked = iter([(zone, rdtype) for zone in zones for rdtype in ("A", "AAAA")])
    # Somebody waits at any time, for three times as long as anybody may.
    end = time.monotonic() + 5

    def ask_on(_):
        while time.monotonic() < end:
            reply = query(*next(asked), "tcp", timeout=60)
            reply.expect(ede=set())
            assert reply.addresses(), f"expected addresses, got {reply}"

    parallel(8, ask_on)


def add_by_update(number):
    update = dns.update.Update("zone1.example")
    update.add(f"x{number}", 60, "TXT", "here")
    reply = dns.query.udp(update, SERVER[0], port=SERVER[1], timeout=60)
    assert reply.rcode() == dns.rcode.NOERROR, f"expected NOERROR, got {reply}"


def add_by_control(number, knotd):
    for command in (
        ["zone-begin", "zone1.example"],
        ["zone-set", "zone1.example", f"x{number}", "60", "TXT", "here"],
        ["zone-commit", "zone1.example"],
    ):
        knotd.knotc("-t", "120", *command, timeout=130)


@pytest.mark.limit(150)
@pytest.mark.parametrize("by", ["update", "control"])
def test_C2_each_update_is_held_up_by_one_wait(knotd, black_hole, by):
    with clients(black_hole):
        for number in range(4):
            start = time.monotonic()
            if by == "update":
                add_by_update(number)
            else:
                add_by_control(number, knotd)
            elapsed = time.monotonic() - start
            assert elapsed < 2.6 + PROMPT, f"expected one wait of 2 s at most, got {elapsed:.1f} s"
        eventually(
            lambda: query("x3.zone1.example", "TXT").types() == {"TXT"}, what="the last update"
        )


@pytest.mark.limit(150)
def test_C2_nobody_waits_while_zones_are_loaded(knotd, black_hole):
    def cold_again(zone):
        return query(zone, "A", "tcp", timeout=60).expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})

    reply = cold_again(black_hole[0])
    assert reply.elapsed > 1.5, f"expected that instances loaded at start hold up no wait: {reply}"

    def told_at_once():
        knotd.reload()
        reply = cold_again(next(zones))
        assert reply.elapsed < 1.5, f"expected no wait right after a reload, got {reply}"
        return True

    # A slow machine may come to ask when the time is over: once is enough.
    zones = iter(black_hole[1:])
    eventually(told_at_once, timeout=60)
    # And it is over soon.
    eventually(lambda: cold_again(next(zones)).elapsed > 1.5, timeout=20, step=0.5,
               what="cold queries wait again")


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_C3_cold_servfail(knotd, unbound, authority, proto):
    knotd.options["cold"] = "servfail"
    cold(knotd, authority, delay=1.5)
    reply = query(ZONE, "A", proto).expect(
        rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False
    )
    if proto == "udp":
        assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    eventually(
        lambda: query(ZONE, "A", proto).expect(a={A1}, ede=set()), what="the answer comes"
    )


def test_C3_cold_servfail_prefers_the_sibling(knotd, unbound, authority):
    knotd.options["cold"] = "servfail"
    cold(knotd, authority, delay=0.5, records=siblings())
    query(ZONE, "A").expect(a={SIBLING_A}, ttl=(1, PARTIAL_TTL), soa=False)
    answers({A1}, ede=set())


def test_C1_expired_unasked_is_cold_with_its_last_addresses(knotd, unbound, authority):
    knotd.options.update({"ttl-max": 1, "idle": 1})
    cold(knotd, authority, records=siblings())
    known()
    expire(4)
    authority.drop(TARGET)
    query(ZONE, "A").expect(tc=True, aa=None, a=())
    # Nothing new within the wait: the last addresses (F1) come before the sibling (F2).
    reply = query(ZONE, "A", "tcp").expect(
        a={A1}, ttl=(1, PARTIAL_TTL), ede={STALE_ANSWER}, soa=False
    )
    assert reply.elapsed < 0.5 + PROMPT, f"expected the wait and no more, got {reply}"
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    answers({A2}, ede=set())


def test_C2_cold_pool_waits_for_every_member(knotd, unbound, authority):
    authority.set(TARGET, a=[A1])
    authority.set("other.example.net", a=[A2], delay=0.3)
    knotd.options["wait"] = 5000
    knotd.add_zone(ZONE, [aname(TARGET), aname("other.example.net")])
    knotd.start()
    query(ZONE, "A", "tcp").expect(a={A1, A2}, ede=set())


def test_C2_cold_pool_gives_out_a_part_for_a_short_time(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set("other.example.net", a=[A2], delay=1.5)
    knotd.add_zone(ZONE, [aname(TARGET), aname("other.example.net")])
    knotd.start()
    query(ZONE, "A", "tcp").expect(a={A1}, ttl=(0, 5), ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ttl=(0, 5), ede=set())
    answers({A1, A2}, proto=proto, ttl=(6, 300), ede=set())


def test_C1_failed_target_is_not_cold(knotd, unbound, authority, proto):
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    reply = query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, ede=FAILURES)
    assert reply.elapsed < PROMPT, f"expected no wait for a known failure, got {reply}"


def counted(knotd):
    """{kind: answers} of those that were counted for ZONE."""
    return {
        key[len("answers["):-1]: value
        for key, value in knotd.stats(ZONE).items()
        if key.startswith("answers[") and value
    }


@pytest.mark.parametrize("name", [ZONE, f"www.{ZONE}"])
@pytest.mark.parametrize("mode", ["truncate", "servfail"])
@pytest.mark.parametrize("wait", [0, 100])
def test_W1_truncated_and_cold_are_apart(knotd, unbound, authority, name, mode, wait):
    knotd.options.update({"cold": mode, "wait": wait})
    cold(knotd, authority, delay=3, records=["www IN CNAME @"])
    truncates = mode == "truncate"
    for rdtype in ("A", "AAAA"):
        query(name, rdtype).expect(
            rcode="NOERROR" if truncates else "SERVFAIL", tc=truncates, aa=None
        )
        query(name, rdtype, "tcp").expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})
    found = counted(knotd)
    wanted = {"truncated": 2, "cold": 2} if truncates else {"cold": 4}
    assert found == wanted, f"expected {wanted}, got {found}"


def test_W1_what_stands_in_for_a_cold_name_is_counted_as_what_it_is(knotd, unbound, authority):
    knotd.options["wait"] = 0
    cold(knotd, authority, delay=3, records=[f"@ 3600 IN A {SIBLING_A}"])
    query(ZONE, "A", "tcp").expect(a={SIBLING_A}, ttl=(1, PARTIAL_TTL))
    assert counted(knotd) == {"sibling": 1}


def test_W1_too_large_is_not_counted_as_cold(knotd, unbound, authority):
    authority.set(TARGET, a=[f"192.0.2.{i}" for i in range(1, 101)])
    knotd.options["max-addresses"] = 256
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    eventually(lambda: len(query(ZONE, "A", "tcp").addresses()) == 100, what="it is known")
    before = counted(knotd)
    query(ZONE, "A").expect(tc=True, aa=None)
    after = counted(knotd)
    assert after.get("truncated") == before.get("truncated"), f"expected {before}, got {after}"
    assert after.get("cold") == before.get("cold"), f"expected {before}, got {after}"


def test_W1_refused_a_waiting_place_is_counted_as_cold(knotd, black_hole):
    zone = black_hole[0]
    with clients(black_hole[1:]):
        def refused():
            reply = query(zone, "A", "tcp", timeout=60).expect(
                rcode="SERVFAIL", aa=None, ede={NOT_READY}
            )
            return reply.elapsed < 1

        eventually(refused, what="all places are taken")
    found = {k: v for k, v in knotd.stats(zone).items() if k.startswith("answers[") and v}
    assert set(found) == {"answers[cold]"}, f"expected cold ones only, got {found}"
