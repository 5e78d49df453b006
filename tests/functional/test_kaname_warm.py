"""kaname warm: every ANAME of the server is looked up without a client."""

import os
import pty
import select
import signal
import subprocess
import time

import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, SIBLING_A, TARGET, ZONE, aname, eventually, query, raw, section,
    siblings, signing,
)
from harness.authority import ADDRESS
from harness.guide import text_of
from harness.kaname import KANAME, environment, kaname
from harness.validator import signed
from harness.wait import PROMPT

OTHER = "other.example.net"
# What is not looked at would take so long.
LONG = 60


@pytest.fixture
def direct(knotd, authority):
    """A knotd whose module asks the targets' server itself."""
    knotd.options["resolver"] = ADDRESS
    return knotd


@pytest.fixture
def warm(tool):
    """Run it; (lines, what it wrote to standard error)."""

    def run(*arguments, code=0, **how):
        how.setdefault("timeout", LONG + 10)
        done = tool("warm", *arguments, code=code, **how)
        return done.stdout.splitlines(), done.stderr

    return run


@pytest.fixture
def start_warm(knotd):
    """Start it, and do not wait for it."""
    running = []

    def start(*arguments):
        process = subprocess.Popen(
            [KANAME, "-s", knotd.socket, "warm", *arguments], text=True,
            env=environment(knotd.directory), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )
        running.append(process)
        return process

    yield start
    for process in running:
        process.kill()
        process.communicate()


def summary(known, failed=0):
    names = known + failed
    return f"{names} name{'s' if names != 1 else ''}: {known} known, {failed} failed"


def is_warm(zone, **expected):
    """The first query of a client has an answer."""
    query(zone, "A").expect(tc=False, ede=set(), **expected)


def test_S4_all_zones_are_warm_before_the_first_client(direct, authority, warm):
    count = 300
    authority.set("*.example.net", a=[A1], aaaa=[AAAA1], delay=0.02)
    for number in range(count):
        direct.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")])
    direct.start()
    assert authority.count() == 0
    lines, errors = warm()
    assert lines == [summary(count)] and errors == ""
    # A question whose answer is slow to come is sent again.
    once = {(query.name, query.rdtype) for query in authority.seen()}
    assert len(once) == 2 * count
    asked = authority.count()
    for number in range(count):
        is_warm(f"z{number}.example", a={A1})
    assert authority.count() == asked


def test_S4_pools_both_types_and_missing_families(direct, authority, warm):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2], aaaa=[AAAA1])
    authority.nxdomain("gone.example.net")
    direct.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    direct.add_zone("alias.example", [aname(TARGET, rrtype=ALIAS)])
    direct.add_zone("gone.example", [aname("gone.example.net")])
    direct.start()
    assert warm()[0] == [summary(3)]
    is_warm(ZONE, a={A1, A2})
    is_warm("alias.example", a={A1})
    is_warm("gone.example", a=())


def test_S4_the_rest_of_a_pool_is_waited_for(direct, authority, warm):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set(OTHER, a=[A2], aaaa=[AAAA1], delay=1.5)
    direct.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    direct.start()
    assert warm()[0] == [summary(1)]
    is_warm(ZONE, a={A1, A2})


def test_S4_a_failing_target_is_told_with_its_reason(direct, authority, warm):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.fail("dead.example.net")
    authority.set("half.example.net", a=[A1])
    authority.fail("half.example.net", "AAAA")
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.add_zone("pool.example", [aname(TARGET), aname("dead.example.net")])
    direct.add_zone("dead.example", [aname("dead.example.net")])
    direct.add_zone("half.example", [aname("half.example.net")])
    direct.add_zone("malformed.example", [raw(b"\xc0\x0c")])
    direct.start()
    *lines, last = warm("-t", f"{LONG}s", code=1)[0]
    assert last == summary(2, 3)
    assert [line.split(": ")[0] for line in lines] == [
        "dead.example. A, AAAA", "half.example. AAAA", "malformed.example. A, AAAA",
    ]
    assert "cannot be resolved (dead.example.net. the resolver answers SERVFAIL)" in lines[0]
    assert "is no domain name" in lines[2]


