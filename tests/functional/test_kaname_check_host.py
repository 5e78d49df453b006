"""kaname check: what is wrong with where this server stands, and with what its targets say."""

import contextlib
import os
import shutil
import subprocess

import pytest
from harness import (
    A1, AAAA1, ALIAS, SIBLING_A, TARGET, ZONE, aname, answers, eventually, failed, known,
    query, section, siblings, simple,
)
from harness import knotd as harness_knotd
from harness.authority import ADDRESS
from harness.told import parts, says, says_not

PUBLIC = "198.18.0.80"


# Where it listens.


def test_it_asks_the_first_address_that_is_one(knotd, unbound, authority, tool):
    """Of several, the first of which is a Unix socket."""
    listen = ["::1@5301", "127.0.0.1@5300"]
    knotd.server["listen"] = listen
    simple(knotd, authority)
    # Not every kernel lets knotd listen there. What is configured is what is read.
    knotd.server["listen"] = [os.path.join(knotd.directory, "dns.sock"), *listen]
    knotd.reload()
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "ok", f"over UDP from ::1@5301, A: {A1}")


# A server that asks itself.


@pytest.mark.parametrize("listen, resolver", [
    ("127.0.0.1@5300", "127.0.0.1@5300"), ("0.0.0.0@5300", "127.0.0.8@5300"),
    ("::@5300", "::1@5300"), ("0.0.0.0@5300", "127.0.0.8@5300, 127.0.0.1@5300"),
])
def test_a_resolver_that_is_this_very_server(knotd, tool, listen, resolver):
    knotd.server["listen"] = listen
    knotd.options["resolver"] = resolver.split(", ")
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start(ready=[])
    address = ("::1" if ":" in listen else "127.0.0.1", 5300)
    eventually(lambda: query(ZONE, "SOA", server=address))
    _, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, f"the resolver, {resolver.split(',')[0]}, is this very server", "next: name a recursor",
         "'resolver'")


def test_a_system_resolver_that_is_this_very_server(knotd, tool):
    """resolv.conf of the tests names 127.0.0.1."""
    knotd.server["listen"] = "127.0.0.1@53"
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start(ready=[])
    eventually(lambda: query(ZONE, "SOA", server=("127.0.0.1", 53)))
    _, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, "the resolver of /etc/resolv.conf, 127.0.0.1, is this very server", "resolv.conf")


@pytest.mark.parametrize("listen", ["127.0.0.1@5300", "0.0.0.0@5300", "127.0.0.2@53"])
def test_another_server_of_this_host_is_another_one(knotd, unbound, authority, tool, listen):
    authority.fail(TARGET)
    knotd.server["listen"] = listen
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start(ready=[])
    address, port = listen.replace("0.0.0.0", "127.0.0.1").split("@")
    eventually(lambda: query(ZONE, "SOA", server=(address, int(port))))
    lines, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, "cannot be resolved")
    says_not(lines, "is this very server")


def test_a_server_that_has_the_targets_itself_may_be_asked(knotd, tool):
    knotd.options["resolver"] = "127.0.0.1@5300"
    knotd.add_zone(ZONE, [aname("www.example.org")])
    knotd.add_zone("example.org", [f"www A {A1}", f"www AAAA {AAAA1}"], modules=[])
    knotd.start()
    answers({A1})
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "note", "is this very server")


# What targets say.


@contextlib.contextmanager
def at_public_address(knotd):
    """Has this host an address that is reached from everywhere."""
    subprocess.run(["ip", "address", "add", f"{PUBLIC}/32", "dev", "lo"], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "del", f"{PUBLIC}/32", "dev", "lo"], check=True,
                       timeout=10)


