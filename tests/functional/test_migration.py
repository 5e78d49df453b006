"""doc/migration.md: zones of others are taken over with the very commands that stand there."""

import json
import os
import re
import shutil

import dns.query
import dns.zone
import pytest
from harness import (
    A1, A2, AAAA1, ALIAS, SIBLING_A, TARGET, ZONE, aname, answers, eventually, guide, known, query,
    sanitizer, section, siblings, zone_text,
)
from harness.kaname import kaname
from harness.knotd import RELEASE
from harness.owners import needs_any
from harness.powerdns import PowerDNS
from harness.signatures import Keys, verify

OLD = "127.0.0.9"

# As pdns reads it, with names that it knows.
POWERDNS = f"""\
$ORIGIN {ZONE}.
$TTL 3600
@ IN SOA ns1 hostmaster 7 3600 600 86400 60
@ IN NS ns1
@ 300 IN ALIAS {TARGET}.
@ IN MX 10 mail
@ IN TXT "v=spf1 mx -all; ALIAS"
ns1 IN A 198.51.100.53
mail IN A 198.51.100.25
www IN CNAME {ZONE}.
shop 120 IN ALIAS {TARGET}.
"""

CLOUDFLARE = f"""\
;;
;; Domain:     {ZONE}.
;; Exported:   2026-11-22 12:00:00
;;
;; Use at your own risk.
;; SOA Record
{ZONE}\t3600\tIN\tSOA\tada.ns.cloudflare.com. dns.cloudflare.com. 2053716757 10000 2400 604800 3600

;; NS Records
{ZONE}.\t86400\tIN\tNS\tada.ns.cloudflare.com.
{ZONE}.\t86400\tIN\tNS\tbob.ns.cloudflare.com.

;; A Records
mail.{ZONE}.\t1\tIN\tA\t198.51.100.25 ; cf_tags=cf-proxied:false

;; CAA Records
{ZONE}.\t1\tIN\tCAA\t0 issue "letsencrypt.org"

;; CNAME Records
{ZONE}.\t1\tIN\tCNAME\t{TARGET}. ; the shop cf_tags=cf-proxied:true
www.{ZONE}.\t1\tIN\tCNAME\t{ZONE}. ; cf_tags=cf-proxied:true

;; MX Records
{ZONE}.\t300\tIN\tMX\t10 mail.{ZONE}.

;; TXT Records
{ZONE}.\t1\tIN\tTXT\t"v=spf1 mx -all; CNAME"
"""


def route53(*more):
    """As `aws route53 list-resource-record-sets` prints it."""

    def plain(name, kind, *values, ttl=300):
        records = [{"Value": value} for value in values]
        return {"Name": name, "Type": kind, "TTL": ttl, "ResourceRecords": records}

    def alias(name, kind, target):
        where = {"HostedZoneId": "Z2FDTNDATAQYW2", "DNSName": target, "EvaluateTargetHealth": False}
        return {"Name": name, "Type": kind, "AliasTarget": where}

    soa = "ns-1.awsdns-00.com. awsdns-hostmaster.amazon.com. 1 7200 900 1209600 86400"
    sets = [
        alias(f"{ZONE}.", "A", f"{TARGET}."),
        plain(f"{ZONE}.", "MX", f"10 mail.{ZONE}."),
        plain(f"{ZONE}.", "NS", "ns-1.awsdns-00.com.", "ns-2.awsdns-00.net.", ttl=172800),
        plain(f"{ZONE}.", "SOA", soa, ttl=900),
        plain(f"{ZONE}.", "TXT", '"v=spf1 mx -all"', '"two" "strings"'),
        alias(f"{ZONE}.", "AAAA", f"{TARGET}."),
        plain(f"\\052.{ZONE}.", "A", "198.51.100.7"),
        plain(f"mail.{ZONE}.", "A", "198.51.100.25"),
        alias(f"www.{ZONE}.", "A", f"{ZONE}."),
        alias(f"www.{ZONE}.", "AAAA", f"{ZONE}."),
        alias(f"shop.{ZONE}.", "A", f"{TARGET}."),
        *(alias(*one) if len(one) == 3 else plain(*one[:3]) | one[3] for one in more),
    ]
    return json.dumps({"ResourceRecordSets": sets}, indent=4)


