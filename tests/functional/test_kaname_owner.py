"""kaname set, get and unset --owner: records at names other than the apex."""

import pytest
from harness import A1, A2, ALIAS, ANAME, TARGET, ZONE, aname, eventually, query, rdata, section
from harness.authority import ADDRESS
from harness.kaname import kaname
from harness.knotd import RELEASE

import dns.name

OTHER = "other.example.net"
OLD = RELEASE < (3, 3, 5)
CURE = "'owners: any' in the zone's section of mod-aname"


def records(owner, rrtype=ANAME, zone=ZONE):
    """{(TTL, RDATA)} of that type at a name as it stands in the zone."""
    reply = query(f"{owner}.{zone}", f"TYPE{rrtype}", "tcp")
    return {(ttl, data) for name, ttl, kind, data in reply.section("answer")
            if kind == f"TYPE{rrtype}"}


def wire(name):
    return rdata(dns.name.from_text(name).to_wire())


def transaction(knotd):
    return "transaction: open" in knotd.knotc("zone-status", ZONE, "+transaction").stdout


@pytest.mark.parametrize("given, owner", [
    ("shop", "shop"), ("SHOP", "shop"), (f"shop.{ZONE}.", "shop"), ("a.b.c", "a.b.c"),
    ("*", "*"), ("*.Shop", "*.shop"), ("_a._tcp", "_a._tcp"), (r"a\.b", r"a\.b"),
    (r"\097\.", r"a\."),
])
def test_set_get_and_unset_at_a_name(knotd, tool, given, owner):
    knotd.add_zone(ZONE, [aname(OTHER), aname(OTHER, owner="else", ttl=9)])
    knotd.start()
    there = ["--owner", given]
    tool("set", ZONE, TARGET, *there, "--no-check")
    assert records(owner) == {(300, wire(TARGET))}
    assert tool("get", ZONE, *there).stdout == f"{owner}.{ZONE}. 300 ANAME {TARGET}.\n"
    # A pool, as at the apex, and then one record in the place of all.
    tool("set", ZONE, OTHER, *there, "--add", "--ttl", "60", "--no-check")
    assert records(owner) == {(60, wire(TARGET)), (60, wire(OTHER))}
    tool("unset", ZONE, TARGET, *there)
    assert records(owner) == {(60, wire(OTHER))}
    tool("set", ZONE, TARGET, *there, "--type", "ALIAS", "--no-check")
    assert records(owner) == set() and records(owner, ALIAS) == {(60, wire(TARGET))}
    tool("unset", ZONE, *there)
    assert records(owner, ALIAS) == set()
    # Nothing else has changed.
    assert tool("get", ZONE).stdout.splitlines() == [
        f"{ZONE}. 300 ANAME {OTHER}.", f"else.{ZONE}. 9 ANAME {OTHER}.",
    ]
    assert not transaction(knotd)


@pytest.mark.parametrize("given", ["@", f"{ZONE}.", f"{ZONE.upper()}."])
def test_the_apex_may_be_said(knotd, tool, given):
    knotd.add_zone(ZONE, [aname(TARGET, owner="shop")])
    knotd.start()
    told = tool("set", ZONE, TARGET, "--owner", given, "--no-check")
    assert told.stderr == ""
    line = f"{ZONE}. 300 ANAME {TARGET}.\n"
    assert tool("get", ZONE, "--owner", given).stdout == line
    assert tool("get", ZONE).stdout == line + f"shop.{line}"
    tool("unset", ZONE, "--owner", given)
    assert tool("get", ZONE).stdout == f"shop.{line}"


def test_without_an_owner_set_and_unset_mean_the_apex(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET, owner="shop")])
    knotd.start()
    told = tool("unset", ZONE, code=1).stderr
    assert f"{ZONE}. has no ANAME or ALIAS record" in told
    assert f"next: 'kaname get {ZONE}.' lists those of all owners" in told and "--owner" in told
    assert tool("set", ZONE, OTHER, "--no-check").stderr == ""
    assert records("shop") == {(300, wire(TARGET))}
    tool("unset", ZONE)
    assert tool("get", ZONE).stdout == f"shop.{ZONE}. 300 ANAME {TARGET}.\n"


