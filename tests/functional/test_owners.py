"""O1, O2: ANAME at every authoritative owner, and nothing else changes."""

import dns.message
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ADDRESS_TYPES, ALIAS, ANAME, FAILURES, SERVER, SIBLING_A,
    SIBLING_AAAA, STALE_ANSWER, STALE_TTL, TARGET, ZONE, aname, answers, eventually, expire, failed,
    known, query, section, siblings,
)
from harness.authority import ADDRESS
from harness.endpoints import Endpoints
from harness.knotd import RELEASE
from harness.owners import LONG, PLAIN, ask, needs_any, octets, shared, skip_without_any, warm
from harness.subnets import HERE, THERE, cdn

TYPE = f"TYPE{ANAME}"
BOTH, FOUR, SIX, NONE, GONE, FAIL, HALF = (
    f"{name}.t.example" for name in ("both", "four", "six", "none", "gone", "fail", "half")
)
POOL = ("one.p.example", "two.p.example", "three.p.example")
OF_POOL = dict(zip(POOL, (A1, A2, A3)))
GLUE, GLUE6 = "198.51.100.54", "2001:db8:53::54"


def own(owner, ttl=3600):
    """Addresses that the zone itself has there."""
    return [f"{owner} {ttl} IN A {SIBLING_A}", f"{owner} {ttl} IN AAAA {SIBLING_AAAA}"]


RECORDS = [
    *(aname(target, owner=owner, ttl=250) for owner, target in (
        ("@", BOTH), ("shop", BOTH), ("a.b.c", BOTH), ("sib", BOTH), ("four", FOUR), ("six", SIX),
        ("none", NONE), ("gone", GONE), ("fail", FAIL), ("sibfail", FAIL), ("onesib", FAIL),
        ("half", HALF), ("loud", BOTH), ("big", "big.t.example"), ("soon", "soon.t.example"),
        ("late.udp", "l1.t.example"), ("late.tcp", "l2.t.example"), ("wait", "l3.t.example"),
        ("far.away", "l4.t.example"), ("stale", "stale.t.example"), ("x.e", FOUR),
        ("below.shop", SIX),
    )),
    *(aname(target, owner="pool") for target in (BOTH, FOUR, "extra.t.example")),
    aname(BOTH, owner="typed", rrtype=ALIAS),
    'shop IN TXT "here"', "shop IN MX 10 static", 'shop IN CAA 0 issue "ca.example"',
    "shop IN HTTPS 1 . alpn=h2", *own("sib"), 'sib IN TXT "sib"', *own("sibfail"), own("onesib")[0],
    *own("big"), "loud IN HINFO a b", "static IN A 198.51.100.9", "static IN AAAA 2001:db8::9",
    'text IN TXT "t"', "two.deep.down IN A 198.51.100.10", "*.w IN A 198.51.100.11",
    # Aliases.
    "www IN CNAME shop", "one IN CNAME two", "two IN CNAME shop", "*.wc IN CNAME shop",
    "d IN DNAME e", "tofour IN CNAME four", "tofail IN CNAME fail", "tosib IN CNAME sib",
    "toself IN CNAME static", "tofar IN CNAME far.away", "out IN CNAME elsewhere.example.",
    "toglue IN CNAME www.sub",
    # Pointers.
    "mx IN MX 10 sib", "mxstatic IN MX 10 static", "mxboth IN MX 5 sib", "mxboth IN MX 6 static",
    "_sip._tcp IN SRV 1 2 5060 sib", "mxshop IN MX 10 shop", "mxglue IN MX 10 ns.sub",
    # A delegation to servers that are owners here, and authoritative.
    "byown IN NS sib", "byown IN NS static",
    # Delegations, with what has no business there.
    "sub IN NS ns.sub", f"ns.sub IN A {GLUE}", f"ns.sub IN AAAA {GLUE6}",
    aname(BOTH, owner="sub"), aname(BOTH, owner="ns.sub"), aname(BOTH, owner="www.sub"),
    aname(BOTH, owner="*.sub"), *own("www.sub"), *own("sub"),
]
# What has become of these is asked for once: all of them are known then.
WARM = ["", "shop.", "a.b.c.", "sib.", "four.", "six.", "none.", "gone.", "fail.", "sibfail.",
        "onesib.", "half.", "loud.", "big.", "typed.", "pool.", "x.e.", "below.shop."]


