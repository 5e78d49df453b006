"""Asking knotd over TLS and QUIC: connections that stay open, with many questions on each.

Over QUIC each question has a stream of its own (RFC 9250, 4.2). The transport is aioquic's, which
does no I/O itself: nothing happens on a connection while nobody waits for a reply there.
"""

import contextlib
import dataclasses
import importlib.util
import select
import socket
import ssl
import struct
import time

import dns.message

from .ask import make_query, parse, read_tcp, silent
from .scenario import ZONE
from .wait import scaled
from .zone import ANAME

ADDRESS = "127.0.0.1"
# Of both: one is a port of TCP, the other one of UDP.
PORT = 8853
AT = (ADDRESS, PORT)

# On so many streams of a connection knotd answers at a time; what comes on others it drops.
STREAMS_MAX = 10

# About a zone with the records of harness.signing: addresses, aliases, denials and all the rest.
ASKED = [
    (ZONE, "A"), (ZONE, "AAAA"), (ZONE, "ANY"), (ZONE, "MX"), (ZONE, f"TYPE{ANAME}"),
    (ZONE, "HTTPS"), (ZONE, "SOA"), (ZONE, "CAA"), (f"www.{ZONE}", "A"), (f"one.{ZONE}", "AAAA"),
    (f"x.wild.{ZONE}", "A"), (f"x.wild.{ZONE}", "TXT"), (f"under.{ZONE}", "A"),
    (f"a.sub.{ZONE}", "A"), (f"no.{ZONE}", "A"), (f"b.c.{ZONE}", "A"),
]

HAS_QUIC = importlib.util.find_spec("aioquic") is not None


def listen(knotd):
    """Have it listen for both, and close no connection because a slow machine makes a pause."""
    at = f"{ADDRESS}@{PORT}"
    knotd.server.update({"listen-tls": at, "listen-quic": at, "tcp-idle-timeout": 120,
                         "quic-idle-close-timeout": 120})


@dataclasses.dataclass
class Asked:
    """A question that is under way."""

    message: dns.message.Message
    number: int
    rest: bytes = b""
    sent: float = 0.0


class _Connection:
    """What both have in common."""

    def query(self, name, rdtype="A", timeout=10.0, **how):
        """Ask and return the strictly checked reply. See make_query for `how`."""
        return self.reply(self.ask(name, rdtype, **how), timeout)

    def reply(self, asked, timeout=10.0):
        """The reply to a question that was sent."""
        question = asked.message.question[0]
        try:
            wire, when = self._receive(asked.number, scaled(timeout))
        except (TimeoutError, OSError, EOFError) as error:
            what = f"{question.name} over {self.proto}"
            raise silent(what, scaled(timeout), error) from None
        return parse(wire, asked.message, self.proto, when - asked.sent)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Tls(_Connection):
    """A connection over TLS. Replies may come in any order."""

    proto = "tls"

    def __init__(self, server=AT, source=None, timeout=10.0):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.set_alpn_protocols(["dot"])
        self._count = 0
        self._replies = {}
        plain = socket.create_connection(server, scaled(timeout), (source, 0) if source else None)
        try:
            self._socket = context.wrap_socket(plain)
        except OSError:
            plain.close()
            raise
        # knotd hangs up on who asks nothing for `tcp-io-timeout` after the handshake. Later not.
        self.query("localhost", "SOA", timeout)

    def ask(self, name, rdtype="A", **how):
        """Send a question, in a record of TLS of its own: knotd takes one message of each."""
        self._count += 1
        message = make_query(name, rdtype, qid=self._count, **how)
        asked = Asked(message, self._count, sent=time.monotonic())
        wire = message.to_wire()
        self._socket.sendall(struct.pack("!H", len(wire)) + wire)
        return asked

    def _receive(self, number, timeout):
        self._socket.settimeout(timeout)
        while number not in self._replies:
            wire = read_tcp(self._socket)
            self._replies[struct.unpack_from("!H", wire)[0]] = wire, time.monotonic()
        return self._replies.pop(number)

    def close(self):
        self._socket.close()


