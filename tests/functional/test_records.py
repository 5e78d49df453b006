"""R1-R5: what an ANAME record is and what it leaves alone."""

import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import dns.xfr
import dns.zone
import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ALIAS, ANAME, FAILURES, SERVER, SIBLING_A, STALE_TTL, TARGET, ZONE,
    Knotd, aname, answers, eventually, expire, failed, known, query, raw, rdata, rdata_text,
    section, siblings,
)

OTHER = "other.example.net"
THIRD = "third.example.net"

MALFORMED = {
    "empty": b"",
    "no-root-label": b"\x03cdn\x07example\x03net",
    "label-cut-short": b"\x03cd",
    "trailing-octet": b"\x03cdn\x07example\x03net\x00\x00",
    "two-names": b"\x03cdn\x00\x03net\x00",
    "compression-pointer": b"\xc0\x0c",
    "pointer-after-label": b"\x03cdn\xc0\x0c",
    "label-type-01": b"\x41" + b"a" * 65 + b"\x00",
    "label-type-10": b"\x81" + b"a" * 129 + b"\x00",
    "256-octets": (b"\x3f" + b"a" * 63) * 3 + b"\x3e" + b"a" * 62 + b"\x00",
}


@pytest.mark.parametrize("rrtype", [ANAME, ALIAS])
def test_R1_both_types_are_accepted(knotd, unbound, authority, proto, rrtype):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET, rrtype=rrtype)])
    knotd.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ede=set(), soa=False)
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set(), soa=False)


@pytest.mark.parametrize(
    "accepted, record, taken",
    [
        ("TYPE65290", 65290, True),
        ("TYPE65290", ANAME, False),
        ("ANAME", ANAME, True),
        ("ANAME", ALIAS, False),
        ("ALIAS", ALIAS, True),
        ("ALIAS", ANAME, False),
        (["TYPE65305", "TYPE65401", "TYPE65534"], 65534, True),
        (["ANAME", "ALIAS"], ALIAS, True),
    ],
)
def test_R1_option_rrtype_names_the_accepted_types(
    knotd, unbound, authority, proto, accepted, record, taken
):
    authority.set(TARGET, a=[A1])
    knotd.options["rrtype"] = accepted
    knotd.add_zone(ZONE, [aname(TARGET, rrtype=record), *siblings()])
    knotd.start()
    if taken:
        known(ZONE, "A")
        query(ZONE, "A", proto).expect(a={A1})
    else:
        query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(3600, 3600), ede=set())
        assert authority.count(TARGET) == 0, "expected no lookup for a type that is not accepted"


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_R2_malformed_record_is_a_failed_target(knotd, unbound, authority, proto, octets):
    knotd.add_zone(ZONE, [raw(octets), "@ IN TXT here", "www IN A 198.51.100.7"])
    knotd.start()
    for rdtype in ("A", "AAAA"):
        query(ZONE, rdtype, proto).expect(
            rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede=FAILURES, soa=False
        )
    reply = query(ZONE, "TXT", proto).expect()
    assert reply.types() == {"TXT"}, f"expected the TXT record, got {reply}"
    query(f"www.{ZONE}", "A", proto).expect(a={"198.51.100.7"}, ede=set())
    reply = query(ZONE, f"TYPE{ANAME}", proto).expect()
    assert [record[3] for record in reply.section("answer")] == [rdata(octets)], (
        f"expected the record as it stands in the zone, got {reply}"
    )


@pytest.mark.parametrize("octets", MALFORMED.values(), ids=MALFORMED)
def test_R2_malformed_record_leaves_the_sibling(knotd, unbound, authority, proto, octets):
    knotd.add_zone(ZONE, [raw(octets), *siblings()])
    knotd.start()
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))


