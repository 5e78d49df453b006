"""A1-A9: what an answer holds."""

import socket
import struct

import dns.edns
import dns.message
import dns.rdataclass
import dns.tsig
import pytest
from harness import (
    A1, A2, AAAA1, ADDRESS_TYPES, ANAME, FAILURES, SERVER, TARGET, ZONE, aname, answers, eventually,
    exchange, failed, known, make_query, parse, query, read_tcp, section, siblings, simple,
)

TYPE = f"TYPE{ANAME}"


def test_A1_addresses_at_the_owner(knotd, unbound, authority, proto):
    authority.cname(TARGET, "edge.example.net.")
    authority.set("edge.example.net", a=[A1, A2], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    for rdtype, addresses in (("A", {A1, A2}), ("AAAA", {AAAA1})):
        reply = query(ZONE, rdtype, proto).expect(ttl=(290, 300), ede=set(), soa=False)
        assert reply.addresses(rdtype, owner=ZONE) == addresses and reply.types() == {rdtype}, (
            f"expected only {addresses} at {ZONE}, got {reply}"
        )
        assert not reply.section("authority"), f"expected no Authority, got {reply}"


def test_A1_owner_name_is_the_name_asked_for(knotd, unbound, authority, proto):
    simple(knotd, authority)
    known()
    reply = query("eXAMple.CoM", "A", proto).expect(a={A1})
    owners = {str(name) for name, *_ in reply.section("answer")}
    assert owners == {"eXAMple.CoM."}, f"expected the letter case of the query, got {owners}"


@pytest.mark.parametrize("name", ["com\\000example", "example\\000com", "example.com\\000"])
def test_A1_octets_of_zero_do_not_make_another_name_the_owner(
    knotd, unbound, authority, proto, name
):
    """Knot finds zones by names in which an octet of zero stands between the labels."""
    simple(knotd, authority)
    known()
    reply = query(name, "A", proto)
    assert not reply.addresses(), f"expected no address for {name}, got {reply}"


def test_A1_families_are_resolved_independently(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.fail(TARGET, "AAAA")
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers({A1}, ede=set())
    failed(rdtype="AAAA")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    query(ZONE, "AAAA", proto).expect(rcode="SERVFAIL", aa=None, aaaa=(), ede=FAILURES)
    authority.set(TARGET, aaaa=[AAAA1])
    answers({AAAA1}, rdtype="AAAA", ede=set())


CHAINS = {
    "www": (["www IN CNAME @"], f"www.{ZONE}", ["CNAME"]),
    "two-steps": (["a IN CNAME b", "b IN CNAME @"], f"a.{ZONE}", ["CNAME", "CNAME"]),
    "wildcard": (["*.w IN CNAME @"], f"any.w.{ZONE}", ["CNAME"]),
    "dname": (["d IN DNAME com."], f"example.d.{ZONE}", ["DNAME", "CNAME"]),
    "dname-then-cname": (
        ["d IN DNAME e", "x.e IN CNAME @"], f"x.d.{ZONE}", ["DNAME", "CNAME", "CNAME"],
    ),
}


@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
@pytest.mark.parametrize("records, name, chain", CHAINS.values(), ids=CHAINS)
def test_A2_chain_in_the_zone_leads_to_the_addresses(
    knotd, unbound, authority, proto, records, name, chain, with_siblings
):
    simple(knotd, authority, records=[*records, *(siblings() if with_siblings else [])])
    known(name)
    for rdtype, address in (("A", A1), ("AAAA", AAAA1)):
        reply = query(name, rdtype, proto).expect(ttl=(290, 300), ede=set(), soa=False)
        kinds = [kind for _, _, kind, _ in reply.section("answer")]
        assert kinds == [*chain, rdtype], f"expected {[*chain, rdtype]}, got {reply}"
        assert reply.addresses(rdtype, owner=ZONE) == {address}, (
            f"expected {address} at {ZONE}, got {reply}"
        )


def test_A2_chain_to_nodata(knotd, unbound, authority, proto):
    simple(knotd, authority, records=["www IN CNAME @"], aaaa=())
    known(f"www.{ZONE}")
    reply = query(f"www.{ZONE}", "AAAA", proto).expect(aaaa=(), soa=True, ede=set())
    assert reply.types() == {"CNAME"}, f"expected the CNAME alone, got {reply}"


def test_A2_chain_to_a_failed_target(knotd, unbound, authority, proto):
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"])
    knotd.start()
    failed(f"www.{ZONE}")
    query(f"www.{ZONE}", "A", proto).expect(
        rcode="SERVFAIL", aa=None, a=(), ede=FAILURES, soa=False
    )


def test_A2_chain_while_cold(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], delay=0.2)
    knotd.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"])
    knotd.start()
    query(f"www.{ZONE}", "A").expect(tc=True, a=(), aa=None, soa=False)
    query(f"www.{ZONE}", "A", "tcp").expect(a={A1}, ede=set(), soa=False)


def test_A2_chain_from_another_zone_is_left_alone(knotd, unbound, authority, proto):
    simple(knotd, authority)
    knotd.add_zone("example.org", [f"www IN CNAME {ZONE}."], modules=[])
    knotd.reload()
    known()
    eventually(lambda: knotd.loaded("example.org"), what="the second zone is loaded")
    reply = query("www.example.org", "A", proto).expect(ede=set())
    assert reply.types() == {"CNAME"}, f"expected the CNAME alone, got {reply}"


def test_A3_siblings_never_beside_synthesized(knotd, unbound, authority, proto):
    simple(knotd, authority, records=siblings())
    known()
    query(ZONE, "A", proto).expect(a={A1}, ttl=(290, 300), ede=set(), soa=False)
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(290, 300), ede=set(), soa=False)


