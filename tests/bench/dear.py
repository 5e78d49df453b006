"""Zones that were made to be dear: what a warm query of each costs against a static one."""

import random

import measure
from instructions import Windows

QUERIES = 2000
BAR = "<= 10"
LIFE = 86400
TARGETS, ADDRESSES = 32, 1024
STATIC, SIGNED = "s.test", "ss.test"
# With as many records as answer for a pool over TCP: what ANY is compared with.
STATIC_ANY, SIGNED_ANY = "sa.test", "ssa.test"
# A hundred networks that hold every other address of the targets, and 900 that hold none.
NETWORKS = ([f"10.0.{i // 4}.{i % 4 * 64 + 1}" for i in range(100)] +
            [f"172.16.{i // 250}.{i % 250 + 1}" for i in range(900)])
# A thousand networks that are hit, one after the other, by the targets that all have the same.
HIT = [f"10.0.{k >> 8}.{k & 255}" for k in range(1000)]
SUFFIXES = [f"s{i}.example.org" for i in range(1000)]


def targets(kind, count=TARGETS):
    return [f"{kind}{i}.big.example" for i in range(count)]


def longest(i, mixed):
    """A name of 255 octets."""
    label = ("aB" if mixed else "ab") * 31
    return f"{label}x.{label}y.{label}z.{f'n{i:02}'.ljust(61, 'Q' if mixed else 'q')}."


def address(i, k, rdtype):
    number = (i * ADDRESSES + k) & 0xFFFF
    return (f"10.{i // 32}.{number >> 8}.{number & 255}" if rdtype == "A"
            else f"2001:db8::{i:x}:{k:x}")


def zones():
    """{zone: (records, module, zone options)}"""
    from harness.zone import ALIAS, ANAME, aname, raw
    octets = random.Random(1)
    junk = [octets.randbytes(60000) for _ in range(TARGETS)]
    short = [b"\x3f" + octets.randbytes(254) for _ in range(TARGETS)]
    big = [aname(name, ttl=LIFE) for name in targets("a")]
    with_mail = [*big, "@ IN MX 0 @", "@ 300 IN A 192.0.2.9", "www IN CNAME @"]
    signed = {"dnssec-signing": True}
    deny, hit, ecs = "mod-aname/deny", "mod-aname/hit", "mod-aname/ecs"
    same = [aname(name, ttl=LIFE) for name in targets("same")]
    many = [*measure.static([f"192.0.2.{i}" for i in range(1, TARGETS + 1)]),
            *(f"@ 300 IN AAAA 2001:db8::{i:x}" for i in range(1, TARGETS + 1))]
    return {
        STATIC: (measure.static(["192.0.2.1"]), None, {}),
        SIGNED: (measure.static(["192.0.2.1"]), None, signed),
        STATIC_ANY: (many, None, {}),
        SIGNED_ANY: (many, None, signed),
        "junk.test": ([raw(one) for one in junk], "mod-aname/test", {}),
        "junk2.test": ([raw(one, rrtype=ANAME if i % 2 else ALIAS) for i, one in
                        enumerate(junk)], "mod-aname/test", {}),
        "junk1.test": ([raw(junk[0])], "mod-aname/test", {}),
        "short.test": ([raw(one) for one in short], "mod-aname/test", {}),
        "many.test": ([raw(b"\x3f" + b"%04d" % i * 60) for i in range(5000)], "mod-aname/test", {}),
        "big.test": (with_mail, "mod-aname/test", {}),
        "bigs.test": (with_mail, "mod-aname/test", signed),
        "bige.test": (with_mail, ecs, {}),
        "biges.test": (with_mail, ecs, signed),
        "bigd.test": (big, deny, {}),
        "one.test": (big[:1], "mod-aname/test", {}),
        "same.test": (same, "mod-aname/test", {}),
        "hit.test": (same, hit, {}),
        "hits.test": (same, hit, signed),
        "hit1.test": (same[:1], hit, {}),
        "mixh.test": ([aname(name, ttl=LIFE) for name in targets("mix")], hit, {}),
        "mix.test": ([aname(name, ttl=LIFE) for name in targets("mix")], "mod-aname/test", {}),
        "long.test": ([aname(longest(i, False), ttl=LIFE) for i in range(TARGETS)],
                      "mod-aname/test", {}),
        "mixed.test": ([aname(longest(i, True), ttl=LIFE) for i in range(TARGETS)],
                       "mod-aname/test", {}),
        "mixed1.test": ([aname(longest(0, True), ttl=LIFE)], "mod-aname/test", {}),
        "denied.test": ([aname(longest(i, True), ttl=LIFE) for i in range(TARGETS)],
                        "mod-aname/allow", {}),
        "denied1.test": ([aname(longest(0, True), ttl=LIFE)], "mod-aname/allow", {}),
        "self.test": ([aname("self.test", ttl=LIFE), raw(b"\0"),
                       *(aname("self.test", ttl=LIFE, rrtype=ALIAS),)], "mod-aname/test", {}),
    }


