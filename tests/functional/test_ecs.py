"""N4: clients' subnets are passed on, and answered with what is said for them (RFC 7871)."""

import ipaddress

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, TARGET, ZONE, Subnet, aname, answers, eventually, query, section,
    siblings,
)
from harness.authority import ADDRESS, OTHER, Behaviour
from harness.signatures import Keys, verify
from harness.subnets import (
    HERE, NEAR, OTHER_TARGET, OTHER_ZONE, SIX, THERE, ask, asked, cdn, each, except_for,
    for_subnet, of_network, recursor, serve, source_as_scope, without,
)

CLIENTS = [
    "198.51.100.77/32",
    "203.0.113.0/24",
    "192.0.2.128/25",
    "100.64.96.0/20",
    "100.65.104.0/21",
    "100.66.3.96/27",
    "10.0.0.0/16",
    "172.16.0.0/12",
    "160.0.0.0/3",
    "2001:db8:1:23ff::/64",
    "2001:db8:2:34ff:1::1/128",
    "2001:db8:3:4500::/57",
    "2001:db8:4::/48",
    "2001:db8:5:e000::/51",
    "2001:dba::/31",
]


@pytest.mark.parametrize(
    "four, six", [(None, None), (32, 64), (16, 48), (20, 33), (1, 1)], ids=str
)
def test_N4_the_clients_prefix_is_cut(ecs, authority, proto, four, six):
    ecs.options.update({"ecs-ipv4-prefix": four, "ecs-ipv6-prefix": six})
    authority.behave(TARGET, "A", source_as_scope)
    serve(ecs)
    wanted = set()
    for client in CLIENTS:
        limit = (six or 56) if ":" in client else (four or 24)
        sent = min(int(client.partition("/")[2]), limit)
        wanted.add(str(ipaddress.ip_network((client.partition("/")[0], sent), strict=False)))
        for_subnet(client, {A1}, sent, proto=proto)
    assert set(asked(authority)) == wanted
    assert len(asked(authority)) == len(wanted), "expected one question for each"


@pytest.mark.parametrize("four, six", [(None, None), (32, 64)], ids=str)
def test_N4_bits_beyond_the_source_length_are_cut(ecs, authority, proto, four, six):
    ecs.options.update({"ecs-ipv4-prefix": four, "ecs-ipv6-prefix": six})
    authority.behave(TARGET, "A", source_as_scope)
    serve(ecs)
    for sent in (
        Subnet("198.51.103.0", 20),
        Subnet("198.52.103.0", 21),
        Subnet("255.255.255.255", 25),
        Subnet("2001:db8:1:23ff::", 52),
        Subnet("2001:db9:1:23ff::", 63),
    ):
        limit = (six or 56) if ":" in sent.address else (four or 24)
        cut = sent._replace(source=min(sent.source, limit)).network
        eventually(
            lambda one=sent, cut=cut: query(ZONE, "A", proto, options=[one.option]).expect(
                a={A1}, scope=cut.prefixlen, ede=set()
            ),
            what=f"an answer for {sent}",
        )
        assert asked(authority)[-1] == str(cut)


# (client, scope that the target's server says, scope in the reply to the client)
SCOPES = [
    ("198.51.100.0/24", 24, 24),
    ("198.52.100.0/24", 16, 16),
    ("203.0.113.0/24", 21, 21),
    ("100.64.96.0/20", 24, 24),
    ("192.0.2.55/32", 32, 24),
    ("192.0.3.55/32", 24, 24),
    ("192.0.4.0/24", 32, 24),
    ("192.1.4.0/25", 25, 24),
    ("10.1.0.0/16", 32, 24),
    ("11.2.3.0/24", 8, 8),
    ("2001:db8:1:2300::/56", 48, 48),
    ("2001:db9:1:2300::/56", 64, 56),
    ("2001:dba:1:2345::/64", 56, 56),
    ("2001:dbb::/32", 48, 48),
    ("2001:dbc::1/128", 128, 56),
    ("2001:dbd:1:2300::/56", 33, 33),
]


def test_N4_scope_of_the_reply(through, authority, proto):
    scopes = {ipaddress.ip_network(client): upstream for client, upstream, _ in SCOPES}

    def choose(subnet):
        if without(subnet):
            return Behaviour(rdata=(A1,), ttl=40)
        (network,) = [net for net in scopes if net.overlaps(subnet.network)]
        return Behaviour(rdata=(A2,), ttl=40, scope=scopes[network])

    authority.behave(TARGET, "A", choose)
    serve(through)
    for client, _, scope in SCOPES:
        for_subnet(client, {A2}, scope, proto=proto, ttl=(30, 40), soa=False)
    # Warm, both transports say the same.
    for client, _, scope in SCOPES:
        for other in ("udp", "tcp"):
            ask(client, "A", other).expect(a={A2}, scope=scope, ttl=(25, 40), ede=set())


