"""The servers that are measured side by side, all with the same two addresses at an apex.

They all run at once, each at a port of its own, and rest but for the one that is asked. Each has a
plain zone and a signed one, in which www is a CNAME of the apex:

- this module, Knot's own static records and mod-geoip: three pairs of zones in one knotd;
- PowerDNS with an ALIAS record, twice: with its default caches, because that is what people run,
  and with none. Its recursor is the module's, which has the target in its cache: the processor time
  that the recursor takes is not counted as PowerDNS's. It does not sign what it has for an ALIAS
  unless in a transfer, says its manual (and so it is), and it closes a TCP connection after such an
  answer;
- NSD with static records. Its signed zone is the very one that knotd signed.

As many threads (NSD: processes) answer as there are workers. PowerDNS gets so many receivers with a
distributor each, which is how it is quickest; its default is one receiver with three distributors.
"""

import os
import shutil
import subprocess

import measure
from harness import powerdns
from harness.ask import Malformed, NoReply, query
from harness.knotd import Knotd, section
from harness.process import Daemon, Ended
from harness.scenario import known
from harness.servers import nsd_argv
from harness.wait import eventually
from harness.zone import aname, zone_text

ADDRESSES = ["192.0.2.1", "192.0.2.2"]
TARGET = "cdn.example.net"
POOL_TARGETS = ["cdn.example.net", "cdn.example.org"]
WWW = "www IN CNAME @"
HOST = "127.0.0.1"
KNOTD_PORT, ALIAS_PORT, UNCACHED_PORT, NSD_PORT = 5300, 5301, 5302, 5303

MODULE, STATIC, GEOIP = "this module", "Knot, static", "Knot, mod-geoip"
WEIGHTED, UNION = "this module, a pool by weight", "this module, a pool"
ALIAS, ALIAS_UNCACHED = "PowerDNS, ALIAS", "PowerDNS, ALIAS, no caches"
NSD_STATIC = "NSD, static"
ZONES = {
    MODULE: ("a.test", "aa.test"),
    STATIC: ("s.test", "ss.test"),
    GEOIP: ("g.test", "gg.test"),
    WEIGHTED: ("w.test", "ww.test"),
    UNION: ("u.test", "uu.test"),
    ALIAS: ("p.test", "pp.test"),
    ALIAS_UNCACHED: ("p.test", "pp.test"),
    NSD_STATIC: ("s.test", "ss.test"),
}

PDNS_CONF = f"""\
{powerdns.COMMON}\
launch=bind
bind-config={{directory}}/named.conf
bind-dnssec-db={{directory}}/dnssec.db
loglevel=3
receiver-threads={{workers}}
distributor-threads=1
reuseport=yes
{{caches}}
"""
NO_CACHES = "cache-ttl=0\nquery-cache-ttl=0\nnegquery-cache-ttl=0\nzone-cache-refresh-interval=0\n"

# Neither Knot nor PowerDNS adds records that nobody asked for.
NSD_OPTIONS = "server-count: {workers}\n    reuseport: yes\n    minimal-responses: yes"


class Missing(Exception):
    """A peer cannot be measured here, and why."""


def write(directory, name, text):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    return path


def need(program, package):
    if shutil.which(program) is None:
        raise Missing(f"{package} is not installed")


# knotd.


def make_knotd(directory, workers, port=KNOTD_PORT, with_geoip=False, with_pool=False):
    """The module's zones, the static ones, and those of mod-geoip if it is wanted and there.

    with_pool: and those with two targets, of equal weight and as a union.
    """
    knotd = Knotd(directory)
    knotd.server.update({"udp-workers": workers, "tcp-workers": workers,
                         "listen": f"{HOST}@{port}"})
    geoip = add_geoip(knotd) if with_geoip and os.path.exists(geoip_file()) else None
    records = [*measure.static(ADDRESSES), WWW]
    pool = [*(aname(target, ttl=3600) for target in POOL_TARGETS), WWW]
    if with_pool:
        weights = [f"{target}@1" for target in POOL_TARGETS]
        knotd.sections.append(section("mod-aname", "weighted", weight=weights))
    for kind, (plain, with_keys) in ZONES.items():
        content = {MODULE: ([aname(TARGET, ttl=3600), WWW], ["mod-aname"]), STATIC: (records, []),
                   GEOIP: (records, geoip),
                   WEIGHTED: (pool, ["mod-aname/weighted"] if with_pool else None),
                   UNION: (pool, ["mod-aname"] if with_pool else None)}.get(kind)
        if content is None or content[1] is None:
            continue
        for zone, options in ((plain, {}), (with_keys, {"dnssec-signing": True})):
            knotd.add_zone(zone, content[0], modules=content[1], zone_options=options)
    return knotd


