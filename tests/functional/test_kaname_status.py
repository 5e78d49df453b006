"""kaname status and the module's status socket."""

import concurrent.futures
import json
import os
import re
import shutil
import socket
import stat
import subprocess
import threading
import time

import pytest
from harness import (
    A1, A2, TARGET, ZONE, aname, answers, during, eventually, failed, known, let_pass, query, raw,
    scaled, section, simple,
)
from harness.authority import ADDRESS, Behaviour
from harness.kaname import KANAME, environment, kaname

OTHER = "other.example.net"


@pytest.fixture
def live(tool):
    """{(target, type): entry} of what the server knows, by --json."""

    def read(*arguments):
        told = json.loads(tool("status", "--json", *arguments).stdout)
        entries = {(entry["target"], entry["type"]): entry for entry in told["targets"]}
        assert len(entries) == len(told["targets"]), f"expected each target once, got {told}"
        return entries

    return read


def status_socket(knotd):
    return os.path.join(knotd.directory, "mod-aname.sock")


def is_there(path):
    """Whether somebody listens there."""
    with socket.socket(socket.AF_UNIX) as sock:
        try:
            sock.connect(path)
            return True
        except OSError:
            return False


def talk(path, octets, timeout=20.0):
    """What the module says to these octets, until it hangs up."""
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(scaled(timeout))
        sock.connect(path)
        output = b""
        try:
            sock.sendall(octets)
            while piece := sock.recv(65536):
                output += piece
        except ConnectionError:
            # It may hang up before it has read all.
            pass
        return output


def test_it_shows_what_is_known(knotd, unbound, authority, tool, live):
    simple(knotd, authority, a=(A1, A2), aaaa=())
    output = tool("status").stderr.splitlines()
    assert output[0] == "kaname: no target is known: none was asked for lately"
    assert output[1].startswith("next: ")
    known()
    entries = live()
    assert set(entries) == {(f"{TARGET}.", "A"), (f"{TARGET}.", "AAAA")}
    entry = entries[f"{TARGET}.", "A"]
    assert entry["state"] == "fresh" and entry["addresses"] == [A1, A2]
    assert 290 <= entry["ttl"] <= 300 and 200 <= entry["next_lookup_in"] <= 300
    assert entry["lookups_started"] == entry["lookups_succeeded"] == 1
    assert entry["lookups_failed"] == 0 and entry["failing_seconds"] is None
    assert entry["asked_seconds_ago"] < 10 and entry["resolver"] == ["system"]
    entry = entries[f"{TARGET}.", "AAAA"]
    assert entry["state"] == "nodata" and entry["addresses"] == []


def test_it_is_a_table_for_people(knotd, unbound, authority, tool):
    simple(knotd, authority, a=[f"192.0.2.{n}" for n in range(1, 7)])
    known()
    head, *rows = tool("status").stdout.splitlines()
    assert head.split() == [
        "TARGET", "TYPE", "CLIENTS", "STATE", "TTL", "NEXT", "ASKED", "LOOKUPS", "LAG",
        "RESOLVER", "ADDRESSES", "FAILING",
    ]
    assert [row.split()[:4] for row in rows] == [
        [f"{TARGET}.", "A", "all", "fresh"], [f"{TARGET}.", "AAAA", "all", "fresh"],
    ]
    assert "192.0.2.1 192.0.2.2 192.0.2.3 192.0.2.4 +2" in rows[0]
    for title in ("TYPE", "RESOLVER", "ADDRESSES"):
        at = head.index(title)
        assert all(row[at - 1] == " " and row[at] != " " for row in rows)


