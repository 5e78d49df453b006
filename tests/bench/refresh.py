"""What keeping targets fresh takes: how late it is, what it costs, how fast it can be.

How late a refresh is, is the module's own number: `refresh-lag` of `knotc zone-stats`, from the
moment a lookup was planned for until its answer was published. With one target a zone it is read
for each target by itself, so there is a distribution and not the largest value alone. Since that
is the module's word about itself, the relay between it and the recursor has a say, too: how much
of an answer's lifetime had passed when the next one came.
"""

import collections
import os
import re
import socket
import statistics
import time

import farm
import measure
import world

# Distance to the recursor, there and back.
FAR_S = 0.02
DEAD_SUFFIX, DEAD_ADDRESS = "dead.example", "127.0.0.66"
THREAD = "mod-aname"


def start(bench, zones, *, resolver, ttl, **options):
    """Targets with this TTL, a recursor that caches, and a server with these zones."""
    from harness.zone import aname
    recursor = world.start_recursor(bench, ttl, stubs={DEAD_SUFFIX: DEAD_ADDRESS})
    knotd = bench.new_knotd(**{"udp-workers": 1, "tcp-workers": 1})
    knotd.options = {"resolver": [resolver], **options}
    knotd.template = {"module": knotd.aname, "global-module": knotd.aname}
    for zone, names in zones.items():
        knotd.add_zone(zone, [aname(name, ttl=86400) for name in names])
    knotd.start(ready=list(zones)[-1:])
    return knotd, recursor


def far(bench):
    """The distance to the recursor, between it and the server."""
    distance = world.Distance(bench.directory, FAR_S)
    distance.start()
    bench.daemons.append(distance)
    return distance


def good_zones(count):
    return {f"z{i}.test": [f"t{i}.{world.SUFFIX}"] for i in range(count)}


def both(zones):
    return [(zone, rdtype) for zone in zones for rdtype in ("A", "AAAA")]


def warm_up(bench, knotd, zones, *, share=1.0, settle=0, timeout=60):
    """Ask until every target is known, or this share of them, and so many seconds longer.

    A target that was not refreshed yet has no lag.
    """
    wanted = int(share * 2 * sum(len(names) for names in zones.values()))
    deadline = time.monotonic() + timeout
    while True:
        measure.dnsperf(both(zones), bench.directory, count=2 * len(zones), rate=5000)
        totals = totals_of(bench, knotd, zones)
        if totals["addresses"] >= wanted:
            break
        assert time.monotonic() < deadline, f"not all of {wanted} targets are known: {totals}"
    time.sleep(settle)


def totals_of(bench, knotd, zones):
    """The server's totals, brought up to date by a query in a second of its own."""
    from harness.ask import query
    time.sleep(1.0)
    query(next(iter(zones)), "SOA")
    return knotd.stats()


def lags_of(knotd):
    """The largest lag of each zone's last refreshes, in milliseconds, by zone."""
    text = knotd.knotc("-f", "zone-stats", "--", f"{THREAD}.refresh-lag", timeout=60).stdout
    found = re.findall(r"\[([^]]+?)\.?\] \S+refresh-lag = (\d+)", text)
    return {zone: int(value) for zone, value in found}


def summary(values):
    """Median, 99th of a hundred and largest as text."""
    half, most, last = world.quantiles(values)
    return f"p50 {half:.0f}, p99 {most:.0f}, max {last:.0f}"


class Watched:
    """A load of queries for some seconds, and what was seen of the server meanwhile.

    Every so many seconds the lags are read, or never if that is None.
    """

    def __init__(self, bench, knotd, zones, seconds, rate, every=8):
        before = totals_of(bench, knotd, zones)
        cpu, start_s = measure.thread_cpu_ns(knotd.pid, THREAD), time.monotonic()
        load = measure.dnsperf_start(both(zones), bench.directory, seconds=seconds, rate=rate)
        self.lags = []
        while every and load.poll() is None and time.monotonic() - start_s + every < seconds:
            time.sleep(every)
            lags = lags_of(knotd)
            self.lags += [lags[zone] for zone in zones]
        load.wait(timeout=seconds + 60)
        self.load = measure.dnsperf_result(load)
        self.seconds = time.monotonic() - start_s
        self.cpu_ns = measure.thread_cpu_ns(knotd.pid, THREAD) - cpu
        after = totals_of(bench, knotd, zones)
        self.largest = after["refresh-lag"]
        self.counts = {key: after[key] - before.get(key, 0) for key in after}

    def of(self, counter):
        return self.counts.get(counter, 0)


