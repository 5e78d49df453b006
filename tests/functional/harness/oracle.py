"""What a zone says, by RFC 1034 (4.3.2), RFC 4592 and RFC 6672: read from its text, asking nobody.

ANAME records are given as what their targets have: `static` writes the zone as if it had been typed
in, and what an authoritative server makes of that is what is expected of the zone with ANAME.
"""

import dataclasses

import dns.name
import dns.rdatatype
import dns.zone

from .scenario import STALE_TTL
from .zone import ANAME, ANAME_TTL, aname

STAR = dns.name.Name([b"*"])
# As long a chain as Knot follows is.
MOST_ALIASES = 20
# Stands in the static zone for addresses that cannot be had, so that denials do not deny them.
NOBODY = {"A": "192.0.2.255", "AAAA": "2001:db8::ff:ff"}


@dataclasses.dataclass(frozen=True)
class Target:
    """The addresses of each family; None: it fails."""

    a: tuple = ()
    aaaa: tuple = ()

    def family(self, rdtype):
        return {"A": self.a, "AAAA": self.aaaa}[rdtype]


@dataclasses.dataclass
class Outcome:
    """What is expected.

    kind:   "data", "nodata", "nxdomain", "referral", "elsewhere" (an alias left the zone) or
            "unclear": aliases without end, or to a name that begins with an asterisk and is not
            there, which Knot takes for the wildcard itself
    chain:  [(owner, type)] of the aliases on the way
    name:   where it ended
    rdatas: texts of the records there
    source: the wildcard that stands for the name, or None
    """

    kind: str
    chain: list
    name: dns.name.Name
    rdatas: frozenset = frozenset()
    source: dns.name.Name = None


class Zone:
    """One zone's text."""

    def __init__(self, text, origin):
        self.origin = dns.name.from_text(origin)
        read = dns.zone.from_text(text, self.origin, relativize=False, check_origin=False)
        self.nodes = {
            name: {
                dns.rdatatype.to_text(rdataset.rdtype): frozenset(map(str, rdataset))
                for rdataset in node
            }
            for name, node in read.items()
        }
        self.exists = {self.origin}
        for name in self.nodes:
            while name != self.origin:
                self.exists.add(name)
                name = name.parent()

    def node(self, name):
        return self.nodes.get(name, {})

    def authoritative(self, name):
        """Whether the name is not at, below or behind a delegation, nor below a DNAME."""
        while name != self.origin:
            if "NS" in self.node(name) or "DNAME" in self.node(name.parent()):
                return False
            name = name.parent()
        return True

    def ask(self, name, rdtype):
        """What the answer is to be."""
        chain, seen = [], set()
        while name.is_subdomain(self.origin):
            if name in seen or len(chain) > MOST_ALIASES or len(set(chain)) < len(chain):
                return Outcome("unclear", chain, name)
            if name[0] == b"*" and name not in self.exists:
                return Outcome("unclear", chain, name)
            seen.add(name)
            found = self._step(name, rdtype)
            if isinstance(found, Outcome):
                found.chain = chain
                return found
            kinds, following = found
            chain += kinds
            if isinstance(following, Outcome):
                following.chain = chain
                return following
            name = following
        return Outcome("elsewhere", chain, name)

    def _step(self, name, rdtype):
        """An Outcome, or the aliases here and where they lead."""
        encloser = self.origin
        for depth in range(len(self.origin), len(name) + 1):
            current = dns.name.Name(name[len(name) - depth:])
            if current not in self.exists:
                break
            encloser = current
            node = self.node(current)
            if current != self.origin and "NS" in node and (current != name or rdtype != "DS"):
                return Outcome("referral", [], current)
            if current != name and "DNAME" in node:
                return self._dname(name, current, node, rdtype)
        source = None
        node = self.node(name)
        if name not in self.exists:
            source = STAR.concatenate(encloser)
            if source not in self.exists:
                return Outcome("nxdomain", [], name)
            node = self.node(source)
        if "CNAME" in node and rdtype not in ("CNAME", "ANY"):
            return [(name, "CNAME")], self._target(node["CNAME"])
        if rdtype in node:
            return Outcome("data", [], name, node[rdtype], source)
        return Outcome("nodata", [], name, source=source)

    @staticmethod
    def _target(rdatas):
        (text,) = rdatas
        return dns.name.from_text(text)

    def _dname(self, name, owner, node, rdtype):
        relative = name.relativize(owner)
        try:
            target = relative.concatenate(self._target(node["DNAME"]))
        except dns.name.NameTooLong:
            return Outcome("unclear", [], name)
        if rdtype == "CNAME":
            return [(owner, "DNAME")], Outcome("data", [], name, frozenset([target.to_text()]))
        return [(owner, "DNAME"), (name, "CNAME")], target


