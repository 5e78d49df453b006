"""One zone with many names: 100,000 of them with an ANAME record, or 1,000 of a million."""

import contextlib
import os
import shutil
import statistics
import subprocess
import tempfile
import time

import farm
import measure
import world
from instructions import QUERIES, Windows
from measure import question

ZONE = "big.test"
MEMORY = "/dev/shm"
PORTS = {"any": 5300, "none": 5301}


class Big:
    """Servers of a zone whose SOA has a file of its own, so that a new serial makes knotd read all of it anew.

    any:  with the module and `owners: any`
    none: the same zone without it
    """

    def __init__(self, bench, lines, *, signed=False, options=None):
        self.bench = bench
        self.signed = signed
        self.options = options or {}
        self.serial = 0
        # What memory is taken shows in one arena, but what knotd allocates for the zone and what the
        # module allocates for queries then lies in between each other, as on no server.
        self.one_arena = False
        self.directory = tempfile.mkdtemp(prefix="bench-", dir=MEMORY)
        with open(os.path.join(self.directory, "names"), "w", encoding="ascii") as file:
            file.writelines(f"{line}\n" for line in lines)
        self.next_serial()

    def next_serial(self):
        self.serial += 1
        path = os.path.join(self.directory, f"{ZONE}.zone")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"$ORIGIN {ZONE}.\n$TTL 3600\n"
                       f"@ SOA ns hostmaster {self.serial} 3600 600 86400 300\n@ NS ns\n"
                       f"ns A 192.0.2.1\n$INCLUDE {self.directory}/names\n")
        # knotd compares whole seconds.
        os.utime(path, (self.serial, self.serial))

    def make(self, kind, under=()):
        from harness.knotd import Knotd, Zone, section
        knotd = Knotd(os.path.join(self.bench.directory, kind))
        self.bench.daemons.append(knotd)
        if self.one_arena:
            knotd.env["MALLOC_ARENA_MAX"] = "1"
        knotd.server.update({"listen": f"127.0.0.1@{PORTS[kind]}", "udp-workers": 1,
                             "tcp-workers": 1})
        knotd.zone_directory = self.directory
        knotd.template = {"journal-content": "none"}
        knotd.with_module = kind == "any"
        knotd.sections.append(section("acl", "local", address="127.0.0.1", action="update"))
        if knotd.with_module:
            knotd.sections.insert(0, section("mod-aname", "any", owners="any",
                                             resolver=world.TARGETS[0], **self.options))
        zone = {"acl": "local"}
        if self.signed:
            zone["dnssec-signing"] = True
        knotd.zones = {ZONE: Zone(["mod-aname/any"] if knotd.with_module else [], zone)}
        knotd.argv = [*under, *knotd.argv]
        return knotd

    def start(self, kind, **how):
        """A server that has loaded it; .took and .cpu are what that took in seconds."""
        from harness.process import Daemon
        from harness.wait import eventually
        knotd = self.make(kind, **how)
        knotd.write_conf()
        start = time.monotonic()
        Daemon.start(knotd)
        eventually(lambda: self.has_serial(knotd), timeout=600, step=0.05, what="it is loaded")
        knotd.took = time.monotonic() - start
        knotd.cpu = measure.cpu_ns(knotd.pid) / 1e9
        return knotd

    def has_serial(self, knotd):
        knotd.require()
        told = knotd.knotc("zone-status", ZONE, "+serial", check=False).stdout
        return f"serial: {self.serial}" in told or self.signed and "serial: " in told

    def remove(self):
        shutil.rmtree(self.directory)


@contextlib.contextmanager
def big(bench, lines, **how):
    bench.fresh()
    made = Big(bench, lines, **how)
    try:
        yield made
    finally:
        bench.close()
        made.remove()


def aname_lines(count, targets):
    from harness import aname
    return (aname(f"t{i % targets}.{world.SUFFIX}", owner=f"n{i}", ttl=86400)
            for i in range(count))


def start_targets(bench):
    targets = world.Targets(bench.directory, 86400, world.ADDRESSES)
    targets.start()
    bench.daemons.append(targets)


def timed(knotd, *command):
    """Seconds that a command of knotc takes until it is done, and those of processor time."""
    start, cpu = time.monotonic(), measure.cpu_ns(knotd.pid)
    knotd.knotc("-t", "0", *command, timeout=600)
    return time.monotonic() - start, (measure.cpu_ns(knotd.pid) - cpu) / 1e9


