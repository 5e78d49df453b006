"""doc/operation.md, "On a bad day": what is quoted there is what is said, each thing done for real.

Of every row what stands in code in the columns of `kaname check` and of the log is looked for.
"""

import os
import re
import shutil

import pytest
from harness import (
    A1, A2, A3, AAAA1, AAAA2, PRIMARY, SIBLING_A, STALE_ANSWER, TARGET, ZONE, aname, answers,
    eventually, failed, known, namespace, query, section, siblings, simple,
)
from harness import knotd as harness_knotd
from harness.endpoints import Endpoints
from harness.guide import text_of
from harness.kaname import kaname
from harness.signing import SIGNED, policy
from harness.validator import signed

OTHER = "b.example.net"


def rows():
    """{what has happened: what the other columns quote, in order}"""
    text = text_of("doc", "operation.md")
    part = text[text.index("## On a bad day") : text.index("## ANAME and CNAME")]
    table = [line.strip("|").split(" | ") for line in part.splitlines() if line.startswith("| ")]
    return {cells[0].strip(): [re.findall(r"`([^`]+)`|(Aname\w+)", cell) for cell in cells[1:]]
            for cells in table[1:]}


def expressions():
    """{alert: what it fires at}, of those rules."""
    text = text_of("examples", "monitoring", "aname-status.rules.yml")
    return dict(re.findall(r"- alert: (\w+)\n *expr: (?:\|\n *)?([^\n]+)\n", text))


# Of a query that is as simple as most are there: metric, labels, comparison, number.
QUERY = re.compile(r"(?:increase\()?(\w+)(?:\{([^}]*)\})?(?:\[\w+\]\))? (==|>) ([\d.]+)$")
ROWS = {what: [[code or alert for code, alert in found] for found in cells]
        for what, cells in rows().items()}


def pattern(quoted):
    return ".*".join(re.escape(part) for part in quoted.split("…"))


def says(quotes, text, where):
    for quoted in quotes:
        assert re.search(pattern(quoted), text), f"expected '{quoted}' in {where}, got\n{text}"


class Told:
    """What an operator sees, against a row of the table."""

    def __init__(self, knotd, tool):
        self.knotd = knotd
        self.tool = tool

    def check(self, row, *, bad, but=(), more=(), asked=ZONE):
        """kaname check and the log say what the row quotes, without `but`; bad: is it BAD?"""
        check, log, alerts, _ = ROWS[row]

        def told():
            query(asked, "A")
            done = self.tool("check", asked, code=1 if bad else 0)
            says([*(q for q in check if q not in but), *more], done.stdout, "kaname check")
            says([q for q in log if q not in but], self.knotd.log_text(), "the log")
            return done.stdout

        text = eventually(told, timeout=20, step=0.2)
        for alert in alerts:
            eventually(lambda name=alert: self.fires(name), step=0.2, what=f"{alert} fires")
        # Whatever is BAD says what to do about it.
        lines = text.splitlines()
        for number, line in enumerate(lines):
            if line.startswith("BAD"):
                assert "next: " in lines[number + 1], f"no cure behind '{line}' in\n{text}"
        return text

    def fires(self, alert):
        """Whether `kaname status --prometheus` says what that alert is for."""
        query(ZONE, "A")
        found = QUERY.match(expressions()[alert])
        if found is None:
            # Not a simple one: test_monitoring.py has it.
            return True
        metric, labels, comparison, number = found.groups()
        text = self.tool("status", "--prometheus").stdout
        for has, value in re.findall(rf"^{metric}(\{{.*\}})? ([\d.e+-]+)$", text, re.MULTILINE):
            if all(wanted.strip() in has for wanted in re.findall(r'\w+="[^"]+"', labels or "")):
                value = float(value)
                if value == float(number) if comparison == "==" else value > float(number):
                    return True
        raise AssertionError(f"expected {expressions()[alert]}, got {text}")

    def status(self, *expected):
        says(expected, self.tool("status").stdout, "kaname status")


