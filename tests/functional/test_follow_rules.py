"""M2, M3, M4: what kaname follow writes, and when; what it leaves alone."""

import os
import re
import signal
import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ANAME, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, known, let_pass,
    query, section, siblings,
)
from harness.follow import (
    ALGORITHM, KEPT, KEY, Follow, key_file, permit, stands, stays, update, written,
)
from harness.owners import needs_any
from harness.secondaries import serial
from harness.wait import eventually, scaled

OTHER = "other.example.org"


def serve(fleet, *records, **how):
    fleet.serve([aname(TARGET), *records], kinds=(), **how)


def change(knotd, *commands, zone=ZONE):
    """Changes records of a zone as an operator does."""
    knotd.knotc("zone-begin", zone)
    for command in commands:
        knotd.knotc(f"zone-{command[0]}", zone, *command[1:])
    knotd.knotc("zone-commit", zone)


NO_RECORD = ("unset", "@", f"TYPE{ANAME}")


def record(target):
    return ("set", "@", "300", f"TYPE{ANAME}", aname(target).split(f"TYPE{ANAME} ", 1)[1])


# M3: NODATA and failure.


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
def test_M3_a_family_that_goes_while_the_other_stands_goes_at_once(fleet, authority, rdtype):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    left = {"a": [A1], "aaaa": [AAAA1], rdtype.lower(): []}
    authority.set(TARGET, **left)
    written(fleet.knotd, **left)


def failing(authority, how):
    if how == "servfail":
        authority.fail(TARGET)
    elif how == "silence":
        authority.drop(TARGET)
    elif how == "nxdomain":
        authority.nxdomain(TARGET)
    else:
        # A family that goes while the other one stands would go at once.
        authority.nxdomain(TARGET, negative_ttl=1)
        let_pass(3)
        authority.set(TARGET, negative_ttl=1)


@pytest.mark.parametrize("how", ["servfail", "silence", "nxdomain", "nodata"])
def test_M3_a_failure_changes_nothing(fleet, authority, how):
    """Nor does NODATA of both at first; what takes longer is in test_follow_real_time.py."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.knotd.options |= {"stale-max": 1, "timeout": 300}
    serve(fleet)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    failing(authority, how)
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=6)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(fleet.knotd, {A2}, {AAAA1}, timeout=20)


@pytest.mark.limit(120)
def test_M3_when_what_is_written_goes_is_said(fleet, authority):
    """Once for each time that the target loses its addresses; and by a dry run, too."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=1)
    fleet.knotd.options["stale-max"] = 1
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    pattern = r"no address any more \(NXDOMAIN\): what is written goes at (\d\d):(\d\d):(\d\d)"

    def due(text):
        hour, minute, second = map(int, re.search(pattern, text).groups())
        now = time.localtime()
        passed = (now.tm_hour * 60 + now.tm_min) * 60 + now.tm_sec
        return ((hour * 60 + minute) * 60 + second - passed) % 86400

    authority.nxdomain(TARGET, negative_ttl=1)
    wait_s = due(follow.says(ZONE, pattern))
    assert 540 <= wait_s <= 601, f"expected some ten minutes, got {wait_s} s"
    let_pass(5)
    lines = Follow(fleet.knotd).run("--dry-run").stderr.splitlines()
    assert len(lines) == 1 and ZONE in lines[0], lines
    assert abs(due(lines[0]) - due(follow.says(ZONE, pattern))) <= 2, lines
    assert len(follow.lines("any more")) == 1, follow.text()
    mark = follow.at()
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=1)
    let_pass(4)
    authority.nxdomain(TARGET, negative_ttl=1)
    follow.says(ZONE, pattern, since=mark)
    let_pass(2)
    assert len(follow.lines("any more")) == 2, follow.text()


