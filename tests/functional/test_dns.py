"""N1-N3, F5, L1 and L3 with the option `resolver`: recursors are asked by DNS."""

import os
import re
import subprocess
import time

import pytest
from harness import (
    A1, A2, A3, AAAA1, PROMPT, SIBLING_A, SLOW, STALE_ANSWER, STALE_TTL, TARGET, ZONE, aname,
    answers, during, eventually, expire, failed, known, query, section, siblings, simple, spared,
)
from harness.authority import OTHER, SCRIPTED
from harness.load import Load
from harness.unbound import ask

FIRST, SECOND = "127.0.0.1", "127.0.0.2"
NOBODY = "127.0.0.13"
EVERYTHING = "*."
RRSIGS_MISSING, BOGUS = 10, 6
DAY = 86400


@pytest.fixture
def dns(knotd):
    """A knotd whose module asks the recursor at FIRST by DNS."""
    knotd.options["resolver"] = FIRST
    return knotd


@pytest.fixture
def honest(start_unbound):
    """A recursor that gives TTLs as they are and asks the authority each time."""
    return start_unbound(cache_ttl=DAY, negative_ttl=DAY)


# N1


@pytest.mark.parametrize(
    "record, target, options, low, high",
    [
        (300, 40, {}, 30, 40),
        (40, 300, {}, 30, 40),
        (300, 120, {"ttl-max": 50}, 40, 50),
        (300, 3, {"ttl-min": 100}, 90, 100),
        (300, 0, {"ttl-min": 60}, 50, 60),
        (700000, 600000, {}, DAY - 10, DAY),
        (300, 2**31 - 1, {}, 290, 300),
    ],
)
def test_N1_ttl_is_that_of_the_target(
    dns, honest, authority, proto, record, target, options, low, high
):
    dns.options.update(options)
    authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1], ttl=target)
    dns.add_zone(ZONE, [aname(TARGET, ttl=record)])
    dns.start()
    known()
    query(ZONE, "A", proto).expect(a={A1, A2}, ttl=(low, high), ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(low, high), ede=set())


@pytest.mark.parametrize("value", ["::1", "::1@53"])
def test_N1_a_recursor_with_an_ipv6_address(knotd, start_unbound, authority, proto, value):
    start_unbound(
        address="::1", server="  do-ip6: yes\n  access-control: ::1/128 allow\n",
        cache_ttl=DAY, negative_ttl=DAY,
    )
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=120)
    knotd.options["resolver"] = value
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ttl=(100, 120), ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(100, 120), ede=set())


@pytest.mark.parametrize("least", [0, 1, 2, 3], ids=lambda place: f"place{place}")
def test_N1_ttl_is_the_least_of_the_chain(dns, honest, authority, proto, least):
    ttls = [200] * 4
    ttls[least] = 30
    names = [TARGET, "b.example.net", "c.example.org", "d.example"]
    for name, following, ttl in zip(names, names[1:], ttls):
        authority.cname(name, f"{following}.", ttl=ttl)
    authority.set(names[-1], a=[A1], ttl=ttls[-1])
    dns.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"])
    dns.start()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, ttl=(20, 30), ede=set())
    query(f"www.{ZONE}", "A", proto).expect(a={A1}, ttl=(20, 30), ede=set())


def test_N1_families_have_ttls_of_their_own(dns, honest, authority, proto):
    authority.set(TARGET, a=[A1], ttl=30)
    authority.set("six.example.net", aaaa=[AAAA1], ttl=200)
    authority.behave(TARGET, "AAAA", authority._find("six.example.net.", "AAAA"))
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ttl=(20, 30))
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(190, 200))


def test_N1_what_a_cache_has_left_counts(dns, start_unbound, authority, proto):
    start_unbound(cache=True, cache_ttl=DAY)
    authority.set(TARGET, a=[A1], ttl=30)
    ask(TARGET)
    expire(2)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, ttl=(15, 28))
    assert authority.count(TARGET, "A") == 1, "expected the recursor to answer from its cache"


@pytest.mark.parametrize("cache", [False, True], ids=["asks", "caches"])
def test_N1_a_change_is_seen_after_its_ttl(dns, start_unbound, authority, cache):
    start_unbound(cache=cache, cache_ttl=DAY)
    authority.set(TARGET, a=[A1], ttl=4)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    changed = time.monotonic()
    authority.set(TARGET, a=[A2], ttl=4)

    def check(reply):
        reply.expect(ede=set(), soa=False, ttl=(0, 4))
        assert reply.addresses() in ({A1}, {A2}), f"expected an address, got {reply}"

    with Load([(ZONE, "A")], check, threads=1, pause=0.02) as load:
        answers({A2}, timeout=10)
        took = time.monotonic() - changed
    load.verify(5)
    # A cache may hold what it took just before the change for one more lifetime.
    assert took < 4 * (1 + cache) + PROMPT, f"expected the change after 4 s, took {took:.1f} s"