def dnsmadeeasy(*more):
    """As its API lists the records of a domain."""

    def record(name, kind, value, ttl=1800, **more):
        return {
            "failover": False, "monitor": False, "sourceId": 123123, "dynamicDns": False,
            "failed": False, "gtdLocation": "DEFAULT", "hardLink": False, "ttl": ttl, "source": 1,
            "name": name, "value": value, "id": 11189874, "type": kind, **more,
        }

    data = [
        record("", "ANAME", f"{TARGET}."),
        record("", "MX", "mail", mxLevel=10),
        record("", "TXT", '"v=spf1 mx -all"'),
        record("", "CAA", '"letsencrypt.org"', caaType="issue", issuerCritical=0),
        record("mail", "A", "198.51.100.25"),
        record("www", "CNAME", ""),
        record("shop", "ANAME", f"{TARGET}."),
        record("_sip._tcp", "SRV", "mail", priority=0, weight=5, port=5060),
        *(record(*one[:3], **one[3]) for one in more),
    ]
    return json.dumps({"totalPages": 1, "totalRecords": len(data), "data": data, "page": 0})


HEAD = """\
$TTL 3600
@ IN SOA ns1 hostmaster 1 3600 600 86400 60
@ IN NS ns1
ns1 IN A 198.51.100.53
"""

CNAME = f"""\
$TTL 1h
@ IN SOA ns1 hostmaster 1 3600 600 86400 60
@ IN NS ns1
@\t300 IN\tCNAME {TARGET}. ; not allowed, but it works
{ZONE}. IN TXT "@ IN CNAME {TARGET}."
\tTXT "v=spf1 mx -all"
@ MX 10 mail
ns1 IN A 198.51.100.53
mail IN A 198.51.100.25
www CNAME @
"""

WORDS = CNAME.replace("CNAME cdn", "ANAME cdn", 1)


def run(name, directory, **how):
    return guide.run("migration", name, directory, **how)


def write(directory, **files):
    for name, text in files.items():
        with open(os.path.join(directory, name.replace("__", ".")), "w", encoding="ascii") as file:
            file.write(text)


@pytest.fixture
def taken(knotd, unbound, authority, directory):
    """Serves the zone file that the commands made, and looks at what all samples have."""

    def take(**options):
        authority.set(TARGET, a=[A1], aaaa=[AAAA1])
        knotd.options.update(options)
        with open(os.path.join(directory, f"{ZONE}.zone"), encoding="ascii") as file:
            knotd.add_zone(ZONE, text=file.read())
        knotd.template["semantic-checks"] = True
        knotd.write_conf()
        checked = knotd.knotc("zone-check", ZONE)
        assert "error" not in checked.stdout + checked.stderr
        knotd.start()
        answers({A1})
        answers({AAAA1}, rdtype="AAAA")
        assert query(ZONE, "MX").addresses() == {f"10 mail.{ZONE}."}
        assert any("v=spf1 mx -all" in text for text in query(ZONE, "TXT").addresses())
        answers({A1}, name=f"www.{ZONE}")
        answers({"198.51.100.25"}, name=f"mail.{ZONE}")

    return take


def test_cloudflare(taken, directory):
    write(directory, example__com__txt=CLOUDFLARE)
    run("cloudflare", directory)
    taken()
    assert query(ZONE, "A").ttl() <= 300, "TTL 1 is 'automatic', and not a second"
    assert "letsencrypt" in query(ZONE, "CAA").addresses().pop()
    assert "CNAME" in query(ZONE, "TXT").addresses().pop()


def test_cloudflare_with_the_dot_that_newer_exports_have(taken, directory):
    write(directory, example__com__txt=CLOUDFLARE.replace(f"{ZONE}\t3600", f"{ZONE}.\t3600"))
    run("cloudflare", directory)
    taken()


def test_cloudflare_records_that_lead_nowhere_elsewhere(directory):
    nowhere = [
        f"shop.{ZONE}.\t1\tIN\tCNAME\t0c2d.cfargotunnel.com. ; cf_tags=cf-proxied:true",
        f"api.{ZONE}.\t1\tIN\tAAAA\t100:: ; cf_tags=cf-proxied:true",
    ]
    write(directory, example__com__txt=CLOUDFLARE + "\n".join(nowhere) + "\n")
    assert run("cloudflare-nowhere", directory).splitlines() == nowhere


