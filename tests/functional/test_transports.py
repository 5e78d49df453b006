"""A9, C2: over TLS and over QUIC, in connections that stay open."""

import concurrent.futures
import contextlib
import re
import subprocess
import threading
import time

import dns.edns
import dns.tsig
import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, FAILURES, NOT_READY, PROMPT, SIBLING_A, SIBLING_AAAA,
    STALE_ANSWER, TARGET, VERSION, ZONE, aname, answers, eventually, expire, failed, known,
    let_pass, query, scaled, section, siblings,
)
from harness.authority import ADDRESS, Behaviour
from harness.proofs import proven
from harness.signatures import Keys, verify
from harness.signing import RECORDS
from harness.signing import serve as serve_signed
from harness.subnets import HERE, NEAR, THERE, cdn, except_for
from harness.transports import (
    ASKED, AT, CONNECTIONS, HAS_QUIC, PORT, STREAMS_MAX, content, listen,
)
from harness.validator import ValidatingUnbound

# What stands in for something that is not known yet lives no longer.
PARTIAL_TTL = 5
OTHER = "other.example.net"

pytestmark = pytest.mark.skipif(VERSION < (3, 4), reason="Knot 3.4 is the first with both")


@pytest.fixture(params=list(CONNECTIONS))
def transport(request):
    return request.param


@pytest.fixture
def connect(knotd):
    """Opens connections to knotd; they are closed after the test."""
    listen(knotd)
    with contextlib.ExitStack() as stack:

        def connect(transport, **how):
            if transport == "quic" and not HAS_QUIC:
                pytest.skip("aioquic is not there: package python3-aioquic, from Debian 13 on")
            return stack.enter_context(CONNECTIONS[transport](**how))

        yield connect


@pytest.fixture
def direct(knotd):
    """Targets are asked for right at their server, and what fails is tried again soon."""
    knotd.options.update({"resolver": ADDRESS, "retry-max": 1})
    return knotd


def serve(knotd, authority, *records, target=TARGET, delay=0.0, ttl=300, **how):
    """knotd with one zone, whose target has two addresses of each family."""
    authority.set(target, a=[A1, A2], aaaa=[AAAA1, AAAA2], ttl=ttl, delay=delay)
    knotd.add_zone(ZONE, [aname(target), *records], **how)
    knotd.start()


# Cold names. These ask by kdig, another client.


def kdig(how, rdtype="A"):
    """(status, extended errors, addresses, milliseconds)"""
    done = subprocess.run(
        ["kdig", "@127.0.0.1", "-p", str(PORT), how, "+edns", "+retry=0", ZONE, rdtype],
        capture_output=True, text=True, check=True, timeout=scaled(20),
    )
    text = done.stdout
    status = re.search(r"status: (\w+);", text)
    assert status, f"expected a reply over {how}, got {text}{done.stderr}"
    return (
        status[1],
        re.findall(r"EDE: (\d+)", text),
        set(re.findall(rf"IN\s+{rdtype}\s+(\S+)$", text, re.MULTILINE)),
        float(re.search(r" in ([\d.]+) ms", text)[1]),
    )


@pytest.fixture
def cold(knotd, unbound, authority):
    """A zone whose name nobody asked for, and whose target takes a while."""
    listen(knotd)
    serve(knotd, authority, delay=0.2)
    return knotd


def test_C2_over_tls_a_cold_query_waits(cold):
    status, errors, addresses, took = kdig("+tls")
    assert (status, errors, addresses) == ("NOERROR", [], {A1, A2})
    assert took >= 200, f"expected it to wait for the lookup, got {took} ms"


def test_C2_over_tls_no_longer_than_wait(cold):
    cold.options["wait"] = 100
    cold.reload()
    status, errors, *_ = kdig("+tls")
    assert (status, errors) == ("SERVFAIL", ["14"])


def test_C2_over_quic_it_does_not_wait(cold):
    status, errors, *_ = kdig("+quic")
    assert (status, errors) == ("SERVFAIL", ["14"])
    assert kdig("+tls")[2] == {A1, A2}, "expected the lookup to have been started"
    # The same query a moment later.
    status, errors, addresses, _ = kdig("+quic")
    assert (status, errors, addresses) == ("NOERROR", [], {A1, A2})