def test_N1_it_is_asked_again_when_the_ttl_ends_and_not_sooner(dns, honest, authority):
    authority.set(TARGET, a=[A1], ttl=4)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    for _ in during(9):
        query(ZONE, "A").expect(a={A1}, ede=set())
    times = authority.times(TARGET, "A")
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert len(gaps) >= 2, f"expected two refreshes in 9 s, got {gaps}"
    assert all(2.5 <= gap <= 4 + SLOW for gap in gaps), (
        f"expected refreshes from three quarters of 4 s on, got {gaps}"
    )


@pytest.mark.parametrize("kind", ["nodata", "nxdomain", "behind-alias"])
@pytest.mark.parametrize(
    "ttl, options, low, high",
    [
        (20, {}, 10, 20),
        (50, {"ttl-max": 25}, 15, 25),
        (2, {"ttl-min": 30}, 20, 30),
        (600, {}, 50, 60),
    ],
)
def test_N1_negative_answers_live_by_the_soa(
    dns, honest, authority, proto, kind, ttl, options, low, high
):
    dns.options.update(options)
    if kind == "nodata":
        authority.set(TARGET, aaaa=[AAAA1], negative_ttl=ttl)
    elif kind == "nxdomain":
        authority.nxdomain(TARGET, negative_ttl=ttl)
    else:
        authority.cname(TARGET, "none.example.net.", ttl=DAY)
        authority.set("none.example.net", aaaa=[AAAA1], negative_ttl=ttl)
    # The zone's own negative TTL is 60 s.
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    reply = query(ZONE, "A", proto).expect(a=(), soa=True, ede=set())
    assert low <= reply.soa_ttl() <= high, f"expected {low}..{high} s, got {reply}"


def test_N1_an_end_of_nodata_is_seen_after_its_ttl(dns, honest, authority):
    authority.set(TARGET, negative_ttl=3)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    query(ZONE, "A").expect(a=(), soa=True)
    changed = time.monotonic()
    authority.set(TARGET, a=[A1])
    for _ in during(0.5):
        query(ZONE, "A")
    answers({A1})
    took = time.monotonic() - changed
    assert took < 3 + PROMPT, f"expected the addresses after 3 s, took {took:.1f} s"


def test_N1_families_are_asked_for_separately(dns, recursor, proto):
    dns.options["resolver"] = SCRIPTED
    recursor.set(TARGET, a=[A1], aaaa=[AAAA1])
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1})
    kinds = {seen.rdtype for seen in recursor.seen(TARGET)}
    assert "A" in kinds and kinds <= {"A", "AAAA"}, f"expected questions for A, got {kinds}"
    recursor.drop(TARGET, "AAAA")
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def many(count):
    return {f"10.{i >> 16}.{i >> 8 & 255}.{i & 255}" for i in range(count)}


# 30 addresses take more than 512 octets, 60 take less than 1232.
@pytest.mark.parametrize("count", [1, 30, 60])
def test_N1_up_to_1232_octets_come_over_udp(dns, recursor, proto, count):
    dns.options.update({"resolver": SCRIPTED, "max-addresses": 256})
    recursor.set(TARGET, a=many(count))
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    reply = eventually(lambda: query(ZONE, "A", "tcp").expect(a=many(count)), what="an answer")
    query(ZONE, "A", proto, bufsize=4096).expect(a=many(count))
    protos = [seen.proto for seen in recursor.seen(TARGET, "A")]
    assert protos == ["udp"], f"expected one question over UDP, got {protos} and {reply}"


@pytest.mark.parametrize("count", [90, 1000, 2000])
def test_N1_truncated_is_asked_again_over_tcp(dns, recursor, count):
    dns.options.update({"resolver": SCRIPTED, "max-addresses": 256})
    recursor.set(TARGET, a=many(count), ttl=40)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()

    def answered():
        reply = query(ZONE, "A", "tcp").expect(ttl=(30, 40), ede=set())
        found = reply.addresses()
        assert len(found) == min(count, 256) and found <= many(count), f"got {reply}"
        return True

    eventually(answered, what="an answer")
    protos = [seen.proto for seen in recursor.seen(TARGET, "A")]
    assert protos == ["udp", "tcp"], f"expected UDP, then TCP, got {protos}"


