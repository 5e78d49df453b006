"""Q1 with `owners: any`: every owner of a zone, wildcards too, plain and signed."""

import dns.name
import dns.rdatatype
import pytest
from harness import A1, A2, AAAA1, ANAME_TTL, SERVER, aname, eventually, query, section
from harness.authority import ADDRESS
from harness.owners import LONG, ask, ask_plain, needs_any, shared, warm
from harness.proofs import listed, proven
from harness.signatures import Keys, verify
from harness.signing import CHAINS, SIGNED, online
from harness.validator import KNOTD, ValidatingNamed, ValidatingUnbound, signed

pytestmark = needs_any
TARGET, OTHER, GONE = "both.t.example", "four.t.example", "fail.t.example"
OWN = "1 . alpn=h2"
# Each a zone of its own on one server.
ZONES = {kind: f"{kind}.example" for kind in ("plain", *CHAINS)}
# Owners with an HTTPS record, and its target.
HAVE = {"@": TARGET, "shop": OTHER, "a.b.c": TARGET, "*.w": TARGET, "*.deep.w": OTHER,
        "fail": GONE, "top.deleg": TARGET}
# And those without.
HAVE_NOT = ["pool", "*.pool", "bad", "*.bad", "self", "*.self"]
RECORDS = [
    *(aname(target, owner=owner) for owner, target in HAVE.items()),
    *(aname(target, owner=owner) for target in (TARGET, OTHER) for owner in ("pool", "*.pool")),
    *(aname("denied.example", owner=owner) for owner in ("bad", "*.bad")),
    *(aname(TARGET, owner=owner) for owner in ("own", "*.own")),
    *(f"{owner} 600 IN HTTPS {OWN}" for owner in ("own", "*.own")),
    'shop IN TXT "t"', 'text.w IN TXT "t"', "leaf.ent.w IN A 198.51.100.9",
    "www IN CNAME shop", "*.wc IN CNAME x.w", "d IN DNAME w", "toown IN CNAME x.own",
    "cut IN NS ns.cut", "ns.cut IN A 198.51.100.54", aname(TARGET, owner="cut"),
    aname(TARGET, owner="x.cut"), "svc IN HTTPS 1 shop port=8443",
]
# Names, where they lead, whose record is there, and how many labels the signature has of its own.
ANSWERED = {
    "": ("", "@", 0), "shop": ("shop", "shop", 1), "a.b.c": ("a.b.c", "a.b.c", 3),
    "x.w": ("x.w", "*.w", 1), "y.x.w": ("y.x.w", "*.w", 1), "*.w": ("*.w", "*.w", 1),
    "x.deep.w": ("x.deep.w", "*.deep.w", 2), "www": ("shop", "shop", 1),
    "z.wc": ("x.w", "*.w", 1), "x.d": ("x.w", "*.w", 1), "fail": ("fail", "fail", 1),
    "top.deleg": ("top.deleg", "top.deleg", 2),
}


def full(name, zone):
    return zone if name in ("", "@") else f"{name}.{zone}"


def records(zone):
    """RECORDS, and owners whose targets are they themselves."""
    return [*RECORDS, aname(f"self.{zone}", owner="self"), aname(f"x.self.{zone}", owner="*.self")]


@pytest.fixture(scope="module", name="servers", autouse=True)
def shared_servers():
    with shared() as servers:
        servers.hold({TARGET: ({A1, A2}, {AAAA1}), OTHER: ({A1}, set())})
        servers.authority.fail(GONE)
        servers.any.options.update({"https": "alias", "deny-target": "denied.example"})
        for kind, options in CHAINS.items():
            for server in (servers.any, servers.plain):
                server.sections.append(section("policy", kind, **options))
        for kind, zone in ZONES.items():
            options = {} if kind == "plain" else {**SIGNED, "dnssec-policy": kind}
            servers.add_zone(zone, records(zone), zone_options=options)
        servers.start()
        for zone in ZONES.values():
            eventually(lambda: https(ask(zone, "HTTPS")), what=f"{zone}: the keys are there")
        yield servers


@pytest.fixture(params=list(ZONES), name="zone")
def zone_of_kind(request):
    return ZONES[request.param]


