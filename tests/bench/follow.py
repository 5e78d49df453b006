"""kaname follow: what it takes to write, and at rest.

The measure is a bare loop of the same updates: it knows all of them beforehand, has them signed, and
sends as many at once as follow does. Both write into zones of one knotd, by turns, and both wait for
its disk.
"""

import contextlib
import os
import re
import selectors
import shutil
import socket
import struct
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

    signed: Knot signs all of them; mode: how its journal is written
    """

    def __init__(self, bench, count, *, signed=False, mode="robust", bare=True):
        from harness.authority import ADDRESS
        from harness.follow import Follow, key_file, permit
        from harness.knotd import section
        self.bench, self.count = bench, count
        bench.fresh()
        self.directory = tempfile.mkdtemp(prefix="bench-", dir=DISK)
        bench.authority.set(TARGET, a=address(0), ttl=86400)
        knotd = self.knotd = bench.new_knotd()
        knotd.options = {"resolver": ADDRESS}
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
                file.write(zone_text(name, [aname(TARGET, ttl=86400)]))
            self.knotd.zones[name] = Zone(modules, {})

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

    def written(self, a, timeout, step):
        """Wait until all zones of follow have these; returns when that was seen."""
        deadline = time.monotonic() + timeout
        lines = len(a) * self.count
        while True:
            text = self.knotd.knotc("-t", "0", "zone-read", "--", "@", "A", timeout=600).stdout
            now = time.monotonic()
            if sum(text.count(f" {one}\n") for one in a) == lines and \
                    text.count("\n[f") + text.startswith("[f") == lines:
                return now
            assert now < deadline, f"not all of {self.count} zones have {a}: {text[:300]}"
            time.sleep(step)

    def move(self, number, timeout=120, step=0.02):
        """The target moves; seconds until all zones have it, from when the module knew it."""
        from harness.ask import query
        self.bench.authority.set(TARGET, a=address(number), ttl=86400)
        self.refresh()
        start = time.monotonic()
        query(self.names()[0], "A").expect(a=address(number))
        return self.written(address(number), timeout, step) - start

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


def messages(names, before, after):
    """One signed update for each zone, with the prerequisites that follow has."""
    import dns.update
    import dns.tsigkeyring
    from harness.follow import ALGORITHM, KEY, SECRET
    from harness.zone import ANAME, aname
    keyring = dns.tsigkeyring.from_text({KEY: (ALGORITHM, SECRET)})
    rdata = aname(TARGET).split(f"TYPE{ANAME} ", 1)[1]
    wires = []
    for name in names:
        update = dns.update.UpdateMessage(name, keyring=keyring)
        update.present("@", f"TYPE{ANAME}", rdata)
        if before:
            update.present("@", "A", *before)
        else:
            update.absent("@", "A")
        update.absent("@", "AAAA")
        for one in before:
            update.delete("@", "A", one)
        update.add("@", 300, "A", *after)
        wire = update.to_wire()
        wires.append(struct.pack("!H", len(wire)) + wire)
    return wires


def send_all(wires, server=("127.0.0.1", 5300)):
    """Sends them, MOST at once; seconds until the last reply."""
    selector = selectors.DefaultSelector()
    start = time.monotonic()
    left = iter(wires)
    busy = 0
    for _ in range(MOST):
        busy += _next(selector, socket.create_connection(server), left)
    while busy:
        for key, _ in selector.select():
            reply = key.fileobj.recv(65535)
            assert len(reply) > 13 and reply[5] & 15 == 0, f"an update failed: {reply.hex()}"
            selector.unregister(key.fileobj)
            busy += _next(selector, key.fileobj, left) - 1
    return time.monotonic() - start


def _next(selector, sock, left):
    wire = next(left, None)
    if wire is None:
        sock.close()
        return 0
    sock.sendall(wire)
    selector.register(sock, selectors.EVENT_READ)
    return 1


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
    world_.refresh()
    follow = world_.follow()
    world_.written(address(0), 120, 0.1)
    send_all(messages(world_.names("b"), [], address(0)))
    found = []
    for number in range(1, MOVES):
        wires = messages(world_.names("b"), address(number - 1), address(number))
        steps = [lambda number=number: world_.move(number), lambda wires=wires: send_all(wires)]
        took = [one() for one in (steps if (number + turn) % 2 == 0 else steps[::-1])]
        found.append(tuple(took if (number + turn) % 2 == 0 else took[::-1]))
    follow.require()
    return found


def bench_follow_100k(bench):
    """100,000 zones on one target: how long kaname follow takes to write them, its memory, at rest."""
    count = 100000
    with made(bench, 1, bare=False) as one:
        one.refresh()
        follow = one.follow()
        one.written(address(0), 60, 0.1)
        time.sleep(5)
        least = follow.rss()
    for mode in MODES[::-1]:
        with made(bench, count, mode=mode, bare=False) as world_:
            many(bench, world_, mode, least, rest=mode == MODES[-1])


def many(bench, world_, mode, least, rest):
    count = world_.count
    world_.refresh()
    start = time.monotonic()
    follow = world_.follow()
    took = world_.written(address(0), 3000, 2) - start
    what = f"{count:,} zones, journal {mode}"
    bench.record(f"{what}: seconds until all are written at first", f"{took:.0f}")
    bench.record("  zones per second", f"{count / took:.0f}")
    took = world_.move(1, 3000, 2)
    bench.record(f"{what}: seconds until all have what the target moved to", f"{took:.0f}")
    bench.record("  zones per second", f"{count / took:.0f}")
    time.sleep(5)
    bench.record(f"{what}: memory, octets a zone", f"{(follow.rss() - least) / count:.0f}",
                 "<= 300")
    if not rest:
        return
    seconds = 60 if bench.quick else 240
    cpu, server = measure.cpu_ns(follow.pid), measure.cpu_ns(world_.knotd.pid)
    start = time.monotonic()
    time.sleep(seconds)
    passed = time.monotonic() - start
    bench.record(f"{count:,} zones at rest: % of a processor",
                 f"{(measure.cpu_ns(follow.pid) - cpu) / passed / 1e7:.2f}", "<= 0.5")
    bench.record("  what knotd takes meanwhile, % of a processor",
                 f"{(measure.cpu_ns(world_.knotd.pid) - server) / passed / 1e7:.2f}")
    bench.record("  largest resident memory of follow, octets a zone",
                 f"{(follow.rss() - least) / count:.0f}")


BENCHES = {
    "follow": bench_follow,
    "follow-100k": bench_follow_100k,
}
