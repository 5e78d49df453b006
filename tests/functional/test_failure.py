"""F1-F5: what happens when a target fails."""

import time

import pytest
from harness import (
    A1, A2, AAAA1, FAILURES, FAILURE_MODES, PROMPT, SIBLING_A, SIBLING_AAAA, SLOW, STALE_ANSWER,
    STALE_TTL, TARGET, ZONE, aname, answers, during, eventually, expire, failed, known, let_pass,
    query, siblings, simple, spared,
)
from harness.load import Load
from harness.unbound import ask


@pytest.mark.parametrize("fail", FAILURE_MODES.values(), ids=FAILURE_MODES)
def test_F1_last_addresses_are_served_stale(knotd, unbound, authority, proto, fail):
    knotd.options["ttl-max"] = 2
    simple(knotd, authority, records=[*siblings(), "www IN CNAME @"])
    known()
    query(ZONE, "A", proto).expect(a={A1}, ttl=(0, 2), ede=set())
    fail(authority, unbound)
    expire(2)
    for name in (ZONE, f"www.{ZONE}"):
        # A slow machine makes lookups that take longer than usual be late for longer.
        reply = eventually(
            lambda name=name: query(name, "A", proto).expect(
                a={A1}, ttl=(1, STALE_TTL), ede={STALE_ANSWER}, soa=False
            ),
            what=f"{name} is stale",
        )
        assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
        answers({AAAA1}, name, "AAAA", proto, ttl=(1, STALE_TTL), ede={STALE_ANSWER})
        query(name, "A", proto, edns=False).expect(a={A1}, ttl=(1, STALE_TTL), soa=False)


def test_F1_failure_before_expiry_changes_nothing(knotd, unbound, authority, proto):
    knotd.options["ttl-max"] = 4
    simple(knotd, authority)
    known()
    start = time.monotonic()
    authority.fail(TARGET)
    eventually(
        lambda: len(authority.lookups(TARGET, "A")) > 1, step=0.01, what="the refresh has begun"
    )
    # The refresh came at three quarters of the lifetime, which is not over.
    assert time.monotonic() - start < 3.95, "the refresh came too late to see anything"
    query(ZONE, "A", proto).expect(a={A1}, ttl=(0, 1), ede=set())


@pytest.mark.parametrize("negative", ["nodata", "nxdomain"])
def test_F1_last_nodata_is_served_stale(knotd, unbound, authority, proto, negative):
    knotd.options["ttl-max"] = 2
    if negative == "nodata":
        authority.set(TARGET, a=[A1])
    else:
        authority.nxdomain(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    authority.fail(TARGET)
    expire(2)
    reply = eventually(
        lambda: query(ZONE, "AAAA", proto).expect(aaaa=(), soa=True, ede={STALE_ANSWER}),
        what="NODATA is served stale",
    )
    assert reply.soa_ttl() <= STALE_TTL, f"expected at most {STALE_TTL} s, got {reply}"


@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_F1_stale_ends_with_stale_max(knotd, unbound, authority, proto, with_siblings):
    knotd.options.update({"ttl-max": 1, "stale-max": 3, "retry-max": 1})
    simple(knotd, authority, records=siblings() if with_siblings else [])
    known()
    gone = time.monotonic()
    authority.fail(TARGET)
    expire(1)
    query(ZONE, "A", proto).expect(a={A1}, ede={STALE_ANSWER})
    if with_siblings:
        answers({SIBLING_A}, proto=proto, ttl=(1, STALE_TTL))
    else:
        failed(proto=proto)
    took = time.monotonic() - gone
    # The last success was a refresh that began within a second before the failure.
    assert 2.5 <= took <= 6 * SLOW, f"expected the end after 3..4 s, took {took:.1f} s"


def test_F1_stale_max_zero(knotd, unbound, authority, proto):
    knotd.options.update({"ttl-max": 1, "stale-max": 0})
    simple(knotd, authority)
    known()
    authority.fail(TARGET)
    failed(proto=proto)


def test_F1_stale_ttl_never_outlasts_stale_max(knotd, unbound, authority, proto):
    knotd.options.update({"ttl-max": 1, "stale-max": 6})
    simple(knotd, authority)
    known()
    authority.fail(TARGET)
    expire(1)
    query(ZONE, "A", proto).expect(a={A1}, ttl=(0, 6), ede={STALE_ANSWER})


@pytest.mark.parametrize("fail", FAILURE_MODES.values(), ids=FAILURE_MODES)
def test_F1_recovers(knotd, start_unbound, authority, fail):
    unbound = start_unbound()
    knotd.options.update({"ttl-max": 2, "retry-max": 2})
    simple(knotd, authority)
    known()
    fail(authority, unbound)
    expire(2)
    query(ZONE, "A").expect(a={A1}, ede={STALE_ANSWER})
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    if not unbound.alive:
        unbound.start()
    elif unbound.state() == "T":
        unbound.thaw()
    answers({A2}, ede=set(), ttl=(0, 2))
    answers({A2}, proto="tcp", ede=set(), ttl=(0, 2))


@pytest.mark.parametrize("fail", FAILURE_MODES.values(), ids=FAILURE_MODES)
def test_F2_sibling_is_the_last_resort(knotd, unbound, authority, proto, fail):
    fail(authority, unbound)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings(), "www IN CNAME @"])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    answers({SIBLING_AAAA}, rdtype="AAAA", ttl=(1, STALE_TTL))
    for name in (ZONE, f"www.{ZONE}"):
        query(name, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL), soa=False)
        query(name, "AAAA", proto).expect(aaaa={SIBLING_AAAA}, ttl=(1, STALE_TTL), soa=False)


