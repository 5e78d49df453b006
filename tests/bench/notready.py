"""What a recursor makes of the ways to say "not known yet" when nobody may wait.

A scripted authority truncates over UDP, as the module does, and over TCP it answers in one of the
ways that are compared, until its names are known; from then on it answers properly. The recursors
have the settings that they come with. A client of theirs asks for each name again and again.
"""

import collections
import os
import random
import select
import socket
import statistics
import struct
import threading
import time

# The server that is measured, and another one of the same zone that knows all names.
AUTHORITY, OTHER = ("127.0.0.70", 53), ("127.0.0.73", 53)
ADDRESS = bytes([192, 0, 2, 1])
SIBLING = bytes([203, 0, 113, 80])
NAMES = 10
# A client asks for each name that often (in seconds), until it has an answer or gives up.
ASK_S, GIVE_UP_S = 0.1, 45
EDE = struct.pack("!3H", 15, 2, 14)
SOA = b"\xc0\x0c" + struct.pack("!HHIH2s5I", 6, 1, 5, 22, b"\0\0", 1, 3600, 600, 86400, 5)
RCODES = {"SERVFAIL": 2, "REFUSED": 5}
# What is compared: over TCP, and what a query over UDP gets.
WAYS = {
    "SERVFAIL, EDE 14": ("SERVFAIL", "TC"),
    "REFUSED": ("REFUSED", "TC"),
    "TC over TCP": ("TC", "TC"),
    "connection closed": ("close", "TC"),
    "connection reset": ("reset", "TC"),
    "no reply": ("silence", "TC"),
    "siblings, TTL 30": ("sibling", "TC"),
    "no reply over UDP": ("close", "silence"),
    "SERVFAIL over UDP (C3)": ("SERVFAIL", "SERVFAIL"),
}


def question_end(wire):
    at = 12
    while wire[at]:
        at += wire[at] + 1
    return at + 5


class Authority:
    """UDP and TCP; every name below "test" exists, and "static.test" is known at all times."""

    def __init__(self, over_tcp, over_udp, known_after, address=AUTHORITY):
        self.over_tcp, self.over_udp, self.known_after = over_tcp, over_udp, known_after
        self.known_at = {}
        self.hits = collections.Counter()
        self.udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.udp.bind(address)
        self.listener = socket.create_server(address, backlog=256)
        self.lock = threading.Lock()
        self.stopped = False
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def close(self):
        self.stopped = True
        self.thread.join()
        self.udp.close()
        self.listener.close()

    def _serve(self):
        while not self.stopped:
            ready, _, _ = select.select([self.udp, self.listener], [], [], 0.1)
            if self.udp in ready:
                wire, client = self.udp.recvfrom(4096)
                reply = self._reply(wire, self.over_udp)
                if isinstance(reply, bytes):
                    self.udp.sendto(reply, client)
            if self.listener in ready:
                connection, _ = self.listener.accept()
                threading.Thread(target=self._converse, args=(connection,), daemon=True).start()

    def _converse(self, connection):
        connection.settimeout(10)  # As knotd's tcp-idle-timeout.
        try:
            with connection:
                while True:
                    (size,) = struct.unpack("!H", self._read(connection, 2))
                    reply = self._reply(self._read(connection, size), self.over_tcp)
                    if reply == "reset":
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                              struct.pack("ii", 1, 0))
                    if reply in ("close", "reset"):
                        return
                    if isinstance(reply, bytes):
                        connection.sendall(struct.pack("!H", len(reply)) + reply)
        except (OSError, EOFError):
            pass

    @staticmethod
    def _read(connection, size):
        data = b""
        while len(data) < size:
            piece = connection.recv(size - len(data))
            if not piece:
                raise EOFError
            data += piece
        return data

    def _reply(self, wire, way):
        """The reply's octets, or what is done instead of one."""
        end = question_end(wire)
        name, (rdtype,) = wire[12:end - 4].lower(), struct.unpack_from("!H", wire, end - 4)
        opt = bool(struct.unpack_from("!H", wire, 10)[0])
        address, rcode, flags, options = ADDRESS, 0, 0x8400, b""
        if rdtype == 1 and name.startswith(b"\x03n"):
            now = time.monotonic()
            with self.lock:
                self.hits[name] += 1
                known = self.known_at.setdefault(name, now + self.known_after) <= now
            if not known and way in ("close", "reset", "silence"):
                return way
            if not known and way == "sibling":
                address = SIBLING
            elif not known:
                address = None
                rcode = RCODES.get(way, 0)
                flags |= 0x0200 if way == "TC" else 0
                options = EDE if way == "SERVFAIL" else b""
        elif rdtype != 1:
            address = None
        tail = b""
        counts = [1, 0, 0, 0]
        if address:
            ttl = 30 if address == SIBLING else 300
            tail += b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, ttl, 4) + address
            counts[1] = 1
        elif rcode == 0 and not flags & 0x0200:
            tail += SOA
            counts[2] = 1
        if opt:
            tail += b"\0" + struct.pack("!HHIH", 41, 1232, 0, len(options)) + options
            counts[3] = 1
        return (wire[:2] + struct.pack("!H", flags | rcode) + struct.pack("!4H", *counts)
                + wire[12:end] + tail)