def test_A3_negative_target_hides_the_siblings(knotd, unbound, authority, proto):
    simple(knotd, authority, records=siblings(), aaaa=())
    known()
    query(ZONE, "AAAA", proto).expect(aaaa=(), soa=True, ede=set())


def test_A3_large_sibling_set_does_not_truncate(knotd, unbound, authority):
    many = [f"@ 3600 IN A 203.0.113.{i}" for i in range(1, 201)]
    simple(knotd, authority, records=[*many, "www IN CNAME @"])
    answers({A1}, timeout=5)
    query(ZONE, "A", edns=False).expect(a={A1}, soa=False)


def test_A3_large_sibling_set_behind_an_alias_is_answered_over_tcp(knotd, unbound, authority):
    many = [f"@ 3600 IN A 203.0.113.{i}" for i in range(1, 201)]
    simple(knotd, authority, records=[*many, "www IN CNAME @"])
    answers({A1}, timeout=5)
    # Knot truncates before any module sees that the alias led to the apex.
    reply = query(f"www.{ZONE}", "A", edns=False)
    assert reply.tc and not reply.addresses("A"), f"expected TC and no sibling, got {reply}"
    query(f"www.{ZONE}", "A", "tcp").expect(a={A1}, soa=False)


POINTERS = [
    ("@ IN MX 10 @", ZONE, "MX"),
    ("_sip._tcp IN SRV 1 2 5060 @", f"_sip._tcp.{ZONE}", "SRV"),
    ("@ IN NS @", ZONE, "NS"),
]


@pytest.mark.parametrize("record, name, rdtype", POINTERS, ids=["MX", "SRV", "NS"])
def test_A3_additional_section_shows_synthesized_addresses(
    knotd, unbound, authority, proto, record, name, rdtype
):
    simple(knotd, authority, records=[record, *siblings()])
    known()
    reply = query(name, rdtype, proto).expect(ede=set())
    found = {kind: reply.addresses(kind, ZONE, "additional") for kind in ADDRESS_TYPES}
    assert found == {"A": {A1}, "AAAA": {AAAA1}}, (
        f"expected the synthesized addresses in Additional, got {reply}"
    )
    assert rdtype in reply.types(), f"expected the {rdtype} record, got {reply}"


@pytest.mark.parametrize("record, name, rdtype", POINTERS, ids=["MX", "SRV", "NS"])
def test_A3_additional_section_never_shows_siblings_of_an_unknown_target(
    knotd, unbound, authority, proto, record, name, rdtype
):
    authority.drop(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), record, *siblings()])
    knotd.start()
    reply = query(name, rdtype, proto).expect(ede=set())
    found = {kind: reply.addresses(kind, ZONE, "additional") for kind in ADDRESS_TYPES}
    assert found == {"A": set(), "AAAA": set()}, (
        f"expected no address of {ZONE} in Additional, got {reply}"
    )
    assert rdtype in reply.types(), f"expected the {rdtype} record, got {reply}"


def test_A3_additional_section_without_siblings_is_left_alone(knotd, unbound, authority, proto):
    simple(knotd, authority, records=["@ IN MX 10 @"])
    known()
    reply = query(ZONE, "MX", proto).expect(ede=set())
    assert not reply.section("additional"), f"expected nothing in Additional, got {reply}"


