"""M1, M3, M6: the zone's primary is another server, without the module; follow stands beside a
secondary that has it.
"""

import os
import signal

import pytest
from harness import (
    A1, A2, AAAA1, AAAA2, ANAME, PRIMARY, SERVER, TARGET, ZONE, aname, known, let_pass, query,
    section, zone_text,
)
from harness.authority import ADDRESS
from harness.follow import (
    ALGORITHM, KEPT, KEY, SECRET, WRITTEN_S, Follow, key_file, permit, update,
)
from harness.primaries import UpdatedNamed, UpdatedPowerDNS
from harness.secondaries import serial
from harness.signatures import Keys, verify
from harness.wait import eventually

pytestmark = pytest.mark.limit(90)
TSIG = (KEY, ALGORITHM, SECRET)
# The operator's own key, which may do everything.
ADMIN = ("operator", ALGORITHM, "d2hhdCB0aGUgb3BlcmF0b3IgZG9lcyBpcyBoaXMgb3du")
# BIND leaves 5 s between two NOTIFY, PowerDNS looks for what has changed once a second or so.
TRANSFERRED_S = 10.0


class Elsewhere:
    """A zone at another primary, and a knotd that has it from there."""

    def __init__(self, knotd, start_server, primary):
        self.knotd, self.start_server, self.primary = knotd, start_server, primary
        self.address = self.server = None

    def serve(self, kind, records, signed=False):
        text = zone_text(ZONE, records)
        directory = self.knotd.directory
        if kind == "knot":
            self.address, server = PRIMARY, self.primary
            self._knot(records, signed)
        elif kind == "named":
            server = UpdatedNamed(directory, ZONE, text, key=TSIG, admin=ADMIN,
                                  notify=SERVER, signed=signed)
            self.address = self.start_server(server).address
        else:
            server = UpdatedPowerDNS(directory, ZONE, text, key=TSIG, notify=SERVER, signed=signed)
            self.address = self.start_server(server).address
        self.server = server
        self._here()

    def _knot(self, records, signed):
        one = self.primary
        one.sections.append(section("remote", "here", address=f"{SERVER[0]}@{SERVER[1]}"))
        one.template |= KEPT
        options = {"acl": ["all", permit(one)], "notify": "here", "dnssec-signing": signed}
        one.add_zone(ZONE, records, zone_options=options)
        one.start(ready=())
        eventually(lambda: serial(ZONE, PRIMARY), what="the primary has the zone")

    def _here(self):
        where = f"{self.address[0]}@{self.address[1]}"
        self.knotd.options.update({"resolver": ADDRESS, "ttl-max": 1, "retry-max": 1})
        self.knotd.sections += [
            section("remote", "primary", address=where),
            section("acl", "notify", address="127.0.0.0/8", action="notify")]
        self.knotd.add_zone(ZONE, zone_options={"master": "primary", "acl": "notify"})
        os.unlink(self.knotd.zone_file(ZONE))
        self.knotd.start()

    def follow(self, *arguments, **how):
        where = f"{self.address[0]}@{self.address[1]}"
        return self.start_server(Follow(self.knotd, "--primary", where, *arguments, **how))

    def ask(self, *what, **how):
        """Ask the primary."""
        return query(*what, server=self.address, repeats=True, **how)

    def written(self, a, aaaa=(), timeout=WRITTEN_S + 5):
        """Wait until the primary has these, and the knotd here what the primary has."""
        def there():
            self.ask(ZONE, "A").expect(a=a)
            return self.ask(ZONE, "AAAA").expect(aaaa=aaaa)

        eventually(there, timeout, what=f"{a} and {aaaa} are at the primary")
        wanted = serial(ZONE, self.address)
        eventually(lambda: serial() == wanted, TRANSFERRED_S, what=f"serial {wanted} is here")


@pytest.fixture
def elsewhere(knotd, start_server, primary):
    return Elsewhere(knotd, start_server, primary)


KINDS = ["knot", "named", "powerdns"]


@pytest.mark.parametrize("kind", KINDS)
def test_M1_M6_what_the_module_knows_is_written_to_another_primary(elsewhere, authority, kind):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    elsewhere.serve(kind, [aname(TARGET)])
    known()
    elsewhere.follow()
    elsewhere.written({A1}, {AAAA1})
    before = serial(ZONE, elsewhere.address)
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    elsewhere.written({A2}, {AAAA1})
    after = serial(ZONE, elsewhere.address)
    assert after == before + 1, f"expected serial {before + 1}, got {after}"
    eventually(lambda: query(ZONE, "A").expect(a={A2}))
    authority.set(TARGET, a=[A2], aaaa=[])
    elsewhere.written({A2}, ())
    query(ZONE, "AAAA").expect(aaaa=(), soa=True)


