"""Servers that a module may be told to ask: an authority by BIND, a forwarder by dnsmasq, a
recursor by PowerDNS.
"""

import os

from .ask import NoReply, query
from .authority import ADDRESS
from .process import Daemon
from .wait import eventually

NAMED_CONF = """\
options {{
    directory "{directory}";
    pid-file none;
    session-keyfile none;
    managed-keys-directory "{directory}";
    listen-on port {port} {{ {address}; }};
    listen-on-v6 {{ none; }};
    recursion no;
    empty-zones-enable no;
    dnssec-validation no;
}};
controls {{ }};
{zones}
"""


class _Server(Daemon):
    """One that is ready as soon as it replies, whatever it replies."""

    def start(self):
        super().start()
        eventually(self._ready, what=f"{self.name} replies")

    def _ready(self):
        self.require()
        try:
            return query(self.probe, "SOA", server=self.address, timeout=0.5, rd=True)
        except NoReply:
            return False


class AuthoritativeNamed(_Server):
    """named that recurses for nobody. zones: {name: text of its file}."""

    # named listens only on addresses that an interface has by name.
    address = ("127.0.0.1", 5310)

    def __init__(self, directory, zones):
        directory = os.path.join(directory, "named")
        os.makedirs(directory)
        self.probe = next(iter(zones))
        text = ""
        for name, records in zones.items():
            with open(os.path.join(directory, f"{name}.zone"), "w", encoding="ascii") as file:
                file.write(records)
            text += f'zone "{name}" {{ type primary; file "{name}.zone"; }};\n'
        conf = os.path.join(directory, "named.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(
                NAMED_CONF.format(
                    directory=directory, address=self.address[0], port=self.address[1], zones=text
                )
            )
        super().__init__("named", ["named", "-g", "-n", "1", "-c", conf], directory)


class Dnsmasq(_Server):
    """dnsmasq that forwards everything to the Authority, and keeps nothing."""

    probe = "probe.example"

    def __init__(self, directory, *options, address="127.0.0.61"):
        self.address = (address, 53)
        super().__init__(
            "dnsmasq",
            [
                "dnsmasq", "--keep-in-foreground", "--conf-file=/dev/null", "--no-resolv",
                "--no-hosts", "--bind-interfaces", f"--listen-address={address}",
                "--pid-file=", "--user=root", "--log-facility=-", "--cache-size=0",
                f"--server={ADDRESS}", *options,
            ],
            directory,
        )


class PowerDNSRecursor(_Server):
    """PowerDNS Recursor that passes clients' subnets on to the Authority, for these names."""

    probe = "probe.example.net"

    def __init__(self, directory, *zones, address="127.0.0.62"):
        directory = os.path.join(directory, "recursor")
        os.makedirs(directory)
        self.address = (address, 53)
        forwards = ",".join(f"{zone}={ADDRESS}" for zone in zones)
        with open(os.path.join(directory, "recursor.conf"), "w", encoding="ascii") as conf:
            conf.write(
                "\n".join(
                    [
                        f"config-dir={directory}",
                        f"socket-dir={directory}",
                        f"local-address={address}",
                        "local-port=53",
                        "daemon=no",
                        "threads=1",
                        "disable-syslog=yes",
                        "setuid=",
                        "setgid=",
                        "security-poll-suffix=",
                        "dnssec=off",
                        "qname-minimization=no",
                        "dont-query=",
                        f"forward-zones={forwards}",
                        "use-incoming-edns-subnet=yes",
                        f"edns-subnet-allow-list={ADDRESS}/32",
                        "ecs-ipv4-bits=24",
                        "ecs-ipv6-bits=56",
                        "",
                    ]
                )
            )
        super().__init__(
            "recursor", ["pdns_recursor", f"--config-dir={directory}"], directory
        )
