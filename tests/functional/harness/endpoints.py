"""What is probed: servers on addresses of loopback that live, die, and freeze."""

import contextlib
import socket
import threading


class Endpoint:
    """Accepts TCP connections on an address; counts them."""

    def __init__(self, address, port=8443):
        self.address = address
        self.port = port
        self.connections = 0
        self._listener = None
        self._thread = None

    def start(self):
        family = socket.AF_INET6 if ":" in self.address else socket.AF_INET
        self._listener = socket.create_server((self.address, self.port), family=family,
                                              backlog=128)
        self._thread = threading.Thread(target=self._serve, args=(self._listener,), daemon=True)
        self._thread.start()
        return self

    def _serve(self, listener):
        # Ends with the listener.
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                self.connections += 1
                connection.close()

    def kill(self):
        """Nobody listens there any more: connections are refused."""
        if self._listener is not None:
            # A thread in accept() keeps a closed listener open.
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
            self._thread.join()
            self._listener = None


class Endpoints:
    """Several of them, by address."""

    def __init__(self, addresses, port=8443):
        self.at = {address: Endpoint(address, port) for address in addresses}

    def start(self):
        for endpoint in self.at.values():
            endpoint.start()
        return self

    def kill(self, *addresses):
        for address in addresses or self.at:
            self.at[address].kill()

    def revive(self, *addresses):
        for address in addresses or self.at:
            self.at[address].start()

    def connections(self, *addresses):
        return sum(self.at[address].connections for address in addresses or self.at)
