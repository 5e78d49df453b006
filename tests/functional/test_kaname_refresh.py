"""kaname refresh: targets are looked up now, and not when they are due."""

import concurrent.futures
import json
import os
import socket
import subprocess

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, TARGET, ZONE, aname, answers, eventually, failed, known, query,
    scaled, section, simple,
)
from harness.authority import ADDRESS, Behaviour
from harness.kaname import KANAME, environment
from harness.playing import line, playing

NOBODY = 65534
OTHER = "other.example.net"


@pytest.fixture
def refresh(tool):
    """{(target, family): entry}, by --json."""

    def run(*arguments, code=0):
        told = json.loads(tool("refresh", "--json", *arguments, code=code).stdout)
        return {(entry["target"], entry["family"]): entry for entry in told["targets"]}

    return run


def ask_the_authority(knotd, **options):
    """Without a cache between."""
    knotd.options.update({"resolver": ADDRESS, "retries": 0, **options})


def test_T6_what_has_changed_is_served_at_once(knotd, authority, tool, refresh):
    ask_the_authority(knotd)
    simple(knotd, authority, ttl=3600)
    known()
    authority.set(TARGET, a=(A2, A3), aaaa=())
    query(ZONE, "A").expect(a={A1})
    entries = refresh(TARGET)
    assert entries[f"{TARGET}.", "A"] == {
        "target": f"{TARGET}.", "family": "A", "resolver": [f"{ADDRESS}@53"], "via": None,
        "addresses": [A2, A3], "addresses_before": [A1], "ttl": 60, "failing_why": None,
        "pending": False, "changed": True, "cached": False,
    }
    entry = entries[f"{TARGET}.", "AAAA"]
    assert entry["addresses"] == [] and entry["addresses_before"] == [AAAA1] and entry["changed"]
    query(ZONE, "A").expect(a={A2, A3})
    told = tool("refresh", ZONE.upper()).stdout.splitlines()
    assert told[0] == f"{TARGET}. A by {ADDRESS}@53: as before, {A2} {A3}, TTL 60", told
    assert told[1] == f"{TARGET}. AAAA by {ADDRESS}@53: as before, no address, TTL 60", told


def test_what_is_served_meanwhile_stays(knotd, authority, tool):
    ask_the_authority(knotd)
    simple(knotd, authority, ttl=3600)
    known()
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,), delay=1.0)
    with concurrent.futures.ThreadPoolExecutor() as pool:
        running = pool.submit(tool, "refresh", ZONE)
        eventually(lambda: authority.most_running() > 0, what="a lookup is under way")
        seen = set()
        while not running.done():
            seen |= query(ZONE, "A").expect(rcode="NOERROR", ede=set()).addresses("A")
        assert f"{A1} -> {A2}" in running.result().stdout
    assert A1 in seen and seen <= {A1, A2}, seen
    answers({A2})


def test_T6_a_pause_after_failures_is_passed_over(knotd, authority, tool, refresh):
    ask_the_authority(knotd, **{"retry-min": 300, "retry-max": 300})
    authority.set(OTHER, a=(A1,))
    knotd.add_zone("other.example", [aname(OTHER)])
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known("other.example")
    failed()
    entry = refresh(ZONE, code=1)[f"{TARGET}.", "A"]
    assert entry["failing_why"] and entry["addresses"] is None
    assert "fails (" in tool("refresh", ZONE, code=1).stdout
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,))
    entry = refresh(ZONE)[f"{TARGET}.", "A"]
    assert entry["addresses"] == [A2] and entry["addresses_before"] is None
    query(ZONE, "A").expect(a={A2})


@pytest.mark.parametrize("how", ["silent", "servfail"])
def test_it_passes_the_line_of_those_that_wait_while_a_resolver_is_out(
        knotd, start_scripted, tool, refresh, how):
    resolver = start_scripted()
    names = [f"target-{n}.example.net" for n in range(20)]
    for name in names:
        resolver.set(name, a=(A1,), aaaa=(AAAA1,), ttl=1)
    knotd.options.update({"resolver": resolver.address[0], "timeout": 500, "retries": 0,
                          "retry-max": 300})
    for n, name in enumerate(names):
        knotd.add_zone(f"zone-{n}.example", [aname(name, ttl=1)])
    knotd.start()
    for n in range(len(names)):
        known(f"zone-{n}.example")
    for name in names:
        resolver.drop(name) if how == "silent" else resolver.fail(name)
    what = "nothing is heard any more" if how == "silent" else "nothing succeeds any more"
    knotd.wait_log(what, ask="zone-0.example", timeout=30)
    entry = refresh(names[-1], code=1)[f"{names[-1]}.", "A"]
    assert entry["failing_why"] and entry["addresses"] == [A1] and not entry["pending"]
    resolver.set(names[-1], a=(A2,), aaaa=(AAAA1,), ttl=60)
    entry = refresh(names[-1])[f"{names[-1]}.", "A"]
    assert entry["addresses"] == [A2] and entry["failing_why"] is None
    knotd.wait_log("succeed again", ask="zone-0.example", timeout=30)


