"""W1 and W2: what an operator can see."""

import os
import re

import pytest
from harness import (
    A1, A2, AAAA1, FAILURE_MODES, TARGET, ZONE, aname, answers, during, eventually, expire, failed,
    known, query, raw, siblings, simple, spared,
)
from harness.authority import ADDRESS

ANSWERS = (
    "fresh",
    "late",
    "stale",
    "sibling",
    "nodata",
    "gone",
    "truncated",
    "cold",
    "failed",
    "denied",
)
COUNTERS = {
    *(f"answers[{kind}]" for kind in ANSWERS),
    *(f"lookups[{kind}]" for kind in ("started", "succeeded", "failed")),
    "targets",
    "addresses",
    "refresh-lag",
}


def counted(before, after):
    """Which answers were counted between the two, and how many."""
    return {
        kind: after[f"answers[{kind}]"] - before.get(f"answers[{kind}]", 0)
        for kind in ANSWERS
        if after[f"answers[{kind}]"] != before.get(f"answers[{kind}]", 0)
    }


def test_W1_every_counter_is_there_from_the_start(knotd, unbound, authority):
    knotd.template["global-module"] = "mod-aname"
    simple(knotd, authority)
    for stats in (knotd.stats(ZONE), knotd.stats()):
        assert set(stats) >= COUNTERS, (
            f"expected {sorted(COUNTERS)}, missing {sorted(COUNTERS - set(stats))}"
        )
        assert not any(stats.values()), f"expected zeros before the first query, got {stats}"


def test_W1_fresh_nodata_and_truncated(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], delay=0.3)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    query(ZONE, "A")
    cold = knotd.stats(ZONE)
    assert counted({}, cold) == {"truncated": 1}, f"expected one truncated answer, got {cold}"
    known()
    before = knotd.stats(ZONE)
    for _ in range(7):
        query(ZONE, "A", proto)
    for _ in range(3):
        query(ZONE, "AAAA", proto)
    query(ZONE, "TXT", proto)
    after = knotd.stats(ZONE)
    assert counted(before, after) == {"fresh": 7, "nodata": 3}, (
        f"expected 7 fresh and 3 nodata, got {counted(before, after)}"
    )


def test_W1_cold_over_tcp_and_without_truncation(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], delay=3)
    knotd.options.update({"wait": 0})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname(TARGET)])
    knotd.start()
    for _ in range(2):
        query(ZONE, "A", "tcp").expect(rcode="SERVFAIL", ede={14}, aa=None)
    query(ZONE, "A", "udp")
    stats = knotd.stats(ZONE)
    assert counted({}, stats) == {"cold": 2, "truncated": 1}, (
        f"expected two answers SERVFAIL and one truncated, got {stats}"
    )


def test_W1_stale_and_sibling_and_failed(knotd, unbound, authority, proto):
    knotd.options.update({"ttl-max": 1, "stale-max": "1d"})
    simple(knotd, authority)
    authority.fail("bad.example.net")
    knotd.add_zone("sibling.example", [aname("bad.example.net"), siblings()[0]])
    knotd.add_zone("failed.example", [aname("bad.example.net")])
    knotd.reload()
    for zone in ("sibling.example", "failed.example"):
        eventually(lambda zone=zone: knotd.loaded(zone), what=f"{zone} is loaded")
    known()
    authority.fail(TARGET)
    expire(1)
    failed("failed.example", "AAAA")
    spared("sibling.example")
    for rdtype in ("A", "AAAA"):
        eventually(
            lambda rdtype=rdtype: query(ZONE, rdtype).expect(ede={3}),
            what=f"stale answers for {rdtype} have begun",
        )
    wanted = {
        ZONE: {"stale": 8},
        "sibling.example": {"sibling": 4, "nodata": 4},
        "failed.example": {"failed": 8},
    }
    before = {zone: knotd.stats(zone) for zone in wanted}
    for zone in wanted:
        for _ in range(4):
            query(zone, "A", proto)
            query(zone, "AAAA", proto)
    for zone, kinds in wanted.items():
        found = counted(before[zone], knotd.stats(zone))
        assert found == kinds, f"expected {kinds} for {zone}, got {found}"


def test_W1_denied(knotd, unbound, authority, proto):
    knotd.options["deny-target"] = "example.net"
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    for _ in range(3):
        query(ZONE, "A", proto)
    stats = knotd.stats(ZONE)
    assert counted({}, stats) == {"denied": 3}, f"expected 3 denied, got {stats}"


