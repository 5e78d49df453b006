"""kaname follow is set up as the operator's guide has it, and taken back."""

import os
import re
import shutil
import signal
import stat
import subprocess

import pytest
from harness import A1, A2, AAAA1, TARGET, ZONE, aname, guide, let_pass
from harness.authority import ADDRESS
from harness.follow import Follow, stands, written
from harness.kaname import KANAME, kaname
from harness.secondaries import serial
from harness.wait import eventually


@pytest.fixture
def set_up(knotd, directory):
    """A zone as the guide loads it; runs the guide's commands, and has knotd take what they make."""

    def begin():
        knotd.options["resolver"] = ADDRESS
        knotd.template["zonefile-load"] = "difference"
        knotd.add_zone(ZONE, [aname(TARGET)])
        knotd.start()
        # The guide's kaname finds its knotd where Debian has it.
        with open(os.path.join(directory, "kaname"), "w", encoding="ascii") as wrapper:
            wrapper.write(f'#!/bin/sh\nexec {KANAME} "$@" -s {knotd.socket}\n')
        os.chmod(wrapper.name, 0o755)
        guide.run("operation", "follow-setup", directory)
        with open(os.path.join(directory, "kaname-follow.conf"), encoding="ascii") as file:
            knotd.sections.append(file.read())
        knotd.zones[ZONE].options["acl"] = "kaname-follow"
        knotd.reload()
        return os.path.join(directory, "kaname-follow.key")

    return begin


