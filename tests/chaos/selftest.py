"""Gives the judge replies that may not be, one for each way to be wrong, and right ones beside.

The world is there, but nothing in it runs; replies get lost by a small server that answers for the
static zone alone, or with what is no answer.
"""

import socket
import tempfile
import threading
import time

import dns.dnssec
import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives.asymmetric import ec
from harness.ask import SERVER, STALE_ANSWER, make_query, parse
from harness.scenario import SIBLING_A
from judge import Judge, Question, Wrong
from load import Asker, Load
from report import Report
from targets import FAMILIES, POISON
from world import STATIC, STATIC_ADDRESS, World

LONG_AGO, SOON = 1000.0, 0.001
PLAIN, SIGNED = "plain.example", "nsec.example"
WEIGHTED, PROBED = "weighted.example", "probed.example"


class Signer:
    """Signs sets of a zone as Knot does."""

    def __init__(self, zone):
        self.zone = dns.name.from_text(zone.name)
        self.private = ec.generate_private_key(ec.SECP256R1())
        self.key = dns.dnssec.make_dnskey(self.private.public_key(),
                                          dns.dnssec.Algorithm.ECDSAP256SHA256)

    def sign(self, rrset):
        now = int(time.time())
        rdata = dns.dnssec.sign(rrset, self.private, self.zone, self.key, inception=now - 60,
                                expiration=now + 3600)
        return dns.rrset.from_rdata(rrset.name, rrset.ttl, rdata)


class Replies:
    """Makes replies as they would come."""

    def __init__(self, world):
        self.world = world
        self.signers = {name: Signer(world.zones[name]) for name in (SIGNED, WEIGHTED)}
        for name, signer in self.signers.items():
            world.zones[name].keys.rdatas.add(signer.key)
            # It is asked for again where something does not verify.
            world.zones[name].keys.learn = lambda: 1

    def addresses(self, name, rdtype="A"):
        """What a target has now."""
        return sorted(self.world.targets.truth(name, rdtype))

    def question(self, zone, rdtype="A", kind="apex", **how):
        found = self.world.zones[zone]
        owner = None if kind in ("own", "nxdomain", "type") else found.owners["@"]
        return Question(kind, found, found.name, rdtype, owner, found.name, how=how)

    def reply(self, question, rdatas=(), *, rcode="NOERROR", ttl=2, soa=False, ede=None, sign=None,
              more=(), tc=False):
        """rdatas: of the type that is asked for; sign: who signs; more: further sets"""
        query = make_query(question.name, question.rdtype, **question.how)
        message = dns.message.make_response(query)
        message.flags |= dns.flags.AA | (dns.flags.TC if tc else 0)
        message.set_rcode(dns.rcode.from_text(rcode))
        sets = [dns.rrset.from_text_list(question.name + ".", ttl, "IN", question.rdtype, rdatas)
                ] if rdatas else []
        for one in [*sets, *more]:
            message.answer.append(one)
            if sign:
                message.answer.append(sign.sign(one))
        if soa:
            text = f"ns.{question.zone.name}. h.{question.zone.name}. 1 3600 600 86400 60"
            message.authority.append(
                dns.rrset.from_text(f"{question.zone.name}.", 2, "IN", "SOA", text))
        if query.edns >= 0:
            options = [dns.edns.EDEOption(ede)] if ede is not None else []
            message.use_edns(0, dns.flags.DO if question.do else 0, 1232, options=options)
        return parse(message.to_wire(), query, question.proto)


def settle(world, judge):
    """Everything is known since long ago, and the targets' sets of now are those of long ago."""
    past = time.monotonic() - LONG_AGO
    for zone in world.zones.values():
        for owner in zone.owners.values():
            for name in owner.targets.now:
                for rdtype in FAMILIES:
                    judge.known.learn(zone, name, rdtype, past)
    for target in world.targets.all.values():
        for sets in target.sets.values():
            sets.put(sets.now, past)


