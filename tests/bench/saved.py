"""The state file: what saving and reading it takes, and whether it stands every end."""

import os
import re
import shutil
import socket
import statistics
import time

import crowd
import farm
import measure
import world

FILE = "mod-aname.state"
# Of 100,000 names with both families.
NAMES, SAVES, PAUSE_S = 100000, 6, 4
# What belongs to a save: this long before the file is there, and after it.
AROUND_S = (1.5, 0.2)
# A name that nobody has.
PROBE = f"no.{world.SUFFIX}"


def path_of(knotd):
    return os.path.join(knotd.directory, "db", FILE)


def known_options(bench, **options):
    """Those options if this module has them, or none."""
    from harness.knotd import Knotd
    directory = os.path.join(bench.directory, "options")
    os.makedirs(directory, exist_ok=True)
    knotd = Knotd(directory)
    knotd.options = options
    accepted, text = knotd.conf_check()
    if not accepted:
        print(f"  without {', '.join(options)}: {text.strip()}", file=bench.output)
    return options if accepted else {}


def own_word(knotd):
    """What the module says of its state file, in its status: {key: text}."""
    line = re.search(r"^file\t(.*)$", farm.ask_status(knotd, f"status {PROBE}"), re.MULTILINE)
    return dict(field.split("=", 1) for field in line.group(1).split("\t")) if line else {}


def saved_at(knotd):
    """When the file was saved last, on the wall clock; 0: never."""
    try:
        return os.stat(path_of(knotd)).st_mtime
    except FileNotFoundError:
        return 0


def bench_state(bench):
    """100,000 names with both families: what saving them takes, how long the loop is held by it,
    and what reading them takes. 5 minutes.
    """
    count = NAMES // 10 if bench.quick else NAMES
    with farm.farm(bench, farm.targets_of(count)) as zones:
        options = known_options(bench, **{"state-interval": 3600})
        targets = world.Targets(bench.directory, 86400, world.ADDRESSES)
        targets.start()
        bench.daemons.append(targets)
        knotd = zones.start("aname", **{"max-targets": 4 * count, **options})
        farm.warm_up(zones, knotd)
        what = f"{2 * count:,} targets of one family with 2 addresses"
        saving(bench, knotd, what, bool(options), zones.questions())
        knotd.finish(timeout=120)
        size = os.path.getsize(path_of(knotd)) if os.path.exists(path_of(knotd)) else 0
        bench.record("  octets of the file for each target", f"{size / (2 * count):.1f}",
                     "<= 200" if size else "there is none")
        loading(bench, knotd, what, 2 * count)


def saving(bench, knotd, what, saves, questions):
    """Asks for the status as fast as it can, while the state is saved and while it is not."""
    samples, times = watch(bench, knotd, saves, questions)
    word = own_word(knotd)
    bench.record(f"{what}: saves watched", f"{len(times)}")
    for key, name, bar in (("took", "the last one, by the module's word: a thread's ms", "<= 150"),
                           ("held", "  longest that held up other work, ms", "<= 5"),
                           ("targets", "  targets in it", "")):
        if key in word:
            bench.record(f"  {name}", word[key], bar)
    rows = {"while saving": [], "otherwise": []}
    for when, took in samples:
        near = any(-AROUND_S[0] <= when - one <= AROUND_S[1] for one in times)
        rows["while saving" if near else "otherwise"].append(took)
    for which, values in rows.items():
        if values:
            half, most, last = world.quantiles(values)
            bench.record(f"  status of one name {which}, ms",
                         f"p50 {half:.2f}, p99 {most:.2f}, max {last:.1f}")


def watch(bench, knotd, saves, questions):
    """([(when, ms)] of requests to the status socket, times of saves).

    What an operator forces is saved at once, and all the rest with it.
    """
    load = measure.dnsperf_start(questions, bench.directory, rate=1000,
                                 seconds=PAUSE_S * (SAVES + 1))
    samples, times, last, forced = [], [], saved_at(knotd), []
    begun = time.monotonic()
    while load.poll() is None:
        if saves and PAUSE_S * (len(forced) + 1) < time.monotonic() - begun < PAUSE_S * SAVES:
            forced.append(force(knotd, f"192.0.2.{200 + len(forced)}"))
        start = time.perf_counter()
        farm.ask_status(knotd, f"status {PROBE}")
        samples.append((time.time(), (time.perf_counter() - start) * 1000))
        if (now := saved_at(knotd)) != last:
            times.append(now)
            last = now
    for sock in forced:
        sock.close()
    measure.dnsperf_result(load)
    return samples, times


