"""What a second worker brings, and whether workers get into each other's way."""

import bisect
import collections
import fcntl
import os
import re
import socket
import struct
import termios
import threading
import time

import measure
from warm import Case, ask

LINE_BITS = 6
QUERIES = 40
PIPE_SIZE = 1 << 20
CONTROL = "r.test"


def bench_workers(bench):
    """Answers per second and CPU per query from 1 to 2 workers, for this module and for static
    records: the module must not scale worse. One minute.

    Both servers run in the same arrangement, and all is measured in turns. With less than three
    processors the load shares them with the workers, so that no server can have twice the answers
    with twice the workers, and the ratios come out anywhere; then there is no bar, and `lines` has to
    tell.
    """
    import peers
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set(peers.TARGET, a=peers.ADDRESSES, ttl=3600)
    servers = {count: one_knotd(bench, count) for count in (1, 2)}
    cpus, load = measure.processors(2)
    os.sched_setaffinity(0, load)
    for two in servers.values():
        measure.pin(two[0].daemon.pid, cpus)
    try:
        for label, proto, do in (("A, UDP", "udp", False), ("A, TCP", "tcp", False),
                                 ("signed A, UDP", "udp", True)):
            scaling(bench, Case(label, proto, do, 2, 11, records=2 + do), servers,
                    apart=not cpus & load)
    finally:
        os.sched_setaffinity(0, range(os.cpu_count()))


def one_knotd(bench, workers):
    """[the module's Peer, the static one] of a server with so many workers."""
    import peers
    port = peers.KNOTD_PORT + workers
    directory = os.path.join(bench.directory, str(workers))
    os.makedirs(directory)
    knotd = peers.make_knotd(directory, workers, port)
    bench.daemons.append(knotd)
    peers.start_knotd(knotd, port)
    return [peers.Peer(label, knotd, port) for label in (peers.MODULE, peers.STATIC)]


def scaling(bench, case, servers, apart):
    label = case.label
    one, two = servers[1], servers[2]
    order = [one[0], one[1], two[0], two[1]]
    rows = []
    for turn in range(bench.pairs(case.pairs)):
        found = [ask(case, peer, bench.seconds(0.4))
                 for peer in (order if turn % 2 == 0 else order[::-1])]
        rows.append(found if turn % 2 == 0 else found[::-1])
    for what, key, bar in (("answers per second", "qps", ">= 0.97"),
                           ("CPU per query", "cpu", "<= 1.03")):
        mine = [row[2][key] / row[0][key] for row in rows]
        static = [row[3][key] / row[1][key] for row in rows]
        bench.record(f"{label}, 2 workers / 1: {what}, this module", measure.spread(mine))
        bench.record(f"{label}, 2 workers / 1: {what}, static", measure.spread(static))
        bench.record(f"{label}, 2 workers / 1: {what}, this module / static",
                     measure.spread([a / b for a, b in zip(mine, static)]), bar if apart else "")


# Cache lines.


