"""A target authority that answers what the test tells it to, and remembers who asked what."""

import dataclasses
import functools
import heapq
import itertools
import select
import socket
import struct
import threading
import time
import typing

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype
import dns.rrset

from .ask import Subnet, read_tcp, subnets_of

ADDRESS = "127.0.0.53"
# ANAME and ALIAS.
ANAME_TYPES = ("TYPE65305", "TYPE65401")
# Where others stand that play a resolver.
SCRIPTED, OTHER = "127.0.0.11", "127.0.0.12"
SOA = ". 60 IN SOA ns.authority.example. hostmaster.authority.example. 1 3600 600 86400 {ttl}"


@dataclasses.dataclass
class Behaviour:
    """What happens to a query: records or an rcode, late, or never.

    scope:   that of the client subnet in the reply, if there is one in the query; with
             None the reply has none, as that of a server that does not know the option
    distort: a function that turns the reply's Subnet into another one
    edns:    whether EDNS is "known", or replied to with "formerr", or "ignored"
    soa:     whether a negative answer has one
    follow:  whether the target of an alias is in the answer, too
    referral: NS in Authority, and nothing else
    flags:   of the reply, "AA" or "RA", or "" for neither
    """

    rdata: tuple = ()
    ttl: int = 60
    cname: str = None
    rcode: str = "NOERROR"
    negative_ttl: int = 60
    delay: float = 0.0
    drop: bool = False
    garbage: bool = False
    scope: int = None
    distort: typing.Callable = None
    edns: str = "known"
    soa: bool = True
    follow: bool = True
    referral: bool = False
    flags: str = "AA"


@dataclasses.dataclass
class Seen:
    """One query that came."""

    name: str
    rdtype: str
    proto: str
    time: float
    subnet: Subnet = None
    edns: bool = True
    client: str = ""


@functools.lru_cache(maxsize=4096)
def read_rdata(rdtype, texts):
    """Records in text; a thousand take 20 ms."""
    return tuple(dns.rdata.from_text("IN", rdtype, text) for text in texts)


def _key(name):
    return dns.name.from_text(name).to_text().lower()


