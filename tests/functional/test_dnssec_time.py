"""D1: keys roll, signatures expire, chains change, and nothing is bogus at any moment.

Lifetimes are of seconds. What a resolver may still have in its cache counts, too: the validating
resolvers here keep what they are told for as long as its TTL says.
"""

import re
import threading
import time

import pytest
from harness import (
    A1, A2, AAAA1, TARGET, ZONE, NoReply, aname, eventually, known, query, scaled, section,
)
from harness.signatures import Keys, verify
from harness.signing import SIGNED, policy
from harness.validator import UNBOUND, ValidatingUnbound, signed

QUICK = {
    "dnskey-ttl": 1,
    "zone-max-ttl": 1,
    "propagation-delay": 1,
    "rrsig-refresh": 5,
    "rrsig-pre-refresh": 1,
    "rrsig-lifetime": 60,
    "delete-delay": 0,
}
RECORDS = ["www 1 IN CNAME @", "*.wild 1 IN CNAME @", "@ 1 IN TXT text"]
QUESTIONS = [
    (ZONE, "A"), (ZONE, "AAAA"), (f"www.{ZONE}", "A"), (f"www.{ZONE}", "AAAA"),
    (f"any.wild.{ZONE}", "A"), (ZONE, "CAA"), (f"none.{ZONE}", "A"),
]


class Watch:
    """Asks all the time, knotd itself and a validating resolver; no reply may be bogus."""

    def __init__(self, validator, zone=ZONE):
        self.validator = validator
        self.keys = Keys(zone)
        self.keys.learn()
        self.problems = []
        self.asked = self.validated = self.truncated = 0
        self._stop = threading.Event()
        self._asking = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(step,), daemon=True)
            for step in (self._ask_knotd, self._ask_validator)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, kind, *_):
        if kind is None:
            # The last change is to be seen, too.
            enough = self.asked + 2 * len(QUESTIONS), self.validated + 2 * len(QUESTIONS)
            eventually(
                lambda: self.problems or (self.asked, self.validated) >= enough
                and self.validated >= enough[1],
                what="enough was asked",
            )
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, step):
        turn = 0
        while not self._stop.is_set() and len(self.problems) < 5:
            try:
                step(*QUESTIONS[turn % len(QUESTIONS)])
            except (AssertionError, NoReply) as error:
                self.problems.append(f"{time.time():.1f}: {error}")
            turn += 1
            time.sleep(0.01)

    def _ask_knotd(self, name, rdtype):
        reply = query(name, rdtype, do=True, bufsize=4096)
        if reply.tc:
            self.truncated += 1
            reply = query(name, rdtype, "tcp", do=True)
        # Learnt after the reply: what signed it must be known by then.
        self.keys.learn()
        assert reply.rcode in ("NOERROR", "NXDOMAIN"), f"got {reply}"
        if rdtype == "A" and reply.rcode == "NOERROR":
            assert reply.addresses("A") <= {A1, A2} and reply.addresses("A"), f"got {reply}"
        verify(reply, self.keys)
        self.asked += 1

    def _ask_validator(self, name, rdtype):
        rcode = "NXDOMAIN" if name.startswith("none.") else "NOERROR"
        with self._asking:
            reply = self.validator.secure(name, rdtype, rcode=rcode)
        if rdtype == "A" and rcode == "NOERROR":
            assert reply.addresses("A"), f"the apex was hidden: {reply}"
        self.validated += 1

    def trust(self):
        """Let the validator trust the keys of now. What it is at work on then, it forgets."""
        with self._asking:
            self.validator.trust(ZONE)

    def check(self):
        assert not self.problems, self.problems[0]


@pytest.fixture
def watched(knotd, unbound, authority, directory, start_server):
    """A signed zone with addresses that change all the time, watched from now on."""

    def start(options, **records):
        authority.set(TARGET, a=[A1], aaaa=[], negative_ttl=1)
        knotd.options.update({"ttl-max": 1})
        policy(knotd, **options)
        knotd.add_zone(
            ZONE,
            [aname(TARGET, ttl=1), *RECORDS],
            zone_options=SIGNED,
            soa_ttl=1, minimum=1,
        )
        knotd.start()
        points = signed(ZONE)
        known(do=True)
        validator = ValidatingUnbound(directory, {ZONE: points}, address=UNBOUND)
        return Watch(start_server(validator))

    return start


