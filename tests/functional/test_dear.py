"""L4: zones whose content was made to be dear. They get the right answers; what those cost is counted
in tests/unit/test_subset.c, and by tests/bench/dear.py."""

import pytest
from harness import (
    A1, SIBLING_A, STALE_ANSWER, STALE_TTL, TARGET, VERSION, ZONE, aname, eventually, known, query,
    raw, section, siblings,
)
from harness.authority import ADDRESS
from harness.zone import ALIAS, ANAME

MANY = 1024
MALFORMED = "malformed ANAME record"


def addresses(first, count=MANY, step=1):
    return [f"10.1.{n // 256}.{n % 256}" for n in range(first, first + count * step, step)]


def direct(knotd, **options):
    """By DNS, from the authority itself: all of an answer, whatever a recursor thinks of it.

    However late it comes: after a failure what is known is looked up anew, and with it another subset
    may be chosen.
    """
    knotd.options.update({"resolver": ADDRESS, "timeout": 60000, **options})


def whole(name, count, rdtype="A", **how):
    """What is known of a name, once it has so many addresses."""
    found = []

    def complete():
        found[:] = query(name, rdtype, "tcp", **how).addresses("A")
        return len(found) == count

    eventually(complete, what=f"{name} has {count} addresses")
    return set(found)


def all_known(knotd, count):
    """So many addresses are held, of all targets of the zone."""

    def held():
        query(ZONE, "A")
        return knotd.stats(ZONE).get("addresses") == count

    eventually(held, timeout=90, what=f"{count} addresses are held")


@pytest.mark.parametrize("mixed", [False, True])
def test_L4_R2_long_malformed_records(knotd, unbound, authority, proto, mixed):
    """32 of 60 kB each, of one type or of two, and a good one that comes before them."""
    if mixed and VERSION >= (3, 5):
        pytest.skip("Knot knows ALIAS as a name, and refuses what is none")
    authority.set(TARGET, a=[A1])
    junk = [raw(bytes([255, i]) * 30000, rrtype=ALIAS if mixed and i % 2 else ANAME)
            for i in range(32)]
    knotd.add_zone(ZONE, [*junk, *siblings()])
    knotd.add_zone("example.edu", [*junk[:31], aname(TARGET)])
    knotd.start()
    for _ in range(20):
        query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    known("example.edu", "A").expect(a={A1})
    query("example.edu", "A", proto).expect(a={A1}, ede=set())
    knotd.wait_log(MALFORMED, "60000 octets", "example.edu", ask="example.edu")
    lines = knotd.log_lines(MALFORMED)
    assert len(lines) <= 4, f"expected what is as long to be logged once, got {lines}"


def test_L4_R2_another_long_record_is_as_malformed(knotd, unbound, authority):
    """A plan does not know the octets of what is too long; a good record in its place is seen."""
    authority.set(TARGET, a=[A1])
    two = [raw(b"\x3f" * 300), raw(b"\x3e" * 400)]
    knotd.add_zone(ZONE, two)
    knotd.start()
    query(ZONE, "A").expect(rcode="SERVFAIL", aa=None)
    knotd.reload_zone(ZONE, [raw(b"\x3d" * 300), two[1]], serial=2)
    query(ZONE, "A").expect(rcode="SERVFAIL", aa=None)
    knotd.reload_zone(ZONE, [aname(TARGET), two[1]], serial=3)
    eventually(lambda: query(ZONE, "A", "tcp").expect(a={A1}, ede=set()), what="it is seen")


def test_L4_R4_of_many_records_32_count(knotd, unbound, authority, proto):
    names = [f"n{i:03}.example.net" for i in range(40)]
    for i, name in enumerate(names):
        authority.set(name, a=[f"192.0.2.{i + 1}"])
    knotd.options["max-addresses"] = 256
    knotd.add_zone(ZONE, [*(aname(name) for name in names[:20]),
                          *(aname(name, rrtype=ALIAS) for name in names[20:])])
    knotd.start()
    found = whole(ZONE, 32)
    assert set(query(ZONE, "A", proto).addresses("A")) == found
    knotd.wait_log("limit reached, only 32 ANAME records are used", ask=ZONE)


def test_L4_R4_the_union_of_large_sets_is_exact(knotd, authority):
    """Overlapping sets; as many of them as may be served, and then those that follow one."""
    direct(knotd, **{"max-addresses": 256})
    sets = [addresses(0, 200), addresses(50, 200), addresses(100, 75, 2)]
    for i, some in enumerate(sets):
        authority.set(f"t{i}.example.net", a=some)
    knotd.add_zone(ZONE, [*(aname(f"t{i}.example.net") for i in range(3)), "www IN CNAME @"])
    knotd.start()
    union = set().union(*sets)
    assert len(union) == 250
    assert whole(ZONE, 250) == union
    assert whole(f"www.{ZONE}", 250) == union


