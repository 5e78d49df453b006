"""The servers and zones of a run, and what the judge has to know of them.

One knotd with a zone of each kind, unbound, a resolver that lies, and addresses that are probed.
"""

import dataclasses
import os

from harness import siblings
from harness.ask import SERVER
from harness.authority import ADDRESS, SCRIPTED
from harness.endpoints import Endpoints
from harness.follow import ALGORITHM, KEPT, KEY, SECRET, Follow
from harness.knotd import RELEASE, Knotd, section
from harness.scenario import SIBLING_A, SIBLING_AAAA
from harness.signatures import Keys
from harness.signing import CHAINS
from harness.unbound import Unbound
from harness.wait import SLOW, eventually
from harness.zone import aname
from history import Journal, Spells, Stalls, Timeline
from targets import Servers, Targets

STATIC, STATIC_ADDRESS = "static.example", "198.51.100.7"
ANY = RELEASE >= (3, 3, 5)
# Lifetimes are no longer than this, whatever a reload makes of them.
LIFE_S = 3
TIMEOUT_MS = 1000
STATE_S = 2
PROBE_PORT = 8443
QUICK = {"dnskey-ttl": 1, "zone-max-ttl": 4, "propagation-delay": 1, "rrsig-refresh": 5,
         "rrsig-pre-refresh": 1, "rrsig-lifetime": 14400, "delete-delay": 0}
# Who asks whom, and what else has to work for that.
SCOPES = {"unbound": ("unbound", "authority"), "system": ("unbound", "authority"),
          "direct": ("authority",), "liar": ("liar",),
          # One section has these by turns.
          "unbound-first": ("unbound", "authority", "unbound-first"),
          "unbound-second": ("unbound", "authority", "unbound-second")}
CATALOG = "catalog.invalid"


@dataclasses.dataclass
class Section:
    """One of the module's, with its options as they are now.

    stale_s: how long what has expired is kept in an outage; None: longer than any run
    choice: "union", "weighted", "probed" or "subnets"
    """

    name: str
    upstream: str
    options: dict
    stale_s: int = None
    choice: str = "union"


@dataclasses.dataclass
class Owner:
    """An owner of ANAME records. targets: the history of the names that they hold."""

    name: str
    zone: object
    targets: Timeline
    siblings: dict


@dataclasses.dataclass
class Zone:
    """A zone. chain: how it is signed, "online", or None; own: its other records, as text."""

    name: str
    section: Section
    chain: str = None
    own: tuple = ()
    owners: dict = dataclasses.field(default_factory=dict)
    serial: int = 1
    keys: Keys = None
    # Aliases and wildcards that lead to an owner: {label: label of the owner}.
    aliases: dict = dataclasses.field(default_factory=dict)
    options: dict = dataclasses.field(default_factory=dict)
    # Whether it comes from a catalog, and whether kaname follow writes into it.
    member: bool = False
    followed: bool = False
    present: Timeline = dataclasses.field(default_factory=lambda: Timeline(True))
    text: Timeline = dataclasses.field(default_factory=lambda: Timeline("0"))

    def records(self):
        lines = [*self.own, f'text 3600 IN TXT "{self.text.now}"']
        for label, owner in self.owners.items():
            lines += [aname(target, owner=label) for target in owner.targets.now]
        return lines


ALIASES = {"www": "@", "x.wild": "@"}
ALIAS_RECORDS = ("www IN CNAME @", "*.wild IN CNAME @", "@ IN MX 10 @", "@ IN TXT text",
                 "ns2 IN A 198.51.100.54", "a.b.c IN A 198.51.100.55")
BOTH = tuple(siblings())
ADDRESS_OF = {"A": SIBLING_A, "AAAA": SIBLING_AAAA}


