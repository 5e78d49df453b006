"""What was measured: rows of numbers, the machine they come from, and tables of both."""

import dataclasses
import datetime
import os
import platform
import re
import statistics
import subprocess

NAME_WIDTH, VALUE_WIDTH = 84, 28
# What is asked for its version, and what of its words is the version.
PROGRAMS = {
    "knotd": (["knotd", "-V"], r"version (\S+)"),
    "pdns_server": (["pdns_server", "--version"], r"Server (\S+)"),
    "nsd": (["nsd", "-v"], r"NSD version (\S+)"),
    "unbound": (["unbound", "-V"], r"Version (\S+)"),
    "dnsperf": (["dnsperf", "-h"], r"Version (\S+)"),
    "valgrind": (["valgrind", "--version"], r"valgrind-(\S+)"),
}


class Spread(str):
    """Median and quartiles as text, with the numbers as attributes."""

    def __new__(cls, values, digits=3):
        values = list(values)
        quartiles = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        low, half, high = (f"{value:,.{digits}f}" for value in quartiles)
        text = str.__new__(cls, f"{half} ({low} to {high})" if len(values) > 1 else half)
        text.low, text.median, text.high = quartiles
        return text


@dataclasses.dataclass
class Row:
    """One line: a number with its spread, or a text where there is no number.

    met: whether the bar is met; None without a bar.
    case, server, metric: of one cell of a table that compares servers.
    """

    bench: str
    measured: str
    text: str
    median: float = None
    low: float = None
    high: float = None
    unit: str = ""
    bar: str = ""
    met: bool = None
    case: str = None
    server: str = None
    metric: str = None

    @property
    def verdict(self):
        return {None: "", True: "met", False: "MISSED"}[self.met]

    def line(self):
        value = f"{self.text} {self.unit}".strip()
        bar = f"{self.bar}  {self.verdict}".strip()
        return f"{self.measured:{NAME_WIDTH}} {value:>{VALUE_WIDTH}}   {bar}".rstrip()


def make_row(bench, name, value, bar="", unit="", **cell):
    """value: a Spread, a number, or text, which is a number perhaps."""
    row = Row(bench, name, str(value), unit=unit, bar=bar, **cell)
    if isinstance(value, Spread):
        row.median, row.low, row.high = value.median, value.low, value.high
    else:
        try:
            row.median = float(value)
        except ValueError:
            pass
    row.met = meets(row.median, bar)
    return row


def meets(value, bar):
    """Whether a number meets "<= 1.05", ">= 8" or "0"; None if that is no bar or no number."""
    found = re.match(r"(<=|>=|=|)\s*(\d+(?:\.\d+)?)\b", bar)
    if value is None or not found:
        return None
    limit = float(found.group(2))
    return {"<=": value <= limit, ">=": value >= limit}.get(found.group(1), value == limit)


# The machine.


def _output_of(argv):
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=20)
    except FileNotFoundError:
        return None
    return done.stdout + done.stderr


def _version(argv, pattern):
    found = re.search(pattern, _output_of(argv) or "")
    return found.group(1) if found else None


def _commit():
    here = ["git", "-C", os.path.dirname(os.path.abspath(__file__))]
    commit = (_output_of([*here, "rev-parse", "--short=12", "HEAD"]) or "").strip()
    if not re.fullmatch(r"[0-9a-f]+", commit):
        return None
    changed = _output_of([*here, "status", "--porcelain", "--untracked-files=no"])
    return commit + (" with changes" if changed else "")


def _cpu_model():
    with open("/proc/cpuinfo", encoding="utf-8") as info:
        found = re.search(r"^model name\s*: (.*)$", info.read(), re.MULTILINE)
    return found.group(1) if found else platform.machine()


def machine():
    """What a reader of the numbers has to know."""
    return {
        "date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": _commit(),
        "cpu": _cpu_model(),
        "processors": os.cpu_count(),
        "memory_mib": os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") >> 20,
        "kernel": platform.release(),
        # Not the benchmark's own: how quiet the machine was before.
        "load_average_before": os.getloadavg()[0],
        "versions": {name: _version(*how) for name, how in PROGRAMS.items()},
    }


def machine_text(facts):
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items()
                         if version)
    return (f"{facts['cpu']}, {facts['processors']} processors, {facts['memory_mib']} MiB, Linux"
            f" {facts['kernel']}; {versions}; {facts['date']},"
            f" commit {facts['commit'] or 'unknown'};"
            f" load average before: {facts['load_average_before']:.2f}"
            + ("; a quick run" if facts.get("quick") else ""))


# Markdown.


def markdown(facts, rows):
    """Two tables: servers side by side, and the rest."""
    parts = [machine_text(facts)]
    cells = [row for row in rows if row.metric]
    if cells:
        parts.append(_cells(cells))
    rest = [row for row in rows if not row.metric]
    if rest:
        lines = ["| what | measured | quartiles | bar | | by |", "|---|---|---|---|---|---|"]
        lines += [_line(row) for row in rest]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _line(row):
    value, _, spread = row.text.partition(" (")
    if row.low is None:
        value, spread = row.text, ""
    return (f"| {row.measured.strip()} | {value} {row.unit}".rstrip()
            + f" | {spread.rstrip(')')} | {row.bar} | {row.verdict} | `{row.bench}` |")


def _cells(rows):
    metrics = list(dict.fromkeys(row.metric for row in rows))
    units = {row.metric: row.unit for row in rows}
    table = {}
    for row in rows:
        table.setdefault((row.case, row.server), {})[row.metric] = row.text.partition(" (")[0]
    heads = [f"{metric}, {units[metric]}".rstrip(", ") for metric in metrics]
    lines = ["| case | server | " + " | ".join(heads) + " |", "|---" * (len(heads) + 2) + "|"]
    lines += [f"| {case} | {server} | " + " | ".join(found.get(one, "") for one in metrics) + " |"
              for (case, server), found in table.items()]
    return "\n".join(lines)