def read_anew(zone, knotd):
    """Both servers have the same file: each is given a serial that it has not."""
    zone.next_serial()
    took = timed(knotd, "-b", "zone-reload", ZONE)
    assert zone.has_serial(knotd), f"not read anew: {knotd.log_text()[-1000:]}"
    return took


def set_record(knotd, number):
    """An update of one record, by the control socket."""
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "changes", "60", "TXT", str(number))
    return timed(knotd, "zone-commit", ZONE)


def update_record(knotd, number):
    """The same by a dynamic update."""
    import dns.query
    import dns.update
    update = dns.update.Update(ZONE)
    update.replace("updated", 60, "TXT", str(number))
    start, cpu = time.monotonic(), measure.cpu_ns(knotd.pid)
    reply = dns.query.tcp(update, "127.0.0.1", port=int(knotd.server["listen"].split("@")[1]),
                          timeout=60)
    assert reply.rcode() == 0, reply
    return time.monotonic() - start, (measure.cpu_ns(knotd.pid) - cpu) / 1e9


def compare(bench, name, servers, count, action, bar="<= 1.20"):
    """action(server, number) by turns; rows of its time with the module against without."""
    rows = measure.alternate(count, *(
        lambda kind=kind: action(servers[kind], time.monotonic_ns()) for kind in ("any", "none")))
    for number, what in enumerate(("time", "CPU")):
        mine, none = (statistics.median(row[side][number] for row in rows) for side in (0, 1))
        bench.record(f"{name}, {what}: ms with the module; without",
                     f"{mine * 1e3:.1f}; {none * 1e3:.1f}")
        bench.record("  with / without", measure.spread([one[number] / other[number]
                                                         for one, other in rows], 2))
    # knotd goes through the whole zone in memory, so what else the machine does shows.
    for number, what in enumerate(("time", "CPU")):
        least = [min(row[side][number] for row in rows) for side in (0, 1)]
        bench.record(f"{name}: least {what} with the module / least without",
                     f"{least[0] / least[1]:.2f}", bar)


def compare_all(bench, name, zone, servers, pairs):
    """What an operator does to a zone."""
    compare(bench, f"{name}: zone-reload", servers, pairs,
            lambda knotd, _number: read_anew(zone, knotd))
    compare(bench, f"{name}: knotc reload", servers, 3 * pairs,
            lambda knotd, _number: timed(knotd, "reload"))
    compare(bench, f"{name}: commit of one record", servers, 3 * pairs, set_record)
    compare(bench, f"{name}: dynamic update of one record", servers, 3 * pairs, update_record)


def reload_when_asked(bench, name, servers, count):
    """`knotc reload` takes away what is kept of each owner: it is asked for before each."""
    def action(knotd, _number):
        if knotd is servers["any"]:
            ask_all(bench, count, rounds=1)
        return timed(knotd, "reload")

    compare(bench, f"{name}, asked for just now: knotc reload", servers, 3, action)


def memory_of_both(bench, name, zone, unit, octets):
    """Starts both to see what they take before anything was asked for; returns them and that."""
    zone.one_arena = True
    while bench.daemons:
        bench.daemons.pop().kill()
    servers = {kind: zone.start(kind) for kind in ("any", "none")}
    zone.one_arena = False
    idle = {kind: one.rss() for kind, one in servers.items()}
    bench.record(f"{name}: memory without the module, {unit}", f"{idle['none'] / octets:.0f}")
    bench.record(f"{name}, none asked for: more with the module, MiB",
                 f"{(idle['any'] - idle['none']) / 2**20:.1f}")
    return servers, idle


def start_both(bench, name, zone, starts):
    """Starts both so many times by turns; returns those of the last time."""
    rows, servers = [], {}
    for turn in range(starts):
        while bench.daemons:
            bench.daemons.pop().kill()
        order = ("any", "none") if turn % 2 == 0 else ("none", "any")
        servers = {kind: zone.start(kind) for kind in order}
        rows.append(servers)
    for what in ("took", "cpu"):
        times = {kind: [getattr(one[kind], what) for one in rows] for kind in ("any", "none")}
        words = "time" if what == "took" else "CPU"
        bench.record(f"{name}: start, {words}: seconds with the module; without",
                     "; ".join(f"{statistics.median(times[kind]):.2f}" for kind in times))
        bench.record("  with / without", measure.spread(
            [mine / other for mine, other in zip(*times.values())], 2))
        bench.record(f"{name}: start: least {words} with the module / least without",
                     f"{min(times['any']) / min(times['none']):.2f}", "<= 1.20")
    return servers


