"""Events of the server itself: its configuration, its zones, and its end.

Each is a function of the run and of the event's parameters. They come one after the other.
"""

import contextlib
import dataclasses
import os
import shutil
import time

from harness import query
from harness.follow import update
from harness.wait import SLOW, eventually
from harness.zone import ANAME, ANAME_TTL, aname
from judge import LOADING
from world import CATALOG, STATE_S

RELOADED = ("plain.example", "nsec.example", "nsec3.example", "pool.example", "liar.example",
            "short.example", "weighted.example")
RESTORED = ("plain.example", "nsec.example", "pool.example")
# The targets that records are changed to.
CHANGED = (("{0}0",), ("{0}1",), ("{0}2",), ("{0}0", "{0}1"), ("{0}1", "{0}2"), ("{0}2", "{0}0"))


def reload_options(run, ttl_max, wait, retries, max_addresses, answer_aname, retry_max):
    world = run.world
    for one in world.sections.values():
        one.options |= {"ttl-max": ttl_max, "wait": wait, "max-addresses": max_addresses,
                        "answer-aname": answer_aname, "retry-max": retry_max}
        if one.upstream != "system":
            one.options["retries"] = retries
    world.write_sections()
    with world.ttl_max.change(ttl_max):
        world.knotd.reload()


def reload_zones(run, number):
    """A zone comes, or goes."""
    world = run.world
    zone = world.zones["extra.example"]
    if zone.present.now:
        with zone.present.change(False):
            del world.knotd.zones[zone.name]
            world.knotd.reload()
            eventually(lambda: query(zone.name, "SOA").rcode == "REFUSED", what="it is gone")
        return
    with zone.present.change(True):
        world.knotd.add_zone(zone.name, zone.records(), modules=["mod-aname/main"])
        world.knotd.reload()
        eventually(lambda: world.knotd.loaded(zone.name), 20 * SLOW, what=f"{zone.name} is there")


def reload_sections(run, number):
    """A section like another one comes, and a zone has it; or it goes."""
    world = run.world
    extra = world.knotd.zones["plain.example"]
    if extra.modules == ["mod-aname/main"]:
        main = world.sections["main"]
        world.sections["twin"] = dataclasses.replace(main, name="twin", options=dict(main.options))
        extra.modules = ["mod-aname/twin"]
    else:
        del world.sections["twin"]
        extra.modules = ["mod-aname/main"]
    world.write_sections()
    world.knotd.reload()


def reload_resolver(run, number):
    """A section asks somebody else, from whom nothing is known, or as before."""
    world = run.world
    one = world.sections["other"]
    first = one.upstream == "unbound-first"
    # From then on the one is kept as it was (T4), and the other is asked.
    away = world.spells.begin(one.upstream)
    with world.spells.during("zone:other.example"):
        one.options["resolver"] = (["127.0.0.1", "127.0.0.1@5399"] if first else "127.0.0.1")
        one.upstream = "unbound-second" if first else "unbound-first"
        world.write_sections()
        world.knotd.reload()
    if world.away is not None:
        world.spells.end(world.away)
    world.away = away


def zone_reload_forced(run, number):
    run.world.knotd.knotc("-b", "-f", "zone-reload", RELOADED[number % len(RELOADED)])


def zone_file(run, number):
    """A zone has another record, and is loaded anew."""
    world = run.world
    zone = world.zones[RELOADED[number % len(RELOADED)]]
    zone.serial += 10000
    with zone.text.change(str(zone.serial)):
        world.knotd.write_zone(zone.name, zone.records(), serial=zone.serial)
        world.knotd.knotc("-b", "zone-reload", zone.name)


def backup_restore(run, number):
    world = run.world
    name = RESTORED[number % len(RESTORED)]
    place = os.path.join(world.directory, "backup")
    shutil.rmtree(place, ignore_errors=True)
    world.knotd.knotc("-b", "zone-backup", name, "+backupdir", place)
    # While a zone is restored Knot has none.
    with world.spells.during(f"zone:{name}"):
        world.knotd.knotc("-b", "zone-restore", name, "+backupdir", place)
        eventually(lambda: world.knotd.loaded(name), 20 * SLOW, what=f"{name} is restored")


