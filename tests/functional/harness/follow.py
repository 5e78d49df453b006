"""kaname follow: as a process, and what it has written."""

import contextlib
import os
import re

import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.tsigkeyring
import dns.update

from . import secondaries
from .ask import ADDRESS_TYPES, SERVER
from .authority import ADDRESS
from .kaname import KANAME, environment, kaname
from .knotd import section
from .process import Daemon
from .scenario import ZONE
from .secondaries import KINDS, SOON_S, serial
from .wait import during, eventually

KEY, ALGORITHM = "kaname-follow", "hmac-sha256"
SECRET = "Zm9sbG93cyB0aGUgc2V0cyBvZiB0YXJnZXRzLCAzMiA="
# How a zone is loaded so that what is written into it stays.
KEPT = {"zonefile-load": "difference-no-serial", "zonefile-sync": 0, "journal-content": "all",
        "journal-max-depth": 10000}
# A change is written so many seconds after the module can know of it; it looks once a second.
WRITTEN_S = 5.0


def permit(knotd, *, below=False, types=ADDRESS_TYPES):
    """Gives a knotd the key and acl as --setup prints them; returns the acl's name.

    below: for owners below the apex, too
    """
    knotd.sections += [
        section("key", KEY, algorithm=ALGORITHM, secret=SECRET),
        section("acl", KEY, key=KEY, action="update", update_type=list(types),
                update_owner="zone", update_owner_match="sub-or-equal" if below else "equal"),
    ]
    return KEY


def key_file(directory, text=f"{ALGORITHM}:{KEY}:{SECRET}", name="follow.key"):
    path = os.path.join(directory, name)
    with open(path, "w", encoding="ascii") as file:
        file.write(f"{text}\n")
    os.chmod(path, 0o600)
    return path


class Follow(Daemon):
    """One of a knotd. arguments: more of the command line; key, journal: paths."""

    def __init__(self, knotd, *arguments, key=None, journal=None, name="follow"):
        self.knotd = knotd
        self.journal = journal or os.path.join(knotd.directory, "follow")
        os.makedirs(self.journal, mode=0o700, exist_ok=True)
        self.key = key or key_file(knotd.directory)
        self.arguments = ["follow", "-s", knotd.socket, "--key", self.key, "--journal",
                          self.journal, *arguments]
        super().__init__(name, [KANAME, *self.arguments], knotd.directory,
                         environment(knotd.directory))

    def finish(self, timeout=15.0):
        """End it the orderly way."""
        code, _ = self.stop(timeout)
        self.knotd.check_reports()
        assert code == 0, f"kaname follow ended with {code}: {self.text()}"

    def run(self, *arguments, code=0, timeout=60.0):
        """Run it to its end, as with --once or --dry-run, and return what it said."""
        done = kaname(*self.arguments, *arguments, directory=self.knotd.directory, code=code,
                      timeout=timeout)
        self.knotd.check_reports()
        return done

    # What it says.

    def at(self):
        """A place in what it said, for what comes later."""
        return len(self.text())

    def lines(self, *patterns, since=0):
        return [line for line in self.text()[since:].splitlines()
                if all(re.search(one, line, re.IGNORECASE) for one in patterns)]

    def says(self, *patterns, since=0, timeout=10.0):
        """Wait for a line that matches all, and return it."""
        def found():
            self.require()
            lines = self.lines(*patterns, since=since)
            assert lines, f"expected a line with {patterns} in\n{self.text()[since:]}"
            return lines

        return eventually(found, timeout, what=f"follow says {patterns}")[-1]

    def busy_s(self):
        """Seconds of a processor that it has taken."""
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            fields = stat.read().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# What stands in a zone.


def stands(knotd, zone=ZONE, owner="@"):
    """{type: addresses} of an owner as they stand in a knotd's zone, synthesized ones not."""
    done = knotd.knotc("zone-read", zone, owner, check=False)
    found = {rdtype: set() for rdtype in ADDRESS_TYPES}
    for line in done.stdout.splitlines():
        match = re.match(r"\[\S+\] \S+ \d+ (?:IN )?(A|AAAA) (\S+)$", line)
        if match:
            found[match[1]].add(match[2])
    return found


def written(knotd, a, aaaa=(), zone=ZONE, owner="@", timeout=WRITTEN_S + 5):
    """Wait until exactly these stand there."""
    wanted = {"A": set(a), "AAAA": set(aaaa)}

    def there():
        found = stands(knotd, zone, owner)
        assert found == wanted, f"expected {wanted} in {zone} {owner}, got {found}"
        return True

    eventually(there, timeout, step=0.1, what=f"{wanted} stands in {zone} {owner}")


def stays(knotd, a, aaaa=(), seconds=3.0, zone=ZONE, owner="@"):
    """So much time passes, and nothing changes: neither these addresses nor the serial."""
    wanted, before = {"A": set(a), "AAAA": set(aaaa)}, serial(zone)
    for elapsed in during(seconds, step=0.2):
        found = stands(knotd, zone, owner)
        assert found == wanted, f"expected {wanted} to stay, got {found} after {elapsed:.1f} s"
    after = serial(zone)
    assert after == before, f"expected serial {before} to stay, got {after}"


