"""What hostile zones and their clients do, an attack a class.

An attack says which zones it has, and what one round of it is. A round is bounded, and there is a
pause between two. Each runs in a process of its own until it is ended, for so many rounds at most,
and writes what it has seen then.
"""

import collections
import itertools
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time

import crowd
import hostile_resolver
import world

OPEN = {"acl": "open"}
RECORDS = 32
# Nobody waits longer than this for an update, or for a reload.
UPDATE_S, RELOAD_S = 60, 120
# What no attack may ever see.
SIGNED = "answers signed with the keys of another"
MALFORMED = "malformed replies"
# Rounds of one attack at most.
ROUNDS = 1000000


def update(zone, *changes, proto="tcp"):
    """What the owner of the zone may do at any time; how many seconds it took.

    changes: (owner, TTL, type, RDATA), which take the place of what is there of that type.
    """
    import dns.query
    import dns.rcode
    import dns.update
    message = dns.update.Update(zone)
    for owner, rdtype in dict.fromkeys((change[0], change[2]) for change in changes):
        message.delete(owner, rdtype)
    for owner, ttl, rdtype, data in changes:
        message.add(owner, ttl, rdtype, data)
    start = time.monotonic()
    reply = getattr(dns.query, proto)(message, crowd.SERVER[0], port=crowd.SERVER[1],
                                      timeout=UPDATE_S)
    if reply.rcode() != dns.rcode.NOERROR:
        raise OSError(f"update of {zone}: {dns.rcode.to_text(reply.rcode())}")
    return time.monotonic() - start


class Attack:
    """One of them.

    pause: seconds between two rounds, of which a slower machine takes a multiple.
    seen:  numbers that are told in the end: sums, and with "max" in their name the greatest.
    """

    name, pause = "", 0.1

    def __init__(self, knotd, pace=1.0):
        self.knotd, self.pace = knotd, pace
        self.seen = collections.Counter()
        self.sock = world.open_socket()
        self.sock.setblocking(False)
        self.sock.connect(crowd.SERVER)

    def zones(self):
        """{zone: (records, options of the zone)}; asked for when the good zones are there."""
        return {}

    def round(self, number):
        """What is done again and again."""

    def ask(self, names, types=("A", "AAAA"), do=False):
        """Asks and does not wait; what came for earlier queries is read and dropped."""
        for name, rdtype in itertools.product(names, types):
            self.drain()
            try:
                self.sock.send(crowd.Question(name, rdtype, do).query(random.randrange(65536)))
                self.seen["queries"] += 1
            except OSError:
                self.seen["errors"] += 1

    def drain(self):
        try:
            while True:
                self.sock.recv(65535)
        except OSError:
            pass

    def malformed(self, error):
        """A reply broke a rule that every reply obeys."""
        self.seen[MALFORMED] += 1
        print(f"{self.name}: {error}", flush=True)

    def greatest(self, what, value):
        self.seen[what] = max(self.seen[what], value)


class Fill(Attack):
    """A zone that names 32 new targets with each update, until there may be no more, and on."""

    name, pause = "fill", 0.05

    def zones(self):
        from harness.zone import aname
        return {"fill.hostile": ([aname("first.fill.test")], OPEN)}

    def round(self, number):
        import dns.name
        from harness.zone import rdata
        names = [f"r{number}n{i}.fill.test" for i in range(RECORDS)]
        update("fill.hostile", *(("@", 60, "TYPE65305", rdata(dns.name.from_text(name).to_wire()))
                                 for name in names))
        self.ask(["fill.hostile"])
        self.seen["updates"] += 1


