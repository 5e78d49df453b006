"""P1 to P5: which targets of a pool a client gets."""

import collections
import ipaddress
import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, SIBLING_A, STALE_ANSWER, ZONE, aname, answers, during, eventually,
    in_time, known, query, siblings,
)
from harness.ask import NO_REACHABLE_AUTHORITY
from harness.authority import ADDRESS
from harness.signing import SIGNED, policy
from harness.validator import ValidatingUnbound, signed

ONE, TWO, THREE = "www.one.example.net", "www.two.example.net", "www.three.example.org"
TARGETS = {ONE: (A1, AAAA1), TWO: (A2, AAAA2), THREE: (A3, "2001:db8::3")}
OF_ADDRESS = {address: name for name, both in TARGETS.items() for address in both}
PARTIAL_TTL = 5


def serve(knotd, authority, *targets, records=(), ttl=300, **options):
    """knotd with a zone that has these targets, all of them known."""
    for name in targets:
        a, aaaa = TARGETS[name]
        authority.set(name, a=[a], aaaa=[aaaa], ttl=ttl)
    # Whatever runs into the limits of time here is not the test's subject.
    knotd.options.update({"resolver": ADDRESS, "retry-max": 1, **options})
    knotd.add_zone(ZONE, [*(aname(name, ttl=ttl) for name in targets), *records])
    knotd.start()
    settle(authority, *targets)


def settle(authority, *targets, **how):
    """Wait until all targets have been looked up, in both families, and an answer is known."""
    known(**how)

    def asked():
        query(ZONE, "A", **how)
        for name in targets:
            for rdtype in ("A", "AAAA"):
                assert authority.count(name, rdtype), f"expected a lookup of {name}/{rdtype}"
        return True

    eventually(asked, timeout=15, what="all targets are looked up")
    known(**how)


def source(n):
    """An address of the n-th of many networks."""
    return f"127.{1 + n // 200}.{1 + n % 200}.7"


def chosen(n, rdtype="A", proto="udp", name=ZONE, **how):
    """The targets that a client in the n-th network gets."""
    reply = query(name, rdtype, proto, source=source(n), **how).expect(ede=set())
    return {OF_ADDRESS[address] for address in reply.addresses(rdtype)}


def one(found):
    (name,) = found
    return name


# Ranks.


def test_P1_the_better_rank_answers_alone(knotd, authority, proto):
    serve(knotd, authority, ONE, TWO, THREE, prefer=["two.Example.NET", "example.net."])
    for n in range(8):
        assert chosen(n, proto=proto) == {TWO}
        assert chosen(n, "AAAA", proto) == {TWO}


def test_P1_targets_of_one_rank_answer_together(knotd, authority, proto):
    serve(knotd, authority, ONE, TWO, THREE, prefer="example.net")
    for n in range(8):
        assert chosen(n, proto=proto) == {ONE, TWO}


def test_P1_the_next_rank_takes_over_and_gives_back(knotd, authority, proto):
    """At the first failed lookup, without an empty answer or SERVFAIL between."""
    serve(knotd, authority, ONE, TWO, THREE, ttl=2, prefer=["one.example.net", "example.net"])
    assert chosen(0, proto=proto) == {ONE}
    authority.fail(ONE)

    def follow(before, after):
        seen = {before}
        start = time.monotonic()
        while after not in seen:
            assert in_time(start, 20), f"expected {after} to take over, got {seen}"
            reply = query(ZONE, "A", proto)
            found = {OF_ADDRESS[address] for address in reply.addresses()}
            assert len(found) == 1, f"expected one target, got {reply}"
            seen |= found
        assert seen == {before, after}, f"expected {after} next, got {seen}"

    follow(ONE, TWO)
    authority.fail(TWO)
    follow(TWO, THREE)
    a, aaaa = TARGETS[ONE]
    authority.set(ONE, a=[a], aaaa=[aaaa], ttl=2)
    follow(THREE, ONE)


def test_P1_a_family_that_the_better_rank_lacks_comes_from_the_next(knotd, authority, proto):
    serve(knotd, authority, ONE, TWO, prefer="one.example.net")
    authority.set(ONE, a=[A1])
    knotd.options["ttl-max"] = 1
    knotd.reload()
    answers({AAAA2}, rdtype="AAAA", proto=proto)
    answers({A1}, proto=proto)