def test_what_is_not_there_is_said_with_its_owner(knotd, tool):
    knotd.add_zone(ZONE, [aname(TARGET), f"www 60 A {A1}", "a.ent 60 A 192.0.2.1"])
    knotd.start()
    for owner in ("www", "none", "ent"):
        told = tool("get", ZONE, "--owner", owner, code=1).stderr
        assert f"{owner}.{ZONE}. has no ANAME or ALIAS record" in told, told
        assert f"next: 'kaname set {ZONE}. TARGET --owner {owner}.{ZONE}.' declares one" in told
        told = tool("unset", ZONE, "--owner", owner, code=1).stderr
        assert f"{owner}.{ZONE}. has no ANAME or ALIAS record" in told, told
        assert "nothing was changed" in told
    told = tool("unset", ZONE, TARGET, "--owner", "www", code=1).stderr
    assert f"www.{ZONE}. has no ANAME or ALIAS record with the target" in told


def test_the_root_may_be_the_zone(knotd, tool):
    knotd.add_zone(".", text=". 60 SOA ns.x. h.x. 1 2 3 4 5\n. 60 NS ns.x.\nns.x. 60 A 192.0.2.1\n")
    knotd.start(ready=())
    eventually(lambda: query(".", "SOA").addresses("SOA"), what="the zone is there")
    tool("set", ".", TARGET, "--owner", "shop", "--no-check")
    assert tool("get", ".").stdout == f"shop. 300 ANAME {TARGET}.\n"
    tool("unset", ".", "--owner", "shop.")


@pytest.mark.parametrize("owner, words", [
    (f"www.{ZONE}", (f"would be www.{ZONE}.{ZONE}.", f"expected 'www.{ZONE}.'")),
    (ZONE, (f"expected '{ZONE}.'",)),
    ("www.example.org.", ("is not within the zone", "'example.com.'", "'www'")),
    (".", ("is not within the zone",)),
    (f"x{ZONE}.", ("is not within the zone",)),
    ("a..b", ("empty label",)),
    ("", ("is empty",)),
    ("a b", ("white space",)),
    ("192.0.2.1", ("is an address",)),
    ("a" * 64, ("label of 64 octets",)),
    (".".join(["a" * 49] * 5), ("with the zone's name",)),
    ("https://shop/", ("scheme or a path",)),
])
def test_what_is_no_owner_never_reaches_the_server(directory, owner, words):
    for command in (["set", ZONE, TARGET], ["get", ZONE], ["unset", ZONE]):
        done = kaname("-s", f"{directory}/none.sock", *command, "--owner", owner,
                      directory=directory, code=1)
        assert done.stdout == "" and done.stderr.startswith(f"kaname: --owner: '{owner}' ")
        assert all(word in done.stderr for word in words), done.stderr


def test_itself_is_no_target(directory):
    done = kaname("-s", f"{directory}/none.sock", "set", ZONE, f"Shop.{ZONE}", "--owner", "shop",
                  directory=directory, code=1)
    assert f"shop.{ZONE}. cannot follow itself" in done.stderr


# Where nobody would see it.

CUT = [
    "sub NS ns.sub", f"ns.sub A {A1}", "www CNAME @", "old DNAME new", f"old A {A1}",
    "x.under NS ns.example.net.",
]


@pytest.mark.parametrize("owner, words", [
    ("sub", ("is at the delegation of sub", "declare it in the zone sub", "left over?")),
    ("ns.sub", ("is below the delegation of sub",)),
    ("*.sub", ("is below the delegation of sub",)),
    ("a.b.c.sub", ("is below the delegation of sub",)),
    ("www", ("has a CNAME record", "knotc zone-unset", f"www.{ZONE}. CNAME")),
    ("a.old", ("is below the DNAME record of old",)),
    ("*.x.under", ("is below the delegation of x.under",)),
])
def test_set_refuses_where_no_client_would_see_it(knotd, tool, owner, words):
    knotd.add_zone(ZONE, CUT)
    knotd.start()
    before = query(ZONE, "SOA").addresses("SOA")
    told = tool("set", ZONE, TARGET, "--owner", owner, code=1).stderr
    assert told.startswith(f"kaname: {owner}.{ZONE}. ") and "\nnext: " in told, told
    assert all(word in told for word in words), told
    assert query(ZONE, "SOA").addresses("SOA") == before and not transaction(knotd)


