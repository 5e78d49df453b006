"""kaname check of a zone with `owners: any`: records, targets and answers of all its owners."""

import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, TARGET, ZONE, aname, eventually, query, raw, schema, section,
)
from harness.authority import ADDRESS
from harness.knotd import RELEASE
from harness.told import parts, says, says_not

OTHER = "other.example.net"
OLD = RELEASE < (3, 3, 5)

any_owner = pytest.mark.skipif(
    OLD or "owners" not in schema.options(),
    reason="owners: any takes Knot DNS 3.3.5 or later, and a module that has it",
)


def begin(knotd, authority, records, **how):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    knotd.add_zone(ZONE, records, **how)
    knotd.start()


def test_the_cure_is_named_where_they_are_not_followed(knotd, authority, tool):
    authority.set(TARGET, a=[A1])
    knotd.options["resolver"] = ADDRESS
    knotd.add_zone(ZONE, [aname(TARGET), aname(TARGET, owner="www")])
    knotd.start()
    _, found = parts(tool("check", ZONE, code=1).stdout)
    cure = "'owners: any' in the zone's section of mod-aname has them followed"
    says(found, f"below the apex are not followed: www.{ZONE}. ANAME", cure, "or a CNAME")
    assert any("Knot DNS 3.3.5 or later" in line for line in found) == OLD, found


def test_of_a_zone_of_a_catalog_it_is_not_known(knotd, unbound, authority, tool):
    authority.set(TARGET, a=[A1])
    knotd.add_catalog("member.example", [aname(TARGET), aname(TARGET, owner="www")])
    knotd.start(ready=())
    eventually(lambda: knotd.loaded("member.example"), timeout=20)
    lines, found = parts(tool("check", "member.example", code=1 if OLD else 0).stdout)
    says(found if OLD else lines, "www.member.example. ANAME", "'owners: any'")
    says_not(lines if not OLD else [], "BAD")


@any_owner
def test_the_cure_cures(knotd, authority, tool):
    authority.set(TARGET, a=[A1])
    knotd.options["resolver"] = ADDRESS
    knotd.add_zone(ZONE, [aname(TARGET), aname(TARGET, owner="www")])
    knotd.start()
    tool("check", ZONE, code=1)
    assert "warning: " in tool("set", ZONE, TARGET, "--owner", "shop").stderr
    knotd.options["owners"] = "any"
    knotd.reload()
    eventually(lambda: query(f"www.{ZONE}").addresses() == {A1}, what="it is followed")
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "ok", "2 owners other than the apex, with 1 target: 1 resolvable")
    says(lines, "ok", "a client gets answers for 2 owners other than the apex")
    assert lines[-1] == f"{ZONE}. is as it should be"
    assert "warning: " not in tool("set", ZONE, TARGET, "--owner", "shop").stderr


@any_owner
@pytest.mark.parametrize("signed", [False, True], ids=["plain", "signed"])
@pytest.mark.parametrize("apex", [True, False], ids=["apex", "without"])
def test_targets_nobody_asked_for_are_looked_up(knotd, authority, tool, signed, apex):
    """Be there a record at the apex or not, and by a wildcard as well."""
    options = {"dnssec-signing": "on"} if signed else {}
    authority.set(OTHER, a=[A2])
    records = [aname(TARGET, owner="www"), aname(OTHER, owner="*.deep", rrtype=ALIAS)]
    begin(knotd, authority, records + [aname(TARGET)] * apex, zone_options=options)
    if signed:
        eventually(lambda: query(ZONE, "DNSKEY").addresses("DNSKEY"), what="the zone is signed")
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "ok", "2 owners other than the apex, with 2 targets: 2 resolvable")
    says(lines, "ok", "a client gets answers for 2 owners")
    assert any("the apex has no ANAME or ALIAS record" in line for line in lines) == (not apex)
    says_not(lines, "not looked up yet")
    assert query(f"x.deep.{ZONE}").addresses() == {A2}


@any_owner
def test_targets_that_fail_are_named_with_their_owners(knotd, authority, tool):
    authority.fail("dead.example.net")
    authority.set("typo.example.net")
    authority.nxdomain("gone.example.net")
    begin(knotd, authority, [
        aname(TARGET), aname(TARGET, owner="fine"), aname("Dead.example.net", owner="a"),
        aname("dead.example.net", owner="b"), aname("gone.example.net", owner="*.c"),
    ])
    lines, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, f"a.{ZONE}. and 1 more: target dead.example.net. A: cannot be resolved",
         f"kdig @{ADDRESS.split('@')[0]}")
    says(found, f"*.c.{ZONE}.: target gone.example.net. A: does not exist (NXDOMAIN)")
    says(lines, "ok", "a client gets answers for 1 owner other than the apex")
    says_not(found, f"fine.{ZONE}.")
    says(lines, "note", "4 owners other than the apex, with 3 targets: 1 resolvable, 2 not")
    says(lines, "ok", f"target {TARGET}. A: resolvable")


