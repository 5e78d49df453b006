"""L3: bad options are refused, good ones are taken, and none is needed."""

import random
import re
import subprocess

import pytest
from harness import (
    A1, AAAA1, TARGET, ZONE, aname, eventually, known, query, scaled, section, simple,
)
from harness.process import Daemon

DAY = 86400

# option: (least, most, default)
RANGES = {
    "ttl-min": (1, DAY, 1),
    "ttl-max": (1, 7 * DAY, DAY),
    "max-addresses": (1, 256, 32),
    "wait": (0, 5000, 500),
    "idle": (1, 30 * DAY, 3600),
    "stale-max": (0, 30 * DAY, DAY),
    "negative-delay": (0, 7 * DAY, 0),
    "retry-min": (1, 3600, 1),
    "retry-max": (1, DAY, 60),
    "timeout": (100, 60000, 5000),
    "threads": (1, 1024, 64),
    "max-targets": (1, 10000000, 200000),
    "max-lookups": (1, 10000, 1000),
    "lookup-rate": (1, 1000000, 20000),
    "probe-port": (1, 65535, None),
    "probe-interval": (1, 3600, 10),
    "probe-timeout": (100, 30000, 2000),
    "probe-fall": (1, 20, 3),
    "probe-rise": (1, 20, 2),
    "max-probes": (1, 1000000, 10000),
}


def spellings(seconds):
    """How a bound may be written: plain, or with the largest unit that divides it."""
    found = [str(seconds)]
    for size, unit in ((DAY, "d"), (3600, "h"), (60, "m")):
        if seconds and seconds % size == 0:
            found.append(f"{seconds // size}{unit}")
    return found


def names(text, bound):
    return any(re.search(rf"(?<![\w]){spelling}(?![\w])", text) for spelling in spellings(bound))


def refused(knotd, options):
    knotd.options.clear()
    knotd.options.update(options)
    accepted, output = knotd.conf_check()
    assert not accepted, f"expected conf-check to refuse {options}, it wrote {output!r}"
    return output


@pytest.mark.parametrize("option", RANGES)
def test_L3_out_of_range_is_refused_with_the_range(knotd, option):
    knotd.add_zone(ZONE)
    least, most, _ = RANGES[option]
    for value in [most + 1, least - 1] if least else [most + 1]:
        output = refused(knotd, {option: value})
        assert re.search(rf"\b{option}\b", output), f"expected the option's name, got {output!r}"
        assert names(output, least) and names(output, most), (
            f"expected both bounds, {least} and {most}, got {output!r}"
        )


@pytest.mark.parametrize("option", RANGES)
@pytest.mark.parametrize("value", ["-1", "99999999999999999999", "many", "1.5", "''"])
def test_L3_what_is_no_such_number_is_refused(knotd, option, value):
    knotd.add_zone(ZONE)
    output = refused(knotd, {option: value})
    assert option in output, f"expected the option's name, got {output!r}"


@pytest.mark.parametrize("option", RANGES)
def test_L3_both_bounds_and_the_default_are_accepted(knotd, option):
    knotd.add_zone(ZONE)
    partner = {"ttl-min": {"ttl-max": 7 * DAY}, "retry-min": {"retry-max": DAY},
               "probe-interval": {"probe-timeout": 100}, "probe-timeout": {"probe-interval": 30}}
    for value in filter(lambda bound: bound is not None, RANGES[option]):
        knotd.options.clear()
        knotd.options.update({option: value, **partner.get(option, {})})
        accepted, output = knotd.conf_check()
        assert accepted, f"expected {option}: {value} to be accepted, got {output!r}"


@pytest.mark.parametrize(
    "low, high", [("ttl-min", "ttl-max"), ("retry-min", "retry-max")], ids=["ttl", "retry"]
)
def test_L3_minimum_above_maximum_is_refused(knotd, low, high):
    knotd.add_zone(ZONE)
    output = refused(knotd, {low: 60, high: 59})
    assert low in output and high in output, f"expected both options named, got {output!r}"
    knotd.options.update({low: 60, high: 60})
    accepted, output = knotd.conf_check()
    assert accepted, f"expected equal bounds to be accepted, got {output!r}"