# N2


def no_lookup_failed(knotd):
    """Queries bring the counters up to date, at most once a second."""

    def counted(kind):
        return knotd.total(f"lookups[{kind}]")

    def succeeded():
        for zone in knotd.zones:
            query(zone, "A")
        return counted("succeeded")

    eventually(succeeded, what="a lookup is counted")
    count = counted("failed")
    assert count == 0, f"expected no failed lookup, got {count}"


def zones_and_targets(knotd, count):
    pairs = {f"z{i}.example": f"t{i}.example.net" for i in range(count)}
    for zone, target in pairs.items():
        knotd.add_zone(zone, [aname(target)])
    return pairs


def test_N2_first_of_two_is_asked(dns, recursor, start_scripted):
    other = start_scripted(OTHER)
    dns.options["resolver"] = [SCRIPTED, OTHER]
    for server in (recursor, other):
        server.set(EVERYTHING, a=[A1])
    pairs = zones_and_targets(dns, 20)
    dns.start()
    for zone in pairs:
        known(zone, "A")
    assert other.count() == 0, f"expected the first alone to be asked, got {other.seen()[:3]}"


def test_N2_nobody_at_the_first_address(dns, recursor, proto):
    dns.options["resolver"] = [NOBODY, SCRIPTED]
    recursor.set(TARGET, a=[A1], ttl=40)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    start = time.monotonic()
    known(ZONE, "A")
    took = time.monotonic() - start
    assert took < PROMPT, f"expected the second to be asked at once, took {took:.1f} s"
    query(ZONE, "A", proto).expect(a={A1}, ttl=(30, 40), ede=set())
    no_lookup_failed(dns)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP", "NOTAUTH"])
def test_N2_an_error_of_the_first_is_not_the_last_word(
    dns, recursor, start_scripted, proto, rcode
):
    other = start_scripted(OTHER)
    dns.options["resolver"] = [SCRIPTED, OTHER]
    recursor.fail(EVERYTHING, rcode=rcode)
    other.set(TARGET, a=[A1])
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    no_lookup_failed(dns)


def test_N2_garbage_of_the_first_is_not_the_last_word(dns, recursor, start_scripted, proto):
    other = start_scripted(OTHER)
    dns.options["resolver"] = [SCRIPTED, OTHER]
    recursor.garbage(EVERYTHING)
    other.set(TARGET, a=[A1])
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_N2_a_dead_first_costs_no_lookup_and_no_query(dns, recursor, start_scripted):
    other = start_scripted(OTHER)
    dns.options.update({"resolver": [SCRIPTED, OTHER], "timeout": 2000, "ttl-max": 2})
    recursor.drop(EVERYTHING)
    other.set(EVERYTHING, a=[A1], ttl=2)
    pairs = zones_and_targets(dns, 40)
    dns.start()
    start = time.monotonic()
    # Each target comes to be known while the first server is dead, and stays so.
    for zone in pairs:
        known(zone, "A")
    for _ in during(4):
        for zone in pairs:
            query(zone, "A").expect(a={A1}, ede=set())
    took = time.monotonic() - start
    no_lookup_failed(dns)
    lookups = other.count(rdtype="A")
    assert lookups >= 80, f"expected refreshes of 40 targets, got {lookups} lookups"
    wasted = recursor.count()
    # Those under way before the first time-out, then one in each pause.
    assert wasted <= 4 + took / 2, (
        f"expected the dead one to be left alone, got {wasted} questions in {took:.0f} s"
    )


def test_N2_a_dead_first_is_tried_again(dns, recursor, start_scripted):
    other = start_scripted(OTHER)
    dns.options.update({"resolver": [SCRIPTED, OTHER], "timeout": 2000, "ttl-max": 1})
    recursor.drop(EVERYTHING)
    other.set(TARGET, a=[A1], ttl=1)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    known(ZONE, "A")
    recursor.behave(EVERYTHING, None, other._find(f"{TARGET}.", "A"))
    recursor.set(TARGET, a=[A2], ttl=1)
    answers({A2}, timeout=40)
    asked = other.count()
    for _ in during(3):
        query(ZONE, "A").expect(a={A2}, ede=set())
    assert other.count() == asked, "expected the first to be asked alone again"


