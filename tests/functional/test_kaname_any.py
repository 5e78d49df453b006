"""The commands of kaname that ask the module, in zones with `owners: any`: all owners count."""

import json
import select
import subprocess

import pytest
from harness import (
    A1, A2, A3, AAAA1, ADDRESS_TYPES, TARGET, ZONE, aname, eventually, query, section,
)
from harness.authority import ADDRESS
from harness.kaname import KANAME, environment
from harness.owners import LONG, needs_any

pytestmark = needs_any
OTHER, THIRD, FOURTH = (f"{name}.example.net" for name in ("other", "third", "fourth"))
APEX = "apex.example"


@pytest.fixture(name="server")
def any_server(knotd, authority):
    """knotd to be given zones: by default with `owners: any`, APEX without it."""
    knotd.options.update({"resolver": ADDRESS, "owners": "any", "retries": 0})
    knotd.sections.append(section("mod-aname", "apex", resolver=ADDRESS))
    for name, a in ((TARGET, [A1]), (OTHER, [A2]), (THIRD, [A3]), (FOURTH, [A1, A2])):
        authority.hold(name, "A", a, LONG)
        authority.hold(name, "AAAA", [AAAA1], LONG)
    return knotd


def add_apex(server):
    """A zone of which only the apex is followed."""
    server.add_zone(APEX, [aname(THIRD), aname(FOURTH, owner="shop")], modules=["mod-aname/apex"])


def bring_up(*names):
    for name in names:
        for rdtype in ADDRESS_TYPES:
            eventually(lambda n=name, t=rdtype: not query(n, t).tc, what=f"{name} is known")


def targets(told):
    return {target["target"] for target in json.loads(told.stdout)["targets"]}


def dotted(*names):
    return {f"{name}." for name in names}


# status


def test_status_of_a_zone_shows_the_targets_of_all_its_owners(server, tool):
    server.add_zone(ZONE, [
        aname(TARGET), aname(OTHER, owner="shop"), aname(THIRD, owner="*.wild"),
        aname(FOURTH, owner="unasked"),
    ])
    add_apex(server)
    server.start()
    bring_up(ZONE, f"shop.{ZONE}", f"x.wild.{ZONE}", APEX)
    assert targets(tool("status", ZONE, "--json")) == dotted(TARGET, OTHER, THIRD)
    text = tool("status", ZONE).stdout
    assert all(name in text for name in (TARGET, OTHER, THIRD)) and FOURTH not in text, text
    # Of the other zone the apex alone counts, whoever asks for its other owners elsewhere.
    bring_up(f"unasked.{ZONE}")
    assert targets(tool("status", APEX, "--json")) == dotted(THIRD)
    told = tool("status", ZONE, "--prometheus").stdout
    assert f'target="{FOURTH}."' in told, told


def test_status_of_a_zone_without_records_at_the_apex(server, tool):
    server.add_zone(ZONE, [aname(OTHER, owner="shop")])
    server.add_zone("none.example", [f"www A {A1}"])
    server.start()
    bring_up(f"shop.{ZONE}")
    assert targets(tool("status", ZONE, "--json")) == dotted(OTHER)
    told = tool("status", "none.example", code=1).stderr
    assert "none.example. has no ANAME or ALIAS record with a target" in told, told


def test_status_of_a_zone_with_more_owners_than_a_request_takes(server, authority, tool):
    names = [f"t{n}.example.net" for n in range(100)]
    for name in names:
        authority.hold(name, "A", [A1], LONG)
    server.add_zone(ZONE, [aname(name, owner=f"n{n}") for n, name in enumerate(names)])
    server.add_zone("example.org", [aname(OTHER, owner="shop")])
    server.start()
    bring_up(f"shop.example.org", *(f"n{n}.{ZONE}" for n in range(0, 100, 2)))
    assert targets(tool("status", ZONE, "--json")) == dotted(*names[::2])
    assert targets(tool("status", "example.org", "--json")) == dotted(OTHER)


