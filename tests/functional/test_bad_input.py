"""Bad input: each has a defined answer, and nothing crashes, leaks or hangs."""

import random
import socket
import struct
import time

import dns.name
import pytest
from harness import (
    A1, A2, AAAA1, FAILURES, PROMPT, SERVER, SIBLING_A, STALE_TTL, TARGET, ZONE, aname, answers,
    eventually, failed, known, let_pass, make_query, query, raw, siblings, simple,
)


@pytest.mark.parametrize(
    "ttl, options, low, high",
    [
        (0, {}, 0, 1),
        (0, {"ttl-min": 60}, 50, 60),
        (1, {}, 0, 1),
        (2147483647, {}, 86390, 86400),
        (2147483648, {}, 0, 86400),
        (4294967295, {}, 0, 86400),
        (4294967295, {"ttl-max": 604800}, 0, 604800),
    ],
)
def test_absurd_ttl(knotd, unbound, authority, proto, ttl, options, low, high):
    knotd.options.update(options)
    simple(knotd, authority, ttl=ttl)
    known()
    # A lifetime of a second at least, so that it is not cold again at once.
    query(ZONE, "A", proto).expect(a={A1}, ttl=(low, high), ede=set(), soa=False)
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(low, high), ede=set(), soa=False)


LONG = b"".join(
    struct.pack("!B", size) + bytes([letter]) * size
    for size, letter in ((63, 97), (63, 98), (63, 99), (61, 100))
) + b"\x00"


def test_target_of_255_octets(knotd, unbound, authority, proto):
    assert len(LONG) == 255
    name = dns.name.from_wire(LONG, 0)[0].to_text()
    authority.set(name, a=[A1])
    knotd.add_zone(ZONE, [raw(LONG)])
    knotd.start()
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    reply = query(ZONE, "TYPE65305", proto).expect(ede=set())
    assert reply.addresses("A", section="additional") == {A1}, f"expected {A1}, got {reply}"