def test_route53(taken, directory):
    write(directory, example__com__json=route53())
    run("route53", directory, BELOW="CNAME")
    taken()
    assert query(ZONE, "A").ttl() <= 60
    assert query(ZONE, "TXT").addresses() == {'"v=spf1 mx -all"', '"two" "strings"'}
    answers({"198.51.100.7"}, name=f"any.{ZONE}")
    for name, target in (("www", ZONE), ("shop", TARGET)):
        assert query(f"{name}.{ZONE}", "CNAME").addresses() == {f"{target}."}


@needs_any
def test_route53_aliases_at_any_name(taken, directory):
    """Beside other records, and at a wildcard; one that stays in the zone is a CNAME."""
    more = [(f"txt.{ZONE}.", "A", f"{TARGET}."), (f"txt.{ZONE}.", "TXT", '"t"', {}),
            (f"\\052.shop.{ZONE}.", "A", f"{TARGET}."),
            (f"both.{ZONE}.", "A", f"{TARGET}."), (f"both.{ZONE}.", "AAAA", f"{TARGET}.")]
    write(directory, example__com__json=route53(*more))
    run("route53", directory)
    taken(owners="any")
    for name in ("shop", "any.shop", "both", "txt"):
        answers({A1}, name=f"{name}.{ZONE}")
        answers({AAAA1}, f"{name}.{ZONE}", "AAAA")
        assert not query(f"{name}.{ZONE}", "CNAME").addresses()
    assert query(f"www.{ZONE}", "CNAME").addresses() == {f"{ZONE}."}


@pytest.mark.parametrize(
    "more, output",
    [
        ((f"{ZONE}.", "AAAA", "other.example.net."), "aliases of A and AAAA differ"),
        ((f"w.{ZONE}.", "A", "192.0.2.7", {"SetIdentifier": "x", "Weight": 1}), "routing policy"),
        ((f"mail.{ZONE}.", "AAAA", f"{TARGET}."), "beside other records"),
        ((f"\\100.{ZONE}.", "A", "192.0.2.7", {}), "escape"),
    ],
)
def test_route53_what_has_no_like_is_named(directory, more, output):
    write(directory, example__com__json=route53(more))
    assert output in run("route53", directory, good=False, BELOW="CNAME")


def test_dnsmadeeasy(taken, directory):
    write(directory, records__json=dnsmadeeasy(), head__zone=HEAD)
    run("dnsmadeeasy", directory, BELOW="CNAME")
    taken()
    assert query(f"_sip._tcp.{ZONE}", "SRV").addresses() == {f"0 5 5060 mail.{ZONE}."}
    assert "letsencrypt" in query(ZONE, "CAA").addresses().pop()
    assert query(f"shop.{ZONE}", "CNAME").addresses() == {f"{TARGET}."}


@needs_any
def test_dnsmadeeasy_anames_at_any_name(taken, directory):
    more = [("shop", "TXT", '"t"', {}), ("*.shop", "ANAME", f"{TARGET}.", {})]
    write(directory, records__json=dnsmadeeasy(*more), head__zone=HEAD)
    run("dnsmadeeasy", directory)
    taken(owners="any")
    for name in ("shop", "any.shop"):
        answers({A1}, name=f"{name}.{ZONE}")
        answers({AAAA1}, f"{name}.{ZONE}", "AAAA")
    assert query(f"shop.{ZONE}", "TXT").addresses() == {'"t"'}


@pytest.mark.parametrize(
    "more, output",
    [
        (("x", "HTTPRED", "https://example.org", {}), "redirect"),
        (("x", "A", "192.0.2.7", {"gtdLocation": "US_EAST"}), "location"),
    ],
)
def test_dnsmadeeasy_what_has_no_like_is_named(directory, more, output):
    write(directory, records__json=dnsmadeeasy(more), head__zone=HEAD)
    assert output in run("dnsmadeeasy", directory, good=False)


def test_any_file_with_the_words(taken, directory):
    write(directory, example__com__in=WORDS)
    run("words", directory)
    taken()


@needs_any
def test_any_file_with_the_words_below_the_apex(taken, directory):
    """As they stand there."""
    write(directory, example__com__in=WORDS + f"shop ALIAS {TARGET}.\n*.shop ANAME {TARGET}.\n")
    run("words", directory)
    taken(owners="any")
    for name in ("shop", "any.shop"):
        answers({A1}, name=f"{name}.{ZONE}")
        answers({AAAA1}, f"{name}.{ZONE}", "AAAA")


