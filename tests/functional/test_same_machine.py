"""knotd and unbound on one machine, as doc/operation.md has it."""

import subprocess

import pytest
from harness import A1, TARGET, ZONE, Knotd, aname, answers, eventually, known, query, scaled
from harness.unbound import Unbound, ask

PUBLIC = "127.0.0.70"
PORT = 5335
TAKEN = "cannot bind address .*already in use"


def test_shared_out_by_address(knotd, unbound, authority):
    authority.set(TARGET, a=[A1])
    knotd.server["listen"] = ["127.0.0.1@5300", f"{PUBLIC}@53"]
    knotd.options["resolver"] = unbound.address[0]
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    eventually(lambda: query(ZONE, "A", server=(PUBLIC, 53)).expect(a={A1}))
    # At 127.0.0.1 it is unbound, which has recursion.
    reply = ask(TARGET)
    assert reply.addresses("A") == {A1} and not reply.aa


def test_shared_out_by_port(knotd, directory, authority, start_server):
    authority.set(TARGET, a=[A1])
    # As it is here for the tests, and at the guide's place; that of Debian has but one.
    interface = f"  interface: 127.0.0.1@{PORT}\n"
    start_server(Unbound(directory, address="127.0.0.62", server=interface))
    knotd.server["listen"] = ["127.0.0.1@5300", "127.0.0.1@53"]
    knotd.options["resolver"] = f"127.0.0.1@{PORT}"
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    answers({A1})
    known(ZONE, "A", server=("127.0.0.1", 53)).expect(a={A1})


@pytest.mark.parametrize("listen", ["127.0.0.1@53", "0.0.0.0@53"])
def test_knotd_second_ends(directory, unbound, listen):
    knotd = Knotd(directory)
    knotd.with_module = False
    knotd.server["listen"] = listen
    knotd.add_zone(ZONE)
    knotd.write_conf()
    done = subprocess.run(
        knotd.argv, capture_output=True, text=True, check=False, timeout=scaled(30)
    )
    assert done.returncode != 0
    assert knotd.log_lines(TAKEN), f"expected {TAKEN}, got {knotd.log_text()}{done.stderr}"


def test_unbound_second_ends(knotd, directory):
    knotd.server["listen"] = ["127.0.0.1@5300", "127.0.0.1@53"]
    knotd.add_zone(ZONE)
    knotd.start()
    unbound = Unbound(directory)
    unbound.begin()
    unbound.process.wait(scaled(20))
    assert "Address already in use" in unbound.text()
