"""L4: signing has a part of a worker's time; a zone that takes all of it gives way to the others."""

import itertools
import socket
import struct
import threading

import pytest
from harness import (
    A2, AAAA2, NOT_READY, SERVER, TARGET, ZONE, aname, eventually, known, let_pass, make_query,
    parse, query, read_tcp, scaled,
)
from harness.signatures import Keys, verify
from harness.signing import SIGNED, policy
from harness.subnets import each, for_subnet, of_network
from harness.validator import signed

BESIDE = "example.edu"
OTHER = "other.example.net"
# More networks than signatures are kept.
NETWORKS = 2500
# So many queries wait at once.
AT_ONCE = 40
KEPT = 2000
LIMIT = "limit reached, signing takes"
TYPE = "TYPE65305"


def networks():
    """All of them, again and again."""
    return itertools.cycle(f"10.{1 + n // 250}.{n % 250}.0/24" for n in range(NETWORKS))


class Batch:
    """Queries on their way, each for another network; those over TCP by one connection."""

    def __init__(self, proto, clients, count=AT_ONCE, do=True):
        self.proto = proto
        self.asked = [make_query(ZONE, "A", do=do, ecs=next(clients), qid=i) for i in range(count)]
        self.sock = socket.socket(type=socket.SOCK_DGRAM if proto == "udp" else socket.SOCK_STREAM)
        self.sock.settimeout(scaled(20))
        self.sock.connect(SERVER)
        for asked in self.asked:
            wire = asked.to_wire()
            self.sock.sendall(wire if proto == "udp" else struct.pack("!H", len(wire)) + wire)

    def receive(self):
        """[(wire, the query)] of the replies."""
        with self.sock:
            wires = [self.sock.recv(65535) if self.proto == "udp" else read_tcp(self.sock)
                     for _ in self.asked]
        return [(wire, self.asked[wire[0] << 8 | wire[1]]) for wire in wires]


def is_answer(wire):
    """Neither TC nor SERVFAIL: told by two octets, since there are very many."""
    return not wire[2] & 0x02 and wire[3] & 0x0F == 0


def expect_nothing(reply, section="answer"):
    """Beside TC: what Knot has put there may deny what there is."""
    assert not reply.section(section), f"expected nothing in {section} beside TC, got {reply}"


def put_off(reply):
    """Is this the reply to what cannot be signed now? Else it is an answer."""
    if reply.tc:
        expect_nothing(reply)
        return True
    if reply.rcode == "SERVFAIL":
        reply.expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})
        return True
    wanted = of_network(str(reply.subnet), 24)
    reply.expect(a={wanted}, scope=24, ede=set())
    return False


