"""M4, M5: what an operator does meanwhile: transactions, restarts, reloads, zone files; and what goes
wrong with the journal.
"""

import os
import signal

import pytest
from harness import (
    A1, A2, AAAA1, SIBLING_A, TARGET, ZONE, aname, eventually, let_pass, namespace, query,
)
from harness.follow import KEY, Follow, stays, update, written
from harness.secondaries import serial
from harness.wait import SLOW

pytestmark = pytest.mark.limit(90)
OTHER = "other.example"


def serve(fleet, authority, *records, **how):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.serve([aname(TARGET), *records], kinds=(), **how)


# Transactions.


@pytest.mark.parametrize("end", ["commit", "abort"])
def test_M1_an_open_transaction_is_neither_joined_nor_committed_nor_lost(fleet, authority, end):
    knotd = fleet.knotd
    serve(fleet, authority)
    fleet.follow()
    written(knotd, {A1}, {AAAA1})
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "hand", "300", "TXT", "hand")
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    stays(knotd, {A1}, {AAAA1}, seconds=8)
    diff = [line.split("] ")[1] for line in knotd.knotc("zone-diff", ZONE).stdout.splitlines()
            if "SOA" not in line]
    assert diff == ['+hand.example.com. 300 TXT "hand"'], f"got {diff} in the transaction"
    knotd.knotc(f"zone-{end}", ZONE)
    written(knotd, {A2}, {AAAA1}, timeout=40)
    found = query(f"hand.{ZONE}", "TXT", "tcp").addresses("TXT")
    assert found == ({'"hand"'} if end == "commit" else set()), f"got {found}"


def test_M1_an_open_transaction_holds_up_no_other_zone(fleet, authority):
    """knotd's background worker would wait for its end if it were sent an update."""
    knotd = fleet.knotd
    knotd.server["background-workers"] = 1
    knotd.add_zone(OTHER, [aname("b.example.net")], zone_options={"acl": KEY})
    authority.set("b.example.net", a=[A1])
    serve(fleet, authority)
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1})
    written(knotd, {A1}, zone=OTHER)
    mark = follow.at()
    knotd.knotc("zone-begin", ZONE)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    follow.says(ZONE, "transaction", since=mark, timeout=15)
    authority.set("b.example.net", a=[A2])
    written(knotd, {A2}, zone=OTHER)
    knotd.write_zone("c.example", ["@ IN A 198.51.100.1"])
    message, send = update(OTHER)
    message.add("@", 300, "AAAA", AAAA1)
    assert send() == "NOERROR"
    knotd.knotc("zone-abort", ZONE)
    written(knotd, {A2}, {AAAA1}, timeout=40)


# Restarts and reloads.


@pytest.mark.parametrize("how", ["restart", "kill", "reload", "zone-reload", "zone-purge"])
def test_M5_it_converges_by_itself(fleet, authority, how):
    """The target moves while knotd is away."""
    knotd = fleet.knotd
    serve(fleet, authority)
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1})
    if how in ("restart", "kill"):
        if how == "restart":
            knotd.finish()
        else:
            knotd.kill()
        authority.set(TARGET, a=[A2], aaaa=[AAAA1])
        follow.says("next|again|cannot|not there|socket")
        let_pass(3)
        knotd.start()
    else:
        authority.set(TARGET, a=[A2], aaaa=[AAAA1])
        if how == "reload":
            knotd.knotc("reload")
        elif how == "zone-reload":
            knotd.knotc("-f", "zone-reload", ZONE)
        else:
            # All that was known of it, its journal too; what is in the file is loaded anew.
            knotd.knotc("-b", "-f", "zone-purge", "+journal", ZONE)
            knotd.knotc("-b", "zone-reload", ZONE)
    written(knotd, {A2}, {AAAA1}, timeout=60)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    written(knotd, {A1}, {AAAA1}, timeout=60)
    follow.require()


@pytest.mark.limit(180)
def test_M5_a_backup_of_before_is_restored(fleet, authority):
    """What is there then is what follow itself wrote, before the last time."""
    knotd = fleet.knotd
    serve(fleet, authority)
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1})
    backup = os.path.join(knotd.directory, "backup")
    knotd.knotc("-b", "zone-backup", "+backupdir", backup, ZONE)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(knotd, {A2}, {AAAA1})
    mark = follow.at()
    knotd.knotc("-b", "-f", "zone-restore", "+backupdir", backup, ZONE)
    follow.says("not there any more", since=mark, timeout=90)
    written(knotd, {A2}, {AAAA1}, timeout=60)
    assert not follow.lines("somebody else"), f"expected its own: {follow.text()}"


