"""What kaname follow says: with a cause and a cure that are true, and nothing raw from outside."""

import contextlib
import os
import re
import signal
import subprocess
import threading

import pytest
from harness import A1, A2, PRIMARY, TARGET, ZONE, aname, let_pass
from harness.follow import ALGORITHM, KEY, Follow, key_file, stays, written
from harness.knotd import section
from harness.kaname import KANAME, environment
from harness.owners import needs_any
from harness.secondaries import serial
from harness.told_client import FORMAT, SERVER, module  # noqa: F401
from harness.wait import eventually


def serve(fleet, *records, **how):
    fleet.serve([aname(TARGET), *records], kinds=(), **how)


# It is there before it listens.


def test_M5_sighup_does_not_end_it_while_it_starts(fleet, authority):
    """It waits for knotd, and listens to no signal yet."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    fleet.knotd.freeze()
    follow = fleet.follow()
    eventually(lambda: "kaname" in command(follow) and follow.state() == "S")
    follow.signal(signal.SIGHUP)
    fleet.knotd.thaw()
    written(fleet.knotd, {A1})
    follow.finish()


def command(follow):
    with open(f"/proc/{follow.pid}/comm", encoding="ascii") as file:
        return file.read()


# What comes from outside.

RAW = "\x1b[31mred\x07\rover\x7f\x01\xc2\x9b"
TAME = r"\x1b[31mred\x07\x0dover\x7f\x01\xc2\x9b"


def raw(text):
    return re.findall(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", text)


def answer_all(peer, what):
    """Answer each question with the same; returns how many there were."""
    asked = [0]

    def run():
        with contextlib.suppress(OSError):
            while (line := peer.line()) is not None:
                asked[0] += 1
                peer.send(f"set\ttoken={line.split()[1]}\tnext=60\tttl=60\t{what}\n"
                          .encode("latin-1"))

    threading.Thread(target=run, daemon=True).start()
    return asked


@pytest.mark.parametrize("what", [
    f"a-state=failed\ta-why={RAW}\taaaa-state=failed", f"unknown=yes\twhy={RAW}"],
    ids=["failed", "unknown"])
def test_M1_what_the_module_says_is_escaped(fleet, module, what):
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    answer_all(module.accept(), what)
    follow.says(ZONE, re.escape(TAME))
    assert not raw(follow.text()), repr(follow.text())


def test_M1_why_the_module_refuses_is_escaped(fleet, module):
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    module.accept().send(f"refused\twhy={RAW}\n".encode("latin-1"))
    follow.says(re.escape(TAME))
    assert not raw(follow.text()), repr(follow.text())


def test_what_the_module_says_to_others_is_harmless(module, directory):
    """kaname status prints it in a table, and as it is told."""
    def serve_status():
        peer = module.accept(greet=False)
        peer.line()
        text = f"target\tname=t.example.\tfamily=A\tresolver={RAW}\tstate=failed\tzone=z.example.\twhy={RAW}\tfailing=5\n"
        peer.send(FORMAT.encode() + SERVER.encode() + text.encode("latin-1") + b"end\n")
        peer.close()

    thread = threading.Thread(target=serve_status)
    thread.start()
    done = subprocess.run([KANAME, "status", "-S", module.path], env=environment(directory),
                          capture_output=True, check=False, timeout=30)
    thread.join()
    text = (done.stdout + done.stderr).decode("latin-1")
    assert "over" in text and not raw(text), repr(text)


def test_M1_what_is_lost_over_and_over_costs_little(fleet, module):
    """All are asked for again, and not as often as it is said."""
    for number in range(50):
        fleet.knotd.add_zone(f"z{number}.example", [aname(TARGET)])
    serve(fleet)
    follow = fleet.follow("-S", module.path)
    peer = module.accept()
    asked = answer_all(peer, f"a-state=addresses\ta={A1}\taaaa-state=nodata")
    written(fleet.knotd, {A1})
    eventually(lambda: asked[0] >= 51)
    let_pass(2)
    before, busy = asked[0], follow.busy_s()
    for _ in range(100):
        peer.send("lost\n" * 100)
        let_pass(0.03)
    seconds = 3
    assert follow.busy_s() - busy < 0.3 * seconds, f"expected little, got {follow.busy_s() - busy}"
    eventually(lambda: asked[0] >= before + 51)
    let_pass(1.5)
    assert asked[0] - before <= 51 * (seconds + 4), f"got {asked[0] - before} questions"


# What is refused.

OTHER = "YW5vdGhlciBzZWNyZXQgb2YgdGhlIHNhbWUga2V5IQ=="


def test_M1_a_key_that_was_changed_takes_a_restart(fleet, authority):
    """In knot.conf and in the file: the process has the former one, which the cure says."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    replace_key(fleet, KEY, secret=OTHER)
    path = key_file(fleet.knotd.directory, f"{ALGORITHM}:{KEY}:{OTHER}")
    authority.set(TARGET, a=[A2])
    follow.says("BADSIG|NOTAUTH", "restart kaname-follow")
    stays(fleet.knotd, {A1}, seconds=1)
    follow.finish()
    fleet.follow(name="again", key=path)
    written(fleet.knotd, {A2})


