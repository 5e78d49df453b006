"""A reboot of the machine as a server sees it: another boot, and clocks that are elsewhere."""

import os
import struct
import subprocess
import time
import uuid

from . import namespace
from .wait import scaled

SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "clock.c")
BOOT_ID = "/proc/sys/kernel/random/boot_id"
# How long a machine takes until its servers start.
BOOT_S = 30


class Clock:
    """The clocks of a server that is not running, from its next start on.

    The boot's identity is that of every process in this namespace.
    """

    def __init__(self, daemon, directory):
        self.env = daemon.env
        self.wall_ms = self.boot_ms = self.slept_ms = 0
        self.slept = os.path.join(directory, "slept")
        with open(self.slept, "wb") as file:
            file.write(struct.pack("=q", 0))
        self.env["ANAME_CLOCK_SLEPT"] = self.slept
        library = os.path.join(directory, "clock.so")
        subprocess.run(
            ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-fPIC", "-shared",
             "-o", library, SOURCE, "-ldl"],
            check=True, timeout=scaled(30),
        )
        preload = [self.env.get("LD_PRELOAD"), library]
        self.env["LD_PRELOAD"] = ":".join(filter(None, preload))

    def reboot(self, wall_s=0.0):
        """Another boot, and the wall clock so many seconds further than it would be; or back."""
        self.boot_ms = int((BOOT_S - time.clock_gettime(time.CLOCK_BOOTTIME)) * 1000)
        self.set_wall(wall_s)
        namespace.put_back(BOOT_ID)
        namespace.replace(BOOT_ID, f"{uuid.uuid4()}\n")

    def set_wall(self, wall_s):
        """The wall clock so many seconds further than it would be, within the same boot."""
        self.wall_ms += int(wall_s * 1000)
        self.env |= {"ANAME_CLOCK_WALL": str(self.wall_ms), "ANAME_CLOCK_BOOT": str(self.boot_ms)}

    def later(self, seconds):
        """So many seconds later by the clock since boot, within the same boot."""
        self.boot_ms += int(seconds * 1000)
        self.set_wall(0)

    def suspend(self, seconds):
        """The machine sleeps for so long, now: the server that runs, or is started after this."""
        self.slept_ms += int(seconds * 1000)
        with open(self.slept, "r+b") as file:
            file.write(struct.pack("=q", self.slept_ms))

    def restore(self):
        """The kernel's own boot and clocks again."""
        namespace.put_back(BOOT_ID)
        self.wall_ms = self.boot_ms = 0
        self.set_wall(0)


def boot_id():
    with open(BOOT_ID, encoding="ascii") as file:
        return uuid.UUID(file.read().strip()).bytes