@pytest.mark.parametrize("modules", ["iterator", "validator iterator"])
def test_N4_clients_get_their_own(ecs, start_unbound, authority, proto, modules):
    recursor(ecs, start_unbound, modules=modules)
    authority.behave(TARGET, "A", cdn({HERE: [A2], "203.0.0.0/16": [A3, A2], SIX: [A3]}))
    authority.behave(TARGET, "AAAA", cdn({HERE: [AAAA2], SIX: [AAAA1, AAAA2]}, general=[AAAA1]))
    serve(ecs, "www IN CNAME @")
    for name in (ZONE, f"www.{ZONE}"):
        for_subnet(HERE, {A2}, 24, proto=proto, name=name)
        for_subnet("198.51.100.99/32", {A2}, 24, proto=proto, name=name)
        for_subnet(THERE, {A2, A3}, 16, proto=proto, name=name)
        for_subnet(NEAR, {A1}, 24, proto=proto, name=name)
        for_subnet(SIX, {A3}, 56, proto=proto, name=name)
        for_subnet(HERE, {AAAA2}, 24, "AAAA", proto=proto, name=name)
        for_subnet(SIX, {AAAA1, AAAA2}, 56, "AAAA", proto=proto, name=name)


def test_N4_alias_in_the_zone(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    serve(ecs, "www IN CNAME @", *siblings())
    www = f"www.{ZONE}"
    for client, address in ((HERE, A2), (THERE, A3)):
        reply = for_subnet(client, {address}, 24, proto=proto, name=www, soa=False)
        assert reply.addresses("CNAME") == {f"{ZONE}."}, f"expected the alias too, got {reply}"
        reply = for_subnet(client, {address}, 24, proto=proto)
    query(www, "A", proto).expect(a={A1}, scope=())


def test_N4_any_has_what_is_known_for_the_client(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    authority.behave(TARGET, "AAAA", cdn({"198.51.0.0/16": [AAAA2]}, general=[AAAA1]))
    serve(ecs)
    for_subnet(HERE, {A2}, 24)
    for_subnet(HERE, {AAAA2}, 16, "AAAA")
    for_subnet(THERE, {A3}, 24)
    ask(HERE, "ANY", proto).expect(a={A2}, aaaa={AAAA2}, scope=24, ede=set())
    reply = ask(THERE, "ANY", proto).expect(a={A3}, scope=24, ede=set())
    assert reply.addresses("AAAA") <= {AAAA1}, f"expected nothing of another's, got {reply}"


def test_N4_other_records_are_for_everybody(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs, "@ IN MX 10 mail", "@ IN TXT text", "mail IN A 198.51.100.25")
    for rdtype in ("SOA", "NS", "MX", "TXT"):
        reply = ask(HERE, rdtype, proto).expect(scope=0)
        assert reply.addresses(), f"expected the zone's own data, got {reply}"
    ask(HERE, "A", proto, f"mail.{ZONE}").expect(a={"198.51.100.25"}, scope=0)
    ask(HERE, "A", proto, f"none.{ZONE}").expect(rcode="NXDOMAIN", scope=0)
    assert not authority.count(TARGET), "expected no lookup for what is not the target's"


@pytest.mark.parametrize("kind", ["nodata", "nxdomain", "addresses"])
def test_N4_nodata_for_one_client(through, authority, proto, kind):
    """The client HERE gets none while others get some, and the reverse."""
    none = Behaviour(rcode="NXDOMAIN" if kind == "nxdomain" else "NOERROR", negative_ttl=30)
    if kind == "addresses":
        choose = cdn({HERE: [A2]}, general=(), negative_ttl=30)
    else:
        none.scope = 24
        choose = except_for({HERE}, none, cdn({THERE: [A3]}))
    authority.behave(TARGET, "A", choose)
    serve(through)
    if kind == "addresses":
        for_subnet(HERE, {A2}, 24, proto=proto, soa=False)
        reply = for_subnet(THERE, (), 24, proto=proto, soa=True)
    else:
        reply = for_subnet(HERE, (), 24, proto=proto, soa=True)
        for_subnet(THERE, {A3}, 24, proto=proto, soa=False)
        answers({A1}, proto=proto, soa=False)
    assert 20 <= reply.soa_ttl() <= 30, f"expected the negative TTL of 30 s, got {reply}"


def test_N4_each_answer_has_its_own_ttl(ecs, authority, proto):
    def choose(subnet):
        ttl = {HERE: 40, THERE: 100}.get(str(subnet), 200)
        return Behaviour(rdata=(A1,), scope=24, ttl=ttl)

    authority.behave(TARGET, "A", choose)
    serve(ecs)
    for_subnet(HERE, {A1}, 24, proto=proto, ttl=(30, 40))
    for_subnet(THERE, {A1}, 24, proto=proto, ttl=(90, 100))
    for_subnet(NEAR, {A1}, 24, proto=proto, ttl=(190, 200))
    answers({A1}, proto=proto, ttl=(190, 200), scope=())


@pytest.mark.parametrize(
    "four, six, scope", [((24, 16), (56, 48), (24, 56)), ((0, 16), (0, 48), (16, 48))]
)
def test_N4_scope_of_a_pool_is_the_largest(ecs, authority, proto, four, six, scope):
    def part(number, address):
        def choose(subnet):
            if subnet is None:
                return Behaviour(rdata=(A1,))
            scope = (six if ":" in subnet.address else four)[number]
            return Behaviour(rdata=(address,), scope=scope)

        return choose

    authority.behave(TARGET, "A", part(0, A2))
    authority.behave(OTHER_TARGET, "A", part(1, A3))
    ecs.add_zone(ZONE, [aname(TARGET), aname(OTHER_TARGET)])
    ecs.start()
    for_subnet(HERE, {A2, A3}, scope[0], proto=proto, ttl=(50, 60))
    for_subnet(SIX, {A2, A3}, scope[1], proto=proto, ttl=(50, 60))


def test_N4_two_zones_with_one_target_share(ecs, authority, proto):
    authority.behave(TARGET, "A", cdn({HERE: [A2], THERE: [A3]}))
    ecs.add_zone(OTHER_ZONE, [aname(TARGET)])
    serve(ecs)
    for_subnet(HERE, {A2}, 24)
    ask(HERE, "A", proto, OTHER_ZONE).expect(a={A2}, scope=24, ede=set())
    assert asked(authority) == [HERE], "expected one lookup for both zones"


def test_N4_truncated_is_asked_again_over_tcp_with_the_subnet(ecs, authority):
    ecs.options["max-addresses"] = 256
    many = {client: {f"10.{i}.0.{j}" for j in range(100)} for i, client in enumerate((HERE, THERE))}
    authority.behave(TARGET, "A", cdn(many))
    serve(ecs)
    for client in (HERE, THERE):
        for_subnet(client, many[client], 24, proto="tcp")
        protos = [s.proto for s in authority.seen(TARGET, "A") if str(s.subnet) == client]
        assert protos == ["udp", "tcp"], f"expected UDP, then TCP, got {protos}"


def test_N4_behind_an_alias_of_the_target(through, authority, proto):
    authority.cname(TARGET, "edge.example.net.", ttl=30)
    authority.behave("edge.example.net", "A", cdn({HERE: [A2], "203.0.0.0/16": [A3]}, ttl=100))
    serve(through)
    for_subnet(HERE, {A2}, 24, proto=proto, ttl=(20, 30))
    for_subnet(THERE, {A3}, 16, proto=proto, ttl=(20, 30))


@pytest.mark.parametrize("how", ["silence", "servfail", "garbage", "mismatch"])
def test_N4_the_second_server_is_asked_for_the_same(ecs, authority, start_scripted, proto, how):
    other_server = start_scripted(OTHER)
    ecs.options["resolver"] = [ADDRESS, OTHER]
    wrong = {
        "silence": Behaviour(drop=True),
        "servfail": Behaviour(rcode="SERVFAIL"),
        "garbage": Behaviour(garbage=True),
        "mismatch": Behaviour(
            rdata=(A3,), scope=24, distort=lambda subnet: subnet._replace(address="192.0.2.0")
        ),
    }[how]
    authority.behave(TARGET, "A", except_for({HERE}, wrong, cdn({})))
    other_server.behave(TARGET, "A", cdn({HERE: [A2]}))
    serve(ecs)
    for_subnet(HERE, {A2}, 24, proto=proto)
    assert HERE in asked(authority) and set(asked(other_server)) == {HERE}


@pytest.mark.parametrize("nsec3", [False, True], ids=["nsec", "nsec3"])
def test_N4_D1_each_answer_is_signed(ecs, authority, proto, nsec3):
    ecs.sections.append(section("policy", "own", nsec3=nsec3))
    authority.behave(TARGET, "A", each(ttl=30))
    authority.behave(TARGET, "AAAA", cdn({HERE: ["2001:db8::1"]}, general=[AAAA2]))
    serve(ecs, zone_options={"dnssec-signing": True, "dnssec-policy": "own"})
    keys = Keys(ZONE)
    eventually(keys.learn, what="the zone is signed")
    clients = [f"198.51.{i}.0/24" for i in range(100)]
    for client in clients:
        address = of_network(client, 24)
        for_subnet(client, {address}, 24, proto=proto)
        reply = ask(client, "A", proto, do=True).expect(a={address}, scope=24)
        verify(reply, keys)
        assert "RRSIG" in reply.types(), f"expected a signature, got {reply}"
    for client, addresses in ((HERE, {"2001:db8::1"}), (THERE, {AAAA2})):
        for_subnet(client, addresses, 24, "AAAA", proto)
        reply = ask(client, "AAAA", proto, do=True).expect(aaaa=addresses, scope=24)
        verify(reply, keys)
    # D5: and none without DO.
    assert "RRSIG" not in ask(clients[0], "A", proto).types()
