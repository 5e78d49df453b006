"""kaname rdata, show, zone: what needs no server, and that knotd loads what comes of it."""

import os
import random
import re
import subprocess

import dns.name
import pytest
from harness import A1, AAAA1, ALIAS, ANAME, TARGET, ZONE, known, query, rdata
from harness.kaname import BUILD, KANAME, environment, kaname
from harness.knotd import VERSION

# Zones as they are found: an operator's own, hand-written ones and what other servers write.
BY_HAND = """\
; example.com -- edit, raise the serial, rndc reload
$TTL 1d
$ORIGIN example.com.
@\t\tIN\tSOA\tns1.example.com. hostmaster.example.com. (
\t\t\t2026112201\t; serial
\t\t\t4h\t\t; refresh
\t\t\t1h\t\t; retry
\t\t\t1w\t\t; expire
\t\t\t1h )\t\t; minimum; "ANAME" below
\t\tIN\tNS\tns1
\t\tIN\tNS\tns2.example.com.
\t300\tIN\tANAME\tcdn.example.net.\t; the apex
\t\tIN\tMX\t10 mail
\t\tIN\tTXT\t( "v=spf1 mx -all"
\t\t\t\t"ANAME ; not a comment \\"(\\"" )
ns1\t\tA\t198.51.100.53
ns2\tIN 1h\tA\t198.51.100.54
mail\tIN\tA\t198.51.100.25
www\tIN\tCNAME\t@
_sip._tcp\tIN\tSRV\t0 5 5060 mail
*.dev\tIN\tA\t198.51.100.7

$ORIGIN lab.example.com.
alias\tIN\tA\t198.51.100.8
\t0\tANAME\tsub.cdn
"""

EXPORTED = """\
; <<>> exported zone <<>>
$ORIGIN .
example.com\t3600\tIN\tSOA\tns1.example.com hostmaster.example.com 7 10800 3600 604800 3600
example.com\t3600\tIN\tNS\tns1.example.com.
example.com\t300\tIN\tALIAS\tcdn.example.net.
ns1.example.com\t3600\tIN\tA\t198.51.100.53
example.com\t3600\tIN\tCAA\t0 issue "ca.example; account=1"
example.com.\t3600\tIN\tTXT\t"p=MIGf" "QIDAQAB;"
"""

POOL = """\
$ORIGIN com.
example IN 1h SOA ns.example h.example 1 2 3 4 5
example NS ns.example
ns.example A 198.51.100.53
example 60 ( ; the pool
  ANAME cdn.example.net. ) ; one
  60 IN ANAME (cdn-2.example.net.)
  60 IN ALIAS\tcdn-3.example.net."""


@pytest.mark.parametrize("text", [BY_HAND, EXPORTED, POOL], ids=["by-hand", "exported", "pool"])
def test_a_real_zone_is_translated_loaded_and_answered(
    knotd, unbound, authority, directory, text
):
    for name in (TARGET, "cdn-2.example.net", "cdn-3.example.net"):
        authority.set(name, a=[A1], aaaa=[AAAA1])
    generic = kaname("zone", directory=directory, text=text).stdout
    before, after = text.splitlines(), generic.splitlines()
    assert len(before) == len(after)
    for one, other in zip(before, after):
        words = "ANAME" in one.split(";")[0] or "ALIAS" in one.split(";")[0]
        translated = words and '"' not in one
        assert (one != other) == translated, f"expected only ANAME lines to change: {one} {other}"
        assert one.partition(";")[2] == other.partition(";")[2]

    knotd.add_zone(ZONE, text=generic)
    knotd.write_conf()
    checked = knotd.knotc("zone-check", ZONE)
    assert "error" not in checked.stdout + checked.stderr
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    known(ZONE, "AAAA").expect(aaaa={AAAA1})

    words = kaname("zone", "--reverse", directory=directory, text=generic).stdout
    assert kaname("zone", directory=directory, text=words).stdout == generic


def test_relative_names_get_the_origin_that_is_given(knotd, directory):
    text = BY_HAND.replace("$ORIGIN example.com.\n", "").replace("cdn.example.net.", "cdn.www")
    generic = kaname("zone", "-o", ZONE, directory=directory, text=text).stdout
    wire = dns.name.from_text("cdn.www.example.com").to_wire()
    assert f"TYPE65305\t{rdata(wire)}\t; the apex" in generic
    assert "stdin:11: expected an absolute name" in (
        kaname("zone", directory=directory, text=text, code=1).stderr
    )


