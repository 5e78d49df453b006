"""kaname status --prometheus: what is in it, that it can be read, and the file that it writes."""

import os
import re
import shutil
import stat
import subprocess

import pytest
from harness import (
    A1, A2, AAAA1, TARGET, ZONE, aname, eventually, failed, known, query, section, simple,
)
from harness.authority import ADDRESS
from harness.kaname import kaname
from harness.monitoring import EXAMPLES
from harness.playing import line, playing

HEAD = "aname\t1\nserver\tpid=1\tversion=7.8\ttargets=2\taddresses=3\tstarted=9\tlag=1500"
LINE = re.compile(r'([a-z_]+)(?:\{(.*)\})? ([0-9.]+)')
LABEL = re.compile(r'([a-z]+)="((?:[^"\\]|\\.)*)"(?:,|$)')


def target(addresses=(A1,), family="A", name=TARGET, **more):
    fields = {"state": "fresh", "ttl": 50, "age": 10, "started": 4, "succeeded": 3, "failed": 1,
              "lag": 12, "resolver": "127.0.0.1@53", **more}
    return line("target", name=f"{name}.", family=family, addresses=",".join(addresses), **fields)


def samples(text):
    """{(metric, labels as a sorted tuple): value}; every line is looked at."""
    found = {}
    assert text.endswith("# EOF\n"), f"expected the end to be marked, got {text[-100:]}"
    for one in text.splitlines():
        if one.startswith("#"):
            kinds = r"# (TYPE [a-z_]+ gauge|UNIT [a-z_]+ [a-z]+|HELP [a-z_]+ .+|EOF)"
            assert re.fullmatch(kinds, one), one
            continue
        name, labels, value = LINE.fullmatch(one).groups()
        pairs = LABEL.findall(labels or "")
        assert ",".join(f'{key}="{text}"' for key, text in pairs) == (labels or ""), one
        key = name, tuple(sorted(pairs))
        assert key not in found, f"expected each series once, got {one} again"
        found[key] = float(value)
    return found


def value(found, name, **labels):
    """The value of the one sample with these labels among others."""
    fitting = {
        key: value for key, value in found.items()
        if key[0] == name and set(labels.items()) <= set(key[1])
    }
    assert len(fitting) == 1, f"expected one {name} {labels}, got {fitting} of {sorted(found)}"
    return next(iter(fitting.values()))


def metrics(found):
    return {name for name, _ in found}