def test_L3_probe_timeout_above_the_interval_is_refused(knotd):
    knotd.add_zone(ZONE)
    output = refused(knotd, {"probe-timeout": 2001, "probe-interval": 2})
    for word in ("probe-timeout", "probe-interval", "100", "30000", "3600"):
        assert word in output, f"expected {word}, got {output!r}"
    # What is not set counts, too.
    output = refused(knotd, {"probe-interval": 1})
    assert f"{RANGES['probe-timeout'][2]} if it is not set" in output, output
    output = refused(knotd, {"probe-timeout": 10001})
    assert f"{RANGES['probe-interval'][2]} if it is not set" in output, output
    knotd.options.clear()
    knotd.options.update({"probe-timeout": 2000, "probe-interval": 2})
    accepted, output = knotd.conf_check()
    assert accepted, f"expected a time-out as long as the interval to be accepted, got {output!r}"


BAD = [
    ("rrtype", "A", ("65280", "65534")),
    ("rrtype", "CNAME", ("65280", "65534")),
    ("rrtype", "TYPE1", ("65280", "65534")),
    ("rrtype", "TYPE65279", ("65280", "65534")),
    ("rrtype", "TYPE65535", ("65280", "65534")),
    ("rrtype", "TYPE165305", ("65280", "65534")),
    ("rrtype", "BOGUS", ("65280", "65534")),
    ("rrtype", ["ANAME", "MX"], ("65280", "65534")),
    ("cold", "wait", ("truncate", "servfail")),
    ("cold", "''", ("truncate", "servfail")),
    *(("https", value, ("off", "alias")) for value in ("on", "no", "1", "service", "aliases", "''")),
    ("answer-aname", "maybe", ()),
    ("dnssec", "on", ("auto", "off")),
    ("allow-target", "a..b", ()),
    ("allow-target", "x" * 64 + ".example", ()),
    ("deny-target", "a..b", ()),
    ("deny-address", "300.0.0.1", ()),
    ("deny-address", "10.0.0.0/33", ()),
    ("deny-address", "2001:db8::/129", ()),
    ("deny-address", "example.com", ()),
    ("probe", "icmp", ()),
    ("probe-host", "a..b", ("253",)),
    ("probe-host", "a/b", ("253",)),
    ("probe-path", "health", ("slash", "255")),
    ("probe-status", "99", ("100", "599")),
    ("probe-status", ["200", "400-300"], ("100", "599")),
    ("probe-status", [str(200 + n) for n in range(9)], ("1", "8")),
    ("probe-verify", "perhaps", ()),
]


@pytest.mark.parametrize("option, value, allowed", BAD, ids=[f"{o}-{v}"[:40] for o, v, _ in BAD])
def test_L3_bad_words_are_refused(knotd, option, value, allowed):
    knotd.add_zone(ZONE)
    output = refused(knotd, {option: value})
    assert option in output, f"expected the option's name, got {output!r}"
    missing = [word for word in allowed if word not in output]
    # An option with a fixed set of words is checked by Knot itself, which names the word.
    assert not missing or option in ("cold", "dnssec", "https"), f"expected {allowed}, got {output!r}"


GOOD = [
    ("rrtype", "ANAME"),
    ("rrtype", "ALIAS"),
    ("rrtype", "TYPE65280"),
    ("rrtype", "TYPE65534"),
    ("rrtype", ["TYPE65305", "TYPE65401"]),
    ("cold", "truncate"),
    ("cold", "servfail"),
    ("answer-aname", True),
    ("https", "off"),
    ("https", "alias"),
    ("dnssec", "auto"),
    ("dnssec", "off"),
    ("probe", "off"),
    ("probe", "tcp"),
    ("probe", "tls"),
    ("probe", "http"),
    ("probe", "https"),
    ("probe-host", "www.example.com"),
    ("probe-path", "/health?full=1"),
    ("probe-status", ["204", "300-399"]),
    ("probe-verify", True),
    ("answer-aname", False),
    ("allow-target", ["example.net", "example.org."]),
    ("deny-target", "."),
    ("deny-address", ["10.0.0.0/8", "192.0.2.1", "fc00::/7", "2001:db8::1"]),
    ("resolver", ["127.0.0.1", "127.0.0.1@5353", "::1"]),
    ("status-socket", "OFF"),
    ("status-socket", "./no"),
    ("status-socket", "no.sock"),
    ("state-file", "../x/state"),
    ("deny-address", "192.0.2.1-192.0.2.1"),
    ("deny-address", "::/0"),
    ("probe-host", "1.example."),
    ("ttl-max", "1d"),
    ("idle", "2h"),
    ("retry-max", "5m"),
]


