"""O1, O2, R5: what was found out about a name counts until its zone changes, and no longer."""

import os
import random

import dns.name
import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update
import pytest
from harness import A1, A2, AAAA1, ANAME, SERVER, aname, answers, eventually, query, zone_text
from harness.authority import ADDRESS
from harness.knotd import section
from harness.oracle import Declared, Target, Zone
from harness.owners import LONG, needs_any
from harness.signing import SIGNED, policy

pytestmark = needs_any
SEED = int(os.environ.get("ANAME_SEED", "20261127"))
STEPS = 60
ORIGIN = "changes.example."

TARGETS = {
    "both.t.example": Target((A1,), (AAAA1,)),
    "four.t.example": Target((A2,), ()),
}
# What may stand at a name: records of its own, a target or none.
STATES = [
    ((), None),
    (("TXT \"t\"",), None),
    (("A 198.51.100.{n}",), None),
    (("A 198.51.100.{n}", "AAAA 2001:db8::{n}"), None),
    (("A 198.51.100.{n}",), "both.t.example"),
    (("A 198.51.100.{n}",), "four.t.example"),
    ((), "both.t.example"),
    ((), "four.t.example"),
    (("TXT \"t\"",), "both.t.example"),
]
CUTS = [(("NS elsewhere.test.",), None), (("CNAME other",), None)]
# Nothing may be below it.
DNAMES = [(("DNAME other",), None), (("DNAME other",), "both.t.example")]
NAMES = ["a", "b.a", "other", "b.other", "*", "x.y.z", "z", "long-enough-for-a-word"]
ASKED = [*(name for name in NAMES if name != "*"), "c.b.a", "new", "new.b.other", "y.z",
         "d.long-enough-for-a-word"]


@pytest.fixture(name="anywhere")
def any_owner(knotd, authority):
    knotd.options.update({"owners": "any", "resolver": ADDRESS})
    for name, target in TARGETS.items():
        authority.hold(name, "A", target.a, LONG)
        authority.hold(name, "AAAA", target.aaaa, LONG)
    return knotd


class Changing:
    """A zone whose names change one at a time."""

    def __init__(self, chance):
        self.chance = chance
        self.states = {name: self._state(name) for name in NAMES}

    def _state(self, name):
        states = STATES + (CUTS if name != "*" else [])
        if not any(one.endswith(f".{name}") for one in NAMES):
            states = states + (DNAMES if name != "*" else [])
        texts, target = self.chance.choice(states)
        return [text.format(n=self.chance.randrange(1, 250)) for text in texts], target

    def change(self):
        """(name, the records that it has from now on)."""
        name = self.chance.choice(NAMES)
        self.states[name] = self._state(name)
        return name, self.records(name)

    def records(self, name):
        texts, target = self.states[name]
        return [*texts, *([f"TYPE{ANAME} {aname(target).split(f'TYPE{ANAME}')[1].strip()}"]
                          if target else [])]

    def lines(self):
        return [f"{name} 300 IN {record}" for name in NAMES for record in self.records(name)]

    def truth(self):
        own = [f"{name} 300 IN {text}" for name in NAMES for text in self.states[name][0]]
        anames = {name: (target,) for name, (_, target) in self.states.items() if target}
        made, _, _ = Declared(ORIGIN, own, anames).static(TARGETS, zone_text)
        return Zone(zone_text(ORIGIN, made), ORIGIN)


KEY, SECRET = "update-key", "MTIzNDU2Nzg5MGFiY2RlZg=="
KEYRING = dns.tsigkeyring.from_text({KEY: SECRET})


def replace(name, records):
    """A dynamic update: the name has these records and no others."""
    update = dns.update.Update(ORIGIN, keyring=KEYRING, keyname=KEY)
    update.delete(name)
    for record in records:
        rdtype, rdata = record.split(" ", 1)
        update.add(name, 300, rdtype, rdata)
    reply = dns.query.tcp(update, SERVER[0], 10, SERVER[1])
    assert reply.rcode() == dns.rcode.NOERROR, f"expected the update to succeed, got {reply}"


