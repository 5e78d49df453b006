"""Primaries that take dynamic updates: Knot, BIND, PowerDNS.

The first ones are asked by the key of harness/update.py; the others tell another server of each
change.
"""

import pytest

from .ask import query
from .knotd import section
from .powerdns import DNSUPDATE, PowerDNS
from .servers import AuthoritativeNamed
from .update import KEY_NAME, SECRET, send

ALGORITHM = "hmac-sha256"


def key_statement(name, algorithm, secret):
    """A key in the configuration of BIND."""
    return f'key "{name}" {{ algorithm {algorithm}; secret "{secret}"; }};'


# Of BIND.
POLICY = f"allow-update {{ key {KEY_NAME}; }};"
STATEMENT = key_statement(KEY_NAME, ALGORITHM, SECRET)


def allow(knotd, **acl):
    """Put the key into a Knot's configuration, and an acl that lets it update what `acl` says."""
    knotd.sections.append(section("key", KEY_NAME, algorithm=ALGORITHM, secret=SECRET))
    knotd.sections.append(
        section("acl", KEY_NAME, key=KEY_NAME, address="127.0.0.0/8", action="update", **acl)
    )
    knotd.template["acl"] = KEY_NAME


class _Primary:
    """What all of them can be asked."""

    def send(self, *updates, **how):
        return send(self.address, *updates, directory=self.directory, **how)

    def addresses(self, owner, rdtype="A"):
        """What it serves, all of which has one TTL."""
        return query(owner, rdtype, "tcp", server=self.address).addresses(rdtype)

    def serial(self, zone):
        return next(rr for rr in query(zone, "SOA", server=self.address).records["answer"])


class KnotPrimary(_Primary):
    """The test's knotd without the module."""

    def __init__(self, knotd, zones):
        self.knotd, self.directory = knotd, knotd.directory
        self.address = ("127.0.0.1", 5300)
        knotd.with_module = False
        allow(knotd)
        for name, text in zones.items():
            knotd.add_zone(name, text=text, modules=[])

    def start(self):
        self.knotd.start()


class NamedPrimary(_Primary, AuthoritativeNamed):
    """BIND. policy: what stands in each zone about updates; key: the statement of the key."""

    def __init__(self, directory, zones, policy=POLICY, key=STATEMENT):
        super().__init__(directory, zones, policy, key)
        self.directory = directory


class PowerDNSPrimary(_Primary, PowerDNS):
    """PowerDNS."""

    def __init__(self, directory, zones):
        super().__init__(directory, "127.0.0.1", zones, port=5320,
                         options=DNSUPDATE + "loglevel=7\nlog-dns-details=yes\n")
        for name in zones:
            self.let_update(name, KEY_NAME, ALGORITHM, SECRET)


@pytest.fixture
def start_primary(request, directory):
    """Start a primary of a kind, with zones {name: text}; it ends with the test."""

    def start(kind, zones):
        if kind == "knot":
            server = KnotPrimary(request.getfixturevalue("knotd"), zones)
        else:
            server = {"bind": NamedPrimary, "powerdns": PowerDNSPrimary}[kind](directory, zones)
            request.addfinalizer(server.kill)
        server.start()
        return server

    return start


# Those that tell another server of each change.


NOTIFYING = """\
allow-transfer {{ any; }};
    update-policy {{ grant {key} name {zone}. A AAAA; grant {admin} zonesub ANY; }};
    notify explicit; also-notify {{ {notify[0]} port {notify[1]}; }};
    {signing}
"""


class UpdatedNamed(AuthoritativeNamed):
    """BIND.

    key:    (name, algorithm, secret) of the TSIG key that may write the apex's addresses
    admin:  one that may write everything
    notify: (address, port) of the server that is told
    signed: it signs the zone
    """

    def __init__(self, directory, zone, text, *, key, admin, notify, signed=False):
        options = NOTIFYING.format(zone=zone, key=key[0], admin=admin[0], notify=notify,
                                   signing="dnssec-policy default;" if signed else "")
        super().__init__(directory, {zone: text}, options,
                         f"{key_statement(*key)}\n{key_statement(*admin)}")


class UpdatedPowerDNS(PowerDNS):
    """PowerDNS; of a key it asks only whether it may update the zone."""

    def __init__(self, directory, zone, text, *, key, notify, signed=False):
        super().__init__(directory, "127.0.0.8", {zone: text},
                         options="primary=yes\n" + DNSUPDATE)
        self.let_update(zone, *key)
        self.util("set-kind", zone, "primary")
        for kind, content in {
            "SOA-EDIT-DNSUPDATE": "INCREASE", "NOTIFY-DNSUPDATE": "1",
            "ALSO-NOTIFY": f"{notify[0]}:{notify[1]}",
        }.items():
            self.util("set-meta", zone, kind, content)
        if signed:
            self.util("secure-zone", zone)
