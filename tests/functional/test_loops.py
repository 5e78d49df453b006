"""F5: targets that lead back to their owner, on one server and through several."""

import re
import subprocess
import time

import dns.name
import pytest
from harness import (
    A1, A2, A3, FAILURES, SIBLING_A, STALE_TTL, TARGET, ZONE, aname, answers, during, eventually,
    failed, query, scaled,
)
from harness import rdata as zone_rdata
from harness.authority import Behaviour

KNOTD = "127.0.0.1@5300"
OTHER = ("127.0.0.1", 5301)
FIRST = "127.0.0.1"
OTHER_SIBLING = "203.0.113.81"
IDLE = 3


@pytest.fixture(params=["system", "dns"])
def loops(request, knotd):
    """A knotd that knows quickly what has changed, whatever it asks the recursor by."""
    knotd.options.update({"retry-max": 1, "ttl-max": 2, "timeout": 2000, "idle": IDLE})
    if request.param == "dns":
        knotd.options["resolver"] = FIRST
    return knotd


def serve(knotd, start_unbound, zones):
    """These zones, {name: records}, that the recursor comes for to this server."""
    for zone, records in zones.items():
        knotd.add_zone(zone, records)
    knotd.start()
    return start_unbound(stubs=dict.fromkeys(zones, KNOTD))


def answers_there(address, name, proto="udp", timeout=15):
    """The other server has this address alone."""
    eventually(
        lambda: query(name, "A", proto, server=OTHER).expect(a={address}), timeout,
        what=f"{name} is {address} there",
    )


def serve_only(knotd, start_unbound, stubs):
    """The zones it has; the recursor comes for each name where it is said."""
    knotd.start()
    return start_unbound(stubs=stubs)


def queries_of(unbound):
    """How many queries the recursor was asked."""
    done = subprocess.run(
        ["unbound-control", "-c", unbound.conf, "stats_noreset"],
        check=True, timeout=10, capture_output=True, text=True,
    )
    return int(re.search(r"^total\.num\.queries=(\d+)", done.stdout, re.MULTILINE)[1])


def falls_silent(*unbounds, timeout=30):
    """Nobody asks any more, and after a while the module does not either."""

    def silent():
        before = sum(map(queries_of, unbounds))
        for _ in during(3 * IDLE):
            count = sum(map(queries_of, unbounds)) - before
            assert count == 0, f"expected no lookups without clients, got {count}"
        return True

    eventually(silent, timeout + 3 * IDLE, what="lookups end with the clients")


def never(address, name, seconds=4):
    """The address is not seen any more."""
    for _ in during(seconds):
        for proto in ("udp", "tcp"):
            reply = query(name, "A", proto)
            assert address not in reply.addresses(), f"expected no {address}, got {reply}"


def own(sibling):
    return [aname(f"www.{ZONE}"), "www 60 IN CNAME @", f"@ 60 IN A {sibling}"]


def test_F5_own_name_through_an_alias_is_the_sibling(loops, start_unbound, authority, proto):
    unbound = serve(loops, start_unbound, {ZONE: own(SIBLING_A)})
    answers({SIBLING_A}, proto=proto, ttl=(1, STALE_TTL))
    loops.wait_log(f"target www.{ZONE}. leads back to this owner", ask=ZONE)
    loops.reload_zone(ZONE, own(OTHER_SIBLING), serial=2)
    answers({OTHER_SIBLING}, proto=proto, ttl=(1, STALE_TTL))
    never(SIBLING_A, ZONE)
    falls_silent(unbound)


def test_F5_without_a_sibling_it_fails(loops, start_unbound, authority, proto):
    unbound = serve(loops, start_unbound, {ZONE: [aname("a"), "www IN CNAME @"]})
    loops.reload_zone(ZONE, [aname(f"WWW.{ZONE}"), "www 60 IN CNAME @"], serial=2)
    failed(proto=proto)
    for _ in during(3):
        query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    falls_silent(unbound)