def test_N4_answers_for_client_subnets_are_shown(knotd, authority, tool):
    knotd.server["edns-client-subnet"] = "on"
    knotd.options.update({"resolver": "127.0.0.53", "ecs": "on"})
    simple(knotd, authority, aaaa=())
    choose = {"198.51.100.0": A1, "2001:db8:12::": A2}
    authority.behave(TARGET, "A", lambda subnet: Behaviour(
        rdata=(choose[subnet.address] if subnet else "192.0.2.99",),
        scope=subnet.source if subnet else None,
    ))
    for client in ("198.51.100.77/32", "2001:db8:12::/48"):
        known(ZONE, "A", ecs=client)
    told = json.loads(tool("status", "--json", ZONE).stdout)["targets"]
    entries = {entry["client_subnet"]: entry for entry in told if entry["type"] == "A"}
    assert set(entries) == {None, "198.51.100.0/24", "2001:db8:12::/48"}
    assert entries["198.51.100.0/24"]["addresses"] == [A1]
    assert entries["2001:db8:12::/48"]["addresses"] == [A2]
    assert entries[None]["addresses"] == ["192.0.2.99"]
    assert {entry["target"] for entry in told} == {f"{TARGET}."}
    rows = [line.split()[:4] for line in tool("status").stdout.splitlines()]
    assert [f"{TARGET}.", "A", "198.51.100.0/24", "fresh"] in rows
    assert "2 answers for client subnets are held, 0 of them failing" in tool("check", ZONE).stdout


def test_failures_are_shown_with_their_reason(knotd, start_unbound, unbound, authority, live):
    knotd.options.update({"resolver": ["127.0.0.1"], "ttl-max": 2, "retry-max": 1})
    simple(knotd, authority)
    known()
    assert live()[f"{TARGET}.", "A"]["resolver"] == ["127.0.0.1@53"]
    authority.fail(TARGET)

    def stale():
        query(ZONE, "A")
        entry = live()[f"{TARGET}.", "A"]
        assert entry["state"] == "stale" and entry["failing_seconds"] is not None
        return entry

    entry = eventually(stale)
    assert entry["addresses"] == [A1] and entry["failing_why"] and entry["lookups_failed"] > 0
    assert entry["ttl"] <= 30
    authority.set(TARGET, a=[A2])
    answers({A2})
    entry = live()[f"{TARGET}.", "A"]
    assert entry["state"] == "fresh" and entry["failing_seconds"] is None


@pytest.mark.parametrize("denial", ["NXDOMAIN", "NODATA"])
def test_a_target_that_is_gone_is_shown(knotd, unbound, authority, tool, live, denial):
    knotd.options.update({"resolver": ["127.0.0.1"], "ttl-max": 1, "negative-delay": 600})
    simple(knotd, authority)
    known()
    assert all(entry["gone_seconds"] is None for entry in live().values())
    if denial == "NXDOMAIN":
        authority.nxdomain(TARGET, negative_ttl=1)
    else:
        authority.set(TARGET, negative_ttl=1)

    def gone():
        query(ZONE, "A")
        query(ZONE, "AAAA")
        entries = live()
        assert [entry["gone_denial"] for entry in entries.values()] == [denial, denial]
        return entries

    for entry in eventually(gone).values():
        assert 0 <= entry["gone_seconds"] < 60 and entry["addresses"] == [], f"got {entry}"
    rows = tool("status", ZONE).stdout.splitlines()[1:]
    assert len(rows) == 2 and all("gone for " in row and denial in row for row in rows), rows
    # What it had is in use, and what it has now is no loss.
    query(ZONE, "A").expect(a={A1})
    authority.set(TARGET, a=[A2])
    answers({A2})
    assert live()[f"{TARGET}.", "A"]["gone_seconds"] is None
    eventually(lambda: query(ZONE, "AAAA").expect(aaaa=(), ede=set()))
    assert live()[f"{TARGET}.", "AAAA"]["gone_seconds"] is None


def test_a_target_that_never_was_is_failing(knotd, unbound, authority, live):
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    entry = live()[f"{TARGET}.", "A"]
    assert entry["state"] == "failing" and entry["addresses"] is None and entry["ttl"] is None
    assert entry["failing_seconds"] < 20 and entry["failing_why"]


def test_a_target_that_nobody_asks_for_is_cold(knotd, unbound, authority, live):
    knotd.options.update({"idle": 1, "ttl-max": 1})
    simple(knotd, authority)
    known()
    entry = eventually(
        lambda: (e := live()[f"{TARGET}.", "A"])["state"] == "cold" and e, timeout=15
    )
    assert entry["next_lookup_in"] is None and entry["addresses"] == [A1]


