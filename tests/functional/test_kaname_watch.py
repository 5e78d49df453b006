"""kaname watch: a line of JSON for each event as it happens. Each kind is provoked for real (W3)."""

import contextlib
import datetime
import glob
import json
import os
import re
import shutil
import socket
import subprocess
import threading

import pytest
from harness import (
    A1, A2, AAAA1, AAAA2, TARGET, ZONE, aname, answers, eventually, known, query, sanitizer,
    scaled, section, siblings, simple,
)
from harness.authority import ADDRESS, Behaviour
from harness.guide import text_of
from harness.kaname import BUILD, KANAME, environment
from harness.playing import line, playing
from harness.signing import SIGNED, policy
from harness.validator import signed

OTHER = "other.example.net"
NOBODY = 65534


class Watch:
    """A running kaname watch; events come in as it prints them."""

    def __init__(self, knotd, *arguments, kaname=KANAME):
        self.process = subprocess.Popen(
            [kaname, "watch", "-s", knotd.socket, *arguments], stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, env=environment(knotd.directory), text=True,
        )
        self.events = []
        self.error = None
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            assert line.endswith("}\n"), line
            self.events.append(json.loads(line))

    def kinds(self):
        return [event["event"] for event in self.events]

    def wait(self, event, timeout=15.0, count=1, **fields):
        """The latest event with these fields, when there are so many."""

        def come():
            found = [one for one in self.events if one["event"] == event and all(
                one.get(key) == value for key, value in fields.items())]
            assert len(found) >= count, f"expected {count} {event} {fields}, got {self.events}"
            return found[-1]

        return eventually(come, timeout, what=f"the event {event} {fields}")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait(scaled(10))
        self._reader.join(scaled(10))
        if self.error is None:
            self.error = self.process.stderr.read()
            self.process.stdout.close()
            self.process.stderr.close()
        return self.error


@pytest.fixture
def watch(knotd):
    with contextlib.ExitStack() as stack:

        def start(*arguments, ready=True, **how):
            one = Watch(knotd, *arguments, **how)
            stack.callback(one.stop)
            if ready:
                one.wait("connected")
            return one

        yield start


def ask_the_authority(knotd, **options):
    knotd.options.update({"resolver": ADDRESS, "retries": 0, "timeout": 500, **options})


def asking(name=ZONE):
    """Asks, so that it is looked up."""
    for rdtype in ("A", "AAAA"):
        query(name, rdtype)


def test_W3_every_event_and_field_is_explained():
    with open(os.path.join(BUILD, "doc", "kaname.1"), encoding="utf-8") as file:
        page = file.read().replace("\\-", "-")
    page = page[page.index('BR "watch ') : page.index('BR "check ')]
    text = text_of("module", "protocol.h")
    events = set(re.findall(r'#define ANAME_EVENT_\w+ +"([a-z-]+)"', text))
    assert {"changed", "lost"} <= events
    for event in events | {"connected", "disconnected"}:
        assert f"\n.B {event}\n" in page, f"{event} is not explained"
    table = text_of("tools", "watch.c")
    table = table[table.index("fields[] = {") : table.index("};", table.index("fields[] = {"))]
    for field in re.findall(r'"(\w+)", KANAME_AS', table):
        assert re.search(rf"^\.(B|BR|RB) .*\b{field}\b", page, re.MULTILINE), f"{field}: not explained"
    limits = re.findall(r'now_ms,\s+"([a-z-]+)"', text_of("module", "log", "events.c"))
    assert len(limits) == 8
    for limit in limits:
        assert re.search(rf"^\.(B|BR|RB) .*\b{limit}\b", page, re.MULTILINE), f"{limit}: not explained"


def test_W3_it_says_that_it_is_connected(knotd, authority, watch):
    simple(knotd, authority)
    one = watch()
    event = one.wait("connected")
    assert event["pid"] == knotd.pid and re.fullmatch(r"\d+\.\d+\.\d+", event["version"])
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["time"])
    told = datetime.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    assert abs((datetime.datetime.now(datetime.timezone.utc) - told).total_seconds()) < 60


