"""The module's options as they are compiled into it."""

import functools
import os
import re
import subprocess
import tempfile
import typing

from . import sanitizer
from .knotd import MODULE
from .wait import scaled

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "schema.c")


class Option(typing.NamedTuple):
    """What there is to know of one option; words or numbers as text, ranges as (least, most)."""

    syntax: str = None
    default: str = None
    range: tuple = None


@functools.cache
def options():
    """{name: Option} in the order of the schema."""
    assert MODULE, "ANAME_MODULE does not name the module file"
    with tempfile.TemporaryDirectory(prefix="aname-") as directory:
        program = os.path.join(directory, "schema")
        subprocess.run(
            ["gcc", "-std=gnu11", "-Wall", "-Werror", "-rdynamic", "-o", program, SOURCE,
             "-x", "c", "-", "-x", "none", "-lknot"],
            input="".join(f"void {name}(void) {{ __builtin_trap(); }}\n" for name in _wanted()),
            check=True, text=True, timeout=scaled(30),
        )
        done = subprocess.run(
            [program, MODULE], env=dict(os.environ, **sanitizer.environment(directory)),
            check=False, capture_output=True, text=True, timeout=scaled(30),
        )
        assert done.returncode == 0, f"{done.stderr} {sanitizer.reports(directory)}"
    return dict(_read(line) for line in done.stdout.splitlines())


def _wanted():
    """knotd's functions that the module wants, without those that schema.c has."""
    done = subprocess.run(
        ["nm", "--dynamic", "--undefined-only", MODULE], check=True, capture_output=True, text=True
    )
    wanted = set(re.findall(r"\b(knotd_\w+)", done.stdout))
    return sorted(wanted - {"knotd_conf_check_item", "knotd_conf_free"})


def _read(line):
    name, syntax, default, output = line.split("\t")
    limits = None
    if syntax in ("INT", "TIME"):
        limits = re.search(rf"'{name}' must be from (\d+) to (\d+)\b", output)
        assert limits, f"expected the limits of {name}, got {output!r}"
        limits = limits.groups()
    assert "?" not in syntax + default, f"expected a known type and default, got {line}"
    return name, Option(syntax, default or None, limits)
