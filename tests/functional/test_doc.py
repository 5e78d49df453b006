"""The documents say of every option what the module's schema says, and knotd agrees with both."""

import os
import re
import subprocess

import docutils.core
import pytest
from harness import schema
from harness.guide import ROOT, run, text_of
from harness.kaname import KANAME
from harness.knotd import RELEASE
from harness.scenario import A1, TARGET, ZONE, answers, failed, known
from harness.schema import Option
from harness.wait import scaled
from harness.zone import aname


# What the schema does not have, because the code adds it.
OF_CODE = {
    "rrtype": Option("ANAME | ALIAS | TYPEnnnnn ...", "[ANAME, ALIAS]"),
    "status-socket": Option("STR", "mod-aname.sock"),
    "state-file": Option("STR", "mod-aname.state"),
    "probe-path": Option("STR", "/"),
    "probe-status": Option("INT[-INT] ...", "200-399"),
}


def expected():
    return {
        name: OF_CODE.get(name, option._replace(default=option.default or "not set"))
        for name, option in schema.options().items()
    }


# The documents.


def manual():
    """{option: Option} of doc/mod-aname.rst, and the order in its block of syntax."""
    text = text_of("doc", "mod-aname.rst")
    text = text[text.index("Module reference") :]
    syntax = dict(re.findall(r"^     ([a-z0-9-]+): (.+)$", text, re.MULTILINE))
    found = {}
    parts = re.split(r"^([a-z0-9-]+)\n\.+\n", text, flags=re.MULTILINE)
    assert parts[1] == "id"
    for name, body in zip(parts[3::2], parts[4::2]):
        default = re.search(r"^\*Default:\* (.+)$", body, re.MULTILINE)
        assert default, f"{name} has no default"
        default = re.match(r"``(.+?)``|(.+)", default[1])
        found[name] = Option(
            syntax.pop(name, None),
            default[1] or default[2],
            numbers(body, r"``(\d+)`` to ``(\d+)``"),
        )
    assert not syntax, f"in the block of syntax, but not explained: {sorted(syntax)}"
    return found


def numbers(text, pattern):
    found = re.search(pattern, text)
    return found.groups() if found else None


def test_every_option_is_explained_as_it_is():
    wanted, found = expected(), manual()
    assert set(found) == set(wanted), (
        f"only in the schema: {sorted(set(wanted) - set(found))},"
        f" only in the manual: {sorted(set(found) - set(wanted))}"
    )
    for name, option in found.items():
        documented = wanted[name]
        assert option.default == documented.default, f"{name}: expected {documented}, got {option}"
        assert option.syntax == documented.syntax, f"{name}: expected {documented}, got {option}"
        if documented.range:
            assert option.range == documented.range, f"{name}: expected {documented}, got {option}"


def values(name, option):
    """(values that are good, values that are not) according to the documents."""
    if option.range:
        least, most = map(int, option.range)
        bad = [most + 1, least - 1] if least else [most + 1]
        usual = [] if option.default == "not set" else [option.default]
        return [*usual, least, most], bad
    if option.syntax == "BOOL":
        return ["on", "off"], ["perhaps"]
    if name in ("dnssec", "cold", "target-dnssec", "all-down", "probe", "https"):
        return option.syntax.split(" | "), ["perhaps"]
    good = {
        "owners": ["apex", "any"] if RELEASE >= (3, 3, 5) else ["apex"],
        "rrtype": ["[ANAME, ALIAS]", "TYPE65280", "TYPE65534"],
        "resolver": ["192.0.2.1", "[192.0.2.1@5353, ::1@53]"],
        "via": ["192.0.2.1", "[192.0.2.1, 2001:db8::1]"],
        "deny-address": ["[192.0.2.0/24, 2001:db8::1]", "192.0.2.1-192.0.2.9"],
        "allow-target": ["[example.net, example.org.]"],
        "deny-target": ["[example.net, example.org.]"],
        "status-socket": ["mod-aname.sock", "off", "/run/knot/a.sock"],
        "state-file": ["mod-aname.state", "off", "/var/lib/knot/a.state", "x" * 4000],
        "prefer": ["[cdn.example.net, example.org.]"],
        "weight": ["[example.net@0, example.org.@1000000]", "example.net@7"],
        "probe-host": ["www.example.com", "Shop_1.example."],
        "probe-path": ["/", "/health?full=1", "/" + "x" * 254],
        "probe-status": ["200", "[100-599, 204]"],
    }
    bad = {
        "owners": ["all"] if RELEASE >= (3, 3, 5) else ["all", "any"],
        "rrtype": ["A", "TYPE65535"], "resolver": ["localhost"], "deny-address": ["192.0.2.0/33"],
        "via": ["192.0.2.1@53", "[192.0.2.1, 192.0.2.2]"],
        "prefer": ["a..b"], "weight": ["example.net", "example.net@1000001"],
        "probe-host": ["a..b", "x" * 64, "a b", "[::1]"],
        "probe-path": ["health", "/a b", "/#a", "/" + "x" * 255],
        "probe-status": ["99", "600", "300-200", "200-", "2xx", str(list(range(200, 209)))],
        "allow-target": ["a..b"], "deny-target": ["a..b"], "status-socket": ["x" * 108],
        "state-file": ["x" * 4001, "/var/lib/knot/", '""'],
    }
    return good[name], bad[name]