def test_W3_addresses_that_change(knotd, authority, watch):
    """At once, and each time: the log tells them once a minute."""
    ask_the_authority(knotd, **{"ttl-max": 1})
    simple(knotd, authority)
    known()
    one = watch()
    for before, after in ((A1, A2), (A2, A1)):
        authority.set(TARGET, a=(after,), aaaa=(AAAA1,))
        answers({after})
        event = one.wait("changed", family="A", to=[after])
        assert event["from"] == [before] and event["target"] == f"{TARGET}."
        assert event["resolver"] == [f"{ADDRESS}@53"]
    authority.set(TARGET, a=(A1,), aaaa=(), negative_ttl=1)

    def none():
        asking()
        return one.wait("changed", timeout=0.01, family="AAAA", to=[])

    assert eventually(none)["from"] == [AAAA1]


def test_W3_a_target_that_fails_and_recovers_though_nobody_asks_again(knotd, authority, watch):
    ask_the_authority(knotd, **{"ttl-max": 1, "retry-min": 1, "retry-max": 1})
    authority.set(OTHER, a=(A1,), ttl=1)
    knotd.add_zone("other.example", [aname(OTHER)])
    simple(knotd, authority)
    known()
    known("other.example")
    one = watch()
    authority.fail(TARGET, "A", rcode="REFUSED")
    event = one.wait("fails", family="A")
    assert event["target"] == f"{TARGET}." and event["addresses"] == [A1]
    assert "REFUSED" in event["why"] or event["why"], event
    authority.set(TARGET, a=(A1,), aaaa=(AAAA1,), ttl=1)
    event = one.wait("recovered", family="A")
    assert 0 <= event["seconds"] < 60 and event["addresses"] == [A1]
    assert one.kinds().count("fails") == one.kinds().count("recovered") == 1
    assert not [event for event in one.events if event.get("target") == f"{OTHER}."]


@pytest.mark.parametrize("how", ["NXDOMAIN", "NODATA"])
def test_W3_a_target_that_goes_and_returns(knotd, authority, watch, how):
    ask_the_authority(knotd, **{"ttl-max": 1})
    simple(knotd, authority)
    known()
    one = watch()
    if how == "NXDOMAIN":
        authority.nxdomain(TARGET, negative_ttl=1)
    else:
        authority.set(TARGET, negative_ttl=1)

    def gone():
        asking()
        return one.wait("gone", timeout=0.01)

    event = eventually(gone)
    assert event["target"] == f"{TARGET}." and event["denial"] == how
    late = watch()
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,), ttl=1)

    def returned():
        asking()
        return one.wait("returned", timeout=0.01)

    assert eventually(returned)["target"] == f"{TARGET}."
    # Also to whoever did not see it go.
    late.wait("returned")
    assert one.kinds().count("gone") == one.kinds().count("returned") == 1


def test_W3_a_resolver_that_is_out_and_back(knotd, start_scripted, watch):
    resolver = start_scripted()
    names = [f"target-{n}.example.net" for n in range(3)]
    for name in names:
        resolver.set(name, a=(A1,), aaaa=(AAAA1,), ttl=1)
    knotd.options.update({"resolver": resolver.address[0], "timeout": 500, "retries": 0})
    for n, name in enumerate(names):
        knotd.add_zone(f"zone-{n}.example", [aname(name, ttl=1)])
    knotd.start()
    for n in range(len(names)):
        known(f"zone-{n}.example")
    one = watch()
    for name in names:
        resolver.drop(name)
    event = one.wait("resolver-out", timeout=30)
    assert event["resolver"] == [f"{resolver.address[0]}@53"] and "heard" in event["why"]
    for name in names:
        resolver.set(name, a=(A1,), aaaa=(AAAA1,), ttl=1)
    event = one.wait("resolver-back", timeout=30)
    assert event["resolver"] == [f"{resolver.address[0]}@53"] and event["seconds"] >= 0


def test_W3_an_address_that_is_down_and_up_again(knotd, authority, watch):
    alive, other = "127.0.0.1", "127.0.0.2"
    with socket.socket() as listener:
        listener.bind((alive, 0))
        listener.listen(1000)
        port = listener.getsockname()[1]
        ask_the_authority(knotd, **{
            "probe": "tcp", "probe-port": port, "probe-interval": 1, "probe-timeout": 500,
            "probe-fall": 1, "probe-rise": 1,
        })
        knotd.add_zone("other.example", [aname(OTHER)])
        authority.set(OTHER, a=(alive, other))
        simple(knotd, authority, a=(alive, other), aaaa=())
        one = watch()
        named = watch("other.example")
        known()
        known("other.example")
        event = one.wait("down", address=other)
        assert event["probe"] == "tcp" and event["port"] == port and "refused" in event["why"]
        second = socket.create_server((other, port), backlog=1000)
        with second:
            event = one.wait("up", address=other)
            assert event["target"] in (f"{TARGET}.", f"{OTHER}.") and "why" not in event
            assert event["other_targets"] == 1
            # Whoever watches a zone is told of its target, whichever was there first.
            event = named.wait("up", address=other)
            assert event["target"] == f"{OTHER}." and event["zone"] == "other.example."
        one.wait("down", address=other, count=2)