def test_P1_nothing_usable_at_all_is_what_it_was_without_options(knotd, authority, proto):
    serve(knotd, authority, ONE, TWO, ttl=1, prefer="one.example.net", **{"stale-max": 0})
    for name in (ONE, TWO):
        authority.fail(name)
    eventually(lambda: query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None), timeout=20)
    for name in (ONE, TWO):
        authority.nxdomain(name)
    eventually(lambda: query(ZONE, "A", proto).expect(a=(), soa=True), timeout=20)


def test_P1_a_target_that_is_not_known_yet_is_skipped_for_a_moment(knotd, authority):
    authority.set(TWO, a=[A2], ttl=300)
    authority.set(ONE, a=[A1], ttl=300)
    authority.drop(ONE)
    knotd.options.update({
        "resolver": ADDRESS, "prefer": "one.example.net", "timeout": 20000, "wait": 100,
    })
    knotd.add_zone(ZONE, [aname(ONE), aname(TWO)])
    knotd.start()
    answers({A2}, ttl=(0, PARTIAL_TTL))


def test_P1_a_dead_recursor_moves_no_traffic(knotd, authority):
    """While nothing succeeds, of several names, stale is as good as live; after that it is not."""
    for name, ttl in ((ONE, 2), (TWO, 300), (THREE, 2)):
        authority.set(name, a=[TARGETS[name][0]], ttl=ttl)
    knotd.options.update({
        "resolver": ADDRESS, "timeout": 300, "retry-max": 1, "retries": 0,
        "prefer": ["one.example.net", "two.example.net"],
    })
    knotd.add_zone(ZONE, [aname(name) for name in TARGETS])
    knotd.start()
    settle(authority, *TARGETS)
    for name in TARGETS:
        authority.drop(name)

    def stays():
        reply = query(ZONE, "A").expect(a={A1}, ede={STALE_ANSWER})
        failing = knotd.log_lines(ONE, "fails"), knotd.log_lines(THREE, "fails")
        assert all(failing), f"expected both to be known to fail, got {failing}"
        return reply

    eventually(stays, timeout=20, what="stale addresses are used again")
    for _ in during(2):
        query(ZONE, "A").expect(a={A1}, ede={STALE_ANSWER})
    # What succeeds tells that the recursor is alive, and that the first target is not.
    authority.set(THREE, a=[A3], ttl=2)
    answers({A2}, ede=set(), timeout=20)


def test_P1_a_denied_or_malformed_target_is_none(knotd, authority, proto):
    for name in (TWO, THREE):
        authority.set(name, a=[TARGETS[name][0]], ttl=300)
    knotd.options.update({
        "resolver": ADDRESS, "prefer": ["one.example.net", ZONE, "two.example.net"],
        "deny-target": ONE,
    })
    knotd.add_zone(ZONE, [aname(ONE), aname(ZONE), aname(TWO), aname(THREE)])
    knotd.start()
    answers({A2}, proto=proto, ede=set())
    assert authority.count(ONE) == 0, "expected no lookup of a target that is denied"


# Weights.


@pytest.mark.parametrize("weights, shares", [([1, 1], (0.5, 0.5)), ([3, 1], (0.75, 0.25))])
def test_P2_shares_are_those_of_the_weights(knotd, authority, weights, shares):
    serve(knotd, authority, ONE, TWO, weight=[f"one.example.net@{weights[0]}",
                                              f"TWO.example.net.@{weights[1]}"])
    count = 1200
    got = collections.Counter(one(chosen(n)) for n in range(count))
    # Networks are the same in each run; six times the deviation to be expected.
    for name, share in zip((ONE, TWO), shares):
        off = abs(got[name] / count - share)
        assert off < 0.08, f"expected {share}, got {got}"


def test_P2_weight_0_is_for_when_no_other_is_usable(knotd, authority):
    serve(knotd, authority, ONE, TWO, ttl=2, weight="two.example.net@0")
    assert {one(chosen(n)) for n in range(50)} == {ONE}
    authority.fail(ONE)
    answers({A2}, timeout=20)
    assert {one(chosen(n)) for n in range(50)} == {TWO}


def test_P2_all_of_weight_0_are_equal(knotd, authority):
    serve(knotd, authority, ONE, TWO, weight="example.net@0")
    assert {one(chosen(n)) for n in range(50)} == {ONE, TWO}


# The choice.


