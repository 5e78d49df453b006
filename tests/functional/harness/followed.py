"""The request follow of the status socket, spoken line by line."""

import contextlib
import itertools
import os
import socket
import threading
import time

from .wait import eventually, scaled


def fields_of(line):
    """The first word of a line, and its fields."""
    word, *fields = line.split("\t")
    return word, dict(field.split("=", 1) for field in fields if "=" in field)


class Set:
    """The answer to a question."""

    def __init__(self, fields):
        self.fields = fields
        self.token = int(fields["token"])
        self.next = int(fields["next"])
        self.ttl = int(fields["ttl"]) if "ttl" in fields else None
        self.unknown = fields.get("unknown") == "yes"

    def __getattr__(self, name):
        return self.fields.get(name.replace("_", "-"))

    def addresses(self, family="a"):
        """None if the family has another state than addresses."""
        if self.fields.get(f"{family}-state") != "addresses":
            return None
        return set(self.fields[family].split(","))

    def __repr__(self):
        return f"Set({self.fields})"


class Following:
    """One who follows. Lines come in as they are sent, unless it does not read."""

    def __init__(self, knotd, reads=True):
        self.path = os.path.join(knotd.directory, "mod-aname.sock")
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(scaled(30))
        self.lines, self.sets, self.changes, self.losses = [], {}, [], []
        self.order = []
        self.over = threading.Event()
        self._tokens = itertools.count(1)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self.socket.connect(self.path)
        self.send("follow")
        if reads:
            self.read()

    def read(self):
        self._reader.start()
        eventually(lambda: len(self.lines) >= 2, what="the server line")
        assert self.lines[0] == "aname\t1" and self.lines[1].startswith("server\tpid="), self.lines

    def _read(self):
        with contextlib.suppress(OSError), self.socket.makefile(encoding="ascii") as stream:
            for line in stream:
                self._take(line.rstrip("\n"))
        self.over.set()

    def _take(self, line):
        word, fields = fields_of(line)
        if word == "set":
            self.sets[int(fields["token"])] = Set(fields)
            self.order.append(int(fields["token"]))
        elif word == "changed":
            self.changes.append((time.monotonic(), fields["name"]))
        elif word == "lost":
            self.losses.append(int(fields["count"]))
        self.lines.append(line)

    def send(self, text):
        self.socket.sendall(text.encode() + b"\n")

    @staticmethod
    def line(token, zone, targets, owner=None, ttl=300):
        return " ".join(["ask", str(token), zone, owner or zone, str(ttl), *targets])

    def ask(self, zone, *targets, **how):
        """The answer to one question."""
        token = next(self._tokens)
        self.send(self.line(token, zone, targets, **how))
        return eventually(lambda: self.sets.get(token), what=f"the answer to question {token}")

    def until(self, wanted, zone, *targets, timeout=15, **how):
        """Ask until the answer is what is wanted: a function of it."""

        def come():
            got = self.ask(zone, *targets, **how)
            assert wanted(got), f"got {got}"
            return got

        return eventually(come, timeout, step=0.1, what=f"the set of {zone}")

    def changed(self, name, count=1, since=0.0, timeout=15):
        """Wait until it was told so often that a target has changed."""

        def told():
            found = [at for at, other in self.changes if other == f"{name}." and at >= since]
            assert len(found) >= count, f"expected {count} changes of {name}, got {self.changes}"
            return found

        return eventually(told, timeout, what=f"changes of {name}")

    def close(self):
        # Who reads is woken by that.
        with contextlib.suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        if self._reader.ident is not None:
            self._reader.join(scaled(10))
        self.socket.close()
