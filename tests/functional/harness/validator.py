"""Validating resolvers in front of knotd: they tell a good answer from a bogus one."""

import os
import subprocess

import dns.dnssec
import dns.flags
import dns.name
import dns.rdata

from .ask import SERVER, NoReply, query
from .process import Daemon
from .servers import named_argv
from .unbound import Unbound
from .wait import eventually

UNBOUND = "127.0.0.54"
NAMED = ("127.0.0.1", 5355)
RECURSOR = ("127.0.0.57", 53)
# Where knotd listens on port 53 for named, whose static stubs know no other port.
KNOTD = "127.0.0.56"

NAMED_OPTIONS = """\
    recursion yes;
    allow-recursion {{ any; }};
    dnssec-validation yes;
    synth-from-dnssec yes;
    qname-minimization {minimization};
    minimal-responses no;
"""


def key_records(zone, server=SERVER):
    """[(flags, protocol, algorithm, key)] of the zone as knotd serves them now, as text."""
    reply = query(zone, "DNSKEY", server=server)
    return [tuple(rdata.split(" ", 3)) for rdata in sorted(reply.addresses("DNSKEY"))]


def anchors(zone, server=SERVER):
    """The zone's secure entry points."""
    keys = key_records(zone, server)
    points = [key for key in keys if int(key[0]) & 1]
    return points or keys


def signed(zone, server=SERVER):
    """Wait until knotd serves the zone signed, and return its secure entry points."""
    return eventually(lambda: anchors(zone, server), timeout=20, what=f"{zone} is signed")


def ds_records(zone, points):
    """The text of DS records for these entry points."""
    return [
        dns.dnssec.make_ds(
            dns.name.from_text(zone), dns.rdata.from_text("IN", "DNSKEY", " ".join(key)), "SHA256"
        ).to_text()
        for key in points
    ]


class _Asked:
    """What all kinds have in common."""

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


class _Validator(_Asked, Daemon):
    """One that is ready when it answers for `zone`."""

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what=f"{self.name} answers")

    def _ready(self):
        self.require()
        try:
            return self.ask(self.zone, "SOA", timeout=0.5).addresses("SOA")
        except NoReply:
            return False


class ValidatingUnbound(_Asked, Unbound):
    """unbound, drawing conclusions from every denial it has seen (RFC 8198).

    minimise: it asks for names label by label (RFC 9156), as it does by default
    tls: it asks over TLS
    """

    def __init__(self, directory, zones, *, address=UNBOUND, cache=True, cache_ttl=86400,
                 server=SERVER, minimise=False, tls=False):
        lines = ["  aggressive-nsec: yes", "  val-log-level: 2", "  val-clean-additional: yes"]
        if minimise:
            # A name that fails is asked for as a whole only where it may be asked for twice.
            lines += ["  qname-minimisation: yes", "  outbound-msg-retry: 5"]
        if tls:
            lines += ["  tls-upstream: yes"]
        for zone, points in zones.items():
            lines += [f'  trust-anchor: "{zone}. DNSKEY {" ".join(key)}"' for key in points]
        super().__init__(
            directory,
            address=address,
            cache=cache,
            cache_ttl=cache_ttl,
            negative_ttl=cache_ttl,
            stubs={zone: f"{server[0]}@{server[1]}" for zone in zones},
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


class ValidatingNamed(_Validator):
    """BIND's named. knotd has to listen on KNOTD, port 53, too. minimise: as with unbound."""

    repeats = True

    def __init__(self, directory, zones, *, minimise=False):
        self.address = NAMED
        self.zone = next(iter(zones))
        stubs = [
            f'zone "{zone}" {{ type static-stub; server-addresses {{ {KNOTD}; }}; }};'
            for zone in zones
        ]
        rest = [f"trust-anchors {{\n{_static_keys(zones)}\n}};", *stubs]
        options = NAMED_OPTIONS.format(minimization="relaxed" if minimise else "disabled")
        argv = named_argv(directory, NAMED, options, "\n".join(rest))
        super().__init__("named", argv, directory)


# Since version 5.
RECURSOR_YML = """\
recursor:
  config_dir: {directory}
  socket_dir: {directory}
  hint_file: {directory}/hints
  daemon: false
  threads: 1
  security_poll_suffix: ''
logging:
  disable_syslog: true
dnssec:
  validation: validate
  trustanchors:
{anchors}
incoming:
  listen: ['{address}:{port}']
outgoing:
  dont_query: []
"""


class ValidatingRecursor(_Validator):
    """PowerDNS Recursor, which uses denials by default, but not those of servers that it is told to
    ask. root: the address, with port 53, of a server of the root, which leads to the zones, and is
    one of them.
    """

    repeats = True

    def __init__(self, directory, zones, *, root):
        self.address = RECURSOR
        self.zone = next(iter(zones))
        below = os.path.join(directory, "validating-recursor")
        os.makedirs(below)
        trusted = [
            f"    - {{name: '{zone}', dsrecords: ['{ds}']}}"
            for zone, keys in zones.items() for ds in ds_records(zone, keys)
        ]
        files = {
            "recursor.yml": RECURSOR_YML.format(
                directory=below, address=RECURSOR[0], port=RECURSOR[1], anchors="\n".join(trusted)
            ),
            "hints": f". 3600 IN NS root.\nroot. 3600 IN A {root}\n",
        }
        for name, text in files.items():
            with open(os.path.join(below, name), "w", encoding="ascii") as file:
                file.write(text)
        super().__init__("recursor", ["pdns_recursor", f"--config-dir={below}"], directory)