def test_N2_silence_of_all_is_a_failure_within_the_time(dns, recursor, start_scripted, proto):
    other = start_scripted(OTHER)
    dns.options.update({"resolver": [SCRIPTED, OTHER], "timeout": 2000, "retry-min": 60})
    recursor.drop(EVERYTHING)
    other.drop(EVERYTHING)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    start = time.monotonic()
    failed(proto=proto)
    took = time.monotonic() - start
    assert took < 2 + PROMPT, f"expected the failure after 2 s, took {took:.1f} s"
    for server in (recursor, other):
        count = server.count(TARGET, "A")
        assert count == 2, f"expected two rounds through both servers, got {count}"


@pytest.mark.parametrize("retries", [0, 1, 4])
@pytest.mark.parametrize("how", ["silence", "servfail"])
def test_N2_retries(dns, recursor, retries, how):
    dns.options.update(
        {"resolver": SCRIPTED, "retries": retries, "timeout": 2000, "retry-min": 60}
    )
    if how == "silence":
        recursor.drop(EVERYTHING)
    else:
        recursor.fail(EVERYTHING)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    failed()
    count = recursor.count(TARGET, "A")
    assert count == 1 + retries, f"expected {1 + retries} tries, got {count}"


def two_recursors(knotd, start_unbound):
    knotd.options.update({"resolver": [FIRST, SECOND], "timeout": 2000, "ttl-max": 1})
    return [start_unbound(address=address) for address in (FIRST, SECOND)]


@pytest.mark.parametrize("which", [0, 1], ids=["first", "second"])
@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_N2_one_of_two_unbounds_is_gone(knotd, start_unbound, authority, which, how):
    servers = two_recursors(knotd, start_unbound)
    simple(knotd, authority)
    known()
    with Load([(ZONE, "A"), (ZONE, "AAAA")], lambda reply: reply.expect(ede=set()), 1, 0.02) as load:
        getattr(servers[which], how)()
        authority.set(TARGET, a=[A2], aaaa=[AAAA1])
        answers({A2})
        authority.set(TARGET, a=[A3], aaaa=[AAAA1])
        answers({A3})
        if how == "kill":
            servers[which].start()
        else:
            servers[which].thaw()
        authority.set(TARGET, a=[A1], aaaa=[AAAA1])
        answers({A1})
    load.verify(50)
    no_lookup_failed(knotd)


@pytest.mark.parametrize("how", ["kill", "freeze"])
def test_N2_the_only_unbound_is_gone_and_comes_back(dns, unbound, authority, proto, how):
    dns.options.update({"ttl-max": 1, "timeout": 1000, "retry-max": 1})
    simple(dns, authority)
    known()
    getattr(unbound, how)()
    eventually(
        lambda: query(ZONE, "A", proto).expect(a={A1}, ede={STALE_ANSWER}, ttl=(1, STALE_TTL)),
        what="the last addresses are stale",
    )
    authority.set(TARGET, a=[A2])
    if how == "kill":
        unbound.start()
    else:
        unbound.thaw()
    answers({A2}, proto=proto, ede=set())


# N3

SIGNED, FALSE, PLAIN = "signed.example", "false.example", "plain.example"
NAMES = {"signed": f"www.{SIGNED}", "unsigned": f"www.{PLAIN}", "bogus": f"www.{FALSE}"}


def keys(zone):
    """The zone's DNSKEY records as a trust anchor."""
    reply = query(zone, "DNSKEY", "tcp")
    found = reply.addresses("DNSKEY")
    assert found, f"expected {zone} to be signed, got {reply}"
    return found


@pytest.fixture
def validating(dns, start_unbound, directory):
    """Start knotd, which serves the targets, too, and a recursor that validates them."""

    def start(**zones):
        for zone in (SIGNED, FALSE, PLAIN):
            signing = {} if zone == PLAIN else {"dnssec-signing": True}
            dns.add_zone(
                zone, [f"www 30 IN A {A1}", "alias 30 IN CNAME www"],
                modules=[], zone_options=signing,
            )
        for zone, target in zones.items():
            dns.add_zone(f"{zone}.example.com", [aname(target)])
            dns.add_zone(f"{zone}.example.org", [aname(target), *siblings()])
        dns.start()
        anchors = eventually(lambda: keys(SIGNED), what=f"{SIGNED} is signed")
        eventually(lambda: keys(FALSE), what=f"{FALSE} is signed")
        path = os.path.join(directory, "anchors")
        with open(path, "w", encoding="ascii") as file:
            for zone in (SIGNED, FALSE):
                # The keys of one for both: all that is signed in the other is bogus.
                file.writelines(f"{zone}. 3600 IN DNSKEY {key}\n" for key in sorted(anchors))
        return start_unbound(
            modules="validator iterator",
            cache_ttl=DAY,
            stubs={zone: "127.0.0.1@5300" for zone in (SIGNED, FALSE, PLAIN)},
            server=f'  trust-anchor-file: "{path}"\n  ede: yes\n',
        )

    return start


