"""The resolver of the server that hostile zones are on, in a process of its own.

It is scripted, so that what is slow is so because the attack wants it and not because a recursor
gives up on it. A target's name says how it is answered:

    good<N>.quick.test   at once, by addresses of its own, with a lifetime of 5 to 30 s
    *.fill.test          at once, with a lifetime of a minute
    *.slow.test          after 1.8 s, with a lifetime of a second
    *.big.test           at once, by 1,024 addresses of each family
    *.subnets.test       at once, but after 2 s or after 20 where there is a client's subnet
    *.loop.test          by a real recursor, which comes back to the server for the zone

What is none of these does not exist.
"""

import heapq
import itertools
import json
import os
import re
import selectors
import signal
import socket
import struct
import sys
import time

import world

ADDRESS = ("127.0.0.57", 53)
A, AAAA, OPT, ECS = 1, 28, 41, 8
SLOW_S, SUBNET_S = 1.8, (2.0, 20.0)
MANY = 1024
UDP_OCTETS = 1232
NXDOMAIN = 3
# A recursor's answer that has not come by then does not come.
RELAY_S = 5.0
# The root's, with the root as both of its names.
SOA = (b"\0" + struct.pack("!HHIH", 6, 1, 60, 22) + b"\0\0"
       + struct.pack("!5I", 1, 3600, 600, 86400, 60))


def target(number):
    """The name of a good zone's target."""
    return f"good{number}.quick.test"


def lifetime(number):
    """Its TTL."""
    return 5 + number % 26


def address(number, rdtype):
    """Its one address, which is nobody else's."""
    if rdtype == A:
        return bytes([10, number >> 16 & 255, number >> 8 & 255, number & 255])
    return bytes.fromhex("20010db8") + number.to_bytes(12, "big")


def many(number, rdtype):
    """The addresses of one of the big targets."""
    return [address(1 << 23 | number << 10 | i, rdtype) for i in range(MANY)]


class Question:
    """What a query asks for."""

    def __init__(self, wire):
        at, labels = 12, []
        while wire[at]:
            labels.append(wire[at + 1:at + 1 + wire[at]])
            at += wire[at] + 1
        self.end = at + 5
        self.name = b".".join(labels).decode("latin-1").lower()
        (self.rdtype,) = struct.unpack_from("!H", wire, at + 1)
        self.wire = wire
        self.edns = len(wire) > self.end + 2 and wire[self.end:self.end + 3] == b"\0\0\x29"
        self.subnet = self._subnet() if self.edns else None

    def _subnet(self):
        """The octets of the client's subnet, None without one."""
        at, end = self.end + 11, len(self.wire)
        while at + 4 <= end:
            code, size = struct.unpack_from("!HH", self.wire, at)
            if code == ECS:
                return self.wire[at + 4:at + 4 + size]
            at += 4 + size
        return None

    @property
    def subnet_delay(self):
        """Seconds, by the client's network; none for what is for everybody."""
        if self.subnet is None or self.subnet[2] == 0:
            return 0
        return SUBNET_S[self.subnet[4] % 2]


def find(question):
    """(addresses or None where the name does not exist, TTL, delay)."""
    known = question.rdtype in (A, AAAA)
    good = re.fullmatch(r"good(\d+)\.quick\.test", question.name)
    if good:
        number = int(good[1])
        return [address(number, question.rdtype)] if known else [], lifetime(number), 0
    top = ".".join(question.name.split(".")[-2:])
    if top == "big.test":
        number = int(re.sub(r"\D", "", question.name) or 0)
        return many(number, question.rdtype) if known else [], 300, 0
    how = {"fill.test": (60, 0), "slow.test": (1, SLOW_S),
           "subnets.test": (60, question.subnet_delay)}
    if top not in how:
        return None, 60, 0
    return [address(1 << 22, question.rdtype)] if known else [], *how[top]


def reply_to(question, addresses, ttl, limit):
    """The reply's octets; those of a truncated one if they are too many."""
    front = struct.pack("!HHHI", 0xC00C, question.rdtype, 1, ttl)
    records = [front + struct.pack("!H", len(one)) + one for one in addresses or []]
    option = b""
    if question.subnet is not None:
        scope = question.subnet[2] if question.name.endswith(".subnets.test") else 0
        subnet = question.subnet[:3] + bytes([scope]) + question.subnet[4:]
        option = struct.pack("!HH", ECS, len(subnet)) + subnet
    opt = b""
    if question.edns:
        opt = struct.pack("!BHHIH", 0, OPT, UDP_OCTETS, 0, len(option)) + option
    rcode = NXDOMAIN if addresses is None else 0

    def message(flags, answer, authority):
        header = struct.pack("!5H", 0x8180 | flags | rcode, 1, len(answer), len(authority),
                             1 if opt else 0)
        return (question.wire[:2] + header + question.wire[12:question.end]
                + b"".join(answer + authority) + opt)

    wire = message(0, records, [] if records else [SOA])
    return wire if len(wire) <= limit else message(0x0200, [], [])