def test_S4_siblings_do_not_hide_that_a_target_fails(direct, authority, warm):
    direct.options["cold"] = "servfail"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=0.5)
    authority.fail("dead.example.net", delay=0.5)
    direct.add_zone(ZONE, [aname(TARGET), *siblings()])
    direct.add_zone("dead.example", [aname("dead.example.net"), *siblings()])
    direct.start()
    (line, last), told = warm(code=1)
    assert last == summary(1, 1)
    assert told == "next: 'kaname check dead.example.' says what to do\n"
    assert line.startswith("dead.example. A, AAAA: ") and "own addresses stand in" in line
    is_warm(ZONE, a={A1})
    query("dead.example", "A").expect(a={SIBLING_A})


def test_S4_it_waits_where_cold_queries_get_servfail(direct, authority, warm):
    direct.options["cold"] = "servfail"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=0.5)
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    assert warm()[0] == [summary(1)]
    is_warm(ZONE, a={A1})


def test_S4_stale_counts_as_known(direct, authority, warm):
    direct.options.update({"ttl-max": 1, "retry-max": 1})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    assert warm()[0] == [summary(1)]
    authority.fail(TARGET)
    eventually(lambda: query(ZONE, "A").expect(a={A1}, ede={3}))
    assert warm()[0] == [summary(1)]


def test_S4_a_resolver_that_comes_late_is_waited_for(knotd, authority, start_warm, start_unbound):
    """As at boot, where knotd may be up before the recursor."""
    knotd.options.update({"resolver": "127.0.0.1", "retry-max": 1})
    authority.set("*.example.net", a=[A1], aaaa=[AAAA1])
    for number in range(10):
        knotd.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")])
    knotd.start()
    process = start_warm("-t", f"{LONG}")
    eventually(lambda: query("z9.example", "A").expect(rcode="SERVFAIL", aa=None, ede={23}))
    start_unbound()
    output, errors = process.communicate(timeout=LONG)
    assert (output, errors, process.returncode) == (f"{summary(10)}\n", "", 0)


@pytest.mark.limit(120)
def test_S4_the_time_is_kept_and_the_list_is_short(direct, authority, warm):
    count = 300
    authority.drop("*.example.net")
    for number in range(count):
        direct.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")])
    direct.start()
    begin = time.monotonic()
    lines, _ = warm("-t", "2s", code=1)
    assert 1.9 < time.monotonic() - begin < 2 + PROMPT
    assert len(lines) == 22 and lines[0].startswith("z0.example. ")
    assert lines[20] == f"and {count - 20} more, --verbose prints all"
    assert lines[21].startswith(f"{count} names: 0 known, ")
    lines, _ = warm("-t", "1s", "--verbose", code=1)
    assert len(lines) == count + 1
    assert warm("-t", "1s", "--quiet", code=1) == ([], "")


def test_S4_zones_choose(direct, authority, warm):
    authority.set("*.example.net", a=[A1], aaaa=[AAAA1])
    for name in ("a", "b", "c"):
        direct.add_zone(f"{name}.example", [aname(f"{name}.example.net")])
    direct.start()
    assert warm("A.example", "b.example.")[0] == [summary(2)]
    assert authority.count("c.example.net") == 0
    lines, errors = warm("a.example", "none.example", code=1)
    assert lines == [summary(1)] and "none.example is not loaded" in errors and "next: " in errors
    assert "'a..b' has an empty label" in warm("a..b", code=1)[1]


def test_S4_zones_without_the_module_are_left_out(direct, authority, warm):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.add_zone("plain.example", [aname(OTHER), *siblings()], modules=[])
    direct.start()
    lines, errors = warm()
    assert lines == [summary(1)]
    assert "note: 1 name is left out: mod-aname is not loaded" in errors
    assert "kaname check plain.example." in errors


@pytest.mark.parametrize("with_module", [True, False])
def test_S4_a_server_with_nothing_to_ask_for_is_warm(knotd, warm, with_module):
    knotd.with_module = with_module
    knotd.add_zone(ZONE, [] if with_module else [aname(TARGET)])
    knotd.start()
    lines, errors = warm()
    assert lines == [summary(0)]
    assert ("left out" in errors) == (not with_module)