@pytest.fixture(name="keys")
def keys_of_zone(zone):
    keys = Keys(zone)
    return keys if keys.learn(ask) else None


def sound(name, rdtype, zone, keys, proto="udp", attempt=ask):
    """Ask; in a signed zone with DO, and the reply validates and proves what it says."""
    reply = attempt(full(name, zone), rdtype, proto, do=keys is not None, bufsize=4096)
    if keys is not None and reply.rcode != "SERVFAIL" and not reply.tc:
        verify(reply, keys)
        if rdtype not in ("ANY", "NSEC"):
            proven(reply, zone)
    return reply


def https(reply):
    return [(name, ttl, rdata) for name, ttl, kind, rdata in reply.section("answer")
            if kind == "HTTPS"]


def of(name, zone):
    return dns.name.from_text(full(name, zone))


@pytest.mark.parametrize("name", ANSWERED)
def test_Q1_O1_every_owner(zone, keys, proto, name):
    end, owner, labels = ANSWERED[name]
    reply = sound(name, "HTTPS", zone, keys, proto).expect(soa=False, ede=set())
    wanted = [(of(end, zone), ANAME_TTL, f"0 {HAVE[owner]}.")]
    assert https(reply) == wanted, f"expected {wanted}, got {reply}"
    if keys is not None:
        found = {rdata.labels for rrset in reply.message.answer
                 if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == dns.rdatatype.HTTPS
                 for rdata in rrset}
        assert found == {labels + 2}, f"expected {labels + 2} labels, got {reply}"
    # A mixed case of the question comes back as it was.
    mixed = full(name, zone).swapcase()
    assert https(ask(mixed, "HTTPS", proto)) == wanted


@pytest.mark.parametrize("name", [
    "pool", "x.pool", "bad", "x.bad", "self", "x.self", "y.x.self", "text.w", "ent.w", "deep.w", "c",
    "w", "wc.d.ent", "none", "x.shop", "x.text.w", "cut", "x.cut", "ns.cut",
])
def test_Q1_O1_and_no_other(zone, keys, proto, name):
    """Existing names, names below them, delegations, and those without a target to name."""
    reply = sound(name, "HTTPS", zone, keys, proto)
    assert not https(reply), f"expected none, got {reply}"
    static = ask_plain(full(name, zone), "HTTPS", proto)
    assert (reply.rcode, reply.aa) == (static.rcode, static.aa), f"expected {static}, got {reply}"


@pytest.mark.parametrize("name, end", [("own", "own"), ("x.own", "x.own"), ("toown", "x.own")])
def test_Q1_O1_the_zones_own_records_win(zone, keys, proto, name, end):
    reply = sound(name, "HTTPS", zone, keys, proto).expect(soa=False)
    assert https(reply) == [(of(end, zone), 600, '1 . alpn="h2"')], f"got {reply}"


def test_Q1_O1_A5_ANY(zone, keys, proto):
    for name, target in (("shop", OTHER), ("x.w", TARGET), ("fail", GONE)):
        reply = sound(name, "ANY", zone, None, proto)
        wanted = [(of(name, zone), ANAME_TTL, f"0 {target}.")]
        assert https(reply) == wanted, f"expected {wanted}, got {reply}"
    for name in ("pool", "x.bad", "self"):
        assert not https(sound(name, "ANY", zone, None, proto))


QUESTIONS = [
    *((owner, rdtype) for owner in (*HAVE, *HAVE_NOT)
      for rdtype in ("HTTPS", "CAA", "NSEC", "DS", "TYPE65305")),
    *((name, rdtype) for name in (
        "x.w", "x.deep.w", "y.x.w", "text.w", "ent.w", "x.pool", "x.bad", "no", "zz", "shop0",
        "poom", "x.shop", "b.c", "www", "z.wc", "x.d", "cut", "x.cut", "deleg", "svc", "0", "bae",
    ) for rdtype in ("HTTPS", "TXT", "DS")),
]


