"""The examples for Prometheus: each alert fires for what it is there for, and for nothing else."""

import contextlib
import json
import os
import re
import threading
import time

import pytest
from harness import A1, NoReply, aname, answers, eventually, query, section
from harness.authority import ADDRESS
from harness.endpoints import Endpoints
from harness.guide import ROOT, text_of
from harness.monitoring import (
    EXAMPLES, HAS_EXPORTER, RULES, WINDOW, Exporter, Prometheus, StatusFile, panels, promtool,
)

PORT = 8443
UP, DOWN = ["127.0.1.1"], ["127.0.2.1", "127.0.2.2"]
NAMES = ("fine", "stale", "failed", "denied", "gone", "cold", "late", "down", "up")


def test_promtool_finds_nothing_in_the_rules():
    assert len(RULES) == 2
    good, output = promtool("check", "rules", *RULES)
    assert good, output


@pytest.mark.parametrize("name", ["exporter", "status"])
def test_the_rules_fire_when_they_have_to(name):
    """By made-up series: with the times that the rules have, and with both forms of exporters."""
    tests = os.path.join(ROOT, "tests", "monitoring")
    good, output = promtool("test", "rules", f"{name}_test.yml", directory=tests)
    assert good, output


def test_the_dashboard_can_be_imported():
    """What Grafana asks of one: panels that have an id each and do not lie on each other."""
    with open(os.path.join(EXAMPLES, "grafana.json"), encoding="ascii") as file:
        dashboard = json.load(file)
    assert dashboard["id"] is None and dashboard["title"] and dashboard["schemaVersion"] >= 30
    variables = {one["name"] for one in dashboard["templating"]["list"]}
    taken = set()
    for number, panel in enumerate(dashboard["panels"], 1):
        assert panel["id"] == number
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"])
                 for y in range(place["h"])}
        assert not cells & taken and max(x for x, _ in cells) < 24, panel["title"]
        taken |= cells
        for target in panel.get("targets", []):
            assert target["datasource"]["uid"] == "${datasource}"
            used = set(re.findall(r"\$(\w+)", target["expr"])) - {"__rate_interval"}
            assert used <= variables, f"{panel['title']}: {used}"
    assert {kind["id"] for kind in dashboard["__requires"] if kind["type"] == "panel"} == {
        panel["type"] for panel in dashboard["panels"]} - {"row"}


def test_the_guide_has_every_alert_and_every_metric():
    guide = text_of("doc", "operation.md")
    guide = guide[guide.index("## Watching it") : guide.index("## Restarting")]
    for path in RULES:
        with open(path, encoding="ascii") as file:
            names = re.findall(r"- alert: (\w+)", file.read())
        missing = {name for name in names if f"`{name}`" not in guide}
        assert not missing, f"expected the guide to have {missing}"
    code = text_of("tools", "prometheus", "prometheus.c")
    missing = {name for name in re.findall(r'"(aname_\w+)"', code) if f"`{name}`" not in guide}
    assert not missing, f"expected the guide to have {missing}"
    told = set(re.findall(r"`((?:Knot)?Aname\w+)`", guide))
    rules = "".join(text_of("examples", "monitoring", os.path.basename(path)) for path in RULES)
    assert not {name for name in told if f"- alert: {name}\n" not in rules}, told


class Traffic:
    """Asks for zones again and again, whatever they answer."""

    def __init__(self, zones):
        self.zones = zones
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self._stop.is_set():
            for zone in self.zones:
                for family in ("A", "AAAA"):
                    with contextlib.suppress(NoReply):
                        query(zone, family, timeout=2)
            self._stop.wait(0.1)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join()


@pytest.fixture
def status_file(knotd):
    with contextlib.closing(StatusFile(knotd)) as served:
        yield served


@pytest.fixture
def endpoints():
    alive = Endpoints(UP + DOWN, PORT).start()
    yield alive
    with contextlib.suppress(OSError):
        alive.kill()


@pytest.fixture
def prometheus(directory, start_server):
    return lambda: start_server(Prometheus(directory))


def host(name):
    return f"{name}.target.example"


def zone(name):
    return f"{name}.example"


def configure(knotd, authority):
    """A zone for each way to fail, all well at first."""
    common = {
        "resolver": ADDRESS, "ttl-max": 1, "retry-max": 1, "timeout": 60000, "retries": 10,
        "cold": "servfail",
        "deny-target": host("denied"), "all-down": "servfail", "state-interval": 1,
        "lookup-rate": 20,
        "state-file": os.path.join(knotd.directory, "state", "aname.state"),
    }
    os.mkdir(os.path.join(knotd.directory, "state"))
    knotd.options.update(common)
    knotd.sections.append(section(
        "mod-aname", "probed",
        **common, probe="tcp", probe_port=PORT, probe_interval=1, probe_timeout=300, probe_fall=2,
    ))
    for name in NAMES:
        follows = name if name in ("stale", "gone", "late", "down", "up") else "fine"
        knotd.add_zone(zone(name), [aname(host(follows))],
                       modules=["mod-aname/probed"] if name in ("down", "up") else None)
    make_good(authority)


def make_good(authority):
    for name in ("fine", "stale", "gone", "late"):
        authority.set(host(name), a=[A1], ttl=1)
    authority.set(host("down"), a=DOWN, ttl=60)
    authority.set(host("up"), a=UP, ttl=60)
    for number in range(2):
        authority.set(f"*.many{number}.target.example", a=[A1], ttl=1, negative_ttl=60)


