"""T1, T3: a machine that is suspended, with what it knew when it wakes up."""

import json

import pytest
from harness import A1, A2, TARGET, ZONE, aname, answers, eventually, known, query
from harness.authority import ADDRESS
from harness.clock import Clock
from harness.kaname import kaname

TTL, HOUR = 300, 3600


@pytest.fixture
def clock(knotd, authority, directory):
    """The clocks of a server that knows its target."""
    clock = Clock(knotd, directory)
    knotd.options.update({"resolver": ADDRESS, "idle": HOUR})
    authority.set(TARGET, a=[A1], aaaa=(), ttl=TTL)
    knotd.add_zone(ZONE, [aname(TARGET, ttl=TTL)])
    knotd.start()
    known(ZONE, "A").expect(a={A1}, ttl=(TTL - 60, TTL))
    yield clock
    clock.restore()


def test_T1_ttls_count_down_while_the_machine_sleeps(clock):
    clock.suspend(100)
    # A second at most until it is seen.
    eventually(lambda: query(ZONE, "A").expect(a={A1}, ttl=(TTL - 160, TTL - 100)))


@pytest.mark.parametrize("hours", [1 / 6, 5, 30 * 24])
def test_T2_what_was_due_meanwhile_is_looked_up_when_it_wakes(clock, authority, hours):
    """However long it was: the timers, which stood still, are not what is waited for."""
    authority.set(TARGET, a=[A2], aaaa=(), ttl=TTL)
    clock.suspend(hours * HOUR)
    answers({A2}, ttl=(TTL - 60, TTL), timeout=20)


def succeeded(knotd):
    """Lookups, as the service counts them; nobody asks for the zone to learn it."""
    told = kaname("-s", knotd.socket, "status", "--json", directory=knotd.directory).stdout
    return json.loads(told)["server"]["lookups_succeeded"]


def test_T3_nobody_has_to_ask_and_the_sleep_is_no_idleness(clock, knotd):
    # And once more, as it goes on being kept fresh.
    for hours in (5, TTL / HOUR):
        # What has come before a sleep was not looked up in it.
        before = succeeded(knotd)
        clock.suspend(hours * HOUR)
        eventually(lambda: succeeded(knotd) > before, timeout=20,
                   what=f"the target is looked up by itself after {hours:.2f} hours")
    query(ZONE, "A").expect(a={A1}, ttl=(TTL - 60, TTL), ede=set())