LOADS = {
    "none": {"zonefile-load": "none", "zonefile-sync": -1, "journal-content": "all"},
    "none-synced": {"zonefile-load": "none", "zonefile-sync": 0, "journal-content": "all"},
    "difference": {"zonefile-load": "difference", "zonefile-sync": -1, "journal-content": "changes"},
    "difference-synced": {"zonefile-load": "difference", "zonefile-sync": 0},
    "difference-no-serial": {"zonefile-load": "difference-no-serial", "zonefile-sync": 0,
                             "journal-content": "all"},
}


@pytest.mark.parametrize("how", LOADS)
def test_M4_M5_a_zone_that_is_loaded_in_another_way(fleet, authority, how):
    """What is written survives a reload and a restart, and comes again where a file takes it away."""
    knotd = fleet.knotd
    knotd.template = {key: None for key in knotd.template}
    knotd.template |= LOADS[how]
    if "none" in how:
        # There is nothing yet that it could be loaded from.
        knotd.template["zonefile-load"] = "difference"
    serve(fleet, authority)
    if "none" in how:
        knotd.template["zonefile-load"] = "none"
        knotd.reload()
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1})
    for _ in range(2):
        knotd.knotc("-b", "-f", "zone-reload", ZONE)
        written(knotd, {A1}, {AAAA1}, timeout=60)
    knotd.finish()
    knotd.start()
    written(knotd, {A1}, {AAAA1}, timeout=60)
    # The operator's own copy of the file, which knows nothing of what was written.
    number = serial() + 10
    knotd.write_zone(ZONE, [aname(TARGET), "new IN TXT text"], serial=number)
    knotd.knotc("-b", "zone-reload", ZONE)
    if "none" not in how:
        eventually(lambda: query(f"new.{ZONE}", "TXT").addresses("TXT"), what="the file is loaded")
    written(knotd, {A1}, {AAAA1}, timeout=90)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(knotd, {A2}, {AAAA1}, timeout=60)
    follow.require()
    bad = [line for line in knotd.log_lines("error:") if "notify" not in line]
    assert not bad, f"knotd says {bad}"


def test_M3_what_was_adopted_is_replaced_again_where_a_file_brings_it_back(fleet, authority):
    """The file stays the operator's. Where the record goes from it the addresses in it stay."""
    knotd = fleet.knotd
    knotd.template = {key: None for key in knotd.template}
    knotd.template |= LOADS["difference"]
    serve(fleet, authority, f"@ 300 IN A {SIBLING_A}")
    Follow(knotd).run("--once", "--adopt")
    written(knotd, {A1}, {AAAA1})
    follow = fleet.follow()
    let_pass(3)  # What was written a moment ago is not compared.
    load_edited(knotd, follow, aname(TARGET), f"@ 300 IN A {SIBLING_A}", "new IN TXT text")
    written(knotd, {A1}, {AAAA1}, timeout=20)
    assert not follow.lines("somebody else"), follow.text()
    let_pass(3)
    load_edited(knotd, follow, f"@ 300 IN A {SIBLING_A}")
    stays(knotd, {SIBLING_A}, (), seconds=4)
    assert not follow.lines("ANAME records are gone"), follow.text()
    # It is forgotten: it is the operator's.
    load_edited(knotd, follow, aname(TARGET), f"@ 300 IN A {SIBLING_A}")
    follow.says(ZONE, "somebody else", SIBLING_A)


def load_edited(knotd, follow, *records):
    knotd.write_zone(ZONE, list(records), serial=serial() + 10)
    knotd.knotc("-b", "zone-reload", ZONE)
    follow.signal(signal.SIGHUP)


def test_M3_a_zone_that_is_gone_for_a_while(fleet, authority):
    """Taken from the configuration and put back."""
    knotd = fleet.knotd
    knotd.add_zone(OTHER, [aname(TARGET)], zone_options={"acl": KEY})
    serve(fleet, authority)
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1}, zone=OTHER)
    zone = knotd.zones.pop(OTHER)
    knotd.reload()
    follow.signal(signal.SIGHUP)
    let_pass(2)
    knotd.zones[OTHER] = zone
    knotd.reload()
    follow.signal(signal.SIGHUP)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(knotd, {A2}, {AAAA1}, zone=OTHER, timeout=20)
    written(knotd, {A2}, {AAAA1})