def test_cname_at_the_apex(taken, directory):
    write(directory, example__com__old=CNAME)
    run("cname", directory)
    taken()
    assert f'"@ IN CNAME {TARGET}."' in query(ZONE, "TXT").addresses()


def test_knotd_refuses_a_cname_at_the_apex(knotd):
    knotd.add_zone(ZONE, text=CNAME)
    knotd.start(ready=())
    knotd.wait_log(ZONE, "CNAME|failed")
    assert knotd.knotc("zone-check", ZONE, check=False).returncode != 0


def test_a_script_that_wrote_addresses(knotd, unbound, authority, directory):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, siblings())
    knotd.start()
    query(ZONE, "A").expect(a={SIBLING_A})
    kaname("-s", knotd.socket, "set", ZONE, TARGET, directory=directory)
    answers({A1})


def usual(directory, program, *arguments, env=None):
    """The guide's commands find their configuration where it usually is; here by an argument."""
    wrapper = os.path.join(directory, program)
    variables = " ".join(f"{key}='{value}'" for key, value in (env or {}).items())
    command = f"env {variables} {shutil.which(program)} {' '.join(arguments)}"
    with open(wrapper, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {command} "$@"\n')
    os.chmod(wrapper, 0o755)


@pytest.fixture
def powerdns(directory, unbound, authority, start_server):
    """Start it with the zone."""
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])

    def start(prepare=(), **how):
        server = PowerDNS(directory, OLD, {ZONE: POWERDNS}, **how)
        for arguments in prepare:
            server.util(*arguments)
        return start_server(server)

    return start


def secondary(knotd, **options):
    """The zone as the guide has it: from PowerDNS, with the module."""
    knotd.sections.append(section("remote", "powerdns", address=f"{OLD}@5300"))
    knotd.add_zone(ZONE, zone_options={"master": "powerdns", **options})
    os.unlink(knotd.zone_file(ZONE))
    knotd.start()


def test_powerdns_by_transfer(knotd, powerdns, authority, directory, proto):
    server = powerdns()
    # It follows the record itself, with the same addresses.
    eventually(lambda: query(ZONE, "A", proto, server=server.address).expect(a={A1}))
    secondary(knotd)
    known()
    query(ZONE, "A", proto).expect(a={A1}, ttl=(1, 300), ede=set())
    query(ZONE, "AAAA", proto).expect(aaaa={AAAA1}, ttl=(1, 300), ede=set())
    query(f"www.{ZONE}", "A", proto).expect(a={A1})
    assert query(ZONE, "MX", proto).addresses() == {f"10 mail.{ZONE}."}
    got = kaname("-s", knotd.socket, "get", ZONE, directory=directory).stdout.splitlines()
    assert [line.split() for line in got] == [
        [f"{ZONE}.", "300", "ALIAS", f"{TARGET}."],
        [f"shop.{ZONE}.", "120", "ALIAS", f"{TARGET}."],
    ], got
    told = kaname("-s", knotd.socket, "check", ZONE, directory=directory, code=1).stdout
    bad = [line for line in told.splitlines() if line.startswith("BAD")]
    assert len(bad) == 1 and f"not followed: shop.{ZONE}. ALIAS" in bad[0], told
    # Not at the apex: the record it is.
    query(f"shop.{ZONE}", "A", proto).expect(a=(), soa=True)
    assert query(f"shop.{ZONE}", f"TYPE{ALIAS}").addresses()
    # The target moves, the zone does not: nothing is transferred, and the answer follows.
    knotd.options["ttl-max"] = 1
    if RELEASE >= (3, 3, 5):
        knotd.options["owners"] = "any"
    knotd.zones[ZONE].modules = [knotd.aname]
    knotd.reload()
    authority.set(TARGET, a=[A2], aaaa=[AAAA1])
    answers({A2}, proto=proto)
    if RELEASE >= (3, 3, 5):
        answers({A2}, f"shop.{ZONE}", proto=proto)


def test_powerdns_that_expands_sends_addresses(knotd, powerdns, authority):
    """Why the guide wants outgoing-axfr-expand-alias=no."""
    powerdns(expand=True)
    transfer = dns.query.xfr(OLD, ZONE, port=5300, relativize=False)
    zone = dns.zone.from_xfr(transfer, relativize=False)
    assert zone.get_rdataset(f"{ZONE}.", "A") and not zone.get_rdataset(f"{ZONE}.", ALIAS)
    secondary(knotd)
    query(ZONE, "A").expect(a={A1})
    authority.set(TARGET, a=[A2])
    query(ZONE, "A").expect(a={A1})
    assert not query(ZONE, f"TYPE{ALIAS}").addresses()


