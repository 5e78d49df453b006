"""M3: what goes when the ANAME record is gone, and what is somebody else's."""

import os
import signal

import pytest
from harness import (
    A1, A2, A3, AAAA1, ANAME, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, let_pass, siblings,
)
from harness.follow import ALGORITHM, KEY, Follow, key_file, stays, written
from harness.wait import eventually

OTHER = "other.example"


def serve(fleet, authority, *records):
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1])
    fleet.serve([aname(TARGET), *records], kinds=())


def move(fleet, authority):
    """A1 is written, and then A2."""
    authority.set(TARGET, a=[A1])
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    authority.set(TARGET, a=[A2])
    written(fleet.knotd, {A2})
    return follow


def change(knotd, *commands):
    knotd.knotc("zone-begin", ZONE)
    for command in commands:
        knotd.knotc(f"zone-{command[0]}", ZONE, "@", *command[1:])
    knotd.knotc("zone-commit", ZONE)


NO_RECORD = ("unset", f"TYPE{ANAME}")
BY_HAND = {
    "one-of-two": ([("unset", "A", A2)], {A1}),
    "one-more": ([("set", "60", "A", A3)], {A1, A2, A3}),
    "ttl": ([("unset", "A"), ("set", "777", "A", A1), ("set", "777", "A", A2)], {A1, A2}),
    "others": ([("unset", "A"), ("set", "60", "A", A3)], {A3}),
}


@pytest.mark.parametrize("running", [True, False])
@pytest.mark.parametrize("how", BY_HAND)
def test_M3_a_set_that_somebody_has_changed_stays_as_it_is(fleet, authority, how, running):
    """The other family, which is as it was written, goes."""
    commands, left = BY_HAND[how]
    serve(fleet, authority)
    follow = fleet.follow()
    written(fleet.knotd, {A1, A2}, {AAAA1})
    if not running:
        follow.finish()
    change(fleet.knotd, *commands, NO_RECORD)
    if running:
        follow.signal(signal.SIGHUP)
    else:
        follow = fleet.follow(name="again")
    written(fleet.knotd, left, (), timeout=20)
    follow.says(ZONE, "gone", "A records are not what was written")
    follow.signal(signal.SIGHUP)
    stays(fleet.knotd, left, (), seconds=3)
    assert len(follow.lines(ZONE, "gone")) == 1, follow.text()
    # It is forgotten: what happens to be there later is nobody's but the operator's.
    change(fleet.knotd, ("unset", "A"), ("set", "60", "A", A1), ("set", "60", "A", A2))
    follow.signal(signal.SIGHUP)
    stays(fleet.knotd, {A1, A2}, (), seconds=3)


def test_M3_what_was_adopted_comes_only_in_the_place_of_what_was_written(fleet, authority):
    serve(fleet, authority, *siblings())
    follow = fleet.follow("--adopt")
    written(fleet.knotd, {A1, A2}, {AAAA1})
    change(fleet.knotd, ("unset", "A", A2), NO_RECORD)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {A1}, (), timeout=20)
    follow.says(ZONE, "--adopt", SIBLING_A, SIBLING_AAAA, "not put back")
    stays(fleet.knotd, {A1}, (), seconds=3)


def test_M3_what_stays_is_not_taken_for_its_own_after_a_kill(fleet, authority):
    """It is killed when the rest is gone, and that is not noted yet."""
    serve(fleet, authority)
    follow = fleet.follow()
    written(fleet.knotd, {A1, A2}, {AAAA1})
    let_pass(2)
    change(fleet.knotd, ("unset", "A", A2), NO_RECORD)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {A1}, (), timeout=20)
    follow.kill()
    fleet.follow(name="again")
    stays(fleet.knotd, {A1}, (), seconds=5)


@pytest.mark.limit(120)
def test_M3_a_former_set_that_somebody_puts_back_by_hand_stays(fleet, authority):
    """Another TTL than it had tells it from a zone that was restored."""
    follow = move(fleet, authority)
    let_pass(2)
    mark = follow.at()
    change(fleet.knotd, ("unset", "A"), ("set", "300", "A", A1))
    follow.signal(signal.SIGHUP)
    follow.says(ZONE, "somebody else", A1, since=mark, timeout=20)
    stays(fleet.knotd, {A1}, seconds=3)


