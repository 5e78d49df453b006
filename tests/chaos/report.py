"""What a run found: violations as they happen, and the tables at the end."""

import collections
import threading
import time
import traceback

SHOWN = 20


class Report:
    """Every method may be called by any thread."""

    def __init__(self, seed, journal, out=print):
        self.seed, self.journal, self.out = seed, journal, out
        self._lock = threading.Lock()
        self.violations = collections.Counter()
        self.problems = []

    def violation(self, question, reply, wrong, when):
        """One reply that may not be."""
        with self._lock:
            self.violations[wrong.invariant] += 1
            if sum(self.violations.values()) > SHOWN:
                return
            events = "\n".join(f"    {line}" for line in self.journal.last(when))
            text = str(reply).replace("\n", "\n    ") if reply is not None else "none"
            self.out(f"VIOLATION {wrong.invariant}, seed {self.seed},"
                     f" {when - self.journal.start:.3f} s after the start\n"
                     f"  query: {question}\n  reply: {text}\n  expected: {wrong.expected}\n"
                     f"  events of the last 30 s:\n{events}", flush=True)

    def wrong(self, invariant, text):
        """One that is of no single reply."""
        with self._lock:
            self.violations[invariant] += 1
            self.out(f"VIOLATION {invariant}, seed {self.seed},"
                     f" {time.monotonic() - self.journal.start:.3f} s after the start\n"
                     f"  {text}", flush=True)

    def broken(self, what, error):
        """The run itself does not work."""
        with self._lock:
            self.problems.append(f"{what}: {error!r}")
            if len(self.problems) <= 5:
                self.out(f"PROBLEM with {what}: "
                         + "".join(traceback.format_exception(error)).rstrip(), flush=True)

    # At the end.

    def tables(self, asked, kinds):
        """The text of what was asked, what happened and what was wrong."""
        lines = ["", "queries          NOERROR NXDOMAIN SERVFAIL  REFUSED truncated unanswered"]
        columns = ("NOERROR", "NXDOMAIN", "SERVFAIL", "REFUSED", "truncated", "unanswered")
        for kind in sorted({kind for kind, _ in asked}):
            lines.append(f"{kind:16}" + "".join(
                f"{asked[kind, column]:>{max(len(column), 7) + 1}}" for column in columns))
        lines.append(f"{'in all':16} {sum(asked.values())}")
        lines += ["", "events"]
        lines += [f"{kind:24}{self.journal.counts.get(kind, 0):6}" for kind in kinds]
        lines += ["", "violations"]
        lines += [f"{kind:24}{count:6}" for kind, count in sorted(self.violations.items())]
        lines += [] if self.violations else ["none"]
        lines += [f"problem: {one}" for one in self.problems[:10]]
        return "\n".join(lines)

    def missing(self, asked, kinds, questions, minutes):
        """What did not happen that has to, in a run of that length."""
        answered = {kind for kind, what in asked if what in ("NOERROR", "NXDOMAIN")}
        lacking = [f"no query of kind {kind} was answered" for kind in questions
                   if kind not in answered]
        if minutes >= 3:
            lacking += [f"event {kind} did not happen" for kind in kinds
                        if not self.journal.counts.get(kind)]
        return lacking