class Resolver:
    """Answers until it is ended, and counts what it was asked, by the part of the name above."""

    def __init__(self):
        self.poll = selectors.DefaultSelector()
        self.udp = world.open_socket(ADDRESS)
        self.listener = socket.create_server(ADDRESS, backlog=128)
        self.listener.setblocking(False)
        self.up = world.open_socket()
        self.up.connect(world.RECURSOR)
        for sock, handler in ((self.udp, self.receive), (self.listener, self.accept),
                              (self.up, self.receive_relayed)):
            self.poll.register(sock, selectors.EVENT_READ, handler)
        self.later = []  # (due, number, wire, send), a heap
        self.order = itertools.count()
        self.relayed = {}  # identifier: (send, identifier of the client, until)
        self.asked = {}

    def run(self):
        while True:
            wait = max(0.0, self.later[0][0] - time.monotonic()) if self.later else None
            for key, _ in self.poll.select(wait):
                key.data(key.fileobj)
            while self.later and self.later[0][0] <= time.monotonic():
                _, _, wire, send = heapq.heappop(self.later)
                send(wire)

    def receive(self, sock):
        for _ in range(64):
            try:
                wire, client = sock.recvfrom(4096, socket.MSG_DONTWAIT)
            except OSError:
                return
            self.answer(wire, UDP_OCTETS, lambda data, to=client: self._send(to, data))

    def _send(self, client, data):
        try:
            self.udp.sendto(data, client)
        except OSError:
            pass  # It has gone meanwhile.

    def answer(self, wire, limit, send):
        question = Question(wire)
        top = ".".join(question.name.split(".")[-2:])
        self.asked[top] = self.asked.get(top, 0) + 1
        if top == "loop.test":
            self.relay(wire, send)
            return
        addresses, ttl, delay = find(question)
        data = reply_to(question, addresses, ttl, limit)
        if delay:
            heapq.heappush(self.later, (time.monotonic() + delay, next(self.order), data, send))
        else:
            send(data)

    # Over TCP: what is truncated. One question at a time is all that asks.

    def accept(self, listener):
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        connection.settimeout(5)
        self.poll.register(connection, selectors.EVENT_READ, self.converse)

    def converse(self, connection):
        try:
            size = connection.recv(2, socket.MSG_WAITALL)
            wire = connection.recv(struct.unpack("!H", size)[0], socket.MSG_WAITALL)
            self.answer(wire, 65535, lambda data: self._send_tcp(connection, data))
        except (OSError, struct.error, IndexError):
            self.poll.unregister(connection)
            connection.close()

    @staticmethod
    def _send_tcp(connection, data):
        try:
            connection.sendall(struct.pack("!H", len(data)) + data)
        except OSError:
            pass  # It has gone meanwhile.

    # By the recursor.

    def relay(self, wire, send):
        now = time.monotonic()
        for old in [key for key, (_, _, until) in self.relayed.items() if until < now]:
            del self.relayed[old]
        number = next(self.order) & 0xFFFF
        self.relayed[number] = send, wire[:2], now + RELAY_S
        try:
            self.up.send(struct.pack("!H", number) + wire[2:])
        except OSError:
            pass  # Nobody is there: it does not answer.

    def receive_relayed(self, sock):
        for _ in range(64):
            try:
                wire = sock.recv(4096, socket.MSG_DONTWAIT)
            except OSError:
                return
            send, identifier, _ = self.relayed.pop(int.from_bytes(wire[:2], "big"), (None, None, 0))
            if send:
                send(identifier + wire[2:])


def daemon(directory):
    """The process, not started yet. It writes resolver.json when it ends."""
    from harness.process import Daemon
    return Daemon("resolver", [sys.executable, os.path.abspath(__file__),
                               os.path.join(directory, "resolver.json")], directory)


def main(report):
    resolver = Resolver()

    def finish(*_):
        with open(report, "w", encoding="ascii") as file:
            json.dump(resolver.asked, file)
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    resolver.run()


if __name__ == "__main__":
    main(sys.argv[1])
