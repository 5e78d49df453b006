"""A10, L2: one family never takes the other with it."""

import os
import subprocess

import pytest
from harness import (
    A1, A2, AAAA1, BLOCKED, SIBLING_A, SIBLING_AAAA, STALE_TTL, TARGET, ZONE, aname, answers,
    eventually, failed, known, query, scaled, siblings, spared,
)
from harness.guide import ROOT
from harness.signatures import Keys, denials, verify
from harness.signing import SIGNED, policy
from harness.unbound import ask
from harness.validator import signed

DNS64 = "64:ff9b::/96"
KEY = {"A": "a", "AAAA": "aaaa"}
OTHER = {"A": "AAAA", "AAAA": "A"}


def sibling_of(rdtype):
    return siblings()[rdtype == "AAAA"], {SIBLING_A if rdtype == "A" else SIBLING_AAAA}


@pytest.mark.parametrize("sibling", ["A", "AAAA"])
@pytest.mark.parametrize("fail", ["servfail", "denied", "malformed"])
def test_A10_a_sibling_of_one_family_only(knotd, unbound, authority, proto, sibling, fail):
    record, addresses = sibling_of(sibling)
    target = TARGET
    if fail == "servfail":
        authority.fail(TARGET)
    elif fail == "denied":
        knotd.options["deny-target"] = TARGET
    else:
        target = ZONE
    knotd.add_zone(ZONE, [aname(target), record, "www IN CNAME @", "@ IN MX 10 @"])
    knotd.start()
    for name in (ZONE, f"www.{ZONE}"):
        answers(addresses, name, sibling, proto, ttl=(1, STALE_TTL), soa=False)
        spared(name, OTHER[sibling], proto)
    reply = query(ZONE, "ANY", proto).expect()
    assert not reply.addresses(OTHER[sibling]), f"expected none, got {reply}"
    stats = knotd.stats(ZONE)
    assert stats["answers[nodata]"] >= 2, f"expected NODATA to be counted, got {stats}"


def test_A10_a_failure_beside_live_addresses_stays_one(knotd, unbound, authority, proto):
    """What is not known is not denied: the resolver may try another server."""
    authority.set(TARGET, a=[A1])
    authority.fail(TARGET, "AAAA")
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    knotd.start()
    answers({A1}, proto=proto, ede=set())
    failed(rdtype="AAAA", proto=proto)


def test_A10_ends_with_the_failure(knotd, unbound, authority, proto):
    knotd.options["retry-max"] = 1
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET), siblings()[0]])
    knotd.start()
    answers({SIBLING_A}, proto=proto)
    spared(proto=proto)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    answers({A1}, proto=proto, ede=set())
    answers({AAAA1}, rdtype="AAAA", proto=proto, ede=set())


@pytest.mark.parametrize("first", ["A", "AAAA"])
def test_A10_the_first_query_is_never_servfail(knotd, unbound, authority, first):
    """The other family is not known yet: it is waited for."""
    authority.set(TARGET, aaaa=["64:ff9b::c000:201"])
    authority.set("slow.example.net", a=[A1], delay=0.3)
    authority.behave(TARGET, "A", authority._find("slow.example.net.", "A"))
    knotd.options.update({"deny-address": DNS64, "wait": 5000})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    for rdtype in (first, OTHER[first]):
        reply = query(ZONE, rdtype)
        assert reply.tc or reply.rcode == "NOERROR", f"expected no failure, got {reply}"
        reply = query(ZONE, rdtype, "tcp").expect(ede=set())
        wanted = {A1} if rdtype == "A" else set()
        assert reply.addresses() == wanted, f"expected {wanted}, got {reply}"


@pytest.mark.parametrize(
    "deny, a, aaaa",
    [
        (DNS64, [A1], ["64:ff9b::c000:201"]),
        ("192.0.2.0/24", [A1, A2], [AAAA1]),
    ],
)
@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_A10_L2_policy_leaves_one_family(
    knotd, unbound, authority, proto, deny, a, aaaa, with_siblings
):
    authority.set(TARGET, a=a, aaaa=aaaa)
    knotd.options["deny-address"] = deny
    knotd.add_zone(ZONE, [aname(TARGET), *(siblings() if with_siblings else [])])
    knotd.start()
    lost = "A" if deny.startswith("192") else "AAAA"
    left = OTHER[lost]
    answers(set(aaaa if left == "AAAA" else a), rdtype=left, proto=proto, ede=set())
    if with_siblings:
        answers(sibling_of(lost)[1], rdtype=lost, proto=proto, ttl=(1, STALE_TTL))
    else:
        spared(rdtype=lost, proto=proto)
    output = f"has no {lost} left, all are in networks of 'deny-address'"
    knotd.wait_log(TARGET, output, f"{lost} is NODATA while there are {left}")
    for _ in range(3):
        query(ZONE, lost, proto)
    assert len(knotd.log_lines(TARGET, output)) == 1, "expected the log to tell once"
    lines = knotd.log_lines("target", "denied")
    assert not lines, f"expected no target to be denied, got {lines}"


