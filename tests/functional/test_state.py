"""S1-S3: what is known survives a restart, in the state file."""

import contextlib
import json
import os
import signal
import stat
import subprocess

import pytest
from harness import (
    A1, A2, A3, AAAA1, STALE_ANSWER, TARGET, ZONE, aname, answers, eventually, known, let_pass, query,
    section, simple,
)
from harness.authority import SCRIPTED
from harness.validator import signed

OTHER = "other.example"
OTHER_TARGET = "cdn.other.example.net"


def state_path(knotd):
    return os.path.join(knotd.directory, "db", "mod-aname.state")


def restart(knotd, sig=signal.SIGTERM):
    """Have it end, the orderly way or not, and start it anew; nobody asks between."""
    if sig == signal.SIGTERM:
        knotd.finish()
    else:
        knotd.kill()
    knotd.start()


def wait_saved(tool_status, targets=1):
    """Wait until so many targets are in the file."""
    eventually(lambda: tool_status()["state"]["targets"] >= targets, what="it is saved")


@pytest.fixture
def status(tool):
    """What the server shows, by --json."""
    return lambda *arguments: json.loads(tool("status", "--json", *arguments).stdout)


def two_sections(knotd, authority, start_scripted):
    """A server with ZONE as ever, and OTHER that asks a scripted resolver, which is returned."""
    scripted = start_scripted()
    scripted.set(OTHER_TARGET, a=(A3,), aaaa=())
    knotd.sections.append(section("mod-aname", "scripted", resolver=SCRIPTED))
    authority.set(TARGET, a=(A1,), aaaa=(AAAA1,))
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone(OTHER, [aname(OTHER_TARGET)], modules=["mod-aname/scripted"])
    knotd.start()
    known()
    known(OTHER)
    return scripted


def test_S1_a_restarted_server_answers_at_once(knotd, unbound, authority, proto):
    simple(knotd, authority, a=(A1, A2))
    known()
    assert not os.path.exists(state_path(knotd)) or os.path.getsize(state_path(knotd)) == 0
    unbound.kill()  # Nobody can tell it anything any more.
    restart(knotd)
    query(ZONE, "A", proto).expect(a={A1, A2}, ttl=(1, 300), ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(1, 300), ede=set())
    mode = os.stat(state_path(knotd)).st_mode
    assert stat.S_IMODE(mode) == 0o600, f"expected 0600, got {oct(mode)}"
    assert knotd.log_lines("state file", "2 targets are known from before")
    assert os.listdir(os.path.dirname(state_path(knotd))).count("mod-aname.state") == 1


def test_S1_it_outlives_a_kill(knotd, unbound, authority, status):
    knotd.options["state-interval"] = 1
    simple(knotd, authority)
    known()
    wait_saved(status, targets=2)
    unbound.kill()
    restart(knotd, signal.SIGKILL)
    query(ZONE, "A").expect(a={A1}, ede=set())
    query(ZONE, "AAAA").expect(aaaa={AAAA1}, ede=set())


