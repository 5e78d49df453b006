"""The load: questions of all kinds, each between two to a zone that is static.

A reply is lost if none came, and both of those did. All three come from the same socket, or over
TCP from the same address, so that the same worker has them.
"""

import collections
import socket
import struct
import threading
import time

from harness.ask import SERVER, Malformed, make_query, parse, read_tcp
from harness.wait import scaled
from judge import LOADING, Question, Wrong
from targets import SUBNETS
from world import ANY, STATIC

PATIENCE_S = scaled(4)
PAUSE_S = 0.02
OTHER_TYPES = ("CAA", "HINFO", "SRV", "DS", "CNAME", "TYPE64999", "TLSA", "NAPTR", "SVCB", "DNAME")
# What is asked, and how often of all.
KINDS = {"apex": 36, "alias": 12, "owner": 8, "pair": 6, "any": 4, "own": 12, "type": 5, "https": 5,
         "aname": 4, "nxdomain": 8}
# Without the option there are no other owners.
MUST = [kind for kind in KINDS if ANY or kind != "owner"]


class Maker:
    """Makes questions by chance."""

    def __init__(self, world, chance):
        self.world, self.chance = world, chance
        self.zones = list(world.zones.values())

    def make(self):
        chance = self.chance
        kind = chance.choices(list(KINDS), KINDS.values())[0]
        zone = chance.choice(self.zones)
        if kind == "pair":
            zone = self.world.zones["weighted.example"]
        question = Question(kind, zone, zone.name, chance.choice(("A", "AAAA")),
                            zone.owners.get("@"), zone.name)
        question.proto = chance.choice(("udp", "udp", "udp", "tcp"))
        question.how = self._how()
        getattr(self, f"_{kind}", lambda _: None)(question)
        if zone.section.choice == "subnets" and question.edns and chance.random() < 0.7:
            question.how["ecs"] = chance.choice(SUBNETS)
        if zone.section.choice == "weighted":
            question.source = f"127.{chance.randrange(2, 250)}.{chance.randrange(256)}.7"
        question.name = self._mixed(question.name)
        return question

    def _how(self):
        chance = self.chance
        turn = chance.random()
        if turn < 0.25:
            return {"edns": False}
        how = {"do": turn < 0.75, "bufsize": chance.choice((512, 1232, 1232, 4096))}
        return how

    def _mixed(self, name):
        if self.chance.random() < 0.8:
            return name
        return "".join(self.chance.choice((c.lower(), c.upper())) for c in name)

    def _alias(self, question):
        zone = question.zone
        label = self.chance.choice(list(zone.aliases))
        at = zone.aliases[label]
        question.owner = zone.owners[at]
        question.name = f"{label}.{zone.name}"
        question.owner_name = question.owner.name
        if at.startswith("*"):
            question.kind, question.owner_name = "wildcard", question.name

    def _owner(self, question):
        """An owner that is not the apex, if there is any."""
        zones = [zone for zone in self.zones if len(zone.owners) > 1]
        if not zones:
            question.kind = "apex"
            return
        question.zone = self.chance.choice(zones)
        label = self.chance.choice([one for one in question.zone.owners if one != "@"])
        question.owner = question.zone.owners[label]
        question.name = question.owner_name = question.owner.name.replace(
            "*", f"n{self.chance.randrange(50)}")

    def _any(self, question):
        question.rdtype = "ANY"

    def _own(self, question):
        question.rdtype = self.chance.choice(("NS", "MX", "TXT", "SOA", "DNSKEY"))
        question.owner = None
        if question.rdtype == "TXT":
            question.name = f"text.{question.zone.name}"

    def _type(self, question):
        question.rdtype, question.owner = self.chance.choice(OTHER_TYPES), None

    def _https(self, question):
        question.rdtype = "HTTPS"

    def _aname(self, question):
        question.rdtype = "TYPE65305"

    def _nxdomain(self, question):
        question.owner = None
        question.name = f"none{self.chance.randrange(10000)}.{question.zone.name}"
        question.rdtype = self.chance.choice(("A", "AAAA", "MX", "TXT"))