@pytest.fixture(scope="module", name="servers")
def shared_servers():
    skip_without_any()
    with shared() as servers:
        hold = servers.authority.hold
        for name, a, aaaa in (
            (BOTH, [A1, A2], [AAAA1]), (FOUR, [A3], []), (SIX, [], [AAAA2]), (NONE, [], []),
            ("big.t.example", [A1], [f"2001:db8::{n:x}" for n in range(1, 33)]),
            ("extra.t.example", ["192.0.2.77"], []),
        ):
            hold(name, "A", a, LONG)
            hold(name, "AAAA", aaaa, LONG)
        hold(HALF, "A", [A1], LONG)
        servers.authority.fail(HALF, "AAAA")
        servers.authority.nxdomain(GONE, negative_ttl=LONG)
        servers.authority.fail(FAIL)
        for name in ("l1", "l2", "l3", "l4"):
            servers.authority.set(f"{name}.t.example", a=[A1], aaaa=[AAAA1], delay=0.15)
        servers.authority.set("soon.t.example", a=[A1], aaaa=[], ttl=30, negative_ttl=20)
        servers.authority.set("stale.t.example", a=[A1], aaaa=[AAAA1], ttl=1)
        servers.any.options.update({"retry-max": 1, "wait": 2000})
        servers.add_zone(ZONE, RECORDS)
        servers.start()
        warm([name + ZONE for name in WARM])
        yield servers


# Answers.


@pytest.mark.parametrize("name", ["shop", "a.b.c", "below.shop", "four", "six", "typed", ""])
def test_O1_A1_addresses_at_the_owner(servers, proto, name):
    name = f"{name}.{ZONE}".lstrip(".")
    a, aaaa = {"four": ({A3}, set()), "six": (set(), {AAAA2}), "below": (set(), {AAAA2})}.get(
        name.split(".")[0], ({A1, A2}, {AAAA1}))
    for rdtype, wanted in (("A", a), ("AAAA", aaaa)):
        if wanted:
            reply = ask(name, rdtype, proto).expect(ede=set(), soa=False, ttl=(200, 300))
            assert reply.addresses(owner=name) == wanted and reply.types() == {rdtype}, (
                f"expected {wanted}, got {reply}"
            )
            assert not reply.section("authority"), f"expected no Authority, got {reply}"
        else:
            reply = ask(name, rdtype, proto).expect(ede=set(), soa=True)
            assert not reply.section("answer"), f"expected NODATA, got {reply}"


def test_O1_A1_the_letter_case_is_the_query_s(servers, proto):
    for asked in (f"ShOp.{ZONE}", f"a.B.c.{ZONE.upper()}", f"SHOP.{ZONE.upper()}"):
        reply = ask(asked, "A", proto).expect(a={A1, A2}, ede=set())
        owners = {str(name) for name, *_ in reply.section("answer")}
        assert owners == {f"{asked}."}, f"expected the letter case of the query, got {owners}"


def test_O1_R4_a_pool_is_the_union(servers, proto):
    ask(f"pool.{ZONE}", "A", proto).expect(a={A1, A2, A3, "192.0.2.77"}, ede=set(), soa=False)
    ask(f"pool.{ZONE}", "AAAA", proto).expect(aaaa={AAAA1}, ede=set(), soa=False)


def test_O1_A3_siblings_are_never_beside(servers, proto):
    ask(f"sib.{ZONE}", "A", proto).expect(a={A1, A2}, ttl=(200, 250), ede=set(), soa=False)
    ask(f"sib.{ZONE}", "AAAA", proto).expect(aaaa={AAAA1}, ttl=(200, 250), ede=set(), soa=False)


@pytest.mark.parametrize("name", ["none", "gone"])
def test_O1_A7_what_the_target_lacks_is_nodata(servers, proto, name):
    """A target that does not exist does not make the owner NXDOMAIN."""
    for rdtype in ADDRESS_TYPES:
        reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(soa=True, ede=set())
        assert not reply.section("answer"), f"expected NODATA, got {reply}"
        assert 0 < reply.soa_ttl() <= 60, f"expected the SOA's minimum of 60 s, got {reply}"


