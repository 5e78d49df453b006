"""Warm answers by counting: instructions in user space and calls of the allocator, per query."""

import collections
import os
import re
import shutil
import subprocess

import measure
from measure import question

QUERIES = 20000
ALLOCATING = ("malloc", "calloc", "realloc", "reallocarray", "posix_memalign", "aligned_alloc",
              "memalign", "free")
# Two networks, at once: of a pool by weight they get the one target and the other.
SOURCES = ("127.0.0.1", "127.0.1.1")
CASES = (
    # label, peer, owner, type, DO, bar of the instructions: those of kinds.py
    ("A", "MODULE", "", "A", False, "<= 1.02"),
    ("AAAA NODATA", "MODULE", "", "AAAA", False, "<= 1.10"),
    ("www CNAME @", "MODULE", "www.", "A", False, "<= 1.05"),
    ("signed A", "MODULE", "", "A", True, "<= 1.02"),
    ("signed AAAA NODATA", "MODULE", "", "AAAA", True, "<= 1.10"),
    ("signed www CNAME @", "MODULE", "www.", "A", True, "<= 1.05"),
    ("union pool of two, A", "UNION", "", "A", False, ""),
    ("weighted pool of two, A", "WEIGHTED", "", "A", False, "<= 1.10"),
    ("signed weighted pool of two, A", "WEIGHTED", "", "A", True, "<= 1.10"),
)


class Counted:
    """What callgrind wrote of some queries."""

    def __init__(self, path, queries):
        names, called = {}, None
        calls = collections.Counter()
        self.instructions = 0
        with open(path, encoding="utf-8") as dump:
            for line in dump:
                # A name stands there once, and later its number alone.
                found = re.match(r"c?fn=\((\d+)\)(?: (.*))?$", line)
                if found:
                    if found.group(2):
                        names[found.group(1)] = found.group(2)
                    called = names[found.group(1)]
                elif line.startswith("calls="):
                    calls[called.split("'")[0]] += int(line[6:].split()[0])
                elif line.startswith("totals:"):
                    self.instructions = int(line.split()[1]) / queries
        self.allocations = sum(calls[name] for name in ALLOCATING) / queries
        assert self.instructions, f"callgrind counted nothing in {path}"


class Windows:
    """Counts what a server under callgrind does while something is done to it.

    read: makes of a dump, and of the number of queries, what count() returns.
    """

    def __init__(self, directory, knotd, read=Counted):
        self.directory = directory
        self.knotd = knotd
        self.read = read
        self.dumps = 0

    def count(self, label, action):
        """action() returns how many queries it made."""
        self._control("-z")
        queries = action()
        self._control("-d")
        self.dumps += 1
        path = os.path.join(self.directory, f"callgrind.out.{self.dumps}")
        if os.environ.get("ANAME_PROFILE"):
            shutil.copy(path, f"{os.environ['ANAME_PROFILE']}.{label}")
        return self.read(path, queries)

    def _control(self, option):
        subprocess.run(["callgrind_control", option, str(self.knotd.pid)], check=True,
                       capture_output=True, timeout=60)


def reload(knotd):
    """Something that allocates for sure."""
    knotd.knotc("-b", "-f", "zone-reload", "s.test", timeout=120)
    return 1


def bench_instructions(bench):
    """Instructions in user space per warm query against the server's own static one, and calls of
    malloc and its kind, plain and signed, under callgrind. One minute.

    With ANAME_PROFILE set to a path what callgrind wrote of each case is kept in files that begin
    so, for callgrind_annotate.
    """
    import peers
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set(peers.TARGET, a=peers.ADDRESSES, ttl=3600)
    bench.authority.set(peers.POOL_TARGETS[1], a=["192.0.2.3", "192.0.2.4"], ttl=3600)
    knotd = peers.make_knotd(bench.directory, 1, with_pool=True)
    bench.daemons.append(knotd)
    peers.start_knotd(knotd)  # Makes the keys.
    knotd.finish()
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    peers.wait_knotd(knotd, timeout=120)
    windows = Windows(bench.directory, knotd)
    assert windows.count("knotc", lambda: reload(knotd)).allocations, \
        "the calls of the allocator are not seen"

    def count(name, rdtype, do):
        def some(queries=QUERIES):
            asking = [
                measure.dnsperf_start([question(name, rdtype)], bench.directory, do=do,
                                      count=queries // len(SOURCES), source=source)
                for source in SOURCES
            ]
            return sum(measure.dnsperf_result(one)["completed"] for one in asking)

        some(100)  # What the first query does is done once.
        return windows.count(f"{name}.{rdtype}", some)

    for label, peer, owner, rdtype, do, bar in CASES:
        mine, static = (count(owner + peers.ZONES[server][do], rdtype, do)
                        for server in (getattr(peers, peer), peers.STATIC))
        name = f"warm {label}, UDP"
        bench.record(f"{name}: instructions per query / static",
                     f"{mine.instructions / static.instructions:.3f}", bar)
        bench.record(f"{name}: instructions per query, this module", f"{mine.instructions:.0f}")
        bench.record(f"{name}: instructions per query, static", f"{static.instructions:.0f}")
        bench.record(f"{name}: calls of the allocator per query, this module",
                     f"{mine.allocations:.3f}", f"<= {static.allocations + 0.01:.2f}")
        bench.record(f"{name}: calls of the allocator per query, static",
                     f"{static.allocations:.3f}")


BENCHES = {
    "instructions": bench_instructions,
}
