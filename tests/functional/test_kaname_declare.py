"""kaname set, get, unset: declaring on a running server, by its control interface."""

import contextlib
import os
import signal
import socket
import subprocess

import dns.name
import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, ANAME, TARGET, ZONE, aname, answers, eventually, query, raw, rdata,
)
from harness.kaname import KANAME, environment, kaname

OTHER = "other.example.net"


def serial(zone=ZONE):
    (record,) = query(zone, "SOA").addresses("SOA")
    return int(record.split()[2])


def records(rrtype=ANAME):
    """{(TTL, RDATA)} of that type at the apex."""
    reply = query(ZONE, f"TYPE{rrtype}", "tcp")
    return {(ttl, data) for _, ttl, kind, data in reply.section("answer") if kind == f"TYPE{rrtype}"}


def wire(name):
    return rdata(dns.name.from_text(name).to_wire())


def lines(done):
    return sorted(done.stdout.splitlines())


def transaction(knotd):
    return "transaction: open" in knotd.knotc("zone-status", ZONE, "+transaction").stdout


def test_set_declares_and_the_zone_answers(knotd, unbound, authority, tool):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    knotd.add_zone(ZONE)
    knotd.start()
    before = serial()
    assert tool("set", ZONE, TARGET).stdout == ""
    assert records() == {(300, wire(TARGET))}
    assert serial() > before
    answers({A1})
    assert lines(tool("get", ZONE)) == [f"{ZONE}. 300 ANAME {TARGET}."]
    # Another target takes the place of the first, and the TTL stays.
    tool("set", "EXAMPLE.com.", OTHER + ".", "--ttl", "60")
    assert records() == {(60, wire(OTHER))}
    tool("set", ZONE, TARGET)
    assert records() == {(60, wire(TARGET))}
    answers({A1})
    tool("unset", ZONE)
    assert records() == set()
    assert not transaction(knotd)
    answers(set(), soa=True)


def test_add_makes_a_pool_and_unset_takes_one_away(knotd, unbound, authority, tool):
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    knotd.add_zone(ZONE, [aname(TARGET, ttl=120)])
    knotd.start()
    tool("set", ZONE, OTHER, "--add")
    assert records() == {(120, wire(TARGET)), (120, wire(OTHER))}
    answers({A1, A2})
    # Once more changes nothing, and a TTL is one for the whole set.
    now = serial()
    tool("set", ZONE, OTHER.upper(), "--add")
    assert len(records()) == 2
    tool("set", ZONE, OTHER, "--add", "--ttl", "30")
    assert {ttl for ttl, _ in records()} == {30} and serial() > now
    tool("unset", ZONE, TARGET.upper())
    assert records() == {(30, wire(OTHER))}


def test_records_of_the_other_type_are_seen_kept_and_replaced(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET, rrtype=ALIAS, ttl=90)])
    knotd.start()
    assert lines(tool("get", ZONE)) == [f"{ZONE}. 90 ALIAS {TARGET}."]
    tool("set", ZONE, OTHER, "--add")
    assert records(ALIAS) == {(90, wire(TARGET))} and records(ANAME) == {(90, wire(OTHER))}
    assert lines(tool("get", ZONE)) == [f"{ZONE}. 90 ALIAS {TARGET}.", f"{ZONE}. 90 ANAME {OTHER}."]
    tool("set", ZONE, OTHER)
    assert records(ALIAS) == set() and records(ANAME) == {(90, wire(OTHER))}
    tool("set", ZONE, TARGET, "--add")
    tool("unset", ZONE)
    assert records(ALIAS) == records(ANAME) == set()


def test_other_records_and_names_are_left_alone(knotd, tool):
    extra = ["@ MX 10 ns", "@ A 203.0.113.1", f"sub 5 TYPE65305 {wire(TARGET)}"]
    knotd.add_zone(ZONE, [aname(TARGET), *extra])
    knotd.start()
    tool("set", ZONE, OTHER)
    tool("unset", ZONE)
    assert query(ZONE, "MX").addresses("MX") and query(ZONE, "A").addresses() == {"203.0.113.1"}
    assert query(f"sub.{ZONE}", f"TYPE{ANAME}").addresses() == {wire(TARGET)}


def test_a_malformed_record_is_shown_and_replaced(knotd, tool):
    knotd.add_zone(ZONE, [raw(b"\xc0\x0c")])
    knotd.start()
    shown = tool("get", ZONE, code=1)
    assert shown.stdout == f"{ZONE}. 300 TYPE65305 \\# 2 C00C\n"
    assert "no domain name" in shown.stderr and "kaname set" in shown.stderr
    tool("set", ZONE, TARGET)
    assert records() == {(300, wire(TARGET))}


def test_the_server_says_no_as_to_knotc(knotd, tool):
    knotd.add_zone(ZONE)
    knotd.start()
    for command in (["set", "example.org", TARGET], ["get", "example.org"], ["unset", "example.org"]):
        output = tool(*command, code=1).stderr
        assert output.startswith("error: [example.org.] (no such zone found)\nnext: ")
    knotc = knotd.knotc("zone-begin", "example.org", check=False)
    assert "(no such zone found)" in knotc.stdout + knotc.stderr


def test_what_is_not_there_is_reported(knotd, tool):
    knotd.add_zone(ZONE)
    knotd.start()
    assert "kaname set" in tool("get", ZONE, code=1).stderr
    assert "no ANAME or ALIAS record" in tool("unset", ZONE, code=1).stderr
    tool("set", ZONE, TARGET)
    now = serial()
    assert OTHER in tool("unset", ZONE, OTHER, code=1).stderr
    assert serial() == now and not transaction(knotd)