def test_a_zone_shows_its_own_targets_only(knotd, unbound, authority, tool, live):
    for name, address in ((TARGET, A1), (OTHER, A2)):
        authority.set(name, a=[address])
    knotd.add_zone(ZONE, [aname(TARGET.upper()), raw(b"\xc0\x0c")])
    knotd.add_zone("example.org", [aname(OTHER)])
    knotd.add_zone("example.net")
    knotd.start()
    known(ZONE)
    known("example.org")
    assert {name for name, _ in live()} == {f"{TARGET}.", f"{OTHER}."}
    assert {name for name, _ in live(ZONE)} == {f"{TARGET}."}
    assert {name for name, _ in live("example.org.")} == {f"{OTHER}."}
    assert "kaname set example.net." in tool("status", "example.net", code=1).stderr
    assert "no such zone" in tool("status", "example.edu", code=1).stderr


def test_a_pool_whose_names_are_too_long_for_one_request(knotd, authority, tool):
    """Octets that are escaped in text. They take several requests, or all is asked for."""
    wires = [bytes([40, n]) + b"\1" * 39 + (b"\50" + b"\1" * 40) * 3 + b"\0" for n in range(32)]
    authority.set(TARGET, a=[A1])
    knotd.options["resolver"] = ADDRESS
    knotd.add_zone(ZONE, [raw(wire) for wire in wires])
    knotd.add_zone("other.example", [aname(TARGET)])
    knotd.start()
    for zone in (ZONE, "other.example"):
        query(zone, "A", "tcp")

    def names():
        told = json.loads(tool("status", ZONE, "--json").stdout)["targets"]
        return {target["target"] for target in told}

    eventually(lambda: len(names()) == 32, what="all 32 targets are there")
    assert f"{TARGET}." not in names()
    assert f"target {TARGET}." not in tool("check", ZONE, code=1, timeout=60).stdout
    # Not every c-ares takes such names.
    told = json.loads(tool("refresh", ZONE, "--json", code=(0, 1)).stdout)["targets"]
    assert len({target["target"] for target in told}) == 32


def test_only_owner_and_group_may_connect(knotd):
    knotd.add_zone(ZONE)
    old = os.umask(0)
    try:
        knotd.start()
    finally:
        os.umask(old)
    eventually(lambda: is_there(status_socket(knotd)))
    ours, control = os.stat(status_socket(knotd)), os.stat(knotd.socket)
    assert stat.S_ISSOCK(ours.st_mode)
    assert (ours.st_mode, ours.st_uid, ours.st_gid) == (
        control.st_mode, control.st_uid, control.st_gid
    )


def test_it_survives_reload_and_follows_the_option(knotd, unbound, authority, tool, live):
    simple(knotd, authority)
    known()
    path, other = status_socket(knotd), os.path.join(knotd.directory, "other.sock")
    inode = os.stat(path).st_ino
    for _ in range(3):
        knotd.reload()
        assert live() and os.stat(path).st_ino == inode
    knotd.options["status-socket"] = "other.sock"
    knotd.reload()
    eventually(lambda: is_there(other) and not os.path.exists(path))
    told = json.loads(tool("-S", other, "status", "--json").stdout)
    assert {entry["state"] for entry in told["targets"]} == {"fresh"}
    knotd.options["status-socket"] = "OFF"
    knotd.reload()
    eventually(lambda: not os.path.exists(other))
    assert not os.path.exists(path)
    knotd.options["status-socket"] = path
    knotd.reload()
    eventually(lambda: is_there(path))
    knotd.finish()
    assert not os.path.exists(path)


def test_a_chosen_path_goes_before_the_default(knotd):
    chosen = os.path.join(knotd.directory, "chosen.sock")
    knotd.options["status-socket"] = chosen
    for number in range(6):
        modules = ["mod-aname"] if number % 2 else ["mod-aname/test"]
        knotd.add_zone(f"n{number}.example", modules=modules)
    knotd.start()
    for _ in range(2):
        eventually(lambda: is_there(chosen))
        assert not os.path.exists(status_socket(knotd))
        knotd.reload()


def test_what_a_killed_server_left_is_replaced(knotd, unbound, authority, live):
    simple(knotd, authority)
    knotd.kill()
    path = status_socket(knotd)
    assert os.path.exists(path) and not is_there(path)
    knotd.start()
    known()
    assert live()


