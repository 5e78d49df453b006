"""kaname follow on a bad day: answers that come late, servers that hang, and what may never be left."""

import contextlib
import os
import signal
import socket
import struct
import subprocess
import threading

import dns.message
import dns.name
import dns.rcode
import dns.tsigkeyring
import pytest
from harness import (
    A1, A2, AAAA1, ANAME, SIBLING_A, SIBLING_AAAA, TARGET, VERSION, ZONE, aname, let_pass,
    sanitizer,
)
from harness.ask import SERVER
from harness.clock import Clock
from harness.follow import (
    ALGORITHM, KEY, SECRET, Follow, key_file, stands, stays, update, written,
)
from harness.told_client import NOTHING, module  # noqa: F401
from harness.wait import SLOW, eventually

pytestmark = pytest.mark.limit(120)


def has(*addresses):
    return f"a-state=addresses\ta={','.join(addresses)}\taaaa-state=nodata"


class Answers:
    """Answers all questions of a client with the same, until it is told to hold them back."""

    def __init__(self, module, what):
        self.what, self.held, self.hold = what, [], False
        self.peer = module.accept()
        self.lock = threading.Lock()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        with contextlib.suppress(OSError):
            while (line := self.peer.line()) is not None:
                with self.lock:
                    self.held.append(line.split()[1])
                    self._answer()

    def _answer(self):
        while self.held and not self.hold:
            self.peer.send(f"set\ttoken={self.held.pop(0)}\tnext=1\tttl=60\t{self.what}\n")

    def tell(self, what):
        with self.lock:
            self.what = what
            self.peer.send("changed\tname=" + TARGET + ".\n")

    def hold_back(self):
        with self.lock:
            self.hold = True
        eventually(lambda: self.held, what="a question is on its way")

    def release(self):
        with self.lock:
            self.hold = False
            self._answer()


def serve(fleet, *records, **how):
    fleet.serve([aname(TARGET), *records], kinds=(), **how)


def remove_record(knotd, zone=ZONE):
    knotd.knotc("zone-begin", zone)
    knotd.knotc("zone-unset", zone, "@", f"TYPE{ANAME}")
    knotd.knotc("zone-commit", zone)


def add_by_hand(knotd, address, ttl=300):
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "@", str(ttl), "A", address)
    knotd.knotc("zone-commit", ZONE)


def set_record(knotd, zone=ZONE):
    rdata = aname(TARGET).split(f"TYPE{ANAME} ", 1)[1]
    knotd.knotc("zone-begin", zone)
    knotd.knotc("zone-set", zone, "@", "300", f"TYPE{ANAME}", rdata)
    knotd.knotc("zone-commit", zone)


def in_the_queue(updates):
    """Has knotd all of so many updates, each of a connection that somebody waits at?"""
    with open("/proc/net/tcp", encoding="ascii") as table:
        rows = [line.split() for line in table.readlines()[1:]]
    port, established, empty = f":{SERVER[1]:04X}", "01", "00000000:00000000"
    queues = [row[4] for row in rows if row[3] == established
              and (row[1].endswith(port) or row[2].endswith(port))]
    assert len(queues) == 2 * updates and set(queues) == {empty}, f"expected {updates}: {rows}"
    return True


# What is left behind.


def test_M5_an_update_that_comes_when_the_record_is_back(fleet, authority):
    """It was in the server's queue while the record was gone, and nothing stood there."""
    knotd = fleet.knotd
    knotd.server["background-workers"] = 1
    knotd.add_zone("held.example", ["@ IN A 198.51.100.1"], zone_options={"acl": KEY})
    authority.set(TARGET, a=[A1])
    serve(fleet)
    knotd.knotc("zone-begin", "held.example")
    message, send = update("held.example")
    message.add("@", 300, "A", A2)
    holds = threading.Thread(target=send)
    holds.start()
    knotd.wait_log("blocked zone update due to open control transaction")
    first = fleet.follow(name="first")
    eventually(lambda: in_the_queue(2), timeout=30, what="its update is in knotd's queue, too")
    let_pass(0.5)
    first.kill()
    remove_record(knotd)
    second = fleet.follow(name="second")
    let_pass(3)
    second.kill()
    set_record(knotd)
    knotd.knotc("zone-abort", "held.example")
    holds.join(20)
    written(knotd, {A1}, timeout=20)
    authority.set(TARGET, a=[A2])
    third = fleet.follow(name="third")
    written(knotd, {A2}, timeout=30)
    assert not third.lines("somebody else"), f"expected its own: {third.text()}"


