"""What kaname says of its commands: each option that a command takes is in its help, in kaname(1),
and in the completions of the shells."""

import os
import re

import pytest
from harness.guide import text_of
from harness.kaname import BUILD, kaname


def commands():
    told = kaname("--help", directory="/").stdout
    part = told[told.index("Commands:") : told.index("\n\n", told.index("Commands:"))]
    return re.findall(r"^  ([a-z]+) ", part, re.MULTILINE)


def all_options():
    """{long form: does it take a value?}, as the source has them."""
    text = text_of("tools", "commands.c")
    table = text[text.index("kaname_options[]") : text.index("kaname_options_count")]
    rows = re.findall(r"\{ '\w',\s+(?:true|false),\s+\"([a-z-]+)\",\s+(NULL|\")", table)
    found = {name: value != "NULL" for name, value in rows}
    assert {"ttl": True, "json": False, "help": False}.items() <= found.items(), found
    return found


def options_of(command):
    """Those that the command itself takes: with too many arguments it does nothing with them."""
    taken = set()
    for name, has_value in all_options().items():
        if name in ("help", "version"):
            continue
        option = [f"--{name}"] + (["1"] if has_value else [])
        done = kaname(command, *option, *["x"] * 1100, directory="/", code=2)
        refused = f"does not take the option --{name}" in done.stderr
        assert refused or f"usage: kaname {command}" in done.stderr, done.stderr
        if not refused:
            taken.add(f"--{name}")
    return taken


def help_of(command):
    return kaname(command, "--help", directory="/").stdout


def page_of(command):
    """The words of a command in kaname(1): its line in the synopsis and its part."""
    with open(os.path.join(BUILD, "doc", "kaname.1"), encoding="utf-8") as file:
        page = file.read().replace("\\-", "-").replace("\\fI", "").replace("\\fR", "")
    synopsis = [part for part in page.split(".SY kaname\n")[1:] if part.startswith(f".B {command}\n")]
    assert synopsis, f"{command} is not in the synopsis of kaname(1)"
    return page, synopsis[0][: synopsis[0].index(".YS")]


@pytest.mark.parametrize("command", commands())
def test_the_help_of_a_command_has_all_that_it_takes(command):
    told = help_of(command)
    assert told == kaname("help", command, directory="/").stdout
    assert told.startswith(f"Usage: kaname {command}")
    parts = re.findall(r"^([A-Z][a-z ]+):$", told, re.MULTILINE)
    assert parts in (["Arguments", "Options", "Exit status", "Examples"],
                     ["Options", "Exit status", "Examples"]), parts
    listed = told[told.index("\nOptions:") : told.index("\nExit status:")]
    found = set(re.findall(r"^  (?:-\w, )?(--[a-z-]+)", listed, re.MULTILINE))
    taken = options_of(command)
    assert found == taken | {"--help"}, f"{command}: takes {taken}, its help has {found}"
    for line in told.splitlines():
        assert len(line) <= 80, line
    examples = told[told.index("\nExamples:") :].splitlines()[2:]
    assert examples and all(f"kaname {command}" in line for line in examples), examples


@pytest.mark.parametrize("command", commands())
def test_kaname_1_has_all_that_a_command_takes(command):
    page, synopsis = page_of(command)
    common = {"--socket", "--timeout", "--status-socket"}
    short = {"--origin": "-o", "--reverse": "-r"}
    for option in options_of(command):
        assert re.search(rf"^\.\w+ .*{option}\b", page, re.MULTILINE), f"{option}: not explained"
        if option not in common:
            assert re.search(rf"(?<![-\w])({option}|{short.get(option, option)})\b", synopsis), (
                f"{command} takes {option}, and its synopsis has: {synopsis}"
            )


def test_the_summary_is_short_and_points_to_the_rest():
    told = kaname("--help", directory="/").stdout
    assert told == kaname("help", directory="/").stdout
    assert len(told.splitlines()) < 40 and "kaname COMMAND --help" in told
    assert max(map(len, told.splitlines())) <= 84


def test_options_and_help_may_stand_anywhere():
    assert kaname("--help", "set", directory="/").stdout == help_of("set")
    assert kaname("set", "--ttl", "5", "--help", "x", directory="/").stdout == help_of("set")
    assert kaname("help", "nonsense", directory="/", code=2).stdout == ""
    assert "there is no command" in kaname("nonsense", "--help", directory="/", code=2).stderr
    told = kaname("set", directory="/", code=2).stderr
    assert "see kaname set --help" in told


def test_the_time_out_is_said_as_it_is_for_each_command():
    assert "(60s)" in help_of("set") and "(10s)" in kaname("--help", directory="/").stdout
    assert "(30s)" in help_of("warm") and "(10s)" in help_of("get")

