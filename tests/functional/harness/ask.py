"""Asking a server one question and reading the reply as strictly as we can."""

import ipaddress
import socket
import struct
import time
import typing

import dns.edns
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdatatype

from . import zone
from .threads import described

SERVER = ("127.0.0.1", 5300)
STALE_ANSWER = 3
NOT_READY = 14
BLOCKED = 15
NO_REACHABLE_AUTHORITY = 22
NETWORK_ERROR = 23
INVALID_DATA = 24
FAILURES = {NO_REACHABLE_AUTHORITY, NETWORK_ERROR}

ADDRESS_TYPES = ("A", "AAAA")
# RFC 7871's numbers of the families, by IP version.
FAMILIES = {4: 1, 6: 2}


class NoReply(AssertionError):
    """The server did not reply within the time allowed."""


class Malformed(Exception):
    """The reply breaks the wire format or a rule that every reply obeys."""


class Subnet(typing.NamedTuple):
    """An EDNS client subnet (RFC 7871), its address with every bit that came."""

    address: str
    source: int
    scope: int = 0

    @property
    def network(self):
        """The network, the bits beyond the source length cut."""
        return ipaddress.ip_network((self.address, self.source), strict=False)

    @property
    def option(self):
        """The option, with every bit there is room for."""
        address = ipaddress.ip_address(self.address)
        head = struct.pack("!HBB", FAMILIES[address.version], self.source, self.scope)
        octets = address.packed[: (self.source + 7) // 8]
        return dns.edns.GenericOption(dns.edns.OptionType.ECS, head + octets)

    def __str__(self):
        return f"{self.address}/{self.source}"


def subnets_of(message):
    """The client subnets in a message, of which there should be one at most."""
    options = [option for option in message.options if option.otype == dns.edns.OptionType.ECS]
    for i, option in enumerate(options):
        if isinstance(option, dns.edns.GenericOption):
            # One of a query to be sent, with octets of the test's own.
            options[i] = dns.edns.option_from_wire(option.otype, option.data, 0, len(option.data))
    return [Subnet(option.address, option.srclen, option.scopelen) for option in options]


class Reply:
    """A reply that passed the strict checks, with the questions tests ask about it."""

    def __init__(self, wire, message, records, elapsed, query_name, query_type, proto):
        self.wire = wire
        self.message = message
        self.records = records
        self.elapsed = elapsed
        self.name = query_name
        self.type = query_type
        self.proto = proto

    @property
    def rcode(self):
        return dns.rcode.to_text(self.message.rcode())

    @property
    def tc(self):
        return bool(self.message.flags & dns.flags.TC)

    @property
    def aa(self):
        return bool(self.message.flags & dns.flags.AA)

    @property
    def ede(self):
        """Codes of the extended errors, in order."""
        return [int(o.code) for o in self.message.options if isinstance(o, dns.edns.EDEOption)]

    @property
    def subnet(self):
        """The client subnet, or None."""
        found = subnets_of(self.message)
        return found[0] if found else None

    def section(self, name):
        """[(owner, TTL, type, RDATA text)] of "answer", "authority" or "additional"."""
        return self.records[name]

    def addresses(self, rdtype=None, owner=None, section="answer"):
        """The set of addresses of one type (the one asked for, unless told otherwise)."""
        rdtype = rdtype or self.type
        return {
            rdata
            for name, _, kind, rdata in self.records[section]
            if kind == rdtype and (owner is None or name == dns.name.from_text(owner))
        }

    def types(self, section="answer"):
        return {kind for _, _, kind, _ in self.records[section]}

    def ttls(self, rdtype=None, section="answer"):
        rdtype = rdtype or self.type
        return {ttl for _, ttl, kind, _ in self.records[section] if kind == rdtype}

    def ttl(self, rdtype=None, section="answer"):
        """The TTL of the RRset of one type."""
        found = self.ttls(rdtype, section)
        assert len(found) == 1, f"expected one {rdtype or self.type} RRset, got {self}"
        return found.pop()

    def soa_ttl(self):
        return self.ttl("SOA", "authority")

    def __str__(self):
        lines = [
            f"{self.name}/{self.type} over {self.proto}: {self.rcode}"
            f"{' AA' if self.aa else ''}{' TC' if self.tc else ''}"
            f" EDE={self.ede}{self._subnet_text()}"
            f" {len(self.wire)} octets in {self.elapsed * 1000:.0f} ms"
        ]
        for section in ("answer", "authority", "additional"):
            records = self.records[section]
            for name, ttl, kind, rdata in records[:12]:
                lines.append(f"  {section}: {name} {ttl} {kind} {rdata}")
            if len(records) > 12:
                lines.append(f"  {section}: and {len(records) - 12} more")
        return "\n".join(lines)

    def _subnet_text(self):
        return f" ECS={self.subnet}/{self.subnet.scope}" if self.subnet else ""

    def expect(
        self,
        *,
        rcode="NOERROR",
        tc=False,
        aa=True,
        a=None,
        aaaa=None,
        ttl=None,
        ede=None,
        soa=None,
        scope=None,
    ):
        """Compare with what a rule says; what is None is not compared.

        a, aaaa: the addresses in Answer; ttl: (least, most) of the RRset of the
        type asked for; ede: a set of codes, of which exactly one must be there,
        or an empty set for none; soa: a SOA stands in Authority; scope: that of the
        client subnet, or () for no client subnet.
        """
        wanted = []

        def want(what, good):
            if not good:
                wanted.append(what)

        want(f"rcode {rcode}", self.rcode == rcode)
        want(f"TC={tc}", self.tc == tc)
        if aa is not None:
            want(f"AA={aa}", self.aa == aa)
        for rdtype, addresses in (("A", a), ("AAAA", aaaa)):
            if addresses is not None:
                want(f"{rdtype} {sorted(addresses)}", self.addresses(rdtype) == set(addresses))
        if ttl is not None:
            low, high = ttl
            found = self.ttls()
            want(f"TTL {low}..{high}", len(found) == 1 and low <= min(found) <= high)
        if ede is not None:
            want(
                f"EDE {sorted(ede) or 'none'}",
                (len(self.ede) == 1 and self.ede[0] in ede) if ede else not self.ede,
            )
        if soa is not None:
            want(f"SOA in Authority: {soa}", ("SOA" in self.types("authority")) == soa)
        if scope is not None:
            found = self.subnet.scope if self.subnet else ()
            want("no ECS" if scope == () else f"ECS with scope {scope}", found == scope)
        assert not wanted, f"expected {', '.join(wanted)}; got {self}"
        return self


def make_query(
    name,
    rdtype,
    *,
    edns=True,
    do=False,
    bufsize=1232,
    options=(),
    ecs=None,
    rd=False,
    qid=None,
    tsig=None,
):
    """A query message; ecs is a client subnet ("192.0.2.0/24"), tsig a dns.tsig.Key."""
    query = dns.message.make_query(name, rdtype)
    query.flags = dns.flags.RD if rd else 0
    if qid is not None:
        query.id = qid
    if edns:
        flags = dns.flags.DO if do else 0
        options = list(options)
        if ecs is not None:
            options.append(dns.edns.ECSOption.from_text(ecs))
        query.use_edns(0, flags, bufsize, options=options)
    if tsig is not None:
        query.use_tsig({tsig.name: tsig})
    return query


def query(
    name, rdtype="A", proto="udp", *, server=SERVER, timeout=5.0, source=None, repeats=False, **how
):
    """Send one query and return the strictly checked Reply. See make_query for `how`.

    repeats: an RRset may stand there twice, as in replies of BIND's named.
    """
    message = make_query(name, rdtype, **how)
    wire = message.to_wire()
    start = time.monotonic()
    answer = exchange(wire, proto, server, timeout, source, f"{name}/{rdtype} over {proto}")
    return parse(answer, message, proto, time.monotonic() - start, repeats)


def exchange(wire, proto="udp", server=SERVER, timeout=5.0, source=None, what="these octets"):
    """Send octets and return the octets that come back."""
    return {"udp": _udp, "tcp": _tcp}[proto](wire, server, timeout, source, what)


def silent(what, timeout, error):
    """A NoReply; what its processes do matters when a whole answer was waited for."""
    doing = f"; {described()}" if timeout >= 5 else ""
    return NoReply(f"no reply to {what} within {timeout} s: {error}{doing}")


def _udp(wire, server, timeout, source, what):
    with socket.socket(_family(server), socket.SOCK_DGRAM) as sock:
        sock.settimeout(timeout)
        if source:
            sock.bind((source, 0))
        sock.connect(server)
        try:
            sock.send(wire)
            return sock.recv(65535)
        except (TimeoutError, ConnectionError) as error:
            raise silent(what, timeout, error) from None


def _tcp(wire, server, timeout, source, what):
    try:
        with socket.create_connection(
            server, timeout, source_address=(source, 0) if source else None
        ) as sock:
            sock.sendall(struct.pack("!H", len(wire)) + wire)
            return read_tcp(sock)
    except (TimeoutError, ConnectionError) as error:
        raise silent(what, timeout, error) from None


def read_tcp(sock):
    """One length-prefixed message from a stream."""
    (length,) = struct.unpack("!H", _read_exactly(sock, 2))
    return _read_exactly(sock, length)


def _read_exactly(sock, length):
    data = b""
    while len(data) < length:
        piece = sock.recv(length - len(data))
        if not piece:
            raise ConnectionResetError("closed before the reply was complete")
        data += piece
    return data


def _family(server):
    return socket.AF_INET6 if ":" in server[0] else socket.AF_INET


def parse(wire, asked, proto, elapsed=0.0, repeats=False):
    """Parse a reply to the message `asked`, or raise Malformed."""
    question = asked.question[0]
    what = f"{question.name}/{dns.rdatatype.to_text(question.rdtype)} over {proto}"
    keys = {"keyring": asked.keyring, "request_mac": asked.mac} if asked.keyring else {}
    try:
        message = dns.message.from_wire(wire, **keys)
        single = dns.message.from_wire(wire, one_rr_per_rrset=True, **keys)
    except (dns.exception.DNSException, ValueError) as error:
        raise Malformed(f"{what}: {error!r} in {wire.hex()}") from error
    problems = list(_header_problems(wire, message, asked, proto))
    problems += _subnet_problems(message, asked)
    records = {}
    for number, section in enumerate(("answer", "authority", "additional"), 1):
        records[section] = [
            (rr.name, rr.ttl, dns.rdatatype.to_text(rr.rdtype), rdata_text(rr[0]))
            for rr in single.sections[number]
        ]
        if not repeats:
            problems += _rrset_problems(single.sections[number], section)
    if problems:
        raise Malformed(f"{what}: {'; '.join(problems)} in {wire.hex()}\n{message}")
    rdtype = dns.rdatatype.to_text(question.rdtype)
    return Reply(wire, message, records, elapsed, question.name, rdtype, proto)


def rdata_text(rdata):
    """RDATA as text; that of an unknown type as zone.rdata() writes it."""
    if isinstance(rdata, dns.rdata.GenericRdata):
        return zone.rdata(rdata.data)
    return rdata.to_text()


def _header_problems(wire, message, asked, proto):
    (flags,) = struct.unpack_from("!H", wire, 2)
    if message.id != asked.id:
        yield f"ID {message.id} instead of {asked.id}"
    if not flags & dns.flags.QR:
        yield "not a reply"
    if flags & 0x0040:
        yield "the reserved header bit is set"
    if flags & dns.flags.RA and not asked.flags & dns.flags.RD:
        yield "RA in the reply to a query without RD"
    # The question comes back octet by octet, its letter case included.
    question = asked.question[0].to_text()
    if [q.to_text() for q in message.question] != [question]:
        yield f"question {[q.to_text() for q in message.question]} instead of {question}"
    if asked.edns < 0 and message.edns >= 0:
        yield "EDNS in the reply to a query without"
    if asked.edns >= 0 and message.edns < 0:
        yield "no EDNS in the reply to a query with it"
    if proto == "udp":
        limit = max(512, asked.payload if asked.edns >= 0 else 512)
        if len(wire) > limit:
            yield f"{len(wire)} octets, {limit} are allowed"
    elif flags & dns.flags.TC:
        yield f"TC over {proto}"


def _subnet_problems(message, asked):
    """RFC 7871, 7.2.1: the option comes back as it was sent, but for the scope."""
    found = subnets_of(message)
    if not found:
        return
    if len(found) > 1:
        yield f"{len(found)} client subnets"
    wanted = subnets_of(asked)
    if not wanted:
        yield f"client subnet {found[0]} in the reply to a query without"
        return
    network = wanted[0].network
    if found[0][:2] != (str(network.network_address), network.prefixlen):
        yield f"client subnet {found[0]} instead of {network}"


def _rrset_problems(rrs, section):
    """Duplicates, TTLs that differ within an RRset, RRsets torn apart."""
    seen = {}
    ttls = {}
    last = None
    for rr in rrs:
        key = (rr.name, rr.rdtype, rr.covers)
        rdata = rr[0].to_digestable()
        if rdata in seen.setdefault(key, set()):
            yield f"{section}: {rr} stands there twice"
        if ttls.setdefault(key, rr.ttl) != rr.ttl:
            yield f"{section}: TTL {rr.ttl} and {ttls[key]} in one RRset of {rr.name}"
        if seen[key] and last != key:
            yield f"{section}: the RRset of {rr} is torn apart"
        seen[key].add(rdata)
        last = key