class Dear(Attack):
    """Records of 60 kB that are none, and 32 targets of 1,024 addresses."""

    name, pause = "dear", 0.05
    QUERIES = 20

    def zones(self):
        from harness.zone import aname, raw
        octets = random.Random(1)
        big = [aname(f"n{i}.big.test") for i in range(RECORDS)]
        beside = ["@ IN MX 0 @", "www IN CNAME @"]
        return {
            "junk.hostile": ([raw(octets.randbytes(60000)) for _ in range(RECORDS)], {}),
            "short.hostile": ([raw(b"\x3f" + octets.randbytes(254)) for _ in range(RECORDS)], {}),
            "many.hostile": ([raw(b"\x3f" + b"%04d" % i * 60) for i in range(5000)], {}),
            "big.hostile": ([*big, *beside], {}),
            "bigsigned.hostile": ([*big, *beside], {"dnssec-signing": True}),
        }

    def round(self, number):
        names = ["junk.hostile", "junk.hostile", "short.hostile", "many.hostile", "big.hostile",
                 "www.big.hostile", "bigsigned.hostile"]
        for name in random.choices(names, k=self.QUERIES):
            self.ask([name], types=[random.choice(("A", "AAAA"))], do=True)


class Slow(Attack):
    """Four zones with 32 targets that live for a second and are answered after 1.8."""

    name, pause = "slow", 0.25
    ZONES = [f"slow{i}.hostile" for i in range(4)]

    def zones(self):
        from harness.zone import aname
        return {zone: ([aname(f"n{i}.{zone.split('.', maxsplit=1)[0]}.slow.test", ttl=1)
                        for i in range(RECORDS)], {}) for zone in self.ZONES}

    def round(self, number):
        self.ask(self.ZONES)


class Waiting(Attack):
    """20 connections that ask for clients of networks nobody asked for yet, and so wait; beside
    them what an operator does: updates of another zone, and reloads."""

    name, pause = "waiting", 1.0
    CLIENTS, RELOAD_EACH, LIMIT_S = 20, 8, 30
    # Who had a reply after less has not waited.
    WAIT_S = 0.1

    def zones(self):
        from harness.zone import aname
        return {"subnets.hostile": ([aname("target.subnets.test")], {}),
                "beside.hostile": ([aname(hostile_resolver.target(0))], OPEN)}

    def __init__(self, knotd, pace=1.0):
        super().__init__(knotd, pace)
        self.threads = [threading.Thread(target=self.wait, args=(i,), daemon=True)
                        for i in range(self.CLIENTS)]

    def wait(self, number):
        from harness.ask import Malformed, NoReply, query
        chance = random.Random(number)
        while True:
            client = ".".join(str(chance.randrange(1, 224)) for _ in range(3))
            try:
                reply = query("subnets.hostile", "A", "tcp", ecs=f"{client}.0/24",
                              timeout=self.LIMIT_S)
                self.seen["waits" if reply.elapsed > self.WAIT_S else "without a wait"] += 1
            except (NoReply, OSError, EOFError):
                self.seen["without a reply"] += 1
            except Malformed as error:
                self.malformed(error)
            time.sleep(self.pause * self.pace / 10)

    def round(self, number):
        if number == 0:
            for thread in self.threads:
                thread.start()
        took = update("beside.hostile", ("x", 60, "TXT", f"here{number}"), proto="udp")
        self.seen["updates"] += 1
        self.greatest("update max s", took)
        if number % self.RELOAD_EACH == self.RELOAD_EACH - 1:
            start = time.monotonic()
            self.knotd.knotc("-t", str(RELOAD_S), "reload", timeout=RELOAD_S + 10)
            self.seen["reloads"] += 1
            self.greatest("reload max s", time.monotonic() - start)


