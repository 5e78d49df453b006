"""Q1: with `https: alias` an ANAME record is an HTTPS record in AliasMode, too."""

import dns.name
import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, TARGET, ZONE, aname, eventually, exchange, expire, known, make_query,
    query, raw, section, siblings,
)
from harness.authority import ADDRESS
from harness.owners import LONG
from harness.proofs import listed, proven
from harness.signatures import Keys, denials, verify
from harness.signing import CHAINS, SIGNED, online, serve
from harness.validator import ValidatingNamed, ValidatingUnbound, delv, signed

OWN = "@ 600 IN HTTPS 1 . alpn=h2"
APEX = dns.name.from_text(ZONE)


def https(reply):
    """[(owner, TTL, RDATA)] of the HTTPS records in Answer."""
    return [(str(name), ttl, rdata) for name, ttl, kind, rdata in reply.section("answer")
            if kind == "HTTPS"]


def aliased(reply, owner=ZONE, target=TARGET, ttl=300):
    """The reply is the record that stands for the ANAME record, and nothing beside it."""
    reply.expect(soa=False, ede=set(), a=(), aaaa=())
    wanted = [(f"{owner}.", ttl, f"0 {target}.")]
    assert https(reply) == wanted, f"expected {wanted}, got {reply}"
    return reply


def denied(reply):
    """There is no HTTPS record, and Knot says so."""
    reply.expect(soa=True, ede=set())
    assert not reply.section("answer"), f"expected no answer, got {reply}"
    return reply


@pytest.fixture(name="alias")
def with_https(knotd):
    knotd.options["https"] = "alias"
    return knotd


