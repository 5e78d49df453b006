"""What `kaname follow` finds on a knotd, by a program that prints it."""

import os
import subprocess
import typing

from .kaname import BUILD, environment
from .wait import scaled

PROGRAM = os.path.join(BUILD, "tests", "functional", "programs", "follow_scan")


class RRset(typing.NamedTuple):
    """A set of ANAME or ALIAS records: exact where each is known octet by octet."""

    rrtype: int
    count: int
    exact: bool


class Owner(typing.NamedTuple):
    """An owner, as told."""

    ttl: int
    rrsets: tuple
    targets: tuple


class Scan(typing.NamedTuple):
    """All that was told: owners by (zone, owner), (why, next) by zone, sets by (owner, family)."""

    code: int
    owners: dict
    refused: dict
    missing: dict
    there: dict
    loaded: bool
    lines: int
    errors: str


def _rrsets(text):
    for one in text.split(","):
        rrtype, count, how = one.split(":")
        yield RRset(int(rrtype), int(count), how == "good")


def command(server, *options):
    return [PROGRAM, *options, server.socket]


def read(code, output, errors=""):
    """What the program printed; nothing may be told twice."""
    found = Scan(code, {}, {}, {}, {}, "loaded\tyes" in output, output.count("\n"), errors)
    for line in output.splitlines():
        what, *fields = line.split("\t")
        if what == "owner":
            zone, owner, ttl, rrsets, targets = fields
            kind, key = found.owners, (zone, owner)
            value = Owner(int(ttl), tuple(_rrsets(rrsets)), tuple(targets.split()))
        elif what in ("refused", "missing"):
            kind, key, value = getattr(found, what), fields[0], tuple(fields[1:])
        elif what == "there":
            zone, owner, family, ttl, addresses = fields
            kind, key, value = found.there, (owner, family), (int(ttl), addresses.split())
        else:
            continue
        assert key not in kind, f"{what} {key} was told twice:\n{output}"
        kind[key] = value
    return found


def scan(server, *options, code=0, timeout=60.0):
    """Run it; expect this exit code."""
    assert os.path.exists(PROGRAM), f"{PROGRAM} is not there: build it"
    done = subprocess.run(
        command(server, *options),
        env=environment(server.directory),
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(timeout),
    )
    assert done.returncode == code, (
        f"follow_scan {' '.join(options)}: expected exit code {code}, got {done.returncode}:"
        f" {done.stdout[-2000:]}{done.stderr}"
    )
    return read(done.returncode, done.stdout, done.stderr)
