"""A4, D2: there is one denial of the apex at a time, and it tells the truth."""

import os
import subprocess

import pytest
from harness import (
    A1, A2, AAAA1, SIBLING_A, TARGET, ZONE, NoReply, Subnet, aname, answers, eventually, expire,
    known, query, section, siblings,
)
from harness.authority import ADDRESS, Behaviour
from harness.process import Daemon
from harness.signatures import Keys, denials, verify
from harness.signing import CHAINS, SIGNED, online, serve
from harness.validator import NAMED, ValidatingNamed, ValidatingUnbound, key_records, signed

FAMILIES = {"A", "AAAA"}
HOLDINGS = {
    "both": {"a": [A1, A2], "aaaa": [AAAA1]},
    "a-only": {"a": [A1]},
    "aaaa-only": {"aaaa": [AAAA1]},
    "none": {},
}
# Whatever shows the denial of the apex: its own NODATA, wildcards, names that do not exist.
QUESTIONS = [
    (ZONE, "A"), (ZONE, "AAAA"), (ZONE, "HTTPS"), (ZONE, "CAA"), (ZONE, "NSEC"), (ZONE, "ANY"),
    (f"www.{ZONE}", "A"), (f"www.{ZONE}", "AAAA"), (f"www.{ZONE}", "CAA"),
    (f"!a.wild.{ZONE}", "CAA"), (f"!b.wild.{ZONE}", "AAAA"), (f"none.{ZONE}", "A"),
    (f"!.{ZONE}", "A"), (f"sub.{ZONE}", "DS"), (f"x.sub.{ZONE}", "A"), (ZONE, "TYPE65305"),
]


def lacking(holding):
    return {rdtype for rdtype, key in (("A", "a"), ("AAAA", "aaaa")) if key not in holding}


def settle(holding):
    for rdtype, key in (("A", "a"), ("AAAA", "aaaa")):
        answers(set(holding.get(key, ())), rdtype=rdtype)


def seen(keys, proto="udp"):
    """The families that each denial of the apex lists, of all replies there are."""
    found = []
    for name, rdtype in QUESTIONS:
        reply = query(name, rdtype, proto, do=True, bufsize=4096)
        verify(reply, keys)
        found += [types & FAMILIES for types in denials(reply)]
    return found


@pytest.mark.parametrize("holding", HOLDINGS.values(), ids=HOLDINGS)
@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_D2_one_denial_whatever_is_asked(
    knotd, unbound, authority, proto, chain, holding, with_siblings
):
    serve(knotd, authority, *(siblings() if with_siblings else []), chain=chain)
    authority.set(TARGET, **holding)
    knotd.options["ttl-max"] = 2
    knotd.reload()
    settle(holding)
    keys = Keys(ZONE)
    keys.learn()
    found = seen(keys, proto)
    wanted = FAMILIES - lacking(holding)
    assert len(found) >= 5, f"expected many denials of the apex, got {len(found)}"
    assert all(types == wanted for types in found), f"expected {wanted} in each, got {found}"


def test_D2_what_is_not_known_is_not_denied(knotd, unbound, authority, proto, chain):
    serve(knotd, authority, chain=chain)
    authority.fail(TARGET)
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for types in seen(keys, proto):
        assert types == FAMILIES, f"expected both, got {types}"


@pytest.mark.parametrize("sibling", ["A", "AAAA"])
def test_D2_A10_what_is_only_cold_is_not_denied(knotd, unbound, authority, chain, sibling):
    """Not even where the other family has a sibling to be answered from meanwhile."""
    knotd.options["wait"] = 200
    serve(knotd, authority, siblings()[sibling == "AAAA"], chain=chain)
    knotd.stop()
    late = Behaviour(rdata=(A1,), delay=1.5), Behaviour(rdata=(AAAA1,), delay=1.5)
    authority.behave(TARGET, "A", late[0])
    authority.behave(TARGET, "AAAA", late[1])
    knotd.start()
    keys = Keys(ZONE)
    keys.learn()
    reply = eventually(lambda: (query(ZONE, "HTTPS", "tcp", do=True), )[0].expect(soa=True))
    assert [types & FAMILIES for types in denials(reply)] == [FAMILIES], f"got {reply}"
    other = "AAAA" if sibling == "A" else "A"
    reply = query(ZONE, other, "tcp", do=True)
    if reply.rcode == "NOERROR" and not reply.addresses(other):
        # The wait is over, and stub resolvers need an answer: for a moment.
        verify(reply, keys)
        assert reply.soa_ttl() <= 5, f"expected 5 s at most, got {reply}"
    known(do=True)
    for rdtype, address in (("A", A1), ("AAAA", AAAA1)):
        answers({address}, rdtype=rdtype, ede=set())


