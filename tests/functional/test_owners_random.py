"""O1, O3, D2, Q1: random zones with ANAME anywhere, asked at random, against what the zone's text says.

Two things are known of each reply: what harness/oracle.py reads from the zone's text, and what a
knotd without the module says of the zone with addresses in the place of the ANAME records. Some of
the zones have `https: alias`.
"""

import os
import random

import dns.name
import pytest
from harness import zone_text
from harness.oracle import Zone
from harness.owners import LONG, ask, ask_plain, needs_any, shared, warm
from harness.proofs import listed, proven
from harness.random_zone import LABELS, TARGETS, Maker, random_name
from harness.signatures import Keys, verify
from harness.signing import CHAINS, SIGNED
from harness.knotd import section

pytestmark = needs_any
SEED = int(os.environ.get("ANAME_SEED", "20261127"))
ZONES_OF_A_KIND = 3
ROUNDS = 150
KINDS = ["unsigned", *CHAINS]

# Knot finds the name z.y by the label y\000z, too, so that label is for wildcards only.
OTHERS = ["new", "y\\000z"]
TYPES = ["A", "A", "A", "AAAA", "AAAA", "AAAA", "TXT", "MX", "SRV", "CAA", "CNAME", "DS", "NS",
         "SOA", "DNAME", "TYPE65305", "ANY", "HTTPS", "HTTPS"]
ADDRESSES = {"A", "AAAA"}
MADE = {*ADDRESSES, "HTTPS"}
# Each server has its own.
OF_THE_SERVER = {"SOA", "DNSKEY", "CDS", "CDNSKEY"}


class Walked:
    """A zone with what is known of it."""

    def __init__(self, kind, declared):
        self.kind = kind
        self.origin = declared.origin
        self.https = declared.https
        self.apex = dns.name.from_text(declared.origin)
        self.records = declared.records
        self.static, self.failing, self.fallen = declared.static(TARGETS, zone_text)
        self.zone = Zone(zone_text(self.origin, self.records), self.origin)
        self.truth = Zone(zone_text(self.origin, self.static), self.origin)
        self.owners = list(self.failing)
        self.keys = Keys(self.origin) if kind != "unsigned" else None
        self.bitmaps = {}

    def learn(self):
        for attempt in (ask, ask_plain) if self.keys else ():
            attempt(self.origin, "DNSKEY", "tcp")
        if self.keys:
            self.keys.learn(ask)


@pytest.fixture(scope="module", name="walked")
def walked_zones():
    chance = random.Random(SEED)
    with shared() as servers:
        servers.hold({name: (target.a, target.aaaa) for name, target in TARGETS.items()})
        servers.authority.nxdomain("gone.t.example", negative_ttl=LONG)
        servers.any.sections.append(
            section("mod-aname", "https", **servers.any.options, https="alias"))
        zones = {}
        for kind in KINDS:
            if kind != "unsigned":
                for server in (servers.any, servers.plain):
                    server.sections.append(section("policy", kind, nsec3_iterations=0,
                                                   nsec3_salt_length=0, **CHAINS[kind]))
            for number in range(ZONES_OF_A_KIND):
                https = number != 1
                zone = Walked(kind, Maker(chance, f"{kind}{number}.example", https=https).declared)
                options = {} if kind == "unsigned" else {**SIGNED, "dnssec-policy": kind}
                servers.add_zone(zone.origin, zone.records, zone.static, zone_options=options,
                                 modules=["mod-aname/https"] if https else None)
                zones[kind, number] = zone
        servers.start()
        for zone in zones.values():
            zone.learn()
            warm([owner.to_text() for owner in zone.owners], do=True)
        yield zones


def mixed(name, chance):
    return "".join(chance.choice((c.lower(), c.upper())) for c in name)


def question(zone, chance):
    """A name that has something to do with the zone's, a type, and what is to come of it."""
    while True:
        name = chance.choice(sorted(zone.truth.exists)).to_text()
        turn = chance.random()
        if turn < 0.3:
            name = name.replace("*", chance.choice(LABELS + OTHERS), 1)
        elif turn < 0.5:
            name = f"{chance.choice(OTHERS)}.{name}"
        elif turn < 0.65:
            name = f"{random_name(chance)}.{name}"
        elif turn < 0.75:
            name = f"{random_name(chance)}.{zone.origin}."
        name, rdtype = mixed(name, chance), chance.choice(TYPES)
        outcome = zone.truth.ask(dns.name.from_text(name), rdtype)
        if outcome.kind != "unclear":
            return name, rdtype, outcome


@pytest.mark.limit(120)
@pytest.mark.parametrize("number", range(ZONES_OF_A_KIND))
@pytest.mark.parametrize("kind", KINDS)
def test_O1_O3_D2_Q1_random_zones(walked, kind, number):
    zone = walked[kind, number]
    chance = random.Random(f"{SEED} {kind} {number}")
    text = zone_text(zone.origin, zone.records)
    wrong = 0
    for turn in range(ROUNDS):
        name, rdtype, outcome = question(zone, chance)
        how = {"do": chance.random() < 0.7, "bufsize": chance.choice((512, 1232, 4096, 4096))}
        proto = chance.choice(("udp", "udp", "udp", "tcp"))
        static = ask_plain(name, rdtype, "tcp", do=how["do"])
        reply = ask(name, rdtype, proto, **how)
        by_knot = mistake(zone, static, outcome, how["do"])
        wrong += by_knot is not None
        try:
            check(zone, reply, static, outcome, how, by_knot is None)
        except AssertionError as error:
            raise AssertionError(
                f"ANAME_SEED={SEED}, query {turn}, {how}: {error}\nwhich is {outcome} of\n{text}"
            ) from None
    assert wrong <= ROUNDS // 10, f"{wrong} replies without the module not as expected; {by_knot}"


