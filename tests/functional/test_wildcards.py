"""O1: ANAME at wildcards (RFC 4592), and where a wildcard does not reach."""

import dns.message
import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ADDRESS_TYPES, ANAME, FAILURES, SIBLING_A, SIBLING_AAAA, STALE_TTL,
    ZONE, aname, eventually,
)
from harness.owners import LONG, PLAIN, ask, needs_any, octets, shared, warm

pytestmark = needs_any
TYPE = f"TYPE{ANAME}"
STAR = "star.example"
BOTH, DEEP, SIX, FAIL, GONE = (
    f"{name}.t.example" for name in ("both", "deep", "six", "fail", "gone"))
OF = {BOTH: ({A1, A2}, {AAAA1}), DEEP: ({A3}, {AAAA2}), SIX: (set(), {AAAA2}), GONE: (set(), set())}
GLUE = "198.51.100.54"

RECORDS = [
    *(aname(target, owner=owner, ttl=250) for owner, target in (
        ("*.w", BOTH), ("*.deep.w", DEEP), ("*.six", SIX), ("*.gone", GONE), ("*.fail", FAIL),
        ("*.sib", BOTH), ("*.sibfail", FAIL), ("*.mid.*.t", DEEP), ("*.late", "late.t.example"),
        ("named.w", SIX), ("*.o", BOTH),
    )),
    '*.w IN TXT "wild"', "*.w IN MX 10 x.w",
    f"*.sib IN A {SIBLING_A}", f"*.sib IN AAAA {SIBLING_AAAA}", f"*.sibfail IN A {SIBLING_A}",
    # Below the wildcard's parent: names with data, without, and with data further down.
    'text.w IN TXT "t"', "static.w IN A 198.51.100.9", 'leaf.ent.w IN TXT "t"',
    'z\\000z.w IN TXT "t"', 'p\\.q.w IN TXT "t"',
    # A delegation, a DNAME, aliases.
    "cut.w IN NS ns.cut.w", f"ns.cut.w IN A {GLUE}", aname(BOTH, owner="ns.cut.w"),
    aname(BOTH, owner="*.cut.w"), "dn.w IN DNAME deep.w", "dx IN DNAME w",
    "cname.w IN CNAME six.six", "alias IN CNAME some.w", "*.wc IN CNAME x.w",
    "*.wcn IN CNAME *.w", "*.wd IN CNAME x.deep.w",
    "*.wo IN CNAME text.w", "toent IN CNAME ent.w", "tocut IN CNAME a.cut.w",
    "mx IN MX 10 mail.sib", "mxw IN MX 10 mail.w", "_s._tcp IN SRV 1 2 3 a.b.sib",
    "byown IN NS ns1.sib", "mxstar IN MX 10 *.sib",
]
# A zone whose wildcard is that of the apex.
OF_STAR = [aname(BOTH, owner="*"), 'text IN TXT "t"', "a.b IN A 198.51.100.9", "cut IN NS ns.cut",
           f"ns.cut IN A {GLUE}", aname(DEEP)]


@pytest.fixture(scope="module", name="servers", autouse=True)
def shared_servers():
    with shared() as servers:
        servers.hold(OF)
        servers.authority.nxdomain(GONE, negative_ttl=LONG)
        servers.authority.fail(FAIL)
        servers.authority.set("late.t.example", a=[A1], aaaa=[AAAA1], delay=0.15)
        servers.any.options.update({"wait": 2000, "retry-max": 1})
        for zone, records in ((ZONE, RECORDS), (STAR, OF_STAR)):
            servers.add_zone(zone, records)
        servers.start()
        warm([f"any.{wild}.{ZONE}" for wild in
              ("w", "deep.w", "six", "gone", "fail", "sib", "sibfail", "mid.*.t")]
             + [f"named.w.{ZONE}", STAR, f"x.{STAR}"])
        yield servers


def holds(name, target, proto, zone=ZONE, chain=(), owner=None):
    """Both families are the target's, at the name asked for or where the aliases end."""
    owner = f"{owner or name}.{zone}"
    for rdtype, wanted in zip(ADDRESS_TYPES, OF[target]):
        reply = ask(f"{name}.{zone}", rdtype, proto).expect(ede=set(), soa=not wanted)
        kinds = [kind for _, _, kind, _ in reply.section("answer")]
        assert kinds == [*chain, *[rdtype] * len(wanted)], f"expected {chain} and {rdtype}: {reply}"
        assert reply.addresses(rdtype, owner=owner) == wanted, f"expected {wanted}, got {reply}"
        assert all(200 < ttl <= 300 for ttl in reply.ttls()), f"expected a live one, got {reply}"


