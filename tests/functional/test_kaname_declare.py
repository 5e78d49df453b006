"""kaname set, get, unset: declaring on a running server, by its control interface."""

import contextlib
import os
import signal
import socket
import subprocess
import time

import dns.name
import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, ANAME, TARGET, ZONE, aname, answers, eventually, namespace, query, raw,
    rdata, scaled, section,
)
from harness.authority import ADDRESS
from harness.kaname import KANAME, environment, kaname
from harness.knotd import VERSION

OTHER = "other.example.net"
THIRD = "third.example.net"


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
    tool("set", ZONE, OTHER, "--add", "--type", "ANAME")
    assert records(ALIAS) == {(90, wire(TARGET))} and records(ANAME) == {(90, wire(OTHER))}
    assert lines(tool("get", ZONE)) == [f"{ZONE}. 90 ALIAS {TARGET}.", f"{ZONE}. 90 ANAME {OTHER}."]
    tool("set", ZONE, OTHER, "--type", "aname")
    assert records(ALIAS) == set() and records(ANAME) == {(90, wire(OTHER))}
    tool("set", ZONE, TARGET, "--add", "--type", "ALIAS")
    tool("unset", ZONE)
    assert records(ALIAS) == records(ANAME) == set()


def test_the_type_stays_that_of_the_records_before(knotd, tool):
    """A secondary that knows ALIAS only would go dark."""
    knotd.add_zone(ZONE, [aname(TARGET, rrtype=ALIAS, ttl=90)])
    knotd.start()
    tool("set", ZONE, OTHER)
    assert records(ALIAS) == {(90, wire(OTHER))} and records(ANAME) == set()
    tool("set", ZONE, TARGET, "--add")
    assert records(ALIAS) == {(90, wire(OTHER)), (90, wire(TARGET))} and records(ANAME) == set()
    tool("set", ZONE, OTHER, "--type", "ANAME")
    assert records(ALIAS) == set() and records(ANAME) == {(90, wire(OTHER))}
    tool("set", ZONE, TARGET)
    assert records(ALIAS) == set() and records(ANAME) == {(90, wire(TARGET))}


def test_of_both_types_one_has_to_be_chosen(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET, rrtype=ALIAS), aname(OTHER)])
    knotd.start()
    now = serial()
    for arguments in ([THIRD], [THIRD, "--add"], [TARGET]):
        output = tool("set", ZONE, *arguments, code=1).stderr
        assert "both ANAME and ALIAS" in output and "next: say with --type" in output
        assert "nothing was changed" in output
    assert serial() == now and not transaction(knotd)
    # Of a target that is there it is known.
    tool("set", ZONE, TARGET, "--add", "--ttl", "77")
    assert records(ALIAS) == {(77, wire(TARGET))} and records(ANAME) == {(77, wire(OTHER))}
    tool("set", ZONE, THIRD, "--add", "--type", "ALIAS")
    assert records(ALIAS) == {(77, wire(TARGET)), (77, wire(THIRD))}
    assert "expected ANAME or ALIAS" in tool("set", ZONE, THIRD, "--type", "CNAME", code=2).stderr


@pytest.mark.parametrize("rrtype, first", [("ALIAS", ALIAS), ("TYPE65401", ALIAS),
                                           (["ALIAS", "ANAME"], ANAME), ("TYPE65300", ANAME)],
                         ids=["alias", "generic", "both", "neither"])
def test_a_first_record_is_of_a_type_that_the_zone_takes(knotd, tool, rrtype, first):
    knotd.options["rrtype"] = rrtype
    knotd.add_zone(ZONE)
    knotd.start()
    told = tool("set", ZONE, TARGET).stderr
    assert records(first) == {(300, wire(TARGET))} and records(ALIAS + ANAME - first) == set()
    assert ("'rrtype' does not take" in told) == (rrtype == "TYPE65300"), told
    # Another one is declared all the same: it may be for secondaries.
    told = tool("set", ZONE, TARGET, "--type", "ANAME" if first == ALIAS else "ALIAS").stderr
    assert ("'rrtype' does not take" in told) == (len(rrtype) != 2), told
    assert records(first) == set() and records(ALIAS + ANAME - first) == {(300, wire(TARGET))}


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


