"""L1 and L2: what is bounded and what is not allowed."""

import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, BLOCKED, FAILURES, PROMPT, SIBLING_A, STALE_TTL, TARGET, ZONE, aname,
    answers, eventually, failed, known, let_pass, query, section, siblings, simple, spared,
)
from harness.authority import ADDRESS


def many_zones(knotd, authority, count, **how):
    """Zones with a target each: {zone: target}."""
    zones = {f"zone{i}.example": f"target{i}.example.net" for i in range(count)}
    for zone, target in zones.items():
        authority.set(target, a=[A1], **how)
        knotd.add_zone(zone, [aname(target)])
    return zones


def test_L1_max_targets(knotd, unbound, authority, proto):
    knotd.options["max-targets"] = 5
    zones = list(many_zones(knotd, authority, 8))
    knotd.start()
    for zone in zones[:5]:
        known(zone, "A").expect(a={A1})
    for zone in zones[5:]:
        # The first query may not know yet that no lookup can follow.
        reply = eventually(
            lambda name=zone: query(name, "A", proto).expect(
                rcode="SERVFAIL", aa=None, a=(), soa=False
            ),
            timeout=3,
            what=f"{zone} is known to be beyond the limit",
        )
        assert reply.ede, f"expected an extended error, got {reply}"
    for zone in zones[:5]:
        query(zone, "A", proto).expect(a={A1}, ede=set())
    lines = knotd.wait_log("mod-aname", "limit")
    assert len(lines) < 9, f"expected the limit to be told, not repeated, got {lines}"
    asked = {query.name for query in authority.seen() if query.name.startswith("target")}
    assert len(asked) == 5, f"expected lookups for five targets, got {sorted(asked)}"


def test_L1_target_limit_leaves_the_sibling(knotd, unbound, authority, proto):
    knotd.options["max-targets"] = 1
    authority.set(TARGET, a=[A1])
    authority.set("other.example.net", a=[A2])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname("other.example.net"), *siblings()])
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    answers({SIBLING_A}, name="example.org", proto=proto, timeout=3, ttl=(1, STALE_TTL))


def test_L1_place_is_made_when_a_zone_goes(knotd, unbound, authority):
    knotd.options.update({"max-targets": 1, "ttl-max": 1, "idle": 1, "stale-max": 1})
    authority.set(TARGET, a=[A1])
    authority.set("other.example.net", a=[A2])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname("other.example.net")])
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    query("example.org", "A", "tcp").expect(rcode="SERVFAIL", aa=None, a=())
    # The first is not asked for any more: idle, expiry and stale-max pass, its place is free.
    answers({A2}, name="example.org", timeout=20, ede=set())


def test_L1_max_lookups(knotd, unbound, authority):
    knotd.options["max-lookups"] = 4
    zones = many_zones(knotd, authority, 24, delay=0.3)
    knotd.start()
    start = time.monotonic()
    for zone in zones:
        query(zone, "A")
    eventually(
        lambda: all(authority.count(target, "A") for target in zones.values()),
        timeout=20,
        what="every target is looked up",
    )
    took = time.monotonic() - start
    most = authority.most_running()
    assert most <= 4, f"expected at most 4 lookups at once, got {most}"
    assert took >= 5 * 0.28, f"expected 24 lookups of 0.3 s to take 6 rounds, took {took:.1f} s"
    for zone in zones:
        known(zone, "A").expect(a={A1}, ede=set())


def test_L1_lookup_rate(knotd, unbound, authority):
    knotd.options["lookup-rate"] = 10
    zones = many_zones(knotd, authority, 40)
    knotd.start()
    for zone in zones:
        query(zone, "A")
    eventually(
        lambda: all(authority.count(target, "A") for target in zones.values()),
        timeout=30,
        what="every target is looked up",
    )
    times = sorted(authority.times(target, "A")[0] for target in zones.values())
    took = times[-1] - times[0]
    assert took >= 1.9, f"expected 40 lookups at 10 a second to take 3 s or so, took {took:.1f} s"
    assert took < 4 + PROMPT, f"expected 40 lookups at 10 a second in 4 s or so, took {took:.1f} s"
    for i, moment in enumerate(times):
        later = sum(1 for other in times[i:] if other < moment + 1)
        assert later <= 22, f"expected about 10 lookups in a second, got {later}"


def test_L1_timeout(knotd, unbound, authority, proto):
    knotd.options.update({"timeout": 300, "retry-max": 1})
    authority.set(TARGET, a=[A1], delay=0.9)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    start = time.monotonic()
    query(ZONE, "A")
    eventually(
        lambda: query(ZONE, "A").expect(rcode="SERVFAIL", aa=None, ede=FAILURES),
        step=0.005,
        what="the lookup has failed",
    )
    took = time.monotonic() - start
    assert took >= 0.25, f"expected a failure after 0.3 s, took {took:.2f} s"
    authority.set(TARGET, a=[A1])
    answers({A1}, proto=proto, ede=set())


@pytest.mark.parametrize("length, good", [(8, True), (40, False)])
def test_L1_alias_chain(knotd, unbound, authority, proto, length, good):
    names = [TARGET, *(f"step{i}.example.net" for i in range(length))]
    for name, target in zip(names, names[1:]):
        authority.cname(name, f"{target}.")
    authority.set(names[-1], a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    if good:
        answers({A1}, ede=set())
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
    else:
        failed()
        query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)


