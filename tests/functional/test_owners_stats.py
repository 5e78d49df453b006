"""W1 with `owners: any`: what knotc zone-stats shows of a zone is that of all its owners."""

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ADDRESS_TYPES, TARGET, ZONE, aname, eventually, query, section,
)
from harness.authority import ADDRESS
from harness.endpoints import Endpoints
from harness.owners import LONG, needs_any

pytestmark = needs_any
OTHER, THIRD = "other.example.net", "third.example.net"


def start(knotd, records, **options):
    knotd.options.update({"resolver": ADDRESS, "owners": "any", **options})
    knotd.add_zone(ZONE, records)
    knotd.start()


def bring_up(*owners, zone=ZONE):
    """Ask for both families of these until they are known."""
    for owner in owners:
        name = zone if owner == "@" else f"{owner}.{zone}"
        for rdtype in ADDRESS_TYPES:
            eventually(lambda n=name, t=rdtype: not query(n, t).tc, what=f"{name} is known")


def shows(knotd, wanted, asked="shop", zone=ZONE, timeout=10):
    """Ask for an owner until the zone's numbers are these."""
    seen = {}

    def right():
        query(f"{asked}.{zone}", "A")
        stats = knotd.stats(zone)
        seen.update({key: stats.get(key) for key in wanted})
        assert seen == wanted, f"expected {wanted}, got {seen}"
        return True

    eventually(right, timeout=timeout, what=f"the numbers of {zone}")


def test_W1_targets_and_addresses_of_all_owners_each_target_once(knotd, authority):
    authority.hold(TARGET, "A", [A1, A2], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1], LONG)
    authority.hold(OTHER, "A", [A3], LONG)
    authority.hold(OTHER, "AAAA", [], LONG)
    authority.fail(THIRD)
    start(knotd, [
        aname(TARGET, owner="shop"), aname(TARGET, owner="*.wild"),
        aname(TARGET.upper(), owner="up"), aname(OTHER, owner="pool"),
        aname(TARGET, owner="pool"), aname(THIRD, owner="fails"),
        aname(OTHER, owner="unasked"),
    ])
    assert knotd.stats(ZONE)["owners"] == 0
    bring_up("shop")
    shows(knotd, {"owners": 1, "targets": 2, "addresses": 3, "lookups[started]": 2,
                  "lookups[succeeded]": 2, "lookups[failed]": 0})
    # Two more of the same target are no more targets; and a wildcard is one owner.
    bring_up("up", "a.wild", "b.wild")
    shows(knotd, {"owners": 3, "targets": 2, "addresses": 3, "lookups[started]": 2})
    bring_up("pool")
    shows(knotd, {"owners": 4, "targets": 4, "addresses": 4, "lookups[succeeded]": 4})
    eventually(lambda: query(f"fails.{ZONE}", "A").rcode == "SERVFAIL", what="it fails")
    eventually(lambda: query(f"fails.{ZONE}", "AAAA").rcode == "SERVFAIL", what="it fails")
    shows(knotd, {"owners": 5, "targets": 6, "addresses": 4, "lookups[succeeded]": 4})
    assert knotd.stats(ZONE)["lookups[failed]"] >= 2


def test_W1_the_apex_counts_as_one_of_them(knotd, authority):
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(OTHER, "A", [A2, A3], LONG)
    start(knotd, [aname(TARGET), aname(TARGET, owner="shop"), aname(OTHER, owner="else")])
    bring_up("@", "else")
    shows(knotd, {"owners": 2, "targets": 4, "addresses": 3}, asked="else")
    bring_up("shop")
    shows(knotd, {"owners": 3, "targets": 4, "addresses": 3})
    # Of a query about something else at the apex, too.
    knotd.reload_zone(ZONE, [aname(TARGET), aname(OTHER, owner="else")], serial=2)
    eventually(lambda: query(ZONE, "TXT") and knotd.stats(ZONE)["owners"] == 2, what="it is shown")


def test_W1_what_goes_from_the_zone_is_counted_no_longer(knotd, authority):
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(OTHER, "A", [A2, A3], LONG)
    records = [aname(TARGET, owner="shop"), aname(OTHER, owner="gone"), aname(OTHER, owner="moves")]
    start(knotd, records)
    bring_up("shop", "gone", "moves")
    shows(knotd, {"owners": 3, "targets": 4, "addresses": 3})
    knotd.reload_zone(ZONE, [records[0], aname(TARGET, owner="moves")], serial=2)
    # Nobody has asked for the other two since.
    shows(knotd, {"owners": 2, "targets": 2, "addresses": 1})


def test_W1_zones_count_their_own(knotd, authority):
    other = "example.org"
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(OTHER, "A", [A2, A3], LONG)
    knotd.add_zone(other, [aname(OTHER, owner="shop"), aname(TARGET, owner="more")])
    knotd.sections.append(section("mod-aname", "apex", resolver=ADDRESS))
    knotd.add_zone("apex.example", [aname(TARGET), aname(OTHER, owner="shop")],
                   modules=["mod-aname/apex"])
    start(knotd, [aname(TARGET, owner="shop")])
    bring_up("shop")
    bring_up("shop", "more", zone=other)
    bring_up("@", zone="apex.example")
    shows(knotd, {"owners": 1, "targets": 2, "addresses": 1})
    shows(knotd, {"owners": 2, "targets": 4, "addresses": 3}, zone=other)
    stats = knotd.stats("apex.example")
    assert (stats["targets"], stats["addresses"]) == (2, 1) and "owners" not in stats, stats


def test_W1_denied_targets_and_malformed_records_are_none(knotd, authority):
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(OTHER, "A", [A2], LONG)
    start(knotd, [
        aname(TARGET, owner="shop"), aname(OTHER, owner="denied"), "bad TYPE65305 \\# 1 05",
    ], deny_target=OTHER)
    bring_up("shop", "denied", "bad")
    shows(knotd, {"owners": 3, "targets": 2, "addresses": 1})


def test_W1_health_of_the_targets_of_all_owners(knotd, authority):
    near, far = "127.0.0.21", "127.0.0.22"
    authority.hold(TARGET, "A", [near], LONG)
    authority.hold(OTHER, "A", [near, far], LONG)
    endpoints = Endpoints([near])
    endpoints.start()
    try:
        start(knotd, [aname(TARGET, owner="shop"), aname(OTHER, owner="else")],
              probe="tcp", probe_port=8443, probe_fall=1)
        bring_up("shop", "else")
        shows(knotd, {"health[up]": 2, "health[down]": 1, "health[unknown]": 0}, timeout=20)
    finally:
        endpoints.kill()


@pytest.mark.parametrize("owners", [5000])
def test_W1_many_owners_are_counted_in_passes(knotd, authority, owners):
    """More than one pass takes at once, while most of them are not asked any more."""
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1, AAAA2], LONG)
    authority.hold(OTHER, "A", [A2], LONG)
    start(knotd, [aname((TARGET, OTHER)[n % 2], owner=f"n{n}") for n in range(owners)])
    bring_up("n0", "n1")
    for n in range(owners):
        query(f"n{n}.{ZONE}", "A")
    shows(knotd, {"owners": owners, "targets": 4, "addresses": 4}, asked="n0", timeout=30)
    knotd.reload_zone(ZONE, [aname(TARGET, owner=f"n{n}") for n in range(3000)], serial=2)
    shows(knotd, {"owners": 3000, "targets": 2, "addresses": 3}, asked="n0", timeout=30)