def test_W3_what_is_forced(knotd, authority, watch, tool):
    ask_the_authority(knotd)
    simple(knotd, authority)
    known()
    one = watch()
    tool("force", TARGET, "down", "--for", "1h")
    event = one.wait("forced")
    assert event["target"] == f"{TARGET}." and event["state"] == "down"
    assert 3590 <= event["seconds"] <= 3600
    tool("force", TARGET, "auto")
    assert one.wait("auto")["target"] == f"{TARGET}."
    tool("force", A1, "up")
    event = one.wait("forced", address=A1)
    assert event["state"] == "up" and "seconds" not in event


def test_W3_what_is_forced_is_told_where_it_is_a_target(knotd, authority, watch, tool):
    """Not as if it were one of every zone that is watched."""
    ask_the_authority(knotd)
    knotd.add_zone("other.example", [aname(OTHER)])
    simple(knotd, authority)
    its = watch(ZONE)
    others = watch("other.example")
    tool("force", TARGET, "down")
    tool("force", TARGET, "auto")
    tool("force", OTHER, "down")
    assert others.wait("forced")["target"] == f"{OTHER}."
    # An address may be that of any target.
    tool("force", A1, "down")
    assert "zone" not in its.wait("forced", address=A1)
    others.wait("forced", address=A1)
    told = [(event["event"], event.get("target")) for event in its.events[1:]]
    assert told == [("forced", f"{TARGET}."), ("auto", f"{TARGET}."), ("forced", None)], told
    assert "auto" not in others.kinds()


def test_W3_a_limit_that_is_reached(knotd, authority, watch):
    ask_the_authority(knotd, **{"max-targets": 2})
    for n in range(4):
        authority.set(f"target-{n}.example.net", a=(A1,))
        knotd.add_zone(f"zone-{n}.example", [aname(f"target-{n}.example.net")])
    knotd.start()
    one = watch()

    def reached():
        for n in range(4):
            asking(f"zone-{n}.example")
        return [event for event in one.events if event["event"] == "limit"]

    event = eventually(reached)[0]
    assert event["limit"] in ("max-targets", "gave-way") and event["count"] > 0


def test_W3_no_probe_succeeds_any_more(knotd, authority, watch):
    ask_the_authority(knotd, **{
        "probe": "tcp", "probe-port": 7, "probe-interval": 1, "probe-timeout": 500, "probe-fall": 1,
        "probe-rise": 1,
    })
    servers = {}
    addresses = [f"127.0.1.{n}" for n in range(1, 9)]
    for n, address in enumerate(addresses):
        servers[address] = socket.create_server((address, 7), backlog=1000)
        authority.set(f"target-{n}.example.net", a=(address,))
        knotd.add_zone(f"zone-{n}.example", [aname(f"target-{n}.example.net")])
    knotd.start()
    one = watch()
    for n in range(len(addresses)):
        known(f"zone-{n}.example", "A")

    def up():
        told = json.loads(subprocess.run(
            [KANAME, "status", "--json", "-s", knotd.socket], env=environment(knotd.directory),
            capture_output=True, text=True, check=True, timeout=scaled(30)).stdout)
        return told["server"]["addresses_up"] == len(addresses)

    eventually(up, what="all are up")
    for server in servers.values():
        server.close()
    one.wait("doubt", timeout=30)
    servers = [socket.create_server((address, 7), backlog=1000) for address in addresses]
    one.wait("no-doubt", timeout=30)
    for server in servers:
        server.close()


def test_W3_keys_that_cannot_be_read(knotd, unbound, authority, watch):
    authority.set(TARGET, a=[A1], aaaa=[])
    policy(knotd)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    one = watch()
    files = glob.glob(os.path.join(knotd.directory, "db", "keys", "keys", "*.pem"))
    assert files, "expected private keys"
    aside = os.path.join(knotd.directory, "aside")
    os.mkdir(aside)
    for file in files:
        shutil.move(file, aside)
    query(ZONE, "A", do=True)

    def trouble():
        query(ZONE, "A", do=True)
        return one.wait("key-trouble", timeout=0.01)

    event = eventually(trouble, timeout=20)
    assert re.fullmatch(r"[0-9a-f]{40}", event["key"]) and event["why"], event
    for file in files:
        shutil.move(os.path.join(aside, os.path.basename(file)), file)

    def good():
        query(ZONE, "A", do=True)
        return one.wait("key-good", timeout=0.01, key=event["key"])

    eventually(good, timeout=30)