def test_status_of_a_zone_of_a_catalog(server, tool):
    """knotd does not tell whose section such a zone has, but its counters do."""
    server.add_catalog("member.example", [aname(OTHER, owner="shop")], module=server.aname)
    server.start(ready=())
    eventually(lambda: query("member.example", "SOA").addresses("SOA"), what="the zone is there")
    bring_up("shop.member.example")
    assert targets(tool("status", "member.example", "--json")) == dotted(OTHER)


# refresh


def test_T6_refresh_of_a_zone_looks_up_the_targets_of_all_its_owners(server, authority, tool):
    names = [f"t{n}.example.net" for n in range(70)]
    for name in names:
        authority.hold(name, "A", [A1], LONG)
    server.add_zone(ZONE, [aname(name, owner=f"n{n}") for n, name in enumerate(names)])
    add_apex(server)
    server.start()
    bring_up(APEX, *(f"n{n}.{ZONE}" for n in range(70)))
    for name in (*names, THIRD):
        authority.hold(name, "A", [A3 if name == THIRD else A2], LONG)
    told = json.loads(tool("refresh", ZONE, "-t", "30", "--json").stdout)
    changed = {one["target"]: one["addresses"] for one in told["targets"] if one["family"] == "A"}
    assert changed == {f"{name}.": [A2] for name in names}
    assert query(f"n69.{ZONE}", "A").addresses("A") == {A2}
    assert authority.count(THIRD, "A") == 1 and authority.count(FOURTH) == 0


def test_refresh_asks_owners_below_the_apex_for_what_nobody_has_asked(server, tool):
    server.add_zone(ZONE, [aname(OTHER, owner="shop"), aname(THIRD, owner="*.wild")])
    server.start()
    told = json.loads(tool("refresh", ZONE, "--json").stdout)["targets"]
    assert {(one["target"], one["family"]) for one in told} == {
        (f"{name}.", family) for name in (OTHER, THIRD) for family in ADDRESS_TYPES
    }
    assert query(f"x.wild.{ZONE}", "A").addresses("A") == {A3}


def test_refresh_of_a_target_that_only_another_owner_has(server, authority, tool):
    server.add_zone(ZONE, [aname(OTHER, owner="shop")])
    add_apex(server)
    server.start()
    assert A2 in tool("refresh", OTHER).stdout
    # Nobody follows this one.
    told = tool("refresh", FOURTH, code=1).stderr
    assert "no zone has it as its target" in told and not authority.count(FOURTH), told


def test_refresh_leaves_what_nobody_has_asked_for_to_warm_where_it_is_much(server, authority, tool):
    names = [f"t{n}.example.net" for n in range(50)]
    for name in names:
        authority.hold(name, "A", [A1], LONG)
    server.add_zone(ZONE, [aname(name, owner=f"n{n}") for n, name in enumerate(names)])
    server.start()
    told = tool("refresh", ZONE, "-t", "60", timeout=90)
    assert "note: 18 more targets were not looked up yet" in told.stderr, told.stderr
    assert "next: 'kaname warm ZONE'" in told.stderr
    assert sum(bool(authority.count(name)) for name in names) == 32


# watch


@pytest.mark.parametrize("many", [False, True])
def test_watch_of_a_zone_tells_of_the_targets_of_all_its_owners(server, authority, tool, many):
    more = [f"t{n}.example.net" for n in range(60 if many else 0)]
    server.add_zone(ZONE, [
        aname(TARGET), aname(OTHER, owner="shop"),
        *(aname(name, owner=f"n{n}") for n, name in enumerate(more)),
    ])
    server.add_zone("example.org", [aname(FOURTH, owner="shop")])
    add_apex(server)
    server.start()
    bring_up(ZONE, f"shop.{ZONE}", APEX, "shop.example.org")
    with subprocess.Popen(
        [KANAME, "-s", server.socket, "watch", ZONE], stdout=subprocess.PIPE, text=True,
        env=environment(server.directory), cwd=server.directory,
    ) as process:
        try:
            assert json.loads(process.stdout.readline())["event"] == "connected"
            for name in (THIRD, FOURTH, OTHER, TARGET):
                authority.hold(name, "A", ["192.0.2.200"], LONG)
                tool("refresh", name)
            seen = [json.loads(process.stdout.readline()) for _ in range(2)]
            assert [event["target"] for event in seen] == [f"{OTHER}.", f"{TARGET}."], seen
            assert all(event["zone"] == f"{ZONE}." for event in seen)
            # A record that comes is watched as soon as it is seen.
            tool("set", ZONE, FOURTH, "--owner", "new", "--no-check")

            def told():
                address = f"192.0.2.{told.number % 100 + 100}"
                told.number += 1
                authority.hold(FOURTH, "A", [address], LONG)
                tool("refresh", FOURTH)
                ready = select.select([process.stdout], [], [], 0.5)[0]
                return process.stdout.readline() if ready else None

            told.number = 0
            line = eventually(told, timeout=15, what="the new target is watched")
            assert json.loads(line)["target"] == f"{FOURTH}."
        finally:
            process.kill()


