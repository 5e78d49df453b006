"""What kaname follow says: with a cause and a cure that are true, and nothing raw from outside."""

import re
import signal

from harness import A1, TARGET, aname
from harness.follow import Follow, written
from harness.wait import eventually


def serve(fleet, *records, **how):
    fleet.serve([aname(TARGET), *records], kinds=(), **how)


# It is there before it listens.


def test_M5_sighup_does_not_end_it_while_it_starts(fleet, authority):
    """It waits for knotd, and listens to no signal yet."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    fleet.knotd.freeze()
    follow = fleet.follow()
    eventually(lambda: "kaname" in command(follow) and follow.state() == "S")
    follow.signal(signal.SIGHUP)
    fleet.knotd.thaw()
    written(fleet.knotd, {A1})
    follow.finish()


def command(follow):
    with open(f"/proc/{follow.pid}/comm", encoding="ascii") as file:
        return file.read()
