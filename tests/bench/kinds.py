"""Warm answers of other kinds than an A at the apex: denials, aliases, clients' subnets, and TCP,
by counting."""

import measure
from instructions import Windows
from measure import question

# Over TCP one at a time, because how many come at once would be chance: that takes long.
QUERIES = {"udp": 4000, "tcp": 500}

# What follows the first letter of a zone's name: how it is signed.
CHAINS = {"": "", "signed, NSEC: ": "n", "signed, NSEC3: ": "h"}
# The module's zones, the same for clients' subnets, and the static ones: as deep as each other.
MINE, SUBNETS, STATIC = "a", "e", "s"
# 203.0.113.0/24, which has addresses of its own.
SUBNET, NETWORK = "8:00011800cb0071", "203.0.113.0/24"
LIFE = 3600
OWN = ["192.0.2.3", "192.0.2.4"]
CASES = (
    # label, owner, type, over what, bar; with the bit DO where the zone is signed
    ("A", "", "A", "udp", "<= 1.02"),
    ("NODATA of AAAA", "", "AAAA", "udp", "<= 1.10"),
    ("NODATA of CAA", "", "CAA", "udp", "<= 1.10"),
    ("www CNAME @", "www.", "A", "udp", "<= 1.05"),
    ("A over TCP", "", "A", "tcp", "<= 1.02"),
    ("NODATA of AAAA over TCP", "", "AAAA", "tcp", "<= 1.10"),
)


def zone_of(kind, chain):
    return f"{kind}{CHAINS[chain]}.kinds.test"


def make_knotd(bench):
    import peers
    from harness import aname, section
    from harness.authority import ADDRESS
    knotd = bench.new_knotd(udp_workers=1, tcp_workers=1, edns_client_subnet=True,
                            listen=f"{peers.HOST}@{peers.KNOTD_PORT}")
    for nsec3 in (False, True):
        knotd.sections.append(section("policy", f"nsec3-{nsec3}".lower(), nsec3=nsec3))
    for name, ecs in (("plain", False), ("subnets", True)):
        knotd.sections.append(section("mod-aname", name, resolver=ADDRESS, ecs=ecs))
    mine = [aname(peers.TARGET, ttl=LIFE), peers.WWW]
    static = [*measure.static(peers.ADDRESSES), peers.WWW]
    for chain, letter in CHAINS.items():
        options = {"dnssec-signing": True,
                   "dnssec-policy": f"nsec3-{letter == 'h'}".lower()} if letter else {}
        for kind, records, modules in ((MINE, mine, ["mod-aname/plain"]),
                                       (SUBNETS, mine, ["mod-aname/subnets"]),
                                       (STATIC, static, [])):
            knotd.add_zone(zone_of(kind, chain), records, modules=modules, zone_options=options)
    return knotd


def start(bench, knotd):
    """Under callgrind, with all that is asked for known and signed."""
    import peers
    from dear import wait_known
    peers.wait_knotd(knotd)  # Makes the keys.
    knotd.finish()
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    peers.wait_knotd(knotd, timeout=120)
    for chain in CHAINS:
        for kind in (MINE, SUBNETS):
            wait_known(zone_of(kind, chain), "A")
            wait_known(zone_of(kind, chain), "AAAA")
        wait_known(zone_of(SUBNETS, chain), "A", NETWORK)


def bench_kinds(bench):
    """Instructions per warm query of denials, of www CNAME @, for a client's subnet and over TCP,
    plain and signed with NSEC and NSEC3, against Knot's own, under callgrind. Two minutes."""
    import peers
    from harness.authority import Behaviour
    bench.fresh()

    def addresses(subnet):
        known = subnet is not None and subnet.source > 0
        return Behaviour(rdata=tuple(OWN if known else peers.ADDRESSES), ttl=LIFE,
                         scope=24 if known else 0)

    bench.authority.clear()
    bench.authority.behave(peers.TARGET, "A", addresses)
    bench.authority.behave(peers.TARGET, "AAAA", Behaviour(ttl=LIFE, negative_ttl=LIFE, scope=0))
    knotd = make_knotd(bench)
    start(bench, knotd)
    windows = Windows(bench.directory, knotd)

    def count(name, rdtype, *, do, proto="udp", option=None):
        def some(queries=QUERIES[proto]):
            done = measure.dnsperf([question(name, rdtype)], bench.directory, do=do, edns=True,
                                   option=option, count=queries, tcp=proto == "tcp",
                                   outstanding=1 if proto == "tcp" else 50)
            assert done["lost"] == 0, f"{name} {rdtype}: {done}"
            return done["completed"]

        some(100)
        return windows.count(f"{name}.{rdtype}.{proto}", some).instructions

    def record(label, mine, other, bar=""):
        bench.record(f"{label}: instructions per query", f"{mine / other:.3f}", bar)
        bench.record(f"{label}: their numbers", f"{mine:.0f} / {other:.0f}")

    for chain, letter in CHAINS.items():
        for label, owner, rdtype, proto, bar in CASES:
            mine, static = (count(owner + zone_of(kind, chain), rdtype, do=bool(letter),
                                  proto=proto) for kind in (MINE, STATIC))
            record(f"{chain}{label} / static", mine, static, bar)
        for with_option, what in ((None, "nobody"), (SUBNET, "a subnet")):
            for kind, beside in ((STATIC, "static"), (MINE, "ecs: off")):
                mine, other = (count(zone_of(one, chain), "A", do=bool(letter), option=with_option)
                               for one in (SUBNETS, kind))
                record(f"{chain}ecs, A for {what} / {beside}", mine, other,
                       "<= 1.05" if with_option and kind == STATIC else "")


BENCHES = {
    "kinds": bench_kinds,
}
