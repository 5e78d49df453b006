"""kaname follow: what it takes to write, and at rest.

The measure is a bare loop of the same updates (updates.c): it knows all of them beforehand, and sends
as many at once as follow does. Both write into zones of one knotd, by turns, and both wait for its
disk.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time

import measure

TARGET = "cdn.example.net"
# Updates on their way at once, of both.
MOST = 32
MOVES = 3
MODES = ("robust", "asynchronous")
# On the disk and not in memory, since that is what an update waits for.
DISK = "/var/tmp"


def address(number):
    """What the target has after so many moves: nothing that it had before."""
    return [f"192.0.2.{2 * number + 1}", f"192.0.2.{2 * number + 2}"]


class World:
    """A knotd with so many zones that follow writes, and as many for the bare loop.

    signed: Knot signs all of them; mode: how its journal is written; each: each has a target of its own
    """

    def __init__(self, bench, count, *, signed=False, mode="robust", bare=True, each=False):
        from harness.authority import ADDRESS
        from harness.follow import Follow, key_file, permit
        from harness.knotd import section
        self.bench, self.count, self.each = bench, count, each
        self.addresses = address(0)
        bench.fresh()
        self.directory = tempfile.mkdtemp(prefix="bench-", dir=DISK)
        for target in {self.target(name) for name in self.names()}:
            bench.authority.set(target, a=address(0), ttl=86400)
        knotd = self.knotd = bench.new_knotd()
        knotd.options = {"resolver": ADDRESS}
        if each:
            knotd.options |= {"max-targets": 2 * count, "lookup-rate": 20000}
        knotd.database = {"storage": self.directory, "journal-db-mode": mode,
                          "kasp-db-max-size": "500M", "journal-db-max-size": "50G"}
        knotd.template = {"zonefile-load": "difference", "journal-content": "changes",
                          "acl": permit(knotd), "dnssec-signing": signed}
        self.follow = lambda *more: self._follow(Follow, key_file, *more)
        self._add("f", [knotd.aname])
        if bare:
            self._add("b", [])

    def _add(self, prefix, modules):
        from harness.knotd import Zone
        from harness.zone import aname, zone_text
        for name in self.names(prefix):
            with open(self.knotd.zone_file(name), "w", encoding="ascii") as file:
                file.write(zone_text(name, [aname(self.target(name), ttl=86400)]))
            self.knotd.zones[name] = Zone(modules, {})

    def target(self, name):
        return f"{name}.{TARGET}" if self.each else TARGET

    def names(self, prefix="f"):
        return [f"{prefix}{i}.test" for i in range(self.count)]

    def start(self):
        from harness.process import Daemon
        from harness.wait import eventually
        knotd = self.knotd
        knotd.write_conf()
        Daemon.start(knotd)
        eventually(knotd.controllable, timeout=600, what="knotd accepts control commands")
        eventually(self._loaded, timeout=600, step=0.5, what="all zones are loaded")

    def _loaded(self):
        status = self.knotd.knotc("-f", "zone-status", "+serial", timeout=100).stdout
        serials = re.findall(r"serial: (\d+)", status)
        # One that is signed has the next one.
        least = 2 if self.knotd.template["dnssec-signing"] else 1
        return (len(serials) == len(self.knotd.zones) and
                all(int(one) >= least for one in serials))

    def _follow(self, make, key_file, *more):
        follow = make(self.knotd, *more, key=key_file(self.bench.directory),
                      journal=os.path.join(self.directory, "follow"))
        follow.env["MALLOC_ARENA_MAX"] = "1"
        self.bench.daemons.append(follow)
        follow.start()
        return follow

    def written(self, action, timeout):
        """Seconds from the moment that action() returns until knotd has written each zone of follow.

        That is seen in its log, since knotd has one thread for what is asked over its control socket,
        which follow needs.
        """
        from harness.wait import eventually
        with open(self.knotd.log, "rb") as log:
            log.seek(0, os.SEEK_END)
            start = action()
            seen, rest = 0, b""
            while seen < self.count:
                lines = (rest + log.read()).split(b"\n")
                rest = lines.pop()
                seen += sum(b".] DDNS, finished, serial" in line and b" [f" in line
                            for line in lines)
                assert time.monotonic() < start + timeout, f"{seen} of {self.count} are written"
                time.sleep(0.005)
            took = time.monotonic() - start
        eventually(self._in_step, what=f"all zones have {self.addresses}")
        return took

    def _in_step(self):
        text = self.knotd.knotc("-t", "0", "zone-read", "--", "@", "A", timeout=600).stdout
        found = re.findall(r"^\[f\d+\.test\.\] \S+ \d+ A (\S+)$", text, re.MULTILINE)
        return (len(found) == len(self.addresses) * self.count
                and set(found) == set(self.addresses))

    def move(self, number, timeout=120):
        """The target moves; seconds until all zones have it, from when the module was told."""
        self.addresses = address(number)
        authority = self.bench.authority

        def known():
            authority.set(TARGET, a=self.addresses, ttl=86400)
            self.refresh()
            return authority.times(TARGET, "A")[-1]

        return self.written(known, timeout)

    def first(self, timeout=120):
        """(follow, seconds from its start until all zones are written)"""
        started = []

        def start():
            begin = time.monotonic()
            started.append(self.follow())
            return begin

        took = self.written(start, timeout)
        return started[0], took

    def refresh(self):
        """Have the target looked up now."""
        from harness.kaname import kaname
        kaname("-s", self.knotd.socket, "refresh", TARGET, directory=self.bench.directory,
               code=(0, 1))

    def close(self):
        self.bench.close()
        shutil.rmtree(self.directory)


@contextlib.contextmanager
def made(bench, count, **how):
    one = World(bench, count, **how)
    try:
        one.start()
        yield one
    finally:
        one.close()


# The bare loop.


def updates():
    """The program, from the same build as the module."""
    path = os.path.join(os.path.dirname(os.environ["ANAME_MODULE"]), "../tests/bench/updates")
    assert os.path.exists(path), f"there is no {path}: build it, too"
    return os.path.realpath(path)


def loop(names, before, after):
    """Updates of all of these zones, as follow sends them; seconds until the last reply."""
    from harness.follow import ALGORITHM, KEY, SECRET
    start = time.monotonic()
    done = subprocess.run(
        [updates(), "127.0.0.1", "5300", f"{ALGORITHM}:{KEY}:{SECRET}", str(MOST),
         f"{','.join(before)}/{','.join(after)}", "/"],
        input="".join(f"{name}\n" for name in names), capture_output=True, text=True, check=False,
        timeout=600)
    took = time.monotonic() - start
    assert done.returncode == 0 and re.search(rf"\bdone={len(names)}\b", done.stdout), (
        f"expected all of {len(names)} updates to be done: {done.stdout}{done.stderr}")
    return took


# What is measured.


def bench_follow(bench):
    """1,000 zones on one target that moves: kaname follow beside a bare loop of the same updates."""
    for signed in (False, True):
        for mode in MODES:
            compare(bench, 1000, signed, mode, bench.pairs(5))


def compare(bench, count, signed, mode, rounds):
    """In each round a new knotd, and in it the first write and two moves: more are not at once."""
    ratios, rates, bare = [], [], []
    for number in range(rounds):
        with made(bench, count, signed=signed, mode=mode) as world_:
            for pair in pairs_of(world_, number % 2):
                ratios.append(pair[0] / pair[1])
                rates.append(count / pair[0])
                bare.append(count / pair[1])
    what = f"{count:,} zones{', signed' if signed else ''}, journal {mode}"
    bench.record(f"{what}: time of follow / time of a bare loop", measure.spread(ratios, 2),
                 "<= 1.20")
    bench.record("  zones per second, follow", measure.spread(rates, 0))
    bench.record("  zones per second, bare loop", measure.spread(bare, 0))


def pairs_of(world_, turn):
    """[(seconds of follow, seconds of the bare loop)] of the moves."""
    from harness.scenario import known
    world_.refresh()
    follow, _ = world_.first()
    known(world_.names()[0], "A")
    loop(world_.names("b"), [], address(0))
    found = []
    for number in range(1, MOVES):
        steps = [lambda number=number: world_.move(number),
                 lambda number=number: loop(world_.names("b"), address(number - 1),
                                            address(number))]
        took = [one() for one in (steps if (number + turn) % 2 == 0 else steps[::-1])]
        found.append(tuple(took if (number + turn) % 2 == 0 else took[::-1]))
    follow.require()
    return found


def bench_follow_100k(bench):
    """100,000 zones on one target: how long kaname follow takes to write them, its memory, at rest."""
    count = 100000
    with made(bench, 1, bare=False) as one:
        one.refresh()
        follow, _ = one.first()
        time.sleep(5)
        least = follow.rss(), own(follow)
    for mode in MODES[::-1]:
        with made(bench, count, mode=mode, bare=False) as world_:
            many(bench, world_, mode, least, rest=mode == MODES[-1])
    with made(bench, count, mode=MODES[-1], bare=False, each=True) as world_:
        follow, _ = world_.first(3000)
        time.sleep(5)
        record_memory(bench, f"{count:,} zones with a target each", follow, count, least)


def many(bench, world_, mode, least, rest):
    count = world_.count
    world_.refresh()
    follow, took = world_.first(3000)
    what = f"{count:,} zones, journal {mode}"
    bench.record(f"{what}: seconds until all are written at first", f"{took:.0f}")
    bench.record("  zones per second", f"{count / took:.0f}")
    took = world_.move(1, 3000)
    bench.record(f"{what}: seconds until all have what the target moved to", f"{took:.0f}")
    bench.record("  zones per second", f"{count / took:.0f}")
    time.sleep(5)
    record_memory(bench, what, follow, count, least)
    if rest:
        at_rest(bench, world_, follow, least)


def own(daemon):
    """Octets of its resident memory that are no file's."""
    with open(f"/proc/{daemon.pid}/status", encoding="ascii") as status:
        return int(re.search(r"^RssAnon:\s+(\d+) kB", status.read(), re.MULTILINE)[1]) * 1024


