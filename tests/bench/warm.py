"""Warm answers: this module beside other servers, at full load and at half of it."""

import dataclasses
import os
import statistics

import measure
from measure import question, static

A, B = "192.0.2.1", "192.0.2.2"
WINDOW = 128


@dataclasses.dataclass
class Case:
    """What is asked, and of how many workers.

    proto: udp, tcp, or tcp1 for one query over each connection
    pairs: how many pairs with static; others get a third of them
    """

    label: str
    proto: str
    do: bool
    workers: int
    pairs: int
    rdtype: str = "A"
    owner: str = ""
    records: int = 2

    @property
    def sockets(self):
        # Enough for the kernel to spread them over the workers.
        if self.workers > 1:
            return 16 * self.workers
        # One query each: no more than what knotd lets wait for being accepted, 10.
        return {"udp": 1, "tcp": 4, "tcp1": 8}[self.proto]

    @property
    def window(self):
        return self.sockets if self.proto == "tcp1" else WINDOW


def cases_of(workers):
    """UDP first: those are the ones with bars."""
    number = f"{workers} worker" + ("s" if workers > 1 else "")
    cases = [
        Case(f"A, UDP, {number}", "udp", False, workers, 15),
        Case(f"A, TCP, {number}", "tcp", False, workers, 9),
        Case(f"signed A, UDP, {number}", "udp", True, workers, 15, records=3),
        Case(f"signed A, TCP, {number}", "tcp", True, workers, 9, records=3),
    ]
    if workers == 1:
        # What PowerDNS does to every TCP client that asks for an ALIAS.
        cases.insert(2, Case(f"A, TCP, a connection for each query, {number}", "tcp1", False,
                             workers, 9))
    return cases


def ask(case, peer, seconds, rate=0):
    """Load for one server; adds to the load's numbers what it cost."""
    alone = not set.intersection(*measure.processors(case.workers))
    before = peer.cpu_ns()
    done = measure.load(case.owner + peer.zone(case.do), case.rdtype, server=peer.server,
                        proto=case.proto, do=case.do, records=case.records, sockets=case.sockets,
                        window=case.window, rate=rate, seconds=seconds, spin=alone and rate > 0)
    cost = peer.cpu_ns() - before
    return done | {"qps": done["answered"] / done["seconds"], "cpu": cost / done["answered"] / 1000,
                   "busy": cost / 1e9 / done["seconds"],
                   "lost": 100 * done["lost"] / (done["answered"] + done["lost"])}


def compare(bench, case, peers):
    """Pairs of the module and each of the others; {label: results at full load}."""
    mine, results = peers[0], {peers[0].label: []}
    for other in peers[1:]:
        count = case.pairs if other is peers[1] else case.pairs // 3
        pairs = measure.alternate(bench.pairs(count), lambda: ask(case, mine, bench.seconds(0.4)),
                                  lambda other=other: ask(case, other, bench.seconds(0.4)))
        results[mine.label] += [left for left, _ in pairs]
        results[other.label] = [right for _, right in pairs]
        record_ratios(bench, case, other.label, pairs)
    return results


def record_ratios(bench, case, label, pairs):
    import peers
    # Connections are the server's affair, and most of the cost where each query has its own.
    barred = case.rdtype == "A" and not case.owner and case.proto != "tcp1"
    bars = {peers.STATIC: ("<= 1.05", ""), peers.ALIAS: ("", ">= 3"),
            peers.ALIAS_UNCACHED: ("", ">= 3")}
    cpu_bar, throughput_bar = bars.get(label, ("", "")) if barred else ("", "")
    bench.record(f"{case.label}: CPU per query / {label}",
                 measure.spread([left["cpu"] / right["cpu"] for left, right in pairs]), cpu_bar)
    bench.record(f"{case.label}: answers per second / {label}",
                 measure.spread([left["qps"] / right["qps"] for left, right in pairs], 2),
                 throughput_bar)


def half_load(bench, case, peers, results):
    """{label: results at half of that server's own full load}."""
    found = {peer.label: [] for peer in peers}
    for turn in range(bench.pairs(4)):
        for peer in peers if turn % 2 == 0 else peers[::-1]:
            rate = statistics.median(one["qps"] for one in results[peer.label]) / 2
            found[peer.label].append(ask(case, peer, bench.seconds(0.6), rate))
    return found


def measure_case(bench, case, peers):
    measured = []
    for peer in peers:
        reason = peer.wrong(case.proto, case.do)
        if reason:
            bench.record(f"{case.label}, {peer.label}", f"not measured: {reason}")
        else:
            measured.append(peer)
    full = compare(bench, case, measured)
    half = half_load(bench, case, measured, full)
    for label, results in full.items():
        cells = {
            "answers per second": ([one["qps"] for one in results], 0, ""),
            "CPU per query": ([one["cpu"] for one in results], 2, "µs"),
            # Where it is far below the number of workers, the load was the limit.
            "processors busy": ([one["busy"] for one in results], 2, ""),
        }
        for key in ("p50", "p99", "p99.9"):
            cells[f"{key} at half load"] = ([one[key] for one in half[label]], 0, "µs")
        cells["lost at half load"] = ([one["lost"] for one in half[label]], 2, "%")
        bench.record_server(case.label, label, cells)


def bench_warm(bench):
    """This module's apex beside Knot's static one, mod-geoip, PowerDNS's ALIAS and static NSD:
    answers per second and CPU per query at full load, latency at half of each one's full load;
    plain and signed, over UDP and TCP, with 1 and 2 workers. 5 minutes.

    With one processor more than workers the server has its own; otherwise all share them, and
    then only what is within one case can be compared. "processors busy" tells how far the load
    could keep the server busy.
    """
    import peers
    for workers in (1, 2):
        all_peers = peers.start(bench, workers)
        _, load = measure.processors(workers)
        os.sched_setaffinity(0, load)
        for one in bench.daemons:
            # The recursor is on the load's side.
            if one.name == "unbound":
                measure.pin(one.pid, load)
        try:
            for case in cases_of(workers):
                measure_case(bench, case, all_peers)
            if workers == 1:
                other_answers(bench, all_peers[:2])
        finally:
            os.sched_setaffinity(0, range(os.cpu_count()))


def other_answers(bench, two):
    """What else is asked often: the missing family, and a name that leads to the apex."""
    for case in (
        Case("AAAA NODATA, UDP, 1 worker", "udp", False, 1, 9, rdtype="AAAA", records=0),
        Case("www CNAME @, UDP, 1 worker", "udp", False, 1, 9, owner="www.", records=3),
    ):
        compare(bench, case, two)


def bench_subnet(bench):
    """CPU per query of a warm apex for a client's subnet, against the server's own static one. One
    minute.
    """
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

        def cost(name, option=option):
            before = measure.cpu_ns(knotd.pid)
            done = measure.dnsperf([question(name)], bench.directory, count=60000, option=option)
            assert done["lost"] == 0, f"{name}: {done}"
            return (measure.cpu_ns(knotd.pid) - before) / done["completed"]

        pairs = measure.alternate(bench.pairs(15), lambda: cost("a.test"), lambda: cost("s.test"))
        bench.record(f"warm A for a client {label}, UDP: CPU per query / static",
                     measure.spread([mine / other for mine, other in pairs]), "<= 1.10")


BENCHES = {
    "warm": bench_warm,
    "subnet": bench_subnet,
}
