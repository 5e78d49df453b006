"""What `kaname follow` finds on a knotd: owners, zones that are refused, and what stands beside."""

import os
import random
import subprocess
import time

import dns.name
import dns.rdatatype
import dns.zone
import pytest
from harness import (
    ALIAS, ANAME, RELEASE, TARGET, VERSION, ZONE, aname, eventually, raw, scaled, section,
)
from harness.kaname import environment
from harness.owners import needs_any
from harness.scan import Owner, RRset, command, read, scan

OTHER, THIRD = "other.example.net", "third.example.net"
DIFFERENCE = {"zonefile-load": "difference"}


@pytest.fixture(name="server")
def followed_server(knotd):
    """knotd whose default template has nothing that keeps zones from being followed."""
    knotd.options.update({"status-socket": "off"})
    knotd.template.update(DIFFERENCE)
    return knotd


def dotted(name):
    return f"{name}."


def one(target=TARGET, ttl=300, rrtype=ANAME, exact=True):
    """An owner with one record."""
    return Owner(ttl, (RRset(rrtype, 1, exact),), (dotted(target),))


def apexes(found):
    assert all(zone == owner for zone, owner in found.owners)
    return {zone for zone, _owner in found.owners}


# Owners


def test_owner_with_records_of_both_types_is_told_once(server):
    server.add_zone(ZONE, [
        aname(TARGET, ttl=600), aname(OTHER, ttl=600), aname(THIRD, ttl=120, rrtype=ALIAS),
    ])
    server.start()
    found = scan(server)
    assert found.owners == {(dotted(ZONE), dotted(ZONE)): Owner(
        120, (RRset(ANAME, 2, True), RRset(ALIAS, 1, True)),
        tuple(dotted(name) for name in (*sorted((TARGET, OTHER), key=wire_order), THIRD)),
    )}
    assert not found.refused and not found.missing


def wire_order(name):
    return dns.name.from_text(name).to_wire()


def test_target_in_upper_case_is_told_in_lower_case_and_as_not_exact(server):
    server.add_zone(ZONE, [aname(TARGET.upper())])
    server.start()
    assert scan(server).owners == {(dotted(ZONE), dotted(ZONE)): one(exact=False)}


def test_malformed_records_count_and_have_no_target(server):
    server.add_zone(ZONE, [
        raw(b""), raw(b"\x03abc"), raw(b"\xc0\x0c"), raw(bytes(range(256)) * 4), aname(TARGET),
        aname(THIRD, rrtype=ALIAS),
    ])
    server.start()
    (owner,) = scan(server).owners.values()
    # Whose the targets are is not known behind a record that has none.
    assert owner.rrsets == (RRset(ANAME, 5, False), RRset(ALIAS, 1, False))
    assert owner.targets == (dotted(TARGET), dotted(THIRD))


@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_record_too_long_for_the_control_protocol_has_its_zone_refused(server, where):
    """The others are read all the same."""
    names = {"first": "a", "middle": "b", "last": "c"}
    for name in names.values():
        long = [raw(bytes(40000))] if name == names[where] else []
        server.add_zone(f"{name}.example", [*long, aname(TARGET), aname(OTHER, rrtype=ALIAS)])
    for number in range(40):
        server.add_zone(f"between-a-and-b{number}.b.example", [aname(TARGET)])
    server.start()
    for options in ((), ("-e",), ("-q",)):
        found = scan(server, *options)
        assert len(apexes(found)) == 42 and f"{names[where]}.example." not in apexes(found)
        assert set(found.refused) == {f"{names[where]}.example."}
        assert "too long" in found.refused[f"{names[where]}.example."][0]
        assert found.owners["between-a-and-b7.b.example.", "between-a-and-b7.b.example."] == one()
        assert not found.errors


def test_names_with_escapes_and_in_upper_case(server):
    names = ["Mixed.EXAMPLE", r"we\.ird.example", r"a\032b.example", r"a\000.example"]
    for number, name in enumerate(names):
        server.add_zone(name, [aname(TARGET)], zone_options={"file": f"{number}.zone"})
        os.rename(server.zone_file(name), os.path.join(server.zone_directory, f"{number}.zone"))
    server.start(ready=[])
    eventually(lambda: len(scan(server).owners) == len(names), what="all are found")
    expected = {dns.name.from_text(name.lower()) for name in names}
    assert {dns.name.from_text(zone) for zone in apexes(scan(server))} == expected
    for name in names:
        assert len(scan(server, "-z", name).owners) == 1, name