def test_W1_lookups_targets_and_addresses(knotd, authority):
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1], ttl=300)
    authority.fail("bad.example.net")
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("bad.example", [aname("bad.example.net")])
    knotd.template["global-module"] = "mod-aname/test"  # Another section would retry sooner.
    knotd.options["retry-max"] = 3600
    knotd.options["retry-min"] = 3600
    # The system's does not tell that one fails from a resolver that is out, and is asked for more.
    knotd.options["resolver"] = ADDRESS
    knotd.start()
    known()
    failed("bad.example")
    expected = {
        "lookups[started]": 2,
        "lookups[succeeded]": 2,
        "lookups[failed]": 0,
        "targets": 2,
        "addresses": 3,
    }

    def holds(zone, wanted, asked):
        # A query brings them up to date, at most once a second.
        query(asked, "A")
        stats = knotd.stats(zone)
        found = {key: stats[key] for key in wanted}
        assert found == wanted, f"expected {wanted} for {zone or 'the server'}, got {found}"
        return True

    eventually(lambda: holds(ZONE, expected, ZONE), step=0.2)
    bad = {"lookups[started]": 1, "lookups[succeeded]": 0, "lookups[failed]": 1, "addresses": 0}
    eventually(lambda: holds("bad.example", bad, "bad.example"), step=0.2)
    total = {
        "lookups[started]": 3,
        "lookups[succeeded]": 2,
        "lookups[failed]": 1,
        "addresses": 3,
    }
    eventually(lambda: holds(None, total, ZONE), step=0.2)


def test_W1_total_is_the_sum_of_the_zones(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    knotd.template["global-module"] = "mod-aname"
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname(TARGET)])
    knotd.add_zone("plain.example", ["@ IN A 198.51.100.7"], modules=[])
    knotd.start()
    known(ZONE, "A", "AAAA")
    known("example.org", "A", "AAAA")
    for zone, times in ((ZONE, 5), ("example.org", 3), ("plain.example", 4)):
        for _ in range(times):
            query(zone, "A", proto)

    def agrees():
        query("plain.example", "A")
        parts = [knotd.stats(zone) for zone in (ZONE, "example.org")]
        total = knotd.stats()
        for kind in ANSWERS:
            key = f"answers[{kind}]"
            wanted = sum(part[key] for part in parts)
            assert total[key] == wanted, f"expected {key} {wanted} in total, got {total[key]}"
        return True

    eventually(agrees, step=0.2)


def test_W1_refresh_lag(knotd, unbound, authority):
    # Thirty targets, each due once a second, and leave for five lookups a second.
    knotd.options.update({"ttl-max": 1, "lookup-rate": 5})
    knotd.template["global-module"] = knotd.aname
    zones = [f"zone{i}.example" for i in range(30)]
    authority.set("*.example.net", a=[A1])
    for i, zone in enumerate(zones):
        knotd.add_zone(zone, [aname(f"t{i}.example.net")])
    knotd.start()

    def lags():
        for zone in zones:
            query(zone, "A")
        lag = knotd.stats()["refresh-lag"]
        assert lag >= 1000, f"expected refreshes to be late by more than a second, got {lag} ms"
        return True

    eventually(lags, timeout=30, step=0.3)


def wait_logged(knotd, *patterns):
    """Wait for a line of the module; it is written while the zone is asked for."""

    def found():
        query(ZONE, "A")
        return knotd.log_lines("mod-aname", *patterns)

    return eventually(found, what=f"a log line with {patterns}")


@pytest.mark.parametrize("fail", FAILURE_MODES.values(), ids=FAILURE_MODES)
def test_W2_failure_and_recovery_are_logged(knotd, start_unbound, authority, fail):
    unbound = start_unbound()
    knotd.options.update({"ttl-max": 1, "retry-max": 1})
    simple(knotd, authority)
    known()
    assert not knotd.log_lines(TARGET, "fail"), "expected no failure in the log yet"
    fail(authority, unbound)
    lines = wait_logged(knotd, TARGET, "fails")
    assert all(len(line.rpartition(TARGET)[2].strip(" .")) > len("fails") for line in lines), (
        f"expected the reason in the line, got {lines}"
    )
    for _ in during(2.5):
        query(ZONE, "A")
    lines = knotd.log_lines("mod-aname", TARGET, "fails")
    assert len(lines) <= 2, f"expected one line for each family, not one a try, got {lines}"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    if not unbound.alive:
        unbound.start()
    elif unbound.state() == "T":
        unbound.thaw()
    wait_logged(knotd, TARGET, "recovered")