class Asker:
    """Sends one question, and two to the static zone around it."""

    def __init__(self):
        self._static = make_query(STATIC, "A")

    def ask(self, question):
        """(reply, begin, end), the reply None if there was none, or "lost" if it is a loss."""
        message = make_query(question.name, question.rdtype, **question.how)
        send = self._udp if question.proto == "udp" else self._tcp
        begin = time.monotonic()
        wire, lost = send(message, question.source)
        end = time.monotonic()
        if wire is None:
            return "lost" if lost else None, begin, end
        return parse(wire, message, question.proto, end - begin), begin, end

    def _udp(self, message, source):
        identifiers = [(message.id + turn) & 0xFFFF for turn in (1, 0, 2)]
        static = self._static.to_wire()[2:]
        wires = [struct.pack("!H", identifiers[0]) + static, message.to_wire(),
                 struct.pack("!H", identifiers[2]) + static]
        found = {}
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            if source:
                sock.bind((source, 0))
            sock.connect(SERVER)
            deadline = time.monotonic() + PATIENCE_S
            try:
                for wire in wires:
                    sock.send(wire)
                while len(found) < 3:
                    sock.settimeout(max(deadline - time.monotonic(), 0.001))
                    wire = sock.recv(65535)
                    found[struct.unpack_from("!H", wire)[0]] = wire
            except OSError:
                pass
        others = identifiers[0] in found and identifiers[2] in found
        return found.get(message.id), others

    def _tcp(self, message, source):
        before = self._tcp_one(self._static, source)
        wire = self._tcp_one(message, source)
        if wire is not None:
            return wire, False
        return None, before is not None and self._tcp_one(self._static, source) is not None

    @staticmethod
    def _tcp_one(message, source):
        wire = message.to_wire()
        try:
            with socket.create_connection(
                    SERVER, PATIENCE_S, source_address=(source, 0) if source else None) as sock:
                sock.sendall(struct.pack("!H", len(wire)) + wire)
                return read_tcp(sock)
        except OSError:
            return None


class Load:
    """Threads that ask and judge until they are stopped. chances: a random.Random for each."""

    def __init__(self, world, judge, report, chances):
        self.world, self.judge, self.report = world, judge, report
        self.asked = collections.Counter()
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(chance,), daemon=True)
                         for chance in chances]

    def start(self):
        for thread in self._threads:
            thread.start()

    def stop(self):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, chance):
        maker, asker = Maker(self.world, chance), Asker()
        while not self._stop.is_set():
            question = maker.make()
            try:
                if question.kind == "pair":
                    self._pair(asker, question)
                else:
                    self._one(asker, question)
            except Exception as error:  # pylint: disable=broad-except
                self.report.broken(question, error)
                self._stop.wait(1)
            self._stop.wait(PAUSE_S)

    def _count(self, kind, what):
        with self._lock:
            self.asked[kind, what] += 1

    def _one(self, asker, question):
        """Asks and judges; returns (reply, begin, end), the reply None if it is none to go by."""
        generation = self.world.generation
        try:
            reply, begin, end = asker.ask(question)
        except Malformed as error:
            self.report.violation(question, None, Wrong("malformed", f"a good reply: {error}"),
                                  time.monotonic())
            return None, 0.0, 0.0
        if reply is None or reply == "lost":
            self._count(question.kind, "unanswered")
            if reply == "lost" and generation == self.world.generation \
                    and not self.world.spells.touch((LOADING,), begin, end):
                self.report.violation(question, None, Wrong(
                    "lost", "a reply, as the static zone gave before and after it"), end)
            return None, begin, end
        self._count(question.kind, "truncated" if reply.tc else reply.rcode)
        try:
            self.judge.check(question, reply, begin, end)
            if reply.tc:
                self._truncated(asker, question, begin)
        except Wrong as wrong:
            self.report.violation(question, reply, wrong, end)
            return None, begin, end
        return reply, begin, end

    def _truncated(self, asker, question, begin):
        """A reply is truncated if it is too large, or what it needs is not known yet."""
        over_tcp = Question(**{**vars(question), "proto": "tcp"})
        reply, _, end = self._one(asker, over_tcp)
        if reply is None:
            return
        limit = question.how.get("bufsize", 512) if question.edns else 512
        # Signatures of one key and another, and sets of one moment and another, differ in size.
        if len(reply.wire) < limit - 250 and not self.judge.may_be_cold(question, begin, end):
            raise Wrong("truncated", f"a reply: it has {len(reply.wire)} octets of {limit}, and all"
                        " is known")

    def _pair(self, asker, question):
        found = {}
        begin = time.monotonic()
        for rdtype in ("A", "AAAA"):
            one = Question(**{**vars(question), "rdtype": rdtype, "proto": "tcp"})
            reply, _, end = self._one(asker, one)
            if reply is None:
                return
            found[rdtype] = reply.addresses()
        try:
            self.judge.pair(question, found["A"], found["AAAA"], begin, end)
        except Wrong as wrong:
            self.report.violation(question, reply, wrong, end)
