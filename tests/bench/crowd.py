"""Clients as resolvers are: queries at a rate, whatever comes back, and over TCP what is truncated.

Each reply is read by itself. Two things are counted: what the first reply to a query was, and what
its client had in the end. A truncated reply is asked for again over TCP. If the connection is
closed without a reply, or nothing comes, it is asked again from the start, so often as a resolver
would; SERVFAIL is taken at its word.
"""

import collections
import random
import resource
import selectors
import socket
import struct
import time

import measure
import world

SERVER = ("127.0.0.1", 5300)
# Sockets over which queries go, so that all workers of the server have some.
SOCKETS = 8
# Queries sent at once at most.
BURST = 50
# A reply that has not come by then does not come.
LOST_S, LOST_TCP_S = 2.0, 3.0
# So often it is asked anew before the client is told SERVFAIL.
ATTEMPTS = 3
STALE = 3
OPT, RRSIG = 41, 46


class Question:
    """A name and a type; its query, with the bit DO if the answer is to be signed."""

    def __init__(self, name, rdtype, signed=False):
        self.name, self.type, self.signed = name, measure.TYPES[rdtype], signed
        qname = b"".join(bytes([len(part)]) + part.encode("ascii") for part in name.split("."))
        self.wire = (struct.pack("!5H", 0x0100, 1, 0, 0, 1) + qname
                     + struct.pack("!B2H", 0, self.type, 1)
                     + struct.pack("!BHHBBHH", 0, OPT, 1232, 0, 0, 0x8000 if signed else 0, 0))

    def query(self, identifier):
        """Its message."""
        return struct.pack("!H", identifier) + self.wire


def kind_of(wire, question):
    """What a reply is worth: fresh, stale, TC, SERVFAIL, empty, unsigned, or another rcode."""
    _, flags, _, *counts = struct.unpack_from("!6H", wire)
    if flags & 0x0200:
        return "TC"
    if flags & 15:
        return "SERVFAIL" if flags & 15 == 2 else f"rcode {flags & 15}"
    types, stale = _records(wire, sum(counts))
    answer = types[:counts[0]]
    if question.type not in answer:
        return "empty"
    if question.signed and RRSIG not in answer:
        return "unsigned"
    return "stale" if stale else "fresh"


def _records(wire, count):
    """(types of all records, whether there is the extended error 3)."""
    at = behind_name(wire, 12) + 4
    types, stale = [], False
    for _ in range(count):
        at = behind_name(wire, at)
        rdtype, _, _, size = struct.unpack_from("!HHIH", wire, at)
        types.append(rdtype)
        if rdtype == OPT:
            stale = _is_stale(wire[at + 10:at + 10 + size])
        at += 10 + size
    return types, stale


def behind_name(wire, at):
    while wire[at] and wire[at] < 0xC0:
        at += wire[at] + 1
    return at + (2 if wire[at] else 1)


def _is_stale(options):
    """Is there the extended error 3 (RFC 8914)?"""
    at = 0
    while at < len(options):
        code, size = struct.unpack_from("!HH", options, at)
        if code == 15 and struct.unpack_from("!H", options, at + 4) == (STALE,):
            return True
        at += 4 + size
    return False


class Asked:
    """A query under way."""

    __slots__ = ("index", "attempt", "since", "counted")

    def __init__(self, index, attempt, since, counted):
        self.index, self.attempt, self.since = index, attempt, since
        self.counted = counted  # What it counts to: a Seen.


class Seen:
    """What came back.

    first: kinds of first replies; end: what clients had in the end; since: the first reply of all;
    last: when the last one of each kind came, or was lost; fresh: questions that had a fresh
    answer, and when.
    """

    def __init__(self):
        self.first, self.end = collections.Counter(), collections.Counter()
        self.since, self.last, self.fresh = None, {}, {}

    @property
    def asked(self):
        return sum(self.first.values())

    def note(self, kind, now):
        self.since = self.since or now
        self.first[kind] += 1
        self.last[kind] = now


class Connection:
    """A query over TCP."""

    def __init__(self, asked, wire):
        self.asked = asked
        self.rest = struct.pack("!H", len(wire)) + wire
        self.got = b""
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        self.sock.setblocking(False)
        self.sock.connect_ex(SERVER)

    def go_on(self, poll, events):
        """Sends what is left, and takes what has come; False if no more comes."""
        try:
            if events & selectors.EVENT_WRITE:
                self.rest = self.rest[self.sock.send(self.rest):]
                if not self.rest:
                    poll.modify(self.sock, selectors.EVENT_READ, self)
                return True
            got = self.sock.recv(65535)
        except BlockingIOError:
            return True
        except OSError:
            got = b""
        self.got += got
        return bool(got)

    def reply(self):
        """The reply, or None while it is not whole."""
        size = int.from_bytes(self.got[:2], "big")
        return self.got[2:] if len(self.got) >= 2 + max(12, size) else None