class Quic(_Connection):
    """A connection over QUIC."""

    proto = "quic"

    def __init__(self, server=AT, source=None, timeout=10.0):
        from aioquic.quic.configuration import QuicConfiguration  # Debian 12 has none.
        from aioquic.quic.connection import QuicConnection

        self._connection = QuicConnection(
            configuration=QuicConfiguration(alpn_protocols=["doq"], verify_mode=ssl.CERT_NONE)
        )
        self._streams = {}
        self._complete = False
        self._end = None
        self._server = server
        family = socket.AF_INET6 if ":" in server[0] else socket.AF_INET
        self._socket = socket.socket(family, socket.SOCK_DGRAM)
        if source:
            self._socket.bind((source, 0))
        self._socket.connect(server)
        self._connection.connect(server, time.monotonic())
        try:
            self._until(lambda: self._complete, scaled(timeout))
        except (OSError, EOFError):
            self.close()
            raise

    def ask(self, name, rdtype="A", cut=None, **how):
        """Send a question on a stream of its own; `cut`: only so many octets of it, for now."""
        asked = Asked(make_query(name, rdtype, qid=0, **how),
                      self._connection.get_next_available_stream_id())
        wire = asked.message.to_wire()
        wire = struct.pack("!H", len(wire)) + wire
        asked.rest = wire[cut:] if cut else b""
        self._streams[asked.number] = [b"", None]
        asked.sent = time.monotonic()
        self._connection.send_stream_data(asked.number, wire[:cut], end_stream=not cut)
        self._flush()
        return asked

    def complete(self, asked):
        """Send what was left out."""
        asked.sent = time.monotonic()
        self._connection.send_stream_data(asked.number, asked.rest, end_stream=True)
        self._flush()

    def _receive(self, number, timeout):
        self._until(lambda: self._streams[number][1], timeout)
        octets, when = self._streams.pop(number)
        if len(octets) < 2 or len(octets) != 2 + struct.unpack_from("!H", octets)[0]:
            raise EOFError(f"the stream ended with {octets.hex() or 'nothing'}")
        return octets[2:], when

    def close(self):
        self._connection.close()
        with contextlib.suppress(OSError):  # Nobody may be there any more.
            self._flush()
        self._socket.close()

    def _until(self, done, timeout):
        """Let the connection go on until that is so."""
        deadline = time.monotonic() + timeout
        while True:
            self._flush()
            if done():
                return
            now = time.monotonic()
            if self._end is not None:
                raise EOFError(f"the connection was closed: {self._end}")
            if now >= deadline:
                raise TimeoutError("timed out")
            timer = self._connection.get_timer()
            wait = deadline if timer is None else min(deadline, timer)
            if select.select([self._socket], [], [], max(wait - now, 0))[0]:
                wire = self._socket.recv(65535)
                self._connection.receive_datagram(wire, self._server, time.monotonic())
            elif timer is not None and timer <= time.monotonic():
                self._connection.handle_timer(time.monotonic())
            self._take_events()

    def _flush(self):
        for wire, _ in self._connection.datagrams_to_send(time.monotonic()):
            self._socket.send(wire)

    def _take_events(self):
        while (event := self._connection.next_event()) is not None:
            kind = type(event).__name__
            if kind == "HandshakeCompleted":
                self._complete = True
            elif kind == "ConnectionTerminated":
                self._end = f"{event.error_code} {event.reason_phrase}"
            elif kind in ("StreamDataReceived", "StreamReset") and event.stream_id in self._streams:
                stream = self._streams[event.stream_id]
                stream[0] += getattr(event, "data", b"")
                if getattr(event, "end_stream", True):
                    stream[1] = time.monotonic()


CONNECTIONS = {"tls": Tls, "quic": Quic}


def content(reply):
    """All that a reply says, but for what passes: times, and the order of records."""
    records = {
        part: sorted((owner.to_text(), kind, "" if kind == "RRSIG" else rdata)
                     for owner, _, kind, rdata in reply.section(part))
        for part in ("answer", "authority", "additional")
    }
    return reply.rcode, reply.aa, reply.ede, records