def test_F5_last_addresses_do_not_go_round(loops, start_unbound, authority, proto):
    """No F1: what the alias led to before it was turned is not kept by the loop."""
    authority.set(TARGET, a=[A1], ttl=2)
    serve(
        loops, start_unbound,
        {ZONE: [aname(f"www.{ZONE}"), f"www 1 IN CNAME {TARGET}."]},
    )
    answers({A1}, proto=proto, ede=set())
    loops.reload_zone(ZONE, [aname(f"www.{ZONE}"), "www 1 IN CNAME @"], serial=2)
    failed(proto=proto)
    never(A1, ZONE)
    loops.reload_zone(
        ZONE, [aname(f"www.{ZONE}"), f"www 1 IN CNAME {TARGET}."], serial=3
    )
    answers({A1}, proto=proto, ede=set())


def test_F5_a_pool_and_its_target_do_not_keep_an_address(loops, start_unbound, authority, proto):
    one, two = "one.example", "two.example"
    authority.set(TARGET, a=[A1], ttl=2)
    unbound = serve(
        loops, start_unbound, {one: [aname(two), aname(TARGET)], two: [aname(one)]}
    )
    for name in (one, two):
        answers({A1}, name, proto=proto, ede=set())
    loops.wait_log(one, f"target {two}. leads back", ask=one)
    authority.set(TARGET, a=[A2], ttl=2)
    for name in (one, two):
        answers({A2}, name, proto=proto, ede=set())
    for name in (one, two):
        never(A1, name)
    falls_silent(unbound)
    assert not loops.log_lines(f"target {one}. leads back"), "expected two to use one"


def test_F5_who_has_a_way_out_uses_that(loops, start_unbound, authority, proto):
    one, two = "one.example", "two.example"
    other = "other.example.net"
    authority.set(TARGET, a=[A1], ttl=2)
    authority.set(other, a=[A2], ttl=2)
    serve(
        loops, start_unbound,
        {one: [aname(two), aname(TARGET)], two: [aname(other), aname(one)]},
    )
    answers({A1}, one, proto=proto, ede=set())
    answers({A2}, two, proto=proto, ede=set())
    authority.set(TARGET, a=[A3], ttl=2)
    answers({A3}, one, proto=proto, ede=set())
    for _ in during(3):
        query(two, "A", proto).expect(a={A2})


@pytest.mark.parametrize("through", ["target", "alias"])
def test_F5_a_zone_in_the_name_of_somebody_elses_target_is_no_circle(
    loops, start_unbound, authority, through
):
    """Whoever may add zones here adds one with the name of a CDN, and has it lead to a victim."""
    end = TARGET if through == "target" else "edge.example.net"
    if through == "alias":
        authority.cname(TARGET, f"{end}.", ttl=2)
    authority.set(end, a=[A1], ttl=2)
    loops.add_zone(end, [aname(ZONE)])
    unbound = serve(loops, start_unbound, {ZONE: [aname(TARGET)]})
    for _ in during(3):
        query(end, "A")
        query(ZONE, "A")
    # The recursor does not come by here for that name, so it is not the one that counts.
    for _ in during(4):
        query(end, "A").expect(a={A1})
        query(ZONE, "A").expect(a={A1}, ede=set())
    authority.set(end, a=[A2], ttl=2)
    answers({A2}, ede=set())
    assert not loops.log_lines("leads back"), "expected no circle"
    falls_silent(unbound)


def test_F5_records_of_another_server_are_no_circle(loops, start_unbound, authority):
    """The same, where the name has ANAME records elsewhere, which are others."""
    authority.set(TARGET, a=[A1], ttl=2)
    elsewhere = dns.name.from_text("cdn.example.net").to_wire()
    authority.behave(TARGET, "TYPE65305", Behaviour(rdata=(zone_rdata(elsewhere),), ttl=2))
    loops.add_zone(TARGET, [aname(ZONE)])
    serve(loops, start_unbound, {ZONE: [aname(TARGET)]})
    for _ in during(6):
        query(TARGET, "A")
        query(ZONE, "A")
    eventually(lambda: authority.count(TARGET, "TYPE65305") > 0, what="it was asked about")
    for _ in during(3):
        query(ZONE, "A").expect(a={A1}, ede=set())
    assert not loops.log_lines("leads back"), "expected no circle"


def mesh(count):
    """Zones that name each other, all of them; one names a real target, too."""
    names = [f"mesh{i}.example" for i in range(count)]
    zones = {
        name: [aname(other, ttl=2) for other in names if other != name] for name in names
    }
    zones[names[0]].append(aname(TARGET, ttl=2))
    return zones