CASES = (
    # label, owner, type, DO
    ("32 malformed records of 60 kB", "junk.test", "A", False),
    ("the same of two types", "junk2.test", "A", False),
    ("one malformed record of 60 kB", "junk1.test", "A", False),
    ("32 malformed records of 255 octets", "short.test", "A", False),
    ("5,000 malformed records", "many.test", "A", False),
    ("the owner itself and the root", "self.test", "A", False),
    ("one target of 1,024 A", "one.test", "A", False),
    ("32 targets of 1,024 A", "big.test", "A", False),
    ("32 targets of 1,024 AAAA", "big.test", "AAAA", False),
    ("32 targets of 1,024 A, www CNAME @", "www.big.test", "A", False),
    ("32 targets of 1,024 A, ANY", "big.test", "ANY", False),
    ("32 targets of 1,024 A, MX @", "big.test", "MX", False),
    ("32 targets of 1,024 A, the record itself", "big.test", "TYPE65305", False),
    ("32 targets of the same 1,024 A", "same.test", "A", False),
    ("32 targets of the same 1,024 A, ANY", "same.test", "ANY", False),
    ("32 targets of 1,024 A, dovetailed", "mix.test", "A", False),
    ("32 targets of 1,024 A, dovetailed, ANY", "mix.test", "ANY", False),
    ("32 targets of 1,024 A, with a subnet", "bige.test", "A", False),
    ("32 targets of 1,024 A, signed", "bigs.test", "A", True),
    ("32 targets of 1,024 A, signed, with a subnet", "biges.test", "A", True),
    ("32 targets of 1,024 A, signed, NSEC", "bigs.test", "NSEC", True),
    ("32 targets of 1,024 A, signed, ANY", "bigs.test", "ANY", True),
    ("32 targets of 1,024 A, signed, MX @", "bigs.test", "MX", True),
    ("32 targets of 1,024 A, signed, the record itself", "bigs.test", "TYPE65305", True),
    ("32 targets of 1,024 A, 100 of 1,000 networks denied", "bigd.test", "A", False),
    ("32 targets of 1,024 A, 1,000 networks denied in each", "hit.test", "A", False),
    ("32 targets of 1,024 A, 1,000 networks denied in each, signed", "hits.test", "A", True),
    ("one target of 1,024 A, 1,000 networks denied", "hit1.test", "A", False),
    ("32 targets of 1,024 A, dovetailed, 1,000 networks denied", "mixh.test", "A", False),
    ("32 names of 255 octets", "long.test", "A", False),
    ("32 names of 255 octets in mixed case", "mixed.test", "A", False),
    ("one name of 255 octets in mixed case", "mixed1.test", "A", False),
    ("32 names under none of 1,000 suffixes", "denied.test", "A", False),
    ("one name under none of 1,000 suffixes", "denied1.test", "A", False),
)
# 203.0.113.0/24
SUBNET = "8:00011800cb0071"


def set_targets(authority):
    for rdtype in ("A", "AAAA"):
        for i, name in enumerate(targets("a")):
            give(authority, name, rdtype, [address(i, k, rdtype) for k in range(ADDRESSES)])
        for name in targets("same"):
            give(authority, name, rdtype, [address(0, k, rdtype) for k in range(ADDRESSES)])
        for i, name in enumerate(targets("mix")):
            give(authority, name, rdtype, [address(0, k * TARGETS + i, rdtype)
                                           for k in range(ADDRESSES)])
        for i in range(TARGETS):
            for mixed in (False, True):
                give(authority, longest(i, mixed).lower(), rdtype, [address(i, 0, rdtype)])