def test_M1_set_up_as_in_the_guide(knotd, authority, directory, set_up):
    """What the commands make is all that is needed, and others cannot read the secret."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    key = set_up()
    for path, mode in ((key, 0o600), (os.path.join(directory, "kaname-follow.conf"), 0o640)):
        assert stat.S_IMODE(os.stat(path).st_mode) == mode, path
    dry = Follow(knotd, key=key).run("--dry-run", ZONE)
    assert f"{ZONE}.: A none -> {A1} AAAA none -> {AAAA1}\n" in dry.stdout, dry
    assert stands(knotd) == {"A": set(), "AAAA": set()}
    Follow(knotd, key=key).run("--once", ZONE)
    written(knotd, {A1}, {AAAA1})


def test_M3_taken_back_as_in_the_guide(knotd, authority, set_up):
    """Without its record, by one more run; with it, by hand."""
    authority.set(TARGET, a=[A2])
    key = set_up()
    follow = Follow(knotd, key=key)
    follow.run("--once")
    written(knotd, {A2})
    for command in (["zone-begin", ZONE], ["zone-unset", ZONE, "@", "A"], ["zone-commit", ZONE]):
        knotd.knotc(*command)
    written(knotd, ())
    follow.run("--once")
    written(knotd, {A2})
    for command in (["zone-begin", ZONE], ["zone-unset", ZONE, "@", "TYPE65305"],
                    ["zone-commit", ZONE]):
        knotd.knotc(*command)
    follow.run("--once")
    written(knotd, ())


def test_a_setup_that_fails_leaves_what_is_there(directory):
    """A zone that was mistyped: neither the acl nor the key is overwritten."""
    os.symlink(KANAME, os.path.join(directory, "kaname"))
    files = {name: os.path.join(directory, name) for name in ("kaname-follow.conf", "kaname-follow.key")}
    for path in files.values():
        with open(path, "w", encoding="ascii") as file:
            file.write("as it was")
    block = guide.commands("operation", "follow-setup").replace("example.com", "example..com")
    subprocess.run(["bash", "-uc", block], cwd=directory, capture_output=True, check=False,
                   env={**os.environ, "PATH": f"{directory}:{os.environ['PATH']}"})
    for name, path in files.items():
        with open(path, encoding="ascii") as file:
            assert file.read() == "as it was", name


def test_a_second_unit_as_in_the_guide(directory):
    """Nothing of it is the first one's, and systemd has nothing to say about it."""
    unit = os.path.join(directory, "kaname-follow-2.service")
    block = guide.commands("operation", "follow-second")
    for of_system, here in (
            ("sudo systemctl daemon-reload", ""), ("sudo ", ""),
            ("/usr/lib/systemd/system/kaname-follow.service",
             os.path.join(guide.ROOT, "packaging", "kaname-follow.service")),
            ("/etc/systemd/system/kaname-follow-2.service", unit)):
        assert of_system in block
        block = block.replace(of_system, here)
    subprocess.run(["bash", "-euo", "pipefail", "-c", block], check=True)
    with open(unit, encoding="ascii") as file:
        text = file.read()
    assert not re.search(r"kaname-follow(?!-2)", text), text
    for line in ("EnvironmentFile=-/etc/default/kaname-follow-2", "StateDirectory=kaname-follow-2",
                 "LoadCredential=key:/etc/knot/kaname-follow-2.key",
                 "AssertPathExists=/etc/knot/kaname-follow-2.key"):
        assert f"\n{line}\n" in text
    if shutil.which("systemd-analyze") is None:
        pytest.skip("there is no systemd-analyze")
    script = os.path.join(guide.ROOT, "tests", "follow-service")
    done = subprocess.run(["sh", script, unit, KANAME], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_M5_a_zone_file_that_is_edited_and_never_written(knotd, authority, set_up):
    """`zonefile-sync: -1`: what is gone with the edit is back soon after a reload and SIGHUP."""
    authority.set(TARGET, a=[A1])
    knotd.template["zonefile-sync"] = -1
    follow = Follow(knotd, key=set_up())
    follow.start()
    written(knotd, {A1})
    let_pass(3)  # What was written a moment ago is not compared.
    knotd.write_zone(ZONE, [aname(TARGET), "new IN TXT edited"], serial=100)
    knotd.knotc("-b", "zone-reload", ZONE)
    follow.signal(signal.SIGHUP)
    eventually(lambda: serial() > 100, 5, what="it is written again")
    written(knotd, {A1})
    follow.finish()


def test_M1_a_dry_run_is_watched_as_in_the_guide(knotd, authority, set_up):
    """It prints nothing beside one that runs, where all is in step; else what would be written, or
    why not."""
    knotd.options["ttl-max"] = 1
    authority.set(TARGET, a=[A1])
    key = set_up()
    follow = Follow(knotd, key=key)
    follow.start()
    written(knotd, {A1})
    done = follow.run("--dry-run")
    assert not done.stdout and not done.stderr, done
    eventually(lambda: followers(knotd) == 1, what="one is connected")
    knotd.knotc("-b", "zone-freeze", ZONE)
    authority.set(TARGET, a=[A2])
    follow.says("frozen", timeout=20)
    done = follow.run("--dry-run")
    assert f"{A1} -> {A2}" in done.stdout, done
    knotd.knotc("-b", "zone-thaw", ZONE)
    written(knotd, {A2}, timeout=20)
    follow.finish()
    eventually(lambda: followers(knotd) == 0, what="none is connected")
    done = follow.run("--dry-run", "other.example", code=1)
    assert not done.stdout and "other.example" in done.stderr, done
    knotd.stop()
    assert "next: " in follow.run("--dry-run", code=3).stderr


def test_M5_another_host_goes_on_as_in_the_guide(knotd, authority, directory, set_up):
    """From a copy of the journal; what has changed since then is somebody else's, and is adopted."""
    knotd.options["ttl-max"] = 1
    key = set_up()
    authority.set(TARGET, a=[A1])
    follow = Follow(knotd, key=key)
    follow.run("--once")
    copies = [os.path.join(directory, name) for name in ("early", "late")]
    for copy in copies:
        os.mkdir(copy, mode=0o700)
        shutil.copy(os.path.join(follow.journal, "data.mdb"), copy)
    authority.set(TARGET, a=[A2])
    late = Follow(knotd, key=key, journal=copies[1])
    eventually(lambda: written_once(late, knotd, A2), timeout=20, what="the new address")
    early = Follow(knotd, key=key, journal=copies[0])
    authority.set(TARGET, a=[A1])
    eventually(lambda: "somebody else" in early.run("--once", code=(0, 1)).stderr, timeout=20,
               what="it is said that somebody else wrote it")
    eventually(lambda: written_once(early, knotd, A1, "--adopt"), timeout=20,
               what="it goes on with what it has adopted")


def followers(knotd):
    told = kaname("status", "--prometheus", "--summary", "-s", knotd.socket,
                  directory=knotd.directory).stdout
    return int(re.search(r"^aname_followers (\d+)$", told, re.MULTILINE)[1])


def written_once(follow, knotd, address, *arguments):
    follow.run("--once", *arguments, code=(0, 1))
    return stands(knotd)["A"] == {address}