def lines_of(knotd, zone, *patterns):
    """Lines of the module under a zone."""
    return knotd.log_lines(rf"\[{zone}\.\]", "mod-aname", *patterns)


def test_W2_failure_and_recovery_stand_under_the_zone_that_follows(knotd, unbound, authority):
    other, bystander = "other.example.net", "example.org"
    knotd.options.update({"ttl-max": 1, "retry-max": 1})
    authority.set(other, a=[A2], aaaa=[AAAA1])
    knotd.add_zone(bystander, [aname(other)])
    simple(knotd, authority)
    known()
    known(bystander)

    def in_turn(*patterns):
        def found():
            # The one that does not follow it is asked first, and more often.
            for zone in (bystander, ZONE, bystander):
                for rdtype in ("A", "AAAA"):
                    query(zone, rdtype)
            return lines_of(knotd, ZONE, TARGET, *patterns)

        return eventually(found, timeout=20, what=f"a line with {patterns}")

    authority.fail(TARGET)
    for family in (" A ", " AAAA "):
        in_turn(family, "fails", "last addresses .1. stay in use")
    # A reload between them changes nothing.
    knotd.reload()
    for _ in during(2.5):
        query(ZONE, "A")
        query(bystander, "A")
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    for family in (" A ", " AAAA "):
        in_turn(family, "recovered")
    # Again and again.
    authority.fail(TARGET)
    eventually(lambda: len(in_turn(" A ", "fails")) == 2, timeout=20, what="it is logged again")
    for family in (" A ", " AAAA "):
        for what in ("fails", "recovered"):
            logged_before = lines_of(knotd, ZONE, TARGET, family, what)
            assert len(logged_before) <= 2, f"expected each line once, got {logged_before}"
    assert not lines_of(knotd, bystander, TARGET), "expected nothing under the other zone"


def test_W2_no_recovery_for_a_zone_that_follows_another_target_now(
    knotd, unbound, authority
):
    knotd.options.update({"ttl-max": 1, "retry-max": 1})
    authority.set("other.example.net", a=[A2])
    simple(knotd, authority)
    known()
    authority.fail(TARGET)
    wait_logged(knotd, TARGET, " A ", "fails")
    knotd.reload_zone(ZONE, [aname("other.example.net")], serial=2)
    answers({A2})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    for _ in during(3.5):
        query(ZONE, "A").expect(a={A2})
    # What it follows now may have met the outage that the system's resolver seems to have.
    assert not lines_of(knotd, ZONE, TARGET, "recovered"), (
        "expected no recovery of what is not followed")


def test_W2_changes_are_logged_for_those_who_follow(knotd, unbound, authority):
    knotd.options["ttl-max"] = 1
    authority.set("other.example.net", a=[A2], aaaa=[AAAA1])
    knotd.add_zone("example.org", [aname("other.example.net")])
    simple(knotd, authority)
    known()
    known("example.org")
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    # It is kept up without being asked for, and the change is logged when it is.
    count = authority.count(TARGET, "A")
    eventually(lambda: authority.count(TARGET, "A") >= count + 2, what="two refreshes")
    for _ in during(2.5):
        query("example.org", "A").expect(a={A2})
    assert not knotd.log_lines("addresses changed"), "expected nothing under the other zone"
    wait_logged(knotd, rf"\[{ZONE}\.\]", TARGET, "addresses changed")


@pytest.mark.parametrize("kind", ["nxdomain", "nodata"])
def test_W2_a_target_that_is_gone_is_logged(knotd, unbound, authority, kind):
    knotd.options.update({"ttl-max": 1, "resolver": "127.0.0.1"})
    simple(knotd, authority)
    known()
    if kind == "nxdomain":
        authority.nxdomain(TARGET, negative_ttl=1)
    else:
        authority.set(TARGET, negative_ttl=1)
    why = {"nxdomain": "NXDOMAIN", "nodata": "no address of either family"}[kind]
    wait_logged(knotd, rf"\[{ZONE}\.\]", TARGET, rf"is gone \({why}\), it had 2 addresses")
    for _ in during(2.5):
        query(ZONE, "A")
        query(ZONE, "AAAA")
    lines = knotd.log_lines(TARGET, "is gone")
    assert len(lines) == 1, f"expected one line for both families, got {lines}"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    wait_logged(knotd, rf"\[{ZONE}\.\]", TARGET, "has addresses again")


