"""What kaname makes of the health that the status socket shows, from a socket that plays a part."""

import json
import os
import re

import pytest
from harness import A1, A2, AAAA1, TARGET, ZONE, guide, known, simple
from harness.kaname import KANAME, kaname
from harness.playing import line, playing

HEAD = "aname\t1\nserver\tpid=1\ttargets=2\taddresses=3"
NUMBERS = "\tup=1\tdown=1\tunknown=1\tprobes=70\tprobes-failed=9\tprobes-refused=2"


def target(addresses, family="A", name=TARGET, **more):
    return line(
        "target", name=f"{name}.", family=family, state="fresh", ttl=50, age=10,
        addresses=",".join(addresses), next=40, asked=1, started=1, succeeded=1, failed=0, lag=0,
        resolver="system", **more,
    )


def address(value, family="A", name=TARGET, **more):
    return line("address", name=f"{name}.", family=family, address=value, **more)


def probed(value, health, **more):
    return address(value, probe="tcp", port=443, health=health, **more)


DOWN = {"since": 35, "probed": 2, "why": "connection refused"}


@pytest.fixture
def path(tmp_path):
    return os.path.join(tmp_path, "s")


@pytest.fixture
def ask(path, tmp_path):
    """kaname that asks that socket."""
    return lambda *arguments, **how: kaname(
        "-S", path, *arguments, directory=str(tmp_path), **how
    )


def test_status_shows_health_with_age_and_reason(path, ask):
    with playing(
        path, HEAD + NUMBERS, target((A1, A2)),
        probed(A1, "up", since=90, probed=3), probed(A2, "down", **DOWN),
        address(A2, probe="https", port=8443, host="www.example", path="/up", health="unknown"),
        target((AAAA1,), family="AAAA", forced="up", until=59),
        address(AAAA1, family="AAAA", health="unknown", forced="up", until=59),
        "a-word-of-later\tkey=value", "end",
    ):
        told = json.loads(ask("status", "--json").stdout)
        rows = [row.split() for row in ask("status").stdout.split("\n\n")[1].splitlines()]
    assert told["server"]["in_doubt"] is False
    assert [told["server"][f"addresses_{what}"] for what in ("up", "down", "unknown")] == [1, 1, 1]
    assert [told["server"][f"probes_{what}"] for what in ("started", "failed", "refused")] == [
        70, 9, 2,
    ]
    first, second = told["targets"]
    assert first["forced"] is None and (second["forced"], second["forced_ends_in"]) == ("up", 59)
    assert first["health"] == [
        {"address": A1, "probe": "tcp", "port": 443, "host": None, "path": None, "health": "up",
         "health_seconds": 90, "probed_seconds_ago": 3, "why": None, "forced": None,
         "forced_ends_in": None},
        {"address": A2, "probe": "tcp", "port": 443, "host": None, "path": None,
         "health": "down", "health_seconds": 35, "probed_seconds_ago": 2,
         "why": "connection refused", "forced": None, "forced_ends_in": None},
        {"address": A2, "probe": "https", "port": 8443, "host": "www.example", "path": "/up",
         "health": "unknown", "health_seconds": None, "probed_seconds_ago": None, "why": None,
         "forced": None, "forced_ends_in": None},
    ]
    assert [entry["address"] for entry in second["health"]] == [AAAA1]
    assert rows[1:] == [
        [A1, f"{TARGET}.", "tcp:443", "up", "90s", "3s", "-", "-"],
        [A2, f"{TARGET}.", "tcp:443", "down", "35s", "2s", "-", "connection", "refused"],
        [A2, f"{TARGET}.", "https:8443,www.example/up", "unknown", "-", "-", "-", "-"],
        [AAAA1, f"{TARGET}.", "-", "unknown", "-", "-", "up", "59s", "-"],
    ]


