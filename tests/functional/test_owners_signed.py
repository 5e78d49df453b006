"""O3, D1, D2, D5: signed zones with ANAME at any owner: every reply validates, and is true."""

import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsigkeyring
import dns.update
import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, ADDRESS_TYPES, ANAME, SERVER, SIBLING_A, SIBLING_AAAA,
    STALE_ANSWER, STALE_TTL, aname, eventually, expire, query, section,
)
from harness.authority import ADDRESS
from harness.owners import LONG, ask, needs_any, shared, warm
from harness.proofs import listed, proven
from harness.signatures import Keys, verify
from harness.signing import CHAINS, SIGNED, online

pytestmark = needs_any
TYPE = f"TYPE{ANAME}"
BOTH, FOUR, SIX, NONE, FAIL, SHORT = (
    f"{name}.t.example" for name in ("both", "four", "six", "none", "fail", "short"))
OF = {BOTH: ({A1, A2}, {AAAA1}), FOUR: ({A3}, set()), SIX: (set(), {AAAA2}), NONE: (set(), set())}
POOL = {"one.p.example": A1, "two.p.example": A2, "three.p.example": A3}
# Each a zone of its own on one server.
ZONES = {kind: f"{kind}.example" for kind in CHAINS}

OWNERS = {
    "@": BOTH, "shop": BOTH, "four": FOUR, "six": SIX, "none": NONE, "fail": FAIL, "sib": FOUR,
    "sibfail": FAIL, "onesib": FAIL, "a.b.c": FOUR, "*.w": BOTH, "*.deep.w": FOUR, "*.six": SIX,
    "*.none": NONE, "*.sib": FOUR, "*.fail": FAIL, "short": SHORT, "*.short": SHORT,
    "top.deleg2": SIX,
}
RECORDS = [
    *(aname(target, owner=owner) for owner, target in OWNERS.items()),
    *(aname(target, owner="pool") for target in (FOUR, SIX)),
    *(f"{owner} IN A {SIBLING_A}" for owner in ("sib", "*.sib", "sibfail", "onesib")),
    *(f"{owner} IN AAAA {SIBLING_AAAA}" for owner in ("sib", "*.sib", "sibfail")),
    'shop IN TXT "t"', "shop IN MX 10 shop", "mx IN MX 10 sib", 'text.w IN TXT "t"',
    '*.w IN TXT "w"', "leaf.ent.w IN A 198.51.100.9", "www IN CNAME shop",
    "tofour IN CNAME four", "*.wc IN CNAME x.w", "towild IN CNAME y.x.six",
    "d IN DNAME w", "static IN A 198.51.100.10",
    # Delegations, one signed; ANAME records below have no say.
    "cut IN NS ns.cut", "ns.cut IN A 198.51.100.54", aname(BOTH, owner="cut"),
    aname(BOTH, owner="ns.cut"), "cut.w IN NS ns.cut",
    "safe IN NS ns.cut", f"safe IN DS 4711 13 2 {'ab' * 32}",
]
# What is NODATA at each owner for the target's sake, or for the other family's (A10).
LACKS = {
    "@": set(), "shop": set(), "four": {"AAAA"}, "six": {"A"}, "none": {"A", "AAAA"}, "fail": set(),
    "sib": {"AAAA"}, "sibfail": set(), "onesib": {"AAAA"}, "a.b.c": {"AAAA"}, "*.w": set(),
    "*.deep.w": {"AAAA"}, "*.six": {"A"}, "*.none": {"A", "AAAA"}, "*.sib": {"AAAA"},
    "*.fail": set(), "top.deleg2": {"A"}, "pool": set(),
}
# Whatever shows a denial: each owner's own, names between them, wildcards, delegations.
QUESTIONS = [
    *((owner, rdtype) for owner in LACKS for rdtype in ("A", "AAAA", "CAA", "NSEC", TYPE, "DS")),
    *((f"{name}", rdtype) for name in (
        "x.w", "y.x.w", "x.deep.w", "x.six", "x.none", "x.sib", "x.fail", "ent.w", "deep.w", "w",
        "x.text.w", "text.w", "x.ent.w", "x.*.w", "no", "zz", "shop0", "fours", "siy", "x.shop",
        "x.four", "b.c", "c", "x.a.b.c", "x.cut", "cut", "safe", "x.safe", "cut.w", "x.cut.w",
        "www", "tofour", "x.wc", "towild", "x.d", "text.d", "mx", "deleg2", "0", "x.d.d",
    ) for rdtype in ("A", "AAAA", "TXT", "DS", "MX")),
]


