"""Servers with the same zones by the thousand, with this module, with another, or with none.

Kinds of servers, each with zones of four records:
static  no module; at the apex an A in place of the ANAME
idle    the ANAME, and a module that registers hooks and no counters, and does nothing (bare.c)
bare    the same with the counters that mod-aname registers: what any such module costs knotd
aname   the ANAME, and mod-aname

Their zone files are in memory, and all that a thread allocates comes from one arena, so that the
resident memory grows by what is allocated and not by the threads that happened to allocate it.
"""

import contextlib
import os
import re
import shutil
import socket
import tempfile
import time

import measure
import world

MEMORY = "/dev/shm"
PORTS = {"aname": 5300, "static": 5301, "bare": 5302, "idle": 5303}


def bare_module(kind):
    """A module that does nothing, from the same build."""
    path = os.path.join(os.path.dirname(os.environ["ANAME_MODULE"]), f"../tests/bench/{kind}.so")
    assert os.path.exists(path), f"there is no {path}: build with -Dtests=auto"
    return os.path.realpath(path)


def zone(i):
    return f"z{i}.test"


def targets_of(count):
    """A target of its own for each of so many zones."""
    return [[f"t{i}.{world.SUFFIX}"] for i in range(count)]


class Farm:
    """The zones' files: `pools` has a list of targets for each zone."""

    def __init__(self, bench, pools):
        self.bench = bench
        self.count = len(pools)
        self.directory = tempfile.mkdtemp(prefix="bench-", dir=MEMORY)
        self.pools = pools
        for kind in ("static", "aname"):
            os.mkdir(self.files(kind))
            self.write(kind)

    def files(self, kind):
        return os.path.join(self.directory, "static" if kind == "static" else "aname")

    def write(self, kind):
        from harness.zone import aname, zone_text
        for i, pool in enumerate(self.pools):
            records = measure.static(["192.0.2.1"]) if kind == "static" else [
                aname(target, ttl=86400) for target in pool]
            with open(os.path.join(self.files(kind), f"{zone(i)}.zone"), "w",
                      encoding="ascii") as file:
                file.write(zone_text(zone(i), records))

    def questions(self):
        return [(zone(i), rdtype) for i in range(self.count) for rdtype in ("A", "AAAA")]

    def start(self, kind, workers=1, wrapper=(), template=None, arguments=(), **options):
        """A server with these zones, all loaded; .took and .cpu are what that took in seconds.

        workers: so many for UDP, and as many for TCP; wrapper: what is to run it.
        template: more of the zones' template; arguments: more of knotd's.
        """
        from harness.knotd import Knotd, Zone, section
        from harness.wait import eventually
        knotd = Knotd(os.path.join(self.bench.directory, kind))
        self.bench.daemons.append(knotd)
        knotd.env["MALLOC_ARENA_MAX"] = "1"
        knotd.argv = [*wrapper, *knotd.argv]
        knotd.server.update({"listen": f"127.0.0.1@{PORTS[kind]}", "udp-workers": workers,
                             "tcp-workers": workers})
        knotd.zone_directory = self.files(kind)
        knotd.argv += arguments
        knotd.template = {"journal-content": "none", **(template or {})}
        knotd.with_module = kind == "aname"
        if kind == "aname":
            knotd.options = {"resolver": [world.TARGETS[0]], **options}
            knotd.template |= {"module": knotd.aname, "global-module": knotd.aname}
        elif kind in ("bare", "idle"):
            knotd.sections.append(section("module", "mod-bare", file=bare_module(kind)))
            knotd.template["module"] = "mod-bare"
        knotd.zones = {zone(i): Zone([] if kind == "static" else None, {})
                       for i in range(self.count)}
        knotd.write_conf()
        start = time.monotonic()
        # Its control socket is there when all zones have been read.
        super(Knotd, knotd).start()
        eventually(knotd.controllable, timeout=1800, what="knotd accepts control commands")
        knotd.took = time.monotonic() - start
        knotd.cpu = measure.cpu_ns(knotd.pid) / 1e9
        status = knotd.knotc("-t", "0", "zone-status", timeout=600).stdout
        assert status.count("serial: 1") == self.count, f"not all is loaded: {status[:1000]}"
        return knotd

    def remove(self):
        shutil.rmtree(self.directory)


@contextlib.contextmanager
def farm(bench, pools):
    """The files are gone when the servers are."""
    bench.fresh()
    made = Farm(bench, pools)
    try:
        yield made
    finally:
        bench.close()
        made.remove()


def reload(knotd, timeout=600):
    """Seconds that `knotc reload` takes, and those of processor time."""
    start, cpu = time.monotonic(), measure.cpu_ns(knotd.pid)
    knotd.knotc("-t", "0", "reload", timeout=timeout)
    return time.monotonic() - start, (measure.cpu_ns(knotd.pid) - cpu) / 1e9


def ask_status(knotd, line="status"):
    """What the module's status socket says."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock:
        sock.settimeout(60)
        sock.connect(os.path.join(knotd.directory, "mod-aname.sock"))
        sock.sendall(line.encode("ascii") + b"\n")
        with sock.makefile("rb") as answer:
            return answer.read().decode("ascii")


def totals(knotd):
    """{name: number} of the whole server, as the status socket has them; other fields are left out."""
    text = ask_status(knotd, f"status no.{world.SUFFIX}")
    line = re.search(r"^server\t(.*)$", text, re.MULTILINE).group(1)
    fields = (field.split("=", 1) for field in line.split("\t"))
    return {key: int(value) for key, value in fields if value.isdecimal()}


def lags(knotd):
    """Lag of the last refresh of each target that was refreshed, in milliseconds."""
    text = ask_status(knotd)
    assert text.endswith("\nend\n"), f"the table was rebuilt meanwhile: {text[-100:]}"
    return [int(lag) for count, lag in
            re.findall(r"^target\t.*\tsucceeded=(\d+)\t\S+\tlag=(\d+)", text, re.MULTILINE)
            if int(count) > 1]


def warm_up(farm_, knotd, timeout=300):
    """Ask until every target has its addresses; returns the seconds that took."""
    wanted = 2 * world.ADDRESSES * len({name for pool in farm_.pools for name in pool})
    start = time.monotonic()
    while (known := totals(knotd)["addresses"]) < wanted:
        assert time.monotonic() < start + timeout, f"{known} addresses of {wanted}"
        measure.dnsperf(farm_.questions(), farm_.bench.directory, rate=10000,
                        count=2 * farm_.count)
    return time.monotonic() - start