def test_S4_after_warming_there_is_no_cold_query(cold, tool):
    tool("warm")
    for rdtype, found in (("A", {A1, A2}), ("AAAA", {AAAA1, AAAA2})):
        status, errors, addresses, _ = kdig("+quic", rdtype)
        assert (status, errors, addresses) == ("NOERROR", [], found)


# Cold names, by connections that stay open.


@pytest.mark.parametrize("mode", ["truncate", "servfail"])
def test_C2_C3_over_quic_it_never_waits(direct, authority, connect, mode):
    direct.options.update({"wait": 5000, "timeout": 60000, "cold": mode})
    authority.drop(TARGET)
    direct.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"])
    direct.start()
    connection = connect("quic")
    for name in (ZONE, f"www.{ZONE}"):
        for rdtype in ("A", "AAAA"):
            reply = connection.query(name, rdtype, timeout=25)
            reply.expect(rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede={NOT_READY}, soa=False)
            assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    # Each of them has started its lookup.
    for rdtype in ("A", "AAAA"):
        eventually(lambda rdtype=rdtype: authority.count(TARGET, rdtype), what="the lookup")
    # Others on that connection are not held up, nor are those over UDP by the same workers.
    assert connection.query(f"ns.{ZONE}").expect(a={"198.51.100.53"}).elapsed < PROMPT
    query(f"ns.{ZONE}").expect(a={"198.51.100.53"})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])


def test_C2_the_answer_follows_on_the_same_connection(direct, authority, connect):
    serve(direct, authority, delay=0.3)
    connection = connect("quic")
    connection.query(ZONE).expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY})
    eventually(lambda: connection.query(ZONE).expect(a={A1, A2}, ede=set(), ttl=(290, 300)))
    assert authority.count(TARGET, "A") == 1, "expected one lookup, which the first query began"


def test_C2_siblings_stand_in(direct, authority, connect, transport):
    direct.options.update({"wait": 300, "timeout": 60000})
    authority.drop(TARGET)
    direct.add_zone(ZONE, [aname(TARGET), *siblings()])
    direct.start()
    connection = connect(transport)
    reply = connection.query(ZONE)
    reply.expect(a={SIBLING_A}, ttl=(1, PARTIAL_TTL), ede=set(), soa=False)
    if transport == "tls":
        assert reply.elapsed >= 0.25, f"expected the wait first, got {reply}"
    else:
        assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])


def test_C2_a_part_of_a_pool_stands_in(direct, authority, connect, transport):
    direct.options.update({"wait": 300, "timeout": 60000})
    authority.set(TARGET, a=[A1])
    authority.drop(OTHER)
    direct.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    direct.start()
    connection = connect(transport)
    eventually(lambda: connection.query(ZONE).expect(a={A1}, ttl=(0, PARTIAL_TTL), ede=set()))
    authority.set(OTHER, a=[A2])


def test_C1_F1_the_last_addresses_stand_in(direct, authority, connect):
    direct.options.update({"ttl-max": 1, "idle": 1, "wait": 300, "timeout": 60000})
    serve(direct, authority, *siblings())
    known()
    expire(4)
    authority.drop(TARGET)
    # Over QUIC at once, then over TLS after the wait.
    for transport, least in (("quic", 0), ("tls", 0.25)):
        reply = connect(transport).query(ZONE)
        reply.expect(a={A1, A2}, ttl=(1, PARTIAL_TTL), ede={STALE_ANSWER}, soa=False)
        assert reply.elapsed >= least, f"expected a wait of {least} s at least, got {reply}"
    authority.set(TARGET, a=[A3])
    answers({A3}, ede=set())


def test_C2_over_tls_half_of_the_workers_wait(direct, authority, connect):
    """Whoever finds no place is told at once; the connections stand before anybody asks."""
    direct.options.update({"wait": 1500, "timeout": 60000})
    zones = [f"zone{i}.example" for i in range(16)]
    for i, zone in enumerate(zones):
        authority.drop(f"dead{i}.example.net")
        direct.add_zone(zone, [aname(f"dead{i}.example.net")])
    direct.start()
    with concurrent.futures.ThreadPoolExecutor(len(zones)) as pool:
        # At once, or two of the workers might accept them all, one after the other.
        connections = list(pool.map(lambda _: connect("tls"), zones))
        replies = list(pool.map(lambda c, zone: c.query(zone, timeout=60), connections, zones))
    for reply in replies:
        # What was asked for long ago may be known to fail meanwhile.
        reply.expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY, *FAILURES}, soa=False)
    times = sorted(round(reply.elapsed, 2) for reply in replies)
    # Of four workers two may wait; the other two answer all that they have.
    assert [took for took in times if took < 1], f"expected some told at once, got {times}"
    assert [took for took in times if took >= 1.4], f"expected some to wait, got {times}"


