"""A steady query load from threads, every reply checked, none allowed to get lost."""

import socket
import threading
import time

from .ask import SERVER, Malformed, make_query, parse
from .wait import crowded, eventually, scaled


class Load:
    """Ask the questions [(name, type)] round and round over UDP until stopped.

    check(reply) raises AssertionError for a wrong reply. One query is under way
    per thread, so that nothing is lost for want of buffers.
    """

    def __init__(self, questions, check, threads=2, pause=0.0):
        self.questions = questions
        self.check = check
        self.pause = pause
        self.lost = []
        self.wrong = []
        self.latencies = []
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._run, args=(number,), daemon=True)
            for number in range(threads)
        ]

    def __enter__(self):
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        for thread in self._threads:
            thread.join()

    @property
    def count(self):
        return len(self.latencies)

    def reach(self, count):
        """Go on until there were so many replies, on however slow a machine."""
        eventually(lambda: self.count >= count, timeout=20, what=f"{count} replies to the load")

    def _run(self, number):
        queries = [make_query(*question) for question in self.questions]
        turn = number
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
            sock.settimeout(scaled(5))
            sock.connect(SERVER)
            while not self._stop.is_set():
                message = queries[turn % len(queries)]
                turn += 1
                message.id = turn & 0xFFFF
                self._one(sock, message)
                if self.pause:
                    time.sleep(self.pause)

    def _one(self, sock, message):
        start = time.monotonic()
        sock.send(message.to_wire())
        try:
            wire = sock.recv(65535)
        except (TimeoutError, ConnectionError) as error:
            with self._lock:
                self.lost.append(f"{message.question[0]} at {start:.3f}: {error}")
            return
        took = time.monotonic() - start
        with self._lock:
            self.latencies.append(took)
        try:
            self.check(parse(wire, message, "udp", took))
        except (AssertionError, Malformed) as error:
            with self._lock:
                self.wrong.append(str(error))

    def verify(self, least=1):
        """Every query was answered, rightly, and there were enough of them, if there was time for it."""
        least /= crowded()
        assert not self.lost, (
            f"expected every query answered, lost {len(self.lost)}: {self.lost[:3]}"
        )
        assert not self.wrong, (
            f"expected right replies only, {len(self.wrong)} of {self.count} were wrong,"
            f" the first: {self.wrong[0]}"
        )
        assert self.count >= least, f"expected at least {least:.0f} replies, got {self.count}"
