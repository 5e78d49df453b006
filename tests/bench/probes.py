"""What probing costs, and who has to wait for it."""

import asyncio
import datetime
import ipaddress
import json
import os
import signal
import ssl
import subprocess
import sys
import time

import measure

THREAD = "mod-aname"
PORT = 8443
TARGETS, EACH = 25, 40
INTERVAL = 5
# A network from which nothing ever comes back.
HOLE = "198.18.0.0/16"
PROBE = {"probe-port": PORT, "probe-interval": INTERVAL, "probe-fall": 2, "probe-rise": 1}


# The other side: one process that takes connections on all addresses of loopback.


class Site:
    """Who is probed. It notes for each address when it was probed last."""

    def __init__(self, directory, tls):
        self.report = os.path.join(directory, "probed")
        self.process = subprocess.Popen(
            [sys.executable, __file__, self.report, directory if tls else ""],
            stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n"

    def kill(self):
        """Ends it; returns {address: greatest pause in seconds between two of its probes}."""
        if self.process is None:
            return {}
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=30)
        self.process = None
        with open(self.report, encoding="ascii") as file:
            return json.load(file)


def certificate(directory):
    """Path of a key and a certificate that it signed itself."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "cdn.example")])
    now = datetime.datetime.now()
    made = (x509.CertificateBuilder().subject_name(name).issuer_name(name)
            .public_key(key.public_key()).serial_number(1)
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30)).sign(key, hashes.SHA256()))
    path = os.path.join(directory, "certificate.pem")
    with open(path, "wb") as file:
        file.write(key.private_bytes(serialization.Encoding.PEM,
                                     serialization.PrivateFormat.PKCS8,
                                     serialization.NoEncryption()))
        file.write(made.public_bytes(serialization.Encoding.PEM))
    return path


async def serve(report, directory):
    probed, pauses = {}, {}

    async def answer(reader, writer):
        address, now = writer.get_extra_info("sockname")[0], time.monotonic()
        pause = now - probed.get(address, now)
        pauses[address] = max(pauses.get(address, 0), pause)
        probed[address] = now
        try:
            if directory:
                await reader.readuntil(b"\r\n\r\n")
                writer.write(b"HTTP/1.1 204 No Content\r\n\r\n")
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        writer.close()

    context = None
    if directory:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate(directory))
    server = await asyncio.start_server(answer, "0.0.0.0", PORT, ssl=context, backlog=1024)
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    print("ready", flush=True)
    await stop.wait()
    server.close()
    with open(report, "w", encoding="ascii") as file:
        json.dump(pauses, file)


# The measurements.


def addresses(dead):
    """TARGETS lists of EACH addresses, of which so many altogether are dead."""
    hole = ipaddress.ip_network(HOLE)
    found = [str(hole[256 + number]) for number in range(dead)]
    found += [f"127.1.{number // 250}.{number % 250 + 1}"
              for number in range(TARGETS * EACH - dead)]
    return [found[number::TARGETS] for number in range(TARGETS)]


def start(bench, kind, dead=0):
    """(knotd that probes them and knows of all, the site)."""
    from harness import ZONE, aname, eventually, known, query
    from harness.authority import ADDRESS
    bench.fresh()
    site = Site(bench.directory, kind == "https")
    bench.daemons.append(site)
    knotd = bench.new_knotd()
    knotd.options = {"resolver": ADDRESS, "probe": kind, **PROBE}
    for number, some in enumerate(addresses(dead)):
        bench.authority.set(f"t{number}.example.net", a=some, ttl=3600)
    knotd.add_zone(ZONE, [aname(f"t{number}.example.net", ttl=3600) for number in range(TARGETS)])
    knotd.start()
    known(ZONE, "A")

    def settled():
        query(ZONE, "A")
        found = knotd.stats(ZONE)
        assert found["health[down]"] == dead and found["health[unknown]"] == 0, found
        assert found["health[up]"] == TARGETS * EACH - dead, found
        return True

    eventually(settled, timeout=60, what="health is known")
    return knotd, site


def share(bench, knotd):
    """What the service thread takes of a processor in some intervals, in per cent."""
    seconds = bench.seconds(6 * INTERVAL)
    cpu, begin = measure.thread_cpu_ns(knotd.pid, THREAD), time.monotonic()
    time.sleep(seconds)
    cpu = measure.thread_cpu_ns(knotd.pid, THREAD) - cpu
    return cpu / (time.monotonic() - begin) / 1e7


def ip(*arguments):
    subprocess.run(["ip", *arguments], check=True)


def bench_probes(bench):
    """1,000 addresses probed every 5 seconds, and with 300 of them black holes."""
    for kind, bar in (("tcp", "<= 3"), ("https", "<= 25")):
        knotd, _ = start(bench, kind)
        bench.record(f"1,000 addresses every 5 s by {kind}: service thread, % of a processor",
                     f"{share(bench, knotd):.2f}", bar)
    # Nobody reads what is sent to it.
    ip("tuntap", "add", "dev", "hole", "mode", "tun")
    ip("address", "add", f"{ipaddress.ip_network(HOLE)[1]}/16", "dev", "hole")
    ip("link", "set", "hole", "up")
    try:
        knotd, site = start(bench, "tcp", dead=300)
        bench.record("  300 of them black holes: service thread, % of a processor",
                     f"{share(bench, knotd):.2f}")
        pauses = site.kill()
        assert len(pauses) == TARGETS * EACH - 300, f"only {len(pauses)} were probed"
        bench.record("    greatest pause between two probes of another one, s",
                     f"{max(pauses.values()):.2f}", f"<= {2 * INTERVAL}")
    finally:
        ip("link", "del", "hole")


BENCHES = {"probes": bench_probes}


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
