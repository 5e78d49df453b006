"""N1, N2, F3, F4, A7 and T1 with the option `resolver`, where what is asked is no resolver at all:
closed ports, authorities with delegations and chains of aliases, servers that may not recurse.
"""

from harness.ask import query
from harness.scenario import ZONE, failed
from harness.wait import eventually
from harness.zone import aname

LOOPBACK = "127.0.0.1"


def test_N2_a_closed_port_fails_300_targets_at_once_and_nothing_else(knotd):
    """Newer c-ares learns of the closed port within the very call that sends the query."""
    knotd.options.update({"resolver": LOOPBACK, "timeout": 2000, "retry-max": 1})
    zones = [f"z{number}.{ZONE}" for number in range(300)]
    for number, zone in enumerate(zones):
        knotd.add_zone(zone, [aname(f"t{number}.example.net")])
    knotd.start()
    for _ in range(2):
        for zone in zones:
            failed(zone, "A")
            failed(zone, "AAAA")

    def failures():
        # Queries bring the counters up to date, now and then.
        for zone in zones:
            query(zone, "A").expect(rcode="SERVFAIL", aa=None)
        return sum(knotd.stats(zone)["lookups[failed]"] for zone in zones[:5])

    # And again and again, in each interval, while they are asked for.
    eventually(lambda: failures() >= 5 * 2 * 3, timeout=30, what="all have failed three times")
    knotd.require()
    count = sum(knotd.stats(zone)["lookups[succeeded]"] for zone in zones[:5])
    assert count == 0, f"expected failures only, got {count} that succeeded"
