"""What hostile zones and their clients do to the others on a server: each attack by itself, and all
of them at once for an hour.

hostile_attacks.py has the attacks, neighbours.py those who ask for the good zones, and
hostile_resolver.py what the server looks names up by. The limits of the server are low, so that the
attacks reach them within seconds.
"""

import collections
import json
import os
import time

import hostile_attacks
import hostile_resolver
import neighbours
import world

SIGNED = {"dnssec-signing": True}
# Each by itself.
GOOD, RATE, SECONDS, NEWCOMER_S = 40, 400, 40, 1
# All at once: a machine with two processors has to bear it under a sanitizer.
ALL_GOOD, ALL_RATE, ALL_SECONDS, ALL_NEWCOMER_S, ALL_PACE = 1000, 200, 3600, 30, 3
FRESH_BAR = ">= 99.9"
START_S, KNOWN_S = 120, 120
# What the attack itself has seen and is told, and what it may not see.
TOLD = ("queries", "updates", "update max s", "reloads", "reload max s", "waits", "without a wait",
        "without a reply", "versions", "errors")
FORBIDDEN = (hostile_attacks.SIGNED, hostile_attacks.MALFORMED)
# So long after a reload nobody waits (C2).
RELOADED_S = 1.5


class Hosting:
    """A server of good zones whose clients know all, to which hostile ones come."""

    def __init__(self, bench, good, newcomers, rate, pause, limits):
        from harness.knotd import section
        bench.fresh()
        self.bench = bench
        self.resolver = hostile_resolver.daemon(bench.directory)
        self.resolver.start()
        bench.daemons.append(self.resolver)
        self.knotd = bench.new_knotd(**{"tcp-workers": 10, "edns-client-subnet": True})
        self.knotd.options = {"resolver": hostile_resolver.ADDRESS[0], "ecs": True, **limits}
        self.knotd.sections.append(section("acl", "open", address="127.0.0.0/8", action="update"))
        numbers = [*range(good), *(neighbours.NEWCOMERS + i for i in range(newcomers))]
        for number in numbers:
            self.add(neighbours.zone(number), hostile_resolver.target(number),
                     SIGNED if neighbours.is_signed(number) else {})
        self.start()
        self.neighbours = neighbours.Neighbours(bench.directory, good, newcomers, rate, pause)
        self.neighbours.start()
        bench.daemons.append(self.neighbours)
        self.know()

    def add(self, zone, target, options):
        from harness.zone import aname
        self.knotd.add_zone(zone, [aname(target)], zone_options=options)

    def start(self):
        from harness.process import Daemon
        from harness.wait import eventually
        self.knotd.write_conf()
        Daemon.start(self.knotd)
        eventually(self.knotd.controllable, timeout=START_S, what="knotd accepts control commands")
        self.wait_loaded()

    def wait_loaded(self):
        """All zones are there, and signed where they are to be."""
        from harness.wait import eventually
        eventually(self.loaded, timeout=4 * START_S, step=0.5, what="all zones are loaded")

    def loaded(self):
        from harness.ask import query
        self.knotd.require()
        status = self.knotd.knotc("zone-status").stdout
        if status.count("serial:") != len(self.knotd.zones) or any(
                f"serial: {none}" in status for none in ("-", "none")):
            return False
        signed = [name for name, zone in self.knotd.zones.items() if zone.options.keys() & SIGNED]
        return all(query(name, "DNSKEY", "tcp").addresses("DNSKEY") for name in signed)

    def know(self):
        """Until every good zone has had a fresh answer, and nothing else for some seconds."""
        from harness.wait import eventually

        def all_fresh():
            tally = self.neighbours.read()
            return tally.known == self.neighbours.questions and tally.share("fresh") == 100

        eventually(all_fresh, timeout=KNOWN_S, step=2, what="all is known")

    def attack(self, names, pace=1):
        """The attacks' zones come, then their clients. The running attacks."""
        running = []
        if "loops" in names:
            loops = hostile_attacks.Loops(self.knotd).zones()
            self.bench.start_unbound(stubs=dict.fromkeys(loops, "127.0.0.1@5300"))
        for name in names:
            zones = hostile_attacks.ATTACKS[name](self.knotd).zones()
            for zone, (records, options) in zones.items():
                self.knotd.add_zone(zone, records, zone_options=options)
            running.append(hostile_attacks.Running(name, self.knotd, pace))
        self.knotd.write_conf()
        self.knotd.knotc("-t", str(START_S), "reload", timeout=START_S)
        self.wait_loaded()
        # What came meanwhile does not count: the attacks' zones were loaded in this time.
        time.sleep(RELOADED_S)
        self.neighbours.read()
        for one in running:
            self.bench.daemons.append(one)
            one.start()
        return running

    def asked(self):
        """Ends the resolver; how many questions it had, by what they were about."""
        self.resolver.stop()
        with open(os.path.join(self.bench.directory, "resolver.json"), encoding="ascii") as file:
            asked = json.load(file)
        return ", ".join(f"{top} {count:,}" for top, count in sorted(asked.items()))

    def findings(self):
        """Reports of sanitizers up to now."""
        from harness import sanitizer
        return sanitizer.reports(self.bench.directory)


