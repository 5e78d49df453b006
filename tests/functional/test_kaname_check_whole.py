"""kaname check without a zone: the whole server."""

import os
import subprocess
import time

import pytest
from harness import (
    A1, AAAA1, TARGET, ZONE, aname, answers, eventually, failed, known, raw, scaled,
    section,
)
from harness import sanitizer
from harness.authority import ADDRESS
from harness.process import Daemon
from harness.told import says

DEAD = f"{ADDRESS}@5377"


@pytest.fixture
def check(tool):
    """Runs it; (all lines, those that are BAD with what to do)."""

    def run(code):
        lines = tool("check", code=code).stdout.splitlines()
        assert all(line.split()[0] in ("ok", "note", "BAD", "next:") for line in lines[:-1]), lines
        return lines, [
            line + " " + lines[number + 1] for number, line in enumerate(lines)
            if line.startswith("BAD ")
        ]

    return run


def test_a_good_server_is_as_it_should_be(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    for number in range(5):
        knotd.add_zone(f"z{number}.example", [aname(TARGET)])
    knotd.add_zone("without.example", modules=[])
    knotd.add_zone("empty.example")
    knotd.start()
    lines, found = check(0)
    assert not found and lines[-1] == "the server is as it should be"
    says(lines, "note", "of 5 zones targets were not looked up yet", "kaname warm")
    says(lines, "ok", "5 zones with ANAME or ALIAS records are well")
    for number in range(5):
        known(f"z{number}.example")
    lines, _ = check(0)
    assert not any("looked up" in line for line in lines), lines


def test_each_zones_findings_are_its_own(knotd, unbound, authority, check):
    """One target, which another zone's section asks of a dead resolver; in catalogs, too."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.nxdomain("gone.example.net")
    knotd.options["resolver"] = "127.0.0.1"
    knotd.sections += [
        section("mod-aname", "dead", resolver=DEAD, timeout=200),
        section("mod-aname", "via", resolver=[ADDRESS, "127.0.0.1"], via="127.0.0.1",
                target_dnssec="any"),
        section("template", "dead", module="mod-aname/dead", storage=knotd.zone_directory),
    ]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("dead.example", [aname(TARGET)], modules=["mod-aname/dead"])
    knotd.add_zone("template.example", [aname(TARGET)], modules=[],
                   zone_options={"template": "dead"})
    knotd.add_zone("via.example", [aname(TARGET)], modules=["mod-aname/via"])
    knotd.add_zone("gone.example", [aname("gone.example.net")])
    knotd.add_catalog("member.example", [aname(TARGET)], module="mod-aname/dead")
    knotd.start(ready=[ZONE])
    eventually(lambda: knotd.loaded("member.example"), timeout=20)
    dead = ("dead.example", "template.example", "member.example")
    for zone in dead:
        failed(zone)
        failed(zone, "AAAA")
    for zone in (ZONE, "via.example", "gone.example"):
        known(zone)
    lines, found = check(1)
    for zone in dead:
        says(found, f"{zone}.: 2 things to look at: target {TARGET}. A cannot be resolved",
             f"asked: {DEAD}; and more", f"next: 'kaname check {zone}.' says more")
    says(found, "gone.example.: 2 things", "does not exist (NXDOMAIN)")
    says(lines, "ok", "2 zones with ANAME or ALIAS records are well")
    assert len(found) == 4 and lines[-1] == "4 things to look at", lines
    assert not any("looked up" in line for line in lines), lines


def test_records_that_nobody_follows(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("without.example", [aname(TARGET)], modules=[])
    knotd.add_zone("bad.example", [raw(b"\xc0\x0c")])
    knotd.add_zone("many.example", [aname(f"t{number}.example.net") for number in range(33)])
    knotd.start()
    lines, found = check(1)
    says(found, "without.example.: 1 thing to look at: there are ANAME records, and mod-aname is not in")
    says(found, "bad.example.: 1 thing", "is no target")
    says(found, "many.example.: 1 thing", "33 records, of which only 32 are used")
    assert len(found) == 3, lines


def test_targets_that_no_list_lets_in(knotd, unbound, authority, check):
    """They are SERVFAIL to clients, whatever is known of them for others."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.sections += [
        section("mod-aname", "deny", deny_target="Example.net"),
        section("mod-aname", "allow", allow_target=["example.org", "example.com"]),
    ]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("deny.example", [aname(TARGET)], modules=["mod-aname/deny"])
    knotd.add_zone("allow.example", [aname(TARGET)], modules=["mod-aname/allow"])
    knotd.add_zone("fine.example", [aname("www.example.org")], modules=["mod-aname/allow"])
    knotd.start()
    lines, found = check(1)
    says(found, "deny.example.: 1 thing to look at", f"{TARGET}. is not used: 'deny-target'")
    says(found, "allow.example.: 1 thing to look at", f"{TARGET}. is not used: 'allow-target'")
    assert len(found) == 2, lines


