"""Updates that compare and swap, and what primaries make of them: Knot, BIND, PowerDNS."""

import contextlib
import re
import socket
import struct
import subprocess
import threading

import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.tsigkeyring
import pytest
from harness.ask import query
from harness.primaries import start_primary  # noqa: F401
from harness.knotd import VERSION
from harness.update import ALIAS, ANAME, KEY, KEY_NAME, PROGRAM, SECRET, send, swap, wire
from harness.wait import during, eventually, scaled
from harness.zone import aname, zone_text

ZONE = "example.com"
KINDS = ("knot", "bind", "powerdns")
ONE, TWO, THREE, FOUR = (f"192.0.2.{n}" for n in range(1, 5))
SIX, OTHER_SIX = "2001:db8::1", "2001:db8::2"
TARGET = "target.example.net."


def records(kind="knot"):
    """A zone's records: both types at the apex, a wildcard, a target in upper case."""
    alias = (f"@ 300 IN ALIAS {TARGET}" if kind == "powerdns"
             else aname("target.example.net", rrtype=ALIAS))
    return [
        f"@ 300 IN A {ONE}", f"@ 300 IN A {TWO}", f"@ 300 IN AAAA {SIX}",
        aname("target.example.net"), alias, aname("Mixed.example.net", owner="mixed"),
        "www 300 IN A 192.0.2.9", aname("t.example.net", owner="*.wild"),
    ]


def powerdns_version():
    done = subprocess.run(["pdns_server", "--version"], capture_output=True, text=True, check=False)
    return tuple(int(part) for part in
                 re.search(r"PowerDNS Authoritative Server (\d+)\.(\d+)", done.stderr + done.stdout)
                 .groups())


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def primary(kind, start_primary):  # noqa: F811
    return start_primary(kind, {ZONE: zone_text(ZONE, records(kind))})


@pytest.fixture
def knot(start_primary):  # noqa: F811
    """A Knot with several zones; no more than its address is in the first owner's set."""
    names = [f"z{number}.example" for number in range(8)]
    return start_primary("knot", {name: zone_text(name, [f"@ 300 A {ONE}"]) for name in names})


def one(primary, *arguments, **how):
    (ended,) = primary.send(swap(*arguments, **how))
    return ended