def percentiles(tally):
    half, most, last = world.quantiles(tally.latencies)
    return {"p50": ([half], 2, "ms"), "p99": ([most], 2, "ms"), "max": ([last], 0, "ms")}


def cells_of(tally):
    """What the good zones' clients had, as cells of a table."""
    counts = {kind: tally.first[kind] for kind in ("stale", "TC", "SERVFAIL", "late")}
    counts["other"] = tally.failed - tally.first["SERVFAIL"]
    return {"queries": ([tally.asked], 0, ""), "fresh": ([tally.share("fresh")], 3, "%"),
            **{kind: ([count], 0, "") for kind, count in counts.items()},
            "wrong": ([len(tally.wrong)], 0, ""), **percentiles(tally),
            "newcomers": ([tally.newcomers], 0, ""),
            "of them fresh": ([tally.new["fresh"]], 0, "")}


def record_kinds(bench, tally, label=""):
    """What came, in all its kinds."""
    for what, counter in (("first replies", tally.first), ("after truncated ones", tally.end),
                          ("newcomers", tally.new)):
        if counter:
            kinds = ", ".join(f"{kind} {count:,}" for kind, count in sorted(counter.items()))
            bench.record(f"{label}{what}", kinds)
    for odd in tally.odd:
        bench.record(f"{label}{odd}", "")


def told(seen):
    """An attack's own words."""
    return ", ".join(f"{what} {round(seen[what], 2):,}" for what in TOLD if seen.get(what))


def bench_hostile(bench):
    """What clients of 40 good zones get while one attack goes on: a zone of ever new targets,
    answers that are dear, slow targets, clients who wait, forged keys, loops. Six minutes."""
    seconds = bench.seconds(SECONDS)
    for name in ("none", *hostile_attacks.ATTACKS):
        hosting = Hosting(bench, GOOD, int(seconds / NEWCOMER_S) + 10, RATE, NEWCOMER_S,
                          {"max-targets": 2000, "max-lookups": 64, "lookup-rate": 1000})
        running = hosting.attack([] if name == "none" else [name])
        tally = neighbours.Tally()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(1)
            hosting.knotd.require()
            tally.merge(hosting.neighbours.read())
        bench.record_server(name, f"{GOOD} good zones", cells_of(tally))
        for one in running:
            seen = one.seen()
            bench.record(f"  {name}: the attack's own", told(seen))
            for what in FORBIDDEN:
                bench.record(f"  {name}: {what}", seen.get(what, 0), "0")
        bench.record(f"  {name}: fresh answers of good zones, %", f"{tally.share('fresh'):.3f}",
                     FRESH_BAR)
        bench.record(f"  {name}: wrong answers of good zones", len(tally.wrong), "0")
        for wrong in tally.wrong[:3]:
            bench.record(f"    {name}: {wrong}", "")
        record_kinds(bench, tally, f"  {name}: ")
        bench.record(f"  {name}: questions to the resolver", hosting.asked())
        hosting.knotd.finish(timeout=60)