def test_random_zones_load_with_the_records_they_had(knotd, directory):
    """Every target is found in the loaded zone, and nothing else has changed."""
    rng = random.Random(65305)
    targets = {}
    lines = ["$TTL 300", "@ SOA ns h ( 1 ; s\n 2 3 4 5 )", " NS ns", "ns A 198.51.100.53"]
    for number in range(400):
        owner = f"n{number}"
        label = "".join(rng.choice("abcXYZ09-_") for _ in range(rng.randint(1, 30)))
        absolute = rng.random() < 0.5
        target = f"{label}.example.net." if absolute else f"{label}"
        kind = rng.choice(["ANAME", "ALIAS", "aname"])
        middle = rng.choice([" ", "\t300 ", " IN ", " IN 5m ", " 60 IN\t", "  ( ; x\n "])
        end = "" if "(" not in middle else rng.choice([" )", ")", "\n)", " ; ) \n )"])
        lines.append(f"{owner}{middle}{kind} {target}{end}{rng.choice(['', ' ; ANAME', ' '])}")
        lines.append(rng.choice(["", "; (", f'{owner} TXT "ANAME {number} ; x"', "$TTL 1h"]))
        targets[owner] = (
            ALIAS if kind == "ALIAS" else ANAME,
            dns.name.from_text(target, dns.name.from_text(ZONE)).to_wire(),
        )
    text = "\n".join(lines) + "\n"
    generic = kaname("zone", "-o", ZONE, directory=directory, text=text).stdout
    knotd.add_zone(ZONE, text=generic)
    knotd.start()
    for owner, (rrtype, wire) in targets.items():
        reply = query(f"{owner}.{ZONE}", f"TYPE{rrtype}").expect()
        assert reply.addresses() == {rdata(wire)}, f"expected {rdata(wire)}, got {reply}"


@pytest.mark.parametrize(
    "target, wire",
    [
        ("www.cdn.example", b"\x03www\x03cdn\x07example\x00"),
        ("www.cdn.example.", b"\x03www\x03cdn\x07example\x00"),
        ("WwW.", b"\x03WwW\x00"),
        (".", b"\x00"),
        (r"a\.b.c\032d", b"\x03a.b\x03c d\x00"),
        ("a" * 63 + ".b", b"\x3f" + b"a" * 63 + b"\x01b\x00"),
    ],
)
def test_rdata_and_show_undo_each_other(directory, target, wire):
    text = kaname("rdata", target, directory=directory).stdout
    assert text == rdata(wire) + "\n"
    shown = kaname("show", text.strip(), directory=directory).stdout.strip()
    assert dns.name.from_text(shown).to_wire() == wire
    assert kaname("show", *text.split(), directory=directory).stdout.strip() == shown


@pytest.mark.parametrize("target", ["", "@", "a..b", "a" * 64, ".".join(["a" * 63] * 4), "a\\"])
def test_rdata_takes_names_only(directory, target):
    done = kaname("rdata", target, directory=directory, code=1)
    assert done.stdout == "" and "expected a domain name" in done.stderr


def test_a_name_in_utf8_becomes_a_labels(directory):
    text = "b\u00fccher.example"
    done = kaname("rdata", text, directory=directory, code=(0, 1))
    if done.returncode == 1:
        assert "without libidn2" in done.stderr
        return
    assert done.stdout == rdata(b"\x0dxn--bcher-kva\x07example\x00") + "\n"
    assert done.stderr == f"note: {text} is xn--bcher-kva.example in the DNS\n"


@pytest.mark.parametrize(
    "text, output",
    [
        ("www.example.", "\\#"),
        ("\\# 4 016100", "\\#"),
        ("\\# 2 c00c", "domain name"),
        ("\\# 0", "domain name"),
        ("\\# 3 016100 ; x", "\\#"),
        ("\\# 3 016100\na A 192.0.2.1", "\\#"),
    ],
)
def test_show_takes_generic_rdata_only(directory, text, output):
    done = kaname("show", text, directory=directory, code=1)
    assert done.stdout == "" and output in done.stderr