def test_A10_L2_policy_leaves_none(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["deny-address"] = ["192.0.2.0/24", "2001:db8::/32"]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    for rdtype in ("A", "AAAA"):
        failed(rdtype=rdtype, proto=proto, ede={BLOCKED})
    knotd.wait_log(TARGET, "denied, all its addresses", "deny-address", ask=ZONE)


@pytest.mark.parametrize("without", [{"a": [A1]}, {"aaaa": [AAAA1]}], ids=["no-aaaa", "no-a"])
def test_A10_L2_policy_leaves_none_of_the_only_family(knotd, unbound, authority, without):
    authority.set(TARGET, **without)
    knotd.options["deny-address"] = ["192.0.2.0/24", "2001:db8::/32"]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    failed(rdtype="A" if "a" in without else "AAAA", ede={BLOCKED})
    knotd.wait_log(TARGET, "denied, all its addresses", "deny-address", ask=ZONE)


def test_A10_L2_a_pool_that_policy_empties(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=["64:ff9b::1"])
    authority.set("pool.example.net", a=[A2])
    knotd.options["deny-address"] = DNS64
    knotd.add_zone(ZONE, [aname(TARGET), aname("pool.example.net")])
    knotd.start()
    answers({A1, A2}, proto=proto, ede=set())
    spared(proto=proto)


def test_A10_behind_a_recursor_with_dns64(knotd, start_unbound, authority, proto):
    start_unbound(modules="dns64 iterator", server=f"  dns64-prefix: {DNS64}\n")
    authority.set(TARGET, a=[A1])
    knotd.options["deny-address"] = DNS64
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers({A1}, proto=proto, ede=set())
    spared(proto=proto)


def only_a(knotd, authority, why):
    """(records, addresses) of an apex that has no AAAA, by its siblings or by policy."""
    if why == "sibling":
        authority.fail(TARGET)
        return [aname(TARGET), siblings()[0]], {SIBLING_A}
    authority.set(TARGET, a=[A1], aaaa=["64:ff9b::1"])
    knotd.options["deny-address"] = DNS64
    return [aname(TARGET)], {A1}


@pytest.mark.parametrize("nsec3", [False, True], ids=["nsec", "nsec3"])
@pytest.mark.parametrize("why", ["sibling", "policy"])
def test_A10_D2_in_a_signed_zone(knotd, unbound, authority, proto, nsec3, why):
    records, wanted = only_a(knotd, authority, why)
    policy(knotd, nsec3=nsec3)
    knotd.add_zone(ZONE, [*records, "www IN CNAME @"], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    answers(wanted, proto=proto)
    spared(proto=proto)
    keys = Keys(ZONE)
    keys.learn()
    for name, rdtype in ((ZONE, "AAAA"), (f"www.{ZONE}", "AAAA"), (ZONE, "HTTPS")):
        reply = query(name, rdtype, proto, do=True).expect(soa=True)
        verify(reply, keys)
        found = denials(reply)
        assert [types & {"A", "AAAA"} for types in found] == [{"A"}], f"got {reply}"
        kind = "NSEC3" if nsec3 else "NSEC"
        assert reply.ttl(kind, "authority") <= STALE_TTL, f"expected at most 30 s, got {reply}"


# Clients.


@pytest.fixture(params=["gcc", "musl-gcc"])
def stub(request, directory):
    """A client's stub resolver: that of glibc, and that of musl."""
    source = os.path.join(ROOT, "tests", "functional", "harness", "stub.c")
    program = os.path.join(directory, "stub")
    subprocess.run([request.param, "-o", program, source], check=True)

    def look_up(name):
        done = subprocess.run(
            [program, name], capture_output=True, text=True, check=False, timeout=scaled(30)
        )
        return set(done.stdout.split()) or f"nothing: {done.stderr}"

    return look_up


@pytest.mark.parametrize("why", ["sibling", "policy"])
def test_A10_stub_resolvers_find_the_name(knotd, start_unbound, authority, stub, why):
    start_unbound(stubs={ZONE: "127.0.0.1@5300"})
    records, wanted = only_a(knotd, authority, why)
    knotd.add_zone(ZONE, records)
    knotd.start()
    known()
    spared()
    eventually(lambda: ask(ZONE, "A").addresses() == wanted, what="the recursor has the address")
    found = stub(f"{ZONE}.")
    assert found == wanted, f"expected {wanted}, got {found}"