def test_M3_an_answer_that_comes_when_the_record_is_gone(fleet, module):
    """What was asked before does not count any more; a transaction holds up that it goes."""
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    answers = Answers(module, has(A1))
    written(fleet.knotd, {A1})
    answers.hold_back()
    follow.freeze()  # It does not look between the two.
    remove_record(fleet.knotd)
    fleet.knotd.knotc("zone-begin", ZONE)
    follow.thaw()
    follow.signal(signal.SIGHUP)
    follow.says(ZONE, "transaction")
    answers.release()
    let_pass(1)
    fleet.knotd.knotc("zone-abort", ZONE)
    written(fleet.knotd, ())


def test_M3_what_was_told_does_not_count_while_the_module_is_silent(fleet, module):
    """A change waits for its pause, and the module is gone when that is over."""
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    answers = Answers(module, has(A1))
    written(fleet.knotd, {A1})
    # Three changes at once; the fourth one waits for ten seconds.
    for address in (A2, A1, A2):
        answers.tell(has(address))
        written(fleet.knotd, {address})
    answers.tell(has(A1))
    let_pass(1)
    answers.peer.close()
    follow.says("does not answer")
    stays(fleet.knotd, {A2}, seconds=13)


# Sanitizers look at the clock by themselves.
@pytest.mark.skipif(sanitizer.ENABLED, reason="the clock cannot be set")
def test_M3_adopted_addresses_are_not_put_back_where_nothing_was_written_any_more(fleet, module):
    """The target has had no address for ten minutes; then the record goes. That nothing is there does not
    tell whose the zone is by now."""
    serve(fleet, f"@ 300 IN A {SIBLING_A}")
    follow = fleet.follow("-S", module.path, "--adopt")
    answers = Answers(module, has(A1))
    written(fleet.knotd, {A1})
    answers.tell(NOTHING)
    stays(fleet.knotd, {A1}, seconds=5)
    follow.finish()
    again = later(fleet, "again", 595, "-S", module.path, "--adopt")
    answers = Answers(module, NOTHING)
    written(fleet.knotd, (), timeout=20)
    remove_record(fleet.knotd)
    again.signal(signal.SIGHUP)
    again.says(ZONE, "gone", f"--adopt noted .A {SIBLING_A}, .* not put back", "next: ")
    stays(fleet.knotd, (), seconds=3)


def written_and_gone(fleet, module, wall_s=0):
    """What was written has no target any more for some seconds, by this wall clock."""
    serve(fleet)
    follow = fleet.follow("-S", module.path, name="first")
    Answers(module, has(A1))
    written(fleet.knotd, {A1})
    follow.finish()
    follow = Follow(fleet.knotd, "-S", module.path)
    Clock(follow, fleet.knotd.directory).set_wall(wall_s)
    fleet.start_server(follow)
    Answers(module, NOTHING)
    stays(fleet.knotd, {A1}, seconds=4)
    follow.finish()


@pytest.mark.skipif(sanitizer.ENABLED, reason="the clock cannot be set")
def test_M3_no_address_since_ten_minutes_by_a_clock_that_was_set(fleet, module):
    """What is noted counts by a clock that nobody sets; so much later it is believed."""
    written_and_gone(fleet, module, wall_s=-1000000)
    again = fleet.follow("-S", module.path, name="again")
    Answers(module, NOTHING)
    stays(fleet.knotd, {A1}, seconds=8)
    again.finish()
    later(fleet, "later", 595, "-S", module.path)
    Answers(module, NOTHING)
    written(fleet.knotd, (), timeout=20)


@pytest.mark.skipif(sanitizer.ENABLED, reason="the clock cannot be set")
def test_M3_no_address_since_ten_minutes_in_another_boot(fleet, module):
    """How long the machine was away cannot be known: it is counted anew."""
    written_and_gone(fleet, module)
    follow = Follow(fleet.knotd, "-S", module.path, name="again")
    clock = Clock(follow, fleet.knotd.directory)
    clock.reboot(wall_s=100)
    try:
        clock.later(100000)
        fleet.start_server(follow)
        Answers(module, NOTHING)
        stays(fleet.knotd, {A1}, seconds=8)
        follow.finish()
    finally:
        clock.restore()


