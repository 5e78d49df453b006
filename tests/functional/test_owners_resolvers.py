"""O1, O3, D1, D2, D3: ANAME at any owner, before resolvers that validate and keep denials.

unbound, BIND and PowerDNS Recursor draw conclusions from what they have seen (RFC 8198), and all of
them ask for names label by label (RFC 9156). What they say is compared with what the zone's text
says, see harness/oracle.py: nothing may be bogus, and no denial may hide what is there.
"""

import contextlib
import os
import random
import shutil
import tempfile
import time

import dns.flags
import dns.name
import pytest
from harness import (
    A1, A2, AAAA1, AAAA2, SIBLING_A, SIBLING_AAAA, NoReply, aname, eventually, in_time, zone_text,
)
from harness.knotd import section
from harness.oracle import Declared, Zone
from harness.owners import PLAIN, SHARED, ask, needs_any, shared, warm
from harness.proofs import listed
from harness.random_zone import LABELS, TARGETS, Maker, random_name
from harness.signatures import Keys, verify
from harness.signing import CHAINS, SIGNED, online
from harness.validator import (
    KNOTD, ValidatingNamed, ValidatingRecursor, ValidatingUnbound, ds_records, signed,
)

pytestmark = needs_any
SEED = int(os.environ.get("ANAME_SEED", "20261128"))
RESOLVERS = {
    "unbound": lambda at, zones: ValidatingUnbound(at, zones, server=SHARED, minimise=True),
    "named": lambda at, zones: ValidatingNamed(at, zones, minimise=True),
    "recursor": lambda at, zones: ValidatingRecursor(
        at, {**zones, ".": signed(".", PLAIN)}, root=OTHERS),
}
KINDS = ["unsigned", *CHAINS, "online"]
ZONES_OF_A_KIND = 3
ROUNDS = 120
# As long a chain of aliases as all resolvers follow.
MOST_ALIASES = 6
ADDRESSES = {"A", "AAAA"}
ANAME_TYPE = "TYPE65305"
TYPES = ["A"] * 4 + ["AAAA"] * 4 + [
    "TXT", "MX", "CAA", "CNAME", "DS", "NS", "SOA", "HTTPS", "DNAME", ANAME_TYPE]

BOTH, FOUR, SIX, NONE = (f"{name}.t.example" for name in ("both", "four", "six", "none"))
# Each case by hand, one kind of denial after the other; the names beside them are in BESIDE.
ANAMES = {
    "@": (BOTH,), "shop": (BOTH,), "four": (FOUR,), "six": (SIX,), "none": (NONE,), "sib": (FOUR,),
    "a.b.c": (FOUR,), "*.w": (BOTH,), "*.deep.w": (FOUR,), "*.six": (SIX,), "*.none": (NONE,),
    "pool": (FOUR, SIX), "half": ("half.t.example",), "fail": ("fail.t.example",),
    "*.two.w": (SIX,), "cut": (BOTH,), "ns.cut": (BOTH,), "safe": (FOUR,),
}
# Where the root is, and the children of the zones made by hand.
OTHERS = "127.0.0.58"
RECORDS = [
    f"sib IN A {SIBLING_A}", f"sib IN AAAA {SIBLING_AAAA}", 'shop IN TXT "t"', "shop IN MX 10 shop",
    'text.w IN TXT "t"', '*.w IN TXT "w"', "leaf.ent.w IN A 198.51.100.9", "www IN CNAME shop",
    "tofour IN CNAME four", "tonone IN CNAME none", "*.wc IN CNAME x.w", "towild IN CNAME y.x.six",
    "tono IN CNAME nowhere", "d IN DNAME w", "static IN A 198.51.100.10",
    "static.w IN A 198.51.100.11", "cut IN NS ns.cut", f"ns.cut IN A {OTHERS}",
    "safe IN NS ns.safe", f"ns.safe IN A {OTHERS}",
]
BESIDE = ["x", "y.x", "ent", "deep", "w", "zz", "0", "shop0", "b", "c"]
# What the children have, on a server of their own.
CHILD_RECORDS = ["@ IN A 198.51.100.20", "www IN A 198.51.100.21", "*.w IN A 198.51.100.22"]
# A target that changes, and what leads to it.
MOVING = "moving.t.example"
STATES = [({A1}, {AAAA1}), ({A2}, set()), (set(), {AAAA2}), (set(), set()), ({A1}, {AAAA1})]
LEADING = ["@", "shop", "x.w", "y.x.w", "www", "x.d"]
MOVING_RECORDS = [
    *(aname(MOVING, owner=owner) for owner in ("@", "shop", "*.w")),
    "www IN CNAME shop", "d IN DNAME w", 'text.w IN TXT "t"',
]


