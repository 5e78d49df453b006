"""kaname force: an operator's word on targets and addresses, over the status socket."""

import json
import os
import socket
import stat

import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, TARGET, ZONE, aname, answers, eventually, known, query, simple,
)

OTHER = "other.example.net"
NOBODY = 65534


@pytest.fixture
def status(tool):
    """What the server shows, by --json."""
    return lambda *arguments: json.loads(tool("status", "--json", *arguments).stdout)


def forced(told):
    """{target or address: (state, ends in)} of all that is forced."""
    return {
        entry["target"] or entry["address"]: (entry["forced"], entry["forced_ends_in"])
        for entry in told["forced"]
    }


def health(told, rdtype="A"):
    """{address: entry} of the one target's addresses of a type."""
    (target,) = (entry for entry in told["targets"] if entry["type"] == rdtype)
    return {entry["address"]: entry for entry in target["health"]}


def test_H8_a_target_is_forced_and_taken_back(knotd, unbound, authority, tool, status):
    simple(knotd, authority, a=(A1, A2))
    known()
    assert status()["forced"] == [] and health(status()) == {}
    done = tool("force", TARGET.upper(), "down")
    assert done.stdout == f"{TARGET}. is forced down until 'kaname force {TARGET}. auto'\n"
    assert done.stderr.startswith(f"note: it is the only target of {ZONE}.: with 'all-down: serve'")

    told = status()
    assert forced(told) == {f"{TARGET}.": ("down", None)}
    assert {entry["forced"] for entry in told["targets"]} == {"down"}
    assert {address: entry["forced"] for address, entry in health(told).items()} == {
        A1: "down", A2: "down",
    }
    assert set(health(told, "AAAA")) == {AAAA1}
    knotd.wait_log(f"target {TARGET}. is forced down, until that is taken back", ask=ZONE)

    assert tool("force", TARGET, "auto").stdout == f"{TARGET}. is no longer forced\n"
    assert status()["forced"] == [] and health(status()) == {}
    knotd.wait_log(f"target {TARGET}. is no longer forced down", ask=ZONE)
    assert "it is not forced" in tool("force", TARGET, "auto", code=1).stderr


