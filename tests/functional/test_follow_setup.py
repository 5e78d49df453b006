"""`kaname follow --setup`: a configuration that lets addresses through and nothing else."""

import os
import re
import subprocess

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.tsigkeyring
import dns.update
import pytest
from harness import guide
from harness.ask import SERVER, query
from harness.primaries import NamedPrimary
from harness.kaname import kaname
from harness.knotd import RELEASE, VERSION, section
from harness.update import send, swap
from harness.zone import aname, zone_text

ZONE = "example.com"
OLD, NEW = "192.0.2.1", "192.0.2.2"
RECORDS = [
    f"@ A {OLD}", f"www A {OLD}", "@ MX 10 mx", "@ TXT x", aname("target.example"),
    aname("target.example", owner="*.wild"),
]
TYPES = ("SOA", "NS", "MX", "TXT")


def key_of(text):
    """The line of the key file, which stands there as a comment."""
    (line,) = re.findall(r"^#   (hmac-sha256:kaname-follow:\S+)$", text, re.MULTILINE)
    return line


def acl_of(text):
    """The lists that the comments have in place of those of the zones or their template."""
    return re.findall(r"^#       acl: \[(.*)\]$", text, re.MULTILINE)


def configure(knotd, text):
    """Put what was printed into a knotd's configuration."""
    knotd.sections.append(text)
    (knotd.template["acl"],) = [f"[{names}]" for names in acl_of(text)]
    accepted, said = knotd.conf_check()
    assert accepted and "warning" not in said, f"expected that conf-check accepts it, got {said}"


@pytest.fixture
def printed(knotd, tool):
    """A knotd without the module that was set up by what was printed for it."""

    def run(*arguments, **template):
        knotd.with_module = False
        knotd.template.update(template)
        knotd.add_zone(ZONE, RECORDS, modules=[])
        knotd.start()
        text = tool("follow", "--setup", *arguments).stdout
        configure(knotd, text)
        knotd.reload()
        return text

    return run


def update(knotd, text, owner=ZONE, before=(OLD,), **how):
    """An update of the addresses with the key that was printed."""
    (ended,) = send(SERVER, swap(ZONE, owner, a=(before, [NEW]), **how), key=key_of(text),
                    directory=knotd.directory)
    return ended


class Others:
    """What else somebody might try with the key."""

    def __init__(self, text, server=SERVER):
        algorithm, name, secret = key_of(text).split(":")
        self.how = {"keyring": dns.tsigkeyring.from_text({name: secret}), "keyname": name,
                    "keyalgorithm": dns.tsig.HMAC_SHA256}
        self.server = server
        assert algorithm == "hmac-sha256"

    def try_all(self):
        """{what: rcode}"""
        changes = {
            "add " + kind: ("add", "@", 60, kind, data) for kind, data in (
                ("TXT", "y"), ("MX", "10 a."), ("NS", "a."), ("SOA", "ns hm 99 1 1 1 1"),
                ("CNAME", "a."), ("DNSKEY", "257 3 13 AAAA"), ("TYPE65305", r"\# 1 00"),
            )
        }
        changes |= {f"delete {kind}": ("delete", "@", kind) for kind in ("MX", "TXT", "TYPE65305")}
        changes["delete one TXT"] = ("delete", "@", "TXT", "x")
        changes["delete all"] = ("delete", "@")
        return {what: self.attempt(change) for what, change in changes.items()} | {
            "TXT beside A": self.attempt(("add", "@", 60, "A", NEW), changes["add TXT"])
        }

    def attempt(self, *changes):
        message = dns.update.Update(ZONE, **self.how)
        for name, *arguments in changes:
            getattr(message, name)(*arguments)
        try:
            reply = dns.query.tcp(message, self.server[0], port=self.server[1], timeout=5)
        except dns.tsig.PeerBadKey:
            return "BADKEY"
        return dns.rcode.to_text(reply.rcode())


def served(server=SERVER):
    """All but the addresses, and the serial."""
    return {kind: query(ZONE, kind, "tcp", server=server).addresses(kind) for kind in TYPES}


def test_addresses_at_the_apex_and_nothing_else(knotd, printed):
    text = printed()
    refused = {"BADKEY"} if VERSION < (3, 4) else {"NOTAUTH"}
    before = served()
    tried = Others(text).try_all()
    assert set(tried.values()) == refused, f"expected {refused} for all, got {tried}"
    assert served() == before, "expected that nothing has changed"
    for owner, addresses in ((f"www.{ZONE}", [OLD]), (f"*.wild.{ZONE}", []), (f"ns.{ZONE}", [])):
        ended = update(knotd, text, owner, addresses)
        assert ended.outcome == "refused", f"{owner}: expected that it is refused, got {ended}"
    ended = update(knotd, text, expect=[(65305, "target.example.")])
    assert ended.outcome == "done", f"expected that it is done, got {ended}"
    assert query(ZONE).addresses("A") == {NEW}
    ended = update(knotd, text, before=[NEW], aaaa=([], ["2001:db8::1"]))
    assert ended.outcome == "done", f"expected that it is done, got {ended}"


