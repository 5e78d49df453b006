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
        for question in self.questions:
            eventually(lambda question=question: self.check(query(*question)) or True, timeout=20,
                       what=f"{question} has addresses")

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
        load.reach(100)
    load.verify(100)


def lookups(knotd, kind):
    """How many there were, of all zones; numbers follow the queries, once a second."""
    return knotd.total(f"lookups[{kind}]")


def out_at_start(knotd, outage, count, options):
    """The recursor is dead when knotd starts, and returns when that has been seen."""
    # With its own pauses each target would be tried again after 10 and then some 20 seconds.
    knotd.options.update({"retry-min": 10, "retry-max": 3600, "timeout": 1000, **options})
    names = [f"{number}.test" for number in range(count)]
    for name in names:
        target = name.replace(".test", ".outage.example")
        knotd.add_zone(name, [aname(target, ttl=300)], modules=["mod-aname/test"])
    outage.begin()
    knotd.start()
    for name in names:
        query(name, "A")
        query(name, "AAAA")

    def ask_all():
        for name in names:
            query(name, "A")
        return knotd.log_lines("nothing is heard any more")

    eventually(ask_all, timeout=40, step=0.2, what="the log says that it is out")
    for name in names:
        failed(name, "A")
        failed(name, "AAAA", proto="tcp")
    before = lookups(knotd, "started")
    for _ in during(4, step=1):
        for name in names:
            query(name, "A")
    began = lookups(knotd, "started") - before
    outage.end()
    for name in names:
        answers({A1}, name, "A", timeout=9, ede=set())
        answers({AAAA1}, name, "AAAA", timeout=9, ede=set())
    eventually(lambda: (query(names[0]), knotd.log_lines("succeed again after"))[-1],
               what="the log says that it is back")
    assert len(knotd.log_lines("nothing is heard any more")) == 1
    knotd.check_reports()
    return began


@pytest.mark.parametrize("count", [1, 2, 100])
@pytest.mark.parametrize("kind", ["closed", "dropped"])
def test_F4_recursor_dead_at_start(knotd, start_unbound, authority, kind, count):
    """However many targets there are: tried once a second, and all are back with the first."""
    serve(authority, A1, AAAA1)
    outage = OUTAGES[kind](start_unbound(), authority)
    began = out_at_start(knotd, outage, count, {"resolver": [FIRST]})
    assert 1 <= began < 30


@pytest.mark.parametrize("count", [1, 100])
@pytest.mark.parametrize("kind", ["closed", "dropped"])
def test_F4_recursor_dead_at_start_system(knotd, start_unbound, authority, kind, count):
    """The same for the system's resolver, whose lookups cannot be stopped."""
    serve(authority, A1, AAAA1)
    outage = OUTAGES[kind](start_unbound(), authority)
    assert out_at_start(knotd, outage, count, {}) < 30


def test_F4_up_before_its_own_network(knotd, start_unbound, authority):
    """Silent at first, and then SERVFAIL for everything: it is tried on and on."""
    serve(authority, A1, AAAA1)
    outage = outages.Closed(start_unbound(), authority)
    knotd.options.update({"resolver": [FIRST], "retry-min": 10, "retry-max": 3600})
    for name in ("a.test", "b.test"):
        knotd.add_zone(name, [aname(name.replace(".test", ".outage.example"))],
                       modules=["mod-aname/test"])
    outage.begin()
    knotd.start()
    eventually(
        lambda: (query("a.test"), query("b.test"), knotd.log_lines("nothing is heard any more"))[-1],
        timeout=40, step=0.2, what="the log says that it is out",
    )
    authority.fail(outages.EVERYTHING)
    outage.end()
    before = lookups(knotd, "failed")
    eventually(
        lambda: (query("a.test"), query("b.test"), lookups(knotd, "failed") > before + 3)[-1],
        timeout=20, what="it answers, and is tried again",
    )
    assert not knotd.log_lines("succeed again")
    serve(authority, A1, AAAA1)
    for name in ("a.test", "b.test"):
        # unbound remembers a failure for five seconds.
        answers({A1}, name, "A", timeout=14, ede=set())
        answers({AAAA1}, name, "AAAA", timeout=14, ede=set())


def test_F4_dead_name_among_healthy_ones(knotd, start_unbound, authority):
    """One target without an answer is not taken for an outage; others go on as ever."""
    serve(authority, A1, AAAA1)
    start_unbound()
    knotd.options.update({"resolver": [FIRST], "timeout": 500, "retry-max": 2})
    for name in ("good.test", "new.test", "dead.test"):
        knotd.add_zone(name, [aname(name.replace(".test", ".outage.example"), ttl=3600)],
                       modules=["mod-aname/test"])
    authority.behave("dead.outage.example", "A", Behaviour(drop=True))
    authority.behave("dead.outage.example", "AAAA", Behaviour(drop=True))
    knotd.start()
    known("good.test")
    eventually(lambda: (query("dead.test"), lookups(knotd, "failed") > 8)[-1], timeout=60,
               what="it fails again and again")
    answers({A1}, "new.test", ede=set())
    assert not knotd.log_lines("nothing is heard any more")
