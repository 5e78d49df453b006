"""N1, N2, F1-F4, A7, L1 and L3 with the option `resolver`, where what is asked may be no resolver:
closed ports, authorities with delegations and chains of aliases, filters, servers that lie.
"""

import json
import re
import subprocess

import pytest
from harness import (
    A1, A2, AAAA1, SIBLING_A, STALE_ANSWER, STALE_TTL, TARGET, ZONE, aname, answers, during,
    eventually, failed, known, query, section, siblings, simple, zone_text,
)
from harness.authority import SCRIPTED, Behaviour
from harness.kaname import kaname
from harness.servers import AuthoritativeNamed, Dnsmasq
from harness.unbound import ask

LOOPBACK = "127.0.0.1"
# A source of lookups that every Linux has, and one that only this test gives it.
VIA, NOT_HERE = "127.0.0.77", "192.0.2.77"
DELEGATED = "www.cdn.example.net"


def at(server):
    """A server's address as the option `resolver` wants it."""
    return "@".join(str(part) for part in server.address)


# N2


def test_N2_a_closed_port_fails_300_targets_at_once_and_nothing_else(knotd):
    """Newer c-ares learns of the closed port within the very call that sends the query."""
    knotd.options.update({"resolver": LOOPBACK, "timeout": 2000, "retry-max": 1})
    zones = [f"z{number}.{ZONE}" for number in range(300)]
    for number, zone in enumerate(zones):
        knotd.add_zone(zone, [aname(f"t{number}.example.net")])
    knotd.start()
    for _ in range(2):
        for zone in zones:
            failed(zone, "A")
            failed(zone, "AAAA")

    # And again and again, while they are asked for: one after the other is tried (F4).
    knotd.wait_log("nothing is heard any more from", LOOPBACK, ask=zones[0])

    def failures():
        # Queries bring the counters up to date, now and then.
        for zone in zones:
            query(zone, "A").expect(rcode="SERVFAIL", aa=None)
        return knotd.total("lookups[failed]")

    before = failures()
    eventually(lambda: failures() > before + 2, timeout=30, what="more are tried")
    knotd.require()
    count = knotd.total("lookups[succeeded]")
    assert count == 0, f"expected failures only, got {count} that succeeded"


# N1: referrals


def delegating_named(directory):
    """A real authority of the zone above the target's."""
    records = ["cdn 300 IN NS ns.cdn", "ns.cdn 300 IN A 192.0.2.53"]
    return AuthoritativeNamed(directory, {"example.net": zone_text("example.net", records)})


def test_N1_a_referral_is_the_failure_of_one_server(
    knotd, directory, start_server, recursor, proto
):
    named = start_server(delegating_named(directory))
    reply = query(DELEGATED, "A", server=named.address, rd=True)
    assert reply.rcode == "NOERROR" and "NS" in reply.types("authority"), f"no referral: {reply}"
    recursor.set(DELEGATED, a=[A1], aaaa=[AAAA1])
    knotd.options.update({"resolver": [at(named), SCRIPTED]})
    knotd.add_zone(ZONE, [aname(DELEGATED), *siblings()])
    knotd.start()
    known(ZONE, "A", "AAAA")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set())


def test_N1_nothing_but_a_referral_is_a_failure(knotd, directory, start_server, proto):
    named = start_server(delegating_named(directory))
    knotd.options.update({"resolver": at(named), "retry-min": 60})
    knotd.add_zone(ZONE, [aname(DELEGATED)])
    knotd.start()
    failed(proto=proto)
    failed(rdtype="AAAA", proto=proto)
    knotd.wait_log("mod-aname", DELEGATED, "referral", ask=ZONE)


WORTHLESS = {
    "referral": Behaviour(referral=True, flags=""),
    "referral-of-a-recursor": Behaviour(referral=True, flags="RA"),
    "nothing": Behaviour(soa=False, flags=""),
    "soa": Behaviour(flags=""),
    "nxdomain": Behaviour(rcode="NXDOMAIN", flags=""),
}


