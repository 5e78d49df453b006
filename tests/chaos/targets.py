"""The targets of the ANAME records: who has which addresses, and the servers that tell them.

The servers run in a process of their own, so that the load does not slow them down. No two targets
have an address in common, nor has one target two sets that share one: an address tells whose it is,
and since when.
"""

import ctypes
import dataclasses
import multiprocessing
import signal
import threading

import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from harness.authority import ADDRESS, SCRIPTED, Authority, Behaviour
from history import Timeline

PR_SET_PDEATHSIG = 1
TTL = 30
FAMILIES = ("A", "AAAA")
# What a lie says: nobody ever had these.
POISON = {"A": "198.18.0.66", "AAAA": "2001:db8:dead::66"}
# Their clients' networks, of which each has an address of its own.
SUBNETS = [f"198.51.{number}.0/24" for number in range(12)]
GENERAL = 250


class Server(Authority):
    """One that tells the truth unless it is told to do something else."""

    def __init__(self, address):
        self.mode, self.delay = None, 0.0
        super().__init__(address)

    def both(self, name, a, aaaa):
        """What it has of both families from the same moment on."""
        key = dns.name.from_text(name).to_text().lower()
        with self._lock:
            self._behaviours.pop((key, None), None)
            self._behaviours[key, "A"], self._behaviours[key, "AAAA"] = a, aaaa

    def _answer(self, wire, proto, client):
        answer, delay = super()._answer(wire, proto, client)
        mode = self.mode
        if mode is None or answer is None:
            return answer, delay
        if mode == "slow":
            return answer, delay + self.delay
        if mode == "silent":
            return None, 0.0
        return LIES[mode](dns.message.from_wire(wire), wire), delay


def _poisoned(query, owner=None):
    reply = dns.message.make_response(query)
    question = reply.question[0]
    rdtype = dns.rdatatype.to_text(question.rdtype)
    if rdtype in POISON:
        reply.answer.append(dns.rrset.from_text(owner or question.name, TTL, "IN", rdtype,
                                                POISON[rdtype]))
    reply.flags |= dns.flags.AA | dns.flags.RA
    return reply


def _garbage(_query, wire):
    return wire[:2] + b"\x84\x00" + wire[4:12] + b"\xff" * 20


def _wrong_id(query, _wire):
    reply = _poisoned(query)
    reply.id ^= 0x5555
    return reply.to_wire()


def _wrong_question(query, _wire):
    reply = _poisoned(query)
    question = reply.question[0]
    question.name = dns.name.from_text("else.where.example")
    return reply.to_wire()


def _foreign(query, _wire):
    return _poisoned(query, dns.name.from_text("else.where.example")).to_wire()


def _rcode(rcode):
    def reply(query, _wire):
        message = dns.message.make_response(query)
        message.set_rcode(dns.rcode.from_text(rcode))
        message.flags |= dns.flags.RA
        return message.to_wire()

    return reply


LIES = {
    "garbage": _garbage,
    "wrong-id": _wrong_id,
    "wrong-question": _wrong_question,
    "foreign": _foreign,
    "refused": _rcode("REFUSED"),
    "servfail": _rcode("SERVFAIL"),
    # NOERROR and nothing else, which is a negative answer.
    "empty": _rcode("NOERROR"),
}


def made(rdtype, number, generation, host):
    """An address of a target, by its number, that nothing else has."""
    if rdtype == "A":
        return f"10.{number}.{generation & 255}.{host}"
    return f"2001:db8:{number:x}:{generation:x}::{host:x}"


class OfSubnets:
    """The addresses of a target that has one for each network of its clients."""

    def __init__(self, number, generation):
        self.number, self.generation = number, generation

    def __call__(self, subnet):
        if subnet is None or subnet.address.startswith("127."):
            return Behaviour(rdata=(made("A", self.number, self.generation, GENERAL),), ttl=TTL)
        host = int(subnet.address.split(".")[2])
        return Behaviour(rdata=(made("A", self.number, self.generation, host),), ttl=TTL, scope=24)


