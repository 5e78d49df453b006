"""Start, stop, reload, restore, catalog: what happens around the answers."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from harness import knotd as knotd_module
from harness import (
    A1, A2, AAAA1, INVALID_DATA, PRIMARY, PROMPT, SIBLING_A, STALE_TTL, TARGET, ZONE, Knotd, aname,
    answers, eventually, expire, failed, known, let_pass, query, sanitizer, section, siblings,
    simple,
)
from harness.load import Load

STATIC = "198.51.100.7"
RECORDS = ["www IN CNAME @", f"static IN A {STATIC}", "@ IN TXT here"]
QUESTIONS = [
    (ZONE, "A"),
    (f"www.{ZONE}", "A"),
    (ZONE, "AAAA"),
    (f"static.{ZONE}", "A"),
    (ZONE, "TXT"),
]


def right(reply):
    """What each of QUESTIONS gets while the target is known."""
    reply.expect(soa=False, ede=set())
    wanted = {AAAA1} if reply.type == "AAAA" else {A1}
    if str(reply.name).startswith("static."):
        wanted = {STATIC}
    if reply.type != "TXT":
        assert reply.addresses() == wanted, f"expected {wanted}, got {reply}"


def serving(knotd, authority, records=(), **how):
    """The zone of these tests, known, with siblings that must not show."""
    simple(knotd, authority, records=[*RECORDS, *siblings(), *records], **how)
    known()
    for question in QUESTIONS:
        right(query(*question))


@pytest.mark.slow
@pytest.mark.limit(180)
def test_fifty_reloads_under_load(knotd, unbound, authority):
    serving(knotd, authority)
    with Load(QUESTIONS, right) as load:
        for i in range(50):
            # Each time something of the configuration is different.
            knotd.options["wait"] = 400 + i
            knotd.reload()
    load.verify(500)
    query(ZONE, "A", "tcp").expect(a={A1}, ede=set())


@pytest.mark.slow
@pytest.mark.limit(180)
def test_fifty_reloads_with_short_lifetimes_under_load(knotd, unbound, authority):
    knotd.options["ttl-max"] = 1
    serving(knotd, authority)
    with Load(QUESTIONS, right) as load:
        for _ in range(50):
            knotd.reload()
    load.verify(500)


def zone_reload(knotd, number):
    knotd.write_zone(ZONE, [aname(TARGET), *RECORDS, *siblings()], serial=number + 2)
    knotd.knotc("-b", "zone-reload", ZONE)


def forced_zone_reload(knotd, _number):
    knotd.knotc("-b", "-f", "zone-reload", ZONE)


def reload_by_signal(knotd, number):
    before = len(knotd.log_lines("configuration reloaded"))
    knotd.options["wait"] = 400 + number
    knotd.write_conf()
    knotd.signal(signal.SIGHUP)
    knotd.wait_log("configuration reloaded", count=before + 1)


def zone_restore(knotd, number):
    place = os.path.join(knotd.directory, f"backup{number}")
    knotd.knotc("-b", "zone-backup", ZONE, "+backupdir", place)
    knotd.knotc("-b", "zone-restore", ZONE, "+backupdir", place)


def right_or_restored(reply):
    """While a zone is restored Knot has none, and says so whatever the modules."""
    if not (reply.rcode == "SERVFAIL" and reply.ede == [INVALID_DATA]):
        right(reply)


@pytest.mark.limit(120)
@pytest.mark.parametrize(
    "action, check",
    [
        (zone_reload, right),
        (forced_zone_reload, right),
        (reload_by_signal, right),
        (zone_restore, right_or_restored),
    ],
)
def test_zone_events_under_load(knotd, unbound, authority, action, check):
    serving(knotd, authority)
    with Load(QUESTIONS, check) as load:
        for number in range(10):
            action(knotd, number)
            before = load.count
            eventually(lambda seen=before: load.count > seen + 10, what="queries go on")
    load.verify(100)
    for question in QUESTIONS:
        right(query(*question, "tcp"))


@pytest.mark.limit(120)
def test_zone_restore_of_many_zones_at_once(knotd, unbound, authority):
    knotd.server["background-workers"] = 4
    zones = [f"zone{i}.example" for i in range(30)]
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    for zone in zones:
        knotd.add_zone(zone, [aname(TARGET), *siblings()])
    knotd.start()
    known(zones[0])
    place = os.path.join(knotd.directory, "backup")
    knotd.knotc("-b", "zone-backup", "+backupdir", place)

    def check(reply):
        if not (reply.rcode == "SERVFAIL" and reply.ede == [INVALID_DATA]):
            reply.expect(a={A1}, soa=False)

    with Load([(zone, "A") for zone in zones], check) as load:
        for _ in range(5):
            knotd.knotc("-b", "zone-restore", "+backupdir", place)
            before = load.count
            eventually(lambda seen=before: load.count > seen + 30, what="queries go on")
    load.verify(100)
    for zone in zones:
        query(zone, "A", "tcp").expect(a={A1}, ede=set())


@pytest.mark.slow
@pytest.mark.limit(180)
def test_reloads_do_not_leak(knotd, unbound, authority):
    serving(knotd, authority)
    for i in range(100):
        knotd.add_zone(f"zone{i}.example", [aname(f"target{i}.example.net")])
        authority.set(f"target{i}.example.net", a=[A1])
    knotd.reload()
    eventually(lambda: knotd.loaded("zone99.example"), what="the zones are loaded")
    for i in range(100):
        known(f"zone{i}.example", "A")

    def reloads(count):
        for i in range(count):
            knotd.options["wait"] = 400 + i
            knotd.reload()
        knotd.knotc("-b", "-f", "zone-reload")
        return knotd.rss()

    reloads(20)
    first = reloads(20)
    last = reloads(60)
    # 60 reloads of 101 instances: a leak of 500 octets in each would show.
    # A sanitizer keeps freed memory on purpose, and finds leaks by itself at the end.
    allowed = 3 << 20 if not sanitizer.ENABLED else 256 << 20
    assert last - first < allowed, f"expected no growth from {first}, got {last - first} octets"


def test_one_service_thread_whatever_the_instances(knotd, unbound, authority):
    serving(knotd, authority)
    for i in range(20):
        knotd.add_zone(f"zone{i}.example", [aname(f"target{i}.example.net")])
        authority.set(f"target{i}.example.net", a=[A1])
    knotd.reload()
    for i in range(20):
        eventually(lambda zone=f"zone{i}.example": knotd.loaded(zone), what="loaded")
        known(f"zone{i}.example", "A")
    first = len(knotd.threads())
    for _ in range(10):
        knotd.reload()
    eventually(
        lambda: len(knotd.threads()) <= first, what=f"no more than {first} threads"
    )


def test_module_removed_and_added_again(knotd, unbound, authority, proto):
    serving(knotd, authority)
    for _ in range(3):
        knotd.zones[ZONE].modules = []
        knotd.reload()
        answers({SIBLING_A}, proto=proto, ttl=(3600, 3600), ede=set())
        knotd.zones[ZONE].modules = None
        knotd.reload()
        answers({A1}, proto=proto, ede=set())


def test_record_added_and_removed_by_zone_reload(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    authority.set("other.example.net", a=[A2])
    knotd.add_zone(ZONE, siblings())
    knotd.start()
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(3600, 3600))
    knotd.reload_zone(ZONE, [aname(TARGET), *siblings()], serial=2)
    answers({A1}, ede=set())
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    knotd.reload_zone(ZONE, [aname("other.example.net"), *siblings()], serial=3)
    answers({A2}, ede=set())
    query(ZONE, "A", proto).expect(a={A2}, ede=set())
    knotd.reload_zone(ZONE, siblings(), serial=4)
    answers({SIBLING_A}, proto=proto, ttl=(3600, 3600), ede=set())


def test_catalog_member_added_and_removed(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    knotd.sections.append(section("template", "members", storage=knotd.zone_directory,
                                  module="mod-aname"))
    catalog = ["version IN TXT 2"]
    knotd.add_zone("catalog.example", catalog, modules=[],
                   zone_options={"catalog-role": "interpret", "catalog-template": "members"})
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.write_zone("member.example", [aname(TARGET), *siblings()])
    # Knot answers no ordinary query for a catalog zone.
    knotd.start(ready=[ZONE])
    known(ZONE, "A").expect(a={A1})
    query("member.example", "A", proto).expect(rcode="REFUSED", aa=False)
    for serial in (2, 4, 6):
        knotd.reload_zone(
            "catalog.example", [*catalog, "one.zones IN PTR member.example."], serial=serial
        )
        eventually(lambda: knotd.loaded("member.example"), what="the member is served")
        answers({A1}, name="member.example", proto=proto, ede=set())
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
        knotd.reload_zone("catalog.example", catalog, serial=serial + 1)
        eventually(
            lambda: query("member.example", "A", proto).rcode == "REFUSED",
            what="the member is gone",
        )
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
        # Knot removes a member's zone file with it.
        knotd.write_zone("member.example", [aname(TARGET), *siblings()])


@pytest.mark.slow
@pytest.mark.limit(240)
def test_one_template_for_many_zones(knotd, unbound, authority):
    count = 2000
    knotd.template["module"] = "mod-aname"
    for i in range(count):
        knotd.add_zone(f"zone{i}.example", [aname(f"t{i}.example.net")])
    authority.set("*.example.net", a=[A1])
    knotd.start()
    zones = list(knotd.zones)
    for zone in zones:
        eventually(lambda name=zone: knotd.loaded(name), timeout=60, what=f"{zone} is loaded")
    for zone in zones:
        query(zone, "A")
    for zone in zones:
        known(zone, "A", timeout=30).expect(a={A1}, ede=set())
    asked = {seen.name for seen in authority.seen(rdtype="A") if seen.name.startswith("t")}
    assert len(asked) == count, f"expected {count} targets looked up, got {len(asked)}"
    query(zones[-1], "A", "tcp").expect(a={A1}, ede=set())


def test_start_with_the_resolver_dead(knotd, start_unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    knotd.options["retry-max"] = 2
    knotd.add_zone(ZONE, [aname(TARGET), *RECORDS])
    start = time.monotonic()
    knotd.start()
    took = time.monotonic() - start
    assert took < 3 + PROMPT, f"expected a start that needs no resolver, took {took:.1f} s"
    failed(proto=proto)
    query(f"static.{ZONE}", "A", proto).expect(a={STATIC}, ede=set())
    start_unbound()
    answers({A1}, proto=proto, ede=set())


@pytest.mark.parametrize("why", ["targets-silent", "recursor-frozen", "recursor-dead"])
def test_stop_with_lookups_running(knotd, unbound, authority, why):
    count = 200
    for i in range(count):
        authority.drop(f"dead{i}.example.net")
        knotd.add_zone(f"zone{i}.example", [aname(f"dead{i}.example.net")])
    knotd.start()
    if why == "recursor-frozen":
        unbound.freeze()
    elif why == "recursor-dead":
        unbound.kill()
    for i in range(count):
        query(f"zone{i}.example", "A")
    # Far more lookups than threads are under way or queued; each may take two seconds.
    took = knotd.finish(timeout=20)
    assert took < 6 + PROMPT, f"expected a bounded stop, took {took:.1f} s"


def test_stop_while_tcp_clients_wait(knotd, unbound, authority):
    knotd.options["wait"] = 5000
    authority.drop(TARGET)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    client = subprocess.Popen(
        ["kdig", "+tcp", "+timeout=10", "+retry=0", "@127.0.0.1", "-p", "5300", ZONE, "A"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        eventually(lambda: authority.count(TARGET, "A"), what="the client waits")
        took = knotd.finish(timeout=20)
    finally:
        client.wait(15)
    assert took < 8 + PROMPT, f"expected a bounded stop, took {took:.1f} s"


def test_stop_right_after_start(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], delay=0.5)
    knotd.add_zone(ZONE, [aname(TARGET)])
    for _ in range(5):
        knotd.start()
        query(ZONE, "A")
        took = knotd.finish()
        assert took < 4 + PROMPT, f"expected a short stop, took {took:.1f} s"


def test_zone_without_the_record(knotd, unbound, authority, proto):
    knotd.add_zone(ZONE, siblings())
    knotd.add_zone("bare.example")
    knotd.start()
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(3600, 3600), ede=set(), soa=False)
    query("bare.example", "A", proto).expect(a=(), soa=True, ede=set())
    count = authority.count()
    assert count == 0, f"expected no lookup at all, got {authority.seen()}"


def test_record_below_the_apex_is_ordinary_data(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[aname("other.example.net", owner="sub")])
    known()
    query(f"sub.{ZONE}", "A", proto).expect(a=(), soa=True, ede=set())
    reply = query(f"sub.{ZONE}", "TYPE65305", proto).expect(ede=set())
    assert reply.addresses("TYPE65305"), f"expected the record itself, got {reply}"


def test_empty_zone(knotd, unbound, authority, proto):
    # In the configuration, without a zone file: Knot has no contents to serve.
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("empty.example")
    os.unlink(knotd.zone_file("empty.example"))
    authority.set(TARGET, a=[A1])
    knotd.start(ready=[ZONE])
    for name in ("empty.example", "www.empty.example"):
        for rdtype in ("A", "AAAA", "TYPE65305", "ANY", "MX"):
            query(name, rdtype, proto).expect(rcode="SERVFAIL", aa=None, a=(), soa=False)
    known(ZONE, "A").expect(a={A1})


def secondary(primary, knotd):
    """Start both, knotd as the primary's secondary."""
    address = f"{PRIMARY[0]}@{PRIMARY[1]}"
    knotd.sections.append(section("remote", "primary", address=address))
    knotd.add_zone(ZONE, zone_options={"master": "primary"})
    os.unlink(knotd.zone_file(ZONE))
    primary.start(ready=())
    knotd.start()
    known(ZONE, "A").expect(a={A1})


