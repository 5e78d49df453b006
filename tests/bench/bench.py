"""The measurements. Ratios within one run, from alternating pairs."""

import argparse
import json
import os
import shutil
import sys
import tempfile

import failing
import refresh
import scale
import signed
import warm


class Bench:
    """A server, a recursor, a target authority, and what was measured."""

    def __init__(self):
        from harness.authority import Authority
        self.authority = Authority()
        self.rows = []
        self.daemons = []
        self.directory = None

    def say(self, name, value, bar=""):
        self.rows.append({"measured": name, "value": value, "bar": bar})
        print(f"{name:58} {value:>34}   {bar}", flush=True)

    def fresh(self):
        """A directory of its own for the next measurement."""
        self.close()
        self.directory = tempfile.mkdtemp(prefix="bench-")
        return self.directory

    def start_unbound(self, **how):
        from harness.unbound import Unbound
        unbound = Unbound(self.directory, **how)
        unbound.start()
        self.daemons.append(unbound)
        return unbound

    def new_knotd(self, **server):
        from harness.knotd import Knotd
        knotd = Knotd(self.directory)
        knotd.server.update(server)
        self.daemons.append(knotd)
        return knotd

    def close(self):
        for daemon in reversed(self.daemons):
            daemon.kill()
        self.daemons = []
        if self.directory:
            shutil.rmtree(self.directory)
            self.directory = None


BENCHES = {
    **warm.BENCHES,
    **signed.BENCHES,
    **failing.BENCHES,
    **scale.BENCHES,
    **refresh.BENCHES,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--module", default=os.path.join(
        os.path.dirname(__file__), "../../build/plain/module/aname.so"))
    parser.add_argument("--json", help="write the table to this file, too")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME",
                        help=f"what to measure: {' '.join(BENCHES)} (default: all)")
    arguments = parser.parse_args()
    if not os.path.exists(arguments.module):
        sys.exit(f"there is no {arguments.module}: build it, or name it with --module")
    os.environ["ANAME_MODULE"] = os.path.abspath(arguments.module)

    from harness import namespace
    namespace.isolate()
    bench = Bench()
    try:
        for name in arguments.names or BENCHES:
            BENCHES[name](bench)
    finally:
        bench.close()
    if arguments.json:
        with open(arguments.json, "w", encoding="utf-8") as file:
            json.dump(bench.rows, file, indent=1)


if __name__ == "__main__":
    main()
