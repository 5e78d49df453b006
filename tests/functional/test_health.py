"""Addresses that are probed: who is down is not in the answer (H1 to H9)."""

import contextlib
import json

import pytest
from harness import (
    AAAA1, SIBLING_A, SIBLING_AAAA, STALE_TTL, TARGET, ZONE, aname, answers, eventually, known,
    let_pass, query, section, siblings,
)
from harness.authority import ADDRESS
from harness.endpoints import Endpoints
from harness.signing import SIGNED, policy
from harness.validator import ValidatingUnbound, signed

PORT = 8443
ONE, TWO = ["127.0.1.1", "127.0.1.2"], ["127.0.2.1", "127.0.2.2"]
TARGET2 = "cdn2.example.net"
PROBE = {"probe": "tcp", "probe-port": PORT, "probe-interval": 1, "probe-timeout": 300,
         "probe-fall": 2, "probe-rise": 2}


@pytest.fixture
def endpoints():
    """Two CDNs with two addresses each, all alive."""
    alive = Endpoints(ONE + TWO, PORT).start()
    yield alive
    with contextlib.suppress(OSError):
        alive.kill()


def pool(knotd, authority, *, ttl=60, records=(), zone_options=None, **options):
    """A zone that follows both CDNs; knotd is started."""
    authority.set(TARGET, a=ONE, ttl=ttl)
    authority.set(TARGET2, a=TWO, ttl=ttl)
    knotd.options.update({"resolver": ADDRESS, **PROBE, **options})
    knotd.add_zone(ZONE, [aname(TARGET), aname(TARGET2), *records], zone_options=zone_options)
    knotd.start()


def health(knotd, zone=ZONE):
    """{up, down, unknown} as the statistics have it."""
    query(zone, "A")
    found = knotd.stats(zone)
    return {state: found[f"health[{state}]"] for state in ("up", "down", "unknown")}


def probed(knotd, zone=ZONE, **expected):
    """Wait until so many addresses are up, down, or unknown."""

    def settled():
        found = health(knotd, zone)
        assert found.items() >= expected.items(), f"expected {expected}, got {found}"
        return True

    eventually(settled, timeout=20, what=f"health of {zone} is {expected}")


def test_H3_who_dies_leaves_and_comes_back(knotd, authority, endpoints):
    pool(knotd, authority)
    answers(set(ONE + TWO))
    probed(knotd, up=4)
    endpoints.kill(ONE[0])
    answers({ONE[1], *TWO}, timeout=20, ede=set())
    endpoints.kill(ONE[1])
    answers(set(TWO), timeout=20, ede=set())
    endpoints.revive(*ONE)
    answers(set(ONE + TWO), timeout=20, ede=set())
    knotd.wait_log("address 127.0.1.1 is down", "tcp, port 8443", ask=ZONE)


@pytest.mark.parametrize("count, told", [(2, "which 1 more target has,"),
                                         (3, "which 2 more targets have,")])
def test_W2_the_log_tells_how_many_targets_have_an_address(
    knotd, authority, endpoints, tool, count, told
):
    names = [f"cdn{number}.example.net" for number in range(count)]
    for name in names:
        authority.set(name, a=ONE[:1], ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE})
    knotd.add_zone(ZONE, [aname(name) for name in names])
    knotd.start()
    known(ZONE, "A")

    def held():
        targets = json.loads(tool("status", "--json").stdout)["targets"]
        up = {entry["target"] for entry in targets for one in entry["health"]
              if one["health"] == "up"}
        assert up == {f"{name}." for name in names}, f"expected all of them, got {up}"
        return True

    eventually(held)
    endpoints.kill(ONE[0])
    knotd.wait_log(f"address {ONE[0]}, {told} is down .probe: tcp, port {PORT}: ", ask=ZONE)


def test_W2_the_log_tells_what_was_asked_for(knotd, authority, endpoints):
    """Nobody answers there by HTTP."""
    pool(knotd, authority, **{"probe": "http", "probe-host": "www.example", "probe-path": "/up"})
    knotd.wait_log(f"address {TWO[0]} is down .probe: http, port {PORT}, www.example/up: ", ask=ZONE)


