"""dnsdist in front of knotd: a load balancer with a cache of its own."""

import os

from .ask import NoReply, query
from .process import Daemon
from .wait import eventually

ADDRESS = ("127.0.0.1", 5353)
CONF = f"""\
setLocal("{ADDRESS[0]}:{ADDRESS[1]}")
setACL({{"127.0.0.0/8"}})
setSecurityPollSuffix("")
"""


class Dnsdist(Daemon):
    """lines: of its configuration, the server that it asks among them; zone: one of its zones."""

    def __init__(self, directory, zone, lines):
        self.zone = zone
        conf = os.path.join(directory, "dnsdist.conf")
        with open(conf, "w", encoding="ascii") as file:
            file.write(CONF + lines)
        super().__init__("dnsdist", ["dnsdist", "--supervised", "-C", conf], directory)

    def start(self):
        super().start()
        eventually(self._ready, timeout=20, what="dnsdist answers")

    def _ready(self):
        self.require()
        try:
            return query(self.zone, "SOA", server=ADDRESS, timeout=1).addresses("SOA")
        except NoReply:
            return False