def serve(ecs, authority, **options):
    """A zone with another answer for each network, all of them known; and one with one answer."""
    policy(ecs, algorithm="rsasha256", zsk_size=4096)
    authority.behave(TARGET, "A", each(ttl=3600))
    authority.set(OTHER, a=[A2], aaaa=[AAAA2], ttl=3600)
    ecs.server.update({"udp-workers": 1, "tcp-workers": 1, "udp-max-payload": 4096})
    # A network whose lookup fails has everybody's answer for a while.
    ecs.options.update({"max-target-subnets": 4096, "timeout": 60000, **options})
    ecs.add_zone(ZONE, [aname(TARGET, ttl=3600), "@ IN MX 10 @"], zone_options=SIGNED)
    ecs.add_zone(BESIDE, [aname(OTHER, ttl=3600)], zone_options={"dnssec-signing": True})
    ecs.start()
    for zone in (ZONE, BESIDE):
        signed(zone)
    known(ZONE, "A")
    for rdtype in ("A", "AAAA"):
        known(BESIDE, rdtype)
    clients = networks()
    # So may one have until the targets' server has shown that it takes subnets.
    first = next(clients)
    for_subnet(first, {of_network(first, 24)}, 24)
    for _ in range(NETWORKS // AT_ONCE):
        Batch("udp", clients, do=False).receive()

    def all_known():
        Batch("udp", clients, do=False).receive()
        query(ZONE, "A")
        return ecs.stats(ZONE).get("subnets", 0) >= NETWORKS

    eventually(all_known, timeout=60, what=f"{NETWORKS} networks are known")


def truncates(proto, cold):
    """Is what is put off TC? Else it is SERVFAIL."""
    return proto == "udp" and cold == "truncate"


class Flood:
    """Queries for one network after the other, so many that there always is one to answer, until
    the end of the block."""

    def __init__(self, proto):
        self.proto = proto
        self.clients = networks()
        self.wires = []
        self.put_off = 0
        self.failure = None
        self.over = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def run(self):
        try:
            batch = Batch(self.proto, self.clients)
            while not self.over.is_set():
                following = Batch(self.proto, self.clients)
                self.take(batch)
                batch = following
            self.take(batch)
        except Exception as error:
            self.failure = error

    def take(self, batch):
        received = batch.receive()
        # So many are looked at whole; TC comes by the ten thousand.
        self.wires += received if len(self.wires) < KEPT else []
        self.put_off += sum(not is_answer(wire) for wire, _ in received)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        self.thread.join()

    def wait_put_off(self, count):
        """Until so many more were put off."""
        wanted = self.put_off + count

        def enough():
            assert self.failure is None, f"expected replies to all queries, got {self.failure!r}"
            return self.put_off >= wanted

        eventually(enough, timeout=60, what=f"{count} answers are put off")

    def replies(self):
        return [parse(wire, asked, self.proto) for wire, asked in self.wires]


def learn(zone):
    keys = Keys(zone)
    keys.learn()
    return keys


def ask_beside(proto, keys):
    """Each content of the other zone is signed; the first one's denials list A, or are not there."""
    for rdtype, how in (("A", {"a": {A2}}), ("AAAA", {"aaaa": {AAAA2}})):
        reply = query(BESIDE, rdtype, proto, do=True, timeout=20)
        verify(reply.expect(**how, ede=set()), keys[BESIDE])
    for rdtype in ("AAAA", "CAA", "NSEC", TYPE):
        reply = query(ZONE, rdtype, proto, do=True, bufsize=4096, timeout=20)
        if reply.tc:
            expect_nothing(reply, "authority")
        elif reply.rcode == "NOERROR":
            verify(reply, keys[ZONE])
        else:
            reply.expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})
    # Beside another answer: signed, or left out.
    reply = query(ZONE, "MX", proto, do=True, bufsize=4096, ecs="10.1.0.0/24", timeout=20)
    verify(reply.expect(rcode="NOERROR"), keys[ZONE])
    beside = [kind for _, _, kind, _ in reply.section("additional") if kind in ("A", "RRSIG")]
    assert beside in (["A", "RRSIG"], []), f"expected A and its signature or neither, got {reply}"


def check_replies(replies, tc, keys):
    wrong = [str(reply) for reply in replies if put_off(reply) and reply.tc != tc]
    assert not wrong, f"expected TC={tc}, got {wrong[:3]}"
    answers = [reply for reply in replies if not put_off(reply)]
    assert answers, "expected some to be answered before"
    for reply in answers[:: 1 + len(answers) // AT_ONCE]:
        verify(reply, keys)


@pytest.mark.limit(150)
@pytest.mark.parametrize(
    "proto, cold", [("udp", "truncate"), ("udp", "servfail"), ("tcp", "truncate")]
)
def test_L4_a_zone_that_would_take_all_of_a_worker(ecs, authority, proto, cold):
    serve(ecs, authority, cold=cold)
    keys = {zone: learn(zone) for zone in (ZONE, BESIDE)}
    tc = truncates(proto, cold)
    counter = f"answers[{'truncated' if tc else 'cold'}]"
    let_pass(1.2)  # What was put off before is shown by then.
    query(ZONE, "A")
    before = ecs.stats(ZONE).get(counter, 0)
    with Flood(proto) as flood:
        flood.wait_put_off(AT_ONCE)
        ask_beside(proto, keys)
        flood.wait_put_off(AT_ONCE)
    check_replies(flood.replies(), tc, keys[ZONE])
    ecs.wait_log(LIMIT, ZONE, ask=ZONE)
    assert not ecs.log_lines(LIMIT, BESIDE)

    def counted():
        query(ZONE, "A", proto)
        return ecs.stats(ZONE).get(counter, 0) - before >= flood.put_off

    eventually(counted, timeout=20, what=f"they are counted as {counter}")
    # When there is time again, it has its own.
    eventually(lambda: is_answer(Batch(proto, flood.clients, 1).receive()[0][0]),
               what="a new answer is signed again")