def test_H3_an_alias_and_every_transport_see_the_same(knotd, authority, endpoints):
    pool(knotd, authority, records=["www 60 IN CNAME @"])
    known(ZONE, "A")
    probed(knotd, up=4)
    endpoints.kill(*ONE)
    answers(set(TWO), timeout=20)
    for name in (ZONE, f"www.{ZONE}"):
        for proto in ("udp", "tcp"):
            query(name, "A", proto).expect(a=set(TWO))
    query(ZONE, "ANY", "tcp").expect(a=set(TWO))


def test_H2_unknown_counts_as_up(knotd, authority, endpoints):
    endpoints.kill()
    pool(knotd, authority, **{"probe-interval": 60, "probe-timeout": 5000, "probe-fall": 20})
    answers(set(ONE + TWO), ede=set())
    probed(knotd, unknown=4)


def test_H4_all_down_is_served_as_if_nothing_were_probed(knotd, authority, endpoints):
    endpoints.kill()
    pool(knotd, authority, records=siblings())
    known(ZONE, "A")
    probed(knotd, down=4)
    query(ZONE, "A").expect(a=set(ONE + TWO))
    before = knotd.stats(ZONE)["answers[all-down]"]
    query(ZONE, "A")
    assert knotd.stats(ZONE)["answers[all-down]"] == before + 1


@pytest.mark.parametrize("sibling", [True, False])
@pytest.mark.parametrize("way", ["sibling", "servfail"])
def test_H4_all_down_as_the_option_says(knotd, authority, endpoints, way, sibling):
    endpoints.kill()
    pool(knotd, authority, records=siblings() if sibling else (), **{"all-down": way})
    known(ZONE, "A")
    probed(knotd, down=4)
    if way == "sibling" and sibling:
        answers({SIBLING_A})
    else:
        eventually(lambda: query(ZONE, "A").expect(rcode="SERVFAIL", aa=None, a=()))
    endpoints.revive(*TWO)
    answers(set(TWO), timeout=20)


def test_H4_one_family_that_is_down_does_not_take_the_other(knotd, authority, endpoints):
    endpoints.kill()
    authority.set(TARGET, a=ONE, aaaa=["::1"], ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE, "all-down": "servfail"})
    knotd.add_zone(ZONE, [aname(TARGET)])
    alive = Endpoints(["::1"], PORT).start()
    try:
        knotd.start()
        known()
        probed(knotd, down=2, up=1)

        def spared():
            reply = query(ZONE, "A").expect(a=(), soa=True)
            assert reply.soa_ttl() <= STALE_TTL, f"expected at most {STALE_TTL} s, got {reply}"
            return reply

        eventually(spared, what="A is NODATA for a while (A10)")
        query(ZONE, "AAAA").expect(aaaa={"::1"})
    finally:
        alive.kill()