def test_errors_name_the_file_and_the_line(directory):
    path = os.path.join(directory, "bad.zone")
    with open(path, "w", encoding="ascii") as file:
        file.write("$ORIGIN example.\n@ ANAME a..b\n@ ALIAS b\n@ ANAME\n")
    with open(path, encoding="ascii") as file:
        redirected = kaname("zone", directory=directory, stdin=file, code=1)
    assert f"{path}:2: expected a domain name; 'kaname rdata NAME' says" in redirected.stderr
    assert f"{path}:4: expected the target's name" in redirected.stderr
    assert redirected.stdout.splitlines()[2] == f"@ TYPE65401 {rdata(b'%cb%cexample%c' % (1, 7, 0))}"
    named = kaname("zone", path, directory=directory, code=1)
    assert (named.stderr, named.stdout) == (redirected.stderr, redirected.stdout)


def test_included_files_are_left_alone_and_reported(knotd, directory):
    part = os.path.join(knotd.zone_directory, "part")
    path = knotd.zone_file(ZONE)
    with open(part, "w", encoding="ascii") as file:
        file.write("a A 192.0.2.1\nb ANAME cdn.example.net.\n")
    text = BY_HAND + "$INCLUDE part sub.example.com.\n"
    knotd.add_zone(ZONE, text=text)
    done = kaname("zone", path, directory=directory)
    assert f"{path}:{text.count(chr(10))}: warning: included file" in done.stderr
    assert "1 record to be translated, the first at line 2" in done.stderr
    assert done.stdout.endswith("$INCLUDE part sub.example.com.\n")
    # With both translated the zone loads.
    translated = kaname("zone", "-o", "sub.example.com", part, directory=directory).stdout
    with open(part, "w", encoding="ascii") as file:
        file.write(translated)
    assert "included" not in kaname("zone", path, directory=directory).stderr
    knotd.write_zone(ZONE, text=done.stdout)
    knotd.start()
    query(f"b.sub.{ZONE}", f"TYPE{ANAME}").expect()


@pytest.mark.parametrize("text", [BY_HAND, POOL], ids=["by-hand", "pool"])
def test_a_file_as_other_systems_write_it_loads(knotd, directory, text):
    """With a byte order mark, and lines that end in CR LF."""
    dos = os.path.join(directory, "dos.zone")
    with open(dos, "wb") as file:
        file.write(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode("ascii"))
    generic = kaname("zone", dos, directory=directory)
    assert generic.stdout == kaname("zone", directory=directory, text=text).stdout
    assert f"{dos}:1: note: lines end in CR LF, and are written with LF" in generic.stderr
    knotd.add_zone(ZONE, text=generic.stdout)
    knotd.start()
    assert query(ZONE, f"TYPE{ANAME}", "tcp").addresses()


@pytest.mark.parametrize("mark, end", [("\ufeff", "\n"), ("", "\r\n")], ids=["mark", "dos"])
def test_knotd_itself_does_not_take_such_a_file(knotd, mark, end):
    text = mark + "@ IN SOA ns h 1 3600 600 86400 60\n@ NS ns\nns A 192.0.2.53\n".replace("\n", end)
    knotd.add_zone(ZONE)
    with open(knotd.zone_file(ZONE), "wb") as file:
        file.write(text.encode("utf-8"))
    knotd.write_conf()
    assert knotd.knotc("zone-check", ZONE, check=False).returncode != 0


def test_likely_mistakes_are_told_with_their_line(directory):
    text = BY_HAND.replace("cdn.example.net.\t", "xxx.pikapod.net\t")
    done = kaname("zone", directory=directory, text=text)
    told = done.stderr.splitlines()
    assert told == [
        "stdin:12: warning: xxx.pikapod.net has no dot at its end, so the target is"
        " xxx.pikapod.net.example.com.; if it is to be xxx.pikapod.net. write that dot",
        "stdin:25: warning: alias.lab.example.com. is not the apex: this record is followed with"
        " 'owners: any' in the zone's section of mod-aname, and served as it is without",
        "stdin:25: warning: sub.cdn has no dot at its end, so the target is"
        " sub.cdn.lab.example.com.; if it is to be sub.cdn. write that dot",
    ]