@pytest.mark.parametrize("how", WORTHLESS)
def test_F1_last_addresses_stay_where_a_server_stops_to_recurse(knotd, recursor, how, proto):
    knotd.options.update({"resolver": SCRIPTED, "ttl-max": 1})
    simple(knotd, recursor, records=siblings())
    known()
    recursor.behave(TARGET, None, WORTHLESS[how])
    answers({A1}, proto=proto, ede={STALE_ANSWER}, ttl=(1, STALE_TTL))
    answers({AAAA1}, rdtype="AAAA", proto=proto, ede={STALE_ANSWER}, ttl=(1, STALE_TTL))
    knotd.wait_log("mod-aname", TARGET, "does not recurse", ask=ZONE)
    recursor.set(TARGET, a=[A2], aaaa=[AAAA1])
    answers({A2}, proto=proto, ede=set(), timeout=30)


# N1: chains without an end


def chain(length):
    """{zone: records}: www in each is an alias of www in the next; the last has addresses."""
    zones = {}
    for number in range(length):
        ttl = 40 if number == 3 else 300
        zones[f"z{number}.example"] = [f"www {ttl} IN CNAME www.z{number + 1}.example."]
    zones[f"z{length}.example"] = [f"www 300 IN A {A1}", f"www 300 IN AAAA {AAAA1}"]
    return zones


@pytest.mark.parametrize("which", ["knotd", "named"])
def test_N1_an_authority_with_a_chain_over_its_zones(
    knotd, other_knotd, directory, start_server, proto, which
):
    zones = chain(7)
    if which == "named":
        texts = {name: zone_text(name, records) for name, records in zones.items()}
        resolver = at(start_server(AuthoritativeNamed(directory, texts)))
    else:
        other_knotd.with_module = False
        for name, records in zones.items():
            other_knotd.add_zone(name, records)
        other_knotd.start(ready=[])
        resolver = "127.0.0.1@5301"
        eventually(
            lambda: query("z7.example", "SOA", server=("127.0.0.1", 5301)).addresses("SOA"),
            what="the authority is loaded",
        )
    knotd.options["resolver"] = resolver
    knotd.add_zone(ZONE, [aname("www.z0.example")])
    knotd.start()
    known(ZONE, "A", "AAAA")
    query(ZONE, "A", proto).expect(a={A1}, ttl=(30, 40), ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(30, 40), ede=set())


def unfinished(server, length):
    """A chain of which the server tells one alias at a time."""
    names = [TARGET] + [f"n{number}.example.net" for number in range(1, length + 1)]
    for name, following in zip(names, names[1:]):
        server.cname(name, f"{following}.", follow=False, flags="RA")
    server.set(names[-1], a=[A1])
    return names


@pytest.mark.parametrize(
    "most, length, good", [(None, 16, 1), (None, 17, 0), (1, 1, 1), (1, 2, 0), (64, 64, 1)]
)
def test_L1_aliases_over_all_steps(knotd, recursor, proto, most, length, good):
    knotd.options.update({"resolver": SCRIPTED, "max-aliases": most, "retry-min": 60})
    names = unfinished(recursor, length)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    if good:
        answers({A1}, proto=proto, ede=set())
        for name in names:
            count = recursor.count(name, "A")
            assert count == 1, f"expected one question for {name}, got {count}"
    else:
        failed(proto=proto)
        knotd.wait_log("mod-aname", TARGET, r"chain of aliases \(max-aliases\)", ask=ZONE)