def text_of(origin, records, at=KNOTD):
    """The text of a zone whose server is at that address."""
    return zone_text(origin, records).replace("198.51.100.53", at)


def add_zone(servers, origin, kind, records):
    """Put it on the server, which counts what it is asked for it."""
    modules = ["mod-stats/types", servers.any.aname]
    options = {}
    if kind == "online":
        modules.append("mod-onlinesign/online")
    elif kind != "unsigned":
        options = {**SIGNED, "dnssec-policy": kind}
    servers.any.add_zone(origin, text=text_of(origin, records), modules=modules,
                         zone_options=options)


class Asked:
    """A zone with what is known of it."""

    def __init__(self, kind, declared):
        self.kind = kind
        self.origin = declared.origin
        self.apex = dns.name.from_text(declared.origin)
        self.records = declared.records
        static, self.failing, _ = declared.static(TARGETS, zone_text)
        self.truth = Zone(text_of(self.origin, static), self.origin)

    def add(self, servers):
        add_zone(servers, self.origin, self.kind, self.records)

    def names(self):
        return sorted(name.to_text() for name in self.truth.exists)

    def judge(self, reply, outcome):
        """The reply of a resolver is what the zone's text says, and authentic."""
        at = outcome.source or outcome.name
        if outcome.kind in ("data", "nodata") and reply.type in self.failing.get(at, ()):
            reply.expect(rcode="SERVFAIL", aa=None, a=(), aaaa=())
            return
        gone = outcome.kind == "nxdomain" and self.kind != "online"
        reply.expect(rcode="NXDOMAIN" if gone else "NOERROR", aa=None,
                     soa=outcome.kind in ("nodata", "nxdomain"))
        wanted = {*outcome.chain, *[(outcome.name, reply.type)] * bool(outcome.rdatas)}
        found = {(name, kind) for name, _, kind, _ in reply.section("answer") if kind != "RRSIG"}
        # unbound repeats an alias above the name, if that led to nothing.
        assert found == wanted or (outcome.kind == "nxdomain" and not wanted), (
            f"expected {wanted}, got {reply}")
        if reply.type in ADDRESSES:
            assert reply.addresses() == outcome.rdatas, f"expected {outcome.rdatas}, got {reply}"
        authentic = bool(reply.message.flags & dns.flags.AD)
        if self.kind == "unsigned" or self._must_be_authentic(outcome):
            assert authentic == (self.kind != "unsigned"), f"AD={authentic} of {reply}"

    def _must_be_authentic(self, outcome):
        """What rests on a span of NSEC3 with opt-out is not (RFC 5155, 9.2)."""
        if self.kind != "opt-out":
            return True
        names = [outcome.name, *(name for name, _ in outcome.chain)]
        return outcome.kind != "nxdomain" and all(
            name in self.truth.nodes and {"NS", "SOA", "DS"} & set(self.truth.node(name)) != {"NS"}
            for name in names)


class Served:
    """The servers, with all zones, and a resolver of each kind as soon as it is wanted."""

    def __init__(self, servers, zones, stack):
        self.servers = servers
        self.zones = zones
        kinds = {zone.origin: zone.kind for of_kind in zones.values() for zone in of_kind}
        kinds.update({moving(kind): kind for kind in KINDS})
        self.points = {
            origin: signed(origin, SHARED) if kind != "unsigned" else []
            for origin, kind in kinds.items()
        }
        self._stack = stack
        self._resolvers = {}

    def resolver(self, name):
        if name not in self._resolvers:
            directory = tempfile.mkdtemp(prefix=f"aname-{name}-")
            self._stack.callback(shutil.rmtree, directory, ignore_errors=True)
            resolver = RESOLVERS[name](directory, self.points)
            self._stack.callback(resolver.kill)
            resolver.start()
            self._resolvers[name] = resolver
        return self._resolvers[name]