def later(fleet, name, seconds, *arguments):
    """Start follow so much later in the same boot."""
    follow = Follow(fleet.knotd, *arguments, name=name)
    Clock(follow, fleet.knotd.directory).later(seconds)
    return fleet.start_server(follow)


def test_M3_what_was_written_is_not_adopted(fleet, authority):
    """Somebody adds an address to what was written: that one stays, and the one of before."""
    authority.set(TARGET, a=[A1])
    serve(fleet, f"@ 300 IN A {SIBLING_A}")
    follow = fleet.follow("--adopt")
    written(fleet.knotd, {A1})
    add_by_hand(fleet.knotd, "203.0.113.99")
    authority.set(TARGET, a=[A2])
    written(fleet.knotd, {A2}, timeout=20)
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {SIBLING_A, "203.0.113.99"}, timeout=20)


def change_by_hand(knotd, *records):
    """Has these addresses stand there, and no others."""
    knotd.knotc("zone-begin", ZONE)
    for rdtype, present in stands(knotd).items():
        if present:
            knotd.knotc("zone-unset", ZONE, "@", rdtype)
    for ttl, rdtype, address in records:
        knotd.knotc("zone-set", ZONE, "@", ttl, rdtype, address)
    knotd.knotc("zone-commit", ZONE)


def test_M3_a_former_set_is_not_adopted(fleet, module):
    """The zone is restored to what was written before; what was adopted stays noted."""
    serve(fleet, f"@ 300 IN A {SIBLING_A}")
    follow = fleet.follow("-S", module.path, "--adopt")
    answers = Answers(module, has(A1))
    written(fleet.knotd, {A1})
    answers.tell(has(A2))
    written(fleet.knotd, {A2})
    let_pass(2)
    change_by_hand(fleet.knotd, ("60", "A", A1))
    follow.signal(signal.SIGHUP)
    follow.says(ZONE, "not there any more")
    written(fleet.knotd, {A2}, timeout=20)
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, {SIBLING_A}, timeout=20)


def test_M3_nor_is_a_former_family_beside_one_that_somebody_has_changed(fleet, module):
    serve(fleet)
    follow = fleet.follow("-S", module.path, "--adopt")
    both = f"a-state=addresses\ta={{}}\taaaa-state=addresses\taaaa={AAAA1}"
    answers = Answers(module, both.format(A1))
    written(fleet.knotd, {A1}, {AAAA1})
    answers.tell(both.format(A2))
    written(fleet.knotd, {A2}, {AAAA1})
    let_pass(2)
    change_by_hand(fleet.knotd, ("60", "A", A1), ("300", "AAAA", SIBLING_AAAA))
    follow.signal(signal.SIGHUP)
    follow.says(ZONE, "somebody else", SIBLING_AAAA, "noted, and replaced")
    written(fleet.knotd, {A2}, {AAAA1}, timeout=20)
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, (), {SIBLING_AAAA}, timeout=20)


@pytest.mark.parametrize("ttl", [5, 61, 3600])
@pytest.mark.parametrize("family", ["A", "AAAA", "both"])
def test_M3_what_was_written_and_has_another_ttl_is_written_again(fleet, module, ttl, family):
    """And goes with the record, also where the primary leaves it (Knot 3.5)."""
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    Answers(module, f"a-state=addresses\ta={A1}\taaaa-state=addresses\taaaa={AAAA1}")
    written(fleet.knotd, {A1}, {AAAA1})
    let_pass(2)  # What was written a moment ago is not compared.
    a, aaaa = (ttl if family in (one, "both") else 60 for one in ("A", "AAAA"))
    change_by_hand(fleet.knotd, (str(a), "A", A1), (str(aaaa), "AAAA", AAAA1))
    follow.signal(signal.SIGHUP)
    follow.says(ZONE, f"TTL of what was written is {ttl}: somebody has changed it")
    if VERSION < (3, 5):
        eventually(lambda: ttls(fleet.knotd) == {60}, 10, what="the TTL is as it was")
    let_pass(2)
    for _ in range(2):
        follow.signal(signal.SIGHUP)
        stays(fleet.knotd, {A1}, {AAAA1}, seconds=2)
    assert len(follow.lines("TTL")) == 1, follow.text()
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, (), timeout=20)


