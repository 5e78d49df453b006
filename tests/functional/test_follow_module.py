"""The request follow of the status socket: what an owner has, and when that changes."""

import contextlib
import json
import os
import socket
import threading
import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, TARGET, ZONE, aname, answers, during, eventually, scaled, siblings,
)
from harness.authority import ADDRESS
from harness.endpoints import Endpoints
from harness.followed import Following
from harness.owners import needs_any

ONE, TWO, THREE = "www.one.example.net", "www.two.example.net", "www.three.example.org"


@pytest.fixture
def follow(knotd):
    """Starts to follow; several may."""
    with contextlib.ExitStack() as stack:

        def start(**how):
            one = Following(knotd, **how)
            stack.callback(one.close)
            return one

        yield start


def serve(knotd, authority, records, targets=None, ttl=300, **options):
    """A zone with these records, whose targets have these addresses: {name: (A, AAAA)}."""
    for name, (a, aaaa) in (targets or {}).items():
        authority.set(name, a=a, aaaa=aaaa, ttl=ttl)
    knotd.options.update({"resolver": ADDRESS, "retry-max": 1, **options})
    knotd.add_zone(ZONE, records)
    knotd.start()


def has(a=None, aaaa=None):
    """Does a set have these?"""
    return lambda got: got.addresses("a") == a and got.addresses("aaaa") == aaaa


def is_quiet(following, name, seconds):
    """Nothing is told of a target for so long."""
    before = len(following.changes)
    for _ in during(seconds):
        told = [other for _, other in following.changes[before:] if other == f"{name}."]
        assert not told, f"expected no change of {name}, got {len(told)}"


# One target.


def test_pending_and_then_a_set_that_nobody_has_asked_for_over_dns(knotd, authority, follow):
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1], ttl=120, delay=0.3)
    serve(knotd, authority, [aname(TARGET)])
    following = follow()
    first = following.ask(ZONE, TARGET)
    assert (first.a_state, first.aaaa_state, first.ttl) == ("pending", "pending", None), first
    following.changed(TARGET)
    got = following.until(has({A1, A2}, {AAAA1}), ZONE, TARGET.upper(), owner=ZONE.upper())
    assert got.ttl == 120, got
    assert 1500 <= got.next <= 1800, got
    assert got.a == ",".join(sorted([A1, A2])), got


def test_addresses_that_change_are_told_and_refreshes_are_not(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [AAAA1])}, ttl=1)
    following = follow()
    following.until(has({A1}, {AAAA1}), ZONE, TARGET)
    count = authority.count(TARGET)
    is_quiet(following, TARGET, 3)
    assert authority.count(TARGET) > count + 2, "expected refreshes"
    changed_at = time.monotonic()
    authority.set(TARGET, a=[A2], aaaa=[AAAA1], ttl=1)
    following.changed(TARGET, since=changed_at)
    following.until(has({A2}, {AAAA1}), ZONE, TARGET)


def test_T1_the_ttl_is_the_least_of_record_and_source_within_bounds(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [AAAA1])}, ttl=120,
          **{"ttl-min": 30, "ttl-max": 100})
    following = follow()
    got = following.until(has({A1}, {AAAA1}), ZONE, TARGET)
    assert got.ttl == 100, got
    assert following.ask(ZONE, TARGET, ttl=50).ttl == 50
    assert following.ask(ZONE, TARGET, ttl=5).ttl == 30
    authority.set(TARGET, a=[A1], aaaa=[], ttl=120)
    for _ in during(1.5):
        pass
    # Not counted down.
    assert following.ask(ZONE, TARGET).ttl == 100


def test_nodata_and_nxdomain_and_back(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [])}, **{"ttl-max": 1})
    following = follow()
    got = following.until(has({A1}), ZONE, TARGET)
    assert got.aaaa_state == "nodata", got
    since = time.monotonic()
    authority.nxdomain(TARGET, negative_ttl=1)
    following.changed(TARGET, since=since)
    # That the name does not exist is no word of one family alone.
    got = following.until(lambda got: got.a_state == got.aaaa_state == "nxdomain", ZONE, TARGET)
    assert got.ttl is None, got
    since = time.monotonic()
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    following.changed(TARGET, since=since)
    following.until(has({A2}, {AAAA1}), ZONE, TARGET)


