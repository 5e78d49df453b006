"""Completion of kaname in a real bash and a real zsh: commands, options, zones and targets."""

import os
import re
import subprocess
import time

import pytest
from harness import A1, TARGET, ZONE, aname, raw, scaled
from harness.guide import ROOT
from harness.kaname import KANAME, environment, kaname

COMPLETIONS = os.path.join(ROOT, "completions")
ZSH = os.path.join(os.path.dirname(os.path.abspath(__file__)), "harness", "complete.zsh")
OTHER = "other.example.net"


def run(argv, directory):
    env = environment(directory)
    env["PATH"] = f"{os.path.dirname(KANAME)}:{env['PATH']}"
    env["HOME"] = directory
    # What looks for leaks stops the process, which hangs now and then in a shell on a terminal.
    env["ASAN_OPTIONS"] = ":".join([*filter(None, [env.get("ASAN_OPTIONS")]), "detect_leaks=0"])
    done = subprocess.run(argv, env=env, cwd=directory, capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=scaled(30))
    assert done.returncode == 0 and done.stderr == "", f"{argv}: {done}"
    return done.stdout


def bash(words, directory):
    script = (
        f"source {COMPLETIONS}/kaname.bash\n"
        '[ "$(complete -p kaname)" = "complete -F _kaname kaname" ] || exit\n'
        'COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(stale)\n'
        '_kaname; printf "%s\\n" "${COMPREPLY[@]}"\n'
    )
    told = run(["bash", "-euc", script, "bash", "kaname", *words], directory)
    return set(told.split())


def zsh(words, directory):
    file = os.path.join(directory, "offered")
    if os.path.exists(file):
        os.unlink(file)
    line = " ".join(["kaname", *words])
    run(["zsh", "-f", ZSH, COMPLETIONS, line, file, str(scaled(20))], directory)
    with open(file, encoding="utf-8") as lines:
        found = lines.read().split("\n")
    assert "--end--" in found, f"expected an end, got {found}"
    return {line for line in found if line not in ("", "--end--")}


SHELLS = {"bash": bash, "zsh": zsh}
shells = pytest.mark.parametrize("complete", SHELLS.values(), ids=SHELLS)


def commands():
    told = kaname("--help", directory="/").stdout
    part = told[told.index("Commands:") : told.index("\n\n", told.index("Commands:"))]
    return re.findall(r"^  ([a-z]+) ", part, re.MULTILINE)


def options_of(command):
    told = kaname(command, "--help", directory="/").stdout
    listed = told[told.index("\nOptions:") : told.index("\nExit status:")]
    return set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", listed, re.MULTILINE))


@shells
def test_all_commands_are_offered(directory, complete):
    assert complete([""], directory) == set(commands())
    assert complete(["ref"], directory) == {"refresh"}
    assert "watch" in complete(["help", ""], directory)


@shells
@pytest.mark.parametrize("command", commands())
def test_all_options_of_a_command_are_offered(directory, complete, command):
    wanted = options_of(command)
    assert {one for one in complete([command, "--"], directory) if one.startswith("--")} == wanted


@shells
def test_words_that_a_command_takes(directory, complete):
    assert complete(["force", "cdn.example", ""], directory) == {"up", "down", "auto"}
    if "--type" in options_of("set"):
        assert complete(["set", "--type", ""], directory) == {"ANAME", "ALIAS"}
    with open(os.path.join(directory, "a-file"), "w", encoding="ascii"):
        pass
    assert "a-file" in complete(["zone", "-o", "example.com", "a-"], directory)
    assert "a-file" in complete(["follow", "--key", "a-"], directory)


@shells
def test_zones_and_targets_of_the_server(knotd, authority, directory, complete):
    authority.set(TARGET, a=(A1,))
    knotd.add_zone(ZONE, [aname(TARGET), aname(OTHER, owner="shop"), raw(b"", owner="bad")])
    knotd.add_zone("other.example", [aname(OTHER, owner="*")])
    knotd.start()
    server = ["-s", knotd.socket]
    zones, targets = {f"{ZONE}.", "other.example."}, {f"{TARGET}.", f"{OTHER}."}
    for command in ("get", "status", "check", "watch", "warm", "follow", "set", "unset"):
        assert complete([command, *server, ""], directory) == zones, command
    assert complete(["follow", *server, "--catalog", ""], directory) == zones
    assert complete(["force", *server, ""], directory) == targets
    assert complete(["unset", *server, ZONE, ""], directory) == targets
    assert complete(["refresh", *server, ""], directory) == zones | targets
    assert complete(["list", *server, "oth"], directory) == {"other.example.", f"{OTHER}."}
    for command in ("get", "set", "unset"):
        told = complete([command, *server, ZONE, "--owner", ""], directory)
        assert told == {f"{ZONE}.", f"shop.{ZONE}.", f"bad.{ZONE}."}, command
        assert complete([command, *server, ZONE, "--owner", "sh"], directory) == {f"shop.{ZONE}."}


@shells
def test_where_no_server_is_nothing_is_offered_soon_and_quietly(directory, complete):
    """run() looks at what is said."""
    start = time.monotonic()
    assert complete(["get", "-s", f"{directory}/none.sock", ""], directory) == set()
    assert time.monotonic() - start < scaled(8)
