"""Who asks for the good zones of a server that others harm, in a process of its own.

All names are asked for round and round at a rate, most by UDP and some by TCP, and each reply is
read: does it hold the addresses that the target has, with a lifetime that it may have, and does
every signature verify? What is truncated is asked for again over TCP. Beside that a name that
nobody has asked for yet is asked for by TCP now and then: a newcomer, who has to find a place.

What came is written down once a second, a line of JSON each, and read by Neighbours in the process
that measures.
"""

import collections
import json
import os
import random
import selectors
import socket
import struct
import sys
import time

import crowd
import hostile_resolver
import world

SOCKETS, BURST = 8, 50
# Of so many queries one goes by TCP.
TCP_EACH = 20
SIGNED_EACH = 10
# A reply that is later than this has had its client ask elsewhere.
LATE_MS = 500
LOST_S, LOST_TCP_S = 2.0, 6.0
# Newcomers' targets have numbers from here on.
NEWCOMERS = 100000
SO_TIMESTAMPNS = 35
TYPES = {"A": 1, "AAAA": 28}
# What is no failure of its own; of others the first few are told.
GOOD, EXAMPLES = ("fresh", "stale", "TC", "late", "wrong"), 5
# First replies, what came of truncated ones, and newcomers.
PARTS = FIRST, END, NEW = "first", "end", "new"


def zone(number):
    return f"{'new' if number >= NEWCOMERS else 'good'}{number % NEWCOMERS}.test"


def is_signed(number):
    return number < NEWCOMERS and number % SIGNED_EACH == 0


class Asked:
    """A query of a good zone."""

    def __init__(self, number, rdtype, keys):
        self.number, self.name = number, zone(number)
        self.type = TYPES[rdtype]
        self.keys = keys
        self.wire = crowd.Question(self.name, rdtype, keys is not None)
        self.expected = {hostile_resolver.address(number, self.type)}

    def kind(self, wire):
        """(kind as of crowd.kind_of, or "wrong"; what is wrong)."""
        kind = crowd.kind_of(wire, self.wire)
        if kind not in ("fresh", "stale"):
            return kind, ""
        found, ttl = self._addresses(wire)
        most = hostile_resolver.lifetime(self.number)
        if found != self.expected:
            return "wrong", f"{self.name}: {sorted(one.hex() for one in found)}"
        if kind == "fresh" and ttl > most:
            return "wrong", f"{self.name}: TTL {ttl} of {most}"
        if self.keys is not None:
            problem = self._verify(wire)
            if problem:
                return "wrong", f"{self.name}: {problem}"
        return kind, ""

    def _addresses(self, wire):
        """(the addresses in Answer, the greatest TTL)."""
        at, found, most = wire.index(b"\0", 12) + 5, set(), 0
        for _ in range(struct.unpack_from("!H", wire, 6)[0]):
            at = crowd.behind_name(wire, at)
            rdtype, _, ttl, size = struct.unpack_from("!HHIH", wire, at)
            if rdtype == self.type:
                found.add(wire[at + 10:at + 10 + size])
                most = max(most, ttl)
            at += 10 + size
        return found, most

    def _verify(self, wire):
        import dns.dnssec
        import dns.exception
        import dns.message
        try:
            answer = dns.message.from_wire(wire).answer
            (rrset,) = [one for one in answer if one.rdtype == self.type]
            (rrsigs,) = [one for one in answer if one.covers == self.type]
            dns.dnssec.validate(rrset, rrsigs, self.keys.ring)
        except (dns.exception.DNSException, ValueError) as error:
            return f"{error!r}"
        return None


class Connection(crowd.Connection):
    """A query over TCP: by itself, or after a reply that was truncated. What comes counts to a part
    of what a Tally has."""

    def __init__(self, asked, part, since):
        super().__init__(asked, asked.wire.query(1))
        self.part, self.since = part, since


