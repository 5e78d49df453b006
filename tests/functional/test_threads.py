"""W2, F1-F3, D1: fewer threads than wanted, or none; knotd goes on, and the log says why."""

import os
import shutil
import subprocess

import pytest
from harness import (
    A1, AAAA1, SIBLING_A, SIBLING_AAAA, STALE_TTL, TARGET, ZONE, Knotd, aname, answers, during,
    eventually, failed, known, query, sanitizer, siblings,
)
from harness.signatures import Keys, verify
from harness.validator import signed

# The limit on processes counts per user: one that nobody else is, whatever runs beside.
USER = 100000 + os.getpid()
AS_USER = ["setpriv", f"--reuid={USER}", f"--regid={USER}", "--clear-groups", "--"]
RECURSOR = "127.0.0.1"
# What knotd takes for itself, as the harness configures it, and what the module leaves to it.
TOO_FEW = [18, 23]
SOME = [26, 32, 40, 60]


class Confined(Knotd):
    """knotd as a user of its own under limits; the harness' fixture would be root."""

    def __init__(self, directory, **limits):
        # A process that changed its user cannot be traced, which finding leaks needs.
        super().__init__(directory, leaks=False)
        self.argv = [
            *AS_USER,
            "prlimit", *(f"--{name}={value}:" for name, value in limits.items()), "--",
            *self.argv,
        ]

    def start(self, ready=None):
        for place, _, files in os.walk(self.directory):
            for path in (place, *(os.path.join(place, name) for name in files)):
                shutil.chown(path, USER, USER)
        return super().start(ready)

    def limit(self, **limits):
        """Set other limits while it runs."""
        subprocess.run(
            [*AS_USER, "prlimit", f"--pid={self.pid}",
             *(f"--{name}={value}:" for name, value in limits.items())],
            check=True, timeout=10,
        )


@pytest.fixture
def confined(directory, authority):
    """Makes such a knotd; at the end it must still run, and end as it should."""
    made = []
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])

    def make(**limits):
        made.append(Confined(directory, **limits))
        return made[-1]

    yield make
    for knotd in made:
        try:
            knotd.finish()
        finally:
            knotd.kill()


@pytest.mark.parametrize("most", SOME)
def test_W2_some_threads_can_be_had(confined, unbound, authority, proto, most):
    knotd = confined(nproc=most)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ede=set())
    if most < 60:
        knotd.wait_log("mod-aname", "of 64 threads", "can be had", "TasksMax")
    # More at once than there are threads.
    for i in range(40):
        authority.set(f"t{i}.example.net", a=[A1])
        knotd.add_zone(f"zone{i}.example", [aname(f"t{i}.example.net")])
    knotd.reload()
    for i in range(40):
        eventually(lambda i=i: knotd.loaded(f"zone{i}.example"), what="it is loaded")
        query(f"zone{i}.example", "A")
    for i in range(40):
        answers({A1}, f"zone{i}.example", proto=proto)


@pytest.mark.parametrize("with_siblings", [True, False], ids=["siblings", "alone"])
@pytest.mark.parametrize("most", TOO_FEW)
def test_F2_F3_no_thread_can_be_had(confined, unbound, most, with_siblings, proto):
    knotd = confined(nproc=most)
    knotd.add_zone(ZONE, [aname(TARGET), *(siblings() if with_siblings else [])])
    knotd.start()
    if with_siblings:
        answers({SIBLING_A}, ttl=(1, STALE_TTL))
        query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
        answers({SIBLING_AAAA}, rdtype="AAAA", ttl=(1, STALE_TTL))
    else:
        failed()
        failed(rdtype="AAAA", proto=proto)
    query(ZONE, "SOA", proto).expect(ede=set())
    knotd.wait_log("mod-aname", "no thread can be had", "of 64 wanted", "TasksMax")
    knotd.wait_log("mod-aname", f"target {TARGET}", "fails", "no thread", ask=ZONE)


@pytest.mark.limit(120)
def test_F4_threads_are_tried_for_again(confined, unbound):
    knotd = confined(nproc=TOO_FEW[0])
    knotd.options.update({"retry-min": 1, "retry-max": 1})
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.start()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    knotd.limit(nproc=200)
    answers({A1}, timeout=40, ede=set())
    knotd.wait_log("mod-aname", "now that 64 threads", "can be had", ask=ZONE)