def is_right(reply, outcome, rdtype):
    """Whether a reply tells what is expected, as far as addresses go."""
    if outcome.kind == "data":
        return reply.addresses(rdtype) == set(outcome.rdatas)
    rcode = "NXDOMAIN" if outcome.kind == "nxdomain" else "NOERROR"
    return reply.rcode == rcode and not reply.addresses(rdtype)


@pytest.mark.parametrize("kind", ["unsigned", "signed"])
def test_O1_O2_R5_a_change_counts_with_the_next_query(anywhere, kind):
    """Each name was asked for right before, so all that can be kept of it is kept."""
    chance = random.Random(f"{SEED} {kind}")
    zone = Changing(chance)
    policy(anywhere)
    anywhere.sections += [
        section("key", KEY, algorithm="hmac-sha256", secret=SECRET),
        section("acl", "author", key=KEY, action=["transfer", "update"]),
    ]
    anywhere.add_zone(ORIGIN, zone.lines(),
                      zone_options={"acl": "author", **(SIGNED if kind == "signed" else {})})
    anywhere.start()
    asked = [(name, rdtype) for name in ASKED for rdtype in ("A", "AAAA")]
    for step in range(STEPS):
        truth = zone.truth()
        for again in range(3):
            for name, rdtype in asked:
                full = f"{name}.{ORIGIN}"
                outcome = truth.ask(dns.name.from_text(full), rdtype)
                if outcome.kind == "unclear":
                    continue
                proto = chance.choice(("udp", "udp", "tcp"))
                how = {"do": kind == "signed" and chance.random() < 0.5}
                reply = query(full, rdtype, proto, **how)
                if step == 0 and again < 2 and (reply.tc or reply.rcode == "SERVFAIL"):
                    eventually(lambda f=full, t=rdtype: query(f, t, "tcp").rcode != "SERVFAIL",
                               what=f"{full} is known")
                    continue
                if reply.tc:  # A target that nobody has asked for yet (C1).
                    reply = query(full, rdtype, "tcp", **how)
                assert is_right(reply, outcome, rdtype), (
                    f"ANAME_SEED={SEED}, step {step}, time {again + 1}: expected {outcome}, "
                    f"got {reply}, of\n" + "\n".join(zone.lines())
                )
        replace(*zone.change())


@pytest.mark.slow
def test_O1_O2_a_zone_that_is_loaded_again_with_its_serial(anywhere):
    """Nothing but its text is another one: a name that had no record has one, within seconds."""
    static = "shop IN A 198.51.100.1"
    anywhere.add_zone(ORIGIN, [static])
    anywhere.start()
    name = f"shop.{ORIGIN}"
    for _ in range(3):
        for _ in range(3):
            query(name, "A").expect(a={"198.51.100.1"})
        anywhere.reload_zone(ORIGIN, [static, aname("four.t.example", owner="shop")])
        eventually(lambda: answers({A2}, name, ede=set()), timeout=20)
        for _ in range(3):
            query(name, "A").expect(a={A2})
        anywhere.reload_zone(ORIGIN, [static])
        eventually(lambda: query(name, "A").expect(a={"198.51.100.1"}), timeout=20)


def test_O1_O2_T4_many_owners_and_a_reload(anywhere):
    """What is kept of them goes with the instance, behind the back of who reloads, and comes again."""
    count = 1500
    names = [f"n{number}.{ORIGIN}" for number in range(count)]
    anywhere.add_zone(ORIGIN, [aname("four.t.example", owner=f"n{number}")
                               for number in range(count)])
    anywhere.start()
    answers({A2}, names[0], ede=set())
    for _ in range(2):
        for name in names:
            query(name, "A").expect(a={A2}, ede=set())
        eventually(lambda: query(names[0], "A") and anywhere.stats(ORIGIN)["owners"] == count,
                   timeout=20, what=f"{count} owners are known")
        anywhere.reload()
    query(names[-1], "A").expect(a={A2}, ede=set())