def test_C2_those_who_wait_over_tls_hold_up_nobody_over_quic(direct, authority, connect):
    direct.server["tcp-workers"] = 1
    direct.options.update({"wait": 5000, "timeout": 60000})
    serve(direct, authority)
    known()
    authority.drop(OTHER)
    direct.add_zone("example.org", [aname(OTHER)])
    direct.reload()
    eventually(lambda: direct.loaded("example.org"), what="the zone is there")
    waiting, other = connect("tls"), connect("quic")
    # Nobody waits for a second after a reload.
    let_pass(1.5)
    asked = waiting.ask("example.org")
    eventually(lambda: authority.count(OTHER, "A"), what="it waits")
    for _ in range(20):
        reply = other.query(ZONE).expect(a={A1, A2}, ede=set())
        assert reply.elapsed < PROMPT, f"expected an answer at once, got {reply}"
    authority.set(OTHER, a=[A3])
    # The lookup's next try meets it, while the query still waits.
    waiting.reply(asked, timeout=25).expect(a={A3}, ede=set())


# Warm names.


def test_A9_all_replies_are_those_of_tcp(direct, authority, connect, transport):
    direct.options["https"] = "alias"
    serve(direct, authority, *RECORDS, *siblings())
    known()
    connection = connect(transport)
    for name, rdtype in ASKED:
        for how in ({}, {"edns": False}, {"do": True}):
            wanted = content(query(name, rdtype, "tcp", **how))
            found = content(connection.query(name, rdtype, **how))
            assert found == wanted, f"{name}/{rdtype} {how}: expected {wanted}, got {found}"
    connection.query(ZONE).expect(a={A1, A2}, ttl=(1, 300))
    connection.query(f"www.{ZONE}", "AAAA").expect(aaaa={AAAA1, AAAA2}, soa=False)


def test_A9_with_tsig_and_nsid(direct, authority, connect, transport):
    secret = "MTIzNDU2Nzg5MGFiY2RlZg=="
    direct.server["nsid"] = "node-one"
    direct.sections.append(section("key", "client", algorithm="hmac-sha256", secret=secret))
    direct.sections.append(section("acl", "client", key="client", action="transfer"))
    serve(direct, authority, zone_options={"acl": "client"})
    known()
    key = dns.tsig.Key("client", secret, "hmac-sha256")
    nsid = [dns.edns.GenericOption(dns.edns.NSID, b"")]
    reply = connect(transport).query(ZONE, tsig=key, options=nsid).expect(a={A1, A2}, ede=set())
    assert reply.message.had_tsig, f"expected a signed reply, got {reply}"
    assert b"node-one" in reply.wire, f"expected the server's NSID, got {reply}"


def test_A7_A10_F3_without_addresses(direct, authority, connect, transport):
    authority.set(TARGET, a=[A1])
    authority.fail(OTHER)
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.add_zone("example.org", [aname(OTHER)])
    direct.add_zone("example.edu", [aname(OTHER), f"@ 3600 IN A {SIBLING_A}"])
    direct.start()
    known()
    failed("example.org")
    connection = connect(transport)
    connection.query(ZONE, "AAAA").expect(aaaa=(), soa=True, ede=set())
    connection.query("example.org").expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    eventually(lambda: connection.query("example.edu").expect(a={SIBLING_A}, ttl=(6, 30)))
    eventually(lambda: connection.query("example.edu", "AAAA").expect(aaaa=(), soa=True, ede=set()))