def test_N3_any_takes_what_is_not_signed(dns, validating, proto):
    validating(**NAMES)
    answers({A1}, "signed.example.com", proto=proto, ttl=(0, 30), ede=set())
    answers({A1}, "unsigned.example.com", proto=proto, ttl=(0, 30), ede=set())
    failed("bogus.example.com", proto=proto, ede={BOGUS})


def test_N3_secure_takes_what_is_signed_only(dns, validating, proto):
    dns.options.update({"target-dnssec": "secure", "retry-max": 1})
    validating(**NAMES, alias=f"alias.{SIGNED}")
    answers({A1}, "signed.example.com", proto=proto, ttl=(0, 30), ede=set())
    answers({A1}, "alias.example.com", proto=proto, ttl=(0, 30), ede=set())
    failed("unsigned.example.com", proto=proto, ede={RRSIGS_MISSING})
    failed("bogus.example.com", proto=proto, ede={BOGUS})


def test_N3_siblings_stand_in(dns, validating, proto):
    dns.options.update({"target-dnssec": "secure", "retry-max": 1})
    validating(**NAMES)
    answers({A1}, "signed.example.org", proto=proto, ede=set())
    for zone in ("unsigned.example.org", "bogus.example.org"):
        answers({SIBLING_A}, zone, proto=proto, ttl=(1, STALE_TTL))


def test_N3_denial_has_to_be_signed_as_well(dns, validating, proto):
    dns.options.update({"target-dnssec": "secure", "retry-max": 1})
    validating(none=f"none.{SIGNED}", nowhere=f"none.{PLAIN}", **NAMES)
    answers((), "signed.example.com", rdtype="AAAA", proto=proto, soa=True, ede=set())
    answers((), "none.example.com", proto=proto, soa=True, ede=set())
    failed("nowhere.example.com", proto=proto, ede={RRSIGS_MISSING})
    failed("unsigned.example.com", rdtype="AAAA", proto=proto, ede={RRSIGS_MISSING})
    failed("bogus.example.com", rdtype="AAAA", proto=proto, ede={BOGUS})


def test_N3_log_says_what_is_wrong(dns, validating):
    dns.options.update({"target-dnssec": "secure", "retry-max": 1})
    validating(**NAMES)

    def logged(zone, *patterns):
        # What the service has to say is written when the next query comes.
        query(zone, "A")
        return dns.log_lines("mod-aname", *patterns)

    eventually(
        lambda: logged("unsigned.example.com", rf"www\.{PLAIN}", "authenticated"), what="a warning"
    )
    eventually(lambda: logged("bogus.example.com", rf"www\.{FALSE}", "DNSSEC"), what="a warning")
    assert not logged("signed.example.com", rf"www\.{SIGNED}\. A fails")


def test_N3_what_becomes_insecure_is_stale(dns, validating, start_unbound, proto):
    dns.options.update({"target-dnssec": "secure", "retry-max": 1, "ttl-max": 2})
    unbound = validating(**NAMES)
    answers({A1}, "signed.example.com", ede=set())
    unbound.stop()
    # The same recursor, but it does not validate.
    start_unbound(stubs={zone: "127.0.0.1@5300" for zone in (SIGNED, FALSE, PLAIN)})
    eventually(
        lambda: query("signed.example.com", "A", proto).expect(a={A1}, ede={STALE_ANSWER}),
        what="the authenticated addresses are stale",
    )
    failed("unsigned.example.com", proto=proto, ede={RRSIGS_MISSING})


# F5


def test_F5_alias_loop_at_the_target(dns, unbound, authority, proto):
    authority.cname(TARGET, "loop.example.net.")
    authority.cname("loop.example.net", f"{TARGET}.")
    dns.options["timeout"] = 2000
    dns.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    dns.start()
    start = time.monotonic()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    spared(proto=proto)
    took = time.monotonic() - start
    assert took < 2 * 2 + PROMPT, f"expected the end within the limit, took {took:.1f} s"
    for _ in during(3):
        query(ZONE, "A", proto).expect(a={SIBLING_A})
    count = authority.count()
    assert count < 200, f"expected a bounded number of queries, got {count}"