def history(zone=ZONE, since=1, server=SERVER):
    """[(serial, {type: addresses of the apex})] from a serial on, one for each change, by IXFR.

    The first has what it began with, as far as that can be known from what was taken away.
    """
    apex = dns.name.from_text(zone)
    query = dns.message.make_query(apex, "IXFR")
    query.authority.append(dns.rrset.from_text(apex, 0, "IN", "SOA", f". . {since} 0 0 0 0"))
    changes = []
    for kind, name, rdata in _ixfr(query, server):
        if kind == "SOA":
            changes.append((rdata.serial, []))
        elif name == apex and kind in ADDRESS_TYPES:
            changes[-1][1].append((kind, rdata.address))
    return changes


def _ixfr(query, server):
    """Its records without the SOA at both ends, one after the other."""
    with contextlib.closing(dns.query.socket_factory(2, 1, 0)) as sock:
        sock.settimeout(10)
        sock.connect(server)
        dns.query.send_tcp(sock, query)
        records = []
        while len([one for one in records if one[0] == "SOA"]) < 2 or not _ended(records):
            message, _ = dns.query.receive_tcp(sock, one_rr_per_rrset=True)
            records += [(dns.rdatatype.to_text(rrset.rdtype), rrset.name, rrset[0])
                        for rrset in message.answer]
            if len(records) == 1:
                return []
    assert records[1][0] == "SOA", "expected an IXFR, got an AXFR"
    return records[1:-1]


def _ended(records):
    """Whether the serial that came first has come the third time."""
    last = records[0][2].serial
    return sum(1 for one in records if one[0] == "SOA" and one[2].serial == last) >= 3


def states(zone=ZONE, since=1, server=SERVER, first=None):
    """[(serial, {type: addresses of the apex})] after each change from a serial on."""
    now = {rdtype: set((first or {}).get(rdtype, ())) for rdtype in ADDRESS_TYPES}
    found = []
    changes = history(zone, since, server)
    # What is taken away and what is added come by turns, each behind a SOA.
    for (_, taken), (number, added) in zip(changes[::2], changes[1::2]):
        for kind, address in taken:
            assert address in now[kind], f"{number}: {address} goes that is not in {now}"
            now[kind].remove(address)
        for kind, address in added:
            assert address not in now[kind], f"{number}: {address} comes that is in {now}"
            now[kind].add(address)
        found.append((number, {rdtype: set(one) for rdtype, one in now.items()}))
    return found


def update(zone=ZONE, *, server=SERVER, key=KEY, secret=SECRET):
    """A dynamic update to be filled, and the function that sends it and returns the rcode."""
    keyring = dns.tsigkeyring.from_text({key: (ALGORITHM, secret)}) if key else None
    message = dns.update.UpdateMessage(zone, keyring=keyring)

    def send():
        try:
            reply = dns.query.tcp(message, server[0], port=server[1], timeout=10)
        except dns.tsig.PeerError:
            # So Knot 3.2 says that no acl allows it.
            return "NOTAUTH"
        return dns.rcode.to_text(reply.rcode())

    return message, send


# A fleet.


class Fleet:
    """A knotd with the module, which is the primary of secondaries, and a follow beside it."""

    def __init__(self, knotd, authority, start_server):
        self.knotd, self.authority, self.start_server = knotd, authority, start_server
        knotd.options.update({"resolver": ADDRESS, "ttl-max": 1, "retry-max": 1})
        knotd.template |= KEPT
        self.secondaries = []
        self.zone_options = {}

    def serve(self, records, kinds=tuple(KINDS), zone=ZONE, **how):
        """knotd with one zone, and secondaries of these kinds that have it.

        Nobody else is notified: a NOTIFY that waits for somebody who is not there reads the SOA of
        contents that Knot 3.2 may have freed by then.
        """
        self.zone_options = {**secondaries.notify(self.knotd), "notify": list(kinds) or None}
        self.zone_options["acl"].append(permit(self.knotd))
        self.knotd.sections.append(section("acl", "test", address="127.0.0.1",
                                           action="transfer"))
        self.zone_options["acl"].append("test")
        options = {**self.zone_options, **how.pop("zone_options", {})}
        self.knotd.add_zone(zone, records, zone_options=options, **how)
        self.knotd.start()
        for kind in kinds:
            self.secondaries.append(self.start_server(KINDS[kind](self.knotd.directory, [zone])))
        self.level(zone)

    def level(self, zone=ZONE):
        """Wait until all have what the primary has; returns its serial."""
        def settled():
            wanted = serial(zone)
            found = {one.kind: one.serial(zone) for one in self.secondaries}
            assert set(found.values()) <= {wanted}, f"expected serial {wanted}, got {found}"
            return wanted

        return eventually(settled, timeout=20, step=0.05, what="all have the primary's serial")

    def follow(self, *arguments, **how):
        """Start follow."""
        return self.start_server(Follow(self.knotd, *arguments, **how))

    def soon(self, a, aaaa=(), name=ZONE):
        """Wait until every secondary answers with these, as soon as it must."""
        for one in self.secondaries:
            for rdtype, addresses in (("A", a), ("AAAA", aaaa)):
                eventually(
                    lambda one=one, rdtype=rdtype, addresses=addresses: one.query(
                        name, rdtype).expect(**{rdtype.lower(): addresses}),
                    SOON_S, what=f"{one.kind} has {sorted(addresses)}")