class Running:
    """Updates on their way, in a process of their own."""

    def __init__(self, address, *updates, timeout=20.0, most=1):
        self.process = subprocess.Popen(
            [PROGRAM, *map(str, address), KEY, str(int(scaled(timeout) * 1000)), str(most)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )
        self.process.stdin.write("".join(f"{update}\n" for update in updates))
        self.process.stdin.close()
        self.process.stdin = None

    def outcomes(self):
        output = self.process.communicate(timeout=scaled(30))[0]
        return [line.split("\t")[1] for line in output.splitlines()]

    @property
    def waits(self):
        return self.process.poll() is None


# What is written, as another parser reads it.


def test_another_parser_reads_the_same(directory):
    (octets,) = wire(
        swap(ZONE, f"*.w.{ZONE}", ttl=77, a=([ONE, TWO], [TWO, THREE]), aaaa=([], [SIX]),
             expect=[(ANAME, TARGET), (ALIAS,)]),
        directory=directory, key=KEY,
    )
    message = dns.message.from_wire(
        octets, keyring=dns.tsigkeyring.from_text({KEY_NAME: SECRET}), one_rr_per_rrset=True
    )
    assert message.had_tsig and message.opcode() == dns.opcode.UPDATE
    assert [str(one) for one in message.zone] == [f"{ZONE}. IN SOA"]
    generic = r"\# 20 06746172676574076578616d706c65036e657400"
    assert section(message.prerequisite) == [
        ("0", "IN", "TYPE65305", generic), ("0", "ANY", "TYPE65401", ""),
        ("0", "IN", "A", ONE), ("0", "IN", "A", TWO), ("0", "NONE", "AAAA", ""),
    ]
    assert section(message.update) == [
        ("0", "NONE", "A", ONE), ("77", "IN", "A", THREE), ("77", "IN", "AAAA", SIX)
    ]
    assert not [rr for rr in message.additional if rr.rdtype != dns.rdatatype.TSIG]


def section(rrsets):
    """(TTL, class, type, RDATA) of each record; dnspython keeps the class of a deletion aside."""
    found = []
    for rrset in rrsets:
        assert rrset.name == dns.name.from_text(f"*.w.{ZONE}")
        rdclass = rrset.deleting if rrset.deleting is not None else rrset.rdclass
        found.append((str(rrset.ttl), dns.rdataclass.to_text(rdclass),
                      dns.rdatatype.to_text(rrset.rdtype),
                      rrset[0].to_text().replace("6503 6e", "65036e") if len(rrset) else ""))
    return found


# What primaries make of it.


def test_the_whole_set_is_compared(primary):
    for a, aaaa, outcome, why in (
        (([ONE], [THREE]), ([SIX], [SIX]), "otherwise", "NXRRSET"),
        (([ONE, TWO, THREE], [THREE]), ([SIX], [SIX]), "otherwise", "NXRRSET"),
        (([ONE, TWO], [THREE]), ([OTHER_SIX], [OTHER_SIX]), "otherwise", "NXRRSET"),
        (([ONE, TWO], [THREE]), ([], []), "otherwise", "YXRRSET"),
        (([], [THREE]), ([SIX], [SIX]), "otherwise", "YXRRSET"),
    ):
        ended = one(primary, ZONE, a=a, aaaa=aaaa)
        assert ended.outcome == outcome and why in ended.why, f"{a} {aaaa}: got {ended}"
        assert primary.addresses(ZONE) == {ONE, TWO}, f"{a} {aaaa}: expected no change"
        assert primary.addresses(ZONE, "AAAA") == {SIX}, f"{a} {aaaa}: expected no change"
    ended = one(primary, ZONE, a=([TWO, ONE], [ONE, THREE]), aaaa=([SIX], [SIX, OTHER_SIX]))
    assert ended.outcome == "done", f"got {ended}"
    assert primary.addresses(ZONE) == {ONE, THREE}
    assert primary.addresses(ZONE, "AAAA") == {SIX, OTHER_SIX}
    assert one(primary, ZONE, a=([ONE, THREE], []), aaaa=([SIX, OTHER_SIX], [])).outcome == "done"
    assert primary.addresses(ZONE) == primary.addresses(ZONE, "AAAA") == set()
    assert one(primary, ZONE, a=([], [FOUR]), aaaa=([], [])).outcome == "done"
    assert primary.addresses(ZONE) == {FOUR}


def test_the_ttl_of_all_is_another_one(primary):
    assert one(primary, ZONE, ttl=77, a=([ONE, TWO], [ONE, TWO, THREE], True),
               aaaa=([SIX], [SIX], True)).outcome == "done"
    for kind, addresses in (("A", {ONE, TWO, THREE}), ("AAAA", {SIX})):
        reply = query(ZONE, kind, "tcp", server=primary.address, repeats=True)
        assert reply.addresses(kind, ZONE, "answer") == addresses, f"got {reply}"
        ttls = {rr[1] for rr in reply.records["answer"]}
        assert ttls == {77}, f"expected a TTL of 77, got {reply}"


def test_the_serial_moves_when_something_changes(primary):
    def serial():
        (text,) = query(ZONE, "SOA", server=primary.address).addresses("SOA")
        return int(text.split()[2])

    before = serial()
    for a, moves in (([ONE, TWO], 0), ([THREE], 0), ([ONE, TWO], 1)):
        ended = one(primary, ZONE, a=(a, [ONE, TWO] if moves == 0 else [THREE]),
                    aaaa=([SIX], [SIX]))
        # What changes nothing is answered like what does: by that the key is tried.
        assert ended.outcome == ("otherwise" if a == [THREE] else "done"), f"{a}: got {ended}"
        now = serial()
        assert (now > before) == (moves > 0), f"{a}: serial {before} -> {now}"
        before = now


def test_the_aname_record_is_compared(kind, primary):
    exact = kind != "powerdns" or powerdns_version() >= (5,)
    for expect, good in (
        ([(ANAME, TARGET)], True),
        ([(ANAME, "other.example.")], False),
        ([(ANAME, TARGET, "other.example.")], False),
        ([(ANAME,)], True),
        ([(ALIAS,)], True),
        ([(ALIAS, TARGET)], exact),
        ([(ALIAS, "other.example.")], False),
        ([(ANAME, TARGET), (ALIAS,)], True),
    ):
        ended = one(primary, ZONE, a=([ONE, TWO], [ONE, TWO]), aaaa=([SIX], [SIX]), expect=expect)
        assert ended.outcome == ("done" if good else "otherwise"), f"{expect}: got {ended}"
    ended = one(primary, ZONE, f"www.{ZONE}", a=(["192.0.2.9"], [ONE]), expect=[(ANAME,)])
    assert ended.outcome == "otherwise", f"expected that nothing is written, got {ended}"


def test_an_owner_whose_aname_is_gone(primary):
    ended = one(primary, ZONE, a=([ONE, TWO], []), aaaa=([SIX], [SIX]), gone=True)
    assert ended.outcome == "otherwise" and "YXRRSET" in ended.why, f"got {ended}"
    assert primary.addresses(ZONE) == {ONE, TWO}
    ended = one(primary, ZONE, f"www.{ZONE}", a=(["192.0.2.9"], []), gone=True)
    assert ended.outcome == "done", f"got {ended}"
    assert primary.addresses(f"www.{ZONE}") == set()


def test_the_case_of_a_target_matters(primary):
    owner = f"mixed.{ZONE}"
    for target, outcome in (("mixed.example.net.", "otherwise"), ("Mixed.example.net.", "done")):
        ended = one(primary, ZONE, owner, a=([], [ONE]), expect=[(ANAME, target)])
        assert ended.outcome == outcome, f"{target}: got {ended}"


def test_a_wildcard(primary):
    ended = one(primary, ZONE, f"*.wild.{ZONE}", a=([], [ONE]), expect=[(ANAME, "t.example.net.")])
    assert ended.outcome == "done", f"got {ended}"
    assert primary.addresses(f"any.wild.{ZONE}") == {ONE}


def test_the_largest_sets(kind, primary):
    def make(number, most):
        return ([f"198.51.{number}.{n}" for n in range(most)],
                [f"2001:db8:{number}::{n:x}" for n in range(1, most + 1)])

    most = 256
    if kind == "bind":
        # `max-records-per-type`, 100 if it is not set.
        a, aaaa = make(1, 101)
        assert one(primary, ZONE, a=([ONE, TWO], a), aaaa=([SIX], aaaa)).outcome == "failed"
        most = 100
    (a, aaaa), (other_a, other_aaaa) = make(1, most), make(2, most)
    assert one(primary, ZONE, a=([ONE, TWO], a), aaaa=([SIX], aaaa)).outcome == "done"
    assert one(primary, ZONE, a=(a, other_a), aaaa=(aaaa, other_aaaa, True)).outcome == "done"
    assert primary.addresses(ZONE) == set(other_a)
    assert primary.addresses(ZONE, "AAAA") == set(other_aaaa)


def test_keys_and_zones_that_are_refused(kind, primary):
    update = swap(ZONE, a=([ONE, TWO], [THREE]), aaaa=([SIX], [SIX]))
    new = kind == "knot" and VERSION >= (3, 4)
    codes = {"knot": "NOTAUTH" if new else "BADKEY", "bind": "BADKEY", "powerdns": "REFUSED"}
    unsigned = {"knot": "NOTAUTH"}.get(kind, "REFUSED")
    secret = {"powerdns": "REFUSED"}.get(kind, "BADSIG")
    for key, code in (
        (None, unsigned),
        (f"hmac-sha256:other:{SECRET}", codes[kind]),
        (f"hmac-sha512:{KEY_NAME}:{SECRET}", codes[kind]),
        (f"hmac-sha256:{KEY_NAME}:AAAA", secret),
    ):
        (ended,) = primary.send(update, key=key)
        assert ended.outcome == "refused" and code in ended.why and ended.next, (
            f"{key}: expected that it is refused with {code}, got {ended}"
        )
    for zone, owner, code in (("example.org",) * 2 + ("NOTAUTH",), (ZONE, "a.org", "NOTZONE")):
        ended = one(primary, zone, owner, a=([], [ONE]))
        assert ended.outcome == "refused" and code in ended.why, f"{owner}: got {ended}"
    assert primary.addresses(ZONE) == {ONE, TWO}


class Between:
    """Passes connections on to a server, and counts them."""

    def __init__(self, server):
        self.server, self.count = server, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.address = self.listener.getsockname()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self.listener.close()

    def _accept(self):
        try:
            while True:
                client, _ = self.listener.accept()
                self.count += 1
                server = socket.create_connection(self.server)
                for one, other in ((client, server), (server, client)):
                    threading.Thread(target=self._pass_on, args=(one, other), daemon=True).start()
        except OSError:
            return

    @staticmethod
    def _pass_on(one, other):
        try:
            while octets := one.recv(65536):
                other.sendall(octets)
            other.shutdown(socket.SHUT_WR)
        except OSError:
            pass


def test_connections_are_kept(primary):
    """Of the primaries, too: they leave a connection open after an update."""
    there, updates = [ONE, TWO], []
    for n in range(12):
        updates.append(swap(ZONE, a=(there, [f"198.51.100.{n}"]), aaaa=([SIX], [SIX])))
        there = [f"198.51.100.{n}"]
    with contextlib.closing(Between(primary.address)) as between:
        ended = send(between.address, *updates, directory=primary.directory)
        assert {one.outcome for one in ended} == {"done"}, f"got {ended}"
        assert between.count == 1, f"expected one connection for all, got {between.count}"


def test_many_at_once_in_many_zones(knot):
    names = list(knot.knotd.zones)
    updates = [swap(name, a=([ONE], [TWO])) for name in names]
    ended = knot.send(*updates, most=4)
    assert sorted(one.number for one in ended) == list(range(len(names)))
    assert {one.outcome for one in ended} == {"done"}, f"got {ended}"
    assert all(knot.addresses(name) == {TWO} for name in names)


def test_many_owners_of_one_zone_at_once(knot):
    """Knot does in one go what waits for a zone: what fails of it leaves the rest alone."""
    (zone, *_) = knot.knotd.zones
    owners = [f"o{number}.{zone}" for number in range(16)]
    updates = [swap(zone, owner, a=([FOUR] if number % 4 == 0 else [], [ONE]))
               for number, owner in enumerate(owners)]
    ended = {one.number: one.outcome for one in knot.send(*updates, most=16)}
    assert ended == {n: "otherwise" if n % 4 == 0 else "done" for n in range(16)}


def test_two_servers_play_with_one_set(knot):
    """Of two that found the same, one is told that it is otherwise."""
    (zone, *_) = knot.knotd.zones
    for number in range(10):
        before = sorted(knot.addresses(zone))
        both = [Running(knot.address, swap(zone, a=(before, [f"198.51.100.{10 * number + who}"])))
                for who in range(2)]
        outcomes = sorted(outcome for one in both for outcome in one.outcomes())
        assert outcomes == ["done", "otherwise"], f"got {outcomes}"


# Knot, while others work on the zone.


def transaction(knotd, zone):
    """What the control socket says of it, "open" or nothing."""
    said = knotd.knotc("zone-status", zone, "+transaction").stdout
    return re.search(r"transaction: (\S+)|$", said)[1]


@pytest.mark.parametrize("end", ["zone-commit", "zone-abort"])
def test_an_open_transaction_is_neither_joined_nor_lost(knot, end):
    knotd, (zone, *_) = knot.knotd, knot.knotd.zones
    assert transaction(knotd, zone) is None
    knotd.knotc("zone-begin", zone)
    assert transaction(knotd, zone) == "open"
    knotd.knotc("zone-set", zone, "x", "300", "TXT", "hello")
    running = Running(knot.address, swap(zone, a=([ONE], [TWO])))
    knotd.wait_log("blocked zone update due to open control transaction")
    for _ in during(0.3):
        assert running.waits, "expected no reply while the transaction is open"
    assert TWO not in knotd.knotc("zone-diff", zone).stdout, "expected that it is not joined"
    assert knot.addresses(zone) == {ONE}
    knotd.knotc(end, zone)
    assert running.outcomes() == ["done"]
    assert knot.addresses(zone) == {TWO}
    there = {'"hello"'} if end == "zone-commit" else set()
    assert query(f"x.{zone}", "TXT").addresses("TXT") == there


def test_what_a_transaction_changed_is_what_is_compared(knot):
    knotd, (zone, *_) = knot.knotd, knot.knotd.zones
    knotd.knotc("zone-begin", zone)
    knotd.knotc("zone-set", zone, "@", "300", "A", FOUR)
    running = Running(knot.address, swap(zone, a=([ONE], [TWO])))
    knotd.wait_log("blocked zone update due to open control transaction")
    knotd.knotc("zone-commit", zone)
    assert running.outcomes() == ["otherwise"]
    assert knot.addresses(zone) == {ONE, FOUR}


def test_what_was_given_up_is_done_later(knot):
    """No reply in time: unknown, and done when the transaction ends."""
    knotd, (zone, *_) = knot.knotd, knot.knotd.zones
    knotd.knotc("zone-begin", zone)
    running = Running(knot.address, swap(zone, a=([ONE], [TWO])), timeout=0.3)
    assert running.outcomes() == ["unknown"]
    knotd.knotc("zone-abort", zone)
    eventually(lambda: knot.addresses(zone) == {TWO}, what="the update is done")


def test_open_transactions_hold_up_other_zones(knot):
    """Why none is sent into them: each holds a background worker, and there are two."""
    knotd, names = knot.knotd, list(knot.knotd.zones)
    for name in names[:2]:
        knotd.knotc("zone-begin", name)
    running = [Running(knot.address, swap(name, a=([ONE], [TWO]))) for name in names[:2]]
    knotd.wait_log("blocked zone update due to open control transaction", count=2)
    other = Running(knot.address, swap(names[2], a=([ONE], [TWO])))
    for _ in during(0.5):
        assert other.waits, "expected that another zone's update waits, too"
    knotd.knotc("zone-abort", names[0])
    assert other.outcomes() == ["done"]
    knotd.knotc("zone-abort", names[1])
    assert [one.outcomes() for one in running] == [["done"], ["done"]]


def test_a_frozen_zone(knot):
    knotd, (zone, *_) = knot.knotd, knot.knotd.zones
    knotd.knotc("-b", "zone-freeze", zone)
    running = Running(knot.address, swap(zone, a=([ONE], [TWO])))
    if VERSION < (3, 4):
        assert running.outcomes() == ["refused"]
        knotd.knotc("-b", "zone-thaw", zone)
        assert one(knot, zone, a=([ONE], [TWO])).outcome == "done"
        return
    for _ in during(0.3):
        assert running.waits, "expected no reply while the zone is frozen"
    knotd.knotc("-b", "zone-thaw", zone)
    assert running.outcomes() == ["done"]


def test_a_zone_without_contents(knot):
    """An expired zone, and one that is not loaded yet, have no records for Knot 3.4 and later."""
    knotd, (zone, *_) = knot.knotd, knot.knotd.zones
    knotd.knotc("-b", "-f", "zone-purge", "+expire", zone)
    empty = "otherwise" if VERSION >= (3, 4) else "failed"
    assert one(knot, zone, a=([ONE], [TWO])).outcome == empty
    assert one(knot, zone, a=([], [TWO]), expect=[(ANAME,)]).outcome == empty
    # Without anything that has to be there it fails, since nothing makes a zone of it.
    assert one(knot, zone, a=([], [TWO])).outcome == "failed"


def test_knot_answers_in_another_order(knot):
    """Over one connection: why none has more than one update on its way."""
    names = list(knot.knotd.zones)
    messages = wire(*[swap(name, a=([ONE], [TWO])) for name in names], directory=knot.directory,
                    key=KEY)
    # The ID that was signed stays in the TSIG record (RFC 8945, 5.1).
    messages = [struct.pack("!H", number) + one[2:] for number, one in enumerate(messages)]
    knot.knotd.knotc("zone-begin", names[0])
    with socket.create_connection(knot.address, timeout=scaled(10)) as sock:
        sock.sendall(b"".join(struct.pack("!H", len(one)) + one for one in messages))
        stream = sock.makefile("rb")
        order = []
        while len(order) < len(names):
            if len(order) == len(names) - 1:
                knot.knotd.knotc("zone-abort", names[0])
            (length,) = struct.unpack("!H", stream.read(2))
            reply = dns.message.from_wire(
                stream.read(length), keyring=False, continue_on_error=True)
            assert reply.rcode() == dns.rcode.NOERROR, f"got {reply}"
            order.append(reply.id)
    assert sorted(order) == list(range(len(names)))
    assert order[-1] == 0, f"expected the reply of the first one at last, got {order}"


def test_it_restarts_in_the_middle(knot):
    """kill -9 while updates are on their way: each set is one or the other, and it goes on."""
    knotd, names = knot.knotd, list(knot.knotd.zones)
    there, updates = {name: [ONE] for name in names}, []
    for number in range(40):
        for name in names:
            to = [f"198.51.100.{number}", f"203.0.113.{number}"]
            updates.append(swap(name, a=(there[name], to)))
            there[name] = to
    running = Running(knot.address, *updates, most=4, timeout=20)
    eventually(lambda: len(knotd.log_lines("DDNS, finished")) > 50, what="some are done")
    knotd.kill()
    outcomes = running.outcomes()
    assert len(outcomes) == len(updates)
    assert {"done", "failed"} <= set(outcomes) <= {"done", "failed", "unknown"}, set(outcomes)
    knotd.start()
    for name in names:
        ends = sorted(address.split(".")[3] for address in knot.addresses(name))
        assert ends == ["1"] and knot.addresses(name) == {ONE} or len(ends) == 2 and (
            ends[0] == ends[1]), f"{name}: expected one whole set, got {knot.addresses(name)}"
        now = sorted(knot.addresses(name))
        assert one(knot, name, a=(now, [FOUR])).outcome == "done"
