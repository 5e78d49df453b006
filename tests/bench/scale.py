"""Zones and targets by the thousand: time and memory."""

import time

import measure

A, B = "192.0.2.1", "192.0.2.2"


def bench_scale(bench):
    """Ten thousand zones of one template."""
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


BENCHES = {
    "scale": bench_scale,
}