@pytest.mark.parametrize("sign", [False, True], ids=["plain", "signed"])
def test_A8_large_replies_are_whole(direct, authority, connect, transport, sign):
    a = {f"192.0.2.{i}" for i in range(1, 201)}
    aaaa = {f"2001:db8::{i:x}" for i in range(1, 201)}
    direct.options["max-addresses"] = 256
    if sign:
        serve_signed(direct, authority)
    else:
        serve(direct, authority)
    authority.set(TARGET, a=a, aaaa=aaaa)
    direct.options["ttl-max"] = 1
    direct.reload()
    answers(a, proto="tcp", ede=set())
    answers(aaaa, rdtype="AAAA", proto="tcp", ede=set())
    query(ZONE, "AAAA").expect(tc=True, aa=None, aaaa=())
    connection = connect(transport)
    for do in (False, True):
        # The size that a client of UDP could take has no say.
        for bufsize in (512, 1232, 65535):
            reply = connection.query(ZONE, "A", do=do, bufsize=bufsize).expect(a=a, ede=set())
            assert len(reply.wire) > 3200, f"expected a large reply, got {reply}"
            reply = connection.query(ZONE, "AAAA", do=do, bufsize=bufsize).expect(aaaa=aaaa)
            assert ("RRSIG" in reply.types()) == (sign and do), f"got {reply}"
    reply = connection.query(ZONE, "ANY").expect(a=a, aaaa=aaaa)
    assert len(reply.wire) > 8000, f"expected a large reply, got {reply}"


def test_Q1_an_alias_for_https(direct, authority, connect, transport):
    """Nothing is looked up for it, so it is there over QUIC at once."""
    direct.options["https"] = "alias"
    authority.drop(TARGET)
    direct.add_zone(ZONE, [aname(TARGET), "www IN CNAME @"])
    direct.start()
    connection = connect(transport)
    for name in (ZONE, f"www.{ZONE}"):
        reply = connection.query(name, "HTTPS").expect(ede=set(), soa=False)
        assert reply.addresses("HTTPS") == {f"0 {TARGET}."}, f"got {reply}"
    assert not authority.seen(), f"expected no lookup, got {authority.seen()}"


def test_P3_a_client_gets_the_same_target_over_all(direct, authority, connect, transport):
    direct.options["weight"] = [f"{TARGET}@2", f"{OTHER}@1"]
    authority.set(OTHER, a=[A3])
    authority.set(TARGET, a=[A1])
    direct.add_zone(ZONE, [aname(TARGET), aname(OTHER)])
    direct.start()
    eventually(lambda: query(ZONE, "A", "tcp").expect(ttl=(6, 300), ede=set()))
    seen = set()
    for i in range(1, 13):
        source = f"127.0.{i}.7"
        wanted = frozenset(query(ZONE, "A", source=source).expect(ede=set()).addresses())
        connect(transport, source=source).query(ZONE).expect(a=wanted, ede=set())
        seen.add(wanted)
    assert seen == {frozenset({A1}), frozenset({A3})}, f"expected both targets, got {seen}"


# Client subnets.


def test_N4_each_subnet_its_own_answer(ecs, authority, connect, transport):
    ecs.options["wait"] = 5000
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    ecs.add_zone(ZONE, [aname(TARGET)])
    ecs.start()
    connection = connect(transport)

    def own(client, addresses, scope):
        def ask():
            reply = connection.query(ZONE, ecs=client, timeout=15)
            return reply.expect(a=addresses, scope=scope, ede=set(), ttl=(PARTIAL_TTL + 1, 300))

        return ask() if transport == "tls" else eventually(ask, what=f"the answer for {client}")

    own(HERE, {A2}, 24)
    own(THERE, {A3}, 24)
    own(NEAR, {A1}, 24)
    # In turns, on one connection: none has the other's.
    for _ in range(5):
        for client, addresses in ((HERE, {A2}), (THERE, {A3}), (NEAR, {A1})):
            own(client, addresses, 24)
        connection.query(ZONE).expect(a={A1}, scope=(), ede=set())


def test_N4_C2_a_cold_subnet_gets_what_everybody_gets(ecs, authority, connect, transport):
    ecs.options["wait"] = 300
    late = Behaviour(rdata=(A2,), scope=24, delay=1.5)
    authority.behave(TARGET, "A", except_for({HERE}, late, cdn({})))
    ecs.add_zone(ZONE, [aname(TARGET)])
    ecs.start()
    known(ZONE, "A")
    connection = connect(transport)
    reply = connection.query(ZONE, ecs=HERE)
    reply.expect(a={A1}, scope=24, ttl=(0, PARTIAL_TTL), soa=False)
    assert (reply.elapsed >= 0.25) == (transport == "tls"), f"expected a wait over TLS, got {reply}"
    eventually(lambda: connection.query(ZONE, ecs=HERE).expect(a={A2}, scope=24, ede=set()))


