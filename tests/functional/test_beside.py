"""A9 and D3: beside other modules."""

import os

import dns.edns
import dns.flags
import pytest
from harness import (
    A1, AAAA1, FAILURES, SIBLING_A, TARGET, VERSION, ZONE, NoReply, aname, answers, eventually,
    expire, failed, known, query, section, siblings, simple,
)
from harness.signing import online
from harness.unbound import ask

ORDERS = [["mod-aname", "{}"], ["{}", "mod-aname"]]


def both_orders(module):
    return [[one.format(module) for one in order] for order in ORDERS]


# From 3.4 on the time that is taken over TCP is limited, too, and a busy machine takes much.
ANY_TIME = ({"time_rate_limit": 10**6, "time_instant_limit": 10**6} if VERSION >= (3, 4) else {})


def test_A9_beside_rrl_that_does_not_limit(knotd, unbound, authority, proto):
    knotd.sections.append(section("mod-rrl", "wide", rate_limit=100000, **ANY_TIME))
    knotd.template["global-module"] = "mod-rrl/wide"
    simple(knotd, authority, records=["www IN CNAME @", *siblings()])
    known()
    for _ in range(50):
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
        query(f"www.{ZONE}", "AAAA", proto).expect(aaaa={AAAA1}, ede=set())


@pytest.mark.parametrize("where", ["global", "before", "after"])
@pytest.mark.parametrize("slip", [1, 2])
def test_A9_beside_rrl_that_limits(knotd, unbound, authority, where, slip):
    # From 3.4 on the rate is that in the long run.
    at_once = {"instant_limit": 3, **ANY_TIME} if VERSION >= (3, 4) else {}
    knotd.sections.append(section("mod-rrl", "tight", rate_limit=3, slip=slip, **at_once))
    simple_modules = {"global": None, "before": ["mod-rrl/tight", "mod-aname"],
                      "after": ["mod-aname", "mod-rrl/tight"]}[where]
    if where == "global":
        knotd.template["global-module"] = "mod-rrl/tight"
    simple(knotd, authority, modules=simple_modules)
    # Over TCP there is no limit: that is how it becomes known here.
    eventually(lambda: query(ZONE, "A", "tcp").addresses() == {A1}, what="known")
    slipped = dropped = answered = 0
    for _ in range(40):
        try:
            reply = query(ZONE, "A", timeout=0.1 if slip > 1 else 5)
        except NoReply:
            dropped += 1
            continue
        if reply.tc:
            slipped += 1
            reply.expect(tc=True, aa=None, a=())
        else:
            answered += 1
            reply.expect(a={A1}, ede=set())
    assert slipped and answered, f"expected some limited, got {slipped=} {answered=} {dropped=}"
    assert bool(dropped) == (slip > 1), f"expected drops with slip 2 only, got {dropped}"
    query(ZONE, "A", "tcp").expect(a={A1}, ede=set())


@pytest.mark.parametrize("modules", both_orders("mod-stats/all"), ids=["before", "after"])
def test_A9_beside_stats_of_the_zone(knotd, unbound, authority, proto, modules):
    knotd.sections.append(
        section("mod-stats", "all", query_type=True, reply_nodata=True, response_code=True)
    )
    simple(knotd, authority, modules=modules, aaaa=())
    known()
    before = knotd.stats(ZONE, "mod-stats")
    for _ in range(4):
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
    for _ in range(3):
        query(ZONE, "AAAA", proto).expect(aaaa=(), soa=True)
    after = knotd.stats(ZONE, "mod-stats")
    grown = {key: after[key] - before[key] for key in after if after[key] != before[key]}
    wanted = {"query-type[A]": 4, "query-type[AAAA]": 3, "response-code[NOERROR]": 7}
    if modules[0] == "mod-aname":
        wanted["reply-nodata[AAAA]"] = 3
    found = {key: grown.get(key) for key in wanted}
    assert found == wanted, f"expected {wanted}, got {grown}"
    assert "reply-nodata[A]" not in grown, f"expected no NODATA for A, got {grown}"


