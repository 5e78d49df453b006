"""kaname check: what is wrong is found, and what is not is not."""

import json
import os
import re
import subprocess

import pytest
from harness import (
    A1, AAAA1, ALIAS, SIBLING_A, TARGET, ZONE, aname, answers, eventually, failed,
    known, query, raw, section, siblings, simple,
)
from harness.authority import ADDRESS, Behaviour
from harness.endpoints import Endpoints
from harness.kaname import kaname
from harness.told import says


@pytest.fixture
def check(knotd):
    """Runs it; bad: what must be found (None: anything). Returns (lines, those that are BAD)."""

    def run(zone=ZONE, *more, bad):
        code = (1 if bad else 0) if bad is not None else (0, 1)
        done = kaname("-s", knotd.socket, "check", zone, *more, directory=knotd.directory,
                      code=code)
        lines = done.stdout.splitlines()
        found = [
            line + " " + lines[number + 1]
            for number, line in enumerate(lines) if line.startswith("BAD ")
        ]
        assert all(" next: " in line for line in found)
        assert all(line.split()[0] in ("ok", "note", "BAD", "next:") for line in lines[:-1]), lines
        if bad is None:
            return lines, found
        for wanted in bad:
            assert any(wanted in line for line in found), f"expected '{wanted}' in {done.stdout}"
        if not bad:
            assert not found, f"expected nothing to be wrong, got {done.stdout}"
        return lines, found

    return run


def test_a_good_zone_is_as_it_should_be(knotd, unbound, authority, check):
    simple(knotd, authority)
    # Nobody has asked for it before: that is done by the check.
    lines, _ = check(bad=[])
    assert lines[-1] == f"{ZONE}. is as it should be"
    says(lines, "ok", "the zone is loaded")
    says(lines, "ok", "mod-aname is loaded")
    says(lines, "note", "the zone is not signed")
    says(lines, "ok", "the record is well-formed", f"{TARGET}.", "TTL 300")
    for proto in ("UDP", "TCP"):
        says(lines, "ok", f"over {proto} from 127.0.0.1@5300, A: {A1}, TTL ")
        says(lines, "ok", f"over {proto} from 127.0.0.1@5300, AAAA: {AAAA1}, TTL ")
    says(lines, "ok", f"target {TARGET}. A: resolvable", "system", "fresh", f"held: {A1}")
    check("EXAMPLE.COM.", bad=[])


@pytest.mark.parametrize("listen, address", [
    ("0.0.0.0@5300", "127.0.0.1"), ("::@5300", "::1"), ("::1@5300", "::1"),
])
def test_it_asks_where_the_server_listens(knotd, unbound, authority, check, listen, address):
    knotd.server["listen"] = listen
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start(ready=[])
    eventually(lambda: query(ZONE, "SOA", server=(address, 5300)))
    says(check(bad=[])[0], "ok", f"over UDP from {listen}, A: {A1}")


def test_a_target_with_one_family_is_good(knotd, unbound, authority, check):
    simple(knotd, authority, aaaa=())
    lines, _ = check(bad=[])
    says(lines, "note", "UDP", "AAAA: no address of this family")
    says(lines, "note", f"target {TARGET}. AAAA: has no address of this family")


def test_no_such_zone(knotd, check):
    knotd.add_zone(ZONE)
    knotd.start()
    _, found = check("example.org", bad=["the server has no zone example.org."])
    assert len(found) == 1


def test_a_zone_that_is_not_loaded(knotd, check):
    """As it is where somebody wrote the record's name into its file."""
    knotd.add_zone(ZONE, text=f"@ ANAME {TARGET}.\n")
    knotd.start(ready=[])
    _, found = check(bad=["configured, but not loaded"])
    assert "zone-check" in found[0] and "'kaname zone'" in found[0] and len(found) == 1


def test_a_module_that_is_not_in_the_list(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1])
    knotd.add_zone(ZONE, [aname(TARGET)], modules=[])
    knotd.start()
    _, found = check(bad=["not in the zone's list", "no client gets an address"])
    assert "module: mod-aname" in found[0]