# Signed zones.


def test_D1_D2_what_is_signed(direct, authority, connect, transport, chain):
    direct.options["https"] = "alias"
    serve_signed(direct, authority, *siblings(), chain=chain)
    known()
    keys = Keys(ZONE)
    keys.learn()
    connection = connect(transport)
    for name, rdtype in ASKED:
        reply = connection.query(name, rdtype, do=True)
        verify(reply, keys)
        if rdtype != "ANY":
            proven(reply, ZONE)
    reply = connection.query(ZONE, do=True).expect(a={A1, A2}, ede=set())
    assert "RRSIG" in reply.types(), f"expected a signature, got {reply}"
    # A family goes: its absence is proven, and it is in no denial.
    authority.set(TARGET, a=[A3])
    direct.options["ttl-max"] = 1
    direct.reload()

    def gone():
        reply = connection.query(ZONE, "AAAA", do=True).expect(aaaa=(), soa=True, ede=set())
        verify(reply, keys)
        proven(reply, ZONE)
        return True

    eventually(gone, what="the family is denied")


def test_D1_cold_in_a_signed_zone(direct, authority, connect, transport):
    """The keys are still to be read, and the target to be looked up."""
    direct.options["wait"] = 5000
    serve_signed(direct, authority)
    keys = Keys(ZONE)
    keys.learn()
    connection = connect(transport)
    asked = [connection.ask(ZONE, rdtype, do=True) for rdtype in ("A", "AAAA")]
    replies = [connection.reply(one) for one in asked]
    cold = [reply for reply in replies if reply.rcode == "SERVFAIL"]
    # Nobody waits over QUIC, but one of the two may have come late.
    assert (transport == "quic") == bool(cold), f"expected to be told so over QUIC, got {replies}"
    for reply in replies:
        if reply in cold:
            reply.expect(rcode="SERVFAIL", aa=None, a=(), aaaa=(), ede={NOT_READY})
        else:
            reply.expect(ede=set())
            verify(reply, keys)

    def warm():
        for rdtype, addresses in (("A", {A1, A2}), ("AAAA", {AAAA1, AAAA2})):
            reply = connection.query(ZONE, rdtype, do=True).expect(ede=set())
            verify(reply, keys)
            assert reply.addresses() == addresses, f"expected {addresses}, got {reply}"
        return True

    eventually(warm)


@pytest.mark.parametrize("kind", ["nsec", "nsec3"])
def test_D1_D2_a_validator_that_asks_over_tls(direct, directory, authority, connect, start_server,
                                               kind):
    points = serve_signed(direct, authority, chain=kind)
    known()
    validator = start_server(ValidatingUnbound(directory, {ZONE: points}, server=AT, tls=True))
    validator.secure(ZONE, "A").expect(aa=None, a={A1, A2})
    validator.secure(f"www.{ZONE}", "AAAA").expect(aa=None, aaaa={AAAA1, AAAA2})
    validator.secure(f"x.wild.{ZONE}", "A").expect(aa=None, a={A1, A2})
    validator.secure(f"no.{ZONE}", "A", rcode="NXDOMAIN")
    validator.secure(ZONE, "CAA").expect(aa=None, soa=True)


# Many questions on one connection.


def test_A9_many_questions_on_one_connection(direct, authority, connect, transport):
    serve(direct, authority, *RECORDS)
    known()
    connection = connect(transport)
    wanted = {one: content(query(*one, "tcp")) for one in ASKED}
    for _ in range(15):
        for one in ASKED:
            found = content(connection.query(*one))
            assert found == wanted[one], f"{one}: expected {wanted[one]}, got {found}"