class World:
    """All of it. `start`, then events change it, then `finish`."""

    def __init__(self, directory):
        self.directory = directory
        self.servers = Servers()
        self.journal = Journal()
        self.spells = Spells()
        self.stalls = Stalls(self.spells)
        self.targets = Targets(self.servers, self.spells)
        self.knotd = Knotd(directory)
        # It caches nothing, and tells the TTLs as they are.
        self.unbound = Unbound(directory, cache_ttl=60, negative_ttl=60)
        self.sections, self.zones = {}, {}
        self.probed = [f"127.0.1.{number}" for number in range(1, 5)]
        self.endpoints = Endpoints(self.probed, PROBE_PORT)
        # Of each address, whether somebody listens there.
        self.alive = {address: Timeline(True) for address in self.probed}
        # While it is so a resolver says that there is nothing, though there is.
        self.negative = Spells()
        # Which of its processes it is.
        self.generation = 0
        self.follow = None
        # Since when the other resolver of the section "other" is not asked.
        self.away = None
        # Of all sections.
        self.ttl_max = Timeline(2)
        self._sections()
        self._zones()
        self._configure()

    def _sections(self):
        common = {"ttl-max": 2, "retry-max": 2, "timeout": TIMEOUT_MS, "https": "alias",
                  "state-interval": STATE_S}
        resolver = {"resolver": "127.0.0.1"}

        def add(name, upstream, more, **how):
            self.sections[name] = Section(name, upstream, {**common, **more}, **how)

        add("main", "unbound", resolver)
        add("short", "unbound", {**resolver, "stale-max": 4}, stale_s=4)
        add("weighted", "unbound", {**resolver, "weight": ["w1.u.example@3", "w2.u.example@1"]},
            choice="weighted")
        add("probed", "unbound", {
            **resolver, "probe": "tcp", "probe-port": PROBE_PORT, "probe-interval": 1,
            "probe-timeout": 400, "probe-fall": 2, "probe-rise": 1}, choice="probed")
        add("system", "system", {})
        add("other", "unbound-first", resolver)
        add("liar", "liar", {"resolver": SCRIPTED})
        add("subnets", "direct", {"resolver": ADDRESS, "ecs": True}, choice="subnets")
        if ANY:
            add("any", "unbound", {**resolver, "owners": "any"})

    def _zones(self):
        zone = self._zone
        zone("plain.example", "main", {"@": ["plain.u.example"]})
        zone("short.example", "short", {"@": ["short.u.example"]}, own=BOTH)
        zone("half.example", "short", {"@": ["half.u.example"]}, own=BOTH[:1])
        zone("bare.example", "short", {"@": ["bare.u.example"]}, chain="nsec")
        zone("nsec.example", "main", {"@": ["nsec.u.example"]}, chain="nsec", own=BOTH)
        zone("nsec3.example", "main", {"@": ["nsec3.u.example"]}, chain="nsec3")
        zone("optout.example", "main", {"@": ["optout.u.example"]}, chain="opt-out", own=BOTH)
        zone("online.example", "main", {"@": ["online.u.example"]}, chain="online")
        zone("pool.example", "main", {"@": [f"p{number}.u.example" for number in range(3)]},
             chain="nsec")
        zone("weighted.example", "weighted", {"@": [f"w{n}.u.example" for n in (1, 2, 3)]},
             chain="nsec3")
        zone("probed.example", "probed", {"@": ["h1.u.example", "h2.u.example"]})
        zone("system.example", "system", {"@": ["system.s.example"]}, own=BOTH)
        zone("other.example", "other", {"@": ["other.u.example"]}, chain="nsec", own=BOTH)
        zone("liar.example", "liar", {"@": ["liar.l.example"]}, chain="nsec3")
        zone("liars.example", "liar", {"@": ["l1.l.example", "l2.l.example"]}, own=BOTH)
        zone("subnets.example", "subnets", {"@": ["subnets.d.example"]})
        zone("rolling.example", "main", {"@": ["rolling.u.example"]}, chain="rolling")
        kept = {"zone-options": {**KEPT, "acl": [KEY, "transfer"]}}
        changed = {"zone-options": {"acl": KEY}}
        zone("dynamic.example", "main", {"@": ["d0.u.example"]}, chain="nsec", **changed)
        zone("control.example", "main", {"@": ["c0.u.example"]}, **changed)
        zone("follow.example", "main", {"@": ["follow.u.example"]}, followed=True, **kept)
        zone("extra.example", "main", {"@": ["extra.u.example"]}, present=Timeline(False))
        for number in range(3):
            zone(f"member{number}.example", "main", {"@": [f"m{number}.u.example"]},
                 present=Timeline(number > 0), member=True)
        if ANY:
            zone("any.example", "any", {"@": ["any.u.example"], "host": ["host.u.example"],
                                        "*.star": ["star.u.example"]},
                 chain="nsec3", own=("to IN CNAME host", "host IN TXT text"),
                 aliases={**ALIASES, "to": "host", "a.star": "*.star"})
        # Names that records are changed to.
        for name in ("d1", "d2", "c1", "c2"):
            self.targets.add(f"{name}.u.example", "unbound")

    def _zone(self, name, section_name, owners, own=(), present=None, **how):
        options = how.pop("zone-options", {})
        how.setdefault("aliases", ALIASES)
        made = Zone(name, self.sections[section_name], own=(*ALIAS_RECORDS, *own),
                    options=options, **how)
        if present is not None:
            made.present = present
        fixed = {"h1.u.example": {"A": self.probed[:2]}, "h2.u.example": {"A": self.probed[2:]}}
        for label, targets in owners.items():
            for target in targets:
                self.targets.add(target, made.section.upstream, fixed=fixed.get(target),
                                 subnets=made.section.choice == "subnets")
            found = {rdtype: {ADDRESS_OF[rdtype]} if any(f" {rdtype} " in one for one in own)
                     else set() for rdtype in ADDRESS_OF} if label == "@" else {}
            full = name if label == "@" else f"{label}.{name}"
            made.owners[label] = Owner(full, made, Timeline(tuple(targets)), found)
        if made.chain:
            made.keys = Keys(name)
        self.zones[name] = made

    def _configure(self):
        knotd = self.knotd
        knotd.server.update({"listen": f"{SERVER[0]}@{SERVER[1]}", "edns-client-subnet": True,
                             "tcp-workers": 6, "background-workers": 2})
        chains = {**CHAINS, "rolling": QUICK}
        knotd.sections += [
            section("policy", name, nsec3_iterations=0 if how.get("nsec3") else None, **how)
            for name, how in chains.items()
        ]
        knotd.sections += [
            section("policy", "online", algorithm="ecdsap256sha256", single_type_signing=True),
            section("mod-onlinesign", "online", policy="online"),
            section("key", KEY, algorithm=ALGORITHM, secret=SECRET),
            section("acl", KEY, key=KEY, action="[update, transfer]"),
            section("acl", "transfer", address="127.0.0.1", action="transfer"),
        ]
        self.template = section("template", "member", storage=knotd.zone_directory,
                                file="%s.zone", zonefile_sync=-1, module="mod-aname/main")
        self.base = list(knotd.sections)
        knotd.add_zone(STATIC, [f"@ IN A {STATIC_ADDRESS}"], modules=[])
        for zone in self.zones.values():
            if zone.member or not zone.present.now:
                knotd.write_zone(zone.name, zone.records())
                continue
            modules = [f"mod-aname/{zone.section.name}"]
            options = dict(zone.options)
            if zone.chain == "online":
                modules.append("mod-onlinesign/online")
            elif zone.chain:
                options |= {"dnssec-signing": True, "dnssec-policy": zone.chain}
            knotd.add_zone(zone.name, zone.records(), modules=modules, zone_options=options)
        self.catalog = Zone(CATALOG, None)
        knotd.add_zone(CATALOG, self.catalog_records(), modules=[], zone_options={
            "catalog-role": "interpret", "catalog-template": "member"})
        self.write_sections()

    def write_sections(self):
        self.knotd.sections = [*self.base, *(
            section("mod-aname", one.name, **one.options) for one in self.sections.values()),
            self.template]

    def catalog_records(self):
        return ["version 0 TXT 2", *(
            f"{zone.name.split('.')[0]}.zones 0 PTR {zone.name}." for zone in self.zones.values()
            if zone.member and zone.present.now)]

    # Running it.

    def start(self):
        self.stalls.start()
        self.unbound.start()
        self.endpoints.start()
        self.start_knotd()
        self.start_follow()

    def start_knotd(self):
        """Until it has loaded everything."""
        self.knotd.start(ready=(STATIC,))
        for zone in self.zones.values():
            if zone.present.now:
                eventually(lambda name=zone.name: self.knotd.loaded(name), timeout=20)
                self.learn(zone)

    def start_follow(self):
        self.follow = Follow(self.knotd, "follow.example")
        self.follow.start()

    @staticmethod
    def learn(zone):
        if zone.keys:
            eventually(zone.keys.learn, timeout=20 * SLOW, what=f"{zone.name} has keys")

    def scopes(self, zone):
        """What has to work for a zone's targets to be looked up."""
        return ("knotd", "stall", *SCOPES[zone.section.upstream])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.knotd.pid}/fd"))

    def close(self):
        for daemon in (self.follow, self.knotd, self.unbound):
            if daemon is not None:
                daemon.kill()
        self.endpoints.kill()
        self.servers.close()
