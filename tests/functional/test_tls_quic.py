"""C2 over TLS and QUIC, as doc/operation.md has it: asked by kdig, where knotd has both (3.4)."""

import re
import subprocess

import pytest
from harness import A1, AAAA1, TARGET, VERSION, ZONE, aname, scaled, simple

PORT = 8853

pytestmark = pytest.mark.skipif(VERSION < (3, 4), reason="Knot 3.4 is the first with both")


def ask(how, rdtype="A"):
    """(status, extended errors, addresses, milliseconds)"""
    done = subprocess.run(
        ["kdig", "@127.0.0.1", "-p", str(PORT), how, "+edns", "+retry=0", ZONE, rdtype],
        capture_output=True, text=True, check=True, timeout=scaled(20),
    )
    text = done.stdout
    status = re.search(r"status: (\w+);", text)
    assert status, f"expected a reply over {how}, got {text}{done.stderr}"
    return (
        status[1],
        re.findall(r"EDE: (\d+)", text),
        set(re.findall(rf"IN\s+{rdtype}\s+(\S+)$", text, re.MULTILINE)),
        float(re.search(r" in ([\d.]+) ms", text)[1]),
    )


@pytest.fixture
def cold(knotd, unbound, authority):
    """A zone whose name nobody asked for, and whose target takes a while."""
    knotd.server.update({"listen-tls": f"127.0.0.1@{PORT}", "listen-quic": f"127.0.0.1@{PORT}"})
    simple(knotd, authority)
    authority.set(TARGET, a=[A1], aaaa=[AAAA1], delay=0.2)
    return knotd


def test_C2_over_tls_a_cold_query_waits(cold):
    status, errors, addresses, took = ask("+tls")
    assert (status, errors, addresses) == ("NOERROR", [], {A1})
    assert took >= 200, f"expected it to wait for the lookup, got {took} ms"


def test_C2_over_tls_no_longer_than_wait(cold):
    cold.options["wait"] = 100
    cold.reload()
    status, errors, *_ = ask("+tls")
    assert (status, errors) == ("SERVFAIL", ["14"])


def test_C2_over_quic_it_does_not_wait(cold):
    status, errors, *_ = ask("+quic")
    assert (status, errors) == ("SERVFAIL", ["14"])
    assert ask("+tls")[2] == {A1}, "expected the lookup to have been started"
    # The same query a moment later.
    status, errors, addresses, _ = ask("+quic")
    assert (status, errors, addresses) == ("NOERROR", [], {A1})


def test_S4_after_warming_there_is_no_cold_query(cold, tool):
    tool("warm")
    for rdtype, address in (("A", A1), ("AAAA", AAAA1)):
        status, errors, addresses, _ = ask("+quic", rdtype)
        assert (status, errors, addresses) == ("NOERROR", [], {address})
