"""A3: what stands beside an answer where not all of it fits. Knot ends amid the section then, and calls no
hook for it; nothing of that may be the zone's own addresses at an owner of ANAME records."""

import dns.tsig
import pytest
from harness import (
    A1, ADDRESS_TYPES, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, eventually, known, query,
    section, siblings, simple,
)
from harness.owners import needs_any
from harness.signing import SIGNED, policy

RSA = {"algorithm": "rsasha256", "ksk-size": 2048, "zsk-size": 2048}
SIZES = (*range(512, 1500, 24), 1232)
MAIL = ["@ IN MX 10 @", "@ IN MX 20 mx2", "@ IN MX 30 mx3", "mx2 IN A 198.51.100.2",
        "mx2 IN AAAA 2001:db8:1::2", "mx3 IN A 198.51.100.3", "mx3 IN AAAA 2001:db8:1::3"]
LONG = ["@ IN MX 10 @", *(f"@ IN MX 20 {'m' * 40}{i}" for i in range(8)),
        *(f"{'m' * 40}{i} IN AAAA 2001:db8:1::{i}" for i in range(8))]
# One that is behind what does not fit, and others of the same RRset.
SERVICES = [f"_sip._tcp IN SRV 1 2 506{i} {name}"
            for i, name in enumerate(("@", "n1", "n2", "n3", "@"))]
SERVICES += [f"n{i} IN A 198.51.100.{i}" for i in range(1, 4)]
KEY = dns.tsig.Key("test.key.", "c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISEhISE=", "hmac-sha256.")


def permit(knotd):
    """Requests that are signed by the key."""
    knotd.sections.append(section("key", "test.key", algorithm="hmac-sha256",
                                  secret="c2VjcmV0IHNlY3JldCBzZWNyZXQgc2VjcmV0ISEhISE="))
    knotd.sections.append(section("acl", "asks", key="test.key", action="query"))


def left(reply):
    """The siblings that stand in Additional, and whatever covers them."""
    return [record for record in reply.section("additional")
            if record[3] in (SIBLING_A, SIBLING_AAAA)]


def every_size(name, rdtype, *, do, **how):
    """No size shows a sibling; those that were shorter than all there is, and those that were not."""
    short = whole = 0
    for size in SIZES:
        reply = query(name, rdtype, do=do, bufsize=size, **how)
        assert not left(reply), f"expected no sibling with {size} octets, got {reply}"
        assert len(reply.wire) <= size
        assert reply.message.edns >= 0, f"expected an OPT record, got {reply}"
        if reply.tc:
            continue
        assert rdtype in reply.types(), f"expected the {rdtype} records, got {reply}"
        if A1 in reply.addresses("A", ZONE, "additional"):
            whole += 1
        else:
            short += 1
    return short, whole


@pytest.mark.limit(60)
@pytest.mark.parametrize("do", [False, True], ids=["plain", "DO"])
@pytest.mark.parametrize("records, name, rdtype", [
    (MAIL, ZONE, "MX"), (LONG, ZONE, "MX"), (SERVICES, f"_sip._tcp.{ZONE}", "SRV"),
], ids=["mail", "long", "SRV"])
def test_A3_no_sibling_is_left_where_not_all_fits(knotd, unbound, authority, do, records, name,
                                                  rdtype):
    policy(knotd, **RSA)
    simple(knotd, authority, ttl=3600, records=[*records, *siblings()], zone_options=SIGNED)
    known(do=True)
    short, whole = every_size(name, rdtype, do=do)
    if do:
        assert short > 0, "expected sizes in which not all fits"
    else:
        assert whole > 0, "expected sizes in which all fits"