@pytest.fixture
def told(knotd, tool):
    return Told(knotd, tool)


@pytest.mark.parametrize("kind", ["dns", "system"])
def test_the_recursor_is_dead(knotd, unbound, authority, told, kind):
    row = "The recursor is dead"
    knotd.options["ttl-max"] = 1
    if kind == "dns":
        knotd.options["resolver"] = unbound.address[0]
    simple(knotd, authority)
    known()
    unbound.kill()
    answers({A1}, ede={STALE_ANSWER})
    why = [quoted for quoted in ROWS[row][0] if "Could not" in quoted]
    temporary = "temporary failure"
    assert why and temporary in ROWS[row][0]
    if kind == "dns":
        told.check(row, bad=True, but=[temporary], more=["does it run, and listen there?"])
        told.status("stale … Could not contact DNS servers")
    else:
        told.check(row, bad=True, but=why, more=["ask each 'nameserver' of /etc/resolv.conf"])
        told.status(f"stale … {temporary}")
    unbound.start()
    answers({A1}, ede=set(), timeout=30)


def test_the_resolver_is_knotd_itself(knotd, authority, told):
    knotd.server["listen"] = ["127.0.0.1@5300", "127.0.0.1@53"]
    knotd.options["resolver"] = "127.0.0.1"
    simple(knotd, authority)
    failed()
    told.check("The resolver is knotd itself", bad=True)
    told.status("failing … the resolver refuses")


def test_resolv_conf_is_knotd_itself(knotd, authority, told):
    knotd.server["listen"] = ["127.0.0.1@5300", "127.0.0.1@53"]
    namespace.put_back("/etc/resolv.conf")
    namespace.replace("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    try:
        simple(knotd, authority)
        failed()
        told.check("The resolver is knotd itself", bad=True,
                   but=["(the resolver refuses)", "fails (the resolver refuses)"],
                   more=["/etc/resolv.conf", "(temporary failure)"])
    finally:
        namespace.put_back("/etc/resolv.conf")
        namespace.replace("/etc/resolv.conf", namespace.RESOLV_CONF)


@pytest.mark.parametrize("kind", ["dns", "system"])
def test_slow_authority(knotd, unbound, authority, told, kind):
    knotd.options.update({"timeout": 300, "retry-max": 2})
    if kind == "dns":
        knotd.options["resolver"] = unbound.address[0]
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=60)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    told.check("The target's own servers are slow", bad=True, more=["'timeout' waits longer"])
    told.status("failing … for ")


def test_what_a_slow_authority_says_late_is_used(knotd, unbound, authority):
    knotd.options["timeout"] = 300
    authority.set(TARGET, a=[A1], delay=1)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    answers({A1})


def test_the_cdn_changes_all_addresses(knotd, unbound, authority, told):
    knotd.options["ttl-max"] = 1
    simple(knotd, authority)
    known()
    authority.set(TARGET, a=[A2, A3], aaaa=[AAAA2])
    answers({A2, A3})
    answers({AAAA2}, rdtype="AAAA")
    told.check("The CDN changes all its addresses", bad=False, more=[f"held: {A2},{A3}"])
    told.status(f"fresh … {A2} {A3}")


def test_the_cdn_changes_and_it_is_not_waited_for(knotd, unbound, authority, told):
    simple(knotd, authority)
    known()
    authority.set(TARGET, a=[A2], aaaa=[AAAA2])
    told.tool("refresh", TARGET)
    query(ZONE, "A").expect(a={A2})
    query(ZONE, "AAAA").expect(aaaa={AAAA2})


def test_the_target_is_deleted(knotd, unbound, authority, told):
    knotd.options["ttl-max"] = 1
    simple(knotd, authority)
    known()
    authority.nxdomain(TARGET)
    answers(set(), timeout=20)
    told.check("The target was deleted", bad=True, asked=ZONE)
    told.status("nodata … gone for")


