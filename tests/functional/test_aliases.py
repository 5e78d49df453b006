"""A2: aliases of the zone that lead to the apex, asked for again and again: what is known of them
is answered before Knot looks, and nothing of that shows.
"""

import os

import pytest
from harness import (
    A1, A2, AAAA1, AAAA2, TARGET, ZONE, aname, answers, eventually, known, query, section,
)
from harness.authority import ADDRESS
from harness.owners import LONG
from harness.signatures import Keys, verify
from harness.signing import CHAINS, SIGNED, policy

WWW = f"www.{ZONE}"
# As long, and with a module behind mod-aname which may answer before Knot looks: then Knot looks.
BESIDE = "example.edu"
RECORDS = [
    "www IN CNAME @", "* IN CNAME @", "other IN A 198.51.100.1", "to-www IN CNAME www",
    "mail IN MX 10 www",
]
NSEC3 = 50
QTYPES = ("A", "AAAA", "TXT", "CNAME")


def hold(knotd, authority, a=(A1, A2), aaaa=(AAAA1, AAAA2)):
    authority.hold(TARGET, "A", a, LONG)
    authority.hold(TARGET, "AAAA", aaaa, LONG)
    knotd.options.update({"resolver": ADDRESS, "ttl-max": LONG})


def geoip(knotd, text):
    """The module, to be put into a zone's list."""
    path = os.path.join(knotd.directory, "geo.conf")
    with open(path, "w", encoding="ascii") as conf:
        conf.write(text)
    knotd.sections.append(section("mod-geoip", "nets", config_file=path, mode="subnet"))
    return "mod-geoip/nets"


def shape(reply, zone):
    """All of a reply that does not depend on the zone's name, on keys, or on time."""
    def of(rrset):
        name = str(rrset.name)
        name = name[:-len(zone) - 1] + "zone." if name.endswith(f"{zone}.") else name
        name = "hash" if rrset.rdtype == NSEC3 or rrset.covers == NSEC3 else name
        values = sorted(rdata.to_text() for rdata in rrset) if rrset.rdtype < 40 else len(rrset)
        return name, rrset.rdtype, rrset.covers, str(values).replace(zone, "zone")

    message = reply.message
    return (message.flags, message.rcode(), message.ednsflags, len(reply.wire),
            [[of(rrset) for rrset in part] for part in
             (message.answer, message.authority, message.additional)])


@pytest.mark.parametrize("chain", [None, "nsec", "nsec3"])
@pytest.mark.parametrize("with_siblings", [False, True], ids=["a-only", "both-and-siblings"])
def test_A2_the_reply_is_that_of_the_long_way(knotd, authority, proto, chain, with_siblings):
    hold(knotd, authority, aaaa=(AAAA1, AAAA2) if with_siblings else ())
    geo = geoip(knotd, f"geo.{BESIDE}:\n  - net: 127.0.9.0/24\n    A: 198.51.100.11\n")
    if chain:
        policy(knotd, **CHAINS[chain])
    own = ["@ 300 IN A 198.51.100.9", "@ 300 IN AAAA 2001:db8::9"] if with_siblings else []
    for zone in (ZONE, BESIDE):
        knotd.add_zone(zone, [aname(TARGET, ttl=LONG), *RECORDS, *own], modules=[knotd.aname],
                       zone_options=SIGNED if chain else {})
    knotd.start()
    keys = {}
    for zone in (ZONE, BESIDE) if chain else ():
        keys[zone] = Keys(zone)
        eventually(keys[zone].learn, what=f"{zone} is signed")
    # From 3.5.8 on that module is not loaded before there are keys.
    knotd.zones[BESIDE].modules = [knotd.aname, geo]
    knotd.reload()
    query(f"geo.{BESIDE}", "A", source="127.0.9.1").expect(a={"198.51.100.11"})
    for zone in (ZONE, BESIDE):
        known(zone, do=bool(chain))
    # How many NSEC3 records prove that a name does not exist depends on the zone's name.
    missing = () if chain == "nsec3" else ("x", "x.www")
    for name in ("www", "WwW", "to-www", "other", *missing):
        for rdtype in QTYPES:
            for how in ({"do": True}, {"do": False}, {"edns": False}):
                for _ in range(2):
                    mine, beside = (query(f"{name}.{zone}", rdtype, proto, **how)
                                    for zone in (ZONE, BESIDE))
                    assert shape(mine, ZONE) == shape(beside, BESIDE), (
                        f"{name} {rdtype} {how}: {mine}\nand the long way {beside}"
                    )
                    if chain and how == {"do": True}:
                        verify(mine, keys[ZONE])


def often(rdtype="A", name=WWW, **expected):
    """Asked until nothing has to be looked for any more."""
    for _ in range(5):
        reply = query(name, rdtype).expect(**expected)
    return reply


