"""Any owner, where things come together that seldom do: keys, limits, other modules, the last record."""

import os
import subprocess
import threading

import harness
import pytest
from harness import (
    A1, AAAA1, TARGET, ZONE, aname, answers, eventually, known, query, section,
)
from harness.authority import ADDRESS
from harness.owners import LONG, needs_any
from harness.wait import let_pass
from test_threads import confined  # noqa: F401

pytestmark = needs_any


def test_O1_W1_started_after_all(confined, authority):  # noqa: F811
    """The counter `owners` is registered at load only if the instance could be made then."""
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1], LONG)
    knotd = confined(nproc=100)
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    knotd.add_zone(ZONE, [aname(TARGET), aname(TARGET, owner="shop")], modules=[])
    knotd.start()
    knotd.limit(nproc=1)
    knotd.zones[ZONE].modules = ["mod-aname/test"]
    knotd.reload()
    knotd.wait_log("mod-aname", "not started")
    knotd.limit(nproc=100)
    answers({A1}, f"shop.{ZONE}", ede=set())
    for _ in range(4):
        let_pass(1.1)
        query(f"shop.{ZONE}", "A").expect(a={A1})
    knotd.require()
    stats = knotd.stats(ZONE)
    assert stats.get("owners") == 2, stats


@pytest.mark.parametrize("way", ["direct", "after an alias"])
@pytest.mark.parametrize("where", ["before", "after"])
def test_O1_A9_geoip_answers_whatever_is_known(knotd, authority, where, way):
    """Which of two modules answers a name does not depend on what was asked for before."""
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1], LONG)
    path = os.path.join(knotd.directory, "geo.conf")
    with open(path, "w", encoding="ascii") as conf:
        conf.write(f"shop.{ZONE}:\n  - net: 127.0.0.0/8\n    A: 198.51.100.11\n")
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    knotd.sections.append(section("mod-geoip", "nets", config_file=path, mode="subnet"))
    geo = "mod-geoip/nets"
    knotd.add_zone(ZONE, [aname(TARGET, owner="shop"), "www IN CNAME shop"],
                   modules=[geo, knotd.aname] if where == "before" else [knotd.aname, geo])
    knotd.start()
    first = query(f"shop.{ZONE}", "A", "tcp").addresses("A")
    if way != "direct":
        known(f"www.{ZONE}")
    else:
        known(f"shop.{ZONE}", "AAAA")
    seen = [query(f"shop.{ZONE}", "A").addresses("A") for _ in range(5)]
    assert seen == [first] * 5, f"first {first}, then {seen}"


def sleepy(directory):
    path = os.path.join(directory, "sleepy.so")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", path, os.path.join(os.path.dirname(harness.__file__), "sleepy.c")],
                   check=True)
    return path


def test_O1_D4_keys_come_while_a_query_is_on_its_way(knotd, authority):
    """What was let go before Knot looked, since nothing could be signed, is taken up anew."""
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1], LONG)
    path = sleepy(knotd.directory)
    knotd.sections.append(f"module:\n  - id: mod-sleepy\n    file: {path}\n")
    knotd.sections.append(section("policy", "test"))
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    zone = "a"  # Short names are always taken for owners at first.
    knotd.server["udp-workers"] = 4
    knotd.add_zone(zone, [aname(TARGET, owner="s")], modules=[knotd.aname, "mod-sleepy"],
                   zone_options={"dnssec-signing": True, "dnssec-policy": "test"})
    knotd.start()
    keys = os.path.join(knotd.directory, "db", "keys", "keys")
    eventually(lambda: query(zone, "DNSKEY", "tcp").section("answer"), what="it is signed")
    os.rename(keys, keys + ".away")
    eventually(lambda: query(f"s.{zone}", "A", "tcp") and knotd.log_lines("cannot be read"),
               what="the keys are missing")
    replies = []

    def ask():
        replies.append(query(f"s.{zone}", "AAAA", timeout=15))

    thread = threading.Thread(target=ask)
    thread.start()
    let_pass(0.5)
    os.rename(keys + ".away", keys)
    for _ in range(60):
        let_pass(0.05)
        query(f"s.{zone}", "A", "tcp")
    thread.join()
    knotd.require()


@pytest.mark.parametrize("owners", ["any", "apex"])
def test_O1_W1_numbers_after_the_last_owner_has_gone(knotd, authority, owners):
    """W1: no owner is left to be asked for, and the zone's numbers stay as they were."""
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1], LONG)
    knotd.options.update({"owners": owners, "resolver": ADDRESS})
    owner = "shop" if owners == "any" else "@"
    name = f"shop.{ZONE}" if owners == "any" else ZONE
    knotd.add_zone(ZONE, [aname(TARGET, owner=owner), "plain IN A 198.51.100.1"])
    knotd.start()
    answers({A1}, name, ede=set())
    eventually(lambda: query(name, "A") and knotd.stats(ZONE)["targets"] == 1)
    knotd.reload_zone(ZONE, ["plain IN A 198.51.100.1"], serial=2)
    eventually(lambda: not query(name, "A").addresses("A"))
    for _ in range(6):
        let_pass(0.6)
        for one in (name, f"plain.{ZONE}", ZONE):
            query(one, "A")
    stats = knotd.stats(ZONE)
    assert stats["targets"] == 0 and stats.get("owners", 0) == 0, stats
