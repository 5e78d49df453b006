"""The measurements. Ratios within one run, from alternating pairs. See README.md beside this."""

import argparse
import dataclasses
import json
import os
import shutil
import sys
import tempfile
import time
import traceback

import bigzones
import bring_up
import dead_at_start
import dear
import failing
import follow
import functions
import hostile
import instructions
import kinds
import million
import owners
import pools
import probes
import refresh
import reload
import report
import restart
import restarts
import saved
import scale
import sections
import signed
import warm
import workers


class Bench:
    """A server, a recursor, a target authority, and what was measured.

    quick: fewer repetitions, for a look and not for a claim.
    duration: seconds that what runs for long goes on, None for what it says itself.
    """

    def __init__(self, quick=False, output=sys.stdout, duration=None):
        from harness.authority import Authority
        self.authority = Authority()
        self.quick = quick
        self.duration = duration
        self.output = output
        self.name = ""
        self.rows = []
        self.daemons = []
        self.directory = None

    def record(self, name, value, bar="", *, unit=""):
        """One row. value: a measure.spread(), a number, or text; bar: "<= 1.05", ">= 8", "0"."""
        row = report.make_row(self.name, name, value, bar, unit)
        self.rows.append(row)
        print(row.line(), file=self.output, flush=True)

    def record_server(self, case, server, cells):
        """One server in one case of a comparison; cells: {metric: (values, digits, unit)}."""
        texts = []
        for metric, (values, digits, unit) in cells.items():
            row = report.make_row(self.name, f"{case}, {server}: {metric}",
                                  report.Spread(values, digits), unit=unit,
                                  case=case, server=server, metric=metric)
            self.rows.append(row)
            texts.append(f"{metric} {row.text.partition(' (')[0]} {unit}".rstrip())
        print(f"  {case}, {server}: {', '.join(texts)}", file=self.output, flush=True)

    def pairs(self, count):
        """How many pairs to measure where count of them make a good median."""
        return max(3, count // 4) if self.quick else count

    def seconds(self, full):
        """How long to measure one of them."""
        return full / 2 if self.quick else full

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
    **bring_up.BENCHES,
    **warm.BENCHES,
    **instructions.BENCHES,
    **kinds.BENCHES,
    **dear.BENCHES,
    **functions.BENCHES,
    **workers.BENCHES,
    **signed.BENCHES,
    **failing.BENCHES,
    **scale.BENCHES,
    **million.BENCHES,
    **refresh.BENCHES,
    **reload.BENCHES,
    **restarts.BENCHES,
    **restart.BENCHES,
    **saved.BENCHES,
    **dead_at_start.BENCHES,
    **sections.BENCHES,
    **owners.BENCHES,
    **bigzones.BENCHES,
    **pools.BENCHES,
    **probes.BENCHES,
    **hostile.BENCHES,
    **follow.BENCHES,
}
# Only if they are named.
LONG = {"hostile-all", "targets-1m", "zones-1m"}


def listing():
    """Each name with the first paragraph of what it says of itself."""
    lines = []
    for name, bench in BENCHES.items():
        words = " ".join((bench.__doc__ or "").strip().split("\n\n")[0].split())
        lines.append(f"{name:14} {words}")
    return "\n".join(lines)


def parse_arguments():
    parser = argparse.ArgumentParser(prog="run", description=__doc__, epilog=listing(),
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--module", default=os.path.join(
        os.path.dirname(__file__), "../../build/bench/module/aname.so"))
    parser.add_argument("--quick", action="store_true", help="fewer pairs: a look, not a claim")
    parser.add_argument("--seconds", type=int, help="how long hostile-all goes on")
    parser.add_argument("--json", metavar="FILE", help="write machine and rows to this file, too")
    parser.add_argument("--markdown", action="store_true",
                        help="print tables for a document; what goes on goes to standard error")
    parser.add_argument("--read", metavar="FILE", action="append",
                        help="measure nothing: show what --json wrote; may be given again")
    parser.add_argument("names", nargs="*", choices=[*BENCHES, []], metavar="NAME",
                        help="what to measure, see below (default: all but those that are long)")
    return parser.parse_args()


def read(paths):
    """(facts of the first file, rows of all)."""
    facts, rows = None, []
    for path in paths:
        with open(path, encoding="utf-8") as file:
            found = json.load(file)
        facts = facts or found["machine"]
        rows += [report.Row(**row) for row in found["rows"]]
    return facts, rows


def measure_all(arguments, output):
    """(facts, rows, names of what failed); what is measured by then is written in any case."""
    if not os.path.exists(arguments.module):
        sys.exit(f"there is no {arguments.module}: build it, or name it with --module")
    os.environ["ANAME_MODULE"] = os.path.abspath(arguments.module)

    facts = report.machine()
    print(report.machine_text(facts), file=output, flush=True)
    from harness import namespace
    namespace.isolate()
    bench = Bench(arguments.quick, output, arguments.seconds)
    facts["quick"] = arguments.quick
    facts["seconds"] = {}
    failed = []
    try:
        for name in arguments.names or [name for name in BENCHES if name not in LONG]:
            if not run_one(bench, name, facts["seconds"]):
                failed.append(name)
    finally:
        bench.close()
        if arguments.json:
            rows = [dataclasses.asdict(row) for row in bench.rows]
            with open(arguments.json, "w", encoding="utf-8") as file:
                json.dump({"machine": facts, "rows": rows}, file, indent=1)
    return facts, bench.rows, failed


def run_one(bench, name, seconds):
    """Whether it could be measured. One that fails does not take the others with it."""
    bench.name = name
    start = time.monotonic()
    try:
        BENCHES[name](bench)
    except Exception as error:  # pylint: disable=broad-except
        traceback.print_exc()
        bench.record(name, f"failed: {error}".split("\n", maxsplit=1)[0])
        return False
    finally:
        os.sched_setaffinity(0, range(os.cpu_count()))
        seconds[name] = round(time.monotonic() - start)
    return True


def main():
    arguments = parse_arguments()
    failed = []
    if arguments.read:
        facts, rows = read(arguments.read)
        if not arguments.markdown:
            print(report.machine_text(facts), *(row.line() for row in rows), sep="\n")
    else:
        facts, rows, failed = measure_all(
            arguments, sys.stderr if arguments.markdown else sys.stdout)
    missed = [row.measured.strip() for row in rows if row.met is False]
    if arguments.markdown:
        print(report.markdown(facts, rows), end="")
    elif missed:
        print("\nbars missed:", *missed, sep="\n  ")
    if failed:
        sys.exit(f"failed: {' '.join(failed)}")


if __name__ == "__main__":
    main()
