"""A million of targets, and a million of zones: what memory they take, and that they work.

Both need some gigabytes and many minutes, and run only if they are named.
"""

import contextlib
import os
import shutil
import tempfile
import time

import farm
import measure
import world
from saved import own_word, path_of
from scale import record_rest, with_targets

MILLION = 1000000
# Targets in one zone.
POOL = 32
# knotd's own limit on its configuration, in MiB, is 500.
CONFIGURATION = ["--max-conf-size", "4096"]


def sized(bench):
    return MILLION // 50 if bench.quick else MILLION


def bench_targets_1m(bench):
    """A million targets with 2 + 2 addresses, 32 in each zone: memory, state file, restart. 10 minutes."""
    count = sized(bench) // POOL * POOL
    pools = [[f"t{i}.{world.SUFFIX}" for i in range(first, first + POOL)]
             for first in range(0, count, POOL)]
    options = {"max-targets": 3 * count, "lookup-rate": 1000000, "max-lookups": 300,
               "state-interval": 3600}
    with farm.farm(bench, pools) as zones:
        with_targets(bench, zones, 86400)
        knotd = zones.start("aname", **options)
        idle = knotd.rss()
        bench.record(f"{zones.count:,} zones with {POOL} targets each: resident before, MiB",
                     f"{idle / 2**20:.0f}")
        took = farm.warm_up(zones, knotd, timeout=1800)
        known = knotd.rss()
        bench.record(f"{count:,} targets: seconds until all are known", f"{took:.0f}")
        bench.record("  resident when all are known, MiB", f"{known / 2**20:.0f}")
        bench.record("  memory they take, octets each, with what their zones keep",
                     f"{(known - idle) / count:.0f}")
        record_rest(bench, knotd, count)
        assert farm.totals(knotd)["addresses"] == 4 * count, "not all are there"
        seconds, _ = farm.reload(knotd)
        bench.record("  knotc reload, seconds", f"{seconds:.1f}")
        assert farm.totals(knotd)["addresses"] == 4 * count, "a reload forgot addresses"
        start = time.monotonic()
        knotd.finish(timeout=300)
        bench.record("  stop, with what is known saved, seconds", f"{time.monotonic() - start:.1f}")
        bench.record("  octets of the state file for each target of one family",
                     f"{os.path.getsize(path_of(knotd)) / (2 * count):.1f}")
        again = zones.start("aname", **options)
        found = farm.totals(again)
        assert found["addresses"] == 4 * count, f"a restart forgot: {found}"
        bench.record("  after a restart all are known; reading the file took, ms",
                     own_word(again).get("loaded", "?"))
        bench.record("  resident then, MiB", f"{again.rss() / 2**20:.0f}")


class Alike(farm.Farm):
    """Zones of which all have the same file."""

    def __init__(self, bench, count):  # pylint: disable=super-init-not-called
        from harness.zone import aname, zone_text
        self.bench, self.count = bench, count
        self.directory = tempfile.mkdtemp(prefix="bench-", dir=farm.MEMORY)
        self.pools = [[f"t0.{world.SUFFIX}"]] * count
        for kind in ("static", "aname"):
            os.mkdir(self.files(kind))
            records = measure.static(["192.0.2.1"]) if kind == "static" else [
                aname(self.pools[0][0], ttl=86400)]
            with open(os.path.join(self.files(kind), "all"), "w", encoding="ascii") as file:
                # Without $ORIGIN.
                file.write(zone_text("any.test", records).split("\n", 1)[1])


@contextlib.contextmanager
def alike(bench, count):
    bench.fresh()
    made = Alike(bench, count)
    try:
        yield made
    finally:
        bench.close()
        shutil.rmtree(made.directory)


def bench_zones_1m(bench):
    """A million zones of four records on one target: memory and start, one server at a time. 15 minutes."""
    count = sized(bench)
    resident = {}
    with alike(bench, count) as zones:
        for kind in ("static", "bare", "aname"):
            if kind == "aname":
                with_targets(bench, zones, 86400)
            knotd = zones.start(kind, template={"file": "all"}, arguments=CONFIGURATION)
            resident[kind] = knotd.rss()
            bench.record(f"{count:,} zones, {kind}: resident, MiB", f"{resident[kind] / 2**20:.0f}")
            bench.record("  seconds to start", f"{knotd.took:.0f}")
            if kind != "aname":
                knotd.kill()
                bench.daemons.remove(knotd)
        bench.record("  a zone without the module, octets", f"{resident['static'] / count:.0f}")
        bench.record("  what any module adds, octets",
                     f"{(resident['bare'] - resident['static']) / count:.0f}")
        bench.record("  this module beyond that, octets",
                     f"{(resident['aname'] - resident['bare']) / count:.0f}")
        ask_all(bench, zones, knotd)
        bench.record("  more when all were asked for, octets a zone",
                     f"{(knotd.rss() - resident['aname']) / count:.0f}")
        seconds, _ = farm.reload(knotd, timeout=1800)
        bench.record("  knotc reload, seconds", f"{seconds:.0f}")


def ask_all(bench, zones, knotd):
    """Each zone once, for A, over TCP first until the target is known."""
    first = [(farm.zone(0), rdtype) for rdtype in ("A", "AAAA")]
    measure.dnsperf(first, bench.directory, count=20, tcp=True)
    assert farm.totals(knotd)["addresses"] == 2 * world.ADDRESSES
    step = 100000
    for begin in range(0, zones.count, step):
        some = [(farm.zone(i), "A") for i in range(begin, min(begin + step, zones.count))]
        done = measure.dnsperf(some, bench.directory, count=len(some))
        assert done["lost"] == 0 and done["codes"].startswith("NOERROR"), done
    found = farm.totals(knotd)
    assert found["targets"] == 2, found


BENCHES = {"targets-1m": bench_targets_1m, "zones-1m": bench_zones_1m}