def test_Q1_the_apex(alias, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    alias.add_zone(ZONE, [aname(TARGET, ttl=400), "www IN CNAME @", *siblings()])
    alias.start()
    for edns in (True, False):
        reply = aliased(query(ZONE, "HTTPS", proto, edns=edns), ttl=400)
        assert not reply.section("authority"), f"expected nothing, got {reply}"
        assert not reply.section("additional"), f"expected nothing, got {reply}"
    reply = query(f"WwW.{ZONE}", "HTTPS", proto).expect(soa=False)
    assert https(reply) == [(f"{ZONE}.", 400, f"0 {TARGET}.")], f"got {reply}"
    assert reply.types() == {"CNAME", "HTTPS"}, f"expected the alias, too, got {reply}"
    # Others get what they got.
    known()
    query(ZONE, "A", proto).expect(a={A1})
    query(ZONE, "SVCB", proto).expect(soa=True)
    query(f"_8443._https.{ZONE}", "HTTPS", proto).expect(rcode="NXDOMAIN", soa=True)


def test_Q1_the_name_is_in_lower_case_and_not_compressed(alias, proto):
    target = f"cDn.{ZONE.upper()}"
    alias.add_zone(ZONE, [aname(target)])
    alias.start()
    reply = query(ZONE.title(), "HTTPS", proto)
    # Names are echoed as they were asked for.
    assert [(name, rdata) for name, _, rdata in https(reply)] == [
        (f"{ZONE.title()}.", f"0 {target.lower()}.")], f"got {reply}"
    wire = b"\0\0" + dns.name.from_text(target.lower()).to_wire()
    assert len(wire).to_bytes(2, "big") + wire in reply.wire, f"expected {wire}, got {reply.wire}"


@pytest.mark.parametrize("options, ttl, wanted", [
    ({}, 300, 300), ({"ttl-max": 60}, 300, 60), ({"ttl-min": 500}, 300, 300),
    ({}, 0, 0), ({}, 2**31 + 5, 0), ({}, 10**6, 86400),
], ids=["usual", "ttl-max", "ttl-min", "zero", "negative", "long"])
def test_Q1_the_TTL_is_that_of_the_ANAME_record(alias, options, ttl, wanted):
    """It says no more than that, and does not count down as what was looked up."""
    alias.options.update(options)
    alias.add_zone(ZONE, [aname(TARGET, ttl=ttl)])
    alias.start()
    aliased(query(ZONE, "HTTPS"), ttl=wanted)
    expire(0)
    aliased(query(ZONE, "HTTPS"), ttl=wanted)


@pytest.mark.parametrize("how", ["silent", "nxdomain", "denied", "all-down", "forced", "sibling"])
def test_Q1_whatever_is_known_of_the_target(alias, authority, tool, proto, how):
    """Nothing is looked up for it; it goes past probes, forced states and `deny-address`."""
    alias.options["resolver"] = ADDRESS
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    if how == "silent":
        authority.drop(TARGET)
    elif how == "nxdomain":
        authority.nxdomain(TARGET)
    elif how == "sibling":
        authority.fail(TARGET)
    elif how == "denied":
        alias.options["deny-address"] = ["0.0.0.0/0", "::/0"]
    elif how == "all-down":
        alias.options.update({"probe": "tcp", "probe-port": 9, "all-down": "servfail",
                              "probe-fall": 1, "probe-timeout": 200})
    alias.add_zone(ZONE, [aname(TARGET), *(siblings() if how == "sibling" else ())])
    alias.start()
    for _ in range(3):
        aliased(query(ZONE, "HTTPS", proto))
    assert not authority.seen(), f"expected no lookup, got {authority.seen()}"
    if how == "silent":
        return
    known()
    if how == "forced":
        tool("force", TARGET, "down")
    aliased(query(ZONE, "HTTPS", proto))


@pytest.mark.parametrize("option", [{}, {"https": "off"}], ids=["default", "off"])
def test_Q1_off_changes_nothing(knotd, unbound, authority, other_knotd, proto, option):
    knotd.options.update(option)
    other_knotd.with_module = False
    for server in (knotd, other_knotd):
        server.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"])
        server.start(ready=())
        eventually(lambda: server.knotc("zone-status", ZONE).stdout, what="the zone is there")
    knotd.wait_ready()
    for name in (ZONE, f"www.{ZONE}"):
        for do in (False, True):
            wire = make_query(name, "HTTPS", qid=4711, do=do).to_wire()
            found = exchange(wire, proto)
            wanted = eventually(lambda: exchange(wire, proto, ("127.0.0.1", 5301)))
            assert found == wanted, f"expected {wanted}, got {found}"


def test_Q1_a_reload_puts_it_on_and_off(knotd, unbound, authority, proto, chain):
    serve(knotd, authority, chain=chain)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    for mode in ("off", "alias", "off", "alias"):
        knotd.options["https"] = mode
        knotd.reload()
        on = mode == "alias"
        for do in (False, True):
            reply = query(ZONE, "HTTPS", proto, do=do)
            assert bool(https(reply)) == on, f"{mode}: got {reply}"
            reply.expect(soa=not on)
        verify(reply, keys)
        reply = query(ZONE, "CAA", proto, do=True).expect(soa=True)
        verify(reply, keys)
        assert [("HTTPS" in types) for types in denials(reply)] == [on], f"{mode}: got {reply}"


def test_Q1_the_zones_own_records_win(alias, unbound, authority, proto, chain):
    serve(alias, authority, OWN, chain=chain)
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for do in (False, True):
        for name in (ZONE, f"www.{ZONE}", f"x.wild.{ZONE}"):
            reply = query(name, "HTTPS", proto, do=do).expect(soa=False)
            assert https(reply) == [(f"{ZONE}.", 600, '1 . alpn="h2"')], f"got {reply}"
    verify(reply, keys)
    reply = query(ZONE, "ANY", proto, do=True, bufsize=4096)
    assert {rdata for _, _, rdata in https(reply)} <= {'1 . alpn="h2"'}, f"got {reply}"
    reply = query(ZONE, "CAA", proto, do=True)
    verify(reply, keys)
    assert all("HTTPS" in types for types in denials(reply)), f"got {reply}"


REFUSED = {
    "pool": ({}, [aname(TARGET), aname("b.example.net")]),
    "two types": ({}, [aname(TARGET), aname(TARGET, rrtype=ALIAS)]),
    "deny-target": ({"deny-target": "example.net"}, [aname(TARGET)]),
    "allow-target": ({"allow-target": "example.org"}, [aname(TARGET)]),
    "the owner": ({}, [aname(ZONE.upper())]),
    "the root": ({}, [aname(".")]),
    "malformed": ({}, [raw(b"\x03cdn\x07example")]),
    "behind the name": ({}, [raw(dns.name.from_text(TARGET).to_wire() + b"\0")]),
    "empty": ({}, [raw(b"")]),
    "other type": ({"rrtype": "ALIAS"}, [aname(TARGET)]),
    "elsewhere": ({}, [aname(TARGET, owner="shop")]),
}


@pytest.mark.parametrize("options, records", REFUSED.values(), ids=REFUSED)
@pytest.mark.parametrize("chain_", [None, "nsec", "nsec3"])
def test_Q1_no_target_or_none_that_the_zone_may_have(
    alias, unbound, authority, proto, options, records, chain_
):
    alias.options.update(options)
    if chain_:
        alias.sections.append(section("policy", "test", **CHAINS[chain_]))
    alias.add_zone(ZONE, [*records, "www IN CNAME @"], zone_options=SIGNED if chain_ else None)
    alias.start()
    denied(query(ZONE, "HTTPS", proto))
    query(f"www.{ZONE}", "HTTPS", proto).expect(soa=True)
    assert "HTTPS" not in query(ZONE, "ANY", proto).types()
    if not chain_:
        return
    signed(ZONE)
    keys = Keys(ZONE)
    keys.learn()
    for rdtype in ("HTTPS", "CAA"):
        reply = query(ZONE, rdtype, "tcp", do=True).expect(soa=True)
        verify(reply, keys)
        proven(reply, ZONE)
        assert ["HTTPS" in types for types in denials(reply)] == [False], f"got {reply}"


def test_Q1_F5_a_circle_of_several_owners(alias, authority, proto):
    """Nothing but the names counts. Clients limit how many aliases they follow."""
    alias.options["resolver"] = ADDRESS
    alias.add_zone(ZONE, [aname("example.org")])
    alias.add_zone("example.org", [aname(ZONE)])
    alias.start()
    for _ in range(2):
        aliased(query(ZONE, "HTTPS", proto), target="example.org")
        aliased(query("example.org", "HTTPS", proto), owner="example.org", target=ZONE)
        query(ZONE, "A", "tcp")


@pytest.mark.parametrize("ecs_", [True, False], ids=["ecs", "plain"])
def test_Q1_N4_the_same_for_all_clients(alias, authority, proto, ecs_):
    alias.server["edns-client-subnet"] = True
    alias.options.update({"resolver": ADDRESS, "ecs": ecs_})
    alias.add_zone(ZONE, [aname(TARGET)])
    alias.start()
    for client in ("198.51.100.0/24", "2001:db8::/56"):
        aliased(query(ZONE, "HTTPS", proto, ecs=client).expect(scope=0))


def test_Q1_it_follows_the_record(alias, unbound, authority, proto):
    alias.add_zone(ZONE, [aname(TARGET)])
    alias.start()
    aliased(query(ZONE, "HTTPS", proto))
    alias.reload_zone(ZONE, [aname("other.example.net", ttl=20)], serial=2)
    aliased(query(ZONE, "HTTPS", proto), target="other.example.net", ttl=20)
    alias.reload_zone(ZONE, [aname(TARGET, rrtype=ALIAS)], serial=3)
    aliased(query(ZONE, "HTTPS", proto))
    alias.reload_zone(ZONE, [], serial=4)
    denied(query(ZONE, "HTTPS", proto))
    alias.reload_zone(ZONE, [aname(TARGET), OWN], serial=5)
    assert https(query(ZONE, "HTTPS", proto)) == [(f"{ZONE}.", 600, '1 . alpn="h2"')]


def test_Q1_A5_ANY(alias, unbound, authority, proto, chain):
    serve(alias, authority, chain=chain)
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for do in (False, True):
        reply = query(ZONE, "ANY", proto, do=do, bufsize=4096)
        reply.expect(a={A1, A2})
        assert https(reply) == [(f"{ZONE}.", 300, f"0 {TARGET}.")], f"got {reply}"
    verify(reply, keys)


def test_Q1_W1_counted_by_itself(alias, unbound, authority):
    authority.set(TARGET, a=[A1])
    alias.add_zone(ZONE, [aname(TARGET)])
    alias.start()
    known()
    before = {key: value for key, value in alias.stats(ZONE).items() if key.startswith("answers")}
    for _ in range(3):
        query(ZONE, "HTTPS")

    def counted():
        now = {key: value for key, value in alias.stats(ZONE).items() if key.startswith("answers")}
        wanted = {**before, "answers[https]": before.get("answers[https]", 0) + 3}
        assert now == wanted, f"expected {wanted}, got {now}"
        return True

    eventually(counted, what="three answers of that kind")


# Signed zones.

QUESTIONS = [
    (ZONE, "HTTPS"), (ZONE, "A"), (ZONE, "AAAA"), (ZONE, "CAA"), (ZONE, "SVCB"), (ZONE, "NSEC"),
    (ZONE, "ANY"), (ZONE, "DS"), (ZONE, "TYPE65305"), (f"www.{ZONE}", "HTTPS"),
    (f"www.{ZONE}", "CAA"), (f"x.wild.{ZONE}", "HTTPS"), (f"x.wild.{ZONE}", "CAA"),
    (f"under.{ZONE}", "HTTPS"), (f"x.under.{ZONE}", "HTTPS"), (f"none.{ZONE}", "HTTPS"),
    (f"!.{ZONE}", "A"), (f"zz.{ZONE}", "TXT"), (f"wild.{ZONE}", "HTTPS"), (f"sub.{ZONE}", "DS"),
    (f"x.sub.{ZONE}", "HTTPS"), (f"b.c.{ZONE}", "HTTPS"), (f"web.{ZONE}", "HTTPS"),
]


@pytest.mark.parametrize("holding", [{"a": [A1], "aaaa": [AAAA1]}, {"a": [A1]}, {}],
                         ids=["both", "a-only", "none"])
def test_Q1_D1_D2_signed_and_listed_by_every_denial(alias, authority, proto, chain, holding):
    """Whatever is asked, and whatever the target has."""
    alias.options["resolver"] = ADDRESS
    # Knot itself adds the apex's denial to this one.
    serve(alias, authority, "web IN HTTPS 1 @", chain=chain)
    authority.set(TARGET, **holding, ttl=LONG, negative_ttl=LONG)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    found = []
    for name, rdtype in QUESTIONS:
        reply = query(name, rdtype, proto, do=True, bufsize=4096)
        verify(reply, keys)
        if rdtype not in ("ANY", "NSEC", "TYPE65305"):
            proven(reply, ZONE)
        found += [types for types, _ in listed(reply, APEX)]
        if rdtype == "HTTPS" and name in (ZONE, f"www.{ZONE}", f"x.wild.{ZONE}"):
            assert https(reply) == [(f"{ZONE}.", 300, f"0 {TARGET}.")], f"got {reply}"
    assert len(found) >= 5, f"expected many denials of the apex, got {len(found)}"
    wanted = {"HTTPS", *({"a": "A", "aaaa": "AAAA"}[key] for key in holding)}
    for types in found:
        assert types & {"A", "AAAA", "HTTPS"} == wanted, f"expected {wanted}, got {types}"


def test_Q1_C2_keys_are_waited_for(alias, unbound, authority, chain):
    """And for nothing else: the first query of all gets the record, over TCP at once."""
    serve(alias, authority, chain=chain)
    alias.stop()
    alias.start(ready=())
    signed(ZONE)
    reply = query(ZONE, "HTTPS", do=True)
    assert reply.tc or https(reply), f"expected the record or TC, got {reply}"
    reply = aliased(query(ZONE, "HTTPS", "tcp", do=True))
    keys = Keys(ZONE)
    keys.learn()
    verify(reply, keys)


def test_Q1_D1_one_signature(alias, unbound, authority, chain):
    serve(alias, authority, chain=chain)
    eventually(lambda: https(query(ZONE, "HTTPS", do=True)), what="the keys are there")
    found = {rdata for _ in range(5) for _, _, kind, rdata
             in query(ZONE, "HTTPS", do=True).section("answer") if kind == "RRSIG"}
    assert len(found) == 1, f"expected one signature, stored, got {found}"


def test_Q1_D5_no_signatures_without_DO(alias, unbound, authority, proto):
    serve(alias, authority)
    eventually(lambda: https(query(ZONE, "HTTPS")), what="the keys are there")
    assert query(ZONE, "HTTPS", proto).types() == {"HTTPS"}


def test_Q1_D4_what_cannot_be_signed_is_not_served(alias, unbound, authority, proto, chain):
    alias.options["dnssec"] = "off"
    serve(alias, authority, chain=chain)
    keys = Keys(ZONE)
    keys.learn()
    for do in (False, True):
        denied(query(ZONE, "HTTPS", proto, do=do))
        assert "HTTPS" not in query(ZONE, "ANY", proto, do=do, bufsize=4096).types()
    for rdtype in ("HTTPS", "CAA"):
        reply = query(ZONE, rdtype, proto, do=True)
        verify(reply, keys)
        proven(reply, ZONE)
        assert ["HTTPS" in types for types in denials(reply)] == [False], f"got {reply}"


def test_Q1_A8_too_large_for_UDP(alias, unbound, authority):
    """As any other answer: truncated, and whole over TCP."""
    target = ".".join(["a" * 60] * 3 + ["example.net"])
    serve(alias, authority, aname(target), target="unused.example.net", algorithm="rsasha256")
    alias.reload_zone(ZONE, [aname(target)], serial=9)
    keys = Keys(ZONE)
    eventually(lambda: https(query(ZONE, "HTTPS", "tcp", do=True)), what="the keys are there")
    keys.learn()
    reply = query(ZONE, "HTTPS", do=True, bufsize=512)
    assert reply.tc and not reply.section("answer"), f"expected TC, got {reply}"
    reply = aliased(query(ZONE, "HTTPS", "tcp", do=True), target=target)
    verify(reply, keys)


def test_Q1_D3_with_onlinesign(alias, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    # What is asked for the NSEC record itself gets what mod-onlinesign is told to list.
    modules = online(alias, nsec_bitmap=["A", "AAAA", "HTTPS"])
    alias.add_zone(ZONE, [aname(TARGET), "www IN CNAME @", "@ IN TXT text"], modules=modules)
    alias.start()
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    for name in (ZONE, f"www.{ZONE}"):
        reply = query(name, "HTTPS", proto, do=True).expect(soa=False)
        assert https(reply) == [(f"{ZONE}.", 300, f"0 {TARGET}.")], f"got {reply}"
        verify(reply, keys)
    for name, rdtype in ((ZONE, "AAAA"), (ZONE, "CAA"), (f"www.{ZONE}", "CAA"), (ZONE, "NSEC")):
        reply = query(name, rdtype, proto, do=True)
        verify(reply, keys)
        found = [types for types, _ in listed(reply, APEX)]
        if rdtype != "NSEC":
            assert found, f"expected a denial, got {reply}"
        assert all("HTTPS" in types for types in found), f"got {reply}"


@pytest.mark.parametrize("records", [[aname("b.example.net")], [OWN]], ids=["pool", "own"])
def test_Q1_D3_with_onlinesign_and_none(alias, unbound, authority, proto, records):
    authority.set(TARGET, a=[A1])
    alias.add_zone(ZONE, [aname(TARGET), *records], modules=online(alias))
    alias.start()
    keys = Keys(ZONE)
    keys.learn()
    own = records == [OWN]
    reply = query(ZONE, "HTTPS", proto, do=True).expect(soa=not own)
    verify(reply, keys)
    known(do=True)
    for rdtype in ("CAA", "AAAA"):
        reply = query(ZONE, rdtype, proto, do=True).expect(soa=True)
        verify(reply, keys)
        found = [types for types, _ in listed(reply, APEX)]
        assert found and all(("HTTPS" in types) == own for types in found), f"got {reply}"


@pytest.mark.parametrize("kind", ["unbound", "named", "delv"])
def test_Q1_D1_D2_validators(alias, unbound, authority, directory, chain, kind):
    """HTTPS, and what is missing, authentic both, whatever came first."""
    serve(alias, authority, "*.none IN TXT text", chain=chain)
    points = signed(ZONE)
    authority.set(TARGET, a=[A1], ttl=LONG, negative_ttl=LONG)
    alias.options["idle"] = 60
    alias.reload()
    known(do=True)
    if kind == "delv":
        for rdtype in ("HTTPS", "AAAA", "CAA"):
            text = delv(directory, ZONE, points, ZONE, rdtype)
            assert "fully validated" in text, f"expected {rdtype} to validate, got {text}"
        return
    for first in ("HTTPS", "AAAA", "NX"):
        resolver = (ValidatingUnbound if kind == "unbound" else ValidatingNamed)(
            directory, {ZONE: points})
        resolver.start()
        try:
            if first == "AAAA":
                resolver.secure(ZONE, "CAA")
                eventually(lambda: not resolver.secure(ZONE, "AAAA").addresses("AAAA"))
            elif first == "NX":
                # With opt-out there may be an unsigned delegation.
                for name, rdtype in ((f"!.{ZONE}", "A"), (f"zz.{ZONE}", "HTTPS")):
                    resolver.ask(name, rdtype).expect(rcode="NXDOMAIN", aa=None)
            reply = resolver.secure(ZONE, "HTTPS")
            assert {rdata for _, _, rdata in https(reply)} == {f"0 {TARGET}."}, f"got {reply}"
            resolver.secure(ZONE, "CAA")
            assert not resolver.secure(ZONE, "AAAA").addresses("AAAA")
            reply = resolver.secure(f"www.{ZONE}", "HTTPS")
            assert {rdata for _, _, rdata in https(reply)} == {f"0 {TARGET}."}, f"got {reply}"
        finally:
            resolver.kill()