def test_a_module_in_the_template(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1])
    knotd.template["module"] = ["mod-aname"]
    knotd.add_zone(ZONE, [aname(TARGET)])
    other = {"module": ["mod-onlinesign", "mod-aname"], "storage": knotd.zone_directory}
    knotd.sections.append(section("template", "other", **other))
    knotd.add_zone("example.org", [aname(TARGET)], zone_options={"template": "other"})
    knotd.start()
    check(bad=[])
    check("example.org", bad=["mod-onlinesign stands before mod-aname"])


def test_a_zone_that_a_catalog_brought(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_catalog(ZONE, [aname(TARGET)])
    knotd.start(ready=[])
    eventually(lambda: knotd.loaded(ZONE), timeout=20)
    lines, _ = check(bad=[])
    says(lines, "note", "comes from a catalog")
    says(lines, "ok", "mod-aname is loaded")


def test_the_order_with_onlinesign(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.sections.append(section("mod-onlinesign", "x", nsec_bitmap=["A", "AAAA"]))
    knotd.add_zone(ZONE, [aname(TARGET)], modules=["mod-aname", "mod-onlinesign/x"])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-onlinesign/x", "mod-aname"])
    knotd.start()
    lines, _ = check(bad=[])
    says(lines, "ok", "mod-onlinesign stands behind mod-aname")
    says(lines, "ok", "UDP", f"A: {A1}", "signed")
    check("example.org", bad=["mod-onlinesign stands before", "no client gets an address"])


NOTHING = "'https: alias' does nothing at the apex"


@pytest.mark.parametrize("records, mode, why", [
    ([aname(TARGET)], "alias", None),
    ([aname(TARGET), aname("b.example.net")], "alias", "for several ANAME records there is no"),
    ([aname(TARGET), "@ IN HTTPS 1 . alpn=h2"], "alias", "the zone has HTTPS records of its own"),
    ([aname(TARGET), aname("b.example.net"), "@ IN HTTPS 1 ."], "off", None),
], ids=["one", "pool", "own", "off"])
def test_Q1_where_https_does_nothing(knotd, unbound, authority, check, records, mode, why):
    for target in (TARGET, "b.example.net"):
        authority.set(target, a=[A1], aaaa=[AAAA1])
    knotd.options["https"] = mode
    knotd.add_zone(ZONE, records)
    knotd.start()
    lines, _ = check(bad=[])
    if why:
        says(lines, "note", NOTHING, why)
    else:
        assert not any("https: alias" in line for line in lines), f"expected no word, got {lines}"


def test_no_record(knotd, check):
    knotd.add_zone(ZONE)
    knotd.start()
    _, found = check(bad=["no ANAME or ALIAS record"])
    assert "kaname set" in found[0]


def test_a_malformed_record(knotd, unbound, authority, check):
    knotd.add_zone(ZONE, [raw(b"\xc0\x0c")])
    knotd.add_zone("example.org", [aname(TARGET)])
    knotd.start()
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    known("example.org")
    lines, _ = check(bad=["is no domain name: \\# 2", "SERVFAIL"])
    assert not any(TARGET in line for line in lines), f"expected no other zone's, got {lines}"


def test_more_records_than_are_used(knotd, unbound, authority, check):
    authority.set("*.example.net", a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(f"t{number}.example.net") for number in range(40)])
    knotd.start()
    known()
    check(bad=["the apex has 40 records, of which only 32 are used"])


def test_the_zone_itself_and_the_root_as_targets(knotd, unbound, authority, check):
    knotd.add_zone(ZONE, [aname(ZONE.upper())])
    knotd.add_zone("example.org", [aname(".")])
    knotd.start()
    _, found = check(bad=["the target is the zone itself", "SERVFAIL"])
    says(found, "SERVFAIL", "next: what is BAD above comes first")
    check("example.org", bad=["the target is the root", "SERVFAIL"])


def test_a_type_that_is_not_taken(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["rrtype"] = ["ANAME"]
    knotd.add_zone(ZONE, [aname(TARGET, rrtype=ALIAS)])
    knotd.add_zone("example.org", [aname(TARGET)])
    knotd.start()
    check(bad=["option 'rrtype' does not take TYPE65401"])
    check("example.org", bad=[])


def test_a_target_that_cannot_be_resolved(knotd, unbound, authority, check):
    knotd.options.update({"resolver": ["127.0.0.1"], "retry-max": 1})
    authority.fail(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    lines, found = check(bad=["TCP", "UDP", "cannot be resolved for", "no client gets an address"])
    says(lines, "SERVFAIL", "the target cannot be resolved")
    says(found, f"'kdig @127.0.0.1 {TARGET}. A' asks the same resolver", "nothing is held")
    # Repaired, it is as it should be.
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    answers({A1})
    answers({AAAA1}, rdtype="AAAA")
    check(bad=[])


def test_a_dead_resolver_with_addresses_left(knotd, unbound, authority, check):
    knotd.options.update({"ttl-max": 2, "retry-max": 1})
    simple(knotd, authority)
    known()
    unbound.kill()
    eventually(lambda: query(ZONE, "A").ede and query(ZONE, "AAAA").ede, timeout=30)
    lines, found = check(bad=["stale answer", "cannot be resolved for"])
    says(lines, "BAD", "UDP", f"A: {A1}")
    says(found, f"held: {A1}", f"'getent -A ahostsv4 {TARGET}.' asks the same")
    says(found, f"held: {AAAA1}", f"'getent -A ahostsv6 {TARGET}.' asks the same")


def test_the_command_that_asks_the_same_resolver(knotd, unbound, authority, check):
    """It shows both families, on a host without addresses of theirs, and which one fails."""
    authority.set(TARGET, a=[A1])
    authority.fail(TARGET, "AAAA")
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    _, found = check(bad=["cannot be resolved for"])
    command = re.search(rf"next: '(getent -A ahostsv6 {TARGET}\.)' asks the same", "\n".join(found))
    assert command, f"expected the command, got {found}"
    says(found, "temporary failure", "ask each 'nameserver'")

    def asked(text):
        done = subprocess.run(text.split(), capture_output=True, text=True, check=False)
        return {line.split()[0] for line in done.stdout.splitlines()}

    assert asked(command[1]) <= {f"::ffff:{A1}"}, asked(command[1])
    assert asked(command[1].replace("v6", "v4")) == {A1}
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    eventually(lambda: asked(command[1]) == {AAAA1}, timeout=30, step=0.5)


def test_a_type_that_is_not_taken_is_no_other_module_s_fault(knotd, unbound, authority, check):
    simple(knotd, authority)
    known()
    knotd.options["rrtype"] = "ALIAS"
    knotd.reload()
    _, found = check(bad=["does not take TYPE65305", "no client gets an address", "are held"])
    assert "another module" not in "\n".join(found), f"expected one cause, got {found}"


def test_a_target_that_does_not_exist(knotd, unbound, authority, check):
    authority.nxdomain(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    lines, found = check(bad=["no client gets an address"])
    says(lines, "note", f"target {TARGET}. A: has no address of this family")
    says(found, "no client gets an address", "is the target's name right?", "kaname set")


def test_a_target_that_policy_blocks(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1])
    knotd.options["deny-target"] = ["example.net"]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    _, found = check(bad=["SERVFAIL (the target is blocked by policy)"])
    says(found, "blocked by policy", "next: the log", "'deny-target'")


DNS64 = "64:ff9b::/96"


@pytest.mark.parametrize(
    "deny", [DNS64, "64:ff9b::1-64:ff9b::ff", ["64:ff9b::5", "64:ff9b::6"]]
)
def test_A10_one_family_that_policy_leaves_out_is_good(knotd, unbound, authority, check, deny):
    """As with a recursor that makes up AAAA."""
    authority.set(TARGET, a=[A1], aaaa=["64:ff9b::5", "64:ff9b::6"])
    knotd.options["deny-address"] = deny
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    lines, _ = check(bad=[])
    says(lines, "note", "all addresses that are held, AAAA", "'deny-address'")
    assert not any("all addresses that are held, A," in line for line in lines)
    says(lines, "ok", "UDP", f"A: {A1}")


def test_A10_one_address_that_policy_leaves_out_is_good(knotd, unbound, authority, check):
    simple(knotd, authority, aaaa=(AAAA1, "64:ff9b::5"))
    knotd.options["deny-address"] = [DNS64, "192.0.2.128/25"]
    knotd.reload()
    lines, _ = check(bad=[])
    says(lines, "ok", "UDP", f"AAAA: {AAAA1}, TTL")
    assert not any("deny-address" in line for line in lines)


def test_L2_a_target_that_policy_empties(knotd, unbound, authority, check):
    """With siblings there are answers, but the target is denied."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.options["deny-address"] = ["192.0.2.0/24", "2001:db8::/32"]
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.start()
    _, found = check(bad=["A, are in networks of 'deny-address'", "AAAA, are in networks"])
    assert len(found) == 2, f"expected one line for each family, got {found}"


@pytest.mark.parametrize("kind", ["NXDOMAIN", "no address of either family"])
@pytest.mark.parametrize("delay", [None, 600])
def test_W1_a_target_that_is_gone(knotd, unbound, authority, check, kind, delay):
    knotd.options.update({"ttl-max": 1, "resolver": "127.0.0.1"})
    if delay is not None:
        knotd.options["negative-delay"] = delay
    simple(knotd, authority)
    known()
    if kind == "NXDOMAIN":
        authority.nxdomain(TARGET, negative_ttl=1)
    else:
        authority.set(TARGET, negative_ttl=1)
    knotd.wait_log(TARGET, "is gone", ask=ZONE)
    lines, found = check(bad=[f"target {TARGET}. A: is gone for ", f"target {TARGET}. AAAA: is"])
    says(found, " s (" + kind, "and had addresses before", "'negative-delay")
    if delay:
        says(found, "UDP", f"A: {A1}", "stale answer", "next: see the target below")
        says(found, "is gone", "for as long as 'negative-delay: ")
    else:
        says(found, "no client gets an address")


def test_a_zone_that_knot_signs(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options={"dnssec-signing": "on"})
    knotd.start()
    # Whether there are addresses is the module's matter: none may be there unsigned.
    lines, found = check(bad=None)
    says(lines, "note", "the zone is signed by this server")
    for line in lines:
        assert A1 not in line or "signed" in line or "target" in line, line
    assert all("not signed" not in line for line in found)


def unsigned(knotd):
    told = kaname("-s", knotd.socket, "status", "--prometheus", "--summary",
                  directory=knotd.directory).stdout
    return int(re.search(r"^aname_zones_unsigned (\d+)$", told, re.MULTILINE)[1])


@pytest.mark.parametrize("added", [siblings(), []], ids=["siblings", "none"])
def test_a_zone_signed_elsewhere(knotd, unbound, authority, check, added):
    """What clients get is in the zone, and good as such: but it is not what the target has."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET), *added], zone_options={"dnssec-signing": "on"})
    knotd.start()
    eventually(lambda: query(ZONE, "DNSKEY").addresses("DNSKEY"), what="the zone is signed")
    # Without its keys the module asks for nothing: what is held is from before.
    answers({A1})
    answers({AAAA1}, rdtype="AAAA")
    text = knotd.served_text(ZONE)
    keys = os.path.join(knotd.directory, "db", "keys", "keys")
    os.rename(keys, f"{keys}.hidden")
    knotd.finish()
    knotd.add_zone(ZONE, text=text)
    knotd.start()
    lines, found = check(bad=["mod-aname cannot sign the addresses"])
    says(found, "Signed zones")
    says(found, "kaname follow --primary", "dnssec: off")
    says(lines, "ok", f"target {TARGET}. A: resolvable", f"held: {A1}")
    assert unsigned(knotd) == 1
    # It may be meant so.
    knotd.options["dnssec"] = "off"
    knotd.reload()
    lines, found = check(bad=["gets none of the addresses that are held" if added
                                   else "no client gets an address"])
    says(lines, "note", "what stands in the zone")
    assert unsigned(knotd) == 0
    knotd.options["dnssec"] = "auto"
    knotd.reload()
    # Brought back, they are used.
    os.rename(f"{keys}.hidden", keys)
    answers({A1})
    answers({AAAA1}, rdtype="AAAA")
    check(bad=[])


def test_without_the_status_socket_the_rest_is_reported(knotd, unbound, authority, check):
    knotd.options["status-socket"] = "off"
    simple(knotd, authority)
    lines, _ = check(bad=[])
    says(lines, "ok", "UDP", f"A: {A1}")
    says(lines, "note", "was not asked", "status-socket: off")
    # It may be elsewhere, and is asked there.
    check(ZONE, "-S", "/nowhere", bad=["what the module knows could not be asked"])


def test_a_pool_is_checked_as_a_whole(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1])
    # The addresses are there long before the failure is.
    authority.behave("dead.example.net", None, Behaviour(rcode="SERVFAIL", delay=0.5))
    knotd.add_zone(ZONE, [aname(TARGET), aname("dead.example.net")])
    knotd.start()
    lines, found = check(bad=["target dead.example.net. A: cannot be resolved"])
    says(lines, "ok", f"target {TARGET}. A: resolvable")


def test_no_server(directory):
    path = os.path.join(directory, "none.sock")
    done = kaname("-s", path, "check", ZONE, directory=directory, code=3)
    assert done.stdout == "" and "next: is knotd running?" in done.stderr


@pytest.mark.parametrize("places", [2, 3])
def test_no_room_for_the_target(knotd, unbound, authority, check, places):
    """Neither for its A nor for its AAAA, or for one of them."""
    knotd.options["max-targets"] = places
    authority.set("other.example.net", a=[A1], aaaa=[AAAA1])
    knotd.add_zone("example.org", [aname("other.example.net")])
    simple(knotd, authority)
    known("example.org")
    for rdtype in ("A", "AAAA"):
        eventually(lambda asked=rdtype: not query(ZONE, asked).tc, what="known, or no room")
    _, found = check(bad=["there is no room for ", f"the module holds {places} targets"])
    assert any("raise 'max-targets'" in line for line in found)
    status = kaname("-s", knotd.socket, "status", "--json", directory=knotd.directory)
    assert json.loads(status.stdout)["server"]["full"] is True


def test_a_resolver_of_before_alarms_nobody(knotd, authority, recursor, check):
    """What is kept from a resolver that no section names any more is not shown."""
    knotd.options.update({"resolver": f"{ADDRESS}@5377", "timeout": 200})
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    _, found = check(bad=["cannot be resolved"])
    assert any(f"'kdig @{ADDRESS} -p 5377 {TARGET}. A' asks" in line for line in found), found
    knotd.options["resolver"] = ADDRESS
    knotd.reload()
    known()
    check(bad=[])


# Whose targets.


def pool(knotd, authority, **options):
    """A zone with two targets, of which the second one lacks AAAA."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    authority.set("cdn.example.org", a=["192.0.2.77"])
    knotd.options.update({"resolver": ADDRESS, **options})
    knotd.add_zone(ZONE, [aname(TARGET), aname("cdn.example.org")])
    knotd.start()


def test_P3_whose_targets_a_client_gets_and_why(knotd, authority, check):
    pool(knotd, authority, weight=["example.net@3", "cdn.example.org@1"])
    gets = {}
    for n in range(1, 9):
        source = f"127.9.{n}.7"
        lines, _ = check(ZONE, "--client", source, bad=[])
        says(lines, "ok", f"a client in 127.9.{n}.0/24 gets, AAAA: {TARGET}.")
        says(lines, "note", f"AAAA, place ", f"{TARGET}., rank 1, weight 3, usable, in the answer")
        says(lines, "note", "AAAA, place ", "cdn.example.org., rank 1, weight 1, not usable: nodata")
        (line,) = [line for line in lines if f"a client in 127.9.{n}.0/24 gets, A: " in line]
        gets[source] = line.split(": ")[1]
        says(lines, "note", f"A, place 1: {gets[source]}, ", "usable, in the answer")
        wanted = {A1} if gets[source] == f"{TARGET}." else {"192.0.2.77"}
        query(ZONE, "A", source=source).expect(a=wanted)
    assert len(set(gets.values())) == 2, f"expected both targets to be chosen, got {gets}"
    lines, _ = check(ZONE, "--client", "2001:db8:1:2345::7", bad=[])
    says(lines, "ok", "a client in 2001:db8:1:2300::/56 gets, A: ")


def test_P1_the_ranks_of_a_zones_targets(knotd, authority, check):
    pool(knotd, authority, prefer="example.org")
    lines, _ = check(ZONE, "--client", "198.51.100.7", bad=[])
    says(lines, "ok", "gets, A: cdn.example.org.")
    says(lines, "ok", f"gets, AAAA: {TARGET}.")
    says(lines, "note", "A, place 1: cdn.example.org., rank 1, weight 1, usable, in the answer")
    says(lines, "note", f"A, place 2: {TARGET}., rank 2, weight 1, usable")


def test_P1_H3_what_is_down_is_shown_so(knotd, authority, check, tool):
    pool(knotd, authority, prefer="example.org")
    known()
    tool("force", "cdn.example.org", "down")

    def shown():
        lines, _ = check(ZONE, "--client", "198.51.100.7", bad=[])
        says(lines, "note", "A, place 1: cdn.example.org., rank 1, weight 1, not usable: down")
        says(lines, "ok", f"gets, A: {TARGET}.")
        return True

    eventually(shown)


@pytest.mark.parametrize("option, suffixes, weighed", [
    ("prefer", ["example.org", "exampel.net"], "and comes last"),
    ("weight", ["example.org@3", "exampel.net@1"], "and has the weight 1"),
])
def test_P1_P2_a_misspelt_suffix_is_noted(knotd, authority, check, option, suffixes, weighed):
    pool(knotd, authority, **{option: suffixes})
    lines, _ = check(bad=[])
    found = [line for line in lines if "is under no suffix" in line]
    assert found == [f"note  target {TARGET}.: is under no suffix of '{option}', {weighed}; is one"
                     " misspelt?"]
    knotd.options[option] = [suffix.replace("exampel", "EXAMPLE") for suffix in suffixes]
    knotd.reload()
    lines, _ = check(bad=[])
    assert not any("is under no suffix" in line for line in lines)


def test_one_target_needs_no_suffix(knotd, unbound, authority, check):
    """Sections are shared, and there is nothing that it could come before."""
    knotd.options["prefer"] = ["example.org"]
    simple(knotd, authority)
    lines, _ = check(bad=[])
    assert not any("suffix" in line for line in lines)


def test_P1_a_dead_recursor_moves_no_client(knotd, unbound, authority, check):
    """What is stale counts where probes say that it is up; and the check says what is served."""
    up, dead, other, port = "127.0.1.1", "127.0.1.2", "cdn.example.org", 8443
    alive = Endpoints([up], port).start()
    try:
        authority.set(TARGET, a=[dead])
        authority.set(other, a=[up])
        knotd.options.update({
            "resolver": ["127.0.0.1"], "timeout": 300, "ttl-max": 1, "retry-max": 1,
            "prefer": ["example.net", "example.org"], "probe": "tcp", "probe-port": port,
            "probe-interval": 1, "probe-timeout": 300, "probe-fall": 1, "probe-rise": 1,
        })
        knotd.add_zone(ZONE, [aname(TARGET), aname(other)])
        knotd.start()
        answers({up})
        unbound.kill()

        def shown():
            reply = query(ZONE, "A").expect(a={up})
            assert reply.ede, f"expected a stale answer, got {reply}"
            lines, _ = check(ZONE, "--client", "127.0.0.1", bad=None)
            says(lines, "ok", f"a client in 127.0.0.0/24 gets, A: {other}.")
            says(lines, "A, place 2", "usable (stale, and known to be up), in the answer")
            return True

        eventually(shown, timeout=30)
    finally:
        alive.kill()


def test_P1_all_that_is_stale_is_chosen_among(knotd, unbound, authority, check):
    authority.set(TARGET, a=[A1])
    authority.set("cdn.example.org", a=["192.0.2.77"])
    knotd.options.update({"resolver": ["127.0.0.1"], "timeout": 300, "ttl-max": 1, "retry-max": 1,
                          "weight": ["example.net@1"]})
    knotd.add_zone(ZONE, [aname(TARGET), aname("cdn.example.org")])
    knotd.start()
    known(ZONE, "A")
    unbound.kill()

    def shown():
        reply = query(ZONE, "A")
        assert reply.ede, f"expected a stale answer, got {reply}"
        name = f"{TARGET}." if reply.addresses("A") == {A1} else "cdn.example.org."
        lines, _ = check(ZONE, "--client", "127.0.0.1", bad=None)
        says(lines, "ok", f"gets, A: {name} (none is usable: stale addresses)")
        says(lines, "A, place 1", name, "not usable: stale, in the answer")
        return True

    eventually(shown, timeout=30)


@pytest.mark.parametrize("way", ["serve", "sibling", "servfail"])
def test_H4_whose_targets_while_all_are_down(knotd, authority, check, tool, way):
    pool(knotd, authority, prefer=["example.org", "example.net"], **{"all-down": way})
    known(ZONE, "A")
    for name in (TARGET, "cdn.example.org"):
        tool("force", name, "down")

    def shown():
        lines, _ = check(ZONE, "--client", "127.0.0.1", bad=None)
        says(lines, "A, place 1: cdn.example.org.", "not usable: down")
        if way == "serve":
            query(ZONE, "A").expect(a={"192.0.2.77"})
            says(lines, "ok", "gets, A: cdn.example.org. (all are down", "'all-down: serve'")
            says(lines, "A, place 1: cdn.example.org.", "not usable: down, in the answer")
        else:
            says(lines, "note", "gets no chosen target, A: all are down", f"'all-down: {way}'")
        return True

    eventually(shown)


def test_whose_targets_where_nothing_chooses(knotd, authority, check):
    pool(knotd, authority)
    lines, _ = check(ZONE, "--client", "198.51.100.7", bad=[])
    says(lines, "note", "a client in 198.51.100.0/24 gets what all others get", "is set")


def test_a_client_that_is_none(knotd):
    done = kaname("-s", knotd.socket, "check", ZONE, "--client", "198.51.100",
                  directory=knotd.directory, code=2)
    assert "--client 198.51.100: expected an address" in done.stderr


# All is down.


@pytest.mark.parametrize("sibling", [False, True], ids=["alone", "sibling"])
@pytest.mark.parametrize("way", ["serve", "sibling", "servfail"])
def test_H4_one_family_that_is_down_as_all_down_says(knotd, authority, check, tool, way, sibling):
    """What a client does not get is bad, be it an empty answer and no SERVFAIL."""
    knotd.options.update({"resolver": ADDRESS, "all-down": way})
    simple(knotd, authority, records=siblings() if sibling else ())
    known()
    tool("force", A1, "down")
    all_down = "A: all addresses are down or forced down, and "
    given = {A1} if way == "serve" else {SIBLING_A} if way == "sibling" and sibling else set()
    answers(given)
    if given:
        lines, _ = check(bad=[])
        says(lines, "note", all_down + f"with 'all-down: {way}'")
    else:
        lines, found = check(bad=[all_down + f"'all-down: {way}' gives none"])
        assert len(found) == 1 and "next: " in found[0]
    # The other one is as it should be.
    says(lines, "ok", "UDP", f"AAAA: {AAAA1}")
    assert not any(line.split(None, 1)[-1].startswith("AAAA: all") for line in lines)
    tool("force", A1, "auto")
    answers({A1})
    lines, _ = check(bad=[])
    assert not any("all addresses are down" in line for line in lines)


@pytest.mark.parametrize("way", ["sibling", "servfail"])
def test_H4_SERVFAIL_by_all_down_is_told_from_a_target_that_fails(
    knotd, authority, check, tool, way
):
    knotd.options.update({"resolver": ADDRESS, "all-down": way})
    simple(knotd, authority)
    known()
    tool("force", TARGET, "down")
    failed()
    lines, found = check(bad=["SERVFAIL (all addresses are down, see 'all-down')"])
    says(found, "SERVFAIL", "next: what is down is below")
    assert not any("cannot be resolved" in line for line in lines)
    says(lines, "note", f"target {TARGET}.: is forced down by hand")
    # A target that fails does so whatever the option says.
    tool("force", TARGET, "auto")
    authority.fail("other.example.net")
    knotd.add_zone("example.org", [aname("other.example.net")])
    knotd.reload()
    failed("example.org")
    lines, _ = check("example.org", bad=["SERVFAIL (the target cannot be resolved)"])
    assert not any("all addresses are down" in line for line in lines)
