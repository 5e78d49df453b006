"""What is known belongs to the upstream it was learnt from, and not to the options of a section."""

import os
from random import Random

import pytest
from harness import (
    A1, A2, AAAA1, TARGET, ZONE, aname, answers, eventually, known, let_pass, query, sanitizer,
    schema, section,
)
from harness.authority import ADDRESS, Behaviour
from harness.knotd import RELEASE, Zone
from harness.load import Load

# What names another upstream.
UPSTREAM = {"resolver", "via", "target-dnssec"}
OTHER_VALUES = {
    "all-down": ["sibling", "servfail"],
    "allow-target": ["example.org."],
    "answer-aname": [True],
    "cold": ["servfail"],
    "deny-address": ["0.0.0.0/0", "::/0"],
    "deny-target": [TARGET],
    "dnssec": ["off"],
    "ecs": [True],
    "https": ["alias"],
    "owners": ["any"] if RELEASE >= (3, 3, 5) else [],
    "prefer": ["example.org."],
    "probe": ["tcp", "tls", "http", "https"],
    "probe-host": ["www.example.org"],
    "probe-path": ["/health"],
    "probe-status": ["200", ["200-299", "404"]],
    "probe-verify": [True],
    "rrtype": ["ALIAS"],
    "state-file": ["off", "other.state"],
    "status-socket": ["off", "other.sock"],
    "weight": ["example.net@0", ["example.org@7", "example.net@3"]],
}


def other_values(name, option):
    """Values of an option that are not its default: its limits, and the numbers beside it."""
    if option.range is None:
        assert name in OTHER_VALUES, f"expected a value to try for '{name}', which is new"
        return OTHER_VALUES[name]
    least, most = map(int, option.range)
    if option.default is None:
        return [least, most]
    default = int(option.default)
    return sorted({least, most, default - 1, default + 1} & set(range(least, most + 1)) - {default})