def replace_key(fleet, *names, secret):
    """Another secret for KEY; keys that the acl has."""
    sections = fleet.knotd.sections
    acl = next(one for one in sections if one.startswith("acl:") and f"key: {KEY}" in one)
    for name in names:
        sections.insert(0, section("key", name, algorithm=ALGORITHM, secret=secret))
    if names == (KEY,):
        old = [one for one in sections if one.startswith("key:") and KEY in one]
        sections.remove(old[-1])
    else:
        sections[sections.index(acl)] = acl.replace(f"key: {KEY}", f"key: [{', '.join((KEY, *names))}]")
    fleet.knotd.reload()


def test_M1_a_key_is_changed_without_a_gap(fleet, authority):
    """As the guide has it: both are in the acl until the service has the new one."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    replace_key(fleet, "kaname-follow-2", secret=OTHER)
    authority.set(TARGET, a=[A2])
    written(fleet.knotd, {A2})
    path = key_file(fleet.knotd.directory, f"{ALGORITHM}:kaname-follow-2:{OTHER}")
    follow.finish()
    again = fleet.follow(name="again", key=path)
    authority.set(TARGET, a=[A1])
    written(fleet.knotd, {A1})
    assert not again.lines("next: ") + follow.lines("next: ")


@needs_any
def test_M1_an_acl_for_the_apex_alone(fleet, authority):
    """It was made before owners below the apex were followed; that is what the cure names."""
    authority.set(TARGET, a=[A1])
    fleet.knotd.options["owners"] = "any"
    serve(fleet, aname(TARGET, owner="shop"))
    follow = fleet.follow()
    written(fleet.knotd, {A1})
    follow.says(f"shop.{ZONE}.: ", "next: .*update-owner-match: sub-or-equal")
    assert not follow.lines(rf" {ZONE}.: ", "next: "), follow.text()


WRONG = {"secret": (f"{ALGORITHM}:{KEY}:{'A' * 43}=", "BADSIG"),
         "name": (f"{ALGORITHM}:other:{'A' * 43}=", "BADKEY|NOTAUTH|REFUSED")}


@pytest.mark.parametrize("what", WRONG)
def test_M1_a_wrong_key_is_told_though_there_is_nothing_to_write(fleet, authority, what):
    authority.set(TARGET, a=[A1])
    serve(fleet)
    first = fleet.follow()
    written(fleet.knotd, {A1})
    first.finish()
    number = serial()
    text, why = WRONG[what]
    follow = fleet.follow(name="again", key=key_file(fleet.knotd.directory, text, "wrong.key"))
    follow.says(f"{ZONE}.: ", why, "next: .*key")
    let_pass(3)
    assert len(follow.lines(why)) == 1, follow.text()
    assert serial() == number, "expected nothing to be written"
    follow.finish()


def test_M1_the_key_is_tried_once_for_all_zones(fleet, authority):
    """At the start and on SIGHUP, without a change, and without a word where it is taken."""
    authority.set(TARGET, a=[A1])
    names = ["z0.example", "z1.example"]
    for name in names:
        fleet.knotd.add_zone(name, [aname(TARGET)], zone_options={"acl": [KEY]})
    serve(fleet)
    first = fleet.follow()
    for name in (ZONE, *names):
        written(fleet.knotd, {A1}, zone=name)
    first.finish()
    numbers = {name: serial(name) for name in (ZONE, *names)}
    tried = len(fleet.knotd.log_lines("DDNS, processing"))
    follow = fleet.follow(name="again")
    let_pass(5)
    assert len(fleet.knotd.log_lines("DDNS, processing")) == tried + 1
    follow.signal(signal.SIGHUP)
    let_pass(5)
    assert len(fleet.knotd.log_lines("DDNS, processing")) == tried + 2
    assert not follow.lines("next: "), follow.text()
    assert {name: serial(name) for name in numbers} == numbers
    replace_key(fleet, KEY, secret=OTHER)
    follow.signal(signal.SIGHUP)
    follow.says("BADSIG")
    follow.finish()


def test_M1_a_zone_is_occupied_when_the_key_would_be_tried(fleet, authority):
    """It waits for that: an update would hold up one of knotd's workers."""
    authority.set(TARGET, a=[A1])
    serve(fleet)
    first = fleet.follow()
    written(fleet.knotd, {A1})
    first.finish()
    tried = len(fleet.knotd.log_lines("DDNS"))
    fleet.knotd.knotc("zone-begin", ZONE)
    follow = fleet.follow(name="again")
    let_pass(5)
    assert len(fleet.knotd.log_lines("DDNS")) == tried, fleet.knotd.log_lines("DDNS")
    fleet.knotd.knotc("zone-abort", ZONE)
    eventually(lambda: len(fleet.knotd.log_lines("DDNS")) > tried, timeout=20,
               what="the key is tried")
    follow.finish()