def test_M1_a_zone_that_is_still_being_loaded_is_found_soon(fleet, authority):
    """SIGHUP comes right behind `knotc reload`, which loads the zone in the background."""
    knotd = fleet.knotd
    serve(fleet, authority)
    follow = fleet.follow()
    written(knotd, {A1}, {AAAA1})
    many = [f"n{number} A 198.51.100.1" for number in range(60000)]
    knotd.add_zone(OTHER, [aname(TARGET), *many], zone_options={"acl": KEY})
    knotd.reload()
    follow.signal(signal.SIGHUP)
    written(knotd, {A1}, {AAAA1}, zone=OTHER, timeout=30)


# Two of them, and a journal that fails.


def test_M5_a_second_one_with_the_same_journal_refuses(fleet, authority):
    serve(fleet, authority)
    first = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    for arguments in ((), ("--once",)):
        done = Follow(fleet.knotd).run(*arguments, code=3)
        assert "journal" in done.stderr and "next: " in done.stderr, done.stderr
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(fleet.knotd, {A2}, {AAAA1})
    first.kill()
    fleet.follow(name="second")
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    written(fleet.knotd, {A1}, {AAAA1}, timeout=20)


def test_M5_a_journal_on_a_full_disk(fleet, authority):
    """It is told with the cure, nothing is written that is not noted, and it goes on by itself."""
    knotd = fleet.knotd
    knotd.add_zone(OTHER, [aname("b.example.net")], zone_options={"acl": KEY})
    authority.set("b.example.net", a=[A1])
    serve(fleet, authority)
    journal = os.path.join(knotd.directory, "small")
    os.mkdir(journal)
    namespace.mount_tmpfs(journal, "128k")
    try:
        follow = fleet.follow(journal=journal)
        written(knotd, {A1}, {AAAA1})
        written(knotd, {A1}, zone=OTHER)
        filler = os.path.join(journal, "filler")
        fill(filler)
        mark = follow.at()
        busy = follow.busy_s()
        # More than fits into the free pages that an LMDB keeps.
        authority.set("b.example.net", a=[f"192.0.2.{number}" for number in range(1, 31)],
                      aaaa=[f"2001:db8::{number:x}" for number in range(1, 31)])
        authority.set(TARGET, a=[A2], aaaa=[AAAA1])
        let_pass(5)
        if not follow.lines("journal", since=mark):
            pytest.skip("the journal found room")
        follow.says("next: .*disk", since=mark)
        assert follow.busy_s() - busy < 1 * SLOW, "expected it to wait"
        let_pass(10)
        found = follow.lines("journal cannot be used", since=mark)
        assert len(found) == 1, f"expected it to be said once, got {found}"
        os.unlink(filler)
        written(knotd, {A2}, {AAAA1}, timeout=60)
        follow.says("journal can be written again", since=mark)
        follow.finish()
    finally:
        namespace.put_back(journal)


def fill(path):
    """A file with all the room that there is."""
    with open(path, "wb", buffering=0) as file:
        for size in (4096, 512, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                pass


def test_M5_a_journal_that_is_none(fleet, authority):
    """A directory that is not there and cannot be made, and a file in its place."""
    serve(fleet, authority)
    path = os.path.join(fleet.knotd.directory, "a-file")
    with open(path, "w", encoding="ascii") as file:
        file.write("text")
    follow = Follow(fleet.knotd)
    for journal in (path, "/proc/nowhere"):
        follow.arguments[follow.arguments.index("--journal") + 1] = journal
        done = follow.run("--once", code=3)
        assert journal in done.stderr and "next: " in done.stderr, done.stderr


def test_M5_a_journal_that_is_lost(fleet, authority):
    """What stands there is somebody else's then, as soon as it is to be another set."""
    serve(fleet, authority)
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    follow.finish()
    again = fleet.follow(journal=os.path.join(fleet.knotd.directory, "another"), name="again")
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=2)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    again.says(ZONE, "somebody else", A1)
    again.says("next: .*--adopt")
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=2)
