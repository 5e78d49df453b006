"""The part of `kaname follow` that asks the module (told_client.c), and a module that is played."""

import contextlib
import os
import socket
import subprocess
import threading

import pytest

from .kaname import BUILD, environment
from .wait import eventually, scaled

PROGRAM = os.path.join(BUILD, "tests", "told_client")
FORMAT = "aname\t1\n"
SERVER = "server\tpid=1\tversion=0\ttargets=0\n"
# What both families of a set look like where none counts.
NOTHING = "a-state=nodata\taaaa-state=nodata"


def fields(line):
    """(word, {key: value}) of a line with tabs."""
    word, *rest = line.split("\t")
    return word, dict(field.split("=", 1) for field in rest)


class Client:
    """A running client; what it is told comes in as it prints it."""

    def __init__(self, directory, path, *arguments):
        assert os.path.exists(PROGRAM), f"{PROGRAM} is not there: build it"
        self.process = subprocess.Popen(
            [PROGRAM, path, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, env=environment(directory), text=True,
        )
        self.events = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.events.append(line.rstrip("\n"))

    def tell(self, line):
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def of(self, word):
        return [fields(line)[1] for line in list(self.events) if fields(line)[0] == word]

    def wait(self, word, count=1, timeout=10.0):
        """The count-th event of this kind."""

        def come():
            found = self.of(word)
            assert len(found) >= count, f"expected {count} {word}, got {self.events[-20:]}"
            return found[count - 1 :]

        return eventually(come, timeout, what=f"{word}, number {count}")[0]

    def end(self):
        """Close it by the end of its input, and expect a good end."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        return self.ended()

    def ended(self):
        code = self.process.wait(scaled(10))
        self._reader.join(scaled(10))
        self.process.stdout.close()
        faults = [line for line in self.events if line.startswith("FAULT")]
        good = code == 0 and not faults and self.events[-1:] == ["end"]
        assert good, (code, faults[:5], self.events[-5:])
        return self.events

    def stop(self):
        """Whatever happened, it is not there any more."""
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


class Peer:
    """One connection of the client, with the module's side in hand."""

    def __init__(self, connection):
        self.connection = connection
        self.connection.settimeout(scaled(10))
        self.text = b""

    def line(self):
        """The next line of the client; None at its end."""
        while b"\n" not in self.text:
            got = self.connection.recv(1 << 16)
            if got == b"":
                return None
            self.text += got
        line, _, self.text = self.text.partition(b"\n")
        return line.decode()

    def send(self, text):
        self.connection.sendall(text if isinstance(text, bytes) else text.encode())

    def greet(self):
        assert self.line() == "follow"
        self.send(FORMAT + SERVER)

    def close(self):
        self.connection.close()


class Played:
    """A status socket without a module behind it."""

    def __init__(self, directory):
        self.path = os.path.join(directory, "played.sock")
        self.listener = None
        self.peers = []
        self.listen()

    def listen(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(8)
        self.listener.settimeout(scaled(15))

    def accept(self, greet=True):
        connection, _ = self.listener.accept()
        self.peers.append(Peer(connection))
        if greet:
            self.peers[-1].greet()
        return self.peers[-1]

    def away(self):
        """Nobody listens, and the socket is gone."""
        self.listener.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)

    def stop(self):
        self.away()
        for peer in self.peers:
            peer.close()


@pytest.fixture
def module(directory):
    """A module that is played."""
    played = Played(directory)
    yield played
    played.stop()
