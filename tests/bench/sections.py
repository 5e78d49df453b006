"""What a cold query costs with many sections, by counting instructions."""

import time

import instructions
import measure
from measure import question

ADDRESS = "127.0.0.53"
# What is asked for cold, in turn from all sections.
COLD = 100
# What was asked for before.
FIRST = 1000
CASES = (
    # label, sections, the options of the n-th, bar
    ("one section", 1, lambda n: {"resolver": ADDRESS}, ""),
    ("1,000 schedules", 1000,
     lambda n: {"resolver": ADDRESS, "timeout": 2000 + n, "ttl-max": 3600 + n}, "<= 1.05"),
    ("100 resolvers", 100, lambda n: {"resolver": [ADDRESS, f"127.0.9.{1 + n}"]}, "<= 1.05"),
)


def count_cold(bench, sections, options):
    """Instructions of a cold query, from its coming in to what its lookup has taught."""
    from harness.authority import Behaviour
    from harness.knotd import section
    from harness.process import Daemon
    from harness.wait import eventually
    from harness.zone import aname
    bench.fresh()
    bench.authority.clear()
    bench.authority.behave("*.example.net", "A", Behaviour(rdata=("192.0.2.1",), ttl=3600))
    knotd = bench.new_knotd(udp_workers=1, tcp_workers=1)
    for number in range(FIRST):
        # The sections of all zones, so that only what is in them differs.
        if number < sections:
            knotd.sections.append(section("mod-aname", f"s{number}", **options(number)))
        knotd.add_zone(f"first{number}.test", [aname(f"first{number}.example.net")],
                       modules=[f"mod-aname/s{number % sections}"])
    for number in range(COLD):
        knotd.add_zone(f"cold{number}.test", [aname(f"cold{number}.example.net")],
                       modules=[f"mod-aname/s{number % sections}"])
    knotd.argv = ["valgrind", "--tool=callgrind", "--separate-threads=no",
                  f"--callgrind-out-file={bench.directory}/callgrind.out", *knotd.argv]
    knotd.write_conf()
    Daemon.start(knotd)
    eventually(knotd.controllable, timeout=180, what="knotd is there")
    eventually(lambda: knotd.loaded(f"cold{COLD - 1}.test"), timeout=60, what="the zones are there")

    def ask(kind, count, **how):
        measure.dnsperf([question(f"{kind}{number}.test", "A") for number in range(count)],
                        bench.directory, count=count, **how)

        def answered():
            known = {seen.name for seen in bench.authority.seen() if seen.name.startswith(kind)}
            assert len(known) == count, f"expected {count} lookups, got {len(known)}"
            return True

        eventually(answered, timeout=60, what="all lookups")
        return count

    ask("first", FIRST)  # All zones are loaded, resolvers and their sockets are made.
    time.sleep(5)  # What differs is logged when no more sections come.
    # One at a time: of many that come at once, what is done for all of them is shared.
    return instructions.Windows(bench.directory, knotd).count(
        "cold", lambda: ask("cold", COLD, outstanding=1, rate=20))


def bench_sections(bench):
    """Instructions in user space of a cold query, its lookup included, with sections that differ in
    their schedules or in their resolvers, against one section. Two minutes."""
    one = None
    for label, sections, options, bar in CASES:
        counted = count_cold(bench, sections, options)
        one = one or counted
        bench.record(f"cold A, {label}: instructions per query", f"{counted.instructions:.0f}")
        if bar:
            bench.record(f"cold A, {label}: instructions per query / one section",
                         f"{counted.instructions / one.instructions:.3f}", bar)


BENCHES = {
    "sections": bench_sections,
}