def test_a_zone_without_the_module_is_told(knotd, tool):
    knotd.sections.append(section("template", "with", module="mod-aname", file="%s.zone",
                                  storage=knotd.zone_directory))
    knotd.add_zone(ZONE)
    knotd.add_zone("with.example", modules=[], zone_options={"template": "with"})
    knotd.add_zone("without.example", modules=[])
    knotd.start(ready=())
    for zone in (ZONE, "with.example"):
        eventually(lambda name=zone: query(name, "SOA").addresses("SOA"), what=f"{zone} is there")
        assert "mod-aname" not in tool("set", zone, TARGET, "--no-check").stderr
    told = tool("set", "without.example", TARGET, "--no-check").stderr
    assert "warning: mod-aname is not in the list of modules of without.example." in told
    assert "\nnext: add 'module: mod-aname'" in told
    assert tool("get", "without.example").stdout == f"without.example. 300 ANAME {TARGET}.\n"
    assert "mod-aname" not in tool("unset", "without.example").stderr


def test_the_server_says_no_as_to_knotc(knotd, tool):
    knotd.add_zone(ZONE)
    knotd.start()
    for command in (["set", "example.org", TARGET], ["get", "example.org"], ["unset", "example.org"]):
        output = tool(*command, code=1).stderr
        assert output.startswith("error: [example.org.] (no such zone found)\nnext: ")
        assert "a name below an apex is none, 'kaname set ZONE TARGET --owner NAME'" in output
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


def test_a_transaction_that_could_not_be_committed_is_told_of(knotd, tool):
    """knotd keeps it open: whose it was does not know that it is in the way."""
    knotd.add_zone(ZONE)
    knotd.start()
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "x", "60", "A", "192.0.2.9")
    knotd.knotc("zone-set", ZONE, "x", "60", "CNAME", TARGET)
    refused = knotd.knotc("zone-commit", ZONE, check=False)
    assert refused.returncode != 0 and transaction(knotd), f"expected it to stay open: {refused}"
    output = tool("set", ZONE, TARGET, code=1).stderr
    assert "next: a transaction is open, somebody else's or one whose commit was refused: " in output
    assert "'knotc zone-diff ZONE' shows it" in output and "'knotc zone-abort ZONE' drops" in output
    assert "192.0.2.9" in knotd.knotc("zone-diff", ZONE).stdout
    knotd.knotc("zone-abort", ZONE)
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
        (["set", ZONE, f"{A1}."], 1),
        (["set", ZONE, f"*.{TARGET}"], 1),
        (["set", ZONE, "localhost"], 1),
        (["set", ZONE, "cdn"], 1),
        (["set", ZONE, "a b"], 1),
        (["set", f"{ZONE}/", TARGET], 1),
        (["unset", ZONE, f"{TARGET}:443"], 1),
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
    if TARGET + "/" in arguments[-1] or ":443" in arguments[-1]:
        assert f"expected the name alone, '{TARGET}'" in done.stderr


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


# The target is looked up first.


def by(knotd, start_unbound, how):
    """Have the zone's targets looked up by the system's resolver, or by the one in its section."""
    if how == "resolver":
        knotd.options["resolver"] = ADDRESS
    else:
        start_unbound()


WAYS = pytest.mark.parametrize("how", ["system", "resolver"])


@WAYS
def test_set_says_what_the_target_has(knotd, authority, start_unbound, tool, how):
    by(knotd, start_unbound, how)
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1])
    authority.set(OTHER, a=[A1])
    authority.cname(THIRD, f"{TARGET}.")
    authority.set("many.example.net", a=[f"192.0.2.{n}" for n in range(1, 21)])
    knotd.add_zone(ZONE)
    knotd.start()
    told = tool("set", ZONE, TARGET).stderr.splitlines()
    assert len(told) == 1 and told[0].startswith(f"note: {TARGET}. has "), told
    assert set(told[0].split(" has ")[1].split(", ")) == {A1, A2, AAAA1}
    assert tool("set", ZONE, OTHER).stderr == f"note: {OTHER}. has {A1}; no AAAA\n"
    assert AAAA1 in tool("set", ZONE, THIRD).stderr
    assert "and 12 more of type A; no AAAA" in tool("set", ZONE, "many.example.net").stderr
    assert tool("set", ZONE, OTHER, "--no-check").stderr == ""


@WAYS
def test_set_refuses_what_does_not_exist_or_has_no_address(
    knotd, authority, start_unbound, tool, how
):
    by(knotd, start_unbound, how)
    authority.set(TARGET, a=[A1])
    authority.set(OTHER)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    now = serial()
    told = tool("set", ZONE, THIRD, code=1).stderr
    assert f"{THIRD}. does not exist, says " in told and "--no-check" in told, told
    told = tool("set", ZONE, OTHER, code=1).stderr
    assert f"{OTHER}. has neither A nor AAAA, says " in told and "--no-check" in told, told
    assert (ADDRESS if how == "resolver" else "the system's resolver") in told
    assert serial() == now and "nothing was changed" in told
    tool("set", ZONE, THIRD, "--no-check")
    assert records() == {(300, wire(THIRD))}