def test_W2_changed_addresses_are_logged(knotd, unbound, authority):
    knotd.options["ttl-max"] = 1
    simple(knotd, authority)
    known()
    assert not knotd.log_lines("addresses changed"), "expected nothing about the first answer"
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    answers({A2})
    wait_logged(knotd, TARGET, "addresses changed")
    for _ in during(2):
        query(ZONE, "A")
    lines = knotd.log_lines("mod-aname", TARGET, "addresses changed")
    assert len(lines) == 1, f"expected one line for one change, got {lines}"


@pytest.mark.slow
def test_W2_changes_are_rate_limited(knotd, unbound, authority):
    knotd.options["ttl-max"] = 1
    simple(knotd, authority)
    known()
    for i in range(10, 18):
        authority.set(TARGET, a=[f"192.0.2.{i}"], aaaa=[AAAA1])
        answers({f"192.0.2.{i}"})
    lines = wait_logged(knotd, TARGET, "addresses changed")
    assert len(lines) < 8, f"expected fewer lines than the 8 changes, got {len(lines)}: {lines}"


def test_W2_same_addresses_in_another_order_are_no_change(knotd, unbound, authority):
    knotd.options["ttl-max"] = 1
    simple(knotd, authority, a=[A1, A2])
    known()
    authority.set(TARGET, a=[A2, A1], aaaa=[AAAA1])
    count = authority.count(TARGET, "A")
    eventually(lambda: authority.count(TARGET, "A") >= count + 3, what="three refreshes")
    lines = knotd.log_lines("addresses changed")
    assert not lines, f"expected no line, got {lines}"


def test_W2_log_names_the_zone_of_a_malformed_record(knotd, unbound, authority):
    knotd.add_zone(ZONE, [raw(b"\xc0\x0c")])
    knotd.start()
    query(ZONE, "A")
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "malformed")


def test_W2_a_limit_is_logged(knotd, unbound, authority):
    knotd.options["max-targets"] = 1
    simple(knotd, authority)
    known(ZONE, "A")
    query(ZONE, "AAAA")
    wait_logged(knotd, "limit")


def test_W1_the_servers_own_dump_has_the_counters(knotd, unbound, authority, directory):
    path = os.path.join(directory, "stats.yaml")
    knotd.template["global-module"] = "mod-aname"
    knotd.sections.append(f"statistics:\n  timer: 1\n  file: {path}\n")
    simple(knotd, authority)
    known()

    def dumped():
        # The totals move while the server is asked.
        query(ZONE, "A")
        with open(path, encoding="utf-8") as file:
            text = file.read()
        pattern = r"mod-aname: *\n( +)answers: *\n(\1 +\w+: \d+\n)*\1 +fresh: [1-9]"
        return len(re.findall(pattern, text)) == 2 and "\"example.com.\"" in text

    eventually(lambda: os.path.exists(path) and dumped(), what="both are in the dump")


def test_W2_any_query_of_the_zone_logs(knotd, unbound, authority):
    """Those about something else, too."""
    knotd.options["retry-max"] = 1
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    knotd.wait_log(ZONE, TARGET, "A fails", ask=ZONE)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    lines = eventually(
        lambda: query(ZONE, "SOA") and knotd.log_lines(ZONE, TARGET, "A recovered"),
        what="a query for the SOA brings the log up to date",
    )
    assert lines
    eventually(
        lambda: query(f"none.{ZONE}", "TXT") and knotd.stats(ZONE)["addresses"] == 1,
        what="and one for another name the numbers",
    )


def test_W2_a_failure_is_logged_once_whatever_else_is_signed(knotd, unbound, authority):
    """What was logged is remembered while other zones get new keys."""
    authority.fail(TARGET)
    authority.set("good.example.net", a=[A1])
    knotd.options["retry-max"] = 1
    knotd.add_zone(ZONE, [aname(TARGET)])
    for number in range(5):
        knotd.add_zone(
            f"signed{number}.example", [aname("good.example.net")],
            zone_options={"dnssec-signing": True},
        )
    knotd.start()
    failed()
    knotd.wait_log(ZONE, TARGET, "A fails", ask=ZONE)
    for number in range(5):
        # Each has keys that are new to the module.
        answers({A1}, f"signed{number}.example", ede=set())
        for _ in during(1.1):
            query(ZONE, "A")
    lines = knotd.log_lines(rf"\[{ZONE}", TARGET, " A fails")
    assert len(lines) == 1, f"expected one line, got {lines}"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.wait_log(rf"\[{ZONE}", TARGET, "A recovered", ask=ZONE)
