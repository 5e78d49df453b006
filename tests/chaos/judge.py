"""Whether a reply may be as it is, by the rules of doc/behaviour.md and by what was so before.

What may be so at a moment known.py says. The judge asks nobody, but for the keys of a signed zone.
"""

import dataclasses

import dns.name
from harness.ask import ADDRESS_TYPES, NOT_READY, STALE_ANSWER
from harness.proofs import proven
from harness.scenario import STALE_TTL
from harness.signatures import verify
from harness.wait import scaled
from known import FRESH_S, RECOVERY_S, Known, Moment
from targets import FAMILIES
from world import LIFE_S

# When an address that is probed has died, or come back, it is known after so many seconds (H2).
DOWN_S, UP_S = scaled(5), scaled(4)
LOADING = "loading"
# What an extended error without a text takes of a reply (RFC 8914, 2).
EDE_OCTETS = 6


class Wrong(Exception):
    """A reply that may not be: which invariant it breaks, and what was expected."""

    def __init__(self, invariant, expected):
        super().__init__(f"{invariant}: {expected}")
        self.invariant, self.expected = invariant, expected


@dataclasses.dataclass
class Question:
    """What is asked. owner: the Owner that it leads to; owner_name: where its records stand then"""

    kind: str
    zone: object
    name: str
    rdtype: str
    owner: object = None
    owner_name: str = None
    proto: str = "udp"
    how: dict = dataclasses.field(default_factory=dict)
    source: str = None

    @property
    def do(self):
        return self.how.get("do", False)

    @property
    def edns(self):
        return self.how.get("edns", True)

    def __str__(self):
        how = " ".join(f"{key}={value}" for key, value in self.how.items())
        return f"{self.kind}: {self.name}/{self.rdtype} over {self.proto} {how}".rstrip()