def test_what_is_gone_is_kept_as_negative_delay_says(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [])}, **{
        "ttl-max": 1, "negative-delay": 4})
    following = follow()
    following.until(has({A1}), ZONE, TARGET)
    since = time.monotonic()
    authority.nxdomain(TARGET, negative_ttl=1)
    following.changed(TARGET, since=since)
    got = following.ask(ZONE, TARGET)
    assert got.addresses() == {A1} and got.next <= 5, got
    got = following.until(lambda got: got.a_state == "nxdomain", ZONE, TARGET)
    assert time.monotonic() - since > 3


def test_F1_a_failure_keeps_what_is_there_until_stale_max(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [AAAA1])}, ttl=2,
          **{"stale-max": 3})
    following = follow()
    following.until(has({A1}, {AAAA1}), ZONE, TARGET)
    since = time.monotonic()
    authority.fail(TARGET)
    following.changed(TARGET, since=since)
    got = following.ask(ZONE, TARGET)
    assert got.addresses() == {A1} and got.next <= 6, got
    got = following.until(lambda got: got.a_state == got.aaaa_state == "failed", ZONE, TARGET)
    assert "SERVFAIL" in got.a_why and TARGET in got.a_why, got
    since = time.monotonic()
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=2)
    following.changed(TARGET, since=since)
    following.until(has({A1}, {AAAA1}), ZONE, TARGET)


@pytest.mark.parametrize("how", ["nxdomain", "nodata"])
def test_M3_that_there_are_none_is_no_news_once_lookups_fail(knotd, authority, follow, how):
    """Queries are answered by it until stale-max; nothing is taken away by it."""
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [AAAA1])}, ttl=1)
    following = follow()
    following.until(has({A1}, {AAAA1}), ZONE, TARGET)
    if how == "nxdomain":
        authority.nxdomain(TARGET, negative_ttl=1)
    else:
        authority.set(TARGET, negative_ttl=1)
    following.until(lambda got: got.a_state == got.aaaa_state == how, ZONE, TARGET)
    since = time.monotonic()
    authority.fail(TARGET)
    following.changed(TARGET, since=since)
    got = following.until(lambda got: got.a_state == got.aaaa_state == "failed", ZONE, TARGET)
    assert "SERVFAIL" in got.a_why and TARGET in got.a_why, got
    answers(())
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=1)
    following.until(has({A1}, {AAAA1}), ZONE, TARGET)


def test_F3_a_failure_from_the_beginning_is_one(knotd, authority, follow):
    authority.fail(TARGET, rcode="REFUSED")
    serve(knotd, authority, [aname(TARGET), *siblings()])
    following = follow()
    assert following.ask(ZONE, TARGET).a_state == "pending"
    got = following.until(lambda got: got.a_state == got.aaaa_state == "failed", ZONE, TARGET)
    assert got.aaaa_why == f"the resolver refuses, target {TARGET}." and got.ttl is None, got
    assert got.next > 60, got


def test_T3_to_ask_keeps_warm(knotd, authority, follow, tool):
    """Without a query, for as long as it is asked again in time."""
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [AAAA1])}, ttl=1, idle=3)
    following = follow()
    got = following.until(has({A1}, {AAAA1}), ZONE, TARGET)
    assert got.next == 1, got
    for _ in range(6):
        for _ in during(1):
            pass
        assert has({A1}, {AAAA1})(following.ask(ZONE, TARGET))
    assert authority.count(TARGET) > 8
    told = json.loads(tool("status", "--json", ZONE).stdout)
    assert {entry["unused"] for entry in told["targets"]} == {False}, told
    answers({A1})
    # And no longer than that.
    eventually(lambda: authority.times(TARGET)[-1] < time.monotonic() - 2.5, timeout=15,
               what="nobody asks any more")


# Pools.


def test_R4_a_pool_is_the_union_whatever_a_client_gets(knotd, authority, follow):
    serve(knotd, authority, [aname(ONE), aname(TWO), aname(THREE)],
          {ONE: ([A1], []), TWO: ([A2], [AAAA2]), THREE: ([A3, A1], [])},
          weight=["one.example.net@3", "two.example.net@1"])
    following = follow()
    got = following.until(has({A1, A2, A3}, {AAAA2}), ZONE, ONE, TWO, THREE)
    assert got.ttl == 300, got
    # A target that is named twice is one.
    assert has({A1}, None)(following.ask(ZONE, ONE, ONE.upper()))


