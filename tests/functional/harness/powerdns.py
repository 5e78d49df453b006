"""A real PowerDNS with zones in files, the server many zones with ALIAS come from."""

import os
import subprocess

from .ask import NoReply, query
from .process import Daemon
from .wait import eventually, scaled

CONF = """\
launch=bind
bind-config={directory}/named.conf
bind-dnssec-db={directory}/keys.db
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
allow-axfr-ips=127.0.0.0/8
outgoing-axfr-expand-alias={expand}
"""


class PowerDNS(Daemon):
    """zones: {name: text of its file}; expand: what transfers have in place of an ALIAS."""

    def __init__(self, directory, address, zones, *, port=5300, expand=False):
        self.directory = os.path.join(directory, "powerdns")
        self.address = (address, port)
        self.zones = zones
        os.makedirs(self.directory)
        lines = []
        for name, text in zones.items():
            path = os.path.join(self.directory, f"{name}.zone")
            self._write(path, text)
            lines.append(f'zone "{name}" {{ type master; file "{path}"; }};\n')
        self._write(os.path.join(self.directory, "named.conf"), "".join(lines))
        conf = CONF.format(
            directory=self.directory, address=address, port=port, expand="yes" if expand else "no"
        )
        self._write(os.path.join(self.directory, "pdns.conf"), conf)
        super().__init__(
            "powerdns", ["pdns_server", f"--config-dir={self.directory}"], self.directory
        )
        self.util("create-bind-db", os.path.join(self.directory, "keys.db"))

    @staticmethod
    def _write(path, text):
        with open(path, "w", encoding="ascii") as file:
            file.write(text)

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

    def util(self, *arguments):
        """Run pdnsutil on it; returns what it says."""
        return subprocess.run(
            ["pdnsutil", f"--config-dir={self.directory}", *arguments],
            check=True, capture_output=True, text=True, timeout=scaled(30),
        ).stdout
