"""A real Prometheus with the rules of the examples, and what it scrapes: knot-exporter, and the
file that `kaname status --prometheus` writes.
"""

import glob
import http.server
import json
import os
import re
import shutil
import socketserver
import subprocess
import threading
import urllib.error
import urllib.parse
import urllib.request

from .guide import ROOT
from .kaname import KANAME, environment
from .process import Daemon
from .wait import SLOW, eventually, scaled

EXAMPLES = os.path.join(ROOT, "examples", "monitoring")
RULES = sorted(glob.glob(os.path.join(EXAMPLES, "*.rules.yml")))
HAS_EXPORTER = shutil.which("knot-exporter") is not None

# How often all is asked, in seconds; how far the tests see back where the rules say ten minutes; and
# how long an alert waits.
STEP = max(1, round(SLOW))
WINDOW, PENDING = 15 * STEP, STEP

CONFIGURATION = """\
global:
  scrape_interval: {step}s
  scrape_timeout: {step}s
  evaluation_interval: {step}s
rule_files: ['{directory}/*.rules.yml']
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ['127.0.0.1:9100']}}]
{exporter}"""
EXPORTER = """\
  - job_name: knot
    static_configs: [{targets: ['127.0.0.1:9433']}]
"""


def shortened(rules):
    """Rules that wait and look back for seconds only; nothing else is changed."""
    rules = re.sub(r"\[10m\]", f"[{WINDOW}s]", rules)
    rules = re.sub(r"\boffset 10m\b", f"offset {WINDOW}s", rules)
    rules, count = re.subn(r"^( +for:) \d+m$", rf"\1 {PENDING}s", rules, flags=re.MULTILINE)
    assert count > 5 and "10m" not in re.sub(r"increase10m", "", rules), rules
    return rules


def promtool(*arguments, directory=None):
    """Run it; (whether it is content, what it wrote)."""
    done = subprocess.run(
        ["promtool", *arguments], capture_output=True, text=True, check=False,
        timeout=scaled(60), cwd=directory,
    )
    return done.returncode == 0, done.stdout + done.stderr


class StatusFile:
    """Serves the file that kaname writes at each scrape, as node_exporter would, at port 9100."""

    def __init__(self, knotd):
        self.path = os.path.join(knotd.directory, "aname.prom")
        self.codes = []
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                done = subprocess.run(
                    [KANAME, "-s", knotd.socket, "status", "--prometheus", "--output", outer.path],
                    env=environment(knotd.directory), capture_output=True, check=False,
                    timeout=scaled(20),
                )
                outer.codes.append(done.returncode)
                with open(outer.path, "rb") as file:
                    body = file.read()
                self.send_response(200)
                self.send_header("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
            daemon_threads = True

        self.server = Server(("127.0.0.1", 9100), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()


class Exporter(Daemon):
    """knot-exporter as Debian has it, at its own port."""

    def __init__(self, knotd, *options):
        super().__init__(
            "knot-exporter",
            ["knot-exporter", "--no-meminfo", "--knot-socket-path", knotd.socket, *options],
            knotd.directory,
        )

    def start(self):
        super().start()
        eventually(self.metrics, timeout=20, what="knot-exporter answers")

    def metrics(self):
        self.require()
        try:
            with urllib.request.urlopen("http://127.0.0.1:9433/metrics", timeout=5) as reply:
                return reply.read().decode()
        except OSError:
            return False


class Prometheus(Daemon):
    """Prometheus that scrapes both often, with the rules of the examples, shortened."""

    def __init__(self, directory, exporter=HAS_EXPORTER):
        below = os.path.join(directory, "prometheus")
        os.mkdir(below)
        for path in RULES:
            with open(path, encoding="ascii") as file:
                text = shortened(file.read())
            with open(os.path.join(below, os.path.basename(path)), "w", encoding="ascii") as file:
                file.write(text)
        conf = os.path.join(below, "prometheus.yml")
        with open(conf, "w", encoding="ascii") as file:
            file.write(CONFIGURATION.format(
                step=STEP, directory=below, exporter=EXPORTER if exporter else ""
            ))
        super().__init__(
            "prometheus",
            [
                "prometheus", f"--config.file={conf}", f"--storage.tsdb.path={below}/data",
                "--web.listen-address=127.0.0.1:9090", "--log.level=warn",
            ],
            directory, env={"GOMAXPROCS": "2"},
        )

    def start(self):
        super().start()
        eventually(self._ready, timeout=30, step=0.1, what="prometheus is ready")

    def _ready(self):
        self.require()
        try:
            with urllib.request.urlopen("http://127.0.0.1:9090/-/ready", timeout=5) as reply:
                return reply.status == 200
        except OSError:
            return False

    def api(self, path, **arguments):
        """What it says to a question of its API."""
        url = f"http://127.0.0.1:9090/api/v1/{path}?{urllib.parse.urlencode(arguments)}"
        try:
            with urllib.request.urlopen(url, timeout=scaled(10)) as reply:
                return json.load(reply)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{path} {arguments}: {error.read().decode()}") from None

    def query(self, expression):
        """[(labels, value)] of an expression, now."""
        data = self.api("query", query=expression)
        assert data["resultType"] == "vector", f"expected a vector of {expression}, got {data}"
        return [(one["metric"], float(one["value"][1])) for one in data["result"]]

    def firing(self):
        """[labels] of the alerts that fire; fails if a rule cannot be evaluated."""
        for group in self.api("rules")["groups"]:
            for rule in group["rules"]:
                assert rule["health"] != "err", f"{rule['name']}: {rule['lastError']}"
        alerts = self.api("alerts")["alerts"]
        for alert in alerts:
            for text in alert["annotations"].values():
                assert not re.search(r"<(no value|error)", text) and "  " not in text, alert
        return [alert["labels"] for alert in alerts if alert["state"] == "firing"]

    def names(self):
        """Names of the alerts that fire."""
        return {labels["alertname"] for labels in self.firing()}


def panels():
    """{title, in its row: [expression]} of the dashboard, whatever is chosen in it."""
    with open(os.path.join(EXAMPLES, "grafana.json"), encoding="ascii") as file:
        dashboard = json.load(file)
    found, row = {}, None
    for panel in dashboard["panels"]:
        if panel["type"] == "row":
            row = panel["title"]
            continue
        expressions = [target["expr"] for target in panel["targets"]]
        for variable, chosen in {"instance": ".*", "exporter": ".*",
                                 "__rate_interval": f"{WINDOW}s"}.items():
            expressions = [one.replace(f"${variable}", chosen) for one in expressions]
        assert not any("$" in one for one in expressions), expressions
        found[row, panel["title"]] = expressions
    return found