def test_A9_beside_global_stats(knotd, unbound, authority, proto):
    knotd.template["global-module"] = "mod-stats"
    simple(knotd, authority)
    authority.fail("bad.example.net")
    knotd.add_zone("bad.example", [aname("bad.example.net")])
    knotd.reload()
    eventually(lambda: knotd.loaded("bad.example"), what="the second zone is loaded")
    known()
    failed("bad.example")
    before = knotd.stats(module="mod-stats")
    for _ in range(4):
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
        query("bad.example", "A", proto).expect(rcode="SERVFAIL", aa=None)
    after = knotd.stats(module="mod-stats")
    for code in ("NOERROR", "SERVFAIL"):
        key = f"response-code[{code}]"
        assert after[key] - before[key] == 4, (
            f"expected 4 more of {key}, got {after[key] - before[key]}"
        )


CLIENT_COOKIE = bytes(range(8))


def cookies(reply):
    found = [option for option in reply.message.options if option.otype == dns.edns.COOKIE]
    # Newer dnspython knows the two parts.
    return [option.client + option.server if hasattr(option, "client") else option.data
            for option in found]


@pytest.mark.parametrize("where", ["global", "before", "after"])
def test_A9_beside_cookies(knotd, unbound, authority, proto, where):
    modules = None
    if where == "global":
        knotd.template["global-module"] = "mod-cookies"
    else:
        modules = both_orders("mod-cookies")[where == "before"]
    simple(knotd, authority, modules=modules)
    known()
    asked = [dns.edns.GenericOption(dns.edns.COOKIE, CLIENT_COOKIE)]
    first = query(ZONE, "A", proto, options=asked)
    (cookie,) = cookies(first)
    assert cookie[:8] == CLIENT_COOKIE and len(cookie) > 8, (
        f"expected a server cookie, got {cookie}"
    )
    with_cookie = [dns.edns.GenericOption(dns.edns.COOKIE, cookie)]
    for rdtype, addresses in (("A", {A1}), ("AAAA", {AAAA1})):
        reply = query(ZONE, rdtype, proto, options=with_cookie).expect(ede=set(), soa=False)
        assert reply.addresses() == addresses, f"expected {addresses}, got {reply}"
        assert cookies(reply), f"expected a cookie in the reply, got {reply}"
    bad = [dns.edns.GenericOption(dns.edns.COOKIE, CLIENT_COOKIE + bytes(16))]
    reply = query(ZONE, "A", "udp", options=bad)
    if where != "after":
        reply.expect(rcode="BADCOOKIE", aa=None, a=())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_A9_beside_cookies_on_failure_and_truncation(knotd, unbound, authority, proto):
    knotd.template["global-module"] = "mod-cookies"
    authority.fail(TARGET, delay=0.3)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    asked = [dns.edns.GenericOption(dns.edns.COOKIE, CLIENT_COOKIE)]
    (cookie,) = cookies(query(ZONE, "SOA", options=asked))
    asked = [dns.edns.GenericOption(dns.edns.COOKIE, cookie)]
    reply = query(ZONE, "AAAA", options=asked).expect(tc=True, aa=None)
    assert cookies(reply), f"expected a cookie beside TC, got {reply}"
    failed()
    reply = query(ZONE, "A", proto, options=asked)
    reply.expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)
    assert cookies(reply), f"expected a cookie beside the extended error, got {reply}"


def proxied(knotd, where, **options):
    knotd.sections.append(section("remote", "recursor", address="127.0.0.1@53"))
    knotd.sections.append(section("mod-dnsproxy", "proxy", remote="recursor", **options))
    if where == "global":
        knotd.template["global-module"] = "mod-dnsproxy/proxy"
        return None
    return both_orders("mod-dnsproxy/proxy")[where == "before"]


