"""Running Knot's own binaries with a module that was built for a sanitizer."""

import functools
import glob
import os
import subprocess

ENABLED = bool(os.environ.get("ANAME_SANITIZE"))


@functools.cache
def _library(name):
    found = subprocess.run(
        ["gcc", f"-print-file-name={name}"], check=True, capture_output=True, text=True
    ).stdout.strip()
    assert os.path.isabs(found), f"gcc has no {name}"
    return found


def environment(directory, leaks=True):
    """What a process needs in its environment, reports going to files in directory."""
    if not ENABLED:
        return {}
    log = os.path.join(directory, "sanitizer")
    return {
        "LD_PRELOAD": f"{_library('libasan.so')}:{_library('libubsan.so')}",
        # Slow unwinding, because libknot has no frame pointers and a leak through
        # it could not be traced to the module otherwise; it is slow, and not far from there.
        "ASAN_OPTIONS": f"detect_leaks={int(leaks)}:abort_on_error=0:exitcode=99:"
        f"fast_unwind_on_malloc=0:malloc_context_size=10:detect_stack_use_after_return=1:log_path={log}",
        "UBSAN_OPTIONS": f"halt_on_error=1:print_stacktrace=1:log_path={log}",
    }


def reports(directory):
    """Text of every report written so far."""
    found = []
    for path in sorted(glob.glob(os.path.join(directory, "sanitizer.*"))):
        with open(path, encoding="utf-8", errors="replace") as report:
            found.append(report.read())
    return found