@pytest.mark.parametrize("length, most, good", [(20, 20, 1), (20, 19, 0), (3, 2, 0)])
def test_L1_aliases_in_one_answer(knotd, recursor, length, most, good):
    knotd.options.update({"resolver": SCRIPTED, "max-aliases": most, "retry-min": 60})
    names = [TARGET] + [f"n{number}.example.net" for number in range(length)]
    for name, following in zip(names, names[1:]):
        recursor.cname(name, f"{following}.")
    recursor.set(names[-1], a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    if good:
        answers({A1}, ede=set())
    else:
        failed()


def test_F5_a_loop_of_unfinished_chains_ends(knotd, recursor):
    knotd.options.update({"resolver": SCRIPTED, "retry-min": 60})
    recursor.cname(TARGET, "loop.example.net.", follow=False)
    recursor.cname("loop.example.net", f"{TARGET}.", follow=False)
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    knotd.wait_log("mod-aname", TARGET, r"chain of aliases \(max-aliases\)", ask=ZONE)
    count = recursor.count(rdtype="A")
    assert count <= 16 + 2, f"expected no more questions than aliases and tries, got {count}"


def test_A7_nxdomain_at_the_end_of_an_unfinished_chain(knotd, recursor, proto):
    """A chain whose last name does not exist is negative, for as long as its SOA says."""
    knotd.options.update({"resolver": SCRIPTED})
    recursor.cname(TARGET, "gone.example.net.", follow=False, ttl=300)
    recursor.nxdomain("gone.example.net", negative_ttl=40)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.start()
    known(ZONE, "A")
    reply = query(ZONE, "A", proto).expect(a=(), soa=True)
    assert 30 <= reply.soa_ttl() <= 40, f"expected the SOA's TTL, got {reply}"


# A7: answers that do not say for how long they are good


def lookups_of(count, knotd, seconds):
    """How often count() grows while A and AAAA are asked for, for so long."""
    before = count()
    for _ in during(seconds, step=0.1):
        query(ZONE, "A").expect(a={A1}, ede=set())
        query(ZONE, "AAAA").expect(aaaa=(), soa=True, ede=set())
    return count() - before


def bare_scripted(knotd, recursor, **_):
    knotd.options["resolver"] = SCRIPTED
    recursor.behave(TARGET, "A", Behaviour(rdata=(A1,), ttl=300))
    recursor.behave(TARGET, "AAAA", Behaviour(soa=False, flags="RA"))
    return lambda: recursor.count(TARGET, "AAAA")


def bare_unbound(knotd, authority, start_unbound, **_):
    """unbound takes private addresses out of answers, and puts nothing in their place; newer ones
    say SERVFAIL then.
    """
    unbound = start_unbound(server="  private-address: 2001:db8::/32\n", cache_ttl=300)
    knotd.options["resolver"] = LOOPBACK
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=300)
    if ask(TARGET, "AAAA").rcode == "SERVFAIL":
        pytest.skip("this release of unbound does not leave answers bare")

    def count():
        done = subprocess.run(
            ["unbound-control", "-c", unbound.conf, "stats_noreset"],
            check=True, timeout=10, capture_output=True, text=True,
        )
        return int(re.search(r"^total\.num\.queries=(\d+)", done.stdout, re.MULTILINE)[1])

    return count


def bare_dnsmasq(knotd, authority, directory, start_server, **_):
    dnsmasq = start_server(Dnsmasq(directory, "--filter-AAAA"))
    knotd.options["resolver"] = at(dnsmasq)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=300)
    return lambda: authority.count(TARGET, "AAAA")


@pytest.mark.parametrize("which", [bare_scripted, bare_unbound, bare_dnsmasq])
def test_A7_a_bare_negative_answer_is_kept_for_longer_and_longer(
    knotd, authority, recursor, directory, start_unbound, start_server, which
):
    count = which(
        knotd=knotd, authority=authority, recursor=recursor, directory=directory,
        start_unbound=start_unbound, start_server=start_server,
    )
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known(ZONE, "A", "AAAA")
    first = count()
    # At most 5 s, then 10 s, then 20 s: begun 10 % of that before the end at the latest, and
    # 25 % at the earliest.
    looked_up = lookups_of(count, knotd, 14)
    assert 1 <= looked_up <= 2, f"expected two lookups at most after {first}, got {looked_up}"
    reply = query(ZONE, "AAAA").expect(aaaa=(), soa=True)
    assert 1 <= reply.soa_ttl() <= 30, f"expected at most 30 s, got {reply}"


# L3


@pytest.mark.parametrize("value, good", [(1, 1), (16, 1), (64, 1), (0, 0), (65, 0), ("many", 0)])
def test_L3_max_aliases(knotd, value, good):
    knotd.add_zone(ZONE)
    knotd.options.update({"resolver": LOOPBACK, "max-aliases": value})
    accepted, output = knotd.conf_check()
    assert accepted == bool(good), f"expected {good} for {value}, got {output!r}"
    assert good or "max-aliases" in output, f"expected the option's name, got {output!r}"
    if value == 65:
        assert re.search(r"\b1\b", output) and re.search(r"\b64\b", output), (
            f"expected the range, got {output!r}"
        )