def test_T6_a_lookup_under_way_is_not_the_answer(knotd, authority, refresh):
    """It may bring what was there before."""
    ask_the_authority(knotd, **{"ttl-max": 1, "timeout": 5000})
    authority.set(TARGET, a=(A1,), aaaa=(AAAA1,))
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    authority.set(TARGET, a=(A1,), aaaa=(AAAA1,), delay=1.5)

    def running():
        query(ZONE, "A")
        return authority.most_running() > 0

    eventually(running, what="a lookup is under way")
    before = authority.count(TARGET, "A")
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,))
    entry = refresh(TARGET)[f"{TARGET}.", "A"]
    assert entry["addresses"] == [A2], entry
    assert authority.count(TARGET, "A") >= before + 1


def test_T6_those_who_ask_at_once_share_a_lookup(knotd, authority, tool):
    ask_the_authority(knotd, timeout=10000)
    simple(knotd, authority, ttl=3600)
    known()
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,), delay=1.0)
    before = authority.count(TARGET, "A")
    clients = 12
    with concurrent.futures.ThreadPoolExecutor(clients) as pool:
        done = [pool.submit(tool, "refresh", TARGET, "-t", "50") for _ in range(clients)]
        for one in done:
            assert A2 in one.result().stdout
    asked = authority.count(TARGET, "A") - before
    assert asked <= 8, f"{clients} who asked at once caused {asked} lookups"


def test_a_target_nobody_asked_for_is_looked_up_if_a_zone_has_it(knotd, authority, tool, refresh):
    ask_the_authority(knotd)
    simple(knotd, authority)
    entries = refresh(TARGET)
    assert entries[f"{TARGET}.", "A"]["addresses"] == [A1]
    assert entries[f"{TARGET}.", "A"]["addresses_before"] is None
    assert entries[f"{TARGET}.", "AAAA"]["addresses"] == [AAAA1]
    authority.set(OTHER, a=(A2,))
    knotd.add_zone("other.example", [aname(OTHER)])
    knotd.reload()
    assert f"not known -> {A2}" in tool("refresh", "other.example").stdout
    done = tool("refresh", "nobody.example.net", code=1)
    assert "nobody.example.net. is no zone of this server with an ANAME record, and no zone has it" in \
        done.stderr and "\nnext: 'kaname list'" in done.stderr


def test_T6_a_family_that_nobody_asked_for_is_left_alone(knotd, authority, refresh):
    """It is looked up when a client asks, and then is as new as can be."""
    ask_the_authority(knotd)
    simple(knotd, authority)
    known(ZONE, "A")
    assert list(refresh(ZONE)) == [(f"{TARGET}.", "A")]
    known(ZONE, "AAAA")
    assert list(refresh(ZONE)) == [(f"{TARGET}.", "A"), (f"{TARGET}.", "AAAA")]


def test_several_are_looked_up_with_one_command(knotd, authority, refresh):
    ask_the_authority(knotd)
    authority.set(OTHER, a=(A2,))
    knotd.add_zone("other.example", [aname(OTHER)])
    simple(knotd, authority)
    known()
    known("other.example")
    authority.set(OTHER, a=(A3,))
    entries = refresh(ZONE, OTHER)
    assert set(entries) == {(name, family) for name in (f"{TARGET}.", f"{OTHER}.")
                            for family in ("A", "AAAA")}
    assert {name: entry["changed"] for (name, family), entry in entries.items()
            if family == "A"} == {f"{TARGET}.": False, f"{OTHER}.": True}


def test_all_resolvers_that_know_it_are_asked(knotd, authority, start_scripted, tool):
    other = start_scripted()
    other.set(TARGET, a=(A2,), aaaa=(AAAA1,))
    ask_the_authority(knotd)
    knotd.sections.append(section("mod-aname", "other", resolver=other.address[0]))
    knotd.add_zone("other.example", [aname(TARGET)], modules=["mod-aname/other"])
    simple(knotd, authority)
    known()
    known("other.example")
    authority.set(TARGET, a=(A3,), aaaa=(AAAA1,))
    other.set(TARGET, a=(A3,), aaaa=(AAAA1,))
    told = tool("refresh", TARGET).stdout
    assert f"{TARGET}. A by {ADDRESS}@53: {A1} -> {A3}" in told, told
    assert f"{TARGET}. A by {other.address[0]}@53: {A2} -> {A3}" in told, told


def test_a_cache_in_the_way_is_told(knotd, authority, tool, refresh):
    """Which counts its TTL down."""
    ask_the_authority(knotd)
    simple(knotd, authority)
    known()
    authority.set(TARGET, a=(A1,), aaaa=(AAAA2,), ttl=47)
    told = tool("refresh", ZONE).stdout.splitlines()
    assert told[0].endswith(f"A by {ADDRESS}@53: as before, {A1}, TTL 47")
    assert "out of its cache, most likely: the TTL was larger before" in told[1]
    assert "in 47 s at the latest" in told[2] and f"unbound-control flush {TARGET}.'" in told[2]
    assert told[3].endswith(f"{AAAA1} -> {AAAA2}, TTL 47") and len(told) == 4
    authority.set(TARGET, a=(A1,), aaaa=(AAAA2,), ttl=46)
    assert refresh(ZONE)[f"{TARGET}.", "A"]["cached"]
    authority.set(TARGET, a=(A1,), aaaa=(AAAA2,), ttl=60)
    assert not refresh(ZONE)[f"{TARGET}.", "A"]["cached"]