def test_a_zone_that_is_named(knotd, tool):
    knotd.with_module = False
    knotd.sections.append(section("acl", "others", address="192.0.2.0/24", action="transfer"))
    knotd.add_zone(ZONE, RECORDS, modules=[], zone_options={"acl": ["others"]})
    knotd.add_zone("example.net", modules=[])
    knotd.start()
    text = tool("follow", "--setup", ZONE, "example.net").stdout
    assert acl_of(text) == ["others, kaname-follow", "kaname-follow"], f"got {text}"
    assert re.findall(r"- domain: (\S+)$", text, re.MULTILINE) == [ZONE, "example.net"]
    # The sections of the zones as they are printed; they are there already, hence as comments.
    knotd.sections.append(text)
    knotd.zones[ZONE].options["acl"] = f"[{acl_of(text)[0]}]"
    knotd.reload()
    assert update(knotd, text).outcome == "done"
    again = tool("follow", "--setup", ZONE).stdout
    assert acl_of(again) == ["others, kaname-follow"], "expected that it is named once"
    assert "already" in again, f"expected a word about what is there, got {again}"
    refused = tool("follow", "--setup", "elsewhere.example", code=1)
    assert refused.stdout == "" and "elsewhere.example" in refused.stderr


@pytest.mark.skipif(VERSION < (3, 4), reason="owners: any takes Knot DNS 3.3.5")
def test_owners_below_the_apex(knotd, tool):
    knotd.options["owners"] = "any"
    knotd.add_zone(ZONE, RECORDS)
    knotd.start()
    text = tool("follow", "--setup", ZONE).stdout
    assert tool("follow", "--setup").stdout.count("update-owner-match: sub-or-equal") == 1
    configure(knotd, text)
    knotd.reload()
    for owner, addresses in ((ZONE, [OLD]), (f"www.{ZONE}", [OLD]), (f"*.wild.{ZONE}", [])):
        ended = update(knotd, text, owner, addresses)
        assert ended.outcome == "done", f"{owner}: expected that it is done, got {ended}"
    before = served()
    tried = Others(text).try_all()
    assert set(tried.values()) == {"NOTAUTH"}, f"expected NOTAUTH for all, got {tried}"
    assert served() == before


def test_owners_that_are_listed(knotd, printed):
    """The way that is shown for those who have few owners."""
    text = printed()
    knotd.sections[-1] = text.replace(
        "update-owner: zone\n", 'update-owner: name\n    update-owner-name: [www, "*.wild"]\n'
    )
    knotd.reload()
    outcomes = [update(knotd, text, owner, addresses).outcome for owner, addresses in (
        (f"www.{ZONE}", [OLD]), (f"*.wild.{ZONE}", []), (ZONE, [OLD]), (f"ns.{ZONE}", []))]
    assert outcomes == ["done", "done", "refused", "refused"]


@pytest.fixture
def address():
    """One of this host that is not of the loopback's."""
    def change(what):
        subprocess.run(["ip", "address", what, "192.0.2.53/32", "dev", "lo"], check=True)

    change("add")
    yield "192.0.2.53"
    change("del")


def test_a_knotd_that_listens_elsewhere(knotd, printed, address):
    """Updates come from where they go to: the address is in the acl."""
    knotd.server["listen"] = [f"{address}@5300", "{}@{}".format(*SERVER)]
    text = printed()
    assert f"address: [127.0.0.1, ::1, {address}]" in text, f"got {text}"
    (ended,) = send((address, 5300), swap(ZONE, a=([OLD], [NEW])), key=key_of(text),
                    directory=knotd.directory)
    assert ended.outcome == "done", f"expected that it is done, got {ended}"


def test_a_fresh_secret_each_time(directory):
    texts = [kaname("follow", "--setup", "-s", f"{directory}/none", directory=directory).stdout
             for _ in range(2)]
    first, second = (key_of(text).split(":")[2] for text in texts)
    assert first != second
    assert texts[0].replace(first, second) == texts[1]
    assert "could not be asked" in texts[0]
    assert "address: [127.0.0.1, ::1]" in texts[0]


def test_a_bad_zone_or_primary(directory):
    for arguments in (("a..b",), ("--primary", "nowhere")):
        done = kaname("follow", "--setup", "-s", f"{directory}/none", *arguments,
                      directory=directory, code=1)
        assert done.stdout == "" and arguments[-1] in done.stderr