class Declared:
    """A zone's records, with ANAME records beside them.

    records: lines of the zone; anames: {owner: (target, ...)} of names as the lines have them;
    https: with `https: alias`, so that an ANAME record that stands alone is an HTTPS record, too
    """

    def __init__(self, origin, records, anames, rrtype=ANAME, https=False):
        self.origin = origin
        self.https = https
        self.anames = anames
        self.own = list(records)
        self.lines = [
            aname(target, owner=owner, rrtype=rrtype)
            for owner, targets in anames.items()
            for target in targets
        ]

    @property
    def records(self):
        return [*self.own, *self.lines]

    def _owner(self, owner):
        return dns.name.from_text(owner, dns.name.from_text(self.origin))

    def static(self, targets, text_of):
        """(the records with addresses in the place of the ANAME's, {owner: families that fail},
        {owner: families that siblings answer}).

        targets: {name: Target}; text_of: a function that makes a zone's text of records
        """
        zone = Zone(text_of(self.origin, self.records), self.origin)
        owners = {self._owner(owner): [targets[name] for name in names]
                  for owner, names in self.anames.items()}
        owners = {owner: found for owner, found in owners.items() if zone.authoritative(owner)}
        made, failing, fallen = [], {}, {}
        for owner, found in owners.items():
            served = {rdtype: self._served(zone.node(owner), found, rdtype) for rdtype in NOBODY}
            fallen[owner] = {rdtype for rdtype in NOBODY
                             if self._failed(found, rdtype) and served[rdtype]}
            if fallen[owner]:
                # A sibling stands in for one family: the other one is NODATA for its sake (A10).
                served = {rdtype: one or () for rdtype, one in served.items()}
            failing[owner] = {rdtype for rdtype in NOBODY if served[rdtype] is None}
            for rdtype, addresses in served.items():
                if addresses is None:
                    addresses = [NOBODY[rdtype]]
                made += [f"{owner} {STALE_TTL} IN {rdtype} {one}" for one in addresses]
        if self.https:
            made += [
                f"{owner} {ANAME_TTL} IN HTTPS 0 {names[0]}." for owner, names in self.anames.items()
                if len(names) == 1 and self._owner(owner) in owners
                and "HTTPS" not in zone.node(self._owner(owner))
            ]
        kept = [line for line in self.own if not self._replaced(line, owners)]
        return [*kept, *self.lines, *made], failing, fallen

    def _replaced(self, line, owners):
        owner, _, rest = line.partition(" ")
        return self._owner(owner) in owners and {"A", "AAAA"} & set(rest.split()[:3])

    @staticmethod
    def _failed(found, rdtype):
        """Nothing is left, and not because all say that there is nothing (R4)."""
        return (not any(one.family(rdtype) for one in found)
                and any(one.family(rdtype) is None for one in found))

    def _served(self, node, found, rdtype):
        """The addresses, () for NODATA, None for a failure."""
        if self._failed(found, rdtype):
            return tuple(sorted(node[rdtype])) if rdtype in node else None
        return tuple(sorted({address for one in found for address in one.family(rdtype) or ()}))