def test_section_that_takes_one_type_leaves_out_the_other(server):
    server.options["rrtype"] = "ALIAS"
    server.add_zone(ZONE, [aname(TARGET), aname(OTHER, rrtype=ALIAS)])
    server.add_zone("old.example", [aname(TARGET)])
    server.start()
    found = scan(server, "-z", ZONE, "-z", "old.example")
    assert found.owners == {(dotted(ZONE), dotted(ZONE)): one(OTHER, rrtype=ALIAS)}
    assert "rrtype" in found.missing["old.example."][0]


# Which zones


def test_named_zones_and_why_some_are_missing(server):
    server.add_zone(ZONE, [aname(TARGET)])
    server.add_zone("other.example", [aname(OTHER)])
    server.add_zone("empty.example", ["www 300 IN A 192.0.2.1"])
    server.add_zone("broken.example", text="this is no zone")
    server.start(ready=[ZONE])
    found = scan(server, "-z", ZONE, "-z", "empty.example", "-z", "broken.example",
                 "-z", "nowhere.example")
    assert apexes(found) == {dotted(ZONE)}
    for zone, phrase in (("empty", "no ANAME"), ("broken", "not loaded"),
                         ("nowhere", "not in this server's configuration")):
        why, cure = found.missing[f"{zone}.example."]
        assert phrase in why and cure, zone
    assert len(found.missing) == 3
    everything = scan(server)
    assert apexes(everything) == {dotted(ZONE), "other.example."} and not everything.missing


def test_zones_that_appear_and_go(server):
    server.add_zone(ZONE, [aname(TARGET)])
    server.start()
    assert apexes(scan(server)) == {dotted(ZONE)}
    server.add_zone("new.example", [aname(OTHER)])
    server.reload()
    eventually(lambda: apexes(scan(server)) == {dotted(ZONE), "new.example."}, what="both")
    del server.zones[ZONE]
    server.reload()
    eventually(lambda: apexes(scan(server)) == {"new.example."}, what="the other one alone")
    server.reload_zone("new.example", serial=2)
    eventually(lambda: not scan(server).owners, what="no owner any more")
    assert "no ANAME" in scan(server, "-z", "new.example").missing["new.example."][0]


def test_catalogs_that_are_interpreted_by_groups(server):
    """The template of a member is that of its group, or else the first."""
    for template, options in (("first", {"zonefile-load": "difference"}), ("bad", {}),
                              ("good", {"zonefile-load": "difference"})):
        server.sections.append(section("template", template, storage=server.zone_directory,
                                       file="%s.zone", module=server.aname, **options))
    members = {"one": None, "two": "bad", "three": "good", "four": "unheard"}
    records = ["version 0 TXT 2"]
    for name, group in members.items():
        server.write_zone(f"{name}.example", [aname(TARGET)])
        records.append(f"{name}.zones 0 PTR {name}.example.")
        if group is not None:
            records.append(f"group.{name}.zones 0 TXT {group}")
    server.add_zone("catalog.invalid", records, modules=[], zone_options={
        "catalog-role": "interpret", "catalog-template": ["first", "bad", "good"]})
    server.add_zone("apart.example", [aname(TARGET)])
    server.start(ready=["apart.example"])
    good = {"one.example.", "three.example.", "four.example."}

    def all_there():
        found = scan(server)
        assert apexes(found) == good | {"apart.example."}
        assert set(found.refused) == {"two.example."}
        return True

    eventually(all_there, what="the members are followed by their groups' templates")
    why = scan(server).refused["two.example."][0]
    assert "'zonefile-load: whole'" in why and "(neither the zone nor template 'bad' sets it)" in why
    members_alone = scan(server, "-c", "catalog.invalid", "-c", "nothing.invalid")
    assert apexes(members_alone) == good
    assert set(members_alone.refused) == {"two.example."}
    assert set(members_alone.missing) == {"nothing.invalid."}
    assert apexes(scan(server, "-c", "catalog.invalid", "-z", "apart.example")) == good | {
        "apart.example."}


