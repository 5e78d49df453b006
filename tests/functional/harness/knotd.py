"""A real knotd with the module, its configuration, its zones and its control tool."""

import contextlib
import dataclasses
import os
import re
import subprocess

from . import sanitizer
from .ask import SERVER, NoReply, query
from .process import Daemon
from .wait import eventually, scaled
from .zone import zone_text

MODULE = os.environ.get("ANAME_MODULE", "")


def _version():
    output = subprocess.run(["knotd", "-V"], capture_output=True, text=True, check=True).stdout
    found = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", output)
    return tuple(int(part or 0) for part in found.groups())


# (major, minor, patch) of Knot DNS, and without the patch.
RELEASE = _version()
VERSION = RELEASE[:2]


def _value(value):
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    return str(value)


def _item(options, indent="    "):
    return "".join(
        f"{indent}{key.replace('_', '-')}: {_value(value)}\n"
        for key, value in options.items()
        if value is not None
    )


def section(name, identifier, **options):
    """Text of one section of knot.conf with one item."""
    return f"{name}:\n  - id: {identifier}\n{_item(options)}"


@dataclasses.dataclass
class Zone:
    """One `zone:` item. modules None means: what the template says."""

    modules: list
    options: dict


class Knotd(Daemon):
    """Set the public fields, add zones, start.

    options:  of the mod-aname section (without any, `module: mod-aname` stands alone)
    server:   of the server section
    database: of the database section
    template: of the default template
    sections: further text of knot.conf
    """

    def __init__(self, directory, leaks=True):
        self.directory = directory
        self.conf = os.path.join(directory, "knot.conf")
        self.socket = os.path.join(directory, "knot.sock")
        self.log = os.path.join(directory, "knotd.log")
        self.zone_directory = os.path.join(directory, "zones")
        os.makedirs(self.zone_directory, exist_ok=True)
        os.makedirs(os.path.join(directory, "db"), exist_ok=True)
        super().__init__(
            "knotd",
            ["knotd", "-c", self.conf, "-s", self.socket],
            directory,
            sanitizer.environment(directory, leaks),
        )
        self.options = {}
        self.server = {"udp-workers": 2, "tcp-workers": 4, "background-workers": 2}
        self.database = {}
        self.template = {}
        self.sections = []
        self.zones = {}
        self.with_module = True

    # Configuration.

    @property
    def aname(self):
        """How a zone's module list names this module."""
        return "mod-aname/test" if self.options else "mod-aname"

    def add_zone(self, name, records=(), *, modules=None, text=None, zone_options=None, **soa):
        """Write a zone file and put the zone into the configuration.

        modules: the zone's list, mod-aname alone unless told otherwise; [] for none.
        """
        self.write_zone(name, records, text=text, **soa)
        self.zones[name] = Zone(modules, dict(zone_options or {}))

    def add_catalog(self, member, records, module="mod-aname"):
        """Write a member's zone file, and a catalog that brings it: no zone of the configuration."""
        self.write_zone(member, records)
        self.sections.append(section("template", "member", storage=self.zone_directory,
                                     file="%s.zone", zonefile_sync=-1, module=module))
        self.add_zone(
            "catalog.invalid", ["version 0 TXT 2", f"one.zones 0 PTR {member}."], modules=[],
            zone_options={"catalog-role": "interpret", "catalog-template": "member"},
        )

    def write_zone(self, name, records=(), *, text=None, **soa):
        with open(self.zone_file(name), "w", encoding="ascii") as file:
            file.write(zone_text(name, records, **soa) if text is None else text)

    def served_text(self, name):
        """The zone as it is served, signatures and all, as text of a zone file."""
        lines = self.knotc("zone-read", name).stdout.splitlines()
        return "\n".join([*(line.split("] ", 1)[1] for line in lines if "] " in line), ""])

    def zone_file(self, name):
        return os.path.join(self.zone_directory, f"{name.rstrip('.')}.zone")

    def conf_text(self):
        text = []
        if self.with_module:
            text.append(f"module:\n  - id: mod-aname\n    file: {MODULE}\n")
        listen = f"{SERVER[0]}@{SERVER[1]}"
        text.append(
            "server:\n" + _item({"rundir": self.directory, "listen": listen, **self.server})
        )
        text.append(f"log:\n  - target: {self.log}\n    any: info\n")
        text.append(
            "database:\n" + _item({"storage": f"{self.directory}/db", **self.database})
        )
        if self.with_module and self.options:
            text.append(section("mod-aname", "test", **self.options))
        text += self.sections
        template = {
            "storage": self.zone_directory,
            "zonefile-sync": -1,
            "semantic-checks": False,
            **self.template,
        }
        text.append(section("template", "default", **template))
        if self.zones:
            text.append("zone:\n")
        for name, zone in self.zones.items():
            modules = zone.modules
            if modules is None and "module" not in self.template:
                modules = [self.aname]
            if modules is not None and not self.with_module:
                modules = [one for one in modules if not one.startswith("mod-aname")]
            text.append(f"  - domain: {name}\n{_item(zone.options)}")
            if modules:
                text.append(_item({"module": modules}))
        return "".join(text)

    def write_conf(self):
        with open(self.conf, "w", encoding="ascii") as conf:
            conf.write(self.conf_text())

    # Running it.

    def start(self, ready=None):
        """Start and wait until it answers for the zones in ready (default: the first and last)."""
        assert MODULE or not self.with_module, "ANAME_MODULE does not name the module file"
        self.write_conf()
        # Of one that was killed: another process may have its number by now.
        with contextlib.suppress(FileNotFoundError):
            os.remove(os.path.join(self.directory, "knot.pid"))
        super().start()
        self.wait_ready(ready)
        return self

    def wait_ready(self, ready=None):
        if ready is None:
            names = list(self.zones)
            ready = dict.fromkeys(names[:1] + names[-1:])
        # Of thousands of zones each with a section of its own the reading alone takes its time.
        timeout = 20 + (len(self.zones) + len(self.sections)) / 50
        eventually(self.controllable, timeout=timeout, what="knotd accepts control commands")
        for name in ready:
            eventually(lambda zone=name: self.loaded(zone), timeout, what=f"{name} is loaded")

    def controllable(self):
        self.require()
        return os.path.exists(self.socket) and self.knotc("status", check=False).returncode == 0

    def loaded(self, zone):
        """Whether the zone answers for its SOA, over both transports."""
        try:
            return all(
                query(zone, "SOA", proto, timeout=1).addresses("SOA") for proto in ("udp", "tcp")
            )
        except NoReply:
            return False

    def finish(self, timeout=15.0):
        """Stop it the orderly way; fail on a bad exit or on any sanitizer report."""
        code, took = self.stop(timeout)
        self.check_reports()
        assert code == 0, f"knotd ended with {code}: {self.text()}{self.log_text()[-2000:]}"
        return took

    def check_reports(self):
        found = sanitizer.reports(self.directory)
        assert not found, "sanitizer report:\n" + "\n".join(found)

    # Control.

    def knotc(self, *arguments, check=True, timeout=30.0):
        """Run knotc with this server's configuration."""
        # It reads that, and loads the modules, only for what it does itself.
        alone = any(argument.startswith(("conf-", "zone-check")) for argument in arguments)
        done = subprocess.run(
            ["knotc", "-c", self.conf, "-s", self.socket, *arguments],
            env=dict(os.environ, **(sanitizer.environment(self.directory) if alone else {})),
            capture_output=True,
            text=True,
            check=False,
            timeout=scaled(timeout),
        )
        if check:
            assert done.returncode == 0, (
                f"knotc {' '.join(arguments)}: expected success, got {done.returncode}:"
                f" {done.stdout}{done.stderr}"
            )
        return done

    def conf_check(self):
        """(accepted, what it wrote) for the configuration as the fields are now."""
        self.write_conf()
        done = self.knotc("conf-check", check=False)
        return done.returncode == 0, done.stdout + done.stderr

    def reload(self):
        self.write_conf()
        self.knotc("reload")

    def reload_zone(self, name, records=(), **soa):
        """Replace a zone's file and have it loaded; soa needs a new serial."""
        self.write_zone(name, records, **soa)
        self.knotc("-b", "zone-reload", name)

    def stats(self, zone=None, module="mod-aname"):
        """{counter: value} without the module's name; of the whole server without zone."""
        if zone is None:
            done = self.knotc("-f", "stats", module)
        else:
            done = self.knotc("-f", "zone-stats", zone, module)
        pattern = re.compile(rf"(?:^|\s){re.escape(module)}\.(\S+) = (\d+)$", re.MULTILINE)
        return {key: int(value) for key, value in pattern.findall(done.stdout)}

    def total(self, counter, module="mod-aname"):
        """The sum of a counter over all zones."""
        done = self.knotc("-f", "zone-stats", "--", f"{module}.{counter.split('[')[0]}")
        pattern = re.compile(rf"\s{re.escape(f'{module}.{counter}')} = (\d+)$", re.MULTILINE)
        values = pattern.findall(done.stdout)
        assert len(values) == len(self.zones), f"expected {counter} of each zone: {done.stdout}"
        return sum(int(value) for value in values)

    # Its log.

    def log_text(self):
        try:
            with open(self.log, encoding="utf-8", errors="replace") as log:
                return log.read()
        except FileNotFoundError:
            return ""

    def log_lines(self, *patterns):
        """The lines that match every pattern, in any letter case."""
        return [
            line
            for line in self.log_text().splitlines()
            if all(re.search(pattern, line, re.IGNORECASE) for pattern in patterns)
        ]

    def wait_log(self, *patterns, count=1, timeout=10.0, ask=None):
        """Wait for that many lines that match every pattern, and return them.

        ask: a zone that is asked for meanwhile, since only queries tell of targets.
        """

        def found():
            if ask is not None:
                query(ask, "A")
            lines = self.log_lines(*patterns)
            assert len(lines) >= count, (
                f"expected {count} log line(s) with {patterns}, got {lines} in\n{self.log_text()}"
            )
            return lines

        return eventually(found, timeout, what=f"log line with {patterns}")
