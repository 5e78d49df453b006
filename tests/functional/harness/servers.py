"""Servers that a module may be told to ask: an authority by BIND, a forwarder by dnsmasq, a
recursor by PowerDNS.
"""

import os
import re
import subprocess

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
    empty-zones-enable no;
{options}
}};
controls {{ }};
{rest}
"""


def named_argv(directory, address, options, rest):
    """How to start named with these options, and what else its configuration is to have.

    It listens only on addresses that an interface has by name.
    """
    below = os.path.join(directory, "named")
    os.makedirs(below, exist_ok=True)
    conf = os.path.join(directory, "named.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(
            NAMED_CONF.format(
                directory=below, address=address[0], port=address[1], options=options, rest=rest
            )
        )
    return ["named", "-g", "-n", "1", "-c", conf]


# Debian's NSD limits the rate of replies unless told otherwise.
NSD_CONF = """\
server:
    ip-address: {address[0]}@{address[1]}
    do-ip6: no
    username: ""
    chroot: ""
    zonesdir: "{directory}"
    database: ""
    logfile: ""
    pidfile: "{directory}/nsd.pid"
    xfrdfile: "{directory}/xfrd.state"
    xfrdir: "{directory}"
    zonelistfile: "{directory}/zone.list"
    rrl-ratelimit: 0
    {options}
remote-control:
    control-enable: no
{zones}
"""


def nsd_argv(directory, address, zones, options="server-count: 1"):
    """How to start NSD with these sections of zones, whose files are in the directory."""
    conf = os.path.join(directory, "nsd.conf")
    with open(conf, "w", encoding="ascii") as file:
        file.write(NSD_CONF.format(directory=directory, address=address, zones=zones,
                                   options=options))
    return ["nsd", "-d", "-c", conf]


class Server(Daemon):
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


class AuthoritativeNamed(Server):
    """named that recurses for nobody. zones: {name: text of its file}; options: more of each of them;
    rest: more of the configuration."""

    address = ("127.0.0.1", 5310)

    def __init__(self, directory, zones, options="", rest=""):
        self.probe = next(iter(zones))
        text = f"{rest}\n"
        for name, records in zones.items():
            path = os.path.join(directory, f"named-{name}.zone")
            with open(path, "w", encoding="ascii") as file:
                file.write(records)
            text += f'zone "{name}" {{ type primary; file "{path}"; {options} }};\n'
        argv = named_argv(directory, self.address, "recursion no; dnssec-validation no;", text)
        super().__init__("named", argv, directory)


class RecursiveNamed(Server):
    """named that passes everything on to the Authority. options: more of its section."""

    address = ("127.0.0.1", 5311)
    probe = "probe.example"

    def __init__(self, directory, options=""):
        forward = f"forward only; forwarders {{ {ADDRESS}; }}; dnssec-validation no;"
        argv = named_argv(directory, self.address, f"recursion yes; {forward} {options}", "")
        super().__init__("named", argv, directory)


class Dnsmasq(Server):
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


# Before version 5, and from then on.
RECURSOR_CONF = """\
config-dir={directory}
socket-dir={directory}
local-address={address}
local-port=53
daemon=no
threads=1
disable-syslog=yes
setuid=
setgid=
security-poll-suffix=
dnssec=off
dont-query=
forward-zones={zone}={authority}
max-cache-ttl={max_ttl}
use-incoming-edns-subnet={incoming}
edns-subnet-allow-list={allow}
ecs-ipv4-bits=24
ecs-ipv6-bits=56
"""
RECURSOR_YML = """\
recursor:
  config_dir: {directory}
  socket_dir: {directory}
  daemon: false
  threads: 1
  security_poll_suffix: ''
  forward_zones:
    - zone: {zone}
      forwarders: [{authority}]
logging:
  disable_syslog: true
dnssec:
  validation: 'off'
incoming:
  listen: ['{address}:53']
  use_incoming_edns_subnet: {incoming}
outgoing:
  dont_query: []
  edns_subnet_allow_list: [{allow}]
recordcache:
  max_ttl: {max_ttl}
ecs:
  ipv4_bits: 24
  ipv6_bits: 56
"""


def _recursor_version():
    done = subprocess.run(
        ["pdns_recursor", "--version"], capture_output=True, text=True, check=False
    )
    return int(re.search(r"PowerDNS Recursor (\d+)", done.stdout + done.stderr)[1])


class PowerDNSRecursor(Server):
    """PowerDNS Recursor that passes clients' subnets on to the Authority, for one zone.

    incoming: whether those of queries, and not of their senders; allow: whom they are told, domains
    or networks; max_ttl: how long answers are kept.
    """

    def __init__(self, directory, zone, *, address="127.0.0.62", incoming=True,
                 allow=f"{ADDRESS}/32", max_ttl=86400):
        directory = os.path.join(directory, "recursor")
        os.makedirs(directory)
        self.address = (address, 53)
        self.probe = f"probe.{zone}"
        old = _recursor_version() < 5
        text = (RECURSOR_CONF if old else RECURSOR_YML).format(
            directory=directory, address=address, zone=zone, authority=ADDRESS, allow=allow,
            incoming=("yes" if incoming else "no") if old else str(incoming).lower(),
            max_ttl=max_ttl,
        )
        name = "recursor.conf" if old else "recursor.yml"
        with open(os.path.join(directory, name), "w", encoding="ascii") as conf:
            conf.write(text)
        super().__init__("recursor", ["pdns_recursor", f"--config-dir={directory}"], directory)