def test_R2_malformed_record_is_logged_once_per_content_and_counted(knotd, unbound, authority):
    knotd.add_zone(ZONE, [raw(MALFORMED["compression-pointer"])])
    knotd.start()
    for _ in range(20):
        query(ZONE, "A")
        query(ZONE, "AAAA", "tcp")
    knotd.wait_log("malformed", ZONE)
    knotd.reload_zone(
        ZONE, [raw(MALFORMED["compression-pointer"]), "@ IN TXT more"], serial=2
    )
    eventually(lambda: query(ZONE, "TXT").addresses("TXT"), what="the new zone is served")
    for _ in range(20):
        query(ZONE, "A")
    lines = knotd.log_lines("malformed", ZONE)
    assert len(lines) == 1, f"expected one line for one content, got {lines}"
    knotd.reload_zone(ZONE, [raw(MALFORMED["label-cut-short"])], serial=3)
    eventually(lambda: not query(ZONE, "TXT").addresses("TXT"), what="the new zone is served")
    query(ZONE, "A")
    knotd.wait_log("malformed", ZONE, count=2)
    assert knotd.stats(ZONE)["answers[failed]"] >= 61, (
        f"expected every such answer counted as failed, got {knotd.stats(ZONE)}"
    )


def test_R2_malformed_record_beside_a_good_one(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [raw(MALFORMED["trailing-octet"]), aname(TARGET)])
    knotd.start()
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


RICH = [
    "@ IN MX 10 mail",
    "@ IN MX 20 mx.example.org.",
    "@ IN TXT \"v=spf1 -all\"",
    "@ IN TXT second",
    "@ IN CAA 0 issue \"ca.example\"",
    "@ IN NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:info@example.com!\" .",
    "@ IN LOC 50 5 0 N 14 24 0 E 200m",
    "@ IN SSHFP 4 2 123456789abcdef67890123456789abcdef67890123456789abcdef123456789",
    "@ IN TYPE65280 \\# 3 abcdef",
    "_sip._tcp IN SRV 1 2 5060 mail",
    "mail IN A 198.51.100.25",
    "mail IN AAAA 2001:db8:25::1",
    "alias IN CNAME mail",
    "out IN CNAME www.example.org.",
    "*.wild IN TXT wildcard",
    "*.wild IN A 198.51.100.26",
    "sub IN NS ns.sub",
    "ns.sub IN A 198.51.100.27",
    "sub IN DS 12345 13 2 "
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "dn IN DNAME example.org.",
    "ent.deep IN TXT x",
]
QUESTIONS = [
    (ZONE, rdtype)
    for rdtype in (
        "SOA", "NS", "MX", "TXT", "CAA", "NAPTR", "LOC", "SSHFP", "SRV", "HTTPS", "CNAME",
        "DS", "DNSKEY", "NSEC", "RRSIG", "PTR", "TYPE65280", "TYPE65281",
    )
] + [
    (f"_sip._tcp.{ZONE}", "SRV"),
    (f"mail.{ZONE}", "A"),
    (f"mail.{ZONE}", "AAAA"),
    (f"mail.{ZONE}", "MX"),
    (f"alias.{ZONE}", "A"),
    (f"alias.{ZONE}", "CNAME"),
    (f"out.{ZONE}", "A"),
    (f"x.wild.{ZONE}", "A"),
    (f"x.wild.{ZONE}", "AAAA"),
    (f"x.wild.{ZONE}", "TXT"),
    (f"host.sub.{ZONE}", "A"),
    (f"sub.{ZONE}", "DS"),
    (f"a.dn.{ZONE}", "A"),
    (f"deep.{ZONE}", "A"),
    (f"none.{ZONE}", "A"),
    (f"none.{ZONE}", "AAAA"),
    ("elsewhere.example.org", "A"),
]


def octets(name, rdtype, proto, **how):
    return query(name, rdtype, proto, qid=4711, **how).wire


