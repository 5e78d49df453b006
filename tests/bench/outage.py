"""A minute without the recursor: what clients get meanwhile, and how soon all is fresh again.

The names' targets live for ten seconds, so every one is past its lifetime soon. A client asks for
all of them round and round, and reads each answer by itself, since what counts is not whether one
came but whether it holds addresses.
"""

import collections
import random
import socket
import struct
import time

import measure
import world

SERVER = ("127.0.0.1", 5300)
TTL, OUTAGE_S = 10, 60
# Names of each way to resolve, and static ones beside them; queries a second, so each name is asked
# about once a second.
NAMES, STATIC_NAMES, RATE = 1000, 200, 2000
# Queries sent at once at most.
BURST = 50
# Nobody waits longer than this for an answer.
LOST_S = 2.0
# Fresh answers are waited for so long.
RECOVERY_S = 120
SO_TIMESTAMPNS = 35
TYPES = {"A": 1, "AAAA": 28}
OPT = b"\x00\x00\x29\x04\xd0\x00\x00\x00\x00\x00\x00"
STALE = struct.pack("!H", 3)


class Answer:
    """What a reply is worth to the client."""

    def __init__(self, wire):
        _, flags, _, answers, authority, additional = struct.unpack_from("!6H", wire)
        self.addresses = answers if flags & 0x020F == 0 else 0
        self.what = f"rcode {flags & 15}{', TC' if flags & 0x0200 else ''}, {answers} records"
        at = wire.index(b"\0", 12) + 5
        self.stale = False
        for _ in range(answers + authority + additional):
            # Owners are the root or compressed: no other names are in these replies.
            at += 1 if wire[at] == 0 else 2
            rdtype, _, _, size = struct.unpack_from("!HHIH", wire, at)
            if rdtype == 41:
                self.stale = self._is_stale(wire[at + 10:at + 10 + size])
            at += 10 + size

    @staticmethod
    def _is_stale(options):
        """Is there the extended error 3 (RFC 8914)?"""
        at = 0
        while at < len(options):
            code, size = struct.unpack_from("!HH", options, at)
            if code == 15 and options[at + 4:at + 6] == STALE:
                return True
            at += 4 + size
        return False


class Client:
    """Asks questions of a server round and round, and notes what comes back."""

    def __init__(self, questions):
        self.wires = [struct.pack("!5H", 0x0100, 1, 0, 0, 1)
                      + b"".join(bytes([len(part)]) + part.encode("ascii")
                                 for part in name.split(".")) + b"\0"
                      + struct.pack("!2H", TYPES[rdtype], 1) + OPT for name, rdtype in questions]
        self.questions = questions
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, world.SO_RCVBUFFORCE, world.BUFFER)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        self.sock.connect(SERVER)
        self.sock.setblocking(False)
        self.next = 0
        self.pending = {}  # identifier: (question's index, when in ns)
        self.begin()

    def begin(self):
        """What came up to now does not count."""
        self.count = self.stale = 0
        self.lost = collections.Counter()  # by kind of name
        self.latencies = collections.defaultdict(list)  # ms, by kind of name
        self.bad = collections.Counter()
        self.fresh = {}  # question's index: when it was first fresh, monotonic

    @property
    def asked(self):
        return self.count + sum(self.lost.values())

    def run(self, seconds, until=lambda: False):
        """Ask for so many seconds, or until something is so."""
        start = time.monotonic()
        sent = 0
        while (now := time.monotonic()) < start + seconds and not until():
            due = int((now - start) * RATE)
            # What this program was too late for stays unasked: a burst would overflow the server.
            sent = max(sent, due - BURST)
            while sent < due:
                self.send()
                sent += 1
            self.receive()
            time.sleep(0.001)
        self.finish()

    def finish(self):
        deadline = time.monotonic() + LOST_S
        while self.pending and time.monotonic() < deadline:
            self.receive()
            time.sleep(0.001)
        for index, _ in self.pending.values():
            self.lost[kind_of(self.questions[index])] += 1
        self.pending.clear()

    def send(self):
        index = self.next % len(self.wires)
        identifier = self.next & 0xFFFF
        self.next += 1
        if identifier in self.pending:
            self.lost[kind_of(self.questions[self.pending.pop(identifier)[0]])] += 1
        self.pending[identifier] = index, time.time_ns()
        self.sock.send(struct.pack("!H", identifier) + self.wires[index])

    def receive(self):
        while True:
            try:
                wire, ancillary, _, _ = self.sock.recvmsg(4096, 128)
            except BlockingIOError:
                return
            (identifier,) = struct.unpack_from("!H", wire)
            if identifier not in self.pending:
                continue
            index, sent_ns = self.pending.pop(identifier)
            # When the kernel had it, not when this program came round to reading it.
            seconds, nanoseconds = struct.unpack_from("@ll", ancillary[0][2])
            came_ns = seconds * 1000000000 + nanoseconds
            self.note(index, Answer(wire), (came_ns - sent_ns) / 1e6)

    def learn(self, ttl):
        """Ask until nothing is cold and every target has been refreshed."""
        self.run(60, until=lambda: len(self.fresh) == len(self.questions))
        assert len(self.fresh) == len(self.questions), f"not all is known: {self.bad}"
        self.run(2 * ttl)

    def note(self, index, answer, latency_ms):
        self.count += 1
        self.stale += answer.stale
        self.latencies[kind_of(self.questions[index])].append(latency_ms)
        if answer.addresses == 0:
            self.bad[answer.what] += 1
        elif not answer.stale:
            self.fresh.setdefault(index, time.monotonic())


