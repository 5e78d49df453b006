"""knotd behind XDP: it has one end of a veth pair, and clients have the other end, in a network
namespace of their own. What they send comes to the kernel's sockets only if XDP lets it through.
"""

import contextlib
import os
import re
import socket
import subprocess

import pytest

from . import namespace, transports
from .process import Ended
from .wait import scaled

INSIDE, OUTSIDE = "aname0", "aname1"
ADDRESSES = {4: "10.9.0.1", 6: "fd00:9::1"}
CLIENTS = {4: "10.9.0.2", 6: "fd00:9::2"}
PORT, QUIC_PORT = 5300, transports.PORT
AF_XDP = 44
# What knotd's log says where the kernel cannot do it, or this process may not.
CANNOT = r"failed to initialize XDP interface.*\((.*not permitted|.*not supported|not impl.*)"


def _ip(*arguments):
    done = subprocess.run(["ip", *arguments], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else f"ip {' '.join(arguments)}: {done.stderr.strip()}"


class Link:
    """The pair. Made before knotd starts, and taken away after it."""

    def __init__(self):
        self._here = namespace.current()
        self._there = namespace.another()

    def make(self):
        """What is wrong, if it cannot be made."""
        path = f"/proc/{os.getpid()}/fd/{self._there}"
        wrong = _ip("link", "add", INSIDE, "type", "veth", "peer", "name", OUTSIDE, "netns", path)
        if wrong:
            return wrong
        for name, addresses, where in (
            (INSIDE, ADDRESSES, contextlib.nullcontext), (OUTSIDE, CLIENTS, self.outside),
        ):
            with where():
                for version, length in ((4, "24"), (6, "64")):
                    address = f"{addresses[version]}/{length}"
                    wrong = wrong or _ip("addr", "add", address, "dev", name,
                                         *(["nodad"] if version == 6 else []))
                wrong = wrong or _ip("link", "set", name, "up")
        return wrong

    @contextlib.contextmanager
    def outside(self):
        """In here this thread is where clients are, with sockets and processes that it makes."""
        namespace.enter(self._there)
        try:
            yield
        finally:
            namespace.enter(self._here)

    def remove(self):
        _ip("link", "del", INSIDE)
        os.close(self._there)
        os.close(self._here)


def made():
    """A Link, unless the kernel cannot have XDP or the pair."""
    try:
        socket.socket(AF_XDP, socket.SOCK_RAW).close()
    except OSError as error:
        pytest.skip(f"socket(AF_XDP): {error}")
    link = Link()
    wrong = link.make()
    if wrong:
        link.remove()
        pytest.skip(wrong)
    return link


def listen(knotd, **options):
    """Have knotd listen there by XDP, and by the kernel for what is not among the options."""
    at = [f"{address}@{PORT}" for address in ADDRESSES.values()]
    knotd.server["listen"] = [f"127.0.0.1@{PORT}", *at]
    lines = "".join(f"    {key}: {value}\n" for key, value in options.items())
    knotd.sections.append(f"xdp:\n    listen: {INSIDE}@{PORT}\n{lines}")


def start(knotd):
    """Start it, unless the system does not let it have XDP."""
    try:
        knotd.start()
    except (Ended, AssertionError):
        found = re.search(CANNOT, knotd.log_text() + knotd.text(), re.IGNORECASE)
        if found:
            knotd.kill()
            knotd.process = None
            pytest.skip(found[0])
        raise
    assert knotd.log_lines("initialized XDP interface"), knotd.log_text()


def kxdpgun(link, directory, questions, seconds, rate, *arguments):
    """Asks from the other end by XDP, too; its own summary."""
    path = os.path.join(directory, "questions")
    with open(path, "w", encoding="ascii") as file:
        file.writelines(f"{name}. {rdtype}\n" for name, rdtype in questions)
    with link.outside():
        done = subprocess.run(
            ["kxdpgun", "-t", str(seconds), "-Q", str(rate), "-I", OUTSIDE, "-i", path, "-p",
             str(PORT), *arguments, ADDRESSES[4]],
            capture_output=True, text=True, check=False, timeout=scaled(seconds + 20),
        )
    assert done.returncode == 0, f"kxdpgun ended with {done.returncode}: {done.stderr}"
    return done.stdout


def summary(text):
    """(queries, replies, {rcode: replies}) of what kxdpgun says."""
    def number(pattern):
        found = re.search(pattern, text)
        assert found, f"expected {pattern}, got {text}"
        return int(found[1])

    rcodes = {code: int(count) for code, count in re.findall(r"responded (\w+): +(\d+)", text)}
    asked = number(r"total (?:queries|established): +(\d+)")
    return asked, number(r"total replies: +(\d+)"), rcodes
