"""Events of what is around the server: resolvers, targets, addresses, clients, who asks the status
socket, and kaname follow.

Each is a function of the run and of the event's parameters.
"""

import contextlib
import functools
import os
import random
import socket
import time

from harness.ask import SERVER, make_query
from harness.authority import ADDRESS, SCRIPTED
from harness.wait import eventually

AUTHORITY_SLOW_S = 1.2


def unbound_killed(run, seconds):
    unbound = run.world.unbound
    with run.world.spells.during("unbound"):
        unbound.kill()
        time.sleep(seconds)
        unbound.start()


def unbound_stopped(run, seconds):
    unbound = run.world.unbound
    with run.world.spells.during("unbound"), run.world.spells.during("lag:unbound"):
        unbound.freeze()
        time.sleep(seconds)
        unbound.thaw()
        eventually(unbound.ready, what="unbound answers")


def unbound_restarted(run, seconds):
    with run.world.spells.during("unbound"):
        run.world.unbound.stop()
        time.sleep(seconds)
        run.world.unbound.start()


def server_mode(scope, address, mode, run, seconds):
    """A server does something else than to tell the truth."""
    world = run.world
    with contextlib.ExitStack() as stack:
        if mode == "empty":
            stack.enter_context(world.negative.during(scope))
        else:
            stack.enter_context(world.spells.during(scope))
        if mode == "slow":
            stack.enter_context(world.spells.during(f"lag:{scope}"))
        world.servers.call(address, "mode", mode, AUTHORITY_SLOW_S)
        time.sleep(seconds)
        world.servers.call(address, "mode", None, 0.0)


# Targets.


def _some(run, which):
    names = sorted(run.world.targets.all)
    return names[int(which * len(names))]


def target_moves(run, which):
    run.world.targets.move(_some(run, which))


def target_nxdomain(run, which):
    run.world.targets.vanish(_some(run, which))


def target_nodata(run, which):
    name = _some(run, which)
    run.world.targets.move(name, without=("AAAA",) if which * 1000 % 2 < 1 else ("A",))


def target_servfail(run, which):
    run.world.targets.fail(_some(run, which))


def target_returns(run, which):
    """One that is gone or fails, if there is any."""
    targets = run.world.targets
    gone = sorted(name for name, one in targets.all.items()
                  if name in targets.failing or not any(one.sets[t].now[1] for t in one.sets))
    targets.move(gone[int(which * len(gone))] if gone else _some(run, which))


def address_dies(run, number, seconds):
    """And returns; half of them are probed for a target of two."""
    world = run.world
    address = world.probed[number]
    with world.alive[address].change(False):
        world.endpoints.kill(address)
    time.sleep(seconds)
    with world.alive[address].change(True):
        world.endpoints.revive(address)


# The status socket.


def _connect(run):
    sock = socket.socket(socket.AF_UNIX)
    sock.settimeout(2)
    sock.connect(os.path.join(run.world.knotd.directory, "mod-aname.sock"))
    return sock


@contextlib.contextmanager
def _gone_meanwhile():
    """The server may be restarted, and it gives clients' places to others."""
    with contextlib.suppress(OSError):
        yield


def status_garbage(run, number):
    chance = random.Random(number)
    for _ in range(20):
        with _gone_meanwhile(), _connect(run) as sock:
            sock.sendall(chance.randbytes(chance.randrange(1, 3000)))
            if chance.random() < 0.5:
                sock.sendall(b"\n")
                sock.recv(4096)


def status_half(run, number):
    chance = random.Random(number)
    words = (b"status", b"status plain.u.example", b"force plain.u.example do", b"refresh 1 plai",
             b"watch", b"follow\nask 1 plain.exam")
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            with _gone_meanwhile():
                sock = stack.enter_context(_connect(run))
                word = chance.choice(words)
                sock.sendall(word[:chance.randrange(1, len(word) + 1)])
        time.sleep(chance.uniform(0.5, 3))


