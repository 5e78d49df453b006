"""N4, L3: the options of clients' subnets."""

import pytest
from harness import ZONE, query
from harness.subnets import serve


def test_N4_L3_ecs_needs_a_resolver(knotd):
    knotd.add_zone(ZONE)
    knotd.options["ecs"] = True
    accepted, said = knotd.conf_check()
    assert not accepted, f"expected ecs without a resolver to be refused, got {said!r}"
    assert "ecs" in said and "resolver" in said, f"expected both names, got {said!r}"
    knotd.options["ecs"] = False
    accepted, said = knotd.conf_check()
    assert accepted, f"expected ecs: off without a resolver to be accepted, got {said!r}"


RANGES = {
    "ecs-ipv4-prefix": (1, 32),
    "ecs-ipv6-prefix": (1, 64),
    "max-subnets": (1, 1000000),
    "max-target-subnets": (1, 4096),
}


@pytest.mark.parametrize("option", RANGES)
def test_N4_L3_ranges(ecs, option):
    low, high = RANGES[option]
    ecs.add_zone(ZONE)
    for value in (low, high):
        ecs.options[option] = value
        accepted, said = ecs.conf_check()
        assert accepted, f"expected {option}: {value} to be accepted, got {said!r}"
    for value in (low - 1, high + 1, "many", "''"):
        ecs.options[option] = value
        accepted, said = ecs.conf_check()
        assert not accepted, f"expected {option}: {value} to be refused, got {said!r}"
        assert option in said, f"expected the option's name, got {said!r}"
        if value == high + 1:
            assert str(low) in said and str(high) in said, f"expected the range, got {said!r}"


def test_N4_L3_ecs_is_on_or_off(ecs):
    ecs.add_zone(ZONE)
    ecs.options["ecs"] = "maybe"
    accepted, said = ecs.conf_check()
    assert not accepted and "ecs" in said, f"expected the option's name, got {said!r}"


@pytest.mark.parametrize("server", [False, True], ids=["off", "on"])
def test_N4_log_says_that_it_has_no_effect(ecs, authority, server):
    ecs.server["edns-client-subnet"] = server
    serve(ecs)
    if server:
        query(ZONE, "SOA")
        assert not ecs.log_lines("edns-client-subnet"), "expected nothing to be said"
    else:
        ecs.wait_log("mod-aname", r"\becs\b", "edns-client-subnet", "no effect")
