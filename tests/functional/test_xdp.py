"""A9, C1, C2: queries that come by XDP, over UDP, TCP and QUIC."""

import concurrent.futures

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, NOT_READY, PROMPT, SIBLING_A, SLOW, TARGET, VERSION, ZONE, aname,
    answers, eventually, query, section, siblings, xdp,
)
from harness.authority import ADDRESS
from harness.proofs import proven
from harness.signatures import Keys, verify
from harness.signing import CHAINS, RECORDS, SIGNED, policy
from harness.subnets import HERE, cdn
from harness.transports import ASKED, HAS_QUIC, STREAMS_MAX, Quic, content
from harness.validator import signed

PARTIAL_TTL = 5
NS = "198.51.100.53"

PROTOCOLS = ["udp", "tcp", "quic"]


class Server:
    """A knotd that clients ask from the other end of the link."""

    def __init__(self, link, knotd, authority):
        self.link = link
        self.knotd = knotd
        self.authority = authority
        self._connections = {}
        knotd.options.update({"resolver": ADDRESS, "retry-max": 1})
        knotd.sections.append(section("mod-stats", "protocols", request_protocol=True))

    def add(self, zone=ZONE, target=TARGET, records=(), **how):
        modules = [self.knotd.aname, "mod-stats/protocols"]
        self.knotd.add_zone(zone, [aname(target), *records], modules=modules, **how)

    def start(self, records=(), delay=0.0, protocols=PROTOCOLS, **how):
        """With one zone whose target has two addresses of each family."""
        self.authority.set(TARGET, a=[A1, A2], aaaa=[AAAA1, AAAA2], delay=delay)
        self.add(records=records, **how)
        options = {"tcp": "on"} if "tcp" in protocols else {}
        if "quic" in protocols and VERSION >= (3, 4):
            options |= {"quic": "on", "quic-port": xdp.QUIC_PORT}
        xdp.listen(self.knotd, **options)
        xdp.start(self.knotd)

    def query(self, name=ZONE, rdtype="A", proto="udp", version=4, timeout=5.0, **how):
        """Ask once; version: of IP."""
        with self.link.outside():
            at = xdp.ADDRESSES[version]
            if proto != "quic":
                return query(name, rdtype, proto, server=(at, xdp.PORT), timeout=timeout, **how)
            if version not in self._connections:
                self._connections[version] = Quic((at, xdp.QUIC_PORT))
            return self._connections[version].query(name, rdtype, timeout, **how)

    def close(self):
        for connection in self._connections.values():
            connection.close()

    def known(self):
        """Wait until both families are."""
        answers({A1, A2}, ede=set())
        answers({AAAA1, AAAA2}, rdtype="AAAA", ede=set())

    def by_protocol(self):
        """{protocol, as mod-stats names it: queries}"""
        return {
            key.partition("[")[2].rstrip("]"): value
            for key, value in self.knotd.stats(ZONE, "mod-stats").items()
            if key.startswith("request-protocol[") and value
        }


@pytest.fixture
def server(knotd, authority):
    link = xdp.made()
    server = Server(link, knotd, authority)
    yield server
    server.close()
    if knotd.alive:
        knotd.finish()
    link.remove()


@pytest.fixture(params=PROTOCOLS)
def proto(request):
    if request.param == "quic":
        if VERSION < (3, 4):
            pytest.skip("Knot 3.4 is the first in Debian with QUIC")
        if not HAS_QUIC:
            pytest.skip("aioquic is not there: package python3-aioquic, from Debian 13 on")
    return request.param


@pytest.mark.parametrize("version", [4, 6])
def test_C1_cold_over_udp_is_truncated_at_once(server, version):
    """And over TCP, which is the kernel's here, it waits for the lookup that has been started."""
    server.knotd.options["wait"] = 5000
    server.start(delay=0.4, protocols=["udp"])
    for rdtype, wanted in (("A", {"a": {A1, A2}}), ("AAAA", {"aaaa": {AAAA1, AAAA2}})):
        reply = server.query(ZONE, rdtype, version=version)
        reply.expect(tc=True, aa=None, a=(), aaaa=(), soa=False)
        assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
        server.query(ZONE, rdtype, "tcp", version).expect(ede=set(), **wanted)
        server.query(ZONE, rdtype, version=version).expect(ede=set(), ttl=(6, 300), **wanted)
    found = server.by_protocol()
    assert found[f"udp{version}-xdp"] == 4 and f"tcp{version}-xdp" not in found, (
        f"expected UDP by XDP and TCP by the kernel, got {found}"
    )


