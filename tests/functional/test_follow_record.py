"""M1, M2, M3: an ANAME record is changed: it names other targets, or has another TTL."""

import contextlib
import re
import signal
import threading

import pytest
from harness import A1, A2, A3, AAAA1, AAAA2, ANAME, TARGET, VERSION, ZONE, aname, let_pass
from harness.follow import Follow, stays, written
from harness.told_client import module  # noqa: F401
from harness.wait import eventually

OTHER, THIRD = "other.example.org", "third.example.org"


def name(knotd, *targets, ttl=300):
    """Has the record name these."""
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-unset", ZONE, "@", f"TYPE{ANAME}")
    for target in targets:
        rdata = aname(target).split(f"TYPE{ANAME} ", 1)[1]
        knotd.knotc("zone-set", ZONE, "@", str(ttl), f"TYPE{ANAME}", rdata)
    knotd.knotc("zone-commit", ZONE)


class Played:
    """Answers all questions with what it is told to."""

    def __init__(self, module, what):
        self.what, self.peer = what, module.accept()
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while (line := self.peer.line()) is not None:
                self.peer.send(f"set\ttoken={line.split()[1]}\tnext=1\tttl=60\t{self.what}\n")

    def tell(self, what):
        self.what = what
        self.peer.send(f"changed\tname={TARGET}.\n")


def has(a, aaaa=()):
    return "\t".join(
        f"{family}-state=addresses\t{family}={','.join(addresses)}" if addresses
        else f"{family}-state=nodata" for family, addresses in (("a", a), ("aaaa", aaaa)))


# The TTL.


def has_ttl(knotd, ttl):
    if ttl != 300 and VERSION >= (3, 5):
        return  # Of an update that changes a TTL and nothing else Knot 3.5 makes no change.

    def there():
        for rdtype in ("A", "AAAA"):
            text = knotd.knotc("zone-read", ZONE, "@", rdtype).stdout
            found = re.findall(rf" (\d+) (?:IN )?{rdtype} ", text)
            assert found == [str(ttl)], f"expected {rdtype} with TTL {ttl}, got {text}"
        return True

    eventually(there, 15, what=f"the TTL is {ttl}")