@pytest.mark.parametrize("owner", ["old", "new", "under", "a.under", "*", "below.www"])
def test_set_takes_what_is_beside_that(knotd, tool, owner):
    knotd.add_zone(ZONE, CUT)
    knotd.start()
    tool("set", ZONE, TARGET, "--owner", owner, "--no-check")
    assert tool("get", ZONE, "--owner", owner).stdout == f"{owner}.{ZONE}. 300 ANAME {TARGET}.\n"


def test_what_set_says_to_do_about_a_cname_is_what_helps(knotd, tool):
    knotd.add_zone(ZONE, CUT)
    knotd.start()
    told = tool("set", ZONE, TARGET, "--owner", "www", "--no-check", code=1).stderr
    for command in (["zone-begin", f"{ZONE}."], ["zone-unset", f"{ZONE}.", f"www.{ZONE}.", "CNAME"],
                    ["zone-commit", f"{ZONE}."]):
        assert f"'knotc {' '.join(command)}'" in told, told
        knotd.knotc(*command)
    tool("set", ZONE, TARGET, "--owner", "www", "--no-check")
    assert records("www") == {(300, wire(TARGET))}


def test_a_record_left_below_a_delegation_can_be_removed(knotd, tool):
    knotd.add_zone(ZONE, [*CUT, aname(TARGET, owner="a.sub")])
    knotd.start()
    assert tool("get", ZONE).stdout == f"a.sub.{ZONE}. 300 ANAME {TARGET}.\n"
    tool("unset", ZONE, "--owner", "a.sub")
    tool("get", ZONE, code=1)


@pytest.mark.parametrize("owner, target, refused", [
    ("*", f"cdn.{ZONE}", True), ("*", f"a.b.{ZONE}", True), ("*", f"lb.{ZONE}", False),
    ("*", f"x.lb.{ZONE}", False), ("*.lb", f"x.lb.{ZONE}", True), ("*.lb", f"cdn.{ZONE}", False),
    ("*", TARGET, False), ("shop", f"cdn.{ZONE}", False),
])
def test_a_wildcard_does_not_stand_for_its_own_target(knotd, tool, owner, target, refused):
    knotd.add_zone(ZONE, [f"lb A {A1}"])
    knotd.start()
    told = tool("set", ZONE, target, "--owner", owner, "--no-check", code=int(refused)).stderr
    assert (f"{target}. is no name of the zone but one that {owner}.{ZONE}. itself stands for"
            in told) == refused, told
    assert ("nothing was changed" in told and "\nnext: " in told) == refused, told


def test_set_refuses_a_target_that_leads_back_to_the_owner(knotd, authority, tool):
    knotd.options["resolver"] = ADDRESS
    authority.cname(TARGET, f"shop.{ZONE}.")
    authority.set(f"shop.{ZONE}", a=[A1])
    authority.cname(OTHER, f"{ZONE}.")
    authority.set(ZONE, a=[A2])
    knotd.add_zone(ZONE)
    knotd.start()
    told = tool("set", ZONE, TARGET, "--owner", "shop", code=1).stderr
    assert f"leads back to shop.{ZONE}., which would follow itself" in told, told
    # The apex is another name.
    tool("set", ZONE, OTHER, "--owner", "shop")
    assert records("shop") == {(300, wire(OTHER))}


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("owner", ["shop", "a.b.c.shop", "*.x", "there"])
def test_a_new_name_leaves_no_error_in_knotds_log(knotd, tool, owner, signed):
    knotd.add_zone(ZONE, [f"there A {A1}", f"lb A {A1}"],
                   zone_options={"dnssec-signing": "on"} if signed else None)
    knotd.start()
    tool("set", ZONE, f"lb.{ZONE}", "--owner", owner, "--no-check")
    tool("set", ZONE, OTHER, "--owner", owner, "--add", "--no-check")
    assert records(owner) == {(300, wire(f"lb.{ZONE}")), (300, wire(OTHER))}
    assert "error" not in knotd.log_text(), knotd.log_text()
    # What made the name exist meanwhile is not there any more, in no reply and no history.
    text = knotd.knotc("zone-read", ZONE).stdout
    assert "TYPE65280" not in text, text
    assert not query(f"{owner}.{ZONE}", "TYPE65280", "tcp").types()
    assert not transaction(knotd)