@pytest.mark.limit(180)
def test_T4_no_option_but_three_forgets_what_is_known(knotd, authority):
    """Each option of the schema is changed by a reload, and put back, while the resolver is dead."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=3600)
    knotd.options.update({"resolver": ADDRESS, "timeout": 300})
    knotd.add_zone(ZONE, [aname(TARGET, ttl=3600)])
    knotd.start()
    known()
    authority.drop(TARGET)
    usual = dict(knotd.options)
    tried = 0
    for name, option in schema.options().items():
        for value in other_values(name, option) if name not in UPSTREAM else []:
            knotd.options = {**usual, name: value}
            if not knotd.conf_check()[0]:
                continue  # It does not go with the others, such as a retry-min above retry-max.
            tried += 1
            knotd.reload()
            query(ZONE, "A"), query(ZONE, "AAAA")  # What it hides is not asked for here.
            knotd.options = dict(usual)
            knotd.reload()
            what = f"after '{name}: {value}'"
            for rdtype, expected in (("A", {"a": {A1}}), ("AAAA", {"aaaa": {AAAA1}})):
                try:
                    query(ZONE, rdtype).expect(soa=False, **expected)
                except AssertionError as error:
                    raise AssertionError(f"{what}: {error}") from None
    assert tried > 2 * len(schema.options()) - 2 * len(OTHER_VALUES), f"only {tried} values"


@pytest.mark.parametrize("hidden", [{"deny-target": TARGET}, {"stale-max": 0, "ttl-max": 1}])
def test_T4_what_an_option_hides_is_there_again(knotd, authority, hidden):
    authority.set(TARGET, a=[A1], ttl=3600)
    knotd.options.update({"resolver": ADDRESS})
    knotd.add_zone(ZONE, [aname(TARGET, ttl=3600)])
    knotd.start()
    known(ZONE, "A")
    authority.drop(TARGET)
    usual = dict(knotd.options)
    knotd.options.update(hidden)
    knotd.reload()
    eventually(lambda: query(ZONE, "A").expect(rcode="SERVFAIL", aa=None, a=()), timeout=20)
    knotd.options = usual
    knotd.reload()
    query(ZONE, "A").expect(a={A1}, ede=set())


def test_T4_another_resolver_is_another_upstream(knotd, authority, recursor):
    authority.set(TARGET, a=[A1], ttl=3600)
    recursor.set(TARGET, a=[A2], ttl=3600)
    knotd.options.update({"resolver": ADDRESS})
    knotd.add_zone(ZONE, [aname(TARGET, ttl=3600)])
    knotd.start()
    answers({A1}, ede=set())
    knotd.options["resolver"] = recursor.address[0]
    knotd.reload()
    answers({A2}, ede=set())
    # What was learnt from the first one is kept for a while.
    authority.drop(TARGET)
    knotd.options["resolver"] = ADDRESS
    knotd.reload()
    query(ZONE, "A").expect(a={A1}, ede=set())


def descriptors(knotd):
    return len(os.listdir(f"/proc/{knotd.pid}/fd"))


@pytest.mark.slow
@pytest.mark.limit(300)
def test_T4_two_hundred_reloads_leave_nothing_behind(knotd, authority):
    """Each with another timeout, retries, retry-max, ttl-max and resolver, under queries."""
    zones = [f"zone{number}.example" for number in range(10)]
    authority.behave("*.example.net", "A", Behaviour(rdata=(A1,), ttl=3600))
    for number, zone in enumerate(zones):
        knotd.add_zone(zone, [aname(f"target{number}.example.net")])
    knotd.options["resolver"] = ADDRESS
    knotd.start()
    for zone in zones:
        known(zone, "A")

    def reload(number):
        # Servers that do not answer come behind the one that does.
        knotd.options.update({
            "resolver": [ADDRESS, f"127.0.9.{1 + number}"], "timeout": 1000 + number,
            "retries": number % 10, "retry-max": 60 + number, "ttl-max": 3600 + number,
        })
        knotd.reload()
        for zone in zones:
            answers({A1}, zone, ede=set())

    def right(reply):
        if not reply.tc:
            reply.expect(a={A1}, ede=set())

    with Load([(zone, "A") for zone in zones], right, threads=1, pause=0.002) as load:
        for number in range(10):
            reload(number)
        rss, fds = knotd.rss(), descriptors(knotd)
        for number in range(10, 200):
            reload(number)
    load.verify(1000)
    # One resolver beside the one in force may still be on its way out.
    assert descriptors(knotd) <= fds + 6, f"expected {fds} descriptors, got {descriptors(knotd)}"
    if not sanitizer.ENABLED:  # That keeps what was freed, and finds leaks itself.
        assert knotd.rss() - rss < 4 << 20, f"expected no growth from {rss}, got {knotd.rss() - rss}"


@pytest.mark.slow
@pytest.mark.limit(300)
@pytest.mark.parametrize("differ", ["schedules", "resolvers"])
def test_L1_many_sections_share_or_do_not(knotd, authority, differ):
    """1,000 sections that differ in schedules are one upstream, 100 with other servers a hundred."""
    count = 1000 if differ == "schedules" else 100
    authority.behave("*.example.net", "A", Behaviour(rdata=(A1,), ttl=3600))
    zones = [f"zone{number}.example" for number in range(count)]
    for number, zone in enumerate(zones):
        options = {"resolver": ADDRESS, "timeout": 1000 + number, "ttl-max": 1000 + number}
        if differ == "resolvers":
            options = {"resolver": [ADDRESS, f"127.0.9.{1 + number}"]}
        knotd.sections.append(section("mod-aname", f"s{number}", **options))
        knotd.add_zone(zone, [aname("shared.example.net")], modules=[f"mod-aname/s{number}"])
    knotd.start()
    for zone in zones:
        answers({A1}, zone, ede=set())
    lookups = authority.count("shared.example.net.", "A")
    assert lookups == (1 if differ == "schedules" else count), f"expected one each, got {lookups}"
    if differ == "schedules":
        knotd.wait_log("sections that share resolver", "the larger 'timeout' .1999.", ask=zones[0])


def random_section(random, name, others):
    """Text of a section with some options at some value that they may have."""
    chosen = {}
    for option, known_of in schema.options().items():
        # The pool of threads is made once.
        if known_of.range and option != "threads" and random.random() < 0.25:
            least, most = map(int, known_of.range)
            usual = int(known_of.default or least)
            chosen[option] = random.choice(
                [least, usual, min(most, usual + 3), random.randint(least, min(most, 200000))]
            )
    for least, most in (("retry-min", 60), ("ttl-min", 86400)):
        if chosen.get(least, 1) > chosen.get(least.replace("min", "max"), most):
            del chosen[least]
    if chosen.get("probe-timeout", 2000) > 1000 * chosen.get("probe-interval", 10):
        chosen.update({"probe-timeout": 100})
    chosen["probe"] = random.choice(["off", "off", "tcp", "https"])
    if random.random() < 0.85:
        chosen["resolver"] = random.sample([ADDRESS, *others], random.randint(1, 3))
        chosen["ecs"] = random.random() < 0.3
        chosen["via"] = "127.0.0.1" if random.random() < 0.2 else None
        chosen["target-dnssec"] = "secure" if random.random() < 0.2 else "any"
    return section("mod-aname", name, **chosen)


@pytest.mark.slow
@pytest.mark.limit(200)
@pytest.mark.parametrize("seed", [1, 2])
def test_T4_random_reloads_under_queries(knotd, authority, recursor, seed):
    """Sections, their options, and which zones have the module, at random; some servers are dead."""
    random = Random(seed)
    zones = [f"zone{number}.example" for number in range(30)]
    authority.behave("*.example.net", "A", Behaviour(rdata=(A1,), ttl=2))
    authority.behave("*.example.net", "AAAA", Behaviour(rdata=(AAAA1,), ttl=2))
    recursor.behave("*.example.net", "A", Behaviour(rdata=(A2,), ttl=1, delay=0.2))
    for zone in zones:
        targets = random.sample(range(40), random.choice([1, 1, 1, 2]))
        knotd.write_zone(zone, [aname(f"target{number}.example.net") for number in targets])
    knotd.server["edns-client-subnet"] = True

    def choose():
        names = [f"s{number}" for number in range(random.randint(1, 6))]
        others = [recursor.address[0], "127.0.0.77", f"127.0.9.{random.randint(1, 200)}"]
        knotd.sections[:] = [random_section(random, name, others) for name in names]
        knotd.zones = {
            zone: Zone([f"mod-aname/{random.choice(names)}"], {})
            for zone in zones if random.random() < 0.9
        }

    choose()
    knotd.start()
    questions = [(zone, rdtype) for zone in zones for rdtype in ("A", "AAAA", "ANY", "MX")]
    with Load(questions, lambda reply: None, threads=2, pause=0.001) as load:
        for _ in range(50):
            choose()
            knotd.reload()
            let_pass(random.random() * 0.3)
    assert load.count > 1000 and not load.lost, f"{load.count} replies, lost: {load.lost[:3]}"
    knotd.sections[:] = [section("mod-aname", "last", resolver=ADDRESS)]
    knotd.zones = {zone: Zone(["mod-aname/last"], {}) for zone in zones}
    knotd.reload()
    for zone in zones:
        answers({A1}, zone, timeout=30)
    assert descriptors(knotd) < 80, f"expected few descriptors, got {descriptors(knotd)}"