def test_F5_loop_in_the_reply(dns, recursor, proto):
    """A recursor that returns the loop instead of an error."""
    dns.options.update({"resolver": SCRIPTED, "retry-min": 60})
    recursor.cname(TARGET, "loop.example.net.")
    recursor.cname("loop.example.net", f"{TARGET}.")
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    failed(proto=proto)
    count = recursor.count(TARGET, "A")
    assert count <= 2 * (1 + 1), f"expected no more questions than tries, got {count}"
    assert recursor.count("loop.example.net") == 0, "expected no question for the alias"


def queries_of(unbound):
    """How many queries the recursor was asked."""
    done = subprocess.run(
        ["unbound-control", "-c", unbound.conf, "stats_noreset"],
        check=True, timeout=10, capture_output=True, text=True,
    )
    return int(re.search(r"^total\.num\.queries=(\d+)", done.stdout, re.MULTILINE)[1])


def test_F5_loop_across_two_servers(dns, other_knotd, start_unbound, authority, proto):
    one, two = "one.example", "two.example"
    unbound = start_unbound(stubs={one: "127.0.0.1@5300", two: "127.0.0.1@5301"})
    for server, zone, target in ((dns, one, two), (other_knotd, two, one)):
        server.options.update({"resolver": FIRST, "timeout": 2000})
        server.add_zone(zone, [aname(target)])
    other_knotd.start(ready=[])
    dns.start()
    eventually(
        lambda: query(two, "SOA", server=("127.0.0.1", 5301)).addresses("SOA"), what=two
    )
    before, start = queries_of(unbound), time.monotonic()
    failed(one, proto=proto)
    took = time.monotonic() - start
    assert took < 2 * 2 + PROMPT, f"expected the end within the limit, took {took:.1f} s"
    for _ in during(6):
        query(one, "A", proto).expect(rcode="SERVFAIL", aa=None, a=())
        query(two, "A", proto, server=("127.0.0.1", 5301))
    took = time.monotonic() - start
    count = queries_of(unbound) - before
    # Two servers, each with the back-off of 1, 2, 4 s, two tries, and TCP after TC.
    assert count <= 8 * (2 + took), (
        f"expected the back-off to bound the queries, got {count} in {took:.0f} s"
    )
    started = sum(
        server.stats(zone)["lookups[started]"]
        for server, zone in ((dns, one), (other_knotd, two))
    )
    assert started <= 4 * (2 + took), f"expected few lookups, got {started} in {took:.0f} s"


def test_F5_loop_across_two_servers_with_a_way_out(
    dns, other_knotd, start_unbound, authority, proto
):
    one, two = "one.example", "two.example"
    start_unbound(stubs={one: "127.0.0.1@5300", two: "127.0.0.1@5301"})
    other_knotd.options.update({"resolver": FIRST, "timeout": 2000, "retry-max": 1})
    dns.options.update({"timeout": 2000, "retry-max": 1})
    dns.add_zone(one, [aname(two), siblings()[0]])
    other_knotd.add_zone(two, [aname(one)])
    other_knotd.start(ready=[])
    dns.start()
    answers({SIBLING_A}, one, proto=proto, soa=False)
    eventually(
        lambda: query(two, "A", proto, server=("127.0.0.1", 5301)).expect(a={SIBLING_A}),
        what="the other has the sibling's address",
    )


# L1


@pytest.mark.parametrize("length, good", [(1, True), (16, True), (17, False), (40, False)])
def test_L1_chain_length(dns, recursor, proto, length, good):
    dns.options.update({"resolver": SCRIPTED, "retry-min": 60})
    names = [TARGET] + [f"n{i}.example.net" for i in range(length)]
    for name, following in zip(names, names[1:]):
        recursor.cname(name, f"{following}.")
    recursor.set(names[-1], a=[A1])
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()
    if good:
        answers({A1}, proto=proto, ede=set())
    else:
        failed(proto=proto)
        dns.wait_log("mod-aname", TARGET, "chain", ask=ZONE)


