"""D1, D2, D5: a zone that Knot signs, before resolvers that validate and draw conclusions."""

import dns.flags
import pytest
from harness import (
    A1, A2, AAAA1, AAAA2, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, answers, eventually, expire,
    failed, known, query, siblings,
)
from harness.signatures import Keys, denials, verify
from harness.signing import SIGNED, policy, serve
from harness.validator import ValidatingNamed, ValidatingUnbound, delv, signed

POOL = "pool.example.net"


@pytest.fixture
def validate(directory, start_server):
    """Start a validating resolver of one kind."""

    def start(points, kind="unbound", zone=ZONE):
        make = {"unbound": ValidatingUnbound, "named": ValidatingNamed}[kind]
        return start_server(make(directory, {zone: points}))

    return start


def sound(validator, name, chain):
    """How to ask for what may rest on an opt-out span: that is not authentic (RFC 5155, 9.2)."""
    if chain != "opt-out" or name not in ("any.wild.", "some.wild.", "none."):
        return validator.secure

    def ask(qname, rdtype="A", rcode="NOERROR"):
        reply = validator.ask(qname, rdtype)
        assert reply.rcode == rcode, f"expected {rcode}, got {reply}"
        return reply

    return ask


# The main job.


@pytest.mark.parametrize("kind", ["unbound", "named"])
def test_D1_everything_is_authentic(knotd, unbound, authority, validate, chain, kind):
    points = serve(knotd, authority, chain=chain)
    known(do=True)
    validator = validate(points, kind)
    for name in ("", "www.", "one.", "any.wild."):
        ask = sound(validator, name, chain)
        ask(f"{name}{ZONE}", "A").expect(aa=None, a={A1, A2})
        ask(f"{name}{ZONE}", "AAAA").expect(aa=None, aaaa={AAAA1, AAAA2})
    for rdtype in ("MX", "TXT", "SOA", "NS"):
        assert validator.secure(ZONE, rdtype).addresses(rdtype), f"expected {rdtype}"
    validator.secure(f"ns.{ZONE}", "AAAA")
    sound(validator, "none.", chain)(f"none.{ZONE}", "A", rcode="NXDOMAIN")


def test_D1_delv_validates_what_knotd_says(knotd, unbound, authority, directory, chain):
    points = serve(knotd, authority, *siblings(), chain=chain)
    authority.set(TARGET, a=[A1])
    known(do=True)
    for name, rdtype, expected in (
        (ZONE, "A", ("; fully validated", A1)),
        (f"www.{ZONE}", "A", ("; fully validated", A1)),
        (ZONE, "AAAA", ("negative response, fully validated",)),
        (ZONE, "CAA", ("negative response, fully validated",)),
    ):
        output = delv(directory, ZONE, points, name, rdtype)
        missing = [text for text in expected if text not in output]
        assert not missing, f"expected {missing} for {name} {rdtype}, got {output}"


@pytest.mark.parametrize("kind", ["unbound", "named"])
@pytest.mark.parametrize("first", ["CAA", "TXT", "HINFO", "nxdomain", "wildcard", "nodata"])
def test_D2_no_denial_hides_the_apex(knotd, unbound, authority, validate, chain, kind, first):
    authority.set(POOL, a=[A1])
    points = serve(knotd, authority, chain=chain, zone=ZONE, target=TARGET)
    known(do=True)
    validator = validate(points, kind)
    name, rdtype, rcode = {
        "nxdomain": ("none.", "A", "NXDOMAIN"),
        "wildcard": ("some.wild.", "TXT", "NOERROR"),
        "nodata": ("b.c.", "A", "NOERROR"),
    }.get(first, ("", first, "NOERROR"))
    sound(validator, name, chain)(f"{name}{ZONE}", rdtype, rcode=rcode)
    validator.secure(ZONE, "A").expect(aa=None, a={A1, A2})
    validator.secure(ZONE, "AAAA").expect(aa=None, aaaa={AAAA1, AAAA2})
    validator.secure(f"www.{ZONE}", "A").expect(aa=None, a={A1, A2})