def test_A3_additional_section_keeps_other_names(knotd, unbound, authority, proto):
    simple(
        knotd,
        authority,
        records=["@ IN MX 10 @", "@ IN MX 20 mail", "mail IN A 198.51.100.25", *siblings()],
    )
    known()
    reply = query(ZONE, "MX", proto).expect(ede=set())
    assert reply.addresses("A", f"mail.{ZONE}", "additional") == {"198.51.100.25"}, (
        f"expected the address of mail, got {reply}"
    )
    assert reply.addresses("A", ZONE, "additional") == {A1}, f"expected {A1}, got {reply}"


def test_A4_query_for_the_type_while_cold_and_known(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET, ttl=250), *siblings()])
    knotd.start()
    declared = aname(TARGET, ttl=250).split(TYPE)[1].strip()
    reply = query(ZONE, TYPE, proto).expect(soa=False, ede=set())
    assert reply.addresses(TYPE) == {declared}, f"expected {declared}, got {reply}"
    assert not reply.addresses("A", section="additional"), f"expected no address, got {reply}"
    known()
    reply = query(ZONE, TYPE, proto).expect(soa=False, ede=set())
    assert reply.addresses(TYPE) == {declared} and reply.types() == {TYPE}, (
        f"expected the record alone in Answer, got {reply}"
    )
    assert reply.ttl(TYPE) == 250, f"expected the record's own TTL 250, got {reply}"
    found = {kind: reply.addresses(kind, ZONE, "additional") for kind in ADDRESS_TYPES}
    assert found == {"A": {A1}, "AAAA": {AAAA1}}, (
        f"expected the known addresses in Additional, got {reply}"
    )


def test_A4_query_for_the_type_where_there_is_none(knotd, unbound, authority, proto):
    simple(knotd, authority)
    reply = query(ZONE, "TYPE65401", proto).expect(soa=True)
    assert not reply.section("answer"), f"expected NODATA, got {reply}"


# Knot answers ANY with the first RRset of the node: which one that is depends on the zone.
ANY_ZONES = {
    "without-siblings": ["@ IN TXT here", "@ IN MX 10 mail"],
    "with-siblings": ["@ IN TXT here", *siblings()],
    "with-one-sibling": [siblings()[1]],
}


@pytest.mark.parametrize("records", ANY_ZONES.values(), ids=ANY_ZONES)
def test_A5_any_holds_knots_own_answer_and_the_addresses(
    knotd, unbound, authority, proto, records
):
    simple(knotd, authority, records=records)
    knotd.add_zone("plain.example", [aname(TARGET), *records], modules=[])
    knotd.reload()
    known()
    eventually(lambda: knotd.loaded("plain.example"), what="the plain zone is loaded")
    types = query("plain.example", "ANY", proto).types()
    reply = query(ZONE, "ANY", proto).expect(ede=set(), soa=False)
    assert reply.types() == (types - set(ADDRESS_TYPES)) | set(ADDRESS_TYPES), (
        f"expected Knot's own {types} and the addresses, got {reply}"
    )
    reply.expect(a={A1}, aaaa={AAAA1})


def test_A5_any_while_cold_is_knots_own_answer(
    knotd, unbound, authority, proto
):
    authority.drop(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), "@ IN TXT here"])
    knotd.start()
    reply = query(ZONE, "ANY", proto).expect(a=(), aaaa=(), ede=set())
    assert reply.section("answer"), f"expected Knot's own answer, got {reply}"


def test_A6_record_is_in_the_answer_only_if_wanted(knotd, unbound, authority, proto):
    simple(knotd, authority)
    known()
    reply = query(ZONE, "A", proto).expect(a={A1})
    assert reply.types() == {"A"}, f"expected no {TYPE} by default, got {reply}"
    knotd.options["answer-aname"] = True
    knotd.reload()
    reply = eventually(
        lambda: (found := query(ZONE, "A", proto)).addresses(TYPE) and found,
        what=f"{TYPE} in the answer",
    )
    kinds = [kind for _, _, kind, _ in reply.section("answer")]
    assert kinds == ["A", TYPE], f"expected the address, then the record, got {reply}"
    assert reply.addresses(TYPE) == {aname(TARGET).split(TYPE)[1].strip()}
    reply = query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, soa=False)
    assert reply.types() == {"AAAA", TYPE}, f"expected the record there too, got {reply}"