@pytest.mark.parametrize("count", [1000, 2000])
def test_L1_thousand_addresses_through_a_real_recursor(dns, honest, authority, count):
    dns.options["max-addresses"] = 256
    authority.set(TARGET, a=many(count), ttl=40)
    dns.add_zone(ZONE, [aname(TARGET)])
    dns.start()

    def answered():
        reply = query(ZONE, "A", "tcp").expect(ttl=(30, 40), ede=set())
        found = reply.addresses()
        assert len(found) == 256 and found <= many(count), f"got {reply}"
        return found

    first = eventually(answered, what="an answer")
    assert answered() == first, "expected the same subset until the next refresh"
    query(ZONE, "A").expect(tc=True, a=())


# L3


BAD_SERVERS = [
    "300.0.0.1",
    "example.com",
    "''",
    "127.0.0.1@65536",
    "127.0.0.1@-1",
    "127.0.0.1@dns",
    "127.0.0.1@0",
    "127.0.0.1:53",
    "127.0.0.0/8",
    "2001:db8::1::1",
    "/run/resolver.sock",
    ["127.0.0.1", "/run/resolver.sock"],
    [f"127.0.0.{i}" for i in range(1, 10)],
]


@pytest.mark.parametrize("value", BAD_SERVERS, ids=lambda value: str(value)[:24])
def test_L3_bad_resolvers_are_refused(knotd, value):
    knotd.add_zone(ZONE)
    knotd.options["resolver"] = value
    accepted, output = knotd.conf_check()
    assert not accepted, f"expected {value} to be refused, got {output!r}"
    assert "resolver" in output, f"expected the option's name, got {output!r}"


def test_L3_too_many_resolvers_name_the_limit(knotd):
    knotd.add_zone(ZONE)
    knotd.options["resolver"] = [f"127.0.0.{i}" for i in range(1, 10)]
    _, output = knotd.conf_check()
    assert "resolver" in output and "8" in output, f"expected the limit, got {output!r}"


@pytest.mark.parametrize(
    "value",
    [
        "127.0.0.1",
        "127.0.0.1@53",
        "127.0.0.1@1",
        "127.0.0.1@65535",
        "::1",
        "2001:db8::1@5353",
        "::ffff:192.0.2.1",
        ["127.0.0.1", "::1@5353"],
        [f"127.0.0.{i}" for i in range(1, 9)],
    ],
    ids=lambda value: str(value)[:24],
)
def test_L3_good_resolvers_are_accepted(knotd, value):
    knotd.add_zone(ZONE)
    knotd.options["resolver"] = value
    accepted, output = knotd.conf_check()
    assert accepted, f"expected {value} to be accepted, got {output!r}"


@pytest.mark.parametrize("value, good", [(0, 1), (1, 1), (10, 1), (11, 0), (-1, 0), ("many", 0)])
def test_L3_retries(knotd, value, good):
    knotd.add_zone(ZONE)
    knotd.options.update({"resolver": FIRST, "retries": value})
    accepted, output = knotd.conf_check()
    assert accepted == bool(good), f"expected {good} for {value}, got {output!r}"
    if not good:
        assert "retries" in output, f"expected the option's name, got {output!r}"
    if value == 11:
        assert re.search(r"\b0\b", output) and re.search(r"\b10\b", output), (
            f"expected the range, got {output!r}"
        )


@pytest.mark.parametrize("value, good", [("any", 1), ("secure", 1), ("maybe", 0), ("''", 0)])
def test_L3_target_dnssec(knotd, value, good):
    knotd.add_zone(ZONE)
    knotd.options.update({"resolver": FIRST, "target-dnssec": value})
    accepted, output = knotd.conf_check()
    assert accepted == bool(good), f"expected {good} for {value}, got {output!r}"
    assert good or "target-dnssec" in output, f"expected the option's name, got {output!r}"


def test_L3_secure_needs_a_resolver(knotd):
    knotd.add_zone(ZONE)
    knotd.options["target-dnssec"] = "secure"
    accepted, output = knotd.conf_check()
    assert not accepted, f"expected secure without a resolver to be refused, got {output!r}"
    assert "target-dnssec" in output and "resolver" in output, f"expected both, got {output!r}"
    knotd.options["target-dnssec"] = "any"
    accepted, output = knotd.conf_check()
    assert accepted, f"expected any without a resolver to be accepted, got {output!r}"


# Instances side by side, and changes of the configuration.


def side_by_side(knotd, authority, recursor, **options):
    """One target through the system (A1) and through a recursor of the section's own (A2)."""
    knotd.sections.append(section("mod-aname", "dns", resolver=SCRIPTED, **options))
    authority.set(TARGET, a=[A1])
    recursor.set(TARGET, a=[A2], ttl=40)
    knotd.add_zone("system.example", [aname(TARGET)], modules=["mod-aname"])
    knotd.add_zone("dns.example", [aname(TARGET)], modules=["mod-aname/dns"])