# Another primary.


def test_M1_zones_that_cannot_be_at_a_primary_elsewhere(fleet, authority, primary):
    """Where none is named those without `master` are left out, which is said once."""
    authority.set(TARGET, a=[A1])
    knotd = fleet.knotd
    primary.add_zone("from.example", [aname(TARGET)], zone_options={"acl": "all"})
    primary.start(ready=())
    knotd.sections.insert(0, section("remote", "primary", address="{}@{}".format(*PRIMARY)))
    knotd.add_zone("from.example", zone_options={"master": "primary"})
    os.unlink(knotd.zone_file("from.example"))
    knotd.add_zone("own.example", [aname(TARGET)])
    serve(fleet)
    eventually(lambda: knotd.loaded("from.example"))
    far = Follow(knotd, "--primary", "192.0.2.53")
    done = far.run("--dry-run", code=(0, 1))
    assert re.findall(r"^(\S+): A none", done.stdout, re.MULTILINE) == ["from.example."], done
    (line,) = re.findall(r".*left out.*", done.stderr)
    assert "2 zones" in line and "192.0.2.53" in line and "next: name" in line, line
    assert "left out" not in far.run("--dry-run", "--quiet", code=(0, 1)).stderr
    done = far.run("--dry-run", "own.example", code=(0, 1))
    assert "own.example." in done.stdout and "left out" not in done.stderr, done
    # One of this host may be this very server.
    done = Follow(knotd, "--primary", "{}@{}".format(*PRIMARY)).run("--dry-run", code=(0, 1))
    assert "own.example." in done.stdout and "from.example." in done.stdout, done


# What is left alone, and what is not followed.


@pytest.mark.parametrize("adopt", [False, True])
def test_M3_dry_run_says_what_would_be_done(fleet, authority, adopt):
    authority.set(TARGET, a=[A1])
    serve(fleet, "@ 300 IN A 203.0.113.99")
    said = Follow(fleet.knotd).run("--dry-run", *(["--adopt"] * adopt), code=(0, 1)).stderr
    assert ("would be noted, and replaced" in said) == adopt, said
    assert "are noted" not in said and ("left alone" in said) != adopt, said


def test_M4_where_nothing_is_set_nothing_dangles(fleet, authority):
    """Neither the zone nor a template sets it; and who does where one does."""
    authority.set(TARGET, a=[A1])
    knotd = fleet.knotd
    knotd.template.pop("zonefile-load")
    knotd.sections.append(section("template", "loads", storage=knotd.zone_directory,
                                  zonefile_load="whole", module=knotd.aname))
    knotd.add_zone("whole.example", [aname(TARGET)], modules=[],
                   zone_options={"template": "loads"})
    serve(fleet)
    knotd.add_zone("bare.example", [aname(TARGET)], modules=[])
    knotd.reload()
    eventually(lambda: knotd.loaded("bare.example"))
    said = Follow(knotd).run("--dry-run", code=1).stderr
    reasons = dict(re.findall(r"(\S+)\.: it is not followed: (.*); next: ", said))
    assert "(so template 'loads' sets it)" in reasons["whole.example"], reasons
    assert "is not set" not in said and set(reasons) == {ZONE, "whole.example", "bare.example"}
