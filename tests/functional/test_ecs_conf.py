"""N4, L3: the options of clients' subnets."""

import pytest
from harness import ZONE, query
from harness.subnets import serve


def test_N4_L3_ecs_needs_a_resolver(knotd):
    knotd.add_zone(ZONE)
    knotd.options["ecs"] = True
    accepted, output = knotd.conf_check()
    assert not accepted, f"expected ecs without a resolver to be refused, got {output!r}"
    assert "ecs" in output and "resolver" in output, f"expected both names, got {output!r}"
    knotd.options["ecs"] = False
    accepted, output = knotd.conf_check()
    assert accepted, f"expected ecs: off without a resolver to be accepted, got {output!r}"


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
        accepted, output = ecs.conf_check()
        assert accepted, f"expected {option}: {value} to be accepted, got {output!r}"
    for value in (low - 1, high + 1, "many", "''"):
        ecs.options[option] = value
        accepted, output = ecs.conf_check()
        assert not accepted, f"expected {option}: {value} to be refused, got {output!r}"
        assert option in output, f"expected the option's name, got {output!r}"
        if value == high + 1:
            assert str(low) in output and str(high) in output, f"expected the range, got {output!r}"


def test_N4_L3_ecs_is_on_or_off(ecs):
    ecs.add_zone(ZONE)
    ecs.options["ecs"] = "maybe"
    accepted, output = ecs.conf_check()
    assert not accepted and "ecs" in output, f"expected the option's name, got {output!r}"


@pytest.mark.parametrize("server", [False, True], ids=["off", "on"])
def test_N4_log_says_that_it_has_no_effect(ecs, authority, server):
    ecs.server["edns-client-subnet"] = server
    serve(ecs)
    if server:
        query(ZONE, "SOA")
        assert not ecs.log_lines("edns-client-subnet"), "expected nothing to be logged"
    else:
        ecs.wait_log("mod-aname", r"\becs\b", "edns-client-subnet", "no effect")
