"""Reads the state file, by its description alone (module/service/state/format.h, record.h).

Nothing of the module's own code is used, so that what both understand in the same way is what the
description says. Every octet has to be as described, or parse() raises Damaged.
"""

import dataclasses
import ipaddress
import os
import re
import struct
import uuid
import zlib

import dns.exception
import dns.name

MAGIC = b"mod-aname state\n"
VERSION = 1
# The checksum is over all that stands behind it.
CHECKSUM_AT, CHECKED_FROM, HEAD = 20, 24, 64
KINDS = ("END", "UPSTREAM", "DEFINITION", "VERDICT", "TARGET", "FORCE", "KEY")
KNOWN = ("nothing", "addresses", "nodata")
FAILURES = ("", "timeout", "server", "network", "insecure", "bogus")
PROBES = ("off", "tcp", "tls", "http", "https")
STATES = {1: "down", 2: "up"}
HEALTH = {1: "up", 2: "down"}
TTL_UNKNOWN = 0xFFFFFFFF
NEXT_ZERO = 1 << 47
EVER = (1 << 48) - 1
SERVERS_MAX, STATUSES_MAX, LISTED_MAX = 8, 8, 4096
TTL_MAX = 604800
# A name in lower case without a dot at its end, or none.
HOST = r"(?:[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*)?"


class Damaged(AssertionError):
    """The file is not as it is described."""


def need(good, what):
    if not good:
        raise Damaged(what)


@dataclasses.dataclass
class State:
    """What a file holds. Times are in milliseconds, relative to the moment it was saved."""

    boot_id: bytes
    boot_ms: int
    wall_ms: int
    octets: int
    upstreams: list = dataclasses.field(default_factory=list)
    definitions: list = dataclasses.field(default_factory=list)
    verdicts: list = dataclasses.field(default_factory=list)
    targets: list = dataclasses.field(default_factory=list)
    forces: list = dataclasses.field(default_factory=list)
    keys: list = dataclasses.field(default_factory=list)

    def target(self, name, rdtype="A"):
        """The only target of this name and type."""
        wanted = dns.name.from_text(name).to_text().lower()
        found = [one for one in self.targets if (one["name"], one["type"]) == (wanted, rdtype)]
        assert len(found) == 1, f"expected {name}/{rdtype} once, got {found}"
        return found[0]


class Rest:
    """Octets that are taken from the front."""

    def __init__(self, octets, at=0):
        self.octets, self.at = octets, at

    def take(self, count):
        need(self.at + count <= len(self.octets), f"{count} octets are missing at {self.at}")
        taken = self.octets[self.at:self.at + count]
        self.at += count
        return taken

    def number(self, size):
        return int.from_bytes(self.take(size), "big")

    def address(self, size=None):
        size = self.number(1) if size is None else size
        need(size in (4, 16), f"an address of {size} octets")
        return str(ipaddress.ip_address(self.take(size)))

    def name(self):
        try:
            name, used = dns.name.from_wire(self.octets[self.at:], 0)
        except dns.exception.DNSException as error:
            raise Damaged(f"no name at {self.at}: {error}") from error
        wire = self.take(used)
        need(wire == name.to_wire(), "a name that is compressed")
        need(not re.search(rb"[A-Z]", wire), f"{name} is not in lower case")
        need(name != dns.name.root, "the root is no target")
        return name.to_text()

    def text(self):
        octets = self.take(self.number(1))
        need(re.fullmatch(rb"[!-~]*", octets), f"{octets} in a text")
        return octets.decode("ascii")


def read(path):
    with open(path, "rb") as file:
        return parse(file.read())


def parse(octets):
    """The State that is in a file; Damaged if anything is wrong with it."""
    state = head(octets)
    rest = Rest(octets, HEAD)
    while True:
        kind, size = rest.number(1), rest.number(3)
        need(kind < len(KINDS), f"a record of kind {kind} at {rest.at}")
        record = Rest(rest.take(size))
        if KINDS[kind] == "END":
            break
        READERS[KINDS[kind]](record, state)
        need(record.at == size, f"{size - record.at} octets too many in {KINDS[kind]}")
    need(size == 0 and rest.at == len(octets), f"the end is at {rest.at} of {len(octets)}")
    need(len(state.upstreams) <= LISTED_MAX, "too many upstreams")
    need(len(state.definitions) <= LISTED_MAX, "too many definitions")
    return state


