"""D1, D4: whose keys are a zone's. A stranger's zone names the keys of a zone that is served here."""

import base64
import os
import re
import subprocess

import dns.dnssec
import dns.name
import dns.rdatatype
import dns.rrset
import dns.update
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
import harness
from harness import (
    A1, SIBLING_A, SIBLING_AAAA, TARGET, ZONE, aname, answers, eventually, exchange, known,
    query, scaled, section, siblings,
)
from harness.signatures import Keys, verify
from harness.signing import SIGNED, policy
from harness.validator import signed

STRANGER = "stranger.test"
# As harness/zone.py writes it.
SOA = "{0}. 3600 IN SOA ns.{0}. hostmaster.{0}. {1} 3600 600 86400 60"


def soa_of(zone, serial=1):
    return dns.rrset.from_text_list(
        dns.name.from_text(zone), 3600, "IN", "SOA", [SOA.format(zone, serial).split(" ", 4)[4]]
    )


def signature(zone, rrset="SOA"):
    """The zone's own signatures over an RRset of its apex."""
    reply = query(zone, rrset, "tcp", do=True)
    return [
        rdata
        for one in reply.message.answer
        if one.rdtype == dns.rdatatype.RRSIG
        for rdata in one
    ]


def dnskeys(zone):
    keys = Keys(zone)
    keys.learn()
    return list(keys.rdatas)


def lines(rdatas):
    """Records of an apex as a zone file has them."""
    return [f"@ 3600 IN {dns.rdatatype.to_text(one.rdtype)} {one.to_text()}" for one in rdatas]


def junk(rrsig, zone):
    """The same in the name of another zone, where it verifies nothing."""
    return rrsig.replace(signer=dns.name.from_text(zone), labels=2)


class Signer:
    """A key of somebody's own."""

    def __init__(self, zone, serial=1, tag=None):
        self.zone = dns.name.from_text(zone)
        while True:
            self.private = ec.generate_private_key(ec.SECP256R1())
            self.dnskey = dns.dnssec.make_dnskey(self.private.public_key(), "ECDSAP256SHA256", 256)
            if tag is None or dns.dnssec.key_id(self.dnskey) == tag:
                break
        self.soa = soa_of(zone, serial)

    def sign(self, **times):
        return dns.dnssec.sign(self.soa, self.private, self.zone, self.dnskey,
                               **(times or {"lifetime": 86400}))

    def write(self, path):
        with open(path, "wb") as file:
            file.write(self.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))


@pytest.fixture
def victim(knotd, unbound, authority):
    """A zone that is signed here, with its keys in use; the stranger's comes later."""
    authority.set(TARGET, a=[A1], aaaa=[])
    policy(knotd)
    knotd.add_zone(ZONE, [aname(TARGET)], zone_options=SIGNED)
    knotd.start()
    signed(ZONE)
    known(ZONE, "A", do=True)
    return dnskeys(ZONE)


def move_in(knotd, *records, serial=1, **how):
    """The stranger's zone comes, by transfer or as it may be; its target is known at once."""
    knotd.add_zone(STRANGER, [aname(TARGET), *siblings(), *records], zone_options=how.get("options"),
                   serial=serial)
    knotd.reload()
    eventually(lambda: knotd.loaded(STRANGER), what="the zone is loaded")


def unmade(proto, keys):
    """The stranger gets its siblings, and nothing that verifies with those keys."""
    for rdtype, sibling in (("A", SIBLING_A), ("AAAA", SIBLING_AAAA)):
        for name in (STRANGER, f"none.{STRANGER}"):
            reply = query(name, rdtype, proto, do=True, bufsize=4096)
            assert name != STRANGER or not reply.tc, f"expected no TC, got {reply}"
            found = reply.addresses(rdtype)
            assert name != STRANGER or found == {sibling}, f"expected {sibling}, got {reply}"
            made = [rrset for rrset in reply.message.answer + reply.message.authority
                    if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers != dns.rdatatype.SOA]
            assert not made, f"expected no signature of this server's with {keys}, got {reply}"
    return True


def settled(proto, keys):
    """It is not known yet whose keys they are, and then it is."""
    eventually(lambda: unmade("tcp", keys), what="the stranger has its siblings")
    unmade(proto, keys)