# The recursors, with what they come with but for where to ask.

RECURSORS = ("unbound", "BIND", "PowerDNS")

UNBOUND = """\
server:
  interface: 127.0.0.71
  chroot: ""
  username: ""
  directory: "{directory}"
  pidfile: ""
  use-syslog: no
  logfile: ""
  do-daemonize: no
  do-not-query-localhost: no
  module-config: "iterator"
  local-zone: "test." nodefault
remote-control:
  control-enable: no
stub-zone:
  name: "test"
  stub-addr: {servers[0]}
{more}
"""
POWERDNS = """\
config-dir={directory}
socket-dir={directory}
local-address=127.0.0.72
daemon=no
disable-syslog=yes
setuid=
setgid=
security-poll-suffix=
dnssec=off
dont-query=
forward-zones=test={joined}
"""
NAMED = """\
zone "test" {{ type static-stub; server-addresses {{ {listed} }}; }};
"""


def start_recursor(bench, which, servers):
    """Start one of them, which asks these servers; its address."""
    from harness.process import Daemon
    from harness.servers import named_argv
    from harness.wait import eventually
    directory = bench.directory
    if which == "unbound":
        path = os.path.join(directory, "stock.conf")
        text, argv, address = UNBOUND, ["unbound", "-d", "-c", path], "127.0.0.71"
    elif which == "PowerDNS":
        path = os.path.join(directory, "recursor.conf")
        text, argv, address = POWERDNS, ["pdns_recursor", f"--config-dir={directory}"], "127.0.0.72"
    else:
        address, path = "127.0.0.1", None
        argv = named_argv(directory, (address, 53), "dnssec-validation no; recursion yes;",
                          NAMED.format(listed="".join(f"{server}; " for server in servers)))
    if path:
        with open(path, "w", encoding="ascii") as conf:
            conf.write(text.format(
                directory=directory, servers=servers, joined=";".join(servers),
                more="".join(f"  stub-addr: {server}\n" for server in servers[1:])))
    daemon = Daemon(which, argv, directory)
    bench.daemons.append(daemon)
    daemon.start()
    client = Client((address, 53), ["static.test"])
    eventually(lambda: daemon.require() or client.step() or client.good["static.test"],
               timeout=20, what=f"{which} answers")
    client.sock.close()
    return address, 53


class Client:
    """Asks a recursor for names round and round; notes when each had addresses first."""

    def __init__(self, server, names):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.connect(server)
        self.sock.setblocking(False)
        self.names = names
        self.number = 0
        self.asked = {}
        self.good = dict.fromkeys(names)  # When, or None.
        self.wrong = dict.fromkeys(names)  # Until when it had another address.
        self.failures = collections.Counter()
        self.longest = collections.Counter()

    def step(self, names=None):
        """Asks once for each, and reads what there is."""
        for name in self.names if names is None else names:
            self.number = (self.number + 1) % 65536
            self.asked[self.number] = name, time.monotonic()
            wire = (struct.pack("!6H", self.number, 0x0100, 1, 0, 0, 0)
                    + b"".join(bytes([len(part)]) + part.encode() for part in name.split("."))
                    + b"\0" + struct.pack("!2H", 1, 1))
            try:
                self.sock.send(wire)
            except ConnectionError:
                return
        self.read(ASK_S)

    def read(self, seconds):
        deadline = time.monotonic() + seconds
        while (left := deadline - time.monotonic()) > 0:
            if not select.select([self.sock], [], [], left)[0]:
                return
            try:
                wire = self.sock.recv(4096)
            except ConnectionError:
                continue
            self._note(wire, time.monotonic())

    def _note(self, wire, now):
        number, flags, _, answers = struct.unpack_from("!4H", wire)
        name, asked = self.asked.pop(number, (None, now))
        if name is None:
            return
        self.longest[name] = max(self.longest[name], now - asked)
        if flags & 15 or not answers:
            self.failures[name] += 1
        elif wire.endswith(SIBLING):
            self.wrong[name] = now
        elif self.good[name] is None:
            self.good[name] = now


