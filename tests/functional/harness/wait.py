"""Waiting for something to become true, bounded, without a fixed sleep."""

import os
import time

# Sanitizers make everything slower: tests/run sets the factor for those runs.
SLOW = float(os.environ.get("ANAME_SLOW", "1"))
# "At once", on a machine that may be busy; far below what a client's time-out costs.
PROMPT = 3.0 * SLOW


# What runs on a processor when tests/run has it for itself: its workers, see there.
USUAL_LOAD = 6


def crowded():
    """How much longer than usual everything may take at this moment, since others need the machine."""
    try:
        load = os.getloadavg()[0]
    except OSError:
        return 1.0
    return min(max(load / (USUAL_LOAD * os.cpu_count()), 1.0), 5.0)


def scaled(seconds):
    """A limit on how long something may take, scaled for a slow build."""
    return seconds * SLOW


def in_time(start, timeout):
    """Is what began at start, by time.monotonic(), to be done within timeout, and may it still be?

    It may take longer while the machine is crowded: that is no one's fault here.
    """
    return time.monotonic() - start < scaled(timeout) * crowded()


def eventually(attempt, timeout=10.0, step=0.02, what=None):
    """Call attempt() until it returns something true, and return that.

    How long that may take is as in_time() has it. An AssertionError raised by attempt() counts as
    "not yet"; the last one is what the test fails with, so that it says what was expected and what
    came.
    """
    start = time.monotonic()
    while True:
        last = None
        try:
            result = attempt()
            if result:
                return result
        except AssertionError as error:
            last = error
        if not in_time(start, timeout):
            description = what or getattr(attempt, "__name__", "condition")
            raise AssertionError(
                f"not within {time.monotonic() - start:.1f} s: {description}"
                + (f"; the last attempt said: {last}" if last else f"; the last value: {result!r}")
            )
        time.sleep(step)


def during(seconds, step=0.05):
    """Yield the elapsed time again and again until so many seconds have passed."""
    start = time.monotonic()
    while (elapsed := time.monotonic() - start) < seconds:
        yield elapsed
        time.sleep(step)


def let_pass(seconds):
    """Let a lifetime pass (never a way to wait for readiness)."""
    time.sleep(seconds)
