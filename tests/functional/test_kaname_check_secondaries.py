"""kaname check: who serves what of a zone, of all its name servers."""

import re
import socket
import threading
import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, SERVER, TARGET, ZONE, aname, eventually, known, query, scaled, secondaries,
    section,
)
from harness.authority import ADDRESS
from harness.follow import KEPT, Follow, permit
from harness.kaname import kaname
from harness.owners import needs_any
from harness.process import Daemon
from harness.told import says

# Where name servers are, on port 53. BIND listens only on an address of an interface.
NAMED, NSD, OTHER, NOBODY, SILENT, OWN = (
    "127.0.0.1", "127.0.0.41", "127.0.0.42", "127.0.0.43", "127.0.0.44", "127.0.0.45")
LONG = 86400


class Nsd(secondaries.Nsd):
    address, source = (NSD, 53), NSD


class Named(secondaries.Named):
    address, source = (NAMED, 53), NAMED


@pytest.fixture(name="server")
def server_with_a_target(knotd, authority):
    """knotd that lets anybody transfer; its target has A1 and AAAA1."""
    knotd.options.update({"resolver": ADDRESS})
    knotd.sections.append(section("acl", "all", address="127.0.0.0/8", action="transfer"))
    authority.hold(TARGET, "A", [A1], LONG)
    authority.hold(TARGET, "AAAA", [AAAA1], LONG)
    return knotd


@pytest.fixture(name="check")
def check_zone(server):
    """Runs it; returns its lines, and those that are BAD with what is to be done next."""

    def run(zone=ZONE, code=(0, 1)):
        done = kaname("-s", server.socket, "check", zone, directory=server.directory, code=code)
        lines = done.stdout.splitlines()
        return lines, [f"{line} {lines[number + 1].strip()}" for number, line in enumerate(lines)
                       if line.startswith("BAD ")]

    return run


def glue(**servers):
    """Records of name servers by name; those of zone_text() stand beside."""
    for name, address in servers.items():
        yield f"@ NS {name}"
        yield f"{name} {'AAAA' if ':' in address else 'A'} {address}"


def serve(server, *records, notify=(), **servers):
    options = {"acl": "all"}
    for name, address in notify:
        server.sections.append(section("remote", name, address=f"{address}@53"))
    if notify:
        options["notify"] = [name for name, _address in notify]
    server.add_zone(ZONE, [aname(TARGET), *records, *glue(**servers)], zone_options=options)
    server.start()
    known(ZONE, "A")
    known(ZONE, "AAAA")


def static(make_knotd, address, records=(), zone=ZONE, **soa):
    """A knotd without the module at this address, with a zone of its own making."""
    other = make_knotd("other", (address, 53))
    other.with_module = False
    other.add_zone(zone, records, **soa)
    other.start(ready=())
    eventually(lambda: query(zone, "SOA", server=(address, 53)).addresses("SOA"),
               what=f"{address} serves {zone}")
    return other


def ns(name, address):
    return f"{name}.{ZONE}. ({address})"


# Real secondaries


@pytest.fixture(name="both")
def both_secondaries(server, directory, start_server):
    """Starts them, as those of a zone with these records."""

    def start(*records):
        serve(server, *records, nsd=NSD, named=NAMED, notify=[("nsd", NSD), ("named", NAMED)])
        found = [start_server(Nsd(directory)), start_server(Named(directory))]
        for one in found:
            one.follows(secondaries.serial())
        return found

    return start


def test_secondaries_that_serve_what_the_target_has(both, check):
    both(f"@ 300 A {A1}", f"@ 300 AAAA {AAAA1}")
    lines, bad = check()
    assert not bad
    for name, address in (("nsd", NSD), ("named", NAMED)):
        says(lines, "ok", f"{ns(name, address)}: serial 1, addresses of 1 owner, TTL 300")


def test_secondaries_that_know_no_aname_and_get_no_address(both, check):
    both()
    _lines, bad = check(code=1)
    for name, address in (("nsd", NSD), ("named", NAMED)):
        (line,) = [line for line in bad if ns(name, address) in line]
        assert "serves no address at all" in line and "'kaname follow' does" in line


