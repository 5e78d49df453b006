"""dnsdist in front of knotd, as doc/operation.md has it."""

import socket
import struct

import pytest
from harness import (
    A1, A2, A3, NOT_READY, SERVER, TARGET, ZONE, aname, answers, eventually, failed, guide, known,
    make_query, parse, query, read_tcp,
)
from harness.authority import Behaviour
from harness.dnsdist import ADDRESS, Dnsdist

# What the guide says without: how dnsdist is as it comes.
PLAIN = f'''\
newServer({{address="{SERVER[0]}:{SERVER[1]}"}})
getPool(""):setCache(newPacketCache(10000))
'''
# Where clients are. dnsdist tells the networks, of 24 bits.
CLIENTS = [f"127.0.{number}.5" for number in range(1, 9)]


def advised():
    lines = guide.commands("operation", "dnsdist")
    assert "192.0.2.53:53" in lines, f"expected an address to replace, got {lines}"
    return lines.replace("192.0.2.53:53", f"{SERVER[0]}:{SERVER[1]}")


@pytest.fixture
def front(directory, start_server):
    return lambda lines: start_server(Dnsdist(directory, ZONE, lines))


def ask(proto="udp", rdtype="A", **how):
    return query(ZONE, rdtype, proto, server=ADDRESS, **how)


def start_cold(knotd, authority):
    """A zone whose target answers later than queries wait."""
    authority.set(TARGET, a=[A1], delay=1)
    knotd.options["wait"] = 100
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()


def test_it_keeps_the_failure_of_a_cold_name(knotd, unbound, authority, front):
    start_cold(knotd, authority)
    front(PLAIN)
    assert ask().tc, "expected a cold name"
    ask("tcp").expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})
    answers({A1}, proto="tcp")
    # Truncated answers are not kept, and what came over TCP is not for UDP.
    ask().expect(a={A1})
    ask("tcp").expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})


def test_with_the_setting_of_the_guide_it_does_not(knotd, unbound, authority, front):
    start_cold(knotd, authority)
    front(advised())
    assert ask().tc, "expected a cold name"
    ask("tcp").expect(rcode="SERVFAIL", aa=None, ede={NOT_READY})
    answers({A1}, proto="tcp")
    for proto in ("udp", "tcp"):
        ask(proto).expect(a={A1})


@pytest.mark.parametrize("kept", [True, False])
def test_the_failure_of_a_target(knotd, unbound, authority, front, kept):
    authority.fail(TARGET)
    knotd.options["retry-max"] = 1
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    front(PLAIN if kept else advised())
    failed()
    ask().expect(rcode="SERVFAIL", aa=None)
    authority.set(TARGET, a=[A1])
    answers({A1})
    if kept:
        ask().expect(rcode="SERVFAIL", aa=None)
    else:
        ask().expect(a={A1})


@pytest.mark.parametrize("edns", [True, False])
def test_it_tells_the_clients_networks(ecs, authority, front, edns):
    places = {"127.0.1.0/24": A2, "127.0.2.0/24": A3}

    def choose(subnet):
        address = places.get(str(subnet.network), A1) if subnet else A1
        return Behaviour(rdata=(address,), scope=24 if subnet else None, ttl=60)

    authority.behave(TARGET, "A", choose)
    ecs.add_zone(ZONE, [aname(TARGET)])
    ecs.start()
    front(advised())
    for proto in ("udp", "tcp"):
        for source, address in (("127.0.1.5", A2), ("127.0.2.5", A3), ("127.0.1.6", A2)):
            eventually(
                lambda proto=proto, source=source, address=address: ask(
                    proto, source=source, edns=edns
                ).expect(a={address}, scope=() if not edns else None),
                what=f"{source} gets its own address over {proto}",
            )


def start_pool(knotd, authority, resolver):
    names = [f"t{number}.example.net" for number in range(12)]
    for number, name in enumerate(names):
        authority.set(name, a=[f"192.0.2.{100 + number}"])
    knotd.server["edns-client-subnet"] = True
    knotd.options.update({"weight": [f"{name}@1" for name in names], **resolver})
    knotd.add_zone(ZONE, [aname(name) for name in names])
    knotd.start()
    for source in CLIENTS:
        known(ZONE, "A", source=source)


def chosen(proto="udp", server=ADDRESS):
    """What each of the clients gets."""
    return [query(ZONE, "A", proto, server=server, source=source).addresses("A")
            for source in CLIENTS]


@pytest.mark.parametrize("proto", ["udp", "tcp"])
def test_a_pool_chooses_by_the_client(knotd, unbound, authority, front, proto):
    start_pool(knotd, authority, {"resolver": unbound.address[0], "ecs": True})
    front(advised())
    direct = eventually(
        lambda: len({frozenset(one) for one in chosen(server=SERVER)}) > 2 and chosen(server=SERVER)
    )
    eventually(lambda: chosen(proto) == direct, what=f"the same behind dnsdist, {direct}")


def test_without_networks_all_clients_are_one(knotd, unbound, authority, front):
    start_pool(knotd, authority, {})
    front(PLAIN)
    assert len({frozenset(one) for one in chosen(server=SERVER)}) > 2
    assert len({frozenset(one) for one in chosen()}) == 1


def proxied(address):
    """The header of PROXY v2 for UDP and TCP over IPv4, of a query from there."""
    ends = socket.inet_aton(address) + socket.inet_aton(SERVER[0])
    ends += struct.pack("!HH", 12345, SERVER[1])
    return {
        proto: b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", 0x21, kind, len(ends)) + ends
        for proto, kind in (("udp", 0x12), ("tcp", 0x11))
    }


def test_the_proxy_protocol_is_for_udp_only(knotd, unbound, authority):
    """If this fails a newer Knot takes it over TCP: then the guide is to say so."""
    authority.set(TARGET, a=[A1])
    knotd.server["proxy-allowlist"] = SERVER[0]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers({A1})
    message = make_query(ZONE, "A")
    wire = message.to_wire()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.settimeout(5)
        sock.sendto(proxied(CLIENTS[0])["udp"] + wire, SERVER)
        parse(sock.recv(65535), message, "udp").expect(a={A1})
    with socket.create_connection(SERVER, 5) as sock:
        sock.sendall(proxied(CLIENTS[0])["tcp"] + struct.pack("!H", len(wire)) + wire)
        with pytest.raises(ConnectionError):
            read_tcp(sock)
