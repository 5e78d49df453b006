"""A real PowerDNS with its zones in SQLite: the server that many zones with ALIAS come from."""

import contextlib
import os
import sqlite3
import subprocess

from .ask import NoReply, query
from .process import Daemon
from .wait import eventually, scaled

SCHEMA = "/usr/share/pdns-backend-sqlite3/schema/schema.sqlite3.sql"

# What every configuration has, also that of the benchmarks.
COMMON = """\
socket-dir={directory}
config-dir={directory}
local-address={address}
local-port={port}
daemon=no
guardian=no
setuid=
setgid=
disable-syslog=yes
resolver=127.0.0.1
expand-alias=yes
"""

CONF = f"""\
{COMMON}\
launch=gsqlite3
gsqlite3-database={{directory}}/zones.db
gsqlite3-dnssec=yes
allow-axfr-ips=127.0.0.0/8
outgoing-axfr-expand-alias={{expand}}
{{options}}
"""


@contextlib.contextmanager
def make_base(directory):
    """An empty base of zones in zones.db; what is done to it meanwhile is committed."""
    base = sqlite3.connect(os.path.join(directory, "zones.db"))
    with contextlib.closing(base), open(SCHEMA, encoding="ascii") as schema:
        base.executescript(schema.read())
        yield base
        base.commit()


# Options with which it takes dynamic updates.
DNSUPDATE = "dnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8\n"


class PowerDNS(Daemon):
    """zones: {name: text of its file}; expand: what transfers have in place of an ALIAS; options:
    more of its configuration."""

    def __init__(self, directory, address, zones, *, port=5300, expand=False, options=""):
        self.directory = os.path.join(directory, "powerdns")
        self.address = (address, port)
        self.zones = zones
        os.makedirs(self.directory)
        self._write(
            "pdns.conf",
            CONF.format(
                directory=self.directory, address=address, port=port,
                expand="yes" if expand else "no", options=options,
            ),
        )
        with make_base(self.directory):
            pass
        for name, text in zones.items():
            self.util("load-zone", name, self._write(f"{name}.zone", text))
        super().__init__(
            "powerdns", ["pdns_server", f"--config-dir={self.directory}"], self.directory
        )

    def _write(self, name, text):
        path = os.path.join(self.directory, name)
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        return path

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what="PowerDNS answers")

    def _ready(self):
        self.require()
        try:
            return all(
                query(name, "SOA", server=self.address, timeout=1).addresses("SOA")
                for name in self.zones
            )
        except NoReply:
            return False

    def let_update(self, zone, name, algorithm, secret):
        """Let a key update a zone; for DNSUPDATE among its options."""
        self.util("import-tsig-key", name, algorithm, secret)
        self.util("set-meta", zone, "TSIG-ALLOW-DNSUPDATE", name)

    def util(self, *arguments):
        """Run pdnsutil on it; returns what it says."""
        done = subprocess.run(
            ["pdnsutil", f"--config-dir={self.directory}", *arguments],
            check=False, capture_output=True, text=True, timeout=scaled(30),
        )
        assert done.returncode == 0, f"pdnsutil {arguments}: {done.stdout}{done.stderr}"
        return done.stdout
