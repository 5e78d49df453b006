"""What lies beyond the server, each in a process of its own: targets by the thousand, and the
distance to the recursor.

The distance is a relay and not netem, because netem is missing from many kernels and would delay
the load, too; and because from here it is seen what the module does: when it asks for a name, and
when the answer comes.
"""

import collections
import json
import os
import select
import signal
import socket
import statistics
import struct
import sys
import time

TARGETS = ("127.0.0.54", 53)
FAR = ("127.0.0.20", 53)
RECURSOR = ("127.0.0.1", 53)
CACHES = """\
  msg-cache-size: 64m
  rrset-cache-size: 128m
  so-rcvbuf: 8m
"""
# What the targets' names end in.
SUFFIX = "targets.example"
# Up to this many of each family.
ADDRESSES = 2
RDATA = {1: [b"\x00\x04" + bytes([192, 0, 2, i + 1]) for i in range(ADDRESSES)],
         28: [b"\x00\x10" + bytes.fromhex("20010db80000000000000000000000") + bytes([i + 1])
              for i in range(ADDRESSES)]}
BUFFER = 8 << 20
# Missing from the socket module; beyond what net.core.rmem_max allows.
SO_SNDBUFFORCE, SO_RCVBUFFORCE = 32, 33


def _script(name, directory, *arguments):
    from harness.process import Daemon
    return Daemon(name, [sys.executable, os.path.abspath(__file__), name, *arguments], directory)


class Watcher:
    """A process that sees answers go by, and says in the end what it saw."""

    def __init__(self, name, directory, *arguments):
        self.report = os.path.join(directory, f"{name}.json")
        self.daemon = _script(name, directory, *arguments, self.report)

    def start(self):
        self.daemon.start()

    def begin(self):
        """What was seen up to now does not count."""
        self.daemon.signal(signal.SIGUSR1)

    def seen(self):
        """Ends it; the numbers that Watch.summary() made."""
        self.daemon.stop()
        with open(self.report, encoding="ascii") as report:
            return json.load(report)

    def kill(self):
        self.daemon.kill()


class Targets(Watcher):
    """A process that answers for every name, with so many addresses of each family, some seconds
    later perhaps."""

    def __init__(self, directory, ttl, addresses=1, delay=0):
        super().__init__("targets", directory, str(ttl), str(addresses), str(delay))


def start_recursor(bench, ttl, addresses=1, stubs=(), delay=0):
    """Start targets with this TTL, and a recursor that caches and asks them."""
    targets = Targets(bench.directory, ttl, addresses, delay)
    targets.start()
    bench.daemons.append(targets)
    return bench.start_unbound(cache=True, cache_ttl=86400, server=CACHES,
                               stubs={SUFFIX: TARGETS[0], **dict(stubs)})


class Distance(Watcher):
    """A process that makes the way to the recursor longer by so many seconds there and back."""

    def __init__(self, directory, seconds):
        super().__init__("distance", directory, str(seconds))


def open_socket(address=None):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for option in (SO_RCVBUFFORCE, SO_SNDBUFFORCE):
        sock.setsockopt(socket.SOL_SOCKET, option, BUFFER)
    if address:
        sock.bind(address)
    return sock


def _question_end(wire):
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return at + 5


def _answer(wire, ttl, count):
    """An authority's reply to a query."""
    end = _question_end(wire)
    (rdtype,) = struct.unpack_from("!H", wire, end - 4)
    rdata = RDATA.get(rdtype, [])[:count]
    header = wire[:2] + b"\x84\x00" + struct.pack("!HHHH", 1, len(rdata), 0, 0)
    front = struct.pack("!HHHI", 0xC00C, rdtype, 1, ttl)
    return header + wire[12:end] + b"".join(front + one for one in rdata)


def serve_targets(ttl, addresses, delay, report):
    sock, watch = open_socket(TARGETS), Watch()
    _report_at_end(report, watch.clear, lambda: watch.summary([]))
    ttl, addresses, delay = int(ttl), int(addresses), float(delay)
    later = collections.deque()  # (due, query, client)
    while True:
        wait = max(0.0, later[0][0] - time.monotonic()) if later else None
        if not delay or select.select([sock], [], [], wait)[0]:
            query, client = sock.recvfrom(4096)
            later.append((time.monotonic() + delay, query, client))
        while later and later[0][0] <= time.monotonic():
            _, query, client = later.popleft()
            wire = _answer(query, ttl, addresses)
            sock.sendto(wire, client)
            watch.answer(wire, time.monotonic())