def test_M3_a_family_that_fails_stays_while_the_other_one_changes(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.knotd.options["stale-max"] = 1
    serve(fleet)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    authority.set(TARGET, a=[A2])
    authority.fail(TARGET, "AAAA")
    written(fleet.knotd, {A2}, {AAAA1})
    stays(fleet.knotd, {A2}, {AAAA1}, seconds=4)


def test_M3_a_target_that_returns(fleet, authority):
    """One family is known before the other one: it does not take that with it."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=1)
    fleet.knotd.options["stale-max"] = 1
    serve(fleet)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    number = serial()
    for _ in range(4):
        authority.nxdomain(TARGET, negative_ttl=2)
        let_pass(4)
        # The lookups of the two families are seldom due at the same moment.
        authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=1)
        let_pass(3)
    assert stands(fleet.knotd) == {"A": {A1}, "AAAA": {AAAA1}}
    assert serial() == number, f"expected nothing to be written, got serial {serial()}"


def test_M3_nothing_is_written_for_a_target_that_never_was(fleet, authority):
    authority.nxdomain(TARGET)
    serve(fleet)
    fleet.follow()
    stays(fleet.knotd, (), (), seconds=4)


# M3: the ANAME goes, or names another target.


def test_M3_with_the_record_goes_what_was_written(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet, "www IN A 198.51.100.80")
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    change(fleet.knotd, NO_RECORD)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, (), ())
    assert stands(fleet.knotd, owner="www")["A"] == {"198.51.100.80"}
    change(fleet.knotd, record(TARGET))
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {A1}, {AAAA1}, timeout=20)


@pytest.mark.limit(120)
def test_M1_that_it_is_gone_is_found_within_a_minute(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    change(fleet.knotd, NO_RECORD)
    written(fleet.knotd, (), (), timeout=70)


def test_M3_it_goes_while_nobody_looks(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    follow.finish()
    change(fleet.knotd, NO_RECORD)
    fleet.follow(name="again")
    written(fleet.knotd, (), ())


@pytest.mark.parametrize("rdtype, address", [("A", SIBLING_A), ("AAAA", SIBLING_AAAA)])
def test_M3_one_address_by_hand_is_enough_to_leave_an_owner_alone(fleet, authority, rdtype, address):
    """Also of the family that the target does not have."""
    authority.set(TARGET, a=[A1])
    serve(fleet, f"@ 300 IN {rdtype} {address}")
    follow = fleet.follow()
    follow.says(ZONE, "somebody else", address)
    follow.says("next: .*--adopt")
    stays(fleet.knotd, **{"a": (), "aaaa": (), rdtype.lower(): {address}})


def test_M3_an_address_by_hand_that_is_the_targets_is_not_taken_for_its_own(fleet, authority):
    """It stays when the target moves, and when the record goes."""
    authority.set(TARGET, a=[A1])
    serve(fleet, f"@ 300 IN A {A1}")
    known()
    follow = fleet.follow()
    stays(fleet.knotd, {A1}, seconds=3)
    authority.set(TARGET, a=[A2])
    follow.says(ZONE, "somebody else", A1)
    stays(fleet.knotd, {A1}, seconds=2)
    change(fleet.knotd, NO_RECORD)
    follow.signal(signal.SIGHUP)
    stays(fleet.knotd, {A1}, seconds=3)


def test_M3_what_somebody_else_puts_in_place_of_what_was_written_stays(fleet, authority):
    authority.set(TARGET, a=[A1])
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    mark = follow.at()
    change(fleet.knotd, ("unset", "@", "A"), ("set", "@", "300", "A", SIBLING_A))
    authority.set(TARGET, a=[A2])
    follow.says(ZONE, "somebody else", since=mark, timeout=15)
    stays(fleet.knotd, {SIBLING_A})


def test_M3_adopted_addresses_are_put_back_by_a_later_run(fleet, authority):
    """With the TTL that they had, also if it does not adopt any more."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet, *siblings(ttl=777))
    follow = fleet.follow("--adopt")
    written(fleet.knotd, {A1}, {AAAA1})
    follow.says(ZONE, SIBLING_A, "noted")
    follow.finish()
    change(fleet.knotd, NO_RECORD)
    fleet.follow(name="again")
    written(fleet.knotd, {SIBLING_A}, {SIBLING_AAAA})
    found = fleet.knotd.knotc("zone-read", ZONE, "@", "A").stdout
    assert " 777 " in found, f"expected the TTL that it had, got {found}"


def test_M3_once_adopts_and_writes_in_one_run(fleet, authority):
    authority.set(TARGET, a=[A1])
    serve(fleet, *siblings())
    done = Follow(fleet.knotd).run("--once", "--adopt")
    assert "noted, and replaced" in done.stderr, done.stderr
    assert stands(fleet.knotd) == {"A": {A1}, "AAAA": set()}, done.stderr


def test_M3_adopted_addresses_that_are_those_of_the_target(fleet, authority):
    authority.set(TARGET, a=[A1])
    serve(fleet, f"@ 300 IN A {A1}")
    follow = fleet.follow("--adopt")
    follow.says(ZONE, A1)
    authority.set(TARGET, a=[A2])
    written(fleet.knotd, {A2})
    change(fleet.knotd, NO_RECORD)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {A1})


def test_M1_another_target(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set(OTHER, a=[A2, A3], aaaa=[AAAA2])
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    change(fleet.knotd, NO_RECORD, record(OTHER))
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {A2, A3}, {AAAA2})


