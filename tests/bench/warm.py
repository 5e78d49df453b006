"""Warm answers against static ones: CPU per query, instructions."""

import os
import shutil
import statistics
import subprocess

import measure
from measure import question, static

A, B = "192.0.2.1", "192.0.2.2"


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


BENCHES = {
    "warm": bench_warm,
    "subnet": bench_subnet,
    "instructions": bench_instructions,
}
