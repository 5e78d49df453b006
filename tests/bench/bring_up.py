"""kaname list and kaname warm: what they take on a large server, and when all is warm."""

import re
import subprocess
import time

import measure
import world

# Distance to the recursor, there and back.
FAR_S = 0.02
ALIASES, MANY = 5000, 100000


def kaname(bench, knotd, *arguments, code=0):
    """(seconds that it took, what it wrote)."""
    from harness.kaname import KANAME, environment
    begin = time.monotonic()
    done = subprocess.run([KANAME, "-s", knotd.socket, *arguments], text=True, check=False,
                          env=environment(bench.directory), capture_output=True, timeout=300)
    took = time.monotonic() - begin
    assert done.returncode == code, f"{arguments}: {done.returncode} {done.stdout}{done.stderr}"
    return took, done.stdout


def start(bench, count, resolver):
    """A server with so many zones, that has just been started."""
    from harness.process import Daemon
    from harness.wait import eventually
    from harness.zone import aname
    knotd = bench.new_knotd()
    knotd.options = {"resolver": [resolver]}
    for i in range(count):
        knotd.add_zone(f"z{i}.test", [aname(f"t{i}.{world.SUFFIX}")], modules=["mod-aname/test"])
    knotd.write_conf()
    Daemon.start(knotd)
    # It takes commands when all zones are loaded.
    eventually(knotd.controllable, timeout=300, step=0.5, what="knotd accepts control commands")
    return knotd


def truncated(knotd):
    """How many answers of the zones were truncated."""
    return sum(int(line.rsplit("= ", 1)[1]) for line in knotd.knotc("zone-stats", "--", "mod-aname").stdout.splitlines()
               if "answers[truncated]" in line)


def bench_bring_up(bench):
    """A first start: kaname warm with 5,000 aliases and a recursor that is 20 ms away and has all
    targets, and with 100,000 and no recursor; kaname list with both. 3 minutes.
    """
    bench.fresh()
    world.start_recursor(bench, 86400, world.ADDRESSES)
    distance = world.Distance(bench.directory, FAR_S)
    distance.start()
    bench.daemons.append(distance)
    for _ in range(2):
        measure.dnsperf([(f"t{i}.{world.SUFFIX}", rdtype) for i in range(ALIASES)
                         for rdtype in ("A", "AAAA")], bench.directory, count=2 * ALIASES,
                        rate=4000, server=world.RECURSOR)
    knotd = start(bench, ALIASES, world.FAR[0])
    took, text = kaname(bench, knotd, "list")
    assert len(text.splitlines()) == ALIASES
    bench.record(f"{ALIASES} zones: kaname list: seconds", f"{took:.2f}")
    took, text = kaname(bench, knotd, "warm")
    bench.record(f"{ALIASES} zones, recursor {1000 * FAR_S:.0f} ms away: kaname warm: seconds",
                 f"{took:.2f}", "<= 5")
    bench.record("  it says", text.strip())
    took, text = kaname(bench, knotd, "warm")
    bench.record("  the same again, all of it known: seconds", f"{took:.2f}")
    before = truncated(knotd)
    done = measure.dnsperf([(f"z{i}.test", rdtype) for i in range(ALIASES)
                            for rdtype in ("A", "AAAA")], bench.directory, count=2 * ALIASES)
    bench.record("  then each is asked for by a client, both families",
                 f"{done['completed']:.0f} answers: {done['codes']}")
    bench.record("  truncated answers meanwhile", f"{truncated(knotd) - before:.0f}", "0")
    knotd.finish()
    knotd = start(bench, MANY, "127.0.0.99")
    took, text = kaname(bench, knotd, "list")
    assert len(text.splitlines()) == MANY
    bench.record(f"{MANY} zones: kaname list: seconds", f"{took:.2f}")
    took, text = kaname(bench, knotd, "warm", "--timeout", "30s", code=1)
    bench.record(f"{MANY} zones, no recursor: kaname warm --timeout 30s: seconds", f"{took:.2f}",
                 "<= 35")
    bench.record("  lines that it writes", f"{len(text.splitlines())}", "<= 25")
    bench.record("  it says", re.sub(r".*\n", "", text.strip()))


BENCHES = {"bring-up": bench_bring_up}