def test_P3_it_is_the_same_for_both_families_and_transports(knotd, authority):
    serve(knotd, authority, ONE, TWO, THREE, weight="one.example.net@2",
          records=["www IN CNAME @", "@ IN MX 10 @", *siblings()])
    seen = set()
    for n in range(60):
        first = chosen(n)
        seen |= first
        assert chosen(n, "AAAA") == first
        assert chosen(n, "A", "tcp") == first
        assert chosen(n, name=f"www.{ZONE}") == first, "www CNAME @"
        assert chosen(n, "AAAA", name=f"www.{ZONE}") == first
        for rdtype, at in (("ANY", "answer"), ("MX", "additional"), ("TYPE65305", "additional")):
            reply = query(ZONE, rdtype, "tcp", source=source(n)).expect()
            both = reply.addresses("A", section=at) | reply.addresses("AAAA", section=at)
            assert both == set(TARGETS[one(first)]), f"{rdtype}: expected {first}, got {reply}"
    assert seen == set(TARGETS), f"expected all of them to be chosen, got {seen}"


def test_P3_the_network_counts_and_not_the_address(knotd, authority):
    serve(knotd, authority, ONE, TWO, weight="example.net@1")
    for n in range(20):
        network = source(n).rsplit(".", 1)[0]
        found = {
            frozenset(query(ZONE, "A", source=f"{network}.{host}").addresses())
            for host in (1, 2, 99, 254)
        }
        assert len(found) == 1, f"expected one answer for {network}.0/24, got {found}"


def test_P3_two_servers_agree(knotd, other_knotd, authority):
    options = {"weight": ["one.example.net@5", "three.example.org@2"]}
    other_knotd.options.update({"resolver": ADDRESS, **options})
    # In another order, and written otherwise.
    other_knotd.add_zone(ZONE, [aname(name.upper()) for name in (THREE, ONE, TWO)])
    serve(knotd, authority, ONE, TWO, THREE, **options)
    other_knotd.start()
    server = ("127.0.0.1", 5301)
    settle(authority, server=server)
    for n in range(200):
        assert chosen(n, server=server) == chosen(n), f"expected one choice for {source(n)}"


def test_P3_who_had_another_target_stays_when_one_fails(knotd, authority):
    serve(knotd, authority, ONE, TWO, THREE, ttl=2, weight="example.net@1")
    before = {n: one(chosen(n)) for n in range(60)}
    assert set(before.values()) == set(TARGETS)
    authority.fail(TWO)
    victim = next(n for n, name in before.items() if name == TWO)
    eventually(lambda: _is_not(chosen(victim), TWO), timeout=20, what="its clients move")
    after = {n: one(chosen(n)) for n in before}
    for n, name in before.items():
        assert after[n] == name if name != TWO else after[n] != TWO, f"{n}: {name}, {after[n]}"
    authority.set(TWO, a=[A2], aaaa=[AAAA2], ttl=2)
    eventually(lambda: _is(chosen(victim), TWO), timeout=20, what="its clients come back")
    assert {n: one(chosen(n)) for n in before} == before


def _is(found, name):
    assert found == {name}, f"expected {name}, got {found}"
    return True


def _is_not(found, name):
    assert name not in found, f"expected another than {name}, got {found}"
    return True


def test_P3_N4_the_subnet_of_the_client_counts(ecs, authority):
    serve(ecs, authority, ONE, TWO, weight="example.net@1")
    found = collections.Counter()

    def ask(network, length, origin):
        reply = query(ZONE, "A", "tcp", ecs=f"{network}/{length}", source=origin)
        reply.expect(ede=set(), scope=min(length, 24))
        return OF_ADDRESS[reply.addresses().pop()]

    for n in range(40):
        network = str(ipaddress.ip_address("198.18.0.0") + 256 * n)
        name = ask(network, 24, source(0))
        found[name] += 1
        assert ask(network, 24, source(n)) == name, "wherever the resolver is"
        assert ask(network, 32, source(n)) == name, "of no more bits than count"
    assert set(found) == {ONE, TWO}


def test_P3_a_change_of_the_zone_is_followed(knotd, authority):
    serve(knotd, authority, ONE, TWO, weight="example.net@1")
    authority.set(THREE, a=[A3], ttl=300)
    assert {one(chosen(n)) for n in range(40)} == {ONE, TWO}
    knotd.reload_zone(ZONE, [aname(ONE), aname(THREE)], serial=2)
    eventually(lambda: _is_not({one(chosen(n)) for n in range(40)}, TWO), timeout=15)
    assert {one(chosen(n)) for n in range(40)} == {ONE, THREE}
    knotd.reload_zone(ZONE, [aname(THREE)], serial=3)
    eventually(lambda: _is({one(chosen(n)) for n in range(40)}, THREE), timeout=15)