@pytest.mark.limit(150)
def test_M5_two_that_write_by_turns_are_told_once(fleet, authority):
    """As with a copy of the journal: each takes what the other one writes for its own former set."""
    follow = move(fleet, authority)
    for number in range(1, 5):
        let_pass(2)
        mark = follow.at()
        change(fleet.knotd, ("unset", "A"), ("set", "60", "A", A1))
        follow.signal(signal.SIGHUP)
        written(fleet.knotd, {A2}, timeout=40)
        if number == 3:
            follow.says("again and again", "another 'kaname follow'", "next: ", since=mark)
    assert len(follow.lines("not there any more")) == 2, follow.text()
    assert len(follow.lines("again and again")) == 1, follow.text()


# What is held because updates fail.


@pytest.mark.limit(120)
def test_M3_the_record_goes_and_the_target_moves_before_that_is_found(fleet, authority):
    """The update asks for the record, and fails: what was written goes all the same, and soon."""
    authority.set(TARGET, a=[A1])
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow()
    # The zones are read some 6 and 14 s after the start.
    let_pass(7)
    written(fleet.knotd, {A1})
    change(fleet.knotd, NO_RECORD)
    authority.set(TARGET, a=[A2])
    written(fleet.knotd, (), timeout=20)
    assert not follow.lines(ZONE, "NXRRSET"), follow.text()


@pytest.mark.limit(180)
def test_M3_a_zone_that_goes_while_its_updates_are_refused(fleet, authority):
    """That it is away is noted though nothing is tried for a minute."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.knotd.add_zone(OTHER, [aname(TARGET), *siblings()], zone_options={"acl": KEY})
    fleet.serve([aname(TARGET)], kinds=())
    run(fleet, "--adopt")
    written(fleet.knotd, {A1}, {AAAA1}, zone=OTHER)
    wrong = key_file(fleet.knotd.directory, f"{ALGORITHM}:{KEY}:{'A' * 43}=", "wrong.key")
    follow = fleet.follow(key=wrong)
    # The zones are read some 6, 14 and 30 s after the start.
    let_pass(7)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    follow.says(f"{OTHER}.: ", "BADSIG", timeout=20)
    take_away(fleet)
    let_pass(25)
    follow.finish()
    add_anew(fleet, f"@ 60 IN A {A1}", f"@ 60 IN AAAA {AAAA1}")
    text = run(fleet)
    assert f"{OTHER}.: " in text and "was not in the configuration" in text, text


# A zone that was away.


def away(fleet, authority, *records):
    """A zone with what was written, which is taken from the configuration then; seen by a run."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.knotd.add_zone(OTHER, [aname(TARGET), *records], zone_options={"acl": KEY})
    fleet.serve([aname(TARGET)], kinds=())
    run(fleet, "--adopt")
    written(fleet.knotd, {A1}, {AAAA1}, zone=OTHER)
    return take_away(fleet)


def take_away(fleet):
    knotd = fleet.knotd
    zone = knotd.zones.pop(OTHER)
    knotd.reload()
    knotd.knotc("-f", "zone-purge", OTHER, "+orphan")
    return zone


def run(fleet, *arguments):
    return Follow(fleet.knotd).run("--once", *arguments).stderr


def add_anew(fleet, *records):
    knotd = fleet.knotd
    if os.path.exists(knotd.zone_file(OTHER)):
        os.unlink(knotd.zone_file(OTHER))
    knotd.add_zone(OTHER, list(records), zone_options={"acl": KEY})
    come_back(knotd)


def come_back(knotd):
    knotd.reload()
    eventually(lambda: knotd.loaded(OTHER), what="the zone is loaded")


NEW = {
    "nothing": ([], (), ()),
    "as-it-was": ([f"@ 60 IN A {A1}", f"@ 60 IN AAAA {AAAA1}"], {A1}, {AAAA1}),
    "another-ttl": ([f"@ 300 IN A {A1}", f"@ 300 IN AAAA {AAAA1}"], {A1}, {AAAA1}),
    "one-more": ([f"@ 60 IN A {A1}", f"@ 60 IN A {A3}", f"@ 60 IN AAAA {AAAA1}"], {A1, A3},
                 {AAAA1}),
    "one-family": ([f"@ 60 IN AAAA {AAAA1}"], (), {AAAA1}),
}


@pytest.mark.parametrize("how", NEW)
def test_M3_a_zone_that_is_added_anew_by_somebody_else(fleet, authority, how):
    """Nothing of it goes, and what was adopted in the former one is not put back."""
    records, a, aaaa = NEW[how]
    away(fleet, authority, *siblings())
    run(fleet)
    add_anew(fleet, *records)
    text = run(fleet)
    assert f"{OTHER}.: its ANAME records are gone" in text and "next: " in text, text
    assert f"--adopt noted (A {SIBLING_A}, AAAA {SIBLING_AAAA}) is not put back" in text, text
    stays(fleet.knotd, a, aaaa, zone=OTHER, seconds=1)
    assert OTHER not in run(fleet), "expected it to be forgotten"