def test_target_of_127_labels(knotd, unbound, authority, proto):
    authority.set("a." * 127, a=[A1])
    knotd.add_zone(ZONE, [raw(b"\x01a" * 127 + b"\x00")])
    knotd.start()
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_target_is_the_root(knotd, unbound, authority, proto):
    authority.set(".", a=[A1])
    knotd.add_zone(ZONE, [raw(b"\x00")])
    knotd.add_zone("example.org", [raw(b"\x00"), *siblings()])
    knotd.start()
    for rdtype in ("A", "AAAA"):
        query(ZONE, rdtype, proto).expect(
            rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede=FAILURES, soa=False
        )
    query("example.org", "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    count = authority.count(".", "A") + authority.count(".", "AAAA")
    assert count == 0, f"expected no lookup of the root, got {count}"


@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
@pytest.mark.parametrize("spelling", [ZONE, ZONE.upper()])
def test_target_is_its_own_owner(knotd, unbound, authority, proto, with_siblings, spelling):
    authority.set(ZONE, a=[A2])
    knotd.add_zone(ZONE, [aname(spelling), *(siblings() if with_siblings else [])])
    knotd.start()
    if with_siblings:
        query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    else:
        query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    let_pass(0.3)
    count = authority.count(ZONE)
    assert count == 0, f"expected no lookup, got {count}"


def test_target_in_the_zone(knotd, start_unbound, authority, proto):
    knotd.add_zone(ZONE, [aname(f"web.{ZONE}"), "web IN A 198.51.100.8", "alias IN CNAME @"])
    knotd.start()
    start_unbound(stubs={ZONE: "127.0.0.1@5300"})
    answers({"198.51.100.8"}, ede=set())
    query(ZONE, "A", proto).expect(a={"198.51.100.8"}, ede=set(), soa=False)
    query(f"alias.{ZONE}", "A", proto).expect(a={"198.51.100.8"}, ede=set(), soa=False)
    known(ZONE, "AAAA")
    query(ZONE, "AAAA", proto).expect(aaaa=(), ede=set(), soa=True)


# An address written as a name, as an owner of the zone might by mistake.
ADDRESS_NAMES = ["192.0.2.99", "127.0.0.1", "0x7f.1", "1", "2130706433", "10.1"]


@pytest.mark.parametrize("text", ADDRESS_NAMES)
def test_address_written_as_a_name_is_a_name(knotd, unbound, authority, proto, text):
    knotd.add_zone(ZONE, [aname(text)])
    knotd.add_zone("example.org", [aname(f"x{text}"), aname(text)])
    knotd.start()
    # No such name in the DNS: NODATA, and never the address that it looks like.
    known()
    query(ZONE, "A", proto).expect(a=(), soa=True, ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa=(), soa=True, ede=set())
    name = dns.name.from_text(text).to_text()
    assert authority.count(name, "A"), f"expected {name} to be asked for in the DNS"


def test_address_written_as_a_name_that_exists(knotd, unbound, authority, proto):
    authority.set("192.0.2.99", a=[A1])
    knotd.add_zone(ZONE, [aname("192.0.2.99")])
    knotd.start()
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_localhost_is_a_name_of_the_dns(knotd, start_unbound, authority, proto):
    start_unbound(server='  local-zone: "localhost." nodefault')
    authority.set("localhost", a=[A1])
    knotd.add_zone(ZONE, [aname("localhost")])
    knotd.start()
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_no_search_list(knotd, unbound, authority, proto):
    authority.set("cdn.search.example", a=[A2])
    authority.nxdomain("cdn")
    with open("/etc/resolv.conf", encoding="ascii") as conf:
        before = conf.read()
    try:
        with open("/etc/resolv.conf", "w", encoding="ascii") as conf:
            conf.write(before + "search search.example\n")
        knotd.add_zone(ZONE, [aname("cdn")])
        knotd.start()
        known(ZONE, "A")
        query(ZONE, "A", proto).expect(a=(), soa=True, ede=set())
        count = authority.count("cdn.search.example")
        assert count == 0, f"expected the name as it stands, got {count} queries below search"
    finally:
        with open("/etc/resolv.conf", "w", encoding="ascii") as conf:
            conf.write(before)


# Labels that hold what the text form of a name gives a meaning to.
ODD_LABELS = {
    "dot": b"cdn.evil",
    "backslash": b"cdn\\",
    "nul": b"cdn\x00evil",
    "space": b"cdn evil",
    "at": b"cdn@evil",
    "star": b"*",
    "percent": b"fe80%lo",
    "colons": b"::1",
    "high": b"\xc3\xa4\xff",
    "newline": b"cdn\nevil",
    "quote": b'cdn"evil',
    "underscore": b"_cdn",
    "minus": b"-cdn-",
}


@pytest.mark.parametrize("label", ODD_LABELS.values(), ids=ODD_LABELS)
def test_odd_octets_in_a_target(knotd, unbound, authority, proto, label):
    wire = bytes([len(label)]) + label + dns.name.from_text("example.net").to_wire()
    name = dns.name.from_wire(wire, 0)[0].to_text()
    authority.set("*.example.net", a=[A2])
    authority.set("cdn", a=[A2])
    authority.set("evil.example.net", a=[A2])
    authority.set(name, a=[A1])
    knotd.add_zone(ZONE, [raw(wire), siblings()[0], "@ IN TXT here"])
    knotd.start()
    # The C library may refuse such a name; it must never be taken for another one.
    reply = known(ZONE, "A")
    if reply.addresses("A") == {A1}:
        query(ZONE, "A", proto).expect(a={A1}, ede=set(), soa=False)
    else:
        query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    asked = {seen.name for seen in authority.seen() if seen.name != dns.name.root.to_text()}
    wanted = {dns.name.from_text(name).to_text().lower()}
    assert asked <= wanted, f"expected no other name than {wanted} asked for, got {asked}"


@pytest.mark.parametrize("kind", ["nxdomain", "servfail", "refused", "formerr", "notimp"])
def test_unresolvable_target(knotd, unbound, authority, proto, kind):
    if kind == "nxdomain":
        authority.nxdomain(TARGET)
    else:
        authority.fail(TARGET, rcode=kind.upper())
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    if kind == "nxdomain":
        known(ZONE, "A")
        query(ZONE, "A", proto).expect(a=(), soa=True, ede=set())
    else:
        failed()
        query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)


def test_a_thousand_addresses(knotd, unbound, authority, proto):
    a = {f"10.{i // 250}.0.{i % 250}" for i in range(1000)}
    aaaa = {f"2001:db8:1::{i:x}" for i in range(1, 1001)}
    simple(knotd, authority, a=a, aaaa=aaaa)
    for rdtype, addresses in (("A", a), ("AAAA", aaaa)):
        eventually(
            lambda kind=rdtype: len(query(ZONE, kind, "tcp").addresses()) == 32,
            what=f"32 addresses of type {rdtype}",
        )
        first = query(ZONE, rdtype, proto)
        first.expect(ede=set(), soa=False)
        assert len(first.addresses()) == 32 and first.addresses() <= addresses, (
            f"expected 32 of the thousand, got {first}"
        )
        assert query(ZONE, rdtype, proto).addresses() == first.addresses(), "another subset"


