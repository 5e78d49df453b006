"""The measurements. Ratios within one run, from alternating pairs."""

import argparse
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

import measure
import refresh

A, B = "192.0.2.1", "192.0.2.2"


def question(name, rdtype="A"):
    return (name, rdtype)


class Bench:
    """A server, a recursor, a target authority, and what was measured."""

    def __init__(self):
        from harness.authority import Authority
        self.authority = Authority()
        self.rows = []
        self.daemons = []
        self.directory = None

    def say(self, name, value, bar=""):
        self.rows.append({"measured": name, "value": value, "bar": bar})
        print(f"{name:58} {value:>34}   {bar}", flush=True)

    def fresh(self):
        """A directory of its own for the next measurement."""
        self.close()
        self.directory = tempfile.mkdtemp(prefix="bench-")
        return self.directory

    def start_unbound(self, **how):
        from harness.unbound import Unbound
        unbound = Unbound(self.directory, **how)
        unbound.start()
        self.daemons.append(unbound)
        return unbound

    def new_knotd(self, **server):
        from harness.knotd import Knotd
        knotd = Knotd(self.directory)
        knotd.server.update(server)
        self.daemons.append(knotd)
        return knotd

    def close(self):
        for daemon in reversed(self.daemons):
            daemon.kill()
        self.daemons = []
        if self.directory:
            shutil.rmtree(self.directory)
            self.directory = None


def static(addresses):
    return [f"@ 300 IN A {address}" for address in addresses]


def bench_warm(bench):
    """CPU per query of a warm apex against the server's own static one."""
    from harness.scenario import known
    from harness.zone import aname
    bench.fresh()
    bench.start_unbound()
    bench.authority.set("cdn.example.net", a=[A, B])
    bench.authority.set("four.example.net", a=[A])
    knotd = bench.new_knotd(**{"udp-workers": 1, "tcp-workers": 2})
    knotd.add_zone("a.test", [aname("cdn.example.net"), "www IN CNAME @"])
    knotd.add_zone("s.test", [*static([A, B]), "www IN CNAME @"], modules=[])
    knotd.start()
    known("a.test")

    def cost(name, rdtype, tcp):
        before = measure.cpu_ns(knotd.pid)
        done = measure.dnsperf([question(name, rdtype)], bench.directory, count=60000, tcp=tcp)
        assert done["lost"] == 0, f"{name}: {done}"
        return (measure.cpu_ns(knotd.pid) - before) / done["completed"]

    for label, left, right, rdtype, tcp in (
        ("warm A, UDP: CPU per query / static", "a.test", "s.test", "A", False),
        ("warm A, TCP: CPU per query / static", "a.test", "s.test", "A", True),
        ("warm AAAA NODATA, UDP: CPU per query / static", "a.test", "s.test", "AAAA", False),
        ("warm www CNAME @, UDP: CPU per query / static", "www.a.test", "www.s.test", "A", False),
    ):
        ratios, costs = [], []
        for turn in range(15):
            pair = [(left, rdtype), (right, rdtype)]
            first, second = pair if turn % 2 == 0 else pair[::-1]
            one, other = cost(*first, tcp), cost(*second, tcp)
            mine, static_ = (one, other) if turn % 2 == 0 else (other, one)
            ratios.append(mine / static_)
            costs.append(static_ / 1000)
        bench.say(label, measure.spread(ratios), "<= 1.05" if rdtype == "A" and not tcp else "")
        bench.say("  static: microseconds of CPU per query", f"{statistics.median(costs):.2f}")