def test_P3_T4_a_reload_keeps_what_is_known(knotd, authority):
    serve(knotd, authority, ONE, TWO, weight="example.net@1")
    before = {n: chosen(n) for n in range(40)}
    for name in (ONE, TWO):
        authority.drop(name)
    knotd.options["weight"] = ["example.net@7"]
    knotd.reload()
    assert {n: chosen(n) for n in range(40)} == before
    knotd.options.pop("weight")
    knotd.reload()
    assert chosen(0) == {ONE, TWO}, "expected the union of all"


def test_P3_targets_that_are_not_chosen_are_kept_fresh(knotd, authority):
    """A spare that goes cold is none."""
    serve(knotd, authority, ONE, TWO, ttl=2, prefer="one.example.net", idle=4)
    before = authority.count(TWO, "A")

    def refreshed():
        assert chosen(0) == {ONE}
        assert authority.count(TWO, "A") >= before + 4, "expected it to be looked up again"
        return True

    eventually(refreshed, timeout=30)
    authority.fail(ONE)


    def moved():
        reply = query(ZONE, "A")
        assert not reply.tc, f"expected no client to wait, got {reply}"
        return _is({OF_ADDRESS[address] for address in reply.addresses()}, TWO)

    eventually(moved, timeout=20)


# Several at once.


@pytest.mark.parametrize("targets", [0, 1, 2, 3, 32])
def test_P4_so_many_targets_are_in_an_answer(knotd, authority, targets):
    serve(knotd, authority, ONE, TWO, THREE, weight="one.example.net@3",
          **{"answer-targets": targets})
    sets = {frozenset(chosen(n)) for n in range(60)}
    size = min(targets, 3) or 3
    assert {len(found) for found in sets} == {size}
    assert len(sets) == (3 if size < 3 else 1), f"expected at most as many sets, got {sets}"
    for n in range(10):
        assert chosen(n, "AAAA") == chosen(n)


def test_P4_without_weight_all_are_the_default(knotd, authority):
    serve(knotd, authority, ONE, TWO, THREE, **{"answer-targets": 2})
    assert {len(chosen(n)) for n in range(30)} == {2}
    knotd.options.pop("answer-targets")
    knotd.reload()
    assert chosen(0) == set(TARGETS)


# Signed zones.


def test_P4_D1_each_set_is_signed_once(knotd, authority, directory, start_server):
    """Signatures made anew would differ: what signs ECDSA draws a random number."""
    policy(knotd)
    for name in (ONE, TWO, THREE):
        a, aaaa = TARGETS[name]
        authority.set(name, a=[a], aaaa=[aaaa], ttl=300)
    knotd.options.update({"resolver": ADDRESS, "weight": "example.net@2"})
    knotd.add_zone(ZONE, [aname(n) for n in TARGETS] + ["www IN CNAME @"], zone_options=SIGNED)
    knotd.start()
    points = signed(ZONE)
    settle(authority, *TARGETS, do=True)
    signatures = collections.defaultdict(set)
    for n in range(300):
        for rdtype in ("A", "AAAA"):
            reply = query(ZONE, rdtype, source=source(n), do=True).expect(ede=set())
            signatures[rdtype, frozenset(reply.addresses(rdtype))] |= reply.addresses("RRSIG")
    assert len(signatures) == 6, f"expected three sets of each family, got {list(signatures)}"
    for of, made in signatures.items():
        assert len(made) == 1, f"expected one signature over {of}, got {len(made)}"
    validator = start_server(ValidatingUnbound(directory, {ZONE: points}))
    for name in (ZONE, f"www.{ZONE}"):
        for rdtype in ("A", "AAAA"):
            assert validator.secure(name, rdtype).addresses(rdtype)