def moving(kind):
    """The zone whose owners' target changes."""
    return f"moving-{kind}.example"


def made(kind, chance):
    """One zone by hand, and others at random."""
    by_hand = Declared(f"{kind}.example", RECORDS, ANAMES)
    others = [Maker(chance, f"{kind}{n}.example", easy=True).declared
              for n in range(1, ZONES_OF_A_KIND)]
    return [Asked(kind, declared) for declared in (by_hand, *others)]


def add_children(servers):
    """Beneath the zones made by hand, one without signatures and one with."""
    for server in (servers.any, servers.plain):
        for kind, options in CHAINS.items():
            server.sections.append(section("policy", kind, nsec3_iterations=0, nsec3_salt_length=0,
                                           **options))
    servers.plain.server["listen"] = [f"{OTHERS}@53", f"{PLAIN[0]}@{PLAIN[1]}"]
    for kind in KINDS:
        for label, options in (("cut", {}), ("safe", {**SIGNED, "dnssec-policy": "nsec"})):
            name = f"{label}.{kind}.example"
            text = zone_text(name, CHILD_RECORDS).replace("198.51.100.53", OTHERS)
            servers.plain.add_zone(name, text=text, zone_options=options)


def add_root(servers, origins):
    text = ". 60 IN SOA root. root. 1 3600 600 86400 60\n"
    text += f". 60 IN NS root.\nroot. 60 IN A {OTHERS}\n"
    for origin in origins:
        text += f"{origin}. 3600 IN NS ns.{origin}.\nns.{origin}. 3600 IN A {KNOTD}\n"
    servers.plain.add_zone(".", text=text,
                           zone_options={**SIGNED, "dnssec-policy": "nsec", "file": ".zone"})


def trust_children(servers, zones):
    """The parents get what makes the signed ones secure."""
    knotc = servers.any.knotc
    for parent, *_ in zones.values():
        child = f"safe.{parent.origin}"
        found = ds_records(child, signed(child, PLAIN))
        knotc("zone-begin", parent.origin)
        for ds in found:
            knotc("zone-set", parent.origin, "safe", "300", "DS", *ds.split())
        knotc("zone-commit", parent.origin)
        parent.truth.nodes[dns.name.from_text(child)]["DS"] = frozenset(found)


@pytest.fixture(scope="module", name="served")
def serve_all():
    chance = random.Random(SEED)
    with contextlib.ExitStack() as stack, shared() as servers:
        servers.hold({name: (target.a, target.aaaa) for name, target in TARGETS.items()})
        servers.any.options.update({"retry-max": 1})
        servers.any.server["listen"] = [f"{SHARED[0]}@{SHARED[1]}", f"{KNOTD}@53"]
        online(servers.any)
        servers.any.sections.append(section("mod-stats", "types", query_type=True))
        add_children(servers)
        zones = {kind: made(kind, chance) for kind in KINDS}
        for zone in (zone for of_kind in zones.values() for zone in of_kind):
            zone.add(servers)
        for kind in KINDS:
            add_zone(servers, moving(kind), kind, MOVING_RECORDS)
        add_root(servers, servers.any.zones)
        servers.start()
        trust_children(servers, zones)
        servers.authority.set(MOVING, *map(sorted, STATES[0]), ttl=2, negative_ttl=2)
        served = Served(servers, zones, stack)
        for zone in (zone for of_kind in zones.values() for zone in of_kind):
            warm([owner.to_text() for owner in zone.failing], do=True)
        yield served


@pytest.fixture(name="resolver", params=list(RESOLVERS))
def one_resolver(request, served):
    return served.resolver(request.param)


def leads_nowhere(zone, name):
    """Whether an alias above the name, which resolvers ask for first, leads to nothing.

    unbound takes that for all below it, and PowerDNS Recursor gives up where it goes in a circle.
    """
    while len(name) > len(zone.apex) + 1:
        name = name.parent()
        above = zone.truth.ask(name, "A")
        if above.chain and above.kind not in ("data", "nodata"):
            return True
    return False


def mixed(name, chance):
    return "".join(chance.choice((c.lower(), c.upper())) for c in name)