def force(knotd, address):
    """Has an address forced, and does not wait for it; the connection."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.connect(os.path.join(knotd.directory, "mod-aname.sock"))
    sock.sendall(f"force {address} down 3600\n".encode("ascii"))
    return sock


def loading(bench, former, what, count):
    """How long a server that has one zone takes until it knows all that is in the file."""
    kept = os.path.join(bench.directory, "kept.state")
    if not os.path.exists(path_of(former)):
        bench.record(f"{what}: to load, ms", "there is no file", "<= 100")
        return
    shutil.copy(path_of(former), kept)
    rows, words = {"with": [], "without": []}, []
    for turn in range(bench.pairs(7)):
        for which in ("with", "without") if turn % 2 == 0 else ("without", "with"):
            knotd = one_zone(bench, count)
            if which == "with":
                shutil.copy(kept, path_of(knotd))
            rows[which].append(until_known(knotd, count if which == "with" else 0))
            if which == "with":
                words.append(own_word(knotd).get("loaded"))
            knotd.kill()
    more = statistics.median(rows["with"]) - statistics.median(rows["without"])
    bench.record(f"{what}: ms from start until all are known, one zone", measure.spread(
        rows["with"], 0))
    bench.record("  until the status answers, without a file", measure.spread(rows["without"], 0))
    bench.record("  to load, ms", f"{more:.0f}", "<= 100")
    if None not in words:
        bench.record("  to load, by the module's word, ms",
                     measure.spread([float(word) for word in words], 0), "<= 100")


def one_zone(bench, count):
    """A server with one zone, that asks the same as those with many."""
    from harness.knotd import Knotd
    from harness.zone import aname
    directory = os.path.join(bench.directory, "one")
    shutil.rmtree(directory, ignore_errors=True)
    os.mkdir(directory)
    knotd = Knotd(directory)
    bench.daemons.append(knotd)
    knotd.options = {"resolver": [world.TARGETS[0]], "max-targets": 2 * count}
    knotd.add_zone("one.test", [aname(f"one.{world.SUFFIX}")])
    return knotd


def until_known(knotd, count):
    """Milliseconds until the status says that there are so many targets."""
    knotd.write_conf()
    start = time.perf_counter()
    super(type(knotd), knotd).start()
    while True:
        knotd.require()
        assert time.perf_counter() < start + 60, f"not {count} targets within a minute"
        try:
            if farm.totals(knotd)["targets"] >= count:
                return (time.perf_counter() - start) * 1000
        except (FileNotFoundError, ConnectionRefusedError):
            pass
        time.sleep(0.002)


# Ends.

ROUNDS = 1000
ZONES, ASKED = 1000, 50
# Targets of each zone: with 2 + 2 addresses 32,000 of one family, of which the file has 3 MB or so.
POOL, TTL = 16, 30
# Zones whose targets are looked up every second, so that something changes all the time.
SHORT = 5
LOAD = 500
LONGEST_S = 2.2


def bench_killed(bench):
    """kill -9 at 1,000 moments by chance, while the state is saved every second: 25 minutes.

    The rounds are those of ANAME_ROUNDS, if it is set, and the seed that of ANAME_SEED.
    """
    from harness.crash import Crashes
    rounds = int(os.environ.get("ANAME_ROUNDS", ROUNDS // 20 if bench.quick else ROUNDS))
    seed = int(os.environ.get("ANAME_SEED", time.time_ns() % 1000000))
    bench.fresh()
    targets = world.Targets(bench.directory, TTL, world.ADDRESSES)
    targets.start()
    bench.daemons.append(targets)
    options = known_options(bench, **{"state-interval": 1})
    knotd = seed_state(bench, options)
    bench.record(f"kill -9 {rounds} times, seed", f"{seed}")
    if not os.path.exists(path_of(knotd)):
        bench.record("  state file", "there is none", "0")
        return
    for name in list(knotd.zones)[ASKED:]:
        del knotd.zones[name]
    knotd.write_conf()
    asking = crowd.Crowd(questions_of(knotd), LOAD, seed)

    crashes = Crashes(knotd, path_of(knotd), lambda: asking.ask_one(0), seed)
    bad = unknown = 0
    try:
        for _ in range(rounds):
            asking.begin()
            crashes.round(LONGEST_S, meanwhile=asking.run)
            bad += asking.seen.first["SERVFAIL"]
            unknown += asking.seen.first["TC"]
    finally:
        asking.close()
        bench.record("  rounds after which the file was whole, and read", f"{crashes.rounds}",
                     f">= {rounds}")
    bench.record("  rounds in which it was saved", f"{crashes.changed}", f">= {rounds // 10}")
    bench.record("  ends while it was being written", f"{crashes.writing}",
                 ">= 1" if rounds >= 500 else "")
    bench.record("  octets", f"{crashes.last.octets}")
    bench.record("  longest start to the first answer, seconds", f"{crashes.longest_start:.2f}")
    bench.record("  SERVFAIL", f"{bad}", "0")
    bench.record("  truncated", f"{unknown}", "0")


def questions_of(knotd):
    return [crowd.Question(name, rdtype) for name in knotd.zones for rdtype in ("A", "AAAA")]


def seed_state(bench, options):
    """A server that has ended, and has left a file with many targets."""
    from harness.zone import aname
    knotd = bench.new_knotd()
    knotd.options = {"resolver": [world.TARGETS[0]], **options}
    for i in range(ZONES):
        knotd.add_zone(f"z{i}.test", [aname(f"t{i}-{k}.{world.SUFFIX}", ttl=1 if i < SHORT else TTL)
                                      for k in range(POOL)])
    knotd.start()
    asking = crowd.Crowd(questions_of(knotd))
    deadline = time.monotonic() + 120
    while (known := farm.totals(knotd)["addresses"]) < 2 * world.ADDRESSES * ZONES * POOL:
        assert time.monotonic() < deadline, f"{known} addresses are known"
        asking.each()
    asking.close()
    knotd.finish(timeout=60)
    return knotd


BENCHES = {
    "state": bench_state,
    "killed": bench_killed,
}