def full(owner, zone):
    return zone if owner == "@" else f"{owner}.{zone}"


@pytest.fixture(scope="module", name="servers", autouse=True)
def shared_servers():
    with shared() as servers:
        servers.hold(OF)
        servers.authority.fail(FAIL)
        servers.authority.set(SHORT, a=[A1], aaaa=[], ttl=LONG, negative_ttl=20)
        servers.any.options["retry-max"] = 1
        for kind, options in CHAINS.items():
            servers.any.sections.append(section("policy", kind, **options))
            servers.any.add_zone(ZONES[kind], RECORDS,
                                 zone_options={**SIGNED, "dnssec-policy": kind})
        servers.start()
        for zone in ZONES.values():
            warm([full(owner, zone) for owner in (*OWNERS, "pool")], do=True)
        yield servers


@pytest.fixture(name="zone")
def zone_of_chain(chain):
    return ZONES[chain]


@pytest.fixture(name="keys")
def keys_of_zone(zone):
    keys = Keys(zone)
    keys.learn(ask)
    return keys


def sound(name, rdtype, zone, keys, proto="udp", attempt=ask):
    """Ask; the reply validates, and proves what it says."""
    reply = attempt(full(name, zone), rdtype, proto, do=True, bufsize=4096)
    if reply.rcode != "SERVFAIL":
        verify(reply, keys)
        proven(reply, zone)
    return reply


ANSWERED = {
    "shop": (BOTH, 3), "a.b.c": (FOUR, 5), "four": (FOUR, 3), "six": (SIX, 3), "sib": (FOUR, 3),
    "x.w": (BOTH, 3), "y.x.w": (BOTH, 3), "*.w": (BOTH, 3), "x.deep.w": (FOUR, 4),
    "z.y.x.deep.w": (FOUR, 4), "x.six": (SIX, 3), "x.sib": (FOUR, 3), "top.deleg2": (SIX, 4),
    "none": (NONE, 3), "x.none": (NONE, 3),
}


@pytest.mark.parametrize("name", ANSWERED)
def test_O3_D1_addresses_and_their_signatures(zone, keys, proto, name):
    """A wildcard's set is signed as the wildcard; Knot's proof that there is no such name stays."""
    target, labels = ANSWERED[name]
    for rdtype, wanted in zip(ADDRESS_TYPES, OF[target]):
        reply = sound(name, rdtype, zone, keys, proto).expect(soa=not wanted, ede=set())
        assert reply.addresses(owner=full(name, zone)) == wanted, f"expected {wanted}, got {reply}"
        found = [rdata.labels for rrset in reply.message.answer
                 if rrset.rdtype == dns.rdatatype.RRSIG for rdata in rrset]
        # Two of the zone's own, and none for the asterisk.
        assert found == ([labels] if wanted else []), f"expected {labels} labels, got {reply}"


def test_O3_D1_one_signature_for_all_that_a_wildcard_stands_for(zone):
    found = set()
    for n in range(5):
        reply = ask(f"n{n}.w.{zone}", "A", do=True).expect(a={A1, A2})
        found |= {rdata for _, _, kind, rdata in reply.section("answer") if kind == "RRSIG"}
    assert len(found) == 1, f"expected one signature, stored, got {found}"


ALIASED = {
    "www": ("shop", BOTH), "tofour": ("four", FOUR), "x.wc": ("x.w", BOTH),
    "towild": ("y.x.six", SIX), "x.d": ("x.w", BOTH), "x.deep.d": ("x.deep.w", FOUR),
    "y.x.wc": ("x.w", BOTH),
}


@pytest.mark.parametrize("name", ALIASED)
def test_O3_A2_aliases(zone, keys, proto, name):
    end, target = ALIASED[name]
    for rdtype, wanted in zip(ADDRESS_TYPES, OF[target]):
        reply = sound(name, rdtype, zone, keys, proto).expect(soa=not wanted, ede=set())
        assert reply.addresses(owner=full(end, zone)) == wanted, f"expected {wanted}, got {reply}"


@pytest.mark.parametrize("name", ["no", "x.shop", "x.text.w", "x.ent.w", "x.*.w", "x.a.b.c"])
def test_O3_names_that_do_not_exist(zone, keys, proto, name):
    for rdtype in ADDRESS_TYPES:
        sound(name, rdtype, zone, keys, proto).expect(rcode="NXDOMAIN", soa=True)