def test_secondary_without_one_family(both, check):
    both(f"@ 300 A {A1}")
    _lines, bad = check(code=1)
    for name, address in (("nsd", NSD), ("named", NAMED)):
        (line,) = [line for line in bad if ns(name, address) in line]
        assert "serves no AAAA address" in line and "'kaname follow'" in line


def test_addresses_that_the_target_does_not_have_any_more(both, check):
    both(f"@ 300 A {A3}", f"@ 300 A {A1}", f"@ 300 AAAA {AAAA1}")
    _lines, bad = check(code=1)
    for name, address in (("nsd", NSD), ("named", NAMED)):
        (line,) = [line for line in bad if ns(name, address) in line]
        assert f"serves {A3}, which is not among the target's addresses now" in line
        assert "stands in the zone itself" in line and f"kaname follow {ZONE}. --dry-run" in line


def change(server, times=1):
    """New serials, which secondaries hear of if knotd tells them."""
    for number in range(times):
        server.knotc("zone-begin", ZONE)
        server.knotc("zone-set", ZONE, f"t{number}", "60", "TXT", "new")
        server.knotc("-b", "zone-commit", ZONE)


def test_secondary_that_is_behind(server, directory, start_server, check):
    """Nobody tells it, and its refresh is an hour away."""
    serve(server, f"@ 300 A {A1}", f"@ 300 AAAA {AAAA1}", nsd=NSD)
    start_server(Nsd(directory)).follows(secondaries.serial())
    change(server, 3)
    _lines, bad = check(code=1)
    (line,) = bad
    assert f"secondary {ns('nsd', NSD)} is 3 serials behind: 1 there, 4 here" in line
    assert "'notify'" in line


def test_secondary_that_is_behind_and_serves_old_addresses(server, make_knotd, check):
    serve(server, f"@ 300 A {A1}", f"@ 300 AAAA {AAAA1}", other=OTHER)
    static(make_knotd, OTHER, [f"@ 300 A {A2}", f"@ 300 AAAA {AAAA1}"], serial=0)
    _lines, bad = check(code=1)
    assert any("is 1 serial behind: 0 there, 1 here" in line for line in bad)
    (line,) = [line for line in bad if A2 in line]
    assert "not among the target's addresses now" in line and "see its serial above" in line


def test_secondary_that_catches_up_while_it_is_asked_is_no_fault(server, make_knotd, check):
    """A transfer takes its time."""
    serve(server, f"@ 300 A {A1}", f"@ 300 AAAA {AAAA1}", other=OTHER)
    records = [f"@ 300 A {A1}", f"@ 300 AAAA {AAAA1}"]
    other = static(make_knotd, OTHER, records, serial=0)
    _lines, bad = check(code=1)
    assert any("1 serial behind" in line for line in bad)
    later = threading.Timer(0.8, other.reload_zone, (ZONE, records), {"serial": 1})
    later.start()
    lines, bad = check()
    later.join()
    assert not bad, bad
    says(lines, "ok", f"{ns('other', OTHER)}: serial 1")


def test_more_addresses_than_a_datagram_holds(both, authority, check):
    """They are asked for over TCP."""
    many = [f"198.18.{number // 250}.{number % 250}" for number in range(100)]
    authority.hold(TARGET, "A", many[:32], LONG)
    both(*(f"@ 300 A {address}" for address in many), f"@ 300 AAAA {AAAA1}")
    _lines, bad = check(code=1)
    for name, address in (("nsd", NSD), ("named", NAMED)):
        (line,) = [line for line in bad if ns(name, address) in line]
        assert "which is not among the target's addresses now" in line


# Those that do not serve it


def test_server_that_nobody_runs(server, check):
    serve(server, gone=NOBODY)
    _lines, bad = check(code=1)
    (line,) = [line for line in bad if ns("gone", NOBODY) in line]
    assert "cannot be reached: Connection refused" in line and "firewall" in line


def test_servers_that_say_nothing_cost_their_time_once(server, check):
    """All are asked at the same time."""
    count = 12
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind((SILENT, 53))
        serve(server, *(f"s{number} A {SILENT}" for number in range(count)),
              *(f"@ NS s{number}" for number in range(count)))
        start = time.monotonic()
        _lines, bad = check(code=1)
        took = time.monotonic() - start
    said = [line for line in bad if f"({SILENT})" in line]
    # Over TCP nobody is there at all.
    assert len(said) == count and all("cannot be reached: Connection refused" in one for one in said)
    assert took < scaled(8), f"expected not to wait for each, took {took:.1f} s"