@pytest.mark.parametrize("negative", ["nodata", "nxdomain"])
def test_A7_negative_target_is_nodata(knotd, unbound, authority, proto, negative):
    if negative == "nodata":
        authority.set(TARGET)
    else:
        authority.nxdomain(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"], soa_ttl=3600, minimum=60)
    knotd.start()
    known()
    for rdtype in ADDRESS_TYPES:
        reply = query(ZONE, rdtype, proto).expect(a=(), aaaa=(), soa=True, ede=set())
        assert not reply.section("answer"), f"expected an empty Answer, got {reply}"
        assert reply.soa_ttl() <= 60, f"expected the SOA's TTL within its minimum, got {reply}"


@pytest.mark.parametrize(
    "soa_ttl, minimum, ttl, most",
    [(3600, 60, 300, 60), (45, 60, 300, 45), (3600, 600, 300, 300), (3600, 900, 20, 20)],
)
def test_A7_negative_ttl(knotd, unbound, authority, proto, soa_ttl, minimum, ttl, most):
    authority.nxdomain(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET, ttl=ttl)], soa_ttl=soa_ttl, minimum=minimum)
    knotd.start()
    known(ZONE, "A")
    reply = query(ZONE, "A", proto).expect(soa=True, ede=set())
    assert most - 10 <= reply.soa_ttl() <= most, f"expected about {most}, got {reply}"


def test_A8_too_large_for_udp_is_truncated_whole(knotd, unbound, authority):
    many = {f"2001:db8::{i:x}" for i in range(1, 33)}
    simple(knotd, authority, records=["www IN CNAME @"], aaaa=many)
    known(ZONE, "A")
    eventually(lambda: query(ZONE, "AAAA", "tcp").expect(aaaa=many), what="known")
    for name in (ZONE, f"www.{ZONE}"):
        for how in ({"edns": False}, {"bufsize": 512}, {"bufsize": 700}):
            query(name, "AAAA", **how).expect(tc=True, aaaa=(), aa=None)
        query(name, "AAAA", bufsize=1232).expect(aaaa=many, soa=False)
        query(name, "AAAA", "tcp", edns=False).expect(aaaa=many, soa=False)


def test_A8_same_subset_for_everybody(knotd, unbound, authority):
    many = {f"192.0.2.{i}" for i in range(1, 251)}
    simple(knotd, authority, a=many)
    known(ZONE, "A")
    chosen = query(ZONE, "A").addresses("A")
    assert len(chosen) == 32 and chosen <= many, f"expected 32 of the 250, got {len(chosen)}"
    for i in range(20):
        query(ZONE, "A", ("udp", "tcp")[i % 2]).expect(a=chosen)


@pytest.mark.parametrize("most", [1, 5, 256])
def test_A8_option_max_addresses(knotd, unbound, authority, most):
    many = {f"192.0.{i // 200}.{i % 200}" for i in range(1, 301)}
    knotd.options["max-addresses"] = most
    simple(knotd, authority, a=many)
    eventually(
        lambda: len(query(ZONE, "A", "tcp").addresses("A")) == most, what=f"{most} addresses"
    )
    reply = query(ZONE, "A", "tcp")
    assert reply.addresses("A") <= many, f"expected addresses of the target, got {reply}"
    query(ZONE, "A", edns=False).expect(tc=most == 256, aa=None)


def test_A8_limit_holds_for_a_pool(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[f"192.0.2.{i}" for i in range(1, 31)])
    authority.set("other.example.net", a=[f"192.0.2.{i}" for i in range(101, 131)])
    knotd.add_zone(ZONE, [aname(TARGET), aname("other.example.net")])
    knotd.start()
    eventually(lambda: len(query(ZONE, "A").addresses("A")) == 32, what="32 addresses")
    first = query(ZONE, "A", proto).addresses("A")
    assert len(first) == 32, f"expected 32 addresses, got {len(first)}"
    assert query(ZONE, "A", proto).addresses("A") == first, "expected the same subset again"


@pytest.mark.parametrize(
    "how",
    [{"edns": False}, {}, {"do": True}, {"bufsize": 512}, {"bufsize": 4096}, {"rd": True}],
    ids=["plain", "edns", "do", "bufsize-512", "bufsize-4096", "rd"],
)
def test_A9_with_and_without_edns(knotd, unbound, authority, proto, how):
    simple(knotd, authority)
    known()
    query(ZONE, "A", proto, **how).expect(a={A1}, ede=set(), soa=False)
    reply = query(ZONE, "AAAA", proto, **how).expect(aaaa={AAAA1}, ede=set(), soa=False)
    assert "RRSIG" not in reply.types(), f"expected no signature in an unsigned zone, got {reply}"


