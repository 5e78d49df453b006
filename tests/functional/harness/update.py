"""Dynamic updates as `kaname follow` sends them, through its own code; see ../programs/update.c."""

import os
import subprocess
import typing

from .kaname import BUILD, environment
from .wait import scaled

PROGRAM = os.path.join(BUILD, "tests", "functional", "programs", "follow_update")

SECRET = "c2VjcmV0IG9mIGthbmFtZSBmb2xsb3csIDI1NiBiaXQ="
KEY_NAME = "kaname-follow"
KEY = f"hmac-sha256:{KEY_NAME}:{SECRET}"

ANAME, ALIAS = 65305, 65401


class Updated(typing.NamedTuple):
    """What became of an update."""

    number: int
    outcome: str
    why: str
    next: str


def swap(zone, owner=None, *, ttl=300, a=None, aaaa=None, expect=(), gone=False):
    """The text of an update: a and aaaa are (from, to), or (from, to, True) to replace all; expect
    holds (type, target...); gone: the owner must have neither ANAME nor ALIAS records."""
    words = [f"zone={zone}", f"owner={owner or zone}", f"ttl={ttl}"]
    for name, addresses in (("a", a), ("aaaa", aaaa)):
        if addresses is not None:
            before, after, *replace = addresses
            words.append(f"{name}={','.join(before)}/{','.join(after)}{'!' if replace else ''}")
    words += ["expect=" + ",".join(map(str, one)) for one in expect] + ["gone=yes"] * gone
    return " ".join(words)


def _run(arguments, updates, directory, timeout):
    done = subprocess.run(
        [PROGRAM, *map(str, arguments)], input="".join(f"{one}\n" for one in updates),
        env=environment(directory), capture_output=True, text=True, check=False,
        timeout=scaled(timeout),
    )
    assert done.returncode == 0, f"expected exit code 0, got {done.returncode}: {done.stderr}"
    return done.stdout.splitlines()


def send(address, *updates, directory, key=KEY, timeout=5.0, most=1):
    """Sends them, `most` at once; what became of each, in the order in which they ended."""
    lines = _run((*address, key or "-", int(scaled(timeout) * 1000), most), updates, directory,
                 30 + timeout * len(updates))
    ended = [line.split("\t") for line in lines]
    return [Updated(int(number), outcome, why, what) for number, outcome, why, what in ended]


def wire(*updates, directory, key=None):
    """Their messages."""
    return [bytes.fromhex(line) for line in _run(("hex", key or "-"), updates, directory, 30)]