def test_M1_the_ttl_is_that_of_the_source(fleet, authority):
    """The lesser of the ANAME's and the target's, as far as the module's options let it."""
    authority.set(TARGET, a=[A1], ttl=77)
    del fleet.knotd.options["ttl-max"]
    serve(fleet)
    fleet.follow()
    written(fleet.knotd, {A1})
    found = fleet.knotd.knotc("zone-read", ZONE, "@", "A").stdout
    assert " 77 A" in found, f"expected a TTL of 77, got {found}"


# M4


REFUSED = {
    "whole": {"zonefile-load": "whole"},
    "by-default": {"zonefile-load": None},
    "no-serial-without-sync": {"zonefile-load": "difference-no-serial", "zonefile-sync": -1},
}


@pytest.mark.parametrize("how", REFUSED)
def test_M4_a_zone_whose_file_would_take_it_away_is_refused(fleet, authority, how):
    """And others of the same server are followed."""
    authority.set(TARGET, a=[A1])
    fleet.knotd.template.pop("zonefile-load")
    fleet.knotd.add_zone("bad.example", [aname(TARGET)], zone_options={
        **REFUSED[how], "acl": KEY})
    serve(fleet, zone_options=KEPT)
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    follow.says("bad.example", "zonefile-load")
    follow.says("next: ")
    stays(fleet.knotd, (), zone="bad.example", seconds=2)
    count = len(follow.lines("bad.example"))
    follow.signal(signal.SIGHUP)
    let_pass(2)
    assert len(follow.lines("bad.example")) == count, f"it is told again: {follow.text()}"


def test_M4_a_zone_that_is_transferred_is_refused(fleet, authority, primary):
    authority.set(TARGET, a=[A1])
    primary.add_zone("bad.example", [aname(TARGET)], zone_options={"acl": "all"})
    primary.start(ready=())
    fleet.knotd.sections.append(section("remote", "primary", address="127.0.0.9@5300"))
    fleet.knotd.add_zone("bad.example", zone_options={"master": "primary", "acl": KEY})
    os.unlink(fleet.knotd.zone_file("bad.example"))
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    follow.says("bad.example", "master|transferred")
    follow.says("next: .*--primary")
    stays(fleet.knotd, (), zone="bad.example", seconds=2)


# The command.


