"""Does every signature in a reply verify, and does every denial tell the truth?"""

import time

import dns.dnssec
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset

from .ask import query

NSEC_TYPES = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)
# What the module may make.
MADE = {"A", "AAAA", "HTTPS"}
SOA, CNAME, DNAME = dns.rdatatype.SOA, dns.rdatatype.CNAME, dns.rdatatype.DNAME


class Keys:
    """The DNSKEY records a zone has and has had."""

    def __init__(self, zone):
        self.zone = dns.name.from_text(zone)
        self.text = zone
        self.rdatas = set()

    def learn(self, attempt=query):
        """Ask for them; returns how many there are now."""
        reply = attempt(self.text, "DNSKEY", "tcp")
        now = [
            rdata
            for rrset in reply.message.answer
            if rrset.rdtype == dns.rdatatype.DNSKEY
            for rdata in rrset
        ]
        self.rdatas.update(now)
        return len(now)

    @property
    def ring(self):
        rrset = dns.rrset.from_rdata_list(self.zone, 60, list(self.rdatas))
        return {self.zone: rrset}


def bitmap(rdata):
    """The types that an NSEC or NSEC3 record lists."""
    return {
        dns.rdatatype.to_text(window * 256 + octet * 8 + bit)
        for window, octets in rdata.windows
        for octet, value in enumerate(octets)
        for bit in range(8)
        if value & (0x80 >> bit)
    }


def denials(reply, section=None):
    """[types listed] of the apex NSEC and NSEC3 records in a reply."""
    sections = {"answer": 1, "authority": 2, "additional": 3}
    chosen = [sections[section]] if section else sections.values()
    return [
        bitmap(rdata)
        for number in chosen
        for rrset in reply.message.sections[number]
        if rrset.rdtype in NSEC_TYPES
        for rdata in rrset
        if "SOA" in bitmap(rdata)
    ]


def verify(reply, keys):
    """Every signature verifies, and what must be signed is."""
    now = time.time()
    for number, name in ((1, "answer"), (2, "authority"), (3, "additional")):
        section = reply.message.sections[number]
        if number == 1 and reply.type == "RRSIG":
            continue  # The signatures are what was asked for.
        covered = {(r.name, r.rdtype): r for r in section if r.rdtype != dns.rdatatype.RRSIG}
        signed = set()
        for rrsigs in section:
            if rrsigs.rdtype == dns.rdatatype.RRSIG:
                rrset = covered.get((rrsigs.name, rrsigs.covers))
                assert rrset is not None, f"{name}: {rrsigs} covers nothing in {reply}"
                _verify_one(rrset, rrsigs, keys, now, reply)
                signed.add((rrsigs.name, rrsigs.covers))
        if not reply.tc and number < 3:
            _complete(covered, signed, keys, number, reply)
    _truthful(reply)


def _verify_one(rrset, rrsigs, keys, now, reply):
    """At least one signature counts: a key may sign before it is published."""
    known = {(dns.dnssec.key_id(key), key.algorithm) for key in keys.rdatas}
    good = [rrsig for rrsig in rrsigs if (rrsig.key_tag, rrsig.algorithm) in known]
    assert good, f"none of the keys has signed {rrset} in {reply}"
    for rrsig in good:
        try:
            dns.dnssec.validate_rrsig(rrset, rrsig, keys.ring, now=now)
        except dns.dnssec.ValidationFailure as error:
            raise AssertionError(f"{error} for {rrset} with {rrsig} in {reply}") from None
        assert rrset.ttl <= rrsig.original_ttl, f"TTL above the original one in {reply}"
        assert rrset.ttl <= rrsig.expiration - now + 1, f"TTL past the expiration in {reply}"


def _complete(covered, signed, keys, number, reply):
    """All of Answer, and of Authority but a delegation's NS, is signed."""
    dnames = [name for name, rdtype in covered if rdtype == DNAME]
    for name, rdtype in covered:
        made = rdtype == CNAME and any(
            name != one and name.is_subdomain(one) for one in dnames
        )
        delegated = rdtype == dns.rdatatype.NS and number == 2
        if not made and not delegated and name.is_subdomain(keys.zone):
            assert (name, rdtype) in signed, (
                f"{name} {dns.rdatatype.to_text(rdtype)} is not signed in {reply}"
            )


def _truthful(reply):
    """What a reply says of the apex it says everywhere, and it denies nothing that it has (D2)."""
    found = [types & MADE for types in denials(reply)]
    assert all(types == found[0] for types in found), f"contradicting denials in {reply}"
    owners = {rrset.name for rrset in reply.message.sections[2] if rrset.rdtype == SOA}
    present = {
        kind
        for section in ("answer", "additional")
        for name, _, kind, _ in reply.section(section)
        if kind in MADE and name in owners
    }
    for types in found:
        assert present <= types, f"{present - types} denied and there in {reply}"