def _report_at_end(path, clear, summary):
    """Has a process begin anew at SIGUSR1, and at SIGTERM write its summary and end."""
    def finish(*_):
        with open(path, "w", encoding="ascii") as file:
            json.dump(summary(), file)
        sys.exit(0)

    signal.signal(signal.SIGUSR1, lambda *_: clear())
    signal.signal(signal.SIGTERM, finish)


class Watch:
    """What can be known of refreshes from outside: how old an answer was when the next one came."""

    def __init__(self):
        self.answered = {}  # question: (when, lifetime)
        self.clear()

    def clear(self):
        self.late = []
        self.past = []
        self.shares = []

    def answer(self, wire, now):
        end = _question_end(wire)
        if struct.unpack_from("!H", wire, 6) == (0,):
            return
        question = wire[12:end].lower()
        (ttl,) = struct.unpack_from("!I", wire, end + 6)
        before = self.answered.get(question)
        self.answered[question] = now, max(ttl, 1)
        if before:
            then, life = before
            self.shares.append((now - then) / life)
            # The plan is 75 to 90 % of the lifetime; what is later than that is late for sure.
            self.late.append(max(0.0, now - then - 0.9 * life) * 1000)
            self.past.append(max(0.0, now - then - life) * 1000)

    def summary(self, overdue):
        return {"answers": len(self.shares), "share": quantiles(self.shares),
                "late": quantiles(self.late), "past": quantiles(self.past),
                "relay": quantiles(overdue)}


def quantiles(values):
    """Median, 99th of a hundred, and largest."""
    if len(values) < 2:
        return [0, 0, 0]
    hundredths = statistics.quantiles(values, n=100)
    return [hundredths[49], hundredths[98], max(values)]


class Relay:
    """Passes messages between those who ask at FAR and the RECURSOR, each a while later."""

    def __init__(self, delay):
        self.delay = delay
        self.front, self.back = open_socket(FAR), open_socket()
        self.back.connect(RECURSOR)
        self.asked = {}  # identifier on the way to the recursor: (client, its identifier)
        self.next_id = 0
        self.under_way = collections.deque()  # (due, client or None, wire): in order of time
        self.watch = Watch()
        self.overdue = []

    def clear(self):
        self.watch.clear()
        self.overdue.clear()

    def run(self):
        while True:
            now = time.monotonic()
            wait = max(0.0, self.under_way[0][0] - now) if self.under_way else None
            ready, _, _ = select.select([self.front, self.back], [], [], wait)
            for sock in ready:
                self.receive(sock)
            self.send_due()

    def receive(self, sock):
        for _ in range(64):
            try:
                wire, client = sock.recvfrom(4096, socket.MSG_DONTWAIT)
            except (BlockingIOError, ConnectionRefusedError):
                return
            due = time.monotonic() + self.delay
            (number,) = struct.unpack_from("!H", wire)
            if sock is self.front:
                self.next_id = (self.next_id + 1) & 0xFFFF
                self.asked[self.next_id] = client, number
                self.under_way.append((due, None, struct.pack("!H", self.next_id) + wire[2:]))
            elif number in self.asked:
                client, message_id = self.asked.pop(number)
                self.under_way.append((due, client, struct.pack("!H", message_id) + wire[2:]))

    def send_due(self):
        while self.under_way and self.under_way[0][0] <= time.monotonic():
            due, client, wire = self.under_way.popleft()
            if client is None:
                self.back.send(wire)
            else:
                self.front.sendto(wire, client)
                self.watch.answer(wire, time.monotonic())
            self.overdue.append((time.monotonic() - due) * 1000)


def serve_distance(seconds, report):
    relay = Relay(float(seconds) / 2)
    _report_at_end(report, relay.clear, lambda: relay.watch.summary(relay.overdue))
    relay.run()


if __name__ == "__main__":
    {"targets": serve_targets, "distance": serve_distance}[sys.argv[1]](*sys.argv[2:])
