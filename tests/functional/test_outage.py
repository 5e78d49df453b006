"""F1-F4, N2, C1: outages of the recursor, made the way they happen, while everything is asked for."""

import os

import pytest
from harness import (
    A1, A2, AAAA1, AAAA2, STALE_ANSWER, aname, answers, during, eventually, failed, known, outages,
    query,
)
from harness.authority import Behaviour
from harness.load import Load

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
# Not on 127/8, which is always there.
LINKED = "192.0.2.53"
# Longer runs: each outage so many times.
ROUNDS = int(os.environ.get("ANAME_OUTAGES", "1"))
NAMES = 30
TTL = 2
PACE = 0.004

OUTAGES = {
    "closed": outages.Closed,
    "prohibited": outages.Prohibited,
    "dropped": outages.Dropped,
    "stopped": outages.Stopped,
    "servfail": outages.Servfail,
}

pytestmark = pytest.mark.limit(60 + 30 * ROUNDS)


def serve(authority, v4, v6):
    """Every target has these addresses from now on."""
    for rdtype, value in (("A", v4), ("AAAA", v6)):
        authority.behave(outages.EVERYTHING, rdtype, Behaviour(rdata=(value,), ttl=TTL))


class Field:
    """Names that are asked for all the time, of each way to resolve, and some that are not yet."""

    def __init__(self, knotd, kinds):
        self.knotd = knotd
        modules = {"dns": "mod-aname/test", "system": "mod-aname"}
        self.names, self.cold = [], []
        for kind in kinds:
            warm = [f"{kind}-{number}.test" for number in range(NAMES)]
            cold = [f"{kind}-new-{number}.test" for number in range(ROUNDS)]
            for name in warm + cold:
                target = name.replace(".test", ".outage.example")
                # The system's resolver gives no TTL: the record's stands in for it.
                knotd.add_zone(name, [aname(target, ttl=TTL)], modules=[modules[kind]])
            self.names += warm
            self.cold += [cold]
        self.questions = [(name, rdtype) for name in self.names for rdtype in ("A", "AAAA")]

    def start(self):
        self.knotd.start()
        for name in self.names:
            query(name, "A")
            query(name, "AAAA")
        for name in self.names:
            known(name)

    def load(self):
        """Asks for all names; every one has addresses all the time (F1)."""
        return Load(self.questions, self.check, threads=2, pause=PACE)

    @staticmethod
    def check(reply):
        found = reply.addresses()
        assert reply.rcode == "NOERROR" and not reply.tc and found, f"no address in {reply}"
        assert found <= {A1, A2, AAAA1, AAAA2}, f"other addresses in {reply}"

    def all_stale(self):
        for name, rdtype in self.questions:
            eventually(
                lambda name=name, rdtype=rdtype: query(name, rdtype).expect(ede={STALE_ANSWER}),
                timeout=20,
                what=f"{name}/{rdtype} is stale",
            )

    def all_fresh(self, v4, v6):
        """Everything is looked up anew, and told to be so, within a bounded time."""
        for name in self.names:
            answers({v4}, name, "A", ede=set())
            answers({v6}, name, "AAAA", ede=set())


@pytest.fixture
def field(knotd, authority):
    """Makes the names; the resolvers are given by those that use it."""
    serve(authority, A1, AAAA1)

    def make(*servers, kinds=("dns", "system")):
        knotd.options.update(
            {"resolver": list(servers), "timeout": 1000, "retry-max": 2}
        )
        return Field(knotd, kinds)

    return make


def suffer(field, outage, authority):
    """Outages, with names nobody asked for yet in each; afterwards all is as before."""
    pairs = [(A1, AAAA1), (A2, AAAA2)]
    with field.load() as load:
        for number in range(ROUNDS):
            outage.begin()
            field.all_stale()
            for cold in field.cold:
                failed(cold[number], "A")
                failed(cold[number], "AAAA", proto="tcp")
            pairs.reverse()
            serve(authority, *pairs[0])
            outage.end()
            field.all_fresh(*pairs[0])
            for cold in field.cold:
                answers({pairs[0][0]}, cold[number], ede=set())
        field.knotd.require()
    load.verify(200)
    field.knotd.check_reports()


@pytest.mark.parametrize("kind", OUTAGES)
def test_F1_F4_outage(field, start_unbound, authority, kind):
    outage = OUTAGES[kind](start_unbound(), authority)
    field = field(FIRST)
    field.start()
    suffer(field, outage, authority)


def test_F1_F4_no_way_to_the_recursor(field, start_unbound, authority):
    """Sending fails at once, within the very call."""
    outages.address(LINKED, "add")
    try:
        recursor = start_unbound(
            address=LINKED, server=f"  access-control: {LINKED}/32 allow\n"
        )
        field = field(LINKED, kinds=["dns"])
        field.start()
        suffer(field, outages.Unreachable(recursor, authority), authority)
    finally:
        outages.address(LINKED, "del")


def test_F1_F4_restarts_under_load(field, start_unbound, authority):
    recursor = start_unbound()
    field = field(FIRST)
    field.start()
    with field.load() as load:
        for number in range(6 * ROUNDS):
            recursor.kill()
            for _ in during(0.4 * (1 + number % 3)):
                field.knotd.require()
            recursor.start()
            for _ in during(0.4 * (1 + number % 2)):
                field.knotd.require()
        serve(authority, A2, AAAA2)
        field.all_fresh(A2, AAAA2)
    load.verify(200)
    field.knotd.check_reports()


@pytest.mark.parametrize("first", [True, False], ids=["first", "second"])
@pytest.mark.parametrize("kind", [kind for kind in OUTAGES if kind != "servfail"])
def test_N2_outage_of_one_of_two(field, start_unbound, authority, kind, first):
    """Lookups go on, by the other server."""
    recursors = [start_unbound(address=address) for address in (FIRST, SECOND)]
    outage = OUTAGES[kind](recursors[0 if first else 1], authority)
    field = field(FIRST, SECOND, kinds=["dns"])
    field.start()
    pairs = [(A1, AAAA1), (A2, AAAA2)]
    with field.load() as load:
        for number in range(ROUNDS):
            outage.begin()
            for cold in field.cold:
                known(cold[number])
            for _ in range(2):
                pairs.reverse()
                serve(authority, *pairs[0])
                field.all_fresh(*pairs[0])
            outage.end()
            pairs.reverse()
            serve(authority, *pairs[0])
            field.all_fresh(*pairs[0])
    load.verify(200)
    field.knotd.check_reports()


def test_F1_F4_servfail_of_one_of_two(field, start_unbound, authority):
    """A recursor that can resolve nothing, since its own way out is closed."""
    start_unbound(address=SECOND)
    start_unbound(address=FIRST, stubs={"outage.example": "127.0.0.99@5399"})
    field = field(FIRST, SECOND, kinds=["dns"])
    field.start()
    with field.load() as load:
        serve(authority, A2, AAAA2)
        field.all_fresh(A2, AAAA2)
    load.verify(100)