@pytest.mark.limit(120)
def test_R3_other_types_do_not_change_by_one_octet(directory, unbound, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    variants = [
        (proto, how)
        for proto in ("udp", "tcp")
        for how in ({"edns": False}, {}, {"do": True}, {"bufsize": 4096, "rd": True})
    ]
    wires = {}
    for with_module in (True, False):
        knotd = Knotd(directory)
        knotd.with_module = with_module
        knotd.add_zone(ZONE, [aname(TARGET), *RICH])
        try:
            knotd.start()
            if with_module:
                known()
            wires[with_module] = {
                (name, rdtype, proto, str(how)): octets(name, rdtype, proto, **how)
                for name, rdtype in QUESTIONS
                for proto, how in variants
            }
            knotd.finish()
        finally:
            knotd.kill()
    for key, expected in wires[False].items():
        got = wires[True][key]
        assert got == expected, (
            f"{key}: expected, as without the module,\n{dns.message.from_wire(expected)}\n"
            f"got\n{dns.message.from_wire(got)}"
        )


def test_R4_pool_is_the_union(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1])
    authority.set(OTHER, a=[A2, A3])
    knotd.add_zone(ZONE, [aname(TARGET, ttl=100), aname(OTHER, ttl=100)])
    knotd.start()
    answers({A1, A2, A3}, ede=set())
    answers({AAAA1}, rdtype="AAAA", ede=set())
    query(ZONE, "A", proto).expect(a={A1, A2, A3}, ttl=(90, 100), ede=set(), soa=False)
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set(), soa=False)


def test_R4_failed_member_is_left_out_once_expired(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    knotd.options["ttl-max"] = 2
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.start()
    answers({A1, A2}, ede=set())
    authority.fail(OTHER)
    expire(2)
    answers({A1}, timeout=5, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ttl=(0, 2), ede=set())


def test_R4_member_that_fails_from_the_start_is_left_out(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.fail(OTHER)
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.start()
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_R4_stale_only_when_no_target_is_live(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    knotd.options.update({"ttl-max": 2, "retry-max": 1})
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.start()
    answers({A1, A2}, ede=set())
    authority.fail(TARGET)
    authority.fail(OTHER)
    expire(2)
    eventually(
        lambda: query(ZONE, "A", proto).expect(a={A1, A2}, ttl=(1, STALE_TTL), ede={3}),
        what="both are served stale",
    )
    authority.set(TARGET, a=[A3])
    answers({A3}, ede=set())
    query(ZONE, "A", proto).expect(a={A3}, ttl=(0, 2), ede=set())


def test_R4_cold_member_does_not_delay_a_fresh_one(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2], delay=1.5)
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.start()
    # The member that is fast is known first, and answers alone until the slow one is known.
    first = known(ZONE, "A")
    first.expect(a={A1}, ede=set())
    reply = query(ZONE, "A", proto).expect(a={A1}, ede=set())
    assert reply.elapsed < 0.3, f"expected no wait, got {reply}"
    answers({A1, A2}, ede=set())


def test_R4_all_targets_negative_is_nodata(knotd, unbound, authority, proto):
    authority.nxdomain(TARGET)
    authority.set(OTHER, aaaa=[AAAA2])
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.start()
    known(ZONE, "A")
    reply = query(ZONE, "A", proto).expect(a=(), ede=set(), soa=True)
    assert not reply.section("answer"), f"expected an empty Answer, got {reply}"
    answers({AAAA2}, rdtype="AAAA", ede=set())


def test_R4_some_negative_the_others_failed_is_a_failure(knotd, unbound, authority, proto):
    authority.nxdomain(TARGET)
    authority.fail(OTHER)
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.start()
    failed()
    query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES, soa=False)


def test_R4_ttl_is_the_minimum_of_those_used(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    authority.set(THIRD, a=[A3])
    # RFC 2181 wants one TTL for the RRset; Knot takes the one it reads first, so
    # the difference is made by time: the third target is known two seconds later.
    authority.fail(THIRD)
    knotd.options["retry-max"] = 2
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER), aname(THIRD)])
    knotd.start()
    answers({A1, A2}, ede=set())
    authority.set(THIRD, a=[A3])
    expire(1.5)
    answers({A1, A2, A3}, ede=set())
    query(ZONE, "A", proto).expect(a={A1, A2, A3}, ttl=(280, 298), ede=set())