def test_server_that_says_nothing_over_tcp_either(server, check):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent, \
            socket.create_server((SILENT, 53)):
        silent.bind((SILENT, 53))
        serve(server, silent=SILENT)
        _lines, bad = check(code=1)
    (line,) = [line for line in bad if ns("silent", SILENT) in line]
    assert "cannot be reached: no reply in time" in line


def test_server_without_the_zone(server, make_knotd, check):
    serve(server, lame=OTHER)
    static(make_knotd, OTHER, zone="other.example")
    _lines, bad = check(code=1)
    (line,) = [line for line in bad if ns("lame", OTHER) in line]
    assert "does not serve the zone: REFUSED" in line and "transfer" in line


def test_server_that_is_no_authority(server, start_unbound, check):
    """A recursor that gets everything from the targets' authority, which has an SOA record."""
    start_unbound()
    serve(server, recursor="127.0.0.1")
    _lines, bad = check(code=1)
    (line,) = [line for line in bad if ns("recursor", "127.0.0.1") in line]
    assert "not authoritative" in line or "does not serve the zone" in line


def test_address_that_nothing_leads_to_is_no_fault_of_the_server(server, check):
    serve(server, far="198.51.100.1", six="2001:db8::53")
    lines, bad = check(code=0)
    assert not bad
    says(lines, "note", f"{ns('far', '198.51.100.1')} cannot be asked from here")
    says(lines, "note", f"{ns('six', '2001:db8::53')} cannot be asked from here")


@pytest.mark.parametrize("listen, own", [(f"{OWN}@53", OWN), (OWN, OWN), ("::@53", "::1")])
def test_own_address_is_recognized(server, check, listen, own):
    server.server["listen"] = [f"{SERVER[0]}@{SERVER[1]}", listen]
    serve(server, own=own)
    lines, bad = check(code=0)
    assert not bad
    says(lines, "ok", f"{ns('own', own)} is this server")


# What they are told by others


def test_ttl_that_is_longer_than_the_records(server, make_knotd, check):
    serve(server, other=OTHER)
    static(make_knotd, OTHER, [f"@ 3600 A {A1}", f"@ 300 AAAA {AAAA1}"])
    lines, bad = check(code=0)
    assert not bad
    says(lines, "note", ns("other", OTHER), "TTL of 3600, and the record's is 300")


def test_secondary_that_looks_the_target_up_by_itself(server, make_knotd, check):
    """What it was told may be another thing: that is said, and no fault."""
    serve(server, other=OTHER)
    static(make_knotd, OTHER, [f"@ 60 A {A2}", f"@ 60 AAAA {AAAA1}"])
    lines, bad = check(code=0)
    assert not bad
    says(lines, "note", f"{ns('other', OTHER)} serves {A2}", "looks the target up by itself")


def test_nothing_is_compared_where_this_server_cannot_be_asked(server, make_knotd, check):
    server.server["listen"] = None
    server.add_zone(ZONE, [aname(TARGET), *glue(other=OTHER)])
    server.start(ready=[])
    static(make_knotd, OTHER, [f"@ 60 A {A2}"])
    lines, _bad = check()
    says(lines, "ok", f"{ns('other', OTHER)}: serial 1, addresses of 1 owner")
    assert not any("serves" in line for line in lines), lines


def test_later_serial_is_said(server, make_knotd, check):
    serve(server, other=OTHER)
    static(make_knotd, OTHER, [f"@ 60 A {A1}", f"@ 60 AAAA {AAAA1}"], serial=7)
    lines, bad = check(code=0)
    assert not bad
    says(lines, "note", f"{ns('other', OTHER)} has a later serial: 7 there, 1 here")


def test_failure_there(server, make_knotd, authority, check):
    """One that has the module, and whose targets fail."""
    other = make_knotd("other", (OTHER, 53))
    other.options.update({"resolver": NOBODY, "retries": 0, "timeout": 300})
    other.add_zone(ZONE, [aname(TARGET), *glue(other=OTHER)])
    serve(server, other=OTHER)
    other.start(ready=())
    eventually(lambda: query(ZONE, "SOA", server=(OTHER, 53)).addresses("SOA"))
    _lines, bad = check(code=1)
    assert any(f"{ns('other', OTHER)} answers A with SERVFAIL" in line for line in bad)


