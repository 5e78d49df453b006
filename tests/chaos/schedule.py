"""What happens when: made of the seed and the length of the run alone.

Each lane is a row of events, one after the other; what is in different lanes happens at once.
"""

import dataclasses
import random

# So many seconds pass before the first event, and from the last one on to the end.
WARM_S, LAST_S = 10, 14
# After this part of the run knotd is not restarted any more: its memory is measured then.
RESTARTS = 0.6


@dataclasses.dataclass(frozen=True)
class Event:
    """at: seconds after the start; it begins later if the one before it in its lane lasts."""

    at: float
    lane: str
    kind: str
    params: dict

    def __str__(self):
        params = " ".join(f"{key}={value}" for key, value in self.params.items())
        return f"{self.kind} {params}".rstrip()


def _seconds(low, high):
    return lambda chance: {"seconds": round(chance.uniform(low, high), 2)}


def _target(chance):
    return {"which": round(chance.random(), 4)}


def _options(chance):
    return {"ttl_max": chance.randint(1, 3), "wait": chance.randint(100, 600),
            "retries": chance.randint(0, 2), "max_addresses": chance.choice((16, 32)),
            "answer_aname": chance.random() < 0.5, "retry_max": chance.randint(1, 2)}


def _number(most):
    return lambda chance: {"number": chance.randrange(most)}


def _kill(chance):
    return {"seconds": round(chance.uniform(0, 3), 2),
            "state": chance.choice(("kept", "kept", "kept", "damaged", "removed"))}


RESTARTING = ("knotd-terminated", "knotd-killed")
# By lane: the seconds from one event to the next, and the kinds with what decides their parameters.
LANES = {
    "unbound": ((4, 14), {
        "unbound-killed": _seconds(0.2, 12), "unbound-stopped": _seconds(0.2, 6),
        "unbound-restarted": _seconds(0, 0),
    }),
    "authority": ((15, 30), {
        "authority-slow": _seconds(2, 8), "authority-silent": _seconds(1, 12),
        "authority-servfail": _seconds(1, 8),
    }),
    "resolver": ((3, 8), {
        f"resolver-{mode}": _seconds(1, 8)
        for mode in ("slow", "silent", "garbage", "wrong-id", "wrong-question", "foreign", "empty",
                     "refused")
    }),
    "targets": ((0.3, 2.5), {
        "target-moves": _target, "target-nxdomain": _target, "target-nodata": _target,
        "target-servfail": _target, "target-returns": _target,
    }),
    "addresses": ((3, 10), {"address-dies": lambda chance: {
        "number": chance.randrange(4), "seconds": round(chance.uniform(0.2, 14), 2)}}),
    "knotd": ((1, 5), {
        "reload-options": _options, "reload-zones": _number(1), "reload-sections": _number(1),
        "reload-resolver": _number(1), "zone-reload-forced": _number(100),
        "zone-file": _number(100),
        "backup-restore": _number(100), "catalog": _number(3),
        "key-rollover": lambda chance: {"key": chance.choice(("zsk", "zsk", "ksk"))},
        "update": _number(6), "transaction": _number(6),
        "knotd-terminated": _seconds(0, 0), "knotd-killed": _kill,
    }),
    "status": ((4, 12), {
        "status-garbage": _number(1 << 30), "status-half": _number(1 << 30),
        "status-flood": _number(1 << 30), "status-many": _number(1 << 30),
    }),
    "clients": ((4, 12), {
        "clients-garbage": _number(1 << 30), "clients-half": _number(1 << 30),
        "clients-many": _number(1 << 30),
    }),
    "follow": ((15, 35), {"follow-killed": _seconds(0, 3)}),
}
KINDS = [kind for _, kinds in LANES.values() for kind in kinds]


def _lane(name, chance, until, restarts_until):
    """Its kinds are dealt like cards: all of them before any comes again."""
    gaps, kinds = LANES[name]
    at, deck = WARM_S + chance.uniform(0, gaps[0]), []
    while at < until:
        if not deck:
            deck = list(kinds)
            chance.shuffle(deck)
        kind = deck.pop()
        if kind in RESTARTING and at > restarts_until:
            continue
        params = kinds[kind](chance)
        yield Event(round(at, 3), name, kind, params)
        at += params.get("seconds", 0) + chance.uniform(*gaps)


def make(seed, seconds):
    """The events, by lane."""
    return {name: list(_lane(name, random.Random(f"{seed} {name}"), seconds - LAST_S,
                             seconds * RESTARTS)) for name in LANES}
