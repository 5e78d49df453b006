"""Cold names, dead targets, and recursors that are not there."""

import os
import socket
import statistics
import time

import measure
import notready
import outage
from measure import question, static

A = "192.0.2.1"
# Where PowerDNS listens.
PEER = "127.0.0.2"
# Queries a second for dead aliases.
FLOOD = 5000


def bench_frozen(bench):
    """Warm names while the recursor is stopped."""
    from harness.scenario import known
    from harness.zone import aname
    bench.fresh()
    unbound = bench.start_unbound()
    names = [f"w{i}.test" for i in range(20)]
    knotd = bench.new_knotd()
    knotd.options = {"ttl-max": 1}
    for i, name in enumerate(names):
        bench.authority.set(f"t{i}.example.net", a=[A], aaaa=["2001:db8::1"])
        knotd.add_zone(name, [aname(f"t{i}.example.net")])
    knotd.add_zone("s.test", static([A]), modules=[])
    knotd.start()
    for name in names:
        known(name)
    unbound.freeze()
    time.sleep(2.5)

    worst = {"warm": [], "static": []}
    for _ in range(5):
        for key, asked in (("warm", names), ("static", ["s.test"])):
            done = measure.dnsperf([question(one) for one in asked], bench.directory,
                                   count=10000, rate=10000)
            assert done["lost"] == 0 and "NOERROR" in done["codes"], done
            assert "SERVFAIL" not in done["codes"], done
            worst[key].append(done["latency_max"] * 1000)
    bench.record("recursor stopped, 5 x 10,000 warm queries: lost", "0", "0")
    for key, values in worst.items():
        bench.record(f"  greatest latency of {key} names, ms",
                     f"median {statistics.median(values):.2f}, best {min(values):.2f}")
    unbound.thaw()


def bench_cold(bench):
    """First answer for a client of a recursor, against the target's own latency.

    Beside it PowerDNS with ALIAS, by turns; both ask the same recursor for their targets.
    """
    from harness.powerdns import PowerDNS
    from harness.unbound import ask
    from harness.zone import aname, zone_text
    bench.fresh()
    delay, count = 0.03, 40
    bench.start_unbound(stubs={"test": "127.0.0.1@5300", "peer": f"{PEER}@5300"},
                        server="  infra-cache-max-rtt: 120000")
    knotd = bench.new_knotd()
    peers = {}
    for i in range(count):
        for target in (f"t{i}.example.net", f"p{i}.example.net"):
            bench.authority.set(target, a=[A], delay=delay)
        knotd.add_zone(f"c{i}.test", [aname(f"t{i}.example.net")])
        peers[f"c{i}.peer"] = zone_text(f"c{i}.peer", [f"@ 300 IN ALIAS p{i}.example.net."])
    knotd.start()
    powerdns = PowerDNS(bench.directory, PEER, peers)
    bench.daemons.append(powerdns)
    powerdns.start()

    def took(name):
        start = time.monotonic()
        reply = ask(name, timeout=10)
        seconds = time.monotonic() - start
        reply.expect(a=(A,), aa=None)
        return (seconds - delay) * 1000

    rows = {"test": [], "peer": []}
    for i in range(count):
        for suffix in ("test", "peer") if i % 2 == 0 else ("peer", "test"):
            rows[suffix].append(took(f"c{i}.{suffix}"))
    for suffix, what, bar in (("test", "cold A through a recursor, ms beyond the target's 30 ms",
                               "<= 50"),
                              ("peer", "  the same of PowerDNS with ALIAS", "")):
        bench.record(f"{what}: median", f"{statistics.median(rows[suffix]):.1f}", bar)
        bench.record("    largest", f"{max(rows[suffix]):.1f}")


