"""How many of the module's functions a warm query passes: what a reader has to follow.

The module is built with -Og -fno-inline for it, so that every function is one; callgrind tells
which are called for each query, and which lines are run. A macro with arguments on such a line is
a function in other clothes, and counts. What is called now and then only, as the numbers that are
brought up to date once a second, does not.
"""

import collections
import os
import re
import subprocess

import instructions
import measure
from measure import question

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "../.."))
SOURCES = os.path.join(ROOT, "module")
QUERIES = 200
MOST = 35


def sources():
    for directory, _, names in os.walk(SOURCES):
        for name in names:
            if name.endswith((".c", ".h")):
                yield os.path.join(directory, name)


def macros():
    """Names of the macros with arguments, and a check that nothing is inlined all the same."""
    found = set()
    for path in sources():
        with open(path, encoding="utf-8") as file:
            text = file.read()
        assert "always_inline" not in text, f"{path} has functions that cannot be counted"
        found.update(re.findall(r"^[ \t]*#[ \t]*define[ \t]+(\w+)\(", text, re.MULTILINE))
    return found


def build():
    """The module without inlining; where it is."""
    directory = os.path.join(ROOT, "build/functions")
    log = open(os.path.join(ROOT, "build/logs/bench.log"), "ab")  # pylint: disable=consider-using-with
    with log:
        if not os.path.isdir(directory):
            subprocess.run(["meson", "setup", directory, "--optimization=g", "-Ddebug=true",
                            "-Dc_args=-fno-inline", "-Dtests=disabled"],
                           cwd=ROOT, check=True, stdout=log, stderr=log)
        subprocess.run(["ninja", "-C", directory, "module/aname.so"], check=True, stdout=log,
                       stderr=log)
    return os.path.join(directory, "module/aname.so")


class Passed:
    """The functions of the module that are called at least once for each query, from what callgrind
    wrote, and the macros on the lines that are run in them."""

    def __init__(self, path, queries):
        names = {"fn": {}, "file": {}, "object": {}}
        calls, sources, lines = collections.Counter(), {}, collections.defaultdict(set)
        at = {"ob": "", "fl": "", "fn": "", "fi": ""}
        called, after_calls = "", False

        def expand(kind, text):
            # A name stands there once, and later its number alone.
            number, name = re.match(r"(\(\d+\))(?: (.*))?$", text).groups()
            if name:
                names[kind][number] = name
            return names[kind][number]

        with open(path, encoding="utf-8") as dump:
            for line in dump:
                key, _, text = line.rstrip("\n").partition("=")
                if key in ("ob", "cob"):
                    name = expand("object", text)
                    if key == "ob":
                        at["ob"] = name
                elif key in ("fl", "fi", "fe", "cfi", "cfl"):
                    name = expand("file", text)
                    if key == "fl":
                        at["fl"] = at["fi"] = name
                    elif key in ("fi", "fe"):
                        at["fi"] = name
                elif key == "fn":
                    at["fn"] = expand("fn", text).split("'")[0]
                    at["fi"] = at["fl"]
                    if at["ob"].endswith("/aname.so"):
                        sources[at["fn"]] = os.path.realpath(at["fl"])
                elif key == "cfn":
                    called = expand("fn", text).split("'")[0]
                elif key == "calls":
                    calls[called] += int(text.split()[0])
                    after_calls = True
                elif line[0].isdigit() and not after_calls:
                    if at["ob"].endswith("/aname.so"):
                        lines[at["fn"]].add((os.path.realpath(at["fi"]), int(line.split()[0])))
                else:
                    after_calls = False
        self.functions = sorted((source[len(SOURCES) + 1:], name) for name, source in sources.items()
                                if source.startswith(SOURCES + "/") and calls[name] >= queries)
        self.macros = used_macros({place for _, name in self.functions for place in lines[name]})


def used_macros(places):
    """Those that stand on these lines."""
    known, found = macros(), set()
    texts = {}
    for path, line in places:
        if path.startswith(SOURCES + "/"):
            if path not in texts:
                with open(path, encoding="utf-8") as file:
                    texts[path] = file.readlines()
            found.update(known & set(re.findall(r"\b(\w+)\(", texts[path][line - 1])))
    return sorted(found)


def bench_functions(bench):
    """Functions of the module that every warm A query passes, in a build without inlining, under
    callgrind. Half a minute."""
    import peers
    from harness import knotd as harness
    bench.fresh()
    harness.MODULE = build()
    bench.start_unbound(cache=True, cache_ttl=3600)
    bench.authority.set(peers.TARGET, a=peers.ADDRESSES, ttl=3600)
    knotd = peers.make_knotd(bench.directory, 1)
    bench.daemons.append(knotd)
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no", "--compress-pos=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    peers.wait_knotd(knotd, timeout=120)
    windows = instructions.Windows(bench.directory, knotd, read=Passed)

    def some(queries=QUERIES):
        asked = measure.dnsperf([question(peers.ZONES[peers.MODULE][False], "A")],
                                bench.directory, count=queries)
        return asked["completed"]

    try:
        some(100)  # What the first query does is done once.
        passed = windows.count("functions", some)
    finally:
        harness.MODULE = os.environ.get("ANAME_MODULE", "")
    for source, name in passed.functions:
        bench.record(f"passed: {name}", source)
    for name in passed.macros:
        bench.record(f"passed: {name}", "a macro")
    bench.record("warm A, UDP: functions of the module that a query passes",
                 f"{len(passed.functions) + len(passed.macros)}", f"<= {MOST}")


BENCHES = {
    "functions": bench_functions,
}