@pytest.mark.parametrize("option, value", GOOD, ids=[f"{o}-{v}"[:40] for o, v in GOOD])
def test_L3_good_words_are_accepted(knotd, option, value):
    knotd.add_zone(ZONE)
    knotd.options[option] = value
    accepted, output = knotd.conf_check()
    assert accepted, f"expected {option}: {value} to be accepted, got {output!r}"


# What knotd's parser takes, and what cannot be meant: (option, value, what the message says).
ODD = [
    *((option, value, f"must be 'off' or a path, and not {value}; a file of that name is ./{value}")
      for option in ("status-socket", "state-file") for value in ("no", "none", "True", "0", "on")),
    *((option, value, text) for option in ("status-socket", "state-file") for value, text in (
        ('""', "'off' or a path of 1 to "),
        ("''", 'Knot\'s quotes are "double"'),
        ("unix:/run/x.sock", "without scheme"),
        ("/tmp/", "not of a directory"),
        (".", "not of a directory"),
        ("x/..", "not of a directory"),
    )),
    *((option, value, text) for option in ("allow-target", "deny-target", "prefer") for value, text in (
        ("*.cdn.example", "leave out the '*.'"),
        ("https://cdn.example", "a name stands alone"),
        ("cdn.example:443", "a name stands alone"),
        ("192.0.2.1", "'deny-address' is for addresses"),
        ("192.0.2.0/24", "a name stands alone"),
    )),
    ("weight", "*.cdn.example@1", "leave out the '*.'"),
    ("weight", "192.0.2.1@1", "targets are names"),
    ("resolver", "0.0.0.0", "must be addresses of recursors, and not 0.0.0.0"),
    ("resolver", '"::"', "must be addresses of recursors, and not ::"),
    ("resolver", "224.0.0.1", "that of no host"),
    ("resolver", "255.255.255.255", "that of no host"),
    ("resolver", "ff02::1", "that of no host"),
    ("resolver", "127.0.0.1@0", "a port from 1 to 65535"),
    ("resolver", ["192.0.2.1", "192.0.2.2", "192.0.2.1@53"], "names 192.0.2.1@53 twice"),
    ("deny-address", "192.0.2.9-192.0.2.1", "ranges that end behind their start"),
    ("probe-host", "https://www.example.com", "without scheme and port"),
    ("probe-host", "192.0.2.1", "no address"),
    ("probe-host", "''", "253"),
]


@pytest.mark.parametrize("option, value, text", ODD, ids=[f"{o}-{v}"[:40] for o, v, _ in ODD])
def test_L3_what_cannot_be_meant_is_refused(knotd, option, value, text):
    knotd.add_zone(ZONE)
    output = refused(knotd, {option: value})
    assert f"option '{option}'" in output and text in output, output


@pytest.mark.parametrize("value", ["0.0.0.0", '"::"', "224.0.0.1"])
def test_L3_via_is_an_address_of_this_host(knotd, value):
    knotd.add_zone(ZONE)
    output = refused(knotd, {"resolver": "127.0.0.1", "via": value})
    assert "option 'via' must be addresses of this host" in output