def test_P1_the_best_rank_alone_and_the_next_when_it_fails(knotd, authority, follow):
    serve(knotd, authority, [aname(ONE), aname(TWO)],
          {ONE: ([A1], []), TWO: ([A2], [])}, ttl=1,
          prefer=["one.example.net", "two.example.net"], **{"stale-max": 3600})
    following = follow()
    following.until(has({A1}), ZONE, ONE, TWO)
    since = time.monotonic()
    authority.fail(ONE)
    following.changed(ONE, since=since)
    # Not at once: it might be the resolver.
    assert has({A1})(following.ask(ZONE, ONE, TWO))
    following.until(has({A2}), ZONE, ONE, TWO, timeout=30)
    since = time.monotonic()
    authority.set(ONE, a=[A1], aaaa=[], ttl=1)
    following.changed(ONE, since=since)
    following.until(has({A1}), ZONE, ONE, TWO)


def test_P2_a_weight_of_zero_is_for_when_there_is_nothing_else(knotd, authority, follow):
    serve(knotd, authority, [aname(ONE), aname(TWO)],
          {ONE: ([A1], []), TWO: ([A2], [AAAA2])}, weight=["two.example.net@0"])
    following = follow()
    following.until(has({A1}, {AAAA2}), ZONE, ONE, TWO)


def test_R4_while_a_target_is_new_nothing_is_said(knotd, authority, follow):
    """A part of what is there in a moment would be written, and then the rest."""
    authority.set(ONE, a=[A1])
    authority.set(TWO, a=[A2], delay=1.0)
    serve(knotd, authority, [aname(ONE), aname(TWO)])
    following = follow()
    following.until(has({A1}), ZONE, ONE)
    seen = set()

    def come():
        got = following.ask(ZONE, ONE, TWO)
        seen.add(got.a_state if got.a_state != "addresses" else got.a)
        return has({A1, A2})(got)

    eventually(come, what="both")
    assert seen == {"pending", f"{A1},{A2}"}, seen


def test_A8_of_more_than_max_addresses_always_the_same(knotd, authority, follow):
    many = [f"192.0.2.{n}" for n in range(1, 101)]
    serve(knotd, authority, [aname(TARGET)], {TARGET: (many, [])}, ttl=1,
          **{"max-addresses": 5})
    following = follow()
    following.until(has(set(many[:5])), ZONE, TARGET)
    for _ in range(3):
        count = authority.count(TARGET, "A")
        eventually(lambda before=count: authority.count(TARGET, "A") > before)
        assert has(set(many[:5]))(following.ask(ZONE, TARGET))


# Health.


def test_H3_addresses_that_are_down_are_left_out(knotd, authority, follow):
    here, there = "127.0.0.81", "127.0.0.82"
    endpoints = Endpoints([here, there]).start()
    try:
        serve(knotd, authority, [aname(TARGET)], {TARGET: ([here, there], [])}, probe="tcp",
              **{"probe-port": 8443, "probe-interval": 1, "probe-timeout": 300, "probe-fall": 2})
        following = follow()
        following.until(has({here, there}), ZONE, TARGET)
        # Nobody asks over DNS: it is probed all the same.
        eventually(lambda: endpoints.at[there].connections > 1, what="probes")
        since = time.monotonic()
        endpoints.kill(there)
        following.changed(TARGET, since=since)
        got = following.until(has({here}), ZONE, TARGET)
        assert got.ttl == 300, got
        since = time.monotonic()
        endpoints.kill(here)
        following.changed(TARGET, since=since)
        following.until(has({here, there}), ZONE, TARGET)
        since = time.monotonic()
        endpoints.revive(here)
        following.changed(TARGET, since=since)
        following.until(has({here}), ZONE, TARGET)
    finally:
        endpoints.kill()


def test_H8_forced_states_are_told_of_each_target_that_has_the_address(
        knotd, authority, follow, tool):
    serve(knotd, authority, [aname(ONE), aname(TWO)],
          {ONE: ([A1, A3], []), TWO: ([A2, A3], [])})
    following = follow()
    following.until(has({A1, A2, A3}), ZONE, ONE, TWO)
    since = time.monotonic()
    tool("force", A3, "down")
    following.changed(ONE, since=since)
    following.changed(TWO, since=since)
    following.until(has({A1, A2}), ZONE, ONE, TWO)
    since = time.monotonic()
    tool("force", ONE, "down")
    following.changed(ONE, since=since)
    following.until(has({A2}), ZONE, ONE, TWO)
    tool("force", A3, "auto")
    since = time.monotonic()
    tool("force", ONE, "auto")
    following.changed(ONE, since=since)
    following.until(has({A1, A2, A3}), ZONE, ONE, TWO)
    since = time.monotonic()
    tool("force", TWO, "down", "--for", "2s")
    following.until(has({A1, A3}), ZONE, ONE, TWO)
    following.changed(TWO, count=2, since=since)
    following.until(has({A1, A2, A3}), ZONE, ONE, TWO)