@pytest.mark.parametrize("name, target", [
    ("x.w", BOTH), ("two.x.w", BOTH), ("so.many.labels.here.x.w", BOTH), ("*.w", BOTH),
    ("x.deep.w", DEEP), ("y.x.deep.w", DEEP), ("x.six", SIX), ("x.gone", GONE), ("x.sib", BOTH),
    ("*a.w", BOTH), ("named.w", SIX), ("x.mid.*.t", DEEP), ("w.w", BOTH), ("x.o", BOTH),
    # As many labels as there is room for, and one long one.
    ("a." * 119 + "w", BOTH), ("a" * 63 + ".deep.w", DEEP),
])
def test_O1_what_a_wildcard_stands_for(proto, name, target):
    warm([f"{name}.{ZONE}"])
    holds(name, target, proto)


@pytest.mark.parametrize("name", [
    "a\\000b.w", "\\000.w", "a\\.b.w", "x.a\\000.w", "a\\000b.c\\.d.w", "\\255\\001.w", "q\\000p.w",
    # Knot keeps w\000x and x.w at one place.
    "y\\000x.w",
])
def test_O1_any_octet_may_stand_there(proto, name):
    for rdtype, wanted in zip(ADDRESS_TYPES, OF[BOTH]):
        reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(ede=set(), soa=False)
        assert reply.addresses(owner=f"{name}.{ZONE}") == wanted, f"expected {wanted}, got {reply}"


@pytest.mark.parametrize("name", [
    f"w\\000x.{ZONE}", "com\\000example\\000w\\000x", f"x.w\\000.{ZONE}",
    "x.example\\000w.com", f"deep\\000x.w.{ZONE}",
])
def test_O1_octets_of_zero_do_not_make_another_name(proto, name):
    """Beside the wildcard's parent, or outside the zone, where only Knot's keys are alike."""
    for rdtype in ADDRESS_TYPES:
        reply = ask(name, rdtype, proto)
        inside = name.startswith("deep")
        wanted = OF[BOTH][rdtype == "AAAA"] if inside else set()
        assert reply.addresses() == wanted, f"expected {wanted}, got {reply}"


@pytest.mark.parametrize("name", ["b\\000a", "x.b\\000a", "b\\000a\\000c"])
def test_O1_octets_of_zero_do_not_make_a_name_exist(proto, name):
    """To Knot's look-up of nodes the first one is a.b, which exists."""
    for rdtype, wanted in zip(ADDRESS_TYPES, OF[BOTH]):
        reply = ask(f"{name}.{STAR}", rdtype, proto).expect(ede=set(), soa=False)
        assert reply.addresses(owner=f"{name}.{STAR}") == wanted, f"expected {wanted}, got {reply}"


def test_O1_the_name_is_the_query_s(proto):
    for name in (f"SoMe.W.{ZONE}", f"A.b.C.w.{ZONE.upper()}"):
        reply = ask(name, "A", proto).expect(a={A1, A2})
        assert {str(owner) for owner, *_ in reply.section("answer")} == {f"{name}."}, f"got {reply}"


@pytest.mark.parametrize("name", ["w", "deep.w", "ent.w", "text.w", "z\\000z.w", "p\\.q.w", "six",
                                  "mid.*.t", "*.t", "t", "x.t", "y.mid.x.t"])
def test_O1_a_name_that_exists_is_nodata(proto, name):
    """With other types, or as an empty non-terminal, it hides the wildcard from itself.

    *.t is such a one, too, and stands for x.t (RFC 4592, 4.4).
    """
    for rdtype in ADDRESS_TYPES:
        reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(soa=True, ede=set())
        assert not reply.section("answer"), f"expected NODATA, got {reply}"


@pytest.mark.parametrize("name", [
    "x.text.w", "x.static.w", "x.ent.w", "x.*.w", "y.x.*.w", "x.named.w", "none", "x.none",
    "x.leaf.ent.w", "x.*.t", "y.x.*.t",
])
def test_O1_below_a_name_that_exists_there_is_nothing(proto, name):
    """The closest encloser decides, and no other wildcard (RFC 4592, 3.3.1)."""
    for rdtype in (*ADDRESS_TYPES, TYPE):
        reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(rcode="NXDOMAIN", soa=True, ede=set())
        assert not reply.section("answer"), f"expected nothing, got {reply}"