@pytest.mark.parametrize("name", ["cut", "x.cut", "ns.cut", "cut.w", "x.cut.w", "safe", "x.safe"])
def test_O3_O1_delegations(zone, keys, proto, name):
    for rdtype in ADDRESS_TYPES:
        reply = sound(name, rdtype, zone, keys, proto).expect(aa=False, a=(), aaaa=(), soa=False)
        assert "NS" in reply.types("authority"), f"expected a referral, got {reply}"
    if "." not in name:
        reply = sound(name, "DS", zone, keys, proto).expect()
        assert bool(reply.addresses("DS")) == (name == "safe"), f"got {reply}"


def test_O3_F2_F3_A10_failures(zone, keys, proto):
    for rdtype, sibling in (("A", SIBLING_A), ("AAAA", SIBLING_AAAA)):
        for name in ("fail", "x.fail"):
            sound(name, rdtype, zone, keys, proto).expect(rcode="SERVFAIL", aa=None, a=(), aaaa=())
        reply = sound("sibfail", rdtype, zone, keys, proto).expect(ttl=(1, STALE_TTL))
        assert reply.addresses() == {sibling}, f"expected {sibling}, got {reply}"
    reply = sound("onesib", "AAAA", zone, keys, proto).expect(aaaa=(), soa=True)
    found = [types & {"A", "AAAA"} for types, _ in listed(reply, name_of("onesib", zone))]
    assert found == [{"A"}], f"expected A and not AAAA, got {reply}"


def name_of(owner, zone):
    return dns.name.from_text(full(owner, zone))


def test_O3_D2_one_denial_whatever_is_asked(zone, keys, proto):
    """A and AAAA are listed, unless the target is known to lack them, in each reply there is."""
    names = {owner: name_of(owner, zone) for owner in LACKS}
    seen = dict.fromkeys(LACKS, 0)
    for name, rdtype in QUESTIONS:
        reply = sound(name, rdtype, zone, keys, proto)
        for owner, lacks in LACKS.items():
            for types, _ in listed(reply, names[owner]):
                wanted = {"A", "AAAA"} - lacks
                assert types & {"A", "AAAA"} == wanted and TYPE in types, (
                    f"{owner}: expected {wanted} and {TYPE}, got {reply}")
                seen[owner] += 1
    rare = {owner: count for owner, count in seen.items() if count < 2}
    assert not rare, f"expected to see each owner's denial, seldom seen: {rare}"


def test_O3_D2_a_denial_lives_no_longer_than_what_is_known(zone, keys, proto):
    for owner in ("short", "*.short"):
        names = [owner] if owner == "short" else ["x.short", "*.short", "z.y.short"]
        for name in names:
            for rdtype in ("AAAA", "CAA"):
                reply = sound(name, rdtype, zone, keys, proto).expect(soa=True)
                found = listed(reply, name_of(owner, zone))
                assert found, f"expected the denial of {owner}, got {reply}"
                for types, ttl in found:
                    assert types & {"A", "AAAA"} == {"A"} and ttl <= 20, (
                        f"expected A alone for at most 20 s, got {reply}")
                if rdtype == "AAAA":
                    assert reply.soa_ttl() <= 20, f"expected at most 20 s, got {reply}"


@pytest.mark.parametrize("owner", ["four", "none", "shop", "x.deep.w", "x.w", "*.six"])
def test_O3_A4_the_record_comes_with_the_proof(zone, keys, proto, owner):
    """In Authority stands the denial of what is missing, and none where nothing is."""
    reply = ask(full(owner, zone), TYPE, proto, do=True, bufsize=4096).expect(soa=False, ede=set())
    verify(reply, keys)
    assert TYPE in reply.types(), f"expected the record, got {reply}"
    at = {"x.deep.w": "*.deep.w", "x.w": "*.w"}.get(owner, owner)
    found = [types & {"A", "AAAA"} for types, _ in listed(reply, name_of(at, zone))]
    wanted = [{"A", "AAAA"} - LACKS[at]] if LACKS[at] else []
    if at != owner and not LACKS[at]:
        # By chance of the salt the wildcard's NSEC3 is the one that proves that nothing is nearer.
        assert found in ([], [{"A", "AAAA"}]), f"expected both families if any, got {reply}"
    else:
        assert found == wanted, f"expected {wanted}, got {reply}"
    for rdtype in ADDRESS_TYPES:
        addresses = reply.addresses(rdtype, full(owner, zone), "additional")
        assert bool(addresses) == (rdtype not in LACKS[at]), f"got {reply}"