@pytest.mark.parametrize("what", ["file", "directory", "used", "nowhere", "long"])
def test_a_path_that_cannot_be_had_is_left_alone_and_logged(knotd, unbound, authority, tool, what):
    path = os.path.join(knotd.directory, "x.sock")
    listener = None
    if what == "file":
        with open(path, "w", encoding="ascii") as file:
            file.write("keep")
    elif what == "directory":
        os.mkdir(path)
    elif what == "used":
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
    elif what == "nowhere":
        path = os.path.join(knotd.directory, "none", "x.sock")
    else:
        path = "x" * 100
    knotd.options["status-socket"] = path
    simple(knotd, authority)
    known()
    knotd.wait_log("status socket", "not available")
    if what != "used":
        output = tool("-S", path, "status", code=3).stderr
        assert "failed to ask the status socket" in output
    if what == "file":
        with open(path, encoding="ascii") as file:
            assert file.read() == "keep"
    if listener:
        listener.close()
    knotd.finish()
    assert os.path.exists(path) == (what in ("file", "directory", "used"))


@pytest.mark.parametrize("what", ["removed", "replaced", "directory"])
def test_W1_the_status_socket_comes_back_by_itself(knotd, unbound, authority, live, what):
    rundir = os.path.join(knotd.directory, "run")
    os.mkdir(rundir)
    path = os.path.join(rundir, "x.sock")
    knotd.options["status-socket"] = path
    simple(knotd, authority)
    known()
    eventually(lambda: is_there(path))
    # Every ten seconds the socket is looked after, and who says nothing for ten seconds is dropped.
    let_pass(scaled(2))
    asked = connect(path)
    if what == "directory":
        shutil.rmtree(rundir)
        os.mkdir(rundir)
    else:
        os.unlink(path)
    if what == "replaced":
        # By what a process that is dead has left.
        with socket.socket(socket.AF_UNIX) as dead:
            dead.bind(path)
            dead.listen()
    eventually(lambda: is_there(path), timeout=30)
    assert is_open(asked), "expected those who are connected to be left alone"
    assert live("-S", path)
    asked.close()
    query(ZONE, "A")
    assert len(knotd.wait_log("status socket", "not available .its file is gone")) == 1
    assert len(knotd.wait_log("status socket", "available again")) == 1
    knotd.finish()
    assert not os.path.exists(path)


def test_W1_the_status_socket_comes_when_another_process_lets_it_go(
    knotd, unbound, authority, live
):
    path = status_socket(knotd)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen(100)
        simple(knotd, authority)
        known()
        knotd.wait_log("status socket", "not available .another process uses it")
        knotd.reload()
        # It looks again, and leaves it alone.
        other.settimeout(scaled(30))
        for _ in range(2):
            other.accept()[0].close()
        assert os.path.exists(path)
    eventually(live, timeout=30)
    query(ZONE, "A")
    assert len(knotd.log_lines("status socket", "not available")) == 1
    knotd.wait_log("status socket", "available again", ask=ZONE)


def test_W1_a_socket_that_another_process_has_made_since_is_not_taken(knotd, unbound, authority):
    simple(knotd, authority)
    known()
    path = status_socket(knotd)
    eventually(lambda: is_there(path))
    os.unlink(path)
    with socket.socket(socket.AF_UNIX) as other:
        other.bind(path)
        other.listen(100)
        inode = os.stat(path).st_ino
        knotd.wait_log("status socket", "another process uses it", timeout=30, ask=ZONE)
        knotd.finish()
        assert os.stat(path).st_ino == inode


@pytest.mark.parametrize(
    "value, accepted", [("off", True), ("x" * 107, True), ("x" * 108, False), ('""', False)]
)
def test_conf_check_takes_paths_of_a_possible_length(knotd, value, accepted):
    knotd.options["status-socket"] = value
    knotd.add_zone(ZONE)
    good, output = knotd.conf_check()
    assert good == accepted and (accepted or "status-socket" in output)


def test_nonsense_is_told_to_be_nonsense(knotd, unbound, authority, live):
    simple(knotd, authority)
    known()
    path = status_socket(knotd)
    for octets in (
        b"\n", b"statu\n", b"status a..b\n", b"status " + b"a." * 4000 + b"\n",
        b"\0" * 100 + b"\n", b"status" + b" a" * 33 + b"\n", b"STATUS\n",
        b"force\n", b"force a.example sideways\n", b"force 192.0.2.1 down 0\n",
    ):
        lines = talk(path, octets).split(b"\n")
        assert lines[0] == b"aname\t1" and lines[2:] == [b"end", b""], f"for {octets[:20]}"
        assert lines[1].startswith(b"error\twhy="), f"for {octets[:20]}"
    assert talk(path, b"x" * 20000) == b""
    assert talk(path, b"status" + b" a" * 32 + b"\r\n").endswith(b"\nend\n")
    assert talk(path, b"status cdn.EXAMPLE.net\nstatus\n").count(b"\ntarget\t") == 2
    assert live()