def reads(text, directory):
    """Whatever reads either format is content."""
    path = os.path.join(directory, "metrics")
    with open(path, "w", encoding="ascii") as file:
        file.write(text)
    done = subprocess.run(
        ["promtool", "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"promtool: {done.stdout}{done.stderr} about {text}"
    # A process of its own, since each of the two parsers is to take it alone.
    for module in ("parser", "openmetrics.parser"):
        done = subprocess.run(
            ["/usr/bin/python3", "-c",
             "import sys;"
             f"from prometheus_client.{module} import text_string_to_metric_families as read;"
             "print(sum(len(m.samples) for m in read(sys.stdin.read())))"],
            input=text, capture_output=True, text=True, check=False,
        )
        assert done.returncode == 0, f"{module}: {done.stderr} about {text}"
        assert int(done.stdout) == len(samples(text)), f"{module} read {done.stdout} samples"


@pytest.fixture
def path(tmp_path):
    return os.path.join(tmp_path, "s")


@pytest.fixture
def ask(path, tmp_path):
    """kaname status --prometheus that asks that socket."""
    return lambda *arguments, **how: kaname(
        "-S", path, "status", "--prometheus", *arguments, directory=str(tmp_path), **how
    )


def test_it_tells_what_a_real_server_knows(knotd, authority, tool, directory):
    knotd.options.update({"resolver": ADDRESS, "retry-max": 1})
    authority.fail("bad.example.net")
    knotd.add_zone("example.org", [aname("bad.example.net")])
    # Asked by another section, from elsewhere: another answer, and a series of its own.
    knotd.sections.append(section("mod-aname", "via", resolver=ADDRESS, via="127.0.0.7"))
    knotd.add_zone("via.example", [aname(TARGET)], modules=["mod-aname/via"])
    simple(knotd, authority, a=(A1, A2), aaaa=())
    known()
    known("via.example")
    failed("example.org")
    text = tool("status", "--prometheus").stdout
    reads(text, directory)
    found = samples(text)
    assert value(found, "aname_up") == 1
    assert value(found, "aname_status_timestamp_seconds") > 1.7e9
    assert value(found, "aname_zones") == 3 and value(found, "aname_targets_full") == 0
    assert value(found, "aname_targets") >= 5 and value(found, "aname_addresses") == 4
    assert value(found, "aname_answers_total", kind="fresh") >= 1
    assert value(found, "aname_answers_total", kind="failed") >= 1
    assert value(found, "aname_answers_total", kind="denied") == 0
    assert value(found, "aname_state_file_ok") == 1
    assert value(found, "aname_build_info") == 1
    (info,) = [dict(labels) for name, labels in found if name == "aname_build_info"]
    assert info["version"] == info["kaname"]
    for via in (None, "127.0.0.7"):
        found_all = {key: one for key, one in found.items() if dict(key[1]).get("via") == via}
        labels = {"target": f"{TARGET}.", "family": "A"}
        assert value(found_all, "aname_target_addresses", **labels) == 2
        assert value(found_all, "aname_target_state", **labels, state="fresh") == 1
        assert value(found_all, "aname_target_failing_seconds", **labels) == 0
        assert 30 <= value(found_all, "aname_target_ttl_seconds", **labels) <= 60
    bad = {"target": "bad.example.net.", "family": "A"}
    assert value(found, "aname_target_state", **bad, state="failing") == 1
    assert value(found, "aname_target_lookups_failed_total", **bad) >= 1
    assert value(found, "aname_target_failing_info", **bad) == 1
    eventually(
        lambda: value(samples(tool("status", "--prometheus").stdout),
                      "aname_target_failing_seconds", **bad) >= 1,
        what="how long it fails is told",
    )
    # Of a zone; and of none.
    found = samples(tool("status", "--prometheus", "example.org").stdout)
    assert {dict(labels)["target"] for name, labels in found if name == "aname_target_state"} == {
        "bad.example.net.",
    }
    found = samples(tool("status", "--prometheus", "--summary").stdout)
    assert value(found, "aname_addresses") == 4
    assert not [name for name in metrics(found) if name.startswith("aname_target_")]


def test_what_no_zone_names_any_more_is_only_counted(knotd, authority, tool):
    knotd.options.update({"resolver": ADDRESS, "retry-max": 1})
    authority.fail("typo.example.net")
    simple(knotd, authority)
    knotd.reload_zone(ZONE, [aname("typo.example.net")], serial=2)
    failed()
    found = samples(tool("status", "--prometheus").stdout)
    assert value(found, "aname_target_state", target="typo.example.net.", family="A") == 1
    knotd.reload_zone(ZONE, [aname(TARGET)], serial=3)

    def gone():
        query(ZONE, "A")
        found = samples(tool("status", "--prometheus").stdout)
        names = {dict(labels)["target"] for name, labels in found if name == "aname_target_state"}
        assert names == {f"{TARGET}."}, f"expected the typo to be gone, got {names}"
        assert value(found, "aname_targets_unused") >= 1
        return True

    eventually(gone, step=0.2, what="the typo is no series any more")


def test_every_field_has_its_metric_and_its_unit(path, ask, tmp_path):
    with playing(
        path,
        HEAD + "\tzones=3\tsucceeded=7\tfailed=2\tfull=yes\tup=1\tdown=2\tunknown=3\tprobes=70"
        "\tprobes-failed=9\tprobes-refused=4\tprobes-late=5\tdoubt=yes\tanswers=fresh:12,all-down:1",
        line("file", path="/var/lib/x", saved=61, took=35, held="0.2", loaded=7, octets=4096,
             targets=2, why="no space"),
        line("forced", name="a.example.", state="up", since=9, until=60),
        line("forced", address=A2, state="down", since=100000),
        target((A1, A2), gone=5, failing=33, why="timeout", circle="1/2", asked=8),
        line("address", name=f"{TARGET}.", family="A", address=A2, probe="https", port=8443,
             host="www.example", path="/up", health="down", since=35, probed=2, why="refused"),
        line("address", name=f"{TARGET}.", family="A", address=A1, forced="up"),
        "end",
    ):
        text = ask().stdout
    reads(text, str(tmp_path))
    found = samples(text)
    seen = {name: number for (name, _), number in found.items() if name not in (
        "aname_answers_total", "aname_addresses_probed", "aname_forced_seconds",
        "aname_status_timestamp_seconds",
    )}
    assert seen == {
        "aname_up": 1, "aname_build_info": 1, "aname_zones": 3, "aname_targets": 2,
        "aname_addresses": 3, "aname_targets_full": 1, "aname_lookups_started_total": 9,
        "aname_lookups_succeeded_total": 7, "aname_lookups_failed_total": 2,
        "aname_refresh_lag_seconds": 1.5, "aname_probes_started_total": 70,
        "aname_probes_failed_total": 9, "aname_probes_refused_total": 4, "aname_probes_late": 5,
        "aname_in_doubt": 1, "aname_targets_unused": 0, "aname_subnets": 0,
        "aname_subnets_failing": 0, "aname_state_file_ok": 0, "aname_state_file_fault_info": 1,
        "aname_state_file_saved_seconds": 61, "aname_state_file_write_duration_seconds": 0.035,
        "aname_state_file_size_bytes": 4096, "aname_state_file_targets": 2,
        "aname_forced_left_seconds": 60, "aname_target_addresses": 2,
        "aname_target_ttl_seconds": 50, "aname_target_age_seconds": 10,
        "aname_target_asked_seconds": 8, "aname_target_failing_seconds": 33,
        "aname_target_gone_seconds": 5, "aname_target_circle": 1,
        "aname_target_refresh_lag_seconds": 0.012, "aname_target_lookups_started_total": 4,
        "aname_target_lookups_succeeded_total": 3, "aname_target_lookups_failed_total": 1,
        "aname_target_state": 1, "aname_target_failing_info": 1, "aname_address_health": 1,
        "aname_address_health_seconds": 35,
    }
    assert value(found, "aname_answers_total", kind="all-down") == 1
    assert value(found, "aname_addresses_probed", health="down") == 2
    assert value(found, "aname_forced_seconds", address=A2, state="down") == 100000
    assert value(found, "aname_forced_seconds", target="a.example.", state="up") == 9
    assert value(found, "aname_address_health", address=A2, probe="https", port="8443",
                 host="www.example", path="/up", health="down", target=f"{TARGET}.") == 1
    assert value(found, "aname_target_failing_info", why="timeout") == 1
    assert value(found, "aname_state_file_fault_info", why="no space") == 1
    assert value(found, "aname_build_info", version="7.8") == 1


def test_labels_are_escaped_and_tell_series_apart(path, ask, tmp_path):
    odd = 'a\\"b\\\\.example'
    address = line("address", name=f"{TARGET}.", family="A", address=A1, probe="http", port=80,
                   path='/"x', health="up")
    with playing(
        path, HEAD, line("file", path="/tmp/\xfcber\\\"x\"", octets=1),
        target(name=odd), target(resolver="system"), target(resolver="system", secure="yes"),
        target(resolver="system", via=A2), target(), address, address, address,
        target(family="AAAA", addresses=(AAAA1,)),
        target(subnet="192.0.2.0/24"), target(subnet="198.51.100.0/24", failing=3),
        target(name="typo.example.net", state="failing", unused="yes"), "end",
    ):
        text = ask().stdout
    reads(text, str(tmp_path))
    found = samples(text)
    states = [dict(labels) for name, labels in found if name == "aname_target_state"]
    assert len(states) == 6, states
    assert 'target="a\\\\\\"b\\\\\\\\.example."' in text
    assert 'path="/tmp/\\\\xc3\\\\xbcber\\\\\\"x\\""' in text
    health = [dict(labels).get("n") for name, labels in found if name == "aname_address_health"]
    assert sorted(health, key=str) == ["2", "3", None], health
    assert value(found, "aname_subnets") == 2 and value(found, "aname_subnets_failing") == 1
    assert value(found, "aname_targets_unused") == 1


def test_what_is_no_number_has_no_sample(path, ask):
    with playing(
        path, "aname\t1\nserver\tpid=1\ttargets=1e9\taddresses=-3\tlag=\tstarted=1 2"
        "\tanswers=fresh:1,<b>:2", target(ttl="x", age="0x10", state="fresh"), "end",
    ):
        text = ask().stdout
    found = samples(text)
    for name in ("aname_targets", "aname_addresses", "aname_lookups_started_total",
                 "aname_refresh_lag_seconds", "aname_target_ttl_seconds",
                 "aname_target_age_seconds"):
        assert name not in metrics(found), f"expected no {name}, got {text}"
    assert value(found, "aname_answers_total") == 1


def test_the_file_is_there_at_once_and_for_all_to_read(path, ask, tmp_path):
    output = os.path.join(tmp_path, "aname.prom")
    with playing(path, HEAD, target(), "end"):
        os.umask(0o077)
        try:
            done = ask("--output", output)
        finally:
            os.umask(0o022)
        assert done.stdout == "" and stat.S_IMODE(os.stat(output).st_mode) == 0o644
        with open(output, encoding="ascii") as file:
            first = file.read()
            assert value(samples(first), "aname_up") == 1
            # Whoever has it open reads what was there, to its end.
            file.seek(0)
            ask("--output", output)
            assert file.read() == first
    assert sorted(os.listdir(tmp_path)) == ["aname.prom"]


def test_who_cannot_be_asked_leaves_no_file_that_looks_fresh(path, ask, tmp_path):
    output = os.path.join(tmp_path, "aname.prom")
    with playing(path, HEAD, target(), "end"):
        ask("--output", output)
    done = ask("--output", output, code=3)
    assert "failed to ask the status socket" in done.stderr
    with open(output, encoding="ascii") as file:
        text = file.read()
    found = samples(text)
    reads(text, str(tmp_path))
    assert value(found, "aname_up") == 0 and value(found, "aname_status_timestamp_seconds") > 0
    assert not [name for name in metrics(found) if "target" in name], text
    assert value(samples(ask(code=3).stdout), "aname_up") == 0
    # Half of an answer is none.
    with playing(path, HEAD, target()):
        assert value(samples(ask(code=3).stdout), "aname_up") == 0


def test_what_cannot_be_replaced_is_told(path, ask, tmp_path):
    output = os.path.join(tmp_path, "aname.prom")
    with playing(path, HEAD, target(), "end"):
        done = ask("--output", os.path.join(tmp_path, "no", "such"), code=3)
        assert "No such file or directory" in done.stderr and "next: " in done.stderr
        for special in ("/dev/null", str(tmp_path)):
            done = ask("--output", special, code=1)
            assert "is no file that could be replaced" in done.stderr
        assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
        os.symlink("/etc/passwd", output)
        assert "is no file" in ask("--output", output, code=1).stderr
    assert sorted(os.listdir(tmp_path)) == ["aname.prom"]


def test_a_full_disk_takes_the_old_file_away(path, ask, tmp_path):
    small = os.path.join(tmp_path, "small")
    os.mkdir(small)
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k", "none", small], check=True)
    try:
        output = os.path.join(small, "aname.prom")
        with playing(path, HEAD, target(), "end"):
            ask("--output", output)
        many = [target(name=f"t{number}.example.net") for number in range(200)]
        with playing(path, HEAD, *many, "end"):
            done = ask("--output", output, code=3)
        assert "No space left on device" in done.stderr
        assert os.listdir(small) == []
    finally:
        subprocess.run(["umount", small], check=True)


@pytest.mark.parametrize(
    "arguments, told",
    [
        (("status", "--prometheus", "--json"), "one of them"),
        (("status", "--output", "x"), "with --prometheus only"),
        (("status", "--summary"), "with --prometheus only"),
        (("list", "--prometheus"), "does not take the option --prometheus"),
    ],
)
def test_options_that_do_not_go_together(tmp_path, arguments, told):
    assert told in kaname(*arguments, directory=str(tmp_path), code=2).stderr


def test_a_hundred_thousand_targets(path, ask):
    count = 100000
    many = (target(name=f"t{number}.example.net") for number in range(count))
    with playing(path, HEAD, *many, "end"):
        text = ask().stdout
    assert text.count("\naname_target_state{") == count
    with playing(path, HEAD, target(), "end"):
        assert len(samples(ask("--summary").stdout)) < 40


def test_the_units_of_systemd_are_good(tmp_path):
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd here")
    for name in ("kaname-metrics.service", "kaname-metrics.timer"):
        with open(os.path.join(EXAMPLES, name), encoding="ascii") as file:
            text = file.read().replace("/usr/bin/kaname", "/bin/true")
        with open(os.path.join(tmp_path, name), "w", encoding="ascii") as file:
            file.write(text)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *(os.path.join(tmp_path, name) for name in (
            "kaname-metrics.service", "kaname-metrics.timer"))],
        capture_output=True, text=True, check=False,
    )
    ours = [one for one in done.stderr.splitlines() if "kaname" in one]
    assert not ours, ours
