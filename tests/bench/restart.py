"""The server comes up in the middle of the day: what its clients get, and how soon it knows all.

5,000 aliases with a target each, a tenth of them signed, are asked for 2,000 times a second; the
targets' authority is 20 ms away. See crowd.py for who asks.
"""

import os
import signal
import time

import crowd
import world

ZONES, SIGNED_EACH, TTL = 5000, 10, 300
RATE, SECONDS, AWAY_S = 2000, 30, 0.02
INTERVAL_S = 5
# An answer is waited for so long after the start.
START_S = 120
DAY_S = 86400
KEYS_AGE_S = 3 * DAY_S
HARMLESS = ("fresh", "stale")


class Peak:
    """The aliases, the recursor, and who asks."""

    def __init__(self, bench):
        from harness.clock import Clock
        from harness.wait import eventually
        from harness.zone import aname
        bench.fresh()
        self.bench, self.eventually = bench, eventually
        self.count = ZONES // 5 if bench.quick else ZONES
        self.recursor = world.start_recursor(bench, TTL, world.ADDRESSES, delay=AWAY_S)
        self.knotd = bench.new_knotd(**{"tcp-workers": 10})
        # A file that is saved often enough for a measurement.
        self.knotd.options = {"resolver": [world.RECURSOR[0]], "state-interval": INTERVAL_S}
        questions = []
        for i in range(self.count):
            name, signed = f"z{i}.test", i % SIGNED_EACH == 0
            self.knotd.add_zone(name, [aname(f"t{i}.{world.SUFFIX}", ttl=TTL)],
                                zone_options={"dnssec-signing": True} if signed else None)
            questions += [crowd.Question(name, rdtype, signed) for rdtype in ("A", "AAAA")]
        self.clock = Clock(self.knotd, bench.directory)
        self.crowd = crowd.Crowd(questions, RATE)
        self.state = os.path.join(bench.directory, "db", "mod-aname.state")
        self.make_keys()
        self.start()

    def make_keys(self):
        """Keys and signatures as servers have them that were not set up today: knotd signs with no
        key that is from a time to come, which they would be when the clock is set back."""
        self.clock.set_wall(-KEYS_AGE_S)
        self.start()
        self.knotd.finish(timeout=60)
        self.clock.set_wall(KEYS_AGE_S)

    def start(self):
        """Starts it, and waits until its zones are loaded; those that are to be signed as well."""
        knotd = self.knotd
        knotd.write_conf()
        super(type(knotd), knotd).start()
        self.eventually(knotd.controllable, timeout=START_S, what="knotd accepts control commands")
        self.eventually(self.loaded, timeout=4 * START_S, step=0.5, what="all zones are loaded")

    def loaded(self):
        status = self.knotd.knotc("zone-status").stdout
        return (status.count("serial:") == self.count
                and not any(f"serial: {none}" in status for none in ("-", "none")))

    def prepare(self):
        """All is known, and saved where it is saved."""
        from harness import state
        if not self.knotd.alive:
            self.start()
        self.crowd.learn()
        # It is saved if something has changed, so perhaps that has been done already.
        self.crowd.run(2 * INTERVAL_S + 1)
        self.crowd.settle()
        found = len(state.read(self.state).targets)
        assert found == 2 * self.count, f"{found} targets are saved of {2 * self.count}"

    def end(self, number):
        """Ends the server while it is asked."""
        self.knotd.signal(number)
        self.crowd.run(60, until=lambda: not self.knotd.alive)
        assert not self.knotd.alive, "knotd did not end within 60 s"
        self.knotd.process.wait()

    def come_up(self, seconds=SECONDS):
        """Starts the server while it is asked; what was seen from its first reply on."""
        self.crowd.begin()
        seen = self.crowd.seen
        super(type(self.knotd), self.knotd).start()
        begun = time.monotonic()
        self.crowd.run(START_S, until=lambda: seen.since)
        assert seen.since, f"no reply within {START_S} s: {self.knotd.text()}"
        self.crowd.run(self.bench.seconds(seconds))
        self.crowd.settle()
        return seen, seen.since - begun

    def restart_recursor(self):
        self.recursor.kill()
        self.recursor.start()