@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_C2_C3_cold_it_never_waits(server, proto, with_siblings):
    server.knotd.options.update({"wait": 5000, "timeout": 60000, "cold": "servfail"})
    server.start(siblings() if with_siblings else (), delay=1.5)
    # Whoever waited would have the answer.
    for number in range(2):
        if number:
            # Where the lookup is under way already.
            eventually(lambda: server.authority.count(TARGET, "A"), what="the lookup")
        reply = server.query(proto=proto)
        if with_siblings:
            reply.expect(a={SIBLING_A}, ttl=(1, PARTIAL_TTL), ede=set(), soa=False)
        else:
            reply.expect(rcode="SERVFAIL", aa=None, a=(), ede={NOT_READY}, soa=False)
    eventually(lambda: server.query(proto=proto).expect(a={A1, A2}, ede=set(), ttl=(6, 300)))
    assert server.authority.count(TARGET, "A") == 1, "expected one lookup"


def test_A9_all_replies_are_those_of_the_kernels_tcp(server, proto):
    server.knotd.options["https"] = "alias"
    server.start([*RECORDS, *siblings()])
    server.known()
    for name, rdtype in ASKED:
        for how in ({}, {"edns": False}, {"do": True}):
            wanted = content(query(name, rdtype, "tcp", **how))
            found = content(server.query(name, rdtype, proto, **how))
            assert found == wanted, f"{name}/{rdtype} {how}: expected {wanted}, got {found}"
    server.query(proto=proto, version=6).expect(a={A1, A2}, ttl=(1, 300))
    found = server.by_protocol()
    assert found.get(f"{proto}4-xdp", 0) >= 3 * len(ASKED) and found[f"{proto}6-xdp"] == 1, (
        f"expected them to have come by XDP, got {found}"
    )


@pytest.mark.parametrize("chain", ["nsec", "nsec3"])
def test_D1_D2_what_is_signed(server, proto, chain):
    policy(server.knotd, **CHAINS[chain])
    server.start(RECORDS, zone_options=SIGNED)
    signed(ZONE)
    server.known()
    keys = Keys(ZONE)
    keys.learn()
    for name, rdtype in ASKED:
        reply = server.query(name, rdtype, proto, do=True, bufsize=4096)
        verify(reply, keys)
        if rdtype != "ANY":
            proven(reply, ZONE)
    reply = server.query(proto=proto, do=True).expect(a={A1, A2}, ede=set())
    assert "RRSIG" in reply.types(), f"expected a signature, got {reply}"


def test_A8_large_replies(server, proto):
    """More than one packet holds."""
    many = {f"192.0.2.{i}" for i in range(1, 201)}
    server.knotd.options["max-addresses"] = 256
    server.start()
    server.authority.set(TARGET, a=many)
    server.knotd.options["ttl-max"] = 1
    server.knotd.reload()
    answers(many, proto="tcp", ede=set())
    reply = server.query(proto=proto)
    if proto == "udp":
        reply.expect(tc=True, aa=None, a=())
    else:
        reply.expect(a=many, ede=set())


def test_N4_each_subnet_its_own_answer(server, proto):
    server.knotd.server["edns-client-subnet"] = True
    server.knotd.options["ecs"] = True
    server.start()
    server.authority.behave(TARGET, "A", cdn({HERE: [A3]}))
    reply = server.query(proto=proto, ecs=HERE)
    if proto == "udp":
        reply.expect(tc=True, aa=None, a=(), soa=False)
    eventually(lambda: server.query(proto=proto, ecs=HERE).expect(
        a={A3}, scope=24, ede=set(), ttl=(PARTIAL_TTL + 1, 300)))
    eventually(lambda: server.query(proto=proto).expect(a={A1}, scope=(), ede=set()))