@pytest.mark.parametrize("option", ["allow-target", "deny-target", "prefer", "weight"])
def test_L3_names_are_written_in_A_labels(knotd, option):
    knotd.add_zone(ZONE)
    knotd.options[option] = "NAME@1" if option == "weight" else "NAME"
    knotd.write_conf()
    for name, good in (("b\u00fccher.example", False), ("xn--bcher-kva.example", True)):
        with open(knotd.conf, "w", encoding="utf-8") as conf:
            conf.write(knotd.conf_text().replace("NAME", name))
        done = knotd.knotc("conf-check", check=False)
        assert (done.returncode == 0) == good, done.stdout + done.stderr
        assert good or f"option '{option}'" in done.stderr and "A-labels" in done.stderr


@pytest.mark.parametrize("options", [{"threads": 0}, {"ttl-min": 9, "ttl-max": 8}, {"rrtype": "A"}])
def test_L3_start_is_refused_as_well(knotd, directory, options):
    knotd.add_zone(ZONE)
    knotd.options.update(options)
    knotd.write_conf()
    daemon = Daemon("knotd", knotd.argv, directory, knotd.env)
    daemon.start()
    try:
        code = daemon.process.wait(scaled(10))
    except subprocess.TimeoutExpired:
        code = 0
    finally:
        daemon.kill()
    output = daemon.text() + knotd.log_text()
    assert code != 0, f"expected knotd to refuse to start with {options}, got {output}"
    assert list(options)[0] in output, f"expected the option's name, got {output}"
    knotd.check_reports()


def test_L3_reload_with_a_bad_option_keeps_the_old_configuration(
    knotd, unbound, authority, proto
):
    authority.set(TARGET, a=[A1])
    knotd.options["ttl-max"] = 40
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known(ZONE, "A")
    knotd.options["ttl-max"] = 0
    knotd.write_conf()
    done = knotd.knotc("reload", check=False)
    assert done.returncode != 0, f"expected the reload to fail, got {done.stdout}"
    query(ZONE, "A", proto).expect(a={A1}, ttl=(25, 40), ede=set())


def test_L3_module_works_without_any_section(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1], aaaa=[AAAA1])
    knotd.add_zone(ZONE, [aname(TARGET)])
    accepted, output = knotd.conf_check()
    assert accepted, f"expected the configuration to be accepted, got {output!r}"
    assert "mod-aname:" not in knotd.conf_text()
    knotd.start()
    known()
    query(ZONE, "A", proto).expect(a={A1}, ttl=(290, 300))


def test_L3_two_sections_differ_only_where_they_say_so(knotd, unbound, authority, proto):
    authority.set(TARGET, a=[A1, "192.0.2.2"])
    knotd.sections.append(
        "mod-aname:\n"
        "  - id: short\n    ttl-max: 20\n    max-addresses: 1\n"
        "  - id: long\n    ttl-min: 500\n"
    )
    knotd.add_zone(ZONE, [aname(TARGET)], modules=["mod-aname/short"])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-aname/long"])
    knotd.add_zone("example.edu", [aname(TARGET)], modules=["mod-aname"])
    knotd.start()
    for zone in (ZONE, "example.org", "example.edu"):
        known(zone, "A")
    reply = query(ZONE, "A", proto).expect(ttl=(10, 20))
    assert len(reply.addresses("A")) == 1, f"expected one address, got {reply}"
    query("example.org", "A", proto).expect(ttl=(490, 500), a={A1, "192.0.2.2"})
    query("example.edu", "A", proto).expect(ttl=(290, 300), a={A1, "192.0.2.2"})


@pytest.mark.parametrize("modules", [
    ["mod-aname", "mod-aname/a"],
    ["mod-aname/a", "mod-aname/b"],
    ["mod-aname/a", "mod-stats", "mod-aname/b", "mod-aname"],
], ids=["default", "sections", "three"])
def test_L3_of_several_in_a_list_the_first_counts(knotd, unbound, authority, proto, modules):
    """And the log says so, at each load."""
    knotd.sections += [section("mod-aname", "a", ttl_max=60), section("mod-aname", "b", ttl_max=30),
                       section("mod-stats", "default")]
    most = 60 if modules[0] == "mod-aname/a" else 300
    simple(knotd, authority, modules=modules)
    for loads in (1, 2, 3):
        known()
        query(ZONE, "A", proto).expect(a={A1}, ttl=(most - 29, most), ede=set())
        more = sum(module.startswith("mod-aname") for module in modules) - 1
        lines = knotd.log_lines(f"stands {more + 1} times", "only the first", "leave one")
        assert len(lines) == loads * more, f"expected {loads * more} lines, got {lines}"
        knotd.reload()
    before = knotd.stats(ZONE)["answers[fresh]"]
    query(ZONE, "A", proto).expect(a={A1})
    eventually(lambda: knotd.stats(ZONE)["answers[fresh]"] == before + 1,
               what="the answer is counted once")