def test_a_transaction_of_somebody_else_is_respected(knotd, tool):
    knotd.add_zone(ZONE)
    knotd.start()
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "x", "60", "A", "192.0.2.9")
    output = tool("set", ZONE, TARGET, code=1).stderr
    assert "too many transactions" in output and "zone-abort" in output
    assert transaction(knotd)
    knotd.knotc("zone-commit", ZONE)
    assert query(f"x.{ZONE}", "A").addresses() == {"192.0.2.9"}
    tool("set", ZONE, TARGET)


def test_a_refused_commit_leaves_nothing_behind(knotd, tool):
    """A zone that could not be loaded has no SOA, and is none with an ANAME alone."""
    knotd.add_zone(ZONE)
    knotd.zones[ZONE].options["file"] = "no-such-file"
    knotd.start(ready=[])
    eventually(lambda: knotd.knotc("zone-status", ZONE, check=False).returncode == 0)
    output = tool("set", ZONE, TARGET, code=1).stderr
    assert output.startswith(f"error: [{ZONE}.] (") and "nothing was changed" in output
    assert not transaction(knotd)


def test_a_server_that_is_not_there(directory):
    path = f"{directory}/none.sock"
    output = kaname("-s", path, "get", ZONE, directory=directory, code=3).stderr
    assert f"failed to connect to socket '{path}'" in output and "next: is knotd running?" in output


@pytest.fixture
def frozen(knotd):
    """A knotd that answers nothing, as after SIGSTOP."""
    knotd.add_zone(ZONE)
    knotd.start()
    knotd.freeze()
    yield knotd
    knotd.thaw()


def fill(path, stack):
    """Connect until as many wait to be accepted as may wait."""
    while True:
        client = stack.enter_context(socket.socket(socket.AF_UNIX))
        client.setblocking(False)
        try:
            client.connect(path)
        except BlockingIOError:
            return


ASKING = [
    ("get", ZONE), ("set", ZONE, "a.example."), ("unset", ZONE), ("list",), ("status",),
    ("status", ZONE), ("force", "a.example.", "down"), ("check", ZONE), ("warm",),
]


@pytest.mark.parametrize("crowded", [False, True], ids=["alone", "crowded"])
@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_a_server_that_does_not_answer_in_time(frozen, tool, arguments, crowded):
    with contextlib.ExitStack() as stack:
        if crowded:
            for path in (frozen.socket, os.path.join(frozen.directory, "mod-aname.sock")):
                fill(path, stack)
        output = tool("-t", "1", *arguments, code=3).stderr
    assert "timed out" in output or "timeout" in output, output
    assert "next: knotd does not answer: is it stopped, or " in output


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [("get", ZONE), ("status",), ("check", ZONE)], ids=" ".join)
def test_nobody_waits_for_such_a_server_for_a_minute(frozen, tool, arguments):
    output = tool(*arguments, code=3, timeout=25).stderr
    assert "next: knotd does not answer: is it stopped, or " in output


@pytest.mark.parametrize(
    "arguments, code",
    [
        (["set", ZONE, "a..b"], 1),
        (["set", ZONE, "."], 1),
        (["set", ZONE, A1], 1),
        (["set", ZONE, AAAA1], 1),
        (["set", ZONE, f"https://{TARGET}/"], 1),
        (["set", ZONE, f"{TARGET}/path"], 1),
        (["set", ZONE, f"{TARGET}:443"], 1),
        (["set", ZONE, ZONE.upper()], 1),
        (["set", "a..b", TARGET], 1),
        (["set", ZONE], 2),
        (["set", ZONE, TARGET, "--ttl", "x"], 2),
        (["set", ZONE, TARGET, "--ttl", "-1"], 2),
        (["set", ZONE, TARGET, "--ttl", "2147483648"], 2),
        (["get", ZONE, "--add"], 2),
        (["get", ZONE, "-t", "86401"], 2),
        (["unset", ZONE, TARGET, OTHER], 2),
    ],
)
def test_bad_arguments_never_reach_the_server(directory, arguments, code):
    # No server is there: that would be exit code 3.
    done = kaname("-s", f"{directory}/none.sock", *arguments, directory=directory, code=code)
    assert done.stdout == "" and done.stderr.startswith("kaname: ")
    if "/" in arguments[-1] or ":443" in arguments[-1]:
        assert "the name of a target alone, such as www.cdn.example, without scheme" in done.stderr


def test_signed_zones_are_signed_anew(knotd, tool):
    """Knot does it; the record and its signature are there at once."""
    knotd.add_zone(ZONE, zone_options={"dnssec-signing": "on"})
    knotd.start()
    tool("set", ZONE, TARGET)
    reply = query(ZONE, f"TYPE{ANAME}", "tcp", do=True)
    assert {"TYPE65305", "RRSIG"} <= reply.types()


def test_an_interrupt_leaves_no_transaction_open(knotd):
    """Whenever the signal comes."""
    knotd.add_zone(ZONE)
    knotd.start()
    for number in range(30):
        with subprocess.Popen(
            [KANAME, "-s", knotd.socket, "set", ZONE, f"t{number}.example.net"],
            env=environment(knotd.directory), stderr=subprocess.DEVNULL,
        ) as process:
            try:
                process.wait(number / 5000)
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)
            process.wait(30)
        assert not transaction(knotd)
