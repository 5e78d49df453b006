"""doc/operation.md on secondaries: the record travels, the addresses do not."""

import os
import shutil

import dns.name
import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, ANAME, PRIMARY, SERVER, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname,
    answers, eventually, known, query, section, siblings,
)
from harness.kaname import kaname
from harness.owners import needs_any
from harness.proofs import listed
from harness.signatures import Keys, verify
from harness.validator import ValidatingUnbound, anchors


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


def serial(server):
    (soa,) = query(ZONE, "SOA", server=server).addresses("SOA")
    return int(soa.split()[2])


def test_a_change_beside_the_primary_is_told(knotd, primary, tool):
    """Then the primary's next change has the same serial, and other records."""
    serve(primary, knotd, [aname(TARGET), *siblings()])
    warning = (f"warning: {ZONE}. is transferred from {PRIMARY[0]}@{PRIMARY[1]}: what is changed here "
               "is overwritten by its next change, or stands beside it unseen under the same serial\n"
               "next: change it at the primary\n")
    before = serial(PRIMARY)
    assert warning in tool("set", "--no-check", ZONE, "b.example.net").stderr
    assert "b.example.net." in tool("get", ZONE).stdout, "expected the change to be made"
    assert serial(SERVER) == before + 1
    output = tool("check", ZONE, code=1).stdout
    assert f"BAD   the zone is not that of its primary {PRIMARY[0]}@{PRIMARY[1]}: serial" in output
    assert "next: was the zone changed here, or the primary put back? 'knotc zone-retransfer " \
        f"{ZONE}.' takes what the primary has\n" in output
    # At the primary there is nothing to warn of; this changes something else under the same serial.
    assert "transferred" not in tool("-s", primary.socket, "unset", ZONE).stderr
    assert serial(PRIMARY) == serial(SERVER)
    output = tool("check", ZONE, code=(0, 1)).stdout
    assert f"ok    the zone's serial {before + 1} is that of its primary {PRIMARY[0]}@" in output
    assert "the zone is that of" not in output
    assert "b.example.net." in tool("get", ZONE).stdout, "expected the records to differ"
    assert warning in tool("unset", ZONE).stderr


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


# Any owner.

TYPE = f"TYPE{ANAME}"
OWNERS = [
    aname(TARGET), aname(TARGET, owner="shop"), aname(TARGET, owner="bare"), "www IN CNAME bare",
    aname(TARGET, owner="*.w"), f"shop IN A {SIBLING_A}", f"shop IN AAAA {SIBLING_AAAA}",
    aname(TARGET, owner="*.own"), f"*.own IN A {SIBLING_A}", "mail IN MX 10 shop",
    "mx IN MX 10 bare",
]
AT = {"": "", "shop": "shop", "bare": "bare", "x.w": "*.w", "y.x.own": "*.own"}


def full(name):
    return f"{name}.{ZONE}".lstrip(".")


@needs_any
def test_O1_R5_each_server_gives_what_it_knows_of_every_owner(knotd, primary, unbound, authority):
    """Of one without the module the addresses beside the record, or none; all have all records."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["owners"] = "any"
    serve(primary, knotd, OWNERS)
    own = {"shop": {SIBLING_A}, "y.x.own": {SIBLING_A}}
    for name in AT:
        answers({A1}, full(name))
        answers({AAAA1}, full(name), "AAAA")
        there = query(full(name), "A", server=PRIMARY).expect(a=own.get(name, ()))
        assert ("SOA" in there.types("authority")) == (name not in own), f"got {there}"
        for server in (PRIMARY, SERVER):
            assert query(full(name), TYPE, server=server).addresses(), f"no record of {name}"
    answers({A1}, full("www"))
    query(full("www"), "A", server=PRIMARY).expect(a=(), soa=True)
    for name, owner, found in (("mx", "bare", set()), ("mail", "shop", {SIBLING_A})):
        reply = query(full(name), "MX", server=PRIMARY)
        assert reply.addresses("A", full(owner), "additional") == found, f"got {reply}"


@needs_any
def test_O1_a_secondary_with_owners_apex_follows_the_apex_alone(knotd, primary, unbound, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    serve(primary, knotd, OWNERS)
    answers({A1})
    for name, own in (("shop", {SIBLING_A}), ("bare", ()), ("x.w", ()), ("x.own", {SIBLING_A})):
        query(full(name), "A").expect(a=own)


@needs_any
def test_O3_denials_of_a_server_without_the_module_deny_the_addresses(
    knotd, primary, unbound, authority, directory, start_server
):
    """Why it must not stand beside others: whoever has seen one asks nobody for the addresses."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["owners"] = "any"
    signing = {"dnssec-signing": "on"}
    serve(primary, knotd, OWNERS, options=signing, here=signing)
    points = signed(PRIMARY), signed(SERVER)
    assert not points[0] & points[1], "expected other keys"
    listed_types = {}
    for server in (PRIMARY, SERVER):
        answers_here = query(full("bare"), "CAA", "tcp", server=server, do=True).expect(soa=True)
        listed_types[server] = [
            types & {"A", "AAAA"} for types, _ in listed(
                answers_here, dns.name.from_text(full("bare")))
        ]
    assert listed_types == {PRIMARY: [set()], SERVER: [{"A", "AAAA"}]}, f"got {listed_types}"
    zones = {ZONE: anchors(ZONE, PRIMARY)}
    validator = start_server(ValidatingUnbound(directory, zones, server=PRIMARY))
    validator.secure(full("bare"), "CAA")
    primary.kill()
    validator.secure(full("bare"), "A").expect(aa=None, a=(), soa=True)


@needs_any
def test_O1_a_member_of_a_catalog(knotd, unbound, authority):
    """The template of the members names the section, here as at any other server."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["owners"] = "any"
    knotd.add_catalog(ZONE, OWNERS, module=knotd.aname)
    knotd.start(ready=())
    eventually(lambda: query(ZONE, "SOA").addresses("SOA"), what="the member is loaded")
    for name in AT:
        answers({A1}, full(name))