def knows(resolver, kind, chain, end):
    """Whether the resolver knows what to make of an alias in zones of that kind.

    PowerDNS Recursor denies names below a DNAME by its NSEC3 record, whose types it overlooks, and
    finds such a zone bogus where aliases lead to nothing.
    """
    aliases = {rdtype for _, rdtype in chain}
    hard = "DNAME" in aliases or (aliases and end == "nxdomain")
    return resolver.name != "recursor" or kind not in ("nsec3", "opt-out") or not hard


def is_clear(resolver, zone, name, rdtype, outcome):
    """Whether the resolver knows what to make of it; what it does not know has no ANAME in it."""
    return (
        outcome.kind in ("data", "nodata", "nxdomain")
        and len(outcome.chain) <= MOST_ALIASES
        # It would be the parent zone's.
        and (rdtype != "DS" or name != zone.apex)
        and not (outcome.chain and rdtype in ("CNAME", "DNAME", "DS"))
        and knows(resolver, zone.kind, outcome.chain, outcome.kind)
        and not any(leads_nowhere(zone, one)
                    for one in (name, outcome.name, *(alias for alias, _ in outcome.chain)))
    )


def question(resolver, zone, chance):
    """A name that has something to do with the zone's, a type, and what is to come of it."""
    names = zone.names()
    while True:
        name, turn = chance.choice(names), chance.random()
        if turn < 0.3:
            name = name.replace("*", chance.choice(LABELS + BESIDE), 1)
        elif turn < 0.5:
            name = f"{chance.choice(BESIDE)}.{name}"
        elif turn < 0.6:
            name = f"{random_name(chance)}.{zone.origin}."
        rdtype, qname = chance.choice(TYPES), dns.name.from_text(name)
        outcome = zone.truth.ask(qname, rdtype)
        if is_clear(resolver, zone, qname, rdtype, outcome):
            return mixed(name, chance), rdtype, outcome


def asked(resolver, name, rdtype):
    """A reply that is whole; like any client it asks again if none comes for 5 s."""
    try:
        reply = resolver.ask(name, rdtype, bufsize=4096, timeout=5.0)
    except NoReply:
        reply = None
    return reply if reply and not reply.tc else resolver.ask(name, rdtype, "tcp")


@pytest.mark.limit(120)
@pytest.mark.parametrize("kind", KINDS)
def test_O1_O3_D2_random_queries(served, resolver, kind):
    chance = random.Random(f"{SEED} {resolver.name} {kind}")
    for zone in served.zones[kind]:
        told = []
        for _ in range(ROUNDS):
            name, rdtype, outcome = question(resolver, zone, chance)
            told.append(f"{name} {rdtype}")
            try:
                zone.judge(asked(resolver, name, rdtype), outcome)
            except AssertionError as error:
                raise AssertionError(
                    f"ANAME_SEED={SEED}, query {len(told)} to {resolver.name}: {error}\nwhich is"
                    f" {outcome} of\n{text_of(zone.origin, zone.records)}\nafter {told}"
                ) from None


def asked_for(served, zone):
    """Queries for a zone that reached knotd."""
    stats = served.servers.any.stats(zone.origin, "mod-stats")
    return {key: count for key, count in stats.items() if key.startswith("query-type")}


def judged(zone, resolver, name, rdtype):
    reply = asked(resolver, name, rdtype)
    zone.judge(reply, zone.truth.ask(dns.name.from_text(name), rdtype))
    return reply


def test_O3_D2_denials_are_used_and_hide_nothing(served, resolver):
    """knotd is not asked any more for what the NSEC records of owners deny."""
    zone = served.zones["nsec"][0]
    owners = [name.to_text() for name in zone.truth.nodes
              if not {"NS", "CNAME", "DNAME"} & set(zone.truth.node(name)) and zone.apex != name
              and zone.truth.authoritative(name)]
    resolver.secure(zone.origin, "DNSKEY")
    judged(zone, resolver, zone.origin, "CAA")
    for name in owners:
        judged(zone, resolver, name, "CAA")
    gaps = ("0", "four", "mx", "none", "shop", "zz")
    for gap in gaps:
        judged(zone, resolver, f"{gap}0.{zone.origin}", "A")
    before = asked_for(served, zone)
    for number in range(1, 10):
        for gap in gaps:
            judged(zone, resolver, f"{gap}{number}.{zone.origin}", "A")
    for name in owners:
        judged(zone, resolver, name, "LOC")
    for name, rdtype in (("four", "AAAA"), ("six", "A"), ("none", "A"), ("none", "AAAA")):
        assert not judged(zone, resolver, f"{name}.{zone.origin}", rdtype).addresses()
    now = asked_for(served, zone)
    assert now == before, f"expected no query, got {before} before and {now} after"
    for name in owners:
        for rdtype in ADDRESSES:
            judged(zone, resolver, name, rdtype)