@pytest.mark.parametrize("all_down", ["sibling", "servfail"])
def test_H4_all_down_is_a_failure(knotd, authority, follow, tool, all_down):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [AAAA1])}, **{
        "all-down": all_down})
    following = follow()
    following.until(has({A1}, {AAAA1}), ZONE, TARGET)
    tool("force", A1, "down")
    got = following.until(lambda got: got.a_state == "failed", ZONE, TARGET)
    assert got.a_why == "all addresses are down" and got.addresses("aaaa") == {AAAA1}, got


# Policy.


def test_A10_what_deny_address_leaves_nothing_of_does_not_exist(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1, A2], [AAAA1])}, **{
        "deny-address": [f"{A1}/32", "2001:db8::/32"]})
    following = follow()
    got = following.until(has({A2}), ZONE, TARGET)
    assert got.aaaa_state == "nodata", got
    knotd.options["deny-address"] = [A1, A2]
    knotd.reload()
    got = following.until(has(None, {AAAA1}), ZONE, TARGET)
    assert got.a_state == "nodata", got
    knotd.options["deny-address"] = [A1, A2, AAAA1]
    knotd.reload()
    got = following.until(lambda got: got.a_state == got.aaaa_state == "failed", ZONE, TARGET)
    assert got.a_why == f"all addresses are in networks of 'deny-address', target {TARGET}.", got


def test_L2_targets_that_are_denied_are_not_looked_up(knotd, authority, follow):
    serve(knotd, authority, [aname(ONE)], {ONE: ([A1], []), THREE: ([A3], [])}, **{
        "deny-target": "example.org", "allow-target": ["example.net", "example.org"]})
    following = follow()
    got = following.ask(ZONE, THREE)
    assert got.a_state == got.aaaa_state == "failed", got
    assert got.a_why == "it is under a suffix of 'deny-target'", got
    assert "allow-target" in following.ask(ZONE, "a.example.com").a_why
    assert "owner itself" in following.ask(ZONE, ZONE).a_why
    assert "root" in following.ask(ZONE, ".").a_why
    following.until(has({A1}), ZONE, ONE, THREE)
    assert authority.count(THREE) == authority.count(ZONE) == 0


def test_owners_and_zones_that_are_not_followed(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [])})
    following = follow()
    for zone, owner, why in (
        ("example.org", None, "not loaded"),
        (ZONE, "www.example.org", "not in the zone"),
        (ZONE, f"www.{ZONE}", "owners: any"),
    ):
        got = following.ask(zone, TARGET, owner=owner)
        assert got.unknown and why in got.why, got
        assert got.a_state is None and got.ttl is None, got
    assert authority.count(TARGET) == 0
    following.until(has({A1}), ZONE, TARGET)


# Questions.


def test_L1_questions_that_are_not_understood(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [])})
    following = follow()
    for line, why in (
        (f"ask 7 {ZONE} {ZONE} 60", "no targets"),
        (f"ask 7 {ZONE} {ZONE} 4294967296 {TARGET}", "TTL"),
        (f"ask 7 {ZONE} a..b 60 {TARGET}", "domain names"),
        (f"ask 7 {ZONE} {ZONE} 60 " + " ".join(f"t{n}" for n in range(33)), "too many"),
        (f"ask 7 {ZONE}", "domain names"),
    ):
        following.sets.clear()
        following.send(line)
        got = eventually(lambda: following.sets.get(7), what=f"the answer to {line}")
        assert got.unknown and why in got.why, got
    most = following.until(has({A1}), ZONE, *[TARGET] * 32)
    assert most.ttl == 300
    for line in ("ask", "ask -1 a a 1 a", "ask 18446744073709551616 a a 1 a", "status", "ask 1\0",
                 "x" * 40000):
        other = follow()
        other.send(line)
        assert other.over.wait(scaled(10)), f"expected the end after {line[:50]!r}"
        assert other.lines[-2].startswith("error\twhy=") and other.lines[-1] == "end", other.lines