def geoip_file():
    """Where Debian has the module."""
    found = subprocess.run(["dpkg", "-L", "knot-module-geoip"], capture_output=True, text=True,
                           check=False).stdout.split()
    return next((path for path in found if path.endswith("geoip.so")), "")


def add_geoip(knotd):
    """The modules to put into the list of a zone."""
    text = "".join(f"{zone}:\n  - net: 127.0.0.0/8\n    A: [{', '.join(ADDRESSES)}]\n"
                   for zone in ZONES[GEOIP])
    path = write(knotd.directory, "geo.conf", text)
    knotd.sections.append(section("mod-geoip", "nets", config_file=path, mode="subnet"))
    return ["mod-geoip/nets"]


def start_knotd(knotd, port=KNOTD_PORT, timeout=20):
    """Started twice, because mod-geoip signs when it is loaded and needs the keys by then."""
    zones = dict(knotd.zones)
    for name in ZONES[GEOIP]:
        if name in zones:
            knotd.zones[name] = type(zones[name])([], zones[name].options)
    wait_knotd(knotd, port, timeout)
    knotd.finish()
    knotd.zones = zones
    wait_knotd(knotd, port, timeout)


def wait_knotd(knotd, port=KNOTD_PORT, timeout=20):
    """Started, and everything in it is known and signed."""
    server = (HOST, port)
    knotd.write_conf()
    Daemon.start(knotd)
    eventually(lambda: knotd.require() or all(has_soa(zone, server) for zone in knotd.zones),
               timeout=timeout, what="knotd answers for all zones")
    for name, zone in knotd.zones.items():
        if zone.options.get("dnssec-signing"):
            eventually(lambda zone=name: has_signature(zone, server), timeout=timeout,
                       what=f"{name} is signed")
    for zone in (*ZONES[MODULE], *ZONES[WEIGHTED], *ZONES[UNION]):
        if zone in knotd.zones:
            known(zone, do=True, server=server, timeout=timeout)


def has_soa(zone, server):
    try:
        return bool(query(zone, "SOA", server=server, timeout=1).addresses("SOA"))
    except NoReply:
        return False


def has_signature(zone, server):
    return "RRSIG" in query(zone, "SOA", do=True, server=server).types()


# PowerDNS.


class PowerDNS(Daemon):
    """With its zones in files, as BIND has them."""

    def __init__(self, directory, port, workers, caches):
        need("pdns_server", "pdns-server")
        self.directory = os.path.join(directory, f"pdns-{port}")
        self.server = (HOST, port)
        os.makedirs(self.directory)
        zones = []
        for zone in ZONES[ALIAS]:
            path = write(self.directory, f"{zone}.zone",
                         zone_text(zone, [f"@ 3600 IN ALIAS {TARGET}."]))
            zones.append(f'zone "{zone}" {{ type master; file "{path}"; }};\n')
        write(self.directory, "named.conf", "".join(zones))
        write(self.directory, "pdns.conf", PDNS_CONF.format(
            directory=self.directory, address=HOST, port=port, workers=workers,
            caches="" if caches else NO_CACHES))
        self.util("create-bind-db", os.path.join(self.directory, "dnssec.db"))
        self.util("secure-zone", ZONES[ALIAS][1])
        super().__init__("pdns", ["pdns_server", f"--config-dir={self.directory}"],
                         self.directory)

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what="PowerDNS answers")

    def _ready(self):
        self.require()
        return all(has_soa(zone, self.server) for zone in ZONES[ALIAS])

    def util(self, *arguments):
        done = subprocess.run(["pdnsutil", f"--config-dir={self.directory}", *arguments],
                              check=False, capture_output=True, text=True, timeout=30)
        if done.returncode != 0:
            raise Missing(f"pdnsutil {arguments[0]}: {(done.stdout + done.stderr).strip()}")


