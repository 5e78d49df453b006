"""Does a signed reply prove what it says? By RFC 4035 (5.4) and RFC 5155 (8).

The signatures themselves are checked by signatures.verify().
"""

import base64

import dns.dnssec
import dns.name
import dns.rdatatype

from .signatures import NSEC_TYPES, bitmap

STAR = dns.name.Name([b"*"])
NSEC, NSEC3 = NSEC_TYPES
TO_HEX = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", b"0123456789ABCDEFGHIJKLMNOPQRSTUV")
OPT_OUT = 1


def ancestors(name, apex):
    """The name, and those above it up to the apex."""
    while True:
        yield name
        if name == apex:
            return
        name = name.parent()


class Span:
    """One NSEC or NSEC3 record."""

    def __init__(self, owner, following, types, opt_out=False):
        self.owner = owner
        self.following = following
        self.types = types
        self.opt_out = opt_out

    def covers(self, point):
        if self.owner < self.following:
            return self.owner < point < self.following
        return point > self.owner or point < self.following


class Plain:
    """What NSEC records prove."""

    def __init__(self, records, apex):
        self.apex = apex
        self.spans = [Span(owner, rdata.next, bitmap(rdata)) for owner, rdata in records]

    def types(self, name):
        """What the zone has at the name, or None if that is not proven."""
        for span in self.spans:
            if span.owner == name:
                return span.types
            # Something is below the name, and nothing at it.
            if span.covers(name) and span.following.is_subdomain(name):
                return set()
        return None

    def absent(self, name):
        return any(
            span.covers(name) and not span.following.is_subdomain(name)
            and not (name.is_subdomain(span.owner) and self._cuts(span.types))
            for span in self.spans
        )

    def encloser(self, name):
        """The closest encloser of a name that does not exist."""
        if not self.absent(name):
            return None
        return max(
            (above for above in ancestors(name, self.apex) for span in self.spans
             if span.covers(name)
             and (span.owner.is_subdomain(above) or span.following.is_subdomain(above))),
            key=len, default=None,
        )

    def next_closer_absent(self, name, _encloser):
        return self.absent(name)

    @staticmethod
    def _cuts(types):
        return "DNAME" in types or ("NS" in types and "SOA" not in types)

    opted_out = staticmethod(lambda name: False)


class Hashed:
    """What NSEC3 records prove."""

    def __init__(self, records, apex):
        self.apex = apex
        self.parameters = records[0][1]
        self.spans = [
            Span(owner.labels[0].decode().upper(),
                 base64.b32encode(rdata.next).translate(TO_HEX).decode().rstrip("="),
                 bitmap(rdata), bool(rdata.flags & OPT_OUT))
            for owner, rdata in records
        ]

    def _hash(self, name):
        return hashed(name, self.parameters)

    def types(self, name):
        point = self._hash(name)
        return next((span.types for span in self.spans if span.owner == point), None)

    def absent(self, name):
        return self._covering(name) is not None

    def opted_out(self, name):
        """Whether nothing is said of the name because it may be an unsigned delegation."""
        above = self.encloser(name)
        span = above and self._covering(below(name, above))
        return bool(span and span.opt_out)

    def _covering(self, name):
        point = self._hash(name)
        return next((span for span in self.spans if span.covers(point)), None)

    def encloser(self, name):
        closer = None
        for above in ancestors(name, self.apex):
            if self.types(above) is not None:
                return above if closer is not None and self.absent(closer) else None
            closer = above
        return None

    def next_closer_absent(self, name, encloser):
        return self.absent(below(name, encloser))


def hashed(name, parameters):
    """The hash of a name, by an NSEC3 record's parameters."""
    return dns.dnssec.nsec3_hash(
        name, parameters.salt or None, parameters.iterations, parameters.algorithm
    )


def below(name, above):
    """The ancestor of the name that is one label longer."""
    return dns.name.Name(name[len(name) - len(above) - 1:])