@pytest.mark.parametrize("kind", list(CHAINS))
def test_Q1_O3_D2_one_denial_whatever_is_asked(kind, proto):
    """Listed at every owner that has one, and at no other, in each reply there is."""
    zone = ZONES[kind]
    keys = Keys(zone)
    keys.learn(ask)
    warm([full(owner, zone) for owner in (*HAVE, *HAVE_NOT) if owner not in ("fail", "bad", "*.bad",
                                                                      "self", "*.self")], do=True)
    for owner in HAVE_NOT:
        # Whose an NSEC3 record is, is known when its owner was asked for.
        ask(full(owner, zone), "HTTPS", do=True)
    names = {owner: of(owner, zone) for owner in (*HAVE, *HAVE_NOT)}
    seen = dict.fromkeys(names, 0)
    for name, rdtype in QUESTIONS:
        reply = sound(name, rdtype, zone, keys, proto)
        if reply.tc:
            continue
        for owner, at in names.items():
            for types, _ in listed(reply, at):
                assert ("HTTPS" in types) == (owner in HAVE), f"{owner}: got {reply}"
                seen[owner] += 1
    rare = {owner: count for owner, count in seen.items() if count < 2}
    assert not rare, f"expected to see each owner's denial, seldom seen: {rare}"


def serve(knotd, authority, *lines, **options):
    """One zone for each kind of proof, with these records; their keys."""
    authority.set(TARGET, a=[A1], ttl=LONG, negative_ttl=LONG)
    authority.set(OTHER, a=[A1], ttl=LONG, negative_ttl=LONG)
    knotd.options.update({"owners": "any", "https": "alias", "resolver": ADDRESS, **options})
    knotd.server["listen"] = [f"{SERVER[0]}@{SERVER[1]}", f"{KNOTD}@53"]
    for kind, chain in CHAINS.items():
        knotd.sections.append(section("policy", kind, **chain))
        knotd.add_zone(ZONES[kind], lines, zone_options={**SIGNED, "dnssec-policy": kind})
    knotd.start()
    every = {}
    for kind in CHAINS:
        signed(ZONES[kind])
        every[kind] = Keys(ZONES[kind])
        every[kind].learn()
    return every


@pytest.mark.parametrize("turn", ["first", "after a reload"])
def test_Q1_O3_D2_owners_that_nobody_asked_for(knotd, authority, turn):
    """No reply to whatever question denies HTTPS where it is; and NODATA is proven at once."""
    owners = [f"o{n}" for n in range(20)] + [f"*.o{n}" for n in range(15, 25)]
    pools = [f"p{n}" for n in range(5)] + [f"*.p{n}" for n in range(3, 8)]
    every = serve(knotd, authority, *(aname(TARGET, owner=owner) for owner in owners),
                  *(aname(target, owner=owner) for owner in pools for target in (TARGET, OTHER)))
    if turn != "first":
        for kind in CHAINS:
            warm([full(owner, ZONES[kind]) for owner in (*owners, *pools)], attempt=query, do=True)
        knotd.reload()
    for kind, keys in every.items():
        zone = ZONES[kind]
        seen = 0
        for n in range(40):
            for rdtype in ("HTTPS", "CAA"):
                reply = sound(f"zz{n}", rdtype, zone, keys, "tcp", query)
                reply.expect(rcode="NXDOMAIN", soa=True)
                for owner in owners:
                    for types, _ in listed(reply, of(owner, zone)):
                        assert "HTTPS" in types, f"{owner} of {kind}: got {reply}"
                        seen += 1
        assert kind == "nsec" or seen > 5, f"expected to see some denials, got {seen}"
        for pool in pools:
            reply = sound(pool.replace("*", "x"), "HTTPS", zone, keys, "tcp", query)
            reply.expect(soa=True)
            found = [types for types, _ in listed(reply, of(pool, zone))]
            assert found and not any("HTTPS" in types for types in found), f"got {reply}"