def test_A9_failure_without_edns_has_no_opt(knotd, unbound, authority, proto):
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    # That a reply to a query without EDNS holds no OPT is checked of every reply.
    query(ZONE, "A", proto, edns=False).expect(rcode="SERVFAIL", aa=None, a=(), soa=False)


def test_A9_with_tsig(knotd, unbound, authority, proto):
    secret = "MTIzNDU2Nzg5MGFiY2RlZg=="
    knotd.sections.append(section("key", "client", algorithm="hmac-sha256", secret=secret))
    knotd.sections.append(section("acl", "client", key="client", action="transfer"))
    many = {f"192.0.2.{i}" for i in range(1, 33)}
    authority.set(TARGET, a=many, aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"], zone_options={"acl": "client"})
    knotd.start()
    known()
    key = dns.tsig.Key("client", secret, "hmac-sha256")
    for name in (ZONE, f"www.{ZONE}"):
        reply = query(name, "A", proto, tsig=key).expect(a=many, ede=set())
        assert reply.message.had_tsig, f"expected a signed reply, got {reply}"
    # The signature must fit as well: with these octets the answer alone would.
    size = len(query(ZONE, "A", "udp").wire)
    query(ZONE, "A", "udp", bufsize=size + 20, tsig=key).expect(tc=True, a=(), aa=None)


def nsids(reply):
    """NSID options, which newer dnspython knows by that name."""
    found = [option for option in reply.message.options if option.otype == dns.edns.NSID]
    return [getattr(option, "nsid", None) or option.data for option in found]


def test_A9_with_nsid(knotd, unbound, authority, proto):
    knotd.server["nsid"] = "node-one"
    simple(knotd, authority)
    known()
    reply = query(ZONE, "A", proto, options=[dns.edns.GenericOption(dns.edns.NSID, b"")])
    reply.expect(a={A1}, ede=set())
    found = nsids(reply)
    assert found == [b"node-one"], f"expected the server's NSID, got {found}"


def test_A9_with_nsid_on_a_failure(knotd, unbound, authority, proto):
    knotd.server["nsid"] = "node-one"
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    reply = query(ZONE, "A", proto, options=[dns.edns.GenericOption(dns.edns.NSID, b"")])
    reply.expect(rcode="SERVFAIL", aa=None, ede=FAILURES)
    found = nsids(reply)
    assert found == [b"node-one"], f"expected the server's NSID, got {found}"


def test_A9_with_answer_rotation(knotd, unbound, authority, proto):
    knotd.server["answer-rotation"] = True
    many = {f"192.0.2.{i}" for i in range(1, 21)}
    simple(knotd, authority, a=many, records=["www IN CNAME @"])
    known()
    first = set()
    for name in (ZONE, f"www.{ZONE}"):
        for qid in range(20):
            reply = query(name, "A", proto, qid=qid).expect(a=many, ede=set(), soa=False)
            first.add([rdata for _, _, kind, rdata in reply.section("answer") if kind == "A"][0])
    assert len(first) > 1, f"expected the addresses to take turns, {first} was always first"


def test_A9_over_ipv6(knotd, unbound, authority, proto):
    knotd.server["listen"] = ["127.0.0.1@5300", "::1@5300"]
    simple(knotd, authority)
    known()
    query(ZONE, "A", proto, server=("::1", 5300)).expect(a={A1}, ede=set())


def test_A9_several_queries_in_one_stream(knotd, unbound, authority):
    simple(knotd, authority)
    known()
    asked = [make_query(ZONE, kind) for kind in ("A", "SOA", "AAAA", "A", TYPE)]
    with socket.create_connection(SERVER, 5) as stream:
        for message in asked:
            wire = message.to_wire()
            stream.sendall(struct.pack("!H", len(wire)) + wire)
        replies = [parse(read_tcp(stream), message, "tcp") for message in asked]
    replies[0].expect(a={A1}, ede=set())
    replies[2].expect(aaaa={AAAA1}, ede=set())
    replies[3].expect(a={A1}, ede=set())
    assert replies[4].types() == {TYPE}, f"expected the record, got {replies[4]}"


def test_A9_other_classes_and_opcodes_are_left_to_knot(knotd, unbound, authority):
    simple(knotd, authority)
    known()
    message = dns.message.make_query(ZONE, "A", rdclass=dns.rdataclass.CH)
    message.flags = 0
    reply = parse(exchange(message.to_wire()), message, "udp")
    assert reply.rcode == "REFUSED" and not reply.section("answer"), (
        f"expected REFUSED as without the module, got {reply}"
    )