def test_N4_client_subnets_are_looked_up_too(knotd, authority, tool):
    knotd.server["edns-client-subnet"] = "on"
    knotd.options.update({"resolver": ADDRESS, "ecs": "on"})
    simple(knotd, authority, aaaa=())
    choose = {"198.51.100.0": A1}
    authority.behave(TARGET, "A", lambda subnet: Behaviour(
        rdata=(choose[subnet.address] if subnet else "192.0.2.99",),
        scope=subnet.source if subnet else None, ttl=600,
    ))
    known(ZONE, "A", ecs="198.51.100.77/32")
    choose["198.51.100.0"] = A2
    assert "1 answers for client subnets are looked up, too" in tool("refresh", ZONE).stdout
    eventually(lambda: query(ZONE, "A", ecs="198.51.100.77/32").expect(a={A2}))


def test_it_is_bounded_in_time(knotd, authority, tool):
    ask_the_authority(knotd, timeout=30000, **{"stale-max": 86400})
    simple(knotd, authority, ttl=3600)
    known()
    authority.drop(TARGET)
    done = tool("refresh", TARGET, "-t", "1s", code=1)
    assert "no answer yet; before: 192.0.2.1" in done.stdout
    assert "not all have an answer in time" in done.stderr and "\nnext: -t TIME" in done.stderr
    query(ZONE, "A").expect(a={A1})


@pytest.mark.parametrize("how", ["text", "json"])
def test_a_target_nobody_asked_for_may_have_no_answer_in_time(knotd, authority, tool, how):
    """That is no success, and nothing "as before"."""
    ask_the_authority(knotd, timeout=60000, retries=10)
    authority.drop(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    done = tool("refresh", TARGET, "-t", "1s", *(["--json"] if how == "json" else []), code=1)
    assert "not all have an answer in time" in done.stderr and "\nnext: -t TIME" in done.stderr
    if how == "json":
        assert [entry["pending"] for entry in json.loads(done.stdout)["targets"]] == [True, True]
    else:
        assert done.stdout.count("no answer yet; before: not known") == 2, done.stdout


def test_T6_only_root_and_knotds_user_may(knotd, authority, tool):
    ask_the_authority(knotd)
    simple(knotd, authority)
    known()
    count = authority.count(TARGET)
    path = os.path.join(knotd.directory, "mod-aname.sock")
    os.chmod(knotd.directory, 0o755)
    os.chmod(path, 0o777)
    os.chmod(knotd.socket, 0o777)
    done = subprocess.run(
        [KANAME, "refresh", TARGET, "-s", knotd.socket, "-S", path], user=NOBODY, cwd="/",
        env=environment(knotd.directory), capture_output=True, text=True, check=False,
        timeout=scaled(30))
    assert done.returncode == 1 and "only root, and the user that knotd runs as" in done.stderr
    assert "next: 'sudo kaname refresh'" in done.stderr
    assert authority.count(TARGET) == count


def test_T6_who_goes_waits_no_longer(knotd, authority, tool):
    """Whatever waits for lookups of a resolver that is slow to fail is soon free for others."""
    ask_the_authority(knotd, timeout=60000, retries=10)
    names = [f"target-{n}.example.net" for n in range(4)]
    for n, name in enumerate(names):
        authority.set(name, a=(A1,), aaaa=())
        knotd.add_zone(f"zone-{n}.example", [aname(name)])
    simple(knotd, authority)
    known()
    path = os.path.join(knotd.directory, "mod-aname.sock")
    clients = []
    for n, name in enumerate(names):
        known(f"zone-{n}.example")
        authority.drop(name)
        clients.append(socket.socket(socket.AF_UNIX))
        clients[-1].connect(path)
        clients[-1].sendall(f"refresh 600 {name}\n".encode())
    # Who has only said all that it has to say waits all the same.
    clients[0].shutdown(socket.SHUT_WR)
    for client in clients:
        assert client.recv(65536).startswith(b"aname\t1\n")
    done = tool("refresh", TARGET, "-t", "1s", code=1)
    assert "others wait for lookups already" in done.stderr
    for client in clients[1:]:
        client.close()
    assert tool("refresh", TARGET, "-t", "5s").stdout
    clients[0].settimeout(1)
    with pytest.raises(TimeoutError):
        while True:
            told = clients[0].recv(65536)
            assert told and b"end" not in told, f"expected that it still waits, got {told}"
    clients[0].close()


def test_a_module_that_does_not_know_it_is_told(knotd, authority, tool, directory):
    simple(knotd, authority)
    path = f"{directory}/old.sock"
    with playing(path, "aname\t1", line("error", why="there is no such request"), "end"):
        done = tool("refresh", TARGET, "-S", path, code=1)
    assert "there is no such request" in done.stderr
    assert "next: the module that runs is older than this kaname: restart knotd" in done.stderr