class Client:
    """Asks, and notes what comes, in a window of a second."""

    def __init__(self, questions, newcomers, rate, pause, output):
        self.questions, self.newcomers = questions, iter(newcomers)
        self.rate, self.pause, self.output = rate, pause, output
        self.poll = selectors.DefaultSelector()
        self.sockets = [world.open_socket() for _ in range(SOCKETS)]
        for sock in self.sockets:
            sock.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
            sock.setblocking(False)
            self.poll.register(sock, selectors.EVENT_READ)
        self.pending = {}  # (socket, identifier): (Asked, wall clock in ns); in order of time
        self.connections = {}  # Connections: nothing; in order of time
        self.sent = 0
        self.known = set()
        self.begin()

    def begin(self):
        self.counts = {part: collections.Counter() for part in PARTS}
        self.latencies, self.wrong, self.odd = [], [], []

    def run(self):
        """For ever: whoever started it ends it."""
        start = second = newcomer = time.monotonic()
        due_from, sent = start, 0
        while True:
            now = time.monotonic()
            due = int((now - due_from) * self.rate)
            # What this program was too late for stays unasked: a burst would overflow the server.
            sent = max(sent, due - BURST)
            for _ in range(due - sent):
                self.send()
            sent = max(sent, due)
            if self.pause and now >= newcomer + self.pause:
                newcomer = now
                for asked in [next(self.newcomers, None)]:
                    if asked:
                        self.connect(asked, NEW, now)
            self.receive(min(0.002, 1 / self.rate))
            if now >= second + 1:
                second = now
                self.write()

    def write(self):
        line = {"time": time.monotonic(), "known": len(self.known), **self.counts,
                "wrong": self.wrong, "odd": self.odd[:EXAMPLES],
                "latencies": [round(one, 2) for one in self.latencies]}
        self.output.write(json.dumps(line) + "\n")
        self.output.flush()
        self.begin()

    def send(self):
        asked = self.questions[self.sent % len(self.questions)]
        self.sent += 1
        # Not always the same ones: the number of names is a multiple of many.
        if random.randrange(TCP_EACH) == 0:
            self.connect(asked, FIRST, time.monotonic())
            return
        number, sock = self.sent // SOCKETS & 0xFFFF, self.sockets[self.sent % SOCKETS]
        self.pending[sock, number] = asked, time.time_ns()
        try:
            sock.sendto(asked.wire.query(number), crowd.SERVER)
        except OSError:
            pass  # Then there is no reply.

    def connect(self, asked, part, now):
        connection = Connection(asked, part, now)
        self.connections[connection] = None
        self.poll.register(connection.sock, selectors.EVENT_WRITE, connection)

    def note(self, asked, wire, part, latency_ms):
        kind, what = asked.kind(wire)
        if kind == "wrong":
            self.wrong.append(what)
        if kind not in GOOD:
            self.odd.append(f"{part}: {asked.name}/{asked.type} {kind} {wire.hex()}")
        if kind == "fresh" and part != NEW:
            self.known.add((asked.number, asked.type))
        if part != END and latency_ms > LATE_MS:
            self.counts[part]["late"] += 1
        if part == FIRST:
            self.latencies.append(latency_ms)
        self.counts[part][kind] += 1
        return kind

    # What comes.

    def receive(self, seconds):
        for key, events in self.poll.select(max(0, seconds)):
            if key.data is None:
                self.receive_udp(key.fileobj)
            else:
                self.receive_tcp(key.data, events)
        self.give_up()

    def receive_udp(self, sock):
        while True:
            try:
                wire, ancillary, _, _ = sock.recvmsg(4096, 128)
            except OSError:
                return
            asked, since = self.pending.pop((sock, int.from_bytes(wire[:2], "big")), (None, 0))
            if asked is None:
                continue
            # When the kernel had it, not when this program came round to reading it.
            seconds, nanoseconds = struct.unpack_from("@ll", ancillary[0][2])
            took = (seconds * 1000000000 + nanoseconds - since) / 1e6
            if self.note(asked, wire, FIRST, took) == "TC":
                self.connect(asked, END, time.monotonic())

    def receive_tcp(self, connection, events):
        more, reply = connection.go_on(self.poll, events), connection.reply()
        if reply is not None:
            took = (time.monotonic() - connection.since) * 1000
            self.note(connection.asked, reply, connection.part, took)
            self.close(connection)
        elif not more:
            self.fail(connection, "closed")
            self.close(connection)

    def fail(self, connection, kind):
        self.counts[connection.part][kind] += 1
        self.odd.append(f"{connection.part}: {connection.asked.name} over TCP: {kind}")

    def close(self, connection):
        del self.connections[connection]
        self.poll.unregister(connection.sock)
        connection.sock.close()

    def give_up(self):
        """What does not come."""
        while self.pending:
            key, (asked, since) = next(iter(self.pending.items()))
            if time.time_ns() - since < LOST_S * 1e9:
                break
            del self.pending[key]
            self.counts[FIRST]["lost"] += 1
            self.odd.append(f"{FIRST}: {asked.name}/{asked.type} over UDP: lost")
        while self.connections:
            connection = next(iter(self.connections))
            if time.monotonic() - connection.since < LOST_TCP_S:
                break
            self.fail(connection, "lost")
            self.close(connection)