def test_O1_static_names_below_stay(proto):
    ask(f"static.w.{ZONE}", "A", proto).expect(a={"198.51.100.9"}, ttl=(3600, 3600))
    ask(f"static.w.{ZONE}", "AAAA", proto).expect(aaaa=(), soa=True)


@pytest.mark.parametrize("name, target, chain, owner", [
    ("alias", BOTH, ["CNAME"], "some.w"), ("y.wc", BOTH, ["CNAME"], "x.w"),
    ("z.y.wc", BOTH, ["CNAME"], "x.w"), ("y.wcn", BOTH, ["CNAME"], "*.w"),
    ("y.wd", DEEP, ["CNAME"], "x.deep.w"), ("a.dn.w", DEEP, ["DNAME", "CNAME"], "a.deep.w"),
    ("a.dx", BOTH, ["DNAME", "CNAME"], "a.w"), ("a.deep.dx", DEEP, ["DNAME", "CNAME"], "a.deep.w"),
    ("cname.w", SIX, ["CNAME"], "six.six"), ("named.dx", SIX, ["DNAME", "CNAME"], "named.w"),
])
def test_O1_A2_aliases_that_end_at_a_wildcard(proto, name, target, chain, owner):
    holds(name, target, proto, chain=chain, owner=owner)


def test_O1_A2_aliases_that_end_beside_it(proto):
    for name, kinds in (("y.wo", ["CNAME"]), ("toent", ["CNAME"]), ("ent.dx", ["DNAME", "CNAME"])):
        reply = ask(f"{name}.{ZONE}", "A", proto).expect(soa=True, ede=set())
        assert [kind for _, _, kind, _ in reply.section("answer")] == kinds, f"got {reply}"


def test_O1_never_below_a_delegation(proto):
    for name in (f"cut.w.{ZONE}", f"x.cut.w.{ZONE}", f"y.x.cut.w.{ZONE}", f"ns.cut.w.{ZONE}",
                 f"cut.dx.{ZONE}", f"tocut.{ZONE}", f"cut.{STAR}", f"x.cut.{STAR}"):
        aliased = name.startswith(("cut.dx", "tocut"))
        for rdtype in ADDRESS_TYPES:
            reply = ask(name, rdtype, proto).expect(aa=aliased, a=(), aaaa=(), soa=False)
            assert reply.types("authority") == {"NS"}, f"expected a referral, got {reply}"
            found = reply.addresses("A", section="additional")
            assert found == {GLUE} and not reply.addresses("AAAA", section="additional"), (
                f"expected the glue, got {reply}")


def test_O1_the_apex_s_wildcard(proto):
    for name in ("x", "y.x", "ns.x", "z.text2"):
        holds(name, BOTH, proto, STAR)
    for rdtype, wanted in zip(ADDRESS_TYPES, OF[DEEP]):
        reply = ask(STAR, rdtype, proto).expect(soa=False)
        assert reply.addresses() == wanted, f"expected the apex's own, got {reply}"
    for name in ("text", "b"):
        ask(f"{name}.{STAR}", "A", proto).expect(a=(), soa=True)
    for name in ("x.text", "c.b", "x.ns", "x.a.b"):
        ask(f"{name}.{STAR}", "A", proto).expect(rcode="NXDOMAIN", a=(), soa=True)
    ask(f"ns.{STAR}", "A", proto).expect(a={"198.51.100.53"}, ttl=(3600, 3600))