def test_O1_A7_the_negative_ttl_is_the_target_s(servers, proto):
    name = f"soon.{ZONE}"
    warm([name])
    reply = ask(name, "AAAA", proto).expect(soa=True, ede=set())
    assert 0 < reply.soa_ttl() <= 20, f"expected at most 20 s, got {reply}"
    ask(name, "A", proto).expect(a={A1}, ttl=(1, 30))


def test_O1_F2_F3_a_target_that_fails(servers, proto):
    for rdtype, sibling in (("A", SIBLING_A), ("AAAA", SIBLING_AAAA)):
        ask(f"fail.{ZONE}", rdtype, proto).expect(
            rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede=FAILURES, soa=False)
        reply = ask(f"sibfail.{ZONE}", rdtype, proto).expect(ttl=(1, STALE_TTL), soa=False)
        assert reply.addresses() == {sibling}, f"expected {sibling}, got {reply}"
    ask(f"half.{ZONE}", "A", proto).expect(a={A1}, ede=set())
    ask(f"half.{ZONE}", "AAAA", proto).expect(rcode="SERVFAIL", aa=None, aaaa=(), ede=FAILURES)


def test_O1_A10_a_sibling_of_one_family(servers, proto):
    ask(f"onesib.{ZONE}", "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL), soa=False)
    reply = ask(f"onesib.{ZONE}", "AAAA", proto).expect(aaaa=(), soa=True, ede=set())
    assert reply.soa_ttl() <= STALE_TTL, f"expected at most {STALE_TTL} s, got {reply}"


def test_O1_F1_stale_addresses(servers):
    name = f"stale.{ZONE}"
    warm([name])
    servers.authority.fail("stale.t.example")
    expire(1)
    eventually(
        lambda: ask(name, "A").expect(a={A1}, ede={STALE_ANSWER}, ttl=(1, STALE_TTL)),
        what="the addresses are stale",
    )
    ask(name, "AAAA", "tcp").expect(aaaa={AAAA1}, ede={STALE_ANSWER}, ttl=(1, STALE_TTL))


def test_O1_A8_too_large_for_udp(servers):
    many = {f"2001:db8::{n:x}" for n in range(1, 33)}
    for how in ({"edns": False}, {"bufsize": 512}):
        ask(f"big.{ZONE}", "AAAA", **how).expect(tc=True, aaaa=(), aa=None)
    ask(f"big.{ZONE}", "AAAA").expect(aaaa=many, soa=False)
    ask(f"big.{ZONE}", "AAAA", "tcp", edns=False).expect(aaaa=many, soa=False)


def test_O1_C1_C2_a_cold_name(servers):
    for rdtype, address in (("A", A1), ("AAAA", AAAA1)):
        ask(f"late.udp.{ZONE}", rdtype).expect(tc=True, a=(), aaaa=(), aa=None, soa=False)
        reply = ask(f"late.udp.{ZONE}", rdtype, "tcp").expect(ede=set(), soa=False)
        assert reply.addresses() == {address}, f"expected {address}, got {reply}"
        reply = ask(f"late.tcp.{ZONE}", rdtype, "tcp").expect(ede=set(), soa=False)
        assert reply.addresses() == {address}, f"expected {address}, got {reply}"
        assert reply.elapsed >= 0.1, f"expected it to wait for the lookup, got {reply}"


def test_O1_A2_C1_a_cold_name_behind_an_alias(servers):
    ask(f"tofar.{ZONE}", "A").expect(tc=True, a=(), aa=None, soa=False)
    reply = ask(f"tofar.{ZONE}", "A", "tcp").expect(a={A1}, ede=set(), soa=False)
    assert [kind for _, _, kind, _ in reply.section("answer")] == ["CNAME", "A"], f"got {reply}"


CHAINS = {
    "www": ("www", ["CNAME"], f"shop.{ZONE}", {A1, A2}, {AAAA1}),
    "two-steps": ("one", ["CNAME", "CNAME"], f"shop.{ZONE}", {A1, A2}, {AAAA1}),
    "wildcard": ("any.wc", ["CNAME"], f"shop.{ZONE}", {A1, A2}, {AAAA1}),
    "two-labels": ("so.any.wc", ["CNAME"], f"shop.{ZONE}", {A1, A2}, {AAAA1}),
    "dname": ("x.d", ["DNAME", "CNAME"], f"x.e.{ZONE}", {A3}, set()),
    "nodata": ("tofour", ["CNAME"], f"four.{ZONE}", {A3}, set()),
    "siblings": ("tosib", ["CNAME"], f"sib.{ZONE}", {A1, A2}, {AAAA1}),
}


@pytest.mark.parametrize("name, chain, end, a, aaaa", CHAINS.values(), ids=CHAINS)
def test_O1_A2_a_chain_that_ends_there(servers, proto, name, chain, end, a, aaaa):
    for rdtype, wanted in (("A", a), ("AAAA", aaaa)):
        reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(ede=set(), soa=not wanted)
        kinds = [kind for _, _, kind, _ in reply.section("answer")]
        assert kinds == chain + [rdtype] * len(wanted), f"expected {chain} and {rdtype}: {reply}"
        assert reply.addresses(rdtype, owner=end) == wanted, f"expected {wanted}, got {reply}"


def test_O1_A2_F3_a_chain_to_a_failure(servers, proto):
    ask(f"tofail.{ZONE}", "A", proto).expect(
        rcode="SERVFAIL", aa=None, a=(), ede=FAILURES, soa=False)


@pytest.mark.parametrize("name, rdtype", [("mx", "MX"), ("mxboth", "MX"), ("_sip._tcp", "SRV")])
def test_O1_A3_additional_addresses(servers, proto, name, rdtype):
    reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(ede=set())
    found = {kind: reply.addresses(kind, f"sib.{ZONE}", "additional") for kind in ADDRESS_TYPES}
    assert found == {"A": {A1, A2}, "AAAA": {AAAA1}}, f"expected the target's, got {reply}"
    if name == "mxboth":
        static = reply.addresses("A", f"static.{ZONE}", "additional")
        assert static == {"198.51.100.9"}, f"expected the other exchange's, got {reply}"


def test_O1_A3_additional_addresses_of_a_referral(servers, proto):
    """The server's name is not below the delegation, so its addresses are no glue."""
    reply = ask(f"x.byown.{ZONE}", "A", proto).expect(aa=False, soa=False)
    found = {kind: reply.addresses(kind, f"sib.{ZONE}", "additional") for kind in ADDRESS_TYPES}
    assert found == {"A": {A1, A2}, "AAAA": {AAAA1}}, f"expected the target's, got {reply}"
    static = reply.addresses("A", f"static.{ZONE}", "additional")
    assert static == {"198.51.100.9"}, f"expected the other server's, got {reply}"


@pytest.mark.parametrize("owner, kind", [("shop", ANAME), ("sib", ANAME), ("typed", ALIAS)])
def test_O1_A4_a_query_for_the_type(servers, proto, owner, kind):
    name, rdtype = f"{owner}.{ZONE}", f"TYPE{kind}"
    reply = ask(name, rdtype, proto).expect(soa=False, ede=set())
    declared = aname(BOTH).split(TYPE)[1].strip()
    assert reply.types() == {rdtype} and reply.addresses(rdtype) == {declared}, f"got {reply}"
    found = {kind: reply.addresses(kind, name, "additional") for kind in ADDRESS_TYPES}
    assert found == {"A": {A1, A2}, "AAAA": {AAAA1}}, f"expected what is known, got {reply}"


def test_O1_A5_any(servers, proto):
    """Knot's own answer, with the addresses in the place of siblings."""
    for name, others in (("shop", {"MX"}), ("sib", set()), ("loud", {"HINFO"})):
        reply = ask(f"{name}.{ZONE}", "ANY", proto).expect(a={A1, A2}, aaaa={AAAA1}, ede=set())
        assert reply.types() == {*ADDRESS_TYPES, *others}, f"expected also {others}, got {reply}"
    reply = ask(f"four.{ZONE}", "ANY", proto).expect(a={A3}, aaaa=(), ede=set())


def test_O1_W1_the_kinds_are_counted(servers):
    for name, rdtype, kind in (
        ("shop", "A", "fresh"), ("none", "AAAA", "nodata"), ("fail", "A", "failed"),
        ("sibfail", "A", "sibling"), ("www", "A", "fresh"), ("wait", "A", "truncated"),
    ):
        before = servers.any.stats(ZONE)
        ask(f"{name}.{ZONE}", rdtype)
        after = servers.any.stats(ZONE)
        found = {key: after[key] - before.get(key, 0) for key in after
                 if key.startswith("answers") and after[key] != before.get(key, 0)}
        assert found == {f"answers[{kind}]": 1}, f"{name}: expected one {kind}, got {found}"


# What stays.

UNCHANGED = [
    # Names without ANAME, there and not.
    *((name, rdtype) for name in ("static", "text", "none.such", "two.deep.down", "deep.down",
                                  "down", "b.c", "c", "x.w", "ns", "toself", "out", "mxstatic",
                                  "no.shop", "x.a.b.c", "e", "w", "wc")
      for rdtype in ("A", "AAAA", "TXT", "MX", "CNAME", "ANY", TYPE)),
    # Other types beside it (R3).
    *((name, rdtype) for name in ("shop", "sib", "a.b.c", "none", "fail", "loud")
      for rdtype in ("TXT", "MX", "CAA", "HTTPS", "NS", "SOA", "DS", "CNAME", "HINFO")),
    # At and below a delegation, and what leads there.
    *((name, rdtype) for name in ("sub", "ns.sub", "www.sub", "x.sub", "y.x.sub", "toglue")
      for rdtype in ("A", "AAAA", "TXT", "ANY", "NS", "DS", "MX", TYPE, "CNAME")),
    ("mxglue", "MX"), ("mxshop", "MX"), ("d", "DNAME"), ("d", "A"),
]


@pytest.mark.parametrize("how", [
    {"proto": "udp"}, {"proto": "tcp"}, {"edns": False}, {"do": True},
], ids=lambda how: "-".join(map(str, how.values())) if how != {"do": True} else "do")
def test_O1_O2_R3_all_else_is_the_same_to_the_octet(servers, how):
    for name, rdtype in UNCHANGED:
        for asked in (f"{name}.{ZONE}", f"{name}.{ZONE}".title()):
            wanted, got = octets(asked, rdtype, server=PLAIN, **how), octets(asked, rdtype, **how)
            assert got == wanted, (
                f"{asked}/{rdtype}: expected, as without the module,\n"
                f"{dns.message.from_wire(wanted)}\ngot\n{dns.message.from_wire(got)}"
            )


def test_O1_never_at_or_below_a_delegation(servers, proto):
    for name in ("sub", "www.sub", "ns.sub", "x.sub"):
        for rdtype in ADDRESS_TYPES:
            reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(aa=False, a=(), aaaa=(), soa=False)
            assert reply.types("authority") == {"NS"}, f"expected a referral, got {reply}"
            found = {kind: reply.addresses(kind, section="additional") for kind in ADDRESS_TYPES}
            assert found == {"A": {GLUE}, "AAAA": {GLUE6}}, f"expected the glue, got {reply}"
        # Nor is the record itself to be had there.
        reply = ask(f"{name}.{ZONE}", TYPE, proto).expect(aa=False, soa=False)
        assert not reply.section("answer"), f"expected a referral, got {reply}"


def test_O1_A1_octets_of_zero_do_not_make_another_name_the_owner(servers, proto):
    """Knot finds b.a by a label a\\000b, too."""
    for name in (f"shop\\000below.{ZONE}", f"com\\000example\\000shop", f"shop\\000.{ZONE}",
                 f"\\000shop.{ZONE}"):
        reply = ask(name, "A", proto)
        assert not reply.addresses(), f"expected no address for {name}, got {reply}"
        reply = ask(name, "AAAA", proto)
        assert not reply.addresses(), f"expected no address for {name}, got {reply}"


# The option.


@needs_any
def test_O1_other_owners_are_left_alone_by_default(knotd, authority, proto):
    """apex is what the option is where it is not said, and what it was before it was there."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["resolver"] = ADDRESS
    zone = [aname(TARGET), aname(TARGET, owner="shop"), *own("shop"), aname(TARGET, owner="*.w"),
            "www IN CNAME shop", "mx IN MX 10 shop"]
    knotd.add_zone(ZONE, zone)
    knotd.start()
    known()

    def alone():
        for name in (f"shop.{ZONE}", f"www.{ZONE}"):
            query(name, "A", proto).expect(a={SIBLING_A}, ede=set(), soa=False, ttl=(3600, 3600))
        query(f"x.w.{ZONE}", "A", proto).expect(a=(), soa=True)
        reply = query(f"mx.{ZONE}", "MX", proto)
        assert reply.addresses("A", f"shop.{ZONE}", "additional") == {SIBLING_A}, f"got {reply}"
        reply = query(f"shop.{ZONE}", TYPE, proto).expect(soa=False)
        # What Knot itself adds there is nothing.
        assert not reply.section("additional"), f"expected no addresses, got {reply}"
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
        return True

    alone()
    knotd.options["owners"] = "apex"
    knotd.reload()
    alone()
    knotd.options["owners"] = "any"
    knotd.reload()
    # Nothing is looked up for what the apex has already.
    lookups = authority.count(TARGET)
    answers({A1}, f"shop.{ZONE}", proto=proto, timeout=5)
    answers({A1}, f"x.w.{ZONE}", proto=proto, timeout=5)
    assert authority.count(TARGET) == lookups, "expected no lookup of what is known (T4)"
    knotd.options["owners"] = "apex"
    knotd.reload()
    eventually(alone, what="other owners are left alone again")


@needs_any
def test_O1_L3_what_the_option_takes(knotd):
    knotd.add_zone(ZONE, [])
    for value in ("apex", "any"):
        knotd.options["owners"] = value
        accepted, said = knotd.conf_check()
        assert accepted, f"expected {value} to be accepted, got {said}"
    for value in ("all", "on", "both"):
        knotd.options["owners"] = value
        accepted, said = knotd.conf_check()
        assert not accepted and "owners" in said, f"expected {value} to be refused, got {said}"


@pytest.mark.skipif(RELEASE >= (3, 3, 5), reason="this Knot DNS has what `owners: any` needs")
def test_O1_an_older_knot_is_told_what_any_needs(knotd, unbound, authority):
    knotd.options["owners"] = "any"
    knotd.add_zone(ZONE, [aname(TARGET)])
    accepted, said = knotd.conf_check()
    assert not accepted, f"expected `any` to be refused, got {said}"
    assert "owners" in said and "3.3.5" in said, f"expected the release it needs, got {said}"
    knotd.options["owners"] = "apex"
    accepted, said = knotd.conf_check()
    assert accepted, f"expected `apex` to be accepted, got {said}"


@needs_any
def test_O1_F5_an_owner_whose_record_is_removed_opens_the_circle(knotd, start_unbound, proto):
    knotd.options.update({"owners": "any", "resolver": "127.0.0.1", "retry-max": 1, "ttl-max": 2})
    first = aname(f"b.{ZONE}", owner="a")
    knotd.add_zone(ZONE, [first, aname(f"a.{ZONE}", owner="b")])
    knotd.start()
    start_unbound(stubs={ZONE: "127.0.0.1@5300"})
    for name in ("a", "b"):
        failed(f"{name}.{ZONE}", proto=proto)
    knotd.reload_zone(ZONE, [first, f"b 2 IN A {A3}"], serial=2)
    eventually(lambda: query(f"a.{ZONE}", "A", proto).expect(a={A3}, ede=set()), timeout=20)


# What changes with the zone.

KEY = "update-key"
KEYRING = dns.tsigkeyring.from_text({KEY: "MTIzNDU2Nzg5MGFiY2RlZg=="})


def change(what):
    """A dynamic update."""
    update = dns.update.Update(ZONE, keyring=KEYRING, keyname=KEY)
    what(update)
    reply = dns.query.tcp(update, SERVER[0], 10, SERVER[1])
    assert reply.rcode() == dns.rcode.NOERROR, f"expected the update to succeed, got {reply}"


def declared(target):
    return aname(target).split(TYPE)[1].strip()


@pytest.fixture(name="anywhere")
def any_owner(knotd, authority):
    """knotd with the option, to be started, and two targets."""
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set("other.example.net", a=[A2])
    return knotd


@needs_any
def test_O1_R5_an_update_brings_and_takes_owners(anywhere, proto):
    anywhere.sections += [
        section("key", KEY, algorithm="hmac-sha256", secret="MTIzNDU2Nzg5MGFiY2RlZg=="),
        section("acl", "author", key=KEY, action=["transfer", "update"]),
    ]
    anywhere.add_zone(ZONE, ["www IN CNAME new"], zone_options={"acl": "author"})
    anywhere.start()
    query(f"new.{ZONE}", "A", proto).expect(rcode="NXDOMAIN", soa=True)
    change(lambda update: update.add("new", 300, TYPE, declared(TARGET)))
    for name in (f"new.{ZONE}", f"www.{ZONE}"):
        answers({A1}, name, proto=proto, ede=set(), soa=False)
    change(lambda update: update.replace("new", 300, TYPE, declared("other.example.net")))
    answers({A2}, f"new.{ZONE}", proto=proto, ede=set(), soa=False)
    query(f"new.{ZONE}", "AAAA", "tcp").expect(aaaa=(), soa=True)
    change(lambda update: update.add("*.new", 300, TYPE, declared(TARGET)))
    answers({A1}, f"x.new.{ZONE}", proto=proto, ede=set(), soa=False)
    change(lambda update: update.delete("new"))
    # What is below keeps it in the tree.
    query(f"new.{ZONE}", "A", proto).expect(a=(), soa=True, ede=set())
    query(f"x.new.{ZONE}", "A", proto).expect(a={A1}, soa=False)
    change(lambda update: update.delete("*.new"))
    for name in (f"new.{ZONE}", f"x.new.{ZONE}"):
        query(name, "A", proto).expect(rcode="NXDOMAIN", a=(), soa=True, ede=set())


@needs_any
def test_O1_T4_reloads(anywhere, authority, proto):
    anywhere.add_zone(ZONE, [aname(TARGET, owner="shop")])
    anywhere.start()
    answers({A1}, f"shop.{ZONE}", proto=proto)
    lookups = authority.count(TARGET, "A")
    anywhere.reload()
    query(f"shop.{ZONE}", "A", proto).expect(a={A1}, ede=set())
    anywhere.reload_zone(ZONE, [aname(TARGET, owner="store")], serial=2)
    query(f"store.{ZONE}", "A", proto).expect(a={A1}, ede=set())
    query(f"shop.{ZONE}", "A", proto).expect(rcode="NXDOMAIN", a=(), soa=True)
    anywhere.reload_zone(ZONE, [aname("other.example.net", owner="store")], serial=3)
    answers({A2}, f"store.{ZONE}", proto=proto, ede=set())
    assert authority.count(TARGET, "A") == lookups, "expected no new lookup of what is known"


@needs_any
def test_O1_malformed_records(anywhere, proto):
    """R2, F2, F3: such a record fails, and hides nothing."""
    anywhere.add_zone(ZONE, [
        f"bad 300 IN {TYPE} \\# 2 c00c", 'bad IN TXT "t"',
        f"sib 300 IN {TYPE} \\# 1 05", *own("sib"),
        f"*.w 300 IN {TYPE} \\# 0", f"half 300 IN {TYPE} \\# 1 05", aname(TARGET, owner="half"),
    ])
    anywhere.start()
    for name in ("bad", "x.w"):
        query(f"{name}.{ZONE}", "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    query(f"sib.{ZONE}", "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    answers({A1}, f"half.{ZONE}", proto=proto, ede=set())
    assert query(f"bad.{ZONE}", "TXT", proto).expect().types() == {"TXT"}
    anywhere.wait_log("mod-aname", "malformed")


# What options do.


@needs_any
def test_O1_P1_P2_P3_pools_and_weights(knotd, authority):
    knotd.options.update({"owners": "any", "resolver": ADDRESS,
                          "weight": ["one.p.example@3", "two.p.example@1", "three.p.example@0"]})
    for name, address in OF_POOL.items():
        authority.set(name, a=[address], ttl=LONG)
    knotd.add_zone(ZONE, [aname(name, owner=owner) for name in POOL for owner in ("shop", "*.w")])
    knotd.start()
    known(f"shop.{ZONE}", "A")

    def chosen(name, n, proto="udp"):
        reply = query(name, "A", proto, source=f"127.{1 + n // 200}.{1 + n % 200}.7")
        (address,) = reply.expect(ede=set()).addresses()
        return address

    eventually(lambda: {chosen(f"shop.{ZONE}", n) for n in range(12)} == {A1, A2}, what="a choice")
    for name in (f"shop.{ZONE}", f"x.w.{ZONE}"):
        found = [chosen(name, n) for n in range(400)]
        share = found.count(A1) / len(found)
        assert A3 not in found and 0.66 < share < 0.84, f"expected 3 of 4, got {share}"
        assert [chosen(name, n, "tcp") for n in range(20)] == found[:20], "expected the same by TCP"
    # A wildcard is one owner, whatever it stands for.
    for n in range(20):
        assert chosen(f"x.w.{ZONE}", n) == chosen(f"y.z.w.{ZONE}", n) == chosen(f"*.w.{ZONE}", n)


@needs_any
def test_O1_H3_health(knotd, authority):
    knotd.options.update({"owners": "any", "resolver": ADDRESS, "probe": "tcp", "probe-port": 8443,
                          "probe-interval": 1, "probe-timeout": 300, "probe-fall": 2})
    alive, dead = "127.0.1.1", "127.0.1.2"
    authority.set(TARGET, a=[alive, dead])
    knotd.add_zone(ZONE, [aname(TARGET, owner="shop"), aname(TARGET, owner="*.w")])
    endpoints = Endpoints([alive], 8443).start()
    try:
        knotd.start()
        for name in (f"shop.{ZONE}", f"x.w.{ZONE}"):
            answers({alive}, name, timeout=20)
    finally:
        endpoints.kill()


@needs_any
def test_O1_N4_client_subnets(ecs, authority, proto):
    ecs.options["owners"] = "any"
    authority.behave(TARGET, "A", cdn({HERE: [A1], THERE: [A2]}, general=[A3]))
    ecs.add_zone(ZONE, [aname(TARGET, owner="shop"), aname(TARGET, owner="*.w")])
    ecs.start()
    for name in (f"shop.{ZONE}", f"x.w.{ZONE}"):
        for client, address in ((HERE, A1), (THERE, A2)):
            eventually(
                lambda: query(name, "A", proto, ecs=client).expect(a={address}, scope=24),
                what=f"{name} for {client} is {address}",
            )


@needs_any
def test_O1_L2_denied_targets(anywhere, proto):
    anywhere.options["deny-target"] = "example.net"
    anywhere.add_zone(ZONE, [aname(TARGET, owner="shop"), *own("shop"), aname(TARGET, owner="*.w")])
    anywhere.start()
    query(f"shop.{ZONE}", "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    query(f"x.w.{ZONE}", "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede={15})


@needs_any
def test_O1_A6_the_record_in_the_answer(anywhere, proto):
    anywhere.options["answer-aname"] = True
    anywhere.add_zone(ZONE, [aname(TARGET, owner="shop"), aname(TARGET, owner="*.w")])
    anywhere.start()
    for name in (f"shop.{ZONE}", f"x.w.{ZONE}"):
        known(name)
        reply = query(name, "A", proto).expect(a={A1}, ede=set())
        assert [kind for _, _, kind, _ in reply.section("answer")] == ["A", TYPE], f"got {reply}"
        assert {str(owner) for owner, *_ in reply.section("answer")} == {f"{name}."}, f"got {reply}"


@needs_any
def test_O1_F5_circles(knotd, start_unbound, proto):
    """Targets that lead back to their owner, a wildcard's own names included."""
    knotd.options.update({"owners": "any", "resolver": "127.0.0.1", "retry-max": 1})
    knotd.add_zone(ZONE, [
        aname(f"self.{ZONE}", owner="self"), *own("self"),
        aname(f"b.{ZONE}", owner="a"), aname(f"a.{ZONE}", owner="b"), *own("b"),
        aname(f"x.w.{ZONE}", owner="*.w"), *own("*.w"),
    ])
    knotd.start()
    start_unbound(stubs={ZONE: "127.0.0.1@5300"})
    for name in ("self", "b", "x.w", "y.w"):
        eventually(
            lambda: query(f"{name}.{ZONE}", "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL)),
            timeout=20, what=f"{name} has its siblings",
        )