@pytest.mark.parametrize("where", ["global", "before", "after"])
def test_A9_beside_dnsproxy(knotd, unbound, authority, proto, where):
    modules = proxied(knotd, where, catch_nxdomain=True, timeout=3000)
    authority.set("elsewhere.example.net", a=["198.51.100.9"])
    authority.set(f"missing.{ZONE}", a=["198.51.100.10"])
    simple(knotd, authority, modules=modules, aaaa=())
    known()
    query(ZONE, "A", proto).expect(a={A1}, ede=set(), soa=False)
    query(ZONE, "AAAA", proto).expect(aaaa=(), ede=set(), soa=True)
    # RD, because what the proxy passes on is a question to a recursor.
    reply = query(f"missing.{ZONE}", "A", proto, rd=True)
    assert reply.addresses() == {"198.51.100.10"}, f"expected the proxied answer, got {reply}"
    if where == "global":
        reply = query("elsewhere.example.net", "A", proto, rd=True)
        assert reply.addresses() == {"198.51.100.9"}, f"expected the proxied answer, got {reply}"


def test_A9_beside_dnsproxy_a_failure_is_not_proxied(knotd, unbound, authority, proto):
    proxied(knotd, "global", timeout=3000)
    authority.fail(TARGET)
    authority.set(ZONE, a=["198.51.100.66"])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), ede=FAILURES)


@pytest.mark.parametrize("where", ["before", "after"])
def test_A9_beside_geoip(knotd, unbound, authority, proto, where):
    path = os.path.join(knotd.directory, "geo.conf")
    with open(path, "w", encoding="ascii") as conf:
        conf.write(
            f"geo.{ZONE}:\n"
            "  - net: 127.0.0.0/8\n"
            "    A: 198.51.100.11\n"
            "  - net: 10.0.0.0/8\n"
            "    A: 198.51.100.12\n"
            f"to-apex.{ZONE}:\n"
            "  - net: 127.0.0.0/8\n"
            f"    CNAME: {ZONE}.\n"
        )
    knotd.sections.append(section("mod-geoip", "nets", config_file=path, mode="subnet"))
    simple(
        knotd,
        authority,
        records=["geo IN A 198.51.100.99", "www IN CNAME @", *siblings()],
        modules=both_orders("mod-geoip/nets")[where == "before"],
    )
    known()
    query(ZONE, "A", proto).expect(a={A1}, ede=set(), soa=False)
    query(f"www.{ZONE}", "AAAA", proto).expect(aaaa={AAAA1}, ede=set(), soa=False)
    query(f"geo.{ZONE}", "A", proto).expect(a={"198.51.100.11"}, ede=set())


@pytest.mark.parametrize("where", ["before", "after"])
def test_A9_beside_geoip_at_the_apex_one_of_them_answers(
    knotd, unbound, authority, proto, where
):
    path = os.path.join(knotd.directory, "geo.conf")
    with open(path, "w", encoding="ascii") as conf:
        conf.write(f"{ZONE}:\n  - net: 127.0.0.0/8\n    A: 198.51.100.11\n")
    knotd.sections.append(section("mod-geoip", "nets", config_file=path, mode="subnet"))
    simple(
        knotd,
        authority,
        records=["www IN CNAME @", *siblings()],
        modules=both_orders("mod-geoip/nets")[where == "before"],
    )
    known(ZONE, "AAAA")
    wanted = {"before": {"198.51.100.11"}, "after": {A1}}[where]
    answers(wanted, proto=proto, soa=False)
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set(), soa=False)


@pytest.mark.parametrize("where", ["before", "after"])
def test_A9_nothing_of_one_answer_shows_in_the_next(knotd, unbound, authority, proto, where):
    # One worker answers the apex and what another module makes, in turn.
    path = os.path.join(knotd.directory, "geo.conf")
    with open(path, "w", encoding="ascii") as conf:
        conf.write(f"geo.{ZONE}:\n  - net: 127.0.0.0/8\n    A: 198.51.100.11\n")
    knotd.sections.append(section("mod-geoip", "nets", config_file=path, mode="subnet"))
    knotd.server.update({"udp-workers": 1, "tcp-workers": 1})
    simple(
        knotd,
        authority,
        records=["geo IN A 198.51.100.99", "www IN CNAME @", "@ IN TXT here"],
        modules=both_orders("mod-geoip/nets")[where == "before"],
        aaaa=(),
    )
    known()
    for first in (
        lambda: query(ZONE, "AAAA", proto).expect(aaaa=(), ede=set(), soa=True),
        lambda: query(f"www.{ZONE}", "AAAA", proto).expect(aaaa=(), ede=set(), soa=True),
        lambda: query(ZONE, "A", proto).expect(a={A1}, ede=set(), soa=False),
    ):
        for name, rdtype, soa in (
            (f"geo.{ZONE}", "A", False),
            (f"www.{ZONE}", "A", False),
            (ZONE, "TXT", False),
            (ZONE, "MX", True),
            (f"none.{ZONE}", "A", True),
        ):
            first()
            reply = query(name, rdtype, proto)
            reply.expect(rcode="NXDOMAIN" if "none" in name else "NOERROR", ede=set(), soa=soa)
            if name.startswith("geo."):
                reply.expect(a={"198.51.100.11"})