def bench_lag(bench):
    """5,000 targets of both families with TTL 30 kept fresh from a recursor 20 ms away that caches,
    by default options."""
    lag(bench, names=5000, ttl=30)


def bench_lag_twice(bench):
    """10,000 of them, and 20,000 lookups allowed per second: they expire in the same seconds."""
    lag(bench, names=10000, ttl=30, **{"lookup-rate": 20000})


def lag(bench, names, ttl, **options):
    """So many names are asked for both families."""
    bench.fresh()
    zones = good_zones(names)
    distance = far(bench)
    knotd, unbound = start(bench, zones, resolver=world.FAR[0], ttl=ttl, **options)
    warm_up(bench, knotd, zones, settle=ttl)
    distance.begin()
    cpu = measure.cpu_ns(unbound.pid)
    seen = Watched(bench, knotd, zones, seconds=90, rate=2500)
    cpu = measure.cpu_ns(unbound.pid) - cpu
    outside = distance.seen()

    succeeded = seen.of("lookups[succeeded]")
    bench.record(f"{names:,} targets of both families, TTL {ttl}, recursor 20 ms away: "
                 "refresh lag, ms", summary(seen.lags))
    bench.record("  refresh lag: p99, ms", f"{world.quantiles(seen.lags)[1]:.0f}", "<= 1000")
    bench.record("  largest in the totals, ms", str(seen.largest))
    bench.record("  samples", str(len(seen.lags)))
    half, most, last = outside["share"]
    bench.record("  seen by the relay: share of the lifetime used",
                 f"p50 {half:.2f}, p99 {most:.2f}, max {last:.2f}", "0.75 to 0.90 is the plan")
    for key, what in (("late", "later than 90 % of the lifetime, ms"),
                      ("past", "past the lifetime, ms"),
                      ("relay", "the relay itself late, ms")):
        half, most, last = outside[key]
        bench.record(f"    {what}", f"p50 {half:.1f}, p99 {most:.1f}, max {last:.0f}")
    bench.record("  lookups per second, failed ones", f"{succeeded / seen.seconds:.0f}, "
                 f"{seen.of('lookups[failed]')}")
    bench.record("  service thread: share of a processor, us per lookup",
                 f"{seen.cpu_ns / 1e7 / seen.seconds:.1f} %, {seen.cpu_ns / 1000 / succeeded:.1f}")
    bench.record("  recursor: share of a processor", f"{cpu / 1e7 / seen.seconds:.1f} %")
    record_waits(bench, seen)


def bench_lag_100k(bench):
    """100,000 targets of both families with TTL 300, over a whole period.

    The module asks the targets' authority itself: no recursor is measured here. Since all have
    been learned within a minute, they come due within a minute or so, too: once each in 330 s, and
    not again before 450 s. `lookups` has the rate of targets that come due at any time.
    """
    count, ttl, seconds = 100000, 300, 330
    with farm.farm(bench, farm.targets_of(count)) as zones:
        targets = world.Targets(bench.directory, ttl, world.ADDRESSES)
        targets.start()
        bench.daemons.append(targets)
        knotd = zones.start("aname")
        farm.warm_up(zones, knotd)
        targets.begin()
        seen = Watched(bench, knotd, [farm.zone(i) for i in range(count)], seconds=seconds,
                       rate=2000, every=None)
        seen.lags = farm.lags(knotd)
        outside = targets.seen()
    half, most, last = world.quantiles(seen.lags)
    bench.record(f"{count:,} targets with 2 + 2 addresses, TTL {ttl}: refresh lag, ms",
                 f"p50 {half:.0f}, p99 {most:.0f}, max {last:.0f}")
    bench.record("  refresh lag at TTL 300: p99, ms", f"{most:.0f}", "<= 2000")
    bench.record(f"  refreshed at least once, of {2 * count} of one family", f"{len(seen.lags)}")
    half, most, last = outside["share"]
    bench.record("  seen by the targets: share of the lifetime used",
                 f"p50 {half:.2f}, p99 {most:.2f}, max {last:.2f}", "0.75 to 0.90 is the plan")
    record_late(bench, outside)
    lookups = seen.of("lookups[succeeded]")
    bench.record(f"  lookups per second, over {seconds} s in which each comes due once",
                 f"{lookups / seen.seconds:.0f}")
    bench.record("  failed lookups", f"{seen.of('lookups[failed]')}", "0")
    bench.record("  service thread: % of a processor", f"{seen.cpu_ns / 1e7 / seen.seconds:.2f}")
    bench.record("  service thread: us per lookup", f"{seen.cpu_ns / 1000 / lookups:.1f}")
    record_waits(bench, seen)