def test_an_option_is_wrong(knotd, unbound, authority, told):
    simple(knotd, authority)
    known()
    knotd.options["allow-target"] = "example.org"
    knotd.reload()
    told.check("An option has a wrong value", bad=True)


@pytest.mark.parametrize("option, value, names", [
    ("ttl-max", 0, "option 'ttl-max' must be from 1 to 604800 seconds"),
    ("resolver", "localhost", "option 'resolver' must be IPv4 or IPv6 addresses"),
    ("reslover", "127.0.0.1", "'reslover'"),
])
def test_an_option_that_cannot_be(knotd, unbound, authority, told, option, value, names):
    """conf-check and reload refuse it, and what runs goes on."""
    simple(knotd, authority)
    known()
    knotd.options[option] = value
    accepted, output = knotd.conf_check()
    assert not accepted and names in output, f"expected {names}, got {output}"
    assert knotd.knotc("reload", check=False).returncode != 0
    says([names], knotd.log_text(), "the log")
    answers({A1})


def test_upgraded_and_not_restarted(knotd, unbound, authority, told, directory, monkeypatch):
    """A package puts the new file in the old one's place."""
    row = "The module was upgraded, and knotd not restarted"
    file = os.path.join(directory, "aname.so")
    shutil.copy(harness_knotd.MODULE, file)
    monkeypatch.setattr(harness_knotd, "MODULE", file)
    simple(knotd, authority)
    known()
    with open(file, "rb") as old, open(f"{file}.new", "wb") as new:
        new.write(old.read() + b"\0")
    os.rename(f"{file}.new", file)
    knotd.reload()
    told.check(row, bad=False)
    knotd.finish()
    knotd.start()
    assert "was replaced" not in told.tool("check", ZONE).stdout


def test_a_secondary_is_out_of_step(knotd, primary, unbound, authority, told, directory):
    """The primary's notifications are refused, as after a change of its address."""
    authority.set(TARGET, a=[A1])
    authority.set(OTHER, a=[A2])
    primary.sections.append(section("remote", "secondary", address="127.0.0.1@5300"))
    primary.add_zone(ZONE, [aname(TARGET), *siblings()],
                     zone_options={"acl": "all", "notify": "secondary"})
    knotd.sections.append(section("remote", "primary", address=f"{PRIMARY[0]}@{PRIMARY[1]}"))
    knotd.server["automatic-acl"] = False
    knotd.add_zone(ZONE, zone_options={"master": "primary"})
    os.unlink(knotd.zone_file(ZONE))
    primary.start(ready=())
    eventually(lambda: query(ZONE, "SOA", server=PRIMARY).addresses("SOA"))
    knotd.start()
    answers({A1})
    kaname("-s", primary.socket, "set", "--no-check", ZONE, OTHER, directory=directory)
    told.check("A secondary is out of step", bad=True)

    def serials():
        return [query(ZONE, "SOA", server=server).addresses("SOA")
                for server in (PRIMARY, ("127.0.0.1", 5300))]

    here, there = serials()
    assert here != there, f"expected the serials to differ, got {here}"
    assert TARGET in told.tool("get", ZONE).stdout
    knotd.knotc("zone-refresh", ZONE)
    answers({A2})
    here, there = serials()
    assert here == there
    assert "is that of its primary" in told.tool("check", ZONE).stdout


@pytest.mark.parametrize("state", ["with", "without"])
def test_a_restart_in_peak_time(knotd, unbound, authority, told, state):
    row = "A restart in peak time"
    simple(knotd, authority)
    known()
    knotd.finish()
    if state == "without":
        os.unlink(os.path.join(knotd.directory, "db", "mod-aname.state"))
    os.unlink(knotd.log)
    knotd.start()
    reply = query(ZONE, "A")
    if state == "with":
        reply.expect(a={A1}, ede=set())
        told.check(row, bad=False, but=ROWS[row][1])
        assert not knotd.log_lines("nothing is known")
    else:
        assert reply.tc, f"expected a cold name, got {reply}"
        told.tool("warm")
        query(ZONE, "A").expect(a={A1})
        told.check(row, bad=False)