def test_A3_no_sibling_is_left_without_edns(knotd, unbound, authority):
    """Replies that end at all kinds of places."""
    lengths = range(100, 240, 4)
    records = [line for length in lengths for line in (
        f"o{length} IN MX 10 @", f"o{length} IN MX 20 {'m' * 60}.{'n' * (length // 4)}",
        *(f"o{length} IN MX {i} {i:060}" for i in range(30, 34)))]
    simple(knotd, authority, records=[*records, *siblings()])
    known()
    for length in lengths:
        reply = query(f"o{length}.{ZONE}", "MX", edns=False)
        assert not left(reply) and not reply.tc, f"expected no sibling, got {reply}"
        assert len(reply.section("answer")) == 6, f"expected all that was asked for, got {reply}"


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_A3_a_signed_request_gets_nothing_beside(knotd, unbound, authority, proto):
    """TSIG is made of what stands there when all is written: nothing can be taken out behind it."""
    permit(knotd)
    policy(knotd, **RSA)
    simple(knotd, authority, ttl=3600, records=[*MAIL, *siblings()],
           zone_options={**SIGNED, "acl": "asks"})
    known(do=True)
    for size in SIZES:
        reply = query(ZONE, "MX", proto, do=True, bufsize=size, tsig=KEY)
        assert reply.message.had_tsig and not left(reply), f"expected no sibling, got {reply}"
        assert reply.tc or "MX" in reply.types()


def test_A3_a_signed_request_gets_the_glue_of_a_referral(knotd, unbound, authority):
    permit(knotd)
    simple(knotd, authority, zone_options={"acl": "asks"},
           records=["sub IN NS ns.sub", "ns.sub IN A 198.51.100.54", *siblings()])
    reply = query(f"x.sub.{ZONE}", "A", tsig=KEY)
    assert reply.addresses("A", f"ns.sub.{ZONE}", "additional") == {"198.51.100.54"}, reply


def test_A3_a_signed_request_gets_what_is_beside_where_there_are_no_siblings(
        knotd, unbound, authority):
    permit(knotd)
    simple(knotd, authority, records=MAIL, zone_options={"acl": "asks"})
    reply = query(ZONE, "MX", tsig=KEY)
    assert "198.51.100.2" in reply.addresses("A", f"mx2.{ZONE}", "additional"), reply


@needs_any
def test_A3_no_sibling_of_another_owner_is_left(knotd, unbound, authority):
    knotd.options["owners"] = "any"
    policy(knotd, **RSA)
    authority.set(TARGET, a=[A1])
    own = [f"shop 3600 IN A {SIBLING_A}", f"shop 3600 IN AAAA {SIBLING_AAAA}"]
    mail = ["@ IN MX 10 shop", *MAIL[1:]]
    knotd.add_zone(ZONE, [aname(TARGET, owner="shop", ttl=3600), *mail, *own], zone_options=SIGNED)
    knotd.start()
    known(f"shop.{ZONE}", do=True)
    short, _ = every_size(ZONE, "MX", do=True)
    assert short > 0, "expected sizes in which not all fits"


def test_A3_siblings_are_left_where_they_are_what_is_served(knotd, unbound, authority):
    """A zone that is signed elsewhere (D4)."""
    knotd.options["dnssec"] = "off"
    policy(knotd, **RSA)
    simple(knotd, authority, ttl=3600, records=[*MAIL, *siblings()], zone_options=SIGNED)
    eventually(lambda: query(ZONE, "DNSKEY", "tcp").addresses("DNSKEY"), what="the zone is signed")
    found = set()
    for size in SIZES:
        reply = query(ZONE, "MX", do=True, bufsize=size)
        for kind in ADDRESS_TYPES:
            found |= reply.addresses(kind, ZONE, "additional")
    assert found == {SIBLING_A, SIBLING_AAAA}, f"expected the siblings, got {found}"


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_A3_A5_nothing_of_the_siblings_stands_beside_any(knotd, unbound, authority, proto):
    simple(knotd, authority, ttl=3600, records=["@ IN MX 10 @", "@ IN NS @", *siblings()])
    known()
    for size in (512, 1232):
        reply = query(ZONE, "ANY", proto, bufsize=size)
        text = str(reply)
        assert SIBLING_A not in text and SIBLING_AAAA not in text, f"expected none, got {reply}"