def bench_lookups(bench):
    """How many lookups a second 2,000 targets of both families with TTL 30 take, when they come due
    at any time, against what the plan makes of them. Two minutes.

    They are asked for one after the other over the mean time between two lookups, so as many are
    due in each second from the beginning.
    """
    count, ttl = 2000, 30
    planned = 2 * count / (0.825 * ttl)
    with farm.farm(bench, farm.targets_of(count)) as zones:
        targets = world.Targets(bench.directory, ttl, world.ADDRESSES)
        targets.start()
        bench.daemons.append(targets)
        knotd = zones.start("aname")
        measure.dnsperf(zones.questions(), bench.directory, rate=round(planned), count=2 * count)
        farm.warm_up(zones, knotd)
        targets.begin()
        before, start_s = farm.totals(knotd), time.monotonic()
        time.sleep(4 * ttl)
        after, passed_s = farm.totals(knotd), time.monotonic() - start_s
        outside = targets.seen()
    rate = (after["succeeded"] - before["succeeded"]) / passed_s
    half, most, last = outside["share"]
    name = f"{count:,} targets, TTL {ttl}, due at any time: lookups per second"
    bench.record(name, f"{rate:.1f}")
    bench.record("  away from 2 x targets / (0.825 x TTL), %",
                 f"{100 * abs(rate / planned - 1):.1f}", "<= 3")
    bench.record("  failed lookups", f"{after['failed'] - before['failed']}", "0")
    bench.record("  seen by the targets: share of the lifetime used",
                 f"p50 {half:.2f}, p99 {most:.2f}, max {last:.2f}", "0.75 to 0.90 is the plan")


def record_late(bench, outside):
    """The module's lag as it can be known from outside: all later than the plan."""
    half, most, last = outside["late"]
    bench.record("  seen by the targets: later than 90 % of the lifetime, ms",
                 f"p50 {half:.0f}, p99 {most:.0f}, max {last:.0f}")


def record_waits(bench, seen):
    """No query waited: all were answered at once, from what is known."""
    late = seen.of("answers[late]")
    others = seen.load["completed"] - seen.of("answers[fresh]") - late
    bench.record("  queries meanwhile", f"{seen.load['completed']:.0f}")
    bench.record("    queries without an answer", f"{seen.load['lost']:.0f}", "0")
    bench.record("    queries with an answer that was past its lifetime, but not stale",
                 f"{late:.0f}")
    bench.record("    queries with an answer that was neither", f"{others:.0f}", "0")
    bench.record("    latency, ms: average, max", f"{1000 * seen.load['latency']:.2f}, "
                 f"{1000 * seen.load['latency_max']:.1f}")


def lag_beside(bench, dead):
    """Lags of 1,000 good names beside 200 others, dead or as good; and how late the relay was."""
    bench.fresh()
    good = good_zones(1000)
    distance = far(bench)
    suffix = DEAD_SUFFIX if dead else world.SUFFIX
    others = {f"d{i}.test": [f"d{i}.{suffix}"] for i in range(200)}
    knotd, _ = start(bench, others | good, resolver=world.FAR[0], ttl=6)
    warm_up(bench, knotd, good, settle=6)
    distance.begin()
    # Each of them is asked for once a second, for as long as it takes.
    asked = measure.dnsperf_start(both(others), bench.directory, seconds=14, rate=400)
    seen = Watched(bench, knotd, good, seconds=12, rate=1000, every=3)
    measure.dnsperf_result(asked)
    assert (seen.of("lookups[failed]") > 0) == dead, "are the dead targets dead, and no others?"
    return seen, distance.seen()["relay"][1]