@pytest.mark.parametrize("record, expected", [
    ("@ 300 IN ANAME 192.0.2.1", "an address needs an A record"),
    ("@ 300 IN ALIAS 2001:db8::1", "an address needs an AAAA record"),
    ("@ 86400 AWS ALIAS A lb.example.net. ZABC false", "which only Route 53 knows"),
    ("@ 3600 IN AZURE ALIAS A /subscriptions/x", "which only Azure DNS knows"),
    ("www 300 IN URL https://example.net/", "no DNS server does that"),
    ("@ 300 IN CNAME cdn.example.net.", "ANAME in the place of CNAME"),
], ids=lambda value: value.split()[-1][:12])
def test_what_cannot_work_is_told_and_left(knotd, directory, record, expected):
    text = f"$ORIGIN {ZONE}.\n@ 300 SOA ns h 1 2 3 4 5\n@ 300 NS ns\nns 300 A 192.0.2.53\n{record}\n"
    done = kaname("zone", directory=directory, text=text, code=1)
    assert done.stdout == text
    assert done.stderr.startswith("stdin:5: expected ") and expected in done.stderr, done.stderr
    # knotd refuses it as well.
    knotd.add_zone(ZONE, text=text)
    knotd.write_conf()
    if "ALIAS" not in record or VERSION < (3, 5):
        assert knotd.knotc("zone-check", ZONE, check=False).returncode != 0


def test_a_full_disk_is_an_error(directory):
    with open("/dev/full", "w", encoding="ascii") as full:
        for text in ("a A 192.0.2.1\n", "a A 192.0.2.1\n" * 100000):
            done = subprocess.run(
                [KANAME, "zone"], input=text, stdout=full, stderr=subprocess.PIPE, text=True,
                env=environment(directory), check=False, timeout=60,
            )
            assert done.returncode == 3 and "No space left on device" in done.stderr


def test_a_closed_pipe_ends_it_quietly(directory):
    with subprocess.Popen(
        [KANAME, "zone"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=environment(directory), restore_signals=True, bufsize=0,
    ) as process:
        process.stdout.close()
        try:
            for _ in range(1000):
                process.stdin.write(b"a A 192.0.2.1\n" * 1000)
            process.stdin.close()
        except BrokenPipeError:
            pass
        output = process.stderr.read()
        assert process.wait(60) == -13 and output == b""


def test_it_is_a_filter_and_does_not_keep_the_whole(directory):
    """What went in comes out before the input ends."""
    with subprocess.Popen(
        [KANAME, "zone"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(directory)
    ) as process:
        line = b"a ANAME b. ; x\n"
        process.stdin.write(line * 2000)
        process.stdin.flush()
        assert process.stdout.read(1000) == (b"a TYPE65305 \\# 3 016200 ; x\n" * 1000)[:1000]
        process.kill()


@pytest.mark.parametrize(
    "arguments",
    [[], ["nonsense"], ["rdata"], ["rdata", "a", "b"], ["zone", "a", "b"], ["zone", "--nonsense"],
     ["rdata", "--reverse", "a"], ["zone", "-o"], ["zone", "-o", "a..b"]],
)
def test_what_is_not_understood_is_reported(directory, arguments):
    done = kaname(*arguments, directory=directory, code=2)
    assert done.stdout == "" and "kaname" in done.stderr


def test_help_and_version(directory):
    told = kaname("--help", directory=directory).stdout
    for command in ("rdata TARGET", "show RDATA", "zone [-o ORIGIN]"):
        assert command in told
    assert kaname("--version", directory=directory).stdout.startswith("kaname 0.")
    assert kaname("zone", "no-such-file", directory=directory, code=3).stdout == ""


def test_the_man_page_has_every_command_and_option():
    told = kaname("--help", directory="/").stdout
    with open(os.path.join(BUILD, "doc", "kaname.1"), encoding="utf-8") as file:
        page = file.read().replace("\\-", "-").replace("\\fI", "").replace("\\fR", "")
    names = set(re.findall(r"^  (\w+) |(--[a-z-]+)", told, re.MULTILINE))
    words = {command or option for command, option in names}
    assert {"rdata", "check", "--json", "--version"} <= words
    for word in words:
        assert re.search(rf"^\.\w+ .*{word}\b", page, re.MULTILINE), f"{word} is not in the page"
    version = kaname("--version", directory="/").stdout.split()[1]
    assert f"mod-aname {version}" in page