def test_S1_families_without_addresses_and_failures_come_back(knotd, unbound, authority):
    authority.set(TARGET, a=(A1,), aaaa=())
    authority.fail(OTHER_TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone(OTHER, [aname(OTHER_TARGET)])
    knotd.start()
    known()
    known(OTHER)
    unbound.kill()
    restart(knotd)
    query(ZONE, "AAAA").expect(aaaa=(), soa=True, ede=set())
    query(OTHER, "A").expect(rcode="SERVFAIL", aa=None)
    assert not knotd.log_lines("state file", "damaged")


def test_S2_past_its_lifetime_it_is_stale_and_looked_up(knotd, start_unbound, authority):
    recursor = start_unbound()
    authority.set(TARGET, a=(A1,), aaaa=(AAAA1,), ttl=1)
    simple(knotd, authority, ttl=1)
    known()
    recursor.kill()
    knotd.finish()
    let_pass(3)
    knotd.start()
    query(ZONE, "A").expect(a={A1}, ttl=(0, 30), ede={STALE_ANSWER})
    authority.set(TARGET, a=(A2,), aaaa=(AAAA1,))
    start_unbound()
    answers({A2}, ede=set())


def test_S1_every_section_and_resolver_has_its_own(knotd, unbound, start_scripted, authority):
    scripted = two_sections(knotd, authority, start_scripted)
    unbound.kill()
    scripted.drop(OTHER_TARGET)
    restart(knotd)
    query(ZONE, "A").expect(a={A1}, ede=set())
    query(OTHER, "A").expect(a={A3}, ede=set())
    # Once more: what came back is saved anew.
    restart(knotd)
    query(OTHER, "A").expect(a={A3}, ede=set())


def test_S1_a_signed_zone_answers_at_once(knotd, unbound, authority):
    simple(knotd, authority, zone_options={"dnssec-signing": True})
    known(do=True)
    signed(ZONE)
    unbound.kill()
    restart(knotd)
    eventually(lambda: "RRSIG" in query(ZONE, "SOA", do=True).types(), what="it is signed")
    reply = query(ZONE, "A", do=True)
    assert not reply.tc, f"expected an answer, got {reply}"
    signed(ZONE)


def test_S1_what_is_forced_is_on_disk_before_it_is_confirmed(
    knotd, unbound, authority, tool, status
):
    simple(knotd, authority, a=(A1, A2))
    known()
    done = tool("force", A2, "down")
    assert done.stderr == "", f"expected no note, got {done.stderr}"
    tool("force", TARGET, "up", "--for", "1h")
    restart(knotd, signal.SIGKILL)
    query(ZONE, "A").expect(a={A1}, ede=set())
    told = {entry["target"] or entry["address"]: entry for entry in status()["forced"]}
    assert told[A2]["forced"] == "down" and told[A2]["forced_ends_in"] is None
    assert told[f"{TARGET}."]["forced"] == "up"
    assert 3000 < told[f"{TARGET}."]["forced_ends_in"] <= 3600
    tool("force", A2, "auto")
    restart(knotd, signal.SIGKILL)
    answers({A1, A2})


def test_S1_what_cannot_be_saved_is_told(knotd, unbound, authority, tool):
    knotd.options.update({"state-file": "Off", "state-interval": 1})
    simple(knotd, authority)
    known()
    let_pass(2)  # Some intervals.
    done = tool("force", A1, "down")
    assert "it does not last a restart of knotd ('state-file' is off)" in done.stderr
    assert '"lasts_restart": false' in tool("force", A1, "down", "--json").stdout
    restart(knotd)
    reply = query(ZONE, "A")
    assert reply.tc, f"expected a cold start, got {reply}"
    assert not os.path.exists(state_path(knotd))


@pytest.mark.parametrize("what", ["damaged", "newer", "truncated"])
def test_S3_what_cannot_be_read_is_put_aside(knotd, unbound, authority, status, what):
    simple(knotd, authority)
    known()
    knotd.finish()
    path = state_path(knotd)
    with open(path, "rb") as file:
        content = bytearray(file.read())
    if what == "damaged":
        content[-3] ^= 1
    elif what == "newer":
        content[19] += 1
    else:
        del content[len(content) // 2:]
    with open(path, "wb") as file:
        file.write(content)
    knotd.start()
    lines = knotd.log_lines("state file", "put aside")
    assert len(lines) == 1, f"expected one line, got {lines} in {knotd.log_text()}"
    assert ("version 2" in lines[0]) == (what == "newer"), lines[0]
    with open(path + ".unread", "rb") as file:
        assert file.read() == content, "expected a copy of what could not be read"
    assert status()["targets"] == [], "expected nothing to be known"
    known()
    restart(knotd)
    query(ZONE, "A").expect(a={A1}, ede=set())


def test_S3_what_is_none_is_left_alone(knotd, unbound, authority):
    path = os.path.join(knotd.directory, "precious")
    with open(path, "w", encoding="ascii") as file:
        file.write("Nobody may overwrite this.\n" * 10)
    knotd.options["state-file"] = path
    knotd.options["state-interval"] = 1
    simple(knotd, authority)
    known()
    knotd.wait_log("state file", "is not used", "it is no state file")
    restart(knotd)
    known()
    with open(path, encoding="ascii") as file:
        assert file.read() == "Nobody may overwrite this.\n" * 10
    assert not os.path.exists(path + ".unread")


def test_S3_of_two_servers_one_has_it(knotd, unbound, authority, other_knotd):
    path = state_path(knotd)
    knotd.options["state-file"] = path
    simple(knotd, authority)
    known()
    other_knotd.options = {"state-file": path, "state-interval": 1}
    other_knotd.add_zone(ZONE, [aname(TARGET)])
    other_knotd.start(ready=())
    (line,) = other_knotd.wait_log("state file", "another process holds it")
    # It takes over when the first one is gone, and has what that knew.
    knotd.finish()

    def taken_over():
        # What the service has to say is logged with an answer.
        query(ZONE, "A", server=("127.0.0.1", 5301))
        return other_knotd.log_lines("state file", "known from before")

    eventually(taken_over, what="the second has the file")
    assert other_knotd.log_lines("another process holds it") == [line]


def test_S3_a_disk_that_is_full_loses_nothing(knotd, unbound, authority, tool, status, directory):
    mount = os.path.join(directory, "small")
    os.makedirs(mount)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", mount], check=True)
    try:
        knotd.options["state-file"] = os.path.join(mount, "state")
        knotd.options["state-interval"] = 1
        simple(knotd, authority, a=(A1, A2))
        known()
        wait_saved(status, targets=2)
        with open(os.path.join(mount, "ballast"), "wb", buffering=0) as file:
            with contextlib.suppress(OSError):
                while file.write(bytes(512)):
                    pass
        done = tool("force", A2, "down")
        assert "does not last a restart" in done.stderr and "No space left" in done.stderr
        knotd.wait_log("state file", "cannot be written", ask=ZONE)
        assert status()["state"]["why"] == "No space left on device"
        assert sorted(os.listdir(mount)) == ["ballast", "state"]
        os.unlink(os.path.join(mount, "ballast"))
        knotd.wait_log("state file", "is written again", ask=ZONE)
        restart(knotd, signal.SIGKILL)
        query(ZONE, "A").expect(a={A1}, ede=set())
        knotd.finish()
    finally:
        subprocess.run(["umount", "-l", mount], check=True)


def test_S1_the_file_follows_the_option(knotd, unbound, authority):
    simple(knotd, authority)
    known()
    path = os.path.join(knotd.directory, "elsewhere.state")
    knotd.options["state-file"] = path
    knotd.options["state-interval"] = 1
    knotd.reload()
    eventually(lambda: os.path.exists(path) and os.path.getsize(path) > 0, what="it is there")
    query(ZONE, "A").expect(a={A1}, ede=set())
    unbound.kill()
    restart(knotd, signal.SIGKILL)
    query(ZONE, "A").expect(a={A1}, ede=set())


def test_S1_zones_that_come_late_find_it(knotd, unbound, authority, start_scripted):
    """A section that nothing names at the start finds what was known when it comes."""
    scripted = two_sections(knotd, authority, start_scripted)
    scripted.drop(OTHER_TARGET)
    knotd.finish()
    late = knotd.zones.pop(OTHER)
    knotd.start()
    query(ZONE, "A").expect(a={A1}, ede=set())
    asked = scripted.count()
    knotd.zones[OTHER] = late
    knotd.reload()
    eventually(lambda: knotd.loaded(OTHER), what="it is loaded")
    query(OTHER, "A").expect(a={A3}, ede=set())
    assert scripted.count() == asked, "expected no lookup of what is fresh"


def test_S1_what_is_forced_goes_with_the_file(knotd, unbound, authority, tool, status):
    """Another file by a reload has what is forced at once, and the old one goes."""
    simple(knotd, authority, a=(A1, A2))
    tool("force", A2, "down")
    old, new = state_path(knotd), os.path.join(knotd.directory, "elsewhere.state")
    knotd.options["state-file"] = new
    knotd.reload()
    eventually(lambda: os.path.exists(new) and os.path.getsize(new) > 0, what="it is saved")
    eventually(lambda: not os.path.exists(old), what="the old one goes")
    restart(knotd, signal.SIGKILL)
    assert [entry["address"] for entry in status()["forced"]] == [A2]


def test_S1_what_was_taken_back_stays_so(knotd, unbound, authority, tool, status):
    """A file of before, by the same process, does not bring back what was taken back since."""
    simple(knotd, authority, a=(A1, A2))
    known()
    tool("force", A2, "down")
    knotd.options["state-file"] = "off"
    knotd.reload()
    tool("force", A2, "auto")
    del knotd.options["state-file"]
    knotd.options["state-interval"] = 1
    knotd.reload()
    eventually(lambda: status()["state"]["file"] == state_path(knotd), what="it is on again")
    assert status()["forced"] == []
    answers({A1, A2})


def test_S3_what_takes_its_place_is_left_alone(knotd, unbound, authority, tool):
    simple(knotd, authority)
    known()
    tool("force", A1, "down")
    path = state_path(knotd)
    precious = b"Nobody may overwrite this.\n" * 10
    with open(path + ".other", "wb") as file:
        file.write(precious)
    os.rename(path + ".other", path)
    assert "it is no state file" in tool("force", A1, "auto").stderr
    with open(path, "rb") as file:
        assert file.read() == precious


def test_S1_sections_that_differ_share_one(knotd, unbound, authority):
    """Zones of two sections come by turns: the file is loaded once, and not for each of them."""
    paths = [os.path.join(knotd.directory, name) for name in ("one.state", "two.state")]
    knotd.options["state-file"] = paths[0]
    knotd.sections.append(section("mod-aname", "second", **{"state-file": paths[1]}))
    authority.set(TARGET, a=(A1,), aaaa=(AAAA1,))
    for i in range(20):
        knotd.add_zone(f"z{i}.example", [aname(TARGET)],
                       modules=[f"mod-aname/{('test', 'second')[i % 2]}"])
    knotd.start()
    known("z0.example")
    known("z1.example")
    restart(knotd)
    lines = knotd.log_lines("are known from before")
    assert len(lines) == 1, f"expected one line, got {lines}"
    query("z0.example", "A").expect(a={A1}, ede=set())
    query("z1.example", "A").expect(a={A1}, ede=set())
