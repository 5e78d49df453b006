"""What the processes of a test are doing: for the message when one of them is silent."""

import collections
import os


def _read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def _children(pid):
    for task in os.listdir(f"/proc/{pid}/task"):
        for child in _read(f"/proc/{pid}/task/{task}/children").split():
            yield int(child)
            yield from _children(int(child))


def _of(pid):
    """Its threads by what they wait in; R: they run, or would."""
    found = collections.Counter()
    for task in os.listdir(f"/proc/{pid}/task"):
        state = _read(f"/proc/{pid}/task/{task}/stat").rpartition(")")[2].split()[:1]
        where = _read(f"/proc/{pid}/task/{task}/wchan").strip("0\n")
        found[" ".join([*state, where]).strip()] += 1
    threads = ", ".join(f"{count} {what}" for what, count in sorted(found.items()))
    return f"{_read(f'/proc/{pid}/comm').strip()} {pid}: {threads}"


def described():
    """The threads of all processes that this one has started, and how busy the machine is."""
    lines = []
    try:
        lines = [_of(pid) for pid in _children(os.getpid())]
    except OSError:
        lines.append("a process has just ended")
    return "; ".join([*lines, f"load {' '.join(_read('/proc/loadavg').split()[:4])}"])
