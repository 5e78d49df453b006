"""The command-line tool: the one of the module's own build, unless ANAME_KANAME names another."""

import os
import subprocess

from . import sanitizer
from .knotd import MODULE
from .wait import scaled

BUILD = os.path.dirname(os.path.dirname(MODULE))
KANAME = os.environ.get("ANAME_KANAME") or os.path.join(BUILD, "tools", "kaname")


def environment(directory):
    """The tool is linked with the sanitizers, unlike Knot's own programs."""
    env = sanitizer.environment(directory)
    env.pop("LD_PRELOAD", None)
    return dict(os.environ, **env, LC_ALL="C")


def kaname(*arguments, directory, text=None, code=0, timeout=30.0, **how):
    """Run it with text as its standard input; expect this exit code, or one of these."""
    assert os.path.exists(KANAME), f"{KANAME} is not there: build it, or set ANAME_KANAME"
    if text is None:
        how.setdefault("stdin", subprocess.DEVNULL)
    else:
        how["input"] = text
    done = subprocess.run(
        [KANAME, *arguments],
        env=environment(directory),
        capture_output=True,
        text=True,
        check=False,
        timeout=scaled(timeout),
        cwd=directory,
        **how,
    )
    codes = code if isinstance(code, tuple) else (code,)
    assert done.returncode in codes, (
        f"kaname {' '.join(arguments)}: expected exit code {code}, got {done.returncode}:"
        f" {done.stdout}{done.stderr}"
    )
    return done