def test_F5_mesh_with_one_real_target(loops, start_unbound, authority):
    authority.set(TARGET, a=[A1], ttl=2)
    zones = mesh(8)
    unbound = serve(loops, start_unbound, zones)
    for name in zones:
        answers({A1}, name)
    authority.set(TARGET, a=[A2], ttl=2)
    for name in zones:
        answers({A2}, name)
    for name in zones:
        never(A1, name, 0.3)
    falls_silent(unbound)


def test_F5_two_that_name_each_other_fail(loops, start_unbound, authority, proto):
    zones = {"one.example": [aname("two.example")], "two.example": [aname("one.example")]}
    unbound = serve(loops, start_unbound, zones)
    for name in zones:
        failed(name, proto=proto)
    before, start = queries_of(unbound), time.monotonic()
    for _ in during(4):
        for name in zones:
            query(name, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    count, took = queries_of(unbound) - before, time.monotonic() - start
    # Two targets in both families, each at most once in retry-max, and twice where it is tried.
    assert count <= 8 * (1 + took), f"expected few lookups, got {count} in {took:.1f} s"
    falls_silent(unbound)


def test_F5_a_loop_that_is_opened_heals(loops, start_unbound, authority, proto):
    one, two = "one.example", "two.example"
    authority.set(TARGET, a=[A1], ttl=2)
    serve(loops, start_unbound, {one: [aname(two)], two: [aname(one)]})
    for name in (one, two):
        failed(name, proto=proto)
    loops.reload_zone(two, [aname(TARGET)], serial=2)
    answers({A1}, one, proto=proto, ede=set())
    answers({A1}, two, proto=proto, ede=set())
    # And it is closed again, by an instance that is loaded anew.
    loops.reload_zone(two, [aname(one)], serial=3)
    loops.reload()
    failed(one, proto=proto)
    failed(two, proto=proto)


def test_F5_an_owner_whose_record_is_removed_opens_the_loop(
    loops, start_unbound, authority, proto
):
    """With addresses of its own it is an owner no more."""
    one, two = "one.example", "two.example"
    serve(loops, start_unbound, {one: [aname(two)], two: [aname(one)]})
    for name in (one, two):
        failed(name, proto=proto)
    loops.reload_zone(two, [f"@ 2 IN A {A3}"], serial=2)
    answers({A3}, two, proto=proto)
    answers({A3}, one, proto=proto, ede=set())


def test_F5_a_zone_that_goes_opens_the_loop(loops, start_unbound, authority, proto):
    """Without the module's instance the other one is no owner any more."""
    one, two = "one.example", "two.example"
    serve(loops, start_unbound, {one: [aname(two)], two: [aname(one)]})
    failed(one, proto=proto)
    loops.write_zone(two, [f"@ 2 IN A {A3}"], serial=2)
    loops.zones[two].modules = []
    loops.reload()
    answers({A3}, one, proto=proto, ede=set())


def test_F5_chains_are_kept_fresh_as_ever(loops, start_unbound, authority, proto):
    authority.set(TARGET, a=[A1], ttl=2)
    loops.options["idle"] = 60
    unbound = serve(
        loops, start_unbound,
        {
            "one.example": [aname("two.example")],
            "two.example": ["@ IN NS other", aname("www.three.example")],
            "three.example": ["www 2 IN CNAME @", aname(TARGET)],
        },
    )
    answers({A1}, "one.example", proto=proto, ede=set())
    before = queries_of(unbound)
    eventually(
        lambda: queries_of(unbound) >= before + 12, timeout=20,
        what="all of it is looked up again and again without a query",
    )
    query("one.example", "A", proto).expect(a={A1}, ede=set(), tc=False)
    assert not loops.log_lines("leads back"), "expected no circle"


def test_F5_what_is_only_like_a_loop(loops, start_unbound, authority, proto):
    """Two names of one zone: the target is beside the owner, and leads out."""
    authority.set(TARGET, a=[A1], ttl=2)
    serve(
        loops, start_unbound,
        {
            ZONE: [aname(f"www.{ZONE}"), f"www 2 IN CNAME {TARGET}."],
            "one.example": [aname(ZONE), aname(f"www.{ZONE}")],
        },
    )
    answers({A1}, proto=proto, ede=set())
    answers({A1}, "one.example", proto=proto, ede=set())
    for _ in during(3):
        query("one.example", "A", proto).expect(a={A1})
    assert not loops.log_lines("leads back"), "expected no circle"


def test_F5_servers_of_the_same_zones_end_together(
    loops, other_knotd, start_unbound, authority, proto
):
    """Each lookup of one comes to the other one as a client's."""
    authority.set(TARGET, a=[A1], ttl=2)
    zones = mesh(6)
    other_knotd.options.update(loops.options)
    for name, records in zones.items():
        loops.add_zone(name, records)
        other_knotd.add_zone(name, records)
    other_knotd.start(ready=[])
    loops.start()
    unbound = start_unbound(
        stubs=dict.fromkeys(zones, "127.0.0.1@5300\n  stub-addr: 127.0.0.1@5301")
    )
    for name in zones:
        answers({A1}, name, proto=proto)
        answers_there(A1, name, proto)
    falls_silent(unbound, timeout=60)


def each_its_own(knotd, other_knotd, start_unbound, here, there):
    """Two servers, each with zones of its own, and a recursor that knows where they are."""
    other_knotd.options.update(knotd.options)
    for server, zones in ((knotd, here), (other_knotd, there)):
        for name, records in zones.items():
            server.add_zone(name, records)
    other_knotd.start(ready=[])
    return serve_only(knotd, start_unbound, {
        **dict.fromkeys(here, KNOTD), **dict.fromkeys(there, "127.0.0.1@5301"),
    })


@pytest.mark.limit(120)
def test_F5_a_loop_over_two_servers_without_any_address_ends(
    loops, other_knotd, start_unbound, authority
):
    """Nobody ever had one: each lookup fails, and is the other server's client all the same."""
    one, two = "one.example", "two.example"
    unbound = each_its_own(
        loops, other_knotd, start_unbound, {one: [aname(two, ttl=2)]}, {two: [aname(one, ttl=2)]},
    )
    failed(one)

    def is_told():
        query(one, "A")
        query(two, "A", server=OTHER)
        return (loops.log_lines(f"target {two}. leads back to this owner")
                and other_knotd.log_lines(f"target {one}. leads back to this owner"))

    eventually(is_told, timeout=60, what="both servers see the loop")
    falls_silent(unbound)


@pytest.mark.slow
@pytest.mark.limit(150)
def test_F5_a_loop_over_two_servers_that_is_opened_heals(
    loops, other_knotd, start_unbound, authority
):
    one, two = "one.example", "two.example"
    authority.set(TARGET, a=[A1], ttl=2)
    each_its_own(
        loops, other_knotd, start_unbound,
        {one: [aname(two, ttl=2)]}, {two: [aname(one, ttl=2), aname(TARGET, ttl=2)]},
    )

    def is_told():
        query(one, "A")
        query(two, "A", server=OTHER)
        return other_knotd.log_lines(f"target {one}. leads back to this owner")

    eventually(is_told, timeout=30, what="the other server sees the loop")
    authority.set("other.example.net", a=[A2], ttl=2)
    loops.reload_zone(one, [aname("other.example.net", ttl=2)], serial=2)
    answers({A2}, one)
    # Records of other servers are asked for every 30 s.
    eventually(
        lambda: query(two, "A", server=OTHER).expect(a={A1, A2}), timeout=60,
        what="both targets count again",
    )


@pytest.mark.limit(180)
def test_F5_a_mesh_over_two_servers_ends_with_the_clients(
    loops, other_knotd, start_unbound, authority
):
    """Each has half of the zones, and each one's lookups are the other one's clients."""
    authority.set(TARGET, a=[A1], ttl=2)
    zones = list(mesh(16).items())
    unbound = each_its_own(
        loops, other_knotd, start_unbound, dict(zones[:8]), dict(zones[8:]))
    # Where all wait for each other a recursor remembers failures for some seconds.
    for name, _ in zones[:8]:
        answers({A1}, name, timeout=60)
    for name, _ in zones[8:]:
        answers_there(A1, name, timeout=60)
    falls_silent(unbound, timeout=60)


def test_F5_an_address_does_not_go_round_over_two_servers(
    loops, other_knotd, tool, start_unbound, authority, proto
):
    """What the real target has lost one server does not have from the other one for ever."""
    one, two = "one.example", "two.example"
    authority.set(TARGET, a=[A1], ttl=2)
    each_its_own(
        loops, other_knotd, start_unbound,
        {one: [aname(two, ttl=2), "www 2 IN CNAME @"]},
        {two: [aname(f"www.{one}", ttl=2), aname(TARGET, ttl=2)]},
    )
    answers({A1}, one, proto=proto)
    answers_there(A1, two, proto)

    def is_told():
        query(two, "A", server=OTHER)
        query(one, "A")
        return other_knotd.log_lines(f"target www.{one}. leads back to this owner")

    eventually(is_told, timeout=30, what="the other server sees the loop")
    authority.set(TARGET, a=[A2], ttl=2)
    answers({A2}, one, proto=proto)
    answers_there(A2, two, proto)
    never(A1, one)
    eventually(
        lambda: query(one, "A") and "ends at an owner that leads back to itself"
        in tool("status").stdout,
        timeout=30, what="this server sees it as well",
    )
    query(one, "A").expect(a={A2})
    text = tool("check", one, code=(0, 1)).stdout
    assert f"target {two}. A: resolvable" in text, text


def test_F5_a_chain_over_two_servers_is_kept_fresh(loops, other_knotd, start_unbound, authority):
    authority.set(TARGET, a=[A1], ttl=2)
    loops.options["idle"] = 300
    each_its_own(
        loops, other_knotd, start_unbound,
        {"one.example": [aname("two.example", ttl=2)]}, {"two.example": [aname(TARGET, ttl=2)]},
    )
    answers({A1}, "one.example")
    authority.set(TARGET, a=[A2], ttl=2)
    eventually(lambda: authority.count(TARGET, "A") > 3, what="it is looked up without clients")
    query("one.example", "A").expect(a={A2}, ede=set())
    assert not loops.log_lines("leads back"), "expected no circle"


def test_F5_kaname_names_the_loop(loops, tool, start_unbound, authority):
    """Check for the zone, status for the target; a chain is nothing to speak of."""
    one, two = "one.example", "two.example"
    authority.set(TARGET, a=[A1], ttl=2)
    loops.options["ttl-max"] = 30
    serve(
        loops, start_unbound,
        {ZONE: own(SIBLING_A), one: [aname(two), aname(TARGET)], two: [aname(one)]},
    )
    answers({SIBLING_A})
    for name in (one, two):
        answers({A1}, name, ede=set())
    loops.wait_log(ZONE, "leads back", ask=ZONE)
    loops.wait_log(one, "leads back", ask=one)
    for name in (one, two):
        query(name, "A").expect(a={A1})

    def found(zone, target):
        text = tool("check", zone, code=(0, 1)).stdout
        assert re.search(rf"BAD .*target {target}. A: leads back to {zone}", text), text
        return text

    text = eventually(lambda: found(ZONE, f"www.{ZONE}"), what="the alias is named")
    assert "it is an alias of the owner" in text, text
    text = eventually(lambda: found(one, two), what="the other owner is named")
    assert f"target {TARGET}. A: resolvable" in text, text
    text = tool("check", two, code=(0, 1)).stdout
    assert "leads back" not in text and f"target {one}. A: resolvable" in text, text
    text = tool("status").stdout
    assert "ends at an owner that leads back to itself" in text, text
    (line,) = [line for line in text.splitlines() if TARGET in line and " A " in line]
    assert "leads back" not in line, line


def test_F5_the_canonical_name_costs_no_lookup(knotd, start_unbound, authority):
    """getaddrinfo() is asked for it, and asks the recursor no more than before."""
    authority.cname(TARGET, "edge.example.net.")
    authority.set("edge.example.net", a=[A1], aaaa=["2001:db8::1"], ttl=300)
    # Owners of other servers are not asked for so soon: about once in `idle`.
    knotd.options.update({"ttl-max": 60, "idle": 604800})
    unbound = start_unbound(cache=True, cache_ttl=3600)
    knotd.add_zone(ZONE, [aname(TARGET, ttl=60)])
    knotd.start()
    before = queries_of(unbound)
    answers({A1}, ede=set())
    answers({"2001:db8::1"}, rdtype="AAAA", ede=set())

    def counted():
        query(ZONE, "A")
        asked, started = queries_of(unbound) - before, knotd.stats(ZONE)["lookups[started]"]
        assert asked == started == 2, f"expected 2 of both, got {asked} and {started}"
        return True

    eventually(counted, what="a query for each lookup")
