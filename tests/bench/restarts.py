"""The recursor ends and comes back, again and again: does the server live, and does everybody know
everything soon after?

Meant for a module built with sanitizers, since what goes wrong then is what c-ares and libuv do in
places where nothing is seen of it otherwise.
"""

import random
import time

import outage
import world

ZONES, RESTARTS, TTL = 300, 20, 2
# Seconds that an outage lasts, at least and at most, without the recursor's own start.
LEAST_S, MOST_S = 0.2, 1.8
# It is up between two outages for so many seconds at least.
BETWEEN_S = 1
# Names are waited for so long.
GIVE_UP_S = 60


def start(bench):
    """(knotd, recursor, a client that knows all)."""
    from harness.zone import aname
    bench.fresh()
    recursor = world.start_recursor(bench, TTL, world.ADDRESSES)
    knotd = bench.new_knotd()
    knotd.options = {"resolver": [world.RECURSOR[0]]}
    names = [f"dns-{i}.test" for i in range(ZONES)]
    for name in names:
        target = f"{name.removesuffix('.test')}.{world.SUFFIX}"
        knotd.add_zone(name, [aname(target)], modules=["mod-aname/test"])
    knotd.start()
    client = outage.Client([(name, rdtype) for name in names for rdtype in ("A", "AAAA")])
    client.learn(TTL)
    return knotd, recursor, client


def bench_restarts(bench):
    """300 names with TTL 2: the recursor is killed and restarted 20 times, each within 2 s."""
    knotd, recursor, client = start(bench)
    chance = random.Random(1)
    client.begin()
    took, lengths, missing = [], [], 0
    for _ in range(RESTARTS):
        gone = time.monotonic()
        recursor.kill()
        client.run(chance.uniform(LEAST_S, MOST_S))
        recursor.begin()
        client.run(GIVE_UP_S, until=recursor.ready)
        back = time.monotonic()
        client.fresh.clear()
        lengths.append(back - gone)
        client.run(GIVE_UP_S, until=lambda: len(client.fresh) == len(client.questions))
        missing += len(client.questions) - len(client.fresh)
        took.append(max(client.fresh.values(), default=time.monotonic()) - back)
        client.run(BETWEEN_S)
    failures = sum(knotd.stats(f"dns-{i}.test")["lookups[failed]"] for i in range(ZONES))
    asked, stale = client.asked, client.stale
    # A bad end or a report of a sanitizer is an error.
    knotd.finish()
    bench.record(f"{ZONES} zones, recursor killed and restarted {RESTARTS} times: queries",
                 f"{asked}")
    bench.record("  outages, at most: seconds", f"{max(lengths):.2f}", "<= 2")
    bench.record("  lookups that failed", f"{failures}")
    bench.record("  stale answers", f"{stale}")
    bench.record("  answers without addresses", f"{sum(client.bad.values())}", "0")
    bench.record("  queries without an answer", f"{sum(client.lost.values())}", "0")
    bench.record("  every name answered anew after a return, at most: seconds",
                 f"{max(took):.2f}", "<= 3")
    bench.record(f"  names not answered anew within {GIVE_UP_S} s", f"{missing}", "0")


BENCHES = {"restarts": bench_restarts}