class Target:
    """A name, and what it has: `sets` is by family the history of (generation, addresses).

    addresses: a frozenset, empty for a negative answer; None: it fails
    fixed: {family: addresses} that it always has, if it does not make them up
    """

    def __init__(self, number, name, upstream, fixed=None, subnets=False):
        self.number, self.name, self.upstream = number, name, upstream
        self.fixed, self.subnets = fixed, subnets
        self.generation = 0
        self.sets = {rdtype: Timeline((0, self.addresses(rdtype, 0))) for rdtype in FAMILIES}

    def address(self, rdtype, generation, host):
        return made(rdtype, self.number, generation, host)

    def addresses(self, rdtype, generation):
        if self.fixed is not None:
            return frozenset(self.fixed.get(rdtype, ()))
        if self.subnets:
            return frozenset([self.address("A", generation, GENERAL)] if rdtype == "A" else ())
        return frozenset(self.address(rdtype, generation, host)
                         for host in range(1, 2 + (self.number + generation) % 3))

    def owns(self, address):
        if self.fixed is not None:
            return any(address in addresses for addresses in self.fixed.values())
        return address.startswith((f"10.{self.number}.", f"2001:db8:{self.number:x}:"))


UPSTREAMS = {"unbound": ADDRESS, "unbound-first": ADDRESS, "system": ADDRESS, "direct": ADDRESS,
             "liar": SCRIPTED}


def _serve(pipe):
    # It ends with the run, however that ends.
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    servers = {address: Server(address) for address in set(UPSTREAMS.values())}
    while True:
        address, method, args, how = pipe.recv()
        try:
            if method == "mode":
                servers[address].mode, servers[address].delay = args
            else:
                getattr(servers[address], method)(*args, **how)
            pipe.send(None)
        except Exception as error:  # pylint: disable=broad-except
            pipe.send(error)


class Servers:
    """The process that has them; made before there are any threads."""

    def __init__(self):
        context = multiprocessing.get_context("fork")
        self._pipe, other = context.Pipe()
        self._process = context.Process(target=_serve, args=(other,), daemon=True)
        self._process.start()
        self._lock = threading.Lock()

    def call(self, address, method, *args, **how):
        with self._lock:
            self._pipe.send((address, method, args, how))
            error = self._pipe.recv()
        if error is not None:
            raise error

    def close(self):
        # Whoever started this may have had SIGTERM ignored.
        self._process.kill()
        self._process.join()


@dataclasses.dataclass
class Targets:
    """All of them, and how they change."""

    servers: Servers
    spells: object
    all: dict = dataclasses.field(default_factory=dict)
    failing: dict = dataclasses.field(default_factory=dict)

    def add(self, name, upstream, **how):
        target = Target(len(self.all) + 1, name, upstream, **how)
        self.all[name] = target
        self.move(name)
        return target

    def whose(self, address):
        return next((one for one in self.all.values() if one.owns(address)), None)

    def _recover(self, name):
        """It does not fail any more, as soon as what follows is done."""
        spell = self.failing.pop(name, None)
        if spell is not None:
            self.spells.end(spell)

    def _call(self, target, method, *args):
        self.servers.call(UPSTREAMS[target.upstream], method, target.name, *args)

    def move(self, name, without=()):
        """It has other addresses; none in the families of `without`."""
        target = self.all[name]
        target.generation += 1
        now = {rdtype: frozenset() if rdtype in without
               else target.addresses(rdtype, target.generation) for rdtype in FAMILIES}
        told = [Behaviour(rdata=tuple(sorted(now[rdtype])), ttl=TTL, negative_ttl=TTL)
                for rdtype in FAMILIES]
        if target.subnets and now["A"]:
            told[0] = OfSubnets(target.number, target.generation)
        with target.sets["A"].change((target.generation, now["A"])), \
                target.sets["AAAA"].change((target.generation, now["AAAA"])):
            self._call(target, "both", *told)
        self._recover(name)

    def vanish(self, name):
        """It is NXDOMAIN."""
        target = self.all[name]
        with target.sets["A"].change((0, frozenset())), \
                target.sets["AAAA"].change((0, frozenset())):
            self._call(target, "behave", None, Behaviour(rcode="NXDOMAIN", negative_ttl=TTL))
        self._recover(name)

    def fail(self, name):
        """It is SERVFAIL."""
        if name not in self.failing:
            self.failing[name] = self.spells.begin(name)
        self._call(self.all[name], "behave", None, Behaviour(rcode="SERVFAIL"))

    def truth(self, name, rdtype):
        """What it has now."""
        return self.all[name].sets[rdtype].now[1]
