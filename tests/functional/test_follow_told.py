"""kaname follow asks the module what to write: its side of the status socket, against a module that is
played, which does what a good one never does, and against the real one."""

import contextlib
import itertools
import os
import signal
import socket
import threading
import time

import pytest
from harness import A1, A2, TARGET, ZONE, aname
from harness.authority import ADDRESS
from harness.told_client import FORMAT, NOTHING, SERVER, Client, module  # noqa: F401
from harness.wait import SLOW, during, eventually, scaled

MANY = 100_000
ROOM = 256


@pytest.fixture
def start(directory, module):
    clients = []

    def begin(*arguments, path=module.path):
        clients.append(Client(directory, path, *arguments))
        return clients[-1]

    yield begin
    for client in clients:
        client.stop()


def addresses(octets):
    return ",".join(f"192.0.2.{octet}" for octet in octets)


def answer(token):
    """What the client's questions of many expect."""
    return (
        f"set\ttoken={token}\tnext=60\tttl=300\ta-state=addresses"
        f"\ta={'.'.join(str(octet) for octet in int(token).to_bytes(4, 'big'))}"
        "\taaaa-state=nodata\n"
    )


def answer_all(peer, limit=None):
    """Answer what it asks until it closes, or so many questions; returns how many it asked."""
    asked = 0
    while asked != limit and (line := peer.line()) is not None:
        word, token, *_ = line.split(" ")
        assert word == "ask"
        asked += 1
        peer.send(answer(token))
    return asked


# What is asked.


def test_M1_a_question_names_zone_owner_ttl_and_targets(module, start):
    client = start()
    peer = module.accept()
    assert client.wait("up")["room"] == str(ROOM)
    client.tell("ask 7 example. www.example. 300 a.example.net. b.example.net.")
    assert peer.line() == "ask 7 example. www.example. 300 a.example.net. b.example.net."
    client.tell(f"ask {2**64 - 1} . *.example. 4294967295 .")
    assert peer.line() == f"ask {2**64 - 1} . *.example. 4294967295 ."
    client.tell(r"ask 0 example. a\032b\009c\.d.example. 0 x.example.")
    assert peer.line() == r"ask 0 example. a\032b\009c\.d.example. 0 x.example."
    client.end()