def test_a_signed_zone_without_its_key(knotd, unbound, authority, told):
    policy(knotd)
    simple(knotd, authority, records=siblings(), zone_options=SIGNED)
    signed(ZONE)
    place = os.path.join(knotd.directory, "db", "keys", "keys")
    for name in os.listdir(place):
        os.rename(os.path.join(place, name), os.path.join(place, f"away-{name}"))
    # Keys that were read need no file: a new process has none.
    text = knotd.served_text(ZONE)
    knotd.finish()
    knotd.zones[ZONE].options = {}
    knotd.write_zone(ZONE, text=text)
    knotd.start()
    eventually(lambda: query(ZONE, "A", "tcp", do=True).expect(a={SIBLING_A}))
    text = told.check("A signed zone without its key, on a server that does not sign it", bad=True)
    first = next(line for line in text.splitlines() if line.startswith("BAD"))
    assert "signed" in first, f"expected the zone's key to be named first, got {text}"


POOL = {"one.example.net": "127.0.0.81", "two.example.net": "127.0.0.82"}


@pytest.fixture
def endpoints():
    found = Endpoints(POOL.values()).start()
    yield found
    found.kill()


@pytest.mark.parametrize("way", ["serve", "servfail"])
def test_a_whole_pool_is_down(knotd, unbound, authority, told, endpoints, way):
    row = "A whole pool is down"
    for name, address in POOL.items():
        authority.set(name, a=[address])
    knotd.options.update({
        "resolver": unbound.address[0], "probe": "tcp", "probe-port": 8443, "probe-interval": 1,
        "probe-timeout": 300, "all-down": way,
    })
    knotd.add_zone(ZONE, [aname(name) for name in POOL])
    knotd.start()
    # Probed is what a query has met.
    answers(set(POOL.values()))
    eventually(
        lambda: query(ZONE, "A") and all(endpoints.connections(one) for one in POOL.values()),
        what="both are probed",
    )
    endpoints.kill()
    eventually(lambda: len(knotd.log_lines("is down")) == 2 or query(ZONE, "A") is None, timeout=20)
    if way == "serve":
        told.check(row, bad=True)
        answers(set(POOL.values()))
        for address in POOL.values():
            told.tool("force", address, "up")
        eventually(lambda: "all addresses are down" not in told.tool(
            "check", ZONE, code=(0, 1)).stdout)
    else:
        told.check(row, bad=True, but=["all addresses are down or forced down"],
                   more=["SERVFAIL (all addresses are down, see 'all-down')"])
        failed()
    told.status("down … connection refused")


def test_the_disk_is_full(knotd, unbound, authority, told):
    authority.set(OTHER, a=[A2])
    namespace.mount_tmpfs(knotd.zone_directory, "1m")
    try:
        authority.set(TARGET, a=[A1])
        knotd.add_zone(ZONE, [aname(TARGET)], zone_options={"zonefile-sync": 0})
        knotd.start()
        answers({A1})
        free = os.statvfs(knotd.zone_directory)
        full = os.path.join(knotd.zone_directory, "full")
        with open(full, "wb") as file:
            file.write(bytes(free.f_bavail * free.f_frsize))
        refused = told.tool("set", ZONE, OTHER, code=3).stderr
        says(["there is no room in …", "nothing was changed", "next: free"], refused, "kaname set")
        assert TARGET in told.tool("get", ZONE).stdout
        os.unlink(full)
        told.tool("set", ZONE, OTHER)
        answers({A2})
    finally:
        if knotd.alive:
            knotd.finish()
        namespace.put_back(knotd.zone_directory)