def connect(path, octets=b"", user=None):
    """A client that says this and no more, of another user if one is named."""
    client = socket.socket(socket.AF_UNIX)
    if user is None:
        client.connect(path)
    else:
        # Who connects is who the thread is then.
        os.setresuid(-1, user, 0)
        try:
            client.connect(path)
        finally:
            os.setresuid(-1, 0, 0)
    client.sendall(octets)
    return client


def is_open(client):
    """Whether the server has not hung up."""
    client.setblocking(False)
    try:
        return client.recv(1) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False


@pytest.mark.parametrize("count", [8, 200])
@pytest.mark.parametrize("octets", [b"", b"status"], ids=["silent", "half"])
def test_L1_those_who_say_nothing_give_way_on_the_status_socket(
    knotd, unbound, authority, live, count, octets
):
    simple(knotd, authority)
    known()
    clients = [connect(status_socket(knotd), octets) for _ in range(count)]
    # Each time, at the first attempt.
    for _ in range(10):
        assert live()
    still = [is_open(client) for client in clients]
    assert sum(still) <= 8, f"expected 8 clients at most, got {sum(still)}"
    assert not any(still[:-8]), f"expected those who came last to be left, got {still}"
    for client in clients:
        client.close()


def test_L1_root_keeps_its_place_on_the_status_socket(knotd, unbound, authority):
    knotd.add_zone(ZONE)
    knotd.start()
    path = status_socket(knotd)
    os.chmod(knotd.directory, 0o755)
    os.chmod(path, 0o222)
    ours = [connect(path) for _ in range(2)]
    theirs = [connect(path, user=54321) for _ in range(20)]
    eventually(lambda: sum(map(is_open, theirs)) == 6)
    assert all(map(is_open, ours)), "expected root's clients to be left alone"
    ours.append(connect(path))
    eventually(lambda: sum(map(is_open, theirs)) == 5)
    assert all(map(is_open, ours)), "expected another user's client to give way"
    for client in (*ours, *theirs):
        client.close()


def test_L1_the_status_is_shown_beside_all_who_wait_for_lookups_and_watch(knotd, authority, live):
    knotd.options.update({"resolver": ADDRESS, "retries": 10, "timeout": 60000})
    names = [f"target-{n}.example.net" for n in range(4)]
    for n, name in enumerate(names):
        authority.set(name, a=(A1,), aaaa=())
        knotd.add_zone(f"zone-{n}.example", [aname(name)])
    knotd.start()
    for n, name in enumerate(names):
        known(f"zone-{n}.example")
        authority.drop(name)
    path = status_socket(knotd)
    clients = [connect(path, b"watch\n") for _ in range(4)]
    clients += [connect(path, f"refresh 600 {name}\n".encode()) for name in names]
    for client in clients:
        assert client.recv(65536).startswith(b"aname\t1\n")
    silent = [connect(path) for _ in range(20)]
    for _ in range(10):
        assert live()
    assert all(map(is_open, clients)), "expected those who wait and watch to be left alone"
    for client in (*clients, *silent):
        client.close()


def service_ticks(knotd):
    """Clock ticks that the service thread has used."""
    for task in os.listdir(f"/proc/{knotd.pid}/task"):
        with open(f"/proc/{knotd.pid}/task/{task}/stat", encoding="ascii") as file:
            _, name, fields = re.split(r"[()]", file.read())
        if name == "mod-aname":
            return sum(int(field) for field in fields.split()[11:13])
    raise AssertionError("expected a thread 'mod-aname', got none")


def descriptors(knotd, count):
    subprocess.run(["prlimit", f"--pid={knotd.pid}", f"--nofile={count}:"], check=True)