def test_H5_an_error_of_this_host_is_no_verdict(knotd, authority):
    """There is no way to these addresses from here."""
    authority.set(TARGET, a=["192.0.2.1"], aaaa=[AAAA1], ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    probed(knotd, unknown=2)
    eventually(lambda: probes(knotd)["started"] >= 6, timeout=20)
    probed(knotd, unknown=2, down=0)


def totals(knotd):
    """Counters of the whole server; it has to have the module as a global one."""
    query(ZONE, "SOA")
    return knotd.stats()


def probes(knotd):
    found = totals(knotd)
    return {what: found[f"probes[{what}]"] for what in ("started", "failed")}


@pytest.fixture(autouse=True)
def shows_totals(knotd):
    knotd.template["global-module"] = "mod-aname"


def test_H6_after_a_change_the_ttl_is_short(knotd, authority, endpoints):
    pool(knotd, authority, ttl=3600, **{"ttl-max": 3600})
    knotd.reload_zone(ZONE, [aname(TARGET, ttl=3600), aname(TARGET2, ttl=3600)], serial=2)
    known(ZONE, "A")
    probed(knotd, up=4)
    query(ZONE, "A").expect(a=set(ONE + TWO), ttl=(STALE_TTL + 1, 3600))
    endpoints.kill(ONE[0])
    answers({ONE[1], *TWO}, timeout=20, ttl=(1, STALE_TTL))
    endpoints.kill(ONE[1])
    answers(set(TWO), timeout=20, ttl=(1, STALE_TTL))  # Of which none has changed.
    endpoints.revive(ONE[1])
    answers({ONE[1], *TWO}, timeout=20, ttl=(1, STALE_TTL))
    endpoints.revive(ONE[0])
    answers(set(ONE + TWO), timeout=20, ttl=(1, STALE_TTL))


def test_H7_probing_ends_when_the_target_is_idle(knotd, authority, endpoints):
    pool(knotd, authority, ttl=1, **{"idle": 2, "ttl-max": 1})
    known(ZONE, "A")
    probed(knotd, up=4)

    def rests():
        before = endpoints.connections()
        let_pass(2.5)
        return endpoints.connections() == before

    eventually(rests, timeout=30, what="no address is probed any more")
    # And begins with the next query.
    before = endpoints.connections()
    known(ZONE, "A")
    eventually(lambda: query(ZONE, "A") and endpoints.connections() > before, timeout=20)


def test_H1_one_probe_for_all_zones_that_follow(knotd, authority, endpoints):
    """Ten zones, two sections with equal definitions: connections are those of one."""
    authority.set(TARGET, a=ONE, ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE, "probe-interval": 2})
    knotd.sections.append(section("mod-aname", "same", resolver=ADDRESS, max_addresses=31,
                                  **{**PROBE, "probe-interval": 2}))
    zones = [f"zone{number}.example" for number in range(10)]
    for number, zone in enumerate(zones):
        modules = [["mod-aname/test"], ["mod-aname/same"]][number % 2]
        knotd.add_zone(zone, [aname(TARGET)], modules=modules)
    knotd.start()
    for zone in zones:
        known(zone, "A")
        eventually(lambda zone=zone: health(knotd, zone)["up"] == 2, timeout=20)
    found = knotd.stats()
    assert found["health[up]"] == 2, f"expected two addresses probed, got {found}"


def test_H3_two_sections_of_which_one_probes(knotd, authority, endpoints):
    authority.set(TARGET, a=ONE, ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE})
    knotd.sections.append(section("mod-aname", "trusts", resolver=ADDRESS))
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-aname/trusts"])
    knotd.start()
    known(ZONE, "A"), known("example.org", "A")
    probed(knotd, up=2)
    endpoints.kill(ONE[0])
    answers({ONE[1]}, timeout=20)
    query("example.org", "A").expect(a=set(ONE), ede=set())


def test_H9_what_policy_denies_is_not_probed(knotd, authority, endpoints):
    pool(knotd, authority, **{"deny-address": f"{ONE[0]}/32"})
    answers({ONE[1], *TWO})
    probed(knotd, up=3)
    assert endpoints.connections(ONE[0]) == 0, "expected no connection to a denied address"


def test_T4_verdicts_outlive_a_reload(knotd, authority, endpoints):
    pool(knotd, authority)
    known(ZONE, "A")
    probed(knotd, up=4)
    endpoints.kill(*ONE)
    answers(set(TWO), timeout=20)
    knotd.options["ttl-max"] = 7000
    knotd.reload()
    query(ZONE, "A").expect(a=set(TWO))
    # Without probes all are served; with them again what was known still is.
    probing = {name: knotd.options.pop(name) for name in PROBE}
    knotd.reload()
    query(ZONE, "A").expect(a=set(ONE + TWO))
    knotd.options.update(probing)
    knotd.reload()
    answers(set(TWO), timeout=20)


def test_H_probes_go_on_while_the_resolver_is_dead(knotd, authority, endpoints):
    pool(knotd, authority, ttl=2, **{"ttl-max": 2, "timeout": 300})
    known(ZONE, "A")
    probed(knotd, up=4)
    authority.drop(TARGET), authority.drop(TARGET2)
    eventually(lambda: query(ZONE, "A").ede, timeout=20, what="the answer is stale")
    endpoints.kill(*ONE)
    answers(set(TWO), timeout=20)
    endpoints.revive(*ONE)
    answers(set(ONE + TWO), timeout=20)


