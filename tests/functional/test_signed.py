"""D4: a signed zone without mod-onlinesign after the module gets no synthesis."""

import pytest
from harness.ask import query
from harness.knotd import section
from harness.scenario import (
    A1,
    AAAA1,
    SIBLING_A,
    SIBLING_AAAA,
    TARGET,
    ZONE,
    answers,
    known,
    siblings,
    simple,
)
from harness.wait import eventually
from harness.zone import aname

DNSKEY = (
    "@ 3600 IN DNSKEY 257 3 13 "
    "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
)
SIGNED = {"dnssec-signing": True}


def untouched(proto, with_siblings=True):
    for rdtype, sibling in (("A", SIBLING_A), ("AAAA", SIBLING_AAAA)):
        reply = query(ZONE, rdtype, proto)
        if with_siblings:
            reply.expect(ttl=(3600, 3600), ede=set(), soa=False)
            assert reply.addresses() == {sibling}, f"expected {sibling}, got {reply}"
        else:
            reply.expect(a=(), aaaa=(), soa=True, ede=set())


@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_D4_zone_signed_by_knot_is_not_synthesized(
    knotd, unbound, authority, proto, with_siblings
):
    simple(
        knotd,
        authority,
        records=siblings() if with_siblings else [],
        zone_options=SIGNED,
    )
    eventually(lambda: query(ZONE, "DNSKEY").addresses("DNSKEY"), what="the zone is signed")
    untouched(proto, with_siblings)
    for rdtype in ("A", "AAAA"):
        reply = query(ZONE, rdtype, proto, do=True).expect(ede=set())
        wanted = {rdtype, "RRSIG"} if with_siblings else set()
        assert reply.types() == wanted, f"expected {wanted}, got {reply}"
    lines = knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "sign|DNSSEC|DNSKEY")
    assert len(lines) == 1, f"expected one line, got {lines}"
    count = authority.count(TARGET)
    assert count == 0, f"expected no lookup, got {count}"


def test_D4_zone_signed_elsewhere_is_not_synthesized(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, *siblings()])
    untouched(proto)
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "sign|DNSSEC|DNSKEY")


def test_D4_behind_an_alias(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, "www IN CNAME @", *siblings()])
    query(f"www.{ZONE}", "A", proto).expect(a={SIBLING_A}, ede=set(), soa=False)


def test_D4_additional_and_any_keep_the_siblings(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, "@ IN MX 10 @", *siblings()])
    reply = query(ZONE, "MX", proto).expect(ede=set())
    found = reply.addresses("A", ZONE, "additional")
    assert found == {SIBLING_A}, f"expected {SIBLING_A} in Additional, got {reply}"
    reply = query(ZONE, "ANY", proto).expect(ede=set())
    assert A1 not in reply.addresses("A"), f"expected no synthesized address, got {reply}"


def test_D4_synthesis_begins_when_the_key_goes(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, *siblings()])
    untouched(proto)
    knotd.reload_zone(ZONE, [aname(TARGET), *siblings()], serial=2)
    answers({A1}, proto=proto, ede=set())
    knotd.reload_zone(ZONE, [aname(TARGET), DNSKEY, *siblings()], serial=3)
    answers({SIBLING_A}, proto=proto, ttl=(3600, 3600), ede=set())


def test_D4_other_zones_are_synthesized(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options=SIGNED)
    knotd.add_zone("example.org", [aname(TARGET), *siblings()])
    knotd.start()
    known("example.org")
    query("example.org", "A", proto).expect(a={A1}, ede=set())
    untouched(proto)


def test_D4_onlinesign_before_the_module_is_no_synthesis(knotd, unbound, authority, proto):
    knotd.sections.append(
        section("policy", "online", algorithm="ecdsap256sha256", single_type_signing=True)
    )
    knotd.sections.append(section("mod-onlinesign", "online", policy="online"))
    simple(
        knotd,
        authority,
        records=siblings(),
        modules=["mod-onlinesign/online", "mod-aname"],
    )
    reply = query(ZONE, "A", proto, do=True)
    assert reply.addresses("A") == {SIBLING_A} and "RRSIG" in reply.types(), (
        f"expected the signed sibling, got {reply}"
    )
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "onlinesign")


def test_D5_no_signature_without_do(knotd, unbound, authority, proto):
    simple(knotd, authority, records=siblings(), zone_options=SIGNED)
    eventually(lambda: query(ZONE, "DNSKEY").addresses("DNSKEY"), what="the zone is signed")
    for rdtype in ("A", "AAAA", "TYPE65305", "MX"):
        reply = query(ZONE, rdtype, proto)
        found = {kind for part in reply.records.values() for _, _, kind, _ in part}
        assert not found & {"RRSIG", "NSEC", "NSEC3"}, f"expected no DNSSEC records, got {reply}"
