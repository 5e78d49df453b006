"""Secondaries that know no ANAME: NSD, BIND, and PowerDNS, which take zones from a primary.

All stand on loopback, each with an address of its own from which it transfers, so that the primary's
log tells them apart. What came to them, and how, is read from their own logs.
"""

import os
import re
import typing

from .ask import SERVER, Malformed, NoReply, query
from .knotd import section
from .powerdns import COMMON, make_base
from .process import Daemon
from .scenario import ZONE
from .servers import named_argv, nsd_argv
from .signatures import Keys, verify
from .wait import eventually

# A change is served there so many seconds after the primary has it.
SOON_S = 5.0


class Secondary(Daemon):
    """Of these zones of one primary; every zone is unsigned to it, or signed already.

    kind:     its name, and that of its remote and acl at a primary that is a knotd
    address:  where it is asked
    source:   the address from which it transfers
    notified: what its log says of a NOTIFY
    """

    kind = source = notified = ""
    address = ()

    def __init__(self, directory, argv, zones):
        self.zones = list(zones)
        super().__init__(self.kind, argv, directory)

    def start(self):
        super().start()
        eventually(self._replies, timeout=20, what=f"{self.kind} replies")

    def _replies(self):
        self.require()
        try:
            return self.query(self.zones[0], "SOA", timeout=0.5)
        except NoReply:
            return False

    # What it has.

    def query(self, name=ZONE, rdtype="A", proto="udp", **how):
        return query(name, rdtype, proto, server=self.address, repeats=True, **how)

    def serial(self, zone=ZONE):
        """The zone's serial there; None while it has none."""
        return serial(zone, self.address)

    def follows(self, wanted, zone=ZONE, timeout=20.0):
        """Wait until it has this serial."""
        def there():
            found = self.serial(zone)
            assert found == wanted, f"expected serial {wanted} at {self.kind}, got {found}"
            return True

        eventually(there, timeout, step=0.05, what=f"{self.kind} has serial {wanted} of {zone}")

    def validates(self, name=ZONE, rdtype="A", zone=ZONE, proto="tcp"):
        """Its answer, every signature of which must verify with the keys it has itself."""
        keys = Keys(zone)
        assert keys.learn(self.query), f"no DNSKEY of {zone} at {self.kind}"
        reply = self.query(name, rdtype, proto, do=True)
        verify(reply, keys)
        return reply

    # What came to it.

    def at(self):
        """A place in its log, for what comes later."""
        return len(self.text())

    def notifies(self, zone=ZONE, since=0):
        """How many NOTIFY have come for the zone."""
        return len(re.findall(self.notified.format(zone=re.escape(zone)), self.text()[since:]))


class Nsd(Secondary):
    """NSD with what Debian's has by default, but for the rate limit."""

    kind, source = "nsd", "127.0.0.32"
    address = ("127.0.0.32", 5300)
    notified = r"notify for {zone}\. from"

    def __init__(self, directory, zones=(ZONE,), primary=SERVER):
        self.directory = os.path.join(directory, self.kind)
        os.makedirs(self.directory, exist_ok=True)
        blocks = "".join(NSD_ZONE.format(zone=zone, source=self.source, primary=primary)
                         for zone in zones)
        argv = nsd_argv(self.directory, self.address, blocks, "server-count: 1\n    verbosity: 3")
        super().__init__(directory, argv, zones)


NSD_ZONE = """\
zone:
    name: "{zone}"
    zonefile: "%s.zone"
    allow-notify: {primary[0]} NOKEY
    request-xfr: {primary[0]}@{primary[1]} NOKEY
    outgoing-interface: {source}
"""


class Named(Secondary):
    """BIND, with its defaults."""

    kind, source = "named", "127.0.0.33"
    address = ("127.0.0.1", 5333)
    notified = r"received notify for zone '{zone}'"

    def __init__(self, directory, zones=(ZONE,), primary=SERVER):
        self.directory = os.path.join(directory, "secondary-named")
        os.makedirs(self.directory, exist_ok=True)
        rest = "".join(NAMED_ZONE.format(zone=zone, source=self.source, primary=primary)
                       for zone in zones)
        argv = named_argv(self.directory, self.address, "recursion no; dnssec-validation no;", rest)
        super().__init__(directory, argv, zones)


NAMED_ZONE = """\
zone "{zone}" {{
    type secondary; file "{zone}.secondary"; masterfile-format text; notify no;
    primaries {{ {primary[0]} port {primary[1]}; }}; transfer-source {source};
}};
"""


class PowerDNS(Secondary):
    """PowerDNS with its zones in SQLite.

    ixfr: it asks for IXFR, which it does not by default. Then it does no DNSSEC: with both, what came
    by IXFR is not `auth` in its base, and the answer is empty (4.7 to 5.1).
    """

    kind, source = "powerdns", "127.0.0.34"
    address = ("127.0.0.34", 5300)
    notified = r"Received NOTIFY for {zone} from"

    def __init__(self, directory, zones=(ZONE,), primary=SERVER, ixfr=False):
        self.directory = os.path.join(directory, "secondary-powerdns")
        os.makedirs(self.directory, exist_ok=True)
        _write(self.directory, "pdns.conf", PDNS_CONF.format(
            directory=self.directory, address=self.address[0], port=self.address[1],
            source=self.source, dnssec="no" if ixfr else "yes"))
        with make_base(self.directory) as base:
            for number, zone in enumerate(zones, 1):
                base.execute("insert into domains (id, name, master, type) values (?, ?, ?, 'SLAVE')",
                             (number, zone, f"{primary[0]}:{primary[1]}"))
                if ixfr:
                    base.execute("insert into domainmetadata (domain_id, kind, content)"
                                 " values (?, 'IXFR', '1')", (number,))
        super().__init__(directory, ["pdns_server", f"--config-dir={self.directory}"], zones)


PDNS_CONF = f"""\
{COMMON}\
launch=gsqlite3
gsqlite3-database={{directory}}/zones.db
gsqlite3-dnssec={{dnssec}}
secondary=yes
query-local-address={{source}}
loglevel=6
"""

KINDS = {"nsd": Nsd, "named": Named, "powerdns": PowerDNS}


def _write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def serial(zone=ZONE, server=SERVER):
    """The zone's serial at a server; None while it has none."""
    try:
        (soa,) = query(zone, "SOA", server=server, timeout=1).addresses("SOA")
    except (NoReply, Malformed, ValueError):
        return None
    return int(soa.split()[2])


# A knotd as their primary.


def notify(knotd):
    """Gives a knotd sections for all of them; returns the options of its zones."""
    for kind, one in KINDS.items():
        knotd.sections += [
            section("remote", kind, address=f"{one.address[0]}@{one.address[1]}"),
            section("acl", kind, address=one.source, action="transfer"),
        ]
    return {"notify": list(KINDS), "acl": list(KINDS)}


class Transfer(typing.NamedTuple):
    """One to a secondary, and the serial that it brought."""

    kind: str
    serial: int


def transfers(knotd, secondary, zone=ZONE):
    """Those of a zone to a secondary, oldest first, by the log of the knotd that is its primary."""
    found = []
    for line in knotd.log_lines(rf"\[{re.escape(zone)}\.\] [AI]XFR, outgoing",
                                rf"remote {re.escape(secondary.source)}@", "started, serial"):
        kind = re.search(r"\] ([AI]XFR),", line)[1]
        found.append(Transfer(kind, int(re.search(r"serial (?:\d+ -> )?(\d+)", line)[1])))
    return found