@pytest.mark.parametrize("address, why", [
    ("64:ff9b::c000:201", "DNS64"), ("0.0.0.0", "is none"), ("0.1.2.3", "is none"),
    ("::", "is none"), ("127.0.0.1", "loopback"), ("::1", "loopback"),
    ("169.254.1.1", "link-local"), ("fe80::1", "link-local"),
])
def test_addresses_that_are_of_no_use_are_noted(knotd, unbound, authority, tool, address, why):
    family = "AAAA" if ":" in address else "A"
    authority.set(TARGET, a=[A1] if family == "AAAA" else [address],
                  aaaa=[address] if family == "AAAA" else [AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "note", f"target {TARGET}. {family}: has {address}, ", why)
    # What policy leaves out is none.
    knotd.options["deny-address"] = address
    knotd.reload()
    lines, _ = parts(tool("check", ZONE).stdout)
    says_not(lines, f": has {address}, ")


@pytest.mark.parametrize("address", [
    "10.1.2.3", "172.31.2.3", "192.168.1.1", "fd00::1", "100.64.0.1"
])
@pytest.mark.parametrize("listen", ["127.0.0.1@5300", f"{PUBLIC}@5300", "0.0.0.0@5300"])
def test_private_addresses_are_noted_where_the_server_is_public(
        knotd, unbound, authority, tool, address, listen):
    authority.set(TARGET, a=[A1] if ":" in address else [address],
                  aaaa=[address] if ":" in address else [AAAA1])
    knotd.server["listen"] = listen
    knotd.add_zone(ZONE, [aname(TARGET)])
    with at_public_address(knotd):
        knotd.start(ready=[])
        server = (PUBLIC if PUBLIC in listen else "127.0.0.1", 5300)
        eventually(lambda: query(ZONE, "SOA", server=server))
        lines, _ = parts(tool("check", ZONE).stdout)
        if listen.startswith("127."):
            says_not(lines, "which is private")
        else:
            says(lines, "note", f": has {address}, which is private", "public address")
        knotd.finish()


def test_a_name_that_does_not_exist_is_not_resolvable(knotd, unbound, authority, tool):
    authority.nxdomain(TARGET)
    authority.set("only4.example.net", a=[A1])
    knotd.options["resolver"] = "127.0.0.1"
    knotd.add_zone(ZONE, [aname(TARGET), aname("only4.example.net")])
    knotd.start()
    lines, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, f"target {TARGET}. A: does not exist (NXDOMAIN), asked: 127.0.0.1@53", "misspelt")
    says(lines, "note", "target only4.example.net. AAAA: has no address of this family")
    says_not(lines, TARGET, "resolvable")


# What the zone has.


def test_records_below_the_apex_are_not_followed(knotd, unbound, authority, tool):
    names = [f"a{number}" for number in range(5)]
    simple(knotd, authority, records=[
        aname(TARGET, owner="www"), aname(TARGET, owner="www"),
        *(aname(TARGET, owner=name, rrtype=ALIAS) for name in names),
    ])
    lines, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, f"below the apex are not followed: www.{ZONE}. ANAME, a0.{ZONE}. ALIAS",
         "and 2 more", "'owners: any' in the zone's section of mod-aname", "or a CNAME")
    says(lines, "ok", "the record is well-formed")
    knotd.add_zone("example.org", [aname(TARGET, owner="www")])
    knotd.reload()
    eventually(lambda: knotd.loaded("example.org"))
    _, found = parts(tool("check", "example.org", code=1).stdout)
    says(found, "are not followed: www.example.org. ANAME")
    says(found, "the apex has no ANAME or ALIAS record")