def test_N2_system_and_resolver_side_by_side(knotd, unbound, authority, recursor, proto):
    side_by_side(knotd, authority, recursor)
    knotd.start()
    answers({A1}, "system.example", proto=proto, ttl=(290, 300), ede=set())
    answers({A2}, "dns.example", proto=proto, ttl=(30, 40), ede=set())
    assert authority.count(TARGET, "A") >= 1 and recursor.count(TARGET, "A") == 1


def test_N2_what_fails_for_one_is_no_matter_to_the_other(
    knotd, unbound, authority, recursor, proto
):
    side_by_side(knotd, authority, recursor, ttl_max=1, timeout=500)
    knotd.options["ttl-max"] = 1
    knotd.zones["system.example"].modules = ["mod-aname/test"]
    knotd.start()
    answers({A1}, "system.example")
    answers({A2}, "dns.example")
    recursor.drop(TARGET)
    eventually(
        lambda: query("dns.example", "A", proto).expect(a={A2}, ede={STALE_ANSWER}),
        what="one is stale",
    )
    for _ in during(2):
        query("system.example", "A", proto).expect(a={A1}, ede=set())
    recursor.set(TARGET, a=[A3], ttl=1)
    answers({A3}, "dns.example", proto=proto, ede=set())
    unbound.kill()
    eventually(
        lambda: query("system.example", "A", proto).expect(a={A1}, ede={STALE_ANSWER}),
        what="the other is stale",
    )
    for _ in during(2):
        query("dns.example", "A", proto).expect(a={A3}, ede=set())


def test_N2_two_resolvers_in_two_sections(knotd, recursor, start_scripted, proto):
    other = start_scripted(OTHER)
    for name, server, address in (("one", recursor, A1), ("two", other, A2)):
        server.set(TARGET, a=[address])
        knotd.sections.append(section("mod-aname", name, resolver=server.address[0]))
        knotd.add_zone(f"{name}.example", [aname(TARGET)], modules=[f"mod-aname/{name}"])
    knotd.start()
    answers({A1}, "one.example", proto=proto)
    answers({A2}, "two.example", proto=proto)
    assert recursor.count(TARGET, "A") == 1 and other.count(TARGET, "A") == 1


def test_N2_equal_sections_share_their_lookups(knotd, recursor):
    recursor.set(TARGET, a=[A1])
    for name in ("one", "two"):
        knotd.sections.append(section("mod-aname", name, resolver=SCRIPTED))
        knotd.add_zone(f"{name}.example", [aname(TARGET)], modules=[f"mod-aname/{name}"])
    knotd.start()
    answers({A1}, "one.example")
    answers({A1}, "two.example")
    assert recursor.count(TARGET, "A") == 1, "expected one lookup for both"


@pytest.mark.parametrize("before, after", [(SCRIPTED, OTHER), (None, OTHER), (SCRIPTED, None)])
def test_T4_reload_with_another_resolver(
    knotd, unbound, authority, recursor, start_scripted, before, after
):
    other = start_scripted(OTHER)
    addresses = {SCRIPTED: A1, OTHER: A2, None: A3}
    for server, address in ((recursor, A1), (other, A2), (authority, A3)):
        server.set(TARGET, a=[address], ttl=2)
    knotd.options.update({"resolver": before, "ttl-max": 2, "idle": 2})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers({addresses[before]})
    allowed = ({addresses[before]}, {addresses[after]})

    def check(reply):
        # What one resolver said is not passed on as another's: the name is cold again.
        if not reply.tc:
            reply.expect(ede=set(), soa=False)
            assert reply.addresses() in allowed, f"expected one of {allowed}, got {reply}"

    with Load([(ZONE, "A")], check, threads=1, pause=0.01) as load:
        knotd.options["resolver"] = after
        knotd.reload()
        answers({addresses[after]})
        for _ in during(1):
            query(ZONE, "A").expect(a={addresses[after]}, ede=set())
    load.verify(5)
    # What nobody asks for any more is looked up for `idle` at most.
    seen = {SCRIPTED: recursor, OTHER: other, None: authority}[before]
    for _ in during(4):
        query(ZONE, "A").expect(a={addresses[after]})
    asked = seen.count(TARGET)
    for _ in during(4):
        query(ZONE, "A").expect(a={addresses[after]})
    assert seen.count(TARGET) == asked, "expected the former resolver to be left alone"