def kind_of(question):
    """dns, system or static: what stands before the number in a name."""
    return question[0].split("-")[0]


def start(bench):
    """A server with names of both ways to resolve, and a static one; a client that knows all."""
    from harness.zone import aname
    bench.fresh()
    recursor = world.start_recursor(bench, TTL, world.ADDRESSES)
    knotd = bench.new_knotd()
    knotd.options = {"resolver": [world.RECURSOR[0]]}
    names = []
    for kind, module in (("dns", "mod-aname/test"), ("system", "mod-aname")):
        for i in range(NAMES):
            names.append(f"{kind}-{i}.test")
            # The system's resolver gives no TTL: the record's stands in for it.
            knotd.add_zone(names[-1], [aname(f"{kind}-{i}.{world.SUFFIX}", ttl=TTL)],
                           modules=[module])
    for i in range(STATIC_NAMES):
        names.append(f"static-{i}.test")
        knotd.add_zone(names[-1], [*measure.static(["192.0.2.1"]), "@ 300 IN AAAA 2001:db8::1"],
                       modules=[])
    knotd.start()
    questions = [(name, "AAAA" if i % 2 else "A") for i, name in enumerate(names)]
    # All kinds at all times: whatever holds up the machine holds up each.
    random.Random(1).shuffle(questions)
    client = Client(questions)
    client.learn(TTL)
    return recursor, client


def bench_outage(bench):
    """The recursor is stopped for a minute and goes on; is killed, and after a minute started."""
    recursor, client = start(bench)
    client.begin()
    client.run(TTL)
    record(bench, client, "before", stale=False)
    for what, begin, end in (("stopped", recursor.freeze, recursor.thaw),
                             ("killed", recursor.kill, recursor.start)):
        client.begin()
        begin()
        client.run(OUTAGE_S)
        record(bench, client, f"recursor {what} for {OUTAGE_S} s", stale=True)
        end()
        client.begin()
        back = time.monotonic()
        client.run(RECOVERY_S, until=lambda: len(client.fresh) == len(client.questions))
        record_recovery(bench, client, back)
        # All is as before.
        client.run(2 * TTL)


def record(bench, client, what, stale):
    bench.record(f"{what}, {2 * NAMES:,} names with TTL {TTL}: queries", f"{client.asked}")
    record_bad(bench, client, what)
    if stale:
        bench.record("  stale ones, %", f"{100 * client.stale / max(1, client.count):.0f}")
    for kind, values in sorted(client.latencies.items()):
        half, most, last = world.quantiles(values)
        bench.record(f"  latency of {kind} names, ms",
                     f"p50 {half:.2f}, p99 {most:.2f}, max {last:.1f}")


def record_bad(bench, client, when):
    """What went wrong, and for what kinds, since a busy machine loses static ones as well."""
    bench.record(f"  {when}: answers without addresses", f"{sum(client.bad.values())}", "0")
    for kind, count in client.bad.most_common(3):
        bench.record(f"    {kind}", f"{count}")
    bench.record(f"  {when}: queries without an answer", f"{sum(client.lost.values())}", "0")
    for kind, count in sorted(client.lost.items()):
        bench.record(f"    for {kind} names", f"{count}")


def record_recovery(bench, client, back):
    """How long after the recursor was back each name was fresh."""
    bench.record("  and back again: queries until all are fresh", f"{client.asked}")
    record_bad(bench, client, "back again")
    for kind, what in (("dns", "resolver: DNS"), ("system", "the system's resolver")):
        mine = [i for i, question in enumerate(client.questions) if kind_of(question) == kind]
        took = [client.fresh[i] - back for i in mine if i in client.fresh]
        half, most, last = world.quantiles(took)
        bench.record(f"  fresh again, {what}: seconds",
                     f"p50 {half:.1f}, p99 {most:.1f}, max {last:.1f}")
        if len(took) < len(mine):
            bench.record(f"    names not fresh within {RECOVERY_S} s",
                         f"{len(mine) - len(took)}", "0")


BENCHES = {"outage": bench_outage}
