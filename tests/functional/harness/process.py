"""One daemon process: started, signalled, and never left behind."""

import os
import signal
import subprocess
import time

from .wait import eventually, scaled


class Ended(Exception):
    """A daemon is not there any more; waiting for it is no use."""


class Daemon:
    """A child process that dies with the test and is only ever killed by its own id."""

    def __init__(self, name, argv, directory, env=None):
        self.name = name
        self.argv = argv
        self.output = os.path.join(directory, f"{name}.out")
        self.env = dict(os.environ, **(env or {}))
        self.process = None

    def start(self):
        assert not self.alive, f"{self.name} runs already"
        # setpriv, because it execs: the process id stays the daemon's.
        # env comes after it so that a preloaded sanitizer does not look at setpriv.
        preload = self.env.get("LD_PRELOAD")
        env = {key: value for key, value in self.env.items() if key != "LD_PRELOAD"}
        wrapper = ["setpriv", "--pdeathsig", "KILL", "--"]
        if preload:
            wrapper += ["env", f"LD_PRELOAD={preload}"]
        with open(self.output, "ab") as output:
            self.process = subprocess.Popen(
                wrapper + self.argv,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def alive(self):
        return self.process is not None and self.process.poll() is None

    @property
    def pid(self):
        return self.process.pid

    def require(self):
        """Raise Ended unless it runs."""
        if not self.alive:
            raise Ended(f"{self.name} ended with {self.process.returncode}: {self.text()}")

    def text(self):
        """What the daemon wrote on its standard output and error."""
        try:
            with open(self.output, encoding="utf-8", errors="replace") as output:
                return output.read()
        except FileNotFoundError:
            return ""

    def signal(self, number):
        assert self.alive, f"{self.name} is not running: {self.text()}"
        self.process.send_signal(number)

    def freeze(self):
        """Stop it without ending it, and wait until the kernel says it is stopped."""
        self.signal(signal.SIGSTOP)
        eventually(lambda: self.state() == "T", what=f"{self.name} is stopped")

    def thaw(self):
        self.signal(signal.SIGCONT)

    def state(self):
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    def rss(self):
        """Resident set size in octets."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as statm:
            return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def threads(self):
        """Names of its threads, by thread id."""
        names = {}
        for thread in os.listdir(f"/proc/{self.pid}/task"):
            try:
                with open(f"/proc/{self.pid}/task/{thread}/comm", encoding="utf-8") as comm:
                    names[int(thread)] = comm.read().strip()
            except FileNotFoundError:
                pass
        return names

    def stop(self, timeout=10.0):
        """SIGTERM, wait, and return (exit code, seconds it took)."""
        self.signal(signal.SIGCONT)
        start = time.monotonic()
        self.signal(signal.SIGTERM)
        try:
            code = self.process.wait(scaled(timeout))
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(
                f"{self.name} did not end within {scaled(timeout):.1f} s of SIGTERM"
            ) from None
        return code, time.monotonic() - start

    def kill(self):
        if self.alive:
            self.process.kill()
            self.process.wait()
