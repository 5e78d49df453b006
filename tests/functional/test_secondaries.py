"""doc/operation.md on secondaries: the record travels, the addresses do not."""

import os
import shutil

import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, PRIMARY, SIBLING_A, TARGET, ZONE, aname, answers, eventually, known,
    query, section, siblings,
)
from harness.kaname import kaname
from harness.signatures import Keys, verify


def serve(primary, knotd, records, options=(), here=()):
    """Start both; the options are those of the zone, at the primary and here."""
    where = {"acl": "all", "notify": "secondary", **dict(options)}
    primary.sections.append(section("remote", "secondary", address="127.0.0.1@5300"))
    primary.add_zone(ZONE, records, zone_options=where)
    address = f"{PRIMARY[0]}@{PRIMARY[1]}"
    knotd.sections.append(section("remote", "primary", address=address))
    knotd.sections.append(section("acl", "local", address="127.0.0.0/8", action="notify"))
    knotd.add_zone(ZONE, zone_options={"master": "primary", "acl": "local", **dict(here)})
    os.unlink(knotd.zone_file(ZONE))
    primary.start(ready=())
    eventually(lambda: query(ZONE, "SOA", server=PRIMARY).addresses("SOA"))
    knotd.start()


@pytest.mark.parametrize("rrtype", [None, ALIAS], ids=["aname", "alias"])
def test_a_change_of_the_target_is_one_ixfr(knotd, primary, unbound, authority, directory, rrtype):
    authority.set(TARGET, a=[A1])
    authority.set("b.example.net", a=[A2])
    record = aname(TARGET, rrtype=rrtype) if rrtype else aname(TARGET)
    serve(primary, knotd, [record, *siblings()])
    known(ZONE, "A").expect(a={A1})
    query(ZONE, "A", server=PRIMARY).expect(a={SIBLING_A}, ttl=(3600, 3600))
    kaname("-s", primary.socket, "set", ZONE, "b.example.net", directory=directory)
    answers({A2})
    knotd.wait_log("IXFR, incoming", "finished")


def signed(server):
    return eventually(
        lambda: query(ZONE, "DNSKEY", server=server).addresses("DNSKEY"), what="the zone is signed"
    )


def verified(addresses):
    """Ask until the answer is there, and check its signature with the keys of the zone here."""
    eventually(lambda: query(ZONE, "A", "tcp", do=True).expect(a=addresses), timeout=20)
    keys = Keys(ZONE)
    keys.learn()
    verify(query(ZONE, "A", "tcp", do=True).expect(a=addresses), keys)


def test_a_signed_zone_with_the_keys_of_the_primary(knotd, primary, unbound, authority):
    """First without them: the zone's own addresses, and the log says which key is missing."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(primary, knotd, [aname(TARGET), *siblings()], options={"dnssec-signing": "on"})
    signed(PRIMARY)
    signed(("127.0.0.1", 5300))
    verified({SIBLING_A})
    knotd.wait_log(rf"\[{ZONE}\.\]", r"private key .*\.pem cannot be read")
    keys = os.path.join("db", "keys", "keys")
    shutil.copytree(
        os.path.join(primary.directory, keys), os.path.join(knotd.directory, keys),
        dirs_exist_ok=True,
    )
    verified({A1})
    assert signed(PRIMARY) == signed(("127.0.0.1", 5300))


def test_a_signed_zone_that_is_signed_anew(knotd, primary, unbound, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    signing = {"dnssec-signing": "on"}
    serve(primary, knotd, [aname(TARGET), *siblings()], options=signing, here=signing)
    theirs, ours = signed(PRIMARY), signed(("127.0.0.1", 5300))
    assert not theirs & ours, "signed with keys of its own"
    verified({A1})