def test_S4_a_zone_that_cannot_be_loaded_is_not_waited_for(direct, authority, warm):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.add_zone("broken.example", text="nonsense\n")
    direct.start([ZONE])
    begin = time.monotonic()
    assert warm("-t", f"{LONG}")[0] == [summary(1)]
    assert time.monotonic() - begin < LONG / 2


def test_S4_zones_that_are_still_being_loaded_are_waited_for(direct, authority, start_warm):
    """The socket is not there yet when it starts, nor are the zones when it is."""
    count = 200  # They take a while: with sanitizers, on a busy machine, 500 took a minute.
    direct.server.update({"async-start": "on", "background-workers": 1})
    authority.set("*.example.net", a=[A1], aaaa=[AAAA1])
    for number in range(count):
        direct.add_zone(
            f"z{number}.example",
            [aname(f"t{number % 10}.example.net"), *(f"h{n} A 192.0.2.1" for n in range(400))],
        )
    process = start_warm("-t", f"{LONG}")
    direct.start()
    output, errors = process.communicate(timeout=LONG)
    assert (output, errors, process.returncode) == (f"{summary(count)}\n", "", 0)


def test_S4_zones_of_a_catalog_are_asked_for(direct, authority, warm):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    member = "member.example"
    direct.add_catalog(member, [aname(TARGET)], module="mod-aname/test")
    direct.start(ready=[])
    eventually(lambda: direct.loaded(member))
    assert warm()[0] == [summary(1)]
    is_warm(member, a={A1})


@pytest.mark.parametrize("listen", ["::1@5300", "[ 192.0.2.99@5300, ::@5300 ]"])
def test_S4_it_asks_where_the_server_listens(direct, authority, warm, listen):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    direct.server["listen"] = listen
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start(ready=[])
    eventually(lambda: query(ZONE, "SOA", server=("::1", 5300)))
    assert warm()[0] == [summary(1)]
    query(ZONE, "A", server=("::1", 5300)).expect(a={A1}, ede=set())


def test_S4_no_address_to_ask_is_reported(direct, authority, warm):
    direct.server["listen"] = None
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start(ready=[])
    _, errors = warm("-t", "5s", code=3)
    assert "no address in server.listen" in errors and "next: " in errors
    direct.finish()
    direct.server["listen"] = "192.0.2.99@5300"
    direct.start(ready=[])
    _, errors = warm("-t", "2s", code=3)
    assert "no reply from any address in server.listen" in errors and "next: " in errors


def test_S4_answers_too_large_for_udp_are_known(direct, authority, warm):
    many = [f"192.0.2.{number}" for number in range(1, 201)]
    direct.options["max-addresses"] = 200
    authority.set(TARGET, a=many, aaaa=[AAAA1])
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    assert warm()[0] == [summary(1)]
    query(ZONE, "A").expect(tc=True)
    query(ZONE, "A", "tcp").expect(a=set(many), ede=set())


def test_S4_a_limit_on_the_rate_of_replies_does_no_harm(direct, authority, warm):
    count = 100
    direct.sections.append(section("mod-rrl", "tight", rate_limit=5, slip=2))
    authority.set("*.example.net", a=[A1], aaaa=[AAAA1])
    for number in range(count):
        direct.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")],
                        modules=["mod-rrl/tight", "mod-aname/test"])
    direct.start()
    assert warm("-t", f"{LONG}")[0] == [summary(count)]


def test_S4_signed_zones_have_their_keys(direct, authority, warm):
    count = 30
    signing.policy(direct)
    authority.set("*.example.net", a=[A1])
    for number in range(count):
        direct.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")],
                        zone_options=signing.SIGNED)
    direct.start()
    for number in range(count):
        signed(f"z{number}.example")
    assert warm()[0] == [summary(count)]
    for number in range(count):
        for rdtype, types in (("A", {"A", "RRSIG"}), ("AAAA", set())):
            reply = query(f"z{number}.example", rdtype, do=True).expect(ede=set())
            assert reply.types() == types, f"expected {types}, got {reply}"