def record(bench, what, seen, took, bars):
    """What came; bars for some kinds, of first replies or in the end."""
    bench.record(f"{what}: queries from the first reply on, which came after "
                 f"{took:.1f} s", f"{seen.asked}")
    first = {kind: seen.first[kind] for kind in ("TC", "SERVFAIL", "empty", "unsigned", "lost")}
    for kind in [*first, *sorted(set(seen.first) - set(first) - set(HARMLESS))]:
        bench.record(f"  first reply {kind}", f"{seen.first[kind]}", bars.get(kind, ""))
        if seen.first[kind] and kind in seen.last:
            bench.record("    the last one, seconds after the first reply",
                         f"{seen.last[kind] - seen.since:.1f}")
    for kind in HARMLESS:
        bench.record(f"  first reply {kind}", f"{seen.first[kind]}")
    failed = sum(count for kind, count in seen.end.items() if kind.startswith("SERVFAIL"))
    bench.record("  SERVFAIL in the end, after TCP", f"{failed}", bars.get("end", ""))
    bench.record("    % of queries", f"{100 * failed / max(1, seen.asked):.2f}",
                 bars.get("end %", ""))
    others = {kind: count for kind, count in seen.end.items()
              if kind not in HARMLESS and not kind.startswith("SERVFAIL")}
    if others:
        bench.record("  other bad ends", ", ".join(f"{kind} {count}"
                                                   for kind, count in others.items()), "none")


NOTHING_BAD = {"TC": "0", "SERVFAIL": "0", "empty": "0", "unsigned": "0", "end": "0"}
NO_FAILURE = {"SERVFAIL": "0", "empty": "0", "end": "0"}


def bench_restart(bench):
    """Restarts in peak: by SIGTERM, the recursor as well, by kill -9, and reboots. 6 minutes."""
    peak = Peak(bench)
    variants = [
        ("SIGTERM", signal.SIGTERM, {}, NOTHING_BAD),
        ("SIGTERM, recursor restarted", signal.SIGTERM, {"recursor": True}, NO_FAILURE),
        ("kill -9", signal.SIGKILL, {}, NOTHING_BAD),
        ("reboot, clock 10 minutes on", signal.SIGTERM, {"wall_s": 600}, NOTHING_BAD),
        ("reboot, clock a day back", signal.SIGTERM, {"wall_s": -DAY_S}, NOTHING_BAD),
    ]
    try:
        for what, number, how, bars in variants:
            peak.prepare()
            peak.end(number)
            if "recursor" in how:
                peak.restart_recursor()
            if "wall_s" in how:
                peak.clock.reboot(how["wall_s"])
            seen, took = peak.come_up()
            record(bench, f"{peak.count:,} aliases, {RATE:,} q/s, {what}", seen, took, bars)
    finally:
        peak.clock.restore()
        peak.crowd.close()


def bench_first(bench):
    """The first start, without a state file: with `kaname warm`, and without. About 3 minutes."""
    peak = Peak(bench)
    peak.prepare()
    try:
        for recursor in ("warm", "cold"):
            forget(peak, recursor)
            seen, took = peak.come_up()
            record(bench, f"{peak.count:,} aliases, first start, recursor {recursor}", seen, took,
                   {"empty": "0", "end %": "<= 1"})
            forget(peak, recursor)
            warm(bench, peak, recursor)
    finally:
        peak.crowd.close()


def forget(peak, recursor):
    """The server ends, and is as if it had never been started."""
    peak.crowd.settle()
    peak.knotd.finish(timeout=60)
    if os.path.exists(peak.state):
        os.unlink(peak.state)
    if recursor == "cold":
        peak.restart_recursor()


def warm(bench, peak, recursor):
    """What `kaname warm` does, when nobody asks yet."""
    from harness.kaname import kaname
    peak.start()
    start = time.monotonic()
    done = kaname("-s", peak.knotd.socket, "warm", "--timeout", "30s",
                  directory=bench.directory, code=(0, 1), timeout=60)
    took = time.monotonic() - start
    what = f"kaname warm, {peak.count:,} aliases, recursor {recursor}"
    bench.record(f"{what}: seconds", f"{took:.2f}", "<= 5")
    bench.record("  its exit status", f"{done.returncode}", "0")
    seen = peak.crowd.each()
    bench.record("  of one query of each afterwards, not fresh",
                 f"{len(peak.crowd.questions) - seen.first['fresh']}", "0")
    others = {kind: count for kind, count in seen.first.items() if kind != "fresh"}
    if others:
        bench.record("    they are", ", ".join(f"{kind} {count}" for kind, count in others.items()))


BENCHES = {
    "restart": bench_restart,
    "first": bench_first,
}