def test_P3_a_client_gets_the_same_target_as_over_the_kernels_tcp(server, proto):
    """The one that is its network's, which here is that of the link."""
    server.knotd.options["weight"] = [f"{name}.example.net@1" for name in "abcdef"]
    for number, name in enumerate("abcdef"):
        server.authority.set(f"{name}.example.net", a=[f"192.0.2.{number + 1}"])
    server.start([aname(f"{name}.example.net") for name in "bcdef"], protocols=[proto])
    server.knotd.write_zone(ZONE, [aname(f"{name}.example.net") for name in "abcdef"], serial=2)
    server.knotd.knotc("-b", "zone-reload", ZONE)
    eventually(lambda: query(ZONE, "A", "tcp").expect(ttl=(6, 300), ede=set()))
    with server.link.outside():
        # Over TCP that is the kernel's, unless that is what is tested.
        other = "udp" if proto == "tcp" else "tcp"
        wanted = query(ZONE, "A", other, server=(xdp.ADDRESSES[4], xdp.PORT)).addresses()
    assert len(wanted) == 1, f"expected one target, got {wanted}"
    server.query(proto=proto).expect(a=wanted, ede=set())


def test_A9_streams_at_once(server):
    if VERSION < (3, 4) or not HAS_QUIC:
        pytest.skip("Knot 3.4 and aioquic are in Debian from 13 on")
    server.start()
    server.known()
    with server.link.outside(), Quic((xdp.ADDRESSES[4], xdp.QUIC_PORT)) as connection:
        for _ in range(5):
            asked = [connection.ask(ZONE, rdtype) for rdtype in ("A", "AAAA") * (STREAMS_MAX // 2)]
            for one in asked[::2]:
                connection.reply(one).expect(a={A1, A2}, ede=set())
            for one in asked[1::2]:
                connection.reply(one).expect(aaaa={AAAA1, AAAA2}, ede=set())


def gun(server, questions, seconds, rate, *arguments):
    """So many of these questions a second have replies, and good ones."""
    # So that the next hop is known.
    server.query(f"ns.{ZONE}").expect(a={NS})
    text = xdp.kxdpgun(server.link, server.knotd.directory, questions, seconds,
                       int(rate / SLOW), *arguments)
    asked, replies, rcodes = xdp.summary(text)
    assert set(rcodes) == {"NOERROR"}, f"expected NOERROR alone, got {text}"
    # On a machine that is busy some packets find no place.
    assert asked and replies > asked / 2, f"expected replies, got {text}"


@pytest.mark.limit(120)
@pytest.mark.parametrize("how", ["udp", "tcp"])
def test_T4_reloads_under_load(server, how):
    """Many queries a batch, and others by the kernel's UDP at the same time."""
    server.start(RECORDS)
    server.known()
    questions = [(ZONE, "A"), (ZONE, "AAAA"), (f"www.{ZONE}", "A"), (f"ns.{ZONE}", "A")]
    rate, more = (4000, ["-b", "32"]) if how == "udp" else (200, ["-T"])
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        running = pool.submit(gun, server, questions, 3, rate, *more)
        for turn in range(4):
            server.knotd.options["negative-delay"] = 10 + turn
            server.knotd.reload()
            query(ZONE).expect(a={A1, A2}, ede=set())
        running.result()
    assert server.authority.count(TARGET, "A") == 1, "expected that nothing is looked up again"
    server.query().expect(a={A1, A2}, ede=set())


@pytest.mark.limit(120)
def test_C1_cold_names_under_load_and_the_end(server):
    """No name is known soon: nothing is held up, and knotd ends while lookups are under way."""
    server.knotd.options.update({"wait": 5000, "timeout": 10000})
    zones = [f"zone{i}.example" for i in range(100)]
    for i, zone in enumerate(zones):
        server.authority.drop(f"dead{i}.example.net")
        server.add(zone, f"dead{i}.example.net")
    server.start()
    # Until they are known to fail, which takes longer, it is TC.
    gun(server, [(zone, "A") for zone in zones], 2, 2000, "-b", "32")
    reply = server.query(f"ns.{ZONE}").expect(a={NS})
    assert reply.elapsed < PROMPT, f"expected no wait, got {reply}"
    took = server.knotd.finish(timeout=20)
    assert took < 4 + PROMPT, f"expected a short stop, took {took:.1f} s"
