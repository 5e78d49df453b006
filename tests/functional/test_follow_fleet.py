"""M1, M2, M5, M6: a target changes, and NSD, BIND and PowerDNS serve its addresses."""

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ANAME, SERVER, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, known, query,
    siblings,
)
from harness.ask import ADDRESS_TYPES
from harness.endpoints import Endpoints
from harness.follow import stands, stays, written
from harness.secondaries import PowerDNS, serial, transfers
from harness.signatures import Keys, verify
from harness.signing import CHAINS, RECORDS, online, policy
from harness.wait import SLOW, during, eventually

pytestmark = pytest.mark.limit(90)
HOW = ["unsigned", *CHAINS, "online"]


def serve(fleet, *records, how="unsigned", **more):
    """The fleet's zone with the usual records, signed in one of these ways."""
    knotd = fleet.knotd
    if how in CHAINS:
        policy(knotd, **CHAINS[how])
        more["zone_options"] = {"dnssec-signing": True, "dnssec-policy": "test"}
    elif how == "online":
        more["modules"] = online(knotd)
    fleet.serve([aname(TARGET), *RECORDS, *records], **more)


def verified(server, name, rdtype):
    """The answer of a server whose every signature verifies with the keys that it has itself."""
    keys = Keys(ZONE)
    ask = lambda *what, **how: query(*what, server=server, **how)
    eventually(lambda: keys.learn(ask), what="the zone has keys")
    reply = ask(name, rdtype, "tcp", do=True)
    verify(reply, keys)
    return reply


def at_all(fleet, a, aaaa, how):
    """Every secondary has them soon, and where they are signed the signatures verify."""
    fleet.soon(a, aaaa)
    if how not in CHAINS:
        return
    for one in fleet.secondaries:
        one.validates(ZONE, "A").expect(a=a)
        one.validates(ZONE, "AAAA").expect(aaaa=aaaa)
        one.validates(f"www.{ZONE}", "A")
        one.validates(f"no.{ZONE}", "A").expect(rcode="NXDOMAIN", soa=True)


@pytest.mark.parametrize("how", HOW)
def test_M1_a_target_changes_and_all_secondaries_have_it(fleet, authority, how):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet, how=how)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    at_all(fleet, {A1}, {AAAA1}, how)
    before = fleet.level()
    marks = {one.kind: (one.at(), len(transfers(fleet.knotd, one))) for one in fleet.secondaries}

    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(fleet.knotd, {A2}, {AAAA1})
    at_all(fleet, {A2}, {AAAA1}, how)

    after = fleet.level()
    assert after == before + 1, f"expected serial {before + 1}, got {after}"
    for one in fleet.secondaries:
        mark, count = marks[one.kind]
        assert one.notifies(since=mark), f"no NOTIFY came to {one.kind}: {one.text()[mark:]}"
        # PowerDNS does not ask for IXFR unless told to.
        kind = "AXFR" if isinstance(one, PowerDNS) else "IXFR"
        came = transfers(fleet.knotd, one)[count:]
        assert [(kind, after)] == came, f"expected one {kind} at {one.kind}, got {came}"
    if how != "unsigned":
        eventually(lambda: verified(SERVER, ZONE, "A").expect(a={A2}))


