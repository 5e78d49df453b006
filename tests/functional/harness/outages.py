"""Outages of a recursor as they happen: each is begun, and ended."""

import select
import socket
import struct
import subprocess
import threading

ICMP_UNREACHABLE, PROHIBITED = 3, 13
# What all targets are under.
EVERYTHING = "*.outage.example"


class Outage:
    """Of one recursor; what is common to all."""

    def __init__(self, recursor, authority):
        self.recursor = recursor
        self.authority = authority

    def begin(self):
        raise NotImplementedError

    def end(self):
        raise NotImplementedError


class Closed(Outage):
    """The recursor has ended: ICMP says that nobody listens at its port."""

    def begin(self):
        self.recursor.kill()

    def end(self):
        self.recursor.start()


class Stopped(Outage):
    """It hangs, and answers late what it was asked meanwhile."""

    def begin(self):
        self.recursor.freeze()

    def end(self):
        self.recursor.thaw()


class Dropped(Outage):
    """Everything on the way to it is lost: here is somebody who takes it and says nothing."""

    def __init__(self, recursor, authority):
        super().__init__(recursor, authority)
        self.sockets = []

    def begin(self):
        self.recursor.kill()
        for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
            sock = socket.socket(socket.AF_INET, kind)
            self.sockets.append(sock)
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self.recursor.address)
        self.sockets[-1].listen()

    def end(self):
        while self.sockets:
            self.sockets.pop().close()
        self.recursor.start()


class Prohibited(Outage):
    """A firewall refuses every packet to it (ICMP: administratively prohibited)."""

    def begin(self):
        self.recursor.freeze()
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self._refuse, daemon=True)
        self.thread.start()

    def end(self):
        self.stopped.set()
        self.thread.join()
        self.recursor.thaw()

    def _refuse(self):
        address, port = self.recursor.address
        with socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP) as packets, \
                socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as icmp:
            packets.bind((address, 0))
            while not self.stopped.is_set():
                if not select.select([packets], [], [], 0.05)[0]:
                    continue
                packet, (source, _) = packets.recvfrom(65535)
                header = (packet[0] & 15) * 4
                if struct.unpack_from("!H", packet, header + 2) == (port,):
                    icmp.sendto(self._unreachable(packet[:header + 8]), (source, 0))

    @staticmethod
    def _unreachable(start):
        """The ICMP message about the packet that starts so."""
        message = struct.pack("!BBHI", ICMP_UNREACHABLE, PROHIBITED, 0, 0) + start
        total = sum(struct.unpack(f"!{len(message) // 2}H", message))
        total = (total & 0xFFFF) + (total >> 16)
        total += total >> 16
        return message[:2] + struct.pack("!H", ~total & 0xFFFF) + message[4:]


class Unreachable(Outage):
    """There is no way to it, as without a link: sending fails. For addresses not on 127/8."""

    def begin(self):
        address(self.recursor.address[0], "del")

    def end(self):
        address(self.recursor.address[0], "add")


class Servfail(Outage):
    """It answers, but can resolve nothing."""

    def begin(self):
        self.authority.fail(EVERYTHING)

    def end(self):
        # Whoever gives the authority its names again has ended it.
        pass


def address(text, what):
    """Add this address to the loopback interface, or take it away ("add", "del")."""
    subprocess.run(["ip", "address", what, f"{text}/32", "dev", "lo"], check=True, timeout=10)