def test_D2_what_a_sibling_answers_is_not_denied(knotd, unbound, authority, proto, chain):
    knotd.options.update({"ttl-max": 1, "stale-max": 0, "retry-max": 1})
    serve(knotd, authority, siblings()[0], chain=chain)
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    authority.fail(TARGET)
    expire(1)
    answers({SIBLING_A})
    eventually(lambda: query(ZONE, "AAAA").expect(aaaa=(), soa=True), what="AAAA is spared (A10)")
    for types in seen(keys, proto):
        assert types == {"A"}, f"expected A alone, got {types}"


def test_D2_the_denial_lives_no_longer_than_what_is_known(knotd, unbound, authority, proto, chain):
    knotd.options["ttl-max"] = 20
    serve(knotd, authority, chain=chain)
    authority.set(TARGET, a=[A1])
    knotd.stop()
    knotd.start()
    known(do=True)
    kind = "NSEC" if chain == "nsec" else "NSEC3"
    for name, rdtype in ((ZONE, "HTTPS"), (ZONE, "AAAA"), (f"none.{ZONE}", "A")):
        reply = query(name, rdtype, proto, do=True)
        assert denials(reply), f"expected a denial of the apex, got {reply}"
        # Those of other names have the zone's own TTL.
        least = min(reply.ttls(kind, "authority"))
        assert least <= 20, f"expected at most 20 s, got {reply}"


@pytest.mark.parametrize("holding", [HOLDINGS["a-only"], HOLDINGS["aaaa-only"], HOLDINGS["none"]],
                         ids=["a-only", "aaaa-only", "none"])
def test_A4_the_record_comes_with_the_proof_of_what_is_missing(
    knotd, unbound, authority, proto, chain, holding
):
    serve(knotd, authority, *siblings(), chain=chain)
    authority.set(TARGET, **holding)
    knotd.options["ttl-max"] = 2
    knotd.reload()
    settle(holding)
    keys = Keys(ZONE)
    keys.learn()
    for name in (ZONE, f"www.{ZONE}"):
        reply = query(name, "TYPE65305", proto, do=True, bufsize=4096).expect(soa=False, ede=set())
        assert "TYPE65305" in reply.types(), f"expected the record, got {reply}"
        verify(reply, keys)
        found = [types & FAMILIES for types in denials(reply, "authority")]
        wanted = FAMILIES - lacking(holding)
        assert found == [wanted], f"expected one proof with {wanted}, got {reply}"
        for rdtype, key in (("A", "a"), ("AAAA", "aaaa")):
            added = reply.addresses(rdtype, ZONE, "additional")
            assert added == set(holding.get(key, ())), f"expected {holding}, got {reply}"
        plain = query(name, "TYPE65305", proto).expect(soa=False)
        assert not plain.section("authority"), f"expected no proof without DO, got {plain}"


def test_A4_no_proof_where_nothing_is_missing(knotd, unbound, authority, proto, chain):
    serve(knotd, authority, chain=chain)
    known(do=True)
    reply = query(ZONE, "TYPE65305", proto, do=True, bufsize=4096).expect(soa=False)
    assert not denials(reply), f"expected no denial, got {reply}"


def test_A4_D3_with_onlinesign(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)], modules=online(knotd))
    knotd.start()
    known(do=True)
    for rdtype in ("TYPE65305", "HTTPS", "AAAA"):
        reply = query(ZONE, rdtype, proto, do=True).expect(soa=rdtype != "TYPE65305")
        found = [types & FAMILIES for types in denials(reply, "authority")]
        assert found == [{"A"}], f"expected one proof with A alone, got {reply}"
        assert "RRSIG" in reply.types("authority"), f"expected it signed, got {reply}"


# The same from the first query on: later ones find the denial where it was noted.


def proof(reply):
    """What stands in Authority, but for TTLs."""
    return {(rrset.name, rrset.rdtype, rrset.covers, frozenset(rrset))
            for rrset in reply.message.authority}


