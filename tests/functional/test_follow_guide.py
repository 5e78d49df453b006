"""kaname follow is set up as the operator's guide has it, and taken back."""

import os
import stat

import pytest
from harness import A1, A2, AAAA1, TARGET, ZONE, aname, guide
from harness.authority import ADDRESS
from harness.follow import Follow, stands, written
from harness.kaname import KANAME


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