def test_O3_additions_are_signed(zone, keys, proto):
    reply = sound("mx", "MX", zone, keys, proto)
    assert reply.addresses("A", full("sib", zone), "additional") == {A3}, f"got {reply}"
    covered = [rdata.split()[0] for _, _, kind, rdata in reply.section("additional")
               if kind == "RRSIG"]
    assert covered.count("A") == 1, f"expected it signed, got {reply}"
    assert not reply.addresses("AAAA", full("sib", zone), "additional"), f"no sibling, got {reply}"


def test_O3_D5_nothing_of_dnssec_without_do(zone, proto):
    for name, rdtype in QUESTIONS:
        if rdtype == "NSEC":
            continue
        reply = ask(full(name, zone), rdtype, proto)
        kinds = {kind for part in reply.records.values() for _, _, kind, _ in part}
        assert not kinds & {"RRSIG", "NSEC", "NSEC3"}, f"expected no DNSSEC records, got {reply}"


# With a server of their own.

KEY = "update-key"
SECRET = "MTIzNDU2Nzg5MGFiY2RlZg=="


def serve(knotd, authority, *records, **options):
    """knotd with one signed zone for each kind of denial."""
    knotd.options.update({"owners": "any", "resolver": ADDRESS, **options})
    knotd.sections += [
        section("key", KEY, algorithm="hmac-sha256", secret=SECRET),
        section("acl", "author", key=KEY, action=["transfer", "update"]),
    ]
    for kind, how in CHAINS.items():
        knotd.sections.append(section("policy", kind, **how))
        knotd.add_zone(ZONES[kind], records,
                       zone_options={**SIGNED, "dnssec-policy": kind, "acl": "author"})
    knotd.start()
    found = {}
    for kind, zone in ZONES.items():
        eventually(lambda: query(zone, "DNSKEY").addresses("DNSKEY"), what=f"{zone} is signed")
        found[kind] = Keys(zone)
        found[kind].learn()
    return found


def test_O3_D2_the_denial_follows_the_target(knotd, authority):
    """What a target gains and loses shows in every denial at once."""
    authority.set(BOTH, a=[A1], aaaa=[AAAA1])
    every = serve(knotd, authority, aname(BOTH, owner="shop"), aname(BOTH, owner="*.w"),
                  'text.w IN TXT "t"', **{"ttl-max": 1, "retry-max": 1})
    shows = {"shop": "shop", "x.w": "*.w"}

    def settled(kind, **families):
        zone, keys = ZONES[kind], every[kind]
        for name, owner in shows.items():
            for rdtype, wanted in families.items():
                reply = sound(name, rdtype.upper(), zone, keys, attempt=query)
                assert not reply.tc and reply.addresses() == set(wanted), f"got {reply}"
            for rdtype in ("CAA", "HINFO"):
                reply = sound(name, rdtype, zone, keys, attempt=query).expect(soa=True)
                have = {key.upper() for key, wanted in families.items() if wanted}
                found = {frozenset(types & {"A", "AAAA"})
                         for types, _ in listed(reply, name_of(owner, zone))}
                assert found == {frozenset(have)}, f"expected {have}, got {reply}"
        return True

    for families in ({"a": [A1], "aaaa": [AAAA1]}, {"a": [A1, A2], "aaaa": []},
                     {"a": [], "aaaa": [AAAA2]}, {"a": [A3], "aaaa": [AAAA1]}):
        authority.set(BOTH, **families)
        for kind in CHAINS:
            eventually(lambda: settled(kind, **families), timeout=15,
                       what=f"{kind}: {families} and the denials that go with it")


def denials_of(zone, keys, owners):
    """{owner: families listed, each time that it was seen}, by names that do not exist."""
    names = {owner: name_of(owner, zone) for owner in owners}
    found = {owner: [] for owner in owners}
    for n in range(30):
        for name in (f"o{n}0", f"x.o{n}", f"zz{n}"):
            reply = sound(name, "A", zone, keys, "tcp", attempt=query)
            for owner, one in names.items():
                found[owner] += [types & {"A", "AAAA"} for types, _ in listed(reply, one)]
    # By hashes, which ones are seen is up to chance.
    seen = sum(map(bool, found.values()))
    assert seen > len(owners) // 2, f"expected to see most of them, and not {seen}: {found}"
    return found