ODD_ADDRESSES = {
    "A": {"0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "10.0.0.1"},
    "AAAA": {"::", "::1", "::ffff:192.0.2.1", "fe80::1", "ff02::1"},
}


def test_odd_addresses_are_passed_on(knotd, unbound, authority, proto):
    simple(knotd, authority, a=ODD_ADDRESSES["A"], aaaa=ODD_ADDRESSES["AAAA"])
    known()
    query(ZONE, "A", proto).expect(a=ODD_ADDRESSES["A"], ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa=ODD_ADDRESSES["AAAA"], ede=set())


def test_recursor_never_answers(knotd, unbound, authority, proto):
    unbound.freeze()
    knotd.add_zone(ZONE, [aname(TARGET), "static IN A 198.51.100.7"])
    knotd.start()
    start = time.monotonic()
    failed(proto=proto)
    took = time.monotonic() - start
    assert took < 8 + PROMPT, f"expected a failure within the lookup's limit, took {took:.1f} s"
    query(f"static.{ZONE}", "A", proto).expect(a={"198.51.100.7"}, ede=set())
    knotd.wait_log(TARGET, "fails", ask=ZONE)


def test_recursor_answers_late(knotd, unbound, authority, proto):
    # Later than the first try of the C library and earlier than the end of the second.
    authority.set(TARGET, a=[A1], delay=1.3)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    query(ZONE, "A").expect(tc=True, aa=None)
    answers({A1}, timeout=6, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_recursor_answers_too_late(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], delay=4)
    knotd.options.update({"timeout": 1000, "retry-max": 1})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed(proto=proto)
    authority.set(TARGET, a=[A2])
    # Whatever comes late of the first lookups: the newest answer stands.
    answers({A2}, timeout=10, ede=set())
    let_pass(2)
    query(ZONE, "A", proto).expect(a={A2}, ede=set())


def test_recursor_dies_with_lookups_running(knotd, unbound, authority, proto):
    for i in range(20):
        authority.drop(f"dead{i}.example.net")
        knotd.add_zone(f"zone{i}.example", [aname(f"dead{i}.example.net")])
    knotd.start()
    for i in range(20):
        query(f"zone{i}.example", "A").expect(tc=True, aa=None)
    eventually(lambda: authority.count(), what="lookups run")
    unbound.kill()
    for i in range(20):
        failed(f"zone{i}.example", proto=proto)
    for i in range(20):
        authority.set(f"dead{i}.example.net", a=[A1])
    unbound.start()
    for i in range(20):
        answers({A1}, name=f"zone{i}.example", ede=set(), timeout=30)


def test_recursor_answers_garbage(knotd, unbound, authority, proto):
    # The C library takes some of it for "no such data"; none of it is an address.
    unbound.kill()
    noise = random.Random(7)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as liar:
        liar.bind(("127.0.0.1", 53))
        liar.settimeout(0.05)
        knotd.options.update({"retry-max": 1, "ttl-max": 1})
        knotd.add_zone(ZONE, [aname(TARGET)])
        knotd.start()
        start = time.monotonic()
        replies = 0
        while time.monotonic() - start < 3 or replies < 10:
            for rdtype in ("A", "AAAA"):
                reply = query(ZONE, rdtype)
                assert not reply.addresses(), f"expected no address, got {reply}"
            try:
                wire, client = liar.recvfrom(4096)
            except TimeoutError:
                continue
            replies += 1
            mutated = bytearray(wire + bytes(noise.randbytes(40)))
            mutated[2] |= 0x80
            mutated[6:8] = struct.pack("!H", noise.randrange(40))
            liar.sendto(bytes(mutated[: noise.randrange(2, len(mutated))]), client)
    reply = query(ZONE, "A", proto)
    assert not reply.addresses(), f"expected no address, got {reply}"
    unbound.start()
    authority.set(TARGET, a=[A1])
    answers({A1}, timeout=20, ede=set())


def test_malformed_queries(knotd, unbound, authority):
    simple(knotd, authority, records=["www IN CNAME @", *siblings()])
    known()
    noise = random.Random(11)
    valid = [
        make_query(name, rdtype, do=do).to_wire()
        for name in (ZONE, f"www.{ZONE}")
        for rdtype in ("A", "AAAA", "ANY", "TYPE65305")
        for do in (False, True)
    ]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.connect(SERVER)
        for _ in range(3000):
            wire = bytearray(noise.choice(valid))
            for _ in range(noise.randrange(1, 5)):
                wire[noise.randrange(len(wire))] = noise.randrange(256)
            if noise.random() < 0.3:
                wire = wire[: noise.randrange(len(wire))]
            if noise.random() < 0.2:
                wire += noise.randbytes(noise.randrange(1, 60))
            sock.send(bytes(wire))
    # What still waits in one of the sockets may crowd out a query.
    for proto in ("udp", "tcp"):
        answers({A1}, proto=proto, ede=set())
        answers({AAAA1}, f"www.{ZONE}", "AAAA", proto, ede=set())
    knotd.finish()


def test_many_records_at_one_name(knotd, unbound, authority, proto):
    names = [f"t{i}.example.net" for i in range(100)]
    for i, name in enumerate(names):
        authority.set(name, a=[f"10.0.0.{i}"])
    knotd.add_zone(ZONE, [aname(name) for name in names])
    knotd.start()
    reply = eventually(
        lambda: (found := query(ZONE, "A", "tcp")).addresses() and found, what="addresses"
    )
    assert len(reply.addresses()) <= 32, f"expected at most 32 addresses, got {reply}"
    eventually(
        lambda: len(query(ZONE, "A", proto).addresses()) == 32, what="32 addresses"
    )
    first = query(ZONE, "A", proto).addresses()
    assert query(ZONE, "A", proto).addresses() == first, "expected the same subset again"