class Judge:
    """One for the run; its methods may be called by any thread."""

    def __init__(self, world):
        self.world = world
        self.known = Known(world)

    # Replies.

    @staticmethod
    def _tells(question, reply):
        """Whether an extended error would have been in the reply: knotd leaves one out that does not
        fit."""
        return question.edns and (question.proto == "tcp" or len(reply.wire) + EDE_OCTETS
                                  <= question.how.get("bufsize", 1232))

    def check(self, question, reply, begin, end):
        """Raises Wrong unless the reply may be as it is."""
        moment = Moment(begin, end, STALE_ANSWER in reply.ede, self._tells(question, reply))
        zone = question.zone
        if self._not_served(question, reply, moment):
            return
        if reply.rcode == "SERVFAIL":
            self._may_fail(question, reply, moment)
            return
        if reply.tc:
            return
        if moment.stale:
            self._may_be_stale(question, moment)
        if question.kind == "nxdomain":
            self._nothing(question, reply)
        else:
            if reply.rcode != "NOERROR":
                raise Wrong("rcode", "NOERROR")
            self._content(question, reply, moment)
        self._everywhere(question, reply, moment)
        if zone.keys is not None and question.do and question.rdtype not in ("ANY", "RRSIG"):
            self._proof(zone, reply)
        elif not question.do and question.rdtype not in ("ANY", "RRSIG", "NSEC", "NSEC3"):
            kinds = {kind for part in reply.records.values() for _, _, kind, _ in part}
            if kinds & {"RRSIG", "NSEC", "NSEC3"}:
                raise Wrong("dnssec without DO", "no DNSSEC records (D5)")

    def _not_served(self, question, reply, moment):
        """Whether Knot has no such zone at that moment, or may have none."""
        zone = question.zone
        present = zone.present.within(moment.begin, moment.end)
        away = self.world.spells.touch((LOADING, f"zone:{zone.name}"), moment.begin, moment.end)
        if reply.rcode == "REFUSED":
            if not away and False not in present:
                raise Wrong("refused", f"an answer: {zone.name} is there")
            return True
        if True not in present:
            raise Wrong("not refused", f"REFUSED: {zone.name} is not there")
        return reply.rcode == "SERVFAIL" and (away or False in present)

    def _may_fail(self, question, reply, moment):
        owner, zone = question.owner, question.zone
        if owner is None:
            # A proof may wait for keys.
            if (NOT_READY in reply.ede or not question.edns) and self.may_be_cold(
                    question, moment.begin, moment.end):
                return
            raise Wrong("SERVFAIL", "an answer, since no target counts for that")
        for names in owner.targets.within(moment.begin, moment.end):
            if not any(self.known.empty(zone, name, question.rdtype, moment) for name in names):
                continue
            if owner.siblings.get(question.rdtype) and not self._waits_for_keys(question, moment):
                raise Wrong("SERVFAIL", "the siblings (F2)")
            return
        raise Wrong("SERVFAIL", "addresses: something was known of all targets (F1)")

    def _waits_for_keys(self, question, moment):
        """Whether those of a signed zone may not be read yet: then nothing of it is served (D5)."""
        keys = "keys", question.zone.name
        return question.zone.keys is not None and (
            self.known.not_since(keys, moment) or self.world.spells.touch(
                (LOADING,), moment.begin - scaled(3), moment.end))

    def may_be_cold(self, question, begin, end):
        """Whether a truncated reply may mean that something is not known yet (C1)."""
        moment = Moment(begin, end)
        owner = question.owner
        if owner is None and question.zone.keys is not None:
            # What denies the apex's types, or proves the encloser, waits for keys and targets, too.
            owner = question.zone.owners["@"]
        if owner is None:
            return False
        if "ecs" in question.how and question.zone.section.choice == "subnets":
            return True  # Of a subnet nothing may be known (N4).
        if self._waits_for_keys(question, moment):
            return True
        zone = question.zone
        names = [name for names in owner.targets.within(begin, end) for name in names]
        # What nobody kept up, since another resolver was asked meanwhile, is cold again (T3): until
        # somebody asks for it, and for as long as whoever is asked now has no answer.
        return self.world.spells.touch((LOADING,), begin - scaled(3), end) or any(
            self.known.empty(zone, name, rdtype, moment) or self.world.spells.touch(
                (zone.section.upstream,),
                self.world.spells.horizon(
                    self.known.scopes(zone, name),
                    min(begin, self.known.told(zone, name, rdtype, begin)) - scaled(3),
                    end, 0, RECOVERY_S), end) for name in names for rdtype in FAMILIES)

    def _may_be_stale(self, question, moment):
        owners = [question.owner] if question.owner else question.zone.owners.values()
        if not any(self.known.troubled(question.zone, name, moment)
                   for owner in owners for names in owner.targets.within(moment.begin, moment.end)
                   for name in names):
            raise Wrong("stale", "no stale answer: nothing has failed lately")

    def _nothing(self, question, reply):
        # mod-onlinesign proves that there is nothing at the name.
        wanted = ["NXDOMAIN"] + ["NOERROR"] * (question.zone.chain == "online")
        if reply.rcode not in wanted or reply.section("answer"):
            raise Wrong("nxdomain", " or ".join(wanted))

    def _content(self, question, reply, moment):
        if question.rdtype in ADDRESS_TYPES and question.owner is not None:
            if question.kind == "alias" and "CNAME" not in reply.types():
                raise Wrong("alias", "the alias, too (A2)")
            found = reply.addresses(question.rdtype, question.owner_name)
            self._answer(question, reply, found, moment)
        elif question.kind == "https":
            self._https(question, reply, moment)
        elif question.kind == "aname":
            self._records(question, reply, moment)
        elif question.kind == "own":
            self._own(question, reply, moment)

    def _https(self, question, reply, moment):
        found = reply.addresses("HTTPS", question.owner_name)
        wanted = []
        for names in question.owner.targets.within(moment.begin, moment.end):
            wanted.append({f"0 {names[0]}."} if len(names) == 1 else set())
        if found not in wanted:
            raise Wrong("https", f"one of {wanted} (Q1)")

    def _records(self, question, reply, moment):
        wanted = [set(map(_rdata, names))
                  for names in question.owner.targets.within(moment.begin, moment.end)]
        if reply.addresses("TYPE65305") not in wanted:
            raise Wrong("aname", f"one of {wanted} (A4)")

    def _own(self, question, reply, moment):
        zone = question.zone
        found = {text.lower() for text in reply.addresses(question.rdtype)}
        wanted = {
            "NS": [{f"ns.{zone.name}."}], "MX": [{f"10 {zone.name}."}],
            "TXT": [{f'"{text}"'} for text in zone.text.within(moment.begin, moment.end)],
        }.get(question.rdtype)
        if wanted is None:
            good = bool(found) == (question.rdtype in ("SOA", "DNSKEY") and (
                question.rdtype == "SOA" or zone.keys is not None))
            wanted = "nothing, or the zone's own"
        else:
            good = found in wanted
        if not good:
            raise Wrong("own data", f"{wanted} (R3)")

    # Addresses.

    def _answer(self, question, reply, found, moment):
        if question.zone.followed and self._written(question, reply, found, moment):
            return
        problems = []
        for names in question.owner.targets.within(moment.begin, moment.end):
            try:
                self._of_records(question, reply, found, names, moment)
                break
            except Wrong as wrong:
                problems.append(wrong)
        else:
            raise problems[-1]
        if found:
            self._ttl(question, found, max(reply.ttls(question.rdtype)), moment)

    def _written(self, question, reply, found, moment):
        """Whether it is what kaname follow has written, as the last resort (F2, M6), or nothing for
        the other family's sake (A10)."""
        (name,) = question.owner.targets.now
        kinds = [question.rdtype] if found else FAMILIES
        if not any(self.known.empty(question.zone, name, rdtype, moment) for rdtype in kinds):
            return False
        if not found:
            return "SOA" not in reply.types("authority") or reply.soa_ttl() <= STALE_TTL
        # Of the target itself nothing has so long a TTL.
        return LIFE_S < max(reply.ttls(question.rdtype)) <= STALE_TTL \
            and self._ever(name, question.rdtype, frozenset(found))

    def _ttl(self, question, found, ttl, moment):
        world = self.world
        lives = max(world.ttl_max.within(moment.begin - FRESH_S, moment.end))
        if found <= question.owner.siblings.get(question.rdtype, set()):
            lives = STALE_TTL
        if ttl > lives:
            raise Wrong("ttl", f"at most {lives}, and {STALE_TTL} of siblings")
        names = {name for names in question.owner.targets.within(moment.begin, moment.end)
                 for name in names}
        if ttl == 0 and 1 not in world.ttl_max.within(moment.begin - FRESH_S, moment.end) \
                and not moment.stale and not any(
                    self.known.troubled(question.zone, name, moment)
                    or self.known.unknown(question.zone, name, question.rdtype, moment)
                    for name in names):
            raise Wrong("ttl", "at least 1, while lookups succeed (T2)")

    def _of_records(self, question, reply, found, names, moment):
        zone, owner, rdtype = question.zone, question.owner, question.rdtype
        if not found:
            self._nodata(question, reply, names, moment)
            return
        own = owner.siblings.get(rdtype, set())
        if found & own:
            if found != own:
                raise Wrong("siblings", "siblings only in the place of all others (A3)")
            if not any(self.known.empty(zone, name, rdtype, moment) for name in names):
                raise Wrong("siblings", "the targets' addresses: something is known of all (F1)")
            return
        parts = self._parts(found, names)
        if zone.section.choice == "weighted" and len(parts) != 1:
            raise Wrong("mixed pool", f"the addresses of one target, not of {sorted(parts)} (P2)")
        for name in names:
            self._part(question, name, parts.get(name, frozenset()), moment)
        if zone.section.choice == "probed":
            self._health(zone, found, names, moment)

    def _parts(self, found, names):
        """The addresses by target."""
        parts = {}
        for address in found:
            target = self.world.targets.whose(address)
            if target is None or target.name not in names:
                whose = f"is that of {target.name}" if target else "is nobody's"
                raise Wrong("address never had", f"only addresses of {names}, {address} {whose}")
            parts[target.name] = parts.get(target.name, frozenset()) | {address}
        return parts

    def _part(self, question, name, part, moment):
        """The addresses of one target of an answer."""
        zone, rdtype = question.zone, question.rdtype
        choice = zone.section.choice
        sets = self.known.sets(zone, name, rdtype, moment)
        if not part:
            if choice == "union" and not (
                    self.known.negative(zone, name, rdtype, moment)
                    or self.known.unknown(zone, name, rdtype, moment)
                    or self.known.troubled(zone, name, moment)):
                raise Wrong("left out", f"addresses of {name}, too: {_texts(sets)} (R4)")
            return
        self.known.learn(zone, name, rdtype, moment.begin, moment.end)
        if choice == "probed":
            return
        if choice == "subnets":
            sets = self._for_subnet(question, name, moment)
        if part not in sets:
            back = moment.begin - self.known.since(zone, name, moment)
            raise Wrong("too old" if self._ever(name, rdtype, part) else "never had",
                        f"one of {_texts(sets)} for {name}, as {back:.1f} s before at most")

    def _for_subnet(self, question, name, moment):
        target = self.world.targets.all[name]
        subnet = question.how.get("ecs")
        found = []
        since = self.known.since(question.zone, name, moment)
        for generation, addresses in target.sets["A"].within(since, moment.end):
            if addresses:
                found.append(addresses)
                if subnet is not None:
                    host = int(subnet.split(".")[2])
                    found.append(frozenset([target.address("A", generation, host)]))
        return found

    def _ever(self, name, rdtype, part):
        sets = self.world.targets.all[name].sets[rdtype]
        return any(part == found for _, found in sets.within(0, float("inf")))

    def _nodata(self, question, reply, names, moment):
        zone, owner, rdtype = question.zone, question.owner, question.rdtype
        other = "A" if rdtype == "AAAA" else "AAAA"
        if all(self.known.negative(zone, name, rdtype, moment) for name in names):
            for name in names:
                self.known.learn(zone, name, rdtype, moment.begin, moment.end)
            return
        # A sibling stands in for the other family, and there is none of this one (A10).
        if owner.siblings.get(other) and not owner.siblings.get(rdtype) and any(
                self.known.empty(zone, name, kind, moment) for name in names for kind in FAMILIES):
            ttls = reply.soa_ttl() if "SOA" in reply.types("authority") else STALE_TTL
            if ttls > STALE_TTL:
                raise Wrong("ttl", f"at most {STALE_TTL} (A10)")
            return
        raise Wrong("empty", "no empty answer: not all of "
                    f"{names} may be known to have no {rdtype}, and A10 does not apply (F3)")

    def _health(self, zone, found, names, moment):
        """Addresses that are down are not there, unless all are (H3, H4)."""
        world = self.world
        since = moment.begin - max(DOWN_S, UP_S)
        if world.spells.touch(self.world.scopes(zone), since - RECOVERY_S, moment.end):
            return
        alive = {address: world.alive[address] for name in names
                 for address in world.targets.all[name].fixed["A"]}
        if not any(True in one.within(since, moment.end) for one in alive.values()):
            return
        steady = any(one.within(since, moment.end) == [True] for one in alive.values())
        for address, one in alive.items():
            lately = one.within(moment.begin - DOWN_S, moment.end)
            if steady and address in found and lately == [False]:
                raise Wrong("down", f"not {address}, which has been down for {DOWN_S} s (H3)")
            target = world.targets.whose(address)
            had = target.sets["A"].within(since, moment.end)
            if address not in found and one.within(moment.begin - UP_S, moment.end) == [True] \
                    and len(had) == 1 and address in had[0][1] \
                    and not self.known.troubled(zone, target.name, moment) \
                    and not self.known.unknown(zone, target.name, "A", moment):
                raise Wrong("up", f"{address}, too, which has been up for {UP_S} s")

    # What is beside the answer.

    def _everywhere(self, question, reply, moment):
        """Addresses at owners in other places are those of targets, or siblings alone (A3)."""
        owners = {dns.name.from_text(one.name): one for one in question.zone.owners.values()}
        for part in ("answer", "additional"):
            for name, owner in owners.items():
                for rdtype in ADDRESS_TYPES:
                    found = {rdata for at, _, kind, rdata in reply.section(part)
                             if at == name and kind == rdtype}
                    if not found or found == owner.siblings.get(rdtype):
                        continue
                    names = {name for names in owner.targets.within(moment.begin, moment.end)
                             for name in names}
                    self._parts(found, names)
        if question.rdtype == "ANY" and reply.rcode != "NOERROR":
            raise Wrong("rcode", "NOERROR")

    def _proof(self, zone, reply):
        try:
            self._verified(zone, reply)
        except AssertionError:
            # A key that is new: both count.
            zone.keys.learn()
            try:
                self._verified(zone, reply)
            except AssertionError as error:
                text = str(error)
                kind = "unsigned" if "is not signed" in text else "bogus"
                raise Wrong(kind, f"what validates (D1, D2): {text.splitlines()[0]}") from None

    @staticmethod
    def _verified(zone, reply):
        verify(reply, zone.keys)
        proven(reply, zone.name)

    # Two replies.

    def pair(self, question, a, aaaa, begin, end):
        """Both families of a weighted pool come from one target where it has both (P3)."""
        zone, moment = question.zone, Moment(begin, end)
        names = question.owner.targets.within(begin, end)
        if len(names) != 1:
            return
        for name in names[0]:
            if self.known.troubled(zone, name, moment) or any(
                    self.known.unknown(zone, name, rdtype, moment) for rdtype in FAMILIES):
                return
        chosen = [next(iter(self._parts(found, names[0])), None) for found in (a, aaaa) if found]
        if len(chosen) < 2 or chosen[0] == chosen[1]:
            return
        since = begin - FRESH_S - self.known.lag(zone, moment)
        for name in chosen:
            for rdtype in FAMILIES:
                sets = self.world.targets.all[name].sets[rdtype].within(since, end)
                if any(not addresses for _, addresses in sets):
                    return
        raise Wrong("mixed pool", f"both families of one target, not of {chosen} (P3)")


def _rdata(name):
    octets = dns.name.from_text(name).to_wire()
    return f"\\# {len(octets)} {octets.hex()}"


def _texts(sets):
    return [sorted(one) for one in sets]