def test_members_of_a_catalog_that_is_generated(server):
    server.add_zone("catalog.invalid", zone_options={"catalog-role": "generate"}, modules=[])
    member = {"catalog-role": "member", "catalog-zone": "catalog.invalid"}
    server.add_zone("one.example", [aname(TARGET)], zone_options=member)
    server.add_zone("two.example", [aname(TARGET)],
                    zone_options={**member, "catalog-group": "some"})
    server.add_zone("apart.example", [aname(TARGET)])
    server.start(ready=["one.example", "apart.example"])
    assert apexes(scan(server, "-c", "catalog.invalid")) == {"one.example.", "two.example."}


# Zones that are refused

SIGNED_ELSEWHERE = [
    "@ 300 IN DNSKEY 257 3 13 " + "A" * 86 + "==",
]
# What is set, and a phrase of the reason; None: it is followed.
SETTINGS = {
    "nothing": ({}, "Knot's default"),
    "whole": ({"zonefile-load": "whole"}, "'zonefile-load: whole'"),
    "difference": ({"zonefile-load": "difference"}, None),
    "never-written": ({"zonefile-load": "difference", "zonefile-sync": -1}, None),
    "no-serial": ({"zonefile-load": "difference-no-serial", "journal-content": "all",
                   "zonefile-sync": 0}, None),
    "no-serial-later": ({"zonefile-load": "difference-no-serial", "journal-content": "all",
                         "zonefile-sync": "5m"}, None),
    "no-serial-never": ({"zonefile-load": "difference-no-serial", "journal-content": "all",
                         "zonefile-sync": -1}, "'zonefile-sync: -1'"),
    "file-none": ({"zonefile-load": "none", "journal-content": "all"}, None),
    "no-start": ({"zonefile-load": "none"}, "after a restart"),
    "no-journal": ({"zonefile-load": "difference", "journal-content": "none",
                    "zonefile-sync": -1}, "the serial goes back"),
    "no-journal-written": ({"zonefile-load": "difference", "journal-content": "none",
                            "zonefile-sync": 0}, None),
    "master": ({"zonefile-load": "difference", "master": "away"}, "'master' is set"),
    "master-off": ({"zonefile-load": "difference", "master": '""'}, None),
    "signed": ({"zonefile-load": "difference", "dnssec-signing": True}, None),
}
if VERSION == (3, 2):
    # Not to be emptied there.
    del SETTINGS["master-off"]


def settings_server(server, by_template):
    """A zone for each of the settings, in the zone or in a template of its own."""
    del server.template["zonefile-load"]
    server.template["zonefile-sync"] = 0
    server.sections.append(section("remote", "away", address="127.0.0.99"))
    for name, (options, _phrase) in SETTINGS.items():
        zone = f"{name}.example"
        if by_template and name != "master-off":
            server.sections.append(section("template", name, storage=server.zone_directory,
                                           module=server.aname, **options))
            options = {"template": name}
        server.add_zone(zone, [aname(TARGET)], zone_options=options)
    if by_template and VERSION > (3, 2):
        # What is not there by the zone is not there by its template either.
        server.zones["master-off.example"].options["template"] = "master"
        server.zones["master-off.example"].modules = []
    server.add_zone("elsewhere-signed.example", [aname(TARGET), *SIGNED_ELSEWHERE],
                    zone_options=DIFFERENCE)
    server.add_zone("without.example", [aname(TARGET)], modules=[], zone_options=DIFFERENCE)
    return server


def load_all(server):
    """Zones that are not loaded from a file, or from a primary that is not there, are written."""
    server.start(ready=["difference.example", "without.example"])
    for name, (options, _phrase) in SETTINGS.items():
        zone = f"{name}.example"
        if options.get("zonefile-load") != "none":
            continue
        server.knotc("zone-begin", zone)
        server.knotc("zone-set", zone, "@", "3600", "SOA", "ns", "h", "1", "2", "3", "4", "5")
        server.knotc("zone-set", zone, "@", "300", "TYPE65305", *aname(TARGET).split()[4:])
        server.knotc("-b", "zone-commit", zone)


@pytest.mark.parametrize("by_template", [False, True], ids=["zone", "template"])
def test_M4_zones_where_it_would_be_lost_are_refused(server, by_template):
    load_all(settings_server(server, by_template))
    expected = {f"{name}.example." for name, (_options, phrase) in SETTINGS.items()
                if phrase is None}

    def settled():
        found = scan(server)
        assert apexes(found) == expected
        assert len(found.refused) == len(SETTINGS) - len(expected) + 2
        return found

    refused = eventually(settled, what="each is followed or refused").refused
    for name, (_options, phrase) in SETTINGS.items():
        if phrase is None:
            continue
        why, cure = refused[f"{name}.example."]
        assert phrase in why and cure, (name, why)
        assert (f"template '{name}'" in why) == by_template, (name, why)
    assert "DNSKEY" in refused["elsewhere-signed.example."][0]
    assert "mod-aname is not in its list" in refused["without.example."][0]