def give(authority, name, rdtype, addresses):
    from harness.authority import Behaviour
    authority.behave(name, rdtype, Behaviour(rdata=tuple(addresses), ttl=LIFE))


def make_knotd(bench):
    from harness.authority import ADDRESS
    from harness.knotd import section
    set_targets(bench.authority)
    common = {"resolver": ADDRESS, "ttl-max": LIFE, "ttl-min": LIFE, "timeout": 10000,
              "idle": LIFE}
    knotd = bench.new_knotd(**{"udp-workers": 1, "tcp-workers": 1, "edns-client-subnet": "on",
                               "listen": "127.0.0.1@5300"})
    knotd.options = common
    for name, options in (("deny", {"deny-address": NETWORKS}), ("hit", {"deny-address": HIT}),
                          ("allow", {"allow-target": SUFFIXES}), ("ecs", {"ecs": "on"})):
        knotd.sections.append(section("mod-aname", name, **{**common, **options}))
    for zone, (records, module, options) in zones().items():
        knotd.add_zone(zone, records, modules=[module] if module else [], zone_options=options)
    return knotd


def start(knotd):
    from harness.process import Daemon
    from harness.wait import eventually
    knotd.write_conf()
    Daemon.start(knotd)
    eventually(lambda: knotd.require() or all(knotd.loaded(zone) for zone in knotd.zones),
               timeout=300, what="knotd answers for all zones")


def wait_known(name, rdtype, ecs=None):
    """Asked for, over TCP, until it is not what it is for a moment only."""
    from harness.ask import query
    from harness.wait import eventually

    def settled():
        answer = query(name, rdtype, "tcp", server=("127.0.0.1", 5300), timeout=60,
                       do=True, ecs=ecs).message.answer
        return all(rrset.ttl > 60 for rrset in answer)

    eventually(settled, timeout=300, what=f"{name} {rdtype} is known")


def bench_dear(bench):
    """Instructions in user space of a warm query in zones whose content was made to be dear, against
    a static answer of one record, or for ANY of as many as a pool has, under callgrind. Three
    minutes."""
    bench.fresh()
    knotd = make_knotd(bench)
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    start(knotd)
    windows = Windows(bench.directory, knotd)

    def count(name, rdtype, do, option=None):
        def some(queries=QUERIES):
            result = measure.dnsperf([(name, rdtype)], bench.directory, do=do, option=option,
                                     edns=True, count=queries, outstanding=20)
            assert result["lost"] == 0, f"{name} {rdtype}: {result}"
            return result["completed"]

        some(100)  # What the first query does is done once.
        return windows.count(f"{name}.{rdtype}", some)

    for zone in zones():
        if zone not in (SIGNED, SIGNED_ANY):
            wait_known(zone, "A")
            wait_known(zone, "AAAA")
    for zone in ("bige.test", "biges.test"):
        wait_known(zone, "A", "203.0.113.0/24")
    static = {}
    for label, zone, rdtype, do in (
        ("static", STATIC, "A", False), ("static, signed", SIGNED, "A", True),
        ("static, ANY", STATIC_ANY, "ANY", False),
        ("static, signed, ANY", SIGNED_ANY, "ANY", True),
    ):
        static[rdtype == "ANY", do] = count(zone, rdtype, do).instructions
        bench.record(f"warm, {label}: instructions per query",
                     f"{static[rdtype == 'ANY', do]:.0f}")
    for label, name, rdtype, do in CASES:
        option = SUBNET if "subnet" in label else None
        instructions = count(name, rdtype, do, option).instructions
        bench.record(f"warm, {label}: instructions per query", f"{instructions:.0f}")
        bench.record(f"warm, {label}: instructions per query / static",
                     f"{instructions / static[rdtype == 'ANY', do]:.2f}", BAR)


BENCHES = {
    "dear": bench_dear,
}