@pytest.mark.parametrize("kind", ["unbound", "named"])
@pytest.mark.parametrize("missing", ["A", "AAAA"])
@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_D2_the_missing_family_is_proven(
    knotd, unbound, authority, validate, chain, kind, missing, with_siblings
):
    points = serve(knotd, authority, *(siblings() if with_siblings else []), chain=chain)
    authority.set(TARGET, a=[] if missing == "A" else [A1], aaaa=[] if missing == "AAAA" else [AAAA1])
    known(do=True)
    other = "AAAA" if missing == "A" else "A"
    validator = validate(points, kind)
    for name in ("", "www.", "any.wild."):
        ask = sound(validator, name, chain)
        reply = ask(f"{name}{ZONE}", missing)
        assert not reply.addresses(missing), f"expected no {missing}, got {reply}"
        reply = ask(f"{name}{ZONE}", other)
        assert reply.addresses(other) == {A1 if other == "A" else AAAA1}, f"got {reply}"
    keys = Keys(ZONE)
    keys.learn()
    for name in ("", "www."):
        for proto in ("udp", "tcp"):
            reply = query(f"{name}{ZONE}", missing, proto, do=True).expect(soa=True)
            verify(reply, keys)
            found = denials(reply, "authority")
            assert found and all(missing not in types for types in found), f"got {reply}"
            assert all(other in types for types in found), f"got {reply}"


def test_D2_a_negative_answer_lives_no_longer_than_the_target_says(knotd, unbound, authority):
    serve(knotd, authority, *siblings())
    knotd.options.update({"ttl-max": 5})
    knotd.reload()
    authority.set(TARGET, a=[A1])
    eventually(lambda: query(ZONE, "AAAA", do=True).expect(aaaa=(), soa=True))
    reply = query(ZONE, "AAAA", do=True)
    for rdtype in ("SOA", "NSEC"):
        assert reply.ttl(rdtype, "authority") <= 5, f"expected TTLs up to 5, got {reply}"
    assert max(reply.ttls("RRSIG", "authority")) <= 5, f"expected TTLs up to 5, got {reply}"


def test_D1_a_pool_is_authentic(knotd, unbound, authority, validate):
    authority.set(POOL, a=["192.0.2.77"], aaaa=["2001:db8::77"])
    points = serve(knotd, authority, aname(POOL))
    known(do=True)
    validator = validate(points)
    answers({A1, A2, "192.0.2.77"})
    validator.secure(ZONE, "A").expect(aa=None, a={A1, A2, "192.0.2.77"})
    answers({AAAA1, AAAA2, "2001:db8::77"}, rdtype="AAAA")
    validator.secure(ZONE, "AAAA").expect(aa=None, aaaa={AAAA1, AAAA2, "2001:db8::77"})


@pytest.mark.parametrize(
    "algorithm", ["rsasha256", "rsasha512", "ecdsap384sha384", "ed25519", "ed448"]
)
def test_D1_algorithms(knotd, unbound, authority, validate, algorithm):
    points = serve(knotd, authority, algorithm=algorithm)
    known(do=True)
    validator = validate(points)
    validator.secure(ZONE, "TXT")
    validator.secure(ZONE, "A").expect(aa=None, a={A1, A2})
    validator.secure(f"none.{ZONE}", "A", rcode="NXDOMAIN")


def test_D1_single_type_signing(knotd, unbound, authority, validate):
    points = serve(knotd, authority, **{"single-type-signing": True})
    known(do=True)
    validator = validate(points)
    validator.secure(ZONE, "HINFO")
    validator.secure(ZONE, "AAAA").expect(aa=None, aaaa={AAAA1, AAAA2})


# What is in a reply.


def test_D5_no_dnssec_records_without_do(knotd, unbound, authority, proto, chain):
    serve(knotd, authority, chain=chain)
    authority.set(TARGET, a=[A1])
    known()
    for name, rdtype in (
        (ZONE, "A"), (ZONE, "AAAA"), (ZONE, "TYPE65305"), (ZONE, "MX"), (f"www.{ZONE}", "A"),
        (f"www.{ZONE}", "AAAA"), (f"none.{ZONE}", "A"),
    ):
        reply = query(name, rdtype, proto)
        found = {kind for part in reply.records.values() for _, _, kind, _ in part}
        assert not found & {"RRSIG", "NSEC", "NSEC3"}, f"expected no DNSSEC records, got {reply}"