def bench_subnet(bench):
    """CPU per query of a warm apex for a client's subnet, against the server's own static one."""
    from harness.authority import Behaviour
    from harness.scenario import known
    from harness.zone import aname
    bench.fresh()
    bench.authority.behave("cdn.example.net", "A", lambda subnet: Behaviour(
        rdata=(A, B), ttl=3600, scope=subnet.source if subnet else None))
    knotd = bench.new_knotd(**{"udp-workers": 1, "edns-client-subnet": "on"})
    knotd.options.update({"resolver": "127.0.0.53", "ecs": "on", "max-target-subnets": 1000})
    knotd.add_zone("a.test", [aname("cdn.example.net", ttl=3600)])
    knotd.add_zone("s.test", static([A, B]), modules=[])
    knotd.start()
    known("a.test", "A")
    # The prefix is found at the first length in use, or behind others that do not match.
    for length in (24, 20, 18, 16):
        known("a.test", "A", ecs=f"198.51.96.0/{length}")
    # Family 1, so many bits, scope 0, address.
    for label, option in (("/24", "8:00011800c63360"), ("/24, kept for /16", "8:00011800c63301")):
        if "kept" in label:
            known("a.test", "A", ecs="198.51.0.0/16")
        def cost(name):
            before = measure.cpu_ns(knotd.pid)
            done = measure.dnsperf([question(name)], bench.directory, count=60000, option=option)
            assert done["lost"] == 0, f"{name}: {done}"
            return (measure.cpu_ns(knotd.pid) - before) / done["completed"]
        ratios = []
        for turn in range(15):
            first, second = ("a.test", "s.test") if turn % 2 == 0 else ("s.test", "a.test")
            one, other = cost(first), cost(second)
            ratios.append(one / other if turn % 2 == 0 else other / one)
        bench.say(f"warm A for a client {label}, UDP: CPU per query / static",
                  measure.spread(ratios), "<= 1.10")


def bench_instructions(bench):
    """The same by counting instructions in user space, under callgrind."""
    from harness.scenario import known
    from harness.zone import aname
    bench.fresh()
    bench.start_unbound()
    bench.authority.set("cdn.example.net", a=[A, B])
    knotd = bench.new_knotd(**{"udp-workers": 1, "tcp-workers": 1})
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    knotd.add_zone("a.test", [aname("cdn.example.net", ttl=3600), "www IN CNAME @"])
    knotd.add_zone("s.test", [*static([A, B]), "www IN CNAME @"], modules=[])
    knotd.start()
    known("a.test", timeout=60)

    def control(*arguments):
        subprocess.run(["callgrind_control", *arguments, str(knotd.pid)], check=True,
                       capture_output=True, timeout=60)

    def count(name, rdtype, turn, queries=20000):
        control("-z")
        done = measure.dnsperf([question(name, rdtype)], bench.directory, count=queries)
        control("-d")
        path = os.path.join(bench.directory, f"callgrind.out.{turn}")
        with open(path, encoding="utf-8") as dump:
            totals = [line for line in dump if line.startswith(("totals:", "summary:"))]
        if os.environ.get("ANAME_PROFILE"):
            shutil.copy(path, f"{os.environ['ANAME_PROFILE']}.{name}.{rdtype}")
        return int(totals[0].split()[1]) / done["completed"]

    turn = 0
    for label, name, rdtype in (("A", "", "A"), ("AAAA NODATA", "", "AAAA"),
                                ("www CNAME @", "www.", "A")):
        mine, theirs = count(f"{name}a.test", rdtype, turn + 1), count(f"{name}s.test", rdtype, turn + 2)
        turn += 2
        bench.say(f"warm {label}, UDP: instructions per query / static",
                  f"{mine:.0f} / {theirs:.0f} = {mine / theirs:.3f}")


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
    """First answer for a client of a recursor, against the target's own latency."""
    from harness.unbound import ask
    from harness.zone import aname
    bench.fresh()
    delay, count = 0.03, 40
    bench.start_unbound(stubs={"test": "127.0.0.1@5300"},
                        server="  infra-cache-max-rtt: 120000")
    knotd = bench.new_knotd()
    for i in range(count):
        bench.authority.set(f"t{i}.example.net", a=[A], delay=delay)
        knotd.add_zone(f"c{i}.test", [aname(f"t{i}.example.net")])
    knotd.start()
    took = []
    for i in range(count):
        start = time.monotonic()
        reply = ask(f"c{i}.test", timeout=10)
        took.append((time.monotonic() - start) * 1000 - delay * 1000)
        reply.expect(a=(A,), aa=None)
    quantile = sorted(took)
    bench.say("cold A through a recursor, ms beyond the target's 30 ms",
              f"median {statistics.median(took):.1f}, max {quantile[-1]:.1f}", "<= 50")


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