# NSD.


class NSD(Daemon):
    """knotd: whose zones it serves, the signed one as knotd signed it."""

    def __init__(self, directory, port, workers, knotd):
        need("nsd", "nsd")
        self.directory = os.path.join(directory, "nsd")
        self.server = (HOST, port)
        os.makedirs(self.directory)
        zones = []
        for zone in ZONES[NSD_STATIC]:
            knotd.knotc("-b", "zone-flush", zone, "+outdir", self.directory)
            zones.append(f'zone:\n    name: "{zone}"\n    zonefile: "{zone}.zone"\n')
        argv = nsd_argv(self.directory, self.server, "".join(zones),
                        NSD_OPTIONS.format(workers=workers))
        super().__init__("nsd", argv, self.directory)

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what="NSD answers")

    def _ready(self):
        self.require()
        return all(has_soa(zone, self.server) for zone in ZONES[NSD_STATIC])

    def kill(self):
        # Its children do not end with it when it is killed.
        if self.alive:
            self.stop()


# What is measured.


class Peer:
    """One server with its zones; reason says why it is not there."""

    def __init__(self, label, daemon, port, reason=None):
        self.label = label
        self.daemon = daemon
        self.server = (HOST, port)
        self.reason = reason

    def zone(self, do):
        return ZONES[self.label][do]

    def processes(self):
        """Its process and those below."""
        found, todo = [], [self.daemon.pid]
        while todo:
            pid = todo.pop()
            found.append(pid)
            with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as children:
                todo += map(int, children.read().split())
        return found

    def cpu_ns(self):
        return sum(measure.cpu_ns(pid) for pid in self.processes())

    def wrong(self, proto, do):
        """Why it cannot be measured in this case, or None."""
        if self.reason:
            return self.reason
        if self.label in (ALIAS, ALIAS_UNCACHED) and proto == "tcp":
            return "it closes the connection after each answer"
        try:
            reply = query(self.zone(do), "A", proto[:3], server=self.server, do=do)
            reply.expect(a=ADDRESSES)
        except (NoReply, Malformed, AssertionError) as error:
            return f"no good answer: {error}".split("\n", maxsplit=1)[0]
        return "its answer has no signature" if do and "RRSIG" not in reply.types() else None


def start(bench, workers):
    """All of them, on their processors; the module first."""
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set(TARGET, a=ADDRESSES, ttl=3600)
    knotd = make_knotd(bench.directory, workers, with_geoip=True)
    bench.daemons.append(knotd)
    start_knotd(knotd)
    missing = None if ZONES[GEOIP][0] in knotd.zones else "knot-module-geoip is not installed"
    peers = [Peer(MODULE, knotd, KNOTD_PORT), Peer(STATIC, knotd, KNOTD_PORT),
             Peer(GEOIP, knotd, KNOTD_PORT, missing)]
    for label, port, make in (
        (ALIAS, ALIAS_PORT, lambda: PowerDNS(bench.directory, ALIAS_PORT, workers, True)),
        (ALIAS_UNCACHED, UNCACHED_PORT,
         lambda: PowerDNS(bench.directory, UNCACHED_PORT, workers, False)),
        (NSD_STATIC, NSD_PORT, lambda: NSD(bench.directory, NSD_PORT, workers, knotd)),
    ):
        peers.append(start_peer(bench, label, port, make))
    for peer in peers:
        if not peer.reason:
            for pid in peer.processes():
                measure.pin(pid, measure.processors(workers)[0])
    return peers


def start_peer(bench, label, port, make):
    try:
        daemon = make()
        bench.daemons.append(daemon)
        daemon.start()
    except (Missing, AssertionError, Ended) as error:
        return Peer(label, None, port, str(error).split("\n", maxsplit=1)[0])
    return Peer(label, daemon, port)
