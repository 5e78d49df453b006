"""Random zones with ANAME records anywhere, without what no zone may have."""

from .oracle import Declared, Target

TARGETS = {
    "both.t.example": Target(("192.0.2.1", "192.0.2.2"), ("2001:db8::1",)),
    "other.t.example": Target(("192.0.2.3",), ("2001:db8::2", "2001:db8::3")),
    "four.t.example": Target(("192.0.2.4",), ()),
    "six.t.example": Target((), ("2001:db8::6",)),
    "none.t.example": Target(),
    "gone.t.example": Target(),
    "half.t.example": Target(("192.0.2.8",), None),
    "fail.t.example": Target(None, None),
}
LABELS = ["a", "b", "c", "*", "d", "p\\.q"]


def random_name(chance, most=3):
    return ".".join(chance.choice(LABELS) for _ in range(chance.choice((1, 1, 2, 2, 2, most))))


class Maker:
    """One of them; `declared` is what it declares.

    easy: without what Knot itself does not always get right, which is a wildcard of which only
    something below is there, and an unsigned delegation below nothing in an opt-out zone
    https: with HTTPS records of its own, and with `https: alias` if true; None: without any
    """

    def __init__(self, chance, origin, easy=False, https=None):
        self.chance = chance
        self.https = https
        self.easy = easy
        self.records = []
        self.anames = {}
        self.cut = set()
        self.number = 0
        names = sorted({random_name(chance) for _ in range(26)},
                       key=lambda name: (name.count("."), name))
        for name in names:
            self._add(name)
        if chance.random() < 0.7:
            self.anames["@"] = self._targets()
        self.declared = Declared(origin, self.records, self.anames, https=bool(https))

    def _targets(self):
        return tuple(self.chance.sample(sorted(TARGETS), self.chance.choice((1, 1, 1, 2))))

    def _address(self):
        self.number += 1
        return self.number

    def _add(self, name):
        above = {name[i + 1:] for i, char in enumerate(name) if char == "."}
        if self.easy and any(one[0] == "*" for one in above):
            return
        below_cut = above & self.cut
        kind = self.chance.choice(
            ["aname"] * 6 + ["own", "text", "mx", "srv", "cname", "cname", "dname", "ns", "plenty"]
        )
        if below_cut and below_cut & self.dnames or (name[0] == "*" and kind in ("dname", "ns")):
            return
        getattr(self, f"_{kind}")(name)

    @property
    def dnames(self):
        return {record.split()[0] for record in self.records if " DNAME " in record}

    def _aname(self, name):
        self.anames[name] = self._targets()
        if self.chance.random() < 0.4:
            self._own(name)
        if self.chance.random() < 0.3:
            self._text(name)
        if self.https is not None and self.chance.random() < 0.2:
            self._https(name)

    def _https(self, name):
        self.records.append(f"{name} IN HTTPS 1 svc.t.example. port={8000 + self._address()}")

    def _own(self, name):
        kinds = self.chance.choice((("A",), ("AAAA",), ("A", "AAAA")))
        if "A" in kinds:
            self.records.append(f"{name} IN A 198.51.100.{self._address()}")
        if "AAAA" in kinds:
            self.records.append(f"{name} IN AAAA 2001:db8:ffff::{self._address():x}")

    def _text(self, name):
        self.records.append(f'{name} IN TXT "{self._address()}"')

    def _mx(self, name):
        # Knot adds the addresses of an exchange that is named twice twice.
        for exchange in sorted({random_name(self.chance) for _ in range(2)}):
            self.records.append(f"{name} IN MX {self._address()} {exchange}")
        if self.chance.random() < 0.5:
            self._aname(name)

    def _srv(self, name):
        self.records.append(f"{name} IN SRV 1 1 {self._address()} {random_name(self.chance)}")

    def _cname(self, name):
        self.records.append(f"{name} IN CNAME {random_name(self.chance)}")

    def _dname(self, name):
        self.cut.add(name)
        self.records.append(f"{name} IN DNAME {random_name(self.chance, 2)}")
        if self.chance.random() < 0.5:
            self._aname(name)

    def _ns(self, name):
        if self.easy and "." in name:
            return
        self.cut.add(name)
        self.records.append(f"{name} IN NS ns.{name}")
        self._own(f"ns.{name}")
        if self.chance.random() < 0.3:
            self.records.append(f"{name} IN NS {random_name(self.chance)}")
        if self.chance.random() < 0.5:
            self.anames[f"ns.{name}"] = self._targets()
        if self.chance.random() < 0.5:
            self._aname(name)
        if self.chance.random() < 0.3:
            self.records.append(f"{name} IN DS 4711 13 2 {'ab' * 32}")

    def _plenty(self, name):
        self.anames[name] = ("both.t.example", "other.t.example")
        for number in range(20):
            self.records.append(f"{name} IN A 203.0.113.{number + 1}")
