"""M2: a set that rotates is not chased."""

import subprocess
import threading
import time

import pytest
from harness import TARGET, aname, let_pass
from harness.authority import Behaviour
from harness.follow import KEY, stands, written
from harness.kaname import KANAME, environment
from harness.secondaries import serial
from harness.wait import SLOW, during, scaled

OVERLAPPING, DISJOINT = "overlapping.example", "disjoint.example"
WATCHED_S = 150
# What a write and the lookup before it may take, and the look that this test takes.
GRACE_S = 3.0 * SLOW


def rotate(authority, stopped):
    """A new set each second: one that keeps an address, and one that keeps none."""
    number = 0
    while not stopped.wait(1.0 if number else 0.0):
        number += 1
        for name, a in ((OVERLAPPING, ["192.0.2.254", f"192.0.2.{number}"]),
                        (DISJOINT, [f"192.0.2.{number}"])):
            authority.behave(f"t.{name}", "A", Behaviour(rdata=tuple(a), ttl=1))
            authority.behave(f"t.{name}", "AAAA", Behaviour(negative_ttl=1))


def gaps(moments):
    return [later - earlier for earlier, later in zip(moments, moments[1:])]


@pytest.mark.slow
@pytest.mark.limit(WATCHED_S + 60)
def test_M2_three_changes_at_once_and_then_pauses_that_double(fleet, authority):
    """But for what shares no address with what is there, which waits for a minute at most."""
    stopped = threading.Event()
    thread = threading.Thread(target=rotate, args=(authority, stopped), daemon=True)
    thread.start()
    try:
        fleet.knotd.add_zone(DISJOINT, [aname(f"t.{DISJOINT}")], zone_options={"acl": KEY})
        fleet.serve([aname(f"t.{OVERLAPPING}")], kinds=(), zone=OVERLAPPING)
        moments = {name: [] for name in (OVERLAPPING, DISJOINT)}
        last = {name: serial(name) for name in moments}
        fleet.follow()
        for _ in during(WATCHED_S, step=0.1):
            for name, seen in moments.items():
                now = serial(name)
                if now != last[name]:
                    assert now == last[name] + 1, f"{name}: serial {last[name]}, then {now}"
                    last[name] = now
                    seen.append(time.monotonic())
    finally:
        stopped.set()
        thread.join()
    check(gaps(moments[OVERLAPPING]), [10, 20, 40, 80])
    check(gaps(moments[DISJOINT]), [10, 20, 40, 60])


def check(found, pauses):
    """The first write is no change; three are made at once, and then come these pauses."""
    text = [round(one, 1) for one in found]
    assert all(one <= GRACE_S for one in found[:3]), f"expected three changes at once, got {text}"
    behind = found[3:]
    assert len(behind) >= 3, f"expected pauses of {pauses}, got {text}"
    for one, pause in zip(behind, pauses):
        assert pause - 0.5 <= one <= pause + GRACE_S, f"expected pauses of {pauses}, got {text}"


@pytest.mark.limit(120)
def test_M2_a_reboot_makes_no_pause_begin_anew(fleet, authority):
    """What was written before it is as old as the wall clock says."""
    sets = [["192.0.2.254", f"192.0.2.{number}"] for number in range(1, 6)]
    authority.set(TARGET, a=sets[0], ttl=1)
    fleet.serve([aname(TARGET)], kinds=())
    follow = fleet.follow()
    for a in sets[:4]:
        authority.set(TARGET, a=a, ttl=1)
        written(fleet.knotd, a)
    follow.finish()
    authority.set(TARGET, a=sets[4], ttl=1)
    let_pass(11)
    # The clock since boot: the pause of ten seconds is over, and longer than the machine runs.
    booted = ["unshare", "--time", "--monotonic", str(2 - int(time.monotonic())), "--fork"]
    done = subprocess.run([*booted, KANAME, *follow.arguments, "--once"], capture_output=True,
                          env=environment(fleet.knotd.directory), text=True, check=False,
                          timeout=scaled(60))
    assert done.returncode == 0, done
    assert stands(fleet.knotd)["A"] == set(sets[4]), done
