"""A run: a world, a load, and what happens to both by the schedule. See README.md."""

import argparse
import random
import shutil
import sys
import tempfile
import time

import schedule
from harness import namespace, sanitizer
from harness.follow import states
from harness.wait import SLOW, eventually
from judge import LOADING, Judge
from lane import Lane
from load import MUST, Load
from report import Report
from world import World

THREADS = 3
# How much the server's memory and descriptors may grow in the last part of a run.
GROWTH = (8 << 20) if not sanitizer.ENABLED else (256 << 20)
DESCRIPTORS = 16
SAMPLE_S, SETTLED_S = 1.0, 10


class Run:
    """One of them."""

    def __init__(self, seed, seconds, directory):
        self.seed, self.seconds = seed, seconds
        self.world = World(directory)
        self.report = Report(seed, self.world.journal)
        self.judge = Judge(self.world)
        chances = [random.Random(f"{seed} load {number}") for number in range(THREADS)]
        self.load = Load(self.world, self.judge, self.report, chances)
        self.samples = []

    def run(self):
        """Returns the exit code."""
        try:
            with self.world.spells.during(LOADING):
                self.world.start()
            # Only now, so that an interrupted start is no event.
            self.world.journal.start = time.monotonic()
            self._play()
            self._checks()
        finally:
            self.world.close()
        print(f"longest stall of this machine: {self.world.stalls.worst(0, time.monotonic()):.1f} s"
              " (the sum of three)")
        print(self.report.tables(self.load.asked, schedule.KINDS))
        missing = self.report.missing(self.load.asked, schedule.KINDS, MUST, self.seconds / 60)
        for one in missing:
            print(f"missing: {one}")
        good = not (missing or self.report.violations or self.report.problems)
        print(f"seed {self.seed}: {'good' if good else 'NOT GOOD'}")
        return 0 if good else 1

    def _play(self):
        lanes = [Lane(name, events, self)
                 for name, events in schedule.make(self.seed, self.seconds).items()]
        self.load.start()
        for lane in lanes:
            lane.start()
        self.lanes = lanes
        end = self.world.journal.start + self.seconds
        while time.monotonic() < end and not self._dead():
            self._sample()
            time.sleep(SAMPLE_S)
        for lane in lanes:
            lane.stop.set()
        for lane in lanes:
            if not lane.finished.wait(120 * SLOW):
                self.report.wrong("stuck", f"{lane.name} does not end")
        self.load.stop()

    def _dead(self):
        """Whether the server has ended by itself."""
        since = time.monotonic() - SAMPLE_S
        return not self.world.knotd.alive and not self.world.spells.touch(
            (LOADING,), since, time.monotonic())

    def _sample(self):
        """Of the time in which the server is not restarted any more."""
        now = time.monotonic()
        if self.world.spells.touch((LOADING,), now - SETTLED_S, now):
            self.samples.clear()
        elif now > self.world.journal.start + self.seconds * schedule.RESTARTS:
            self.samples.append((now - self.world.journal.start, self.world.knotd.rss(),
                                 self.world.descriptors()))

    def _checks(self):
        """What is to be so at the end."""
        try:
            if not self.world.knotd.alive:
                code = self.world.knotd.process.returncode
                self.report.wrong("ended", f"knotd: {code}, {self.world.knotd.text()[-4000:]}"
                                  f"{self.world.knotd.log_text()[-2000:]}")
            else:
                self._flat()
                self._followed()
                self.ended()
            self.world.knotd.check_reports()
        except (AssertionError, OSError) as error:
            self.report.wrong("at the end", str(error))
        for lane in self.lanes:
            lane.closed.set()

    def _flat(self):
        if len(self.samples) < 4:
            return
        part = max(len(self.samples) // 4, 1)
        first, last = self.samples[:part], self.samples[-part:]
        grown = min(rss for _, rss, _ in last) - max(rss for _, rss, _ in first)
        shown = self.samples[::max(len(self.samples) // 12, 1)]
        print(f"from {first[0][0]:.0f} to {last[-1][0]:.0f} s, memory in MiB:",
              *(f"{rss / (1 << 20):.1f}" for _, rss, _ in shown), "descriptors:",
              *(count for _, _, count in shown))
        if grown > GROWTH:
            self.report.wrong("memory", f"the server has grown by {grown} octets")
        least = min(count for _, _, count in self.samples)

        def settled():
            return self.world.descriptors() <= least + DESCRIPTORS

        try:
            eventually(settled, 15, step=0.2, what="descriptors as few as before")
        except AssertionError:
            self.report.wrong("descriptors", f"{least} were open, now {self.world.descriptors()}")

    def _followed(self):
        """Whatever kaname follow has written is a set that the target had (M5)."""
        target = self.world.targets.all["follow.u.example"]
        for number, sets in states("follow.example", 1):
            for rdtype, addresses in sets.items():
                had = [found for _, found in target.sets[rdtype].within(0, float("inf"))]
                if addresses and frozenset(addresses) not in had:
                    self.report.wrong("follow", f"at serial {number} {rdtype} is {addresses}, which"
                                      f" is no set that the target had")

    def ended(self):
        """Ends the server in the orderly way, and looks at how it ended."""
        try:
            self.world.knotd.finish(timeout=30)
        except AssertionError as error:
            self.report.wrong("end", str(error))


def main(module_help):
    parser = argparse.ArgumentParser(prog="tests/chaos/run", description=module_help,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=3, help="how long (3)")
    parser.add_argument("--seed", type=int, default=None, help="of what happens (by chance)")
    parser.add_argument("--module", help="the module's file (build/plain/module/aname.so)")
    parser.add_argument("--schedule", action="store_true", help="print what would happen, and end")
    parser.add_argument("--self-test", action="store_true",
                        help="give the judge replies that are wrong: each has to be reported")
    arguments = parser.parse_args()
    seed = arguments.seed
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 32)
    if arguments.schedule:
        events = [event for lane in schedule.make(seed, arguments.minutes * 60).values()
                  for event in lane]
        for event in sorted(events, key=lambda one: one.at):
            print(f"{event.at:8.3f} {event.lane}: {event}")
        return 0
    namespace.isolate()
    if arguments.self_test:
        import selftest
        return selftest.main()
    print(f"seed {seed}, {arguments.minutes:g} minutes", flush=True)
    directory = tempfile.mkdtemp(prefix="chaos-")
    code = Run(seed, arguments.minutes * 60, directory).run()
    if code == 0:
        shutil.rmtree(directory)
    else:
        print(f"what the servers left is in {directory}")
    return code


if __name__ == "__main__":
    sys.exit(main(__doc__))