@pytest.mark.parametrize("kind", KINDS)
def test_M1_a_zone_that_is_signed_elsewhere(elsewhere, authority, kind):
    """The module here has no keys (D4): it serves what was written, and its signatures."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    elsewhere.serve(kind, [aname(TARGET)], signed=True)
    elsewhere.follow()
    for a, aaaa in (({A1}, {AAAA1}), ({A2}, {AAAA2})):
        authority.set(TARGET, a=a, aaaa=aaaa)
        elsewhere.written(a, aaaa)
        for ask in (elsewhere.ask, lambda *what, **how: query(*what, **how)):
            keys = Keys(ZONE)
            assert keys.learn(ask), "expected keys"
            for rdtype, addresses in (("A", a), ("AAAA", aaaa)):
                reply = ask(ZONE, rdtype, "tcp", do=True).expect(**{rdtype.lower(): addresses})
                verify(reply, keys)


@pytest.mark.parametrize("kind", KINDS)
def test_M3_the_record_goes_at_the_primary(elsewhere, authority, kind):
    """With it goes what was written, and nothing else."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    elsewhere.serve(kind, [aname(TARGET)])
    follow = elsewhere.follow()
    elsewhere.written({A1}, {AAAA1})
    if kind == "knot":
        for command in (["zone-begin"], ["zone-unset", "@", f"TYPE{ANAME}"], ["zone-commit"]):
            elsewhere.primary.knotc(command[0], ZONE, *command[1:])
    elif kind == "powerdns":
        # Since 5.1 it takes the apex by its name only, and before by this only.
        try:
            elsewhere.server.util("delete-rrset", ZONE, "@", f"TYPE{ANAME}")
        except AssertionError:
            elsewhere.server.util("delete-rrset", ZONE, f"{ZONE}.", f"TYPE{ANAME}")
        elsewhere.server.util("increase-serial", ZONE)
    else:
        message, send = update(server=elsewhere.address, key=ADMIN[0], secret=ADMIN[2])
        message.delete("@", f"TYPE{ANAME}")
        assert send() == "NOERROR"
    elsewhere.knotd.knotc("zone-refresh", ZONE)
    elsewhere.written((), (), timeout=80)
    follow.require()


@pytest.mark.parametrize("kind", KINDS)
def test_M1_a_key_that_the_primary_does_not_know(elsewhere, authority, kind):
    """It is told with the cure, once, and nobody is asked again and again."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    elsewhere.serve(kind, [aname(TARGET)])
    secret = "b3RoZXIgc2VjcmV0cyBhcmUga25vd24gdG8gb3RoZXJz"
    follow = elsewhere.follow(key=key_file(elsewhere.knotd.directory,
                                           f"{ALGORITHM}:{KEY}:{secret}", "other.key"))
    follow.says(ZONE, "key|signature|TSIG|refuses")
    follow.says("next: ")
    before = follow.busy_s()
    let_pass(5)
    assert follow.busy_s() - before < 0.5, "expected it to wait"
    count = len(follow.lines(ZONE))
    assert count <= 3, f"expected it to be told once, got {follow.text()}"
    elsewhere.ask(ZONE, "A").expect(a=())


@pytest.mark.parametrize("how", [(), ("--adopt",)])
def test_M3_what_the_server_here_has_not_got_yet(elsewhere, authority, how):
    """It takes no transfer for a while: what stands there then was not written by somebody else."""
    authority.set(TARGET, a=[A1])
    elsewhere.serve("knot", [aname(TARGET)])
    follow = elsewhere.follow(*how)
    elsewhere.written({A1})
    let_pass(2)
    elsewhere.knotd.knotc("zone-freeze", ZONE)
    authority.set(TARGET, a=[A2])
    eventually(lambda: elsewhere.ask(ZONE, "A").expect(a={A2}), what="the primary has it")
    let_pass(2)
    for _ in range(2):
        follow.signal(signal.SIGHUP)
        let_pass(2)
    elsewhere.knotd.knotc("zone-thaw", ZONE)
    elsewhere.knotd.knotc("zone-refresh", ZONE)
    elsewhere.written({A2})
    assert not follow.lines("somebody else"), follow.text()
    for command in (["zone-begin"], ["zone-unset", "@", f"TYPE{ANAME}"], ["zone-commit"]):
        elsewhere.primary.knotc(command[0], ZONE, *command[1:])
    elsewhere.knotd.knotc("zone-refresh", ZONE)
    let_pass(1)
    follow.signal(signal.SIGHUP)
    elsewhere.written((), ())
