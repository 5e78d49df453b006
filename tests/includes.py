#!/usr/bin/env python3
"""Reads the #includes of module/, and fails where they break a rule.

    tests/includes.py DIRECTORY     checks the sources in a directory, module/
    tests/includes.py --self-test   checks made-up ones, with a fault of each kind

- Circles: a source file and its header (x.c and x.h) are one unit; no unit includes itself through
  others.
- Parts: nothing in query/ includes anything of service/, directly or through others, nor the
  reverse; table/ includes neither.
- Layers: [P] is libc, libknot and zlib, [U] adds libuv and c-ares, [K] adds knot/module.h. Every header
  says in its \\brief which it is; a source file is of its header's layer, or of the one that its own
  \\brief says. Nothing includes what is of a higher layer, directly or through others.
"""

import os
import re
import sys
import tempfile

LAYERS = "PUK"
# Headers of others, by how their names begin; all that is not here is [P].
FOREIGN = {"knot/": "K", "uv.h": "U", "uv/": "U", "ares": "U", "curl/": "U"}
# A part, and those that it must not know.
PARTS = {"query": ("service",), "service": ("query",), "table": ("query", "service")}

INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*(?:"([^"]+)"|<([^>]+)>)', re.MULTILINE)
LAYER = re.compile(r"\\brief\b(?:(?!\*/).)*?\[([A-Z])\]", re.DOTALL)


class File:
    """A source file or a header: what it includes, and what layer it says it is of."""

    def __init__(self, root, path):
        self.path = path
        self.included, self.foreign, self.missing = [], [], []
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
        for quoted, angled in INCLUDE.findall(text):
            beside = os.path.normpath(os.path.join(os.path.dirname(path), quoted))
            if angled:
                self.foreign.append(angled)
            elif os.path.exists(os.path.join(root, quoted)):
                self.included.append(os.path.normpath(quoted))
            elif os.path.exists(os.path.join(root, beside)):
                self.included.append(beside)
            else:
                self.missing.append(quoted)
        found = LAYER.search(text.split("*/", 1)[0])
        self.layer = found.group(1) if found else None


def read(root):
    paths = [os.path.relpath(os.path.join(directory, name), root)
             for directory, _, names in os.walk(root) for name in names
             if name.endswith((".c", ".h"))]
    return {path: File(root, path) for path in sorted(paths)}


def reach(files, path):
    """All that a file includes, each with the way there."""
    ways, queue = {}, [(path, (path,))]
    while queue:
        at, way = queue.pop(0)
        for included in files[at].included:
            if included not in ways and included != path:
                ways[included] = (*way, included)
                queue.append((included, ways[included]))
    return ways


def check_found(files):
    for file in files.values():
        for name in file.missing:
            yield f"not found: {file.path} includes \"{name}\""


def check_circles(files):
    units = {}
    for file in files.values():
        unit = os.path.splitext(file.path)[0]
        units.setdefault(unit, set()).update(os.path.splitext(path)[0] for path in file.included)
    done = set()

    def walk(unit, way):
        if unit in way:
            yield f"circle: {' -> '.join((*way[way.index(unit):], unit))}"
        elif unit not in done:
            for other in sorted(units[unit] - {unit}):
                yield from walk(other, (*way, unit))
            done.add(unit)

    for unit in sorted(units):
        yield from walk(unit, ())


def check_parts(files):
    for path in files:
        forbidden = PARTS.get(path.split(os.sep)[0], ())
        for other, way in reach(files, path).items():
            if other.split(os.sep)[0] in forbidden:
                yield f"part: {' -> '.join(way)}"
                break


def layer_of(files, path):
    header = os.path.splitext(path)[0] + ".h"
    layer = files[path].layer
    return layer or (files[header].layer if header in files else None)


def layer_of_foreign(name):
    return next((layer for start, layer in FOREIGN.items() if name.startswith(start)), "P")


def check_layers(files):
    for path, file in files.items():
        layer = layer_of(files, path)
        if layer is None and path.endswith(".h"):
            yield f"layer: {path} does not say which it is of"
        elif layer is not None and layer not in LAYERS:
            yield f"layer: {path} says [{layer}], which there is not"
        if layer is None or layer not in LAYERS:
            continue
        for other, way in {path: (path,), **reach(files, path)}.items():
            higher = [name for name in files[other].foreign
                      if LAYERS.index(layer_of_foreign(name)) > LAYERS.index(layer)]
            said = layer_of(files, other)
            if higher:
                yield f"layer: {' -> '.join((*way, higher[0]))}, but {path} is [{layer}]"
                break
            if said in tuple(LAYERS) and LAYERS.index(said) > LAYERS.index(layer):
                yield f"layer: {' -> '.join(way)} [{said}], but {path} is [{layer}]"
                break