def test_M1_no_more_targets_are_asked_than_count(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    names = [f"t{number}." for number in range(40)]
    client.tell("ask 1 example. example. 300 " + " ".join(names))
    assert peer.line().split(" ")[5:] == names[:32]
    client.end()


def test_M1_the_longest_question_there_is(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    # 255 octets, each of which takes four characters.
    longest = ".".join([r"\001" * 63] * 3 + [r"\001" * 61]) + "."
    for token in range(3):
        client.tell(f"ask {token} {longest} {longest} 2147483647 " + " ".join([longest] * 32))
    for token in range(3):
        asked = peer.line()
        assert len(asked) > 33_000
        assert asked.split(" ") == ["ask", str(token), longest, longest, "2147483647"] + [longest] * 32
    client.end()


# What is answered.

ANSWERS = {
    "both families": (
        f"a-state=addresses\ta={addresses([1, 2])}\taaaa-state=addresses\taaaa=2001:db8::1\tttl=60\tnext=99",
        dict(a=f"set,{addresses([1, 2])}", aaaa="set,2001:db8::1", ttl="60", next="99", unknown="0")),
    "one without addresses": (
        f"a-state=addresses\ta={addresses([1])}\taaaa-state=nodata\tttl=60\tnext=9",
        {"a": f"set,{addresses([1])}", "aaaa": "nodata", "aaaa-why": ""}),
    "targets that do not exist": (
        "a-state=nxdomain\taaaa-state=nxdomain\tnext=9", {"a": "nxdomain", "aaaa": "nxdomain"}),
    "pending and failed": (
        "a-state=pending\taaaa-state=failed\taaaa-why=no reply in time\tnext=1",
        {"a": "pending", "a-why": "", "aaaa": "failed", "aaaa-why": "no reply in time", "ttl": "0"}),
    "the module is not loaded": (
        "unknown=yes\twhy=it is not loaded for the zone",
        {"unknown": "1", "a": "failed", "a-why": "it is not loaded for the zone", "aaaa": "failed",
         "aaaa-why": "it is not loaded for the zone", "next": "60"}),
    "keys that nobody knows": (
        "a-state-of-mind=good\tb=1\ta-state=nodata\t\taaaa-state=nodata\tc",
        {"a": "nodata", "aaaa": "nodata", "unknown": "0"}),
    "a state that nobody knows": (
        f"a-state=rotating\ta={addresses([1])}\taaaa-state=nodata",
        {"a": "failed", "a-why": "the module told it in words that this kaname does not know"}),
    "no state": (
        "aaaa-state=nodata",
        {"a": "failed", "a-why": "the module told it in words that this kaname does not know"}),
    "an address that is none, among good ones": (
        "a-state=addresses\ta=192.0.2.1,192.0.2.300\taaaa-state=nodata",
        {"a": "failed", "a-why": "an address that the module told cannot be read"}),
    "an address of the other family": (
        "a-state=addresses\ta=2001:db8::1\taaaa-state=nodata", {"a": "failed"}),
    "an address that never ends": (
        "a-state=addresses\ta=" + 5000 * "1" + "\taaaa-state=nodata", {"a": "failed"}),
    "an empty place in a list": (
        "a-state=addresses\ta=192.0.2.1,,192.0.2.2\taaaa-state=nodata", {"a": "failed"}),
    "no address where there are some": (
        "a-state=addresses\taaaa-state=nodata",
        {"a": "failed", "a-why": "the module told no address"}),
    "times that are none": (
        f"{NOTHING}\tttl=-\tnext=0", {"ttl": "0", "next": "1"}),
    "times beyond all bounds": (
        f"{NOTHING}\tttl=99999999999999999999\tnext=4294967296",
        {"ttl": "4294967295", "next": "4294967295"}),
}


@pytest.mark.parametrize("said", ANSWERS)
def test_M1_an_answer(module, start, said):
    text, expected = ANSWERS[said]
    client = start()
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.example.net.")
    assert peer.line()
    peer.send(f"set\ttoken=7\t{text}\n")
    told = client.wait("set")
    assert {key: told[key] for key in expected} == expected and told["token"] == "7"
    client.end()


def test_M1_an_answer_with_as_many_addresses_as_there_may_be(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    short = [f"10.0.{high}.{low}" for high in range(2) for low in range(128)]
    full = [f"2001:db8:1111:2222:3333:4444:5555:{number + 0x1000:x}" for number in range(256)]
    client.tell("ask 1 example. example. 300 a.")
    assert peer.line()
    peer.send("set\ttoken=1\ta-state=addresses\ta=" + ",".join(short)
              + "\taaaa-state=addresses\taaaa=" + ",".join(full) + "\n")
    told = client.wait("set")
    assert told["a"] == ",".join(["set", *short]) and told["aaaa"] == ",".join(["set", *full])
    client.end()


def test_M1_changes_are_told(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    peer.send("changed\tname=TARGET.Example.net.\nchanged\tname=no..name\nchanged\n"
              "changed\tname=a\\032b.example.\nlost\tcount=3\nlost\tcount=0\n")
    client.wait("lost", 2)
    assert client.events[1:] == ["changed\tname=target.example.net.", "changed\tname=a\\032b.example.",
                                 "lost", "lost"]
    client.end()


# How it comes.


def test_M1_an_answer_in_pieces(module, start):
    client = start()
    peer = module.accept(greet=False)
    assert peer.line() == "follow"
    client.tell("ask 5 example. example. 300 a.")  # Too early.
    eventually(lambda: "no room" in client.events, what="no question before it is up")
    for octet in (FORMAT + SERVER).encode():
        assert not client.of("up")
        peer.send(bytes([octet]))
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.")
    assert peer.line()
    for octet in f"set\ttoken=7\ta-state=addresses\ta={addresses([7])}\taaaa-state=nodata\n".encode():
        assert not client.of("set")
        peer.send(bytes([octet]))
    assert client.wait("set")["a"] == f"set,{addresses([7])}"
    client.end()


def test_M1_many_lines_at_once(module, start):
    client = start()
    peer = module.accept(greet=False)
    assert peer.line() == "follow"
    peer.send(FORMAT + SERVER + "changed\tname=a.\n" * 5000)
    client.wait("changed", 5000)
    client.end()


def test_M1_words_that_nobody_knows_are_skipped(module, start):
    client = start()
    peer = module.accept(greet=False)
    peer.send(FORMAT + "weather\tsunny=yes\nset\ttoken=1\nchanged\tname=early.\n" + SERVER)
    client.wait("up")
    peer.send("settle\ttoken=1\n\n\t\t\n" + b"\0\xff\xfe\t=\n".decode("latin-1") + "server\tpid=2\n"
              "end of it all\nchanged\tname=a.\n")
    client.wait("changed")
    assert [line.split("\t")[0] for line in client.events] == ["up", "changed"]
    client.end()


@pytest.mark.parametrize("length", [65530, 65535, 65536, 65537, 131072, 1_000_000])
def test_M1_a_line_that_is_too_long_is_skipped(module, start, length):
    client = start()
    peer = module.accept()
    client.wait("up")
    peer.send("x" * length + "\nchanged\tname=a.\n")
    assert client.wait("changed")["name"] == "a."
    assert not client.of("down")
    client.end()


# What ends a connection.


def down(client, why, cure, count=1, timeout=10.0):
    told = client.wait("down", count, timeout)
    assert why in told["why"] and cure in told["next"] and told["room"] == "0", told


FAULTS = {
    "another token": "set\ttoken=8\t" + NOTHING + "\n",
    "no token": "set\t" + NOTHING + "\n",
    "a token that is none": "set\ttoken=7x\t" + NOTHING + "\n",
    "one answer more": f"set\ttoken=7\t{NOTHING}\nset\ttoken=7\t{NOTHING}\n",
}


@pytest.mark.parametrize("said", FAULTS)
def test_M1_an_answer_to_something_else_counts_for_nothing(module, start, said):
    client = start()
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.example.net.")
    assert peer.line()
    peer.send(FAULTS[said])
    down(client, "something else than what was asked", "of one version")
    assert len(client.of("set")) == (said == "one answer more")
    again = module.accept()
    client.wait("up", 2)
    client.tell("ask 9 example. example. 300 a.example.net.")
    assert again.line().startswith("ask 9 ")
    again.send(f"set\ttoken=9\t{NOTHING}\n")
    assert client.wait("set", 2 if said == "one answer more" else 1)["token"] == "9"
    client.end()


def test_M1_an_answer_that_is_too_long_is_not_waited_for(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.example.net.")
    assert peer.line()
    with contextlib.suppress(BrokenPipeError):
        peer.send("set\ttoken=7\ta=" + "1" * 100_000)
    down(client, "its answer is too long", "of one version")
    client.end()


@pytest.mark.parametrize("said", ["", "set\ttoken=7\ta-state=addr", "lost", "changed\tname=half."])
def test_M1_a_connection_that_is_cut(module, start, said):
    """What came of a line counts for nothing."""
    client = start()
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.example.net.")
    assert peer.line()
    peer.send("changed\tname=whole.\n" + said)
    peer.close()
    down(client, "the server has ended the connection", "systemctl status knot")
    module.accept()
    client.wait("up", 2)
    assert [line.split("\t")[0] for line in client.events] == ["up", "changed", "down", "up"]
    client.end()


BEGINNINGS = {
    "what is no module": ("220 mail.example ESMTP\r\n", "speaks otherwise", "of one version"),
    "another format": ("aname\t2\nserver\tpid=1\n", "speaks otherwise", "of one version"),
    "nothing": ("", "busy with other clients", "systemctl status knot"),
    "no more than a beginning": (FORMAT, "has ended the connection", "systemctl status knot"),
    "an older module": (
        FORMAT + "error\twhy=the request is not understood\nend\n", "not understood",
        "the module that runs is older than this kaname: restart knotd after an upgrade"),
    "too many that follow": (
        FORMAT + "refused\twhy=8 follow already\nend\n", "8 follow already", "end one of those"),
    "a refusal without a reason": (FORMAT + "refused\nend\n", "does not say why", "end one of those"),
}


@pytest.mark.parametrize("said", BEGINNINGS)
def test_M1_a_beginning_that_is_none(module, start, said):
    """It is told once, and tried again."""
    text, why, cure = BEGINNINGS[said]
    client = start()
    for _ in range(3):
        peer = module.accept(greet=False)
        assert peer.line() == "follow"
        peer.send(text)
        peer.close()
    down(client, why, cure)
    module.accept()
    client.wait("up")
    assert len(client.of("down")) == 1
    client.end()


def test_M1_a_question_that_is_not_understood(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.example.net.")
    assert peer.line()
    peer.send("error\twhy=the question is not understood\nend\n")
    down(client, "the question is not understood", "of one version")
    client.end()


# When nobody is there.


def test_M1_a_server_that_restarts(module, start):
    module.away()
    client = start()
    down(client, "No such file or directory", "is knotd running")
    module.listen()
    peer = module.accept()
    client.wait("up")
    peer.close()
    module.away()
    down(client, "the server has ended the connection", "systemctl status knot", 2)
    down(client, "No such file or directory", "is knotd running", 3)
    # The socket of one that was killed.
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(module.path)
    listener.close()
    down(client, "Connection refused", "is knotd running", 4)
    module.away()
    down(client, "No such file or directory", "is knotd running", 5)
    module.listen()
    module.accept()
    client.wait("up", 2)
    assert len(client.of("down")) == 5, client.events
    client.end()


def test_M1_a_path_that_is_too_long(start):
    client = start(path="/tmp/" + "x" * 200)
    down(client, "File name too long", "name it with -S")
    client.end()


def test_M1_where_too_many_wait_already(directory, module, start):
    """Nobody is waited for: another attempt is."""
    module.listener.listen(0)
    waiting = []
    with contextlib.suppress(BlockingIOError):
        while True:
            waiting.append(socket.socket(socket.AF_UNIX))
            waiting[-1].setblocking(False)
            waiting[-1].connect(module.path)
    client = start()
    down(client, "timed out", "does not answer")
    module.listener.listen(8)
    for one in waiting:
        one.close()
    for _ in waiting[1:]:
        module.listener.accept()[0].close()
    module.accept()
    client.wait("up")
    client.end()


def test_M1_attempts_follow_each_other_more_and_more_slowly(module, start):
    client = start()
    times = []
    for _ in range(7):
        peer = module.accept(greet=False)
        times.append(time.monotonic())
        peer.close()
    pauses = [after - before for before, after in itertools.pairwise(times)]
    for pause, least in zip(pauses, [0.2, 0.4, 0.8, 1.6, 3.2, 5.0], strict=True):
        assert least - 0.1 <= pause <= least + 1.0 * SLOW, pauses
    client.end()


def test_M1_after_a_good_connection_it_is_tried_at_once(module, start):
    client = start()
    for _ in range(4):
        module.accept(greet=False).close()
    peer = module.accept()
    client.wait("up")
    for _ in during(5.2):
        pass
    peer.close()
    ended = time.monotonic()
    module.accept()
    assert time.monotonic() - ended < 0.2 + 1.0 * SLOW
    client.wait("up", 2)
    client.end()


# Silence.


def test_M1_a_server_that_does_not_answer(module, start):
    client = start("1")
    peer = module.accept()
    client.wait("up")
    # Where nothing is asked nothing has to come.
    for _ in during(2.5 * SLOW):
        assert not client.of("down")
    client.tell("ask 7 example. example. 300 a.")
    assert peer.line()
    down(client, "timed out", "-t SECONDS")
    assert peer.line() is None
    # Nor does it have to begin.
    silent = module.accept(greet=False)
    assert silent.line() == "follow" and silent.line() is None
    module.accept()
    client.wait("up", 2)
    client.end()


def test_M1_what_is_slow_is_waited_for(module, start):
    client = start("1")
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.")
    assert peer.line()
    for _ in during(2.5 * SLOW, step=0.2):
        peer.send("changed\tname=a.\n")
    assert not client.of("down")
    peer.send(f"set\ttoken=7\t{NOTHING}\n")
    client.wait("set")
    client.end()


def test_M1_time_in_which_it_did_not_run_itself_does_not_count(module, start):
    client = start("1")
    peer = module.accept()
    client.wait("up")
    client.tell("ask 7 example. example. 300 a.")
    assert peer.line()
    client.process.send_signal(signal.SIGSTOP)
    peer.send(f"set\ttoken=7\t{NOTHING}\n")
    for _ in during(2.5):
        pass
    client.process.send_signal(signal.SIGCONT)
    client.wait("set")
    assert not client.of("down")
    client.end()


# Many.


@pytest.mark.limit(120)
def test_M1_100_000_questions(module, start):
    client = start()
    peer = module.accept()
    client.wait("up")
    server = threading.Thread(target=answer_all, args=(peer,), daemon=True)
    server.start()
    client.tell(f"many 1000000 {MANY}")
    told = client.wait("many", timeout=60)
    assert told["count"] == str(MANY) and told["again"] == "0"
    # As many as there is room for were on their way, and no more.
    assert told["most"] == str(ROOM)
    client.end()
    server.join(scaled(10))


@pytest.mark.limit(120)
def test_M1_many_questions_on_connections_that_end(module, start):
    """What was not answered is asked again, by whoever asked it, and nothing is answered twice."""
    count = 2000
    client = start()
    client.tell(f"many 5 {count}")
    asked = 0
    for part in (1, 255, 256, 257, 700):
        peer = module.accept()
        asked += answer_all(peer, part)
        peer.close()
    peer = module.accept()
    server = threading.Thread(target=answer_all, args=(peer,), daemon=True)
    server.start()
    told = client.wait("many", timeout=30)
    assert told["count"] == str(count) and told["most"] == str(ROOM), told
    client.end()
    server.join(scaled(10))


def test_M1_a_server_that_reads_late(module, start):
    """More than the socket holds is asked before anything is read, and nothing is lost."""
    client = start()
    peer = module.accept()
    client.wait("up")
    longest = ".".join(["x" * 63] * 3 + ["x" * 61]) + "."
    for token in range(ROOM):
        client.tell(f"ask {token} example. example. 300 " + " ".join([longest] * 32))
    client.tell(f"ask {ROOM} example. example. 300 a.")
    eventually(lambda: "no room" in client.events, what="the last one is one too many")
    for token in range(ROOM):
        assert peer.line().split(" ")[1] == str(token)
        peer.send(f"set\ttoken={token}\t{NOTHING}\n")
    client.wait("set", ROOM)
    assert [told["token"] for told in client.of("set")] == [str(token) for token in range(ROOM)]
    client.end()


# Its end.


@pytest.mark.parametrize("event", ["up", "down", "set", "changed", "lost"])
def test_M1_it_may_be_closed_by_what_it_tells(module, start, event):
    """And nothing is told any more."""
    client = start()
    client.tell(f"close-on {event}")
    peer = module.accept(greet=False)
    peer.send(FORMAT + SERVER)
    client.wait("up")
    with contextlib.suppress(BrokenPipeError):
        client.tell("ask 7 example. example. 300 a.")
        peer.line()
        peer.line()
        peer.send(f"{'error' if event == 'down' else event}\ttoken=7\tname=a.\n"
                  "changed\tname=b.\nlost\tcount=1\nrefused\n")
    client.ended()


def test_M1_it_may_be_closed_before_anything_came(module, start):
    module.away()
    client = start()
    client.wait("down")
    client.end()
    module.listen()
    client = start()
    peer = module.accept(greet=False)
    assert peer.line() == "follow"
    client.end()
    assert peer.line() is None


# The real one.


@pytest.fixture
def real(knotd, authority, start):
    """A knotd with one zone, and a client of it that is up."""
    authority.set(TARGET, a=[A1])
    knotd.options.update({"resolver": ADDRESS, "ttl-max": 1})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    client = start(path=os.path.join(knotd.directory, "mod-aname.sock"))
    client.wait("up")
    return client


def ask_until(client, a):
    """Ask until it is told that these are there."""

    def told():
        count = len(client.of("set"))
        client.tell(f"ask {count} {ZONE}. {ZONE}. 300 {TARGET}.")
        found = client.wait("set", count + 1)
        assert (found["a"], found["aaaa"]) == (f"set,{a}", "nodata"), found
        return True

    eventually(told, step=0.1, what=f"{a} is told")


def test_M1_the_module_tells_what_there_is_and_what_changes(knotd, authority, real):
    ask_until(real, A1)
    count = len(real.of("changed"))
    authority.set(TARGET, a=[A2])
    assert real.wait("changed", count + 1)["name"] == f"{TARGET}."
    ask_until(real, A2)
    real.tell("ask 1000 other.example. other.example. 300 target.example.")
    eventually(lambda: [one for one in real.of("set") if one["unknown"] == "1"],
               what="a zone that is not there is not followed")
    knotd.finish()
    down(real, "the server has ended the connection", "systemctl status knot")
    knotd.start()
    real.wait("up", 2)
    ask_until(real, A2)
    real.end()


@pytest.mark.limit(120)
def test_M1_100_000_questions_to_the_module(real):
    ask_until(real, A1)
    real.tell(f"many 1000000 {MANY} {ZONE}. {TARGET}.")
    told = real.wait("many", timeout=60)
    assert (told["count"], told["again"], told["most"]) == (str(MANY), "0", str(ROOM)), told
    assert not real.of("down")
    real.end()