def test_H4_that_a_zone_has_nothing_else_is_told(knotd, unbound, authority, tool):
    """And that it is served all the same; not where there is another target."""
    for name in (TARGET, OTHER):
        authority.set(name, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    knotd.add_zone("example.org", [aname(OTHER)])
    knotd.add_zone("example.net", [aname(OTHER), aname(OTHER.upper(), rrtype=ALIAS)])
    knotd.start()
    for zone in (ZONE, "example.org", "example.net"):
        known(zone)
    assert tool("force", TARGET, "down").stderr == ""
    assert tool("force", OTHER, "up").stderr == ""
    told = tool("force", OTHER, "down").stderr
    assert told == (
        "note: it is the only target of example.net. and 1 more: with 'all-down: serve', the "
        "default, its addresses are served there all the same\n"
    )
    answers({A1}, "example.org")
    assert json.loads(tool("force", OTHER, "down", "--json").stdout)["forced"] == "down"


def test_H8_an_addresss_own_word_goes_before_its_targets(knotd, unbound, authority, tool, status):
    simple(knotd, authority, a=(A1, A2))
    known()
    tool("force", TARGET, "down")
    tool("force", A2, "up", "--for", "2h")
    told = status()
    assert forced(told) == {f"{TARGET}.": ("down", None), A2: ("up", told["forced"][0]["forced_ends_in"])}
    assert 7000 < told["forced"][0]["forced_ends_in"] <= 7200
    entries = health(told)
    assert entries[A1]["forced"] == "down" and entries[A1]["forced_ends_in"] is None
    assert entries[A2]["forced"] == "up" and entries[A2]["forced_ends_in"] > 7000
    assert entries[A2]["health"] == "unknown" and entries[A2]["probe"] is None
    # Whoever asks for a zone sees what is forced of its targets.
    assert forced(status(ZONE)) == {f"{TARGET}.": ("down", None)}


def test_H8_it_ends_when_its_time_is_over(knotd, unbound, authority, tool, status):
    simple(knotd, authority)
    known()
    assert tool("force", A1, "down", "--for=1s").stdout == f"{A1} is forced down for 1 s\n"
    eventually(lambda: status()["forced"] == [])
    knotd.wait_log(f"address {A1} is forced down, for 1 s", ask=ZONE)
    knotd.wait_log(f"address {A1} is no longer forced down", ask=ZONE)


def test_H8_it_survives_a_reload_and_a_restart(knotd, unbound, authority, tool, status):
    simple(knotd, authority)
    known()
    tool("force", TARGET, "down")
    knotd.options["ttl-max"] = 60
    knotd.reload()
    assert forced(status()) == {f"{TARGET}.": ("down", None)}
    knotd.stop()
    knotd.start()
    assert forced(status()) == {f"{TARGET}.": ("down", None)}


def test_H8_a_word_goes_before_what_probes_say(knotd, unbound, authority, tool, status):
    alive, dead = "127.0.0.1", "127.0.0.2"
    with socket.socket() as listener:
        listener.bind((alive, 0))
        # Nobody accepts them.
        listener.listen(1000)
        knotd.options.update({
            "probe": "tcp", "probe-port": listener.getsockname()[1], "probe-interval": 1,
            "probe-timeout": 500, "probe-fall": 1, "probe-rise": 1,
        })
        simple(knotd, authority, a=(alive, dead), aaaa=())
        known()
        answers({alive})
        entries = health(status())
        assert entries[alive]["health"] == "up" and entries[alive]["why"] is None
        assert entries[dead]["health"] == "down" and "refused" in entries[dead]["why"]
        assert 0 <= entries[dead]["health_seconds"] < 60
        assert 0 <= entries[dead]["probed_seconds_ago"] < 60
        server = status()["server"]
        assert (server["addresses_up"], server["addresses_down"]) == (1, 1)
        assert server["probes_started"] > server["probes_failed"] > 0
        assert not server["in_doubt"]
        output = tool("check", ZONE, code=1).stdout
        assert f"BAD   target {TARGET}. A, address {dead}: is down for" in output
        assert "next: does it answer from here" in output and f"'kaname force {dead} up'" in output

        tool("force", dead, "up")
        answers({alive, dead})
        assert f"note  target {TARGET}. A, address {dead}: is forced up by hand, without end; by" \
            " its probes it is down" in tool("check", ZONE).stdout
        tool("force", dead, "auto")
        answers({alive})
        tool("force", alive, "down", "--for", "1h")
        # Everything is down now, so nothing is.
        answers({alive, dead})
        tool("force", dead, "up")
        answers({dead})
        tool("force", alive, "auto")
        tool("force", dead, "down")
        answers({alive})
        # The target's word is for those that have none of their own.
        tool("force", TARGET, "down")
        tool("force", dead, "up")
        answers({dead})


def test_it_is_a_table_for_people(knotd, unbound, authority, tool):
    simple(knotd, authority)
    known()
    tool("force", TARGET, "down", "--for", "7d")
    tables = [table.splitlines() for table in tool("status").stdout.split("\n\n")]
    assert [table[0].split() for table in tables[1:]] == [
        ["ADDRESS", "TARGET", "PROBE", "HEALTH", "SINCE", "PROBED", "FORCED", "WHY"],
        ["FORCED", "STATE", "SINCE", "ENDS", "IN"],
    ]
    assert tables[1][1].split() == [A1, f"{TARGET}.", "-", "unknown", "-", "-", "down", "7d", "-"]
    assert tables[2][1].split()[:2] == [f"{TARGET}.", "down"]
    assert len(tables[0]) == 3 and len(tables[1]) == 3 and len(tables[2]) == 2


def test_what_nobody_knows_may_be_forced(knotd, unbound, authority, tool, status):
    simple(knotd, authority)
    known()
    assert "no target of that name is known now" in tool("force", OTHER, "down").stderr
    assert "no target with that address is known now" in tool("force", A2, "down").stderr
    assert "known" not in tool("force", AAAA1, "up").stderr
    assert set(forced(status())) == {f"{OTHER}.", A2, AAAA1}
    assert json.loads(tool("force", OTHER, "up", "--for", "10m", "--json").stdout) == {
        "target": f"{OTHER}.", "forced": "up", "forced_ends_in": 600, "known": False,
        "lasts_restart": True,
    }
    assert json.loads(tool("force", AAAA1, "auto", "--json").stdout) == {
        "address": AAAA1, "forced": None,
    }


def test_check_tells_what_is_forced(knotd, unbound, authority, tool):
    simple(knotd, authority, a=(A1, A2))
    known()
    tool("force", TARGET, "up")
    tool("force", A2, "up", "--for", "1h")
    output = tool("check", ZONE).stdout
    assert f"note  target {TARGET}.: is forced up by hand, without end" in output
    assert "address" not in output.split("is forced up by hand")[1]
    tool("force", A2, "down", "--for", "1h")
    assert f"note  target {TARGET}. A, address {A2}: is forced down by hand, for 3" in tool(
        "check", ZONE, code=(0, 1)
    ).stdout


@pytest.mark.parametrize(
    "arguments, code, told",
    [
        ((TARGET, "sideways"), 2, "'sideways': the state has to be down, up or auto"),
        ((TARGET, ""), 2, "the state has to be down, up or auto"),
        (("203.0.113.0/24", "down"), 1, "203.0.113.0/24 is a network, or no name: name its addr"),
        (("2001:db8::/32", "auto"), 1, "2001:db8::/32 is a network"),
        (("192.0.2.256", "down"), 1, "a target's name or an address"),
        (("a..b", "down"), 1, "has an empty label"),
        ((".", "down"), 1, "a target's name or an address"),
        (("a b", "down"), 1, "has white space"),
        (("a\nforce", "down"), 1, "has white space"),
        (("", "down"), 1, "is empty"),
        ((TARGET, "auto", "--for", "1h"), 2, "--for goes with down and up only"),
        ((TARGET, "down", "--for", "0"), 2, "expected a time from 1s to 365d"),
        ((TARGET, "down", "--for", "366d"), 2, "expected a time from 1s to 365d"),
        ((TARGET, "down", "--for", "1y"), 2, "expected a time from 1s to 365d"),
        ((TARGET, "down", "--for", "h"), 2, "expected a time from 1s to 365d"),
        ((TARGET, "down", "--for", "99999999999999999999s"), 2, "expected a time"),
        ((TARGET, "down", "--ttl", "5"), 2, "does not take the option --ttl"),
        ((TARGET,), 2, "usage: kaname force"),
    ],
)
def test_what_is_not_understood_is_told(knotd, tool, arguments, code, told):
    # Nobody is asked: there is no server.
    assert told in tool("force", *arguments, code=code).stderr


def test_without_a_server_it_says_what_to_do(knotd, tool):
    output = tool("force", TARGET, "down", code=3).stderr
    assert "failed to ask the status socket" in output and "next: is knotd running" in output


def test_H8_only_root_and_the_servers_user_may_force(knotd, unbound, authority, tool, status):
    simple(knotd, authority)
    known()
    path = os.path.join(knotd.directory, "mod-aname.sock")
    for directory in (knotd.directory, os.path.dirname(knotd.directory)):
        os.chmod(directory, os.stat(directory).st_mode | 0o555)
    # Whoever may write to the socket may connect.
    os.chown(path, os.stat(path).st_uid, NOBODY)
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o220
    someone = {"user": NOBODY, "group": NOBODY, "extra_groups": []}

    tool("force", A1, "down")
    assert forced(json.loads(tool("status", "--json", **someone).stdout)) == {A1: ("down", None)}
    for arguments in ((A1, "auto"), (A2, "up"), (TARGET, "down", "--for", "1h")):
        output = tool("force", *arguments, code=1, **someone).stderr
        assert "only root, and the user that knotd runs as, may force anything" in output
        assert "next: 'sudo kaname force'" in output
    assert forced(status()) == {A1: ("down", None)}


def test_a_thousand_are_forced_and_no_more(knotd, unbound, authority, tool, status):
    simple(knotd, authority)
    known()
    path = os.path.join(knotd.directory, "mod-aname.sock")
    for number in range(1000):
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(path)
            client.sendall(b"force 10.0.%d.%d down\n" % (number // 250, number % 250))
            assert client.recv(4096) == b"aname\t1\nok\nend\n"
    output = tool("force", A1, "down", code=1).stderr
    assert "1000 targets and addresses are forced already" in output
    assert "next: 'kaname status' shows what is forced" in output
    assert len(status()["forced"]) == 1000
    tool("force", "10.0.0.7", "auto")
    tool("force", A1, "down")
    # The log says that it said not all.
    knotd.wait_log("messages", ask=ZONE)
    assert query(ZONE, "A").tc is False