def test_Q1_O3_it_follows_the_records(knotd, authority):
    lines = ['shop IN TXT "t"']
    every = serve(knotd, authority, *lines, aname(TARGET, owner="shop"), aname(TARGET, owner="*.w"))
    steps = [([aname(OTHER, owner="shop"), aname(OTHER, owner="*.w")], OTHER),
             ([aname(t, owner=o) for o in ("shop", "*.w") for t in (TARGET, OTHER)], None),
             ([aname(TARGET, owner="shop"), aname(TARGET, owner="*.w")], TARGET), ([], None)]
    for serial, (more, target) in enumerate(steps, 10):
        for kind, keys in every.items():
            zone = ZONES[kind]
            knotd.reload_zone(zone, [*lines, *more], serial=serial)
            for name, owner in (("shop", "shop"), ("x.w", "*.w")):
                reply = sound(name, "HTTPS", zone, keys, "tcp", query)
                found = [rdata for _, _, rdata in https(reply)]
                assert found == ([f"0 {target}."] if target else []), f"{more}: got {reply}"
                reply = sound(name, "CAA", zone, keys, "tcp", query)
                for types, _ in listed(reply, of(owner, zone)):
                    assert ("HTTPS" in types) == bool(target), f"{more}: got {reply}"


@pytest.mark.parametrize("kind", ["unbound", "named"])
def test_Q1_O3_validators(knotd, authority, directory, kind):
    """What a wildcard stands for, and what is missing, authentic both, by denials seen before."""
    every = serve(knotd, authority, aname(TARGET, owner="shop"), aname(TARGET, owner="*.w"),
                  "www IN CNAME shop", *(aname(t, owner="pool") for t in (TARGET, OTHER)))
    for chain in every:
        warm([f"shop.{ZONES[chain]}", f"x.w.{ZONES[chain]}"], attempt=query, do=True)
    resolver = (ValidatingUnbound if kind == "unbound" else ValidatingNamed)(
        directory, {ZONES[chain]: signed(ZONES[chain]) for chain in every})
    resolver.start()
    try:
        for zone in (ZONES[chain] for chain in every):
            for name in ("no", "zz", "shop0"):
                resolver.ask(f"{name}.{zone}", "HTTPS").expect(rcode="NXDOMAIN", aa=None)
            for name, end in (("shop", "shop"), ("a.w", "a.w"), ("b.w", "b.w"), ("www", "shop")):
                for rdtype in ("CAA", "HTTPS", "AAAA", "HTTPS"):
                    # Where opt-out is on, what there is no name for is not proven for sure.
                    asked = resolver.ask if "opt-out" in zone else resolver.secure
                    reply = asked(full(name, zone), rdtype)
                    found = [rdata for _, _, rdata in https(reply)]
                    wanted = [f"0 {TARGET}."] if rdtype == "HTTPS" else []
                    assert found == wanted, f"expected {wanted} at {end}, got {reply}"
            assert not https(resolver.secure(f"pool.{zone}", "HTTPS"))
    finally:
        resolver.kill()


def test_Q1_O3_D3_with_onlinesign(knotd, authority, proto):
    authority.set(TARGET, a=[A1], ttl=LONG, negative_ttl=LONG)
    knotd.options.update({"owners": "any", "https": "alias", "resolver": ADDRESS})
    zone = "online.example"
    knotd.add_zone(zone, [aname(TARGET, owner="shop"), aname(TARGET, owner="*.w"),
                          "www IN CNAME shop", aname(TARGET, owner="own"),
                          f"own 600 IN HTTPS {OWN}"], modules=online(knotd))
    knotd.start()
    keys = Keys(zone)
    eventually(lambda: keys.learn(), what="the keys are there")
    for name, end in (("shop", "shop"), ("x.w", "x.w"), ("www", "shop")):
        reply = query(full(name, zone), "HTTPS", proto, do=True).expect(soa=False)
        assert https(reply) == [(of(end, zone), ANAME_TTL, f"0 {TARGET}.")], f"got {reply}"
        verify(reply, keys)
        reply = query(full(name, zone), "CAA", proto, do=True).expect(soa=True)
        verify(reply, keys)
        found = [types for types, _ in listed(reply, of(end, zone))]
        assert found and all("HTTPS" in types for types in found), f"got {reply}"
    reply = query(f"own.{zone}", "HTTPS", proto, do=True)
    verify(reply, keys)
    assert https(reply) == [(of("own", zone), 600, '1 . alpn="h2"')], f"got {reply}"
