"""M5: killed at any moment it leaves no half-written zone and nothing of its own behind."""

import os
import random
import re
import time

import pytest
from harness import ANAME, aname
from harness.ask import ADDRESS_TYPES, SERVER
from harness.follow import KEY, Follow, states
from harness.wait import SLOW, eventually

pytestmark = pytest.mark.slow
SEED = int(os.environ.get("ANAME_SEED", random.randrange(1 << 32)))
# Fewer of what takes longer, with sanitizers.
KILLS = int(200 / SLOW)
# What moves is written up to three times at once, and then no more than once in a minute.
ZONES, MOVED = 160, 6
# It is killed so many seconds after its start; it scans first, and most of it is over by then.
LONGEST_S = 0.9 * SLOW
SETTLED_S = 90


class Zones:
    """Many zones, each with a target of its own that moves, and whose record comes and goes."""

    def __init__(self, fleet, authority, chance):
        self.knotd, self.authority, self.chance = fleet.knotd, authority, chance
        self.names = [f"z{number}.example" for number in range(ZONES)]
        # For each all sets that its target has had: an answer may be on its way still.
        self.had = {name: {"A": [], "AAAA": []} for name in self.names}
        self.has_record = set(self.names)
        self.generation = dict.fromkeys(self.names, 0)
        for name in self.names:
            self.move(name)
            fleet.knotd.add_zone(name, [aname(f"t.{name}")],
                                 zone_options={"acl": [KEY, "transfer"]})

    def move(self, name):
        """All its addresses are others then; now and then it has but one family, always the same.

        Where one family went before the other came there would be a moment with neither, and what
        goes with the other stays ten minutes (M3).
        """
        self.generation[name] += 1
        number = self.generation[name]
        a = [f"10.{number >> 8}.{number & 255}.{last}" for last in range(1, 4)]
        aaaa = [f"2001:db8:{number:x}::{last}" for last in range(1, 4)]
        if self.chance.random() < 0.2:
            if self.names.index(name) % 2:
                a = []
            else:
                aaaa = []
        for rdtype, addresses in (("A", a), ("AAAA", aaaa)):
            self.had[name][rdtype].append(set(addresses))
        self.authority.set(f"t.{name}", a=a, aaaa=aaaa, ttl=1, negative_ttl=1)

    def toggle(self, name):
        """Its ANAME record goes, or comes back."""
        rdata = aname(f"t.{name}").split(f"TYPE{ANAME} ", 1)[1]
        self.knotd.knotc("zone-begin", name)
        if name in self.has_record:
            self.knotd.knotc("zone-unset", name, "@", f"TYPE{ANAME}")
        else:
            self.knotd.knotc("zone-set", name, "@", "300", f"TYPE{ANAME}", rdata)
        self.knotd.knotc("zone-commit", name)
        self.has_record ^= {name}

    def stand(self):
        """{zone: {type: addresses}} as they are now, both families of a zone at one moment."""
        found = {name: {"A": set(), "AAAA": set()} for name in self.names}
        for rdtype in ADDRESS_TYPES:
            text = self.knotd.knotc("zone-read", "--", "@", rdtype).stdout
            for name, address in re.findall(rf"^\[(\S+)\.\] \S+ \d+ (?:IN )?{rdtype} (\S+)$", text,
                                            re.MULTILINE):
                if name in found:
                    found[name][rdtype].add(address)
        return found

    def whole(self, name):
        """After each change that the zone has had there was a set that its target had, or none."""
        for number, sets in states(name, 1, SERVER):
            for rdtype, addresses in sets.items():
                assert not addresses or addresses in self.had[name][rdtype], (
                    f"{name} at serial {number}: {rdtype} {sorted(addresses)} is no set that its"
                    f" target had: {self.had[name][rdtype]}")

    def wanted(self, name):
        if name not in self.has_record:
            return {"A": set(), "AAAA": set()}
        return {rdtype: self.had[name][rdtype][-1] for rdtype in ADDRESS_TYPES}

    def settled(self):
        found = self.stand()
        bad = {name: (found[name], self.wanted(name)) for name in self.names
               if found[name] != self.wanted(name)}
        assert not bad, f"{len(bad)} zones have (this, and ought to have that): " \
                        f"{dict(list(bad.items())[:3])}"
        return True


@pytest.mark.limit(600)
def test_M5_killed_at_200_moments(fleet, authority):
    print(f"ANAME_SEED={SEED}")
    chance = random.Random(SEED)
    fleet.knotd.options["lookup-rate"] = 10000
    zones = Zones(fleet, authority, chance)
    fleet.knotd.sections.append(
        "acl:\n  - id: transfer\n    address: 127.0.0.1\n    action: transfer\n")
    authority.set("t.rest.example", a=["192.0.2.1"], ttl=300)
    fleet.serve([aname("t.rest.example")], kinds=(), zone="rest.example")
    written = 0
    before = zones.stand()
    for number in range(KILLS):
        follow = Follow(fleet.knotd, name=f"follow-{number % 2}")
        begun = time.monotonic()
        follow.start()
        moment = chance.uniform(0.0, LONGEST_S)
        for name in chance.sample(zones.names, MOVED):
            zones.move(name)
        for name in chance.sample(zones.names, 2):
            zones.toggle(name)
        time.sleep(max(0.0, begun + moment - time.monotonic()))
        follow.require()
        follow.kill()
        now = zones.stand()
        written += sum(now[name] != before[name] for name in zones.names)
        before = now
    print(f"{written} zones were seen to be written")
    assert written > KILLS / 2, f"expected it to be killed amid writing, got {written} writes"
    fleet.follow()
    eventually(zones.settled, SETTLED_S, step=1, what="all have what they ought to have")
    for name in zones.names:
        zones.whole(name)
