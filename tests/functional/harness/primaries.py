"""Primaries of other kinds, which take dynamic updates and tell another server of each."""

import os

from .powerdns import PowerDNS
from .servers import Server, named_argv

NAMED_ZONE = """\
key "{key[0]}" {{ algorithm {key[1]}; secret "{key[2]}"; }};
key "{admin[0]}" {{ algorithm {admin[1]}; secret "{admin[2]}"; }};
zone "{zone}" {{
    type primary; file "{path}"; allow-transfer {{ any; }};
    update-policy {{ grant {key[0]} name {zone}. A AAAA; grant {admin[0]} zonesub ANY; }};
    notify explicit; also-notify {{ {notify[0]} port {notify[1]}; }};
    {signing}
}};
"""


class UpdatedNamed(Server):
    """BIND.

    key:    (name, algorithm, secret) of the TSIG key that may write the apex's addresses
    admin:  one that may write everything
    notify: (address, port) of the server that is told
    signed: it signs the zone
    """

    address = ("127.0.0.1", 5310)

    def __init__(self, directory, zone, text, *, key, admin, notify, signed=False):
        self.probe = zone
        path = os.path.join(directory, f"named-{zone}.zone")
        with open(path, "w", encoding="ascii") as file:
            file.write(text)
        rest = NAMED_ZONE.format(zone=zone, path=path, key=key, admin=admin, notify=notify,
                                 signing="dnssec-policy default;" if signed else "")
        argv = named_argv(directory, self.address, "recursion no; dnssec-validation no;", rest)
        super().__init__("named", argv, directory)


class UpdatedPowerDNS(PowerDNS):
    """PowerDNS; of a key it asks only whether it may update the zone."""

    def __init__(self, directory, zone, text, *, key, notify, signed=False):
        super().__init__(directory, "127.0.0.8", {zone: text}, options=(
            "primary=yes\ndnsupdate=yes\nallow-dnsupdate-from=127.0.0.0/8\n"))
        self.util("import-tsig-key", *key)
        self.util("set-kind", zone, "primary")
        for kind, content in {
            "TSIG-ALLOW-DNSUPDATE": key[0], "SOA-EDIT-DNSUPDATE": "INCREASE",
            "NOTIFY-DNSUPDATE": "1", "ALSO-NOTIFY": f"{notify[0]}:{notify[1]}",
        }.items():
            self.util("set-meta", zone, kind, content)
        if signed:
            self.util("secure-zone", zone)