def test_O1_A3_F2_F3_failures_and_siblings(proto):
    for rdtype in ADDRESS_TYPES:
        ask(f"x.fail.{ZONE}", rdtype, proto).expect(
            rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede=FAILURES, soa=False)
    reply = ask(f"x.sibfail.{ZONE}", "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    assert reply.addresses(owner=f"x.sibfail.{ZONE}") == {SIBLING_A}, f"got {reply}"
    reply = ask(f"x.sibfail.{ZONE}", "AAAA", proto).expect(aaaa=(), soa=True)
    assert reply.soa_ttl() <= STALE_TTL, f"expected a short while (A10), got {reply}"


def test_O1_C1_C2_cold():
    ask(f"x.late.{ZONE}", "A").expect(tc=True, a=(), aa=None, soa=False)
    ask(f"x.late.{ZONE}", "A", "tcp").expect(a={A1}, ede=set(), soa=False)
    # For another name the same record: it is known.
    ask(f"other.late.{ZONE}", "A").expect(a={A1}, ede=set(), soa=False)
    ask(f"y.x.late.{ZONE}", "AAAA", "tcp").expect(aaaa={AAAA1}, ede=set(), soa=False)


@pytest.mark.parametrize("name", ["x.w", "*.w", "z.y.x.w"])
def test_O1_A4_A5_the_record_and_any(proto, name):
    name = f"{name}.{ZONE}"
    reply = ask(name, TYPE, proto).expect(soa=False, ede=set())
    assert reply.types() == {TYPE}, f"expected the record, got {reply}"
    found = {kind: reply.addresses(kind, name, "additional") for kind in ADDRESS_TYPES}
    assert found == dict(zip(ADDRESS_TYPES, OF[BOTH])), f"expected what is known, got {reply}"
    reply = ask(name, "ANY", proto).expect(a={A1, A2}, aaaa={AAAA1}, soa=False)
    owners = {str(owner) for owner, *_ in reply.section("answer")}
    assert owners == {f"{name}."}, f"expected the name asked for, got {reply}"


@pytest.mark.parametrize("name, rdtype, owner", [
    ("mx", "MX", "mail.sib"), ("_s._tcp", "SRV", "a.b.sib"), ("x.byown", "A", "ns1.sib"),
    ("mxstar", "MX", "*.sib"),
])
def test_O1_A3_additional_addresses(proto, name, rdtype, owner):
    reply = ask(f"{name}.{ZONE}", rdtype, proto).expect(aa=None, ede=set())
    found = {kind: reply.addresses(kind, f"{owner}.{ZONE}", "additional") for kind in ADDRESS_TYPES}
    assert found == dict(zip(ADDRESS_TYPES, OF[BOTH])), f"expected the target's, got {reply}"


UNCHANGED = [
    (name, rdtype)
    for name in ("x.w", "*.w", "x.text.w", "text.w", "ent.w", "w", "none", "x.static.w", "cut.w",
                 "x.cut.w", "dn.w", "x.*.w", "x.deep.w", "alias", "y.wc", "a.dx", "mxw", "x.gone")
    for rdtype in ("TXT", "MX", "CAA", "CNAME", "NS", "DS", "SOA")
] + [
    (name, rdtype)
    for name in ("none", "x.none", "x.text.w", "static.w", "x.ent.w", "w", "ent.w", "deep.w",
                 "cut.w", "x.cut.w", "tocut", "toent", "y.wo", "x.*.w", "ns.cut.w")
    for rdtype in (*ADDRESS_TYPES, "ANY", TYPE)
]


@pytest.mark.parametrize(
    "how", [{"proto": "udp"}, {"proto": "tcp", "do": True}], ids=["udp", "tcp"])
def test_O1_O2_R3_all_else_is_the_same_to_the_octet(how):
    for name, rdtype in UNCHANGED:
        name = f"{name}.{ZONE}"
        wanted, got = octets(name, rdtype, server=PLAIN, **how), octets(name, rdtype, **how)
        assert got == wanted, (
            f"{name}/{rdtype}: expected, as without the module,\n{dns.message.from_wire(wanted)}"
            f"\ngot\n{dns.message.from_wire(got)}"
        )


def test_O1_L1_a_wildcard_is_one_owner(servers):
    """Whatever it stands for: no name of a query is looked up, and nothing grows."""

    def counted():
        # In passes, of which the first may not be over; queries bring the numbers up to date.
        ask(f"n.x.w.{ZONE}", "A")
        return (stats := servers.any.stats(ZONE))["targets"] and stats

    before = eventually(counted)
    looked_up = servers.authority.count()
    for n in range(300):
        ask(f"n{n}.x{n % 7}.w.{ZONE}", "A", do=bool(n % 2)).expect(a={A1, A2})
    after = servers.any.stats(ZONE)
    assert after["targets"] == before["targets"], f"expected no more targets, got {after}"
    assert after["answers[fresh]"] - before["answers[fresh]"] == 300, f"{before} {after}"
    failing = servers.authority.count(FAIL)
    assert servers.authority.count() - failing <= looked_up, "expected no lookup"