def victim_is_well():
    keys = Keys(ZONE)
    keys.learn()
    verify(query(ZONE, "A", do=True).expect(a={A1}), keys)


@pytest.mark.parametrize("forged", ["copy", "renamed", "octets"])
def test_D1_D4_a_stranger_s_zone_is_not_signed_with_the_keys_of_another(knotd, victim, proto, forged):
    """It holds the other one's DNSKEY records, and a signature that names them."""
    (rrsig,) = signature(ZONE)
    if forged != "copy":
        rrsig = junk(rrsig, STRANGER)
    if forged == "octets":
        rrsig = rrsig.replace(signature=bytes(len(rrsig.signature)))
    move_in(knotd, *lines([*victim, rrsig]))
    settled(proto, victim)
    (line,) = knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "zone is signed", ask=STRANGER)
    assert f"key tag {rrsig.key_tag} and algorithm 13 does not verify" in line, (
        f"expected the signature to be named, got {line}"
    )
    victim_is_well()
    assert not knotd.log_lines(rf"\[{ZONE}\.\]", "zone is signed"), "expected no word of the other"


def test_D1_D4_by_an_update(knotd, victim, proto):
    """The zone is unsigned first, and answered as such."""
    knotd.sections.append(section("acl", "any", address="127.0.0.0/8", action="update"))
    move_in(knotd, options={"acl": "any"})
    answers({A1}, STRANGER, proto=proto)
    (rrsig,) = signature(ZONE)
    update = dns.update.Update(STRANGER)
    for rdata in [*victim, junk(rrsig, STRANGER)]:
        update.add("@", 3600, rdata)
    exchange(update.to_wire(), "tcp")
    eventually(lambda: query(STRANGER, "DNSKEY", "tcp").expect() and
               query(STRANGER, "DNSKEY", "tcp").addresses("DNSKEY"), what="the update is there")
    settled(proto, victim)
    victim_is_well()


def test_D1_one_s_own_key_makes_nobody_else_s_usable(knotd, victim, proto):
    """A signature that verifies stands beside one that does not."""
    (rrsig,) = signature(ZONE)
    own = Signer(STRANGER)
    move_in(knotd, *lines([*victim, own.dnskey, junk(rrsig, STRANGER), own.sign()]))
    settled(proto, victim)
    # The operator may bring that key; it signs, and alone.
    (line,) = knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "cannot be read", ask=STRANGER)
    own.write(re.search(r"private key (\S+\.pem)", line).group(1))
    reply = eventually(lambda: query(STRANGER, "A", proto, do=True).expect(a={A1}), timeout=20)
    (rrsigs,) = [one for one in reply.message.answer if one.rdtype == dns.rdatatype.RRSIG]
    tags = {one.key_tag for one in rrsigs}
    assert tags == {dns.dnssec.key_id(own.dnskey)}, f"expected its own key alone, got {reply}"
    victim_is_well()


# A key is made until one has the tag: how many that takes is chance.
@pytest.mark.limit(240)
def test_D1_a_key_with_the_tag_of_another(knotd, victim, proto):
    """Both stand in the zone: who has signed is found out, and the tag tells nothing."""
    (rrsig,) = signature(ZONE)
    own = Signer(STRANGER, tag=rrsig.key_tag)
    move_in(knotd, *lines([*victim, own.dnskey, own.sign()]))
    settled(proto, victim)
    knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "private key", "cannot be read", ask=STRANGER)
    victim_is_well()


def test_D1_many_keys_of_one_tag_and_many_signatures(knotd, victim, proto):
    """As in KeyTrap: the tries are bounded, and nobody notices."""
    (rrsig,) = signature(ZONE)
    keys = [
        # The halves of the key's words change places, and the tag stays.
        one.replace(key=swap(one.key, i))
        for one in victim for i in range(8)
    ]
    made = [junk(rrsig, STRANGER).replace(signature=bytes([i]) * 64) for i in range(32)]
    move_in(knotd, *lines([*victim, *keys, *made]))
    settled(proto, victim)
    victim_is_well()


def swap(key, number):
    """Another key with the same tag: two words of 16 bits are exchanged."""
    at = 2 * number
    return key[:at] + key[at + 2:at + 4] + key[at:at + 2] + key[at + 4:]