def test_a_zone_that_is_not_loaded(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("broken.example", [aname(TARGET)])
    knotd.add_zone("other.example", modules=[])
    for name in ("broken.example", "other.example"):
        with open(knotd.zone_file(name), "w", encoding="ascii") as file:
            file.write("@ 300 NO-SUCH-TYPE x\n")
    knotd.start(ready=[ZONE])
    lines, found = check(1)
    says(found, "broken.example.: 1 thing to look at: it is configured, but not loaded",
         "kaname check broken.example")
    assert len(found) == 1, lines


def test_lists_of_modules_that_cannot_be_meant(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["timeout"] = 3000
    knotd.sections += [
        section("mod-aname", "other", timeout=4000),
        section("template", "twice", storage=knotd.zone_directory,
                module=["mod-aname/test", "mod-aname"]),
    ]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("twice.example", [aname(TARGET)], modules=[],
                   zone_options={"template": "twice"})
    knotd.add_zone("both.example", [aname(TARGET)], modules=["mod-aname", "mod-aname/test"])
    knotd.add_zone("order.example", [aname(TARGET)], modules=["mod-onlinesign", "mod-aname"])
    knotd.start()
    lines, found = check(1)
    says(found, "twice.example.: 1 thing", "stands 2 times", "template 'twice'")
    says(found, "both.example.: 1 thing", "stands 2 times", "zone 'both.example.'")
    says(found, "order.example.: 1 thing", "mod-onlinesign stands before")
    says(found, "section 'other' of mod-aname: no zone and no template uses it")
    assert len(found) == 4, lines


def start_with_database(knotd, before, after):
    """Starts it with a configuration database in which octets are others than were checked.

    As one has it that was filled when the module took more: knotd checks what is put in, only.
    """
    database = os.path.join(knotd.directory, "confdb")
    knotd.write_conf()
    subprocess.run(
        ["knotc", "-C", database, "conf-import", knotd.conf],
        env=dict(os.environ, **sanitizer.environment(knotd.directory)),
        check=True, capture_output=True, timeout=scaled(30),
    )
    path = os.path.join(database, "data.mdb")
    with open(path, "rb") as file:
        octets = file.read()
    assert octets.count(before) == 1, f"expected {before} once, got {octets.count(before)}"
    with open(path, "wb") as file:
        file.write(octets.replace(before, after))
    knotd.argv = ["knotd", "-C", database, "-s", knotd.socket]
    Daemon.start(knotd)
    knotd.wait_ready()


# As Knot keeps it.
SUFFIX = (b"\x01x\x07example\x03org\0", b"\x01*\x07example\x03org\0")


@pytest.mark.parametrize("option, value, octets, told", [
    ("allow-target", "x.example.org", SUFFIX, "*.example.org.'"),
    ("deny-target", "x.example.org", SUFFIX, "*.example.org.'"),
    ("prefer", "x.example.org", SUFFIX, "*.example.org.'"),
    ("resolver", "127.9.8.7", (bytes((127, 9, 8, 7)), bytes(4)), "0.0.0.0"),
    ("status-socket", "/q", (b"/q\0", b"no\0"), "no'"),
    ("state-file", "/q/q", (b"/q/q\0", b"none\0"), "none'"),
])
def test_values_that_cannot_be_meant(knotd, unbound, authority, tool, option, value, octets, told):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.options[option] = value
    start_with_database(knotd, *octets)
    lines = tool("check", code=1).stdout.splitlines()
    says(lines, "BAD", f"section 'test' of mod-aname, '{option}: {told}")


def test_a_section_that_asks_this_server_is_noted(knotd, check):
    knotd.options["resolver"] = "127.0.0.1@5300"
    knotd.add_zone(ZONE, [aname("www.example.org")])
    knotd.add_zone("example.org", [f"www A {A1}", f"www AAAA {AAAA1}"], modules=[])
    knotd.start()
    answers({A1})
    lines, _ = check(0)
    says(lines, "note", "section 'test'", "this very server")


def test_without_a_status_socket_the_rest_is_looked_at(knotd, unbound, authority, check, tool):
    knotd.options["status-socket"] = "off"
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("without.example", [aname(TARGET)], modules=[])
    knotd.start()
    lines, found = check(1)
    says(lines, "note", "was not asked", "status-socket: off")
    assert len(found) == 1
    assert "--client goes with a zone" in tool("check", "--client", A1, code=2).stderr


def test_many_zones_take_few_commands(knotd, unbound, authority, check):
    """And those that are BAD do not fill the screen."""
    zones = 500
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    for number in range(zones):
        knotd.add_zone(f"z{number}.example", [aname(TARGET)])
    for number in range(120):
        knotd.add_zone(f"w{number}.example", [aname(TARGET)], modules=[])
    knotd.start()
    known("z0.example")
    begin = time.monotonic()
    lines, found = check(1)
    took = time.monotonic() - begin
    assert len(found) == 100 and len(lines) < 220, lines
    says(lines, "note", "20 more zones have something to look at")
    says(lines, f"ok    {zones} zones with ANAME or ALIAS records are well")
    assert lines[-1] == "120 things to look at"
    assert took < scaled(5), f"expected it to take no time, it took {took:.1f} s"


def test_a_server_without_the_module(knotd, check):
    knotd.with_module = False
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    _, found = check(1)
    assert len(found) == 1
    says(found, "mod-aname is not in the list of modules")