def test_A9_two_sections_in_the_list_of_one_zone(knotd, unbound, authority, proto):
    """The first that can answer does, and the reply is whole; the worker's next zone has one."""
    knotd.sections += [
        section("mod-aname", "one", ttl_max=500),
        section("mod-aname", "two", ttl_max=600),
    ]
    knotd.server.update({"udp-workers": 1, "tcp-workers": 1})
    knotd.add_zone("other.test", [aname(TARGET), "www IN CNAME @"])
    simple(
        knotd,
        authority,
        records=["www IN CNAME @", "@ IN MX 10 @", "@ IN TXT here"],
        modules=["mod-aname/one", "mod-aname/two"],
        aaaa=(),
    )
    for zone in (ZONE, "other.test"):
        known(zone)
    for zone in (ZONE, "other.test") * 2:
        for name in (zone, f"www.{zone}"):
            query(name, "A", proto).expect(a={A1}, ede=set(), soa=False)
            query(name, "AAAA", proto).expect(aaaa=(), ede=set(), soa=True)
        query(zone, "SOA", proto).expect(rcode="NOERROR", ede=set())
        query(f"none.{zone}", "A", proto).expect(rcode="NXDOMAIN", ede=set(), soa=True)


def validator(start_unbound, more="", **how):
    """A recursor that trusts the zone's key and goes to knotd for the zone."""
    reply = query(ZONE, "DNSKEY")
    anchors = "".join(
        f'  trust-anchor: "{ZONE}. DNSKEY {key}"\n' for key in reply.addresses("DNSKEY")
    )
    assert anchors, f"expected a key, got {reply}"
    return start_unbound(
        stubs={ZONE: "127.0.0.1@5300"}, modules="validator iterator", server=anchors + more, **how
    )


def secure(name, rdtype, **expected):
    """Ask the validating recursor; the reply must be secure."""
    reply = ask(name, rdtype, do=True, timeout=10)
    reply.expect(aa=None, **expected)
    assert reply.message.flags & dns.flags.AD, f"expected a secure reply, got {reply}"
    return reply


@pytest.mark.parametrize("with_siblings", ["none", "both", "a-only", "aaaa-only"])
def test_D3_with_onlinesign_everything_validates(
    knotd, start_unbound, authority, proto, with_siblings
):
    records = {
        "none": [], "both": siblings(), "a-only": siblings()[:1], "aaaa-only": siblings()[1:],
    }[with_siblings]
    modules = online(knotd)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(
        ZONE,
        [aname(TARGET), "www IN CNAME @", "*.w IN CNAME @", "@ IN MX 10 mail", *records],
        modules=modules,
    )
    knotd.start()
    validator(start_unbound)
    known(do=True)
    reply = query(ZONE, "A", proto, do=True).expect(a={A1}, ede=set(), soa=False)
    assert "RRSIG" in reply.types(), f"expected a signature, got {reply}"
    reply = query(ZONE, "A", proto).expect(a={A1}, ede=set(), soa=False)
    assert reply.types() == {"A"}, f"expected no signature without DO, got {reply}"
    for name in (ZONE, f"www.{ZONE}", f"any.w.{ZONE}"):
        secure(name, "A", a={A1})
        secure(name, "AAAA", aaaa={AAAA1})
    secure(ZONE, "MX")
    secure(ZONE, "TXT", soa=True)
    secure(f"none.{ZONE}", "A", a=(), soa=True)