@pytest.mark.parametrize("holding", [HOLDINGS["a-only"], HOLDINGS["none"]], ids=["a-only", "none"])
def test_D2_a_later_denial_is_the_first_one(knotd, unbound, authority, proto, chain, holding):
    authority.set(TARGET, **holding, negative_ttl=40)
    knotd.options["ttl-max"] = 40
    knotd.sections.append(section("policy", "test", **CHAINS[chain]))
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for rdtype in ("AAAA", "CAA", "SRV"):
        replies = [query(ZONE, rdtype, proto, do=True).expect(soa=True, ede=set()) for _ in range(5)]
        for reply in replies:
            verify(reply, keys)
            wanted = FAMILIES - lacking(holding)
            assert [types & FAMILIES for types in denials(reply)] == [wanted], f"got {reply}"
            assert proof(reply) == proof(replies[0]), f"expected {replies[0]}, got {reply}"
            assert reply.aa, f"expected AA, got {reply}"
            ttls = {rrset.ttl for rrset in reply.message.authority}
            assert len(ttls) <= 2 and max(ttls) <= (40 if rdtype == "AAAA" else 3600), (
                f"expected one TTL of the SOA and one of the denial, each with its RRSIG, got {reply}"
            )


def test_D2_what_changes_at_the_apex_is_in_the_very_next_denial(knotd, unbound, authority, chain):
    serve(knotd, authority, chain=chain)
    authority.set(TARGET, a=[A1])
    settle({"a": [A1]})
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for turn in range(12):
        command, there = ("zone-unset", False) if turn % 2 else ("zone-set", True)
        record = [] if turn % 2 else ["60", "HINFO", '"a" "b"']
        for rdtype in ("AAAA", "CAA"):
            query(ZONE, rdtype, do=True).expect(soa=True)
        knotd.knotc("zone-begin", ZONE)
        knotd.knotc(command, ZONE, "@", *(record or ["HINFO"]))
        knotd.knotc("zone-commit", ZONE)
        for rdtype in ("AAAA", "CAA", "AAAA"):
            reply = query(ZONE, rdtype, do=True).expect(soa=True)
            verify(reply, keys)
            for types in denials(reply):
                assert ("HINFO" in types) == there, f"expected HINFO {there}, got {reply}"


def test_D2_what_the_target_has_is_in_the_next_denial(knotd, unbound, authority, chain):
    """Though the zone is the same all the time."""
    knotd.options["ttl-max"] = 1
    serve(knotd, authority, chain=chain)
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for holding in (HOLDINGS["a-only"], HOLDINGS["none"], HOLDINGS["aaaa-only"]):
        authority.set(TARGET, **holding, ttl=1, negative_ttl=1)
        settle(holding)
        for rdtype in ("CAA", "SRV", "CAA"):
            reply = query(ZONE, rdtype, do=True).expect(soa=True)
            verify(reply, keys)
            wanted = FAMILIES - lacking(holding)
            assert [types & FAMILIES for types in denials(reply)] == [wanted], (
                f"expected {wanted}, got {reply}"
            )


def test_D2_a_denial_that_does_not_fit(knotd, unbound, authority, chain):
    """Each is cut off as the first one is."""
    serve(knotd, authority, chain=chain, algorithm="rsasha256", ksk_size=2048, zsk_size=2048)
    authority.set(TARGET, a=[A1])
    settle({"a": [A1]})
    keys = Keys(ZONE)
    keys.learn()
    known(do=True)
    for rdtype in ("AAAA", "CAA"):
        for _ in range(3):
            reply = query(ZONE, rdtype, "udp", do=True, bufsize=512)
            assert reply.tc, f"expected it cut off, got {reply}"
            whole = query(ZONE, rdtype, "tcp", do=True, bufsize=512).expect(soa=True)
            verify(whole, keys)
            assert len(denials(whole)) == 1, f"expected a proof, got {whole}"


# Clients' subnets: there is one denial for all of them.

HERE, THERE = "198.51.100.0/24", "203.0.113.0/24"


def places(**by_client):
    """Addresses by client's network; "general" for everybody."""

    def choose(subnet):
        found = by_client["general"]
        if isinstance(subnet, Subnet):
            found = by_client.get("here" if str(subnet) == HERE else "there", found)
        return Behaviour(rdata=tuple(found), ttl=5, negative_ttl=5, scope=24)

    return choose


