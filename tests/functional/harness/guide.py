"""The commands that stand in the guides, run as they stand there."""

import os
import re
import subprocess

from .kaname import KANAME, environment
from .wait import scaled

ROOT = os.path.abspath(__file__)
for _ in range(4):
    ROOT = os.path.dirname(ROOT)


def text_of(*path):
    """A file of the project's tree."""
    with open(os.path.join(ROOT, *path), encoding="utf-8") as file:
        return file.read()


def commands(guide, name):
    """The block of commands, or lines of a configuration, of that name in doc/GUIDE.md."""
    text = text_of("doc", f"{guide}.md")
    found = re.findall(rf"<!-- test: {name} -->\n *```\w+\n(.*?)\n *```", text, re.DOTALL)
    assert len(found) == 1, f"expected one block of commands for {name}, got {found}"
    return found[0]


def run(guide, name, directory, *, good=True, **variables):
    """Run them there; programs in that directory go first. Returns what they wrote."""
    path = f"{directory}:{os.path.dirname(KANAME)}:{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands(guide, name)],
        cwd=directory, env={**environment(directory), "PATH": path, **variables},
        capture_output=True, text=True, check=False, timeout=scaled(30),
    )
    assert (done.returncode == 0) == good, f"{name}: {done.returncode} {done.stdout}{done.stderr}"
    return done.stdout + done.stderr
