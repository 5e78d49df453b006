"""D4: a signed zone whose private keys cannot be read gets no synthesis."""

import errno
import os

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from harness import (
    A1, AAAA1, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, answers, during, eventually, known,
    query, section, siblings, simple,
)
from harness.signatures import Keys, verify
from harness.validator import signed

DNSKEY = (
    "@ 3600 IN DNSKEY 257 3 13 "
    "mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="
)
SIGNED = {"dnssec-signing": True}


def untouched(proto, with_siblings=True):
    for rdtype, sibling in (("A", SIBLING_A), ("AAAA", SIBLING_AAAA)):
        reply = query(ZONE, rdtype, proto)
        if with_siblings:
            reply.expect(ttl=(3600, 3600), ede=set(), soa=False)
            assert reply.addresses() == {sibling}, f"expected {sibling}, got {reply}"
        else:
            reply.expect(a=(), aaaa=(), soa=True, ede=set())


def hide_keys(knotd):
    """Take the private keys away from where Knot put them; returns how to bring them back."""
    place = os.path.join(knotd.directory, "db", "keys", "keys")
    os.rename(place, place + ".away")
    return lambda: os.rename(place + ".away", place)


@pytest.mark.parametrize("with_siblings", [False, True], ids=["alone", "siblings"])
def test_D4_zone_with_unreadable_keys_is_not_synthesized(
    knotd, unbound, authority, proto, with_siblings
):
    simple(
        knotd,
        authority,
        records=siblings() if with_siblings else [],
        zone_options=SIGNED,
    )
    signed(ZONE)
    hide_keys(knotd)
    eventually(
        lambda: query(ZONE, "A", "tcp").expect(a={SIBLING_A} if with_siblings else ()),
        what="the keys are known to be missing",
    )
    untouched(proto, with_siblings)
    keys = Keys(ZONE)
    keys.learn()
    for rdtype in ("A", "AAAA"):
        reply = query(ZONE, rdtype, proto, do=True).expect(ede=set())
        wanted = {rdtype, "RRSIG"} if with_siblings else set()
        assert reply.types() == wanted, f"expected {wanted}, got {reply}"
    lines = knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", r"private key \S+/[0-9a-f]{40}\.pem")
    assert len(lines) == 1, f"expected one line, got {lines}"


def test_D4_the_system_s_errors_are_logged(knotd, unbound, authority):
    """libdnssec has no text for most of them."""
    simple(knotd, authority, records=siblings(), zone_options=SIGNED)
    signed(ZONE)
    text = knotd.served_text(ZONE)
    place = os.path.join(knotd.directory, "db", "keys", "keys")
    for name in os.listdir(place):
        os.unlink(os.path.join(place, name))
        os.symlink(name, os.path.join(place, name))
    # Any query may have had the keys read: a new process has none of them.
    knotd.finish()
    knotd.add_zone(ZONE, text=text)
    knotd.start()
    lines = knotd.wait_log("mod-aname", "cannot be read", ask=ZONE)
    assert os.strerror(errno.ELOOP) in lines[0], f"expected the system's reason, got {lines}"


def test_D4_synthesis_begins_when_the_keys_are_readable(knotd, unbound, authority):
    simple(knotd, authority, records=siblings(), zone_options=SIGNED)
    signed(ZONE)
    bring_back = hide_keys(knotd)
    eventually(lambda: query(ZONE, "A", "tcp", do=True).expect(a={SIBLING_A}))
    for _ in during(1.5):
        query(ZONE, "A", do=True).expect(a={SIBLING_A}, ttl=(3600, 3600))
    bring_back()
    reply = eventually(lambda: query(ZONE, "A", do=True).expect(a={A1}), timeout=20)
    keys = Keys(ZONE)
    keys.learn()
    verify(reply, keys)


def test_D1_keys_once_read_are_not_needed_again(knotd, unbound, authority):
    """Neither a refresh nor a reload opens a file for what is known."""
    knotd.options.update({"ttl-max": 1})
    simple(knotd, authority, zone_options=SIGNED)
    signed(ZONE)
    known(do=True)
    hide_keys(knotd)
    authority.set(TARGET, a=["192.0.2.99"])
    answers({"192.0.2.99"})
    knotd.reload()
    keys = Keys(ZONE)
    keys.learn()
    for _ in during(1.0):
        reply = query(ZONE, "A", do=True).expect(a={"192.0.2.99"})
        verify(reply, keys)


def public_key(file):
    """The public key of an ECDSA P-256 key file, as a DNSKEY record has it."""
    with open(file, "rb") as pem:
        numbers = load_pem_private_key(pem.read(), None).public_key().public_numbers()
    return numbers.x.to_bytes(32, "big") + numbers.y.to_bytes(32, "big")