def test_M2_once_says_that_an_owner_waits(fleet, authority):
    """The pauses go on from one run to the next, and nothing else would tell why it is not written."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    once = Follow(fleet.knotd)
    once.run("--once")
    for address in (A2, A1, A2):
        authority.set(TARGET, a=[address])
        let_pass(2)
        once.run("--once")
    authority.set(TARGET, a=[A1])
    let_pass(2)
    for option in ("--once", "--dry-run"):
        done = once.run(option, code=1)
        assert re.search(rf"{ZONE}\.: it has changed often, .* \d+ s ", done.stderr), done.stderr
    done = once.run("--once", "--quiet", code=1)
    assert "changed often" in done.stderr, done.stderr


def test_M1_once_writes_and_ends(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet)
    once = Follow(fleet.knotd)
    once.run("--once")
    assert stands(fleet.knotd) == {"A": {A1}, "AAAA": {AAAA1}}
    before = serial()
    once.run("--once")
    assert serial() == before, "expected nothing to be written the second time"
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    let_pass(2)
    once.run("--once")
    assert stands(fleet.knotd) == {"A": {A2}, "AAAA": {AAAA1}}


def test_M1_once_says_by_its_exit_code_what_is_not_in_step(fleet, authority):
    authority.fail(TARGET)
    serve(fleet)
    done = Follow(fleet.knotd).run("--once", code=1)
    assert f"{ZONE}.: no address is known" in done.stderr, done.stderr
    assert "1 of 1 owners are not in step" in done.stderr, done.stderr
    fleet.knotd.finish()
    Follow(fleet.knotd).run("--once", code=3)


def test_M1_dry_run_says_what_it_would_write_and_writes_nothing(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet)
    before = serial()
    done = Follow(fleet.knotd).run("--dry-run", code=(0, 1))
    assert re.search(rf"{ZONE}.*{A1}.*{AAAA1}", done.stdout + done.stderr), done
    assert stands(fleet.knotd) == {"A": set(), "AAAA": set()} and serial() == before


def zones_of(fleet, count, **options):
    """So many zones more, with targets of their own."""
    names = [f"z{number}.example" for number in range(count)]
    for name in names:
        fleet.knotd.add_zone(name, [aname(f"{name}.targets.example")],
                             zone_options={"acl": KEY, **options})
    return names


def test_M1_only_the_zones_that_are_named(fleet, authority):
    authority.set("*.targets.example", a=[A1])
    authority.set(TARGET, a=[A1])
    zones_of(fleet, 4)
    serve(fleet)
    fleet.follow("z1.example", "z2.EXAMPLE.")
    written(fleet.knotd, {A1}, zone="z1.example")
    written(fleet.knotd, {A1}, zone="z2.example")
    stays(fleet.knotd, (), zone="z0.example", seconds=2)
    assert stands(fleet.knotd)["A"] == set()


def test_M1_a_zone_that_comes_is_found_by_sighup(fleet, authority):
    authority.set("*.targets.example", a=[A1])
    authority.set(TARGET, a=[A1])
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    zones_of(fleet, 3)
    fleet.knotd.reload()
    eventually(lambda: fleet.knotd.loaded("z2.example"))
    follow.signal(signal.SIGHUP)
    for number in range(3):
        written(fleet.knotd, {A1}, zone=f"z{number}.example")


def test_M1_the_members_of_a_catalog(fleet, authority):
    authority.set("*.targets.example", a=[A1])
    knotd = fleet.knotd
    knotd.write_zone("member.example", [aname("member.targets.example")])
    permit(knotd)
    knotd.sections.append(section("template", "member", storage=knotd.zone_directory,
                                  file="%s.zone", module=knotd.aname, acl=KEY, **KEPT))
    knotd.add_zone("catalog.invalid", ["version 0 TXT 2", "one.zones 0 PTR member.example."],
                   modules=[], zone_options={"catalog-role": "interpret",
                                             "catalog-template": "member"})
    authority.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options={"acl": KEY})
    knotd.start(ready=[ZONE])
    eventually(lambda: knotd.loaded("member.example"))
    fleet.follow("--catalog", "catalog.invalid")
    written(knotd, {A1}, zone="member.example")
    stays(knotd, (), seconds=2)


@pytest.mark.limit(120)
def test_M1_200_zones(fleet, authority):
    """All are written, and when they move all together all are again."""
    authority.set("*.targets.example", a=[A1], aaaa=[AAAA1])
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    names = zones_of(fleet, 200)
    serve(fleet)
    fleet.follow()

    def all_have(a):
        text = fleet.knotd.knotc("zone-read", "--", "@", "A").stdout
        found = re.findall(r"^\[(\S+)\.\] \S+ \d+ (?:IN )?A (\S+)$", text, re.MULTILINE)
        return sorted(found) == sorted((name, a) for name in [*names, ZONE])

    eventually(lambda: all_have(A1), timeout=40, step=0.5, what="all have the first")
    authority.set("*.targets.example", a=[A2], aaaa=[AAAA1])
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    eventually(lambda: all_have(A2), timeout=40, step=0.5, what="all have the second")
    numbers = {serial(name) for name in names}
    assert numbers == {3}, f"expected each to be written twice, got serials {numbers}"


@needs_any
def test_M1_any_owner(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd = fleet.knotd
    knotd.options["owners"] = "any"
    knotd.template |= KEPT
    knotd.add_zone("any.example", [
        aname(TARGET), aname(TARGET, owner="shop"), aname(TARGET, owner="*.w"),
        "cut IN NS ns.elsewhere.example.", aname(TARGET, owner="under.cut"),
    ], zone_options={"acl": permit(knotd, below=True)})
    knotd.start()
    fleet.follow()
    for owner in ("@", "shop", "*.w"):
        written(knotd, {A1}, {AAAA1}, zone="any.example", owner=owner)
    stays(knotd, (), zone="any.example", owner="under.cut", seconds=2)
    query("x.w.any.example", "A").expect(a={A1})


# Who may not.


def quiet(follow, fleet, seconds=5.0):
    """It does not try again and again."""
    busy, tried = follow.busy_s(), len(fleet.knotd.log_lines("DDNS|ACL|TSIG"))
    let_pass(seconds)
    assert follow.busy_s() - busy < 0.1 * seconds, "expected it to wait"
    more = len(fleet.knotd.log_lines("DDNS|ACL|TSIG")) - tried
    assert more <= 3, f"expected it to wait, got {more} updates in {seconds} s"


@pytest.mark.parametrize("what", ["secret", "name", "algorithm"])
def test_M1_another_key_than_the_servers_is_told_with_the_cure(fleet, authority, what):
    authority.set(TARGET, a=[A1])
    serve(fleet)
    secret = "b3RoZXIgc2VjcmV0cyBhcmUga25vd24gdG8gb3RoZXJz"
    text = {"secret": f"{ALGORITHM}:{KEY}:{secret}", "name": f"{ALGORITHM}:other:{secret}",
            "algorithm": f"hmac-sha512:{KEY}:{secret}"}[what]
    follow = fleet.follow(key=key_file(fleet.knotd.directory, text, "other.key"))
    follow.says("key|TSIG|signature")
    follow.says("next: ")
    quiet(follow, fleet)
    stays(fleet.knotd, (), seconds=0.5)


def wrong_key(fleet):
    return key_file(fleet.knotd.directory, f"{ALGORITHM}:{KEY}:{'A' * 43}=", "wrong.key")


def test_M1_what_to_do_about_a_key_is_told_once_in_full(fleet, authority):
    """However many owners it is for; with --once it ends then: nothing would be tried in time."""
    authority.set(TARGET, a=[A1])
    names = [f"z{number}.example" for number in range(4)]
    for name in names:
        fleet.knotd.add_zone(name, [aname(TARGET)], zone_options={"acl": [KEY]})
    serve(fleet)
    for name in (ZONE, *names):
        known(name)
    begin = time.monotonic()
    done = Follow(fleet.knotd, key=wrong_key(fleet)).run("--once", code=1)
    passed_s = time.monotonic() - begin
    assert passed_s < scaled(15), f"expected it to end when it is refused, got {passed_s} s"
    lines = [line for line in done.stderr.splitlines() if "BADSIG" in line]
    assert len(lines) == 1 + len(names), done.stderr
    full = [line for line in lines if "next: compare name, algorithm and secret" in line]
    short = [line for line in lines if line.endswith("next: as for the one before")]
    assert len(full) == 1 and len(short) == len(names), done.stderr


@pytest.mark.limit(120)
def test_M1_an_acl_that_is_missing_is_told_with_the_cure(fleet, authority):
    authority.set(TARGET, a=[A1])
    serve(fleet, zone_options={"acl": None})
    follow = fleet.follow()
    follow.says(ZONE, "refuse|acl|not allowed|may not")
    follow.says("next: .*acl")
    quiet(follow, fleet)
    # It notices by itself that it may, within a minute.
    fleet.knotd.zones[ZONE].options["acl"] = KEY
    fleet.knotd.reload()
    written(fleet.knotd, {A1}, timeout=75)


def test_M1_a_key_file_that_is_none(fleet, authority):
    authority.set(TARGET, a=[A1])
    serve(fleet)
    for text in ("", "nonsense", f"{ALGORITHM}:{KEY}:not base64!"):
        key = key_file(fleet.knotd.directory, text, "bad.key")
        done = Follow(fleet.knotd, key=key).run("--once", code=1)
        assert "next: " in done.stderr, done.stderr
    done = Follow(fleet.knotd, key="/nowhere/follow.key").run("--once", code=3)
    assert "/nowhere/follow.key" in done.stderr, done.stderr


def test_M1_setup_prints_what_it_needs(fleet, authority):
    """What it prints for knot.conf stands there as it is, and its last line is the key file."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd = fleet.knotd
    knotd.add_zone(ZONE, [aname(TARGET), "under IN A 198.51.100.80"])
    knotd.start()
    texts = [Follow(knotd).run("--setup").stdout for _ in range(2)]
    assert texts[0] != texts[1], "expected another secret each time"
    text = texts[0]
    key = re.search(rf"^#\s+({ALGORITHM}:{KEY}:\S+)$", text, re.MULTILINE)[1]
    assert "acl: [kaname-follow]" in text, f"expected where to name it, got {text}"
    knotd.sections.append(text)
    knotd.zones[ZONE].options["acl"] = KEY
    knotd.reload()
    path = key_file(knotd.directory, key, "printed.key")
    fleet.follow(key=path)
    written(knotd, {A1}, {AAAA1})
    # And it gives nothing else: neither another type nor another owner.
    secret = key.rpartition(":")[2]
    for name, rdtype, rdata in (("@", "TXT", "text"), ("@", f"TYPE{ANAME}", "\\# 1 00"),
                                ("new", "A", A1), ("under", "AAAA", AAAA1)):
        message, send = update(secret=secret)
        message.add(name, 300, rdtype, rdata)
        assert send() in ("REFUSED", "NOTAUTH"), f"expected {name} {rdtype} to be refused"
    message, send = update(secret=secret)
    message.delete("under")
    assert send() in ("REFUSED", "NOTAUTH")
    assert stands(knotd, owner="under")["A"] == {"198.51.100.80"}
