"""Validating resolvers in front of knotd: they tell a good answer from a bogus one."""

import os
import subprocess

import dns.flags

from .ask import SERVER, NoReply, query
from .process import Daemon
from .servers import named_argv
from .unbound import Unbound
from .wait import eventually

UNBOUND = "127.0.0.54"
NAMED = ("127.0.0.1", 5355)
# Where knotd listens on port 53 for named, whose static stubs know no other port.
KNOTD = "127.0.0.56"

NAMED_OPTIONS = """\
    recursion yes;
    allow-recursion { any; };
    dnssec-validation yes;
    synth-from-dnssec yes;
    qname-minimization disabled;
    minimal-responses no;
"""


def key_records(zone):
    """[(flags, protocol, algorithm, key)] of the zone as knotd serves them now, as text."""
    return [
        tuple(rdata.split(" ", 3)) for rdata in sorted(query(zone, "DNSKEY").addresses("DNSKEY"))
    ]


def anchors(zone):
    """The zone's secure entry points."""
    keys = key_records(zone)
    points = [key for key in keys if int(key[0]) & 1]
    return points or keys


def signed(zone):
    """Wait until knotd serves the zone signed, and return its secure entry points."""
    return eventually(lambda: anchors(zone), timeout=20, what=f"{zone} is signed")


class _Asked:
    """What both kinds have in common."""

    repeats = False

    def ask(self, name, rdtype="A", proto="udp", **how):
        """Ask as a client that wants to know whether the answer is authentic."""
        how.setdefault("timeout", 10.0)
        return query(
            name, rdtype, proto, server=self.address, rd=True, do=True, repeats=self.repeats, **how
        )

    def secure(self, name, rdtype="A", rcode="NOERROR", **how):
        """Ask; the answer must be authentic."""
        reply = self.ask(name, rdtype, **how)
        assert reply.rcode == rcode and reply.message.flags & dns.flags.AD, (
            f"expected {rcode} with AD from {self.name}, got"
            f" AD={bool(reply.message.flags & dns.flags.AD)} {reply}"
        )
        return reply


class ValidatingUnbound(_Asked, Unbound):
    """unbound, drawing conclusions from every denial it has seen (RFC 8198)."""

    def __init__(self, directory, zones, *, address=UNBOUND, cache=True, cache_ttl=86400):
        lines = ["  aggressive-nsec: yes", "  val-log-level: 2", "  val-clean-additional: yes"]
        for zone, points in zones.items():
            lines += [f'  trust-anchor: "{zone}. DNSKEY {" ".join(key)}"' for key in points]
        super().__init__(
            directory,
            address=address,
            cache=cache,
            cache_ttl=cache_ttl,
            negative_ttl=cache_ttl,
            stubs={zone: "127.0.0.1@5300" for zone in zones},
            modules="validator iterator",
            server="\n".join(lines),
        )

    def trust(self, zone):
        """Add the entry points that the zone has now, and go on with an empty cache of keys."""
        with open(self.conf, encoding="ascii") as conf:
            text = conf.read()
        lines = [f'  trust-anchor: "{zone}. DNSKEY {" ".join(key)}"\n' for key in anchors(zone)]
        added = "".join(line for line in lines if line not in text)
        with open(self.conf, "w", encoding="ascii") as conf:
            conf.write(text.replace("server:\n", f"server:\n{added}", 1))
        subprocess.run(
            ["unbound-control", "-c", self.conf, "reload"],
            check=True, timeout=10, stdout=subprocess.DEVNULL,
        )

    def flush_zone(self, zone):
        subprocess.run(
            ["unbound-control", "-c", self.conf, "flush_zone", zone],
            check=True, timeout=10, stdout=subprocess.DEVNULL,
        )


def delv(directory, zone, points, name, rdtype):
    """What BIND's delv makes of knotd's own replies; it validates by itself."""
    conf = os.path.join(directory, "delv.keys")
    with open(conf, "w", encoding="ascii") as file:
        file.write(f"trust-anchors {{\n{_static_keys({zone: points})}\n}};\n")
    done = subprocess.run(
        ["delv", f"@{SERVER[0]}", "-p", str(SERVER[1]), "-a", conf, f"+root={zone}", name, rdtype],
        capture_output=True, text=True, check=False, timeout=20,
    )
    return done.stdout + done.stderr


def _static_keys(zones):
    """Entry points as BIND's configuration has them."""
    return "\n".join(
        f'    {zone}. static-key {key[0]} {key[1]} {key[2]} "{key[3].replace(" ", "")}";'
        for zone, keys in zones.items()
        for key in keys
    )


class ValidatingNamed(_Asked, Daemon):
    """BIND's named. knotd has to listen on KNOTD, port 53, too."""

    repeats = True

    def __init__(self, directory, zones):
        self.address = NAMED
        self.zone = next(iter(zones))
        stubs = [
            f'zone "{zone}" {{ type static-stub; server-addresses {{ {KNOTD}; }}; }};'
            for zone in zones
        ]
        rest = [f"trust-anchors {{\n{_static_keys(zones)}\n}};", *stubs]
        argv = named_argv(directory, NAMED, NAMED_OPTIONS, "\n".join(rest))
        super().__init__("named", argv, directory)

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what="named answers")

    def _ready(self):
        self.require()
        try:
            return self.ask(self.zone, "SOA", timeout=0.5).addresses("SOA")
        except NoReply:
            return False