class Keys(Attack):
    """A zone with the DNSKEY records of another one, and a signature that nobody made."""

    name, pause = "keys", 0.2
    ZONE, CHANGE_EACH = "keys.hostile", 10
    VICTIM = "good0.test"

    def __init__(self, knotd, pace=1.0):
        super().__init__(knotd, pace)
        self.keys = self.rrsig = None

    def learn(self):
        """What is public of the victim's."""
        import dns.name
        import dns.rdatatype
        from harness.ask import query
        from harness.signatures import Keys as Ring
        ring = Ring(self.VICTIM)
        ring.learn()
        self.keys = list(ring.rdatas)
        soa = query(self.VICTIM, "SOA", "tcp", do=True).message.answer
        rrsig = next(rdata for one in soa if one.rdtype == dns.rdatatype.RRSIG for rdata in one)
        self.rrsig = rrsig.replace(signer=dns.name.from_text(self.ZONE), labels=2)

    def records(self):
        import dns.rdatatype
        from harness.zone import aname
        if not self.keys:
            self.learn()
        rrsig = self.rrsig.replace(signature=os.urandom(len(self.rrsig.signature)))
        return [aname(hostile_resolver.target(0)), "@ 60 IN A 203.0.113.66",
                *(f"@ 3600 IN {dns.rdatatype.to_text(one.rdtype)} {one.to_text()}"
                  for one in [*self.keys, rrsig])]

    def zones(self):
        return {self.ZONE: (self.records(), {})}

    def round(self, number):
        import dns.rdatatype
        from harness.ask import NoReply, query
        for name, rdtype in ((self.ZONE, "A"), (self.ZONE, "AAAA"), (f"none.{self.ZONE}", "A")):
            try:
                reply = query(name, rdtype, do=True, bufsize=4096)
            except NoReply:
                self.seen["without a reply"] += 1
                continue
            self.seen["queries"] += 1
            made = [one for one in reply.message.answer + reply.message.authority
                    if one.rdtype == dns.rdatatype.RRSIG and one.covers != dns.rdatatype.SOA]
            self.seen[SIGNED] += bool(made)
        if number % self.CHANGE_EACH == self.CHANGE_EACH - 1:
            serial = number // self.CHANGE_EACH + 2
            self.knotd.reload_zone(self.ZONE, self.records(), serial=serial)
            self.seen["versions"] += 1


class Loops(Attack):
    """A zone whose target is itself by an alias, a circle of pools, two that name each other, and
    a mesh of eight."""

    name, pause = "loops", 0.2

    def zones(self):
        from harness.zone import aname
        real = aname("real.fill.test", ttl=2)
        mesh = [f"mesh{i}.loop.test" for i in range(8)]
        circle = [f"circle{i}.loop.test" for i in range(3)]
        zones = {
            "self.loop.test": [aname("www.self.loop.test", ttl=2), "www 1 IN CNAME @"],
            "one.loop.test": [aname("two.loop.test", ttl=2)],
            "two.loop.test": [aname("one.loop.test", ttl=2)],
        }
        for i, name in enumerate(circle):
            zones[name] = [aname(circle[(i + 1) % 3], ttl=2), real]
        for name in mesh:
            zones[name] = [aname(other, ttl=2) for other in mesh if other != name]
        zones[mesh[0]].append(real)
        return {name: (records, {}) for name, records in zones.items()}

    def round(self, number):
        self.ask(self.zones())


ATTACKS = {attack.name: attack for attack in (Fill, Dear, Slow, Waiting, Keys, Loops)}


class Running:
    """An attack's process. It writes attack-NAME.json when it ends."""

    def __init__(self, name, knotd, pace):
        from harness.process import Daemon
        self.name = name
        self.report = os.path.join(knotd.directory, f"attack-{name}.json")
        self.daemon = Daemon(f"attack-{name}", [
            sys.executable, os.path.abspath(__file__), name, knotd.directory, str(pace),
            self.report], knotd.directory)

    def start(self):
        self.daemon.start()

    def kill(self):
        self.daemon.kill()

    def seen(self):
        """Ends it; what it has seen."""
        self.daemon.require()
        self.daemon.stop()
        if not os.path.exists(self.report):
            return {}  # It had not begun yet.
        with open(self.report, encoding="ascii") as file:
            return json.load(file)


def main(name, directory, pace, report):
    import dns.exception
    from harness.ask import Malformed
    from harness.knotd import Knotd
    attack = ATTACKS[name](Knotd(directory), float(pace))

    def finish(*_):
        with open(report, "w", encoding="ascii") as file:
            json.dump(dict(attack.seen), file)
        os._exit(0)

    signal.signal(signal.SIGTERM, finish)
    for number in range(ROUNDS):
        try:
            attack.round(number)
        except Malformed as error:
            attack.malformed(error)
        except (OSError, AssertionError, EOFError, subprocess.SubprocessError,
                dns.exception.DNSException) as error:
            # What it does to itself is its own affair, but it is told.
            attack.seen["errors"] += 1
            print(f"{name}, round {number}: {error!r}", flush=True)
        time.sleep(attack.pause * attack.pace)


if __name__ == "__main__":
    main(*sys.argv[1:])