def ask_all(bench, count, *, do=False, rounds=3):
    """Asks for A and AAAA of all owners until nothing is truncated: all targets are known."""
    names = [question(f"n{i}.{ZONE}", rdtype) for i in range(count) for rdtype in ("A", "AAAA")]
    for _ in range(rounds):
        done = measure.dnsperf(names, bench.directory, rate=20000, count=len(names), do=do,
                               server=("127.0.0.1", PORTS["any"]))
    return done


def wait_known(bench, knotd, count, targets, **how):
    """Seconds until the addresses of all targets are known."""
    start = time.monotonic()
    wanted = 2 * world.ADDRESSES * targets
    while (known := farm.totals(knotd)["addresses"]) < wanted:
        assert time.monotonic() < start + 300, f"{known} addresses of {wanted}"
        ask_all(bench, count, rounds=1, **how)
    return time.monotonic() - start


def memory(bench, name, knotd, count, targets):
    idle = knotd.rss()
    wait_known(bench, knotd, count, targets)
    ask_all(bench, count, rounds=1)
    bench.record(f"{name}, all asked for: octets for each owner",
                 f"{(knotd.rss() - idle) / count:.0f}")


def bench_big_owners(bench):
    """A zone with 100,000 owners of ANAME records: memory for each, and the time to load it, to
    read it anew and to change one record, against the same zone without the module. With a target
    for each owner and with one for all. Five minutes; Knot 3.3.5 and later.
    """
    count = 10000 if bench.quick else 100000
    for targets in (1, count):
        name = f"{count:,} owners, {'one target' if targets == 1 else 'as many targets'}"
        with big(bench, aname_lines(count, targets)) as zone:
            servers, _ = memory_of_both(bench, name, zone, "octets for each owner", count)
            start_targets(bench)
            memory(bench, name, servers["any"], count, targets)
            servers = start_both(bench, name, zone, bench.pairs(5))
            if targets == 1:
                compare_all(bench, f"{name}, none asked for", zone, servers, bench.pairs(5))
            start_targets(bench)
            wait_known(bench, servers["any"], count, targets)
            compare_all(bench, f"{name}, all asked for", zone, servers, bench.pairs(5))
            reload_when_asked(bench, name, servers, count)
            if targets != 1:
                found = farm.totals(servers["any"])
                bench.record(f"{name}: addresses known after all that", f"{found['addresses']}",
                             f">= {2 * world.ADDRESSES * targets}")


def mixed_lines(names, owners, static=False):
    """A zone of so many names, of which some have an ANAME record, or else what it leads to."""
    from harness import aname
    apart = names // owners
    for i in range(names):
        if i % apart:
            yield f"h{i} A 198.51.100.{i % 250}"
        elif static:
            yield f"h{i} A 192.0.2.1\nh{i} A 192.0.2.2"
        else:
            yield aname(f"t{i % 10}.{world.SUFFIX}", owner=f"h{i}", ttl=86400)


def mixed_names(names, owners, zone, *, with_aname):
    """Questions for 1,000 of them."""
    apart = names // owners
    return [question(f"h{i * apart + (0 if with_aname else 1 + 7 * i % (apart - 1))}.{zone}")
            for i in range(min(1000, owners))]