def test_W2_more_threads_than_the_address_space_has_room_for(confined, unbound, proto):
    if sanitizer.ENABLED:
        pytest.skip("a sanitizer takes more address space than there is")
    knotd = confined(**{"as": 3 << 30})
    knotd.options["threads"] = 1024
    knotd.database.update(
        {"journal-db-max-size": "64M", "kasp-db-max-size": "64M", "timer-db-max-size": "64M"}
    )
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()])
    knotd.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ede=set())
    knotd.wait_log("mod-aname", "of 1024 threads", "can be had", "ulimit -v")


@pytest.mark.parametrize("most", [TOO_FEW[0], SOME[1]])
def test_D1_keys_are_read_without_a_thread_for_them(confined, unbound, proto, most):
    knotd = confined(nproc=most)
    knotd.options["resolver"] = [RECURSOR]
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options={"dnssec-signing": True})
    knotd.start()
    signed(ZONE)
    answers({A1}, ede=set())
    keys = Keys(ZONE)
    keys.learn()
    for rdtype in ("A", "AAAA"):
        known(ZONE, rdtype, do=True)
        verify(query(ZONE, rdtype, proto, do=True).expect(ede=set()), keys)
    assert query(ZONE, "A", proto).addresses() == {A1}


def test_F2_signed_zone_without_a_thread(confined, unbound, proto):
    knotd = confined(nproc=TOO_FEW[0])
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options={"dnssec-signing": True})
    knotd.start()
    signed(ZONE)
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    keys = Keys(ZONE)
    keys.learn()
    for rdtype, sibling in (("A", SIBLING_A), ("AAAA", SIBLING_AAAA)):
        answers({sibling}, rdtype=rdtype)
        verify(query(ZONE, rdtype, proto, do=True), keys)


def test_W2_service_thread_cannot_be_had(confined, unbound, proto):
    """The module comes by a reload, when knotd has all its threads and may have no more."""
    knotd = confined(nproc=100)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], modules=[])
    knotd.start()
    knotd.limit(nproc=1)
    knotd.zones[ZONE].modules = ["mod-aname"]
    knotd.reload()
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "not started", "TasksMax")
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(3600, 3600), ede=set())
    query(ZONE, "SOA", proto).expect(ede=set())
    # Another reload tries again.
    knotd.reload()
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "not started", count=2)
    knotd.limit(nproc=100)
    knotd.reload()
    answers({A1}, ede=set())
    answers({A1}, proto=proto, ede=set())


def test_W2_what_could_not_be_started_is_started_by_itself(confined, unbound, proto):
    """Without another reload, for all zones, as soon as they are asked for."""
    knotd = confined(nproc=100)
    zones = [ZONE, *(f"z{number}.example" for number in range(20))]
    for zone in zones:
        knotd.add_zone(zone, [aname(TARGET), *siblings()], modules=[])
    knotd.start()
    knotd.limit(nproc=1)
    for zone in zones:
        knotd.zones[zone].modules = ["mod-aname"]
    knotd.reload()
    knotd.wait_log("mod-aname", "not started", "tried again once a second", count=len(zones))
    for _ in during(2.5):
        query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(3600, 3600), ede=set())
    assert not knotd.log_lines("started after all")
    knotd.limit(nproc=100)
    for zone in zones:
        answers({A1}, name=zone, ede=set())
        answers({A1}, name=zone, proto=proto, ede=set())
    assert len(knotd.wait_log("mod-aname", "started after all", count=len(zones))) == len(zones)
    assert len(knotd.log_lines("not started")) == len(zones)
    assert knotd.stats(ZONE)["answers[fresh]"] > 0
    knotd.reload()
    answers({A1}, proto=proto, ede=set())


def test_W2_module_loaded_late_has_no_pool_of_fewer(confined, unbound, proto):
    """libuv's own four threads, or none: the environment is other threads' by then."""
    knotd = confined(nproc=100)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], modules=[])
    knotd.start()
    knotd.limit(nproc=len(knotd.threads()) + 3)
    knotd.zones[ZONE].modules = ["mod-aname"]
    knotd.reload()
    answers({SIBLING_A}, ttl=(1, STALE_TTL))
    query(ZONE, "A", proto).expect(a={SIBLING_A}, ttl=(1, STALE_TTL))
    knotd.wait_log("mod-aname", "no thread can be had", "of 4 wanted", "restart knotd")