# warm


def test_S4_warm_brings_up_all_owners(server, authority, tool):
    server.add_zone(ZONE, [
        aname(TARGET), aname(OTHER, owner="shop"), aname(THIRD, owner="*.wild"),
        "sub NS ns.example.net.", aname("hidden.example.net", owner="a.sub"),
    ])
    server.add_zone("example.org", [aname(FOURTH, owner="a.b.c")])
    add_apex(server)
    server.start()
    told = tool("warm", ZONE)
    assert told.stdout == "3 names: 3 known, 0 failed\n", told.stdout
    for name in (ZONE, f"shop.{ZONE}", f"x.wild.{ZONE}"):
        assert all(not query(name, rdtype).tc for rdtype in ADDRESS_TYPES), name
    assert not authority.count("hidden.example.net") and not authority.count(FOURTH)
    told = tool("warm")
    assert told.stdout == "5 names: 5 known, 0 failed\n", told.stdout
    assert query("a.b.c.example.org", "A").addresses("A") == {A1, A2}
    assert query(f"shop.{APEX}", "A").addresses("A") == set()


HIDDEN = ["sub NS ns.sub", f"ns.sub A {A1}", "deep.sub NS ns.sub", "leads DNAME example.net."]


@pytest.mark.parametrize("zones", [1, 70])
def test_S4_warm_leaves_out_what_no_client_sees(server, authority, tool, zones):
    """Referrals alone would be waited for until the time is up."""
    authority.drop("hidden.example.net")
    names = [f"z{n}.example" for n in range(zones)]
    for name in names:
        server.add_zone(name, [aname(OTHER, owner="sub.shop"), *HIDDEN])
    server.add_zone(ZONE, [*HIDDEN, aname(OTHER, owner="leads"), *(
        aname("hidden.example.net", owner=owner)
        for owner in ("b.deep.sub", "sub", "*.sub"))])
    server.add_zone("example.org", ["sub NS ns.sub", f"ns.sub A {A1}",
                                    aname("hidden.example.net", owner="b.sub")])
    server.start()
    # At a DNAME record it counts, and where only another zone has a delegation.
    told = tool("warm")
    assert told.stdout == f"{zones + 1} names: {zones + 1} known, 0 failed\n", told
    assert "note: 4 names are left out, since no client sees them: " in told.stderr, told
    assert f"and 3 more\nnext: 'kaname check {ZONE}.'" in told.stderr, told
    told = tool("warm", "example.org")
    assert told.stdout == "0 names: 0 known, 0 failed\n", told
    assert told.stderr == ("note: b.sub.example.org.: at or below the delegation of "
                           "sub.example.org., so no client sees it; left out\n"), told
    assert not authority.count("hidden.example.net")


def test_S4_warm_names_the_topmost_delegation(server, authority, tool):
    server.add_zone(ZONE, [*HIDDEN, aname(OTHER, owner="shop"),
                           aname("hidden.example.net", owner="b.deep.sub")])
    server.start()
    told = tool("warm")
    assert told.stdout == "1 name: 1 known, 0 failed\n", told
    assert told.stderr == (f"note: b.deep.sub.{ZONE}.: at or below the delegation of "
                           f"sub.{ZONE}., so no client sees it; left out\n"), told
    assert not authority.count("hidden.example.net")