def test_addresses_stay_with_their_target_when_targets_are_sorted(path, ask):
    names = ("c.example", "a.example", "b.example")
    lines = []
    for number, name in enumerate(names):
        lines += [target((A1,), name=name), address(f"192.0.2.{number}", name=name, health="up")]
    with playing(path, HEAD, *lines, "end"):
        told = json.loads(ask("status", "--json").stdout)
        table = ask("status").stdout.split("\n\n")[1].splitlines()
    assert [(entry["target"], entry["health"][0]["address"]) for entry in told["targets"]] == [
        ("a.example.", "192.0.2.1"), ("b.example.", "192.0.2.2"), ("c.example.", "192.0.2.0"),
    ]
    assert [row.split()[0] for row in table[1:]] == ["192.0.2.1", "192.0.2.2", "192.0.2.0"]


def test_status_says_that_the_server_is_in_doubt(path, ask):
    with playing(path, HEAD + NUMBERS + "\tdoubt=yes", target((A1,)), "end"):
        assert json.loads(ask("status", "--json").stdout)["server"]["in_doubt"] is True
        output = ask("status").stderr
    assert "this server's own connection is in doubt" in output and "next: " in output


def test_the_question_what_is_down_as_it_stands_in_the_guide(path, tmp_path):
    wrapper = os.path.join(tmp_path, "kaname")
    with open(wrapper, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {KANAME} -S {path} "$@"\n')
    os.chmod(wrapper, 0o755)
    with playing(
        path, HEAD, line("forced", name="a.example.", state="up", since=1),
        line("forced", address=A2, state="down", since=1), target((A1, A2)),
        probed(A1, "up", since=90, probed=3), probed(A2, "down", **DOWN), "end",
    ):
        output = guide.run("operation", "health", str(tmp_path))
    assert output.splitlines() == [
        f"{TARGET}.\t{A2}\t35\tconnection refused", "a.example.\tup", f"{A2}\tdown",
    ]


def test_the_configurations_of_the_guide_to_pools_are_accepted(knotd):
    blocks = re.findall(r"^ {4}mod-aname:\n((?: {4}.*\n)+)", guide.text_of("doc", "pools.md"), re.M)
    items = [dict(re.findall(r"^ +(?:- )?([a-z-]+): (.+)$", block, re.M)) for block in blocks]
    assert [item.pop("id") for item in items] == ["both", "spare", "shares", "two"]
    knotd.add_zone(ZONE)
    for item in items:
        knotd.options.clear()
        knotd.options.update(item)
        good, output = knotd.conf_check()
        assert good, f"{item}: {output}"


@pytest.mark.parametrize(
    "lines, code, told",
    [
        ((HEAD.split("\n", maxsplit=1)[0], "ok", "end"), 0, ""),
        (("aname\t1", "refused\twhy=it rains", "end"), 1, "refused to force a.example.: it rains"),
        (("aname\t1", "refused", "end"), 1, "it does not say why"),
        (("aname\t1", "error\twhy=what?", "end"), 1, "refused to force a.example.: what?"),
        (("aname\t1", "end"), 1, "it does not say why"),
        (("aname\t1", "ok"), 3, "it did not say all"),
        (("aname\t2", "ok", "end"), 3, "it speaks otherwise"),
        (("aname\t1", "ok"), 3, "next: was knotd stopped or restarted meanwhile?"),
        (("aname\t2", "ok", "end"), 3, "kaname and the module must be of one version"),
        ((), 3, "next: ask again; or was knotd stopped meanwhile?"),
    ],
)
def test_what_the_server_says_to_force_is_told(path, ask, lines, code, told):
    with playing(path, *lines) as requests:
        done = ask("force", "A.example", "down", "--for", "2m", code=code)
    assert requests[0] == "force A.example. down 120\n"
    assert told in done.stderr and (code == 0) == ("is forced down" in done.stdout)


def test_check_tells_what_is_down(knotd, unbound, authority, tool, path):
    simple(knotd, authority)
    known()
    with playing(path, HEAD, target((A1,)), probed(A1, "up", since=9, probed=1), "end"):
        before = tool("-S", path, "check", ZONE, code=(0, 1)).stdout
    assert " is down " not in before and "doubt" not in before
    many = [f"192.0.2.{number}" for number in range(10, 17)]
    with playing(
        path, HEAD + "\tdoubt=yes",
        line("forced", name=f"{TARGET}.", state="down", since=5),
        line("forced", address="192.0.2.99", state="down", since=5),
        target((A1,), forced="down"),
        probed(A1, "down", forced="down", **DOWN),
        target((AAAA1, *many), family="AAAA"),
        probed(AAAA1, "down", forced="up", until=60, **DOWN),
        *(probed(value, "down", **DOWN) for value in many[:-1]),
        address(many[-1], health="unknown"), "end",
    ):
        output = tool("-S", path, "check", ZONE, code=1).stdout.splitlines()
    said = [one for one in output if "forced" in one or "down" in one or "as much" in one]
    assert said == [
        f"note  target {TARGET}.: is forced down by hand, without end",
        f"note  target {TARGET}. AAAA, address {AAAA1}: is forced up by hand, for 60 s more; by its"
        " probes it is down",
        *(f"BAD   target {TARGET}. AAAA, address {value}: is down for 35 s (connection refused),"
          " probed 2 s ago by tcp on port 443" for value in many[:3]),
        f"note  target {TARGET}. AAAA: as much is to say of 4 more of its addresses; 'kaname"
        " status' shows them",
        "note  A: all addresses are down or forced down, and with 'all-down: serve' they are served"
        " all the same",
    ]
    assert "BAD   no probe of several targets succeeds any more: this server's own connection is" \
        " in doubt" in output
    # The client gets another address than these.
    for one in (probed(A2, "down", **DOWN), address(A2, health="unknown", forced="down")):
        with playing(path, HEAD, target((A2,)), one, "end"):
            output = tool("-S", path, "check", ZONE, code=(0, 1)).stdout
        assert "note  A: all addresses are down or forced down, and with 'all-down: serve'" in output
        assert "a client gets none" not in output
    with playing(path, HEAD, target((A2,)), probed(A2, "down", forced="up", **DOWN), "end"):
        output = tool("-S", path, "check", ZONE, code=1).stdout
    assert "BAD   a client gets none of the addresses that are held, A" in output
    with playing(path, HEAD, target((A1,)), address(A1, health="unknown"), "end"):
        output = tool("-S", path, "check", ZONE, code=1).stdout
    assert f"address {A1}: is not probed, there is no room for it\n" in output
    assert "next: raise 'max-probes'" in output


def curl(address, *, flags="-vk", host=TARGET, port=443, url):
    """The command that asks as a probe does."""
    return f"'curl {flags} --resolve {host}:{port}:{address} {url}'"


@pytest.mark.parametrize(
    "how, told",
    [
        ({"probe": "tcp", "port": 443, "why": "host unreachable"},
         ("does it answer from here, on port 443?", "'probe-port'")),
        ({"probe": "https", "port": 443, "path": "/up", "why": "status 4xx"},
         (curl(A1, url=f"https://{TARGET}/up"), "'probe-path'", "'probe-host'", "'probe-status'")),
        ({"probe": "http", "port": 8080, "host": "www.example", "path": "/", "why": "status 5xx"},
         (curl(A1, flags="-v", host="www.example", port=8080, url="http://www.example:8080/"),)),
        ({"probe": "tls", "port": 443, "why": "bad certificate"},
         (curl(A1, flags="-v", url=f"https://{TARGET}/"), "'probe-verify: off'", "'probe-host'")),
        ({"probe": "tls", "port": 8443, "why": "TLS handshake failed"},
         (curl(A1, port=8443, url=f"https://{TARGET}:8443/"), "'probe' and 'probe-port'")),
        ({"probe": "http", "port": 80, "path": "/", "why": "no status in time"},
         (curl(A1, flags="-v", port=80, url=f"http://{TARGET}/"), "'probe-timeout'")),
        ({"probe": "tcp", "port": 443, "why": "network unreachable"},
         ("could not be made", "ip route get")),
    ],
)
def test_check_says_what_to_do_about_a_probe_by_why_it_failed(
    knotd, unbound, authority, tool, path, how, told
):
    simple(knotd, authority, aaaa=())
    known()
    down = address(A1, health="down", since=9, probed=1, **how)
    with playing(path, HEAD, target((A1,)), down, "end"):
        lines = tool("-S", path, "check", ZONE, code=1).stdout.splitlines()
    (at,) = [n for n, one in enumerate(lines) if f"is down for 9 s ({how['why']})" in one]
    for words in (*told, f"If the probe is wrong, 'kaname force {A1} up'"):
        assert words in lines[at + 1], f"expected {words} in {lines[at + 1]}"
    asked = "does it answer from here" in lines[at + 1]
    assert asked == (how["why"] == "host unreachable"), lines[at + 1]


def test_check_names_an_ipv6_address_as_curl_takes_it(knotd, unbound, authority, tool, path):
    simple(knotd, authority)
    known()
    down = address(AAAA1, family="AAAA", probe="https", port=443, path="/", health="down", since=9,
                   probed=1, why="status 4xx")
    with playing(path, HEAD, target((AAAA1,), family="AAAA"), down, "end"):
        output = tool("-S", path, "check", ZONE, code=1).stdout
    assert curl(f"[{AAAA1}]", url=f"https://{TARGET}/") in output


@pytest.mark.parametrize(
    "why, cure",
    [
        ("network unreachable", "without IPv6 that is as it is to be for AAAA"),
        ("this host has not this family", "without IPv6 that is as it is to be for AAAA"),
        ("this host forbids it", "a firewall of this host"),
        ("no CA store can be read", "install the CA certificates"),
        ("too many open files", "'LimitNOFILE'"),
    ],
)
def test_H5_check_tells_an_error_of_this_host(knotd, unbound, authority, tool, path, why, cure):
    simple(knotd, authority)
    known()
    held = target((AAAA1,), family="AAAA")
    one = address(AAAA1, family="AAAA", probe="tls", port=443, health="unknown", why=why, probed=1)
    with playing(path, HEAD, target((A1,)), held, one, "end"):
        output = tool("-S", path, "check", ZONE).stdout
    (told,) = [one for one in output.splitlines() if f"address {AAAA1}" in one]
    assert told.startswith(f"note  target {TARGET}. AAAA, address {AAAA1}: cannot be probed from here"
                           f" ({why}), and counts as up: ")
    assert cure in told
    # What the address is to blame for is not told before it is down.
    one = address(AAAA1, family="AAAA", probe="tls", port=443, health="unknown", probed=1,
                  why="connection refused")
    with playing(path, HEAD, target((A1,)), held, one, "end"):
        assert f"address {AAAA1}" not in tool("-S", path, "check", ZONE).stdout


def test_H5_the_errors_of_this_host_are_those_of_the_module():
    """Whatever the module calls no outcome has its advice."""
    whys = set()
    for name in ("attempt.c", "http.c", "no_http.c", "subject.c", "tcp.c", "trust.c"):
        text = guide.text_of("module", "service", "probe", name)
        whys.update(re.findall(r'ANAME_OUTCOME_NONE,\s*"([^"]+)"', text))
    # Such a configuration is refused.
    whys.remove("built without libcurl")
    assert len(whys) > 8 and "network unreachable" in whys
    advice = guide.text_of("tools", "check", "advice.c")
    missing = {why for why in whys if f'{{ "{why}",' not in advice}
    assert not missing, f"expected kaname check to know {missing}"