def test_expired_zone(knotd, primary, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    primary.add_zone(
        ZONE,
        text="\n".join(
            [
                f"{ZONE}. 60 IN SOA ns hostmaster 1 1 1 3 60",
                f"{ZONE}. 60 IN NS ns.example.net.",
                aname(TARGET, owner=f"{ZONE}."),
                "",
            ]
        ),
        zone_options={"acl": "all"},
    )
    secondary(primary, knotd)
    primary.finish()
    reply = eventually(
        lambda: query(ZONE, "A", proto).expect(rcode="SERVFAIL", aa=None, a=(), soa=False),
        timeout=20,
        what="the zone has expired",
    )
    assert not reply.section("answer"), f"expected nothing of an expired zone, got {reply}"
    knotd.wait_log("expired")
    query(ZONE, "TYPE65305", proto).expect(rcode="SERVFAIL", aa=None)


def test_secondary_synthesizes_too(knotd, primary, unbound, authority, proto):
    authority.set(TARGET, a=[A1])
    primary.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options={"acl": "all"})
    secondary(primary, knotd)
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    reply = query(ZONE, "A", proto, server=PRIMARY)
    reply.expect(a={SIBLING_A}, ttl=(3600, 3600))


def test_runs_as_an_unprivileged_user(directory, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    # A process that changed its user cannot be traced, which finding leaks needs.
    knotd = Knotd(directory, leaks=False)
    knotd.server["user"] = "knot:knot"
    knotd.add_zone(ZONE, [aname(TARGET)])
    shutil.chown(directory, "knot", "knot")
    for place, _, _ in os.walk(directory):
        shutil.chown(place, "knot", "knot")
    try:
        knotd.start()
        known()
        query(ZONE, "A", proto).expect(a={A1}, ede=set())
        knotd.reload()
        query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set())
        knotd.finish()
    finally:
        knotd.kill()