def test_O3_D2_owners_that_nobody_asked_for(knotd, authority):
    """Nothing is known of their targets, so nothing is denied: from the first query on."""
    authority.drop(BOTH)
    owners = [f"o{n}" for n in range(25)] + [f"*.o{n}" for n in range(20, 30)]
    every = serve(knotd, authority, *(aname(BOTH, owner=owner) for owner in owners))

    def are_true(when):
        for kind, keys in every.items():
            for owner, found in denials_of(ZONES[kind], keys, owners).items():
                assert all(types == {"A", "AAAA"} for types in found), (
                    f"{kind}, {when}: expected A and AAAA of {owner}, got {found}")

    are_true("at first")
    knotd.reload()
    are_true("after a reload")


@pytest.mark.parametrize("kind", ["nsec3", "opt-out"])
def test_O3_D2_new_parameters_of_nsec3(knotd, authority, kind):
    """All hashes change, and the owners' denials stay true."""
    authority.set(FOUR, a=[A3])
    owners = [f"o{n}" for n in range(10)] + ["*.w"]
    every = serve(knotd, authority, *(aname(FOUR, owner=owner) for owner in owners))
    zone, keys = ZONES[kind], every[kind]
    warm([full(owner, zone) for owner in owners], attempt=query, do=True)
    before = query(zone, "NSEC3PARAM").addresses()
    for position, text in enumerate(knotd.sections):
        if f"id: {kind}\n" in text:
            knotd.sections[position] = section("policy", kind, nsec3_iterations=7,
                                               nsec3_salt_length=3, **CHAINS[kind])
    knotd.reload()
    knotd.knotc("-b", "zone-sign", zone)
    eventually(lambda: query(zone, "NSEC3PARAM").addresses() not in (before, set()),
               what="the zone has other parameters")
    # Since the reload nobody has asked for them.
    warm([full(owner, zone) for owner in owners], attempt=query, do=True)
    for owner, found in denials_of(zone, keys, owners).items():
        assert all(types == {"A"} for types in found), (
            f"expected A and not AAAA of {owner}, got {found}")


def test_O3_D2_R5_owners_come_and_go(knotd, authority):
    """By dynamic update, in a zone that Knot signs on the way."""
    authority.set(FOUR, a=[A3])
    authority.set(SIX, aaaa=[AAAA2])
    every = serve(knotd, authority, 'o1 IN TXT "t"', f"o3 IN A {SIBLING_A}")
    owners = ["o1", "o3", "o4", "*.w"]

    def change(zone, *names, target=None):
        update = dns.update.Update(zone, keyring=dns.tsigkeyring.from_text({KEY: SECRET}),
                                   keyname=KEY)
        for name in names:
            if target is None:
                update.delete(name, TYPE)
            else:
                update.replace(name, 300, TYPE, aname(target).split(TYPE)[1].strip())
        reply = dns.query.tcp(update, SERVER[0], 10, SERVER[1])
        assert reply.rcode() == dns.rcode.NOERROR, f"expected the update to succeed, got {reply}"

    def shows(zone, keys, families, names):
        for name, owner in names.items():
            for rdtype in ADDRESS_TYPES:
                reply = sound(name, rdtype, zone, keys, attempt=query)
                assert not reply.tc and bool(reply.addresses()) == (rdtype in families), f"{reply}"
            reply = sound(name, "CAA", zone, keys, attempt=query).expect(soa=True)
            found = [types & {"A", "AAAA"} for types, _ in listed(reply, name_of(owner, zone))]
            assert found and all(types == families for types in found), (
                f"expected {families} of {owner}, got {reply}")
        return True

    names = {"o1": "o1", "o3": "o3", "o4": "o4", "x.w": "*.w"}
    for kind, keys in every.items():
        zone = ZONES[kind]
        for target, families in ((FOUR, {"A"}), (SIX, {"AAAA"})):
            change(zone, *owners, target=target)
            eventually(lambda: shows(zone, keys, families, names), what=f"{kind}: {families}")
        change(zone, *owners)
        shows(zone, keys, set(), {"o1": "o1"})
        shows(zone, keys, {"A"}, {"o3": "o3"})
        for name in ("o4", "x.w"):
            sound(name, "A", zone, keys, attempt=query).expect(rcode="NXDOMAIN", a=(), soa=True)