def test_D1_additions_are_signed(knotd, unbound, authority, proto):
    serve(knotd, authority, *siblings())
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    for rdtype in ("MX", "TYPE65305"):
        reply = query(ZONE, rdtype, proto, do=True, bufsize=4096).expect(ede=set())
        verify(reply, keys)
        found = reply.addresses("A", ZONE, "additional")
        assert found == {A1, A2}, f"expected {A1} and {A2} in Additional, got {reply}"
        covered = [rdata.split()[0] for _, _, kind, rdata in reply.section("additional")
                   if kind == "RRSIG"]
        assert {"A", "AAAA"} <= set(covered), f"expected them signed, got {reply}"


def test_D1_answer_aname_is_signed(knotd, unbound, authority, proto):
    knotd.options.update({"answer-aname": True})
    serve(knotd, authority)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    reply = query(ZONE, "A", proto, do=True).expect(a={A1, A2})
    assert "TYPE65305" in reply.types(), f"expected the record, got {reply}"
    verify(reply, keys)


def test_D1_any_is_signed(knotd, unbound, authority, proto, chain):
    serve(knotd, authority, *siblings(), chain=chain)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    reply = query(ZONE, "ANY", proto, do=True, bufsize=4096).expect(a={A1, A2})
    verify(reply, keys)


@pytest.mark.parametrize("do", [False, True], ids=["plain", "do"])
def test_D2_the_nsec_record_itself(knotd, unbound, authority, proto, do):
    serve(knotd, authority)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    reply = query(ZONE, "NSEC", proto, do=do).expect(ede=set())
    assert [{"A", "AAAA"} <= types for types in denials(reply, "answer")] == [True], f"got {reply}"
    assert ("RRSIG" in reply.types()) == do, f"got {reply}"
    verify(reply, keys) if do else None


def test_A8_too_large_with_its_signature_is_truncated(knotd, unbound, authority):
    serve(knotd, authority, algorithm="rsasha256")
    many = [f"192.0.2.{i}" for i in range(1, 19)]
    authority.set(TARGET, a=many)
    known(do=True, bufsize=4096)
    keys = Keys(ZONE)
    keys.learn()
    # The addresses alone fit into 512 octets.
    query(ZONE, "A", bufsize=512).expect(a=set(many))
    query(ZONE, "A", do=True, bufsize=512).expect(tc=True, aa=None)
    for how in ({"proto": "tcp"}, {"bufsize": 4096}):
        reply = query(ZONE, "A", do=True, **how).expect(a=set(many))
        verify(reply, keys)


# Time.


def rrsigs(reply):
    return sorted(rdata for _, _, kind, rdata in reply.section("answer") if kind == "RRSIG")


def test_D1_an_unchanged_set_keeps_its_signature(knotd, unbound, authority):
    knotd.options.update({"ttl-max": 1})
    serve(knotd, authority)
    known(do=True)
    before = rrsigs(query(ZONE, "A", do=True).expect(a={A1, A2}))
    started = knotd.stats(ZONE)["lookups[succeeded]"]

    def refreshed():
        query(ZONE, "A", do=True).expect(a={A1, A2})
        return knotd.stats(ZONE)["lookups[succeeded]"] > started + 2

    eventually(refreshed, what="it was looked up again")
    assert rrsigs(query(ZONE, "A", do=True)) == before
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    answers({A1})
    assert rrsigs(query(ZONE, "A", do=True)) != before
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1])
    answers({A1, A2})
    assert rrsigs(query(ZONE, "A", do=True)) == before, "expected the stored one"