def test_restarted_server_begins_cold_and_recovers(knotd, unbound, authority, proto):
    serving(knotd, authority)
    knotd.finish()
    knotd.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ede=set())


def test_new_targets_keep_coming_after_a_reload(knotd, unbound, authority):
    serving(knotd, authority)
    for i in range(5):
        zone = f"zone{i}.example"
        authority.set(f"t{i}.example.net", a=[A2])
        knotd.add_zone(zone, [aname(f"t{i}.example.net")])
        knotd.reload()
        eventually(lambda name=zone: knotd.loaded(name), what="the zone is loaded")
        known(zone, "A").expect(a={A2})
    query(ZONE, "A").expect(a={A1}, ede=set())


def test_reload_while_lookups_run(knotd, unbound, authority):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=0.8)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    query(ZONE, "A").expect(tc=True, aa=None)
    for _ in range(5):
        knotd.reload()
    knotd.knotc("-b", "-f", "zone-reload", ZONE)
    answers({A1}, timeout=5, ede=set())
    count = authority.count(TARGET, "A")
    assert count == 1, f"expected the running lookup to be kept, got {count}"


def test_reload_while_stale(knotd, unbound, authority, proto):
    knotd.options["ttl-max"] = 1
    serving(knotd, authority)
    authority.fail(TARGET)
    expire(1)
    query(ZONE, "A").expect(a={A1}, ede={3})
    for _ in range(3):
        knotd.reload()
        query(ZONE, "A", proto).expect(a={A1}, ttl=(1, STALE_TTL), ede={3})