@pytest.mark.parametrize("kind", KINDS)
def test_O3_O1_delegations(served, resolver, kind):
    """The children have their own addresses; nobody sees the parent's ANAME records there."""
    zone = served.zones[kind][0]
    for child in ("cut", "safe"):
        name = f"{child}.{zone.origin}"
        reply = asked(resolver, name, "DS")
        assert reply.rcode == "NOERROR" and bool(reply.addresses()) == (child == "safe"), f"{reply}"
        for owner, address in (("", 20), ("www.", 21), ("x.w.", 22), ("no.", None)):
            reply = asked(resolver, f"{owner}{name}", "A")
            reply.expect(rcode="NOERROR" if address else "NXDOMAIN", aa=None,
                         a={f"198.51.100.{address}"} if address else ())
            authentic = bool(reply.message.flags & dns.flags.AD)
            assert authentic == (child == "safe" and kind != "unsigned"), f"AD={authentic}: {reply}"
            asked(resolver, f"{owner}{name}", "AAAA").expect(
                rcode="NOERROR" if address else "NXDOMAIN", aa=None, aaaa=(), soa=True)
    for rdtype, wanted in zip(("A", "AAAA"), ({OTHERS}, set())):
        reply = asked(resolver, f"ns.cut.{zone.origin}", rdtype)
        assert reply.addresses() <= wanted, f"expected no ANAME's, got {reply}"


class Moving:
    """What the resolvers say of names that lead to a target which changes."""

    def __init__(self, resolvers, chance):
        self.chance = chance
        self.questions = [
            (number, kind, moving(kind) if name == "@" else f"{name}.{moving(kind)}", rdtype)
            for number, resolver in enumerate(resolvers) for kind in KINDS for name in LEADING
            for rdtype in ("A", "AAAA") if self._shows(resolver, kind, name)
        ]
        self.resolvers = resolvers

    @staticmethod
    def _shows(resolver, kind, name):
        """Whether the resolver keeps a denial for as long as its own TTL says.

        In unsigned zones unbound keeps some for as long as a SOA record of the zone that came with
        another one, and PowerDNS Recursor those of a wildcard for as long as the NSEC record of the
        span that the name is in.
        """
        if resolver.name == "recursor":
            return kind in ("unsigned", "online") or name in ("@", "shop", "www")
        return resolver.name == "named" or kind != "unsigned"

    def _ask(self, number, name, rdtype):
        """BIND says SERVFAIL for a second or two where a set with a TTL of 0 becomes NODATA with
        one, of static records too. None has such a TTL here but on a busy machine.
        """
        def replied():
            reply = asked(self.resolvers[number], name, rdtype)
            passing = self.resolvers[number].name == "named" and reply.rcode == "SERVFAIL"
            assert not passing, f"expected another RCODE soon, got {reply}"
            return reply

        return eventually(replied, timeout=5)

    def look(self, question, states):
        """Which of the states the answer is of; it must be of one."""
        number, kind, name, rdtype = question
        resolver = self.resolvers[number]
        reply = self._ask(number, name, rdtype)
        found = reply.addresses()
        good = [state for state in states if state[rdtype == "AAAA"] == found]
        what = f"{resolver.name}, {states}"
        assert good and reply.rcode == "NOERROR", f"{what}: expected one of these, got {reply}"
        assert found or "SOA" in reply.types("authority"), f"{what}: expected a SOA, got {reply}"
        if kind not in ("unsigned", "opt-out"):
            assert reply.message.flags & dns.flags.AD, f"{what}: expected AD, got {reply}"
        return good

    def look_beside(self, question):
        """Have the resolver see the same owners' denials in other replies."""
        number, kind, name, _ = question
        name = self.chance.choice((name, f"{self.chance.choice(BESIDE)}.{moving(kind)}"))
        reply = self._ask(number, name, self.chance.choice(("CAA", "TXT", "LOC")))
        assert reply.rcode in ("NOERROR", "NXDOMAIN"), f"got {reply}"

    def settle(self, old, new, seconds):
        """Ask until all is new; until then some of it is old, and nothing is anything else."""
        pending = set(self.questions)
        start = time.monotonic()
        while pending:
            assert in_time(start, seconds), f"not of {new} after {seconds} s: {pending}"
            for one in self.chance.sample(sorted(pending), len(pending)):
                self.look_beside(one)
                if new in self.look(one, (old, new)):
                    pending.discard(one)
        for one in self.questions:
            self.look(one, (new,))