def test_L1_eight_may_follow(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [])})
    all_of_them = [follow() for _ in range(8)]
    path = os.path.join(knotd.directory, "mod-aname.sock")
    with socket.socket(socket.AF_UNIX) as client:
        client.connect(path)
        client.sendall(b"follow\n")
        text = client.makefile(encoding="ascii").read()
    assert text == "aname\t1\nrefused\twhy=8 follow already\nend\n", text
    for following in all_of_them:
        following.until(has({A1}), ZONE, TARGET)
    all_of_them[3].close()
    eventually(lambda: has({A1})(follow().ask(ZONE, TARGET)), what="a place")


# What else may change.


def serve_loops(knotd, start_unbound, zones, **options):
    """Zones that the recursor comes for to this server: {name: records}."""
    knotd.options.update({"resolver": "127.0.0.1", "retry-max": 1, "ttl-max": 2, "timeout": 2000,
                          **options})
    for zone, records in zones.items():
        knotd.add_zone(zone, records)
    knotd.start()
    start_unbound(stubs=dict.fromkeys(zones, "127.0.0.1@5300"))


def test_F5_what_leads_back_to_the_owner_is_a_failure(knotd, authority, start_unbound, follow):
    """Nobody has asked over DNS but the module's own lookups."""
    authority.set("t.example", a=[A1])
    serve_loops(knotd, start_unbound, {
        ZONE: [aname(f"a.{ZONE}"), f"a 60 CNAME {ZONE}."],
        "example.org": [aname("example.net")],
        "example.net": [aname("example.org")],
    })
    following = follow()
    circles = ((ZONE, f"a.{ZONE}"), ("example.org", "example.net"), ("example.net", "example.org"))
    for zone, target in circles:
        following.until(lambda got: got.a_state == got.aaaa_state == "failed", zone, target,
                        timeout=30)
    # What leads out counts beside it.
    following.until(has({A1}), ZONE, f"a.{ZONE}", "t.example")


def test_T4_other_options_are_told_once_and_the_same_ones_are_not(knotd, authority, follow):
    serve(knotd, authority, [aname(ONE), aname(TWO)], {ONE: ([A1], []), TWO: ([A2], [])})
    knotd.add_zone("example.org", [aname(ONE)], modules=["mod-aname"])
    knotd.reload()
    following = follow()
    following.until(has({A1, A2}), ZONE, ONE, TWO)
    knotd.reload()
    for _ in during(3):
        assert following.losses == [], "expected nothing after a reload that changes nothing"
    knotd.options["prefer"] = ["two.example.net"]
    knotd.reload()
    eventually(lambda: following.losses == [0], what="that all is to be asked for")
    following.until(has({A2}), ZONE, ONE, TWO)
    for _ in during(2):
        assert following.losses == [0], following.losses


def test_T4_a_zone_without_the_module_is_not_followed_any_more(knotd, authority, follow):
    serve(knotd, authority, [aname(ONE)], {ONE: ([A1], [])})
    knotd.add_zone("example.org", [aname(ONE)])
    knotd.reload()
    following = follow()
    following.until(has({A1}), ZONE, ONE)
    knotd.zones[ZONE].modules = []
    knotd.reload()
    got = following.until(lambda got: got.unknown, ZONE, ONE)
    assert got.next <= 60, got
    knotd.zones[ZONE].modules = None
    knotd.reload()
    following.until(has({A1}), ZONE, ONE)


def test_P1_while_the_resolver_is_silent_nothing_changes(knotd, start_scripted, authority, follow):
    """Nor when it is back, though each target comes back in its own time."""
    names = {f"t{n}.example.net": [f"192.0.2.{n}"] for n in range(1, 9)}
    everything = {address for addresses in names.values() for address in addresses}
    recursor = start_scripted()
    for name, addresses in names.items():
        recursor.set(name, a=addresses, ttl=2)
    serve(knotd, authority, [aname(name) for name in names], resolver=recursor.address[0],
          timeout=500, retries=0)
    following = follow()
    following.until(has(everything), ZONE, *names)
    seen = set()

    def look(seconds):
        for _ in during(seconds, step=0.1):
            got = following.ask(ZONE, *names)
            seen.add((got.a_state, frozenset(got.addresses() or ())))

    for name in names:
        recursor.drop(name)
    look(8)
    for n, (name, addresses) in enumerate(names.items()):
        recursor.set(name, a=addresses, ttl=2, delay=0.1 * n)
    look(5)
    assert seen == {("addresses", frozenset(everything))}, seen