def written(server, name):
    """What stands in a zone at its apex: (its A records, its serial); None where it is not loaded."""
    status = server.knotc("zone-status", name, "+serial").stdout
    if "serial: -" in status:
        return None
    read = server.knotc("zone-read", name, "@", "A", check=False).stdout
    return {line.split()[-1] for line in read.splitlines() if " A " in line}, int(status.split()[-1])


def write(server, name):
    server.knotc("zone-begin", name)
    server.knotc("zone-set", name, "@", "300", "A", "192.0.2.1")
    server.knotc("-b", "zone-commit", name)


@pytest.mark.limit(120)
def test_M4_what_is_refused_is_lost_and_what_is_followed_stays(server):
    """knotd is killed, and loads its zones from the files again."""
    local = {name: options for name, (options, _phrase) in SETTINGS.items()
             if not name.startswith("master")}
    load_all(settings_server(server, False))
    before = {}
    for name, options in local.items():
        eventually(lambda n=name: written(server, f"{n}.example"), what=f"{name} is loaded")
        write(server, f"{name}.example")
        before[name] = written(server, f"{name}.example")
        assert before[name][0] == {"192.0.2.1"}
        if options.get("zonefile-sync", 0) == 0:
            eventually(lambda n=name: "192.0.2.1" in zone_file(server, n),
                       what=f"the file of {name} is written")
    server.process.kill()
    server.process.wait()
    server.start(ready=["difference.example"])
    server.knotc("-b", "zone-reload", check=False)
    # The last one has it as soon as its file is written, and follow writes it again meanwhile.
    lost = {"no-start", "no-journal", "no-serial-never", "no-serial-later"}
    for name in local:
        after = written(server, f"{name}.example")
        stays = after is not None and "192.0.2.1" in after[0] and after[1] >= before[name][1]
        assert stays == (name not in lost), f"{name}: {before[name]} before, {after} after"


def zone_file(server, name):
    try:
        with open(server.zone_file(f"{name}.example"), encoding="ascii") as file:
            return file.read()
    except FileNotFoundError:
        return ""


def test_M4_elsewhere_none_of_that_matters(server):
    load_all(settings_server(server, False))

    def settled():
        found = scan(server, "-e")
        assert apexes(found) == {f"{name}.example." for name in SETTINGS} | {
            "elsewhere-signed.example."}
        assert set(found.refused) == {"without.example."}
        return True

    eventually(settled, what="all that have the module are followed")


def test_template_of_a_zone_stands_for_the_default_one_in_all(server):
    """A zone with a template has nothing from the default one."""
    server.sections.append(section("template", "own", storage=server.zone_directory,
                                   module=server.aname))
    server.add_zone(ZONE, [aname(TARGET)], zone_options={"template": "own"})
    server.add_zone("other.example", [aname(TARGET)])
    server.start()
    found = scan(server)
    assert apexes(found) == {"other.example."}
    assert "Knot's default" in found.refused[dotted(ZONE)][0]


@pytest.mark.skipif(VERSION < (3, 3), reason="no such option")
def test_M4_zone_that_is_generated_is_refused_if_its_file_is_never_written(server):
    """It is loaded as with difference-no-serial, whatever is set."""
    del server.template["zonefile-load"]
    server.add_zone("forward.example", ["www A 192.0.2.1"], zone_options=DIFFERENCE)
    for name, sync in (("2.0.192.in-addr.arpa", -1), ("3.0.192.in-addr.arpa", 0)):
        server.add_zone(name, [aname(TARGET)], zone_options={
            "reverse-generate": "forward.example", "zonefile-sync": sync})
    server.start(ready=["forward.example"])

    def settled():
        found = scan(server)
        assert apexes(found) == {"3.0.192.in-addr.arpa."}
        assert "reverse-generate" in found.refused["2.0.192.in-addr.arpa."][0]
        return True

    eventually(settled, what="one is refused")


# A server that is away