@pytest.mark.limit(120)
def test_O3_D2_a_target_gains_and_loses_families(served):
    """No denial outlives what it rests on, and none comes too early.

    With a TTL of 2 none is 0, mostly; see Moving._ask().
    """
    chance = random.Random(SEED)
    views = Moving([served.resolver(name) for name in RESOLVERS], chance)
    old = STATES[0]
    for new in STATES:
        served.servers.authority.set(MOVING, *map(sorted, new), ttl=2, negative_ttl=2)
        try:
            views.settle(old, new, 15)
        except AssertionError as error:
            raise AssertionError(f"ANAME_SEED={SEED}, {old} becomes {new}: {error}") from None
        old = new


def test_O3_D3_replies_signed_online(served, proto):
    """Whatever is asked, ANY too: with DO all is signed, and what does not exist is NODATA."""
    for zone in served.zones["online"]:
        chance, keys = random.Random(f"{SEED} {proto} {zone.origin}"), Keys(zone.origin)
        keys.learn(ask)
        for turn in range(ROUNDS):
            name, rdtype = chance.choice(names_near(zone, chance)), chance.choice([*TYPES, "ANY"])
            do = chance.random() < 0.6
            outcome = zone.truth.ask(dns.name.from_text(name), rdtype)
            if outcome.kind not in ("data", "nodata", "nxdomain"):
                continue
            reply = ask(mixed(name, chance), rdtype, proto, do=do, bufsize=4096)
            try:
                judge_online(zone, keys, reply, outcome, do)
            except AssertionError as error:
                raise AssertionError(
                    f"ANAME_SEED={SEED}, query {turn}, DO={do}: {error}\nwhich is {outcome} of\n"
                    f"{text_of(zone.origin, zone.records)}") from None


def names_near(zone, chance):
    names = zone.names()
    return [*names, *(f"{chance.choice(BESIDE)}.{name}" for name in names),
            *(name.replace("*", chance.choice(BESIDE), 1) for name in names if "*" in name)]


def judge_online(zone, keys, reply, outcome, do):
    at = outcome.source or outcome.name
    failing = zone.failing.get(at, ())
    if outcome.kind in ("data", "nodata") and reply.type in failing:
        reply.expect(rcode="SERVFAIL", aa=None, a=(), aaaa=())
        return
    gone = outcome.kind == "nxdomain" and not do
    reply.expect(rcode="NXDOMAIN" if gone else "NOERROR", ede=set())
    kinds = {kind for part in reply.records.values() for _, _, kind, _ in part}
    if reply.type == "ANY":
        for rdtype in ADDRESSES - set(failing):
            wanted = zone.truth.node(at).get(rdtype, set()) if outcome.kind != "nxdomain" else set()
            found = reply.addresses(rdtype)
            assert found == wanted or not outcome.chain, f"expected {wanted}, got {reply}"
    elif reply.type in ADDRESSES:
        assert reply.addresses() == outcome.rdatas, f"expected {outcome.rdatas}, got {reply}"
    if do:
        verify(reply, keys)
        for types, _ in listed(reply, outcome.name):
            # Of other names mod-onlinesign lists both, whatever they have.
            has = ADDRESSES & set(zone.truth.node(at))
            assert types & ADDRESSES == has or at not in zone.failing, f"{has}: {reply}"
            assert outcome.kind == "data" or reply.type not in types, f"not denied: {reply}"
    elif reply.type != "ANY":
        assert not kinds & {"RRSIG", "NSEC"}, f"expected no DNSSEC records, got {reply}"