def test_D1_the_private_key_of_the_ksk_is_not_needed(knotd, unbound, authority, proto):
    """As it is with an offline KSK."""
    simple(knotd, authority, zone_options=SIGNED)
    signed(ZONE)
    keys = Keys(ZONE)
    keys.learn()
    (ksk,) = [rdata.key for rdata in keys.rdatas if rdata.flags & 1]
    place = os.path.join(knotd.directory, "db", "keys", "keys")
    files = [os.path.join(place, name) for name in os.listdir(place)]
    (file,) = [name for name in files if public_key(name) == ksk]
    os.unlink(file)
    known(do=True)
    verify(query(ZONE, "A", proto, do=True).expect(a={A1}), keys)


@pytest.mark.parametrize("with_keys", [False, True], ids=["no-keys", "keys"])
def test_D4_dnssec_off(knotd, unbound, authority, proto, with_keys):
    knotd.options.update({"dnssec": "off"})
    simple(knotd, authority, records=siblings(), zone_options=SIGNED)
    signed(ZONE)
    if not with_keys:
        hide_keys(knotd)
    untouched(proto)
    lines = knotd.log_lines("mod-aname", "sign")
    assert not lines, f"expected silence, got {lines}"
    knotd.options.update({"dnssec": "auto"})
    knotd.reload()
    if with_keys:
        answers({A1}, proto=proto)


def test_D4_dnssec_off_leaves_unsigned_zones_alone(knotd, unbound, authority, proto):
    knotd.options.update({"dnssec": "off"})
    simple(knotd, authority, records=siblings())
    answers({A1}, proto=proto)


def test_D4_keys_of_pkcs11(knotd, unbound, authority, proto):
    knotd.sections.append(section("keystore", "hsm", backend="pkcs11", config='"pkcs11:token /usr/lib/none.so"'))
    knotd.sections.append(section("policy", "hsm", keystore="hsm"))
    simple(
        knotd,
        authority,
        records=[DNSKEY, *siblings()],
        zone_options={"dnssec-policy": "hsm"},
    )
    untouched(proto)
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "PKCS #11")


def test_D4_zone_signed_by_another_server(knotd, unbound, authority, proto):
    """Transferred or copied: its signatures go with it, and its keys do not."""
    simple(knotd, authority, records=["www IN CNAME @", *siblings()], zone_options=SIGNED)
    signed(ZONE)
    text = knotd.served_text(ZONE)
    bring_back = hide_keys(knotd)
    knotd.add_zone(ZONE, text=text)
    knotd.reload()
    keys = Keys(ZONE)
    keys.learn()
    eventually(lambda: query(ZONE, "A", "tcp", do=True).expect(a={SIBLING_A}))
    untouched(proto)
    for name in (ZONE, f"www.{ZONE}"):
        reply = query(name, "A", proto, do=True).expect(a={SIBLING_A}, ede=set())
        verify(reply, keys)
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", r"db/keys/keys/[0-9a-f]{40}\.pem cannot be read")
    # Copies of the key files are all it takes.
    bring_back()
    reply = eventually(lambda: query(ZONE, "A", proto, do=True).expect(a={A1}), timeout=20)
    verify(reply, keys)


@pytest.mark.parametrize("where", ["keystore", "absolute", "kasp-db"])
def test_D1_keys_elsewhere(knotd, unbound, authority, where):
    """The configuration says where they are."""
    policy = {}
    if where == "kasp-db":
        knotd.database = {"kasp-db": "elsewhere"}
    else:
        place = "mine" if where == "keystore" else os.path.join(knotd.directory, "absolute")
        knotd.sections.append(section("keystore", "mine", config=place))
        policy = {"keystore": "mine"}
    knotd.sections.append(section("policy", "mine", **policy))
    simple(knotd, authority, zone_options={**SIGNED, "dnssec-policy": "mine"})
    signed(ZONE)
    known(do=True)
    keys = Keys(ZONE)
    keys.learn()
    verify(query(ZONE, "A", do=True).expect(a={A1}), keys)


def test_D4_zone_signed_elsewhere_is_not_synthesized(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, *siblings()])
    untouched(proto)
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "sign|DNSSEC|DNSKEY")


def test_D4_behind_an_alias(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, "www IN CNAME @", *siblings()])
    query(f"www.{ZONE}", "A", proto).expect(a={SIBLING_A}, ede=set(), soa=False)


def test_D4_additional_and_any_keep_the_siblings(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, "@ IN MX 10 @", *siblings()])
    reply = query(ZONE, "MX", proto).expect(ede=set())
    found = reply.addresses("A", ZONE, "additional")
    assert found == {SIBLING_A}, f"expected {SIBLING_A} in Additional, got {reply}"
    reply = query(ZONE, "ANY", proto).expect(ede=set())
    assert A1 not in reply.addresses("A"), f"expected no synthesized address, got {reply}"


def test_D4_synthesis_begins_when_the_key_goes(knotd, unbound, authority, proto):
    simple(knotd, authority, records=[DNSKEY, *siblings()])
    untouched(proto)
    knotd.reload_zone(ZONE, [aname(TARGET), *siblings()], serial=2)
    answers({A1}, proto=proto, ede=set())
    knotd.reload_zone(ZONE, [aname(TARGET), DNSKEY, *siblings()], serial=3)
    answers({SIBLING_A}, proto=proto, ttl=(3600, 3600), ede=set())