def tags(rdtype="SOA"):
    """Key tags of the signatures over the zone's SOA, or over another RRset."""
    reply = query(ZONE, rdtype, "tcp", do=True)
    return {
        rdata.split()[6] for _, _, kind, rdata in reply.section("answer") if kind == "RRSIG"
    }


def dnskeys():
    return query(ZONE, "DNSKEY", "tcp").addresses("DNSKEY")


def confirm(knotd, since):
    """The parent's part of a roll-over, once Knot waits for it. Told amid a signing, Knot may lose what
    it was about to note of its keys, and never come to an end.

    since -- how long the log was before the roll-over
    """

    def waits():
        said = [line for line in knotd.log_text()[since:].splitlines()
                if re.search("signing zone|waiting for confirmation|next signing at", line)]
        assert any("waiting for confirmation" in line for line in said), said[-5:]
        assert "next signing at" in said[-1], said[-5:]
        return knotd.knotc("zone-ksk-submitted", ZONE)

    eventually(waits, timeout=40, what="Knot waits for the new key to be confirmed")


@pytest.mark.slow
@pytest.mark.limit(120)
def test_D1_zsk_rollover(watched, knotd, authority):
    with watched(QUICK) as watch:
        for turn in range(2):
            before = tags()
            assert tags("A") == before
            knotd.knotc("zone-key-rollover", ZONE, "zsk")
            eventually(lambda: not tags() & before, timeout=40, what="the SOA has a new signature")
            authority.set(TARGET, a=[A1] if turn else [A2], aaaa=[], negative_ttl=1)
            eventually(lambda: tags("A") == tags(), what="so have the addresses")
            eventually(lambda: len(dnskeys()) == 2, timeout=40, what="the old key is gone")
    watch.check()
    assert watch.truncated == 0, "expected each key to be read before it signs"


@pytest.mark.slow
@pytest.mark.limit(120)
def test_D1_ksk_rollover(watched, knotd, directory):
    with watched({**QUICK, "cds-cdnskey-publish": "rollover"}) as watch:
        knotd.knotc("zone-ksk-submitted", ZONE)
        since = len(knotd.log_text())
        knotd.knotc("zone-key-rollover", ZONE, "ksk")
        eventually(lambda: len(dnskeys()) == 3, timeout=40, what="the new key is published")
        # The parent's part: from now on both keys are trusted.
        watch.trust()
        confirm(knotd, since)
        eventually(lambda: len(dnskeys()) == 2, timeout=60, what="the old key is gone")
        eventually(lambda: tags("A") == tags())
    watch.check()


@pytest.mark.slow
@pytest.mark.limit(150)
@pytest.mark.parametrize("then", ["rsasha256", "ed25519"])
def test_D1_algorithm_rollover(watched, knotd, then):
    with watched(QUICK) as watch:
        knotd.knotc("zone-ksk-submitted", ZONE)
        since = len(knotd.log_text())
        knotd.sections[-1] = section("policy", "test", **{**QUICK, "algorithm": then})
        knotd.reload()
        eventually(lambda: len(dnskeys()) == 4, timeout=60, what="both algorithms are published")
        assert len(tags()) == 2, "expected both algorithms to sign"
        eventually(lambda: tags("A") == tags(), what="both sign the addresses")
        watch.trust()
        confirm(knotd, since)

        def old_is_gone():
            # Knot may put its next step off until it signs the zone anew.
            knotd.knotc("zone-keys-load", ZONE)
            return len(dnskeys()) == 2

        eventually(old_is_gone, timeout=90, step=2, what="the old algorithm is gone")
        eventually(lambda: tags("A") == tags() and len(tags()) == 1)
    watch.check()