def test_M3_a_ttl_that_is_changed_once_more_is_written_again_once_more(fleet, module):
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    Answers(module, f"a-state=addresses\ta={A1}\taaaa-state=addresses\taaaa={AAAA1}")
    written(fleet.knotd, {A1}, {AAAA1})
    for ttl in (3600, 7200, 3600):
        let_pass(2)
        mark = follow.at()
        change_by_hand(fleet.knotd, (str(ttl), "A", A1), (str(ttl), "AAAA", AAAA1))
        follow.signal(signal.SIGHUP)
        follow.says(ZONE, f"TTL of what was written is {ttl}: somebody has changed it", since=mark)
        if VERSION < (3, 5):
            eventually(lambda: ttls(fleet.knotd) == {60}, 10, what="the TTL is as it was")
    let_pass(2)
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    written(fleet.knotd, (), timeout=20)


def ttls(knotd):
    return {int(line.split()[2]) for rdtype in ("A", "AAAA")
            for line in knotd.knotc("zone-read", ZONE, "@", rdtype).stdout.splitlines()}


# What was noted, and what became of it.


class Listening:
    """A primary that is played, over TCP."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.text = f"127.0.0.1@{self.listener.getsockname()[1]}"
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._serve, args=[connection], daemon=True).start()

    def _serve(self, connection):
        with contextlib.suppress(OSError, EOFError), connection, connection.makefile("rb") as file:
            while prefix := file.read(2):
                reply = self.reply(file.read(int.from_bytes(prefix, "big")))
                connection.sendall(len(reply).to_bytes(2, "big") + reply)

    def close(self):
        self.listener.close()


class Between(Listening):
    """Stands before knotd, and may give another reply than that, which nobody signed."""

    def __init__(self):
        self.rcode = None
        super().__init__()

    def reply(self, wire):
        reply = self._ask(len(wire).to_bytes(2, "big") + wire)
        if self.rcode is not None:
            reply = wire[:2] + struct.pack("!HHHHH", 0xA800 | self.rcode, 0, 0, 0, 0)
        return reply

    @staticmethod
    def _ask(message):
        with socket.create_connection(SERVER) as server, server.makefile("rb") as file:
            server.sendall(message)
            return file.read(int.from_bytes(file.read(2), "big"))


def test_M3_what_was_put_back_is_not_said_to_be_missing(fleet, module):
    """The update that puts it back is done, and a reply says otherwise that nobody signed."""
    serve(fleet, f"@ 300 IN A {SIBLING_A}")
    with contextlib.closing(Between()) as primary:
        follow = fleet.follow("-S", module.path, "--primary", primary.text, "--adopt")
        Answers(module, has(A1))
        written(fleet.knotd, {A1})
        primary.rcode = dns.rcode.REFUSED
        remove_record(fleet.knotd)
        follow.signal(signal.SIGHUP)
        written(fleet.knotd, {SIBLING_A}, timeout=20)
        follow.says(ZONE, "REFUSED")
        primary.rcode = None
        follow.signal(signal.SIGHUP)
        stays(fleet.knotd, {SIBLING_A}, seconds=4)
        assert not follow.lines("gone"), follow.text()
        set_record(fleet.knotd)
        follow.signal(signal.SIGHUP)
        follow.says(ZONE, "somebody else", SIBLING_A)


class Deaf(Between):
    """Loses what it is sent, at first."""

    def __init__(self):
        self.is_deaf, self.lost = True, 0
        super().__init__()

    def reply(self, wire):
        if self.is_deaf:
            self.lost += 1
            raise EOFError
        return super().reply(wire)


@pytest.mark.parametrize("rcode", ["REFUSED", "NOTAUTH", "SERVFAIL"])
@pytest.mark.parametrize("restarts", [False, True])
def test_M5_an_error_that_nobody_signed_proves_nothing(fleet, module, rcode, restarts):
    """The update was done: what stands there stays its own."""
    serve(fleet)
    with contextlib.closing(Between()) as primary:
        follow = fleet.follow("-S", module.path, "--primary", primary.text)
        answers = Answers(module, has(A1))
        written(fleet.knotd, {A1})
        primary.rcode = dns.rcode.from_text(rcode)
        answers.tell(has(A2))
        written(fleet.knotd, {A2})
        follow.says(ZONE, rcode)
        primary.rcode = None
        answers.tell(has(A1))
        if restarts:
            follow.finish()
            follow = fleet.follow("-S", module.path, "--primary", primary.text, name="again")
            answers = Answers(module, has(A1))
        else:
            follow.signal(signal.SIGHUP)
        written(fleet.knotd, {A1}, timeout=20)
        assert not follow.lines("somebody else"), follow.text()
        remove_record(fleet.knotd)
        follow.signal(signal.SIGHUP)
        written(fleet.knotd, (), timeout=20)


@pytest.mark.parametrize("where", ["here", "elsewhere"])
@pytest.mark.parametrize("ttl", [60, 3600])
def test_M3_what_somebody_writes_by_hand_after_a_refusal_stays(fleet, module, ttl, where):
    """The primary does not know the key yet. The addresses are those that were to be written."""
    serve(fleet)
    arguments = ["-S", module.path]
    if where == "elsewhere":
        arguments += ["--primary", f"{SERVER[0]}@{SERVER[1]}"]
    bad = key_file(fleet.knotd.directory, f"{ALGORITHM}:other:{SECRET}", "bad.key")
    follow = fleet.follow(*arguments, key=bad)
    Answers(module, has(A1))
    follow.says(ZONE, "BADKEY|NOTAUTH")
    let_pass(3 if where == "here" else 14)  # It looks that it is not done.
    follow.finish()
    add_by_hand(fleet.knotd, A1, ttl)
    follow = fleet.follow(*arguments, name="again")
    answers = Answers(module, has(A1))
    stays(fleet.knotd, {A1}, seconds=3)
    answers.tell(has(A2))
    follow.says(ZONE, "somebody else", A1)
    stays(fleet.knotd, {A1}, seconds=3)
    remove_record(fleet.knotd)
    follow.signal(signal.SIGHUP)
    stays(fleet.knotd, {A1}, seconds=3)


@pytest.mark.parametrize("ttl", [60, 3600])
def test_M3_what_somebody_writes_by_hand_while_a_reply_is_awaited(fleet, module, ttl):
    """It may be what was to be written only where it has its TTL."""
    serve(fleet)
    with contextlib.closing(Deaf()) as primary:
        arguments = ["-S", module.path, "--primary", primary.text]
        follow = fleet.follow(*arguments)
        Answers(module, has(A1))
        eventually(lambda: primary.lost > 0, what="it is sent")
        follow.kill()
        primary.is_deaf = False
        add_by_hand(fleet.knotd, A1, ttl)
        follow = fleet.follow(*arguments, name="again")
        Answers(module, has(A2))
        if ttl == 60:
            written(fleet.knotd, {A2}, timeout=20)
        else:
            follow.says(ZONE, "somebody else", A1)
            stays(fleet.knotd, {A1}, seconds=3)


def slow_disk(follow, directory):
    """Gives it a disk that is slow as long as the file exists that this names."""
    source = os.path.join(os.path.dirname(sanitizer.__file__), "slow_disk.c")
    library, flag = os.path.join(directory, "slow_disk.so"), os.path.join(directory, "slow")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", library, source], check=True)
    preload = [sanitizer.environment(directory).get("LD_PRELOAD"), library]
    follow.env |= {"LD_PRELOAD": ":".join(filter(None, preload)), "ANAME_SLOW_WHILE": flag}
    return flag


def test_M5_a_zone_is_away_while_its_first_update_is_being_noted(fleet, module):
    """It is written all the same: it is not forgotten that it is its own."""
    knotd = fleet.knotd
    knotd.add_zone("other.example", [aname(TARGET)], zone_options={"acl": KEY})
    knotd.add_zone("rest.example", ["@ IN TXT text"], zone_options={"acl": KEY})
    fleet.serve(["@ IN TXT text"], kinds=())
    follow = Follow(knotd, "-S", module.path)
    flag = slow_disk(follow, knotd.directory)
    fleet.start_server(follow)
    answers = Answers(module, has(A1))
    answers.hold_back()
    with open(flag, "w", encoding="ascii"):
        answers.release()
        eventually(lambda: os.path.exists(f"{flag}.waits"), what="it is being noted")
    zone = knotd.zones.pop("other.example")
    knotd.reload()
    follow.signal(signal.SIGHUP)
    let_pass(2)  # A scan does not find it.
    knotd.zones["other.example"] = zone
    knotd.reload()
    eventually(lambda: knotd.loaded("other.example"), what="the zone is back")
    os.unlink(flag)
    follow.signal(signal.SIGHUP)
    written(knotd, {A1}, zone="other.example", timeout=20)
    answers.tell(has(A2))
    written(knotd, {A2}, zone="other.example", timeout=20)
    remove_record(knotd, "other.example")
    follow.signal(signal.SIGHUP)
    written(knotd, (), zone="other.example", timeout=20)
    assert not follow.lines("somebody else"), follow.text()


# Servers that hang, or say always the same.


def test_M5_it_ends_while_the_server_hangs(fleet, module):
    """The control socket does not answer while very many owners are to be written."""
    names = [f"z{number}.example" for number in range(60)]
    for name in names:
        fleet.knotd.add_zone(name, [aname(TARGET)], zone_options={"acl": [KEY]})
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    answers = Answers(module, has(A1))
    for name in names:
        written(fleet.knotd, {A1}, zone=name, timeout=30)
    fleet.knotd.freeze()
    try:
        answers.tell(has(A2))
        # The first that is to be written is found to be held up, and all others come.
        let_pass(12)
        ends_soon(follow)
        bad = follow.lines("failed to control")
        assert not bad, f"expected no lines of the control socket, got {len(bad)}: {bad[0]}"
    finally:
        fleet.knotd.thaw()


def ends_soon(follow):
    """It waits for three seconds, and not as long as a command may take."""
    code, seconds = follow.stop(60)
    assert code == 0 and seconds < 3 + 1.5 * SLOW, f"ended with {code} after {seconds:.1f} s"


@pytest.mark.parametrize("busy", ["reading", "writing"])
def test_M5_it_ends_soon_while_the_server_hangs_and_goes_on_from_there(fleet, module, busy):
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    answers = Answers(module, has(A1))
    written(fleet.knotd, {A1}, timeout=20)
    # What is done is not noted for a second: so the last one goes into the journal at the end.
    answers.tell(has(SIBLING_A))
    written(fleet.knotd, {SIBLING_A}, timeout=20)
    fleet.knotd.freeze()
    try:
        if busy == "reading":
            follow.signal(signal.SIGHUP)
        else:
            answers.tell(has(A2))
        let_pass(1.5)
        ends_soon(follow)
    finally:
        fleet.knotd.thaw()
    follow = fleet.follow("-S", module.path)
    Answers(module, has(A2))
    written(fleet.knotd, {A2}, timeout=20)
    assert not follow.lines("somebody else"), follow.text()
    follow.finish()


class Stubborn(Listening):
    """A primary that answers each update with the same rcode."""

    def __init__(self, rcode):
        self.rcode, self.count = rcode, 0
        self.keyring = dns.tsigkeyring.from_text({KEY: (ALGORITHM, SECRET)})
        super().__init__()

    def reply(self, wire):
        reply = dns.message.make_response(dns.message.from_wire(wire, keyring=self.keyring))
        reply.set_rcode(self.rcode)
        self.count += 1
        return reply.to_wire()


@pytest.mark.parametrize("rcode", ["NXRRSET", "YXRRSET"])
def test_M2_a_primary_that_never_agrees(fleet, authority, rcode):
    """It is asked ever less often, and that is told once."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    with contextlib.closing(Stubborn(dns.rcode.from_text(rcode))) as primary:
        follow = fleet.follow("--primary", primary.text)
        eventually(lambda: primary.count > 1, what="it is tried again")
        busy = follow.busy_s()
        let_pass(20)
        assert 3 < primary.count < 9, f"expected few updates, got {primary.count}"
        assert follow.busy_s() - busy < 1 * SLOW
        lines = follow.lines(ZONE, rcode)
        assert len(lines) == 1, f"expected one line that tells it, got {follow.text()}"
        follow.finish()