def test_O3_P4_every_set_of_a_pool_is_signed(knotd, authority):
    """Clients in many networks, each with its target, at a plain owner and at a wildcard."""
    for name, address in POOL.items():
        authority.set(name, a=[address], ttl=LONG)
    every = serve(knotd, authority, *(aname(name, owner=owner) for name in POOL
                                      for owner in ("shop", "*.w")), weight="p.example@1")
    for kind, keys in every.items():
        zone = ZONES[kind]
        warm([f"shop.{zone}", f"x.w.{zone}"], ("A",), query, do=True)
        eventually(lambda: {
            one for n in range(1, 30)
            for one in query(f"shop.{zone}", "A", source=f"127.5.{n}.1").addresses()
        } == set(POOL.values()), what="all targets are chosen")
        seen = set()
        for n in range(1, 30):
            found = []
            for name in ("shop", "x.w", "y.z.w"):
                reply = query(full(name, zone), "A", do=True, source=f"127.5.{n}.1")
                verify(reply, keys)
                proven(reply, zone)
                found.append(reply.addresses())
                assert len(found[-1]) == 1, f"expected one target's, got {reply}"
            assert found[1] == found[2], f"expected one owner, got {found}"
            seen |= found[1]
        assert seen == set(POOL.values()), f"expected all targets, got {seen}"


def test_O3_C1_cold_in_a_signed_zone(knotd, authority):
    authority.set(BOTH, a=[A1], aaaa=[AAAA1], delay=0.2)
    every = serve(knotd, authority, aname(BOTH, owner="shop"), aname(BOTH, owner="*.w"), wait=2000)
    for n, (kind, keys) in enumerate(every.items()):
        zone = ZONES[kind]
        if n == 0:
            query(f"x.w.{zone}", "A", do=True).expect(tc=True, a=(), aa=None, soa=False)
        for name in ("x.w", "shop"):
            reply = query(full(name, zone), "A", "tcp", do=True).expect(a={A1}, ede=set())
            verify(reply, keys)
            proven(reply, zone)


def test_O3_F1_stale_is_signed(knotd, authority):
    authority.set(BOTH, a=[A1], aaaa=[AAAA1])
    every = serve(knotd, authority, aname(BOTH, owner="*.w"), **{"ttl-max": 1, "retry-max": 1})
    warm([f"x.w.{zone}" for zone in ZONES.values()], attempt=query, do=True)
    authority.fail(BOTH)
    expire(1)
    for kind, zone in ZONES.items():
        reply = eventually(
            lambda: query(f"y.w.{zone}", "A", "tcp", do=True).expect(a={A1}, ede={STALE_ANSWER}),
            what="the addresses are stale")
        verify(reply, every[kind])
        proven(reply, zone)


def test_O3_D3_with_onlinesign(knotd, authority, proto):
    """Signed for the name that was asked for, since there is no key of a zone to sign with."""
    for name, families in OF.items():
        authority.set(name, *map(sorted, families), ttl=LONG, negative_ttl=LONG)
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    zone = "online.example"
    knotd.add_zone(zone, [aname(BOTH, owner="shop"), aname(FOUR, owner="four"),
                          aname(FOUR, owner="*.w"), "www IN CNAME shop", 'text IN TXT "t"',
                          f"four IN AAAA {SIBLING_AAAA}"],
                   modules=online(knotd))
    knotd.start()
    warm([full(name, zone) for name in ("shop", "four", "x.w")], attempt=query, do=True)
    keys = Keys(zone)
    keys.learn()
    for name, target in (("shop", BOTH), ("four", FOUR), ("x.w", FOUR), ("www", BOTH)):
        for rdtype, wanted in zip(ADDRESS_TYPES, OF[target]):
            reply = query(full(name, zone), rdtype, proto, do=True)
            reply.expect(soa=not wanted, ede=set())
            assert reply.addresses() == wanted, f"expected {wanted}, got {reply}"
            verify(reply, keys)
            assert "RRSIG" in reply.types("answer" if wanted else "authority"), f"got {reply}"
            if not wanted:
                types = [found for found, _ in listed(reply, name_of(name, zone))]
                assert types and all("A" in one and "AAAA" not in one for one in types), (
                    f"expected a proof with A and not AAAA, got {reply}")
