"""Primaries that take dynamic updates from the key of harness/update.py: Knot, BIND, PowerDNS."""

import os

import pytest

from .ask import NoReply, query
from .knotd import section
from .powerdns import PowerDNS
from .process import Daemon
from .servers import named_argv
from .update import KEY_NAME, SECRET, send
from .wait import eventually

ALGORITHM = "hmac-sha256"
# Of BIND.
POLICY = f"allow-update {{ key {KEY_NAME}; }};"
STATEMENT = f'key {KEY_NAME} {{ algorithm {ALGORITHM}; secret "{SECRET}"; }};'


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


class NamedPrimary(_Primary, Daemon):
    """BIND. policy: what stands in each zone about updates; key: the statement of the key."""

    def __init__(self, directory, zones, policy=POLICY, key=STATEMENT):
        self.address, self.zones = ("127.0.0.1", 5310), zones
        rest = f"{key}\n"
        for name, text in zones.items():
            path = os.path.join(directory, f"named-{name}.zone")
            with open(path, "w", encoding="ascii") as file:
                file.write(text)
            rest += f'zone "{name}" {{ type primary; file "{path}"; {policy} }};\n'
        argv = named_argv(directory, self.address, "recursion no; dnssec-validation no;", rest)
        super().__init__("named", argv, directory)
        self.directory = directory

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what="BIND answers")

    def _ready(self):
        self.require()
        try:
            return all(query(name, "SOA", server=self.address, timeout=1).addresses("SOA")
                       for name in self.zones)
        except NoReply:
            return False


class PowerDNSPrimary(_Primary, PowerDNS):
    """PowerDNS."""

    def __init__(self, directory, zones):
        super().__init__(directory, "127.0.0.1", zones, port=5320,
                         options="dnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8\n"
                                 "loglevel=7\nlog-dns-details=yes\n")
        self.util("import-tsig-key", KEY_NAME, ALGORITHM, SECRET)
        for name in zones:
            self.util("set-meta", name, "TSIG-ALLOW-DNSUPDATE", KEY_NAME)


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