@pytest.mark.parametrize("times", ["expired", "future"])
def test_D1_the_times_of_a_signature_do_not_matter(knotd, victim, proto, times):
    """Who made it holds the key; whoever validates looks at the zone's own times."""
    own = Signer(STRANGER)
    when = {"expired": (1000000000, 1000086400), "future": (2000000000, 2000086400)}[times]
    rrsig = own.sign(inception=when[0], expiration=when[1])
    move_in(knotd, *lines([own.dnskey, rrsig]))
    (line,) = knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "cannot be read", ask=STRANGER)
    own.write(re.search(r"private key (\S+\.pem)", line).group(1))
    reply = eventually(lambda: query(STRANGER, "A", proto, do=True).expect(a={A1}), timeout=20)
    keys = Keys(STRANGER)
    keys.learn()
    (rrset,) = [one for one in reply.message.answer if one.rdtype == dns.rdatatype.A]
    (rrsigs,) = [one for one in reply.message.answer if one.rdtype == dns.rdatatype.RRSIG]
    dns.dnssec.validate(rrset, rrsigs, keys.ring)


def test_D1_a_signature_that_is_put_right_counts(knotd, victim, proto):
    """With the same key and tag as before."""
    own = Signer(STRANGER)
    bad = own.sign().replace(signature=bytes(64))
    move_in(knotd, *lines([own.dnskey, bad]))
    settled(proto, victim)
    knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "does not verify", ask=STRANGER)
    own.soa = soa_of(STRANGER, 2)
    records = [aname(TARGET), *siblings(), *lines([own.dnskey, own.sign()])]
    knotd.reload_zone(STRANGER, records, serial=2)
    (line,) = knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "cannot be read", ask=STRANGER)
    own.write(re.search(r"private key (\S+\.pem)", line).group(1))
    eventually(lambda: query(STRANGER, "A", proto, do=True).expect(a={A1}), timeout=20)


def test_D1_a_zone_that_changes_all_the_time_costs_little(knotd, victim, proto):
    """More versions than are looked at: the last one counts in the end."""
    (rrsig,) = signature(ZONE)
    move_in(knotd, *lines([*victim, junk(rrsig, STRANGER)]))
    for serial in range(2, 30):
        bad = junk(rrsig, STRANGER).replace(signature=os.urandom(64))
        records = [aname(TARGET), *siblings(), *lines([*victim, bad])]
        knotd.reload_zone(STRANGER, records, serial=serial)
        unmade(proto, victim)
    own = Signer(STRANGER, 30)
    records = [aname(TARGET), *siblings(), *lines([own.dnskey, own.sign()])]
    knotd.reload_zone(STRANGER, records, serial=30)
    (line,) = knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "cannot be read", ask=STRANGER)
    own.write(re.search(r"private key (\S+\.pem)", line).group(1))
    eventually(lambda: query(STRANGER, "A", proto, do=True).expect(a={A1}), timeout=20)
    victim_is_well()


@pytest.mark.parametrize("algorithm", [8, 13, 16, 253], ids=["rsa", "ecdsa", "ed448", "private"])
def test_D4_a_key_that_is_none_is_named(knotd, unbound, authority, proto, algorithm):
    """A DNSKEY record that nobody can read is no missing file."""
    authority.set(TARGET, a=[A1], aaaa=[])
    dnskey = dns.rdata.from_text("IN", "DNSKEY", f"256 3 {algorithm} AAECAwQFBgc=")
    tag = dns.dnssec.key_id(dnskey)
    rrsig = f"@ 3600 IN RRSIG SOA {algorithm} 2 3600 20400101000000 20200101000000 {tag}"
    knotd.add_zone(STRANGER, [aname(TARGET), *siblings(), *lines([dnskey]),
                              f"{rrsig} {STRANGER}. AAECAwQFBgc="])
    knotd.start()
    eventually(lambda: unmade("tcp", []), what="the zone has its siblings")
    unmade(proto, [])
    found = knotd.wait_log(rf"\[{STRANGER}\.\]", "mod-aname", "zone is signed", ask=STRANGER)
    assert f"DNSKEY record with key tag {tag} and algorithm {algorithm} cannot be read" in found[0], (
        f"expected the record to be named, got {found}"
    )
    assert ".pem" not in found[0], f"expected no file, got {found}"


