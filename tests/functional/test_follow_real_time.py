"""M3: failure keeps what is there, for ever, and NODATA is believed after ten minutes. In real time:
all that takes minutes goes on side by side.
"""

import time

import pytest
from harness import A1, A2, AAAA1, aname, known
from harness.authority import SCRIPTED, Authority
from harness.follow import KEY, stands, written
from harness.knotd import section
from harness.secondaries import Nsd, serial
from harness.wait import SLOW, crowded, eventually

# What is written at which minute is the same with sanitizers, if the machine keeps up.
pytestmark = [pytest.mark.minutes, pytest.mark.skipif(SLOW > 1, reason="it is told by the minute")]
MINUTE = 60
LIMIT = 13 * MINUTE
# When a change that is due must be there.
GRACE_S = 20


class Story:
    """A zone whose target does something at these minutes; stays: until then nothing may change."""

    def __init__(self, zone, steps, gone=None, back=None):
        self.zone, self.steps = zone, dict(steps)
        self.target = f"t.{zone}"
        self.gone, self.back = gone, back
        self.last = None

    def due(self, minute):
        """Takes the next step if it is time."""
        for at in sorted(self.steps):
            if at <= minute:
                self.steps.pop(at)(self)
                return


def minutes_since(begin):
    return (time.monotonic() - begin) / MINUTE


def is_there(authority):
    return lambda story: authority.set(story.target, a=[A1], aaaa=[AAAA1], ttl=1)


def nxdomain(authority):
    return lambda story: authority.nxdomain(story.target, negative_ttl=1)


def nodata(authority):
    return lambda story: authority.set(story.target, negative_ttl=1)


def fails(authority, rcode="SERVFAIL"):
    return lambda story: authority.fail(story.target, rcode=rcode)


def is_silent(authority):
    return lambda story: authority.drop(story.target)


def stories(authority):
    """gone: the minute at which the addresses go; back: that at which they are there again."""
    there = is_there(authority)
    return [
        Story("nine.example", {0: nxdomain(authority), 9: there}),
        Story("eleven.example", {0: nxdomain(authority), 11: there}, gone=10, back=11),
        # Of two families that go one after the other the first one goes at once: so not these.
        Story("nodata.example", {0: nxdomain(authority), 0.2: nodata(authority), 11: there},
              gone=10, back=11),
        Story("mixed.example", {0: nxdomain(authority), 5: nodata(authority)}, gone=10),
        Story("twice.example", {0: nxdomain(authority), 6: there, 6.2: nxdomain(authority)}),
        Story("servfail.example", {0: fails(authority)}),
        Story("refused.example", {0: fails(authority, "REFUSED")}),
        Story("silent.example", {0: is_silent(authority)}),
        # Failures between two answers do not say that it was there.
        Story("broken.example", {0: nxdomain(authority), 3: fails(authority),
                                 5: nxdomain(authority)}, gone=10),
        Story("quiet.example", {}),
    ]


def expected(story, minute, read):
    """The sets that may stand there, if what stands was asked for at minute, and has come at read."""
    all_of, none = {"A": {A1}, "AAAA": {AAAA1}}, {"A": set(), "AAAA": set()}
    grace = GRACE_S * crowded() / MINUTE
    allowed = []
    if story.gone is None or minute < story.gone + grace:
        allowed.append(all_of)
    if story.gone is not None and read >= story.gone - 0.05:
        allowed.append(none)
    if story.back is not None and read >= story.back:
        # The family that is looked up first is back first.
        allowed = [all_of] if minute >= story.back + grace else [
            all_of, none, {**all_of, "A": set()}, {**all_of, "AAAA": set()}]
    return allowed


def look(knotd, told, begin):
    for story in told:
        minute = minutes_since(begin)
        found = stands(knotd, story.zone)
        allowed = expected(story, minute, minutes_since(begin))
        assert found in allowed, (
            f"{story.zone} after {minute:.2f} minutes: expected {allowed}, got {found}")
        if found != story.last:
            story.last = found
            print(f"{story.zone}: {found} after {minute:.2f} minutes, serial {serial(story.zone)}")


@pytest.mark.limit(LIMIT + MINUTE)
def test_M3_minutes(fleet, authority, recursors):
    knotd = fleet.knotd
    told = stories(authority)
    knotd.options |= {"stale-max": 30, "timeout": 500}
    for story in told:
        is_there(authority)(story)
        knotd.add_zone(story.zone, [aname(story.target)], zone_options={"acl": KEY})
    # And one whose recursor is dead for ten minutes.
    recursor = recursors()
    recursor.set("t.dead.example", a=[A1], aaaa=[AAAA1], ttl=1)
    knotd.sections.append(section("mod-aname", "dead", resolver=SCRIPTED, ttl_max=1, timeout=500,
                                  retry_max=5))
    fleet.serve([aname("t.dead.example")], kinds=(), zone="dead.example",
                modules=["mod-aname/dead"], zone_options={"notify": ["nsd"]})
    fleet.secondaries.append(fleet.start_server(Nsd(knotd.directory, ["dead.example"])))
    zones = [story.zone for story in told] + ["dead.example"]
    for zone in zones:
        known(zone)
    follow = fleet.follow()
    for zone in zones:
        written(knotd, {A1}, {AAAA1}, zone=zone, timeout=20)
    before = {zone: serial(zone) for zone in zones}
    assert set(before.values()) == {2}, f"expected one write each, got serials {before}"
    fleet.level("dead.example")

    recursor.close()
    revived = None
    begin = time.monotonic()
    while (minute := minutes_since(begin)) < 12.2:
        for story in told:
            story.due(minute)
        if minute < 10.5:
            unchanged(fleet, knotd, minute)
        elif revived is None:
            revived = recursors()
            revived.set("t.dead.example", a=[A2], aaaa=[AAAA1], ttl=1)
        look(knotd, told, begin)
        time.sleep(1)

    written(knotd, {A2}, {AAAA1}, zone="dead.example")
    eventually(lambda: fleet.secondaries[0].query("dead.example").expect(a={A2}))
    for story in told:
        count = serial(story.zone) - before[story.zone]
        wanted = (story.gone is not None) + (story.back is not None)
        most = wanted + (story.back is not None)
        assert wanted <= count <= most, f"{story.zone}: expected {wanted} to {most}, got {count}"
    follow.finish()


@pytest.fixture
def recursors():
    """Starts a recursor that answers what it is told to; it may be closed, and be started anew."""
    started = []

    def start():
        started.append(Authority(SCRIPTED))
        return started[-1]

    yield start
    # The first one was closed by the test.
    for one in started[1:]:
        one.close()


def unchanged(fleet, knotd, minute):
    """While the recursor is dead, at the primary and at its secondary."""
    found = stands(knotd, "dead.example")
    assert found == {"A": {A1}, "AAAA": {AAAA1}}, f"{found} after {minute:.2f} minutes"
    there = fleet.secondaries[0]
    assert (serial("dead.example"), there.serial("dead.example")) == (2, 2), f"after {minute:.2f}"
    there.query("dead.example", "A").expect(a={A1})
    there.query("dead.example", "AAAA").expect(aaaa={AAAA1})