# What an option's extreme needs beside it.
BESIDE = {
    "ttl-min": {"ttl-max": "604800"},
    "retry-min": {"retry-max": "86400"},
    "target-dnssec": {"resolver": "192.0.2.1"},
    "ecs": {"resolver": "192.0.2.1"},
    "via": {"resolver": "192.0.2.1"},
    "ttl-max": {"ttl-min": 1},
    "retry-max": {"retry-min": 1},
    "probe-timeout": {"probe-interval": 3600},
    "probe-interval": {"probe-timeout": 100},
}


@pytest.mark.parametrize("name", list(manual()))
def test_knotd_takes_what_the_documents_say_and_nothing_else(knotd, name):
    knotd.add_zone(ZONE)
    good, bad = values(name, manual()[name])
    for value in [*good, *bad]:
        knotd.options.clear()
        knotd.options.update({**BESIDE.get(name, {}), name: value})
        accepted, output = knotd.conf_check()
        assert accepted == (value in good), f"{name}: {value}: {output}"
        assert accepted or name in output, f"expected the option's name, got {output}"


def test_knotd_knows_no_other_option(knotd):
    knotd.add_zone(ZONE)
    knotd.options["no-such-option"] = 1
    assert not knotd.conf_check()[0]


def test_every_counter_is_explained(knotd):
    knotd.template["global-module"] = "mod-aname"
    knotd.add_zone(ZONE)
    if RELEASE >= (3, 3, 5):
        knotd.sections.append("mod-aname:\n  - id: any\n    owners: any\n")
        knotd.add_zone("example.org", modules=["mod-aname/any"])
    knotd.start()
    counters = {**knotd.stats(ZONE), **knotd.stats()}
    counters.update(knotd.stats("example.org") if RELEASE >= (3, 3, 5) else {"owners": 0})
    found = {counter.split("[")[0] for counter in counters}
    kinds = {kind for kind in re.findall(r"\[([\w-]+)\]", " ".join(counters))}
    manual_text = text_of("doc", "mod-aname.rst")
    explained = manual_text[manual_text.index("Statistics\n---") : manual_text.index("Module ref")]
    assert set(re.findall(r"^- ``([a-z-]+)``", explained, re.MULTILINE)) == found
    for word in found | kinds:
        assert f"``{word}``" in explained, word


def test_the_manual_page_is_good_restructured_text():
    settings = {"halt_level": 2, "report_level": 5}
    docutils.core.publish_string(
        text_of("doc", "mod-aname.rst"), writer_name="null", settings_overrides=settings
    )


def test_the_man_page_is_made_of_the_manual():
    build = os.path.dirname(os.path.dirname(os.environ["ANAME_MODULE"]))
    path = os.path.join(build, "doc", "mod-aname.8")
    if not os.path.exists(path):
        pytest.skip("built without rst2man")
    with open(path, encoding="ascii") as file:
        page = file.read().replace("\\-", "-").replace('"', "")
    sections = re.findall(r"^\.SH (.+)$", page, re.MULTILINE)
    assert [section.upper() for section in sections] == [
        "NAME", "SYNOPSIS", "DESCRIPTION", "OPTIONS", "STATISTICS", "FILES", "EXAMPLES",
        "SEE ALSO",
    ]
    assert re.findall(r"^\.SS (.+)$", page, re.MULTILINE) == ["id", *manual()]
    assert re.search(r"^\.SH name\nmod-aname - ", page, re.MULTILINE | re.IGNORECASE)