def test_F2_short_ttl_of_a_sibling_stays(knotd, unbound, authority, proto):
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings(ttl=7)])
    knotd.start()
    answers({SIBLING_A}, ttl=(7, 7))
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(7, 7))


def test_F2_sibling_serves_its_own_type_only(knotd, unbound, authority, proto):
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL), soa=False)
    spared(proto=proto)


def test_F2_gives_way_when_the_target_recovers(knotd, unbound, authority, proto):
    authority.fail(TARGET)
    knotd.options["retry-max"] = 1
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    authority.set(TARGET, a=[A1])
    answers({A1}, proto=proto, ede=set())


@pytest.mark.parametrize("fail", FAILURE_MODES.values(), ids=FAILURE_MODES)
def test_F3_nothing_at_all_is_servfail_and_never_empty(knotd, unbound, authority, proto, fail):
    fail(authority, unbound)
    knotd.add_zone(ZONE, [aname(TARGET), "@ IN TXT here"])
    knotd.start()
    for rdtype in ("A", "AAAA"):
        failed(rdtype=rdtype)
        for _ in range(5):
            query(ZONE, rdtype, proto).expect(
                rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede=FAILURES, soa=False
            )
    query(ZONE, "TXT", proto).expect(ede=set())
    query(f"none.{ZONE}", "A", proto).expect(rcode="NXDOMAIN", ede=set(), soa=True)


@pytest.mark.limit(90)
def test_F4_failures_back_off_whatever_the_load(knotd, unbound, authority):
    knotd.options.update({"retry-min": 1, "retry-max": 4})
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    # If it were the only one it might be the resolver that is out.
    authority.set("www.good.example", a=[A1])
    knotd.add_zone("good.example", [aname("www.good.example")])
    knotd.start()
    known("good.example", "A")

    def check(reply):
        if not reply.tc:
            reply.expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)

    start = time.monotonic()
    with Load([(ZONE, "A")], check, threads=2, pause=0.005) as load:
        eventually(
            lambda: len(authority.lookups(TARGET, "A")) >= 5, timeout=30, what="five lookups"
        )
    load.verify(500)
    times = authority.lookups(TARGET, "A")
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    took = time.monotonic() - start
    # 1, 2, 4, 4 s, each with jitter in whatever direction, but never less than half.
    for gap, interval in zip(gaps, (1, 2, 4, 4)):
        assert 0.5 * interval <= gap <= 1.6 * interval + 1, (
            f"expected intervals of about 1, 2, 4, 4 s, got {gaps}"
        )
    started = knotd.stats(ZONE)["lookups[started]"]
    assert started <= len(times) + 1, (
        f"expected one lookup an interval in {took:.0f} s, got {started} started"
    )