KEY = "transfer-key"
SECRET = "MTIzNDU2Nzg5MGFiY2RlZg=="
KEYRING = dns.tsigkeyring.from_text({KEY: SECRET})


def authoring(knotd):
    """Let this machine transfer and update the zone."""
    knotd.sections += [
        section("key", KEY, algorithm="hmac-sha256", secret=SECRET),
        section("acl", "author", key=KEY, action=["transfer", "update"]),
    ]
    return {"acl": "author"}


def transfer(kind, zone=None):
    """AXFR, or IXFR onto zone."""
    found = zone if zone is not None else dns.zone.Zone(ZONE)
    message, serial = dns.xfr.make_query(found, keyring=KEYRING, keyname=KEY)
    assert dns.rdatatype.to_text(message.question[0].rdtype) == kind
    dns.query.inbound_xfr(SERVER[0], found, message, SERVER[1], timeout=10)
    assert serial is None or found.get_soa().serial > serial, "the zone did not change"
    return found


def apex(zone, rrtype):
    rdataset = zone.get_rdataset("@", dns.rdatatype.from_text(rrtype))
    return sorted(rdata_text(rdata) for rdata in rdataset) if rdataset else []


def test_R5_axfr_ixfr_and_update_carry_the_record(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options=authoring(knotd))
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    zone = transfer("AXFR")
    kind = f"TYPE{ANAME}"
    declared = aname(TARGET).split(kind)[1].strip()
    assert apex(zone, kind) == [declared], f"expected {declared}, got {apex(zone, kind)}"
    assert apex(zone, "A") == [SIBLING_A], (
        f"expected the zone's own address in a transfer, got {apex(zone, 'A')}"
    )

    replaced = aname(OTHER).split(kind)[1].strip()
    update = dns.update.Update(ZONE, keyring=KEYRING, keyname=KEY)
    update.replace("@", 300, dns.rdatatype.from_text(kind), replaced)
    reply = dns.query.tcp(update, SERVER[0], 10, SERVER[1])
    assert reply.rcode() == dns.rcode.NOERROR, f"expected the update to succeed, got {reply}"
    zone = transfer("IXFR", zone)
    assert apex(zone, kind) == [replaced], f"expected {replaced}, got {apex(zone, kind)}"
    answers({A2}, ede=set())
    query(ZONE, "A", proto).expect(a={A2})

    update = dns.update.Update(ZONE, keyring=KEYRING, keyname=KEY)
    update.delete("@", dns.rdatatype.from_text(kind))
    reply = dns.query.tcp(update, SERVER[0], 10, SERVER[1])
    assert reply.rcode() == dns.rcode.NOERROR, f"expected the update to succeed, got {reply}"
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(3600, 3600), ede=set())


def test_R5_zone_file_is_written_with_the_record(knotd, unbound, authority):
    authority.set(TARGET, a=[A1])
    knotd.add_zone(
        ZONE, [aname(TARGET), *siblings()], zone_options={"zonefile-sync": 0}
    )
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "@", "60", "TXT", "written")
    knotd.knotc("zone-commit", ZONE)
    knotd.knotc("-b", "zone-flush", ZONE)
    with open(knotd.zone_file(ZONE), encoding="ascii") as file:
        text = file.read()
    wanted = aname(TARGET).split(f"TYPE{ANAME}")[1].split()
    lines = [line.split() for line in text.splitlines() if f"TYPE{ANAME}" in line]
    assert len(lines) == 1 and [part.lower() for part in lines[0][-3:]] == wanted, (
        f"expected one line with {wanted}, got {lines}"
    )
    assert SIBLING_A in text and A1 not in text, (
        f"expected the zone's own address and no synthesized one in the file, got {text}"
    )
    assert "written" in text, f"expected the file to be written anew, got {text}"