@WAYS
def test_set_refuses_a_target_that_leads_back(knotd, authority, start_unbound, tool, how):
    by(knotd, start_unbound, how)
    authority.cname(f"www.{ZONE}", f"{ZONE}.")
    authority.set(ZONE, a=[A1])
    authority.set(f"lb.{ZONE}", a=[A2])
    knotd.add_zone(ZONE)
    knotd.start()
    told = tool("set", ZONE, f"www.{ZONE}", code=1).stderr
    assert "leads back to the zone's apex" in told and "nothing was changed" in told
    # One below it that has addresses of its own is a target like others.
    tool("set", ZONE, f"lb.{ZONE}")
    assert records() == {(300, wire(f"lb.{ZONE}"))}


@WAYS
@pytest.mark.parametrize("failure", ["SERVFAIL", "silence"])
def test_what_cannot_be_looked_up_is_declared_with_a_warning(
    knotd, authority, start_unbound, tool, how, failure
):
    by(knotd, start_unbound, how)
    if failure == "silence":
        authority.drop(TARGET)
    else:
        authority.fail(TARGET)
    knotd.add_zone(ZONE)
    knotd.start()
    begun = time.monotonic()
    told = tool("set", ZONE, TARGET).stderr
    assert told.startswith(f"warning: {TARGET}. could not be looked up ("), told
    assert "next: 'kaname check'" in told
    assert time.monotonic() - begun < scaled(8), "a lookup takes 5 s at most"
    assert records() == {(300, wire(TARGET))}


def test_of_several_resolvers_the_next_is_asked(knotd, authority, recursor, tool):
    """As the module does; and a family that fails does not hide the other."""
    for name in (TARGET, OTHER):
        recursor.drop(name)
    knotd.options["resolver"] = [recursor.address[0], ADDRESS]
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set(OTHER, a=[A1])
    authority.fail(OTHER, "AAAA")
    knotd.add_zone(ZONE)
    knotd.start()
    assert tool("set", ZONE, TARGET).stderr == f"note: {TARGET}. has {A1}, {AAAA1}\n"
    assert recursor.count(TARGET) == 1
    told = tool("set", ZONE, OTHER).stderr
    assert f"{OTHER}. has {A1}; its AAAA could not be looked up (SERVFAIL)" in told


def test_a_resolver_that_leaves_aliases_to_who_asks_is_followed(knotd, authority, tool):
    knotd.options["resolver"] = ADDRESS
    authority.cname(TARGET, f"{OTHER}.", follow=False)
    authority.cname(OTHER, f"{THIRD}.", follow=False)
    authority.set(THIRD, a=[A1])
    authority.cname("round.example.net", "round.example.net.", follow=False)
    knotd.add_zone(ZONE)
    knotd.start()
    assert tool("set", ZONE, TARGET).stderr == f"note: {TARGET}. has {A1}; no AAAA\n"
    assert "neither A nor AAAA" in tool("set", ZONE, "round.example.net", code=1).stderr


def test_nothing_is_open_while_a_target_is_looked_up(knotd, authority, tool):
    """Neither a transaction nor knotd's only control thread waits for a resolver."""
    knotd.options["resolver"] = ADDRESS
    authority.drop(TARGET)
    knotd.add_zone(ZONE)
    knotd.start()
    with subprocess.Popen(
        [KANAME, "-s", knotd.socket, "set", ZONE, TARGET],
        env=environment(knotd.directory), stderr=subprocess.DEVNULL,
    ) as process:

        def asked():
            assert authority.seen(TARGET), "it has not asked yet"
            return True

        eventually(asked, what="it asks")
        knotd.knotc("zone-begin", ZONE)
        knotd.knotc("zone-set", ZONE, "x", "60", "A", "192.0.2.9")
        knotd.knotc("zone-commit", ZONE)
        assert process.poll() is None, "expected it to be waiting"
        assert process.wait(scaled(30)) == 0
    assert query(f"x.{ZONE}", "A").addresses() == {"192.0.2.9"}
    assert records() == {(300, wire(TARGET))}


# Will it be there after a restart?


@pytest.fixture
def small_disk(knotd):
    """The zone files' directory on a file system of its own, of 1 MiB; function to fill it."""
    namespace.mount_tmpfs(knotd.zone_directory, "1m")

    def fill_up(leave=0):
        path = os.path.join(knotd.zone_directory, "full")
        free = os.statvfs(knotd.zone_directory)
        with open(path, "wb") as file:
            file.write(bytes(free.f_bavail * free.f_frsize - leave))
        return path

    yield fill_up
    if knotd.alive:
        knotd.finish()
    namespace.put_back(knotd.zone_directory)


def restarted(knotd):
    knotd.finish()
    knotd.start()
    return records()