@pytest.mark.parametrize("running", [True, False])
def test_M1_another_ttl_of_the_record_is_written(fleet, authority, running):
    """Also where the addresses stay, and where it has changed often; and it goes with the record."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=3600)
    del fleet.knotd.options["ttl-max"]
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow() if running else Follow(fleet.knotd)

    def go():
        if running:
            follow.signal(signal.SIGHUP)
        else:
            follow.run("--once")

    if not running:
        go()
    written(fleet.knotd, {A1}, {AAAA1})
    has_ttl(fleet.knotd, 300)
    for ttl in (120, 600, 61, 62, 300, 63):
        name(fleet.knotd, TARGET, ttl=ttl)
        go()
        has_ttl(fleet.knotd, ttl)
        written(fleet.knotd, {A1}, {AAAA1})
    go()
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=3)
    name(fleet.knotd)
    go()
    written(fleet.knotd, (), ())


# Other targets.


def changed_often(fleet, module):
    """It has had its first changes, and the next one waits."""
    answers = Played(module, has([A1]))
    written(fleet.knotd, {A1})
    for a in ([A1, A2], [A1], [A1, A2]):
        answers.tell(has(a))
        written(fleet.knotd, set(a))
    return answers


def test_M2_a_record_that_names_another_target_does_not_wait(fleet, module):
    """What its target has does, which is said once; and behind it the pauses begin anew."""
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow("-S", module.path)
    answers = changed_often(fleet, module)
    answers.tell(has([A1]))
    line = follow.says(ZONE, "changed often", "not written before")
    assert re.search(r"before \d\d:\d\d:\d\d, in \d+ s", line), line
    written(fleet.knotd, {A1}, timeout=15)
    answers.tell(has([A1, A3]))
    stays(fleet.knotd, {A1}, seconds=3)
    assert len(follow.lines("changed often")) == 2, follow.text()
    # It would wait for 20 seconds.
    name(fleet.knotd, OTHER)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {A1, A3}, timeout=10)
    for a in ([A1], [A1, A2]):
        answers.tell(has(a))
        written(fleet.knotd, set(a))


def test_M2_nor_does_it_from_one_run_to_the_next(fleet, module):
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow("-S", module.path)
    answers = changed_often(fleet, module)
    follow.finish()
    name(fleet.knotd, OTHER)
    again = fleet.follow("-S", module.path, name="again")
    answers = Played(module, has([A1]))
    written(fleet.knotd, {A1}, timeout=8)
    assert not again.lines("changed often"), again.text()


def test_M2_both_families_of_a_target_that_moves_are_one_change(fleet, module):
    """They are looked up one after the other."""
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow("-S", module.path)
    answers = Played(module, has([A1], [AAAA1]))
    written(fleet.knotd, {A1}, {AAAA1})
    before = A1, AAAA1
    for a, aaaa in ((A2, AAAA2), (A1, AAAA1), (A2, AAAA2)):
        answers.tell(has([a], [before[1]]))
        written(fleet.knotd, {a}, {before[1]})
        let_pass(1)
        answers.tell(has([a], [aaaa]))
        written(fleet.knotd, {a}, {aaaa}, timeout=6)
        before = a, aaaa
        let_pass(6)
    assert not follow.lines("changed often"), follow.text()
    answers.tell(has([A1], [AAAA2]))
    follow.says(ZONE, "changed often")


@pytest.mark.parametrize("rdtype", ["A", "AAAA"])
@pytest.mark.parametrize("running", [True, False])
def test_M3_a_former_targets_addresses_do_not_stay_beside_those_of_the_new_one(
        fleet, authority, rdtype, running):
    """A family of it fails; what it has is written when that is known, and stays when it fails then."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set(OTHER, a=[A2], aaaa=[AAAA2])
    authority.fail(OTHER, rdtype)
    fleet.knotd.options["stale-max"] = 1
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    if not running:
        let_pass(2)
        follow.finish()
    name(fleet.knotd, OTHER)
    if running:
        follow.signal(signal.SIGHUP)
    else:
        follow = fleet.follow(name="again")
    written(fleet.knotd, **{"a": {A2}, "aaaa": {AAAA2}, rdtype.lower(): ()}, timeout=20)
    follow.says(ZONE, f"no {rdtype} is known of the targets that it names now")
    authority.set(OTHER, a=[A2], aaaa=[AAAA2])
    written(fleet.knotd, {A2}, {AAAA2}, timeout=20)
    let_pass(2)
    authority.fail(OTHER, rdtype)
    stays(fleet.knotd, {A2}, {AAAA2}, seconds=5)


@pytest.mark.parametrize("before, after", [
    ([TARGET], [TARGET, OTHER]), ([TARGET, OTHER], [TARGET]), ([TARGET, OTHER], [OTHER, THIRD])])
@pytest.mark.parametrize("running", [True, False])
def test_M3_a_family_of_a_target_that_is_still_named_stays_when_it_fails(
        fleet, module, before, after, running):
    """Others are named beside it, or are no more."""
    failed = "aaaa-state=failed\taaaa-why=x"
    fleet.serve([aname(one) for one in before], kinds=())
    follow = fleet.follow("-S", module.path)
    answers = Played(module, has([A1], [AAAA1]))
    written(fleet.knotd, {A1}, {AAAA1})
    if not running:
        let_pass(2)
        follow.finish()
    name(fleet.knotd, *after)
    if running:
        answers.tell(f"{has([A1, A2]).split('aaaa', 1)[0]}{failed}")
        follow.signal(signal.SIGHUP)
    else:
        follow = fleet.follow("-S", module.path, name="again")
        answers = Played(module, f"{has([A1, A2]).split('aaaa', 1)[0]}{failed}")
    written(fleet.knotd, {A1, A2}, {AAAA1})
    stays(fleet.knotd, {A1, A2}, {AAAA1}, seconds=3)
    # The pauses between changes are as ever.
    for a in ([A1], [A1, A2], [A1]):
        answers.tell(f"{has(a).split('aaaa', 1)[0]}{failed}")
        written(fleet.knotd, set(a), {AAAA1}, timeout=20)
    follow.says(ZONE, "changed often")
    assert not follow.lines("no AAAA is known"), follow.text()


def test_M3_nothing_goes_while_nothing_is_known_of_the_new_target(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.fail(OTHER)
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    name(fleet.knotd, OTHER)
    follow.signal(signal.SIGHUP)
    follow.says(ZONE, "no address is known")
    stays(fleet.knotd, {A1}, {AAAA1}, seconds=5)