def test_removed_zone_lets_go_of_its_target(knotd, unbound, authority):
    knotd.options.update({"ttl-max": 1, "idle": 1})
    serving(knotd, authority)
    knotd.add_zone("other.example", [aname("other.example.net")])
    knotd.reload()
    del knotd.zones[ZONE]
    knotd.reload()
    query(ZONE, "A").expect(rcode="REFUSED", aa=False)
    let_pass(3)
    before = authority.count(TARGET)
    let_pass(2)
    after = authority.count(TARGET)
    assert after == before, (
        f"expected no more lookups for a zone that is gone, got {after - before}"
    )


def module_in_use(knotd, path):
    """How the running server's map of memory names the module's file."""
    with open(f"/proc/{knotd.pid}/maps", encoding="utf-8") as maps:
        return {line.split(None, 5)[5].strip() for line in maps if path in line}


def test_replaced_file_is_taken_at_a_restart(directory, unbound, authority, monkeypatch):
    """As a package replaces it: by a new file of the same name (doc/operation.md, Upgrading)."""
    path = os.path.join(directory, "aname.so")
    shutil.copy(knotd_module.MODULE, path)
    monkeypatch.setattr(knotd_module, "MODULE", path)
    knotd = Knotd(directory)
    try:
        simple(knotd, authority)
        known()
        assert module_in_use(knotd, path) == {path}
        shutil.copy(path, f"{path}.new")
        os.rename(f"{path}.new", path)
        knotd.reload()
        query(ZONE, "A").expect(a={A1})
        assert module_in_use(knotd, path) == {f"{path} (deleted)"}
        knotd.finish()
        knotd.start()
        answers({A1})
        assert module_in_use(knotd, path) == {path}
        knotd.finish()
    finally:
        knotd.kill()