def test_server_that_is_away_is_reported_once_and_not_if_quiet(server):
    server.add_zone(ZONE, [aname(TARGET)])
    server.write_conf()
    for options in ((), ("-a",), ("-t", ZONE, ZONE)):
        found = scan(server, *options, code=3)
        assert found.errors.count("error:") == 1 and "failed to connect" in found.errors
        assert not found.owners
        assert scan(server, "-q", *options, code=3).errors == ""


@pytest.mark.limit(180)
def test_knotd_killed_in_the_middle_tells_nothing(server):
    """Everything or nothing: what is there is never told in part."""
    count = 500
    for number in range(count):
        server.add_zone(f"z{number}.example", [
            aname(f"t{number}.{one}.example.net") for one in range(4)])
    server.start()
    start = time.monotonic()
    assert len(scan(server).owners) == count
    took = time.monotonic() - start
    ends = set()
    for attempt in range(12):
        program = subprocess.Popen(
            command(server), env=environment(server.directory), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        time.sleep(took * attempt / 10)
        server.process.kill()
        server.process.wait()
        output, errors = program.communicate(timeout=scaled(30))
        found = read(program.returncode, output, errors)
        assert (found.code, len(found.owners)) in ((0, count), (3, 0)), errors
        assert found.code == 0 or (found.lines == 0 and errors.count("error:") == 1)
        ends.add(found.code)
        server.start()
    assert 3 in ends, "knotd was never killed in the middle"


def test_knotd_that_does_not_answer_any_more(server):
    """It stops while it is asked: the program ends all the same, when its time is up."""
    server.add_zone(ZONE, [aname(TARGET)])
    server.start()
    server.freeze()
    try:
        program = subprocess.Popen(
            command(server), env=environment(server.directory), stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)
        output, errors = program.communicate(timeout=scaled(40))
    finally:
        server.thaw()
    assert program.returncode == 3 and output == "" and errors.count("error:") == 1, errors


# Many


@pytest.mark.limit(120)
def test_two_thousand_zones(server):
    expected = {}
    for number in range(2000):
        zone = f"z{number}.example"
        rrtype = ALIAS if number % 3 == 0 else ANAME
        server.add_zone(zone, [aname(f"t{number % 7}.example.net", ttl=number + 1,
                                     rrtype=rrtype)])
        expected[dotted(zone), dotted(zone)] = one(f"t{number % 7}.example.net", number + 1,
                                                   rrtype)
    server.start()
    assert scan(server).owners == expected


# What stands beside


def test_addresses_that_stand_in_a_zone(server):
    """Those of the zone itself, not what the module answers."""
    server.add_zone(ZONE, [
        aname(TARGET), "@ 120 IN A 192.0.2.2", "@ 120 IN A 192.0.2.1",
        "@ 60 IN AAAA 2001:db8::1", "www 30 IN A 192.0.2.3",
    ])
    server.add_zone("b.example", [aname(TARGET), "@ 10 IN AAAA 2001:db8::b"])
    server.add_zone("c.example", [aname(TARGET)])
    server.add_zone("broken.example", text="this is no zone")
    server.start(ready=[ZONE, "c.example"])
    apex = {(dotted(ZONE), "A"): (120, ["192.0.2.1", "192.0.2.2"]),
            (dotted(ZONE), "AAAA"): (60, ["2001:db8::1"])}
    found = scan(server, "-t", ZONE, ZONE)
    assert found.loaded and found.there == apex
    found = scan(server, "-t", ZONE, f"www.{ZONE}")
    assert found.loaded and found.there == {(f"www.{ZONE}.", "A"): (30, ["192.0.2.3"])}
    found = scan(server, "-t", ZONE, f"nothing.{ZONE}")
    assert found.loaded and not found.there
    for zone in ("broken.example", "nowhere.example"):
        found = scan(server, "-t", zone, zone)
        assert not found.loaded and not found.there
    assert scan(server, "-a").there == {
        **apex, ("b.example.", "AAAA"): (10, ["2001:db8::b"])}


# Any owner


def any_zone(server, name, records, section_id=None):
    server.add_zone(name, records, modules=[f"mod-aname/{section_id or 'any'}"])


@pytest.fixture(name="any_server")
def any_server_of(server):
    server.sections.append(section("mod-aname", "any", owners="any", status_socket="off"))
    return server


# Zones one by one, and all at once.
@pytest.mark.parametrize("more", [0, 20], ids=["few", "many"])
@needs_any
def test_owners_below_the_apex(any_server, more):
    server = any_server
    any_zone(server, ZONE, [
        aname(TARGET), aname(OTHER, owner="Shop", ttl=60), aname(THIRD, owner="*.wild"),
        aname(OTHER, owner=r"a\.b"), aname(TARGET, owner="shop", rrtype=ALIAS),
        "sub NS ns", aname(TARGET, owner="sub"), aname(TARGET, owner="x.sub"),
        "d DNAME example.net.", aname(TARGET, owner="d"),
    ])
    server.add_zone("apex.example", [aname(TARGET), aname(OTHER, owner="shop")])
    any_zone(server, "hidden.example", ["sub NS ns", aname(TARGET, owner="x.sub")])
    for number in range(more):
        any_zone(server, f"z{number}.example", [aname(TARGET, owner="www")])
    server.start()
    found = scan(server)
    zone = dotted(ZONE)
    expected = {
        (zone, zone): one(),
        (zone, f"shop.{zone}"): Owner(60, (RRset(ANAME, 1, True), RRset(ALIAS, 1, True)),
                                      (dotted(OTHER), dotted(TARGET))),
        (zone, f"*.wild.{zone}"): one(THIRD),
        (zone, rf"a\.b.{zone}"): one(OTHER),
        (zone, f"d.{zone}"): one(),
        ("apex.example.", "apex.example."): one(),
    }
    for number in range(more):
        expected[f"z{number}.example.", f"www.z{number}.example."] = one()
    assert found.owners == expected
    assert "below a delegation" in scan(
        server, "-z", "hidden.example").missing["hidden.example."][0]


@pytest.mark.parametrize("more", [0, 20], ids=["few", "many"])
@needs_any
def test_record_too_long_below_the_apex_has_its_zone_refused(any_server, more):
    server = any_server
    any_zone(server, ZONE, [aname(TARGET), raw(bytes(40000), owner="a"), aname(OTHER, owner="b")])
    any_zone(server, "other.example", [aname(OTHER, owner="b")])
    for number in range(more):
        any_zone(server, f"z{number}.example", [aname(TARGET, owner="www")])
    server.start()
    found = scan(server)
    assert len(found.owners) == 1 + more and not found.errors
    assert found.owners["other.example.", "b.other.example."] == one(OTHER)
    assert "too long" in found.refused[dotted(ZONE)][0]


# Random zones

LABELS = ["a", "b", "C", "*", "d", r"p\.q", r"\000", "xn--bcher-kva", "_s"]


def random_records(chance):
    """Records of a zone: owners with one or both types, delegations, DNAME records, others."""
    records, taken = [], set()
    for _ in range(chance.randrange(25)):
        name = ".".join(chance.choice(LABELS) for _ in range(chance.choice((1, 1, 2, 3))))
        name = chance.choice((name, name, "@"))
        above = {name[i + 1:] for i, char in enumerate(name) if char == "."}
        if (name.lower(), "cut") in taken or any((one.lower(), "d") in taken for one in above):
            continue
        kind = chance.choice(("aname", "aname", "aname", "a", "ns", "dname"))
        if kind == "dname" and not any(
                old[0].endswith("." + name.lower()) for old in taken) and name != "@":
            records.append(f"{name} DNAME elsewhere.example.")
            taken.add((name.lower(), "d"))
        elif kind == "ns" and name != "@" and "*" not in name:
            records.append(f"{name} NS ns.elsewhere.example.")
        elif kind == "a":
            records.append(f"{name} A 192.0.2.{chance.randrange(1, 255)}")
        elif kind == "aname":
            records += random_anames(chance, name, taken)
    return records


def random_anames(chance, name, taken):
    for rrtype in chance.sample((ANAME, ALIAS), chance.choice((1, 1, 2))):
        if (name.lower(), rrtype) in taken:
            continue
        taken.add((name.lower(), rrtype))
        ttl = chance.randrange(1, 9999)
        for _ in range(chance.choice((1, 1, 1, 3))):
            if rrtype == ANAME and chance.random() < 0.1:
                yield raw(chance.randbytes(chance.randrange(20)) + b"\x05", owner=name, ttl=ttl)
                continue
            target = f"t{chance.randrange(9)}.{chance.choice(('x', 'X', 'y'))}.example"
            yield aname(target, owner=name, ttl=ttl, rrtype=rrtype)


def is_hidden(zone, owner):
    """Is it at or below a delegation, or below a DNAME record?"""
    name = owner
    while name != zone.origin:
        if zone.get_rdataset(name, dns.rdatatype.NS):
            return True
        name = name.parent()
        if zone.get_rdataset(name, dns.rdatatype.DNAME):
            return True
    return False


def read_target(rdata):
    """The octets of a record, and its target, if it is one."""
    wire = rdata.to_wire()
    try:
        name, used = dns.name.from_wire(wire, 0)
    except (dns.exception.DNSException, ValueError):
        return wire, None
    # As it is compressed nowhere, it is as long as what it was read from.
    return wire, name if used == len(wire) and len(name.to_wire()) == used else None


def expected_owner(rdatasets):
    """What is to be told of an owner by its records."""
    rrsets, targets, all_good = [], [], True
    for rdataset in rdatasets:
        read_ones = [read_target(rdata) for rdata in rdataset]
        # As a name server keeps them (RFC 4034, 6.3).
        read_ones.sort(key=lambda one: one[0])
        good = [name for _wire, name in read_ones if name is not None]
        exact = all(name is not None and name.to_wire() == name.canonicalize().to_wire()
                    for _wire, name in read_ones)
        rrsets.append(RRset(int(rdataset.rdtype), len(read_ones), exact and all_good))
        all_good = all_good and len(good) == len(read_ones)
        targets += [name.canonicalize() for name in good]
    return min(rdataset.ttl for rdataset in rdatasets), tuple(rrsets), targets


def by_dnspython(path, origin, any_owner):
    """The owners of a zone file and what they have."""
    zone = dns.zone.from_file(path, origin, relativize=False, check_origin=False)
    found = {}
    for owner, node in zone.nodes.items():
        rdatasets = [rdataset for rrtype in (ANAME, ALIAS) for rdataset in node.rdatasets
                     if rdataset.rdtype == rrtype]
        if rdatasets and (owner == zone.origin or any_owner) and not is_hidden(zone, owner):
            found[zone.origin.canonicalize(), owner.canonicalize()] = expected_owner(rdatasets)
    return found


@pytest.mark.limit(120)
def test_random_zones_are_as_an_independent_reader_has_them(any_server):
    """Zones with and without `owners: any`, where there is that."""
    server, seed = any_server, random.randrange(2**32)
    chance = random.Random(seed)
    server.template["semantic-checks"] = "soft" if VERSION >= (3, 3) else False
    kinds = {}
    for number in range(60):
        name = f"z{number}.example"
        kinds[name] = RELEASE >= (3, 3, 5) and chance.random() < 0.6
        server.add_zone(name, random_records(chance),
                        modules=["mod-aname/any"] if kinds[name] else None)
    if RELEASE < (3, 3, 5):
        server.sections = [one for one in server.sections if "owners: any" not in one]
    server.start(ready=[])
    loaded = set(eventually(lambda: loaded_zones(server, len(kinds)), timeout=20,
                            what="all that can be are loaded"))
    assert len(loaded) > 30, f"seed {seed}: {len(loaded)} zones are loaded"
    expected = {}
    for name, any_owner in kinds.items():
        if name in loaded:
            expected |= by_dnspython(server.zone_file(name), name, any_owner)
    found = {
        (dns.name.from_text(zone), dns.name.from_text(owner)):
            (told.ttl, told.rrsets, [dns.name.from_text(target) for target in told.targets])
        for (zone, owner), told in scan(server).owners.items()
    }
    assert found == expected, f"seed {seed}"


def loaded_zones(server, count):
    """Names of those that are loaded; none until each has been tried."""
    lines = server.log_lines(r"\] (loaded|zone file|failed|zone not found)")
    tried = {line.split("[")[1].split(".]")[0] for line in lines}
    assert len(tried) >= count, f"{len(tried)} of {count} zones were tried"
    status = server.knotc("zone-status", "+serial").stdout
    return [line.split("[")[1].split(".]")[0] for line in status.splitlines()
            if "serial: -" not in line]


# Cost


def test_a_scan_that_is_asked_again_finds_the_same(server):
    for number in range(50):
        server.add_zone(f"z{number}.example", [aname(TARGET)])
    server.start()
    first = scan(server)
    for _ in range(3):
        assert scan(server) == first