@pytest.mark.parametrize("where", ["template", "global", "neighbours", "same"])
def test_L3_what_stands_once_in_each_list_is_no_matter(knotd, unbound, authority, where):
    knotd.sections += [section("mod-aname", "a", ttl_max=60), section("mod-aname", "b", ttl_max=30)]
    knotd.template["global-module" if where == "global" else "module"] = "mod-aname/b"
    # Knot itself takes the very same one once.
    simple(knotd, authority, modules=["mod-aname/a"] * (2 if where == "same" else 1))
    if where == "neighbours":
        for number in range(3):
            knotd.add_zone(f"z{number}.example", [aname(TARGET)])
    for _ in range(2):
        knotd.reload()
        known()
        query(ZONE, "A").expect(a={A1}, ttl=(31, 60))
    assert not knotd.log_lines("stands . times")


def test_L3_every_reload_follows_every_section(knotd, unbound, authority):
    # Instances of one section share what one of them has read.
    authority.set(TARGET, a=[A1])
    noise = random.Random(6)
    zones = {ZONE: "one", "example.org": "two", "example.edu": None, "example.net": "one"}
    for zone, name in zones.items():
        module = f"mod-aname/{name}" if name else "mod-aname"
        knotd.add_zone(zone, [aname(TARGET)], modules=[module])
    served = {}

    def choose():
        served.update({name: noise.randrange(40, 280) for name in ("one", "two")})
        knotd.sections[:] = [
            section("mod-aname", name, **{"ttl-max": ttl}) for name, ttl in served.items()
        ]

    choose()
    knotd.start()
    for zone in zones:
        known(zone, "A")
    for _ in range(25):
        choose()
        knotd.reload()
        for zone, name in zones.items():
            most = served.get(name, 300)
            query(zone, "A").expect(a={A1}, ttl=(most - 30, most), ede=set())


def test_L3_process_wide_options_that_disagree_are_logged(knotd, unbound, authority):
    authority.set(TARGET, a=[A1])
    knotd.sections.append(
        "mod-aname:\n"
        "  - id: small\n    threads: 8\n    max-targets: 100\n"
        "  - id: large\n    threads: 16\n    max-targets: 200\n"
    )
    knotd.add_zone(ZONE, [aname(TARGET)], modules=["mod-aname/small"])
    knotd.add_zone("example.org", [aname(TARGET)], modules=["mod-aname/large"])
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    known("example.org", "A").expect(a={A1})
    knotd.wait_log("mod-aname", "max-targets")
    knotd.wait_log("mod-aname", "threads")


def test_L3_knotc_loads_the_module_for_any_command(knotd, unbound, authority):
    authority.set(TARGET, a=[A1])
    knotd.options["ttl-max"] = 60
    knotd.add_zone(ZONE, [aname(TARGET)])
    # Before any server runs, and beside one.
    accepted, output = knotd.conf_check()
    assert accepted, output
    knotd.start()
    known(ZONE, "A").expect(a={A1})
    for command in (["conf-check"], ["status"], ["zone-status", ZONE], ["stats"]):
        knotd.knotc(*command)
    done = knotd.knotc("conf-read", "mod-aname", check=False)
    assert "Segmentation" not in done.stderr and done.returncode >= 0, (
        f"expected knotc to end by itself, got {done.returncode}: {done.stderr}"
    )
    eventually(lambda: query(ZONE, "A").expect(a={A1}), what="still answering")