def bench_dead(bench):
    """The lag of 1,000 good names beside 200 dead ones or good ones, in alternating pairs."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead_end:
        dead_end.bind((DEAD_ADDRESS, 53))
        rows = {False: [], True: []}
        for turn in range(4):
            for dead in ((False, True) if turn % 2 == 0 else (True, False)):
                rows[dead].append(lag_beside(bench, dead))
    tails = {dead: [world.quantiles(seen.lags)[1] for seen, _ in row]
             for dead, row in rows.items()}
    ratios = [with_ / without for with_, without in zip(tails[True], tails[False])]
    bench.record("1,000 good names beside 200 dead ones: lag p99 / good ones",
                 measure.spread(ratios), "<= 1.20")
    for dead, row in rows.items():
        bench.record(f"  lag beside 200 {'dead' if dead else 'good'} ones, ms",
                     summary([lag for seen, _ in row for lag in seen.lags]))
        bench.record("    p99 of each run, of the relay alone, ms",
                     " ".join(f"{tail:.0f}" for tail in tails[dead]) + ", "
                     + " ".join(f"{relay:.1f}" for _, relay in row))
    failed = statistics.median(seen.of("lookups[failed]") / seen.seconds for seen, _ in rows[True])
    bench.record("  failed lookups per second of the 400 dead targets", f"{failed:.0f}")


def bench_rate(bench):
    """Lookups per second against a recursor that has it all in its cache, and what that can do."""
    bench.fresh()
    count, pool = 2000, 32
    zones = {f"z{i}.test": [f"t{i}-{j}.{world.SUFFIX}" for j in range(pool)]
             for i in range(count)}
    questions = [(name, rdtype) for names in zones.values() for name in names
                 for rdtype in ("A", "AAAA")]
    knotd, unbound = start(bench, zones, resolver=world.RECURSOR[0], ttl=86400,
                           **{"ttl-max": 1, "lookup-rate": 1000000, "max-lookups": 10000})
    os.sched_setaffinity(0, {0})
    measure.pin(knotd.pid, 0)
    measure.pin(unbound.pid, os.cpu_count() - 1)
    rows = collections.defaultdict(list)

    def ask_alone():
        """The same names by dnsperf, from as many sockets as the module uses or so."""
        for _ in range(4):
            cpu = measure.cpu_ns(unbound.pid)
            done = measure.dnsperf(questions, bench.directory, seconds=3, outstanding=1000,
                                   clients=16, server=world.RECURSOR)
            cpu = measure.cpu_ns(unbound.pid) - cpu
            rows["alone"].append(done["qps"])
            rows["alone cost"].append(cpu / done["completed"] / 1000)

    measure.dnsperf(questions, bench.directory, count=len(questions), server=world.RECURSOR)
    ask_alone()
    warm_up(bench, knotd, zones, share=0.99)
    for _ in range(6):
        add_window(bench, knotd, unbound, zones, rows)
    failed = knotd.stats()["lookups[failed]"]
    knotd.kill()
    ask_alone()
    os.sched_setaffinity(0, range(os.cpu_count()))

    bench.record(f"{len(questions)} targets, ttl-max 1, loopback: lookups per second",
                 measure.spread(rows["module"], 0), ">= 20000, or the recursor's own limit")
    bench.record("  the recursor asked by dnsperf: answers per second",
                 measure.spread(rows["alone"], 0))
    bench.record("  the module / dnsperf",
                 f"{statistics.median(rows['module']) / statistics.median(rows['alone']):.2f}")
    bench.record("  lookups that failed", str(failed))
    bench.record("  share of a processor: service thread", measure.spread(rows["thread"], 2))
    bench.record("  share of a processor: recursor, one thread",
                 measure.spread(rows["recursor"], 2))
    for key, what in (("cost", "service thread: us of CPU per lookup"),
                      ("recursor cost", "recursor: us of CPU per lookup"),
                      ("alone cost", "recursor asked by dnsperf: us of CPU per answer")):
        bench.record(f"  {what}", measure.spread(rows[key], 1))


def add_window(bench, knotd, unbound, zones, rows, seconds=4):
    """What the module does in so many seconds."""
    def look():
        return (totals_of(bench, knotd, zones)["lookups[succeeded]"], time.monotonic(),
                measure.thread_cpu_ns(knotd.pid, THREAD), measure.cpu_ns(unbound.pid))

    before = look()
    time.sleep(seconds)
    lookups, took, thread, recursor = (b - a for a, b in zip(before, look()))
    rows["module"].append(lookups / took)
    rows["thread"].append(thread / took / 1e9)
    rows["recursor"].append(recursor / took / 1e9)
    rows["cost"].append(thread / lookups / 1000)
    rows["recursor cost"].append(recursor / lookups / 1000)


BENCHES = {
    "lag": bench_lag,
    "lag-twice": bench_lag_twice,
    "lag-100k": bench_lag_100k,
    "lookups": bench_lookups,
    "dead": bench_dead,
    "rate": bench_rate,
}