def status_flood(run, number):
    """Requests without end, of which few read what comes."""
    chance = random.Random(number)
    until = time.monotonic() + chance.uniform(0.5, 2)
    while time.monotonic() < until:
        with _gone_meanwhile(), _connect(run) as sock:
            sock.sendall(chance.choice((b"status\n", b"watch\n", b"refresh 1 plain.u.example\n",
                                        b"follow\n" + 50 * b"ask 1 a.example a.example 60 b.com\n",
                                        b"status owner=nsec.example nsec.u.example\n")))
            if chance.random() < 0.3:
                sock.recv(65536)
        time.sleep(0.005)


def status_many(run, number):
    chance = random.Random(number)
    with contextlib.ExitStack() as stack:
        for _ in range(120):
            with _gone_meanwhile():
                stack.enter_context(_connect(run))
        time.sleep(chance.uniform(0.5, 3))


# Clients of the server.


def clients_garbage(run, number):
    """Queries with octets changed, cut off or added, over UDP and TCP."""
    chance = random.Random(number)
    zones = list(run.world.zones)
    for _ in range(200):
        query = make_query(chance.choice(zones), chance.choice(("A", "AAAA", "ANY", "TYPE65305")),
                           do=chance.random() < 0.5)
        wire = bytearray(query.to_wire())
        for _ in range(chance.randrange(1, 6)):
            wire[chance.randrange(len(wire))] = chance.randrange(256)
        wire = wire[:chance.randrange(1, len(wire))] if chance.random() < 0.3 else wire
        wire += chance.randbytes(chance.randrange(40)) if chance.random() < 0.3 else b""
        with contextlib.suppress(OSError):
            _send(bytes(wire), chance.random() < 0.2)


def _send(wire, over_tcp):
    if over_tcp:
        with socket.create_connection(SERVER, 2) as sock:
            sock.sendall(len(wire).to_bytes(2, "big") + wire)
        return
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.sendto(wire, SERVER)


def clients_half(run, number):
    """Connections that ask the half of something, and wait."""
    chance = random.Random(number)
    with contextlib.ExitStack() as stack:
        for _ in range(30):
            with contextlib.suppress(OSError):
                sock = stack.enter_context(socket.create_connection(SERVER, 2))
                wire = make_query("plain.example", "A").to_wire()
                wire = len(wire).to_bytes(2, "big") + wire
                sock.sendall(wire[:chance.randrange(len(wire))])
        time.sleep(chance.uniform(0.2, 2))


def clients_many(run, number):
    """Connections that ask much at once, and take nothing."""
    chance = random.Random(number)
    with contextlib.ExitStack() as stack:
        for _ in range(40):
            with contextlib.suppress(OSError):
                sock = stack.enter_context(socket.create_connection(SERVER, 2))
                sock.settimeout(0.2)
                wire = make_query(chance.choice(list(run.world.zones)), "A", do=True).to_wire()
                sock.sendall((len(wire).to_bytes(2, "big") + wire) * 20)
        time.sleep(chance.uniform(0.2, 2))


# kaname follow.


def follow_killed(run, seconds):
    run.world.follow.kill()
    time.sleep(seconds)
    run.world.start_follow()


HANDLERS = {
    "unbound-killed": unbound_killed, "unbound-stopped": unbound_stopped,
    "unbound-restarted": unbound_restarted,
    **{f"authority-{mode}": functools.partial(server_mode, "authority", ADDRESS, mode)
       for mode in ("slow", "silent", "servfail")},
    **{f"resolver-{mode}": functools.partial(server_mode, "liar", SCRIPTED, mode)
       for mode in ("slow", "silent", "garbage", "wrong-id", "wrong-question", "foreign", "empty",
                    "refused")},
    "target-moves": target_moves, "target-nxdomain": target_nxdomain,
    "target-nodata": target_nodata, "target-servfail": target_servfail,
    "target-returns": target_returns, "address-dies": address_dies,
    "status-garbage": status_garbage, "status-half": status_half, "status-flood": status_flood,
    "status-many": status_many, "follow-killed": follow_killed,
    "clients-garbage": clients_garbage, "clients-half": clients_half, "clients-many": clients_many,
}