@pytest.mark.parametrize("chain", [None, "nsec"])
@pytest.mark.parametrize("way", ["update", "file"])
def test_A2_R5_a_change_of_the_zone_counts_at_once(knotd, authority, way, chain):
    hold(knotd, authority)
    if chain:
        policy(knotd, **CHAINS[chain])
    base = [aname(TARGET, ttl=LONG), "other IN A 198.51.100.1"]
    knotd.add_zone(ZONE, [*base, "www IN CNAME @"], zone_options=SIGNED if chain else {})
    knotd.start()
    known(WWW, do=bool(chain))
    serial = 1

    def become(*records, apex=True):
        nonlocal serial
        serial += 10
        if way == "file":
            wanted = [*(base if apex else base[1:]), *(f"www IN {one}" for one in records)]
            knotd.reload_zone(ZONE, wanted, serial=serial)
            return
        knotd.knotc("zone-begin", ZONE)
        knotd.knotc("zone-unset", ZONE, "www", check=False)
        for one in records:
            knotd.knotc("zone-set", ZONE, "www", "3600", *one.split())
        if not apex:
            knotd.knotc("zone-unset", ZONE, "@", "TYPE65305")
        knotd.knotc("-b", "zone-commit", ZONE)

    for _ in range(3):
        often(a={A1, A2})
        become("CNAME other")
        often(a={"198.51.100.1"})
        become("CNAME @")
        often(a={A1, A2})
        become("A 198.51.100.2")
        often(a={"198.51.100.2"})
        become("CNAME @")
        often(a={A1, A2})
        become()
        often(rcode="NXDOMAIN", a=())
        become("CNAME @")
    often(a={A1, A2})
    become("CNAME @", apex=False)
    often(a=(), soa=True)


def test_A2_A7_F3_what_the_target_has_counts_at_once(knotd, authority):
    hold(knotd, authority)
    knotd.options.update({"ttl-max": 1, "ttl-min": 1, "retry-max": 1, "stale-max": 1})
    knotd.add_zone(ZONE, [aname(TARGET, ttl=LONG), "www IN CNAME @"])
    knotd.start()
    known(WWW)
    often(a={A1, A2})
    authority.hold(TARGET, "A", [A1], 1)
    answers({A1}, WWW)
    authority.hold(TARGET, "A", [], 1)
    eventually(lambda: query(WWW, "A").expect(a=(), soa=True), what="there is no address")
    assert query(WWW, "A").types() == {"CNAME"}
    authority.hold(TARGET, "A", [A2], 1)
    answers({A2}, WWW)
    authority.fail(TARGET)
    eventually(lambda: query(WWW, "A").expect(rcode="SERVFAIL", aa=None), timeout=30,
               what="it has failed")


def test_A2_A9_geoip_answers_whatever_is_known(knotd, authority):
    """A module behind this one answers for some clients, whoever asked before."""
    hold(knotd, authority)
    geo = geoip(knotd, f"{WWW}:\n  - net: 127.0.9.0/24\n    A: 198.51.100.11\n")
    knotd.add_zone(ZONE, [aname(TARGET, ttl=LONG), "www IN CNAME @"], modules=[knotd.aname, geo])
    knotd.start()
    known(WWW)
    often(a={A1, A2})
    for _ in range(5):
        query(WWW, "A", source="127.0.9.1").expect(a={"198.51.100.11"})
        query(WWW, "A").expect(a={A1, A2})


def test_A2_N4_D5_each_client_gets_its_own(knotd, authority):
    """What differs from query to query: the transport, EDNS, DO, the letters' case."""
    hold(knotd, authority)
    policy(knotd, **CHAINS["nsec"])
    knotd.add_zone(ZONE, [aname(TARGET, ttl=LONG), "www IN CNAME @"], zone_options=SIGNED)
    knotd.start()
    known(WWW, do=True)
    often(a={A1, A2})
    for _ in range(3):
        for proto in ("udp", "tcp"):
            plain = query(WWW, "A", proto).expect(a={A1, A2}, soa=False)
            assert plain.types() == {"CNAME", "A"}, f"expected no signature, got {plain}"
            with_do = query(WWW, "A", proto, do=True).expect(a={A1, A2}, soa=False)
            kinds = [kind for _, _, kind, _ in with_do.section("answer")]
            assert kinds == ["CNAME", "RRSIG", "A", "A", "RRSIG"], with_do
            mixed = query(f"wWw.{ZONE}", "A", proto).expect(a={A1, A2})
            owner = str(mixed.message.answer[0].name)
            assert owner == f"wWw.{ZONE}.", f"expected the letters of the query, got {owner}"