class Busy:
    """Keeps the one thread of libuv's pool at work on lookups of two seconds each."""

    ZONES = [f"busy{i}.example" for i in range(6)]

    def __init__(self, knotd, authority):
        knotd.options.update({"resolver": "127.0.0.1", "threads": 1})
        knotd.sections.append(section("mod-aname", "busy", threads=1, retry_max=1, cold="servfail"))
        for zone in self.ZONES:
            authority.drop(f"www.{zone}")
            knotd.add_zone(zone, [aname(f"www.{zone}")], modules=["mod-aname/busy"])

    def ask(self):
        for zone in self.ZONES:
            query(zone, "A")


@pytest.mark.slow
@pytest.mark.limit(150)
def test_D6_algorithm_rollover_while_keys_take_long_to_read(watched, knotd, authority):
    busy = Busy(knotd, authority)
    with watched(QUICK) as watch:
        knotd.knotc("zone-ksk-submitted", ZONE)
        knotd.sections[-1] = section("policy", "test", **{**QUICK, "algorithm": "ed25519"})
        busy.ask()
        knotd.reload()

        def published():
            busy.ask()
            return len(dnskeys()) == 4

        eventually(published, timeout=60, what="both algorithms are published")
        eventually(lambda: tags("A") == tags(), timeout=30, what="both sign the addresses")
    watch.check()
    assert watch.truncated == 0, f"expected no wait for keys, got {watch.truncated} times"


@pytest.mark.slow
def test_D1_resigned_before_rrsig_lifetime_ends(watched):
    """And never a TTL past the expiration, which verify() sees to."""
    lifetime = {**QUICK, "rrsig-lifetime": 8, "rrsig-refresh": 3}
    seen = set()
    with watched(lifetime) as watch:
        until = time.monotonic() + scaled(20)
        while time.monotonic() < until and not watch.problems:
            reply = query(ZONE, "A", do=True)
            for rrset in reply.message.answer:
                seen |= {rdata.expiration for rdata in rrset if hasattr(rdata, "expiration")}
            time.sleep(0.2)
    watch.check()
    assert len(seen) >= 3, f"expected new signatures time and again, got {len(seen)}"
    assert all(one - other >= 3 for one, other in zip(sorted(seen)[1:], sorted(seen))), (
        f"expected them to be used for half of their life, got {sorted(seen)}"
    )


@pytest.mark.slow
def test_D1_lifetime_shorter_than_the_ttl(knotd, unbound, authority):
    """The TTL goes down with what is left of the signature."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.sections.append(
        section("policy", "test", **{**QUICK, "rrsig-lifetime": 20, "rrsig-refresh": 5})
    )
    knotd.add_zone(
        ZONE,
        [aname(TARGET, ttl=300)],
        zone_options=SIGNED,
    )
    knotd.start()
    signed(ZONE)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    reply = query(ZONE, "A", do=True).expect(a={A1}, ttl=(9, 20))
    verify(reply, keys)
    assert "A 13 2 300 " in str(reply), f"expected an original TTL of 300, got {reply}"


@pytest.mark.slow
@pytest.mark.limit(120)
def test_D2_chain_changes_resigning_and_reload(watched, knotd):
    with watched(QUICK) as watch:
        for nsec3 in (True, False):
            knotd.sections[-1] = section("policy", "test", **{**QUICK, "nsec3": nsec3})
            knotd.reload()

            def changed(wanted=nsec3):
                reply = query(f"none.{ZONE}", "A", "tcp", do=True)
                return ("NSEC3" in reply.types("authority")) == wanted

            eventually(changed, timeout=30, what=f"nsec3: {nsec3}")
        for serial in range(100, 103):
            knotd.knotc("-b", "zone-sign", ZONE)
            knotd.reload_zone(
                ZONE, [aname(TARGET, ttl=1), *RECORDS, "new 1 IN A 192.0.2.5"],
                serial=serial, soa_ttl=1, minimum=1,
            )
            knotd.reload()
            knotd.knotc("-f", "zone-reload", ZONE)
    watch.check()
