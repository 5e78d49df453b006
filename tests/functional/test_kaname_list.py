"""kaname list: the ANAME and ALIAS records of all zones, by what the server has."""

import json

import pytest
from harness import ALIAS, TARGET, ZONE, aname, eventually, raw
from harness.kaname import kaname

OTHER = "other.example.net"


@pytest.fixture
def listed(tool):
    """Its lines, with these arguments."""
    return lambda *arguments: tool("list", *arguments).stdout.splitlines()


def test_S4_all_zones_are_listed_in_canonical_order(knotd, listed):
    knotd.add_zone("b.example", [aname("www.B.example.org.", ttl=60)])
    knotd.add_zone("example", [aname(TARGET)])
    knotd.add_zone("a.z.example", [aname(TARGET, rrtype=ALIAS)])
    knotd.add_zone("xn--bcher-kva.example", [aname("xn--strae-oqa.example.net")])
    knotd.add_zone("without.example", ["www 60 IN A 192.0.2.1"])
    knotd.start()
    assert listed() == [
        f"example. 300 ANAME {TARGET}.",
        "b.example. 60 ANAME www.B.example.org.",
        "xn--bcher-kva.example. 300 ANAME xn--strae-oqa.example.net.",
        f"a.z.example. 300 ALIAS {TARGET}.",
    ]


def test_S4_owners_below_the_apex_are_listed_with_their_zone(knotd, tool, listed):
    """It stands behind what a line had before, as a comment: a zone file could have the line."""
    knotd.add_zone(ZONE, [
        aname(OTHER, owner="z"), aname(TARGET, owner="*.a", ttl=60), aname(TARGET),
        aname(TARGET, owner="a", rrtype=ALIAS), raw(b"\xc0\x0c", owner="bad"),
    ])
    knotd.add_zone(f"sub.{ZONE}", [aname(OTHER)])
    knotd.add_zone("example", [aname(OTHER, owner="WWW")])
    knotd.start()
    lines = [
        f"{ZONE}. 300 ANAME {TARGET}.",
        f"a.{ZONE}. 300 ALIAS {TARGET}. ; {ZONE}.",
        f"*.a.{ZONE}. 60 ANAME {TARGET}. ; {ZONE}.",
        rf"bad.{ZONE}. 300 TYPE65305 \# 2 C00C ; {ZONE}.",
        f"sub.{ZONE}. 300 ANAME {OTHER}.",
        f"z.{ZONE}. 300 ANAME {OTHER}. ; {ZONE}.",
        f"www.example. 300 ANAME {OTHER}. ; example.",
    ]
    assert sorted(listed()) == sorted(lines)
    assert [line for line in listed() if "www" not in line] == lines[:-1], "canonical order"
    assert listed(f"a.{ZONE}") == lines[1:2] and listed("example") == lines[-1:]
    assert listed(ZONE) == lines[:4] + lines[5:6]
    assert listed(OTHER) == [line for line in listed() if OTHER in line]
    one = json.loads(tool("list", "--json", f"z.{ZONE}").stdout)["records"]
    assert one == [{"owner": f"z.{ZONE}.", "ttl": 300, "type": "ANAME", "target": f"{OTHER}.",
                    "malformed": None, "zone": f"{ZONE}."}]
    # A zone file with these lines is the one that it was.
    text = kaname("zone", directory=knotd.directory, text="\n".join(lines) + "\n").stdout
    assert text.count("TYPE65305") == 6 and text.count("TYPE65401") == 1


def test_S4_members_of_a_pool_have_a_line_each(knotd, tool, listed):
    knotd.add_zone(ZONE, [aname(OTHER), aname(TARGET, rrtype=ALIAS), aname(TARGET)])
    knotd.start()
    assert sorted(listed()[:2]) == [
        f"{ZONE}. 300 ANAME {TARGET}.", f"{ZONE}. 300 ANAME {OTHER}.",
    ]
    assert listed()[2:] == [f"{ZONE}. 300 ALIAS {TARGET}."]
    assert sorted(listed()) == sorted(tool("get", ZONE).stdout.splitlines())