def test_M3_a_zone_that_is_added_anew_while_nobody_looks(fleet, authority):
    """It was not seen to be away."""
    away(fleet, authority, *siblings())
    add_anew(fleet, "@ IN TXT text")
    text = run(fleet)
    assert f"--adopt noted (A {SIBLING_A}, AAAA {SIBLING_AAAA}) is not put back" in text, text
    stays(fleet.knotd, (), (), zone=OTHER, seconds=1)


def remove_other(fleet):
    for command in (["zone-begin"], ["zone-unset", "@", f"TYPE{ANAME}"], ["zone-commit"]):
        fleet.knotd.knotc(command[0], OTHER, *command[1:])
    return run(fleet)


def test_M3_a_zone_that_is_added_anew_with_a_record_of_somebody_else(fleet, authority):
    """What was adopted in the former one is not for him, either."""
    authority.set("b.example.net", a=[A2])
    away(fleet, authority, *siblings())
    run(fleet)
    add_anew(fleet, aname("b.example.net"))
    run(fleet)
    written(fleet.knotd, {A2}, zone=OTHER)
    text = remove_other(fleet)
    assert f"--adopt noted (A {SIBLING_A}, AAAA {SIBLING_AAAA}) is not put back" in text, text
    stays(fleet.knotd, (), (), zone=OTHER, seconds=1)


@pytest.mark.parametrize("how", ["another-record", "another-ttl"])
def test_M3_a_zone_that_is_back_and_not_as_it_was(fleet, authority, how):
    """What stands there is left alone, whoever's it is, and is not taken for its own later."""
    ttl, target = (60, "b.example.net") if how == "another-record" else (61, TARGET)
    records = [f"@ {ttl} IN A {A1}", f"@ {ttl} IN AAAA {AAAA1}", aname(target)]
    authority.set("b.example.net", a=[A2])
    away(fleet, authority)
    run(fleet)
    add_anew(fleet, *records)
    text = run_failing(fleet)
    assert f"not known who wrote its addresses (A {A1}, AAAA {AAAA1})" in text, text
    assert "next: remove them" in text, text
    authority.set(TARGET, a=[A3], aaaa=[AAAA1])
    let_pass(2)
    text = run_failing(fleet)
    assert f"somebody else wrote its addresses (A {A1}, AAAA {AAAA1})" in text, text
    remove_other(fleet)
    stays(fleet.knotd, {A1}, {AAAA1}, zone=OTHER, seconds=1)


def run_failing(fleet):
    return Follow(fleet.knotd).run("--once", code=1).stderr


def back_as_it_was(fleet, authority):
    zone = away(fleet, authority, *siblings())
    run(fleet)
    fleet.knotd.zones[OTHER] = zone
    come_back(fleet.knotd)
    run(fleet)
    written(fleet.knotd, {A1}, {AAAA1}, zone=OTHER)


def test_M3_a_zone_that_is_back_as_it_was_goes_on(fleet, authority):
    """But for what was adopted: that is told when the record goes."""
    back_as_it_was(fleet, authority)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    let_pass(2)
    run(fleet)
    written(fleet.knotd, {A2}, {AAAA1}, zone=OTHER)
    text = remove_other(fleet)
    written(fleet.knotd, (), (), zone=OTHER)
    assert f"--adopt noted (A {SIBLING_A}, AAAA {SIBLING_AAAA}) is not put back" in text, text


def test_M3_a_zone_that_is_back_as_it_was_and_loses_its_record(fleet, authority):
    """Nothing was written since: what stands there stays."""
    back_as_it_was(fleet, authority)
    text = remove_other(fleet)
    assert f"(A {A1}, AAAA {AAAA1}) may be somebody else's, and stay" in text, text
    stays(fleet.knotd, {A1}, {AAAA1}, zone=OTHER, seconds=1)
    assert OTHER not in run(fleet), "expected it to be forgotten"


def test_M3_a_zone_that_is_back_without_addresses_goes_on(fleet, authority):
    """What is written then is its own."""
    away(fleet, authority)
    run(fleet)
    add_anew(fleet, aname(TARGET))
    run(fleet)
    written(fleet.knotd, {A1}, {AAAA1}, zone=OTHER)
    remove_other(fleet)
    written(fleet.knotd, (), (), zone=OTHER)