@pytest.mark.parametrize("record", [raw(b"\xc0\x0c"), aname("denied.example.net")])
def test_S4_what_cannot_get_better_is_not_waited_for(direct, warm, record):
    """No name is known, and it is not the resolver's fault."""
    direct.options["deny-target"] = "denied.example.net"
    direct.add_zone(ZONE, [record])
    direct.start()
    begin = time.monotonic()
    lines, _ = warm("-t", f"{LONG}", code=1)
    assert time.monotonic() - begin < LONG / 2
    assert lines[-1] == summary(0, 1)


def test_S4_a_terminal_shows_how_far_it_is(direct, authority, directory):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=1.0)
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    here, there = pty.openpty()
    try:
        for quiet in (False, True):
            arguments = [KANAME, "-s", direct.socket, "warm", *(["--quiet"] if quiet else [])]
            done = subprocess.run(arguments, env=environment(directory), check=True, text=True,
                                  stdout=subprocess.PIPE, stderr=there, timeout=LONG)
            assert done.stdout == ("" if quiet else f"{summary(1)}\n")
        shown = ""
        # What was written comes through the terminal some time later.
        while select.select([here], [], [], 0.5)[0]:
            shown += os.read(here, 65536).decode()
    finally:
        os.close(here)
        os.close(there)
    assert "0 of 1 names known" in shown and shown.endswith("\r\x1b[K")


def test_S4_without_the_status_socket_replies_count(direct, authority, warm):
    direct.options["status-socket"] = "off"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.fail("dead.example.net")
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.add_zone("dead.example", [aname("dead.example.net")])
    direct.start()
    lines, errors = warm(code=1)
    assert lines[-1] == summary(1, 1) and "cannot be resolved" in lines[0]
    assert errors.count("failed to ask the status socket") == 1


def test_S4_a_server_that_is_killed_meanwhile_is_reported(direct, authority, start_warm):
    authority.drop("*.example.net")
    for number in range(20):
        direct.add_zone(f"z{number}.example", [aname(f"t{number}.example.net")])
    direct.start()
    process = start_warm("-t", f"{LONG}")
    eventually(lambda: authority.count() >= 40)
    direct.kill()
    output, errors = process.communicate(timeout=LONG)
    direct.process = None
    assert process.returncode == 3 and output == ""
    assert "no reply from 127.0.0.1@5300 any more" in errors and "next: " in errors


def test_S4_a_server_that_is_frozen_is_reported(direct, authority, start_warm):
    authority.drop(TARGET)
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    process = start_warm("-t", f"{LONG}")
    eventually(lambda: authority.count() >= 2)
    os.kill(direct.pid, signal.SIGSTOP)
    try:
        _, errors = process.communicate(timeout=LONG)
    finally:
        os.kill(direct.pid, signal.SIGCONT)
    assert process.returncode == 3 and "any more" in errors


def test_S4_no_server_is_waited_for_until_the_time_is_up(directory):
    begin = time.monotonic()
    done = kaname("-s", f"{directory}/none", "warm", "-t", "1s", directory=directory, code=3)
    assert time.monotonic() - begin > 0.9
    assert "failed to connect to socket" in done.stderr and "next: " in done.stderr


def test_S4_the_drop_in_for_systemd_runs_as_it_stands(direct, authority, directory):
    lines = [line for line in text_of("examples", "knot-warm.conf").splitlines()
             if line and not line.startswith("#")]
    assert lines[0] == "[Service]" and len(lines) == 2
    # What comes out of it does not count: the server is up.
    path, *arguments = lines[1].removeprefix("ExecStartPost=-").split()
    assert os.path.basename(path) == "kaname"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    done = kaname("-s", direct.socket, *arguments, directory=directory)
    assert done.stdout == f"{summary(1)}\n"
    # In the packages, too.
    assert "examples/knot-warm.conf" in text_of("debian", "knot-module-aname.examples").split()
    assert "examples/knot-warm.conf" in text_of("packaging", "mod-aname.spec").split()


@pytest.mark.parametrize("value", ["x", "-1", "1y", "", "30 s"])
def test_a_bad_time_is_refused(directory, value):
    done = kaname("warm", "--timeout", value, directory=directory, code=2)
    assert "--timeout" in done.stderr and "such as 90s" in done.stderr
