"""Cold names, dead targets, and recursors that are not there."""

import os
import socket
import statistics
import subprocess
import time

import measure
import outage
from measure import question, static

A = "192.0.2.1"
# Where PowerDNS listens.
PEER = "127.0.0.2"


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
    bench.say("recursor stopped, 5 x 10,000 warm queries: lost", "0", "0")
    for key, values in worst.items():
        bench.say(f"  greatest latency of {key} names, ms",
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
        bench.say(what, f"median {statistics.median(rows[suffix]):.1f}, "
                        f"max {max(rows[suffix]):.1f}", bar)


def bench_flood(bench):
    """Another zone's throughput while a thousand dead aliases are asked at 5,000/s.

    The server has a processor for itself; load, recursor and targets share another. The targets'
    server is a socket that nobody reads.
    """
    from harness.zone import aname
    bench.fresh()
    dead_end = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    dead_end.bind(("127.0.0.66", 53))
    os.sched_setaffinity(0, {1})
    bench.start_unbound(stubs={"dead.example": "127.0.0.66"})
    knotd = bench.new_knotd(**{"udp-workers": 1})
    dead = [f"d{i}.test" for i in range(1000)]
    plain = [f"p{i}.test" for i in range(1000)]
    for i, name in enumerate(dead):
        knotd.add_zone(name, [aname(f"t{i}.dead.example")])
    for name in plain:
        knotd.add_zone(name, static([A]), modules=[])
    knotd.add_zone("s.test", static([A]), modules=[])
    knotd.start()
    measure.pin(knotd.pid, 0)

    def throughput(flood, rate=None):
        """Answers of s.test per second, and per second of the server's processor time."""
        helper = None
        if flood:
            path = os.path.join(bench.directory, "flood")
            with open(path, "w", encoding="ascii") as file:
                file.writelines(f"{name} A\n" for name in flood)
            helper = subprocess.Popen(
                ["dnsperf", "-s", "127.0.0.1", "-p", "5300", "-d", path, "-c", "1", "-T", "1",
                 "-Q", "5000", "-q", "5000", "-l", "4"],
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        before = measure.cpu_ns(knotd.pid)
        done = measure.dnsperf([question("s.test")], bench.directory, seconds=3, rate=rate)
        per_cpu = done["completed"] / (measure.cpu_ns(knotd.pid) - before)
        if helper:
            helper.wait()
        return done["qps"], per_cpu

    def flood_cost(names):
        """Processor time of the server for each query of a flood that comes alone."""
        before = measure.cpu_ns(knotd.pid)
        done = measure.dnsperf([question(name) for name in names], bench.directory, seconds=3,
                               rate=5000, outstanding=5000)
        return (measure.cpu_ns(knotd.pid) - before) / done["completed"]

    ratios = [flood_cost(dead) / flood_cost(plain) for _ in range(5)]
    bench.say("flood of dead aliases: CPU per query / static", measure.spread(ratios))

    ratios = [throughput(dead, 5000)[0] / throughput(None, 5000)[0] for _ in range(5)]
    bench.say("  another zone asked 5,000/s: answers / without the flood",
              measure.spread(ratios), ">= 0.90")

    rows = {"none": [], "static": []}
    costs = {"none": [], "static": []}
    for _ in range(7):
        dead_qps, dead_cpu = throughput(dead)
        for key, flood in (("none", None), ("static", plain)):
            qps, per_cpu = throughput(flood)
            rows[key].append(dead_qps / qps)
            costs[key].append(dead_cpu / per_cpu)
    bench.say("  another zone asked as fast as it can be: answers per CPU second",
              measure.spread(costs["none"]), "of no flood")
    bench.say("    against a flood of static names", measure.spread(costs["static"]))
    bench.say("    answers, load and recursor on the other processor",
              measure.spread(rows["none"]), "of no flood")
    bench.say("    against a flood of static names", measure.spread(rows["static"]))
    dead_end.close()
    os.sched_setaffinity(0, range(os.cpu_count()))


BENCHES = {
    "frozen": bench_frozen,
    "cold": bench_cold,
    "flood": bench_flood,
    **outage.BENCHES,
}