def test_S4_what_is_malformed_is_shown_as_it_is(knotd, tool, listed):
    knotd.add_zone(ZONE, [raw(b"\xc0\x0c"), aname(TARGET)])
    knotd.add_zone("empty.example", [raw(b"")])
    knotd.start()
    lines = listed()
    assert rf"{ZONE}. 300 TYPE65305 \# 2 C00C" in lines
    assert rf"empty.example. 300 TYPE65305 \# 0" in lines and len(lines) == 3
    records = json.loads(tool("list", "--json", ZONE).stdout)["records"]
    assert {
        (one["target"], one["malformed"]) for one in records
    } == {(None, r"\# 2 C00C"), (f"{TARGET}.", None)}


def test_S4_it_is_one_json_document(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET, ttl=7)])
    knotd.add_zone("example.org", [aname(OTHER, rrtype=ALIAS)])
    knotd.start()
    assert json.loads(tool("list", "--json").stdout) == {
        "records": [
            {"owner": f"{ZONE}.", "ttl": 7, "type": "ANAME", "target": f"{TARGET}.",
             "malformed": None, "zone": f"{ZONE}."},
            {"owner": "example.org.", "ttl": 300, "type": "ALIAS", "target": f"{OTHER}.",
             "malformed": None, "zone": "example.org."},
        ]
    }


def test_S4_zones_and_targets_choose(knotd, tool, listed):
    for name, target in ((ZONE, TARGET), ("example.org", OTHER), ("example.net", TARGET)):
        knotd.add_zone(name, [aname(target)])
    knotd.start()
    assert listed("EXAMPLE.org") == [f"example.org. 300 ANAME {OTHER}."]
    assert listed(TARGET.upper() + ".") == [
        f"{ZONE}. 300 ANAME {TARGET}.", f"example.net. 300 ANAME {TARGET}.",
    ]
    assert len(listed(TARGET, "example.org")) == 3
    done = tool("list", ZONE, "nowhere.example", code=1)
    assert done.stdout == f"{ZONE}. 300 ANAME {TARGET}.\n"
    assert "no ANAME or ALIAS record" in done.stderr and "nowhere.example" in done.stderr
    assert "next: " in done.stderr
    assert json.loads(tool("list", "--json", "nowhere.example", code=1).stdout) == {"records": []}
    assert "expected a domain name" in tool("list", "a..b", code=1).stderr


def test_S4_zones_that_are_not_loaded_do_not_disturb(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("broken.example", text="nonsense\n")
    knotd.add_zone("plain.example")
    knotd.start([ZONE])
    done = tool("list")
    assert done.stdout == f"{ZONE}. 300 ANAME {TARGET}.\n" and done.stderr == ""


@pytest.mark.parametrize("zones", [(), ("plain.example",)])
def test_S4_a_server_without_any_has_an_empty_list(knotd, tool, zones):
    for zone in zones:
        knotd.add_zone(zone)
    knotd.start()
    done = tool("list")
    assert done.stdout == "" and "note: no zone that is loaded" in done.stderr
    assert json.loads(tool("list", "--json").stdout) == {"records": []}


def test_S4_a_server_without_the_module_lists_as_well(knotd, listed):
    knotd.with_module = False
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    assert listed() == [f"{ZONE}. 300 ANAME {TARGET}."]


def test_S4_zones_of_a_catalog_are_listed(knotd, listed):
    member = "member.example"
    knotd.add_catalog(member, [aname(TARGET)])
    knotd.start(ready=[])
    eventually(lambda: knotd.loaded(member), timeout=20)
    eventually(lambda: listed() == [f"{member}. 300 ANAME {TARGET}."])


def test_no_server_is_reported(directory):
    done = kaname("-s", f"{directory}/none", "list", directory=directory, code=3)
    assert "failed to connect to socket" in done.stderr and "next: " in done.stderr


def test_options_of_other_commands_are_refused(directory):
    done = kaname("list", "--add", directory=directory, code=2)
    assert "list does not take the option --add" in done.stderr