def test_what_is_open_already_is_left_alone(knotd, tool):
    knotd.add_zone(ZONE)
    knotd.start()
    knotd.knotc("zone-begin", ZONE)
    knotd.knotc("zone-set", ZONE, "own", "60", "A", A1)
    for owner in ("@", "shop"):
        tool("set", ZONE, TARGET, "--owner", owner, "--no-check", code=1)
    assert transaction(knotd)
    knotd.knotc("zone-commit", ZONE)
    assert query(f"own.{ZONE}", "A", "tcp").addresses("A") == {A1}
    tool("get", ZONE, code=1)


# Whether the module follows it.


def test_set_warns_where_the_record_is_not_followed(knotd, tool):
    knotd.sections.append(section("mod-aname", "apex", ttl_max=60))
    knotd.add_zone(ZONE)
    knotd.add_zone("with.example", modules=["mod-aname/apex"])
    knotd.add_zone("without.example", modules=[])
    knotd.start(ready=())
    for zone in (ZONE, "with.example"):
        eventually(lambda name=zone: query(name, "SOA").addresses("SOA"), what=f"{zone} is there")
        told = tool("set", zone, TARGET, "--owner", "shop", "--no-check").stderr
        assert told.startswith(f"warning: shop.{zone}. is not the apex, and ") and CURE in told
        assert "serves the record as it is and does not follow it" in told
        assert ("next: Knot DNS 3.3.5 or later" in told) == OLD, told
        assert ("'owners: apex' counts for the zone" in told) == (not OLD), told
        assert records("shop", zone=zone) == {(300, wire(TARGET))}
        assert tool("set", zone, TARGET, "--no-check").stderr == ""
        assert tool("unset", zone, "--owner", "shop").stderr == ""
    told = tool("set", "without.example", TARGET, "--owner", "shop", "--no-check").stderr
    assert "warning: mod-aname is not in the list" in told and "owners" not in told


def test_of_a_zone_of_a_catalog_it_is_not_known(knotd, tool):
    knotd.add_catalog("member.example", [aname(TARGET)])
    knotd.start(ready=())
    eventually(lambda: tool("get", "member.example"), what="the catalog's zone is there")
    told = tool("set", "member.example", OTHER, "--owner", "shop", "--no-check").stderr
    if OLD:
        assert told.startswith("warning: ") and "Knot DNS 3.3.5 or later" in told
    else:
        assert told.startswith("note: shop.member.example. is not the apex: it is followed with")
    assert "shop.member.example. 300 ANAME" in tool("get", "member.example").stdout


def test_signed_zones_are_signed_anew(knotd, tool):
    knotd.add_zone(ZONE, zone_options={"dnssec-signing": "on"})
    knotd.start()
    for owner in ("shop", "*.shop"):
        tool("set", ZONE, TARGET, "--owner", owner, "--no-check")
        reply = query(f"{owner}.{ZONE}", f"TYPE{ANAME}", "tcp", do=True)
        assert {"TYPE65305", "RRSIG"} <= reply.types()
    assert tool("get", ZONE).stdout.splitlines() == [
        f"{name}.{ZONE}. 300 ANAME {TARGET}." for name in ("shop", "*.shop")
    ]