def test_A9_many_questions_at_once(direct, authority, connect, transport):
    """Over QUIC on as many streams; replies are read in another order."""
    serve(direct, authority, *RECORDS)
    known()
    wanted = {one: content(query(*one, "tcp")) for one in ASKED}
    connections = [connect(transport) for _ in range(4)]
    for turn in range(12):
        some = [ASKED[(turn + i) % len(ASKED)] for i in range(STREAMS_MAX)]
        asked = [(connection, one, connection.ask(*one))
                 for one in some for connection in connections]
        for connection, one, under_way in reversed(asked):
            found = content(connection.reply(under_way))
            assert found == wanted[one], f"{one}: expected {wanted[one]}, got {found}"


def test_C2_cold_and_warm_on_one_connection(direct, authority, connect, transport):
    """A question that waits, or cannot, takes no other one with it."""
    direct.options["wait"] = 5000
    serve(direct, authority)
    authority.set(OTHER, a=[A3], delay=0.5)
    direct.add_zone("example.org", [aname(OTHER)])
    direct.reload()
    eventually(lambda: direct.loaded("example.org"), what="the zone is there")
    known()
    let_pass(1.5)
    connection = connect(transport)
    asked = [connection.ask(name) for name in (ZONE, "example.org", ZONE, "example.org", ZONE)]
    warm, cold, *_ = replies = [connection.reply(one) for one in asked]
    for reply in replies[::2]:
        reply.expect(a={A1, A2}, ede=set())
    assert warm.elapsed < PROMPT
    if transport == "tls":
        for reply in replies[1::2]:
            reply.expect(a={A3}, ede=set())
        assert cold.elapsed >= 0.4, f"expected a wait, got {cold}"
    else:
        for reply in replies[1::2]:
            reply.expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY})
        eventually(lambda: connection.query("example.org").expect(a={A3}, ede=set()))


def test_C2_clients_that_hang_up(direct, authority, connect, transport):
    """With questions under way: nobody else is worse off for it, and the lookups go on."""
    serve(direct, authority, delay=0.4)
    kept = connect(transport)
    for _ in range(8):
        connection = connect(transport)
        connection.ask(ZONE)
        if transport == "quic":
            connection.ask(ZONE, cut=15)
        connection.ask(ZONE, "AAAA")
        connection.close()
    eventually(lambda: kept.query(ZONE).expect(a={A1, A2}, ede=set()))
    eventually(lambda: kept.query(ZONE, "AAAA").expect(aaaa={AAAA1, AAAA2}, ede=set()))
    connect(transport).query(ZONE).expect(a={A1, A2}, ede=set())
    for rdtype in ("A", "AAAA"):
        assert authority.count(TARGET, rdtype) == 1, f"expected one lookup of {rdtype}"


# What changes while connections are open.


def test_T4_reloads_while_connections_are_open(direct, authority, connect, transport):
    serve(direct, authority)
    known()
    connections = [connect(transport) for _ in range(6)]
    for number in range(4):
        direct.options["negative-delay"] = 10 + number
        direct.reload()
        for connection in connections:
            reply = connection.query(ZONE).expect(a={A1, A2}, ede=set())
            assert reply.elapsed < PROMPT, f"expected an answer at once, got {reply}"
    assert authority.count(TARGET, "A") == 1, "expected that nothing is looked up again"


def test_T4_reloads_while_questions_are_under_way(direct, authority, connect, transport):
    serve(direct, authority)
    known()
    stop = threading.Event()

    def ask_on(connection):
        count = 0
        while not stop.is_set():
            asked = [connection.ask(ZONE, rdtype) for rdtype in ("A", "AAAA")]
            connection.reply(asked[1]).expect(aaaa={AAAA1, AAAA2}, ede=set())
            connection.reply(asked[0]).expect(a={A1, A2}, ede=set())
            count += 1
        return count

    connections = [connect(transport) for _ in range(3)]
    with concurrent.futures.ThreadPoolExecutor(len(connections)) as pool:
        running = [pool.submit(ask_on, connection) for connection in connections]
        try:
            for _ in range(5):
                direct.reload()
                direct.knotc("-f", "zone-reload", ZONE)
        finally:
            stop.set()
        for one in running:
            assert one.result() > 5, "expected questions all the time"


def test_T4_a_reload_while_half_a_question_is_there(direct, authority, connect):
    serve(direct, authority)
    known()
    connection = connect("quic")
    halves = [connection.ask(ZONE, cut=cut) for cut in (1, 2, 14, 30)]
    connection.query(ZONE).expect(a={A1, A2})
    direct.options["ttl-max"] = 60
    direct.reload()
    direct.knotc("-f", "zone-reload", ZONE)
    for one in halves:
        connection.complete(one)
    for one in halves:
        connection.reply(one).expect(a={A1, A2}, ede=set(), ttl=(1, 60))