class Authority:
    """UDP and TCP on one address. Every method may be called while it serves."""

    def __init__(self, address=ADDRESS, port=53):
        self.address = (address, port)
        self._lock = threading.Lock()
        self._behaviours = {}
        self._seen = []
        self._running = 0
        self._most_running = 0
        self._later = []
        self._order = itertools.count()
        self._wake, self._woken = socket.socketpair()
        self._stopped = False
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self._udp.bind(self.address)
        self._listener = socket.create_server(self.address)
        self._threads = [
            threading.Thread(target=self._serve, daemon=True),
            threading.Thread(target=self._accept, daemon=True),
        ]
        for thread in self._threads:
            thread.start()

    # What the test says.

    def set(self, name, a=(), aaaa=(), **how):
        """Give a name these addresses; a family without any is NODATA."""
        self.behave(name, "A", Behaviour(rdata=tuple(a), **how))
        self.behave(name, "AAAA", Behaviour(rdata=tuple(aaaa), **how))

    def hold(self, name, rdtype, rdata, ttl):
        """Give a name these addresses of one family, or their absence, for so long."""
        self.behave(name, rdtype, Behaviour(rdata=tuple(rdata), ttl=ttl, negative_ttl=ttl))

    def cname(self, name, target, **how):
        self.behave(name, None, Behaviour(cname=target, **how))

    def nxdomain(self, name, **how):
        self.behave(name, None, Behaviour(rcode="NXDOMAIN", **how))

    def fail(self, name, rdtype=None, rcode="SERVFAIL", **how):
        self.behave(name, rdtype, Behaviour(rcode=rcode, **how))

    def drop(self, name, rdtype=None):
        """Never answer."""
        self.behave(name, rdtype, Behaviour(drop=True))

    def garbage(self, name, rdtype=None):
        """Answer with octets that are no DNS message."""
        self.behave(name, rdtype, Behaviour(garbage=True))

    def behave(self, name, rdtype, behaviour):
        """Set it for one type, or for every type (None) in place of all set before.

        A name that starts with "*." holds for everything below that is not set itself.
        In place of a Behaviour there may be a function that returns one for the query's
        client subnet (a Subnet, or None); it may be called by any thread.
        """
        with self._lock:
            if rdtype is None:
                for key in [key for key in self._behaviours if key[0] == _key(name)]:
                    del self._behaviours[key]
            else:
                self._behaviours.pop((_key(name), None), None)
            self._behaviours[_key(name), rdtype] = behaviour

    def clear(self):
        """Forget everything; every name is NXDOMAIN."""
        with self._lock:
            self._behaviours.clear()
            self._seen.clear()
            self._later.clear()
            self._running = self._most_running = 0

    # What the test asks.

    def seen(self, name=None, rdtype=None, since=0.0):
        """The queries that came, oldest first.

        Those for ANAME records, which the module asks for by chance, only if they are asked for.
        """
        wanted = None if name is None else _key(name)
        with self._lock:
            return [
                query
                for query in self._seen
                if wanted in (None, query.name)
                and (rdtype == query.rdtype or (rdtype is None and query.rdtype not in ANAME_TYPES))
                and query.time >= since
            ]

    def count(self, name=None, rdtype=None, since=0.0):
        return len(self.seen(name, rdtype, since))

    def times(self, name=None, rdtype=None, since=0.0):
        return [query.time for query in self.seen(name, rdtype, since)]

    def subnets(self, name=None, rdtype=None, since=0.0):
        """The client subnets of the queries that came, "" for none, oldest first."""
        return [str(query.subnet or "") for query in self.seen(name, rdtype, since)]

    def lookups(self, name, rdtype, gap=0.3):
        """Times of the first query of each burst: a lookup may take several queries."""
        bursts = []
        last = None
        for moment in self.times(name, rdtype):
            if last is None or moment - last > gap:
                bursts.append(moment)
            last = moment
        return bursts

    def most_running(self):
        """The most delayed answers that were ever due at once."""
        with self._lock:
            return self._most_running

    # How it serves.

    def _find(self, name, rdtype, subnet=None):
        candidates = [name]
        labels = name.split(".")
        candidates += ["*." + ".".join(labels[i:]) for i in range(1, len(labels))]
        for candidate in candidates:
            for kind in (rdtype, None):
                if (candidate, kind) in self._behaviours:
                    found = self._behaviours[candidate, kind]
                    return found(subnet) if callable(found) else found
            if any(key[0] == candidate for key in self._behaviours):
                return Behaviour()
        return Behaviour(rcode="NXDOMAIN")

    def _answer(self, wire, proto, client):
        """(wire reply or None, delay) for one query."""
        query = dns.message.from_wire(wire)
        question = query.question[0]
        rdtype = dns.rdatatype.to_text(question.rdtype)
        name = question.name.to_text().lower()
        subnet = next(iter(subnets_of(query)), None)
        with self._lock:
            self._seen.append(
                Seen(name, rdtype, proto, time.monotonic(), subnet, query.edns >= 0, client)
            )
            behaviour = self._find(name, rdtype, subnet)
        if behaviour.drop:
            return None, 0.0
        if behaviour.garbage:
            return wire[:2] + b"\x84\x00" + wire[4:12] + b"\xff" * 20, behaviour.delay
        reply = dns.message.make_response(query)
        reply.flags |= dns.flags.from_text(behaviour.flags)
        if behaviour.edns == "formerr" and query.edns >= 0:
            reply.set_rcode(dns.rcode.FORMERR)
        else:
            last = self._fill(reply, question, behaviour, subnet)
            self._echo(reply, last, subnet)
        if behaviour.edns != "known":
            reply.use_edns(False)
        return self._encode(reply, query, proto), behaviour.delay

    @staticmethod
    def _encode(reply, query, proto):
        """The reply's octets; those of a truncated one if they are too many."""
        limit = 65535 if proto == "tcp" else max(512, query.payload if query.edns >= 0 else 512)
        try:
            return reply.to_wire(max_size=limit)
        except dns.exception.TooBig:
            reply.sections[1:] = [[], [], []]
            reply.flags |= dns.flags.TC
            return reply.to_wire()

    @staticmethod
    def _echo(reply, behaviour, subnet):
        """Put the client subnet into the reply, as RFC 7871 or the test wants it."""
        if subnet is None or behaviour.scope is None:
            return
        subnet = subnet._replace(scope=behaviour.scope)
        if behaviour.distort is not None:
            subnet = behaviour.distort(subnet)
        reply.use_edns(0, 0, 1232, options=[subnet.option])

    def _fill(self, reply, question, behaviour, subnet):
        """Put the records into the reply; returns the behaviour at the end of the aliases."""
        owner = question.name
        rdtype = dns.rdatatype.to_text(question.rdtype)
        if behaviour.referral:
            reply.authority.append(dns.rrset.from_text(owner, 60, "IN", "NS", "ns.elsewhere.example."))
            return behaviour
        while behaviour.cname is not None and len(reply.answer) < 64:
            reply.answer.append(
                dns.rrset.from_text(owner, behaviour.ttl, "IN", "CNAME", behaviour.cname)
            )
            if not behaviour.follow:
                return behaviour
            owner = dns.name.from_text(behaviour.cname)
            with self._lock:
                behaviour = self._find(owner.to_text().lower(), rdtype, subnet)
        reply.set_rcode(dns.rcode.from_text(behaviour.rcode))
        if behaviour.rdata:
            reply.answer.append(
                dns.rrset.from_rdata_list(owner, behaviour.ttl,
                                          read_rdata(rdtype, behaviour.rdata))
            )
        elif behaviour.rcode in ("NOERROR", "NXDOMAIN") and behaviour.soa:
            soa = SOA.format(ttl=behaviour.negative_ttl).split(" ", 4)
            reply.authority.append(
                dns.rrset.from_text(soa[0], behaviour.negative_ttl, "IN", soa[3], soa[4])
            )
        return behaviour

    def _serve(self):
        while not self._stopped:
            with self._lock:
                due = self._later[0][0] if self._later else None
            timeout = None if due is None else max(0.0, due - time.monotonic())
            ready, _, _ = select.select([self._udp, self._woken], [], [], timeout)
            if self._woken in ready:
                self._woken.recv(4096)
            if self._udp in ready:
                wire, client = self._udp.recvfrom(65535)
                self._reply(
                    wire, "udp", client[0], lambda data, to=client: self._udp.sendto(data, to)
                )
            self._send_due()

    def _reply(self, wire, proto, client, send):
        try:
            answer, delay = self._answer(wire, proto, client)
        except (dns.exception.DNSException, IndexError, ValueError):
            return
        if answer is None:
            return
        if delay <= 0:
            send(answer)
            return
        with self._lock:
            heapq.heappush(
                self._later, (time.monotonic() + delay, next(self._order), answer, send)
            )
            self._running += 1
            self._most_running = max(self._most_running, self._running)
        self._wake.send(b"!")

    def _send_due(self):
        while True:
            with self._lock:
                if not self._later or self._later[0][0] > time.monotonic():
                    return
                _, _, answer, send = heapq.heappop(self._later)
                self._running -= 1
            try:
                send(answer)
            except OSError:
                pass  # The client has gone meanwhile.

    def _accept(self):
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        def send(data):
            connection.sendall(struct.pack("!H", len(data)) + data)

        connection.settimeout(30)
        try:
            with connection:
                client = connection.getpeername()[0]
                while True:
                    self._reply(read_tcp(connection), "tcp", client, send)
        except OSError:
            pass

    def close(self):
        self._stopped = True
        self._wake.send(b"!")
        self._threads[0].join()
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._threads[1].join()
        self._udp.close()