def wrong_replies(world, replies):
    """(what is to be reported, question, reply)"""
    make, ask, has = replies.reply, replies.question, replies.addresses
    plain, dnssec = ask(PLAIN), ask(SIGNED, do=True, bufsize=4096)
    old = sorted(world.targets.all["plain.u.example"].addresses("A", 0))
    good, signed = has("plain.u.example"), has("nsec.u.example")
    other = Signer(world.zones[SIGNED])
    weighted = ask(WEIGHTED)
    yield "address never had", plain, make(plain, [POISON["A"]])
    yield "address never had", plain, make(plain, has("nsec.u.example"))
    yield "address never had", plain, make(plain, [*good, POISON["A"]])
    yield "too old", plain, make(plain, old)
    yield "never had", plain, make(plain, [*good, *old])
    yield "stale", plain, make(plain, good, ede=STALE_ANSWER)
    yield "empty", plain, make(plain, soa=True)
    yield "SERVFAIL", plain, make(plain, rcode="SERVFAIL", ede=22)
    yield "rcode", plain, make(plain, rcode="NXDOMAIN", soa=True)
    yield "refused", plain, make(plain, rcode="REFUSED")
    yield "ttl", plain, make(plain, good, ttl=300)
    yield "ttl", plain, make(plain, good, ttl=0)
    yield "siblings", ask("optout.example"), make(ask("optout.example"), [SIBLING_A])
    yield "siblings", ask("optout.example"), make(
        ask("optout.example"), [SIBLING_A, *has("optout.u.example")])
    yield "left out", ask("pool.example"), make(ask("pool.example"), has("p0.u.example"))
    yield "mixed pool", weighted, make(weighted, has("w1.u.example") + has("w2.u.example"))
    yield "unsigned", dnssec, make(dnssec, signed)
    yield "bogus", dnssec, make(dnssec, signed, sign=other)
    yield "dnssec without DO", ask(SIGNED), make(ask(SIGNED), signed,
                                                 sign=replies.signers[SIGNED])
    yield "alias", ask(PLAIN, kind="alias"), make(ask(PLAIN, kind="alias"), good)
    yield "nxdomain", ask(PLAIN, kind="nxdomain"), make(ask(PLAIN, kind="nxdomain"), soa=True)
    own = ask(PLAIN, "MX", "own")
    yield "own data", own, make(own, ["10 elsewhere.example."])
    yield "own data", own, make(own, soa=True)
    yield "SERVFAIL", own, make(own, rcode="SERVFAIL")
    https = ask(PLAIN, "HTTPS", "https")
    yield "https", https, make(https, soa=True)
    aname = ask(PLAIN, "TYPE65305", "aname")
    yield "aname", aname, make(aname, soa=True)
    probed = ask(PROBED)
    dead = world.probed[0]
    yield "down", probed, make(probed, world.probed)
    yield "up", probed, make(probed, [one for one in world.probed[:3] if one != dead])
    gone = ask("member0.example")
    yield "not refused", gone, make(gone, has("m0.u.example"))


def right_replies(world, replies):
    make, ask, has = replies.reply, replies.question, replies.addresses
    plain, signed = ask(PLAIN), ask(SIGNED, do=True, bufsize=4096)
    yield plain, make(plain, has("plain.u.example"))
    yield signed, make(signed, has("nsec.u.example"), sign=replies.signers[SIGNED])
    pool = ask("pool.example")
    yield pool, make(pool, [one for n in range(3) for one in has(f"p{n}.u.example")])
    weighted = ask(WEIGHTED)
    yield weighted, make(weighted, has("w2.u.example"))
    probed = ask(PROBED)
    yield probed, make(probed, world.probed[1:])
    yield ask("member0.example"), make(ask("member0.example"), rcode="REFUSED")
    # In an outage, what was known before it; and siblings, when that has been too long.
    short = ask("short.example", "A")
    yield ask("liar.example"), make(ask("liar.example"), has("liar.l.example"), ede=STALE_ANSWER)
    world.spells.put("short.u.example", time.monotonic() - 60)
    yield short, make(short, [SIBLING_A], ttl=30)
    half = ask("half.example", "AAAA")
    world.spells.put("half.u.example", time.monotonic() - 60)
    yield half, make(half, soa=True)
    bare = ask("bare.example")
    world.spells.put("bare.u.example", time.monotonic() - 60)
    yield bare, make(bare, rcode="SERVFAIL", ede=22)
    # There is no room to tell that it is stale.
    moves = world.targets.all["half.u.example"]
    before = has("half.u.example")
    moves.sets["A"].put(frozenset(moves.addresses("A", 7)), time.monotonic() - 30)
    full = ask("half.example")
    told = make(full, before)
    full.how["bufsize"] = len(told.wire) + 5
    yield full, told