@pytest.mark.parametrize("command", [["set", ZONE, OTHER], ["unset", ZONE]], ids=" ".join)
def test_with_a_full_disk_nothing_is_changed(knotd, tool, small_disk, command):
    """Knot up to 3.4 would put an empty zone file in the place of the good one, and say OK."""
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options={"zonefile-sync": 0})
    knotd.start()
    full = small_disk()
    now = serial()
    told = tool(*command, code=3).stderr
    assert "there is no room in" in told and "nothing was changed" in told and "next: free" in told
    assert serial() == now and not transaction(knotd)
    assert restarted(knotd) == {(300, wire(TARGET))}
    os.unlink(full)
    tool("set", ZONE, OTHER)
    assert restarted(knotd) == {(300, wire(OTHER))}


def test_what_knotd_itself_does_on_a_full_disk(knotd, small_disk):
    """What the guide says of it, and why kaname looks."""
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options={"zonefile-sync": 0})
    knotd.start()
    full = small_disk()
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "x", "60", "A", "192.0.2.9")
    knotd.knotc("zone-commit", ZONE)
    if VERSION < (3, 5):
        knotd.wait_log("zone file updated")
        assert os.path.getsize(knotd.zone_file(ZONE)) == 0
    else:
        knotd.wait_log("failed to update zone file")
        assert os.path.getsize(knotd.zone_file(ZONE)) > 0
    os.unlink(full)
    knotd.knotc("-b", "zone-flush", ZONE)
    knotd.finish()
    knotd.start()
    assert query(f"x.{ZONE}", "A").addresses() == {"192.0.2.9"}


def test_a_zone_file_that_was_cut_off_is_told(knotd, tool, small_disk):
    """The disk has room for the file that is there, and not for the one that is written."""
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options={"zonefile-sync": -1})
    knotd.start()
    knotd.knotc("zone-begin", ZONE)
    text = "x" * 200
    for number in range(200):
        knotd.knotc("zone-set", ZONE, f"n{number}", "60", "TXT", text)
    knotd.knotc("zone-commit", ZONE)
    knotd.zones[ZONE].options["zonefile-sync"] = 0
    full = small_disk(leave=16384)
    knotd.reload()
    old = VERSION < (3, 5)
    told = tool("set", ZONE, OTHER, code=3 if old else 0).stderr
    if old:
        assert "is served, but the zone file" in told and "is cut off" in told, told
    else:
        assert "saved in the journal only" in told and "could not be written" in told, told
    assert records() == {(300, wire(OTHER))}
    # What it says to do is what helps.
    os.unlink(full)
    assert f"'knotc -b zone-flush {ZONE}.'" in told
    knotd.knotc("-b", "zone-flush", ZONE)
    assert restarted(knotd) == {(300, wire(OTHER))}


@pytest.mark.parametrize("journal", ["changes", "none"])
def test_a_zone_file_that_cannot_be_written_is_told(knotd, tool, small_disk, journal):
    knotd.add_zone(ZONE, [aname(TARGET)],
                   zone_options={"zonefile-sync": 0, "journal-content": journal})
    knotd.start()
    namespace.make_read_only(knotd.zone_directory)
    told = tool("set", ZONE, OTHER, code=0 if journal == "changes" else 3).stderr
    assert "could not be written" in told and f"'knotc -b zone-flush {ZONE}.'" in told, told
    lost = "not saved, and lost when knotd ends"
    assert ("saved in the journal only" if journal == "changes" else lost) in told
    assert records() == {(300, wire(OTHER))}
    assert restarted(knotd) == {(300, wire(OTHER if journal == "changes" else TARGET))}


def test_what_the_configuration_saves_nowhere_is_told(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET)],
                   zone_options={"zonefile-sync": -1, "journal-content": "none"})
    knotd.start()
    told = tool("set", ZONE, OTHER).stderr
    assert "served, but saved nowhere" in told and "knotc -f zone-flush" in told
    assert restarted(knotd) == {(300, wire(TARGET))}
    tool("set", ZONE, OTHER)
    knotd.knotc("-b", "-f", "zone-flush", ZONE)
    assert restarted(knotd) == {(300, wire(OTHER))}


def test_a_zone_of_a_catalog_is_declared_in(knotd, tool):
    """knotd tells nothing of its section, nor of where it is saved."""
    knotd.add_catalog("member.example", [aname(TARGET)])
    knotd.start(ready=())
    eventually(lambda: tool("get", "member.example"), what="the catalog's zone is there")
    assert "list of modules" not in tool("set", "member.example", OTHER).stderr
    assert lines(tool("get", "member.example")) == [f"member.example. 300 ANAME {OTHER}."]