def head(octets):
    """The State without its records, from the head of a file that has its length and checksum."""
    need(len(octets) >= HEAD, f"{len(octets)} octets are no state file")
    magic, version, checksum, length = struct.unpack_from("!16sIIQ", octets)
    need(magic == MAGIC, f"it begins with {magic}")
    need(version == VERSION, f"version {version}")
    need(length == len(octets), f"{len(octets)} octets where its head says {length}")
    found = zlib.crc32(octets[CHECKED_FROM:])
    need(checksum == found, f"checksum {checksum:08x}, and that of its octets is {found:08x}")
    return State(*struct.unpack_from("!16sqq", octets, 32), octets=len(octets))


def seal(octets, version=None):
    """A file that was changed, with its length and checksum made right again."""
    octets = bytearray(octets)
    if version is not None:
        struct.pack_into("!I", octets, 16, version)
    struct.pack_into("!Q", octets, CHECKED_FROM, len(octets))
    struct.pack_into("!I", octets, CHECKSUM_AT, zlib.crc32(octets[CHECKED_FROM:]))
    return bytes(octets)


def boot_of(state):
    """The identity of the boot as Linux writes it."""
    return str(uuid.UUID(bytes=state.boot_id))


# Records.


def _upstream(rest, state):
    upstream = {"ttl_min": rest.number(4), "ttl_max": rest.number(4)}
    need(max(upstream.values()) <= TTL_MAX, f"an upstream's TTLs {upstream}")
    flags = rest.number(1)
    need(flags < 8, f"flags {flags} of an upstream")
    upstream["secure"] = bool(flags & 1)
    upstream["via"] = [rest.address(size) for bit, size in ((2, 4), (4, 16)) if flags & bit]
    servers = rest.number(1)
    need(servers <= SERVERS_MAX, f"{servers} servers")
    upstream["servers"] = []
    for _ in range(servers):
        port = rest.number(2)
        need(port != 0, "port 0")
        upstream["servers"].append((rest.address(), port))
    need(upstream["servers"] or not flags, f"flags {flags} of the system's resolver")
    need("0.0.0.0" not in upstream["via"] and "::" not in upstream["via"], "from nowhere")
    state.upstreams.append(upstream)


def _definition(rest, state):
    kind, port, verify = rest.number(1), rest.number(2), rest.number(1)
    need(0 < kind < len(PROBES) and port != 0 and verify < 2, f"a probe {kind} {port} {verify}")
    definition = {"probe": PROBES[kind], "port": port, "verify": bool(verify)}
    for key, size in (("interval_ms", 4), ("timeout_ms", 4), ("fall", 1), ("rise", 1)):
        definition[key] = rest.number(size)
    need(1000 <= definition["interval_ms"] <= 3600000 and 100 <= definition["timeout_ms"] <= 30000
         and definition["timeout_ms"] <= definition["interval_ms"]
         and 1 <= definition["fall"] <= 20 and 1 <= definition["rise"] <= 20,
         f"a probe's numbers {definition}")
    definition["statuses"] = [(rest.number(2), rest.number(2)) for _ in range(rest.number(1))]
    need(all(100 <= low <= high <= 599 for low, high in definition["statuses"]), "a status")
    definition["host"], definition["path"] = rest.text(), rest.text()
    http, tls = PROBES[kind].startswith("http"), PROBES[kind] in ("tls", "https")
    need(bool(definition["statuses"]) == http and len(definition["statuses"]) <= STATUSES_MAX,
         f"statuses of {definition}")
    need(re.fullmatch(r"/[^#]*", definition["path"]) if http else not definition["path"],
         f"the path of {definition}")
    need(tls or not verify, "a certificate where there is no TLS")
    need(tls or http or not definition["host"], "a host that nobody is told")
    need(re.fullmatch(HOST, definition["host"]) and len(definition["host"]) <= 253,
         f"the host {definition['host']}")
    state.definitions.append(definition)