def test_powerdns_a_secondary_takes_over(knotd, powerdns, directory):
    server = powerdns()
    secondary(knotd)
    known()
    knotd.knotc("-b", "-f", "zone-flush", ZONE)
    server.kill()
    del knotd.zones[ZONE].options["master"]
    knotd.reload()
    knotd.knotc("-b", "zone-reload", ZONE)
    query(ZONE, "A").expect(a={A1})
    words = kaname("zone", "-r", knotd.zone_file(ZONE), directory=directory).stdout
    assert re.search(rf"^{ZONE}\.\s+300\s+ALIAS\s+{TARGET}\.$", words, re.MULTILINE), words


def test_powerdns_as_a_file(taken, powerdns, directory):
    server = powerdns()
    usual(directory, "pdnsutil", f"--config-dir={server.directory}")
    run("powerdns", directory)
    taken()


def test_the_answers_of_old_and_new_are_compared(knotd, powerdns, authority, directory):
    powerdns()
    with open(os.path.join(directory, "powerdns", "pdns.conf"), encoding="ascii") as file:
        assert "expand-alias=yes" in file.read()
    secondary(knotd)
    known()
    names = {"OLD": f"{OLD}@5300", "NEW": "127.0.0.1@5300"}
    assert "differs" not in run("compare", directory, **names)
    del knotd.zones[ZONE].options["master"]
    knotd.write_zone(ZONE, text=zone_text(ZONE, [aname(TARGET), "@ MX 20 mail"], serial=9))
    knotd.reload()
    knotd.knotc("-b", "-f", "zone-reload", ZONE)
    output = run("compare", directory, **names).split("\n")
    assert "MX differs" in output and "A differs" not in output


def verified(keys):
    """The address is there, with a signature by one of these keys."""
    eventually(lambda: query(ZONE, "A", "tcp", do=True).expect(a={A1}), timeout=20)
    verify(query(ZONE, "A", "tcp", do=True).expect(a={A1}), keys)


CSK = [("secure-zone", ZONE)]
KSK_ZSK = [("add-zone-key", ZONE, kind, "active", "ecdsa256") for kind in ("ksk", "zsk")]


@pytest.mark.parametrize("signing", [CSK, KSK_ZSK], ids=["csk", "ksk-zsk"])
def test_powerdns_signs_and_the_keys_are_brought(knotd, powerdns, directory, signing):
    """First as secondary, then as primary: the keys, and with them the DS, stay."""
    server = powerdns(prepare=signing)
    secondary(knotd)
    query(ZONE, "A", "tcp", do=True).expect(a=(), soa=True)
    knotd.wait_log(r"private key .*\.pem cannot be read")
    keys = Keys(ZONE)
    assert keys.learn() == len(signing)
    usual(directory, "pdnsutil", f"--config-dir={server.directory}")
    usual(directory, "keymgr", "-c", knotd.conf, env=sanitizer.environment(directory))
    for number in range(len(signing)):
        run("powerdns-key", directory, ID=str(number + 1))
    verified(keys)

    knotd.knotc("-b", "-f", "zone-flush", ZONE)
    server.kill()
    knotd.zones[ZONE].options["dnssec-signing"] = "on"
    if signing == CSK:
        run("powerdns-csk", directory)
        knotd.sections.append(section("policy", "csk", single_type_signing=True))
        knotd.zones[ZONE].options["dnssec-policy"] = "csk"
    del knotd.zones[ZONE].options["master"]
    knotd.reload()
    knotd.wait_log("DNSSEC, successfully signed")
    keys.learn()
    assert len(keys.rdatas) == len(signing), "other keys than before"
    verified(keys)


def test_beside_dnscontrol_a_type_that_it_passes_over(knotd, unbound, authority, directory):
    authority.set("www.cdn.example", a=[A1], aaaa=[AAAA1])
    knotd.options["rrtype"] = "TYPE65534"
    knotd.add_zone(ZONE)
    knotd.start()
    wrapper = os.path.join(directory, "knotc")
    with open(wrapper, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {shutil.which("knotc")} -s {knotd.socket} "$@"\n')
    os.chmod(wrapper, 0o755)
    run("dnscontrol", directory)
    answers({A1})
    answers({AAAA1}, rdtype="AAAA")
