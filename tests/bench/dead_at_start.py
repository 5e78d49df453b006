"""A resolver that is dead when the server starts: how soon after its return all is answered."""

import time

import farm
import measure
import world

SIZES = (1, 100, 100000)
DEAD_S = 120
RATE = 10000
# Longer than anything ought to take.
GIVE_UP_S = 120


def ask(zones, count):
    measure.dnsperf(zones.questions(), zones.bench.directory, rate=RATE, count=count)


def stay_dead(bench, zones, knotd, count):
    """Everything is asked for, again and again, until the time is over."""
    start = time.monotonic()
    while time.monotonic() < start + DEAD_S:
        ask(zones, 2 * count)
        time.sleep(0.5)
    numbers = farm.totals(knotd)
    bench.record(f"{count:,} targets, resolver dead for {DEAD_S} s: entries",
                 f"{numbers['targets']}")
    bench.record("  lookups made meanwhile", f"{numbers['started']}")
    cpu = measure.cpu_ns(knotd.pid)
    time.sleep(10)
    bench.record("  processor time of the server while nobody asks, %",
                 f"{(measure.cpu_ns(knotd.pid) - cpu) / 1e8:.2f}")


def come_back(bench, zones, knotd, count):
    """Seconds from the return of the resolver until all has addresses."""
    targets = world.Targets(bench.directory, 86400, world.ADDRESSES)
    targets.start()
    start = time.monotonic()
    bench.daemons.append(targets)
    wanted = 2 * world.ADDRESSES * count
    first = None
    while (known := farm.totals(knotd)["addresses"]) < wanted:
        if first is None and known > 0:
            first = time.monotonic() - start
        assert time.monotonic() < start + GIVE_UP_S, f"{known} addresses of {wanted}"
        time.sleep(0.01)
    took = time.monotonic() - start
    rate = 20000
    bar = 3 + 2 * count / rate
    if first is not None:
        bench.record("  back: seconds until the first is answered", f"{first:.2f}", "<= 3")
    bench.record("  back: seconds until all are answered", f"{took:.2f}", f"<= {bar:.1f}")


def bench_dead_at_start(bench):
    """1, 100 and 100,000 targets. Takes about nine minutes."""
    for count in SIZES:
        with farm.farm(bench, farm.targets_of(count)) as zones:
            knotd = zones.start("aname")
            stay_dead(bench, zones, knotd, count)
            come_back(bench, zones, knotd, count)


BENCHES = {"dead-at-start": bench_dead_at_start}
