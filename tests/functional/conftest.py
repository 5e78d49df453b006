"""Fixtures of the functional tests."""

import contextlib
import os
import shutil
import signal
import tempfile
import time

import pytest
from harness import namespace, subnets
from harness.authority import ADDRESS, SCRIPTED, Authority
from harness.follow import Fleet
from harness.kaname import kaname
from harness.knotd import Knotd, section
from harness.scenario import PRIMARY
from harness.signing import CHAINS
from harness.unbound import Unbound
from harness.wait import SLOW, crowded

LIMIT = 60.0
# Where what a failed test left is kept, if it is to be kept in a known place.
KEEP = os.environ.get("ANAME_KEEP")


def pytest_configure(config):
    config.addinivalue_line("markers", "limit(seconds): the test may take this long")
    config.addinivalue_line("markers", "slow: takes many seconds; left out by tests/run --quick")
    config.addinivalue_line("markers", "minutes: waits for minutes; run beside the others")
    if config.option.collectonly:
        return
    # The process that only distributes to xdist's workers runs no test.
    if hasattr(config, "workerinput") or config.getoption("dist", "no") == "no":
        namespace.isolate()


def _limit(item):
    marker = item.get_closest_marker("limit")
    return marker.args[0] if marker else LIMIT


def pytest_collection_modifyitems(items):
    """What takes long begins first, so that nobody waits for it at the end."""
    items.sort(key=lambda item: (item.get_closest_marker("slow") is None, -_limit(item)))


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """Tests are dealt one by one. By itself xdist sends each worker a long row of neighbours, and the
    first one gets all that take minutes."""
    from xdist.scheduler import LoadScheduling  # It need not be there.

    class OneByOne(LoadScheduling):
        def _send_tests(self, node, num):
            has = len(self.node2pending[node])
            # A worker begins with a test when it has the next one, too. The first one may be long: a
            # short one waits behind it.
            if has == 0 and len(self.pending) > 1:
                self.pending.insert(1, self.pending.pop())
            super()._send_tests(node, min(num, 2 - has))

    return OneByOne(config, log)


class OverLimit(Exception):
    """The test took longer than it may."""


def _limited(item, what):
    limit = _limit(item) * SLOW
    start = time.monotonic()

    def expired(_signal, _frame):
        passed = time.monotonic() - start
        left = limit * crowded() - passed
        if left <= 0:
            raise OverLimit(f"{what} of {item.name} took more than {passed:.0f} s")
        signal.setitimer(signal.ITIMER_REAL, max(left, 1))

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
            left_out = shutil.ignore_patterns("*.sock", "*.controlsocket", "*.mdb")
            shutil.copytree(path, place, ignore=left_out)
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
def start_scripted():
    """Start a resolver that answers what the test tells it to."""
    with contextlib.ExitStack() as stack:

        def start(address=SCRIPTED):
            return stack.enter_context(contextlib.closing(Authority(address)))

        yield start


@pytest.fixture
def recursor(start_scripted):
    """One of these."""
    return start_scripted()


@pytest.fixture
def start_server(directory):
    """Start a server; it is killed after the test."""
    with contextlib.ExitStack() as stack:

        def start(server):
            stack.callback(server.kill)
            server.start()
            return server

        yield start


@pytest.fixture
def start_unbound(directory, authority, start_server):
    """Start the system's recursor with other settings than the default."""
    return lambda **how: start_server(Unbound(directory, **how))


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
def make_knotd(directory):
    """Make one more knotd, beside that one and at another address; stopped after the test."""
    with contextlib.ExitStack() as stack:

        def make(name, address):
            below = os.path.join(directory, name)
            os.mkdir(below)
            server = Knotd(below)
            server.server["listen"] = f"{address[0]}@{address[1]}"
            stack.callback(server.kill)
            stack.callback(lambda: server.finish() if server.alive else None)
            return server

        yield make


@pytest.fixture
def other_knotd(make_knotd):
    """One of these, at port 5301."""
    return make_knotd("b", ("127.0.0.1", 5301))


@pytest.fixture
def primary(make_knotd):
    """A primary without the module, for knotd to take zones from."""
    server = make_knotd("primary", PRIMARY)
    server.with_module = False
    server.sections.append(section("acl", "all", address="127.0.0.0/8", action="transfer"))
    return server


@pytest.fixture
def tool(knotd):
    """kaname with this server's control socket."""

    def run(*arguments, code=0, **how):
        return kaname("-s", knotd.socket, *arguments, directory=knotd.directory, code=code, **how)

    return run


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


@pytest.fixture(params=list(CHAINS))
def chain(request):
    """How a signed zone proves that there is nothing."""
    return request.param


@pytest.fixture
def fleet(knotd, authority, start_server):
    """A primary with the module, whose secondaries know no ANAME."""
    return Fleet(knotd, authority, start_server)