@pytest.mark.parametrize("missing", ["A", "AAAA"])
@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_D3_missing_family_validates_with_onlinesign(
    knotd, start_unbound, authority, proto, missing, with_siblings
):
    """Whatever mod-onlinesign is told to list, and with a resolver that draws conclusions."""
    modules = online(knotd, **{"nsec-bitmap": ["TXT"]})
    other = "AAAA" if missing == "A" else "A"
    authority.set(TARGET, a=[A1] if other == "A" else [], aaaa=[AAAA1] if other == "AAAA" else [])
    knotd.add_zone(
        ZONE,
        [aname(TARGET), "www IN CNAME @", *(siblings() if with_siblings else [])],
        modules=modules,
    )
    knotd.start()
    validator(start_unbound, "  aggressive-nsec: yes", cache=True, cache_ttl=3600)
    known(do=True)
    query(ZONE, missing, proto).expect(a=(), aaaa=(), soa=True, ede=set())
    for rdtype in ("CAA", "HINFO", missing):
        reply = secure(ZONE, rdtype, a=(), aaaa=(), soa=True)
        bitmaps = [rdata for _, _, kind, rdata in reply.section("authority") if kind == "NSEC"]
        assert bitmaps and all(f" {other} " in f"{bitmap} " for bitmap in bitmaps), (
            f"expected {other} in the bitmap of every NSEC, got {reply}"
        )
    secure(f"www.{ZONE}", missing, a=(), aaaa=(), soa=True)
    reply = secure(ZONE, other)
    assert reply.addresses(other) == {A1 if other == "A" else AAAA1}, f"got {reply}"


def test_D3_no_type_that_is_there_is_denied_with_onlinesign(knotd, unbound, authority):
    """Not those for private use, either."""
    simple(
        knotd, authority, aaaa=(), modules=online(knotd),
        records=["@ IN TYPE65280 \\# 1 00", "@ IN TYPE32769 \\# 24 " + "00" * 24],
    )
    known(ZONE, "A")
    reply = eventually(
        lambda: query(ZONE, "AAAA", do=True).expect(a=None, soa=True), what="a proof of none"
    )
    (types,) = [rdata for _, _, kind, rdata in reply.section("authority") if kind == "NSEC"]
    assert "TYPE65280" in types, f"expected it in {types}"
    assert "TYPE32769" in types or "DLV" in types, f"expected it in {types}"


def test_D3_stale_and_sibling_validate_with_onlinesign(knotd, start_unbound, authority, proto):
    knotd.options.update({"ttl-max": 1, "stale-max": 8, "retry-max": 1})
    modules = online(knotd)
    authority.set(TARGET, a=[A1])
    authority.fail("bad.example.net")
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], modules=modules)
    knotd.start()
    validator(start_unbound)
    known(ZONE, "A")
    authority.fail(TARGET)
    expire(1)
    answers({A1}, proto=proto, ede={3})
    secure(ZONE, "A", a={A1})
    answers({SIBLING_A}, proto=proto)
    secure(ZONE, "A", a={SIBLING_A})


def test_D3_cold_and_failure_with_onlinesign(knotd, unbound, authority):
    modules = online(knotd)
    authority.set(TARGET, a=[A1], delay=0.2)
    authority.fail("bad.example.net")
    knotd.add_zone(ZONE, [aname(TARGET)], modules=modules)
    knotd.add_zone("example.org", [aname("bad.example.net")], modules=modules)
    knotd.start()
    query(ZONE, "A", do=True).expect(tc=True, aa=None, a=())
    reply = query(ZONE, "A", "tcp", do=True).expect(a={A1}, ede=set())
    assert "RRSIG" in reply.types(), f"expected a signature, got {reply}"
    failed("example.org")
    for proto in ("udp", "tcp"):
        query("example.org", "A", proto, do=True).expect(
            rcode="SERVFAIL", aa=None, a=(), ede=FAILURES
        )