def test_H1_without_resolver_addresses_are_probed_too(knotd, unbound, authority, endpoints):
    authority.set(TARGET, a=ONE, ttl=60)
    knotd.options.update(PROBE)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers(set(ONE))
    probed(knotd, up=2)
    endpoints.kill(ONE[0])
    answers({ONE[1]}, timeout=20)


def test_H1_an_address_that_moves_between_targets(knotd, authority, endpoints):
    pool(knotd, authority, ttl=1, **{"ttl-max": 1})
    known(ZONE, "A")
    probed(knotd, up=4)
    endpoints.kill(ONE[0])
    answers({ONE[1], *TWO}, timeout=20)
    authority.set(TARGET, a=[ONE[1]], ttl=1)
    authority.set(TARGET2, a=[ONE[0], *TWO], ttl=1)
    let_pass(3)
    answers({ONE[1], *TWO}, timeout=20)
    endpoints.revive(ONE[0])
    answers(set(ONE + TWO), timeout=20)


def test_H1_max_probes_bounds_and_is_logged(knotd, authority, endpoints):
    del knotd.template["global-module"]  # Of several limits the largest counts.
    pool(knotd, authority, **{"max-probes": 2})
    answers(set(ONE + TWO))
    eventually(lambda: health(knotd)["up"] == 2, timeout=20)
    knotd.wait_log("max-probes", ask=ZONE)
    query(ZONE, "A").expect(a=set(ONE + TWO))
    # Those that were refused are probed when there is room.
    knotd.options["max-probes"] = 4
    knotd.reload()
    probed(knotd, up=4)


def test_H9_deny_address_changes_what_is_probed(knotd, authority, endpoints):
    pool(knotd, authority)
    known(ZONE, "A")
    probed(knotd, up=4)
    knotd.options["deny-address"] = f"{ONE[0]}/32"
    knotd.reload()
    answers({ONE[1], *TWO})
    eventually(lambda: totals(knotd)["health[up]"] == 3, timeout=20,
               what="what is denied is not probed any more")
    del knotd.options["deny-address"]
    knotd.reload()
    eventually(lambda: totals(knotd)["health[up]"] == 4, timeout=20,
               what="what is not denied any more is probed")
    endpoints.kill(ONE[0])
    answers({ONE[1], *TWO}, timeout=20)


def test_H2_another_interval_does_not_bring_the_dead_back(knotd, authority, endpoints):
    pool(knotd, authority)
    known(ZONE, "A")
    probed(knotd, up=4)
    endpoints.kill(*ONE)
    answers(set(TWO), timeout=20)
    for interval in (2, 3, 1):
        knotd.options["probe-interval"] = interval
        knotd.reload()
        for _ in range(50):
            query(ZONE, "A").expect(a=set(TWO))
    endpoints.revive(*ONE)
    answers(set(ONE + TWO), timeout=20)
    knotd.wait_log("127.0.1.1 is up again", ask=ZONE)


def test_H_siblings_stay_out_while_somebody_is_alive(knotd, authority, endpoints):
    pool(knotd, authority, records=siblings(), **{"all-down": "sibling"})
    known(ZONE, "A")
    probed(knotd, up=4)
    endpoints.kill(*ONE, TWO[0])
    answers({TWO[1]}, timeout=20)
    known(ZONE, "AAAA").expect(aaaa=(), soa=True)
    assert SIBLING_AAAA not in query(ZONE, "ANY", "tcp").addresses("AAAA")


