"""What the Debian package says when it is removed, where knot.conf is not as usual."""

import os
import subprocess

import pytest
from harness import namespace, scaled
from harness.guide import ROOT

PRERM = os.path.join(ROOT, "debian", "knot-module-aname.prerm")
PLACE = "/etc/knot"
NAMING = "zone:\n  - domain: example.com\n    module: mod-aname\n"
BROKEN = "include: not-there.conf\n"


@pytest.fixture
def removed(directory):
    """Writes files below /etc/knot, and runs it where knotc cannot read them as a whole."""
    namespace.mount_tmpfs(PLACE, "4m")
    with open(os.path.join(directory, "knotc"), "w", encoding="ascii") as knotc:
        knotc.write("#!/bin/sh\necho 'error: cannot be read' >&2\nexit 1\n")
    os.chmod(knotc.name, 0o755)

    def run(files):
        for name, text in files.items():
            path = os.path.join(PLACE, name)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "wb") as file:
                file.write(text if isinstance(text, bytes) else text.encode())
        done = subprocess.run(
            ["sh", PRERM, "remove"], capture_output=True, text=True, check=False,
            env=dict(os.environ, PATH=f"{directory}:{os.environ['PATH']}"), timeout=scaled(30))
        assert done.returncode == 0, f"expected that nothing keeps the module: {done}"
        return done.stdout + done.stderr

    yield run
    namespace.put_back(PLACE)


@pytest.mark.parametrize("name", ["zones.conf", "a directory/all zones.conf", "a'b\"$(c).conf"])
def test_it_warns_whatever_the_files_are_called(removed, name):
    told = removed({"knot.conf": BROKEN, name: NAMING})
    assert "still names mod-aname" in told and f"{PLACE}/{name}:3:" in told
    assert "No such file" not in told, told


def test_it_warns_where_a_file_is_a_link(removed, directory):
    elsewhere = os.path.join(directory, "knot.conf")
    with open(elsewhere, "w", encoding="ascii") as file:
        file.write(NAMING)
    os.symlink(elsewhere, f"{PLACE}/knot.conf")
    os.symlink("loop.conf", f"{PLACE}/loop.conf")
    os.mkfifo(f"{PLACE}/pipe.conf")
    told = removed({})
    assert "still names mod-aname" in told and f"{PLACE}/knot.conf:3:" in told


@pytest.mark.parametrize("argument", ["-c {}", "-c{}", "--config {}", "--config={}"])
def test_it_warns_where_the_file_is_elsewhere(removed, directory, argument):
    path = os.path.join(directory, "elsewhere.conf")
    with open(path, "w", encoding="ascii") as file:
        file.write(NAMING)
    namespace.replace("/etc/default/knot", f'KNOTD_ARGS="-v {argument.format(path)}"\n')
    try:
        told = removed({"knot.conf": "server:\n"})
    finally:
        namespace.put_back("/etc/default/knot")
    assert "still names mod-aname" in told and f"{path}:3:" in told


def test_a_file_of_settings_that_is_no_script_keeps_nothing(removed):
    namespace.replace("/etc/default/knot", "KNOTD_ARGS=(\n")
    try:
        told = removed({"knot.conf": NAMING})
    finally:
        namespace.put_back("/etc/default/knot")
    assert "still names mod-aname" in told and "yntax error" not in told


@pytest.mark.parametrize(
    "text", ["# mod-aname\n", b"\0\xff\xfe" * 1000, ""], ids=["comment", "no text", "empty"])
def test_it_says_nothing_without_need(removed, text):
    assert removed({"knot.conf": text}) == ""


def test_it_warns_beside_what_is_no_text(removed):
    assert "still names mod-aname" in removed({"a.conf": b"\0\xff\xfe\n" * 1000, "b.conf": NAMING})


def test_it_tells_of_addresses_that_stay(removed):
    """Where kaname follow has a journal it has written something, most likely."""
    assert "kaname follow" not in removed({"knot.conf": ""})
    namespace.mount_tmpfs("/var/lib", "4m")
    try:
        os.mkdir("/var/lib/kaname-follow")
        with open("/var/lib/kaname-follow/data.mdb", "wb"):
            pass
        told = removed({"knot.conf": ""})
    finally:
        namespace.put_back("/var/lib")
    assert "kaname follow has written stay" in told, told
    for command in ("knotc zone-unset ZONE @ A;", "knotc zone-unset ZONE @ AAAA\n", "kaname unset ZONE"):
        assert command in told, told
    assert "/usr/share/doc" not in told, "that goes with the package"
    assert "still names mod-aname" not in told, told