def test_a_zone_that_is_not_loaded_yet(knotd, tool):
    """A secondary before its first transfer: nothing of its content is needed; a zone that is none
    is refused."""
    knotd.sections += [section("remote", "gone", address="127.0.0.9@5399"),
                       section("acl", "others", address="192.0.2.0/24", action="transfer")]
    any_works = RELEASE >= (3, 3, 5)
    knotd.options["owners"] = "any" if any_works else "apex"
    knotd.add_zone("loaded.example", [])
    knotd.add_zone(ZONE, [], zone_options={"master": "gone", "acl": "others"})
    os.unlink(knotd.zone_file(ZONE))
    knotd.start(ready=["loaded.example"])
    text = tool("follow", "--setup", ZONE).stdout
    assert acl_of(text) == ["others, kaname-follow"], text
    match = "sub-or-equal" if any_works else "equal"
    assert f"    update-owner-match: {match}\n" in text, text
    refused = tool("follow", "--setup", "none.example", code=1)
    assert refused.stdout == "" and "none.example" in refused.stderr, refused
    assert "nothing was changed" not in refused.stderr, refused


def test_a_primary_that_is_bind(directory, request):
    text = kaname("follow", "--setup", "-s", f"{directory}/none", "--primary", "127.0.0.1@5310",
                  ZONE, directory=directory).stdout
    (statement,) = re.findall(r"^#   (key .*)$", text, re.MULTILINE)
    (policy,) = re.findall(rf'^#   zone "{ZONE}" {{\n#       (update-policy .*)\n#   }};$', text,
                           re.MULTILINE)
    server = NamedPrimary(directory, {ZONE: zone_text(ZONE, RECORDS)}, policy, statement)
    request.addfinalizer(server.kill)
    server.start()
    before = served(server.address)
    tried = Others(text, server.address).try_all()
    assert set(tried.values()) == {"REFUSED"}, f"expected REFUSED for all, got {tried}"
    assert served(server.address) == before
    updates = [swap(ZONE, owner, a=([OLD], [NEW])) for owner in (ZONE, f"www.{ZONE}")]
    ended = send(server.address, *updates, key=key_of(text), directory=directory)
    assert [one.outcome for one in ended] == ["done", "refused"], f"got {ended}"


@pytest.mark.parametrize("server", ["BIND", "PowerDNS"])
def test_it_prints_what_the_guide_says_for_other_primaries(directory, server):
    (shown,) = re.findall(rf"^\*\*{server} as the primary\*\*.*?\n\n(    .*?)\n\n\S",
                          guide.text_of("doc", "operation.md"), re.MULTILINE | re.DOTALL)
    text = kaname("follow", "--setup", "-s", f"{directory}/none", "--primary", "192.0.2.53", ZONE,
                  directory=directory).stdout
    source = re.search(r"allow-dnsupdate-from=([^`]*)`", text)[1]
    printed = text.replace(key_of(text).split(":")[2], "...").replace(source, "192.0.2.1")
    for line in shown.splitlines():
        assert f"\n#   {line[4:]}\n" in printed, f"expected {line} in {printed}"
    count = {"BIND": 4, "PowerDNS": 5}[server]
    assert len(shown.splitlines()) == count


def test_other_primaries_of_several_zones(directory):
    """Each has lines of its own; where none is named there is a word for it."""
    arguments = ("follow", "--setup", "-s", f"{directory}/none", "--primary", "192.0.2.53")
    text = kaname(*arguments, ZONE, "example.net", directory=directory).stdout
    for zone in (ZONE, "example.net"):
        assert f'#   zone "{zone}" {{\n' in text and f"name {zone} A AAAA" in text
        assert len(re.findall(rf"^#   pdnsutil set-meta {zone} ", text, re.MULTILINE)) == 4
    text = kaname(*arguments, directory=directory).stdout
    assert '#   zone "ZONE" {' in text and "name ZONE A AAAA" in text


def test_a_catalog_that_is_named(knotd, tool):
    """The template that its members go by, with the acl that is there."""
    knotd.sections.append(section("acl", "others", address="192.0.2.0/24", action="transfer"))
    knotd.add_catalog(ZONE, RECORDS)
    knotd.sections[-1] = knotd.sections[-1].rstrip("\n") + "\n    acl: others\n"
    knotd.start(ready=[])
    text = tool("follow", "--setup", "--catalog", "catalog.invalid").stdout
    assert acl_of(text) == ["others, kaname-follow"], text
    assert re.findall(r"^#     - id: (\S+)$", text, re.MULTILINE) == ["member"]
    text = tool("follow", "--setup", "--catalog", "catalog.invalid", "catalog.invalid").stdout
    assert acl_of(text) == ["kaname-follow", "others, kaname-follow"], text
    refused = tool("follow", "--setup", "--catalog", "none.invalid", code=1)
    assert refused.stdout == "" and "none.invalid" in refused.stderr