class Crowd:
    """Asks questions of the server at a rate, in an order by chance."""

    def __init__(self, questions, rate=2000, seed=1):
        resource.setrlimit(resource.RLIMIT_NOFILE,
                           (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
        self.questions, self.rate = questions, rate
        self.chance = random.Random(seed)
        self.poll = selectors.DefaultSelector()
        self.sockets = [world.open_socket() for _ in range(SOCKETS)]
        for sock in self.sockets:
            sock.setblocking(False)
            self.poll.register(sock, selectors.EVENT_READ)
        self.pending = {}  # (socket, identifier): Asked; in order of time
        self.connections = {}  # Connections: nothing; in order of time
        self.sent = 0
        self.seen = Seen()

    def close(self):
        for connection in list(self.connections):
            self._end(connection)
        for sock in self.sockets:
            self.poll.unregister(sock)
            sock.close()
        self.poll.close()

    # Asking.

    def begin(self):
        """What is asked from now on counts anew; what is under way does not count."""
        self.settle(0)
        self.seen = Seen()

    def run(self, seconds, until=lambda: False, indices=None):
        """Ask for so many seconds, or until something is so; by chance, or what is given."""
        start, sent = time.monotonic(), 0
        while (now := time.monotonic()) < start + seconds and not until():
            due = int((now - start) * self.rate)
            # What this program was too late for stays unasked: a burst would overflow the server.
            sent = max(sent, due - BURST)
            while sent < due:
                index = (self.chance.randrange(len(self.questions)) if indices is None
                         else next(indices, None))
                if index is None:
                    return
                self._send(Asked(index, 1, time.monotonic(), self.seen))
                sent += 1
            self._receive(min(0.002, 1 / self.rate))

    def settle(self, seconds=ATTEMPTS * (LOST_S + LOST_TCP_S)):
        """Take what still comes."""
        deadline = time.monotonic() + seconds
        while (self.pending or self.connections) and time.monotonic() < deadline:
            self._receive(0.01)
        self._receive(0)
        self.pending.clear()
        for connection in list(self.connections):
            self._end(connection)

    def each(self):
        """Asks every question once; what came of it."""
        self.begin()
        self.run(10 + 4 * len(self.questions) / self.rate, indices=iter(range(len(self.questions))))
        self.settle()
        return self.seen

    def ask_one(self, index, timeout=0.1):
        """What the reply to one query is; None if none comes within this time. Does not count."""
        with world.open_socket() as sock:
            sock.settimeout(timeout)
            try:
                sock.connect(SERVER)
                sock.send(self.questions[index].query(1))
                return kind_of(sock.recv(4096), self.questions[index])
            except OSError:
                return None

    def learn(self, timeout=120):
        """Ask until every question has a fresh answer."""
        deadline = time.monotonic() + timeout
        while (seen := self.each()).first["fresh"] < len(self.questions):
            assert time.monotonic() < deadline, f"not all is known: {seen.first}"

    def _send(self, asked):
        self.sent += 1
        number = self.sent // SOCKETS & 0xFFFF
        sock = self.sockets[self.sent % SOCKETS]
        self.pending[sock, number] = asked
        try:
            sock.sendto(self.questions[asked.index].query(number), SERVER)
        except OSError:
            pass  # Then there is no reply.

    # What comes.

    def _receive(self, seconds):
        for key, events in self.poll.select(max(0, seconds)):
            if key.data is None:
                self._receive_udp(key.fileobj)
            else:
                self._receive_tcp(key.data, events)
        self._give_up(time.monotonic())

    def _receive_udp(self, sock):
        while True:
            try:
                wire = sock.recv(4096)
            except OSError:
                return
            asked = self.pending.pop((sock, int.from_bytes(wire[:2], "big")), None)
            if asked is None:
                continue
            now = time.monotonic()
            kind = kind_of(wire, self.questions[asked.index])
            if asked.attempt == 1:
                asked.counted.note(kind, now)
            if kind == "fresh":
                asked.counted.fresh.setdefault(asked.index, now)
            if kind == "TC":
                self._connect(asked, now)
            else:
                asked.counted.end[kind] += 1

    def _connect(self, asked, now):
        asked.since = now
        connection = Connection(asked, self.questions[asked.index].query(1))
        self.connections[connection] = None
        self.poll.register(connection.sock, selectors.EVENT_WRITE, connection)

    def _receive_tcp(self, connection, events):
        more, reply = connection.go_on(self.poll, events), connection.reply()
        if reply is not None:
            asked = connection.asked
            kind = kind_of(reply, self.questions[asked.index])
            asked.counted.end[kind] += 1
            if kind == "fresh":
                asked.counted.fresh.setdefault(asked.index, time.monotonic())
            self._end(connection)
        elif not more:
            self._end(connection)
            self._again(connection.asked)

    def _end(self, connection):
        del self.connections[connection]
        self.poll.unregister(connection.sock)
        connection.sock.close()

    # What does not come.

    def _give_up(self, now):
        while self.pending:
            key, asked = next(iter(self.pending.items()))
            if now - asked.since < LOST_S:
                break
            del self.pending[key]
            if asked.attempt == 1:
                # Before there was a server nobody could have answered.
                if asked.counted.since is None or asked.since < asked.counted.since:
                    continue
                asked.counted.first["lost"] += 1
                asked.counted.last["lost"] = asked.since
            self._again(asked)
        while self.connections:
            connection = next(iter(self.connections))
            if now - connection.asked.since < LOST_TCP_S:
                break
            self._end(connection)
            self._again(connection.asked)

    def _again(self, asked):
        if asked.attempt == ATTEMPTS:
            asked.counted.end["SERVFAIL, no reply"] += 1
            return
        self._send(Asked(asked.index, asked.attempt + 1, time.monotonic(), asked.counted))
