"""Owners besides the apex (`owners: any`): what they cost beside Knot's own, by counting."""

import measure
from instructions import QUERIES, Windows
from measure import question

# As deep as each other among the zones, for which Knot looks first.
ANY, APEX, PLAIN = ("any.test", "anyy.test"), ("just.test", "justt.test"), ("own.test", "ownn.test")
OTHERS = 20  # Names beside the ones that are asked for.
CASES = (
    # label, owner and zone, beside what, bar
    ("A of another owner / static", "shop", ANY, "shop", PLAIN, "<= 1.10"),
    ("A by a wildcard / static", "x.wild", ANY, "x.wild", PLAIN, ""),
    ("CNAME to another owner / static", "www", ANY, "www", PLAIN, ""),
    ("static A in such a zone / without the module", "plain", ANY, "plain", PLAIN, "<= 1.05"),
    ("static TXT in such a zone / without the module", "plain", ANY, "plain", PLAIN, ""),
    ("A of the apex / of one with owners: apex", "", ANY, "", APEX, "<= 1.01"),
)


def add_zones(knotd, zones, records, **how):
    for zone, options in zip(zones, ({}, {"dnssec-signing": True})):
        knotd.add_zone(zone, records, zone_options=options, **how)


def make_knotd(bench):
    import peers
    from harness import aname, section
    knotd = bench.new_knotd(udp_workers=1, tcp_workers=1, listen=f"{peers.HOST}@{peers.KNOTD_PORT}")
    knotd.sections.append(section("mod-aname", "any", owners="any"))
    others = [f"name{i} 300 IN A 198.51.100.{i}" for i in range(OTHERS)]
    others += ["plain 300 IN A 198.51.100.99", "plain 300 IN TXT text", "www 300 IN CNAME shop"]
    mine = [aname(peers.TARGET, owner=owner, ttl=3600) for owner in ("@", "shop", "*.wild")]
    static = [f"{owner} 300 IN A {address}" for owner in ("@", "shop", "*.wild")
              for address in peers.ADDRESSES]
    add_zones(knotd, ANY, others + mine, modules=["mod-aname/any"])
    add_zones(knotd, APEX, others + mine[:1], modules=["mod-aname"])
    add_zones(knotd, PLAIN, others + static, modules=[])
    return knotd


def is_known(name):
    import peers
    from harness import ADDRESS_TYPES, query
    server = (peers.HOST, peers.KNOTD_PORT)
    return all(not query(name, rdtype, server=server, do=True, timeout=5).tc
               for rdtype in ADDRESS_TYPES)


def start(bench, knotd):
    """Under callgrind, with all that is asked for known and signed."""
    import peers
    from harness import eventually
    peers.wait_knotd(knotd)  # Makes the keys.
    knotd.finish()
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    peers.wait_knotd(knotd, timeout=120)
    for zone in (*ANY, *APEX):
        for owner in ("shop.", "x.wild.", "www.", ""):
            eventually(lambda name=owner + zone: is_known(name), timeout=60,
                       what=f"{owner}{zone} is known")


def bench_owners(bench):
    """Instructions per warm query of owners besides the apex, and of what has no ANAME beside them,
    against Knot's own, plain and signed, under callgrind. Two minutes; Knot 3.3.5 and later.
    """
    import peers
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set(peers.TARGET, a=peers.ADDRESSES, ttl=3600)
    knotd = make_knotd(bench)
    start(bench, knotd)
    windows = Windows(bench.directory, knotd)

    def count(owner, zone, rdtype, do):
        name = f"{owner}.{zone}".lstrip(".")

        def some(queries=QUERIES // 2):
            asking = measure.dnsperf_start([question(name, rdtype)], bench.directory, do=do,
                                           count=queries)
            return measure.dnsperf_result(asking)["completed"]

        some(100)
        return windows.count(f"{name}.{rdtype}", some).instructions

    for do in (False, True):
        for label, owner, zones, beside, other_zones, bar in CASES:
            rdtype = "TXT" if "TXT" in label else "A"
            mine = count(owner, zones[do], rdtype, do)
            other = count(beside, other_zones[do], rdtype, do)
            bench.record(f"{'signed ' if do else ''}{label}: instructions per query",
                         f"{mine / other:.3f}", bar)
            bench.record(f"{'signed ' if do else ''}{label}: their numbers",
                         f"{mine:.0f} / {other:.0f}")


BENCHES = {
    "owners": bench_owners,
}