def blocked(name=ZONE, rdtype="A", proto="udp"):
    return query(name, rdtype, proto).expect(
        rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede={BLOCKED}, soa=False
    )


@pytest.mark.parametrize(
    "options, target, allowed",
    [
        ({"allow-target": "example.net"}, "cdn.example.net", True),
        ({"allow-target": "example.net"}, "example.net", True),
        ({"allow-target": "example.net"}, "CDN.Example.NET", True),
        ({"allow-target": "EXAMPLE.net."}, "cdn.example.net", True),
        ({"allow-target": "example.net"}, "badexample.net", False),
        ({"allow-target": "example.net"}, "net", False),
        ({"allow-target": ["example.org", "example.net"]}, "a.b.example.net", True),
        ({"deny-target": "example.net"}, "cdn.example.net", False),
        ({"deny-target": "example.net"}, "example.net", False),
        ({"deny-target": "example.net"}, "CDN.EXAMPLE.NET", False),
        ({"deny-target": "example.net"}, "badexample.net", True),
        ({"deny-target": ["example.org", "example.net"]}, "cdn.example.org", False),
        ({"deny-target": "."}, "cdn.example.net", False),
        ({"allow-target": "example.net", "deny-target": "x.example.net"}, "a.example.net", True),
        ({"allow-target": "example.net", "deny-target": "x.example.net"}, "x.example.net", False),
        ({"allow-target": "x.example.net", "deny-target": "example.net"}, "x.example.net", False),
    ],
)
def test_L2_targets(knotd, unbound, authority, proto, options, target, allowed):
    knotd.options.update(options)
    authority.set(target, a=[A1])
    knotd.add_zone(ZONE, [aname(target)])
    knotd.start()
    if allowed:
        answers({A1}, ede=set())
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
    else:
        blocked(proto=proto)
        blocked(rdtype="AAAA", proto=proto)
        count = authority.count(target)
        assert count == 0, f"expected no lookup for a denied target, got {count}"


def test_L2_denied_target_leaves_the_sibling_and_the_rest_of_the_pool(
    knotd, unbound, authority, proto
):
    knotd.options["deny-target"] = "example.net"
    authority.set("cdn.example.org", a=[A2])
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.add_zone("example.edu", [aname(TARGET), aname("cdn.example.org")])
    knotd.start()
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    answers({A2}, name="example.edu", ede=set())
    query("example.edu", "A", proto).expect(a={A2}, ede=set())


def test_L2_denied_target_is_logged_once_and_counted(knotd, unbound, authority):
    knotd.options["deny-target"] = "example.net"
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    for i in range(20):
        blocked(rdtype=("A", "AAAA")[i % 2])
    lines = knotd.wait_log("mod-aname", TARGET, "den|allow|block")
    assert len(lines) == 1, f"expected one line for one content, got {lines}"
    stats = knotd.stats(ZONE)
    assert stats["answers[denied]"] == 20, f"expected 20 denied answers counted, got {stats}"


@pytest.mark.parametrize(
    "deny, a, aaaa",
    [
        ("192.0.2.1", {A2, A3}, {AAAA1, AAAA2}),
        ("192.0.2.0/31", {A2, A3}, {AAAA1, AAAA2}),
        ("192.0.2.2/31", {A1}, {AAAA1, AAAA2}),
        ("2001:db8::1", {A1, A2, A3}, {AAAA2}),
        (["2001:db8::2/128", "192.0.2.3/32"], {A1, A2}, {AAAA1}),
        ("10.0.0.0/8", {A1, A2, A3}, {AAAA1, AAAA2}),
        ("::/0", {A1, A2, A3}, None),
        ("0.0.0.0/0", None, {AAAA1, AAAA2}),
    ],
)
def test_L2_addresses(knotd, unbound, authority, proto, deny, a, aaaa):
    knotd.options["deny-address"] = deny
    simple(knotd, authority, a=[A1, A2, A3], aaaa=[AAAA1, AAAA2])
    for rdtype, addresses in (("A", a), ("AAAA", aaaa)):
        known(ZONE, rdtype)
        if addresses is None:
            spared(rdtype=rdtype, proto=proto)
        else:
            query(ZONE, rdtype, proto).expect(
                **{"a" if rdtype == "A" else "aaaa": addresses}, ede=set(), soa=False
            )


def test_L2_denied_addresses_leave_the_sibling(knotd, unbound, authority, proto):
    knotd.options["deny-address"] = "192.0.2.0/24"
    simple(knotd, authority, records=siblings())
    known()
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set())


def test_L2_one_zones_policy_is_not_anothers(knotd, unbound, authority, proto):
    knotd.sections.append("mod-aname:\n  - id: strict\n    deny-address: 192.0.2.1\n")
    authority.set(TARGET, a=[A1, A2])
    knotd.add_zone(ZONE, [aname(TARGET)], modules=["mod-aname/strict"])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-aname"])
    knotd.start()
    answers({A2}, ede=set())
    answers({A1, A2}, name="example.org", ede=set())
    query(ZONE, "A", proto).expect(a={A2}, ede=set())
    let_pass(0.2)
    query("example.org", "A", proto).expect(a={A1, A2}, ede=set())