def test_F4_other_targets_are_not_held_up_by_failing_ones(knotd, unbound, authority, proto):
    # More dead targets than lookups that may run at once.
    knotd.options["retry-max"] = 1
    dead = [f"dead{i}.example" for i in range(60)]
    for zone in dead:
        authority.drop(f"www.{zone}")
        knotd.add_zone(zone, [aname(f"www.{zone}")])
    authority.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    # If there were none that is good it might be the resolver that is out.
    authority.set("www.good.example", a=[A1])
    knotd.add_zone("good.example", [aname("www.good.example")])
    knotd.start()
    known("good.example", "A")
    for zone in dead:
        query(zone, "A").expect(tc=True, aa=None)
    for zone in dead:
        failed(zone, timeout=30)
    for zone in dead:
        query(zone, "A").expect(rcode="SERVFAIL", aa=None)
    start = time.monotonic()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    took = time.monotonic() - start
    assert took < 1 + PROMPT, f"expected the good target at once, took {took:.1f} s"


def test_F5_own_name_is_never_looked_up(knotd, unbound, authority, proto):
    knotd.add_zone(ZONE, [aname(ZONE)])
    knotd.start()
    failed()
    for rdtype in ("A", "AAAA"):
        query(ZONE, rdtype, proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    count = authority.count(ZONE)
    assert count == 0, f"expected no query for the owner itself, got {count}"


def test_F5_alias_loop_at_the_target(knotd, unbound, authority, proto):
    authority.cname(TARGET, "loop.example.net.")
    authority.cname("loop.example.net", f"{TARGET}.")
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    spared(proto=proto)
    let_pass(3)
    count = authority.count()
    assert count < 200, f"expected a bounded number of queries, got {count}"


def looping(knotd, start_unbound, zones):
    """Zones whose targets are each other, as the recursor sees it."""
    for zone, target in zones.items():
        knotd.add_zone(zone, [aname(target)])
    knotd.options.update({"timeout": 2000})
    knotd.start()
    return start_unbound(stubs={zone: "127.0.0.1@5300" for zone in zones})


@pytest.mark.parametrize("length", [1, 2, 3], ids=["own-name-below", "two-names", "three-names"])
def test_F5_loop_through_the_recursor(knotd, start_unbound, authority, proto, length):
    names = [f"loop{i}.example" for i in range(length)]
    zones = dict(zip(names, names[1:] + names[:1]))
    if length == 1:
        zones = {names[0]: f"www.{names[0]}"}
        knotd.add_zone(names[0], [])
    looping(knotd, start_unbound, zones)
    if length == 1:
        # The target is an alias in the zone itself that leads back to the owner.
        knotd.reload_zone(
            names[0], [aname(f"www.{names[0]}"), "www IN CNAME @"], serial=2
        )
        eventually(
            lambda: query(f"www.{names[0]}", "CNAME").addresses("CNAME"), what="the alias"
        )
    for name in names:
        reply = ask(name, timeout=20)
        assert reply.rcode == "SERVFAIL", f"expected SERVFAIL for a client, got {reply}"
    for name in names:
        failed(name)
        query(name, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    before = knotd.stats(names[0])["lookups[started]"]
    start = time.monotonic()
    for _ in during(3):
        query(names[0], "A", proto)
    started = knotd.stats(names[0])["lookups[started]"] - before
    took = time.monotonic() - start
    assert started <= 2 * took + 2, (
        f"expected the back-off to bound the lookups, got {started} in {took:.1f} s"
    )


def test_F5_loop_across_servers_keeps_the_sibling(knotd, start_unbound, authority, proto):
    knotd.add_zone("one.example", [aname("two.example"), siblings()[0]])
    knotd.add_zone("two.example", [aname("one.example")])
    knotd.start()
    start_unbound(stubs={"one.example": "127.0.0.1@5300", "two.example": "127.0.0.1@5300"})
    # A loop with a way out: one's sibling. Its last resort may reach two, and come back.
    for name in ("one.example", "two.example"):
        eventually(
            lambda name=name: query(name, "A", proto).expect(a={SIBLING_A}, soa=False),
            what=f"{name} has the sibling's address",
        )