def mistake(zone, static, outcome, do):
    """What is not as expected of the server without the module, or None.

    Knot does not get everything right with labels that hold an octet of zero, wildcards of which
    only something below is there, and unsigned delegations below nothing in opt-out zones.
    """
    try:
        as_the_text_says(zone, static, outcome)
        if zone.keys and do and static.type != "ANY":
            proven(static, zone.origin)
    except AssertionError as error:
        return error
    return None


def check(zone, reply, static, outcome, how, right):
    at = outcome.source or outcome.name
    if not right:
        return
    if outcome.kind in ("data", "nodata") and reply.type in zone.failing.get(at, ()):
        reply.expect(rcode="SERVFAIL", aa=None, a=(), aaaa=(), tc=False)
        return
    signed = zone.keys is not None and how["do"]
    kinds = {kind for part in reply.records.values() for _, _, kind, _ in part}
    if not signed and reply.type != "ANY":
        assert not kinds & {"RRSIG", "NSEC", "NSEC3"}, f"expected no DNSSEC records, got {reply}"
    if reply.tc:
        if ADDRESSES & reply.types() and not outcome.chain:
            # What was to prove it did not fit. Behind an alias Knot may have truncated first.
            assert reply.addresses() == outcome.rdatas, f"expected no part of a set, got {reply}"
        return
    as_the_text_says(zone, reply, outcome)
    addresses_of_any(zone, reply, at)
    as_if_static(zone, reply, static, all_of_it=reply.proto == "tcp" or how["bufsize"] == 4096)
    if signed:
        one_denial(zone, reply)
        # The first set of records, which is what ANY gets, may be signatures alone.
        if reply.type != "ANY":
            verify(reply, zone.keys)
            proven(reply, zone.origin)


def as_the_text_says(zone, reply, outcome):
    if reply.type == "ANY":
        assert reply.rcode == ("NXDOMAIN" if outcome.kind == "nxdomain" else "NOERROR"), f"{reply}"
        return
    reply.expect(rcode="NXDOMAIN" if outcome.kind == "nxdomain" else "NOERROR",
                 aa=outcome.kind != "referral" or bool(outcome.chain),
                 soa=outcome.kind in ("nodata", "nxdomain"))
    wanted = [*outcome.chain, *[(outcome.name, reply.type)] * len(outcome.rdatas)]
    found = [(name, kind) for name, _, kind, _ in reply.section("answer") if kind != "RRSIG"]
    assert found == wanted, f"expected {wanted}, got {reply}"
    if reply.type in ADDRESSES:
        assert reply.addresses() == outcome.rdatas, f"expected {outcome.rdatas}, got {reply}"


def addresses_of_any(zone, reply, at):
    if reply.type != "ANY" or at not in zone.failing:
        return
    for rdtype in MADE - zone.failing[at]:
        wanted = zone.truth.node(at).get(rdtype, set())
        found = reply.addresses(rdtype)
        # Of the zone's own Knot gives some set.
        own = rdtype in zone.fallen[at] or (rdtype == "HTTPS" and "HTTPS" in zone.zone.node(at))
        good = found <= wanted if own else found == wanted
        assert good, f"expected {rdtype} {wanted}, got {reply}"


def comparable(reply, section):
    """The records without what differs between two servers."""
    found = set()
    for name, _, kind, rdata in reply.section(section):
        if kind == "RRSIG":
            rdata = rdata.split()[0], rdata.split()[2]
        elif kind in OF_THE_SERVER:
            rdata = None
        found.add((name, kind, rdata))
    return found


def as_if_static(zone, reply, static, all_of_it):
    assert (reply.rcode, reply.aa) == (static.rcode, static.aa), f"expected {static}, got {reply}"
    sections = ["answer", "authority"]
    if reply.type == "ANY":
        return
    if reply.type == "TYPE65305":
        # A family that is missing is proven there (A4).
        sections.remove("authority")
    for part in sections:
        wanted, found = comparable(static, part), comparable(reply, part)
        assert found == wanted, f"{part}: expected {wanted - found}, and not {found - wanted}," \
            f" of\n{static}\ngot {reply}"
    if not all_of_it or reply.type == "TYPE65305":
        return
    wanted, found = comparable(static, "additional"), comparable(reply, "additional")
    assert found <= wanted, f"additional: expected no {found - wanted} of\n{static}\ngot {reply}"
    missing = {one for one in wanted - found if is_needed(zone, *one[:2])}
    assert not missing, f"additional: expected {missing} of\n{static}\ngot {reply}"


def is_needed(zone, name, kind):
    """Knot adds addresses only where the zone itself has some (A3)."""
    outcome = zone.truth.ask(name, "A")
    owner = outcome.source or outcome.name
    return owner not in zone.failing or (
        kind in zone.zone.node(owner) and kind not in zone.failing[owner] | zone.fallen[owner])


def one_denial(zone, reply):
    """What a reply says of an owner all say, and it is what the targets have (D2)."""
    for owner in zone.owners:
        node = zone.truth.node(owner)
        for types, _ in listed(reply, owner):
            wanted = MADE & set(node)
            assert types & MADE == wanted, f"{owner}: expected {wanted}, got {reply}"