def bench_scale(bench):
    """Ten thousand zones of one template."""
    from harness.ask import SERVER, query
    from harness.zone import aname, zone_text
    count = 10000
    resident = {}
    for kind in ("without", "with"):
        bench.fresh()
        bench.start_unbound(cache=True, cache_ttl=300)
        knotd = bench.new_knotd()
        knotd.with_module = kind == "with"
        knotd.template = {"module": "mod-aname"} if knotd.with_module else {}
        for i in range(count):
            knotd.add_zone(f"z{i}.test", text=zone_text(f"z{i}.test",
                                                        [aname(f"t{i}.example.net", ttl=300)]),
                           modules=None if knotd.with_module else [])
        start = time.monotonic()
        knotd.start()
        from harness.wait import eventually
        eventually(lambda: len(knotd.knotc("zone-status").stdout.splitlines()) >= count
                   and "serial: none" not in knotd.knotc("zone-status").stdout
                   and "| serial: -" not in knotd.knotc("zone-status").stdout,
                   timeout=120, what="all zones are loaded")
        bench.say(f"10,000 zones {kind} the module: seconds to load",
                  f"{time.monotonic() - start:.1f}")
        resident[kind] = knotd.rss()
        if kind == "with":
            for i in range(count):
                bench.authority.set(f"t{i}.example.net", a=[A, B],
                                    aaaa=["2001:db8::1", "2001:db8::2"])
            first_answers(bench, knotd, count)
            bench.say("memory per idle zone instance, octets",
                      f"{(resident['with'] - resident['without']) / count:.0f}")
            bench.say("memory per target with 2 + 2 addresses, octets",
                      f"{(knotd.rss() - resident['with']) / count:.0f}")


def first_answers(bench, knotd, count):
    """Ask every zone for both families until each is answered."""
    start = time.monotonic()
    questions = [(f"z{i}.test", rdtype) for i in range(count) for rdtype in ("A", "AAAA")]
    asked = 0
    while True:
        done = measure.dnsperf(questions, bench.directory, count=len(questions), rate=4000)
        asked += done["completed"]
        totals = knotd.stats("z0.test")
        from harness.ask import query
        late = [name for name, rdtype in questions[:: 997] if query(name, rdtype).tc]
        if not late or asked > 10 * len(questions):
            break
    assert not late, f"still cold after {asked} queries: {late[:3]}, {totals}"
    bench.say("  every zone answers both families after, seconds", f"{time.monotonic() - start:.1f}")


def bench_signed(bench):
    """Warm signed answers against the server's own signed ones, and against mod-onlinesign."""
    from harness.knotd import section
    from harness.scenario import known
    from harness.validator import signed
    from harness.zone import aname
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set("cdn.example.net", a=[A, B], ttl=3600)
    knotd = bench.new_knotd(**{"udp-workers": 1, "tcp-workers": 2})
    knotd.sections.append(section("policy", "online", **{"single-type-signing": True}))
    knotd.sections.append(section("mod-onlinesign", "online", policy="online"))
    own = {"dnssec-signing": True}
    record = aname("cdn.example.net", ttl=3600)
    knotd.add_zone("a.test", [record, "www IN CNAME @"], zone_options=own)
    knotd.add_zone("s.test", [*static([A, B]), "www IN CNAME @"], modules=[], zone_options=own)
    knotd.add_zone("u.test", [record])
    knotd.add_zone("o.test", [record], modules=["mod-aname", "mod-onlinesign/online"])
    knotd.start()
    for name in ("a.test", "s.test"):
        signed(name)
    for name in ("a.test", "u.test", "o.test"):
        known(name, do=True)
    # The server on one processor, the load on the other.
    os.sched_setaffinity(0, {1})
    measure.pin(knotd.pid, 0)

    def run(name, rdtype, count=40000):
        before = measure.cpu_ns(knotd.pid)
        done = measure.dnsperf([question(name, rdtype)], bench.directory, count=count, do=True)
        assert done["lost"] == 0, f"{name}: {done}"
        return (measure.cpu_ns(knotd.pid) - before) / done["completed"], done["qps"]

    def compare(label, left, right, rdtype, bar, turns=15, count=40000):
        ratios, costs = [], []
        for turn in range(turns):
            pair = [(left, rdtype, count), (right, rdtype, count)]
            results = [run(*one) for one in (pair if turn % 2 == 0 else pair[::-1])]
            mine, other = results if turn % 2 == 0 else results[::-1]
            ratios.append(mine[0] / other[0])
            costs.append(other[0] / 1000)
        bench.say(label, measure.spread(ratios), bar)
        bench.say("  the other: microseconds of CPU per query", f"{statistics.median(costs):.2f}")

    compare("warm signed A, DO: CPU per query / signed static", "a.test", "s.test", "A", "<= 1.05")
    compare("warm signed AAAA NODATA, DO: CPU per query / static", "a.test", "s.test", "AAAA", "")
    compare("warm signed www CNAME @, DO: CPU per query / static", "www.a.test", "www.s.test",
            "A", "")
    compare("warm A of an unsigned zone, DO: CPU per query / signed", "u.test", "a.test", "A", "")

    rows = []
    for _ in range(9):
        mine, online = run("a.test", "A"), run("o.test", "A", count=4000)
        rows.append((online[0] / mine[0], mine[1] / online[1]))
    os.sched_setaffinity(0, range(os.cpu_count()))
    bench.say("warm signed A, DO: answers per CPU second / mod-onlinesign",
              measure.spread([row[0] for row in rows]), ">= 8")
    bench.say("  answers per second, as far as the load goes",
              measure.spread([row[1] for row in rows]))
    bench_signed_scale(bench)