def test_P4_D1_all_sets_of_the_largest_pool_are_kept(knotd, authority):
    """32 targets, both families, and a denial: none drives out another."""
    policy(knotd)
    names = [f"target{n}.example.net" for n in range(32)]
    for n, name in enumerate(names):
        authority.set(name, a=[f"192.0.2.{n}"], aaaa=[f"2001:db8::{n}"], ttl=300)
    knotd.options.update({"resolver": ADDRESS, "weight": "example.net@2"})
    knotd.add_zone(ZONE, [aname(name) for name in names], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    settle(authority, *names, do=True)
    made = collections.defaultdict(set)
    for _ in range(2):
        for n in range(400):
            for rdtype in ("A", "AAAA"):
                reply = query(ZONE, rdtype, source=source(n), do=True).expect(ede=set())
                made[reply.addresses(rdtype).pop()] |= reply.addresses("RRSIG")
            query(ZONE, "HTTPS", source=source(n), do=True).expect(soa=True)
    assert len(made) == 64, f"expected every target to be chosen, got {len(made)} sets"
    again = {of: len(signatures) for of, signatures in made.items() if len(signatures) > 1}
    assert not again, f"expected one signature each, got {again}"


def test_P3_D2_a_family_is_denied_only_if_nobody_gets_it(knotd, authority):
    policy(knotd)
    authority.set(ONE, a=[A1], ttl=300)
    authority.set(TWO, a=[A2], aaaa=[AAAA2], ttl=300)
    knotd.options.update({"resolver": ADDRESS, "weight": "example.net@1"})
    knotd.add_zone(ZONE, [aname(ONE), aname(TWO)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    settle(authority, ONE, TWO, do=True)
    seen = set()
    for n in range(30):
        seen |= chosen(n, do=True)
        assert chosen(n, "AAAA", do=True) == {TWO}
        reply = query(ZONE, "HTTPS", do=True, source=source(n)).expect(soa=True)
        (bitmap,) = reply.addresses("NSEC", section="authority")
        assert " A " in bitmap and " AAAA " in bitmap, f"expected both, got {reply}"
    assert seen == {ONE, TWO}


# An operator's word.


def test_P1_H3_a_rank_that_is_down_gives_way_and_comes_back(knotd, authority, tool, proto):
    serve(knotd, authority, ONE, TWO, THREE, prefer=["one.example.net", "two.example.net"])
    assert chosen(0, proto=proto) == {ONE}
    for name, left in ((ONE, TWO), (TWO, THREE)):
        tool("force", name, "down")
        eventually(lambda left=left: _is(chosen(0, proto=proto), left))
        assert chosen(0, "AAAA", proto) == {left}
    tool("force", ONE, "auto")
    eventually(lambda: _is(chosen(0, proto=proto), ONE))


def test_P1_H3_one_family_of_a_target_is_down(knotd, authority, tool):
    serve(knotd, authority, ONE, TWO, prefer="one.example.net")
    tool("force", AAAA1, "down")
    eventually(lambda: _is(chosen(0, "AAAA"), TWO))
    assert chosen(0) == {ONE}


def test_P3_H3_who_had_another_target_stays_when_one_is_down(knotd, authority, tool):
    serve(knotd, authority, ONE, TWO, THREE, weight="one.example.net@2")
    before = {n: one(chosen(n)) for n in range(60)}
    assert set(before.values()) == set(TARGETS)
    tool("force", ONE, "down")
    victim = next(n for n, name in before.items() if name == ONE)
    eventually(lambda: _is_not(chosen(victim), ONE))
    for n, name in before.items():
        found = one(chosen(n))
        assert found == name or name == ONE, f"expected {name} for {source(n)}, got {found}"
    tool("force", ONE, "auto")
    eventually(lambda: _is(chosen(victim), ONE))
    assert {n: one(chosen(n)) for n in before} == before


def test_P2_H3_weight_0_steps_in_for_what_is_down(knotd, authority, tool):
    serve(knotd, authority, ONE, TWO, THREE, weight=["two.example.net@0", "example.org@1"])
    for name in (ONE, THREE):
        tool("force", name, "down")
    eventually(lambda: _is({one(chosen(n)) for n in range(20)}, TWO))


def test_P4_H3_only_answers_that_held_what_is_down_change(knotd, authority, tool):
    serve(knotd, authority, ONE, TWO, THREE, weight="example.net@1", **{"answer-targets": 2})
    before = {n: chosen(n) for n in range(60)}
    tool("force", TWO, "down")
    victim = next(n for n, names in before.items() if TWO in names)
    eventually(lambda: _is_not(chosen(victim), TWO))
    for n, names in before.items():
        assert chosen(n) == (names if TWO not in names else {ONE, THREE}), source(n)


@pytest.mark.parametrize("sibling", [False, True], ids=["alone", "siblings"])
@pytest.mark.parametrize("all_down", ["serve", "sibling", "servfail"])
def test_H4_all_ranks_are_down(knotd, authority, tool, all_down, sibling):
    serve(knotd, authority, ONE, TWO, prefer="one.example.net",
          records=siblings() if sibling else [], **{"all-down": all_down})
    for name in (ONE, TWO):
        tool("force", name, "down")

    def decided():
        reply = query(ZONE, "A")
        if all_down == "serve":
            reply.expect(a={A1}, ede=set())
        elif all_down == "sibling" and sibling:
            reply.expect(a={SIBLING_A}, ttl=(1, 30))
        else:
            reply.expect(rcode="SERVFAIL", aa=None, a=(), ede={NO_REACHABLE_AUTHORITY})
        assert knotd.stats(ZONE)["answers[all-down]"] > 0
        return True

    eventually(decided)


@pytest.mark.parametrize("all_down", ["sibling", "servfail"])
def test_H4_D2_denial_when_one_family_is_down(knotd, authority, tool, all_down):
    """The family is NODATA while the other one stands (A10), and no denial says otherwise."""
    policy(knotd)
    for name in (ONE, TWO):
        a, aaaa = TARGETS[name]
        authority.set(name, a=[a], aaaa=[aaaa], ttl=300)
    knotd.options.update({"resolver": ADDRESS, "weight": "example.net@1", "all-down": all_down})
    knotd.add_zone(ZONE, [aname(ONE), aname(TWO)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    settle(authority, ONE, TWO, do=True)
    for address in (AAAA1, AAAA2):
        tool("force", address, "down")

    def denied():
        for n in range(6):
            reply = query(ZONE, "AAAA", do=True, source=source(n)).expect(aaaa=(), soa=True)
            assert reply.soa_ttl() <= 30, f"expected a short TTL, got {reply}"
            for rdtype in ("AAAA", "HTTPS"):
                reply = query(ZONE, rdtype, do=True, source=source(n))
                (bitmap,) = reply.addresses("NSEC", section="authority")
                assert " A " in bitmap and " AAAA " not in bitmap, f"expected A only, got {reply}"
            assert chosen(n, do=True) <= {ONE, TWO}
        return True

    eventually(denied)


def test_H4_ANY_when_all_is_down(knotd, authority, tool):
    serve(knotd, authority, ONE, TWO, prefer="one.example.net", records=siblings(),
          **{"all-down": "servfail"})
    for name in (ONE, TWO):
        tool("force", name, "down")

    def without():
        reply = query(ZONE, "ANY", "tcp").expect(rcode="NOERROR")
        assert not reply.addresses("A") | reply.addresses("AAAA"), f"expected none, got {reply}"
        return True

    eventually(without)


# The configuration.


@pytest.mark.parametrize("options, words", [
    ({"prefer": ["a..b"]}, ["prefer"]),
    ({"prefer": ["example.org", "example.net@80"]}, ["prefer", "example.net", "is for 'weight'"]),
    ({"weight": ["example.net@1", "Example.NET.@2"]}, ["weight", "twice", "Example.NET.@2"]),
    ({"weight": ["example.net@1000001"]}, ["weight", "0 to 1000000", "example.net@1000001"]),
    ({"weight": ["example.net@-1"]}, ["weight", "0 to 1000000", "example.net@-1"]),
    ({"weight": ["example.net"]}, ["weight", "SUFFIX@N"]),
    ({"weight": ["a..b@1"]}, ["weight", "a..b@1"]),
    ({"answer-targets": 33}, ["answer-targets", "0 to 32"]),
    ({"answer-targets": -1}, ["answer-targets", "0 to 32"]),
    ({"all-down": "perhaps"}, ["all-down"]),
])
def test_P5_conf_check_says_what_is_wrong(knotd, options, words):
    knotd.add_zone(ZONE)
    knotd.options.update(options)
    accepted, output = knotd.conf_check()
    assert not accepted
    for word in words:
        assert word in output, f"expected '{word}' in {output}"


def test_P5_conf_check_takes_what_is_right(knotd):
    knotd.add_zone(ZONE)
    knotd.options.update({
        "prefer": ["example.net", "cdn.example.net.", "."], "answer-targets": 32,
        "weight": ["example.net@0", "cdn.example.net.@1000000", ".@1"], "all-down": "sibling",
    })
    accepted, output = knotd.conf_check()
    assert accepted, output