def test_M1_both_families_of_a_target_are_one_change(fleet, authority):
    """Both were known by then, and so they are one update, or two at most if one is known later."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet, kinds=["nsd"])
    known()
    before = serial()
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    assert serial() == before + 1


def test_M1_powerdns_that_asks_for_ixfr(fleet, authority, start_server):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet, kinds=[], zone_options={"notify": ["powerdns"]})
    one = start_server(PowerDNS(fleet.knotd.directory, [ZONE], ixfr=True))
    fleet.secondaries.append(one)
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    fleet.soon({A1}, {AAAA1})
    count = len(transfers(fleet.knotd, one))
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    written(fleet.knotd, {A2}, {AAAA1})
    fleet.soon({A2}, {AAAA1})
    came = transfers(fleet.knotd, one)[count:]
    assert [("IXFR", serial())] == came, f"expected one IXFR, got {came}"


# M6


ASKED = [
    (ZONE, "A"), (ZONE, "AAAA"), (ZONE, "ANY"), (ZONE, "MX"), (ZONE, f"TYPE{ANAME}"),
    (ZONE, "CAA"), (ZONE, "NS"), (f"www.{ZONE}", "A"), (f"one.{ZONE}", "AAAA"),
    (f"x.wild.{ZONE}", "A"), (f"x.wild.{ZONE}", "TXT"), (f"no.{ZONE}", "A"), (f"b.c.{ZONE}", "A"),
]


def content(name, rdtype, do, addresses):
    """What a reply holds, without what passes: TTLs, the serial, signatures, and their order.

    Two things differ, for Knot's own part of these replies is another one where there are A records.
    For ANY that is one RRset, the first that stands there (RFC 8482), so only addresses are compared.
    And beside an MX that names the owner are the addresses that it has then, which are the target's.
    """
    reply = query(name, rdtype, "tcp", do=do)
    records = {
        part: sorted((owner.to_text().lower(), kind, _lasting(kind, rdata))
                     for owner, _, kind, rdata in reply.section(part)
                     if rdtype != "ANY" or kind in ADDRESS_TYPES)
        for part in ("answer", "authority", "additional")
    }
    if rdtype == "MX":
        there = {rdata for _, kind, rdata in records.pop("additional") if kind in ADDRESS_TYPES}
        assert there in (set(), addresses), f"expected none or {addresses}, got {reply}"
    elif rdtype == "ANY":
        del records["authority"], records["additional"]
    return reply.rcode, reply.aa, reply.tc, reply.ede, records


def _lasting(kind, rdata):
    fields = rdata.split()
    if kind == "RRSIG":
        return " ".join([*fields[:3], *fields[6:8]])
    if kind == "SOA":
        return " ".join([*fields[:2], *fields[3:]])
    return rdata


@pytest.mark.parametrize("a, aaaa", [([A1, A2], [AAAA1]), ([A1], [])], ids=["both", "one-family"])
@pytest.mark.parametrize("how", HOW)
def test_M6_beside_the_module_every_answer_is_as_without(fleet, authority, how, a, aaaa):
    authority.set(TARGET, a=a, aaaa=aaaa)
    serve(fleet, how=how, kinds=[])
    if how != "unsigned":
        eventually(lambda: verified(SERVER, ZONE, "SOA").addresses("SOA"), what="it is signed")
    known()
    before = {}
    for asked in ASKED:
        for do in (False, True):
            before[*asked, do] = content(*asked, do, {*a, *aaaa})
    fleet.follow()
    written(fleet.knotd, a, aaaa)
    for (name, rdtype, do), wanted in before.items():
        got = content(name, rdtype, do, {*a, *aaaa})
        assert got == wanted, f"{name}/{rdtype} DO={do}: expected {wanted}, got {got}"


def test_M6_F2_the_last_resort_is_what_was_written(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    fleet.knotd.options["stale-max"] = 1
    serve(fleet, kinds=["nsd"])
    fleet.follow()
    written(fleet.knotd, {A1}, {AAAA1})
    authority.fail(TARGET)

    def from_the_zone():
        query(ZONE, "A").expect(a={A1})
        return fleet.knotd.stats(ZONE).get("answers[sibling]")

    eventually(from_the_zone, timeout=20, what="what was written is served as the last resort")
    stays(fleet.knotd, {A1}, {AAAA1})
    fleet.soon({A1}, {AAAA1})


# M3: siblings.


def test_M3_siblings_are_left_alone_and_adopted_only_if_that_is_wanted(fleet, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(fleet, *siblings())
    follow = fleet.follow()
    follow.says(ZONE, "somebody else", SIBLING_A, SIBLING_AAAA)
    follow.says("next: .*--adopt")
    stays(fleet.knotd, {SIBLING_A}, {SIBLING_AAAA})
    fleet.soon({SIBLING_A}, {SIBLING_AAAA})
    follow.finish()

    fleet.follow("--adopt", name="adopting")
    written(fleet.knotd, {A1}, {AAAA1})
    fleet.soon({A1}, {AAAA1})
    fleet.knotd.knotc("zone-begin", ZONE)
    fleet.knotd.knotc("zone-unset", ZONE, "@", f"TYPE{ANAME}")
    fleet.knotd.knotc("zone-commit", ZONE)
    written(fleet.knotd, {SIBLING_A}, {SIBLING_AAAA}, timeout=90)
    fleet.soon({SIBLING_A}, {SIBLING_AAAA})


# P, H: what is written of a pool is all of its usable addresses.

FAR = "far.example.org"


def pool(fleet, authority, **options):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set(FAR, a=[A2, A3], aaaa=[AAAA2])
    fleet.knotd.options.update(options)
    fleet.serve([aname(TARGET), aname(FAR)])
    fleet.follow()


def test_M1_a_pool_is_the_union(fleet, authority):
    pool(fleet, authority)
    written(fleet.knotd, {A1, A2, A3}, {AAAA1, AAAA2})
    fleet.soon({A1, A2, A3}, {AAAA1, AAAA2})


def test_M1_P1_a_pool_with_prefer_is_the_best_that_is_usable(fleet, authority):
    pool(fleet, authority, prefer=["example.net", "example.org"], **{"stale-max": 1})
    written(fleet.knotd, {A1}, {AAAA1})
    fleet.soon({A1}, {AAAA1})
    authority.fail(TARGET)
    written(fleet.knotd, {A2, A3}, {AAAA2}, timeout=20)
    fleet.soon({A2, A3}, {AAAA2})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    written(fleet.knotd, {A1}, {AAAA1}, timeout=20)
    fleet.soon({A1}, {AAAA1})


def test_M1_P2_a_pool_with_weights_is_all_that_anybody_gets(fleet, authority):
    """One target for each client at the primary; a secondary has them all, but for weight 0."""
    authority.set("spare.example.com", a=["192.0.2.99"], aaaa=["2001:db8::99"])
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set(FAR, a=[A2, A3], aaaa=[AAAA2])
    fleet.knotd.options["weight"] = ["example.net@3", "example.org@1", "spare.example.com@0"]
    fleet.serve([aname(TARGET), aname(FAR), aname("spare.example.com")])
    fleet.follow()
    written(fleet.knotd, {A1, A2, A3}, {AAAA1, AAAA2})
    fleet.soon({A1, A2, A3}, {AAAA1, AAAA2})


PROBES = {"probe": "tcp", "probe-port": 8443, "probe-interval": 1, "probe-timeout": 300,
          "probe-fall": 1, "probe-rise": 1}
ENDPOINTS = ["127.0.0.81", "127.0.0.82", "127.0.0.83"]


@pytest.fixture
def endpoints():
    """What the addresses of two targets lead to."""
    at = Endpoints(ENDPOINTS, port=8443).start()
    yield at
    at.kill()


def probed(fleet, authority):
    authority.set(TARGET, a=ENDPOINTS[:2])
    authority.set(FAR, a=ENDPOINTS[2:])
    fleet.knotd.options.update(PROBES)
    fleet.serve([aname(TARGET), aname(FAR)])
    fleet.follow()
    written(fleet.knotd, ENDPOINTS)


def test_M1_H3_an_address_that_is_down_is_not_written(fleet, authority, endpoints):
    first, other, third = ENDPOINTS
    probed(fleet, authority)
    endpoints.kill(other)
    written(fleet.knotd, {first, third}, timeout=15)
    fleet.soon({first, third})
    endpoints.revive(other)
    written(fleet.knotd, ENDPOINTS, timeout=15)
    fleet.soon(ENDPOINTS)


def test_M1_H4_where_all_are_down_all_are_written(fleet, authority, endpoints):
    """On the way there one after the other may go, but the last one stays."""
    probed(fleet, authority)
    endpoints.kill()
    for _ in during(4.0 * SLOW):
        assert stands(fleet.knotd)["A"], "all addresses were taken away"
    query(ZONE, "A").expect(a=ENDPOINTS)
    written(fleet.knotd, ENDPOINTS, timeout=30)
    fleet.soon(ENDPOINTS)