def test_C2_a_reload_while_somebody_waits_over_tls(direct, authority, connect):
    """It is not held up for longer than one `wait`, and whoever waits gets a reply."""
    direct.options.update({"wait": 2000, "timeout": 60000})
    authority.drop(TARGET)
    direct.add_zone(ZONE, [aname(TARGET)])
    direct.start()
    # Instances that are loaded at start hold up no wait.
    connection = connect("tls")
    asked = connection.ask(ZONE)
    eventually(lambda: authority.count(TARGET, "A"), what="it waits")
    start = time.monotonic()
    direct.reload()
    took = time.monotonic() - start
    assert took < 2.6 + PROMPT, f"expected one wait of 2 s at most, got {took:.1f} s"
    connection.reply(asked).expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY})
    # Once they are loaded, and for a second more, nobody waits.
    authority.set(TARGET, a=[A1])


def test_R5_zones_that_change_while_connections_are_open(direct, authority, connect, transport):
    serve(direct, authority)
    authority.set(OTHER, a=[A3], aaaa=[AAAA1])
    known()
    connection = connect(transport)
    connection.query(ZONE).expect(a={A1, A2})

    def becomes(**expected):
        eventually(lambda: connection.query(ZONE).expect(ede=set(), **expected))

    direct.reload_zone(ZONE, [aname(OTHER)], serial=2)
    becomes(a={A3})
    direct.reload_zone(ZONE, siblings(), serial=3)
    becomes(a={SIBLING_A})
    connection.query(ZONE, "AAAA").expect(aaaa={SIBLING_AAAA})
    direct.reload_zone(ZONE, [], serial=4)
    becomes(a=(), soa=True)
    direct.reload_zone(ZONE, [aname(TARGET)], serial=5)
    becomes(a={A1, A2})
    # The zone goes, and comes back with other options.
    kept = direct.zones.pop(ZONE)
    direct.add_zone("example.org", [aname(OTHER)])
    direct.reload()
    eventually(lambda: connection.query(ZONE).expect(rcode="REFUSED", aa=None))
    direct.zones[ZONE] = kept
    direct.reload()
    becomes(a={A1, A2})


def test_T2_a_target_that_changes_while_connections_are_open(direct, authority, connect, transport):
    direct.options["ttl-max"] = 1
    serve(direct, authority)
    known()
    connection = connect(transport)
    connection.query(ZONE).expect(a={A1, A2})
    authority.set(TARGET, a=[A3], aaaa=[AAAA1])

    def new():
        reply = connection.query(ZONE).expect(ede=set(), ttl=(0, 1))
        if reply.addresses() not in ({A1, A2}, {A3}):
            raise RuntimeError(f"expected no mixture, got {reply}")
        return reply.addresses() == {A3}

    eventually(new, what="the new address")


# The end.


def test_stop_while_connections_are_open(direct, authority, connect, transport):
    """Warm and cold questions, half ones, and lookups that get no answer, all under way."""
    direct.options.update({"wait": 700, "timeout": 10000})
    zones = [f"zone{i}.example" for i in range(6)]
    for i, zone in enumerate(zones):
        authority.drop(f"dead{i}.example.net")
        direct.add_zone(zone, [aname(f"dead{i}.example.net")])
    serve(direct, authority)
    known()
    for turn in range(2):
        connections = [connect(transport) for _ in zones]
        for connection in connections:
            connection.query(ZONE).expect(a={A1, A2})
        for connection, zone in zip(connections, zones):
            connection.ask(zone)
            for _ in range(STREAMS_MAX - 3):
                connection.ask(ZONE)
            if transport == "quic":
                connection.ask(ZONE, cut=20)
        eventually(lambda: authority.count("dead0.example.net", "A") > turn, what="a lookup")
        took = direct.finish(timeout=20)
        # A worker that waits lets go of each of its connections after its `wait`.
        assert took < 6 + PROMPT, f"expected a bounded stop, took {took:.1f} s"
        if turn == 0:
            direct.start()
            known()
