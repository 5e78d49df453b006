"""A CDN of two dies under load, and comes back: how long its addresses are still given out.

Each CDN is a process that answers HTTP on two addresses. A client asks for the apex all the time
and reads every answer.
"""

import http.server
import os
import signal
import socket
import struct
import sys
import threading
import time

CDNS = (("127.0.1.1", "127.0.1.2"), ("127.0.2.1", "127.0.2.2"))
TARGETS = ("one.cdn.example", "two.cdn.example")
ZONE = "pool.test"
PORT = 8080
SERVER = ("127.0.0.1", 5300)
RATE = 2000
PROBE = {"probe-port": PORT, "probe-interval": 2, "probe-fall": 2, "probe-timeout": 1000}
BAR_S = 6
# Nobody waits longer than this.
WAIT_S = 30
FLAPS_A_MINUTE, FLAPPING_S = 200, 60


def start_cdn(bench, number):
    from harness.process import Daemon
    daemon = Daemon(f"cdn{number}", [sys.executable, os.path.abspath(__file__), *CDNS[number]],
                    bench.directory)
    daemon.start()
    bench.daemons.append(daemon)
    return daemon


class Page(http.server.BaseHTTPRequestHandler):
    """Answers that it is there."""

    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


def serve(addresses):
    for address in addresses:
        server = http.server.ThreadingHTTPServer((address, PORT), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    signal.pause()


class Client(threading.Thread):
    """Asks for the apex at a rate, and notes what every answer holds."""

    def __init__(self):
        super().__init__(daemon=True)
        self.lock = threading.Lock()
        self.last = {}  # address: when it was in an answer last, monotonic
        self.sets = []  # (when, set) whenever another one came
        self.bad = []
        self.count = 0
        self.ended = threading.Event()

    def begin(self):
        """What came up to now does not count: nothing was known at first."""
        with self.lock:
            self.bad.clear()
            self.count = 0

    def run(self):
        name = b"".join(bytes([len(part)]) + part.encode("ascii") for part in ZONE.split("."))
        question = struct.pack("!5H", 0x0100, 1, 0, 0, 0) + name + b"\0\0\x01\0\x01"
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.connect(SERVER)
        sock.setblocking(False)
        start, sent = time.monotonic(), 0
        while not self.ended.is_set():
            due = int((time.monotonic() - start) * RATE)
            sent = max(sent, due - 50)
            while sent < due:
                sock.send(struct.pack("!H", sent & 0xFFFF) + question)
                sent += 1
            try:
                while True:
                    self.note(sock.recv(4096), len(question) + 2)
            except BlockingIOError:
                pass
            time.sleep(0.001)

    def note(self, wire, at):
        now = time.monotonic()
        flags, _, count = struct.unpack_from("!3H", wire, 2)
        found = set()
        for _ in range(count):
            rdtype, size = struct.unpack_from("!H6xH", wire, at + 2)
            if rdtype == 1:
                found.add(socket.inet_ntoa(wire[at + 12:at + 12 + size]))
            at += 12 + size
        with self.lock:
            self.count += 1
            self.last.update(dict.fromkeys(found, now))
            if not self.sets or self.sets[-1][1] != found:
                self.sets.append((now, found))
            if flags & 0x020F or not found or not found <= {*CDNS[0], *CDNS[1]}:
                self.bad.append((flags, found))

    def holds(self, wanted):
        with self.lock:
            return bool(self.sets) and self.sets[-1][1] == set(wanted)

    def last_of(self, addresses):
        """When one of these was in an answer last."""
        with self.lock:
            return max(self.last[address] for address in addresses)

    def wait(self, wanted):
        """How many seconds until the answer holds these addresses."""
        start = time.monotonic()
        while not self.holds(wanted):
            assert time.monotonic() < start + WAIT_S, f"still {self.sets[-1]}, not {wanted}"
            time.sleep(0.002)
        with self.lock:
            return self.sets[-1][0] - start


def start(bench, kind):
    """(knotd, CDNs, client): both CDNs are known to be up."""
    from harness.authority import ADDRESS
    from harness.zone import aname
    bench.fresh()
    cdns = [start_cdn(bench, number) for number in range(2)]
    for target, addresses in zip(TARGETS, CDNS):
        bench.authority.set(target, a=addresses, ttl=300)
    knotd = bench.new_knotd()
    knotd.template["global-module"] = "mod-aname"
    knotd.options = {"resolver": ADDRESS, "probe": kind, **PROBE}
    knotd.add_zone(ZONE, [aname(target) for target in TARGETS])
    knotd.start()
    client = Client()
    client.start()
    client.wait(CDNS[0] + CDNS[1])
    deadline = time.monotonic() + WAIT_S
    while knotd.stats()["health[up]"] < 4:
        assert time.monotonic() < deadline, f"not up: {knotd.stats()}"
        time.sleep(0.1)
    client.begin()
    return knotd, cdns, client


def finish(client):
    client.ended.set()
    client.join()


def bench_pools(bench):
    """CDN 1 of two dies under 2,000 queries a second, killed or frozen, and comes back; one address
    flaps for a minute. Two minutes."""
    for kind, what, die, revive in (("tcp", "killed", "kill", "start"),
                                    ("http", "stopped", "freeze", "thaw")):
        _, cdns, client = start(bench, kind)
        time.sleep(3)
        begin = time.monotonic()
        getattr(cdns[0], die)()
        client.wait(CDNS[1])
        gone = client.last_of(CDNS[0]) - begin
        time.sleep(2)
        assert client.last_of(CDNS[0]) - begin == gone, "a dead address came back"
        getattr(cdns[0], revive)()
        back = client.wait(CDNS[0] + CDNS[1])
        finish(client)
        name = f"probe: {kind}, CDN 1 of two {what}"
        bench.record(f"{name}: last answer with an address of it, seconds", f"{gone:.2f}",
                     f"<= {BAR_S}")
        bench.record(f"{name}: and back in the answer, seconds", f"{back:.2f}", f"<= {BAR_S}")
        bench.record(f"{name}: queries answered", f"{client.count}")
        bench.record(f"{name}: answers empty, failed, or with other addresses",
                     f"{len(client.bad)}", "0")
    flap(bench)


def flap(bench):
    """One of two CDNs dies and comes back again and again."""
    knotd, cdns, client = start(bench, "tcp")
    lines = len(knotd.log_lines("address"))
    before = len(client.sets)
    end = time.monotonic() + FLAPPING_S
    while time.monotonic() < end:
        cdns[0].kill()
        time.sleep(60 / FLAPS_A_MINUTE / 2)
        cdns[0].start()
        time.sleep(60 / FLAPS_A_MINUTE / 2)
    finish(client)
    name = f"{FLAPS_A_MINUTE} flaps a minute of CDN 1, for {FLAPPING_S} s"
    bench.record(f"{name}: other answers", f"{len(client.sets) - before}")
    bench.record(f"{name}: answers empty, failed, or with other addresses", f"{len(client.bad)}",
                 "0")
    bench.record(f"{name}: lines logged of it", f"{len(knotd.log_lines('address')) - lines}")


BENCHES = {
    "pools": bench_pools,
}

if __name__ == "__main__":
    serve(sys.argv[1:])
