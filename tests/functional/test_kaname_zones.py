"""kaname check and status: each zone sees its own, and what no zone names alarms nobody."""

import json
import os

import pytest
from harness import (
    A1, AAAA1, TARGET, ZONE, aname, answers, eventually, failed, known, query, section, simple,
)
from harness import knotd as harness_knotd
from harness.authority import ADDRESS

OTHER_ZONE = "example.org"
# Nobody listens there.
DEAD = f"{ADDRESS}@5377"
TYPO = "cnd.example.net"


def told(tool, *arguments):
    """The targets of `status --json`, as a list."""
    return json.loads(tool("status", "--json", *arguments).stdout)["targets"]


def resolvers(targets):
    return {(one["target"], one["resolver"][0]) for one in targets}


@pytest.mark.parametrize("way", ["section", "template", "catalog"])
def test_each_zone_sees_what_was_learnt_for_it(knotd, unbound, authority, tool, way):
    """The same target, which another zone's section asks of a dead resolver."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["resolver"] = ADDRESS
    knotd.sections.append(section("mod-aname", "dead", resolver=DEAD, timeout=200))
    knotd.add_zone(ZONE, [aname(TARGET)])
    if way == "section":
        knotd.add_zone(OTHER_ZONE, [aname(TARGET)], modules=["mod-aname/dead"])
    elif way == "template":
        knotd.sections.append(section("template", "dead", module="mod-aname/dead",
                                      storage=knotd.zone_directory))
        knotd.add_zone(OTHER_ZONE, [aname(TARGET)], modules=[],
                       zone_options={"template": "dead"})
    else:
        knotd.add_catalog(OTHER_ZONE, [aname(TARGET)], module="mod-aname/dead")
    knotd.start(ready=[ZONE])
    eventually(lambda: knotd.loaded(OTHER_ZONE), timeout=20)
    failed(OTHER_ZONE)
    failed(OTHER_ZONE, "AAAA")
    known(ZONE)
    assert resolvers(told(tool)) == {(f"{TARGET}.", f"{ADDRESS}@53"), (f"{TARGET}.", DEAD)}
    assert resolvers(told(tool, ZONE)) == {(f"{TARGET}.", f"{ADDRESS}@53")}
    assert resolvers(told(tool, OTHER_ZONE)) == {(f"{TARGET}.", DEAD)}
    tool("check", ZONE)
    found = tool("check", OTHER_ZONE, code=1).stdout
    assert DEAD in found and f"{ADDRESS}@53 " not in found
    # A reload with another resolver shows what is known from that one.
    knotd.options["resolver"] = f"{ADDRESS}@53"
    knotd.sections = [text.replace(DEAD, ADDRESS) for text in knotd.sections]
    knotd.reload()
    answers({A1}, OTHER_ZONE)
    tool("check", OTHER_ZONE)
    assert resolvers(told(tool, OTHER_ZONE)) == {(f"{TARGET}.", f"{ADDRESS}@53")}


def test_rows_that_differ_in_whom_is_asked_look_different(knotd, unbound, authority, tool):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["resolver"] = ADDRESS
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known(ZONE)
    head = tool("status").stdout.splitlines()[0]
    assert "VIA" not in head and "DNSSEC" not in head
    for number, options in enumerate(({"via": "127.0.0.1"}, {"target-dnssec": "secure"})):
        knotd.sections.append(section("mod-aname", f"s{number}", resolver=ADDRESS, **options))
        knotd.add_zone(f"s{number}.example", [aname(TARGET)], modules=[f"mod-aname/s{number}"])
    knotd.reload()
    for number in range(2):
        eventually(lambda zone=f"s{number}.example": knotd.loaded(zone))
        query(f"s{number}.example", "A", "tcp")
    head, *rows = tool("status").stdout.splitlines()
    via, dnssec = head.index("VIA"), head.index("DNSSEC")
    seen = {(row[via:].split()[0], row[dnssec:].split()[0]) for row in rows}
    assert {("-", "any"), ("127.0.0.1", "any"), ("-", "secure")} == seen
    assert {one["secure"] for one in told(tool)} == {False, True}


def unused(tool, *arguments):
    return {one["target"] for one in told(tool, *arguments) if one["unused"]}


def test_a_typo_that_was_mended_is_told_from_what_fails(knotd, unbound, authority, tool):
    authority.fail(TYPO)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TYPO)])
    knotd.start()
    failed()
    assert told(tool)[0]["failing_why"] and unused(tool) == set()
    tool("set", ZONE, TARGET)
    # The first query tells.
    query(ZONE, "A")
    assert unused(tool) == {f"{TYPO}."}
    row = next(row for row in tool("status").stdout.splitlines() if row.startswith(TYPO))
    assert "unused: no zone uses it any more" in row
    answers({A1})
    assert unused(tool) == {f"{TYPO}."}
    # It is used again if a zone names it again, be it in the same second or not.
    tool("set", ZONE, TYPO)
    query(ZONE, "A")
    assert unused(tool) == {f"{TARGET}."}


def test_what_another_zone_names_is_used(knotd, unbound, authority, tool):
    """Also while nobody asks for that zone, and after a reload."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set("other.example.net", a=[A1])
    for zone in (ZONE, OTHER_ZONE):
        knotd.add_zone(zone, [aname(TARGET)])
    knotd.start()
    known(ZONE)
    known(OTHER_ZONE)
    tool("set", ZONE, "other.example.net")
    answers({A1}, ZONE)
    assert unused(tool) == set()
    knotd.reload()
    assert unused(tool) == set()
    knotd.knotc("-b", "zone-reload", OTHER_ZONE)
    assert unused(tool) == set()
    # A zone that goes takes its names along.
    del knotd.zones[OTHER_ZONE]
    knotd.reload()
    assert unused(tool) == {f"{TARGET}."}


def test_what_is_left_of_a_pool_is_used(knotd, unbound, authority, tool):
    names = [f"t{number}.example.net" for number in range(5)]
    for name in names:
        authority.set(name, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(name) for name in names])
    knotd.start()
    known()
    assert unused(tool) == set()
    tool("unset", ZONE, names[2])
    eventually(lambda: query(ZONE, "A") and unused(tool) == {f"{names[2]}."})
    # Without the last record there is nothing that is named.
    tool("unset", ZONE)
    query(ZONE, "A")
    assert unused(tool) == {f"{name}." for name in names}


def test_what_was_known_before_a_restart_is_not_called_unused(knotd, unbound, authority, tool):
    simple(knotd, authority)
    known()
    knotd.finish()
    knotd.start()
    eventually(lambda: told(tool))
    assert unused(tool) == set()
    known()
    assert unused(tool) == set()


def test_the_server_tells_its_version_and_its_zones(knotd, unbound, authority, tool):
    for number in range(3):
        knotd.add_zone(f"z{number}.example", [aname(TARGET)])
    knotd.add_zone(ZONE, modules=[])
    knotd.start()
    server = json.loads(tool("status", "--json").stdout)["server"]
    assert server["zones"] == 3
    assert server["version"] == tool("--version").stdout.split()[1]
    assert os.path.samefile(server["module"], harness_knotd.MODULE)
    knotd.reload()
    eventually(lambda: json.loads(tool("status", "--json").stdout)["server"]["zones"] == 3)