class Tally:
    """The sum of some seconds."""

    def __init__(self):
        self.first, self.end, self.new = (collections.Counter() for _ in range(3))
        self.latencies, self.wrong, self.odd = [], [], []
        self.known = 0

    def add(self, line):
        for counter, name in ((self.first, "first"), (self.end, "end"), (self.new, "new")):
            counter.update(line[name])
        self.latencies += line["latencies"]
        self.wrong += line["wrong"]
        self.odd = (self.odd + line["odd"])[:EXAMPLES]
        self.known = line["known"]

    def merge(self, other):
        self.add(vars(other))

    @property
    def asked(self):
        return sum(count for kind, count in self.first.items() if kind != "late")

    @property
    def newcomers(self):
        """How many have asked."""
        return sum(count for kind, count in self.new.items() if kind != "late")

    def share(self, kind):
        """Of the first replies, in percent."""
        return 100 * self.first[kind] / max(1, self.asked)

    @property
    def failed(self):
        """First replies without addresses, but for truncated ones, and those that got none."""
        return sum(self._failed().values())

    @property
    def failures(self):
        """Their number and kinds, as text."""
        kinds = ", ".join(f"{kind} {count}" for kind, count in sorted(self._failed().items()))
        return f"{self.failed}{f' ({kinds})' if kinds else ''}"

    def _failed(self):
        return {kind: count for kind, count in self.first.items() if kind not in GOOD}


class Neighbours:
    """The process, and what it has written."""

    def __init__(self, directory, count, newcomers, rate, pause):
        from harness.process import Daemon
        self.path = os.path.join(directory, "neighbours.json")
        self.questions = 2 * count
        self.at = 0
        arguments = [str(one) for one in (count, newcomers, rate, pause)]
        self.daemon = Daemon("neighbours", [sys.executable, os.path.abspath(__file__), self.path,
                                            *arguments], directory)

    def start(self):
        self.daemon.start()

    def kill(self):
        self.daemon.kill()

    def read(self):
        """A Tally of what was written since the last call."""
        tally = Tally()
        self.daemon.require()
        if os.path.exists(self.path):
            with open(self.path, encoding="ascii") as file:
                file.seek(self.at)
                for line in file.readlines():
                    if line.endswith("\n"):
                        self.at += len(line)
                        tally.add(json.loads(line))
        return tally


def main(path, count, newcomers, rate, pause):
    from harness.signatures import Keys
    keys = {}
    for number in filter(is_signed, range(int(count))):
        keys[number] = Keys(zone(number))
        keys[number].learn()
    questions = [Asked(number, rdtype, keys.get(number))
                 for number in range(int(count)) for rdtype in TYPES]
    random.Random(1).shuffle(questions)
    late = [Asked(NEWCOMERS + i, "A", None) for i in range(int(newcomers))]
    with open(path, "w", encoding="ascii") as output:
        Client(questions, late, int(rate), float(pause), output).run()


if __name__ == "__main__":
    main(*sys.argv[1:])