def test_W3_an_answer_for_a_subnet_that_fails(knotd, authority, watch):
    knotd.server["edns-client-subnet"] = "on"
    ask_the_authority(knotd, ecs="on")
    simple(knotd, authority, aaaa=())
    known()
    authority.behave(TARGET, "A", lambda subnet: Behaviour(
        rdata=(A1,), rcode="SERVFAIL" if subnet else "NOERROR"))
    one = watch()
    query(ZONE, "A", ecs="198.51.100.77/32")
    event = one.wait("subnet-fails")
    assert event["target"] == f"{TARGET}." and event["why"]


def test_W3_of_a_zone_only_its_targets_also_when_they_change(knotd, authority, watch, tool):
    ask_the_authority(knotd, **{"ttl-max": 1})
    authority.set(OTHER, a=(A1,), aaaa=(AAAA1,), ttl=1)
    knotd.add_zone("other.example", [aname(OTHER)])
    simple(knotd, authority)
    known()
    known("other.example")
    one = watch(ZONE.upper())
    authority.set(OTHER, a=(A2,), aaaa=(AAAA1,), ttl=1)
    answers({A2}, "other.example")
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,), ttl=1)
    answers({A2})
    event = one.wait("changed")
    assert event["target"] == f"{TARGET}." and event["zone"] == f"{ZONE}."
    tool("set", ZONE, OTHER, "--no-check")

    def other():
        query(ZONE, "A")
        authority.set(OTHER, a=(A1,), aaaa=(AAAA1,), ttl=1)
        answers({A1}, "other.example")
        authority.set(OTHER, a=(A2,), aaaa=(AAAA1,), ttl=1)
        answers({A2}, "other.example")
        return one.wait("changed", timeout=0.01, target=f"{OTHER}.")

    eventually(other, timeout=30)
    assert "no such zone" in tool("watch", "none.example", code=1).stderr


def test_W3_a_slow_reader_is_told_what_it_lost_and_holds_up_nobody(knotd, authority, watch):
    ask_the_authority(knotd, **{"ttl-max": 1, "timeout": 5000})
    names = [f"target-{n}.example.net" for n in range(300)]
    authority.behave("*.example.net", "A", Behaviour(rdata=(A1,), ttl=1))
    authority.behave("*.example.net", "AAAA", Behaviour(rdata=(AAAA1,), ttl=1))
    for n in range(10):
        knotd.add_zone(f"zone-{n}.example", [aname(name) for name in names[30 * n: 30 * n + 30]])
    knotd.start()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
        sock.connect(os.path.join(knotd.directory, "mod-aname.sock"))
        sock.sendall(b"watch\n")
        for n in range(10):
            known(f"zone-{n}.example")
        fast = watch()
        before = knotd.rss()
        for round_ in range(1, 8):
            value = A2 if round_ % 2 else A1
            authority.behave("*.example.net", "A", Behaviour(rdata=(value,), ttl=1))
            for n in range(10):
                answers({value}, f"zone-{n}.example", timeout=30)
        assert "lost" not in fast.kinds()
        eventually(lambda: fast.kinds().count("changed") >= 7 * 290, timeout=30)
        sock.settimeout(scaled(10))
        text = ""
        while "event=lost" not in text:
            text += sock.recv(65536).decode()
        lost = re.search(r"^event\tevent=lost\ttime=\d+\tcount=(\d+)$", text, re.MULTILINE)
        assert lost and int(lost[1]) > 0, text[-300:]
        # Sanitizers keep what was freed.
        assert sanitizer.ENABLED or knotd.rss() - before < 8 << 20


def test_W3_so_many_may_watch_at_once(knotd, authority, watch, tool):
    simple(knotd, authority)
    many = [watch() for _ in range(4)]
    done = tool("watch", code=1)
    assert "4 watch already" in done.stderr and "\nnext: " in done.stderr
    # Others are served all the same.
    assert tool("status", "--json").stdout
    many[0].stop()
    eventually(lambda: watch(ready=False).wait("connected", timeout=1))