@pytest.mark.parametrize("online_signing", [False, True], ids=["signed", "onlinesign"])
def test_D2_N4_what_everybody_gets_decides(knotd, authority, proto, online_signing):
    knotd.server["edns-client-subnet"] = True
    knotd.options.update({"resolver": ADDRESS, "ecs": True})
    # AAAA: everybody has some, one subnet has none. A: nobody has any, but for one subnet.
    authority.behave(TARGET, "AAAA", places(general=[AAAA1], here=[], there=["2001:db8::7"]))
    authority.behave(TARGET, "A", places(general=[], here=[A1], there=[]))
    if online_signing:
        knotd.add_zone(ZONE, [aname(TARGET)], modules=online(knotd))
    else:
        knotd.sections.append(section("policy", "test"))
        knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    known(do=True)

    def holds():
        for client, wanted in ((HERE, AAAA1), (THERE, "2001:db8::7")):
            query(ZONE, "AAAA", proto, ecs=client, do=True).expect(aaaa={wanted}, ede=set())
            reply = query(ZONE, "A", proto, ecs=client, do=True).expect(a=(), soa=True)
            assert [types & FAMILIES for types in denials(reply)] == [{"AAAA"}], f"got {reply}"
            reply = query(ZONE, "HTTPS", proto, ecs=client, do=True).expect(soa=True)
            assert [types & FAMILIES for types in denials(reply)] == [{"AAAA"}], f"got {reply}"
        return True

    eventually(holds, what="one denial for all clients")


def test_D2_N4_what_policy_leaves_everybody_decides(knotd, authority, proto):
    knotd.server["edns-client-subnet"] = True
    knotd.options.update({"resolver": ADDRESS, "ecs": True, "deny-address": "10.0.0.0/8"})
    authority.behave(TARGET, "A", places(general=["10.1.1.1"], here=[A1], there=["10.1.1.2"]))
    authority.behave(TARGET, "AAAA", places(general=[AAAA1], here=[AAAA1], there=[AAAA1]))
    knotd.sections.append(section("policy", "test"))
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    known(do=True)

    def holds():
        for client in (HERE, THERE):
            query(ZONE, "AAAA", proto, ecs=client, do=True).expect(aaaa={AAAA1}, ede=set())
            reply = query(ZONE, "A", proto, ecs=client, do=True).expect(a=(), soa=True)
            assert [types & FAMILIES for types in denials(reply)] == [{"AAAA"}], f"got {reply}"
        return True

    eventually(holds, what="nobody gets what everybody is denied")


def test_D2_N4_what_a_sibling_leaves_everybody_decides(knotd, authority, proto):
    knotd.server["edns-client-subnet"] = True
    knotd.options.update({"resolver": ADDRESS, "ecs": True})
    works = places(general=[A1], here=[A1])
    authority.behave(
        TARGET, "A", lambda subnet: works(subnet) if isinstance(subnet, Subnet)
        and str(subnet) == HERE else Behaviour(rcode="SERVFAIL"),
    )
    authority.behave(TARGET, "AAAA", Behaviour(rcode="SERVFAIL"))
    knotd.sections.append(section("policy", "test"))
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[1]], zone_options=SIGNED)
    knotd.start()

    def holds():
        for client in (HERE, THERE):
            reply = query(ZONE, "A", proto, ecs=client, do=True).expect(a=(), soa=True)
            assert [types & FAMILIES for types in denials(reply)] == [{"AAAA"}], f"got {reply}"
        return True

    eventually(holds, what="nobody gets what everybody is denied")


# Resolvers.


def asked_for(knotd, zone):
    """Queries for a zone that reached knotd, by mod-stats."""
    stats = knotd.stats(zone, "mod-stats")
    return {key: value for key, value in stats.items() if key.startswith("query-type")}


