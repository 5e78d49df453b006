"""What `knotc reload` costs with many workers, each of which has counters of every zone."""

import statistics

import farm
import measure
from instructions import Windows

WORKERS = 8
KINDS = ("static", "idle", "bare", "aname")
WHAT = {
    "idle": "a module that does nothing",
    "bare": "the same with this module's counters",
    "aname": "the module",
}


def counted(bench, count):
    """Instructions, in user space."""
    found = {}
    with farm.farm(bench, farm.targets_of(count)) as zones:
        for kind in KINDS:
            out = f"{bench.directory}/callgrind.out"
            knotd = zones.start(kind, WORKERS, [
                "valgrind", "--tool=callgrind", "--separate-threads=no",
                f"--callgrind-out-file={out}"])
            windows = Windows(bench.directory, knotd)

            def reload(knotd=knotd):
                knotd.knotc("-t", "0", "reload", timeout=600)
                return count

            reload()
            found[kind] = windows.count(f"reload.{kind}", reload).instructions
            knotd.kill()
    for kind, instructions in found.items():
        bench.record(f"reload, {WORKERS} + {WORKERS} workers: instructions for each zone, {kind}",
                     f"{instructions:.0f}")
    for kind in KINDS[1:]:
        record(bench, "reload: instructions with", kind, found)
    bench.record("reload: instructions with the module / with one that does nothing",
                 f"{found['aname'] / found['idle']:.3f}", "<= 1.20")


def record(bench, name, kind, found):
    bench.record(f"{name} {WHAT[kind]} / without", f"{found[kind] / found['static']:.3f}")


def timed(bench, count, rounds):
    """Processor time, and that of the kernel is in it."""
    with farm.farm(bench, farm.targets_of(count)) as zones:
        servers = {kind: zones.start(kind, WORKERS) for kind in KINDS}
        resident = {kind: knotd.rss() / count for kind, knotd in servers.items()}
        cpu = {kind: [] for kind in KINDS}
        for turn in range(rounds):
            for kind in KINDS if turn % 2 == 0 else KINDS[::-1]:
                cpu[kind].append(farm.reload(servers[kind])[1])
    name = f"reload of {count:,} zones, {WORKERS} + {WORKERS} workers: CPU with"
    for kind in KINDS:
        bench.record(f"{name} {kind}, seconds", f"{statistics.median(cpu[kind]):.2f}")
        bench.record(f"memory for each zone before, {kind}, octets", f"{resident[kind]:.0f}")
    for kind in KINDS[1:]:
        ratios = [one / other for one, other in zip(cpu[kind], cpu["static"])]
        bench.record(f"{name} {WHAT[kind]} / without", measure.spread(ratios, 2))
    ratios = [one / other for one, other in zip(cpu["aname"], cpu["idle"])]
    bench.record(f"{name} the module / with one that does nothing", measure.spread(ratios, 2),
                 "<= 1.20")


def bench_reload(bench):
    """knotc reload with 8 workers for UDP and 8 for TCP, with the module, with one that does
    nothing, and with none: instructions with 1,000 zones, under callgrind, and processor time with
    20,000. Two minutes."""
    counted(bench, 1000)
    timed(bench, 20000, bench.pairs(9))


BENCHES = {
    "reload": bench_reload,
}