def test_module_there_that_nobody_has_asked_yet(server, make_knotd, check):
    """It says so over UDP, and has the answer over TCP."""
    other = make_knotd("other", (OTHER, 53))
    # The lookup may take a while on a busy machine.
    other.options.update({"resolver": ADDRESS, "wait": 5000})
    other.add_zone(ZONE, [aname(TARGET), *glue(other=OTHER)])
    serve(server, other=OTHER)
    other.start(ready=())
    eventually(lambda: query(ZONE, "SOA", server=(OTHER, 53)).addresses("SOA"))
    lines, bad = check(code=0)
    assert not bad
    (line,) = [line for line in lines if ns("other", OTHER) in line]
    # The TTL counts down there.
    told = re.fullmatch(r"ok .*: serial 1, addresses of 1 owner, TTL (\d+)", line)
    assert told and 0 < int(told[1]) <= 300, line


# Names


def test_name_server_of_another_zone_is_looked_up(server, make_knotd, unbound, authority, check):
    authority.hold("ns.example.net", "A", [OTHER], LONG)
    serve(server, "@ NS ns.example.net.", "@ NS nothing.example.net.", "@ NS bare")
    static(make_knotd, OTHER, [f"@ 60 A {A1}", f"@ 60 AAAA {AAAA1}"])
    lines, bad = check(code=1)
    says(lines, "ok", f"ns.example.net. ({OTHER}): serial 1")
    assert any("name server nothing.example.net. has no address" in line for line in bad)
    (line,) = [line for line in bad if f"name server bare.{ZONE}. has no address" in line]
    assert "in the zone" in line


def test_zone_without_records_is_not_asked_for(server, check):
    server.add_zone(ZONE, list(glue(gone=NOBODY)), zone_options={"acl": "all"})
    server.start()
    lines, _bad = check(code=(0, 1))
    assert not any(NOBODY in line for line in lines)


# Any owner


@needs_any
def test_other_owners_are_asked_for_too(server, make_knotd, check):
    server.options["owners"] = "any"
    serve(server, aname(TARGET, owner="shop"), aname(TARGET, owner="*.wild"), other=OTHER)
    static(make_knotd, OTHER, [
        f"@ 60 A {A1}", f"@ 60 AAAA {AAAA1}", f"shop 60 A {A1}", f"*.wild 60 A {A1}",
        f"*.wild 60 AAAA {AAAA1}",
    ])
    _lines, bad = check(code=1)
    (line,) = [line for line in bad if ns("other", OTHER) in line]
    assert f"serves no AAAA address of shop.{ZONE}." in line


# What the journal of kaname follow knows


def test_an_address_that_the_target_has_left_is_told_with_the_time(server, authority, make_knotd,
                                                                   directory):
    authority.set(TARGET, a=[A1])
    server.options["ttl-max"] = 1
    server.template |= KEPT
    acl = [permit(server), "all"]
    server.add_zone(ZONE, [aname(TARGET), *glue(ns2=OTHER)], zone_options={"acl": acl})
    server.start()
    known(ZONE, "A")
    follow = Follow(server, "--once")
    # With what it wrote first the secondary stays.
    once = ("-s", server.socket, "follow", "--key", follow.key, "--journal", follow.journal, "--once")
    kaname(*once, directory=directory)
    static(make_knotd, OTHER, [f"@ 300 A {A1}", *glue(ns2=OTHER)], serial=2)
    authority.set(TARGET, a=[A2])

    def changed():
        assert query(ZONE).addresses() == {A2}
        return True

    eventually(changed, what="the module has the other address")
    kaname(*once, directory=directory)
    done = kaname("-s", server.socket, "check", ZONE, "--journal", follow.journal,
                  directory=directory, code=1)
    (line,) = [line for line in done.stdout.splitlines() if OTHER in line and A1 in line]
    assert re.search(rf"{re.escape(A1)}.*which the target left \d+ seconds ago", line), line
    # Without it nobody knows.
    done = kaname("-s", server.socket, "check", ZONE, "--journal", "/nowhere", directory=directory,
                  code=1)
    assert "which the target left" not in done.stdout
