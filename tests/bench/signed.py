"""Signed answers: against Knot's own, against mod-onlinesign, and what keys cost."""

import os
import time

import measure
from measure import question, static

A, B = "192.0.2.1", "192.0.2.2"


def bench_signed(bench):
    """Warm signed answers against the server's own signed ones, and against mod-onlinesign: CPU per
    query; then 10,000 signed zones: time to start, to their first signed answers, and memory. 4
    minutes, most of them for the keys of 10,000 zones.
    """
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
    signing = {"dnssec-signing": True}
    record = aname("cdn.example.net", ttl=3600)
    knotd.add_zone("a.test", [record, "www IN CNAME @"], zone_options=signing)
    knotd.add_zone("s.test", [*static([A, B]), "www IN CNAME @"], modules=[], zone_options=signing)
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

    def compare(label, left, right, rdtype, bar, count=11):
        pairs = measure.alternate(bench.pairs(count), lambda: run(left, rdtype)[0],
                                  lambda: run(right, rdtype)[0])
        bench.record(label, measure.spread([mine / other for mine, other in pairs]), bar)
        bench.record(f"{label}: the latter",
                     measure.spread([other / 1000 for _, other in pairs], 2), unit="µs")

    compare("warm signed A, DO: CPU per query / signed static", "a.test", "s.test", "A", "<= 1.05")
    compare("warm signed AAAA NODATA, DO: CPU per query / static", "a.test", "s.test", "AAAA", "")
    compare("warm signed www CNAME @, DO: CPU per query / static", "www.a.test", "www.s.test",
            "A", "")
    compare("warm A of an unsigned zone, DO: CPU per query / signed", "u.test", "a.test", "A", "")

    pairs = measure.alternate(bench.pairs(9), lambda: run("a.test", "A"),
                              lambda: run("o.test", "A", count=4000))
    rows = [(online[0] / mine[0], mine[1] / online[1]) for mine, online in pairs]
    os.sched_setaffinity(0, range(os.cpu_count()))
    bench.record("warm signed A, DO: answers per CPU second / mod-onlinesign",
                 measure.spread([row[0] for row in rows]), ">= 8")
    bench.record("warm signed A, DO: answers per second / mod-onlinesign, as far as the load goes",
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
        bench.record(f"10,000 signed zones {kind} the module: seconds to start, keys made before",
                     f"{time.monotonic() - start:.1f}")
    before, cpu = knotd.rss(), measure.cpu_ns(knotd.pid)
    questions = [(f"z{i}.test", "A") for i in range(count)]
    start = time.monotonic()
    asked = 0
    while asked == 0 or any(query(*one, do=True).tc for one in questions[::97]):
        done = measure.dnsperf(questions, bench.directory, count=count, rate=5000, do=True)
        asked += done["completed"]
    bench.record("10,000 signed zones: first signed A of every zone after, seconds",
                 f"{time.monotonic() - start:.1f}")
    bench.record("10,000 signed zones: queries until then", f"{asked:.0f}")
    bench.record("10,000 signed zones: CPU per zone until then, microseconds",
                 f"{(measure.cpu_ns(knotd.pid) - cpu) / count / 1000:.0f}")
    bench.record("10,000 signed zones: memory per zone whose key is in use, octets",
                 f"{(knotd.rss() - before) / count:.0f}")


BENCHES = {
    "signed": bench_signed,
}
