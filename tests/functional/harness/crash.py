"""kill -9 at moments by chance, and what is then in the state file."""

import glob
import os
import random
import time

from . import state
from .wait import eventually

# It is about then.
ABOUT_S = 0.15


class Crashes:
    """Of a knotd, again and again; what is wrong raises an AssertionError.

    ask: asks once for something that was known before; "fresh" or "stale" if that is what came,
    None if nothing came. It saves every `interval` seconds: half of the moments are about those at
    which it does.
    """

    def __init__(self, knotd, path, ask, seed, interval=1.0):
        self.knotd, self.path, self.ask = knotd, path, ask
        self.chance = random.Random(seed)
        self.interval = interval
        self.log_at = 0
        self.beside = set()
        self.rounds = self.writing = self.changed = 0
        self.longest_start = 0.0
        self.last = state.read(path)

    def round(self, longest, meanwhile=time.sleep):
        """Starts it, and kills it within so many seconds, when it has answered."""
        begun = time.monotonic()
        super(type(self.knotd), self.knotd).start()
        kind = eventually(self.answer, timeout=30, step=0.005, what="knotd answers")
        assert kind in ("fresh", "stale"), f"round {self.rounds}: the first answer is {kind}"
        self.longest_start = max(self.longest_start, time.monotonic() - begun)
        self.check_log()
        meanwhile(max(0.0, begun + self.moment(longest) - time.monotonic()))
        self.knotd.require()
        self.knotd.kill()
        self.rounds += 1
        self.check_file()

    def moment(self, longest):
        """Seconds from its start."""
        if self.chance.random() < 0.5:
            return self.chance.uniform(0, longest)
        save = self.chance.randint(1, max(1, int(longest / self.interval)))
        return save * self.interval + self.chance.uniform(-ABOUT_S / 3, ABOUT_S)

    def answer(self):
        self.knotd.require()
        return self.ask()

    def check_log(self):
        """Nothing is said of the file but that it was read."""
        with open(self.knotd.log, encoding="utf-8", errors="replace") as log:
            log.seek(self.log_at)
            lines = log.read().splitlines()
            self.log_at = log.tell()
        bad = [line for line in lines
               if ("warning:" in line or "error:" in line or "damaged" in line)
               and os.path.basename(self.path) in line]
        assert not bad, f"round {self.rounds}: {bad}"

    def check_file(self):
        """It is whole, and no older than the one before."""
        with open(self.path, "rb") as file:
            found = state.head(file.read())
        assert found.wall_ms >= self.last.wall_ms, (
            f"round {self.rounds}: the file is older than the one before")
        self.changed += found.wall_ms > self.last.wall_ms
        self.last = found
        beside = {(path, os.stat(path).st_mtime_ns)
                  for path in glob.glob(glob.escape(self.path) + "?*")}
        # What was being written when the process ended; what is left of a round before is not.
        self.writing += bool(beside - self.beside)
        self.beside = beside
        assert not any(path.endswith(".unread") for path, _ in beside), (
            f"round {self.rounds}: the file before could not be read")
        assert len(beside) <= 1, f"round {self.rounds}: these are left: {sorted(beside)}"