def count_instructions(bench, names, owners):
    """The zone with the module, and one without that has the addresses, in one server."""
    from harness.process import Daemon
    from harness.wait import eventually
    from harness.knotd import Zone
    plain = "bigg.test"
    name = f"{names:,} names, {owners:,} of them with ANAME"
    with big(bench, mixed_lines(names, owners)) as zone:
        path = os.path.join(zone.directory, f"{plain}.zone")
        with open(path, "w", encoding="ascii") as file:
            file.write(f"$ORIGIN {plain}.\n$TTL 3600\n@ SOA ns hostmaster 1 3600 600 86400 300\n"
                       "@ NS ns\nns A 192.0.2.1\n")
            file.writelines(f"{line}\n" for line in mixed_lines(names, owners, static=True))
        start_targets(bench)
        # Nothing is counted while the zones are read, which takes long enough as it is.
        knotd = zone.make("any", under=(
            "valgrind", "--tool=callgrind", "--separate-threads=no", "--instr-atstart=no",
            f"--callgrind-out-file={bench.directory}/callgrind.out"))
        knotd.zones[plain] = Zone([], {})
        knotd.write_conf()
        Daemon.start(knotd)
        eventually(lambda: zone.has_serial(knotd) and "serial: 1" in knotd.knotc(
            "-t", "0", "zone-status", plain, timeout=100).stdout, timeout=900, what="it is loaded")
        server = ("127.0.0.1", PORTS["any"])
        for _ in range(3):  # Until the addresses are known.
            measure.dnsperf(mixed_names(names, owners, ZONE, with_aname=True), bench.directory,
                            count=1000, server=server)
            time.sleep(1)
        windows = Windows(bench.directory, knotd)
        subprocess.run(["callgrind_control", "--instr=on", str(knotd.pid)], check=True,
                       capture_output=True, timeout=60)

        def count(label, zone, with_aname):
            questions = mixed_names(names, owners, zone, with_aname=with_aname)

            def some(queries=QUERIES):
                done = measure.dnsperf(questions, bench.directory, count=queries, server=server)
                assert done["codes"].startswith("NOERROR") and "100.00%" in done["codes"], done
                return done["completed"]

            some(1000)
            return windows.count(label, some).instructions

        for label, with_aname, bar in (
                ("A of an owner of ANAME / static", True, "<= 1.10"),
                ("static A / without the module", False, "<= 1.05")):
            mine = count(f"{label[:8]}-any".replace(" ", ""), ZONE, with_aname)
            other = count(f"{label[:8]}-none".replace(" ", ""), plain, with_aname)
            bench.record(f"{name}: {label}: instructions per query", f"{mine / other:.3f}", bar)
            bench.record(f"{name}: {label}: their numbers", f"{mine:.0f} / {other:.0f}")


def bench_big_names(bench):
    """A zone with a million names, 1,000 of which have ANAME records: instructions per warm query
    of these and of the others, against a zone without the module; memory; and the time to load it,
    to read it anew and to change a record. Ten minutes; Knot 3.3.5 and later.
    """
    names, owners = (50000, 1000) if bench.quick else (1000000, 1000)
    name = f"{names:,} names"
    with big(bench, mixed_lines(names, owners)) as zone:
        servers, idle = memory_of_both(bench, name, zone, "MiB", 2**20)
        start_targets(bench)
        server = ("127.0.0.1", PORTS["any"])
        for _ in range(3):  # Until the addresses are known.
            measure.dnsperf(mixed_names(names, owners, ZONE, with_aname=True), bench.directory,
                            count=1000, server=server)
            time.sleep(1)
        windows = Windows(bench.directory, knotd)
        subprocess.run(["callgrind_control", "--instr=on", str(knotd.pid)], check=True,
                       capture_output=True, timeout=60)

        def count(label, zone, with_aname):
            questions = mixed_names(names, owners, zone, with_aname=with_aname)

            def some(queries=QUERIES):
                done = measure.dnsperf(questions, bench.directory, count=queries, server=server)
                assert done["codes"].startswith("NOERROR") and "100.00%" in done["codes"], done
                return done["completed"]

            some(1000)
            return windows.count(label, some).instructions

        for label, with_aname, bar in (
                ("A of an owner of ANAME / static", True, "<= 1.10"),
                ("static A / without the module", False, "<= 1.05")):
            mine = count(f"{label[:8]}-any".replace(" ", ""), ZONE, with_aname)
            other = count(f"{label[:8]}-none".replace(" ", ""), plain, with_aname)
            bench.record(f"{name}: {label}: instructions per query", f"{mine / other:.3f}", bar)
            bench.record(f"{name}: {label}: their numbers", f"{mine:.0f} / {other:.0f}")


def bench_big_names(bench):
    """A zone with a million names, 1,000 of which have ANAME records: instructions per warm query
    of these and of the others, against a zone without the module; memory; and the time to load it,
    to read it anew and to change a record. Ten minutes; Knot 3.3.5 and later.
    """
    names, owners = (50000, 1000) if bench.quick else (1000000, 1000)
    name = f"{names:,} names"
    with big(bench, mixed_lines(names, owners)) as zone:
        servers = start_both(bench, name, zone, bench.pairs(3))
        idle = {kind: one.rss() for kind, one in servers.items()}
        bench.record(f"{name}: memory without the module, MiB", f"{idle['none'] / 2**20:.0f}")
        bench.record(f"{name}, none asked for: more with the module, MiB",
                     f"{(idle['any'] - idle['none']) / 2**20:.1f}")
        start_targets(bench)
        server = ("127.0.0.1", PORTS["any"])
        for with_aname in (True, True, False):
            measure.dnsperf(mixed_names(names, owners, ZONE, with_aname=with_aname),
                            bench.directory, count=2000, server=server)
            time.sleep(1)
        bench.record(f"{name}, 1,000 owners and 1,000 others asked for: more with the module, MiB",
                     f"{(servers['any'].rss() - idle['none']) / 2**20:.1f}")
        servers = start_both(bench, name, zone, bench.pairs(3))
        compare_all(bench, name, zone, servers, bench.pairs(5))
    count_instructions(bench, names, owners)