@needs_any
def test_O1_owners_below_the_apex(knotd, authority, follow):
    serve(knotd, authority, [aname(TARGET, owner="www"), aname(TARGET, owner="*")],
          {TARGET: ([A1], [AAAA1])}, owners="any")
    following = follow()
    following.until(has({A1}, {AAAA1}), ZONE, TARGET, owner=f"www.{ZONE}")
    following.until(has({A1}, {AAAA1}), ZONE, TARGET, owner=f"*.{ZONE}")


# Many at once.


@pytest.mark.limit(120)
def test_L1_2000_zones_asked_in_one_go_hold_up_nobody(knotd, authority, follow, tool):
    count = 2000
    authority.set("*.many.example", a=[A1], aaaa=[AAAA1])
    knotd.options.update({"resolver": ADDRESS, "max-targets": 2 * count + 10})
    for n in range(count):
        knotd.add_zone(f"z{n}.example", [aname(f"t{n}.many.example")])
    knotd.start()
    following = follow()
    questions = "\n".join(
        following.line(1000 + n, f"z{n}.example", [f"t{n}.many.example"]) for n in range(count))
    began = time.monotonic()
    following.send(questions)
    # Others are answered meanwhile.
    longest = 0.0
    while len(following.order) < count:
        before = time.monotonic()
        status = json.loads(tool("status", "--json", "z1.example").stdout)
        longest = max(longest, time.monotonic() - before)
        assert status is not None
        assert time.monotonic() - began < scaled(60), f"{len(following.order)} answers"
    took = time.monotonic() - began
    print(f"{count} answers in {took:.2f} s, status in {longest:.2f} s at most")
    assert following.order == list(range(1000, 1000 + count)), "expected answers in order"
    assert longest < scaled(5)
    eventually(lambda: len({name for _, name in following.changes}) == count, timeout=60,
               what="each has become known")

    def asked_again():
        following.order.clear()
        following.send(questions)
        eventually(lambda: len(following.order) == count, timeout=30, what="all are answered")
        others = [got for got in following.sets.values() if not has({A1}, {AAAA1})(got)]
        assert not others, f"expected all to be known, got {len(others)} like {others[0]}"
        return True

    eventually(asked_again, timeout=30, step=0.5)


@pytest.mark.limit(120)
def test_L1_who_does_not_read_loses_changes_and_no_answers(knotd, authority, follow, tool):
    count = 1000
    for n in range(count):
        authority.set(f"t{n}.many.example", a=[A1], ttl=1)
    serve(knotd, authority, [aname(TARGET)], {TARGET: ([A1], [])}, **{"lookup-rate": 100000})
    reader, slow = follow(), follow(reads=False)
    for n in range(count):
        reader.send(reader.line(100000 + n, ZONE, [f"t{n}.many.example"]))
    eventually(lambda: len(reader.order) == count, what="all are asked for")
    # So many questions that answers fill all room for them; they are sent from a thread.
    asked = 20000
    questions = "".join(
        slow.line(n, ZONE, [f"t{n % count}.many.example"]) + "\n" for n in range(asked))
    slow.socket.settimeout(scaled(90))

    def send():
        with contextlib.suppress(OSError):
            slow.socket.sendall(questions.encode())

    sender = threading.Thread(target=send, daemon=True)
    sender.start()

    def told():
        # On a machine that has no time for it who reads loses some, too.
        return len(reader.changes) + sum(reader.losses)

    for turn in range(40):
        before = told()
        # What none of them has had, so that there is a change of each, whatever was told meanwhile.
        for n in range(count):
            authority.set(f"t{n}.many.example", a=[f"198.51.100.{turn + 1}"], ttl=1)
        eventually(lambda start=before: told() >= start + count // 5, timeout=30,
                   what="changes are told to who reads")
        if turn > 3 and told() > 4 * count:
            break
    assert sender.is_alive(), "expected that reading stops while answers are not taken"
    assert has(None, None)(reader.ask("example.org", TARGET))
    slow.read()
    eventually(lambda: len(slow.order) == asked, timeout=60, what="all answers")
    sender.join(scaled(10))
    assert slow.order == list(range(asked)), "expected answers in order, and none left out"
    eventually(lambda: slow.losses, what="that changes were left out")
    assert sum(slow.losses) > sum(reader.losses), (slow.losses, reader.losses)