@pytest.mark.parametrize("added", [siblings(), []], ids=["siblings", "none"])
def test_a_signed_zone_without_its_key_is_named_first(knotd, unbound, authority, tool, added):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET), *added], zone_options={"dnssec-signing": "on"})
    knotd.start()
    eventually(lambda: query(ZONE, "DNSKEY").addresses("DNSKEY"), what="the zone is signed")
    text = knotd.served_text(ZONE)
    knotd.finish()
    # Nothing is known of the target.
    shutil.rmtree(os.path.join(knotd.directory, "db"))
    os.mkdir(os.path.join(knotd.directory, "db"))
    knotd.add_zone(ZONE, text=text)
    knotd.start()
    lines, found = parts(tool("check", ZONE, code=1).stdout)
    assert "mod-aname cannot sign the addresses" in found[0] and "Signed zones" in found[0], found
    assert len(found) == 1, f"expected nothing else to be wrong, got {found}"
    if added:
        says(lines, "ok", f"A: {SIBLING_A}", "signed")


# What runs, and what is known of it.


def test_a_zone_that_is_well_is_so_without_a_status_socket(knotd, unbound, authority, tool):
    knotd.options["status-socket"] = "off"
    simple(knotd, authority)
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "note", "what the module knows was not asked: 'status-socket: off'")
    assert lines[-1] == f"{ZONE}. is as it should be"
    # One that is not well is not.
    authority.fail(TARGET)
    knotd.options["ttl-max"] = 1
    knotd.options["stale-max"] = 0
    knotd.reload()
    failed()
    failed(rdtype="AAAA")
    done = tool("check", ZONE, code=1)
    says(parts(done.stdout)[1], "no client gets an address")
    assert done.stderr == ""


@pytest.fixture
def own_module(knotd, monkeypatch):
    """A module file of this server's own; what it is replaced by."""
    path = os.path.join(knotd.directory, "aname.so")
    shutil.copy(harness_knotd.MODULE, path)
    monkeypatch.setattr(harness_knotd, "MODULE", path)

    def replace(before=b"", after=b""):
        with open(path, "rb") as file:
            octets = file.read()
        assert not before or octets.count(before) == 1
        with open(f"{path}.new", "wb") as file:
            file.write(octets.replace(before, after) if before else octets)
        os.rename(f"{path}.new", path)

    return replace


def test_an_upgrade_without_a_restart_is_told(knotd, unbound, authority, tool, own_module):
    simple(knotd, authority)
    lines, _ = parts(tool("check", ZONE).stdout)
    says_not(lines, "is running, and its file")
    version = tool("--version").stdout.split()[1]
    later = version[:-1] + "9"
    own_module(f"@(#)mod-aname {version}".encode(), f"@(#)mod-aname {later}".encode())
    path = os.path.join(knotd.directory, "aname.so")
    text = f"mod-aname {version} is running, and its file {path} is of {later} by now"
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "note", text, "restart knotd")
    assert text in tool("status").stderr and "next: restart knotd" in tool("status").stderr
    # A reload does not help, a restart does.
    knotd.reload()
    assert text in tool("status").stderr
    knotd.finish()
    knotd.start()
    known()
    assert "is running" not in tool("status").stderr


def test_another_build_of_the_same_version_is_told(knotd, unbound, authority, tool, own_module):
    simple(knotd, authority)
    own_module()
    lines, _ = parts(tool("check", ZONE).stdout)
    says(lines, "note", "was replaced since, by another build of the same version")


def test_a_module_that_was_removed_is_told(knotd, unbound, authority, tool, own_module):
    simple(knotd, authority)
    known()
    os.remove(os.path.join(knotd.directory, "aname.so"))
    _, found = parts(tool("check", ZONE, code=1).stdout)
    says(found, "is not there any more: knotd will not start again", "install the module again")


def test_a_resolver_of_another_section_is_no_matter(knotd, unbound, authority, tool):
    """It is this very server, for another zone."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["resolver"] = ADDRESS
    knotd.sections.append(section("mod-aname", "self", resolver="127.0.0.1@5300"))
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-aname/self"])
    knotd.start()
    failed("example.org")
    lines, _ = parts(tool("check", ZONE).stdout)
    says_not(lines, "this very server")
    _, found = parts(tool("check", "example.org", code=1).stdout)
    says(found, "is this very server")