@pytest.mark.parametrize(
    "value, good",
    [
        (VIA, 1),
        ("2001:db8::1", 1),
        ([VIA, "::1"], 1),
        (["::1", VIA], 1),
        ([VIA, LOOPBACK], 0),
        (["::1", "2001:db8::1"], 0),
        ([VIA, "::1", LOOPBACK], 0),
        (f"{VIA}@53", 0),
        ("::1@65535", 0),
        ("/run/resolver.sock", 0),
        ("here", 0),
    ],
    ids=str,
)
def test_L3_via(knotd, value, good):
    knotd.add_zone(ZONE)
    knotd.options.update({"resolver": LOOPBACK, "via": value})
    accepted, output = knotd.conf_check()
    assert accepted == bool(good), f"expected {good} for {value}, got {output!r}"
    assert good or "via" in output, f"expected the option's name, got {output!r}"
    if "@" in str(value):
        assert "port" in output, f"expected what is wrong with {value}, got {output!r}"


def test_L3_via_needs_a_resolver(knotd):
    knotd.add_zone(ZONE)
    knotd.options["via"] = VIA
    accepted, output = knotd.conf_check()
    assert not accepted and "via" in output and "resolver" in output, f"got {accepted}, {output!r}"


# N1: from where


def test_N1_lookups_come_from_the_address_of_via(knotd, recursor, proto):
    """Over UDP, and over TCP where the reply is truncated."""
    knotd.options.update({"resolver": SCRIPTED, "via": [VIA, "::1"]})
    recursor.set(TARGET, a=[f"198.51.100.{i}" for i in range(1, 201)], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known(ZONE, "AAAA")
    query(ZONE, "A", proto)
    eventually(lambda: "tcp" in {seen.proto for seen in recursor.seen(TARGET, "A")}, what="TCP")
    clients = {(seen.proto, seen.client) for seen in recursor.seen()}
    assert clients == {("udp", VIA), ("tcp", VIA)}, f"expected {VIA} alone, got {clients}"
    done = kaname("-s", knotd.socket, "status", "--json", directory=knotd.directory)
    targets = json.loads(done.stdout)["targets"]
    assert all(target["via"] == [VIA, "::1"] for target in targets), f"got {targets}"


def test_N1_sections_that_differ_in_via_share_nothing(knotd, recursor):
    knotd.options.update({"resolver": SCRIPTED, "via": VIA})
    knotd.sections.append(section("mod-aname", "other", resolver=SCRIPTED))
    recursor.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-aname/other"])
    knotd.start()
    known(ZONE, "A")
    known("example.org", "A")
    clients = {seen.client for seen in recursor.seen(TARGET, "A")}
    assert clients == {VIA, LOOPBACK}, f"expected both, got {clients}"


def test_N1_an_address_of_via_that_the_host_does_not_have(knotd, recursor, proto):
    """Told by its name, and used as soon as it is there."""
    knotd.options.update({"resolver": SCRIPTED, "via": NOT_HERE, "retry-max": 1})
    recursor.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL), proto=proto)
    knotd.wait_log("mod-aname", TARGET, "'via'", "this host", ask=ZONE)
    assert recursor.count() == 0, f"expected no question, got {recursor.seen()}"
    found = kaname("-s", knotd.socket, "check", ZONE, directory=knotd.directory, code=(0, 1))
    output = found.stdout
    assert f"kdig -b {NOT_HERE} @{SCRIPTED} {TARGET}" in output, f"got {output}"
    subprocess.run(["ip", "address", "add", f"{NOT_HERE}/32", "dev", "lo"], check=True)
    try:
        answers({A1}, ede=set(), proto=proto)
        # While it is there, so that no reply goes nowhere.
        knotd.finish()
    finally:
        subprocess.run(["ip", "address", "del", f"{NOT_HERE}/32", "dev", "lo"], check=True)
    clients = {seen.client for seen in recursor.seen()}
    assert clients == {NOT_HERE}, f"expected {NOT_HERE}, got {clients}"
