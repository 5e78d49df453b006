"""T5 behind real recursors: what their caches make of it, and what the guide says to set."""

import pytest
from harness import A1, A2, TARGET, ZONE, aname, answers, during, eventually, query
from harness.authority import ADDRESS
from harness.servers import PowerDNSRecursor, RecursiveNamed

TTL = 30
# "Within 2 s of the moment the resolver tells it", and a second for a busy machine.
SHOWN = 3


@pytest.fixture(params=["unbound", "BIND"])
def recursor(request, directory, authority, start_server, start_unbound):
    if request.param == "unbound":
        return start_unbound(cache=True, cache_ttl=0)
    return start_server(RecursiveNamed(directory, "max-cache-ttl 0; max-ncache-ttl 0;"))


def serve(knotd, authority, recursor):
    address, port = recursor.address
    authority.set(TARGET, a=[A1], ttl=TTL)
    knotd.options.update({"ttl-max": 1, "resolver": f"{address}@{port}"})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers({A1})


def test_T5_in_real_time_behind_a_recursor_that_keeps_nothing(knotd, authority, recursor):
    serve(knotd, authority, recursor)
    for _ in range(3):
        authority.set(TARGET, a=[A2], ttl=TTL)
        answers({A2}, timeout=SHOWN)
        authority.set(TARGET, a=[A1], ttl=TTL)
        answers({A1}, timeout=SHOWN)


def test_T5_a_cache_stands_before_it(knotd, authority, start_unbound):
    serve(knotd, authority, start_unbound(cache=True, cache_ttl=86400))
    authority.set(TARGET, a=[A2], ttl=TTL)
    for _ in during(SHOWN + 1):
        query(ZONE, "A").expect(a={A1})


def test_T5_powerdns_recursor_keeps_for_some_seconds(knotd, directory, authority, start_server):
    """It raises the setting to 15."""
    recursor = PowerDNSRecursor(directory, "example.net", max_ttl=0)
    serve(knotd, authority, start_server(recursor))
    authority.set(TARGET, a=[A2], ttl=TTL)
    for _ in during(SHOWN + 1):
        query(ZONE, "A").expect(a={A1})
    eventually(lambda: query(ZONE, "A").expect(a={A2}), timeout=20)
