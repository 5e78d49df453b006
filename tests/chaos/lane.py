"""Runs the events of one lane."""

import threading
import time

import events_knotd
import events_servers

HANDLERS = {**events_servers.HANDLERS, **events_knotd.HANDLERS}


class Lane(threading.Thread):
    """Daemons end with the thread that has started them, so it stays until `closed` is set."""

    def __init__(self, name, events, run):
        super().__init__(name=name, daemon=True)
        self.events, self.chaos = events, run
        self.stop, self.finished, self.closed = (threading.Event() for _ in range(3))

    def run(self):
        journal = self.chaos.world.journal
        for event in self.events:
            if self.stop.wait(max(journal.start + event.at - time.monotonic(), 0)):
                break
            journal.note(f"{event.lane}: {event}")
            try:
                HANDLERS[event.kind](self.chaos, **event.params)
                journal.count(event.kind)
            except Exception as error:  # pylint: disable=broad-except
                self.chaos.report.broken(event, error)
            journal.note(f"{event.lane}: {event.kind} is over")
        self.finished.set()
        self.closed.wait()