# What fires for what is broken below, and of which zone or target.
BY_EXPORTER = {
    "KnotAnameStale": {"stale"}, "KnotAnameFailed": {"failed"}, "KnotAnameDenied": {"denied"},
    "KnotAnameGone": {"gone"}, "KnotAnameCold": {"cold"}, "KnotAnameLate": {"late"},
    "KnotAnameAddressDown": {"down"}, "KnotAnameAllDown": {"down"},
}
BY_STATUS = {
    "AnameTargetStale": {"stale"}, "AnameTargetFailed": {"bad"}, "AnameTargetGone": {"gone"},
    "AnameTargetLate": {"late"}, "AnameAddressDown": {"down"}, "AnameTargetAllDown": {"down"},
    "AnameAnswersFailed": set(), "AnameAnswersDenied": set(), "AnameAnswersCold": set(),
    "AnameAnswersAllDown": set(), "AnameStateFile": set(),
}


# That lookups are late; it is remembered for a minute or two.
LAG = {"AnameRefreshLag", "KnotAnameLag"}


def fail_all(knotd, authority, endpoints):
    """Break everything, each in its own way."""
    authority.fail(host("stale"))
    authority.fail(host("bad"))
    authority.nxdomain(host("gone"), negative_ttl=1)
    authority.set(host("late"), a=[A1], ttl=1, delay=1.5)
    authority.drop("*.never.target.example")
    endpoints.kill(*DOWN)
    os.rename(os.path.join(knotd.directory, "state"), os.path.join(knotd.directory, "away"))
    for name, target in (("failed", "bad"), ("denied", "denied")):
        knotd.reload_zone(zone(name), [aname(host(target))], serial=2)


class StaysCold:
    """Gives a zone another target now and then, before the lookup of the last one has failed."""

    EVERY = 8

    def __init__(self, knotd):
        self.knotd = knotd
        self.serial = 1
        self.next = 0

    def __call__(self):
        if time.monotonic() >= self.next:
            self.next = time.monotonic() + self.EVERY
            self.serial += 1
            records = [aname(f"t{self.serial}.never.target.example")]
            self.knotd.reload_zone(zone("cold"), records, serial=self.serial)


def repair_all(knotd, authority, endpoints):
    make_good(authority)
    endpoints.revive(*DOWN)
    os.rename(os.path.join(knotd.directory, "away"), os.path.join(knotd.directory, "state"))
    for name in ("failed", "denied", "cold"):
        knotd.reload_zone(zone(name), [aname(host("fine"))], serial=1000)


def selects(server):
    """What the guide says selects both forms of the exporter's names."""
    found = re.search(r"<!-- test: exporter -->\n```promql\n(.*)\n```",
                      text_of("doc", "operation.md"))
    zones = {labels.get("zone") for labels, _ in server.query(found[1])}
    assert not HAS_EXPORTER or {f"{zone(name)}." for name in NAMES} <= zones, zones
    return True


def shows(server):
    """Every panel of the dashboard has something to show."""
    for (row, title), expressions in panels().items():
        for expression in expressions:
            result = server.query(expression)
            assert result or ("exporter" in row and not HAS_EXPORTER), (
                f"expected {row}, {title} to show something: {expression}"
            )
    return True


def fires(server, wanted, meanwhile=lambda: None):
    """Wait until these alerts fire, of these subjects, and no other does."""

    def settled():
        meanwhile()
        found = {}
        for labels in server.firing():
            subject = labels.get("zone") or labels.get("target") or ""
            found.setdefault(labels["alertname"], set()).update({subject.split(".")[0]} - {""})
        # A machine that is busy may well be late.
        for name in LAG - set(wanted):
            found.pop(name, None)
        assert found == wanted, f"expected {wanted}, got {found}"
        return True

    eventually(settled, timeout=90, step=0.5, what="the alerts fire")


@pytest.mark.limit(300)
def test_each_failure_of_a_real_server_fires_its_alert_and_no_other(
    knotd, authority, endpoints, status_file, prometheus, start_server, tool
):
    configure(knotd, authority)
    knotd.start()
    for name in NAMES:
        answers({A1} if name not in ("down", "up") else set(DOWN if name == "down" else UP),
                zone(name))
    if HAS_EXPORTER:
        start_server(Exporter(knotd))
    server = prometheus()
    with Traffic([zone(name) for name in NAMES]):
        watched = f'increase(aname_answers_total{{kind="fresh"}}[{WINDOW}s]) > 20'
        eventually(lambda: server.query(watched), timeout=60, step=0.5,
                   what="the server is watched")
        fires(server, {})
        fail_all(knotd, authority, endpoints)
        fires(server, {**BY_STATUS, **(BY_EXPORTER if HAS_EXPORTER else {})}, StaysCold(knotd))
        tool("force", "192.0.2.250", "down")
        eventually(lambda: selects(server), timeout=30, step=0.5, what="the guide's query")
        eventually(lambda: shows(server), timeout=30, step=0.5, what="the dashboard is filled")
        repair_all(knotd, authority, endpoints)
        fires(server, {})
        # Thrice as many lookups a second as there may be.
        for number in range(2):
            names = [f"t{target}.many{number}.target.example" for target in range(30)]
            knotd.reload_zone(zone(("failed", "denied")[number]), map(aname, names), serial=1001)
        lag = LAG if HAS_EXPORTER else {"AnameRefreshLag"}
        eventually(lambda: lag <= server.names(), timeout=60, step=0.5, what="lag fires")
    knotd.finish()
    fires(server, {"AnameNotAsked": set(), **({"KnotNotAsked": set()} if HAS_EXPORTER else {})})
    assert status_file.codes[-1] == 3
