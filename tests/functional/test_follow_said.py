"""What kaname follow says: each once, and again when it has changed or is over; and nothing that makes
an exit status without a word."""

import contextlib
import signal
import subprocess
import threading

import pytest
from harness import TARGET, ZONE, aname, let_pass
from harness.follow import KEY, Follow, written
from harness.kaname import KANAME, environment
from harness.told_client import module  # noqa: F401
from harness.wait import eventually

pytestmark = pytest.mark.limit(120)
A1, A2, A3 = "198.51.100.1", "198.51.100.2", "198.51.100.3"


class Told:
    """Plays the module for whoever connects: all owners have the same addresses."""

    def __init__(self, module, *addresses):
        self.module, self.addresses, self.stands = module, addresses, True
        self.peers, self.accepted = [], 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                peer = self.module.accept(greet=False)
            except TimeoutError:
                continue
            except OSError:
                return
            threading.Thread(target=self._serve, args=[peer], daemon=True).start()

    def _serve(self, peer):
        with contextlib.suppress(OSError, AssertionError):
            peer.greet()
            self.accepted += 1
            if not self.stands:
                peer.close()
                return
            self.peers.append(peer)
            while (line := peer.line()) is not None:
                peer.send(f"set\ttoken={line.split()[1]}\tnext=1\tttl=60\ta-state=addresses"
                          f"\ta={','.join(self.addresses)}\taaaa-state=nodata\n")

    def tell(self, *addresses):
        self.addresses = addresses
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.send(f"changed\tname={TARGET}.\n")

    def fail(self):
        """It ends each connection as soon as it has greeted."""
        self.stands = False
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.close()


@pytest.fixture
def told(fleet, module):  # noqa: F811
    fleet.serve([aname(TARGET)], kinds=())
    return Told(module, A1)


def limited(follow, files):
    """It may open so many files."""
    follow.argv = ["prlimit", f"--nofile={files}", *follow.argv]
    return follow


def test_M1_few_files_may_be_open(fleet, module):  # noqa: F811
    """Then few updates are on their way at once, and all is written."""
    names = [f"z{number}.example" for number in range(200)]
    for name in names:
        fleet.knotd.add_zone(name, [aname(TARGET)], zone_options={"acl": [KEY]})
    fleet.serve([aname(TARGET)], kinds=())
    told = Told(module, A1)
    follow = fleet.start_server(limited(Follow(fleet.knotd, "-S", module.path), 20))
    for address in (A1, A2):
        told.tell(address)
        for name in names[::10]:
            written(fleet.knotd, {address}, zone=name, timeout=60)
    bad = follow.lines("too many open files") + follow.lines("cannot be read")
    assert not bad, f"expected it to do with what there is, got {bad}"
    follow.finish()


def test_M1_too_few_files_may_be_open(fleet, module, told):  # noqa: F811
    """It says so and what to do, or does with what there is."""
    follow = Follow(fleet.knotd, "-S", module.path, "--once")
    codes = []
    for files in range(5, 21):
        done = subprocess.run(["prlimit", f"--nofile={files}", KANAME, *follow.arguments],
                              env=environment(fleet.knotd.directory), capture_output=True,
                              text=True, timeout=60, check=False)
        codes.append(done.returncode)
        assert done.returncode == 0 or "LimitNOFILE" in done.stderr, (files, done)
    assert codes[0] == 3 and codes[-1] == 0, codes


@pytest.mark.parametrize("begin, end, word", [
    (["zone-freeze"], "zone-thaw", "frozen"), (["zone-begin"], "zone-abort", "transaction")])
def test_M1_that_a_zone_is_occupied_is_said_once(fleet, module, told, begin, end, word):  # noqa: F811
    knotd = fleet.knotd
    follow = fleet.follow("-S", module.path)
    written(knotd, {A1})
    for address in (A2, A3):
        mark = follow.at()
        knotd.knotc("-b", *begin, ZONE)
        told.tell(address)
        follow.says(ZONE, word, since=mark)
        let_pass(6)
        found = follow.lines(word, since=mark)
        assert len(found) == 1, f"expected one line, got {found}"
        mark = follow.at()
        follow.signal(signal.SIGHUP)
        follow.says(ZONE, word, since=mark)
        knotd.knotc("-b", end, ZONE)
        written(knotd, {address}, timeout=20)
    follow.finish()


def test_M3_a_module_that_greets_and_hangs_up_is_said_once(fleet, module, told):  # noqa: F811
    follow = fleet.follow("-S", module.path)
    written(fleet.knotd, {A1})
    mark, before = follow.at(), told.accepted
    told.fail()
    eventually(lambda: told.accepted >= before + 5, timeout=20, what="five connections")
    found = follow.lines("module", since=mark)
    assert len(found) == 1 and "does not answer" in found[0], f"expected one line, got {found}"
    told.stands = True
    follow.says("module answers again", since=mark, timeout=20)
    follow.finish()


def test_M2_with_quiet_the_reason_of_the_exit_status_is_said(fleet, module, told):  # noqa: F811
    follow = Follow(fleet.knotd, "-S", module.path, "--once", "--quiet")
    for addresses in ([A1], [A1, A2], [A1], [A1, A2]):
        told.addresses = addresses
        done = follow.run()
        assert not done.stdout, done.stdout
    told.addresses = [A1]
    done = follow.run(code=1)
    assert "changed often" in done.stderr and ZONE in done.stderr, done.stderr
    assert "not in step" not in done.stderr, done.stderr
    told.fail()
    done = follow.run("-t", "2", code=3)
    assert "module" in done.stderr, done.stderr