def bench_signed_scale(bench):
    """Ten thousand signed zones: what their keys cost."""
    from harness.ask import query
    from harness.process import Daemon
    from harness.wait import eventually
    from harness.zone import aname, zone_text
    count = 10000
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set("cdn.example.net", a=[A, B], aaaa=["2001:db8::1"], ttl=3600)
    knotd = bench.new_knotd(**{"background-workers": 2})
    knotd.template = {"module": "mod-aname", "dnssec-signing": True}
    knotd.database = {"kasp-db-max-size": "500M"}
    for i in range(count):
        knotd.add_zone(f"z{i}.test", text=zone_text(f"z{i}.test",
                                                    [aname("cdn.example.net", ttl=3600)]))

    def load():
        # Its control socket is there when the zones have been read, which takes long.
        knotd.write_conf()
        Daemon.start(knotd)
        eventually(knotd.controllable, timeout=600, what="knotd accepts control commands")
        eventually(lambda: "serial: -" not in (status := knotd.knotc("zone-status").stdout)
                   and "serial: none" not in status and status.count("serial:") >= count,
                   timeout=600, step=0.5, what="all zones are loaded")

    load()  # Makes the keys, which is not what is measured.
    for kind in ("without", "with"):
        knotd.finish(timeout=60)
        knotd.with_module = kind == "with"
        knotd.template = {"dnssec-signing": True}
        if knotd.with_module:
            knotd.template["module"] = "mod-aname"
        start = time.monotonic()
        load()
        bench.say(f"10,000 signed zones {kind} the module: seconds to start, keys made before",
                  f"{time.monotonic() - start:.1f}")
    before, cpu = knotd.rss(), measure.cpu_ns(knotd.pid)
    questions = [(f"z{i}.test", "A") for i in range(count)]
    start = time.monotonic()
    asked = 0
    while asked == 0 or any(query(*one, do=True).tc for one in questions[::97]):
        done = measure.dnsperf(questions, bench.directory, count=count, rate=5000, do=True)
        asked += done["completed"]
    bench.say("  first signed A of every zone after, seconds", f"{time.monotonic() - start:.1f}")
    bench.say("    with so many queries", f"{asked}")
    bench.say("    CPU per zone, microseconds (key, signature, answers)",
              f"{(measure.cpu_ns(knotd.pid) - cpu) / count / 1000:.0f}")
    bench.say("  memory per zone whose key is in use, octets",
              f"{(knotd.rss() - before) / count:.0f}")


BENCHES = {
    "warm": bench_warm,
    "subnet": bench_subnet,
    "instructions": bench_instructions,
    "frozen": bench_frozen,
    "cold": bench_cold,
    "flood": bench_flood,
    "scale": bench_scale,
    "signed": bench_signed,
    **refresh.BENCHES,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default=os.path.join(
        os.path.dirname(__file__), "../../build/plain/module/aname.so"))
    parser.add_argument("--json", help="write the table to this file, too")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME",
                        help=f"what to measure: {' '.join(BENCHES)} (default: all)")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.module):
        sys.exit(f"there is no {arguments.module}: build it, or name it with --module")
    os.environ["ANAME_MODULE"] = os.path.abspath(arguments.module)

    from harness import namespace
    namespace.isolate()
    bench = Bench()
    try:
        for name in arguments.names or BENCHES:
            BENCHES[name](bench)
    finally:
        bench.close()
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(bench.rows, file, indent=1)


if __name__ == "__main__":
    main()