class Trace:
    """What valgrind's lackey writes: read all the time, kept while it is wanted."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path = path
        self.kept = None
        self.last = time.monotonic()
        self.pipe = None
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self):
        with open(self.path, "rb", buffering=0) as pipe:
            fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
            self.pipe = pipe
            while piece := pipe.read(PIPE_SIZE):
                self.last = time.monotonic()
                if self.kept is not None:
                    self.kept.append(piece)
                # There is a write for each access: let them gather.
                time.sleep(0.005)
            self.pipe = None

    def quiet(self):
        """Wait until what was done up to now has been read."""
        while True:
            time.sleep(0.02)
            waiting = fcntl.ioctl(self.pipe, termios.FIONREAD, struct.pack("i", 0))
            if waiting == bytes(4) and time.monotonic() - self.last > 0.1:
                return

    def of(self, action):
        """The lines written while action() ran."""
        self.quiet()
        self.kept = []
        action()
        self.quiet()
        kept, self.kept = self.kept, None
        return b"".join(kept).decode("ascii").splitlines()


class Code:
    """Which file an instruction is of, and where in it."""

    def __init__(self, pid):
        self.parts = []
        bases = {}
        with open(f"/proc/{pid}/maps", encoding="utf-8") as maps:
            for line in maps:
                found = re.match(r"(\w+)-(\w+) (\S+) \w+ \S+ \S+\s+(/.*)$", line)
                if not found:
                    continue
                start, end = int(found.group(1), 16), int(found.group(2), 16)
                base = bases.setdefault(found.group(4), start)
                if "x" in found.group(3):
                    self.parts.append((start, end, base, os.path.basename(found.group(4))))
        self.parts.sort()
        self.starts = [part[0] for part in self.parts]

    def where(self, address):
        """(file, offset), or ("", address)."""
        at = bisect.bisect_right(self.starts, address) - 1
        if at >= 0 and address < self.parts[at][1]:
            return self.parts[at][3], address - self.parts[at][2]
        return "", address


class Touched:
    """The cache lines that were read and written in every one of some queries, and by what."""

    def __init__(self, lines, queries):
        reads, writes = collections.Counter(), collections.Counter()
        self.writers = collections.defaultdict(set)
        instruction = 0
        for line in lines:
            kind, _, rest = line.strip().partition(" ")
            address, _, size = rest.strip().partition(",")
            try:
                start, size = int(address, 16), int(size)
            except ValueError:
                continue  # Valgrind's own words.
            if kind == "I":
                instruction = start
                continue
            for cache_line in range(start >> LINE_BITS, (start + size - 1 >> LINE_BITS) + 1):
                if kind in "LM":
                    reads[cache_line] += 1
                if kind in "SM":
                    writes[cache_line] += 1
                    self.writers[cache_line].add(instruction)
        # The window may cut a query off at its ends.
        self.read = {line for line, count in reads.items() if count >= queries - 2}
        self.written = {line for line, count in writes.items() if count >= queries - 2}

    def shared(self, other):
        """Lines that one of the two writes and the other one reads or writes."""
        return (self.written & (other.read | other.written)) | (other.written & self.read)


def socket_of_each_worker(server, zone, pid):
    """Two connected sockets whose queries different threads answer."""
    sockets = {}
    for _ in range(64):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.settimeout(30)
        sock.connect(server)
        before = times(pid)
        ask_some(sock, zone, False, 10)
        after = times(pid)
        thread = max(after, key=lambda one: after[one] - before.get(one, 0))
        sockets.setdefault(thread, sock)
        if len(sockets) == 2:
            return list(sockets.values())
    raise AssertionError("all queries came to one worker")


def times(pid):
    found = {}
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/schedstat", encoding="ascii") as stat:
            found[thread] = int(stat.read().split()[0])
    return found


def ask_some(sock, zone, do, count):
    from harness.ask import make_query
    wire = make_query(zone, "A", edns=do, do=do).to_wire()
    for _ in range(count):
        sock.send(wire)
        reply = sock.recv(4096)
        assert reply[3] & 0x0F == 0 and not reply[2] & 2 and reply[7] == 2 + do, reply.hex()


def bench_lines(bench):
    """Cache lines that one worker writes and another one reads or writes, in every warm query:
    each would be carried from processor to processor. One minute.

    knotd runs under valgrind's lackey, which tells every access to memory; a client's socket is
    found for each of two workers, each asks the same question some dozen times, and what both
    workers touched every time is compared.
    """
    import peers
    bench.fresh()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set(peers.TARGET, a=peers.ADDRESSES, ttl=3600)
    knotd = peers.make_knotd(bench.directory, 2)
    add_control(knotd)
    bench.daemons.append(knotd)
    peers.start_knotd(knotd)  # Makes the keys, which would take long there.
    knotd.finish()
    trace = Trace(os.path.join(bench.directory, "trace"))
    knotd.argv = ["valgrind", "--tool=lackey", "--trace-mem=yes", "--basic-counts=no",
                  f"--log-file={trace.path}", *knotd.argv]
    peers.wait_knotd(knotd, timeout=240)
    code = Code(knotd.pid)
    server = (peers.HOST, peers.KNOTD_PORT)
    pair = socket_of_each_worker(server, peers.ZONES[peers.STATIC][0], knotd.pid)

    def touched(zone, do):
        return [Touched(trace.of(lambda sock=sock: ask_some(sock, zone, do, QUERIES)), QUERIES)
                for sock in pair]

    for do in (False, True):
        label = "signed A" if do else "A"
        static, mine = (touched(peers.ZONES[kind][do], do)
                        for kind in (peers.STATIC, peers.MODULE))
        most = record_lines(bench, code, f"{label}, static", static)
        record_lines(bench, code, f"{label}, this module", mine, f"<= {most}")
    record_lines(bench, code, "A, static with mod-rrl, for control", touched(CONTROL, False),
                 ">= 1")


def add_control(knotd):
    """A zone whose queries write what all workers share: it shows that this would be seen."""
    from harness.knotd import section
    knotd.sections.append(section("mod-rrl", "shared", rate_limit=1000000))
    knotd.add_zone(CONTROL, measure.static(["192.0.2.1", "192.0.2.2"]), modules=["mod-rrl/shared"])


def record_lines(bench, code, label, touched, bar=""):
    """Returns how many lines one of the two workers writes and the other one touches."""
    first, second = touched
    by_module = sum(any(code.where(at)[0] == "aname.so" for at in first.writers[line])
                    for line in first.written)
    bench.record(f"{label}: cache lines that each query writes", len(first.written))
    if by_module:
        bench.record(f"{label}: of these, written by the module's own instructions", by_module)
    shared = first.shared(second)
    bench.record(f"{label}: cache lines written, and touched by another worker", len(shared), bar)
    positions = {code.where(at) for one in touched for line in shared
              for at in one.writers.get(line, ())}
    if positions:
        bench.record(f"{label}: these written by",
                     " ".join(sorted(f"{file}+{at:#x}" for file, at in positions)))
    return len(shared)


BENCHES = {
    "workers": bench_workers,
    "lines": bench_lines,
}