def test_refresh_leaves_out_what_no_client_sees(server, authority, tool):
    server.add_zone(ZONE, [*HIDDEN, aname(OTHER, owner="shop"),
                           aname("hidden.example.net", owner="b.sub")])
    server.start()
    told = json.loads(tool("refresh", ZONE, "--json").stdout)["targets"]
    assert {one["target"] for one in told} == dotted(OTHER), told
    told = tool("refresh", "hidden.example.net", code=1).stderr
    assert "no zone has it as its target" in told, told
    assert not authority.count("hidden.example.net")


def test_S4_warm_names_the_owner_that_is_not_known(server, authority, tool):
    authority.fail(THIRD)
    server.add_zone(ZONE, [aname(OTHER, owner="shop"), aname(THIRD, owner="bad")])
    server.start()
    told = tool("warm", code=1).stdout
    assert told.startswith(f"bad.{ZONE}. A, AAAA: ") and "2 names: 1 known, 1 failed" in told, told


def test_S4_warm_with_many_such_zones(server, tool):
    zones = [f"z{n}.example" for n in range(70)]
    for zone in zones:
        server.add_zone(zone, [aname(TARGET), aname(OTHER, owner="shop")])
    add_apex(server)
    server.start()
    assert tool("warm").stdout == "141 names: 141 known, 0 failed\n"
    assert query(f"shop.{zones[-1]}", "A").addresses("A") == {A2}


# check


def test_check_of_the_server_judges_all_owners(server, authority, tool):
    authority.fail("fails.example.net")
    authority.nxdomain("none.example.net")
    records = [aname(TARGET), aname(OTHER, owner="shop"), aname("fails.example.net", owner="f1"),
               aname("fails.example.net", owner="f2")]
    server.add_zone(ZONE, records)
    server.add_zone("example.org", [aname("none.example.net", owner="*.x")])
    server.add_zone("well.example", [aname(OTHER, owner="shop")])
    # Of a zone within another one the records are its own.
    server.add_zone(f"child.{ZONE}", [aname(OTHER), aname(TARGET, owner="deep")])
    add_apex(server)
    server.start()
    tool("warm", code=1)
    query(f"f1.{ZONE}", "A", "tcp")
    told = tool("check", code=1).stdout
    bad = [line for line in told.splitlines() if line.startswith("BAD")]
    assert len(bad) == 2, told
    # Two owners with one target are one thing; both families fail.
    assert any(line.startswith(f"BAD   {ZONE}.: 2 things to look at: target fails.example.net. A")
               for line in bad), told
    assert any("example.org.: " in line and "target none.example.net. A" in line
               for line in bad), told
    assert "3 zones with ANAME or ALIAS records are well" in told, told
    assert "not looked up yet" not in told, told


def test_check_of_the_server_tells_of_owners_nobody_sees_or_asks(server, tool):
    server.add_zone(ZONE, ["sub NS ns.example.net.", aname(OTHER, owner="a.sub")])
    server.add_zone("example.org", [aname(OTHER, owner="shop")])
    add_apex(server)
    server.start()
    told = tool("check", code=1).stdout
    assert f"a.sub.{ZONE}. is at or below the delegation of sub.{ZONE}." in told, told
    assert "of 2 zones targets were not looked up yet" in told, told
    tool("warm")
    told = tool("check", code=1).stdout
    assert "not looked up yet" not in told, told


# force


def test_H8_force_notes_owners_that_have_nothing_else(server, tool):
    server.add_zone(ZONE, [
        aname(TARGET), aname(OTHER, owner="shop"), aname(TARGET, owner="pool"),
        aname(OTHER, owner="pool"),
    ])
    add_apex(server)
    server.start()
    bring_up(f"shop.{ZONE}")
    told = tool("force", OTHER, "down").stderr
    assert f"note: it is the only target of shop.{ZONE}.: with 'all-down: serve'" in told, told
    assert "no target" not in told, told
    # Where the module does not follow it there is nothing to note.
    told = tool("force", FOURTH, "down").stderr
    assert "only target" not in told and "no target of that name is known now" in told, told