def measure(bench, way, which, known_after, alone):
    """(how long after they were known names had addresses, failures, queries to the server for each
    name, what happened to a static name beside them)."""
    bench.fresh()
    authority = Authority(*WAYS[way], known_after)
    other = None if alone else Authority("TC", "TC", -1, OTHER)
    try:
        server = start_recursor(bench, which, [AUTHORITY[0]] + ([] if alone else [OTHER[0]]))
        names = [f"n{i:02}.test" for i in range(NAMES)]
        client = Client(server, names)
        beside = Client(server, [f"static{i}.test" for i in range(1000)])
        start = time.monotonic()
        count = 0
        while time.monotonic() - start < GIVE_UP_S and not all(client.good.values()):
            client.step([name for name in names if client.good[name] is None])
            beside.step([beside.names[count]])
            count += 1
        beside.read(2)
        key = {name: b"\x03" + name[:3].encode() + b"\x04test\0" for name in names}
        end = time.monotonic()
        for name in names:  # The other server may have answered before this one was asked.
            authority.known_at.setdefault(key[name], start + known_after)
        late = [max(0, (client.good[name] or end) - authority.known_at[key[name]])
                for name in names]
        hits = [authority.hits[key[name]] for name in names]
        lost = sum(1 for value in list(beside.good.values())[:count] if value is None)
        return (late, sum(client.failures.values()) / NAMES, hits,
                lost, max(beside.longest.values(), default=0), count)
    finally:
        authority.close()
        if other:
            other.close()
        bench.close()


def compare(bench, ways, alone):
    for which in RECURSORS:
        for way in ways:
            for known_after in (0.1, 1.0):
                late, failures, hits, lost, longest, count = measure(
                    bench, way, which, known_after, alone)
                row = f"{which}, {way}, known after {known_after:g} s"
                most = max(late)
                bench.record(f"{row}: client has addresses so long after, s",
                             f"median {statistics.median(late):.2f}, most {most:.2f}")
                bench.record("  queries to the server for each name, failures to the client",
                             f"{statistics.mean(hits):.1f}, {failures:.1f}")
                bench.record("  a name beside: lost, and longest, s",
                             f"{lost} of {count}, {longest:.2f}")


def bench_notready(bench):
    """Ways to answer a cold query over TCP when all waiting places are taken, through recursors.

    The names are known 0.1 s or 1 s after the first query for them; the zone has one server.
    """
    compare(bench, WAYS, True)


def bench_notready_two(bench):
    """The same where the zone has a second server, which knows all names.

    Without the ways that are the same as with one server.
    """
    compare(bench, [way for way in WAYS if "siblings" not in way], False)


# Cold names a second over TCP, and how long a lookup takes.
RATE, LATENCY_S, PLACES_S = 100, 0.1, 6


def ask_cold(knotd_address, name, answered):
    from harness import NoReply, query
    try:
        answered.append(bool(query(name, "A", "tcp", server=knotd_address, timeout=20).addresses()))
    except NoReply:
        answered.append(False)


def places(bench, workers):
    """Share of cold queries over TCP that had no addresses; they come by chance."""
    from harness.zone import aname
    bench.fresh()
    bench.authority.clear()
    bench.authority.set("*.example.net", a=["192.0.2.1"], delay=LATENCY_S)
    knotd = bench.new_knotd(**{"tcp-workers": workers})
    knotd.options = {"resolver": "127.0.0.53"}
    names = [f"c{i}.test" for i in range(RATE * PLACES_S)]
    for i, name in enumerate(names):
        knotd.add_zone(name, [aname(f"t{i}.example.net")])
    knotd.start()
    chance, answered, threads = random.Random(1), [], []
    due = time.monotonic()
    for name in names:
        due += chance.expovariate(RATE)
        time.sleep(max(0, due - time.monotonic()))
        threads.append(threading.Thread(target=ask_cold,
                                        args=(("127.0.0.1", 5300), name, answered)))
        threads[-1].start()
    for thread in threads:
        thread.join()
    return 1 - sum(answered) / len(answered)


def bench_places(bench):
    """How many TCP workers it takes for cold names at a rate, whose lookups take 100 ms.

    By the formula of the operator's guide, and with fewer.
    """
    load = RATE * LATENCY_S
    for what, workers in (("rate * latency", load), ("twice that", 2 * load),
                          ("and six times its root", 2 * load + 6 * load ** 0.5)):
        lost = places(bench, round(workers))
        bench.record(f"100 cold names/s of 100 ms, {round(workers)} TCP workers ({what}): "
                     "not ready, %", f"{lost * 100:.1f}", "<= 2" if "root" in what else "")


BENCHES = {
    "notready": bench_notready,
    "notready-two": bench_notready_two,
    "places": bench_places,
}