def record_memory(bench, what, follow, count, least):
    """least: what it takes with one zone, all and its own.

    The pages of the journal, a file that is mapped, are the system's: it takes them back.
    """
    bench.record(f"{what}: memory of its own, octets a zone",
                 f"{(own(follow) - least[1]) / count:.0f}", "<= 300")
    bench.record("  with pages of the journal that are in memory",
                 f"{(follow.rss() - least[0]) / count:.0f}")


def record_processor(bench, what, follow, knotd, seconds, bar=""):
    cpu, server = measure.cpu_ns(follow.pid), measure.cpu_ns(knotd.pid)
    start = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    bench.record(f"{what}: % of a processor",
                 f"{(measure.cpu_ns(follow.pid) - cpu) / passed / 1e7:.2f}", bar)
    bench.record("  what knotd takes meanwhile, % of a processor",
                 f"{(measure.cpu_ns(knotd.pid) - server) / passed / 1e7:.2f}")


def at_rest(bench, world_, follow, least):
    """After its first minutes, in which it looks more often, and reads what stands there."""
    count, knotd = world_.count, world_.knotd
    record_processor(bench, f"{count:,} zones, the first 100 s after all are written",
                     follow, knotd, 100)
    record_processor(bench, f"{count:,} zones at rest", follow, knotd,
                     60 if bench.quick else 240, "<= 0.5")
    record_memory(bench, f"{count:,} zones at rest", follow, count, least)


BENCHES = {
    "follow": bench_follow,
    "follow-100k": bench_follow_100k,
}