def bench_hostile_all(bench):
    """All attacks at once beside 1,000 good zones, a tenth of them signed, for an hour or
    --seconds; told every minute. Fails unless 99.9 % of the answers are fresh, none is wrong, and
    no sanitizer finds anything."""
    seconds = bench.duration or ALL_SECONDS
    # A name is two targets: the attacks have room for as many as there are, and want more.
    newcomers = int(seconds / ALL_NEWCOMER_S) + 10
    hosting = Hosting(bench, ALL_GOOD, newcomers, ALL_RATE, ALL_NEWCOMER_S,
                      {"max-targets": 4 * ALL_GOOD, "max-lookups": 64, "lookup-rate": 1000})
    running = hosting.attack(hostile_attacks.ATTACKS, ALL_PACE)
    total = neighbours.Tally()
    start = time.monotonic()
    try:
        while (left := start + seconds - time.monotonic()) > 0 and hosting.knotd.alive:
            total.merge(minute(hosting, running, start, left))
    finally:
        problems = verdict(bench, hosting, running, total)
    assert not problems, "; ".join(problems)


def minute(hosting, running, start, left):
    """Waits for a minute, or till the end; prints and returns what was seen."""
    tally = neighbours.Tally()
    end = time.monotonic() + min(60, left)
    while time.monotonic() < end and hosting.knotd.alive:
        time.sleep(0.5)
        tally.merge(hosting.neighbours.read())
    ended = [one.name for one in running if not one.daemon.alive]
    half, most, _ = world.quantiles(tally.latencies)
    print(f"  {(time.monotonic() - start) / 60:5.1f} min: {tally.asked} queries,"
          f" fresh {tally.share('fresh'):.3f} %, stale {tally.first['stale']},"
          f" TC {tally.first['TC']}, failed {tally.failures}, late {tally.first['late']},"
          f" wrong {len(tally.wrong)}, p50 {half:.1f} ms, p99 {most:.1f} ms,"
          f" newcomers {tally.new['fresh']} of {tally.newcomers},"
          f" RSS {hosting.knotd.rss() >> 20 if hosting.knotd.alive else 0} MiB,"
          f" findings {len(hosting.findings())}"
          + (f", attacks that ended: {', '.join(ended)}" if ended else ""),
          *tally.odd, sep="\n    ", file=hosting.bench.output, flush=True)
    return tally


def verdict(bench, hosting, running, tally):
    """Records the totals; what is not as it has to be, in words."""
    from harness.process import Ended
    lived, problems, forbidden = hosting.knotd.alive, [], collections.Counter()
    if lived:
        bench.record("resident memory in the end, MiB", hosting.knotd.rss() >> 20)
    else:
        problems.append(f"knotd ended by itself with {hosting.knotd.process.returncode}")
    for one in running:
        try:
            seen = one.seen()
        except (AssertionError, Ended) as error:
            problems.append(f"attack {one.name}: {error}")
            continue
        forbidden.update({what: seen.get(what, 0) for what in FORBIDDEN})
        bench.record(f"  {one.name}: the attack's own", told(seen))
    hosting.neighbours.kill()
    try:
        if lived:
            hosting.knotd.finish(timeout=120)
    except AssertionError as error:
        problems.append(f"knotd's end: {error}")
    findings = hosting.findings()
    for text in findings:
        print(text[:6000], file=bench.output, flush=True)
    bench.record_server("all", f"{ALL_GOOD:,} good zones", cells_of(tally))
    record_kinds(bench, tally)
    bars = (("knotd lived until the end", int(lived), ">= 1"),
            ("fresh answers of good zones, %", f"{tally.share('fresh'):.3f}", FRESH_BAR),
            ("wrong answers of good zones", len(tally.wrong), "0"),
            *((what, forbidden[what], "0") for what in FORBIDDEN),
            ("findings of sanitizers", len(findings), "0"))
    for what, value, bar in bars:
        bench.record(what, value, bar)
        if not bench.rows[-1].met:
            problems.append(f"{what}: {value}")
    for wrong in tally.wrong[:10]:
        bench.record(f"  {wrong}", "")
    if problems and os.path.exists(hosting.knotd.log):
        print(hosting.knotd.log_text()[-4000:], hosting.knotd.text()[-4000:], sep="\n",
              file=bench.output, flush=True)
    return problems


BENCHES = {
    "hostile": bench_hostile,
    "hostile-all": bench_hostile_all,
}