def test_H1_a_target_is_probed_in_so_many_ways_at_most(knotd, authority):
    """What is beyond that is told, and sees all addresses, if no other way is alike."""
    authority.set(TARGET, a=ONE, ttl=60)
    ways = {f"way{number}.example": PORT + number for number in range(17)}
    for zone, port in ways.items():
        knotd.sections.append(section("mod-aname", zone.partition(".")[0], resolver=ADDRESS,
                                      **{**PROBE, "probe-port": port}))
        knotd.add_zone(zone, [aname(TARGET)], modules=[f"mod-aname/{zone.partition('.')[0]}"])
    living = [Endpoints(ONE[1:], port).start() for port in ways.values()]
    try:
        knotd.start()

        def left_out():
            found = [query(zone, "A").addresses() for zone in ways]
            without, whole = found.count({ONE[1]}), found.count(set(ONE))
            assert (without, whole) == (15, 2), f"expected 15 and 2 zones, got {found}"
            return knotd.log_lines("limit reached, a target is probed in 15 ways")

        eventually(left_out, timeout=20, what="15 zones leave out the dead address")
    finally:
        for endpoints in living:
            endpoints.kill()


def test_H3_targets_that_share_an_address(knotd, authority, endpoints):
    """It stands in the answer once, and leaves it for both."""
    authority.set(TARGET, a=[ONE[0], TWO[0]], ttl=60)
    authority.set(TARGET2, a=[TWO[0], TWO[1]], ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE})
    knotd.add_zone(ZONE, [aname(TARGET), aname(TARGET2)])
    knotd.start()
    answers({ONE[0], *TWO})
    probed(knotd, up=4)
    assert knotd.stats()["health[up]"] == 3, "expected a shared address to be probed once"
    endpoints.kill(TWO[0])
    answers({ONE[0], TWO[1]}, timeout=20)


def test_H3_a_dead_address_among_ten_stays_out(knotd, authority):
    addresses = [f"127.0.3.{number}" for number in range(1, 11)]
    alive = Endpoints(addresses[1:], PORT).start()
    try:
        authority.set(TARGET, a=addresses, ttl=1)
        knotd.options.update({"resolver": ADDRESS, **PROBE, "ttl-max": 1})
        knotd.add_zone(ZONE, [aname(TARGET)])
        knotd.start()
        known(ZONE, "A")
        answers(set(addresses[1:]), timeout=20)
        lookups = authority.count(TARGET, "A")
        while authority.count(TARGET, "A") < lookups + 3:
            query(ZONE, "A").expect(a=set(addresses[1:]))
        assert len(knotd.log_lines("127.0.3.1 is down")) == 1
    finally:
        alive.kill()


def test_H1_a_thousand_addresses_behind_a_target(knotd, authority):
    """One address in 200 answers; the others are dead, and an answer holds a few of the living."""
    addresses = [f"127.{4 + number // 250}.0.{1 + number % 250}" for number in range(1000)]
    living = addresses[::200]
    alive = Endpoints(living, PORT).start()
    try:
        authority.set(TARGET, a=addresses, ttl=60)
        knotd.options.update({"resolver": ADDRESS, **PROBE, "probe-interval": 5})
        knotd.add_zone(ZONE, [aname(TARGET)])
        knotd.start()
        known(ZONE, "A", proto="tcp")
        probed(knotd, up=len(living), down=len(addresses) - len(living))
        query(ZONE, "A").expect(a=set(living))
    finally:
        alive.kill()


def test_H_a_record_with_ttl_0(knotd, authority, endpoints):
    authority.set(TARGET, a=ONE, ttl=60)
    authority.set(TARGET2, a=TWO, ttl=60)
    knotd.options.update({"resolver": ADDRESS, **PROBE})
    knotd.add_zone(ZONE, [aname(TARGET, ttl=0), aname(TARGET2, ttl=0)])
    knotd.start()
    answers(set(ONE + TWO))
    probed(knotd, up=4)
    endpoints.kill(*ONE)
    answers(set(TWO), timeout=20)


def test_H3_a_signed_zone_without_a_dead_address(knotd, authority, endpoints, directory,
                                                 start_server):
    policy(knotd)
    pool(knotd, authority, zone_options=SIGNED)
    points = signed(ZONE)
    known(ZONE, "A")
    probed(knotd, up=4)
    endpoints.kill(ONE[1])
    answers({ONE[0], *TWO}, timeout=20)
    validator = start_server(ValidatingUnbound(directory, {ZONE: points}))
    validator.secure(ZONE, "A").expect(aa=None, a={ONE[0], *TWO})
