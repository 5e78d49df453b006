"""Zones and targets by the thousand: time, memory, and how both grow."""

import statistics
import time

import farm
import measure
import world
from refresh import THREAD, record_late

KINDS = ("static", "bare", "aname")
MODULES = (("bare", "a module that does nothing"), ("aname", "the module"))
# What was measured at each size in this run, {what: {size: value}}, for how it grows. SECONDS are
# those with the module and without; ALONE is what there is with the module only.
SECONDS, ALONE, OCTETS = {}, {}, {}


def size_text(count):
    return f"{count:,}"


def note(values, what, count, value):
    values.setdefault(what, {})[count] = value


def steps(values, upto):
    """(what, a size, the next one, value at the one, at the other), the other in `upto`."""
    for what, at in values.items():
        sizes = sorted(at)
        for one, other in zip(sizes, sizes[1:]):
            if other in upto:
                yield what, one, other, at[one], at[other]


def record_growth(bench, *upto):
    for what, one, other, less, more in steps(SECONDS, upto):
        name = f"{what}, {size_text(one)} to {size_text(other)}"
        mine, static = ((many / fewer) / (other / one) for fewer, many in zip(less, more))
        bench.record(f"{name}: growth / that of the size", f"{mine:.2f}")
        bench.record("  the same without the module", f"{static:.2f}")
        # knotd's own cost grows a little faster than its zones, as their data leave the caches.
        bench.record(f"  {name}: growth / linear, or knotd's own if that is more",
                     f"{mine / max(1.0, static):.2f}", "<= 1.10")
    for what, one, other, less, more in steps(ALONE, upto):
        bench.record(f"{what}, {size_text(one)} to {size_text(other)}: growth / that of the size",
                     f"{more / less / (other / one):.2f}", "<= 1")
    bars = {"idle instance": "<= 256", "target with 2 + 2 addresses": "<= 512"}
    for what, one, other, less, more in steps(OCTETS, upto):
        bench.record(f"memory, {size_text(one)} to {size_text(other)}: octets for each {what} more",
                     f"{(more - less) / (other - one):.0f}", bars.get(what, ""))


def bench_scale(bench):
    """One zone, 1,000 and 10,000, each with a target of its own."""
    constant(bench)
    for count in (1000, 10000):
        scale(bench, count, starts=bench.pairs(3), reloads=bench.pairs(7))
    one_target(bench, 10000)
    record_growth(bench, 1000, 10000)


def bench_scale_100k(bench):
    """100,000 zones, each with a target of its own. Takes about six minutes.

    How it grows from 10,000 is told if `scale` was measured in the same run.
    """
    scale(bench, 100000, starts=1, reloads=bench.pairs(5))
    one_target(bench, 100000)
    record_growth(bench, 100000)


def constant(bench):
    """What the module takes with one zone and one target."""
    with farm.farm(bench, farm.targets_of(1)) as zones:
        resident = {}
        for kind in ("static", "aname"):
            knotd = zones.start(kind)
            resident[kind] = knotd.rss()
        bench.record("1 zone: memory beside static, KiB",
                     f"{(resident['aname'] - resident['static']) / 1024:.0f}")
        with_targets(bench, zones, 86400)
        farm.warm_up(zones, knotd)
        record_rest(bench, knotd, 1)


def with_targets(bench, zones, ttl):
    """The targets' authority, which the module asks itself: no recursor is measured here."""
    targets = world.Targets(bench.directory, ttl, world.ADDRESSES)
    targets.start()
    bench.daemons.append(targets)
    return targets


def scale(bench, count, *, starts, reloads):
    """So many zones, each with a target of its own."""
    pools = farm.targets_of(count)
    with farm.farm(bench, pools) as zones:
        servers = start_up(bench, zones, starts)
        record_idle(bench, servers, count)
        with_targets(bench, zones, 86400)
        knotd = servers["aname"]
        idle = knotd.rss()
        took = farm.warm_up(zones, knotd)
        bench.record(f"{size_text(count)} targets: seconds until all are known, asked through TC",
                     f"{took:.1f}")
        note(OCTETS, "target with 2 + 2 addresses", count, knotd.rss() - idle)
        bench.record("  memory they take, octets each", f"{(knotd.rss() - idle) / count:.0f}")
        record_rest(bench, knotd, count)
        record_reload(bench, servers, count, reloads)
        assert farm.totals(knotd)["addresses"] == 4 * count, "a reload forgot addresses"
    at_ttl_30(bench, count)


