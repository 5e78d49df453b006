"""D1, D2, D5, Q1: thousands of random queries to a signed zone."""

import random

import pytest
from harness import A1, A2, AAAA1, TARGET, ZONE, known, query, siblings
from harness.signatures import Keys, denials, verify
from harness.signing import CHAINS, serve

NAMES = [
    "", "", "", "www.", "one.", "any.wild.", "a.b.wild.", "wild.", "web.", "x.under.", "under.", "none.",
    "no.ne.", "sub.", "x.sub.", "ns.sub.", "a.b.c.", "b.c.", "c.", "ns.", "*.wild.", "mail.",
]
TYPES = [
    "A", "A", "AAAA", "AAAA", "ANY", "NSEC", "NSEC3", "RRSIG", "DS", "DNSKEY", "SOA", "NS", "MX",
    "TXT", "CAA", "HINFO", "CNAME", "SRV", "HTTPS", "SVCB", "NSEC3PARAM", "CDS", "TYPE65305",
    "TYPE65401", "TYPE65280",
]
ROUNDS = 3000


def mixed(name, chance):
    return "".join(chance.choice((c.lower(), c.upper())) for c in name)


@pytest.mark.slow
@pytest.mark.limit(180)
@pytest.mark.parametrize("chain", list(CHAINS))
def test_random_queries(knotd, unbound, authority, chain):
    chance = random.Random(20260722)
    knotd.options.update({"ttl-max": 1, "https": "alias"})
    authority.set("other.example.net", a=[A1])
    own = [] if chain == "opt-out" else ["@ IN HTTPS 1 @ alpn=h2"]
    serve(
        knotd, authority, *siblings(), *own, "svc IN SVCB 1 @",
        "web IN A 198.51.100.56", "web IN HTTPS 1 @",
        chain=chain, **{"algorithm": "rsasha256"} if chain == "nsec3" else {},
    )
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    signatures = proofs = 0
    for turn in range(ROUNDS):
        if turn % 500 == 0:
            authority.set(TARGET, **chance.choice((
                {"a": [A1, A2], "aaaa": [AAAA1]}, {"a": [A2]}, {"aaaa": [AAAA1]}, {"a": [A1]},
            )))
        do = chance.random() < 0.7
        how = {"do": True} if do else {"edns": chance.random() < 0.7}
        if do or how["edns"]:
            how["bufsize"] = chance.choice((512, 700, 1000, 1232, 1600, 4096))
        name = mixed(chance.choice(NAMES) + ZONE, chance)
        rdtype = chance.choice(TYPES)
        reply = query(name, rdtype, chance.choice(("udp", "udp", "udp", "tcp")), **how)
        assert reply.rcode in ("NOERROR", "NXDOMAIN"), f"got {reply}"
        kinds = {kind for part in reply.records.values() for _, _, kind, _ in part}
        if do:
            verify(reply, keys)
            signatures += "RRSIG" in kinds
            proofs += bool(denials(reply))
        else:
            assert not kinds & {"RRSIG", "NSEC", "NSEC3"} - {rdtype}, f"without DO: {reply}"
    assert signatures > ROUNDS // 4 and proofs > ROUNDS // 20, f"{signatures} {proofs}"