@any_owner
def test_what_is_wrong_with_records_is_told(knotd, authority, tool):
    knotd.options["rrtype"] = "ANAME"
    begin(knotd, authority, [
        aname(TARGET), raw(b"\xc0\x0c", owner="bad"), aname(".", owner="root"),
        aname(f"self.{ZONE}", owner="self"), aname(TARGET, owner="other", rrtype=ALIAS),
        *(aname(f"t{number}.example.net", owner="pool") for number in range(33)),
    ])
    _, found = parts(tool("check", ZONE, code=1, timeout=60).stdout)
    says(found, f"bad.{ZONE}.: the RDATA of a TYPE65305 record is no domain name")
    says(found, f"root.{ZONE}.: the target is the root")
    says(found, f"self.{ZONE}.: the target is the owner itself")
    says(found, f"other.{ZONE}.: the option 'rrtype' does not take TYPE65401")
    says(found, f"pool.{ZONE}. has 33 records, of which only 32 are used")


@any_owner
def test_what_no_client_sees_is_told(knotd, authority, tool):
    begin(knotd, authority, [
        aname(TARGET), "sub NS ns.example.net.", aname(TARGET, owner="sub"),
        aname(TARGET, owner="*.a.sub"), "old DNAME new", aname(TARGET, owner="old"),
        aname(TARGET, owner="x.old.under"),
    ])
    _, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, "below a delegation", f"sub.{ZONE}., *.a.sub.{ZONE}.", "'kaname unset'")
    says_not(found, f"old.{ZONE}.")
    for owner in ("sub", "*.a.sub"):
        tool("unset", ZONE, "--owner", owner)
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "ok", "2 owners other than the apex, with 1 target: 1 resolvable")


@any_owner
def test_the_report_of_a_large_zone_is_short(knotd, authority, tool):
    """More targets than a request to the module takes, and more that are bad than are told."""
    for number in range(60):
        authority.nxdomain(f"bad{number}.example.net")
        authority.set(f"good{number}.example.net", a=[A1])
    begin(knotd, authority, [
        aname(TARGET),
        *(aname(f"bad{number}.example.net", owner=f"b{number}") for number in range(60)),
        *(aname(f"good{number}.example.net", owner=f"g{number}") for number in range(60)),
        *(raw(b"", owner=f"m{number}") for number in range(40)),
    ])
    for number in range(60):
        for owner in ("b", "g"):
            query(f"{owner}{number}.{ZONE}", "A", "tcp")
            query(f"{owner}{number}.{ZONE}", "AAAA", "tcp")
    lines, found = parts(tool("check", ZONE, code=1, timeout=60).stdout)
    says(lines, "160 owners other than the apex, with 120 targets: 60 resolvable, 60 not")
    says(found, "50 more targets of owners other than the apex cannot be resolved")
    says(lines, "30 more records of owners other than the apex have something wrong")
    says(lines, "a client gets answers for ")
    assert len(lines) < 100, "\n".join(lines)


@any_owner
def test_without_a_status_socket_clients_answers_count(knotd, authority, tool):
    knotd.options["status-socket"] = "off"
    begin(knotd, authority, [aname(TARGET), aname(TARGET, owner="www")])
    eventually(lambda: query(f"www.{ZONE}").addresses() == {A1}, what="it is followed")
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "ok", "a client gets answers for 1 owner other than the apex")


@any_owner
def test_another_section_is_another_matter(knotd, authority, tool):
    """The option counts for the zones of its section."""
    authority.set(TARGET, a=[A1])
    knotd.options["resolver"] = ADDRESS
    knotd.sections.append(section("mod-aname", "any", resolver=ADDRESS, owners="any"))
    records = [aname(TARGET), aname(TARGET, owner="www")]
    knotd.add_zone(ZONE, records)
    knotd.add_zone("any.example", records, modules=["mod-aname/any"])
    knotd.start()
    says(parts(tool("check", ZONE, code=1).stdout)[1], "below the apex are not followed")
    lines, _ = parts(tool("check", "any.example").stdout)
    says(lines, "ok", "1 owner other than the apex, with 1 target: 1 resolvable")