def faults(root):
    files = read(root)
    missing = list(check_found(files))
    if missing or not files:
        return missing or ["no source files"]
    return [*check_circles(files), *check_parts(files), *check_layers(files)]


# The self-test.

GOOD = {
    "log.h": "/*! \\brief Log.  [P] */\n#include <stdint.h>\n",
    "table/table.h": "/*!\n * \\brief Table,\n *        of two lines.  [P]\n */\n#include \"log.h\"\n",
    "table/table.c": "#include \"table/table.h\"\n#include <libknot/libknot.h>\n",
    "service/loop.h": "/*! \\brief Loop.  [U] */\n#include <uv.h>\n#include \"table/table.h\"\n",
    "service/loop.c": "#include \"service/loop.h\"\n",
    "query/query.h": "/*! \\brief Query.  [K] */\n#include <knot/module.h>\n"
                     "#include \"table/table.h\"\n",
    "query/hook.h": "/*! \\brief Hook.  [K] */\n#include \"query/query.h\"\n",
    "query/hook.c": "#include \"query/hook.h\"\n",
    "main.c": "/*! \\brief Main.  [K] */\n#include \"query/hook.h\"\n#include \"service/loop.h\"\n",
}
# What is put in the place of files of GOOD, or beside them, and what is to be said.
BAD = (
    ("headers in a circle", "circle: log -> table/table -> log",
     {"log.h": "/*! \\brief Log.  [P] */\n#include \"table/table.h\"\n"}),
    ("a circle through a source file", "circle: query/hook -> query/query -> query/hook",
     {"query/query.c": "#include \"query/query.h\"\n#include \"query/hook.h\"\n"}),
    ("query/ includes service/", "part: query/hook.c -> service/loop.h",
     {"query/hook.c": "#include \"query/hook.h\"\n#include \"service/loop.h\"\n"}),
    ("service/ includes query/", "part: service/loop.c -> query/query.h",
     {"service/loop.c": "/*! \\brief Loop.  [K] */\n#include \"query/query.h\"\n"}),
    ("the same through another", "part: query/hook.c -> between.h -> service/loop.h",
     {"query/hook.c": "#include \"query/hook.h\"\n#include \"between.h\"\n",
      "between.h": "/*! \\brief Between.  [U] */\n#include \"service/loop.h\"\n"}),
    ("table/ includes query/", "part: table/table.c -> query/query.h",
     {"table/table.c": "/*! \\brief Table.  [K] */\n#include \"query/query.h\"\n"}),
    ("[P] includes libuv", "layer: table/table.c -> uv.h, but table/table.c is [P]",
     {"table/table.c": "#include \"table/table.h\"\n# include <uv.h>\n"}),
    ("[P] includes c-ares", "layer: log.h -> ares.h, but log.h is [P]",
     {"log.h": "/*! \\brief Log.  [P] */\n#include <ares.h>\n"}),
    ("[U] includes knotd", "layer: service/loop.c -> knot/module.h, but service/loop.c is [U]",
     {"service/loop.c": "#include \"service/loop.h\"\n#include <knot/module.h>\n"}),
    ("[P] includes a header of [U]", "layer: log.h -> high.h [U], but log.h is [P]",
     {"log.h": "/*! \\brief Log.  [P] */\n#include \"high.h\"\n",
      "high.h": "/*! \\brief High.  [U] */\n"}),
    ("[P] includes knotd through a header of its own layer",
     "layer: table/table.c -> table/table.h -> log.h -> knot/module.h, but table/table.c is [P]",
     {"log.h": "/*! \\brief Log.  [P] */\n#include <knot/module.h>\n"}),
    ("a header without a layer", "layer: log.h does not say which it is of",
     {"log.h": "/*! \\brief Log. */\n"}),
    ("a layer that there is not", "layer: log.h says [X], which there is not",
     {"log.h": "/*! \\brief Log.  [X] */\n"}),
    ("a file that is not there", "not found: log.h includes \"gone.h\"",
     {"log.h": "/*! \\brief Log.  [P] */\n#include \"gone.h\"\n"}),
)


def faults_of(tree):
    with tempfile.TemporaryDirectory() as root:
        for path, text in tree.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "w", encoding="utf-8") as file:
                file.write(text)
        return faults(root)


def self_test():
    failed = [f"a good tree: {fault}" for fault in faults_of(GOOD)]
    failed += [] if faults_of({}) else ["an empty tree: nothing was said"]
    for what, expected, files in BAD:
        found = faults_of({**GOOD, **files})
        if expected not in found:
            failed.append(f"{what}: expected '{expected}', got {found}")
    return failed


def main(argv):
    if len(argv) != 2:
        print(__doc__, file=sys.stderr)
        return 2
    found = self_test() if argv[1] == "--self-test" else faults(argv[1])
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
