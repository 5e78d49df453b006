"""What the C library makes of /etc/hosts and of odd replies, as doc/operation.md has it."""

import pytest
from harness import A1, AAAA1, TARGET, ZONE, aname, failed, known, namespace
from harness.authority import SCRIPTED

HOSTS = f"""\
192.0.2.99 {TARGET}
192.0.2.98 dotted.example.net.
192.0.2.97 only.example.net
192.0.2.96 only-dotted.example.net.
"""
# The target, and its A and AAAA by the system's resolver.
LINES = {
    "plain": (TARGET, {A1}, {AAAA1}),
    "dotted": ("dotted.example.net", {"192.0.2.98"}, {AAAA1}),
    "only": ("only.example.net", set(), set()),
    "only-dotted": ("only-dotted.example.net", {"192.0.2.96"}, set()),
}


@pytest.fixture
def replaced():
    """Put another text in the place of a file of /etc; it comes back after the test."""
    usual = {"/etc/hosts": namespace.HOSTS, "/etc/resolv.conf": namespace.RESOLV_CONF}
    changed = []

    def replace(path, text):
        namespace.put_back(path)
        namespace.replace(path, text)
        changed.append(path)

    yield replace
    for path in changed:
        namespace.put_back(path)
        namespace.replace(path, usual[path])


@pytest.mark.parametrize("asked", ["system", "dns"])
def test_lines_of_hosts_count_with_a_final_dot(knotd, unbound, authority, replaced, asked):
    for name in (TARGET, "dotted.example.net"):
        authority.set(name, a=[A1], aaaa=[AAAA1])
    replaced("/etc/hosts", namespace.HOSTS + HOSTS)
    if asked == "dns":
        knotd.options["resolver"] = unbound.address[0]
    for name, (target, *_) in LINES.items():
        knotd.add_zone(f"{name}.example", [aname(target)])
    knotd.start()
    for name, (target, v4, v6) in LINES.items():
        if asked == "dns":
            v4, v6 = ({A1}, {AAAA1}) if not name.startswith("only") else (set(), set())
        known(f"{name}.example", "A").expect(a=v4)
        known(f"{name}.example", "AAAA").expect(aaaa=v6)


@pytest.mark.parametrize("rcode", ["SERVFAIL", "REFUSED", "NOTIMP"])
def test_it_does_not_tell_failures_apart(knotd, recursor, replaced, rcode):
    replaced("/etc/resolv.conf", f"nameserver {SCRIPTED}\noptions timeout:1 attempts:1\n")
    recursor.fail(TARGET, rcode=rcode)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
    knotd.wait_log("mod-aname", r"target .* fails \(temporary failure\)", ask=ZONE)


@pytest.mark.parametrize("reply", ["FORMERR", "YXDOMAIN", "garbage"])
def test_replies_that_it_takes_for_no_such_name(knotd, recursor, replaced, reply):
    """Of this the module can see nothing."""
    replaced("/etc/resolv.conf", f"nameserver {SCRIPTED}\noptions timeout:1 attempts:1\n")
    if reply == "garbage":
        recursor.garbage(TARGET)
    else:
        recursor.fail(TARGET, rcode=reply)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    known(ZONE, "A").expect(a=set(), soa=True)


@pytest.mark.parametrize("reply", ["FORMERR", "YXDOMAIN", "garbage"])
def test_by_resolver_the_same_are_failures(knotd, recursor, reply):
    knotd.options.update({"resolver": SCRIPTED, "timeout": 500, "retries": 0})
    if reply == "garbage":
        recursor.garbage(TARGET)
    else:
        recursor.fail(TARGET, rcode=reply)
    knotd.add_zone(ZONE, [aname(TARGET)])
    knotd.start()
    failed()