class Flood:
    """A server with a processor for itself, another zone on it, and a flood of names.

    Load, recursor and targets share the other processor.
    """

    def __init__(self, bench, daemon, address, other):
        self.bench, self.daemon, self.address = bench, daemon, address
        self.other = other
        self.rates = []  # What the floods came to, in queries a second.
        measure.pin(daemon.pid, 0)

    def load(self, names, **how):
        return measure.dnsperf_start([question(name) for name in names], self.bench.directory,
                                     server=self.address, **how)

    def throughput(self, flood, rate=None):
        """Answers of the other zone per second, and per nanosecond of processor time."""
        beside = flood and self.load(flood, seconds=4, rate=FLOOD, outstanding=FLOOD)
        before = measure.cpu_ns(self.daemon.pid)
        done = measure.dnsperf_result(self.load([self.other], seconds=3, rate=rate))
        per_cpu = done["completed"] / (measure.cpu_ns(self.daemon.pid) - before)
        if beside:
            self.rates.append(measure.dnsperf_result(beside)["sent"] / 4)
        return done["qps"], per_cpu

    def cost(self, names):
        """Processor time of the server for each query of a flood that comes alone."""
        before = measure.cpu_ns(self.daemon.pid)
        done = measure.dnsperf_result(self.load(names, seconds=3, rate=FLOOD, outstanding=FLOOD))
        return (measure.cpu_ns(self.daemon.pid) - before) / done["completed"]

    def kept(self, flood, count):
        """Answers of the other zone when it is asked for 5,000 a second, with / without."""
        return [self.throughput(flood, 5000)[0] / self.throughput(None, 5000)[0]
                for _ in range(count)]


def bench_flood(bench):
    """Another zone's throughput while a thousand dead aliases are asked at 5,000/s.

    The targets' server is a socket that nobody reads.
    """
    bench.fresh()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as dead_end:
        dead_end.bind(("127.0.0.66", 53))
        os.sched_setaffinity(0, {1})
        try:
            bench.start_unbound(stubs={"dead.example": "127.0.0.66"})
            flood_module(bench)
            flood_powerdns(bench)
        finally:
            os.sched_setaffinity(0, range(os.cpu_count()))


def flood_module(bench):
    from harness.zone import aname
    knotd = bench.new_knotd(**{"udp-workers": 1})
    dead = [f"d{i}.test" for i in range(1000)]
    plain = [f"p{i}.test" for i in range(1000)]
    for i, name in enumerate(dead):
        knotd.add_zone(name, [aname(f"t{i}.dead.example")])
    for name in plain:
        knotd.add_zone(name, static([A]), modules=[])
    knotd.add_zone("s.test", static([A]), modules=[])
    knotd.start()
    flood = Flood(bench, knotd, ("127.0.0.1", 5300), "s.test")

    ratios = [flood.cost(dead) / flood.cost(plain) for _ in range(bench.pairs(5))]
    bench.record("flood of dead aliases: CPU per query / static", measure.spread(ratios))
    bench.record("  another zone asked 5,000/s: answers / without the flood",
                 measure.spread(flood.kept(dead, bench.pairs(5))), ">= 0.90")

    rows = {"none": [], "static": []}
    costs = {"none": [], "static": []}
    for _ in range(bench.pairs(7)):
        dead_qps, dead_cpu = flood.throughput(dead)
        for key, names in (("none", None), ("static", plain)):
            qps, per_cpu = flood.throughput(names)
            rows[key].append(dead_qps / qps)
            costs[key].append(dead_cpu / per_cpu)
    bench.record("  another zone asked as fast as it can be: answers per CPU second",
                 measure.spread(costs["none"]), "of no flood")
    bench.record("    against a flood of static names", measure.spread(costs["static"]))
    bench.record("    answers, load and recursor on the other processor",
                 measure.spread(rows["none"]), "of no flood")
    bench.record("    against a flood of static names", measure.spread(rows["static"]))
    bench.record("  the floods: queries per second sent, least",
                 f"{min(flood.rates):.0f}", f">= {0.95 * FLOOD:.0f}")
    knotd.kill()


def flood_powerdns(bench):
    """The same of PowerDNS, with all the dead names in one zone."""
    from harness.powerdns import PowerDNS
    from harness.zone import zone_text
    dead = [f"d{i}.dead.peer" for i in range(1000)]
    powerdns = PowerDNS(bench.directory, PEER, {
        "dead.peer": zone_text("dead.peer", [f"d{i} 300 IN ALIAS t{i}.dead.example."
                                             for i in range(1000)]),
        "s.peer": zone_text("s.peer", static([A]))})
    bench.daemons.append(powerdns)
    powerdns.start()
    flood = Flood(bench, powerdns, (PEER, 5300), "s.peer")
    bench.record("  PowerDNS with ALIAS, another zone asked 5,000/s: answers / without",
                 measure.spread(flood.kept(dead, bench.pairs(5))))


BENCHES = {
    "frozen": bench_frozen,
    "cold": bench_cold,
    "flood": bench_flood,
    **notready.BENCHES,
    **outage.BENCHES,
}
