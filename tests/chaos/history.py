"""What was so, and when: what the judge compares replies with.

A change takes a moment, in which both what was and what will be counts. All times are those of
time.monotonic().
"""

import contextlib
import math
import threading
import time


class Timeline:
    """The values that one thing had, each with the time from when and until when it may be seen."""

    def __init__(self, value):
        self._lock = threading.Lock()
        self._spans = [[-math.inf, math.inf, value]]

    @contextlib.contextmanager
    def change(self, value):
        """Around what makes the change; if that fails nobody knows which of both counts."""
        with self._lock:
            before = self._spans[-1]
            self._spans.append([time.monotonic(), math.inf, value])
        yield
        with self._lock:
            before[1] = time.monotonic()

    def put(self, value, since, until=math.inf):
        """It has this value from then on, whatever it had after that; for tests of the judge."""
        with self._lock:
            for span in self._spans:
                span[1] = min(span[1], since)
            self._spans.append([since, until, value])

    def within(self, since, until):
        """The values that could be seen at some moment between these, oldest first."""
        with self._lock:
            return [value for begin, end, value in self._spans if begin <= until and end >= since]

    @property
    def now(self):
        with self._lock:
            return self._spans[-1][2]

    def __len__(self):
        return len(self._spans)


class Spells:
    """When things were not as they ought to be, by scope: a server, a target, a zone.

    One that has begun lasts until it is ended.
    """

    def __init__(self):
        self._lock = threading.Lock()
        self._spells = {}

    def begin(self, scope, earlier=0.0):
        """earlier: so many seconds before now it had begun already; returns what end() takes."""
        spell = [time.monotonic() - earlier, math.inf]
        with self._lock:
            self._spells.setdefault(scope, []).append(spell)
        return spell

    @staticmethod
    def end(spell):
        spell[1] = time.monotonic()

    @contextlib.contextmanager
    def during(self, scope, earlier=0.0):
        spell = self.begin(scope, earlier)
        try:
            yield
        finally:
            self.end(spell)

    def put(self, scope, begin, end=math.inf):
        with self._lock:
            self._spells.setdefault(scope, []).append([begin, end])

    def of(self, scopes):
        with self._lock:
            return sorted(tuple(spell) for scope in scopes for spell in self._spells.get(scope, ()))

    def touch(self, scopes, since, until):
        """Whether there was one at some moment between these."""
        return any(begin <= until and end >= since for begin, end in self.of(scopes))

    def horizon(self, scopes, since, until, fresh, recovery):
        """How far back an answer may be from that is given until then.

        Without any spell it is `since`. What was learnt before a spell may be served as long as it
        lasts, and `recovery` seconds longer; it may be `fresh` seconds older than the spell.
        """
        spells = [(begin, end) for begin, end in self.of(scopes) if begin <= until]
        moved = True
        while moved:
            moved = False
            for begin, end in spells:
                if end + recovery >= since > begin - fresh:
                    since, moved = begin - fresh, True
        return since


class Stalls:
    """When this machine had no time for us: servers beside us had none, either."""

    STEP_S, NOTED_S = 0.05, 0.1
    # Lookups may fail for want of time.
    FAILING_S = 0.5

    def __init__(self, spells):
        self._lock = threading.Lock()
        self._spells = spells
        self._found = []

    def start(self):
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self):
        before = time.monotonic()
        while True:
            time.sleep(self.STEP_S)
            now = time.monotonic()
            if now - before - self.STEP_S > self.NOTED_S:
                with self._lock:
                    self._found.append((before, now))
            if now - before > self.FAILING_S:
                self._spells.put("stall", before, now)
            before = now

    def worst(self, since, until):
        """The sum of the three longest between these, in seconds."""
        with self._lock:
            found = [end - begin for begin, end in self._found if begin <= until and end >= since]
        return sum(sorted(found)[-3:])


class Journal:
    """What happened, for the report of a violation, and how often each kind did."""

    def __init__(self):
        self.start = time.monotonic()
        self._lock = threading.Lock()
        self._lines = []
        self.counts = {}
        self.failures = []

    def note(self, text):
        with self._lock:
            self._lines.append((time.monotonic(), text))

    def count(self, kind):
        with self._lock:
            self.counts[kind] = self.counts.get(kind, 0) + 1

    def last(self, until, seconds=30.0):
        """Its lines of so many seconds before."""
        with self._lock:
            return [f"{when - self.start:8.3f} {text}" for when, text in self._lines
                    if until - seconds <= when <= until]