def test_D1_no_ttl_that_the_zone_does_not_have(knotd, unbound, authority, proto):
    """Knot keeps a retired key for the greatest TTL in the zone."""
    knotd.options.update({"ttl-min": 600})
    authority.set(TARGET, a=[A1])
    policy(knotd)
    knotd.add_zone(ZONE, [aname(TARGET, ttl=60)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    known(do=True)
    query(ZONE, "A", proto).expect(a={A1}, ttl=(500, 600))
    reply = query(ZONE, "A", proto, do=True).expect(a={A1}, ttl=(1, 60))
    keys = Keys(ZONE)
    keys.learn()
    verify(reply, keys)


def test_F1_F2_stale_and_siblings_are_authentic(knotd, unbound, authority, validate):
    knotd.options.update({"ttl-max": 1, "stale-max": 6, "retry-max": 1})
    points = serve(knotd, authority, *siblings())
    known(do=True)
    validator = validate(points)
    authority.fail(TARGET)
    expire(1)
    answers({A1, A2}, ede={3})
    validator.secure(ZONE, "A").expect(aa=None, a={A1, A2})
    answers({SIBLING_A})
    answers({SIBLING_AAAA}, rdtype="AAAA")
    keys = Keys(ZONE)
    keys.learn()
    for proto in ("udp", "tcp"):
        reply = query(ZONE, "A", proto, do=True).expect(a={SIBLING_A}, ttl=(1, 30))
        verify(reply, keys)
        assert max(reply.ttls("RRSIG")) <= 30, f"expected signatures of at most 30 s, got {reply}"
    validator.flush_zone(ZONE)
    validator.secure(ZONE, "A").expect(aa=None, a={SIBLING_A})


def test_F3_failure_in_a_signed_zone(knotd, unbound, authority, proto):
    authority.fail("bad.example.net")
    policy(knotd)
    knotd.add_zone(ZONE, [aname("bad.example.net")], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    failed(proto=proto)
    query(ZONE, "A", proto, do=True).expect(rcode="SERVFAIL", aa=None, a=())


def test_C1_C2_cold_in_a_signed_zone(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], delay=0.2)
    policy(knotd)
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    query(ZONE, "A", do=True).expect(tc=True, aa=None, a=())
    keys = Keys(ZONE)
    keys.learn()
    verify(query(ZONE, "A", "tcp", do=True).expect(a={A1}), keys)


def test_C2_the_first_query_over_tcp_waits_for_the_keys(knotd, unbound, authority):
    """With a target that answers at once, the keys are what is waited for."""
    authority.set(TARGET, a=[A1])
    policy(knotd)
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    reply = query(ZONE, "TXT", "tcp", do=True).expect(soa=True)
    assert [{"A", "AAAA"} <= types for types in denials(reply)] == [True], f"got {reply}"
    keys = Keys(ZONE)
    keys.learn()
    verify(reply, keys)


def test_C1_the_first_denial_over_udp_is_true_or_truncated(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    policy(knotd)
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    first = query(ZONE, "TXT", do=True)
    assert first.tc or all({"A", "AAAA"} <= types for types in denials(first)), f"got {first}"

    def true():
        reply = query(ZONE, "TXT", do=True).expect(soa=True)
        return [{"A", "AAAA"} <= types for types in denials(reply)] == [True]

    eventually(true, what="the denial is true")


def test_D1_an_alias_in_another_zone(knotd, unbound, authority, validate):
    """A CNAME from outside leads a validating resolver to the apex."""
    points = serve(knotd, authority)
    known(do=True)
    validator = validate(points)
    validator.secure(ZONE, "A").expect(aa=None, a={A1, A2})
    reply = validator.ask(f"x.under.{ZONE}", "A")
    assert reply.message.flags & dns.flags.AD, f"expected an authentic answer, got {reply}"


@pytest.mark.parametrize("where", ["siblings", "alone"])
def test_A4_D5_replies_of_every_size_are_whole(knotd, unbound, authority, where):
    """Where something does not fit, nothing follows that would point to it."""
    mail = [f"@ IN MX 20 mail{i}.some.where" for i in range(4)]
    hosts = [f"mail{i}.some.where IN A 192.0.2.{100 + i}" for i in range(4)]
    own = siblings() if where == "siblings" else []
    serve(knotd, authority, *own, *mail, *hosts)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    for size in range(512, 2000, 3):
        for rdtype in ("MX", "TYPE65305", "ANY"):
            for do in (True, False):
                reply = query(ZONE, rdtype, do=do, bufsize=size)
                if do and not reply.tc:
                    verify(reply, keys)
                found = {
                    rdata for name, _, kind, rdata in reply.section("additional")
                    if name == f"{ZONE}." and kind in ("A", "AAAA")
                }
                assert found <= {A1, A2, AAAA1, AAAA2}, f"expected no sibling, got {reply}"