def test_D4_other_zones_are_synthesized(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET), DNSKEY, *siblings()])
    knotd.add_zone("example.org", [aname(TARGET), *siblings()])
    knotd.start()
    known("example.org")
    query("example.org", "A", proto).expect(a={A1}, ede=set())
    untouched(proto)


def test_D4_onlinesign_before_the_module_is_no_synthesis(knotd, unbound, authority, proto):
    knotd.sections.append(
        section("policy", "online", algorithm="ecdsap256sha256", single_type_signing=True)
    )
    knotd.sections.append(section("mod-onlinesign", "online", policy="online"))
    simple(
        knotd,
        authority,
        records=siblings(),
        modules=["mod-onlinesign/online", "mod-aname"],
    )
    reply = query(ZONE, "A", proto, do=True)
    assert reply.addresses("A") == {SIBLING_A} and "RRSIG" in reply.types(), (
        f"expected the signed sibling, got {reply}"
    )
    knotd.wait_log(rf"\[{ZONE}\.\]", "mod-aname", "onlinesign")


def test_D5_no_signature_without_do(knotd, unbound, authority, proto):
    simple(knotd, authority, records=siblings(), zone_options=SIGNED)
    eventually(lambda: query(ZONE, "DNSKEY").addresses("DNSKEY"), what="the zone is signed")
    for rdtype in ("A", "AAAA", "TYPE65305", "MX"):
        reply = query(ZONE, rdtype, proto)
        found = {kind for part in reply.records.values() for _, _, kind, _ in part}
        assert not found & {"RRSIG", "NSEC", "NSEC3"}, f"expected no DNSSEC records, got {reply}"


# What a review found.


def test_D4_a_crowd_of_such_zones_does_not_fill_the_log(knotd, unbound, authority):
    """More zones than are remembered: each is logged once, whatever comes between."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    names = [f"z{i}.test" for i in range(1500)]
    for name in names:
        knotd.add_zone(name, [aname(TARGET), DNSKEY, *siblings()])
    knotd.start()
    for _ in range(3):
        for name in names:
            query(name, "A").expect(a={SIBLING_A})
    logged = [line.split("[")[1] for line in knotd.log_lines("the zone is signed")]
    assert len(logged) <= len(names), f"expected each zone once at most, got {len(logged)} lines"
    assert logged, "expected some to be logged"


def test_L2_a_crowd_of_denied_targets_does_not_fill_the_log(knotd, unbound, authority):
    knotd.options["deny-target"] = "bad.test."
    names = [f"z{i}.example" for i in range(1500)]
    for number, name in enumerate(names):
        knotd.add_zone(name, [aname(f"t{number}.bad.test"), *siblings()])
    knotd.start()
    for _ in range(3):
        for name in names:
            query(name, "A").expect(a={SIBLING_A})
    logged = len(knotd.log_lines("denied"))
    assert 0 < logged <= 1100, f"expected a slot for each line, got {logged} lines"


def test_D1_a_key_file_that_is_none_holds_nobody_up(knotd, unbound, authority):
    """Something that would block whoever opens it stands where one zone's key ought to be."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    for name in ("odd.test", "good.test"):
        knotd.add_zone(name, [aname(TARGET), *siblings()], zone_options=SIGNED)
    knotd.start()
    keys = os.path.join(knotd.directory, "db", "keys", "keys")
    for name in ("odd.test", "good.test"):
        signed(name)
    odd = Keys("odd.test")
    odd.learn()
    wanted = {rdata.key for rdata in odd.rdatas}
    swapped = 0
    for name in os.listdir(keys):
        path = os.path.join(keys, name)
        if public_key(path) in wanted:
            os.rename(path, path + ".away")
            os.mkfifo(path)
            swapped += 1
    assert swapped == 2, f"expected the zone's two keys, got {swapped}"
    query("odd.test", "A", "tcp", do=True)
    eventually(lambda: query("good.test", "A", "tcp", do=True).expect(a={A1}, ede=set()))
    eventually(lambda: query("odd.test", "A", "tcp", do=True).expect(a={SIBLING_A}))
    knotd.stop()


@pytest.mark.parametrize("name", [ZONE, f"none.{ZONE}"], ids=["nodata", "nxdomain"])
def test_D2_a_truncated_reply_denies_nothing(knotd, unbound, authority, name):
    simple(knotd, authority, zone_options=SIGNED)
    signed(ZONE)
    knotd.stop()
    # A new process has not read the keys.
    knotd.start()
    reply = query(name, "TXT", do=True)
    if reply.tc:
        assert not reply.section("authority"), f"expected nothing to go by, got {reply}"
    else:
        assert any("A AAAA" in rdata for _, _, kind, rdata in reply.section("authority")
                   if kind == "NSEC"), f"expected the truth, got {reply}"