@pytest.mark.limit(150)
@pytest.mark.parametrize("denied", [False, True])
def test_L4_A8_the_same_subset_for_everybody(knotd, authority, denied):
    """32 targets of 1,024 each: all workers, the alias, ANY and the records of MX say the same."""
    deny = [f"10.1.{i}.0/25" for i in range(8)] if denied else []
    direct(knotd, **({"deny-address": deny} if denied else {}))
    knotd.server.update({"udp-workers": 4, "tcp-workers": 4})
    for i in range(32):
        authority.set(f"t{i}.example.net", a=addresses(16 * i), ttl=3600)
    knotd.add_zone(ZONE, [*(aname(f"t{i}.example.net", ttl=3600) for i in range(32)),
                          "www IN CNAME @", "@ IN MX 0 @", f"@ IN A {SIBLING_A}"])
    knotd.start()
    all_known(knotd, 32 * MANY)
    chosen = whole(ZONE, 32)
    for i in range(40):
        query(ZONE, "A", ("udp", "tcp")[i % 2]).expect(a=chosen)
    assert whole(f"www.{ZONE}", 32) == chosen
    assert whole(ZONE, 32, "ANY") == chosen
    beside = {rr.to_text() for rrset in query(ZONE, "MX", "tcp").message.additional
              for rr in rrset}
    assert beside == chosen, f"expected {sorted(chosen)} beside the MX, got {sorted(beside)}"
    assert SIBLING_A not in chosen
    if denied:
        bad = {one for one in chosen
               if int(one.split(".")[2]) < 8 and int(one.split(".")[3]) < 128}
        assert not bad, f"expected none that is denied, got {sorted(bad)}"


def test_L4_L2_one_of_many_is_let_through(knotd, authority, proto):
    direct(knotd, **{"deny-address": [f"{one}/32" for one in addresses(0, 999)]})
    authority.set(TARGET, a=addresses(0, 1000))
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known(ZONE, "A")
    query(ZONE, "A", proto).expect(a=set(addresses(999, 1)))


def test_L4_mixed_case_and_many_suffixes(knotd, unbound, authority, proto):
    """What is allowed is found among many suffixes, in whatever case it stands in the zone."""
    authority.set("a.s500.example.net", a=[A1])
    suffixes = [f"s{i}.example.net" for i in range(1000)]
    knotd.sections.append(section("mod-aname", "many", allow_target=suffixes))
    knotd.add_zone(ZONE, [aname("A.S500.eXample.NET"), aname("a.other.example.net")],
                   modules=["mod-aname/many"])
    knotd.start()
    eventually(lambda: query(ZONE, "A", "tcp").expect(a={A1}), what="it is known")
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    knotd.wait_log("a.other.example.net", "denied", "allow-target", ask=ZONE)


def test_L4_D1_large_sets_are_signed_once(knotd, authority):
    direct(knotd)
    for i in range(8):
        authority.set(f"t{i}.example.net", a=addresses(500 * i), ttl=3600)
    knotd.add_zone(ZONE, [aname(f"t{i}.example.net", ttl=3600) for i in range(8)],
                   zone_options={"dnssec-signing": True})
    knotd.start()
    all_known(knotd, 8 * MANY)
    chosen = whole(ZONE, 32)
    eventually(lambda: "RRSIG" in query(ZONE, "A", "tcp", do=True).types(), what="it is signed")

    def signature():
        reply = query(ZONE, "A", "tcp", do=True)
        reply.expect(a=chosen)
        return {rr.signature for rrset in reply.message.answer if rrset.rdtype == 46
                for rr in rrset}

    first = signature()
    for _ in range(10):
        assert signature() == first, "expected the signature that was made first"


def test_L4_L2_networks_that_are_hit_one_after_the_other(knotd, authority):
    """Eight targets of 1,024, of which a thousand networks leave 24 each; another section has another
    list, and lists change: each zone gets what its own list leaves, now and after a reload."""
    direct(knotd, **{"max-addresses": 256})
    sets = [addresses(i) for i in range(8)]
    for i, some in enumerate(sets):
        authority.set(f"t{i}.example.net", a=some, ttl=3600)
    union = set().union(*sets)
    records = [aname(f"t{i}.example.net", ttl=3600) for i in range(8)]
    first, second = addresses(0, 1000), addresses(31, 1000)
    for name, deny in (("first", first), ("second", second)):
        knotd.sections.append(section("mod-aname", name, **{**knotd.options, "deny-address": deny}))
        knotd.add_zone(f"{name}.example.com", records, modules=[f"mod-aname/{name}"])
    knotd.start()
    for _ in range(3):
        assert whole("first.example.com", 31) == union - set(first)
        assert whole("second.example.com", 31) == union - set(second)
    third = addresses(10, 1000)
    knotd.sections[-1] = section("mod-aname", "second", **{**knotd.options, "deny-address": third})
    knotd.reload()
    eventually(lambda: set(query("second.example.com", "A", "tcp").addresses("A")) ==
               union - set(third), what="the other list counts")
    assert whole("first.example.com", 31) == union - set(first)


def test_L4_L2_W1_lost_addresses_are_denied_as_well(knotd, authority):
    """Of a target that is gone what is kept is what the list leaves, in whatever zone."""
    direct(knotd, **{"max-addresses": 256, "negative-delay": 600, "ttl-max": 1})
    deny = addresses(0, 1000)
    authority.set(TARGET, a=addresses(0), ttl=1)
    knotd.sections.append(section("mod-aname", "deny", **{**knotd.options, "deny-address": deny}))
    knotd.add_zone(ZONE, [aname(TARGET)], modules=["mod-aname/deny"])
    knotd.add_zone("example.edu", [aname(TARGET)])
    knotd.start()
    assert whole(ZONE, 24) == set(addresses(1000, 24))
    whole("example.edu", 256)
    authority.nxdomain(TARGET, negative_ttl=1)
    for zone in (ZONE, "example.edu"):
        eventually(lambda zone=zone: query(zone, "A", "tcp").expect(ede={STALE_ANSWER}),
                   timeout=30, what="the target is known to be gone")
    assert whole(ZONE, 24) == set(addresses(1000, 24))
    whole("example.edu", 256)