class Deaf:
    """Answers for the static zone; else with nothing, or with another identifier."""

    def __init__(self):
        self.wrong_id = False
        self._udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._udp.bind(SERVER)
        self._tcp = socket.create_server(SERVER)
        for serve in (self._serve_udp, self._serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def _reply(self, wire):
        query = dns.message.from_wire(wire)
        reply = dns.message.make_response(query)
        if query.question[0].name == dns.name.from_text(STATIC):
            reply.answer.append(dns.rrset.from_text(f"{STATIC}.", 60, "IN", "A", STATIC_ADDRESS))
        elif self.wrong_id:
            reply.flags &= ~dns.flags.QR
        else:
            return None
        return reply.to_wire()

    def _serve_udp(self):
        while True:
            wire, client = self._udp.recvfrom(4096)
            reply = self._reply(wire)
            if reply is not None:
                self._udp.sendto(reply, client)

    def _serve_tcp(self):
        while True:
            connection, _ = self._tcp.accept()
            with connection:
                reply = self._reply(connection.recv(4096)[2:])
                if reply is not None:
                    connection.sendall(len(reply).to_bytes(2, "big") + reply)


def lost_replies(world, judge, replies):
    """What of lost and malformed replies is reported: (wanted, got)"""
    server = Deaf()
    for proto in ("udp", "tcp"):
        for wrong_id in (False, True):
            server.wrong_id = wrong_id
            report = Report(0, world.journal, out=lambda *_, **__: None)
            load = Load(world, judge, report, [])
            question = replies.question(PLAIN)
            question.proto = proto
            load._one(Asker(), question)  # pylint: disable=protected-access
            yield "malformed" if wrong_id else "lost", list(report.violations)


def pairs(world, judge, replies):
    """Both families from different targets of a weighted pool."""
    now = time.monotonic()
    question = replies.question(WEIGHTED, kind="pair")
    a = set(replies.addresses("w1.u.example"))
    for name, wanted in (("w2.u.example", ["mixed pool"]), ("w1.u.example", [])):
        try:
            judge.pair(question, a, set(replies.addresses(name, "AAAA")), now - SOON, now)
            yield wanted, []
        except Wrong as wrong:
            yield wanted, [wrong.invariant]


def judged(judge, question, reply):
    now = time.monotonic()
    try:
        judge.check(question, reply, now - SOON, now)
        return []
    except Wrong as wrong:
        return [wrong.invariant]


def main():
    with tempfile.TemporaryDirectory(prefix="chaos-") as directory:
        world = World(directory)
        judge = Judge(world)
        settle(world, judge)
        world.alive[world.probed[0]].put(False, time.monotonic() - LONG_AGO)
        replies = Replies(world)
        results = [([wanted], judged(judge, question, reply), question)
                   for wanted, question, reply in wrong_replies(world, replies)]
        world.spells.put("liar", time.monotonic() - 60)
        results += [([], judged(judge, question, reply), question)
                    for question, reply in right_replies(world, replies)]
        results += [([wanted], got, "sent") for wanted, got in lost_replies(world, judge, replies)]
        results += [(*one, "pair") for one in pairs(world, judge, replies)]
        world.servers.close()
    bad = [one for one in results if one[0] != one[1]]
    for wanted, got, question in bad:
        print(f"expected {wanted or 'nothing'} to be reported of {question}, got {got}")
    wrong = sum(1 for wanted, _, _ in results if wanted)
    print(f"{wrong} wrong replies and {len(results) - wrong} right ones,"
          f" {len(bad)} of them misjudged")
    return 1 if bad else 0
