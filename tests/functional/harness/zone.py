"""Zone file text."""

import dns.name

ANAME = 65305
ALIAS = 65401
ANAME_TTL = 300


def rdata(octets):
    """RDATA in the form of RFC 3597."""
    return f"\\# {len(octets)} {octets.hex()}".rstrip()


def aname(target, *, owner="@", ttl=ANAME_TTL, rrtype=ANAME):
    """The line that declares an ANAME record."""
    wire = dns.name.from_text(target).to_wire()
    return raw(wire, owner=owner, ttl=ttl, rrtype=rrtype)


def raw(octets, *, owner="@", ttl=ANAME_TTL, rrtype=ANAME):
    """A record of that type with any RDATA, good or bad."""
    return f"{owner} {ttl} IN TYPE{rrtype} {rdata(octets)}"


def zone_text(origin, records=(), *, serial=1, soa_ttl=3600, minimum=60):
    """A zone with SOA, NS and what else is given, one record a line."""
    return "\n".join(
        [
            f"$ORIGIN {dns.name.from_text(origin)}",
            "$TTL 3600",
            f"@ {soa_ttl} IN SOA ns hostmaster {serial} 3600 600 86400 {minimum}",
            "@ IN NS ns",
            "ns IN A 198.51.100.53",
            *records,
            "",
        ]
    )
