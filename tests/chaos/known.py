"""What may be known of a target at a moment: since when, how old, and whether anything is left.

It follows from which sets it had and when (targets.py), and from when what failed (history.py).
"""

import collections
import dataclasses
import math
import threading
import time

from harness.wait import SLOW, scaled
from world import LIFE_S, STATE_S, TIMEOUT_MS

# What is late counts as fresh: for a second, and for half as long again as lookups take (T2). A
# lookup that has begun before a change tells what was before.
FRESH_S = LIFE_S + 1 + 1.5 * TIMEOUT_MS / 1000 + 1.5 * SLOW
# A server that was stopped tells later what it was asked before.
LAG_S = 6.5
# From the end of an outage on until all has been looked up again (F4).
RECOVERY_S = scaled(10)


@dataclasses.dataclass
class Moment:
    """When it was asked and answered, and what the reply says of itself."""

    begin: float
    end: float
    stale: bool = False
    # Only a reply with EDNS, and with room for it, says that it is stale.
    tells: bool = True


class Known:
    """What one who has seen all replies can know of it; any thread may ask."""

    def __init__(self, world):
        self.world = world
        self._lock = threading.Lock()
        # Since when something is known of (upstream, name, family), and of ("keys", zone); what is
        # from before the last kill of the server is not learnt any more.
        self._known = {}
        self._killed = 0.0
        # When (upstream, name, family) was told lately.
        self._told = collections.defaultdict(lambda: collections.deque(maxlen=16))

    def killed(self, when, saved):
        """What was learnt since the state was saved last is gone (S1), or all (S3)."""
        with self._lock:
            self._killed = when
            self._known = {key: since for key, since in self._known.items()
                           if saved and since < when - STATE_S - scaled(2)}

    def learn(self, zone, name, rdtype, begin, end=None):
        """Something was said of a target in a reply to what was asked at `begin`."""
        if self.world.spells.touch((f"zone:{zone.name}",), begin, time.monotonic()):
            return  # By which resolver is not known, since that changes.
        with self._lock:
            self._told[zone.section.upstream, name, rdtype].append(begin if end is None else end)
            if begin > self._killed:
                # Without the keys of a signed zone nothing would have been said.
                for key in ((zone.section.upstream, name, rdtype), ("keys", zone.name)):
                    self._known.setdefault(key, begin if end is None else end)

    def unknown(self, zone, name, rdtype, moment):
        return self.not_since((zone.section.upstream, name, rdtype), moment)

    def told(self, zone, name, rdtype, before):
        """When it was told last before that."""
        with self._lock:
            times = self._told[zone.section.upstream, name, rdtype]
            return max((one for one in times if one < before), default=-math.inf)

    def not_since(self, key, moment):
        with self._lock:
            since = self._known.get(key)
        return since is None or since >= moment.begin

    # What a target may be.

    def lag(self, zone, moment):
        lags = [f"lag:{scope}" for scope in self.world.scopes(zone)]
        since = moment.begin - FRESH_S - LAG_S
        lag = LAG_S if self.world.spells.touch(lags, since, moment.end) else 0.0
        return lag + self.world.stalls.worst(since - lag, moment.end)

    def scopes(self, zone, name):
        return (*self.world.scopes(zone), name)

    def since(self, zone, name, moment):
        """How old what is said of a target may be."""
        since = moment.begin - FRESH_S - self.lag(zone, moment)
        if moment.tells and not moment.stale:
            return since
        return self.world.spells.horizon(self.scopes(zone, name), since, moment.end,
                                         FRESH_S, RECOVERY_S)

    def sets(self, zone, name, rdtype, moment):
        """The sets of addresses that it may have."""
        sets = self.world.targets.all[name].sets[rdtype]
        return [found for _, found in sets.within(self.since(zone, name, moment), moment.end)]

    def negative(self, zone, name, rdtype, moment):
        """Whether it may be told that it has none."""
        since = self.since(zone, name, moment)
        return (frozenset() in self.sets(zone, name, rdtype, moment)
                or self.world.negative.touch((zone.section.upstream,), since, moment.end))

    def troubled(self, zone, name, moment):
        """Whether it may have failed lately."""
        since = moment.begin - FRESH_S - RECOVERY_S
        return self.world.spells.touch(self.scopes(zone, name), since, moment.end)

    def empty(self, zone, name, rdtype, moment):
        """Whether nothing may be left of it: it was never known, or has failed for too long."""
        if self.unknown(zone, name, rdtype, moment):
            return True
        if zone.section.stale_s is None or not self.troubled(zone, name, moment):
            return False
        begin = self.world.spells.horizon(self.scopes(zone, name), moment.begin - FRESH_S,
                                          moment.end, FRESH_S, RECOVERY_S) + FRESH_S
        return moment.end >= begin - LIFE_S + zone.section.stale_s