def _verdict(rest, state):
    definition, health, age = rest.number(2), rest.number(1), rest.number(6)
    need(definition < len(state.definitions), f"definition {definition} comes later")
    need(health in HEALTH, f"health {health}")
    state.verdicts.append({"definition": definition, "health": HEALTH[health], "age_ms": age,
                           "address": rest.address(), "name": rest.name()})


def _target(rest, state):
    upstream, flags = rest.number(2), rest.number(1)
    need(upstream < len(state.upstreams), f"upstream {upstream} comes later")
    need(not flags & 8, f"flags {flags:#x} of a target")
    target = {"upstream": upstream, "type": "AAAA" if flags & 1 else "A",
              "dormant": bool(flags & 2)}
    for key, size in (("failures", 1), ("demand", 2), ("asked_s", 4), ("until_s", 4),
                      ("min_ttl", 4)):
        target[key] = rest.number(size)
    target["next_ms"] = rest.number(6) - NEXT_ZERO
    views = [rest.number(2) for _ in range(flags >> 4)]
    need(len(set(views)) == len(views) and all(one < len(state.definitions) for one in views),
         f"views {views}")
    target["definitions"] = views
    target["name"] = rest.name()
    target |= _known(rest, 16 if flags & 1 else 4) if flags & 4 else {"known": "nothing"}
    target.setdefault("addresses", [])
    state.targets.append(target)


def _known(rest, size):
    bits = rest.number(1)
    kind, lost, nxdomain, failure = bits & 3, bool(bits & 4), bool(bits & 8), bits >> 4
    need(kind < len(KNOWN) and failure < len(FAILURES), f"known {bits:#x}")
    known = {"known": KNOWN[kind], "failure": FAILURES[failure]}
    need(not lost or known["known"] == "nodata", "addresses were lost, and are there")
    need(lost or not nxdomain, "NXDOMAIN, and nothing was lost")
    need(kind or failure, "nothing is known, and that is told")
    if kind:
        known |= _answer(rest, size if known["known"] == "addresses" else 0)
    if lost:
        known["lost"] = {"since_ms": rest.number(6), "nxdomain": nxdomain, **_answer(rest, size)}
    if failure:
        known["failing_ms"] = rest.number(6)
    return known


def _answer(rest, size):
    """An answer; size: octets of an address, 0 if it has none."""
    answer = {"age_ms": rest.number(6), "ttl": rest.number(4), "pick": rest.number(2),
              "usual_ms": rest.number(2), "scope": rest.number(1), "bare": rest.number(1)}
    need(answer["ttl"] <= 0x7FFFFFFF or answer["ttl"] == TTL_UNKNOWN, f"TTL {answer['ttl']}")
    need(answer["scope"] <= 128 and answer["bare"] <= 15, f"an answer {answer}")
    if size:
        octets = [rest.take(size) for _ in range(rest.number(2))]
        need(octets and octets == sorted(set(octets)), "addresses that are not sorted")
        answer["addresses"] = [str(ipaddress.ip_address(one)) for one in octets]
    return answer


def _force(rest, state):
    kind, age, left = rest.number(1), rest.number(6), rest.number(6)
    need(kind in STATES, f"forced to {kind}")
    size = rest.number(1)
    subject = {"address": rest.address(size)} if size else {"name": rest.name()}
    state.forces.append({"state": STATES[kind], "age_ms": age,
                         "left_ms": None if left == EVER else left, **subject})


def _key(rest, state):
    directories = rest.take(rest.number(2))
    need(directories and b"\0" not in directories, "where a key is")
    need(rest.take(1) == b"\0", "no zero behind where a key is")
    rdata = rest.take(len(rest.octets) - rest.at)
    need(len(rdata) > 4, f"a DNSKEY of {len(rdata)} octets")
    state.keys.append({"directories": os.fsdecode(directories).split("\n"), "rdata": rdata})


READERS = {"UPSTREAM": _upstream, "DEFINITION": _definition, "VERDICT": _verdict,
           "TARGET": _target, "FORCE": _force, "KEY": _key}
