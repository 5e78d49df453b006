"""W1, W2: targets that had addresses and have none any more."""

import re
import time

import pytest
from harness import (
    A1, A2, AAAA1, STALE_ANSWER, STALE_TTL, TARGET, ZONE, aname, answers, during, eventually, known,
    let_pass, query, section, simple,
)

OTHER = "example.org"

# Ways in which a target can go, each a function of the authority.
GONE = {
    "nxdomain": lambda authority: authority.nxdomain(TARGET, negative_ttl=1),
    "nodata": lambda authority: authority.set(TARGET, negative_ttl=1),
}
ways = pytest.mark.parametrize("go", GONE.values(), ids=GONE)


def kinds(knotd, zone=ZONE):
    """Answers by kind."""
    counts = knotd.stats(zone)
    return {key[8:-1]: value for key, value in counts.items() if key.startswith("answers[")}


def denied(zone=ZONE, rdtype="A", proto="udp"):
    """A negative answer."""
    return query(zone, rdtype, proto).expect(a=(), aaaa=(), soa=True, ede=set())


@ways
def test_W1_a_target_that_is_gone_is_counted(knotd, unbound, authority, proto, go):
    knotd.options.update({"ttl-max": 1, "resolver": "127.0.0.1"})
    simple(knotd, authority)
    known()
    go(authority)
    for rdtype in ("A", "AAAA"):
        eventually(lambda rdtype=rdtype: denied(ZONE, rdtype), what=f"{rdtype} is gone")
    # Both families have been looked up since.
    let_pass(1.5)
    denied()
    before = kinds(knotd)
    for _ in range(4):
        denied(ZONE, "A", proto)
        denied(ZONE, "AAAA", proto)
    after = kinds(knotd)
    assert after["gone"] == before["gone"] + 8 and after["nodata"] == before["nodata"], (
        f"expected 8 answers of the kind gone, got {before} and then {after}"
    )

    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    answers({A2})
    answers({AAAA1}, rdtype="AAAA")
    before = kinds(knotd)
    query(ZONE, "A", proto).expect(a={A2}, ede=set())
    assert kinds(knotd)["gone"] == before["gone"], "expected nothing to be gone any more"


def test_W1_one_family_that_goes_is_not_gone(knotd, unbound, authority, proto):
    knotd.options.update({"ttl-max": 60, "resolver": "127.0.0.1", "negative-delay": 0})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], ttl=2)
    authority.set("ipv6.example.net", aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone(OTHER, [aname("ipv6.example.net")])
    knotd.start()
    known()
    known(OTHER)
    authority.set(TARGET, aaaa=[AAAA1], negative_ttl=1, ttl=60)
    eventually(denied, what="A is gone")
    for _ in during(2.5):
        denied(ZONE, "A", proto)
        query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set())
    denied(OTHER, "A", proto)
    for zone in (ZONE, OTHER):
        counts = kinds(knotd, zone)
        assert counts["nodata"] > 0 and counts["gone"] == 0, (
            f"expected no answer of the kind gone for {zone}, got {counts}"
        )


@ways
def test_W1_negative_delay_keeps_the_last_addresses(knotd, unbound, authority, proto, go):
    delay = 8
    knotd.options.update({"ttl-max": 2, "resolver": "127.0.0.1", "negative-delay": delay})
    # The same target in a section that believes it at once.
    knotd.sections.append(
        section("mod-aname", "believes", ttl_max=2, resolver="127.0.0.1", negative_delay=0)
    )
    knotd.add_zone(OTHER, [aname(TARGET)], modules=["mod-aname/believes"])
    simple(knotd, authority)
    known()
    known(OTHER)
    start = time.monotonic()
    go(authority)
    eventually(lambda: denied(OTHER), what="the other section believes it")
    eventually(lambda: denied(OTHER, "AAAA"), what="of both families")
    before = kinds(knotd)
    query(ZONE, "A", proto).expect(a={A1}, ttl=(0, STALE_TTL), ede={STALE_ANSWER})
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(0, STALE_TTL), ede={STALE_ANSWER})
    after = kinds(knotd)
    assert after["stale"] == before["stale"] + 2 and after["gone"] == 0, (
        f"expected two stale answers and none of the kind gone, got {before}, then {after}"
    )
    # So says the log, of each zone what its section has.
    (line,) = knotd.wait_log(rf"\[{ZONE}\.\]", TARGET, "is gone", "2 addresses", ask=ZONE)
    (left,) = re.findall(r"2 addresses, in use for up to (\d+) s more \(negative-delay\)", line)
    assert 0 < int(left) <= delay, f"expected at most {delay} s, got {line}"
    (line,) = knotd.wait_log(rf"\[{OTHER}\.\]", TARGET, "is gone", "2 addresses", ask=OTHER)
    assert "in use" not in line, f"expected nothing to stay in use, got {line}"
    asked = [seen.time for seen in authority.seen(TARGET, "A")]

    eventually(lambda: denied(ZONE, "A", proto), timeout=2 * delay, what="the delay is over")
    took = time.monotonic() - start
    assert took >= delay - 0.5, f"expected the addresses for {delay} s, got {took:.1f} s"
    eventually(lambda: denied(ZONE, "AAAA", proto), what="for the other family, too")
    assert kinds(knotd)["gone"] > 0, "expected answers of the kind gone then"
    gaps = [later - earlier for earlier, later in zip(asked, asked[1:])]
    assert min(gaps, default=1) > 0.2, f"expected one lookup for both sections, got {gaps}"


def test_W1_negative_delay_does_not_keep_what_was_never_there(knotd, unbound, authority):
    knotd.options.update({"resolver": "127.0.0.1", "negative-delay": "7d"})
    authority.nxdomain(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known()
    denied()
    counts = kinds(knotd)
    assert counts["nodata"] > 0 and counts["gone"] == 0, f"expected only NODATA, got {counts}"


def test_W1_negative_delay_across_a_reload_that_changes_options(knotd, unbound, authority):
    knotd.options.update({"ttl-max": 1, "resolver": "127.0.0.1", "negative-delay": 0})
    simple(knotd, authority)
    known()
    GONE["nxdomain"](authority)
    eventually(denied, what="it is believed at once")
    # Too late, one would think; but the last addresses are remembered.
    knotd.options.update({"negative-delay": 600, "idle": 1800})
    knotd.reload()
    eventually(
        lambda: query(ZONE, "A").expect(a={A1}, ede={STALE_ANSWER}), what="they are back"
    )
