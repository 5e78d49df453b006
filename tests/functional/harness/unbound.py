"""The system's recursor: a real unbound that asks the Authority for everything."""

import os
import subprocess

from . import authority
from .ask import Malformed, NoReply, query
from .process import Daemon
from .wait import eventually

ADDRESS = ("127.0.0.1", 53)

CONF = """\
server:
  interface: {address}
  port: {port}
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  verbosity: 1
  do-daemonize: no
  do-ip6: no
  do-not-query-localhost: no
  module-config: "{modules}"
  access-control: 127.0.0.0/8 allow
  num-threads: 1
  outgoing-range: 8192
  # Of all there are it takes 30 ms to choose from, at each start.
  outgoing-port-avoid: 0-65535
  outgoing-port-permit: 40000-48999
  num-queries-per-thread: 4096
  so-rcvbuf: 0
  edns-buffer-size: 1232
  qname-minimisation: no
  aggressive-nsec: no
  serve-expired: no
  local-zone: "test." nodefault
  local-zone: "invalid." nodefault
  cache-max-ttl: {cache_ttl}
  cache-max-negative-ttl: {negative_ttl}
  # It forgets an outage at once, asks again only after the time the C library
  # waits in all, and never holds an answer back because it is late.
  infra-host-ttl: 1
  infra-keep-probing: yes
  infra-cache-min-rtt: 2000
  unknown-server-time-limit: 2000
  outbound-msg-retry: 1
  discard-timeout: 0
  wait-limit: 0
{server}
remote-control:
  control-enable: yes
  control-interface: "{directory}/{name}.sock"
  control-use-cert: no
{stubs}
forward-zone:
  name: "."
  forward-addr: {authority}
  forward-no-cache: {no_cache}
"""

# For clients' subnets: sent to the authority at every length that a client may send.
SUBNETS = f"""\
  send-client-subnet: {authority.ADDRESS}
  client-subnet-always-forward: yes
  max-client-subnet-ipv4: 32
  max-client-subnet-ipv6: 64
"""

STUB = """\
stub-zone:
  name: "{zone}"
  stub-addr: {server}
  stub-no-cache: {no_cache}
"""


class Unbound(Daemon):
    """cache=False passes every query on, so that a change at the Authority shows at once.

    subnets=True passes the clients' subnets on, and keeps answers for each (RFC 7871).
    """

    def __init__(self, directory, *, address=ADDRESS[0], cache=False, cache_ttl=1,
                 negative_ttl=1, stubs=None, modules="iterator", subnets=False, server=""):
        self.address = (address, ADDRESS[1])
        name = "unbound" if address == ADDRESS[0] else f"unbound-{address}"
        self.conf = os.path.join(directory, f"{name}.conf")
        super().__init__(name, ["unbound", "-d", "-c", self.conf], directory)
        no_cache = "no" if cache else "yes"
        text = CONF.format(
            address=self.address[0],
            port=self.address[1],
            directory=directory,
            name=name,
            modules=f"subnetcache {modules}" if subnets else modules,
            cache_ttl=cache_ttl,
            negative_ttl=negative_ttl,
            authority=authority.ADDRESS,
            no_cache=no_cache,
            server=server + (SUBNETS if subnets else ""),
            stubs="".join(
                STUB.format(zone=zone, server=address, no_cache=no_cache)
                for zone, address in (stubs or {}).items()
            ),
        )
        with open(self.conf, "w", encoding="ascii") as conf:
            conf.write(text)

    def start(self):
        self.begin()
        eventually(self.ready, what="unbound answers")

    def begin(self):
        """Start it and do not wait for it."""
        super().start()

    def ready(self):
        self.require()
        try:
            # Its own name for itself: it answers without asking anybody.
            return ask("localhost", server=self.address, timeout=0.2)
        except (NoReply, Malformed):
            # Malformed: the reply to an earlier query, which had left from the same port.
            return False

    def flush(self):
        """Forget what it knows, failures and server times included."""
        for command in (["flush_zone", "."], ["flush_infra", "all"]):
            subprocess.run(
                ["unbound-control", "-c", self.conf, *command],
                check=True, timeout=10, stdout=subprocess.DEVNULL,
            )


def ask(name, rdtype="A", proto="udp", *, server=ADDRESS, **how):
    """Ask the recursor as a client does."""
    return query(name, rdtype, proto, server=server, rd=True, **how)