def cpu_of(bench, knotd, questions, **how):
    """(us of processor time per query, what dnsperf says): each once."""
    cpu = measure.cpu_ns(knotd.pid)
    done = measure.dnsperf(questions, bench.directory, count=len(questions),
                           server=("127.0.0.1", PORTS["any"]), **how)
    assert done["lost"] == 0, done
    return (measure.cpu_ns(knotd.pid) - cpu) / 1000 / done["completed"], done


def bench_big_bounds(bench):
    """100,000 owners where there is no room for all: signatures in a zone signed by knotd, beyond
    65,536 of which each is made anew, and targets beyond `max-targets`. Five minutes; Knot 3.3.5
    and later.
    """
    bound_of_signatures(bench)
    bound_of_targets(bench)


def verify(knotd, names):
    """Every signature over these addresses is good."""
    import dns.dnssec
    import dns.name
    import dns.rdatatype
    from harness import query
    server = ("127.0.0.1", PORTS["any"])
    apex = dns.name.from_text(ZONE)
    keys = {apex: next(one for one in query(ZONE, "DNSKEY", "tcp", server=server).message.answer
                       if one.rdtype == dns.rdatatype.DNSKEY)}
    for name in names:
        reply = query(name, "A", "tcp", server=server, do=True, timeout=10)
        sets = {one.rdtype: one for one in reply.message.answer}
        assert len(sets[dns.rdatatype.A]) == world.ADDRESSES, f"{name}: {reply.message}"
        dns.dnssec.validate(sets[dns.rdatatype.A], sets[dns.rdatatype.RRSIG], keys)


def bound_of_signatures(bench):
    count = 10000 if bench.quick else 100000
    with big(bench, aname_lines(count, 1), signed=True) as zone:
        start_targets(bench)
        knotd = zone.start("any")
        name = f"{count:,} owners, signed"
        bench.record(f"{name}: seconds to start", f"{knotd.took:.1f}")
        cpu_of(bench, knotd, [question(f"n{count - 1}.{ZONE}")], do=True)  # Keys, and the target.
        time.sleep(3)
        idle = knotd.rss()
        for owners in (count // 10, count // 2, count):
            names = [question(f"n{i}.{ZONE}") for i in range(owners)]
            cpu_of(bench, knotd, names, do=True, rate=10000)
            cpu, done = cpu_of(bench, knotd, names, do=True, rate=10000)
            assert done["codes"] == f"NOERROR {owners} (100.00%)", done
            bench.record(f"{name}, {owners:,} asked for in turn: us of CPU per query", f"{cpu:.1f}")
            bench.record("  memory, octets for each of these",
                         f"{(knotd.rss() - idle) / owners:.0f}")
        verify(knotd, [f"n{i}.{ZONE}" for i in range(0, count, count // 200)])
        bench.record(f"{name}, of 200 asked for by TCP: good signatures", "200", ">= 200")


def bound_of_targets(bench):
    count = 10000 if bench.quick else 100000
    for room in (2 * count, count // 5):
        with big(bench, aname_lines(count, count), options={"max-targets": room}) as zone:
            start_targets(bench)
            knotd = zone.start("any")
            names = [question(f"n{i}.{ZONE}") for i in range(count)]
            for _ in range(3):  # What could not be looked up at once is known then.
                cpu, done = cpu_of(bench, knotd, names, tcp=True, rate=10000)
            name = f"{count:,} owners with as many targets, room for {room:,}, asked for by TCP in turn"
            bench.record(f"{name}: us of CPU per query", f"{cpu:.1f}")
            bench.record("  answers", done["codes"])


BENCHES = {
    "big-owners": bench_big_owners,
    "big-names": bench_big_names,
    "big-bounds": bench_big_bounds,
}