def denial(reply, apex):
    """What the reply's Authority proves to be absent."""
    records = [
        (rrset.name, rdata)
        for rrset in reply.message.authority if rrset.rdtype in NSEC_TYPES
        for rdata in rrset
    ]
    kinds = {rdata.rdtype for _, rdata in records}
    assert len(kinds) < 2, f"expected one kind of denial, got {reply}"
    return Hashed(records, apex) if kinds == {NSEC3} else Plain(records, apex)


def proven(reply, apex):
    """The reply, to a query with DO, proves what it says."""
    apex = dns.name.from_text(apex)
    proof = denial(reply, apex)
    sets = {(rrset.name, rrset.rdtype): rrset for rrset in reply.message.answer
            if rrset.rdtype != dns.rdatatype.RRSIG}
    rdtype = dns.rdatatype.from_text(reply.type)
    name = reply.name
    for _ in range(30):
        dname = next((owner for owner, kind in sets
                      if kind == dns.rdatatype.DNAME and name != owner
                      and name.is_subdomain(owner)), None)
        found = next((kind for kind in (rdtype, dns.rdatatype.CNAME) if (name, kind) in sets), None)
        if found is None:
            break
        if dname is None:
            _expanded(reply, proof, name, found)
        if found == rdtype:
            return
        name = sets[name, found][0].target
    if not name.is_subdomain(apex):
        return
    authority = {rrset.rdtype: rrset for rrset in reply.message.authority}
    if dns.rdatatype.SOA in authority:
        if reply.rcode == "NXDOMAIN":
            above = proof.encloser(name)
            assert above and proof.absent(STAR.concatenate(above)) \
                and proof.next_closer_absent(name, above), f"{name} is not denied in {reply}"
        else:
            _no_data(reply, proof, name)
    elif dns.rdatatype.NS in authority:
        cut = authority[dns.rdatatype.NS].name
        if dns.rdatatype.DS not in authority:
            types = proof.types(cut)
            assert (types is not None and "NS" in types and not {"DS", "SOA"} & types) \
                or proof.opted_out(cut), f"{cut}: its DS is not denied in {reply}"
    else:
        raise AssertionError(f"neither an answer nor a denial for {name} in {reply}")


def _expanded(reply, proof, name, rdtype):
    """Where a wildcard stands in for the name, it is proven that there is no such name."""
    signatures = [rdata for rrset in reply.message.answer
                  if rrset.name == name and rrset.rdtype == dns.rdatatype.RRSIG
                  and rrset.covers == rdtype for rdata in rrset]
    assert signatures, f"{name}/{dns.rdatatype.to_text(rdtype)} is not signed in {reply}"
    labels = {rdata.labels for rdata in signatures}
    assert len(labels) == 1, f"expected one number of labels, got {labels} in {reply}"
    labels = labels.pop()
    own = len(name) - 1 - (name[0] == b"*")
    assert labels <= own, f"expected at most {own} labels, got {labels} in {reply}"
    if labels < own:
        above = dns.name.Name(name[len(name) - 1 - labels:])
        assert proof.next_closer_absent(name, above), (
            f"{name} stands for a wildcard, and is not denied in {reply}"
        )


def _no_data(reply, proof, name):
    types = proof.types(name)
    if types is None:
        above = proof.encloser(name)
        if above is not None:
            types = proof.types(STAR.concatenate(above))
            if types is None and proof.opted_out(name):
                return
    assert types is not None, f"expected a proof for {name}, got {reply}"
    denied = {reply.type, "CNAME"}
    assert not denied & types, f"{denied & types} of {name} is not denied in {reply}"
    if "NS" in types and "SOA" not in types:
        assert reply.type == "DS", f"the proof for {name} is that of a delegation in {reply}"


def listed(reply, owner):
    """[(types, TTL)] of each NSEC and NSEC3 of the owner in the reply, in any section."""
    found = []
    for section in reply.message.sections[1:]:
        for rrset in section:
            for rdata in rrset if rrset.rdtype in NSEC_TYPES else ():
                same = rrset.name == owner if rrset.rdtype == NSEC else (
                    rrset.name.labels[0].decode().upper() == hashed(owner, rdata))
                if same:
                    found.append((bitmap(rdata), rrset.ttl))
    return found