@pytest.mark.parametrize("resolver", [None, "127.0.0.1"], ids=["system", "dns"])
def test_L1_without_descriptors_the_service_rests_and_recovers(
    knotd, unbound, authority, live, resolver
):
    knotd.options.update({"resolver": resolver, "ttl-max": 1, "retry-max": 1, "probe": "tcp",
                          "probe-interval": 1, "probe-timeout": 300})
    simple(knotd, authority, a=["127.0.0.1"], aaaa=())
    known()
    descriptors(knotd, 4)
    clients = [connect(status_socket(knotd), b"status\n") for _ in range(3)]
    used, begun = service_ticks(knotd), time.monotonic()
    for _ in during(4):
        query(ZONE, "A")
    used = (service_ticks(knotd) - used) / os.sysconf("SC_CLK_TCK")
    share = used / (time.monotonic() - begun)
    assert share < 0.1, f"expected the service to rest, got {share:.0%} of a processor"
    assert len(knotd.log_lines("status socket", "is not available .too many open files")) == 1
    descriptors(knotd, 1024)
    for client in clients:
        output = b""
        client.settimeout(scaled(20.0))
        while piece := client.recv(65536):
            output += piece
        assert output.endswith(b"\nend\n")
    answers({"127.0.0.1"}, ede=set())
    assert live()


def test_L1_without_descriptors_it_ends_when_told_to(knotd, unbound, authority):
    simple(knotd, authority)
    known()
    descriptors(knotd, 4)
    client = connect(status_socket(knotd), b"status\n")
    knotd.wait_log("status socket", "is not available .too many open files", ask=ZONE)
    knotd.finish()
    client.close()


@pytest.mark.slow
def test_a_client_that_does_nothing_is_dropped(knotd, unbound, authority):
    knotd.add_zone(ZONE)
    knotd.start()
    assert talk(status_socket(knotd), b"status", timeout=25) == b""


@pytest.mark.limit(120)
def test_a_large_table_is_shown_while_work_goes_on(
    knotd, start_unbound, authority, live, directory
):
    """Readers without a pause, and one that never reads, hold up no lookup."""
    count = 1000
    # It remembers, so that the test's own authority has nothing to do while it is measured.
    start_unbound(cache=True, cache_ttl=3600)
    resolver = ["127.0.0.1"]
    knotd.options["resolver"] = resolver
    knotd.sections.append(section("mod-aname", "hot", resolver=resolver, ttl_max=1))
    many = [f"192.0.2.{number}" for number in range(1, 60)]
    authority.set("*.example.net", a=many, ttl=3600)
    authority.set(OTHER, a=[A1], ttl=3600)
    knotd.add_zone(ZONE, [aname(OTHER)], modules=["mod-aname/hot"])
    for number in range(count):
        knotd.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")])
    knotd.start()
    for number in range(count):
        query(f"z{number}.example", "A")
    eventually(
        lambda: sum(entry["addresses"] == many for entry in live().values()) == count, timeout=30
    )
    # Its buffers fill up, and the rest waits.
    stuck = socket.socket(socket.AF_UNIX)
    stuck.connect(status_socket(knotd))
    stuck.sendall(b"status\n")
    stop = threading.Event()

    def read():
        # In a process of its own, so that the authority in this one is not held up.
        rounds = 0
        while not stop.is_set():
            subprocess.run(
                [KANAME, "-s", knotd.socket, "status"],
                env=environment(directory), stdout=subprocess.DEVNULL, check=True, timeout=60,
            )
            rounds += 1
        return rounds

    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        readers = [pool.submit(read) for _ in range(2)]
        try:
            known(ZONE, "A").expect(a={A1})
            before = live()[f"{OTHER}.", "A"]["lookups_succeeded"]
            for _ in during(6):
                query(ZONE, "A").expect(a={A1}, ede=set())
        finally:
            stop.set()
        assert all(reader.result() > 3 for reader in readers)
    stuck.close()
    assert live()[f"{OTHER}.", "A"]["lookups_succeeded"] - before >= 4


def test_no_server_is_reported(directory):
    path = os.path.join(directory, "none.sock")
    output = kaname("-S", path, "status", directory=directory, code=3).stderr
    assert f"'{path}'" in output and "next: " in output
    output = kaname("-s", path, "status", directory=directory, code=3).stderr
    assert f"'{directory}/mod-aname.sock'" in output