def test_D4_dnskey_records_that_are_too_large(knotd, unbound, authority, proto):
    """Each query would compare them with those that are known."""
    authority.set(TARGET, a=[A1], aaaa=[])
    large = [f"@ 3600 IN DNSKEY 256 3 253 {base64.b64encode(os.urandom(2000)).decode()}"
             for _ in range(17)]
    knotd.add_zone(STRANGER, [aname(TARGET), *siblings(), *large])
    knotd.start()
    unmade(proto, [])
    knotd.wait_log(rf"\[{STRANGER}\.\]", "DNSKEY records are larger than 32768", ask=STRANGER)


@pytest.fixture
def hanging(knotd, directory):
    """A directory of keys that hangs while a file exists: (the directory, the file)."""
    library = os.path.join(directory, "hang.so")
    source = os.path.join(os.path.dirname(harness.__file__), "hang.c")
    subprocess.run(
        ["gcc", "-std=gnu11", "-D_GNU_SOURCE", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC",
         "-shared", "-o", library, source, "-ldl"],
        check=True, timeout=scaled(30),
    )
    place, flag = os.path.join(directory, "slow"), os.path.join(directory, "hangs")
    knotd.env["LD_PRELOAD"] = ":".join(filter(None, [knotd.env.get("LD_PRELOAD"), library]))
    knotd.env |= {"ANAME_HANG_IN": place, "ANAME_HANG_WHILE": flag}
    return place, flag


def test_D1_D4_a_key_directory_that_hangs_holds_nobody_else_up(knotd, unbound, authority, hanging):
    """As on a file server that does not answer; not even the end of the process waits for it."""
    place, flag = hanging
    authority.set(TARGET, a=[A1], aaaa=[])
    knotd.sections.append(section("keystore", "slow", config=place))
    knotd.sections.append(section("policy", "slow", keystore="slow"))
    slow = [f"slow{i}.test" for i in range(3)]
    for name in slow:
        options = {"dnssec-signing": True, "dnssec-policy": "slow"}
        knotd.add_zone(name, [aname(TARGET), *siblings()], zone_options=options)
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options={"dnssec-signing": True})
    knotd.start()
    for name in [*slow, ZONE]:
        signed(name)
    with open(flag, "w", encoding="ascii"):
        pass
    for name in slow:
        query(name, "A", do=True)
    reply = eventually(lambda: query(ZONE, "A", do=True).expect(a={A1}), timeout=20)
    keys = Keys(ZONE)
    keys.learn()
    verify(reply, keys)
    for name in slow:
        eventually(lambda name=name: query(name, "A", do=True).expect(a={SIBLING_A}), timeout=20)
    (line,) = knotd.wait_log("mod-aname", "key directory", "does not answer", ask=ZONE)
    assert place in line and "1 of 4" in line, f"expected the directory to be named, got {line}"
    knotd.wait_log(r"\[slow0.test\.\]", "mod-aname", "private key", r"\.pem cannot be read")
    os.unlink(flag)
    knotd.wait_log("mod-aname", "key directory", "answers again", ask=ZONE)
    for name in slow:
        eventually(lambda name=name: query(name, "A", do=True).expect(a={A1}), timeout=30)


def test_D1_the_end_does_not_wait_for_a_key_directory_that_hangs(
    knotd, unbound, authority, hanging
):
    place, flag = hanging
    authority.set(TARGET, a=[A1], aaaa=[])
    knotd.sections.append(section("keystore", "slow", config=place))
    knotd.sections.append(section("policy", "slow", keystore="slow"))
    options = {"dnssec-signing": True, "dnssec-policy": "slow"}
    knotd.add_zone(ZONE, [aname(TARGET), *siblings()], zone_options=options)
    knotd.start()
    signed(ZONE)
    with open(flag, "w", encoding="ascii"):
        pass
    query(ZONE, "A", do=True)
    eventually(lambda: query(ZONE, "A", do=True).expect(a={SIBLING_A}), timeout=20)
    # For ever, as far as knotd knows.
    knotd.finish()