@pytest.mark.parametrize("holding", [HOLDINGS["a-only"], HOLDINGS["none"]], ids=["a-only", "none"])
@pytest.mark.parametrize("chain_", ["nsec", "nsec3"])
def test_D2_a_resolver_keeps_what_it_knows(knotd, unbound, authority, directory, holding, chain_):
    """No query reaches knotd beyond those that static records would cause."""
    plain = "static.example"
    authority.set(TARGET, **holding, ttl=300, negative_ttl=300)
    knotd.sections.append(section("mod-stats", "types", query_type=True))
    knotd.sections.append(section("policy", "test", **CHAINS[chain_]))
    knotd.options["retry-max"] = 5
    static = [f"@ 300 IN A {A1}"] if "a" in holding else []
    for zone, records, modules in (
        (ZONE, [aname(TARGET)], ["mod-stats/types", "mod-aname/test"]),
        (plain, static, ["mod-stats/types"]),
    ):
        knotd.add_zone(zone, records, modules=modules, zone_options=SIGNED)
    knotd.start()
    points = {zone: signed(zone) for zone in (ZONE, plain)}
    known(do=True)
    validator = ValidatingUnbound(directory, points)
    validator.start()
    try:
        for zone in points:
            # The keys are fetched first.
            validator.secure(zone, "SOA")
        before = {zone: asked_for(knotd, zone) for zone in points}
        for _ in range(40):
            for zone in points:
                for rdtype in ("A", "AAAA", "HTTPS"):
                    reply = validator.ask(zone, rdtype)
                    wanted = {A1} if rdtype == "A" and "a" in holding else set()
                    assert reply.addresses("A") == wanted, f"expected {wanted}, got {reply}"
        caused = {}
        for zone in points:
            now = asked_for(knotd, zone)
            caused[zone] = {
                key: value - before[zone].get(key, 0)
                for key, value in now.items() if value != before[zone].get(key, 0)
            }
    finally:
        validator.kill()
    more = {
        key: value - caused[plain].get(key, 0)
        for key, value in caused[ZONE].items() if value > caused[plain].get(key, 0)
    }
    assert not more, f"expected no more than for static records, got {caused}"


class Dnsmasq(Daemon):
    """A forwarder that validates by itself (as in many home routers)."""

    def __init__(self, directory, zone, anchors):
        argv = [
            "dnsmasq", "--keep-in-foreground", "--no-resolv", "--no-hosts", "--conf-file=/dev/null",
            "--port=5366", "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root",
            f"--pid-file={directory}/dnsmasq.pid", f"--server={NAMED[0]}#{NAMED[1]}", "--dnssec",
            "--log-facility=-",
            # It wants one for the root, which nothing here leads to.
            f"--trust-anchor=.,20326,8,2,{'0' * 64}",
            *(f"--trust-anchor={zone},{anchor}" for anchor in anchors),
        ]
        super().__init__("dnsmasq", argv, directory)

    def ask(self, name, rdtype, **how):
        return query(name, rdtype, server=("127.0.0.1", 5366), rd=True, timeout=5, **how)


def digests(directory, zone):
    """The DS records of the zone's entry points, as dnsmasq takes them."""
    path = os.path.join(directory, "anchors")
    with open(path, "w", encoding="ascii") as file:
        for key in key_records(zone):
            file.write(f"{zone}. 60 IN DNSKEY {' '.join(key)}\n")
    output = subprocess.run(
        ["dnssec-dsfromkey", "-2", "-f", path, zone], capture_output=True, text=True, check=True
    ).stdout
    return [",".join(line.split()[3:7]) for line in output.splitlines()]


def test_D2_a_validating_forwarder_behind_a_resolver(knotd, unbound, authority, directory):
    """BIND puts the proofs of two replies together, and dnsmasq wants them to agree."""
    authority.set(TARGET, a=[A1])
    knotd.sections.append(section("policy", "test"))
    knotd.server["listen"] = ["127.0.0.1@5300", "127.0.0.56@53"]
    knotd.add_zone(ZONE, [aname(TARGET), "* IN CNAME @"], zone_options=SIGNED)
    knotd.start()
    points = signed(ZONE)
    known(do=True)
    named = ValidatingNamed(directory, {ZONE: points})
    named.start()
    dnsmasq = Dnsmasq(directory, ZONE, digests(directory, ZONE))
    dnsmasq.start()
    try:

        def ready():
            dnsmasq.require()
            try:
                return dnsmasq.ask(ZONE, "SOA").addresses("SOA")
            except NoReply:
                return False

        eventually(ready, what="dnsmasq answers")
        for turn in range(3):
            for name, rdtype in ((f"!a{turn}.{ZONE}", "CAA"), (f"!b{turn}.{ZONE}", "AAAA")):
                reply = dnsmasq.ask(name, rdtype)
                assert reply.rcode == "NOERROR", f"expected NOERROR, got {reply}"
                assert not reply.addresses("AAAA"), f"expected none, got {reply}"
            reply = dnsmasq.ask(f"!c{turn}.{ZONE}", "A")
            assert reply.addresses("A") == {A1}, f"expected {A1}, got {reply}"
    finally:
        dnsmasq.kill()
        named.kill()