def start_up(bench, zones, starts):
    """Starts each kind so many times, by turns; returns those of the last time, running."""
    took = {kind: [] for kind in KINDS}
    cpu = {kind: [] for kind in KINDS}
    for _ in range(starts):
        bench.fresh()
        servers = {}
        for kind in KINDS:
            servers[kind] = zones.start(kind)
            took[kind].append(servers[kind].took)
            cpu[kind].append(servers[kind].cpu)
    count = zones.count
    bench.record(f"{size_text(count)} zones: seconds to start, without the module",
                 f"{statistics.median(took['static']):.2f}")
    for kind, what in MODULES:
        bench.record(f"  with {what} / without: seconds",
                     f"{statistics.median(pairs(took, kind)):.2f}")
        bench.record("    CPU", f"{statistics.median(pairs(cpu, kind)):.2f}")
    note(SECONDS, "CPU to start", count,
         [statistics.median(cpu[kind]) for kind in ("aname", "static")])
    return servers


def pairs(rows, kind):
    return [one / other for one, other in zip(rows[kind], rows["static"])]


def record_idle(bench, servers, count):
    """Memory of servers that nobody has asked anything yet."""
    resident = {kind: knotd.rss() for kind, knotd in servers.items()}
    bench.record(f"{size_text(count)} zones: resident memory per zone, static, octets",
                 f"{resident['static'] / count:.0f}")
    bench.record("  the same with a module that does nothing",
                 f"{resident['bare'] / count:.0f}")
    module = resident["aname"] - resident["bare"]
    bench.record("  this module beyond that, octets a zone", f"{module / count:.0f}")
    note(OCTETS, "idle instance", count, module)
    note(OCTETS, "static zone", count, resident["static"])


def record_reload(bench, servers, count, rounds):
    took = {kind: [] for kind in KINDS}
    cpu = {kind: [] for kind in KINDS}
    for turn in range(rounds):
        for kind in KINDS if turn % 2 == 0 else KINDS[::-1]:
            seconds, processor = farm.reload(servers[kind])
            took[kind].append(seconds)
            cpu[kind].append(processor)
    bench.record(f"{size_text(count)} zones: seconds of knotc reload, without the module",
                 f"{statistics.median(took['static']):.2f}")
    for kind, what in MODULES:
        bar = "<= 1.20" if kind == "aname" and count >= 100000 else ""
        name = f"  reload of {size_text(count)} zones with {what} / without"
        bench.record(f"{name}: seconds", measure.spread(pairs(took, kind), 2), bar)
        bench.record(f"{name}: CPU", measure.spread(pairs(cpu, kind), 2), bar)
    note(SECONDS, "CPU of knotc reload", count,
         [statistics.median(cpu[kind]) for kind in ("aname", "static")])


def share(knotd, seconds):
    """Share of a processor that the service thread takes, in per cent."""
    cpu, start = measure.thread_cpu_ns(knotd.pid, THREAD), time.monotonic()
    time.sleep(seconds)
    cpu = measure.thread_cpu_ns(knotd.pid, THREAD) - cpu
    return cpu / (time.monotonic() - start) / 1e7


def record_rest(bench, knotd, count):
    bench.record(f"{size_text(count)} targets at rest: service thread, % of a processor",
                 f"{share(knotd, 10):.3f}", "<= 0.1")


def one_target(bench, count):
    """So many zones with the same target."""
    with farm.farm(bench, farm.targets_of(1) * count) as zones:
        with_targets(bench, zones, 86400)
        knotd = zones.start("aname")
        idle = knotd.rss()
        farm.warm_up(zones, knotd)
        done = measure.dnsperf(zones.questions(), bench.directory, rate=10000, count=2 * count)
        assert done["lost"] == 0, done
        found = farm.totals(knotd)
        assert found["targets"] == 2 and found["started"] == 2, found
        bench.record(f"{size_text(count)} zones with one target, all asked: octets a zone",
                     f"{(knotd.rss() - idle) / count:.0f}")


def at_ttl_30(bench, count, ttl=30):
    """What the service thread takes to keep targets with this TTL fresh.

    All are learned at once, and so come due about together, round after round, spread over more
    seconds each time: the window begins and ends between two of the first rounds.
    """
    rounds = 2 * 0.825 * ttl
    with farm.farm(bench, farm.targets_of(count)) as zones:
        targets = with_targets(bench, zones, ttl)
        knotd = zones.start("aname")
        farm.warm_up(zones, knotd)
        time.sleep(0.3 * ttl)
        targets.begin()
        before = farm.totals(knotd)
        busy = share(knotd, rounds)
        after = farm.totals(knotd)
        seen = targets.seen()
    lookups = (after["succeeded"] - before["succeeded"]) / rounds
    bench.record(f"{size_text(count)} targets, TTL {ttl}: lookups per second", f"{lookups:.0f}")
    bench.record(f"  failed lookups at TTL {ttl}", f"{after['failed'] - before['failed']}", "0")
    bench.record("  service thread: % of a processor", f"{busy:.2f}")
    bench.record("  service thread: us per lookup", f"{busy * 1e4 / lookups:.1f}")
    record_late(bench, seen)
    note(ALONE, f"CPU of the service thread at TTL {ttl}", count, busy)


BENCHES = {
    "scale": bench_scale,
    "scale-100k": bench_scale_100k,
}