def anchors(document):
    """What links to a part of that document may say, as it is shown on the usual sites."""
    heads = re.findall(r"^#+ (.+)$", text_of(document), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", head.lower()).replace(" ", "-") for head in heads}


def test_links_between_documents_lead_somewhere():
    documents = ["README.md", "NEWS.md", "CONTRIBUTING.md", "SECURITY.md", "tests/bench/README.md"]
    for folder in ("doc", os.path.join("doc", "upstream")):
        documents += [os.path.join(folder, n) for n in os.listdir(os.path.join(ROOT, folder))]
    count = 0
    for document in documents:
        if not document.endswith(".md"):
            continue
        for link, part in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", text_of(document)):
            if "://" in link:
                continue
            path = os.path.normpath(os.path.join(os.path.dirname(document), link))
            path = path if link else document
            assert os.path.exists(os.path.join(ROOT, path)), f"{document}: {link} leads nowhere"
            if part:
                assert part in anchors(path), f"{document}: {link}#{part} leads nowhere"
            count += 1
    assert count >= 10


def test_the_question_what_fails_as_it_stands_in_the_guide(knotd, unbound, authority, directory):
    authority.set(TARGET, a=[A1])
    authority.fail("bad.example.net")
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.add_zone("example.org", [aname("bad.example.net")])
    knotd.start()
    answers({A1})
    failed("example.org")
    wrapper = os.path.join(directory, "kaname")
    with open(wrapper, "w", encoding="ascii") as file:
        file.write(f'#!/bin/sh\nexec {KANAME} -s {knotd.socket} "$@"\n')
    os.chmod(wrapper, 0o755)
    *lines, lag = run("operation", "status", directory).splitlines()
    assert [line.split("\t")[:2] for line in lines] == [["bad.example.net.", "A"]], lines
    assert lag.isdigit()


# Where lookups fail, and what stands around the text there.
FAILURES = "|".join([
    r"fail\(", r"try_failed\(", r"result_failed\(", r"snapshot_failed\(",
    r"\.detail = ", r"->detail = ", "why = ", r"detail != NULL \? result->detail : ",
    'return "(?=not a host|no thread)', 'return "(?=[^"]*before the)',
])


# Those of the C library, by way of libuv, and of c-ares.
LIBRARIES = {"temporary failure", "permanent failure", "Could not contact DNS servers"}


def failures():
    """Every text that the code gives as the reason of a failed lookup."""
    found = set()
    folder = os.path.join(ROOT, "module", "service")
    for place, _, files in os.walk(folder):
        for name in files:
            if not name.endswith(".c"):
                continue
            with open(os.path.join(place, name), encoding="utf-8") as file:
                text = file.read()
            for statement in re.split(r"[;{}]\n", text):
                if re.search(FAILURES, statement):
                    found |= set(re.findall(r'"([^"%\n]+)"', statement))
    return found


def test_every_reason_of_a_failure_is_in_the_troubleshooting_table():
    reasons = failures()
    assert len(reasons) >= 25, f"expected to find the reasons in the code, got {sorted(reasons)}"
    text = text_of("doc", "operation.md")
    table = text[text.index("### Why a target fails") :]
    missing = [
        reason for reason in sorted(reasons)
        if f"`{reason}`" not in table and not reason.endswith(", before the restart")
    ]
    assert not missing, f"not in the guide: {missing}"
    assert any(reason.endswith(", before the restart") for reason in reasons)
    assert "`…, before the restart`" in table
    for reason in LIBRARIES:
        assert f"`{reason}`" in table


def test_kaname_check_knows_reasons_that_there_are():
    """Those by which it advises are spelt as the module spells them."""
    text = text_of("tools", "check", "why.c")
    known = re.findall(r'\{ "([^"]+)"', text[text.index("advices[] = {") :])
    assert len(known) >= 15, f"expected to find them, got {known}"
    unknown = set(known) - failures() - LIBRARIES
    assert not unknown, f"no lookup fails for {unknown}"


def test_what_short_output_hides(knotd, unbound, authority):
    """kdig +short, as the guide has it: nothing may mean anything."""
    targets = {"notcp": [A1], "ignore": [A1], "usual": [A1], "tcp": [A1], "none": [], "bad": None}
    for name, addresses in targets.items():
        if addresses is None:
            authority.fail(f"{name}.example.net")
        else:
            authority.set(f"{name}.example.net", a=addresses, delay=0.2)
        knotd.add_zone(f"{name}.example", [aname(f"{name}.example.net")])
    knotd.start()
    failed("bad.example")
    known("none.example", "A")

    def short(name, *options):
        """The answers, and what else it says; it ends with 0 in any case."""
        done = subprocess.run(
            ["kdig", "@127.0.0.1", "-p", "5300", *options, "+short", f"{name}.example", "A"],
            capture_output=True, text=True, check=True, timeout=scaled(30),
        )
        lines = [line for line in done.stdout.splitlines() if line and not line.startswith(";;")]
        return lines, done.stdout + done.stderr

    for name, option in (("notcp", "+notcp"), ("ignore", "+ignore")):
        assert short(name, option)[0] == [], f"expected nothing of a cold name with {option}"
    for name in ("none", "bad"):
        assert short(name)[0] == []
        assert short(name, "+tcp")[0] == []
    found, everything = short("usual")
    assert found == [A1] and "WARNING: truncated reply" in everything
    assert short("tcp", "+tcp") == ([A1], f"{A1}\n")


# What somebody tries who has the source.

SCRIPTS = ("tests/run", "tests/bench/run", "tests/chaos/run", "tests/fuzz/run", "tests/simulated/run",
           "tests/packages/dist", "tests/rules", "tests/version", "doc/upstream/run", "examples/run")


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_says_what_it_is_before_it_does_anything(script):
    """It begins with installing and building otherwise."""
    done = subprocess.run([os.path.join(ROOT, script), "--help"], capture_output=True, text=True,
                          stdin=subprocess.DEVNULL, check=False, timeout=scaled(20))
    said = done.stdout + done.stderr
    assert script in said or said.startswith("usage:"), f"expected its usage, got {said}"
    assert "Traceback" not in said and "unbound variable" not in said, said