def catalog(run, number):
    """A member comes, or goes."""
    world = run.world
    zone = world.zones[f"member{number}.example"]
    catalog_zone = world.catalog
    catalog_zone.serial += 1

    def apply():
        world.knotd.reload_zone(CATALOG, world.catalog_records(), serial=catalog_zone.serial)

    if zone.present.now:
        with zone.present.change(False):
            apply()
            eventually(lambda: query(zone.name, "SOA").rcode == "REFUSED", what="it is gone")
        # Knot removes a member's file with it.
        world.knotd.write_zone(zone.name, zone.records())
        return
    with zone.present.change(True):
        apply()
        eventually(lambda: world.knotd.loaded(zone.name), 20 * SLOW, what=f"{zone.name} is there")


def key_rollover(run, key):
    knotd, name = run.world.knotd, "rolling.example"
    # The parent's part, if a roll-over waits for it.
    knotd.knotc("zone-ksk-submitted", name, check=False)
    knotd.knotc("zone-key-rollover", name, key)


def _change(run, letter, number, send):
    """The ANAME records of a zone are others."""
    world = run.world
    zone = world.zones[{"d": "dynamic.example", "c": "control.example"}[letter]]
    names = tuple(f"{one.format(letter)}.u.example" for one in CHANGED[number])
    with zone.owners["@"].targets.change(names):
        send(zone.name, [aname(name).split(f"TYPE{ANAME} ", 1)[1] for name in names])


def dynamic_update(run, number):
    def send(zone, rdatas):
        message, sent = update(zone)
        message.delete(f"{zone}.", f"TYPE{ANAME}")
        for rdata in rdatas:
            message.add(f"{zone}.", ANAME_TTL, f"TYPE{ANAME}", rdata)
        rcode = sent()
        assert rcode == "NOERROR", f"expected the update to be taken, got {rcode}"

    _change(run, "d", number, send)


def transaction(run, number):
    knotd = run.world.knotd

    def send(zone, rdatas):
        knotd.knotc("zone-begin", zone)
        knotd.knotc("zone-unset", zone, "@", f"TYPE{ANAME}")
        for rdata in rdatas:
            knotd.knotc("zone-set", zone, "@", str(ANAME_TTL), f"TYPE{ANAME}", rdata)
        knotd.knotc("zone-commit", zone)

    _change(run, "c", number, send)


@contextlib.contextmanager
def _away(run, earlier=0.0):
    """Around an end of the server; it is started again, and has loaded everything, at the end."""
    world = run.world
    with world.spells.during(LOADING), world.spells.during("knotd", earlier):
        world.generation += 1
        yield
        world.start_knotd()


def knotd_terminated(run, seconds):
    with _away(run):
        run.ended()
        time.sleep(seconds)


def knotd_killed(run, seconds, state):
    """What was learnt since the state was saved is not known any more; without it, nothing is."""
    path = os.path.join(run.world.directory, "db", "mod-aname.state")
    with _away(run, STATE_S + 1):
        run.world.knotd.kill()
        run.judge.known.killed(time.monotonic(), state == "kept")
        if state == "removed":
            os.unlink(path)
        elif state == "damaged":
            with open(path, "r+b") as file:
                file.seek(os.path.getsize(path) // 2)
                file.write(b"damaged")
        time.sleep(seconds)


HANDLERS = {
    "reload-options": reload_options, "reload-zones": reload_zones,
    "reload-sections": reload_sections, "reload-resolver": reload_resolver,
    "zone-reload-forced": zone_reload_forced,
    "zone-file": zone_file, "backup-restore": backup_restore, "catalog": catalog,
    "key-rollover": key_rollover, "update": dynamic_update, "transaction": transaction,
    "knotd-terminated": knotd_terminated, "knotd-killed": knotd_killed,
}
