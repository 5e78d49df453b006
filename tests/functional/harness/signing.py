"""Zones that Knot signs, and the ways to sign them."""

from .ask import SERVER
from .knotd import section
from .scenario import A1, A2, AAAA1, AAAA2, TARGET, ZONE
from .validator import KNOTD, signed
from .zone import aname

SIGNED = {"dnssec-signing": True, "dnssec-policy": "test"}
CHAINS = {
    "nsec": {},
    "nsec3": {"nsec3": True},
    "opt-out": {"nsec3": True, "nsec3-opt-out": True},
}
RECORDS = [
    "www IN CNAME @",
    "one IN CNAME two",
    "two IN CNAME @",
    "*.wild IN CNAME @",
    "under IN DNAME @",
    "@ IN MX 10 @",
    "@ IN TXT text",
    "sub IN NS ns.sub",
    "ns.sub IN A 198.51.100.54",
    "a.b.c IN A 198.51.100.55",
]


def policy(knotd, **options):
    """The policy that SIGNED names."""
    knotd.sections.append(section("policy", "test", **options))


def serve(knotd, authority, *records, chain="nsec", zone=ZONE, target=TARGET, **how):
    """knotd with one signed zone."""
    authority.set(target, a=[A1, A2], aaaa=[AAAA1, AAAA2])
    policy(knotd, **CHAINS[chain], **how)
    knotd.server["listen"] = [f"{SERVER[0]}@{SERVER[1]}", f"{KNOTD}@53"]
    knotd.add_zone(zone, [aname(target), *RECORDS, *records], zone_options=SIGNED)
    knotd.start()
    return signed(zone)


def online(knotd, **options):
    """The module's list for a zone that is signed online, and the sections it needs."""
    knotd.sections.append(
        section("policy", "online", algorithm="ecdsap256sha256", single_type_signing=True)
    )
    knotd.sections.append(section("mod-onlinesign", "online", policy="online", **options))
    return [knotd.aname, "mod-onlinesign/online"]
