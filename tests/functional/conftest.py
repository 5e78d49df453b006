"""Fixtures of the functional tests."""

import os
import shutil
import signal
import tempfile

import pytest
from harness import namespace, subnets
from harness.authority import ADDRESS, Authority
from harness.knotd import Knotd
from harness.unbound import Unbound
from harness.wait import SLOW

LIMIT = 60.0
# Where what a failed test left is kept, if it is to be kept in a known place.
KEEP = os.environ.get("ANAME_KEEP")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the test may take this long")
    config.addinivalue_line("markers", "slow: takes many seconds; left out by tests/run --quick")
    if config.option.collectonly:
        return
    # The process that only distributes to xdist's workers runs no test.
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        namespace.isolate()


class OverLimit(Exception):
    """The test took longer than it may."""


def _limited(item, what):
    marker = item.get_closest_marker("limit")
    limit = (marker.args[0] if marker else LIMIT) * SLOW

    def expired(_signal, _frame):
        raise OverLimit(f"{what} of {item.name} took more than {limit:.0f} s")

    signal.signal(signal.SIGALRM, expired)
    signal.setitimer(signal.ITIMER_REAL, limit)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    yield from _limited(item, "setup")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    yield from _limited(item, "call")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    yield from _limited(item, "teardown")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Remember whether a test failed, for the fixtures that clean up after it."""
    outcome = yield
    report = outcome.get_result()
    item.failed = getattr(item, "failed", False) or report.failed
    if report.when == "call" and report.failed and "knotd" in item.funcargs:
        knotd = item.funcargs["knotd"]
        report.sections.append(("knotd log", knotd.text() + knotd.log_text()[-8000:]))


@pytest.fixture
def directory(request):
    """A directory of the test's own; short, since Unix sockets live in it."""
    path = tempfile.mkdtemp(prefix="aname-")
    yield path
    if getattr(request.node, "failed", False):
        if KEEP:
            os.makedirs(KEEP, exist_ok=True)
            place = os.path.join(KEEP, request.node.name.replace("/", "_"))
            shutil.rmtree(place, ignore_errors=True)
            shutil.copytree(path, place, ignore=shutil.ignore_patterns("*.sock", "*.mdb"))
        else:
            print(f"the failed test's files are in {path}")
            return
    shutil.rmtree(path)


@pytest.fixture(scope="session")
def authority_server():
    server = Authority()
    yield server
    server.close()


@pytest.fixture
def authority(authority_server):
    """The target authority, where no name exists yet."""
    authority_server.clear()
    yield authority_server
    authority_server.clear()


@pytest.fixture
def start_unbound(directory, authority):
    """Start the system's recursor with other settings than the default."""
    started = []

    def start(**how):
        unbound = Unbound(directory, **how)
        started.append(unbound)
        unbound.start()
        return unbound

    yield start
    for unbound in started:
        unbound.kill()


@pytest.fixture
def unbound(start_unbound):
    """The system's recursor."""
    return start_unbound()


@pytest.fixture
def knotd(directory):
    """A knotd to be configured and started by the test; stopped and checked after it."""
    server = Knotd(directory)
    yield server
    try:
        if server.alive:
            server.finish()
        server.check_reports()
        if server.process is not None:
            code = server.process.returncode
            assert code == 0, f"knotd ended with {code}: {server.text()}{server.log_text()[-2000:]}"
    finally:
        server.kill()


@pytest.fixture
def ecs(knotd, authority):
    """A knotd whose module passes clients' subnets on, right to the targets' server."""
    knotd.server["edns-client-subnet"] = True
    knotd.options.update({"resolver": ADDRESS, "ecs": True})
    return knotd


@pytest.fixture(params=["direct", "unbound"])
def through(request, ecs, start_unbound):
    """The same, and once more through a recursor that keeps answers for each subnet."""
    if request.param == "unbound":
        subnets.recursor(ecs, start_unbound)
    return ecs


@pytest.fixture(params=["udp", "tcp"])
def proto(request):
    return request.param
