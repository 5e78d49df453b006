"""S2: how old what is known is after a reboot, and when somebody has set the clock."""

import pytest
from harness import (
    A1, AAAA1, STALE_ANSWER, STALE_TTL, TARGET, ZONE, aname, eventually, known, query,
)
from harness.authority import ADDRESS
from harness.clock import Clock

TTL, DAY = 300, 86400
FRESH, STALE, DROPPED = "fresh", "stale", "dropped"


@pytest.fixture
def clock(knotd, directory):
    """The clocks of knotd and the boot it lives in; those of the kernel again after the test."""
    clock = Clock(knotd, directory)
    yield clock
    clock.restore()


def restarted(knotd, authority, change):
    """Lets it start after a change, with nobody to ask, so that it answers from what it knew."""
    knotd.options.update({"resolver": ADDRESS, "timeout": 500})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=TTL)
    knotd.add_zone(ZONE, [aname(TARGET, ttl=TTL)])
    knotd.start()
    known()
    knotd.finish()
    authority.fail(TARGET)
    change()
    knotd.start()


def expect(worth):
    for rdtype, key, address in (("A", "a", A1), ("AAAA", "aaaa", AAAA1)):
        if worth == FRESH:
            query(ZONE, rdtype).expect(**{key: {address}}, ttl=(TTL - 100, TTL), ede=set())
        elif worth == STALE:
            # A lookup that has not failed yet makes it late.
            eventually(lambda rdtype=rdtype, key=key, address=address: query(ZONE, rdtype).expect(
                **{key: {address}}, ttl=(0, STALE_TTL), ede={STALE_ANSWER}), what="it is stale")
        else:
            reply = query(ZONE, rdtype)
            assert not reply.addresses(), f"expected that nothing is known, got {reply}"


@pytest.mark.parametrize("wall_s, worth", [
    (0, FRESH),
    (10 * 60, STALE),
    (-DAY, STALE),
    (-60, STALE),
    (3 * DAY, DROPPED),
], ids=["at-once", "10-minutes-on", "a-day-back", "a-minute-back", "beyond-stale-max"])
def test_S2_the_wall_clock_counts_across_a_reboot(
    knotd, authority, clock, wall_s, worth
):
    """Where it was set back nobody knows how much time has passed: all is past its lifetime."""
    restarted(knotd, authority, lambda: clock.reboot(wall_s))
    expect(worth)


@pytest.mark.parametrize("wall_s", [3 * DAY, -DAY], ids=["on", "back"])
def test_S2_within_a_boot_the_wall_clock_does_not_count(knotd, authority, clock, wall_s):
    restarted(knotd, authority, lambda: clock.set_wall(wall_s))
    expect(FRESH)