def test_W3_others_give_way_to_root(knotd, authority, watch):
    """Whoever may connect to the status socket keeps neither root nor knotd's own user out."""
    simple(knotd, authority)
    path = os.path.join(knotd.directory, "mod-aname.sock")
    os.chmod(knotd.directory, 0o755)
    os.chmod(path, 0o777)
    others = [
        subprocess.Popen(
            [KANAME, "watch", "-S", path], user=NOBODY, cwd="/", stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL, env=environment(knotd.directory))
        for _ in range(4)
    ]
    try:
        for other in others:
            assert b"connected" in other.stdout.readline()
        watch()
        eventually(lambda: sum(other.poll() == 3 for other in others) == 1)
        for _ in range(3):
            watch()
        eventually(lambda: all(other.poll() == 3 for other in others))
        # Nobody else's place is taken from root.
        done = subprocess.run(
            [KANAME, "watch", "-S", path], user=NOBODY, cwd="/", capture_output=True, text=True,
            env=environment(knotd.directory), check=False, timeout=scaled(30))
        assert done.returncode == 1 and "4 watch already" in done.stderr
    finally:
        for other in others:
            other.kill()
            other.wait()
            other.stdout.close()


def test_W3_a_server_that_is_stopped_is_not_waited_for(knotd, authority, tool, watch):
    simple(knotd, authority)
    one = watch()
    knotd.freeze()
    done = tool("watch", "-t", "1", code=3)
    assert not done.stdout and "(Connection timed out)" in done.stderr
    assert "\nnext: knotd does not answer" in done.stderr
    knotd.thaw()
    # Silence is no fault of one that is connected.
    tool("force", TARGET, "down")
    one.wait("forced")


def test_W3_a_zone_that_is_taken_away_is_told_once(knotd, authority, watch):
    ask_the_authority(knotd, **{"ttl-max": 1})
    knotd.add_zone("other.example", [aname(TARGET)])
    simple(knotd, authority)
    known()
    one = watch(ZONE)
    taken = knotd.zones.pop(ZONE)
    knotd.reload()

    def looked(count):
        lines = [line for line in knotd.log_lines(r"\[example.com.\]") if "no such zone" in line]
        assert len(lines) >= count, lines
        return True

    eventually(lambda: looked(2), timeout=30)
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,), ttl=1)
    answers({A2}, "other.example")
    one.wait("changed")
    knotd.zones[ZONE] = taken
    knotd.reload()
    error = one.stop()
    assert error.count("no such zone") == 1 and error.count("next: ") == 1, error
    assert "its targets of before are watched" in error


def test_W3_it_ends_with_the_server(knotd, authority, watch):
    simple(knotd, authority)
    one, other = watch(), watch("--reconnect")
    knotd.finish()
    eventually(lambda: one.process.poll() is not None)
    assert one.process.returncode == 3
    error = one.stop()
    assert "the server has ended the connection" in error and "\nnext: " in error
    other.wait("disconnected")
    knotd.start()
    event = other.wait("connected", count=2)
    assert event["pid"] == knotd.pid
    assert other.kinds() == ["connected", "disconnected", "connected"]


def test_W3_a_reload_does_not_end_it(knotd, authority, watch):
    ask_the_authority(knotd, **{"ttl-max": 1})
    simple(knotd, authority)
    known()
    one = watch()
    knotd.options["ttl-max"] = 2
    knotd.reload()
    authority.set(TARGET, a=(A2,), aaaa=(AAAA2,), ttl=1)
    answers({A2})
    one.wait("changed", family="A")
    assert one.process.poll() is None


def test_W3_an_older_module_is_told(knotd, authority, tool, directory):
    simple(knotd, authority)
    path = f"{directory}/old.sock"
    with playing(path, "aname\t1", line("error", why="there is no such request"), "end"):
        done = tool("watch", "-S", path, code=1)
    assert "there is no such request" in done.stderr and "restart knotd" in done.stderr


def test_W3_events_that_nobody_sends_yet_are_passed_on(knotd, authority, watch, directory):
    """By a newer module, with fields that this kaname does not know."""
    simple(knotd, authority)
    path = f"{directory}/new.sock"
    event = line("event", event="new-kind", time=0, name="a.example.", new="field")
    with playing(path, "aname\t1", "server\tpid=7\tversion=9.9.9", "new\tx=y", event):
        one = watch("-S", path)
        assert one.wait("new-kind") == {"time": "1970-01-01T00:00:00.000Z", "event": "new-kind",
                                        "target": "a.example."}
